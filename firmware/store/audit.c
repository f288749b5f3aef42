/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each operator did, counted while the ledger is replayed (replay.c has
 * checked the signatures of what took effect). Signed acts that were refused
 * are checked here: their row accuses somebody. Never counts what does not
 * verify.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

struct audit {
	struct dca_operator_audit *v;
	size_t n, cap;
};

struct audit *
audit_new(void)
{
	struct audit *a = dca_alloc(sizeof *a);

	memset(a, 0, sizeof *a);
	return a;
}

void
audit_free(struct audit *a)
{
	if (a)
		free(a->v);
	free(a);
}

static struct dca_operator_audit *
of(struct audit *a, const char *id)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].op.id, id) == 0)
			return &a->v[i];
	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 16;
		a->v = dca_realloc(a->v, a->cap * sizeof *a->v);
	}
	a->v[a->n] = (struct dca_operator_audit){ 0 };
	dca_strlcpy(a->v[a->n].op.id, id, sizeof a->v[a->n].op.id);
	return &a->v[a->n++];
}

/* The number of a refused act may be one that was used: that is why some are
 * refused. Everything else must be as in an act that took effect. */
static enum dca_rc
refused(struct replay *r, const char *id, struct dca_buf cose,
    struct dca_err *e)
{
	struct dca_buf payload, sig;
	struct dca_operator op;
	struct dca_spki key;
	struct dca_act act;
	enum dca_rc rc;

	if ((rc = dca_cose_parse(cose, &payload, &sig, e)) ||
	    (rc = dca_act_parse(&act, payload, e)) ||
	    (rc = dca_store_operator(r->to, id, &op, e)))
		return rc;
	if (strcmp(act.op, id) != 0)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "the refused act is not of %s", id);
	memcpy(key.der, op.spki, sizeof key.der);
	return dca_cose_verify(cose, &key, e);
}

static void
count(struct dca_operator_audit *o, const struct dca_row *row)
{
	char act[DCA_ACT_NAME] = "";
	struct dca_cbor v;

	if (dca_cbor_find(row->body, "act", &v))
		(void)!dca_cbor_take_text(&v, act, sizeof act);
	if (strcmp(row->kind, "propose") == 0)
		o->proposed++;
	else if (strcmp(row->kind, "refuse") == 0)
		o->refused++;
	else if (strcmp(act, "approve") == 0)
		o->approved++;
	else
		o->acts++;
	if (!o->first_row)
		o->first_row = row->seq;
	o->last_row = row->seq;
}

enum dca_rc
audit_row(struct replay *r, struct dca_err *e)
{
	const struct dca_row *row = r->row;
	struct dca_cbor v;
	struct dca_buf cose = { 0 };
	const char *id = row->actor + 9;
	enum dca_rc rc = DCA_OK;

	if (strncmp(row->actor, "operator:", 9) != 0)
		return DCA_OK;
	if (strcmp(row->kind, "act") != 0 && strcmp(row->kind, "propose") != 0 &&
	    strcmp(row->kind, "refuse") != 0)
		return DCA_OK;
	/* a row that counts refusals has no signature */
	if (!dca_cbor_find(row->body, "cose", &v))
		return DCA_OK;
	if (!dca_cbor_take_bytes(&v, &cose, DCA_ACT_MAX))
		return replay_absent("cose", e);
	if (strcmp(row->kind, "refuse") == 0)
		rc = refused(r, id, cose, e);
	if (rc == DCA_OK)
		count(of(r->audit, id), row);
	return rc;
}

static enum dca_rc
tell(struct replay *r, const char *id, dca_operator_audit_fn fn, void *arg,
    struct dca_err *e)
{
	struct dca_operator_audit *o = of(r->audit, id);
	enum dca_rc rc = dca_store_operator(r->to, id, &o->op, e);

	if (rc == DCA_OK)
		fn(o, arg);
	return rc;
}

/* In the order in which they were added, those who signed nothing too. */
enum dca_rc
audit_tell(struct replay *r, dca_operator_audit_fn fn, void *arg,
    struct dca_err *e)
{
	DB_OWN_STMT q = NULL;
	char id[DCA_ID_MAX + 1];
	enum dca_rc rc;
	int code = sqlite3_prepare_v2(r->to->db,
	    "SELECT id FROM operators ORDER BY n", -1, &q, NULL);

	if (code != SQLITE_OK)
		return db_fail(r->to, code, e);
	while ((rc = db_get(r->to, q, e)) == DCA_OK) {
		db_text(q, 0, id, sizeof id);
		if ((rc = tell(r, id, fn, arg, e)))
			return rc;
	}
	return rc == DCA_NOTFOUND ? DCA_OK : rc;
}
