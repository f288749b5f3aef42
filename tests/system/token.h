/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the token's system test share. */
#ifndef DCA_TEST_TOKEN_SYSTEM_H
#define DCA_TEST_TOKEN_SYSTEM_H

#include "fault.h"
#include "vault.h"

extern struct lab lab;
extern const char *program;
extern EVP_PKEY *pinned;		/* acme's */
extern struct dca_out pinned_cert;
extern char counts[128];

#define TOKEN_OPTIONS(more)                                                    \
	"workers = 2\nqueue = 64\n" more                                       \
	"[token]\npatience = 2s\nkeep_alive = 1s"

double seconds(void);
void faults(const char *rules);
unsigned long calls(const char *name);
/* One question, its answer in r: the rule of the problem, NONE when issued. */
enum dca_rule ask_csr(struct reply *r, const struct dca_out *csr);
/* A new request for one number of acme's: answered like that. */
void is_answered(enum dca_rule rule);
/* Repeats one request until it is issued; how long that took. */
double until_issued(const struct dca_out *csr);
/* The text of key in what status says of the token. */
void token_text(const char *key, char *out, size_t cap);
void wait_token(const char *state);
uint64_t certificates(void);
/* Is there an alarm row with this name? In the status, newest first. */
bool alarmed(const char *name);
void resume(enum dca_rule expected);
/* Not from the faults: the certificate is what was asked, signed by the CA. */
void check_certificate(struct dca_buf der, const char *number);

int token_setup(void **state);
int token_teardown(void **state);

void test_load(void **state);

#endif
