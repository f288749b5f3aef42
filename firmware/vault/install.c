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

#include "proposal.h"

enum { CHAIN_MAX = 8, ROOTS_MAX = 64 };

struct installing {
	struct dca_ca_csr csr;
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

static enum dca_rc
check(struct vault *v, struct installing *i, const struct dca_message *m,
    struct dca_err *e)
{
	enum dca_rc rc;

	if ((rc = dca_ca_csr_parse(&i->csr, m->f[0].b, e))) {
		(void)dca_fail_in(e, "request");
		return rc;
	}
	if ((rc = check_key(v, i, e)) ||
	    (rc = dca_certs_parse(&i->chain, m->f[1].b, CHAIN_MAX, e)) ||
	    (rc = dca_certs_parse(&i->roots, m->f[2].b, ROOTS_MAX, e)))
		return rc;
	if (i->chain.n == 0)
		return dca_fail(e, DCA_RULE_CROSS_CHAIN, "the chain is empty");
	rc = dca_cross_check(&i->chain, &i->roots, &i->csr.key, i->csr.scope,
	    dca_now(), e);
	return rc ? rc : make_bundle(i, e);
}

static void
body_put(struct dca_out *o, const struct installing *i, struct dca_buf csr,
    bool alone)
{
	dca_cbor_map(o, alone ? 3 : 2);
	dca_cbor_text(o, "csr");
	dca_cbor_bytes(o, csr);
	if (alone) {
		dca_cbor_text(o, "alone");
		dca_cbor_bool(o, true);
	}
	dca_cbor_text(o, "chain");
	dca_cbor_bytes(o, dca_out_buf(&i->bundle));
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

	if ((rc = check(v, &i, m, e)) || (rc = vault_group(v, e)))
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
	if ((rc = dca_ca_csr_parse(&i->csr, csr, e)) ||
	    (rc = check_key(v, i, e)) ||
	    (rc = dca_certs_parse(&i->chain, chain, CHAIN_MAX + 1, e)))
		return rc;
	if (i->chain.n == 0)
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "the proposal has no certificate");
	if ((rc = dca_certs_parse(&i->roots, dca_out_buf(
	    &i->chain.v[i->chain.n - 1].der), 1, e)))
		return rc;
	dca_out_add(&i->bundle, chain.p, chain.n);
	return dca_cross_check(&i->chain, &i->roots, &i->csr.key,
	    i->csr.scope, dca_now(), e);
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
