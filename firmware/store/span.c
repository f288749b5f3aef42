/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding intervals that overlap an interval, by an ordinary ordered index.
 *
 * Every stored interval has a length class k: 10^k is the smallest power of
 * ten not below its count. One of class k that overlaps [lo, hi] starts after
 * lo - 10^k and not after hi, so a query per class is one seek in an index
 * on (digits, span, lo) with a look-back of less than 10^k numbers, in which
 * at most nine disjoint intervals of that class can end too early (none when
 * blocks are powers of ten, as they are in practice). Only classes that occur
 * are asked: usually two or three. Ruled out: R*Tree (32-bit floats), and one
 * index on lo alone, which one long interval turns into a scan.
 */
#include <stdlib.h>

#include "db.h"

uint64_t
spans_length(unsigned k)
{
	uint64_t n = 1;

	while (k--)
		n *= 10;
	return n;
}

unsigned
spans_class(struct dca_tnrange r)
{
	uint64_t count = r.hi - r.lo + 1;
	unsigned k = 0;

	for (uint64_t n = 1; n < count; n *= 10)
		k++;
	return k;
}

/* SELECT DISTINCT would read the whole index; this reads one entry a class. */
enum dca_rc
spans_load(struct dca_store *s, struct spans *sp, const char *table,
    struct dca_err *e)
{
	DB_OWN_STMT q = NULL;
	char sql[128];
	enum dca_rc rc = DCA_OK;
	int code;

	sqlite3_snprintf(sizeof sql, sql, "SELECT span FROM %s WHERE"
	    " digits = ?1 AND span >= ?2 ORDER BY span LIMIT 1", table);
	code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	for (unsigned d = 1; d <= DCA_TN_MAX; d++) {
		for (unsigned k = 0; k <= DCA_TN_MAX; k++) {
			db_bind_int(q, 1, d);
			db_bind_int(q, 2, k);
			rc = db_get(s, q, e);
			if (rc == DCA_OK) {
				k = (unsigned)db_int(q, 0) % 32;
				sp->by_digits[d] |= 1U << k;
			}
			sqlite3_reset(q);
			if (rc == DCA_NOTFOUND)
				break;
			if (rc)
				return rc;
		}
	}
	return DCA_OK;
}

void
spans_note(struct spans *sp, struct dca_tnrange r)
{
	sp->by_digits[r.digits] |= 1U << spans_class(r);
}

bool
spans_next(const struct spans *sp, struct dca_tnrange r, unsigned *k)
{
	for (; *k <= DCA_TN_MAX; ++*k)
		if (sp->by_digits[r.digits] & 1U << *k)
			return true;
	return false;
}

/* Parameters 1 to 5: digits, span, start after, start up to, end from. */
void
spans_bind(sqlite3_stmt *q, struct dca_tnrange r, unsigned k)
{
	db_bind_int(q, 1, r.digits);
	db_bind_int(q, 2, k);
	db_bind_int(q, 3, (int64_t)r.lo - (int64_t)spans_length(k));
	db_bind_int(q, 4, (int64_t)r.hi);
	db_bind_int(q, 5, (int64_t)r.lo);
}

bool
spans_first(struct dca_store *s, const struct spans *sp, sqlite3_stmt *q,
    const struct dca_tnset *want, char first[static DCA_ENTRY_TEXT])
{
	const struct dca_tnrange *v;
	size_t n = dca_tnset_ranges(want, &v);
	struct dca_err e;
	enum dca_rc rc;

	for (size_t i = 0; i < n; i++) {
		struct dca_tnrange hit = v[i];
		bool found = false;

		for (unsigned k = 0; spans_next(sp, v[i], &k); k++) {
			spans_bind(q, v[i], k);
			rc = db_get(s, q, &e);
			db_must(rc, &e);
			if (rc == DCA_OK) {
				uint64_t lo = (uint64_t)db_int(q, 0);

				lo = lo > v[i].lo ? lo : v[i].lo;
				if (!found || lo < hit.lo)
					hit.lo = lo;
				found = true;
			}
			sqlite3_reset(q);
		}
		if (found) {
			hit.hi = hit.lo;
			dca_tnrange_print(hit, first);
			return true;
		}
	}
	first[0] = 0;
	return false;
}
