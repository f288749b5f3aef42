/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Installing the cross-certificate (RFC 5280 6.1, RFC 9060 4), from root on the
 * appliance only. Must never install one that is for another key than the
 * token's, or whose list is not exactly what the request asked.
 */
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"
#include "dca/chain.h"

#include "vault.h"

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

static enum dca_rc
record(struct vault *v, const struct installing *i, const char *actor,
    struct dca_buf csr, struct dca_err *e)
{
	DCA_AUTO_OUT body = { 0 };
	const int64_t now = dca_now();
	uint64_t seq = 0, id = 0;
	enum dca_rc rc;

	dca_cbor_map(&body, 2);
	dca_cbor_text(&body, "csr");
	dca_cbor_bytes(&body, csr);
	dca_cbor_text(&body, "chain");
	dca_cbor_bytes(&body, dca_out_buf(&i->bundle));
	if ((rc = vault_group(v, e)))
		return rc;
	dca_store_savepoint(v->store);
	rc = dca_store_append(v->store, now, "cross.install", actor,
	    dca_out_buf(&body), &seq, e);
	if (rc == DCA_OK)
		rc = dca_store_cross_add(v->store, dca_out_buf(&i->bundle),
		    now, seq, &id, e);
	if (rc)
		dca_store_undo(v->store);
	else
		dca_store_release(v->store);
	return rc;
}

void
vault_on_install(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	static const uint8_t empty_map[] = { 0xa0 };
	DCA_CLEANUP(installing_clear) struct installing i = { 0 };
	char actor[DCA_ACTOR_MAX];
	struct dca_err e = { 0 };
	enum dca_rc rc;

	(void)snprintf(actor, sizeof(actor), "local:%u",
	    (unsigned)dca_conn_uid(p->conn));
	if ((rc = vault_check_local(p, &e)) == DCA_OK &&
	    (rc = check(v, &i, m, &e)) == DCA_OK)
		rc = record(v, &i, actor, m->f[0].b, &e);
	if (rc) {
		dca_log_err(DCA_ERR, "cross-certificate not installed", &e);
		vault_problem(v, p, m->id, &e);
		return;
	}
	vault_cross_forget(v);
	dca_log(DCA_INFO, "cross-certificate installed by %s", actor);
	vault_data(v, p, m->id, 204, 60,
	    DCA_BUF(empty_map, sizeof(empty_map)));
}
