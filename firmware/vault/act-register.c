/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the acts on operators, customers, keys and codes do to the register.
 * Each runs inside the savepoint that already holds its ledger row. Must
 * never put a code's secret anywhere but into the store and the seal.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "act.h"
#include "dca/profile.h"

enum { TTL_MIN = 60, TTL_MAX = 90 * 86400 };

#define ARG_ID(n, to_) { .name = n, .kind = ACT_ID, .to = to_, .cap = sizeof(to_) }
#define ARG_TEXT(n, to_, opt)                                                  \
	{ .name = n, .kind = ACT_TEXT, .optional = opt, .to = to_,             \
	  .cap = sizeof(to_) }
#define ARG_BYTES(n, to_, most)                                                \
	{ .name = n, .kind = ACT_BYTES, .to = &(to_), .cap = most }
#define ARG_UINT(n, to_, most)                                                 \
	{ .name = n, .kind = ACT_UINT, .to = &(to_), .cap = most }
#define ARGS(v) (v), sizeof(v) / sizeof((v)[0])

enum dca_rc
act_operator_add(struct act_call *c, struct dca_err *e)
{
	static const char *const roles[] = { "admin", "operator", "auditor" };
	struct dca_operator op = { .active = true };
	struct dca_buf der = { NULL, 0 };
	struct act_arg v[] = { ARG_ID("id", op.id),
		ARG_TEXT("role", op.role, false),
		ARG_BYTES("key", der, DCA_SPKI_LEN) };
	struct dca_spki key;
	enum dca_rc rc;
	bool known = false;

	if ((rc = act_args(c->act->args, ARGS(v), e)))
		return rc;
	for (size_t i = 0; i < 3; i++)
		known = known || strcmp(op.role, roles[i]) == 0;
	if (!known)
		return dca_fail(e, DCA_RULE_REG_FIELD,
		    "role is admin, operator or auditor");
	/* Nobody else can make the first admin: root may make only that. */
	if (!c->op && strcmp(op.role, "admin") != 0)
		return dca_fail(e, DCA_RULE_AUTH_ROLE,
		    "the first operator is an admin");
	if ((rc = dca_spki_parse(&key, der, e)))
		return rc;
	memcpy(op.spki, key.der, sizeof(op.spki));
	return dca_store_operator_add(c->v->store, &op, e);
}

enum dca_rc
act_claim_args(struct dca_buf args, struct dca_operator *op,
    char proof[static DCA_PASSWORD_MAX + 1], struct dca_err *e)
{
	struct dca_buf der = { NULL, 0 };
	struct act_arg v[] = { ARG_ID("id", op->id),
		ARG_BYTES("key", der, DCA_SPKI_LEN),
		{ .name = "proof", .kind = ACT_TEXT, .to = proof,
		  .cap = DCA_PASSWORD_MAX + 1 } };
	struct dca_spki key;
	enum dca_rc rc;

	if ((rc = act_args(args, ARGS(v), e)) ||
	    (rc = dca_spki_parse(&key, der, e)))
		return rc;
	memcpy(op->spki, key.der, sizeof(op->spki));
	(void)dca_strlcpy(op->role, "admin", sizeof(op->role));
	op->active = true;
	return DCA_OK;
}

/* What was verified before this (claim.c), and by nobody else's signature. */
enum dca_rc
act_operator_claim(struct act_call *c, struct dca_err *e)
{
	enum dca_rc rc = dca_store_operator_add(c->v->store, c->op, e);

	return rc ? rc : dca_store_operator_use(c->v->store, c->op->id,
	    c->act->seq, e);
}

enum dca_rc
act_operator_remove(struct act_call *c, struct dca_err *e)
{
	char id[DCA_ID_MAX + 1];
	struct act_arg v[] = { ARG_ID("id", id) };
	struct dca_operator op;
	enum dca_rc rc;

	if ((rc = act_args(c->act->args, ARGS(v), e)) ||
	    (rc = dca_store_operator(c->v->store, id, &op, e)))
		return rc;
	/* Root could make a new first admin then: not by one admin's act. */
	if (op.active && strcmp(op.role, "admin") == 0 &&
	    dca_store_admins(c->v->store) == 1)
		return dca_fail(e, DCA_RULE_REG_STATE, "%s is the last active "
		    "admin: add another one first", id);
	return dca_store_operator_remove(c->v->store, id, e);
}

/* What an act says of a customer; what it does not name stays. */
struct customer_args {
	char id[DCA_ID_MAX + 1], name[65], country[3], cn[65], passports[24];
	struct dca_buf constraints;
};
enum { CUSTOMER_ARGS = 6 };

static enum dca_rc
customer_constraints(struct dca_customer *n, struct dca_buf der,
    struct dca_err *e)
{
	struct dca_constraints c;
	bool absent = false;
	enum dca_rc rc;

