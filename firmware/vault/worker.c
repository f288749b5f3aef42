/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sign workers: proof of possession, build, sign. A worker owns its job while
 * it has it and sees nothing else of the vault. An idle worker looks after
 * its session. Must never read or write the store.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "job.h"

struct queue {
	struct vault_job *first, **last;
};

struct worker {
	struct vault_pool *pool;
	pthread_t thread;
	struct dca_signer *signer;
	int64_t since;			/* busy since; 0: idle */
};

struct vault_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct queue in, out;
	bool stop;
	int64_t keep_alive;		/* seconds */
	bool trouble;			/* an idle session found some: why */
	struct dca_err why;
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

/* What is about to be signed, decided on its octets by a reader that shares
 * nothing with what built it. */
enum dca_rc
vault_lint(const struct vault_cross *cross, struct dca_buf tbs,
    struct dca_err *e)
{
	const struct dca_lint_options opt = { .scope = cross->scope };

	return dca_lint_tbs(tbs, cross->lint, &opt, e);
}

static enum dca_rc
with_token(struct vault_job *j, struct dca_signer *signer, struct dca_buf body,
    struct dca_err *e)
{
	if (!signer)
		return dca_fail(e, DCA_RULE_TOKEN_DOWN, "no token session");
	return dca_signer_sign(signer, body, &j->cert, e);
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
	struct dca_constraints constraints;
	DCA_AUTO_OUT tbs = { 0 };
	enum dca_rc rc;

	memcpy(p.serial, j->serial, sizeof(p.serial));
	if ((rc = dca_csr_check_pop(&j->csr, e)) ||
	    (rc = dca_store_customer_constraints(&j->verdict.customer,
	    &constraints, e)))
		return rc;
	p.constraints = &constraints;
	rc = dca_profile_build(&tbs, &p, j->cross->scope, e);
	dca_constraints_clear(&constraints);
	if (rc || (rc = vault_lint(j->cross, dca_out_buf(&tbs), e)))
		return rc;
	return with_token(j, signer, dca_out_buf(&tbs), e);
}

int64_t
vault_seconds(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t));
	return (int64_t)t.tv_sec;
}

/* Locked. False: nothing came for as long as a session may be idle. */
static bool
wait_for_work(struct vault_pool *p)
{
	struct timespec until;
	int rc = 0;

	must(clock_gettime(CLOCK_MONOTONIC, &until));
	until.tv_sec += p->keep_alive;
	while (!p->stop && !p->in.first && rc == 0)
		rc = pthread_cond_timedwait(&p->work, &p->lock, &until);
	must(rc != 0 && rc != ETIMEDOUT);
	return p->stop || p->in.first;
}

/* Locked. A dead token is found before a customer does. */
static void
look_alive(struct worker *w)
{
	struct vault_pool *p = w->pool;
	struct dca_err e = { 0 };
	enum dca_rc rc;

	if (!w->signer)
		return;
	w->since = vault_seconds();
	must(pthread_mutex_unlock(&p->lock));
	rc = dca_signer_alive(w->signer, &e);
	must(pthread_mutex_lock(&p->lock));
	w->since = 0;
	if (rc) {
		p->trouble = true;
		p->why = e;
	}
	dca_loop_wake(p->loop);
}

/* Locked. */
static void
work(struct worker *w)
{
	struct vault_pool *p = w->pool;
	struct vault_job *j = pop(&p->in);
	bool first;

	w->since = vault_seconds();
	must(pthread_mutex_unlock(&p->lock));
	j->rc = j->selftest ? with_token(j, w->signer,
	    dca_out_buf(&j->subject), &j->err) :
	    sign(j, w->signer, &j->err);
	must(pthread_mutex_lock(&p->lock));
	w->since = 0;
	first = !p->out.first;
	push(&p->out, j);
	if (first)
		dca_loop_wake(p->loop);
}

static void *
worker_run(void *arg)
{
	struct worker *w = arg;
	struct vault_pool *p = w->pool;

	must(pthread_mutex_lock(&p->lock));
	while (!p->stop) {
		if (!wait_for_work(p))
			look_alive(w);
		else if (!p->stop)
			work(w);
	}
	must(pthread_mutex_unlock(&p->lock));
	return NULL;
}

struct vault_pool *
vault_pool_new(struct dca_loop *l, unsigned workers, int64_t keep_alive)
{
	struct vault_pool *p = dca_alloc(sizeof(*p));
	pthread_condattr_t clock;

	memset(p, 0, sizeof(*p));
	p->keep_alive = keep_alive;
	must(pthread_mutex_init(&p->lock, NULL));
	must(pthread_condattr_init(&clock));
	must(pthread_condattr_setclock(&clock, CLOCK_MONOTONIC));
	must(pthread_cond_init(&p->work, &clock));
	must(pthread_condattr_destroy(&clock));
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

bool
vault_thread_join(pthread_t thread)
{
	struct timespec until;
	int rc;

	must(clock_gettime(CLOCK_REALTIME, &until));
	until.tv_sec += VAULT_JOIN_WAIT;
	rc = pthread_timedjoin_np(thread, NULL, &until);
	must(rc != 0 && rc != ETIMEDOUT);
	return rc == 0;
}

bool
vault_pool_free(struct vault_pool *p)
{
	if (!p)
		return true;
	must(pthread_mutex_lock(&p->lock));
	p->stop = true;
	must(pthread_cond_broadcast(&p->work));
	must(pthread_mutex_unlock(&p->lock));
	for (unsigned i = 0; i < p->n; i++)
		if (!vault_thread_join(p->workers[i].thread))
			return false;
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return true;
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

bool
vault_pool_quiesce(struct vault_pool *p)
{
	bool quiet = true;

	must(pthread_mutex_lock(&p->lock));
	for (unsigned i = 0; i < p->n; i++)
		quiet = quiet && p->workers[i].since == 0;
	for (unsigned i = 0; quiet && i < p->n; i++)
		p->workers[i].signer = NULL;
	p->trouble = p->trouble && !quiet;
	must(pthread_mutex_unlock(&p->lock));
	return quiet;
}

bool
vault_pool_trouble(struct vault_pool *p, struct dca_err *e)
{
	bool was;

	must(pthread_mutex_lock(&p->lock));
	was = p->trouble;
	p->trouble = false;
	if (was)
		*e = p->why;
	must(pthread_mutex_unlock(&p->lock));
	return was;
}

unsigned
vault_pool_stuck(struct vault_pool *p, int64_t patience)
{
	const int64_t now = vault_seconds();
	unsigned n = 0;

	must(pthread_mutex_lock(&p->lock));
	for (unsigned i = 0; i < p->n; i++)
		n += p->workers[i].since &&
		    now - p->workers[i].since >= patience;
	must(pthread_mutex_unlock(&p->lock));
	return n;
}

bool
vault_pool_withdraw(struct vault_pool *p, struct vault_job *j)
{
	struct vault_job **at;
	bool found;

	must(pthread_mutex_lock(&p->lock));
	for (at = &p->in.first; *at && *at != j; at = &(*at)->next)
		;
	found = *at != NULL;
	if (found) {
		*at = j->next;
		if (!*at)
			p->in.last = at;
		j->next = NULL;
	}
	must(pthread_mutex_unlock(&p->lock));
	return found;
}
