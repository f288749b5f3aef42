/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ACME client that is wrong on purpose, against the lab's STI-CA: what
 * stands in RFC 8555 6.2 to 6.5, 7.3.4, 7.4 and RFC 9447 4 as MUST, each
 * broken once, and the answer that it gets. First it is right, so that the
 * refusals have no other cause. Accounts are made anew.
 * usage: acme-wrong BASE-URL TLS-CA EAB-KID EAB-KEY TOKEN-KEY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "acme.h"
#include "acme-wrong.h"
#include "dca/os.h"

static struct {
	const char *base, *eab_kid;
	struct http *http;
	struct dca_out eab_key;
	EVP_PKEY *signer;
	unsigned failures;
} t;

static void
check(bool yes, const char *what, const struct http_answer *r)
{
	printf("%s: %s\n", yes ? "ok" : "NOT OK", what);
	if (!yes && r != NULL)
		printf("    %ld %.*s\n", r->status, (int)r->body.n,
		    r->body.n > 0 ? (const char *)r->body.p : "");
	t.failures += !yes;
}

static char *
url_of(const char *path)
{
	static char urls[4][HTTP_URL_MAX];
	static unsigned next;
	char *u = urls[next++ % 4];

	(void)snprintf(u, HTTP_URL_MAX, "%s%s", t.base, path);
	return u;
}

static void
get_nonce(char out[static HTTP_FIELD_MAX])
{
	struct http_request q = { .method = HTTP_HEAD,
		.url = url_of("/acme/new-nonce") };
	struct http_answer r;
	struct dca_err e = { 0 };

	if (http_do(t.http, &q, &r, &e) != DCA_OK) {
		fprintf(stderr, "%s\n", e.text);
		exit(2);
	}
	(void)dca_strlcpy(out, r.nonce, HTTP_FIELD_MAX);
	http_answer_clear(&r);
}

static void
send(const char *path, const char *type, struct dca_buf body,
    struct http_answer *r)
{
	struct http_request q = { .method = HTTP_POST, .url = url_of(path),
		.content_type = type, .body = body };
	struct dca_err e = { 0 };

	if (http_do(t.http, &q, r, &e) != DCA_OK) {
		fprintf(stderr, "%s\n", e.text);
		exit(2);
	}
}

/* A header as it must be: nonce, url, and who signs (kid, or the jwk). */
static json_t *
right(const char *path, const char *kid, EVP_PKEY *key)
{
	char nonce[HTTP_FIELD_MAX];
	struct dca_spki public;
	json_t *h;

	get_nonce(nonce);
	h = json_pack("{s:s,s:s}", "nonce", nonce, "url", url_of(path));
	if (kid != NULL)
		json_object_set_new(h, "kid", json_string(kid));
	else if (dca_spki_from_pkey(&public, key, NULL) == DCA_OK)
		json_object_set_new(h, "jwk", jose_jwk(&public));
	return h;
}

/* header is taken. */
static void
post(const char *path, json_t *header, const char *payload, EVP_PKEY *key,
    struct http_answer *r)
{
	DCA_AUTO_OUT body = { 0 };

	if (jose_sign(&body, JOSE_FLAT, header,
	    DCA_BUF(payload, strlen(payload)), key, NULL) != DCA_OK)
		abort();
	json_decref(header);
	send(path, "application/jose+json", dca_out_buf(&body), r);
}

static bool
says(const struct http_answer *r, long status, const char *type)
{
	char want[96];

	(void)snprintf(want, sizeof(want), "acme:error:%s\"", type);
	return r->status == status && r->body.n > 0 &&
	    memmem(r->body.p, r->body.n, want, strlen(want)) != NULL;
}

/* What was answered, and that it is this. */
static void
refused(struct http_answer *r, long status, const char *type,
    const char *what)
{
	check(says(r, status, type), what, r);
	http_answer_clear(r);
}

static EVP_PKEY *
new_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (key == NULL)
		abort();
	return key;
}

/* --- accounts (no. 54) --- */

/* payload of newAccount; of whom, for which url, with how long a nonce. */
static char *
bound(EVP_PKEY *whose, const char *url, bool nonce, bool mac)
{
	struct dca_spki public;
	JOSE_AUTO *header = json_pack("{s:s,s:s}", "kid", t.eab_kid, "url",
	    url);
	JOSE_AUTO *jwk = NULL;
	JOSE_AUTO *payload = json_pack("{s:b}", "termsOfServiceAgreed", 1);
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	DCA_AUTO_OUT jws = { 0 };

	if (dca_spki_from_pkey(&public, whose, NULL) != DCA_OK)
		abort();
	jwk = jose_jwk(&public);
	text = json_dumps(jwk, JSON_COMPACT);
	if (nonce)
		json_object_set_new(header, "nonce", json_string("AAAA"));
	if (mac) {
		json_object_set_new(payload, "externalAccountBinding",
		    jose_mac(header, DCA_BUF(text, strlen(text)),
		    dca_out_buf(&t.eab_key)));
	} else if (jose_sign(&jws, JOSE_FLAT, header,
	    DCA_BUF(text, strlen(text)), whose, NULL) == DCA_OK) {
		dca_out_add(&jws, "", 1);
		json_object_set_new(payload, "externalAccountBinding",
		    json_loads((const char *)jws.p, 0, NULL));
	}
	return json_dumps(payload, JSON_COMPACT);
}

