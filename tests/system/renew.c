/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renewal and repeats at the real dca-vault, with SoftHSM and restarts: what
 * ends a repeat, what follows what, how many keys a day may bring. At the end
 * the ledger is verified. usage: renew PATH-OF-DCA-VAULT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/store.h"
#include "vault.h"

static struct lab lab;
static const char *program;
static struct reply r;
static struct dca_out args;
static EVP_PKEY *key;			/* acme's, pinned */
static struct dca_out self;		/* its own certificate */

/* --- hands --- */

static void
is_data(unsigned code)
{
	if (r.m.type != DCA_MSG_DATA)
		fail_msg("%s: %s", dca_problem(r.e.rule)->id, r.e.text);
	assert_int_equal(r.m.f[0].u, code);
}

static void
is_problem(enum dca_rule rule, const char *first)
{
	if (r.m.type != DCA_MSG_PROBLEM || r.e.rule != rule)
		fail_msg("%s %s (%s) instead of %s",
		    dca_message_name(r.m.type), dca_problem(r.e.rule)->id,
		    r.e.text, dca_problem(rule)->id);
	assert_int_equal(r.m.f[0].u, dca_problem(rule)->coap);
	assert_string_equal(r.e.first, first);
}

static void
restart(const char *issue_options)
{
	if (lab.pid)
		lab_stop(&lab);
	lab_start(&lab, program, issue_options);
	lab_wait_state(&lab, "operational");
}

static void
act(const char *name)
{
	lab_act(&lab, &r, name, &args);
	is_data(204);
}

static void
customer(const char *name, const char *id)
{
	put_map(&args, 1);
	put_text(&args, "id", id);
	act(name);
}

/* A row that changes what acme is delegated; another number each time. */
static void
delegate(unsigned number, uint64_t count)
{
	char import[16], start[16];

	(void)snprintf(import, sizeof(import), "d%u", number);
	(void)snprintf(start, sizeof(start), "12025550%03u", number);
	put_map(&args, 4);
	put_uint(&args, "of", 1);
	put_uint(&args, "part", 0);
	dca_cbor_text(&args, "rows");
	dca_cbor_array(&args, 1);
	dca_cbor_array(&args, 6);
	dca_cbor_text(&args, "acme");
	dca_cbor_text(&args, start);
	dca_cbor_uint(&args, count);
	dca_cbor_uint(&args, 0);
	dca_cbor_uint(&args, 0);
	dca_cbor_bool(&args, false);
	put_text(&args, "import", import);
	act("delegation.import");
}

static void
take_back(const uint8_t serial[static DCA_SERIAL_LEN])
{
	put_map(&args, 2);
	put_uint(&args, "reason", 4);
	put_bytes(&args, "serial", DCA_BUF(serial, DCA_SERIAL_LEN));
	act("revoke");
}

static void
install(const char *cn)
{
	struct dca_out cross = { 0 };

	lab_cert(&cross, &(struct lab_cert){ .cn = cn, .key = &lab.ca,
	    .issuer_key = lab.root_key, .issuer = &lab.root, .ca = true,
	    .numbers = "12025550000+1000", .not_before = dca_now() - 60,
	    .not_after = dca_now() + 300 * 86400 });
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr), dca_out_buf(&cross));
	is_data(204);
	dca_out_free(&cross);
}

static void
make_csr(struct dca_out *der, EVP_PKEY *k, const char *numbers,
    const char *password)
{
	struct dca_tnset *s = numbers ? lab_set(numbers) : NULL;
	struct dca_csr_spec spec = { .key = lab_spki(k), .numbers = s,
		.password = password };
	struct dca_out info = { 0 }, sig = { 0 };

	der->n = 0;
	dca_csr_build(&info, &spec);
	lab_sign(&sig, k, dca_out_buf(&info));
	dca_signed_encode(der, dca_out_buf(&info), dca_out_buf(&sig));
	dca_out_free(&info);
	dca_out_free(&sig);
	dca_tnset_free(s);
}

