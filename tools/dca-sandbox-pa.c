/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab's STI-PA: login, SPC tokens, list of trusted STI-CAs, CRL and the
 * certificates of who signs them, in the shapes of the service in use. It
 * checks what it is asked against what the account may represent, and is wrong
 * only where DIR/flaws says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dca-sandbox-lab.h"
#include "dca/os.h"
#include "dca/tnauthlist.h"

enum { SKEW = 300, PA_DAYS = 3650, TOKEN_LIFE = 1800 };

/* --- keys and certificates --- */

static enum dca_rc
made_or_read(struct lab *l, const char *name, struct lab_spec *s,
    EVP_PKEY **key, X509 **x, struct dca_err *e)
{
	DCA_AUTO_OUT have = { 0 };
	char path[4096];

	dca_path(path, NULL, "%s/%s.pem", l->dir, name);
	if (dca_file_read(&have, path, DCA_CERT_MAX, NULL) == DCA_OK)
		return lab_read_ca(l->dir, name, key, x, e);
	return lab_make_ca(l->dir, name, s, key, x, e);
}

enum dca_rc
lab_pa_open(struct lab *l, struct dca_err *e)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *root_key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *root = NULL;
	const int64_t now = dca_now();
	struct lab_spec s = {
		.organisation = "STI-PA", .cn = "Lab STI-PA Root",
		.not_before = now - SKEW,
		.not_after = now + (int64_t)PA_DAYS * LAB_DAY,
		.ca = true, .key_cert_sign = true, .path_len = -1,
	};
	enum dca_rc rc = made_or_read(l, "pa-root", &s, &root_key, &root, e);

	if (rc != DCA_OK)
		return rc;
	s.issuer = root;
	s.issuer_key = root_key;
	s.ca = s.key_cert_sign = false;
	s.cn = "Lab STI-PA token signer";
	s.plain = true;
	rc = made_or_read(l, "pa-token", &s, &l->token_key, &l->token_cert, e);
	if (rc != DCA_OK)
		return rc;
	s.cn = "STI-PA CRL";
	s.crl_sign = true;
	return made_or_read(l, "pa-crl", &s, &l->crl_key, &l->crl_cert, e);
}

/* --- failures of the whole service --- */

/* Does one stand in DIR/flaws? Then it has answered. */
static bool
fails(struct lab *l, struct lab_call *c)
{
	if (lab_wrong(l, "pa-drop"))
		c->drop = true;
	else if (lab_wrong(l, "pa-200-failure"))
		lab_json(c, 200, json_pack("{s:s,s:s,s:s}", "status",
		    "failure", "code", "4711", "message",
		    "the account is locked"));
	else if (lab_wrong(l, "pa-400-json"))
		lab_json(c, 400, json_pack("{s:s,s:[s]}", "error",
		    "BAD_REQUEST", "errors", "tkvalue"));
	else if (lab_wrong(l, "pa-400-text"))
		lab_text(c, 400, "text/plain",
		    DCA_BUF("source address not allowed\n", 27));
	else if (lab_wrong(l, "pa-large")) {
		DCA_AUTO_OUT o = { 0 };

		while (o.n <= JOSE_PAYLOAD_MAX)
			dca_out_printf(&o, "%64s", "");
		lab_text(c, 200, "application/json", dca_out_buf(&o));
	} else {
		if (lab_wrong(l, "pa-slow")) {
			const struct timespec t = { .tv_sec = 8 };

			(void)nanosleep(&t, NULL);
		}
		return false;
	}
	return true;
}

/* --- what it signs --- */

/* A compact JWS whose alg and signature are what the word says. */
static void
sign_wrong(struct dca_out *jws, json_t *header, struct dca_buf payload,
    EVP_PKEY *key, const char *how)
{
	const bool der = strcmp(how, "token-der") == 0;
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	DCA_AUTO_OUT sig = { 0 };
	uint8_t raw[64];

	json_object_set_new(header, "alg", json_string(der ? "ES256" :
	    strcmp(how, "token-none") == 0 ? "none" : "HS256"));
	text = json_dumps(header, JSON_COMPACT);
	dca_b64url(jws, DCA_BUF(text, strlen(text)));
	dca_out_add(jws, ".", 1);
	dca_b64url(jws, payload);
	if (!jose_es256(raw, dca_out_buf(jws), key))
		abort();
	if (!dca_ecdsa_sig_from_raw(&sig, raw))
		abort();
	dca_out_add(jws, ".", 1);
	if (der)
		dca_b64url(jws, dca_out_buf(&sig));
	else if (strcmp(how, "token-none") != 0)
		dca_b64url(jws, DCA_BUF(raw, 32));
}