	n->constraints_len = 0;
	if (der.n == 0)
		return DCA_OK;	/* none any more */
	rc = dca_constraints_parse(&c, der, true, &absent, e);
	if (rc == DCA_OK && absent)
		return dca_fail(e, DCA_RULE_CONSTRAINTS, "iat, orig or dest "
		    "excluded: verifiers would ignore all of it "
		    "(RFC 9118 3)");
	if (rc != DCA_OK)
		return rc;
	rc = dca_store_customer_constrain(n, &c, e);
	dca_constraints_clear(&c);
	return rc;
}

/* Claims that contradict each other or the PASSporT types are not let in, nor
 * what cannot become a subject (RFC 9118 8, RFC 5280 4.1.2.6). */
static enum dca_rc
customer_check(const struct dca_customer *n, struct dca_err *e)
{
	DCA_AUTO_OUT constraints = { 0 };
	DCA_AUTO_OUT subject = { 0 };
	enum dca_rc rc = dca_name_encode(&subject, n->country, n->name,
	    n->cn[0] ? n->cn : n->id, e);

	return rc ? rc : vault_constraints(n, &constraints, e);
}

static enum dca_rc
customer_read(struct act_call *c, struct customer_args *a, bool all,
    bool *constrained, struct dca_err *e)
{
	struct act_arg v[CUSTOMER_ARGS] = { ARG_ID("id", a->id),
		ARG_TEXT("name", a->name, !all),
		ARG_TEXT("country", a->country, !all),
		ARG_TEXT("cn", a->cn, true),
		ARG_TEXT("passports", a->passports, true),
		{ .name = "constraints", .kind = ACT_BYTES, .optional = true,
		  .to = &a->constraints, .cap = DCA_CONSTRAINTS_OWN } };
	enum dca_rc rc = act_args(c->act->args, ARGS(v), e);

	*constrained = v[CUSTOMER_ARGS - 1].seen;
	return rc;
}

static enum dca_rc
customer_apply(struct dca_customer *n, const struct customer_args *a,
    bool constrained, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	if (a->name[0])
		(void)dca_strlcpy(n->name, a->name, sizeof(n->name));
	if (a->country[0])
		(void)dca_strlcpy(n->country, a->country, sizeof(n->country));
	if (a->cn[0])
		(void)dca_strlcpy(n->cn, a->cn, sizeof(n->cn));
	if (a->passports[0])
		rc = dca_passports_parse(&n->passports, a->passports, e);
	if (rc == DCA_OK && constrained)
		rc = customer_constraints(n, a->constraints, e);
	return rc ? rc : customer_check(n, e);
}

enum dca_rc
act_customer_add(struct act_call *c, struct dca_err *e)
{
	struct dca_customer n = { .active = true,
		.passports = DCA_PASSPORT_ALL, .changed = c->seq };
	struct customer_args a = { .id = "" };
	bool constrained;
	enum dca_rc rc = customer_read(c, &a, true, &constrained, e);

	memcpy(n.id, a.id, sizeof(n.id));
	if (rc || (rc = customer_apply(&n, &a, constrained, e)))
		return rc;
	return dca_store_customer_add(c->v->store, &n, e);
}

/* Its certificates stay what they are; a renewal or repeat is held against
 * the register as it is from now on. */
enum dca_rc
act_customer_set(struct act_call *c, struct dca_err *e)
{
	struct customer_args a = { .id = "" };
	struct dca_customer n;
	bool constrained;
	enum dca_rc rc = customer_read(c, &a, false, &constrained, e);

	if (rc || (rc = dca_store_customer(c->v->store, a.id, &n, e)) ||
	    (rc = customer_apply(&n, &a, constrained, e)))
		return rc;
	n.changed = c->seq;
	return dca_store_customer_set(c->v->store, &n, e);
}

static enum dca_rc
set_active(struct act_call *c, bool active, struct dca_err *e)
{
	char id[DCA_ID_MAX + 1];
	struct act_arg v[] = { ARG_ID("id", id) };
	enum dca_rc rc = act_args(c->act->args, ARGS(v), e);

	return rc ? rc : dca_store_customer_set_active(c->v->store, id, active,
	    c->seq, e);
}

enum dca_rc
act_customer_suspend(struct act_call *c, struct dca_err *e)
{
	return set_active(c, false, e);
}

enum dca_rc
act_customer_resume(struct act_call *c, struct dca_err *e)
{
	return set_active(c, true, e);
}

static enum dca_rc
key_args(struct act_call *c, struct dca_customer *customer,
    uint8_t hash[static DCA_SHA256_LEN], struct dca_err *e)
{
	char id[DCA_ID_MAX + 1];
	struct dca_buf der = { NULL, 0 };
	struct act_arg v[] = { ARG_ID("id", id),
		ARG_BYTES("key", der, DCA_SPKI_LEN) };
	struct dca_spki key;
	enum dca_rc rc;

	if ((rc = act_args(c->act->args, ARGS(v), e)) ||
	    (rc = dca_store_customer(c->v->store, id, customer, e)) ||
	    (rc = dca_spki_parse(&key, der, e)))
		return rc;
	dca_spki_sha256(hash, &key);
	return DCA_OK;
}

