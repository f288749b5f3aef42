/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token administration by libp11: a token from nothing, the certificate
 * beside its key, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "token.h"

#define URI "pkcs11:token=fresh;id=%01;object=ca"
static char *so_pin_file;

static size_t
tokens(bool initialised, const char *label)
{
	struct dca_token_row *v = NULL;
	size_t n = 0, found = 0;
	struct dca_err e = { 0 };

	if (dca_hsm_admin_list(token_module(), &v, &n, &e) != DCA_OK)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < n; i++)
		found += v[i].initialised == initialised &&
		    (!initialised || strcmp(v[i].label, label) == 0);
	free(v);
	return found;
}

static void
init_refused(const char *label, const char *so, const char *pin,
    enum dca_rule rule, const char *text)
{
	struct dca_err e = { 0 };

	token_refused(dca_hsm_admin_init(token_module(), label, so, pin, &e),
	    &e, rule, text);
}

static void
makes_a_token(void **state)
{
	DCA_CLEANUP(dca_free_p) char *open = token_path("open-pin");
	struct dca_err e = { 0 };

	(void)state;
	assert_int_equal(tokens(false, NULL), 1);
	token_pin_write(open, "12345678");
	assert_int_equal(chmod(open, 0644), 0);
	init_refused("fresh", open, token_pin_file(), DCA_RULE_TOKEN_PIN,
	    "chmod 600");
	init_refused("fresh", so_pin_file, open, DCA_RULE_TOKEN_PIN,
	    "chmod 600");
	init_refused("fresh", so_pin_file, so_pin_file, DCA_RULE_TOKEN_PIN,
	    "equal");
	init_refused("", so_pin_file, token_pin_file(), DCA_RULE_REG_FIELD,
	    "1 to 32");
	init_refused("123456789012345678901234567890123", so_pin_file,
	    token_pin_file(), DCA_RULE_REG_FIELD, "1 to 32");
	assert_int_equal(tokens(true, "fresh"), 0);
	if (dca_hsm_admin_init(token_module(), "fresh", so_pin_file,
	    token_pin_file(), &e) != DCA_OK)
		fail_msg("%s", e.text);
	assert_int_equal(tokens(true, "fresh"), 1);
	init_refused("fresh", so_pin_file, token_pin_file(),
	    DCA_RULE_REG_EXISTS, "exists already");
	/* The user PIN works. */
	dca_hsm_close(token_open(NULL, URI));
}

/* A self-signed certificate is as good as any for an object. */
static void
certificate(struct dca_out *der, int serial)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	uint8_t *p = NULL;
	int n;

	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), serial),
	    1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x),
	    "CN", MBSTRING_ASC, (const uint8_t *)"x", 1, -1, 0), 1);
	assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(x)), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	n = i2d_X509(x, &p);
	assert_true(n > 0);
	dca_out_add(der, p, (size_t)n);
	OPENSSL_free(p);
	X509_free(x);
	EVP_PKEY_free(key);
}

static CK_ULONG
certificates(struct dca_buf der)
{
	CK_FUNCTION_LIST *f = token_other_code(token_module());
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	DCA_AUTO_OUT value = { 0 };
	unsigned char id[] = { 1 }, label[] = "ca";
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, id, 1 }, { CKA_LABEL, label, 2 },
		{ CKA_VALUE, NULL, der.n } };
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE o[8];
	CK_SLOT_ID v[16];
	CK_ULONG n = 16, found;

	dca_out_add(&value, der.p, der.n);
	t[3].pValue = value.p;
	assert_int_equal(f->C_Initialize(NULL), CKR_OK);
	assert_int_equal(f->C_GetSlotList(CK_TRUE, v, &n), CKR_OK);
	assert_int_equal(f->C_OpenSession(v[0], CKF_SERIAL_SESSION, NULL, NULL,
	    &s), CKR_OK);
	assert_int_equal(f->C_FindObjectsInit(s, t, 4), CKR_OK);
	assert_int_equal(f->C_FindObjects(s, o, 8, &found), CKR_OK);
	assert_int_equal(f->C_FindObjectsFinal(s), CKR_OK);
	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
	return found;
}

static void
keeps_a_certificate(void **state)
{
	DCA_AUTO_OUT one = { 0 }, two = { 0 };
	struct dca_hsm_config c;
	struct dca_err e = { 0 };

	(void)state;
	certificate(&one, 1);
	certificate(&two, 2);
	token_config(&c, NULL, URI);
	for (int i = 0; i < 2; i++) {	/* twice is once */
		if (dca_hsm_admin_store(&c, dca_out_buf(&one), &e) != DCA_OK)
			fail_msg("%s", e.text);
		assert_int_equal(certificates(dca_out_buf(&one)), 1);
	}
	/* The next cross-certificate of the same key stands beside it. */
	assert_int_equal(dca_hsm_admin_store(&c, dca_out_buf(&two), &e),
	    DCA_OK);
	assert_int_equal(certificates(dca_out_buf(&two)), 1);
	assert_int_equal(certificates(dca_out_buf(&one)), 1);
}

static void
store_refused(void **state)
{
	DCA_CLEANUP(dca_free_p) char *wrong = token_path("wrong-pin");
	DCA_AUTO_OUT cert = { 0 };
	struct dca_hsm_config c;
	struct dca_err e = { 0 };

	(void)state;
	certificate(&cert, 3);
	token_config(&c, NULL, "pkcs11:token=nobody;id=%01");
	token_refused(dca_hsm_admin_store(&c, dca_out_buf(&cert), &e), &e,
	    DCA_RULE_TOKEN_URI, "no initialised token");
	token_config(&c, NULL, "pkcs11:token=fresh");
	token_refused(dca_hsm_admin_store(&c, dca_out_buf(&cert), &e), &e,
	    DCA_RULE_TOKEN_URI, "add id=");
	token_config(&c, NULL, URI);
	dca_out_add(&cert, "x", 1);
	token_refused(dca_hsm_admin_store(&c, dca_out_buf(&cert), &e), &e,
	    DCA_RULE_CERT_DER, "cannot be read");
	cert.n--;
	token_pin_write(wrong, "not-the-pin");
	c.pin_file = wrong;
	token_refused(dca_hsm_admin_store(&c, dca_out_buf(&cert), &e), &e,
	    DCA_RULE_TOKEN_PIN, "CKR_PIN_INCORRECT");
	c.module = "/nonexistent.so";
	assert_int_equal(dca_hsm_admin_store(&c, dca_out_buf(&cert), &e),
	    DCA_TOKEN);
	c.module = "relative.so";
	assert_int_equal(dca_hsm_admin_store(&c, dca_out_buf(&cert), &e),
	    DCA_MALFORMED);
}

/* libp11 first, direct after, and round again, in one process. */
static void
takes_turns(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		dca_hsm_close(token_open(NULL, URI));
		assert_int_equal(tokens(true, "fresh"), 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_token),
		cmocka_unit_test(keeps_a_certificate),
		cmocka_unit_test(store_refused),
		cmocka_unit_test(takes_turns),
	};
	int rc;

	token_folder();
	so_pin_file = token_path("so-pin");
	token_pin_write(so_pin_file, "so-pin-of-test");
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	free(so_pin_file);
	return rc;
}
