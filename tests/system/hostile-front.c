/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A captured front (dca(7) TRUST) against the real dca-vault: it has its
 * socket, every packet that ever passed, every certificate it saw, and a key
 * of its own. It may see, delay and drop; the register changes by honest acts
 * alone and its key gets no certificate. usage: hostile-front DCA-VAULT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dca/store.h"
#include "hostile-front.h"

struct lab lab;
struct reply r;
struct dca_out args, front_cert, acme_cert;
EVP_PKEY *front_key, *acme, *bob_key;
EVP_PKEY *beta, *erin;
static const char *program;
static uint8_t code[16];		/* c1, beta's: the front has its id */
struct dca_out acme_csr;		/* honest, seen passing */

void
is_data(unsigned want)
{
	if (r.m.type != DCA_MSG_DATA)
		fail_msg("%s: %s", dca_problem(r.e.rule)->id, r.e.text);
	assert_int_equal(r.m.f[0].u, want);
}

void
is_problem(enum dca_rule rule)
{
	if (r.m.type != DCA_MSG_PROBLEM)
		fail_msg("%s instead of %s", dca_message_name(r.m.type),
		    dca_problem(rule)->id);
	if (r.e.rule != rule)
		fail_msg("%s (%s) instead of %s", dca_problem(r.e.rule)->id,
		    r.e.text, dca_problem(rule)->id);
}

/* --- the register --- */

/* last_seq of an operator is no register entry: a refused act uses it up. */
static void
add_view(struct dca_out *o, const char *view)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_READ, .id = 2, .n = 2 };
	struct reply answer = { 0 };
	struct dca_cbor rows, seq;
	struct dca_buf row;
	size_t n;

	m.f[0].b = DCA_BUF(view, strlen(view));
	lab_ask(&answer, lab.admin, &m);
	assert_int_equal(answer.m.type, DCA_MSG_DATA);
	assert_true(dca_cbor_find(answer.m.f[2].b, "rows", &rows));
	assert_true(dca_cbor_take_array(&rows, &n, 500));
	dca_out_printf(o, "%s %zu\n", view, n);
	while (n--) {
		assert_true(dca_cbor_skip(&rows, &row));
		if (dca_cbor_find(row, "last_seq", &seq))
			row.n = (size_t)(seq.in.p - row.p);
		dca_out_add(o, row.p, row.n);
	}
	reply_clear(&answer);
}

void
snapshot(struct dca_out *o)
{
	static const char *const views[] = { "operators", "proposals",
		"customers", "keys", "codes", "inventory", "delegations",
		"certificates", "crosses" };

	o->n = 0;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		add_view(o, views[i]);
}

void
unchanged(const struct dca_out *before)
{
	struct dca_out now = { 0 };

	snapshot(&now);
	assert_int_equal(now.n, before->n);
	assert_memory_equal(now.p, before->p, now.n);
	dca_out_free(&now);
}

/* --- what passes through the front --- */

void
send_issue(const struct dca_out *peer, const struct dca_out *csr,
    enum dca_function fn)
{
	struct dca_message m = { .type = DCA_MSG_ISSUE, .id = 7, .n = 4 };

	m.f[0].u = fn;
	m.f[1].b = dca_out_buf(peer);
	m.f[2].b = dca_out_buf(csr);
	lab_ask(&r, lab.front, &m);
}

void
sign_act(struct dca_out *cose, const struct lab_signer *s, const char *name,
    const struct dca_out *map)
{
	struct dca_act a = { .seq = s->seq, .time = dca_now() };
	struct dca_out payload = { 0 };
	struct dca_err e = { 0 };

	cose->n = 0;
	(void)dca_strlcpy(a.name, name, sizeof(a.name));
	(void)dca_strlcpy(a.op, s->op, sizeof(a.op));
	memcpy(a.appliance, s->appliance ? s->appliance : lab.appliance, 16);
	a.args = dca_out_buf(map);
	dca_act_encode(&payload, &a);
	assert_true(dca_cbor_check(dca_out_buf(&payload)));
	assert_int_equal(dca_cose_sign1(cose, dca_out_buf(&payload), s->key,
	    &e), DCA_OK);
	dca_out_free(&payload);
}

