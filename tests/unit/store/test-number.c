/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inventory and delegations: exclusive in numbers and time, found whatever
 * their lengths, without a scan.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/rand.h>
#include <sqlite3.h>

#include "fixture.h"

static int
in_group(void **state)
{
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	OK(dca_store_begin(f->s, &f->e));
	fixture_customer(f, "acme");
	fixture_customer(f, "beta");
	fixture_customer(f, "gamma");
	return 0;
}

static enum dca_rc
add(struct fixture *f, const char *customer, const char *tn, int64_t from,
    int64_t to, bool shared)
{
	struct dca_delegation d = { .range = fixture_range(tn),
		.not_before = from, .not_after = to, .shared = shared };

	dca_strlcpy(d.customer, customer, sizeof d.customer);
	return dca_store_delegation_add(f->s, &d, 42, &f->e);
}

/* Held at T0 .. for ever unless said: what a second customer may get. */
static const struct {
	const char *tn;
	int64_t from, to;
	bool shared;
	const char *other;
	int64_t other_from, other_to;
	bool other_shared;
	const char *first;	/* NULL: accepted */
} PAIRS[] = {
	/* numbers */
	{ "12025550100+100", 0, 0, 0, "12025550100+100", 0, 0, 0,
	    "12025550100" },
	{ "12025550100+100", 0, 0, 0, "12025550199+2", 0, 0, 0,
	    "12025550199" },
	{ "12025550100+100", 0, 0, 0, "12025550000+101", 0, 0, 0,
	    "12025550100" },
	{ "12025550100+100", 0, 0, 0, "12025550000+1000", 0, 0, 0,
	    "12025550100" },
	{ "12025550100+100", 0, 0, 0, "12025550150", 0, 0, 0, "12025550150" },
	{ "12025550100+100", 0, 0, 0, "12025550200", 0, 0, 0, NULL },
	{ "12025550100+100", 0, 0, 0, "12025550099", 0, 0, 0, NULL },
	{ "12025550100+100", 0, 0, 0, "2025550150", 0, 0, 0, NULL },
	{ "0100", 0, 0, 0, "100", 0, 0, 0, NULL }, /* lengths differ */
	{ "00000000000+100000000000", 0, 0, 0, "99999999999", 0, 0, 0,
	    "99999999999" },
	{ "5", 0, 0, 0, "0+10", 0, 0, 0, "5" },
	/* time: both ends count */
	{ "12025550100", T0, T0 + 10, 0, "12025550100", T0 + 11, 0, 0, NULL },
	{ "12025550100", T0, T0 + 10, 0, "12025550100", T0 + 10, 0, 0,
	    "12025550100" },
	{ "12025550100", T0 + 20, 0, 0, "12025550100", T0, T0 + 19, 0, NULL },
	{ "12025550100", T0 + 20, 0, 0, "12025550100", T0, T0 + 20, 0,
	    "12025550100" },
	{ "12025550100", T0 + 20, T0 + 30, 0, "12025550100", 0, 0, 0,
	    "12025550100" },
	/* what ended before the record's last row is in nobody's way */
	{ "12025550100", 0, T0 - 1, 0, "12025550100", 0, 0, 0, NULL },
	{ "12025550100", 0, T0, 0, "12025550100", 0, 0, 0, "12025550100" },
	/* shared on both sides only */
	{ "12025550100", 0, 0, 1, "12025550100", 0, 0, 1, NULL },
	{ "12025550100", 0, 0, 1, "12025550100", 0, 0, 0, "12025550100" },
	{ "12025550100", 0, 0, 0, "12025550100", 0, 0, 1, "12025550100" },
};

static void
exclusive(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
		enum dca_rc rc;

		dca_store_savepoint(f->s);
		OK(add(f, "acme", PAIRS[i].tn, PAIRS[i].from, PAIRS[i].to,
		    PAIRS[i].shared));
		rc = add(f, "beta", PAIRS[i].other, PAIRS[i].other_from,
		    PAIRS[i].other_to, PAIRS[i].other_shared);
		if (!PAIRS[i].first) {
			OK(rc);
		} else {
			if (rc == DCA_OK)
				fail_msg("pair %zu not refused", i);
			REFUSED(rc, REG_OVERLAP);
			assert_string_equal(f->e.first, PAIRS[i].first);
			assert_non_null(strstr(f->e.text, "acme"));
		}
		dca_store_undo(f->s);
	}
	REFUSED(add(f, "eve", "12025550100", 0, 0, false), REG_UNKNOWN);
}

static void
again(void **state)
{
	struct fixture *f = *state;
	struct dca_customer c;

	OK(add(f, "acme", "12025550100+100", 0, 0, false));
	OK(add(f, "acme", "12025550100+100", 0, 0, false));
	assert_int_equal(dca_store_count(f->s, "delegations"), 1);
	OK(dca_store_customer(f->s, "acme", &c, &f->e));
	assert_int_equal(c.changed, 42);
	OK(dca_store_customer(f->s, "beta", &c, &f->e));
	assert_int_not_equal(c.changed, 42);
}

