/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JWS, JWK and fingerprints over OpenSSL and jansson. What it reads comes from
 * the network: sizes first, then the strict base64url decoder, then JSON in
 * which no name stands twice. Must never accept an algorithm that the caller
 * did not name: alg is compared, not obeyed.
 */
#include "jose.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>

enum { COORD = 32, RAW_SIG = 64 };

/* --- keys --- */

static void
coordinate(char out[static 48], const uint8_t *p)
{
	DCA_AUTO_OUT b64 = { 0 };

	dca_b64url(&b64, DCA_BUF(p, COORD));
	(void)dca_strlcpy(out, (const char *)b64.p, 48);
}

json_t *
jose_jwk(const struct dca_spki *key)
{
	const uint8_t *point = dca_spki_point(key);
	char x[48], y[48];

	coordinate(x, point + 1);
	coordinate(y, point + 1 + COORD);
	return json_pack("{s:s, s:s, s:s, s:s}", "crv", "P-256", "kty", "EC",
	    "x", x, "y", y);
}

static bool
jwk_coordinate(uint8_t out[static COORD], const json_t *jwk, const char *name)
{
	const json_t *v = json_object_get(jwk, name);
	DCA_AUTO_OUT raw = { 0 };

	if (!json_is_string(v) || json_string_length(v) > 48 ||
	    !dca_unb64url(&raw, json_string_value(v), json_string_length(v)) ||
	    raw.n != COORD)
		return false;
	memcpy(out, raw.p, COORD);
	return true;
}

static bool
is_text(const json_t *o, const char *name, const char *want)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL && strcmp(s, want) == 0;
}

enum dca_rc
jose_jwk_parse(struct dca_spki *out, const json_t *jwk, struct dca_err *e)
{
	uint8_t point[DCA_POINT_LEN] = { 0x04 };

	if (!is_text(jwk, "kty", "EC") || !is_text(jwk, "crv", "P-256") ||
	    !jwk_coordinate(point + 1, jwk, "x") ||
	    !jwk_coordinate(point + 1 + COORD, jwk, "y"))
		return dca_fail(e, DCA_RULE_INPUT,
		    "not the JWK of a P-256 key (RFC 7518 6.2)");
	return dca_spki_from_point(out, DCA_BUF(point, sizeof(point)), e);
}

void
jose_thumbprint(uint8_t out[static DCA_SHA256_LEN], const struct dca_spki *key)
{
	JOSE_AUTO *jwk = jose_jwk(key);
	DCA_CLEANUP(dca_free_p) char *text =
	    json_dumps(jwk, JSON_COMPACT | JSON_SORT_KEYS);

	dca_sha256(out, DCA_BUF(text, strlen(text)));
}

void
jose_fingerprint(char out[static JOSE_FINGERPRINT], const struct dca_spki *key,
    bool of_spki)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t hash[DCA_SHA256_LEN];
	char *p = out;

	if (of_spki)
		dca_spki_sha256(hash, key);
	else
		jose_thumbprint(hash, key);
	memcpy(p, "SHA256 ", 7);
	p += 7;
	for (size_t i = 0; i < sizeof(hash); i++) {
		*p++ = digits[hash[i] >> 4];
		*p++ = digits[hash[i] & 15];
		*p++ = ':';
	}
	p[-1] = '\0';
}

/* --- making --- */

/* base64url(header) "." base64url(payload) */
static void
signing_input(struct dca_out *o, json_t *header, struct dca_buf payload)
{
	DCA_CLEANUP(dca_free_p) char *text = json_dumps(header, JSON_COMPACT);

	dca_b64url(o, DCA_BUF(text, strlen(text)));
	dca_out_add(o, ".", 1);
	dca_b64url(o, payload);
}

/* input and signature as an object: { protected, payload, signature }. */
static json_t *
flat(struct dca_buf input, struct dca_buf sig)
{
	const char *p = (const char *)input.p;
	const char *dot = memchr(p, '.', input.n);
	const size_t head = (size_t)(dot - p);
	DCA_AUTO_OUT b64 = { 0 };

	dca_b64url(&b64, sig);
	return json_pack("{s:s%, s:s%, s:s%}", "protected", p, head,
	    "payload", dot + 1, input.n - head - 1, "signature",
	    (const char *)b64.p, b64.n);
}

