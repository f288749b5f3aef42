/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and self-signed certificates of people: modes of files, what is kept,
 * what is refused.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "people.h"

static char dir[] = "/tmp/dca-identity-XXXXXX";

static const char *
in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	static const char *const names[] = { "key.pem", "bad.pem", "c.pem" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		(void)unlink(in_dir(names[i]));
	return rmdir(dir);
}

static void
keeps_a_key(void **state)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *a = NULL;
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *b = NULL;
	struct dca_spki spki, from_file;
	struct dca_err e;
	struct stat st;
	bool made;

	(void)state;
	assert_int_equal(dca_key_keep(&a, in_dir("key.pem"), &made, &e),
	    DCA_OK);
	assert_true(made);
	assert_int_equal(stat(in_dir("key.pem"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(dca_key_keep(&b, in_dir("key.pem"), &made, &e),
	    DCA_OK);
	assert_false(made);
	assert_int_equal(EVP_PKEY_eq(a, b), 1);
	assert_int_equal(dca_spki_from_pkey(&spki, a, &e), DCA_OK);
	assert_int_equal(dca_public_read(&from_file, in_dir("key.pem"), &e),
	    DCA_OK);
	assert_memory_equal(spki.der, from_file.der, sizeof(spki.der));
}

static void
write_bad(const char *text)
{
	FILE *f = fopen(in_dir("bad.pem"), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A key that is there and not what it should be is never replaced. */
static void
refuses_other_keys(void **state)
{
	/* openssl genpkey -algorithm ed25519 */
	static const char ed25519[] = "-----BEGIN PRIVATE KEY-----\n"
	    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
	    "-----END PRIVATE KEY-----\n"; /* RFC 8410 10.3 */
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *k = NULL;
	struct dca_spki spki;
	struct dca_err e;
	bool made;

	(void)state;
	write_bad("nothing\n");
	assert_int_equal(dca_key_keep(&k, in_dir("bad.pem"), &made, &e),
	    DCA_MALFORMED);
	assert_int_equal(e.rule, DCA_RULE_INPUT);
	assert_int_equal(dca_public_read(&spki, in_dir("bad.pem"), &e),
	    DCA_MALFORMED);
	write_bad(ed25519);
	assert_int_equal(dca_key_keep(&k, in_dir("bad.pem"), &made, &e),
	    DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_CSR_KEY);
	assert_null(k);
	assert_int_equal(dca_public_read(&spki, in_dir("bad.pem"), &e),
	    DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_CSR_KEY);
	assert_int_equal(dca_key_read(&k, in_dir("none.pem"), &e), DCA_IO);
}

static void
signs_its_own_certificate(void **state)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *key = dca_key_make();
	DCA_CLEANUP(X509_free_p) X509 *cert =
	    dca_self_signed(key, "alice", "ca.example");
	DCA_CLEANUP(X509_free_p) X509 *ip =
	    dca_self_signed(key, "x", "127.0.0.1");
	DCA_CLEANUP(X509_free_p) X509 *back = NULL;
	struct dca_err e;

	(void)state;
	assert_int_equal(X509_verify(cert, key), 1);
	assert_int_equal(X509_get_version(cert), X509_VERSION_3);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(cert)) < 0);
	assert_true(X509_cmp_current_time(X509_get0_notAfter(cert)) > 0);
	assert_int_equal(X509_check_host(cert, "ca.example", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(ip, "127.0.0.1", 0), 1);
	assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
	assert_int_equal(dca_cert_write(in_dir("c.pem"), cert, &e), DCA_OK);
	assert_int_equal(dca_cert_read(&back, in_dir("c.pem"), &e), DCA_OK);
	assert_int_equal(X509_cmp(cert, back), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_a_key),
		cmocka_unit_test(refuses_other_keys),
		cmocka_unit_test(signs_its_own_certificate),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
