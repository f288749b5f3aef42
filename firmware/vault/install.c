/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Installing the cross-certificate (RFC 5280 6.1, RFC 9060 4), from root on the
 * appliance only; with two admins or more, one of them approves it. Must never
 * install one that is for another key than the token's, or whose list is not
 * exactly what the request asked.
 */
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"
#include "dca/chain.h"

#include "order.h"
#include "proposal.h"

enum { CHAIN_MAX = 8, ROOTS_MAX = 64 };

struct installing {
	struct dca_ca_csr csr;
	uint64_t order;			/* 0: root brought it */
	struct dca_certs chain, roots;
	struct dca_out bundle;
};

static void
installing_clear(struct installing *i)
{
	dca_ca_csr_clear(&i->csr);
	dca_certs_clear(&i->chain);
	dca_certs_clear(&i->roots);
	dca_out_free(&i->bundle);
}

static enum dca_rc
check_key(struct vault *v, const struct installing *i, struct dca_err *e)
{
	if (!v->token.has_key) {
		v->token.retry = 0; /* the ceremony may just have made it */
		return vault_token_ready(v, e);
	}
	if (memcmp(&v->token.key, &i->csr.key, sizeof(i->csr.key)) != 0)
		return dca_fail(e, DCA_RULE_CROSS_KEY,
		    "the request is not of the key in the token");
	return DCA_OK;
}

/* Cross-certificate, intermediates, root last: what /crts shows. */
static enum dca_rc
make_bundle(struct installing *i, struct dca_err *e)
{
	const struct dca_cert *last = &i->chain.v[i->chain.n - 1];

	for (size_t k = 0; k < i->chain.n; k++)
		dca_out_add(&i->bundle, i->chain.v[k].der.p,
		    i->chain.v[k].der.n);
	for (size_t k = 0; k < i->roots.n; k++) {
		const struct dca_cert *root = &i->roots.v[k];

		if (dca_buf_eq(dca_out_buf(&last->der),
		    dca_out_buf(&root->der)))
			return DCA_OK; /* stands in the chain already */
		if (!dca_buf_eq(last->issuer, root->subject) ||
		    !dca_cert_signed_by(last, root))
			continue;
		dca_out_add(&i->bundle, root->der.p, root->der.n);
		if (i->bundle.n > DCA_CROSS_MAX)
			break;
		return DCA_OK;
	}
	return dca_fail(e, DCA_RULE_CROSS_CHAIN,
	    i->bundle.n > DCA_CROSS_MAX ? "chain and root are too large" :
	    "no trusted root signs the last certificate");
}

static void
tell_warning(const struct dca_lint_finding *f, void *arg)
{
	(void)arg;
	if (f->verdict == DCA_LINT_WARN)
		dca_log(DCA_WARNING, "cross-certificate: %s: %s",
		    f->rule->id, f->rule->text);
}

/* By the lint's own reader, with whoever issued it (dca(7) LINT). */
static enum dca_rc
lint(const struct installing *i, struct dca_err *e)
{
	DCA_CLEANUP(dca_lint_free_p) struct dca_lint_cert *cross = NULL;
	DCA_CLEANUP(dca_lint_free_p) struct dca_lint_cert *issuer = NULL;
	const struct dca_cert *above = i->chain.n > 1 ? &i->chain.v[1] : NULL;
	enum dca_rc rc;

	for (size_t k = 0; i->chain.n == 1 && k < i->roots.n && !above; k++)
		if (dca_buf_eq(i->roots.v[k].subject, i->chain.v[0].issuer))
			above = &i->roots.v[k];
	rc = dca_lint_read(&cross, dca_out_buf(&i->chain.v[0].der), e);
	if (rc == DCA_OK && above)
		rc = dca_lint_read(&issuer, dca_out_buf(&above->der), e);
	if (rc)
		return rc;
	(void)dca_lint_run(cross, issuer, DCA_LINT_STI_SCA, NULL,
	    tell_warning, NULL);
	return dca_lint_cross(cross, issuer, NULL, e);
}

