/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's life and its groups: whatever one turn of the loop changes is
 * one transaction, and no answer of that turn leaves before it is committed.
 * Must never send an answer whose record may still be lost.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "claim.h"
#include "clock.h"
#include "order.h"

enum { PUBLICATION_WAIT = 30, RETRY_COMMIT = 1, RETRY_SETUP = 60,
       RETRY_PUBLISHED = 5, TICK_MS = 250, CODES_EVERY = 60 };

enum dca_rc
vault_group(struct vault *v, struct dca_err *e)
{
	enum dca_rc rc;

	if (dca_store_in_transaction(v->store))
		return DCA_OK;
	rc = dca_store_begin(v->store, e);
	if (rc == DCA_OK)
		v->turn++;
	return rc;
}

void
vault_limit_oid(const struct vault *v, struct dca_out *oid)
{
	if (v->conf.cross_limit[0] != '\0' &&
	    !dca_oid_parse(oid, v->conf.cross_limit))
		abort();	/* the configuration was checked */
}

struct vault_cross *
vault_cross_active(struct vault *v)
{
	DCA_AUTO_OUT oid = { 0 };
	struct dca_err e = { 0 };
	enum dca_rc rc;

	if (v->cross_loaded)
		return v->cross;
	rc = vault_cross_load(&v->cross, v->store, 0, &e);
	vault_limit_oid(v, &oid);
	if (rc == DCA_OK && (rc = vault_cross_narrow(v->cross, v->store,
	    dca_out_buf(&oid), &e))) {
		vault_cross_unref(v->cross);
		v->cross = NULL;
	}
	v->cross_loaded = true;
	if (v->cross)
		v->cross->revoked = vault_alarm_known(v, VAULT_ALARM_REVOKED,
		    "", v->cross->installed);
	if (rc && e.rule != DCA_RULE_CROSS_NONE)
		dca_log_err(DCA_ERR, "cross-certificate", &e);
	return v->cross;
}

void
vault_cross_forget(struct vault *v)
{
	vault_cross_unref(v->cross);
	v->cross = NULL;
	v->cross_loaded = false;
}

const char *
vault_state(struct vault *v)
{
	struct dca_err e = { 0 };
	struct dca_row head;

	if (v->token.state == VAULT_TOKEN_QUARANTINED)
		return "quarantined";
	if (dca_store_head(v->store, &head, NULL) == DCA_OK &&
	    dca_now() < head.time)
		return "clock";
	if (vault_clock_check(&v->conf, &e) != DCA_OK)
		return "clock";
	if (vault_token_ready(v, &e) != DCA_OK)
		return e.rule == DCA_RULE_TOKEN_KEY ? "no-key" : "no-token";
	if (!vault_cross_active(v))
		return "no-cross-certificate";
	if (v->cross->revoked)
		return "cross-revoked";
	if (vault_cross_ends(v->cross) < dca_now())
		return "cross-expired";
	return memcmp(&v->token.key, &v->cross->chain.v[0].key,
	    sizeof(v->token.key)) == 0 ? "operational" : "no-key";
}

/* --- answers --- */

static void
answer_free(struct vault_answer *a)
{
	vault_peer_unref(a->peer);
	dca_out_free(&a->packet);
	free(a);
}

static void
send_packet(struct vault_peer *p, struct dca_buf packet)
{
	if (!p->conn || dca_conn_send(p->conn, packet))
		return;
	dca_log(DCA_WARNING, "peer does not read its answers: closed");
	dca_conn_close(p->conn);
}

/* The certificate is issued; the asker is told to come back for it. */
static void
come_back(struct vault_answer *a)
{
	struct dca_err e = { 0 };

	(void)dca_fail(&e, DCA_RULE_VAULT_DOWN, "issued, and not published "
	    "yet: repeat the same request");
	a->packet.n = 0;
	dca_message_problem(&a->packet, a->id, &e, RETRY_PUBLISHED);
}

/* At most a queue of them waits: each holds a whole certificate. */
static void
deliver(struct vault *v, struct vault_answer *a)
{
	a->next = NULL;
	if (a->wants_publication && v->n_unpublished < v->conf.queue) {
		a->deadline = dca_now() + PUBLICATION_WAIT;
		a->next = v->unpublished;
		v->unpublished = a;
		v->n_unpublished++;
		return;
	}
	if (a->wants_publication)
		come_back(a);
	send_packet(a->peer, dca_out_buf(&a->packet));
	answer_free(a);
}

static struct vault_answer *
answer_new(struct vault_peer *p, uint64_t id, struct dca_out *packet)
{
	struct vault_answer *a = dca_alloc(sizeof(*a));

	memset(a, 0, sizeof(*a));
	a->peer = vault_peer_ref(p);
	a->id = id;
	a->packet = *packet;
	memset(packet, 0, sizeof(*packet));
	return a;
}

