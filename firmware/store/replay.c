/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The views, made again from the ledger alone in a store that vanishes, by
 * the same calls the vault used. Every act is believed only when the
 * operator's signature over it verifies. Never reads a view of the store that
 * is being verified.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"
#include "dca/cert.h"
#include "dca/profile.h"

/* --- reading what is known to be there --- */
enum dca_rc
replay_absent(const char *key, struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_LEDGER_ROW,
	    "%s is missing or not what it must be", key);
}

enum dca_rc
replay_text(struct dca_buf map, const char *key, char *out, size_t cap,
    struct dca_err *e)
{
	struct dca_cbor v;

	return dca_cbor_find(map, key, &v) &&
		dca_cbor_take_text(&v, out, cap) ? DCA_OK : replay_absent(key, e);
}

enum dca_rc
replay_uint(struct dca_buf map, const char *key, uint64_t *out,
    struct dca_err *e)
{
	struct dca_cbor v;

	return dca_cbor_find(map, key, &v) && dca_cbor_take_uint(&v, out) ?
	    DCA_OK : replay_absent(key, e);
}

enum dca_rc
replay_bytes(struct dca_buf map, const char *key, struct dca_buf *out,
    struct dca_err *e)
{
	struct dca_cbor v;

	return dca_cbor_find(map, key, &v) &&
		dca_cbor_take_bytes(&v, out, DCA_CERT_MAX) ? DCA_OK :
							     replay_absent(key, e);
}

/* --- acts, by the names and arguments of firmware/vault/README.md --- */
static enum dca_rc
operator_add(struct replay *r, struct dca_err *e)
{
	struct dca_operator op = { .active = true };
	struct dca_buf key = { 0 };
	enum dca_rc rc;

	if ((rc = replay_text(r->act.args, "id", op.id, sizeof op.id, e)) ||
	    (rc = replay_text(r->act.args, "role", op.role, sizeof op.role,
		 e)) ||
	    (rc = replay_bytes(r->act.args, "key", &key, e)))
		return rc;
	if (key.n != sizeof op.spki)
		return replay_absent("key", e);
	memcpy(op.spki, key.p, key.n);
	return dca_store_operator_add(r->to, &op, e);
}

/* Signed by the key it brings, while nobody else could sign. What it proved to
 * the vault, knowing the code of that moment, nobody can prove again. */
static enum dca_rc
operator_claim(struct replay *r, struct dca_buf cose, struct dca_err *e)
{
	const struct dca_act *a = &r->act;
	struct dca_operator op = { .active = true, .role = "admin" };
	struct dca_buf der = { 0 };
	char actor[DCA_ACTOR_MAX];
	struct dca_spki key;
	enum dca_rc rc;

	if ((rc = replay_text(a->args, "id", op.id, sizeof op.id, e)) ||
	    (rc = replay_bytes(a->args, "key", &der, e)) ||
	    (rc = dca_spki_parse(&key, der, e)))
		return rc;
	if (dca_store_count(r->to, "operators") != 0)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "a claim when there was an operator");
	snprintf(actor, sizeof actor, "operator:%s", op.id);
	if (strcmp(a->op, op.id) != 0 || strcmp(actor, r->row->actor) != 0 ||
	    memcmp(a->appliance, r->appliance, sizeof a->appliance) != 0)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "operator or appliance is not that of the claim");
	if ((rc = dca_cose_verify(cose, &key, e)))
		return rc;
	memcpy(op.spki, key.der, sizeof op.spki);
	if ((rc = dca_store_operator_add(r->to, &op, e)))
		return rc;
	return dca_store_operator_use(r->to, op.id, a->seq, e);
}

static enum dca_rc
operator_remove(struct replay *r, struct dca_err *e)
{
	char id[DCA_ID_MAX + 1];
	enum dca_rc rc = replay_text(r->act.args, "id", id, sizeof id, e);

	return rc ? rc : dca_store_operator_remove(r->to, id, e);
}

/* What the act names replaces what c has; the rest stays. */
static enum dca_rc
customer_fields(const struct replay *r, struct dca_customer *c,
    struct dca_err *e)
{
	const struct dca_buf args = r->act.args;
	struct dca_constraints of;
	struct dca_buf der = { 0 };
	char passports[24] = "";
	struct dca_cbor v;
	enum dca_rc rc;

