/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ACME client: signed requests with fresh nonces, and what the resources
 * say, checked. URLs that the server names are used only when they are https;
 * nothing it says is believed without being looked for.
 */
#include "acme.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme-parts.h"

enum { NONCE_TRIES = 10 };	/* several front ends share none */

/* --- what the server complains of --- */

/* A member as text without control characters, or "". */
static void
text_of(char *out, size_t cap, const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	size_t n = 0;

	for (; s != NULL && *s != '\0' && n + 1 < cap; s++)
		out[n++] = (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s;
	out[n] = '\0';
}

static const char *
short_type(const char *type)
{
	static const char prefix[] = "urn:ietf:params:acme:error:";

	return strncmp(type, prefix, sizeof(prefix) - 1) == 0 ?
	    type + sizeof(prefix) - 1 : type;
}

/* "unauthorized: no such account", with the subproblems' details. */
void
acme_problem_text(char *out, size_t cap, const json_t *problem)
{
	char type[96], detail[200];
	const json_t *sub, *subs = json_object_get(problem, "subproblems");
	size_t i, n;

	text_of(type, sizeof(type), problem, "type");
	text_of(detail, sizeof(detail), problem, "detail");
	n = (size_t)snprintf(out, cap, "%s%s%s", short_type(type),
	    type[0] != '\0' && detail[0] != '\0' ? ": " : "", detail);
	json_array_foreach(subs, i, sub) {
		if (n >= cap)
			return;
		text_of(detail, sizeof(detail), sub, "detail");
		n += (size_t)snprintf(out + n, cap - n, "; %s", detail);
	}
}

/* What a service says that knows no problem documents: the fields met in use,
 * else the first octets of the text. */
static void
other_text(char *out, size_t cap, const struct http_answer *a,
    const json_t *o)
{
	static const char *const names[] = { "code", "error", "message",
		"description", "detail" };
	char part[160];
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && n < cap;
	    i++) {
		text_of(part, sizeof(part), o, names[i]);
		if (part[0] != '\0')
			n += (size_t)snprintf(out + n, cap - n, "%s%s",
			    n > 0 ? ": " : "", part);
	}
	if (json_is_object(o) || a->body.n == 0)
		return;
	for (size_t i = 0; i < a->body.n && n + 1 < cap; i++)
		out[n++] = a->body.p[i] < 0x20 || a->body.p[i] >= 0x7f ? ' ' :
		    (char)a->body.p[i];
	out[n] = '\0';
}

enum dca_rc
acme_problem(const char *who, enum dca_rule rule, const struct http_answer *a,
    struct dca_err *e)
{
	JOSE_AUTO *o = NULL;
	char said[240] = "";

	if (jose_json(&o, dca_out_buf(&a->body), who, NULL) == DCA_OK &&
	    json_object_get(o, "type") != NULL)
		acme_problem_text(said, sizeof(said), o);
	if (said[0] == '\0')
		other_text(said, sizeof(said), a, o);
	return dca_fail(e, rule, "%s answers HTTP status %ld: %s", who,
	    a->status, said[0] != '\0' ? said : "without a word");
}

/* --- signed requests --- */

static bool
is_problem(const struct http_answer *a, const char *type)
{
	JOSE_AUTO *o = NULL;
	char is[96];

	if (a->status < 400 ||
	    jose_json(&o, dca_out_buf(&a->body), "", NULL) != DCA_OK)
		return false;
	text_of(is, sizeof(is), o, "type");
	return strcmp(short_type(is), type) == 0;
}

static enum dca_rc
fresh_nonce(struct acme *a, struct dca_err *e)
{
	struct http_request q = { .method = a->quirks->nonce_by_get ?
	    HTTP_GET : HTTP_HEAD, .url = a->new_nonce };
	struct http_answer r;
	enum dca_rc rc = http_do(a->http, &q, &r, e);

	if (rc == DCA_OK && r.status == 405 && q.method == HTTP_HEAD) {
		http_answer_clear(&r);
		q.method = HTTP_GET;
		rc = http_do(a->http, &q, &r, e);
	}
	if (rc != DCA_OK)
		return rc;
	(void)dca_strlcpy(a->nonce, r.nonce, sizeof(a->nonce));
	http_answer_clear(&r);
	if (a->nonce[0] == '\0')
		return dca_fail(e, DCA_RULE_UPSTREAM_CA,
		    "%s gives no Replay-Nonce (RFC 8555 7.2)", a->new_nonce);
	return DCA_OK;
}

