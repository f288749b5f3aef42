/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a job: decided, given to a worker, recorded with everything
 * that follows from it, answered. Must never answer a certificate
 * that is not in the group about to be committed.
 */
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"
#include "job.h"

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

/* Subject from the register (dca(7) MAIN JOB). */
static enum dca_rc
make_subject(struct vault_job *j, struct dca_err *e)
{
	const struct dca_customer *c = &j->verdict.customer;
	char cn[65];

	if (c->cn[0])
		(void)dca_strlcpy(cn, c->cn, sizeof(cn));
	else if (snprintf(cn, sizeof(cn), "SHAKEN %s", c->id) >= (int)sizeof(cn))
		(void)dca_strlcpy(cn, c->id, sizeof(cn));
	j->subject.n = 0;
	return dca_name_encode(&j->subject, c->country, c->name, cn, e);
}

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
	};
	enum dca_rc rc;

	vault_verdict_clear(&j->verdict);
	if ((rc = vault_decide(&q, &j->verdict, e)) || j->verdict.repeat)
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
	enum dca_rc rc = dca_store_certificate(v->store, j->who.serial, &c, e);

	if (rc)
		return rc;
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
	j->attempts++;
	j->rc = DCA_OK;
	memset(&j->err, 0, sizeof(j->err));
	j->cert.n = 0;
	vault_reserve(v, j);
	vault_pool_give(v->pool, j);
}

static enum dca_rc
admit(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	enum dca_rc rc;

	dca_spki_sha256(j->key_sha256, &j->csr.key);
	if (!j->operator[0]) {
		rc = vault_who_asks(v->store, &j->csr, dca_now(), &j->who, e);
		if (rc)
			return rc;
		if (j->who.spent)
			return answer_spent(v, j, e);
	}
	if (vault_reserve_join(v, j)) {
		job_free(j);
		return DCA_OK;
	}
	if ((rc = decide(v, j, e)))
		return rc;
	if (j->verdict.repeat)
		return answer_earlier(v, j, j->verdict.serial, e);
	if ((rc = vault_token_fits(v, j->cross, e)) ||
	    (rc = vault_reserve_check(v, j, e)) || (rc = make_subject(j, e)))
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

	if (m->f[0].u != DCA_FN_SEN)
		rc = dca_fail(&e, DCA_RULE_PATH,
		    "this version enrols (/sen) only");
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
	j->function = DCA_FN_SEN;
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

/* --- from worker to ledger --- */

/* Deterministic: keys by length, then bytes (RFC 8949 4.2.1). */
static void
issue_body(struct dca_out *o, const struct vault_job *j)
{
	const bool code = j->who.code[0] != '\0';

	dca_cbor_map(o, code ? 8 : 7);
	dca_cbor_text(o, "csr");
	dca_cbor_bytes(o, DCA_BUF(j->csr.sha256, DCA_SHA256_LEN));
	dca_cbor_text(o, "key");
	dca_cbor_bytes(o, DCA_BUF(j->key_sha256, DCA_SHA256_LEN));
	dca_cbor_text(o, "cert");
	dca_cbor_bytes(o, dca_out_buf(&j->cert));
	if (code) {
		dca_cbor_text(o, "code");
		dca_cbor_text(o, j->who.code);
	}
	dca_cbor_text(o, "basis");
	dca_cbor_uint(o, j->verdict.customer.changed);
	dca_cbor_text(o, "cross");
	dca_cbor_uint(o, j->cross->id);
	dca_cbor_text(o, "customer");
	dca_cbor_text(o, j->who.customer);
	dca_cbor_text(o, "function");
	dca_cbor_uint(o, j->function);
}

static enum dca_rc
append(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	struct dca_certificate c = { .function = j->function,
		.not_before = j->verdict.not_before,
		.not_after = j->verdict.not_after, .cross = j->cross->id,
		.basis = j->verdict.customer.changed };
	const bool operator = j->operator[0] != '\0';
	char actor[DCA_ACTOR_MAX];
	DCA_AUTO_OUT body = { 0 };
	enum dca_rc rc;

	memcpy(c.serial, j->serial, sizeof(c.serial));
	memcpy(c.customer, j->who.customer, sizeof(c.customer));
	memcpy(c.key_sha256, j->key_sha256, sizeof(c.key_sha256));
	memcpy(c.csr_sha256, j->csr.sha256, sizeof(c.csr_sha256));
	(void)snprintf(actor, sizeof(actor), "%s:%s",
	    operator ? "operator" : "customer",
	    operator ? j->operator : j->who.customer);
	issue_body(&body, j);
	if ((rc = dca_store_append(v->store, dca_now(), "issue", actor,
		 dca_out_buf(&body), &c.seq, e)) ||
	    (rc = dca_store_certificate_add(v->store, &c, j->verdict.numbers,
		 j->verdict.shared, e)))
		return rc;
	if (!j->who.code[0])
		return DCA_OK;
	return dca_store_code_spend(v->store, j->who.code, j->csr.sha256,
	    j->serial, e);
}

/* The decision still stands: nothing it rests on changed meanwhile, neither
 * cross-certificate nor register nor whose the key is (unpinned?). */
static bool
still_stands(struct vault *v, const struct vault_job *j)
{
	const struct vault_cross *cross = vault_cross_active(v);
	struct dca_customer c;
	struct dca_key key;

	if (!j->operator[0] && !j->who.code[0] &&
	    (dca_store_key(v->store, j->key_sha256, dca_now(), &key, NULL) !=
	    DCA_OK || !(key.pinned || key.certified)))
		return false;
	return cross && cross->id == j->cross->id &&
	    dca_store_customer(v->store, j->who.customer, &c, NULL) ==
	    DCA_OK && c.active && c.changed == j->verdict.customer.changed;
}

static enum dca_rc
record(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	enum dca_rc rc;

	dca_store_savepoint(v->store);
	rc = append(v, j, e);
	if (rc)
		dca_store_undo(v->store);
	else
		dca_store_release(v->store);
	return rc;
}

static void
finish(struct vault *v, struct vault_job *j)
{
	struct dca_err e = j->err;
	enum dca_rc rc = j->rc;

	vault_reserve_release(v, j);
	if (rc == DCA_TOKEN)
		vault_token_failed(v, &e);
	if (j->lost)
		rc = dca_fail(&e, DCA_RULE_IO,
		    "what this rests on could not be recorded");
	if (rc == DCA_OK)
		rc = vault_group(v, &e);
	if (rc == DCA_OK && !still_stands(v, j)) {
		/* The signature is thrown away, the request decided anew. */
		if (j->attempts < ATTEMPTS_MAX)
			rc = start(v, j, &e);
		else
			rc = dca_fail(&e, DCA_RULE_QUEUE,
			    "the register changes too fast");
		if (rc == DCA_OK)
			return;
	} else if (rc == DCA_OK) {
		rc = record(v, j, &e);
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
