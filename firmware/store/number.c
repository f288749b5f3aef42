/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers: which are under an SPC (inventory) and which are delegated to
 * whom and when. Keeps delegations exclusive in numbers and time unless all
 * say shared (dca(7) TRUST). Both ends of a time count, as in a certificate.
 */
#include <inttypes.h>
#include <string.h>

#include "db.h"

/* The same row again changes nothing: importing a
 * file twice is harmless. */
enum dca_rc
dca_store_inventory_add(struct dca_store *s, const struct dca_inventory_row *r,
    uint64_t seq, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.inventory_add, "INSERT INTO inventory"
	    " (spc, digits, lo, hi, seq) VALUES (?1, ?2, ?3, ?4, ?5)"
	    " ON CONFLICT (spc, digits, lo, hi) DO NOTHING");

	db_bind_text(q, 1, r->spc);
	db_bind_int(q, 2, r->range.digits);
	db_bind_int(q, 3, (int64_t)r->range.lo);
	db_bind_int(q, 4, (int64_t)r->range.hi);
	db_bind_int(q, 5, (int64_t)seq);
	return db_run(s, q, e);
}

void
dca_store_inventory_numbers(struct dca_store *s, const char *spc,
    struct dca_tnset *out)
{
	DB_STMT q = db_use(s, &s->q.inventory_spc, "SELECT digits, lo, hi"
	    " FROM inventory WHERE spc = ?1 ORDER BY digits, lo, hi");
	struct dca_err e;
	enum dca_rc rc;

	db_bind_text(q, 1, spc);
	while ((rc = db_get(s, q, &e)) == DCA_OK)
		dca_tnset_add_interval(out, (struct dca_tnrange){
		    .digits = (uint8_t)db_int(q, 0),
		    .lo = (uint64_t)db_int(q, 1),
		    .hi = (uint64_t)db_int(q, 2) });
	db_must(rc, &e);
}

/* --- delegations --- */
static enum dca_rc
same(struct dca_store *s, const struct dca_delegation *d, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.delegation_same, "SELECT n FROM delegations"
	    " WHERE customer = ?1 AND digits = ?2 AND span = ?3 AND lo = ?4"
	    " AND hi = ?5 AND not_before = ?6 AND not_after = ?7 AND"
	    " shared = ?8");

	db_bind_text(q, 1, d->customer);
	db_bind_int(q, 2, d->range.digits);
	db_bind_int(q, 3, spans_class(d->range));
	db_bind_int(q, 4, (int64_t)d->range.lo);
	db_bind_int(q, 5, (int64_t)d->range.hi);
	db_bind_int(q, 6, d->not_before);
	db_bind_int(q, 7, d->not_after);
	db_bind_int(q, 8, d->shared);
	return db_get(s, q, e);
}

/* Says who holds what of d, in e. */
static enum dca_rc
conflict_fail(sqlite3_stmt *q, const struct dca_delegation *d,
    struct dca_err *e)
{
	char other[DCA_ID_MAX + 1], text[DCA_ENTRY_TEXT];
	struct dca_tnrange r = { .digits = d->range.digits };
	uint64_t lo = (uint64_t)db_int(q, 1);
	enum dca_rc rc;

	db_text(q, 0, other, sizeof other);
	r.lo = r.hi = lo > d->range.lo ? lo : d->range.lo;
	dca_tnrange_print(r, text);
	rc = dca_fail(e, DCA_RULE_REG_OVERLAP,
	    "%s is delegated to %s for some of that time, and not both "
	    "delegations are shared", text, other);
	if (e)
		dca_strlcpy(e->first, text, sizeof e->first);
	return rc;
}

/*
 * Another customer's delegation of one of these numbers at a common time, not
 * shared on both sides? What ended before the last ledger row cannot be used
 * any more (the clock may not go back), so it is in nobody's way: a number
 * can move to another customer without a date that says since when.
 */
static enum dca_rc
conflict(struct dca_store *s, const struct dca_delegation *d,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.delegation_conflict,
	    "SELECT customer, lo FROM delegations WHERE digits = ?1 AND"
	    " span = ?2 AND lo > ?3 AND lo <= ?4 AND hi >= ?5 AND"
	    " customer <> ?6 AND NOT (shared <> 0 AND ?7 <> 0) AND"
	    " (not_after = 0 OR not_after >= ?8) AND"
	    " (not_before = 0 OR ?9 = 0 OR not_before <= ?9)"
	    " ORDER BY lo LIMIT 1");
	int64_t since = d->not_before;
	enum dca_rc rc = ledger_head(s, e);

	if (rc)
		return rc;
	if (since < s->head.time)
		since = s->head.time;
	db_bind_text(q, 6, d->customer);
	db_bind_int(q, 7, d->shared);
	db_bind_int(q, 8, since);
	db_bind_int(q, 9, d->not_after);
	for (unsigned k = 0; spans_next(&s->delegations, d->range, &k); k++) {
		spans_bind(q, d->range, k);
		rc = db_get(s, q, e);
		if (rc == DCA_OK)
			return conflict_fail(q, d, e);
		if (rc != DCA_NOTFOUND)
			return rc;
		sqlite3_reset(q);
	}
	return DCA_OK;
}

