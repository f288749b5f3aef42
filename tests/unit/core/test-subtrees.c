/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name constraints: each case is decided by our reader, and by OpenSSL on the
 * same octets, except where ours is stricter on purpose. Then forms that are
 * none, and the texts of object identifiers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "lab.h"

static const struct {
	const char *permitted, *excluded, *subject;
	bool inside, stricter;	/* OpenSSL says inside */
} cases[] = {
	{ "C=US", NULL, "C=US/O=Lab/CN=x", true, false },
	{ "C=US/O=Lab", NULL, "C=US/O=Lab/CN=x", true, false },
	{ "C=US/O=Lab", NULL, "C=US/O=Lab", true, false },
	{ "C=US/O=Lab", NULL, "C=US/O=LAB/CN=x", true, false },
	{ "C=US/O=My Lab", NULL, "C=US/O= my   lab /CN=x", true, false },
	{ "C=US/O=Lab", NULL, "C=US/O=Lab2/CN=x", false, false },
	{ "C=US/O=Lab", NULL, "C=US/O=MyLab/CN=x", false, false },
	{ "C=US/O=Lab", NULL, "O=Lab/C=US/CN=x", false, false },
	{ "C=US/O=Lab", NULL, "C=US", false, false },
	{ "C=CA", NULL, "C=US/O=Lab", false, false },
	{ "C=US/CN=Lab", NULL, "C=US/O=Lab", false, false },
	{ NULL, "C=US/O=Lab", "C=US/O=Lab/CN=x", false, false },
	{ NULL, "C=US/O=lab", "C=US/O=LAB", false, false },
	{ NULL, "C=US/O=Lab", "C=US/O=Other/CN=x", true, false },
	{ NULL, "C=US/O=Lab", "C=US", true, false },
	{ "C=US", "C=US/O=Lab", "C=US/O=Lab/CN=x", false, false },
	{ "C=US", "C=US/O=Lab", "C=US/O=Other/CN=x", true, false },
	{ "C=DE/O=M\xc3\xbcller", NULL, "C=DE/O=m\xc3\xbcller/CN=x", true,
	    false },
	{ "C=DE/O=M\xc3\xbcller", NULL, "C=DE/O=M\xc3\x9cLLER", false,
	    false },
	{ NULL, "C=DE/O=M\xc3\xbcller", "C=DE/O=M\xc3\x9cLLER", false, true },
	{ NULL, "C=DE/O=M\xc3\xbcller", "C=US/O=M\xc3\x9cLLER", true, false },
	{ "C=US", NULL, "", true, false },
};

static struct dca_buf
constraints_der(NAME_CONSTRAINTS *c, unsigned char **der)
{
	int n;

	*der = NULL;
	n = ASN1_item_i2d((ASN1_VALUE *)c, der,
	    ASN1_ITEM_rptr(NAME_CONSTRAINTS));
	assert_true(n > 0);
	return DCA_BUF(*der, n);
}

static void
decides_as_openssl(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		NAME_CONSTRAINTS *c = lab_names(cases[i].permitted,
		    cases[i].excluded);
		X509_NAME *name = lab_name(cases[i].subject);
		unsigned char *der, *subject = NULL;
		X509 *x = X509_new();
		struct dca_buf v = constraints_der(c, &der);
		const char *why;
		int n = i2d_X509_NAME(name, &subject);

		assert_true(n > 0);
		why = dca_names_outside(v, DCA_BUF(subject, n));
		print_message("%s | %s | %s: %s\n", cases[i].permitted ?
		    cases[i].permitted : "-", cases[i].excluded ?
		    cases[i].excluded : "-", cases[i].subject, why ? why :
		    "inside");
		assert_int_equal(why == NULL, cases[i].inside);
		assert_true(x != NULL && X509_set_subject_name(x, name) == 1);
		assert_int_equal(NAME_CONSTRAINTS_check(x, c) == X509_V_OK,
		    cases[i].inside || cases[i].stricter);
		X509_free(x);
		X509_NAME_free(name);
		NAME_CONSTRAINTS_free(c);
		OPENSSL_free(der);
		OPENSSL_free(subject);
	}
}

#define NAME_US "300d310b3009060355040613025553"
/* BMPString "Lab", and as UTF8String */
#define NAME_BMP "3011310f300d060355040a1e06004c00610062"
#define NAME_LAB "300e310c300a060355040a0c034c6162"
#define NAME_MAIL "301631143012" "06092a864886f70d010901" "1605614062" "2e63"

