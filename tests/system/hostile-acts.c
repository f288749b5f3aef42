/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A captured front and the acts of operators: replayed, reordered, forged;
 * what takes four eyes; and rekey proofs by whom it likes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hostile-front.h"

static uint64_t bob_seq;

/* --- acts --- */

void
test_replayed_act(void **state)
{
	struct lab_signer s = alice();
	struct dca_out cose = { 0 }, before = { 0 };

	(void)state;
	put_id("beta");
	sign_act(&cose, &s, "customer.suspend", &args);
	send_act(&cose);
	is_data(204);
	put_id("beta");
	honest("customer.resume");
	snapshot(&before);
	for (int i = 0; i < 3; i++) {
		send_act(&cose);
		is_problem(DCA_RULE_AUTH_SEQUENCE);
	}
	unchanged(&before);
	dca_out_free(&cose);
	dca_out_free(&before);
}

/* Held back: when a later one came first, the earlier one is dead. */
void
test_reordered(void **state)
{
	struct lab_signer one = alice(), two = alice();
	struct dca_out first = { 0 }, second = { 0 }, before = { 0 };

	(void)state;
	put_id("acme");
	sign_act(&first, &one, "customer.suspend", &args);
	put_id("beta");
	sign_act(&second, &two, "customer.resume", &args);
	snapshot(&before);
	send_act(&second);	/* refused or not: its number is used */
	send_act(&first);
	is_problem(DCA_RULE_AUTH_SEQUENCE);
	send_act(&second);
	is_problem(DCA_RULE_AUTH_SEQUENCE);
	put_id("acme");
	snapshot(&before);
	send_act(&first);
	is_problem(DCA_RULE_AUTH_SEQUENCE);
	unchanged(&before);
	send_issue(&acme_cert, &acme_csr, DCA_FN_SEN);
	assert_int_equal(r.m.type, DCA_MSG_ISSUED);
	dca_out_free(&first);
	dca_out_free(&second);
	dca_out_free(&before);
}

/* A signature of alice's over a payload that was changed afterwards. */
static void
resign(struct dca_out *out, const struct dca_out *cose, const char *from,
    const char *to)
{
	uint8_t *at;

	assert_int_equal(strlen(from), strlen(to));
	out->n = 0;
	dca_out_add(out, cose->p, cose->n);
	at = memmem(out->p, out->n, from, strlen(from));
	assert_non_null(at);
	memcpy(at, to, strlen(to));
}

void
test_forged_act(void **state)
{
	static const char *const swaps[][2] = { { "alice", "carol" },
		{ "acme", "beta" }, { "customer.suspend", "customer.destroy" } };
	static const uint8_t other[16] = { 1, 2, 3 };
	struct lab_signer s = alice(), own = s, elsewhere = s, mine = s;
	struct dca_out cose = { 0 }, forged = { 0 }, before = { 0 };

	(void)state;
	put_operator("carol", front_key, "auditor");
	honest("operator.add");	/* the front may even be an auditor */
	snapshot(&before);
	put_id("acme");
	s.seq = ++lab.seq;
	sign_act(&cose, &s, "customer.suspend", &args);
	for (size_t i = 0; i < 3; i++) {
		resign(&forged, &cose, swaps[i][0], swaps[i][1]);
		send_act(&forged);
		is_problem(DCA_RULE_AUTH_SIGNATURE);
	}
	own.key = front_key;
	own.seq = lab.seq + 1;
	sign_act(&forged, &own, "customer.suspend", &args);
	send_act(&forged);
	is_problem(DCA_RULE_AUTH_SIGNATURE);
	own.op = "mallory";
	sign_act(&forged, &own, "customer.suspend", &args);
	send_act(&forged);
	is_problem(DCA_RULE_AUTH_OPERATOR);
	elsewhere.appliance = other;
	elsewhere.seq = lab.seq + 1;
	sign_act(&forged, &elsewhere, "customer.suspend", &args);
	send_act(&forged);
	is_problem(DCA_RULE_AUTH_APPLIANCE);
	mine = (struct lab_signer){ .op = "carol", .key = front_key,
		.seq = 1 };
	sign_act(&forged, &mine, "customer.suspend", &args);
	send_act(&forged);
	is_problem(DCA_RULE_AUTH_ROLE);
	unchanged(&before);
	/* and the number of the honest act was not taken by any of these */
	put_id("beta");
	lab.seq--;
	honest("customer.suspend");
	honest("customer.resume");
	dca_out_free(&cose);
	dca_out_free(&forged);
	dca_out_free(&before);
}

/* --- four eyes --- */

static void
put_approval(uint64_t id, struct dca_buf hash)
{
	put_map(&args, 2);
	put_bytes(&args, "sha256", hash);
	put_uint(&args, "proposal", id);
}

