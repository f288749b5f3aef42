/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The acts delegation.remove and delegation.end: numbers taken back at once
 * or from a time on. Must never leave a live certificate that exceeds what is
 * left: it is refused, or they are revoked in the same act (dca(7) TRUST).
 */
#include <string.h>

#include "act.h"
#include "dca/cert.h"

enum { SERIALS_IN_TEXT = 5 };

struct shrink_args {
	char customer[DCA_ID_MAX + 1];
	struct dca_tnset *numbers;	/* owned */
	uint64_t not_after;		/* 0: remove */
	bool revoke;
	uint64_t reason;
};

static void
args_clear(struct shrink_args *a)
{
	dca_tnset_free(a->numbers);
}

static enum dca_rc
check_end(const struct act_call *c, const struct shrink_args *a,
    struct dca_err *e)
{
	enum dca_rc rc;

	if ((int64_t)a->not_after >= c->now)
		return DCA_OK;
	rc = dca_fail(e, DCA_RULE_REG_FIELD, "not_after has passed: "
	    "delegation.remove takes numbers back at once");
	if (e)
		(void)dca_strlcpy(e->field, "not_after", sizeof(e->field));
	return rc;
}

static enum dca_rc
parse(struct act_call *c, struct shrink_args *a, struct dca_err *e)
{
	struct dca_buf numbers = { NULL, 0 }, revoke = { NULL, 0 };
	struct act_arg v[] = {
		{ .name = "customer", .kind = ACT_ID, .to = a->customer,
		  .cap = sizeof(a->customer) },
		{ .name = "numbers", .kind = ACT_ITEM, .to = &numbers },
		{ .name = "revoke", .kind = ACT_ITEM, .optional = true,
		  .to = &revoke },
		{ .name = "reason", .kind = ACT_UINT, .optional = true,
		  .to = &a->reason, .cap = UINT8_MAX },
		{ .name = "not_after", .kind = ACT_UINT, .to = &a->not_after,
		  .cap = INT64_MAX / 2 },
	};
	const bool end = strcmp(c->act->name, "delegation.end") == 0;
	struct dca_cbor flag;
	enum dca_rc rc = act_args(c->act->args, v, end ? 5 : 4, e);

	if (rc)
		return rc;
	flag = (struct dca_cbor){ .in = revoke };
	if (revoke.n && !dca_cbor_take_bool(&flag, &a->revoke))
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "argument revoke is true or false");
	if (v[3].seen && !a->revoke)
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "a reason without revoke");
	if (end && (rc = check_end(c, a, e)))
		return rc;
	a->numbers = dca_tnset_new();
	rc = act_numbers(numbers, a->numbers, e);
	return rc ? rc : act_reason(a->reason, e);
}

/* The lowest of the numbers that a certificate of serials holds. */
static enum dca_rc
first_held(struct act_call *c, const struct shrink_args *a,
    char first[static DCA_ENTRY_TEXT], struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *all = dca_tnset_new();
	enum dca_rc rc = DCA_OK;

	for (size_t i = 0; !rc && i < c->serials.n; i += DCA_SERIAL_LEN) {
		DCA_AUTO_OUT der = { 0 };
		struct dca_cert cert = { 0 };

		rc = dca_store_certificate_der(c->v->store, c->serials.p + i,
		    &der, e);
		if (!rc)
			rc = dca_cert_parse(&cert, dca_out_buf(&der), e);
		if (!rc && cert.scope)
			dca_tnset_union(all, cert.scope);
		dca_cert_clear(&cert);
	}
	first[0] = '\0';
	if (!rc)
		(void)dca_tnset_overlaps(all, a->numbers, first);
	return rc;
}

/* Lists them: all when they are few, and how many there are. */
static enum dca_rc
refuse_live(struct act_call *c, const struct shrink_args *a,
    struct dca_err *e)
{
	const size_t n = c->serials.n / DCA_SERIAL_LEN;
	char first[DCA_ENTRY_TEXT], hex[2 * DCA_SERIAL_LEN + 1];
	DCA_AUTO_OUT text = { 0 };
	enum dca_rc rc = first_held(c, a, first, e);

	if (rc)
		return rc;
	for (size_t i = 0; i < n && i < SERIALS_IN_TEXT; i++) {
		dca_hex(hex, c->serials.p + i * DCA_SERIAL_LEN,
		    DCA_SERIAL_LEN);
		dca_out_printf(&text, "%s%s", i ? ", " : "", hex);
	}
	if (n > SERIALS_IN_TEXT)
		dca_out_printf(&text, " and %zu more", n - SERIALS_IN_TEXT);
	rc = dca_fail(e, DCA_RULE_REG_LIVE, "%zu live: %s", n,
	    (const char *)text.p);
	if (e)
		(void)dca_strlcpy(e->first, first, sizeof(e->first));
	return rc;
}

enum dca_rc
act_delegation_prepare(struct act_call *c, struct dca_err *e)
{
	DCA_CLEANUP(args_clear) struct shrink_args a = { 0 };
	struct dca_live_query q = { .now = c->now };
	struct dca_customer customer;
	enum dca_rc rc;

	if ((rc = parse(c, &a, e)) ||
	    (rc = dca_store_customer(c->v->store, a.customer, &customer, e)))
		return rc;
	q.customer = a.customer;
	q.numbers = a.numbers;
	q.beyond = (int64_t)a.not_after;
	if ((rc = dca_store_certificates_live(c->v->store, &q, &c->serials,
		 e)))
		return rc;
	if (c->serials.n == 0 || a.revoke)
		return DCA_OK;
	return refuse_live(c, &a, e);
}

static enum dca_rc
shrink(struct act_call *c, const char *counts, struct dca_err *e)
{
	DCA_CLEANUP(args_clear) struct shrink_args a = { 0 };
	uint64_t changed = 0;
	enum dca_rc rc;

	if ((rc = parse(c, &a, e)) ||
	    (rc = act_revoke_serials(c, a.reason, e)) ||
	    (rc = dca_store_delegation_shrink(c->v->store, a.customer,
		 a.numbers, (int64_t)a.not_after, c->seq, &changed, e)))
		return rc;
	dca_cbor_map(&c->answer, 2);
	dca_cbor_text(&c->answer, counts);
	dca_cbor_uint(&c->answer, changed);
	act_put_revoked(c);
	return DCA_OK;
}

enum dca_rc
act_delegation_remove(struct act_call *c, struct dca_err *e)
{
	return shrink(c, "removed", e);
}

enum dca_rc
act_delegation_end(struct act_call *c, struct dca_err *e)
{
	return shrink(c, "changed", e);
}
