/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers, tokens and requests that the STI-CA must refuse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme-wrong.h"

/* --- orders (no. 51, 55) --- */

static char *
token(EVP_PKEY *key, const char *jti, int64_t life, const struct wrong *f)
{
	return wrong_token(t.signer, wrong_url(
	    "/download/v1/certificate/certificateId_1.crt"), key, jti, life,
	    f);
}

static unsigned
make_order(const char *kid, EVP_PKEY *key)
{
	struct http_answer r;
	unsigned n;

	wrong_post(wrong_new_order, wrong_right(wrong_new_order, kid, key),
	    wrong_order, key, &r);
	wrong_check(r.status == 201, "an order", &r);
	n = (unsigned)strtoul(strrchr(r.location, '/') + 1, NULL, 10);
	http_answer_clear(&r);
	return n;
}

static void
act(const char *what, unsigned n, const char *kid, EVP_PKEY *key,
    const char *payload, struct http_answer *r)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/acme/%s/%u", what, n);
	wrong_post(path, wrong_right(path, kid, key), payload, key, r);
}

static void
answer(unsigned n, const char *kid, EVP_PKEY *signs, EVP_PKEY *named,
    const char *jti, const char *expected, const char *what)
{
	const struct wrong none = { .what = what };
	char *payload = token(named, jti, 1800, &none);
	struct http_answer r;

	act("chall", n, kid, signs, payload, &r);
	wrong_check(r.status == 200 && memmem(r.body.p, r.body.n, expected,
	    strlen(expected)) != NULL, what, &r);
	http_answer_clear(&r);
	free(payload);
}

/* What is asked for (no. 39 to 41). Padding is taken: STI-CAs in the field
 * want it. */
static void
asks(const char *kid, EVP_PKEY *key)
{
#define ONE(type, value) "{\"type\":\"" type "\",\"value\":\"" value "\"}"
	static const struct {
		const char *list, *type, *what;
	} wrong[] = {
		{ ONE("TNAuthList", "MAigBhYENzA5SgA"), "malformed",
		    "39: an octet behind the list" },
		{ ONE("TNAuthList", "MAA"), "malformed", "11: no entry" },
		{ ONE("TNAuthList", "MAaABDcwOUo"), "malformed",
		    "12: implicit tags" },
		{ ONE("dns", "a.example"), "unsupportedIdentifier",
		    "40: dns" },
		{ ONE("TNAuthList", "MAigBhYENzA5Sg") ","
		    ONE("TNAuthList", "MAigBhYEMTIzNA"), "malformed",
		    "41: two" },
		{ "", "malformed", "41: none" },
	};
#undef ONE
	struct http_answer r;
	char payload[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(payload, sizeof(payload),
		    "{\"identifiers\":[%s]}", wrong[i].list);
		wrong_post(wrong_new_order, wrong_right(wrong_new_order, kid,
		    key), payload, key, &r);
		wrong_refused(&r, 400, wrong[i].type, wrong[i].what);
	}
}

static void
order_of(const char *kid, EVP_PKEY *key, const char *kid2, EVP_PKEY *key2)
{
	const unsigned n = make_order(kid, key);
	unsigned m;
	struct http_answer r;

	act("finalize", n, kid, key, "{\"csr\":\"\"}", &r);
	wrong_refused(&r, 403, "orderNotReady",
	    "55: finalize before the challenge");
	act("finalize", n, kid2, key2, "{\"csr\":\"\"}", &r);
	wrong_refused(&r, 403, "unauthorized", "55: another account's order");
	answer(n, kid, key, key2, "jti-other", "fingerprint is not that",
	    "50: a token for another account's key");
	m = make_order(kid, key);
	answer(m, kid, key, key, "jti-once", "\"valid\"", "a right token");
	m = make_order(kid2, key2);
	answer(m, kid2, key2, key2, "jti-once", "another account has used",
	    "51: its jti, by another account");
	act("finalize", m, kid2, key2, "{\"csr\":\"\"}", &r);
	wrong_refused(&r, 403, "orderNotReady",
	    "55: finalize of an order that is invalid");
}

