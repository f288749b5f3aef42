/* SPDX-License-Identifier: Apache-2.0 */
/* A lab chain, judged through the public header of libdca-verify. */
#ifndef DCA_TEST_RELYING_H
#define DCA_TEST_RELYING_H

#include "dca/verify.h"
#include "lab-chain.h"

/* The certificates of a list as x5u has them; the caller frees. */
struct dca_out pem_of(const struct dca_certs *c);
struct dca_verifier *verifier_of(const struct dca_certs *roots);
/* rule "": accepted. at: which certificate, or -1. */
void judge(const struct dca_verifier *v, const struct dca_certs *chain,
    const char *rule, int at, struct dca_verify_why *why);
/* With a verifier of its own roots. */
void expect(const struct chain *c, const char *rule, int at);

#endif
