/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders for cross-certificates: by an admin's act, or by the timer at two
 * thirds of the life of the active one. What is ordered and with which key
 * stands in the ledger before anything is made or asked. Must never have two
 * open.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/cbor.h"

#include "order.h"

enum { KEY_ID = 16, LOOK_EVERY = 60, RETRY_MAKING = 10, DAY = 86400,
	SCOPE_MAX = DCA_ACT_MAX };

/* --- what an order is for --- */

static void
scope_of_active(struct vault *v, struct dca_out *text)
{
	const struct vault_cross *c = vault_cross_active(v);

	if (c)
		dca_tnset_print(c->chain.v[0].scope, text);
}

/* Canonical text of what is wanted: named, or that of the active one. */
static enum dca_rc
wanted(struct vault *v, const char *scope, struct dca_out *text,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s = dca_tnset_new();
	enum dca_rc rc;

	if (scope[0] == '\0')
		scope_of_active(v, text);
	else if ((rc = dca_tnset_parse(s, scope, e)))
		return rc;
	else
		dca_tnset_print(s, text);
	if (text->n > 0)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_REG_FIELD, "no cross-certificate is "
	    "installed whose list could be ordered again: name a scope");
}

/* "new": random, so that no two orders share it; "keep": that of the active
 * one, or as configured. */
static enum dca_rc
choose_key(struct vault *v, const char *key, uint8_t id[static KEY_ID * 2],
    size_t *n, struct dca_err *e)
{
	const struct vault_cross *c = vault_cross_active(v);

	*n = 0;
	if (strcmp(key, "new") == 0) {
		dca_random(id, KEY_ID);
		*n = KEY_ID;
		return DCA_OK;
	}
	if (strcmp(key, "keep") != 0)
		return dca_fail(e, DCA_RULE_REG_FIELD,
		    "key is \"%.20s\", not new or keep", key);
	if (c && c->key_len > 0) {
		memcpy(id, c->key, c->key_len);
		*n = c->key_len;
	}
	return DCA_OK;
}

static const char *
key_policy(const struct vault *v)
{
	return v->conf.cross_key == VAULT_KEY_NEW ? "new" : "keep";
}

/* --- acts --- */

struct order_args {
	struct dca_out scope;
	char key[8];
};

static enum dca_rc
read_args(struct act_call *c, struct order_args *a, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *scope = dca_alloc(SCOPE_MAX);
	struct act_arg v[] = {
		{ .name = "scope", .kind = ACT_TEXT, .optional = true,
		  .to = scope, .cap = SCOPE_MAX },
		{ .name = "key", .kind = ACT_TEXT, .optional = true,
		  .to = a->key, .cap = sizeof(a->key) },
	};
	enum dca_rc rc;

	scope[0] = a->key[0] = '\0';
	if ((rc = act_args(c->act->args, v, 2, e)))
		return rc;
	if (a->key[0] == '\0')
		(void)dca_strlcpy(a->key, key_policy(c->v), sizeof(a->key));
	return wanted(c->v, scope, &a->scope, e);
}

/* Does the order's certificate still wait for an admin? */
static bool
waits(struct vault *v, const struct dca_order *o)
{
	DCA_CLEANUP(dca_proposal_clear) struct dca_proposal p = { 0 };

	return o->state == DCA_ORDERED_PROPOSED && dca_store_proposal(
	    v->store, o->proposal, &p, NULL) == DCA_OK &&
	    p.state == DCA_PROPOSAL_OPEN && dca_now() < p.expires;
}

/* The order that is open, or the last one while its certificate waits for an
 * admin: who asks again, not knowing how far it got, asks for that one. False:
 * there is none. */
static bool
under_way(struct vault *v, struct dca_order *o)
{
	if (dca_store_order(v->store, 0, o, NULL) == DCA_OK)
		return true;
	if (dca_store_order_last(v->store, o, NULL) == DCA_OK && waits(v, o))
		return true;
	dca_order_clear(o);
	return false;
}

/* What the act means now, for its row. An order that is under way for the
 * same list is gone on with: then there is nothing to add. */
enum dca_rc
act_cross_order_prepare(struct act_call *c, struct dca_err *e)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order open = { 0 };
	struct order_args a = { 0 };
	enum dca_rc rc = read_args(c, &a, e);
	bool same;

	if (rc == DCA_OK && under_way(c->v, &open)) {
		same = dca_buf_eq(dca_out_buf(&open.scope),
		    dca_out_buf(&a.scope));
		if (!same && open.state == DCA_ORDERED_OPEN)
			rc = dca_fail(e, DCA_RULE_REG_STATE, "order %" PRIu64
			    " for another list is open: dcactl cross drop %"
			    PRIu64, open.id, open.id);
		if (!same)
			open.id = 0;
	}
	if (rc == DCA_OK && open.id == 0)
		rc = choose_key(c->v, a.key, c->key_id, &c->key_id_n, e);
	if (rc == DCA_OK && open.id == 0)
		c->scope = a.scope;
	else
		dca_out_free(&a.scope);
	return rc;
}