/* The nine checks of RFC 9448 6, at the STI-CA. */
static void
tokens(const char *kid, EVP_PKEY *key)
{
	for (size_t i = 0; wrong_tokens[i].what != NULL; i++) {
		unsigned n = make_order(kid, key);
		char *payload = token(key, "jti-flaw", 1800,
		    &wrong_tokens[i]);
		struct http_answer r;

		act("chall", n, kid, key, payload, &r);
		wrong_check(r.status == 200 && memmem(r.body.p, r.body.n,
		    "\"invalid\"", 9) != NULL && memmem(r.body.p, r.body.n,
		    wrong_tokens[i].says, strlen(wrong_tokens[i].says)) != NULL,
		    wrong_tokens[i].what, &r);
		http_answer_clear(&r);
		free(payload);
	}
}

/* Order n gets a token that is good for life seconds. */
static void
authorize(unsigned n, const char *kid, EVP_PKEY *key, const char *jti,
    int64_t life, const struct wrong *f)
{
	char *payload = token(key, jti, life, f);
	struct http_answer r;

	act("chall", n, kid, key, payload, &r);
	wrong_check(r.status == 200 && memmem(r.body.p, r.body.n,
	    "\"valid\"", 7) != NULL, "a token for it", &r);
	http_answer_clear(&r);
	free(payload);
}

/* What may be handed in (RFC 9448 6 step 9; RFC 8555 7.4, 11.1). */
static void
requests(const char *kid, EVP_PKEY *key)
{
	static const struct {
		const char *atc, *list, *says;
		bool ca, account_key;
		const char *what;
	} cases[] = {
		{ "{\"ca\":false}", "spc:709J", "the token says ca false",
		    true, false, "23: CA:TRUE, and the token says ca false" },
		{ "{\"ca\":null}", "spc:709J", "the token says ca false",
		    true, false, "23: CA:TRUE, and the token says nothing" },
		{ NULL, "spc:709J", "CA", false, false,
		    "24: ca true, and the CSR has no CA:TRUE" },
		{ NULL, "spc:1234", "not the identifier", true, false,
		    "another list than was ordered" },
		{ NULL, "spc:709J", "account key", true, true,
		    "the account's own key" },
		{ NULL, "spc:709J", "\"valid\"", true, false,
		    "a right request" },
	};
	EVP_PKEY *own = wrong_key();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct wrong w = { .what = "", .atc = cases[i].atc };
		const bool right_one = cases[i].says[0] == '"';
		unsigned n = make_order(kid, key);
		char *payload = wrong_csr(cases[i].account_key ? key : own,
		    cases[i].list, cases[i].ca);
		struct http_answer r;

		authorize(n, kid, key, "jti-csr", 1800, &w);
		act("finalize", n, kid, key, payload, &r);
		wrong_check((right_one ? r.status == 200 : wrong_says(&r, 400,
		    "badCSR")) && memmem(r.body.p, r.body.n, cases[i].says,
		    strlen(cases[i].says)) != NULL, cases[i].what, &r);
		http_answer_clear(&r);
		free(payload);
	}
	EVP_PKEY_free(own);
}

/* An authorization lasts no longer than its token (RFC 9447 7). */
static void
expiry(const char *kid, EVP_PKEY *key)
{
	const struct wrong none = { .what = "" };
	const unsigned n = make_order(kid, key);
	struct http_answer r;

	authorize(n, kid, key, "jti-short", 2, &none);
	(void)sleep(3);
	act("finalize", n, kid, key, "{\"csr\":\"\"}", &r);
	wrong_refused(&r, 403, "unauthorized",
	    "55: the authorization has expired");
}

void
wrong_orders(const char *kid, EVP_PKEY *key, const char *kid2,
    EVP_PKEY *key2)
{
	asks(kid, key);
	order_of(kid, key, kid2, key2);
	tokens(kid, key);
	requests(kid, key);
	expiry(kid, key);
}