json_t *
acme_account_jwk(const struct acme *a)
{
	json_t *jwk = jose_jwk(&a->public);

	if (a->quirks->account_empty && a->vendor_kid[0] != '\0')
		json_object_set_new(jwk, "kid", json_string(a->vendor_kid));
	return jwk;
}

/* Not a JWS (RFC 7515 5.1), but what one service wants of a POST-as-GET: the
 * signature is over the protected part, without the dot. */
static enum dca_rc
sign_protected_only(struct dca_out *o, json_t *header, EVP_PKEY *key,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	DCA_CLEANUP(dca_free_p) char *head = NULL;
	DCA_AUTO_OUT protected = { 0 };
	DCA_AUTO_OUT sig = { 0 };
	uint8_t raw[64];

	json_object_set_new(header, "alg", json_string("ES256"));
	head = json_dumps(header, JSON_COMPACT);
	dca_b64url(&protected, DCA_BUF(head, strlen(head)));
	if (!jose_es256(raw, dca_out_buf(&protected), key))
		return dca_fail(e, DCA_RULE_INTERNAL, "account key");
	dca_b64url(&sig, DCA_BUF(raw, sizeof(raw)));
	{
		JOSE_AUTO *jws = json_pack("{s:s%,s:s,s:s%}", "protected",
		    (const char *)protected.p, protected.n, "payload", "",
		    "signature", (const char *)sig.p, sig.n);

		text = json_dumps(jws, JSON_COMPACT);
	}
	dca_out_add(o, text, strlen(text));
	return DCA_OK;
}

static enum dca_rc
sign(struct acme *a, const char *url, bool by_jwk, const char *payload,
    struct dca_out *o, struct dca_err *e)
{
	JOSE_AUTO *header = json_pack("{s:s,s:s}", "nonce", a->nonce, "url",
	    url);

	if (by_jwk)
		json_object_set_new(header, "jwk", acme_account_jwk(a));
	else
		json_object_set_new(header, "kid", json_string(a->account));
	a->nonce[0] = '\0';	/* used */
	if (payload[0] == '\0' && !by_jwk && a->quirks->get_protected_only)
		return sign_protected_only(o, header, a->key, e);
	return jose_sign(o, JOSE_FLAT, header,
	    DCA_BUF(payload, strlen(payload)), a->key, e);
}

/* One signed POST; a nonce that the server does not like is replaced by the
 * one it sends along (RFC 8555 6.5). */
static enum dca_rc
post(struct acme *a, const char *url, bool by_jwk, const char *payload,
    const char *accept, struct http_answer *r, struct dca_err *e)
{
	enum dca_rc rc;

	for (unsigned i = 0; i < NONCE_TRIES; i++) {
		DCA_AUTO_OUT body = { 0 };
		struct http_request q = { .method = HTTP_POST, .url = url,
			.accept = accept,
			.content_type = "application/jose+json" };

		if (a->nonce[0] == '\0' && (rc = fresh_nonce(a, e)))
			return rc;
		if ((rc = sign(a, url, by_jwk, payload, &body, e)))
			return rc;
		q.body = dca_out_buf(&body);
		if ((rc = http_do(a->http, &q, r, e)))
			return rc;
		(void)dca_strlcpy(a->nonce, r->nonce, sizeof(a->nonce));
		if (!is_problem(r, "badNonce"))
			return DCA_OK;
		if (i + 1 < NONCE_TRIES)
			http_answer_clear(r);
	}
	rc = acme_problem("the STI-CA", DCA_RULE_UPSTREAM_CA, r, e);
	http_answer_clear(r);
	return rc;
}

enum dca_rc
acme_post(struct acme *a, const char *url, const char *payload,
    struct http_answer *r, struct dca_err *e)
{
	return post(a, url, false, payload, NULL, r, e);
}

