/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a chain is judged by, out of files: trusted roots, a CRL and who signed
 * it, the numbers of each provider. For dca-verify and dca-passport.
 */
#include "dca-verify.h"

#include <string.h>

#include "dca/os.h"

enum { CRL_FILE_MAX = 24 * 1024 * 1024 };

enum dca_rc
verify_taken(const struct dca_verify_why *why, struct dca_err *e)
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

	rc = dca_file_read(&in, file != NULL ? file : VERIFY_ROOTS,
	    VERIFY_FILE_MAX, e);
	if (rc == DCA_OK) {
		(void)dca_verifier_add_roots(v, in.p, in.n, &why);
		rc = verify_taken(&why, e);
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
	rc = verify_taken(&why, e);
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

enum dca_rc
verify_set_up(struct dca_verifier *v, const struct verify_ask *ask,
    struct dca_err *e)
{
	enum dca_rc rc;

	dca_verifier_spc(v, ask->spc);
	if ((rc = add_roots(v, ask->roots, e)) != DCA_OK ||
	    (rc = add_crl(v, ask, e)) != DCA_OK)
		return rc;
	return add_inventory(v, ask->inventory, e);
}

bool
verify_spc_parse(enum dca_verify_spc *policy, const char *word)
{
	static const struct {
		const char *word;
		enum dca_verify_spc policy;
	} words[] = {
		{ "flag", DCA_VERIFY_SPC_FLAG },
		{ "accept", DCA_VERIFY_SPC_ACCEPT },
		{ "reject", DCA_VERIFY_SPC_REJECT },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (word == NULL || strcmp(words[i].word, word) == 0) {
			*policy = words[i].policy;
			return true;
		}
	}
	return false;
}
