/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's socket: which orders there are, what every step did, and what
 * came back in the end. One order at a time, one step per turn, so that the
 * vault is heard in between.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "upstream.h"

enum { TICK_MS = 50, RECONNECT = 2, FIRST_TRIES = 10, ORDERS_MAX = 16,
	WATCHED = 9 };	/* certificates: a chain of eight, and its root */

struct entry {
	TAILQ_ENTRY(entry) all;
	struct order *o;
	int64_t again;		/* not before */
	unsigned failures;
	bool stopped;		/* waits for the vault to send it anew */
	bool handed;		/* the vault is looking at it */
	bool said;		/* the step's beginning */
	bool open;		/* the vault has said so on this connection */
};

TAILQ_HEAD(entry_list, entry);

struct upstream {
	struct dca_loop *loop;
	struct services *v;
	bool once, failed, asked;
	struct dca_conn *conn;		/* NULL: not connected */
	int64_t reconnect;
	unsigned tries;
	uint64_t questions, ordered;	/* ids; of the last ORDERED */
	uint64_t listed;		/* of ORDERS on this connection */
	uint64_t ordered_number;
	struct entry_list entries;
	unsigned n;
	struct dca_out watch;		/* chain, DER */
	int64_t crl_at;			/* next look at the CRL */
	uint64_t crl_seen;		/* thisUpdate of the last one */
};

static void
send(struct upstream *u, struct dca_message *m)
{
	DCA_AUTO_OUT packet = { 0 };

	if (u->conn == NULL)
		return;
	m->id = ++u->questions;
	dca_message_encode(&packet, m);
	if (!dca_conn_send(u->conn, dca_out_buf(&packet)))
		dca_conn_close(u->conn);
}

static void
tell(struct upstream *u, const struct order *o, enum dca_order_state state,
    const char *text)
{
	struct dca_message m = { .type = DCA_MSG_STEP, .n = 4 };
	const char *name = order_step_name(o);

	m.f[0].u = o->number;
	m.f[1].b = DCA_BUF(name, strlen(name));
	m.f[2].u = state;
	m.f[3].b = DCA_BUF(text, strlen(text));
	send(u, &m);
}

/* --- orders --- */

static struct entry *
find(struct upstream *u, uint64_t number)
{
	struct entry *t;

	for (t = TAILQ_FIRST(&u->entries); t != NULL; t = TAILQ_NEXT(t, all))
		if (t->o->number == number)
			return t;
	return NULL;
}

static void
drop(struct upstream *u, struct entry *t, bool forget)
{
	if (forget)
		order_forget(t->o, u->v->s->state);
	TAILQ_REMOVE(&u->entries, t, all);
	u->n--;
	order_free(t->o);
	free(t);
}

/* The vault sends an open order when it hears of us, and again when somebody
 * wants it tried again. */
static void
on_order(struct upstream *u, const struct dca_message *m)
{
	struct entry *t = find(u, m->f[0].u);
	struct dca_err e = { 0 };
	struct order *o;

	if (t != NULL) {
		t->open = true;
		t->stopped = t->handed = t->said = false;
		t->again = 0;
		t->failures = 0;
		return;
	}
	if (u->n == ORDERS_MAX)
		return;
	if (order_new(&o, m->f[0].u, m->f[1].b, u->v->s->state, &e) !=
	    DCA_OK) {
		dca_log_err(DCA_ERR, "order not taken", &e);
		return;
	}
	t = dca_alloc(sizeof(*t));
	memset(t, 0, sizeof(*t));
	t->o = o;
	t->open = true;
	TAILQ_INSERT_TAIL(&u->entries, t, all);
	u->n++;
}

static void
hand_over(struct upstream *u, struct entry *t)
{
	struct dca_message m = { .type = DCA_MSG_ORDERED, .n = 4 };
	struct order *o = t->o;
	DCA_AUTO_OUT roots = { 0 };

	for (size_t i = 0; i < o->roots.n; i++)
		dca_out_add(&roots, o->roots.v[i].der.p, o->roots.v[i].der.n);
	m.f[0].u = o->number;
	m.f[1].b = dca_out_buf(&o->chain);
	m.f[2].b = dca_out_buf(&roots);
	m.f[3].b = DCA_BUF(o->acme.x5u, strlen(o->acme.x5u));
	send(u, &m);
	u->ordered = u->questions;
	u->ordered_number = o->number;
	t->handed = true;
}

/* Which roots stand behind the chain: the vault takes a few, and the list may
 * hold hundreds. */
