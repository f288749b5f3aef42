/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab's ACME server (RFC 8555): who signs a request, with which nonce and
 * for which address; accounts, their keys and bindings; revoking. What an
 * order is stands in dca-sandbox-order.c. It is strict, so that a client that
 * passes here has kept to the RFC, and wrong only where DIR/flaws says so.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dca-sandbox-lab.h"
#include "dca/os.h"

enum { ACCOUNTS_MAX = 64 * 1024 };

/* --- nonces (RFC 8555 6.5) --- */

const char *
lab_nonce(struct lab *l)
{
	char *slot = l->nonces[l->nonce_next++ % LAB_NONCES];
	DCA_AUTO_OUT b64 = { 0 };
	uint8_t random[16];

	dca_random(random, sizeof(random));
	dca_b64url(&b64, DCA_BUF(random, sizeof(random)));
	(void)dca_strlcpy(slot, (const char *)b64.p, 32);
	return slot;
}

static bool
spend_nonce(struct lab *l, const char *nonce)
{
	if (lab_wrong(l, "nonce-always"))
		return false;
	if (l->bad_nonces > 0 && lab_wrong(l, "nonce-once")) {
		l->bad_nonces--;
		return false;
	}
	for (size_t i = 0; i < LAB_NONCES && nonce[0] != '\0'; i++)
		if (strcmp(l->nonces[i], nonce) == 0) {
			l->nonces[i][0] = '\0';
			return true;
		}
	return false;
}

/* --- accounts: DIR/accounts, a line per public key, in hex --- */

static void
accounts_path(const struct lab *l, char path[static 4096])
{
	dca_path(path, NULL, "%s/accounts", l->dir);
}

enum dca_rc
lab_accounts_open(struct lab *l, struct dca_err *e)
{
	struct lab_account *a = l->accounts;
	DCA_AUTO_OUT in = { 0 };
	char path[4096], *line, *rest;
	uint8_t der[DCA_SPKI_LEN];

	accounts_path(l, path);
	if (access(path, F_OK) != 0)
		return DCA_OK;	/* none yet */
	if (dca_file_read(&in, path, ACCOUNTS_MAX, e) != DCA_OK)
		return DCA_IO;
	for (line = strtok_r((char *)in.p, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest), l->n_accounts++, a++) {
		if (l->n_accounts == LAB_ACCOUNTS ||
		    !dca_unhex(der, sizeof(der), line) ||
		    dca_spki_parse(&a->key, DCA_BUF(der, sizeof(der)), e) !=
		    DCA_OK)
			return dca_fail(e, DCA_RULE_INPUT, "%s: line %u is "
			    "not a key of one of %d accounts; remove it to "
			    "begin anew", path, l->n_accounts + 1,
			    LAB_ACCOUNTS);
		a->active = true;
	}
	return DCA_OK;
}

static void
save_accounts(const struct lab *l)
{
	char path[4096], hex[2 * DCA_SPKI_LEN + 1];
	DCA_AUTO_OUT all = { 0 };
	struct dca_err e = { 0 };

	accounts_path(l, path);
	for (unsigned i = 0; i < l->n_accounts; i++) {
		dca_hex(hex, l->accounts[i].key.der, DCA_SPKI_LEN);
		dca_out_printf(&all, "%s\n", hex);
	}
	if (dca_file_write(path, dca_out_buf(&all), 0600, &e) != DCA_OK)
		fprintf(stderr, "dca-sandbox: %s\n", e.text);
}

static int
account_of(const struct lab *l, const struct dca_spki *key)
{
	for (unsigned i = 0; i < l->n_accounts; i++)
		if (memcmp(&l->accounts[i].key, key, sizeof(*key)) == 0)
			return (int)i;
	return -1;
}

static void
account_url(const struct lab *l, unsigned n, char out[static LAB_URL])
{
	(void)snprintf(out, LAB_URL, "%.450s/acme/acct/%u", l->base, n + 1);
}

/* The account a kid names, or -1. */
static int
account_by_url(const struct lab *l, const char *kid)
{
	char url[LAB_URL];

	for (unsigned i = 0; i < l->n_accounts; i++) {
		account_url(l, i, url);
		if (strcmp(url, kid) == 0)
			return (int)i;
	}
	return -1;
}

/* --- who signs (RFC 8555 6.2 to 6.4) --- */

