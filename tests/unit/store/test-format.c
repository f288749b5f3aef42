/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats of the store: an older one is used as it is while it is held, and
 * brought up to date as a whole; one that is not known is not touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "db.h"

enum { OLD = 3, NEW = 4 };	/* store/README.md, "Formats" */

static int64_t
version(struct fixture *f)
{
	return fixture_sql_int(f, "PRAGMA user_version");
}

static int64_t
has_index(struct fixture *f)
{
	return fixture_sql_int(f, "SELECT count(*) FROM sqlite_schema WHERE"
	    " type = 'index' AND name = 'ledger_board'");
}

/* As the program before left it. */
static void
make_old(struct fixture *f)
{
	dca_store_close(f->s);
	f->s = NULL;
	fixture_sql(f, "DROP INDEX ledger_board; PRAGMA user_version = 3;"
	    "VACUUM"); /* no free page that an index could take */
}

static void
verifies(struct fixture *f)
{
	struct dca_store *r;
	uint64_t rows = 0;

	OK(dca_store_open(&r, f->path, true, &f->e));
	OK(dca_store_verify(r, &rows, &f->e));
	dca_store_close(r);
}

static enum dca_rc
seen(const struct dca_row *row, void *arg, struct dca_err *e)
{
	uint64_t *last = arg;

	(void)e;
	assert_string_equal(row->kind, "board");
	assert_true(*last == 0 || row->seq < *last);
	*last = row->seq;
	return DCA_OK;
}

static void
add_event(struct fixture *f)
{
	static const uint8_t map[] = { 0xa0 };

	OK(dca_store_begin(f->s, &f->e));
	OK(dca_store_append(f->s, f->now, "board", "board",
	    DCA_BUF(map, sizeof map), NULL, &f->e));
	OK(dca_store_commit(f->s, &f->e));
}

/* Everything works, and what is on the disk stays what it was. */
static void
held(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0;

	assert_int_equal(version(f), NEW);
	assert_false(dca_store_is_old(f->s));
	make_old(f);
	OK(dca_store_open_held(&f->s, f->path, &f->e));
	assert_true(dca_store_is_old(f->s));
	fixture_fill(f);
	add_event(f);
	add_event(f);
	OK(dca_store_events(f->s, 10, seen, &last, &f->e));
	assert_true(last > 0);
	dca_store_close(f->s);
	f->s = NULL;
	assert_int_equal(version(f), OLD);
	assert_int_equal(has_index(f), 0);
	verifies(f);
	/* again, then on while it runs */
	OK(dca_store_open_held(&f->s, f->path, &f->e));
	OK(dca_store_upgrade(f->s, &f->e));
	assert_false(dca_store_is_old(f->s));
	assert_int_equal(version(f), NEW);
	assert_int_equal(has_index(f), 1);
	OK(dca_store_upgrade(f->s, &f->e));	/* nothing to do */
	add_event(f);
	last = 0;
	OK(dca_store_events(f->s, 10, seen, &last, &f->e));
	verifies(f);
	/* held does not go back */
	dca_store_close(f->s);
	OK(dca_store_open_held(&f->s, f->path, &f->e));
	assert_int_equal(version(f), NEW);
}

/* Without a hold the first open does it. */
static void
at_once(void **state)
{
	struct fixture *f = *state;

	make_old(f);
	OK(dca_store_open(&f->s, f->path, false, &f->e));
	assert_false(dca_store_is_old(f->s));
	assert_int_equal(version(f), NEW);
	assert_int_equal(has_index(f), 1);
	verifies(f);
}

/* A reader changes nothing. */
static void
reader(void **state)
{
	struct fixture *f = *state;

	make_old(f);
	verifies(f);
	assert_int_equal(version(f), OLD);
	OK(dca_store_open_held(&f->s, f->path, &f->e));
}

/* A file that a held program makes is one that the program before can read. */
static void
created_held(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct dca_store *s;

	snprintf(path, sizeof path, "%s.held", f->path);
	OK(dca_store_open_held(&s, path, &f->e));
	assert_true(dca_store_is_old(s));
	OK(dca_store_upgrade(s, &f->e));
	assert_false(dca_store_is_old(s));
	dca_store_close(s);
	remove(path);
	strcat(path, ".lock");
	remove(path);
}

/* All or nothing: the disk fails in the middle, and the format is the old
 * one, on the disk and for the program. */
static void
fails(void **state)
{
	struct fixture *f = *state;

	make_old(f);
	OK(dca_store_open_held(&f->s, f->path, &f->e));
	fixture_fill(f);
	assert_int_equal(sqlite3_exec(f->s->db, "PRAGMA max_page_count = 1",
	    NULL, NULL, NULL), SQLITE_OK);	/* not below what it has */
	REFUSED(dca_store_upgrade(f->s, &f->e), IO);
	assert_int_equal(sqlite3_exec(f->s->db,
	    "PRAGMA max_page_count = 1000000", NULL, NULL, NULL), SQLITE_OK);
	assert_true(dca_store_is_old(f->s));
	assert_int_equal(version(f), OLD);
	assert_int_equal(has_index(f), 0);
	OK(dca_store_upgrade(f->s, &f->e));
	assert_int_equal(version(f), NEW);
	verifies(f);
}

/* Neither older than what is known nor newer: refused as it is. */
static void
unknown(void **state)
{
	static const char *const v[] = { "2", "5" };
	struct fixture *f = *state;
	struct dca_store *s;
	char sql[64], want[64];

	dca_store_close(f->s);
	f->s = NULL;
	for (int i = 0; i < 2; i++) {
		snprintf(sql, sizeof sql, "PRAGMA user_version = %s", v[i]);
		fixture_sql(f, sql);
		snprintf(want, sizeof want, "schema version %s, this program "
		    "knows 3 to 4", v[i]);
		REFUSED(dca_store_open(&s, f->path, false, &f->e), INPUT);
		assert_non_null(strstr(f->e.text, want));
		REFUSED(dca_store_open_held(&s, f->path, &f->e), INPUT);
		REFUSED(dca_store_open(&s, f->path, true, &f->e), INPUT);
		assert_int_equal(version(f), v[i][0] - '0');
		assert_int_equal(has_index(f), 1);
	}
	fixture_sql(f, "PRAGMA user_version = 4");
	OK(dca_store_open(&f->s, f->path, false, &f->e));
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(held), T(at_once), T(reader), T(created_held), T(fails),
		T(unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
