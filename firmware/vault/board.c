/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-board's side of the vault: what it reports is kept for people, what
 * happened to the box becomes a row, and it is told what an operator signed
 * for. Must never tell it anything that is not committed, nor let what it
 * reports decide who gets a certificate.
 */
#include "board.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"

enum { MINUTE = 60, KEYS_MAX = 64 };

void
vault_board_open(struct vault *v)
{
	v->board = dca_alloc(sizeof(*v->board));
	memset(v->board, 0, sizeof(*v->board));
	v->board->commands_end = &v->board->commands;
}

void
vault_board_forget(struct vault *v)
{
	struct vault_command *c;

	while ((c = v->board->commands)) {
		v->board->commands = c->next;
		free(c);
	}
	v->board->commands_end = &v->board->commands;
}

void
vault_board_close(struct vault *v)
{
	if (!v->board)
		return;
	vault_board_forget(v);
	dca_out_free(&v->board->report);
	free(v->board);
	v->board = NULL;
}

void
vault_board_gone(struct vault *v, const struct vault_peer *p)
{
	if (!v->board || v->board->peer != p)
		return;
	v->board->peer = NULL;
	v->board->report.n = 0;
	dca_log(DCA_WARNING, "nobody looks after the box");
}

bool
vault_board_there(const struct vault *v)
{
	return v->board->peer != NULL;
}

/* --- what it is told --- */

void
vault_board_command(struct vault *v, uint64_t order, const char *verb,
    const char *arg)
{
	struct vault_command *c = dca_alloc(sizeof(*c));

	memset(c, 0, sizeof(*c));
	c->order = order;
	/* both are ours or bounded by the act that names them */
	if (!dca_strlcpy(c->verb, verb, sizeof(c->verb)) ||
	    !dca_strlcpy(c->arg, arg, sizeof(c->arg)))
		abort();
	*v->board->commands_end = c;
	v->board->commands_end = &c->next;
}

static void
tell(struct vault *v, const struct vault_command *c)
{
	struct dca_message m = { .type = DCA_MSG_COMMAND, .n = 3 };
	struct vault_peer *p = v->board->peer;
	DCA_AUTO_OUT packet = { 0 };

	m.f[0].u = c->order;
	m.f[1].b = DCA_BUF(c->verb, strlen(c->verb));
	m.f[2].b = DCA_BUF(c->arg, strlen(c->arg));
	dca_message_encode(&packet, &m);
	dca_log(DCA_INFO, "command order=%" PRIu64 " verb=%s argument=\"%s\"",
	    c->order, c->verb, c->arg);
	if (!p)
		dca_log(DCA_ERR, "nobody took command %" PRIu64, c->order);
	else if (!dca_conn_send(p->conn, dca_out_buf(&packet)))
		dca_conn_close(p->conn);
}

void
vault_board_tell(struct vault *v)
{
	for (struct vault_command *c = v->board->commands; c; c = c->next)
		tell(v, c);
	vault_board_forget(v);
}

/* --- what it reports --- */

/* Of these keys people and programs rely on the type; others pass. */
static const struct {
	const char *key;
	enum dca_cbor_type type;
} known[] = {
	{ "board", DCA_CBOR_TEXT }, { "version", DCA_CBOR_TEXT },
	{ "slot", DCA_CBOR_TEXT }, { "security", DCA_CBOR_UINT },
	{ "floor", DCA_CBOR_UINT }, { "floor_in", DCA_CBOR_TEXT },
	{ "state", DCA_CBOR_TEXT }, { "data", DCA_CBOR_TEXT },
	{ "token", DCA_CBOR_TEXT }, { "pcrs", DCA_CBOR_MAP },
	{ "clock", DCA_CBOR_TEXT }, { "update", DCA_CBOR_MAP },
	{ "other", DCA_CBOR_MAP }, { "watchdog", DCA_CBOR_BOOL },
	{ "tamper", DCA_CBOR_TEXT },
};

static enum dca_rc
check_report(struct dca_buf report, struct dca_err *e)
{
	struct dca_cbor c = { .in = report }, v;
	struct dca_buf key, item;
	size_t pairs;

	if (!dca_cbor_check(report) ||
	    !dca_cbor_take_map(&c, &pairs, KEYS_MAX))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "the report is not one deterministic map");
	while (pairs--)
		if (!dca_cbor_take_text_view(&c, &key, 32) ||
		    !dca_cbor_skip(&c, &item))
			return dca_fail(e, DCA_RULE_MESSAGE,
			    "a key of the report is not a short text");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (dca_cbor_find(report, known[i].key, &v) &&
		    dca_cbor_peek(&v) != known[i].type)
			return dca_fail(e, DCA_RULE_MESSAGE,
			    "%s of the report has another type", known[i].key);
	return DCA_OK;
}

static void
done(struct vault *v, struct vault_peer *p, uint64_t id)
{
	static const uint8_t empty_map[] = { 0xa0 };

	vault_data(v, p, id, 204, 60, DCA_BUF(empty_map, 1));
}

