/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Setting the vault up, acts and imports, and every way to be refused one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/store.h"
#include "vault-tests.h"

/* --- setting up, in order --- */

void
test_install(void **state)
{
	struct dca_out wider = { 0 }, other = { 0 };
	EVP_PKEY *key = lab_key();
	struct dca_spki k = lab_spki(key);
	struct lab_cert c = { .cn = "x", .key = &lab.ca,
		.issuer_key = lab.root_key, .issuer = &lab.root, .ca = true,
		.numbers = "12025550000+1001", .not_before = dca_now() - 60,
		.not_after = dca_now() + 86400 };

	(void)state;
	lab_wait_state(&lab, "no-cross-certificate");
	ask_for(key, NULL, NULL);
	is_problem(DCA_RULE_AUTH_PROOF, "");
	lab_cert(&wider, &c);
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr), dca_out_buf(&wider));
	is_problem(DCA_RULE_CROSS_SCOPE, r.e.first);
	c.key = &k;
	c.numbers = "12025550000+1000";
	lab_cert(&other, &c);
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr), dca_out_buf(&other));
	is_problem(DCA_RULE_CROSS_KEY, "");
	other.n = 0;
	c.key = &lab.ca;
	c.ca = false;
	lab_cert(&other, &c);
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr), dca_out_buf(&other));
	is_problem(DCA_RULE_CROSS_CA, "");
	lab_wait_state(&lab, "no-cross-certificate");
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr),
	    dca_out_buf(&lab.cross));
	is_data(204);
	lab_wait_state(&lab, "operational");
	dca_out_free(&wider);
	dca_out_free(&other);
	EVP_PKEY_free(key);
}

static void
local_act(const char *name, const char *id, const char *role, EVP_PKEY *key)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_ACT, .id = 9, .n = 1 };
	struct dca_act a = { .op = "local", .time = dca_now() };
	struct dca_spki k = lab_spki(key);
	struct dca_out payload = { 0 };

	put_map(&args, 3);
	put_text(&args, "id", id);
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	put_text(&args, "role", role);
	(void)dca_strlcpy(a.name, name, sizeof(a.name));
	memcpy(a.appliance, lab.appliance, 16);
	a.args = dca_out_buf(&args);
	dca_act_encode(&payload, &a);
	m.f[0].b = dca_out_buf(&payload);
	lab_ask(&r, lab.admin, &m);
	dca_out_free(&payload);
}

void
test_first_admin(void **state)
{
	EVP_PKEY *second = lab_key();

	(void)state;
	local_act("customer.add", "alice", "admin", lab.admin_key);
	is_problem(DCA_RULE_AUTH_ROLE, "");
	local_act("operator.add", "alice", "operator", lab.admin_key);
	is_problem(DCA_RULE_AUTH_ROLE, "");
	local_act("operator.add", "Alice!", "admin", lab.admin_key);
	is_problem(DCA_RULE_REG_ID, "");
	local_act("operator.add", "alice", "admin", lab.admin_key);
	is_data(204);
	/* once there is an admin, root adds nobody */
	local_act("operator.add", "mallory", "admin", second);
	is_problem(DCA_RULE_AUTH_ROLE, "");
	EVP_PKEY_free(second);
}

static void
add_customer(const char *id, const char *name)
{
	put_map(&args, 3);
	put_text(&args, "id", id);
	put_text(&args, "name", name);
	put_text(&args, "country", "US");
	lab_act(&lab, &r, "customer.add", &args);
}

static void
put_delegation(const char *customer, const char *start, uint64_t count,
    uint64_t to, bool shared)
{
	dca_cbor_array(&args, 6);
	dca_cbor_text(&args, customer);
	dca_cbor_text(&args, start);
	dca_cbor_uint(&args, count);
	dca_cbor_uint(&args, 0);
	dca_cbor_uint(&args, to);
	dca_cbor_bool(&args, shared);
}

static void
begin_import(const char *import, uint64_t part, uint64_t of, size_t rows)
{
	put_map(&args, 4);
	put_uint(&args, "of", of);
	put_uint(&args, "part", part);
	dca_cbor_text(&args, "rows");
	dca_cbor_array(&args, rows);
	/* then the rows, then end_import: "import" sorts last */
	(void)import;
}

static void
end_import(const char *act, const char *import)
{
	put_text(&args, "import", import);
	lab_act(&lab, &r, act, &args);
}

