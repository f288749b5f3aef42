/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the test of the board's socket share. */
#ifndef DCA_TEST_VAULT_BOARD_H
#define DCA_TEST_VAULT_BOARD_H

#include "vault.h"

#define CLAIM_TYPE DCA_CBOR_TEXT	/* in a BEAT while nobody operates */

extern struct lab lab;
extern struct reply r;
extern struct dca_out args;
extern const char *program;

void is_data(unsigned code);
void is_problem(enum dca_rule rule);
const char *text_of(const char *key);
uint64_t uint_of(const char *key);
void read_local(const char *path);
uint64_t last_row(void);

int board_connect(void);
void board_report(int fd);
void beat(int fd, uint64_t deep);
void board_receive(int fd, struct reply *got);

void test_claim_refused(void **state);
void test_claim(void **state);
void test_no_board(void **state);
void test_commands(void **state);
void test_urls(void **state);
void test_reset_by_two(void **state);

#endif
