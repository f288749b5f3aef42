/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRLs as relying parties read them: one per refusal of RFC 5280 5 and 6.3.3
 * and RFC 10007 4, direct and indirect ones, many entries, hostile octets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dca/crl.h"
#include "lab-crl.h"

/* A CA that signs certificates and CRLs, the STI-PA's signer, two leaves. */
static struct {
	struct lab ca, pa, leaf, other, direct;
	struct dca_certs c;	/* the same, in this order */
	char *crldp;
} lab;
enum { CA, PA, LEAF, OTHER, DIRECT };

static int
set_up(void **state)
{
	(void)state;
	lab.ca = lab_make(&(struct lab_spec){ .cn = "SHAKEN CA", .ku = 0x06 });
	lab.pa = lab_make(&(struct lab_spec){ .cn = "STI-PA CRL",
	    .ca = LAB_CA_FALSE, .ku = 0x02 });
	lab.crldp = lab_crldp(&lab.pa);
	lab.leaf = lab_make(&(struct lab_spec){ .cn = "leaf",
	    .issuer = &lab.ca, .ca = LAB_CA_FALSE, .crldp = lab.crldp });
	lab.other = lab_make(&(struct lab_spec){ .cn = "other",
	    .issuer = &lab.ca, .ca = LAB_CA_FALSE, .crldp = lab.crldp });
	lab.direct = lab_make(&(struct lab_spec){ .cn = "direct",
	    .issuer = &lab.ca, .ca = LAB_CA_FALSE });
	lab_add(&lab.c, &lab.ca);
	lab_add(&lab.c, &lab.pa);
	lab_add(&lab.c, &lab.leaf);
	lab_add(&lab.c, &lab.other);
	lab_add(&lab.c, &lab.direct);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	dca_certs_clear(&lab.c);
	free(lab.crldp);
	lab_free(&lab.ca);
	lab_free(&lab.pa);
	lab_free(&lab.leaf);
	lab_free(&lab.other);
	lab_free(&lab.direct);
	return 0;
}

/* The CRL, or NULL and the rule. signer: whom the caller trusts. */
static struct dca_crl *
parse(const struct lab_crl_spec *s, int signer, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };
	struct dca_crl *c = NULL;

	*e = (struct dca_err){ .rule = DCA_RULE_NONE };
	lab_crl(&der, s);
	if (dca_crl_parse(&c, dca_out_buf(&der), &lab.c.v[signer], e) !=
	    DCA_OK)
		assert_null(c);
	return c;
}

/* What this CRL says of a certificate at a time. */
static void
expect(const struct lab_crl_spec *s, int signer, int cert, int64_t when,
    enum dca_rule rule, const char *text)
{
	struct dca_err e;
	struct dca_crl *c = parse(s, signer, &e);
	const struct dca_crl *list[1] = { c };
	enum dca_rc rc;

	if (c == NULL)
		fail_msg("refused: %s", e.text);
	rc = dca_crl_check(list, 1, &lab.c.v[cert], when, &e);
	if (e.rule != rule || strstr(e.text, text) == NULL)
		print_message("got %s: %s\n", dca_problem(e.rule)->id, e.text);
	assert_int_equal(e.rule, rule);
	assert_int_equal(rc, dca_problem(rule)->rc);
	assert_non_null(strstr(e.text, text));
	dca_crl_free(c);
}

static void
reads_an_indirect_list(void **state)
{
	/* certificateIssuer holds for the entries that follow (5.3.3). */
	struct lab_crl_spec s = { .signer = &lab.pa, .idp = IDP_INDIRECT,
		.revoked = { { .cert = &lab.leaf, .reason = 1 + 1,
		    .issuer = true }, { .cert = &lab.direct } } };

	(void)state;
	expect(&s, PA, LEAF, LAB_NOW, DCA_RULE_CHAIN_REVOKED,
	    "2027-01-15T07:00:00Z, keyCompromise");
	expect(&s, PA, OTHER, LAB_NOW, DCA_RULE_NONE, "");
	s.revoked[1].cert = &lab.other;
	expect(&s, PA, OTHER, LAB_NOW, DCA_RULE_CHAIN_REVOKED, "no reason");
	/* Without certificateIssuer an entry is of the CRL's issuer. */
	s.revoked[0].issuer = false;
	expect(&s, PA, LEAF, LAB_NOW, DCA_RULE_NONE, "");
	/* No point, and another issuer: this list says nothing of it. */
	expect(&s, PA, DIRECT, LAB_NOW, DCA_RULE_NONE, "");
}

