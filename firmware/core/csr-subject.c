/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subject of a request: accepted and ignored, because the register names
 * the customer, but it must be a Name (RFC 5280 4.1.2.4) that cannot deceive a
 * log or a C string. Must never decide who somebody is.
 */
#include "cert-parts.h"
#include "csr-parts.h"

enum { TAG_T61 = 0x14, TAG_BMP = 0x1e };

/* Octets of the character at p, 0 when it is not one of Unicode (RFC 3629
 * 3, 4: shortest form, no surrogates, up to 10FFFF). */
static size_t
utf8_char(const uint8_t *p, size_t n, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;

	if (p[0] < 0x80)
		len = 1;
	else if (p[0] >= 0xc2 && p[0] < 0xe0)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] < 0xf0)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] < 0xf5)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	*c = len == 1 ? p[0] : p[0] & (0x7fU >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[len] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return len;
}

bool
dca_utf8_text(struct dca_buf s)
{
	uint32_t c = 0;
	size_t len;

	for (; s.n > 0; s.p += len, s.n -= len) {
		len = utf8_char(s.p, s.n, &c);
		if (len == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
			return false;
	}
	return true;
}

/* No C0 control and no DEL in strings of one octet per character. */
static bool
octets_ok(struct dca_buf v)
{
	size_t i;

	for (i = 0; i < v.n; i++)
		if (v.p[i] < 0x20 || v.p[i] == 0x7f)
			return false;
	return true;
}

static bool
bmp_ok(struct dca_buf v)
{
	size_t i;

	for (i = 0; i + 1 < v.n; i += 2)
		if (v.p[i] == 0 && (v.p[i + 1] < 0x20 || v.p[i + 1] == 0x7f))
			return false;
	return v.n % 2 == 0;
}

/* Character strings only; UniversalString is for nobody. */
static bool
value_ok(uint8_t tag, struct dca_buf v)
{
	if (v.n == 0)
		return false;
	switch (tag) {
	case TLV_UTF8:
		return dca_utf8_text(v);
	case TLV_PRINTABLE:
	case TLV_IA5:
	case TAG_T61:
		return octets_ok(v);
	case TAG_BMP:
		return bmp_ok(v);
	default:
		return false;
	}
}

/* RelativeDistinguishedName ::= SET SIZE (1..MAX) OF SEQUENCE { type,
 * value }, known to be DER. */
static bool
rdn_ok(struct dca_buf rdn)
{
	struct dca_buf pair, value;
	uint8_t tag;

	do {
		if (!tlv_take(&rdn, TLV_SEQ, &pair, NULL) ||
		    !tlv_take(&pair, TLV_OID, NULL, NULL) ||
		    !tlv_next(&pair, &tag, &value, NULL) ||
		    !value_ok(tag, value))
			return false;
	} while (rdn.n > 0);
	return true;
}

enum dca_rc
dca_subject_check(struct dca_buf name, struct dca_err *e)
{
	struct dca_buf der = name, rdns, rdn;

	if (!dca_name_take_der(&der) || der.n != 0 ||
	    !tlv_take(&name, TLV_SEQ, &rdns, NULL))
		return dca_fail(e, DCA_RULE_CSR_SUBJECT,
		    "RFC 5280 4.1.2.4: subject is not the DER of a Name");
	while (rdns.n > 0)
		if (!tlv_take(&rdns, TLV_SET, &rdn, NULL) || !rdn_ok(rdn))
			return dca_fail(e, DCA_RULE_CSR_SUBJECT,
			    "RFC 5280 4.1.2.4: subject is not a Name of "
			    "character strings without control characters");
	return DCA_OK;
}
