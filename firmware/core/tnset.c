/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TN sets: how they are kept. Adding appends; the first look at a set after
 * that sorts and merges it. A const set may be looked at by several threads,
 * so that first look is under a lock: its representation changes, what it
 * means does not. Must never decide about scope: that is tnset-scope.c, on
 * the views at the end.
 */
#include "dca/tnset.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Distinct strings; the first `sorted` are in order and without doubles. */
struct names {
	char **v;
	size_t n, cap, sorted;
};

struct body {
	pthread_mutex_t lock;
	atomic_bool dirty;
	struct dca_tnrange *range;	/* the first `sorted` are canonical */
	size_t n, cap, sorted;
	struct names spc, literal;
};

struct dca_tnset {
	struct body *b;
};

static const uint64_t power10[DCA_TN_MAX + 1] = { 1ULL, 10ULL, 100ULL, 1000ULL,
	10000ULL, 100000ULL, 1000000ULL, 10000000ULL, 100000000ULL,
	1000000000ULL, 10000000000ULL, 100000000000ULL, 1000000000000ULL,
	10000000000000ULL, 100000000000000ULL, 1000000000000000ULL };

/* ---- the order of things ---- */

static int
range_cmp(const void *x, const void *y)
{
	const struct dca_tnrange *a = x, *b = y;

	if (a->digits != b->digits)
		return a->digits < b->digits ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return 0;
}

static int
name_cmp(const void *x, const void *y)
{
	const char *const *a = x, *const *b = y;

	return strcmp(*a, *b);
}

/*
 * Put r behind the n canonical intervals of v (room for one more; r does not
 * sort before the last); returns how many there are now. hi < 10^15, so
 * hi + 1 does not overflow.
 */
static size_t
range_push(struct dca_tnrange *v, size_t n, struct dca_tnrange r)
{
	struct dca_tnrange *last = n > 0 ? &v[n - 1] : NULL;

	if (last != NULL && last->digits == r.digits && r.lo <= last->hi + 1) {
		if (r.hi > last->hi)
			last->hi = r.hi;
		return n;
	}
	v[n] = r;
	return n + 1;
}

/* Sort what was appended, then merge it with what was in order before. */
static void
settle_ranges(struct body *b)
{
	struct dca_tnrange *v;
	size_t a = 0, t = b->sorted, n = 0;

	if (b->sorted == b->n)
		return;
	v = dca_alloc(b->n * sizeof(*v));
	qsort(b->range + t, b->n - t, sizeof(*v), range_cmp);
	while (a < b->sorted || t < b->n)
		if (t == b->n || (a < b->sorted &&
				     range_cmp(&b->range[a], &b->range[t]) < 0))
			n = range_push(v, n, b->range[a++]);
		else
			n = range_push(v, n, b->range[t++]);
	free(b->range);
	b->range = v;
	b->cap = b->n;
	b->n = b->sorted = n;
}

static void
settle_names(struct names *s)
{
	size_t i, n = 0;

	if (s->sorted == s->n)
		return;
	qsort(s->v, s->n, sizeof(*s->v), name_cmp);
	for (i = 0; i < s->n; i++)
		if (n > 0 && strcmp(s->v[n - 1], s->v[i]) == 0)
			free(s->v[i]);
		else
			s->v[n++] = s->v[i];
	s->n = s->sorted = n;
}

/* The canonical form of a set, whoever looks first. */
static const struct body *
settled(const struct dca_tnset *s)
{
	struct body *b = s->b;

	if (!atomic_load_explicit(&b->dirty, memory_order_acquire))
		return b;
	pthread_mutex_lock(&b->lock);
	if (atomic_load_explicit(&b->dirty, memory_order_relaxed)) {
		settle_ranges(b);
		settle_names(&b->spc);
		settle_names(&b->literal);
		atomic_store_explicit(&b->dirty, false, memory_order_release);
	}
	pthread_mutex_unlock(&b->lock);
	return b;
}

/* ---- life ---- */

struct dca_tnset *
dca_tnset_new(void)
{
	struct dca_tnset *s = dca_alloc(sizeof(*s));

	s->b = dca_alloc(sizeof(*s->b));
	if (pthread_mutex_init(&s->b->lock, NULL) != 0)
		abort();
	return s;
}

struct dca_tnset *
dca_tnset_dup(const struct dca_tnset *s)
{
	struct dca_tnset *d = dca_tnset_new();

	dca_tnset_union(d, s);
	return d;
}

static void
names_free(struct names *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
}

void
dca_tnset_free(struct dca_tnset *s)
{
	if (s == NULL)
		return;
	names_free(&s->b->spc);
	names_free(&s->b->literal);
	free(s->b->range);
	pthread_mutex_destroy(&s->b->lock);
	free(s->b);
	free(s);
}

/* ---- adding ---- */

static void
names_add(struct dca_tnset *s, struct names *set, const char *name)
{
	bool ordered = set->sorted == set->n;
	int cmp = set->n == 0 ? -1 : strcmp(set->v[set->n - 1], name);

	if (ordered && cmp == 0)
		return;
	if (set->n == set->cap) {
		set->cap = set->cap == 0 ? 4 : 2 * set->cap;
		set->v = dca_realloc(set->v, set->cap * sizeof(*set->v));
	}
	set->v[set->n++] = dca_strdup(name);
	if (ordered && cmp < 0)
		set->sorted = set->n;
	else
		atomic_store(&s->b->dirty, true);
}