void
send_act(const struct dca_out *cose)
{
	struct dca_message m = { .type = DCA_MSG_ACT, .id = 8, .n = 2 };

	m.f[0].b = dca_out_buf(&lab.admin_cert);
	m.f[1].b = dca_out_buf(cose);
	lab_ask(&r, lab.front, &m);
}

void
honest(const char *name)
{
	lab_act(&lab, &r, name, &args);
	is_data(204);
}

void
put_id(const char *id)
{
	put_map(&args, 1);
	put_text(&args, "id", id);
}

void
put_operator(const char *id, EVP_PKEY *key, const char *role)
{
	struct dca_spki k = lab_spki(key);

	put_map(&args, 3);
	put_text(&args, "id", id);
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	put_text(&args, "role", role);
}

struct lab_signer
alice(void)
{
	return (struct lab_signer){ .op = "alice", .key = lab.admin_key,
		.seq = ++lab.seq };
}

bool
has_key(struct dca_buf map, const char *key)
{
	struct dca_cbor c;

	return dca_cbor_find(map, key, &c);
}

/* --- the honest state --- */

static void
first_admin(void)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_ACT, .id = 9, .n = 1 };
	struct dca_act a = { .op = "local", .name = "operator.add",
		.time = dca_now() };
	struct dca_out payload = { 0 };

	put_operator("alice", lab.admin_key, "admin");
	memcpy(a.appliance, lab.appliance, 16);
	a.args = dca_out_buf(&args);
	dca_act_encode(&payload, &a);
	m.f[0].b = dca_out_buf(&payload);
	lab_ask(&r, lab.admin, &m);
	is_data(204);
	assert_true(has_key(r.m.f[2].b, "alone"));
	dca_out_free(&payload);
}

static void
add_customer(const char *id, const char *start)
{
	put_map(&args, 3);
	put_text(&args, "id", id);
	put_text(&args, "name", id);
	put_text(&args, "country", "US");
	honest("customer.add");
	put_map(&args, 4);
	put_uint(&args, "of", 1);
	put_uint(&args, "part", 0);
	dca_cbor_text(&args, "rows");
	dca_cbor_array(&args, 1);
	dca_cbor_array(&args, 6);
	dca_cbor_text(&args, id);
	dca_cbor_text(&args, start);
	dca_cbor_uint(&args, 100);
	dca_cbor_uint(&args, 0);
	dca_cbor_uint(&args, 0);
	dca_cbor_bool(&args, false);
	put_text(&args, "import", id);
	honest("delegation.import");
}

static void
add_code(void)
{
	struct dca_out secret = { 0 };
	struct dca_err e = { 0 };
	struct dca_buf sealed;
	struct dca_cbor c;

	put_map(&args, 3);
	put_text(&args, "id", "c1");
	put_uint(&args, "ttl", 3600);
	put_text(&args, "customer", "beta");
	honest("code.create");
	assert_true(dca_cbor_find(r.m.f[2].b, "sealed", &c));
	assert_true(dca_cbor_take_bytes(&c, &sealed, 200));
	assert_int_equal(dca_unseal(&secret, lab.admin_key, sealed, &e),
	    DCA_OK);
	memcpy(code, secret.p, sizeof(code));
	dca_out_free(&secret);
}

static void
pin_acme(void)
{
	struct dca_spki k = lab_spki(acme);

	put_map(&args, 2);
	put_text(&args, "id", "acme");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	honest("customer.pin");
	lab_csr(&acme_csr, acme, "12025550100+10", NULL);
	send_issue(&acme_cert, &acme_csr, DCA_FN_SEN);
	assert_int_equal(r.m.type, DCA_MSG_ISSUED);
	/* from now on the peer certificate the front shows is a real one */
	acme_cert.n = 0;
	dca_out_add(&acme_cert, r.m.f[1].b.p, r.m.f[1].b.n);
}

