/* SPDX-License-Identifier: Apache-2.0 */
/* What fixture.h says. Decides nothing the vault would decide. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <sqlite3.h>

#include "fixture.h"

#include "dca/cbor.h"
#include "dca/profile.h"

void
ok(struct fixture *f, enum dca_rc rc)
{
	if (rc != DCA_OK)
		fail_msg("%s", f->e.text);
}

void
refused(struct fixture *f, enum dca_rc rc, enum dca_rule rule)
{
	if (rc == DCA_OK)
		fail_msg("not refused: %s", dca_problem(rule)->id);
	assert_int_equal(rc, dca_problem(rule)->rc);
	assert_string_equal(dca_problem(f->e.rule)->id, dca_problem(rule)->id);
}

EVP_PKEY *
fixture_key(struct dca_spki *out)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");

	assert_non_null(k);
	assert_int_equal(dca_spki_from_pkey(out, k, NULL), DCA_OK);
	return k;
}

struct dca_tnset *
fixture_numbers(const char *text)
{
	struct dca_tnset *t = dca_tnset_new();

	assert_int_equal(dca_tnset_parse(t, text, NULL), DCA_OK);
	return t;
}

struct dca_tnrange
fixture_range(const char *text)
{
	struct dca_tnset *t = fixture_numbers(text);
	const struct dca_tnrange *v;
	struct dca_tnrange r;

	assert_int_equal(dca_tnset_ranges(t, &v), 1);
	r = v[0];
	dca_tnset_free(t);
	return r;
}

/* --- acts --- */
static uint64_t
append_act(struct fixture *f, const char *act, const char *key,
    struct dca_buf value, const char *actor)
{
	DCA_AUTO_OUT body = { 0 };
	uint64_t seq = 0;

	dca_cbor_map(&body, 2);
	dca_cbor_text(&body, "act");
	dca_cbor_text(&body, act);
	dca_cbor_text(&body, key);
	dca_cbor_bytes(&body, value);
	OK(dca_store_append(f->s, f->now, "act", actor, dca_out_buf(&body),
	    &seq, &f->e));
	return seq;
}

uint64_t
fixture_act(struct fixture *f, const char *act, struct dca_buf args)
{
	struct dca_act a = { .op = "alice", .seq = ++f->act_seq,
		.time = f->now, .args = args };
	DCA_AUTO_OUT payload = { 0 }, cose = { 0 };

	assert_true(dca_strlcpy(a.name, act, sizeof a.name));
	memcpy(a.appliance, f->appliance, sizeof a.appliance);
	dca_act_encode(&payload, &a);
	OK(dca_cose_sign1(&cose, dca_out_buf(&payload), f->operator_key,
	    &f->e));
	OK(dca_store_operator_use(f->s, "alice", a.seq, &f->e));
	return append_act(f, act, "cose", dca_out_buf(&cose),
	    "operator:alice");
}

/* Root makes the first admin; the payload is not signed. */
static void
first_admin(struct fixture *f)
{
	struct dca_operator op = { .id = "alice", .role = "admin",
		.active = true };
	struct dca_act a = { .name = "operator.add", .op = "root",
		.seq = 1, .time = f->now };
	DCA_AUTO_OUT args = { 0 }, payload = { 0 };

	memcpy(op.spki, f->operator_spki.der, sizeof op.spki);
	memcpy(a.appliance, f->appliance, sizeof a.appliance);
	dca_cbor_map(&args, 3);
	dca_cbor_text(&args, "id");
	dca_cbor_text(&args, op.id);
	dca_cbor_text(&args, "key");
	dca_cbor_bytes(&args, DCA_BUF(op.spki, sizeof op.spki));
	dca_cbor_text(&args, "role");
	dca_cbor_text(&args, op.role);
	a.args = dca_out_buf(&args);
	dca_act_encode(&payload, &a);
	OK(dca_store_begin(f->s, &f->e));
	append_act(f, a.name, "payload", dca_out_buf(&payload), "local:0");
	OK(dca_store_operator_add(f->s, &op, &f->e));
	OK(dca_store_commit(f->s, &f->e));
}

uint64_t
fixture_customer(struct fixture *f, const char *id)
{
	struct dca_customer c = { .name = "Example Inc", .country = "US",
		.passports = DCA_PASSPORT_ALL, .active = true };
	DCA_AUTO_OUT args = { 0 };

	dca_strlcpy(c.id, id, sizeof c.id);
	dca_cbor_map(&args, 3);
	dca_cbor_text(&args, "id");
	dca_cbor_text(&args, id);
	dca_cbor_text(&args, "name");
	dca_cbor_text(&args, c.name);
	dca_cbor_text(&args, "country");
	dca_cbor_text(&args, c.country);
	c.changed = fixture_act(f, "customer.add", dca_out_buf(&args));
	OK(dca_store_customer_add(f->s, &c, &f->e));
	return c.changed;
}

