/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real dca-vault over its sockets, with SoftHSM: setting up, acts and
 * their refusals, issuing and its refusals, repeats, reading, publishing,
 * hostile packets. usage: vault PATH-OF-DCA-VAULT
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
#include "vault.h"

static struct lab lab;
static const char *program;
static EVP_PKEY *pinned;		/* acme's */
static struct dca_out pinned_cert, args;
static struct reply r;

/* --- what came back --- */

static void
is_data(unsigned code)
{
	if (r.m.type != DCA_MSG_DATA)
		fail_msg("%s: %s", dca_problem(r.e.rule)->id, r.e.text);
	assert_int_equal(r.m.f[0].u, code);
	if (r.m.f[1].u == 60)
		assert_true(dca_cbor_check(r.m.f[2].b));
}

static void
is_problem(enum dca_rule rule, const char *first)
{
	if (r.m.type != DCA_MSG_PROBLEM)
		fail_msg("%s instead of %s", dca_message_name(r.m.type),
		    dca_problem(rule)->id);
	if (r.e.rule != rule)
		fail_msg("%s (%s) instead of %s", dca_problem(r.e.rule)->id,
		    r.e.text, dca_problem(rule)->id);
	assert_int_equal(r.m.f[0].u, dca_problem(rule)->coap);
	assert_string_equal(r.e.first, first);
}

static void
text_of(const char *key, char *out, size_t cap)
{
	struct dca_cbor c;

	assert_true(dca_cbor_find(r.m.f[2].b, key, &c));
	assert_true(dca_cbor_take_text(&c, out, cap));
}

static uint64_t
uint_of(const char *key)
{
	struct dca_cbor c;
	uint64_t v = 0;

	assert_true(dca_cbor_find(r.m.f[2].b, key, &c));
	assert_true(dca_cbor_take_uint(&c, &v));
	return v;
}

/* ISSUED: signed by the CA, for this key, with exactly these numbers. */
static void
is_issued(EVP_PKEY *key, const char *numbers)
{
	struct dca_tnset *want = lab_set(numbers);
	struct dca_spki spki = lab_spki(key);
	struct dca_cert leaf = { 0 }, ca = { 0 };
	struct dca_err e = { 0 };
	char hex[64], url[512], expect[512];

	if (r.m.type != DCA_MSG_ISSUED)
		fail_msg("%s: %s", dca_problem(r.e.rule)->id, r.e.text);
	if (dca_cert_parse(&leaf, r.m.f[1].b, &e) ||
	    dca_cert_parse(&ca, dca_out_buf(&lab.cross), &e))
		fail_msg("%s", e.text);
	assert_true(dca_cert_signed_by(&leaf, &ca));
	assert_memory_equal(&leaf.key, &spki, sizeof(spki));
	assert_true(dca_tnset_equal(leaf.scope, want));
	assert_memory_equal(leaf.serial, r.m.f[0].b.p, DCA_SERIAL_LEN);
	assert_false(leaf.ca);
	dca_hex(hex, leaf.serial, DCA_SERIAL_LEN);
	dca_field_text(&r.m.f[2], url, sizeof(url));
	(void)snprintf(expect, sizeof(expect),
	    "https://sti-cr.example.net:8443/certs/%s.pem", hex);
	assert_string_equal(url, expect);
	dca_cert_clear(&leaf);
	dca_cert_clear(&ca);
	dca_tnset_free(want);
}

static void
ask_for(EVP_PKEY *key, const char *numbers, const char *password)
{
	struct dca_out peer = { 0 }, csr = { 0 };

	lab_client(&peer, key);
	lab_csr(&csr, key, numbers, password);
	lab_issue(&lab, &r, &peer, &csr);
	dca_out_free(&peer);
	dca_out_free(&csr);
}

/* --- setting up, in order --- */

static void
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

static void
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

static void
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

static void
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
	/* nothing of it suspended the customer */
	ask_for(pinned, "12025550199", NULL);
	is_issued(pinned, "12025550199");
	EVP_PKEY_free(mallory);
	EVP_PKEY_free(bob);
}

