/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports of inventory and delegations, in parts. All rows are tried inside
 * the act's savepoint and every bad one is named; a single bad row undoes
 * them all. Must never keep part of an import.
 */
#include <stdio.h>
#include <string.h>

#include "act.h"

enum { PARTS_MAX = 4096, ERRORS_MAX = 1000, WARNINGS_MAX = 500 };

struct note_list {
	struct dca_out items;
	unsigned n;
};

struct import {
	struct act_call *c;
	const struct import_kind *kind;
	uint64_t row;			/* counted over all parts */
	struct note_list errors, warnings;
	char customer[DCA_ID_MAX + 1];	/* last one found in the register */
	struct vault_cross *cross;
};

struct import_kind {
	const char *prefix;
	enum dca_rc (*row)(struct import *im, struct dca_cbor *c,
	    struct dca_err *e);
	bool warns;
};

/* [row, rule, text] */
static void
note(struct note_list *l, uint64_t row, const struct dca_err *e)
{
	dca_cbor_array(&l->items, 3);
	dca_cbor_uint(&l->items, row);
	dca_cbor_text(&l->items, dca_problem(e->rule)->id);
	dca_cbor_text(&l->items, e->text);
	l->n++;
}

static void
put_notes(struct dca_out *o, const char *name, const struct note_list *l)
{
	dca_cbor_text(o, name);
	dca_cbor_array(o, l->n);
	dca_out_add(o, l->items.p, l->items.n);
}

static enum dca_rc
take_range(struct dca_cbor *c, struct dca_tnrange *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *one = NULL;
	const struct dca_tnrange *ranges;
	uint64_t count = 0;
	char start[24];
	enum dca_rc rc;

	if (!dca_cbor_take_text(c, start, sizeof(start)) ||
	    !dca_cbor_take_uint(c, &count))
		return dca_fail(e, DCA_RULE_TN_NUMBER,
		    "start is not a text of at most 16 characters, or count "
		    "is not a number");
	if (count < 1)
		return dca_fail(e, DCA_RULE_TN_COUNT, "count is at least 1");
	one = dca_tnset_new();
	rc = dca_tnset_add_range(one, start + (start[0] == '+'), count, e);
	if (rc)
		return rc;
	if (dca_tnset_ranges(one, &ranges) != 1)
		return dca_fail(e, DCA_RULE_TN_NUMBER,
		    "%s is not a number of digits", start);
	*r = ranges[0];
	return DCA_OK;
}

static enum dca_rc
bad_row(struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_REG_ACT,
	    "the row has not the columns of this import");
}

/* [start, count, spc] */
static enum dca_rc
inventory_row(struct import *im, struct dca_cbor *c, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *one = NULL;
	struct dca_inventory_row r = { 0 };
	size_t n;
	enum dca_rc rc;

	if (!dca_cbor_take_array(c, &n, 3) || n != 3)
		return bad_row(e);
	if ((rc = take_range(c, &r.range, e)))
		return rc;
	if (!dca_cbor_take_text(c, r.spc, sizeof(r.spc)))
		return dca_fail(e, DCA_RULE_TN_SPC, "spc is not a text of at "
		    "most %d characters", (int)DCA_SPC_MAX);
	one = dca_tnset_new();
	if ((rc = dca_tnset_add_spc(one, r.spc, strlen(r.spc), e)))
		return rc;
	return dca_store_inventory_add(im->c->v->store, &r, im->c->seq, e);
}

static enum dca_rc
take_limits(struct dca_cbor *c, struct dca_delegation *d, struct dca_err *e)
{
	uint64_t from = 0, to = 0;

	if (!dca_cbor_take_uint(c, &from) || !dca_cbor_take_uint(c, &to) ||
	    !dca_cbor_take_bool(c, &d->shared) || from > INT64_MAX / 2 ||
	    to > INT64_MAX / 2)
		return bad_row(e);
	if (to && to <= from)
		return dca_fail(e, DCA_RULE_REG_FIELD,
		    "not_after is not after not_before");
	d->not_before = (int64_t)from;
	d->not_after = (int64_t)to;
	return DCA_OK;
}

static enum dca_rc
check_customer(struct import *im, const char *id, struct dca_err *e)
{
	struct dca_customer c;
	enum dca_rc rc;

	if (strcmp(im->customer, id) == 0)
		return DCA_OK;
	rc = dca_store_customer(im->c->v->store, id, &c, e);
	if (rc == DCA_OK)
		(void)dca_strlcpy(im->customer, id, sizeof(im->customer));
	return rc;
}

/* Stored, and never issued from (dca(7) LIMITS). */
static void
warn_outside(struct import *im, const struct dca_delegation *d)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *one = NULL;
	char first[DCA_ENTRY_TEXT];
	struct dca_err e = { 0 };

	if (!im->cross || im->warnings.n >= WARNINGS_MAX)
		return;
	one = dca_tnset_new();
	dca_tnset_add_interval(one, d->range);
	if (dca_tnset_covers(im->cross->scope, one, first))
		return;
	(void)dca_fail(&e, DCA_RULE_SCOPE_CROSS, "%s is outside the "
	    "cross-certificate: stored, not issued from", first);
	note(&im->warnings, im->row, &e);
}

