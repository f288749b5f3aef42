/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of TN sets against brute force (RFC 8226 9, RFC 9060 4): random
 * lists over small spaces of numbers, literals and SPCs, where every member
 * can be asked one by one. DCA_PAIRS says how many pairs, DCA_SEED which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dca/tnauthlist.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))
#define AUTO_SET DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset

/*
 * The model: one flag per member. Numbers of 1 and 2 digits all, of 3 digits
 * those below 60 and from 940 on, so that both ends are there.
 */
enum { ONES = 10, TWOS = 100, LOW = 60, THREES = 2 * LOW, NAMES = 4,
	MEMBERS = ONES + TWOS + THREES + 2 * NAMES,
	ENTRIES_MAX = 8, LONG_LIST = 10000 };
static const char *const literals[NAMES] = { "*1", "#", "1*", "*" };
static const char *const spcs[NAMES] = { "1", "709J", "709j", "70" };

struct model {
	bool has[MEMBERS];
};

static uint64_t seed;

/* xorshift64*: the same numbers everywhere. */
static uint64_t
any(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * UINT64_C(2685821657736338717) >> 16) % below;
}

/* An entry: count numbers from start, or one literal or SPC. */
struct entry {
	int digits;		/* 0: literal, -1: SPC */
	unsigned start, count;
};

static struct entry
any_entry(void)
{
	static const unsigned space[] = { 1, 10, 100, 1000 };
	struct entry x = { (int)any(6), 0, 1 };

	if (x.digits > 3)
		x.digits -= 2;
	if (x.digits == 0) {
		x.digits -= (int)any(2);
		x.start = (unsigned)any(NAMES);
		return x;
	}
	x.start = (unsigned)any(x.digits == 3 ? THREES : space[x.digits]);
	if (x.digits == 3 && x.start >= LOW)
		x.start += 1000 - THREES;
	x.count += (unsigned)any(any(3) == 0 ? 30 : 3);
	if (x.count > space[x.digits] - x.start)
		x.count = space[x.digits] - x.start;
	if (x.digits == 3 && x.start < LOW && x.count > LOW - x.start)
		x.count = LOW - x.start;
	return x;
}

static void
model_add(struct model *m, const struct entry *x)
{
	unsigned i, at;

	for (i = 0; i < x->count; i++) {
		at = x->start + i;
		if (x->digits == 3)
			at = ONES + TWOS + (at < LOW ? at :
			    at - (1000 - THREES));
		else if (x->digits == 2)
			at += ONES;
		else if (x->digits <= 0)
			at += (unsigned)(ONES + TWOS + THREES -
			    NAMES * x->digits);
		m->has[at] = true;
	}
}

static void
set_add(struct dca_tnset *s, const struct entry *x)
{
	char start[16];
	enum dca_rc rc;

	if (x->digits == 0) {
		rc = dca_tnset_add_number(s, literals[x->start], NULL);
	} else if (x->digits < 0) {
		rc = dca_tnset_add_spc(s, spcs[x->start],
		    strlen(spcs[x->start]), NULL);
	} else {
		(void)snprintf(start, sizeof(start), "%0*u", x->digits,
		    x->start);
		rc = x->count == 1 && any(2) == 0 ?
		    dca_tnset_add_number(s, start, NULL) :
		    dca_tnset_add_range(s, start, x->count, NULL);
	}
	assert_int_equal(rc, DCA_OK);
}

/* The set whose only member is this one of the model. */
static struct dca_tnset *
single(unsigned at)
{
	struct dca_tnset *s = dca_tnset_new();
	struct entry x = { 1, at, 1 };

	if (at >= ONES + TWOS + THREES + NAMES)
		x = (struct entry){ -1, at - ONES - TWOS - THREES - NAMES, 1 };
	else if (at >= ONES + TWOS + THREES)
		x = (struct entry){ 0, at - ONES - TWOS - THREES, 1 };
	else if (at >= ONES + TWOS + LOW)
		x = (struct entry){ 3, at - ONES - TWOS + 1000 - THREES, 1 };
	else if (at >= ONES + TWOS)
		x = (struct entry){ 3, at - ONES - TWOS, 1 };
	else if (at >= ONES)
		x = (struct entry){ 2, at - ONES, 1 };
	set_add(s, &x);
	return s;
}