	if (dca_cbor_find(args, "name", &v) &&
	    !dca_cbor_take_text(&v, c->name, sizeof c->name))
		return replay_absent("name", e);
	if (dca_cbor_find(args, "country", &v) &&
	    !dca_cbor_take_text(&v, c->country, sizeof c->country))
		return replay_absent("country", e);
	if (dca_cbor_find(args, "cn", &v) &&
	    !dca_cbor_take_text(&v, c->cn, sizeof c->cn))
		return replay_absent("cn", e);
	if (dca_cbor_find(args, "passports", &v) &&
	    !dca_cbor_take_text(&v, passports, sizeof passports))
		return replay_absent("passports", e);
	if (passports[0] &&
	    (rc = dca_passports_parse(&c->passports, passports, e)))
		return rc;
	if (!dca_cbor_find(args, "constraints", &v))
		return DCA_OK;
	if (!dca_cbor_take_bytes(&v, &der, DCA_CONSTRAINTS_OWN))
		return replay_absent("constraints", e);
	c->constraints_len = 0;
	if (der.n == 0)
		return DCA_OK;
	if ((rc = dca_constraints_parse(&of, der, true, NULL, e)))
		return rc;
	rc = dca_store_customer_constrain(c, &of, e);
	dca_constraints_clear(&of);
	return rc;
}

static enum dca_rc
customer_add(struct replay *r, struct dca_err *e)
{
	struct dca_customer c = { .active = true,
		.passports = DCA_PASSPORT_ALL, .changed = r->row->seq };
	enum dca_rc rc;

	if ((rc = replay_text(r->act.args, "id", c.id, sizeof c.id, e)) ||
	    (rc = customer_fields(r, &c, e)))
		return rc;
	if (c.name[0] == '\0' || c.country[0] == '\0')
		return replay_absent("name or country", e);
	return dca_store_customer_add(r->to, &c, e);
}

static enum dca_rc
customer_set(struct replay *r, struct dca_err *e)
{
	char id[DCA_ID_MAX + 1];
	struct dca_customer c;
	enum dca_rc rc;

	if ((rc = replay_text(r->act.args, "id", id, sizeof id, e)) ||
	    (rc = dca_store_customer(r->to, id, &c, e)) ||
	    (rc = customer_fields(r, &c, e)))
		return rc;
	c.changed = r->row->seq;
	return dca_store_customer_set(r->to, &c, e);
}

static enum dca_rc
customer_active(struct replay *r, struct dca_err *e)
{
	char id[DCA_ID_MAX + 1];
	enum dca_rc rc = replay_text(r->act.args, "id", id, sizeof id, e);

	return rc ? rc :
	    dca_store_customer_set_active(r->to, id,
		strcmp(r->act.name, "customer.resume") == 0, r->row->seq, e);
}

static enum dca_rc
customer_pin(struct replay *r, struct dca_err *e)
{
	char id[DCA_ID_MAX + 1];
	uint8_t hash[DCA_SHA256_LEN];
	struct dca_buf key = { 0 };
	enum dca_rc rc;

	if ((rc = replay_text(r->act.args, "id", id, sizeof id, e)) ||
	    (rc = replay_bytes(r->act.args, "key", &key, e)))
		return rc;
	dca_sha256(hash, key);
	return strcmp(r->act.name, "customer.pin") == 0 ?
	    dca_store_key_bind(r->to, hash, id, true, e) :
	    dca_store_key_unpin(r->to, hash, e);
}

/* Codes are outside the ledger; an issue act is followed by an issue row; the
 * box is dca-board's. */
static enum dca_rc
nothing(struct replay *r, struct dca_err *e)
{
	(void)r;
	(void)e;
	return DCA_OK;
}

static const struct {
	const char *name;
	enum dca_rc (*replay)(struct replay *r, struct dca_err *e);
} ACTS[] = {
	{ "operator.add", operator_add },
	{ "operator.remove", operator_remove },
	{ "customer.add", customer_add },
	{ "customer.set", customer_set },
	{ "customer.suspend", customer_active },
	{ "customer.resume", customer_active },
	{ "customer.pin", customer_pin },
	{ "customer.unpin", customer_pin },
	{ "inventory.import", replay_import },
	{ "delegation.import", replay_import },
	{ "code.create", nothing },
	{ "code.revoke", nothing },
	{ "issue", nothing },
	{ "revoke", replay_revoke },
	{ "delegation.remove", replay_delegation },
	{ "delegation.end", replay_delegation },
	{ "approve", replay_approve },
	{ "proposal.drop", replay_drop },
	{ "token.resume", nothing },
	{ "cross.order", replay_order },
	{ "cross.drop", replay_order_drop },
	{ "update.install", nothing },
	{ "update.commit", nothing },
	{ "update.rollback", nothing },
	{ "box.reset", nothing },
};

enum dca_rc
replay_apply(struct replay *r, struct dca_err *e)
{
	for (size_t i = 0; i < sizeof ACTS / sizeof *ACTS; i++)
		if (strcmp(ACTS[i].name, r->act.name) == 0)
			return ACTS[i].replay(r, e);
	return dca_fail(e, DCA_RULE_LEDGER_ROW, "act %s is not known",
	    r->act.name);
}

