/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TN sets: form, canonical views, text, the scope table of the standards
 * sheet (2.2), and the decisions against brute force on a small number space.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "dca/tnset.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))
#define AUTO_SET DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset

static struct dca_tnset *
set_of(const char *text)
{
	struct dca_tnset *s = dca_tnset_new();
	struct dca_err e;

	if (dca_tnset_parse(s, text, &e) != DCA_OK)
		fail_msg("%s: %s", text, e.text);
	return s;
}

static void
assert_prints(const struct dca_tnset *s, const char *text)
{
	DCA_AUTO_OUT o = { .p = NULL };

	dca_tnset_print(s, &o);
	assert_string_equal((char *)o.p, text);
}

static void
canonical_form(void **state)
{
	static const char *const vector[][2] = {
		{ "", "" },
		{ "  ", "" },
		{ "12025550100", "12025550100" },
		{ "+12025550100", "12025550100" },
		{ "+12025550100+100", "12025550100+100" },
		{ " 12025550100 , 12025550101 ", "12025550100+2" },
		{ "12,11,10", "10+3" },
		{ "10+5,12+10,14", "10+12" },
		{ "10+5,16+5", "10+5,16+5" },
		{ "10+5,15+5", "10+10" },
		{ "100,10,0100,010", "10,010,100,0100" },
		{ "99,100", "99,100" },
		{ "00+100", "00+100" },
		{ "*67,#31#,5,*67", "5,#31#,*67" },
		{ "spc:B,spc:A,7,spc:709j,spc:709J", "spc:709J,spc:709j,spc:A,spc:B,7" },
		{ "spc:a\\2cb\\5c,spc:x\\20y", "spc:a\\2cb\\5c,spc:x\\20y" },
		{ "999999999999999", "999999999999999" },
		{ "000000000000000+1000000000000000",
		    "000000000000000+1000000000000000" },
		{ "1+1", "1" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(vector); i++) {
		AUTO_SET *s = set_of(vector[i][0]), *again = NULL, *dup = NULL;

		assert_prints(s, vector[i][1]);
		again = set_of(vector[i][1]);
		assert_true(dca_tnset_equal(s, again));
		dup = dca_tnset_dup(s);
		assert_true(dca_tnset_equal(s, dup));
		dca_tnset_union(dup, dup);
		assert_prints(dup, vector[i][1]);
	}
}

static void
form_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum dca_rule rule;
	} bad[] = {
		{ "+", DCA_RULE_TN_NUMBER },
		{ ",", DCA_RULE_TN_NUMBER },
		{ "1,", DCA_RULE_TN_NUMBER },
		{ "1,,2", DCA_RULE_TN_NUMBER },
		{ "1 2", DCA_RULE_TN_NUMBER },
		{ "1-2", DCA_RULE_TN_NUMBER },
		{ "++1", DCA_RULE_TN_NUMBER },
		{ "12a", DCA_RULE_TN_NUMBER },
		{ "1234567890123456", DCA_RULE_TN_NUMBER },
		{ "1234567890123456+2", DCA_RULE_TN_NUMBER },
		{ "1+", DCA_RULE_TN_COUNT },
		{ "1+0", DCA_RULE_TN_COUNT },
		{ "1+-1", DCA_RULE_TN_COUNT },
		{ "1+2+3", DCA_RULE_TN_COUNT },
		{ "1+10", DCA_RULE_TN_RANGE },
		{ "0+11", DCA_RULE_TN_RANGE },
		{ "999999999999999+2", DCA_RULE_TN_RANGE },
		{ "1+18446744073709551615", DCA_RULE_TN_RANGE },
		{ "1+18446744073709551617", DCA_RULE_TN_RANGE },
		{ "*67+2", DCA_RULE_TN_RANGE },
		{ "spc:", DCA_RULE_TN_SPC },
		{ "spc:a\tb", DCA_RULE_TN_SPC },
		{ "spc:\\00", DCA_RULE_TN_SPC },
		{ "spc:\\4", DCA_RULE_TN_SPC },
		{ "spc:\\zz", DCA_RULE_TN_SPC },
		{ "spc:\xc3\xa9", DCA_RULE_TN_SPC },
	};
	struct dca_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		AUTO_SET *s = set_of("42");

		if (dca_tnset_parse(s, bad[i].text, &e) == DCA_OK)
			fail_msg("accepted \"%s\"", bad[i].text);
		if (e.rule != bad[i].rule)
			fail_msg("%s: %s", bad[i].text, dca_problem(e.rule)->id);
		assert_prints(s, "42");
	}
	{
		AUTO_SET *s = dca_tnset_new();

		assert_int_equal(dca_tnset_add_number(s, "", &e),
		    DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_TN_NUMBER);
		assert_int_equal(dca_tnset_add_range(s, "", 1, &e),
		    DCA_MALFORMED);
		assert_int_equal(dca_tnset_add_spc(s, "A\0B", 3, &e),
		    DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_TN_SPC);
		assert_true(dca_tnset_empty(s));
	}
}

