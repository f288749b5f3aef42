/* SPDX-License-Identifier: Apache-2.0 */
/* Acts that wait for another admin. */
#ifndef DCA_VAULT_PROPOSAL_H
#define DCA_VAULT_PROPOSAL_H

#include "act.h"

struct vault_proposing {
	const char *act, *actor;
	struct dca_buf data;	/* COSE_Sign1, or a payload of root's */
	bool is_signed;
};
/* Inside the group and savepoint of the caller; answer: { needs, sha256,
 * proposal }. */
enum dca_rc vault_propose(struct vault *v, const struct vault_proposing *p,
    struct dca_out *answer, struct dca_err *e) DCA_CHECKED;

/* install.c: the proposed cross-certificate is checked again and becomes the
 * active one; seq: the row of the approval. */
enum dca_rc vault_cross_approved(struct vault *v, struct dca_buf payload,
    uint64_t seq, struct dca_err *e) DCA_CHECKED;

/*
 * install.c: what upstream brought for an order. Checked like what root
 * brings; then a proposal, or the active one at once where policy says so.
 * Inside the caller's group and savepoint.
 */
enum dca_rc vault_install_ordered(struct vault *v, const struct dca_order *o,
    struct dca_buf chain, struct dca_buf roots, struct dca_err *e)
    DCA_CHECKED;

#endif