/* Was it this operator, active then and in that role, with a number not used
 * before? */
enum dca_rc
replay_signature(struct replay *r, struct dca_buf cose, struct dca_err *e)
{
	const struct dca_act *a = &r->act;
	const struct dca_act_rule *rule = dca_act_rule(a->name);
	struct dca_operator op;
	struct dca_spki key;
	char actor[DCA_ACTOR_MAX];
	enum dca_rc rc = dca_store_operator(r->to, a->op, &op, e);

	if (rc)
		return rc;
	snprintf(actor, sizeof actor, "operator:%s", op.id);
	if (!op.active || strcmp(actor, r->row->actor) != 0 ||
	    memcmp(a->appliance, r->appliance, sizeof a->appliance) != 0)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "operator or appliance is not that of the act");
	if (!rule || !(rule->by & dca_role_bit(op.role)))
		return dca_fail(e, DCA_RULE_LEDGER_ROW, "%s is not for the "
		    "role of operator %s", a->name, op.id);
	memcpy(key.der, op.spki, sizeof key.der);
	if ((rc = dca_cose_verify(cose, &key, e)))
		return rc;
	return dca_store_operator_use(r->to, op.id, a->seq, e);
}

static enum dca_rc
replay_act(struct replay *r, struct dca_err *e)
{
	struct dca_buf cose = { 0 }, payload = { 0 }, sig;
	struct dca_cbor v;
	char name[DCA_ACT_NAME];
	bool is_signed = dca_cbor_find(r->row->body, "cose", &v);
	enum dca_rc rc;

	if ((rc = replay_text(r->row->body, "act", name, sizeof name, e)))
		return rc;
	if (is_signed && ((rc = replay_bytes(r->row->body, "cose", &cose, e)) ||
			     (rc = dca_cose_parse(cose, &payload, &sig, e))))
		return rc;
	if (!is_signed &&
	    (rc = replay_bytes(r->row->body, "payload", &payload, e)))
		return rc;
	if ((rc = dca_act_parse(&r->act, payload, e)))
		return rc;
	if (strcmp(name, r->act.name) != 0)
		return replay_absent("act", e);
	if (is_signed && strcmp(name, "operator.claim") == 0)
		return operator_claim(r, cose, e);
	/* root may make the first admin, and only that goes unsigned */
	if (is_signed)
		rc = replay_signature(r, cose, e);
	else if (strcmp(name, "operator.add") != 0 ||
	    dca_store_admins(r->to) != 0)
		rc = dca_fail(e, DCA_RULE_LEDGER_ROW, "the act is not signed");
	if (rc || (rc = replay_two(r, name, r->act.args, e)))
		return rc;
	return replay_apply(r, e);
}

/* --- certificates --- */
static void
all_shared(const struct dca_delegation *d, void *arg)
{
	bool *shared = arg;

	*shared = *shared && d->shared;
}

/* A renewal, and only that, follows a certificate of the same customer that
 * was neither revoked nor expired. */
static enum dca_rc
predecessor(struct replay *r, struct dca_certificate *c, struct dca_err *e)
{
	struct dca_certificate old;
	struct dca_buf serial = { 0 };
	struct dca_cbor v;
	enum dca_rc rc;

	c->renewal = dca_cbor_find(r->row->body, "predecessor", &v);
	if (!c->renewal)
		return c->function == DCA_FN_SREN ?
		    replay_absent("predecessor", e) : DCA_OK;
	if ((rc = replay_bytes(r->row->body, "predecessor", &serial, e)))
		return rc;
	if (serial.n != sizeof c->predecessor || c->function != DCA_FN_SREN)
		return replay_absent("predecessor", e);
	memcpy(c->predecessor, serial.p, serial.n);
	if ((rc = dca_store_certificate(r->to, c->predecessor, &old, e)))
		return rc;
	if (strcmp(old.customer, c->customer) != 0 || old.revoked ||
	    c->not_before > old.not_after)
		return dca_fail(e, DCA_RULE_LEDGER_ROW, "the predecessor is "
		    "another customer's, revoked or expired");
	return DCA_OK;
}