/* RFC 9060 4, computed there by another program. */
static void
scope_table(void **state)
{
	static const struct {
		const char *parent, *child, *first;	/* NULL: inside */
	} row[] = {
		{ "12125551000+1000", "12125551500+100", NULL },
		{ "12125551000+1000", "12125551824", NULL },
		{ "12125551000+1000", "12125551000+1000", NULL },
		{ "12125551000+1000", "12125551000", NULL },
		{ "12125551000+1000", "12125551999", NULL },
		{ "12125551000+1000", "12125552000", "12125552000" },
		{ "12125551000+1000", "12125550999", "12125550999" },
		{ "12125551000+1000", "12125551900+100", NULL },
		{ "12125551000+1000", "12125551900+101", "12125552000" },
		{ "12125551000+500,12125551500+500", "12125551400+200", NULL },
		{ "12125551000+500,12125551501+499", "12125551400+200",
		    "12125551500" },
		{ "12125551000,12125551001", "12125551000+2", NULL },
		{ "2125551000+1000", "12125551000", "12125551000" },
		{ "0125551000+1000", "125551000", "125551000" },
		{ "12125551000+1000", "spc:1234", "spc:1234" },
		{ "spc:1234", "spc:1234", NULL },
		{ "spc:1234", "spc:5678", "spc:5678" },
		{ "spc:709J", "spc:709j", "spc:709j" },
		/* an SPC covers itself only: the caller unites the inventory */
		{ "spc:1234", "12125551000", "12125551000" },
		{ "spc:1234,12125551000+1000", "12125551500", NULL },
		{ "*67", "*67", NULL },
		{ "*67", "*68", "*68" },
		{ "0+9", "*", "*" },
		{ "1234", "spc:1234", "spc:1234" },
		{ "", "", NULL },
		{ "", "1", "1" },
		{ "1", "", NULL },
		{ "1,3,5", "1,5", NULL },
		{ "1,3,5", "1,4,6", "4" },
		{ "10+3,20+3", "12,20+4", "23" },
		{ "spc:A,5", "spc:A,spc:B,7", "spc:B" },
	};
	char first[DCA_ENTRY_TEXT];
	size_t i;
	bool inside;

	(void)state;
	for (i = 0; i < COUNT(row); i++) {
		AUTO_SET *p = set_of(row[i].parent), *c = set_of(row[i].child);

		inside = dca_tnset_covers(p, c, first);
		if (inside != (row[i].first == NULL))
			fail_msg("row %zu", i);
		assert_int_equal(inside, dca_tnset_covers(p, c, NULL));
		if (!inside)
			assert_string_equal(first, row[i].first);
	}
}

static void
meeting(void **state)
{
	static const struct {
		const char *a, *b, *common, *first;
	} row[] = {
		{ "10+10", "15+10", "15+5", "15" },
		{ "10+10", "20+10", "", NULL },
		{ "10+80", "15,20+3,95", "15,20+3", "15" },
		{ "1,2+2,*67,spc:A", "3+4,*67,*68,spc:B", "3,*67", "3" },
		{ "*67", "*67", "*67", "*67" },
		{ "spc:A,1", "spc:A,1", "spc:A,1", "spc:A" },
		{ "10", "010", "", NULL },
		{ "", "1", "", NULL },
	};
	char first[DCA_ENTRY_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(row); i++) {
		AUTO_SET *a = set_of(row[i].a), *b = set_of(row[i].b), *c = NULL;

		c = dca_tnset_intersect(a, b);
		assert_prints(c, row[i].common);
		assert_int_equal(dca_tnset_overlaps(a, b, first),
		    row[i].first != NULL);
		assert_int_equal(dca_tnset_overlaps(b, a, NULL),
		    row[i].first != NULL);
		if (row[i].first != NULL)
			assert_string_equal(first, row[i].first);
	}
}

