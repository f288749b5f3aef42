/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revocation and taking numbers back: what key and numbers are held by
 * afterwards, and that the ledger says the same. Acts are recorded as the
 * vault records them.
 */
#include <stdlib.h>

#include "fixture.h"

#include "dca/cbor.h"

static struct fixture *f;

/* --- the acts --- */
static void
put_serials(struct dca_out *o, const struct dca_out *serials)
{
	dca_cbor_text(o, "serials");
	dca_cbor_array(o, serials->n / DCA_SERIAL_LEN);
	for (size_t i = 0; i < serials->n; i += DCA_SERIAL_LEN)
		dca_cbor_bytes(o, DCA_BUF(serials->p + i, DCA_SERIAL_LEN));
}

/* An act row with "serials" (NULL: without). */
static uint64_t
append(const char *name, struct dca_buf args, const struct dca_out *serials)
{
	struct dca_act a = { .op = "alice", .seq = ++f->act_seq,
		.time = f->now, .args = args };
	DCA_AUTO_OUT payload = { 0 }, cose = { 0 }, body = { 0 };
	uint64_t seq = 0;

	dca_strlcpy(a.name, name, sizeof a.name);
	memcpy(a.appliance, f->appliance, sizeof a.appliance);
	dca_act_encode(&payload, &a);
	OK(dca_cose_sign1(&cose, dca_out_buf(&payload), f->operator_key,
	    &f->e));
	OK(dca_store_operator_use(f->s, "alice", a.seq, &f->e));
	dca_cbor_map(&body, serials ? 3 : 2);
	dca_cbor_text(&body, "act");
	dca_cbor_text(&body, name);
	dca_cbor_text(&body, "cose");
	dca_cbor_bytes(&body, dca_out_buf(&cose));
	if (serials)
		put_serials(&body, serials);
	assert_true(dca_cbor_check(dca_out_buf(&body)));
	OK(dca_store_append(f->s, f->now, "act", "operator:alice",
	    dca_out_buf(&body), &seq, &f->e));
	return seq;
}

static void
revoke_all(const struct dca_out *serials, int reason)
{
	for (size_t i = 0; i < serials->n; i += DCA_SERIAL_LEN)
		OK(dca_store_certificate_revoke(f->s, serials->p + i, f->now,
		    reason, &f->e));
}

static void
act_revoke(const struct dca_certificate *c, int reason)
{
	DCA_AUTO_OUT args = { 0 }, serials = { 0 };

	dca_out_add(&serials, c->serial, sizeof c->serial);
	dca_cbor_map(&args, 2);
	dca_cbor_text(&args, "reason");
	dca_cbor_uint(&args, (uint64_t)reason);
	dca_cbor_text(&args, "serial");
	dca_cbor_bytes(&args, dca_out_buf(&serials));
	append("revoke", dca_out_buf(&args), &serials);
	revoke_all(&serials, reason);
}

/* By customer or by numbers; the serials are those that are live. */
static void
act_revoke_all(const char *key, const char *value, int reason)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *set = dca_tnset_new();
	const bool by_customer = strcmp(key, "customer") == 0;
	struct dca_live_query q = { .customer = by_customer ? value : NULL,
		.numbers = by_customer ? NULL : set, .now = f->now };
	DCA_AUTO_OUT args = { 0 }, serials = { 0 };

	if (!by_customer)
		OK(dca_tnset_parse(set, value, &f->e));
	OK(dca_store_certificates_live(f->s, &q, &serials, &f->e));
	/* reason before numbers and customer: shorter first, then bytes */
	dca_cbor_map(&args, 2);
	dca_cbor_text(&args, "reason");
	dca_cbor_uint(&args, (uint64_t)reason);
	dca_cbor_text(&args, key);
	dca_cbor_text(&args, value);
	append("revoke", dca_out_buf(&args), &serials);
	revoke_all(&serials, reason);
}

/* end 0: delegation.remove; serials: what is revoked with it. */
static uint64_t
act_shrink(const char *customer, const char *text, int64_t end, bool revoke)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *set =
	    fixture_numbers(text);
	struct dca_live_query q = { .customer = customer, .numbers = set,
		.now = f->now, .beyond = end };
	DCA_AUTO_OUT args = { 0 }, serials = { 0 };
	uint64_t seq, changed = 0;

	if (revoke)
		OK(dca_store_certificates_live(f->s, &q, &serials, &f->e));
	dca_cbor_map(&args, 2 + (revoke ? 2 : 0) + (end ? 1 : 0));
	if (revoke) {
		dca_cbor_text(&args, "reason");
		dca_cbor_uint(&args, 5);
		dca_cbor_text(&args, "revoke");
		dca_cbor_bool(&args, true);
	}
	dca_cbor_text(&args, "numbers");
	dca_cbor_text(&args, text);
	dca_cbor_text(&args, "customer");
	dca_cbor_text(&args, customer);
	if (end) {
		dca_cbor_text(&args, "not_after");
		dca_cbor_uint(&args, (uint64_t)end);
	}
	seq = append(end ? "delegation.end" : "delegation.remove",
	    dca_out_buf(&args), revoke ? &serials : NULL);
	if (revoke)
		revoke_all(&serials, 5);
	OK(dca_store_delegation_shrink(f->s, customer, set, end, seq,
	    &changed, &f->e));
	return changed;
}

