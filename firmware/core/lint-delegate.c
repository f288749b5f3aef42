/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of delegate end-entity certificates (RFC 9060, ATIS-1000092) where
 * the published ones do not fit or do not reach, and of every certificate as a
 * child of its issuer, which the cross-certificate shares. A rule that needs
 * the issuer does not apply while it is not known.
 */
#include "lint-parts.h"

#include <string.h>

#include "lint-delegate.h"

/* --- when they apply --- */

static bool
has_constraints(const struct lint_ctx *x)
{
	return lint_ext_find(x->c, LINT_LIT(LINT_OID_CONSTRAINTS)) != NULL ||
	    lint_ext_find(x->c, LINT_LIT(LINT_OID_ENHANCED)) != NULL;
}

static bool
has_list(const struct lint_ctx *x)
{
	return x->c->tnlist != NULL;
}

static bool
has_policy(const struct lint_ctx *x)
{
	return x->c->policies != NULL && x->c->n_policies == 1;
}

static bool
has_ski(const struct lint_ctx *x)
{
	return x->c->ski != NULL;
}

static bool
wants_shaken(const struct lint_ctx *x)
{
	return x->opt->cn_shaken;
}

/* Something to hold the list against. */
static bool
has_scope(const struct lint_ctx *x)
{
	return x->c->tnset != NULL && x->c->tn_well_formed &&
	    (x->opt->scope != NULL || (x->issuer != NULL &&
	    x->issuer->tnset != NULL && x->issuer->tn_well_formed));
}

bool
lint_with_issuer(const struct lint_ctx *x)
{
	return x->issuer != NULL;
}

/* --- the list --- */

enum dca_lint_verdict
lint_list_well_formed(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->tnlist == NULL)
		return lint_fail(d, "TNAuthList is missing");
	if (x->c->tnlist->critical)
		return lint_fail(d, "TNAuthList is critical");
	if (!x->c->tn_well_formed)
		return lint_fail(d, "%s", x->c->tn_why);
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
no_spc(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->n_spc == 0 && x->c->n_spc_entries == 0 ? DCA_LINT_PASS :
	    lint_fail(d, "%zu service provider codes",
	    x->c->n_spc_entries);
}

/* Numbers under an SPC of the issuer need an inventory: without one they
 * cannot be compared, which is no finding. */
enum dca_lint_verdict
lint_list_inside(const struct lint_ctx *x, struct lint_detail *d)
{
	const struct dca_tnset *parent = x->opt->scope != NULL ?
	    x->opt->scope : x->issuer->tnset;
	char first[DCA_ENTRY_TEXT];

	if (dca_tnset_covers(parent, x->c->tnset, first))
		return DCA_LINT_PASS;
	if (x->opt->scope == NULL && dca_tnset_has_spc(parent) &&
	    strncmp(first, "spc:", 4) != 0)
		return DCA_LINT_PASS;
	return lint_fail(d, "%s is outside", first);
}

/* --- extensions --- */

static bool
accepted(const struct lint_ctx *x)
{
	char text[128];

	lint_oid_print(text, sizeof(text), x->c->policy);
	for (size_t i = 0; i < x->opt->n_policies; i++)
		if (strcmp(x->opt->policies[i], text) == 0)
			return true;
	return LINT_IS(x->c->policy, LINT_OID_CP13) ||
	    LINT_IS(x->c->policy, LINT_OID_CP14) || (x->issuer != NULL &&
	    x->issuer->n_policies > 0 &&
	    dca_buf_eq(x->issuer->policy, x->c->policy));
}

static enum dca_lint_verdict
policy_accepted(const struct lint_ctx *x, struct lint_detail *d)
{
	return accepted(x) ? DCA_LINT_PASS :
	    lint_fail_oid(d, "policy is", x->c->policy);
}

/* The issuer's octets: the STI-PA's CRL is one for all (RFC 5280 4.2.1.13). */
static enum dca_lint_verdict
points_as_issuer(const struct lint_ctx *x, struct lint_detail *d)
{
	const struct lint_ext *is = x->c->crldp, *want = x->issuer->crldp;

	if (is != NULL && is->critical)
		return lint_fail(d, "cRLDistributionPoints is critical");
	if (want == NULL)
		return DCA_LINT_PASS;
	if (is == NULL)
		return lint_fail(d, "cRLDistributionPoints is missing");
	return dca_buf_eq(is->value, want->value) ? DCA_LINT_PASS :
	    lint_fail(d, "cRLDistributionPoints is another than the issuer's");
}

