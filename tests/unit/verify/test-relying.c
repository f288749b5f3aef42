/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdca-verify through its public header: the published vectors and labelled
 * chains, one chain per rule of a relying party (RFC 5280 6.1, 6.3.3, RFC 8226
 * 9, RFC 9060 4 to 7), the policy for SPCs, what is left of a chain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "relying.h"

#define VECTOR_TIME INT64_C(1767600000)

/* RFC 9060 7, 6: the list itself. */
static void
swap(struct chain *c, size_t a, size_t b)
{
	struct dca_cert t = c->chain.v[a];

	c->chain.v[a] = c->chain.v[b];
	c->chain.v[b] = t;
}

static void
cut(struct chain *c, size_t n)
{
	while (c->chain.n > n)
		dca_cert_clear(&c->chain.v[--c->chain.n]);
}

static void
takes_lists_as_they_are(void **state)
{
	struct chain c, stranger;

	(void)state;
	plan(&c);
	make(&c);
	plan(&stranger);
	make(&stranger);
	expect(&c, "", -1);
	lab_add(&c.chain, &c.cert[ROOT]);
	expect(&c, "", -1);
	cut(&c, 3);
	swap(&c, 0, 2);
	expect(&c, "chain-order", 0);		/* reversed */
	swap(&c, 0, 2);
	lab_add(&c.chain, &c.cert[SCA]);
	expect(&c, "chain-order", 3);		/* twice */
	cut(&c, 3);
	lab_add(&c.chain, &stranger.cert[LEAF]);
	expect(&c, "chain-order", 2);		/* one more */
	cut(&c, 2);
	expect(&c, "chain-anchor", 1);		/* one missing at the end */
	cut(&c, 1);
	expect(&c, "chain-anchor", 0);		/* leaf only */
	cut(&c, 0);
	lab_add(&c.chain, &c.cert[ROOT]);
	expect(&c, "chain-anchor", 0);		/* root only */
	cut(&c, 0);
	for (int i = 0; i < 17; i++)
		lab_add(&c.chain, &c.cert[LEAF]);
	expect(&c, "chain-order", -1);		/* 17 */
	drop(&c);
	drop(&stranger);
}

/* n single numbers from 12025550000 on, every third, last first; each but the
 * first twice when asked. Hex; the caller frees. */
static char *
long_list(unsigned n, bool twice, const char *more)
{
	DCA_AUTO_OUT hex = { 0 };
	unsigned i, k, times = twice ? 2 : 1;
	size_t octets = (size_t)n * times * 15 + strlen(more) / 2;
	char number[12];

	dca_out_printf(&hex, "3083%06zx", octets);
	for (i = n; i > 0; i--)
		for (k = 0; k < times; k++) {
			(void)snprintf(number, sizeof(number), "%llu",
			    12025550000ULL + 3 * (i - 1));
			dca_out_printf(&hex, "a20d160b");
			for (const char *p = number; *p != '\0'; p++)
				dca_out_printf(&hex, "%02x", (unsigned)*p);
		}
	dca_out_printf(&hex, "%s", more);
	dca_out_add(&hex, "", 1);
	return (char *)dca_steal(&hex.p);
}

/* 10,000 numbers are judged as ten are, whatever their order. */
static void
judges_long_lists(void **state)
{
	DCA_CLEANUP(dca_free_p) char *list = long_list(10000, false, "");
	DCA_CLEANUP(dca_free_p) char *twice = long_list(10000, true, "");
	DCA_CLEANUP(dca_free_p) char *wide = long_list(10000, false,
	    "a20d160b3132303235353530303031");	/* 12025550001 */
	struct chain c;

	(void)state;
	plan(&c);
	c.spec[SCA].list = c.spec[LEAF].list = list;
	make(&c);
	expect(&c, "", -1);
	drop(&c);
	plan(&c);
	c.spec[SCA].list = list;
	c.spec[LEAF].list = twice;
	make(&c);
	expect(&c, "", -1);
	drop(&c);
	plan(&c);
	c.spec[SCA].list = twice;
	c.spec[LEAF].list = wide;
	make(&c);
	expect(&c, "chain-scope", 0);
	drop(&c);
}

