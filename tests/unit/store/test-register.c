/* SPDX-License-Identifier: Apache-2.0 */
/* Operators, customers, keys, codes, cross-certificates, import parts. */
#include <stdio.h>

#include "fixture.h"

static const uint8_t KEY1[32] = { 1 }, KEY2[32] = { 2 };

static int
in_group(void **state)
{
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	OK(dca_store_begin(f->s, &f->e));
	return 0;
}

static void
operators(void **state)
{
	struct fixture *f = *state;
	struct dca_operator op = { .id = "bob", .role = "operator",
		.spki = { 9 }, .active = true }, got;

	assert_int_equal(dca_store_admins(f->s), 1);
	OK(dca_store_operator_add(f->s, &op, &f->e));
	REFUSED(dca_store_operator_add(f->s, &op, &f->e), REG_EXISTS);
	strcpy(op.id, "bobby");	/* another id, the same key */
	REFUSED(dca_store_operator_add(f->s, &op, &f->e), REG_EXISTS);
	op.spki[0] = 8;
	strcpy(op.role, "god");
	REFUSED(dca_store_operator_add(f->s, &op, &f->e), REG_FIELD);
	assert_int_equal(dca_store_admins(f->s), 1);
	op.spki[0] = 9;
	OK(dca_store_operator(f->s, "bob", &got, &f->e));
	assert_string_equal(got.role, "operator");
	assert_true(got.active);
	REFUSED(dca_store_operator(f->s, "eve", &got, &f->e), REG_UNKNOWN);
	OK(dca_store_operator_by_key(f->s, op.spki, &got, &f->e));
	assert_string_equal(got.id, "bob");
	OK(dca_store_operator_use(f->s, "bob", 5, &f->e));
	REFUSED(dca_store_operator_use(f->s, "bob", 5, &f->e), AUTH_SEQUENCE);
	REFUSED(dca_store_operator_use(f->s, "bob", 4, &f->e), AUTH_SEQUENCE);
	REFUSED(dca_store_operator_use(f->s, "bob", UINT64_MAX, &f->e),
	    AUTH_SEQUENCE);
	OK(dca_store_operator_use(f->s, "bob", 7, &f->e));
	OK(dca_store_operator_remove(f->s, "bob", &f->e));
	REFUSED(dca_store_operator_remove(f->s, "bob", &f->e), REG_UNKNOWN);
	REFUSED(dca_store_operator_by_key(f->s, op.spki, &got, &f->e),
	    AUTH_OPERATOR);
	OK(dca_store_operator(f->s, "bob", &got, &f->e));
	assert_false(got.active);
	assert_int_equal(got.last_seq, 7);
	OK(dca_store_operator_remove(f->s, "alice", &f->e));
	assert_int_equal(dca_store_admins(f->s), 0);
	OK(dca_store_commit(f->s, &f->e)); /* refusals spoil nothing */
}

static void
customers(void **state)
{
	struct fixture *f = *state;
	struct dca_customer c, again;
	uint64_t seq = fixture_customer(f, "acme");

	OK(dca_store_customer(f->s, "acme", &c, &f->e));
	assert_string_equal(c.name, "Example Inc");
	assert_string_equal(c.country, "US");
	assert_string_equal(c.cn, "");
	assert_int_equal(c.passports, 7);
	assert_true(c.active);
	assert_int_equal(c.changed, seq);
	REFUSED(dca_store_customer_add(f->s, &c, &f->e), REG_EXISTS);
	OK(dca_store_customer_set_active(f->s, "acme", false, 77, &f->e));
	OK(dca_store_customer(f->s, "acme", &again, &f->e));
	assert_false(again.active);
	assert_int_equal(again.changed, 77);
	REFUSED(dca_store_customer_set_active(f->s, "eve", true, 1, &f->e),
	    REG_UNKNOWN);
	REFUSED(dca_store_customer(f->s, "ACME", &c, &f->e), REG_UNKNOWN);
}