/* --- what is seen --- */
static bool
certified(const uint8_t key[static 32])
{
	struct dca_key k;

	OK(dca_store_key(f->s, key, f->now, &k, &f->e));
	return k.certified;
}

static bool
taken(const char *asker, const char *text)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *want =
	    fixture_numbers(text);
	char first[DCA_ENTRY_TEXT];

	return dca_store_certified_elsewhere(f->s, asker, f->now, want, false,
	    first);
}

static void
collect(const struct dca_delegation *d, void *arg)
{
	char text[DCA_ENTRY_TEXT];

	dca_tnrange_print(d->range, text);
	dca_out_printf(arg, "%s%s@%lld", ((struct dca_out *)arg)->n ? " " : "",
	    text, (long long)(d->not_after ? d->not_after - T0 : 0));
}

static void
delegated_is(const char *customer, const char *expected)
{
	DCA_AUTO_OUT o = { 0 };

	dca_out_add(&o, "", 0);
	dca_store_delegations(f->s, customer, f->now, NULL, collect, &o);
	assert_string_equal(o.p ? (const char *)o.p : "", expected);
}

static size_t
live(const char *customer, const char *text, int64_t beyond)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *set =
	    text ? fixture_numbers(text) : NULL;
	struct dca_live_query q = { .customer = customer, .numbers = set,
		.now = f->now, .beyond = beyond };
	DCA_AUTO_OUT serials = { 0 };

	OK(dca_store_certificates_live(f->s, &q, &serials, &f->e));
	return serials.n / DCA_SERIAL_LEN;
}

static void
begin(void)
{
	OK(dca_store_begin(f->s, &f->e));
}

/* Committed, and every view row follows from the ledger. */
static void
end_verified(void)
{
	uint64_t rows = 0;

	OK(dca_store_commit(f->s, &f->e));
	OK(dca_store_verify(f->s, &rows, &f->e));
	assert_true(rows > 0);
}

/* acme has 2025550100+100 and three certificates. */
static struct dca_certificate one, two, three;
static struct dca_spki key_a, key_b;

static int
setup(void **state)
{
	int rc = fixture_setup(state);

	f = *state;
	EVP_PKEY_free(fixture_key(&key_a));
	EVP_PKEY_free(fixture_key(&key_b));
	begin();
	fixture_cross(f);
	fixture_customer(f, "acme");
	fixture_customer(f, "beta");
	fixture_delegate(f, "acme", "12025550100+100", false);
	one = fixture_issue(f, "acme", "12025550100+10", "one", &key_a);
	f->now += 1000;
	two = fixture_issue(f, "acme", "12025550100+10", "two", &key_a);
	f->now += 1000;
	three = fixture_issue(f, "acme", "12025550105,12025550120", "three",
	    &key_b);
	OK(dca_store_commit(f->s, &f->e));
	return rc;
}

static void
test_marked(void **state)
{
	struct dca_certificate c;

	(void)state;
	begin();
	act_revoke(&one, 4);
	OK(dca_store_certificate(f->s, one.serial, &c, &f->e));
	assert_int_equal(c.revoked, f->now);
	assert_int_equal(c.reason, 4);
	OK(dca_store_certificate(f->s, two.serial, &c, &f->e));
	assert_int_equal(c.revoked, 0);
	REFUSED(dca_store_certificate_revoke(f->s, one.serial, f->now, 5,
	    &f->e), REG_STATE);
	REFUSED(dca_store_certificate_revoke(f->s, (uint8_t[20]){ 1 }, f->now,
	    5, &f->e), REG_UNKNOWN);
	end_verified();
}

/* The key is certified while one of its certificates lives, not longer. */
static void
test_key_until(void **state)
{
	(void)state;
	begin();
	assert_true(certified(one.key_sha256));
	act_revoke(&two, 0);
	assert_true(certified(one.key_sha256));
	f->now = one.not_after;
	assert_true(certified(one.key_sha256));
	f->now = one.not_after + 1;	/* two would live until +1000 */
	assert_false(certified(one.key_sha256));
	f->now = two.not_before + 1000;
	act_revoke(&one, 0);
	assert_false(certified(one.key_sha256));
	assert_true(certified(three.key_sha256));
	/* not for keyCompromise: the key may be certified again */
	OK(dca_store_key_allowed(f->s, one.key_sha256, &f->e));
	fixture_issue(f, "acme", "12025550100", "again", &key_a);
	assert_true(certified(one.key_sha256));
	end_verified();
}

