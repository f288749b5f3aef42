/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms: what an operator has to know without asking. Each is a line of the
 * journal and a row of kind "alarm" in the ledger. Must never hold a secret,
 * and never stop the vault when it cannot be recorded.
 */
#include <string.h>

#include "dca/cbor.h"
#include "vault.h"

enum { ALARMS_LOOKED_AT = 1000 };

void
vault_alarm(struct vault *v, const char *alarm, const char *customer,
    const char *text)
{
	struct dca_err e = { 0 };
	DCA_AUTO_OUT body = { 0 };

	dca_log(DCA_ERR, "alarm=%s customer=%s text=\"%s\"", alarm,
	    customer[0] ? customer : "-", text);
	dca_cbor_map(&body, customer[0] ? 3 : 2);
	dca_cbor_text(&body, "text");
	dca_cbor_text(&body, text);
	dca_cbor_text(&body, "alarm");
	dca_cbor_text(&body, alarm);
	if (customer[0]) {
		dca_cbor_text(&body, "customer");
		dca_cbor_text(&body, customer);
	}
	if (vault_group(v, &e) != DCA_OK ||
	    dca_store_append(v->store, dca_now(), "alarm", "vault",
		dca_out_buf(&body), NULL, &e) != DCA_OK)
		dca_log_err(DCA_ERR, "alarm not recorded", &e);
}

struct wanted {
	const char *alarm, *customer;
	bool found;
};

static bool
says(struct dca_buf body, const char *key, const char *value)
{
	char text[DCA_ID_MAX + 1];
	struct dca_cbor c;

	if (!dca_cbor_find(body, key, &c))
		return value[0] == '\0';
	return dca_cbor_take_text(&c, text, sizeof(text)) &&
	    strcmp(text, value) == 0;
}

static enum dca_rc
is_wanted(const struct dca_row *row, void *arg, struct dca_err *e)
{
	struct wanted *w = arg;

	(void)e;
	w->found = w->found || (says(row->body, "alarm", w->alarm) &&
	    says(row->body, "customer", w->customer));
	return DCA_OK;
}

bool
vault_alarm_known(struct vault *v, const char *alarm, const char *customer,
    int64_t since)
{
	struct wanted w = { alarm, customer, false };
	struct dca_err e = { 0 };

	if (dca_store_alarms(v->store, since, ALARMS_LOOKED_AT, is_wanted, &w,
	    &e) != DCA_OK)
		dca_log_err(DCA_ERR, "alarms", &e);
	return w.found;
}

struct list {
	struct dca_out rows;
	size_t n;
};

static enum dca_rc
put(const struct dca_row *row, void *arg, struct dca_err *e)
{
	struct list *l = arg;

	(void)e;
	dca_cbor_map(&l->rows, 3);
	dca_cbor_text(&l->rows, "seq");
	dca_cbor_uint(&l->rows, row->seq);
	dca_cbor_text(&l->rows, "body");
	dca_out_add(&l->rows, row->body.p, row->body.n);
	dca_cbor_text(&l->rows, "time");
	vault_time(&l->rows, row->time);
	l->n++;
	return DCA_OK;
}

void
vault_alarms(struct vault *v, struct dca_out *o)
{
	struct list l = { 0 };
	struct dca_err e = { 0 };

	if (dca_store_alarms(v->store, 0, VAULT_ALARMS_SHOWN, put, &l, &e) !=
	    DCA_OK)
		dca_log_err(DCA_ERR, "alarms", &e);
	dca_cbor_array(o, l.n);
	if (l.n)
		dca_out_add(o, l.rows.p, l.rows.n);
	dca_out_free(&l.rows);
}
