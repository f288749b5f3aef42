/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TNAuthList <-> DER: the vectors and must-reject encodings of the standards
 * sheet (1.4), every labelled case, and emission in canonical order. Each
 * accepted octet string was compared with OpenSSL's encoder by the parser, so
 * parsing what we wrote proves the hand-made writer against the templates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cases.h"
#include "dca/tnauthlist.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))
#define AUTO_SET DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset
#define N11 "16 0b 31 32 31 32 35 35 35 31 30 30 30"	/* 12125551000 */

static enum dca_rule
parse_hex(struct dca_tnset *s, const char *hex, enum dca_tnauthlist_mode mode)
{
	DCA_AUTO_OUT der = { .p = NULL };
	struct dca_err e;

	cases_hex(&der, hex);
	return dca_tnauthlist_parse(s, dca_out_buf(&der), mode, &e) == DCA_OK
		   ? DCA_RULE_NONE
		   : e.rule;
}

static void
assert_prints(const struct dca_tnset *s, const char *text)
{
	DCA_AUTO_OUT o = { .p = NULL };

	dca_tnset_print(s, &o);
	assert_string_equal((char *)o.p, text);
}

static void
assert_encodes(const struct dca_tnset *s, const char *hex)
{
	DCA_AUTO_OUT want = { .p = NULL };
	DCA_AUTO_OUT got = { .p = NULL };

	cases_hex(&want, hex);
	dca_tnauthlist_encode(&got, s);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
}

/* Vectors of 1.4; all are canonical but I, whose two numbers are a range. */
static void
vectors(void **state)
{
	static const struct {
		const char *hex, *text, *canonical;
	} v[] = {
		{ "30 08 a0 06 16 04 31 32 33 34", "spc:1234", NULL },
		{ "30 08 a0 06 16 04 37 30 39 4a", "spc:709J", NULL },
		{ "30 0f a2 0d 16 0b 31 32 31 35 35 35 35 31 32 31 32",
		    "12155551212", NULL },
		{ "30 15 a1 13 30 11 " N11 " 02 02 03 e8", "12125551000+1000",
		    NULL },
		{ "30 14 a1 12 30 10 16 0b 31 32 31 32 35 35 35 31 35 30 30 02 "
		  "01 64", "12125551500+100", NULL },
		{ "30 14 a1 12 30 10 " N11 " 02 01 02", "12125551000+2", NULL },
		{ "30 15 a1 13 30 11 " N11 " 02 02 00 80", "12125551000+128",
		    NULL },
		{ "30 2c a0 06 16 04 31 32 33 34 a1 13 30 11 " N11
		  " 02 02 03 e8 a2 0d 16 0b 31 32 31 35 35 35 35 31 32 31 32",
		    "spc:1234,12125551000+1000,12155551212", NULL },
		{ "30 1e a2 0d 16 0b 31 32 31 35 35 35 35 31 32 31 32 a2 0d 16 "
		  "0b 31 32 31 35 35 35 35 31 32 31 33", "12155551212+2",
		    "30 14 a1 12 30 10 16 0b 31 32 31 35 35 35 35 31 32 31 32 "
		    "02 01 02" },
		{ "30 10 a0 06 16 04 31 32 33 34 a0 06 16 04 35 36 37 38",
		    "spc:1234,spc:5678", NULL },
		{ "30 0f a2 0d 16 0b 31 38 30 30 35 35 35 31 32 31 32",
		    "18005551212", NULL },
		{ "30 23 a1 12 30 10 16 0b 31 32 31 32 35 35 35 31 35 30 30 02 "
		  "01 64 a2 0d 16 0b 31 32 31 32 35 35 35 31 38 32 34",
		    "12125551500+100,12125551824", NULL },
	};
	size_t i;
	int mode;

	(void)state;
	for (i = 0; i < COUNT(v); i++)
		for (mode = 0; mode < 2; mode++) {
			AUTO_SET *s = dca_tnset_new();

			assert_int_equal(parse_hex(s, v[i].hex,
			    (enum dca_tnauthlist_mode)mode), DCA_RULE_NONE);
			assert_prints(s, v[i].text);
			assert_encodes(s, v[i].canonical != NULL
				? v[i].canonical : v[i].hex);
		}
}

