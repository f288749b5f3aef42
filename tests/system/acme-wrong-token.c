/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SPC tokens that are right but for one thing, each with the words in which
 * the lab's STI-CA must refuse it (RFC 9448 6).
 */
#include <stdlib.h>
#include <string.h>

#include "acme-wrong.h"
#include "dca/os.h"
#include "jose.h"

const struct wrong wrong_tokens[] = {
	{ "42: alg none", "{\"alg\":\"none\"}", .says = "alg is not ES256" },
	{ "42: alg HS256", "{\"alg\":\"HS256\"}", .says =
	    "alg is not ES256" },
	{ "42: no typ", "{\"typ\":null}", .says = "typ is not JWT" },
	{ "42: crit", "{\"crit\":[\"x\"],\"x\":1}", .says =
	    "no compact JWS" },
	{ "43: no x5u", "{\"x5u\":null}", .says = "x5u is not https" },
	{ "43: x5u by http", "{\"x5u\":\"http://localhost/\"}", .says =
	    "x5u is not https" },
	{ "43: x5u elsewhere", "{\"x5u\":\"https://elsewhere.example/\"}",
	    .says = "not that of the trusted token authority" },
	{ "44: another signer", .other_signer = true, .says =
	    "signature does not verify" },
	{ "45: a longer signature", .bad_signature = true, .says =
	    "signature does not verify" },
	{ "46: no exp", .payload = "{\"exp\":null}", .says = "is missing" },
	{ "46: no jti", .payload = "{\"jti\":null}", .says = "is missing" },
	{ "46: no atc", .payload = "{\"atc\":null}", .says = "is missing" },
	{ "46: no tktype", .atc = "{\"tktype\":null}", .says =
	    "is missing" },
	{ "46: no tkvalue", .atc = "{\"tkvalue\":null}", .says =
	    "is missing" },
	{ "46: no fingerprint", .atc = "{\"fingerprint\":null}", .says =
	    "is missing" },
	{ "47: tktype", .atc = "{\"tktype\":\"dns\"}", .says =
	    "tktype is not" },
	{ "48: tkvalue", .atc = "{\"tkvalue\":\"MAigBhYEMTIzNA\"}", .says =
	    "tkvalue is not the identifier" },
	{ "49: expired", .payload = "{\"exp\":1700000000}", .says =
	    "has expired" },
	{ "49: exp far away", .payload = "{\"exp\":99999999999}", .says =
	    "too far away" },
	{ "49: nbf in the future", .payload = "{\"nbf\":99999999999}", .says =
	    "nbf is in the future" },
	{ "50: fingerprint", .atc = "{\"fingerprint\":\"SHA256 00\"}",
	    .says = "fingerprint is not that" },
	{ .what = NULL },
};

static void
patch(json_t *o, const char *text)
{
	JOSE_AUTO *p = text != NULL ? json_loads(text, 0, NULL) : NULL;
	const char *name;
	json_t *v;

	json_object_foreach(p, name, v) {
		if (json_is_null(v))
			json_object_del(o, name);
		else
			json_object_set(o, name, v);
	}
}

/* The token with its header written anew: jose_sign would set alg right. */
static void
rewrite(struct dca_out *jws, const json_t *header)
{
	DCA_CLEANUP(dca_free_p) char *text = json_dumps(header, JSON_COMPACT);
	const uint8_t *dot = memchr(jws->p, '.', jws->n);
	DCA_AUTO_OUT o = { 0 };

	dca_b64url(&o, DCA_BUF(text, strlen(text)));
	dca_out_add(&o, dot, jws->n - (size_t)(dot - jws->p));
	jws->n = 0;
	dca_out_add(jws, o.p, o.n);
}

/* An SPC token by the lab's own key: what a signer gives is not the point. */
char *
wrong_token(EVP_PKEY *signer, const char *x5u, EVP_PKEY *key, const char *jti,
    int64_t life, const struct wrong *f)
{
	char form[JOSE_FINGERPRINT];
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	struct dca_spki public;
	JOSE_AUTO *payload = NULL;
	JOSE_AUTO *header = NULL;
	JOSE_AUTO *answer = NULL;
	DCA_AUTO_OUT jws = { 0 };

	if (dca_spki_from_pkey(&public, key, NULL) != DCA_OK)
		abort();
	jose_fingerprint(form, &public, false);
	header = json_pack("{s:s,s:s}", "typ", "JWT", "x5u", x5u);
	payload = json_pack("{s:I,s:s,s:{s:s,s:s,s:b,s:s}}", "exp",
	    (json_int_t)(dca_now() + life), "jti", jti, "atc", "tktype",
	    "TNAuthList", "tkvalue", "MAigBhYENzA5Sg", "ca", 1, "fingerprint",
	    form);
	patch(header, f->header);
	patch(json_object_get(payload, "atc"), f->atc);
	patch(payload, f->payload);
	text = json_dumps(payload, JSON_COMPACT);
	if (jose_sign(&jws, JOSE_COMPACT, header, DCA_BUF(text,
	    strlen(text)), f->other_signer ? key : signer, NULL) != DCA_OK)
		abort();
	if (f->header != NULL && strstr(f->header, "alg") != NULL) {
		patch(header, f->header);
		rewrite(&jws, header);
	}
	if (f->bad_signature)	/* longer than r || s, as DER is */
		dca_out_add(&jws, "AAAAAAAA", 8);
	answer = json_pack("{s:s%}", "tkauth", (const char *)jws.p, jws.n);
	return json_dumps(answer, JSON_COMPACT);
}
