/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: what is found, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/os.h"

static struct {
	const char *ran, *name, *profile;
	bool dry, json;
	int argc;
	const char *arg[4];
} got;

static int
note(const char *what, int argc, char **argv)
{
	got.ran = what;
	got.argc = argc;
	for (int i = 0; i < argc && i < 4; i++)
		got.arg[i] = argv[i];
	return 7;
}

static int
add(int argc, char **argv, void *arg)
{
	(void)arg;
	return note("add", argc, argv);
}

static int
list(int argc, char **argv, void *arg)
{
	(void)arg;
	return note("list", argc, argv);
}

static int
status(int argc, char **argv, void *arg)
{
	(void)arg;
	return note("status", argc, argv);
}

static const struct dca_option add_options[] = {
	{ "name", "TEXT", &got.name, NULL, "what it is called" },
	{ "dry-run", NULL, NULL, &got.dry, "change nothing" },
};
static const struct dca_option common[] = {
	{ "profile", "DIR", &got.profile, NULL, "where the key is" },
	{ "json", NULL, NULL, &got.json, "for programs" },
};
static const struct dca_command cmds[] = {
	{ "status", "", "say how it is", NULL, 0, 0, 0, status },
	{ "customer add", "ID", "make one", add_options, 2, 1, 1, add },
	{ "customer list", "", "show them", NULL, 0, 0, 2, list },
};

static char output[4096];

/* Runs with the words of line; stdout and stderr go to output. */
static int
run(const struct dca_command *c, size_t n, const char *line)
{
	static char text[256];	/* got points into it */
	char *argv[16];
	int argc = 0, fds[2], out = dup(1), err = dup(2), rc;
	ssize_t k;

	memset(&got, 0, sizeof(got));
	assert_true(dca_strlcpy(text, line, sizeof(text)));
	argv[argc++] = text;
	for (char *p = text; (p = strchr(p, ' ')) != NULL;) {
		*p++ = '\0';
		argv[argc++] = p;
	}
	argv[argc] = NULL;
	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	dup2(fds[1], 1);
	dup2(fds[1], 2);
	rc = dca_command_run("prog", "Does things.", c, n, common, 2, argc,
	    argv, NULL);
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	close(fds[1]);
	k = read(fds[0], output, sizeof(output) - 1);
	output[k > 0 ? k : 0] = '\0';
	close(fds[0]);
	return rc;
}

static void
found(void **state)
{
	static const char *const t[] = {
		"prog customer add acme --name X --json --profile p --dry-run",
		"prog --json --profile=p customer add --dry-run --name=X acme",
		"prog --profile p customer add --name X --dry-run --json acme",
		"prog --profile p --json customer add --name X --dry-run -- acme",
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(run(cmds, 3, t[i]), 7);
		assert_string_equal(got.ran, "add");
		assert_string_equal(got.name, "X");
		assert_string_equal(got.profile, "p");
		assert_true(got.json && got.dry);
		assert_int_equal(got.argc, 1);
		assert_string_equal(got.arg[0], "acme");
	}
	assert_int_equal(run(cmds, 3, "prog status"), 7);
	assert_string_equal(got.ran, "status");
	assert_int_equal(run(cmds, 3, "prog customer list -- --json -x"), 7);
	assert_int_equal(got.argc, 2);
	assert_string_equal(got.arg[0], "--json");
	assert_false(got.json);
	assert_int_equal(run(cmds, 3, "prog customer list -"), 7);
	assert_string_equal(got.arg[0], "-");
}

static void
refused(void **state)
{
	static const struct {
		const char *line, *want, *hint;
	} t[] = {
		{ "prog", "a command is needed", "'prog --help'" },
		{ "prog fly", "unknown command: fly", "'prog --help'" },
		{ "prog customer", "which customer command", "'prog customer --help'" },
		{ "prog customer fly", "unknown command: customer fly",
		    "'prog customer --help'" },
		{ "prog cust add", "unknown command: cust", "'prog --help'" },
		{ "prog status --fly", "unknown option --fly",
		    "'prog status --help'" },
		{ "prog status -x", "unknown option -x", "'prog status --help'" },
		{ "prog status --name X", "unknown option --name", "status" },
		{ "prog --name X customer add a", "before the command", "'prog --help'" },
		{ "prog customer add", "missing argument: ID",
		    "'prog customer add --help'" },
		{ "prog customer add a b", "unexpected argument: b", "add" },
		{ "prog customer add a --name", "--name needs a value: TEXT", "add" },
		{ "prog status --json=1", "--json takes no value", "status" },
		{ "prog status --json --json", "--json given twice", "status" },
		{ "prog customer add a --name b --name c", "--name given twice",
		    "add" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(run(cmds, 3, t[i].line), 2);
		assert_null(got.ran);
		if (strstr(output, t[i].want) == NULL ||
		    strstr(output, t[i].hint) == NULL)
			fail_msg("%s: %s", t[i].line, output);
	}
}

static void
help(void **state)
{
	(void)state;
	assert_int_equal(run(cmds, 3, "prog --help"), 0);
	assert_non_null(strstr(output, "customer add ID"));
	assert_non_null(strstr(output, "--profile DIR"));
	assert_non_null(strstr(output, "status"));
	assert_int_equal(run(cmds, 3, "prog customer --help"), 0);
	assert_non_null(strstr(output, "customer list"));
	assert_null(strstr(output, "say how it is"));
	assert_int_equal(run(cmds, 3, "prog customer add --help"), 0);
	assert_non_null(strstr(output, "Usage: prog customer add [OPTIONS] ID"));
	assert_non_null(strstr(output, "--dry-run"));
	assert_non_null(strstr(output, "--json"));
	assert_int_equal(run(cmds, 3, "prog status -h"), 0);
	assert_non_null(strstr(output, "say how it is"));
	assert_int_equal(run(cmds, 3, "prog --version"), 0);
	assert_string_equal(output, "prog " DCA_VERSION "\n");
	assert_null(got.ran);
}

static void
single(void **state)
{
	static const struct dca_command one = { "", "[FILE]", "", add_options, 2,
		0, 1, status };

	(void)state;
	assert_int_equal(run(&one, 1, "prog"), 7);
	assert_int_equal(run(&one, 1, "prog --dry-run x --json"), 7);
	assert_true(got.dry && got.json);
	assert_string_equal(got.arg[0], "x");
	assert_int_equal(run(&one, 1, "prog x y"), 2);
	assert_int_equal(run(&one, 1, "prog --help"), 0);
	assert_non_null(strstr(output, "Usage: prog [OPTIONS] [FILE]"));
	assert_non_null(strstr(output, "Does things."));
	assert_int_equal(run(&one, 1, "prog --fly"), 2);
	assert_non_null(strstr(output, "'prog --help'"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(refused),
		cmocka_unit_test(help),
		cmocka_unit_test(single),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
