/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of the crl target: CRLs by OpenSSL, without their signature. */
#include "seed.h"

#include <stdlib.h>

#include <openssl/x509.h>

#include "keys.h"
#include "lab-crl.h"

void
seed_crls(void)
{
	struct lab_spec root = { .cn = "SHAKEN Root", .ku = 0x06,
		.key = fuzz_key(FUZZ_KEYS - 1) };
	struct lab signer = lab_make(&root);
	struct lab_spec leaf = { .cn = "SHAKEN leaf", .ca = LAB_CA_FALSE,
		.key = fuzz_key(0), .issuer = &signer };
	struct lab ee = lab_make(&leaf);
	const struct lab_crl_spec plans[] = {
		{ .signer = &signer },
		{ .signer = &signer, .revoked = { { .cert = &ee } } },
		{ .signer = &signer, .idp = IDP_INDIRECT,
		    .revoked = { { .cert = &ee, .reason = 2, .issuer = true } } },
		{ .signer = &signer, .v1 = true },
	};

	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		DCA_AUTO_OUT der = { 0 };
		const uint8_t *p;
		uint8_t *tbs = NULL;
		X509_CRL *x;
		int n;

		lab_crl(&der, &plans[i]);
		p = der.p;
		x = d2i_X509_CRL(NULL, &p, (long)der.n);
		n = x == NULL ? 0 : i2d_re_X509_CRL_tbs(x, &tbs);
		if (n <= 0)
			abort();
		seed_write("crl", DCA_BUF(tbs, (size_t)n));
		OPENSSL_free(tbs);
		X509_CRL_free(x);
	}
	lab_free(&ee);
	lab_free(&signer);
}
