/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JWS, JWK and fingerprints against vectors of the standards: RFC 7515 A.1 and
 * A.3, RFC 7638 3.1's form by the account key of the labelled vectors, and the
 * authority token there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/ec.h>

#include "jose.h"

static struct dca_buf
text(const char *s)
{
	return DCA_BUF(s, strlen(s));
}

static void
key_of(struct dca_spki *out, const char *x, const char *y)
{
	JOSE_AUTO *jwk = json_pack("{s:s,s:s,s:s,s:s}", "kty", "EC", "crv",
	    "P-256", "x", x, "y", y);

	assert_int_equal(jose_jwk_parse(out, jwk, NULL), DCA_OK);
}

/* --- RFC 7515 A.3: ES256 --- */
#define A3_INPUT "eyJhbGciOiJFUzI1NiJ9." \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt" \
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define A3_SIG "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djx" \
    "La8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

static void
rfc7515_es256(void **state)
{
	struct dca_spki key;
	struct jose j;

	(void)state;
	key_of(&key, "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
	    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
	assert_int_equal(jose_parse(&j, JOSE_COMPACT,
	    text(A3_INPUT "." A3_SIG), NULL), DCA_OK);
	assert_string_equal(jose_text(&j, "alg"), "ES256");
	assert_true(jose_verify(&j, &key));
	assert_false(jose_verify_mac(&j, text("k")));
	j.signature.p[3] ^= 1;
	assert_false(jose_verify(&j, &key));
	j.signature.p[3] ^= 1;
	j.signature.n = 63;
	assert_false(jose_verify(&j, &key));
	jose_clear(&j);
}

/* RFC 7515 A.1: HS256; the key is base64url there. */
static void
rfc7515_hs256(void **state)
{
	static const char k[] = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
	    "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
	DCA_AUTO_OUT key = { 0 };
	struct jose j;

	(void)state;
	assert_true(dca_unb64url(&key, k, sizeof(k) - 1));
	assert_int_equal(jose_parse(&j, JOSE_COMPACT,
	    text("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
	    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
	    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), NULL), DCA_OK);
	assert_true(jose_verify_mac(&j, dca_out_buf(&key)));
	key.p[0] ^= 1;
	assert_false(jose_verify_mac(&j, dca_out_buf(&key)));
	jose_clear(&j);
}

/* RFC 7638 3, RFC 9448 5.4: the vectors' account key. */
static void
fingerprints(void **state)
{
	char out[JOSE_FINGERPRINT];
	DCA_AUTO_OUT b64 = { 0 };
	uint8_t hash[DCA_SHA256_LEN];
	struct dca_spki key, again;
	JOSE_AUTO *jwk = NULL;

	(void)state;
	key_of(&key, "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
	    "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
	jose_thumbprint(hash, &key);
	dca_b64url(&b64, DCA_BUF(hash, sizeof(hash)));
	assert_string_equal((const char *)b64.p,
	    "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
	jose_fingerprint(out, &key, false);
	assert_string_equal(out, "SHA256 72:7F:88:FD:63:4C:0A:57:A1:89:5A:79:"
	    "D6:2F:F4:56:93:84:35:6D:6E:A4:47:AB:03:CB:04:6A:6E:61:9F:EB");
	jose_fingerprint(out, &key, true);
	assert_string_equal(out, "SHA256 51:B9:44:CD:FA:54:4D:4C:32:73:AA:6B:"
	    "F3:50:62:5A:7D:D5:3B:BB:6A:71:72:32:74:F5:38:B1:9A:20:77:60");
	jwk = jose_jwk(&key);
	json_object_set_new(jwk, "kid", json_string("a vendor's"));
	assert_int_equal(jose_jwk_parse(&again, jwk, NULL), DCA_OK);
	assert_memory_equal(&again, &key, sizeof(key));
}

static void
wrong_keys(void **state)
{
	static const char *const bad[] = {
		"{}", "[]", "{\"kty\":\"RSA\",\"crv\":\"P-256\"}",
		/* P-384, a short coordinate, a point off the curve */
		"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"MKBCTNIcKUSDii11"
		"ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvV"
		"Huhp7x8PxltmWWlbbM4IFyM\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11\""
		",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"NKBCTNIcKUSDii11"
		"ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvV"
		"Huhp7x8PxltmWWlbbM4IFyM\"}",
	};
	struct dca_spki key;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		JOSE_AUTO *jwk = NULL;

		assert_int_equal(jose_json(&jwk, text(bad[i]), "jwk", NULL),
		    DCA_OK);
		assert_int_not_equal(jose_jwk_parse(&key, jwk, NULL), DCA_OK);
	}
}

static void
made_and_read(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	JOSE_AUTO *header = json_pack("{s:s,s:s}", "nonce", "n1", "url",
	    "https://ca.example/acme/new-order");
	JOSE_AUTO *eab = NULL;
	DCA_CLEANUP(dca_free_p) char *inner = NULL;
	struct dca_spki key;
	struct jose j;

	(void)state;
	assert_int_equal(dca_spki_from_pkey(&key, pkey, NULL), DCA_OK);
	for (int form = JOSE_FLAT; form <= JOSE_COMPACT; form++) {
		DCA_AUTO_OUT o = { 0 };

		/* POST-as-GET (RFC 8555 6.3): the payload is empty */
		assert_int_equal(jose_sign(&o, form, header, text(""), pkey,
		    NULL), DCA_OK);
		assert_int_equal(jose_parse(&j, form, dca_out_buf(&o), NULL),
		    DCA_OK);
		assert_int_equal(j.payload.n, 0);
		assert_string_equal(jose_text(&j, "nonce"), "n1");
		assert_string_equal(jose_text(&j, "kid"), "");
		assert_true(jose_verify(&j, &key));
		jose_clear(&j);
	}
	eab = jose_mac(header, text("{}"), text("secret"));
	inner = json_dumps(eab, 0);
	assert_int_equal(jose_parse(&j, JOSE_FLAT, text(inner), NULL), DCA_OK);
	assert_true(jose_verify_mac(&j, text("secret")));
	assert_false(jose_verify(&j, &key));
	jose_clear(&j);
	EVP_PKEY_free(pkey);
}

static void
refused(void **state)
{
	static const struct {
		enum jose_form form;
		const char *in, *says;
	} bad[] = {
		{ JOSE_COMPACT, "", "compact" },
		{ JOSE_COMPACT, "e30", "compact" },
		{ JOSE_COMPACT, "e30.e30", "compact" },
		{ JOSE_COMPACT, "e30.e30.AA.AA", "compact" },
		{ JOSE_COMPACT, "e30=.e30.AA", "base64url" },
		{ JOSE_COMPACT, "e30.e+0.AA", "base64url" },
		{ JOSE_COMPACT, "W10.e30.AA", "no object" },	/* [] */
		/* {"a":1,"a":2} */
		{ JOSE_COMPACT, "eyJhIjoxLCJhIjoyfQ.e30.AA", "duplicate" },
		/* {"crit":["x"]}, {"b64":false} */
		{ JOSE_COMPACT, "eyJjcml0IjpbIngiXX0.e30.AA", "crit" },
		{ JOSE_COMPACT, "eyJiNjQiOmZhbHNlfQ.e30.AA", "b64" },
		{ JOSE_FLAT, "{", "not JSON" },
		{ JOSE_FLAT, "[]", "flattened" },
		{ JOSE_FLAT, "{\"protected\":\"e30\",\"payload\":\"\"}",
		    "flattened" },
		{ JOSE_FLAT, "{\"protected\":\"e30\",\"payload\":\"\","
		    "\"signature\":\"AA\",\"header\":{}}", "flattened" },
		{ JOSE_FLAT, "{\"payload\":\"\",\"signatures\":[],\"x\":1}",
		    "flattened" },
	};
	struct dca_err e;
	struct jose j;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&e, 0, sizeof(e));
		assert_int_equal(jose_parse(&j, bad[i].form, text(bad[i].in),
		    &e), DCA_MALFORMED);
		if (strstr(e.text, bad[i].says) == NULL)
			fail_msg("%s: %s", bad[i].in, e.text);
	}
}

