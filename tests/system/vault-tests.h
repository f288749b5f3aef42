/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the vault's system test share. */
#ifndef DCA_TEST_VAULT_TESTS_H
#define DCA_TEST_VAULT_TESTS_H

#include "vault.h"

extern struct lab lab;
extern const char *program;
extern EVP_PKEY *pinned;		/* acme's */
extern struct dca_out pinned_cert, args;
extern struct reply r;
void is_data(unsigned code);
void is_problem(enum dca_rule rule, const char *first);
void text_of(const char *key, char *out, size_t cap);
uint64_t uint_of(const char *key);
/* ISSUED: signed by the CA, for this key, with exactly these numbers. */
void is_issued(EVP_PKEY *key, const char *numbers);
int raw_connect(const char *path);
void receive(int fd, struct dca_message *m, uint8_t *buf, size_t cap);
void send_message(int fd, const struct dca_message *m);
void ask_for(EVP_PKEY *key, const char *numbers, const char *password);

void test_install(void **state);
void test_first_admin(void **state);
void test_register(void **state);
void test_act_refusals(void **state);
void test_act_malformed(void **state);
void test_import_errors(void **state);
void test_issue(void **state);
void test_enrol(void **state);
void test_operator_issue(void **state);
void test_suspend(void **state);
void test_read(void **state);
void test_est(void **state);
void test_hostile_packets(void **state);
void test_publisher(void **state);
void test_restart(void **state);
void test_burst(void **state);
void test_twins(void **state);
void test_wrong_pin(void **state);
void test_release_published(void **state);
void test_token_lost(void **state);
void test_commit_fails(void **state);
void test_refusals_counted(void **state);
void test_quarantine(void **state);
void test_other_key(void **state);
void test_local_only(void **state);
void test_publication_late(void **state);
void test_ledger(void **state);

#endif
