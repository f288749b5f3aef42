/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four eyes in the ledger: proposals, and approvals that are believed only
 * when another admin signed for exactly these octets. Never lets an act that
 * needs two signatures stand with one once there were two admins.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay.h"

/* A payload is root's; only the cross-certificate comes that way. */
static enum dca_rc
parse_proposed(struct replay *r, struct dca_buf data, bool is_signed,
    const char *name, struct dca_err *e)
{
	struct dca_buf payload = { 0 }, sig;
	enum dca_rc rc;

	if (!is_signed)
		return strcmp(name, "cross.activate") == 0 ? DCA_OK :
		    dca_fail(e, DCA_RULE_LEDGER_ROW, "%s is not signed", name);
	if ((rc = dca_cose_parse(data, &payload, &sig, e)) ||
	    (rc = dca_act_parse(&r->act, payload, e)))
		return rc;
	return strcmp(r->act.name, name) == 0 &&
	    dca_act_four_eyes(name, r->act.args) ? DCA_OK :
	    replay_absent("act", e);
}

enum dca_rc
replay_propose(struct replay *r, struct dca_err *e)
{
	const struct dca_buf body = r->row->body;
	struct dca_buf data = { 0 };
	struct dca_cbor v;
	char name[DCA_ACT_NAME];
	const bool is_signed = dca_cbor_find(body, "cose", &v);
	enum dca_rc rc;

	if ((rc = replay_text(body, "act", name, sizeof name, e)) ||
	    (rc = replay_bytes(body, is_signed ? "cose" : "payload", &data,
		 e)) ||
	    (rc = parse_proposed(r, data, is_signed, name, e)) ||
	    (is_signed && (rc = replay_signature(r, data, e))))
		return rc;
	rc = dca_store_proposal_add(r->to, r->row->seq, name, r->row->actor,
	    r->row->time + DCA_PROPOSAL_LIFE, is_signed, data, e);
	return rc || is_signed ? rc : replay_order_proposed(r, data, e);
}

/* The proposer was another admin, and still was one. */
static enum dca_rc
check_eyes(struct replay *r, const struct dca_proposal *p, struct dca_err *e)
{
	struct dca_operator op;

	if (strcmp(p->actor, r->row->actor) == 0)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "proposal %" PRIu64 " is approved by who proposed it",
		    p->id);
	if (!p->is_signed)
		return replay_order_eyes(r, dca_out_buf(&p->data), e);
	if (strncmp(p->actor, "operator:", 9) != 0 ||
	    dca_store_operator(r->to, p->actor + 9, &op, NULL) != DCA_OK ||
	    !op.active || strcmp(op.role, "admin") != 0)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "proposal %" PRIu64 " is of no active admin", p->id);
	return DCA_OK;
}

static enum dca_rc
take_proposal(struct replay *r, struct dca_proposal *p, struct dca_err *e)
{
	uint64_t id = 0;
	enum dca_rc rc;

	if ((rc = replay_uint(r->act.args, "proposal", &id, e)))
		return rc;
	if ((rc = dca_store_proposal(r->to, id, p, e)))
		return rc;
	if (p->state != DCA_PROPOSAL_OPEN)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "proposal %" PRIu64 " was closed before", id);
	return DCA_OK;
}

/* What was proposed happens now, as of this row. */
static enum dca_rc
apply(struct replay *r, const struct dca_proposal *p, struct dca_err *e)
{
	struct dca_buf chain = { 0 };
	uint64_t id = 0;
	enum dca_rc rc = parse_proposed(r, dca_out_buf(&p->data),
	    p->is_signed, p->act, e);

	if (rc)
		return rc;
	if (p->is_signed)
		return replay_apply(r, e);
	rc = replay_bytes(dca_out_buf(&p->data), "chain", &chain, e);
	if (rc == DCA_OK)
		rc = dca_store_cross_add(r->to, chain, r->row->time,
		    r->row->seq, &id, e);
	return rc ? rc : replay_order_done(r, dca_out_buf(&p->data), id, e);
}

static enum dca_rc
approve(struct replay *r, const struct dca_proposal *p, struct dca_err *e)
{
	struct dca_buf hash = { 0 };
	enum dca_rc rc;

	if ((rc = replay_bytes(r->act.args, "sha256", &hash, e)) ||
	    (rc = check_eyes(r, p, e)))
		return rc;
	if (!dca_buf_eq(hash, DCA_BUF(p->sha256, sizeof p->sha256)))
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "what was approved is not proposal %" PRIu64, p->id);
	if (r->row->time > p->expires)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "proposal %" PRIu64 " had expired", p->id);
	if ((rc = dca_store_proposal_close(r->to, p->id,
		 DCA_PROPOSAL_APPROVED, e)))
		return rc;
	return apply(r, p, e);
}

enum dca_rc
replay_approve(struct replay *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_proposal_clear) struct dca_proposal p = { 0 };
	enum dca_rc rc = take_proposal(r, &p, e);

	return rc ? rc : approve(r, &p, e);
}

enum dca_rc
replay_drop(struct replay *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_proposal_clear) struct dca_proposal p = { 0 };
	enum dca_rc rc = take_proposal(r, &p, e);

	return rc ? rc : dca_store_proposal_close(r->to, p.id,
	    DCA_PROPOSAL_DROPPED, e);
}

enum dca_rc
replay_two(struct replay *r, const char *name, struct dca_buf args,
    struct dca_err *e)
{
	if (!dca_act_four_eyes(name, args) || dca_store_admins(r->to) < 2)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_LEDGER_ROW,
	    "%s has one signature and there were two admins", name);
}
