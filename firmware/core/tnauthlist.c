/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TNAuthorizationList (RFC 8226 9) between DER and TN sets. Reads with
 * OpenSSL templates, writes the one canonical form. Must never accept octets
 * that are not the DER of what was understood.
 */
#include "dca/tnauthlist.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>

#include "tlv.h"

/*
 * TN-Module-2016 has EXPLICIT TAGS. A range is SEQUENCE { start, count, ... }:
 * its fields are kept as they come, read_range looks at them.
 */
typedef struct tn_entry_st {
	int type;
	union {
		ASN1_IA5STRING *spc;
		ASN1_SEQUENCE_ANY *range;
		ASN1_IA5STRING *one;
	} d;
} TN_ENTRY;

enum { ENTRY_SPC, ENTRY_RANGE, ENTRY_ONE };

DECLARE_ASN1_ITEM(TN_ENTRY)
ASN1_CHOICE(TN_ENTRY) = {
	ASN1_EXP(TN_ENTRY, d.spc, ASN1_IA5STRING, 0),
	ASN1_EXP(TN_ENTRY, d.range, ASN1_SEQUENCE_ANY, 1),
	ASN1_EXP(TN_ENTRY, d.one, ASN1_IA5STRING, 2),
} ASN1_CHOICE_END(TN_ENTRY)

DEFINE_STACK_OF(TN_ENTRY)

typedef STACK_OF(TN_ENTRY) TN_LIST;

DECLARE_ASN1_ITEM(TN_LIST)
ASN1_ITEM_TEMPLATE(TN_LIST) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, list, TN_ENTRY)
ASN1_ITEM_TEMPLATE_END(TN_LIST)

static void
list_free(TN_LIST **list)
{
	ASN1_item_free((ASN1_VALUE *)*list, ASN1_ITEM_rptr(TN_LIST));
}

/* An IA5String of digits, # and * as a C string; no NUL can hide in it. */
static bool
tn_text(char out[static DCA_TN_MAX + 1], const ASN1_STRING *s)
{
	int n = ASN1_STRING_length(s);

	if (n < 1 || n > DCA_TN_MAX)
		return false;
	memcpy(out, ASN1_STRING_get0_data(s), (size_t)n);
	out[n] = '\0';
	return strspn(out, "0123456789#*") == (size_t)n;
}

static enum dca_rc
fail_number(struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_TN_NUMBER,
	    "RFC 8226 9: TelephoneNumber is not 1 to 15 of 0-9 # *");
}

static enum dca_rc
read_one(struct dca_tnset *out, const ASN1_STRING *s, struct dca_err *e)
{
	char tn[DCA_TN_MAX + 1];

	return tn_text(tn, s) ? dca_tnset_add_number(out, tn, e)
			      : fail_number(e);
}

static enum dca_rc
read_spc(struct dca_tnset *out, const ASN1_STRING *s,
    enum dca_tnauthlist_mode mode, struct dca_err *e)
{
	const char *p = (const char *)ASN1_STRING_get0_data(s);
	size_t i, n = (size_t)ASN1_STRING_length(s);

	for (i = 0; mode == DCA_TNAUTHLIST_ISSUE && i < n; i++)
		if (!((p[i] >= '0' && p[i] <= '9') ||
			(p[i] >= 'A' && p[i] <= 'Z')))
			return dca_fail(e, DCA_RULE_TN_SPC,
			    "ATIS-1000080 6.4.1: SPC is not of A-Z and 0-9");
	return dca_tnset_add_spc(out, p, n, e);
}