static struct dca_tnset *singles[MEMBERS];
static char texts[MEMBERS][DCA_ENTRY_TEXT];

static int
make_singles(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MEMBERS; i++) {
		DCA_AUTO_OUT text = { 0 };

		singles[i] = single(i);
		dca_tnset_print(singles[i], &text);
		assert_true(dca_strlcpy(texts[i], (const char *)text.p,
		    DCA_ENTRY_TEXT));
	}
	return 0;
}

static int
free_singles(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MEMBERS; i++)
		dca_tnset_free(singles[i]);
	return 0;
}

/* Exactly the members of the model? */
static void
assert_is(const struct dca_tnset *s, const struct model *m)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		if (dca_tnset_covers(s, singles[i], NULL) != m->has[i])
			fail_msg("%s: %s", texts[i], m->has[i] ?
			    "missing" : "too much");
}

/* The first member of a that is (not) in b; the order of the views: SPCs, then
 * numbers by length and value, then literals. NULL: none. */
static const char *
first_of(const struct model *a, const struct model *b, bool in)
{
	enum { LITERALS = ONES + TWOS + THREES, SPCS = LITERALS + NAMES };
	const char *found = NULL;
	unsigned i;

	for (i = SPCS; i < MEMBERS; i++)
		if (a->has[i] && b->has[i] == in &&
		    (found == NULL || strcmp(texts[i], found) < 0))
			found = texts[i];
	for (i = 0; found == NULL && i < LITERALS; i++)
		if (a->has[i] && b->has[i] == in)
			found = texts[i];
	if (found != NULL)
		return found;
	for (i = LITERALS; i < SPCS; i++)
		if (a->has[i] && b->has[i] == in &&
		    (found == NULL || strcmp(texts[i], found) < 0))
			found = texts[i];
	return found;
}

static struct dca_tnset *
any_set(struct model *m)
{
	struct dca_tnset *s = dca_tnset_new();
	struct entry x;
	size_t n = any(ENTRIES_MAX);

	*m = (struct model){ { false } };
	while (n-- > 0) {
		x = any_entry();
		set_add(s, &x);
		model_add(m, &x);
	}
	return s;
}

/* The verdict, and the entry that it names. */
static void
assert_verdict(bool got, const char *said, const char *want)
{
	assert_int_equal(got, want != NULL);
	assert_string_equal(said, want == NULL ? "" : want);
}

static void
check_pair(bool members)
{
	struct model a, b, all, common, rest;
	char first[DCA_ENTRY_TEXT] = "";
	AUTO_SET *x = any_set(&a), *y = any_set(&b);
	AUTO_SET *u = dca_tnset_dup(x);
	AUTO_SET *c = dca_tnset_intersect(x, y);
	AUTO_SET *d = dca_tnset_minus(x, y);
	unsigned i;

	for (i = 0; i < MEMBERS; i++) {
		all.has[i] = a.has[i] || b.has[i];
		common.has[i] = a.has[i] && b.has[i];
		rest.has[i] = a.has[i] && !b.has[i];
	}
	assert_verdict(!dca_tnset_covers(x, y, first), first,
	    first_of(&b, &a, false));
	first[0] = '\0';
	assert_verdict(dca_tnset_overlaps(x, y, first), first,
	    first_of(&a, &b, true));
	assert_int_equal(dca_tnset_overlaps(y, x, NULL),
	    dca_tnset_overlaps(x, y, NULL));
	dca_tnset_union(u, y);
	assert_true(dca_tnset_covers(u, x, NULL) &&
	    dca_tnset_covers(u, y, NULL));
	assert_true(dca_tnset_covers(x, c, NULL) &&
	    dca_tnset_covers(y, c, NULL));
	assert_int_equal(dca_tnset_equal(x, y),
	    memcmp(&a, &b, sizeof(a)) == 0);
	assert_true(dca_tnset_covers(x, d, NULL) &&
	    !dca_tnset_overlaps(d, y, NULL));
	if (!members)
		return;
	assert_is(x, &a);
	assert_is(u, &all);
	assert_is(c, &common);
	assert_is(d, &rest);
}

