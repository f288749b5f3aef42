/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision against a real store: every refusal it can give is provoked,
 * and what it grants is compared with what was put into the register.
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

static char dir[] = "/tmp/dca-decide-XXXXXX";
static struct dca_store *store;
static EVP_PKEY *ca_key;
static struct vault_cross *cross;
static uint64_t touched;

static uint64_t
row(const char *kind)
{
	static const uint8_t body[] = { 0xa0 };
	uint64_t seq = 0;

	OK(dca_store_append(store, T0, kind, "vault", DCA_BUF(body, 1), &seq,
	    E));
	return seq;
}

static void
customer(const char *id, bool active)
{
	struct dca_customer c = { .name = "Example", .country = "US",
		.passports = DCA_PASSPORT_ALL, .active = true,
		.changed = touched };

	(void)dca_strlcpy(c.id, id, sizeof(c.id));
	OK(dca_store_customer_add(store, &c, E));
	if (!active)
		OK(dca_store_customer_set_active(store, id, false, touched, E));
}

static void
delegate(const char *id, uint64_t lo, uint64_t n, int64_t from, int64_t to,
    bool shared)
{
	struct dca_delegation d = { .range = { lo, lo + n - 1, 11 },
		.not_before = from, .not_after = to, .shared = shared };

	(void)dca_strlcpy(d.customer, id, sizeof(d.customer));
	OK(dca_store_delegation_add(store, &d, touched, E));
}

/* What is set of above goes into the root, of like into itself. */
static struct vault_cross *
make_limited(struct lab_cert above, struct lab_cert like)
{
	struct dca_out root = { 0 }, cert = { 0 };
	EVP_PKEY *root_key = lab_key();
	struct dca_spki rk = lab_spki(root_key), ck = lab_spki(ca_key);
	struct vault_cross *c = NULL;
	uint64_t id = 0;

	above.cn = "Root";
	above.key = &rk;
	above.not_before = T0 - 1000 * DAY;
	above.not_after = T0 + 4000 * DAY;
	above.issuer_key = like.issuer_key = root_key;
	above.ca = like.ca = true;
	lab_cert(&root, &above);
	like.cn = "SHAKEN 709J";
	like.key = &ck;
	like.issuer = &root;
	lab_cert(&cert, &like);
	dca_out_add(&cert, root.p, root.n);
	OK(dca_store_cross_add(store, dca_out_buf(&cert), T0,
	    row("cross.install"), &id, E));
	OK(vault_cross_load(&c, store, 0, E));
	assert_int_equal(c->id, id);
	dca_out_free(&root);
	dca_out_free(&cert);
	EVP_PKEY_free(root_key);
	return c;
}

static struct vault_cross *
make_cross(const char *numbers, int64_t from, int64_t to)
{
	return make_limited((struct lab_cert){ .ca = true },
	    (struct lab_cert){ .numbers = numbers, .not_before = from,
	    .not_after = to });
}

/* acme: 100 numbers for ever, 10 outside the cross-certificate, 10 that end
 * soon, 10 not yet, 10 in 40 days; beta: its own, and some shared by both. */
static int
setup(void **state)
{
	char path[128];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/store.db", dir);
	OK(dca_store_open(&store, path, false, E));
	ca_key = lab_key();
	OK(dca_store_begin(store, E));
	return 0;
}

static void
fill(void)
{
	touched = row("act");
	customer("acme", true);
	customer("beta", true);
	customer("gone", false);
	customer("poor", true);
	delegate("acme", 12025550100, 100, 0, 0, false);
	delegate("acme", 13035550000, 10, 0, 0, false);
	delegate("acme", 12025550600, 10, 0, T0 + 1800, false);
	delegate("acme", 12025550700, 10, T0 + DAY, 0, false);
	delegate("acme", 12025550800, 10, 0, T0 + 10 * DAY, false);
	delegate("beta", 12025550300, 10, 0, 0, false);
	delegate("acme", 12025550400, 10, 0, 0, true);
	delegate("beta", 12025550400, 10, 0, 0, true);
	cross = make_cross("12025550000+1000", T0 - DAY, T0 + 365 * DAY);
	OK(dca_store_commit(store, E));
	OK(dca_store_begin(store, E));
}