enum dca_rc
acme_post_jwk(struct acme *a, const char *url, const char *payload,
    struct http_answer *r, struct dca_err *e)
{
	return post(a, url, true, payload, NULL, r, e);
}

enum dca_rc
acme_post_object(struct acme *a, const char *url, const char *payload,
    json_t **out, struct http_answer *r, struct dca_err *e)
{
	enum dca_rc rc = acme_post(a, url, payload, r, e);

	*out = NULL;
	if (rc != DCA_OK)
		return rc;
	if (r->status != 200 && r->status != 201)
		rc = acme_problem("the STI-CA", DCA_RULE_UPSTREAM_CA, r, e);
	else if ((rc = jose_json(out, dca_out_buf(&r->body), url, e)) ==
	    DCA_OK && !json_is_object(*out))
		rc = dca_fail(e, DCA_RULE_UPSTREAM_CA,
		    "%s answers with JSON that is no object", url);
	if (rc != DCA_OK) {
		json_decref(*out);
		*out = NULL;
		http_answer_clear(r);
	}
	return rc;
}

/* --- directory --- */

bool
acme_url(char out[static HTTP_URL_MAX], const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	out[0] = '\0';
	return s != NULL && strncmp(s, "https://", 8) == 0 &&
	    dca_strlcpy(out, s, HTTP_URL_MAX);
}

static enum dca_rc
read_directory(struct acme *a, const char *url, struct dca_err *e)
{
	struct http_request q = { .method = HTTP_GET, .url = url,
		.accept = "application/json" };
	struct http_answer r;
	JOSE_AUTO *o = NULL;
	enum dca_rc rc = http_do(a->http, &q, &r, e);

	if (rc != DCA_OK)
		return rc;
	if (r.status != 200)
		rc = acme_problem("the STI-CA's directory",
		    DCA_RULE_UPSTREAM_CA, &r, e);
	else
		rc = jose_json(&o, dca_out_buf(&r.body), "the directory", e);
	http_answer_clear(&r);
	if (rc != DCA_OK)
		return rc;
	if (!acme_url(a->new_nonce, o, "newNonce") ||
	    !acme_url(a->new_account, o, "newAccount") ||
	    !acme_url(a->new_order, o, "newOrder"))
		return dca_fail(e, DCA_RULE_UPSTREAM_CA, "%s names no newNonce,"
		    " newAccount or newOrder by https (RFC 8555 7.1.1)", url);
	(void)acme_url(a->key_change, o, "keyChange");
	(void)acme_url(a->revoke_cert, o, "revokeCert");
	a->needs_eab = json_is_true(json_object_get(json_object_get(o, "meta"),
	    "externalAccountRequired"));
	return DCA_OK;
}

enum dca_rc
acme_open(struct acme **out, struct http *http, const struct acme_config *c,
    struct dca_err *e)
{
	struct acme *a = dca_alloc(sizeof(*a));
	enum dca_rc rc;

	*out = NULL;
	memset(a, 0, sizeof(*a));
	a->http = http;
	a->quirks = c->quirks;
	rc = dca_spki_from_pkey(&a->public, c->key, e);
	if (rc == DCA_OK) {
		EVP_PKEY_up_ref(c->key);
		a->key = c->key;
		dca_out_add(&a->eab_key, c->eab_key.p, c->eab_key.n);
		a->eab_key.secret = true;
		if (!dca_strlcpy(a->account, c->account, sizeof(a->account)) ||
		    !dca_strlcpy(a->eab_kid, c->eab_kid, sizeof(a->eab_kid)) ||
		    !dca_strlcpy(a->vendor_kid, c->vendor_kid,
		    sizeof(a->vendor_kid)) ||
		    !dca_strlcpy(a->contact, c->contact, sizeof(a->contact)))
			rc = dca_fail(e, DCA_RULE_CONFIG,
			    "account, kid or contact is too long");
	}
	if (rc == DCA_OK)
		rc = read_directory(a, c->directory, e);
	if (rc != DCA_OK) {
		acme_close(a);
		return rc;
	}
	*out = a;
	return DCA_OK;
}

void
acme_close(struct acme *a)
{
	if (a == NULL)
		return;
	EVP_PKEY_free(a->key);
	dca_out_free(&a->eab_key);
	free(a);
}
