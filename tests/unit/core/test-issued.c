/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for random customers, numbers, times and constraints below
 * random cross-certificates, as the vault makes them but for the token: no
 * rule of delegate-ee may speak, and of sti-ee only those that cannot hold for
 * a delegate. DCA_ISSUED says how many, DCA_SEED which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "dca/lint.h"
#include "dca/profile.h"
#include "dca/tnauthlist.h"
#include "lab.h"

#define OK(x) assert_int_equal((x), DCA_OK)
#define COUNT(v) (sizeof(v) / sizeof((v)[0]))
#define AUTO_SET DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset
#define POLICIES "300e300c060a6086480186ff09010104"
#define CRLDP "30323030a01aa0188616687474703a2f2f6578616d706c652e636f6d2f63"    \
	"726ca212a410300e310c300a06035504030c0343524c"

enum { PER_CROSS = 500, KEYS = 16, DAY = 86400, STRICT_EVERY = 50 };

/* What each of these demands, a delegate is made without. */
static const struct {
	const char *rule, *why;
} foreign[] = {
	{ "e_atis_subject_cn", "SHAKEN in CN comes from the SPC's rules" },
	{ "e_atis_subject_cn_spc", "there is no SPC that CN could name" },
	{ "e_atis_tn_auth_list", "numbers instead of one SPC (RFC 9060 4)" },
	{ "e_atis_tn_auth_list_spc_format", "there is no SPC" },
	{ "e_atis_ext_not_specified", "claim constraints (RFC 9118)" },
};
static size_t heard[COUNT(foreign)];

static uint64_t seed;

/* xorshift64*: the same numbers everywhere. */
static uint64_t
any(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * UINT64_C(2685821657736338717) >> 11) % below;
}

/* --- a cross-certificate --- */

struct cross {
	struct lab root, ca;
	struct dca_certs certs;		/* ca, root */
	struct dca_lint_cert *lint;
	struct dca_tnset *scope;	/* its list with its SPC's inventory */
	X509_STORE *store;
	STACK_OF(X509) *chain;
};

static void
any_range(struct dca_tnset *s)
{
	static const uint64_t sizes[] = { 1, 2, 10, 100, 1000, 1000000 };
	struct dca_tnrange r = { .digits = (uint8_t)(4 + any(12)) };
	uint64_t space = 1;

	for (unsigned i = 0; i < r.digits; i++)
		space *= 10;
	r.lo = any(space - 1);
	r.hi = r.lo + any(sizes[any(COUNT(sizes))]);
	if (r.hi > space - 2)
		r.hi = space - 2;
	dca_tnset_add_interval(s, r);
}

static void
cross_make(struct cross *c)
{
	AUTO_SET *list = dca_tnset_new();
	DCA_AUTO_OUT der = { 0 };
	struct lab_spec ca = { .cn = "SHAKEN 1234", .issuer = &c->root,
		.path_len = 0 + 1, .policies = POLICIES, .crldp = CRLDP };
	char *hex;

	*c = (struct cross){ .scope = dca_tnset_new() };
	for (uint64_t i = any(12); i > 0; i--)
		any_range(list);
	if (any(3) == 0)
		OK(dca_tnset_add_number(list, "*67", NULL));
	if (dca_tnset_empty(list) || any(2) == 0) {
		OK(dca_tnset_add_spc(list, "709J", 4, NULL));
		for (uint64_t i = 1 + any(5); i > 0; i--)
			any_range(c->scope);
	}
	dca_tnset_union(c->scope, list);
	dca_tnauthlist_encode(&der, list);
	hex = malloc(2 * der.n + 1);
	assert_non_null(hex);
	dca_hex(hex, der.p, der.n);
	ca.list = hex;
	c->root = lab_make(&(struct lab_spec){ .cn = "SHAKEN Root" });
	c->ca = lab_make(&ca);
	free(hex);
	lab_add(&c->certs, &c->ca);
	lab_add(&c->certs, &c->root);
	OK(dca_lint_read(&c->lint, dca_out_buf(&c->certs.v[0].der), NULL));
	c->store = X509_STORE_new();
	c->chain = sk_X509_new_null();
	assert_true(X509_STORE_add_cert(c->store, c->root.x) == 1 &&
	    sk_X509_push(c->chain, c->ca.x) > 0);
}

