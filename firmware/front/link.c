/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections to the vault and the table of questions that wait for it.
 * There are two, because the vault stops reading from one whose requests
 * overrun its queue: enrolments go over one, what is asked below /dca/ over
 * the other, which also has an eighth of the table for itself. That is the
 * operators' lane. Who is an operator the front cannot know; a flood of /dca/
 * requests meets the rates of its addresses and keys and fills this lane only.
 * Answers are believed as far as the message table checks them; an answer to
 * no question is dropped. While the vault is away every question is answered
 * 5.03 with the time of the next attempt: nothing waits without a bound.
 */
#include <string.h>

#include "dca/cert.h"
#include "front.h"

enum {
	TRY_FIRST = 100, TRY_MOST = 5000,	/* ms between attempts */
	QUEUE_MAX_AGE = 2, MAX_AGE_MOST = 86400,
	FORMAT_P7 = 281, FORMAT_CERT = 287,
};

enum lane { CUSTOMERS, OPERATORS, LANES };

struct wire {
	struct front_link *link;
	enum lane lane;
	struct dca_conn *conn;	/* NULL: down */
	int64_t try_at;
	unsigned try_wait;
	bool told;		/* that it is down */
	unsigned jobs;
};

struct front_link {
	struct front *front;
	struct wire wires[LANES];
	uint64_t serial;
	struct front_exchange *jobs[FRONT_JOBS];
	unsigned free[FRONT_JOBS], n_free;
};

static const char *const lane_names[LANES] = { "customers", "operators" };
/* Questions of each that may wait for the vault. */
static const unsigned lane_jobs[LANES] = {
	FRONT_JOBS - FRONT_LANE, FRONT_LANE,
};

static enum lane
lane_of(const struct front_resource *res)
{
	return strncmp(res->path, "dca/", 4) == 0 ? OPERATORS : CUSTOMERS;
}

/* Takes x out of the table; its session may go when it wants to. */
static void
job_end(struct front_link *l, struct front_exchange *x)
{
	unsigned slot = (unsigned)(x->id % FRONT_JOBS);

	l->jobs[slot] = NULL;
	l->free[l->n_free++] = slot;
	l->wires[lane_of(x->res)].jobs--;
	x->pending = false;
	x->peer->n_pending--;
}

void
front_forget(struct front_exchange *x)
{
	coap_session_t *s = x->peer->session;

	job_end(x->peer->front->link, x);
	coap_session_release(s);
}

/* x->reply is set: send it and let the session go. */
static void
job_answer(struct front_link *l, struct front_exchange *x)
{
	coap_session_t *s = x->peer->session;

	job_end(l, x);
	front_exchange_send(x);	/* x is not touched after this */
	coap_session_release(s);
}

static void
job_fail(struct front_link *l, struct front_exchange *x, const char *why)
{
	struct dca_err e = { 0 };

	(void)dca_fail(&e, DCA_RULE_VAULT_DOWN, "%s", why);
	l->front->count.vault_down++;
	front_reply_clear(&x->reply);
	front_reply_problem(&x->reply, &e, 0, QUEUE_MAX_AGE);
	job_answer(l, x);
}

static bool
code_ok(uint64_t code, unsigned lowest)
{
	return code >= lowest && code < 600 && code % 100 < 32 &&
	    (code < 300 || code >= 400);
}

static enum dca_rc
take_issued(struct front_exchange *x, const struct dca_message *m,
    struct dca_err *e)
{
	struct front_reply *r = &x->reply;
	struct dca_buf cert = m->f[1].b;

	if (x->res->ask != DCA_MSG_ISSUE || m->f[0].b.n != DCA_SERIAL_LEN)
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "the vault answered something else");
	r->code = 204;
	dca_hex(r->serial, m->f[0].b.p, DCA_SERIAL_LEN);
	if (x->accept == FORMAT_CERT) {
		r->format = FORMAT_CERT;
		dca_out_add(&r->body, cert.p, cert.n);
		return DCA_OK;
	}
	r->format = FORMAT_P7;
	dca_p7_encode(&r->body, &cert, 1);
	return DCA_OK;
}

static enum dca_rc
take_data(struct front_exchange *x, const struct dca_message *m,
    struct dca_err *e)
{
	struct front_reply *r = &x->reply;

	if (x->res->ask == DCA_MSG_ISSUE || !code_ok(m->f[0].u, 200) ||
	    m->f[1].u > UINT16_MAX)
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "the vault answered something else");
	r->code = (int)m->f[0].u;
	r->format = (int)m->f[1].u;
	dca_out_add(&r->body, m->f[2].b.p, m->f[2].b.n);
	return DCA_OK;
}

