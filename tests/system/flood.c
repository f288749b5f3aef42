/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams of sources that never answer: each from an address of 127.0.0.0/8
 * and a port of its own, at a steady rate, built octet by octet from RFC 6347.
 * Says how many octets went out and how many came back. Shares no code with
 * dca-front, and is for a network namespace of its own.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 1500, SOURCES = 1024, RATE_MAX = 100000, SECONDS_MAX = 600 };

struct totals {
	unsigned long sent, octets, answers, answered_octets, failed;
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
randoms(void *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		abort();
}

/* --- datagrams --- */

/* The smallest ClientHello there is: one suite, no extension. */
static size_t
hello(uint8_t out[MESSAGE], const uint8_t *cookie, size_t cookie_n)
{
	size_t body = 2 + 32 + 1 + 1 + cookie_n + 2 + 2 + 2;
	uint8_t *p = out;
	const uint8_t head[] = {
		22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0,
		0, (uint8_t)(body + 12),
		1, 0, 0, (uint8_t)body, 0, 0, 0, 0, 0, 0, 0, (uint8_t)body,
		0xfe, 0xfd,
	};
	const uint8_t tail[] = { 0, 2, 0xc0, 0x2b, 1, 0 };

	memcpy(p, head, sizeof(head));
	p += sizeof(head);
	randoms(p, 32);
	p += 32;
	*p++ = 0;
	*p++ = (uint8_t)cookie_n;
	if (cookie_n > 0)
		memcpy(p, cookie, cookie_n);
	p += cookie_n;
	memcpy(p, tail, sizeof(tail));
	return (size_t)(p - out) + sizeof(tail);
}

static size_t
plain(uint8_t out[MESSAGE])
{
	return hello(out, NULL, 0);
}

static size_t
wrong_cookie(uint8_t out[MESSAGE])
{
	uint8_t cookie[16];

	randoms(cookie, sizeof(cookie));
	return hello(out, cookie, sizeof(cookie));
}

/* Passes for a ClientHello in libcoap, which looks at two octets. */
static size_t
next_epoch(uint8_t out[MESSAGE])
{
	size_t n = hello(out, NULL, 0);

	out[4] = 1;
	return n;
}

static size_t
later_fragment(uint8_t out[MESSAGE])
{
	size_t n = hello(out, NULL, 0);

	out[21] = 1;
	return n;
}

static size_t
cut_short(uint8_t out[MESSAGE])
{
	(void)hello(out, NULL, 0);
	return 14;
}

static size_t
application_data(uint8_t out[MESSAGE])
{
	randoms(out, 200);
	memcpy(out, "\x17\xfe\xfd\x00\x01", 5);
	return 200;
}

static size_t
noise(uint8_t out[MESSAGE])
{
	randoms(out, 256);
	return out[0] == 0 ? 0 : out[0];
}

static const struct kind {
	const char *name;
	size_t (*build)(uint8_t out[MESSAGE]);
} kinds[] = {
	{ "hello", plain }, { "wrong-cookie", wrong_cookie },
	{ "next-epoch", next_epoch }, { "later-fragment", later_fragment },
	{ "cut-short", cut_short }, { "application-data", application_data },
	{ "noise", noise },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* --- sources --- */

static int
source(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	uint32_t host;

	randoms(&host, sizeof(host));
	a.sin_addr.s_addr = htonl(0x7f000000U | (host & 0xffffffU) | 0x10000U);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What came back to a source, which then goes. */
static void
retire(int fd, struct totals *t)
{
	uint8_t in[4096];
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = recv(fd, in, sizeof(in), 0)) >= 0) {
		t->answers++;
		t->answered_octets += (unsigned long)n;
	}
	close(fd);
}

static void
shoot(int *slot, const struct kind *k, const struct sockaddr_in *to,
    struct totals *t)
{
	uint8_t out[MESSAGE];
	size_t n = k->build(out);

	retire(*slot, t);
	*slot = source();
	if (*slot < 0 || sendto(*slot, out, n, 0,
	    (const struct sockaddr *)to, sizeof(*to)) != (ssize_t)n) {
		t->failed++;
		return;
	}
	t->sent++;
	t->octets += n;
}

static void
flood(const struct kind *only, const struct sockaddr_in *to, unsigned rate,
    unsigned seconds, struct totals *t)
{
	static int slots[SOURCES];
	double start = now(), end = start + seconds;
	unsigned long n = 0;

	for (size_t i = 0; i < SOURCES; i++)
		slots[i] = -1;
	while (now() < end) {
		unsigned long due = (unsigned long)((now() - start) * rate);

		for (; n < due; n++)
			shoot(&slots[n % SOURCES],
			    only != NULL ? only : &kinds[n % KINDS], to, t);
		usleep(2000);
	}
	usleep(200000);
	for (size_t i = 0; i < SOURCES; i++)
		retire(slots[i], t);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct kind *only = NULL;
	struct totals t = { 0 };
	long port, rate, seconds;

	if (argc != 5) {
		fprintf(stderr, "usage: flood KIND|all PORT RATE SECONDS\n");
		return 2;
	}
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(argv[1], kinds[i].name) == 0)
			only = &kinds[i];
	}
	port = strtol(argv[2], NULL, 10);
	rate = strtol(argv[3], NULL, 10);
	seconds = strtol(argv[4], NULL, 10);
	if ((only == NULL && strcmp(argv[1], "all") != 0) || port < 1 ||
	    port > 65535 || rate < 1 || rate > RATE_MAX || seconds < 1 ||
	    seconds > SECONDS_MAX)
		return 2;
	to.sin_port = htons((uint16_t)port);
	flood(only, &to, (unsigned)rate, (unsigned)seconds, &t);
	printf("sent=%lu octets=%lu answers=%lu answered_octets=%lu "
	    "failed=%lu\n", t.sent, t.octets, t.answers, t.answered_octets,
	    t.failed);
	return 0;
}
