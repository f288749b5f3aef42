/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-upstream's side of the vault: it hears of open orders and of the chain
 * to watch, says what it does, and brings what came back. It is believed for
 * nothing but a revocation, which can only stop us.
 */
#include <inttypes.h>
#include <string.h>

#include "dca/cbor.h"

#include "order.h"
#include "proposal.h"

static void
tell(struct vault_peer *p, struct dca_message *m)
{
	DCA_AUTO_OUT packet = { 0 };

	dca_message_encode(&packet, m);
	if (p->conn && !dca_conn_send(p->conn, dca_out_buf(&packet)))
		dca_conn_close(p->conn);
}

static bool
listens(const struct vault_peer *p)
{
	return p->role == DCA_ROLE_UPSTREAM && p->conn && p->following;
}

static void
tell_all(struct vault *v, struct dca_message *m)
{
	for (struct vault_peer *p = v->peers, *next; p; p = next) {
		next = p->next;
		if (listens(p))
			tell(p, m);
	}
}

bool
vault_upstream_there(const struct vault *v)
{
	for (const struct vault_peer *p = v->peers; p; p = p->next)
		if (listens(p))
			return true;
	return false;
}

/* --- what it hears --- */

void
vault_upstream_order(struct vault *v)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order o = { 0 };
	struct dca_message m = { .type = DCA_MSG_ORDER, .n = 2 };

	if (dca_store_order(v->store, 0, &o, NULL) != DCA_OK || o.csr.n == 0)
		return;
	m.f[0].u = o.id;
	m.f[1].b = dca_out_buf(&o.csr);
	tell_all(v, &m);
}

void
vault_upstream_end(struct vault *v, uint64_t id, const char *why)
{
	struct dca_message m = { .type = DCA_MSG_ORDER_END, .n = 2 };

	m.f[0].u = id;
	m.f[1].b = DCA_BUF(why, strlen(why));
	tell_all(v, &m);
}

static void
watch(struct vault *v, struct vault_peer *only)
{
	struct dca_message m = { .type = DCA_MSG_WATCH, .n = 1 };

	m.f[0].b = dca_out_buf(&v->orders->watched);
	if (only)
		tell(only, &m);
	else
		tell_all(v, &m);
}

void
vault_upstream_watch(struct vault *v)
{
	const struct vault_cross *c = vault_cross_active(v);
	struct vault_orders *o = v->orders;

	if (!c || dca_buf_eq(dca_out_buf(&c->bundle),
	    dca_out_buf(&o->watched)))
		return;
	o->watched.n = 0;
	dca_out_add(&o->watched, c->bundle.p, c->bundle.n);
	watch(v, NULL);
}

/* Somebody listens: what is open, and what to watch. */
void
vault_on_orders(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	static const uint8_t empty_map[] = { 0xa0 };

	p->following = true;
	vault_upstream_order(v);
	if (v->orders->watched.n > 0)
		watch(v, p);
	vault_data(v, p, m->id, 205, 60, DCA_BUF(empty_map, 1));
}

/* --- what it says --- */

void
vault_on_step(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order o = { 0 };
	char name[32 + 1], text[384 + 1];

	(void)p;
	if (m->f[2].u > DCA_ORDER_STOPPED ||
	    dca_store_order(v->store, m->f[0].u, &o, NULL) != DCA_OK)
		return;
	dca_field_text(&m->f[1], name, sizeof(name));
	dca_field_text(&m->f[3], text, sizeof(text));
	vault_order_say(v, o.id, name, (enum dca_order_state)m->f[2].u, text);
}

static enum dca_rc
ordered(struct vault *v, const struct dca_message *m, struct dca_err *e)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order o = { 0 };
	enum dca_rc rc;

	if ((rc = dca_store_order(v->store, m->f[0].u, &o, e)))
		return rc;
	if (o.state != DCA_ORDERED_OPEN || o.csr.n == 0)
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "order %" PRIu64 " does not wait for a certificate", o.id);
	if ((rc = vault_group(v, e)))
		return rc;
	dca_store_savepoint(v->store);
	rc = vault_install_ordered(v, &o, m->f[1].b, m->f[2].b, e);
	if (rc)
		dca_store_undo(v->store);
	else
		dca_store_release(v->store);
	return rc;
}

void
vault_on_ordered(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	static const uint8_t empty_map[] = { 0xa0 };
	struct dca_err e = { 0 };

	if (ordered(v, m, &e) != DCA_OK) {
		dca_log_err(DCA_ERR, "what upstream brought", &e);
		vault_problem(v, p, m->id, &e);
		return;
	}
	vault_cross_forget(v);
	vault_data(v, p, m->id, 204, 60, DCA_BUF(empty_map, 1));
}

/* Is it one of the chain that is active? */
static bool
is_ours(const struct vault_cross *c, struct dca_buf hash)
{
	uint8_t own[DCA_SHA256_LEN];

	for (size_t i = 0; c && i < c->chain.n; i++) {
		dca_sha256(own, dca_out_buf(&c->chain.v[i].der));
		if (dca_buf_eq(hash, DCA_BUF(own, sizeof(own))))
			return true;
	}
	return false;
}

void
vault_on_revoked(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	struct vault_cross *c = vault_cross_active(v);
	struct dca_err e = { 0 };
	char why[320 + 1];

	(void)p;
	if (!is_ours(c, m->f[0].b) || c->revoked)
		return;
	dca_field_text(&m->f[1], why, sizeof(why));
	if (vault_group(v, &e) != DCA_OK) {
		dca_log_err(DCA_ERR, "revoked cross-certificate", &e);
		return;
	}
	vault_alarm(v, VAULT_ALARM_REVOKED, "", why);
	vault_cross_forget(v);
}
