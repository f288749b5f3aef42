/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading certificates: fields against what OpenSSL put in, hostile octets,
 * the forms lists travel in, and every certificate of the public corpora.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include "lab.h"


static struct dca_out
der_of(const struct lab *l)
{
	struct dca_out o = { 0 };
	unsigned char *der = NULL;
	int n = i2d_X509(l->x, &der);

	dca_out_add(&o, der, (size_t)n);
	OPENSSL_free(der);
	return o;
}

static void
reads_the_fields(void **state)
{
	struct lab root = lab_make(&(struct lab_spec){ .cn = "SHAKEN Root" });
	struct lab l = lab_make(&(struct lab_spec){ .cn = "SHAKEN 1234",
	    .issuer = &root, .path_len = 0 + 1,
	    .list = "3008a006160431323334", .policies = "300830060604 2a030405",
	    .constraints = "3004a0023000",
	    .constraints_oid = "1.3.6.1.5.5.7.1.33",
	    .critical_oid = "1.2.840.113549.77" });
	struct dca_spki key = lab_spki(&l);
	DCA_AUTO_OUT name = { 0 };
	struct dca_certs c = { 0 };
	const struct dca_cert *x;
	uint8_t ski[20];

	(void)state;
	lab_add(&c, &l);
	lab_add(&c, &root);
	x = &c.v[0];
	assert_int_equal(x->not_before, LAB_NOW - 30 * 86400);
	assert_int_equal(x->not_after, LAB_NOW + 30 * 86400);
	assert_true(x->p256);
	assert_memory_equal(x->key.der, key.der, DCA_SPKI_LEN);
	assert_true(dca_buf_eq(x->spki, DCA_BUF(key.der, DCA_SPKI_LEN)));
	dca_spki_ski(ski, &key);
	assert_true(x->has_ski && dca_buf_eq(x->ski, DCA_BUF(ski, 20)));
	assert_true(x->has_aki && dca_buf_eq(x->aki, c.v[1].ski));
	assert_true(x->has_bc && x->bc_critical && x->ca);
	assert_int_equal(x->path_len, 0);
	assert_int_equal(c.v[1].path_len, -1);
	assert_true(x->has_ku && x->ku_critical);
	assert_int_equal(x->ku, DCA_KU_KEY_CERT_SIGN);
	assert_non_null(x->scope);
	assert_true(dca_tnset_has_spc(x->scope));
	assert_false(x->scope_critical);
	assert_int_equal(x->policies.n, 10);
	assert_int_equal(x->constraints.n, 6);
	assert_true(x->constraints_enhanced);
	assert_false(c.v[1].constraints_enhanced);
	assert_true(x->unknown_critical);
	assert_string_equal(x->unknown_oid, "1.2.840.113549.77");
	assert_true(dca_buf_eq(x->issuer, c.v[1].subject));
	assert_int_equal(x->sigalg, DCA_SIG_ECDSA_SHA256);
	assert_true(dca_cert_signed_by(x, &c.v[1]));
	assert_false(dca_cert_signed_by(&c.v[1], x));
	dca_name_print(&name, x->subject);
	dca_out_add(&name, "", 1);
	assert_string_equal((const char *)name.p, "C=US, O=Lab, CN=SHAKEN 1234");
	/* 16 octets, left-padded */
	assert_int_equal(x->serial[0] | x->serial[1] | x->serial[2] |
	    x->serial[3], 0);
	assert_int_equal(x->serial[4] & 0xc0, 0x40);
	dca_certs_clear(&c);
	lab_free(&l);
	lab_free(&root);
}

static const struct {
	const char *name;
	struct lab_spec spec;
	enum dca_rule rule;
} refused[] = {
	{ "unknown extension twice", { .twice = "1.2.3.4" },
	    DCA_RULE_CERT_EXTENSION },
	{ "SKI twice and malformed", { .twice = "2.5.29.14" },
	    DCA_RULE_CERT_EXTENSION },
	{ "both constraints", { .constraints = "3004a0023000",
	    .constraints_oid = "1.3.6.1.5.5.7.1.27",
	    .twice = "1.3.6.1.5.5.7.1.33" }, DCA_RULE_CERT_EXTENSION },
	{ "empty policies", { .policies = "3000" },
	    DCA_RULE_CERT_EXTENSION },
	{ "empty authorityInfoAccess", { .aia = "3000" },
	    DCA_RULE_CERT_EXTENSION },
	{ "authorityInfoAccess without a method", { .aia = "30023000" },
	    DCA_RULE_CERT_EXTENSION },
	{ "CRLDP no list", { .crldp = "0500" }, DCA_RULE_CERT_EXTENSION },
	/* Both are in live STI certificates (RFC 8226 9). */
	{ "live: SPC without length", { .list = "3008a0061638 36374a" },
	    DCA_RULE_TN_DER },
	{ "live: PrintableString", { .list = "30061304373535 4a" },
	    DCA_RULE_TN_DER },
	{ "empty list", { .list = "3000" }, DCA_RULE_TN_EMPTY },
};