/* What the header of a token can be without. */
static void
flawed_header(const struct lab *l, json_t *header)
{
	if (lab_wrong(l, "token-no-typ"))
		json_object_del(header, "typ");
	if (lab_wrong(l, "token-no-x5u"))
		json_object_del(header, "x5u");
	if (lab_wrong(l, "token-http"))
		json_object_set_new(header, "x5u", json_sprintf("http%s"
		    "/download/v1/certificate/certificateId_1.crt",
		    l->base + strlen("https")));
	if (lab_wrong(l, "token-crit"))
		json_object_set_new(header, "crit", json_pack("[s]", "exp"));
}

static void
sign(struct lab *l, struct dca_out *jws, json_t *payload, bool list)
{
	static const char *const ways[] = { "token-none", "token-hs256",
		"token-der" };
	DCA_CLEANUP(dca_free_p) char *text = json_dumps(payload, JSON_COMPACT);
	char x5u[LAB_URL + 64];
	JOSE_AUTO *header = NULL;

	(void)snprintf(x5u, sizeof(x5u), "%s/download/v1/certificate/"
	    "certificateId_1.crt", lab_wrong(l, "token-x5u") ?
	    "https://elsewhere.example" : l->base);
	header = json_pack("{s:s,s:s}", "typ", "JWT", "x5u", x5u);
	if (!list)
		flawed_header(l, header);
	for (size_t i = 0; i < 3 && !list; i++)
		if (lab_wrong(l, ways[i])) {
			sign_wrong(jws, header, DCA_BUF(text, strlen(text)),
			    l->token_key, ways[i]);
			return;
		}
	if (jose_sign(jws, JOSE_COMPACT, header, DCA_BUF(text, strlen(text)),
	    l->token_key, NULL) != DCA_OK)
		abort();
	if (lab_wrong(l, list ? "list-signature" : "token-signature"))
		jws->p[jws->n - 10] = jws->p[jws->n - 10] == 'A' ? 'B' : 'A';
}

/* The list that was asked, and ten numbers more. */
static void
wider(json_t *atc)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s = dca_tnset_new();
	const char *v = json_string_value(json_object_get(atc, "tkvalue"));
	DCA_AUTO_OUT der = { 0 };
	DCA_AUTO_OUT more = { 0 };
	DCA_AUTO_OUT b64 = { 0 };

	/* it was looked at by may_have */
	if (!jose_unb64_any(&der, v, strlen(v)) || dca_tnauthlist_parse(s,
	    dca_out_buf(&der), DCA_TNAUTHLIST_FOREIGN, NULL) != DCA_OK ||
	    dca_tnset_parse(s, "19995550100+10", NULL) != DCA_OK)
		abort();
	dca_tnauthlist_encode(&more, s);
	dca_b64url(&b64, dca_out_buf(&more));
	json_object_set_new(atc, "tkvalue", json_stringn(
	    (const char *)b64.p, b64.n));
}

static json_t *
atc_of(const struct lab *l, const json_t *asked)
{
	json_t *atc = json_deep_copy(asked);

	if (lab_wrong(l, "token-fingerprint"))
		json_object_set_new(atc, "fingerprint", json_string(
		    "SHA256 00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
		    "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00"));
	if (lab_wrong(l, "token-ca"))
		json_object_set_new(atc, "ca", json_boolean(
		    !json_is_true(json_object_get(asked, "ca"))));
	if (lab_wrong(l, "token-type"))
		json_object_set_new(atc, "tktype", json_string("JWTClaim"));
	if (lab_wrong(l, "token-no-fingerprint"))
		json_object_del(atc, "fingerprint");
	if (lab_wrong(l, "token-no-tkvalue"))
		json_object_del(atc, "tkvalue");
	if (lab_wrong(l, "token-no-tktype"))
		json_object_del(atc, "tktype");
	if (lab_wrong(l, "token-superset"))
		wider(atc);
	if (lab_wrong(l, "token-list"))	/* {spc 1234} */
		json_object_set_new(atc, "tkvalue",
		    json_string("MAigBhYEMTIzNA"));
	return atc;
}

