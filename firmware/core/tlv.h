/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DER as tag, length, value, for the files of this room that look into
 * certificates or write them: a reader that steps through octets already in
 * memory, and a writer that works backwards, so that every length is known
 * when its head is written. It knows low tags and definite, shortest lengths
 * (X.690 10.1) and nothing else; it must never allocate or recurse.
 */
#ifndef DCA_CORE_TLV_H
#define DCA_CORE_TLV_H

#include <stdlib.h>
#include <string.h>

#include "dca/base.h"

enum {
	TLV_BOOLEAN = 0x01, TLV_INTEGER = 0x02, TLV_BITS = 0x03,
	TLV_OCTETS = 0x04, TLV_NULL = 0x05, TLV_OID = 0x06,
	TLV_ENUMERATED = 0x0a, TLV_UTF8 = 0x0c, TLV_PRINTABLE = 0x13,
	TLV_IA5 = 0x16, TLV_UTCTIME = 0x17, TLV_GENTIME = 0x18,
	TLV_UNIVERSAL = 0x1c, TLV_BMP = 0x1e, TLV_SEQ = 0x30, TLV_SET = 0x31,
	TLV_CONTEXT = 0xa0,	/* constructed; | number */
};

/* A string literal of octets, without the NUL. */
#define TLV_LIT(s) DCA_BUF(s, sizeof(s) - 1)

/* The next element: its tag, its contents, and itself whole (each of the
 * last two may be NULL). False at the end and on anything not DER. */
static inline bool
tlv_next(struct dca_buf *in, uint8_t *tag, struct dca_buf *value,
    struct dca_buf *whole)
{
	size_t head = 2, len, i, k;

	if (in->n < 2 || (in->p[0] & 0x1f) == 0x1f)
		return false;
	len = in->p[1];
	if (len >= 0x80) {
		k = len & 0x7f;
		if (k == 0 || k > 4 || in->n < 2 + k || in->p[2] == 0)
			return false;
		for (len = 0, i = 0; i < k; i++)
			len = len << 8 | in->p[2 + i];
		if (len < 0x80)
			return false;
		head += k;
	}
	if (len > in->n - head)
		return false;
	*tag = in->p[0];
	if (value != NULL)
		*value = DCA_BUF(in->p + head, len);
	if (whole != NULL)
		*whole = DCA_BUF(in->p, head + len);
	in->p += head + len;
	in->n -= head + len;
	return true;
}

/* The next element must have this tag; in is not moved when it has not. */
static inline bool
tlv_take(struct dca_buf *in, uint8_t tag, struct dca_buf *value,
    struct dca_buf *whole)
{
	struct dca_buf was = *in;
	uint8_t t;

	if (in->n > 0 && in->p[0] == tag && tlv_next(in, &t, value, whole))
		return true;
	*in = was;
	return false;
}

struct tlv_out {
	uint8_t *p;	/* the buffer */
	size_t at;	/* first octet written; p[at..] is the result so far */
};

static inline void
tlv_put(struct tlv_out *o, struct dca_buf b)
{
	if (b.n > o->at)
		abort();	/* the caller sized the buffer */
	o->at -= b.n;
	if (b.n > 0)
		memcpy(o->p + o->at, b.p, b.n);
}

static inline void
tlv_octet(struct tlv_out *o, uint8_t v)
{
	tlv_put(o, DCA_BUF(&v, 1));
}

/* The head of what was written since o->at was end. */
static inline void
tlv_head(struct tlv_out *o, uint8_t tag, size_t end)
{
	size_t len = end - o->at;
	unsigned k = 0;

	if (len < 0x80) {
		tlv_octet(o, (uint8_t)len);
	} else {
		for (; len > 0; len >>= 8, k++)
			tlv_octet(o, (uint8_t)len);
		tlv_octet(o, (uint8_t)(0x80 | k));
	}
	tlv_octet(o, tag);
}

static inline void
tlv_add(struct tlv_out *o, uint8_t tag, struct dca_buf value)
{
	size_t end = o->at;

	tlv_put(o, value);
	tlv_head(o, tag, end);
}

/* "2.5.29.19" of the contents octets of an OID (name.c). */
void dca_oid_print(struct dca_out *o, struct dca_buf oid);

/* Contents octets of the object identifiers this room knows. */
#define OID_PKIX_PE "\x2b\x06\x01\x05\x05\x07\x01"
#define OID_AIA OID_PKIX_PE "\x01"
#define OID_TNAUTHLIST OID_PKIX_PE "\x1a"
#define OID_CONSTRAINTS OID_PKIX_PE "\x1b"
#define OID_ECONSTRAINTS OID_PKIX_PE "\x21"
/* id-ad-stirTNList (RFC 8226 10.1) */
#define OID_TN_LIST_URL "\x2b\x06\x01\x05\x05\x07\x30\x0e"
#define OID_SKI "\x55\x1d\x0e"
#define OID_KU "\x55\x1d\x0f"
#define OID_BC "\x55\x1d\x13"
#define OID_SAN "\x55\x1d\x11"
#define OID_NAMES "\x55\x1d\x1e"
#define OID_CRLDP "\x55\x1d\x1f"
#define OID_POLICIES "\x55\x1d\x20"
#define OID_AKI "\x55\x1d\x23"
#define OID_EC_KEY "\x2a\x86\x48\xce\x3d\x02\x01"
#define OID_P256 "\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define OID_ECDSA_SHA256 "\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define OID_ECDSA_SHA384 "\x2a\x86\x48\xce\x3d\x04\x03\x03"
#define OID_EXTENSION_REQUEST "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"
#define OID_P7_DATA "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define OID_P7_SIGNED "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"

#endif