static void
refuses_bad_extensions(void **state)
{
	struct dca_cert c;
	struct dca_err e;
	struct lab_spec s;
	struct lab l;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		DCA_AUTO_OUT der = { 0 };

		s = refused[i].spec;
		s.cn = "x";
		l = lab_make(&s);
		der = der_of(&l);
		e = (struct dca_err){ 0 };
		if (dca_cert_parse(&c, dca_out_buf(&der), &e) == DCA_OK)
			fail_msg("%s: accepted", refused[i].name);
		print_message("%s: %s\n", refused[i].name, e.text);
		assert_int_equal(e.rule, refused[i].rule);
		assert_null(c.der.p);
		lab_free(&l);
	}
}

/* The same certificate in BER, cut, and longer than it says. */
static void
refuses_what_is_not_der(void **state)
{
	struct lab l = lab_make(&(struct lab_spec){ .cn = "x" });
	DCA_AUTO_OUT der = der_of(&l);
	DCA_AUTO_OUT ber = { 0 };
	struct dca_err e = { 0 };
	struct dca_cert c;
	uint8_t *flag;

	(void)state;
	assert_int_equal(der.p[1], 0x82);
	dca_out_add(&ber, "\x30\x83\x00", 3);
	dca_out_add(&ber, der.p + 2, der.n - 2);
	assert_int_equal(dca_cert_parse(&c, dca_out_buf(&ber), &e),
	    DCA_MALFORMED);
	assert_int_equal(e.rule, DCA_RULE_CERT_DER);
	ber.n = 0;
	dca_out_add(&ber, der.p, der.n);
	dca_out_add(&ber, "", 1);
	assert_int_equal(dca_cert_parse(&c, dca_out_buf(&ber), NULL),
	    DCA_MALFORMED);
	for (size_t n = 0; n < der.n; n++)
		assert_int_not_equal(dca_cert_parse(&c, DCA_BUF(der.p, n),
		    NULL), DCA_OK);
	/* critical TRUE is ff in DER, and only ff. */
	flag = memmem(der.p, der.n, "\x01\x01\xff", 3);
	assert_non_null(flag);
	flag[2] = 0x01;
	assert_int_equal(dca_cert_parse(&c, dca_out_buf(&der), &e),
	    DCA_MALFORMED);
	flag[2] = 0x00;		/* FALSE is the default: not written */
	assert_int_equal(dca_cert_parse(&c, dca_out_buf(&der), &e),
	    DCA_MALFORMED);
	ber.n = 0;
	while (ber.n <= DCA_CERT_MAX)
		dca_out_add(&ber, der.p, der.n);
	assert_int_equal(dca_cert_parse(&c, dca_out_buf(&ber), &e),
	    DCA_MALFORMED);
	assert_int_equal(e.rule, DCA_RULE_CERT_DER);
	lab_free(&l);
}

/* Every octet changed in turn: no crash, and what is still accepted encodes
 * one certificate (sanitizers watch). */
static void
survives_every_changed_octet(void **state)
{
	struct lab l = lab_make(&(struct lab_spec){ .cn = "x",
	    .list = "3014a1123010160b313231323535353135303002 0164",
	    .policies = "300830060604 2a030405" });
	DCA_AUTO_OUT der = der_of(&l);
	DCA_AUTO_OUT name = { 0 };
	size_t ok = 0;
	struct dca_cert c;

	(void)state;
	for (size_t i = 0; i < der.n; i++) {
		for (unsigned v = 1; v < 256; v += 6) {
			der.p[i] ^= (uint8_t)v;
			if (dca_cert_parse(&c, dca_out_buf(&der), NULL) ==
			    DCA_OK) {
				ok++;
				name.n = 0;
				dca_name_print(&name, c.subject);
				dca_cert_clear(&c);
			}
			der.p[i] ^= (uint8_t)v;
		}
	}
	print_message("%zu changed certificates still parse\n", ok);
	lab_free(&l);
}

static void
pem_of(struct dca_out *o, struct dca_buf der)
{
	dca_pem_encode(o, "CERTIFICATE", der);
}