static void
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

static void
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

/* --- issuing --- */

static void
test_issue(void **state)
{
	EVP_PKEY *stranger = lab_key();
	uint8_t first[DCA_SERIAL_LEN];
	struct dca_out csr = { 0 }, none = { 0 };

	(void)state;
	lab_csr(&csr, pinned, "12025550100+10", NULL);
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550100+10");
	memcpy(first, r.m.f[0].b.p, sizeof(first));
	/* the same request: the same certificate, however often */
	for (int i = 0; i < 3; i++) {
		lab_issue(&lab, &r, &pinned_cert, &csr);
		is_issued(pinned, "12025550100+10");
		assert_memory_equal(r.m.f[0].b.p, first, sizeof(first));
	}
	/* another request of the same key: another certificate */
	csr.n = 0;
	lab_csr(&csr, pinned, "12025550100+10", NULL);
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550100+10");
	assert_memory_not_equal(r.m.f[0].b.p, first, sizeof(first));
	lab_issue(&lab, &r, &none, &csr);
	is_problem(DCA_RULE_AUTH_CERTIFICATE, "");
	ask_for(stranger, "12025550100", NULL);
	is_problem(DCA_RULE_AUTH_PROOF, "");
	csr.n = 0;
	lab_csr_signed_by(&csr, pinned, stranger, "12025550100", NULL);
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_problem(DCA_RULE_CSR_POP, "");
	ask_for(pinned, "12025550301", NULL);
	is_problem(DCA_RULE_SCOPE_OTHER, "12025550301");
	ask_for(pinned, "12025550200", NULL);
	is_problem(DCA_RULE_SCOPE_DELEGATION, "12025550200");
	ask_for(pinned, "13035550000", NULL);
	is_problem(DCA_RULE_SCOPE_CROSS, "13035550000");
	ask_for(pinned, "12025550600", NULL);
	is_problem(DCA_RULE_VALIDITY, "");
	csr.n--;
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_problem(DCA_RULE_CSR_DER, "");
	dca_out_free(&csr);
	EVP_PKEY_free(stranger);
}

static void
take_code(uint8_t code[16])
{
	struct dca_out secret = { 0 };
	struct dca_err e = { 0 };
	struct dca_buf sealed;
	struct dca_cbor c;

	assert_true(dca_cbor_find(r.m.f[2].b, "sealed", &c));
	assert_true(dca_cbor_take_bytes(&c, &sealed, 200));
	if (dca_unseal(&secret, lab.admin_key, sealed, &e))
		fail_msg("%s", e.text);
	assert_int_equal(secret.n, 16);
	memcpy(code, secret.p, 16);
	dca_out_free(&secret);
}

