/* SPDX-License-Identifier: Apache-2.0 */
/* Reservations alone: what two requests in flight may not have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "job.h"
#include "lab.h"

static struct vault v;

static void
fill(struct vault_job *j, const char *customer, const char *numbers,
    uint8_t key, uint8_t csr)
{
	memset(j, 0, sizeof(*j));
	(void)dca_strlcpy(j->who.customer, customer, sizeof(j->who.customer));
	j->verdict.numbers = lab_set(numbers);
	memset(j->key_sha256, key, sizeof(j->key_sha256));
	memset(j->csr.sha256, csr, sizeof(j->csr.sha256));
	j->n_askers = 1;
	j->turn = v.turn;
}

static void
conflict(struct vault_job *j, enum dca_rule rule, const char *first)
{
	struct dca_err e = { 0 };

	assert_int_equal(vault_reserve_check(&v, j, &e), dca_problem(rule)->rc);
	assert_int_equal(e.rule, rule);
	assert_string_equal(e.first, first);
}

static void
test_conflicts(void **state)
{
	struct vault_job out, j;

	(void)state;
	fill(&out, "acme", "12025550100+10", 1, 1);
	(void)dca_strlcpy(out.who.code, "c1", sizeof(out.who.code));
	vault_reserve(&v, &out);
	/* the same code, whoever brings it */
	fill(&j, "acme", "12025550200", 2, 2);
	(void)dca_strlcpy(j.who.code, "c1", sizeof(j.who.code));
	conflict(&j, DCA_RULE_QUEUE, "");
	j.who.code[0] = '\0';
	conflict(&j, DCA_RULE_NONE, "");
	vault_verdict_clear(&j.verdict);
	/* the same key for another customer */
	fill(&j, "beta", "12025550200", 1, 3);
	conflict(&j, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	vault_verdict_clear(&j.verdict);
	/* the same number for another customer, unless both share it */
	fill(&j, "beta", "12025550105+10", 3, 4);
	conflict(&j, DCA_RULE_SCOPE_OTHER, "12025550105");
	j.verdict.shared = true;
	conflict(&j, DCA_RULE_SCOPE_OTHER, "12025550105");
	out.verdict.shared = true;
	conflict(&j, DCA_RULE_NONE, "");
	vault_reserve_release(&v, &out);
	assert_true(vault_issue_idle(&v));
	assert_int_equal(v.n_asking, 0);
	vault_verdict_clear(&j.verdict);
	vault_verdict_clear(&out.verdict);
}

static void
test_join(void **state)
{
	struct vault_job out, j;
	struct vault_asker one = { .id = 1 }, two = { .id = 2 };

	(void)state;
	fill(&out, "acme", "12025550100", 1, 1);
	out.askers = &one;
	vault_reserve(&v, &out);
	fill(&j, "acme", "12025550100", 1, 1);
	j.askers = &two;
	/* another function or request is another job */
	j.function = DCA_FN_OPERATOR;
	assert_false(vault_reserve_join(&v, &j));
	j.function = DCA_FN_SEN;
	j.csr.sha256[0] ^= 1;
	assert_false(vault_reserve_join(&v, &j));
	j.csr.sha256[0] ^= 1;
	assert_true(vault_reserve_join(&v, &j));
	assert_null(j.askers);
	assert_int_equal(v.n_asking, 2); /* who waits counts for the queue */
	assert_ptr_equal(out.askers, &two);
	assert_ptr_equal(two.next, &one);
	/* nobody waits with one whose group was lost */
	vault_issue_rolled_back(&v);
	assert_true(out.lost);
	two.next = NULL;
	j.askers = &two;
	assert_false(vault_reserve_join(&v, &j));
	vault_reserve_release(&v, &out);
	assert_int_equal(v.n_asking, 0);
	vault_verdict_clear(&j.verdict);
	vault_verdict_clear(&out.verdict);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
