/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job is one certificate on its way: decided, with a worker, then recorded.
 * While a worker has it nobody else touches it; the two queues are the only
 * thing that the threads share.
 */
#ifndef DCA_VAULT_JOB_H
#define DCA_VAULT_JOB_H

#include <pthread.h>

#include "dca/hsm.h"
#include "dca/profile.h"

#include "vault.h"

/* Who waits for it: the first asker, and repeats that came meanwhile. */
struct vault_asker {
	struct vault_asker *next;
	struct vault_peer *peer;
	uint64_t id;
	bool operator;			/* answer is DATA, not ISSUED */
};

struct vault_job {
	struct vault_job *next;		/* in a queue */
	struct vault_job *others;	/* in the list of reservations */
	struct vault_asker *askers;
	unsigned n_askers;
	uint64_t turn;			/* group in which it was decided */
	bool lost;			/* that group was not committed */
	unsigned attempts;
	int64_t given;			/* vault_seconds: to the workers */
	bool overdue;			/* its askers were told: not now */
	bool selftest;			/* no certificate: subject is what is
					 * signed, cert the request made of it */

	struct dca_out der;		/* the request; csr borrows from it */
	struct dca_csr csr;
	char operator[DCA_ID_MAX + 1];	/* "": the customer asks */
	struct dca_out act;		/* the operator's COSE_Sign1 */
	struct dca_out peer;		/* /sren: certificate of the session */
	struct dca_cert old;		/* and what became of it: proven */
	bool new_key;			/* counts against the day's budget */
	struct vault_who who;
	struct vault_verdict verdict;
	enum dca_function function;
	struct vault_cross *cross;
	uint8_t serial[DCA_SERIAL_LEN];
	uint8_t key_sha256[32];
	struct dca_out subject;

	enum dca_rc rc;			/* what the worker says */
	struct dca_err err;
	struct dca_out cert;
};

/* --- worker.c --- */
struct vault_pool;
struct vault_pool *vault_pool_new(struct dca_loop *l, unsigned workers,
    int64_t keep_alive);
/* Joins; NULL ok. False: a worker hangs in the token; then nothing is freed
 * and the process can only leave. */
bool vault_pool_free(struct vault_pool *p);
enum { VAULT_JOIN_WAIT = 5 };
bool vault_thread_join(pthread_t thread);	/* the same, for one */
int64_t vault_seconds(void);		/* monotonic, never 0 */
void vault_pool_give(struct vault_pool *p, struct vault_job *j);
/* The finished ones, in the order they finished; NULL: none. */
struct vault_job *vault_pool_take(struct vault_pool *p);
unsigned vault_pool_workers(const struct vault_pool *p);
/* Only while no job is out. The pool does not own them. */
void vault_pool_signer(struct vault_pool *p, unsigned i, struct dca_signer *s);
/* Takes all sessions away when nobody uses one; false: not yet. */
bool vault_pool_quiesce(struct vault_pool *p);
/* Did an idle worker find its session or token dead? Once for each time. */
bool vault_pool_trouble(struct vault_pool *p, struct dca_err *e);
/* How many wait for the token longer than that. */
unsigned vault_pool_stuck(struct vault_pool *p, int64_t patience);
/* Takes a job back that no worker has yet. */
bool vault_pool_withdraw(struct vault_pool *p, struct vault_job *j);

/* LINT: a TBSCertificate that breaks its profile. */
enum dca_rc vault_lint(const struct vault_cross *cross, struct dca_buf tbs,
    struct dca_err *e) DCA_CHECKED;

/* --- reserve.c: jobs that are decided and not yet recorded --- */
void vault_reserve(struct vault *v, struct vault_job *j);
void vault_reserve_release(struct vault *v, struct vault_job *j);
/* Moves the askers of j to a job for the same request; false: none is out. */
bool vault_reserve_join(struct vault *v, struct vault_job *j);
/* QUEUE, CSR_FORBIDDEN_KEY, SCOPE_OTHER. */
enum dca_rc vault_reserve_check(struct vault *v, const struct vault_job *j,
    struct dca_err *e) DCA_CHECKED;
bool vault_issue_idle(const struct vault *v);	/* nothing is out */
void vault_issue_rolled_back(struct vault *v);	/* the group is lost */

/* --- budget.c --- */
/* Sets j->new_key. KEY_BUDGET, with an alarm, the first time on a day. */
enum dca_rc vault_budget_check(struct vault *v, struct vault_job *j,
    struct dca_err *e) DCA_CHECKED;

/* --- record.c --- */
/* Is what the decision rests on unchanged? */
bool vault_still_stands(struct vault *v, const struct vault_job *j);
/* All of it or nothing, in the open group. */
enum dca_rc vault_record(struct vault *v, struct vault_job *j,
    struct dca_err *e) DCA_CHECKED;

/* --- issue.c --- */
/* Starts a job for an operator; the answer comes later. On failure nothing
 * was started. */
enum dca_rc vault_issue_operator(struct vault *v, struct vault_peer *p,
    uint64_t id, const struct dca_operator *op, const char *customer,
    struct dca_buf csr, struct dca_buf cose, struct dca_err *e) DCA_CHECKED;
void vault_issue_finish(struct vault *v);	/* records what came back */
/* Tells who waits longer than [token] patience to come back. */
void vault_issue_overdue(struct vault *v);
void vault_issue_close(struct vault *v);

#endif