static void
answer_put(struct vault *v, struct vault_answer *a)
{
	if (!dca_store_in_transaction(v->store)) {
		deliver(v, a);
		return;
	}
	*v->answers_end = a;
	v->answers_end = &a->next;
}

void
vault_answer(struct vault *v, struct vault_peer *p, uint64_t id,
    struct dca_out *packet)
{
	answer_put(v, answer_new(p, id, packet));
}

void
vault_answer_issued(struct vault *v, struct vault_peer *p, uint64_t id,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_out *packet)
{
	struct vault_answer *a = answer_new(p, id, packet);
	struct dca_certificate c;

	memcpy(a->serial, serial, DCA_SERIAL_LEN);
	a->wants_publication = v->conf.release == VAULT_PUBLISHED &&
	    !(dca_store_certificate(v->store, serial, &c, NULL) == DCA_OK &&
	    c.published);
	answer_put(v, a);
}

void
vault_data(struct vault *v, struct vault_peer *p, uint64_t id, unsigned code,
    unsigned format, struct dca_buf payload)
{
	struct dca_message m = { .type = DCA_MSG_DATA, .id = id, .n = 3 };
	struct dca_out packet = { 0 };

	m.f[0].u = code;
	m.f[1].u = format;
	m.f[2].b = payload;
	dca_message_encode(&packet, &m);
	vault_answer(v, p, id, &packet);
}

/* When asking again is worth it; 0: never, it is a refusal. */
static unsigned
max_age(const struct vault *v, const struct dca_err *e)
{
	switch (dca_problem(e->rule)->rc) {
	case DCA_TOKEN:
		/* a key that does not fit comes right by a ceremony only */
		if (v->token.state == VAULT_TOKEN_UP &&
		    e->rule == DCA_RULE_TOKEN_KEY)
			return RETRY_SETUP;
		return vault_token_max_age(v);
	case DCA_BUSY:
		if (e->rule == DCA_RULE_KEY_BUDGET)
			return vault_budget_max_age(dca_now());
		return e->rule == DCA_RULE_QUEUE ? RETRY_COMMIT :
		    e->rule == DCA_RULE_VAULT_DOWN ? RETRY_PUBLISHED :
		    RETRY_SETUP;
	default:
		return 0;
	}
}

void
vault_problem(struct vault *v, struct vault_peer *p, uint64_t id,
    const struct dca_err *e)
{
	struct dca_out packet = { 0 };

	dca_message_problem(&packet, id, e, max_age(v, e));
	vault_answer(v, p, id, &packet);
}

void
vault_published(struct vault *v, const uint8_t serial[static DCA_SERIAL_LEN])
{
	struct vault_answer **at = &v->unpublished, *a;

	/* asked again in this very turn */
	for (a = v->answers; a; a = a->next)
		if (memcmp(a->serial, serial, DCA_SERIAL_LEN) == 0)
			a->wants_publication = false;
	while ((a = *at)) {
		if (memcmp(a->serial, serial, DCA_SERIAL_LEN) != 0) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		v->n_unpublished--;
		a->next = NULL;
		a->wants_publication = false;
		answer_put(v, a);
	}
}

static void
give_up_waiting(struct vault *v, int64_t now)
{
	struct vault_answer **at = &v->unpublished, *a;

	while ((a = *at)) {
		if (a->deadline > now && a->peer->conn) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		v->n_unpublished--;
		come_back(a);
		a->wants_publication = false;
		deliver(v, a);
	}
}

void
vault_url(const struct vault *v, struct dca_out *o,
    const uint8_t serial[static DCA_SERIAL_LEN])
{
	char hex[2 * DCA_SERIAL_LEN + 1];

	dca_hex(hex, serial, DCA_SERIAL_LEN);
	dca_out_printf(o, "%s/%s.pem", v->conf.base_url, hex);
}

/* --- groups --- */

/* Nothing of this group happened: say so to everybody who waits for it. */
static void
group_lost(struct vault *v, const struct dca_err *why)
{
	dca_log_err(DCA_ERR, "commit", why);
	dca_store_rollback(v->store);
	vault_cross_forget(v);
	vault_issue_rolled_back(v);
	vault_board_forget(v);
	for (struct vault_answer *a = v->answers; a; a = a->next) {
		a->packet.n = 0;
		a->wants_publication = false;
		dca_message_problem(&a->packet, a->id, why, 0);
	}
}

