/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that replay the ledger share. */
#ifndef DCA_STORE_REPLAY_H
#define DCA_STORE_REPLAY_H

#include "db.h"
#include "dca/act.h"

struct replay {
	struct dca_store *to;
	uint8_t appliance[DCA_APPLIANCE_LEN];
	/* the row that is being replayed */
	const struct dca_row *row;
	struct dca_act act;
	struct audit *audit;	/* NULL: nobody asked */
};

/* replay.c: values of a map that are known to be there; LEDGER_ROW. */
enum dca_rc replay_absent(const char *key, struct dca_err *e);
enum dca_rc replay_text(struct dca_buf map, const char *key, char *out,
    size_t cap, struct dca_err *e) DCA_CHECKED;
enum dca_rc replay_uint(struct dca_buf map, const char *key, uint64_t *out,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc replay_bytes(struct dca_buf map, const char *key,
    struct dca_buf *out, struct dca_err *e) DCA_CHECKED;

/* replay.c: was r->act signed by the row's actor, in the right role? */
enum dca_rc replay_signature(struct replay *r, struct dca_buf cose,
    struct dca_err *e) DCA_CHECKED;
/* What r->act does, as of r->row. */
enum dca_rc replay_apply(struct replay *r, struct dca_err *e) DCA_CHECKED;

/* replay-import.c: acts inventory.import, delegation.import */
enum dca_rc replay_import(struct replay *r, struct dca_err *e);

/* replay-proposal.c: rows "propose", acts approve and proposal.drop */
enum dca_rc replay_propose(struct replay *r, struct dca_err *e);
enum dca_rc replay_approve(struct replay *r, struct dca_err *e);
enum dca_rc replay_drop(struct replay *r, struct dca_err *e);
/* May this stand with one signature? LEDGER_ROW. */
enum dca_rc replay_two(struct replay *r, const char *name,
    struct dca_buf args, struct dca_err *e) DCA_CHECKED;

/* replay-order.c: acts cross.order and cross.drop; rows "order", "order.csr" */
enum dca_rc replay_order(struct replay *r, struct dca_err *e);
enum dca_rc replay_order_drop(struct replay *r, struct dca_err *e);
enum dca_rc replay_order_csr(struct replay *r, struct dca_err *e);
/* What a payload or row with "order" does to that order; without: nothing. */
enum dca_rc replay_order_proposed(struct replay *r, struct dca_buf payload,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc replay_order_done(struct replay *r, struct dca_buf map,
    uint64_t cross, struct dca_err *e) DCA_CHECKED;
/* LEDGER_ROW: who ordered it approves it. */
enum dca_rc replay_order_eyes(struct replay *r, struct dca_buf payload,
    struct dca_err *e) DCA_CHECKED;
/* Is this install by policy, and may it be? */
enum dca_rc replay_order_policy(struct replay *r, bool *policy,
    struct dca_err *e) DCA_CHECKED;

/* audit.c: who did what, row by row; then told for each operator */
struct audit *audit_new(void);
void audit_free(struct audit *a);	/* NULL ok */
enum dca_rc audit_row(struct replay *r, struct dca_err *e) DCA_CHECKED;
enum dca_rc audit_tell(struct replay *r, dca_operator_audit_fn fn, void *arg,
    struct dca_err *e) DCA_CHECKED;

/* replay-revoke.c: acts revoke, delegation.remove, delegation.end */
enum dca_rc replay_revoke(struct replay *r, struct dca_err *e);
enum dca_rc replay_delegation(struct replay *r, struct dca_err *e);

#endif
