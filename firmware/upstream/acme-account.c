/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account at the STI-CA (RFC 8555 7.3): made or found, bound to a contract
 * (7.3.4), given another key (7.3.5); and revoking by it (7.6).
 */
#include <string.h>

#include "acme-parts.h"

/* --- newAccount --- */

static enum dca_rc
bind_external(struct acme *a, json_t *payload, struct dca_err *e)
{
	JOSE_AUTO *header = NULL;
	JOSE_AUTO *jwk = jose_jwk(&a->public);
	DCA_CLEANUP(dca_free_p) char *inner = NULL;

	if (a->eab_kid[0] == '\0') {
		if (!a->needs_eab)
			return DCA_OK;
		return dca_fail(e, DCA_RULE_UPSTREAM_CA, "the STI-CA wants an "
		    "external account binding: set eab_kid and eab_key_file "
		    "in [sti-ca] (RFC 8555 7.3.4)");
	}
	/* no nonce, the same url */
	header = json_pack("{s:s,s:s}", "kid", a->eab_kid, "url",
	    a->new_account);
	inner = json_dumps(jwk, JSON_COMPACT | JSON_SORT_KEYS);
	json_object_set_new(payload, "externalAccountBinding", jose_mac(header,
	    DCA_BUF(inner, strlen(inner)), dca_out_buf(&a->eab_key)));
	return DCA_OK;
}

static enum dca_rc
account_payload(struct acme *a, struct dca_out *o, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	JOSE_AUTO *payload = NULL;
	enum dca_rc rc;

	dca_out_add(o, "", 0);
	if (a->quirks->account_empty)
		return DCA_OK;
	payload = json_pack("{s:b}", "termsOfServiceAgreed", 1);
	if (a->contact[0] != '\0')
		json_object_set_new(payload, "contact",
		    json_pack("[s]", a->contact));
	if ((rc = bind_external(a, payload, e)))
		return rc;
	text = json_dumps(payload, JSON_COMPACT);
	dca_out_add(o, text, strlen(text));
	return DCA_OK;
}

enum dca_rc
acme_account(struct acme *a, char url[static HTTP_URL_MAX],
    struct dca_err *e)
{
	DCA_AUTO_OUT payload = { 0 };
	struct http_answer r;
	enum dca_rc rc = account_payload(a, &payload, e);

	if (rc == DCA_OK)
		rc = acme_post_jwk(a, a->new_account,
		    (const char *)payload.p, &r, e);
	if (rc != DCA_OK)
		return rc;
	/* 200 for a known key may come with an empty body */
	if (r.status != 200 && r.status != 201)
		rc = acme_problem("the STI-CA", DCA_RULE_UPSTREAM_CA, &r, e);
	else if (strncmp(r.location, "https://", 8) != 0)
		rc = dca_fail(e, DCA_RULE_UPSTREAM_CA, "the STI-CA made an "
		    "account and named no https URL for it (RFC 8555 7.3)");
	if (rc == DCA_OK) {
		(void)dca_strlcpy(a->account, r.location, sizeof(a->account));
		(void)dca_strlcpy(url, r.location, HTTP_URL_MAX);
	}
	http_answer_clear(&r);
	return rc;
}

/* --- keyChange --- */

/* The inner JWS: by the new key, jwk in its header, no nonce. */
static enum dca_rc
key_change_inner(struct acme *a, EVP_PKEY *key, const struct dca_spki *public,
    struct dca_out *o, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	JOSE_AUTO *header = json_pack("{s:s,s:o}", "url", a->key_change,
	    "jwk", jose_jwk(public));
	JOSE_AUTO *payload = json_pack("{s:s,s:o}", "account", a->account,
	    "oldKey", jose_jwk(&a->public));

	text = json_dumps(payload, JSON_COMPACT);
	return jose_sign(o, JOSE_FLAT, header, DCA_BUF(text, strlen(text)),
	    key, e);
}

enum dca_rc
acme_key_change(struct acme *a, EVP_PKEY *key, struct dca_err *e)
{
	DCA_AUTO_OUT inner = { 0 };
	struct dca_spki public;
	struct http_answer r;
	enum dca_rc rc;

	if (a->key_change[0] == '\0')
		return dca_fail(e, DCA_RULE_UPSTREAM_CA,
		    "the STI-CA offers no keyChange");
	if ((rc = dca_spki_from_pkey(&public, key, e)) ||
	    (rc = key_change_inner(a, key, &public, &inner, e)) ||
	    (rc = acme_post(a, a->key_change, (const char *)inner.p, &r, e)))
		return rc;
	if (r.status != 200)
		rc = acme_problem("the STI-CA", DCA_RULE_UPSTREAM_CA, &r, e);
	http_answer_clear(&r);
	if (rc != DCA_OK)
		return rc;
	EVP_PKEY_up_ref(key);
	EVP_PKEY_free(a->key);
	a->key = key;
	a->public = public;
	return DCA_OK;
}

/* The account's own resource, asked for with it (RFC 8555 7.3). */
enum dca_rc
acme_has_key(struct acme *a, EVP_PKEY *key, bool *has, struct dca_err *e)
{
	EVP_PKEY *was = a->key;
	const struct dca_spki public = a->public;
	struct http_answer r;
	enum dca_rc rc = dca_spki_from_pkey(&a->public, key, e);

	*has = false;
	if (rc == DCA_OK) {
		a->key = key;
		rc = acme_post(a, a->account, "", &r, e);
	}
	if (rc == DCA_OK) {
		*has = r.status == 200;
		http_answer_clear(&r);
	}
	if (*has) {
		EVP_PKEY_up_ref(key);
		EVP_PKEY_free(was);
	} else {
		a->key = was;
		a->public = public;
	}
	return rc;
}

/* --- revokeCert --- */

static bool
already_revoked(const struct http_answer *r)
{
	JOSE_AUTO *o = NULL;
	const char *type;

	if (r->status != 400 ||
	    jose_json(&o, dca_out_buf(&r->body), "", NULL) != DCA_OK)
		return false;
	type = json_string_value(json_object_get(o, "type"));
	return type != NULL && strcmp(type,
	    "urn:ietf:params:acme:error:alreadyRevoked") == 0;
}

enum dca_rc
acme_revoke(struct acme *a, struct dca_buf cert, int reason,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	JOSE_AUTO *payload = NULL;
	DCA_AUTO_OUT b64 = { 0 };
	struct http_answer r;
	enum dca_rc rc;

	if (a->revoke_cert[0] == '\0')
		return dca_fail(e, DCA_RULE_UPSTREAM_CA,
		    "the STI-CA offers no revokeCert");
	dca_b64url(&b64, cert);
	payload = json_pack("{s:s%,s:i}", "certificate", (const char *)b64.p,
	    b64.n, "reason", reason);
	text = json_dumps(payload, JSON_COMPACT);
	if ((rc = acme_post(a, a->revoke_cert, text, &r, e)))
		return rc;
	if (r.status != 200 && !already_revoked(&r))
		rc = acme_problem("the STI-CA", DCA_RULE_UPSTREAM_CA, &r, e);
	http_answer_clear(&r);
	return rc;
}
