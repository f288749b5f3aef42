/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acts (dca(7) TRUST): one table says what there is and who may; every act is
 * verified, recorded with its signature and applied in one savepoint, so that
 * a refused one changes nothing but the refusal's own row. Must never apply an
 * act whose row is not in the same group.
 */
#include "board.h"
#include "claim.h"
#include "order.h"
#include "proposal.h"

#include <stdio.h>
#include <string.h>

enum { ACT_AGE_MAX = 3600 };

/* Who may do what stands in core/act-roles.c, and nowhere else. */
static const struct act_row {
	const char *name;
	bool makes_code;
	act_handler apply;
	act_handler prepare;	/* before the row; NULL: nothing */
} acts[] = {
	{ "operator.add", false, act_operator_add, NULL },
	{ "operator.claim", false, act_operator_claim, NULL },
	{ "operator.remove", false, act_operator_remove, NULL },
	{ "approve", false, act_approve, NULL },
	{ "proposal.drop", false, act_proposal_drop, NULL },
	{ "customer.add", false, act_customer_add, NULL },
	{ "customer.set", false, act_customer_set, NULL },
	{ "customer.suspend", false, act_customer_suspend, NULL },
	{ "customer.resume", false, act_customer_resume, NULL },
	{ "customer.pin", false, act_customer_pin, NULL },
	{ "customer.unpin", false, act_customer_unpin, NULL },
	{ "inventory.import", false, act_inventory_import, NULL },
	{ "delegation.import", false, act_delegation_import, NULL },
	{ "delegation.remove", false, act_delegation_remove,
	  act_delegation_prepare },
	{ "delegation.end", false, act_delegation_end,
	  act_delegation_prepare },
	{ "revoke", false, act_revoke,
	  act_revoke_prepare },
	{ "code.create", true, act_code_create, NULL },
	{ "code.revoke", false, act_code_revoke, NULL },
	{ "issue", false, act_issue, NULL },
	{ "token.resume", false, act_token_resume, NULL },
	{ "cross.order", false, act_cross_order, act_cross_order_prepare },
	{ "cross.drop", false, act_cross_drop, NULL },
	{ "update.install", false, act_update_install, NULL },
	{ "update.commit", false, act_update_commit, NULL },
	{ "update.rollback", false, act_update_rollback, NULL },
	{ "box.reset", false, act_box_reset, NULL },
};

static const struct act_row *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(acts[i].name, name) == 0)
			return &acts[i];
	return NULL;
}

/* --- arguments --- */

static enum dca_rc
bad_arg(const char *name, const char *what, struct dca_err *e)
{
	enum dca_rc rc = dca_fail(e, DCA_RULE_REG_ACT, "argument %s %s", name,
	    what);

	if (e)
		(void)dca_strlcpy(e->field, name, sizeof(e->field));
	return rc;
}

static bool
take(struct dca_cbor *c, struct act_arg *a)
{
	switch (a->kind) {
	case ACT_ID:
	case ACT_TEXT:
		return dca_cbor_take_text(c, a->to, a->cap);
	case ACT_UINT:
		return dca_cbor_take_uint(c, a->to) &&
		    *(uint64_t *)a->to <= a->cap;
	case ACT_BYTES:
		return dca_cbor_take_bytes(c, a->to, a->cap);
	case ACT_ITEM:
		return dca_cbor_skip(c, a->to);
	}
	return false;
}

static struct act_arg *
arg_of(struct act_arg *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, name) == 0)
			return &v[i];
	return NULL;
}

