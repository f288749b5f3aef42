/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of acme-wrong share. */
#ifndef DCA_TEST_ACME_WRONG_H
#define DCA_TEST_ACME_WRONG_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "http.h"
#include "jose.h"

extern struct acme_wrong {
	const char *base, *eab_kid;
	struct http *http;
	struct dca_out eab_key;
	EVP_PKEY *signer;
	unsigned failures;
} t;
extern const char wrong_new_order[], wrong_order[];	/* path, payload */

void wrong_check(bool yes, const char *what, const struct http_answer *r);
char *wrong_url(const char *path);
EVP_PKEY *wrong_key(void);	/* a new one */
/* A header as it must be: nonce, url, and who signs (kid, or the jwk). */
json_t *wrong_right(const char *path, const char *kid, EVP_PKEY *key);
/* header is taken. */
void wrong_post(const char *path, json_t *header, const char *payload,
    EVP_PKEY *key, struct http_answer *r);
bool wrong_says(const struct http_answer *r, long status, const char *type);
/* What was answered, and that it is this; r is cleared. */
void wrong_refused(struct http_answer *r, long status, const char *type,
    const char *what);
void wrong_orders(const char *kid, EVP_PKEY *key, const char *kid2,
    EVP_PKEY *key2);

/* What is wrong with a token: JSON members that replace, null takes away. */
struct wrong {
	const char *what, *header, *payload, *atc;
	const char *says;	/* in the refusal */
	bool other_signer, bad_signature;
};
extern const struct wrong wrong_tokens[];	/* ends with what NULL */

/* {"tkauth": an SPC token for the SPC 709J and key}, malloced. */
char *wrong_token(EVP_PKEY *signer, const char *x5u, EVP_PKEY *key,
    const char *jti, int64_t life, const struct wrong *f);
/* {"csr": a request for list by key, with CA:TRUE or without}, malloced. */
char *wrong_csr(EVP_PKEY *key, const char *list, bool ca);

#endif
