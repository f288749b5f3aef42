/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benchmarks that run the real daemons share: an appliance with one
 * customer, clocks, and the CPU time of a process. Trouble ends the program.
 */
#ifndef DCA_BENCH_APPLIANCE_H
#define DCA_BENCH_APPLIANCE_H

#include <time.h>

#include "vault.h"

/* The numbers every request asks for, delegated to the one customer. */
#define BENCH_NUMBERS "12025550100+5"

extern struct lab bench_lab;
extern EVP_PKEY *bench_key;		/* the customer's, pinned */
extern pid_t bench_front;		/* 0: none */

/* dca-vault with token, cross-certificate, first admin, customer acme.
 * 77 when SoftHSM is not here. */
int bench_open(const char *vault, const char *issue_options);
void bench_close(void);
_Noreturn void bench_stop(const char *what);	/* ends the daemons, too */

double bench_seconds(clockid_t clock);
/* Of all threads, in seconds. */
double bench_cpu(pid_t pid);

#endif
