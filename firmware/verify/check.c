/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One chain, judged: path and scope (chain.c of the core), what the policy
 * says of numbers below an SPC, revocation of each certificate below the
 * anchor (RFC 9060 6, RFC 5280 6.1, 6.3). The verifier is only looked at, so
 * any number of threads may be here. Must never reorder, search or fetch.
 */
#include "relying.h"

#include <stdio.h>

/* A chain while it is judged. */
struct judged {
	struct dca_certs chain;
	struct dca_chain_result res;
	bool flagged;
};

/* "\"CN=...\": " before what e says; c is who failed. */
static enum dca_rc
blame(struct judged *j, const struct dca_cert *c, struct dca_err *e)
{
	DCA_AUTO_OUT name = { 0 };
	char quoted[100];

	dca_name_print(&name, c->subject);
	(void)snprintf(quoted, sizeof(quoted), "\"%.90s\"",
	    name.p == NULL ? "" : (const char *)name.p);
	j->res.at = c;
	return dca_fail_in(e, quoted);
}

static enum dca_rc
check_spc(struct judged *j, enum dca_verify_spc policy, struct dca_err *e)
{
	j->flagged = j->res.spc_unchecked && policy == DCA_VERIFY_SPC_FLAG;
	if (!j->res.spc_unchecked || policy != DCA_VERIFY_SPC_REJECT)
		return DCA_OK;
	(void)dca_fail(e, DCA_RULE_CHAIN_SPC,
	    "%s is below an SPC whose numbers no inventory tells",
	    j->res.spc_first);
	if (e != NULL)
		dca_strlcpy(e->first, j->res.spc_first, sizeof(e->first));
	return blame(j, j->res.spc_at, e);
}

static enum dca_rc
check_revocation(const struct dca_verifier *v, struct judged *j, int64_t when,
    struct dca_err *e)
{
	const struct dca_crl *const *crls =
	    (const struct dca_crl *const *)v->crls;
	size_t i;

	if (v->n_crls == 0)
		return DCA_OK;
	for (i = 0; i < j->res.below; i++)
		if (dca_crl_check(crls, v->n_crls, &j->chain.v[i], when, e) !=
		    DCA_OK)
			return blame(j, &j->chain.v[i], e);
	return DCA_OK;
}

static enum dca_rc
judge(const struct dca_verifier *v, struct judged *j, struct dca_buf in,
    int64_t when, struct dca_err *e)
{
	struct dca_inventory inventory = {
		relying_numbers, (void *)(uintptr_t)v
	};
	enum dca_rc rc;

	if (in.n > RELYING_OCTETS_MAX)
		return dca_fail(e, DCA_RULE_INPUT,
		    "chain of %zu octets, at most %d are read", in.n,
		    RELYING_OCTETS_MAX);
	if ((rc = dca_certs_parse(&j->chain, in, RELYING_CHAIN_MAX, e)) !=
	    DCA_OK ||
	    (rc = dca_chain_verify(&j->chain, &v->roots, when, &inventory,
	    &j->res, e)) != DCA_OK ||
	    (rc = check_spc(j, v->policy, e)) != DCA_OK)
		return rc;
	return check_revocation(v, j, when, e);
}

/* Which of the chain; an anchor that is not in it is none. */
static int
index_of(const struct judged *j)
{
	size_t i;

	for (i = 0; i < j->chain.n; i++)
		if (&j->chain.v[i] == j->res.at)
			return (int)i;
	return -1;
}

enum dca_verify_verdict
dca_verifier_check(const struct dca_verifier *v, const void *chain, size_t n,
    int64_t when, struct dca_verified **out, struct dca_verify_why *why)
{
	struct dca_err e = { .rule = DCA_RULE_NONE };
	struct judged j = { 0 };
	enum dca_verify_verdict verdict;
	enum dca_rc rc;

	if (out != NULL)
		*out = NULL;
	rc = judge(v, &j, DCA_BUF(chain, n), when, &e);
	verdict = relying_why(why, rc, &e);
	if (why != NULL) {
		why->at = rc == DCA_OK ? -1 : index_of(&j);
		why->spc_unchecked = rc == DCA_OK && j.flagged;
	}
	if (rc == DCA_OK && out != NULL)
		*out = relying_accept(v, &j.chain.v[0]);
	dca_certs_clear(&j.chain);
	return verdict;
}