static int
teardown(void **state)
{
	char command[160];

	(void)state;
	vault_cross_unref(cross);
	dca_store_close(store);
	EVP_PKEY_free(ca_key);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

struct ask {
	const char *customer;
	const char *numbers;
	EVP_PKEY *key;			/* NULL: a new one */
	const struct vault_cross *cross;/* NULL: the usual */
	bool no_cross;
	int64_t now;
};

static enum dca_rc
ask_key(const struct ask *a, EVP_PKEY *key, struct vault_verdict *d,
    struct dca_err *e)
{
	struct dca_out der = { 0 };
	struct dca_csr csr;
	struct vault_question q = { .store = store, .customer = a->customer,
		.csr = &csr, .function = DCA_FN_SEN,
		.now = a->now ? a->now : T0,
		.cross = a->no_cross ? NULL : a->cross ? a->cross : cross,
		.validity = 30 * DAY, .min_validity = 3600 };
	enum dca_rc rc;

	lab_csr(&der, key, a->numbers, NULL);
	rc = dca_csr_parse(&csr, dca_out_buf(&der), e);
	if (rc == DCA_OK)
		rc = vault_decide(&q, d, e);
	dca_csr_clear(&csr);
	dca_out_free(&der);
	return rc;
}

static enum dca_rc
ask(const struct ask *a, struct vault_verdict *d, struct dca_err *e)
{
	EVP_PKEY *key = a->key ? a->key : lab_key();
	enum dca_rc rc = ask_key(a, key, d, e);

	if (!a->key)
		EVP_PKEY_free(key);
	return rc;
}

static void
refused(const struct ask *a, enum dca_rule rule, const char *first,
    const char *says)
{
	struct vault_verdict d = { 0 };
	struct dca_err e = { 0 };

	assert_int_not_equal(ask(a, &d, &e), DCA_OK);
	assert_string_equal(dca_problem(e.rule)->id, dca_problem(rule)->id);
	assert_string_equal(e.first, first);
	if (!strstr(e.text, says))
		fail_msg("\"%s\" does not say \"%s\"", e.text, says);
	assert_null(d.numbers);
}

static void
granted(const struct ask *a, const char *numbers, int64_t not_after,
    bool shared)
{
	struct dca_tnset *want = lab_set(numbers);
	struct vault_verdict d = { 0 };
	struct dca_err e = { 0 };

	if (ask(a, &d, &e) != DCA_OK)
		fail_msg("%s", e.text);
	assert_false(d.repeat);
	assert_true(dca_tnset_equal(d.numbers, want));
	assert_int_equal(d.not_before, a->now ? a->now : T0);
	assert_int_equal(d.not_after, not_after);
	assert_int_equal(d.shared, shared);
	assert_string_equal(d.customer.id, a->customer);
	vault_verdict_clear(&d);
	dca_tnset_free(want);
}

static void
test_grants(void **state)
{
	(void)state;
	granted(&(struct ask){ .customer = "acme", .numbers = "12025550100" },
	    "12025550100", T0 + 30 * DAY, false);
	granted(&(struct ask){ .customer = "acme", .numbers = "12025550100+100" },
	    "12025550100+100", T0 + 30 * DAY, false);
	granted(&(struct ask){ .customer = "acme", .numbers = "12025550403" },
	    "12025550403", T0 + 30 * DAY, true);
	granted(&(struct ask){ .customer = "acme",
	    .numbers = "12025550100,12025550403" },
	    "12025550100,12025550403", T0 + 30 * DAY, false);
	/* the delegation that is used ends first */
	granted(&(struct ask){ .customer = "acme", .numbers = "12025550805" },
	    "12025550805", T0 + 10 * DAY, false);
	/* none asked: all that is valid and inside */
	granted(&(struct ask){ .customer = "beta" }, "12025550300+10,12025550400+10",
	    T0 + 30 * DAY, false);
	/* what ends within min_validity is left out, not a reason to refuse */
	granted(&(struct ask){ .customer = "acme" },
	    "12025550100+100,12025550400+10,12025550800+10", T0 + 10 * DAY,
	    false);
	/* a later delegation has begun */
	granted(&(struct ask){ .customer = "acme", .numbers = "12025550700+10",
	    .now = T0 + 2 * DAY }, "12025550700+10", T0 + 32 * DAY, false);
}

static void
test_cross_ends_first(void **state)
{
	struct vault_cross *c = make_cross("12025550000+1000", T0 - DAY,
	    T0 + 7 * DAY);

	(void)state;
	granted(&(struct ask){ .customer = "acme", .numbers = "12025550100", .cross = c },
	    "12025550100", T0 + 7 * DAY, false);
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550100", .cross = c,
	    .now = T0 + 7 * DAY - 1800 }, DCA_RULE_VALIDITY, "",
	    "cross-certificate");
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550100", .cross = c,
	    .now = T0 + 7 * DAY + 1 }, DCA_RULE_CROSS_VALIDITY, "", "valid");
	vault_cross_unref(c);
}

