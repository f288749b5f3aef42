/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the jail share. Must never be seen outside of it. */
#ifndef DCA_JAIL_PARTS_H
#define DCA_JAIL_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "dca/jail.h"

/* Classes of system calls (jail-calls.c says which they are). */
enum {
	JAIL_BASE = 1 << 0,	/* memory, time, own descriptors, signals */
	JAIL_READ = 1 << 1,	/* open for reading, look at names */
	JAIL_WRITE = 1 << 2,	/* open for writing, make, rename, unlink */
	JAIL_THREADS = 1 << 3,	/* threads of its own, no processes */
	JAIL_ACCEPT = 1 << 4,	/* connections to sockets it has */
	JAIL_CONNECT = 1 << 5,	/* new sockets of the families below */
	JAIL_CODE = 1 << 6,	/* map a library */
	JAIL_NAMES = 1 << 7,	/* getaddrinfo */
	JAIL_SANITIZER = 1 << 8,	/* what the sanitizers' runtime does */
	JAIL_CLOCK = 1 << 9,	/* how right the clock is */
};

/* Families of new sockets. */
enum {
	JAIL_UNIX = 1 << 0,
	JAIL_INET = 1 << 1,	/* IPv4 and IPv6, TCP and UDP (names) */
	JAIL_ROUTE = 1 << 2,	/* NETLINK_ROUTE: getaddrinfo sorts by it */
	/* refused, and no alarm: libcoap 4.3.4 looks for the broadcast
	 * addresses of the machine and does well without */
	JAIL_NO_ROUTE = 1 << 3,
};

struct jail_profile {
	const char *name;
	unsigned calls, sockets;
	const char *const *read;	/* besides what the caller names */
};

/* One system call: in which classes it is allowed, and when it kills. */
struct jail_call {
	const char *name;
	unsigned classes;
	enum jail_when {
		JAIL_ALWAYS,
		JAIL_OWN,	/* first argument is our own process */
		JAIL_RDONLY_1,	/* flags in argument 1 or 2: no writing */
		JAIL_RDONLY_2,
		JAIL_NO_CODE,	/* no PROT_EXEC in argument 2 */
		JAIL_NO_WX,	/* not PROT_WRITE and PROT_EXEC together */
		JAIL_THREAD,	/* CLONE_THREAD is set */
		JAIL_FAMILY,	/* socket, socketpair: a family of the profile */
		JAIL_IOCTL,	/* a few harmless ones */
		JAIL_PRCTL,
		JAIL_REALTIME,	/* argument 0 is CLOCK_REALTIME */
		JAIL_ENOSYS,	/* probed by libc, which knows another way */
		JAIL_KILL,	/* no library does this: the process ends */
	} when;
};
extern const struct jail_call jail_calls[];	/* ends with name NULL */

/* The ABI that was entered; 0: the kernel has no Landlock. */
int jail_landlock(const struct jail_profile *profile,
    const struct dca_jail_paths *p);
bool jail_seccomp(const struct jail_profile *profile);

#endif