/* "" or why the account may not have it (RFC 9448 5.6). */
static void
may_have(const struct dca_tnset *may, const json_t *atc,
    char why[static 128])
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s = dca_tnset_new();
	const char *v = json_string_value(json_object_get(atc, "tkvalue"));
	char first[DCA_ENTRY_TEXT];
	DCA_AUTO_OUT der = { 0 };

	why[0] = '\0';
	if (!lab_is_text(atc, "tktype", DCA_BUF("TNAuthList", 10)) ||
	    v == NULL ||
	    !json_is_string(json_object_get(atc, "fingerprint")) ||
	    !jose_unb64_any(&der, v, strlen(v)) ||
	    dca_tnauthlist_parse(s, dca_out_buf(&der), DCA_TNAUTHLIST_FOREIGN,
	    NULL) != DCA_OK)
		(void)snprintf(why, 128, "atc is malformed");
	else if (!dca_tnset_covers(may, s, first))
		(void)snprintf(why, 128, "%s is not assigned to this account",
		    first);
}

static void
token(struct lab *l, struct lab_call *c, const struct dca_tnset *may)
{
	char jti[2 * 16 + 1], why[128], crl[LAB_URL + 32];
	JOSE_AUTO *o = NULL;
	JOSE_AUTO *payload = NULL;
	const json_t *atc;
	DCA_AUTO_OUT jws = { 0 };
	uint8_t random[16];
	int64_t life = lab_wrong(l, "token-expired") ? -60 :
	    lab_wrong(l, "token-far") ? 4000 * LAB_DAY : TOKEN_LIFE;
	static const char *const members[] = { "exp", "jti", "atc" };

	if (jose_json(&o, c->body, "token", NULL) != DCA_OK) {
		lab_json(c, 400, json_pack("{s:s,s:s}", "status", "failure",
		    "message", "not JSON"));
		return;
	}
	atc = json_object_get(o, "atc");
	if (atc == NULL)	/* RFC 9448 5.5 shows the bare members */
		atc = o;
	may_have(may, atc, why);
	if (why[0] != '\0') {
		lab_json(c, 403, json_pack("{s:s,s:s}", "status", "failure",
		    "message", why));
		return;
	}
	dca_random(random, sizeof(random));
	dca_hex(jti, random, sizeof(random));
	payload = json_pack("{s:I,s:s,s:o}", "exp",
	    (json_int_t)dca_now() + life, "jti", jti, "atc",
	    atc_of(l, atc));
	for (size_t i = 0; i < 3; i++) {
		char word[16];

		(void)snprintf(word, sizeof(word), "token-no-%s", members[i]);
		if (lab_wrong(l, word))
			json_object_del(payload, members[i]);
	}
	if (lab_wrong(l, "token-nbf"))
		json_object_set_new(payload, "nbf", json_integer(
		    (json_int_t)dca_now() + 3600));
	sign(l, &jws, payload, false);
	(void)snprintf(crl, sizeof(crl), "%s/download/v1/crl", l->base);
	lab_json(c, 200, json_pack("{s:s,s:s,s:s%,s:s}", "status", "success",
	    "message", "SPC token", "token", (const char *)jws.p, jws.n, "crl",
	    crl));
}

/* --- the list of trusted STI-CAs --- */

static void
list(struct lab *l, struct lab_call *c)
{
	DCA_AUTO_OUT pem = { 0 };
	DCA_AUTO_OUT jws = { 0 };
	JOSE_AUTO *payload = NULL;
	char path[4096];

	dca_path(path, NULL, "%s/%s.pem", l->dir,
	    lab_wrong(l, "list-other") ? "pa-root" : "root");
	if (dca_file_read(&pem, path, DCA_CERT_MAX, NULL) != DCA_OK)
		abort();	/* the server has read it before */
	payload = json_pack("{s:s,s:I,s:I,s:[s%]}", "version", "1.0",
	    "sequence", (json_int_t)(lab_wrong(l, "list-old") ? 1 : 7),
	    "exp", (json_int_t)dca_now() +
	    (lab_wrong(l, "list-expired") ? -60 : LAB_DAY),
	    "trustList", (const char *)pem.p, pem.n);
	sign(l, &jws, payload, true);
	lab_json(c, 200, json_pack("{s:s,s:s%}", "status", "success",
	    "caList", (const char *)jws.p, jws.n));
}