/* A constraints extension must be one that can be obeyed. */
static enum dca_rc
check_limits(struct vault *v, const struct dca_certs *chain,
    struct dca_err *e)
{
	DCA_AUTO_OUT oid = { 0 };
	enum dca_rc rc = DCA_OK;

	vault_limit_oid(v, &oid);
	for (size_t k = 0; k < chain->n && rc == DCA_OK; k++) {
		DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *list = NULL;

		rc = vault_cross_limit(&chain->v[k], dca_out_buf(&oid), &list,
		    e);
	}
	return rc;
}

static enum dca_rc
check(struct vault *v, struct installing *i, struct dca_buf csr,
    struct dca_buf chain, struct dca_buf roots, struct dca_err *e)
{
	enum dca_rc rc;

	if ((rc = dca_ca_csr_parse(&i->csr, csr, e))) {
		(void)dca_fail_in(e, "request");
		return rc;
	}
	/* an order's key is in the token: its request was made there */
	if ((i->order == 0 && (rc = check_key(v, i, e))) ||
	    (rc = dca_certs_parse(&i->chain, chain, CHAIN_MAX, e)) ||
	    (rc = dca_certs_parse(&i->roots, roots, ROOTS_MAX, e)))
		return rc;
	if (i->chain.n == 0)
		return dca_fail(e, DCA_RULE_CROSS_CHAIN, "the chain is empty");
	rc = dca_cross_check(&i->chain, &i->roots, &i->csr.key, i->csr.scope,
	    dca_now(), e);
	if (rc || (rc = check_limits(v, &i->chain, e)) || (rc = lint(i, e)))
		return rc;
	return make_bundle(i, e);
}

static void
body_put(struct dca_out *o, const struct installing *i, struct dca_buf csr,
    bool alone)
{
	dca_cbor_map(o, 2 + (size_t)alone + (i->order != 0));
	dca_cbor_text(o, "csr");
	dca_cbor_bytes(o, csr);
	if (alone) {
		dca_cbor_text(o, "alone");
		dca_cbor_bool(o, true);
	}
	dca_cbor_text(o, "chain");
	dca_cbor_bytes(o, dca_out_buf(&i->bundle));
	if (i->order != 0) {
		dca_cbor_text(o, "order");
		dca_cbor_uint(o, i->order);
	}
}

/* One admin or none: nobody else could approve it. */
static enum dca_rc
record(struct vault *v, const struct installing *i, const char *actor,
    struct dca_buf csr, struct dca_out *answer, struct dca_err *e)
{
	DCA_AUTO_OUT body = { 0 };
	const int64_t now = dca_now();
	uint64_t seq = 0, id = 0;
	enum dca_rc rc;

	body_put(&body, i, csr, true);
	rc = dca_store_append(v->store, now, "cross.install", actor,
	    dca_out_buf(&body), &seq, e);
	if (rc == DCA_OK)
		rc = dca_store_cross_add(v->store, dca_out_buf(&i->bundle),
		    now, seq, &id, e);
	if (rc)
		return rc;
	dca_cbor_map(answer, 1);
	dca_cbor_text(answer, "alone");
	dca_cbor_bool(answer, true);
	dca_log(DCA_INFO, "cross-certificate installed by %s", actor);
	return DCA_OK;
}

static enum dca_rc
propose(struct vault *v, const struct installing *i, const char *actor,
    struct dca_buf csr, struct dca_out *answer, struct dca_err *e)
{
	DCA_AUTO_OUT payload = { 0 };
	struct vault_proposing p = { .act = "cross.activate", .actor = actor };

	body_put(&payload, i, csr, false);
	p.data = dca_out_buf(&payload);
	return vault_propose(v, &p, answer, e);
}

static enum dca_rc
install(struct vault *v, const struct dca_message *m, const char *actor,
    struct dca_out *answer, struct dca_err *e)
{
	DCA_CLEANUP(installing_clear) struct installing i = { 0 };
	enum dca_rc rc;

	if ((rc = check(v, &i, m->f[0].b, m->f[1].b, m->f[2].b, e)) ||
	    (rc = vault_group(v, e)))
		return rc;
	dca_store_savepoint(v->store);
	rc = dca_store_admins(v->store) > 1 ?
	    propose(v, &i, actor, m->f[0].b, answer, e) :
	    record(v, &i, actor, m->f[0].b, answer, e);
	if (rc)
		dca_store_undo(v->store);
	else
		dca_store_release(v->store);
	return rc;
}