void
vault_after(void *arg, uint32_t events)
{
	struct vault *v = arg;
	struct vault_answer *a;
	struct dca_err e = { 0 };
	bool committed = false;

	(void)events;
	vault_token_tick(v, dca_now());
	vault_issue_finish(v);
	if (dca_store_in_transaction(v->store)) {
		committed = dca_store_commit(v->store, &e) == DCA_OK;
		if (!committed)
			group_lost(v, &e);
	}
	a = v->answers;
	v->answers = NULL;
	v->answers_end = &v->answers;
	while (a) {
		struct vault_answer *next = a->next;

		deliver(v, a);
		a = next;
	}
	if (committed || v->publish_due)
		vault_publish_pump(v);
	v->publish_due = false;
	vault_store_follow(v);
	vault_board_tell(v);
	vault_selftest_turn(v);
}

/* Codes that nobody touches any more lose their secrets too. */
static void
wipe_codes(struct vault *v, int64_t now)
{
	struct dca_err e = { 0 };

	if (now < v->codes_due && v->codes_due - now <= CODES_EVERY)
		return;
	v->codes_due = now + CODES_EVERY;
	if (dca_store_codes_expire(v->store, now, &e) != DCA_OK)
		dca_log_err(DCA_WARNING, "expired codes", &e);
}

void
vault_tick(void *arg, uint32_t events)
{
	struct vault *v = arg;

	(void)events;
	vault_token_follow(v);
	vault_token_watch(v, dca_now());
	vault_issue_overdue(v);
	wipe_codes(v, dca_now());
	vault_refuse_flush(v, dca_now());
	vault_board_flush(v, dca_now());
	give_up_waiting(v, dca_now());
	vault_orders_tick(v, dca_now());
	v->publish_due = true; /* who was too slow may have caught up */
}

/* --- life --- */

static enum dca_rc
parent_of(const char *path, struct dca_err *e)
{
	char dir[4096];
	char *slash;

	(void)dca_strlcpy(dir, path, sizeof(dir));
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return DCA_OK;
	*slash = '\0';
	return dca_file_mkdir(dir, 0750, e);
}

enum dca_rc
vault_open(struct vault *v, struct dca_err *e)
{
	enum dca_rc rc;

	v->answers_end = &v->answers;
	if ((rc = parent_of(v->conf.store, e)) ||
	    (rc = parent_of(v->conf.front_socket, e)) ||
	    (rc = parent_of(v->conf.publisher_socket, e)) ||
	    (rc = parent_of(v->conf.admin_socket, e)) ||
	    (rc = parent_of(v->conf.upstream_socket, e)) ||
	    (rc = parent_of(v->conf.board_socket, e)) ||
	    (rc = vault_store_open(v, e)) ||
	    (rc = dca_store_appliance(v->store, v->appliance, e)))
		return rc;
	v->loop = dca_loop_new();
	vault_orders_open(v);
	vault_board_open(v);
	vault_selftest_open(v);
	vault_claim_open(v);
	if ((rc = vault_listen(v, e)))
		return rc;
	vault_jail(&v->conf);
	v->pool = vault_pool_new(v->loop, (unsigned)v->conf.workers,
	    v->conf.keep_alive);
	if ((rc = vault_token_start(v, e)))
		return rc;
	dca_loop_after(v->loop, vault_after, v);
	dca_loop_every(v->loop, TICK_MS, vault_tick, v);
	return DCA_OK;
}

/* What was counted and not written yet. */
static void
record_counted(struct vault *v)
{
	vault_board_flush(v, INT64_MAX);
	vault_refuse_end(v);
}

/* A thread hangs in the PKCS#11 module: it cannot be ended, and what it uses
 * cannot be freed. All that was promised is committed. */
static _Noreturn void
leave(struct vault *v)
{
	if (v->store && v->loop)
		record_counted(v);
	dca_store_close(v->store);
	dca_log(DCA_ERR, "left while the token hangs");
	_exit(0);
}

void
vault_close(struct vault *v)
{
	struct vault_answer *a;

	for (size_t i = 0; i < sizeof(v->listeners) / sizeof(v->listeners[0]);
	    i++)
		if (v->listeners[i])
			dca_listener_close(v->listeners[i]);
	while (v->peers && v->peers->conn)
		dca_conn_close(v->peers->conn);
	if (!vault_pool_free(v->pool))
		leave(v);
	if (v->store && v->loop)
		record_counted(v);
	vault_issue_close(v);
	vault_selftest_close(v);
	if (!vault_order_stop(v) || !vault_token_close(v))
		leave(v);
	vault_orders_close(v);
	vault_board_close(v);
	vault_claim_close(v);
	while ((a = v->unpublished)) {
		v->unpublished = a->next;
		answer_free(a);
	}
	while ((a = v->answers)) {
		v->answers = a->next;
		answer_free(a);
	}
	vault_cross_forget(v);
	dca_store_close(v->store);
	dca_loop_free(v->loop);
}
