/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PASSporTs: the signed one of the shared vectors, the examples of the RFCs,
 * and every refusal of form, type and claims.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "passport-lab.h"

static enum dca_rule
rule_of(const char *header, const char *payload)
{
	DCA_AUTO_OUT token = { 0 };
	struct dca_err e = { 0 };
	struct passport p;
	enum dca_rc rc;

	token_of(&token, header, payload);
	rc = passport_parse(&p, dca_out_buf(&token), &e);
	assert_int_equal(rc, dca_problem(e.rule)->rc);
	assert_true(rc == DCA_OK || e.text[0] != '\0');
	passport_clear(&p);
	return e.rule;
}

/* --- the vector --- */

static json_t *
vectors(void)
{
	json_t *v = json_load_file(DCA_DATA "/vectors/vectors.json", 0, NULL);

	if (v == NULL) {
		fprintf(stderr, "SKIPPED: no " DCA_DATA "/vectors\n");
		exit(77);
	}
	return v;
}

static struct dca_buf
text_of(const json_t *v, const char *name)
{
	const json_t *s = json_object_get(v, name);

	assert_true(json_is_string(s));
	return DCA_BUF(json_string_value(s), json_string_length(s));
}

static void
reads_the_vector(void **state)
{
	JOSE_AUTO *v = vectors();
	struct dca_buf jws = text_of(v, "passport_jws");
	struct dca_spki key, other;
	struct dca_err e = { 0 };
	struct passport p;

	(void)state;
	assert_int_equal(jose_jwk_parse(&key,
	    json_object_get(v, "delegate_jwk"), &e), DCA_OK);
	assert_int_equal(jose_jwk_parse(&other,
	    json_object_get(v, "account_jwk"), &e), DCA_OK);
	assert_int_equal(passport_parse(&p, jws, &e), DCA_OK);
	assert_int_equal(p.type, PASSPORT_BASE);
	assert_int_equal(p.iat, 1767600000);
	assert_string_equal(p.orig.tn, "12125551824");
	assert_null(p.orig.uri);
	assert_string_equal(p.x5u, "https://sca.example/certs/chain.pem");
	assert_true(passport_has_dest(&p,
	    (struct passport_party){ .tn = "12155550131" }));
	assert_false(passport_has_dest(&p,
	    (struct passport_party){ .tn = "12155550132" }));
	assert_false(passport_has_dest(&p,
	    (struct passport_party){ .uri = "12155550131" }));
	assert_int_equal(passport_verify(&p, &key, &e), DCA_OK);
	assert_int_equal(passport_verify(&p, &other, &e), DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_PASSPORT_SIGNATURE);
	assert_json(p.header, text_of(v, "passport_header"));
	assert_json(p.claims, text_of(v, "passport_payload"));
	passport_clear(&p);
}

/* One bit anywhere: another form, or a signature that does not verify. */
static void
refuses_every_changed_bit(void **state)
{
	JOSE_AUTO *v = vectors();
	struct dca_buf jws = text_of(v, "passport_jws");
	DCA_CLEANUP(dca_free_p) uint8_t *copy = dca_alloc(jws.n);
	struct dca_spki key;
	struct passport p;

	(void)state;
	assert_int_equal(jose_jwk_parse(&key,
	    json_object_get(v, "delegate_jwk"), NULL), DCA_OK);
	for (size_t i = 0; i < jws.n * 8; i++) {
		memcpy(copy, jws.p, jws.n);
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
		if (passport_parse(&p, DCA_BUF(copy, jws.n), NULL) == DCA_OK)
			assert_int_not_equal(passport_verify(&p, &key, NULL),
			    DCA_OK);
		passport_clear(&p);
	}
}

/* --- form --- */

struct refusal {
	const char *header, *payload;
	enum dca_rule rule;
};

static void
refuse_all(const struct refusal *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum dca_rule rule = rule_of(v[i].header, v[i].payload);

		if (rule != v[i].rule)
			fail_msg("%s %s: %s", v[i].header, v[i].payload,
			    dca_problem(rule)->id);
	}
}
#define REFUSE_ALL(v) refuse_all(v, sizeof(v) / sizeof((v)[0]))