/* Opaque contents are never looked into, but their length must be DER. */
static bool
extra_ok(const ASN1_TYPE *t)
{
	const ASN1_STRING *s;
	struct dca_buf in;
	uint8_t tag;

	if (t->type != V_ASN1_OTHER && t->type != V_ASN1_SEQUENCE &&
	    t->type != V_ASN1_SET)
		return true;
	s = t->value.asn1_string;
	in = DCA_BUF(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	return tlv_next(&in, &tag, NULL, NULL) && in.n == 0;
}

/* The fields that RFC 8226 defines, and `...` only in foreign lists. */
static enum dca_rc
check_fields(const ASN1_SEQUENCE_ANY *f, enum dca_tnauthlist_mode mode,
    struct dca_err *e)
{
	int i, n = sk_ASN1_TYPE_num(f);

	if (n < 2 || sk_ASN1_TYPE_value(f, 0)->type != V_ASN1_IA5STRING ||
	    (sk_ASN1_TYPE_value(f, 1)->type & ~V_ASN1_NEG) != V_ASN1_INTEGER)
		return dca_fail(e, DCA_RULE_TN_DER,
		    "RFC 8226 9: range is not start IA5String, count INTEGER");
	if (n > 2 && mode == DCA_TNAUTHLIST_ISSUE)
		return dca_fail(e, DCA_RULE_TN_DER,
		    "range holds a field RFC 8226 9 does not define");
	for (i = 2; i < n; i++)
		if (!extra_ok(sk_ASN1_TYPE_value(f, i)))
			return dca_fail(e, DCA_RULE_TN_DER,
			    "extension field of a range is not DER");
	return DCA_OK;
}

static uint64_t
power10(size_t n)
{
	uint64_t v = 1;

	for (; n > 0; n--)
		v *= 10;
	return v;
}

static enum dca_rc
read_range(struct dca_tnset *out, const ASN1_SEQUENCE_ANY *f,
    enum dca_tnauthlist_mode mode, struct dca_err *e)
{
	char start[DCA_TN_MAX + 1];
	enum dca_rc rc = check_fields(f, mode, e);
	uint64_t count;

	if (rc != DCA_OK)
		return rc;
	if (!tn_text(start, sk_ASN1_TYPE_value(f, 0)->value.ia5string))
		return fail_number(e);
	if (ASN1_INTEGER_get_uint64(&count,
		sk_ASN1_TYPE_value(f, 1)->value.integer) != 1) {
		ERR_clear_error();
		return dca_fail(e, DCA_RULE_TN_COUNT,
		    "count of range %s is negative or above 2^64", start);
	}
	if (count < 2)
		return dca_fail(e, DCA_RULE_TN_COUNT,
		    "RFC 8226 9: range %s has count %u, must be 2 or more",
		    start, (unsigned)count);
	rc = dca_tnset_add_range(out, start, count, e);
	if (rc != DCA_OK || mode == DCA_TNAUTHLIST_FOREIGN)
		return rc;
	/* the set took them: their sum is at most 10^15 */
	if (strtoull(start, NULL, 10) + count >= power10(strlen(start)))
		return dca_fail(e, DCA_RULE_TN_RANGE,
		    "RFC 8226 9: range %s+%llu reaches 10^%zu", start,
		    (unsigned long long)count, strlen(start));
	return DCA_OK;
}

static enum dca_rc
read_entry(struct dca_tnset *out, const TN_ENTRY *t,
    enum dca_tnauthlist_mode mode, struct dca_err *e)
{
	switch (t->type) {
	case ENTRY_SPC:
		return read_spc(out, t->d.spc, mode, e);
	case ENTRY_RANGE:
		return read_range(out, t->d.range, mode, e);
	case ENTRY_ONE:
		return read_one(out, t->d.one, e);
	default:
		abort(); /* the template has no other */
	}
}

/* Strict DER: what was read, written again, is what was given (X.690 10). */
static bool
is_der(const TN_LIST *list, struct dca_buf der)
{
	uint8_t *again = NULL;
	int n = ASN1_item_i2d((const ASN1_VALUE *)list, &again,
	    ASN1_ITEM_rptr(TN_LIST));
	bool same = n > 0 &&
		    dca_buf_eq(der, DCA_BUF(again, (size_t)n));

	OPENSSL_free(again);
	return same;
}

enum dca_rc
dca_tnauthlist_parse(struct dca_tnset *out, struct dca_buf der,
    enum dca_tnauthlist_mode mode, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *all = NULL;
	DCA_CLEANUP(list_free) TN_LIST *list = NULL;
	const uint8_t *p = der.p;
	enum dca_rc rc = DCA_OK;
	int i;

	if (der.n > DCA_CROSS_MAX)
		return dca_fail(e, DCA_RULE_TN_DER,
		    "TNAuthList of %zu octets, at most %d", der.n,
		    DCA_CROSS_MAX);
	if (der.n > 0)
		list = (TN_LIST *)ASN1_item_d2i(NULL, &p, (long)der.n,
		    ASN1_ITEM_rptr(TN_LIST));
	if (list == NULL || p != der.p + der.n || !is_der(list, der)) {
		ERR_clear_error();
		return dca_fail(e, DCA_RULE_TN_DER,
		    "RFC 8226 9: not the DER of a TNAuthorizationList");
	}
	if (sk_TN_ENTRY_num(list) == 0)
		return dca_fail(e, DCA_RULE_TN_EMPTY,
		    "RFC 8226 9: TNAuthorizationList without an entry");
	all = dca_tnset_new();
	for (i = 0; rc == DCA_OK && i < sk_TN_ENTRY_num(list); i++)
		rc = read_entry(all, sk_TN_ENTRY_value(list, i), mode, e);
	if (rc == DCA_OK)
		dca_tnset_union(out, all);
	return rc;
}

/* ---- writing, backwards: the last entry first ---- */

enum { ENTRY_MAX = 48 };	/* octets of a range or one, rounded up */

/* A string as explicitly tagged IA5String. */
static void
put_string(struct tlv_out *o, uint8_t tag, const char *s)
{
	size_t end = o->at;

	tlv_add(o, TLV_IA5, DCA_BUF(s, strlen(s)));
	tlv_head(o, tag, end);
}

static void
put_count(struct tlv_out *o, uint64_t v)
{
	size_t end = o->at;

	for (; v > 0x7f; v >>= 8)
		tlv_octet(o, (uint8_t)v);
	/* the octet with the sign bit clear: the rest, or a 0 (X.690 8.3) */
	tlv_octet(o, (uint8_t)v);
	tlv_head(o, TLV_INTEGER, end);
}

/* TelephoneNumber of so many digits. */
static void
put_number(struct tlv_out *o, uint64_t v, uint8_t digits)
{
	size_t end = o->at;

	for (; digits > 0; digits--, v /= 10)
		tlv_octet(o, (uint8_t)('0' + v % 10));
	tlv_head(o, TLV_IA5, end);
}

static void
put_one(struct tlv_out *o, uint64_t v, uint8_t digits)
{
	size_t end = o->at;

	put_number(o, v, digits);
	tlv_head(o, TLV_CONTEXT | 2, end);
}

static void
put_interval(struct tlv_out *o, struct dca_tnrange r)
{
	size_t end;

	/* RFC 8226 9 wants start + count < 10^D: the last number alone */
	if (r.hi > r.lo && r.hi == power10(r.digits) - 1)
		put_one(o, r.hi--, r.digits);
	if (r.hi == r.lo) {
		put_one(o, r.lo, r.digits);
		return;
	}
	end = o->at;
	put_count(o, r.hi - r.lo + 1);
	put_number(o, r.lo, r.digits);
	tlv_head(o, TLV_SEQ, end);
	tlv_head(o, TLV_CONTEXT | 1, end);
}

void
dca_tnauthlist_encode(struct dca_out *o, const struct dca_tnset *s)
{
	const struct dca_tnrange *range;
	const char *const *spc, *const *literal;
	size_t n_range = dca_tnset_ranges(s, &range), i;
	size_t n_spc = dca_tnset_spcs(s, &spc);
	size_t n_literal = dca_tnset_literals(s, &literal);
	size_t size = 16 + (2 * n_range + n_literal) * ENTRY_MAX +
		      n_spc * (DCA_SPC_MAX + 8);
	DCA_CLEANUP(dca_free_p) uint8_t *p = dca_alloc(size);
	struct tlv_out w = { p, size };

	if (dca_tnset_empty(s))
		abort();
	for (i = n_literal; i > 0; i--)
		put_string(&w, TLV_CONTEXT | 2, literal[i - 1]);
	for (i = n_range; i > 0; i--)
		put_interval(&w, range[i - 1]);
	for (i = n_spc; i > 0; i--)
		put_string(&w, TLV_CONTEXT, spc[i - 1]);
	tlv_head(&w, TLV_SEQ, size);
	dca_out_add(o, w.p + w.at, size - w.at);
}
