/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lint's own DER: elements, integers, bits, object identifiers, times and
 * the character sets of strings. See lint-der.h for what it must never do.
 */
#include "lint-der.h"

#include <stdio.h>
#include <string.h>

/* Tag number above 30: base 128, shortest, at most 28 bits. */
static const char *
high_number(struct dca_buf in, size_t *at, uint32_t *number)
{
	size_t i;
	uint32_t v = 0;

	for (i = 1; i < in.n && i <= 4; i++) {
		if (i == 1 && in.p[i] == 0x80)
			return "tag is not in its shortest form (X.690 8.1.2.4)";
		v = v << 7 | (in.p[i] & 0x7f);
		if ((in.p[i] & 0x80) != 0)
			continue;
		if (v < 31)
			return "tag is not in its shortest form (X.690 8.1.2.4)";
		*number = v;
		*at = i + 1;
		return NULL;
	}
	return "tag has no end";
}

static const char *
length_of(struct dca_buf in, size_t *at, size_t *len)
{
	size_t i, k;

	if (*at >= in.n)
		return "ends inside an element";
	*len = in.p[(*at)++];
	if (*len < 0x80)
		return NULL;
	k = *len & 0x7f;
	if (k == 0)
		return "indefinite length (X.690 10.1)";
	if (k > 4)
		return "length is larger than any certificate";
	if (k > in.n - *at)
		return "ends inside an element";
	for (*len = 0, i = 0; i < k; i++)
		*len = *len << 8 | in.p[*at + i];
	if (in.p[*at] == 0 || *len < 0x80)
		return "length is not in its shortest form (X.690 10.1)";
	*at += k;
	return NULL;
}

const char *
lint_next(struct dca_buf *in, struct lint_tlv *t)
{
	size_t at = 1, len = 0;
	const char *why;

	memset(t, 0, sizeof(*t));
	if (in->n == 0)
		return "is missing";
	t->id = in->p[0];
	t->number = in->p[0] & 0x1f;
	if (t->number == 0x1f) {
		why = high_number(*in, &at, &t->number);
		if (why != NULL)
			return why;
	}
	why = length_of(*in, &at, &len);
	if (why != NULL)
		return why;
	if (len > in->n - at)
		return "ends inside an element";
	t->value = DCA_BUF(in->p + at, len);
	t->whole = DCA_BUF(in->p, at + len);
	in->p += at + len;
	in->n -= at + len;
	return NULL;
}

const char *
lint_take(struct dca_buf *in, unsigned id, struct lint_tlv *t)
{
	const char *why = lint_next(in, t);

	if (why != NULL)
		return why;
	return t->id == id ? NULL : "has another type";
}

bool
lint_peek(struct dca_buf in, unsigned id)
{
	return in.n > 0 && in.p[0] == id;
}

const char *
lint_integer(struct dca_buf v)
{
	if (v.n == 0)
		return "INTEGER without octets (X.690 8.3.1)";
	if (v.n > 1 && ((v.p[0] == 0x00 && v.p[1] < 0x80) ||
	    (v.p[0] == 0xff && v.p[1] >= 0x80)))
		return "INTEGER is not in its shortest form (X.690 8.3.2)";
	return NULL;
}

const char *
lint_int64(struct dca_buf v, int64_t *out)
{
	const char *why = lint_integer(v);
	uint64_t u;
	size_t i;

	if (why != NULL)
		return why;
	if (v.n > 8)
		return "INTEGER is too large";
	u = (v.p[0] & 0x80) != 0 ? UINT64_MAX : 0;
	for (i = 0; i < v.n; i++)
		u = u << 8 | v.p[i];
	*out = (int64_t)u;
	return NULL;
}

const char *
lint_boolean(struct dca_buf v, bool *out)
{
	if (v.n != 1 || (v.p[0] != 0x00 && v.p[0] != 0xff))
		return "BOOLEAN is not 00 or ff (X.690 11.1)";
	*out = v.p[0] == 0xff;
	return NULL;
}

const char *
lint_oid(struct dca_buf v)
{
	bool first = true;
	size_t i;

	if (v.n == 0 || (v.p[v.n - 1] & 0x80) != 0)
		return "OBJECT IDENTIFIER has no end (X.690 8.19)";
	for (i = 0; i < v.n; i++) {
		if (first && v.p[i] == 0x80)
			return "OBJECT IDENTIFIER is not in its shortest form "
			    "(X.690 8.19.2)";
		first = (v.p[i] & 0x80) == 0;
	}
	return NULL;
}

const char *
lint_bits(struct dca_buf v, struct dca_buf *octets)
{
	if (v.n == 0 || v.p[0] > 7 || (v.n == 1 && v.p[0] != 0) ||
	    (v.p[v.n - 1] & ((1U << v.p[0]) - 1)) != 0)
		return "BIT STRING with wrong unused bits (X.690 11.2)";
	*octets = DCA_BUF(v.p + 1, v.n - 1);
	return NULL;
}

