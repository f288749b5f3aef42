/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PIN file and the login: what is refused before the token is asked, and
 * that a wrong PIN is tried once and no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "token.h"

#define URI "pkcs11:token=one;id=%01;object=ca"

static enum dca_rc
open_with(const char *pin_file, struct dca_err *e)
{
	struct dca_hsm_config c;
	struct dca_hsm *h = NULL;
	enum dca_rc rc;

	token_config(&c, FAULT_PATH, URI);
	c.pin_file = pin_file;
	memset(e, 0, sizeof(*e));
	rc = dca_hsm_open(&h, &c, e);
	dca_hsm_close(h);
	return rc;
}

static void
file_refused(void **state)
{
	static const struct {
		const char *content;
		mode_t mode;
		const char *text;
	} rows[] = {
		{ "", 0600, "is empty" },
		{ "\n", 0600, "is empty" },
		{ "12345678\n\n", 0600, "one line" },
		{ "12345678\nabcdefgh\n", 0600, "one line" },
		/* root:root 0640 would read; 0440 is a credential */
		{ "12345678\n", 0644, "open to others (mode 0644): chmod 600" },
		{ "12345678\n", 0604, "open to others (mode 0604)" },
		{ "12345678\n", 0660, "open to others (mode 0660)" },
		{ "12345678\n", 0610, "open to others (mode 0610)" },
	};
	DCA_CLEANUP(dca_free_p) char *path = token_path("bad-pin");
	char longest[512];
	struct dca_err e;

	(void)state;
	fault_rule(NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		token_pin_write(path, rows[i].content);
		assert_int_equal(chmod(path, rows[i].mode), 0);
		token_refused(open_with(path, &e), &e, DCA_RULE_TOKEN_PIN,
		    rows[i].text);
	}
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	token_pin_write(path, longest);
	token_refused(open_with(path, &e), &e, DCA_RULE_TOKEN_PIN, "longer");
	(void)unlink(path);
	token_refused(open_with(path, &e), &e, DCA_RULE_TOKEN_PIN,
	    "No such file");
	assert_int_equal(mkfifo(path, 0600), 0);
	token_refused(open_with(path, &e), &e, DCA_RULE_TOKEN_PIN,
	    "not a regular file");
	token_refused(open_with("", &e), &e, DCA_RULE_TOKEN_PIN, "no PIN file");
	token_refused(open_with(NULL, &e), &e, DCA_RULE_TOKEN_PIN,
	    "no PIN file");
	/* The token was asked for nothing. */
	assert_int_equal(fault_count("C_Login"), 0);
}

static void
line_end_is_dropped(void **state)
{
	DCA_CLEANUP(dca_free_p) char *path = token_path("line-pin");
	char line[32];
	struct dca_err e;

	(void)state;
	(void)snprintf(line, sizeof(line), "%s\n", token_pin());
	token_pin_write(path, line);
	assert_int_equal(open_with(path, &e), DCA_OK);
}

static void
wrong_pin_once(void **state)
{
	DCA_CLEANUP(dca_free_p) char *path = token_path("wrong-pin");
	struct dca_err e;

	(void)state;
	token_pin_write(path, "not-the-pin");
	fault_rule(NULL);
	token_refused(open_with(path, &e), &e, DCA_RULE_TOKEN_PIN,
	    "C_Login: CKR_PIN_INCORRECT (0xa0)");
	assert_null(strstr(e.text, "not-the-pin"));
	assert_int_equal(fault_count("C_Login"), 1);
	/* Opened again, as the vault does while the token is down. */
	for (int i = 0; i < 5; i++)
		token_refused(open_with(path, &e), &e, DCA_RULE_TOKEN_PIN,
		    "not tried again until the file changes");
	assert_int_equal(fault_count("C_Login"), 1);
	/* Another file is another PIN, and a corrected one is tried. */
	assert_int_equal(open_with(token_pin_file(), &e), DCA_OK);
	token_pin_write(path, token_pin());
	assert_int_equal(open_with(path, &e), DCA_OK);
}

static void
locked_pin(void **state)
{
	const struct fault locked = { "C_Login", CKR_PIN_LOCKED, -1, false };
	DCA_CLEANUP(dca_free_p) char *path = token_path("locked-pin");
	struct dca_err e;

	(void)state;
	token_pin_write(path, token_pin());
	fault_rule(&locked);
	token_refused(open_with(path, &e), &e, DCA_RULE_TOKEN_PIN,
	    "CKR_PIN_LOCKED (0xa4)");
	token_refused(open_with(path, &e), &e, DCA_RULE_TOKEN_PIN,
	    "not tried again");
	assert_int_equal(fault_count("C_Login"), 1);
	fault_rule(NULL);
}

/* An operator says so: once more, and only once. */
static void
forgotten_pin(void **state)
{
	DCA_CLEANUP(dca_free_p) char *path = token_path("forgotten-pin");
	struct dca_err e;

	(void)state;
	token_pin_write(path, "not-the-pin");
	fault_rule(NULL);
	for (unsigned said = 1; said <= 3; said++) {
		for (int i = 0; i < 3; i++)
			token_refused(open_with(path, &e), &e,
			    DCA_RULE_TOKEN_PIN, "");
		assert_int_equal(fault_count("C_Login"), said);
		dca_hsm_pin_forget();
	}
}

/* One try left, or locked: C_Login is not called, right PIN or not. */
static void
last_try(void **state)
{
	static const struct {
		const char *rules, *text;
	} rows[] = {
		{ "pin final-try", "one try of the PIN left: not tried" },
		{ "pin locked", "PIN is locked: not tried" },
	};
	struct dca_err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fault_text(rows[i].rules);
		for (int k = 0; k < 3; k++)
			token_refused(open_with(token_pin_file(), &e), &e,
			    DCA_RULE_TOKEN_PIN, rows[i].text);
		assert_int_equal(fault_count("C_Login"), 0);
		fault_rule(NULL);
		assert_int_equal(open_with(token_pin_file(), &e), DCA_OK);
	}
}

/* SoftHSM's hiccup beside other processes: tried again, boundedly. */
static void
login_hiccup(void **state)
{
	const struct fault twice = { "C_Login", CKR_GENERAL_ERROR, 2, false };
	const struct fault always = { "C_Login", CKR_GENERAL_ERROR, -1, false };
	struct dca_err e;

	(void)state;
	fault_rule(&twice);
	assert_int_equal(open_with(token_pin_file(), &e), DCA_OK);
	assert_int_equal(fault_count("C_Login"), 3);
	fault_rule(&always);
	token_refused(open_with(token_pin_file(), &e), &e, DCA_RULE_TOKEN_DOWN,
	    "C_Login: CKR_GENERAL_ERROR (0x5)");
	assert_int_equal(fault_count("C_Login"), 3);
	fault_rule(NULL);
}

static void
already_logged_in(void **state)
{
	const struct fault already = { "C_Login", CKR_USER_ALREADY_LOGGED_IN, 1,
		false };
	struct dca_err e;

	(void)state;
	fault_rule(&already);
	assert_int_equal(open_with(token_pin_file(), &e), DCA_OK);
	fault_rule(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_refused),
		cmocka_unit_test(line_end_is_dropped),
		cmocka_unit_test(wrong_pin_once),
		cmocka_unit_test(locked_pin),
		cmocka_unit_test(forgotten_pin),
		cmocka_unit_test(last_try),
		cmocka_unit_test(login_hiccup),
		cmocka_unit_test(already_logged_in),
	};

	token_folder();
	token_new("one");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