static const struct {
	const char *what, *constraints, *subject, *why;
} forms[] = {
	{ "empty", "3000", NAME_US, "malformed" },
	{ "permitted is empty", "3002a000", NAME_US, "malformed" },
	{ "octets after it", "3015a0133011a40f" NAME_US "00", NAME_US,
	    "malformed" },
	{ "a maximum", "3018a0163014a40f" NAME_US "810101", NAME_US,
	    "malformed" },
	{ "no form of GeneralName", "3007a0053003890161", NAME_US,
	    "malformed" },
	{ "directoryName that is no name", "3008a0063004a4020500", NAME_US,
	    "malformed" },
	{ "wrong order", "3010a1063004820278" "79a0063004820278" "79",
	    NAME_US, "malformed" },
	{ "dNSName alone says nothing of subjects", "3008a0063004820278" "79",
	    NAME_US, NULL },
	{ "an emailAddress under rfc822Name", "3008a1063004810261" "62",
	    NAME_MAIL, "emailAddress" },
	{ "no emailAddress under rfc822Name", "3008a1063004810261" "62",
	    NAME_US, NULL },
	{ "excluded in BMPString", "3019a1173015a413" NAME_BMP, NAME_LAB,
	    "cannot be compared" },
	{ "permitted in BMPString", "3019a0173015a413" NAME_BMP, NAME_LAB,
	    "no permitted" },
	{ "BMPString octet by octet", "3019a0173015a413" NAME_BMP, NAME_BMP,
	    NULL },
};

static void
refuses_what_it_cannot_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t n, m;
		uint8_t *c = lab_unhex(forms[i].constraints, &n);
		uint8_t *s = lab_unhex(forms[i].subject, &m);
		const char *why = dca_names_outside(DCA_BUF(c, n),
		    DCA_BUF(s, m));

		print_message("%s: %s\n", forms[i].what, why ? why : "inside");
		if (forms[i].why == NULL)
			assert_null(why);
		else
			assert_true(why != NULL &&
			    strstr(why, forms[i].why) != NULL);
		free(c);
		free(s);
	}
}

static void
collect(const char *text, void *arg)
{
	dca_out_printf(arg, "%s;", text);
}

static void
tells_them(void **state)
{
	NAME_CONSTRAINTS *c = lab_names("C=US/O=Lab", "C=US/O=Lab/CN=x");
	DCA_AUTO_OUT o = { 0 };
	unsigned char *der;

	(void)state;
	dca_names_each(constraints_der(c, &der), collect, &o);
	dca_out_add(&o, "", 1);
	assert_string_equal((const char *)o.p,
	    "permitted C=US, O=Lab;excluded C=US, O=Lab, CN=x;");
	OPENSSL_free(der);
	NAME_CONSTRAINTS_free(c);
}

/* An extension is found by its OID; those of the certificate are kept. */
static void
finds_an_extension(void **state)
{
	struct lab l = lab_make(&(struct lab_spec){ .cn = "x",
		.constraints_oid = "1.3.6.1.4.1.32473.9060",
		.constraints = "3008a006160431323334" });
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT oid = { 0 };
	struct dca_buf v;
	bool critical = true;

	(void)state;
	lab_add(&certs, &l);
	assert_true(dca_oid_parse(&oid, "1.3.6.1.4.1.32473.9060"));
	assert_true(dca_cert_extension(&certs.v[0], dca_out_buf(&oid), &v,
	    &critical));
	assert_false(critical);
	assert_int_equal(v.n, 10);
	oid.n = 0;
	assert_true(dca_oid_parse(&oid, "2.5.29.19"));
	assert_true(dca_cert_extension(&certs.v[0], dca_out_buf(&oid), &v,
	    &critical));
	assert_true(critical);
	oid.n = 0;
	assert_true(dca_oid_parse(&oid, "2.999.3"));
	assert_memory_equal(oid.p, "\x88\x37\x03", 3);
	assert_false(dca_cert_extension(&certs.v[0], dca_out_buf(&oid), &v,
	    &critical));
	dca_certs_clear(&certs);
	lab_free(&l);
}

static void
refuses_what_is_no_oid(void **state)
{
	static const char *const texts[] = { "", "1", "3.1", "1.40", "1.2.",
		".1.2", "1..2", "1.02", "1.2.x", "1.2.4294967296",
		"1.2.99999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		DCA_AUTO_OUT o = { 0 };

		print_message("\"%s\"\n", texts[i]);
		assert_false(dca_oid_parse(&o, texts[i]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_as_openssl),
		cmocka_unit_test(refuses_what_it_cannot_read),
		cmocka_unit_test(tells_them),
		cmocka_unit_test(finds_an_extension),
		cmocka_unit_test(refuses_what_is_no_oid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
