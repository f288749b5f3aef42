/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The revoked certificates of a CRL (RFC 5280 5.3): read strictly, kept
 * compactly, found by binary search. Must never skip an entry that it does
 * not understand: what stands in it might be the certificate that is asked
 * for, so one bad entry refuses the whole list.
 */
#include "crl-parts.h"

#include <stdio.h>

#include "tlv.h"

#define OID_REASON "\x55\x1d\x15"
#define OID_INVALIDITY "\x55\x1d\x18"
#define OID_CERT_ISSUER "\x55\x1d\x1d"
enum { EXTENSIONS_MAX = 16, REASON_NONE = 0xff, REASON_REMOVE = 8,
	REASON_LAST = 10 };

/* Entries without certificateIssuer have that of the entry before them, the
 * first ones that of the CRL (5.3.3). */
struct reader {
	struct crl_entries *out;
	uint8_t issuer[16];
	bool indirect;
};

static void
hash_name(uint8_t out[static 16], struct dca_buf name)
{
	uint8_t digest[DCA_SHA256_LEN];

	dca_sha256(digest, name);
	memcpy(out, digest, 16);
}

static bool
take_extension(struct dca_buf *in, struct dca_buf *oid, bool *critical,
    struct dca_buf *value)
{
	struct dca_buf ext, flag;

	if (!tlv_take(in, TLV_SEQ, &ext, NULL) ||
	    !tlv_take(&ext, TLV_OID, oid, NULL))
		return false;
	*critical = tlv_take(&ext, TLV_BOOLEAN, &flag, NULL);
	if (*critical && (flag.n != 1 || flag.p[0] != 0xff))
		return false;
	return tlv_take(&ext, TLV_OCTETS, value, NULL) && ext.n == 0;
}

bool
crl_extension_next(struct dca_buf list, struct dca_buf *in,
    struct dca_buf *oid, bool *critical, struct dca_buf *value)
{
	const uint8_t *at = in->p;
	struct dca_buf other, v;
	bool c;

	if (!take_extension(in, oid, critical, value))
		return false;
	while (list.p < at && take_extension(&list, &other, &c, &v))
		if (dca_buf_eq(other, *oid))
			return false;
	return true;
}

enum dca_rc
crl_fail_unknown(struct dca_buf oid, const char *where, struct dca_err *e)
{
	DCA_AUTO_OUT text = { 0 };

	dca_oid_print(&text, oid);
	return dca_fail(e, DCA_RULE_CRL_FORM,
	    "critical extension %.64s of %s is not known (RFC 5280 5.2, 5.3)",
	    (const char *)text.p, where);
}

bool
crl_directory_name(struct dca_buf names, struct dca_buf *name)
{
	struct dca_buf v, in;
	uint8_t tag;
	int n = 0;

	while (tlv_next(&names, &tag, &v, NULL)) {
		if (tag != (TLV_CONTEXT | 4))
			continue;
		in = v;
		if (!dca_name_take_der(&in) || in.n > 0)
			return false;
		*name = v;
		n++;
	}
	return n == 1 && names.n == 0;
}

static bool
take_reason(struct dca_buf v, uint8_t *reason)
{
	struct dca_buf b;

	if (!tlv_take(&v, TLV_ENUMERATED, &b, NULL) || v.n > 0 || b.n != 1)
		return false;
	*reason = b.p[0];
	/* 7 is not used; removeFromCRL is for deltas (5.3.1) */
	return *reason <= REASON_LAST && *reason != 7 &&
	    *reason != REASON_REMOVE;
}

static enum dca_rc
take_issuer(struct reader *r, struct dca_buf v, bool critical,
    struct dca_err *e)
{
	struct dca_buf names, name;

	if (!r->indirect)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "certificateIssuer in a CRL that is not indirect "
		    "(RFC 5280 5.3.3)");
	if (!critical)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "certificateIssuer is not critical (RFC 5280 5.3.3)");
	if (!tlv_take(&v, TLV_SEQ, &names, NULL) || v.n > 0 ||
	    !crl_directory_name(names, &name))
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "certificateIssuer is not one directory name "
		    "(RFC 5280 5.3.3)");
	hash_name(r->issuer, name);
	return DCA_OK;
}

static enum dca_rc
take_entry_extension(struct reader *r, struct crl_entry *entry,
    struct dca_buf oid, bool critical, struct dca_buf v, struct dca_err *e)
{
	int64_t when;