/* Everything the DER says is taken from it, the rest from the body. */
static enum dca_rc
certificate(struct replay *r, const struct dca_cert *cert, struct dca_err *e)
{
	struct dca_certificate c = { .not_before = cert->not_before,
		.not_after = cert->not_after, .seq = r->row->seq };
	struct dca_buf body = r->row->body, key = { 0 }, csr = { 0 };
	uint64_t function = 0;
	bool shared = true;
	enum dca_rc rc;

	if ((rc = replay_text(body, "customer", c.customer, sizeof c.customer,
		 e)) ||
	    (rc = replay_bytes(body, "key", &key, e)) ||
	    (rc = replay_bytes(body, "csr", &csr, e)) ||
	    (rc = replay_uint(body, "function", &function, e)) ||
	    (rc = replay_uint(body, "cross", &c.cross, e)) ||
	    (rc = replay_uint(body, "basis", &c.basis, e)))
		return rc;
	c.function = (enum dca_function)function;
	memcpy(c.serial, cert->serial, sizeof c.serial);
	dca_sha256(c.key_sha256, cert->spki);
	if (csr.n != sizeof c.csr_sha256 || !cert->scope ||
	    !dca_buf_eq(key, DCA_BUF(c.key_sha256, sizeof c.key_sha256)))
		return replay_absent("csr, key or the numbers", e);
	memcpy(c.csr_sha256, csr.p, csr.n);
	if ((rc = predecessor(r, &c, e)))
		return rc;
	/* as the vault decided it, at notBefore */
	dca_store_delegations(r->to, c.customer, c.not_before, cert->scope,
	    all_shared, &shared);
	return dca_store_certificate_add(r->to, &c, cert->scope, shared, e);
}

static enum dca_rc
replay_issue(struct replay *r, struct dca_err *e)
{
	struct dca_buf der = { 0 };
	struct dca_cert cert;
	enum dca_rc rc;

	if ((rc = replay_bytes(r->row->body, "cert", &der, e)) ||
	    (rc = dca_cert_parse(&cert, der, e)))
		return rc;
	rc = certificate(r, &cert, e);
	dca_cert_clear(&cert);
	return rc;
}

static enum dca_rc
replay_cross(struct replay *r, struct dca_err *e)
{
	struct dca_buf chain = { 0 };
	bool policy = false;
	uint64_t id;
	enum dca_rc rc = replay_bytes(r->row->body, "chain", &chain, e);

	if (rc || (rc = replay_order_policy(r, &policy, e)) || (!policy &&
	    (rc = replay_two(r, "cross.activate", r->row->body, e))))
		return rc;
	rc = dca_store_cross_add(r->to, chain, r->row->time, r->row->seq, &id,
	    e);
	return rc ? rc : replay_order_done(r, r->row->body, id, e);
}

static enum dca_rc
replay_genesis(struct replay *r, struct dca_err *e)
{
	struct dca_buf id = { 0 };
	enum dca_rc rc = replay_bytes(r->row->body, "appliance", &id, e);

	if (rc || id.n != sizeof r->appliance)
		return rc ? rc : replay_absent("appliance", e);
	memcpy(r->appliance, id.p, id.n);
	return DCA_OK;
}

static const struct {
	const char *kind;
	enum dca_rc (*replay)(struct replay *r, struct dca_err *e);
} KINDS[] = {	/* other kinds change no view */
	{ "genesis", replay_genesis },
	{ "act", replay_act },
	{ "propose", replay_propose },
	{ "issue", replay_issue },
	{ "cross.install", replay_cross },
	{ "order", replay_order },
	{ "order.csr", replay_order_csr },
};

static enum dca_rc
replay_row(const struct dca_row *row, void *arg, struct dca_err *e)
{
	struct replay *r = arg;
	struct dca_err why = { 0 };
	enum dca_rc rc = DCA_OK;

	r->row = row;
	/* what "now" was for the calls that ask the record */
	r->to->head.time = row->time;
	r->to->head_known = true;
	for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
		if (strcmp(KINDS[i].kind, row->kind) == 0)
			rc = KINDS[i].replay(r, &why);
	if (rc == DCA_OK && r->audit)
		rc = audit_row(r, &why);
	if (rc == DCA_OK)
		return DCA_OK;
	rc = dca_fail(e, DCA_RULE_LEDGER_ROW,
	    "row %" PRIu64 ": does not follow from the rows before: %s",
	    row->seq, why.text);
	if (e)
		dca_strlcpy(e->field, row->kind, sizeof e->field);
	return rc;
}

static enum dca_rc
run(struct replay *r, struct dca_store *s, dca_operator_audit_fn fn,
    void *arg, struct dca_err *e)
{
	enum dca_rc rc;

	if ((rc = dca_store_begin(r->to, e)) ||
	    (rc = dca_store_walk(s, 0, replay_row, r, e)) ||
	    (rc = compare_views(s, r->to, e)))
		return rc;
	return r->audit ? audit_tell(r, fn, arg, e) : DCA_OK;
}

enum dca_rc
replay_check(struct dca_store *s, dca_operator_audit_fn fn, void *arg,
    struct dca_err *e)
{
	struct replay r = { .audit = fn ? audit_new() : NULL };
	enum dca_rc rc = store_open_scratch(&r.to, e);

	if (rc == DCA_OK)
		rc = run(&r, s, fn, arg, e);
	dca_store_close(r.to);
	audit_free(r.audit);
	return rc;
}