static int
setup(void **state)
{
	(void)state;
	front_key = lab_key();
	acme = lab_key();
	beta = lab_key();
	erin = lab_key();
	bob_key = lab_key();
	lab_client(&front_cert, front_key);
	lab_client(&acme_cert, acme);
	lab_start(&lab, program, "workers = 1");
	lab_wait_state(&lab, "no-cross-certificate");
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr),
	    dca_out_buf(&lab.cross));
	is_data(204);
	lab_wait_state(&lab, "operational");
	first_admin();
	add_customer("acme", "12025550100");
	add_customer("beta", "12025550300");
	add_code();
	pin_acme();
	put_operator("bob", bob_key, "admin");
	honest("operator.add");
	assert_true(has_key(r.m.f[2].b, "alone"));
	return 0;
}

/* --- certificates for the front's own key --- */

static void
test_forged_customer(void **state)
{
	struct dca_out csr = { 0 }, before = { 0 };
	const struct dca_out *peers[] = { &acme_cert, &front_cert,
		&lab.admin_cert, &lab.cross };

	(void)state;
	snapshot(&before);
	for (size_t i = 0; i < 4; i++) {
		csr.n = 0;
		lab_csr(&csr, front_key, "12025550100", NULL);
		send_issue(peers[i], &csr, DCA_FN_SEN);
		is_problem(DCA_RULE_AUTH_PROOF);
		/* acme's key in it, and no proof that the front has it */
		csr.n = 0;
		lab_csr_signed_by(&csr, acme, front_key, "12025550100", NULL);
		send_issue(peers[i], &csr, DCA_FN_SEN);
		is_problem(DCA_RULE_CSR_POP);
	}
	unchanged(&before);
	dca_out_free(&csr);
	dca_out_free(&before);
}

static void
test_replayed_csr(void **state)
{
	const struct dca_out *peers[] = { &acme_cert, &front_cert };
	struct dca_spki k = lab_spki(acme);
	struct dca_out before = { 0 };
	struct dca_cert cert = { 0 };

	(void)state;
	snapshot(&before);
	for (size_t i = 0; i < 10; i++) {
		send_issue(peers[i % 2], &acme_csr, DCA_FN_SEN);
		assert_int_equal(r.m.type, DCA_MSG_ISSUED);
		assert_int_equal(dca_cert_parse(&cert, r.m.f[1].b, NULL),
		    DCA_OK);
		assert_memory_equal(&cert.key, &k, sizeof(k));
		dca_cert_clear(&cert);
	}
	unchanged(&before);
	dca_out_free(&before);
}

static void
ask_with(EVP_PKEY *key, const char *proof)
{
	struct dca_out csr = { 0 };

	lab_csr(&csr, key, NULL, proof);
	send_issue(&front_cert, &csr, DCA_FN_SEN);
	dca_out_free(&csr);
}