static void
reads_lists(void **state)
{
	struct lab a = lab_make(&(struct lab_spec){ .cn = "a" });
	struct lab b = lab_make(&(struct lab_spec){ .cn = "b" });
	DCA_AUTO_OUT da = der_of(&a);
	DCA_AUTO_OUT db = der_of(&b);
	DCA_AUTO_OUT in = { 0 };
	DCA_AUTO_OUT one = { 0 };
	struct dca_certs c;
	struct dca_err e = { 0 };

	(void)state;
	dca_out_add(&in, da.p, da.n);		/* concatenated DER */
	dca_out_add(&in, db.p, db.n);
	assert_int_equal(dca_certs_parse(&c, dca_out_buf(&in), 2, &e), DCA_OK);
	assert_int_equal(c.n, 2);
	assert_true(dca_buf_eq(dca_out_buf(&c.v[1].der), dca_out_buf(&db)));
	dca_certs_clear(&c);
	assert_int_equal(dca_certs_parse(&c, dca_out_buf(&in), 1, &e),
	    DCA_MALFORMED);
	assert_int_equal(e.rule, DCA_RULE_INPUT);

	in.n = 0;				/* PEM with text around */
	dca_out_printf(&in, "subject=a\r\n");
	pem_of(&in, dca_out_buf(&da));
	dca_out_printf(&in, "\nsubject=b\n");
	pem_of(&in, dca_out_buf(&db));
	assert_int_equal(dca_certs_parse(&c, dca_out_buf(&in), 2, &e), DCA_OK);
	assert_int_equal(c.n, 2);
	dca_certs_clear(&c);
	assert_int_equal(dca_pem_decode(&one, "CERTIFICATE", dca_out_buf(&in),
	    &e), DCA_OK);
	assert_true(dca_buf_eq(dca_out_buf(&one), dca_out_buf(&da)));

	dca_pem_encode(&in, "PRIVATE KEY", dca_out_buf(&da));
	assert_int_equal(dca_certs_parse(&c, dca_out_buf(&in), 9, &e),
	    DCA_MALFORMED);
	assert_int_equal(e.rule, DCA_RULE_INPUT);
	assert_int_equal(dca_certs_parse(&c, DCA_BUF("hello\n", 6), 9, &e),
	    DCA_MALFORMED);
	assert_int_equal(dca_certs_parse(&c, DCA_BUF("", 0), 9, &e),
	    DCA_MALFORMED);
	assert_int_equal(dca_pem_decode(&one, "X", dca_out_buf(&in), &e),
	    DCA_MALFORMED);
	lab_free(&a);
	lab_free(&b);
}

static void
refuses_bad_pem(void **state)
{
	static const char *const bad[] = {
		"-----BEGIN CERTIFICATE-----\nMAA=\n",
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END X-----\n",
		"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nMA\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nM!A=\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nMAB=\n-----END CERTIFICATE-----\n",
		("-----BEGIN CERTIFICATE-----\nMA==MAA=\n"
		    "-----END CERTIFICATE-----\n"),
	};
	struct dca_certs c;
	struct dca_err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(dca_certs_parse(&c, DCA_BUF(bad[i],
		    strlen(bad[i])), 9, &e), DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_INPUT);
	}
}

/* OpenSSL reads what we write; we read it back, in order. */
static void
carries_pkcs7(void **state)
{
	struct lab a = lab_make(&(struct lab_spec){ .cn = "a" });
	struct lab b = lab_make(&(struct lab_spec){ .cn = "b" });
	DCA_AUTO_OUT da = der_of(&a);
	DCA_AUTO_OUT db = der_of(&b);
	DCA_AUTO_OUT p7 = { 0 };
	struct dca_buf list[2] = { dca_out_buf(&db), dca_out_buf(&da) };
	const unsigned char *p;
	unsigned char *again = NULL;
	struct dca_certs c;
	struct dca_err e = { 0 };
	PKCS7 *x;
	int n;

	(void)state;
	dca_p7_encode(&p7, list, 2);
	p = p7.p;
	x = d2i_PKCS7(NULL, &p, (long)p7.n);
	assert_non_null(x);
	assert_ptr_equal(p, p7.p + p7.n);
	assert_true(PKCS7_type_is_signed(x));
	assert_int_equal(sk_X509_num(x->d.sign->cert), 2);
	assert_int_equal(X509_cmp(sk_X509_value(x->d.sign->cert, 0), b.x), 0);
	n = i2d_PKCS7(x, &again);
	assert_int_equal(n, p7.n);
	assert_memory_equal(again, p7.p, p7.n);
	OPENSSL_free(again);
	PKCS7_free(x);
	assert_int_equal(dca_p7_parse(&c, dca_out_buf(&p7), &e), DCA_OK);
	assert_int_equal(c.n, 2);
	assert_true(dca_buf_eq(dca_out_buf(&c.v[0].der), list[0]));
	dca_certs_clear(&c);

	assert_int_equal(dca_p7_parse(&c, dca_out_buf(&da), &e),
	    DCA_MALFORMED);
	assert_int_equal(e.rule, DCA_RULE_INPUT);
	for (size_t i = 0; i < p7.n; i++)
		assert_int_not_equal(dca_p7_parse(&c, DCA_BUF(p7.p, i), NULL),
		    DCA_OK);
	/* the next TLS call would take what waits here for its own */
	assert_int_equal(ERR_peek_error(), 0);
	p7.n = 0;
	dca_p7_encode(&p7, list, 0);
	assert_int_equal(dca_p7_parse(&c, dca_out_buf(&p7), &e),
	    DCA_MALFORMED);
	lab_free(&a);
	lab_free(&b);
}