enum dca_rc
act_args(struct dca_buf args, struct act_arg *v, size_t n, struct dca_err *e)
{
	struct dca_cbor c = { .in = args };
	size_t pairs;

	if (!dca_cbor_take_map(&c, &pairs, 16))
		return dca_fail(e, DCA_RULE_REG_ACT, "args is not a map");
	while (pairs--) {
		char name[32];
		struct act_arg *a;

		if (!dca_cbor_take_text(&c, name, sizeof(name)))
			return dca_fail(e, DCA_RULE_REG_ACT,
			    "args has a key that is no name");
		a = arg_of(v, n, name);
		if (!a || a->seen)
			return bad_arg(name, "is not known to this act", e);
		if (!take(&c, a))
			return bad_arg(name, "is malformed", e);
		a->seen = true;
		if (a->kind == ACT_ID && dca_id_check(a->to, e) != DCA_OK) {
			if (e)
				(void)dca_strlcpy(e->field, name,
				    sizeof(e->field));
			return dca_fail_in(e, name);
		}
	}
	for (size_t i = 0; i < n; i++)
		if (!v[i].seen && !v[i].optional)
			return bad_arg(v[i].name, "is missing", e);
	return DCA_OK;
}

/* --- record and apply --- */

/* alone: an act for four eyes, and there is one admin at most. */
static void
act_body(struct dca_out *o, const struct act_call *c,
    const struct act_row *row, bool alone)
{
	uint8_t hash[DCA_SHA256_LEN];

	const size_t revoked = c->serials.n / DCA_SERIAL_LEN;
	const bool orders = c->scope.n > 0;

	dca_cbor_map(o, 2 + (size_t)alone + (size_t)row->makes_code +
	    (revoked ? 1 : 0) + (orders ? 2 : 0));
	dca_cbor_text(o, "act");
	dca_cbor_text(o, row->name);
	if (c->op) {
		dca_cbor_text(o, "cose");
		dca_cbor_bytes(o, c->signed_act);
	}
	if (alone) {
		dca_cbor_text(o, "alone");
		dca_cbor_bool(o, true);
	}
	if (orders) {
		dca_cbor_text(o, "scope");
		dca_cbor_text_n(o, (const char *)c->scope.p, c->scope.n);
		dca_cbor_text(o, "key_id");
		dca_cbor_bytes(o, DCA_BUF(c->key_id, c->key_id_n));
	}
	if (!c->op) {
		dca_cbor_text(o, "payload");
		dca_cbor_bytes(o, c->signed_act);
	}
	if (revoked) {
		dca_cbor_text(o, "serials");
		dca_cbor_array(o, revoked);
		for (size_t i = 0; i < c->serials.n; i += DCA_SERIAL_LEN)
			dca_cbor_bytes(o, DCA_BUF(c->serials.p + i,
			    DCA_SERIAL_LEN));
	}
	if (row->makes_code) {
		dca_sha256(hash, DCA_BUF(c->code, sizeof(c->code)));
		dca_cbor_text(o, "code_sha256");
		dca_cbor_bytes(o, DCA_BUF(hash, sizeof(hash)));
	}
}

enum dca_rc
act_apply(struct act_call *c, struct dca_err *e)
{
	const struct act_row *row = find(c->act->name);

	return row ? row->apply(c, e) :
	    dca_fail(e, DCA_RULE_REG_ACT, "no such act");
}

static void
answer_alone(struct dca_out *o)
{
	dca_cbor_map(o, 1);
	dca_cbor_text(o, "alone");
	dca_cbor_bool(o, true);
}

static enum dca_rc
record(struct act_call *c, const struct act_row *row, const char *actor,
    struct dca_err *e)
{
	const bool alone = dca_act_four_eyes(row->name, c->act->args);
	DCA_AUTO_OUT body = { 0 };
	enum dca_rc rc;

	if (row->makes_code)
		dca_random(c->code, sizeof(c->code));
	c->now = dca_now();
	c->actor = actor;
	if (row->prepare && (rc = row->prepare(c, e)))
		return rc;
	act_body(&body, c, row, alone);
	rc = dca_store_append(c->v->store, c->now, "act", actor,
	    dca_out_buf(&body), &c->seq, e);
	if (rc || (rc = row->apply(c, e)))
		return rc;
	if (c->verb)
		vault_board_command(c->v, c->seq, c->verb, c->arg);
	if (alone && !c->answer.n)
		answer_alone(&c->answer);
	return DCA_OK;
}

