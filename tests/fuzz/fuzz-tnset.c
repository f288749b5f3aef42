/* SPDX-License-Identifier: Apache-2.0 */
/* The text form of sets; two of them, separated by a new line, compared. */
#include "fuzz.h"

#include <string.h>

static struct dca_tnset *
read_set(const char *text)
{
	struct dca_tnset *s = dca_tnset_new();
	struct dca_err e = { 0 };
	enum dca_rc rc = dca_tnset_parse(s, text, &e);

	fuzz_refusal_holds(rc, &e);
	if (rc == DCA_OK && !dca_tnset_empty(s)) {
		fuzz_set_holds(s);
		return s;
	}
	dca_tnset_free(s);
	return NULL;
}

/* Union, intersection, covers and overlaps agree with one another. */
static void
compare(const struct dca_tnset *a, const struct dca_tnset *b)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *both =
	    dca_tnset_intersect(a, b);
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *all = dca_tnset_dup(a);
	char first[DCA_ENTRY_TEXT] = "";
	bool covers = dca_tnset_covers(a, b, first);

	dca_tnset_union(all, b);
	HOLDS(dca_tnset_covers(all, a, NULL));
	HOLDS(dca_tnset_covers(all, b, NULL));
	HOLDS(dca_tnset_covers(a, both, NULL));
	HOLDS(dca_tnset_covers(b, both, NULL));
	HOLDS(covers == dca_tnset_equal(all, a));
	HOLDS(covers == dca_tnset_equal(both, b));
	HOLDS(covers == (first[0] == '\0'));
	HOLDS(dca_tnset_overlaps(a, b, NULL) == !dca_tnset_empty(both));
	HOLDS(dca_tnset_overlaps(b, a, NULL) == !dca_tnset_empty(both));
	HOLDS(dca_tnset_equal(a, b) ==
	    (covers && dca_tnset_covers(b, a, NULL)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *a = NULL;
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *b = NULL;
	DCA_AUTO_OUT text = { 0 };
	char *second;

	dca_out_add(&text, p, n);
	dca_out_add(&text, "\n", 1);
	second = memchr(text.p, '\n', text.n);
	*second++ = '\0';
	a = read_set((const char *)text.p);
	b = read_set(second);
	if (a != NULL && b != NULL)
		compare(a, b);
	return 0;
}
