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

const char wrong_new_order[] = "/acme/new-order";
const char wrong_order[] = "{\"identifiers\":[{\"type\":"
    "\"TNAuthList\",\"value\":\"MAigBhYENzA5Sg\"}]}"; /* spc 709J */

struct acme_wrong t;

void
wrong_check(bool yes, const char *what, const struct http_answer *r)
{
	printf("%s: %s\n", yes ? "ok" : "NOT OK", what);
	if (!yes && r != NULL)
		printf("    %ld %.*s\n", r->status, (int)r->body.n,
		    r->body.n > 0 ? (const char *)r->body.p : "");
	t.failures += !yes;
}

char *
wrong_url(const char *path)
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
		.url = wrong_url("/acme/new-nonce") };
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
	struct http_request q = { .method = HTTP_POST, .url = wrong_url(path),
		.content_type = type, .body = body };
	struct dca_err e = { 0 };

	if (http_do(t.http, &q, r, &e) != DCA_OK) {
		fprintf(stderr, "%s\n", e.text);
		exit(2);
	}
}

/* A header as it must be: nonce, url, and who signs (kid, or the jwk). */
json_t *
wrong_right(const char *path, const char *kid, EVP_PKEY *key)
{
	char nonce[HTTP_FIELD_MAX];
	struct dca_spki public;
	json_t *h;

	get_nonce(nonce);
	h = json_pack("{s:s,s:s}", "nonce", nonce, "url", wrong_url(path));
	if (kid != NULL)
		json_object_set_new(h, "kid", json_string(kid));
	else if (dca_spki_from_pkey(&public, key, NULL) == DCA_OK)
		json_object_set_new(h, "jwk", jose_jwk(&public));
	return h;
}

/* header is taken. */
void
wrong_post(const char *path, json_t *header, const char *payload, EVP_PKEY *key,
    struct http_answer *r)
{
	DCA_AUTO_OUT body = { 0 };

	if (jose_sign(&body, JOSE_FLAT, header,
	    DCA_BUF(payload, strlen(payload)), key, NULL) != DCA_OK)
		abort();
	json_decref(header);
	send(path, "application/jose+json", dca_out_buf(&body), r);
}

bool
wrong_says(const struct http_answer *r, long status, const char *type)
{
	char want[96];

	(void)snprintf(want, sizeof(want), "acme:error:%s\"", type);
	return r->status == status && r->body.n > 0 &&
	    memmem(r->body.p, r->body.n, want, strlen(want)) != NULL;
}

/* What was answered, and that it is this. */
void
wrong_refused(struct http_answer *r, long status, const char *type,
    const char *what)
{
	wrong_check(wrong_says(r, status, type), what, r);
	http_answer_clear(r);
}

EVP_PKEY *
wrong_key(void)
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

	wrong_post(path, wrong_right(path, NULL, key), payload, key, &r);
	wrong_refused(&r, status, type, what);
	free(payload);
}

static void
make_account(EVP_PKEY *key, char kid[static HTTP_URL_MAX])
{
	static const char path[] = "/acme/new-account";
	char *payload = bound(key, wrong_url(path), false, true);
	struct http_answer r;

	wrong_post(path, wrong_right(path, NULL, key), payload, key, &r);
	wrong_check(r.status == 201 && r.location[0] != '\0', "an account", &r);
	(void)dca_strlcpy(kid, r.location, HTTP_URL_MAX);
	http_answer_clear(&r);
	free(payload);
}

static void
accounts(EVP_PKEY *key)
{
	char *url = wrong_url("/acme/new-account");
	EVP_PKEY *other = wrong_key();

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

/* One member of the header less, or another; NULL: none. */
static void
try_header(const char *kid, EVP_PKEY *key, const char *member,
    json_t *value, long status, const char *type, const char *what)
{
	json_t *h = wrong_right(wrong_new_order, kid, key);
	struct http_answer r;

	if (value != NULL)
		json_object_set_new(h, member, value);
	else
		json_object_del(h, member);
	wrong_post(wrong_new_order, h, wrong_order, key, &r);
	wrong_refused(&r, status, type, what);
}

/* The body of a right request, with something added to it. */
static void
try_body(const char *kid, EVP_PKEY *key, const char *member, json_t *value,
    const char *what)
{
	JOSE_AUTO *h = wrong_right(wrong_new_order, kid, key);
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	DCA_AUTO_OUT body = { 0 };
	JOSE_AUTO *o = NULL;
	struct http_answer r;

	if (jose_sign(&body, JOSE_FLAT, h, DCA_BUF(wrong_order,
	    strlen(wrong_order)), key, NULL) != DCA_OK)
		abort();
	dca_out_add(&body, "", 1);
	o = json_loads((const char *)body.p, 0, NULL);
	json_object_set_new(o, member, value);
	text = json_dumps(o, JSON_COMPACT);
	send(wrong_new_order, "application/jose+json",
	    DCA_BUF(text, strlen(text)), &r);
	wrong_refused(&r, 400, "malformed", what);
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
		h = wrong_right(wrong_new_order, kid, key);
		json_object_set_new(h, "nonce", json_string(used));
		wrong_post(wrong_new_order, h, wrong_order, key, &r);
		if (i == 0)
			wrong_check(r.status == 201, "53: a nonce, once", &r);
		else
			wrong_check(wrong_says(&r, 400, "badNonce") &&
			    r.nonce[0] != '\0', "53: the same nonce again: "
			    "badNonce and a fresh one", &r);
		http_answer_clear(&r);
	}
}

int
main(int argc, char **argv)
{
	struct http_config h = { .timeout = 10, .proxy = "" };
	char kid[HTTP_URL_MAX], kid2[HTTP_URL_MAX];
	EVP_PKEY *key = wrong_key(), *key2 = wrong_key();
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
	wrong_orders(kid, key, kid2, key2);
	EVP_PKEY_free(key);
	EVP_PKEY_free(key2);
	EVP_PKEY_free(t.signer);
	dca_out_free(&t.eab_key);
	http_free(t.http);
	return t.failures == 0 ? 0 : 1;
}