/* Tried first, so that nobody is asked to approve what would be refused. */
static enum dca_rc
propose(struct act_call *c, const struct act_row *row, const char *actor,
    struct dca_err *e)
{
	const struct vault_proposing p = { .act = row->name, .actor = actor,
		.data = c->signed_act, .is_signed = true };
	enum dca_rc rc;

	dca_store_savepoint(c->v->store);
	rc = row->apply(c, e);
	dca_store_undo(c->v->store);
	c->answer.n = 0;
	c->verb = NULL;
	return rc ? rc : vault_propose(c->v, &p, &c->answer, e);
}

static enum dca_rc
apply(struct act_call *c, const struct act_row *row, const char *actor,
    struct dca_err *e)
{
	if (c->op && dca_act_four_eyes(row->name, c->act->args) &&
	    dca_store_admins(c->v->store) > 1)
		return propose(c, row, actor, e);
	return record(c, row, actor, e);
}

static enum dca_rc
check_row(const struct act_row *row, unsigned who, struct dca_err *e)
{
	const struct dca_act_rule *rule = row ? dca_act_rule(row->name) : NULL;

	if (!rule)
		return dca_fail(e, DCA_RULE_REG_ACT, "no such act");
	if (!(rule->by & who))
		return dca_fail(e, DCA_RULE_AUTH_ROLE,
		    "%s is not for this role", row->name);
	return DCA_OK;
}

/* The front may hold an act back; for how long is not its choice. */
static enum dca_rc
check_time(const struct dca_act *a, struct dca_err *e)
{
	const int64_t now = dca_now();
	char when[DCA_TIME_TEXT];

	if (a->time >= now - ACT_AGE_MAX && a->time <= now + ACT_AGE_MAX)
		return DCA_OK;
	dca_time_format(when, a->time);
	return dca_fail(e, DCA_RULE_AUTH_TIME, "signed at %s, more than %d s "
	    "from now", when, (int)ACT_AGE_MAX);
}

/* All of one signed act: uses its number, writes its row, applies it. */
static enum dca_rc
run_signed(struct act_call *c, const char *actor, struct dca_err *e)
{
	const struct act_row *row = find(c->act->name);
	struct dca_store *s = c->v->store;
	enum dca_rc rc;

	dca_store_savepoint(s);
	rc = c->claims ? DCA_OK :
	    dca_store_operator_use(s, c->op->id, c->act->seq, e);
	if (rc == DCA_OK)
		rc = check_time(c->act, e);
	if (rc == DCA_OK)
		rc = check_row(row, c->claims ? DCA_BY_NEW_KEY :
		    dca_role_bit(c->op->role), e);
	if (rc == DCA_OK)
		rc = apply(c, row, actor, e);
	if (rc == DCA_OK) {
		dca_store_release(s);
		return rc;
	}
	dca_store_undo(s);
	vault_cross_forget(c->v);
	return rc;
}

/* A refused act uses up its number too: the front may not keep it and send
 * it again when it would be allowed. */
static void
refuse_signed(struct act_call *c, const char *actor, const struct dca_err *e)
{
	struct dca_err ignored;

	if (c->claims) {
		dca_log_err(DCA_WARNING, "claim not accepted", e);
		return;	/* of somebody who is no operator: no row */
	}
	if (dca_problem(e->rule)->rc > DCA_NOTFOUND)
		return; /* not refused: it may be sent again */
	if (e->rule != DCA_RULE_AUTH_SEQUENCE &&
	    e->rule != DCA_RULE_AUTH_APPLIANCE &&
	    dca_store_operator_use(c->v->store, c->op->id, c->act->seq,
		&ignored) != DCA_OK)
		dca_log_err(DCA_WARNING, "sequence", &ignored);
	vault_refuse(c->v, actor, c->act->name, c->signed_act, e);
}

static void
answer(struct act_call *c, enum dca_rc rc, const struct dca_err *e)
{
	static const uint8_t empty_map[] = { 0xa0 };

	if (rc == DCA_OK && c->deferred)
		return;
	if (rc && !c->answer.n)
		vault_problem(c->v, c->peer, c->id, e);
	else
		vault_data(c->v, c->peer, c->id, rc ? 400 : 204, 60,
		    c->answer.n ? dca_out_buf(&c->answer) :
		    DCA_BUF(empty_map, sizeof(empty_map)));
}