static void
test_scope(void **state)
{
	(void)state;
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550200" },
	    DCA_RULE_SCOPE_DELEGATION, "12025550200", "not delegated");
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550150+51" },
	    DCA_RULE_SCOPE_DELEGATION, "12025550200", "not delegated");
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550301" },
	    DCA_RULE_SCOPE_OTHER, "12025550301", "another customer");
	refused(&(struct ask){ .customer = "acme", .numbers = "13035550000+10" },
	    DCA_RULE_SCOPE_CROSS, "13035550000", "outside");
	/* the first uncovered one decides, whatever comes after it */
	refused(&(struct ask){ .customer = "acme",
	    .numbers = "12025550301,13035550000" },
	    DCA_RULE_SCOPE_OTHER, "12025550301", "another customer");
	/* not begun, and over */
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550700" },
	    DCA_RULE_SCOPE_DELEGATION, "12025550700", "not delegated");
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550600",
	    .now = T0 + 1801 }, DCA_RULE_SCOPE_DELEGATION, "12025550600",
	    "not delegated");
	/* a literal is nobody's; another length is another number */
	refused(&(struct ask){ .customer = "acme", .numbers = "1202#" },
	    DCA_RULE_SCOPE_DELEGATION, "1202#", "not delegated");
	refused(&(struct ask){ .customer = "acme", .numbers = "012025550100" },
	    DCA_RULE_SCOPE_DELEGATION, "012025550100", "not delegated");
	refused(&(struct ask){ .customer = "poor" }, DCA_RULE_SCOPE_EMPTY, "",
	    "no valid delegation");
}

static void
test_spc_only(void **state)
{
	struct dca_inventory_row in = { { 12025550100, 12025550149, 11 },
		"709J" };
	struct vault_cross *c;

	(void)state;
	OK(dca_store_inventory_add(store, &in, touched, E));
	c = make_cross("spc:709J", T0 - DAY, T0 + 365 * DAY);
	assert_true(c->spc_only);
	granted(&(struct ask){ .customer = "acme", .numbers = "12025550149", .cross = c },
	    "12025550149", T0 + 30 * DAY, false);
	granted(&(struct ask){ .customer = "acme", .cross = c }, "12025550100+50",
	    T0 + 30 * DAY, false);
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550149+2",
	    .cross = c }, DCA_RULE_SCOPE_INVENTORY, "12025550150",
	    "inventory");
	vault_cross_unref(c);
}

static void
test_not_ready(void **state)
{
	(void)state;
	refused(&(struct ask){ .customer = "acme", .no_cross = true }, DCA_RULE_CROSS_NONE,
	    "", "no cross-certificate");
	refused(&(struct ask){ .customer = "acme", .now = T0 - DAY - 1 },
	    DCA_RULE_CROSS_VALIDITY, "", "valid from");
	refused(&(struct ask){ .customer = "acme", .now = T0 - 1 }, DCA_RULE_CLOCK, "",
	    "1 s behind");
	refused(&(struct ask){ .customer = "nobody" }, DCA_RULE_REG_UNKNOWN, "", "nobody");
	refused(&(struct ask){ .customer = "gone" }, DCA_RULE_REG_STATE, "", "suspended");
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550600" },
	    DCA_RULE_VALIDITY, "", "delegation");
}

static void
test_keys(void **state)
{
	EVP_PKEY *key = lab_key();
	struct dca_spki spki = lab_spki(key);
	uint8_t hash[32];

	(void)state;
	refused(&(struct ask){ .customer = "acme", .key = ca_key },
	    DCA_RULE_CSR_FORBIDDEN_KEY, "", "CA");
	dca_spki_sha256(hash, &spki);
	OK(dca_store_key_bind(store, hash, "beta", true, E));
	refused(&(struct ask){ .customer = "acme", .key = key, .numbers = "12025550100" },
	    DCA_RULE_CSR_FORBIDDEN_KEY, "", "another customer");
	granted(&(struct ask){ .customer = "beta", .key = key, .numbers = "12025550300" },
	    "12025550300", T0 + 30 * DAY, false);
	EVP_PKEY_free(key);
}