static enum dca_rc
insert(struct dca_store *s, const struct dca_delegation *d, uint64_t seq,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.delegation_add, "INSERT INTO delegations"
	    " (customer, digits, span, lo, hi, not_before, not_after, shared,"
	    " seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
	enum dca_rc rc;

	db_bind_text(q, 1, d->customer);
	db_bind_int(q, 2, d->range.digits);
	db_bind_int(q, 3, spans_class(d->range));
	db_bind_int(q, 4, (int64_t)d->range.lo);
	db_bind_int(q, 5, (int64_t)d->range.hi);
	db_bind_int(q, 6, d->not_before);
	db_bind_int(q, 7, d->not_after);
	db_bind_int(q, 8, d->shared);
	db_bind_int(q, 9, (int64_t)seq);
	if ((rc = db_run(s, q, e)))
		return rc;
	spans_note(&s->delegations, d->range);
	return DCA_OK;
}

enum dca_rc
customer_touch(struct dca_store *s, const char *customer, uint64_t seq,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.customer_touch,
	    "UPDATE customers SET changed = ?2 WHERE id = ?1");
	enum dca_rc rc;

	db_bind_text(q, 1, customer);
	db_bind_int(q, 2, (int64_t)seq);
	if ((rc = db_run(s, q, e)))
		return rc;
	return sqlite3_changes(s->db) ? DCA_OK :
	    dca_fail(e, DCA_RULE_REG_UNKNOWN, "no customer %s", customer);
}

enum dca_rc
delegation_put(struct dca_store *s, const struct dca_delegation *d,
    uint64_t seq, struct dca_err *e)
{
	enum dca_rc rc = same(s, d, e);

	return rc == DCA_NOTFOUND ? insert(s, d, seq, e) : rc;
}

/* The same delegation again changes nothing. */
enum dca_rc
dca_store_delegation_add(struct dca_store *s, const struct dca_delegation *d,
    uint64_t seq, struct dca_err *e)
{
	enum dca_rc rc = same(s, d, e);

	if (rc != DCA_NOTFOUND)
		return rc;
	if ((rc = conflict(s, d, e)) || (rc = customer_touch(s, d->customer, seq, e)))
		return rc;
	return insert(s, d, seq, e);
}

#define DELEGATION_COLUMNS                                                     \
	"n, customer, digits, lo, hi, not_before, not_after, shared"
#define VALID_AT(t)                                                            \
	" (not_before = 0 OR not_before <= " t ") AND"                         \
	" (not_after = 0 OR not_after >= " t ")"

/* Hands the rows to fn; those that start at or below skip_to met an earlier
 * interval of the asker already. */
static void
each(struct dca_store *s, sqlite3_stmt *q, bool skip, uint64_t skip_to,
    dca_delegation_fn fn, void *arg)
{
	struct dca_delegation d;
	struct dca_err e;
	enum dca_rc rc;

	while ((rc = db_get(s, q, &e)) == DCA_OK) {
		d.id = (uint64_t)db_int(q, 0);
		db_text(q, 1, d.customer, sizeof d.customer);
		d.range.digits = (uint8_t)db_int(q, 2);
		d.range.lo = (uint64_t)db_int(q, 3);
		d.range.hi = (uint64_t)db_int(q, 4);
		d.not_before = db_int(q, 5);
		d.not_after = db_int(q, 6);
		d.shared = db_int(q, 7) != 0;
		if (!skip || d.range.lo > skip_to)
			fn(&d, arg);
	}
	db_must(rc, &e);
}

static void
delegations_all(struct dca_store *s, const char *customer, int64_t now,
    dca_delegation_fn fn, void *arg)
{
	DB_STMT q = db_use(s, &s->q.delegation_all, "SELECT " DELEGATION_COLUMNS
	    " FROM delegations WHERE customer = ?1 AND" VALID_AT("?2")
	    " ORDER BY n");

	db_bind_text(q, 1, customer);
	db_bind_int(q, 2, now);
	each(s, q, false, 0, fn, arg);
}

void
dca_store_delegations(struct dca_store *s, const char *customer, int64_t now,
    const struct dca_tnset *want, dca_delegation_fn fn, void *arg)
{
	DB_STMT q = NULL;
	const struct dca_tnrange *v;
	size_t n;

	if (!want) {
		delegations_all(s, customer, now, fn, arg);
		return;
	}
	q = db_use(s, &s->q.delegation_own, "SELECT " DELEGATION_COLUMNS
	    " FROM delegations WHERE digits = ?1 AND span = ?2 AND lo > ?3 AND"
	    " lo <= ?4 AND hi >= ?5 AND customer = ?6 AND" VALID_AT("?7"));
	db_bind_text(q, 6, customer);
	db_bind_int(q, 7, now);
	n = dca_tnset_ranges(want, &v);
	for (size_t i = 0; i < n; i++) {
		bool skip = i > 0 && v[i - 1].digits == v[i].digits;

		for (unsigned k = 0; spans_next(&s->delegations, v[i], &k);
		     k++) {
			spans_bind(q, v[i], k);
			each(s, q, skip, skip ? v[i - 1].hi : 0, fn, arg);
			sqlite3_reset(q);
		}
	}
}

bool
dca_store_delegated_elsewhere(struct dca_store *s, const char *customer,
    int64_t now, const struct dca_tnset *want, char first[static DCA_ENTRY_TEXT])
{
	DB_STMT q = db_use(s, &s->q.delegation_other, "SELECT lo FROM"
	    " delegations WHERE digits = ?1 AND span = ?2 AND lo > ?3 AND"
	    " lo <= ?4 AND hi >= ?5 AND customer <> ?6 AND" VALID_AT("?7")
	    " ORDER BY lo LIMIT 1");

	db_bind_text(q, 6, customer);
	db_bind_int(q, 7, now);
	return spans_first(s, &s->delegations, q, want, first);
}
