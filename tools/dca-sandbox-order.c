/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders for cross-certificates at the lab STI-CA: one TNAuthList identifier,
 * one authorization with one tkauth-01 challenge (RFC 9447, 9448), finalize,
 * the chain. The nine checks of RFC 9448 6 are all here, each with its words.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dca-sandbox-lab.h"
#include "dca/os.h"
#include "dca/tnauthlist.h"

enum { SKEW = 300, PAGE = 10 };

static const char *
state_name(enum lab_state s)
{
	static const char *const names[] = { "pending", "ready", "processing",
		"valid", "invalid" };

	return names[s];
}

static const char *
text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

/* --- what resources look like --- */

static json_t *
identifier_json(const struct lab *l, const struct lab_order *o)
{
	return json_pack("{s:s,s:s}", "type", "TNAuthList", "value",
	    lab_wrong(l, "identifier-other") ? "MAigBhYEMTIzNA" :
	    o->identifier);
}

static void
order_answer(struct lab *l, struct lab_call *c, unsigned n, unsigned status)
{
	const struct lab_order *o = &l->orders[n];
	json_t *j = json_pack("{s:s,s:[o],s:[o],s:o}", "status",
	    state_name(o->state), "identifiers", identifier_json(l, o),
	    "authorizations", json_sprintf("%s/acme/authz/%u", l->base, n + 1),
	    "finalize", json_sprintf("%s/acme/finalize/%u", l->base, n + 1));

	if (o->state == LAB_VALID)
		json_object_set_new(j, "certificate", json_sprintf(
		    "%s/acme/cert/%u", l->base, n + 1));
	if (o->state == LAB_INVALID)
		json_object_set_new(j, "error", json_pack("{s:s,s:s}", "type",
		    "urn:ietf:params:acme:error:unauthorized", "detail",
		    o->problem));
	if (o->state == LAB_PROCESSING)
		c->retry_after = 1;
	(void)snprintf(c->location, sizeof(c->location),
	    "%.450s/acme/order/%u", l->base, n + 1);
	lab_json(c, status, j);
}

static json_t *
challenge_json(const struct lab *l, unsigned n)
{
	const struct lab_order *o = &l->orders[n];
	json_t *j = json_pack("{s:s,s:s,s:o,s:s}", "type",
	    lab_wrong(l, "challenge-other") ? "dns-01" : "tkauth-01",
	    "tkauth-type", "atc", "url", json_sprintf("%s/acme/chall/%u",
	    l->base, n + 1), "status", state_name(o->authorization));

	if (o->authorization == LAB_INVALID)
		json_object_set_new(j, "error", json_pack("{s:s,s:s}", "type",
		    "urn:ietf:params:acme:error:incorrectResponse", "detail",
		    o->problem));
	return j;
}

/* --- newOrder --- */

static bool
read_identifier(struct lab_call *c, const json_t *payload,
    struct lab_order *o)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s = dca_tnset_new();
	const json_t *ids = json_object_get(payload, "identifiers");
	const json_t *id = json_array_get(ids, 0);
	const char *value = text(id, "value");
	struct dca_err e = { 0 };

	if (json_array_size(ids) != 1) {
		lab_problem(c, 400, "malformed", "one identifier, not %zu",
		    json_array_size(ids));
		return false;
	}
	if (strcmp(text(id, "type"), "TNAuthList") != 0) {
		lab_problem(c, 400, "unsupportedIdentifier",
		    "type is not TNAuthList");
		return false;
	}
	if (!jose_unb64_any(&o->list, value, strlen(value)) ||
	    dca_tnauthlist_parse(s, dca_out_buf(&o->list),
	    DCA_TNAUTHLIST_FOREIGN, &e) != DCA_OK) {
		lab_problem(c, 400, "malformed", "identifier: %s", e.text);
		return false;
	}
	o->identifier = dca_strdup(value);
	return true;
}