/* A long SPC is cut in the message, never in the decision. */
static void
long_spc(void **state)
{
	char spc[DCA_SPC_READ_MAX + 2], first[DCA_ENTRY_TEXT];
	AUTO_SET *a = dca_tnset_new(), *b = dca_tnset_new();
	const size_t n = DCA_SPC_READ_MAX;

	(void)state;
	memset(spc, 'A', n + 1);
	spc[n + 1] = '\0';
	assert_int_equal(dca_tnset_add_spc(a, spc, n, NULL), DCA_OK);
	assert_int_equal(dca_tnset_add_spc(b, spc, n + 1, NULL),
	    DCA_MALFORMED);
	spc[n - 1] = 'B';
	assert_int_equal(dca_tnset_add_spc(b, spc, n, NULL), DCA_OK);
	assert_false(dca_tnset_covers(a, b, first));
	assert_int_equal(strlen(first), DCA_ENTRY_TEXT - 1);
}

/*
 * Brute force: numbers of one and two digits and three literals are bits; a
 * set built from random entries in random order must decide as bits do.
 */
enum { ONE = 10, TWO = 40, LIT = 3, SPACE = ONE + TWO + LIT };
static const char *const literal[LIT] = { "#", "#1", "*" };

static uint64_t seed = 88172645463325252ULL;

static unsigned
pick(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static void
bit_text(unsigned i, char out[static DCA_ENTRY_TEXT])
{
	if (i < ONE)
		dca_tnrange_print((struct dca_tnrange){ i, i, 1 }, out);
	else if (i < ONE + TWO)
		dca_tnrange_print((struct dca_tnrange){ i - ONE, i - ONE, 2 },
		    out);
	else
		(void)dca_strlcpy(out, literal[i - ONE - TWO], DCA_ENTRY_TEXT);
}

static uint64_t
add_random(struct dca_tnset *s)
{
	unsigned kind = pick(8), digits = kind < 2 ? 1 : 2;
	unsigned space = digits == 1 ? ONE : TWO, lo, n;
	uint64_t bits = 0;
	char start[DCA_ENTRY_TEXT];

	if (kind == 7) {
		lo = pick(LIT);
		assert_int_equal(dca_tnset_add_number(s, literal[lo], NULL),
		    DCA_OK);
		return 1ULL << (ONE + TWO + lo);
	}
	lo = pick(space);
	n = 1 + pick(space - lo < 6 ? space - lo : 6);
	dca_tnrange_print((struct dca_tnrange){ lo, lo, (uint8_t)digits },
	    start);
	assert_int_equal(dca_tnset_add_range(s, start, n, NULL), DCA_OK);
	for (; n > 0; n--, lo++)
		bits |= 1ULL << (digits == 1 ? lo : ONE + lo);
	return bits;
}

static uint64_t
random_set(struct dca_tnset **out)
{
	struct dca_tnset *s = dca_tnset_new();
	unsigned n = pick(9);
	uint64_t bits = 0;

	for (; n > 0; n--) {
		bits |= add_random(s);
		if (pick(4) == 0) /* looks in between must not disturb */
			(void)dca_tnset_covers(s, s, NULL);
	}
	*out = s;
	return bits;
}

static uint64_t
bits_of(const struct dca_tnset *s)
{
	const struct dca_tnrange *r;
	const char *const *l;
	uint64_t bits = 0, v;
	size_t i, k, n = dca_tnset_ranges(s, &r);

	for (i = 0; i < n; i++) {
		/* canonical: ascending, and a gap to the one before */
		if (i > 0 && r[i].digits == r[i - 1].digits)
			assert_true(r[i].lo > r[i - 1].hi + 1);
		if (i > 0)
			assert_true(r[i].digits >= r[i - 1].digits);
		for (v = r[i].lo; v <= r[i].hi; v++)
			bits |= 1ULL << (r[i].digits == 1 ? v : ONE + v);
	}
	n = dca_tnset_literals(s, &l);
	for (i = 0; i < n; i++) {
		if (i > 0)
			assert_true(strcmp(l[i - 1], l[i]) < 0);
		for (k = 0; k < LIT; k++)
			if (strcmp(l[i], literal[k]) == 0)
				bits |= 1ULL << (ONE + TWO + k);
	}
	return bits;
}

static void
assert_first(const char *first, uint64_t bits)
{
	char text[DCA_ENTRY_TEXT];

	bit_text((unsigned)__builtin_ctzll(bits), text);
	assert_string_equal(first, text);
}

static void
brute_force(void **state)
{
	struct dca_tnset *a, *b, *c;
	uint64_t x, y;
	char first[DCA_ENTRY_TEXT];
	unsigned i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		x = random_set(&a);
		y = random_set(&b);
		assert_true(bits_of(a) == x);
		if (dca_tnset_covers(a, b, first) != ((y & ~x) == 0))
			fail_msg("covers, pair %u", i);
		if ((y & ~x) != 0)
			assert_first(first, y & ~x);
		if (dca_tnset_overlaps(a, b, first) != ((x & y) != 0))
			fail_msg("overlaps, pair %u", i);
		if ((x & y) != 0)
			assert_first(first, x & y);
		assert_int_equal(dca_tnset_equal(a, b), x == y);
		assert_int_equal(dca_tnset_empty(a), x == 0);
		c = dca_tnset_intersect(a, b);
		assert_true(bits_of(c) == (x & y));
		dca_tnset_union(a, b);
		assert_true(bits_of(a) == (x | y));
		dca_tnset_free(a);
		dca_tnset_free(b);
		dca_tnset_free(c);
	}
}