static void
free_md(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

bool
jose_es256(uint8_t raw[static RAW_SIG], struct dca_buf input, EVP_PKEY *key)
{
	DCA_CLEANUP(free_md) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[128];
	size_t n = sizeof(der);

	return ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, der, &n, input.p, input.n) == 1 &&
	    dca_ecdsa_sig_to_raw(raw, DCA_BUF(der, n));
}

enum dca_rc
jose_sign(struct dca_out *o, enum jose_form form, json_t *header,
    struct dca_buf payload, EVP_PKEY *key, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	DCA_AUTO_OUT input = { 0 };
	uint8_t raw[RAW_SIG];
	JOSE_AUTO *jws = NULL;

	json_object_set_new(header, "alg", json_string("ES256"));
	signing_input(&input, header, payload);
	if (!jose_es256(raw, dca_out_buf(&input), key))
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "a P-256 private key is needed to sign a JWS");
	if (form == JOSE_COMPACT) {
		dca_out_add(o, input.p, input.n);
		dca_out_add(o, ".", 1);
		dca_b64url(o, DCA_BUF(raw, sizeof(raw)));
		return DCA_OK;
	}
	jws = flat(dca_out_buf(&input), DCA_BUF(raw, sizeof(raw)));
	text = json_dumps(jws, JSON_COMPACT);
	dca_out_add(o, text, strlen(text));
	return DCA_OK;
}

static void
hs256(uint8_t out[static DCA_SHA256_LEN], struct dca_buf key,
    struct dca_buf input)
{
	unsigned n = 0;

	if (HMAC(EVP_sha256(), key.p, (int)key.n, input.p, input.n, out, &n) ==
	    NULL || n != DCA_SHA256_LEN)
		abort();
}

json_t *
jose_mac(json_t *header, struct dca_buf payload, struct dca_buf key)
{
	uint8_t mac[DCA_SHA256_LEN];
	DCA_AUTO_OUT input = { 0 };

	json_object_set_new(header, "alg", json_string("HS256"));
	signing_input(&input, header, payload);
	hs256(mac, key, dca_out_buf(&input));
	return flat(dca_out_buf(&input), DCA_BUF(mac, sizeof(mac)));
}

/* --- reading --- */

void
jose_clear(struct jose *j)
{
	json_decref(j->header);
	dca_out_free(&j->payload);
	dca_out_free(&j->input);
	dca_out_free(&j->signature);
	*j = (struct jose){ 0 };
}

enum dca_rc
jose_json(json_t **out, struct dca_buf in, const char *what,
    struct dca_err *e)
{
	json_error_t why;

	*out = NULL;
	if (in.n > JOSE_PAYLOAD_MAX)
		return dca_fail(e, DCA_RULE_INPUT,
		    "%s: %zu octets, at most %d are read", what, in.n,
		    (int)JOSE_PAYLOAD_MAX);
	*out = json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES,
	    &why);
	if (*out == NULL)
		return dca_fail(e, DCA_RULE_INPUT, "%s is not JSON: %s",
		    what, why.text);
	return DCA_OK;
}

/* One JWS, still encoded. */
struct parts {
	struct dca_buf head, payload, sig;
};

static bool
split_compact(struct parts *p, struct dca_buf in)
{
	struct dca_buf *v[] = { &p->head, &p->payload, &p->sig };
	const uint8_t *dot;

	for (size_t i = 0; i < 2; i++) {
		dot = memchr(in.p, '.', in.n);
		if (dot == NULL)
			return false;
		*v[i] = DCA_BUF(in.p, (size_t)(dot - in.p));
		in.n -= v[i]->n + 1;
		in.p = dot + 1;
	}
	p->sig = in;
	return memchr(in.p, '.', in.n) == NULL;
}

/* RFC 8555 6.2: no unprotected header, not the general form. */
static bool
split_flat(struct parts *p, const json_t *o)
{
	static const char *const names[] = { "protected", "payload",
		"signature" };
	struct dca_buf *v[] = { &p->head, &p->payload, &p->sig };
	const json_t *s;

	if (json_object_size(o) != 3)
		return false;
	for (size_t i = 0; i < 3; i++) {
		s = json_object_get(o, names[i]);
		if (!json_is_string(s))
			return false;
		*v[i] = DCA_BUF(json_string_value(s), json_string_length(s));
	}
	return true;
}

