/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The STI-PA client: login, SPC token, list, CRL, in the shapes that the
 * service in use has. Must never hand on a token that says anything else than
 * what was asked, and never keep a password longer than its request.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "acme.h"
#include "dca/os.h"
#include "stipa-parts.h"

enum { TOKEN_LEFT = 180, TOKEN_MOST = 400 * 86400, TOKEN_SKEW = 300,
	PASSWORD_MAX = 256, ROOTS_MAX = 256 };

void
stipa_new(struct stipa **out, struct http *http, const struct stipa_config *c)
{
	struct stipa *s = dca_alloc(sizeof(*s));
	size_t n;

	memset(s, 0, sizeof(*s));
	s->http = http;
	s->roots = c->roots;
	s->quirks = c->quirks;
	s->access.secret = true;
	if (!dca_strlcpy(s->base, c->base, sizeof(s->base)) ||
	    !dca_strlcpy(s->user, c->user, sizeof(s->user)) ||
	    !dca_strlcpy(s->crl, c->crl, sizeof(s->crl)) ||
	    !dca_strlcpy(s->crl_signer, c->crl_signer,
	    sizeof(s->crl_signer)) ||
	    !dca_strlcpy(s->participant, c->participant,
	    sizeof(s->participant)) ||
	    !dca_strlcpy(s->password_file, c->password_file,
	    sizeof(s->password_file)))
		abort();	/* the configuration bounds them */
	for (n = strlen(s->base); n > 0 && s->base[n - 1] == '/';)
		s->base[--n] = '\0';
	*out = s;
}

void
stipa_free(struct stipa *s)
{
	if (s == NULL)
		return;
	dca_out_free(&s->access);
	free(s);
}

/* --- one call --- */

/* HTTP 400 and above, and 200 with another status than "success", are both
 * failures. *out: the answer's object, a new reference. */
static enum dca_rc
call(struct stipa *s, const struct http_request *q, json_t **out,
    struct dca_err *e)
{
	struct http_answer r;
	const char *status;
	enum dca_rc rc = http_do(s->http, q, &r, e);

	*out = NULL;
	if (rc != DCA_OK)
		return rc;
	rc = jose_json(out, dca_out_buf(&r.body), q->url, NULL);
	status = json_string_value(json_object_get(*out, "status"));
	if (rc != DCA_OK || r.status != 200 || status == NULL ||
	    strcmp(status, "success") != 0) {
		json_decref(*out);
		*out = NULL;
		rc = acme_problem("the STI-PA", DCA_RULE_UPSTREAM_PA, &r, e);
	}
	http_answer_clear(&r);
	return rc;
}

static void
url_of(char out[static HTTP_URL_MAX + 128], const struct stipa *s,
    const char *path)
{
	DCA_AUTO_OUT o = { 0 };

	dca_out_printf(&o, "%s%s", s->base, path);
	(void)dca_strlcpy(out, (const char *)o.p, HTTP_URL_MAX + 128);
}

/* --- login --- */

static enum dca_rc
login_body(const struct stipa *s, struct dca_out *o, struct dca_err *e)
{
	DCA_AUTO_OUT password = { .secret = true };
	JOSE_AUTO *body = NULL;
	char *text;
	enum dca_rc rc = dca_file_read(&password, s->password_file,
	    PASSWORD_MAX, e);

	if (rc != DCA_OK)
		return dca_fail_in(e, "[sti-pa] password_file");
	while (password.n > 0 && strchr("\r\n", password.p[password.n - 1]))
		password.n--;
	body = json_pack("{s:s,s:s%}", "userId", s->user, "password",
	    (const char *)password.p, password.n);
	text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	if (text == NULL)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "[sti-pa] password_file is not UTF-8 text");
	dca_out_add(o, text, strlen(text));
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	return DCA_OK;
}

