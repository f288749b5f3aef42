/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published rules of STI certificates: extensions (ATIS-1000080 6.4.1, US
 * SHAKEN CP). One row says all of a rule; a rule for EE and the same for CA
 * share their check.
 */
#include "lint-parts.h"

#include <string.h>

static bool
root_with_aki(const struct lint_ctx *x)
{
	return x->c->root && x->c->aki != NULL;
}

static bool
has_points(const struct lint_ctx *x)
{
	return !x->c->root && x->c->cp14 && x->c->crldp != NULL;
}

static bool
ee_has_points(const struct lint_ctx *x)
{
	return has_points(x) && !x->c->ca;
}

static bool
sub_has_points(const struct lint_ctx *x)
{
	return has_points(x) && x->c->ca;
}

static bool
ee_with_ku(const struct lint_ctx *x)
{
	return !x->c->ca && x->c->ku != NULL;
}

static bool
ca_with_ku(const struct lint_ctx *x)
{
	return x->c->ca && x->c->ku != NULL;
}

static enum dca_lint_verdict
aki_present(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->aki != NULL ? DCA_LINT_PASS
	    : lint_fail(d, "authorityKeyIdentifier is missing");
}

static enum dca_lint_verdict
aki_is_ski(const struct lint_ctx *x, struct lint_detail *d)
{
	return dca_buf_eq(x->c->aki_id, x->c->ski_value) ? DCA_LINT_PASS
	    : lint_fail(d, "keyIdentifier of %zu octets is not the "
	    "subjectKeyIdentifier of %zu", x->c->aki_id.n,
	    x->c->ski_value.n);
}

static enum dca_lint_verdict
basic_constraints(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->bc == NULL)
		return lint_fail(d, "basicConstraints is missing");
	if (!x->c->bc->critical)
		return lint_fail(d, "basicConstraints is not critical");
	if (!x->c->bc_parses)
		return lint_fail(d, "basicConstraints does not parse");
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
one_policy(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->policies == NULL)
		return lint_fail(d, "certificatePolicies is missing");
	if (x->c->policies->critical)
		return lint_fail(d, "certificatePolicies is critical");
	if (x->c->n_policies != 1)
		return lint_fail(d, "%zu policies", x->c->n_policies);
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
no_policies(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->policies == NULL ? DCA_LINT_PASS
	    : lint_fail(d, "certificatePolicies is present");
}

static enum dca_lint_verdict
one_http_uri(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->crldp == NULL)
		return lint_fail(d, "cRLDistributionPoints is missing");
	if (x->c->n_uris != 1)
		return lint_fail(d, "%zu URIs", x->c->n_uris);
	if (x->c->uri.n < 4 || memcmp(x->c->uri.p, "http", 4) != 0)
		return lint_fail_value(d, "URI is", x->c->uri);
	return DCA_LINT_PASS;
}

/* The first point alone, and its first two elements: distributionPoint [0],
 * cRLIssuer [2]. */
