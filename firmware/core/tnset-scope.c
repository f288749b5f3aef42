/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is one list of numbers inside another, do they meet, what do they share:
 * the decision the product rests on. Works on the canonical views alone, one
 * pass over two sorted lists each. Must never read DER, files or the clock:
 * its answers depend on its arguments.
 */
#include "dca/tnset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct names {
	const char *const *v;
	size_t n;
};

struct ranges {
	const struct dca_tnrange *v;
	size_t n;
};

static struct ranges
ranges_of(const struct dca_tnset *s)
{
	struct ranges l;

	l.n = dca_tnset_ranges(s, &l.v);
	return l;
}

static struct names
spcs_of(const struct dca_tnset *s)
{
	struct names l;

	l.n = dca_tnset_spcs(s, &l.v);
	return l;
}

static struct names
literals_of(const struct dca_tnset *s)
{
	struct names l;

	l.n = dca_tnset_literals(s, &l.v);
	return l;
}

/* Does a end before b begins? */
static bool
before(const struct dca_tnrange *a, const struct dca_tnrange *b)
{
	return a->digits != b->digits ? a->digits < b->digits : a->hi < b->lo;
}

static void
tell_number(char *first, uint64_t tn, uint8_t digits)
{
	if (first != NULL)
		dca_tnrange_print((struct dca_tnrange){ tn, tn, digits },
		    first);
}

/* A long SPC is cut in the message; the decision saw all of it. */
static void
tell_name(char *first, const char *prefix, const char *name)
{
	if (first != NULL)
		(void)snprintf(first, DCA_ENTRY_TEXT, "%s%.*s", prefix,
		    DCA_ENTRY_TEXT - 1 - (int)strlen(prefix), name);
}

/*
 * Parent intervals neither overlap nor touch: what follows the end of one is
 * not covered by the next, so a child interval is inside one or not at all.
 */
static bool
ranges_cover(struct ranges parent, struct ranges child, char *first)
{
	const struct dca_tnrange *p, *c;
	size_t i, j = 0;

	for (i = 0; i < child.n; i++) {
		c = &child.v[i];
		while (j < parent.n && before(&parent.v[j], c))
			j++;
		p = j < parent.n ? &parent.v[j] : NULL;
		if (p == NULL || p->digits != c->digits || p->lo > c->lo) {
			tell_number(first, c->lo, c->digits);
			return false;
		}
		if (p->hi < c->hi) {
			tell_number(first, p->hi + 1, c->digits);
			return false;
		}
	}
	return true;
}

static bool
names_cover(struct names parent, struct names child, const char *prefix,
    char *first)
{
	size_t i, j = 0;

	for (i = 0; i < child.n; i++) {
		while (j < parent.n && strcmp(parent.v[j], child.v[i]) < 0)
			j++;
		if (j == parent.n || strcmp(parent.v[j], child.v[i]) != 0) {
			tell_name(first, prefix, child.v[i]);
			return false;
		}
	}
	return true;
}

bool
dca_tnset_covers(const struct dca_tnset *parent, const struct dca_tnset *child,
    char *first)
{
	return names_cover(spcs_of(parent), spcs_of(child), "spc:", first) &&
	       ranges_cover(ranges_of(parent), ranges_of(child), first) &&
	       names_cover(literals_of(parent), literals_of(child), "", first);
}

bool
dca_tnset_equal(const struct dca_tnset *a, const struct dca_tnset *b)
{
	return dca_tnset_covers(a, b, NULL) && dca_tnset_covers(b, a, NULL);
}

/* What two sets share, in order: one interval or name per call. */
static bool
range_next(struct ranges *a, struct ranges *b, struct dca_tnrange *common)
{
	const struct dca_tnrange *x, *y;
	bool met = false;

	while (!met && a->n > 0 && b->n > 0) {
		x = a->v;
		y = b->v;
		met = !before(x, y) && !before(y, x);
		if (met)
			*common = (struct dca_tnrange){
				.lo = x->lo > y->lo ? x->lo : y->lo,
				.hi = x->hi < y->hi ? x->hi : y->hi,
				.digits = x->digits,
			};
		/* the one that ends first has nothing more to give */
		if (before(x, y) || (met && x->hi < y->hi)) {
			a->v++;
			a->n--;
		} else {
			b->v++;
			b->n--;
		}
	}
	return met;
}

