/* SPDX-License-Identifier: Apache-2.0 */
/* What dca-enroll believes of the certificate that comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
