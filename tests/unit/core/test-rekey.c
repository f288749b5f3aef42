/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rekey proof (dca(7) TRUST): what it is, octet for octet, and every way
 * in which it can be wrong. OpenSSL signs; the message is spelt out here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>

#include "dca/csr.h"

static EVP_PKEY *old_key, *new_key;
static struct dca_spki old_spki, new_spki;
static const uint8_t serial[DCA_SERIAL_LEN] = { 0x4a, 1, 2, 3, 4, 5, 6, 7, 8,
	9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 0xfe };
#define HEAD "rekey:4a0102030405060708090a0b0c0d0e0f101112fe:"

static int
make_keys(void **state)
{
	(void)state;
	old_key = EVP_EC_gen("P-256");
	new_key = EVP_EC_gen("P-256");
	return !old_key || !new_key ||
	    dca_spki_from_pkey(&old_spki, old_key, NULL) != DCA_OK ||
	    dca_spki_from_pkey(&new_spki, new_key, NULL) != DCA_OK;
}

static int
free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(old_key);
	EVP_PKEY_free(new_key);
	return 0;
}

/* HEAD and the signature by key over prefix || SPKI of the new key. */
static void
proof_by(char out[static DCA_PASSWORD_MAX + 1], EVP_PKEY *key,
    const char *prefix, const char *head)
{
	uint8_t message[256], sig[80];
	const size_t k = strlen(prefix);
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	DCA_AUTO_OUT text = { .p = NULL };

	memcpy(message, prefix, k);
	memcpy(message + k, new_spki.der, DCA_SPKI_LEN);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
	    key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, message,
	    k + DCA_SPKI_LEN), 1);
	EVP_MD_CTX_free(ctx);
	dca_b64url(&text, DCA_BUF(sig, n));
	snprintf(out, DCA_PASSWORD_MAX + 1, "%s%s", head,
	    (const char *)text.p);
}

static bool
good(const char *password)
{
	return dca_rekey_check(password, serial, &old_spki, &new_spki);
}

static void
made_as_the_text_says(void **state)
{
	static const uint8_t sig[] = { 0x30, 0x06, 2, 1, 1, 2, 1, 2 };
	char proof[DCA_PASSWORD_MAX + 1];
	uint8_t message[DCA_REKEY_LEN];

	(void)state;
	dca_rekey_message(message, &new_spki);
	assert_memory_equal(message, "dca-rekey", 9);
	assert_memory_equal(message + 9, new_spki.der, DCA_SPKI_LEN);
	dca_rekey_proof(proof, serial, DCA_BUF(sig, sizeof(sig)));
	assert_string_equal(proof, HEAD "MAYCAQECAQI");
	proof_by(proof, old_key, "dca-rekey", HEAD);
	assert_true(good(proof));
}

static void
refused(void **state)
{
	char proof[DCA_PASSWORD_MAX + 1];
	uint8_t other[DCA_SERIAL_LEN];
	size_t i;

	(void)state;
	proof_by(proof, new_key, "dca-rekey", HEAD);
	assert_false(good(proof));	/* another key */
	proof_by(proof, old_key, "", HEAD);
	assert_false(good(proof));	/* a signature made for another use */
	proof_by(proof, old_key, "dca-rekey",
	    "rekey:4A0102030405060708090A0B0C0D0E0F101112FE:");
	assert_false(good(proof));
	proof_by(proof, old_key, "dca-rekey",
	    "renew:4a0102030405060708090a0b0c0d0e0f101112fe:");
	assert_false(good(proof));
	proof_by(proof, old_key, "dca-rekey", HEAD);
	memcpy(other, serial, sizeof(other));
	other[19] ^= 1;
	assert_false(dca_rekey_check(proof, other, &old_spki, &new_spki));
	assert_false(dca_rekey_check(proof, serial, &new_spki, &new_spki));
	assert_false(dca_rekey_check(proof, serial, &old_spki, &old_spki));
	for (i = 0; proof[i] != '\0'; i++) {
		char was = proof[i];

		proof[i] = '\0';	/* cut */
		assert_false(good(proof));
		proof[i] = was == 'A' ? 'B' : 'A';
		assert_false(good(proof));
		proof[i] = was;
	}
	assert_true(good(proof));
	proof[i] = '=';
	proof[i + 1] = '\0';
	assert_false(good(proof));
	assert_false(good(""));
	assert_false(good("rekey:"));
	assert_false(good(HEAD));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_as_the_text_says),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