static void
import_head(struct dca_out *args)
{
	dca_cbor_map(args, 4);
	dca_cbor_text(args, "of");
	dca_cbor_uint(args, 1);
	dca_cbor_text(args, "part");
	dca_cbor_uint(args, 0);
	dca_cbor_text(args, "rows");
	dca_cbor_array(args, 1);
}

static void
put_range(struct dca_out *args, struct dca_tnrange r)
{
	char start[24];

	snprintf(start, sizeof start, "%0*llu", (int)r.digits,
	    (unsigned long long)r.lo);
	dca_cbor_text(args, start);
	dca_cbor_uint(args, r.hi - r.lo + 1);
}

uint64_t
fixture_delegate(struct fixture *f, const char *customer, const char *tn,
    bool shared)
{
	struct dca_delegation d = { .range = fixture_range(tn),
		.shared = shared };
	DCA_AUTO_OUT args = { 0 };
	uint64_t seq;

	dca_strlcpy(d.customer, customer, sizeof d.customer);
	import_head(&args);
	dca_cbor_array(&args, 6);
	dca_cbor_text(&args, customer);
	put_range(&args, d.range);
	dca_cbor_uint(&args, 0);
	dca_cbor_uint(&args, 0);
	dca_cbor_bool(&args, shared);
	dca_cbor_text(&args, "import");
	dca_cbor_text(&args, "d");
	seq = fixture_act(f, "delegation.import", dca_out_buf(&args));
	OK(dca_store_delegation_add(f->s, &d, seq, &f->e));
	return seq;
}

uint64_t
fixture_inventory(struct fixture *f, const char *tn, const char *spc)
{
	struct dca_inventory_row r = { .range = fixture_range(tn) };
	DCA_AUTO_OUT args = { 0 };
	uint64_t seq;

	dca_strlcpy(r.spc, spc, sizeof r.spc);
	import_head(&args);
	dca_cbor_array(&args, 3);
	put_range(&args, r.range);
	dca_cbor_text(&args, spc);
	dca_cbor_text(&args, "import");
	dca_cbor_text(&args, "i");
	seq = fixture_act(f, "inventory.import", dca_out_buf(&args));
	OK(dca_store_inventory_add(f->s, &r, seq, &f->e));
	return seq;
}

uint64_t
fixture_cross(struct fixture *f)
{
	DCA_AUTO_OUT body = { 0 };
	uint64_t seq = 0, id = 0;

	dca_cbor_map(&body, 2);
	dca_cbor_text(&body, "csr");
	dca_cbor_bytes(&body, DCA_BUF("csr", 3));
	dca_cbor_text(&body, "chain");
	dca_cbor_bytes(&body, DCA_BUF("chain", 5));
	OK(dca_store_append(f->s, f->now, "cross.install", "local:0",
	    dca_out_buf(&body), &seq, &f->e));
	OK(dca_store_cross_add(f->s, DCA_BUF("chain", 5), f->now, seq, &id,
	    &f->e));
	return id;
}

/* --- certificates --- */
static void
sign(struct dca_out *cert, EVP_PKEY *key, struct dca_buf tbs)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[128];
	size_t n = sizeof sig;

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
	    key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, tbs.p, tbs.n), 1);
	EVP_MD_CTX_free(ctx);
	dca_signed_encode(cert, tbs, DCA_BUF(sig, n));
}

static void
make_cert(struct fixture *f, struct dca_out *der,
    const struct dca_certificate *c, const struct dca_spki *key,
    const struct dca_tnset *numbers)
{
	DCA_AUTO_OUT issuer_name = { 0 }, subject = { 0 }, tbs = { 0 };
	struct dca_cert issuer = { .ca = true, .has_ski = true,
		.not_before = c->not_before, .not_after = c->not_after };
	struct dca_profile p = { .issuer = &issuer, .key = key,
		.not_before = c->not_before, .not_after = c->not_after,
		.numbers = numbers, .passports = DCA_PASSPORT_ALL };
	uint8_t ski[20];

	OK(dca_name_encode(&issuer_name, "US", "TN Provider", "SHAKEN 1234",
	    &f->e));
	OK(dca_name_encode(&subject, "US", "Example Inc", c->customer, &f->e));
	dca_spki_ski(ski, &f->ca_spki);
	issuer.subject = dca_out_buf(&issuer_name);
	issuer.ski = DCA_BUF(ski, sizeof ski);
	p.subject = dca_out_buf(&subject);
	memcpy(p.serial, c->serial, sizeof p.serial);
	OK(dca_profile_build(&tbs, &p, numbers, &f->e));
	sign(der, f->ca_key, dca_out_buf(&tbs));
}

