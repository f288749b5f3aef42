/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon does to itself before the first untrusted octet, and the two
 * things every room asks the machine for: the time and randomness. No
 * sandbox policy here: that belongs to the program that knows what it needs.
 */
#include "dca/os.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/rand.h>

void
dca_harden(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		abort();
	umask(077);
}

int64_t
dca_now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) != 0)
		abort();
	return t.tv_sec;
}

void
dca_random(void *p, size_t n)
{
	if (n > INT32_MAX || RAND_bytes(p, (int)n) != 1)
		abort();
}
