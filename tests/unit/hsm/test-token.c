/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token that works: found by its URI, signing from many threads, closed and
 * opened again; and the tokens that are not the one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "token.h"

#define URI "pkcs11:token=one;id=%01;object=ca"
/* SEQUENCE { INTEGER 5 } */
static const uint8_t body[] = { 0x30, 0x03, 0x02, 0x01, 0x05 };

/* By OpenSSL's own verifier, not ours. */
static void
assert_signed(const struct dca_out *out, const struct dca_spki *key)
{
	const uint8_t *p = key->der;
	EVP_PKEY *k = d2i_PUBKEY(NULL, &p, sizeof(key->der));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	/* ecdsa-with-SHA256, parameters absent (RFC 5758 3.2) */
	static const uint8_t alg[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
		0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
	size_t at = 2 + sizeof(body);

	assert_non_null(k);
	assert_int_equal(out->p[0], 0x30);
	assert_int_equal(out->p[1] + 2, out->n);
	assert_memory_equal(out->p + 2, body, sizeof(body));
	assert_memory_equal(out->p + at, alg, sizeof(alg));
	at += sizeof(alg);
	assert_int_equal(out->p[at], 0x03);	/* BIT STRING, no unused bits */
	assert_int_equal(out->p[at + 1] + at + 2, out->n);
	assert_int_equal(out->p[at + 2], 0);
	at += 3;
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL,
	    k), 1);
	assert_int_equal(EVP_DigestVerify(ctx, out->p + at, out->n - at, body,
	    sizeof(body)), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(k);
}

static void
signs(void **state)
{
	struct dca_hsm *h = token_open(NULL, URI);
	struct dca_signer *s = NULL;
	struct dca_spki key;
	struct dca_err e = { 0 };

	(void)state;
	assert_int_equal(dca_hsm_key(h, &key, &e), DCA_OK);
	assert_int_equal(dca_signer_open(&s, h, &e), DCA_OK);
	for (int i = 0; i < 100; i++) {
		DCA_AUTO_OUT out = { 0 };

		assert_int_equal(dca_signer_sign(s, DCA_BUF(body,
		    sizeof(body)), &out, &e), DCA_OK);
		assert_signed(&out, &key);
	}
	dca_signer_close(s);
	dca_hsm_close(h);
}

/* r||s that OpenSSL verifies over the text, once it is DER. */
static void
signs_a_passport(void **state)
{
	static const char input[] = "eyJhbGciOiJFUzI1NiJ9.eyJpYXQiOjF9";
	struct dca_hsm *h = token_open(NULL, URI);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct dca_signer *s = NULL;
	DCA_AUTO_OUT der = { 0 };
	struct dca_spki key;
	const uint8_t *p = key.der;
	struct dca_err e = { 0 };
	uint8_t raw[64];
	EVP_PKEY *k;

	(void)state;
	assert_int_equal(dca_hsm_key(h, &key, &e), DCA_OK);
	assert_int_equal(dca_signer_open(&s, h, &e), DCA_OK);
	assert_int_equal(dca_signer_passport(s, DCA_BUF(input,
	    sizeof(input) - 1), raw, &e), DCA_OK);
	assert_true(dca_ecdsa_sig_from_raw(&der, raw));
	k = d2i_PUBKEY(NULL, &p, sizeof(key.der));
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL,
	    k), 1);
	assert_int_equal(EVP_DigestVerify(ctx, der.p, der.n,
	    (const uint8_t *)input, sizeof(input) - 1), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(k);
	dca_signer_close(s);
	dca_hsm_close(h);
}

/* What is no signing input never gets as far as the token. */
static void
signs_no_other_text(void **state)
{
	static const char *const v[] = { "", "eyJ9", "eyJ9.", ".eyJ9",
		"eyJ9.e.e", "eyJ9.e=", "0yJ9.eyJ9", "eyJ9.e\n" };
	struct dca_hsm *h = token_open(NULL, URI);
	struct dca_signer *s = NULL;
	uint8_t raw[64];

	(void)state;
	assert_int_equal(dca_signer_open(&s, h, NULL), DCA_OK);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		int status = 0;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			(void)signal(SIGABRT, SIG_DFL);
			(void)!dca_signer_passport(s,
			    DCA_BUF(v[i], strlen(v[i])), raw, NULL);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
	}
	dca_signer_close(s);
	dca_hsm_close(h);
}

struct worker {
	struct dca_hsm *h;
	struct dca_spki key;
	pthread_t thread;
	int done;
	char why[320];
};
enum { THREADS = 4, EACH = 250 };

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct dca_signer *s = NULL;
	struct dca_err e = { 0 };
	enum dca_rc rc = dca_signer_open(&s, w->h, &e);

	while (rc == DCA_OK && w->done < EACH) {
		DCA_AUTO_OUT out = { 0 };

		rc = dca_signer_sign(s, DCA_BUF(body, sizeof(body)), &out, &e);
		w->done += rc == DCA_OK;
	}
	(void)dca_strlcpy(w->why, e.text, sizeof(w->why));
	dca_signer_close(s);
	return NULL;
}

