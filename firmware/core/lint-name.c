/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as the lint sees them: the attributes its rules ask for, counted over
 * all RDNs. A value of a type that is no string is counted and has no text; a
 * string with characters its type does not have is refused.
 */
#include "lint-parts.h"

static size_t
put_utf8(uint8_t *out, uint32_t code)
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}

/* UTF-16 as text: every two octets become at most three, and each octet of
 * the certificate is read as text at most once. */
static struct dca_buf
from_bmp(struct dca_lint_cert *c, struct dca_buf v)
{
	size_t i, start = c->text_n;
	uint32_t code, low;

	if (c->text == NULL)
		c->text = dca_alloc(2 * (c->der.n + c->tbs.n));
	if (v.n >= 2 && v.p[v.n - 1] == 0 && v.p[v.n - 2] == 0)
		v.n -= 2;	/* a terminator some writers add */
	for (i = 0; i + 1 < v.n; i += 2) {
		code = (uint32_t)v.p[i] << 8 | v.p[i + 1];
		low = i + 3 < v.n
		    ? (uint32_t)v.p[i + 2] << 8 | v.p[i + 3] : 0;
		if (code >= 0xd800 && code < 0xdc00 && low >= 0xdc00 &&
		    low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) +
			    (low - 0xdc00);
			i += 2;
		} else if (code >= 0xd800 && code < 0xe000) {
			code = 0xfffd;
		}
		c->text_n += put_utf8(c->text + c->text_n, code);
	}
	return DCA_BUF(c->text + start, c->text_n - start);
}

bool
lint_text(struct dca_lint_cert *c, const struct lint_tlv *t,
    struct dca_buf *out)
{
	if (!lint_chars(t->id, t->value))
		return false;
	*out = t->id == LINT_BMP ? from_bmp(c, t->value) : t->value;
	return true;
}

static bool
is_string(unsigned id)
{
	return id == LINT_UTF8 || id == LINT_NUMERIC || id == LINT_PRINTABLE ||
	    id == LINT_T61 || id == LINT_IA5 || id == LINT_BMP;
}

static struct lint_attr *
attribute_of(struct lint_name *n, struct dca_buf oid)
{
	if (oid.n != 3 || oid.p[0] != 0x55 || oid.p[1] != 0x04)
		return NULL;
	switch (oid.p[2]) {
	case 3:
		return &n->cn;
	case 5:
		return &n->sn;
	case 6:
		return &n->c;
	case 10:
		return &n->o;
	default:
		return NULL;
	}
}

static const char *
read_attribute(struct dca_lint_cert *c, struct lint_name *n, struct dca_buf *set)
{
	struct lint_tlv t, oid = { 0 }, v = { 0 };
	struct lint_attr *a;
	struct dca_buf text = { 0 };
	const char *why = lint_take(set, LINT_SEQUENCE, &t);

	if (why == NULL)
		why = lint_take(&t.value, LINT_OID, &oid);
	if (why == NULL)
		why = lint_oid(oid.value);
	if (why == NULL)
		why = lint_next(&t.value, &v);
	if (why == NULL && v.id == LINT_INTEGER)
		why = lint_integer(v.value);
	if (why != NULL)
		return why;
	n->attributes++;
	a = attribute_of(n, oid.value);
	if (!is_string(v.id)) {
		if (a != NULL)
			a->others++;
		return NULL;
	}
	if (!lint_text(c, &v, &text))
		return "holds a character its string type has not "
		    "(X.680 41)";
	if (a != NULL) {
		a->strings++;
		a->last = text;
	}
	return NULL;
}

enum dca_rc
lint_read_name(struct dca_lint_cert *c, struct lint_name *out,
    struct dca_buf der, const char *field, struct dca_err *e)
{
	struct dca_buf in = der;
	struct lint_tlv name, rdn;
	const char *why = lint_take(&in, LINT_SEQUENCE, &name);

	out->der = der;
	while (why == NULL && name.value.n > 0) {
		why = lint_take(&name.value, LINT_SET, &rdn);
		while (why == NULL && rdn.value.n > 0)
			why = read_attribute(c, out, &rdn.value);
	}
	if (why != NULL)
		return dca_fail(e, DCA_RULE_CERT_DER, "%s: %s", field, why);
	return DCA_OK;
}
