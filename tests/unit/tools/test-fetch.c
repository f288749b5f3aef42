/* SPDX-License-Identifier: Apache-2.0 */
/* URLs that may be fetched (ATIS-1000074, -1000080), and for how long an
 * answer may be used again (RFC 9111 4.2, 5.2; ATIS-1000074). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fetch.h"

enum { DAY = 24 * 3600 };

static void
keeps_a_day_at_least(void **state)
{
	static const struct {
		const char *cache_control, *age;
		int64_t seconds;
	} v[] = {
		{ NULL, NULL, DAY }, { "", NULL, DAY }, { "no-store", NULL, DAY },
		{ "max-age=60", NULL, DAY }, { "max-age=0", NULL, DAY },
		{ "max-age=172800", NULL, 172800 },
		{ "public, Max-Age=172800, immutable", NULL, 172800 },
		{ "max-age=\"172800\"", NULL, 172800 },
		{ "public,max-age=172800", "1000", 171800 },
		{ "max-age=172800", "172800", DAY },
		{ "max-age=172800", "x", 172800 },
		{ "s-maxage=172800", NULL, DAY }, { "max-age=", NULL, DAY },
		{ "max-age=-172800", NULL, DAY },
		{ "max-age=99999999999999999999", NULL, 365 * DAY },
		{ ",,  ,max-age=172800", NULL, 172800 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_int_equal(dca_fetch_seconds(v[i].cache_control,
		    v[i].age), v[i].seconds);
}

static void
checks_urls(void **state)
{
	static const struct {
		const char *url;
		bool ok;
	} v[] = {
		{ "https://a.example/c.pem", true },
		{ "https://a.example:443/c.pem", true },
		{ "https://a.example:8443/a@b", true },
		{ "https://a.example:444/c.pem", false },
		{ "http://a.example/c.pem", false },
		{ "file:///etc/passwd", false },
		{ "HTTPS://a.example/c.pem", false },
		{ "https://u@a.example/c.pem", false },
		{ "https://u:p@a.example/c.pem", false },
		{ "https://a.example/c.pem?", false },
		{ "https://a.example/c.pem#", false },
		{ "https://a.example/c .pem", false },
		{ "https://a.example\\@b/", false },
		{ "https://", false }, { "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct dca_err e = { 0 };

		if ((dca_fetch_check(v[i].url, &e) == DCA_OK) != v[i].ok)
			fail_msg("%s: %s", v[i].url, e.text);
		assert_int_equal(e.rule, v[i].ok ? DCA_RULE_NONE :
		    DCA_RULE_FETCH);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_a_day_at_least),
		cmocka_unit_test(checks_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