static enum dca_lint_verdict
has_points(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->crldp != NULL || x->opt->crldp_optional ?
	    DCA_LINT_PASS : lint_fail(d, "cRLDistributionPoints is missing");
}

static enum dca_lint_verdict
known_extensions(const struct lint_ctx *x, struct lint_detail *d)
{
	static const struct dca_buf known[] = {
		{ (const uint8_t *)LINT_OID_KU, 3 },
		{ (const uint8_t *)LINT_OID_BC, 3 },
		{ (const uint8_t *)LINT_OID_POLICIES, 3 },
		{ (const uint8_t *)LINT_OID_SKI, 3 },
		{ (const uint8_t *)LINT_OID_AKI, 3 },
		{ (const uint8_t *)LINT_OID_CRLDP, 3 },
		{ (const uint8_t *)LINT_OID_TNLIST, 8 },
		{ (const uint8_t *)LINT_OID_CONSTRAINTS, 8 },
		{ (const uint8_t *)LINT_OID_ENHANCED, 8 },
	};

	for (size_t i = 0; i < x->c->n_ext; i++) {
		bool ok = false;

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			ok = ok || dca_buf_eq(known[k], x->c->ext[i].oid);
		if (!ok)
			return lint_fail_oid(d, "extension", x->c->ext[i].oid);
	}
	return DCA_LINT_PASS;
}

enum dca_lint_verdict
lint_once_each(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->duplicates == 0 ? DCA_LINT_PASS :
	    lint_fail(d, "%zu extensions stand there twice",
	    x->c->duplicates);
}

/* Name constraints of a CA must be (RFC 5280 4.2.1.10). */
enum dca_lint_verdict
lint_only_two_critical(const struct lint_ctx *x, struct lint_detail *d)
{
	for (size_t i = 0; i < x->c->n_ext; i++)
		if (x->c->ext[i].critical &&
		    !LINT_IS(x->c->ext[i].oid, LINT_OID_BC) &&
		    !LINT_IS(x->c->ext[i].oid, LINT_OID_KU) &&
		    !(x->c->ca && LINT_IS(x->c->ext[i].oid, LINT_OID_NAMES)))
			return lint_fail_oid(d, "critical is",
			    x->c->ext[i].oid);
	return DCA_LINT_PASS;
}

/* --- claim constraints (RFC 9118) --- */

/* Names of one list: [number] EXPLICIT SEQUENCE OF IA5String. */
static bool
next_name(struct dca_buf *list, struct dca_buf *name)
{
	struct lint_tlv t;

	if (lint_take(list, LINT_IA5, &t) != NULL || t.value.n == 0)
		return false;
	*name = t.value;
	return true;
}

static bool
take_list(struct dca_buf *in, unsigned number, struct dca_buf *list)
{
	struct lint_tlv t, seq;

	*list = DCA_BUF(NULL, 0);
	if (!lint_peek(*in, LINT_CONTEXT | LINT_CONSTRUCTED | number))
		return true;
	if (lint_next(in, &t) != NULL ||
	    lint_take(&t.value, LINT_SEQUENCE, &seq) != NULL ||
	    t.value.n > 0 || seq.value.n == 0)
		return false;
	*list = seq.value;
	return true;
}

static bool
names_it(struct dca_buf list, struct dca_buf name, bool pairs)
{
	struct dca_buf one;
	struct lint_tlv t;

	while (list.n > 0) {
		if (pairs) {
			if (lint_take(&list, LINT_SEQUENCE, &t) != NULL ||
			    !next_name(&t.value, &one))
				return false;
		} else if (!next_name(&list, &one)) {
			return false;
		}
		if (dca_buf_eq(one, name))
			return true;
	}
	return false;
}

/* Each pair is a name and values that are UTF8Strings. */
static bool
good_pairs(struct dca_buf list)
{
	struct lint_tlv pair, values, v;
	struct dca_buf name;

	while (list.n > 0) {
		if (lint_take(&list, LINT_SEQUENCE, &pair) != NULL ||
		    !next_name(&pair.value, &name) ||
		    lint_take(&pair.value, LINT_SEQUENCE, &values) != NULL ||
		    pair.value.n > 0 || values.value.n == 0)
			return false;
		while (values.value.n > 0)
			if (lint_take(&values.value, LINT_UTF8, &v) != NULL ||
			    !lint_utf8(v.value))
				return false;
	}
	return true;
}

