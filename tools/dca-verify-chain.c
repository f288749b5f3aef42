/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges one chain as libdca-verify does for an SBC: sets a verifier up from
 * files, hands it what the file or x5u holds, and reports. A file that cannot
 * be used for setting up is trouble, never a verdict.
 */
#include "dca-verify.h"

#include <stdlib.h>
#include <string.h>

#include "dca/os.h"
#include "dca/verify.h"

enum { CRL_FILE_MAX = 24 * 1024 * 1024, CHAIN_SHOWN = 17 };

/* What the library says, as an error of ours. */
static enum dca_rc
taken(const struct dca_verify_why *why, struct dca_err *e)
{
	const struct dca_problem *p = dca_problem_by_id(why->rule);

	if (why->verdict == DCA_VERIFY_ACCEPTED)
		return DCA_OK;
	*e = (struct dca_err){ .rule = p == NULL ? DCA_RULE_INTERNAL :
		p->rule };
	dca_strlcpy(e->text, why->text, sizeof(e->text));
	dca_strlcpy(e->first, why->first, sizeof(e->first));
	return dca_problem(e->rule)->rc;
}

static enum dca_rc
add_roots(struct dca_verifier *v, const char *file, struct dca_err *e)
{
	struct dca_verify_why why;
	DCA_AUTO_OUT in = { 0 };
	enum dca_rc rc;

	rc = dca_file_read(&in, file != NULL ? file : VERIFY_ROOTS, VERIFY_FILE_MAX,
	    e);
	if (rc == DCA_OK) {
		(void)dca_verifier_add_roots(v, in.p, in.n, &why);
		rc = taken(&why, e);
	}
	return rc == DCA_OK ? rc : dca_fail_in(e, "trusted roots (--roots)");
}

static enum dca_rc
add_crl(struct dca_verifier *v, const struct verify_ask *ask,
    struct dca_err *e)
{
	struct dca_verify_why why;
	DCA_AUTO_OUT crl = { 0 };
	DCA_AUTO_OUT signer = { 0 };
	enum dca_rc rc;

	if (ask->crl == NULL)
		return DCA_OK;
	if ((rc = dca_file_read(&crl, ask->crl, CRL_FILE_MAX, e)) != DCA_OK ||
	    (rc = dca_file_read(&signer, ask->crl_signer, VERIFY_FILE_MAX,
	    e)) != DCA_OK)
		return rc;
	(void)dca_verifier_add_crl(v, crl.p, crl.n, signer.p, signer.n, &why);
	rc = taken(&why, e);
	return rc == DCA_OK ? rc : dca_fail_in(e, "--crl");
}

static enum dca_rc
add_inventory(struct dca_verifier *v, const char *file, struct dca_err *e)
{
	struct verify_inventory *numbers = NULL;
	enum dca_rc rc;

	if (file == NULL)
		return DCA_OK;
	rc = verify_inventory_read(&numbers, file, e);
	if (rc == DCA_OK)
		verify_inventory_give(numbers, v);
	verify_inventory_free(numbers);
	return rc;
}

static enum dca_rc
read_chain(struct dca_out *in, const struct verify_ask *ask,
    struct dca_err *e)
{
	if (ask->url != NULL)
		return dca_fetch(in, ask->url, ask->tls_ca, e);
	return dca_file_read(in, ask->file, VERIFY_FILE_MAX, e);
}

/* A chain that cannot be read or fetched is reported like one refused. */
static enum dca_rc
check(struct verify_report *r, struct dca_chain_result *res,
    struct dca_certs *shown, const struct dca_verifier *v, struct dca_err *e)
{
	struct dca_verified *leaf = NULL;
	struct dca_verify_why why;
	DCA_AUTO_OUT in = { 0 };
	enum dca_rc rc = read_chain(&in, r->ask, e);

	if (rc != DCA_OK)
		return rc;
	(void)dca_verifier_check(v, in.p, in.n, r->when, &leaf, &why);
	rc = taken(&why, e);
	if (rc == DCA_OK && r->ask->number != NULL &&
	    !dca_verified_may_sign(leaf, r->ask->number)) {
		rc = dca_fail(e, DCA_RULE_CHAIN_NUMBER,
		    "%.32s is not in the list of the leaf", r->ask->number);
		why.at = 0;
	}
	dca_verified_free(leaf);
	/* to show what was judged, as far as it can be read */
	if (dca_certs_parse(shown, dca_out_buf(&in), CHAIN_SHOWN, NULL) !=
	    DCA_OK)
		return rc;
	if (why.at >= 0 && (size_t)why.at < shown->n)
		res->at = &shown->v[why.at];
	res->spc_unchecked = why.spc_unchecked;
	return rc;
}

enum dca_rc
verify_chain(const struct verify_ask *ask, int64_t when, bool json, int *code,
    struct dca_err *e)
{
	struct dca_err found = { .rule = DCA_RULE_NONE };
	struct dca_chain_result res = { 0 };
	struct dca_certs shown = { 0 };
	struct verify_report r = { &shown, &res, &found, ask, when };
	struct dca_verifier *v = dca_verifier_new();
	enum dca_rc rc;

	if (v == NULL)
		abort();
	dca_verifier_spc(v, ask->spc);
	if ((rc = add_roots(v, ask->roots, e)) == DCA_OK &&
	    (rc = add_crl(v, ask, e)) == DCA_OK &&
	    (rc = add_inventory(v, ask->inventory, e)) == DCA_OK) {
		*code = dca_exit_code(check(&r, &res, &shown, v, &found));
		if (json)
			verify_report_json(&r);
		else
			verify_report_text(&r);
	}
	dca_certs_clear(&shown);
	dca_verifier_free(v);
	return rc;
}