/* One flaw in one certificate each. */
static const struct flaw {
	const char *name;
	int which;
	struct lab_spec spec;
	const char *rule;
	int at;
} flaws[] = {
	{ "leaf is a CA", LEAF, { .ca = LAB_CA_TRUE, .ku = 0x84 },
	    "chain-leaf", 0 },
	{ "no digitalSignature", LEAF, { .ca = LAB_CA_FALSE, .ku = 0x40 },
	    "chain-leaf", 0 },
	{ "expired", LEAF, { .not_after = LAB_NOW - 1 }, "chain-time", 0 },
	{ "not yet valid", SCA, { .not_before = LAB_NOW + 1 }, "chain-time",
	    1 },
	{ "wrong AKI", SCA, { .wrong_aki = true }, "chain-aki", 1 },
	{ "signature", LEAF, { .broken_signature = true }, "chain-path", 0 },
	{ "signature of the last", INTER, { .broken_signature = true },
	    "chain-anchor", 2 },
	{ "unknown critical", INTER, { .critical_oid = "1.2.3.4" },
	    "cert-extension", 2 },
	{ "pathLen 0 above a CA", INTER, { .path_len = 0 + 1 }, "chain-path",
	    1 },
	{ "CA:FALSE", SCA, { .ca = LAB_CA_FALSE, .ku = 0x04 }, "chain-path",
	    1 },
	{ "no keyCertSign", SCA, { .ku = 0x80 }, "chain-path", 1 },
	{ "leaf without a list", LEAF, { .list = "" }, "chain-nolist", 0 },
	{ "child wider", LEAF, { .list = TN_OUT }, "chain-scope", 0 },
	{ "SPC below numbers", LEAF, { .list = SPC_1234 }, "chain-scope", 0 },
	{ "P-256 with SHA-384", SCA, { .md = "SHA384" }, "", -1 },
	{ "SHA-1", LEAF, { .md = "SHA1" }, "chain-path", 0 },
};

static void
refuses_each_flaw(void **state)
{
	struct chain c;

	(void)state;
	for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		print_message("%s\n", flaws[i].name);
		plan(&c);
		apply(&c.spec[flaws[i].which], &flaws[i].spec);
		make(&c);
		expect(&c, flaws[i].rule, flaws[i].at);
		drop(&c);
	}
}

/* A list once met binds all below; another name; no such root. */
static void
refuses_what_takes_two(void **state)
{
	struct chain c, other;

	(void)state;
	plan(&c);
	c.spec[INTER].list = TN_PARENT;
	c.spec[SCA].list = NULL;
	make(&c);
	expect(&c, "chain-nolist", 1);
	drop(&c);
	plan(&c);
	c.spec[INTER].list = TN_CHILD;	/* SCA wider: every step counts */
	make(&c);
	expect(&c, "chain-scope", 1);
	drop(&c);
	plan(&c);
	make(&c);
	plan(&other);
	other.spec[INTER].cn = "SHAKEN Another";
	other.spec[INTER].key = c.cert[INTER].key;
	make(&other);
	cut(&c, 2);
	lab_add(&c.chain, &other.cert[INTER]);	/* same key, another name */
	expect(&c, "chain-order", 1);
	drop(&c);
	plan(&c);
	make(&c);
	dca_certs_clear(&c.roots);
	lab_add(&c.roots, &other.cert[ROOT]);
	expect(&c, "chain-anchor", 2);		/* same name, another key */
	dca_certs_clear(&c.roots);
	expect(&c, "chain-anchor", 2);		/* none at all */
	drop(&c);
	drop(&other);
}