void
test_register(void **state)
{
	struct dca_spki k;

	(void)state;
	add_customer("acme", "Acme, Inc.");
	is_data(204);
	add_customer("beta", "Beta");
	is_data(204);
	add_customer("acme", "Acme again");
	is_problem(DCA_RULE_REG_EXISTS, "");
	put_map(&args, 3);
	put_text(&args, "id", "x");
	put_text(&args, "name", "X");
	put_text(&args, "country", "usa");
	lab_act(&lab, &r, "customer.add", &args);
	is_problem(DCA_RULE_REG_ACT, "");
	begin_import("d1", 0, 1, 4);
	put_delegation("acme", "+12025550100", 100, 0, false);
	put_delegation("beta", "12025550300", 10, 0, false);
	put_delegation("acme", "13035550000", 10, 0, false);
	put_delegation("acme", "12025550600", 1, (uint64_t)dca_now() + 600,
	    false);
	end_import("delegation.import", "d1");
	is_data(204);
	assert_int_equal(uint_of("rows"), 4);
	assert_int_equal(uint_of("staged"), 1);
	pinned = lab_key();
	lab_client(&pinned_cert, pinned);
	k = lab_spki(pinned);
	put_map(&args, 2);
	put_text(&args, "id", "acme");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	lab_act(&lab, &r, "customer.pin", &args);
	is_data(204);
	put_map(&args, 2);
	put_text(&args, "id", "beta");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	lab_act(&lab, &r, "customer.pin", &args);
	is_problem(DCA_RULE_CSR_FORBIDDEN_KEY, "");
}

/* --- acts: who may not --- */

void
test_act_refusals(void **state)
{
	EVP_PKEY *mallory = lab_key(), *bob = lab_key();
	struct dca_spki k = lab_spki(bob);
	uint8_t other[16] = { 1 };
	struct lab_signer s = { .op = "alice", .key = mallory,
		.seq = lab.seq + 1 };

	(void)state;
	put_map(&args, 1);
	put_text(&args, "id", "acme");
	lab_act_as(&lab, &r, &s, "customer.suspend", &args);
	is_problem(DCA_RULE_AUTH_SIGNATURE, "");
	s.op = "nobody";
	lab_act_as(&lab, &r, &s, "customer.suspend", &args);
	is_problem(DCA_RULE_AUTH_OPERATOR, "");
	s = (struct lab_signer){ .op = "alice", .key = lab.admin_key,
		.seq = lab.seq };
	lab_act_as(&lab, &r, &s, "customer.suspend", &args);
	is_problem(DCA_RULE_AUTH_SEQUENCE, "");
	s.seq = ++lab.seq;
	s.time = dca_now() - 3660;
	lab_act_as(&lab, &r, &s, "customer.suspend", &args);
	is_problem(DCA_RULE_AUTH_TIME, "");
	/* what was held back has used its number up */
	s.time = 0;
	lab_act_as(&lab, &r, &s, "customer.suspend", &args);
	is_problem(DCA_RULE_AUTH_SEQUENCE, "");
	s.seq = ++lab.seq;
	s.time = dca_now() + 3660;
	lab_act_as(&lab, &r, &s, "customer.suspend", &args);
	is_problem(DCA_RULE_AUTH_TIME, "");
	s.time = 0;
	s.seq = lab.seq + 1;
	s.appliance = other;
	lab_act_as(&lab, &r, &s, "customer.suspend", &args);
	is_problem(DCA_RULE_AUTH_APPLIANCE, "");
	lab_act(&lab, &r, "customer.destroy", &args);
	is_problem(DCA_RULE_REG_ACT, "");
	/* an auditor reads, and does nothing else */
	put_map(&args, 3);
	put_text(&args, "id", "bob");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	put_text(&args, "role", "auditor");
	lab_act(&lab, &r, "operator.add", &args);
	is_data(204);
	put_map(&args, 1);
	put_text(&args, "id", "acme");
	s = (struct lab_signer){ .op = "bob", .key = bob, .seq = 1 };
	lab_act_as(&lab, &r, &s, "customer.suspend", &args);
	is_problem(DCA_RULE_AUTH_ROLE, "");
	/* the refused one used its number up */
	lab_act_as(&lab, &r, &s, "customer.suspend", &args);
	is_problem(DCA_RULE_AUTH_SEQUENCE, "");
	put_map(&args, 1);
	put_text(&args, "id", "bob");
	lab_act(&lab, &r, "operator.remove", &args);
	is_data(204);
	s.seq = 9;
	lab_act_as(&lab, &r, &s, "customer.suspend", &args);
	is_problem(DCA_RULE_AUTH_OPERATOR, "");
	put_map(&args, 1);
	put_text(&args, "id", "alice");
	lab_act(&lab, &r, "operator.remove", &args);
	is_problem(DCA_RULE_REG_STATE, "");
	/* nothing of it suspended the customer */
	ask_for(pinned, "12025550199", NULL);
	is_issued(pinned, "12025550199");
	EVP_PKEY_free(mallory);
	EVP_PKEY_free(bob);
}