static void
collect(const struct dca_delegation *d, void *arg)
{
	char text[DCA_ENTRY_TEXT], *out = arg;

	dca_tnrange_print(d->range, text);
	snprintf(out + strlen(out), 64, "%s%s", out[0] ? "," : "", text);
}

static void
assert_delegations(struct fixture *f, int64_t now, const char *want,
    const char *expected)
{
	struct dca_tnset *t = want ? fixture_numbers(want) : NULL;
	char got[512] = "";

	dca_store_delegations(f->s, "acme", now, t, collect, got);
	assert_string_equal(got, expected);
	dca_tnset_free(t);
}

static void
own(void **state)
{
	struct fixture *f = *state;
	struct dca_tnset *want;
	char first[DCA_ENTRY_TEXT];

	OK(add(f, "acme", "12025550100+100", 0, 0, false));
	OK(add(f, "acme", "12025550300", T0 + 10, T0 + 20, false));
	OK(add(f, "beta", "12025550400+50", 0, 0, false));
	assert_delegations(f, T0, NULL, "12025550100+100");
	assert_delegations(f, T0 + 9, "12025550300", "");
	assert_delegations(f, T0 + 10, "12025550300", "12025550300");
	assert_delegations(f, T0 + 20, "12025550300", "12025550300");
	assert_delegations(f, T0 + 21, "12025550300", "");
	/* once, though two of the wanted touch it */
	assert_delegations(f, T0, "12025550110,12025550120", "12025550100+100");
	assert_delegations(f, T0, "12025550400+50", "");
	assert_delegations(f, T0, "spc:709J", "");
	assert_delegations(f, T0, "12025550200", "");

	want = fixture_numbers("12025550150,12025550420+100");
	assert_true(dca_store_delegated_elsewhere(f->s, "acme", T0, want,
	    first));
	assert_string_equal(first, "12025550420");
	assert_true(dca_store_delegated_elsewhere(f->s, "beta", T0, want,
	    first));
	assert_string_equal(first, "12025550150");
	assert_true(dca_store_delegated_elsewhere(f->s, "gamma", T0, want,
	    first));
	dca_tnset_free(want);
	want = fixture_numbers("12025550300,12025550450");
	assert_false(dca_store_delegated_elsewhere(f->s, "beta", T0, want,
	    first));
	assert_string_equal(first, "");
	assert_true(dca_store_delegated_elsewhere(f->s, "beta", T0 + 15, want,
	    first));
	dca_tnset_free(want);
}

static void
inventory(void **state)
{
	struct fixture *f = *state;
	struct dca_inventory_row r = { fixture_range("12025550000+100"),
		"709J" };
	struct dca_tnset *all = dca_tnset_new();
	struct dca_tnset *must = fixture_numbers("12025550000+200,33112345");

	OK(dca_store_inventory_add(f->s, &r, 9, &f->e));
	OK(dca_store_inventory_add(f->s, &r, 10, &f->e));
	r.range = fixture_range("12025550050+150");
	OK(dca_store_inventory_add(f->s, &r, 9, &f->e));
	r.range = fixture_range("33112345");
	OK(dca_store_inventory_add(f->s, &r, 9, &f->e));
	assert_int_equal(dca_store_count(f->s, "inventory"), 3);
	strcpy(r.spc, "1234");
	r.range = fixture_range("999");
	OK(dca_store_inventory_add(f->s, &r, 9, &f->e));
	dca_store_inventory_numbers(f->s, "709J", all);
	assert_true(dca_tnset_equal(all, must));
	dca_store_inventory_numbers(f->s, "709", all); /* exact, not a prefix */
	assert_true(dca_tnset_equal(all, must));
	dca_tnset_free(all);
	dca_tnset_free(must);
}

/*
 * Random intervals of all lengths, also nested and long, against a plain loop
 * over an array: the same first conflict, every time.
 */
enum { RANDOM_N = 600 };

static uint64_t
draw(uint64_t below)
{
	uint64_t r;

	RAND_bytes((uint8_t *)&r, sizeof r);
	return r % below;
}

static struct dca_tnrange
draw_range(void)
{
	static const uint64_t most[] = { 1, 10, 11, 100, 999, 1000, 5000,
		100000 };
	struct dca_tnrange r = { .digits = (uint8_t)(5 + draw(2)) };
	uint64_t end = r.digits == 5 ? 100000 : 1000000;

	r.lo = draw(end);
	r.hi = r.lo + draw(most[draw(8)]);
	if (r.hi >= end)
		r.hi = end - 1;
	return r;
}

static bool
overlap(struct dca_tnrange a, struct dca_tnrange b)
{
	return a.digits == b.digits && a.lo <= b.hi && b.lo <= a.hi;
}

