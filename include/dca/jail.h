/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jail of a daemon: what it can no longer do even when somebody else's
 * code runs in it. Landlock for files and TCP ports, seccomp for system calls,
 * both from one table of profiles (firmware/base/jail.c).
 */
#ifndef DCA_JAIL_H
#define DCA_JAIL_H

#include <stdbool.h>
#include <stdint.h>

enum dca_jail {
	DCA_JAIL_VAULT_LOCAL,	/* token on this machine: no network at all */
	DCA_JAIL_VAULT_NETWORK,	/* token behind TCP */
	DCA_JAIL_FRONT,		/* its open UDP socket, the vault's socket */
	DCA_JAIL_PUBLISHER,	/* its directories, TCP to the web server */
	DCA_JAIL_UPSTREAM,	/* its directory, TCP to STI-PA and STI-CA */
};

enum { DCA_JAIL_PATHS = 16, DCA_JAIL_PORTS = 4 };

/*
 * What the configuration adds to the profile. NULL and 0 end a list; an empty
 * path is passed over, one that does not exist is logged: it stays closed
 * until the next start, because Landlock knows files, not names.
 */
struct dca_jail_paths {
	const char *read[DCA_JAIL_PATHS + 1];	/* files, directories */
	const char *write[DCA_JAIL_PATHS + 1];	/* directories and below */
	const char *remove[DCA_JAIL_PATHS + 1];	/* names in it may go: sockets
						 * of our own */
	uint16_t tcp[DCA_JAIL_PORTS + 1];	/* ports to connect to */
	bool clock;	/* asks the kernel whether the clock is right */
};

/*
 * After everything is opened, before the first untrusted octet and before the
 * first thread. There is no way back. A kernel that offers less is said in
 * the log and in dca_jail_state; a process that has threads already aborts.
 */
void dca_jail_enter(enum dca_jail jail, const struct dca_jail_paths *p);

/* The port of an https URL, for tcp; 443 when it names none. */
uint16_t dca_jail_port(const char *url);

/* "vault-local landlock=7 seccomp=yes memory=locked" for people, or "none". */
const char *dca_jail_state(void);

#endif
