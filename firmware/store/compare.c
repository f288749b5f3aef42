/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two stores, one view after the other, row by row in the same order: what is
 * in one must be in the other. Decides nothing about which one is right.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

/*
 * Ordered by what is unique in the view, so that the first difference is
 * found by walking both in step. Left out, because the ledger does not say
 * it: published, and codes and parts as a whole.
 */
static const struct view {
	const char *name, *sql;
} VIEWS[] = {
	{ "operators", "SELECT id, role, spki, active FROM operators"
		       " ORDER BY id" },
	{ "proposals", "SELECT id, act, actor, sha256, expires, state, signed,"
		       " data FROM proposals ORDER BY id" },
	{ "customers", "SELECT id, name, country, cn, passports, active,"
		       " changed, constraints FROM customers ORDER BY id" },
	{ "keys", "SELECT key, customer, pinned, until, first FROM keys"
		  " ORDER BY key" },
	{ "inventory", "SELECT spc, digits, lo, hi, seq FROM inventory"
		       " ORDER BY spc, digits, lo, hi" },
	{ "delegations", "SELECT customer, digits, lo, hi, not_before,"
			 " not_after, shared, span, seq FROM delegations"
			 " ORDER BY customer, digits, lo, hi, not_before,"
			 " not_after, shared" },
	{ "crosses", "SELECT id, active, installed, seq, chain FROM crosses"
		     " ORDER BY id" },
	{ "orders", "SELECT id, actor, scope, key, csr, state, proposal,"
		    " cross_id FROM orders ORDER BY id" },
	{ "certificates", "SELECT seq, serial, customer, key, csr, function,"
			  " not_before, not_after, cross_id, basis, revoked,"
			  " reason, predecessor FROM certificates"
			  " ORDER BY seq" },
	{ "holdings", "SELECT customer, digits, lo, hi, shared, span, until"
		      " FROM holdings ORDER BY customer, digits, lo, hi,"
		      " shared" },
	{ "held", "SELECT h.customer, h.digits, h.lo, h.hi, h.shared, x.until,"
		  " x.seq FROM held x LEFT JOIN holdings h ON h.n = x.holding"
		  " ORDER BY h.customer, h.digits, h.lo, h.hi, h.shared,"
		  " x.until, x.seq" },
	{ "badkeys", "SELECT key, why FROM badkeys ORDER BY key" },
};

/* A row as one short line for people. */
static void
row_text(char *out, size_t cap, sqlite3_stmt *q, bool there)
{
	DCA_AUTO_OUT o = { 0 };

	for (int i = 0; there && i < sqlite3_column_count(q); i++) {
		struct dca_buf b = { 0 };

		dca_out_printf(&o, i ? " " : "");
		if (sqlite3_column_type(q, i) == SQLITE_BLOB) {
			b = db_bytes(q, i);
			for (size_t k = 0; k < b.n && k < 20; k++)
				dca_out_printf(&o, "%02x", b.p[k]);
		} else {
			const char *t = (const char *)sqlite3_column_text(q, i);

			for (; t && *t; t++)
				dca_out_printf(&o, "%c",
				    isprint((unsigned char)*t) ? *t : '?');
		}
	}
	dca_out_add(&o, there ? "" : "no row", there ? 1 : 7);
	dca_strlcpy(out, (const char *)o.p, cap);
}

static bool
same_row(sqlite3_stmt *a, sqlite3_stmt *b)
{
	for (int i = 0; i < sqlite3_column_count(a); i++) {
		if (sqlite3_column_type(a, i) != sqlite3_column_type(b, i))
			return false;
		/* integers read as bytes are their decimal text */
		if (!dca_buf_eq(db_bytes(a, i), db_bytes(b, i)))
			return false;
	}
	return true;
}

static enum dca_rc
differs(const char *view, sqlite3_stmt *is, bool is_there, sqlite3_stmt *must,
    bool must_there, struct dca_err *e)
{
	char a[120], b[120];

	row_text(a, sizeof a, must, must_there);
	row_text(b, sizeof b, is, is_there);
	dca_fail(e, DCA_RULE_LEDGER_ROW,
	    "%s: the ledger says [%s], the store [%s]", view, a, b);
	if (e)
		dca_strlcpy(e->field, view, sizeof e->field);
	return dca_problem(DCA_RULE_LEDGER_ROW)->rc;
}

static enum dca_rc
prepare(struct dca_store *s, const char *sql, sqlite3_stmt **q,
    struct dca_err *e)
{
	int code = sqlite3_prepare_v2(s->db, sql, -1, q, NULL);

	return code == SQLITE_OK ? DCA_OK : db_fail(s, code, e);
}

static enum dca_rc
compare(struct dca_store *s, struct dca_store *must, const struct view *v,
    struct dca_err *e)
{
	DB_OWN_STMT a = NULL;
	DB_OWN_STMT b = NULL;
	enum dca_rc ra, rb;

	if ((ra = prepare(s, v->sql, &a, e)))
		return ra;
	if ((rb = prepare(must, v->sql, &b, e)))
		return rb;
	for (;;) {
		ra = db_get(s, a, e);
		rb = ra == DCA_IO ? ra : db_get(must, b, e);
		if (ra == DCA_IO || rb == DCA_IO)
			return DCA_IO;
		if (ra == DCA_NOTFOUND && rb == DCA_NOTFOUND)
			return DCA_OK;
		if (ra != rb || !same_row(a, b))
			return differs(v->name, a, ra == DCA_OK, b,
			    rb == DCA_OK, e);
	}
}

/* A refused act uses up a number too and leaves no act: at least is right. */
static enum dca_rc
compare_last_seq(struct dca_store *s, struct dca_store *must,
    struct dca_err *e)
{
	static const char SQL[] = "SELECT id, last_seq FROM operators"
				  " ORDER BY id";
	DB_OWN_STMT a = NULL;
	DB_OWN_STMT b = NULL;
	enum dca_rc rc;

	if ((rc = prepare(s, SQL, &a, e)) || (rc = prepare(must, SQL, &b, e)))
		return rc;
	while ((rc = db_get(s, a, e)) == DCA_OK &&
	    (rc = db_get(must, b, e)) == DCA_OK)
		if (db_int(a, 1) < db_int(b, 1))
			return differs("operators", a, true, b, true, e);
	return rc == DCA_NOTFOUND ? DCA_OK : rc;
}

enum dca_rc
compare_views(struct dca_store *s, struct dca_store *must, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	for (size_t i = 0; !rc && i < sizeof VIEWS / sizeof *VIEWS; i++)
		rc = compare(s, must, &VIEWS[i], e);
	return rc ? rc : compare_last_seq(s, must, e);
}
