/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment codes. A secret lives in this table only (the ledger has its
 * SHA-256), is spent once, and is overwritten with zeros when the code has
 * expired. Never shown in a list.
 */
#include <inttypes.h>

#include "db.h"

enum dca_rc
dca_store_code(struct dca_store *s, const char *id, struct dca_code *out,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.code_get, "SELECT id, customer, secret,"
	    " expires, spent, csr, serial, wiped FROM codes WHERE id = ?1");
	enum dca_rc rc;

	db_bind_text(q, 1, id);
	rc = db_get(s, q, e);
	if (rc == DCA_NOTFOUND)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN, "no code %s", id);
	if (rc)
		return rc;
	db_text(q, 0, out->id, sizeof out->id);
	db_text(q, 1, out->customer, sizeof out->customer);
	db_blob(q, 2, out->secret, sizeof out->secret);
	out->expires = db_int(q, 3);
	out->spent = db_int(q, 4) != 0;
	db_blob(q, 5, out->csr_sha256, sizeof out->csr_sha256);
	db_blob(q, 6, out->serial, sizeof out->serial);
	out->wiped = db_int(q, 7) != 0;
	return DCA_OK;
}

/* An UPDATE of the same length overwrites in place; secure_delete does the
 * rest. The -wal file forgets when it is written over. */
enum dca_rc
dca_store_codes_expire(struct dca_store *s, int64_t now, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.code_expire, "UPDATE codes"
	    " SET secret = ?2, wiped = 1 WHERE wiped = 0 AND expires < ?1");
	static const uint8_t zero[sizeof ((struct dca_code *)0)->secret];

	db_bind_int(q, 1, now);
	db_bind_blob(q, 2, zero, sizeof zero);
	return db_run(s, q, e);
}

/* Every change of a code wipes those that the record shows as expired. */
static enum dca_rc
expire(struct dca_store *s, struct dca_err *e)
{
	enum dca_rc rc = ledger_head(s, e);

	return rc ? rc : dca_store_codes_expire(s, s->head.time, e);
}

enum dca_rc
dca_store_code_add(struct dca_store *s, const struct dca_code *c,
    struct dca_err *e)
{
	DB_STMT q = NULL;
	enum dca_rc rc = expire(s, e);

	if (rc)
		return rc;
	q = db_use(s, &s->q.code_add, "INSERT INTO codes (id, customer,"
	    " secret, wiped, expires, spent, csr, serial)"
	    " VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7)");
	db_bind_text(q, 1, c->id);
	db_bind_text(q, 2, c->customer);
	db_bind_blob(q, 3, c->secret, sizeof c->secret);
	db_bind_int(q, 4, c->expires);
	db_bind_int(q, 5, c->spent);
	db_bind_blob(q, 6, c->csr_sha256, sizeof c->csr_sha256);
	db_bind_blob(q, 7, c->serial, sizeof c->serial);
	rc = db_run(s, q, e);
	if (rc == DCA_REFUSED)
		return dca_fail(e, DCA_RULE_REG_EXISTS,
		    "code %s exists already", c->id);
	return rc != DCA_NOTFOUND ? rc :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no customer %s", c->customer);
}

enum dca_rc
dca_store_code_spend(struct dca_store *s, const char *id,
    const uint8_t csr_sha256[static 32],
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.code_spend, "UPDATE codes SET spent = 1,"
	    " csr = ?2, serial = ?3 WHERE id = ?1 AND spent = 0");
	enum dca_rc rc;

	db_bind_text(q, 1, id);
	db_bind_blob(q, 2, csr_sha256, DCA_SHA256_LEN);
	db_bind_blob(q, 3, serial, DCA_SERIAL_LEN);
	if ((rc = db_run(s, q, e)))
		return rc;
	if (!sqlite3_changes(s->db))
		return dca_fail(e, DCA_RULE_AUTH_CODE,
		    "code %s is unknown or already used", id);
	return expire(s, e);
}

enum dca_rc
dca_store_code_remove(struct dca_store *s, const char *id, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.code_remove,
	    "DELETE FROM codes WHERE id = ?1");
	enum dca_rc rc;

	db_bind_text(q, 1, id);
	if ((rc = db_run(s, q, e)))
		return rc;
	if (!sqlite3_changes(s->db))
		return dca_fail(e, DCA_RULE_REG_UNKNOWN, "no code %s", id);
	return expire(s, e);
}