static void
take_problem(struct front_exchange *x, const struct dca_message *m)
{
	uint64_t code = m->f[0].u, age = m->f[5].u;
	struct dca_err e;

	dca_problem_message(&e, m);
	front_reply_problem(&x->reply, &e,
	    code_ok(code, 400) ? (int)code : 500,
	    age == 0 ? -1 : age < MAX_AGE_MOST ? (int64_t)age : MAX_AGE_MOST);
}

static void
on_message(struct dca_conn *c, const struct dca_message *m, void *arg)
{
	struct wire *w = arg;
	struct front_link *l = w->link;
	struct front_exchange *x = l->jobs[m->id % FRONT_JOBS];
	struct dca_err e = { 0 };
	enum dca_rc rc = DCA_OK;

	(void)c;
	if (x == NULL || x->id != m->id || lane_of(x->res) != w->lane) {
		l->front->count.late++;
		return;
	}
	/* max_age held the next attempt's time while asking */
	x->reply.max_age = -1;
	if (m->type == DCA_MSG_PROBLEM)
		take_problem(x, m);
	else if (m->type == DCA_MSG_ISSUED)
		rc = take_issued(x, m, &e);
	else if (m->type == DCA_MSG_DATA)
		rc = take_data(x, m, &e);
	else
		rc = dca_fail(&e, DCA_RULE_INTERNAL, "%s is not an answer",
		    dca_message_name(m->type));
	if (rc == DCA_OK)
		rc = front_slice(x->peer, x->key, x->block2, &x->reply, &e);
	if (rc != DCA_OK)
		front_reply_problem(&x->reply, &e, 0, x->reply.max_age);
	job_answer(l, x);
}

static void
on_closed(struct dca_conn *c, void *arg)
{
	struct wire *w = arg;
	struct front_link *l = w->link;

	(void)c;
	w->conn = NULL;
	w->try_wait = TRY_FIRST;
	w->try_at = front_clock() + w->try_wait;
	dca_log(DCA_WARNING, "vault=closed lane=%s", lane_names[w->lane]);
	w->told = true;
	for (size_t i = 0; i < FRONT_JOBS; i++) {
		if (l->jobs[i] != NULL && lane_of(l->jobs[i]->res) == w->lane)
			job_fail(l, l->jobs[i],
			    "the vault went away; it may have acted");
	}
}

struct front_link *
front_link_new(struct front *f)
{
	struct front_link *l = dca_alloc(sizeof(*l));

	memset(l, 0, sizeof(*l));
	l->front = f;
	for (unsigned i = 0; i < LANES; i++)
		l->wires[i] = (struct wire){ .link = l, .lane = i,
			.try_wait = TRY_FIRST };
	for (unsigned i = 0; i < FRONT_JOBS; i++)
		l->free[l->n_free++] = FRONT_JOBS - 1 - i;
	return l;
}

void
front_link_free(struct front_link *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < LANES; i++) {
		if (l->wires[i].conn != NULL)
			dca_conn_close(l->wires[i].conn);
	}
	dca_free_p(&l);
}

static void
try_connect(struct wire *w, int64_t now)
{
	struct dca_conn_handlers h = {
		.message = on_message, .closed = on_closed, .arg = w,
	};
	const struct front *f = w->link->front;
	struct dca_err e = { 0 };

	if (w->conn != NULL || now < w->try_at)
		return;
	if (dca_connect(&w->conn, f->loop, f->conf.socket, &h, &e) == DCA_OK) {
		w->try_wait = TRY_FIRST;
		w->told = false;
		dca_log(DCA_INFO, "vault=connected socket=%s lane=%s",
		    f->conf.socket, lane_names[w->lane]);
		return;
	}
	w->conn = NULL;
	w->try_at = now + w->try_wait;
	w->try_wait = w->try_wait * 2 < TRY_MOST ? w->try_wait * 2 : TRY_MOST;
	if (!w->told)
		dca_log_err(DCA_WARNING, "vault", &e);
	w->told = true;
}

void
front_link_tick(struct front_link *l, int64_t now)
{
	for (unsigned i = 0; i < LANES; i++)
		try_connect(&l->wires[i], now);
	if (l->n_free == FRONT_JOBS)
		return;
	for (size_t i = 0; i < FRONT_JOBS; i++) {
		struct front_exchange *x = l->jobs[i];

		if (x != NULL && x->deadline < now)
			job_fail(l, x, "no answer in time; it may have acted");
		else if (x != NULL && x->con && !x->acked &&
		    now - x->since > FRONT_ACK_MS)
			front_exchange_ack(x);
	}
}

