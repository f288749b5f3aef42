/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token of the real dca-vault comes, goes, lies and hangs: SoftHSM behind
 * tests/fault. usage: token PATH-OF-DCA-VAULT [TEST]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "token.h"

/* The folder of the tokens; rename keeps it what it is for a jail. */
static void
move_tokens(const char *from, const char *to)
{
	char old[128], new[128];

	(void)snprintf(old, sizeof(old), "%s/%s", lab.prefix, from);
	(void)snprintf(new, sizeof(new), "%s/%s", lab.prefix, to);
	assert_int_equal(rename(old, new), 0);
}

static void
write_pin(const char *pin)
{
	struct dca_err e = { 0 };
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/pin", lab.prefix);
	assert_int_equal(dca_file_write(path, DCA_BUF(pin, strlen(pin)), 0600,
	    &e), DCA_OK);
}

/* --- the tests --- */

/* The folder of the tokens away and back, while the vault runs. */
static void
test_away(void **state)
{
	const uint64_t before = certificates();
	struct dca_out csr = { 0 };
	struct reply r = { 0 };
	double took;

	(void)state;
	is_answered(DCA_RULE_NONE);
	lab_csr(&csr, pinned, "12025550101", NULL);
	move_tokens("tokens", "away");
	for (int i = 0; i < 30; i++) {
		assert_int_equal(ask_csr(&r, &csr), DCA_RULE_TOKEN_DOWN);
		assert_int_equal(r.m.f[0].u, 503);
		assert_in_range(r.m.f[5].u, 1, 30);
		(void)usleep(100000);
	}
	lab_wait_state(&lab, "no-token");
	assert_int_equal(certificates(), before + 1);
	move_tokens("away", "tokens");
	took = until_issued(&csr);
	print_message("issued %.2f s after the token was back\n", took);
	assert_true(took < 2.0);
	assert_int_equal(certificates(), before + 2);
	reply_clear(&r);
	dca_out_free(&csr);
}

/* Nobody asks: found all the same, and mended. */
static void
test_idle(void **state)
{
	(void)state;
	wait_token("up");
	move_tokens("tokens", "away");
	for (int i = 0; i < 12; i++)
		(void)usleep(250000);
	lab_wait_state(&lab, "no-token");
	move_tokens("away", "tokens");
	lab_wait_state(&lab, "operational");
	is_answered(DCA_RULE_NONE);
}

