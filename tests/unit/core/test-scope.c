/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every labelled scope pair and chain, from DER to verdict. Read as foreign
 * lists (the verifier tolerates start + count = 10^D) and as lists that we
 * would issue (it does not).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cases.h"
#include "dca/tnauthlist.h"

#define AUTO_SET DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset

static json_t *pairs, *chains;

/* NULL when the list is not one. */
static struct dca_tnset *
read_list(const char *hex, enum dca_tnauthlist_mode mode)
{
	DCA_AUTO_OUT der = { .p = NULL };
	struct dca_tnset *s = dca_tnset_new();
	struct dca_err e;

	cases_hex(&der, hex);
	if (dca_tnauthlist_parse(s, dca_out_buf(&der), mode, &e) == DCA_OK)
		return s;
	dca_tnset_free(s);
	return NULL;
}

/* Fail closed: what cannot be read is inside nothing and covers nothing. */
static bool
inside(const char *parent_hex, const char *child_hex,
    enum dca_tnauthlist_mode mode)
{
	AUTO_SET *parent = read_list(parent_hex, mode);
	AUTO_SET *child = read_list(child_hex, mode), *common = NULL;
	char first[DCA_ENTRY_TEXT] = "";
	bool is;

	if (parent == NULL || child == NULL)
		return false;
	is = dca_tnset_covers(parent, child, first);
	assert_int_equal(is, first[0] == '\0');
	/* the other functions must say the same */
	common = dca_tnset_intersect(parent, child);
	assert_int_equal(is, dca_tnset_equal(common, child));
	assert_int_equal(dca_tnset_overlaps(parent, child, NULL),
	    !dca_tnset_empty(common));
	return is;
}

static void
scope_pairs(void **state)
{
	const char *expected, *lenient, *p, *c;
	json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(pairs, i, v) {
		p = cases_text(v, "parent_der");
		c = cases_text(v, "child_der");
		expected = cases_text(v, "expected");
		lenient = cases_text(v, "expected_lenient");
		if (lenient[0] == '\0')
			lenient = expected;
		if (inside(p, c, DCA_TNAUTHLIST_ISSUE) !=
		    (strcmp(expected, "inside") == 0))
			fail_msg("%s: not %s", cases_text(v, "id"), expected);
		if (inside(p, c, DCA_TNAUTHLIST_FOREIGN) !=
		    (strcmp(lenient, "inside") == 0))
			fail_msg("%s: not %s", cases_text(v, "id"), lenient);
	}
	assert_true(i > 50);
}

/*
 * Root to leaf: every list inside every list above it; a certificate without
 * one below one with is outside (RFC 8226 9). The chain verifier has its
 * own tests; here the algebra must give the labelled verdict.
 */
static bool
chain_inside(const json_t *der)
{
	size_t i, j, n = json_array_size(der);
	const char *up, *down;
	bool ok = true;

	for (i = 0; i < n; i++) {
		down = json_string_value(json_array_get(der, i));
		for (j = 0; j < i; j++) {
			up = json_string_value(json_array_get(der, j));
			if (up != NULL && (down == NULL ||
				!inside(up, down, DCA_TNAUTHLIST_FOREIGN)))
				ok = false;
		}
	}
	return ok;
}

static void
scope_chains(void **state)
{
	bool want, got;
	json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(chains, i, v) {
		want = strcmp(cases_text(v, "expected"), "inside") == 0;
		got = chain_inside(json_object_get(v, "der"));
		if (got != want)
			fail_msg("%s: not %s", cases_text(v, "id"),
			    cases_text(v, "expected"));
	}
	assert_true(i > 10);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(scope_pairs),
		cmocka_unit_test(scope_chains),
	};
	int failed;

	pairs = cases_load("scope-pairs.json");
	chains = cases_load("scope-chains.json");
	if (pairs == NULL || chains == NULL)
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(pairs);
	json_decref(chains);
	return failed;
}