/* [customer, start, count, not_before, not_after, shared] */
static enum dca_rc
delegation_row(struct import *im, struct dca_cbor *c, struct dca_err *e)
{
	struct dca_delegation d = { 0 };
	size_t n;
	enum dca_rc rc;

	if (!dca_cbor_take_array(c, &n, 6) || n != 6 ||
	    !dca_cbor_take_text(c, d.customer, sizeof(d.customer)))
		return bad_row(e);
	if ((rc = check_customer(im, d.customer, e)) ||
	    (rc = take_range(c, &d.range, e)) ||
	    (rc = take_limits(c, &d, e)) ||
	    (rc = dca_store_delegation_add(im->c->v->store, &d, im->c->seq,
		 e)))
		return rc;
	warn_outside(im, &d);
	return DCA_OK;
}

/* One part; errors are noted and reading goes on with the next row. */
static enum dca_rc
apply_part(unsigned part, struct dca_buf rows, void *arg, struct dca_err *e)
{
	struct import *im = arg;
	struct dca_cbor c = { .in = rows };
	size_t n = 0;

	(void)part;
	if (!dca_cbor_take_array(&c, &n, DCA_ACT_MAX))
		return dca_fail(e, DCA_RULE_INTERNAL, "staged part is no array");
	for (; n-- && im->errors.n < ERRORS_MAX; im->row++) {
		struct dca_cbor row = { 0 };
		struct dca_err why = { 0 };
		enum dca_rc rc;

		if (!dca_cbor_skip(&c, &row.in))
			return dca_fail(e, DCA_RULE_INTERNAL,
			    "staged part is cut");
		rc = im->kind->row(im, &row, &why);
		if (rc == DCA_OK)
			continue;
		if (rc > DCA_NOTFOUND) {
			*e = why; /* not the row's fault */
			return rc;
		}
		note(&im->errors, im->row, &why);
	}
	return DCA_OK;
}

static void
import_clear(struct import *im)
{
	vault_cross_unref(im->cross);
	dca_out_free(&im->errors.items);
	dca_out_free(&im->warnings.items);
}

static enum dca_rc
apply_all(struct act_call *c, const struct import_kind *kind,
    const char *name, unsigned of, struct dca_err *e)
{
	DCA_CLEANUP(import_clear) struct import im = { .c = c, .kind = kind };
	enum dca_rc rc;

	if (kind->warns)
		im.cross = vault_cross_ref(vault_cross_active(c->v));
	rc = dca_store_part_each(c->v->store, name, apply_part, &im, e);
	if (rc)
		return rc;
	if (im.errors.n) {
		/* The parts before this one stay staged, as the ledger has
		 * them: a replay of it comes to the same. */
		dca_cbor_map(&c->answer, 1);
		put_notes(&c->answer, "errors", &im.errors);
		return dca_fail(e, DCA_RULE_REG_IMPORT,
		    "%u of %llu rows refused, nothing was changed",
		    im.errors.n, (unsigned long long)im.row);
	}
	dca_store_part_drop(c->v->store, name);
	vault_cross_forget(c->v); /* the inventory is part of its scope */
	dca_cbor_map(&c->answer, kind->warns ? 3 : 2);
	dca_cbor_text(&c->answer, "rows");
	dca_cbor_uint(&c->answer, im.row);
	dca_cbor_text(&c->answer, "staged");
	dca_cbor_uint(&c->answer, of);
	if (kind->warns)
		put_notes(&c->answer, "warnings", &im.warnings);
	return DCA_OK;
}

static enum dca_rc
import_act(struct act_call *c, const struct import_kind *kind,
    struct dca_err *e)
{
	char import[DCA_ID_MAX + 1] = "", name[3 * DCA_ID_MAX];
	uint64_t part = 0, of = 0;
	struct dca_buf rows = { NULL, 0 };
	struct act_arg v[] = {
		{ .name = "import", .kind = ACT_TEXT, .to = import,
		  .cap = sizeof(import) },
		{ .name = "part", .kind = ACT_UINT, .to = &part,
		  .cap = PARTS_MAX - 1 },
		{ .name = "of", .kind = ACT_UINT, .to = &of,
		  .cap = PARTS_MAX },
		{ .name = "rows", .kind = ACT_ITEM, .to = &rows },
	};
	struct dca_cbor peek;
	unsigned staged;
	size_t n = 0;
	enum dca_rc rc = act_args(c->act->args, v, 4, e);

	if (rc)
		return rc;
	peek = (struct dca_cbor){ .in = rows };
	if (!import[0] || of == 0 || part >= of ||
	    !dca_cbor_take_array(&peek, &n, DCA_ACT_MAX))
		return dca_fail(e, DCA_RULE_REG_ACT, "an import has a name, "
		    "part 0 to of-1, and an array of rows");
	/* Parts belong to one operator and one kind of import. */
	(void)snprintf(name, sizeof(name), "%s:%s:%s", kind->prefix, c->op->id,
	    import);
	rc = dca_store_part_add(c->v->store, name, (unsigned)part,
	    (unsigned)of, rows, e);
	if (rc)
		return rc;
	staged = dca_store_parts(c->v->store, name);
	if (staged == of)
		return apply_all(c, kind, name, (unsigned)of, e);
	dca_cbor_map(&c->answer, 2);
	dca_cbor_text(&c->answer, "rows");
	dca_cbor_uint(&c->answer, n);
	dca_cbor_text(&c->answer, "staged");
	dca_cbor_uint(&c->answer, staged);
	return DCA_OK;
}

enum dca_rc
act_inventory_import(struct act_call *c, struct dca_err *e)
{
	static const struct import_kind kind = { "i", inventory_row, false };

	return import_act(c, &kind, e);
}

enum dca_rc
act_delegation_import(struct act_call *c, struct dca_err *e)
{
	static const struct import_kind kind = { "d", delegation_row, true };

	return import_act(c, &kind, e);
}