struct got {
	uint8_t serial[DCA_SERIAL_LEN];
	struct dca_out cert;
};

static void
ask(enum dca_function fn, const struct dca_out *peer,
    const struct dca_out *csr)
{
	struct dca_message m = { .type = DCA_MSG_ISSUE, .id = 7, .n = 4 };

	m.f[0].u = fn;
	m.f[1].b = dca_out_buf(peer);
	m.f[2].b = dca_out_buf(csr);
	m.f[3].b = DCA_BUF("[::1]:5684", 10);
	lab_ask(&r, lab.front, &m);
}

static void
get(struct got *g, enum dca_function fn, const struct dca_out *peer,
    const struct dca_out *csr)
{
	ask(fn, peer, csr);
	if (r.m.type != DCA_MSG_ISSUED)
		fail_msg("%s: %s", dca_problem(r.e.rule)->id, r.e.text);
	memcpy(g->serial, r.m.f[0].b.p, sizeof(g->serial));
	g->cert.n = 0;
	dca_out_add(&g->cert, r.m.f[1].b.p, r.m.f[1].b.n);
}

static void
rekey(struct dca_out *csr, EVP_PKEY *by, const struct got *old, EVP_PKEY *new)
{
	char proof[DCA_PASSWORD_MAX + 1];
	uint8_t message[DCA_REKEY_LEN];
	struct dca_spki spki = lab_spki(new);
	struct dca_out sig = { 0 };

	dca_rekey_message(message, &spki);
	lab_sign(&sig, by, DCA_BUF(message, sizeof(message)));
	dca_rekey_proof(proof, old->serial, dca_out_buf(&sig));
	make_csr(csr, new, NULL, proof);
	dca_out_free(&sig);
}

/* --- tests --- */

static void
test_begin(void **state)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_ACT, .id = 9, .n = 1 };
	struct dca_act a = { .name = "operator.add", .op = "local",
		.time = dca_now() };
	struct dca_spki k = lab_spki(lab.admin_key);
	struct dca_out payload = { 0 };

	(void)state;
	lab_start(&lab, program, "workers = 1");
	lab_wait_state(&lab, "no-cross-certificate");
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr),
	    dca_out_buf(&lab.cross));
	is_data(204);
	put_map(&args, 3);
	put_text(&args, "id", "alice");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	put_text(&args, "role", "admin");
	memcpy(a.appliance, lab.appliance, 16);
	a.args = dca_out_buf(&args);
	dca_act_encode(&payload, &a);
	m.f[0].b = dca_out_buf(&payload);
	lab_ask(&r, lab.admin, &m);
	is_data(204);
	dca_out_free(&payload);
	put_map(&args, 3);
	put_text(&args, "id", "acme");
	put_text(&args, "name", "Acme");
	put_text(&args, "country", "US");
	act("customer.add");
	delegate(100, 100);
	key = lab_key();
	lab_client(&self, key);
	k = lab_spki(key);
	put_map(&args, 2);
	put_text(&args, "id", "acme");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	act("customer.pin");
}

/* A lost answer asked again, before and after a restart. */
static void
same(enum dca_function fn, const struct dca_out *peer,
    const struct dca_out *csr, const struct got *was)
{
	struct got again = { 0 };

	get(&again, fn, peer, csr);
	assert_memory_equal(again.serial, was->serial, DCA_SERIAL_LEN);
	assert_true(dca_buf_eq(dca_out_buf(&again.cert),
	    dca_out_buf(&was->cert)));
	restart("workers = 1");
	get(&again, fn, peer, csr);
	assert_memory_equal(again.serial, was->serial, DCA_SERIAL_LEN);
	dca_out_free(&again.cert);
}

/* What was true changed: after a restart the same request is a new one. */
static void
renewed(enum dca_function fn, const struct dca_out *peer,
    const struct dca_out *csr, struct got *was)
{
	struct got now = { 0 };

	restart("workers = 1");
	get(&now, fn, peer, csr);
	assert_memory_not_equal(now.serial, was->serial, DCA_SERIAL_LEN);
	dca_out_free(&was->cert);
	*was = now;
	same(fn, peer, csr, was);
}