/* "/api/v1/account/NAME/token": the account of who is logged in. */
static bool
is_own(const struct lab_participant *p, const char *path)
{
	char own[80];

	(void)snprintf(own, sizeof(own), "/api/v1/account/%s/token", p->name);
	return strcmp(path, own) == 0;
}

static void
account(struct lab *l, struct lab_call *c)
{
	const struct lab_participant *p = lab_logged_in(l, c);

	if (p == NULL)
		return;
	if (is_own(p, c->path))
		token(l, c, p->may);
	else
		lab_json(c, 403, json_pack("{s:s,s:s}", "status", "failure",
		    "message", "not your account"));
}

/* The token signer's once more: past its end, or under another root. */
static X509 *
flawed_signer(struct lab *l, bool expired)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *root = NULL;
	const int64_t now = dca_now();
	struct dca_spki spki;
	struct lab_spec s = {
		.organisation = "STI-PA", .cn = "Lab STI-PA token signer",
		.key = &spki, .not_before = now - 30 * LAB_DAY,
		.not_after = now + (expired ? -LAB_DAY : LAB_DAY),
		.path_len = -1, .plain = true,
	};

	if (lab_read_ca(l->dir, expired ? "pa-root" : "root", &key, &root,
	    NULL) != DCA_OK || dca_spki_from_pkey(&spki, l->token_key, NULL) !=
	    DCA_OK)
		abort();	/* the server has read them before */
	s.issuer = root;
	s.issuer_key = key;
	return lab_cert_make(&s, NULL);
}

static void
certificate(struct lab *l, struct lab_call *c, X509 *x)
{
	const bool expired = lab_wrong(l, "signer-expired");
	DCA_CLEANUP(X509_free_p) X509 *wrong = expired ||
	    lab_wrong(l, "signer-other") ? flawed_signer(l, expired) : NULL;
	DCA_AUTO_OUT pem = { 0 };

	lab_cert_pem(&pem, wrong != NULL ? wrong : x);
	lab_text(c, 200, "application/pkix-cert", dca_out_buf(&pem));
}

const char *
lab_pa_knows(const struct lab *l, const char *x5u)
{
	const size_t n = strlen(l->base);

	if (strncmp(x5u, "https://", 8) != 0)
		return "x5u is not https";
	if (strncmp(x5u, l->base, n) != 0 || strcmp(x5u + n,
	    "/download/v1/certificate/certificateId_1.crt") != 0)
		return "x5u is not that of the trusted token authority";
	return "";
}

void
lab_pa(struct lab *l, struct lab_call *c)
{
	const bool post = strcmp(c->method, "POST") == 0;
	DCA_AUTO_OUT crl = { 0 };

	if (fails(l, c))
		return;
	if (post && strcmp(c->path, "/api/v1/auth/login") == 0)
		lab_login(l, c);
	else if (post && strncmp(c->path, "/api/v1/account/", 16) == 0) {
		account(l, c);
	} else if (!post && strcmp(c->path, "/api/v1/ca-list") == 0) {
		if (lab_logged_in(l, c) != NULL)
			list(l, c);
	} else if (!post && strcmp(c->path,
	    "/download/v1/certificate/certificateId_1.crt") == 0) {
		certificate(l, c, l->token_cert);
	} else if (!post && strcmp(c->path,
	    "/download/v1/certificate/certificateId_2.crt") == 0) {
		certificate(l, c, l->crl_cert);
	} else if (!post && strcmp(c->path, "/download/v1/crl") == 0) {
		lab_crl(l, &crl);
		lab_text(c, 200, "application/pkix-crl", dca_out_buf(&crl));
	} else {
		lab_json(c, 404, json_pack("{s:s,s:s}", "status", "failure",
		    "message", "no such resource"));
	}
}