static void
answer_order(struct act_call *c, uint64_t id, bool resumed)
{
	dca_cbor_map(&c->answer, 2);
	dca_cbor_text(&c->answer, "order");
	dca_cbor_uint(&c->answer, id);
	dca_cbor_text(&c->answer, "resumed");
	dca_cbor_bool(&c->answer, resumed);
}

/* The steps that people see are those of this order, from now on. */
static void
begin(struct vault *v, uint64_t id)
{
	v->orders->id = id;
	v->orders->n = 0;
	v->orders->try_again = 0;
	v->orders_due = true;
}

enum dca_rc
act_cross_order(struct act_call *c, struct dca_err *e)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order open = { 0 };
	enum dca_rc rc;

	if (c->scope.n == 0) {
		if (!under_way(c->v, &open))
			return dca_fail(e, DCA_RULE_REG_STATE,
			    "the order ended a moment ago: ask again");
		if (open.state == DCA_ORDERED_OPEN)
			begin(c->v, open.id);
		answer_order(c, open.id, true);
		return DCA_OK;
	}
	rc = dca_store_order_add(c->v->store, c->seq, c->actor,
	    (const char *)c->scope.p, DCA_BUF(c->key_id, c->key_id_n), e);
	if (rc)
		return rc;
	begin(c->v, c->seq);
	answer_order(c, c->seq, false);
	return DCA_OK;
}

enum dca_rc
act_cross_drop(struct act_call *c, struct dca_err *e)
{
	uint64_t id = 0;
	struct act_arg v[] = { { .name = "order", .kind = ACT_UINT,
		.to = &id, .cap = INT64_MAX } };
	enum dca_rc rc = act_args(c->act->args, v, 1, e);

	if (rc == DCA_OK)
		rc = dca_store_order_state(c->v->store, id,
		    DCA_ORDERED_DROPPED, 0, e);
	if (rc == DCA_OK)
		vault_upstream_end(c->v, id, "dropped by an operator");
	return rc;
}

/* --- what is said about it --- */

void
vault_order_say(struct vault *v, uint64_t id, const char *name,
    enum dca_order_state state, const char *text)
{
	struct vault_orders *o = v->orders;
	struct order_step *s;

	if (o->id != id) {
		o->id = id;
		o->n = 0;
	}
	s = &o->steps[o->n++ % ORDER_STEPS];
	(void)dca_strlcpy(s->name, name, sizeof(s->name));
	(void)dca_strlcpy(s->text, text, sizeof(s->text));
	s->state = state;
	s->time = dca_now();
	dca_log(state >= DCA_ORDER_AGAIN ? DCA_WARNING : DCA_INFO,
	    "order=%" PRIu64 " step=%s state=%u %s", id, name,
	    (unsigned)state, text);
}

void
vault_orders_status(struct vault *v, struct dca_out *o)
{
	static const char *const states[] = { "doing", "done", "again",
		"stopped" };
	const struct vault_orders *q = v->orders;
	const unsigned n = q->n < ORDER_STEPS ? q->n : ORDER_STEPS;

	dca_cbor_map(o, 4);
	dca_cbor_text(o, "first");
	dca_cbor_uint(o, q->n - n);
	dca_cbor_text(o, "order");
	dca_cbor_uint(o, q->id);
	dca_cbor_text(o, "steps");
	dca_cbor_array(o, n);
	for (unsigned i = q->n - n; i < q->n; i++) {
		const struct order_step *s = &q->steps[i % ORDER_STEPS];

		dca_cbor_map(o, 4);
		dca_cbor_text(o, "name");
		dca_cbor_text(o, s->name);
		dca_cbor_text(o, "text");
		dca_cbor_text(o, s->text);
		dca_cbor_text(o, "time");
		vault_time(o, s->time);
		dca_cbor_text(o, "state");
		dca_cbor_text(o, states[s->state]);
	}
	dca_cbor_text(o, "connected");
	dca_cbor_bool(o, vault_upstream_there(v));
}

/* --- the request --- */

static enum dca_rc
record_csr(struct vault *v, uint64_t id, struct dca_buf csr,
    struct dca_err *e)
{
	DCA_AUTO_OUT body = { 0 };
	uint64_t seq = 0;
	enum dca_rc rc = vault_group(v, e);

	if (rc)
		return rc;
	dca_cbor_map(&body, 2);
	dca_cbor_text(&body, "csr");
	dca_cbor_bytes(&body, csr);
	dca_cbor_text(&body, "order");
	dca_cbor_uint(&body, id);
	dca_store_savepoint(v->store);
	rc = dca_store_append(v->store, dca_now(), "order.csr", "vault",
	    dca_out_buf(&body), &seq, e);
	if (rc == DCA_OK)
		rc = dca_store_order_csr(v->store, id, csr, e);
	if (rc == DCA_OK)
		dca_store_release(v->store);
	else
		dca_store_undo(v->store);
	return rc;
}

