/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every system call that some profile may make, by class, and those that end
 * the process. What does not stand here is refused. Must never have a row
 * that nobody needs: each is there because a daemon, OpenSSL, SQLite, libcurl,
 * SoftHSM or libc was seen making it.
 */
#include <stddef.h>

#include "jail-parts.h"

#define ROW(call, class, when) { #call, JAIL_##class, JAIL_##when },
#define BASE(call) ROW(call, BASE, ALWAYS)
#define READ(call) ROW(call, READ, ALWAYS)
#define WRITE(call) ROW(call, WRITE, ALWAYS)
#define THREADS(call) ROW(call, THREADS, ALWAYS)
#define SANITIZER(call) ROW(call, SANITIZER, ALWAYS)
#define KILL(call) { #call, 0, JAIL_KILL },

/* clang-format off */
const struct jail_call jail_calls[] = {

	/* Memory, time, descriptors that are open, signals to itself. */
	BASE(read) BASE(write) BASE(readv) BASE(writev) BASE(pread64)
	BASE(pwrite64) BASE(preadv) BASE(pwritev) BASE(close) BASE(close_range)
	BASE(fstat) BASE(lseek) BASE(munmap) BASE(mremap) BASE(madvise)
	BASE(brk) BASE(mlock) BASE(mlock2) BASE(munlock) BASE(msync)
	BASE(membarrier) BASE(futex) BASE(futex_waitv) BASE(nanosleep)
	BASE(clock_nanosleep) BASE(clock_gettime) BASE(clock_getres)
	BASE(gettimeofday) BASE(time) BASE(times) BASE(getrandom)
	BASE(epoll_create1) BASE(epoll_wait) BASE(epoll_pwait)
	BASE(epoll_pwait2) BASE(epoll_ctl) BASE(poll) BASE(ppoll) BASE(select)
	BASE(pselect6) BASE(eventfd2) BASE(timerfd_create)
	BASE(timerfd_settime) BASE(timerfd_gettime) BASE(pipe2) BASE(dup)
	BASE(fcntl) BASE(rt_sigaction) BASE(rt_sigprocmask) BASE(rt_sigreturn)
	BASE(rt_sigtimedwait) BASE(sigaltstack) BASE(restart_syscall)
	BASE(getpid) BASE(gettid) BASE(getppid) BASE(getuid) BASE(geteuid)
	BASE(getgid) BASE(getegid) BASE(getgroups) BASE(getrlimit) BASE(uname)
	BASE(sysinfo) BASE(getrusage) BASE(getcpu) BASE(umask)
	BASE(sched_yield) BASE(sched_getaffinity) BASE(exit) BASE(exit_group)
	BASE(sendto) BASE(recvfrom) BASE(sendmsg) BASE(recvmsg) BASE(sendmmsg)
	BASE(recvmmsg) BASE(shutdown) BASE(getsockname) BASE(getpeername)
	BASE(getsockopt) BASE(setsockopt) ROW(kill, BASE, OWN)
	ROW(tgkill, BASE, OWN)
	ROW(mmap, BASE, NO_CODE) ROW(mprotect, BASE, NO_CODE)
	ROW(ioctl, BASE, IOCTL) ROW(prctl, BASE, PRCTL)

	/* A library: code that was not written by us while we run. */
	ROW(mmap, CODE, NO_WX)

	/* Names and content of files (Landlock says which). */
	ROW(open, READ, RDONLY_1) ROW(openat, READ, RDONLY_2) READ(stat)
	READ(lstat) READ(newfstatat) READ(statx) READ(access) READ(faccessat)
	READ(faccessat2) READ(readlink) READ(readlinkat) READ(getdents64)
	READ(statfs) READ(fstatfs) READ(getcwd) READ(flock) READ(fadvise64)

	/* Changing them. */
	WRITE(open) WRITE(openat) WRITE(fsync) WRITE(fdatasync)
	WRITE(sync_file_range) WRITE(syncfs) WRITE(ftruncate) WRITE(fallocate)
	WRITE(unlink) WRITE(unlinkat) WRITE(rename) WRITE(renameat)
	WRITE(renameat2) WRITE(link) WRITE(linkat)
	WRITE(fchmod) WRITE(fchown)

	/* Threads; a process is not one. */
	ROW(clone, THREADS, THREAD) THREADS(set_robust_list) THREADS(rseq)
	THREADS(set_tid_address) THREADS(sched_getparam)
	THREADS(sched_getscheduler)

	/* Sockets. listen is nobody's: all are open when the jail is entered. */
	ROW(accept, ACCEPT, ALWAYS) ROW(accept4, ACCEPT, ALWAYS)
	ROW(connect, CONNECT, ALWAYS) ROW(socket, CONNECT, FAMILY)
	ROW(socketpair, CONNECT, FAMILY)

	/* getaddrinfo asks the kernel for routes, the resolver for names. */
	ROW(bind, NAMES, ALWAYS)

	/* Is the clock synchronised? The call that sets it, too: that takes
	 * CAP_SYS_TIME, which jail.c gives up. */
	ROW(clock_adjtime, CLOCK, REALTIME)

	/* LeakSanitizer looks at its parent from a process beside it; sanitizer builds
	 * only (DCA_SANITIZED), a row here replaces the strict one of the same call. */
	SANITIZER(clone) SANITIZER(ptrace) SANITIZER(getdents) SANITIZER(prctl) SANITIZER(wait4)
	SANITIZER(waitid) SANITIZER(kill) SANITIZER(tgkill)
	SANITIZER(arch_prctl) SANITIZER(sched_setaffinity)
	SANITIZER(process_vm_readv) SANITIZER(process_vm_writev)
	SANITIZER(personality) SANITIZER(mincore) SANITIZER(readlink)
	SANITIZER(set_robust_list) SANITIZER(rseq) SANITIZER(prlimit64)

	/* Asked for by libc first, which then takes an older way. The arguments of
	 * clone3 and openat2 lie in memory, where no filter can look. */
	ROW(clone3, BASE, ENOSYS) ROW(openat2, BASE, ENOSYS)
	ROW(io_uring_setup, BASE, ENOSYS)

	/* No library does this. */
	KILL(execve) KILL(execveat) KILL(ptrace) KILL(process_vm_readv)
	KILL(process_vm_writev) KILL(pidfd_getfd) KILL(kcmp) KILL(mount)
	KILL(umount2) KILL(mount_setattr) KILL(open_tree) KILL(move_mount)
	KILL(fsopen) KILL(fsconfig) KILL(fsmount) KILL(fspick) KILL(pivot_root)
	KILL(chroot) KILL(setns) KILL(unshare) KILL(init_module)
	KILL(finit_module) KILL(delete_module) KILL(kexec_load)
	KILL(kexec_file_load) KILL(bpf) KILL(perf_event_open) KILL(userfaultfd)
	KILL(open_by_handle_at) KILL(setuid) KILL(setgid) KILL(setreuid)
	KILL(setregid) KILL(setresuid) KILL(setresgid) KILL(setgroups)
	KILL(setfsuid) KILL(setfsgid) KILL(capset) KILL(reboot) KILL(swapon)
	KILL(swapoff) KILL(settimeofday) KILL(clock_settime) KILL(adjtimex)
	KILL(clock_adjtime) KILL(sethostname) KILL(setdomainname) KILL(iopl)
	KILL(ioperm) KILL(modify_ldt) KILL(acct) KILL(quotactl) KILL(add_key)
	KILL(keyctl) KILL(request_key) KILL(mknod) KILL(mknodat)

	{ NULL, 0, JAIL_ALWAYS },
};
