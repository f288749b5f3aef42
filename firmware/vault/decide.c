/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision (dca(7)), the same for a customer's request, an
 * operator's and the dry run. Reads the store, changes nothing, knows no
 * clock but the one it is given. Must never let anything through that it did
 * not find inside both the cross-certificate and a valid delegation.
 */
#include "decide.h"

#include <stdio.h>
#include <string.h>

#include "dca/tnauthlist.h"

void
vault_verdict_clear(struct vault_verdict *d)
{
	dca_tnset_free(d->numbers);
	d->numbers = NULL;
}

/* The delegations that overlap what is asked, and all they cover. */
struct held {
	struct dca_delegation *v;
	size_t n, cap;
	struct dca_tnset *all;
};

static void
held_add(const struct dca_delegation *d, void *arg)
{
	struct held *h = arg;

	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 16;
		h->v = dca_realloc(h->v, h->cap * sizeof(*h->v));
	}
	h->v[h->n++] = *d;
	dca_tnset_add_interval(h->all, d->range);
}

static void
held_clear(struct held *h)
{
	free(h->v);
	dca_tnset_free(h->all);
}

static void
all_add(const struct dca_delegation *d, void *arg)
{
	dca_tnset_add_interval(arg, d->range);
}

struct dca_tnset *
vault_delegated(struct dca_store *s, const char *customer, int64_t now)
{
	struct dca_tnset *all = dca_tnset_new();

	dca_store_delegations(s, customer, now, NULL, all_add, all);
	return all;
}

static enum dca_rc
check_ready(const struct vault_question *q, struct dca_err *e)
{
	const struct dca_cert *c;
	char from[DCA_TIME_TEXT], to[DCA_TIME_TEXT];
	struct dca_row head;
	enum dca_rc rc;

	if (!q->cross)
		return dca_fail(e, DCA_RULE_CROSS_NONE,
		    "no cross-certificate is installed");
	if (q->cross->revoked)
		return dca_fail(e, DCA_RULE_CROSS_REVOKED, "the STI-PA's CRL "
		    "lists a certificate of the active chain");
	c = &q->cross->chain.v[0];
	dca_time_format(from, c->not_before);
	dca_time_format(to, c->not_after);
	if (q->now < c->not_before || q->now > c->not_after)
		return dca_fail(e, DCA_RULE_CROSS_VALIDITY,
		    "cross-certificate is valid from %s to %s", from, to);
	/* The rest of the chain ends too (RFC 5280 6.1.3 (a)(2)). */
	for (size_t i = 1; i < q->cross->chain.n; i++)
		if (q->now > q->cross->chain.v[i].not_after)
			return dca_fail(e, DCA_RULE_CROSS_VALIDITY,
			    "certificate %zu above the cross-certificate "
			    "has expired", i);
	rc = dca_store_head(q->store, &head, e);
	if (rc == DCA_NOTFOUND)
		return DCA_OK;
	if (rc)
		return rc;
	if (q->now < head.time)
		return dca_fail(e, DCA_RULE_CLOCK,
		    "clock is %lld s behind ledger row %llu",
		    (long long)(head.time - q->now),
		    (unsigned long long)head.seq);
	return DCA_OK;
}

static enum dca_rc
check_customer(const struct vault_question *q, struct vault_verdict *d,
    struct dca_err *e)
{
	const struct dca_cert *ca = &q->cross->chain.v[0];
	uint8_t hash[DCA_SHA256_LEN];
	struct dca_key key;
	enum dca_rc rc;

	rc = dca_store_customer(q->store, q->customer, &d->customer, e);
	if (rc)
		return rc;
	d->known = true;
	if (!d->customer.active)
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "customer %s is suspended", q->customer);
	if (ca->p256 && memcmp(&ca->key, &q->csr->key, sizeof(ca->key)) == 0)
		return dca_fail(e, DCA_RULE_CSR_FORBIDDEN_KEY,
		    "the request is for the key of the CA");
	dca_spki_sha256(hash, &q->csr->key);
	if ((rc = dca_store_key_allowed(q->store, hash, e)))
		return rc;
	rc = dca_store_key(q->store, hash, q->now, &key, e);
	if (rc == DCA_NOTFOUND)
		return DCA_OK;
	if (rc)
		return rc;
	if (strcmp(key.customer, q->customer) != 0)
		return dca_fail(e, DCA_RULE_CSR_FORBIDDEN_KEY,
		    "the key belongs to another customer");
	return DCA_OK;
}

/* dca(7) MAIN JOB: unrevoked, before 2/3 of its life, from the active
 * cross-certificate, from an unchanged delegation and profile. */
static enum dca_rc
find_repeat(const struct vault_question *q, struct vault_verdict *d,
    struct dca_err *e)
{
	struct dca_certificate c;
	enum dca_rc rc = dca_store_certificate_repeat(q->store, q->customer,
	    q->function, q->csr->sha256, &c, e);

