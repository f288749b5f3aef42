/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local sockets from outside a connection: listening at a path, connecting to
 * one, and the tools' blocking question. Never takes over the socket of a
 * process that still listens.
 */
#include "conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { BACKLOG = 64, ANSWER_SECONDS = 120 };

struct dca_listener {
	struct dca_loop *loop;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	enum dca_role role;
	unsigned max, n;
	struct dca_conn **conns;	/* n of them */
	struct dca_conn_handlers h;
	bool starved;			/* out of descriptors */
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define AUTO_FD DCA_CLEANUP(close_fd) int

static int
steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static enum dca_rc
trouble(struct dca_err *e, enum dca_rule rule, const char *path,
    const char *what)
{
	return dca_fail(e, rule, "%s: %s: %s", path, what, strerror(errno));
}

static int
seqpacket(int flags)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
}

static void
gone(struct dca_conn *c, void *arg)
{
	struct dca_listener *ls = arg;

	for (unsigned i = 0; i < ls->n; i++) {
		if (ls->conns[i] == c) {
			ls->conns[i] = ls->conns[--ls->n];
			break;
		}
	}
	if (ls->starved && ls->fd >= 0) {
		ls->starved = false;
		dca_loop_modify(ls->loop, ls->fd, EPOLLIN);
	}
}

static void
on_accept(void *arg, uint32_t events)
{
	struct dca_listener *ls = arg;
	struct dca_err e = { 0 };
	struct dca_conn *c;
	int fd = accept4(ls->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		dca_log(DCA_ERR, "%s: cannot accept: %s", ls->path,
		    strerror(errno));
		/* waiting peers stay in the backlog until one goes; with none
		 * of ours to go, try again at once */
		ls->starved = ls->n > 0;
		if (ls->starved)
			dca_loop_modify(ls->loop, ls->fd, 0);
		return;
	}
	if (fd < 0)
		return;
	if (ls->n == ls->max) {
		dca_log(DCA_WARNING, "%s: more than %u connections refused",
		    ls->path, ls->max);
		close(fd);
		return;
	}
	if (dca_unix_buffer(fd, &e) != DCA_OK) {
		dca_log_err(DCA_ERR, ls->path, &e);
		close(fd);
		return;
	}
	c = dca_conn_new(ls->loop, fd, ls->role, &ls->h, gone, ls);
	if (c != NULL)
		ls->conns[ls->n++] = c;
}

/* An old socket file goes; a living listener, or another file, stays. */
static enum dca_rc
clear_path(const struct sockaddr_un *a, struct dca_err *e)
{
	struct stat st;

	if (lstat(a->sun_path, &st) != 0)
		return DCA_OK;
	if (!S_ISSOCK(st.st_mode))
		return dca_fail(e, DCA_RULE_IO, "%s: exists and is no socket",
		    a->sun_path);

	AUTO_FD fd = seqpacket(SOCK_NONBLOCK);

	if (fd >= 0 &&
	    (connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 ||
		errno == EAGAIN))
		return dca_fail(e, DCA_RULE_IO,
		    "%s: another process listens there", a->sun_path);
	if (unlink(a->sun_path) != 0)
		return trouble(e, DCA_RULE_IO, a->sun_path, "cannot remove");
	return DCA_OK;
}

static enum dca_rc
bind_path(int fd, const struct sockaddr_un *a, struct dca_err *e)
{
	/* nobody gets in between bind and chmod */
	mode_t old = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)a, sizeof(*a));

	umask(old);
	if (rc != 0)
		return trouble(e, DCA_RULE_IO, a->sun_path, "cannot bind");
	if (chmod(a->sun_path, 0660) != 0 || listen(fd, BACKLOG) != 0)
		return trouble(e, DCA_RULE_IO, a->sun_path, "cannot listen");
	return DCA_OK;
}

enum dca_rc
dca_listen(struct dca_listener **out, struct dca_loop *l, const char *path,
    enum dca_role role, unsigned max_conns, const struct dca_conn_handlers *h,
    struct dca_err *e)
{
	struct sockaddr_un a;
	struct dca_listener *ls;
	enum dca_rc rc = dca_unix_address(&a, path, e);

	if (rc == DCA_OK)
		rc = clear_path(&a, e);
	if (rc != DCA_OK)
		return rc;

