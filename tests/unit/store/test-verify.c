/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca_store_verify sees an edit of any octet of any ledger column and names
 * the row; rows cut, taken out or put in; and views that say something else.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "fixture.h"

#include "dca/cbor.h"

#define NO_TRIGGERS                                                            \
	"DROP TRIGGER ledger_update; DROP TRIGGER ledger_delete;"              \
	"DROP TRIGGER ledger_insert;"

static enum dca_rc
verify(struct fixture *f, uint64_t *rows)
{
	struct dca_store *r;
	enum dca_rc rc = dca_store_open(&r, f->path, true, &f->e);

	if (rc == DCA_OK)
		rc = dca_store_verify(r, rows, &f->e);
	dca_store_close(r);
	return rc;
}

static void
assert_names_row(struct fixture *f, int64_t seq)
{
	char want[40];

	snprintf(want, sizeof want, "row %" PRId64, seq);
	if (!strstr(f->e.text, want))
		fail_msg("row %" PRId64 " not named: %s", seq, f->e.text);
}

static void
good(void **state)
{
	struct fixture *f = *state;
	uint64_t rows = 0;

	OK(verify(f, &rows));	/* genesis and the first admin */
	assert_int_equal(rows, 2);
	fixture_fill(f);
	OK(verify(f, &rows));
	assert_int_equal(rows, fixture_sql_int(f, "SELECT count(*) FROM ledger"));
	assert_int_equal(rows, 11);
	OK(dca_store_verify(f->s, &rows, &f->e)); /* the writer may ask too */
}

/* One octet of one value changed; the type stays (the table is STRICT). */
static void
flip(sqlite3 *db, const char *column, int64_t seq, size_t at)
{
	sqlite3_stmt *q;
	char sql[128];
	uint8_t *copy;
	size_t n;
	bool text;

	snprintf(sql, sizeof sql, "SELECT %s FROM ledger WHERE seq = ?", column);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	sqlite3_bind_int64(q, 1, seq);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	text = sqlite3_column_type(q, 0) == SQLITE_TEXT;
	n = (size_t)sqlite3_column_bytes(q, 0);
	copy = malloc(n);
	assert_non_null(copy);
	memcpy(copy, sqlite3_column_blob(q, 0), n);
	copy[at % n] ^= 1;
	sqlite3_finalize(q);
	snprintf(sql, sizeof sql, "UPDATE ledger SET %s = ? WHERE seq = ?",
	    column);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	if (text)
		sqlite3_bind_text(q, 1, (char *)copy, (int)n, SQLITE_STATIC);
	else
		sqlite3_bind_blob(q, 1, copy, (int)n, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, seq);
	assert_int_equal(sqlite3_step(q), SQLITE_DONE);
	sqlite3_finalize(q);
	free(copy);
}

/* Every row, every column, first, middle and last octet. */
static void
every_column(void **state)
{
	static const char *const columns[] = { "kind", "actor", "body", "prev",
		"hash" };
	struct fixture *f = *state;
	uint64_t rows;
	int64_t last;
	sqlite3 *db;

	fixture_fill(f);
	fixture_sql(f, NO_TRIGGERS);
	last = fixture_sql_int(f, "SELECT max(seq) FROM ledger");
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	for (int64_t seq = 1; seq <= last; seq++) {
		for (size_t i = 0; i < 5 * 3; i++) {
			static const size_t at[] = { 0, 17, 1000 * 1000 - 1 };

			flip(db, columns[i / 3], seq, at[i % 3]);
			REFUSED(verify(f, &rows), LEDGER_ROW);
			assert_names_row(f, seq);
			flip(db, columns[i / 3], seq, at[i % 3]);
		}
	}
	sqlite3_close(db);
	OK(verify(f, &rows));
}

static void
numbers_of_rows(void **state)
{
	struct fixture *f = *state;
	uint64_t rows;
	int64_t last;
	char sql[160];

	fixture_fill(f);
	fixture_sql(f, NO_TRIGGERS);
	last = fixture_sql_int(f, "SELECT max(seq) FROM ledger");
	for (int64_t seq = 1; seq <= last; seq++) {
		snprintf(sql, sizeof sql, "UPDATE ledger SET time = time + 1"
		    " WHERE seq = %" PRId64, seq);
		fixture_sql(f, sql);
		REFUSED(verify(f, &rows), LEDGER_ROW);
		assert_names_row(f, seq);
		snprintf(sql, sizeof sql, "UPDATE ledger SET time = time - 1"
		    " WHERE seq = %" PRId64, seq);
		fixture_sql(f, sql);
		/* the number itself: an octet of it is a gap or a row far off */
		snprintf(sql, sizeof sql, "UPDATE ledger SET seq = seq + 256"
		    " WHERE seq = %" PRId64, seq);
		fixture_sql(f, sql);
		REFUSED(verify(f, &rows), LEDGER_ROW);
		assert_names_row(f, seq == last ? seq : seq + 1);
		snprintf(sql, sizeof sql, "UPDATE ledger SET seq = seq - 256"
		    " WHERE seq = %" PRId64, seq + 256);
		fixture_sql(f, sql);
	}
	OK(verify(f, &rows));
}

