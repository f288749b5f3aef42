/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [clock] trust: what the kernel may say and what it means. The kernel is
 * this file's clock_adjtime, which stands before libc's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"

static int says, error, status;
static unsigned asked;

int
clock_adjtime(clockid_t clock, struct timex *t)
{
	asked++;
	assert_int_equal(clock, CLOCK_REALTIME);
	assert_int_equal(t->modes, 0);
	t->status = status;
	errno = error;
	return says;
}

static enum dca_rc
check(unsigned trust, struct dca_err *e)
{
	struct vault_config c = { .clock_trust = trust };

	memset(e, 0, sizeof(*e));
	return vault_clock_check(&c, e);
}

static void
test_kernel(void **state)
{
	struct dca_err e;

	(void)state;
	says = TIME_OK;
	status = STA_PLL | STA_NANO;
	assert_int_equal(check(VAULT_CLOCK_KERNEL, &e), DCA_OK);
	says = TIME_INS;	/* a leap second is no error */
	assert_int_equal(check(VAULT_CLOCK_KERNEL, &e), DCA_OK);
	says = TIME_ERROR;
	status |= STA_UNSYNC;
	assert_int_equal(check(VAULT_CLOCK_KERNEL, &e), DCA_BUSY);
	assert_int_equal(e.rule, DCA_RULE_CLOCK);
	assert_non_null(strstr(e.text, "STA_UNSYNC"));
	says = -1;
	status = 0;
	error = EPERM;
	assert_int_equal(check(VAULT_CLOCK_KERNEL, &e), DCA_BUSY);
	assert_int_equal(e.rule, DCA_RULE_CLOCK);
	assert_non_null(strstr(e.text, "does not say"));
}

static void
test_any(void **state)
{
	struct dca_err e;
	const unsigned before = asked;

	(void)state;
	says = TIME_ERROR;
	status = STA_UNSYNC;
	assert_int_equal(check(VAULT_CLOCK_ANY, &e), DCA_OK);
	assert_int_equal(asked, before);	/* the jail would kill */
}

/* any is the default; nothing else than the two is taken. */
static void
test_config(void **state)
{
	static const struct {
		const char *text;
		enum dca_rc rc;
		unsigned trust;
	} t[] = {
		{ "", DCA_OK, VAULT_CLOCK_ANY },
		{ "[clock]\ntrust = any\n", DCA_OK, VAULT_CLOCK_ANY },
		{ "[clock]\ntrust = kernel\n", DCA_OK, VAULT_CLOCK_KERNEL },
		{ "[clock]\ntrust = rtc\n", DCA_MALFORMED, 0 },
	};
	char path[] = "/tmp/dca-clock-XXXXXX", text[300];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vault_config c;
		struct dca_err e = { 0 };

		(void)snprintf(text, sizeof(text), "[token]\nmodule = /m\n"
		    "uri = pkcs11:token=x;id=%%01\npin_file = /p\n[publish]\n"
		    "base_url = https://a.example\n%s", t[i].text);
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, text, strlen(text), 0),
		    strlen(text));
		assert_int_equal(vault_config_load(&c, path, NULL, &e),
		    t[i].rc);
		if (t[i].rc == DCA_OK)
			assert_int_equal(c.clock_trust, t[i].trust);
		else
			assert_int_equal(e.rule, DCA_RULE_CONFIG);
	}
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