static void
cross_free(struct cross *c)
{
	sk_X509_free(c->chain);
	X509_STORE_free(c->store);
	dca_lint_free(c->lint);
	dca_certs_clear(&c->certs);
	dca_tnset_free(c->scope);
	lab_free(&c->ca);
	lab_free(&c->root);
}

/* --- a customer --- */

static struct dca_tnset *
any_numbers(const struct dca_tnset *scope)
{
	struct dca_tnset *s = dca_tnset_new();
	const struct dca_tnrange *v;
	const char *const *literals;
	const size_t n = dca_tnset_ranges(scope, &v);

	if (dca_tnset_literals(scope, &literals) > 0 && any(4) == 0)
		OK(dca_tnset_add_number(s, literals[0], NULL));
	for (uint64_t i = any(3) == 0 ? 20 : 1; i > 0; i--) {
		struct dca_tnrange r;

		if (n == 0)
			break;
		r = v[any(n)];
		r.lo += any(r.hi - r.lo + 1);
		if (any(2) == 0)
			r.hi = r.lo;
		dca_tnset_add_interval(s, r);
	}
	if (dca_tnset_empty(s))
		OK(dca_tnset_add_number(s, literals[0], NULL));
	return s;
}

static void
any_text(char out[static 65])
{
	static const char *const letters[] = { "A", "z", "7", " ", ".", "&",
		"'", "-", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x93\x9e" };
	const size_t letters_n = 1 + any(20);

	(void)snprintf(out, 65, "Q");
	for (size_t i = 0; i < letters_n && strlen(out) < 60; i++)
		(void)strcat(out, letters[any(COUNT(letters))]);
	(void)strcat(out, "x");
}

/* False: these contradict, and the profile must say so. */
static bool
any_constraints(struct dca_constraints *c, unsigned passports)
{
	static const char *const claims[] = { "rcd", "attest", "origid", "crn",
		"rcdi", "sph", "div" };
	struct dca_constraints out;
	bool fits;

	*c = (struct dca_constraints){ .permitted = { 0 } };
	for (uint64_t i = any(4); i > 0; i--)
		OK(dca_constraints_include(c, claims[any(COUNT(claims))],
		    NULL));
	for (uint64_t i = any(3); i > 0; i--)
		OK(dca_constraints_permit(c, claims[any(COUNT(claims))],
		    any(2) == 0 ? "A" : "{\"nam\":\"Q\"}", NULL));
	for (uint64_t i = any(3); i > 0; i--)
		OK(dca_constraints_exclude(c, claims[any(COUNT(claims))],
		    NULL));
	fits = dca_constraints_effective(&out, c, passports, NULL) == DCA_OK;
	if (fits)
		dca_constraints_clear(&out);
	return fits;
}

/* --- what the rules say --- */

static void
nobody_speaks(const struct dca_lint_finding *f, void *arg)
{
	(void)arg;
	if (f->verdict == DCA_LINT_WARN || f->verdict == DCA_LINT_ERROR ||
	    f->verdict == DCA_LINT_FATAL)
		fail_msg("%s: %s: %s", f->rule->id, f->rule->text, f->detail);
}

static void
only_foreign(const struct dca_lint_finding *f, void *arg)
{
	const bool *constrained = arg;
	size_t i = 0;

	if (f->verdict != DCA_LINT_WARN && f->verdict != DCA_LINT_ERROR &&
	    f->verdict != DCA_LINT_FATAL)
		return;
	while (i < COUNT(foreign) && strcmp(foreign[i].rule, f->rule->id) != 0)
		i++;
	if (i == COUNT(foreign) || (!*constrained &&
	    strcmp(f->rule->id, "e_atis_ext_not_specified") == 0))
		fail_msg("%s: %s: %s", f->rule->id, f->rule->text, f->detail);
	heard[i]++;
}

/* openssl verify -x509_strict */
static void
openssl_agrees(const struct cross *c, struct dca_buf der, int64_t when)
{
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	assert_true(x != NULL && p == der.p + der.n && ctx != NULL);
	assert_int_equal(X509_STORE_CTX_init(ctx, c->store, x, c->chain), 1);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT |
	    X509_V_FLAG_POLICY_CHECK);
	X509_STORE_CTX_set_time(ctx, 0, (time_t)when);
	if (X509_verify_cert(ctx) != 1)
		fail_msg("%s", X509_verify_cert_error_string(
		    X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
	X509_free(x);
}

static void
sign(const struct cross *c, struct dca_buf tbs, struct dca_out *der)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[80];
	size_t n = sizeof(sig);

	assert_true(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
	    c->ca.key) == 1 && EVP_DigestSign(ctx, sig, &n, tbs.p, tbs.n) == 1);
	EVP_MD_CTX_free(ctx);
	dca_signed_encode(der, tbs, DCA_BUF(sig, n));
}