enum dca_rc
stipa_login(struct stipa *s, struct dca_err *e)
{
	char url[HTTP_URL_MAX + 128];
	DCA_AUTO_OUT body = { .secret = true };
	struct http_request q = { .method = HTTP_POST, .url = url,
		.accept = "application/json",
		.content_type = "application/json" };
	JOSE_AUTO *o = NULL;
	const char *token;
	enum dca_rc rc = login_body(s, &body, e);

	if (rc != DCA_OK)
		return rc;
	url_of(url, s, "/api/v1/auth/login");
	q.body = dca_out_buf(&body);
	if ((rc = call(s, &q, &o, e)))
		return rc;
	token = json_string_value(json_object_get(o, "accessToken"));
	if (token == NULL || token[0] == '\0' || strlen(token) > 8192 ||
	    strpbrk(token, "\r\n") != NULL)
		return dca_fail(e, DCA_RULE_UPSTREAM_PA,
		    "the STI-PA's login answers without accessToken");
	s->access.n = 0;
	dca_out_add(&s->access, token, strlen(token));
	return DCA_OK;
}

/* --- SPC token --- */

void
stipa_token_clear(struct stipa_token *t)
{
	dca_out_free(&t->jws);
	memset(t, 0, sizeof(*t));
}

static bool
same_list(const json_t *atc, struct dca_buf list)
{
	const char *v = json_string_value(json_object_get(atc, "tkvalue"));
	DCA_AUTO_OUT der = { 0 };

	return v != NULL && jose_unb64_any(&der, v, strlen(v)) &&
	    dca_buf_eq(dca_out_buf(&der), list);
}

static bool
is_member(const json_t *o, const char *name, const char *want)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL && strcasecmp(s, want) == 0;
}

/* Every member of atc (RFC 9448 5): what was asked, nothing else. */
static enum dca_rc
check_atc(const struct stipa *s, const json_t *atc,
    const struct stipa_ask *ask, struct dca_err *e)
{
	char fingerprint[JOSE_FINGERPRINT];
	const json_t *ca = json_object_get(atc, "ca");

	if (!is_member(atc, "tktype", "TNAuthList"))
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "atc.tktype is not TNAuthList");
	if (!same_list(atc, ask->list))
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "atc.tkvalue is another list than was asked");
	if (ca != NULL && !json_is_boolean(ca))
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "atc.ca is no boolean");
	if (json_is_true(ca) != ask->ca)
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "atc.ca is %s, asked was %s", json_is_true(ca) ? "true" :
		    "false", ask->ca ? "true" : "false");
	jose_fingerprint(fingerprint, ask->account,
	    s->quirks->fingerprint_spki);
	if (!is_member(atc, "fingerprint", fingerprint))
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "atc.fingerprint is not that of the ACME account key");
	return DCA_OK;
}

static enum dca_rc
check_token(struct stipa *s, const struct jose *j,
    const struct stipa_ask *ask, struct stipa_token *t, struct dca_err *e)
{
	JOSE_AUTO *o = NULL;
	const json_t *exp, *jti, *nbf;
	enum dca_rc rc = jose_json(&o, dca_out_buf(&j->payload), "SPC token",
	    e);

	if (rc != DCA_OK)
		return rc;
	exp = json_object_get(o, "exp");
	jti = json_object_get(o, "jti");
	if (!json_is_number(exp) || !json_is_string(jti) ||
	    json_string_length(jti) == 0 ||
	    !json_is_object(json_object_get(o, "atc")))
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "exp, jti or atc is missing (RFC 9448 5)");
	if (json_number_value(exp) < (double)(ask->now + TOKEN_LEFT) ||
	    json_number_value(exp) > (double)ask->now + TOKEN_MOST)
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "exp leaves less than %d s, or more than 400 days",
		    TOKEN_LEFT);
	nbf = json_object_get(o, "nbf");
	if (nbf != NULL && (!json_is_number(nbf) ||
	    json_number_value(nbf) > (double)(ask->now + TOKEN_SKEW)))
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "nbf is in the future: it is not valid yet");
	t->expires = (int64_t)json_number_value(exp);
	if ((rc = check_atc(s, json_object_get(o, "atc"), ask, e)))
		return rc;
	return stipa_signed(s, j, ask->now, e);
}

