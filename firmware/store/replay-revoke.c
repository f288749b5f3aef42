/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acts that take back: revoke, delegation.remove, delegation.end. Which
 * certificates an act meant is found again from the rows before it and must
 * be exactly what its row says. Never believes the row alone.
 */
#include <stdlib.h>
#include <string.h>

#include "replay.h"
#include "dca/cert.h"

static enum dca_rc
numbers(struct dca_buf args, struct dca_tnset *set, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *text = NULL;
	struct dca_cbor v;
	struct dca_buf b = { 0 };

	if (!dca_cbor_find(args, "numbers", &v) ||
	    !dca_cbor_take_text_view(&v, &b, DCA_ACT_MAX))
		return replay_absent("numbers", e);
	text = dca_alloc(b.n + 1);
	memcpy(text, b.p, b.n);
	return dca_tnset_parse(set, text, e);
}

/* "serials" of the row, one after the other; a row without names none. */
static enum dca_rc
row_serials(const struct replay *r, struct dca_out *out, struct dca_err *e)
{
	struct dca_cbor v;
	struct dca_buf b = { 0 };
	size_t n = 0;

	if (!dca_cbor_find(r->row->body, "serials", &v))
		return DCA_OK;
	if (!dca_cbor_take_array(&v, &n, SIZE_MAX))
		return replay_absent("serials", e);
	for (; n; n--) {
		if (!dca_cbor_take_bytes(&v, &b, DCA_SERIAL_LEN) ||
		    b.n != DCA_SERIAL_LEN)
			return replay_absent("serials", e);
		dca_out_add(out, b.p, b.n);
	}
	return DCA_OK;
}

static enum dca_rc
revoke_all(struct replay *r, const struct dca_out *meant, uint64_t reason,
    struct dca_err *e)
{
	DCA_AUTO_OUT said = { 0 };
	enum dca_rc rc = row_serials(r, &said, e);

	if (rc)
		return rc;
	if (!dca_buf_eq(dca_out_buf(&said), dca_out_buf(meant)))
		return dca_fail(e, DCA_RULE_LEDGER_ROW, "serials: the row says "
		    "%zu, the rows before %zu, or others",
		    said.n / DCA_SERIAL_LEN, meant->n / DCA_SERIAL_LEN);
	for (size_t i = 0; !rc && i < said.n; i += DCA_SERIAL_LEN)
		rc = dca_store_certificate_revoke(r->to, said.p + i,
		    r->row->time, (int)reason, e);
	return rc;
}

enum dca_rc
replay_revoke(struct replay *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *set = dca_tnset_new();
	DCA_AUTO_OUT meant = { 0 };
	struct dca_buf args = r->act.args, serial = { 0 };
	struct dca_live_query q = { .now = r->row->time };
	char customer[DCA_ID_MAX + 1];
	struct dca_cbor v;
	uint64_t reason = 0;
	enum dca_rc rc = replay_uint(args, "reason", &reason, e);

	if (rc)
		return rc;
	if (dca_cbor_find(args, "serial", &v)) {
		if ((rc = replay_bytes(args, "serial", &serial, e)))
			return rc;
		dca_out_add(&meant, serial.p, serial.n);
		return revoke_all(r, &meant, reason, e);
	}
	if (dca_cbor_find(args, "customer", &v)) {
		rc = replay_text(args, "customer", customer, sizeof customer,
		    e);
		q.customer = customer;
	} else {
		rc = numbers(args, set, e);
		q.numbers = set;
	}
	if (rc || (rc = dca_store_certificates_live(r->to, &q, &meant, e)))
		return rc;
	return revoke_all(r, &meant, reason, e);
}

/* Revoked, then cut: as the vault does it. */
enum dca_rc
replay_delegation(struct replay *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *set = dca_tnset_new();
	DCA_AUTO_OUT meant = { 0 };
	struct dca_buf args = r->act.args;
	char customer[DCA_ID_MAX + 1];
	struct dca_live_query q = { .customer = customer, .numbers = set,
		.now = r->row->time };
	struct dca_cbor v;
	bool revoke = false;
	uint64_t reason = 0, end = 0, changed;
	enum dca_rc rc;

	if ((rc = replay_text(args, "customer", customer, sizeof customer,
		 e)) || (rc = numbers(args, set, e)))
		return rc;
	if (strcmp(r->act.name, "delegation.end") == 0 &&
	    (rc = replay_uint(args, "not_after", &end, e)))
		return rc;
	if (dca_cbor_find(args, "reason", &v) &&
	    (rc = replay_uint(args, "reason", &reason, e)))
		return rc;
	if (dca_cbor_find(args, "revoke", &v) &&
	    !dca_cbor_take_bool(&v, &revoke))
		return replay_absent("revoke", e);
	q.beyond = (int64_t)end;
	if ((rc = dca_store_certificates_live(r->to, &q, &meant, e)))
		return rc;
	if (meant.n && !revoke)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "live certificates exceed what is left, and are not "
		    "revoked");
	if ((rc = revoke_all(r, &meant, reason, e)))
		return rc;
	return dca_store_delegation_shrink(r->to, customer, set, (int64_t)end,
	    r->row->seq, &changed, e);
}
