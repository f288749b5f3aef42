/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lint where it decides: before a TBSCertificate is signed, and before a
 * cross-certificate is installed. The first error is the reason; a warning
 * never is.
 */
#include "lint-parts.h"

struct first {
	const struct dca_lint_rule *rule;	/* NULL: no error */
	char detail[200];
};

static void
keep_first(const struct dca_lint_finding *f, void *arg)
{
	struct first *first = arg;

	if (first->rule != NULL || (f->verdict != DCA_LINT_ERROR &&
	    f->verdict != DCA_LINT_FATAL))
		return;
	first->rule = f->rule;
	(void)dca_strlcpy(first->detail, f->detail, sizeof(first->detail));
}

static enum dca_rc
decide(const struct dca_lint_cert *c, const struct dca_lint_cert *issuer,
    unsigned pack, const struct dca_lint_options *opt, enum dca_rule rule,
    struct dca_err *e)
{
	struct first first = { .rule = NULL };
	enum dca_rc rc;

	(void)dca_lint_run(c, issuer, pack, opt, keep_first, &first);
	if (first.rule == NULL)
		return DCA_OK;
	rc = dca_fail(e, rule, "%s: %s%s%s (%s)", first.rule->id,
	    first.rule->text, first.detail[0] != '\0' ? ": " : "",
	    first.detail, first.rule->clause);
	if (e != NULL)
		(void)dca_strlcpy(e->field, first.rule->id, sizeof(e->field));
	return rc;
}

enum dca_rc
dca_lint_tbs(struct dca_buf tbs, const struct dca_lint_cert *issuer,
    const struct dca_lint_options *opt, struct dca_err *e)
{
	DCA_CLEANUP(dca_lint_free_p) struct dca_lint_cert *c = NULL;
	struct dca_err why = { .rule = DCA_RULE_NONE };

	if (dca_lint_read_tbs(&c, tbs, &why) != DCA_OK)
		return dca_fail(e, DCA_RULE_LINT, "%s", why.text);
	return decide(c, issuer, DCA_LINT_DELEGATE_EE, opt, DCA_RULE_LINT, e);
}

enum dca_rc
dca_lint_cross(const struct dca_lint_cert *cross,
    const struct dca_lint_cert *issuer, const struct dca_lint_options *opt,
    struct dca_err *e)
{
	return decide(cross, issuer, DCA_LINT_STI_SCA, opt,
	    DCA_RULE_CROSS_LINT, e);
}