static char *
token_body(const struct stipa *s, const struct stipa_ask *ask)
{
	char fingerprint[JOSE_FINGERPRINT];
	DCA_AUTO_OUT value = { 0 };
	JOSE_AUTO *body = NULL;

	jose_fingerprint(fingerprint, ask->account,
	    s->quirks->fingerprint_spki);
	if (s->quirks->list_padded)
		jose_b64_padded(&value, ask->list);
	else
		dca_b64url(&value, ask->list);
	body = json_pack("{s:{s:s,s:s%,s:b,s:s}}", "atc", "tktype",
	    "TNAuthList", "tkvalue", (const char *)value.p, value.n, "ca",
	    ask->ca, "fingerprint", fingerprint);
	return json_dumps(body, JSON_COMPACT);
}

static enum dca_rc
take_token(struct stipa *s, const json_t *o, const struct stipa_ask *ask,
    struct stipa_token *t, struct dca_err *e)
{
	const char *jws = json_string_value(json_object_get(o, "token"));
	struct jose j;
	enum dca_rc rc;

	if (jws == NULL)
		return dca_fail(e, DCA_RULE_UPSTREAM_PA,
		    "the STI-PA answers without a token");
	rc = jose_parse(&j, JOSE_COMPACT, DCA_BUF(jws, strlen(jws)), e);
	if (rc != DCA_OK)
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "the SPC token is no compact JWS");
	if (strcmp(jose_text(&j, "typ"), "JWT") != 0)
		rc = dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "typ is \"%.20s\", not JWT (RFC 9448 5)",
		    jose_text(&j, "typ"));
	else
		rc = check_token(s, &j, ask, t, e);
	jose_clear(&j);
	if (rc != DCA_OK)
		return rc;
	dca_out_add(&t->jws, jws, strlen(jws));
	if (json_is_string(json_object_get(o, "crl")))
		(void)dca_strlcpy(t->crl, json_string_value(
		    json_object_get(o, "crl")), sizeof(t->crl));
	return DCA_OK;
}

enum dca_rc
stipa_token(struct stipa *s, const struct stipa_ask *ask,
    struct stipa_token *t, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *body = token_body(s, ask);
	char url[HTTP_URL_MAX + 128];
	DCA_AUTO_OUT path = { 0 };
	struct http_request q = { .method = HTTP_POST, .url = url,
		.accept = "application/json",
		.content_type = "application/json",
		.authorization = (const char *)s->access.p,
		.body = DCA_BUF(body, strlen(body)) };
	JOSE_AUTO *o = NULL;
	enum dca_rc rc;

	memset(t, 0, sizeof(*t));
	dca_out_printf(&path, "/api/v1/account/%s/token", s->participant);
	url_of(url, s, (const char *)path.p);
	if ((rc = call(s, &q, &o, e)) == DCA_OK)
		rc = take_token(s, o, ask, t, e);
	if (rc != DCA_OK)
		stipa_token_clear(t);
	return rc;
}

/* --- list of trusted STI-CAs --- */

/* An entry is PEM, or bare base64 of DER. */
static enum dca_rc
add_root(struct dca_out *pem, const char *text, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };

	if (strstr(text, "-----BEGIN") != NULL) {
		dca_out_printf(pem, "%s\n", text);
		return DCA_OK;
	}
	if (!jose_unb64_any(&der, text, strlen(text)))
		return dca_fail(e, DCA_RULE_UPSTREAM_LIST,
		    "an entry of trustList is neither PEM nor base64");
	dca_pem_encode(pem, "CERTIFICATE", dca_out_buf(&der));
	return DCA_OK;
}

static enum dca_rc
read_list(const json_t *o, int64_t now, uint64_t *sequence,
    struct dca_certs *roots, struct dca_err *e)
{
	const json_t *exp = json_object_get(o, "exp");
	const json_t *seq = json_object_get(o, "sequence");
	const json_t *list = json_object_get(o, "trustList"), *entry;
	DCA_AUTO_OUT pem = { 0 };
	enum dca_rc rc;
	size_t i;