static void
keep_roots(struct order *o)
{
	struct dca_certs chain = { 0 };
	const struct dca_cert *last;
	size_t n = 0;

	if (dca_certs_parse(&chain, dca_out_buf(&o->chain), 8, NULL) !=
	    DCA_OK || chain.n == 0)
		abort();	/* it was made of certificates */
	last = &chain.v[chain.n - 1];
	for (size_t i = 0; i < o->roots.n; i++) {
		struct dca_cert *r = &o->roots.v[i];
		const bool needed = dca_buf_eq(dca_out_buf(&last->der),
		    dca_out_buf(&r->der)) ||
		    (dca_buf_eq(last->issuer, r->subject) &&
		    dca_cert_signed_by(last, r));

		if (needed && n != i) {
			struct dca_cert swap = o->roots.v[n];

			o->roots.v[n] = *r;
			*r = swap;
		}
		n += needed;
	}
	while (o->roots.n > n)
		dca_cert_clear(&o->roots.v[--o->roots.n]);
	dca_certs_clear(&chain);
}

/* What may pass by itself is tried again, ever more rarely. */
static void
failed(struct upstream *u, struct entry *t, const struct dca_err *e)
{
	const bool passes = dca_problem(e->rule)->rc == DCA_IO &&
	    !u->once;
	unsigned wait = (unsigned)u->v->s->retry;

	dca_log_err(DCA_WARNING, order_step_text(t->o), e);
	tell(u, t->o, passes ? DCA_ORDER_AGAIN : DCA_ORDER_STOPPED, e->text);
	acme_close(u->v->ca);	/* directory and nonces anew */
	u->v->ca = NULL;
	t->o->phase = ORDER_LIST;
	t->said = false;
	t->stopped = !passes;
	u->failed = u->failed || t->stopped;
	for (unsigned i = 0; i < t->failures && wait < 3600; i++)
		wait *= 2;
	t->failures++;
	t->again = dca_now() + wait;
}

static void
step(struct upstream *u, struct entry *t)
{
	const char *text = order_step_text(t->o);
	const enum order_phase was = t->o->phase;
	struct dca_err e = { 0 };
	struct order before = *t->o;
	unsigned wait = 0;

	if (was == ORDER_READY) {
		keep_roots(t->o);
		if (t->o->roots.n > 0) {
			hand_over(u, t);
			return;
		}
		(void)dca_fail(&e, DCA_RULE_CROSS_CHAIN, "no root on the "
		    "STI-PA's list stands behind the chain");
		failed(u, t, &e);
		return;
	}
	if (!t->said)
		tell(u, t->o, DCA_ORDER_DOING, text);
	t->said = true;
	if (order_step(t->o, u->v, &wait, &e) != DCA_OK) {
		enum order_phase now = t->o->phase;

		t->o->phase = was;	/* it is this step that failed */
		failed(u, t, &e);
		t->o->phase = now == was ? ORDER_LIST : now;
		return;
	}
	if (t->o->phase != was) {
		before.phase = was;
		tell(u, &before, DCA_ORDER_DONE, text);
		t->said = false;
	}
	t->again = dca_now() + wait;
}

/* --- what the vault says --- */

static void
on_answer(struct upstream *u, const struct dca_message *m)
{
	struct entry *t = m->id == u->ordered ?
	    find(u, u->ordered_number) : NULL;
	struct dca_err e = { 0 };

	if (t == NULL || !t->handed)
		return;
	if (m->type == DCA_MSG_DATA) {
		tell(u, t->o, DCA_ORDER_DONE, order_step_text(t->o));
		drop(u, t, true);
		return;
	}
	dca_problem_message(&e, m);
	t->handed = false;
	failed(u, t, &e);
	if (dca_problem(e.rule)->rc == DCA_REFUSED) {
		/* this certificate will not do: the next try is a new order */
		order_forget(t->o, u->v->s->state);
		t->o->acme.url[0] = '\0';
	}
}

/* The vault has named what is open. An order that it did not name ended while
 * it was away: its certificate came, and the answer was lost. */
static void
on_listed(struct upstream *u)
{
	struct entry *t, *next;

	for (t = TAILQ_FIRST(&u->entries); t != NULL; t = next) {
		next = TAILQ_NEXT(t, all);
		if (!t->open)
			drop(u, t, true);
	}
}

static void
on_end(struct upstream *u, const struct dca_message *m)
{
	struct entry *t = find(u, m->f[0].u);

	if (t != NULL)
		drop(u, t, true);
}

static void
on_message(struct dca_conn *c, const struct dca_message *m, void *arg)
{
	struct upstream *u = arg;

	(void)c;
	switch (m->type) {
	case DCA_MSG_ORDER:
		on_order(u, m);
		break;
	case DCA_MSG_ORDER_END:
		on_end(u, m);
		break;
	case DCA_MSG_WATCH:
		u->watch.n = 0;
		dca_out_add(&u->watch, m->f[0].b.p, m->f[0].b.n);
		u->crl_at = 0;
		break;
	case DCA_MSG_DATA:
	case DCA_MSG_PROBLEM:
		if (m->id == u->listed && m->type == DCA_MSG_DATA)
			on_listed(u);
		on_answer(u, m);
		break;
	default:
		break;
	}
	u->asked = true;	/* it has answered ORDERS */
}