/* An SPC never gets as far as a set: the request is refused as it is read. */
static void
test_spc_asked(void **state)
{
	struct vault_verdict d = { 0 };
	struct dca_csr csr = { 0 };
	struct dca_err e = { 0 };
	struct dca_tnset *set = lab_set("spc:709J");
	EVP_PKEY *key = lab_key();
	struct vault_question q = { .store = store, .customer = "acme",
		.csr = &csr, .now = T0, .cross = cross, .validity = DAY,
		.min_validity = 1 };

	(void)state;
	csr.key = lab_spki(key);
	csr.numbers = set;
	assert_int_equal(vault_decide(&q, &d, &e), DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_TN_SPC_EE);
	EVP_PKEY_free(key);
	dca_tnset_free(set);
}

static void
test_list_size(void **state)
{
	struct vault_cross *c;

	(void)state;
	customer("big", true);
	/* every other number: an entry of its own each, 17 octets or more */
	for (uint64_t n = 12025560000; n < 12025567000; n += 2)
		delegate("big", n, 1, 0, 0, false);
	c = make_cross("12025560000+10000", T0 - DAY,
	    T0 + 365 * DAY);
	refused(&(struct ask){ .customer = "big", .cross = c }, DCA_RULE_TN_LIST_SIZE, "",
	    "49152");
	vault_cross_unref(c);
}

#define RAW(s) .names = (s), .names_n = sizeof(s) - 1
#define COUNTRY(cc) "\x30\x15\xa0\x13\x30\x11\xa4\x0f\x30\x0d\x31\x0b" \
    "\x30\x09\x06\x03\x55\x04\x06\x13\x02" cc

/* RFC 5280 4.2.1.10: of the cross-certificate and of what is above it. */
static void
test_names(void **state)
{
	const struct lab_cert like = { .numbers = "12025550000+1000",
		.not_before = T0 - DAY, .not_after = T0 + 365 * DAY };
	const struct lab_cert us = { RAW(COUNTRY("US")) };
	const struct lab_cert ca = { RAW(COUNTRY("CA")) };
	const struct lab_cert plain = { .ca = true };
	struct lab_cert own;
	struct vault_cross *c;

	(void)state;
	c = make_limited(us, like);
	granted(&(struct ask){ .customer = "acme", .numbers = "12025550100",
	    .cross = c }, "12025550100", T0 + 30 * DAY, false);
	vault_cross_unref(c);
	c = make_limited(ca, like);
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550100",
	    .cross = c }, DCA_RULE_SCOPE_NAME, "", "is in no permitted");
	vault_cross_unref(c);
	own = like;
	own.names = ca.names;
	own.names_n = ca.names_n;
	c = make_limited(plain, own);
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550100",
	    .cross = c }, DCA_RULE_SCOPE_NAME, "", "customer acme");
	vault_cross_unref(c);
}

static struct vault_cross *
narrowed(const char *above, const char *own)
{
	struct dca_out oid = { 0 };
	struct vault_cross *c = make_limited(
	    (struct lab_cert){ .limit = above },
	    (struct lab_cert){ .numbers = "12025550000+1000", .limit = own,
	    .not_before = T0 - DAY, .not_after = T0 + 365 * DAY });

	assert_true(dca_oid_parse(&oid, LAB_LIMIT));
	OK(vault_cross_narrow(c, store, dca_out_buf(&oid), E));
	dca_out_free(&oid);
	return c;
}

/* The constraints extension narrows, wherever in the chain; never widens. */
static void
test_limit(void **state)
{
	struct vault_cross *c = narrowed("12025550000+150",
	    "12025550120+500,13035550000+10");

	(void)state;
	granted(&(struct ask){ .customer = "acme", .cross = c },
	    "12025550120+30", T0 + 30 * DAY, false);
	refused(&(struct ask){ .customer = "acme", .cross = c,
	    .numbers = "12025550119+10" }, DCA_RULE_SCOPE_LIMIT,
	    "12025550119", "constraints extension");
	refused(&(struct ask){ .customer = "acme", .cross = c,
	    .numbers = "12025550149+2" }, DCA_RULE_SCOPE_LIMIT,
	    "12025550150", "constraints extension");
	refused(&(struct ask){ .customer = "acme", .cross = c,
	    .numbers = "13035550001" }, DCA_RULE_SCOPE_CROSS, "13035550001",
	    "outside");
	vault_cross_unref(c);
	c = narrowed(NULL, NULL);
	granted(&(struct ask){ .customer = "acme", .cross = c,
	    .numbers = "12025550100" }, "12025550100", T0 + 30 * DAY, false);
	vault_cross_unref(c);
}

