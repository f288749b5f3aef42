/* SPDX-License-Identifier: Apache-2.0 */
/* Whose key is it: enrolment proofs and pinned keys, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/os.h"
#include "dca/profile.h"
#include "decide.h"
#include "lab.h"

#define T0 ((int64_t)1800000000)	/* 2027-01-15 */

static char dir[] = "/tmp/dca-who-XXXXXX";
static struct dca_store *store;

static int
setup(void **state)
{
	struct dca_customer c = { .name = "Example", .country = "US",
		.passports = DCA_PASSPORT_ALL, .active = true };
	static const uint8_t body[] = { 0xa0 };
	char path[128];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/store.db", dir);
	OK(dca_store_open(&store, path, false, E));
	OK(dca_store_begin(store, E));
	OK(dca_store_append(store, T0, "act", "vault", DCA_BUF(body, 1),
	    &c.changed, E));
	(void)dca_strlcpy(c.id, "acme", sizeof(c.id));
	OK(dca_store_customer_add(store, &c, E));
	(void)dca_strlcpy(c.id, "beta", sizeof(c.id));
	OK(dca_store_customer_add(store, &c, E));
	return 0;
}

static int
teardown(void **state)
{
	char command[160];

	(void)state;
	dca_store_close(store);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static enum dca_rc
who(EVP_PKEY *key, const char *password, int64_t now, struct vault_who *w,
    struct dca_err *e, uint8_t csr_sha256[32])
{
	struct dca_out der = { 0 };
	struct dca_csr csr;
	enum dca_rc rc;

	lab_csr(&der, key, NULL, password);
	OK(dca_csr_parse(&csr, dca_out_buf(&der), E));
	if (csr_sha256)
		memcpy(csr_sha256, csr.sha256, 32);
	rc = vault_who_asks(store, &csr, now, w, e);
	dca_csr_clear(&csr);
	dca_out_free(&der);
	return rc;
}

static void
who_refused(EVP_PKEY *key, const char *password, int64_t now,
    enum dca_rule rule)
{
	struct vault_who w;
	struct dca_err e = { 0 };

	assert_int_not_equal(who(key, password, now, &w, &e, NULL), DCA_OK);
	assert_string_equal(dca_problem(e.rule)->id, dca_problem(rule)->id);
}

static void
test_code(void **state)
{
	struct dca_code code = { .id = "c1", .customer = "acme",
		.expires = T0 + 3600 };
	EVP_PKEY *key = lab_key(), *other = lab_key();
	struct dca_spki spki = lab_spki(key);
	char proof[DCA_PASSWORD_MAX + 1], wrong[DCA_PASSWORD_MAX + 1];
	uint8_t serial[DCA_SERIAL_LEN] = { 0x43 };
	struct vault_who w;
	uint8_t csr[32];

	(void)state;
	memset(code.secret, 9, sizeof(code.secret));
	OK(dca_store_code_add(store, &code, E));
	dca_enrol_proof(proof, "c1", code.secret, &spki);
	OK(who(key, proof, T0, &w, E, csr));
	assert_string_equal(w.customer, "acme");
	assert_string_equal(w.code, "c1");
	assert_false(w.spent);
	/* for another key; for another code; cut; not a proof at all */
	who_refused(other, proof, T0, DCA_RULE_AUTH_CODE);
	(void)snprintf(wrong, sizeof(wrong), "c2%s", proof + 2);
	who_refused(key, wrong, T0, DCA_RULE_AUTH_CODE);
	(void)dca_strlcpy(wrong, proof, strlen(proof));
	who_refused(key, wrong, T0, DCA_RULE_AUTH_CODE);
	who_refused(key, "secret", T0, DCA_RULE_CSR_PASSWORD);
	who_refused(key, "rekey:00:xx", T0, DCA_RULE_CSR_PASSWORD);
	who_refused(key, proof, T0 + 3600, DCA_RULE_AUTH_CODE);
	who_refused(other, NULL, T0, DCA_RULE_AUTH_PROOF);
	/* spent by another request */
	csr[0] ^= 1;
	OK(dca_store_code_spend(store, "c1", csr, serial, E));
	who_refused(key, proof, T0, DCA_RULE_AUTH_CODE);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

/* Wiped by a clock that was ahead: its secret is known to everybody now. */
static void
test_wiped(void **state)
{
	struct dca_code code = { .id = "w1", .customer = "acme",
		.expires = T0 + 3600 };
	static const uint8_t zero[sizeof(code.secret)];
	EVP_PKEY *key = lab_key();
	struct dca_spki spki = lab_spki(key);
	char proof[DCA_PASSWORD_MAX + 1];
	struct vault_who w;
	struct dca_err e = { 0 };

	(void)state;
	memset(code.secret, 9, sizeof(code.secret));
	OK(dca_store_code_add(store, &code, E));
	OK(dca_store_codes_expire(store, T0 + 3601, E));
	dca_enrol_proof(proof, "w1", zero, &spki);
	assert_int_not_equal(who(key, proof, T0, &w, &e, NULL), DCA_OK);
	assert_int_equal(e.rule, DCA_RULE_AUTH_CODE);
	assert_string_equal(w.customer, "");
	EVP_PKEY_free(key);
}

static void
test_pinned(void **state)
{
	EVP_PKEY *key = lab_key();
	struct dca_spki spki = lab_spki(key);
	struct vault_who w;
	uint8_t hash[32];

	(void)state;
	dca_spki_sha256(hash, &spki);
	OK(dca_store_key_bind(store, hash, "beta", true, E));
	OK(who(key, NULL, T0, &w, E, NULL));
	assert_string_equal(w.customer, "beta");
	assert_string_equal(w.code, "");
	/* unpinned, and no live certificate of it: nobody's to use */
	OK(dca_store_key_unpin(store, hash, E));
	who_refused(key, NULL, T0, DCA_RULE_AUTH_PROOF);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_wiped),
		cmocka_unit_test(test_pinned),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