static void
test_enrol(void **state)
{
	EVP_PKEY *key = lab_key(), *other = lab_key();
	struct dca_spki k = lab_spki(key), o = lab_spki(other);
	char proof[DCA_PASSWORD_MAX + 1];
	uint8_t code[16], serial[DCA_SERIAL_LEN];
	struct dca_out csr = { 0 }, peer = { 0 };

	(void)state;
	put_map(&args, 3);
	put_text(&args, "id", "c1");
	put_uint(&args, "ttl", 3600);
	put_text(&args, "customer", "beta");
	lab_act(&lab, &r, "code.create", &args);
	is_data(204);
	take_code(code);
	lab_client(&peer, key);
	/* the proof is for one key only */
	dca_enrol_proof(proof, "c1", code, &o);
	ask_for(key, NULL, proof);
	is_problem(DCA_RULE_AUTH_CODE, "");
	dca_enrol_proof(proof, "c1", code, &k);
	/* none asked: all that is delegated */
	lab_csr(&csr, key, NULL, proof);
	lab_issue(&lab, &r, &peer, &csr);
	is_issued(key, "12025550300+10");
	memcpy(serial, r.m.f[0].b.p, sizeof(serial));
	lab_issue(&lab, &r, &peer, &csr);
	is_issued(key, "12025550300+10");
	assert_memory_equal(r.m.f[0].b.p, serial, sizeof(serial));
	/* spent: another request, even of the same key, gets nothing */
	ask_for(key, "12025550300", proof);
	is_problem(DCA_RULE_AUTH_CODE, "");
	dca_enrol_proof(proof, "c1", code, &o);
	ask_for(other, NULL, proof);
	is_problem(DCA_RULE_AUTH_CODE, "");
	/* the key is certified now: no proof is needed any more */
	ask_for(key, "12025550300", NULL);
	is_issued(key, "12025550300");
	/* too short; revoked */
	put_map(&args, 3);
	put_text(&args, "id", "c2");
	put_uint(&args, "ttl", 1);
	put_text(&args, "customer", "beta");
	lab_act(&lab, &r, "code.create", &args);
	is_problem(DCA_RULE_REG_FIELD, "");
	put_map(&args, 1);
	put_text(&args, "id", "c2");
	lab_act(&lab, &r, "code.revoke", &args);
	is_problem(DCA_RULE_REG_UNKNOWN, "");
	dca_out_free(&csr);
	dca_out_free(&peer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void
test_operator_issue(void **state)
{
	EVP_PKEY *key = lab_key();
	struct dca_out csr = { 0 };
	struct dca_message m = { .type = DCA_MSG_CHECK, .id = 4, .n = 3 };
	char text[64];

	(void)state;
	lab_csr(&csr, key, "12025550120", NULL);
	m.f[0].b = dca_out_buf(&lab.admin_cert);
	m.f[1].b = DCA_BUF("acme", 4);
	m.f[2].b = dca_out_buf(&csr);
	lab_ask(&r, lab.front, &m);
	is_data(205);
	text_of("verdict", text, sizeof(text));
	assert_string_equal(text, "issue");
	m.f[1].b = DCA_BUF("beta", 4);
	lab_ask(&r, lab.front, &m);
	is_data(205);
	text_of("verdict", text, sizeof(text));
	assert_string_equal(text, "refuse");
	text_of("rule", text, sizeof(text));
	assert_string_equal(text, "scope-other");
	text_of("first", text, sizeof(text));
	assert_string_equal(text, "12025550120");
	m.f[0].b = dca_out_buf(&pinned_cert);
	lab_ask(&r, lab.front, &m);
	is_problem(DCA_RULE_AUTH_OPERATOR, "");
	put_map(&args, 2);
	put_bytes(&args, "csr", dca_out_buf(&csr));
	put_text(&args, "customer", "beta");
	lab_act(&lab, &r, "issue", &args);
	is_problem(DCA_RULE_SCOPE_OTHER, "12025550120");
	put_map(&args, 2);
	put_bytes(&args, "csr", dca_out_buf(&csr));
	put_text(&args, "customer", "acme");
	lab_act(&lab, &r, "issue", &args);
	is_data(204);
	text_of("serial", text, sizeof(text));
	assert_int_equal(strlen(text), 40);
	dca_out_free(&csr);
	EVP_PKEY_free(key);
}

static void
test_suspend(void **state)
{
	(void)state;
	put_map(&args, 1);
	put_text(&args, "id", "acme");
	lab_act(&lab, &r, "customer.suspend", &args);
	is_data(204);
	ask_for(pinned, "12025550100", NULL);
	is_problem(DCA_RULE_REG_STATE, "");
	put_map(&args, 1);
	put_text(&args, "id", "acme");
	lab_act(&lab, &r, "customer.resume", &args);
	is_data(204);
	ask_for(pinned, "12025550100", NULL);
	is_issued(pinned, "12025550100");
}

/* --- reading --- */

static void
test_read(void **state)
{
	struct dca_out none = { 0 };
	EVP_PKEY *stranger = lab_key();
	struct dca_out stranger_cert = { 0 };
	char path[80], hex[64], text[64];
	static const char *const views[] = { "status", "customers",
		"operators", "keys", "codes", "inventory", "delegations",
		"certificates", "crosses", "ledger" };

	(void)state;
	lab_client(&stranger_cert, stranger);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		lab_read(&lab, &r, &lab.admin_cert, views[i], "");
		is_data(205);
		lab_read(&lab, &r, &pinned_cert, views[i], "");
		is_problem(DCA_RULE_PATH, "");
		lab_read(&lab, &r, &none, views[i], "");
		is_problem(DCA_RULE_PATH, "");
	}
	lab_read(&lab, &r, &lab.admin_cert, "scope", "customer=acme");
	is_data(205);
	lab_read(&lab, &r, &lab.admin_cert, "customers", "limit=3");
	is_problem(DCA_RULE_REG_FIELD, "");
	lab_read(&lab, &r, &lab.admin_cert, "secrets", "");
	is_problem(DCA_RULE_PATH, "");
	ask_for(pinned, "12025550101", NULL);
	is_issued(pinned, "12025550101");
	dca_hex(hex, r.m.f[0].b.p, DCA_SERIAL_LEN);
	(void)snprintf(path, sizeof(path), "certs/%s", hex);
	lab_read(&lab, &r, &pinned_cert, path, "");
	is_data(205);
	text_of("customer", text, sizeof(text));
	assert_string_equal(text, "acme");
	lab_read(&lab, &r, &lab.admin_cert, path, "");
	is_data(205);
	lab_read(&lab, &r, &stranger_cert, path, "");
	is_problem(DCA_RULE_PATH, "");
	path[8] = path[8] == '0' ? '1' : '0';
	lab_read(&lab, &r, &pinned_cert, path, "");
	is_problem(DCA_RULE_PATH, "");
	dca_out_free(&stranger_cert);
	EVP_PKEY_free(stranger);
}

static void
test_est(void **state)
{
	struct dca_message m = { .type = DCA_MSG_CRTS, .id = 8, .n = 1 };
	struct dca_certs certs = { 0 };
	struct dca_err e = { 0 };

	(void)state;
	lab_ask(&r, lab.front, &m);
	is_data(205);
	assert_int_equal(r.m.f[1].u, 281);
	if (dca_p7_parse(&certs, r.m.f[2].b, &e))
		fail_msg("%s", e.text);
	assert_int_equal(certs.n, 2);
	dca_certs_clear(&certs);
	m.type = DCA_MSG_ATT;
	m.f[0].b = dca_out_buf(&pinned_cert);
	lab_ask(&r, lab.front, &m);
	is_data(205);
	assert_int_equal(r.m.f[1].u, 285);
	m.f[0].b = dca_out_buf(&lab.admin_cert);
	lab_ask(&r, lab.front, &m);
	is_problem(DCA_RULE_PATH, "");
}

/* --- packets --- */

static int
raw_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	(void)dca_strlcpy(a.sun_path, path, sizeof(a.sun_path));
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
	    sizeof(wait)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
closes(const char *path, struct dca_buf packet)
{
	uint8_t buf[64];
	int fd = raw_connect(path);

	assert_int_equal(send(fd, packet.p, packet.n, MSG_NOSIGNAL), packet.n);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 0);
	assert_int_equal(close(fd), 0);
}