/* --- from an order --- */

/* What limits a chain besides lists: octets to compare. */
static void
limits_of(const struct vault *v, const struct dca_certs *chain,
    struct dca_out *o)
{
	DCA_AUTO_OUT oid = { 0 };
	struct dca_buf value;
	bool critical;

	vault_limit_oid(v, &oid);
	for (size_t i = 0; i < chain->n; i++) {
		const struct dca_cert *c = &chain->v[i];

		dca_cbor_bytes(o, c->names);
		dca_cbor_bytes(o, oid.n > 0 && dca_cert_extension(c,
		    dca_out_buf(&oid), &value, &critical) ? value :
		    DCA_BUF(NULL, 0));
	}
}

/* The same list by the same issuer under the same constraints as the active
 * one: nothing that a person would have to look at. */
static bool
as_before(struct vault *v, const struct installing *i)
{
	const struct vault_cross *c = vault_cross_active(v);
	DCA_AUTO_OUT before = { 0 }, now = { 0 };
	struct dca_certs all = { 0 };

	if (!c || !i->chain.v[0].scope ||
	    !dca_tnset_equal(c->chain.v[0].scope, i->chain.v[0].scope) ||
	    !dca_buf_eq(c->chain.v[0].issuer, i->chain.v[0].issuer) ||
	    dca_certs_parse(&all, dca_out_buf(&i->bundle), CHAIN_MAX + 1,
	    NULL) != DCA_OK)
		return false;
	limits_of(v, &c->chain, &before);
	limits_of(v, &all, &now);
	dca_certs_clear(&all);
	return dca_buf_eq(dca_out_buf(&before), dca_out_buf(&now));
}

static enum dca_rc
activate(struct vault *v, const struct installing *i, struct dca_buf csr,
    struct dca_err *e)
{
	DCA_AUTO_OUT body = { 0 };
	const int64_t now = dca_now();
	uint64_t seq = 0, id = 0;
	enum dca_rc rc;

	body_put(&body, i, csr, false);
	rc = dca_store_append(v->store, now, "cross.install", "upstream",
	    dca_out_buf(&body), &seq, e);
	if (rc == DCA_OK)
		rc = dca_store_cross_add(v->store, dca_out_buf(&i->bundle),
		    now, seq, &id, e);
	if (rc == DCA_OK)
		rc = dca_store_order_state(v->store, i->order,
		    DCA_ORDERED_DONE, id, e);
	if (rc == DCA_OK)
		vault_order_say(v, i->order, "activate", DCA_ORDER_DONE,
		    "same list and issuer as before: active by policy");
	return rc;
}

static enum dca_rc
propose_order(struct vault *v, const struct installing *i,
    struct dca_buf csr, struct dca_err *e)
{
	DCA_AUTO_OUT answer = { 0 };
	char text[96];
	struct dca_row head;
	enum dca_rc rc = propose(v, i, "upstream", csr, &answer, e);

	if (rc == DCA_OK)
		rc = dca_store_head(v->store, &head, e);
	if (rc == DCA_OK)
		rc = dca_store_order_state(v->store, i->order,
		    DCA_ORDERED_PROPOSED, head.seq, e);
	if (rc != DCA_OK)
		return rc;
	(void)snprintf(text, sizeof(text), "checked; an admin activates it: "
	    "dcactl cross activate %llu", (unsigned long long)i->order);
	vault_order_say(v, i->order, "checked", DCA_ORDER_DONE, text);
	return DCA_OK;
}

enum dca_rc
vault_install_ordered(struct vault *v, const struct dca_order *o,
    struct dca_buf chain, struct dca_buf roots, struct dca_err *e)
{
	DCA_CLEANUP(installing_clear) struct installing i = {
		.order = o->id };
	const struct dca_buf csr = dca_out_buf(&o->csr);
	enum dca_rc rc = check(v, &i, csr, chain, roots, e);