static void
signs_in_threads(void **state)
{
	struct dca_hsm *h = token_open(NULL, URI);
	struct worker w[THREADS] = { 0 };

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		w[i].h = h;
		assert_int_equal(pthread_create(&w[i].thread, NULL, work,
		    &w[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(w[i].thread, NULL);
		if (w[i].done != EACH)
			fail_msg("%d of %d: %s", w[i].done, EACH, w[i].why);
	}
	dca_hsm_close(h);
}

static void
open_refused(const char *uri, enum dca_rule rule, const char *text)
{
	struct dca_hsm_config c;
	struct dca_hsm *h = NULL;
	struct dca_err e = { 0 };

	token_config(&c, NULL, uri);
	token_refused(dca_hsm_open(&h, &c, &e), &e, rule, text);
	assert_null(h);
}

static void
not_the_token(void **state)
{
	(void)state;
	open_refused("pkcs11:token=nobody", DCA_RULE_TOKEN_URI,
	    "no initialised token matches token=\"nobody\"");
	open_refused("pkcs11:token=twin;id=%01", DCA_RULE_TOKEN_URI,
	    "2 tokens match token=\"twin\": add serial=");
	open_refused("pkcs11:token=one;model=other", DCA_RULE_TOKEN_URI,
	    "no initialised token");
	open_refused("pkcs11:token=one;manufacturer=other", DCA_RULE_TOKEN_URI,
	    "no initialised token");
	open_refused("pkcs11:token=one;serial=0", DCA_RULE_TOKEN_URI,
	    "no initialised token");
	/* The free slot that SoftHSM always has is never one of them. */
	open_refused("pkcs11:", DCA_RULE_TOKEN_URI, "3 tokens match any token");
}

/* Twins are told apart by their serial number. */
static void
serial_chooses(void **state)
{
	struct dca_hsm *h = token_open(NULL, "pkcs11:token=one");
	struct dca_hsm_info info;
	struct dca_err e = { 0 };
	char uri[96];

	(void)state;
	assert_int_equal(dca_hsm_info(h, &info, &e), DCA_OK);
	assert_string_equal(info.label, "one");
	assert_string_equal(info.manufacturer, "SoftHSM project");
	assert_string_equal(info.model, "SoftHSM v2");
	assert_int_equal(strlen(info.serial), 16);
	assert_false(info.pin_locked);
	dca_hsm_close(h);
	(void)snprintf(uri, sizeof(uri), "pkcs11:serial=%s", info.serial);
	dca_hsm_close(token_open(NULL, uri));
}

static void
not_the_module(void **state)
{
	Dl_info libc;	/* a library that is no module, whatever the machine */
	const int found = dladdr((void *)(uintptr_t)gnu_get_libc_version,
	    &libc);
	const struct {
		const char *module, *text;
		enum dca_rule rule;
	} rows[] = {
		{ "/nonexistent.so", "module:", DCA_RULE_TOKEN_DOWN },
		{ "/etc/passwd", "module:", DCA_RULE_TOKEN_DOWN },
		{ "libsofthsm2.so", "absolute path", DCA_RULE_TOKEN_URI },
		{ "", "absolute path", DCA_RULE_TOKEN_URI },
		{ libc.dli_fname, "C_GetFunctionList", DCA_RULE_TOKEN_DOWN },
	};

	(void)state;
	assert_int_not_equal(found, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dca_hsm_config c;
		struct dca_hsm *h = NULL;
		struct dca_err e = { 0 };
		enum dca_rc rc;

		token_config(&c, rows[i].module, URI);
		rc = dca_hsm_open(&h, &c, &e);
		token_refused(rc, &e, rows[i].rule, rows[i].text);
	}
}

static void
module_path_in_uri(void **state)
{
	struct dca_hsm_config c;
	struct dca_hsm *h = NULL;
	struct dca_err e = { 0 };
	char uri[256];

	(void)state;
	(void)snprintf(uri, sizeof(uri), "%s?module-path=%s", URI,
	    token_module());
	token_config(&c, NULL, uri);
	c.module = NULL;
	if (dca_hsm_open(&h, &c, &e) != DCA_OK)
		fail_msg("%s", e.text);
	dca_hsm_close(h);
}

static void
not_the_key(void **state)
{
	static const struct {
		const char *uri, *text;
	} rows[] = {
		{ "pkcs11:token=one;id=%77",
		  "no private key with CKA_ID 77 in token \"one\"" },
		{ "pkcs11:token=one", "add id=" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dca_hsm *h = token_open(NULL, rows[i].uri);
		struct dca_signer *s = NULL;
		struct dca_key_facts facts;
		struct dca_spki key;
		struct dca_err e = { 0 };

		token_refused(dca_hsm_key(h, &key, &e), &e, DCA_RULE_TOKEN_KEY,
		    rows[i].text);
		token_refused(dca_signer_open(&s, h, &e), &e,
		    DCA_RULE_TOKEN_KEY, rows[i].text);
		assert_null(s);
		token_refused(dca_hsm_key_facts(h, &facts, &e), &e,
		    DCA_RULE_TOKEN_KEY, rows[i].text);
		dca_hsm_close(h);
	}
}

static void
opens_again(void **state)
{
	(void)state;
	dca_hsm_close(NULL);
	dca_signer_close(NULL);
	for (int i = 0; i < 20; i++)
		signs(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs),
		cmocka_unit_test(signs_a_passport),
		cmocka_unit_test(signs_no_other_text),
		cmocka_unit_test(signs_in_threads),
		cmocka_unit_test(not_the_token),
		cmocka_unit_test(serial_chooses),
		cmocka_unit_test(not_the_module),
		cmocka_unit_test(module_path_in_uri),
		cmocka_unit_test(not_the_key),
		cmocka_unit_test(opens_again),
	};
	struct dca_key_facts facts;
	struct dca_spki key;
	struct dca_err e = { 0 };
	struct dca_hsm *h;

	token_folder();
	token_new("one");
	token_new("twin");
	token_new("twin");
	h = token_open(NULL, URI);
	if (dca_hsm_keygen(h, false, &key, &facts, &e) != DCA_OK) {
		fprintf(stderr, "keygen: %s\n", e.text);
		return 1;
	}
	dca_hsm_close(h);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