static void
keys(void **state)
{
	struct fixture *f = *state;
	struct dca_key k;

	fixture_customer(f, "acme");
	fixture_customer(f, "beta");
	REFUSED(dca_store_key(f->s, KEY1, T0, &k, &f->e), REG_UNKNOWN);
	OK(dca_store_key_bind(f->s, KEY1, "acme", false, &f->e));
	OK(dca_store_key(f->s, KEY1, T0, &k, &f->e));
	assert_string_equal(k.customer, "acme");
	assert_false(k.pinned);
	assert_false(k.certified);
	REFUSED(dca_store_key_bind(f->s, KEY1, "beta", true, &f->e),
	    CSR_FORBIDDEN_KEY);
	assert_null(strstr(f->e.text, "acme"));
	OK(dca_store_key_bind(f->s, KEY1, "acme", true, &f->e));
	OK(dca_store_key_bind(f->s, KEY1, "acme", false, &f->e));
	OK(dca_store_key(f->s, KEY1, T0, &k, &f->e));
	assert_true(k.pinned);	/* only ever raised */
	OK(dca_store_key_unpin(f->s, KEY1, &f->e));
	REFUSED(dca_store_key_unpin(f->s, KEY1, &f->e), REG_UNKNOWN);
	OK(dca_store_key(f->s, KEY1, T0, &k, &f->e));
	assert_false(k.pinned);	/* and still of acme */
	REFUSED(dca_store_key_bind(f->s, KEY1, "beta", true, &f->e),
	    CSR_FORBIDDEN_KEY);
	REFUSED(dca_store_key_bind(f->s, KEY2, "eve", true, &f->e),
	    REG_UNKNOWN);
}

static void
codes(void **state)
{
	static const uint8_t csr[32] = { 3 }, serial[20] = { 0x40 };
	static const uint8_t zero[16];
	struct fixture *f = *state;
	struct dca_code c = { .id = "c1", .customer = "acme",
		.secret = { 1, 2, 3 }, .expires = T0 + 10 }, got;
	uint64_t seq;

	fixture_customer(f, "acme");
	OK(dca_store_code_add(f->s, &c, &f->e));
	REFUSED(dca_store_code_add(f->s, &c, &f->e), REG_EXISTS);
	strcpy(c.id, "c2");
	strcpy(c.customer, "eve");
	REFUSED(dca_store_code_add(f->s, &c, &f->e), REG_UNKNOWN);
	strcpy(c.customer, "acme");
	c.expires = T0 + 100;
	OK(dca_store_code_add(f->s, &c, &f->e));
	REFUSED(dca_store_code(f->s, "c3", &got, &f->e), REG_UNKNOWN);
	OK(dca_store_code_spend(f->s, "c1", csr, serial, &f->e));
	REFUSED(dca_store_code_spend(f->s, "c1", csr, serial, &f->e),
	    AUTH_CODE);
	REFUSED(dca_store_code_spend(f->s, "c3", csr, serial, &f->e),
	    AUTH_CODE);
	OK(dca_store_code(f->s, "c1", &got, &f->e));
	assert_true(got.spent);
	assert_memory_equal(got.csr_sha256, csr, 32);
	assert_memory_equal(got.serial, serial, 20);
	assert_memory_equal(got.secret, c.secret, 16); /* until it expires */
	OK(dca_store_codes_expire(f->s, T0 + 10, &f->e));
	OK(dca_store_code(f->s, "c1", &got, &f->e));
	assert_memory_equal(got.secret, c.secret, 16);
	OK(dca_store_codes_expire(f->s, T0 + 11, &f->e));
	OK(dca_store_code(f->s, "c1", &got, &f->e));
	assert_memory_equal(got.secret, zero, 16);
	assert_true(got.wiped);
	OK(dca_store_code(f->s, "c2", &got, &f->e));
	assert_memory_equal(got.secret, c.secret, 16);
	/* touched after the record has gone past it: wiped */
	OK(dca_store_append(f->s, T0 + 101, "refuse", "vault",
	    DCA_BUF("\xa0", 1), &seq, &f->e));
	OK(dca_store_code_remove(f->s, "c1", &f->e));
	REFUSED(dca_store_code_remove(f->s, "c1", &f->e), REG_UNKNOWN);
	OK(dca_store_code(f->s, "c2", &got, &f->e));
	assert_memory_equal(got.secret, zero, 16);
}