static bool
check_form(struct lab_call *c, struct jose *j)
{
	struct dca_err e = { 0 };

	if (strcmp(c->content_type, "application/jose+json") != 0) {
		lab_problem(c, 415, "malformed", "Content-Type must be "
		    "application/jose+json (RFC 8555 6.2)");
		return false;
	}
	if (jose_parse(j, JOSE_FLAT, c->body, &e) != DCA_OK) {
		lab_problem(c, 400, "malformed", "%s", e.text);
		return false;
	}
	if (strcmp(jose_text(j, "alg"), "ES256") == 0)
		return true;
	lab_json(c, 400, json_pack("{s:s,s:s,s:[s]}", "type",
	    "urn:ietf:params:acme:error:badSignatureAlgorithm", "detail",
	    "ES256 only", "algorithms", "ES256"));
	return false;
}

static bool
check_address(struct lab *l, struct lab_call *c, const struct jose *j)
{
	char url[LAB_URL + 256];

	(void)snprintf(url, sizeof(url), "%s%s", l->base, c->path);
	if (strcmp(jose_text(j, "url"), url) != 0) {
		lab_problem(c, 403, "unauthorized", "the url header is not "
		    "the URL of the request (RFC 8555 6.4)");
		return false;
	}
	if (!spend_nonce(l, jose_text(j, "nonce"))) {
		lab_problem(c, 400, "badNonce",
		    "the nonce is unknown or used (RFC 8555 6.5)");
		return false;
	}
	return true;
}

/* By jwk (new-account, revoke-cert) or by kid: the key, and the account. */
static bool
check_signer(struct lab *l, struct lab_call *c, const struct jose *j,
    bool by_jwk, struct dca_spki *key, int *account)
{
	const json_t *jwk = json_object_get(j->header, "jwk");
	const json_t *kid = json_object_get(j->header, "kid");

	if ((jwk != NULL) == (kid != NULL)) {
		lab_problem(c, 400, "malformed",
		    "exactly one of jwk and kid (RFC 8555 6.2)");
		return false;
	}
	if (jwk != NULL && !by_jwk) {
		lab_problem(c, 400, "malformed", "kid is needed here");
		return false;
	}
	if (jwk != NULL && jose_jwk_parse(key, jwk, NULL) != DCA_OK) {
		lab_problem(c, 400, "badPublicKey", "jwk is no P-256 key");
		return false;
	}
	*account = jwk != NULL ? account_of(l, key) :
	    account_by_url(l, jose_text(j, "kid"));
	if (jwk == NULL && *account < 0) {
		lab_problem(c, 400, "accountDoesNotExist", "no such kid");
		return false;
	}
	if (*account >= 0 && !l->accounts[*account].active) {
		lab_problem(c, 401, "unauthorized", "account is deactivated");
		return false;
	}
	if (jwk == NULL)
		*key = l->accounts[*account].key;
	if (!jose_verify(j, key)) {
		lab_problem(c, 403, "unauthorized",
		    "the signature does not verify");
		return false;
	}
	return true;
}

static bool
check_payload(struct lab_call *c, struct lab_signed *s)
{
	struct dca_err e = { 0 };

	if (s->jws.payload.n == 0)
		return true;	/* POST-as-GET */
	if (jose_json(&s->payload, dca_out_buf(&s->jws.payload), "payload",
	    &e) == DCA_OK && json_is_object(s->payload))
		return true;
	lab_problem(c, 400, "malformed", "the payload is no JSON object");
	return false;
}

/* --- newAccount (RFC 8555 7.3, 7.3.4) --- */

static bool
check_binding(struct lab *l, struct lab_call *c, const json_t *payload,
    const struct dca_spki *key)
{
	const json_t *eab = json_object_get(payload, "externalAccountBinding");
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	char url[LAB_URL + 32];
	JOSE_AUTO *jwk = NULL;
	struct dca_spki bound;
	struct jose j;
	bool formed, ok;

	if (!l->eab)
		return true;
	if (eab == NULL) {
		lab_problem(c, 403, "externalAccountRequired",
		    "bind the account to a contract (RFC 8555 7.3.4)");
		return false;
	}
	text = json_dumps(eab, JSON_COMPACT);
	(void)snprintf(url, sizeof(url), "%s/acme/new-account", l->base);
	if (jose_parse(&j, JOSE_FLAT, DCA_BUF(text, strlen(text)), NULL) !=
	    DCA_OK) {
		lab_problem(c, 400, "malformed", "EAB is no JWS");
		return false;
	}
	formed = strcmp(jose_text(&j, "alg"), "HS256") == 0 &&
	    strcmp(jose_text(&j, "url"), url) == 0 &&
	    json_object_get(j.header, "nonce") == NULL &&
	    jose_json(&jwk, dca_out_buf(&j.payload), "jwk", NULL) == DCA_OK &&
	    jose_jwk_parse(&bound, jwk, NULL) == DCA_OK &&
	    memcmp(&bound, key, sizeof(bound)) == 0;
	ok = formed && strcmp(jose_text(&j, "kid"), l->eab_kid) == 0 &&
	    jose_verify_mac(&j, dca_out_buf(&l->eab_key));
	jose_clear(&j);
	if (!formed)
		lab_problem(c, 400, "malformed", "the external account "
		    "binding has a wrong alg, nonce, url or key");
	else if (!ok)
		lab_problem(c, 403, "unauthorized",
		    "the external account binding does not verify");
	return ok;
}