/* Of every type a role may send: cut, a field too many, of another role. */
static void
test_hostile_packets(void **state)
{
	static const struct {
		enum dca_message_type type;
		size_t n;
		bool uint0;
		enum dca_role role;
	} types[] = {
		{ DCA_MSG_ISSUE, 4, true, DCA_ROLE_FRONT },
		{ DCA_MSG_CRTS, 1, false, DCA_ROLE_FRONT },
		{ DCA_MSG_ATT, 1, false, DCA_ROLE_FRONT },
		{ DCA_MSG_READ, 3, false, DCA_ROLE_FRONT },
		{ DCA_MSG_ACT, 2, false, DCA_ROLE_FRONT },
		{ DCA_MSG_CHECK, 3, false, DCA_ROLE_FRONT },
		{ DCA_MSG_FOLLOW, 1, true, DCA_ROLE_PUBLISHER },
		{ DCA_MSG_PUBLISHED, 2, true, DCA_ROLE_PUBLISHER },
		{ DCA_MSG_UNPUBLISHED, 3, true, DCA_ROLE_PUBLISHER },
		{ DCA_MSG_LOCAL_ACT, 1, false, DCA_ROLE_ADMIN },
		{ DCA_MSG_LOCAL_READ, 2, false, DCA_ROLE_ADMIN },
		{ DCA_MSG_INSTALL, 3, false, DCA_ROLE_ADMIN },
	};
	const char *sockets[] = { [DCA_ROLE_FRONT] = lab.front,
		[DCA_ROLE_PUBLISHER] = lab.publisher,
		[DCA_ROLE_ADMIN] = lab.admin };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const char *own = sockets[types[i].role];
		struct dca_message m = { .type = types[i].type, .id = 1,
			.n = types[i].n };
		struct dca_out p = { 0 };

		dca_message_encode(&p, &m);
		for (size_t cut = 1; cut < p.n; cut++)
			closes(own, DCA_BUF(p.p, cut));
		dca_out_add(&p, "", 1);
		closes(own, dca_out_buf(&p));
		p.n--;
		for (unsigned role = DCA_ROLE_FRONT; role <= DCA_ROLE_ADMIN;
		     role++)
			if (role != types[i].role)
				closes(sockets[role], dca_out_buf(&p));
		dca_out_free(&p);
	}
	lab_wait_state(&lab, "operational");
}