void
lab_order_new(struct lab *l, struct lab_call *c, const struct lab_signed *s)
{
	struct lab_order o = { .account = s->account,
		.polls = lab_wrong(l, "processing") ? 2 : 0 };

	if (l->n_orders == LAB_ORDERS) {
		lab_problem(c, 429, "rateLimited", "the lab is full");
		return;
	}
	if (!read_identifier(c, s->payload, &o)) {
		dca_out_free(&o.list);
		return;
	}
	l->orders[l->n_orders] = o;
	c->drop = lab_wrong(l, "order-lost");
	order_answer(l, c, l->n_orders++, 201);
}

/* --- the challenge: RFC 9448 6 --- */

/* Has another account used this token? (RFC 9447 4) */
static bool
replayed(struct lab *l, const char *jti, unsigned account)
{
	unsigned at;

	for (size_t i = 0; i < LAB_JTIS; i++)
		if (strcmp(l->jti[i], jti) == 0)
			return l->jti_account[i] != account;
	at = l->jti_next++ % LAB_JTIS;
	(void)dca_strlcpy(l->jti[at], jti, sizeof(l->jti[at]));
	l->jti_account[at] = account;
	return false;
}

/* Which fingerprint form was meant is not said: either is taken. */
static bool
fingerprint_of(const char *s, const struct dca_spki *key)
{
	char jwk[JOSE_FINGERPRINT], spki[JOSE_FINGERPRINT];

	jose_fingerprint(jwk, key, false);
	jose_fingerprint(spki, key, true);
	return strcasecmp(s, jwk) == 0 || strcasecmp(s, spki) == 0;
}

static const char *
check_claims(struct lab *l, struct lab_order *o, const json_t *p,
    const struct dca_spki *account, unsigned number)
{
	const json_t *atc = json_object_get(p, "atc");
	const json_t *exp = json_object_get(p, "exp");
	const json_t *ca = json_object_get(atc, "ca");
	const char *value = text(atc, "tkvalue");
	DCA_AUTO_OUT der = { 0 };

	if (!json_is_object(atc) || !json_is_number(exp) ||
	    text(p, "jti")[0] == '\0' || text(atc, "tktype")[0] == '\0' ||
	    value[0] == '\0' || text(atc, "fingerprint")[0] == '\0')
		return "exp, jti, atc or one of its members is missing";
	if (strcasecmp(text(atc, "tktype"), "TNAuthList") != 0)
		return "tktype is not TNAuthList";
	if (!jose_unb64_any(&der, value, strlen(value)) ||
	    !dca_buf_eq(dca_out_buf(&der), dca_out_buf(&o->list)))
		return "tkvalue is not the identifier";
	if (json_number_value(exp) <= (double)dca_now())
		return "the token has expired";
	if (json_number_value(exp) > (double)dca_now() + 400.0 * LAB_DAY)
		return "exp is too far away";
	if (json_number_value(json_object_get(p, "nbf")) >
	    (double)dca_now() + SKEW)
		return "nbf is in the future";
	if (!fingerprint_of(text(atc, "fingerprint"), account))
		return "fingerprint is not that of the account key";
	if (ca != NULL && !json_is_boolean(ca))
		return "ca is no boolean";
	if (replayed(l, text(p, "jti"), number))
		return "another account has used this token";
	o->ca = json_is_true(ca);	/* held against the CSR at finalize */
	o->token_expires = (int64_t)json_number_value(exp);
	return "";
}

static const char *
check_token(struct lab *l, struct lab_order *o, const char *token,
    const struct dca_spki *account, unsigned number)
{
	JOSE_AUTO *payload = NULL;
	struct dca_spki signer;
	const char *why;
	struct jose j;

	if (jose_parse(&j, JOSE_COMPACT, DCA_BUF(token, strlen(token)),
	    NULL) != DCA_OK)
		return "the token is no compact JWS";
	if (strcmp(jose_text(&j, "alg"), "ES256") != 0)
		why = "alg is not ES256";
	else if (strcmp(jose_text(&j, "typ"), "JWT") != 0)
		why = "typ is not JWT";
	else
		why = lab_pa_knows(l, jose_text(&j, "x5u"));
	if (why[0] == '\0' && (dca_spki_from_pkey(&signer,
	    X509_get0_pubkey(l->token_cert), NULL) != DCA_OK ||
	    !jose_verify(&j, &signer)))
		why = "the signature does not verify";
	if (why[0] == '\0' && jose_json(&payload, dca_out_buf(&j.payload),
	    "token", NULL) != DCA_OK)
		why = "the payload is no JSON";
	if (why[0] == '\0')
		why = check_claims(l, o, payload, account, number);
	jose_clear(&j);
	return why;
}