static void
issue_body(struct dca_out *o, const struct dca_certificate *c,
    struct dca_buf der)
{
	dca_cbor_map(o, 7);
	dca_cbor_text(o, "csr");
	dca_cbor_bytes(o, DCA_BUF(c->csr_sha256, 32));
	dca_cbor_text(o, "key");
	dca_cbor_bytes(o, DCA_BUF(c->key_sha256, 32));
	dca_cbor_text(o, "cert");
	dca_cbor_bytes(o, der);
	dca_cbor_text(o, "basis");
	dca_cbor_uint(o, c->basis);
	dca_cbor_text(o, "cross");
	dca_cbor_uint(o, c->cross);
	dca_cbor_text(o, "customer");
	dca_cbor_text(o, c->customer);
	dca_cbor_text(o, "function");
	dca_cbor_uint(o, c->function);
}

static void
shared_all(const struct dca_delegation *d, void *arg)
{
	*(bool *)arg = *(bool *)arg && d->shared;
}

struct dca_certificate
fixture_issue(struct fixture *f, const char *customer, const char *tn,
    const char *csr, const struct dca_spki *key)
{
	struct dca_certificate c = { .function = DCA_FN_SEN, .cross = 1,
		.not_before = f->now, .not_after = f->now + 30 * 86400 };
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *numbers =
	    fixture_numbers(tn);
	DCA_AUTO_OUT der = { 0 }, body = { 0 };
	struct dca_customer who;
	struct dca_spki fresh;
	uint8_t random[DCA_SERIAL_LEN];
	char actor[DCA_ACTOR_MAX];
	bool shared = true;

	if (!key) {
		EVP_PKEY_free(fixture_key(&fresh));
		key = &fresh;
	}
	OK(dca_store_customer(f->s, customer, &who, &f->e));
	dca_store_delegations(f->s, customer, f->now, numbers, shared_all,
	    &shared);
	RAND_bytes(random, sizeof random);
	dca_serial_make(c.serial, random);
	dca_strlcpy(c.customer, customer, sizeof c.customer);
	dca_spki_sha256(c.key_sha256, key);
	dca_sha256(c.csr_sha256, DCA_BUF(csr, strlen(csr)));
	c.basis = who.changed;
	make_cert(f, &der, &c, key, numbers);
	issue_body(&body, &c, dca_out_buf(&der));
	snprintf(actor, sizeof actor, "customer:%s", customer);
	OK(dca_store_append(f->s, f->now, "issue", actor, dca_out_buf(&body),
	    &c.seq, &f->e));
	OK(dca_store_certificate_add(f->s, &c, numbers, shared, &f->e));
	return c;
}

void
fixture_fill(struct fixture *f)
{
	OK(dca_store_begin(f->s, &f->e));
	fixture_cross(f);
	fixture_inventory(f, "12025550000+1000", "709J");
	fixture_customer(f, "acme");
	fixture_customer(f, "beta");
	fixture_delegate(f, "acme", "12025550100+100", false);
	fixture_delegate(f, "beta", "12025550300", true);
	fixture_issue(f, "acme", "12025550100,12025550110+5", "one", NULL);
	fixture_issue(f, "beta", "12025550300", "two", NULL);
	OK(dca_store_append(f->s, f->now, "refuse", "customer:acme",
	    DCA_BUF("\xa0", 1), NULL, &f->e));
	OK(dca_store_commit(f->s, &f->e));
}

/* --- the file --- */
static sqlite3 *
raw_open(struct fixture *f)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 1000);
	return db;
}

void
fixture_sql(struct fixture *f, const char *sql)
{
	sqlite3 *db = raw_open(f);
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

int64_t
fixture_sql_int(struct fixture *f, const char *sql)
{
	sqlite3 *db = raw_open(f);
	sqlite3_stmt *q;
	int64_t v;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return v;
}

void
fixture_reopen(struct fixture *f, bool read_only)
{
	dca_store_close(f->s);
	f->s = NULL;
	OK(dca_store_open(&f->s, f->path, read_only, &f->e));
}

int
fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	f->now = T0;
	dca_strlcpy(f->dir, "/tmp/dca-store-XXXXXX", sizeof f->dir);
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/store.db", f->dir);
	OK(dca_store_open(&f->s, f->path, false, &f->e));
	OK(dca_store_appliance(f->s, f->appliance, &f->e));
	f->operator_key = fixture_key(&f->operator_spki);
	f->ca_key = fixture_key(&f->ca_spki);
	first_admin(f);
	*state = f;
	return 0;
}

int
fixture_teardown(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".lock",
		".copy", ".copy-wal", ".copy-shm" };
	struct fixture *f = *state;
	char name[128];

	dca_store_close(f->s);
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		snprintf(name, sizeof name, "%s%s", f->path, suffixes[i]);
		(void)unlink(name);
	}
	assert_int_equal(rmdir(f->dir), 0);
	EVP_PKEY_free(f->operator_key);
	EVP_PKEY_free(f->ca_key);
	free(f);
	return 0;
}
