/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading deterministic CBOR (RFC 8949 4.2.1): heads by libcbor's streaming
 * decoder, and the rules it does not check: shortest heads, definite lengths,
 * no floats, UTF-8, key order. Reads foreign octets: never allocates, never
 * recurses, never looks past the input.
 */
#include "dca/cbor.h"

#include <stdlib.h>
#include <string.h>

#include <cbor.h>

/* libcbor 0.8 passes lengths as size_t, 0.10 as uint64_t: the same type on
 * every machine we build for. */
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "64-bit machines only");

enum { DEPTH_MAX = 8 };

/* --- reading one head --- */

struct item {
	enum dca_cbor_type type;
	uint64_t v;		/* value, length, count or tag */
	const uint8_t *data;	/* contents of a string */
	size_t n;		/* octets taken, contents of strings included */
};

static void
set(struct item *it, enum dca_cbor_type type, uint64_t v)
{
	it->type = type;
	it->v = v;
}

#define NUMBER(name, ctype, t)                                                 \
	static void name(void *it, ctype v)                                    \
	{                                                                      \
		set(it, t, v);                                                 \
	}
NUMBER(on_uint8, uint8_t, DCA_CBOR_UINT)
NUMBER(on_uint16, uint16_t, DCA_CBOR_UINT)
NUMBER(on_uint32, uint32_t, DCA_CBOR_UINT)
NUMBER(on_uint64, uint64_t, DCA_CBOR_UINT)
NUMBER(on_negint8, uint8_t, DCA_CBOR_NEGINT)
NUMBER(on_negint16, uint16_t, DCA_CBOR_NEGINT)
NUMBER(on_negint32, uint32_t, DCA_CBOR_NEGINT)
NUMBER(on_negint64, uint64_t, DCA_CBOR_NEGINT)
NUMBER(on_array, size_t, DCA_CBOR_ARRAY)
NUMBER(on_map, size_t, DCA_CBOR_MAP)
NUMBER(on_tag, uint64_t, DCA_CBOR_TAG)
NUMBER(on_bool, bool, DCA_CBOR_BOOL)
#undef NUMBER

static void
on_bytes(void *it, cbor_data p, size_t n)
{
	set(it, DCA_CBOR_BYTES, n);
	((struct item *)it)->data = p;
}

static void
on_text(void *it, cbor_data p, size_t n)
{
	set(it, DCA_CBOR_TEXT, n);
	((struct item *)it)->data = p;
}

static void
on_null(void *it)
{
	set(it, DCA_CBOR_NULL, 0);
}

static void
on_refused(void *it)
{
	set(it, DCA_CBOR_BAD, 0);
}

static void
on_float(void *it, float v)
{
	(void)v;
	set(it, DCA_CBOR_BAD, 0);
}

static void
on_double(void *it, double v)
{
	(void)v;
	set(it, DCA_CBOR_BAD, 0);
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string_start = on_refused,
	.byte_string = on_bytes,
	.string = on_text,
	.string_start = on_refused,
	.indef_array_start = on_refused,
	.array_start = on_array,
	.indef_map_start = on_refused,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_refused,
	.null = on_null,
	.boolean = on_bool,
	.indef_break = on_refused,
};

/* RFC 8949 4.2.1: the argument in the shortest form that holds it. */
static bool
shortest(uint8_t first, uint64_t v)
{
	switch (first & 0x1f) {
	case 24:
		return v >= 24;
	case 25:
		return v > UINT8_MAX;
	case 26:
		return v > UINT16_MAX;
	case 27:
		return v > UINT32_MAX;
	default:
		return true;
	}
}

bool
dca_text_ok(struct dca_buf b)
{
	size_t i = 0;

	while (i < b.n) {
		uint8_t c = b.p[i];
		size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		uint32_t v = more == 0 ? c : c & (0x3fU >> more);
		static const uint32_t least[] = { 1, 0x80, 0x800, 0x10000 };

		if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || b.n - i <= more)
			return false;
		for (size_t k = 1; k <= more; k++) {
			if ((b.p[i + k] & 0xc0) != 0x80)
				return false;
			v = v << 6 | (b.p[i + k] & 0x3f);
		}
		if (v < least[more] || v > 0x10ffff ||
		    (v >= 0xd800 && v <= 0xdfff))
			return false;
		i += more + 1;
	}
	return true;
}

