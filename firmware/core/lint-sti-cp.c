/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published rules of STI certificates: TNAuthList, version, the US SHAKEN
 * CP, and the four rules of RFC 5280 that fire in the public reports.
 */
#include "lint-parts.h"

static bool
ee_cp13_list(const struct lint_ctx *x)
{
	return !x->c->ca && x->c->cp13 && x->c->tnlist != NULL;
}

static bool
ca_cp13_list(const struct lint_ctx *x)
{
	return x->c->ca && x->c->cp13 && x->c->tnlist != NULL;
}

static bool
has_ku_value(const struct lint_ctx *x)
{
	return x->c->ku != NULL && x->c->ku->value.n > 0;
}

const char *
lint_spc_why(enum lint_spc r)
{
	static const char *const why[] = {
		[LINT_SPC_OK] = "",
		[LINT_SPC_ABSENT] = "TNAuthList is missing",
		[LINT_SPC_BAD] = "TNAuthList is bad ASN.1",
		[LINT_SPC_COUNT] = "TNAuthList has not one SPC entry",
		[LINT_SPC_EMPTY] = "the SPC of the TNAuthList is empty",
	};

	return why[r];
}

static enum dca_lint_verdict
tn_list(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->tnlist != NULL && x->c->tnlist->critical)
		return lint_fail(d, "TNAuthList is critical");
	if (x->c->spc_result != LINT_SPC_OK)
		return lint_fail(d, "%s", lint_spc_why(x->c->spc_result));
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
no_tn_list(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->tnlist == NULL ? DCA_LINT_PASS
	    : lint_fail(d, "TNAuthList is present");
}

static enum dca_lint_verdict
spc_format(const struct lint_ctx *x, struct lint_detail *d)
{
	struct dca_buf s = x->c->spc;
	size_t i;

	if (x->c->spc_result != LINT_SPC_OK)
		return lint_fail(d, "%s", lint_spc_why(x->c->spc_result));
	for (i = 0; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') &&
		    (s.p[i] < 'A' || s.p[i] > 'Z'))
			return lint_fail_value(d, "SPC is", s);
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
version(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->version == 2 ? DCA_LINT_PASS
	    : lint_fail(d, "version field is %lld, not 2 (v3)",
	    (long long)x->c->version);
}

static enum dca_lint_verdict
issuer_is_subject(const struct lint_ctx *x, struct lint_detail *d)
{
	return dca_buf_eq(x->c->issuer.der, x->c->subject.der) ? DCA_LINT_PASS
	    : lint_fail(d, "issuer and subject differ");
}

static enum dca_lint_verdict
policy_id(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->n_policies == 1 && (x->c->cp13 || x->c->cp14))
		return DCA_LINT_PASS;
	if (x->c->n_policies != 1)
		return lint_fail(d, "%zu policies", x->c->n_policies);
	(void)lint_fail_oid(d, "policy is", x->c->policy);
	return lint_fail(d, ", not 2.16.840.1.114569.1.1.3 or .4");
}