static void
try_account(EVP_PKEY *key, char *payload, long status, const char *type,
    const char *what)
{
	static const char path[] = "/acme/new-account";
	struct http_answer r;

	post(path, right(path, NULL, key), payload, key, &r);
	refused(&r, status, type, what);
	free(payload);
}

static void
make_account(EVP_PKEY *key, char kid[static HTTP_URL_MAX])
{
	static const char path[] = "/acme/new-account";
	char *payload = bound(key, url_of(path), false, true);
	struct http_answer r;

	post(path, right(path, NULL, key), payload, key, &r);
	check(r.status == 201 && r.location[0] != '\0', "an account", &r);
	(void)dca_strlcpy(kid, r.location, HTTP_URL_MAX);
	http_answer_clear(&r);
	free(payload);
}

static void
accounts(EVP_PKEY *key)
{
	char *url = url_of("/acme/new-account");
	EVP_PKEY *other = new_key();

	try_account(key, strdup("{\"termsOfServiceAgreed\":true}"), 403,
	    "externalAccountRequired", "54: newAccount without EAB");
	try_account(key, bound(key, url, false, false), 400, "malformed",
	    "54: EAB signed with ES256, not a MAC");
	try_account(key, bound(key, url, true, true), 400, "malformed",
	    "54: EAB with a nonce");
	try_account(key, bound(key, "https://elsewhere.example/", false, true),
	    400, "malformed", "54: EAB for another url");
	try_account(key, bound(other, url, false, true), 400, "malformed",
	    "54: EAB for another key");
	EVP_PKEY_free(other);
}

/* --- the envelope (no. 52, 53) --- */

static const char new_order[] = "/acme/new-order";
static const char identifiers[] = "{\"identifiers\":[{\"type\":"
    "\"TNAuthList\",\"value\":\"MAigBhYENzA5Sg\"}]}"; /* spc 709J */

/* One member of the header less, or another; NULL: none. */
static void
try_header(const char *kid, EVP_PKEY *key, const char *member,
    json_t *value, long status, const char *type, const char *what)
{
	json_t *h = right(new_order, kid, key);
	struct http_answer r;

	if (value != NULL)
		json_object_set_new(h, member, value);
	else
		json_object_del(h, member);
	post(new_order, h, identifiers, key, &r);
	refused(&r, status, type, what);
}

/* The body of a right request, with something added to it. */
static void
try_body(const char *kid, EVP_PKEY *key, const char *member, json_t *value,
    const char *what)
{
	JOSE_AUTO *h = right(new_order, kid, key);
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	DCA_AUTO_OUT body = { 0 };
	JOSE_AUTO *o = NULL;
	struct http_answer r;

	if (jose_sign(&body, JOSE_FLAT, h, DCA_BUF(identifiers,
	    strlen(identifiers)), key, NULL) != DCA_OK)
		abort();
	dca_out_add(&body, "", 1);
	o = json_loads((const char *)body.p, 0, NULL);
	json_object_set_new(o, member, value);
	text = json_dumps(o, JSON_COMPACT);
	send(new_order, "application/jose+json", DCA_BUF(text, strlen(text)),
	    &r);
	refused(&r, 400, "malformed", what);
}

static void
envelope(const char *kid, EVP_PKEY *key)
{
	struct dca_spki public;
	char used[HTTP_FIELD_MAX];
	struct http_answer r;
	json_t *h;

	if (dca_spki_from_pkey(&public, key, NULL) != DCA_OK)
		abort();
	try_header(kid, key, "jwk", jose_jwk(&public), 400, "malformed",
	    "52: jwk and kid");
	try_header(kid, key, "kid", NULL, 400, "malformed",
	    "52: neither jwk nor kid");
	try_header(kid, key, "url", NULL, 403, "unauthorized", "52: no url");
	try_header(kid, key, "url", json_string("https://elsewhere.example/"),
	    403, "unauthorized", "52: another url");
	try_body(kid, key, "header", json_object(),
	    "52: an unprotected header");
	try_body(kid, key, "signatures", json_array(), "52: many signatures");
	try_header(kid, key, "nonce", NULL, 400, "badNonce", "52: no nonce");
	try_header(kid, key, "nonce", json_string("AAAAAAAAAAAAAAAAAAAAAA"),
	    400, "badNonce", "53: a nonce nobody gave out");
	get_nonce(used);
	for (int i = 0; i < 2; i++) {
		h = right(new_order, kid, key);
		json_object_set_new(h, "nonce", json_string(used));
		post(new_order, h, identifiers, key, &r);
		if (i == 0)
			check(r.status == 201, "53: a nonce, once", &r);
		else
			check(says(&r, 400, "badNonce") && r.nonce[0] != '\0',
			    "53: the same nonce again: badNonce and a fresh "
			    "one", &r);
		http_answer_clear(&r);
	}
}

