/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publisher's side of the vault's socket: follows the ledger from the
 * last position, turns each PUBLISH into a job, answers PUBLISHED or
 * UNPUBLISHED, tries again. Holds no secret; what it says can at worst delay
 * an answer or claim a file that is not there.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "publisher.h"

enum {
	BATCH = 256,			/* files written per turn */
	MEMORY_MAX = 64 * 1024 * 1024,	/* of jobs; then the vault waits */
	TICK_MS = 250,
	SAVE_TICKS = 4,
	BACKOFF_MAX_MS = 60000,
	STATE_MAX = 32,
};

struct publisher {
	struct dca_loop *loop;
	const struct settings *s;
	struct files *files;
	struct readback *readback;
	struct chain_cache cache;
	struct dca_conn *conn;	/* NULL: not connected */
	struct job_list all, fresh, ready, waiting;
	size_t memory;
	bool paused, complained;
	uint64_t last;		/* highest seq heard of */
	uint64_t saved;		/* position on disk */
	uint64_t questions;
	unsigned ticks;
};

static int64_t
clock_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		abort();
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t
weight(const struct job *j)
{
	return sizeof(*j) + j->leaf.n + j->chain.n + j->pem.n;
}

/* --- position --- */

/* Everything up to here is published: nothing before it is outstanding. */
static uint64_t
position(const struct publisher *p)
{
	const struct job *j = TAILQ_FIRST(&p->all);

	return j == NULL ? p->last : j->seq - 1;
}

static void
save(struct publisher *p)
{
	DCA_AUTO_OUT text = { 0 };
	struct dca_err e = { 0 };
	uint64_t at = position(p);

	/* never back: a late low seq does not undo what was acknowledged */
	if (at <= p->saved)
		return;
	dca_out_printf(&text, "%llu\n", (unsigned long long)at);
	if (dca_file_write(p->s->state, dca_out_buf(&text), 0644, &e) == DCA_OK)
		p->saved = at;
	else
		dca_log_err(DCA_WARNING, "position not kept", &e);
}

