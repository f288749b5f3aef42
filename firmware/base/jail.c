/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of profiles and the way in. A profile is what one daemon needs
 * after its start and nothing else; Landlock and seccomp are both made of it.
 * Must never widen a profile at run time, and never leave one.
 */
#include <dirent.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dca/os.h"

#include "jail-parts.h"

#ifndef DCA_SANITIZED
#define DCA_SANITIZED 0
#endif

/* A PKCS#11 module is loaded, and loaded again, inside the jail. */
static const char *const libraries[] = {
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/p11-kit",
	"/etc/ld.so.cache", "/etc/ssl/openssl.cnf", "/etc/pkcs11",
	"/etc/softhsm", "/etc/localtime", "/usr/share/zoneinfo",
	"/dev/urandom", "/dev/null", NULL,
};
/* getaddrinfo, inside libcurl. */
static const char *const names[] = {
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache",
	"/etc/ssl/openssl.cnf", "/etc/hosts", "/etc/host.conf",
	"/etc/resolv.conf", "/run/systemd/resolve", "/etc/nsswitch.conf",
	"/etc/gai.conf", "/etc/services", "/etc/localtime", NULL,
};
static const char *const names_and_libraries[] = {
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/p11-kit",
	"/etc/ld.so.cache", "/etc/ssl", "/etc/pkcs11", "/etc/softhsm",
	"/etc/localtime", "/usr/share/zoneinfo", "/dev/urandom", "/dev/null",
	"/etc/hosts", "/etc/host.conf", "/etc/resolv.conf",
	"/run/systemd/resolve", "/etc/nsswitch.conf", "/etc/gai.conf",
	"/etc/services", NULL,
};
/* and the system's CAs */
static const char *const names_and_cas[] = {
	"/etc/ssl", "/dev/urandom", "/etc/hosts", "/etc/host.conf",
	"/etc/resolv.conf", "/run/systemd/resolve", "/etc/nsswitch.conf",
	"/etc/gai.conf", "/etc/services", "/etc/localtime",
	"/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
	"/usr/lib/ssl", NULL,
};
static const char *const nothing[] = { NULL };

enum {
	VAULT = JAIL_BASE | JAIL_READ | JAIL_WRITE | JAIL_THREADS |
	    JAIL_ACCEPT | JAIL_CONNECT | JAIL_CODE,
	PUBLISHER = JAIL_BASE | JAIL_READ | JAIL_WRITE | JAIL_THREADS |
	    JAIL_CONNECT | JAIL_NAMES | JAIL_CODE,
	FRONT = JAIL_BASE | JAIL_CONNECT,
};

static const struct jail_profile profiles[] = {
	/* AF_UNIX: SoftHSM and others write to syslog by themselves */
	[DCA_JAIL_VAULT_LOCAL] = { "vault-local", VAULT, JAIL_UNIX,
	    libraries },
	[DCA_JAIL_VAULT_NETWORK] = { "vault-network", VAULT | JAIL_NAMES,
	    JAIL_UNIX | JAIL_INET | JAIL_ROUTE, names_and_libraries },
	/* its UDP socket is open; the vault's may have to be opened again */
	[DCA_JAIL_FRONT] = { "front", FRONT, JAIL_UNIX | JAIL_NO_ROUTE,
	    nothing },
	[DCA_JAIL_PUBLISHER] = { "publisher", PUBLISHER,
	    JAIL_UNIX | JAIL_INET | JAIL_ROUTE, names },
	[DCA_JAIL_UPSTREAM] = { "upstream", PUBLISHER,
	    JAIL_UNIX | JAIL_INET | JAIL_ROUTE, names_and_cas },
};

static char state[96] = "none";

const char *
dca_jail_state(void)
{
	return state;
}

uint16_t
dca_jail_port(const char *url)
{
	const char *p = strstr(url, "//");
	unsigned long port = 443;

	p = p != NULL ? p + 2 : url;
	p += *p == '[' ? strcspn(p, "]") : 0;
	p += strcspn(p, ":/");
	if (*p == ':')
		port = strtoul(p + 1, NULL, 10);
	return port > UINT16_MAX ? 0 : (uint16_t)port;
}

/* Landlock holds for the thread that enters and for those it makes. */
static bool
alone(void)
{
	DIR *d = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned n = 0;

	if (d == NULL)
		return true;	/* no /proc: nobody can say */
	while ((entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n <= 1;
}

/*
 * The call that asks how right the clock is also sets it, by modes that lie
 * in memory, where no filter can look. The kernel wants CAP_SYS_TIME for that:
 * given up for good, whoever started us (dca_harden: no new privileges).
 */
static void
give_up_time(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	const uint32_t time = CAP_TO_MASK(CAP_SYS_TIME);

	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &head, data) != 0)
		abort();
	/* not asked for without need: the unit's filter refuses capset */
	if (((data[0].effective | data[0].permitted | data[0].inheritable) &
	    time) == 0)
		return;
	data[0].effective &= ~time;
	data[0].permitted &= ~time;
	data[0].inheritable &= ~time;
	if (syscall(SYS_capset, &head, data) != 0)
		abort();
}

void
dca_jail_enter(enum dca_jail jail, const struct dca_jail_paths *p)
{
	struct jail_profile profile = profiles[jail];
	bool locked = dca_harden_memory(), filter;
	int abi;

	/* the runtime of the thread sanitizer has a thread of its own */
	if (!DCA_SANITIZED && !alone())
		abort();
	if (p->clock) {
		give_up_time();
		profile.calls |= JAIL_CLOCK;
	}
	if (DCA_SANITIZED)
		profile.calls |= JAIL_SANITIZER | JAIL_READ;
	abi = jail_landlock(&profile, p);
	filter = jail_seccomp(&profile);
	snprintf(state, sizeof(state), "%s landlock=%d seccomp=%s memory=%s%s",
	    profile.name, abi, filter ? "yes" : "no",
	    locked ? "locked" : "swappable",
	    DCA_SANITIZED ? " sanitizer=yes" : "");
	dca_log(abi > 0 && filter ? DCA_INFO : DCA_WARNING, "jail=%s", state);
	if (abi == 0)
		dca_log(DCA_WARNING, "jail: this kernel has no Landlock: file "
		    "permissions alone say what is read and written");
	else if (abi < 4 && p->tcp[0] != 0)
		dca_log(DCA_WARNING, "jail: Landlock %d cannot restrict TCP "
		    "ports (4 can)", abi);
	if (!filter)
		dca_log(DCA_ERR, "jail: no seccomp filter");
}
