/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of an import that wait for its last one. They stand in the ledger too
 * (each came in an act of its own); here they wait where they can be dropped.
 */
#include "db.h"

/* A part that comes again replaces the one that is there. */
enum dca_rc
dca_store_part_add(struct dca_store *s, const char *import, unsigned part,
    unsigned of, struct dca_buf rows, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.part_of,
	    "SELECT parts FROM parts WHERE import = ?1 LIMIT 1");
	DB_STMT put = NULL;
	enum dca_rc rc;

	db_bind_text(q, 1, import);
	rc = db_get(s, q, e);
	if (rc == DCA_OK && db_int(q, 0) != of)
		return dca_fail(e, DCA_RULE_REG_IMPORT,
		    "import %s has %lld parts, not %u", import,
		    (long long)db_int(q, 0), of);
	if (rc && rc != DCA_NOTFOUND)
		return rc;
	put = db_use(s, &s->q.part_put, "INSERT INTO parts"
	    " (import, part, parts, data) VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (import, part) DO UPDATE SET data = excluded.data");
	db_bind_text(put, 1, import);
	db_bind_int(put, 2, part);
	db_bind_int(put, 3, of);
	db_bind_blob(put, 4, rows.p, rows.n);
	return db_run(s, put, e);
}

unsigned
dca_store_parts(struct dca_store *s, const char *import)
{
	DB_STMT q = db_use(s, &s->q.part_count,
	    "SELECT count(*) FROM parts WHERE import = ?1");
	struct dca_err e;

	db_bind_text(q, 1, import);
	db_must(db_get(s, q, &e), &e);
	return (unsigned)db_int(q, 0);
}

enum dca_rc
dca_store_part_each(struct dca_store *s, const char *import, dca_part_fn fn,
    void *arg, struct dca_err *e)
{
	DB_OWN_STMT q = NULL;
	enum dca_rc rc;
	int code = sqlite3_prepare_v2(s->db, "SELECT part, data FROM parts"
	    " WHERE import = ?1 ORDER BY part", -1, &q, NULL);

	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	db_bind_text(q, 1, import);
	while ((rc = db_get(s, q, e)) == DCA_OK)
		if ((rc = fn((unsigned)db_int(q, 0), db_bytes(q, 1), arg, e)))
			return rc;
	return rc == DCA_NOTFOUND ? DCA_OK : rc;
}

void
dca_store_part_drop(struct dca_store *s, const char *import)
{
	DB_STMT q = db_use(s, &s->q.part_drop,
	    "DELETE FROM parts WHERE import = ?1");
	struct dca_err e;

	db_bind_text(q, 1, import);
	db_must(db_run(s, q, &e), &e);
}
