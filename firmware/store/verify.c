/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the store still say what was recorded? First every row of the chain,
 * then where the chain ends, then the views against the ledger (replay.c),
 * then SQLite's check of its own file. Never repairs anything.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

enum { ROW_SIZE = 128 };	/* of a row without its body, about */

/* dca_row_check proves seq, prev, kind, actor, body, hash; the time is in the
 * hash. The first row makes the appliance (dca(7) LIMITS). */
static enum dca_rc
check_row(const struct dca_row *r, void *arg, struct dca_err *e)
{
	struct dca_verified *c = arg;
	enum dca_rc rc = dca_row_check(r, c->rows ? &c->last : NULL, e);

	if (rc)
		return rc;
	if (c->rows == 0 && strcmp(r->kind, "genesis") != 0)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "row 1: is not the genesis row of an appliance");
	c->last = *r;
	c->last.body = (struct dca_buf){ 0 };
	c->rows++;
	return DCA_OK;
}

/* A cut tail leaves a good chain: the head table remembers its end. */
static enum dca_rc
check_head(struct dca_store *s, const struct dca_verified *c, struct dca_err *e)
{
	DB_OWN_STMT q = NULL;
	uint8_t hash[DCA_SHA256_LEN];
	enum dca_rc rc;
	uint64_t seq;
	int code = sqlite3_prepare_v2(s->db, "SELECT seq, hash FROM head", -1,
	    &q, NULL);

	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	if ((rc = db_get(s, q, e)) == DCA_IO)
		return rc;
	if (rc || c->rows == 0)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "row 1: the ledger or its head is missing");
	seq = (uint64_t)db_int(q, 0);
	if (seq != c->last.seq)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "row %" PRIu64 ": the ledger was committed up to row "
		    "%" PRIu64 " and now ends at row %" PRIu64,
		    seq < c->last.seq ? seq + 1 : c->last.seq + 1, seq,
		    c->last.seq);
	if (!db_blob(q, 1, hash, sizeof hash) ||
	    memcmp(hash, c->last.hash, sizeof hash) != 0)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "row %" PRIu64 ": is not the row that was committed last",
		    seq);
	return DCA_OK;
}

/* Indexes against tables, cells against pages. */
static enum dca_rc
check_file(struct dca_store *s, struct dca_err *e)
{
	DB_OWN_STMT q = NULL;
	char text[200];
	enum dca_rc rc;
	int code = sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1,
	    &q, NULL);

	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	if ((rc = db_get(s, q, e)) == DCA_IO)
		return rc;
	db_text(q, 0, text, sizeof text);
	if (rc == DCA_OK && strcmp(text, "ok") == 0)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_LEDGER_ROW, "the file is damaged: %s",
	    text);
}

static enum dca_rc
check_all(struct dca_store *s, struct dca_verified *c, dca_operator_audit_fn fn,
    void *arg, struct dca_err *e)
{
	enum dca_rc rc;

	if ((rc = dca_store_walk(s, 0, check_row, c, e)) ||
	    (rc = check_head(s, c, e)) || (rc = replay_check(s, fn, arg, e)))
		return rc;
	return check_file(s, e);
}

struct piece {
	struct dca_verified *v;
	size_t left;
	bool full;
};

/* Enough for one turn: the row that was checked last is the last one. */
static enum dca_rc
check_one(const struct dca_row *r, void *arg, struct dca_err *e)
{
	struct piece *p = arg;
	const size_t size = r->body.n + ROW_SIZE;
	enum dca_rc rc = check_row(r, p->v, e);

	if (rc)
		return rc;
	p->full = p->left <= size;
	p->left -= p->full ? p->left : size;
	return p->full ? DCA_BUSY : DCA_OK;
}

enum dca_rc
dca_store_verify_on(struct dca_store *s, struct dca_verified *v,
    size_t octets, bool *end, struct dca_err *e)
{
	struct piece p = { .v = v, .left = octets };
	enum dca_rc rc;

	if (s->in_tx)
		abort();
	*end = false;
	rc = dca_store_walk(s, v->last.seq + 1, check_one, &p, e);
	if (p.full)
		return DCA_OK;
	if (rc == DCA_OK)
		rc = check_head(s, v, e);
	*end = rc == DCA_OK;
	return rc;
}

/* One read transaction: a live store does not move under our eyes. */
enum dca_rc
dca_store_verify_operators(struct dca_store *s, uint64_t *rows,
    dca_operator_audit_fn fn, void *arg, struct dca_err *e)
{
	struct dca_verified c = { 0 };
	bool own = sqlite3_get_autocommit(s->db);
	enum dca_rc rc = own ? db_exec(s, "BEGIN", e) : DCA_OK;

	*rows = 0;
	if (rc)
		return rc;
	rc = check_all(s, &c, fn, arg, e);
	*rows = c.rows;
	if (own)
		(void)!db_exec(s, "ROLLBACK", NULL);
	return rc;
}

enum dca_rc
dca_store_verify(struct dca_store *s, uint64_t *rows, struct dca_err *e)
{
	return dca_store_verify_operators(s, rows, NULL, NULL, e);
}
