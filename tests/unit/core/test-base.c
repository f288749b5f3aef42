/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, byte strings, hex, base64url, SHA-256, times, the problem table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dca/base.h"

static void
fail_fills_and_bounds(void **state)
{
	struct dca_err e = { .first = "old", .field = "old" };
	char longest[1000];

	(void)state;
	assert_int_equal(dca_fail(&e, DCA_RULE_SCOPE_CROSS, "n %d", 7),
	    DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_SCOPE_CROSS);
	assert_string_equal(e.text, "n 7");
	assert_string_equal(e.first, "");
	assert_string_equal(e.field, "");
	assert_int_equal(dca_fail_in(&e, "csr"), DCA_REFUSED);
	assert_string_equal(e.text, "csr: n 7");
	assert_int_equal(dca_fail(NULL, DCA_RULE_CSR_DER, "x"), DCA_MALFORMED);
	assert_int_equal(dca_fail_in(NULL, "x"), DCA_INTERNAL);

	/* a log line stays one line, UTF-8 stays UTF-8 where it is cut */
	(void)dca_fail(&e, DCA_RULE_INPUT, "a\nb\x1b[31m\x7f");
	assert_string_equal(e.text, "a?b?[31m?");
	memset(longest, 'x', sizeof(longest));
	memcpy(longest + sizeof(e.text) - 2, "\xc3\xa9", 2);
	longest[sizeof(longest) - 1] = '\0';
	(void)dca_fail(&e, DCA_RULE_INPUT, "%s", longest);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 2);
	assert_int_equal(dca_fail_in(&e, "prefix"), DCA_MALFORMED);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	assert_int_equal(strncmp(e.text, "prefix: xxx", 11), 0);
}

static void
out_grows(void **state)
{
	int secret, i;

	(void)state;
	for (secret = 0; secret < 2; secret++) {
		DCA_AUTO_OUT o = { .secret = secret == 1 };

		for (i = 0; i < 1000; i++)
			dca_out_printf(&o, "%03d", i);
		dca_out_add(&o, "tail", 4);
		assert_int_equal(o.n, 3004);
		assert_memory_equal(o.p, "000001002", 9);
		assert_string_equal((char *)o.p + 3000, "tail");
		assert_true(dca_buf_eq(dca_out_buf(&o), dca_out_buf(&o)));
		assert_false(dca_buf_eq(dca_out_buf(&o), DCA_BUF("x", 1)));
	}
	assert_true(dca_buf_eq(DCA_BUF(NULL, 0), DCA_BUF("", 0)));
}

static void
strlcpy_tells(void **state)
{
	char dst[4];

	(void)state;
	assert_true(dca_strlcpy(dst, "abc", sizeof(dst)));
	assert_string_equal(dst, "abc");
	assert_false(dca_strlcpy(dst, "abcd", sizeof(dst)));
	assert_string_equal(dst, "abc");
	assert_true(dca_strlcpy(dst, "", sizeof(dst)));
	assert_string_equal(dst, "");
}

static void
hex_both_ways(void **state)
{
	static const uint8_t in[] = { 0x00, 0x9a, 0xff };
	static const char *const bad[] = { "", "009af", "009afff", "009af0 ",
		"0x9aff", "009ag0", "+09aff" };
	uint8_t back[3];
	char text[7];
	size_t i;

	(void)state;
	dca_hex(text, in, sizeof(in));
	assert_string_equal(text, "009aff");
	assert_true(dca_unhex(back, 3, "009AfF"));
	assert_memory_equal(back, in, 3);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(dca_unhex(back, 3, bad[i]));
}