static void
conditions(enum dca_function fn, const struct dca_out *peer, unsigned number)
{
	struct dca_out csr = { 0 };
	struct got g = { 0 };

	make_csr(&csr, key, "12025550100+10", NULL);
	get(&g, fn, peer, &csr);
	same(fn, peer, &csr, &g);
	take_back(g.serial);
	renewed(fn, peer, &csr, &g);
	delegate(number, 1);
	renewed(fn, peer, &csr, &g);
	customer("customer.suspend", "acme");
	ask(fn, peer, &csr);
	is_problem(DCA_RULE_REG_STATE, "");
	customer("customer.resume", "acme");
	renewed(fn, peer, &csr, &g);
	install(fn == DCA_FN_SEN ? "SHAKEN one" : "SHAKEN two");
	renewed(fn, peer, &csr, &g);
	dca_out_free(&csr);
	dca_out_free(&g.cert);
}

static void
test_conditions(void **state)
{
	struct dca_out csr = { 0 };
	struct got old = { 0 };

	(void)state;
	conditions(DCA_FN_SEN, &self, 300);
	make_csr(&csr, key, NULL, NULL);
	get(&old, DCA_FN_SEN, &self, &csr);
	conditions(DCA_FN_SREN, &old.cert, 301);
	dca_out_free(&csr);
	dca_out_free(&old.cert);
}

/* The view names the predecessor; the refusals of a renewal, end to end. */
static void
test_renewal(void **state)
{
	char hex[2 * DCA_SERIAL_LEN + 1], want[2 * DCA_SERIAL_LEN + 1];
	char query[80], *found;
	struct dca_out csr = { 0 };
	struct got old = { 0 }, new = { 0 };
	EVP_PKEY *next = lab_key();

	(void)state;
	make_csr(&csr, key, "12025550100+10", NULL);
	get(&old, DCA_FN_SEN, &self, &csr);
	make_csr(&csr, key, "12025550100+11", NULL);
	ask(DCA_FN_SREN, &old.cert, &csr);
	is_problem(DCA_RULE_RENEW_SCOPE, "12025550110");
	make_csr(&csr, key, NULL, NULL);
	ask(DCA_FN_SREN, &self, &csr);
	is_problem(DCA_RULE_AUTH_PROOF, "");
	make_csr(&csr, next, NULL, NULL);
	ask(DCA_FN_SREN, &old.cert, &csr);
	is_problem(DCA_RULE_AUTH_REKEY, "");
	lab_csr(&csr, key, NULL, NULL);	/* appended: not one request */
	ask(DCA_FN_SREN, &old.cert, &csr);
	is_problem(DCA_RULE_CSR_DER, "");
	csr.n = 0;
	lab_csr(&csr, key, NULL, NULL);	/* its subject is CN=x */
	ask(DCA_FN_SREN, &old.cert, &csr);
	is_problem(DCA_RULE_RENEW_SUBJECT, "");
	rekey(&csr, key, &old, next);
	get(&new, DCA_FN_SREN, &old.cert, &csr);
	dca_hex(hex, new.serial, DCA_SERIAL_LEN);
	dca_hex(want, old.serial, DCA_SERIAL_LEN);
	(void)snprintf(query, sizeof(query), "id=%s", hex);
	lab_read(&lab, &r, &lab.admin_cert, "certificates", query);
	is_data(205);
	found = memmem(r.m.f[2].b.p, r.m.f[2].b.n, "predecessor", 11);
	assert_non_null(found);
	/* a text of 40: two octets of head */
	assert_memory_equal(found + 11 + 2, want, 40);
	take_back(old.serial);
	make_csr(&csr, key, NULL, NULL);
	ask(DCA_FN_SREN, &old.cert, &csr);
	is_problem(DCA_RULE_AUTH_REVOKED, "");
	EVP_PKEY_free(next);
	dca_out_free(&csr);
	dca_out_free(&old.cert);
	dca_out_free(&new.cert);
}

