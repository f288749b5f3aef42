/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BEAT: does the vault live, and, when it is asked deeply, does it still do
 * its work? A signature over its own CertificationRequestInfo goes the way of
 * every other one, through a worker, is read by the reader of such requests
 * and thrown away; the ledger is verified from where this process has verified
 * it, a piece per turn. Must never keep what it signed, nor stop the loop.
 */
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"

#include "board.h"
#include "claim.h"

/* Octets of the ledger per turn: a few milliseconds. */
enum { PIECE = 512 * 1024, ASKERS_MAX = 8 };

struct vault_selftest {
	struct vault_asker *askers;
	unsigned n_askers;
	struct vault_job *job;		/* with a worker */
	bool given_up;			/* on the job that is still there */
	bool has_signed;		/* or needs not */
	bool unwell;
	char why[384];
	struct dca_verified verified;	/* of the ledger, by this process */
	bool said;			/* that the ledger is wrong */
};

void
vault_selftest_open(struct vault *v)
{
	v->selftest = dca_alloc(sizeof(*v->selftest));
	memset(v->selftest, 0, sizeof(*v->selftest));
}

static void
job_free(struct vault_job *j)
{
	vault_cross_unref(j->cross);
	dca_out_free(&j->subject);
	dca_out_free(&j->cert);
	free(j);
}

void
vault_selftest_close(struct vault *v)
{
	struct vault_selftest *t = v->selftest;
	struct vault_asker *a;

	if (!t)
		return;
	while ((a = t->askers)) {
		t->askers = a->next;
		vault_peer_unref(a->peer);
		free(a);
	}
	if (t->job)
		job_free(t->job);
	free(t);
	v->selftest = NULL;
}

bool
vault_selftest_out(const struct vault *v)
{
	return v->selftest && v->selftest->job;
}

/* --- the answer --- */

static bool
front_there(const struct vault *v)
{
	for (const struct vault_peer *p = v->peers; p; p = p->next)
		if (p->role == DCA_ROLE_FRONT && p->conn)
			return true;
	return false;
}

/* A box that never had a cross-certificate has nothing to do yet: it is well
 * while it waits for token, key and ceremony. */
static bool
is_new(struct vault *v)
{
	return dca_store_count(v->store, "crosses") == 0;
}

/* By what is known without trying anything; "" when it is well. What only an
 * order or an operator can change says nothing against this software. */
static const char *
complaint(struct vault *v, const char *state)
{
	static const char *const well[] = { "operational", "cross-expired",
		"cross-revoked" };
	static const char *const new[] = { "no-cross-certificate", "no-token",
		"no-key" };

	for (size_t i = 0; i < 3; i++)
		if (strcmp(state, well[i]) == 0 ||
		    (strcmp(state, new[i]) == 0 && is_new(v)))
			return "";
	return state;
}

static void
answer(struct vault *v, struct vault_peer *p, uint64_t id, const char *why)
{
	const char *state = vault_state(v), *claim = vault_claim_code(v);
	const char *wrong = complaint(v, state);
	struct dca_row head = { 0 };
	DCA_AUTO_OUT o = { 0 };

	if (dca_store_head(v->store, &head, NULL) != DCA_OK)
		memset(&head, 0, sizeof(head));
	dca_cbor_map(&o, 8);
	dca_cbor_text(&o, "why");
	dca_cbor_text(&o, why[0] ? why : wrong);
	dca_cbor_text(&o, "time");
	dca_cbor_int(&o, head.time);
	dca_cbor_text(&o, "claim");
	if (claim)
		dca_cbor_text(&o, claim);
	else
		dca_cbor_null(&o);
	dca_cbor_text(&o, "front");
	dca_cbor_bool(&o, front_there(v));
	dca_cbor_text(&o, "state");
	dca_cbor_text(&o, state);
	dca_cbor_text(&o, "ledger");
	dca_cbor_uint(&o, head.seq);
	dca_cbor_text(&o, "healthy");
	dca_cbor_bool(&o, !why[0] && !wrong[0]);
	dca_cbor_text(&o, "operators");
	dca_cbor_uint(&o, dca_store_count(v->store, "operators"));
	vault_data(v, p, id, 205, 60, dca_out_buf(&o));
}

static void
finish(struct vault *v)
{
	struct vault_selftest *t = v->selftest;
	struct vault_asker *a;

	while ((a = t->askers)) {
		t->askers = a->next;
		answer(v, a->peer, a->id, t->unwell ? t->why : "");
		vault_peer_unref(a->peer);
		free(a);
	}
	t->n_askers = 0;
}

/* The first reason stands. */
static void
unwell(struct vault_selftest *t, const char *what, const struct dca_err *e)
{
	if (t->unwell)
		return;
	t->unwell = true;
	(void)snprintf(t->why, sizeof(t->why), "%s: %s", what, e->text);
	dca_log_err(DCA_ERR, what, e);
}

/* --- the signature --- */

/* The list of the active one; a box without has one number to sign for. */
static void
scope_of(const struct vault_cross *cross, struct dca_out *info,
    struct dca_csr_spec *spec)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *one = dca_tnset_new();
	struct dca_err e = { 0 };

	if (dca_tnset_parse(one, "12025550100", &e) != DCA_OK)
		abort();
	spec->numbers = cross ? cross->chain.v[0].scope : one;
	spec->subject = cross ? cross->chain.v[0].subject : DCA_BUF(NULL, 0);
	dca_csr_build(info, spec);
}