/* Key and request are made once; then upstream is told. */
static void
take_made(struct vault *v, int64_t now)
{
	DCA_AUTO_OUT csr = { 0 };
	struct dca_err e = { 0 };
	enum dca_rc rc;
	uint64_t id;

	if (!vault_order_made(v, &id, &csr, &rc, &e))
		return;
	if (rc == DCA_OK)
		rc = record_csr(v, id, dca_out_buf(&csr), &e);
	if (rc == DCA_OK) {
		vault_order_say(v, id, "request", DCA_ORDER_DONE,
		    "key in the token, request signed by it");
		v->orders_due = true;
		return;
	}
	vault_order_say(v, id, "request", DCA_ORDER_AGAIN, e.text);
	v->orders->try_again = now + RETRY_MAKING;
}

/* --- the timer --- */

static enum dca_rc
order_by_timer(struct vault *v, struct dca_err *e)
{
	DCA_AUTO_OUT scope = { 0 };
	DCA_AUTO_OUT body = { 0 };
	uint8_t key[2 * KEY_ID];
	uint64_t seq = 0;
	size_t n;
	enum dca_rc rc;

	if ((rc = vault_group(v, e)) || (rc = wanted(v, "", &scope, e)) ||
	    (rc = choose_key(v, key_policy(v), key, &n, e)))
		return rc;
	dca_cbor_map(&body, 2);
	dca_cbor_text(&body, "scope");
	dca_cbor_text_n(&body, (const char *)scope.p, scope.n);
	dca_cbor_text(&body, "key_id");
	dca_cbor_bytes(&body, DCA_BUF(key, n));
	dca_store_savepoint(v->store);
	rc = dca_store_append(v->store, dca_now(), "order", "vault",
	    dca_out_buf(&body), &seq, e);
	if (rc == DCA_OK)
		rc = dca_store_order_add(v->store, seq, "vault",
		    (const char *)scope.p, DCA_BUF(key, n), e);
	if (rc == DCA_OK) {
		dca_store_release(v->store);
		begin(v, seq);
	} else {
		dca_store_undo(v->store);
	}
	return rc;
}

/* An order of this certificate's time waits for a person, or was dropped by
 * one: the timer does not make another. */
static bool
asked_before(struct vault *v, const struct vault_cross *c)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order o = { 0 };

	return dca_store_order_last(v->store, &o, NULL) == DCA_OK &&
	    o.state != DCA_ORDERED_DONE && o.id > c->seq;
}

/* In the journal once a day, and in the ledger when it has happened. */
static void
say_end(struct vault *v, const struct vault_cross *c, int64_t now)
{
	const int64_t end = vault_cross_ends(c);
	char when[DCA_TIME_TEXT];

	dca_time_format(when, end);
	if (now > end && !vault_alarm_known(v, VAULT_ALARM_EXPIRED, "",
	    c->installed)) {
		char text[96];

		(void)snprintf(text, sizeof(text), "cross-certificate ended "
		    "%s: nothing is issued", when);
		vault_alarm(v, VAULT_ALARM_EXPIRED, "", text);
	}
	if (now <= end && now - v->said_life >= DAY) {
		v->said_life = now;
		dca_log(DCA_WARNING, "cross-certificate ends %s: customers "
		    "break in %lld days", when, (long long)((end - now) /
		    DAY));
	}
}

static void
look_at_life(struct vault *v, int64_t now)
{
	const struct vault_cross *c = vault_cross_active(v);
	const struct dca_cert *cert;
	struct dca_err e = { 0 };
	int64_t due;

	if (!c || (now < v->orders->looked + LOOK_EVERY &&
	    now >= v->orders->looked))
		return;
	v->orders->looked = now;
	cert = &c->chain.v[0];
	due = cert->not_before + (cert->not_after - cert->not_before) / 3 * 2;
	if (now < due)
		return;
	say_end(v, c, now);
	if (!v->conf.cross_renew || asked_before(v, c))
		return;
	if (order_by_timer(v, &e) != DCA_OK)
		dca_log_err(DCA_WARNING, "renewal of the cross-certificate",
		    &e);
}

/* --- the turn --- */

void
vault_orders_open(struct vault *v)
{
	v->orders = dca_alloc(sizeof(*v->orders));
	memset(v->orders, 0, sizeof(*v->orders));
}

void
vault_orders_close(struct vault *v)
{
	if (!v->orders)
		return;
	dca_out_free(&v->orders->watched);
	free(v->orders);
	v->orders = NULL;
}

void
vault_orders_tick(struct vault *v, int64_t now)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order o = { 0 };

	take_made(v, now);
	look_at_life(v, now);
	vault_upstream_watch(v);
	if (dca_store_order(v->store, 0, &o, NULL) != DCA_OK) {
		v->orders_due = false;
		return;
	}
	if (o.csr.n == 0) {
		if (now >= v->orders->try_again)
			vault_order_make(v, &o);
	} else if (v->orders_due) {
		v->orders_due = false;
		vault_upstream_order(v);
	}
}
