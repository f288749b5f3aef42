/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon does to itself before the first untrusted octet, and the two
 * things every room asks the machine for: the time and randomness. No
 * sandbox policy here: that belongs to the program that knows what it needs.
 */
#include "dca/os.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

static bool
may_lock(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct __user_cap_header_struct who = { _LINUX_CAPABILITY_VERSION_3,
		0 };
	struct __user_cap_data_struct sets[2] = { { 0 } };

	return setrlimit(RLIMIT_MEMLOCK, &all) == 0 ||
	    (syscall(SYS_capget, &who, sets) == 0 &&
	    (sets[0].effective & 1U << CAP_IPC_LOCK) != 0);
}

/*
 * Codes lie in SQLite's pages and a soft token's keys in its own: locking
 * single buffers would miss them. Only without a limit: below one, MCL_FUTURE
 * makes a later malloc fail. ONFAULT: what is never touched costs nothing.
 */
bool
dca_harden_memory(void)
{
	return may_lock() &&
	    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
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
