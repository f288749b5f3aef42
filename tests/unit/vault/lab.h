/* SPDX-License-Identifier: Apache-2.0 */
/* What the vault's tests are made of: keys, certificates by OpenSSL's own
 * API, requests. Failure aborts. */
#ifndef DCA_TEST_LAB_H
#define DCA_TEST_LAB_H

#include <openssl/evp.h>

#include "dca/csr.h"
#include "dca/tnset.h"

/* call has E as its struct dca_err *; what it says is shown when it fails. */
#define OK(call)                                                               \
	do {                                                                   \
		struct dca_err ok_e = { 0 };                                   \
		struct dca_err *E = &ok_e;                                     \
		if ((call) != DCA_OK)                                          \
			fail_msg("%s: %s", #call, ok_e.text);                  \
		(void)E;                                                       \
	} while (0)

EVP_PKEY *lab_key(void);
struct dca_spki lab_spki(EVP_PKEY *key);
struct dca_tnset *lab_set(const char *text);

#define LAB_LIMIT "1.3.6.1.4.1.32473.9060"
struct lab_cert {
	const char *cn;
	const struct dca_spki *key;
	EVP_PKEY *issuer_key;
	const struct dca_out *issuer;	/* NULL: self-issued */
	bool ca;
	const char *numbers;		/* NULL: no TNAuthList */
	const char *limit;		/* constraints extension LAB_LIMIT */
	const char *names;		/* name constraints, DER */
	size_t names_n;
	int64_t not_before, not_after;
};
void lab_cert(struct dca_out *der, const struct lab_cert *c);

/* numbers in text form or NULL; password or NULL. */
void lab_csr(struct dca_out *der, EVP_PKEY *key, const char *numbers,
    const char *password);
/* The same, but signed by another key: no proof of possession. */
void lab_csr_signed_by(struct dca_out *der, EVP_PKEY *key, EVP_PKEY *by,
    const char *numbers, const char *password);
void lab_sign(struct dca_out *sig, EVP_PKEY *key, struct dca_buf body);

#endif