static void
refuses_headers(void **state)
{
#define H(alg, typ, x5u) "{\"alg\":" alg ",\"typ\":" typ ",\"x5u\":" x5u "}"
#define URL "\"https://a.example/c.pem\""
	static const struct refusal v[] = {
		{ HEADER, "{" BASE "}", DCA_RULE_NONE },
		{ H("\"none\"", "\"passport\"", URL), "{" BASE "}",
		    DCA_RULE_PASSPORT_ALG },
		{ H("\"HS256\"", "\"passport\"", URL), "{" BASE "}",
		    DCA_RULE_PASSPORT_ALG },
		{ H("\"es256\"", "\"passport\"", URL), "{" BASE "}",
		    DCA_RULE_PASSPORT_ALG },
		{ H("[\"ES256\"]", "\"passport\"", URL), "{" BASE "}",
		    DCA_RULE_PASSPORT_ALG },
		{ H("\"ES256\"", "\"JWT\"", URL), "{" BASE "}",
		    DCA_RULE_PASSPORT_ALG },
		{ "{\"alg\":\"ES256\",\"x5u\":" URL "}", "{" BASE "}",
		    DCA_RULE_PASSPORT_ALG },
		{ H("\"ES256\"", "\"passport\"", "7"), "{" BASE "}",
		    DCA_RULE_PASSPORT_FORM },
		{ H("\"ES256\"", "\"passport\"", "\"nothing\""),
		    "{" BASE "}", DCA_RULE_PASSPORT_FORM },
		{ H("\"ES256\"", "\"passport\"", "\"https://a b\""),
		    "{" BASE "}", DCA_RULE_PASSPORT_FORM },
		{ "{\"alg\":\"ES256\",\"typ\":\"passport\"}", "{" BASE "}",
		    DCA_RULE_PASSPORT_FORM },
		{ "{\"alg\":\"ES256\",\"alg\":\"ES256\",\"typ\":"
		    "\"passport\",\"x5u\":" URL "}", "{" BASE "}",
		    DCA_RULE_PASSPORT_FORM },
		{ "{\"alg\":\"ES256\",\"crit\":[\"x\"],\"typ\":\"passport\","
		    "\"x5u\":" URL "}", "{" BASE "}",
		    DCA_RULE_PASSPORT_FORM },
		{ "[]", "{" BASE "}", DCA_RULE_PASSPORT_FORM },
		{ PPT("div-o"), "{" BASE "}", DCA_RULE_PASSPORT_PPT },
		{ PPT("rph"), "{" BASE "}", DCA_RULE_PASSPORT_PPT },
		{ PPT(""), "{" BASE "}", DCA_RULE_PASSPORT_PPT },
		{ "{\"alg\":\"ES256\",\"ppt\":7,\"typ\":\"passport\","
		    "\"x5u\":" URL "}", "{" BASE "}", DCA_RULE_PASSPORT_PPT },
	};
#undef URL
#undef H

	(void)state;
	REFUSE_ALL(v);
}

static void
refuses_base_claims(void **state)
{
#define C(dest, iat, orig) { HEADER, "{\"dest\":" dest ",\"iat\":" iat          \
	",\"orig\":" orig "}", DCA_RULE_PASSPORT_FORM }
#define D "{\"tn\":[\"12155550131\"]}"
#define O "{\"tn\":\"12125551824\"}"
	static const struct refusal v[] = {
		C(D, "\"1767600000\"", O), C(D, "-1", O), C(D, "null", O),
		C(D, "1e15", O), C(D, "true", O),
		C(D, "1", "{}"), C(D, "1", "\"12125551824\""),
		C(D, "1", "{\"tn\":[\"12125551824\"]}"),
		C(D, "1", "{\"tn\":\"1\",\"uri\":\"sip:a@b\"}"),
		C(D, "1", "{\"tn\":\"1\",\"x\":1}"),
		C(D, "1", "{\"tn\":\"+12125551824\"}"),
		C(D, "1", "{\"tn\":\"1-212-555-1824\"}"),
		C(D, "1", "{\"tn\":\"1234567890123456\"}"),
		C(D, "1", "{\"tn\":\"\"}"), C(D, "1", "{\"tn\":\"12a\"}"),
		C(D, "1", "{\"uri\":\"alice\"}"),
		C(D, "1", "{\"uri\":\"sip:a b\"}"), C(D, "1", "{\"uri\":1}"),
		C("{}", "1", O), C("{\"tn\":[]}", "1", O),
		C("{\"tn\":\"12155550131\"}", "1", O),
		C("{\"tn\":[7]}", "1", O), C("[]", "1", O),
		C("{\"tn\":[\"1\"],\"x\":1}", "1", O),
		C("{\"uri\":[\"x\"]}", "1", O),
		C("{\"tn\":[\"+1\"],\"uri\":[\"sip:a@b\"]}", "1", O),
		{ HEADER, "{\"iat\":1,\"orig\":" O "}",
		    DCA_RULE_PASSPORT_FORM },
		{ HEADER, "{\"iat\":1,\"iat\":1,\"dest\":" D ",\"orig\":" O
		    "}", DCA_RULE_PASSPORT_FORM },
		{ HEADER, "{\"iat\":1,\"dest\":" D ",\"orig\":{\"tn\":\"1\","
		    "\"tn\":\"1\"}}", DCA_RULE_PASSPORT_FORM },
		{ HEADER, "[]", DCA_RULE_PASSPORT_FORM },
		{ HEADER, "{" BASE, DCA_RULE_PASSPORT_FORM },
		/* what may be */
		{ HEADER, "{" BASE ",\"new\":[1,{}]}", DCA_RULE_NONE },
		{ HEADER, "{\"iat\":1.5,\"dest\":{\"uri\":[\"sip:b@c\"]},"
		    "\"orig\":{\"uri\":\"sip:a@b\"}}", DCA_RULE_NONE },
		{ HEADER, "{\"iat\":1,\"dest\":{\"tn\":[\"911\"]},"
		    "\"orig\":{\"tn\":\"*#06\"}}", DCA_RULE_NONE },
	};