/* Vectors L and M: 10 and 20 single numbers, long lengths. */
static void
long_lengths(void **state)
{
	static const struct {
		unsigned n;
		const char *head, *text;
	} v[] = { { 10, "30 81 96", "12155550100+10" },
		{ 20, "30 82 01 2c", "12155550100+20" } };
	size_t i;
	unsigned k;

	(void)state;
	for (i = 0; i < COUNT(v); i++) {
		DCA_AUTO_OUT der = { .p = NULL };
		AUTO_SET *s = dca_tnset_new();

		cases_hex(&der, v[i].head);
		for (k = 0; k < v[i].n; k++) {
			cases_hex(&der, "a2 0d 16 0b");
			dca_out_printf(&der, "12155550%03u", 100 + k);
		}
		assert_int_equal(dca_tnauthlist_parse(s, dca_out_buf(&der),
		    DCA_TNAUTHLIST_ISSUE, NULL), DCA_OK);
		assert_prints(s, v[i].text);
	}
}

/* Must-reject encodings of 1.4, and the rule each falls under. */
static void
rejects(void **state)
{
	static const struct {
		const char *hex;
		enum dca_rule rule;
	} v[] = {
		{ "", DCA_RULE_TN_DER },
		{ "30 00", DCA_RULE_TN_EMPTY },
		{ "30 06 80 04 31 32 33 34", DCA_RULE_TN_DER },
		{ "30 06 a0 04 31 32 33 34", DCA_RULE_TN_DER },
		{ "30 06 16 04 31 32 33 34", DCA_RULE_TN_DER },
		{ "30 08 a0 06 13 04 31 32 33 34", DCA_RULE_TN_DER },
		{ "30 08 a0 06 0c 04 31 32 33 34", DCA_RULE_TN_DER },
		{ "30 08 a3 06 16 04 31 32 33 34", DCA_RULE_TN_DER },
		{ "30 13 a1 11 " N11 " 02 02 03 e8", DCA_RULE_TN_DER },
		{ "30 14 a1 12 30 10 " N11 " 02 01 01", DCA_RULE_TN_COUNT },
		{ "30 14 a1 12 30 10 " N11 " 02 01 00", DCA_RULE_TN_COUNT },
		{ "30 14 a1 12 30 10 " N11 " 02 01 ff", DCA_RULE_TN_COUNT },
		{ "30 1c a1 1a 30 18 " N11 " 02 09 01 00 00 00 00 00 00 00 00",
		    DCA_RULE_TN_COUNT },
		{ "30 0b a1 09 30 07 16 02 31 30 02 01 5b", DCA_RULE_TN_RANGE },
		{ "30 0e a1 0c 30 0a 16 05 31 32 31 32 2a 02 01 0a",
		    DCA_RULE_TN_RANGE },
		{ "30 14 a2 12 16 10 31 32 33 34 35 36 37 38 39 30 31 32 33 34 "
		  "35 36", DCA_RULE_TN_NUMBER },
		{ "30 10 a2 0e 16 0c 2b 31 32 31 35 35 35 35 31 32 31 32",
		    DCA_RULE_TN_NUMBER },
		{ "30 04 a2 02 16 00", DCA_RULE_TN_NUMBER },
		{ "30 04 a0 02 16 00", DCA_RULE_TN_SPC },
		{ "30 16 a1 14 30 12 " N11 " 02 03 00 03 e8", DCA_RULE_TN_DER },
		{ "30 81 08 a0 06 16 04 31 32 33 34", DCA_RULE_TN_DER },
		{ "30 80 a0 06 16 04 31 32 33 34 00 00", DCA_RULE_TN_DER },
		{ "30 0a a0 80 16 04 31 32 33 34 00 00", DCA_RULE_TN_DER },
		{ "30 0a a0 08 36 06 16 04 31 32 33 34", DCA_RULE_TN_DER },
		{ "30 08 a0 06 16 04 31 32 33 34 00", DCA_RULE_TN_DER },
		{ "30 08 a0 06 16 38 36 37 4a", DCA_RULE_TN_DER },
		{ "30 06 13 04 37 35 35 4a", DCA_RULE_TN_DER },
		{ "30 0f a1 0d 30 0b 16 03 31 32 00 02 01 02 02 01 02",
		    DCA_RULE_TN_NUMBER },
	};
	size_t i;
	int mode;

	(void)state;
	for (i = 0; i < COUNT(v); i++)
		for (mode = 0; mode < 2; mode++) {
			AUTO_SET *s = dca_tnset_new();
			enum dca_rule rule = parse_hex(s, v[i].hex,
			    (enum dca_tnauthlist_mode)mode);

			/* the last one: an extra field stops ISSUE earlier */
			if (i == COUNT(v) - 1 && mode == DCA_TNAUTHLIST_ISSUE)
				assert_int_equal(rule, DCA_RULE_TN_DER);
			else if (rule != v[i].rule)
				fail_msg("%s: %s", v[i].hex,
				    dca_problem(rule)->id);
			assert_true(dca_tnset_empty(s));
		}
}

