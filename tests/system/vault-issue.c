/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Issuing: who may, for which numbers, repeats; and what reading shows.
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

/* --- issuing --- */

void
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

void
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

void
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

void
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

void
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

void
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