/* RFC 4648 10, without padding, and the two characters of 5. */
static void
base64url(void **state)
{
	static const char *const vector[][2] = { { "", "" }, { "f", "Zg" },
		{ "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "-__-" } };
	static const char *const bad[] = { "Z", "Zg==", "Zg=", "Zh", "Zm9",
		"Zm9v Yg", "Zm9v\n", "+//+", "Zm9vY", "\xc3\xa9_-" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(vector) / sizeof(vector[0]); i++) {
		DCA_AUTO_OUT text = { .p = NULL };
		DCA_AUTO_OUT back = { .p = NULL };

		dca_b64url(&text, DCA_BUF(vector[i][0], strlen(vector[i][0])));
		assert_int_equal(text.n, strlen(vector[i][1]));
		assert_true(dca_buf_eq(dca_out_buf(&text),
		    DCA_BUF(vector[i][1], strlen(vector[i][1]))));
		assert_true(dca_unb64url(&back, vector[i][1],
		    strlen(vector[i][1])));
		assert_true(dca_buf_eq(dca_out_buf(&back),
		    DCA_BUF(vector[i][0], strlen(vector[i][0]))));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		DCA_AUTO_OUT back = { .p = NULL };

		if (dca_unb64url(&back, bad[i], strlen(bad[i])))
			fail_msg("accepted \"%s\"", bad[i]);
	}
}

static void
sha256_vector(void **state)
{
	uint8_t md[DCA_SHA256_LEN];
	char text[2 * DCA_SHA256_LEN + 1];

	(void)state; /* FIPS 180-4, "abc" and "" */
	dca_sha256(md, DCA_BUF("abc", 3));
	dca_hex(text, md, sizeof(md));
	assert_string_equal(text,
	    "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad");
	dca_sha256(md, DCA_BUF(NULL, 0));
	dca_hex(text, md, sizeof(md));
	assert_string_equal(text,
	    "e3b0c44298fc1c149afbf4c8996fb924"
	    "27ae41e4649b934ca495991b7852b855");
}

static void
times(void **state)
{
	static const struct {
		int64_t t;
		const char *text;
	} vector[] = { { 0, "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ 1000000000, "2001-09-09T01:46:40Z" },
		{ 1798761600, "2027-01-01T00:00:00Z" },
		{ 2147483648, "2038-01-19T03:14:08Z" },
		{ 4107542400, "2100-03-01T00:00:00Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" },
		{ -62135596800, "0001-01-01T00:00:00Z" } };
	static const char *const bad[] = { "", "2026-12-01", "20261201T000000Z",
		"2026-12-01T00:00:00", "2026-12-01T00:00:00z",
		"2026-12-01t00:00:00Z", "2026-12-01 00:00:00Z",
		"2026-12-01T00:00:00.0Z", "2026-12-01T00:00:00+00:00",
		"2026-12-01T00:00:00Z ", " 2026-12-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-12-00T00:00:00Z", "2026-11-31T00:00:00Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
		"2026-12-01T24:00:00Z", "2026-12-01T00:60:00Z",
		"2026-12-01T00:00:60Z", "0000-01-01T00:00:00Z",
		"+026-12-01T00:00:00Z" };
	char text[DCA_TIME_TEXT];
	int64_t t, step;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(vector) / sizeof(vector[0]); i++) {
		dca_time_format(text, vector[i].t);
		assert_string_equal(text, vector[i].text);
		assert_true(dca_time_parse(&t, vector[i].text));
		assert_true(t == vector[i].t);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (dca_time_parse(&t, bad[i]))
			fail_msg("accepted \"%s\"", bad[i]);
	dca_time_format(text, INT64_MAX);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	dca_time_format(text, INT64_MIN);
	assert_string_equal(text, "0001-01-01T00:00:00Z");
	for (step = -2000000000; step < 5000000000; step += 7654321) {
		dca_time_format(text, step);
		assert_true(dca_time_parse(&t, text) && t == step);
	}
}

static void
problem_table(void **state)
{
	const struct dca_problem *p;
	int i, j;

	(void)state;
	for (i = 0; i < DCA_RULE_COUNT; i++) {
		p = dca_problem((enum dca_rule)i);
		assert_int_equal(p->rule, i);
		assert_true(p->id[0] != '\0' && p->title[0] != '\0');
		assert_ptr_equal(dca_problem_by_id(p->id), p);
		assert_true(p->rc == DCA_OK ? p->coap == 204
					    : p->coap >= 400 && p->coap < 600);
		for (j = 0; j < i; j++)
			assert_string_not_equal(p->id,
			    dca_problem((enum dca_rule)j)->id);
	}
	assert_int_equal(dca_problem(DCA_RULE_COUNT)->rule, DCA_RULE_INTERNAL);
	assert_int_equal(dca_problem((enum dca_rule)-1)->rule,
	    DCA_RULE_INTERNAL);
	assert_null(dca_problem_by_id("no-such-rule"));
	assert_int_equal(dca_exit_code(DCA_OK), 0);
	assert_int_equal(dca_exit_code(DCA_MALFORMED), 1);
	assert_int_equal(dca_exit_code(DCA_REFUSED), 1);
	assert_int_equal(dca_exit_code(DCA_NOTFOUND), 1);
	assert_int_equal(dca_exit_code(DCA_BUSY), 2);
	assert_int_equal(dca_exit_code(DCA_TOKEN), 2);
	assert_int_equal(dca_exit_code(DCA_IO), 2);
	assert_int_equal(dca_exit_code(DCA_INTERNAL), 2);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_fills_and_bounds),
		cmocka_unit_test(out_grows),
		cmocka_unit_test(strlcpy_tells),
		cmocka_unit_test(hex_both_ways),
		cmocka_unit_test(base64url),
		cmocka_unit_test(sha256_vector),
		cmocka_unit_test(times),
		cmocka_unit_test(problem_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