/* Each kind of trouble from the module's own mouth. */
static void
test_steps(void **state)
{
	static const struct {
		const char *rules;
		unsigned long modules;	/* C_Initialize */
		enum dca_rule answer;
	} rows[] = {
		{ "C_Sign 0xb3 1", 0, DCA_RULE_NONE },
		{ "C_Sign 0x101 1", 0, DCA_RULE_NONE },
		{ "C_Sign 0x60 1", 0, DCA_RULE_NONE },
		{ "C_SignInit 0 1 0 kill", 0, DCA_RULE_NONE },
		{ "C_Sign 0 1 300000", 0, DCA_RULE_NONE },
		{ "C_Sign 0x32 1", 1, DCA_RULE_TOKEN_DOWN },
		{ "C_Sign 0x5 1", 1, DCA_RULE_TOKEN_DOWN },
		{ "C_Sign 0x80000007 1", 1, DCA_RULE_TOKEN_DOWN },
		{ "C_Sign 0x30 2", 1, DCA_RULE_TOKEN_DOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned long before;

		wait_token("up");
		before = calls("C_Initialize");
		faults(rows[i].rules);
		is_answered(rows[i].answer);
		wait_token("up");
		if (calls("C_Initialize") != before + rows[i].modules)
			fail_msg("%s: the module was opened %lu times",
			    rows[i].rules, calls("C_Initialize") - before);
		is_answered(DCA_RULE_NONE);
	}
	faults(NULL);
}

/* The token will not do what is asked: left alone until somebody says so. */
static void
test_stopped(void **state)
{
	unsigned long before;

	(void)state;
	resume(DCA_RULE_REG_STATE);
	faults("C_Sign 0x68 1");	/* CKR_KEY_FUNCTION_NOT_PERMITTED */
	is_answered(DCA_RULE_TOKEN_STOPPED);
	wait_token("stopped");
	before = calls("C_Initialize");
	for (int i = 0; i < 5; i++) {
		is_answered(DCA_RULE_TOKEN_STOPPED);
		(void)usleep(400000);
	}
	assert_int_equal(calls("C_Initialize"), before);
	assert_true(alarmed("token-stopped"));
	resume(DCA_RULE_NONE);
	wait_token("up");
	is_answered(DCA_RULE_NONE);
}

/* A wrong signature: nothing answered, and not forgotten by a restart. */
static void
test_corrupt(void **state)
{
	const uint64_t before = certificates();
	unsigned long logins;

	(void)state;
	faults("C_Sign 0 1 0 corrupt");
	is_answered(DCA_RULE_TOKEN_SIGNATURE);
	lab_wait_state(&lab, "quarantined");
	is_answered(DCA_RULE_TOKEN_SIGNATURE);
	assert_true(alarmed("token-signature"));
	faults(NULL);
	logins = calls("C_Login");
	lab_stop(&lab);
	lab_start(&lab, program, TOKEN_OPTIONS(""));
	lab_wait_state(&lab, "quarantined");
	is_answered(DCA_RULE_TOKEN_SIGNATURE);
	assert_int_equal(certificates(), before);
	assert_int_equal(calls("C_Login"), logins);
	resume(DCA_RULE_NONE);
	lab_wait_state(&lab, "operational");
	is_answered(DCA_RULE_NONE);
	lab_stop(&lab);
	lab_start(&lab, program, TOKEN_OPTIONS(""));
	lab_wait_state(&lab, "operational");
}

/* Exactly one C_Login, whoever asks how often; one more when told. */
static void
test_wrong_pin(void **state)
{
	unsigned long before;

	(void)state;
	before = calls("C_Login");
	write_pin("9999\n");
	faults("C_SignInit 0 1 0 kill");
	is_answered(DCA_RULE_TOKEN_PIN);
	wait_token("wrong-pin");
	faults(NULL);
	for (int i = 0; i < 6; i++) {
		is_answered(DCA_RULE_TOKEN_PIN);
		(void)usleep(500000);
	}
	assert_int_equal(calls("C_Login"), before + 1);
	assert_true(alarmed("token-pin"));
	resume(DCA_RULE_NONE);
	wait_token("wrong-pin");
	assert_int_equal(calls("C_Login"), before + 2);
	write_pin("1234\n");
	(void)usleep(1500000);
	assert_int_equal(calls("C_Login"), before + 2);
	resume(DCA_RULE_NONE);
	wait_token("up");
	is_answered(DCA_RULE_NONE);
	assert_int_equal(calls("C_Login"), before + 3);
}

/* One try left: not ours, right PIN or not, told to or not. */
static void
test_final_try(void **state)
{
	unsigned long before;

	(void)state;
	before = calls("C_Login");
	faults("C_SignInit 0 1 0 kill\npin final-try");
	is_answered(DCA_RULE_TOKEN_PIN);
	wait_token("wrong-pin");
	resume(DCA_RULE_NONE);
	wait_token("wrong-pin");
	assert_int_equal(calls("C_Login"), before);
	faults(NULL);
	resume(DCA_RULE_NONE);
	wait_token("up");
	is_answered(DCA_RULE_NONE);
}

/* Another token with the same label: no PIN for it, nothing signed. */
static void
test_another(void **state)
{
	unsigned long logins, signatures;
	char text[320];

	(void)state;
	logins = calls("C_Login");
	signatures = calls("C_Sign");
	faults("token another");
	wait_token("down");
	(void)usleep(1500000);
	is_answered(DCA_RULE_TOKEN_DOWN);
	assert_int_equal(calls("C_Login"), logins);
	assert_int_equal(calls("C_Sign"), signatures);
	token_text("error", text, sizeof(text));
	assert_non_null(strstr(text, "serial="));
	/* told to take it: it is, with its key that fits */
	resume(DCA_RULE_NONE);
	wait_token("up");
	is_answered(DCA_RULE_NONE);
	/* and now the one before is another */
	faults(NULL);
	wait_token("down");
	resume(DCA_RULE_NONE);
	wait_token("up");
}

/* The token is pulled and put back. */
static void
test_pulled(void **state)
{
	struct dca_out csr = { 0 };
	double took;

	(void)state;
	lab_csr(&csr, pinned, "12025550102", NULL);
	faults("token gone");
	is_answered(DCA_RULE_TOKEN_DOWN);
	(void)usleep(2500000);
	is_answered(DCA_RULE_TOKEN_DOWN);
	faults(NULL);
	took = until_issued(&csr);
	print_message("issued %.2f s after the token was put back\n", took);
	assert_true(took < 2.0);
	dca_out_free(&csr);
}

struct asking {
	const struct dca_out *csr;
	enum dca_rule rule;
	double took;
	pthread_t thread;
};

static void *
ask_run(void *arg)
{
	struct asking *a = arg;
	const double start = seconds();
	struct reply r = { 0 };

	a->rule = ask_csr(&r, a->csr);
	a->took = seconds() - start;
	reply_clear(&r);
	return NULL;
}

/* One worker hangs: its asker is told in time, the other worker goes on. */
static void
test_one_hangs(void **state)
{
	struct dca_out csr = { 0 };
	struct asking a = { .csr = &csr };
	const uint64_t before = certificates();

	(void)state;
	lab_csr(&csr, pinned, "12025550103", NULL);
	faults("C_Sign 0 1 0 hang");
	assert_int_equal(pthread_create(&a.thread, NULL, ask_run, &a), 0);
	(void)usleep(300000);
	for (int i = 0; i < 5; i++)
		is_answered(DCA_RULE_NONE);
	assert_int_equal(pthread_join(a.thread, NULL), 0);
	assert_int_equal(a.rule, DCA_RULE_TOKEN_DOWN);
	print_message("told after %.2f s\n", a.took);
	assert_true(a.took >= 1.0 && a.took < 4.0);
	assert_true(alarmed("token-hangs"));
	is_answered(DCA_RULE_NONE);
	faults(NULL);
	(void)until_issued(&csr);
	assert_int_equal(certificates(), before + 7);
	dca_out_free(&csr);
}

/* All hang: nobody waits any more, the loop lives, and it heals. */
static void
test_all_hang(void **state)
{
	enum { N = 6 };
	struct dca_out csr[N] = { 0 };
	struct asking a[N] = { 0 };
	const uint64_t before = certificates();
	double start, took;

	(void)state;
	faults("C_Sign 0 -1 0 hang");
	for (int i = 0; i < N; i++) {
		lab_csr(&csr[i], pinned, "12025550104", NULL);
		a[i].csr = &csr[i];
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask_run,
		    &a[i]), 0);
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(pthread_join(a[i].thread, NULL), 0);
		assert_int_equal(a[i].rule, DCA_RULE_TOKEN_DOWN);
		assert_true(a[i].took < 4.0);
	}
	wait_token("hangs");
	start = seconds();
	is_answered(DCA_RULE_TOKEN_DOWN);
	lab_wait_state(&lab, "no-token");
	assert_true(seconds() - start < 1.0);
	assert_int_equal(certificates(), before);
	faults(NULL);
	took = until_issued(&csr[0]);
	print_message("issued %.2f s after it was released\n", took);
	assert_true(took < 2.0);
	for (int i = 0; i < N; i++) {
		(void)until_issued(&csr[i]);
		dca_out_free(&csr[i]);
	}
	assert_int_equal(certificates(), before + N);
}