/* --- orders (no. 51, 55) --- */

static char *
token(EVP_PKEY *key, const char *jti, int64_t life, const struct wrong *f)
{
	return wrong_token(t.signer, url_of(
	    "/download/v1/certificate/certificateId_1.crt"), key, jti, life,
	    f);
}

static unsigned
make_order(const char *kid, EVP_PKEY *key)
{
	struct http_answer r;
	unsigned n;

	post(new_order, right(new_order, kid, key), identifiers, key, &r);
	check(r.status == 201, "an order", &r);
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
	post(path, right(path, kid, key), payload, key, r);
}

static void
answer(unsigned n, const char *kid, EVP_PKEY *signs, EVP_PKEY *named,
    const char *jti, const char *expected, const char *what)
{
	const struct wrong none = { .what = what };
	char *payload = token(named, jti, 1800, &none);
	struct http_answer r;

	act("chall", n, kid, signs, payload, &r);
	check(r.status == 200 && memmem(r.body.p, r.body.n, expected,
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
		post(new_order, right(new_order, kid, key), payload, key, &r);
		refused(&r, 400, wrong[i].type, wrong[i].what);
	}
}

static void
orders(const char *kid, EVP_PKEY *key, const char *kid2, EVP_PKEY *key2)
{
	const unsigned n = make_order(kid, key);
	unsigned m;
	struct http_answer r;

	act("finalize", n, kid, key, "{\"csr\":\"\"}", &r);
	refused(&r, 403, "orderNotReady",
	    "55: finalize before the challenge");
	act("finalize", n, kid2, key2, "{\"csr\":\"\"}", &r);
	refused(&r, 403, "unauthorized", "55: another account's order");
	answer(n, kid, key, key2, "jti-other", "fingerprint is not that",
	    "50: a token for another account's key");
	m = make_order(kid, key);
	answer(m, kid, key, key, "jti-once", "\"valid\"", "a right token");
	m = make_order(kid2, key2);
	answer(m, kid2, key2, key2, "jti-once", "another account has used",
	    "51: its jti, by another account");
	act("finalize", m, kid2, key2, "{\"csr\":\"\"}", &r);
	refused(&r, 403, "orderNotReady",
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
		check(r.status == 200 && memmem(r.body.p, r.body.n,
		    "\"invalid\"", 9) != NULL && memmem(r.body.p, r.body.n,
		    wrong_tokens[i].says, strlen(wrong_tokens[i].says)) != NULL,
		    wrong_tokens[i].what, &r);
		http_answer_clear(&r);
		free(payload);
	}
}

/* An authorization lasts no longer than its token (RFC 9447 7). */
static void
expiry(const char *kid, EVP_PKEY *key)
{
	const struct wrong none = { .what = "" };
	const unsigned n = make_order(kid, key);
	char *payload = token(key, "jti-short", 2, &none);
	struct http_answer r;

	act("chall", n, kid, key, payload, &r);
	check(r.status == 200 && memmem(r.body.p, r.body.n, "\"valid\"", 7) !=
	    NULL, "a token for two seconds", &r);
	http_answer_clear(&r);
	free(payload);
	(void)sleep(3);
	act("finalize", n, kid, key, "{\"csr\":\"\"}", &r);
	refused(&r, 403, "unauthorized", "55: the authorization has expired");
}

int
main(int argc, char **argv)
{
	struct http_config h = { .timeout = 10, .proxy = "" };
	char kid[HTTP_URL_MAX], kid2[HTTP_URL_MAX];
	EVP_PKEY *key = new_key(), *key2 = new_key();
	struct dca_err e = { 0 };
	FILE *f;

	if (argc != 6) {
		fprintf(stderr, "usage: acme-wrong BASE-URL TLS-CA EAB-KID "
		    "EAB-KEY TOKEN-KEY\n");
		return 2;
	}
	t.base = argv[1];
	h.tls_ca = argv[2];
	t.eab_kid = argv[3];
	f = fopen(argv[5], "r");
	t.signer = f == NULL ? NULL : PEM_read_PrivateKey(f, NULL, NULL, NULL);
	if (f != NULL)
		(void)fclose(f);
	if (t.signer == NULL || !dca_unb64url(&t.eab_key, argv[4],
	    strlen(argv[4])) || http_new(&t.http, &h, &e) != DCA_OK) {
		fprintf(stderr, "acme-wrong: key or CA: %s\n", e.text);
		return 2;
	}
	accounts(key);
	make_account(key, kid);
	make_account(key2, kid2);
	envelope(kid, key);
	asks(kid, key);
	orders(kid, key, kid2, key2);
	tokens(kid, key);
	expiry(kid, key);
	EVP_PKEY_free(key);
	EVP_PKEY_free(key2);
	EVP_PKEY_free(t.signer);
	dca_out_free(&t.eab_key);
	http_free(t.http);
	return t.failures == 0 ? 0 : 1;
}