static void
cut_tail(void **state)
{
	struct fixture *f = *state;
	uint64_t rows;

	fixture_fill(f);	/* the last row changes no view */
	fixture_sql(f, NO_TRIGGERS "DELETE FROM ledger WHERE seq = 11");
	REFUSED(verify(f, &rows), LEDGER_ROW);
	assert_names_row(f, 11);
}

static void
taken_out(void **state)
{
	struct fixture *f = *state;
	uint64_t rows;

	fixture_fill(f);
	fixture_sql(f, NO_TRIGGERS "DELETE FROM ledger WHERE seq = 5");
	REFUSED(verify(f, &rows), LEDGER_ROW);
	assert_names_row(f, 6);
}

static void
put_in(void **state)
{
	struct fixture *f = *state;
	uint64_t rows;

	fixture_fill(f);
	fixture_sql(f, NO_TRIGGERS "INSERT INTO ledger SELECT seq + 1, time,"
	    " kind, actor, body, hash, prev FROM ledger WHERE seq = 11");
	REFUSED(verify(f, &rows), LEDGER_ROW);
	assert_names_row(f, 12);
}

static void
append_only(void **state)
{
	static const char *const tries[] = {
		"UPDATE ledger SET time = 0 WHERE seq = 1",
		"DELETE FROM ledger WHERE seq = 1",
		"INSERT OR REPLACE INTO ledger SELECT * FROM ledger"
		" WHERE seq = 1",
		"INSERT INTO ledger SELECT 99, time, kind, actor, body, prev,"
		" hash FROM ledger WHERE seq = 1",
	};
	struct fixture *f = *state;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		assert_int_equal(sqlite3_exec(db, tries[i], NULL, NULL, NULL),
		    SQLITE_CONSTRAINT);
		assert_string_equal(sqlite3_errmsg(db),
		    "the ledger is append-only");
	}
	sqlite3_close(db);
}

/* Each makes one view lie; all are undone by starting anew. */
static const struct {
	const char *view, *sql;
} LIES[] = {
	{ "operators", "UPDATE operators SET role = 'auditor'" },
	{ "operators", "UPDATE operators SET active = 0" },
	{ "operators", "UPDATE operators SET spki = zeroblob(91)" },
	{ "operators", "UPDATE operators SET last_seq = 1" },
	{ "operators", "INSERT INTO operators VALUES (9, 'eve', 'admin',"
		       " zeroblob(91), 1, 0)" },
	{ "customers", "UPDATE customers SET name = 'Exanple Inc'"
		       " WHERE id = 'acme'" },
	{ "customers", "UPDATE customers SET active = 0 WHERE id = 'acme'" },
	{ "customers", "UPDATE customers SET changed = changed + 1" },
	{ "customers", "UPDATE customers SET passports = 1" },
	{ "customers", "UPDATE customers SET constraints = x'3000'" },
	{ "customers", "INSERT INTO customers VALUES (9, 'eve', '', '', '', 7, x'',"
		       " 1, 1)" },
	{ "keys", "UPDATE keys SET pinned = 1" },
	{ "keys", "UPDATE keys SET until = until + 1" },
	{ "keys", "UPDATE keys SET customer = 'beta'" },
	{ "keys", "DELETE FROM keys WHERE customer = 'beta'" },
	{ "inventory", "UPDATE inventory SET hi = hi + 1" },
	{ "inventory", "DELETE FROM inventory" },
	{ "delegations", "UPDATE delegations SET hi = hi + 1"
			 " WHERE customer = 'acme'" },
	{ "delegations", "UPDATE delegations SET not_after = 1" },
	{ "delegations", "UPDATE delegations SET shared = 1" },
	{ "delegations", "UPDATE delegations SET span = 9" },
	{ "delegations", "DELETE FROM delegations WHERE customer = 'beta'" },
	{ "delegations", "INSERT INTO delegations SELECT 9, 'beta', digits,"
			 " span, lo, hi, 0, 0, 0, seq FROM delegations"
			 " WHERE customer = 'acme'" },
	{ "crosses", "UPDATE crosses SET active = 0" },
	{ "crosses", "UPDATE crosses SET chain = x'00'" },
	{ "certificates", "UPDATE certificates SET serial = zeroblob(20)"
			  " WHERE customer = 'acme'" },
	{ "certificates", "UPDATE certificates SET customer = 'beta'" },
	{ "certificates", "UPDATE certificates SET not_before = 1" },
	{ "certificates", "UPDATE certificates SET not_after = not_after + 1" },
	{ "certificates", "UPDATE certificates SET key = zeroblob(32)" },
	{ "certificates", "UPDATE certificates SET csr = zeroblob(32)" },
	{ "certificates", "UPDATE certificates SET function = 2" },
	{ "certificates", "UPDATE certificates SET basis = 1" },
	{ "certificates", "UPDATE certificates SET revoked = 1" },
	{ "certificates", "DELETE FROM certificates WHERE customer = 'beta'" },
	{ "certificates", "INSERT INTO certificates SELECT 99, randomblob(20),"
			  " customer, key, csr, function, not_before,"
			  " not_after, cross_id, basis, revoked, reason,"
			  " published, predecessor FROM certificates"
			  " WHERE customer = 'beta'" },
	{ "holdings", "UPDATE holdings SET until = until - 1" },
	{ "holdings", "UPDATE holdings SET shared = 1" },
	{ "holdings", "UPDATE holdings SET span = 7" },
	{ "holdings", "DELETE FROM holdings WHERE customer = 'acme'" },
};