static enum dca_lint_verdict
judge_excluded(struct dca_buf exclude, struct dca_buf include,
    struct dca_buf permitted, struct lint_detail *d)
{
	struct dca_buf name;

	while (exclude.n > 0) {
		if (!next_name(&exclude, &name))
			return lint_fail(d, "a name is no IA5String");
		if (LINT_IS(name, "iat") || LINT_IS(name, "orig") ||
		    LINT_IS(name, "dest"))
			return lint_fail_value(d, "mustExclude has", name);
		if (names_it(include, name, false) ||
		    names_it(permitted, name, true))
			return lint_fail_value(d, "demanded and excluded is",
			    name);
	}
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
constraints(const struct lint_ctx *x, struct lint_detail *d)
{
	const struct lint_ext *one = lint_ext_find(x->c,
	    LINT_LIT(LINT_OID_CONSTRAINTS));
	const struct lint_ext *enhanced = lint_ext_find(x->c,
	    LINT_LIT(LINT_OID_ENHANCED));
	struct dca_buf in, include, permitted, exclude, name;
	struct lint_tlv seq;

	if (one == NULL)
		one = enhanced;
	else if (enhanced != NULL)
		return lint_fail(d, "both extensions are there");
	if (one->critical)
		return lint_fail(d, "it is critical");
	in = one->value;
	if (lint_take(&in, LINT_SEQUENCE, &seq) != NULL || in.n > 0 ||
	    seq.value.n == 0 || !take_list(&seq.value, 0, &include) ||
	    !take_list(&seq.value, 1, &permitted) ||
	    !take_list(&seq.value, 2, &exclude) || seq.value.n > 0 ||
	    (exclude.n > 0 && enhanced == NULL) || !good_pairs(permitted))
		return lint_fail(d, "it is malformed");
	for (struct dca_buf rest = include; rest.n > 0;)
		if (!next_name(&rest, &name))
			return lint_fail(d, "a name is no IA5String");
	return judge_excluded(exclude, include, permitted, d);
}

/* --- names and keys --- */

static enum dca_lint_verdict
cn_has_shaken(const struct lint_ctx *x, struct lint_detail *d)
{
	const struct dca_buf cn = x->c->subject.cn.last;

	for (size_t i = 0; i + 6 <= cn.n; i++)
		if (memcmp(cn.p + i, "SHAKEN", 6) == 0)
			return DCA_LINT_PASS;
	return lint_fail_value(d, "CN is", cn);
}

#define EE DCA_LINT_DELEGATE_EE
#define BOTH (DCA_LINT_DELEGATE_EE | DCA_LINT_STI_SCA)
#define CHILD_ADVICE "report it to the CA: a verifier refuses the path"

static const struct lint_row rows[] = {
	{ { "e_delegate_end_entity", EE, "RFC 9060 4", NULL, NULL,
	    "a delegate end-entity certificate has cA TRUE",
	    "only end entities sign PASSporTs: ask for CA:FALSE" },
	    NULL, lint_is_end_entity },
	{ { "e_delegate_tn_auth_list", EE, "RFC 8226 9", NULL, NULL,
	    "TNAuthList is missing, critical or malformed",
	    "one non-critical TNAuthorizationList in DER, explicit tags" },
	    NULL, lint_list_well_formed },
	{ { "e_delegate_tn_auth_list_spc", EE, "ATIS-1000092; RFC 9060 4.1",
	    NULL, NULL, "an SPC in a delegate end-entity certificate",
	    "name the numbers; an SPC stands for all of a provider's" },
	    has_list, no_spc },
	{ { "e_delegate_tn_auth_list_scope", BOTH, "RFC 9060 4, 6", NULL,
	    NULL, "the list is not inside that of the issuer",
	    "take the numbers that are outside from the certificate" },
	    has_scope, lint_list_inside },
	{ { "e_delegate_certificate_policies_id", EE,
	    "US SHAKEN CP 1.3; ATIS-1000080 6.4.1", NULL, NULL,
	    "the policy is neither accepted nor the issuer's",
	    "copy the policy of the issuing certificate" },
	    has_policy, policy_accepted },
	{ { "e_delegate_crl_distribution_issuer", EE, "ATIS-1000080 6.4.1; "
	    "RFC 5280 4.2.1.13", NULL, NULL,
	    "cRLDistributionPoints is not that of the issuer",
	    "copy the issuer's extension octet by octet" },
	    lint_with_issuer, points_as_issuer },
	{ { "w_delegate_crl_distribution", EE, "ATIS-1000080 6.4.1", NULL,
	    NULL, "there is no CRL distribution point",
	    "name the STI-PA's CRL, or allow short-lived ones without" },
	    NULL, has_points },
	{ { "e_delegate_ext_not_specified", EE,
	    "ATIS-1000080.v005 6.4.1.1; RFC 9118 3", NULL, NULL,
	    "an extension that has no place there",
	    "only KU, BC, policies, SKI, AKI, CRLDP, TNAuthList, claim "
	    "constraints" }, NULL, known_extensions },
	{ { "e_delegate_claim_constraints", EE, "RFC 9118 3, 6, 8; "
	    "RFC 8226 8", NULL, NULL, "the claim constraints cannot be kept",
	    "one non-critical extension; never iat, orig, dest, nor a claim "
	    "both demanded and excluded" }, has_constraints, constraints },
	{ { "e_delegate_subject_cn", EE, "ATIS-1000080 6.4.1", NULL, NULL,
	    "CN has not SHAKEN in it", "put SHAKEN into the CN" },
	    wants_shaken, cn_has_shaken },
	{ { "e_delegate_extension_once", BOTH, "RFC 5280 4.2", NULL, NULL,
	    "an extension stands there twice", CHILD_ADVICE },
	    NULL, lint_once_each },
	{ { "e_delegate_extension_critical", BOTH, "ATIS-1000080 6.4.1", NULL,
	    NULL, "an extension other than basicConstraints and keyUsage is "
	    "critical", "mark only these two critical" },
	    NULL, lint_only_two_critical },
	{ { "e_delegate_serial_octets", BOTH, "RFC 5280 4.1.2.2", NULL, NULL,
	    "the serial number has more than 20 octets",
	    "use 16 to 20 octets, positive" }, NULL, lint_serial_octets },
	{ { "e_delegate_signature_parameters", BOTH, "RFC 5758 3.2", NULL,
	    NULL, "the signature algorithm has parameters, or is two",
	    "leave the parameters out; the same algorithm in both places" },
	    NULL, lint_one_algorithm },
	{ { "e_delegate_public_key", BOTH, "RFC 5480 2.1.1, 2.2; RFC 8226 4",
	    NULL, NULL, "the key is not an uncompressed point on a named "
	    "curve", "encode it uncompressed, with the curve's name" },
	    NULL, lint_plain_key },
	{ { "e_delegate_time_encoding", BOTH, "RFC 5280 4.1.2.5", NULL, NULL,
	    "a time is not UTCTime until 2049 and GeneralizedTime after, or "
	    "the validity is empty", "encode times as RFC 5280 has them" },
	    NULL, lint_times },
	{ { "e_delegate_subject_key_identifier_sha1", BOTH,
	    "RFC 5280 4.2.1.2 (1); ATIS-1000080.v005 6.4.1.1", NULL, NULL,
	    "subjectKeyIdentifier is not the SHA-1 of the key",
	    "make it of the BIT STRING's octets" }, has_ski,
	    lint_ski_is_sha1 },
	{ { "e_delegate_authority_key_identifier_issuer", BOTH, "RFC 9060 7",
	    NULL, NULL, "authorityKeyIdentifier is not the issuer's "
	    "subjectKeyIdentifier", CHILD_ADVICE }, lint_with_issuer,
	    lint_aki_is_issuer },
	{ { "e_delegate_issuer_name", BOTH, "RFC 5280 4.1.2.4, 6.1.3 (a)(4)",
	    NULL, NULL, "the issuer is not the subject of the issuing "
	    "certificate, octet by octet", CHILD_ADVICE }, lint_with_issuer,
	    lint_issuer_is_subject },
	{ { "e_delegate_subject_name", EE, "RFC 5280 3.2, 6.1", NULL, NULL,
	    "the subject is the name of the issuer, which makes it "
	    "self-issued", "give the holder a name of its own" },
	    NULL, lint_subject_is_own },
	{ { "e_delegate_validity_issuer", EE, "RFC 5280 6.1.3 (a)(2)", NULL,
	    NULL, "it is valid when its issuer is not",
	    "end it no later than the issuing certificate" },
	    lint_with_issuer, lint_validity_inside },
	{ { "e_delegate_key_issuer", BOTH, "RFC 9060 4", NULL, NULL,
	    "it holds the key of its issuer", "use a key of its own" },
	    lint_with_issuer, lint_key_is_own },
};
const struct lint_table lint_delegate = {
	rows, sizeof(rows) / sizeof(rows[0]),
};