static void
approve_as(const char *op, EVP_PKEY *key, uint64_t seq, uint64_t id,
    struct dca_buf hash)
{
	struct lab_signer s = { .op = op, .key = key, .seq = seq };

	put_approval(id, hash);
	lab_act_as(&lab, &r, &s, "approve", &args);
}

/* alice proposes an admin; the id and the hash are in the answer. */
static uint64_t
propose(const char *id, EVP_PKEY *key, uint8_t hash[static 32])
{
	struct lab_signer s = alice();
	struct dca_out cose = { 0 };
	struct dca_buf said;
	struct dca_cbor c;
	uint64_t proposal = 0;

	put_operator(id, key, "admin");
	sign_act(&cose, &s, "operator.add", &args);
	send_act(&cose);
	is_data(204);
	dca_sha256(hash, dca_out_buf(&cose));
	assert_true(dca_cbor_find(r.m.f[2].b, "sha256", &c));
	assert_true(dca_cbor_take_bytes(&c, &said, 32));
	assert_true(dca_buf_eq(said, DCA_BUF(hash, 32)));
	assert_true(dca_cbor_find(r.m.f[2].b, "proposal", &c));
	assert_true(dca_cbor_take_uint(&c, &proposal));
	assert_true(has_key(r.m.f[2].b, "needs"));
	dca_out_free(&cose);
	return proposal;
}

void
test_four_eyes(void **state)
{
	EVP_PKEY *dave = lab_key();
	struct lab_signer s;
	struct dca_out before = { 0 }, cose = { 0 };
	uint8_t hash[32], other[32] = { 1 };
	uint64_t id;

	(void)state;
	id = propose("dave", dave, hash);
	snapshot(&before);
	/* alice is not another pair of eyes, nor is who is not an admin */
	approve_as("alice", lab.admin_key, ++lab.seq, id, DCA_BUF(hash, 32));
	is_problem(DCA_RULE_AUTH_FOUR_EYES);
	approve_as("carol", front_key, 50, id, DCA_BUF(hash, 32));
	is_problem(DCA_RULE_AUTH_ROLE);
	approve_as("bob", front_key, 50, id, DCA_BUF(hash, 32));
	is_problem(DCA_RULE_AUTH_SIGNATURE);
	approve_as("bob", bob_key, ++bob_seq, id, DCA_BUF(other, 32));
	is_problem(DCA_RULE_AUTH_FOUR_EYES);
	approve_as("bob", bob_key, ++bob_seq, 1, DCA_BUF(hash, 32));
	is_problem(DCA_RULE_REG_UNKNOWN);
	approve_as("bob", bob_key, ++bob_seq, UINT64_MAX, DCA_BUF(hash, 32));
	is_problem(DCA_RULE_REG_ACT);
	unchanged(&before);
	/* bob signs; the front sends it twice */
	s = (struct lab_signer){ .op = "bob", .key = bob_key,
		.seq = ++bob_seq };
	put_approval(id, DCA_BUF(hash, 32));
	sign_act(&cose, &s, "approve", &args);
	send_act(&cose);
	is_data(204);
	snapshot(&before);
	send_act(&cose);
	is_problem(DCA_RULE_AUTH_SEQUENCE);
	approve_as("bob", bob_key, ++bob_seq, id, DCA_BUF(hash, 32));
	is_problem(DCA_RULE_REG_STATE);
	unchanged(&before);
	/* dave is an admin now: he may approve, and be removed */
	id = propose("erin", erin, hash);
	approve_as("dave", dave, 1, id, DCA_BUF(hash, 32));
	is_data(204);
	id = propose("frank", beta, hash);
	put_id("alice");
	s = (struct lab_signer){ .op = "dave", .key = dave, .seq = 2 };
	put_map(&args, 1);
	put_uint(&args, "proposal", id);
	lab_act_as(&lab, &r, &s, "proposal.drop", &args);
	is_data(204);
	approve_as("bob", bob_key, ++bob_seq, id, DCA_BUF(hash, 32));
	is_problem(DCA_RULE_REG_STATE);
	/* what would be refused is not proposed */
	put_operator("bob", front_key, "admin");
	lab_act(&lab, &r, "operator.add", &args);
	is_problem(DCA_RULE_REG_EXISTS);
	EVP_PKEY_free(dave);
	dca_out_free(&before);
	dca_out_free(&cose);
}

