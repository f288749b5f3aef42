/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate we issue, judged by OpenSSL: parsed, verified strictly,
 * and its extensions compared with the octets of the profile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "dca/profile.h"
#include "lab.h"

#define SUBJECT "300f310d300b06035504030c0441636d65"	/* CN=Acme */
/* Two policies of which the first has a qualifier: one OID comes out. */
#define POLICIES "30313021060a6086480186fd590101043013301106082b0601050507020"  \
	"11605687474703a300c060a6086480186fd59010103"
#define CRLDP "30323030a01aa0188616687474703a2f2f6578616d706c652e636f6d2f63"    \
	"726ca212a410300e310c300a06035504030c0343524c"

struct bench {
	struct lab root, ca, ee;
	struct dca_certs certs;		/* ca, root */
	struct dca_spki key;
	struct dca_tnset *scope, *numbers;
	uint8_t *subject;
	struct dca_profile p;
};

static void
setup(struct bench *b, const char *scope, const char *numbers)
{
	static const uint8_t random[DCA_SERIAL_LEN] = { 0xff, 1, 2, 3 };
	size_t n;

	*b = (struct bench){ 0 };
	b->root = lab_make(&(struct lab_spec){ .cn = "SHAKEN Root" });
	b->ca = lab_make(&(struct lab_spec){ .cn = "SHAKEN 1234",
	    .issuer = &b->root, .path_len = 0 + 1,
	    .list = "3015a1133011160b3132313235353531303030020203e8",
	    .policies = POLICIES, .crldp = CRLDP });
	b->ee = lab_make(&(struct lab_spec){ .cn = "key only" });
	lab_add(&b->certs, &b->ca);
	lab_add(&b->certs, &b->root);
	b->key = lab_spki(&b->ee);
	b->scope = dca_tnset_new();
	b->numbers = dca_tnset_new();
	assert_int_equal(dca_tnset_parse(b->scope, scope, NULL), DCA_OK);
	if (numbers[0] != '\0')
		assert_int_equal(dca_tnset_parse(b->numbers, numbers, NULL),
		    DCA_OK);
	b->subject = lab_unhex(SUBJECT, &n);
	b->p = (struct dca_profile){ .issuer = &b->certs.v[0],
		.subject = DCA_BUF(b->subject, n), .key = &b->key,
		.not_before = LAB_NOW, .not_after = LAB_NOW + 86400,
		.numbers = b->numbers, .passports = DCA_PASSPORT_ALL };
	dca_serial_make(b->p.serial, random);
}

static void
teardown(struct bench *b)
{
	dca_certs_clear(&b->certs);
	dca_tnset_free(b->scope);
	dca_tnset_free(b->numbers);
	free(b->subject);
	lab_free(&b->root);
	lab_free(&b->ca);
	lab_free(&b->ee);
}

/* Signed with OpenSSL and put together, as the vault does. */
static void
sign(const struct bench *b, const struct dca_out *tbs, struct dca_out *der)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[80];
	size_t n = sizeof(sig);

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
	    b->ca.key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, tbs->p, tbs->n), 1);
	EVP_MD_CTX_free(ctx);
	dca_signed_encode(der, dca_out_buf(tbs), DCA_BUF(sig, n));
}

static X509 *
build(const struct bench *b, struct dca_out *der)
{
	DCA_AUTO_OUT tbs = { 0 };
	struct dca_err e = { 0 };
	const unsigned char *p;
	X509 *x;

	if (dca_profile_build(&tbs, &b->p, b->scope, &e) != DCA_OK)
		fail_msg("%s", e.text);
	sign(b, &tbs, der);
	p = der->p;
	x = d2i_X509(NULL, &p, (long)der->n);
	assert_non_null(x);
	assert_ptr_equal(p, der->p + der->n);
	return x;
}

/* X509_V_FLAG_X509_STRICT, as `openssl verify -x509_strict`. */
static void
verify_strict(const struct bench *b, X509 *x)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *chain = sk_X509_new_null();
	int ok;

	sk_X509_push(chain, b->ca.x);
	X509_STORE_add_cert(store, b->root.x);
	X509_STORE_CTX_init(ctx, store, x, chain);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT |
	    X509_V_FLAG_CHECK_SS_SIGNATURE | X509_V_FLAG_POLICY_CHECK);
	X509_STORE_CTX_set_time(ctx, 0, LAB_NOW + 1);
	ok = X509_verify_cert(ctx);
	if (ok != 1)
		print_message("%s\n", X509_verify_cert_error_string(
		    X509_STORE_CTX_get_error(ctx)));
	assert_int_equal(ok, 1);
	sk_X509_free(chain);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
}