static void
copy(struct fixture *f, char *to, size_t cap)
{
	char sql[256];

	snprintf(to, cap, "%s.copy", f->path);
	(void)remove(to);
	snprintf(sql, sizeof sql, "VACUUM INTO '%s'", to);
	fixture_sql(f, sql);
}

static void
views(void **state)
{
	struct fixture *f = *state;
	char path[128];

	fixture_fill(f);
	for (size_t i = 0; i < sizeof LIES / sizeof *LIES; i++) {
		struct dca_store *r;
		uint64_t rows;
		sqlite3 *db;

		copy(f, path, sizeof path);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		if (sqlite3_exec(db, LIES[i].sql, NULL, NULL, NULL))
			fail_msg("%s: %s", LIES[i].sql, sqlite3_errmsg(db));
		assert_true(sqlite3_changes(db) > 0);
		sqlite3_close(db);
		OK(dca_store_open(&r, path, true, &f->e));
		if (dca_store_verify(r, &rows, &f->e) == DCA_OK)
			fail_msg("not seen: %s", LIES[i].sql);
		assert_int_equal(f->e.rule, DCA_RULE_LEDGER_ROW);
		assert_string_equal(f->e.field, LIES[i].view);
		dca_store_close(r);
	}
	(void)remove(path);
}

/* A chain that was hashed again is good; the acts in it are not signed. */
static void
forged_act(void **state)
{
	struct fixture *f = *state;
	struct dca_spki eve;
	EVP_PKEY *mine = f->operator_key;
	uint64_t rows;

	f->operator_key = fixture_key(&eve);
	OK(dca_store_begin(f->s, &f->e));
	fixture_customer(f, "eve");
	OK(dca_store_commit(f->s, &f->e));
	EVP_PKEY_free(f->operator_key);
	f->operator_key = mine;
	REFUSED(verify(f, &rows), LEDGER_ROW);
	assert_names_row(f, 3);
}

/* One part of an import of two rows to acme. */
static uint64_t
part(struct fixture *f, unsigned n, const char *start)
{
	DCA_AUTO_OUT args = { 0 };

	dca_cbor_map(&args, 4);
	dca_cbor_text(&args, "of");
	dca_cbor_uint(&args, 2);
	dca_cbor_text(&args, "part");
	dca_cbor_uint(&args, n);
	dca_cbor_text(&args, "rows");
	dca_cbor_array(&args, 1);
	dca_cbor_array(&args, 6);
	dca_cbor_text(&args, "acme");
	dca_cbor_text(&args, start);
	dca_cbor_uint(&args, 5);
	dca_cbor_uint(&args, T0);
	dca_cbor_uint(&args, T0 + 99);
	dca_cbor_bool(&args, false);
	dca_cbor_text(&args, "import");
	dca_cbor_text(&args, "two");
	return fixture_act(f, "delegation.import", dca_out_buf(&args));
}

static uint64_t
act_on(struct fixture *f, const char *act, const char *id,
    const struct dca_spki *key)
{
	DCA_AUTO_OUT args = { 0 };

	dca_cbor_map(&args, key ? 2 : 1);
	dca_cbor_text(&args, "id");
	dca_cbor_text(&args, id);
	if (key) {
		dca_cbor_text(&args, "key");
		dca_cbor_bytes(&args, DCA_BUF(key->der, sizeof key->der));
	}
	return fixture_act(f, act, dca_out_buf(&args));
}

