/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals in the ledger (dca(7) LIMITS): a row each for a known actor, at most
 * ten a minute, then one row that counts the rest. Must never let a stranger
 * write rows: only actors that proved who they are come here.
 */
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"

#include "vault.h"

enum { MINUTE = 60 };

static void
append(struct vault *v, const char *actor, struct dca_buf body)
{
	struct dca_err e = { 0 };

	if (vault_group(v, &e) == DCA_OK &&
	    dca_store_append(v->store, dca_now(), "refuse", actor, body, NULL,
	    &e) == DCA_OK)
		return;
	/* CLOCK or IO: the refusal stands, its record is in the journal. */
	dca_log_err(DCA_WARNING, "refusal not recorded", &e);
}

static void
summarise(struct vault *v, struct vault_limit *l)
{
	DCA_AUTO_OUT body = { 0 };

	if (l->more) {
		dca_cbor_map(&body, 2);
		dca_cbor_text(&body, "rule");
		dca_cbor_text(&body, dca_problem(DCA_RULE_RATE)->id);
		dca_cbor_text(&body, "count");
		dca_cbor_uint(&body, l->more);
		append(v, l->actor, dca_out_buf(&body));
	}
	memset(l, 0, sizeof(*l));
}

/* The actor's slot; a new one takes a free slot, or that of the oldest. */
static struct vault_limit *
limit_of(struct vault *v, const char *actor, int64_t now)
{
	struct vault_limit *oldest = &v->limits[0];

	for (size_t i = 0; i < VAULT_LIMITS; i++) {
		struct vault_limit *l = &v->limits[i];

		if (strcmp(l->actor, actor) == 0) {
			if (now - l->since < MINUTE && now >= l->since)
				return l;
			oldest = l;
			break;
		}
		if (l->since < oldest->since)
			oldest = l;
	}
	summarise(v, oldest);
	(void)dca_strlcpy(oldest->actor, actor, sizeof(oldest->actor));
	oldest->since = now;
	return oldest;
}

void
vault_refuse_flush(struct vault *v, int64_t now)
{
	for (size_t i = 0; i < VAULT_LIMITS; i++) {
		struct vault_limit *l = &v->limits[i];

		if (l->actor[0] && (now - l->since >= MINUTE || now < l->since))
			summarise(v, l);
	}
}

void
vault_refuse_end(struct vault *v)
{
	struct dca_err e = { 0 };

	vault_refuse_flush(v, INT64_MAX);
	if (dca_store_in_transaction(v->store) &&
	    dca_store_commit(v->store, &e) != DCA_OK)
		dca_log_err(DCA_WARNING, "refusals not recorded", &e);
}

static void
pair(struct dca_out *o, const char *key, const char *value)
{
	if (!value[0])
		return;
	dca_cbor_text(o, key);
	dca_cbor_text(o, value);
}

void
vault_refuse(struct vault *v, const char *actor, const char *act,
    struct dca_buf cose, const struct dca_err *e)
{
	const struct dca_problem *p = dca_problem(e->rule);
	struct vault_limit *l = limit_of(v, actor, dca_now());
	DCA_AUTO_OUT body = { 0 };

	dca_log(DCA_INFO, "refused actor=%s act=%s rule=%s detail=\"%s\"",
	    actor, act[0] ? act : "-", p->id, e->text);
	if (l->rows >= VAULT_REFUSALS_PER_MINUTE) {
		l->more++;
		return;
	}
	l->rows++;
	dca_cbor_map(&body, (act[0] != 0) + (cose.n != 0) + 1 +
	    (e->text[0] != 0) + (e->first[0] != 0));
	pair(&body, "act", act);
	if (cose.n) {
		dca_cbor_text(&body, "cose");
		dca_cbor_bytes(&body, cose);
	}
	pair(&body, "rule", p->id);
	pair(&body, "text", e->text);
	pair(&body, "first", e->first);
	append(v, actor, dca_out_buf(&body));
}
