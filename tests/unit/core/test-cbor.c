/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBOR: the encodings of RFC 8949 appendix A that we use, and every form that
 * a deterministic reader must refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dca/cbor.h"

struct bytes {
	uint8_t p[600];
	size_t n;
};

static struct dca_buf
hex(struct bytes *b, const char *s)
{
	b->n = strlen(s) / 2;
	assert_true(b->n <= sizeof(b->p) && dca_unhex(b->p, b->n, s));
	return DCA_BUF(b->p, b->n);
}

static void
expect(struct dca_out *o, const char *want)
{
	char got[200];

	assert_true(o->n < 100);
	dca_hex(got, o->p, o->n);
	assert_string_equal(got, want);
	dca_out_free(o);
	memset(o, 0, sizeof(*o));
}

/* RFC 8949 appendix A */
static void
integers(void **state)
{
	static const struct {
		int64_t v;
		const char *hex;
	} t[] = { { 0, "00" }, { 1, "01" }, { 10, "0a" }, { 23, "17" },
		{ 24, "1818" }, { 25, "1819" }, { 100, "1864" },
		{ 1000, "1903e8" }, { 1000000, "1a000f4240" },
		{ 1000000000000, "1b000000e8d4a51000" }, { -1, "20" },
		{ -10, "29" }, { -100, "3863" }, { -1000, "3903e7" },
		{ INT64_MIN, "3b7fffffffffffffff" } };
	struct dca_out o = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct bytes b;
		struct dca_cbor c = { .in = hex(&b, t[i].hex) };
		int64_t v = 7;

		dca_cbor_int(&o, t[i].v);
		expect(&o, t[i].hex);
		assert_true(dca_cbor_take_int(&c, &v));
		assert_true(v == t[i].v && dca_cbor_done(&c));
	}
	dca_cbor_uint(&o, UINT64_MAX);
	expect(&o, "1bffffffffffffffff");
}

static void
others(void **state)
{
	struct dca_out o = { 0 };

	(void)state;
	dca_cbor_bool(&o, false);
	expect(&o, "f4");
	dca_cbor_bool(&o, true);
	expect(&o, "f5");
	dca_cbor_null(&o);
	expect(&o, "f6");
	dca_cbor_bytes(&o, DCA_BUF("", 0));
	expect(&o, "40");
	dca_cbor_bytes(&o, DCA_BUF("\1\2\3\4", 4));
	expect(&o, "4401020304");
	dca_cbor_text(&o, "");
	expect(&o, "60");
	dca_cbor_text(&o, "IETF");
	expect(&o, "6449455446");
	dca_cbor_text(&o, "\"\\");
	expect(&o, "62225c");
	dca_cbor_text(&o, "\xc3\xbc");
	expect(&o, "62c3bc");
	dca_cbor_array(&o, 25);
	expect(&o, "9819");
	dca_cbor_map(&o, 2);
	expect(&o, "a2");
	dca_cbor_tag(&o, 32);
	expect(&o, "d820");
}

/* Items that are deterministic, from appendix A */
static void
accepted(void **state)
{
	static const char *const t[] = { "00", "80", "83010203",
		"8301820203820405", "a0", "a201020304", "d200", "c64100", "d818f6",
		"a26161016162820203", "826161a161626163", "c11a514b67b0",
		"a56161614161626142616361436164614461656145", "f6", "40",
		"64f0908591", "8181818181818180", "818181818181818100" };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct bytes b;
		struct dca_buf in = hex(&b, t[i]), item;
		struct dca_cbor c = { .in = in };

		assert_true(dca_cbor_skip(&c, &item));
		assert_true(dca_cbor_done(&c) && dca_buf_eq(item, in));
		assert_true(dca_cbor_check(in));
	}
}

