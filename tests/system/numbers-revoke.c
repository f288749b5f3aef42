/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shrinking, porting, sharing; what a revoked certificate still does
 * (nothing); keys that are never certified. With numbers 900 to 999, which
 * are free again in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "numbers.h"

void
test_shrink(void **state)
{
	struct dca_out one = { 0 };
	struct dca_cert cert = { 0 };
	char hex[2 * DCA_SERIAL_LEN + 1];

	(void)state;
	delegate("acme", "12025550900", 60, false);
	is_data(&last, 204);
	ask_for(acme_key, "12025550900+10", NULL);
	keep(&one);
	assert_int_equal(dca_cert_parse(&cert, dca_out_buf(&one), NULL),
	    DCA_OK);
	dca_hex(hex, cert.serial, DCA_SERIAL_LEN);
	/* refused, with the first number and the serial */
	remove_numbers("acme", "12025550905+20", -1);
	is_problem(&last, DCA_RULE_REG_LIVE, "12025550905");
	assert_non_null(strstr(last.e.text, hex));
	end_numbers("acme", "12025550909+5", cert.not_after - 1);
	is_problem(&last, DCA_RULE_REG_LIVE, "12025550909");
	assert_non_null(strstr(last.e.text, hex));
	/* nothing was changed: the whole is still delegated */
	ask_for(acme_key, "12025550900+60", NULL);
	assert_true(is_issued(&last));
	revoke_by("numbers", "12025550910", 4);
	is_data(&last, 204);
	assert_int_equal(uint_of(&last, "count"), 1);
	/* what ends after the certificate, and what it has not */
	end_numbers("acme", "12025550900+10", cert.not_after);
	is_data(&last, 204);
	assert_int_equal(uint_of(&last, "changed"), 1);
	revoked_are(0, NULL);
	remove_numbers("acme", "12025550910+10", -1);
	is_data(&last, 204);
	assert_int_equal(uint_of(&last, "removed"), 1);
	ask_for(acme_key, "12025550909+2", NULL);
	is_problem(&last, DCA_RULE_SCOPE_DELEGATION, "12025550910");
	dca_cert_clear(&cert);
	dca_out_free(&one);
	verified();
}

void
test_shrink_refusals(void **state)
{
	(void)state;
	remove_numbers("acme", "12025550958+3", -1);
	is_problem(&last, DCA_RULE_REG_UNKNOWN, "12025550960");
	remove_numbers("nobody", "12025550950", -1);
	is_problem(&last, DCA_RULE_REG_UNKNOWN, "");
	remove_numbers("acme", "spc:709J", -1);
	is_problem(&last, DCA_RULE_REG_FIELD, "");
	remove_numbers("acme", "", -1);
	assert_int_equal(last.m.type, DCA_MSG_PROBLEM);
	remove_numbers("acme", "12025550950", 6);
	is_problem(&last, DCA_RULE_REG_FIELD, "");
	assert_string_equal(last.e.field, "reason");
	end_numbers("acme", "12025550950", dca_now() - 10);
	is_problem(&last, DCA_RULE_REG_FIELD, "");
	assert_string_equal(last.e.field, "not_after");
	put_map(&map, 3);
	put_uint(&map, "reason", 4);
	put_text(&map, "numbers", "12025550950");
	put_text(&map, "customer", "acme");
	lab_act(&lab, &last, "delegation.remove", &map);
	is_problem(&last, DCA_RULE_REG_ACT, "");
	verified();
}

/* The number moves: revoked, taken and given in the time of two acts. */
void
test_port(void **state)
{
	struct dca_out old = { 0 }, new = { 0 };

	(void)state;
	ask_for(acme_key, "12025550920+5", NULL);
	keep(&old);
	delegate("beta", "12025550921", 1, false);
	is_data(&last, 400);	/* reg-overlap */
	ask_for(beta_key, "12025550921", NULL);
	is_problem(&last, DCA_RULE_SCOPE_OTHER, "12025550921");
	remove_numbers("acme", "12025550921", 5);
	is_data(&last, 204);
	revoked_are(1, (const struct dca_out *const[]){ &old });
	delegate("beta", "12025550921", 1, false);
	is_data(&last, 204);
	ask_for(beta_key, "12025550921", NULL);
	keep(&new);
	ask_for(acme_key, "12025550920+5", NULL);
	is_problem(&last, DCA_RULE_SCOPE_OTHER, "12025550921");
	ask_for(acme_key, "12025550920,12025550922+3", NULL);
	assert_true(is_issued(&last));
	read_cert(&new, &beta_cert);
	is_data(&last, 205);
	read_cert(&new, &acme_cert);
	is_problem(&last, DCA_RULE_PATH, "");
	dca_out_free(&old);
	dca_out_free(&new);
	verified();
}

