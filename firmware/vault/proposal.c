/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four eyes (dca(7) TRUST): an act that needs a second admin is kept as a
 * proposal, and done when another admin signs for exactly these octets. Must
 * never count root or the proposer as the second pair of eyes, nor do what
 * was proposed without the checks that an act of today passes.
 */
#include "proposal.h"

#include <inttypes.h>
#include <string.h>

enum dca_rc
vault_propose(struct vault *v, const struct vault_proposing *p,
    struct dca_out *answer, struct dca_err *e)
{
	const int64_t now = dca_now();
	uint8_t hash[DCA_SHA256_LEN];
	DCA_AUTO_OUT body = { 0 };
	uint64_t seq = 0;
	enum dca_rc rc;

	dca_cbor_map(&body, 2);
	dca_cbor_text(&body, "act");
	dca_cbor_text(&body, p->act);
	dca_cbor_text(&body, p->is_signed ? "cose" : "payload");
	dca_cbor_bytes(&body, p->data);
	rc = dca_store_append(v->store, now, "propose", p->actor,
	    dca_out_buf(&body), &seq, e);
	if (rc == DCA_OK)
		rc = dca_store_proposal_add(v->store, seq, p->act, p->actor,
		    now + DCA_PROPOSAL_LIFE, p->is_signed, p->data, e);
	if (rc)
		return rc;
	dca_log(DCA_INFO, "proposed id=%" PRIu64 " act=%s by=%s", seq, p->act,
	    p->actor);
	dca_sha256(hash, p->data);
	dca_cbor_map(answer, 3);
	dca_cbor_text(answer, "needs");
	dca_cbor_text(answer, "approval by another admin");
	dca_cbor_text(answer, "sha256");
	dca_cbor_bytes(answer, DCA_BUF(hash, sizeof(hash)));
	dca_cbor_text(answer, "proposal");
	dca_cbor_uint(answer, seq);
	return DCA_OK;
}

/* What upstream brought was ordered by somebody: with two admins or more,
 * another one activates it. */
static enum dca_rc
check_orderer(struct act_call *c, struct dca_buf payload, struct dca_err *e)
{
	DCA_CLEANUP(dca_order_clear) struct dca_order o = { 0 };
	struct dca_cbor v;
	uint64_t id = 0;
	enum dca_rc rc;

	if (!dca_cbor_find(payload, "order", &v) ||
	    dca_store_admins(c->v->store) < 2)
		return DCA_OK;
	if (!dca_cbor_take_uint(&v, &id))
		return dca_fail(e, DCA_RULE_INTERNAL, "order");
	if ((rc = dca_store_order(c->v->store, id, &o, e)))
		return rc;
	return strcmp(o.actor, c->actor) != 0 ? DCA_OK :
	    dca_fail(e, DCA_RULE_AUTH_FOUR_EYES, "%s ordered it", o.actor);
}

/* Who proposed it may have been removed since: then nobody stands for it. */
static enum dca_rc
check_proposer(struct act_call *c, const struct dca_proposal *p,
    struct dca_operator *op, struct dca_err *e)
{
	const char *id = p->actor + strlen("operator:");
	enum dca_rc rc;

	if (!p->is_signed)
		return check_orderer(c, dca_out_buf(&p->data), e);
	if (strncmp(p->actor, "operator:", 9) != 0)
		return dca_fail(e, DCA_RULE_INTERNAL, "proposal of %s",
		    p->actor);
	if ((rc = dca_store_operator(c->v->store, id, op, e)))
		return rc;
	if (!op->active || strcmp(op->role, "admin") != 0)
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "%s, who proposed it, is no active admin any more", id);
	if (strcmp(id, c->op->id) == 0)
		return dca_fail(e, DCA_RULE_AUTH_FOUR_EYES,
		    "%s proposed it", id);
	return DCA_OK;
}

