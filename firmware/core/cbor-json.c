/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One CBOR item as JSON (RFC 8259) for people and their programs: octets as
 * lower-case hex, integer keys as texts, tags refused. Output only: nothing
 * is ever read back from this form.
 */
#include <string.h>

#include "dca/cbor.h"

enum { DEPTH_MAX = 8 };

struct level {
	size_t left;	/* items to come */
	bool map, first;
};

static void
put_text(struct dca_out *o, struct dca_buf b)
{
	dca_out_add(o, "\"", 1);
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = b.p[i];

		if (c == '"' || c == '\\')
			dca_out_add(o, "\\", 1);
		if (c < 0x20 || c == 0x7f)
			dca_out_printf(o, "\\u%04x", c);
		else
			dca_out_add(o, &b.p[i], 1);
	}
	dca_out_add(o, "\"", 1);
}

static void
put_hex(struct dca_out *o, struct dca_buf b)
{
	dca_out_add(o, "\"", 1);
	for (size_t i = 0; i < b.n; i++) {
		char hex[3];

		dca_hex(hex, &b.p[i], 1);
		dca_out_add(o, hex, 2);
	}
	dca_out_add(o, "\"", 1);
}

static void
new_line(struct dca_out *o, bool pretty, size_t depth)
{
	if (!pretty)
		return;
	dca_out_add(o, "\n", 1);
	for (size_t i = 0; i < depth; i++)
		dca_out_add(o, "  ", 2);
}

/* A number as 1, or as "1" where JSON wants a text. */
static bool
put_number(struct dca_out *o, struct dca_cbor *c, bool is_key)
{
	const char *q = is_key ? "\"" : "";
	uint64_t u;
	int64_t i;

	if (dca_cbor_peek(c) == DCA_CBOR_UINT) {
		if (!dca_cbor_take_uint(c, &u))
			return false;
		dca_out_printf(o, "%s%llu%s", q, (unsigned long long)u, q);
		return true;
	}
	if (!dca_cbor_take_int(c, &i))
		return false;
	dca_out_printf(o, "%s%lld%s", q, (long long)i, q);
	return true;
}

/* Anything that holds no other item. */
static bool
put_scalar(struct dca_out *o, struct dca_cbor *c, bool is_key)
{
	struct dca_buf b;
	bool v;

	switch (dca_cbor_peek(c)) {
	case DCA_CBOR_UINT:
	case DCA_CBOR_NEGINT:
		return put_number(o, c, is_key);
	case DCA_CBOR_BYTES:
		if (!dca_cbor_take_bytes(c, &b, SIZE_MAX))
			return false;
		put_hex(o, b);
		return true;
	case DCA_CBOR_TEXT:
		if (!dca_cbor_take_text_view(c, &b, SIZE_MAX))
			return false;
		put_text(o, b);
		return true;
	case DCA_CBOR_BOOL:
		if (is_key || !dca_cbor_take_bool(c, &v))
			return false;
		dca_out_printf(o, v ? "true" : "false");
		return true;
	case DCA_CBOR_NULL:
		if (is_key || !dca_cbor_take_null(c))
			return false;
		dca_out_printf(o, "null");
		return true;
	default:
		return false;
	}
}

/* What stands before the next item of the container on top. */
static void
put_before(struct dca_out *o, const struct level *f, size_t depth, bool pretty)
{
	if (f->map && f->left % 2 != 0) {
		dca_out_printf(o, pretty ? ": " : ":");
		return;
	}
	if (!f->first)
		dca_out_add(o, ",", 1);
	new_line(o, pretty, depth);
}

static bool
open_level(struct dca_out *o, struct dca_cbor *c, struct level *f)
{
	bool map = dca_cbor_peek(c) == DCA_CBOR_MAP;
	size_t n = 0;

	if (map ? !dca_cbor_take_map(c, &n, SIZE_MAX / 2)
		: !dca_cbor_take_array(c, &n, SIZE_MAX))
		return false;
	*f = (struct level){ .left = map ? 2 * n : n, .map = map,
		.first = true };
	dca_out_printf(o, map ? "{" : "[");
	return true;
}

static bool
put_all(struct dca_out *o, struct dca_cbor *c, bool pretty)
{
	struct level stack[DEPTH_MAX];
	size_t depth = 0;

	do {
		struct level *f = depth > 0 ? &stack[depth - 1] : NULL;
		enum dca_cbor_type t = dca_cbor_peek(c);
		bool is_key = f != NULL && f->map && f->left % 2 == 0;
		bool opened = false;

		if (f != NULL && f->left == 0) {
			if (!f->first)
				new_line(o, pretty, depth - 1);
			dca_out_printf(o, f->map ? "}" : "]");
			depth--;
			continue;
		}
		if (f != NULL) {
			put_before(o, f, depth, pretty);
			f->first = false;
			f->left--;
		}
		if (t == DCA_CBOR_ARRAY || t == DCA_CBOR_MAP) {
			if (is_key || depth == DEPTH_MAX ||
			    !open_level(o, c, &stack[depth]))
				return false;
			depth++;
			opened = true;
		}
		if (!opened && !put_scalar(o, c, is_key))
			return false;
	} while (depth > 0);
	return true;
}

enum dca_rc
dca_cbor_json(struct dca_out *o, struct dca_buf in, bool pretty,
    struct dca_err *e)
{
	struct dca_cbor c = { .in = in };

	if (!put_all(o, &c, pretty) || !dca_cbor_done(&c))
		return dca_fail(e, DCA_RULE_INPUT,
		    "not one CBOR item that JSON can show");
	return DCA_OK;
}
