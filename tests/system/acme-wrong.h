/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of acme-wrong share. */
#ifndef DCA_TEST_ACME_WRONG_H
#define DCA_TEST_ACME_WRONG_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

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

#endif
