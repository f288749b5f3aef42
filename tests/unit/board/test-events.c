/* SPDX-License-Identifier: Apache-2.0 */
/* Events wait on disk, in order, over restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "board.h"

static char dir[40];

static int
setup(void **state)
{
	char command[256];

	(void)state;
	strcpy(dir, "/tmp/dca-events-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(command, sizeof(command), "mkdir -p %s/run/dca-board "
	    "%s/efi/dca %s/data/board", dir, dir, dir);
	return system(command);
}

static int
teardown(void **state)
{
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void
is_first(const struct events *ev, const char *name, const char *text)
{
	char n[33], t[BOARD_TEXT + 1];

	assert_true(events_first(ev, n, t));
	assert_string_equal(n, name);
	assert_string_equal(t, text);
}

static void
kept(void **state)
{
	struct events *ev = events_new(dir);
	struct dca_err e = { 0 };

	(void)state;
	assert_int_equal(events_add(ev, "started", "version 1\nslot a", &e),
	    DCA_OK);
	assert_int_equal(events_add(ev, "tamper", "open", &e), DCA_OK);
	events_free(ev);
	ev = events_new(dir);		/* the next boot */
	assert_int_equal(events_count(ev), 2);
	is_first(ev, "started", "version 1 slot a");
	assert_int_equal(events_add(ev, "reset", "late", &e), DCA_OK);
	events_done(ev);
	is_first(ev, "tamper", "open");
	events_done(ev);
	is_first(ev, "reset", "late");
	events_done(ev);
	events_done(ev);		/* nothing left: nothing happens */
	assert_int_equal(events_count(ev), 0);
	events_free(ev);
}

static void
refused(void **state)
{
	static const char *const names[] = { "", "UPPER", "a b", "a/b",
		"abcdefghijklmnopqrstuvwxyzabcdefg" };
	struct events *ev = events_new(dir);
	struct dca_err e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_not_equal(events_add(ev, names[i], "x", &e),
		    DCA_OK);
		assert_int_equal(e.rule, DCA_RULE_INPUT);
		assert_int_not_equal(events_drop(dir, names[i], "x", &e),
		    DCA_OK);
	}
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(events_add(ev, "started", "x", &e), DCA_OK);
	assert_int_not_equal(events_add(ev, "started", "x", &e), DCA_OK);
	assert_non_null(strstr(e.text, "wait already"));
	events_free(ev);
}

static void
left(const char *path, const char *text)
{
	struct dca_err e = { 0 };
	char full[4096];

	dca_path(full, dir, "%s", path);
	assert_int_equal(dca_file_write(full, DCA_BUF(text, strlen(text)),
	    0644, &e), DCA_OK);
}

/* From the initrd, the ESP and scripts; a line that is none is said, and the
 * others count. */
static void
collected(void **state)
{
	struct dca_err e = { 0 };
	struct events *ev;
	char path[4096];

	(void)state;
	left("/run/dca-board/events", "fallback from b\nNOT ONE\n\nverity-corrupt root-b\n");
	left("/efi/dca/events", "refused-security 2 below 3\n");
	assert_int_equal(events_drop(dir, "provisioned", "from ESP", &e),
	    DCA_OK);
	ev = events_new(dir);
	assert_int_equal(events_count(ev), 4);
	is_first(ev, "fallback", "from b");
	events_done(ev);
	is_first(ev, "verity-corrupt", "root-b");
	events_done(ev);
	is_first(ev, "refused-security", "2 below 3");
	events_done(ev);
	is_first(ev, "provisioned", "from ESP");
	events_done(ev);
	events_collect(ev);		/* once only */
	assert_int_equal(events_count(ev), 0);
	dca_path(path, dir, "/efi/dca/events");
	assert_int_not_equal(access(path, F_OK), 0);
	events_free(ev);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(kept), T(refused), T(collected),
	};

	dca_log_init("test-events", DCA_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
