/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain that was accepted, as what is left of it: the leaf and the numbers
 * it may sign for (RFC 8226 9). It holds copies and outlives its verifier.
 */
#include "relying.h"

#include <stdlib.h>
#include <string.h>

/* The numbers behind the SPCs of list, added to it; NULL: there are none. */
static struct dca_tnset *
behind_spcs(const struct dca_verifier *v, const struct dca_tnset *list)
{
	struct dca_tnset *s = NULL;
	const struct dca_tnset *numbers;
	const char *const *spcs;
	size_t i, n = dca_tnset_spcs(list, &spcs);

	for (i = 0; i < n; i++) {
		numbers = relying_numbers((void *)(uintptr_t)v, spcs[i]);
		if (numbers == NULL)
			continue;
		if (s == NULL)
			s = dca_tnset_dup(list);
		dca_tnset_union(s, numbers);
	}
	return s;
}

struct dca_verified *
relying_accept(const struct dca_verifier *v, struct dca_cert *leaf)
{
	struct dca_verified *l = dca_alloc(sizeof(*l));

	l->leaf = *leaf;
	*leaf = (struct dca_cert){ .path_len = -1 };
	l->numbers = behind_spcs(v, l->leaf.scope);
	return l;
}

void
dca_verified_free(struct dca_verified *l)
{
	if (l == NULL)
		return;
	dca_cert_clear(&l->leaf);
	dca_tnset_free(l->numbers);
	free(l);
}

int
dca_verified_may_sign(const struct dca_verified *l, const char *number)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s = dca_tnset_new();

	if (dca_tnset_add_number(s, number + (number[0] == '+'), NULL) !=
	    DCA_OK)
		return 0;
	return dca_tnset_covers(l->numbers != NULL ? l->numbers :
	    l->leaf.scope, s, NULL);
}

size_t
dca_verified_scope(const struct dca_verified *l, char *out, size_t cap)
{
	DCA_AUTO_OUT text = { 0 };

	dca_tnset_print(l->leaf.scope, &text);
	if (cap > 0)
		(void)dca_strlcpy(out, (const char *)text.p, cap);
	return text.n;
}

const void *
dca_verified_leaf(const struct dca_verified *l, size_t *n)
{
	*n = l->leaf.der.n;
	return l->leaf.der.p;
}

const void *
dca_verified_key(const struct dca_verified *l, size_t *n)
{
	*n = l->leaf.spki.n;
	return l->leaf.spki.p;
}
