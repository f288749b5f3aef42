/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of other people, run without a shell: argv from a table, standard
 * input empty, what they print read line by line and kept up to a bound, an
 * end to their time. Never waits for one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board.h"

enum { KEPT = 4000, LINE = 512, TICK_MS = 500, WORDS = 8 };

struct child {
	LIST_ENTRY(child) all;
	struct children *of;
	pid_t pid;
	int pidfd, out;
	int64_t until;
	struct dca_out kept;
	char line[LINE];
	size_t n;
	struct child_handlers h;
};

LIST_HEAD(child_list, child);

struct children {
	struct dca_loop *loop;
	struct child_list list;
};

extern char **environ;

static void
take(struct child *c, const char *p, size_t n)
{
	if (c->kept.n + n > KEPT) {	/* keep the end */
		size_t drop = c->kept.n + n - KEPT;

		if (drop > c->kept.n)
			drop = c->kept.n;
		memmove(c->kept.p, c->kept.p + drop, c->kept.n - drop);
		c->kept.n -= drop;
	}
	dca_out_add(&c->kept, p, n > KEPT ? KEPT : n);
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n' && p[i] != '\r') {
			if (c->n < LINE - 1)
				c->line[c->n++] = p[i];
			continue;
		}
		c->line[c->n] = '\0';
		if (c->n > 0 && c->h.line != NULL)
			c->h.line(c->h.arg, c->line);
		c->n = 0;
	}
}

/* What is there; false when the other end is closed. */
static bool
drain(struct child *c)
{
	char buf[1024];
	ssize_t n;

	while ((n = read(c->out, buf, sizeof(buf))) > 0)
		take(c, buf, (size_t)n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void
on_output(void *arg, uint32_t events)
{
	struct child *c = arg;

	(void)events;
	if (!drain(c))
		dca_loop_remove(c->of->loop, c->out);
}

static void
forget(struct child *c)
{
	LIST_REMOVE(c, all);
	dca_loop_remove(c->of->loop, c->out);
	dca_loop_remove(c->of->loop, c->pidfd);
	close(c->out);
	close(c->pidfd);
	dca_out_free(&c->kept);
	free(c);
}

static void
on_end(void *arg, uint32_t events)
{
	struct child *c = arg;
	struct child_handlers h = c->h;
	DCA_AUTO_OUT out = { 0 };
	int status = -1;

	(void)events;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	(void)drain(c);
	dca_out_add(&out, c->kept.p, c->kept.n);
	forget(c);
	h.end(h.arg, WIFEXITED(status) ? WEXITSTATUS(status) : -1, &out);
}

static void
tick(void *arg, uint32_t events)
{
	struct children *s = arg;
	struct child *c;

	(void)events;
	for (c = LIST_FIRST(&s->list); c != NULL; c = LIST_NEXT(c, all)) {
		if (board_clock() < c->until)
			continue;
		dca_log(DCA_WARNING, "child=%d out of time", (int)c->pid);
		take(c, "out of time\n", 12);
		(void)pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
		c->until = INT64_MAX;
	}
}

struct children *
children_new(struct dca_loop *l)
{
	struct children *s = dca_alloc(sizeof(*s));

	memset(s, 0, sizeof(*s));
	s->loop = l;
	LIST_INIT(&s->list);
	dca_loop_every(l, TICK_MS, tick, s);
	return s;
}

void
children_free(struct children *s)
{
	struct child *c, *next;

	for (c = LIST_FIRST(&s->list); c != NULL; c = next) {
		next = LIST_NEXT(c, all);
		(void)pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
		(void)waitpid(c->pid, NULL, 0);
		forget(c);
	}
	free(s);
}

/* The loop blocks the signals that end it; a child must not inherit that. */
static int
spawn(pid_t *pid, const char *const *argv, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, defaults;
	char *words[WORDS + 1] = { NULL };	/* execve's are not const */
	int rc;

	if (argv[0] == NULL)
		abort();
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	if (posix_spawn_file_actions_init(&files) != 0 ||
	    posix_spawnattr_init(&how) != 0 ||
	    posix_spawn_file_actions_addopen(&files, STDIN_FILENO,
	    "/dev/null", O_RDONLY, 0) != 0 ||
	    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO) != 0 ||
	    posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO) != 0 ||
	    posix_spawnattr_setsigmask(&how, &none) != 0 ||
	    posix_spawnattr_setsigdefault(&how, &defaults) != 0 ||
	    posix_spawnattr_setflags(&how,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) != 0)
		abort();
	for (size_t i = 0; i < WORDS && argv[i] != NULL; i++)
		words[i] = dca_strdup(argv[i]);
	rc = posix_spawn(pid, argv[0], &files, &how, words, environ);
	for (size_t i = 0; i < WORDS; i++)
		free(words[i]);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	return rc;
}

static void
not_started(const char *program, int why, const struct child_handlers *h)
{
	DCA_AUTO_OUT out = { 0 };

	dca_out_printf(&out, "%s: %s\n", program, strerror(why));
	dca_log(DCA_ERR, "child not started: %s: %s", program, strerror(why));
	h->end(h->arg, -1, &out);
}

void
child_start(struct children *s, const char *const *argv, int64_t seconds,
    const struct child_handlers *h)
{
	struct child *c;
	int fd[2], rc;
	pid_t pid = -1;

	if (pipe2(fd, O_CLOEXEC) != 0 ||
	    fcntl(fd[0], F_SETFL, O_NONBLOCK) != 0)
		abort();
	rc = spawn(&pid, argv, fd[1]);
	close(fd[1]);
	if (rc != 0) {
		close(fd[0]);
		not_started(argv[0], rc, h);
		return;
	}
	c = dca_alloc(sizeof(*c));
	memset(c, 0, sizeof(*c));
	c->of = s;
	c->pid = pid;
	c->out = fd[0];
	c->pidfd = pidfd_open(pid, 0);
	if (c->pidfd < 0)
		abort();
	c->until = board_clock() + seconds;
	c->h = *h;
	LIST_INSERT_HEAD(&s->list, c, all);
	dca_loop_add(s->loop, c->out, EPOLLIN, on_output, c);
	dca_loop_add(s->loop, c->pidfd, EPOLLIN, on_end, c);
}

void
child_last_line(const struct dca_out *out, char *line, size_t cap)
{
	const char *p = (const char *)out->p;
	size_t end = out->n, begin;

	while (end > 0 && strchr(" \r\n", p[end - 1]) != NULL)
		end--;
	for (begin = end; begin > 0 && p[begin - 1] != '\n'; begin--)
		continue;
	if (end - begin >= cap)
		end = begin + cap - 1;
	memcpy(line, p != NULL ? p + begin : "", end - begin);
	line[end - begin] = '\0';
}
