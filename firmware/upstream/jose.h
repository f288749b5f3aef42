/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON signed and addressed (RFC 7515, 7517, 7638) as far as ACME (RFC 8555
 * 6.2) and authority tokens (RFC 9447, 9448) use it: ES256 with P-256 keys,
 * HS256 for the external account binding, nothing else. Needs jansson; the
 * dca-upstream client and the lab's servers share it.
 */
#ifndef DCA_UPSTREAM_JOSE_H
#define DCA_UPSTREAM_JOSE_H

#include <jansson.h>
#include <openssl/evp.h>

#include "dca/csr.h"

enum {
	JOSE_HEADER_MAX = 16 * 1024,	/* protected header, decoded */
	JOSE_PAYLOAD_MAX = 512 * 1024,
	JOSE_FINGERPRINT = 103,		/* "SHA256 AA:..:FF" and NUL */
};

/* --- keys --- */
/* { "crv", "kty", "x", "y" }: a new reference; 32 octets each coordinate. */
json_t *jose_jwk(const struct dca_spki *key);
/* Members beside those four are ignored (a vendor's "kid"). INPUT. */
enum dca_rc jose_jwk_parse(struct dca_spki *out, const json_t *jwk,
    struct dca_err *e) DCA_CHECKED;
/* RFC 7638 3: SHA-256 of the canonical JWK. */
void jose_thumbprint(uint8_t out[static DCA_SHA256_LEN],
    const struct dca_spki *key);
/* "SHA256 " and colon hex in capitals: of the thumbprint (RFC 9448 5.4), or of
 * the SubjectPublicKeyInfo as services in use have it. */
void jose_fingerprint(char out[static JOSE_FINGERPRINT],
    const struct dca_spki *key, bool of_spki);

/* --- making --- */
/* ES256 over the ASCII of protected and payload; header gets "alg". The
 * flattened JSON (RFC 7515 7.2.2) or, compact, a.b.c. header is borrowed.
 * INTERNAL when key cannot sign. */
enum jose_form { JOSE_FLAT, JOSE_COMPACT };
enum dca_rc jose_sign(struct dca_out *o, enum jose_form form, json_t *header,
    struct dca_buf payload, EVP_PKEY *key, struct dca_err *e) DCA_CHECKED;
/* r || s over input (RFC 7518 3.4). */
bool jose_es256(uint8_t raw[static 64], struct dca_buf input, EVP_PKEY *key);
/* HS256, flattened: the inner JWS of RFC 8555 7.3.4, as an object. */
json_t *jose_mac(json_t *header, struct dca_buf payload,
    struct dca_buf key);

/* --- reading --- */
struct jose {
	json_t *header;			/* protected, owned */
	struct dca_out payload;		/* decoded */
	struct dca_out input;		/* what was signed */
	struct dca_out signature;	/* decoded */
};
void jose_clear(struct jose *j);
/* Strict: protected header only, no unprotected one, one signature, base64url
 * without padding, no name twice, no "crit", no "b64". INPUT. */
enum dca_rc jose_parse(struct jose *out, enum jose_form form,
    struct dca_buf in, struct dca_err *e) DCA_CHECKED;
/* alg is ES256 and the 64 octets verify; "" or the text of a header member. */
bool jose_verify(const struct jose *j, const struct dca_spki *key);
bool jose_verify_mac(const struct jose *j, struct dca_buf key);
const char *jose_text(const struct jose *j, const char *member);

/* JSON within bounds, no name twice. INPUT, what says whose. New reference. */
enum dca_rc jose_json(json_t **out, struct dca_buf in, const char *what,
    struct dca_err *e) DCA_CHECKED;
/* A list in an identifier or tkvalue: base64url or base64, padded or not
 * (RFC 9448 3 wants the first, unpadded; services in use send the other). */
bool jose_unb64_any(struct dca_out *o, const char *s, size_t n);
/* Standard base64 with padding, for the dialects that demand it. */
void jose_b64_padded(struct dca_out *o, struct dca_buf in);

static inline void
jose_json_decref_p(json_t **j)
{
	json_decref(*j);
}
#define JOSE_AUTO DCA_CLEANUP(jose_json_decref_p) json_t

#endif