static enum dca_rc
decode(struct jose *j, const struct parts *p, struct dca_err *e)
{
	DCA_AUTO_OUT head = { 0 };
	enum dca_rc rc;

	if (p->head.n > JOSE_HEADER_MAX / 3 * 4 ||
	    p->payload.n > JOSE_PAYLOAD_MAX / 3 * 4 || p->sig.n > 1024)
		return dca_fail(e, DCA_RULE_INPUT, "JWS: a part is too large");
	if (!dca_unb64url(&head, (const char *)p->head.p, p->head.n) ||
	    !dca_unb64url(&j->payload, (const char *)p->payload.p,
	    p->payload.n) ||
	    !dca_unb64url(&j->signature, (const char *)p->sig.p, p->sig.n))
		return dca_fail(e, DCA_RULE_INPUT,
		    "JWS: not base64url without padding (RFC 7515 2)");
	if ((rc = jose_json(&j->header, dca_out_buf(&head), "JWS header", e)))
		return rc;
	if (!json_is_object(j->header) ||
	    json_object_get(j->header, "crit") != NULL ||
	    json_object_get(j->header, "b64") != NULL)
		return dca_fail(e, DCA_RULE_INPUT, "JWS: header is no object, "
		    "or has crit or b64 (RFC 7515 4.1.11; RFC 8555 6.2)");
	dca_out_add(&j->input, p->head.p, p->head.n);
	dca_out_add(&j->input, ".", 1);
	dca_out_add(&j->input, p->payload.p, p->payload.n);
	return DCA_OK;
}

enum dca_rc
jose_parse(struct jose *out, enum jose_form form, struct dca_buf in,
    struct dca_err *e)
{
	struct parts p = { 0 };
	JOSE_AUTO *o = NULL;
	enum dca_rc rc;
	bool ok;

	*out = (struct jose){ 0 };
	if (form == JOSE_COMPACT) {
		ok = in.n > 0 && split_compact(&p, in);
	} else {
		if ((rc = jose_json(&o, in, "JWS", e)))
			return rc;
		ok = split_flat(&p, o);
	}
	if (!ok)
		return dca_fail(e, DCA_RULE_INPUT, form == JOSE_COMPACT ?
		    "not a compact JWS (RFC 7515 7.1)" :
		    "not a flattened JWS with protected, payload, signature "
		    "and nothing else (RFC 8555 6.2)");
	rc = decode(out, &p, e);
	if (rc != DCA_OK)
		jose_clear(out);
	return rc;
}

const char *
jose_text(const struct jose *j, const char *member)
{
	const char *s = json_string_value(json_object_get(j->header, member));

	return s != NULL ? s : "";
}

bool
jose_verify(const struct jose *j, const struct dca_spki *key)
{
	uint8_t digest[DCA_SHA256_LEN];
	DCA_AUTO_OUT der = { 0 };

	if (strcmp(jose_text(j, "alg"), "ES256") != 0 ||
	    j->signature.n != RAW_SIG ||
	    !dca_ecdsa_sig_from_raw(&der, j->signature.p))
		return false;
	dca_sha256(digest, dca_out_buf(&j->input));
	return dca_ecdsa_verify(key, digest, dca_out_buf(&der));
}

bool
jose_verify_mac(const struct jose *j, struct dca_buf key)
{
	uint8_t mac[DCA_SHA256_LEN];

	if (strcmp(jose_text(j, "alg"), "HS256") != 0 ||
	    j->signature.n != sizeof(mac))
		return false;
	hs256(mac, key, dca_out_buf(&j->input));
	return CRYPTO_memcmp(mac, j->signature.p, sizeof(mac)) == 0;
}

/* --- base64 as others write it --- */

bool
jose_unb64_any(struct dca_out *o, const char *s, size_t n)
{
	DCA_CLEANUP(dca_free_p) char *url = NULL;

	if (n > 0 && n % 4 == 0 && s[n - 1] == '=')
		n -= s[n - 2] == '=' ? 2 : 1;
	url = dca_alloc(n + 1);
	for (size_t i = 0; i < n; i++)
		url[i] = s[i] == '+' ? '-' : s[i] == '/' ? '_' : s[i];
	return dca_unb64url(o, url, n);
}

void
jose_b64_padded(struct dca_out *o, struct dca_buf in)
{
	const size_t room = 4 * ((in.n + 2) / 3) + 1;
	DCA_CLEANUP(dca_free_p) char *text = dca_alloc(room);

	(void)EVP_EncodeBlock((unsigned char *)text, in.p, (int)in.n);
	dca_out_add(o, text, room - 1);
}
