/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The act revoke: a certificate, all live ones of a customer, or all live
 * ones with one of some numbers. Which they are is found out before the row
 * is written, which names them. Must never take a revocation back.
 */
#include <string.h>

#include "act.h"

enum { KEY_COMPROMISE = 1 };

/* What was asked; exactly one of the first three. */
struct revoke_args {
	struct dca_buf serial;
	char customer[DCA_ID_MAX + 1];
	struct dca_buf numbers;
	uint64_t reason;
};

/* RFC 5280 5.3.1. Hold (6) is not offered: what is back is a new one; (2) is
 * for CAs, (8) for delta CRLs, (10) for attribute certificates. */
enum dca_rc
act_reason(uint64_t reason, struct dca_err *e)
{
	static const uint8_t known[] = { 0, KEY_COMPROMISE, 3, 4, 5, 9 };
	enum dca_rc rc;

	for (size_t i = 0; i < sizeof(known); i++)
		if (reason == known[i])
			return DCA_OK;
	rc = dca_fail(e, DCA_RULE_REG_FIELD, "reason is 0, 1, 3, 4, 5 or 9");
	if (e)
		(void)dca_strlcpy(e->field, "reason", sizeof(e->field));
	return rc;
}

enum dca_rc
act_numbers(struct dca_buf item, struct dca_tnset *set, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	struct dca_cbor c = { .in = item };
	const char *const *literals;
	struct dca_buf b = { NULL, 0 };

	if (!dca_cbor_take_text_view(&c, &b, DCA_ACT_MAX))
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "argument numbers is malformed");
	text = dca_alloc(b.n + 1);
	memcpy(text, b.p, b.n);
	if (dca_tnset_parse(set, text, e) != DCA_OK)
		return dca_fail_in(e, "numbers");
	if (dca_tnset_has_spc(set) || dca_tnset_literals(set, &literals) ||
	    dca_tnset_empty(set))
		return dca_fail(e, DCA_RULE_REG_FIELD, "numbers are numbers "
		    "and ranges, as 12025550100+100");
	return DCA_OK;
}

void
act_put_revoked(struct act_call *c)
{
	size_t n = c->serials.n / DCA_SERIAL_LEN;
	char hex[2 * DCA_SERIAL_LEN + 1];

	n = n > ACT_SERIALS_SHOWN ? (size_t)ACT_SERIALS_SHOWN : n;
	dca_cbor_text(&c->answer, "revoked");
	dca_cbor_array(&c->answer, n);
	for (size_t i = 0; i < n; i++) {
		dca_hex(hex, c->serials.p + i * DCA_SERIAL_LEN,
		    DCA_SERIAL_LEN);
		dca_cbor_text(&c->answer, hex);
	}
}

enum dca_rc
act_revoke_serials(struct act_call *c, uint64_t reason, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	for (size_t i = 0; !rc && i < c->serials.n; i += DCA_SERIAL_LEN)
		rc = dca_store_certificate_revoke(c->v->store,
		    c->serials.p + i, c->now, (int)reason, e);
	return rc;
}

static enum dca_rc
parse(struct act_call *c, struct revoke_args *a, struct dca_err *e)
{
	struct act_arg v[] = {
		{ .name = "serial", .kind = ACT_BYTES, .optional = true,
		  .to = &a->serial, .cap = DCA_SERIAL_LEN },
		{ .name = "customer", .kind = ACT_ID, .optional = true,
		  .to = a->customer, .cap = sizeof(a->customer) },
		{ .name = "numbers", .kind = ACT_ITEM, .optional = true,
		  .to = &a->numbers },
		{ .name = "reason", .kind = ACT_UINT, .to = &a->reason,
		  .cap = UINT8_MAX },
	};
	enum dca_rc rc = act_args(c->act->args, v, 4, e);

	if (rc)
		return rc;
	if (v[0].seen + v[1].seen + v[2].seen != 1)
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "exactly one of serial, customer, numbers");
	if (v[0].seen && a->serial.n != DCA_SERIAL_LEN)
		return dca_fail(e, DCA_RULE_REG_FIELD,
		    "a serial has %d octets", (int)DCA_SERIAL_LEN);
	return act_reason(a->reason, e);
}

enum dca_rc
act_revoke_prepare(struct act_call *c, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *set = NULL;
	struct revoke_args a = { 0 };
	struct dca_live_query q = { .now = c->now };
	struct dca_customer customer;
	enum dca_rc rc = parse(c, &a, e);

	if (rc)
		return rc;
	if (a.serial.n) {
		dca_out_add(&c->serials, a.serial.p, a.serial.n);
		return DCA_OK;
	}
	if (a.customer[0]) {
		q.customer = a.customer;
		rc = dca_store_customer(c->v->store, a.customer, &customer, e);
	} else {
		q.numbers = set = dca_tnset_new();
		rc = act_numbers(a.numbers, set, e);
	}
	if (rc || (rc = dca_store_certificates_live(c->v->store, &q,
		      &c->serials, e)))
		return rc;
	return c->serials.n ? DCA_OK : dca_fail(e, DCA_RULE_REG_UNKNOWN,
	    "no live certificate %s", a.customer[0] ? "of this customer" :
	    "with one of these numbers");
}

enum dca_rc
act_revoke(struct act_call *c, struct dca_err *e)
{
	struct revoke_args a = { 0 };
	enum dca_rc rc;

	if ((rc = parse(c, &a, e)) ||
	    (rc = act_revoke_serials(c, a.reason, e)))
		return rc;
	dca_cbor_map(&c->answer, 2);
	dca_cbor_text(&c->answer, "count");
	dca_cbor_uint(&c->answer, c->serials.n / DCA_SERIAL_LEN);
	act_put_revoked(c);
	return DCA_OK;
}
