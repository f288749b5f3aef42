/* SPDX-License-Identifier: Apache-2.0 */
/* Files, the event loop and the log line. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/os.h"

static char dir[64];

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/dca-os-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void
files(void **state)
{
	char path[4096], deep[4096];
	DCA_AUTO_OUT o = { 0 };
	DCA_AUTO_OUT again = { 0 };
	struct dca_err e = { 0 };
	struct stat st;
	mode_t old = umask(077);

	(void)state;
	dca_path(deep, dir, "/%s/%d", "a", 1);
	assert_int_equal(dca_file_mkdir(deep, 0755, &e), DCA_OK);
	assert_int_equal(dca_file_mkdir(deep, 0755, &e), DCA_OK);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	dca_path(path, deep, "/f");
	assert_int_equal(dca_file_write(path, DCA_BUF("one", 3), 0644, &e),
	    DCA_OK);
	assert_int_equal(dca_file_write(path, DCA_BUF("three", 5), 0644, &e),
	    DCA_OK);
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(dca_file_read(&o, path, 5, &e), DCA_OK);
	assert_true(dca_buf_eq(dca_out_buf(&o), DCA_BUF("three", 5)));
	assert_int_equal(dca_file_read(&again, path, 4, &e), DCA_IO);
	assert_non_null(strstr(e.text, "longer than 4 octets"));
	assert_int_equal(dca_file_mkdir(path, 0755, &e), DCA_IO);
	assert_non_null(strstr(e.text, "is not a directory"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(dca_file_read(&again, path, 4, &e), DCA_IO);
	assert_non_null(strstr(e.text, path));
	dca_path(path, NULL, "%s/no/f", deep);
	assert_int_equal(dca_file_write(path, DCA_BUF("x", 1), 0600, &e), DCA_IO);
	/* also: nothing temporary was left */
	assert_int_equal(rmdir(deep), 0);
	dca_path(deep, dir, "/a");
	assert_int_equal(rmdir(deep), 0);
}

struct turn {
	struct dca_loop *l;
	int a[2], b[2];
	unsigned ran, after, timers;
};

static void
on_pipe(void *arg, uint32_t events)
{
	struct turn *t = arg;

	assert_true((events & EPOLLIN) != 0);
	t->ran++;
	/* both are ready in this turn; whoever is first removes both, closes
	 * them and puts a new one under the same number: no stale event */
	dca_loop_remove(t->l, t->a[0]);
	dca_loop_remove(t->l, t->b[0]);
	dca_loop_remove(t->l, t->b[0]);
	close(t->a[0]);
	close(t->b[0]);
	close(t->a[1]);
	close(t->b[1]);
	assert_int_equal(pipe(t->a), 0);
	dca_loop_add(t->l, t->a[0], EPOLLIN, on_pipe, t);
}

static void
after(void *arg, uint32_t events)
{
	struct turn *t = arg;

	assert_int_equal(events, 0);
	t->after++;
}

static void
timer(void *arg, uint32_t events)
{
	struct turn *t = arg;

	assert_int_equal(events, 0);
	if (++t->timers == 3)
		dca_loop_stop(t->l);
}

static void
turns(void **state)
{
	struct turn t = { .l = dca_loop_new() };

	(void)state;
	assert_int_equal(pipe(t.a) | pipe(t.b), 0);
	dca_loop_add(t.l, t.a[0], EPOLLIN, on_pipe, &t);
	dca_loop_add(t.l, t.b[0], EPOLLIN, on_pipe, &t);
	assert_true(write(t.a[1], "x", 1) == 1 && write(t.b[1], "x", 1) == 1);
	dca_loop_after(t.l, after, &t);
	dca_loop_every(t.l, 10, timer, &t);
	dca_loop_run(t.l);
	assert_int_equal(t.ran, 1);
	assert_int_equal(t.timers, 3);
	assert_in_range(t.after, 3, 10);
	dca_loop_remove(t.l, t.a[0]);
	close(t.a[0]);
	close(t.a[1]);
	dca_loop_free(t.l);
}

static void *
waker(void *arg)
{
	for (int i = 0; i < 1000; i++)
		dca_loop_wake(arg);
	return NULL;
}

static void
on_wake(void *arg, uint32_t events)
{
	(void)events;
	dca_loop_stop(arg);
}

static void
woken(void **state)
{
	struct dca_loop *l = dca_loop_new();
	pthread_t t;

	(void)state;
	dca_loop_after(l, on_wake, l);
	assert_int_equal(pthread_create(&t, NULL, waker, l), 0);
	dca_loop_run(l);
	assert_int_equal(pthread_join(t, NULL), 0);
	/* a signal ends it, too */
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	dca_loop_run(l);
	dca_loop_free(l);
}

static void
log_lines(void **state)
{
	int fds[2], err = dup(2);
	char got[2000];
	struct dca_err e = { .rule = DCA_RULE_SCOPE_DELEGATION, .text = "no",
		.first = "12025550100" };
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], 2);
	dca_log_init("prog", DCA_INFO);
	dca_log(DCA_INFO, "peer=%s", "a\nb\x1b[1m\xc3\xbc");
	dca_log(DCA_DEBUG, "not shown");
	dca_log(DCA_WARNING, "\xff");
	dca_log_err(DCA_WARNING, "issue", &e);
	dca_log_err(DCA_ERR, "issue", &e);
	dup2(err, 2);
	close(err);
	close(fds[1]);
	n = read(fds[0], got, sizeof(got) - 1);
	close(fds[0]);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got,
	    "<6>prog: peer=a\\x0ab\\x1b[1m\xc3\xbc\n"
	    "<4>prog: \\xff\n"
	    "<4>prog: issue: no (scope-delegation, first 12025550100)\n"
	    "<3>prog: issue: no (scope-delegation, first 12025550100); "
	    "delegate the number first: dcactl delegation import\n");
}

static void
hardened(void **state)
{
	pid_t pid = fork();
	int status = 0;

	(void)state;
	if (pid == 0) {
		DCA_AUTO_OUT o = { 0 };
		struct dca_err e;

		dca_harden();
		if (umask(0) != 077 ||
		    dca_file_read(&o, "/proc/self/status", 65536, &e) != DCA_OK)
			_exit(1);
		dca_out_add(&o, "", 1);
		_exit(strstr((char *)o.p, "NoNewPrivs:\t1") == NULL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(turns),
		cmocka_unit_test(woken),
		cmocka_unit_test(log_lines),
		cmocka_unit_test(hardened),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
