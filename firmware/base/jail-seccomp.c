/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp filter of a profile. What is not allowed is not silent and not
 * the end: the call is refused with EPERM and a line in the log, because a
 * vendor's PKCS#11 module or a new libc may try something that it can do
 * without, and a vault that such a thing kills can be killed by it for ever.
 * What no library does (exec, ptrace, mount, ...) ends the process at once
 * with SIGSYS, by the kernel, which also writes an audit record: that is a
 * captured process. Must never allow by default.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "dca/os.h"

#include "jail-parts.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61
#endif

enum { CALLS = 600, LINES_PER_CALL = 3, SOCK_TYPE = 0xf };

static struct {
	const char *names[CALLS];
	bool conditional[CALLS];	/* EPERM; unknown ones are ENOSYS */
	atomic_uint said[CALLS];
} seen;

#if defined(__x86_64__)
#define RESULT(c) ((c)->uc_mcontext.gregs[REG_RAX])
#define ARGUMENT(c) ((c)->uc_mcontext.gregs[REG_RDI])
#define ARGUMENT_2(c) ((c)->uc_mcontext.gregs[REG_RSI])
#elif defined(__aarch64__)
#define RESULT(c) ((c)->uc_mcontext.regs[0])
#define ARGUMENT(c) ((c)->uc_mcontext.regs[0])
#define ARGUMENT_2(c) ((c)->uc_mcontext.regs[1])
#else
/* cppcheck-suppress preprocessorErrorDirective ; it is given no machine */
#error "say where this machine keeps the result of a system call"
#endif

/*
 * In place of the refused call. It comes synchronously, from a thread that
 * was about to enter the kernel; dca_log formats on its stack and writes once.
 */
static void
on_refused(int signal, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	const int nr = info->si_syscall;
	const long first = (long)ARGUMENT(c), second = (long)ARGUMENT_2(c);
	const bool known = nr >= 0 && nr < CALLS;

	(void)signal;
	if (known && atomic_fetch_add(&seen.said[nr], 1) < LINES_PER_CALL)
		dca_log(DCA_ERR, "alarm=jail refused=%s number=%d "
		    "arguments=%ld,%ld", seen.names[nr] ? seen.names[nr] : "?",
		    nr, first, second);
	RESULT(c) = known && seen.conditional[nr] ? -EPERM : -ENOSYS;
}

static void
must(int rc, const char *what)
{
	if (rc == 0)
		return;
	dca_log(DCA_ERR, "jail: rule for %s: %s", what, strerror(-rc));
	abort();
}

#ifdef __clang__ /* libseccomp's SCMP_ macros leave datum_b to be zero */
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#endif
#define ALLOW(...)                                                             \
	must(seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, __VA_ARGS__), name)

static void
allow_families(scmp_filter_ctx f, int nr, const char *name, unsigned sockets)
{
	static const int inet[] = { AF_INET, AF_INET6 };
	static const unsigned types[] = { SOCK_STREAM, SOCK_DGRAM };

	if ((sockets & JAIL_UNIX) != 0)
		ALLOW(1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	if ((sockets & JAIL_ROUTE) != 0)
		ALLOW(2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
		    SCMP_A2(SCMP_CMP_EQ, 0 /* NETLINK_ROUTE */));
	if ((sockets & JAIL_NO_ROUTE) != 0)
		must(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), nr, 2,
		    SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
		    SCMP_A2(SCMP_CMP_EQ, 0)), name);
	for (size_t i = 0; (sockets & JAIL_INET) != 0 && i < 4; i++)
		ALLOW(2, SCMP_A0(SCMP_CMP_EQ, (unsigned)inet[i / 2]),
		    SCMP_A1(SCMP_CMP_MASKED_EQ, SOCK_TYPE, types[i % 2]));
}

static void
allow_values(scmp_filter_ctx f, int nr, const char *name, unsigned argument,
    const unsigned *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ALLOW(1, SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, 0xffffffffU,
		    values[i]));
}