/* Sharing only when every holder says so; then both are certified. */
void
test_shared(void **state)
{
	(void)state;
	delegate("acme", "12025550980", 1, true);
	is_data(&last, 204);
	delegate("beta", "12025550980", 1, false);
	is_data(&last, 400);
	delegate("beta", "12025550980", 1, true);
	is_data(&last, 204);
	delegate("acme", "12025550980", 1, false);
	is_data(&last, 400);
	ask_for(acme_key, "12025550980", NULL);
	assert_true(is_issued(&last));
	ask_for(beta_key, "12025550980", NULL);
	assert_true(is_issued(&last));
	remove_numbers("beta", "12025550980", -1);
	is_problem(&last, DCA_RULE_REG_LIVE, "12025550980");
	remove_numbers("beta", "12025550980", 9);
	is_data(&last, 204);
	ask_for(acme_key, "12025550980", NULL);
	assert_true(is_issued(&last));	/* acme's was not touched */
	verified();
}

/* Superseded: the certificate shows nothing any more; the key may return. */
void
test_revoked_shows_nothing(void **state)
{
	EVP_PKEY *key = lab_key();
	char proof[DCA_PASSWORD_MAX + 1];
	struct dca_out csr = { 0 }, peer = { 0 }, one = { 0 }, two = { 0 };

	(void)state;
	make_proof(proof, "acme", key);
	lab_csr(&csr, key, "12025550930", proof);
	lab_client(&peer, key);
	lab_issue(&lab, &last, &peer, &csr);
	keep(&one);
	read_cert(&one, &one);
	is_data(&last, 205);
	attributes(&one);
	assert_int_equal(last.m.f[0].u, 205);
	ask_for(key, "12025550930", NULL);
	keep(&two);
	revoke_cert(&one, 4);
	is_data(&last, 204);
	revoked_are(1, (const struct dca_out *const[]){ &one });
	/* its key has a live one, which reads; the revoked one does not */
	read_cert(&one, &one);
	is_problem(&last, DCA_RULE_PATH, "");
	attributes(&one);
	is_problem(&last, DCA_RULE_PATH, "");
	read_cert(&one, &two);
	is_data(&last, 205);
	lab_issue(&lab, &last, &peer, &csr);	/* the enrolment once more */
	is_problem(&last, DCA_RULE_AUTH_CODE, "");
	revoke_cert(&two, 4);
	is_data(&last, 204);
	read_cert(&two, &two);
	is_problem(&last, DCA_RULE_PATH, "");
	read_cert(&two, &peer);
	is_problem(&last, DCA_RULE_PATH, "");
	ask_for(key, "12025550930", NULL);
	is_problem(&last, DCA_RULE_AUTH_PROOF, "");
	revoke_cert(&two, 5);
	is_problem(&last, DCA_RULE_REG_STATE, "");
	make_proof(proof, "acme", key);
	ask_for(key, "12025550930", proof);
	assert_true(is_issued(&last));
	dca_out_free(&csr);
	dca_out_free(&peer);
	dca_out_free(&one);
	dca_out_free(&two);
	EVP_PKEY_free(key);
	verified();
}

static void
operator_issue(const char *customer, EVP_PKEY *key)
{
	struct dca_out csr = { 0 };

	lab_csr(&csr, key, NULL, NULL);
	put_map(&map, 2);
	put_bytes(&map, "csr", dca_out_buf(&csr));
	put_text(&map, "customer", customer);
	lab_act(&lab, &last, "issue", &map);
	dca_out_free(&csr);
}

