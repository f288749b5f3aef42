/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators: who may sign acts. An operator that was removed stays listed,
 * and neither its id nor its key is given to another.
 */
#include <inttypes.h>

#include "db.h"

#define OPERATOR_COLUMNS "id, role, spki, active, last_seq"

static void
operator_row(sqlite3_stmt *q, struct dca_operator *o)
{
	db_text(q, 0, o->id, sizeof o->id);
	db_text(q, 1, o->role, sizeof o->role);
	db_blob(q, 2, o->spki, sizeof o->spki);
	o->active = db_int(q, 3) != 0;
	o->last_seq = (uint64_t)db_int(q, 4);
}

enum dca_rc
dca_store_operator(struct dca_store *s, const char *id,
    struct dca_operator *out, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.operator_get, "SELECT " OPERATOR_COLUMNS
	    " FROM operators WHERE id = ?1");
	enum dca_rc rc;

	db_bind_text(q, 1, id);
	if ((rc = db_get(s, q, e)) == DCA_OK)
		operator_row(q, out);
	return rc != DCA_NOTFOUND ? rc :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no operator %s", id);
}

enum dca_rc
dca_store_operator_by_key(struct dca_store *s, const uint8_t spki[static 91],
    struct dca_operator *out, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.operator_by_key, "SELECT " OPERATOR_COLUMNS
	    " FROM operators WHERE spki = ?1 AND active <> 0");
	enum dca_rc rc;

	db_bind_blob(q, 1, spki, sizeof out->spki);
	if ((rc = db_get(s, q, e)) == DCA_OK)
		operator_row(q, out);
	return rc != DCA_NOTFOUND ? rc :
	    dca_fail(e, DCA_RULE_AUTH_OPERATOR,
		"the key is not that of an active operator");
}

enum dca_rc
dca_store_operator_add(struct dca_store *s, const struct dca_operator *op,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.operator_add, "INSERT INTO operators"
	    " (" OPERATOR_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5)");
	enum dca_rc rc;

	db_bind_text(q, 1, op->id);
	db_bind_text(q, 2, op->role);
	db_bind_blob(q, 3, op->spki, sizeof op->spki);
	db_bind_int(q, 4, op->active);
	db_bind_int(q, 5, (int64_t)op->last_seq);
	rc = db_run(s, q, e);
	if (rc == DCA_REFUSED)
		return dca_fail(e, DCA_RULE_REG_EXISTS,
		    "operator %s or its key exists already; an id or key that "
		    "was removed is not given again", op->id);
	return rc;
}

enum dca_rc
dca_store_operator_remove(struct dca_store *s, const char *id,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.operator_remove,
	    "UPDATE operators SET active = 0 WHERE id = ?1 AND active <> 0");
	enum dca_rc rc;

	db_bind_text(q, 1, id);
	if ((rc = db_run(s, q, e)))
		return rc;
	return sqlite3_changes(s->db) ? DCA_OK :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no active operator %s", id);
}

enum dca_rc
dca_store_operator_use(struct dca_store *s, const char *id, uint64_t seq,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.operator_use,
	    "UPDATE operators SET last_seq = ?2 WHERE id = ?1 AND"
	    " last_seq < ?2");
	enum dca_rc rc;

	/* above 2^63 it could not be stored, nor be followed by another */
	if (seq >= INT64_MAX)
		return dca_fail(e, DCA_RULE_AUTH_SEQUENCE,
		    "sequence number %" PRIu64 " is out of bounds", seq);
	db_bind_text(q, 1, id);
	db_bind_int(q, 2, (int64_t)seq);
	if ((rc = db_run(s, q, e)))
		return rc;
	return sqlite3_changes(s->db) ? DCA_OK :
	    dca_fail(e, DCA_RULE_AUTH_SEQUENCE,
		"sequence number %" PRIu64 " of operator %s is not above the "
		"last one", seq, id);
}

unsigned
dca_store_admins(struct dca_store *s)
{
	DB_STMT q = db_use(s, &s->q.admins, "SELECT count(*) FROM operators"
	    " WHERE role = 'admin' AND active <> 0");
	struct dca_err e;

	db_must(db_get(s, q, &e), &e);
	return (unsigned)db_int(q, 0);
}
