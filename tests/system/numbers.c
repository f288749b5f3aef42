/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and revocation at the real dca-vault, with SoftHSM: the hands, and
 * the tests in their order. The ledger is verified after each.
 * usage: numbers PATH-OF-DCA-VAULT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dca/store.h"
#include "numbers.h"

struct lab lab;
EVP_PKEY *acme_key, *beta_key, *bob_key;
struct dca_out acme_cert, beta_cert;
static const char *program;
struct reply last;
struct dca_out map;

/* --- what came back --- */
void
is_data(const struct reply *a, unsigned code)
{
	if (a->m.type != DCA_MSG_DATA)
		fail_msg("%s: %s", dca_problem(a->e.rule)->id, a->e.text);
	assert_int_equal(a->m.f[0].u, code);
	assert_true(dca_cbor_check(a->m.f[2].b));
}

void
is_problem(const struct reply *a, enum dca_rule rule, const char *first)
{
	if (a->m.type != DCA_MSG_PROBLEM)
		fail_msg("%s instead of %s", dca_message_name(a->m.type),
		    dca_problem(rule)->id);
	if (a->e.rule != rule)
		fail_msg("%s (%s) instead of %s", dca_problem(a->e.rule)->id,
		    a->e.text, dca_problem(rule)->id);
	assert_int_equal(a->m.f[0].u, dca_problem(rule)->coap);
	assert_string_equal(a->e.first, first);
}

bool
is_issued(const struct reply *a)
{
	return a->m.type == DCA_MSG_ISSUED;
}

uint64_t
uint_of(const struct reply *a, const char *key)
{
	struct dca_cbor c;
	uint64_t v = 0;

	assert_true(dca_cbor_find(a->m.f[2].b, key, &c));
	assert_true(dca_cbor_take_uint(&c, &v));
	return v;
}

/* Texts of "revoked": are they exactly these serials? */
void
revoked_are(size_t n, const struct dca_out *const *certs)
{
	char hex[2 * DCA_SERIAL_LEN + 1], text[64];
	struct dca_cert cert = { 0 };
	struct dca_cbor c;
	size_t have = 0;

	assert_true(dca_cbor_find(last.m.f[2].b, "revoked", &c));
	assert_true(dca_cbor_take_array(&c, &have, 100));
	assert_int_equal(have, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(dca_cert_parse(&cert, dca_out_buf(certs[i]),
		    NULL), DCA_OK);
		dca_hex(hex, cert.serial, DCA_SERIAL_LEN);
		assert_true(dca_cbor_take_text(&c, text, sizeof(text)));
		assert_string_equal(text, hex);
		dca_cert_clear(&cert);
	}
}

void
verified(void)
{
	struct dca_store *store = NULL;
	struct dca_err e = { 0 };
	uint64_t rows = 0;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&store, path, true, &e) ||
	    dca_store_verify(store, &rows, &e))
		fail_msg("%s", e.text);
	assert_true(rows > 0);
	dca_store_close(store);
}

/* --- asking --- */
void
put_import(struct dca_out *o, const char *customer, const char *start,
    uint64_t count, bool shared)
{
	static unsigned n;
	char name[32];

	(void)snprintf(name, sizeof(name), "n%u", ++n);
	put_map(o, 4);
	put_uint(o, "of", 1);
	put_uint(o, "part", 0);
	dca_cbor_text(o, "rows");
	dca_cbor_array(o, 1);
	dca_cbor_array(o, 6);
	dca_cbor_text(o, customer);
	dca_cbor_text(o, start);
	dca_cbor_uint(o, count);
	dca_cbor_uint(o, 0);
	dca_cbor_uint(o, 0);
	dca_cbor_bool(o, shared);
	put_text(o, "import", name);
}

void
delegate(const char *customer, const char *start, uint64_t count, bool shared)
{
	put_import(&map, customer, start, count, shared);
	lab_act(&lab, &last, "delegation.import", &map);
}

void
put_remove(struct dca_out *o, const char *customer, const char *numbers,
    int reason)
{
	put_map(o, reason < 0 ? 2 : 4);
	if (reason >= 0) {
		put_uint(o, "reason", (uint64_t)reason);
		dca_cbor_text(o, "revoke");
		dca_cbor_bool(o, true);
	}
	put_text(o, "numbers", numbers);
	put_text(o, "customer", customer);
}

void
remove_numbers(const char *customer, const char *numbers, int reason)
{
	put_remove(&map, customer, numbers, reason);
	lab_act(&lab, &last, "delegation.remove", &map);
}

void
end_numbers(const char *customer, const char *numbers, int64_t end)
{
	put_map(&map, 3);
	put_text(&map, "numbers", numbers);
	put_text(&map, "customer", customer);
	put_uint(&map, "not_after", (uint64_t)end);
	lab_act(&lab, &last, "delegation.end", &map);
}

void
revoke_by(const char *key, const char *value, uint64_t reason)
{
	put_map(&map, 2);
	put_uint(&map, "reason", reason);
	put_text(&map, key, value);
	lab_act(&lab, &last, "revoke", &map);
}

void
revoke_cert(const struct dca_out *cert, uint64_t reason)
{
	struct dca_cert c = { 0 };

	assert_int_equal(dca_cert_parse(&c, dca_out_buf(cert), NULL), DCA_OK);
	put_map(&map, 2);
	put_uint(&map, "reason", reason);
	put_bytes(&map, "serial", DCA_BUF(c.serial, DCA_SERIAL_LEN));
	lab_act(&lab, &last, "revoke", &map);
	dca_cert_clear(&c);
}