static void
challenge(struct lab *l, struct lab_call *c, const struct lab_signed *s,
    unsigned n)
{
	struct lab_order *o = &l->orders[n];
	const char *token = text(s->payload, "tkauth"), *why;

	if (s->payload == NULL || o->authorization != LAB_PENDING) {
		lab_json(c, 200, challenge_json(l, n));
		return;
	}
	if (token[0] != '\0' && lab_wrong(l, "no-tkauth"))
		token = "";
	else if (token[0] == '\0')
		token = text(s->payload, "atc");
	if (token[0] == '\0') {
		lab_problem(c, 400, "malformed", "no token in the answer");
		return;
	}
	why = check_token(l, o, token, &l->accounts[s->account].key,
	    s->account);
	o->authorization = why[0] == '\0' ? LAB_VALID : LAB_INVALID;
	o->state = why[0] == '\0' ? LAB_READY : LAB_INVALID;
	(void)dca_strlcpy(o->problem, why, sizeof(o->problem));
	lab_json(c, 200, challenge_json(l, n));
}

/* --- finalize --- */

static enum lab_flaw
flaw_of(const struct lab *l)
{
	for (enum lab_flaw f = LAB_NONE + 1; lab_flaw_name(f) != NULL; f++)
		if (lab_wrong(l, lab_flaw_name(f)))
			return f;
	return LAB_NONE;
}

/* RFC 8555 7.4, 11.1; RFC 9448 6 step 9. */
static const char *
check_csr(const struct lab *l, const struct lab_order *o,
    const struct dca_ca_csr *csr)
{
	DCA_AUTO_OUT list = { 0 };

	dca_tnauthlist_encode(&list, csr->scope);
	if (!dca_buf_eq(dca_out_buf(&list), dca_out_buf(&o->list)))
		return "the TNAuthList is not the identifier";
	if (!o->ca)
		return "a CA certificate, and the token says ca false";
	for (unsigned i = 0; i < l->n_accounts && !l->compat_key; i++)
		if (memcmp(&l->accounts[i].key, &csr->key,
		    sizeof(csr->key)) == 0)
			return "the key is an account key (RFC 8555 11.1)";
	return "";
}

static void
issue(struct lab *l, struct lab_order *o, const struct dca_ca_csr *csr)
{
	char crl[LAB_URL + 32];
	struct lab_request q = { .csr = csr, .flaw = flaw_of(l),
		.days = l->days, .crl_url = crl, .country = l->country,
		.limit = l->limit };
	struct dca_err e = { 0 };

	(void)snprintf(crl, sizeof(crl), "%s/download/v1/crl", l->base);
	if (lab_sign(l->dir, &q, &o->chain, &e) != DCA_OK) {
		o->state = LAB_INVALID;
		(void)dca_strlcpy(o->problem, e.text, sizeof(o->problem));
		return;
	}
	o->state = o->polls > 0 ? LAB_PROCESSING : LAB_VALID;
}

static void
finalize(struct lab *l, struct lab_call *c, const struct lab_signed *s,
    unsigned n)
{
	struct lab_order *o = &l->orders[n];
	const char *b64 = text(s->payload, "csr"), *why;
	struct dca_ca_csr csr = { 0 };
	struct dca_err e = { 0 };
	DCA_AUTO_OUT der = { 0 };

	if (o->state == LAB_READY && dca_now() >= o->token_expires) {
		o->state = o->authorization = LAB_INVALID;
		(void)dca_strlcpy(o->problem, "the authorization has expired "
		    "with its token", sizeof(o->problem));
		lab_problem(c, 403, "unauthorized", "%s", o->problem);
		return;
	}
	if (o->state != LAB_READY) {
		lab_problem(c, 403, "orderNotReady", "the order is %s",
		    state_name(o->state));
		return;
	}
	if (!dca_unb64url(&der, b64, strlen(b64)) ||
	    dca_ca_csr_parse(&csr, dca_out_buf(&der), &e) != DCA_OK) {
		lab_problem(c, 400, "badCSR", "%s", e.text);
		return;	/* the order stays ready (RFC 8555 7.4) */
	}
	why = check_csr(l, o, &csr);
	if (why[0] != '\0')
		lab_problem(c, 400, "badCSR", "%s", why);
	else {
		issue(l, o, &csr);
		order_answer(l, c, n, 200);
	}
	dca_ca_csr_clear(&csr);
}

