/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: good files fill the structure, each fault refuses with
 * file:line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/os.h"

struct conf {
	char name[8];
	uint64_t port;
	int64_t wait;
	bool shared;
	unsigned when;
};
#define AT(m) offsetof(struct conf, m)
static const struct dca_config_key keys[] = {
	{ "a", "name", DCA_CONF_TEXT, AT(name), sizeof(((struct conf *)0)->name),
	    NULL, NULL, "A name" },
	{ "a", "port", DCA_CONF_UINT, AT(port), 65535, "5684", NULL, "A port" },
	{ "b", "wait", DCA_CONF_SECONDS, AT(wait), 100 * 86400, "90s", NULL,
	    "A time" },
	{ "b", "shared", DCA_CONF_BOOL, AT(shared), 0, "no", NULL, "A choice" },
	{ "b", "when", DCA_CONF_CHOICE, AT(when), 0, "now", "never|now|later",
	    "Another" },
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static char path[64];

static int
setup(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/dca-config-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static enum dca_rc
load(struct conf *c, const char *text, size_t n, struct dca_err *e)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	memset(c, 0, sizeof(*c));
	memset(e, 0, sizeof(*e));
	return dca_config_load(c, keys, KEYS, path, e);
}

static void
good(void **state)
{
	struct conf c;
	struct dca_err e;
	const char *text = "# comment\n; comment\n\n[a]\r\n name = x y \r\n"
			   "port=1\n[b]\nwait = 1d 2h 3m 4s\nshared = yes\n"
			   "when = later\n[a]";

	(void)state;
	assert_int_equal(load(&c, text, strlen(text), &e), DCA_OK);
	assert_string_equal(c.name, "x y");
	assert_int_equal(c.port, 1);
	assert_int_equal(c.wait, 86400 + 2 * 3600 + 3 * 60 + 4);
	assert_true(c.shared);
	assert_int_equal(c.when, 2);
	assert_int_equal(load(&c, "[a]\nname=", 9, &e), DCA_OK);
	assert_string_equal(c.name, "");
	assert_int_equal(c.port, 5684);
	assert_int_equal(c.wait, 90);
	assert_false(c.shared);
	assert_int_equal(c.when, 1);
}

static void
times(void **state)
{
	static const struct {
		const char *text;
		int64_t want;	/* -1: refused */
	} t[] = { { "0", 0 }, { "30d", 30 * 86400 }, { "12h", 43200 },
		{ "10m", 600 }, { "5s", 5 }, { "1h30m", 5400 },
		{ "1d 5s", 86405 }, { "", -1 }, { "d", -1 }, { "1x", -1 },
		{ "5s 1m", -1 }, { "1m 1m", -1 }, { "1m 5", -1 }, { "-1", -1 },
		{ "1.5h", -1 }, { "101d", -1 }, { "18446744073709551615", -1 },
		{ "18446744073709551616", -1 }, { "999999999999999999d", -1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char text[80];
		struct conf c;
		struct dca_err e;
		enum dca_rc rc;
		int n = snprintf(text, sizeof(text),
		    "[a]\nname=x\n[b]\nwait=%s\n", t[i].text);

		rc = load(&c, text, (size_t)n, &e);
		assert_int_equal(rc, t[i].want < 0 ? DCA_MALFORMED : DCA_OK);
		if (rc == DCA_OK)
			assert_int_equal(c.wait, t[i].want);
		else
			assert_non_null(strstr(e.text, ":4: "));
	}
}

static void
refused(void **state)
{
#define S(text) text, sizeof(text) - 1
	static const struct {
		const char *text;
		size_t n;
		const char *want;
	} t[] = {
		{ S("[c]\n"), ":1: unknown section [c]" },
		{ S("[a\n"), ":1: section without ]" },
		{ S("name = x\n"), ":1: key name before any [section]" },
		{ S("[a]\ncolour = red\n"), ":2: unknown key colour in [a]" },
		{ S("[a]\nwait = 1\n"), ":2: unknown key wait in [a]" },
		{ S("[a]\nname=x\n\nname=y\n"),
		    ":4: key name of [a] twice, first in line 2" },
		{ S("[a]\nname=x\n[a]\nname=y\n"), ":4: key name of [a] twice" },
		{ S("[a]\nname\n"), ":2: neither [section] nor key = value" },
		{ S("[a]\nport = 1\n"), ":3: key name of [a] is missing (A name)" },
		{ S(""), ":1: key name of [a] is missing" },
		{ S("[a]\nname=12345678\n"), ":2: key name of [a]: \"12345678\" "
					     "is not a shorter text" },
		{ S("[a]\nport=x\n"), ":2: key port of [a]: \"x\" is not a number" },
		{ S("[a]\nport=1x\n"), "is not a number" },
		{ S("[a]\nport=-1\n"), "is not a number" },
		{ S("[a]\nport=\n"), "is not a number" },
		{ S("[a]\nport=65536\n"), "is not a smaller number" },
		{ S("[a]\nport=18446744073709551616\n"), "is not a number" },
		{ S("[b]\nshared=true\n"), ":2: key shared of [b]: \"true\" is "
					   "not yes or no" },
		{ S("[b]\nwhen=no\n"), "is not never|now|later" },
		{ S("[b]\nwhen=\n"), "is not never|now|later" },
		{ S("[a]\nname=\xff\n"), ":2: not UTF-8 text" },
		{ S("[a]\nname=a\x1b[1mb\n"), ":2: control character" },
		{ S("[a]\nna\0me=a\n"), ":2: NUL character" },
	};
#undef S
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct conf c;
		struct dca_err e;

		assert_int_equal(load(&c, t[i].text, t[i].n, &e), DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_CONFIG);
		if (strncmp(e.text, path, strlen(path)) != 0 ||
		    strstr(e.text, t[i].want) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", e.text, t[i].want);
	}
}

static void
no_file(void **state)
{
	struct conf c;
	struct dca_err e = { 0 };

	(void)state;
	assert_int_equal(dca_config_load(&c, keys, KEYS, "/no/such.conf", &e),
	    DCA_IO);
	assert_non_null(strstr(e.text, "/no/such.conf"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(times),
		cmocka_unit_test(refused),
		cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
