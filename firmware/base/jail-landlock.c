/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock: which files and TCP ports are left. The numbers are the kernel's
 * (linux/landlock.h, ABI 1 to 6), written here because Debian 12's headers
 * stop at ABI 2. Must never leave a right unhandled that this kernel knows.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dca/os.h"

#include "jail-parts.h"

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_REG = 1 << 8,
	FS_ABI_1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,		/* ABI 2 */
	FS_TRUNCATE = 1 << 14,		/* ABI 3 */
	FS_IOCTL_DEV = 1 << 15,		/* ABI 5 */

	NET_BIND_TCP = 1 << 0,		/* ABI 4 */
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_UNIX = 1 << 0,	/* ABI 6 */
	SCOPE_SIGNAL = 1 << 1,

	CREATE_VERSION = 1,
	RULE_PATH = 1,
	RULE_PORT = 2,

	READ = FS_READ_FILE | FS_READ_DIR,
	WRITE = READ | FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG |
	    FS_TRUNCATE | FS_IOCTL_DEV,
	REMOVE = FS_REMOVE_FILE,
	/* what a rule on something that is no directory may say */
	OF_FILES = FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
};

struct ruleset {
	uint64_t fs, net, scoped;
};

struct path_rule {
	uint64_t access;
	int32_t parent;
} __attribute__((packed));

struct port_rule {
	uint64_t access, port;
};

static int
add_rule(int ruleset, int type, const void *rule)
{
	return (int)syscall(SYS_landlock_add_rule, ruleset, type, rule, 0);
}

/* ours: the profile's own path, which a machine may well not have. */
static void
allow_path(int ruleset, const struct ruleset *handled, const char *path,
    uint64_t access, bool ours)
{
	struct path_rule rule = { access & handled->fs, -1 };
	struct stat st;

	rule.parent = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent < 0 || fstat(rule.parent, &st) != 0) {
		if (!ours)
			dca_log(DCA_WARNING, "jail: %s: %s: closed until the "
			    "next start", path, strerror(errno));
		if (rule.parent >= 0)
			close(rule.parent);
		return;
	}
	if (!S_ISDIR(st.st_mode))
		rule.access &= OF_FILES;
	if (add_rule(ruleset, RULE_PATH, &rule) != 0)
		dca_log(DCA_ERR, "jail: %s: %s", path, strerror(errno));
	close(rule.parent);
}

static void
allow_paths(int ruleset, const struct ruleset *handled,
    const char *const *paths, uint64_t access, bool ours)
{
	for (; *paths != NULL; paths++) {
		if ((*paths)[0] != '\0')
			allow_path(ruleset, handled, *paths, access, ours);
	}
}

static void
allow_ports(int ruleset, const struct ruleset *handled, const uint16_t *ports)
{
	for (; handled->net != 0 && *ports != 0; ports++) {
		struct port_rule rule = { NET_CONNECT_TCP, *ports };

		if (add_rule(ruleset, RULE_PORT, &rule) != 0)
			dca_log(DCA_ERR, "jail: port %u: %s", *ports,
			    strerror(errno));
	}
}

/* The size of the structure tells the kernel which ABI we speak. */
static size_t
rights_of(struct ruleset *r, int abi)
{
	r->fs = FS_ABI_1;
	if (abi >= 2)
		r->fs |= FS_REFER;
	if (abi >= 3)
		r->fs |= FS_TRUNCATE;
	if (abi >= 4)
		r->net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		r->fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		r->scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

static int
sealed(int ruleset)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

int
jail_landlock(const struct jail_profile *profile,
    const struct dca_jail_paths *p)
{
	static const char *const sanitizer[] = { "/proc", NULL };
	struct ruleset handled = { 0, 0, 0 };
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    CREATE_VERSION);
	int fd;
	size_t n;

	if (abi < 1)
		return 0;
	n = rights_of(&handled, abi);
	/* a token behind TCP has ports that only its module knows */
	if ((profile->sockets & JAIL_INET) != 0 && p->tcp[0] == 0)
		handled.net &= NET_BIND_TCP;
	fd = (int)syscall(SYS_landlock_create_ruleset, &handled, n, 0);
	if (fd < 0)
		return 0;
	allow_paths(fd, &handled, profile->read, READ, true);
	if ((profile->calls & JAIL_SANITIZER) != 0)
		allow_paths(fd, &handled, sanitizer, READ, true);
	allow_paths(fd, &handled, p->read, READ, false);
	allow_paths(fd, &handled, p->write, WRITE, false);
	allow_paths(fd, &handled, p->remove, REMOVE, false);
	allow_ports(fd, &handled, p->tcp);
	n = (size_t)sealed(fd);
	close(fd);
	return n != 0 ? abi : 0;
}
