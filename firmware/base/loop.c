/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: one thread, epoll, an eventfd to wake it from others, a
 * signalfd for the end. Anything may be removed from inside any callback; a
 * descriptor number that is used again in the same turn never gets the events
 * of the one before.
 */
#include "conn.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64 };

struct watch {
	int fd;
	dca_loop_fn fn;
	void *arg;
	bool dead;
};

struct hook {
	dca_loop_fn fn;
	void *arg;
	int64_t every, due;	/* milliseconds; timers only */
};

struct hooks {
	struct hook *v;
	size_t n;
};

struct dca_loop {
	int epoll, wake, signals;
	struct watch **by_fd;
	size_t n_fd;
	void **graves;			/* freed when the turn ends */
	size_t n_graves, cap_graves;
	struct hooks after, timers;
	bool stop;
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static int64_t
clock_ms(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
on_wake(void *arg, uint32_t events)
{
	const struct dca_loop *l = arg;
	uint64_t n;

	(void)events;
	if (read(l->wake, &n, sizeof(n)) < 0)
		must(errno == EAGAIN || errno == EINTR);
}

static void
on_signal(void *arg, uint32_t events)
{
	struct dca_loop *l = arg;
	struct signalfd_siginfo info;

	(void)events;
	if (read(l->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		l->stop = true;
}

struct dca_loop *
dca_loop_new(void)
{
	struct dca_loop *l = dca_alloc(sizeof(*l));
	sigset_t end;

	memset(l, 0, sizeof(*l));
	/* before any thread is made: they inherit the mask */
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	must(pthread_sigmask(SIG_BLOCK, &end, NULL) == 0);
	must(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	l->signals = signalfd(-1, &end, SFD_NONBLOCK | SFD_CLOEXEC);
	must(l->epoll >= 0 && l->wake >= 0 && l->signals >= 0);
	dca_loop_add(l, l->wake, EPOLLIN, on_wake, l);
	dca_loop_add(l, l->signals, EPOLLIN, on_signal, l);
	return l;
}

void
dca_loop_bury(struct dca_loop *l, void *p)
{
	if (l->n_graves == l->cap_graves) {
		l->cap_graves = l->cap_graves * 2 + 16;
		l->graves = dca_realloc(l->graves,
		    l->cap_graves * sizeof(void *));
	}
	l->graves[l->n_graves++] = p;
}

static void
empty_graves(struct dca_loop *l)
{
	while (l->n_graves > 0)
		free(l->graves[--l->n_graves]);
}

void
dca_loop_free(struct dca_loop *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_fd; i++)
		free(l->by_fd[i]);
	empty_graves(l);
	free(l->graves);
	free(l->by_fd);
	free(l->after.v);
	free(l->timers.v);
	close(l->signals);
	close(l->wake);
	close(l->epoll);
	free(l);
}

void
dca_loop_add(struct dca_loop *l, int fd, uint32_t events, dca_loop_fn fn,
    void *arg)
{
	struct watch *w = dca_alloc(sizeof(*w));
	struct epoll_event ev = { .events = events, .data.ptr = w };

	*w = (struct watch){ .fd = fd, .fn = fn, .arg = arg };
	must(fd >= 0);
	if ((size_t)fd >= l->n_fd) {
		size_t n = (size_t)fd + 16;

		l->by_fd = dca_realloc(l->by_fd, n * sizeof(struct watch *));
		memset(&l->by_fd[l->n_fd], 0,
		    (n - l->n_fd) * sizeof(struct watch *));
		l->n_fd = n;
	}
	must(l->by_fd[fd] == NULL);
	l->by_fd[fd] = w;
	must(epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) == 0);
}

static struct watch *
watch_of(const struct dca_loop *l, int fd)
{
	return fd >= 0 && (size_t)fd < l->n_fd ? l->by_fd[fd] : NULL;
}

void
dca_loop_modify(struct dca_loop *l, int fd, uint32_t events)
{
	struct watch *w = watch_of(l, fd);
	struct epoll_event ev = { .events = events, .data.ptr = w };

	must(w != NULL);
	must(epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &ev) == 0);
}

void
dca_loop_remove(struct dca_loop *l, int fd)
{
	struct watch *w = watch_of(l, fd);

	if (w == NULL)
		return;
	/* a library may have closed it already: then it is gone from epoll */
	if (epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL) != 0)
		must(errno == EBADF || errno == ENOENT);
	l->by_fd[fd] = NULL;
	w->dead = true;
	dca_loop_bury(l, w);
}

static void
hook_add(struct hooks *h, struct hook hook)
{
	h->v = dca_realloc(h->v, (h->n + 1) * sizeof(*h->v));
	h->v[h->n++] = hook;
}

void
dca_loop_after(struct dca_loop *l, dca_loop_fn fn, void *arg)
{
	hook_add(&l->after, (struct hook){ .fn = fn, .arg = arg });
}

void
dca_loop_every(struct dca_loop *l, unsigned ms, dca_loop_fn fn, void *arg)
{
	must(ms > 0);
	hook_add(&l->timers, (struct hook){ .fn = fn, .arg = arg, .every = ms,
				 .due = clock_ms() + ms });
}

void
dca_loop_wake(struct dca_loop *l)
{
	const uint64_t one = 1;

	/* EAGAIN: the counter is full, so it wakes anyway */
	if (write(l->wake, &one, sizeof(one)) < 0)
		must(errno == EAGAIN || errno == EINTR);
}

static int
wait_ms(const struct dca_loop *l)
{
	int64_t now, wait = -1;

	if (l->timers.n == 0)
		return -1;
	now = clock_ms();
	for (size_t i = 0; i < l->timers.n; i++) {
		int64_t left = l->timers.v[i].due - now;

		if (left < 0)
			left = 0;
		if (wait < 0 || left < wait)
			wait = left;
	}
	return wait > 60000 ? 60000 : (int)wait;
}

/* By index: a callback may add hooks, which moves the array. */
static void
run_timers(struct dca_loop *l)
{
	int64_t now = l->timers.n > 0 ? clock_ms() : 0;

	for (size_t i = 0; i < l->timers.n && !l->stop; i++) {
		struct hook h = l->timers.v[i];

		if (h.due > now)
			continue;
		/* after a long stall run once, not once per missed period */
		l->timers.v[i].due = now + h.every;
		h.fn(h.arg, 0);
	}
}

void
dca_loop_run(struct dca_loop *l)
{
	struct epoll_event ev[BATCH];

	l->stop = false;
	while (!l->stop) {
		int n = epoll_wait(l->epoll, ev, BATCH, wait_ms(l));

		must(n >= 0 || errno == EINTR);
		for (int i = 0; i < n; i++) {
			struct watch *w = ev[i].data.ptr;

			if (!w->dead)
				w->fn(w->arg, ev[i].events);
		}
		run_timers(l);
		for (size_t i = 0; i < l->after.n; i++) {
			struct hook h = l->after.v[i];

			h.fn(h.arg, 0);
		}
		empty_graves(l);
	}
}

void
dca_loop_stop(struct dca_loop *l)
{
	l->stop = true;
}