/* 100,000 single numbers in scattered order, with looks in between. */
static void
many_entries(void **state)
{
	AUTO_SET *s = dca_tnset_new();
	const struct dca_tnrange *r;
	uint64_t i, v;

	(void)state;
	for (i = 0; i < 100000; i++) {
		v = 12020000000ULL + 2 * (i * 61 % 100003);
		dca_tnset_add_interval(s, (struct dca_tnrange){ v, v, 11 });
		if (i % 1000 == 0)
			(void)dca_tnset_ranges(s, &r);
	}
	assert_int_equal(dca_tnset_ranges(s, &r), 100000);
	assert_true(dca_tnset_has_numbers(s));
	assert_false(dca_tnset_has_spc(s));
}

/* The first look may be that of several threads at once. */
static void *
look(void *arg)
{
	const struct dca_tnset *s = arg;
	const struct dca_tnrange *r;

	return dca_tnset_ranges(s, &r) == 1 && r[0].hi - r[0].lo == 999
		   ? arg
		   : NULL;
}

static void
many_readers(void **state)
{
	struct dca_tnset *s;
	pthread_t t[4];
	void *ret;
	unsigned round, i;
	uint64_t v;

	(void)state;
	for (round = 0; round < 200; round++) {
		s = dca_tnset_new();
		for (v = 1000; v > 0; v--)
			dca_tnset_add_interval(s,
			    (struct dca_tnrange){ v, v, 4 });
		for (i = 0; i < COUNT(t); i++)
			assert_int_equal(
			    pthread_create(&t[i], NULL, look, s), 0);
		for (i = 0; i < COUNT(t); i++) {
			assert_int_equal(pthread_join(t[i], &ret), 0);
			assert_ptr_equal(ret, s);
		}
		dca_tnset_free(s);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_form),
		cmocka_unit_test(form_is_refused),
		cmocka_unit_test(scope_table),
		cmocka_unit_test(meeting),
		cmocka_unit_test(long_spc),
		cmocka_unit_test(brute_force),
		cmocka_unit_test(many_entries),
		cmocka_unit_test(many_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