static void
allow(scmp_filter_ctx f, int nr, const struct jail_call *call,
    const struct jail_profile *p)
{
	static const unsigned ioctls[] = { FIONREAD, FIONBIO, FIOCLEX,
		TCGETS, TIOCGWINSZ };
	static const unsigned prctls[] = { PR_SET_NAME, PR_GET_NAME,
		PR_SET_VMA, PR_GET_DUMPABLE };
	const unsigned writing = O_ACCMODE | O_CREAT | O_TRUNC;
	const char *name = call->name;

	switch (call->when) {
	case JAIL_ALWAYS:
		ALLOW(0);
		return;
	case JAIL_OWN:
		ALLOW(1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
		return;
	case JAIL_RDONLY_1:
		ALLOW(1, SCMP_A1(SCMP_CMP_MASKED_EQ, writing, 0));
		return;
	case JAIL_RDONLY_2:
		ALLOW(1, SCMP_A2(SCMP_CMP_MASKED_EQ, writing, 0));
		return;
	case JAIL_NO_CODE:
		ALLOW(1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		return;
	case JAIL_NO_WX:
		ALLOW(1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0));
		return;
	case JAIL_THREAD:
		ALLOW(1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
		    CLONE_THREAD));
		return;
	case JAIL_FAMILY:
		allow_families(f, nr, name, p->sockets);
		return;
	case JAIL_IOCTL:
		allow_values(f, nr, name, 1, ioctls,
		    sizeof(ioctls) / sizeof(ioctls[0]));
		return;
	case JAIL_PRCTL:
		allow_values(f, nr, name, 0, prctls,
		    sizeof(prctls) / sizeof(prctls[0]));
		return;
	case JAIL_REALTIME:
		ALLOW(1, SCMP_A0(SCMP_CMP_EQ, CLOCK_REALTIME));
		return;
	case JAIL_ENOSYS:
		must(seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), nr, 0), name);
		return;
	case JAIL_KILL:
		must(seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, nr, 0), name);
		return;
	}
}

/* A sanitizer's row, and that of the clock, replace the stricter ones of the
 * same call. */
static bool
replaced(const struct jail_call *call, const struct jail_profile *p)
{
	const unsigned loose = p->calls & (JAIL_SANITIZER | JAIL_CLOCK);

	if ((call->classes & loose) != 0)
		return false;
	for (const struct jail_call *c = jail_calls; c->name != NULL; c++) {
		if ((c->classes & loose) != 0 &&
		    strcmp(c->name, call->name) == 0)
			return true;
	}
	return false;
}

/* Calls that this machine does not have are passed over. */
static void
add_rules(scmp_filter_ctx f, const struct jail_profile *p)
{
	for (const struct jail_call *c = jail_calls; c->name != NULL; c++) {
		int nr = seccomp_syscall_resolve_name(c->name);

		if (nr < 0 || nr >= CALLS)
			continue;
		if (c->when != JAIL_ENOSYS)
			seen.conditional[nr] = true;
		if ((c->classes & p->calls) == 0 && c->when != JAIL_KILL)
			continue;
		if (!replaced(c, p))
			allow(f, nr, c, p);
	}
}

/* For the log: kept until the end, a signal handler cannot ask for them. */
static void
learn_names(void)
{
	for (int nr = 0; nr < CALLS; nr++) {
		free((void *)(uintptr_t)seen.names[nr]);
		seen.names[nr] = seccomp_syscall_resolve_num_arch(
		    SCMP_ARCH_NATIVE, nr);
	}
}

bool
jail_seccomp(const struct jail_profile *profile)
{
	struct sigaction refused = { .sa_sigaction = on_refused,
		.sa_flags = SA_SIGINFO | SA_NODEFER };
	scmp_filter_ctx f;
	int rc;

	/* 3: SCMP_ACT_KILL_PROCESS, Linux 4.14; valgrind has no seccomp(2) */
	if (seccomp_api_get() < 3)
		return false;
	f = seccomp_init(SCMP_ACT_TRAP);
	if (f == NULL)
		abort();
	learn_names();
	if (sigaction(SIGSYS, &refused, NULL) != 0)
		abort();
	/* calls of another ABI (i386, x32) are somebody else's code */
	must(seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS), "other ABIs");
	add_rules(f, profile);
	/* threads that a library made; best effort, we made none */
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	rc = seccomp_load(f);
	seccomp_release(f);
	if (rc != 0)
		dca_log(DCA_ERR, "jail: seccomp: %s", strerror(-rc));
	return rc == 0;
}