#undef O
#undef D
#undef C

	(void)state;
	REFUSE_ALL(v);
}

static void
refuses_types(void **state)
{
#define S(attest, origid) "{\"attest\":" attest "," BASE ",\"origid\":" origid "}"
	static const struct refusal v[] = {
		{ PPT("shaken"), S("\"A\"", "\"" UUID "\""), DCA_RULE_NONE },
		{ PPT("shaken"), S("\"D\"", "\"" UUID "\""),
		    DCA_RULE_PASSPORT_FORM },
		{ PPT("shaken"), S("\"\"", "\"" UUID "\""),
		    DCA_RULE_PASSPORT_FORM },
		{ PPT("shaken"), S("1", "\"" UUID "\""),
		    DCA_RULE_PASSPORT_FORM },
		{ PPT("shaken"), S("\"A\"", "\"x\""), DCA_RULE_PASSPORT_FORM },
		{ PPT("shaken"),
		    S("\"A\"", "\"123e4567-e89b-12d3-a456-42665544000g\""),
		    DCA_RULE_PASSPORT_FORM },
		{ PPT("shaken"),
		    S("\"A\"", "\"123e4567ae89b-12d3-a456-426655440000\""),
		    DCA_RULE_PASSPORT_FORM },
		{ PPT("shaken"), "{" BASE "}", DCA_RULE_PASSPORT_FORM },
		{ PPT("div"), "{" BASE ",\"div\":{\"tn\":\"12155550121\"}}",
		    DCA_RULE_NONE },
		{ PPT("div"), "{" BASE ",\"div\":{\"tn\":\"12155550121\","
		    "\"hi\":\"1.2\"}}", DCA_RULE_NONE },
		{ PPT("div"), "{" BASE ",\"div\":{\"tn\":\"12155550121\","
		    "\"hi\":1}}", DCA_RULE_PASSPORT_FORM },
		{ PPT("div"), "{" BASE "}", DCA_RULE_PASSPORT_FORM },
		{ PPT("div"), "{" BASE ",\"div\":{\"tn\":[\"1\"]}}",
		    DCA_RULE_PASSPORT_FORM },
	};
#undef S

	(void)state;
	REFUSE_ALL(v);
}

/* The digest is that of RFC 9795's example, over the quoted string. */
#define NAM "{\"nam\":\"Q Branch Spy Gadgets\"}"
#define NAM_DIGEST "sha256-sM275lTgzCte+LHOKHtU4SxG8shlOo6OS4ot8IJQImY="

