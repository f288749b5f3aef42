/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path and scope: the published vectors, the labelled scope chains, and one
 * chain per refusal of RFC 5280 6.1 and RFC 9060.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lab-chain.h"

#define VECTOR_TIME INT64_C(1767600000)

/* Verify; expect rule at certificate at of the list (-1: none). */
static void
expect(struct chain *c, enum dca_rule rule, int at, const char *first)
{
	struct dca_chain_result res = { 0 };
	struct dca_err e = { 0 };
	enum dca_rc rc;

	rc = dca_chain_verify(&c->chain, &c->roots, LAB_NOW, NULL, &res, &e);
	if (e.rule != rule)
		print_message("got: %s\n", e.text);
	assert_int_equal(e.rule, rule);
	assert_int_equal(rc, dca_problem(rule)->rc);
	if (at >= 0)
		assert_ptr_equal(res.at, &c->chain.v[at]);
	if (first != NULL)
		assert_string_equal(e.first, first);
}

static void
accepts_a_right_chain(void **state)
{
	struct chain c;

	(void)state;
	plan(&c);
	make(&c);
	expect(&c, DCA_RULE_NONE, -1, "");
	lab_add(&c.chain, &c.cert[ROOT]);	/* the root may stand last */
	expect(&c, DCA_RULE_NONE, -1, "");
	drop(&c);
}

static void
accepts_p384_ancestors(void **state)
{
	struct chain c;

	(void)state;
	plan(&c);
	c.spec[ROOT].curve = c.spec[INTER].curve = "P-384";
	c.spec[ROOT].md = c.spec[INTER].md = c.spec[SCA].md = "SHA384";
	make(&c);
	expect(&c, DCA_RULE_NONE, -1, "");
	drop(&c);
}

/* authorityInfoAccess: a list at https://a/l; a certificate there */
#define LIST_BY_REFERENCE "3019301706082b0601050507300e860b68747470" \
	"733a2f2f612f6c"
#define CA_ISSUERS "3019301706082b06010505073002860b68747470" \
	"733a2f2f612f6c"

/* One flaw in one certificate each; the number is the row of the catalogue of
 * what must be refused. */