	if (rc == DCA_NOTFOUND)
		return DCA_OK;
	if (rc)
		return rc;
	if (c.revoked || c.cross != q->cross->id ||
	    c.basis != d->customer.changed ||
	    q->now >= c.not_before + (c.not_after - c.not_before) / 3 * 2)
		return DCA_OK;
	d->repeat = true;
	memcpy(d->serial, c.serial, sizeof(d->serial));
	d->not_before = c.not_before;
	d->not_after = c.not_after;
	return DCA_OK;
}

/* From the register (dca(7) MAIN JOB). */
enum dca_rc
vault_subject(const struct dca_customer *c, struct dca_out *o,
    struct dca_err *e)
{
	char cn[65];

	if (c->cn[0])
		(void)dca_strlcpy(cn, c->cn, sizeof(cn));
	else if (snprintf(cn, sizeof(cn), "SHAKEN %s", c->id) >= (int)sizeof(cn))
		(void)dca_strlcpy(cn, c->id, sizeof(cn));
	o->n = 0;
	return dca_name_encode(o, c->country, c->name, cn, e);
}

/* RFC 5280 4.2.1.10: of the cross-certificate and of all above it. */
enum dca_rc
vault_check_names(const struct vault_cross *cross,
    const struct dca_customer *customer, struct dca_err *e)
{
	DCA_AUTO_OUT subject = { 0 };
	const char *why = NULL;
	enum dca_rc rc = vault_subject(customer, &subject, e);

	for (size_t i = 0; !rc && !why && i < cross->chain.n; i++)
		if (cross->chain.v[i].names.n > 0)
			why = dca_names_outside(cross->chain.v[i].names,
			    dca_out_buf(&subject));
	if (rc || !why)
		return rc;
	return dca_fail(e, DCA_RULE_SCOPE_NAME, "the subject of customer %s "
	    "%s (name constraints of the cross-certificate)", customer->id,
	    why);
}

/* Says why first, the lowest entry that is not allowed, is not. */
static enum dca_rc
refuse_first(const struct vault_question *q, const struct held *h,
    const char *first, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *one = dca_tnset_new();
	char other[DCA_ENTRY_TEXT];
	enum dca_rc rc;

	if (dca_tnset_parse(one, first, NULL) != DCA_OK)
		abort(); /* what a set printed, a set reads */
	if (dca_tnset_covers(h->all, one, NULL) && q->cross->listed &&
	    dca_tnset_covers(q->cross->listed, one, NULL))
		rc = dca_fail(e, DCA_RULE_SCOPE_LIMIT, "%s is outside the "
		    "constraints extension of the cross-certificate", first);
	else if (dca_tnset_covers(h->all, one, NULL) && q->cross->spc_only)
		rc = dca_fail(e, DCA_RULE_SCOPE_INVENTORY, "%s is not in the "
		    "inventory of an SPC of the cross-certificate", first);
	else if (dca_tnset_covers(h->all, one, NULL))
		rc = dca_fail(e, DCA_RULE_SCOPE_CROSS,
		    "%s is outside the cross-certificate", first);
	else if (dca_store_delegated_elsewhere(q->store, q->customer, q->now,
	    one, other))
		rc = dca_fail(e, DCA_RULE_SCOPE_OTHER,
		    "%s is delegated to another customer", first);
	else
		rc = dca_fail(e, DCA_RULE_SCOPE_DELEGATION,
		    "%s is not delegated to customer %s", first, q->customer);
	if (e)
		(void)dca_strlcpy(e->first, first, sizeof(e->first));
	return rc;
}

/* Of set, what the cross-certificate has, and the certificate renewed. */
static struct dca_tnset *
inside(const struct vault_question *q, const struct dca_tnset *set)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *some =
	    dca_tnset_intersect(set, q->cross->scope);

	if (q->old)
		return dca_tnset_intersect(some, q->old->scope);
	return dca_steal(&some);
}

/* None asked: what is not valid long enough is left out, unless that is all
 * there is (then the refusal says so). */
static struct dca_tnset *
long_enough(const struct vault_question *q, const struct held *h)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *some = dca_tnset_new();

	for (size_t i = 0; i < h->n; i++)
		if (!h->v[i].not_after ||
		    h->v[i].not_after - q->now >= q->min_validity)
			dca_tnset_add_interval(some, h->v[i].range);
	return inside(q, some);
}

static enum dca_rc
choose_numbers(const struct vault_question *q, const struct held *h,
    struct vault_verdict *d, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *allowed =
	    inside(q, h->all);
	char first[DCA_ENTRY_TEXT];

	if (!q->csr->numbers && dca_tnset_empty(allowed))
		return dca_fail(e, DCA_RULE_SCOPE_EMPTY, "customer %s has no "
		    "valid delegation inside the cross-certificate%s",
		    q->customer, q->old ? " and the certificate" : "");
	if (!q->csr->numbers) {
		d->numbers = long_enough(q, h);
		if (dca_tnset_empty(d->numbers)) {
			dca_tnset_free(d->numbers);
			d->numbers = dca_steal(&allowed);
		}
		return DCA_OK;
	}
	if (dca_tnset_empty(q->csr->numbers))
		return dca_fail(e, DCA_RULE_SCOPE_EMPTY,
		    "the request names no number");
	if (!dca_tnset_covers(allowed, q->csr->numbers, first))
		return refuse_first(q, h, first, e);
	d->numbers = dca_tnset_dup(q->csr->numbers);
	return DCA_OK;
}