/* Ended while the token hangs: it leaves, and all is there afterwards. */
static void
test_leaves(void **state)
{
	struct dca_out csr = { 0 };
	struct asking a = { .csr = &csr };
	double start;

	(void)state;
	lab_csr(&csr, pinned, "12025550105", NULL);
	faults("C_Sign 0 -1 0 hang");
	assert_int_equal(pthread_create(&a.thread, NULL, ask_run, &a), 0);
	assert_int_equal(pthread_join(a.thread, NULL), 0);
	start = seconds();
	lab_stop(&lab);
	print_message("left after %.2f s\n", seconds() - start);
	assert_true(seconds() - start < 15.0);
	faults(NULL);
	lab_start(&lab, program, TOKEN_OPTIONS(""));
	lab_wait_state(&lab, "operational");
	(void)until_issued(&csr);
	dca_out_free(&csr);
}

int
main(int argc, char **argv)
{
	/* in this order: all of them on one vault */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_away),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_wrong_pin),
		cmocka_unit_test(test_final_try),
		cmocka_unit_test(test_another),
		cmocka_unit_test(test_pulled),
		cmocka_unit_test(test_one_hangs),
		cmocka_unit_test(test_all_hang),
		cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_load),
	};
	int rc;

	if (argc < 2)
		return 2;
	program = argv[1];
	if (argc > 2)	/* one of them alone, by hand */
		cmocka_set_test_filter(argv[2]);
	dca_log_init("token-test", DCA_ERR);
	rc = lab_open(&lab, program);
	return rc ? rc : cmocka_run_group_tests(tests, token_setup,
	    token_teardown);
}