static const struct flaw {
	const char *name;
	int which;
	struct lab_spec spec;	/* members that are set replace the plan's */
	enum dca_rule rule;
	int at;
	const char *first;
} flaws[] = {
	{ "72 wrong AKI", SCA, { .wrong_aki = true }, DCA_RULE_CHAIN_AKI, 1,
	    "" },
	{ "72 wrong AKI under the root", INTER, { .wrong_aki = true },
	    DCA_RULE_CHAIN_AKI, 2, "" },
	{ "72 no AKI", LEAF, { .no_aki = true }, DCA_RULE_CHAIN_AKI, 0, "" },
	{ "72 parent without SKI", SCA, { .no_ski = true },
	    DCA_RULE_CHAIN_AKI, 0, "" },
	{ "78 signature", LEAF, { .broken_signature = true },
	    DCA_RULE_CHAIN_PATH, 0, "" },
	{ "78 signature of a CA", SCA, { .broken_signature = true },
	    DCA_RULE_CHAIN_PATH, 1, "" },
	{ "78 SHA-1 signature", LEAF, { .md = "SHA1" },
	    DCA_RULE_CHAIN_PATH, 0, "" },
	{ "78 expired leaf", LEAF, { .not_after = LAB_NOW - 1 },
	    DCA_RULE_CHAIN_TIME, 0, "" },
	{ "78 expired CA", INTER, { .not_after = LAB_NOW - 1 },
	    DCA_RULE_CHAIN_TIME, 2, "" },
	{ "78 not yet valid", SCA, { .not_before = LAB_NOW + 1 },
	    DCA_RULE_CHAIN_TIME, 1, "" },
	{ "78 CA:FALSE", SCA, { .ca = LAB_CA_FALSE, .ku = 0x04 },
	    DCA_RULE_CHAIN_PATH, 1, "" },
	{ "78 no basicConstraints", SCA, { .ca = LAB_CA_ABSENT, .ku = 0x04 },
	    DCA_RULE_CHAIN_PATH, 1, "" },
	{ "78 no keyCertSign", SCA, { .ku = 0x80 }, DCA_RULE_CHAIN_PATH, 1,
	    "" },
	{ "71 pathLen 0 above a CA", INTER, { .path_len = 0 + 1 },
	    DCA_RULE_CHAIN_PATH, 1, "" },
	{ "71 pathLen 0 in the root", ROOT, { .path_len = 0 + 1 },
	    DCA_RULE_CHAIN_PATH, 2, "" },
	{ "78 unknown critical in the leaf", LEAF,
	    { .critical_oid = "1.3.6.1.4.1.11129.2.4.3" },
	    DCA_RULE_CERT_EXTENSION, 0, "" },
	{ "78 unknown critical in a CA", INTER,
	    { .critical_oid = "1.2.3.4.5" }, DCA_RULE_CERT_EXTENSION, 2, "" },
	{ "82 leaf is a CA", LEAF, { .ca = LAB_CA_TRUE, .ku = 0x84 },
	    DCA_RULE_CHAIN_LEAF, 0, "" },
	{ "83 leaf without digitalSignature", LEAF,
	    { .ca = LAB_CA_FALSE, .ku = 0x40 }, DCA_RULE_CHAIN_LEAF, 0, "" },
	{ "83 leaf without keyUsage", LEAF,
	    { .ca = LAB_CA_FALSE, .ku = -1 }, DCA_RULE_CHAIN_LEAF, 0, "" },
	{ "81 leaf without a list", LEAF, { .list = "" },
	    DCA_RULE_CHAIN_NOLIST, 0, "" },
	{ "84 leaf wider", LEAF, { .list = TN_OUT }, DCA_RULE_CHAIN_SCOPE, 0,
	    "12155551212" },
	{ "84 SPC below numbers", LEAF, { .list = SPC_1234 },
	    DCA_RULE_CHAIN_SCOPE, 0, "spc:1234" },
	{ "73 CA wider than its parent", INTER, { .list = TN_CHILD },
	    DCA_RULE_CHAIN_SCOPE, 1, "12125551000" },
	{ "84 other SPC", SCA, { .list = "3008a006160435363738" },
	    DCA_RULE_NONE, -1, "" },
	{ "names: all inside", INTER, { .permitted = "C=US/O=Lab" },
	    DCA_RULE_NONE, -1, "" },
	{ "names: none excluded", SCA, { .excluded = "C=US/O=Other" },
	    DCA_RULE_NONE, -1, "" },
	{ "names: leaf not permitted", SCA, { .permitted = "C=CA" },
	    DCA_RULE_CHAIN_NAMES, 0, "" },
	{ "names: leaf excluded", SCA,
	    { .excluded = "C=US/O=Lab/CN=SHAKEN customer" },
	    DCA_RULE_CHAIN_NAMES, 0, "" },
	{ "names: CA not permitted by the root", ROOT,
	    { .permitted = "C=US/O=Lab/CN=SHAKEN Intermediate" },
	    DCA_RULE_CHAIN_NAMES, 1, "" },
	{ "96 a CA with its list behind a URL", INTER,
	    { .aia = LIST_BY_REFERENCE }, DCA_RULE_CHAIN_NOLIST, 2, "" },
	{ "96 a leaf with its list behind a URL", LEAF,
	    { .list = "", .aia = LIST_BY_REFERENCE }, DCA_RULE_CHAIN_NOLIST,
	    0, "" },
	{ "96 the list that is there counts", SCA,
	    { .aia = LIST_BY_REFERENCE }, DCA_RULE_NONE, -1, "" },
	{ "96 another access method", INTER, { .aia = CA_ISSUERS },
	    DCA_RULE_NONE, -1, "" },
	{ "79 root without keyCertSign", ROOT, { .ku = 0x80 },
	    DCA_RULE_CHAIN_PATH, -1, "" },
};

static void
refuses_each_flaw(void **state)
{
	struct chain c;

	(void)state;
	for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		plan(&c);
		apply(&c.spec[flaws[i].which], &flaws[i].spec);
		make(&c);
		print_message("%s\n", flaws[i].name);
		expect(&c, flaws[i].rule, flaws[i].at, flaws[i].first);
		drop(&c);
	}
}

/* Under name constraints alternative names would have to be read. */
static void
refuses_alternative_names_under_constraints(void **state)
{
	struct chain c;

	(void)state;
	plan(&c);
	c.spec[LEAF].san = true;
	make(&c);
	expect(&c, DCA_RULE_NONE, -1, "");
	drop(&c);
	plan(&c);
	c.spec[LEAF].san = true;
	c.spec[INTER].permitted = "C=US";
	make(&c);
	expect(&c, DCA_RULE_CHAIN_NAMES, 0, "");
	drop(&c);
}

