/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One local SOCK_SEQPACKET connection on a loop: packets in, checked against
 * the message table before anybody looks at them; packets out, queued within
 * a bound. The peer is hostile: whatever it sends or does not read costs it
 * its own connection and nothing else.
 */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	QUEUE_MAX = 4 * 1024 * 1024,
	PER_TURN = 64,	/* messages read before others get their turn */
	SNDBUF = 1024 * 1024,
};

struct packet {
	struct packet *next;
	size_t n;
	uint8_t p[];
};

struct dca_conn {
	struct dca_loop *loop;
	int fd;
	enum dca_role role;	/* of the peer */
	struct dca_conn_handlers h;
	dca_conn_gone_fn gone;	/* the listener's, or NULL */
	void *gone_arg;
	void *data;
	uid_t uid;
	struct packet *first, **last;
	size_t queued;		/* octets */
	bool paused, broken, dead;
	uint8_t in[DCA_MESSAGE_MAX];
};

enum dca_rc
dca_unix_address(struct sockaddr_un *a, const char *path, struct dca_err *e)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!dca_strlcpy(a->sun_path, path, sizeof(a->sun_path)))
		return dca_fail(e, DCA_RULE_IO,
		    "socket path too long: %zu octets, at most %zu: %s",
		    strlen(path), sizeof(a->sun_path) - 1, path);
	return DCA_OK;
}

/* A whole message must fit the send buffer: the kernel refuses it otherwise. */
enum dca_rc
dca_unix_buffer(int fd, struct dca_err *e)
{
	int size = SNDBUF, got = 0;
	socklen_t n = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &n) != 0 ||
	    got < DCA_MESSAGE_MAX + 4096)
		return dca_fail(e, DCA_RULE_IO,
		    "send buffer of %d octets is too small for a message: "
		    "raise net.core.wmem_max", got);
	return DCA_OK;
}

static void
arm(struct dca_conn *c)
{
	uint32_t events = c->paused ? 0 : EPOLLIN;

	if (c->first != NULL || c->broken)
		events |= EPOLLOUT;
	dca_loop_modify(c->loop, c->fd, events);
}

static void
drop_queue(struct dca_conn *c)
{
	while (c->first != NULL) {
		struct packet *p = c->first;

		c->first = p->next;
		free(p);
	}
	c->last = &c->first;
	c->queued = 0;
}

void
dca_conn_close(struct dca_conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	dca_loop_remove(c->loop, c->fd);
	close(c->fd);
	drop_queue(c);
	if (c->h.closed != NULL)
		c->h.closed(c, c->h.arg);
	if (c->gone != NULL)
		c->gone(c, c->gone_arg);
	/* callbacks of it may be on the stack */
	dca_loop_bury(c->loop, c);
}

static bool
again(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK || err == EINTR ||
	    err == ENOBUFS || err == ENOMEM;
}

/* Sends what the kernel takes now; broken when it will never take more. */
static void
flush(struct dca_conn *c)
{
	while (c->first != NULL && !c->broken) {
		struct packet *p = c->first;

		if (send(c->fd, p->p, p->n, MSG_NOSIGNAL) < 0) {
			c->broken = !again(errno);
			return;
		}
		c->first = p->next;
		if (c->first == NULL)
			c->last = &c->first;
		c->queued -= p->n;
		free(p);
	}
}

static void
malformed(struct dca_conn *c, const struct dca_err *e)
{
	dca_log_err(DCA_WARNING, "connection closed", e);
	dca_conn_close(c);
}

/* One packet; false: nothing (more) to read, or the connection is gone. */
static bool
receive(struct dca_conn *c)
{
	struct iovec iov = { c->in, sizeof(c->in) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct dca_message m;
	struct dca_err e = { 0 };
	ssize_t n = recvmsg(c->fd, &h, 0);

	if (n < 0 && again(errno))
		return false;
	if (n <= 0) {
		dca_conn_close(c);
		return false;
	}
	/* a cut packet says nothing about what was cut off; descriptors are
	 * never asked for, so the kernel drops any and sets MSG_CTRUNC */
	if ((h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		dca_fail(&e, DCA_RULE_MESSAGE,
		    "packet longer than %d octets or with descriptors",
		    DCA_MESSAGE_MAX);
		malformed(c, &e);
		return false;
	}
	if (dca_message_parse(&m, DCA_BUF(c->in, n), c->role, &e) != DCA_OK) {
		malformed(c, &e);
		return false;
	}
	c->h.message(c, &m, c->h.arg);
	return !c->dead;
}

static void
on_event(void *arg, uint32_t events)
{
	struct dca_conn *c = arg;

	if ((events & EPOLLOUT) != 0) {
		flush(c);
		if (!c->broken)
			arm(c);
	}
	for (int i = 0; i < PER_TURN && !c->dead && !c->paused; i++) {
		if (!receive(c))
			break;
	}
	/* while paused nobody reads the end of the stream: see it here */
	if (!c->dead && (c->broken ||
		(c->paused && (events & (EPOLLHUP | EPOLLERR)) != 0)))
		dca_conn_close(c);
}

struct dca_conn *
dca_conn_new(struct dca_loop *l, int fd, enum dca_role role,
    const struct dca_conn_handlers *h, dca_conn_gone_fn gone, void *gone_arg)
{
	struct dca_conn *c = dca_alloc(sizeof(*c));
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t n = sizeof(cred);

	memset(c, 0, offsetof(struct dca_conn, in));
	c->loop = l;
	c->fd = fd;
	c->role = role;
	c->h = *h;
	c->gone = gone;
	c->gone_arg = gone_arg;
	c->last = &c->first;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0)
		c->uid = cred.uid;
	else
		c->uid = (uid_t)-1;
	dca_loop_add(l, fd, EPOLLIN, on_event, c);
	if (h->opened != NULL)
		h->opened(c, h->arg);
	return c->dead ? NULL : c;
}

bool
dca_conn_send(struct dca_conn *c, struct dca_buf packet)
{
	struct packet *p;

	if (packet.n == 0 || packet.n > DCA_MESSAGE_MAX)
		abort();
	if (c->dead)
		return false;
	/* closed() comes from the loop, never from inside a send */
	if (c->broken)
		return true;
	if (c->queued + packet.n > QUEUE_MAX)
		return false;
	if (c->first == NULL) {
		if (send(c->fd, packet.p, packet.n, MSG_NOSIGNAL) >= 0)
			return true;
		c->broken = !again(errno);
		if (c->broken) {
			arm(c);
			return true;
		}
	}
	p = dca_alloc(sizeof(*p) + packet.n);
	p->next = NULL;
	p->n = packet.n;
	memcpy(p->p, packet.p, packet.n);
	*c->last = p;
	c->last = &p->next;
	c->queued += packet.n;
	arm(c);
	return true;
}

void
dca_conn_pause(struct dca_conn *c, bool pause)
{
	if (c->dead || c->paused == pause)
		return;
	c->paused = pause;
	arm(c);
}

uid_t
dca_conn_uid(const struct dca_conn *c)
{
	return c->uid;
}

void
dca_conn_set_data(struct dca_conn *c, void *data)
{
	c->data = data;
}

void *
dca_conn_data(const struct dca_conn *c)
{
	return c->data;
}
