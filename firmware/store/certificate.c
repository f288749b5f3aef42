/* SPDX-License-Identifier: Apache-2.0 */
/*
 * End-entity certificates: the view row of each issue row, who holds which
 * number by them, and their DER, which is kept once, in the ledger row.
 */
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "dca/cbor.h"

void
certificate_row(sqlite3_stmt *q, struct dca_certificate *c)
{
	db_blob(q, 0, c->serial, sizeof c->serial);
	db_text(q, 1, c->customer, sizeof c->customer);
	db_blob(q, 2, c->key_sha256, sizeof c->key_sha256);
	db_blob(q, 3, c->csr_sha256, sizeof c->csr_sha256);
	c->function = (enum dca_function)db_int(q, 4);
	c->not_before = db_int(q, 5);
	c->not_after = db_int(q, 6);
	c->cross = (uint64_t)db_int(q, 7);
	c->basis = (uint64_t)db_int(q, 8);
	c->seq = (uint64_t)db_int(q, 9);
	c->revoked = db_int(q, 10);
	c->reason = (int)db_int(q, 11);
	c->published = db_int(q, 12);
	c->renewal = db_blob(q, 13, c->predecessor, sizeof c->predecessor);
}

/* The first certificate of a key says when it was new. */
static enum dca_rc
key_first(struct dca_store *s, const struct dca_certificate *c,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.key_first,
	    "UPDATE keys SET first = ?2 WHERE key = ?1 AND first = 0");

	db_bind_blob(q, 1, c->key_sha256, sizeof c->key_sha256);
	db_bind_int(q, 2, c->not_before);
	return db_run(s, q, e);
}

static enum dca_rc
insert(struct dca_store *s, const struct dca_certificate *c, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.certificate_add, "INSERT INTO certificates"
	    " (serial, customer, key, csr, function, not_before, not_after,"
	    " cross_id, basis, seq, revoked, reason, published, predecessor)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	    " ?14)");

	db_bind_blob(q, 1, c->serial, sizeof c->serial);
	db_bind_text(q, 2, c->customer);
	db_bind_blob(q, 3, c->key_sha256, sizeof c->key_sha256);
	db_bind_blob(q, 4, c->csr_sha256, sizeof c->csr_sha256);
	db_bind_int(q, 5, c->function);
	db_bind_int(q, 6, c->not_before);
	db_bind_int(q, 7, c->not_after);
	db_bind_int(q, 8, (int64_t)c->cross);
	db_bind_int(q, 9, (int64_t)c->basis);
	db_bind_int(q, 10, (int64_t)c->seq);
	db_bind_int(q, 11, c->revoked);
	db_bind_int(q, 12, c->reason);
	db_bind_int(q, 13, c->published);
	if (c->renewal)	/* else NULL: bindings do not outlive a use */
		db_bind_blob(q, 14, c->predecessor, sizeof c->predecessor);
	return db_run(s, q, e);
}

/* By c among others, so that the rest is known when c is revoked. */
static enum dca_rc
hold_by(struct dca_store *s, const struct dca_certificate *c,
    struct dca_tnrange r, bool shared, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.held_add, "INSERT INTO held (holding,"
	    " until, seq) SELECT n, ?7, ?8 FROM holdings WHERE digits = ?2 AND"
	    " span = ?3 AND lo = ?4 AND hi = ?5 AND customer = ?1 AND"
	    " shared = ?6");

	db_bind_text(q, 1, c->customer);
	db_bind_int(q, 2, r.digits);
	db_bind_int(q, 3, spans_class(r));
	db_bind_int(q, 4, (int64_t)r.lo);
	db_bind_int(q, 5, (int64_t)r.hi);
	db_bind_int(q, 6, shared);
	db_bind_int(q, 7, c->not_after);
	db_bind_int(q, 8, (int64_t)c->seq);
	return db_run(s, q, e);
}

