/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate lets its holder say: its numbers (RFC 8226 9, RFC 9060 1;
 * of a div the diverted one, RFC 8946 3) and its claim constraints (RFC 8226
 * 8, RFC 9118 4). Asked before signing and when verifying, by the same code.
 */
#include "dca-passport.h"

#include <string.h>

#include "dca/constraints.h"

/* An SPC makes its holder a participant for any number (ATIS-1000080). */
static enum dca_rc
check_number(const struct passport *p, const struct dca_cert *leaf,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *number =
	    dca_tnset_new();
	const struct passport_party who = passport_authority(p);
	const char *claim = p->type == PASSPORT_DIV ? "div" : "orig";
	enum dca_rc rc;

	if (leaf->scope == NULL)
		return dca_fail(e, DCA_RULE_PASSPORT_NUMBER,
		    "the certificate has no list (RFC 8226 9)");
	if (dca_tnset_has_spc(leaf->scope))
		return DCA_OK;
	if (who.tn == NULL)
		return dca_fail(e, DCA_RULE_PASSPORT_NUMBER,
		    "%s is a URI, the certificate has only numbers "
		    "(RFC 8224 8)", claim);
	if ((rc = dca_tnset_add_number(number, who.tn, e)) != DCA_OK)
		return rc;
	if (dca_tnset_covers(leaf->scope, number, NULL))
		return DCA_OK;
	rc = dca_fail(e, DCA_RULE_PASSPORT_NUMBER,
	    "%s %s is not in the list of the certificate", claim, who.tn);
	if (e != NULL)
		(void)dca_strlcpy(e->first, who.tn, sizeof(e->first));
	return rc;
}

static enum dca_rc
check_claims(struct passport *p, const struct dca_cert *leaf,
    struct dca_err *e)
{
	struct dca_constraints c = { 0 };
	enum dca_rc rc;

	if (leaf->constraints.n == 0)
		return DCA_OK;
	rc = dca_constraints_parse(&c, leaf->constraints,
	    leaf->constraints_enhanced, NULL, e);
	if (rc == DCA_OK)
		rc = dca_constraints_judge(&c, passport_claim, p, e);
	dca_constraints_clear(&c);
	return rc;
}

enum dca_rc
passport_allowed(struct passport *p, const struct dca_cert *leaf,
    struct dca_err *e)
{
	enum dca_rc rc = check_number(p, leaf, e);

	return rc == DCA_OK ? check_claims(p, leaf, e) : rc;
}
