/* SPDX-License-Identifier: Apache-2.0 */
/* The views as people read them: well-formed, in pages, without secrets. */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

#include "dca/cbor.h"

static int
filled(void **state)
{
	struct dca_code c = { .id = "c1", .customer = "acme",
		.expires = T0 + 10 };
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	fixture_fill(f);
	memset(c.secret, 0xa5, sizeof c.secret);
	OK(dca_store_begin(f->s, &f->e));
	OK(dca_store_code_add(f->s, &c, &f->e));
	OK(dca_store_commit(f->s, &f->e));
	return 0;
}

/* The JSON of the answer; proves that its CBOR is deterministic. */
static char *
list(struct fixture *f, struct dca_list_query q)
{
	DCA_AUTO_OUT cbor = { 0 }, json = { 0 };

	OK(dca_store_list(f->s, &q, &cbor, &f->e));
	assert_true(dca_cbor_check(dca_out_buf(&cbor)));
	OK(dca_cbor_json(&json, dca_out_buf(&cbor), false, &f->e));
	return strndup((const char *)json.p, json.n);
}

static void
assert_list(struct fixture *f, struct dca_list_query q, const char *has)
{
	char *text = list(f, q);

	if (!strstr(text, has))
		fail_msg("%s: no %s in %s", q.view, has, text);
	free(text);
}

static void
every_view(void **state)
{
	static const char *const views[] = { "operators", "customers", "keys",
		"codes", "inventory", "delegations", "certificates", "crosses",
		"ledger" };
	static const uint64_t counts[] = { 1, 2, 2, 1, 1, 2, 2, 1, 11 };
	struct fixture *f = *state;

	for (size_t i = 0; i < 9; i++) {
		char *text = list(f, (struct dca_list_query){ .view = views[i] });

		/* neither the code nor its SHA-256 */
		assert_null(strstr(text, "a5a5a5a5"));
		assert_non_null(strstr(text, "\"next\":0"));
		assert_int_equal(dca_store_count(f->s, views[i]), counts[i]);
		free(text);
	}
}

static void
columns(void **state)
{
	struct fixture *f = *state;

	assert_list(f, (struct dca_list_query){ .view = "operators" },
	    "\"role\":\"admin\",\"active\":true");
	assert_list(f, (struct dca_list_query){ .view = "customers" },
	    "\"passports\":\"shaken,div,rcd\"");
	assert_list(f, (struct dca_list_query){ .view = "delegations" },
	    "\"tn\":\"12025550100+100\"");
	assert_list(f, (struct dca_list_query){ .view = "delegations" },
	    "\"not_after\":null");
	assert_list(f, (struct dca_list_query){ .view = "inventory" },
	    "\"spc\":\"709J\"");
	assert_list(f, (struct dca_list_query){ .view = "certificates" },
	    "\"function\":\"sen\",\"not_after\":\"2030-04-16T17:46:40Z\"");
	assert_list(f, (struct dca_list_query){ .view = "codes" },
	    "\"expires\":\"2030-03-17T17:46:50Z\"");
	assert_list(f, (struct dca_list_query){ .view = "ledger", .id = "11" },
	    "\"body\":{}");
}

static void
filters(void **state)
{
	struct fixture *f = *state;
	char *text;

	text = list(f, (struct dca_list_query){
	    .view = "certificates", .customer = "beta" });
	assert_null(strstr(text, "acme"));
	assert_non_null(strstr(text, "beta"));
	free(text);
	assert_list(f, (struct dca_list_query){ .view = "customers", .id = "beta" },
	    "\"id\":\"beta\"");
	assert_list(f, (struct dca_list_query){ .view = "customers", .id = "eve" },
	    "\"rows\":[]");
	assert_list(f, (struct dca_list_query){ .view = "certificates", .id = "zz" },
	    "\"rows\":[]");
	assert_list(f, (struct dca_list_query){ .view = "ledger", .id = "-1" },
	    "\"rows\":[]");
	assert_list(f, (struct dca_list_query){ .view = "ledger", .id = "" },
	    "\"rows\":[]");
	/* a value, not SQL */
	assert_list(f, (struct dca_list_query){ .view = "customers",
	    .id = "x' OR '1'='1" }, "\"rows\":[]");
}

static void
pages(void **state)
{
	struct fixture *f = *state;

	assert_list(f, (struct dca_list_query){ .view = "ledger", .limit = 4 },
	    "\"next\":4");
	assert_list(f, (struct dca_list_query){ .view = "ledger", .limit = 4,
	    .from = 4 }, "\"next\":8");
	assert_list(f, (struct dca_list_query){ .view = "ledger", .limit = 4,
	    .from = 8 }, "\"next\":0");
	assert_list(f, (struct dca_list_query){ .view = "ledger", .limit = 11 },
	    "\"next\":0");
	assert_list(f, (struct dca_list_query){ .view = "ledger", .from = 99 },
	    "\"rows\":[]");
}

/* However long the rows: an answer fits a local message. */
static void
fits(void **state)
{
	struct fixture *f = *state;
	DCA_AUTO_OUT cbor = { 0 };
	char name[65];

	memset(name, 'n', 64);
	name[64] = 0;
	OK(dca_store_begin(f->s, &f->e));
	for (int i = 0; i < 600; i++) {
		struct dca_customer c = { .passports = 7 };

		snprintf(c.id, sizeof c.id, "%063d", i);
		memcpy(c.name, name, 65);
		memcpy(c.cn, name, 65);
		OK(dca_store_customer_add(f->s, &c, &f->e));
	}
	OK(dca_store_commit(f->s, &f->e));
	OK(dca_store_list(f->s, &(struct dca_list_query){ .view = "customers" },
	    &cbor, &f->e));
	assert_in_range(cbor.n, 90000, DCA_MESSAGE_MAX - 256);
	assert_true(dca_cbor_check(dca_out_buf(&cbor)));
}

static void
refusals(void **state)
{
	struct fixture *f = *state;
	struct dca_out o = { 0 };

	REFUSED(dca_store_list(f->s, &(struct dca_list_query){ .view = "head" }, &o,
	    &f->e), PATH);
	REFUSED(dca_store_list(f->s, &(struct dca_list_query){
	    .view = "ledger",
	    .customer = "acme" }, &o, &f->e), INPUT);
	assert_string_equal(f->e.field, "customer");
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, filled, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(every_view), T(columns), T(filters), T(pages), T(fits),
		T(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
