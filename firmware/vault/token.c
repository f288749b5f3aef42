/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the token and losing it again, without ever stopping the loop: a
 * thread of its own opens module, key and one session per worker, and hands
 * all of it over. Must never try a PIN twice by itself, and never go on with
 * a token that returned a wrong signature.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "job.h"

enum { BACKOFF_MAX = 60, BACKOFF_KEY = 5, MAX_AGE_MANUAL = 300 };

/* One attempt. The thread owns it from start until done. */
struct vault_opening {
	struct dca_loop *loop;
	pthread_t thread;
	atomic_bool done;
	struct dca_hsm_config conf;
	struct dca_hsm *hsm;
	struct dca_signer *signers[VAULT_WORKERS_MAX];
	unsigned n;
	enum dca_rc rc;
	struct dca_err err;
	bool has_key;
	struct dca_spki key;
	struct dca_hsm_info info;
};

static void
let_go(struct vault_opening *o)
{
	for (unsigned i = 0; i < o->n; i++) {
		dca_signer_close(o->signers[i]);
		o->signers[i] = NULL;
	}
	dca_hsm_close(o->hsm);
	o->hsm = NULL;
	o->has_key = false;
}

static enum dca_rc
open_all(struct vault_opening *o, struct dca_err *e)
{
	enum dca_rc rc;

	if ((rc = dca_hsm_open(&o->hsm, &o->conf, e)) ||
	    (rc = dca_hsm_info(o->hsm, &o->info, e)) ||
	    (rc = dca_hsm_key(o->hsm, &o->key, e)))
		return rc;
	o->has_key = true;
	for (unsigned i = 0; i < o->n && rc == DCA_OK; i++)
		rc = dca_signer_open(&o->signers[i], o->hsm, e);
	return rc;
}

static void *
opening_run(void *arg)
{
	struct vault_opening *o = arg;

	let_go(o); /* what an earlier attempt left */
	memset(&o->err, 0, sizeof(o->err));
	o->rc = open_all(o, &o->err);
	if (o->rc)
		let_go(o);
	atomic_store(&o->done, true);
	dca_loop_wake(o->loop);
	return NULL;
}

static void
attempt(struct vault *v)
{
	struct vault_opening *o = v->token.opening;

	atomic_store(&o->done, false);
	v->token.state = VAULT_TOKEN_OPENING;
	if (pthread_create(&o->thread, NULL, opening_run, o) != 0)
		abort();
}

enum dca_rc
vault_token_start(struct vault *v, struct dca_err *e)
{
	struct vault_opening *o = dca_alloc(sizeof(*o));
	enum dca_rc rc;

	memset(o, 0, sizeof(*o));
	v->token.opening = o;
	o->loop = v->loop;
	o->n = vault_pool_workers(v->pool);
	o->conf.module = v->conf.module;
	o->conf.pin_file = v->conf.pin_file;
	rc = dca_token_uri_parse(&o->conf.uri, v->conf.uri, e);
	if (rc)
		return rc;
	(void)dca_fail(&v->token.why, DCA_RULE_TOKEN_DOWN,
	    "the token is being opened");
	attempt(v);
	return DCA_OK;
}

static void
down(struct vault_token *t, const struct dca_err *why, int64_t now)
{
	const unsigned most = why->rule == DCA_RULE_TOKEN_KEY ? BACKOFF_KEY :
	    BACKOFF_MAX;

	t->why = *why;
	/* What keeps the token away may be a missing file: to an asker it is
	 * the token that is down. */
	if (dca_problem(why->rule)->rc != DCA_TOKEN)
		t->why.rule = DCA_RULE_TOKEN_DOWN;
	if (why->rule == DCA_RULE_TOKEN_PIN) {
		t->state = VAULT_TOKEN_PIN;
	} else if (why->rule == DCA_RULE_TOKEN_SIGNATURE) {
		t->state = VAULT_TOKEN_QUARANTINED;
	} else {
		t->state = VAULT_TOKEN_DOWN;
		t->backoff = t->backoff ? t->backoff * 2 : 1;
		if (t->backoff > most)
			t->backoff = most;
		t->retry = now + t->backoff;
	}
	dca_log_err(DCA_ERR, "token", why);
}

