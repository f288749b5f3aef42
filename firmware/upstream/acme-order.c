/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders, authorizations and challenges (RFC 8555 7.4, 7.5; RFC 9447, 9448):
 * what the resources say, and the requests that move them on.
 */
#include <string.h>

#include "acme-parts.h"

enum { WAIT = 5, WAIT_MOST = 300 };

static enum acme_status
status_of(const json_t *o)
{
	static const struct {
		const char *name;
		enum acme_status status;
	} names[] = {
		{ "pending", ACME_PENDING }, { "ready", ACME_READY },
		{ "processing", ACME_PROCESSING }, { "valid", ACME_VALID },
	};
	const char *s = json_string_value(json_object_get(o, "status"));

	for (size_t i = 0; s != NULL && i < sizeof(names) / sizeof(names[0]);
	    i++)
		if (strcmp(names[i].name, s) == 0)
			return names[i].status;
	return ACME_INVALID;	/* expired, deactivated, revoked, unknown */
}

static void
why_of(struct dca_err *why, const json_t *problem, const char *what)
{
	char said[200] = "";

	acme_problem_text(said, sizeof(said), problem);
	(void)dca_fail(why, DCA_RULE_UPSTREAM_CA, "the STI-CA calls the %s "
	    "invalid: %s", what, said[0] != '\0' ? said : "without a word");
}

/* --- orders --- */

enum dca_rc
acme_read_order(struct acme_order *o, const json_t *j,
    const struct http_answer *r, struct dca_err *e)
{
	const json_t *authz = json_object_get(j, "authorizations");
	const char *first = json_string_value(json_array_get(authz, 0));

	o->status = status_of(j);
	o->wait = http_retry(r, 0, WAIT, WAIT_MOST);
	if (o->status == ACME_INVALID)
		why_of(&o->why, json_object_get(j, "error"), "order");
	(void)acme_url(o->finalize, j, "finalize");
	(void)acme_url(o->certificate, j, "certificate");
	(void)acme_url(o->x5u, j, "x5u");
	o->authorization[0] = '\0';
	if (o->status == ACME_INVALID)
		return DCA_OK;
	/* one identifier was asked for: one authorization */
	if (json_array_size(authz) != 1 || first == NULL ||
	    strncmp(first, "https://", 8) != 0 ||
	    !dca_strlcpy(o->authorization, first, sizeof(o->authorization)) ||
	    o->finalize[0] == '\0')
		return dca_fail(e, DCA_RULE_UPSTREAM_CA, "the order does not "
		    "name one authorization and finalize by https "
		    "(RFC 8555 7.1.3)");
	if (o->status == ACME_VALID && o->certificate[0] == '\0')
		return dca_fail(e, DCA_RULE_UPSTREAM_CA,
		    "a valid order without certificate (RFC 8555 7.1.3)");
	return DCA_OK;
}

enum dca_rc
acme_order_new(struct acme *a, const char *type, const char *value,
    int64_t not_after, struct acme_order *o, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	JOSE_AUTO *payload = json_pack("{s:[{s:s,s:s}]}", "identifiers",
	    "type", type, "value", value);
	struct http_answer r;
	JOSE_AUTO *j = NULL;
	enum dca_rc rc;

	memset(o, 0, sizeof(*o));
	if (not_after != 0 && a->quirks->not_after) {
		char when[DCA_TIME_TEXT];

		dca_time_format(when, not_after);
		json_object_set_new(payload, "notAfter", json_string(when));
	}
	text = json_dumps(payload, JSON_COMPACT);
	rc = acme_post_object(a, a->new_order, text, &j, &r, e);
	if (rc != DCA_OK)
		return rc;
	if (strncmp(r.location, "https://", 8) != 0)
		rc = dca_fail(e, DCA_RULE_UPSTREAM_CA,
		    "the STI-CA made an order and named no https URL for it "
		    "(RFC 8555 7.4)");
	else
		rc = acme_read_order(o, j, &r, e);
	(void)dca_strlcpy(o->url, r.location, sizeof(o->url));
	http_answer_clear(&r);
	return rc;
}

enum dca_rc
acme_order_get(struct acme *a, struct acme_order *o, struct dca_err *e)
{
	struct http_answer r;
	JOSE_AUTO *j = NULL;
	enum dca_rc rc = acme_post(a, o->url, "", &r, e);

	if (rc != DCA_OK)
		return rc;
	if (r.status == 404) {
		o->status = ACME_GONE;
		http_answer_clear(&r);
		return DCA_OK;
	}
	if (r.status != 200)
		rc = acme_problem("the STI-CA", DCA_RULE_UPSTREAM_CA, &r, e);
	else if ((rc = jose_json(&j, dca_out_buf(&r.body), "the order", e)) ==
	    DCA_OK)
		rc = acme_read_order(o, j, &r, e);
	http_answer_clear(&r);
	return rc;
}

/* --- authorizations --- */