static enum dca_lint_verdict
point_has_issuer(const struct lint_ctx *x, struct lint_detail *d)
{
	struct dca_buf in = x->c->crldp->value;
	struct lint_tlv list, point, t;

	if (lint_take(&in, LINT_SEQUENCE, &list) != NULL ||
	    lint_take(&list.value, LINT_SEQUENCE, &point) != NULL)
		return lint_fail(d, "no DistributionPoint");
	if (lint_take(&point.value, LINT_CONTEXT | LINT_CONSTRUCTED, &t) !=
	    NULL)
		return lint_fail(d, "distributionPoint [0] is not first");
	if (lint_take(&point.value, LINT_CONTEXT | LINT_CONSTRUCTED | 2,
	    &t) != NULL)
		return lint_fail(d, "cRLIssuer [2] is not second");
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
no_points(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->crldp == NULL ? DCA_LINT_PASS
	    : lint_fail(d, "cRLDistributionPoints is present");
}

static enum dca_lint_verdict
key_usage(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->ku == NULL)
		return lint_fail(d, "keyUsage is missing");
	if (!x->c->ku->critical)
		return lint_fail(d, "keyUsage is not critical");
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
key_usage_ca(const struct lint_ctx *x, struct lint_detail *d)
{
	unsigned bits = x->c->ku_bits;

	if (x->c->cp14)
		return bits == LINT_KU_KEY_CERT_SIGN ? DCA_LINT_PASS
		    : lint_fail(d, "under CP 1.4 keyUsage is keyCertSign "
		    "alone; bits 0x%x", bits);
	if ((bits & LINT_KU_KEY_CERT_SIGN) == 0)
		return lint_fail(d, "keyCertSign is not set; bits 0x%x", bits);
	if ((bits & ~(unsigned)(LINT_KU_KEY_CERT_SIGN | LINT_KU_CRL_SIGN |
	    LINT_KU_DIGITAL_SIGNATURE)) != 0)
		return lint_fail(d, "more than digitalSignature, keyCertSign "
		    "and cRLSign; bits 0x%x", bits);
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
key_usage_ee(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->ku_bits == LINT_KU_DIGITAL_SIGNATURE ? DCA_LINT_PASS
	    : lint_fail(d, "bits 0x%x are not digitalSignature alone",
	    x->c->ku_bits);
}

static enum dca_lint_verdict
only_specified(const struct lint_ctx *x, struct lint_detail *d)
{
	static const struct dca_buf allowed[] = {
		LINT_LIT(LINT_OID_KU), LINT_LIT(LINT_OID_BC),
		LINT_LIT(LINT_OID_POLICIES), LINT_LIT(LINT_OID_SKI),
		LINT_LIT(LINT_OID_AKI), LINT_LIT(LINT_OID_CRLDP),
		LINT_LIT(LINT_OID_TNLIST),
	};
	enum dca_lint_verdict v = DCA_LINT_PASS;
	char oid[128];
	size_t i, k, n = sizeof(allowed) / sizeof(allowed[0]);

	for (i = 0; i < x->c->n_ext; i++) {
		for (k = 0; k < n; k++)
			if (dca_buf_eq(x->c->ext[i].oid, allowed[k]))
				break;
		if (k < n)
			continue;
		lint_oid_print(oid, sizeof(oid), x->c->ext[i].oid);
		v = lint_fail(d, "%s%s", v == DCA_LINT_PASS ? "" : ",", oid);
	}
	return v;
}

#define V003 "ATIS-1000080.v003 6.4.1"
#define V004 "ATIS-1000080.v004 6.4.1"
#define V005 "ATIS-1000080.v005 6.4.1"
#define V005_FIELDS "ATIS-1000080.v005 6.4.1.1"

static const struct lint_row rows[] = {
	LINT_PAIR("e_atis_ext_authority_key_identifier", LINT_EE_ALL,
	    LINT_SUB_ALL, V003, "2020-09-04", "2020-12-03",
	    "authorityKeyIdentifier is missing",
	    "name the key of the issuer: authorityKeyIdentifier=keyid",
	    lint_ee, lint_intermediate, aki_present),
	{ { "e_atis_ext_authority_key_identifier_root", LINT_ROOT_STI, V003,
	    "2020-09-04", NULL,
	    "authorityKeyIdentifier of a root is not its own key's",
	    "repeat the subjectKeyIdentifier, or leave it out" },
	    root_with_aki, aki_is_ski },
	{ { "e_atis_ext_basic_constraints", LINT_EE_ALL | LINT_CA_ALL, V003,
	    "2020-09-04", "2020-09-04",
	    "basicConstraints is missing, not critical or malformed",
	    "add a critical basicConstraints" },
	    NULL, basic_constraints },
	LINT_PAIR("e_atis_ext_certificate_policies", LINT_EE_ALL, LINT_SUB_ALL,
	    V003, "2020-09-04", "2020-12-03",
	    "certificatePolicies is not one policy, not critical",
	    "name one policy in a certificatePolicies that is not critical",
	    lint_ee, lint_intermediate, one_policy),
	{ { "e_atis_ext_certificate_policies_root", LINT_ROOT_STI, V005,
	    "2022-12-12", NULL, "a root has certificatePolicies",
	    "leave certificatePolicies out of the root" },
	    lint_root, no_policies },
	LINT_PAIR("e_atis_ext_crl_distribution", LINT_EE_STI, LINT_SUB_ALL,
	    V003, "2020-09-04", "2020-12-03",
	    "cRLDistributionPoints is not one http URI",
	    "name one http URI: that of the STI-PA's CRL",
	    lint_ee, lint_intermediate, one_http_uri),
	{ { "e_atis_ext_crl_distribution_root", LINT_ROOT_STI, V005,
	    "2022-12-12", NULL, "a root has cRLDistributionPoints",
	    "leave cRLDistributionPoints out of the root" },
	    lint_root, no_points },
	LINT_PAIR("e_atis_ext_crl_distribution_struct", LINT_EE_STI,
	    LINT_SUB_STI, V004, "2021-10-18", "2022-01-16",
	    "the distribution point does not name the issuer of the CRL",
	    "give the point distributionPoint and cRLIssuer, nothing between",
	    ee_has_points, sub_has_points, point_has_issuer),
	{ { "e_atis_ext_key_usage", LINT_EE_ALL | LINT_CA_ALL, V003,
	    "2020-09-04", "2020-09-04", "keyUsage is missing or not critical",
	    "add a critical keyUsage" },
	    NULL, key_usage },
	{ { "e_atis_ext_key_usage_ca", LINT_CA_ALL, V003 "; " V005,
	    "2020-09-04", NULL, "keyUsage of a CA is not keyCertSign",
	    "set keyCertSign; alone under CP 1.4" },
	    ca_with_ku, key_usage_ca },
	{ { "e_atis_ext_key_usage_ee", LINT_EE_ALL, V003, NULL, "2020-12-03",
	    "keyUsage is not digitalSignature alone",
	    "set digitalSignature and nothing else" },
	    ee_with_ku, key_usage_ee },
	LINT_PAIR("e_atis_ext_not_specified", LINT_EE_STI, LINT_CA_STI,
	    V005_FIELDS, "2022-12-12", "2023-03-12",
	    "an extension that STI certificates do not have",
	    "leave out what the clause does not list",
	    lint_ee, lint_ca, only_specified),
};

const struct lint_table lint_sti_ext = { rows, sizeof(rows) / sizeof(rows[0]) };