static void
account_answer(struct lab *l, struct lab_call *c, unsigned n,
    unsigned status)
{
	json_t *o = json_pack("{s:s,s:[]}", "status",
	    l->accounts[n].active ? "valid" : "deactivated", "contact");

	account_url(l, n, c->location);
	if (!lab_wrong(l, "no-orders"))
		json_object_set_new(o, "orders", json_sprintf(
		    "%s/acme/orders/%u/1", l->base, n + 1));
	lab_json(c, status, o);
}

static void
new_account(struct lab *l, struct lab_call *c, const struct lab_signed *s,
    const struct dca_spki *key, int known)
{
	if (known >= 0) {
		account_answer(l, c, (unsigned)known, 200);
		return;
	}
	if (json_is_true(json_object_get(s->payload, "onlyReturnExisting"))) {
		lab_problem(c, 400, "accountDoesNotExist", "no such key");
		return;
	}
	if (!check_binding(l, c, s->payload, key))
		return;
	if (l->n_accounts == LAB_ACCOUNTS) {
		lab_problem(c, 429, "rateLimited", "the lab is full");
		return;
	}
	l->accounts[l->n_accounts++] = (struct lab_account){ *key, true };
	save_accounts(l);
	account_answer(l, c, l->n_accounts - 1, 201);
}

/* --- keyChange (RFC 8555 7.3.5) --- */

static void
key_change(struct lab *l, struct lab_call *c, const struct lab_signed *s)
{
	struct lab_account *a = &l->accounts[s->account];
	struct dca_spki new_key, old_key;
	char url[LAB_URL], here[LAB_URL + 32];
	JOSE_AUTO *inner = NULL;
	struct jose j;
	bool ok;

	account_url(l, s->account, url);
	(void)snprintf(here, sizeof(here), "%s/acme/key-change", l->base);
	if (jose_parse(&j, JOSE_FLAT, dca_out_buf(&s->jws.payload), NULL) !=
	    DCA_OK) {
		lab_problem(c, 400, "malformed", "the payload is no JWS");
		return;
	}
	ok = jose_jwk_parse(&new_key, json_object_get(j.header, "jwk"),
	    NULL) == DCA_OK && jose_verify(&j, &new_key) &&
	    strcmp(jose_text(&j, "url"), here) == 0 &&
	    json_object_get(j.header, "nonce") == NULL &&
	    jose_json(&inner, dca_out_buf(&j.payload), "inner", NULL) ==
	    DCA_OK && jose_jwk_parse(&old_key,
	    json_object_get(inner, "oldKey"), NULL) == DCA_OK &&
	    memcmp(&old_key, &a->key, sizeof(old_key)) == 0 &&
	    json_is_string(json_object_get(inner, "account")) &&
	    strcmp(json_string_value(json_object_get(inner, "account")),
	    url) == 0;
	jose_clear(&j);
	if (!ok) {
		lab_problem(c, 400, "malformed",
		    "the inner JWS is wrong (RFC 8555 7.3.5)");
	} else if (account_of(l, &new_key) >= 0) {
		account_url(l, (unsigned)account_of(l, &new_key), c->location);
		lab_problem(c, 409, "malformed", "another account has it");
	} else {
		a->key = new_key;
		save_accounts(l);
		account_answer(l, c, s->account, 200);
	}
}

/* --- revokeCert (RFC 8555 7.6) --- */

static X509 *
payload_cert(const json_t *payload)
{
	const json_t *v = json_object_get(payload, "certificate");
	DCA_AUTO_OUT der = { 0 };
	const unsigned char *p;

	if (!json_is_string(v) || !dca_unb64url(&der, json_string_value(v),
	    json_string_length(v)))
		return NULL;
	p = der.p;
	return d2i_X509(NULL, &p, (long)der.n);
}

