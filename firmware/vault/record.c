/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a certificate: its ledger row, its view row, the code it
 * spends, in the group that is open. Must never record what rests on
 * something that changed while it was signed.
 */
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"
#include "job.h"

/* Deterministic: keys by length, then bytes (RFC 8949 4.2.1). */
static void
issue_body(struct dca_out *o, const struct vault_job *j)
{
	const bool code = j->who.code[0] != '\0';
	const bool renewal = j->function == DCA_FN_SREN;

	dca_cbor_map(o, 7 + code + renewal);
	dca_cbor_text(o, "csr");
	dca_cbor_bytes(o, DCA_BUF(j->csr.sha256, DCA_SHA256_LEN));
	dca_cbor_text(o, "key");
	dca_cbor_bytes(o, DCA_BUF(j->key_sha256, DCA_SHA256_LEN));
	dca_cbor_text(o, "cert");
	dca_cbor_bytes(o, dca_out_buf(&j->cert));
	if (code) {
		dca_cbor_text(o, "code");
		dca_cbor_text(o, j->who.code);
	}
	dca_cbor_text(o, "basis");
	dca_cbor_uint(o, j->verdict.customer.changed);
	dca_cbor_text(o, "cross");
	dca_cbor_uint(o, j->cross->id);
	dca_cbor_text(o, "customer");
	dca_cbor_text(o, j->who.customer);
	dca_cbor_text(o, "function");
	dca_cbor_uint(o, j->function);
	if (renewal) {
		dca_cbor_text(o, "predecessor");
		dca_cbor_bytes(o, DCA_BUF(j->who.by, sizeof(j->who.by)));
	}
}

static enum dca_rc
append(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	struct dca_certificate c = { .function = j->function,
		.not_before = j->verdict.not_before,
		.not_after = j->verdict.not_after, .cross = j->cross->id,
		.basis = j->verdict.customer.changed };
	const bool operator = j->operator[0] != '\0';
	char actor[DCA_ACTOR_MAX];
	DCA_AUTO_OUT body = { 0 };
	enum dca_rc rc;

	memcpy(c.serial, j->serial, sizeof(c.serial));
	memcpy(c.customer, j->who.customer, sizeof(c.customer));
	memcpy(c.key_sha256, j->key_sha256, sizeof(c.key_sha256));
	memcpy(c.csr_sha256, j->csr.sha256, sizeof(c.csr_sha256));
	c.renewal = j->function == DCA_FN_SREN;
	if (c.renewal)
		memcpy(c.predecessor, j->who.by, sizeof(c.predecessor));
	(void)snprintf(actor, sizeof(actor), "%s:%s",
	    operator ? "operator" : "customer",
	    operator ? j->operator : j->who.customer);
	issue_body(&body, j);
	if ((rc = dca_store_append(v->store, dca_now(), "issue", actor,
		 dca_out_buf(&body), &c.seq, e)) ||
	    (rc = dca_store_certificate_add(v->store, &c, j->verdict.numbers,
		 j->verdict.shared, e)))
		return rc;
	if (!j->who.code[0])
		return DCA_OK;
	return dca_store_code_spend(v->store, j->who.code, j->csr.sha256,
	    j->serial, e);
}

/* Nor who asks: the key unpinned, the certificate revoked? (A code is spent
 * in the transaction that records.) */
static bool
still_known(struct vault *v, const struct vault_job *j)
{
	struct dca_key key;

	if (j->operator[0] || j->who.code[0])
		return true;
	if (j->who.by_certificate)
		return vault_who_live(v->store, &j->who, dca_now());
	return dca_store_key(v->store, j->key_sha256, dca_now(), &key, NULL) ==
	    DCA_OK && (key.pinned || key.certified);
}

/* The decision still stands: nothing it rests on changed meanwhile, neither
 * cross-certificate nor register. */
bool
vault_still_stands(struct vault *v, const struct vault_job *j)
{
	const struct vault_cross *cross = vault_cross_active(v);
	struct dca_customer c;

	if (!still_known(v, j))
		return false;
	return cross && cross->id == j->cross->id &&
	    dca_store_customer(v->store, j->who.customer, &c, NULL) ==
	    DCA_OK && c.active && c.changed == j->verdict.customer.changed;
}

enum dca_rc
vault_record(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	enum dca_rc rc;

	dca_store_savepoint(v->store);
	rc = append(v, j, e);
	if (rc)
		dca_store_undo(v->store);
	else
		dca_store_release(v->store);
	return rc;
}