	if (rc)
		return rc;
	return v->conf.cross_activate == VAULT_BY_POLICY && as_before(v, &i) ?
	    activate(v, &i, csr, e) : propose_order(v, &i, csr, e);
}

/* Its request is the one that was made in the token for this order. */
static enum dca_rc
check_order(struct vault *v, uint64_t id, struct dca_buf csr,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order o = { 0 };
	enum dca_rc rc = dca_store_order(v->store, id, &o, e);

	if (rc)
		return rc;
	if (o.state != DCA_ORDERED_PROPOSED ||
	    !dca_buf_eq(dca_out_buf(&o.csr), csr))
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "order %llu does not wait for this certificate",
		    (unsigned long long)id);
	return DCA_OK;
}

/* The bundle that was checked when it was proposed, root last: it may have
 * expired since, and the token may hold another key. */
static enum dca_rc
check_again(struct vault *v, struct installing *i, struct dca_buf payload,
    struct dca_err *e)
{
	struct dca_buf csr = { NULL, 0 }, chain = { NULL, 0 };
	struct dca_cbor c;
	enum dca_rc rc;

	if (!dca_cbor_find(payload, "csr", &c) ||
	    !dca_cbor_take_bytes(&c, &csr, DCA_CROSS_MAX) ||
	    !dca_cbor_find(payload, "chain", &c) ||
	    !dca_cbor_take_bytes(&c, &chain, DCA_CROSS_MAX))
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "the proposal is not what was proposed");
	if (dca_cbor_find(payload, "order", &c) &&
	    !dca_cbor_take_uint(&c, &i->order))
		return dca_fail(e, DCA_RULE_INTERNAL, "order");
	if ((rc = dca_ca_csr_parse(&i->csr, csr, e)) ||
	    (rc = i->order != 0 ? check_order(v, i->order, csr, e) :
	    check_key(v, i, e)) ||
	    (rc = dca_certs_parse(&i->chain, chain, CHAIN_MAX + 1, e)))
		return rc;
	if (i->chain.n == 0)
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "the proposal has no certificate");
	if ((rc = dca_certs_parse(&i->roots, dca_out_buf(
	    &i->chain.v[i->chain.n - 1].der), 1, e)))
		return rc;
	dca_out_add(&i->bundle, chain.p, chain.n);
	rc = dca_cross_check(&i->chain, &i->roots, &i->csr.key, i->csr.scope,
	    dca_now(), e);
	return rc || (rc = check_limits(v, &i->chain, e)) ? rc : lint(i, e);
}

enum dca_rc
vault_cross_approved(struct vault *v, struct dca_buf payload, uint64_t seq,
    struct dca_err *e)
{
	DCA_CLEANUP(installing_clear) struct installing i = { 0 };
	struct dca_row row;
	uint64_t id = 0;
	enum dca_rc rc = check_again(v, &i, payload, e);

	/* the time of its row, so that the ledger says the same */
	if (rc == DCA_OK)
		rc = dca_store_head(v->store, &row, e);
	if (rc == DCA_OK)
		rc = dca_store_cross_add(v->store, dca_out_buf(&i.bundle),
		    row.time, seq, &id, e);
	if (rc == DCA_OK && i.order != 0)
		rc = dca_store_order_state(v->store, i.order,
		    DCA_ORDERED_DONE, id, e);
	if (rc == DCA_OK)
		vault_cross_forget(v);
	return rc;
}

void
vault_on_install(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	DCA_AUTO_OUT answer = { 0 };
	char actor[DCA_ACTOR_MAX];
	struct dca_err e = { 0 };
	enum dca_rc rc;

	(void)snprintf(actor, sizeof(actor), "local:%u",
	    (unsigned)dca_conn_uid(p->conn));
	if ((rc = vault_check_local(p, &e)) == DCA_OK)
		rc = install(v, m, actor, &answer, &e);
	if (rc) {
		dca_log_err(DCA_ERR, "cross-certificate not installed", &e);
		vault_problem(v, p, m->id, &e);
		return;
	}
	vault_cross_forget(v);
	vault_data(v, p, m->id, 204, 60, dca_out_buf(&answer));
}