/* The acts fixture_fill does not do; an import applies with its last part. */
static void
other_acts(void **state)
{
	struct dca_delegation d = { .customer = "acme", .not_before = T0,
		.not_after = T0 + 99 };
	struct fixture *f = *state;
	uint8_t hash[32];
	uint64_t rows, seq;

	fixture_fill(f);
	dca_spki_sha256(hash, &f->ca_spki);
	OK(dca_store_begin(f->s, &f->e));
	seq = act_on(f, "customer.suspend", "beta", NULL);
	OK(dca_store_customer_set_active(f->s, "beta", false, seq, &f->e));
	seq = act_on(f, "customer.suspend", "acme", NULL);
	OK(dca_store_customer_set_active(f->s, "acme", false, seq, &f->e));
	seq = act_on(f, "customer.resume", "acme", NULL);
	OK(dca_store_customer_set_active(f->s, "acme", true, seq, &f->e));
	act_on(f, "customer.pin", "acme", &f->ca_spki);
	OK(dca_store_key_bind(f->s, hash, "acme", true, &f->e));
	part(f, 1, "+12025550905");
	OK(dca_store_commit(f->s, &f->e));
	OK(verify(f, &rows));	/* one part: nothing applied yet */
	OK(dca_store_begin(f->s, &f->e));
	seq = part(f, 0, "12025550800");
	d.range = fixture_range("12025550800+5");
	OK(dca_store_delegation_add(f->s, &d, seq, &f->e));
	d.range = fixture_range("12025550905+5");
	OK(dca_store_delegation_add(f->s, &d, seq, &f->e));
	act_on(f, "customer.unpin", "acme", &f->ca_spki);
	OK(dca_store_key_unpin(f->s, hash, &f->e));
	act_on(f, "operator.remove", "alice", NULL);
	OK(dca_store_operator_remove(f->s, "alice", &f->e));
	OK(dca_store_commit(f->s, &f->e));
	OK(verify(f, &rows));
	/* who was removed acts no more */
	OK(dca_store_begin(f->s, &f->e));
	seq = act_on(f, "customer.resume", "beta", NULL);
	OK(dca_store_customer_set_active(f->s, "beta", true, seq, &f->e));
	OK(dca_store_commit(f->s, &f->e));
	REFUSED(verify(f, &rows), LEDGER_ROW);
	assert_names_row(f, (int64_t)seq);
}

/* Goes on until the end; how many pieces that were. */
static enum dca_rc
go_on(struct fixture *f, struct dca_verified *v, size_t octets, unsigned *n)
{
	bool end = false;
	enum dca_rc rc = DCA_OK;

	for (*n = 0; rc == DCA_OK && !end; ++*n)
		rc = dca_store_verify_on(f->s, v, octets, &end, &f->e);
	return rc;
}

/* The chain in pieces: what was verified is not read again, what came since
 * is, and where it ends is compared. */
static void
pieces(void **state)
{
	struct fixture *f = *state;
	struct dca_verified v = { 0 }, all = { 0 }, fresh = { 0 };
	unsigned n = 0;

	fixture_fill(f);
	OK(go_on(f, &all, SIZE_MAX, &n));
	assert_int_equal(n, 1);
	assert_int_equal(all.rows, 11);
	OK(go_on(f, &v, 1, &n));
	assert_int_equal(n, 12);	/* a row each, and the end */
	assert_int_equal(v.rows, 11);
	assert_memory_equal(v.last.hash, all.last.hash, DCA_SHA256_LEN);
	OK(dca_store_begin(f->s, &f->e));
	fixture_customer(f, "gamma");
	OK(dca_store_commit(f->s, &f->e));
	OK(go_on(f, &v, SIZE_MAX, &n));
	assert_int_equal(v.rows, 12);
	/* an old row: by who reads it again */
	fixture_sql(f, NO_TRIGGERS
	    "UPDATE ledger SET time = time + 1 WHERE seq = 3");
	OK(go_on(f, &v, SIZE_MAX, &n));
	REFUSED(go_on(f, &fresh, 1, &n), LEDGER_ROW);
	assert_names_row(f, 3);
	assert_int_equal(fresh.rows, 2);
	/* a new one */
	fixture_sql(f, "UPDATE ledger SET time = time + 1 WHERE seq = 12");
	REFUSED(go_on(f, &all, SIZE_MAX, &n), LEDGER_ROW);
	assert_names_row(f, 12);
	/* and a tail that is cut */
	fixture_sql(f, "DELETE FROM ledger WHERE seq = 12");
	REFUSED(go_on(f, &all, SIZE_MAX, &n), LEDGER_ROW);
	assert_non_null(strstr(f->e.text, "committed up to row 12"));
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(good), T(every_column), T(numbers_of_rows), T(cut_tail),
		T(taken_out), T(put_in), T(append_only), T(views),
		T(forged_act), T(other_acts), T(pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