/* Was it issued to this account? The orders' chains say. */
static bool
issued_to(const struct lab *l, X509 *x, int account)
{
	DCA_AUTO_OUT pem = { 0 };

	lab_cert_pem(&pem, x);
	for (unsigned i = 0; i < l->n_orders; i++)
		if ((int)l->orders[i].account == account &&
		    l->orders[i].chain.n >= pem.n &&
		    memcmp(l->orders[i].chain.p, pem.p, pem.n) == 0)
			return true;
	return false;
}

static void
revoke_cert(struct lab *l, struct lab_call *c, const struct lab_signed *s,
    const struct dca_spki *key, int account)
{
	static const int reasons[] = { 0, 1, 2, 3, 4, 5, 9, 10 };
	DCA_CLEANUP(X509_free_p) X509 *x = payload_cert(s->payload);
	const json_t *r = json_object_get(s->payload, "reason");
	struct dca_spki own;
	struct dca_err e = { 0 };
	bool known = r == NULL;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		known = known || (json_is_integer(r) &&
		    json_integer_value(r) == reasons[i]);
	if (x == NULL)
		lab_problem(c, 400, "malformed", "certificate");
	else if (!issued_to(l, x, account) &&
	    (dca_spki_from_pkey(&own, X509_get0_pubkey(x), NULL) != DCA_OK ||
	    memcmp(&own, key, sizeof(own)) != 0))
		lab_problem(c, 403, "unauthorized", "not your certificate");
	else if (!known)
		lab_problem(c, 400, "badRevocationReason", "reason");
	else if (lab_is_revoked(l->dir, x))
		lab_problem(c, 400, "alreadyRevoked", "revoked before");
	else if (lab_revoke(l->dir, x, (int)json_integer_value(r), &e) !=
	    DCA_OK)
		lab_problem(c, 500, "serverInternal", "%s", e.text);
	else
		lab_json(c, 200, json_object());
}

/* --- routes --- */

static void
directory(struct lab *l, struct lab_call *c)
{
	static const char *const names[][2] = {
		{ "newNonce", "new-nonce" }, { "newAccount", "new-account" },
		{ "newOrder", "new-order" }, { "keyChange", "key-change" },
		{ "revokeCert", "revoke-cert" },
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_object_set_new(o, names[i][0], json_sprintf(
		    "%s/acme/%s", l->base, names[i][1]));
	json_object_set_new(o, "meta", json_pack("{s:b}",
	    "externalAccountRequired", l->eab));
	lab_json(c, 200, o);
}

static void
signed_call(struct lab *l, struct lab_call *c, struct lab_signed *s)
{
	const bool fresh = strcmp(c->path, "/acme/new-account") == 0;
	const bool revokes = strcmp(c->path, "/acme/revoke-cert") == 0;
	char own[LAB_URL];
	struct dca_spki key;
	int account = -1;

	if (!check_form(c, &s->jws) || !check_address(l, c, &s->jws) ||
	    !check_signer(l, c, &s->jws, fresh || revokes, &key, &account) ||
	    !check_payload(c, s))
		return;
	s->account = (unsigned)account;
	if (!fresh && !revokes)
		account_url(l, s->account, own);
	if (fresh)
		new_account(l, c, s, &key, account);
	else if (revokes)
		revoke_cert(l, c, s, &key, account);
	else if (strcmp(c->path, "/acme/key-change") == 0)
		key_change(l, c, s);
	else if (strcmp(c->path, "/acme/new-order") == 0)
		lab_order_new(l, c, s);
	else if (strcmp(c->path, own + strlen(l->base)) == 0)
		account_answer(l, c, s->account, 200);
	else if (strncmp(c->path, "/acme/orders/", 13) == 0)
		lab_orders(l, c, s);
	else
		lab_order(l, c, s);
}

void
lab_acme(struct lab *l, struct lab_call *c)
{
	struct lab_signed s = { .payload = NULL };
	const bool post = strcmp(c->method, "POST") == 0;

	c->nonce = true;
	if (lab_wrong(l, "ca-drop")) {
		c->drop = true;
	} else if (lab_wrong(l, "ca-500-text")) {
		lab_text(c, 500, "text/html",
		    DCA_BUF("<h1>Internal error</h1>", 23));
	} else if (!post && strcmp(c->path, "/acme/directory") == 0) {
		c->nonce = false;
		directory(l, c);
	} else if (!post && strcmp(c->path, "/acme/new-nonce") == 0) {
		lab_text(c, strcmp(c->method, "HEAD") == 0 ? 200 : 204,
		    "text/plain", DCA_BUF("", 0));
	} else if (post) {
		signed_call(l, c, &s);
		jose_clear(&s.jws);
		json_decref(s.payload);
	} else {
		lab_problem(c, 405, "malformed", "POST-as-GET (RFC 8555 6.3)");
	}
}
