/* SPDX-License-Identifier: Apache-2.0 */
/* What dca-enroll believes of the certificate that comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enroll.h"

static enum dca_rc
keep(struct enroll *n, EVP_PKEY *key, struct dca_err *e)
{
	X509 *cert = dca_self_signed(key, "someone", NULL);
	uint8_t *der = NULL;
	int len = i2d_X509(cert, &der);
	enum dca_rc rc;

	assert_true(len > 0);
	rc = enroll_keep_cert(n, DCA_BUF(der, len), false, e);
	OPENSSL_free(der);
	X509_free(cert);
	return rc;
}

static void
test_refused(void **state)
{
	char dir[] = "/tmp/dca-enroll-XXXXXX", path[64];
	EVP_PKEY *other = dca_key_make();
	struct enroll n = { .key = dca_key_make() };
	struct dca_err e = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	n.dir = dir;
	assert_int_equal(dca_spki_from_pkey(&n.spki, n.key, &e), DCA_OK);
	assert_int_not_equal(keep(&n, other, &e), DCA_OK);
	assert_non_null(strstr(e.text, "another key"));
	assert_int_not_equal(keep(&n, n.key, &e), DCA_OK);
	assert_int_equal(e.rule, DCA_RULE_CHAIN_NOLIST);
	snprintf(path, sizeof(path), "%s/cert.pem", dir);
	assert_int_not_equal(access(path, F_OK), 0);
	EVP_PKEY_free(other);
	enroll_clear(&n);
	rmdir(dir);
}

/* A certificate for key by issuer; NULL: by itself. */
static void
signed_by(struct dca_cert *out, EVP_PKEY *key, const char *name,
    EVP_PKEY *by, const char *issuer)
{
	X509 *cert = dca_self_signed(key, name, NULL);
	X509 *above = dca_self_signed(by, issuer, NULL);
	struct dca_err e = { 0 };
	uint8_t *der = NULL;
	int len;

	assert_true(X509_set_issuer_name(cert, X509_get_subject_name(above)));
	assert_true(X509_sign(cert, by, EVP_sha256()) > 0);
	len = i2d_X509(cert, &der);
	assert_true(len > 0);
	assert_int_equal(dca_cert_parse(out, DCA_BUF(der, len), &e), DCA_OK);
	OPENSSL_free(der);
	X509_free(above);
	X509_free(cert);
}

/* RFC 7030 4.1.3: what leads up from the leaf is kept, whatever else the server
 * shows and in which order; a chain of another one is none. */
static void
test_chain(void **state)
{
	enum { LEAF, OLD, ROOT, NEW, ALIEN, N };
	char dir[] = "/tmp/dca-enroll-XXXXXX", path[64];
	struct enroll n = { .dir = dir };
	struct dca_err e = { 0 };
	DCA_AUTO_OUT want = { 0 };
	DCA_AUTO_OUT got = { 0 };
	DCA_AUTO_OUT p7 = { 0 };
	struct dca_cert c[N];
	EVP_PKEY *k[N];

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < N; i++)
		k[i] = dca_key_make();
	signed_by(&c[ROOT], k[ROOT], "root", k[ROOT], "root");
	signed_by(&c[OLD], k[OLD], "delegate", k[ROOT], "root");
	/* the same name, another key */
	signed_by(&c[NEW], k[NEW], "delegate", k[ROOT], "root");
	signed_by(&c[LEAF], k[LEAF], "customer", k[OLD], "delegate");
	signed_by(&c[ALIEN], k[ALIEN], "customer", k[ALIEN], "customer");
	n.leaf = c[LEAF];

	snprintf(path, sizeof(path), "%s/next", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	dca_p7_encode(&p7, (struct dca_buf[]){ dca_out_buf(&c[NEW].der),
	    dca_out_buf(&c[ROOT].der), dca_out_buf(&c[ALIEN].der) }, 3);
	assert_int_not_equal(enroll_keep_chain(&n, dca_out_buf(&p7), &e),
	    DCA_OK);
	assert_int_equal(e.rule, DCA_RULE_INPUT);
	assert_non_null(strstr(e.text, "4.1.3"));
	snprintf(path, sizeof(path), "%s/next/chain.pem", dir);
	assert_int_not_equal(access(path, F_OK), 0);
	p7.n = 0;
	dca_p7_encode(&p7, (struct dca_buf[]){ dca_out_buf(&c[NEW].der),
	    dca_out_buf(&c[ROOT].der), dca_out_buf(&c[OLD].der) }, 3);
	assert_int_equal(enroll_keep_chain(&n, dca_out_buf(&p7), &e), DCA_OK);
	dca_pem_encode(&want, "CERTIFICATE", dca_out_buf(&c[OLD].der));
	dca_pem_encode(&want, "CERTIFICATE", dca_out_buf(&c[ROOT].der));
	snprintf(path, sizeof(path), "%s/next/chain.pem", dir);
	assert_int_equal(dca_file_read(&got, path, 1 << 20, &e), DCA_OK);
	assert_true(dca_buf_eq(dca_out_buf(&got), dca_out_buf(&want)));
	unlink(path);
	snprintf(path, sizeof(path), "%s/next", dir);
	rmdir(path);
	rmdir(dir);
	for (size_t i = 0; i < N; i++) {
		EVP_PKEY_free(k[i]);
		dca_cert_clear(&c[i]);
	}
}

/* A life of 30 days from 0: due in [20 d, 22 d), by the serial alone. */
static void
test_due(void **state)
{
	enum { DAY = 86400 };
	struct dca_cert c = { .not_before = 1000, .not_after = 1000 + 30 * DAY };
	int64_t least, most;
	unsigned i;

	(void)state;
	least = enroll_due(&c);
	assert_int_equal(least, 1000 + 20 * DAY);
	memset(c.serial, 0xff, sizeof(c.serial));
	most = enroll_due(&c);
	assert_true(most > 1000 + 22 * DAY - 60 && most <= 1000 + 22 * DAY);
	for (i = 0; i < 256; i++) {
		c.serial[DCA_SERIAL_LEN - 2] = (uint8_t)i;
		c.serial[DCA_SERIAL_LEN - 1] = (uint8_t)(7 * i);
		assert_in_range(enroll_due(&c), least, most);
		assert_int_equal(enroll_due(&c), enroll_due(&c));
	}
	/* an hour, the shortest that is issued by default */
	c.not_after = c.not_before + 3600;
	assert_in_range(enroll_due(&c), 1000 + 2400, 1000 + 2640);
}

static void
test_backoff(void **state)
{
	static const struct {
		unsigned failures;
		int64_t left, want;	/* and up to a quarter more */
	} cases[] = {
		{ 1, 30 * 86400, 60 }, { 2, 30 * 86400, 120 },
		{ 6, 30 * 86400, 1920 }, { 7, 30 * 86400, 3600 },
		{ 4000000000U, 30 * 86400, 3600 },
		{ 7, 8000, 1000 },	/* it ends soon */
		{ 7, 10, 60 },		/* but no storm */
		{ 7, -5, 3600 },	/* it has ended */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_in_range(enroll_backoff(cases[i].failures,
		    cases[i].left), cases[i].want, cases[i].want * 5 / 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_refused),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_due), cmocka_unit_test(test_backoff) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
