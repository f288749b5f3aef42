/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the cross-certificate: a CA certificate that delegates (RFC
 * 9060 4, ATIS-1000092). The published rules forbid a CA its TNAuthList; here
 * it must have one.
 */
#include "lint-delegate.h"

static enum dca_lint_verdict
is_ca(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->ca ? DCA_LINT_PASS : lint_fail(d, "cA is not TRUE");
}

static enum dca_lint_verdict
signs_certificates(const struct lint_ctx *x, struct lint_detail *d)
{
	return (x->c->ku_bits & LINT_KU_KEY_CERT_SIGN) != 0 ? DCA_LINT_PASS :
	    lint_fail(d, "keyCertSign is not set");
}

/* A path length of 0 above it leaves no room for it (RFC 5280 6.1.4 (l)). */
static enum dca_lint_verdict
issuer_has_room(const struct lint_ctx *x, struct lint_detail *d)
{
	return !x->issuer->has_path_len || x->issuer->path_len > 0 ?
	    DCA_LINT_PASS : lint_fail(d, "the issuer's is 0");
}

static enum dca_lint_verdict
issuer_is_ca(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->issuer->ca ? DCA_LINT_PASS :
	    lint_fail(d, "the issuer is no CA");
}

static enum dca_lint_verdict
path_len_zero(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->has_path_len ? DCA_LINT_PASS :
	    lint_fail(d, "none: CAs could follow");
}

static bool
has_list(const struct lint_ctx *x)
{
	return x->c->tnlist != NULL && x->c->tn_well_formed;
}

static enum dca_lint_verdict
codes(const struct lint_ctx *x, struct lint_detail *d)
{
	const char *const *spc;
	size_t n = dca_tnset_spcs(x->c->tnset, &spc);

	for (size_t i = 0; i < n; i++)
		for (const char *p = spc[i]; *p != '\0'; p++)
			if (!((*p >= 'A' && *p <= 'Z') ||
			    (*p >= '0' && *p <= '9')))
				return lint_fail(d, "\"%s\"", spc[i]);
	return DCA_LINT_PASS;
}

#define SCA DCA_LINT_STI_SCA

static const struct lint_row rows[] = {
	{ { "e_sca_basic_constraints", SCA, "RFC 5280 4.2.1.9; RFC 9060 4",
	    NULL, NULL, "the cross-certificate is no CA certificate",
	    "order it with CA:TRUE, and an SPC token that says ca true" },
	    NULL, is_ca },
	{ { "e_sca_key_usage", SCA, "RFC 5280 4.2.1.3", NULL, NULL,
	    "keyUsage does not allow signing certificates",
	    "order it with keyCertSign" }, NULL, signs_certificates },
	{ { "e_sca_tn_auth_list", SCA, "RFC 9060 4; RFC 8226 9", NULL, NULL,
	    "TNAuthList is missing, critical or malformed",
	    "order it with a non-critical TNAuthorizationList" }, NULL,
	    lint_list_well_formed },
	{ { "e_sca_tn_auth_list_spc_format", SCA,
	    "ATIS-1000080.v005 6.4.1.1", NULL, NULL,
	    "a service provider code is not A-Z and 0-9",
	    "write the code in capitals" }, has_list, codes },
	{ { "e_sca_issuer_ca", SCA, "RFC 5280 6.1.4 (k)", NULL, NULL,
	    "its issuer may not sign certificates", "order it elsewhere" },
	    lint_with_issuer, issuer_is_ca },
	{ { "e_sca_path_length_issuer", SCA, "RFC 5280 4.2.1.9, 6.1.4 (l)",
	    NULL, NULL, "pathLenConstraint of the issuer allows no CA below",
	    "order it under an intermediate with pathLenConstraint of 1 or "
	    "more" }, lint_with_issuer, issuer_has_room },
	{ { "w_sca_path_length", SCA, "RFC 5280 4.2.1.9", NULL, NULL,
	    "there is no pathLenConstraint",
	    "0 says that only end entities follow" }, NULL, path_len_zero },
};
const struct lint_table lint_sca = {
	rows, sizeof(rows) / sizeof(rows[0]),
};
