/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders for cross-certificates in the ledger: acts cross.order and
 * cross.drop, rows "order" and "order.csr", and what a cross-certificate that
 * came from an order may skip. Never lets a certificate in by policy that is
 * not for the same list by the same issuer as the active one.
 */
#include <inttypes.h>
#include <string.h>

#include "replay.h"
#include "dca/cert.h"

enum { CHAIN_MAX = 9 };

/* The act again while an order was open or waited for an admin: it adds
 * nothing. */
static enum dca_rc
gone_on_with(struct replay *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order o = { 0 };

	if (dca_store_order_last(r->to, &o, NULL) == DCA_OK &&
	    (o.state == DCA_ORDERED_OPEN || o.state == DCA_ORDERED_PROPOSED))
		return DCA_OK;
	return replay_absent("scope", e);
}

/* Scope and key stand in the row: the act names what it wants, the vault what
 * that was then. */
enum dca_rc
replay_order(struct replay *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *scope = NULL;
	struct dca_buf key = { 0 }, text = { 0 };
	struct dca_cbor v;
	enum dca_rc rc;

	if (!dca_cbor_find(r->row->body, "scope", &v) &&
	    strcmp(r->row->kind, "act") == 0)
		return gone_on_with(r, e);
	if (!dca_cbor_find(r->row->body, "scope", &v) ||
	    !dca_cbor_take_text_view(&v, &text, DCA_ACT_MAX))
		return replay_absent("scope", e);
	if ((rc = replay_bytes(r->row->body, "key_id", &key, e)))
		return rc;
	if (key.n > DCA_KEY_ID_MAX)
		return replay_absent("key_id", e);
	scope = dca_alloc(text.n + 1);
	memcpy(scope, text.p, text.n);
	return dca_store_order_add(r->to, r->row->seq, r->row->actor, scope,
	    key, e);
}

enum dca_rc
replay_order_drop(struct replay *r, struct dca_err *e)
{
	uint64_t id = 0;
	enum dca_rc rc = replay_uint(r->act.args, "order", &id, e);

	return rc ? rc : dca_store_order_state(r->to, id, DCA_ORDERED_DROPPED,
	    0, e);
}

/* The request must ask for exactly what was ordered. */
static enum dca_rc
check_csr(const struct dca_order *o, struct dca_buf csr, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *want = dca_tnset_new();
	struct dca_ca_csr parsed = { 0 };
	bool same;
	enum dca_rc rc = dca_ca_csr_parse(&parsed, csr, e);

	if (rc)
		return rc;
	same = dca_tnset_parse(want, (const char *)o->scope.p, e) == DCA_OK &&
	    dca_tnset_equal(want, parsed.scope);
	dca_ca_csr_clear(&parsed);
	return same ? DCA_OK : dca_fail(e, DCA_RULE_LEDGER_ROW,
	    "the request is not for the list of order %" PRIu64, o->id);
}

enum dca_rc
replay_order_csr(struct replay *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order o = { 0 };
	struct dca_buf csr = { 0 };
	uint64_t id = 0;
	enum dca_rc rc;

	if ((rc = replay_uint(r->row->body, "order", &id, e)) ||
	    (rc = replay_bytes(r->row->body, "csr", &csr, e)) ||
	    (rc = dca_store_order(r->to, id, &o, e)) ||
	    (rc = check_csr(&o, csr, e)))
		return rc;
	return dca_store_order_csr(r->to, id, csr, e);
}

/* Which order a payload or row came from; 0: none. */
static enum dca_rc
order_of(struct dca_buf map, uint64_t *id, struct dca_err *e)
{
	struct dca_cbor v;

	*id = 0;
	return dca_cbor_find(map, "order", &v) ?
	    replay_uint(map, "order", id, e) : DCA_OK;
}

enum dca_rc
replay_order_proposed(struct replay *r, struct dca_buf payload,
    struct dca_err *e)
{
	uint64_t id;
	enum dca_rc rc = order_of(payload, &id, e);

	return rc || id == 0 ? rc : dca_store_order_state(r->to, id,
	    DCA_ORDERED_PROPOSED, r->row->seq, e);
}

enum dca_rc
replay_order_done(struct replay *r, struct dca_buf map, uint64_t cross,
    struct dca_err *e)
{
	uint64_t id;
	enum dca_rc rc = order_of(map, &id, e);

	return rc || id == 0 ? rc : dca_store_order_state(r->to, id,
	    DCA_ORDERED_DONE, cross, e);
}

/* With two admins or more, who ordered is not who activates. */
enum dca_rc
replay_order_eyes(struct replay *r, struct dca_buf payload,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order o = { 0 };
	uint64_t id;
	enum dca_rc rc = order_of(payload, &id, e);

	if (rc || id == 0 || dca_store_admins(r->to) < 2)
		return rc;
	if ((rc = dca_store_order(r->to, id, &o, e)))
		return rc;
	return strcmp(o.actor, r->row->actor) != 0 ? DCA_OK :
	    dca_fail(e, DCA_RULE_LEDGER_ROW,
		"order %" PRIu64 " is activated by who ordered it", id);
}

static enum dca_rc
same_as_active(struct replay *r, const struct dca_cert *c, struct dca_err *e)
{
	struct dca_cross active = { 0 };
	struct dca_certs old = { 0 };
	bool same;
	enum dca_rc rc = dca_store_cross(r->to, 0, &active, e);

	if (rc)
		return rc;
	rc = dca_certs_parse(&old, dca_out_buf(&active.chain), CHAIN_MAX, e);
	dca_cross_clear(&active);
	if (rc)
		return rc;
	same = old.n > 0 && old.v[0].scope && c->scope &&
	    dca_tnset_equal(old.v[0].scope, c->scope) &&
	    dca_buf_eq(old.v[0].issuer, c->issuer);
	dca_certs_clear(&old);
	return same ? DCA_OK : dca_fail(e, DCA_RULE_LEDGER_ROW,
	    "activated by policy, and not for the same list by the same "
	    "issuer");
}

/* An install without a person: only what policy may do. */
enum dca_rc
replay_order_policy(struct replay *r, bool *policy, struct dca_err *e)
{
	struct dca_buf chain = { 0 };
	struct dca_certs c = { 0 };
	struct dca_cbor v;
	enum dca_rc rc;

	*policy = dca_cbor_find(r->row->body, "order", &v);
	if (!*policy)
		return DCA_OK;
	if ((rc = replay_bytes(r->row->body, "chain", &chain, e)) ||
	    (rc = dca_certs_parse(&c, chain, CHAIN_MAX, e)))
		return rc;
	rc = c.n > 0 ? same_as_active(r, &c.v[0], e) :
	    replay_absent("chain", e);
	dca_certs_clear(&c);
	return rc;
}