static void
reads_a_direct_list(void **state)
{
	struct lab_crl_spec s = { .signer = &lab.ca,
		.revoked = { { .cert = &lab.direct, .reason = 4 + 1 } } };

	(void)state;
	expect(&s, CA, DIRECT, LAB_NOW, DCA_RULE_CHAIN_REVOKED, "superseded");
	expect(&s, CA, LEAF, LAB_NOW, DCA_RULE_NONE, "");
	s.idp = "30038101ff";	/* user certificates only */
	expect(&s, CA, DIRECT, LAB_NOW, DCA_RULE_CHAIN_REVOKED, "superseded");
	s.idp = "30038201ff";	/* CA certificates only: silent */
	expect(&s, CA, DIRECT, LAB_NOW, DCA_RULE_NONE, "");
	expect(&s, CA, LEAF, LAB_NOW, DCA_RULE_CRL_NONE, "octet by octet");
	/* A list for a place that nobody names. */
	s.idp = "300fa00da00b8609687474703a2f2f782f";
	expect(&s, CA, LEAF, LAB_NOW, DCA_RULE_CRL_NONE, "octet by octet");
}

static void
judges_the_time(void **state)
{
	struct lab_crl_spec s = { .signer = &lab.pa, .idp = IDP_INDIRECT };

	(void)state;
	expect(&s, PA, LEAF, LAB_NOW + 86400, DCA_RULE_NONE, "");
	expect(&s, PA, LEAF, LAB_NOW + 86401, DCA_RULE_CRL_STALE, "renewed");
	expect(&s, PA, LEAF, LAB_NOW - 86401, DCA_RULE_CRL_STALE, "from");
}

/* 6.3.3 (b): the cRLIssuer, octet by octet, and indirectCRL. */
static void
demands_one_that_speaks(void **state)
{
	struct lab_crl_spec s = { .signer = &lab.pa };
	struct dca_err e = { 0 };

	(void)state;
	expect(&s, PA, LEAF, LAB_NOW, DCA_RULE_CRL_NONE, "indirectCRL");
	assert_int_equal(dca_crl_check(NULL, 0, &lab.c.v[LEAF], LAB_NOW, &e),
	    DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_CRL_NONE);
	assert_int_equal(dca_crl_check(NULL, 0, &lab.c.v[DIRECT], LAB_NOW,
	    &e), DCA_OK);
}

/* SHA-384 by a P-384 key, for the place that the certificate names. */
static void
reads_p384_and_places(void **state)
{
	static const char place[] = "300fa00da00b8609687474703a2f2f782f";
	struct lab ca = lab_make(&(struct lab_spec){ .cn = "P-384",
	    .curve = "P-384", .md = "SHA384", .ku = 0x06 });
	struct lab leaf = lab_make(&(struct lab_spec){ .cn = "leaf",
	    .issuer = &ca, .ca = LAB_CA_FALSE,
	    .crldp = "3011300fa00da00b8609687474703a2f2f782f" });
	struct lab_crl_spec s = { .signer = &ca, .md = "SHA384", .idp = place,
		.revoked = { { .cert = &leaf, .reason = 6 + 1 } } };
	const struct dca_crl *list[1];
	struct dca_crl *c = NULL;
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT der = { 0 };
	struct dca_err e = { 0 };

	(void)state;
	lab_add(&certs, &ca);
	lab_add(&certs, &leaf);
	lab_crl(&der, &s);
	assert_int_equal(dca_crl_parse(&c, dca_out_buf(&der), &certs.v[0],
	    &e), DCA_OK);
	list[0] = c;
	assert_int_equal(dca_crl_check(list, 1, &certs.v[1], LAB_NOW, &e),
	    DCA_REFUSED);
	assert_non_null(strstr(e.text, "certificateHold"));
	dca_crl_free(c);
	der.p[der.n - 1] ^= 1;
	assert_int_equal(dca_crl_parse(&c, dca_out_buf(&der), &certs.v[0],
	    &e), DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_CRL_SIGNER);
	dca_certs_clear(&certs);
	lab_free(&ca);
	lab_free(&leaf);
}

/* A fresh list beside a stale one of the same issuer decides. */
static void
takes_the_fresh_one(void **state)
{
	struct lab_crl_spec s = { .signer = &lab.pa, .idp = IDP_INDIRECT };
	const struct dca_crl *list[2];
	struct dca_crl *a, *b;
	struct dca_err e;

	(void)state;
	a = parse(&s, PA, &e);
	s.this_update = LAB_NOW - 86400 * 3;
	s.next_update = LAB_NOW - 86400 * 2;
	b = parse(&s, PA, &e);
	assert_true(a != NULL && b != NULL);
	assert_int_equal(dca_crl_this_update(b), LAB_NOW - 86400 * 3);
	assert_int_equal(dca_crl_next_update(b), LAB_NOW - 86400 * 2);
	list[0] = b;
	list[1] = a;
	assert_int_equal(dca_crl_check(list, 2, &lab.c.v[LEAF], LAB_NOW, &e),
	    DCA_OK);
	assert_int_equal(dca_crl_check(list, 1, &lab.c.v[LEAF], LAB_NOW, &e),
	    DCA_REFUSED);
	dca_crl_free(a);
	dca_crl_free(b);
}

