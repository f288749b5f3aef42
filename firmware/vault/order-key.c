/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key and request of an order, made in the token by a thread of its own, so
 * that the loop never waits. The CKA_ID stands in the ledger before: a key
 * that is there already under it is the one a crash left, and is used; what
 * is no whole key is swept away, for no request was ever signed with it. Must
 * never make a key under an id that no order names.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"

struct order_making {
	struct dca_loop *loop;
	pthread_t thread;
	atomic_bool done;
	uint64_t id;
	struct dca_hsm_config conf;
	bool fresh;			/* key of its own */
	struct dca_tnset *scope;
	struct dca_out subject;
	struct dca_out csr;
	enum dca_rc rc;
	struct dca_err err;
};

static enum dca_rc
find_or_make(struct dca_hsm *h, bool fresh, struct dca_spki *key,
    struct dca_err *e)
{
	struct dca_key_facts facts;
	enum dca_rc rc = dca_hsm_key(h, key, e);

	if (rc == DCA_OK)
		rc = dca_hsm_key_facts(h, &facts, e);
	if (rc == DCA_OK || !fresh || (e->rule != DCA_RULE_TOKEN_KEY &&
	    e->rule != DCA_RULE_TOKEN_ATTRIBUTES))
		return rc;
	rc = dca_hsm_key_sweep(h, e);
	return rc ? rc : dca_hsm_keygen(h, false, key, &facts, e);
}

static enum dca_rc
make(struct order_making *m, struct dca_err *e)
{
	struct dca_csr_spec spec = { .numbers = m->scope, .ca = true,
		.subject = dca_out_buf(&m->subject) };
	struct dca_signer *signer = NULL;
	struct dca_hsm *h = NULL;
	DCA_AUTO_OUT info = { 0 };
	enum dca_rc rc = dca_hsm_open(&h, &m->conf, e);

	if (rc == DCA_OK)
		rc = find_or_make(h, m->fresh, &spec.key, e);
	if (rc == DCA_OK)
		rc = dca_signer_open(&signer, h, e);
	if (rc == DCA_OK) {
		dca_csr_build(&info, &spec);
		rc = dca_signer_sign(signer, dca_out_buf(&info), &m->csr, e);
	}
	dca_signer_close(signer);
	dca_hsm_close(h);
	return rc;
}

static void *
run(void *arg)
{
	struct order_making *m = arg;

	m->rc = make(m, &m->err);
	atomic_store(&m->done, true);
	dca_loop_wake(m->loop);
	return NULL;
}

static void
making_free(struct order_making *m)
{
	dca_tnset_free(m->scope);
	dca_out_free(&m->subject);
	dca_out_free(&m->csr);
	free(m);
}

/* As the configuration says; without it that of the active one, or none. */
static enum dca_rc
subject_of(struct vault *v, struct dca_out *o, struct dca_err *e)
{
	const struct vault_config *c = &v->conf;
	const struct vault_cross *active = vault_cross_active(v);

	if (c->cross_cn[0] == '\0' && c->cross_o[0] == '\0') {
		if (active)
			dca_out_add(o, active->chain.v[0].subject.p,
			    active->chain.v[0].subject.n);
		return DCA_OK;
	}
	return dca_name_encode(o, c->cross_c[0] ? c->cross_c : NULL,
	    c->cross_o[0] ? c->cross_o : NULL,
	    c->cross_cn[0] ? c->cross_cn : NULL, e);
}

static enum dca_rc
prepare(struct vault *v, const struct dca_order *o, struct order_making *m,
    struct dca_err *e)
{
	enum dca_rc rc;

	m->loop = v->loop;
	m->id = o->id;
	m->conf.module = v->conf.module;
	m->conf.pin_file = v->conf.pin_file;
	m->scope = dca_tnset_new();
	if ((rc = dca_token_uri_parse(&m->conf.uri, v->conf.uri, e)) ||
	    (rc = dca_tnset_parse(m->scope, (const char *)o->scope.p, e)) ||
	    (rc = subject_of(v, &m->subject, e)))
		return rc;
	/* the token that is up, and no other of the same label */
	memcpy(m->conf.uri.serial, v->token.info.serial,
	    sizeof(m->conf.uri.serial));
	if (o->key_len > 0) {
		memcpy(m->conf.uri.id, o->key, o->key_len);
		m->conf.uri.id_len = o->key_len;
		m->fresh = true;
	}
	return DCA_OK;
}

void
vault_order_make(struct vault *v, const struct dca_order *o)
{
	struct order_making *m;
	struct dca_err e = { 0 };

	if (v->orders->making || v->token.state != VAULT_TOKEN_UP)
		return;
	m = dca_alloc(sizeof(*m));
	memset(m, 0, sizeof(*m));
	m->rc = prepare(v, o, m, &e);
	m->err = e;
	v->orders->making = m;
	if (m->rc != DCA_OK)
		atomic_store(&m->done, true);
	else if (pthread_create(&m->thread, NULL, run, m) != 0)
		abort();
}

bool
vault_order_made(struct vault *v, uint64_t *id, struct dca_out *csr,
    enum dca_rc *rc, struct dca_err *e)
{
	struct order_making *m = v->orders->making;

	if (!m || !atomic_load(&m->done))
		return false;
	/* one that failed before it ran has no thread */
	if (m->thread && pthread_join(m->thread, NULL) != 0)
		abort();
	*id = m->id;
	*rc = m->rc;
	*e = m->err;
	*csr = m->csr;
	memset(&m->csr, 0, sizeof(m->csr));
	making_free(m);
	v->orders->making = NULL;
	return true;
}

bool
vault_order_busy(const struct vault *v)
{
	return v->orders && v->orders->making;
}

bool
vault_order_stop(struct vault *v)
{
	struct order_making *m = v->orders ? v->orders->making : NULL;

	if (!m)
		return true;
	if (m->thread && !vault_thread_join(m->thread))
		return false;
	making_free(m);
	v->orders->making = NULL;
	return true;
}
