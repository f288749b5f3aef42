/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DER for the lint alone (X.690 8, 10, 11): steps through octets in memory,
 * says why when they are not DER. Shares nothing with tlv.h, so that a fault
 * there cannot hide from here. Never allocates, never recurses.
 */
#ifndef DCA_CORE_LINT_DER_H
#define DCA_CORE_LINT_DER_H

#include "dca/base.h"

enum {
	LINT_BOOLEAN = 0x01, LINT_INTEGER = 0x02, LINT_BITS = 0x03,
	LINT_OCTETS = 0x04, LINT_OID = 0x06, LINT_UTF8 = 0x0c,
	LINT_NUMERIC = 0x12, LINT_PRINTABLE = 0x13, LINT_T61 = 0x14,
	LINT_IA5 = 0x16, LINT_UTCTIME = 0x17, LINT_GENTIME = 0x18,
	LINT_GENERAL = 0x1b, LINT_BMP = 0x1e,
	LINT_SEQUENCE = 0x30, LINT_SET = 0x31,
	LINT_CONTEXT = 0x80, LINT_CONSTRUCTED = 0x20,
};

struct lint_tlv {
	uint8_t id;		/* class and form bits | number, 31: high */
	uint32_t number;	/* of the tag */
	struct dca_buf value, whole;
};

/* The next element of in, which moves behind it. NULL, or why not. */
const char *lint_next(struct dca_buf *in, struct lint_tlv *t);
/* The same, and it has this identifier octet (low tags). */
const char *lint_take(struct dca_buf *in, unsigned id, struct lint_tlv *t);
/* Is the next element there, with this identifier octet? */
bool lint_peek(struct dca_buf in, unsigned id);

/* Contents of an element. NULL, or why not. */
const char *lint_integer(struct dca_buf v);	/* shortest form */
const char *lint_int64(struct dca_buf v, int64_t *out);
const char *lint_boolean(struct dca_buf v, bool *out);
const char *lint_oid(struct dca_buf v);
/* BIT STRING: its octets without the first, unused bits are zero. */
const char *lint_bits(struct dca_buf v, struct dca_buf *octets);
const char *lint_time(const struct lint_tlv *t, int64_t *out);
/* Is text right for its string type? True of other types. */
bool lint_chars(unsigned id, struct dca_buf v);
bool lint_utf8(struct dca_buf v);
/* Octets of one UTF-8 character at p (1 to 4), 0: none. */
size_t lint_utf8_char(const uint8_t *p, size_t n, uint32_t *code);
/* 2.5.29.15, cut to cap (terminated). */
void lint_oid_print(char *out, size_t cap, struct dca_buf oid);

#endif