/* Numbers are held while one unrevoked certificate has them. */
static void
test_holdings_until(void **state)
{
	(void)state;
	begin();
	assert_true(taken("beta", "12025550100"));
	act_revoke(&two, 4);
	assert_true(taken("beta", "12025550100"));
	assert_true(taken("beta", "12025550105"));
	act_revoke(&one, 4);
	assert_false(taken("beta", "12025550100"));
	assert_true(taken("beta", "12025550105"));	/* by three */
	assert_true(taken("beta", "12025550120"));
	act_revoke(&three, 4);
	assert_false(taken("beta", "12025550100+100"));
	fixture_issue(f, "acme", "12025550100+10", "again", NULL);
	assert_true(taken("beta", "12025550109"));
	end_verified();
}

static void
test_by_customer_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(live("acme", NULL, 0), 3);
	assert_int_equal(live(NULL, "12025550105", 0), 3);
	assert_int_equal(live(NULL, "12025550109", 0), 2);
	assert_int_equal(live(NULL, "12025550105,12025550120", 0), 3);
	assert_int_equal(live(NULL, "12025550130+10", 0), 0);
	assert_int_equal(live("beta", NULL, 0), 0);
	assert_int_equal(live("acme", NULL, one.not_after), 2);
	assert_int_equal(live("acme", "12025550105", two.not_after), 1);
	begin();
	act_revoke_all("numbers", "12025550109", 3);
	assert_int_equal(live("acme", NULL, 0), 1);
	act_revoke_all("customer", "acme", 5);
	assert_int_equal(live("acme", NULL, 0), 0);
	end_verified();
}

/* keyCompromise: never again, for nobody, in no way. */
static void
test_compromise(void **state)
{
	struct dca_certificate c = one;

	(void)state;
	begin();
	act_revoke(&one, 4);
	act_revoke(&one, 1);	/* found out later */
	OK(dca_store_certificate(f->s, one.serial, &c, &f->e));
	assert_int_equal(c.reason, 1);
	REFUSED(dca_store_certificate_revoke(f->s, one.serial, f->now, 1,
	    &f->e), REG_STATE);
	REFUSED(dca_store_key_allowed(f->s, one.key_sha256, &f->e),
	    CSR_FORBIDDEN_KEY);
	OK(dca_store_key_allowed(f->s, three.key_sha256, &f->e));
	REFUSED(dca_store_key_bind(f->s, one.key_sha256, "acme", true, &f->e),
	    CSR_FORBIDDEN_KEY);
	REFUSED(dca_store_key_bind(f->s, one.key_sha256, "beta", true, &f->e),
	    CSR_FORBIDDEN_KEY);
	c.seq = 12345;
	memset(c.serial, 9, sizeof c.serial);
	{
		struct dca_tnset *n = fixture_numbers("12025550100");

		REFUSED(dca_store_certificate_add(f->s, &c, n, false, &f->e),
		    CSR_FORBIDDEN_KEY);
		dca_tnset_free(n);
	}
	end_verified();
}

/* --- numbers taken back --- */
static void
test_remove(void **state)
{
	(void)state;
	begin();
	fixture_delegate(f, "acme", "12025550150+100", false);
	assert_int_equal(act_shrink("acme", "12025550160,12025550190+20", 0,
	    false), 2);
	/* what remains of both is there once */
	delegated_is("acme", "12025550100+60@0 12025550161+29@0 "
	    "12025550150+10@0 12025550210+40@0");
	end_verified();
}

static void
test_remove_with_certificates(void **state)
{
	(void)state;
	begin();
	assert_int_equal(act_shrink("acme", "12025550105", 0, true), 1);
	delegated_is("acme", "12025550100+5@0 12025550106+94@0");
	assert_int_equal(live("acme", NULL, 0), 0);
	/* free for the other */
	assert_false(taken("beta", "12025550105"));
	fixture_delegate(f, "beta", "12025550105", false);
	fixture_issue(f, "beta", "12025550105", "beta", NULL);
	end_verified();
}