static enum dca_rc
check_exclusive(const struct vault_question *q, const struct held *h,
    struct vault_verdict *d, struct dca_err *e)
{
	char first[DCA_ENTRY_TEXT];

	d->shared = true;
	for (size_t i = 0; i < h->n && d->shared; i++) {
		DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *one = NULL;

		if (h->v[i].shared)
			continue;
		one = dca_tnset_new();
		dca_tnset_add_interval(one, h->v[i].range);
		d->shared = !dca_tnset_overlaps(one, d->numbers, NULL);
	}
	if (!dca_store_certified_elsewhere(q->store, q->customer, q->now,
	    d->numbers, d->shared, first))
		return DCA_OK;
	(void)dca_fail(e, DCA_RULE_SCOPE_OTHER,
	    "%s is in a live certificate of another customer", first);
	if (e)
		(void)dca_strlcpy(e->first, first, sizeof(e->first));
	return dca_problem(DCA_RULE_SCOPE_OTHER)->rc;
}

static enum dca_rc
check_size(const struct vault_verdict *d, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };

	dca_tnauthlist_encode(&der, d->numbers);
	if (der.n <= DCA_TNAUTHLIST_MAX)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_TN_LIST_SIZE, "TNAuthList of %zu octets, "
	    "at most %d: split the numbers over several certificates", der.n,
	    (int)DCA_TNAUTHLIST_MAX);
}

/* No limit is later than any limit. */
static int
longest_first(const void *a, const void *b)
{
	const struct dca_delegation *x = a, *y = b;
	const uint64_t p = x->not_after ? (uint64_t)x->not_after : UINT64_MAX;
	const uint64_t q = y->not_after ? (uint64_t)y->not_after : UINT64_MAX;

	return p < q ? 1 : p > q ? -1 : 0;
}

static bool
enough(const struct held *h, size_t n, const struct dca_tnset *numbers)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *some = dca_tnset_new();

	for (size_t i = 0; i < n; i++)
		dca_tnset_add_interval(some, h->v[i].range);
	return dca_tnset_covers(some, numbers, NULL);
}

/* The delegations used are those that end last and cover the numbers: the
 * end of the last one needed, 0: no limit. */
static int64_t
delegations_end(struct held *h, const struct dca_tnset *numbers)
{
	size_t low = 1, high = h->n;

	qsort(h->v, h->n, sizeof(*h->v), longest_first);
	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (enough(h, middle, numbers))
			high = middle;
		else
			low = middle + 1;
	}
	return h->v[low - 1].not_after;
}

static enum dca_rc
choose_validity(const struct vault_question *q, struct held *h,
    struct vault_verdict *d, struct dca_err *e)
{
	const int64_t delegated = delegations_end(h, d->numbers);
	const char *cause = "policy";
	char end[DCA_TIME_TEXT];
	enum dca_rc rc;

	d->not_before = q->now;
	d->not_after = q->now + q->validity;
	if (delegated && delegated < d->not_after) {
		d->not_after = delegated;
		cause = "delegation";
	}
	for (size_t i = 0; i < q->cross->chain.n; i++)
		if (q->cross->chain.v[i].not_after < d->not_after) {
			d->not_after = q->cross->chain.v[i].not_after;
			cause = i ? "chain of the cross-certificate" :
			    "cross-certificate";
		}
	if (d->not_after - q->now >= q->min_validity)
		return DCA_OK;
	dca_time_format(end, d->not_after);
	rc = dca_fail(e, DCA_RULE_VALIDITY, "the %s ends at %s, less than "
	    "%lld s from now", cause, end, (long long)q->min_validity);
	if (e)
		(void)dca_strlcpy(e->field, cause, sizeof(e->field));
	return rc;
}

enum dca_rc
vault_decide(const struct vault_question *q, struct vault_verdict *d,
    struct dca_err *e)
{
	DCA_CLEANUP(held_clear) struct held h = { 0 };
	enum dca_rc rc;

	memset(d, 0, sizeof(*d));
	if ((rc = check_ready(q, e)) || (rc = check_customer(q, d, e)) ||
	    (rc = find_repeat(q, d, e)))
		return rc;
	if (d->repeat)
		return DCA_OK;
	if (q->csr->numbers && dca_tnset_has_spc(q->csr->numbers))
		return dca_fail(e, DCA_RULE_TN_SPC_EE,
		    "an end entity is certified for numbers, not for an SPC");
	if ((rc = vault_check_names(q->cross, &d->customer, e)))
		return rc;
	if (q->old && (rc = vault_renew_check(q, &d->customer, e)))
		return rc;
	h.all = dca_tnset_new();
	dca_store_delegations(q->store, q->customer, q->now, q->csr->numbers,
	    held_add, &h);
	if ((rc = choose_numbers(q, &h, d, e)) ||
	    (rc = check_exclusive(q, &h, d, e)) || (rc = check_size(d, e)) ||
	    (rc = choose_validity(q, &h, d, e)))
		vault_verdict_clear(d);
	return rc;
}