static void
test_live_elsewhere(void **state)
{
	struct dca_certificate c = { .customer = "beta",
		.function = DCA_FN_SEN, .not_before = T0,
		.not_after = T0 + DAY, .cross = cross->id,
		.basis = touched };
	struct dca_tnset *set = lab_set("12025550105");

	(void)state;
	memset(c.serial, 0x41, sizeof(c.serial));
	memset(c.key_sha256, 7, sizeof(c.key_sha256));
	c.seq = row("issue");
	OK(dca_store_certificate_add(store, &c, set, false, E));
	refused(&(struct ask){ .customer = "acme", .numbers = "12025550100+10" },
	    DCA_RULE_SCOPE_OTHER, "12025550105", "live certificate");
	/* it ended */
	granted(&(struct ask){ .customer = "acme", .numbers = "12025550100+10",
	    .now = T0 + DAY + 1 }, "12025550100+10", T0 + 31 * DAY + 1, false);
	dca_tnset_free(set);
}

static void
issue_again(struct dca_certificate *c, EVP_PKEY *key)
{
	struct dca_spki spki = lab_spki(key);
	struct dca_tnset *set = lab_set("12025550300");

	dca_spki_sha256(c->key_sha256, &spki);
	c->seq = row("issue");
	OK(dca_store_certificate_add(store, c, set, false, E));
	dca_tnset_free(set);
}

static struct vault_verdict
decide_der(const struct dca_out *der, int64_t now,
    const struct vault_cross *with)
{
	struct vault_verdict d = { 0 };
	struct dca_csr csr;
	struct vault_question q = { .store = store, .customer = "beta",
		.csr = &csr, .function = DCA_FN_SEN, .now = now,
		.cross = with, .validity = 30 * DAY, .min_validity = 3600 };

	OK(dca_csr_parse(&csr, dca_out_buf(der), E));
	OK(vault_decide(&q, &d, E));
	dca_csr_clear(&csr);
	return d;
}

static void
test_repeat(void **state)
{
	EVP_PKEY *key = lab_key();
	struct dca_out der = { 0 };
	struct dca_certificate c = { .customer = "beta",
		.function = DCA_FN_SEN, .not_before = T0,
		.not_after = T0 + 30 * DAY, .cross = cross->id };
	struct dca_customer beta;
	struct vault_verdict d;
	struct vault_cross *other;

	(void)state;
	lab_csr(&der, key, "12025550300", NULL);
	dca_sha256(c.csr_sha256, dca_out_buf(&der));
	OK(dca_store_customer(store, "beta", &beta, E));
	c.basis = beta.changed;
	memset(c.serial, 0x42, sizeof(c.serial));
	issue_again(&c, key);
	d = decide_der(&der, T0 + 20 * DAY - 1, cross);
	assert_true(d.repeat);
	assert_memory_equal(d.serial, c.serial, sizeof(c.serial));
	/* at 2/3 of its life it is a new request */
	d = decide_der(&der, T0 + 20 * DAY, cross);
	assert_false(d.repeat);
	vault_verdict_clear(&d);
	/* and when it was revoked */
	dca_store_savepoint(store);
	OK(dca_store_certificate_revoke(store, c.serial, T0, 4, E));
	d = decide_der(&der, T0 + DAY, cross);
	assert_false(d.repeat);
	vault_verdict_clear(&d);
	dca_store_undo(store);
	/* and when the customer's entry, its profile, was touched */
	dca_store_savepoint(store);
	OK(dca_store_customer_set_active(store, "beta", true, row("act"), E));
	d = decide_der(&der, T0 + DAY, cross);
	assert_false(d.repeat);
	vault_verdict_clear(&d);
	dca_store_undo(store);
	/* none of it: still a repeat */
	d = decide_der(&der, T0 + DAY, cross);
	assert_true(d.repeat);
	/* and from another cross-certificate */
	other = make_cross("12025550000+1000", T0 - DAY, T0 + 365 * DAY);
	d = decide_der(&der, T0 + DAY, other);
	assert_false(d.repeat);
	vault_verdict_clear(&d);
	/* and when the customer or its delegations changed */
	touched = row("act");
	delegate("beta", 12025550900, 1, 0, 0, false);
	d = decide_der(&der, T0 + DAY, cross);
	assert_false(d.repeat);
	vault_verdict_clear(&d);
	vault_cross_unref(other);
	dca_out_free(&der);
	EVP_PKEY_free(key);
}

static int
setup_filled(void **state)
{
	(void)setup(state);
	fill();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_cross_ends_first),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_spc_only),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_not_ready),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_spc_asked),
		cmocka_unit_test(test_list_size),
		cmocka_unit_test(test_live_elsewhere),
		cmocka_unit_test(test_repeat),
	};

	return cmocka_run_group_tests(tests, setup_filled, teardown);
}