/* What a CA must not emit and a verifier tolerates (1.1 items 6, 8, 9). */
static void
foreign_is_tolerant(void **state)
{
	static const struct {
		const char *hex, *text;
		enum dca_rule issue;
	} v[] = {
		{ "30 0b a1 09 30 07 16 02 31 30 02 01 5a", "10+90",
		    DCA_RULE_TN_RANGE },
		{ "30 1a a1 18 30 16 16 0f 39 39 39 39 39 39 39 39 39 39 39 39 "
		  "39 39 38 02 01 02 04 00", "999999999999998+2",
		    DCA_RULE_TN_DER },
		{ "30 17 a1 15 30 13 " N11 " 02 01 05 16 01 78",
		    "12125551000+5", DCA_RULE_TN_DER },
		{ "30 1b a1 19 30 17 " N11 " 02 01 05 80 01 78 30 02 05 00",
		    "12125551000+5", DCA_RULE_TN_DER },
		{ "30 08 a0 06 16 04 37 30 39 6a", "spc:709j",
		    DCA_RULE_TN_SPC },
		{ "30 07 a0 05 16 03 61 2d 62", "spc:a-b", DCA_RULE_TN_SPC },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(v); i++) {
		AUTO_SET *s = dca_tnset_new();

		assert_int_equal(parse_hex(s, v[i].hex, DCA_TNAUTHLIST_ISSUE),
		    v[i].issue);
		assert_true(dca_tnset_empty(s));
		assert_int_equal(parse_hex(s, v[i].hex, DCA_TNAUTHLIST_FOREIGN),
		    DCA_RULE_NONE);
		assert_prints(s, v[i].text);
	}
	{
		/* an extension field of indefinite length is not DER */
		AUTO_SET *s = dca_tnset_new();

		assert_int_equal(parse_hex(s, "30 1a a1 18 30 16 " N11
			" 02 01 05 30 80 00 00 05 00", DCA_TNAUTHLIST_FOREIGN),
		    DCA_RULE_TN_DER);
		assert_int_equal(parse_hex(s, "30 18 a1 16 30 14 " N11
			" 02 01 05 a0 80 00 00", DCA_TNAUTHLIST_FOREIGN),
		    DCA_RULE_TN_DER);
	}
}

