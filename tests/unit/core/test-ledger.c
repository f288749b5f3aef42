/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledger rows: two hashes computed by hand from RFC 6962 2.1 and RFC 8949
 * (outside this code), and each way a row can fail to follow the one before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dca/ledger.h"

/* {"id": h'5a'} */
static const uint8_t body[] = { 0xa1, 0x62, 'i', 'd', 0x41, 0x5a };
static const uint8_t empty_map[] = { 0xa0 };

static struct dca_row
first(void)
{
	struct dca_row r = { .seq = 1, .time = 1795000000, .kind = "genesis",
		.actor = "vault", .body = { body, sizeof(body) } };

	assert_true(dca_unhex(r.hash, 32,
	    "82d7fa1e63b9a36e6eff3693e68dcfbc49851dc8498309ff9b428f2cef4d2e84"));
	return r;
}

static struct dca_row
second(void)
{
	struct dca_row one = first();
	struct dca_row r = { .seq = 2, .time = 1795000000, .kind = "act",
		.actor = "operator:alice", .body = { empty_map, 1 } };

	memcpy(r.prev, one.hash, 32);
	assert_true(dca_unhex(r.hash, 32,
	    "8bf7853fb9904db6739fceb3970e163940ef13479cb130e21e566ab5282edb20"));
	return r;
}

static void
good(void **state)
{
	struct dca_row a = first(), b = second();
	uint8_t hash[32];
	struct dca_err e = { 0 };

	(void)state;
	dca_row_hash(hash, &a);
	assert_memory_equal(hash, a.hash, 32);
	dca_row_hash(hash, &b);
	assert_memory_equal(hash, b.hash, 32);
	assert_int_equal(dca_row_check(&a, NULL, &e), DCA_OK);
	assert_int_equal(dca_row_check(&b, &a, &e), DCA_OK);
}

static void
refuses(struct dca_row r, const struct dca_row *last, bool rehash,
    const char *field)
{
	struct dca_err e = { 0 };

	if (rehash)
		dca_row_hash(r.hash, &r);
	assert_int_equal(dca_row_check(&r, last, &e), DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_LEDGER_ROW);
	assert_string_equal(e.field, field);
	assert_non_null(strstr(e.text, "row "));
}

static void
chain(void **state)
{
	struct dca_row a = first(), r;

	(void)state;
	refuses(second(), NULL, true, "seq");
	refuses(first(), &a, true, "seq");
	r = second();
	r.seq = 3;
	refuses(r, &a, true, "seq");
	r = second();
	r.prev[31] ^= 1;
	refuses(r, &a, true, "prev");
	r = first();
	r.prev[0] = 1;
	refuses(r, NULL, true, "prev");
	r = second();
	r.time--;
	refuses(r, &a, true, "time");
}

static void
columns(void **state)
{
	static const uint8_t list[] = { 0x80 }, two[] = { 0xa0, 0xa0 },
			     unsorted[] = { 0xa2, 0x02, 0x00, 0x01, 0x00 };
	struct dca_row a = first(), r;

	(void)state;
	r = second();
	r.kind[0] = '\0';
	refuses(r, &a, true, "kind");
	r = second();
	r.kind[0] = '\xff';
	refuses(r, &a, true, "kind");
	r = second();
	r.actor[0] = '\0';
	refuses(r, &a, true, "actor");
	r = second();
	r.body = DCA_BUF(list, sizeof(list));
	refuses(r, &a, true, "body");
	r.body = DCA_BUF(two, sizeof(two));
	refuses(r, &a, true, "body");
	r.body = DCA_BUF(unsorted, sizeof(unsorted));
	refuses(r, &a, true, "body");
	r.body = DCA_BUF(NULL, 0);
	refuses(r, &a, true, "body");
}

/* One octet changed anywhere, hash kept. */
static void
one_octet(void **state)
{
	struct dca_row a = first(), r;

	(void)state;
	r = second();
	r.time++;
	refuses(r, &a, false, "hash");
	r = second();
	r.kind[2] = 'T';
	refuses(r, &a, false, "hash");
	r = second();
	r.actor[9] = 'b';
	refuses(r, &a, false, "hash");
	r = second();
	r.body = DCA_BUF(body, sizeof(body));
	refuses(r, &a, false, "hash");
	r = second();
	r.hash[0] ^= 1;
	refuses(r, &a, false, "hash");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(chain),
		cmocka_unit_test(columns),
		cmocka_unit_test(one_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
