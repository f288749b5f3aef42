/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports in parts: rows wait for the last part and apply as of its row, as
 * they did in the vault. Never applies a part alone.
 */
#include <stdio.h>
#include <string.h>

#include "replay.h"

static bool
take_range(struct dca_cbor *c, struct dca_tnrange *out)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *one = dca_tnset_new();
	const struct dca_tnrange *v;
	char start[24];
	uint64_t count;

	if (!dca_cbor_take_text(c, start, sizeof start) ||
	    !dca_cbor_take_uint(c, &count) || count == 0 ||
	    dca_tnset_add_range(one, start + (start[0] == '+'), count, NULL) ||
	    dca_tnset_ranges(one, &v) != 1)
		return false;
	*out = v[0];
	return true;
}

/* [start, count, spc] */
static enum dca_rc
inventory_row(struct replay *r, struct dca_cbor *c, struct dca_err *e)
{
	struct dca_inventory_row i;

	if (!take_range(c, &i.range) ||
	    !dca_cbor_take_text(c, i.spc, sizeof i.spc))
		return replay_absent("a row", e);
	return dca_store_inventory_add(r->to, &i, r->row->seq, e);
}

/* [customer, start, count, not_before, not_after, shared] */
static enum dca_rc
delegation_row(struct replay *r, struct dca_cbor *c, struct dca_err *e)
{
	struct dca_delegation d;

	if (!dca_cbor_take_text(c, d.customer, sizeof d.customer) ||
	    !take_range(c, &d.range) || !dca_cbor_take_int(c, &d.not_before) ||
	    !dca_cbor_take_int(c, &d.not_after) ||
	    !dca_cbor_take_bool(c, &d.shared))
		return replay_absent("a row", e);
	return dca_store_delegation_add(r->to, &d, r->row->seq, e);
}

static enum dca_rc
import_rows(unsigned part, struct dca_buf rows, void *arg, struct dca_err *e)
{
	struct replay *r = arg;
	struct dca_cbor c = { .in = rows };
	bool inventory = r->act.name[0] == 'i';
	size_t n = 0, cells;
	enum dca_rc rc = DCA_OK;

	(void)part;
	if (!dca_cbor_take_array(&c, &n, DCA_ACT_MAX))
		return replay_absent("rows", e);
	while (!rc && n--) {
		if (!dca_cbor_take_array(&c, &cells, 6) ||
		    cells != (inventory ? 3 : 6))
			return replay_absent("a row", e);
		rc = inventory ? inventory_row(r, &c, e) :
				 delegation_row(r, &c, e);
	}
	return rc;
}

/* Parts wait for the last one; then all rows apply with its seq. */
enum dca_rc
replay_import(struct replay *r, struct dca_err *e)
{
	char import[DCA_ID_MAX + 1], name[3 * DCA_ID_MAX];
	struct dca_buf args = r->act.args, rows = { 0 };
	struct dca_cbor v;
	uint64_t part = 0, of = 0;
	enum dca_rc rc;

	if ((rc = replay_text(args, "import", import, sizeof import, e)) ||
	    (rc = replay_uint(args, "part", &part, e)) ||
	    (rc = replay_uint(args, "of", &of, e)))
		return rc;
	if (!dca_cbor_find(args, "rows", &v) || !dca_cbor_skip(&v, &rows) ||
	    part >= of || of > UINT16_MAX)
		return replay_absent("rows, part or of", e);
	/* parts belong to one operator and one kind of import */
	snprintf(name, sizeof name, "%c:%s:%s", r->act.name[0], r->act.op,
	    import);
	if ((rc = dca_store_part_add(r->to, name, (unsigned)part, (unsigned)of,
		 rows, e)) || dca_store_parts(r->to, name) != of)
		return rc;
	rc = dca_store_part_each(r->to, name, import_rows, r, e);
	dca_store_part_drop(r->to, name);
	return rc;
}