/* --- publisher --- */

static void
receive(int fd, struct dca_message *m, uint8_t *buf, size_t cap)
{
	struct dca_err e = { 0 };
	ssize_t n = recv(fd, buf, cap, 0);

	assert_true(n > 0);
	if (dca_message_parse(m, DCA_BUF(buf, n), DCA_ROLE_VAULT, &e))
		fail_msg("%s", e.text);
}

static void
send_message(int fd, const struct dca_message *m)
{
	struct dca_out p = { 0 };

	dca_message_encode(&p, m);
	assert_int_equal(send(fd, p.p, p.n, 0), p.n);
	dca_out_free(&p);
}

static void
test_publisher(void **state)
{
	static uint8_t buf[DCA_MESSAGE_MAX];
	struct dca_message m = { .type = DCA_MSG_FOLLOW, .id = 1, .n = 1 };
	struct dca_message back = { .type = DCA_MSG_PUBLISHED, .id = 2,
		.n = 2 };
	uint64_t last = 0, known;
	int fd = raw_connect(lab.publisher);

	(void)state;
	lab_read(&lab, &r, &lab.admin_cert, "status", "");
	is_data(205);
	{
		struct dca_cbor c;

		assert_true(dca_cbor_find(r.m.f[2].b, "counts", &c));
		assert_true(dca_cbor_find(c.in, "certificates", &c));
		assert_true(dca_cbor_take_uint(&c, &known));
	}
	send_message(fd, &m);
	for (uint64_t i = 0; i < known; i++) {
		receive(fd, &m, buf, sizeof(buf));
		assert_int_equal(m.type, DCA_MSG_PUBLISH);
		assert_true(m.f[0].u > last);
		last = m.f[0].u;
		assert_true(dca_buf_eq(m.f[3].b, dca_out_buf(&lab.cross)));
	}
	/* a live one comes by itself */
	ask_for(pinned, "12025550102", NULL);
	is_issued(pinned, "12025550102");
	receive(fd, &m, buf, sizeof(buf));
	assert_true(m.f[0].u > last);
	assert_true(dca_buf_eq(m.f[1].b, r.m.f[0].b));
	assert_true(dca_buf_eq(m.f[2].b, r.m.f[1].b));
	back.f[0].u = m.f[0].u;
	back.f[1].b = m.f[1].b;
	send_message(fd, &back);
	back.type = DCA_MSG_UNPUBLISHED;
	back.n = 3;
	back.f[2].b = DCA_BUF("disk full", 9);
	send_message(fd, &back);
	lab_wait_state(&lab, "operational");
	assert_int_equal(close(fd), 0);
}

