/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customers and the keys that are theirs. A key belongs to one customer for
 * ever (dca(7) TRUST); never moves one.
 */
#include <inttypes.h>
#include <string.h>

#include "db.h"

enum dca_rc
dca_store_customer(struct dca_store *s, const char *id,
    struct dca_customer *out, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.customer_get, "SELECT id, name, country,"
	    " cn, passports, active, changed, constraints FROM customers"
	    " WHERE id = ?1");
	struct dca_buf der;
	enum dca_rc rc;

	db_bind_text(q, 1, id);
	rc = db_get(s, q, e);
	if (rc == DCA_NOTFOUND)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN, "no customer %s", id);
	if (rc)
		return rc;
	db_text(q, 0, out->id, sizeof out->id);
	db_text(q, 1, out->name, sizeof out->name);
	db_text(q, 2, out->country, sizeof out->country);
	db_text(q, 3, out->cn, sizeof out->cn);
	out->passports = (unsigned)db_int(q, 4);
	out->active = db_int(q, 5) != 0;
	out->changed = (uint64_t)db_int(q, 6);
	der = db_bytes(q, 7);
	if (der.n > sizeof out->constraints)
		return dca_fail(e, DCA_RULE_IO,
		    "customer %s: someone changed the store", id);
	out->constraints_len = der.n;
	if (der.n > 0)
		memcpy(out->constraints, der.p, der.n);
	return DCA_OK;
}

enum dca_rc
dca_store_customer_add(struct dca_store *s, const struct dca_customer *c,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.customer_add, "INSERT INTO customers"
	    " (id, name, country, cn, passports, active, changed, constraints)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
	enum dca_rc rc;

	db_bind_text(q, 1, c->id);
	db_bind_text(q, 2, c->name);
	db_bind_text(q, 3, c->country);
	db_bind_text(q, 4, c->cn);
	db_bind_int(q, 5, c->passports);
	db_bind_int(q, 6, c->active);
	db_bind_int(q, 7, (int64_t)c->changed);
	db_bind_blob(q, 8, c->constraints, c->constraints_len);
	rc = db_run(s, q, e);
	return rc != DCA_REFUSED ? rc :
	    dca_fail(e, DCA_RULE_REG_EXISTS, "customer %s exists already",
		c->id);
}

enum dca_rc
dca_store_customer_set(struct dca_store *s, const struct dca_customer *c,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.customer_set, "UPDATE customers SET"
	    " name = ?2, country = ?3, cn = ?4, passports = ?5,"
	    " changed = ?6, constraints = ?7 WHERE id = ?1");
	enum dca_rc rc;

	db_bind_text(q, 1, c->id);
	db_bind_text(q, 2, c->name);
	db_bind_text(q, 3, c->country);
	db_bind_text(q, 4, c->cn);
	db_bind_int(q, 5, c->passports);
	db_bind_int(q, 6, (int64_t)c->changed);
	db_bind_blob(q, 7, c->constraints, c->constraints_len);
	if ((rc = db_run(s, q, e)))
		return rc;
	return sqlite3_changes(s->db) ? DCA_OK :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no customer %s", c->id);
}

enum dca_rc
dca_store_customer_constraints(const struct dca_customer *c,
    struct dca_constraints *out, struct dca_err *e)
{
	*out = (struct dca_constraints){ .permitted = { 0 } };
	return c->constraints_len == 0 ? DCA_OK : dca_constraints_parse(out,
	    DCA_BUF(c->constraints, c->constraints_len), true, NULL, e);
}

enum dca_rc
dca_store_customer_constrain(struct dca_customer *c,
    const struct dca_constraints *of, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };

	dca_constraints_encode(&der, of);
	if (der.n > sizeof c->constraints)
		return dca_fail(e, DCA_RULE_CONSTRAINTS, "the claim "
		    "constraints have %zu octets, at most %zu are kept",
		    der.n, sizeof c->constraints);
	c->constraints_len = der.n;
	if (der.n > 0)
		memcpy(c->constraints, der.p, der.n);
	return DCA_OK;
}

enum dca_rc
dca_store_customer_set_active(struct dca_store *s, const char *id, bool active,
    uint64_t seq, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.customer_active, "UPDATE customers"
	    " SET active = ?2, changed = ?3 WHERE id = ?1");
	enum dca_rc rc;

	db_bind_text(q, 1, id);
	db_bind_int(q, 2, active);
	db_bind_int(q, 3, (int64_t)seq);
	if ((rc = db_run(s, q, e)))
		return rc;
	return sqlite3_changes(s->db) ? DCA_OK :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no customer %s", id);
}