/* Of an admin who was removed meanwhile nobody carries out anything. */
void
test_proposer_gone(void **state)
{
	struct lab_signer s;
	struct dca_out before = { 0 };
	uint8_t hash[32];
	struct dca_cbor c;
	uint64_t id = 0;
	EVP_PKEY *key = lab_key();

	(void)state;
	s = (struct lab_signer){ .op = "erin", .key = erin, .seq = 1 };
	put_operator("gina", key, "admin");
	lab_act_as(&lab, &r, &s, "operator.add", &args);
	is_data(204);
	assert_true(dca_cbor_find(r.m.f[2].b, "proposal", &c));
	assert_true(dca_cbor_take_uint(&c, &id));
	assert_true(dca_cbor_find(r.m.f[2].b, "sha256", &c));
	{
		struct dca_buf b;

		assert_true(dca_cbor_take_bytes(&c, &b, 32));
		memcpy(hash, b.p, 32);
	}
	put_id("erin");
	honest("operator.remove");
	snapshot(&before);
	approve_as("bob", bob_key, ++bob_seq, id, DCA_BUF(hash, 32));
	is_problem(DCA_RULE_REG_STATE);
	unchanged(&before);
	EVP_PKEY_free(key);
	dca_out_free(&before);
}

/* Root installs; with two admins, one of them has to sign for it. */
void
test_cross(void **state)
{
	struct dca_out before = { 0 };
	uint8_t hash[32];
	struct dca_buf said;
	struct dca_cbor c;
	uint64_t id = 0;

	(void)state;
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr),
	    dca_out_buf(&lab.cross));
	is_data(204);
	assert_true(dca_cbor_find(r.m.f[2].b, "proposal", &c));
	assert_true(dca_cbor_take_uint(&c, &id));
	assert_true(dca_cbor_find(r.m.f[2].b, "sha256", &c));
	assert_true(dca_cbor_take_bytes(&c, &said, 32));
	memcpy(hash, said.p, 32);
	snapshot(&before);
	approve_as("carol", front_key, 51, id, DCA_BUF(hash, 32));
	is_problem(DCA_RULE_AUTH_ROLE);
	unchanged(&before);
	approve_as("bob", bob_key, ++bob_seq, id, DCA_BUF(hash, 32));
	is_data(204);
	lab_wait_state(&lab, "operational");
	snapshot(&before);
	assert_non_null(memmem(before.p, before.n, "crosses 2", 9));
	dca_out_free(&before);
}

/* --- rekey proofs (dca(7) TRUST (d)) --- */

/* A request of the front's key: serial of acme's, signed by key for what. */
static void
rekey_as(EVP_PKEY *key, EVP_PKEY *what, enum dca_function fn)
{
	uint8_t message[DCA_REKEY_LEN];
	char proof[DCA_PASSWORD_MAX + 1];
	struct dca_spki k = lab_spki(what);
	struct dca_out sig = { 0 }, csr = { 0 };
	struct dca_cert old = { 0 };

	assert_int_equal(dca_cert_parse(&old, dca_out_buf(&acme_cert), NULL),
	    DCA_OK);
	dca_rekey_message(message, &k);
	lab_sign(&sig, key, DCA_BUF(message, sizeof(message)));
	dca_rekey_proof(proof, old.serial, dca_out_buf(&sig));
	lab_csr(&csr, front_key, "12025550100", proof);
	send_issue(&acme_cert, &csr, fn);
	dca_cert_clear(&old);
	dca_out_free(&sig);
	dca_out_free(&csr);
}

void
test_wrong_rekey(void **state)
{
	static const enum dca_function fns[] = { DCA_FN_SEN, DCA_FN_SREN };
	EVP_PKEY *next = lab_key();
	struct dca_out csr = { 0 }, before = { 0 };

	(void)state;
	snapshot(&before);
	for (size_t i = 0; i < 2; i++) {
		rekey_as(front_key, front_key, fns[i]);
		is_problem(DCA_RULE_AUTH_REKEY);
		rekey_as(beta, front_key, fns[i]);
		is_problem(DCA_RULE_AUTH_REKEY);
		/* what acme signed for its own next key */
		rekey_as(acme, next, fns[i]);
		is_problem(DCA_RULE_AUTH_REKEY);
	}
	/* acme's certificate shown, and no proof at all */
	lab_csr(&csr, front_key, NULL, NULL);
	send_issue(&acme_cert, &csr, DCA_FN_SREN);
	is_problem(DCA_RULE_AUTH_REKEY);
	send_issue(&front_cert, &csr, DCA_FN_SREN);
	is_problem(DCA_RULE_AUTH_PROOF);
	/* a function that is none */
	send_issue(&acme_cert, &csr, DCA_FN_OPERATOR);
	assert_int_equal(r.m.type, DCA_MSG_PROBLEM);
	send_issue(&acme_cert, &csr, (enum dca_function)77);
	assert_int_equal(r.m.type, DCA_MSG_PROBLEM);
	unchanged(&before);
	EVP_PKEY_free(next);
	dca_out_free(&csr);
	dca_out_free(&before);
}
