/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates the lab CA makes (dca-sandbox-cert.c). */
#ifndef DCA_SANDBOX_H
#define DCA_SANDBOX_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "dca/cert.h"

/* What to put into one certificate; everything is borrowed. */
struct lab_spec {
	const char *organisation, *cn;
	const struct dca_spki *key;
	X509 *issuer;			/* NULL: self-signed root */
	EVP_PKEY *issuer_key;
	int64_t not_before, not_after;
	bool ca, key_cert_sign;
	int path_len;			/* -1: none */
	bool wrong_aki;
	const struct dca_tnset *scope;	/* NULL: no TNAuthList */
};

/* Signed, never NULL unless e says why. */
X509 *lab_cert_make(const struct lab_spec *s, struct dca_err *e);
void lab_cert_pem(struct dca_out *o, X509 *x);

DCA_DEFINE_CLEANUP(X509, X509_free);
DCA_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);

#endif
