/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-certificates with their chains. One is active; the ones before stay,
 * because certificates name them.
 */
#include <inttypes.h>
#include <string.h>

#include "db.h"

void
dca_cross_clear(struct dca_cross *c)
{
	dca_out_free(&c->chain);
	*c = (struct dca_cross){ 0 };
}

enum dca_rc
dca_store_cross_add(struct dca_store *s, struct dca_buf chain, int64_t when,
    uint64_t seq, uint64_t *id, struct dca_err *e)
{
	DB_STMT off = db_use(s, &s->q.cross_off,
	    "UPDATE crosses SET active = 0 WHERE active <> 0");
	DB_STMT q = db_use(s, &s->q.cross_add, "INSERT INTO crosses"
	    " (chain, installed, active, seq) VALUES (?1, ?2, 1, ?3)");
	enum dca_rc rc = db_run(s, off, e);

	if (rc)
		return rc;
	db_bind_blob(q, 1, chain.p, chain.n);
	db_bind_int(q, 2, when);
	db_bind_int(q, 3, (int64_t)seq);
	if ((rc = db_run(s, q, e)))
		return rc;
	*id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return chain_forbid(s, chain, e);
}

/* With the key of the order that it came from. */
#define CROSS "SELECT c.id, c.chain, c.installed, c.active, o.key, c.seq FROM crosses c" \
	      " LEFT JOIN orders o ON o.cross_id = c.id"

static enum dca_rc
take(struct dca_store *s, sqlite3_stmt *q, struct dca_cross *out,
    struct dca_err *e)
{
	enum dca_rc rc = db_get(s, q, e);
	struct dca_buf b;

	if (rc)
		return rc;
	b = db_bytes(q, 1);
	*out = (struct dca_cross){
		.id = (uint64_t)db_int(q, 0),
		.installed = db_int(q, 2),
		.active = db_int(q, 3) != 0,
		.seq = (uint64_t)db_int(q, 5),
	};
	dca_out_add(&out->chain, b.p, b.n);
	b = db_bytes(q, 4);
	out->key_len = b.n > sizeof out->key ? 0 : b.n;
	if (out->key_len > 0)
		memcpy(out->key, b.p, out->key_len);
	return DCA_OK;
}

enum dca_rc
dca_store_cross(struct dca_store *s, uint64_t id, struct dca_cross *out,
    struct dca_err *e)
{
	DB_STMT q = id == 0 ?
	    db_use(s, &s->q.cross_active, CROSS
	    " WHERE c.active <> 0 ORDER BY c.id DESC LIMIT 1") :
	    db_use(s, &s->q.cross_get, CROSS
	    " WHERE c.id = ?1");
	enum dca_rc rc;

	if (id)
		db_bind_int(q, 1, (int64_t)id);
	rc = take(s, q, out, e);
	if (rc == DCA_NOTFOUND && id)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN,
		    "no cross-certificate %" PRIu64, id);
	if (rc == DCA_NOTFOUND)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN,
		    "no active cross-certificate");
	return rc;
}

enum dca_rc
dca_store_cross_before(struct dca_store *s, uint64_t id, struct dca_cross *out,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.cross_before, CROSS
	    " WHERE c.id < ?1 ORDER BY c.id DESC LIMIT 1");
	enum dca_rc rc;

	db_bind_int(q, 1, (int64_t)id);
	rc = take(s, q, out, e);
	if (rc == DCA_NOTFOUND)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN,
		    "no cross-certificate before %" PRIu64, id);
	return rc;
}
