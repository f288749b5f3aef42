/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests: every labelled case, every refusal of dca(7) LIMITS and RFC 9148,
 * proof of possession, and requests of our own making read by OpenSSL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>

#include "cases.h"
#include "dca/csr.h"
#include "requests.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))
#define AUTO_SET DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset

#define ONE_TN "300fa20d160b3132303235353530313031"	/* 12025550101 */
#define TN_EXT { REQ_TN, NULL, ONE_TN }

static EVP_PKEY *p256, *p384, *rsa;

static struct dca_tnset *
set_of(const char *text)
{
	struct dca_tnset *s = dca_tnset_new();

	assert_int_equal(dca_tnset_parse(s, text, NULL), DCA_OK);
	return s;
}

/* Parse and proof of possession, as the vault does. */
static enum dca_rule
judge(struct dca_buf der, struct dca_err *e)
{
	struct dca_csr r;

	e->rule = DCA_RULE_NONE;
	if (dca_csr_parse(&r, der, e) == DCA_OK &&
	    dca_csr_check_pop(&r, e) == DCA_OK)
		e->rule = DCA_RULE_NONE;
	dca_csr_clear(&r);
	return e->rule;
}

static enum dca_rule
judge_req(const struct req *r, struct dca_err *e)
{
	DCA_AUTO_OUT der = { .p = NULL };
	struct req q = *r;

	if (q.key == NULL)
		q.key = p256;
	req_make(&der, &q);
	return judge(dca_out_buf(&der), e);
}

/* Everything a customer may send. */
static void
accepted(void **state)
{
	static const struct {
		struct req r;
		const char *numbers;	/* NULL: none asked */
		const char *password;
	} ok[] = {
		{ { .subject = NULL }, NULL, "" },
		{ { .ext = { TN_EXT } }, "12025550101", "" },
		{ { .ext = { { REQ_TN, NULL,
			"3014a1123010160b3132303235353530313030020164" } } },
		    "12025550100+100", "" },
		{ { .ext = { TN_EXT, { REQ_KU, "0101ff", "03020780" },
			{ REQ_BC, NULL, "3000" } } }, "12025550101", "" },
		{ { .ext = { { REQ_KU, NULL, "03020780" },
			{ REQ_BC, "0101ff", "3000" } } }, NULL, "" },
		{ { .ext = { TN_EXT },
		    .attr = { { REQ_PASSWORD, "0c0463313a78" } } },
		    "12025550101", "c1:x" },
		{ { .attr = { { REQ_PASSWORD, "130463313a78" } } }, NULL,
		    "c1:x" },
		/* CN=a, and a subject of two in one RDN */
		{ { .subject = "300c310a300806035504030c0161" }, NULL, "" },
		{ { .subject = "3016311430080603550403130161"
			       "300806035504" "0a130162" }, NULL, "" },
		{ { .subject = "300d310b300906035504031e020061" }, NULL, "" },
	};
	struct dca_csr r;
	struct dca_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ok); i++) {
		DCA_AUTO_OUT der = { .p = NULL };
		AUTO_SET *want = NULL;
		struct req q = ok[i].r;

		q.key = p256;
		req_make(&der, &q);
		if (dca_csr_parse(&r, dca_out_buf(&der), &e) != DCA_OK)
			fail_msg("row %zu: %s", i, e.text);
		assert_int_equal(dca_csr_check_pop(&r, &e), DCA_OK);
		assert_string_equal(r.password, ok[i].password);
		assert_int_equal(r.subject_empty, q.subject == NULL);
		assert_int_equal(r.numbers != NULL, ok[i].numbers != NULL);
		if (r.numbers != NULL) {
			want = set_of(ok[i].numbers);
			assert_true(dca_tnset_equal(r.numbers, want));
		}
		dca_csr_clear(&r);
	}
}

#define EXT(oid, value) { .ext = { { oid, NULL, value } } }
#define SUBJECT(hex) { .subject = hex }
#define PASSWORD(hex) { .attr = { { REQ_PASSWORD, hex } } }