/* A certificate that ends before the delegation is in nobody's way. */
static void
test_end(void **state)
{
	const int64_t end = two.not_after;
	struct dca_delegation d = { .customer = "beta", .not_before = end + 1,
		.range = fixture_range("12025550105") };

	(void)state;
	begin();
	assert_int_equal(live("acme", "12025550105", end), 1);
	act_revoke(&three, 4);
	assert_int_equal(live("acme", "12025550105", end), 0);
	assert_int_equal(act_shrink("acme", "12025550105", end, false), 1);
	/* later than it ends already: nothing changes */
	assert_int_equal(act_shrink("acme", "12025550105", end + 5, false), 0);
	OK(dca_store_delegation_add(f->s, &d, 1, &f->e));
	d.not_before = end;
	REFUSED(dca_store_delegation_add(f->s, &d, 1, &f->e), REG_OVERLAP);
	dca_store_rollback(f->s);
}

static void
test_end_verified(void **state)
{
	(void)state;
	begin();
	assert_int_equal(act_shrink("acme", "12025550105", f->now + 500, true),
	    1);
	assert_int_equal(live("acme", NULL, 0), 0);
	delegated_is("acme", "12025550100+5@0 12025550105@2500 "
	    "12025550106+94@0");
	end_verified();
}

/* A delegation that would end before it begins goes. */
static void
test_end_before_begin(void **state)
{
	struct dca_delegation d = { .customer = "beta",
		.not_before = T0 + 90000, .not_after = T0 + 95000,
		.range = fixture_range("12025550300") };
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *set =
	    fixture_numbers("12025550300");
	uint64_t changed = 0;

	(void)state;
	begin();
	OK(dca_store_delegation_add(f->s, &d, 1, &f->e));
	OK(dca_store_delegation_shrink(f->s, "beta", set, T0 + 80000, 1,
	    &changed, &f->e));
	assert_int_equal(changed, 1);
	f->now = T0 + 92000;
	delegated_is("beta", "");
	dca_store_rollback(f->s);
}

static void
test_remove_unknown(void **state)
{
	static const char *const wrong[] = { "12025550199+2", "12025550099+2",
		"2025550100", "12025550300" };
	static const char *const first[] = { "12025550200", "12025550099",
		"2025550100", "12025550300" };

	(void)state;
	begin();
	for (size_t i = 0; i < 4; i++) {
		struct dca_tnset *set = fixture_numbers(wrong[i]);
		uint64_t changed = 9;

		REFUSED(dca_store_delegation_shrink(f->s, "acme", set, 0, 1,
		    &changed, &f->e), REG_UNKNOWN);
		assert_string_equal(f->e.first, first[i]);
		assert_int_equal(changed, 0);
		dca_tnset_free(set);
	}
	delegated_is("acme", "12025550100+100@0");
	end_verified();
}

/* --- a ledger that says something else --- */
static void
refused_verify(const char *field)
{
	uint64_t rows = 0;

	OK(dca_store_commit(f->s, &f->e));
	REFUSED(dca_store_verify(f->s, &rows, &f->e), LEDGER_ROW);
	assert_string_equal(f->e.field, field);
}

static void
test_row_names_others(void **state)
{
	DCA_AUTO_OUT args = { 0 }, serials = { 0 };

	(void)state;
	dca_cbor_map(&args, 2);
	dca_cbor_text(&args, "reason");
	dca_cbor_uint(&args, 4);
	dca_cbor_text(&args, "numbers");
	dca_cbor_text(&args, "12025550109");
	dca_out_add(&serials, one.serial, sizeof one.serial);
	begin();
	append("revoke", dca_out_buf(&args), &serials);
	revoke_all(&serials, 4);
	refused_verify("act");	/* two has the number as well */
}

static void
test_shrink_hides_live(void **state)
{
	(void)state;
	begin();
	act_shrink("acme", "12025550105", 0, false);
	refused_verify("act");
}

static void
test_view_unrevoked(void **state)
{
	(void)state;
	begin();
	act_revoke(&one, 1);
	end_verified();
	dca_store_close(f->s);
	f->s = NULL;
	fixture_sql(f, "UPDATE certificates SET revoked = 0, reason = 0");
	fixture_reopen(f, false);
	begin();
	refused_verify("certificates");
}

static void
test_view_badkey(void **state)
{
	(void)state;
	begin();
	act_revoke(&one, 1);
	end_verified();
	dca_store_close(f->s);
	f->s = NULL;
	fixture_sql(f, "DELETE FROM badkeys");
	fixture_reopen(f, false);
	begin();
	refused_verify("badkeys");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, \
	fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_marked),
		TEST(test_key_until),
		TEST(test_holdings_until),
		TEST(test_by_customer_and_numbers),
		TEST(test_compromise),
		TEST(test_remove),
		TEST(test_remove_with_certificates),
		TEST(test_end),
		TEST(test_end_verified),
		TEST(test_end_before_begin),
		TEST(test_remove_unknown),
		TEST(test_row_names_others),
		TEST(test_shrink_hides_live),
		TEST(test_view_unrevoked),
		TEST(test_view_badkey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
