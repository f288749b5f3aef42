/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-passport verify: a verification service (RFC 8224 6.2) for one request.
 * Each PASSporT in turn: its URL, its chain, its signature, its age, its
 * number, its claims; then all of them against the request. The first refusal
 * is the verdict. Must never accept what it could not check.
 */
#include "dca-passport.h"

#include <stdlib.h>

#include "dca/os.h"

/* A transfer may come late: what the inner PASSporTs of a chain may be old
 * (RFC 8946 4.2 leaves it to the verifier). */
enum { INNER_AGE_MAX = 3 * 3600 };

static enum dca_rc
get_chain(struct dca_out *chain, struct judged *one,
    const struct judge_ask *ask, struct dca_err *e)
{
	bool cached = false;
	enum dca_rc rc;

	if (ask->chain != NULL) {
		one->chain = CHAIN_FILE;
		return dca_file_read(chain, ask->chain, PASSPORT_CHAIN_MAX, e);
	}
	rc = passport_cache_get(chain, &cached, ask->cache, one->p.x5u,
	    ask->trust.tls_ca, dca_now(), e);
	if (rc == DCA_OK)
		one->chain = cached ? CHAIN_CACHED : CHAIN_FETCHED;
	return rc;
}

/* The leaf of a chain that holds. */
static enum dca_rc
check_chain(struct judged *one, const struct judge_ask *ask,
    const struct dca_verifier *v, struct dca_err *e)
{
	struct dca_verified *leaf = NULL;
	struct dca_verify_why why;
	DCA_AUTO_OUT chain = { 0 };
	const void *der;
	enum dca_rc rc;
	size_t n;

	if ((rc = get_chain(&chain, one, ask, e)) != DCA_OK)
		return rc;
	(void)dca_verifier_check(v, chain.p, chain.n, ask->when, &leaf, &why);
	rc = verify_taken(&why, e);
	if (rc == DCA_OK) {
		one->spc_unchecked = why.spc_unchecked;
		der = dca_verified_leaf(leaf, &n);
		rc = dca_cert_parse(&one->leaf, DCA_BUF(der, n), e);
	}
	dca_verified_free(leaf);
	return rc;
}

static enum dca_rc
check_signature(const struct judged *one, struct dca_err *e)
{
	if (!one->leaf.p256)
		return dca_fail(e, DCA_RULE_PASSPORT_SIGNATURE,
		    "the key of the leaf is no P-256 key, so nothing is "
		    "ES256 by it");
	return passport_verify(&one->p, &one->leaf.key, e);
}

/* Both ways: a clock that is ahead is as wrong as a call that is late. */
static enum dca_rc
check_fresh(const struct judged *one, int64_t when, int64_t max_age,
    struct dca_err *e)
{
	const int64_t iat = one->p.iat;
	char t[DCA_TIME_TEXT];

	dca_time_format(t, iat);
	if (iat < when - max_age || iat > when + max_age)
		return dca_fail(e, DCA_RULE_PASSPORT_FRESH,
		    "iat %s is %lld s %s, more than %lld s", t,
		    (long long)(iat < when ? when - iat : iat - when),
		    iat < when ? "ago" : "ahead", (long long)max_age);
	if (iat < one->leaf.not_before || iat > one->leaf.not_after)
		return dca_fail(e, DCA_RULE_PASSPORT_FRESH,
		    "iat %s is outside the validity of the certificate", t);
	return DCA_OK;
}

static enum dca_rc
check_shaken(const struct judged *one, const struct judge_ask *ask,
    struct dca_err *e)
{
	if (one->p.type == PASSPORT_SHAKEN && ask->no_shaken_by_delegate &&
	    !dca_tnset_has_spc(one->leaf.scope))
		return dca_fail(e, DCA_RULE_PASSPORT_SHAKEN,
		    "a certificate without SPC signs no shaken PASSporT here");
	return DCA_OK;
}

static enum dca_rc
judge_one(struct judged *one, const struct judge_ask *ask,
    const struct dca_verifier *v, int64_t max_age)
{
	struct dca_err *e = &one->err;
	enum dca_rc rc;

	one->looked_at = true;
	if (e->rule != DCA_RULE_NONE)
		return dca_problem(e->rule)->rc;	/* its form */
	if ((one->identity.info != NULL && (rc = sip_identity_check(
	    &one->identity, &one->p, e)) != DCA_OK) ||
	    (rc = passport_x5u_check(one->p.x5u, e)) != DCA_OK ||
	    (rc = check_chain(one, ask, v, e)) != DCA_OK ||
	    (rc = check_signature(one, e)) != DCA_OK ||
	    (rc = check_fresh(one, ask->when, max_age, e)) != DCA_OK ||
	    (rc = check_shaken(one, ask, e)) != DCA_OK)
		return rc;
	return passport_allowed(&one->p, &one->leaf, e);
}

/* Of a chain the last diversion is fresh, the others may be older. */
static int64_t
age_of(const struct judged *one, const struct judged *outermost,
    int64_t max_age)
{
	return outermost == NULL || one == outermost ||
	    max_age > INNER_AGE_MAX ? max_age : INNER_AGE_MAX;
}

static bool
forms_hold(const struct judgement *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (!j->v[i].ignored && j->v[i].err.rule != DCA_RULE_NONE)
			return false;
	return true;
}

static void
judge_all(struct judgement *j, const struct judge_ask *ask,
    const struct dca_verifier *v)
{
	const struct judged *outermost = forms_hold(j) ?
	    judgement_outermost(j) : NULL;
	enum dca_rc rc;

	for (size_t i = 0; i < j->n; i++) {
		struct judged *one = &j->v[i];

		if (one->ignored)
			continue;
		rc = judge_one(one, ask, v, age_of(one, outermost,
		    ask->max_age));
		if (rc != DCA_OK) {
			j->err = one->err;
			return;
		}
	}
	(void)!judgement_request(j, &j->err);
}

enum dca_rc
passport_judge(struct judgement *j, const struct judge_ask *ask,
    struct dca_err *e)
{
	struct dca_verifier *v = dca_verifier_new();
	enum dca_rc rc;

	*j = (struct judgement){ 0 };
	if (v == NULL)
		abort();
	if ((rc = verify_set_up(v, &ask->trust, e)) == DCA_OK)
		rc = judgement_read(j, ask, e);
	if (rc == DCA_OK && j->err.rule == DCA_RULE_NONE)
		judge_all(j, ask, v);
	dca_verifier_free(v);
	return rc;
}

void
judgement_clear(struct judgement *j)
{
	for (size_t i = 0; i < j->n; i++) {
		sip_identity_clear(&j->v[i].identity);
		passport_clear(&j->v[i].p);
		dca_cert_clear(&j->v[i].leaf);
	}
	dca_free_p(&j->keep_caller);
	dca_free_p(&j->keep_called);
	dca_free_p(&j->keep_to);
	*j = (struct judgement){ 0 };
}
