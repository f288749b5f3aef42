/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enters a jail by the daemons' own function and tries what it must stop, one
 * thing a run: each in a process of its own, because some end it. Beside every
 * forbidden thing stands a like one that must go on working. Must never judge
 * the jail by the table it is made of.
 * usage: jail-try DIRECTORY
 * DIRECTORY holds in/ (the jail may write), ro/ (read), out/ (neither).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dca/jail.h"
#include "dca/os.h"

enum { VL = 1 << 0, VN = 1 << 1, FR = 1 << 2, PU = 1 << 3,
	UP = 1 << 4, OUT = PU | UP, VAULT = VL | VN, FILES = VL | VN | OUT,
	ALL = FILES | FR };
enum verdict { WORKS, REFUSED, KILLED, STOPPED /* either */ };

static const struct {
	const char *name;
	unsigned bit;
} jails[] = {
	[DCA_JAIL_VAULT_LOCAL] = { "vault-local", VL },
	[DCA_JAIL_VAULT_NETWORK] = { "vault-network", VN },
	[DCA_JAIL_FRONT] = { "front", FR },
	[DCA_JAIL_PUBLISHER] = { "publisher", PU },
	[DCA_JAIL_UPSTREAM] = { "upstream", UP },
};

static struct {
	char in[128], ro[128], out[128], socket[128];
	int udp;		/* bound before the jail */
	uint16_t open, closed;	/* TCP ports that listen here */
	pid_t other, parent;
} at;

/* Each returns 0 when the thing could be done, else -1 and errno. */

static int
opens(const char *dir, const char *name, int flags)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : close(fd);
}

static int
connects(int type, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 :
	    connect(fd, (const struct sockaddr *)&a, sizeof(a));
}

static int
makes(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 : close(fd);
}

static int try_write_in(void) { return opens(at.in, "new", O_WRONLY | O_CREAT); }
static int try_write_out(void) { return opens(at.out, "file", O_WRONLY); }
static int try_make_out(void) { return opens(at.out, "new", O_WRONLY | O_CREAT); }
static int try_write_ro(void) { return opens(at.ro, "file", O_WRONLY); }
static int try_read_ro(void) { return opens(at.ro, "file", O_RDONLY); }
static int try_read_out(void) { return opens(at.out, "file", O_RDONLY); }
static int try_read_passwd(void) { return opens("/etc", "passwd", O_RDONLY); }

static int
try_truncate(void)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/file", at.out);
	return truncate(path, 0);
}

static int
try_unlink(void)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/file", at.out);
	return unlink(path);
}

static int
try_rename(void)
{
	char from[256], to[256];

	(void)snprintf(from, sizeof(from), "%s/file", at.in);
	(void)snprintf(to, sizeof(to), "%s/stolen", at.out);
	return rename(from, to);
}

static int try_inet(void) { return makes(AF_INET, SOCK_STREAM); }
static int try_inet_udp(void) { return makes(AF_INET, SOCK_DGRAM); }
static int try_inet6(void) { return makes(AF_INET6, SOCK_DGRAM); }
static int try_netlink(void) { return makes(AF_NETLINK, SOCK_RAW); }
static int try_packet(void) { return makes(AF_PACKET, SOCK_RAW); }
static int try_raw(void) { return makes(AF_INET, SOCK_RAW); }
static int try_vsock(void) { return makes(AF_VSOCK, SOCK_STREAM); }
static int try_alg(void) { return makes(AF_ALG, SOCK_SEQPACKET); }
static int try_tcp_open(void) { return connects(SOCK_STREAM, at.open); }
static int try_tcp_closed(void) { return connects(SOCK_STREAM, at.closed); }
static int try_udp(void) { return connects(SOCK_DGRAM, 9); }

static int
try_audit(void)
{
	return socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT) < 0 ? -1 : 0;
}

/* With the descriptors it has: to itself. */
static int
try_udp_kept(void)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	char c = 'x';

	if (getsockname(at.udp, (struct sockaddr *)&a, &n) != 0 ||
	    sendto(at.udp, &c, 1, 0, (const struct sockaddr *)&a, n) != 1)
		return -1;
	return recv(at.udp, &c, 1, 0) == 1 ? 0 : -1;
}

static int
try_listen(void)
{
	return listen(at.udp, 1) != 0 && errno == EOPNOTSUPP ? 0 : -1;
}

static int
try_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)dca_strlcpy(a.sun_path, at.socket, sizeof(a.sun_path));
	return fd < 0 ? -1 :
	    connect(fd, (const struct sockaddr *)&a, sizeof(a));
}

static int
try_exec(void)
{
	char *const argv[] = { (char *)(uintptr_t)"true", NULL };

	return execve("/bin/true", argv, argv + 1);
}

static int
try_fork(void)
{
	pid_t p = fork();

	if (p == 0)
		_exit(0);
	return p < 0 ? -1 : 0;
}

static int
try_system(void)
{
	return system("true") == 0 ? 0 : -1;
}

static int
try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, at.other, NULL, NULL) != 0 ? -1 : 0;
}