#define PA_LIST .signer = &lab.pa, .idp = IDP_INDIRECT
static const struct {
	const char *name;
	struct lab_crl_spec spec;
	int signer;
	enum dca_rule rule;
	const char *text;
} refused[] = {
	{ "v1", { PA_LIST, .v1 = true }, PA, DCA_RULE_CRL_FORM, "v2" },
	{ "no nextUpdate", { PA_LIST, .next_update = -1 }, PA,
	    DCA_RULE_CRL_FORM, "nextUpdate" },
	{ "nextUpdate first", { PA_LIST, .next_update = LAB_NOW - 86400 * 2 },
	    PA, DCA_RULE_CRL_FORM, "nextUpdate" },
	{ "no number", { PA_LIST, .no_number = true }, PA, DCA_RULE_CRL_FORM,
	    "cRLNumber" },
	{ "IDP not critical", { PA_LIST, .idp_not_critical = true }, PA,
	    DCA_RULE_CRL_FORM, "not critical" },
	{ "IDP empty", { .signer = &lab.pa, .idp = "3000" }, PA,
	    DCA_RULE_CRL_FORM, "issuingDistributionPoint" },
	{ "IDP with FALSE", { .signer = &lab.pa, .idp = "3003840100" }, PA,
	    DCA_RULE_CRL_FORM, "issuingDistributionPoint" },
	{ "some reasons", { .signer = &lab.pa, .idp = "300783020640" "8401ff" },
	    PA, DCA_RULE_CRL_FORM, "not for all" },
	{ "attribute certificates", { .signer = &lab.pa,
	    .idp = "30038501ff" }, PA, DCA_RULE_CRL_FORM, "not for all" },
	{ "unknown critical", { PA_LIST, .more = { "1.2.3.4", "0500", true } },
	    PA, DCA_RULE_CRL_FORM, "1.2.3.4 of the CRL" },
	{ "delta", { PA_LIST, .more = { "2.5.29.27", "020101", true } }, PA,
	    DCA_RULE_CRL_FORM, "2.5.29.27" },
	{ "extension twice", { PA_LIST, .more = { "2.5.29.20", "020108",
	    false } }, PA, DCA_RULE_CRL_FORM, "twice" },
	{ "number not shortest", { PA_LIST, .no_number = true,
	    .more = { "2.5.29.20", "02020007", false } }, PA,
	    DCA_RULE_CRL_FORM, "cRLNumber" },
	{ "entry: unknown critical", { PA_LIST, .revoked = { {
	    .cert = &lab.leaf, .more = { "1.2.3.4", "0500", true } } } }, PA,
	    DCA_RULE_CRL_FORM, "1.2.3.4 of an entry" },
	{ "entry: extension twice", { PA_LIST, .revoked = { {
	    .cert = &lab.leaf, .reason = 1 + 1,
	    .more = { "2.5.29.21", "0a0101", false } } } }, PA,
	    DCA_RULE_CRL_FORM, "twice" },
	{ "entry: reason 7", { PA_LIST, .revoked = { { .cert = &lab.leaf,
	    .reason = 7 + 1 } } }, PA, DCA_RULE_CRL_FORM, "reasonCode" },
	{ "entry: removeFromCRL", { PA_LIST, .revoked = { {
	    .cert = &lab.leaf, .reason = 8 + 1 } } }, PA, DCA_RULE_CRL_FORM,
	    "reasonCode" },
	{ "entry: invalidityDate", { PA_LIST, .revoked = { {
	    .cert = &lab.leaf, .more = { "2.5.29.24",
	    "170d3237303131353037303030305a", false } } } }, PA,
	    DCA_RULE_CRL_FORM, "invalidityDate" },
	{ "entry: issuer not critical", { PA_LIST, .revoked = { {
	    .cert = &lab.leaf, .issuer = true, .issuer_not_critical = true } }
	    }, PA, DCA_RULE_CRL_FORM, "not critical" },
	{ "entry: issuer in a direct list", { .signer = &lab.ca, .revoked = {
	    { .cert = &lab.leaf, .issuer = true } } }, CA, DCA_RULE_CRL_FORM,
	    "not indirect" },
	{ "entry: issuer no directory name", { PA_LIST, .revoked = { {
	    .cert = &lab.leaf, .more = { "2.5.29.29", "3003820178", true } }
	    } }, PA, DCA_RULE_CRL_FORM, "one directory name" },
	{ "OID without end", { PA_LIST, .more = { "1.2.3.4", "0500", false },
	    .from = "06032a0304", .to = "06032a0384" }, PA, DCA_RULE_CRL_FORM,
	    "not DER" },
	{ "entry: OID without end", { PA_LIST, .revoked = { {
	    .cert = &lab.leaf, .more = { "1.2.3.4", "0500", false } } },
	    .from = "06032a0304", .to = "06032a0384" }, PA, DCA_RULE_CRL_FORM,
	    "not DER" },
	{ "entry: OID with a first 80", { PA_LIST, .revoked = { {
	    .cert = &lab.leaf, .more = { "1.2.3.4", "0500", false } } },
	    .from = "06032a0304", .to = "06032a8004" }, PA, DCA_RULE_CRL_FORM,
	    "not DER" },
	{ "signature", { PA_LIST, .broken_signature = true }, PA,
	    DCA_RULE_CRL_SIGNER, "does not verify" },
	{ "SHA-1", { PA_LIST, .md = "SHA1" }, PA, DCA_RULE_CRL_SIGNER,
	    "does not verify" },
	{ "another signer", { PA_LIST }, CA, DCA_RULE_CRL_SIGNER,
	    "does not verify" },
	{ "another name", { PA_LIST, .name_of = &lab.ca }, PA,
	    DCA_RULE_CRL_SIGNER, "octet by octet" },
	{ "no cRLSign", { .signer = &lab.leaf }, LEAF, DCA_RULE_CRL_SIGNER,
	    "RFC 10007 4" },
	{ "another AKI", { PA_LIST, .no_aki = true, .more = { "2.5.29.35",
	    "30048002abcd", false } }, PA, DCA_RULE_CRL_SIGNER, "AKI" },
};