/* Wrong in one way each; the rule says which. */
static const struct refused {
	const char *what;
	enum dca_rule rule;
	struct req r;
} refused[] = {
	{ "version 1", DCA_RULE_CSR_VERSION, { .version = "020101" } },
	{ "version -1", DCA_RULE_CSR_VERSION, { .version = "0201ff" } },
	{ "version padded", DCA_RULE_CSR_DER, { .version = "02020000" } },
	{ "no attributes", DCA_RULE_CSR_DER, { .attributes = "" } },
	{ "attributes of indefinite length", DCA_RULE_CSR_DER,
	    { .attributes = "a0800000" } },
	{ "attributes [1]", DCA_RULE_CSR_DER, { .attributes = "a100" } },
	{ "attributes unsorted", DCA_RULE_CSR_DER,
	    { .ext = { TN_EXT }, .attr = { { REQ_PASSWORD, "130141" } },
		.unsorted = true } },
	{ "SHA-1", DCA_RULE_CSR_SIGALG,
	    { .alg = "300906072a8648ce3d0401", .md = "SHA1" } },
	{ "SHA-384", DCA_RULE_CSR_SIGALG,
	    { .alg = "300a06082a8648ce3d040303", .md = "SHA384" } },
	{ "NULL parameters", DCA_RULE_CSR_SIGALG,
	    { .alg = "300c06082a8648ce3d0403020500" } },
	{ "digest other than the algorithm says", DCA_RULE_CSR_POP,
	    { .md = "SHA384" } },
	/* subject */
	{ "NUL in CN", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300e310c300a06035504030c03610062") },
	{ "newline in O", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300e310c300a060355040a1303610a62") },
	{ "NUL in BMPString", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300d310b300906035504031e020000") },
	{ "C1 control in UTF8String", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300d310b300906035504030c02c285") },
	{ "broken UTF-8", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300d310b300906035504030c02c328") },
	{ "UTF-8 not shortest", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300d310b300906035504030c02c0af") },
	{ "UTF-8 surrogate", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300e310c300a06035504030c03eda080") },
	{ "OCTET STRING in CN", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300c310a30080603550403040161") },
	{ "SEQUENCE in CN", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300d310b300906035504033002" "0500") },
	{ "empty value", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300b3109300706035504030c00") },
	{ "empty RDN", DCA_RULE_CSR_SUBJECT, SUBJECT("30023100") },
	{ "OID not shortest in Name (X.690 8.19.2)", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300c310a30080603558003" "0c0161") },
	{ "RDN not a SET", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300c300a300806035504030c0161") },
	{ "RDN unsorted", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("3016311430080603" "55040a130162" "3008060355040313" "0161") },
	{ "length not shortest in Name", DCA_RULE_CSR_SUBJECT,
	    SUBJECT("300d310b30810806035504030c0161") },
	/* attributes */
	{ "unstructuredName", DCA_RULE_CSR_ATTRIBUTE,
	    { .attr = { { "06092a864886f70d010902", "130141" } } } },
	{ "Microsoft extensionRequest", DCA_RULE_CSR_ATTRIBUTE,
	    { .attr = { { "060a2b060104018237" "02010e",
		"301d301b" REQ_TN "040f" "300d" "a20b" "1609" "313230323535"
		"353031" } } } },
	{ "two extensionRequests", DCA_RULE_CSR_DUPLICATE,
	    { .ext = { TN_EXT },
		.attr = { { REQ_EXTREQ, "301d301b" REQ_TN "040f"
		    "300da20b1609313230323535353031" } } } },
	{ "two values of extensionRequest", DCA_RULE_CSR_DUPLICATE,
	    { .attr = { { REQ_EXTREQ, "300b30090603551d1304023000"
		"300b30090603551d1304023000" } } } },
	{ "two passwords", DCA_RULE_CSR_DUPLICATE,
	    { .attr = { { REQ_PASSWORD, "130141" },
		{ REQ_PASSWORD, "130142" } } } },
	{ "extensionRequest without value", DCA_RULE_CSR_DER,
	    { .attr = { { REQ_EXTREQ, "" } } } },
	{ "no Extensions", DCA_RULE_CSR_DER,
	    { .attr = { { REQ_EXTREQ, "3000" } } } },
	{ "Extensions not a SEQUENCE", DCA_RULE_CSR_DER,
	    { .attr = { { REQ_EXTREQ, "130141" } } } },
	{ "Extensions cut", DCA_RULE_CSR_DER,
	    { .attr = { { REQ_EXTREQ, "30023009" } } } },
	{ "critical FALSE written", DCA_RULE_CSR_DER,
	    { .ext = { { REQ_BC, "010100", "3000" } } } },
	{ "critical TRUE as 01", DCA_RULE_CSR_DER,
	    { .ext = { { REQ_BC, "010101", "3000" } } } },
	{ "empty password", DCA_RULE_CSR_PASSWORD, PASSWORD("1300") },
	{ "NUL in password", DCA_RULE_CSR_PASSWORD, PASSWORD("0c03610062") },
	{ "password not ASCII", DCA_RULE_CSR_PASSWORD, PASSWORD("0c02c3a9") },
	{ "password an OCTET STRING", DCA_RULE_CSR_PASSWORD,
	    PASSWORD("040161") },
	/* extensions */
	{ "TNAuthList twice", DCA_RULE_CSR_DUPLICATE,
	    { .ext = { TN_EXT, TN_EXT } } },
	{ "keyUsage twice", DCA_RULE_CSR_DUPLICATE,
	    { .ext = { { REQ_KU, NULL, "03020780" },
		{ REQ_KU, NULL, "03020780" } } } },
	{ "critical TNAuthList", DCA_RULE_CSR_CRITICAL,
	    { .ext = { { REQ_TN, "0101ff", ONE_TN } } } },
	{ "CA:TRUE", DCA_RULE_CSR_CA, EXT(REQ_BC, "30030101ff") },
	{ "CA:TRUE, pathLen 0", DCA_RULE_CSR_CA,
	    EXT(REQ_BC, "30060101ff020100") },
	{ "pathLen without CA", DCA_RULE_CSR_CA, EXT(REQ_BC, "3003020100") },
	{ "CA:FALSE written", DCA_RULE_CSR_CA, EXT(REQ_BC, "3003010100") },
	{ "basicConstraints empty", DCA_RULE_CSR_CA, EXT(REQ_BC, "") },
	{ "keyCertSign", DCA_RULE_CSR_KEYUSAGE, EXT(REQ_KU, "03020204") },
	{ "digitalSignature and keyCertSign", DCA_RULE_CSR_KEYUSAGE,
	    EXT(REQ_KU, "03020284") },
	{ "digitalSignature and nonRepudiation", DCA_RULE_CSR_KEYUSAGE,
	    EXT(REQ_KU, "030206c0") },
	{ "keyUsage not shortest", DCA_RULE_CSR_KEYUSAGE,
	    EXT(REQ_KU, "03020080") },
	{ "EKU", DCA_RULE_CSR_EXTENSION,
	    EXT("0603551d25", "300a06082b06010505070301") },
	{ "SAN", DCA_RULE_CSR_EXTENSION, EXT("0603551d11", "30038201" "61") },
	{ "SKI", DCA_RULE_CSR_EXTENSION, EXT("0603551d0e", "040100") },
	{ "nameConstraints", DCA_RULE_CSR_EXTENSION,
	    EXT("0603551d1e", "3000") },
	{ "policyMappings", DCA_RULE_CSR_EXTENSION, EXT("0603551d21", "3000") },
	{ "AIA", DCA_RULE_CSR_EXTENSION, EXT("06082b06010505070101", "3000") },
	{ "JWTClaimConstraints", DCA_RULE_CSR_EXTENSION,
	    EXT("06082b0601050507011b", "3000") },
	{ "EnhancedJWTClaimConstraints", DCA_RULE_CSR_EXTENSION,
	    EXT("06082b06010505070121", "3000") },
	{ "unknown extension", DCA_RULE_CSR_EXTENSION, EXT("06022a03", "3000") },
	/* TNAuthList */
	{ "SPC", DCA_RULE_TN_SPC_EE, EXT(REQ_TN, "3008a006160437" "30394a") },
	{ "SPC and number", DCA_RULE_TN_SPC_EE,
	    EXT(REQ_TN, "3017a00616043730394aa20d160b3132303235353530313031") },
	{ "empty list", DCA_RULE_TN_EMPTY, EXT(REQ_TN, "3000") },
	{ "list not DER", DCA_RULE_TN_DER, EXT(REQ_TN, "") },
	{ "list implicit", DCA_RULE_TN_DER, EXT(REQ_TN, "3006800431323334") },
	{ "count 1", DCA_RULE_TN_COUNT,
	    EXT(REQ_TN, "3014a1123010160b3132303235353530313030020101") },
	{ "reaches 10^D", DCA_RULE_TN_RANGE,
	    EXT(REQ_TN, "300ba1093007160231" "3002015a") },
	{ "plus sign", DCA_RULE_TN_NUMBER,
	    EXT(REQ_TN, "3006a20416022b31") },
};

static void
every_refusal(void **state)
{
	struct dca_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(refused); i++) {
		if (judge_req(&refused[i].r, &e) != refused[i].rule)
			fail_msg("%s: %s, not %s", refused[i].what,
			    dca_problem(e.rule)->id,
			    dca_problem(refused[i].rule)->id);
		assert_true(e.text[0] != '\0');
	}
}

/* SubjectPublicKeyInfo of P-256 with what stands for the BIT STRING. */
#define P256_HEAD "301306072a8648ce3d020106082a8648ce3d030107"
#define GX "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define GY "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define P "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"

static void
keys(void **state)
{
	static const struct {
		const char *what, *spki;
		enum dca_rule rule;
	} v[] = {
		{ "generator", "3059" P256_HEAD "034200" "04" GX GY,
		    DCA_RULE_NONE },
		{ "compressed", "3039" P256_HEAD "032200" "03" GX,
		    DCA_RULE_CSR_POINT },
		{ "hybrid", "3059" P256_HEAD "034200" "07" GX GY,
		    DCA_RULE_CSR_POINT },
		{ "infinity", "3019" P256_HEAD "03020000",
		    DCA_RULE_CSR_POINT },
		{ "not on the curve", "3059" P256_HEAD "034200" "04" GX GX,
		    DCA_RULE_CSR_POINT },
		{ "x is p", "3059" P256_HEAD "034200" "04" P GY,
		    DCA_RULE_CSR_POINT },
		{ "unused bits", "3059" P256_HEAD "034201" "04" GX GY,
		    DCA_RULE_CSR_POINT },
		{ "OCTET STRING", "3059" P256_HEAD "044200" "04" GX GY,
		    DCA_RULE_CSR_POINT },
		{ "more after it", "305b" P256_HEAD "034200" "04" GX GY "0500",
		    DCA_RULE_CSR_POINT },
		{ "no key", "3015" P256_HEAD, DCA_RULE_CSR_POINT },
		{ "P-384 by OID", "3056301006072a8648ce3d020106052b81040022"
		    "034200" "04" GX GY, DCA_RULE_CSR_KEY },
		{ "ecPublicKey without curve", "304f300906072a8648ce3d0201"
		    "034200" "04" GX GY, DCA_RULE_CSR_KEY },
		{ "length not shortest", "308159" P256_HEAD "034200" "04" GX GY,
		    DCA_RULE_CSR_KEY },
		{ "empty", "", DCA_RULE_CSR_KEY },
		{ "trailing", "3059" P256_HEAD "034200" "04" GX GY "00",
		    DCA_RULE_CSR_KEY },
	};
	struct dca_spki k;
	struct dca_err e;
	enum dca_rule rule;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(v); i++) {
		DCA_AUTO_OUT der = { .p = NULL };

		cases_hex(&der, v[i].spki);
		rule = dca_spki_parse(&k, dca_out_buf(&der), &e) == DCA_OK
			   ? DCA_RULE_NONE
			   : e.rule;
		if (rule != v[i].rule)
			fail_msg("%s: %s", v[i].what, dca_problem(rule)->id);
	}
	assert_int_equal(dca_spki_from_pkey(&k, p256, &e), DCA_OK);
	assert_int_equal(dca_spki_from_pkey(&k, p384, &e), DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_CSR_KEY);
	/* whole requests with other keys */
	assert_int_equal(judge_req(&(struct req){ .key = p384 }, &e),
	    DCA_RULE_CSR_KEY);
	assert_int_equal(judge_req(&(struct req){ .key = rsa }, &e),
	    DCA_RULE_CSR_KEY);
	assert_int_equal(judge_req(&(struct req){ .spki = v[1].spki }, &e),
	    DCA_RULE_CSR_POINT);
	assert_int_equal(judge_req(&(struct req){ .spki = v[0].spki }, &e),
	    DCA_RULE_CSR_POP);
}

/* RFC 6979 A.2.5: P-256, SHA-256, message "sample". */
#define UX "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define UY "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define SIG_R "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
#define SIG_S "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

static void
rfc6979_key(struct dca_spki *k)
{
	DCA_AUTO_OUT point = { .p = NULL };

	cases_hex(&point, "04" UX UY);
	assert_int_equal(dca_spki_from_point(k, dca_out_buf(&point), NULL),
	    DCA_OK);
}

static void
signatures(void **state)
{
	static const char *const bad[] = {
		"", "30", "3000",
		/* r||s, trailing octet inside and outside, long length */
		SIG_R SIG_S,
		"3046022100" SIG_R "022100" SIG_S "00",
		"3047022100" SIG_R "022100" SIG_S "00",
		"308146022100" SIG_R "022100" SIG_S,
		/* padded, negative, third INTEGER, one INTEGER */
		"304702220000" SIG_R "022100" SIG_S,
		"30440220" SIG_R "0220" SIG_S,
		"3049022100" SIG_R "022100" SIG_S "020100",
		"3023022100" SIG_R,
		"3080022100" SIG_R "022100" SIG_S "0000",
		/* zero, r + n, n */
		"3026020100022100" SIG_S,
		"3026022100" SIG_R "020100",
		"3046022100" ORDER "022100" SIG_S,
		"3046022100" SIG_S "022100" SIG_R,
	};
	DCA_AUTO_OUT good = { .p = NULL };
	DCA_AUTO_OUT der = { .p = NULL };
	DCA_AUTO_OUT raw = { .p = NULL };
	uint8_t digest[DCA_SHA256_LEN], back[64];
	struct dca_spki k;
	size_t i;
	int bit;

	(void)state;
	rfc6979_key(&k);
	dca_sha256(digest, DCA_BUF("sample", 6));
	cases_hex(&raw, SIG_R SIG_S);
	cases_hex(&good, "3046022100" SIG_R "022100" SIG_S);
	assert_true(dca_ecdsa_sig_from_raw(&der, raw.p));
	assert_true(dca_buf_eq(dca_out_buf(&der), dca_out_buf(&good)));
	assert_true(dca_ecdsa_sig_to_raw(back, dca_out_buf(&der)));
	assert_memory_equal(back, raw.p, 64);
	assert_true(dca_ecdsa_verify(&k, digest, dca_out_buf(&der)));
	for (i = 0; i < der.n; i++)
		for (bit = 1; bit < 256; bit <<= 1) {
			der.p[i] ^= (uint8_t)bit;
			assert_false(dca_ecdsa_verify(&k, digest,
			    dca_out_buf(&der)));
			der.p[i] ^= (uint8_t)bit;
		}
	for (i = 0; i < COUNT(bad); i++) {
		DCA_AUTO_OUT b = { .p = NULL };

		cases_hex(&b, bad[i]);
		if (dca_ecdsa_verify(&k, digest, dca_out_buf(&b)))
			fail_msg("accepted %s", bad[i]);
	}
	digest[0] ^= 1;
	assert_false(dca_ecdsa_verify(&k, digest, dca_out_buf(&der)));
}

/* Short scalars lose their zeros, zero is none. */
static void
raw_signatures(void **state)
{
	DCA_AUTO_OUT der = { .p = NULL };
	uint8_t raw[64] = { 0 }, back[64];

	(void)state;
	assert_false(dca_ecdsa_sig_from_raw(&der, raw));
	raw[31] = 1;
	assert_false(dca_ecdsa_sig_from_raw(&der, raw));
	raw[63] = 0x80;
	assert_true(dca_ecdsa_sig_from_raw(&der, raw));
	assert_int_equal(der.n, 9);
	assert_memory_equal(der.p, "\x30\x07\x02\x01\x01\x02\x02\x00\x80", 9);
	assert_true(dca_ecdsa_sig_to_raw(back, dca_out_buf(&der)));
	assert_memory_equal(back, raw, 64);
}

/* Independent values: Python hmac and hashlib over the key of RFC 6979. */
static void
proofs_and_identifiers(void **state)
{
	uint8_t code[16], id[DCA_SHA256_LEN];
	char proof[DCA_PASSWORD_MAX + 1], hex[65];
	struct dca_spki k;
	uint8_t i;

	(void)state;
	for (i = 0; i < 16; i++)
		code[i] = i;
	rfc6979_key(&k);
	dca_enrol_proof(proof, "c1", code, &k);
	assert_string_equal(proof,
	    "c1:WXzgaEqvsplhytdLOfSHK8sIACkgU6FsrmJMuygKZO8");
	dca_spki_sha256(id, &k);
	dca_hex(hex, id, 32);
	assert_string_equal(hex,
	    "5a7a78cca4a0f420d9bc62bb669c3c27"
	    "59e39f723d3ae10dcbe0f0815a07ecd4");
	dca_spki_ski(id, &k);
	dca_hex(hex, id, 20);
	assert_string_equal(hex, "1a9569579bce329a942d0769c9c0b56431563710");
}

/* Size, trailing octets, every cut and every flipped bit. */
static void
octets(void **state)
{
	DCA_AUTO_OUT der = { .p = NULL };
	DCA_AUTO_OUT big = { .p = NULL };
	struct req r = { .key = p256, .ext = { TN_EXT },
		.attr = { { REQ_PASSWORD, "130141" } } };
	struct dca_err e;
	size_t i;
	int bit;

	(void)state;
	req_make(&der, &r);
	assert_int_equal(judge(dca_out_buf(&der), &e), DCA_RULE_NONE);
	for (i = 0; i < der.n; i++) {
		assert_int_equal(judge(DCA_BUF(der.p, i), &e),
		    DCA_RULE_CSR_DER);
		for (bit = 1; bit < 256; bit <<= 1) {
			der.p[i] ^= (uint8_t)bit;
			if (judge(dca_out_buf(&der), &e) == DCA_RULE_NONE)
				fail_msg("octet %zu bit %d", i, bit);
			der.p[i] ^= (uint8_t)bit;
		}
	}
	dca_out_add(&der, "\0", 1);
	assert_int_equal(judge(dca_out_buf(&der), &e), DCA_RULE_CSR_DER);
	while (big.n < DCA_CSR_MAX)
		dca_out_add(&big, "0", 1);
	assert_int_equal(judge(dca_out_buf(&big), &e), DCA_RULE_CSR_DER);
	dca_out_add(&big, "0", 1);
	assert_int_equal(judge(dca_out_buf(&big), &e), DCA_RULE_CSR_SIZE);
}

static void
too_long_password(void **state)
{
	DCA_AUTO_OUT text = { .p = NULL };
	DCA_AUTO_OUT tlv = { .p = NULL };
	char hex[2 * 300 + 1];
	struct req r = { .attr = { { REQ_PASSWORD, hex } } };
	struct dca_err e;

	(void)state;
	while (text.n < DCA_PASSWORD_MAX)
		dca_out_add(&text, "p", 1);
	req_tlv(&tlv, 0x0c, dca_out_buf(&text));
	dca_hex(hex, tlv.p, tlv.n);
	assert_int_equal(judge_req(&r, &e), DCA_RULE_NONE);
	dca_out_add(&text, "p", 1);
	tlv.n = 0;
	req_tlv(&tlv, 0x0c, dca_out_buf(&text));
	dca_hex(hex, tlv.p, tlv.n);
	assert_int_equal(judge_req(&r, &e), DCA_RULE_CSR_PASSWORD);
}

/* What dca_csr_build and dca_signed_encode write, signed. */
static void
build(struct dca_out *der, const struct dca_csr_spec *spec, EVP_PKEY *key)
{
	DCA_AUTO_OUT info = { .p = NULL };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[80];
	size_t n = sizeof(sig);

	dca_csr_build(&info, spec);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key),
	    1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, info.p, info.n), 1);
	EVP_MD_CTX_free(ctx);
	dca_signed_encode(der, dca_out_buf(&info), DCA_BUF(sig, n));
}

/* OpenSSL reads it, verifies it and writes the same octets. */
static void
assert_openssl_agrees(const struct dca_out *der, const char *subject)
{
	const uint8_t *p = der->p;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der->n);
	uint8_t *again = NULL;
	char name[300];
	int n;

	assert_non_null(req);
	assert_ptr_equal(p, der->p + der->n);
	assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
	n = i2d_X509_REQ(req, &again);
	assert_int_equal(n, der->n);
	assert_memory_equal(again, der->p, der->n);
	OPENSSL_free(again);
	X509_NAME_oneline(X509_REQ_get_subject_name(req), name, sizeof(name));
	assert_string_equal(name, subject);
	X509_REQ_free(req);
}

static void
own_requests(void **state)
{
	static const struct {
		const char *numbers, *password, *cn;
	} v[] = { { NULL, NULL, NULL }, { "12025550100+100", NULL, "a b" },
		{ NULL, "c1:proof", NULL },
		{ "12025550100+2,*67", "c1:x", "Example" },
		{ "1", "a password long enough to sort behind the list it "
		       "stands with in the set of attributes", NULL } };
	struct dca_csr r;
	struct dca_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(v); i++) {
		DCA_AUTO_OUT der = { .p = NULL };
		DCA_AUTO_OUT name = { .p = NULL };
		AUTO_SET *want =
		    v[i].numbers == NULL ? NULL : set_of(v[i].numbers);
		struct dca_csr_spec spec = { .numbers = want,
			.password = v[i].password };
		char oneline[100] = "";

		if (v[i].cn != NULL) {
			assert_int_equal(dca_name_encode(&name, "US", "Ex Co",
			    v[i].cn, &e), DCA_OK);
			(void)snprintf(oneline, sizeof(oneline),
			    "/C=US/O=Ex Co/CN=%s", v[i].cn);
		}
		spec.subject = dca_out_buf(&name);
		assert_int_equal(dca_spki_from_pkey(&spec.key, p256, &e),
		    DCA_OK);
		build(&der, &spec, p256);
		assert_openssl_agrees(&der, oneline);
		if (dca_csr_parse(&r, dca_out_buf(&der), &e) != DCA_OK)
			fail_msg("%s", e.text);
		assert_int_equal(dca_csr_check_pop(&r, &e), DCA_OK);
		assert_memory_equal(&r.key, &spec.key, sizeof(r.key));
		assert_string_equal(r.password,
		    v[i].password == NULL ? "" : v[i].password);
		assert_int_equal(r.numbers != NULL, want != NULL);
		if (want != NULL)
			assert_true(dca_tnset_equal(r.numbers, want));
		dca_csr_clear(&r);
	}
}

static void
ca_requests(void **state)
{
	static const struct {
		enum dca_rule rule;
		struct req r;
	} bad[] = {
		{ DCA_RULE_CSR_CA, { .ext = { TN_EXT,
			{ REQ_KU, "0101ff", "03020204" } } } },
		{ DCA_RULE_CSR_CA, { .ext = { { REQ_BC, NULL, "3000" } } } },
		{ DCA_RULE_CSR_CA, { .ext = { { REQ_BC, "0101ff",
			"30060101ff020100" } } } },
		{ DCA_RULE_CSR_KEYUSAGE, { .ext = { TN_EXT,
			{ REQ_BC, "0101ff", "30030101ff" } } } },
		{ DCA_RULE_CSR_KEYUSAGE,
		    { .ext = { { REQ_KU, "0101ff", "03020780" } } } },
		{ DCA_RULE_TN_EMPTY, { .ext = {
			{ REQ_KU, "0101ff", "03020204" },
			{ REQ_BC, "0101ff", "30030101ff" } } } },
		{ DCA_RULE_CSR_POP, { .md = "SHA384", .ext = { TN_EXT,
			{ REQ_KU, "0101ff", "03020204" },
			{ REQ_BC, "0101ff", "30030101ff" } } } },
	};
	DCA_AUTO_OUT der = { .p = NULL };
	AUTO_SET *scope = set_of("spc:709J,12025550000+10000");
	struct dca_csr_spec spec = { .numbers = scope, .ca = true };
	struct dca_ca_csr ca;
	struct dca_err e;
	size_t i;

	(void)state;
	assert_int_equal(dca_spki_from_pkey(&spec.key, p256, &e), DCA_OK);
	build(&der, &spec, p256);
	assert_openssl_agrees(&der, "");
	assert_int_equal(dca_ca_csr_parse(&ca, dca_out_buf(&der), &e), DCA_OK);
	assert_true(dca_tnset_equal(ca.scope, scope));
	assert_memory_equal(&ca.key, &spec.key, sizeof(ca.key));
	dca_ca_csr_clear(&ca);
	/* never as a customer's request */
	assert_int_not_equal(judge(dca_out_buf(&der), &e), DCA_RULE_NONE);
	for (i = 0; i < COUNT(bad); i++) {
		DCA_AUTO_OUT b = { .p = NULL };
		struct req q = bad[i].r;

		q.key = p256;
		req_make(&b, &q);
		assert_int_not_equal(dca_ca_csr_parse(&ca, dca_out_buf(&b), &e),
		    DCA_OK);
		if (e.rule != bad[i].rule)
			fail_msg("row %zu: %s", i, dca_problem(e.rule)->id);
		assert_null(ca.scope);
	}
}

/* The first verification may be that of several threads at once. */
static void *
verify_often(void *arg)
{
	const struct dca_out *der = arg;
	struct dca_err e;
	int i;

	for (i = 0; i < 50; i++)
		if (judge(dca_out_buf(der), &e) != DCA_RULE_NONE)
			return NULL;
	return arg;
}

static void
many_threads(void **state)
{
	DCA_AUTO_OUT der = { .p = NULL };
	struct req r = { .key = p256, .ext = { TN_EXT } };
	pthread_t t[4];
	void *ret;
	size_t i;

	(void)state;
	req_make(&der, &r);
	for (i = 0; i < COUNT(t); i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, verify_often, &der), 0);
	for (i = 0; i < COUNT(t); i++) {
		assert_int_equal(pthread_join(t[i], &ret), 0);
		assert_non_null(ret);
	}
}

static void
names(void **state)
{
	static const struct {
		const char *c, *o, *cn;
	} bad[] = { { "us", NULL, NULL }, { "USA", NULL, NULL },
		{ "", NULL, NULL }, { "U1", NULL, NULL }, { NULL, "", NULL },
		{ NULL, "a\nb", NULL }, { NULL, NULL, "\xff" },
		{ NULL, NULL, "" },
		{ NULL, NULL, "12345678901234567890123456789012345678901234"
			      "567890123456789012345" } };
	DCA_AUTO_OUT o = { .p = NULL };
	struct dca_err e;
	size_t i;

	(void)state;
	assert_int_equal(dca_name_encode(&o, NULL, NULL, NULL, &e), DCA_OK);
	assert_int_equal(o.n, 2);
	for (i = 0; i < COUNT(bad); i++) {
		assert_int_equal(dca_name_encode(&o, bad[i].c, bad[i].o,
		    bad[i].cn, &e), DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_REG_FIELD);
	}
	o.n = 0;
	assert_int_equal(dca_name_encode(&o, "US", "\xc3\x89t\xc3\xa9", "x",
	    &e), DCA_OK);
	{
		const uint8_t *p = o.p;
		X509_NAME *n = d2i_X509_NAME(NULL, &p, (long)o.n);

		assert_non_null(n);
		assert_int_equal(X509_NAME_entry_count(n), 3);
		X509_NAME_free(n);
	}
}

/*
 * The labelled cases: accept or refuse by parse, proof of possession and
 * scope, for the customer and the cross-certificate their README names. Where
 * a verdict leaves a choice, we refuse what dca(7) LIMITS refuses; a CSR that asks
 * for no numbers gets all of the customer's.
 */
static bool
would_issue(struct dca_buf der, struct dca_err *e)
{
	AUTO_SET *customer = set_of("12025550100+1000");
	AUTO_SET *cross = set_of("12025550000+10000");
	struct dca_csr r;
	bool ok = dca_csr_parse(&r, der, e) == DCA_OK &&
		  dca_csr_check_pop(&r, e) == DCA_OK &&
		  (r.numbers == NULL ||
		      (dca_tnset_covers(cross, r.numbers, NULL) &&
			  dca_tnset_covers(customer, r.numbers, NULL)));

	dca_csr_clear(&r);
	return ok;
}

static json_t *cases;

static void
labelled_cases(void **state)
{
	const char *expect, *category;
	struct dca_err e;
	json_t *c, *list = json_object_get(cases, "cases");
	size_t i;
	bool want;

	(void)state;
	json_array_foreach(list, i, c) {
		DCA_AUTO_OUT der = { .p = NULL };

		expect = cases_text(c, "expect");
		category = cases_text(c, "category");
		want = strcmp(expect, "accept") == 0 ||
		       strcmp(category, "tn_missing") == 0;
		cases_hex(&der, cases_text(c, "der"));
		if (would_issue(dca_out_buf(&der), &e) != want)
			fail_msg("%s %s: %s", cases_text(c, "id"), category,
			    want ? e.text : "would issue");
	}
	assert_true(i > 15);
}

static int
make_keys(void **state)
{
	(void)state;
	p256 = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	rsa = EVP_RSA_gen(2048);
	return p256 == NULL || p384 == NULL || rsa == NULL;
}

static int
free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_threads),
		cmocka_unit_test(accepted),
		cmocka_unit_test(every_refusal),
		cmocka_unit_test(keys),
		cmocka_unit_test(signatures),
		cmocka_unit_test(raw_signatures),
		cmocka_unit_test(proofs_and_identifiers),
		cmocka_unit_test(octets),
		cmocka_unit_test(too_long_password),
		cmocka_unit_test(own_requests),
		cmocka_unit_test(ca_requests),
		cmocka_unit_test(names),
	};
	static const struct CMUnitTest labelled[] = {
		cmocka_unit_test(labelled_cases),
	};
	int failed = cmocka_run_group_tests(tests, make_keys, free_keys);

	cases = cases_load("csr.json");
	if (cases == NULL)
		return failed != 0 ? failed : 77;
	failed += cmocka_run_group_tests(labelled, NULL, NULL);
	json_decref(cases);
	return failed;
}
