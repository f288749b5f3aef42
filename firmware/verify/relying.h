/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef DCA_RELYING_H
#define DCA_RELYING_H

#include "dca/chain.h"
#include "dca/crl.h"
#include "dca/verify.h"

enum {
	RELYING_ROOTS_MAX = 1024,
	RELYING_CHAIN_MAX = 17,		/* one more than a path may have, so
					 * that chain.c says which rule */
	RELYING_OCTETS_MAX = 4 * 1024 * 1024,	/* a chain, or roots */
};

struct relying_provider {
	char spc[DCA_SPC_MAX + 1];
	struct dca_tnset *numbers;
};

struct dca_verifier {
	struct dca_certs roots;
	struct dca_crl **crls;
	size_t n_crls;
	struct relying_provider *providers;	/* sorted by spc */
	size_t n_providers;
	enum dca_verify_spc policy;
};

struct dca_verified {
	struct dca_cert leaf;
	struct dca_tnset *numbers;	/* of its SPCs too; NULL: its list */
};

/* Fills why (NULL ok); the verdict of rc. */
enum dca_verify_verdict relying_why(struct dca_verify_why *why,
    enum dca_rc rc, const struct dca_err *e);

/* For struct dca_inventory; arg is the verifier. */
const struct dca_tnset *relying_numbers(void *arg, const char *spc);

/* leaf is moved. */
struct dca_verified *relying_accept(const struct dca_verifier *v,
    struct dca_cert *leaf);

#endif