enum dca_rc
act_customer_pin(struct act_call *c, struct dca_err *e)
{
	const struct vault_cross *cross = vault_cross_active(c->v);
	uint8_t hash[DCA_SHA256_LEN], ca[DCA_SHA256_LEN];
	struct dca_customer customer;
	enum dca_rc rc = key_args(c, &customer, hash, e);

	if (rc)
		return rc;
	if (cross) {
		dca_spki_sha256(ca, &cross->chain.v[0].key);
		if (memcmp(ca, hash, sizeof(ca)) == 0)
			return dca_fail(e, DCA_RULE_CSR_FORBIDDEN_KEY,
			    "this is the key of the CA");
	}
	return dca_store_key_bind(c->v->store, hash, customer.id, true, e);
}

enum dca_rc
act_customer_unpin(struct act_call *c, struct dca_err *e)
{
	uint8_t hash[DCA_SHA256_LEN];
	struct dca_customer customer;
	struct dca_key key;
	enum dca_rc rc;

	if ((rc = key_args(c, &customer, hash, e)) ||
	    (rc = dca_store_key(c->v->store, hash, dca_now(), &key, e)))
		return rc;
	if (strcmp(key.customer, customer.id) != 0 || !key.pinned)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN,
		    "the key is not pinned for customer %s", customer.id);
	return dca_store_key_unpin(c->v->store, hash, e);
}

enum dca_rc
act_code_create(struct act_call *c, struct dca_err *e)
{
	struct dca_code code = { 0 };
	struct dca_customer customer;
	struct dca_spki to;
	uint64_t ttl = 0;
	struct act_arg v[] = { ARG_ID("customer", code.customer),
		ARG_ID("id", code.id), ARG_UINT("ttl", ttl, TTL_MAX) };
	DCA_AUTO_OUT sealed = { 0 };
	enum dca_rc rc;

	if ((rc = act_args(c->act->args, ARGS(v), e)) ||
	    (rc = dca_store_customer(c->v->store, code.customer, &customer, e)))
		return rc;
	if (strcmp(code.id, "rekey") == 0)
		return dca_fail(e, DCA_RULE_REG_ID,
		    "rekey is the name of another proof (dca(7) TRUST)");
	if (ttl < TTL_MIN)
		return dca_fail(e, DCA_RULE_REG_FIELD,
		    "ttl is %d to %d seconds", (int)TTL_MIN, (int)TTL_MAX);
	memcpy(code.secret, c->code, sizeof(code.secret));
	code.expires = dca_now() + (int64_t)ttl;
	rc = dca_store_code_add(c->v->store, &code, e);
	OPENSSL_cleanse(code.secret, sizeof(code.secret));
	if (rc)
		return rc;
	/* The front carries the answer and may not read it. */
	memcpy(to.der, c->op->spki, sizeof(to.der));
	dca_seal(&sealed, &to, DCA_BUF(c->code, sizeof(c->code)));
	dca_cbor_map(&c->answer, 3);
	dca_cbor_text(&c->answer, "id");
	dca_cbor_text(&c->answer, code.id);
	dca_cbor_text(&c->answer, "sealed");
	dca_cbor_bytes(&c->answer, dca_out_buf(&sealed));
	dca_cbor_text(&c->answer, "expires");
	vault_time(&c->answer, code.expires);
	return DCA_OK;
}

enum dca_rc
act_code_revoke(struct act_call *c, struct dca_err *e)
{
	char id[DCA_ID_MAX + 1];
	struct act_arg v[] = { ARG_ID("id", id) };
	enum dca_rc rc = act_args(c->act->args, ARGS(v), e);

	return rc ? rc : dca_store_code_remove(c->v->store, id, e);
}

enum dca_rc
act_issue(struct act_call *c, struct dca_err *e)
{
	char customer[DCA_ID_MAX + 1];
	struct dca_buf csr = { NULL, 0 };
	struct act_arg v[] = { ARG_ID("customer", customer),
		ARG_BYTES("csr", csr, DCA_CSR_MAX) };
	enum dca_rc rc;

	if ((rc = act_args(c->act->args, ARGS(v), e)))
		return rc;
	c->deferred = true;
	return vault_issue_operator(c->v, c->peer, c->id, c->op, customer,
	    csr, c->signed_act, e);
}

/* Retried whatever the token was put out of service for. */
enum dca_rc
act_token_resume(struct act_call *c, struct dca_err *e)
{
	enum dca_rc rc = act_args(c->act->args, NULL, 0, e);

	return rc ? rc : vault_token_resume(c->v, e);
}