static void
passports(const char *types)
{
	put_map(&args, 2);
	put_text(&args, "id", "acme");
	put_text(&args, "passports", types);
	act("customer.set");
}

/* The register has other claim constraints than the certificate: enrol again.
 * With what it had before, the certificate is renewed as before. */
static void
test_constraints(void **state)
{
	struct dca_out csr = { 0 };
	struct got old = { 0 }, only = { 0 };

	(void)state;
	make_csr(&csr, key, "12025550150", NULL);
	get(&old, DCA_FN_SEN, &self, &csr);
	passports("shaken");
	make_csr(&csr, key, NULL, NULL);
	ask(DCA_FN_SREN, &old.cert, &csr);
	is_problem(DCA_RULE_RENEW_CONSTRAINTS, "");
	make_csr(&csr, key, "12025550150", NULL);
	get(&only, DCA_FN_SEN, &self, &csr);
	assert_memory_not_equal(only.serial, old.serial, DCA_SERIAL_LEN);
	passports("shaken,div,rcd");
	make_csr(&csr, key, NULL, NULL);
	ask(DCA_FN_SREN, &only.cert, &csr);
	is_problem(DCA_RULE_RENEW_CONSTRAINTS, "");
	get(&old, DCA_FN_SREN, &old.cert, &csr);
	dca_out_free(&csr);
	dca_out_free(&old.cert);
	dca_out_free(&only.cert);
}

/* A code answers its own request again, over a restart, and no other; not
 * while the customer is suspended, nor when what it got is revoked. */
static void
test_code(void **state)
{
	char proof[DCA_PASSWORD_MAX + 1];
	struct dca_out csr = { 0 }, other = { 0 }, secret = { 0 };
	EVP_PKEY *new = lab_key();
	struct dca_spki spki = lab_spki(new);
	struct dca_err e = { 0 };
	struct got g = { 0 };
	struct dca_buf sealed = { 0 };
	struct dca_cbor c;

	(void)state;
	put_map(&args, 3);
	put_text(&args, "id", "c1");
	put_uint(&args, "ttl", 3600);
	put_text(&args, "customer", "acme");
	act("code.create");
	assert_true(dca_cbor_find(r.m.f[2].b, "sealed", &c));
	assert_true(dca_cbor_take_bytes(&c, &sealed, 200));
	if (dca_unseal(&secret, lab.admin_key, sealed, &e))
		fail_msg("%s", e.text);
	assert_int_equal(secret.n, 16);
	dca_enrol_proof(proof, "c1", secret.p, &spki);
	make_csr(&csr, new, "12025550140", proof);
	get(&g, DCA_FN_SEN, &self, &csr);
	same(DCA_FN_SEN, &self, &csr, &g);
	make_csr(&other, new, "12025550141", proof);
	ask(DCA_FN_SEN, &self, &other);
	is_problem(DCA_RULE_AUTH_CODE, "");
	customer("customer.suspend", "acme");
	ask(DCA_FN_SEN, &self, &csr);
	is_problem(DCA_RULE_REG_STATE, "");
	customer("customer.resume", "acme");
	same(DCA_FN_SEN, &self, &csr, &g);
	take_back(g.serial);
	ask(DCA_FN_SEN, &self, &csr);
	is_problem(DCA_RULE_AUTH_CODE, "");
	EVP_PKEY_free(new);
	dca_out_free(&secret);
	dca_out_free(&csr);
	dca_out_free(&other);
	dca_out_free(&g.cert);
}

