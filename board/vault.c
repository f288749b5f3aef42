/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's board socket: beats, events, reports, and the commands of
 * operators. Connects by itself, again and again. What the vault says is
 * checked like any foreign bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "dca/cbor.h"

enum { RECONNECT = 1, BEAT_LOST = 30 };

struct vault {
	struct dca_loop *loop;
	char socket[4096];
	struct vault_handlers h;
	struct dca_conn *conn;		/* NULL: not connected */
	int64_t again;
	bool told;
	uint64_t questions, beat, deep, event;	/* ids; 0: none awaited */
	int64_t beat_at, deep_at;
	uint64_t order;			/* of the last command */
};

static bool
find_text(struct dca_buf map, const char *key, char *s, size_t cap)
{
	struct dca_cbor c;

	return dca_cbor_find(map, key, &c) && dca_cbor_take_text(&c, s, cap);
}

static bool
find_uint(struct dca_buf map, const char *key, uint64_t *v)
{
	struct dca_cbor c;

	return dca_cbor_find(map, key, &c) && dca_cbor_take_uint(&c, v);
}

static bool
find_bool(struct dca_buf map, const char *key, bool *v)
{
	struct dca_cbor c;

	return dca_cbor_find(map, key, &c) && dca_cbor_take_bool(&c, v);
}

bool
beat_parse(struct beat *b, struct dca_buf map)
{
	struct dca_cbor c;

	memset(b, 0, sizeof(*b));
	if (!dca_cbor_check(map) ||
	    !find_text(map, "state", b->state, sizeof(b->state)) ||
	    !find_text(map, "why", b->why, sizeof(b->why)) ||
	    !find_bool(map, "healthy", &b->healthy) ||
	    !find_bool(map, "front", &b->front) ||
	    !find_uint(map, "operators", &b->operators) ||
	    !find_uint(map, "ledger", &b->ledger) ||
	    !dca_cbor_find(map, "claim", &c))
		return false;
	return dca_cbor_peek(&c) == DCA_CBOR_NULL ||
	    dca_cbor_take_text(&c, b->claim, sizeof(b->claim));
}

static uint64_t
ask(struct vault *v, struct dca_message *m)
{
	DCA_AUTO_OUT packet = { 0 };

	if (v->conn == NULL)
		return 0;
	m->id = ++v->questions;
	dca_message_encode(&packet, m);
	if (!dca_conn_send(v->conn, dca_out_buf(&packet))) {
		dca_conn_close(v->conn);
		return 0;
	}
	return m->id;
}

static void
on_beat(struct vault *v, const struct dca_message *m, bool deep)
{
	struct beat b;
	struct dca_err e = { 0 };

	if (m->type == DCA_MSG_PROBLEM) {
		dca_problem_message(&e, m);
		dca_log_err(DCA_WARNING, "beat", &e);
	} else if (m->type == DCA_MSG_DATA && beat_parse(&b, m->f[2].b)) {
		v->h.beat(v->h.arg, deep, &b);
	} else {
		dca_log(DCA_ERR, "vault's beat is not one");
	}
}

static void
on_event(struct vault *v, const struct dca_message *m)
{
	struct dca_err e = { 0 };

	if (m->type == DCA_MSG_PROBLEM)
		dca_problem_message(&e, m);
	v->h.event(v->h.arg, m->type == DCA_MSG_DATA, &e);
}

static void
on_command(struct vault *v, const struct dca_message *m)
{
	char verb[33], text[513];

	dca_field_text(&m->f[1], verb, sizeof(verb));
	dca_field_text(&m->f[2], text, sizeof(text));
	/* sent again after a reconnect: done once */
	if (m->f[0].u <= v->order)
		return;
	v->order = m->f[0].u;
	v->h.command(v->h.arg, m->f[0].u, verb, text);
}

static void
on_message(struct dca_conn *c, const struct dca_message *m, void *arg)
{
	struct vault *v = arg;

	(void)c;
	if (m->type == DCA_MSG_COMMAND) {
		on_command(v, m);
		return;
	}
	if (m->id != 0 && m->id == v->beat) {
		v->beat = 0;
		on_beat(v, m, false);
	} else if (m->id != 0 && m->id == v->deep) {
		v->deep = 0;
		on_beat(v, m, true);
	} else if (m->id != 0 && m->id == v->event) {
		v->event = 0;
		on_event(v, m);
	}
}

static void
on_closed(struct dca_conn *c, void *arg)
{
	struct vault *v = arg;

	(void)c;
	v->conn = NULL;
	v->beat = v->deep = v->event = 0;
	dca_log(DCA_WARNING, "vault=closed");
	v->h.closed(v->h.arg);
}

struct vault *
vault_new(struct dca_loop *l, const char *socket,
    const struct vault_handlers *h)
{
	struct vault *v = dca_alloc(sizeof(*v));

	memset(v, 0, sizeof(*v));
	v->loop = l;
	(void)dca_strlcpy(v->socket, socket, sizeof(v->socket));
	v->h = *h;
	return v;
}

void
vault_free(struct vault *v)
{
	if (v->conn != NULL)
		dca_conn_close(v->conn);
	free(v);
}

void
vault_turn(struct vault *v)
{
	const struct dca_conn_handlers h = { .message = on_message,
		.closed = on_closed, .arg = v };
	struct dca_err e = { 0 };

	if (v->conn != NULL || board_clock() < v->again)
		return;
	v->again = board_clock() + RECONNECT;
	if (dca_connect(&v->conn, v->loop, v->socket, &h, &e) != DCA_OK) {
		v->conn = NULL;
		if (!v->told)
			dca_log_err(DCA_WARNING, "vault", &e);
		v->told = true;
		return;
	}
	v->told = false;
	dca_log(DCA_INFO, "vault=connected socket=%s", v->socket);
}

bool
vault_connected(const struct vault *v)
{
	return v->conn != NULL;
}

void
vault_beat(struct vault *v, bool deep)
{
	struct dca_message m = { .type = DCA_MSG_BEAT, .n = 1 };
	uint64_t *id = deep ? &v->deep : &v->beat;
	int64_t *at = deep ? &v->deep_at : &v->beat_at;

	/* one that is awaited too long is asked anew: it may have been lost */
	if (*id != 0 && board_clock() - *at < BEAT_LOST)
		return;
	m.f[0].u = deep;
	*at = board_clock();
	*id = ask(v, &m);
}

bool
vault_event(struct vault *v, const char *name, const char *text)
{
	struct dca_message m = { .type = DCA_MSG_EVENT, .n = 2 };

	if (v->conn == NULL || v->event != 0)
		return false;
	m.f[0].b = DCA_BUF(name, strlen(name));
	m.f[1].b = DCA_BUF(text, strlen(text));
	v->event = ask(v, &m);
	return v->event != 0;
}

void
vault_report(struct vault *v, struct dca_buf map)
{
	struct dca_message m = { .type = DCA_MSG_REPORT, .n = 1 };

	m.f[0].b = map;
	(void)ask(v, &m);
}