static struct item
decode(struct dca_buf in)
{
	struct item it = { .type = DCA_CBOR_BAD };
	struct cbor_decoder_result r;

	if (in.n == 0) {
		it.type = DCA_CBOR_END;
		return it;
	}
	/* libcbor 0.8 refuses the tags 6 to 20 as unassigned; COSE_Sign1 is 18 */
	if (in.p[0] >= 0xc0 && in.p[0] < 0xc0 + 24) {
		it.type = DCA_CBOR_TAG;
		it.v = in.p[0] & 0x1f;
		it.n = 1;
		return it;
	}
	r = cbor_stream_decode(in.p, in.n, &callbacks, &it);
	if (r.status != CBOR_DECODER_FINISHED || it.type == DCA_CBOR_BAD ||
	    r.read == 0 || r.read > in.n) {
		it.type = DCA_CBOR_BAD;
		return it;
	}
	it.n = r.read;
	if (it.type != DCA_CBOR_BOOL && it.type != DCA_CBOR_NULL &&
	    !shortest(in.p[0], it.v))
		it.type = DCA_CBOR_BAD;
	if (it.type == DCA_CBOR_TEXT && !dca_text_ok(DCA_BUF(it.data, it.v)))
		it.type = DCA_CBOR_BAD;
	return it;
}

/* The next item if it has this type; the cursor moves behind it. */
static bool
take(struct dca_cbor *c, enum dca_cbor_type type, struct item *it)
{
	if (c->bad)
		return false;
	*it = decode(c->in);
	if (it->type != type) {
		c->bad = true;
		return false;
	}
	c->in.p += it->n;
	c->in.n -= it->n;
	return true;
}

static bool
refuse(struct dca_cbor *c)
{
	c->bad = true;
	return false;
}

enum dca_cbor_type
dca_cbor_peek(const struct dca_cbor *c)
{
	return c->bad ? DCA_CBOR_BAD : decode(c->in).type;
}

bool
dca_cbor_take_uint(struct dca_cbor *c, uint64_t *v)
{
	struct item it;

	if (!take(c, DCA_CBOR_UINT, &it))
		return false;
	*v = it.v;
	return true;
}

bool
dca_cbor_take_int(struct dca_cbor *c, int64_t *v)
{
	bool neg = dca_cbor_peek(c) == DCA_CBOR_NEGINT;
	struct item it;

	if (!take(c, neg ? DCA_CBOR_NEGINT : DCA_CBOR_UINT, &it))
		return false;
	if (it.v > INT64_MAX)
		return refuse(c);
	*v = neg ? -1 - (int64_t)it.v : (int64_t)it.v;
	return true;
}

bool
dca_cbor_take_bytes(struct dca_cbor *c, struct dca_buf *b, size_t max)
{
	struct item it;

	if (!take(c, DCA_CBOR_BYTES, &it))
		return false;
	if (it.v > max)
		return refuse(c);
	*b = DCA_BUF(it.data, it.v);
	return true;
}

bool
dca_cbor_take_text_view(struct dca_cbor *c, struct dca_buf *b, size_t max)
{
	struct item it;

	if (!take(c, DCA_CBOR_TEXT, &it))
		return false;
	if (it.v > max)
		return refuse(c);
	*b = DCA_BUF(it.data, it.v);
	return true;
}

bool
dca_cbor_take_text(struct dca_cbor *c, char *s, size_t cap)
{
	struct dca_buf b = { NULL, 0 };

	s[0] = '\0';
	if (!dca_cbor_take_text_view(c, &b, cap - 1))
		return false;
	if (b.n > 0)
		memcpy(s, b.p, b.n);
	s[b.n] = '\0';
	return true;
}

bool
dca_cbor_take_bool(struct dca_cbor *c, bool *v)
{
	struct item it;

	if (!take(c, DCA_CBOR_BOOL, &it))
		return false;
	*v = it.v != 0;
	return true;
}

bool
dca_cbor_take_null(struct dca_cbor *c)
{
	struct item it;

	return take(c, DCA_CBOR_NULL, &it);
}

bool
dca_cbor_take_array(struct dca_cbor *c, size_t *n, size_t max)
{
	struct item it;

	if (!take(c, DCA_CBOR_ARRAY, &it))
		return false;
	/* each element takes an octet: a count beyond the input is a lie */
	if (it.v > max || it.v > c->in.n)
		return refuse(c);
	*n = it.v;
	return true;
}

