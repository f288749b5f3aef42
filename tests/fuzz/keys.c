/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lab keys with the private keys 1, 2, 3, 4, as RFC 5915 DER without the
 * public key, which OpenSSL computes.
 */
#include "keys.h"

#include <stdlib.h>

#include <openssl/x509.h>

#include "fuzz.h"

static EVP_PKEY *
make(unsigned place)
{
	uint8_t der[] = { 0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20,
		[38] = (uint8_t)(place + 1), 0xa0, 0x0a, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	const uint8_t *p = der;
	EVP_PKEY *k = d2i_PrivateKey(EVP_PKEY_EC, NULL, &p, sizeof(der));

	if (k == NULL)
		abort();
	return k;
}

EVP_PKEY *
fuzz_key(unsigned place)
{
	static EVP_PKEY *key[FUZZ_KEYS];

	if (place >= FUZZ_KEYS)
		abort();
	if (key[place] == NULL)
		key[place] = make(place);
	return key[place];
}

void
fuzz_sign(struct dca_out *der, struct dca_buf tbs, unsigned place)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[80];
	size_t n = sizeof(sig);

	HOLDS(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
	    fuzz_key(place)) == 1);
	HOLDS(EVP_DigestSign(ctx, sig, &n, tbs.p, tbs.n) == 1);
	EVP_MD_CTX_free(ctx);
	dca_signed_encode(der, tbs, DCA_BUF(sig, n));
}
