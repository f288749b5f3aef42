/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking numbers back from a customer: delegations cut or ended earlier.
 * Whether a live certificate stands in the way is asked before (revoke.c);
 * nothing here lets anybody have more than before.
 */
#include <stdlib.h>
#include <string.h>

#include "db.h"

/* The delegations that overlap what is taken, past and future ones too. */
struct rows {
	struct dca_delegation *v;
	size_t n, cap;
};

static void
rows_clear(struct rows *l)
{
	free(l->v);
}

static void
rows_add(struct rows *l, sqlite3_stmt *q, const char *customer)
{
	struct dca_delegation d = {
		.id = (uint64_t)db_int(q, 0),
		.range = { .digits = (uint8_t)db_int(q, 1),
		    .lo = (uint64_t)db_int(q, 2),
		    .hi = (uint64_t)db_int(q, 3) },
		.not_before = db_int(q, 4),
		.not_after = db_int(q, 5),
		.shared = db_int(q, 6) != 0,
	};

	dca_strlcpy(d.customer, customer, sizeof d.customer);
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->v = dca_realloc(l->v, l->cap * sizeof *l->v);
	}
	l->v[l->n++] = d;
}

static int
by_id(const void *a, const void *b)
{
	const struct dca_delegation *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Each once, though several of the ranges may meet it. */
static void
rows_unique(struct rows *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_id);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || l->v[n - 1].id != l->v[i].id)
			l->v[n++] = l->v[i];
	l->n = n;
}

static enum dca_rc
find(struct dca_store *s, const char *customer, struct dca_tnrange r,
    struct rows *l, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.delegation_any, "SELECT n, digits, lo, hi,"
	    " not_before, not_after, shared FROM delegations WHERE"
	    " digits = ?1 AND span = ?2 AND lo > ?3 AND lo <= ?4 AND"
	    " hi >= ?5 AND customer = ?6");
	enum dca_rc rc = DCA_NOTFOUND;

	db_bind_text(q, 6, customer);
	for (unsigned k = 0; spans_next(&s->delegations, r, &k); k++) {
		spans_bind(q, r, k);
		while ((rc = db_get(s, q, e)) == DCA_OK)
			rows_add(l, q, customer);
		if (rc != DCA_NOTFOUND)
			return rc;
		sqlite3_reset(q);
	}
	return DCA_OK;
}

/* All that is taken must be delegated: a wrong digit is not passed over. */
static enum dca_rc
find_all(struct dca_store *s, const char *customer,
    const struct dca_tnset *numbers, struct rows *l, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *all = dca_tnset_new();
	const struct dca_tnrange *v;
	size_t n = dca_tnset_ranges(numbers, &v);
	char first[DCA_ENTRY_TEXT];
	enum dca_rc rc = DCA_OK;

	for (size_t i = 0; !rc && i < n; i++)
		rc = find(s, customer, v[i], l, e);
	if (rc)
		return rc;
	rows_unique(l);
	for (size_t i = 0; i < l->n; i++)
		dca_tnset_add_interval(all, l->v[i].range);
	if (dca_tnset_covers(all, numbers, first))
		return DCA_OK;
	rc = dca_fail(e, DCA_RULE_REG_UNKNOWN,
	    "%s is not delegated to customer %s", first, customer);
	if (e)
		dca_strlcpy(e->first, first, sizeof e->first);
	return rc;
}

static enum dca_rc
drop(struct dca_store *s, uint64_t id, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.delegation_drop,
	    "DELETE FROM delegations WHERE n = ?1");

	db_bind_int(q, 1, (int64_t)id);
	return db_run(s, q, e);
}

/* The part [lo, hi] of d with this end. */
static enum dca_rc
put_part(struct dca_store *s, const struct dca_delegation *d, uint64_t lo,
    uint64_t hi, int64_t not_after, uint64_t seq, struct dca_err *e)
{
	struct dca_delegation part = *d;

	part.id = 0;
	part.range.lo = lo;
	part.range.hi = hi;
	part.not_after = not_after;
	return delegation_put(s, &part, seq, e);
}

/* The part that is taken: nothing is left of it, or it ends at end. */
static enum dca_rc
put_taken(struct dca_store *s, const struct dca_delegation *d, uint64_t lo,
    uint64_t hi, int64_t end, uint64_t seq, struct dca_err *e)
{
	if (end == 0 || d->not_before > end)
		return DCA_OK;
	return put_part(s, d, lo, hi, end, seq, e);
}

/* d without what numbers has of it; the taken parts until end. */
static enum dca_rc
cut(struct dca_store *s, const struct dca_delegation *d,
    const struct dca_tnset *numbers, int64_t end, uint64_t seq,
    struct dca_err *e)
{
	const struct dca_tnrange *v;
	size_t n = dca_tnset_ranges(numbers, &v);
	uint64_t next = d->range.lo;
	enum dca_rc rc = drop(s, d->id, e);

	for (size_t i = 0; !rc && i < n; i++) {
		uint64_t lo = v[i].lo, hi = v[i].hi;

		if (v[i].digits != d->range.digits || hi < d->range.lo ||
		    lo > d->range.hi)
			continue;
		lo = lo < d->range.lo ? d->range.lo : lo;
		hi = hi > d->range.hi ? d->range.hi : hi;
		if (lo > next)
			rc = put_part(s, d, next, lo - 1, d->not_after, seq,
			    e);
		if (!rc)
			rc = put_taken(s, d, lo, hi, end, seq, e);
		next = hi + 1;
	}
	if (!rc && next <= d->range.hi)
		rc = put_part(s, d, next, d->range.hi, d->not_after, seq, e);
	return rc;
}

enum dca_rc
dca_store_delegation_shrink(struct dca_store *s, const char *customer,
    const struct dca_tnset *numbers, int64_t end, uint64_t seq,
    uint64_t *changed, struct dca_err *e)
{
	DCA_CLEANUP(rows_clear) struct rows l = { 0 };
	enum dca_rc rc = find_all(s, customer, numbers, &l, e);

	*changed = 0;
	for (size_t i = 0; !rc && i < l.n; i++) {
		const struct dca_delegation *d = &l.v[i];

		if (end && d->not_after && d->not_after <= end)
			continue;
		rc = cut(s, d, numbers, end, seq, e);
		++*changed;
	}
	if (rc || *changed == 0)
		return rc;
	return customer_touch(s, customer, seq, e);
}