void
dca_tnset_add_interval(struct dca_tnset *s, struct dca_tnrange r)
{
	struct body *b = s->b;

	if (r.digits < 1 || r.digits > DCA_TN_MAX || r.lo > r.hi ||
	    r.hi >= power10[r.digits])
		abort();
	if (b->n == b->cap) {
		b->cap = b->cap == 0 ? 4 : 2 * b->cap;
		b->range = dca_realloc(b->range, b->cap * sizeof(*b->range));
	}
	if (b->sorted == b->n &&
	    (b->n == 0 || range_cmp(&b->range[b->n - 1], &r) <= 0)) {
		b->n = b->sorted = range_push(b->range, b->n, r);
		return;
	}
	b->range[b->n++] = r;
	atomic_store(&b->dirty, true);
}

/* Length of a telephone number (RFC 8226 9), 0 when it is none; *digits:
 * is it a number that can be counted on (no # and no *)? */
static size_t
number_length(const char *tn, bool *digits)
{
	size_t n = strspn(tn, "0123456789#*");

	*digits = strspn(tn, "0123456789") == n;
	return n <= DCA_TN_MAX && tn[n] == '\0' ? n : 0;
}

static uint64_t
number_value(const char *tn)
{
	uint64_t v = 0;

	for (; *tn != '\0'; tn++)
		v = 10 * v + (uint64_t)(*tn - '0');
	return v;
}

enum dca_rc
dca_tnset_add_number(struct dca_tnset *s, const char *tn, struct dca_err *e)
{
	bool digits;
	size_t n = number_length(tn, &digits);
	uint64_t v;

	if (n == 0)
		return dca_fail(e, DCA_RULE_TN_NUMBER,
		    "\"%.20s\" is not 1 to 15 of 0-9 # *", tn);
	if (!digits) {
		names_add(s, &s->b->literal, tn);
		return DCA_OK;
	}
	v = number_value(tn);
	dca_tnset_add_interval(s, (struct dca_tnrange){ v, v, (uint8_t)n });
	return DCA_OK;
}

enum dca_rc
dca_tnset_add_range(struct dca_tnset *s, const char *start, uint64_t count,
    struct dca_err *e)
{
	bool digits;
	size_t n = number_length(start, &digits);
	uint64_t lo;

	if (n == 0)
		return dca_fail(e, DCA_RULE_TN_NUMBER,
		    "range start \"%.20s\" is not 1 to 15 digits", start);
	if (!digits)
		return dca_fail(e, DCA_RULE_TN_RANGE,
		    "range start %s holds # or *: count does not apply", start);
	if (count < 1)
		return dca_fail(e, DCA_RULE_TN_COUNT,
		    "range from %s has count 0", start);
	lo = number_value(start);
	if (count > power10[n] - lo)
		return dca_fail(e, DCA_RULE_TN_RANGE,
		    "range %s+%llu leaves the numbers of %zu digits", start,
		    (unsigned long long)count, n);
	dca_tnset_add_interval(s,
	    (struct dca_tnrange){ lo, lo + count - 1, (uint8_t)n });
	return DCA_OK;
}

enum dca_rc
dca_tnset_add_spc(struct dca_tnset *s, const char *spc, size_t n,
    struct dca_err *e)
{
	char text[DCA_SPC_READ_MAX + 1];
	size_t i;

	if (n < 1 || n > DCA_SPC_READ_MAX)
		return dca_fail(e, DCA_RULE_TN_SPC,
		    "SPC of %zu characters (1 to %d)", n, DCA_SPC_READ_MAX);
	for (i = 0; i < n; i++)
		if (spc[i] < 0x20 || spc[i] > 0x7e)
			return dca_fail(e, DCA_RULE_TN_SPC,
			    "SPC holds the octet 0x%02x", (uint8_t)spc[i]);
	memcpy(text, spc, n);
	text[n] = '\0';
	names_add(s, &s->b->spc, text);
	return DCA_OK;
}

void
dca_tnset_union(struct dca_tnset *s, const struct dca_tnset *other)
{
	const struct body *o = settled(other);
	size_t i;

	if (s == other)
		return;
	for (i = 0; i < o->n; i++)
		dca_tnset_add_interval(s, o->range[i]);
	for (i = 0; i < o->spc.n; i++)
		names_add(s, &s->b->spc, o->spc.v[i]);
	for (i = 0; i < o->literal.n; i++)
		names_add(s, &s->b->literal, o->literal.v[i]);
}

/* ---- looking ---- */

bool
dca_tnset_empty(const struct dca_tnset *s)
{
	return !dca_tnset_has_spc(s) && !dca_tnset_has_numbers(s);
}

bool
dca_tnset_has_spc(const struct dca_tnset *s)
{
	return s->b->spc.n > 0;
}

bool
dca_tnset_has_numbers(const struct dca_tnset *s)
{
	return s->b->n > 0 || s->b->literal.n > 0;
}

static size_t
names_view(const struct names *set, const char *const **v)
{
	*v = (const char *const *)set->v;
	return set->n;
}

size_t
dca_tnset_spcs(const struct dca_tnset *s, const char *const **v)
{
	return names_view(&settled(s)->spc, v);
}

size_t
dca_tnset_literals(const struct dca_tnset *s, const char *const **v)
{
	return names_view(&settled(s)->literal, v);
}

size_t
dca_tnset_ranges(const struct dca_tnset *s, const struct dca_tnrange **v)
{
	const struct body *b = settled(s);

	*v = b->range;
	return b->n;
}