static void
crosses(void **state)
{
	struct fixture *f = *state;
	struct dca_cross c;
	uint64_t one, two;

	REFUSED(dca_store_cross(f->s, 0, &c, &f->e), REG_UNKNOWN);
	OK(dca_store_cross_add(f->s, DCA_BUF("first", 5), T0, 3, &one, &f->e));
	OK(dca_store_cross_add(f->s, DCA_BUF("next", 4), T0 + 1, 4, &two,
	    &f->e));
	assert_int_not_equal(one, two);
	OK(dca_store_cross(f->s, 0, &c, &f->e));
	assert_int_equal(c.id, two);
	assert_true(c.active);
	assert_memory_equal(c.chain.p, "next", c.chain.n);
	dca_cross_clear(&c);
	OK(dca_store_cross(f->s, one, &c, &f->e));
	assert_false(c.active);
	assert_int_equal(c.installed, T0);
	assert_memory_equal(c.chain.p, "first", c.chain.n);
	dca_cross_clear(&c);
	REFUSED(dca_store_cross(f->s, 99, &c, &f->e), REG_UNKNOWN);
	OK(dca_store_cross_before(f->s, two, &c, &f->e));
	assert_int_equal(c.id, one);
	assert_memory_equal(c.chain.p, "first", c.chain.n);
	dca_cross_clear(&c);
	REFUSED(dca_store_cross_before(f->s, one, &c, &f->e), REG_UNKNOWN);
}

static enum dca_rc
on_part(unsigned part, struct dca_buf rows, void *arg, struct dca_err *e)
{
	char *seen = arg;

	snprintf(seen + strlen(seen), 32, "%u=%.*s ", part, (int)rows.n,
	    (const char *)rows.p);
	return part == 9 ? dca_fail(e, DCA_RULE_REG_STATE, "stop") : DCA_OK;
}

static void
parts(void **state)
{
	struct fixture *f = *state;
	char seen[200] = "";

	OK(dca_store_part_add(f->s, "a", 2, 3, DCA_BUF("cc", 2), &f->e));
	OK(dca_store_part_add(f->s, "a", 0, 3, DCA_BUF("x", 1), &f->e));
	OK(dca_store_part_add(f->s, "a", 0, 3, DCA_BUF("aa", 2), &f->e));
	assert_int_equal(dca_store_parts(f->s, "a"), 2);
	REFUSED(dca_store_part_add(f->s, "a", 1, 4, DCA_BUF("bb", 2), &f->e),
	    REG_IMPORT);
	OK(dca_store_part_add(f->s, "a", 1, 3, DCA_BUF("bb", 2), &f->e));
	OK(dca_store_part_add(f->s, "b", 9, 10, DCA_BUF("zz", 2), &f->e));
	OK(dca_store_part_each(f->s, "a", on_part, seen, &f->e));
	assert_string_equal(seen, "0=aa 1=bb 2=cc ");
	REFUSED(dca_store_part_each(f->s, "b", on_part, seen, &f->e),
	    REG_STATE);
	dca_store_part_drop(f->s, "a");
	assert_int_equal(dca_store_parts(f->s, "a"), 0);
	assert_int_equal(dca_store_parts(f->s, "b"), 1);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, in_group, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(operators), T(customers), T(keys), T(codes), T(crosses),
		T(parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