static void
call_clear(struct act_call *c)
{
	dca_out_free(&c->answer);
	dca_out_free(&c->serials);
	dca_out_free(&c->scope);
}

static enum dca_rc
verify(struct act_call *c, struct dca_act *a, struct dca_operator *op,
    struct dca_err *e)
{
	struct vault *v = c->v;
	struct dca_buf payload, sig;
	struct dca_spki key;
	enum dca_rc rc;

	if ((rc = dca_cose_parse(c->signed_act, &payload, &sig, e)))
		return rc;
	if ((rc = dca_act_parse(a, payload, e)))
		return rc;
	c->claims = strcmp(a->name, "operator.claim") == 0 &&
	    vault_claim_code(v) != NULL;
	if (c->claims)
		return vault_claim_verify(v, c->signed_act, a, op, e);
	rc = dca_store_operator(v->store, a->op, op, e);
	if (rc == DCA_NOTFOUND || (rc == DCA_OK && !op->active))
		return dca_fail(e, DCA_RULE_AUTH_OPERATOR,
		    "no active operator has this name");
	if (rc)
		return rc;
	memcpy(key.der, op->spki, sizeof(key.der));
	return dca_cose_verify(c->signed_act, &key, e);
}

void
vault_on_act(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	struct dca_act act = { 0 };
	struct dca_operator op;
	struct act_call c = { .v = v, .peer = p, .id = m->id, .op = &op,
		.act = &act, .signed_act = m->f[1].b };
	struct dca_err e = { 0 };
	char actor[DCA_ACTOR_MAX];
	enum dca_rc rc = verify(&c, &act, &op, &e);

	if (rc == DCA_OK)
		rc = vault_group(v, &e);
	if (rc) {
		dca_log_err(DCA_WARNING, "act not accepted", &e);
		vault_problem(v, p, m->id, &e);
		return;
	}
	(void)snprintf(actor, sizeof(actor), "operator:%s", op.id);
	if (memcmp(act.appliance, v->appliance, sizeof(act.appliance)) != 0)
		rc = dca_fail(&e, DCA_RULE_AUTH_APPLIANCE,
		    "the act names another appliance");
	else
		rc = run_signed(&c, actor, &e);
	if (rc)
		refuse_signed(&c, actor, &e);
	answer(&c, rc, &e);
	call_clear(&c);
}

/* Root makes the first admin, and nothing else. */
static enum dca_rc
run_local(struct act_call *c, const char *actor, struct dca_err *e)
{
	const struct act_row *row = find(c->act->name);
	struct dca_store *s = c->v->store;
	enum dca_rc rc = check_row(row, DCA_BY_LOCAL, e);

	if (rc)
		return rc;
	if (dca_store_admins(s) > 0)
		return dca_fail(e, DCA_RULE_AUTH_ROLE,
		    "there is an admin: let the admin sign this");
	if ((rc = vault_group(c->v, e)))
		return rc;
	dca_store_savepoint(s);
	rc = apply(c, row, actor, e);
	if (rc)
		dca_store_undo(s);
	else
		dca_store_release(s);
	return rc;
}

void
vault_on_local_act(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	struct dca_act act = { 0 };
	struct act_call c = { .v = v, .peer = p, .id = m->id, .act = &act,
		.signed_act = m->f[0].b };
	struct dca_err e = { 0 };
	char actor[DCA_ACTOR_MAX];
	enum dca_rc rc = vault_check_local(p, &e);

	(void)snprintf(actor, sizeof(actor), "local:%u",
	    (unsigned)dca_conn_uid(p->conn));
	if (rc == DCA_OK)
		rc = dca_act_parse(&act, m->f[0].b, &e);
	if (rc == DCA_OK)
		rc = run_local(&c, actor, &e);
	if (rc)
		dca_log_err(DCA_WARNING, "local act", &e);
	answer(&c, rc, &e);
	call_clear(&c);
}
