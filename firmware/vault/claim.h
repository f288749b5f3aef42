/* SPDX-License-Identifier: Apache-2.0 */
/* The first operator's claim: who reads the console becomes the first admin. */
#ifndef DCA_VAULT_CLAIM_H
#define DCA_VAULT_CLAIM_H

#include "act.h"

enum { VAULT_CLAIM_LEN = 16, VAULT_CLAIM_TRIES = 5 };

struct vault_claim {
	uint8_t secret[VAULT_CLAIM_LEN];	/* new at each start */
	char code[32];				/* the same, base64url */
	unsigned wrong;				/* proofs with this one */
};

void vault_claim_open(struct vault *v);
void vault_claim_close(struct vault *v);
/* For the console; NULL once there is an operator. */
const char *vault_claim_code(const struct vault *v);
/*
 * Is the act signed by the very key that it brings, and does who signed know
 * the code? Then op is what it would become. AUTH_SIGNATURE, AUTH_CODE.
 */
enum dca_rc vault_claim_verify(struct vault *v, struct dca_buf cose,
    const struct dca_act *a, struct dca_operator *op, struct dca_err *e)
    DCA_CHECKED;
/* READ claim: which appliance that is, for whoever would claim it; false:
 * nobody can any more. */
bool vault_claim_read(const struct vault *v, struct dca_out *o);

#endif
