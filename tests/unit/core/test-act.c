/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operator acts: the signature of RFC 9052 C.2.1 verifies, every deviation
 * from the one form is refused, sealed secrets open for their key only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>

#include "dca/act.h"

/* RFC 9052 C.7.1, key "11" */
static const char rfc_point[] =
    "04bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff"
    "20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e";
/* RFC 9052 C.2.1; kid stands in the unprotected header there, which is not
 * signed: with an empty one the signature must hold. */
static const char rfc_sign1[] =
    "d28443a10126a054546869732069732074686520636f6e74656e742e5840"
    "8eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e"
    "2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36";

struct bytes {
	uint8_t p[512];
	size_t n;
};

static struct dca_buf
hex(struct bytes *b, const char *s)
{
	b->n = strlen(s) / 2;
	assert_true(b->n <= sizeof(b->p) && dca_unhex(b->p, b->n, s));
	return DCA_BUF(b->p, b->n);
}

static struct dca_spki
rfc_key(void)
{
	struct bytes b;
	struct dca_spki k;
	struct dca_err e;

	assert_int_equal(dca_spki_from_point(&k, hex(&b, rfc_point), &e),
	    DCA_OK);
	return k;
}

static void
rfc_example(void **state)
{
	struct bytes b;
	struct dca_buf cose = hex(&b, rfc_sign1), payload, sig;
	struct dca_spki k = rfc_key();
	struct dca_err e = { 0 };

	(void)state;
	assert_int_equal(dca_cose_parse(cose, &payload, &sig, &e), DCA_OK);
	assert_true(dca_buf_eq(payload, DCA_BUF("This is the content.", 20)));
	assert_int_equal(sig.n, 64);
	if (dca_cose_verify(cose, &k, &e) != DCA_OK)
		fail_msg("%s", e.text);
}

/* Every single bit of the payload and of the signature counts. */
static void
changed(void **state)
{
	struct bytes b;
	struct dca_buf cose = hex(&b, rfc_sign1);
	struct dca_spki k = rfc_key();

	(void)state;
	for (size_t i = 0; i < cose.n; i++) {
		struct dca_err e = { 0 };
		enum dca_rc rc;

		b.p[i] ^= 1;
		rc = dca_cose_verify(cose, &k, &e);
		b.p[i] ^= 1;
		assert_int_not_equal(rc, DCA_OK);
		if (i >= 8 && i < 28)
			assert_int_equal(e.rule, DCA_RULE_AUTH_SIGNATURE);
	}
	memset(b.p + b.n - 64, 0, 64);
	assert_int_equal(dca_cose_verify(cose, &k, NULL), DCA_REFUSED);
}

static void
other_forms(void **state)
{
	static const struct {
		const char *hex, *why;
	} t[] = {
		{ "8443a10126a04100", "no tag" },
		{ "d18443a10126a04100", "COSE_Mac0" },
		{ "d28343a10126a04100", "three members" },
		{ "d28543a10126a0410040", "five members" },
		{ "d28444a1013822a04100", "alg ES384" },
		{ "d28440a04100", "no protected header" },
		{ "d28443a10126a1044231314100", "an unprotected header" },
		{ "d28443a10126a0f6", "detached payload" },
		{ "d28443a10126a041004100", "short signature" },
		{ "d2845803a10126a04100", "long head" },
		{ "", "nothing" },
	};
	char ok_and_more[sizeof(rfc_sign1) + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct bytes b;
		struct dca_buf payload, sig;
		struct dca_err e = { 0 };

		if (dca_cose_parse(hex(&b, t[i].hex), &payload, &sig, &e) !=
		    DCA_MALFORMED)
			fail_msg("accepted: %s", t[i].why);
		assert_int_equal(e.rule, DCA_RULE_REG_ACT);
	}
	struct bytes b;
	struct dca_buf payload, sig;

	snprintf(ok_and_more, sizeof(ok_and_more), "%s00", rfc_sign1);
	assert_int_equal(dca_cose_parse(hex(&b, ok_and_more), &payload, &sig,
			     NULL), DCA_MALFORMED);
}

static void
sign_and_verify(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256"),
		 *p384 = EVP_EC_gen("P-384");
	struct dca_buf payload = DCA_BUF("act", 3);
	struct dca_spki spki, spki2;
	struct dca_err e = { 0 };

	(void)state;
	assert_int_equal(dca_spki_from_pkey(&spki, key, &e), DCA_OK);
	assert_int_equal(dca_spki_from_pkey(&spki2, other, &e), DCA_OK);
	for (int i = 0; i < 40; i++) {
		DCA_AUTO_OUT o = { 0 };

		assert_int_equal(dca_cose_sign1(&o, payload, key, &e), DCA_OK);
		assert_int_equal(dca_cose_verify(dca_out_buf(&o), &spki, &e),
		    DCA_OK);
		assert_int_equal(dca_cose_verify(dca_out_buf(&o), &spki2, &e),
		    DCA_REFUSED);
		assert_int_equal(e.rule, DCA_RULE_AUTH_SIGNATURE);
	}
	DCA_AUTO_OUT o = { 0 };

	assert_int_not_equal(dca_cose_sign1(&o, payload, p384, &e), DCA_OK);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(other);
	EVP_PKEY_free(key);
}

/* {"op":"al","act":"x","seq":1,"args":{},"time":2,"appliance":16 octets} */
#define ACT_HEAD "a6626f7062616c6361637461786373657101"
#define ACT_ARGS "6461726773a0"
#define ACT_TIME "6474696d6502"
#define ACT_ID "696170706c69616e636550000102030405060708090a0b0c0d0e0f"
static const char act_hex[] = ACT_HEAD ACT_ARGS ACT_TIME ACT_ID;