static int
try_memory(void)
{
	char c;
	struct iovec own = { &c, 1 }, its = { &c, 1 };

	return syscall(SYS_process_vm_readv, at.other, &own, 1, &its, 1, 0) < 0
	    ? -1 : 0;
}

static int try_kill(void) { return kill(at.other, SIGKILL); }
static int try_kill_parent(void) { return kill(at.parent, 0); }
static int try_kill_self(void) { return kill(getpid(), 0); }
static int try_dumpable(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }
static int try_chroot(void) { return chroot("/"); }
static int try_setuid(void) { return (int)syscall(SYS_setuid, 65534); }
static int try_unshare(void) { return unshare(CLONE_NEWUSER); }
static int try_keyring(void) { return (int)syscall(SYS_keyctl, 0, 0, 0); }
static int try_new_call(void) { return (int)syscall(599, 0); }

static int
try_mount(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int
try_uring(void)
{
	char params[256] = { 0 };

	return syscall(SYS_io_uring_setup, 1, params) < 0 ? -1 : 0;
}

static int
try_wx(void)
{
	return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int
try_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
try_thread(void)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, nothing, NULL);
	return errno != 0 ? -1 : pthread_join(t, NULL);
}

static int
try_clock(void)
{
	struct timex t = { .modes = 0 };

	return clock_adjtime(CLOCK_REALTIME, &t) < 0 ? -1 : 0;
}

static int try_clock_untold(void) { return try_clock(); }

/* To what it is already: root outside may. */
static int
try_clock_set(void)
{
	struct timex t = { .modes = 0 };

	if (clock_adjtime(CLOCK_REALTIME, &t) < 0)
		return -1;
	t.modes = ADJ_TICK;
	return clock_adjtime(CLOCK_REALTIME, &t) < 0 ? -1 : 0;
}

static int
try_clock_time(void)
{
	struct timespec now;

	return clock_gettime(CLOCK_REALTIME, &now) ? 0 :
	    clock_settime(CLOCK_REALTIME, &now);
}

static int
try_clock_other(void)
{
	struct timex t = { .modes = 0 };

	return clock_adjtime(CLOCK_MONOTONIC, &t) < 0 ? -1 : 0;
}

/* Threads are jailed like the one that made them. */
static void *
in_thread(void *arg)
{
	*(int *)arg = try_write_out();
	return NULL;
}

static int
try_write_thread(void)
{
	pthread_t t;
	int rc = 0;

	if (pthread_create(&t, NULL, in_thread, &rc) != 0)
		return 0;
	(void)pthread_join(t, NULL);
	return rc;
}

/*
 * In the other jails than those of the last column: refused or killed. libc
 * blocks all signals while it makes a process or thread, and a refusal is a
 * signal: then the kernel kills.
 */
static const struct attempt {
	const char *name;
	int (*run)(void);
	enum verdict otherwise;
	unsigned works;
} attempts[] = {
	{ "write in its directory", try_write_in, REFUSED, FILES },
	{ "write a file outside", try_write_out, REFUSED, 0 },
	{ "write outside from a thread", try_write_thread, STOPPED, 0 },
	{ "make a file outside", try_make_out, REFUSED, 0 },
	{ "write where it may read", try_write_ro, REFUSED, 0 },
	{ "read where it may", try_read_ro, REFUSED, FILES },
	{ "read a file outside", try_read_out, REFUSED, 0 },
	{ "read /etc/passwd", try_read_passwd, REFUSED, 0 },
	{ "truncate a file outside", try_truncate, REFUSED, 0 },
	{ "unlink a file outside", try_unlink, REFUSED, 0 },
	{ "rename out of its directory", try_rename, REFUSED, 0 },
	{ "socket(AF_INET, TCP)", try_inet, REFUSED, VN | OUT },
	{ "socket(AF_INET, UDP)", try_inet_udp, REFUSED, VN | OUT },
	{ "socket(AF_INET6)", try_inet6, REFUSED, VN | OUT },
	{ "socket(AF_NETLINK, route)", try_netlink, REFUSED, VN | OUT },
	{ "socket(AF_NETLINK, audit)", try_audit, REFUSED, 0 },
	{ "socket(AF_PACKET)", try_packet, REFUSED, 0 },
	{ "socket(AF_INET, RAW)", try_raw, REFUSED, 0 },
	{ "socket(AF_VSOCK)", try_vsock, REFUSED, 0 },
	{ "socket(AF_ALG)", try_alg, REFUSED, 0 },
	{ "connect to its TCP port", try_tcp_open, REFUSED, VN | OUT },
	{ "connect to another TCP port", try_tcp_closed, REFUSED, VN },
	{ "connect UDP", try_udp, REFUSED, VN | OUT },
	{ "its UDP socket", try_udp_kept, REFUSED, ALL },
	{ "listen", try_listen, REFUSED, 0 },
	{ "connect to the vault's socket", try_unix, REFUSED, ALL },
	{ "execve", try_exec, KILLED, 0 },
	{ "fork", try_fork, REFUSED, 0 },
	{ "system", try_system, KILLED, 0 },
	{ "ptrace", try_ptrace, KILLED, 0 },
	{ "process_vm_readv", try_memory, KILLED, 0 },
	{ "kill another process", try_kill, REFUSED, 0 },
	{ "kill its parent", try_kill_parent, REFUSED, 0 },
	{ "kill itself", try_kill_self, REFUSED, ALL },
	{ "become dumpable", try_dumpable, REFUSED, 0 },
	{ "mount", try_mount, KILLED, 0 },
	{ "chroot", try_chroot, KILLED, 0 },
	{ "setuid", try_setuid, KILLED, 0 },
	{ "unshare", try_unshare, KILLED, 0 },
	{ "keyctl", try_keyring, KILLED, 0 },
	{ "io_uring", try_uring, REFUSED, 0 },
	{ "a system call of tomorrow", try_new_call, REFUSED, 0 },
	{ "ask how right the clock is", try_clock, KILLED, VAULT },
	{ "the same untold", try_clock_untold, KILLED, 0 },
	{ "set the clock", try_clock_set, STOPPED, 0 },
	{ "set the clock to a time", try_clock_time, KILLED, 0 },
	{ "ask another clock", try_clock_other, STOPPED, 0 },
	{ "memory to write and execute", try_wx, REFUSED, 0 },
	{ "make memory executable", try_code, REFUSED, 0 },
	{ "a thread", try_thread, KILLED, FILES },
};

