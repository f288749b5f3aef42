/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renewal against a real store: which certificate proves who asks, and what
 * of it may not change. Each refusal is provoked, for its own reason; what is
 * granted is compared with what the old certificate had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/cbor.h"
#include "dca/os.h"
#include "dca/profile.h"
#include "decide.h"
#include "lab.h"

enum { DAY = 86400 };
#define T0 ((int64_t)1800000000)	/* 2027-01-15 */

static char dir[] = "/tmp/dca-renew-XXXXXX";
static struct dca_store *store;
static EVP_PKEY *ca_key, *root_key;
static struct dca_out root;
static struct vault_cross *cross;
static uint64_t touched;

static uint64_t
row(const char *kind, struct dca_buf body)
{
	static const uint8_t none[] = { 0xa0 };
	uint64_t seq = 0;

	OK(dca_store_append(store, T0, kind, "vault",
	    body.n ? body : DCA_BUF(none, 1), &seq, E));
	return seq;
}

static void
customer(const char *id, unsigned passports)
{
	struct dca_customer c = { .name = "Example", .country = "US",
		.passports = passports, .active = true, .changed = touched };

	(void)dca_strlcpy(c.id, id, sizeof(c.id));
	OK(dca_store_customer_add(store, &c, E));
}

static void
delegate(const char *id, uint64_t lo, uint64_t n)
{
	struct dca_delegation d = { .range = { lo, lo + n - 1, 11 } };

	(void)dca_strlcpy(d.customer, id, sizeof(d.customer));
	OK(dca_store_delegation_add(store, &d, touched, E));
}

static struct vault_cross *
make_cross(void)
{
	struct dca_spki ck = lab_spki(ca_key);
	struct dca_out cert = { 0 };
	struct vault_cross *c = NULL;
	uint64_t id = 0;

	lab_cert(&cert, &(struct lab_cert){ .cn = "SHAKEN 709J", .key = &ck,
	    .issuer_key = root_key, .issuer = &root, .ca = true,
	    .numbers = "12025550000+1000", .not_before = T0 - DAY,
	    .not_after = T0 + 365 * DAY });
	dca_out_add(&cert, root.p, root.n);
	OK(dca_store_cross_add(store, dca_out_buf(&cert), T0,
	    row("cross.install", DCA_BUF(NULL, 0)), &id, E));
	OK(vault_cross_load(&c, store, 0, E));
	dca_out_free(&cert);
	return c;
}

static int
setup(void **state)
{
	struct dca_spki rk;
	char path[128];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/store.db", dir);
	OK(dca_store_open(&store, path, false, E));
	ca_key = lab_key();
	root_key = lab_key();
	rk = lab_spki(root_key);
	lab_cert(&root, &(struct lab_cert){ .cn = "Root", .key = &rk,
	    .issuer_key = root_key, .ca = true, .not_before = T0 - 1000 * DAY,
	    .not_after = T0 + 4000 * DAY });
	OK(dca_store_begin(store, E));
	touched = row("act", DCA_BUF(NULL, 0));
	customer("acme", DCA_PASSPORT_ALL);
	customer("only", DCA_PASSPORT_SHAKEN | DCA_PASSPORT_RCD);
	customer("gone", DCA_PASSPORT_ALL);
	delegate("acme", 12025550100, 100);
	delegate("only", 12025550300, 10);
	delegate("gone", 12025550400, 10);
	cross = make_cross();
	return 0;
}