static void
payload_octets(void **state)
{
	struct dca_act a = { .name = "x", .op = "al", .seq = 1, .time = 2 },
		       back;
	struct bytes b;
	DCA_AUTO_OUT o = { 0 };
	struct dca_err e = { 0 };

	(void)state;
	for (int i = 0; i < 16; i++)
		a.appliance[i] = (uint8_t)i;
	dca_act_encode(&o, &a);
	assert_true(dca_buf_eq(dca_out_buf(&o), hex(&b, act_hex)));
	assert_int_equal(dca_act_parse(&back, dca_out_buf(&o), &e), DCA_OK);
	assert_string_equal(back.name, "x");
	assert_string_equal(back.op, "al");
	assert_int_equal(back.seq, 1);
	assert_int_equal(back.time, 2);
	assert_memory_equal(back.appliance, a.appliance, 16);
	assert_true(back.args.n == 1 && back.args.p[0] == 0xa0);
}

static void
payload_refused(void **state)
{
	static const struct {
		const char *hex, *why;
	} t[] = {
		{ "", "nothing" },
		{ "a0", "empty" },
		{ ACT_HEAD ACT_ARGS ACT_TIME ACT_ID "00", "trailing octet" },
		{ "a5626f7062616c6361637461786373657101" ACT_ARGS ACT_TIME,
		    "no appliance" },
		{ ACT_HEAD "646172677380" ACT_TIME ACT_ID, "args no map" },
		{ ACT_HEAD "6461726773a201000000" ACT_TIME ACT_ID,
		    "args out of order" },
		{ ACT_HEAD ACT_ARGS "6474696d6520" ACT_ID, "time -1" },
		{ ACT_HEAD ACT_ARGS "6474696d651bffffffffffffffff" ACT_ID,
		    "time beyond 63 bits" },
		{ ACT_HEAD ACT_ARGS ACT_TIME
		    "696170706c69616e63654f000102030405060708090a0b0c0d0e",
		    "appliance of 15 octets" },
		{ "a663616374617862" ACT_ARGS ACT_TIME ACT_ID, "order" },
		{ "a6626f7062616c636163747820"
		  "6161616161616161616161616161616161616161616161616161616161616161"
		  "6373657101" ACT_ARGS ACT_TIME ACT_ID, "act of 32 octets" },
		{ "a6626f7062616c636163746178637365711801" ACT_ARGS ACT_TIME
		    ACT_ID, "seq in a long head" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct bytes b;
		struct dca_act a;
		struct dca_err e = { 0 };

		if (dca_act_parse(&a, hex(&b, t[i].hex), &e) != DCA_MALFORMED)
			fail_msg("accepted: %s", t[i].why);
		assert_int_equal(e.rule, DCA_RULE_REG_ACT);
	}
}

static void
sealing(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	struct dca_buf secret = DCA_BUF("0123456789abcdef", 16);
	DCA_AUTO_OUT sealed = { 0 };
	DCA_AUTO_OUT again = { 0 };
	DCA_AUTO_OUT open = { 0 };
	struct dca_spki to;
	struct dca_err e = { 0 };

	(void)state;
	assert_int_equal(dca_spki_from_pkey(&to, key, &e), DCA_OK);
	dca_seal(&sealed, &to, secret);
	dca_seal(&again, &to, secret);
	assert_int_equal(sealed.n, 65 + 12 + 16 + 16);
	assert_false(dca_buf_eq(dca_out_buf(&sealed), dca_out_buf(&again)));
	assert_int_equal(dca_unseal(&open, key, dca_out_buf(&sealed), &e),
	    DCA_OK);
	assert_true(open.secret && dca_buf_eq(dca_out_buf(&open), secret));
	for (size_t i = 0; i < sealed.n; i++) {
		DCA_AUTO_OUT none = { 0 };

		sealed.p[i] ^= 1;
		assert_int_equal(dca_unseal(&none, key, dca_out_buf(&sealed),
				     &e), DCA_MALFORMED);
		sealed.p[i] ^= 1;
		assert_int_equal(none.n, 0);
	}
	DCA_AUTO_OUT none = { 0 };

	assert_int_equal(dca_unseal(&none, other, dca_out_buf(&sealed), &e),
	    DCA_MALFORMED);
	assert_int_equal(dca_unseal(&none, key, DCA_BUF(sealed.p, 92), &e),
	    DCA_MALFORMED);
	assert_int_equal(none.n, 0);
	EVP_PKEY_free(other);
	EVP_PKEY_free(key);
}

static void
ids(void **state)
{
	static const char *const good[] = { "a", "0", "acme", "a.b_c-9",
		"012345678901234567890123456789012345678901234567890123456789012" };
	static const char *const bad[] = { "", "A", ".a", "-a", "_a", "a b",
		"a/b", "a\n", "\xc3\xbc", "a:b",
		"0123456789012345678901234567890123456789012345678901234567890123" };
	struct dca_err e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(dca_id_check(good[i], &e), DCA_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(dca_id_check(bad[i], &e), DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_REG_ID);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_example),
		cmocka_unit_test(changed),
		cmocka_unit_test(other_forms),
		cmocka_unit_test(sign_and_verify),
		cmocka_unit_test(payload_octets),
		cmocka_unit_test(payload_refused),
		cmocka_unit_test(sealing),
		cmocka_unit_test(ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
