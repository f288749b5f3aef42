/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people write them, and PASSporTs made of them: what is made is
 * what the RFCs' examples are, and can be read. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ec.h>

#include "passport-lab.h"

/* --- numbers --- */

static void
canonicalises_numbers(void **state)
{
	static const struct {
		const char *in, *out;	/* NULL: no number */
	} v[] = {
		{ "+12125551824", "12125551824" },
		{ "+1 (212) 555-1824", "12125551824" },
		{ "1.212.555.1824", "12125551824" },
		{ "*86", "*86" }, { "0100", "0100" },
		{ "", NULL }, { "+", NULL }, { "()", NULL },
		{ "++1", NULL }, { "1+2", NULL }, { "alice", NULL },
		{ "123456789012345", "123456789012345" },
		{ "1234567890123456", NULL },
	};
	char tn[PASSPORT_TN_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(passport_tn(tn, v[i].in), v[i].out != NULL);
		if (v[i].out != NULL)
			assert_string_equal(tn, v[i].out);
	}
}

/* --- making --- */

static enum dca_rc
sign_here(void *arg, struct dca_buf input, uint8_t raw[static 64],
    struct dca_err *e)
{
	return jose_es256(raw, input, arg) ? DCA_OK :
	    dca_fail(e, DCA_RULE_INTERNAL, "no signature");
}

#define X5U "https://a.example/c.pem"
#define ORIG "+1-212-555-1824"
#define DEST "12155550131"

static void
makes_what_it_reads(void **state)
{
	static const struct {
		struct passport_spec spec;
		const char *header, *payload;
	} v[] = {
		{ { .x5u = X5U, .orig = ORIG, .dest = DEST,
		    .iat = 1767600000 }, HEADER, "{" BASE "}" },
		{ { .type = PASSPORT_SHAKEN, .x5u = X5U,
		    .orig = ORIG, .dest = "sip:b@c,12155550131",
		    .attest = "A", .origid = UUID, .iat = 7 },
		    PPT("shaken"), "{\"attest\":\"A\",\"dest\":{\"tn\":["
		    "\"12155550131\"],\"uri\":[\"sip:b@c\"]},\"iat\":7,"
		    "\"orig\":{\"tn\":\"12125551824\"},\"origid\":\"" UUID
		    "\"}" },
		{ { .type = PASSPORT_DIV, .x5u = X5U,
		    .orig = ORIG, .dest = DEST,
		    .div = "tel:+12155550121;x=y", .iat = 1767600000 },
		    PPT("div"), "{\"dest\":{\"tn\":[\"12155550131\"]},"
		    "\"div\":{\"tn\":\"12155550121\"},\"iat\":1767600000,"
		    "\"orig\":{\"tn\":\"12125551824\"}}" },
		{ { .type = PASSPORT_RCD, .x5u = X5U,
		    .orig = ORIG, .dest = DEST, .rcd_name = "J",
		    .crn = "R", .iat = 1 },
		    PPT("rcd"), "{\"crn\":\"R\",\"dest\":{\"tn\":["
		    "\"12155550131\"]},\"iat\":1,\"orig\":{\"tn\":"
		    "\"12125551824\"},\"rcd\":{\"nam\":\"J\"}}" },
	};
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	struct passport_key key = { sign_here, pkey };
	struct dca_spki spki;
	struct dca_err e = { 0 };

	(void)state;
	assert_int_equal(dca_spki_from_pkey(&spki, pkey, &e), DCA_OK);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		DCA_AUTO_OUT token = { 0 };
		struct passport p, again;

		assert_int_equal(passport_build(&p, &v[i].spec, &e), DCA_OK);
		assert_json(p.header,
		    DCA_BUF(v[i].header, strlen(v[i].header)));
		assert_json(p.claims,
		    DCA_BUF(v[i].payload, strlen(v[i].payload)));
		assert_int_equal(passport_sign(&token, &p, &key, &e), DCA_OK);
		assert_int_equal(passport_parse(&again, dca_out_buf(&token),
		    &e), DCA_OK);
		assert_int_equal(again.type, v[i].spec.type);
		assert_int_equal(passport_verify(&again, &spki, &e), DCA_OK);
		assert_string_equal(
		    passport_party_text(passport_authority(&again)),
		    i == 2 ? "12155550121" : "12125551824");
		passport_clear(&again);
		passport_clear(&p);
	}
	EVP_PKEY_free(pkey);
}

static void
makes_nothing_wrong(void **state)
{
	static const struct {
		struct passport_spec spec;
		enum dca_rule rule;
	} v[] = {
		{ { .x5u = "u:", .dest = "1" }, DCA_RULE_INPUT },
		{ { .x5u = "u:", .orig = "1" }, DCA_RULE_INPUT },
		{ { .x5u = "u:", .orig = "x", .dest = "1" }, DCA_RULE_INPUT },
		{ { .x5u = "u:", .orig = "1", .dest = "1,,2" },
		    DCA_RULE_INPUT },
		{ { .x5u = "\xff", .orig = "1", .dest = "1" },
		    DCA_RULE_INPUT },
		{ { .x5u = "u", .orig = "1", .dest = "1" },
		    DCA_RULE_PASSPORT_FORM },
		{ { .x5u = "u:", .orig = "1", .dest = "1",
		    .type = PASSPORT_SHAKEN }, DCA_RULE_INPUT },
		{ { .x5u = "u:", .orig = "1", .dest = "1", .attest = "D",
		    .type = PASSPORT_SHAKEN }, DCA_RULE_PASSPORT_FORM },
		{ { .x5u = "u:", .orig = "1", .dest = "1",
		    .type = PASSPORT_DIV }, DCA_RULE_INPUT },
		{ { .x5u = "u:", .orig = "1", .dest = "1",
		    .type = PASSPORT_RCD }, DCA_RULE_PASSPORT_RCD },
		{ { .x5u = "u:", .orig = "1", .dest = "1", .rcd = "{",
		    .type = PASSPORT_RCD }, DCA_RULE_INPUT },
		{ { .x5u = "u:", .orig = "1", .dest = "1", .rcd_name = "\xff",
		    .type = PASSPORT_RCD }, DCA_RULE_INPUT },
		{ { .x5u = "u:", .orig = "1", .dest = "1", .rcd = "{}",
		    .type = PASSPORT_RCD }, DCA_RULE_PASSPORT_RCD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct dca_err e = { 0 };
		struct passport p;

		assert_int_not_equal(passport_build(&p, &v[i].spec, &e),
		    DCA_OK);
		assert_int_equal(e.rule, v[i].rule);
		assert_null(p.claims);
	}
}

/* RFC 8226 8: a string as it is, anything else as its JSON. */
static void
tells_claims(void **state)
{
	DCA_AUTO_OUT token = { 0 };
	struct passport p;

	(void)state;
	token_of(&token, PPT("rcd"),
	    "{" BASE ",\"rcd\":{\"nam\":\"Q\",\"apn\":\"1\"},\"crn\":\"x\"}");
	assert_int_equal(passport_parse(&p, dca_out_buf(&token), NULL),
	    DCA_OK);
	assert_string_equal(passport_claim(&p, "crn"), "x");
	assert_string_equal(passport_claim(&p, "rcd"),
	    "{\"apn\":\"1\",\"nam\":\"Q\"}");
	assert_string_equal(passport_claim(&p, "iat"), "1767600000");
	assert_null(passport_claim(&p, "attest"));
	passport_clear(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonicalises_numbers),
		cmocka_unit_test(makes_what_it_reads),
		cmocka_unit_test(makes_nothing_wrong),
		cmocka_unit_test(tells_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