static uint64_t
number_from(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s == NULL ? otherwise : strtoull(s, NULL, 10);
}

static void
agrees_with_brute_force(void **state)
{
	uint64_t n = number_from("DCA_PAIRS", 200000), i;

	(void)state;
	for (i = 0; i < n; i++)
		check_pair(i % 16 == 0);
	print_message("%llu pairs\n", (unsigned long long)n);
}

/* Text and DER, there and back; a range may not reach 10^D in what we issue,
 * and does not in what we write. */
static void
survives_round_trips(void **state)
{
	uint64_t n = number_from("DCA_PAIRS", 200000) / 10, i;
	struct model m;

	(void)state;
	for (i = 0; i < n; i++) {
		AUTO_SET *s = any_set(&m), *t = dca_tnset_new();
		AUTO_SET *back = dca_tnset_new();
		DCA_AUTO_OUT text = { 0 };
		DCA_AUTO_OUT der = { 0 };
		DCA_AUTO_OUT again = { 0 };

		dca_tnset_print(s, &text);
		dca_out_add(&text, "", 1);
		assert_int_equal(dca_tnset_parse(t, (const char *)text.p,
		    NULL), DCA_OK);
		assert_true(dca_tnset_equal(s, t));
		if (dca_tnset_empty(s))
			continue;
		dca_tnauthlist_encode(&der, s);
		assert_int_equal(dca_tnauthlist_parse(back, dca_out_buf(&der),
		    dca_tnset_has_spc(s) ? DCA_TNAUTHLIST_FOREIGN :
		    DCA_TNAUTHLIST_ISSUE, NULL), DCA_OK);
		assert_true(dca_tnset_equal(s, back));
		dca_tnauthlist_encode(&again, back);
		assert_true(dca_buf_eq(dca_out_buf(&der),
		    dca_out_buf(&again)));
	}
}

/* The same entries sorted, reversed, twice, and with what is inside them. */
static void
cares_for_no_order(void **state)
{
	struct dca_tnset *form[4];
	const char *outside = "120200000037";
	struct dca_tnrange r;
	unsigned i, k;

	(void)state;
	for (k = 0; k < COUNT(form); k++)
		form[k] = dca_tnset_new();
	for (i = 0; i < LONG_LIST; i++) {
		r = (struct dca_tnrange){ 120200000000 + 20 * i,
			120200000006 + 20 * i, 12 };
		dca_tnset_add_interval(form[0], r);
		dca_tnset_add_interval(form[2], r);
		dca_tnset_add_interval(form[3], r);
		r.lo += any(3);
		r.hi -= any(3);
		dca_tnset_add_interval(form[3], r);
	}
	for (i = LONG_LIST; i-- > 0;) {
		r = (struct dca_tnrange){ 120200000000 + 20 * i,
			120200000006 + 20 * i, 12 };
		dca_tnset_add_interval(form[1], r);
		dca_tnset_add_interval(form[2], r);
	}
	for (k = 0; k < COUNT(form); k++) {
		AUTO_SET *in = dca_tnset_new(), *out = dca_tnset_new();
		const struct dca_tnrange *v;
		char first[DCA_ENTRY_TEXT];

		assert_int_equal(dca_tnset_ranges(form[k], &v), LONG_LIST);
		assert_true(dca_tnset_equal(form[0], form[k]));
		assert_int_equal(dca_tnset_add_range(in, "120200000020", 7,
		    NULL), DCA_OK);
		assert_true(dca_tnset_covers(form[k], in, NULL));
		assert_int_equal(dca_tnset_add_number(out, outside, NULL),
		    DCA_OK);
		assert_false(dca_tnset_covers(form[k], out, first));
		assert_string_equal(first, outside);
		assert_false(dca_tnset_overlaps(form[k], out, NULL));
		dca_tnset_union(out, in);
		assert_true(dca_tnset_overlaps(form[k], out, first));
		assert_string_equal(first, "120200000020");
	}
	for (k = 0; k < COUNT(form); k++)
		dca_tnset_free(form[k]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_brute_force),
		cmocka_unit_test(survives_round_trips),
		cmocka_unit_test(cares_for_no_order),
	};

	seed = number_from("DCA_SEED", 20261124);
	print_message("DCA_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, make_singles, free_singles);
}
