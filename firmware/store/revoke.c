/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revocation: the certificate is marked, its key is certified and its numbers
 * are held only as long as the ones that remain say. Keys that are never
 * certified again stand here too. Never takes a mark back.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "dca/cert.h"

enum { KEY_COMPROMISE = 1, CHAIN_MAX = 16 };

/* --- keys that nobody may have certified --- */
static enum dca_rc
forbid(struct dca_store *s, const uint8_t key[static DCA_SHA256_LEN],
    const char *why, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.badkey_add, "INSERT INTO badkeys"
	    " (key, why) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING");

	db_bind_blob(q, 1, key, DCA_SHA256_LEN);
	db_bind_text(q, 2, why);
	return db_run(s, q, e);
}

enum dca_rc
dca_store_key_allowed(struct dca_store *s,
    const uint8_t key_sha256[static DCA_SHA256_LEN], struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.badkey_get,
	    "SELECT why FROM badkeys WHERE key = ?1");
	char why[16];
	enum dca_rc rc;

	db_bind_blob(q, 1, key_sha256, DCA_SHA256_LEN);
	rc = db_get(s, q, e);
	if (rc == DCA_NOTFOUND)
		return DCA_OK;
	if (rc)
		return rc;
	db_text(q, 0, why, sizeof why);
	return dca_fail(e, DCA_RULE_CSR_FORBIDDEN_KEY,
	    strcmp(why, "ca") == 0 ? "the key is that of a CA" :
	    "a certificate of the key was revoked for keyCompromise");
}

/* Every key of the chain; what is no certificate holds none. */
enum dca_rc
chain_forbid(struct dca_store *s, struct dca_buf chain, struct dca_err *e)
{
	struct dca_certs certs = { 0 };
	uint8_t hash[DCA_SHA256_LEN];
	enum dca_rc rc = DCA_OK;

	if (dca_certs_parse(&certs, chain, CHAIN_MAX, NULL) != DCA_OK)
		return DCA_OK;
	for (size_t i = 0; !rc && i < certs.n; i++) {
		dca_sha256(hash, certs.v[i].spki);
		rc = forbid(s, hash, "ca", e);
	}
	dca_certs_clear(&certs);
	return rc;
}

/* --- what a revoked certificate no longer does --- */
static enum dca_rc
mark(struct dca_store *s, const struct dca_certificate *c, int64_t when,
    int reason, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.certificate_revoke, "UPDATE certificates"
	    " SET revoked = ?2, reason = ?3 WHERE seq = ?1");

	db_bind_int(q, 1, (int64_t)c->seq);
	db_bind_int(q, 2, when);
	db_bind_int(q, 3, reason);
	return db_run(s, q, e);
}

/* The key is certified until the last of its others ends. */
static enum dca_rc
key_lower(struct dca_store *s, const struct dca_certificate *c,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.key_lower, "UPDATE keys SET until ="
	    " coalesce((SELECT not_after FROM certificates WHERE key = ?1 AND"
	    " revoked = 0 ORDER BY not_after DESC LIMIT 1), 0)"
	    " WHERE key = ?1");

	db_bind_blob(q, 1, c->key_sha256, sizeof c->key_sha256);
	return db_run(s, q, e);
}

/* Its numbers are held as long as the other certificates say. */
static enum dca_rc
let_go(struct dca_store *s, const struct dca_certificate *c,
    struct dca_err *e)
{
	DB_STMT low = db_use(s, &s->q.holding_lower, "UPDATE holdings"
	    " SET until = coalesce((SELECT h.until FROM held h WHERE"
	    " h.holding = holdings.n AND h.seq <> ?1"
	    " ORDER BY h.until DESC LIMIT 1), 0)"
	    " WHERE n IN (SELECT holding FROM held WHERE seq = ?1)");
	DB_STMT del = db_use(s, &s->q.held_del,
	    "DELETE FROM held WHERE seq = ?1");
	enum dca_rc rc;

	db_bind_int(low, 1, (int64_t)c->seq);
	if ((rc = db_run(s, low, e)))
		return rc;
	db_bind_int(del, 1, (int64_t)c->seq);
	return db_run(s, del, e);
}

/* RFC 5280 5.3.1: what was revoked for another reason may turn out to be a
 * compromise; then the reason changes and the time stays. */
static enum dca_rc
check_again(const struct dca_certificate *c, int reason, struct dca_err *e)
{
	char when[DCA_TIME_TEXT];

	if (!c->revoked ||
	    (reason == KEY_COMPROMISE && c->reason != KEY_COMPROMISE))
		return DCA_OK;
	dca_time_format(when, c->revoked);
	return dca_fail(e, DCA_RULE_REG_STATE,
	    "the certificate was revoked at %s, reason %d", when, c->reason);
}