static int
teardown(void **state)
{
	char command[160];

	(void)state;
	vault_cross_unref(cross);
	dca_store_close(store);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(root_key);
	dca_out_free(&root);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* --- a certificate of ours, and requests --- */

struct mine {
	EVP_PKEY *key;
	struct dca_spki spki;
	struct dca_out der;
	uint8_t serial[DCA_SERIAL_LEN];
	struct dca_out subject;
};

static void
made(struct mine *m, const char *id, const char *numbers, int64_t end)
{
	struct dca_certificate c = { .not_before = T0 - DAY, .not_after = end,
		.cross = cross->id, .basis = touched };
	struct dca_out body = { 0 };
	struct dca_tnset *set = lab_set(numbers);
	struct dca_cert cert;

	memset(m, 0, sizeof(*m));
	m->key = lab_key();
	m->spki = lab_spki(m->key);
	lab_cert(&m->der, &(struct lab_cert){ .cn = id, .key = &m->spki,
	    .issuer_key = ca_key, .issuer = &cross->chain.v[0].der,
	    .numbers = numbers, .not_before = c.not_before,
	    .not_after = end });
	OK(dca_cert_parse(&cert, dca_out_buf(&m->der), E));
	memcpy(m->serial, cert.serial, sizeof(m->serial));
	dca_out_add(&m->subject, cert.subject.p, cert.subject.n);
	dca_cert_clear(&cert);
	dca_cbor_map(&body, 1);
	dca_cbor_text(&body, "cert");
	dca_cbor_bytes(&body, dca_out_buf(&m->der));
	memcpy(c.serial, m->serial, sizeof(c.serial));
	(void)dca_strlcpy(c.customer, id, sizeof(c.customer));
	dca_spki_sha256(c.key_sha256, &m->spki);
	c.seq = row("issue", dca_out_buf(&body));
	OK(dca_store_certificate_add(store, &c, set, false, E));
	dca_tnset_free(set);
	dca_out_free(&body);
}

static void
clear(struct mine *m)
{
	EVP_PKEY_free(m->key);
	dca_out_free(&m->der);
	dca_out_free(&m->subject);
}

/* by: who signs the rekey proof for key, in the name of serial. */
static void
prove(char proof[static DCA_PASSWORD_MAX + 1], EVP_PKEY *by,
    const uint8_t serial[static DCA_SERIAL_LEN], EVP_PKEY *key)
{
	uint8_t message[DCA_REKEY_LEN];
	struct dca_spki spki = lab_spki(key);
	struct dca_out sig = { 0 };

	dca_rekey_message(message, &spki);
	lab_sign(&sig, by, DCA_BUF(message, sizeof(message)));
	dca_rekey_proof(proof, serial, dca_out_buf(&sig));
	dca_out_free(&sig);
}

struct ask {
	const struct mine *m;		/* whose certificate is shown */
	struct dca_buf peer;		/* or this one */
	EVP_PKEY *key;			/* NULL: m's */
	const char *numbers, *password;
	struct dca_buf subject;		/* empty: none */
	int64_t now;			/* 0: T0 */
	bool sen;			/* ask /sen */
};

struct result {
	struct vault_who w;
	struct vault_verdict d;
	struct dca_err e;
	enum dca_rc rc;
};

static void
make_csr(struct dca_out *der, const struct ask *a, EVP_PKEY *key)
{
	struct dca_tnset *s = a->numbers ? lab_set(a->numbers) : NULL;
	struct dca_csr_spec spec = { .key = lab_spki(key), .numbers = s,
		.password = a->password, .subject = a->subject };
	struct dca_out info = { 0 }, sig = { 0 };

	dca_csr_build(&info, &spec);
	lab_sign(&sig, key, dca_out_buf(&info));
	dca_signed_encode(der, dca_out_buf(&info), dca_out_buf(&sig));
	dca_out_free(&info);
	dca_out_free(&sig);
	dca_tnset_free(s);
}

/* As issue.c puts it together: who, then the decision. */
static void
ask(const struct ask *a, struct result *r)
{
	EVP_PKEY *key = a->key ? a->key : a->m->key;
	struct dca_buf peer = a->peer.n ? a->peer : dca_out_buf(&a->m->der);
	int64_t now = a->now ? a->now : T0;
	struct dca_cert old = { 0 };
	struct dca_out der = { 0 };
	struct dca_csr csr;

	memset(r, 0, sizeof(*r));
	make_csr(&der, a, key);
	OK(dca_csr_parse(&csr, dca_out_buf(&der), E));
	OK(dca_csr_check_pop(&csr, E));
	r->rc = a->sen ? vault_who_asks(store, &csr, now, &r->w, &r->e) :
	    vault_who_renews(store, peer, &csr, now, &r->w, &old, &r->e);
	if (r->rc == DCA_OK) {
		const struct vault_question q = { .store = store,
			.customer = r->w.customer, .csr = &csr,
			.function = a->sen ? DCA_FN_SEN : DCA_FN_SREN,
			.now = now, .cross = cross, .validity = 30 * DAY,
			.min_validity = 3600, .old = a->sen ? NULL : &old };

		r->rc = vault_decide(&q, &r->d, &r->e);
	}
	dca_cert_clear(&old);
	dca_csr_clear(&csr);
	dca_out_free(&der);
}

static void
granted(const struct ask *a, const char *numbers)
{
	struct dca_tnset *want = lab_set(numbers);
	struct result r;

	ask(a, &r);
	if (r.rc)
		fail_msg("%s: %s", dca_problem(r.e.rule)->id, r.e.text);
	assert_true(dca_tnset_equal(r.d.numbers, want));
	assert_string_equal(r.w.customer, "acme");
	assert_true(r.w.by_certificate);
	assert_memory_equal(r.w.by, a->m->serial, DCA_SERIAL_LEN);
	assert_true(vault_who_live(store, &r.w, T0));
	vault_verdict_clear(&r.d);
	dca_tnset_free(want);
}

/* named: does the refusal go into the ledger in the customer's name? */
static void
refused(const struct ask *a, enum dca_rule rule, const char *first, bool named)
{
	struct result r;

	ask(a, &r);
	assert_int_not_equal(r.rc, DCA_OK);
	assert_string_equal(dca_problem(r.e.rule)->id, dca_problem(rule)->id);
	assert_string_equal(r.e.first, first);
	assert_int_equal(r.w.customer[0] != 0, named);
	assert_null(r.d.numbers);
}

/* --- tests --- */

static void
test_grants(void **state)
{
	char proof[DCA_PASSWORD_MAX + 1];
	EVP_PKEY *new = lab_key();
	struct mine m;

	(void)state;
	made(&m, "acme", "12025550090+20", T0 + 20 * DAY);
	/* none asked: old numbers that are delegated still */
	granted(&(struct ask){ .m = &m }, "12025550100+10");
	granted(&(struct ask){ .m = &m, .numbers = "12025550105" },
	    "12025550105");
	granted(&(struct ask){ .m = &m, .subject = dca_out_buf(&m.subject) },
	    "12025550100+10");
	/* valid through notAfter (RFC 5280 4.1.2.5) */
	granted(&(struct ask){ .m = &m, .now = T0 + 20 * DAY },
	    "12025550100+10");
	/* a new key, proven by the old one */
	prove(proof, m.key, m.serial, new);
	granted(&(struct ask){ .m = &m, .key = new, .password = proof },
	    "12025550100+10");
	/* /sen with that proof: all that is delegated */
	granted(&(struct ask){ .m = &m, .key = new, .password = proof,
	    .sen = true }, "12025550100+100");
	EVP_PKEY_free(new);
	clear(&m);
}

static void
test_numbers(void **state)
{
	struct mine m, none;

	(void)state;
	made(&m, "acme", "12025550100+10", T0 + 20 * DAY);
	/* one more: delegated to it, and yet not in the certificate */
	refused(&(struct ask){ .m = &m, .numbers = "12025550100+11" },
	    DCA_RULE_RENEW_SCOPE, "12025550110", true);
	refused(&(struct ask){ .m = &m, .numbers = "13035550000" },
	    DCA_RULE_RENEW_SCOPE, "13035550000", true);
	/* what it had, and is delegated no longer */
	made(&none, "acme", "12025550200+2", T0 + 20 * DAY);
	refused(&(struct ask){ .m = &none, .numbers = "12025550200" },
	    DCA_RULE_SCOPE_DELEGATION, "12025550200", true);
	refused(&(struct ask){ .m = &none }, DCA_RULE_SCOPE_EMPTY, "", true);
	clear(&none);
	clear(&m);
}

static void
test_unchanged(void **state)
{
	struct dca_out other = { 0 };
	struct mine m, only;

	(void)state;
	made(&m, "acme", "12025550100+10", T0 + 20 * DAY);
	OK(dca_name_encode(&other, "US", "Lab", "acme2", E));
	refused(&(struct ask){ .m = &m, .subject = dca_out_buf(&other) },
	    DCA_RULE_RENEW_SUBJECT, "", true);
	/* the certificate has no constraints, the register has some now */
	made(&only, "only", "12025550300", T0 + 20 * DAY);
	refused(&(struct ask){ .m = &only }, DCA_RULE_RENEW_CONSTRAINTS, "",
	    true);
	clear(&only);
	clear(&m);
	dca_out_free(&other);
}

static void
test_state(void **state)
{
	struct mine m, suspended;
	struct vault_who w = { 0 };

	(void)state;
	made(&m, "acme", "12025550100+10", T0 + 20 * DAY);
	refused(&(struct ask){ .m = &m, .now = T0 + 20 * DAY + 1 },
	    DCA_RULE_AUTH_EXPIRED, "", true);
	memcpy(w.by, m.serial, sizeof(w.by));
	assert_false(vault_who_live(store, &w, T0 + 20 * DAY + 1));
	OK(dca_store_certificate_revoke(store, m.serial, T0, 4, E));
	refused(&(struct ask){ .m = &m }, DCA_RULE_AUTH_REVOKED, "", true);
	assert_false(vault_who_live(store, &w, T0));
	made(&suspended, "gone", "12025550400", T0 + 20 * DAY);
	OK(dca_store_customer_set_active(store, "gone", false, touched, E));
	refused(&(struct ask){ .m = &suspended }, DCA_RULE_REG_STATE, "",
	    true);
	clear(&suspended);
	clear(&m);
}

/* Not in the ledger as it stands: another CA's of the same serial and key,
 * the client's own, no certificate at all. */
static void
test_unknown(void **state)
{
	struct dca_out forged = { 0 }, own = { 0 };
	struct mine m;

	(void)state;
	made(&m, "acme", "12025550100+10", T0 + 20 * DAY);
	lab_cert(&forged, &(struct lab_cert){ .cn = "acme", .key = &m.spki,
	    .issuer_key = root_key, .issuer = &cross->chain.v[0].der,
	    .numbers = "12025550100+100", .not_before = T0 - DAY,
	    .not_after = T0 + 20 * DAY });
	lab_cert(&own, &(struct lab_cert){ .cn = "acme", .key = &m.spki,
	    .issuer_key = m.key, .not_before = T0 - DAY,
	    .not_after = T0 + 20 * DAY });
	refused(&(struct ask){ .m = &m, .peer = dca_out_buf(&forged) },
	    DCA_RULE_AUTH_PROOF, "", false);
	refused(&(struct ask){ .m = &m, .peer = dca_out_buf(&own) },
	    DCA_RULE_AUTH_PROOF, "", false);
	refused(&(struct ask){ .m = &m, .peer = DCA_BUF("0", 1) },
	    DCA_RULE_AUTH_PROOF, "", false);
	refused(&(struct ask){ .m = &m,
	    .peer = dca_out_buf(&cross->chain.v[0].der) },
	    DCA_RULE_AUTH_PROOF, "", false);
	dca_out_free(&forged);
	dca_out_free(&own);
	clear(&m);
}

/* What a captured front can put together from what it sees. */
static void
test_proofs(void **state)
{
	char proof[DCA_PASSWORD_MAX + 1], other[DCA_PASSWORD_MAX + 1];
	static const uint8_t nobody[DCA_SERIAL_LEN] = { 0x41 };
	EVP_PKEY *new = lab_key(), *thief = lab_key();
	struct mine m, second;

	(void)state;
	made(&m, "acme", "12025550100+10", T0 + 20 * DAY);
	made(&second, "acme", "12025550120", T0 + 20 * DAY);
	prove(proof, m.key, m.serial, new);
	for (int sen = 0; sen < 2; sen++) {
		/* a proof that was seen, for a key of one's own */
		refused(&(struct ask){ .m = &m, .key = thief, .sen = sen,
		    .password = proof }, DCA_RULE_AUTH_REKEY, "", false);
		prove(other, thief, m.serial, thief);
		refused(&(struct ask){ .m = &m, .key = thief, .sen = sen,
		    .password = other }, DCA_RULE_AUTH_REKEY, "", false);
		prove(other, m.key, nobody, new);
		refused(&(struct ask){ .m = &m, .key = new, .sen = sen,
		    .password = other }, DCA_RULE_AUTH_REKEY, "", false);
		refused(&(struct ask){ .m = &m, .key = new, .sen = sen,
		    .password = "rekey:41:AAAA" }, DCA_RULE_CSR_PASSWORD, "",
		    false);
	}
	/* a certificate shown, and nothing else */
	refused(&(struct ask){ .m = &m, .key = thief }, DCA_RULE_AUTH_REKEY,
	    "", false);
	/* good, and for another certificate than that of the session */
	refused(&(struct ask){ .m = &second, .key = new, .password = proof },
	    DCA_RULE_AUTH_REKEY, "", false);
	/* an enrolment proof is none here */
	refused(&(struct ask){ .m = &m, .key = new, .password = "c1:AAAA" },
	    DCA_RULE_CSR_PASSWORD, "", false);
	/* /sen by a certificate that ended, or was revoked */
	refused(&(struct ask){ .m = &m, .key = new, .password = proof,
	    .sen = true, .now = T0 + 20 * DAY + 1 }, DCA_RULE_AUTH_EXPIRED, "",
	    true);
	OK(dca_store_certificate_revoke(store, m.serial, T0, 1, E));
	refused(&(struct ask){ .m = &m, .key = new, .password = proof,
	    .sen = true }, DCA_RULE_AUTH_REVOKED, "", true);
	EVP_PKEY_free(new);
	EVP_PKEY_free(thief);
	clear(&second);
	clear(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_proofs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
