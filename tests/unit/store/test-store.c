/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, locking, groups and savepoints, and what a kill leaves behind.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "db.h"
#include "fixture.h"

static uint64_t
append(struct fixture *f, int64_t when)
{
	uint64_t seq = 0;

	OK(dca_store_append(f->s, when, "refuse", "vault", DCA_BUF("\xa0", 1),
	    &seq, &f->e));
	return seq;
}

static void
private_file(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm", ".lock" };
	struct fixture *f = *state;
	char name[128];
	struct stat st;

	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "%s%s", f->path, names[i]);
		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	assert_int_equal(fixture_sql_int(f, "PRAGMA user_version"), 4);
	assert_int_equal(fixture_sql_int(f, "PRAGMA application_id"),
	    0x64636131);
	assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM"
	    " pragma_table_list WHERE type = 'table' AND strict = 0 AND name"
	    " NOT LIKE 'sqlite%'"), 0);
}

/* The same 16 octets after reopening, others in another store. */
static void
appliance(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct dca_row head;

	fixture_reopen(f, false);
	OK(dca_store_appliance(f->s, id, &f->e));
	assert_memory_equal(id, f->appliance, 16);
	OK(dca_store_head(f->s, &head, &f->e));
	assert_int_equal(head.seq, 2);
	assert_string_equal(head.kind, "act");
}

static void
second_writer(void **state)
{
	struct fixture *f = *state;
	struct dca_store *other;

	REFUSED(dca_store_open(&other, f->path, false, &f->e), IO);
	assert_null(other);
	assert_non_null(strstr(f->e.text, "another process"));
}

/* A reader sees what is committed and does not stop the writer. */
static void
live_reader(void **state)
{
	struct fixture *f = *state;
	struct dca_store *r;
	struct dca_row head;

	OK(dca_store_open(&r, f->path, true, &f->e));
	OK(dca_store_begin(f->s, &f->e));
	append(f, T0);
	OK(dca_store_head(r, &head, &f->e));
	assert_int_equal(head.seq, 2);
	OK(dca_store_commit(f->s, &f->e));
	OK(dca_store_head(r, &head, &f->e));
	assert_int_equal(head.seq, 3);
	REFUSED(dca_store_begin(r, &f->e), IO);
	dca_store_close(r);
}

static void
other_files(void **state)
{
	struct fixture *f = *state;
	struct dca_store *s;
	char name[128];

	dca_store_close(f->s);
	f->s = NULL;
	fixture_sql(f, "PRAGMA user_version = 5");
	REFUSED(dca_store_open(&s, f->path, false, &f->e), INPUT);
	assert_non_null(strstr(f->e.text, "schema version 5"));
	fixture_sql(f, "PRAGMA application_id = 7");
	REFUSED(dca_store_open(&s, f->path, true, &f->e), INPUT);
	snprintf(name, sizeof name, "%s/none", f->dir);
	REFUSED(dca_store_open(&s, name, true, &f->e), IO);
	snprintf(name, sizeof name, "%s/none/store.db", f->dir);
	REFUSED(dca_store_open(&s, name, false, &f->e), IO);
}

static void
not_sqlite(void **state)
{
	struct fixture *f = *state;
	struct dca_store *s;
	FILE *out;

	dca_store_close(f->s);
	f->s = NULL;
	out = fopen(f->path, "w");
	assert_non_null(out);
	for (int i = 0; i < 1000; i++)
		fputs("not a data base ", out);
	fclose(out);
	REFUSED(dca_store_open(&s, f->path, true, &f->e), IO);
	REFUSED(dca_store_open(&s, f->path, false, &f->e), IO);
}

static void
clock_back(void **state)
{
	struct fixture *f = *state;
	uint64_t seq;

	OK(dca_store_begin(f->s, &f->e));
	assert_int_equal(append(f, T0), 3);
	assert_int_equal(append(f, T0), 4);
	REFUSED(dca_store_append(f->s, T0 - 1, "refuse", "vault",
	    DCA_BUF("\xa0", 1), &seq, &f->e), CLOCK);
	assert_int_equal(append(f, T0 + 1), 5);
	OK(dca_store_commit(f->s, &f->e));
}