/* What a crash left of dca_file_write: position.XXXXXX. */
static void
sweep(const struct publisher *p)
{
	DCA_AUTO_OUT pattern = { 0 };
	glob_t found = { 0 };

	dca_out_printf(&pattern, "%s.??????", p->s->state);
	if (glob((const char *)pattern.p, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			(void)unlink(found.gl_pathv[i]);
	globfree(&found);
}

/* No file: from the start. A file that is no number refuses to start. */
static enum dca_rc
load(struct publisher *p, struct dca_err *e)
{
	DCA_AUTO_OUT text = { 0 };
	char *end = NULL;
	FILE *f = fopen(p->s->state, "re");
	enum dca_rc rc;

	sweep(p);
	if (f == NULL)
		return DCA_OK;
	fclose(f);
	rc = dca_file_read(&text, p->s->state, STATE_MAX, e);
	if (rc != DCA_OK)
		return rc;
	dca_out_add(&text, "", 1);
	if (text.p[0] >= '0' && text.p[0] <= '9')
		p->saved = strtoull((const char *)text.p, &end, 10);
	if (end == NULL || (strcmp(end, "\n") != 0 && *end != '\0'))
		return dca_fail(e, DCA_RULE_INPUT,
		    "%s: not a ledger position; remove it to start from the "
		    "first row", p->s->state);
	p->last = p->saved;
	return DCA_OK;
}

/* --- jobs --- */

static struct job_list *
list_of(struct publisher *p, const struct job *j)
{
	switch (j->state) {
	case JOB_NEW:
		return &p->fresh;
	case JOB_READY:
		return &p->ready;
	case JOB_WAITING:
		return &p->waiting;
	case JOB_RUNNING:
		break;
	}
	return NULL;
}

static void
move(struct publisher *p, struct job *j, enum job_state to)
{
	struct job_list *l = list_of(p, j);

	if (l != NULL)
		TAILQ_REMOVE(l, j, step);
	j->state = to;
	l = list_of(p, j);
	if (l != NULL)
		TAILQ_INSERT_TAIL(l, j, step);
}

static void
drop(struct publisher *p, struct job *j)
{
	struct job_list *l = list_of(p, j);

	if (l != NULL)
		TAILQ_REMOVE(l, j, step);
	else
		readback_cancel(p->readback, j);
	TAILQ_REMOVE(&p->all, j, all);
	p->memory -= weight(j);
	dca_out_free(&j->leaf);
	dca_out_free(&j->chain);
	dca_out_free(&j->pem);
	free(j);
}

static void
throttle(struct publisher *p)
{
	bool pause = p->memory > (p->paused ? MEMORY_MAX / 2 : MEMORY_MAX);

	if (p->conn == NULL || pause == p->paused)
		return;
	p->paused = pause;
	dca_conn_pause(p->conn, pause);
}

static void
tell(struct publisher *p, const struct dca_message *m)
{
	DCA_AUTO_OUT packet = { 0 };

	if (p->conn == NULL)
		return;
	dca_message_encode(&packet, m);
	/* a vault that does not read: begin again from the position */
	if (!dca_conn_send(p->conn, dca_out_buf(&packet)))
		dca_conn_close(p->conn);
}

static void
published(struct publisher *p, struct job *j)
{
	struct dca_message m = { .type = DCA_MSG_PUBLISHED,
		.id = ++p->questions, .n = 2, .f = { { .u = j->seq },
		    { .b = { j->serial, DCA_SERIAL_LEN } } } };
	uint8_t serial[DCA_SERIAL_LEN];

	memcpy(serial, j->serial, sizeof(serial));
	m.f[1].b.p = serial;
	dca_log(DCA_DEBUG, "published %s", j->name);
	drop(p, j);
	throttle(p);
	tell(p, &m);
}

/* The vault hears of every failure; the log of the first one only. */
static void
failed(struct publisher *p, struct job *j)
{
	char why[sizeof(j->err.text) + 1];
	uint8_t serial[DCA_SERIAL_LEN];
	unsigned shift = j->failures < 6 ? j->failures : 6;
	struct dca_message m = { .type = DCA_MSG_UNPUBLISHED,
		.id = ++p->questions, .n = 3, .f = { { .u = j->seq } } };

	if (j->failures++ == 0)
		dca_log_err(DCA_WARNING, j->name, &j->err);
	j->again = clock_ms() +
	    (1000L << shift > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : 1000L << shift);
	move(p, j, JOB_WAITING);
	/* tell may close the connection, which drops j */
	memcpy(serial, j->serial, sizeof(serial));
	dca_strlcpy(why, j->err.text, sizeof(why));
	m.f[1].b = DCA_BUF(serial, DCA_SERIAL_LEN);
	m.f[2].b = DCA_BUF(why, strlen(why));
	tell(p, &m);
}

static void
fetched(struct job *j, enum dca_rc rc, void *arg)
{
	struct publisher *p = arg;

	if (rc == DCA_OK)
		published(p, j);
	else
		failed(p, j);
}

/* PEM and file of a batch of new jobs. */
static void
write_new(struct publisher *p)
{
	struct job *batch[BATCH], *j, *bad[BATCH];
	size_t n = 0, n_bad = 0;

	for (size_t i = 0; i < BATCH; i++) {
		j = TAILQ_FIRST(&p->fresh);
		if (j == NULL)
			break;
		j->err = (struct dca_err){ .rule = DCA_RULE_NONE };
		p->memory -= weight(j);
		if (chain_pem(&p->cache, j, &j->err) == DCA_OK)
			batch[n++] = j;
		else
			bad[n_bad++] = j;
		p->memory += weight(j);
		move(p, j, JOB_WAITING);
	}
	files_write(p->files, batch, n);
	for (size_t i = 0; i < n; i++) {
		if (batch[i]->err.rule == DCA_RULE_NONE)
			move(p, batch[i], JOB_READY);
		else
			bad[n_bad++] = batch[i];
	}
	/* if telling one closes the connection, the others are gone */
	for (size_t i = 0; i < n_bad && p->conn != NULL; i++)
		failed(p, bad[i]);
	if (TAILQ_FIRST(&p->fresh) != NULL)
		dca_loop_wake(p->loop);
}

static void
after_turn(void *arg, uint32_t events)
{
	struct publisher *p = arg;
	struct job *j;

	(void)events;
	if (TAILQ_FIRST(&p->fresh) != NULL)
		write_new(p);
	while ((j = TAILQ_FIRST(&p->ready)) != NULL) {
		if (!readback_start(p->readback, j))
			break;
		move(p, j, JOB_RUNNING);
	}
	throttle(p);
}

/* --- the connection --- */

/* By seq, from the end: it nearly always belongs there. False: a duplicate. */
static bool
insert(struct publisher *p, struct job *j)
{
	struct job *before = TAILQ_LAST(&p->all, job_list);

	while (before != NULL && before->seq > j->seq)
		before = TAILQ_PREV(before, job_list, all);
	if (before != NULL && before->seq == j->seq)
		return false;
	if (before == NULL)
		TAILQ_INSERT_HEAD(&p->all, j, all);
	else
		TAILQ_INSERT_AFTER(&p->all, before, j, all);
	TAILQ_INSERT_TAIL(&p->fresh, j, step);
	p->memory += weight(j);
	return true;
}

static void
take_publish(struct publisher *p, struct dca_conn *c,
    const struct dca_message *m)
{
	const struct dca_field *serial = &m->f[1], *leaf = &m->f[2],
			       *chain = &m->f[3];
	struct job *j;

	if (serial->b.n != DCA_SERIAL_LEN || m->f[0].u == 0) {
		dca_log(DCA_WARNING, "PUBLISH without a full serial or seq");
		dca_conn_close(c);
		return;
	}
	j = dca_alloc(sizeof(*j));
	memset(j, 0, sizeof(*j));
	j->seq = m->f[0].u;
	memcpy(j->serial, serial->b.p, DCA_SERIAL_LEN);
	dca_hex(j->name, j->serial, DCA_SERIAL_LEN);
	memcpy(j->name + 2 * DCA_SERIAL_LEN, ".pem", sizeof(".pem"));
	dca_out_add(&j->leaf, leaf->b.p, leaf->b.n);
	dca_out_add(&j->chain, chain->b.p, chain->b.n);
	if (!insert(p, j)) {
		dca_out_free(&j->leaf);
		dca_out_free(&j->chain);
		free(j);
		return;
	}
	if (j->seq > p->last)
		p->last = j->seq;
	throttle(p);
}

static void
on_message(struct dca_conn *c, const struct dca_message *m, void *arg)
{
	struct publisher *p = arg;
	struct dca_err e;

	switch (m->type) {
	case DCA_MSG_PUBLISH:
		take_publish(p, c, m);
		break;
	case DCA_MSG_PROBLEM:
		dca_problem_message(&e, m);
		dca_log_err(DCA_WARNING, "vault", &e);
		break;
	case DCA_MSG_DATA:
		break;
	default:
		dca_log(DCA_WARNING, "vault sent %s here",
		    dca_message_name(m->type));
		dca_conn_close(c);
	}
}

/* The vault sends again what is outstanding: forget it. */
static void
on_closed(struct dca_conn *c, void *arg)
{
	struct publisher *p = arg;
	uint64_t at = position(p);
	struct job *j, *next;

	(void)c;
	dca_log(DCA_WARNING, "connection to the vault lost at position %llu",
	    (unsigned long long)at);
	p->conn = NULL;
	p->paused = false;
	for (j = TAILQ_FIRST(&p->all); j != NULL; j = next) {
		next = TAILQ_NEXT(j, all);
		drop(p, j);
	}
	p->last = at;
}

static void
connect_vault(struct publisher *p)
{
	const struct dca_conn_handlers h = { .message = on_message,
		.closed = on_closed, .arg = p };
	struct dca_message follow = { .type = DCA_MSG_FOLLOW, .n = 1 };
	struct dca_err e = { 0 };

	if (dca_connect(&p->conn, p->loop, p->s->socket, &h, &e) != DCA_OK) {
		p->conn = NULL;
		if (!p->complained)
			dca_log_err(DCA_WARNING, "waiting for the vault", &e);
		p->complained = true;
		return;
	}
	p->complained = false;
	follow.id = ++p->questions;
	follow.f[0].u = p->last + 1;
	dca_log(DCA_INFO, "following the ledger from %llu",
	    (unsigned long long)follow.f[0].u);
	tell(p, &follow);
}

static void
on_tick(void *arg, uint32_t events)
{
	struct publisher *p = arg;
	int64_t now = clock_ms();
	struct job *j, *next;

	(void)events;
	p->ticks++;
	if (p->conn == NULL && p->ticks % SAVE_TICKS == 1)
		connect_vault(p);
	if (p->ticks % SAVE_TICKS == 0)
		save(p);
	for (j = TAILQ_FIRST(&p->waiting); j != NULL; j = next) {
		next = TAILQ_NEXT(j, step);
		if (j->again <= now)
			move(p, j, JOB_NEW);
	}
}

enum dca_rc
publisher_new(struct publisher **out, struct dca_loop *l,
    const struct settings *s, struct dca_err *e)
{
	struct publisher *p = dca_alloc(sizeof(*p));
	enum dca_rc rc;

	memset(p, 0, sizeof(*p));
	p->loop = l;
	p->s = s;
	TAILQ_INIT(&p->all);
	TAILQ_INIT(&p->fresh);
	TAILQ_INIT(&p->ready);
	TAILQ_INIT(&p->waiting);
	rc = load(p, e);
	if (rc == DCA_OK)
		rc = files_open(&p->files, s->directory, e);
	if (rc == DCA_OK)
		rc = readback_new(&p->readback, l, s, fetched, p, e);
	if (rc != DCA_OK) {
		publisher_free(p);
		return rc;
	}
	dca_loop_after(l, after_turn, p);
	dca_loop_every(l, TICK_MS, on_tick, p);
	connect_vault(p);
	*out = p;
	return DCA_OK;
}

void
publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	if (p->readback != NULL)
		save(p);
	if (p->conn != NULL)
		dca_conn_close(p->conn);
	readback_free(p->readback);
	files_close(p->files);
	chain_cache_clear(&p->cache);
	free(p);
}