/* Nothing is lost and nothing is asked again of who comes back. */
static void
test_restart(void **state)
{
	struct dca_out csr = { 0 };
	uint8_t serial[DCA_SERIAL_LEN];

	(void)state;
	lab_csr(&csr, pinned, "12025550103", NULL);
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550103");
	memcpy(serial, r.m.f[0].b.p, sizeof(serial));
	lab_stop(&lab);
	lab_start(&lab, program, "workers = 2\nqueue = 2");
	lab_wait_state(&lab, "operational");
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550103");
	assert_memory_equal(r.m.f[0].b.p, serial, sizeof(serial));
	dca_out_free(&csr);
}

/* Many at once with a queue of two: each is answered once, with its own
 * certificate or with the advice to come back. */
static void
test_burst(void **state)
{
	enum { N = 40 };
	static uint8_t buf[DCA_MESSAGE_MAX];
	unsigned issued = 0, full = 0;
	bool seen[N] = { false };
	int fd = raw_connect(lab.front);

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		struct dca_message m = { .type = DCA_MSG_ISSUE, .id = i,
			.n = 4 };
		struct dca_out csr = { 0 };

		lab_csr(&csr, pinned, "12025550110", NULL);
		m.f[1].b = dca_out_buf(&pinned_cert);
		m.f[2].b = dca_out_buf(&csr);
		send_message(fd, &m);
		dca_out_free(&csr);
	}
	for (unsigned i = 0; i < N; i++) {
		struct dca_message m;

		receive(fd, &m, buf, sizeof(buf));
		assert_true(m.id < N && !seen[m.id]);
		seen[m.id] = true;
		if (m.type == DCA_MSG_ISSUED) {
			issued++;
			continue;
		}
		dca_problem_message(&r.e, &m);
		assert_int_equal(r.e.rule, DCA_RULE_QUEUE);
		assert_true(m.f[5].u >= 1);
		full++;
	}
	assert_true(issued > 0);
	print_message("burst: %u issued, %u told to come back\n", issued, full);
	assert_int_equal(close(fd), 0);
}

/* The same request, twice in flight: one certificate. */
static void
test_twins(void **state)
{
	static uint8_t one[DCA_MESSAGE_MAX], two[DCA_MESSAGE_MAX];
	struct dca_message m = { .type = DCA_MSG_ISSUE, .id = 1, .n = 4 };
	struct dca_message a, b;
	struct dca_out csr = { 0 };
	int fd = raw_connect(lab.front);

	(void)state;
	lab_csr(&csr, pinned, "12025550111", NULL);
	m.f[1].b = dca_out_buf(&pinned_cert);
	m.f[2].b = dca_out_buf(&csr);
	send_message(fd, &m);
	m.id = 2;
	send_message(fd, &m);
	receive(fd, &a, one, sizeof(one));
	receive(fd, &b, two, sizeof(two));
	assert_int_equal(a.type, DCA_MSG_ISSUED);
	assert_int_equal(b.type, DCA_MSG_ISSUED);
	assert_true(a.id != b.id);
	assert_true(dca_buf_eq(a.f[0].b, b.f[0].b));
	assert_int_equal(close(fd), 0);
	dca_out_free(&csr);
}

static void
test_wrong_pin(void **state)
{
	char path[128];
	struct dca_err e = { 0 };

	(void)state;
	lab_stop(&lab);
	(void)snprintf(path, sizeof(path), "%s/pin", lab.prefix);
	assert_int_equal(dca_file_write(path, DCA_BUF("9999\n", 5), 0600, &e),
	    DCA_OK);
	lab_start(&lab, program, "release = published");
	lab_wait_state(&lab, "no-token");
	(void)usleep(500000);
	ask_for(pinned, "12025550112", NULL);
	is_problem(DCA_RULE_TOKEN_PIN, "");
	assert_true(r.m.f[5].u >= 1);
	assert_int_equal(dca_file_write(path, DCA_BUF("1234\n", 5), 0600, &e),
	    DCA_OK);
	lab_stop(&lab);
	lab_start(&lab, program, "release = published");
	lab_wait_state(&lab, "operational");
}