static void
opened(struct vault *v, int64_t now)
{
	struct vault_token *t = &v->token;
	struct vault_opening *o = t->opening;

	if (pthread_join(o->thread, NULL) != 0)
		abort();
	t->has_key = o->has_key;
	t->key = o->key;
	t->info = o->info;
	if (o->rc) {
		down(t, &o->err, now);
		return;
	}
	for (unsigned i = 0; i < o->n; i++)
		vault_pool_signer(v->pool, i, o->signers[i]);
	t->state = VAULT_TOKEN_UP;
	t->backoff = 0;
	memset(&t->why, 0, sizeof(t->why));
	dca_log(DCA_INFO, "token up label=%s model=%s", t->info.label,
	    t->info.model);
}

void
vault_token_tick(struct vault *v, int64_t now)
{
	struct vault_token *t = &v->token;
	struct dca_err why;

	if (t->state == VAULT_TOKEN_OPENING &&
	    atomic_load(&t->opening->done)) {
		opened(v, now);
	} else if (t->state == VAULT_TOKEN_DRAIN && vault_issue_idle(v)) {
		for (unsigned i = 0; i < t->opening->n; i++)
			vault_pool_signer(v->pool, i, NULL);
		why = t->why;
		down(t, &why, now);
	} else if (t->state == VAULT_TOKEN_DOWN && now >= t->retry) {
		attempt(v);
	}
}

void
vault_token_failed(struct vault *v, const struct dca_err *e)
{
	if (v->token.state == VAULT_TOKEN_UP) {
		v->token.state = VAULT_TOKEN_DRAIN;
		v->token.why = *e;
	} else if (v->token.state == VAULT_TOKEN_DRAIN &&
	    v->token.why.rule != DCA_RULE_TOKEN_SIGNATURE &&
	    (e->rule == DCA_RULE_TOKEN_SIGNATURE ||
	    e->rule == DCA_RULE_TOKEN_PIN)) {
		/* what must not be tried again outranks what may be */
		v->token.why = *e;
	}
}

void
vault_token_close(struct vault *v)
{
	struct vault_opening *o = v->token.opening;

	if (!o)
		return;
	if (v->token.state == VAULT_TOKEN_OPENING &&
	    pthread_join(o->thread, NULL) != 0)
		abort();
	let_go(o);
	free(o);
	v->token.opening = NULL;
}

enum dca_rc
vault_token_ready(const struct vault *v, struct dca_err *e)
{
	if (v->token.state == VAULT_TOKEN_UP)
		return DCA_OK;
	return dca_fail(e, v->token.why.rule, "%s", v->token.why.text);
}

enum dca_rc
vault_token_fits(const struct vault *v, const struct vault_cross *cross,
    struct dca_err *e)
{
	enum dca_rc rc = vault_token_ready(v, e);

	if (rc)
		return rc;
	if (memcmp(&v->token.key, &cross->chain.v[0].key,
	    sizeof(v->token.key)) != 0)
		return dca_fail(e, DCA_RULE_TOKEN_KEY, "the key in the token "
		    "is not that of the cross-certificate");
	return DCA_OK;
}

unsigned
vault_token_max_age(const struct vault *v)
{
	const int64_t left = v->token.retry - dca_now();

	switch (v->token.state) {
	case VAULT_TOKEN_DOWN:
		return left > 1 ? (unsigned)left : 1;
	case VAULT_TOKEN_PIN:
	case VAULT_TOKEN_QUARANTINED:
		return MAX_AGE_MANUAL;
	default:
		return 1;
	}
}
