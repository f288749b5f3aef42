/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TNAuthLists read twice: the way the published compliance reports look for
 * the one SPC of a SHAKEN certificate, which forgives much, and the way RFC
 * 8226 9 says, which forgives nothing. Neither refuses the certificate: a
 * broken list is what rules tell about.
 */
#include "lint-parts.h"

#include <stdio.h>
#include <string.h>

static bool
is_spc_string(unsigned id)
{
	return id == LINT_IA5 || id == LINT_PRINTABLE || id == LINT_UTF8 ||
	    id == LINT_NUMERIC || id == LINT_T61 || id == LINT_GENERAL ||
	    id == LINT_BMP;
}

static enum lint_spc
find_spc(struct dca_lint_cert *c)
{
	struct dca_buf in = c->tnlist->value;
	struct lint_tlv list, child, s;
	bool bad = false;

	if (lint_take(&in, LINT_SEQUENCE, &list) != NULL)
		return LINT_SPC_BAD;
	while (list.value.n > 0) {
		if (lint_next(&list.value, &child) != NULL)
			return LINT_SPC_BAD;
		if (child.number != 0) {
			c->n_other_entries++;
			c->n_tn_entries += child.number <= 2;
			continue;
		}
		c->n_spc_entries++;
		if (lint_next(&child.value, &s) != NULL ||
		    !is_spc_string(s.id) || !lint_text(c, &s, &c->spc))
			bad = true;
	}
	if (bad)
		return LINT_SPC_BAD;
	if (c->n_spc_entries != 1)
		return LINT_SPC_COUNT;
	return c->spc.n == 0 ? LINT_SPC_EMPTY : LINT_SPC_OK;
}

static bool
fault(struct dca_lint_cert *c, size_t entry, const char *why)
{
	(void)snprintf(c->tn_why, sizeof(c->tn_why), "entry %zu: %.140s",
	    entry, why);
	return false;
}

/* TelephoneNumber (RFC 8226 9) as a terminated text. */
static const char *
number_text(struct dca_buf *in, char out[static DCA_TN_MAX + 1])
{
	struct lint_tlv t;
	const char *why = lint_take(in, LINT_IA5, &t);
	size_t i;

	if (why != NULL)
		return why;
	if (t.value.n < 1 || t.value.n > DCA_TN_MAX)
		return "telephone number is not 1 to 15 characters";
	for (i = 0; i < t.value.n; i++)
		if ((t.value.p[i] < '0' || t.value.p[i] > '9') &&
		    t.value.p[i] != '#' && t.value.p[i] != '*')
			return "telephone number is not of 0-9 # *";
	memcpy(out, t.value.p, t.value.n);
	out[t.value.n] = '\0';
	return NULL;
}

static const char *
read_spc(struct dca_lint_cert *c, struct dca_buf *in, struct dca_err *e)
{
	struct lint_tlv t;
	const char *why = lint_take(in, LINT_IA5, &t);

	if (why != NULL)
		return why;
	if (dca_tnset_add_spc(c->tnset, (const char *)t.value.p, t.value.n,
	    e) != DCA_OK)
		return e->text;
	c->n_spc++;
	return NULL;
}

static const char *
read_range(struct dca_lint_cert *c, struct dca_buf *in, struct dca_err *e)
{
	char start[DCA_TN_MAX + 1];
	struct lint_tlv seq, t;
	int64_t count = 0;
	const char *why = lint_take(in, LINT_SEQUENCE, &seq);

	if (why == NULL)
		why = number_text(&seq.value, start);
	if (why == NULL)
		why = lint_take(&seq.value, LINT_INTEGER, &t);
	if (why == NULL)
		why = lint_int64(t.value, &count);
	if (why == NULL && seq.value.n > 0)
		why = "octets behind the count";
	if (why == NULL && count < 2)
		why = "count of a range is below 2";
	if (why != NULL)
		return why;
	if (dca_tnset_add_range(c->tnset, start, (uint64_t)count, e) != DCA_OK)
		return e->text;
	c->n_range++;
	return NULL;
}

static const char *
read_one(struct dca_lint_cert *c, struct dca_buf *in, struct dca_err *e)
{
	char number[DCA_TN_MAX + 1];
	const char *why = number_text(in, number);

	if (why != NULL)
		return why;
	if (dca_tnset_add_number(c->tnset, number, e) != DCA_OK)
		return e->text;
	c->n_one++;
	return NULL;
}

/* TNEntry: a CHOICE with explicit tags 0, 1, 2. */
static const char *
read_entry(struct dca_lint_cert *c, struct dca_buf *list, struct dca_err *e)
{
	static const char *(*const read[])(struct dca_lint_cert *,
	    struct dca_buf *, struct dca_err *) = { read_spc, read_range,
		read_one };
	struct lint_tlv t;
	const char *why = lint_next(list, &t);

	if (why != NULL)
		return why;
	if ((t.id & 0xe0) != (LINT_CONTEXT | LINT_CONSTRUCTED) || t.number > 2)
		return "is not explicitly tagged [0], [1] or [2]";
	why = read[t.number](c, &t.value, e);
	if (why == NULL && t.value.n > 0)
		why = "octets behind the entry";
	return why;
}

static bool
read_strictly(struct dca_lint_cert *c)
{
	struct dca_buf in = c->tnlist->value;
	struct dca_err e = { 0 };
	struct lint_tlv list;
	const char *why = lint_take(&in, LINT_SEQUENCE, &list);
	size_t n = 0;

	if (why == NULL && in.n > 0)
		why = "octets behind the list";
	if (why == NULL && list.value.n == 0)
		why = "list has no entry";
	if (why != NULL)
		return fault(c, 0, why);
	while (list.value.n > 0) {
		n++;
		why = read_entry(c, &list.value, &e);
		if (why != NULL)
			return fault(c, n, why);
	}
	return true;
}

void
lint_read_tnlist(struct dca_lint_cert *c)
{
	c->spc_result = LINT_SPC_ABSENT;
	if (c->tnlist == NULL)
		return;
	c->tnset = dca_tnset_new();
	c->tn_well_formed = read_strictly(c);
	c->spc_result = find_spc(c);
}