void
test_act_malformed(void **state)
{
	static const uint8_t not_cose[] = { 0xd2, 0x84, 0x40, 0xa0 };
	struct dca_message m = { .type = DCA_MSG_ACT, .id = 1, .n = 2 };

	(void)state;
	m.f[1].b = DCA_BUF(not_cose, sizeof(not_cose));
	lab_ask(&r, lab.front, &m);
	is_problem(DCA_RULE_REG_ACT, "");
	put_map(&args, 2);
	put_text(&args, "id", "acme");
	put_text(&args, "why", "x");
	lab_act(&lab, &r, "customer.suspend", &args);
	is_problem(DCA_RULE_REG_ACT, "");
	put_map(&args, 0);
	lab_act(&lab, &r, "customer.suspend", &args);
	is_problem(DCA_RULE_REG_ACT, "");
	put_map(&args, 1);
	put_uint(&args, "id", 7);
	lab_act(&lab, &r, "customer.suspend", &args);
	is_problem(DCA_RULE_REG_ACT, "");
	put_map(&args, 1);
	put_text(&args, "id", "nobody");
	lab_act(&lab, &r, "customer.suspend", &args);
	is_problem(DCA_RULE_REG_UNKNOWN, "");
}

/* --- imports --- */

static size_t
errors_of(uint64_t rows[], char rules[][32], size_t most)
{
	struct dca_cbor c;
	size_t n, three;
	struct dca_buf text;

	assert_true(dca_cbor_find(r.m.f[2].b, "errors", &c));
	assert_true(dca_cbor_take_array(&c, &n, 1000));
	for (size_t i = 0; i < n && i < most; i++) {
		assert_true(dca_cbor_take_array(&c, &three, 3));
		assert_true(dca_cbor_take_uint(&c, &rows[i]));
		assert_true(dca_cbor_take_text(&c, rules[i], 32));
		assert_true(dca_cbor_take_text_view(&c, &text, 400));
	}
	return n;
}

void
test_import_errors(void **state)
{
	uint64_t rows[8];
	char rules[8][32];

	(void)state;
	begin_import("d2", 0, 2, 3);
	put_delegation("acme", "12025550900", 5, 0, false);
	put_delegation("nobody", "12025550910", 5, 0, false);
	put_delegation("acme", "1202555x", 5, 0, false);
	end_import("delegation.import", "d2");
	is_data(204);
	assert_int_equal(uint_of("staged"), 1);
	begin_import("d2", 1, 2, 3);
	put_delegation("acme", "12025550305", 1, 0, false);
	put_delegation("acme", "12025550920", 5, 0, false);
	put_delegation("acme", "99", 2, 0, false);
	end_import("delegation.import", "d2");
	is_data(400);
	assert_int_equal(errors_of(rows, rules, 8), 4);
	assert_int_equal(rows[0], 1);
	assert_string_equal(rules[0], "reg-unknown");
	assert_int_equal(rows[1], 2);
	assert_int_equal(rows[2], 3);
	assert_string_equal(rules[2], "reg-overlap");
	assert_int_equal(rows[3], 5);
	/* nothing of it is there */
	ask_for(pinned, "12025550900", NULL);
	is_problem(DCA_RULE_SCOPE_DELEGATION, "12025550900");
	/* the corrected one has another name */
	begin_import("d3", 0, 1, 1);
	put_delegation("acme", "12025550900", 5, 0, false);
	end_import("delegation.import", "d3");
	is_data(204);
	ask_for(pinned, "12025550900", NULL);
	is_issued(pinned, "12025550900");
	begin_import("i1", 0, 1, 2);
	dca_cbor_array(&args, 3);
	dca_cbor_text(&args, "12025550000");
	dca_cbor_uint(&args, 0);
	dca_cbor_text(&args, "709J");
	dca_cbor_array(&args, 3);
	dca_cbor_text(&args, "12025550000");
	dca_cbor_uint(&args, 10);
	dca_cbor_text(&args, "");
	end_import("inventory.import", "i1");
	is_data(400);
	assert_int_equal(errors_of(rows, rules, 8), 2);
	assert_string_equal(rules[0], "tn-count");
	assert_string_equal(rules[1], "tn-spc");
}
