/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sign workers: proof of possession, build, sign. A worker owns its job while
 * it has it and sees nothing else of the vault. Must never read or write the
 * store.
 */
#include <pthread.h>
#include <string.h>

#include "job.h"

struct queue {
	struct vault_job *first, **last;
};

struct worker {
	struct vault_pool *pool;
	pthread_t thread;
	struct dca_signer *signer;
};

struct vault_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct queue in, out;
	bool stop;
	struct dca_loop *loop;
	unsigned n;
	struct worker workers[VAULT_WORKERS_MAX];
};

static void
must(int failed)
{
	if (failed)
		abort();
}

static void
push(struct queue *q, struct vault_job *j)
{
	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
}

static struct vault_job *
pop(struct queue *q)
{
	struct vault_job *j = q->first;

	if (j) {
		q->first = j->next;
		if (!q->first)
			q->last = &q->first;
		j->next = NULL;
	}
	return j;
}

static enum dca_rc
sign(struct vault_job *j, struct dca_signer *signer, struct dca_err *e)
{
	const struct dca_profile profile = {
		.issuer = &j->cross->chain.v[0],
		.subject = dca_out_buf(&j->subject),
		.key = &j->csr.key,
		.not_before = j->verdict.not_before,
		.not_after = j->verdict.not_after,
		.numbers = j->verdict.numbers,
		.passports = j->verdict.customer.passports,
	};
	struct dca_profile p = profile;
	DCA_AUTO_OUT tbs = { 0 };
	enum dca_rc rc;

	memcpy(p.serial, j->serial, sizeof(p.serial));
	if ((rc = dca_csr_check_pop(&j->csr, e)) ||
	    (rc = dca_profile_build(&tbs, &p, j->cross->scope, e)))
		return rc;
	if (!signer)
		return dca_fail(e, DCA_RULE_TOKEN_DOWN, "no token session");
	return dca_signer_sign(signer, dca_out_buf(&tbs), &j->cert, e);
}

static void *
worker_run(void *arg)
{
	struct worker *w = arg;
	struct vault_pool *p = w->pool;
	struct vault_job *j;
	bool first;

	must(pthread_mutex_lock(&p->lock));
	for (;;) {
		while (!p->stop && !p->in.first)
			must(pthread_cond_wait(&p->work, &p->lock));
		if (p->stop)
			break;
		j = pop(&p->in);
		must(pthread_mutex_unlock(&p->lock));
		j->rc = sign(j, w->signer, &j->err);
		must(pthread_mutex_lock(&p->lock));
		first = !p->out.first;
		push(&p->out, j);
		if (first)
			dca_loop_wake(p->loop);
	}
	must(pthread_mutex_unlock(&p->lock));
	return NULL;
}

struct vault_pool *
vault_pool_new(struct dca_loop *l, unsigned workers)
{
	struct vault_pool *p = dca_alloc(sizeof(*p));

	memset(p, 0, sizeof(*p));
	must(pthread_mutex_init(&p->lock, NULL));
	must(pthread_cond_init(&p->work, NULL));
	p->in.last = &p->in.first;
	p->out.last = &p->out.first;
	p->loop = l;
	p->n = workers;
	for (unsigned i = 0; i < workers; i++) {
		p->workers[i].pool = p;
		must(pthread_create(&p->workers[i].thread, NULL, worker_run,
		    &p->workers[i]));
	}
	return p;
}

void
vault_pool_free(struct vault_pool *p)
{
	if (!p)
		return;
	must(pthread_mutex_lock(&p->lock));
	p->stop = true;
	must(pthread_cond_broadcast(&p->work));
	must(pthread_mutex_unlock(&p->lock));
	for (unsigned i = 0; i < p->n; i++)
		must(pthread_join(p->workers[i].thread, NULL));
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void
vault_pool_give(struct vault_pool *p, struct vault_job *j)
{
	must(pthread_mutex_lock(&p->lock));
	push(&p->in, j);
	must(pthread_cond_signal(&p->work));
	must(pthread_mutex_unlock(&p->lock));
}

struct vault_job *
vault_pool_take(struct vault_pool *p)
{
	struct vault_job *j;

	must(pthread_mutex_lock(&p->lock));
	j = pop(&p->out);
	must(pthread_mutex_unlock(&p->lock));
	return j;
}

unsigned
vault_pool_workers(const struct vault_pool *p)
{
	return p->n;
}

void
vault_pool_signer(struct vault_pool *p, unsigned i, struct dca_signer *s)
{
	must(pthread_mutex_lock(&p->lock));
	p->workers[i].signer = s;
	must(pthread_mutex_unlock(&p->lock));
}