	if (!json_is_number(exp) || !json_is_integer(seq) ||
	    json_integer_value(seq) < 0 || json_array_size(list) == 0 ||
	    json_array_size(list) > ROOTS_MAX)
		return dca_fail(e, DCA_RULE_UPSTREAM_LIST,
		    "exp, sequence or trustList is missing or out of bounds");
	if (json_number_value(exp) <= (double)now)
		return dca_fail(e, DCA_RULE_UPSTREAM_LIST, "it has expired");
	if ((uint64_t)json_integer_value(seq) < *sequence)
		return dca_fail(e, DCA_RULE_UPSTREAM_LIST,
		    "sequence %lld is older than %llu, seen before",
		    (long long)json_integer_value(seq),
		    (unsigned long long)*sequence);
	json_array_foreach(list, i, entry) {
		if (!json_is_string(entry))
			return dca_fail(e, DCA_RULE_UPSTREAM_LIST,
			    "an entry of trustList is no text");
		if ((rc = add_root(&pem, json_string_value(entry), e)))
			return rc;
	}
	rc = dca_certs_parse(roots, dca_out_buf(&pem), ROOTS_MAX, e);
	if (rc == DCA_OK)
		*sequence = (uint64_t)json_integer_value(seq);
	return rc;
}

enum dca_rc
stipa_list(struct stipa *s, int64_t now, uint64_t *sequence,
    struct dca_certs *roots, struct dca_err *e)
{
	char url[HTTP_URL_MAX + 128];
	struct http_request q = { .method = HTTP_GET, .url = url,
		.accept = "application/jose+json",
		.authorization = (const char *)s->access.p };
	JOSE_AUTO *o = NULL;
	JOSE_AUTO *payload = NULL;
	const char *jws;
	struct jose j;
	enum dca_rc rc;

	url_of(url, s, "/api/v1/ca-list");
	if ((rc = call(s, &q, &o, e)))
		return rc;
	jws = json_string_value(json_object_get(o, "caList"));
	if (jws == NULL || jose_parse(&j, JOSE_COMPACT,
	    DCA_BUF(jws, strlen(jws)), NULL) != DCA_OK)
		return dca_fail(e, DCA_RULE_UPSTREAM_LIST,
		    "caList is no compact JWS");
	rc = stipa_signed(s, &j, now, e);
	if (rc != DCA_OK && e != NULL && e->rule == DCA_RULE_UPSTREAM_TOKEN)
		e->rule = DCA_RULE_UPSTREAM_LIST;
	if (rc == DCA_OK)
		rc = jose_json(&payload, dca_out_buf(&j.payload), "ca-list",
		    e);
	if (rc == DCA_OK)
		rc = read_list(payload, now, sequence, roots, e);
	jose_clear(&j);
	return rc;
}

/* --- CRL --- */

enum dca_rc
stipa_crl(struct stipa *s, const char *url, const char *signer_url,
    int64_t now, struct dca_crl **out, struct dca_err *e)
{
	struct http_request q = { .method = HTTP_GET, .url = url,
		.accept = "application/pkix-crl", .most = HTTP_CRL_MAX };
	struct dca_certs signer = { 0 };
	struct http_answer r;
	enum dca_rc rc = http_do(s->http, &q, &r, e);

	if (rc != DCA_OK)
		return rc;
	if (r.status != 200)
		rc = acme_problem("the CRL's server", DCA_RULE_UPSTREAM_PA, &r,
		    e);
	else
		rc = stipa_signer(s, signer_url, now, &signer, e);
	if (rc == DCA_OK)
		rc = dca_crl_parse(out, dca_out_buf(&r.body), &signer.v[0],
		    e);
	dca_certs_clear(&signer);
	http_answer_clear(&r);
	return rc;
}
