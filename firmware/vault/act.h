/* SPDX-License-Identifier: Apache-2.0 */
/* Acts: what the table in act.c names, and how their arguments are read. */
#ifndef DCA_VAULT_ACT_H
#define DCA_VAULT_ACT_H

#include "dca/act.h"

#include "job.h"

enum { ACT_COMMAND_MAX = 512 };	/* argument of a COMMAND */

/* One act being applied, inside its savepoint; seq is its ledger row. */
struct act_call {
	struct vault *v;
	struct vault_peer *peer;
	uint64_t id;
	const struct dca_operator *op;	/* NULL: local */
	bool claims;			/* op is who it wants to become */
	const struct dca_act *act;
	struct dca_buf signed_act;	/* COSE_Sign1, or the local payload */
	uint64_t seq;
	int64_t now;			/* the time of that row */
	struct dca_out serials;		/* what is revoked, one after the
					 * other; stands in the row too */
	uint8_t code[16];		/* code.create */
	const char *actor;		/* "operator:..." or "local:..." */
	struct dca_out scope;		/* cross.order: what it stands for,
					 * in the row; empty: nothing new */
	uint8_t key_id[32];		/* and the CKA_ID of its key */
	size_t key_id_n;
	const char *verb;		/* for dca-board, after the commit;
					 * NULL: nothing */
	char arg[ACT_COMMAND_MAX + 1];
	struct dca_out answer;		/* empty: {} */
	bool deferred;			/* the answer comes later */
};
typedef enum dca_rc (*act_handler)(struct act_call *c, struct dca_err *e);

/* Arguments: exactly these keys; unknown, missing or malformed is REG_ACT
 * (ids REG_ID), naming the key. */
enum act_kind { ACT_ID, ACT_TEXT, ACT_UINT, ACT_BYTES, ACT_ITEM };
struct act_arg {
	const char *name;
	enum act_kind kind;
	bool optional;
	void *to;	/* char[cap], uint64_t, struct dca_buf */
	size_t cap;	/* ID, TEXT: octets; UINT: most; BYTES: octets */
	bool seen;
};
enum dca_rc act_args(struct dca_buf args, struct act_arg *v, size_t n,
    struct dca_err *e) DCA_CHECKED;
/* act.c: what the act does, without row, role or number. */
enum dca_rc act_apply(struct act_call *c, struct dca_err *e) DCA_CHECKED;
/* proposal.c */
enum dca_rc act_approve(struct act_call *c, struct dca_err *e);
enum dca_rc act_proposal_drop(struct act_call *c, struct dca_err *e);
/* act-register.c */
enum dca_rc act_operator_add(struct act_call *c, struct dca_err *e);
enum dca_rc act_operator_claim(struct act_call *c, struct dca_err *e);
/* id and key into op, as an admin; proof has DCA_PASSWORD_MAX + 1 octets. */
enum dca_rc act_claim_args(struct dca_buf args, struct dca_operator *op,
    char proof[static DCA_PASSWORD_MAX + 1], struct dca_err *e) DCA_CHECKED;
enum dca_rc act_operator_remove(struct act_call *c, struct dca_err *e);
enum dca_rc act_customer_add(struct act_call *c, struct dca_err *e);
enum dca_rc act_customer_set(struct act_call *c, struct dca_err *e);
enum dca_rc act_customer_suspend(struct act_call *c, struct dca_err *e);
enum dca_rc act_customer_resume(struct act_call *c, struct dca_err *e);
enum dca_rc act_customer_pin(struct act_call *c, struct dca_err *e);
enum dca_rc act_customer_unpin(struct act_call *c, struct dca_err *e);
enum dca_rc act_code_create(struct act_call *c, struct dca_err *e);
enum dca_rc act_code_revoke(struct act_call *c, struct dca_err *e);
enum dca_rc act_issue(struct act_call *c, struct dca_err *e);
enum dca_rc act_token_resume(struct act_call *c, struct dca_err *e);
/* act-revoke.c, act-delegation.c; prepare finds out which certificates are
 * meant, before the row is written that names them */
enum dca_rc act_revoke_prepare(struct act_call *c, struct dca_err *e);
enum dca_rc act_revoke(struct act_call *c, struct dca_err *e);
enum dca_rc act_delegation_prepare(struct act_call *c, struct dca_err *e);
enum dca_rc act_delegation_remove(struct act_call *c, struct dca_err *e);
enum dca_rc act_delegation_end(struct act_call *c, struct dca_err *e);
/* Revokes c->serials. */
enum dca_rc act_revoke_serials(struct act_call *c, uint64_t reason,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc act_reason(uint64_t reason, struct dca_err *e) DCA_CHECKED;
/* Text of one argument (RFC 9060 numbers only) into a set that is not empty. */
enum dca_rc act_numbers(struct dca_buf item, struct dca_tnset *set,
    struct dca_err *e) DCA_CHECKED;
/* "revoked": [serial in hex, ...], at most ACT_SERIALS_SHOWN of them. */
enum { ACT_SERIALS_SHOWN = 1000 };
void act_put_revoked(struct act_call *c);
/* act-box.c */
enum dca_rc act_update_install(struct act_call *c, struct dca_err *e);
enum dca_rc act_update_commit(struct act_call *c, struct dca_err *e);
enum dca_rc act_update_rollback(struct act_call *c, struct dca_err *e);
enum dca_rc act_box_reset(struct act_call *c, struct dca_err *e);
/* import.c; a refused one leaves { "errors": ... } in the answer */
enum dca_rc act_inventory_import(struct act_call *c, struct dca_err *e);
enum dca_rc act_delegation_import(struct act_call *c, struct dca_err *e);

#endif