static void
on_closed(struct dca_conn *c, void *arg)
{
	struct upstream *u = arg;
	struct entry *t;

	(void)c;
	u->conn = NULL;
	for (t = TAILQ_FIRST(&u->entries); t != NULL; t = TAILQ_NEXT(t, all))
		t->handed = t->open = false;
	dca_log(DCA_WARNING, "vault=closed");
}

/* --- revocation --- */

static void
say_revoked(struct upstream *u, const struct dca_cert *c, const char *why)
{
	struct dca_message m = { .type = DCA_MSG_REVOKED, .n = 2 };
	uint8_t hash[DCA_SHA256_LEN];

	dca_sha256(hash, dca_out_buf(&c->der));
	m.f[0].b = DCA_BUF(hash, sizeof(hash));
	m.f[1].b = DCA_BUF(why, strlen(why));
	send(u, &m);
}

/* Each certificate of the chain but the root, which has no CRL. */
static void
look_at_crl(struct upstream *u, const struct dca_crl *crl)
{
	const struct dca_crl *const crls[] = { crl };
	struct dca_certs chain = { 0 };
	struct dca_err e;

	if (dca_certs_parse(&chain, dca_out_buf(&u->watch), WATCHED,
	    &e) != DCA_OK)
		return;
	for (size_t i = 0; i < chain.n; i++) {
		memset(&e, 0, sizeof(e));
		if (dca_crl_check(crls, 1, &chain.v[i], dca_now(), &e) !=
		    DCA_OK && e.rule == DCA_RULE_CHAIN_REVOKED)
			say_revoked(u, &chain.v[i], e.text);
	}
	dca_certs_clear(&chain);
	u->crl_seen = (uint64_t)dca_crl_this_update(crl);
}

static void
watch(struct upstream *u)
{
	const struct settings *s = u->v->s;
	struct dca_crl *crl = NULL;
	struct dca_err e = { 0 };

	if (u->watch.n == 0 || s->crl_url[0] == '\0' ||
	    dca_now() < u->crl_at)
		return;
	u->crl_at = dca_now() + s->crl_every;
	if (stipa_crl(u->v->pa, s->crl_url, s->crl_signer, dca_now(), &crl,
	    &e) != DCA_OK) {
		dca_log_err(DCA_WARNING, "CRL of the STI-PA", &e);
		u->crl_at = dca_now() + s->retry;
		return;
	}
	look_at_crl(u, crl);
	dca_crl_free(crl);
}

/* --- the turn --- */

static void
connect_vault(struct upstream *u)
{
	const struct dca_conn_handlers h = { .message = on_message,
		.closed = on_closed, .arg = u };
	struct dca_message m = { .type = DCA_MSG_ORDERS, .n = 1 };
	struct dca_err e = { 0 };

	if (u->conn != NULL || dca_now() < u->reconnect)
		return;
	u->reconnect = dca_now() + RECONNECT;
	if (dca_connect(&u->conn, u->loop, u->v->s->socket, &h, &e) !=
	    DCA_OK) {
		u->conn = NULL;
		if (u->tries++ == 0)
			dca_log_err(DCA_WARNING, "vault", &e);
		if (u->once && u->tries >= FIRST_TRIES) {
			u->failed = true;
			dca_loop_stop(u->loop);
		}
		return;
	}
	u->tries = 0;
	dca_log(DCA_INFO, "vault=connected socket=%s", u->v->s->socket);
	m.f[0].u = u->crl_seen;
	send(u, &m);
	u->listed = u->questions;
}

static bool
busy(const struct upstream *u)
{
	const struct entry *t;

	for (t = TAILQ_FIRST(&u->entries); t != NULL; t = TAILQ_NEXT(t, all))
		if (!t->stopped)
			return true;
	return false;
}

static void
tick(void *arg, uint32_t events)
{
	struct upstream *u = arg;
	struct entry *t;

	(void)events;
	connect_vault(u);
	if (u->conn == NULL)
		return;
	for (t = TAILQ_FIRST(&u->entries); t != NULL; t = TAILQ_NEXT(t, all))
		if (t->open && !t->stopped && !t->handed &&
		    dca_now() >= t->again) {
			step(u, t);
			return;
		}
	watch(u);
	if (u->once && u->asked && !busy(u))
		dca_loop_stop(u->loop);
}

struct upstream *
upstream_new(struct dca_loop *l, struct services *v, bool once)
{
	struct upstream *u = dca_alloc(sizeof(*u));

	memset(u, 0, sizeof(*u));
	u->loop = l;
	u->v = v;
	u->once = once;
	TAILQ_INIT(&u->entries);
	dca_loop_every(l, TICK_MS, tick, u);
	return u;
}

void
upstream_free(struct upstream *u)
{
	struct entry *t, *next;

	for (t = TAILQ_FIRST(&u->entries); t != NULL; t = next) {
		next = TAILQ_NEXT(t, all);
		drop(u, t, false);
	}
	if (u->conn != NULL)
		dca_conn_close(u->conn);
	dca_out_free(&u->watch);
	free(u);
}

bool
upstream_failed(const struct upstream *u)
{
	return u->failed;
}
