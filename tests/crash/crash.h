/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the crash test share: what was asked and answered. */
#ifndef DCA_TEST_CRASH_H
#define DCA_TEST_CRASH_H

#include "vault.h"

enum { CLIENTS = 12, ENROLLERS = 3 };	/* the last ones use codes */

struct code {
	char id[DCA_ID_MAX + 1];
	uint8_t secret[16];
	bool used;
};
/* One request that was answered; whoever asks does not give up before. */
struct answered {
	uint8_t csr[DCA_SHA256_LEN], serial[DCA_SERIAL_LEN];
	uint8_t cert[DCA_SHA256_LEN];
	const struct code *code;	/* NULL: the key is pinned */
};
struct crash {
	struct lab lab;		/* of it the sockets, the admin, the prefix */
	const char *state, *bin;
	int port;
	uint64_t begin;		/* ledger rows from here on are ours */
	struct code *codes;
	size_t n_codes;
	struct answered *answered;
	size_t n_answered;
};

/* Says it and ends the program; daemons die with it. */
void crash_fail(const char *fmt, ...) DCA_PRINTF(1, 2)
    __attribute__((noreturn));
int64_t crash_ms(void);
uint64_t crash_random(uint64_t below);

void load_start(struct crash *c);
/* Ends after each client got the answer to its last request. */
void load_stop(struct crash *c);
unsigned long load_answers(void);
void load_report(const struct crash *c);

/* Certificates that the publisher has not reported, in the live store. */
size_t check_unpublished(const struct crash *c);
/* Everything, offline. */
void check_all(const struct crash *c);

#endif