static void
accepts_p384_ancestors(void **state)
{
	struct chain c;

	(void)state;
	plan(&c);
	c.spec[ROOT].curve = c.spec[INTER].curve = "P-384";
	c.spec[ROOT].md = c.spec[INTER].md = "SHA384";
	make(&c);	/* SHA-384, and SHA-256 by a P-384 key */
	expect(&c, "", -1);
	drop(&c);
	plan(&c);
	c.spec[INTER].curve = "P-384";
	c.spec[SCA].broken_signature = true;
	make(&c);
	expect(&c, "chain-path", 1);
	drop(&c);
	plan(&c);
	c.spec[INTER].curve = "P-521";
	make(&c);
	expect(&c, "chain-path", 1);
	drop(&c);
}

/* Numbers below an SPC (RFC 9060 4.1): three policies, and an inventory. */
static void
judges_below_an_spc(void **state)
{
	struct dca_verify_why why;
	struct dca_verifier *v;
	struct chain c;

	(void)state;
	plan(&c);
	c.spec[SCA].list = SPC_1234;
	make(&c);
	v = verifier_of(&c.roots);
	judge(v, &c.chain, "", -1, &why);
	assert_int_equal(why.spc_unchecked, 1);
	dca_verifier_spc(v, DCA_VERIFY_SPC_ACCEPT);
	judge(v, &c.chain, "", -1, &why);
	assert_int_equal(why.spc_unchecked, 0);
	dca_verifier_spc(v, DCA_VERIFY_SPC_REJECT);
	judge(v, &c.chain, "chain-spc", 0, &why);
	assert_string_equal(why.first, "12125551500");
	/* another provider's numbers are not its */
	assert_int_equal(dca_verifier_add_numbers(v, "5678",
	    "12125551000+1000", &why), DCA_VERIFY_ACCEPTED);
	judge(v, &c.chain, "chain-spc", 0, &why);
	assert_int_equal(dca_verifier_add_numbers(v, "1234",
	    "+12125551500+50", &why), DCA_VERIFY_ACCEPTED);
	judge(v, &c.chain, "chain-scope", 0, &why);
	assert_string_equal(why.first, "12125551550");
	assert_int_equal(dca_verifier_add_numbers(v, "1234",
	    "12125551550+50", &why), DCA_VERIFY_ACCEPTED);
	judge(v, &c.chain, "", -1, &why);
	assert_int_equal(why.spc_unchecked, 0);
	dca_verifier_free(v);
	drop(&c);
}