static void
has(const struct dca_out *der, const char *hex)
{
	size_t n;
	uint8_t *p = lab_unhex(hex, &n);

	if (memmem(der->p, der->n, p, n) == NULL)
		fail_msg("not in the certificate: %s", hex);
	free(p);
}

static bool
has_not(const struct dca_out *der, const char *hex)
{
	size_t n;
	uint8_t *p = lab_unhex(hex, &n);
	bool found = memmem(der->p, der->n, p, n) != NULL;

	free(p);
	return !found;
}

static void
follows_the_profile(void **state)
{
	DCA_AUTO_OUT der = { 0 };
	struct bench b;
	X509 *x;
	uint32_t ku;

	(void)state;
	setup(&b, "12125551000+1000", "12125551500+100,12125551824");
	x = build(&b, &der);
	verify_strict(&b, x);
	assert_int_equal(X509_get_version(x), X509_VERSION_3);
	assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(x),
	    X509_get_subject_name(b.ca.x)), 0);
	ku = X509_get_key_usage(x);
	assert_int_equal(ku, KU_DIGITAL_SIGNATURE);
	assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x),
	    X509_get0_subject_key_id(b.ca.x)), 0);
	assert_int_equal(X509_get_ext_count(x), 7);
	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(x)), 20);
	assert_int_equal(ASN1_STRING_get0_data(X509_get0_serialNumber(x))[0],
	    0x7f);
	/* Octets of the profile, and of what we gave. */
	has(&der, "300c0603551d130101ff04023000");
	has(&der, "300e0603551d0f0101ff0404030207 80");
	has(&der, "303106082b0601050507011a04253023a1123010160b31323132353535"
	    "31353030020164a20d160b3132313235353531383234");
	has(&der, "30170603551d200410300e300c060a6086480186fd59010104");
	has(&der, CRLDP);
	has(&der, SUBJECT);
	assert_true(has_not(&der, "2b06010505070121"));
	X509_free(x);
	teardown(&b);
}

/* The extension alone is what stands in the certificate. */
static void
same_constraints(const struct dca_out *der, unsigned bits)
{
	DCA_AUTO_OUT value = { 0 };
	struct dca_cert cert = { 0 };
	struct dca_err e = { 0 };

	if (dca_cert_parse(&cert, dca_out_buf(der), &e))
		fail_msg("%s", e.text);
	assert_int_equal(dca_profile_constraints(&value, NULL, bits, NULL),
	    DCA_OK);
	assert_int_equal(value.n == 0, bits == DCA_PASSPORT_ALL);
	assert_true(dca_buf_eq(dca_out_buf(&value), cert.constraints));
	dca_cert_clear(&cert);
}

static void
constrains_passports(void **state)
{
	static const struct {
		unsigned bits;
		const char *hex;
	} rows[] = {
		/* RFC 9118 3: mustExclude {attest, origid, div} */
		{ DCA_PASSPORT_RCD, "06082b06010505070121041b3019a217301516066"
		    "174746573741606 6f72696769641603646976" },
		{ DCA_PASSPORT_ALL & ~DCA_PASSPORT_DIV,
		    "06082b06010505070121040b3009a20730051603646976" },
		{ DCA_PASSPORT_ALL & ~DCA_PASSPORT_RCD,
		    "06082b06010505070121040b3009a20730051603726364" },
		{ 0, "a21c301a16066174746573741606 6f72696769641603646976"
		    "1603726364" },
	};
	struct bench b;

	(void)state;
	setup(&b, "12125551000+1000", "12125551500");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		DCA_AUTO_OUT der = { 0 };
		X509 *x;

		b.p.passports = rows[i].bits;
		x = build(&b, &der);
		verify_strict(&b, x);
		has(&der, rows[i].hex);
		same_constraints(&der, rows[i].bits);
		X509_free(x);
	}
	teardown(&b);
}

/* UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5). */
static void
writes_both_times(void **state)
{
	DCA_AUTO_OUT der = { 0 };
	struct bench b;
	X509 *x;

	(void)state;
	setup(&b, "12125551000+1000", "12125551500");
	b.certs.v[0].not_after = INT64_C(4000000000);
	b.p.not_before = INT64_C(2524607999);	/* 2049-12-31T23:59:59Z */
	b.p.not_after = INT64_C(2524608000);
	x = build(&b, &der);
	has(&der, "3020170d3439313233313233353935395a180f32303530303130313030"
	    "303030305a");
	X509_free(x);
	teardown(&b);
}

static void
leaves_out_what_the_issuer_has_not(void **state)
{
	DCA_AUTO_OUT der = { 0 };
	struct bench b;
	X509 *x;

	(void)state;
	setup(&b, "12125551000+1000", "12125551500");
	b.certs.v[0].policies = b.certs.v[0].crldp = DCA_BUF(NULL, 0);
	x = build(&b, &der);
	verify_strict(&b, x);
	assert_int_equal(X509_get_ext_count(x), 5);
	X509_free(x);
	teardown(&b);
}

static void
expect(struct bench *b, enum dca_rule rule, const char *first)
{
	DCA_AUTO_OUT tbs = { 0 };
	struct dca_err e = { 0 };

	assert_int_equal(dca_profile_build(&tbs, &b->p, b->scope, &e),
	    dca_problem(rule)->rc);
	assert_int_equal(e.rule, rule);
	assert_string_equal(e.first, first);
	assert_int_equal(tbs.n, 0);
}

static void
refuses(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, "12125551000+1000,spc:1234", "12125551999+2");
	expect(&b, DCA_RULE_SCOPE_CROSS, "12125552000");
	teardown(&b);
	setup(&b, "spc:1234", "12125551000");	/* no inventory united */
	expect(&b, DCA_RULE_SCOPE_CROSS, "12125551000");
	teardown(&b);
	setup(&b, "spc:1234", "spc:1234");
	expect(&b, DCA_RULE_TN_SPC_EE, "");
	teardown(&b);
	setup(&b, "12125551000+1000", "");
	expect(&b, DCA_RULE_SCOPE_EMPTY, "");
	teardown(&b);

	setup(&b, "12125551000+1000", "12125551000");
	b.p.not_after = b.p.not_before;
	expect(&b, DCA_RULE_VALIDITY, "");
	b.p.not_after = b.p.issuer->not_after + 1;
	expect(&b, DCA_RULE_VALIDITY, "");
	b.p.not_after = LAB_NOW + 1;
	b.p.not_before = b.p.issuer->not_before - 1;
	expect(&b, DCA_RULE_VALIDITY, "");
	b.p.not_before = LAB_NOW;
	b.p.serial[0] = 0x80;
	expect(&b, DCA_RULE_PROFILE, "");
	memset(b.p.serial, 0, DCA_SERIAL_LEN);
	expect(&b, DCA_RULE_PROFILE, "");
	b.p.serial[19] = 1;
	b.p.subject = DCA_BUF("\x30\x00", 2);
	expect(&b, DCA_RULE_PROFILE, "");
	b.p.subject = DCA_BUF(b.subject, 17);
	b.certs.v[0].ca = false;
	expect(&b, DCA_RULE_PROFILE, "");
	teardown(&b);
}

/* n ranges of 2 numbers, apart from each other. */
static void
add_ranges(struct dca_tnset *s, unsigned n)
{
	struct dca_tnrange r = { .digits = 11 };

	for (unsigned i = 0; i < n; i++) {
		r.lo = UINT64_C(12125000000) + 4 * i;
		r.hi = r.lo + 1;
		dca_tnset_add_interval(s, r);
	}
}

/* The largest list we issue, and one entry more: a1 12 30 10 16 0b, eleven
 * digits, 02 01 02 are 20 octets, and the list's own head has 4. */
