/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TN sets: the authority a TNAuthList grants, normalised (RFC 8226 9, RFC 9060
 * 4.1: the union of all entries). Numbers are closed intervals per digit
 * length (0100 is not 100), sorted, merged when they touch; numbers with # or
 * * are literals; SPCs are byte-exact strings in a name space of their own.
 *
 * This is the decision the whole product rests on: pure, total, small.
 */
#ifndef DCA_TNSET_H
#define DCA_TNSET_H

#include "dca/base.h"

enum {
	DCA_TN_MAX = 15,
	DCA_SPC_MAX = 64,		/* of a provider in a register */
	DCA_SPC_READ_MAX = 1024,	/* in a list: RFC 8226 9 has no size */
	DCA_ENTRY_TEXT = 48,
};

struct dca_tnrange {
	uint64_t lo, hi;	/* closed; hi < 10^digits */
	uint8_t digits;		/* 1..15 */
};

struct dca_tnset;

struct dca_tnset *dca_tnset_new(void);
struct dca_tnset *dca_tnset_dup(const struct dca_tnset *s);
void dca_tnset_free(struct dca_tnset *s);	/* NULL ok */
DCA_DEFINE_CLEANUP(struct dca_tnset, dca_tnset_free);

/*
 * Adding checks form: TN_NUMBER, TN_RANGE, TN_SPC. count numbers of
 * strlen(start) digits from start; count >= 1 here. A range may end at
 * 10^digits - 1 (what a CA may not emit as one entry, it can still mean).
 */
enum dca_rc dca_tnset_add_number(struct dca_tnset *s, const char *tn,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_tnset_add_range(struct dca_tnset *s, const char *start,
    uint64_t count, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_tnset_add_spc(struct dca_tnset *s, const char *spc, size_t n,
    struct dca_err *e) DCA_CHECKED;
/* r must be well formed (asserted). */
void dca_tnset_add_interval(struct dca_tnset *s, struct dca_tnrange r);
/* Union, intersection (a new set, caller frees). */
void dca_tnset_union(struct dca_tnset *s, const struct dca_tnset *other);
struct dca_tnset *dca_tnset_intersect(const struct dca_tnset *a,
    const struct dca_tnset *b);
/* What of a is not in b (a new set). */
struct dca_tnset *dca_tnset_minus(const struct dca_tnset *a,
    const struct dca_tnset *b);

/*
 * Is every member of child in parent? Otherwise first (DCA_ENTRY_TEXT octets,
 * may be NULL) names the first member that is not: the lowest uncovered
 * number ("12025550200"), literal or "spc:709J". An SPC covers only itself:
 * numbers under an SPC need an inventory, which the caller unites first.
 */
bool dca_tnset_covers(const struct dca_tnset *parent,
    const struct dca_tnset *child, char *first);
/* A common number (literal, SPC) in both? first as above. */
bool dca_tnset_overlaps(const struct dca_tnset *a, const struct dca_tnset *b,
    char *first);
bool dca_tnset_equal(const struct dca_tnset *a, const struct dca_tnset *b);

bool dca_tnset_empty(const struct dca_tnset *s);
bool dca_tnset_has_spc(const struct dca_tnset *s);
bool dca_tnset_has_numbers(const struct dca_tnset *s);	/* or literals */

/* Canonical views, borrowed until the set changes. Order of dca(7) FORMATS: SPCs
 * bytewise; intervals by (digits, low); literals bytewise. */
size_t dca_tnset_spcs(const struct dca_tnset *s, const char *const **v);
size_t dca_tnset_ranges(const struct dca_tnset *s,
    const struct dca_tnrange **v);
size_t dca_tnset_literals(const struct dca_tnset *s, const char *const **v);

/* 12025550100, 12025550100+100, spc:709J, comma separated; space, comma and
 * backslash in a foreign SPC are \xx. */
void dca_tnset_print(const struct dca_tnset *s, struct dca_out *o);
/* Text form of one interval: "12025550100" or "12025550100+100". */
void dca_tnrange_print(struct dca_tnrange r, char out[static DCA_ENTRY_TEXT]);
/* Reads the text form; a leading + of a number is dropped (RFC 8224 8.3). */
enum dca_rc dca_tnset_parse(struct dca_tnset *s, const char *text,
    struct dca_err *e) DCA_CHECKED;

#endif
