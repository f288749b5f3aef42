/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The append-only record: appending a row to the chain, reading rows. Never
 * changes or deletes one, never looks into a body.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

#define LEDGER_COLUMNS "seq, time, kind, actor, body, prev, hash"

bool
ledger_row(sqlite3_stmt *q, struct dca_row *r)
{
	bool ok;

	r->seq = (uint64_t)db_int(q, 0);
	r->time = db_int(q, 1);
	ok = db_text(q, 2, r->kind, sizeof r->kind);
	ok &= db_text(q, 3, r->actor, sizeof r->actor);
	r->body = db_bytes(q, 4);
	ok &= db_blob(q, 5, r->prev, sizeof r->prev);
	ok &= db_blob(q, 6, r->hash, sizeof r->hash);
	return ok;
}

enum dca_rc
ledger_head(struct dca_store *s, struct dca_err *e)
{
	DB_STMT q = NULL;
	enum dca_rc rc;

	if (s->head_known)
		return DCA_OK;
	q = db_use(s, &s->q.ledger_head, "SELECT " LEDGER_COLUMNS
	    " FROM ledger ORDER BY seq DESC LIMIT 1");
	rc = db_get(s, q, e);
	if (rc == DCA_IO)
		return rc;
	memset(&s->head, 0, sizeof s->head);
	if (rc == DCA_OK && !ledger_row(q, &s->head))
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "row %" PRIu64 ": malformed", s->head.seq);
	s->head.body = (struct dca_buf){ 0 };
	/* a reader does not see what the writer appends later */
	s->head_known = !s->read_only;
	return DCA_OK;
}

enum dca_rc
dca_store_append(struct dca_store *s, int64_t time, const char *kind,
    const char *actor, struct dca_buf body, uint64_t *seq, struct dca_err *e)
{
	struct dca_row r = { .time = time, .body = body };
	DB_STMT q = NULL;
	enum dca_rc rc;

	if (!s->in_tx || !dca_strlcpy(r.kind, kind, sizeof r.kind) ||
	    !dca_strlcpy(r.actor, actor, sizeof r.actor))
		abort();
	if ((rc = ledger_head(s, e)))
		return rc;
	if (time < s->head.time)
		return dca_fail(e, DCA_RULE_CLOCK,
		    "clock is %" PRId64 " s before ledger row %" PRIu64,
		    s->head.time - time, s->head.seq);
	r.seq = s->head.seq + 1;
	memcpy(r.prev, s->head.hash, sizeof r.prev);
	dca_row_hash(r.hash, &r);

	q = db_use(s, &s->q.ledger_append, "INSERT INTO ledger"
	    " (" LEDGER_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	db_bind_int(q, 1, (int64_t)r.seq);
	db_bind_int(q, 2, r.time);
	db_bind_text(q, 3, r.kind);
	db_bind_text(q, 4, r.actor);
	db_bind_blob(q, 5, body.p, body.n);
	db_bind_blob(q, 6, r.prev, sizeof r.prev);
	db_bind_blob(q, 7, r.hash, sizeof r.hash);
	if ((rc = db_run(s, q, e)))
		return rc;
	r.body = (struct dca_buf){ 0 };
	s->head = r;
	s->appended = true;
	if (seq)
		*seq = r.seq;
	return DCA_OK;
}

enum dca_rc
dca_store_head(struct dca_store *s, struct dca_row *row, struct dca_err *e)
{
	enum dca_rc rc = ledger_head(s, e);

	if (rc)
		return rc;
	if (s->head.seq == 0)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN, "the ledger is empty");
	*row = s->head;
	return DCA_OK;
}

/* The kind stands in the text, so that the planner sees its index. */
#define LAST_OF(kind) "SELECT " LEDGER_COLUMNS " FROM ledger WHERE kind = '"   \
	kind "' AND time >= ?1 ORDER BY seq DESC LIMIT ?2"

static enum dca_rc
last_of(struct dca_store *s, const char *sql, int64_t since, size_t limit,
    dca_row_fn fn, void *arg, struct dca_err *e)
{
	DB_OWN_STMT q = NULL;
	struct dca_row r;
	enum dca_rc rc;
	int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	db_bind_int(q, 1, since);
	db_bind_int(q, 2, (int64_t)limit);
	while ((rc = db_get(s, q, e)) == DCA_OK) {
		if (!ledger_row(q, &r))
			return dca_fail(e, DCA_RULE_LEDGER_ROW,
			    "row %" PRIu64 ": a column is malformed", r.seq);
		if ((rc = fn(&r, arg, e)))
			return rc;
	}
	return rc == DCA_NOTFOUND ? DCA_OK : rc;
}

enum dca_rc
dca_store_alarms(struct dca_store *s, int64_t since, size_t limit,
    dca_row_fn fn, void *arg, struct dca_err *e)
{
	return last_of(s, LAST_OF("alarm"), since, limit, fn, arg, e);
}

enum dca_rc
dca_store_events(struct dca_store *s, size_t limit, dca_row_fn fn, void *arg,
    struct dca_err *e)
{
	return last_of(s, LAST_OF("board"), 0, limit, fn, arg, e);
}

enum dca_rc
dca_store_walk(struct dca_store *s, uint64_t from, dca_row_fn fn, void *arg,
    struct dca_err *e)
{
	DB_OWN_STMT q = NULL;
	struct dca_row r;
	uint64_t last = from ? from - 1 : 0;
	enum dca_rc rc;
	int code = sqlite3_prepare_v2(s->db, "SELECT " LEDGER_COLUMNS
	    " FROM ledger WHERE seq >= ?1 ORDER BY seq", -1, &q, NULL);

	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	db_bind_int(q, 1, (int64_t)from);
	while ((rc = db_get(s, q, e)) == DCA_OK) {
		if (!ledger_row(q, &r))
			return dca_fail(e, DCA_RULE_LEDGER_ROW,
			    "row %" PRIu64 ": a column is malformed", r.seq);
		if ((rc = fn(&r, arg, e)))
			return rc;
		last = r.seq;
	}
	if (rc == DCA_NOTFOUND)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_IO, "row after %" PRIu64 ": %s", last,
	    sqlite3_errmsg(s->db));
}