/* Canonical emission of dca(7) FORMATS. */
static void
canonical(void **state)
{
	static const struct {
		const char *text, *hex;
	} v[] = {
		/* ends at 10^D - 1: count-1, and the last number alone */
		{ "10+90", "30 11 a1 09 30 07 16 02 31 30 02 01 59 a2 04 16 02 "
			   "39 39" },
		{ "98+2", "30 0c a2 04 16 02 39 38 a2 04 16 02 39 39" },
		{ "99", "30 06 a2 04 16 02 39 39" },
		{ "0+10", "30 0f a1 08 30 06 16 01 30 02 01 09 a2 03 16 01 39" },
		/* SPCs, then (digits, low), then literals */
		{ "*67,12,9,012,spc:B,#1,spc:A,00",
		    "30 2f a0 03 16 01 41 a0 03 16 01 42 a2 03 16 01 39 a2 04 "
		    "16 02 30 30 a2 04 16 02 31 32 a2 05 16 03 30 31 32 a2 04 "
		    "16 02 23 31 a2 05 16 03 2a 36 37" },
		{ "100000+32768", "30 11 a1 0f 30 0d 16 06 31 30 30 30 30 30 02 "
				  "03 00 80 00" },
		{ "000000000000000+999999999999999",
		    "30 1e a1 1c 30 1a 16 0f 30 30 30 30 30 30 30 30 30 30 30 30 "
		    "30 30 30 02 07 03 8d 7e a4 c6 7f ff" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(v); i++) {
		AUTO_SET *s = dca_tnset_new(), *again = dca_tnset_new();

		assert_int_equal(dca_tnset_parse(s, v[i].text, NULL), DCA_OK);
		assert_encodes(s, v[i].hex);
		assert_int_equal(parse_hex(again, v[i].hex,
		    DCA_TNAUTHLIST_ISSUE), DCA_RULE_NONE);
		assert_true(dca_tnset_equal(s, again));
	}
}

/* Random sets: written, read again (and so compared with OpenSSL's form). */
static void
round_trip(void **state)
{
	static const uint64_t space[] = { 10, 100, 100000, 10000000000,
		1000000000000000 };
	static const uint8_t digits[] = { 1, 2, 5, 10, 15 };
	struct dca_err e;
	unsigned i, k, d, n;
	uint64_t lo, len;

	(void)state;
	srandom(2026);
	for (i = 0; i < 3000; i++) {
		AUTO_SET *s = dca_tnset_new(), *again = dca_tnset_new();
		DCA_AUTO_OUT der = { .p = NULL };

		n = 1 + (unsigned)random() % (i % 100 == 0 ? 1500 : 20);
		for (k = 0; k < n; k++) {
			d = (unsigned)random() % COUNT(digits);
			lo = ((uint64_t)random() << 31 | (uint64_t)random()) %
			     space[d];
			len = 1ULL << (unsigned)random() % 50;
			if (len > space[d] - lo)
				len = space[d] - lo;
			dca_tnset_add_interval(s, (struct dca_tnrange){ lo,
			    lo + len - 1, digits[d] });
		}
		dca_tnauthlist_encode(&der, s);
		if (der.n > DCA_CROSS_MAX)
			continue;
		if (dca_tnauthlist_parse(again, dca_out_buf(&der),
			DCA_TNAUTHLIST_ISSUE, &e) != DCA_OK)
			fail_msg("%s", e.text);
		assert_true(dca_tnset_equal(s, again));
	}
}

/* A list one octet too long, and the longest that fits. */
static void
length_limit(void **state)
{
	static const struct {
		enum dca_tnauthlist_mode mode;
		unsigned limit;
	} v[] = { { DCA_TNAUTHLIST_ISSUE, DCA_CROSS_MAX },
		{ DCA_TNAUTHLIST_FOREIGN, DCA_CERT_MAX } };
	struct dca_err e;
	unsigned i, k;

	(void)state;
	for (k = 0; k < sizeof(v) / sizeof(v[0]); k++) {
		AUTO_SET *s = dca_tnset_new(), *t = dca_tnset_new();
		DCA_AUTO_OUT der = { .p = NULL };

		for (i = 0; i < (v[k].limit - 5) / 15; i++)
			dca_tnset_add_interval(s, (struct dca_tnrange){
			    12020000000ULL + 2 * i, 12020000000ULL + 2 * i,
			    11 });
		dca_tnauthlist_encode(&der, s);
		assert_true(der.n <= v[k].limit);
		assert_int_equal(dca_tnauthlist_parse(t, dca_out_buf(&der),
		    v[k].mode, &e), DCA_OK);
		dca_tnset_add_interval(s, (struct dca_tnrange){ 1, 1, 11 });
		der.n = 0;
		dca_tnauthlist_encode(&der, s);
		assert_true(der.n > v[k].limit);
		assert_int_equal(dca_tnauthlist_parse(t, dca_out_buf(&der),
		    v[k].mode, &e), DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_TN_DER);
	}
}

/* RFC 8226 9 sets no size to an SPC: one of others may be long, ours not. */
static void
long_spcs(void **state)
{
	static const size_t sizes[] = { 64, 65, 127, 128, 255, 256,
		DCA_SPC_READ_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		AUTO_SET *s = dca_tnset_new(), *t = dca_tnset_new();
		AUTO_SET *u = dca_tnset_new();
		DCA_AUTO_OUT der = { .p = NULL };
		DCA_AUTO_OUT text = { .p = NULL };
		char spc[DCA_SPC_READ_MAX];
		struct dca_err e;

		memset(spc, 'A', sizes[i]);
		assert_int_equal(dca_tnset_add_spc(s, spc, sizes[i], &e),
		    DCA_OK);
		dca_tnauthlist_encode(&der, s);
		assert_int_equal(dca_tnauthlist_parse(t, dca_out_buf(&der),
		    DCA_TNAUTHLIST_FOREIGN, &e), DCA_OK);
		assert_true(dca_tnset_equal(s, t));
		dca_tnset_print(t, &text);
		dca_out_add(&text, "", 1);
		assert_int_equal(dca_tnset_parse(u, (const char *)text.p, &e),
		    DCA_OK);
		assert_true(dca_tnset_equal(s, u));
		assert_int_equal(dca_tnauthlist_parse(t, dca_out_buf(&der),
		    DCA_TNAUTHLIST_ISSUE, &e),
		    sizes[i] <= DCA_SPC_MAX ? DCA_OK : DCA_MALFORMED);
	}
}

/* The set a case says it means. */
static struct dca_tnset *
meaning(const json_t *semantic)
{
	struct dca_tnset *s = dca_tnset_new();
	const json_t *list;
	json_t *v;
	size_t i;
	const char *a, *b;

	list = json_object_get(semantic, "spc");
	json_array_foreach(list, i, v)
		assert_int_equal(dca_tnset_add_spc(s, json_string_value(v),
		    json_string_length(v), NULL), DCA_OK);
	list = json_object_get(semantic, "special");
	json_array_foreach(list, i, v)
		assert_int_equal(dca_tnset_add_number(s, json_string_value(v),
		    NULL), DCA_OK);
	list = json_object_get(semantic, "tn_intervals");
	json_array_foreach(list, i, v) {
		a = cases_text(v, "first");
		b = cases_text(v, "last");
		assert_int_equal(dca_tnset_add_range(s, a,
		    strtoull(b, NULL, 10) - strtoull(a, NULL, 10) + 1, NULL),
		    DCA_OK);
	}
	return s;
}

/* [A-Z0-9]+ is what may be issued (ATIS-1000080 6.4.1). */
static bool
issuable_spcs(const struct dca_tnset *s)
{
	const char *const *v;
	size_t i, n = dca_tnset_spcs(s, &v);

	for (i = 0; i < n; i++)
		if (v[i][strspn(v[i], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")] !=
		    '\0')
			return false;
	return true;
}

/*
 * The ambiguous ones: an extension field of a range is read in a foreign list
 * and never issued; an SPC with control characters is refused in both.
 */
static void
assert_case(const json_t *c)
{
	AUTO_SET *foreign = dca_tnset_new(), *issue = dca_tnset_new();
	AUTO_SET *want = NULL;
	const char *id = cases_text(c, "id"), *hex = cases_text(c, "der");
	const char *expect = cases_text(c, "expect");
	enum dca_rule f = parse_hex(foreign, hex, DCA_TNAUTHLIST_FOREIGN);
	enum dca_rule i = parse_hex(issue, hex, DCA_TNAUTHLIST_ISSUE);

	if (strcmp(expect, "accept") == 0) {
		if (f != DCA_RULE_NONE)
			fail_msg("%s: %s", id, dca_problem(f)->id);
		want = meaning(json_object_get(c, "semantic"));
		if (!dca_tnset_equal(foreign, want))
			fail_msg("%s: another meaning", id);
		if ((i == DCA_RULE_NONE) != issuable_spcs(want))
			fail_msg("%s: issue: %s", id, dca_problem(i)->id);
		return;
	}
	if (strcmp(expect, "either") != 0)
		assert_string_equal(expect, "reject");
	if (i == DCA_RULE_NONE)
		fail_msg("%s: accepted for issuance", id);
	if ((f == DCA_RULE_NONE) !=
	    (strcmp(cases_text(c, "category"), "range_extension") == 0))
		fail_msg("%s: foreign: %s", id, dca_problem(f)->id);
}

static json_t *cases;

static void
labelled_cases(void **state)
{
	json_t *c;
	size_t i;

	(void)state;
	json_array_foreach(cases, i, c)
		assert_case(c);
	assert_true(i > 100);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(long_lengths),
		cmocka_unit_test(rejects),
		cmocka_unit_test(foreign_is_tolerant),
		cmocka_unit_test(canonical),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(length_limit),
		cmocka_unit_test(long_spcs),
	};
	static const struct CMUnitTest labelled[] = {
		cmocka_unit_test(labelled_cases),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	cases = cases_load("tnauthlist.json");
	if (cases == NULL)
		return failed != 0 ? failed : 77;
	failed += cmocka_run_group_tests(labelled, NULL, NULL);
	json_decref(cases);
	return failed;
}