static void
keeps_the_size_limit(void **state)
{
	unsigned most = (DCA_TNAUTHLIST_MAX - 4) / 20;
	DCA_AUTO_OUT der = { 0 };
	struct bench b;
	X509 *x;

	(void)state;
	setup(&b, "12125000000+100000", "");
	add_ranges(b.numbers, most);
	x = build(&b, &der);
	verify_strict(&b, x);
	X509_free(x);
	dca_tnset_free(b.numbers);
	b.p.numbers = b.numbers = dca_tnset_new();
	add_ranges(b.numbers, most + 1);
	expect(&b, DCA_RULE_TN_LIST_SIZE, "");
	teardown(&b);
}

static void
encodes_csrattrs(void **state)
{
	static const char hex[] =	/* RFC 8951, 134 octets */
	    "3081833015 06072a8648ce3d0201310a06082a8648ce3d030107306006092a86"
	    "4886f70d01090e31533051303106082b0601050507011a04253023a112301016"
	    "0b3132313235353531353030020164a20d160b3132313235353531383234300e"
	    "0603551d0f0101ff040403020780300c0603551d130101ff0402300006082a86"
	    "48ce3d040302";
	struct dca_tnset *s = dca_tnset_new();
	DCA_AUTO_OUT o = { 0 };
	uint8_t *want;
	size_t n;

	(void)state;
	assert_int_equal(dca_tnset_parse(s, "12125551500+100,12125551824",
	    NULL), DCA_OK);
	dca_csrattrs_encode(&o, s);
	want = lab_unhex(hex, &n);
	assert_int_equal(n, 134);
	assert_int_equal(o.n, n);
	assert_memory_equal(o.p, want, n);
	free(want);
	dca_tnset_free(s);
}

static void
makes_serials(void **state)
{
	uint8_t r[DCA_SERIAL_LEN], s[DCA_SERIAL_LEN];

	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		memset(r, (int)v, sizeof(r));
		dca_serial_make(s, r);
		assert_int_equal(s[0] & 0xc0, 0x40);
		assert_int_equal(s[0] & 0x3f, v & 0x3f);
		assert_memory_equal(s + 1, r + 1, DCA_SERIAL_LEN - 1);
	}
}

static void
reads_passports(void **state)
{
	static const char *const bad[] = { "", ",", "shaken,", "shaken,shaken",
	    "SHAKEN", "rcd div", "none,div", "shakendiv" };
	struct dca_err e = { 0 };
	char text[24];
	unsigned bits;

	(void)state;
	assert_int_equal(dca_passports_parse(&bits, "div,shaken", &e), DCA_OK);
	assert_int_equal(bits, DCA_PASSPORT_SHAKEN | DCA_PASSPORT_DIV);
	for (unsigned v = 0; v <= DCA_PASSPORT_ALL; v++) {
		dca_passports_print(v, text);
		assert_int_equal(dca_passports_parse(&bits, text, &e), DCA_OK);
		assert_int_equal(bits, v);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(dca_passports_parse(&bits, bad[i], &e),
		    DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_REG_FIELD);
	}
}

static double
microseconds(struct bench *b, unsigned rounds)
{
	struct timespec t0, t1;
	struct dca_err e;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (unsigned i = 0; i < rounds; i++) {
		DCA_AUTO_OUT tbs = { 0 };

		if (dca_profile_build(&tbs, &b->p, b->scope, &e) != DCA_OK)
			abort();
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	return ((double)(t1.tv_sec - t0.tv_sec) * 1e6 +
	    (double)(t1.tv_nsec - t0.tv_nsec) / 1e3) / rounds;
}

static void
tells_its_speed(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, "12125551000+1000", "12125551500");
	(void)microseconds(&b, 100);
	print_message("build: 1 number %.2f us\n", microseconds(&b, 20000));
	teardown(&b);
	setup(&b, "12125000000+100000", "");
	add_ranges(b.numbers, 2000);
	print_message("build: 2000 ranges %.2f us\n", microseconds(&b, 500));
	teardown(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_profile),
		cmocka_unit_test(constrains_passports),
		cmocka_unit_test(writes_both_times),
		cmocka_unit_test(leaves_out_what_the_issuer_has_not),
		cmocka_unit_test(refuses),
		cmocka_unit_test(keeps_the_size_limit),
		cmocka_unit_test(encodes_csrattrs),
		cmocka_unit_test(makes_serials),
		cmocka_unit_test(reads_passports),
		cmocka_unit_test(tells_its_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
