/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the front answer? A DTLS 1.2 ClientHello (RFC 6347 4.2.1) without a
 * cookie to the loopback; a HelloVerifyRequest is the answer. No key, no
 * library, no handshake: the front keeps nothing of it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board.h"

enum { HANDSHAKE = 22, HELLO_VERIFY = 3, RECORD = 13, ANSWER_MIN = 13 + 12 + 3 };

struct front {
	struct dca_loop *loop;
	int fd;
	int64_t answered;
};

void
front_hello(struct dca_out *o, const uint8_t random[static 32])
{
	/* body: version, random, empty session id, empty cookie, the front's
	 * two suites, no compression, P-256, ECDSA with SHA-256 */
	static const uint8_t rest[] = {
		0, 0,
		0, 4, 0xc0, 0x2b, 0xc0, 0xae,
		1, 0,
		0, 22,
		0, 10, 0, 4, 0, 2, 0, 23,
		0, 11, 0, 2, 1, 0,
		0, 13, 0, 4, 0, 2, 4, 3,
	};
	enum { BODY = 2 + 32 + sizeof(rest), MESSAGE = 12 + BODY };
	static const uint8_t head[] = {
		HANDSHAKE, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0,
		MESSAGE >> 8, MESSAGE & 0xff,
		1, 0, BODY >> 8, BODY & 0xff, 0, 0, 0, 0, 0,
		0, BODY >> 8, BODY & 0xff,
		0xfe, 0xfd,
	};

	dca_out_add(o, head, sizeof(head));
	dca_out_add(o, random, 32);
	dca_out_add(o, rest, sizeof(rest));
}

bool
front_verify(struct dca_buf in)
{
	return in.n >= ANSWER_MIN && in.p[0] == HANDSHAKE && in.p[1] == 0xfe &&
	    in.p[RECORD] == HELLO_VERIFY;
}

static void
on_answer(void *arg, uint32_t events)
{
	struct front *f = arg;
	uint8_t buf[2048];
	ssize_t n;

	(void)events;
	/* an error (nobody listens) is read away as well */
	n = recv(f->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0 && front_verify(DCA_BUF(buf, (size_t)n)))
		f->answered = board_clock();
}

struct front *
front_new(struct dca_loop *l, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct front *f = dca_alloc(sizeof(*f));

	memset(f, 0, sizeof(*f));
	f->loop = l;
	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* connected: datagrams of nobody else */
	if (f->fd < 0 ||
	    connect(f->fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
		abort();
	dca_loop_add(l, f->fd, EPOLLIN, on_answer, f);
	return f;
}

void
front_free(struct front *f)
{
	dca_loop_remove(f->loop, f->fd);
	close(f->fd);
	free(f);
}

void
front_probe(struct front *f)
{
	uint8_t random[32];
	DCA_AUTO_OUT hello = { 0 };

	dca_random(random, sizeof(random));
	front_hello(&hello, random);
	if (send(f->fd, hello.p, hello.n, MSG_DONTWAIT) < 0)
		return;	/* the last error, or no front: no answer */
}

int64_t
front_answered(const struct front *f)
{
	return f->answered;
}
