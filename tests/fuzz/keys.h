/* SPDX-License-Identifier: Apache-2.0 */
/* The lab keys of the chain target, the same in every run: leaf is 0. */
#ifndef DCA_FUZZ_KEYS_H
#define DCA_FUZZ_KEYS_H

#include <openssl/evp.h>

#include "dca/csr.h"

enum { FUZZ_KEYS = 4 };

/* Borrowed for the life of the program. */
EVP_PKEY *fuzz_key(unsigned place);
/* tbs, signed by it (ecdsa-with-SHA256). */
void fuzz_sign(struct dca_out *der, struct dca_buf tbs, unsigned place);

#endif
