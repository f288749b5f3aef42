/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a job: decided, given to a worker, recorded with everything
 * that follows from it, answered. Must never answer a certificate
 * that is not in the group about to be committed.
 */
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"
#include "board.h"
#include "clock.h"

enum { ATTEMPTS_MAX = 3 };

static enum dca_rc start(struct vault *v, struct vault_job *j,
    struct dca_err *e) DCA_CHECKED;

/* --- askers and their answers --- */

static void
job_free(struct vault_job *j)
{
	struct vault_asker *a;

	while ((a = j->askers)) {
		j->askers = a->next;
		vault_peer_unref(a->peer);
		free(a);
	}
	dca_csr_clear(&j->csr);
	vault_verdict_clear(&j->verdict);
	vault_cross_unref(j->cross);
	dca_cert_clear(&j->old);
	dca_out_free(&j->peer);
	dca_out_free(&j->der);
	dca_out_free(&j->act);
	dca_out_free(&j->subject);
	dca_out_free(&j->cert);
	free(j);
}

static struct vault_job *
job_new(struct vault_peer *p, uint64_t id, struct dca_buf der, bool operator)
{
	struct vault_job *j = dca_alloc(sizeof(*j));
	struct vault_asker *a = dca_alloc(sizeof(*a));

	memset(j, 0, sizeof(*j));
	dca_out_add(&j->der, der.p, der.n);
	*a = (struct vault_asker){ .peer = vault_peer_ref(p), .id = id,
		.operator = operator };
	j->askers = a;
	j->n_askers = 1;
	return j;
}

static void
answer_one(struct vault *v, const struct vault_asker *a,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_buf der)
{
	struct dca_message m = { .id = a->id, .n = 3 };
	DCA_AUTO_OUT body = { 0 };
	struct dca_out packet = { 0 };

	if (a->operator) {
		m.type = DCA_MSG_DATA;
		vault_certificate_map(v, &body, serial, der, NULL);
		m.f[0].u = 204;
		m.f[1].u = 60;
		m.f[2].b = dca_out_buf(&body);
	} else {
		m.type = DCA_MSG_ISSUED;
		vault_url(v, &body, serial);
		m.f[0].b = DCA_BUF(serial, DCA_SERIAL_LEN);
		m.f[1].b = der;
		m.f[2].b = dca_out_buf(&body);
	}
	dca_message_encode(&packet, &m);
	vault_answer_issued(v, a->peer, a->id, serial, &packet);
}

static void
answer_all(struct vault *v, const struct vault_job *j,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_buf der)
{
	for (const struct vault_asker *a = j->askers; a; a = a->next)
		answer_one(v, a, serial, der);
}

/* The refusal of a known actor is a row; then everybody is told. */
static void
fail_all(struct vault *v, struct vault_job *j, const struct dca_err *e)
{
	char actor[DCA_ACTOR_MAX];
	const bool refused = dca_problem(e->rule)->rc == DCA_REFUSED;

	/* a signature that fails proves nothing of who asked */
	if (e->rule == DCA_RULE_CSR_POP && !j->operator[0])
		j->who.customer[0] = '\0';
	if (refused && j->operator[0])
		(void)snprintf(actor, sizeof(actor), "operator:%s",
		    j->operator);
	else
		(void)snprintf(actor, sizeof(actor), "customer:%s",
		    j->who.customer);
	if (refused && (j->operator[0] || j->who.customer[0]))
		vault_refuse(v, actor, "issue", dca_out_buf(&j->act), e);
	for (const struct vault_asker *a = j->askers; a; a = a->next)
		vault_problem(v, a->peer, a->id, e);
}

/* A certificate that exists already, for this very request. */
static enum dca_rc
answer_earlier(struct vault *v, struct vault_job *j,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };
	enum dca_rc rc = dca_store_certificate_der(v->store, serial, &der, e);

	if (rc)
		return rc;
	answer_all(v, j, serial, dca_out_buf(&der));
	job_free(j);
	return DCA_OK;
}

/* --- from request to worker --- */

static enum dca_rc
decide(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	struct vault_cross *cross = vault_cross_active(v);
	const struct vault_question q = {
		.store = v->store,
		.customer = j->who.customer,
		.csr = &j->csr,
		.function = j->function,
		.now = dca_now(),
		.cross = cross,
		.validity = v->conf.validity,
		.min_validity = v->conf.min_validity,
		.old = j->function == DCA_FN_SREN ? &j->old : NULL,
	};
	enum dca_rc rc;

	vault_verdict_clear(&j->verdict);
	if ((rc = vault_clock_check(&v->conf, e)) ||
	    (rc = vault_decide(&q, &j->verdict, e)) || j->verdict.repeat)
		return rc;
	vault_cross_unref(j->cross);
	j->cross = vault_cross_ref(cross);
	return DCA_OK;
}