/* release = published: the answer waits for the read-back. */
static void
test_release_published(void **state)
{
	static uint8_t buf[DCA_MESSAGE_MAX], answer[DCA_MESSAGE_MAX];
	struct dca_message m = { .type = DCA_MSG_ISSUE, .id = 1, .n = 4 };
	struct dca_message note, follow = { .type = DCA_MSG_FOLLOW, .id = 1,
		.n = 1 };
	struct dca_message back = { .type = DCA_MSG_PUBLISHED, .id = 2,
		.n = 2 };
	struct dca_out csr = { 0 };
	int fd = raw_connect(lab.front), pub = raw_connect(lab.publisher);

	(void)state;
	follow.f[0].u = UINT64_MAX / 4;
	lab_read(&lab, &r, &lab.admin_cert, "status", "");
	{
		struct dca_cbor c;

		assert_true(dca_cbor_find(r.m.f[2].b, "ledger", &c));
		assert_true(dca_cbor_find(c.in, "seq", &c));
		assert_true(dca_cbor_take_uint(&c, &follow.f[0].u));
		follow.f[0].u++;
	}
	send_message(pub, &follow);
	lab_csr(&csr, pinned, "12025550113", NULL);
	m.f[1].b = dca_out_buf(&pinned_cert);
	m.f[2].b = dca_out_buf(&csr);
	send_message(fd, &m);
	receive(pub, &note, buf, sizeof(buf));
	assert_int_equal(note.type, DCA_MSG_PUBLISH);
	assert_int_equal(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), -1);
	back.f[0].u = note.f[0].u;
	back.f[1].b = note.f[1].b;
	send_message(pub, &back);
	receive(fd, &m, answer, sizeof(answer));
	assert_int_equal(m.type, DCA_MSG_ISSUED);
	assert_true(dca_buf_eq(m.f[0].b, note.f[1].b));
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(pub), 0);
	dca_out_free(&csr);
}

/* What all of this left behind is what the ledger says. */
static void
test_ledger(void **state)
{
	struct dca_store *store = NULL;
	struct dca_err e = { 0 };
	uint64_t rows = 0;
	char path[128];

	(void)state;
	lab_stop(&lab);
	(void)snprintf(path, sizeof(path), "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&store, path, true, &e) ||
	    dca_store_verify(store, &rows, &e))
		fail_msg("%s", e.text);
	assert_true(rows > 30);
	dca_store_close(store);
}

static int
setup(void **state)
{
	(void)state;
	lab_start(&lab, program, "workers = 1");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lab_close(&lab);
	EVP_PKEY_free(pinned);
	dca_out_free(&pinned_cert);
	dca_out_free(&args);
	reply_clear(&r);
	return 0;
}

int
main(int argc, char **argv)
{
	/* in this order: each stands on what was set up before it */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_install),
		cmocka_unit_test(test_first_admin),
		cmocka_unit_test(test_register),
		cmocka_unit_test(test_act_refusals),
		cmocka_unit_test(test_act_malformed),
		cmocka_unit_test(test_import_errors),
		cmocka_unit_test(test_issue),
		cmocka_unit_test(test_enrol),
		cmocka_unit_test(test_operator_issue),
		cmocka_unit_test(test_suspend),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_est),
		cmocka_unit_test(test_hostile_packets),
		cmocka_unit_test(test_publisher),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_wrong_pin),
		cmocka_unit_test(test_release_published),
		cmocka_unit_test(test_ledger),
	};
	int rc;

	if (argc != 2)
		return 2;
	program = argv[1];
	dca_log_init("vault-test", DCA_ERR);
	rc = lab_open(&lab, program);
	return rc ? rc : cmocka_run_group_tests(tests, setup, teardown);
}