bool
dca_cbor_take_map(struct dca_cbor *c, size_t *n, size_t max)
{
	struct item it;

	if (!take(c, DCA_CBOR_MAP, &it))
		return false;
	if (it.v > max || it.v > c->in.n / 2)
		return refuse(c);
	*n = it.v;
	return true;
}

bool
dca_cbor_take_tag(struct dca_cbor *c, uint64_t tag)
{
	struct item it;

	if (!take(c, DCA_CBOR_TAG, &it))
		return false;
	return it.v == tag || refuse(c);
}

/* --- whole items --- */

/* An open container: how many items are to come, and where we are in it. */
struct level {
	uint64_t left;
	bool map;
	const uint8_t *start;	/* of the item being read */
	struct dca_buf key;	/* the last one, encoded */
};

/* RFC 8949 4.2.1: bytewise lexicographic order; equal is a duplicate. */
static bool
after_last(const struct level *f, struct dca_buf key)
{
	size_t n = f->key.n < key.n ? f->key.n : key.n;
	int d = n == 0 ? 0 : memcmp(f->key.p, key.p, n);

	return f->key.n == 0 || d < 0 || (d == 0 && f->key.n < key.n);
}

/* An item ended at end: close every container that it fills. */
static bool
ended(struct level *stack, size_t *depth, const uint8_t *end, bool order)
{
	while (*depth > 0) {
		struct level *f = &stack[*depth - 1];

		if (order && f->map && f->left % 2 == 0) {
			struct dca_buf key = DCA_BUF(f->start, end - f->start);

			if (!after_last(f, key))
				return false;
			f->key = key;
		}
		if (--f->left > 0)
			return true;
		(*depth)--;
	}
	return true;
}

static bool
walk(struct dca_cbor *c, bool order)
{
	struct level stack[DEPTH_MAX];
	size_t depth = 0;

	do {
		struct item it = decode(c->in);
		bool many = it.type == DCA_CBOR_ARRAY ||
		    it.type == DCA_CBOR_MAP;
		uint64_t inside;

		if (it.type == DCA_CBOR_BAD || it.type == DCA_CBOR_END)
			return false;
		if (depth > 0)
			stack[depth - 1].start = c->in.p;
		c->in.p += it.n;
		c->in.n -= it.n;
		/* a count beyond the input is a lie, and 2 * count must fit */
		if (many && it.v > c->in.n)
			return false;
		inside = it.type == DCA_CBOR_MAP ? 2 * it.v : many ? it.v : 0;
		if (it.type == DCA_CBOR_TAG)
			inside = 1;
		if ((many || inside > 0) && depth == DEPTH_MAX)
			return false;
		if (inside > 0)
			stack[depth++] = (struct level){ .left = inside,
				.map = it.type == DCA_CBOR_MAP };
		else if (!ended(stack, &depth, c->in.p, order))
			return false;
	} while (depth > 0);
	return true;
}

bool
dca_cbor_skip(struct dca_cbor *c, struct dca_buf *b)
{
	const uint8_t *start = c->in.p;

	if (c->bad || !walk(c, false))
		return refuse(c);
	*b = DCA_BUF(start, c->in.p - start);
	return true;
}

bool
dca_cbor_done(const struct dca_cbor *c)
{
	return !c->bad && c->in.n == 0;
}

bool
dca_cbor_check(struct dca_buf in)
{
	struct dca_cbor c = { .in = in };

	return walk(&c, true) && c.in.n == 0;
}

bool
dca_cbor_find(struct dca_buf map, const char *key, struct dca_cbor *value)
{
	struct dca_cbor c = { .in = map };
	struct dca_buf want = DCA_BUF(key, strlen(key));
	size_t n;

	if (!dca_cbor_take_map(&c, &n, SIZE_MAX))
		return false;
	while (n-- > 0) {
		struct dca_buf k = { NULL, 0 }, v;
		bool text = dca_cbor_peek(&c) == DCA_CBOR_TEXT;

		if (text ? !dca_cbor_take_text_view(&c, &k, SIZE_MAX)
			 : !dca_cbor_skip(&c, &k))
			return false;
		if (!dca_cbor_skip(&c, &v))
			return false;
		if (text && dca_buf_eq(k, want)) {
			*value = (struct dca_cbor){ .in = v };
			return true;
		}
	}
	return false;
}
