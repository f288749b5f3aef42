/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first operator by the console: who knows the code becomes one, once;
 * who guesses does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/hmac.h>

#include "vault-board.h"

/* What the console shows; "": nothing any more. */
static void
console(char code[static 40])
{
	int fd = board_connect();
	struct dca_cbor c;

	beat(fd, 0);
	is_data(205);
	code[0] = '\0';
	assert_true(dca_cbor_find(r.m.f[2].b, "claim", &c));
	if (dca_cbor_peek(&c) != DCA_CBOR_NULL)
		assert_true(dca_cbor_take_text(&c, code, 40));
	assert_int_equal(close(fd), 0);
}

/* base64url(HMAC-SHA256(code, SPKI)), made here and not by the product. */
static void
put_claim(const char *id, EVP_PKEY *key, const char *code)
{
	struct dca_spki k = lab_spki(key);
	struct dca_out secret = { 0 }, proof = { 0 };
	uint8_t mac[32];
	unsigned n = 0;

	assert_true(dca_unb64url(&secret, code, strlen(code)));
	assert_int_equal(secret.n, 16);
	assert_non_null(HMAC(EVP_sha256(), secret.p, 16, k.der, sizeof(k.der),
	    mac, &n));
	dca_b64url(&proof, DCA_BUF(mac, n));
	put_map(&args, 3);
	put_text(&args, "id", id);
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	put_text(&args, "proof", (const char *)proof.p);
	dca_out_free(&secret);
	dca_out_free(&proof);
}

static void
claim_as(const char *op, EVP_PKEY *key)
{
	const struct lab_signer s = { .op = op, .key = key, .seq = 1 };

	lab_act_as(&lab, &r, &s, "operator.claim", &args);
}

static void
read_claim(void)
{
	lab_read(&lab, &r, &lab.admin_cert, "claim", "");
}

void
test_claim_refused(void **state)
{
	static const uint8_t elsewhere[16] = { 1 };
	EVP_PKEY *mallory = lab_key();
	char code[40], later[40];
	struct lab_signer s = { .op = "alice", .key = lab.admin_key };
	struct dca_cbor c;
	struct dca_buf id;
	uint64_t rows;

	(void)state;
	console(code);
	assert_int_equal(strlen(code), 22);
	read_claim();
	is_data(205);
	assert_true(dca_cbor_find(r.m.f[2].b, "appliance", &c));
	assert_true(dca_cbor_take_bytes(&c, &id, 16));
	assert_true(dca_buf_eq(id, DCA_BUF(lab.appliance, 16)));
	rows = last_row();
	/* signed by another key than it brings; for another name */
	put_claim("alice", lab.admin_key, code);
	claim_as("alice", mallory);
	is_problem(DCA_RULE_AUTH_SIGNATURE);
	claim_as("bob", lab.admin_key);
	is_problem(DCA_RULE_REG_ACT);
	put_map(&args, 1);
	put_text(&args, "id", "alice");
	claim_as("alice", lab.admin_key);
	is_problem(DCA_RULE_REG_ACT);
	put_claim("Not An Id", lab.admin_key, code);
	claim_as("Not An Id", lab.admin_key);
	is_problem(DCA_RULE_REG_ID);
	/* another appliance, another time, a number that is none */
	put_claim("alice", lab.admin_key, code);
	s.seq = 1;
	s.appliance = elsewhere;
	lab_act_as(&lab, &r, &s, "operator.claim", &args);
	is_problem(DCA_RULE_AUTH_APPLIANCE);
	s.appliance = NULL;
	s.time = dca_now() - 4000;
	lab_act_as(&lab, &r, &s, "operator.claim", &args);
	is_problem(DCA_RULE_AUTH_TIME);
	s.time = 0;
	s.seq = 0;
	lab_act_as(&lab, &r, &s, "operator.claim", &args);
	is_problem(DCA_RULE_AUTH_SEQUENCE);
	/* what was seen of an honest one, for the key of who saw it: a wrong
	 * proof, of which five are one too many */
	put_claim("alice", lab.admin_key, code);
	for (int i = 0; i < 5; i++) {
		struct dca_cbor proof;
		struct dca_spki k = lab_spki(mallory);
		char text[64];

		console(later);
		assert_string_equal(later, code);
		put_claim("alice", lab.admin_key, code);
		assert_true(dca_cbor_find(dca_out_buf(&args), "proof",
		    &proof));
		assert_true(dca_cbor_take_text(&proof, text, sizeof(text)));
		put_map(&args, 3);
		put_text(&args, "id", "mallory");
		put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
		put_text(&args, "proof", i == 4 ? "" : text);
		claim_as("mallory", mallory);
		is_problem(DCA_RULE_AUTH_CODE);
		assert_int_equal(r.m.f[0].u, 401);
	}
	console(later);
	assert_string_not_equal(later, code);
	put_claim("alice", lab.admin_key, code);
	claim_as("alice", lab.admin_key);
	is_problem(DCA_RULE_AUTH_CODE);
	/* none of them is a row, and nobody operates */
	assert_int_equal(last_row(), rows);
	read_claim();
	is_data(205);
	lab_read(&lab, &r, &lab.admin_cert, "status", "");
	is_problem(DCA_RULE_PATH);
	/* a start makes another one */
	console(code);
	lab_stop(&lab);
	lab_start(&lab, program, "workers = 1");
	lab_wait_state(&lab, "operational");
	console(later);
	assert_string_not_equal(later, code);
	EVP_PKEY_free(mallory);
}

void
test_claim(void **state)
{
	EVP_PKEY *mallory = lab_key();
	char code[40], later[40];
	struct lab_signer s = { .op = "alice", .key = lab.admin_key,
		.seq = 1 };

	(void)state;
	console(code);
	put_claim("alice", lab.admin_key, code);
	lab_act_as(&lab, &r, &s, "operator.claim", &args);
	is_data(204);
	lab.seq = 1;
	console(later);
	assert_string_equal(later, "");
	/* the code is worth nothing now, whoever has it */
	put_claim("mallory", mallory, code);
	claim_as("mallory", mallory);
	is_problem(DCA_RULE_AUTH_OPERATOR);
	put_claim("alice", lab.admin_key, code);
	lab_act(&lab, &r, "operator.claim", &args);
	is_problem(DCA_RULE_AUTH_ROLE);
	s.seq = 1;
	lab_act_as(&lab, &r, &s, "operator.claim", &args);
	is_problem(DCA_RULE_AUTH_SEQUENCE);
	read_claim();
	is_problem(DCA_RULE_PATH);
	lab_read(&lab, &r, &lab.admin_cert, "status", "");
	is_data(205);
	EVP_PKEY_free(mallory);
}