static enum dca_rc
check_waiting(const struct dca_proposal *p, struct dca_err *e)
{
	char when[DCA_TIME_TEXT];

	if (p->state != DCA_PROPOSAL_OPEN)
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "proposal %" PRIu64 " is closed", p->id);
	if (dca_now() <= p->expires)
		return DCA_OK;
	dca_time_format(when, p->expires);
	return dca_fail(e, DCA_RULE_REG_STATE,
	    "proposal %" PRIu64 " expired at %s", p->id, when);
}

/* As the act would be done now, in the name of who proposed it. */
static enum dca_rc
apply_signed(struct act_call *c, const struct dca_proposal *p,
    const struct dca_operator *op, struct dca_err *e)
{
	struct dca_act act = { 0 };
	struct act_call inner = { .v = c->v, .peer = c->peer, .id = c->id,
		.op = op, .act = &act, .signed_act = dca_out_buf(&p->data),
		.seq = c->seq };
	struct dca_buf payload, sig;
	enum dca_rc rc;

	if ((rc = dca_cose_parse(inner.signed_act, &payload, &sig, e)) ||
	    (rc = dca_act_parse(&act, payload, e)))
		return rc;
	rc = act_apply(&inner, e);
	c->answer = inner.answer;
	c->verb = inner.verb;
	memcpy(c->arg, inner.arg, sizeof(c->arg));
	return rc;
}

static enum dca_rc
approve(struct act_call *c, const struct dca_proposal *p, struct dca_buf hash,
    struct dca_err *e)
{
	struct dca_operator op;
	enum dca_rc rc;

	if ((rc = check_waiting(p, e)))
		return rc;
	if (!dca_buf_eq(hash, DCA_BUF(p->sha256, sizeof(p->sha256)))) {
		rc = dca_fail(e, DCA_RULE_AUTH_FOUR_EYES, "proposal %" PRIu64
		    " is not what was signed for", p->id);
		if (e)
			(void)dca_strlcpy(e->field, "sha256",
			    sizeof(e->field));
		return rc;
	}
	if ((rc = check_proposer(c, p, &op, e)) ||
	    (rc = dca_store_proposal_close(c->v->store, p->id,
	    DCA_PROPOSAL_APPROVED, e)))
		return rc;
	return p->is_signed ? apply_signed(c, p, &op, e) :
	    vault_cross_approved(c->v, dca_out_buf(&p->data), c->seq, e);
}

enum dca_rc
act_approve(struct act_call *c, struct dca_err *e)
{
	DCA_CLEANUP(dca_proposal_clear) struct dca_proposal p = { 0 };
	struct dca_buf hash = { NULL, 0 };
	uint64_t id = 0;
	struct act_arg v[] = {
		{ .name = "proposal", .kind = ACT_UINT, .to = &id,
		  .cap = INT64_MAX },
		{ .name = "sha256", .kind = ACT_BYTES, .to = &hash,
		  .cap = DCA_SHA256_LEN },
	};
	enum dca_rc rc = act_args(c->act->args, v, 2, e);

	if (rc == DCA_OK)
		rc = dca_store_proposal(c->v->store, id, &p, e);
	return rc ? rc : approve(c, &p, hash, e);
}

/* Also by who proposed it, and when it has expired. */
enum dca_rc
act_proposal_drop(struct act_call *c, struct dca_err *e)
{
	DCA_CLEANUP(dca_proposal_clear) struct dca_proposal p = { 0 };
	uint64_t id = 0;
	struct act_arg v[] = { { .name = "proposal", .kind = ACT_UINT,
		.to = &id, .cap = INT64_MAX } };
	enum dca_rc rc = act_args(c->act->args, v, 1, e);

	if (rc == DCA_OK)
		rc = dca_store_proposal(c->v->store, id, &p, e);
	return rc ? rc : dca_store_proposal_close(c->v->store, id,
	    DCA_PROPOSAL_DROPPED, e);
}