static void
too_large(void **state)
{
	DCA_AUTO_OUT in = { 0 };
	struct dca_err e = { 0 };
	struct jose j;
	json_t *o;

	(void)state;
	for (size_t i = 0; i < JOSE_HEADER_MAX * 2; i++)
		dca_out_add(&in, "A", 1);
	dca_out_add(&in, "..AA", 4);
	assert_int_equal(jose_parse(&j, JOSE_COMPACT, dca_out_buf(&in), &e),
	    DCA_MALFORMED);
	assert_non_null(strstr(e.text, "too large"));
	while (in.n <= JOSE_PAYLOAD_MAX)
		dca_out_add(&in, "AAAAAAAAAAAAAAAA", 16);
	assert_int_equal(jose_json(&o, dca_out_buf(&in), "answer", &e),
	    DCA_MALFORMED);
	assert_non_null(strstr(e.text, "answer: "));
}

/* The list {spc 281K} as practice and as RFC 9448 3 write it. */
static void
lenient_base64(void **state)
{
	static const char *const same[] = { "MAigBhYEMjgxSw==",
		"MAigBhYEMjgxSw", "MA-iDRYLMTIxNTU1NTEyMTI=",
		"MA+iDRYLMTIxNTU1NTEyMTI" };
	static const char *const bad[] = { "MAigBhYEMjgxSw=", "MAig BhYE",
		"A", "MAigBhYEMjgxS===", "M=ig" };
	struct dca_out v[4] = { { 0 } };
	DCA_AUTO_OUT padded = { 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_true(jose_unb64_any(&v[i], same[i], strlen(same[i])));
	assert_true(dca_buf_eq(dca_out_buf(&v[0]), dca_out_buf(&v[1])));
	assert_true(dca_buf_eq(dca_out_buf(&v[2]), dca_out_buf(&v[3])));
	jose_b64_padded(&padded, dca_out_buf(&v[0]));
	assert_string_equal((const char *)padded.p, same[0]);
	for (size_t i = 0; i < 4; i++)
		dca_out_free(&v[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		DCA_AUTO_OUT o = { 0 };

		if (jose_unb64_any(&o, bad[i], strlen(bad[i])))
			fail_msg("%s", bad[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc7515_es256),
		cmocka_unit_test(rfc7515_hs256),
		cmocka_unit_test(fingerprints),
		cmocka_unit_test(wrong_keys),
		cmocka_unit_test(made_and_read),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_large),
		cmocka_unit_test(lenient_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
