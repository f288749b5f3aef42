/* SPDX-License-Identifier: Apache-2.0 */
/* CSV: rows and their lines, and every line that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dca/os.h"

static const char header[] = "start,count,spc";

static enum dca_rc
open_text(struct dca_csv *c, const char *text, struct dca_err *e)
{
	memset(e, 0, sizeof(*e));
	return dca_csv_open(c, DCA_BUF(text, strlen(text)), header, e);
}

static bool
is(struct dca_buf b, const char *s)
{
	return dca_buf_eq(b, DCA_BUF(s, strlen(s)));
}

static void
rows(void **state)
{
	struct dca_csv c;
	struct dca_buf cell[3];
	struct dca_err e;

	(void)state;
	assert_int_equal(open_text(&c, "\xef\xbb\xbfstart, count ,spc\r\n\n"
				       " +12025550100 ,100,\t1234 \r\n\r\n"
				       "1,,\n,,", &e), DCA_OK);
	assert_int_equal(c.columns, 3);
	assert_int_equal(dca_csv_next(&c, cell, &e), DCA_OK);
	assert_true(is(cell[0], "+12025550100") && is(cell[1], "100") &&
	    is(cell[2], "1234"));
	assert_int_equal(c.line, 3);
	assert_int_equal(dca_csv_next(&c, cell, &e), DCA_OK);
	assert_true(is(cell[0], "1") && is(cell[1], "") && is(cell[2], ""));
	assert_int_equal(c.line, 5);
	assert_int_equal(dca_csv_next(&c, cell, &e), DCA_OK);
	assert_int_equal(cell[0].n + cell[1].n + cell[2].n, 0);
	assert_int_equal(dca_csv_next(&c, cell, &e), DCA_NOTFOUND);
	assert_int_equal(dca_csv_next(&c, cell, &e), DCA_NOTFOUND);
}

static void
headers(void **state)
{
	static const char *const t[] = { "", "\n\n", "start,count", "Start,count,spc",
		"start,count,spc,", "start;count;spc", "count,start,spc",
		"1,2,3\n" };
	struct dca_csv c;
	struct dca_err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(open_text(&c, t[i], &e), DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_INPUT);
		assert_non_null(strstr(e.text, header));
	}
}

/* The line is named, and reading goes on behind it. */
static void
lines(void **state)
{
	static const struct {
		const char *line, *want;
	} t[] = {
		{ "1,2", "2 cells instead of 3" },
		{ "1,2,3,4", "4 cells instead of 3" },
		{ "\"1\",2,3", "quote" },
		{ "1,\xff,3", "UTF-8" },
		{ "1,\x01,3", "control character" },
		{ "1,2\r,3", "control character" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char text[200];
		struct dca_csv c;
		struct dca_buf cell[3];
		struct dca_err e;

		snprintf(text, sizeof(text), "%s\n%s\n7,8,9\n", header,
		    t[i].line);
		assert_int_equal(open_text(&c, text, &e), DCA_OK);
		assert_int_equal(dca_csv_next(&c, cell, &e), DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_INPUT);
		assert_string_equal(e.field, "line 2");
		assert_non_null(strstr(e.text, t[i].want));
		assert_int_equal(dca_csv_next(&c, cell, &e), DCA_OK);
		assert_true(is(cell[2], "9"));
	}
}

static void
nul(void **state)
{
	static const char text[] = "start,count,spc\n1,2,3\0\n4,5,6\0";
	struct dca_csv c;
	struct dca_buf cell[3];
	struct dca_err e = { 0 };

	(void)state;
	assert_int_equal(dca_csv_open(&c, DCA_BUF(text, sizeof(text) - 1),
			     header, &e), DCA_OK);
	assert_int_equal(dca_csv_next(&c, cell, &e), DCA_MALFORMED);
	assert_int_equal(dca_csv_next(&c, cell, &e), DCA_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(headers),
		cmocka_unit_test(lines),
		cmocka_unit_test(nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