static void
refuses_a_bad_set_up(void **state)
{
	struct dca_verifier *v = dca_verifier_new();
	struct dca_verify_why why;
	static const struct {
		const char *spc, *numbers, *rule;
	} bad[] = {
		{ "1234", "x", "tn-number" },
		{ "1234", "spc:1", "input" },
		{ "", "12025550100", "tn-spc" },
		{ "1234", "12025550100+0", "tn-count" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(dca_verifier_add_numbers(v, bad[i].spc,
		    bad[i].numbers, &why), DCA_VERIFY_UNREADABLE);
		assert_string_equal(why.rule, bad[i].rule);
	}
	assert_int_equal(dca_verifier_add_roots(v, "x", 1, &why),
	    DCA_VERIFY_UNREADABLE);
	assert_string_equal(why.rule, "input");
	assert_int_equal(dca_verifier_add_roots(v, "x", 5 * 1024 * 1024,
	    &why), DCA_VERIFY_UNREADABLE);
	assert_int_equal(dca_verifier_add_crl(v, "x", 1, "y", 1, &why),
	    DCA_VERIFY_UNREADABLE);
	assert_int_equal(dca_verifier_check(v, "x", 1, LAB_NOW, NULL, NULL),
	    DCA_VERIFY_UNREADABLE);
	assert_int_equal(dca_verifier_check(v, "x", 5 * 1024 * 1024, LAB_NOW,
	    NULL, &why), DCA_VERIFY_UNREADABLE);
	assert_string_equal(why.rule, "input");
	dca_verifier_free(v);
	dca_verifier_free(NULL);
	dca_verified_free(NULL);
}

/* What is left of an accepted chain. */
static void
tells_what_the_leaf_may(void **state)
{
	struct dca_verified *l = NULL;
	struct dca_verifier *v;
	DCA_AUTO_OUT pem = { 0 };
	char text[64], small[6];
	const void *p;
	struct chain c;
	size_t n;

	(void)state;
	plan(&c);
	make(&c);
	v = verifier_of(&c.roots);
	pem = pem_of(&c.chain);
	assert_int_equal(dca_verifier_check(v, pem.p, pem.n, LAB_NOW, &l,
	    NULL), DCA_VERIFY_ACCEPTED);
	dca_verifier_free(v);	/* it lives on without */
	assert_int_equal(dca_verified_may_sign(l, "12125551500"), 1);
	assert_int_equal(dca_verified_may_sign(l, "+12125551599"), 1);
	assert_int_equal(dca_verified_may_sign(l, "12125551600"), 0);
	assert_int_equal(dca_verified_may_sign(l, "2125551500"), 0);
	assert_int_equal(dca_verified_may_sign(l, "++12125551500"), 0);
	assert_int_equal(dca_verified_may_sign(l, ""), 0);
	assert_int_equal(dca_verified_scope(l, text, sizeof(text)), 15);
	assert_string_equal(text, "12125551500+100");
	assert_int_equal(dca_verified_scope(l, small, sizeof(small)), 15);
	assert_string_equal(small, "12125");
	assert_int_equal(dca_verified_scope(l, NULL, 0), 15);
	p = dca_verified_leaf(l, &n);
	assert_int_equal(n, c.chain.v[0].der.n);
	assert_memory_equal(p, c.chain.v[0].der.p, n);
	p = dca_verified_key(l, &n);
	assert_int_equal(n, c.chain.v[0].spki.n);
	assert_memory_equal(p, c.chain.v[0].spki.p, n);
	dca_verified_free(l);
	assert_string_equal(dca_verify_version(), DCA_VERSION);
	drop(&c);
}

/* An SPC covers no number by itself, only with its inventory. */
static void
signs_by_an_spc_with_its_inventory(void **state)
{
	struct dca_verified *l = NULL;
	struct dca_verifier *v;
	DCA_AUTO_OUT pem = { 0 };
	struct chain c;

	(void)state;
	plan(&c);
	c.spec[SCA].list = c.spec[LEAF].list = SPC_1234;
	make(&c);
	pem = pem_of(&c.chain);
	v = verifier_of(&c.roots);
	dca_verifier_spc(v, DCA_VERIFY_SPC_REJECT);	/* an SPC compares */
	for (int known = 0; known < 2; known++) {
		assert_int_equal(dca_verifier_check(v, pem.p, pem.n, LAB_NOW,
		    &l, NULL), DCA_VERIFY_ACCEPTED);
		assert_int_equal(dca_verified_may_sign(l, "12025550100"),
		    known);
		dca_verified_free(l);
		assert_int_equal(dca_verifier_add_numbers(v, "1234",
		    "12025550100+10", NULL), DCA_VERIFY_ACCEPTED);
	}
	dca_verifier_free(v);
	drop(&c);
}

static void
verifies_the_vectors(void **state)
{
	struct dca_verifier *v = dca_verifier_new();
	struct dca_verified *l = NULL;
	DCA_AUTO_OUT in = { 0 };
	DCA_AUTO_OUT root = { 0 };
	struct dca_verify_why why;

	(void)state;
	lab_read(&in, DCA_DATA "/vectors/chain-x5u.pem");
	lab_read(&root, DCA_DATA "/vectors/root.pem");
	assert_int_equal(dca_verifier_add_roots(v, root.p, root.n, &why),
	    DCA_VERIFY_ACCEPTED);
	assert_int_equal(dca_verifier_check(v, in.p, in.n, VECTOR_TIME, &l,
	    &why), DCA_VERIFY_ACCEPTED);
	assert_int_equal(why.spc_unchecked, 1);
	/* orig of its PASSporT */
	assert_int_equal(dca_verified_may_sign(l, "12125551824"), 1);
	assert_int_equal(dca_verified_may_sign(l, "12155550131"), 0);
	dca_verified_free(l);
	assert_int_equal(dca_verifier_check(v, in.p, in.n,
	    VECTOR_TIME + 7 * 86400, &l, &why), DCA_VERIFY_REFUSED);
	assert_string_equal(why.rule, "chain-time");
	assert_null(l);
	dca_verifier_free(v);
}

/* Certificates around the lists of scope-chains.json; the last is the leaf. */
static void
run_labelled(json_t *item)
{
	bool inside = strcmp(json_string_value(json_object_get(item,
	    "expected")), "inside") == 0;
	json_t *ders = json_object_get(item, "der");
	size_t n = json_array_size(ders), i;
	struct lab certs[16] = { { 0 } };
	struct dca_certs chain = { 0 }, roots = { 0 };
	struct dca_verify_why why;
	struct dca_verifier *v;
	DCA_AUTO_OUT pem = { 0 };
	char cn[32];

	assert_in_range(n, 2, 16);
	for (i = 0; i < n; i++) {
		(void)snprintf(cn, sizeof(cn), "SHAKEN %zu", i);
		certs[i] = lab_make(&(struct lab_spec){ .cn = cn,
		    .issuer = i == 0 ? NULL : &certs[i - 1],
		    .ca = i == n - 1 ? LAB_CA_FALSE : LAB_CA_TRUE,
		    .list = json_string_value(json_array_get(ders, i)) });
	}
	for (i = n; i-- > 1;)
		lab_add(&chain, &certs[i]);
	lab_add(&roots, &certs[0]);
	v = verifier_of(&roots);
	/* Fail closed without an inventory, as the labels do. */
	dca_verifier_spc(v, DCA_VERIFY_SPC_REJECT);
	pem = pem_of(&chain);
	if ((dca_verifier_check(v, pem.p, pem.n, LAB_NOW, NULL, &why) ==
	    DCA_VERIFY_ACCEPTED) != inside)
		fail_msg("%s: %s", json_string_value(json_object_get(item,
		    "id")), why.text);
	dca_verifier_free(v);
	dca_certs_clear(&chain);
	dca_certs_clear(&roots);
	for (i = 0; i < n; i++)
		lab_free(&certs[i]);
}

static void
agrees_with_the_labelled_chains(void **state)
{
	DCA_AUTO_OUT in = { 0 };
	json_t *all, *item;
	size_t i;

	(void)state;
	lab_read(&in, DCA_DATA "/tn-and-csr-cases/scope-chains.json");
	all = json_loadb((const char *)in.p, in.n, 0, NULL);
	assert_true(json_array_size(all) > 10);
	json_array_foreach(all, i, item)
		run_labelled(item);
	print_message("%zu chains\n", json_array_size(all));
	json_decref(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_lists_as_they_are),
		cmocka_unit_test(refuses_each_flaw),
		cmocka_unit_test(refuses_what_takes_two),
		cmocka_unit_test(accepts_p384_ancestors),
		cmocka_unit_test(judges_below_an_spc),
		cmocka_unit_test(judges_long_lists),
		cmocka_unit_test(refuses_a_bad_set_up),
		cmocka_unit_test(tells_what_the_leaf_may),
		cmocka_unit_test(signs_by_an_spc_with_its_inventory),
		cmocka_unit_test(verifies_the_vectors),
		cmocka_unit_test(agrees_with_the_labelled_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
