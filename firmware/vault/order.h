/* SPDX-License-Identifier: Apache-2.0 */
/* Orders for cross-certificates: dca-upstream walks them, the vault decides. */
#ifndef DCA_VAULT_ORDER_H
#define DCA_VAULT_ORDER_H

#include "act.h"

enum { ORDER_STEPS = 48 };

/* What dca-upstream said, for people: not in the ledger. */
struct order_step {
	char name[32], text[384];
	unsigned state;			/* enum dca_order_state */
	int64_t time;
};

struct vault_orders {
	uint64_t id;			/* whose steps these are; 0: none */
	struct order_step steps[ORDER_STEPS];
	unsigned n;			/* all that were said */
	struct order_making *making;	/* key and request, in a thread */
	int64_t try_again;		/* making failed: not before */
	int64_t looked;			/* at the life of the certificate */
	struct dca_out watched;		/* what upstream was told to watch */
	bool revoked;			/* the active chain, by the CRL */
	uint64_t revoked_cross;		/* which one that was */
};

/* --- order.c: acts, the timer, reading --- */
enum dca_rc act_cross_order_prepare(struct act_call *c, struct dca_err *e);
enum dca_rc act_cross_order(struct act_call *c, struct dca_err *e);
enum dca_rc act_cross_drop(struct act_call *c, struct dca_err *e);
void vault_orders_open(struct vault *v);	/* at the start */
void vault_orders_close(struct vault *v);
/* Now and then: makes requests, renews, tells upstream. */
void vault_orders_tick(struct vault *v, int64_t now);
/* { id, steps: [{name, state, text, time}, ...], first } of the order whose
 * steps are known, with what the vault itself does about it. */
void vault_orders_status(struct vault *v, struct dca_out *o);
/* A line of the vault's own among the steps. */
void vault_order_say(struct vault *v, uint64_t id, const char *name,
    enum dca_order_state state, const char *text);

/* --- order-key.c: key and request in the token, in a thread of its own --- */
/* Starts for an order without a request when nothing is made. */
void vault_order_make(struct vault *v, const struct dca_order *o);
/* What the thread brought back, once; false: nothing yet. */
bool vault_order_made(struct vault *v, uint64_t *id, struct dca_out *csr,
    enum dca_rc *rc, struct dca_err *e);
bool vault_order_busy(const struct vault *v);
/* False: the token hangs. */
bool vault_order_stop(struct vault *v);

/* --- upstream.c: its messages --- */
void vault_on_orders(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_step(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_ordered(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_revoked(struct vault *, struct vault_peer *,
    const struct dca_message *);
/* To every upstream that listens: the open order; that one is over; what to
 * watch, when that is new. */
void vault_upstream_order(struct vault *v);
void vault_upstream_end(struct vault *v, uint64_t id, const char *why);
void vault_upstream_watch(struct vault *v);
bool vault_upstream_there(const struct vault *v);

#endif
