/* SPDX-License-Identifier: Apache-2.0 */
/* The active cross-certificate with the scope it gives, shared by jobs. */
#ifndef DCA_VAULT_CROSS_H
#define DCA_VAULT_CROSS_H

#include "dca/chain.h"
#include "dca/lint.h"
#include "dca/store.h"

struct vault_cross {
	unsigned refs;			/* loop thread only */
	uint64_t id;
	struct dca_out bundle;		/* concatenated DER, root last */
	struct dca_certs chain;		/* v[0]: the cross-certificate */
	struct dca_lint_cert *lint;	/* v[0] again, by the lint's reader */
	struct dca_tnset *scope;	/* its list, with the inventory of its
					 * SPCs; never changed once made */
	bool spc_only;
	uint64_t seq;			/* ledger row that activated it, */
	int64_t installed;		/* and its time */
	uint8_t key[32];		/* CKA_ID; key_len 0: as configured */
	size_t key_len;
	bool revoked;			/* said upstream, by the CRL */
};
/* id 0: the active one. CROSS_NONE. */
enum dca_rc vault_cross_load(struct vault_cross **out, struct dca_store *s,
    uint64_t id, struct dca_err *e) DCA_CHECKED;
struct vault_cross *vault_cross_ref(struct vault_cross *c);
void vault_cross_unref(struct vault_cross *c);	/* NULL ok */
/* When the first certificate of the chain ends, seconds since the epoch. */
int64_t vault_cross_ends(const struct vault_cross *c);
static inline void
vault_cross_unref_p(struct vault_cross **c)
{
	vault_cross_unref(*c);
}

#endif
