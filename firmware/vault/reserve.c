/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reservations: what is decided and not yet recorded, in one list that later
 * decisions respect. Must never let two requests of it have the same code, or
 * two customers the same key or number.
 */
#include <string.h>

#include "board.h"

void
vault_reserve(struct vault *v, struct vault_job *j)
{
	j->others = v->jobs;
	v->jobs = j;
	v->n_asking += j->n_askers;
}

void
vault_reserve_release(struct vault *v, struct vault_job *j)
{
	for (struct vault_job **at = &v->jobs; *at; at = &(*at)->others)
		if (*at == j) {
			*at = j->others;
			j->others = NULL;
			v->n_asking -= j->n_askers;
			return;
		}
	abort();
}

bool
vault_issue_idle(const struct vault *v)
{
	return v->jobs == NULL && !vault_selftest_out(v);
}

/* The same request is being answered: wait with it (dca(7) MAIN JOB). */
bool
vault_reserve_join(struct vault *v, struct vault_job *j)
{
	struct vault_asker **end;

	/* New ones in front: who repeats often does not make it slow. */
	for (struct vault_job *o = v->jobs; o; o = o->others) {
		if (o->function != j->function || o->lost ||
		    memcmp(o->csr.sha256, j->csr.sha256,
			DCA_SHA256_LEN) != 0 ||
		    strcmp(o->who.customer, j->who.customer) != 0)
			continue;
		for (end = &j->askers; *end; end = &(*end)->next)
			;
		*end = o->askers;
		o->askers = j->askers;
		j->askers = NULL;
		o->n_askers += j->n_askers;
		v->n_asking += j->n_askers;
		return true;
	}
	return false;
}

enum dca_rc
vault_reserve_check(struct vault *v, const struct vault_job *j, struct dca_err *e)
{
	char first[DCA_ENTRY_TEXT];
	enum dca_rc rc;

	for (const struct vault_job *o = v->jobs; o; o = o->others) {
		if (j->who.code[0] && strcmp(o->who.code, j->who.code) == 0)
			return dca_fail(e, DCA_RULE_QUEUE, "another request "
			    "with this enrolment code is being answered");
		if (strcmp(o->who.customer, j->who.customer) == 0)
			continue;
		if (memcmp(o->key_sha256, j->key_sha256,
		    DCA_SHA256_LEN) == 0)
			return dca_fail(e, DCA_RULE_CSR_FORBIDDEN_KEY,
			    "the key is being certified for another customer");
		if ((o->verdict.shared && j->verdict.shared) ||
		    !dca_tnset_overlaps(o->verdict.numbers,
			j->verdict.numbers, first))
			continue;
		rc = dca_fail(e, DCA_RULE_SCOPE_OTHER,
		    "%s is being certified for another customer", first);
		if (e)
			(void)dca_strlcpy(e->first, first, sizeof(e->first));
		return rc;
	}
	return DCA_OK;
}

void
vault_issue_rolled_back(struct vault *v)
{
	for (struct vault_job *j = v->jobs; j; j = j->others)
		if (j->turn == v->turn)
			j->lost = true;
}
