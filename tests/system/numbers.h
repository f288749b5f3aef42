/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the test of numbers and revocation share. */
#ifndef DCA_TEST_NUMBERS_H
#define DCA_TEST_NUMBERS_H

#include "vault.h"

extern struct lab lab;
extern EVP_PKEY *acme_key, *beta_key, *bob_key;
extern struct dca_out acme_cert, beta_cert;	/* self-signed, pinned */

/* Of the answer in r: fails the test unless it is that. */
void is_data(const struct reply *r, unsigned code);
void is_problem(const struct reply *r, enum dca_rule rule, const char *first);
bool is_issued(const struct reply *r);
uint64_t uint_of(const struct reply *r, const char *key);
/* One import of one row. */
void put_import(struct dca_out *args, const char *customer, const char *start,
    uint64_t count, bool shared);
/* delegation.remove; reason < 0: nothing is revoked. */
void put_remove(struct dca_out *args, const char *customer,
    const char *numbers, int reason);
/* dca_store_verify of the store, as it stands. */
void verified(void);

extern struct reply last;			/* the last answer of these: */
extern struct dca_out map;
void revoked_are(size_t n, const struct dca_out *const *certs);
void delegate(const char *customer, const char *start, uint64_t count,
    bool shared);
void remove_numbers(const char *customer, const char *numbers, int reason);
void end_numbers(const char *customer, const char *numbers, int64_t end);
void revoke_by(const char *key, const char *value, uint64_t reason);
void revoke_cert(const struct dca_out *cert, uint64_t reason);
void ask_for(EVP_PKEY *key, const char *numbers, const char *password);
void keep(struct dca_out *cert);
void read_cert(const struct dca_out *which, const struct dca_out *peer);
void attributes(const struct dca_out *peer);
void make_proof(char password[static DCA_PASSWORD_MAX + 1],
    const char *customer, EVP_PKEY *key);
void pin(const char *customer, const struct dca_spki *k);

void test_shrink(void **state);
void test_shrink_refusals(void **state);
void test_port(void **state);
void test_shared(void **state);
void test_revoked_shows_nothing(void **state);
void test_compromised_key(void **state);
void test_other_keys(void **state);
void test_suspended(void **state);
void test_revoke_refusals(void **state);
void test_revoke_customer(void **state);
void test_race_delegations(void **state);
void test_race_port(void **state);
void test_ledger_proof(void **state);

#endif