/* --- keys --- */
static enum dca_rc
key_find(struct dca_store *s, const uint8_t key[static 32], struct dca_key *out,
    int64_t *until, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.key_get,
	    "SELECT customer, pinned, until, first FROM keys"
	    " WHERE key = ?1");
	enum dca_rc rc;

	db_bind_blob(q, 1, key, DCA_SHA256_LEN);
	if ((rc = db_get(s, q, e)))
		return rc;
	db_text(q, 0, out->customer, sizeof out->customer);
	out->pinned = db_int(q, 1) != 0;
	*until = db_int(q, 2);
	out->first = db_int(q, 3);
	return DCA_OK;
}

static enum dca_rc
key_insert(struct dca_store *s, const uint8_t key[static 32],
    const char *customer, bool pinned, int64_t until, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.key_add, "INSERT INTO keys"
	    " (key, customer, pinned, until) VALUES (?1, ?2, ?3, ?4)");
	enum dca_rc rc;

	db_bind_blob(q, 1, key, DCA_SHA256_LEN);
	db_bind_text(q, 2, customer);
	db_bind_int(q, 3, pinned);
	db_bind_int(q, 4, until);
	rc = db_run(s, q, e);
	return rc != DCA_NOTFOUND ? rc :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no customer %s", customer);
}

static enum dca_rc
key_update(struct dca_store *s, const uint8_t key[static 32], bool pinned,
    int64_t until, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.key_set,
	    "UPDATE keys SET pinned = ?2, until = ?3 WHERE key = ?1");

	db_bind_blob(q, 1, key, DCA_SHA256_LEN);
	db_bind_int(q, 2, pinned);
	db_bind_int(q, 3, until);
	return db_run(s, q, e);
}

/* The key becomes this customer's, pinned and until only ever raised. */
static enum dca_rc
key_raise(struct dca_store *s, const uint8_t key[static 32],
    const char *customer, bool pinned, int64_t until, struct dca_err *e)
{
	struct dca_key k;
	int64_t had = 0;
	enum dca_rc rc = dca_store_key_allowed(s, key, e);

	if (rc)
		return rc;
	rc = key_find(s, key, &k, &had, e);
	if (rc == DCA_NOTFOUND)
		return key_insert(s, key, customer, pinned, until, e);
	if (rc)
		return rc;
	if (strcmp(k.customer, customer) != 0)
		/* not naming the other: the asker may be its rival */
		return dca_fail(e, DCA_RULE_CSR_FORBIDDEN_KEY,
		    "the key belongs to another customer");
	if (k.pinned >= pinned && had >= until)
		return DCA_OK;
	return key_update(s, key, k.pinned || pinned, had > until ? had : until,
	    e);
}

enum dca_rc
dca_store_key_bind(struct dca_store *s, const uint8_t key_sha256[static 32],
    const char *customer, bool pinned, struct dca_err *e)
{
	return key_raise(s, key_sha256, customer, pinned, 0, e);
}

enum dca_rc
key_certified(struct dca_store *s, const uint8_t key[static 32],
    const char *customer, int64_t until, struct dca_err *e)
{
	return key_raise(s, key, customer, false, until, e);
}

enum dca_rc
dca_store_key_unpin(struct dca_store *s, const uint8_t key_sha256[static 32],
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.key_unpin,
	    "UPDATE keys SET pinned = 0 WHERE key = ?1 AND pinned <> 0");
	enum dca_rc rc;

	db_bind_blob(q, 1, key_sha256, DCA_SHA256_LEN);
	if ((rc = db_run(s, q, e)))
		return rc;
	return sqlite3_changes(s->db) ? DCA_OK :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "the key is not pinned");
}

uint64_t
dca_store_keys_new(struct dca_store *s, const char *customer, int64_t since)
{
	DB_STMT q = db_use(s, &s->q.keys_new, "SELECT count(*) FROM keys"
	    " WHERE customer = ?1 AND first >= ?2 AND first > 0");
	struct dca_err e = { 0 };

	db_bind_text(q, 1, customer);
	db_bind_int(q, 2, since);
	db_must(db_get(s, q, &e), &e);
	return (uint64_t)db_int(q, 0);
}

/* RFC 5280 4.1.2.5: valid through notAfter. A notBefore ahead of now cannot
 * be: it is the time of the decision, and the clock may not go back. */
enum dca_rc
dca_store_key(struct dca_store *s, const uint8_t key_sha256[static 32],
    int64_t now, struct dca_key *out, struct dca_err *e)
{
	int64_t until = 0;
	enum dca_rc rc = key_find(s, key_sha256, out, &until, e);

	if (rc == DCA_NOTFOUND)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN,
		    "the key belongs to no customer");
	out->certified = rc == DCA_OK && until != 0 && until >= now;
	return rc;
}