static enum dca_lint_verdict
always(const struct lint_ctx *x, struct lint_detail *d)
{
	(void)x;
	(void)d;
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
subject_sn(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->subject.sn.last.n > 0 ? DCA_LINT_PASS
	    : lint_fail(d, "subject has no serialNumber");
}

static enum dca_lint_verdict
aki_or_self_signed(const struct lint_ctx *x, struct lint_detail *d)
{
	(void)d;
	return lint_pass_if(x->c->aki != NULL || x->c->self_signed);
}

static enum dca_lint_verdict
aki_id_or_root(const struct lint_ctx *x, struct lint_detail *d)
{
	(void)d;
	return lint_pass_if(x->c->aki_has_id || x->c->root);
}

static enum dca_lint_verdict
has_ski(const struct lint_ctx *x, struct lint_detail *d)
{
	(void)d;
	return lint_pass_if(x->c->ski != NULL);
}

/* A named bit list ends in its last one bit (X.690 11.2.2): the unused bits
 * are the zeros behind it. All zeros have none behind them here. */
static enum dca_lint_verdict
ku_encoding(const struct lint_ctx *x, struct lint_detail *d)
{
	struct dca_buf v = x->c->ku->value;
	char hex[2 * 32 + 1];
	size_t i, zeros = 0;

	dca_hex(hex, v.p, v.n < 32 ? v.n : 32);
	if (v.n < 4) {
		lint_say(d, "value is too short: %s", hex);
		return DCA_LINT_FATAL;
	}
	for (i = v.n; i > 3 && v.p[i - 1] == 0; i--)
		zeros += 8;
	if (i == 3)
		zeros = 0;
	else
		while ((v.p[i - 1] >> zeros % 8 & 1) == 0)
			zeros++;
	return v.p[2] == zeros ? DCA_LINT_PASS
	    : lint_fail(d, "declares %u unused bits, %zu expected: %s",
	    v.p[2], zeros, hex);
}

#define V003 "ATIS-1000080.v003 6.4.1"
#define V005 "ATIS-1000080.v005 6.4.1"

static const struct lint_row rows[] = {
	{ { "e_atis_tn_auth_list", LINT_EE_STI, V003, NULL, "2020-12-03",
	    "TNAuthList is missing, critical or not one SPC",
	    "add a TNAuthList with one SPC, not critical" },
	    lint_ee, tn_list },
	{ { "e_atis_tn_auth_list_ca", LINT_CA_STI, V003, "2020-09-04", NULL,
	    "a CA has a TNAuthList",
	    "leave the TNAuthList to end entities and delegating CAs" },
	    lint_ca, no_tn_list },
	{ { "e_atis_tn_auth_list_spc_format", LINT_EE_STI, V005, NULL,
	    "2023-03-12", "the SPC is not of A-Z and 0-9",
	    "write the SPC (OCN) in capitals and digits" },
	    lint_ee, spc_format },
	LINT_PAIR("e_atis_version", LINT_EE_ALL, LINT_CA_ALL, V003,
	    "2020-09-04", "2020-12-03", "certificate is not X.509 v3",
	    "set version to v3 (2)", lint_ee, lint_ca, version),
	{ { "e_issuer_root", LINT_ROOT_STI, V003, "2020-09-04", NULL,
	    "issuer of a root is not its subject",
	    "repeat the subject as the issuer" },
	    lint_root, issuer_is_subject },
	LINT_PAIR("e_shaken_certificate_policies_id", LINT_EE_STI,
	    LINT_SUB_STI, "US SHAKEN CP 1.3 1.3", "2021-08-18", "2022-01-10",
	    "the policy is not the US SHAKEN CP 1.3 or 1.4",
	    "name 2.16.840.1.114569.1.1.4 alone", lint_ee, lint_intermediate,
	    policy_id),
	LINT_PAIR("e_us_cp_subject_sn_may", LINT_EE_STI, LINT_CA_STI,
	    "US SHAKEN CP 1.4 3.1", "2023-06-06", "2023-09-04",
	    "serialNumber in the subject is optional", "nothing",
	    lint_ee_cp14, lint_ca_cp14, always),
	LINT_PAIR("e_us_cp_subject_sn_shall", LINT_EE_ALL, LINT_CA_ALL,
	    "US SHAKEN CP 1.3 3.1", "2021-08-18", "2022-01-10",
	    "subject has no serialNumber",
	    "put a serialNumber into the subject", ee_cp13_list,
	    ca_cp13_list, subject_sn),
	{ { "e_ext_authority_key_identifier_missing",
	    LINT_EE_ALL | LINT_CA_ALL, "RFC 5280 4.2.1.1", "1999-01-01",
	    "1999-01-01", "authorityKeyIdentifier is missing",
	    "name the key of the issuer: authorityKeyIdentifier=keyid" },
	    lint_not_root, aki_or_self_signed },
	{ { "e_ext_authority_key_identifier_no_key_identifier",
	    LINT_EE_ALL | LINT_CA_ALL, "RFC 5280 4.2.1.1", "1999-01-01",
	    "1999-01-01", "authorityKeyIdentifier has no keyIdentifier",
	    "put the subjectKeyIdentifier of the issuer into it" },
	    NULL, aki_id_or_root },
	{ { "e_incorrect_ku_encoding", LINT_EE_ALL | LINT_CA_ALL,
	    "RFC 5280 4.2.1.3; X.690 11.2.2", NULL, NULL,
	    "keyUsage is not a DER named bit list",
	    "end the bits with the last one: 03 02 07 80 is "
	    "digitalSignature" },
	    has_ku_value, ku_encoding },
	{ { "w_ext_subject_key_identifier_missing_sub_cert", LINT_EE_ALL,
	    "RFC 5280 4.2.1.2", NULL, "1999-01-01",
	    "subjectKeyIdentifier is missing",
	    "add subjectKeyIdentifier: SHA-1 of the key" },
	    lint_ee, has_ski },
};

const struct lint_table lint_sti_cp = { rows, sizeof(rows) / sizeof(rows[0]) };