/* Held at least until the end of c. */
static enum dca_rc
hold(struct dca_store *s, const struct dca_certificate *c,
    struct dca_tnrange r, bool shared, struct dca_err *e)
{
	enum dca_rc rc;
	DB_STMT q = db_use(s, &s->q.holding_add, "INSERT INTO holdings"
	    " (customer, digits, span, lo, hi, shared, until)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	    " ON CONFLICT (digits, span, lo, hi, customer, shared) DO UPDATE"
	    " SET until = excluded.until WHERE until < excluded.until");

	db_bind_text(q, 1, c->customer);
	db_bind_int(q, 2, r.digits);
	db_bind_int(q, 3, spans_class(r));
	db_bind_int(q, 4, (int64_t)r.lo);
	db_bind_int(q, 5, (int64_t)r.hi);
	db_bind_int(q, 6, shared);
	db_bind_int(q, 7, c->not_after);
	spans_note(&s->holdings, r);
	if ((rc = db_run(s, q, e)))
		return rc;
	return hold_by(s, c, r, shared, e);
}

static enum dca_rc
hold_numbers(struct dca_store *s, const struct dca_certificate *c,
    const struct dca_tnset *numbers, bool shared, struct dca_err *e)
{
	const struct dca_tnrange *v;
	size_t n = dca_tnset_ranges(numbers, &v);
	enum dca_rc rc = DCA_OK;

	for (size_t i = 0; !rc && i < n; i++)
		rc = hold(s, c, v[i], shared, e);
	return rc;
}

enum dca_rc
dca_store_certificate_add(struct dca_store *s, const struct dca_certificate *c,
    const struct dca_tnset *numbers, bool shared, struct dca_err *e)
{
	const char *const *literals;
	enum dca_rc rc;

	/* Only intervals are delegated; what could not be found again when
	 * another asks for it is not issued. */
	if (dca_tnset_has_spc(numbers) ||
	    dca_tnset_literals(numbers, &literals) != 0)
		return dca_fail(e, DCA_RULE_PROFILE,
		    "a customer's certificate holds more than numbers");
	if ((rc = key_certified(s, c->key_sha256, c->customer, c->not_after,
		 e)) ||
	    (rc = key_first(s, c, e)) || (rc = insert(s, c, e)))
		return rc;
	return hold_numbers(s, c, numbers, shared, e);
}

enum dca_rc
dca_store_certificate(struct dca_store *s,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_certificate *out,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.certificate_get, "SELECT "
	    CERTIFICATE_COLUMNS " FROM certificates c WHERE c.serial = ?1");
	enum dca_rc rc;

	db_bind_blob(q, 1, serial, DCA_SERIAL_LEN);
	if ((rc = db_get(s, q, e)) == DCA_OK)
		certificate_row(q, out);
	return rc != DCA_NOTFOUND ? rc :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no such certificate");
}

/* The DER in the body of an issue row. */
static enum dca_rc
body_cert(struct dca_buf body, uint64_t seq, struct dca_buf *der,
    struct dca_err *e)
{
	struct dca_cbor v;

	if (dca_cbor_find(body, "cert", &v) &&
	    dca_cbor_take_bytes(&v, der, DCA_CERT_MAX))
		return DCA_OK;
	return dca_fail(e, DCA_RULE_LEDGER_ROW,
	    "row %llu: holds no certificate", (unsigned long long)seq);
}

enum dca_rc
dca_store_certificate_der(struct dca_store *s,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_out *der,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.certificate_der, "SELECT l.body, l.seq"
	    " FROM certificates c JOIN ledger l ON l.seq = c.seq"
	    " WHERE c.serial = ?1");
	struct dca_buf b = { 0 };
	enum dca_rc rc;

	db_bind_blob(q, 1, serial, DCA_SERIAL_LEN);
	rc = db_get(s, q, e);
	if (rc == DCA_NOTFOUND)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN, "no such certificate");
	if (rc || (rc = body_cert(db_bytes(q, 0), (uint64_t)db_int(q, 1), &b,
		       e)))
		return rc;
	dca_out_add(der, b.p, b.n);
	return DCA_OK;
}