/* Spent by this request: the same certificate, while it is not revoked. */
static enum dca_rc
answer_spent(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	struct dca_certificate c;
	struct dca_customer who;
	enum dca_rc rc = dca_store_certificate(v->store, j->who.serial, &c, e);

	if (rc || (rc = dca_store_customer(v->store, c.customer, &who, e)))
		return rc;
	if (!who.active)
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "customer %s is suspended", c.customer);
	if (c.revoked || dca_now() >= c.not_after)
		return dca_fail(e, DCA_RULE_AUTH_CODE, "the certificate of "
		    "this enrolment is %s",
		    c.revoked ? "revoked" : "expired");
	return answer_earlier(v, j, j->who.serial, e);
}

static void
give(struct vault *v, struct vault_job *j)
{
	uint8_t random[DCA_SERIAL_LEN];
	const struct dca_tnrange *ranges;

	dca_random(random, sizeof(random));
	dca_serial_make(j->serial, random);
	(void)dca_tnset_ranges(j->verdict.numbers, &ranges);
	j->turn = v->turn;
	j->given = vault_seconds();
	j->attempts++;
	j->rc = DCA_OK;
	memset(&j->err, 0, sizeof(j->err));
	j->cert.n = 0;
	vault_reserve(v, j);
	vault_pool_give(v->pool, j);
}

static enum dca_rc
identify(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	if (j->operator[0])
		return DCA_OK;
	if (j->function == DCA_FN_SREN)
		return vault_who_renews(v->store, dca_out_buf(&j->peer),
		    &j->csr, dca_now(), &j->who, &j->old, e);
	return vault_who_asks(v->store, &j->csr, dca_now(), &j->who, e);
}

static enum dca_rc
admit(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	enum dca_rc rc;

	dca_spki_sha256(j->key_sha256, &j->csr.key);
	if ((rc = identify(v, j, e)))
		return rc;
	if (j->who.spent)
		return answer_spent(v, j, e);
	if (vault_reserve_join(v, j)) {
		job_free(j);
		return DCA_OK;
	}
	if ((rc = decide(v, j, e)))
		return rc;
	if (j->verdict.repeat)
		return answer_earlier(v, j, j->verdict.serial, e);
	if ((rc = vault_token_fits(v, j->cross, e)) ||
	    (rc = vault_reserve_check(v, j, e)) ||
	    (rc = vault_budget_check(v, j, e)) ||
	    (rc = vault_subject(&j->verdict.customer, &j->subject, e)))
		return rc;
	give(v, j);
	return DCA_OK;
}

/*
 * On DCA_OK the job is gone: answered, joined or with a worker. Proof of
 * possession is the worker's work, but a refusal before it says something
 * about the owner of the key and goes into the ledger in its name: who did
 * not prove the key gets neither.
 */
static enum dca_rc
start(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	struct dca_err pop = { 0 };
	enum dca_rc rc;

	dca_csr_clear(&j->csr);
	rc = dca_csr_parse(&j->csr, dca_out_buf(&j->der), e);
	if (rc)
		return rc;
	rc = admit(v, j, e);
	if (rc && dca_csr_check_pop(&j->csr, &pop) != DCA_OK) {
		if (e)
			*e = pop;
		rc = dca_problem(pop.rule)->rc;
	}
	return rc;
}

static enum dca_rc
check_queue(struct vault *v, struct dca_err *e)
{
	if (v->n_asking < v->conf.queue)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_QUEUE, "%u requests are being answered",
	    v->n_asking);
}

void
vault_on_issue(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	struct dca_err e = { 0 };
	struct vault_job *j;
	enum dca_rc rc;

	if (m->f[0].u != DCA_FN_SEN && m->f[0].u != DCA_FN_SREN)
		rc = dca_fail(&e, DCA_RULE_PATH,
		    "neither enrolment nor renewal");
	else if (m->f[1].b.n == 0)
		rc = dca_fail(&e, DCA_RULE_AUTH_CERTIFICATE,
		    "the session has no client certificate");
	else
		rc = check_queue(v, &e);
	if (rc) {
		/* Who overruns the queue waits until there is room again. */
		if (e.rule == DCA_RULE_QUEUE) {
			dca_conn_pause(p->conn, true);
			p->paused = true;
		}
		vault_problem(v, p, m->id, &e);
		return;
	}
	j = job_new(p, m->id, m->f[2].b, false);
	j->function = (enum dca_function)m->f[0].u;
	if (j->function == DCA_FN_SREN)
		dca_out_add(&j->peer, m->f[1].b.p, m->f[1].b.n);
	/* In the group, so that all that is read for the decision is one read
	 * transaction and not one each. */
	if (vault_group(v, &e) || start(v, j, &e)) {
		fail_all(v, j, &e);
		job_free(j);
	}
}