static void
swap(struct chain *c, size_t a, size_t b)
{
	struct dca_cert t = c->chain.v[a];

	c->chain.v[a] = c->chain.v[b];
	c->chain.v[b] = t;
}

/* Rows 75, 76, 77: leaf alone, wrong order, a stranger in the list. */
static void
refuses_wrong_lists(void **state)
{
	struct dca_certs none = { 0 };
	struct dca_err e = { 0 };
	struct chain c, other;

	(void)state;
	plan(&c);
	make(&c);
	plan(&other);
	make(&other);
	swap(&c, 1, 2);
	expect(&c, DCA_RULE_CHAIN_ORDER, 0, "");
	swap(&c, 1, 2);
	lab_add(&c.chain, &other.cert[LEAF]);
	expect(&c, DCA_RULE_CHAIN_ORDER, 2, "");
	dca_cert_clear(&c.chain.v[--c.chain.n]);
	lab_add(&c.chain, &c.cert[INTER]);
	expect(&c, DCA_RULE_CHAIN_ORDER, 3, "");
	dca_cert_clear(&c.chain.v[--c.chain.n]);
	for (size_t i = 1; i < 3; i++)
		dca_cert_clear(&c.chain.v[i]);
	c.chain.n = 1;
	expect(&c, DCA_RULE_CHAIN_ANCHOR, 0, "");
	assert_int_equal(dca_chain_verify(&none, &c.roots, LAB_NOW, NULL, NULL,
	    &e), DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_CHAIN_ORDER);
	drop(&c);
	drop(&other);
}

/* Row 79: the same names and another root key; and an own root at the end. */
static void
refuses_other_roots(void **state)
{
	struct chain c, other;
	struct dca_certs t;

	(void)state;
	plan(&c);
	make(&c);
	plan(&other);
	make(&other);
	t = c.roots;
	c.roots = other.roots;
	expect(&c, DCA_RULE_CHAIN_ANCHOR, 2, "");
	lab_add(&c.chain, &c.cert[ROOT]);
	expect(&c, DCA_RULE_CHAIN_ANCHOR, 3, "");
	c.roots = (struct dca_certs){ 0 };
	expect(&c, DCA_RULE_CHAIN_ANCHOR, 3, "");
	c.roots = t;
	drop(&c);
	drop(&other);
}

/* An end entity among the roots stands behind nothing. */
static void
refuses_an_anchor_alone(void **state)
{
	struct chain c;

	(void)state;
	plan(&c);
	make(&c);
	lab_add(&c.roots, &c.cert[LEAF]);
	for (size_t i = 1; i < 3; i++)
		dca_cert_clear(&c.chain.v[i]);
	c.chain.n = 1;
	expect(&c, DCA_RULE_CHAIN_ANCHOR, 0, "");
	drop(&c);
}

/* Row 85: a CA without a list between a constrained CA and the leaf. */
static void
refuses_a_lost_list(void **state)
{
	struct chain c;

	(void)state;
	plan(&c);
	c.spec[INTER].list = TN_PARENT;
	c.spec[SCA].list = NULL;
	make(&c);
	expect(&c, DCA_RULE_CHAIN_NOLIST, 1, "");
	drop(&c);
}

static const struct dca_tnset *
inventory_of(void *arg, const char *spc)
{
	return strcmp(spc, "1234") == 0 ? arg : NULL;
}

/* RFC 9060 4.1: TNs below an SPC. */
static void
compares_below_an_spc(void **state)
{
	struct dca_tnset *s = dca_tnset_new();
	struct dca_inventory inv = { inventory_of, s };
	struct dca_chain_result res = { 0 };
	struct dca_err e = { 0 };
	struct chain c;

	(void)state;
	plan(&c);
	c.spec[SCA].list = SPC_1234;
	make(&c);
	assert_int_equal(dca_chain_verify(&c.chain, &c.roots, LAB_NOW, NULL,
	    &res, &e), DCA_OK);
	assert_true(res.spc_unchecked);
	assert_int_equal(dca_chain_verify(&c.chain, &c.roots, LAB_NOW, &inv,
	    &res, &e), DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_CHAIN_SCOPE);
	assert_string_equal(e.first, "12125551500");
	assert_int_equal(dca_tnset_parse(s, "12125551000+1000", NULL), DCA_OK);
	assert_int_equal(dca_chain_verify(&c.chain, &c.roots, LAB_NOW, &inv,
	    &res, &e), DCA_OK);
	assert_false(res.spc_unchecked);
	dca_tnset_free(s);
	drop(&c);
	/* Another SPC under an SPC is refused, inventory or not. */
	plan(&c);
	c.spec[SCA].list = SPC_1234;
	c.spec[LEAF].list = "3008a006160435363738";
	make(&c);
	expect(&c, DCA_RULE_CHAIN_SCOPE, 0, "spc:5678");
	drop(&c);
}