static void
refuses_each_flaw(void **state)
{
	struct dca_crl *c;
	struct dca_err e;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		c = parse(&refused[i].spec, refused[i].signer, &e);
		print_message("%s: %s\n", refused[i].name, e.text);
		assert_null(c);
		assert_int_equal(e.rule, refused[i].rule);
		assert_non_null(strstr(e.text, refused[i].text));
	}
}

/* PEM; text that is neither; cut and changed octets (sanitizers watch). */
static void
survives_bad_octets(void **state)
{
	struct lab_crl_spec s = { PA_LIST, .revoked = { { .cert = &lab.leaf,
	    .reason = 2, .issuer = true } } };
	const struct dca_cert *pa = &lab.c.v[PA];
	DCA_AUTO_OUT der = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	struct dca_crl *c = NULL;
	struct dca_err e = { 0 };
	size_t i;

	(void)state;
	lab_crl(&der, &s);
	dca_pem_encode(&pem, "X509 CRL", dca_out_buf(&der));
	assert_int_equal(dca_crl_parse(&c, dca_out_buf(&pem), pa, &e), DCA_OK);
	dca_crl_free(c);
	assert_int_equal(dca_crl_parse(&c, DCA_BUF("hello", 5), pa, &e),
	    DCA_MALFORMED);
	assert_int_equal(e.rule, DCA_RULE_CRL_FORM);
	assert_int_equal(dca_crl_parse(&c, DCA_BUF("", 0), pa, &e),
	    DCA_MALFORMED);
	assert_int_equal(dca_crl_parse(&c, DCA_BUF(der.p,
	    DCA_CRL_OCTETS_MAX + 1), pa, &e), DCA_MALFORMED);
	assert_non_null(strstr(e.text, "16777216"));
	for (i = 0; i < der.n; i++)
		assert_int_not_equal(dca_crl_parse(&c, DCA_BUF(der.p, i), pa,
		    NULL), DCA_OK);
	for (i = 0; i < der.n; i++) {
		der.p[i] ^= 0x15;
		assert_int_not_equal(dca_crl_parse(&c, dca_out_buf(&der), pa,
		    NULL), DCA_OK);
		der.p[i] ^= 0x15;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_indirect_list),
		cmocka_unit_test(reads_a_direct_list),
		cmocka_unit_test(judges_the_time),
		cmocka_unit_test(demands_one_that_speaks),
		cmocka_unit_test(reads_p384_and_places),
		cmocka_unit_test(takes_the_fresh_one),
		cmocka_unit_test(refuses_each_flaw),
		cmocka_unit_test(survives_bad_octets),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