static void
judges_rich_call_data(void **state)
{
#define R(more) "{" BASE "," more "}"
	static const struct refusal v[] = {
		{ PPT("rcd"), R("\"rcd\":" NAM), DCA_RULE_NONE },
		{ PPT("rcd"), R("\"rcd\":" NAM ",\"crn\":\"about it\""),
		    DCA_RULE_NONE },
		{ PPT("rcd"), R("\"rcd\":" NAM ",\"rcdi\":{\"/nam\":\""
		    NAM_DIGEST "\"}"), DCA_RULE_NONE },
		{ PPT("rcd"), R("\"rcd\":{\"nam\":\"Q\"},\"rcdi\":{\"/nam\":\""
		    NAM_DIGEST "\"}"), DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":" NAM ",\"rcdi\":{\"/apn\":\""
		    NAM_DIGEST "\"}"), DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":" NAM ",\"rcdi\":{\"nam\":\""
		    NAM_DIGEST "\"}"), DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":" NAM ",\"rcdi\":{\"/nam\":"
		    "\"md5-aaaa\"}"), DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":" NAM ",\"rcdi\":{\"/nam\":7}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":" NAM ",\"rcdi\":{\"/n~am\":\"x\"}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":" NAM ",\"rcdi\":{}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":{\"nam\":\"Q\",\"icn\":"
		    "\"https://a.example/i.png\"},\"rcdi\":{\"/icn\":\""
		    NAM_DIGEST "\"}"), DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":{\"nam\":\"Q\",\"jcd\":[\"vcard\","
		    "[[\"photo\",{},\"uri\",\"https://a.example/p\"]]]},"
		    "\"rcdi\":{\"/jcd/1/0/3\":\"" NAM_DIGEST "\"}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":{\"nam\":\"Q\",\"jcd\":[\"vcard\",["
		    "[\"fn\",{},\"text\",\"Q Branch Spy Gadgets\"]]]},"
		    "\"rcdi\":{\"/jcd/1/0/3\":\"" NAM_DIGEST "\"}"),
		    DCA_RULE_NONE },
		{ PPT("rcd"), R("\"rcd\":{\"nam\":\"Q\",\"jcd\":[\"vcard\","
		    "[]]},\"rcdi\":{\"/jcd/01\":\"" NAM_DIGEST "\"}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcdi\":{\"/nam\":\"x\"}"),
		    DCA_RULE_PASSPORT_RCD },
		{ HEADER, R("\"rcdi\":{\"/nam\":\"x\"}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"x\":1"), DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":{\"apn\":\"x\"}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":{\"nam\":7}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":{\"nam\":\"Q\",\"icn\":7}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":{\"nam\":\"Q\",\"jcd\":7}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"rcd\":{\"nam\":\"Q\",\"jcd\":[],"
		    "\"jcl\":\"https://a.example/j\"}"),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"crn\":7,\"rcd\":" NAM),
		    DCA_RULE_PASSPORT_RCD },
		{ PPT("rcd"), R("\"iss\":\"Other\",\"rcd\":" NAM),
		    DCA_RULE_PASSPORT_RCD },
		/* in another type the claims are the same claims */
		{ HEADER, R("\"rcd\":{\"nam\":7}"), DCA_RULE_PASSPORT_RCD },
	};
#undef R

	(void)state;
	REFUSE_ALL(v);
}

static void
refuses_sizes_and_segments(void **state)
{
	static const char *const v[] = { "", ".", "..", "a", "a.b", "a.b.c.d",
		"..c", "a..c", ".b.c", "a=.b.c", "!.b.c" };
	DCA_AUTO_OUT pad = { 0 };
	struct dca_err e = { 0 };
	struct passport p;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(passport_parse(&p,
		    DCA_BUF(v[i], strlen(v[i])), &e), DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_PASSPORT_FORM);
	}
	/* white space is JSON: only the size is wrong */
	for (size_t i = 0; i < PASSPORT_HEADER_MAX; i++)
		dca_out_add(&pad, " ", 1);
	dca_out_add(&pad, HEADER, sizeof(HEADER) - 1);
	assert_int_equal(rule_of((const char *)pad.p, "{" BASE "}"),
	    DCA_RULE_PASSPORT_FORM);
	pad.n = 0;
	for (size_t i = 0; i < PASSPORT_PAYLOAD_MAX; i++)
		dca_out_add(&pad, " ", 1);
	dca_out_add(&pad, "{" BASE "}", sizeof("{" BASE "}") - 1);
	assert_int_equal(rule_of(HEADER, (const char *)pad.p),
	    DCA_RULE_PASSPORT_FORM);
	pad.n = 0;
	for (size_t i = 0; i <= PASSPORT_TOKEN_MAX; i++)
		dca_out_add(&pad, "a", 1);
	assert_int_equal(passport_parse(&p, dca_out_buf(&pad), &e),
	    DCA_MALFORMED);
	assert_int_equal(e.rule, DCA_RULE_PASSPORT_FORM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_vector),
		cmocka_unit_test(refuses_every_changed_bit),
		cmocka_unit_test(refuses_headers),
		cmocka_unit_test(refuses_base_claims),
		cmocka_unit_test(refuses_types),
		cmocka_unit_test(judges_rich_call_data),
		cmocka_unit_test(refuses_sizes_and_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
