/* SPDX-License-Identifier: Apache-2.0 */
/* The REPORT map: deterministic CBOR, what is unknown is left out. */
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "dca/cbor.h"

static void
put(struct dca_out *o, size_t *n, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	dca_cbor_text(o, key);
	dca_cbor_text(o, value);
	++*n;
}

static void
put_number(struct dca_out *o, size_t *n, const char *key, bool known,
    uint64_t value)
{
	if (!known)
		return;
	dca_cbor_text(o, key);
	dca_cbor_uint(o, value);
	++*n;
}

static void
put_map(struct dca_out *o, size_t *n, const char *key, size_t pairs,
    const struct dca_out *body)
{
	if (pairs == 0)
		return;
	dca_cbor_text(o, key);
	dca_cbor_map(o, pairs);
	dca_out_add(o, body->p, body->n);
	++*n;
}

static void
put_pcrs(struct dca_out *o, size_t *n, const struct boot *b)
{
	DCA_AUTO_OUT body = { 0 };
	size_t pairs = 0;

	for (unsigned i = 0; i < 3; i++) {
		char name[8];

		if (!b->has_pcr[i])
			continue;
		snprintf(name, sizeof(name), "%u", boot_pcrs[i]);
		dca_cbor_text(&body, name);
		dca_cbor_bytes(&body, DCA_BUF(b->pcr[i], DCA_SHA256_LEN));
		pairs++;
	}
	put_map(o, n, "pcrs", pairs, &body);
}

static void
put_other(struct dca_out *o, size_t *n, const struct rauc_other *other)
{
	DCA_AUTO_OUT body = { 0 };
	size_t pairs = 0;

	if (!other->known)
		return;
	put(&body, &pairs, "state", other->state);
	put(&body, &pairs, "version", other->version);
	put_map(o, n, "other", pairs, &body);
}

static void
put_update(struct dca_out *o, size_t *n, const struct update *u)
{
	const enum update_state s = update_state(u);
	DCA_AUTO_OUT body = { 0 };
	size_t pairs = 0;

	put(&body, &pairs, "text", update_text(u));
	put(&body, &pairs, "state", update_state_name(s));
	put_number(&body, &pairs, "percent", s == UPDATE_INSTALLING,
	    update_percent(u));
	put(&body, &pairs, "version", update_version(u));
	put_map(o, n, "update", pairs, &body);
}

void
report_encode(struct dca_out *o, const struct report *r)
{
	/* status says so wherever it is looked at */
	static const char *const tokens[] = {
		"softhsm: NOT FOR PRODUCTION", "tpm2", "module" };
	const struct boot *b = r->boot;
	const char slot[2] = { b->slot, '\0' };
	DCA_AUTO_OUT body = { 0 };
	size_t n = 0;

	put(&body, &n, "data", b->data);
	put_pcrs(&body, &n, b);
	put(&body, &n, "slot", slot);
	put(&body, &n, "board", r->conf->name);
	put(&body, &n, "clock", r->clock);
	put_number(&body, &n, "floor", b->has_floor, b->floor);
	if (r->update != NULL)
		put_other(&body, &n, update_other(r->update));
	put(&body, &n, "state", state_name(r->state));
	put(&body, &n, "token", tokens[r->conf->token]);
	put(&body, &n, "tamper", r->tamper);
	if (r->update != NULL)
		put_update(&body, &n, r->update);
	put(&body, &n, "version", b->version);
	if (b->has_floor)
		put(&body, &n, "floor_in", b->floor_in);
	put_number(&body, &n, "security", b->has_security, b->security);
	dca_cbor_text(&body, "watchdog");
	dca_cbor_bool(&body, r->watchdog);
	dca_cbor_map(o, n + 1);
	dca_out_add(o, body.p, body.n);
}