static void
groups(void **state)
{
	struct fixture *f = *state;
	struct dca_customer c;
	struct dca_row head;

	OK(dca_store_begin(f->s, &f->e));
	assert_true(dca_store_in_transaction(f->s));
	append(f, T0);
	dca_store_rollback(f->s);
	assert_false(dca_store_in_transaction(f->s));
	OK(dca_store_head(f->s, &head, &f->e));
	assert_int_equal(head.seq, 2);

	OK(dca_store_begin(f->s, &f->e));
	fixture_customer(f, "acme");
	dca_store_savepoint(f->s);
	fixture_customer(f, "beta");
	dca_store_undo(f->s);
	f->act_seq--;
	dca_store_savepoint(f->s);
	fixture_customer(f, "gamma");
	dca_store_release(f->s);
	OK(dca_store_commit(f->s, &f->e));
	OK(dca_store_head(f->s, &head, &f->e));
	assert_int_equal(head.seq, 4);
	OK(dca_store_customer(f->s, "acme", &c, &f->e));
	REFUSED(dca_store_customer(f->s, "beta", &c, &f->e), REG_UNKNOWN);
	OK(dca_store_customer(f->s, "gamma", &c, &f->e));
	OK(dca_store_begin(f->s, &f->e));	/* closed: rolled back */
	append(f, T0);
	fixture_reopen(f, false);
	OK(dca_store_head(f->s, &head, &f->e));
	assert_int_equal(head.seq, 4);
}

/* A file that may not grow: the group fails whole, the store goes on. */
static void
disk_full(void **state)
{
	struct fixture *f = *state;
	static uint8_t body[60000];
	struct dca_row head;
	uint64_t seq;
	enum dca_rc rc = DCA_OK;

	body[0] = 0xa0;
	fixture_reopen(f, false);
	OK(dca_store_begin(f->s, &f->e));
	assert_int_equal(append(f, T0), 3);
	signal(SIGXFSZ, SIG_IGN);
	{
		struct rlimit small = { 100000, RLIM_INFINITY };

		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	}
	for (int i = 0; i < 10 && rc == DCA_OK; i++)
		rc = dca_store_append(f->s, T0, "refuse", "vault",
		    DCA_BUF(body, sizeof body), &seq, &f->e);
	if (rc == DCA_OK)
		rc = dca_store_commit(f->s, &f->e);
	else
		REFUSED(dca_store_commit(f->s, &f->e), IO);
	{
		struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

		assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	}
	assert_int_equal(rc, DCA_IO);
	assert_false(dca_store_in_transaction(f->s));
	OK(dca_store_head(f->s, &head, &f->e));
	assert_int_equal(head.seq, 2);
	OK(dca_store_begin(f->s, &f->e));
	assert_int_equal(append(f, T0), 3);
	OK(dca_store_commit(f->s, &f->e));
}

/* A change that does not fit makes SQLite roll back by itself; what comes
 * after it in the group and would fit must not be kept on its own. */
static void
full_inside(void **state)
{
	struct fixture *f = *state;
	static uint8_t body[60000];
	struct dca_row head;
	uint64_t seq;

	body[0] = 0xa0;
	OK(dca_store_begin(f->s, &f->e));
	assert_int_equal(sqlite3_exec(f->s->db, "PRAGMA max_page_count = 1",
	    NULL, NULL, NULL), SQLITE_OK);	/* as many as there are */
	REFUSED(dca_store_part_add(f->s, "i", 0, 2,
	    DCA_BUF(body, sizeof body), &f->e), IO);
	assert_true(sqlite3_get_autocommit(f->s->db));
	assert_int_equal(sqlite3_exec(f->s->db,
	    "PRAGMA max_page_count = 1000000", NULL, NULL, NULL), SQLITE_OK);
	REFUSED(dca_store_append(f->s, T0, "refuse", "vault",
	    DCA_BUF("\xa0", 1), &seq, &f->e), IO);
	REFUSED(dca_store_commit(f->s, &f->e), IO);
	OK(dca_store_head(f->s, &head, &f->e));
	assert_int_equal(head.seq, 2);
	OK(dca_store_begin(f->s, &f->e));
	assert_int_equal(append(f, T0), 3);
	OK(dca_store_commit(f->s, &f->e));
	OK(dca_store_verify(f->s, &seq, &f->e));
}

