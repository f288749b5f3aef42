/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quarantine: a token that gave a wrong signature stays out of service until
 * an operator says so, over restarts too. The ledger's alarms remember it.
 */
#include <string.h>

#include "dca/cbor.h"
#include "vault.h"

enum { ALARMS_LOOKED_AT = 1000 };

/* Newest first: the first of the two decides. */
static enum dca_rc
look(const struct dca_row *row, void *arg, struct dca_err *e)
{
	const char **last = arg;
	char name[40] = "";
	struct dca_cbor c;

	(void)e;
	if (*last || !dca_cbor_find(row->body, "alarm", &c) ||
	    !dca_cbor_take_text(&c, name, sizeof(name)))
		return DCA_OK;
	if (strcmp(name, VAULT_ALARM_SIGNATURE) == 0)
		*last = VAULT_ALARM_SIGNATURE;
	else if (strcmp(name, VAULT_ALARM_RESUMED) == 0)
		*last = VAULT_ALARM_RESUMED;
	return DCA_OK;
}

bool
vault_quarantined(struct vault *v)
{
	const char *last = NULL;
	struct dca_err e = { 0 };

	if (dca_store_alarms(v->store, 0, ALARMS_LOOKED_AT, look, &last, &e)) {
		dca_log_err(DCA_ERR, "alarms", &e);
		return true;
	}
	return last && strcmp(last, VAULT_ALARM_SIGNATURE) == 0;
}