/* A life of nine seconds: 2/3 of it, and its end. */
static void
test_time(void **state)
{
	static const char brief[] = "validity = 9s\nmin_validity = 1s";
	struct dca_out sen = { 0 }, sren = { 0 };
	struct got old = { 0 }, a = { 0 }, b = { 0 };
	int64_t start;

	(void)state;
	restart(brief);
	make_csr(&sen, key, "12025550120", NULL);
	make_csr(&sren, key, NULL, NULL);
	start = dca_now();
	get(&old, DCA_FN_SEN, &self, &sen);
	get(&a, DCA_FN_SREN, &old.cert, &sren);
	get(&b, DCA_FN_SREN, &old.cert, &sren);
	assert_memory_equal(a.serial, b.serial, DCA_SERIAL_LEN);
	restart(brief);
	while (dca_now() < start + 7)
		(void)usleep(50000);
	get(&b, DCA_FN_SREN, &old.cert, &sren);
	assert_memory_not_equal(a.serial, b.serial, DCA_SERIAL_LEN);
	get(&a, DCA_FN_SEN, &self, &sen);
	assert_memory_not_equal(a.serial, old.serial, DCA_SERIAL_LEN);
	while (dca_now() < start + 11)
		(void)usleep(50000);
	ask(DCA_FN_SREN, &old.cert, &sren);
	is_problem(DCA_RULE_AUTH_EXPIRED, "");
	dca_out_free(&sen);
	dca_out_free(&sren);
	dca_out_free(&old.cert);
	dca_out_free(&a.cert);
	dca_out_free(&b.cert);
}

/* Three keys were new before: acme's first, those of test_renewal and
 * test_code. */
static void
test_budget(void **state)
{
	static const char small[] = "new_keys_per_day = 5";
	struct got old = { 0 }, g = { 0 };
	struct dca_out csr = { 0 };
	EVP_PKEY *next[4];

	(void)state;
	restart(small);
	make_csr(&csr, key, "12025550130", NULL);
	get(&old, DCA_FN_SEN, &self, &csr);
	for (unsigned i = 0; i < 4; i++) {
		next[i] = lab_key();
		rekey(&csr, key, &old, next[i]);
		ask(DCA_FN_SREN, &old.cert, &csr);
		if (i < 2)
			assert_int_equal(r.m.type, DCA_MSG_ISSUED);
		else
			is_problem(DCA_RULE_KEY_BUDGET, "");
	}
	assert_in_range(r.m.f[5].u, 1, 86400);	/* Max-Age */
	restart(small);
	ask(DCA_FN_SREN, &old.cert, &csr);
	is_problem(DCA_RULE_KEY_BUDGET, "");
	/* known keys go on */
	make_csr(&csr, key, NULL, NULL);
	get(&g, DCA_FN_SREN, &old.cert, &csr);
	for (unsigned i = 0; i < 4; i++)
		EVP_PKEY_free(next[i]);
	dca_out_free(&csr);
	dca_out_free(&old.cert);
	dca_out_free(&g.cert);
}

static enum dca_rc
count(const struct dca_row *row, void *arg, struct dca_err *e)
{
	(void)row;
	(void)e;
	++*(unsigned *)arg;
	return DCA_OK;
}

static void
test_ledger(void **state)
{
	struct dca_store *store = NULL;
	struct dca_err e = { 0 };
	unsigned alarms = 0;
	uint64_t rows = 0;
	char path[128];

	(void)state;
	lab_stop(&lab);
	(void)snprintf(path, sizeof(path), "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&store, path, true, &e) ||
	    dca_store_verify(store, &rows, &e) ||
	    dca_store_alarms(store, 0, 100, count, &alarms, &e))
		fail_msg("%s", e.text);
	/* three refusals, one of them after a restart: one alarm */
	assert_int_equal(alarms, 1);
	dca_store_close(store);
}

static int
teardown(void **state)
{
	(void)state;
	lab_close(&lab);
	EVP_PKEY_free(key);
	dca_out_free(&self);
	dca_out_free(&args);
	reply_clear(&r);
	return 0;
}

int
main(int argc, char **argv)
{
	/* in this order: each stands on what was set up before it */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_constraints),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_ledger),
	};
	int rc;

	if (argc != 2)
		return 2;
	program = argv[1];
	dca_log_init("renew-test", DCA_ERR);
	rc = lab_open(&lab, program);
	return rc ? rc : cmocka_run_group_tests(tests, NULL, teardown);
}