static const char *
name_next(struct names *a, struct names *b)
{
	int cmp;

	while (a->n > 0 && b->n > 0) {
		cmp = strcmp(*a->v, *b->v);
		if (cmp <= 0) {
			a->v++;
			a->n--;
		}
		if (cmp >= 0) {
			b->v++;
			b->n--;
		}
		if (cmp == 0)
			return a->v[-1];
	}
	return NULL;
}

bool
dca_tnset_overlaps(const struct dca_tnset *a, const struct dca_tnset *b,
    char *first)
{
	struct names x = spcs_of(a), y = spcs_of(b);
	struct ranges p = ranges_of(a), q = ranges_of(b);
	struct dca_tnrange r;
	const char *name = name_next(&x, &y);

	if (name != NULL) {
		tell_name(first, "spc:", name);
		return true;
	}
	if (range_next(&p, &q, &r)) {
		tell_number(first, r.lo, r.digits);
		return true;
	}
	x = literals_of(a);
	y = literals_of(b);
	name = name_next(&x, &y);
	if (name != NULL)
		tell_name(first, "", name);
	return name != NULL;
}

struct dca_tnset *
dca_tnset_intersect(const struct dca_tnset *a, const struct dca_tnset *b)
{
	struct dca_tnset *out = dca_tnset_new();
	struct names x = spcs_of(a), y = spcs_of(b);
	struct ranges p = ranges_of(a), q = ranges_of(b);
	struct dca_tnrange r;
	const char *name;

	/* members of a set were checked when they came into it */
	while ((name = name_next(&x, &y)) != NULL)
		if (dca_tnset_add_spc(out, name, strlen(name), NULL) != DCA_OK)
			abort();
	while (range_next(&p, &q, &r))
		dca_tnset_add_interval(out, r);
	x = literals_of(a);
	y = literals_of(b);
	while ((name = name_next(&x, &y)) != NULL)
		if (dca_tnset_add_number(out, name, NULL) != DCA_OK)
			abort();
	return out;
}

/* --- what is left --- */

static void
ranges_minus(struct dca_tnset *out, struct ranges a, struct ranges b)
{
	size_t i, j = 0, k;
	struct dca_tnrange r;

	for (i = 0; i < a.n; i++) {
		r = a.v[i];
		while (j < b.n && before(&b.v[j], &r))
			j++;
		for (k = j; k < b.n && r.lo <= r.hi && !before(&r, &b.v[k]);
		    k++) {
			if (b.v[k].lo > r.lo)
				dca_tnset_add_interval(out,
				    (struct dca_tnrange){ r.lo,
				    b.v[k].lo - 1, r.digits });
			r.lo = b.v[k].hi + 1;
		}
		if (r.lo <= r.hi)
			dca_tnset_add_interval(out, r);
	}
}

static bool
has_name(struct names l, const char *name)
{
	for (size_t i = 0; i < l.n; i++)
		if (strcmp(l.v[i], name) == 0)
			return true;
	return false;
}

struct dca_tnset *
dca_tnset_minus(const struct dca_tnset *a, const struct dca_tnset *b)
{
	struct dca_tnset *out = dca_tnset_new();
	const struct names s = spcs_of(a), t = spcs_of(b);
	const struct names l = literals_of(a), m = literals_of(b);

	for (size_t i = 0; i < s.n; i++)
		if (!has_name(t, s.v[i]) && dca_tnset_add_spc(out, s.v[i],
		    strlen(s.v[i]), NULL) != DCA_OK)
			abort();
	ranges_minus(out, ranges_of(a), ranges_of(b));
	for (size_t i = 0; i < l.n; i++)
		if (!has_name(m, l.v[i]) &&
		    dca_tnset_add_number(out, l.v[i], NULL) != DCA_OK)
			abort();
	return out;
}