enum dca_rc
dca_store_certificate_revoke(struct dca_store *s,
    const uint8_t serial[static DCA_SERIAL_LEN], int64_t when, int reason,
    struct dca_err *e)
{
	struct dca_certificate c;
	enum dca_rc rc = dca_store_certificate(s, serial, &c, e);

	if (rc || (rc = check_again(&c, reason, e)))
		return rc;
	if ((rc = mark(s, &c, c.revoked ? c.revoked : when, reason, e)) ||
	    (rc = key_lower(s, &c, e)) || (rc = let_go(s, &c, e)))
		return rc;
	return reason == KEY_COMPROMISE ?
	    forbid(s, c.key_sha256, "compromise", e) : DCA_OK;
}

/* --- which ones --- */
struct seqs {
	int64_t *v;
	size_t n, cap;
};

static void
seqs_clear(struct seqs *l)
{
	free(l->v);
}

static enum dca_rc
take_seqs(struct dca_store *s, sqlite3_stmt *q, struct seqs *l,
    struct dca_err *e)
{
	enum dca_rc rc;

	while ((rc = db_get(s, q, e)) == DCA_OK) {
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 64;
			l->v = dca_realloc(l->v, l->cap * sizeof *l->v);
		}
		l->v[l->n++] = db_int(q, 0);
	}
	return rc == DCA_NOTFOUND ? DCA_OK : rc;
}

static enum dca_rc
all_of_customer(struct dca_store *s, const struct dca_live_query *f,
    struct seqs *l, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.live_customer, "SELECT seq FROM"
	    " certificates WHERE customer = ?1 AND revoked = 0 AND"
	    " not_after >= ?2 AND not_after > ?3");

	db_bind_text(q, 1, f->customer);
	db_bind_int(q, 2, f->now);
	db_bind_int(q, 3, f->beyond);
	return take_seqs(s, q, l, e);
}

/* First what is held of r, then by which certificates: held has the unrevoked
 * ones only. */
static enum dca_rc
all_of_range(struct dca_store *s, const struct dca_live_query *f,
    struct dca_tnrange r, struct seqs *l, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.live_range, "SELECT x.seq FROM holdings h"
	    " JOIN held x ON x.holding = h.n WHERE h.digits = ?1 AND"
	    " h.span = ?2 AND h.lo > ?3 AND h.lo <= ?4 AND h.hi >= ?5 AND"
	    " (?6 = '' OR h.customer = ?6) AND x.until >= ?7 AND"
	    " x.until > ?8");
	enum dca_rc rc = DCA_OK;

	db_bind_text(q, 6, f->customer ? f->customer : "");
	db_bind_int(q, 7, f->now);
	db_bind_int(q, 8, f->beyond);
	for (unsigned k = 0; !rc && spans_next(&s->holdings, r, &k); k++) {
		spans_bind(q, r, k);
		rc = take_seqs(s, q, l, e);
		sqlite3_reset(q);
	}
	return rc;
}

static int
by_value(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static enum dca_rc
put_serials(struct dca_store *s, struct seqs *l, struct dca_out *serials,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.live_serial,
	    "SELECT serial FROM certificates WHERE seq = ?1");
	uint8_t serial[DCA_SERIAL_LEN];
	enum dca_rc rc;

	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_value);
	for (size_t i = 0; i < l->n; i++) {
		if (i > 0 && l->v[i] == l->v[i - 1])
			continue;
		db_bind_int(q, 1, l->v[i]);
		rc = db_get(s, q, e);
		if (rc == DCA_NOTFOUND || (rc == DCA_OK &&
		    !db_blob(q, 0, serial, sizeof serial)))
			rc = dca_fail(e, DCA_RULE_IO,
			    "no certificate of row %" PRId64, l->v[i]);
		if (rc)
			return rc;
		dca_out_add(serials, serial, sizeof serial);
		sqlite3_reset(q);
	}
	return DCA_OK;
}

enum dca_rc
dca_store_certificates_live(struct dca_store *s,
    const struct dca_live_query *q, struct dca_out *serials,
    struct dca_err *e)
{
	DCA_CLEANUP(seqs_clear) struct seqs l = { 0 };
	const struct dca_tnrange *v = NULL;
	size_t n = q->numbers ? dca_tnset_ranges(q->numbers, &v) : 0;
	enum dca_rc rc = DCA_OK;

	if (!q->numbers)
		rc = all_of_customer(s, q, &l, e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = all_of_range(s, q, v[i], &l, e);
	return rc ? rc : put_serials(s, &l, serials, e);
}