	AUTO_FD fd = seqpacket(SOCK_NONBLOCK);

	if (fd < 0)
		return trouble(e, DCA_RULE_IO, path, "cannot make a socket");
	rc = dca_unix_buffer(fd, e);
	if (rc == DCA_OK)
		rc = bind_path(fd, &a, e);
	if (rc != DCA_OK)
		return rc;
	ls = dca_alloc(sizeof(*ls));
	*ls = (struct dca_listener){ .loop = l, .fd = steal_fd(&fd),
		.role = role, .max = max_conns, .h = *h };
	ls->conns = dca_alloc((max_conns + 1) * sizeof(struct dca_conn *));
	dca_strlcpy(ls->path, path, sizeof(ls->path));
	dca_loop_add(l, ls->fd, EPOLLIN, on_accept, ls);
	*out = ls;
	return DCA_OK;
}

void
dca_listener_close(struct dca_listener *ls)
{
	if (ls == NULL)
		return;
	dca_loop_remove(ls->loop, ls->fd);
	close(ls->fd);
	ls->fd = -1;
	unlink(ls->path);
	/* each close calls gone(), which takes it out of the list */
	while (ls->n > 0)
		dca_conn_close(ls->conns[0]);
	free(ls->conns);
	free(ls);
}

static enum dca_rc
open_client(int *out, const char *path, int flags, struct dca_err *e)
{
	struct sockaddr_un a;
	enum dca_rc rc = dca_unix_address(&a, path, e);

	if (rc != DCA_OK)
		return rc;

	AUTO_FD fd = seqpacket(flags);

	if (fd < 0)
		return trouble(e, DCA_RULE_IO, path, "cannot make a socket");
	rc = dca_unix_buffer(fd, e);
	if (rc != DCA_OK)
		return rc;
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
		return trouble(e, DCA_RULE_VAULT_DOWN, path, "cannot connect");
	*out = steal_fd(&fd);
	return DCA_OK;
}

enum dca_rc
dca_connect(struct dca_conn **out, struct dca_loop *l, const char *path,
    const struct dca_conn_handlers *h, struct dca_err *e)
{
	int fd = -1;
	enum dca_rc rc = open_client(&fd, path, SOCK_NONBLOCK, e);

	if (rc != DCA_OK)
		return rc;
	*out = dca_conn_new(l, fd, DCA_ROLE_VAULT, h, NULL, NULL);
	if (*out == NULL)
		return dca_fail(e, DCA_RULE_VAULT_DOWN, "%s: closed at once",
		    path);
	return DCA_OK;
}

static enum dca_rc
receive_answer(int fd, const char *path, struct dca_out *reply,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) uint8_t *buf = dca_alloc(DCA_MESSAGE_MAX);
	ssize_t n = recv(fd, buf, DCA_MESSAGE_MAX, MSG_TRUNC);

	if (n == 0)
		return dca_fail(e, DCA_RULE_VAULT_DOWN,
		    "%s: closed the connection without an answer", path);
	if (n < 0)
		return trouble(e, DCA_RULE_VAULT_DOWN, path, "no answer");
	if (n > DCA_MESSAGE_MAX)
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "%s: answer of %zd octets, at most %d are allowed", path, n,
		    DCA_MESSAGE_MAX);
	dca_out_add(reply, buf, (size_t)n);
	return DCA_OK;
}

enum dca_rc
dca_ask(const char *path, const struct dca_message *question,
    struct dca_out *reply, struct dca_message *m, struct dca_err *e)
{
	const struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	DCA_AUTO_OUT packet = { 0 };
	AUTO_FD fd = -1;
	enum dca_rc rc = open_client(&fd, path, 0, e);

	if (rc != DCA_OK)
		return rc;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	dca_message_encode(&packet, question);
	if (send(fd, packet.p, packet.n, MSG_NOSIGNAL) < 0)
		return trouble(e, DCA_RULE_VAULT_DOWN, path, "cannot send");
	rc = receive_answer(fd, path, reply, e);
	if (rc == DCA_OK)
		rc = dca_message_parse(m, dca_out_buf(reply), DCA_ROLE_VAULT, e);
	if (rc == DCA_OK && m->id != question->id)
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "%s: answer to another question", path);
	return rc;
}