static void
give(struct vault *v)
{
	struct vault_selftest *t = v->selftest;
	struct vault_job *j = dca_alloc(sizeof(*j));
	struct dca_csr_spec spec = { .key = v->token.key, .ca = true };

	memset(j, 0, sizeof(*j));
	j->selftest = true;
	j->given = vault_seconds();
	j->csr.key = v->token.key;
	scope_of(vault_cross_active(v), &j->subject, &spec);
	t->job = j;
	t->given_up = false;
	vault_pool_give(v->pool, j);
}

/* Is it a request of our key, with a signature that verifies? Read by who
 * reads such requests when a cross-certificate is installed. */
static enum dca_rc
check(const struct vault_job *j, struct dca_err *e)
{
	struct dca_ca_csr csr = { 0 };
	enum dca_rc rc = dca_ca_csr_parse(&csr, dca_out_buf(&j->cert), e);

	if (rc == DCA_OK &&
	    memcmp(&csr.key, &j->csr.key, sizeof(csr.key)) != 0)
		rc = dca_fail(e, DCA_RULE_TOKEN_KEY, "of another key");
	dca_ca_csr_clear(&csr);
	return rc;
}

void
vault_selftest_signed(struct vault *v, struct vault_job *j)
{
	struct vault_selftest *t = v->selftest;
	struct dca_err e = j->err;
	enum dca_rc rc = j->rc;

	t->job = NULL;
	if (rc == DCA_TOKEN)
		vault_token_failed(v, &e);
	if (rc == DCA_OK)
		rc = check(j, &e);
	job_free(j);
	if (t->given_up)
		return;	/* its askers were told */
	t->has_signed = true;
	if (rc)
		unwell(t, "self-test: signature", &e);
}

static void
watch_job(struct vault *v)
{
	struct vault_selftest *t = v->selftest;
	struct dca_err e = { 0 };

	if (t->has_signed || !t->job || t->given_up ||
	    vault_seconds() - t->job->given < v->conf.patience)
		return;
	(void)dca_fail(&e, DCA_RULE_TOKEN_DOWN, "the token has not answered "
	    "for %d s", (int)v->conf.patience);
	unwell(t, "self-test", &e);
	t->has_signed = t->given_up = true;
	if (!vault_pool_withdraw(v->pool, t->job))
		return;
	job_free(t->job);
	t->job = NULL;
}

/* --- the ledger --- */

/* True: nothing more to verify now. */
static bool
verify_piece(struct vault *v)
{
	struct vault_selftest *t = v->selftest;
	struct dca_err e = { 0 };
	bool end = false;

	if (dca_store_verify_on(v->store, &t->verified, PIECE, &end, &e) ==
	    DCA_OK) {
		if (!end)
			dca_loop_wake(v->loop);
		return end;
	}
	unwell(t, "self-test: ledger", &e);
	if (!t->said)
		vault_alarm(v, "ledger-row", "", e.text);
	t->said = true;
	dca_loop_wake(v->loop);
	return true;
}

void
vault_selftest_turn(struct vault *v)
{
	struct vault_selftest *t = v->selftest;

	if (!t->askers)
		return;
	watch_job(v);
	if (verify_piece(v) && t->has_signed)
		finish(v);
}

/* --- the question --- */

static void
join(struct vault_selftest *t, struct vault_peer *p, uint64_t id)
{
	struct vault_asker *a = dca_alloc(sizeof(*a));

	*a = (struct vault_asker){ .next = t->askers,
		.peer = vault_peer_ref(p), .id = id };
	t->askers = a;
	t->n_askers++;
}

static void
begin(struct vault *v, struct vault_peer *p, uint64_t id)
{
	struct vault_selftest *t = v->selftest;
	struct dca_err e = { 0 };

	t->unwell = false;
	t->why[0] = '\0';
	t->has_signed = true;
	join(t, p, id);
	if (t->job) {
		(void)dca_fail(&e, DCA_RULE_TOKEN_DOWN,
		    "the signature before has not come back");
		unwell(t, "self-test", &e);
	} else if (v->token.state == VAULT_TOKEN_UP) {
		t->has_signed = false;
		give(v);
	}
	/* a token that is not up: the state says whether that is well */
	dca_loop_wake(v->loop);
}

void
vault_on_beat(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	struct vault_selftest *t = v->selftest;
	struct dca_err e = { 0 };
	enum dca_rc rc = vault_check_local(p, &e);

	if (rc == DCA_OK && m->f[0].u > 1)
		rc = dca_fail(&e, DCA_RULE_MESSAGE, "DEEP is 0 or 1");
	if (rc == DCA_OK && m->f[0].u == 1 && t->n_askers == ASKERS_MAX)
		rc = dca_fail(&e, DCA_RULE_QUEUE, "%u wait for the self-test",
		    t->n_askers);
	if (rc)
		vault_problem(v, p, m->id, &e);
	else if (m->f[0].u == 0)
		answer(v, p, m->id, "");
	else if (t->askers)
		join(t, p, m->id);
	else
		begin(v, p, m->id);
}