static void
verifies_the_vectors(void **state)
{
	struct dca_certs chain, roots;
	struct dca_chain_result res;
	DCA_AUTO_OUT in = { 0 };
	DCA_AUTO_OUT root = { 0 };
	struct dca_err e = { 0 };

	(void)state;
	lab_read(&in, DCA_DATA "/vectors/chain-x5u.pem");
	lab_read(&root, DCA_DATA "/vectors/root.pem");
	assert_int_equal(dca_certs_parse(&chain, dca_out_buf(&in), 8, &e),
	    DCA_OK);
	assert_int_equal(chain.n, 4);
	assert_int_equal(dca_certs_parse(&roots, dca_out_buf(&root), 8, &e),
	    DCA_OK);
	assert_int_equal(dca_chain_verify(&chain, &roots, VECTOR_TIME, NULL,
	    &res, &e), DCA_OK);
	assert_true(res.spc_unchecked);
	/* The delegate ended 2026-01-07. */
	assert_int_equal(dca_chain_verify(&chain, &roots,
	    VECTOR_TIME + 7 * 86400, NULL, &res, &e), DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_CHAIN_TIME);
	assert_ptr_equal(res.at, &chain.v[0]);
	dca_certs_clear(&chain);
	dca_certs_clear(&roots);
}

/* Certificates around the lists of scope-chains.json; the last is the leaf. */
static void
run_scope_chain(json_t *item)
{
	json_t *ders = json_object_get(item, "der");
	size_t n = json_array_size(ders), i;
	struct lab certs[16] = { { 0 } };
	struct dca_certs chain = { 0 }, roots = { 0 };
	struct dca_chain_result res = { 0 };
	struct dca_err e = { 0 };
	bool inside = strcmp(json_string_value(json_object_get(item,
	    "expected")), "inside") == 0;
	enum dca_rc rc;

	assert_in_range(n, 2, 16);
	for (i = 0; i < n; i++) {
		char cn[32];
		struct lab_spec s = {
			.cn = cn, .issuer = i == 0 ? NULL : &certs[i - 1],
			.ca = i == n - 1 ? LAB_CA_FALSE : LAB_CA_TRUE,
			.list = json_string_value(json_array_get(ders, i)),
		};

		(void)snprintf(cn, sizeof(cn), "SHAKEN %zu", i);
		certs[i] = lab_make(&s);
	}
	for (i = n; i-- > 1;)
		lab_add(&chain, &certs[i]);
	lab_add(&roots, &certs[0]);
	rc = dca_chain_verify(&chain, &roots, LAB_NOW, NULL, &res, &e);
	/* Fail closed without an inventory, as the labels do. */
	if ((rc == DCA_OK && !res.spc_unchecked) != inside)
		fail_msg("%s: %s", json_string_value(json_object_get(item,
		    "id")), e.text);
	dca_certs_clear(&chain);
	dca_certs_clear(&roots);
	for (i = 0; i < n; i++)
		lab_free(&certs[i]);
}

static void
agrees_with_the_labelled_chains(void **state)
{
	DCA_AUTO_OUT in = { 0 };
	json_error_t err;
	json_t *all, *item;
	size_t i;

	(void)state;
	lab_read(&in, DCA_DATA "/tn-and-csr-cases/scope-chains.json");
	all = json_loadb((const char *)in.p, in.n, 0, &err);
	assert_non_null(all);
	assert_true(json_array_size(all) > 10);
	json_array_foreach(all, i, item)
		run_scope_chain(item);
	print_message("%zu chains\n", json_array_size(all));
	json_decref(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_a_right_chain),
		cmocka_unit_test(accepts_p384_ancestors),
		cmocka_unit_test(refuses_each_flaw),
		cmocka_unit_test(refuses_alternative_names_under_constraints),
		cmocka_unit_test(refuses_wrong_lists),
		cmocka_unit_test(refuses_other_roots),
		cmocka_unit_test(refuses_an_anchor_alone),
		cmocka_unit_test(refuses_a_lost_list),
		cmocka_unit_test(compares_below_an_spc),
		cmocka_unit_test(verifies_the_vectors),
		cmocka_unit_test(agrees_with_the_labelled_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
