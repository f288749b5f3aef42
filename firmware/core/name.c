/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object identifiers, and distinguished names printed for people. The name may be hostile: what is
 * printed holds no control character, none that turns the writing direction,
 * and no octet that is not UTF-8. It is for reading only: names are compared
 * as bytes (RFC 5280 4.1.2.6), never through this text.
 */
#include "dca/cert.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>

#include "tlv.h"

static const struct {
	struct dca_buf oid;
	const char *name;
} attributes[] = {
	{ TLV_LIT("\x55\x04\x03"), "CN" },
	{ TLV_LIT("\x55\x04\x04"), "SN" },
	{ TLV_LIT("\x55\x04\x05"), "serialNumber" },
	{ TLV_LIT("\x55\x04\x06"), "C" },
	{ TLV_LIT("\x55\x04\x07"), "L" },
	{ TLV_LIT("\x55\x04\x08"), "ST" },
	{ TLV_LIT("\x55\x04\x0a"), "O" },
	{ TLV_LIT("\x55\x04\x0b"), "OU" },
	{ TLV_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), "emailAddress" },
	{ TLV_LIT("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"), "DC" },
};

void
dca_oid_print(struct dca_out *o, struct dca_buf oid)
{
	uint64_t v = 0;
	bool first = true;
	size_t i;

	for (i = 0; i < oid.n; i++) {
		v = v << 7 | (oid.p[i] & 0x7f);
		if (oid.p[i] & 0x80)
			continue;
		if (first)
			dca_out_printf(o, "%u.%llu",
			    v < 80 ? (unsigned)(v / 40) : 2,
			    (unsigned long long)(v < 80 ? v % 40 : v - 80));
		else
			dca_out_printf(o, ".%llu", (unsigned long long)v);
		first = false;
		v = 0;
	}
}

static void
put_base128(struct dca_out *o, uint64_t v)
{
	uint8_t octets[10];
	size_t n = sizeof(octets);

	octets[--n] = (uint8_t)(v & 0x7f);
	while ((v >>= 7) > 0)
		octets[--n] = (uint8_t)(0x80 | (v & 0x7f));
	dca_out_add(o, octets + n, sizeof(octets) - n);
}

/* Arcs are decimal without leading zeros, below 2^32; at most 64 octets. */
bool
dca_oid_parse(struct dca_out *o, const char *text)
{
	enum { OID_MAX = 64 };
	const size_t was = o->n;
	uint64_t v, first = 0;
	size_t arc = 0, n;

	for (;; text += n + 1, arc++) {
		n = strspn(text, "0123456789");
		if (n == 0 || n > 10 || (n > 1 && text[0] == '0') ||
		    (text[n] != '.' && text[n] != '\0'))
			return false;
		v = strtoull(text, NULL, 10);
		if (v > UINT32_MAX || (arc == 0 && v > 2) ||
		    (arc == 1 && first < 2 && v > 39))
			return false;
		if (arc == 0)
			first = v;
		else
			put_base128(o, arc == 1 ? 40 * first + v : v);
		if (text[n] == '\0')
			return arc > 0 && o->n - was <= OID_MAX;
	}
}

static void
print_type(struct dca_out *o, struct dca_buf oid)
{
	size_t i;

	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (dca_buf_eq(attributes[i].oid, oid)) {
			dca_out_printf(o, "%s", attributes[i].name);
			return;
		}
	}
	dca_oid_print(o, oid);
}

/* C0, DEL, C1, and the marks that reorder text on a screen. */
static bool
is_control(unsigned long c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

static void
print_value(struct dca_out *o, uint8_t tag, struct dca_buf v)
{
	unsigned long c;
	int n;

	/* Other string types (BMPString, ...) come out as escaped octets. */
	while (v.n > 0) {
		n = UTF8_getc(v.p, (int)v.n, &c);
		if (n <= 0 || (n > 1 && tag != TLV_UTF8) || is_control(c)) {
			dca_out_printf(o, "\\%02X", v.p[0]);
			n = n > 1 && tag == TLV_UTF8 ? n : 1;
			for (int i = 1; i < n; i++)
				dca_out_printf(o, "\\%02X", v.p[i]);
		} else {
			if (n == 1 && strchr(",+\\=", (int)c) != NULL)
				dca_out_add(o, "\\", 1);
			dca_out_add(o, v.p, (size_t)n);
		}
		v.p += n;
		v.n -= (size_t)n;
	}
}

void
dca_name_print(struct dca_out *o, struct dca_buf name)
{
	struct dca_buf rdns, rdn, ava, oid, value;
	const char *sep = "";
	uint8_t tag;

	if (!tlv_take(&name, TLV_SEQ, &rdns, NULL)) {
		dca_out_printf(o, "?");
		return;
	}
	while (tlv_take(&rdns, TLV_SET, &rdn, NULL)) {
		while (tlv_take(&rdn, TLV_SEQ, &ava, NULL)) {
			dca_out_printf(o, "%s", sep);
			if (tlv_take(&ava, TLV_OID, &oid, NULL) &&
			    tlv_next(&ava, &tag, &value, NULL)) {
				print_type(o, oid);
				dca_out_printf(o, "=");
				print_value(o, tag, value);
			} else {
				dca_out_printf(o, "?");
			}
			sep = " + ";
		}
		sep = ", ";
	}
	if (rdns.n > 0)
		dca_out_printf(o, "%s?", sep);
}