enum dca_rc
dca_store_certificate_repeat(struct dca_store *s, const char *customer,
    enum dca_function fn, const uint8_t csr_sha256[static 32],
    struct dca_certificate *out, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.certificate_repeat, "SELECT "
	    CERTIFICATE_COLUMNS " FROM certificates c WHERE c.csr = ?1 AND"
	    " c.customer = ?2 AND c.function = ?3 ORDER BY c.seq DESC LIMIT 1");
	enum dca_rc rc;

	db_bind_blob(q, 1, csr_sha256, DCA_SHA256_LEN);
	db_bind_text(q, 2, customer);
	db_bind_int(q, 3, fn);
	if ((rc = db_get(s, q, e)) == DCA_OK)
		certificate_row(q, out);
	return rc != DCA_NOTFOUND ? rc :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no certificate of this request");
}

bool
dca_store_certified_elsewhere(struct dca_store *s, const char *customer,
    int64_t now, const struct dca_tnset *want, bool shared,
    char first[static DCA_ENTRY_TEXT])
{
	DB_STMT q = db_use(s, &s->q.holding_other, "SELECT lo FROM holdings"
	    " WHERE digits = ?1 AND span = ?2 AND lo > ?3 AND lo <= ?4 AND"
	    " hi >= ?5 AND customer <> ?6 AND until >= ?7 AND"
	    " NOT (shared <> 0 AND ?8 <> 0) ORDER BY lo LIMIT 1");

	db_bind_text(q, 6, customer);
	db_bind_int(q, 7, now);
	db_bind_int(q, 8, shared);
	return spans_first(s, &s->holdings, q, want, first);
}

uint64_t
dca_store_unpublished(struct dca_store *s, int64_t now)
{
	DB_OWN_STMT q = NULL;
	struct dca_err e;

	if (sqlite3_prepare_v2(s->db, "SELECT coalesce(min(seq), 0) FROM"
	    " certificates WHERE published = 0 AND not_after >= ?1", -1, &q,
	    NULL) != SQLITE_OK)
		abort();
	db_bind_int(q, 1, now);
	db_must(db_get(s, q, &e), &e);
	return (uint64_t)db_int(q, 0);
}

enum dca_rc
dca_store_certificate_published(struct dca_store *s,
    const uint8_t serial[static DCA_SERIAL_LEN], int64_t when,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.certificate_published,
	    "UPDATE certificates SET published = ?2 WHERE serial = ?1");
	enum dca_rc rc;

	db_bind_blob(q, 1, serial, DCA_SERIAL_LEN);
	db_bind_int(q, 2, when);
	if ((rc = db_run(s, q, e)))
		return rc;
	return sqlite3_changes(s->db) ? DCA_OK :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no such certificate");
}

enum dca_rc
dca_store_certificates_from(struct dca_store *s, uint64_t from, size_t limit,
    dca_certificate_fn fn, void *arg, struct dca_err *e)
{
	DB_OWN_STMT q = NULL;
	struct dca_certificate c;
	struct dca_buf der = { 0 };
	enum dca_rc rc;
	int code = sqlite3_prepare_v2(s->db, "SELECT " CERTIFICATE_COLUMNS
	    ", l.body FROM certificates c JOIN ledger l ON l.seq = c.seq"
	    " WHERE c.seq >= ?1 ORDER BY c.seq LIMIT ?2", -1, &q, NULL);

	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	db_bind_int(q, 1, (int64_t)from);
	db_bind_int(q, 2, (int64_t)limit);
	while ((rc = db_get(s, q, e)) == DCA_OK) {
		certificate_row(q, &c);
		if ((rc = body_cert(db_bytes(q, 14), c.seq, &der, e)) ||
		    (rc = fn(&c, der, arg, e)))
			return rc;
	}
	return rc == DCA_NOTFOUND ? DCA_OK : rc;
}