static void
refused(void **state)
{
	static const struct {
		const char *hex, *why;
	} t[] = {
		{ "", "nothing" },
		{ "1817", "23 in two octets" },
		{ "190017", "23 in three" },
		{ "1900ff", "255 in three" },
		{ "1a0000ffff", "65535 in five" },
		{ "1b00000000ffffffff", "2^32-1 in nine" },
		{ "3800", "-1 in two octets" },
		{ "5801aa", "length 1 in two octets" },
		{ "780161", "text length 1 in two octets" },
		{ "980101", "array count 1 in two octets" },
		{ "b8010101", "map count 1 in two octets" },
		{ "d81200", "tag 18 in two octets" },
		{ "1c", "reserved 28" },
		{ "5f42010243030405ff", "indefinite bytes" },
		{ "7f657374726561646d696e67ff", "indefinite text" },
		{ "9fff", "indefinite array" },
		{ "bfff", "indefinite map" },
		{ "ff", "break" },
		{ "f90000", "half float" },
		{ "fa47c35000", "float" },
		{ "fb3ff199999999999a", "double" },
		{ "f7", "undefined" },
		{ "f0", "unassigned simple value" },
		{ "f818", "simple value in two octets" },
		{ "44010203", "bytes cut" },
		{ "6261", "text cut" },
		{ "19", "head cut" },
		{ "8201", "array cut" },
		{ "a101", "map cut" },
		{ "c1", "tag without an item" },
		{ "61ff", "text that is not UTF-8" },
		{ "62c080", "overlong NUL" },
		{ "63eda080", "surrogate" },
		{ "64f4908080", "above U+10FFFF" },
		{ "6100", "NUL in text" },
		{ "9bffffffffffffffff", "a count beyond the input" },
		{ "bb8000000000000000", "a count that doubles to 0" },
		{ "5bffffffffffffffff", "a length beyond the input" },
		{ "818181818181818180", "nested nine deep" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct bytes b;
		struct dca_buf in = hex(&b, t[i].hex), item;
		struct dca_cbor c = { .in = in };

		if (dca_cbor_skip(&c, &item) || !c.bad || dca_cbor_check(in))
			fail_msg("accepted: %s (%s)", t[i].hex, t[i].why);
		assert_false(dca_cbor_done(&c));
	}
}

/* Good structure, but not the one deterministic form. */
static void
order(void **state)
{
	static const char *const t[] = {
		"a203040102",		/* 3 before 1 */
		"a201020103",		/* 1 twice */
		"a2616201616102",	/* b before a */
		"a2626161016162f4",	/* aa before b */
		"a22000181e00",		/* -1 (0x20) before 30 (0x18) */
		"8201a2616201616102",	/* inside an array */
		"a101a2616201616102",	/* inside a map */
		"0000",			/* trailing octet */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct bytes b;

		if (dca_cbor_check(hex(&b, t[i])))
			fail_msg("accepted: %s", t[i]);
	}
}

/* Each take refuses another type, its bound, and then everything. */
static void
takes(void **state)
{
	struct bytes b;
	struct dca_cbor c;
	struct dca_buf v;
	char s[4];
	size_t n;
	uint64_t u;
	int64_t i;
	bool f;

	(void)state;
#define REFUSES(hexes, call)                                                   \
	c = (struct dca_cbor){ .in = hex(&b, hexes) };                         \
	assert_false(call);                                                    \
	assert_true(c.bad);                                                    \
	assert_int_equal(dca_cbor_peek(&c), DCA_CBOR_BAD);                     \
	assert_false(dca_cbor_take_uint(&c, &u))
	REFUSES("20", dca_cbor_take_uint(&c, &u));
	REFUSES("60", dca_cbor_take_int(&c, &i));
	REFUSES("1b8000000000000000", dca_cbor_take_int(&c, &i));
	REFUSES("3b8000000000000000", dca_cbor_take_int(&c, &i));
	REFUSES("60", dca_cbor_take_bytes(&c, &v, 9));
	REFUSES("420102", dca_cbor_take_bytes(&c, &v, 1));
	REFUSES("40", dca_cbor_take_text(&c, s, sizeof(s)));
	REFUSES("6461626364", dca_cbor_take_text(&c, s, sizeof(s)));
	REFUSES("6461626364", dca_cbor_take_text_view(&c, &v, 3));
	REFUSES("00", dca_cbor_take_bool(&c, &f));
	REFUSES("f4", dca_cbor_take_null(&c));
	REFUSES("a0", dca_cbor_take_array(&c, &n, 9));
	REFUSES("820000", dca_cbor_take_array(&c, &n, 1));
	REFUSES("8200", dca_cbor_take_array(&c, &n, 9));
	REFUSES("80", dca_cbor_take_map(&c, &n, 9));
	REFUSES("a10000", dca_cbor_take_map(&c, &n, 0));
	REFUSES("a100", dca_cbor_take_map(&c, &n, 9));
	REFUSES("d100", dca_cbor_take_tag(&c, 18));
	REFUSES("00", dca_cbor_take_tag(&c, 18));
	REFUSES("", dca_cbor_take_uint(&c, &u));
#undef REFUSES
	c = (struct dca_cbor){ .in = hex(&b, "63616263") };
	assert_true(dca_cbor_take_text(&c, s, sizeof(s)));
	assert_string_equal(s, "abc");
	assert_int_equal(dca_cbor_peek(&c), DCA_CBOR_END);
}

static void
finding(void **state)
{
	struct bytes b;
	/* {1: 2, "a": 3, "bb": [1], [1]: "a"} */
	struct dca_buf map = hex(&b, "a4010261610362626281018101"
				     "6161");
	struct dca_cbor v;
	uint64_t u = 0;

	(void)state;
	assert_true(dca_cbor_find(map, "a", &v));
	assert_true(dca_cbor_take_uint(&v, &u) && dca_cbor_done(&v));
	assert_int_equal(u, 3);
	assert_false(dca_cbor_find(map, "b", &v));
	assert_false(dca_cbor_find(hex(&b, "8161"), "a", &v));
	assert_false(dca_cbor_find(hex(&b, "a16161"), "a", &v));
}

static void
as_json(void **state)
{
	static const struct {
		const char *hex, *json;
	} t[] = {
		{ "a26161016162820203", "{\"a\":1,\"b\":[2,3]}" },
		{ "a0", "{}" },
		{ "80", "[]" },
		{ "a120f6", "{\"-1\":null}" },
		{ "8344010203ff3903e7f5", "[\"010203ff\",-1000,true]" },
		{ "65220a5c1f7a", "\"\\\"\\u000a\\\\\\u001fz\"" },
		{ "82a08181a0", "[{},[[{}]]]" },
		{ "1bffffffffffffffff", "18446744073709551615" },
	};
	struct bytes b;
	struct dca_err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		DCA_AUTO_OUT o = { 0 };

		assert_int_equal(
		    dca_cbor_json(&o, hex(&b, t[i].hex), false, &e), DCA_OK);
		dca_out_add(&o, "", 1);
		assert_string_equal((char *)o.p, t[i].json);
	}
	static const char *const bad[] = { "a1a000", "a1f500", "c100", "0000",
		"", "818181818181818180", "a101" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		DCA_AUTO_OUT o = { 0 };

		assert_int_equal(dca_cbor_json(&o, hex(&b, bad[i]), false, &e),
		    DCA_MALFORMED);
	}
	DCA_AUTO_OUT o = { 0 };

	assert_int_equal(dca_cbor_json(&o, hex(&b, "a26161016162820203"), true,
			     &e), DCA_OK);
	dca_out_add(&o, "", 1);
	assert_string_equal((char *)o.p,
	    "{\n  \"a\": 1,\n  \"b\": [\n    2,\n    3\n  ]\n}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),
		cmocka_unit_test(others),
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
		cmocka_unit_test(order),
		cmocka_unit_test(takes),
		cmocka_unit_test(finding),
		cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