bool
acme_is_identifier(const json_t *id, struct dca_buf list)
{
	const char *type = json_string_value(json_object_get(id, "type"));
	const char *value = json_string_value(json_object_get(id, "value"));
	DCA_AUTO_OUT der = { 0 };

	return type != NULL && value != NULL &&
	    strcmp(type, "TNAuthList") == 0 &&
	    jose_unb64_any(&der, value, strlen(value)) &&
	    dca_buf_eq(dca_out_buf(&der), list);
}

static const json_t *
find_challenge(const json_t *j)
{
	const json_t *c, *all = json_object_get(j, "challenges");
	const char *type;
	size_t i;

	json_array_foreach(all, i, c) {
		type = json_string_value(json_object_get(c, "type"));
		if (type != NULL && strcmp(type, "tkauth-01") == 0)
			return c;
	}
	return NULL;
}

static enum dca_rc
read_authorization(const json_t *j, struct dca_buf list,
    struct acme_challenge *c, struct dca_err *e)
{
	const json_t *ch = find_challenge(j);
	const char *kind = json_string_value(json_object_get(ch,
	    "tkauth-type"));

	c->status = status_of(j);
	if (!acme_is_identifier(json_object_get(j, "identifier"), list))
		return dca_fail(e, DCA_RULE_UPSTREAM_CA, "the authorization is "
		    "for another identifier than was ordered");
	if (ch == NULL || (kind != NULL && strcmp(kind, "atc") != 0) ||
	    !acme_url(c->url, ch, "url"))
		return dca_fail(e, DCA_RULE_UPSTREAM_CA, "the authorization "
		    "has no tkauth-01 challenge of type atc with an https URL "
		    "(RFC 9447 3, RFC 9448 4)");
	c->answered = status_of(ch);
	if (c->status == ACME_INVALID || c->answered == ACME_INVALID)
		why_of(&c->why, json_object_get(ch, "error"),
		    "authorization");
	return DCA_OK;
}

enum dca_rc
acme_authorization(struct acme *a, const char *url, struct dca_buf list,
    struct acme_challenge *c, struct dca_err *e)
{
	struct http_answer r;
	JOSE_AUTO *j = NULL;
	enum dca_rc rc;

	memset(c, 0, sizeof(*c));
	if ((rc = acme_post_object(a, url, "", &j, &r, e)))
		return rc;
	c->wait = http_retry(&r, 0, WAIT, WAIT_MOST);
	http_answer_clear(&r);
	return read_authorization(j, list, c, e);
}

static enum dca_rc
answer_as(struct acme *a, const char *url, const char *member,
    const char *token, struct http_answer *r, struct dca_err *e)
{
	JOSE_AUTO *payload = json_pack("{s:s}", member, token);
	DCA_CLEANUP(dca_free_p) char *text = json_dumps(payload, JSON_COMPACT);

	return acme_post(a, url, text, r, e);
}

/* RFC 9448 4 says "tkauth"; older servers know only "atc" and call the other
 * malformed. */
enum dca_rc
acme_answer(struct acme *a, const char *url, const char *token,
    struct dca_err *e)
{
	struct http_answer r;
	enum dca_rc rc = answer_as(a, url, a->quirks->answer_atc ? "atc" :
	    "tkauth", token, &r, e);

	if (rc == DCA_OK && r.status == 400 && !a->quirks->answer_atc) {
		http_answer_clear(&r);
		rc = answer_as(a, url, "atc", token, &r, e);
	}
	if (rc != DCA_OK)
		return rc;
	if (r.status != 200)
		rc = acme_problem("the STI-CA", DCA_RULE_UPSTREAM_CA, &r, e);
	http_answer_clear(&r);
	return rc;
}

/* --- certificate --- */

enum dca_rc
acme_finalize(struct acme *a, struct acme_order *o, struct dca_buf csr,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	JOSE_AUTO *payload = NULL;
	DCA_AUTO_OUT b64 = { 0 };
	struct http_answer r;
	JOSE_AUTO *j = NULL;
	enum dca_rc rc;

	dca_b64url(&b64, csr);
	payload = json_pack("{s:s%}", "csr", (const char *)b64.p, b64.n);
	text = json_dumps(payload, JSON_COMPACT);
	if ((rc = acme_post_object(a, o->finalize, text, &j, &r, e)))
		return rc;
	rc = acme_read_order(o, j, &r, e);
	http_answer_clear(&r);
	return rc;
}

enum dca_rc
acme_download(struct acme *a, const char *url, struct dca_out *pem,
    struct dca_err *e)
{
	static const char *const types[] = {
		"application/pem-certificate-chain", "application/pem",
		"pem-certificate-chain" };
	struct http_answer r;
	enum dca_rc rc = acme_post(a, url, "", &r, e);
	bool known = false;

	if (rc != DCA_OK)
		return rc;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		known = known || strcmp(r.type, types[i]) == 0;
	if (r.status != 200)
		rc = acme_problem("the STI-CA", DCA_RULE_UPSTREAM_CA, &r, e);
	else if (!known)
		rc = dca_fail(e, DCA_RULE_UPSTREAM_CA, "the certificate comes "
		    "as \"%.60s\", not application/pem-certificate-chain "
		    "(RFC 8555 7.4.2)", r.type);
	else
		dca_out_add(pem, r.body.p, r.body.n);
	http_answer_clear(&r);
	return rc;
}