/* A compromised key: never again, for nobody, in no way. */
void
test_compromised_key(void **state)
{
	EVP_PKEY *key = lab_key(), *pinned = lab_key();
	struct dca_spki k = lab_spki(key), p = lab_spki(pinned);
	char proof[DCA_PASSWORD_MAX + 1];
	struct dca_out peer = { 0 }, one = { 0 };

	(void)state;
	make_proof(proof, "acme", key);
	ask_for(key, "12025550931", proof);
	keep(&one);
	revoke_by("numbers", "12025550931", 1);
	is_data(&last, 204);
	revoked_are(1, (const struct dca_out *const[]){ &one });
	make_proof(proof, "acme", key);
	ask_for(key, "12025550932", proof);
	is_problem(&last, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	operator_issue("acme", key);
	is_problem(&last, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	operator_issue("beta", key);
	is_problem(&last, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	pin("acme", &k);
	is_problem(&last, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	pin("beta", &k);
	is_problem(&last, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	/* a pinned one: the pin no longer helps */
	pin("acme", &p);
	is_data(&last, 204);
	ask_for(pinned, "12025550933", NULL);
	keep(&one);
	lab_client(&peer, pinned);
	read_cert(&one, &peer);
	is_data(&last, 205);
	revoke_cert(&one, 4);
	is_data(&last, 204);
	revoke_cert(&one, 1);	/* found out later */
	is_data(&last, 204);
	read_cert(&one, &peer);
	is_problem(&last, DCA_RULE_PATH, "");
	ask_for(pinned, "12025550933", NULL);
	is_problem(&last, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	dca_out_free(&peer);
	dca_out_free(&one);
	EVP_PKEY_free(key);
	EVP_PKEY_free(pinned);
	verified();
}

/* Of another customer, of the CA, of a CA above it. */
void
test_other_keys(void **state)
{
	char proof[DCA_PASSWORD_MAX + 1];

	(void)state;
	make_proof(proof, "beta", acme_key);
	ask_for(acme_key, "12025550921", proof);
	is_problem(&last, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	operator_issue("beta", acme_key);
	is_problem(&last, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	pin("acme", &lab.ca);
	is_problem(&last, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	operator_issue("acme", lab.root_key);
	is_problem(&last, DCA_RULE_CSR_FORBIDDEN_KEY, "");
	verified();
}

void
test_suspended(void **state)
{
	struct dca_out one = { 0 };

	(void)state;
	ask_for(beta_key, "12025550921", NULL);
	keep(&one);
	put_map(&map, 1);
	put_text(&map, "id", "beta");
	lab_act(&lab, &last, "customer.suspend", &map);
	is_data(&last, 204);
	ask_for(beta_key, "12025550921", NULL);
	is_problem(&last, DCA_RULE_REG_STATE, "");
	read_cert(&one, &one);
	is_problem(&last, DCA_RULE_PATH, "");
	attributes(&beta_cert);
	is_problem(&last, DCA_RULE_PATH, "");
	lab_act(&lab, &last, "customer.resume", &map);
	is_data(&last, 204);
	read_cert(&one, &one);
	is_data(&last, 205);
	dca_out_free(&one);
	verified();
}

void
test_revoke_refusals(void **state)
{
	const struct lab_signer eve = { .op = "eve", .key = bob_key,
		.seq = 1 };

	(void)state;
	revoke_by("numbers", "12025550999", 4);
	is_problem(&last, DCA_RULE_REG_UNKNOWN, "");
	revoke_by("customer", "nobody", 4);
	is_problem(&last, DCA_RULE_REG_UNKNOWN, "");
	revoke_by("numbers", "12025550921", 6);
	is_problem(&last, DCA_RULE_REG_FIELD, "");
	put_map(&map, 3);
	put_uint(&map, "reason", 4);
	put_text(&map, "numbers", "12025550921");
	put_text(&map, "customer", "beta");
	lab_act(&lab, &last, "revoke", &map);
	is_problem(&last, DCA_RULE_REG_ACT, "");
	put_map(&map, 2);
	put_uint(&map, "reason", 4);
	put_bytes(&map, "serial", DCA_BUF("1234567890123456789", 19));
	lab_act(&lab, &last, "revoke", &map);
	is_problem(&last, DCA_RULE_REG_FIELD, "");
	put_map(&map, 2);
	put_uint(&map, "reason", 4);
	put_text(&map, "customer", "beta");
	lab_act_as(&lab, &last, &eve, "revoke", &map);
	is_problem(&last, DCA_RULE_AUTH_OPERATOR, "");
	verified();
}

/* All of a customer; then everything is free for the races. */
void
test_revoke_customer(void **state)
{
	(void)state;
	revoke_by("customer", "beta", 5);
	is_data(&last, 204);
	assert_true(uint_of(&last, "count") >= 1);
	revoke_by("customer", "beta", 5);
	is_problem(&last, DCA_RULE_REG_UNKNOWN, "");
	remove_numbers("beta", "12025550921", -1);
	is_data(&last, 204);
	remove_numbers("acme", "12025550900+10,12025550920,12025550922+38,"
	    "12025550980", 5);
	is_data(&last, 204);
	ask_for(acme_key, NULL, NULL);
	is_problem(&last, DCA_RULE_SCOPE_EMPTY, "");
	verified();
}
