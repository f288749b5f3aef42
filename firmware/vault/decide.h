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
 * On refusal, in this order: CROSS_NONE, CROSS_VALIDITY, CLOCK, REG_UNKNOWN,
 * REG_STATE, CSR_FORBIDDEN_KEY, (a repeat is DCA_OK here), TN_SPC_EE,
 * SCOPE_*, TN_LIST_SIZE, VALIDITY.
 */
enum dca_rc vault_decide(const struct vault_question *q,
    struct vault_verdict *d, struct dca_err *e) DCA_CHECKED;

/*
 * Whose key is it (dca(7) TRUST): enrolment proof, pinned or certified key.
 * code is the id of the code that is to be spent, or "". A code that this
 * very request spent: spent is true and serial says what it got. customer is
 * set as soon as it is proven, on refusals too.
 */
struct vault_who {
	char customer[DCA_ID_MAX + 1];
	char code[DCA_ID_MAX + 1];
	bool spent;
	uint8_t serial[DCA_SERIAL_LEN];
};
enum dca_rc vault_who_asks(struct dca_store *s, const struct dca_csr *csr,
    int64_t now, struct vault_who *w, struct dca_err *e) DCA_CHECKED;

/* All numbers delegated at now, and those of them inside scope. */
struct dca_tnset *vault_delegated(struct dca_store *s, const char *customer,
    int64_t now);

#endif