#ifdef DCA_SANITIZED
/* What the runtime of the sanitizers is let do, see jail-calls.c. */
static int (*const loosened[])(void) = { try_fork, try_ptrace, try_memory,
	try_kill, try_kill_parent, try_dumpable, try_thread, try_system,
	try_read_ro, NULL };
#else
static int (*const loosened[])(void) = { NULL };
#endif

static uint16_t
listener(int *fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(*fd, (const struct sockaddr *)&a, n) != 0 ||
	    listen(*fd, 64) != 0 ||
	    getsockname(*fd, (struct sockaddr *)&a, &n) != 0)
		abort();
	return ntohs(a.sin_port);
}

static void
prepare(const char *dir)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd[3];

	(void)snprintf(at.in, sizeof(at.in), "%s/in", dir);
	(void)snprintf(at.ro, sizeof(at.ro), "%s/ro", dir);
	(void)snprintf(at.out, sizeof(at.out), "%s/out", dir);
	(void)snprintf(at.socket, sizeof(at.socket), "%s/s", dir);
	at.open = listener(&fd[0]);
	at.closed = listener(&fd[1]);
	fd[2] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	(void)dca_strlcpy(a.sun_path, at.socket, sizeof(a.sun_path));
	(void)unlink(at.socket);
	if (bind(fd[2], (const struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd[2], 64) != 0)
		abort();
	at.udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(at.udp, (const struct sockaddr *)&any, sizeof(any)) != 0)
		abort();
	at.parent = getpid();
	at.other = fork();
	if (at.other == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)pause();
		_exit(0);
	}
}

static enum verdict
happened(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : (enum verdict)99;
	return WEXITSTATUS(status) == 0 ? WORKS : REFUSED;
}

/* A vault that is told to look at its clock. */
static bool
minds_clock(const struct attempt *a)
{
	return a->run == try_clock || a->run == try_clock_set ||
	    a->run == try_clock_time || a->run == try_clock_other;
}

static bool
check(const struct attempt *a, enum dca_jail jail)
{
	static const char *const words[] = { "works", "refused", "killed" };
	const struct dca_jail_paths p = { .read = { at.ro },
		.write = { at.in },
		.tcp = { jails[jail].bit & OUT ? at.open : 0 },
		.clock = (jails[jail].bit & VAULT) != 0 &&
		    minds_clock(a) };
	enum verdict want = (a->works & jails[jail].bit) != 0 ? WORKS :
	    a->otherwise, got;
	int status = 0;
	pid_t pid;

	for (size_t i = 0; loosened[i] != NULL; i++)
		if (loosened[i] == a->run)
			return true;
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dca_harden();
		dca_jail_enter(jail, &p);
		_exit(a->run() == 0 ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	got = happened(status);
	if (want == STOPPED && (got == REFUSED || got == KILLED))
		want = got;
	(void)printf("%s: %s: %s: %s\n", got == want ? "ok" : "NOT OK",
	    jails[jail].name, a->name,
	    got < 3 ? words[got] : strsignal(WTERMSIG(status)));
	return got == want;
}

int
main(int argc, char **argv)
{
	unsigned bad = 0, n = 0;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: jail-try DIRECTORY\n");
		return 2;
	}
	dca_log_init("jail-try", DCA_WARNING);
	prepare(argv[1]);
	for (size_t j = 0; j < sizeof(jails) / sizeof(jails[0]); j++) {
		for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]);
		    i++, n++)
			bad += !check(&attempts[i], (enum dca_jail)j);
	}
	(void)kill(at.other, SIGKILL);
	(void)printf("%u of %u not ok\n", bad, n);
	return bad != 0;
}
