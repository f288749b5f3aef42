/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which revocation list speaks for a certificate, and what it says (RFC 5280
 * 6.3.3). Names are compared octet by octet: a cRLIssuer in another encoding
 * is another issuer. Must never let a list that is silent count as an answer.
 */
#include "crl-parts.h"
#include "tlv.h"

/* A DistributionPoint (RFC 5280 4.2.1.13). */
struct point {
	bool has_names, has_issuer;
	struct dca_buf names;	/* fullName, contents of GeneralNames */
	struct dca_buf issuer;	/* cRLIssuer, Name */
};

static bool
take_point(struct dca_buf *list, struct point *p)
{
	struct dca_buf seq, v;

	*p = (struct point){ 0 };
	if (!tlv_take(list, TLV_SEQ, &seq, NULL))
		return false;
	if (tlv_take(&seq, TLV_CONTEXT | 0, &v, NULL)) {
		p->has_names = tlv_take(&v, TLV_CONTEXT | 0, &p->names, NULL);
		if (!p->has_names || v.n > 0)
			return false;
	}
	tlv_take(&seq, 0x81, NULL, NULL);	/* reasons */
	if (tlv_take(&seq, TLV_CONTEXT | 2, &v, NULL)) {
		p->has_issuer = crl_directory_name(v, &p->issuer);
		if (!p->has_issuer)
			return false;
	}
	return seq.n == 0;
}

/* One GeneralName of a in b, octet by octet? */
static bool
share_name(struct dca_buf a, struct dca_buf b)
{
	struct dca_buf in, x, y;
	uint8_t tag;

	while (tlv_next(&a, &tag, NULL, &x))
		for (in = b; tlv_next(&in, &tag, NULL, &y);)
			if (dca_buf_eq(x, y))
				return true;
	return false;
}

static bool
has_directory_name(struct dca_buf names, struct dca_buf name)
{
	struct dca_buf v;
	uint8_t tag;

	while (tlv_next(&names, &tag, &v, NULL))
		if (tag == (TLV_CONTEXT | 4) && dca_buf_eq(v, name))
			return true;
	return false;
}

/* 6.3.3 (b)(2)(i): a list for one place speaks only for who names it. name:
 * the CRL's issuer, where the point has no name of its own. */
static bool
same_place(const struct dca_crl *c, const struct point *p, struct dca_buf name)
{
	struct dca_buf places = crl_places(c);

	if (places.n == 0)
		return true;
	return p != NULL && p->has_names ? share_name(places, p->names) :
	    has_directory_name(places, name);
}

/* 6.3.3 (b)(1): by the cRLIssuer of a point, or by the issuer. */
static bool
speaks(const struct dca_crl *c, const struct dca_cert *cert)
{
	struct dca_buf in = cert->crldp, list = { NULL, 0 };
	struct dca_buf issuer = crl_issuer(c);
	bool own = dca_buf_eq(issuer, cert->issuer);
	struct point p;

	if (!crl_covers(c, cert->ca))
		return false;
	if (cert->crldp.n > 0 && !tlv_take(&in, TLV_SEQ, &list, NULL))
		return false;
	while (list.n > 0) {
		if (!take_point(&list, &p))
			return false;
		if (p.has_issuer ? crl_indirect(c) &&
		    dca_buf_eq(p.issuer, issuer) && same_place(c, &p, issuer) :
		    own && same_place(c, &p, issuer))
			return true;
	}
	return own && same_place(c, NULL, issuer);
}

static enum dca_rc
fail_revoked(const struct crl_entry *entry, struct dca_err *e)
{
	char t[DCA_TIME_TEXT];

	dca_time_format(t, entry->date);
	return dca_fail(e, DCA_RULE_CHAIN_REVOKED, "revoked at %s, %s", t,
	    crl_reason(entry->reason));
}

static enum dca_rc
fail_stale(const struct dca_crl *c, int64_t when, struct dca_err *e)
{
	char t[DCA_TIME_TEXT];
	bool early = when < dca_crl_this_update(c);

	dca_time_format(t, early ? dca_crl_this_update(c) :
	    dca_crl_next_update(c));
	return dca_fail(e, DCA_RULE_CRL_STALE,
	    early ? "its CRL is in force from %s only" :
	    "its CRL should have been renewed by %s", t);
}

enum dca_rc
dca_crl_lists(const struct dca_crl *c, const struct dca_cert *cert,
    int64_t when, struct dca_err *e)
{
	const struct crl_entry *entry = crl_find(c, cert);

	if (entry != NULL)
		return fail_revoked(entry, e);
	return when < dca_crl_this_update(c) || when > dca_crl_next_update(c) ?
	    fail_stale(c, when, e) : DCA_OK;
}

/* Why none speaks: the nearest miss of each is what people need to know. */
static enum dca_rc
fail_none(const struct dca_crl *const *crls, size_t n,
    const struct dca_cert *cert, struct dca_err *e)
{
	struct dca_buf in = cert->crldp, list = { NULL, 0 };
	struct point p;
	size_t i;

	(void)tlv_take(&in, TLV_SEQ, &list, NULL);
	while (list.n > 0 && take_point(&list, &p))
		for (i = 0; p.has_issuer && i < n; i++)
			if (dca_buf_eq(p.issuer, crl_issuer(crls[i])) &&
			    !crl_indirect(crls[i]))
				return dca_fail(e, DCA_RULE_CRL_NONE,
				    "the CRL of its cRLIssuer does not say "
				    "indirectCRL (RFC 5280 6.3.3 (b))");
	return dca_fail(e, DCA_RULE_CRL_NONE,
	    "none of %zu CRLs is of its cRLIssuer or issuer, octet by octet",
	    n);
}

enum dca_rc
dca_crl_check(const struct dca_crl *const *crls, size_t n,
    const struct dca_cert *cert, int64_t when, struct dca_err *e)
{
	const struct dca_crl *stale = NULL;
	const struct crl_entry *entry;
	bool told = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!speaks(crls[i], cert))
			continue;
		if (when < dca_crl_this_update(crls[i]) ||
		    when > dca_crl_next_update(crls[i])) {
			stale = crls[i];
			continue;
		}
		told = true;
		entry = crl_find(crls[i], cert);
		if (entry != NULL)
			return fail_revoked(entry, e);
	}
	if (told || (stale == NULL && cert->crldp.n == 0))
		return DCA_OK;
	return stale != NULL ? fail_stale(stale, when, e) :
	    fail_none(crls, n, cert, e);
}
