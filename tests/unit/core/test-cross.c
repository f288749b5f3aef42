/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes back from the STI-CA: one chain per refusal of RFC 5280 6.1 and RFC 9060.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lab-chain.h"

static void
expect_cross(struct chain *c, const char *asked, enum dca_rule rule,
    const char *first)
{
	struct dca_spki key = lab_spki(&c->cert[SCA]);
	struct dca_tnset *s = dca_tnset_new();
	struct dca_certs up = { c->chain.v + 1, c->chain.n - 1 };
	struct dca_err e = { 0 };
	enum dca_rc rc;

	assert_int_equal(dca_tnset_parse(s, asked, NULL), DCA_OK);
	rc = dca_cross_check(&up, &c->roots, &key, s, LAB_NOW, &e);
	if (e.rule != rule)
		print_message("got: %s\n", e.text);
	assert_int_equal(e.rule, rule);
	assert_int_equal(rc, dca_problem(rule)->rc);
	assert_string_equal(e.first, first);
	dca_tnset_free(s);
}

static const struct {
	const char *name;
	int which;
	struct lab_spec spec;
	enum dca_rule rule;
} cross_flaws[] = {
	{ "69 CA:FALSE", SCA, { .ca = LAB_CA_FALSE, .ku = 0x04 },
	    DCA_RULE_CROSS_CA },
	{ "69 no keyCertSign", SCA, { .ku = 0x80 }, DCA_RULE_CROSS_CA },
	{ "69 no keyUsage", SCA, { .ku = -1 }, DCA_RULE_CROSS_CA },
	{ "no SKI", SCA, { .no_ski = true }, DCA_RULE_CROSS_CA },
	{ "70 no list", SCA, { .list = "" }, DCA_RULE_CROSS_SCOPE },
	{ "71 ancestor with pathLen 0", INTER, { .path_len = 0 + 1 },
	    DCA_RULE_CROSS_CHAIN },
	{ "72 AKI", SCA, { .wrong_aki = true }, DCA_RULE_CROSS_CHAIN },
	{ "72 AKI of an ancestor", INTER, { .wrong_aki = true },
	    DCA_RULE_CROSS_CHAIN },
	{ "signature", SCA, { .broken_signature = true },
	    DCA_RULE_CROSS_CHAIN },
	{ "expired", SCA, { .not_after = LAB_NOW - 1 },
	    DCA_RULE_CROSS_VALIDITY },
	{ "ancestor expired", INTER, { .not_after = LAB_NOW - 1 },
	    DCA_RULE_CROSS_CHAIN },
	{ "unknown critical", SCA, { .critical_oid = "1.2.3.4" },
	    DCA_RULE_CROSS_CHAIN },
};

static void
cross_refuses_each_flaw(void **state)
{
	struct chain c;

	(void)state;
	for (size_t i = 0; i < sizeof(cross_flaws) / sizeof(cross_flaws[0]);
	    i++) {
		plan(&c);
		apply(&c.spec[cross_flaws[i].which], &cross_flaws[i].spec);
		make(&c);
		print_message("%s\n", cross_flaws[i].name);
		expect_cross(&c, "12125551000+1000", cross_flaws[i].rule, "");
		drop(&c);
	}
}

static void
cross_accepts_and_compares(void **state)
{
	struct lab stranger, theirs;
	struct chain c;

	(void)state;
	plan(&c);
	make(&c);
	expect_cross(&c, "12125551000+1000", DCA_RULE_NONE, "");
	/* 70: wider, narrower */
	expect_cross(&c, "12125551000+999", DCA_RULE_CROSS_SCOPE,
	    "12125551999");
	expect_cross(&c, "12125551000+1000,12125553000", DCA_RULE_CROSS_SCOPE,
	    "12125553000");
	/* 68: another key */
	stranger = lab_make(&(struct lab_spec){ .cn = "x" });
	theirs = c.cert[SCA];
	c.cert[SCA] = stranger;
	expect_cross(&c, "12125551000+1000", DCA_RULE_CROSS_KEY, "");
	c.cert[SCA] = theirs;
	lab_free(&stranger);
	drop(&c);

	plan(&c);	/* 69 */
	c.spec[SCA].bc_not_critical = true;
	make(&c);
	expect_cross(&c, "12125551000+1000", DCA_RULE_CROSS_CA, "");
	drop(&c);
	plan(&c);	/* RFC 8226 9 */
	c.spec[SCA].list_critical = true;
	make(&c);
	expect_cross(&c, "12125551000+1000", DCA_RULE_CROSS_SCOPE, "");
	drop(&c);
	plan(&c);	/* 73 */
	c.spec[INTER].list = TN_CHILD;
	make(&c);
	expect_cross(&c, "12125551000+1000", DCA_RULE_CROSS_CHAIN,
	    "12125551000");
	drop(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cross_refuses_each_flaw),
		cmocka_unit_test(cross_accepts_and_compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
