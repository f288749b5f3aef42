/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TNAuthorizationList (RFC 8226 9) between DER and TN sets. Reads any strict
 * DER, writes the one canonical form. Must never accept octets that are not
 * the DER of what was understood.
 */
#include "dca/tnauthlist.h"

#include <stdlib.h>
#include <string.h>

#include "cert-parts.h"
#include "tlv.h"

/* TN-Module-2016 has EXPLICIT TAGS. */
enum { ENTRY_SPC = TLV_CONTEXT | 0, ENTRY_RANGE = TLV_CONTEXT | 1,
	ENTRY_ONE = TLV_CONTEXT | 2 };

/* An IA5String of digits, # and * as a C string; no NUL can hide in it. */
static bool
tn_text(char out[static DCA_TN_MAX + 1], struct dca_buf s)
{
	if (s.n < 1 || s.n > DCA_TN_MAX)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return strspn(out, "0123456789#*") == s.n;
}

static enum dca_rc
fail_number(struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_TN_NUMBER,
	    "RFC 8226 9: TelephoneNumber is not 1 to 15 of 0-9 # *");
}

static enum dca_rc
read_one(struct dca_tnset *out, struct dca_buf s, struct dca_err *e)
{
	char tn[DCA_TN_MAX + 1];

	return tn_text(tn, s) ? dca_tnset_add_number(out, tn, e)
			      : fail_number(e);
}

static enum dca_rc
read_spc(struct dca_tnset *out, struct dca_buf s,
    enum dca_tnauthlist_mode mode, struct dca_err *e)
{
	size_t i;

	if (mode == DCA_TNAUTHLIST_ISSUE && s.n > DCA_SPC_MAX)
		return dca_fail(e, DCA_RULE_TN_SPC,
		    "SPC of %zu characters (1 to %d)", s.n, DCA_SPC_MAX);
	for (i = 0; mode == DCA_TNAUTHLIST_ISSUE && i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
			(s.p[i] >= 'A' && s.p[i] <= 'Z')))
			return dca_fail(e, DCA_RULE_TN_SPC,
			    "ATIS-1000080 6.4.1: SPC is not of A-Z and 0-9");
	return dca_tnset_add_spc(out, (const char *)s.p, s.n, e);
}

static uint64_t
power10(size_t n)
{
	uint64_t v = 1;

	for (; n > 0; n--)
		v *= 10;
	return v;
}

/* False: negative, or above 2^64. The octets are known to be the shortest. */
static bool
read_count(struct dca_buf v, uint64_t *count)
{
	if (v.n > 9 || (v.p[0] & 0x80) != 0 || (v.n == 9 && v.p[0] != 0))
		return false;
	for (*count = 0; v.n > 0; v.p++, v.n--)
		*count = *count << 8 | v.p[0];
	return true;
}

/* The fields that RFC 8226 defines, and `...` only in foreign lists. */
static enum dca_rc
read_range(struct dca_tnset *out, struct dca_buf f,
    enum dca_tnauthlist_mode mode, struct dca_err *e)
{
	struct dca_buf first, number;
	char start[DCA_TN_MAX + 1];
	uint64_t count;
	enum dca_rc rc;

	if (!tlv_take(&f, TLV_IA5, &first, NULL) ||
	    !tlv_take(&f, TLV_INTEGER, &number, NULL))
		return dca_fail(e, DCA_RULE_TN_DER,
		    "RFC 8226 9: range is not start IA5String, count INTEGER");
	if (f.n > 0 && mode == DCA_TNAUTHLIST_ISSUE)
		return dca_fail(e, DCA_RULE_TN_DER,
		    "range holds a field RFC 8226 9 does not define");
	if (!tn_text(start, first))
		return fail_number(e);
	if (!read_count(number, &count))
		return dca_fail(e, DCA_RULE_TN_COUNT,
		    "count of range %s is negative or above 2^64", start);
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

/* One entry: its tag, and the contents of the element inside. */
static bool
take_entry(struct dca_buf *list, uint8_t *tag, struct dca_buf *value)
{
	struct dca_buf inner;

	return tlv_next(list, tag, &inner, NULL) &&
	    (*tag == ENTRY_SPC || *tag == ENTRY_RANGE || *tag == ENTRY_ONE) &&
	    tlv_take(&inner, *tag == ENTRY_RANGE ? TLV_SEQ : TLV_IA5, value,
		NULL) && inner.n == 0;
}

/* Is all of it DER, before any of it is believed (X.690 10)? */
static bool
is_der(struct dca_buf list)
{
	struct dca_buf v;
	uint8_t tag;

	while (list.n > 0) {
		if (!take_entry(&list, &tag, &v))
			return false;
		while (tag == ENTRY_RANGE && v.n > 0)
			if (!dca_der_take_any(&v))
				return false;
	}
	return true;
}

static enum dca_rc
read_entry(struct dca_tnset *out, struct dca_buf *list,
    enum dca_tnauthlist_mode mode, struct dca_err *e)
{
	struct dca_buf v;
	uint8_t tag;

	if (!take_entry(list, &tag, &v))
		abort();	/* is_der looked */
	switch (tag) {
	case ENTRY_SPC:
		return read_spc(out, v, mode, e);
	case ENTRY_RANGE:
		return read_range(out, v, mode, e);
	default:
		return read_one(out, v, e);
	}
}

enum dca_rc
dca_tnauthlist_parse(struct dca_tnset *out, struct dca_buf der,
    enum dca_tnauthlist_mode mode, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *all = NULL;
	enum dca_rc rc = DCA_OK;
	struct dca_buf list;
	const int most = mode == DCA_TNAUTHLIST_ISSUE ? DCA_CROSS_MAX
						      : DCA_CERT_MAX;

	if (der.n > (size_t)most)
		return dca_fail(e, DCA_RULE_TN_DER,
		    "TNAuthList of %zu octets, at most %d", der.n, most);
	if (!tlv_take(&der, TLV_SEQ, &list, NULL) || der.n > 0 ||
	    !is_der(list))
		return dca_fail(e, DCA_RULE_TN_DER,
		    "RFC 8226 9: not the DER of a TNAuthorizationList");
	if (list.n == 0)
		return dca_fail(e, DCA_RULE_TN_EMPTY,
		    "RFC 8226 9: TNAuthorizationList without an entry");
	all = dca_tnset_new();
	while (rc == DCA_OK && list.n > 0)
		rc = read_entry(all, &list, mode, e);
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
	size_t size = 16 + (2 * n_range + n_literal) * ENTRY_MAX;
	DCA_CLEANUP(dca_free_p) uint8_t *p = NULL;
	struct tlv_out w;

	if (dca_tnset_empty(s))
		abort();
	for (i = 0; i < n_spc; i++)
		size += strlen(spc[i]) + 8;
	p = dca_alloc(size);
	w = (struct tlv_out){ p, size };
	for (i = n_literal; i > 0; i--)
		put_string(&w, TLV_CONTEXT | 2, literal[i - 1]);
	for (i = n_range; i > 0; i--)
		put_interval(&w, range[i - 1]);
	for (i = n_spc; i > 0; i--)
		put_string(&w, TLV_CONTEXT, spc[i - 1]);
	tlv_head(&w, TLV_SEQ, size);
	dca_out_add(o, w.p + w.at, size - w.at);
}
