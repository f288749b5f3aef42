/* SPDX-License-Identifier: Apache-2.0 */
/* What `status` says; deterministic CBOR, keys in order. */
#include <string.h>

#include "dca/cbor.h"
#include "dca/jail.h"

#include "board.h"

static void
put_text(struct dca_out *o, const char *key, const char *value)
{
	dca_cbor_text(o, key);
	dca_cbor_text(o, value);
}

static void
put_token(const struct vault *v, struct dca_out *o)
{
	const struct vault_token *t = &v->token;
	const bool up = t->state == VAULT_TOKEN_UP;
	uint8_t hash[DCA_SHA256_LEN];

	dca_cbor_map(o, up ? 6 : 3);
	dca_cbor_text(o, "key");
	if (t->has_key) {
		dca_spki_sha256(hash, &t->key);
		dca_cbor_bytes(o, DCA_BUF(hash, sizeof(hash)));
	} else {
		dca_cbor_null(o);
	}
	if (!up)
		put_text(o, "error", t->why.text);
	if (up) {
		put_text(o, "label", t->info.label);
		put_text(o, "model", t->info.model);
	}
	put_text(o, "state", vault_token_state(v));
	if (up) {
		put_text(o, "serial", t->info.serial);
		put_text(o, "manufacturer", t->info.manufacturer);
	}
}

static void
put_cross(struct vault *v, struct dca_out *o)
{
	const struct vault_cross *cross = vault_cross_active(v);
	const struct dca_cert *c;
	char hex[2 * DCA_SERIAL_LEN + 1];
	DCA_AUTO_OUT subject = { 0 };

	if (!cross) {
		dca_cbor_null(o);
		return;
	}
	c = &cross->chain.v[0];
	dca_name_print(&subject, c->subject);
	dca_hex(hex, c->serial, sizeof(c->serial));
	dca_cbor_map(o, 7);
	dca_cbor_text(o, "id");
	dca_cbor_uint(o, cross->id);
	dca_cbor_text(o, "scope");
	vault_entries(o, c->scope);
	put_text(o, "serial", hex);
	dca_cbor_text(o, "subject");
	dca_cbor_text_n(o, (const char *)subject.p, subject.n);
	dca_cbor_text(o, "days_left");
	dca_cbor_int(o, (vault_cross_ends(cross) - dca_now()) / 86400);
	dca_cbor_text(o, "not_after");
	vault_time(o, c->not_after);
	dca_cbor_text(o, "not_before");
	vault_time(o, c->not_before);
}

static void
put_counts(struct vault *v, struct dca_out *o)
{
	/* by length, then bytes */
	static const char *const views[] = { "codes", "customers", "inventory",
		"operators", "delegations", "certificates" };
	const size_t n = sizeof(views) / sizeof(views[0]);

	dca_cbor_map(o, n);
	for (size_t i = 0; i < n; i++) {
		dca_cbor_text(o, views[i]);
		dca_cbor_uint(o, dca_store_count(v->store, views[i]));
	}
}

static void
put_ledger(struct vault *v, struct dca_out *o)
{
	struct dca_row head = { 0 };

	if (dca_store_head(v->store, &head, NULL) != DCA_OK)
		memset(&head, 0, sizeof(head));
	dca_cbor_map(o, 2);
	dca_cbor_text(o, "seq");
	dca_cbor_uint(o, head.seq);
	dca_cbor_text(o, "hash");
	dca_cbor_bytes(o, DCA_BUF(head.hash, sizeof(head.hash)));
}

void
vault_status(struct vault *v, const struct dca_operator *op,
    struct dca_out *o)
{
	dca_cbor_map(o, op ? 13 : 12);
	put_text(o, "jail", dca_jail_state());
	dca_cbor_text(o, "time");
	vault_time(o, dca_now());
	dca_cbor_text(o, "board");
	vault_board_status(v, o);
	dca_cbor_text(o, "cross");
	put_cross(v, o);
	put_text(o, "state", vault_state(v));
	dca_cbor_text(o, "token");
	put_token(v, o);
	dca_cbor_text(o, "alarms");
	vault_alarms(v, o);
	dca_cbor_text(o, "counts");
	put_counts(v, o);
	dca_cbor_text(o, "ledger");
	put_ledger(v, o);
	put_text(o, "release", v->conf.release == VAULT_PUBLISHED ?
	    "published" : "committed");
	put_text(o, "version", DCA_VERSION);
	if (op) {
		dca_cbor_text(o, "operator");
		dca_cbor_map(o, 3);
		put_text(o, "id", op->id);
		dca_cbor_text(o, "seq");
		dca_cbor_uint(o, op->last_seq);
		put_text(o, "role", op->role);
	}
	dca_cbor_text(o, "appliance");
	dca_cbor_bytes(o, DCA_BUF(v->appliance, sizeof(v->appliance)));
}