static void
one(const struct cross *c, const struct dca_spki *key, size_t number)
{
	AUTO_SET *numbers = any_numbers(c->scope);
	DCA_CLEANUP(dca_lint_free_p) struct dca_lint_cert *ee = NULL;
	const struct dca_lint_options opt = { .scope = c->scope };
	DCA_AUTO_OUT subject = { 0 }, tbs = { 0 }, der = { 0 };
	struct dca_profile p = { .issuer = &c->certs.v[0], .key = key,
		.numbers = numbers, .passports = 1 + (unsigned)any(7) };
	uint8_t random[DCA_SERIAL_LEN];
	struct dca_constraints claims;
	struct dca_err e = { 0 };
	char org[65], cn[65];
	bool fits, constrained;

	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)any(256);
	dca_serial_make(p.serial, random);
	any_text(org);
	any_text(cn);
	OK(dca_name_encode(&subject, "US", org, cn, NULL));
	p.subject = dca_out_buf(&subject);
	p.not_before = LAB_NOW - (int64_t)any(20 * DAY);
	p.not_after = LAB_NOW + DAY + (int64_t)any(20 * DAY);
	fits = any_constraints(&claims, p.passports);
	constrained = p.passports != DCA_PASSPORT_ALL ||
	    !dca_constraints_empty(&claims);
	p.constraints = &claims;
	if (!fits) {
		assert_int_equal(dca_profile_build(&tbs, &p, c->scope, &e),
		    DCA_REFUSED);
		assert_int_equal(e.rule, DCA_RULE_CONSTRAINTS);
		p.constraints = NULL;
		constrained = p.passports != DCA_PASSPORT_ALL;
	}
	if (dca_profile_build(&tbs, &p, c->scope, &e) != DCA_OK ||
	    dca_lint_tbs(dca_out_buf(&tbs), c->lint, &opt, &e) != DCA_OK)
		fail_msg("%s", e.text);
	dca_constraints_clear(&claims);
	sign(c, dca_out_buf(&tbs), &der);
	if (dca_lint_read(&ee, dca_out_buf(&der), &e) != DCA_OK)
		fail_msg("%s", e.text);
	assert_int_equal(dca_lint_pack_of(ee), DCA_LINT_DELEGATE_EE);
	assert_int_equal(dca_lint_run(ee, c->lint, DCA_LINT_DELEGATE_EE, &opt,
	    nobody_speaks, NULL), 0);
	(void)dca_lint_run(ee, NULL, DCA_LINT_STI_EE, NULL, only_foreign,
	    &constrained);
	if (number % STRICT_EVERY == 0)
		openssl_agrees(c, dca_out_buf(&der), LAB_NOW);
}

static void
conform(void **state)
{
	const char *count = getenv("DCA_ISSUED"), *first = getenv("DCA_SEED");
	const size_t n = count != NULL ? strtoul(count, NULL, 10) : 10000;
	struct dca_spki keys[KEYS];
	struct cross c;

	(void)state;
	seed = first != NULL ? strtoull(first, NULL, 10) : 20261124;
	assert_true(n > 0 && seed > 0);
	for (size_t i = 0; i < KEYS; i++) {
		struct lab l = lab_make(&(struct lab_spec){ .cn = "key" });

		keys[i] = lab_spki(&l);
		lab_free(&l);
	}
	for (size_t i = 0; i < n; i++) {
		if (i % PER_CROSS == 0)
			cross_make(&c);
		one(&c, &keys[any(KEYS)], i);
		if (i % PER_CROSS == PER_CROSS - 1 || i == n - 1)
			cross_free(&c);
	}
	for (size_t i = 0; i < COUNT(foreign); i++)
		print_message("%zu of %zu: %s (%s)\n", heard[i], n,
		    foreign[i].rule, foreign[i].why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