void
vault_on_report(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	struct vault_board *b = v->board;
	struct dca_err e = { 0 };

	if (vault_check_local(p, &e) != DCA_OK ||
	    check_report(m->f[0].b, &e) != DCA_OK) {
		dca_log_err(DCA_WARNING, "report", &e);
		vault_problem(v, p, m->id, &e);
		return;
	}
	if (b->peer != p)
		dca_log(DCA_INFO, "somebody looks after the box");
	b->peer = p;
	b->report.n = 0;
	dca_out_add(&b->report, m->f[0].b.p, m->f[0].b.n);
	done(v, p, m->id);
}

void
vault_board_status(const struct vault *v, struct dca_out *o)
{
	const struct vault_board *b = v->board;

	if (b->peer)
		dca_out_add(o, b->report.p, b->report.n);
	else
		dca_cbor_null(o);
}

/* --- what happened --- */

static enum dca_rc
append(struct vault *v, struct dca_buf body, struct dca_err *e)
{
	enum dca_rc rc = vault_group(v, e);

	return rc ? rc : dca_store_append(v->store, dca_now(), "board",
	    "board", body, NULL, e);
}

void
vault_board_flush(struct vault *v, int64_t now)
{
	struct vault_board *b = v->board;
	DCA_AUTO_OUT body = { 0 };
	struct dca_err e = { 0 };

	if (!b || (now - b->since < MINUTE && now >= b->since))
		return;
	if (b->more) {
		dca_cbor_map(&body, 2);
		dca_cbor_text(&body, "rule");
		dca_cbor_text(&body, dca_problem(DCA_RULE_RATE)->id);
		dca_cbor_text(&body, "count");
		dca_cbor_uint(&body, b->more);
		if (append(v, dca_out_buf(&body), &e) != DCA_OK)
			dca_log_err(DCA_WARNING, "events not recorded", &e);
	}
	b->since = now;
	b->rows = b->more = 0;
}

struct events {
	struct dca_out rows;
	size_t n;
};

static enum dca_rc
put_event(const struct dca_row *row, void *arg, struct dca_err *e)
{
	struct events *v = arg;
	char text[384 + 1] = "", name[32 + 1] = "rate";
	uint64_t count = 0;
	struct dca_cbor c;

	(void)e;
	if (dca_cbor_find(row->body, "count", &c) &&
	    dca_cbor_take_uint(&c, &count))
		(void)snprintf(text, sizeof(text), "%" PRIu64 " more", count);
	if (dca_cbor_find(row->body, "text", &c))
		(void)!dca_cbor_take_text(&c, text, sizeof(text));
	if (dca_cbor_find(row->body, "event", &c))
		(void)!dca_cbor_take_text(&c, name, sizeof(name));
	dca_cbor_map(&v->rows, 4);
	dca_cbor_text(&v->rows, "seq");
	dca_cbor_uint(&v->rows, row->seq);
	dca_cbor_text(&v->rows, "text");
	dca_cbor_text(&v->rows, text);
	dca_cbor_text(&v->rows, "time");
	vault_time(&v->rows, row->time);
	dca_cbor_text(&v->rows, "event");
	dca_cbor_text(&v->rows, name);
	v->n++;
	return DCA_OK;
}

enum dca_rc
vault_board_events(struct vault *v, struct dca_out *o, struct dca_err *e)
{
	struct events list = { 0 };
	enum dca_rc rc = dca_store_events(v->store, VAULT_EVENTS_SHOWN,
	    put_event, &list, e);

	dca_cbor_array(o, list.n);
	if (list.n)
		dca_out_add(o, list.rows.p, list.rows.n);
	dca_out_free(&list.rows);
	return rc;
}

static bool
is_name(const char *s)
{
	const size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && s[n] == '\0';
}

static enum dca_rc
event(struct vault *v, const char *name, const char *text, struct dca_err *e)
{
	struct vault_board *b = v->board;
	DCA_AUTO_OUT body = { 0 };
	enum dca_rc rc;

	if (!is_name(name))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "the name of an event has a-z, 0-9 and -");
	dca_log(DCA_INFO, "board event=%s text=\"%s\"", name, text);
	vault_board_flush(v, dca_now());
	if (b->rows >= VAULT_EVENTS_PER_MINUTE) {
		b->more++;
		return DCA_OK;
	}
	dca_cbor_map(&body, 2);
	dca_cbor_text(&body, "text");
	dca_cbor_text(&body, text);
	dca_cbor_text(&body, "event");
	dca_cbor_text(&body, name);
	rc = append(v, dca_out_buf(&body), e);
	b->rows += rc == DCA_OK;
	return rc;
}

void
vault_on_event(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	char name[32 + 1], text[384 + 1];
	struct dca_err e = { 0 };

	dca_field_text(&m->f[0], name, sizeof(name));
	dca_field_text(&m->f[1], text, sizeof(text));
	if (vault_check_local(p, &e) != DCA_OK ||
	    event(v, name, text, &e) != DCA_OK) {
		dca_log_err(DCA_WARNING, "event", &e);
		vault_problem(v, p, m->id, &e);
		return;
	}
	done(v, p, m->id);
}
