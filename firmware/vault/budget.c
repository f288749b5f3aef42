/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many new keys a customer may have certified in one day (UTC): who holds
 * one of its keys could rekey without end. Counted from the store, so that a
 * restart forgives nothing. Must never stand in the way of a known key.
 */
#include <stdio.h>
#include <string.h>

#include "job.h"

enum { DAY = 86400 };

/* New keys of the customer that are with workers. */
static uint64_t
in_flight(const struct vault *v, const struct vault_job *j)
{
	uint64_t n = 0;

	for (const struct vault_job *o = v->jobs; o; o = o->others)
		if (o->new_key && strcmp(o->who.customer, j->who.customer) == 0)
			n++;
	return n;
}

/* One whose key is there already is not counted twice. */
static bool
known_in_flight(const struct vault *v, const struct vault_job *j)
{
	for (const struct vault_job *o = v->jobs; o; o = o->others)
		if (o->new_key && memcmp(o->key_sha256, j->key_sha256,
		    sizeof(o->key_sha256)) == 0)
			return true;
	return false;
}

static enum dca_rc
refuse(struct vault *v, const struct vault_job *j, int64_t today,
    struct dca_err *e)
{
	const char *customer = j->who.customer;
	char text[128];

	(void)snprintf(text, sizeof(text), "more than %llu new keys on one "
	    "day (UTC)", (unsigned long long)v->conf.new_keys);
	if (!vault_alarm_known(v, "key-budget", customer, today))
		vault_alarm(v, "key-budget", customer, text);
	return dca_fail(e, DCA_RULE_KEY_BUDGET, "customer %s: %s", customer,
	    text);
}

enum dca_rc
vault_budget_check(struct vault *v, struct vault_job *j, struct dca_err *e)
{
	const int64_t now = dca_now(), today = now - now % DAY;
	struct dca_key key;
	enum dca_rc rc = dca_store_key(v->store, j->key_sha256, now, &key, e);

	j->new_key = false;
	if (rc && rc != DCA_NOTFOUND)
		return rc;
	if ((rc == DCA_OK && key.first) || known_in_flight(v, j))
		return DCA_OK;
	/* An operator signs for each: it counts, and is not refused. */
	if (!j->operator[0] && in_flight(v, j) +
	    dca_store_keys_new(v->store, j->who.customer, today) >=
	    v->conf.new_keys)
		return refuse(v, j, today, e);
	j->new_key = true;
	return DCA_OK;
}

unsigned
vault_budget_max_age(int64_t now)
{
	return (unsigned)(DAY - now % DAY);
}