static void
certificate(struct lab *l, struct lab_call *c, const struct lab_order *o)
{
	if (o->state != LAB_VALID) {
		lab_problem(c, 404, "malformed", "no certificate yet");
		return;
	}
	lab_text(c, 200, lab_wrong(l, "cert-type") ? "text/html" :
	    "application/pem-certificate-chain", dca_out_buf(&o->chain));
}

/* The order that "/acme/WHAT/N" speaks of, N counted from 1; 0: none. */
static unsigned
number_of(const char *path)
{
	const char *last = strrchr(path, '/');
	char *end;
	unsigned long n;

	if (last == NULL || last[1] < '1' || last[1] > '9')
		return 0;
	n = strtoul(last + 1, &end, 10);
	return *end == '\0' && n <= UINT_MAX ? (unsigned)n : 0;
}

/* --- the account's orders --- */

void
lab_orders(struct lab *l, struct lab_call *c, const struct lab_signed *s)
{
	const unsigned account = s->account + 1, page = number_of(c->path);
	json_t *all;
	unsigned seen = 0;
	char own[64];

	(void)snprintf(own, sizeof(own), "/acme/orders/%u/%u", account, page);
	if (page == 0 || strcmp(c->path, own) != 0) {
		lab_problem(c, 403, "unauthorized", "not your orders");
		return;
	}
	if (lab_wrong(l, "orders-ill")) {
		lab_problem(c, 503, "serverInternal", "another time");
		return;
	}
	all = json_array();
	for (unsigned i = 0; i < l->n_orders; i++) {
		if (l->orders[i].account != s->account ||
		    l->orders[i].state == LAB_INVALID ||
		    seen++ / PAGE + 1 < page)
			continue;
		if (json_array_size(all) == PAGE) {
			(void)snprintf(c->next, sizeof(c->next),
			    "%.400s/acme/orders/%u/%u", l->base, account,
			    page + 1);
			break;
		}
		json_array_append_new(all, json_sprintf("%s/acme/order/%u",
		    l->base, i + 1));
	}
	lab_json(c, 200, json_pack("{s:o}", "orders", all));
}

static bool
asks_for(const char *path, const char *what, unsigned n)
{
	char expected[64];

	(void)snprintf(expected, sizeof(expected), "/acme/%s/%u", what, n + 1);
	return strcmp(path, expected) == 0;
}

void
lab_order(struct lab *l, struct lab_call *c, const struct lab_signed *s)
{
	unsigned n = number_of(c->path);
	struct lab_order *o;

	if (n == 0 || n > l->n_orders || lab_wrong(l, "order-gone")) {
		lab_problem(c, 404, "malformed", "no such resource");
		return;
	}
	o = &l->orders[--n];
	if (o->account != s->account) {
		lab_problem(c, 403, "unauthorized", "not your order");
		return;
	}
	if (asks_for(c->path, "order", n)) {
		if (o->state == LAB_PROCESSING && o->polls-- <= 1)
			o->state = LAB_VALID;
		order_answer(l, c, n, 200);
	} else if (asks_for(c->path, "authz", n)) {
		lab_json(c, 200, json_pack("{s:s,s:o,s:[o]}", "status",
		    state_name(o->authorization), "identifier",
		    identifier_json(l, o), "challenges",
		    challenge_json(l, n)));
	} else if (asks_for(c->path, "chall", n)) {
		challenge(l, c, s, n);
	} else if (asks_for(c->path, "finalize", n)) {
		finalize(l, c, s, n);
	} else if (asks_for(c->path, "cert", n)) {
		certificate(l, c, o);
	} else {
		lab_problem(c, 404, "malformed", "no such resource");
	}
}