void
ask_for(EVP_PKEY *key, const char *numbers, const char *password)
{
	struct dca_out peer = { 0 }, csr = { 0 };

	lab_client(&peer, key);
	lab_csr(&csr, key, numbers, password);
	lab_issue(&lab, &last, &peer, &csr);
	dca_out_free(&peer);
	dca_out_free(&csr);
}

/* The certificate that was just issued, kept. */
void
keep(struct dca_out *cert)
{
	if (!is_issued(&last))
		fail_msg("%s: %s", dca_problem(last.e.rule)->id, last.e.text);
	cert->n = 0;
	dca_out_add(cert, last.m.f[1].b.p, last.m.f[1].b.n);
}

void
read_cert(const struct dca_out *which, const struct dca_out *peer)
{
	char path[64] = "certs/";
	struct dca_cert c = { 0 };

	assert_int_equal(dca_cert_parse(&c, dca_out_buf(which), NULL), DCA_OK);
	dca_hex(path + strlen(path), c.serial, DCA_SERIAL_LEN);
	dca_cert_clear(&c);
	lab_read(&lab, &last, peer, path, "");
}

void
attributes(const struct dca_out *peer)
{
	struct dca_message m = { .type = DCA_MSG_ATT, .id = 8, .n = 1 };

	m.f[0].b = dca_out_buf(peer);
	lab_ask(&last, lab.front, &m);
}

/* challengePassword for a new code of customer and this key. */
void
make_proof(char password[static DCA_PASSWORD_MAX + 1], const char *customer,
    EVP_PKEY *key)
{
	static unsigned n;
	struct dca_spki k = lab_spki(key);
	struct dca_out secret = { 0 };
	struct dca_err e = { 0 };
	struct dca_buf sealed;
	struct dca_cbor c;
	char id[16];

	(void)snprintf(id, sizeof(id), "c%u", ++n);
	put_map(&map, 3);
	put_text(&map, "id", id);
	put_uint(&map, "ttl", 3600);
	put_text(&map, "customer", customer);
	lab_act(&lab, &last, "code.create", &map);
	is_data(&last, 204);
	assert_true(dca_cbor_find(last.m.f[2].b, "sealed", &c));
	assert_true(dca_cbor_take_bytes(&c, &sealed, 200));
	if (dca_unseal(&secret, lab.admin_key, sealed, &e))
		fail_msg("%s", e.text);
	dca_enrol_proof(password, id, secret.p, &k);
	dca_out_free(&secret);
}

void
pin(const char *customer, const struct dca_spki *k)
{
	put_map(&map, 2);
	put_text(&map, "id", customer);
	put_bytes(&map, "key", DCA_BUF(k->der, sizeof(k->der)));
	lab_act(&lab, &last, "customer.pin", &map);
}

/* --- setting up --- */
static void
add_operator(const char *id, const char *role, EVP_PKEY *key, bool local)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_ACT, .id = 9, .n = 1 };
	struct dca_act a = { .name = "operator.add", .op = "local",
		.time = dca_now() };
	struct dca_spki k = lab_spki(key);
	struct dca_out payload = { 0 };

	put_map(&map, 3);
	put_text(&map, "id", id);
	put_bytes(&map, "key", DCA_BUF(k.der, sizeof(k.der)));
	put_text(&map, "role", role);
	if (local) {
		memcpy(a.appliance, lab.appliance, 16);
		a.args = dca_out_buf(&map);
		dca_act_encode(&payload, &a);
		m.f[0].b = dca_out_buf(&payload);
		lab_ask(&last, lab.admin, &m);
		dca_out_free(&payload);
	} else {
		lab_act(&lab, &last, "operator.add", &map);
	}
	is_data(&last, 204);
}

static void
add_customer(const char *id, EVP_PKEY **key, struct dca_out *cert)
{
	struct dca_spki k;

	*key = lab_key();
	k = lab_spki(*key);
	lab_client(cert, *key);
	put_map(&map, 3);
	put_text(&map, "id", id);
	put_text(&map, "name", id);
	put_text(&map, "country", "US");
	lab_act(&lab, &last, "customer.add", &map);
	is_data(&last, 204);
	pin(id, &k);
	is_data(&last, 204);
}

static int
setup(void **state)
{
	(void)state;
	lab_start(&lab, program, "workers = 2");
	lab_wait_state(&lab, "no-cross-certificate");
	lab_install(&lab, &last, dca_out_buf(&lab.ca_csr),
	    dca_out_buf(&lab.cross));
	is_data(&last, 204);
	lab_wait_state(&lab, "operational");
	bob_key = lab_key();
	add_operator("alice", "admin", lab.admin_key, true);
	add_operator("bob", "operator", bob_key, false);
	add_customer("acme", &acme_key, &acme_cert);
	add_customer("beta", &beta_key, &beta_cert);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lab_close(&lab);
	EVP_PKEY_free(acme_key);
	EVP_PKEY_free(beta_key);
	EVP_PKEY_free(bob_key);
	dca_out_free(&acme_cert);
	dca_out_free(&beta_cert);
	dca_out_free(&map);
	reply_clear(&last);
	return 0;
}

int
main(int argc, char **argv)
{
	/* in this order: each stands on what was set up before it */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_shrink_refusals),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_revoked_shows_nothing),
		cmocka_unit_test(test_compromised_key),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_suspended),
		cmocka_unit_test(test_revoke_refusals),
		cmocka_unit_test(test_revoke_customer),
		cmocka_unit_test(test_race_delegations),
		cmocka_unit_test(test_race_port),
		cmocka_unit_test(test_ledger_proof),
	};
	int rc;

	if (argc != 2)
		return 2;
	program = argv[1];
	dca_log_init("numbers-test", DCA_ERR);
	rc = lab_open(&lab, program);
	return rc ? rc : cmocka_run_group_tests(tests, setup, teardown);
}