static struct dca_field
text_field(const char *s)
{
	return (struct dca_field){ .b = DCA_BUF(s, strlen(s)) };
}

/* customer=ID of the query, alone. */
static enum dca_rc
take_customer(const struct front_request *rq, const char **id,
    struct dca_err *e)
{
	*id = rq->query + 9;
	if (strncmp(rq->query, "customer=", 9) != 0 ||
	    strlen(*id) > DCA_ID_MAX || strpbrk(*id, "&=%") != NULL)
		return dca_fail(e, DCA_RULE_INPUT, "ask with ?customer=ID");
	return DCA_OK;
}

static enum dca_rc
question(struct dca_message *m, const struct front_peer *p,
    const struct front_request *rq, const struct front_resource *res,
    struct dca_buf body, struct dca_err *e)
{
	const char *customer;

	m->type = res->ask;
	m->n = 1;
	m->f[0].b = dca_out_buf(&p->cert);
	switch (res->ask) {
	case DCA_MSG_ISSUE:
		m->f[0] = (struct dca_field){ .u = res->function };
		m->f[1].b = dca_out_buf(&p->cert);
		m->f[2].b = body;
		m->f[3] = text_field(p->address);
		m->n = 4;
		return DCA_OK;
	case DCA_MSG_ACT:
		m->f[1].b = body;
		m->n = 2;
		return DCA_OK;
	case DCA_MSG_CHECK:
		if (take_customer(rq, &customer, e) != DCA_OK)
			return DCA_MALFORMED;
		m->f[1] = text_field(customer);
		m->f[2].b = body;
		m->n = 3;
		return DCA_OK;
	case DCA_MSG_READ:
		m->f[1] = text_field(rq->path + 4);	/* after "dca/" */
		m->f[2] = text_field(rq->query);
		m->n = 3;
		return DCA_OK;
	default:
		return DCA_OK;	/* CRTS, ATT: the certificate alone */
	}
}

static enum dca_rc
check_room(struct wire *w, const struct front_peer *p, int64_t *max_age,
    struct dca_err *e)
{
	int64_t now = front_clock();

	try_connect(w, now);
	*max_age = QUEUE_MAX_AGE;
	if (w->conn == NULL) {
		w->link->front->count.vault_down++;
		*max_age = (w->try_at - now) / 1000 + 1;
		return dca_fail(e, DCA_RULE_VAULT_DOWN,
		    "the vault is not connected");
	}
	if (w->jobs >= lane_jobs[w->lane])
		return dca_fail(e, DCA_RULE_QUEUE, "%u requests wait already",
		    w->jobs);
	if (p->n_pending >= FRONT_PENDING)
		return dca_fail(e, DCA_RULE_QUEUE,
		    "%d requests of this session wait already",
		    FRONT_PENDING);
	return DCA_OK;
}

static void
job_begin(struct front_link *l, struct front_exchange *x, uint64_t id,
    const struct front_request *rq, const struct front_resource *res)
{
	l->n_free--;
	l->wires[lane_of(res)].jobs++;
	l->jobs[id % FRONT_JOBS] = x;
	x->id = id;
	x->pending = true;
	x->deadline = front_clock() + FRONT_JOB_SECONDS * 1000;
	x->res = res;
	x->accept = rq->accept;
	x->block2 = rq->block2;
	front_request_key(rq, x->key);
	x->peer->n_pending++;
	coap_session_reference(x->peer->session);
	l->front->count.asked++;
}

enum dca_rc
front_ask(struct front_exchange *x, const struct front_request *rq,
    const struct front_resource *res, struct dca_buf body, int64_t *max_age,
    struct dca_err *e)
{
	struct front_link *l = x->peer->front->link;
	DCA_AUTO_OUT packet = { 0 };
	struct dca_message m = { 0 };
	struct wire *w = &l->wires[lane_of(res)];
	enum dca_rc rc = check_room(w, x->peer, max_age, e);
	bool sent;

	if (rc != DCA_OK)
		return rc;
	*max_age = -1;
	rc = question(&m, x->peer, rq, res, body, e);
	if (rc != DCA_OK)
		return rc;
	m.id = ++l->serial * FRONT_JOBS + l->free[l->n_free - 1];
	dca_message_encode(&packet, &m);
	sent = dca_conn_send(w->conn, dca_out_buf(&packet));
	if (!sent || w->conn == NULL) {
		*max_age = QUEUE_MAX_AGE;
		return dca_fail(e, w->conn == NULL ? DCA_RULE_VAULT_DOWN :
		    DCA_RULE_QUEUE, "the vault takes no more questions now");
	}
	job_begin(l, x, m.id, rq, res);
	return DCA_OK;
}
