/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: may this customer have a certificate for this request, and
 * what stands in it. One function for customers, for operators and for the
 * dry run; it reads the store and changes nothing.
 */
#ifndef DCA_VAULT_DECIDE_H
#define DCA_VAULT_DECIDE_H

#include "dca/csr.h"
#include "dca/store.h"

#include "cross.h"

struct vault_question {
	struct dca_store *store;
	const char *customer;
	const struct dca_csr *csr;
	enum dca_function function;
	int64_t now;
	const struct vault_cross *cross;	/* NULL: none installed */
	int64_t validity, min_validity;
	const struct dca_cert *old;	/* renewal: what is renewed, proven
					 * (vault_who_renews); else NULL */
};

struct vault_verdict {
	struct dca_customer customer;
	bool known;			/* customer is in the register: filled
					 * and true on refusals too */
	bool repeat;			/* serial was issued for this request */
	uint8_t serial[DCA_SERIAL_LEN];
	struct dca_tnset *numbers;	/* owned; NULL on repeat */
	bool shared;
	int64_t not_before, not_after;
};
void vault_verdict_clear(struct vault_verdict *d);

/*
 * On refusal, in this order: CROSS_NONE, CROSS_REVOKED, CROSS_VALIDITY, CLOCK, REG_UNKNOWN,
 * REG_STATE, CSR_FORBIDDEN_KEY, (a repeat is DCA_OK here), TN_SPC_EE,
 * SCOPE_NAME, RENEW_*, SCOPE_*, TN_LIST_SIZE, VALIDITY.
 */
enum dca_rc vault_decide(const struct vault_question *q,
    struct vault_verdict *d, struct dca_err *e) DCA_CHECKED;

/*
 * Whose key is it (dca(7) TRUST): enrolment proof, rekey proof by a live
 * certificate (by), pinned or certified key.
 * code is the id of the code that is to be spent, or "". A code that this
 * very request spent: spent is true and serial says what it got. customer is
 * set as soon as it is proven, on refusals too.
 */
struct vault_who {
	char customer[DCA_ID_MAX + 1];
	char code[DCA_ID_MAX + 1];
	bool spent;
	uint8_t serial[DCA_SERIAL_LEN];
	bool by_certificate;
	uint8_t by[DCA_SERIAL_LEN];
};
enum dca_rc vault_who_asks(struct dca_store *s, const struct dca_csr *csr,
    int64_t now, struct vault_who *w, struct dca_err *e) DCA_CHECKED;

/* --- renew.c --- */
/* Is challengePassword a rekey proof, good or bad? */
bool vault_rekey_asked(const struct dca_csr *csr);
/* CSR_PASSWORD, AUTH_REKEY; then customer is set: AUTH_REVOKED,
 * AUTH_EXPIRED. */
enum dca_rc vault_who_rekeys(struct dca_store *s, const struct dca_csr *csr,
    int64_t now, struct vault_who *w, struct dca_err *e) DCA_CHECKED;
/*
 * /sren: peer is the certificate of the session, which old becomes (the caller
 * clears it). AUTH_PROOF when it is not ours; the others as above. Whether the
 * request is signed by its key is dca_csr_check_pop's business.
 */
enum dca_rc vault_who_renews(struct dca_store *s, struct dca_buf peer,
    const struct dca_csr *csr, int64_t now, struct vault_who *w,
    struct dca_cert *old, struct dca_err *e) DCA_CHECKED;
/* Is the certificate w rests on (by) still neither revoked nor expired? */
bool vault_who_live(struct dca_store *s, const struct vault_who *w,
    int64_t now);
/* RENEW_SUBJECT, RENEW_CONSTRAINTS, RENEW_SCOPE; q->old is set. */
enum dca_rc vault_renew_check(const struct vault_question *q,
    const struct dca_customer *customer, struct dca_err *e) DCA_CHECKED;

/* The claim constraints a certificate of this customer has now: extnValue
 * contents, or nothing. CONSTRAINTS. */
enum dca_rc vault_constraints(const struct dca_customer *customer,
    struct dca_out *o, struct dca_err *e) DCA_CHECKED;

/* The subject of a certificate of this customer (dca(7) MAIN JOB); does it
 * stay inside the name constraints of the chain? SCOPE_NAME. */
enum dca_rc vault_subject(const struct dca_customer *customer,
    struct dca_out *o, struct dca_err *e) DCA_CHECKED;
enum dca_rc vault_check_names(const struct vault_cross *cross,
    const struct dca_customer *customer, struct dca_err *e) DCA_CHECKED;

/* All numbers delegated at now, and those of them inside scope. */
struct dca_tnset *vault_delegated(struct dca_store *s, const char *customer,
    int64_t now);

#endif