static void
test_stolen_code(void **state)
{
	struct dca_spki own = lab_spki(front_key), theirs = lab_spki(beta);
	char proof[DCA_PASSWORD_MAX + 1], seen[DCA_PASSWORD_MAX + 1];
	uint8_t guess[16] = { 0 };
	struct dca_out before = { 0 };

	(void)state;
	snapshot(&before);
	/* the id, and no code */
	dca_enrol_proof(proof, "c1", guess, &own);
	ask_with(front_key, proof);
	is_problem(DCA_RULE_AUTH_CODE);
	ask_with(front_key, "c1:");
	assert_int_equal(r.m.type, DCA_MSG_PROBLEM);
	memset(guess, 0xff, sizeof(guess));
	dca_enrol_proof(proof, "c1", guess, &own);
	ask_with(front_key, proof);
	is_problem(DCA_RULE_AUTH_CODE);
	/* the proof of an enrolment that it held back, for its own key */
	dca_enrol_proof(seen, "c1", code, &theirs);
	ask_with(front_key, seen);
	is_problem(DCA_RULE_AUTH_CODE);
	unchanged(&before);
	/* none of that spent the code of its owner */
	ask_with(beta, seen);
	assert_int_equal(r.m.type, DCA_MSG_ISSUED);
	snapshot(&before);
	ask_with(front_key, seen);
	is_problem(DCA_RULE_AUTH_CODE);
	ask_with(beta, seen); /* another request of the same key */
	is_problem(DCA_RULE_AUTH_CODE);
	unchanged(&before);
	dca_out_free(&before);
}

/* --- afterwards --- */

static void
count(const struct dca_operator_audit *a, void *arg)
{
	unsigned *seen = arg;

	print_message("%s: %u acts %u proposed %u approved %u refused\n",
	    a->op.id, (unsigned)a->acts, (unsigned)a->proposed,
	    (unsigned)a->approved, (unsigned)a->refused);
	++*seen;
	if (strcmp(a->op.id, "carol") == 0)
		assert_int_equal(a->acts + a->proposed + a->approved, 0);
	if (strcmp(a->op.id, "bob") == 0)
		assert_int_equal(a->approved, 2);
	if (strcmp(a->op.id, "alice") == 0)
		assert_int_equal(a->proposed, 3);
}

static void
test_afterwards(void **state)
{
	struct dca_spki own = lab_spki(front_key);
	struct dca_store *store = NULL;
	struct dca_out csr = { 0 };
	struct dca_err e = { 0 };
	struct dca_key key;
	uint8_t hash[32];
	uint64_t rows = 0;
	unsigned seen = 0;
	char path[128];

	(void)state;
	/* it still serves who is honest */
	lab_csr(&csr, acme, "12025550150", NULL);
	send_issue(&acme_cert, &csr, DCA_FN_SEN);
	assert_int_equal(r.m.type, DCA_MSG_ISSUED);
	dca_out_free(&csr);
	lab_stop(&lab);
	(void)snprintf(path, sizeof(path), "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&store, path, true, &e) ||
	    dca_store_verify_operators(store, &rows, count, &seen, &e))
		fail_msg("%s", e.text);
	assert_int_equal(seen, 7);
	dca_spki_sha256(hash, &own);
	assert_int_equal(dca_store_key(store, hash, dca_now(), &key, &e),
	    DCA_NOTFOUND);
	dca_store_close(store);
}

static int
teardown(void **state)
{
	(void)state;
	lab_close(&lab);
	EVP_PKEY_free(front_key);
	EVP_PKEY_free(acme);
	EVP_PKEY_free(beta);
	EVP_PKEY_free(bob_key);
	EVP_PKEY_free(erin);
	dca_out_free(&front_cert);
	dca_out_free(&acme_cert);
	dca_out_free(&acme_csr);
	dca_out_free(&args);
	reply_clear(&r);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forged_customer),
		cmocka_unit_test(test_replayed_csr),
		cmocka_unit_test(test_stolen_code),
		cmocka_unit_test(test_replayed_act),
		cmocka_unit_test(test_reordered),
		cmocka_unit_test(test_forged_act),
		cmocka_unit_test(test_four_eyes),
		cmocka_unit_test(test_proposer_gone),
		cmocka_unit_test(test_cross),
		cmocka_unit_test(test_wrong_rekey),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_afterwards),
	};
	int rc;

	if (argc != 2)
		return 2;
	program = argv[1];
	dca_log_init("hostile-front", DCA_ERR);
	rc = lab_open(&lab, program);
	return rc ? rc : cmocka_run_group_tests(tests, setup, teardown);
}