static void
prints_hostile_names(void **state)
{
	static const struct {
		const char *hex, *text;
	} names[] = {
		{ "3000", "" },
		{ "", "?" },
		{ "300c310a300806035504030c0141", "CN=A" },
		/* ESC, comma */
		{ "300e310c300a06035504030c031b2c41", "CN=\\1B\\,A" },
		/* U+202E turns the writing direction */
		{ "300e310c300a06035504030c03e280ae", "CN=\\E2\\80\\AE" },
		/* not UTF-8; unknown type; BMPString */
		{ "300d310b300906035504030c02c328", "CN=\\C3(" },
		{ "300b3109300706022a031301 41", "1.2.3=A" },
		{ "300d310b300906035504031e020041", "CN=\\00A" },
		{ "300531033001", "?" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		DCA_AUTO_OUT o = { 0 };
		size_t n;
		uint8_t *p = lab_unhex(names[i].hex, &n);

		dca_name_print(&o, DCA_BUF(p, n));
		dca_out_add(&o, "", 1);
		assert_string_equal((const char *)o.p, names[i].text);
		free(p);
	}
}

/* The next PEM block alone. */
static bool
next_block(struct dca_buf *in, struct dca_buf *block)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	const uint8_t *p = in->n == 0 ? NULL :
	    memmem(in->p, in->n, end, sizeof(end) - 1);
	size_t n;

	if (p == NULL)
		return false;
	n = (size_t)(p - in->p) + sizeof(end) - 1;
	*block = DCA_BUF(in->p, n);
	in->p += n;
	in->n -= n;
	return true;
}

/* Parsed, and refused by rule; nothing crashes. */
static size_t
read_corpus(const char *path, size_t *all, size_t *rules)
{
	DCA_AUTO_OUT in = { 0 };
	DCA_AUTO_OUT name = { 0 };
	struct dca_buf rest, block;
	struct dca_certs c;
	struct dca_err e;
	size_t ok = 0;

	lab_read(&in, path);
	rest = dca_out_buf(&in);
	for (*all = 0; next_block(&rest, &block); ++*all) {
		if (dca_certs_parse(&c, block, 1, &e) == DCA_OK) {
			ok++;
			name.n = 0;
			dca_name_print(&name, c.v[0].subject);
			dca_certs_clear(&c);
		} else {
			rules[e.rule]++;
		}
	}
	print_message("%s: %zu of %zu parse\n", path, ok, *all);
	for (size_t i = 0; i < DCA_RULE_COUNT; i++)
		if (rules[i] > 0)
			print_message("  %s: %zu\n",
			    dca_problem((enum dca_rule)i)->id, rules[i]);
	return ok;
}

static void
reads_the_real_corpus(void **state)
{
	size_t rules[DCA_RULE_COUNT] = { 0 }, all, ok;

	(void)state;
	ok = read_corpus(DCA_DATA "/sti-certs/certs.pem", &all, rules);
	assert_int_equal(all, 3981);
	/* Its README: strict DER all of them; broken TNAuthLists of the two
	 * known kinds are there (08f4adc9, 224a236b). */
	assert_int_equal(rules[DCA_RULE_CERT_DER], 0);
	assert_true(rules[DCA_RULE_TN_DER] >= 2);
	assert_int_equal(ok + rules[DCA_RULE_TN_DER] +
	    rules[DCA_RULE_TN_SPC] + rules[DCA_RULE_CERT_EXTENSION], all);
	assert_true(ok >= all - 20);
}

static void
survives_the_synthetic_corpus(void **state)
{
	size_t rules[DCA_RULE_COUNT] = { 0 }, all;

	(void)state;
	(void)read_corpus(DCA_DATA "/sti-certs-synthetic/certs.pem", &all,
	    rules);
	assert_int_equal(all, 4000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_fields),
		cmocka_unit_test(refuses_bad_extensions),
		cmocka_unit_test(refuses_what_is_not_der),
		cmocka_unit_test(survives_every_changed_octet),
		cmocka_unit_test(reads_lists),
		cmocka_unit_test(refuses_bad_pem),
		cmocka_unit_test(carries_pkcs7),
		cmocka_unit_test(prints_hostile_names),
		cmocka_unit_test(reads_the_real_corpus),
		cmocka_unit_test(survives_the_synthetic_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