struct walked {
	uint64_t first, n, stop_at;
};

static enum dca_rc
on_row(const struct dca_row *row, void *arg, struct dca_err *e)
{
	struct walked *w = arg;

	if (w->n++ == 0)
		w->first = row->seq;
	if (row->seq == w->stop_at)
		return dca_fail(e, DCA_RULE_REG_STATE, "enough");
	return DCA_OK;
}

static void
walk(void **state)
{
	struct fixture *f = *state;
	struct walked w = { 0 };

	fixture_fill(f);
	OK(dca_store_walk(f->s, 3, on_row, &w, &f->e));
	assert_int_equal(w.first, 3);
	assert_int_equal(w.n, 9);
	w = (struct walked){ .stop_at = 5 };
	REFUSED(dca_store_walk(f->s, 0, on_row, &w, &f->e), REG_STATE);
	assert_int_equal(w.n, 5);
}

/* Groups of one to three customers until someone kills us; after each commit
 * an octet with its rows. */
static void
write_for_ever(struct fixture *f, int told)
{
	char id[32];

	for (unsigned n = 0;; ) {
		const uint8_t rows = (uint8_t)(n++ % 3 + 1);

		OK(dca_store_begin(f->s, &f->e));
		for (unsigned k = 0; k < rows; k++) {
			uint8_t r[8];

			RAND_bytes(r, sizeof r);
			dca_hex(id, r, sizeof r);
			fixture_customer(f, id);
		}
		OK(dca_store_commit(f->s, &f->e));
		assert_int_equal(write(told, &rows, 1), 1);
	}
}

/* Some time after the first commit, or (every other round) after the start:
 * what was committed is there. */
static void
killed(void **state)
{
	struct fixture *f = *state;
	uint64_t rows = 0, before = 2;
	struct dca_operator alice;

	for (int i = 0; i < 20; i++) {
		uint64_t committed = 0;
		struct timespec t = { 0 };
		int status, fd[2];
		uint8_t group;
		uint16_t r;
		pid_t child;

		dca_store_close(f->s);
		f->s = NULL;
		assert_int_equal(pipe(fd), 0);
		child = fork();
		if (child == 0) {
			fixture_reopen(f, false);
			write_for_ever(f, fd[1]);
		}
		assert_true(child > 0);
		assert_int_equal(close(fd[1]), 0);
		if (i % 2) {
			assert_int_equal(read(fd[0], &group, 1), 1);
			committed += group;
		}
		RAND_bytes((uint8_t *)&r, sizeof r);
		t.tv_nsec = 10000000 + r * 1000L;
		nanosleep(&t, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status)); /* it did not end by itself */
		while (read(fd[0], &group, 1) == 1)
			committed += group;
		assert_int_equal(close(fd[0]), 0);
		fixture_reopen(f, false);
		OK(dca_store_verify(f->s, &rows, &f->e));
		assert_true(rows >= before + committed);
		before = rows;
		OK(dca_store_operator(f->s, "alice", &alice, &f->e));
		f->act_seq = alice.last_seq;
	}
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(private_file), T(appliance), T(second_writer),
		T(live_reader), T(other_files), T(not_sqlite), T(clock_back),
		T(groups), T(disk_full), T(full_inside), T(walk), T(killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