/* n digits at p, or -1. */
static int
digits(const uint8_t *p, size_t n)
{
	int v = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t
days_of(int64_t y, int m, int d)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243,
		273, 304, 334 };
	int64_t past = y - (m <= 2 ? 1 : 0);	/* whole leap years */

	return 365 * (y - 1970) + past / 4 - past / 100 + past / 400 - 477 +
	    before[m - 1] + d - 1;
}

static bool
is_date(int y, int m, int d)
{
	static const int last[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

	return y >= 1 && m >= 1 && m <= 12 && d >= 1 &&
	    d <= last[m - 1] + (m == 2 && leap ? 1 : 0);
}

const char *
lint_time(const struct lint_tlv *t, int64_t *out)
{
	struct dca_buf v = t->value;
	int y, m, d, hour, min, sec;

	if (t->id == LINT_UTCTIME && v.n == 13) {
		y = digits(v.p, 2);
		y = y < 0 ? -1 : y + (y >= 50 ? 1900 : 2000);
		v = DCA_BUF(v.p + 2, v.n - 2);
	} else if (t->id == LINT_GENTIME && v.n == 15) {
		y = digits(v.p, 4);
		v = DCA_BUF(v.p + 4, v.n - 4);
	} else {
		return "time is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ "
		    "(RFC 5280 4.1.2.5)";
	}
	m = digits(v.p, 2);
	d = digits(v.p + 2, 2);
	hour = digits(v.p + 4, 2);
	min = digits(v.p + 6, 2);
	sec = digits(v.p + 8, 2);
	if (v.p[10] != 'Z' || !is_date(y, m, d) || hour < 0 || hour > 23 ||
	    min < 0 || min > 59 || sec < 0 || sec > 59)
		return "time does not exist (RFC 5280 4.1.2.5)";
	*out = days_of(y, m, d) * 86400 + hour * 3600 + min * 60 + sec;
	return NULL;
}

size_t
lint_utf8_char(const uint8_t *p, size_t n, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t k, i;
	uint32_t v;

	if (n == 0)
		return 0;
	k = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2
	    : p[0] < 0xf0 ? 3 : p[0] < 0xf8 ? 4 : 0;
	if (k == 0 || k > n)
		return 0;
	v = k == 1 ? p[0] : p[0] & (0x7fU >> k);
	for (i = 1; i < k; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < least[k] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*code = v;
	return k;
}

bool
lint_utf8(struct dca_buf v)
{
	uint32_t code;
	size_t i, k;

	for (i = 0; i < v.n; i += k) {
		k = lint_utf8_char(v.p + i, v.n - i, &code);
		if (k == 0)
			return false;
	}
	return true;
}

static bool
is_alnum(uint8_t ch)
{
	return (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') ||
	    (ch >= 'a' && ch <= 'z');
}

bool
lint_chars(unsigned id, struct dca_buf v)
{
	const char *more = "";
	bool alnum = false;
	size_t i;

	switch (id) {
	case LINT_UTF8:
		return lint_utf8(v);
	case LINT_PRINTABLE:	/* * and & are seen in the field */
		more = " '()+,-./:=?*&";
		alnum = true;
		break;
	case LINT_NUMERIC:
		more = " 0123456789";
		break;
	case LINT_IA5:
		break;
	case LINT_BMP:
		return v.n % 2 == 0;
	default:
		return true;
	}
	for (i = 0; i < v.n; i++)
		if (id == LINT_IA5 ? v.p[i] >= 0x80
		    : v.p[i] == 0 || (!(alnum && is_alnum(v.p[i])) &&
		    strchr(more, v.p[i]) == NULL))
			return false;
	return true;
}

void
lint_oid_print(char *out, size_t cap, struct dca_buf oid)
{
	uint64_t v = 0, first;
	size_t i, n = 0;
	bool begun = false, wide = false;

	(void)snprintf(out, cap, "%s", oid.n == 0 ? "(none)" : "");
	for (i = 0; i < oid.n && n + 24 < cap; i++) {
		wide = wide || v >> 57 != 0;	/* an arc above 64 bits */
		v = v << 7 | (oid.p[i] & 0x7f);
		if ((oid.p[i] & 0x80) != 0)
			continue;
		if (!begun) {
			first = v < 80 ? v / 40 : 2;
			n += (size_t)snprintf(out, cap, "%u",
			    (unsigned)first);
			v -= first * 40;
			begun = true;
		}
		n += wide ? (size_t)snprintf(out + n, cap - n, ".?")
		    : (size_t)snprintf(out + n, cap - n, ".%llu",
		    (unsigned long long)v);
		v = 0;
		wide = false;
	}
}
