/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS#10 requests (RFC 2986) as plain, checked fields; proof of possession;
 * and the making of requests for the tools and the ceremony.
 */
#ifndef DCA_CSR_H
#define DCA_CSR_H

#include <openssl/evp.h>

#include "dca/tnset.h"

enum {
	DCA_POINT_LEN = 65,	/* 04 || X || Y */
	DCA_SPKI_LEN = 91,	/* SubjectPublicKeyInfo of a P-256 key */
	DCA_PASSWORD_MAX = 255,
};

/* A P-256 public key as its one possible DER (RFC 5480, uncompressed). */
struct dca_spki {
	uint8_t der[DCA_SPKI_LEN];
};
/* Checks form, curve and that the point is on it: CSR_KEY, CSR_POINT. */
enum dca_rc dca_spki_parse(struct dca_spki *out, struct dca_buf der,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_spki_from_point(struct dca_spki *out, struct dca_buf point,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_spki_from_pkey(struct dca_spki *out, EVP_PKEY *key,
    struct dca_err *e) DCA_CHECKED;
const uint8_t *dca_spki_point(const struct dca_spki *k); /* DCA_POINT_LEN */
void dca_spki_sha256(uint8_t out[static DCA_SHA256_LEN],
    const struct dca_spki *k);
/* SHA-1 of the BIT STRING contents (RFC 5280 4.2.1.2 method 1). */
void dca_spki_ski(uint8_t out[static 20], const struct dca_spki *k);

/*
 * ECDSA P-256 over a SHA-256 digest; sig is DER (ECDSA-Sig-Value), strict.
 * The fast way (EC_KEY_oct2key on a cached group), safe from many threads.
 */
bool dca_ecdsa_verify(const struct dca_spki *k,
    const uint8_t digest[static DCA_SHA256_LEN], struct dca_buf sig);
/* 64 octets r||s <-> DER; from_raw refuses r or s of 0. */
bool dca_ecdsa_sig_from_raw(struct dca_out *der, const uint8_t raw[static 64]);
bool dca_ecdsa_sig_to_raw(uint8_t raw[static 64], struct dca_buf der);

/*
 * What a customer may ask, nothing else (CSR tolerance of dca(7) LIMITS). All
 * borrowed pointers point into the DER that was parsed: keep it.
 */
struct dca_csr {
	struct dca_spki key;
	struct dca_buf subject;		/* Name, DER */
	bool subject_empty;
	struct dca_tnset *numbers;	/* owned; NULL: none asked */
	char password[DCA_PASSWORD_MAX + 1];	/* challengePassword or "" */
	struct dca_buf info;		/* CertificationRequestInfo, DER */
	struct dca_buf signature;	/* DER ECDSA-Sig-Value */
	uint8_t sha256[DCA_SHA256_LEN];	/* of the whole request */
};
/*
 * Strict DER, version 0, P-256 named curve, ecdsa-with-SHA256. Does not do
 * the ECDSA verification (60 us): dca_csr_check_pop does. On failure out is
 * cleared. Rules CSR_* and TN_*.
 */
enum dca_rc dca_csr_parse(struct dca_csr *out, struct dca_buf der,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_csr_check_pop(const struct dca_csr *r, struct dca_err *e)
    DCA_CHECKED;
void dca_csr_clear(struct dca_csr *r);

/*
 * The request for a cross-certificate (RFC 9060 4): CA:TRUE, keyCertSign,
 * TNAuthList. Parsed to compare what came back with what was asked.
 */
struct dca_ca_csr {
	struct dca_spki key;
	struct dca_tnset *scope;	/* owned */
};
enum dca_rc dca_ca_csr_parse(struct dca_ca_csr *out, struct dca_buf der,
    struct dca_err *e) DCA_CHECKED;	/* including proof of possession */
void dca_ca_csr_clear(struct dca_ca_csr *r);

/* What to put into a request. */
struct dca_csr_spec {
	struct dca_spki key;
	struct dca_buf subject;			/* Name DER; empty: no RDN */
	const struct dca_tnset *numbers;	/* NULL: no TNAuthList */
	const char *password;			/* NULL: none */
	bool ca;	/* CA:TRUE, keyCertSign: cross-certificate */
};
/* CertificationRequestInfo, to be signed (SHA-256). */
void dca_csr_build(struct dca_out *info, const struct dca_csr_spec *spec);
/* info + DER signature -> CertificationRequest. Also TBS -> Certificate:
 * both are SEQUENCE { body, ecdsa-with-SHA256, BIT STRING }. */
void dca_signed_encode(struct dca_out *o, struct dca_buf body,
    struct dca_buf sig);
/* Name DER of C, O, CN (NULL: left out); REG_FIELD when a part is bad. */
enum dca_rc dca_name_encode(struct dca_out *o, const char *c, const char *org,
    const char *cn, struct dca_err *e) DCA_CHECKED;

/* challengePassword of dca(7) TRUST (a): "<code id>:" b64url(HMAC-SHA256(code,
 * SPKI DER)). */
void dca_enrol_proof(char out[static DCA_PASSWORD_MAX + 1], const char *id,
    const uint8_t code[static 16], const struct dca_spki *key);
/*
 * challengePassword of dca(7) TRUST (d): "rekey:<serial, lower-case hex>:"
 * b64url(DER ECDSA signature by the old key over SHA-256(message)), where
 * message is "dca-rekey" || SPKI DER of the new key. Who holds the old key
 * signs the message; check says whether password is such a proof of exactly
 * this certificate and key.
 */
enum { DCA_REKEY_LEN = 9 + DCA_SPKI_LEN };
void dca_rekey_message(uint8_t out[static DCA_REKEY_LEN],
    const struct dca_spki *new_key);
void dca_rekey_proof(char out[static DCA_PASSWORD_MAX + 1],
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_buf sig);
bool dca_rekey_check(const char *password,
    const uint8_t serial[static DCA_SERIAL_LEN], const struct dca_spki *old,
    const struct dca_spki *new_key);

#endif
