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

enum { CHAIN_SHOWN = 17 };

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
	rc = verify_taken(&why, e);
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
	if ((rc = verify_set_up(v, ask, e)) == DCA_OK) {
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