static void
random_ranges(void **state)
{
	static struct dca_tnrange all[RANDOM_N];
	struct fixture *f = *state;
	char first[DCA_ENTRY_TEXT], must[DCA_ENTRY_TEXT];
	unsigned hits = 0;

	for (size_t i = 0; i < RANDOM_N; i++) {
		struct dca_delegation d = { .customer = "acme", .shared = true };

		/* mostly short, a few very long */
		d.range = all[i] = draw_range();
		OK(dca_store_delegation_add(f->s, &d, 9, &f->e));
	}
	for (size_t n = 0; n < 3000; n++) {
		struct dca_tnrange w = draw_range(), low = w;
		struct dca_tnset *want = dca_tnset_new();
		bool hit = false;

		dca_tnset_add_interval(want, w);
		for (size_t i = 0; i < RANDOM_N; i++) {
			uint64_t lo = all[i].lo > w.lo ? all[i].lo : w.lo;

			if (!overlap(all[i], w) || (hit && lo >= low.lo))
				continue;
			hit = true;
			low.lo = lo;
		}
		low.hi = low.lo;
		dca_tnrange_print(low, must);
		assert_int_equal(dca_store_delegated_elsewhere(f->s, "beta", T0,
		    want, first), hit);
		assert_string_equal(first, hit ? must : "");
		hits += hit;
		dca_tnset_free(want);
	}
	assert_in_range(hits, 100, 3000);
}

/* Every lookup of the issuing path goes through an index. */
static void
no_scan(void **state)
{
	static const char *const sql[] = {
		"SELECT lo FROM delegations WHERE digits = 1 AND span = 2 AND"
		" lo > 3 AND lo <= 4 AND hi >= 5 AND customer <> '6'"
		" ORDER BY lo LIMIT 1",
		"SELECT lo FROM holdings WHERE digits = 1 AND span = 2 AND"
		" lo > 3 AND lo <= 4 AND hi >= 5 AND customer <> '6'"
		" ORDER BY lo LIMIT 1",
		"SELECT n FROM delegations WHERE customer = '1' AND digits = 1"
		" AND span = 2 AND lo > 3 AND lo <= 4",
		"SELECT * FROM certificates c WHERE c.csr = x'' AND c.customer"
		" = '' AND c.function = 0 ORDER BY c.seq DESC LIMIT 1",
	};
	static const char *const index[] = { "delegations_range",
		"holdings_range", "delegations_customer", "certificates_csr" };
	struct fixture *f = *state;
	sqlite3 *db;

	OK(dca_store_commit(f->s, &f->e));
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
		char plan[512];
		sqlite3_stmt *q;

		snprintf(plan, sizeof plan, "EXPLAIN QUERY PLAN %s", sql[i]);
		assert_int_equal(sqlite3_prepare_v2(db, plan, -1, &q, NULL),
		    SQLITE_OK);
		while (sqlite3_step(q) == SQLITE_ROW) {
			const char *t = (const char *)sqlite3_column_text(q, 3);

			if (!strstr(t, index[i]) || strstr(t, "TEMP B-TREE"))
				fail_msg("%s: %s", sql[i], t);
		}
		sqlite3_finalize(q);
	}
	sqlite3_close(db);
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
look_up(struct fixture *f, unsigned n)
{
	char first[DCA_ENTRY_TEXT];
	double t = -seconds();

	for (unsigned i = 0; i < 2000; i++) {
		struct dca_tnset *want = dca_tnset_new();
		uint64_t lo = 12020000000U + draw(n) * 2;

		dca_tnset_add_interval(want,
		    (struct dca_tnrange){ lo, lo, 11 });
		assert_true(dca_store_delegated_elsewhere(f->s, "beta", T0,
		    want, first));
		dca_tnset_free(want);
	}
	return t + seconds();
}

/* A hundred times as many rows, one of them huge: about as fast. */
static void
many(void **state)
{
	struct fixture *f = *state;
	struct dca_delegation d = { .customer = "acme", .shared = true,
		.range = { 10000000000U, 19999999999U, 11 } };
	double few = 0, lots;

	for (unsigned i = 0; i < 100000; i++) {
		if (i == 1000)
			few = look_up(f, 1000);
		d.range.lo = d.range.hi = 12020000000U + i * 2;
		OK(dca_store_delegation_add(f->s, &d, 9, &f->e));
	}
	lots = look_up(f, 100000);
	print_message("2000 look-ups: %.0f us in 1000 rows, %.0f us in "
	    "100000\n", few * 1e6, lots * 1e6);
	assert_true(lots < few * 10);
	d.range = (struct dca_tnrange){ 10000000000U, 19999999999U, 11 };
	OK(dca_store_delegation_add(f->s, &d, 9, &f->e));
	strcpy(d.customer, "beta");
	d.shared = false;
	d.range.lo = d.range.hi = 19999999998U;
	REFUSED(dca_store_delegation_add(f->s, &d, 9, &f->e), REG_OVERLAP);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, in_group, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(exclusive), T(again), T(own), T(inventory), T(random_ranges),
		T(no_scan), T(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