	if (dca_buf_eq(oid, TLV_LIT(OID_CERT_ISSUER)))
		return take_issuer(r, v, critical, e);
	if (dca_buf_eq(oid, TLV_LIT(OID_REASON)))
		return take_reason(v, &entry->reason) ? DCA_OK :
		    dca_fail(e, DCA_RULE_CRL_FORM,
			"reasonCode is malformed (RFC 5280 5.3.1)");
	if (dca_buf_eq(oid, TLV_LIT(OID_INVALIDITY)))
		return v.n > 0 && v.p[0] == TLV_GENTIME &&
		    dca_time_take(&v, &when) && v.n == 0 ? DCA_OK :
		    dca_fail(e, DCA_RULE_CRL_FORM,
			"invalidityDate is malformed (RFC 5280 5.3.2)");
	return critical ? crl_fail_unknown(oid, "an entry", e) : DCA_OK;
}

static enum dca_rc
take_entry_extensions(struct reader *r, struct crl_entry *entry,
    struct dca_buf list, struct dca_err *e)
{
	struct dca_buf in = list, oid, value;
	bool critical;
	enum dca_rc rc = DCA_OK;
	int n;

	for (n = 0; rc == DCA_OK && (in.n > 0 || n == 0); n++)
		rc = n < EXTENSIONS_MAX && crl_extension_next(list, &in, &oid,
		    &critical, &value) ?
		    take_entry_extension(r, entry, oid, critical, value, e) :
		    dca_fail(e, DCA_RULE_CRL_FORM,
			"entry extensions are malformed or twice "
			"(RFC 5280 5.3)");
	return rc;
}

/* Room for one more. */
static struct crl_entry *
grow(struct crl_entries *s)
{
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 64 : 2 * s->cap;
		s->v = dca_realloc(s->v, s->cap * sizeof(*s->v));
	}
	s->v[s->n] = (struct crl_entry){ .reason = REASON_NONE };
	return &s->v[s->n++];
}

static enum dca_rc
take_entry(struct reader *r, struct dca_buf *in, struct dca_err *e)
{
	struct crl_entry *entry = grow(r->out);
	struct dca_buf seq, list;
	enum dca_rc rc;

	if (!tlv_take(in, TLV_SEQ, &seq, NULL) ||
	    !dca_serial_take(&seq, entry->key + 16) ||
	    !dca_time_take(&seq, &entry->date))
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "serial or revocationDate is malformed (RFC 5280 5.1.2.6)");
	if (seq.n > 0) {
		if (!tlv_take(&seq, TLV_SEQ, &list, NULL) || seq.n > 0)
			return dca_fail(e, DCA_RULE_CRL_FORM,
			    "entry is longer than its fields");
		rc = take_entry_extensions(r, entry, list, e);
		if (rc != DCA_OK)
			return rc;
	}
	memcpy(entry->key, r->issuer, 16);
	return DCA_OK;
}

static int
entry_cmp(const void *x, const void *y)
{
	const struct crl_entry *a = x, *b = y;

	return memcmp(a->key, b->key, CRL_KEY);
}

enum dca_rc
crl_entries_parse(struct crl_entries *out, struct dca_buf list,
    struct dca_buf issuer, bool indirect, struct dca_err *e)
{
	struct reader r = { .out = out, .indirect = indirect };
	char where[32];
	enum dca_rc rc;

	hash_name(r.issuer, issuer);
	while (list.n > 0) {
		rc = take_entry(&r, &list, e);
		if (rc != DCA_OK) {
			(void)snprintf(where, sizeof(where), "entry %zu",
			    out->n);
			return dca_fail_in(e, where);
		}
	}
	if (out->n == 0)
		return DCA_OK;
	out->cap = out->n;
	out->v = dca_realloc(out->v, out->n * sizeof(*out->v));
	qsort(out->v, out->n, sizeof(*out->v), entry_cmp);
	return DCA_OK;
}

const struct crl_entry *
crl_entries_find(const struct crl_entries *s, struct dca_buf issuer,
    const uint8_t serial[DCA_SERIAL_LEN])
{
	struct crl_entry key = { .date = 0 };

	if (s->n == 0)
		return NULL;
	hash_name(key.key, issuer);
	memcpy(key.key + 16, serial, DCA_SERIAL_LEN);
	return bsearch(&key, s->v, s->n, sizeof(*s->v), entry_cmp);
}

const char *
crl_reason(uint8_t reason)
{
	static const char *const names[REASON_LAST + 1] = { "unspecified",
		"keyCompromise", "cACompromise", "affiliationChanged",
		"superseded", "cessationOfOperation", "certificateHold", NULL,
		NULL, "privilegeWithdrawn", "aACompromise" };

	return reason > REASON_LAST || names[reason] == NULL ? "no reason" :
	    names[reason];
}
