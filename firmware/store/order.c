/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders for cross-certificates: what was ordered, with which key, and what
 * became of it. One is open at a time. Knows nothing of tokens and networks.
 */
#include <inttypes.h>
#include <string.h>

#include "db.h"

static const char *const STATES[] = {
	[DCA_ORDERED_OPEN] = "open",
	[DCA_ORDERED_PROPOSED] = "proposed",
	[DCA_ORDERED_DONE] = "done",
	[DCA_ORDERED_DROPPED] = "dropped",
};

void
dca_order_clear(struct dca_order *o)
{
	dca_out_free(&o->scope);
	dca_out_free(&o->csr);
	memset(o, 0, sizeof *o);
}

enum dca_rc
dca_store_order_add(struct dca_store *s, uint64_t id, const char *actor,
    const char *scope, struct dca_buf key, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.order_add, "INSERT INTO orders"
	    " (id, actor, scope, key, csr, state, proposal, cross_id)"
	    " VALUES (?1, ?2, ?3, ?4, x'', 'open', 0, 0)");
	struct dca_order open = { 0 };

	if (dca_store_order(s, 0, &open, NULL) == DCA_OK) {
		const uint64_t other = open.id;

		dca_order_clear(&open);
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "order %" PRIu64 " is open", other);
	}
	db_bind_int(q, 1, (int64_t)id);
	db_bind_text(q, 2, actor);
	db_bind_text(q, 3, scope);
	db_bind_blob(q, 4, key.p, key.n);
	return db_run(s, q, e);
}

static bool
take_state(sqlite3_stmt *q, int i, enum dca_ordered *state)
{
	char text[16];

	db_text(q, i, text, sizeof text);
	for (unsigned k = 0; k < sizeof STATES / sizeof *STATES; k++)
		if (strcmp(STATES[k], text) == 0) {
			*state = (enum dca_ordered)k;
			return true;
		}
	return false;
}

#define COLUMNS "SELECT id, actor, scope, key, csr, state, proposal, cross_id" \
		" FROM orders"

static enum dca_rc
read_order(sqlite3_stmt *q, struct dca_order *out, struct dca_err *e)
{
	struct dca_buf b = db_bytes(q, 3);

	out->id = (uint64_t)db_int(q, 0);
	out->proposal = (uint64_t)db_int(q, 6);
	out->cross = (uint64_t)db_int(q, 7);
	if (!db_text(q, 1, out->actor, sizeof out->actor) ||
	    !take_state(q, 5, &out->state) || b.n > sizeof out->key)
		return dca_fail(e, DCA_RULE_IO,
		    "order %" PRIu64 ": someone changed the store", out->id);
	out->key_len = b.n;
	if (b.n > 0)
		memcpy(out->key, b.p, b.n);
	b = db_bytes(q, 2);
	dca_out_add(&out->scope, b.p, b.n);
	b = db_bytes(q, 4);
	dca_out_add(&out->csr, b.p, b.n);
	return DCA_OK;
}

enum dca_rc
dca_store_order(struct dca_store *s, uint64_t id, struct dca_order *out,
    struct dca_err *e)
{
	DB_STMT q = id == 0 ?
	    db_use(s, &s->q.order_open, COLUMNS " WHERE state = 'open'") :
	    db_use(s, &s->q.order_get, COLUMNS " WHERE id = ?1");
	enum dca_rc rc;

	*out = (struct dca_order){ 0 };
	if (id != 0)
		db_bind_int(q, 1, id > INT64_MAX ? -1 : (int64_t)id);
	rc = db_get(s, q, e);
	if (rc != DCA_NOTFOUND)
		return rc ? rc : read_order(q, out, e);
	return id == 0 ?
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no order is open") :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no order %" PRIu64, id);
}

enum dca_rc
dca_store_order_last(struct dca_store *s, struct dca_order *out,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.order_last,
	    COLUMNS " ORDER BY id DESC LIMIT 1");
	enum dca_rc rc;

	*out = (struct dca_order){ 0 };
	rc = db_get(s, q, e);
	return rc == DCA_NOTFOUND ?
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "nothing was ordered") :
	    rc ? rc : read_order(q, out, e);
}

enum dca_rc
dca_store_order_csr(struct dca_store *s, uint64_t id, struct dca_buf csr,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.order_csr, "UPDATE orders SET csr = ?2"
	    " WHERE id = ?1 AND state = 'open' AND length(csr) = 0");
	enum dca_rc rc;

	db_bind_int(q, 1, (int64_t)id);
	db_bind_blob(q, 2, csr.p, csr.n);
	if ((rc = db_run(s, q, e)))
		return rc;
	return sqlite3_changes(s->db) ? DCA_OK : dca_fail(e,
	    DCA_RULE_REG_STATE, "order %" PRIu64 " has its request", id);
}

/* Only forward: open, proposed, done; or dropped. */
enum dca_rc
dca_store_order_state(struct dca_store *s, uint64_t id,
    enum dca_ordered state, uint64_t number, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.order_state, "UPDATE orders SET"
	    " state = ?2,"
	    " proposal = CASE WHEN ?2 = 'proposed' THEN ?3 ELSE proposal END,"
	    " cross_id = CASE WHEN ?2 = 'done' THEN ?3 ELSE cross_id END"
	    " WHERE id = ?1 AND (state = 'open' OR"
	    " (state = 'proposed' AND ?2 IN ('done', 'dropped')))");
	enum dca_rc rc;

	db_bind_int(q, 1, (int64_t)id);
	db_bind_text(q, 2, STATES[state]);
	db_bind_int(q, 3, (int64_t)number);
	if ((rc = db_run(s, q, e)))
		return rc;
	return sqlite3_changes(s->db) ? DCA_OK : dca_fail(e,
	    DCA_RULE_REG_STATE, "order %" PRIu64 " is closed", id);
}