enum dca_rc
vault_issue_operator(struct vault *v, struct vault_peer *p, uint64_t id,
    const struct dca_operator *op, const char *customer, struct dca_buf csr,
    struct dca_buf cose, struct dca_err *e)
{
	struct vault_job *j;
	enum dca_rc rc = check_queue(v, e);

	if (rc)
		return rc;
	j = job_new(p, id, csr, true);
	j->function = DCA_FN_OPERATOR;
	(void)dca_strlcpy(j->operator, op->id, sizeof(j->operator));
	(void)dca_strlcpy(j->who.customer, customer, sizeof(j->who.customer));
	dca_out_add(&j->act, cose.p, cose.n);
	rc = start(v, j, e);
	if (rc)
		job_free(j);
	return rc;
}

/* --- from worker to ledger (record.c) --- */

static enum dca_rc
overdue(struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_TOKEN_DOWN,
	    "the token does not answer: nothing was issued, ask again");
}

static void
free_askers(struct vault *v, struct vault_job *j)
{
	struct vault_asker *a;

	while ((a = j->askers)) {
		j->askers = a->next;
		vault_peer_unref(a->peer);
		free(a);
	}
	v->n_asking -= j->n_askers;
	j->n_askers = 0;
}

/*
 * A token that hangs has its worker, and that job stays reserved: nobody else
 * may get its number or code until it is known what became of it. What no
 * worker has yet is dropped.
 */
void
vault_issue_overdue(struct vault *v)
{
	const int64_t before = vault_seconds() - v->conf.patience;
	struct vault_job *j, *next;
	struct dca_err e = { 0 };

	(void)overdue(&e);
	for (j = v->jobs; j; j = next) {
		next = j->others;
		if (j->given > before)
			continue;
		j->overdue = true;
		fail_all(v, j, &e);
		free_askers(v, j);
		if (!vault_pool_withdraw(v->pool, j))
			continue;
		vault_reserve_release(v, j);
		job_free(j);
	}
}

static void
finish(struct vault *v, struct vault_job *j)
{
	struct dca_err e = j->err;
	enum dca_rc rc = j->rc;

	vault_reserve_release(v, j);
	if (rc == DCA_TOKEN)
		vault_token_failed(v, &e);
	if (rc && e.rule == DCA_RULE_LINT && vault_group(v, NULL) == DCA_OK)
		vault_alarm(v, "lint", j->verdict.customer.id, e.text);
	/* 5.03 was said: nothing happened, so the signature is thrown away */
	if (j->overdue)
		rc = overdue(&e);
	if (j->lost)
		rc = dca_fail(&e, DCA_RULE_IO,
		    "what this rests on could not be recorded");
	if (rc == DCA_OK)
		rc = vault_group(v, &e);
	if (rc == DCA_OK && !vault_still_stands(v, j)) {
		/* The signature is thrown away, the request decided anew. */
		if (j->attempts < ATTEMPTS_MAX)
			rc = start(v, j, &e);
		else
			rc = dca_fail(&e, DCA_RULE_QUEUE,
			    "the register changes too fast");
		if (rc == DCA_OK)
			return;
	} else if (rc == DCA_OK) {
		rc = vault_record(v, j, &e);
	}
	if (rc)
		fail_all(v, j, &e);
	else
		answer_all(v, j, j->serial, dca_out_buf(&j->cert));
	job_free(j);
}

static void
resume(struct vault *v)
{
	if (v->n_asking > v->conf.queue / 4 * 3)
		return;
	for (struct vault_peer *p = v->peers; p; p = p->next)
		if (p->paused && p->conn) {
			p->paused = false;
			dca_conn_pause(p->conn, false);
		}
}

void
vault_issue_finish(struct vault *v)
{
	struct vault_job *j;

	while ((j = vault_pool_take(v->pool)))
		if (j->selftest)
			vault_selftest_signed(v, j);
		else
			finish(v, j);
	resume(v);
}

void
vault_issue_close(struct vault *v)
{
	struct vault_job *j;

	while ((j = v->jobs)) {
		v->jobs = j->others;
		job_free(j);
	}
	v->n_asking = 0;
}
