/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between the UDP socket and libcoap: a ClientHello reaches
 * libcoap only with a cookie of ours. libcoap makes a session for the first
 * ClientHello of every address and port, before any cookie, and keeps it for
 * half a minute (reproduced: a few spoofed packets a second shut the door);
 * here nothing is remembered of a source that has not shown that it receives
 * what is sent to it (RFC 6347 4.2.1). Datagrams are looked at where they lie
 * in the socket and taken out only when they are not for libcoap. Must never
 * allocate, and never answer with more octets than came.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include "front.h"

enum {
	HANDSHAKE = 22, CLIENT_HELLO = 1, HELLO_VERIFY_REQUEST = 3,
	RECORD = 13, MESSAGE = 12, RANDOM = 32,
	COOKIE = 16,
	VERIFY = RECORD + MESSAGE + 2 + 1 + COOKIE,
	/* A ClientHello as far as the cookie, with neither session id nor
	 * cookie. */
	SHORTEST = RECORD + MESSAGE + 2 + RANDOM + 1 + 1,
	SECRET = 32, SECRET_SECONDS = 60,
	LOOK = 1600, DESCRIPTORS = 1024, CONTEXTS = 8,
};
_Static_assert(VERIFY < SHORTEST, "no amplification");

/* Where an SSL_CTX keeps its gate: OpenSSL's cookie callbacks have no argument
 * of ours. */
static int gate_index = -1;

struct front_gate {
	struct front *front;
	int fd;
	/* A cookie is good for one to two minutes. */
	uint8_t secret[2][SECRET];
	int64_t rotate_at;
	/* The cookie of the ClientHello that is with libcoap now. */
	uint8_t cookie[COOKIE];
	bool shown;
	/* the SSL_CTX made since this gate was */
	SSL_CTX *contexts[CONTEXTS];
	size_t n_contexts;
};

/* A datagram that still lies in the socket. */
struct look {
	uint8_t p[LOOK];
	size_t n;
	coap_address_t from;
	int ifindex;
	union {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;
	} to;
	int to_family;		/* AF_UNSPEC: the socket has one address */
};

/* What matters of a ClientHello. */
struct hello {
	struct dca_buf same;	/* what must stay as it was: version, random,
				 * session id (RFC 6347 4.2.1) */
	struct dca_buf cookie;
};

/* --- the cookie --- */

static void
rotate(struct front_gate *g, int64_t now)
{
	if (now < g->rotate_at)
		return;
	memcpy(g->secret[1], g->secret[0], SECRET);
	dca_random(g->secret[0], SECRET);
	g->rotate_at = now + SECRET_SECONDS * 1000;
}

static void
cookie_of(uint8_t out[static COOKIE], const uint8_t secret[static SECRET],
    const coap_address_t *from, const struct hello *h)
{
	uint8_t in[1 + 2 + 16 + 2 + RANDOM + 1 + 32] = { 0 };
	uint8_t mac[EVP_MAX_MD_SIZE];
	size_t n = 1 + 2 + 16;

	if (from->addr.sa.sa_family == AF_INET) {
		in[0] = 4;
		memcpy(in + 1, &from->addr.sin.sin_port, 2);
		memcpy(in + 3, &from->addr.sin.sin_addr, 4);
	} else {
		in[0] = 6;
		memcpy(in + 1, &from->addr.sin6.sin6_port, 2);
		memcpy(in + 3, &from->addr.sin6.sin6_addr, 16);
	}
	memcpy(in + n, h->same.p, h->same.n);
	if (HMAC(EVP_sha256(), secret, SECRET, in, n + h->same.n, mac,
	    NULL) == NULL)
		abort();
	memcpy(out, mac, COOKIE);
}

static bool
cookie_good(struct front_gate *g, const struct look *d, const struct hello *h)
{
	uint8_t want[COOKIE];

	if (h->cookie.n != COOKIE)
		return false;
	for (size_t i = 0; i < 2; i++) {
		cookie_of(want, g->secret[i], &d->from, h);
		if (CRYPTO_memcmp(want, h->cookie.p, COOKIE) == 0)
			return true;
	}
	return false;
}

/*
 * OpenSSL asks this twice about the ClientHello that libcoap was just given:
 * the cookie is the one that was checked then, or it is not good.
 */
static int
on_cookie(SSL *ssl, const unsigned char *cookie, unsigned n)
{
	const struct front_gate *g =
	    SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), gate_index);

	return g != NULL && g->shown && n == COOKIE &&
	    CRYPTO_memcmp(cookie, g->cookie, COOKIE) == 0;
}

/* libcoap asks nobody for a cookie: we did. */
static int
on_no_cookie(SSL *ssl, unsigned char *cookie, unsigned *n)
{
	(void)ssl;
	(void)cookie;
	*n = 0;
	return 0;
}

/* --- a ClientHello --- */

static bool
looks_like_hello(const struct look *d)
{
	/* libcoap's own test for a new session */
	return d->n > RECORD && d->p[0] == HANDSHAKE &&
	    d->p[RECORD] == CLIENT_HELLO;
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != 0)
			return false;
	}
	return true;
}

/* The first fragment of one in the clear, as far as the cookie; false: it is
 * none. A cookie in a later fragment is not looked for (RFC 6347 4.2.1). */
static bool
hello_parse(struct hello *h, const struct look *d)
{
	const uint8_t *p = d->p + RECORD + MESSAGE;
	size_t n, id;

	if (d->n < SHORTEST || !is_zero(d->p + 3, 2) ||
	    !is_zero(d->p + RECORD + 6, 3))
		return false;
	n = d->n - RECORD - MESSAGE;
	id = p[2 + RANDOM];
	if (id > 32 || n < 2U + RANDOM + 1 + id + 1)
		return false;
	h->same = DCA_BUF(p, 2 + RANDOM + 1 + id);
	h->cookie = DCA_BUF(p + h->same.n + 1, p[h->same.n]);
	return h->cookie.n <= n - h->same.n - 1;
}

/* --- the answer --- */

static void
set_to(struct msghdr *m, const struct look *d)
{
	struct cmsghdr *c = m->msg_control;
	struct in_pktinfo v4 = { .ipi_ifindex = d->to.v4.ipi_ifindex,
		.ipi_spec_dst = d->to.v4.ipi_addr };

	memset(c, 0, m->msg_controllen);
	if (d->to_family == AF_INET) {
		m->msg_controllen = CMSG_SPACE(sizeof(v4));
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(v4));
		memcpy(CMSG_DATA(c), &v4, sizeof(v4));
	} else {
		m->msg_controllen = CMSG_SPACE(sizeof(d->to.v6));
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(d->to.v6));
		memcpy(CMSG_DATA(c), &d->to.v6, sizeof(d->to.v6));
	}
}

union control {
	struct cmsghdr align;
	uint8_t p[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
	    CMSG_SPACE(sizeof(struct in_pktinfo))];
};

/* From the address that was asked, as the socket may have several. */
static void
answer(const struct front_gate *g, struct look *d, const uint8_t *p, size_t n)
{
	union control control;
	uint8_t copy[VERIFY];
	struct iovec v = { copy, n };
	struct msghdr m = {
		.msg_name = &d->from.addr, .msg_namelen = d->from.size,
		.msg_iov = &v, .msg_iovlen = 1,
	};

	memcpy(copy, p, n);
	if (d->to_family != AF_UNSPEC) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		set_to(&m, d);
	}
	/* What does not go out now is asked for again. */
	(void)sendmsg(g->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* RFC 6347 4.2.1: version 1.0 whatever follows, the sequence number of the
 * ClientHello, message 0. */
static void
ask_for_cookie(const struct front_gate *g, struct look *d,
    const struct hello *h)
{
	enum { BODY = 2 + 1 + COOKIE };
	uint8_t out[VERIFY] = {
		HANDSHAKE, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0,
		0, MESSAGE + BODY,
		HELLO_VERIFY_REQUEST, 0, 0, BODY, 0, 0, 0, 0, 0, 0, 0, BODY,
		0xfe, 0xff, COOKIE,
	};

	memcpy(out + 5, d->p + 5, 6);
	cookie_of(out + VERIFY - COOKIE, g->secret[0], &d->from, h);
	answer(g, d, out, sizeof(out));
}

/* --- the socket --- */

static void
take_to(struct look *d, struct msghdr *m)
{
	d->to_family = AF_UNSPEC;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	    c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
		    c->cmsg_len >= CMSG_LEN(sizeof(d->to.v4))) {
			memcpy(&d->to.v4, CMSG_DATA(c), sizeof(d->to.v4));
			d->ifindex = d->to.v4.ipi_ifindex;
			d->to_family = AF_INET;
			return;
		}
		if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO &&
		    c->cmsg_len >= CMSG_LEN(sizeof(d->to.v6))) {
			memcpy(&d->to.v6, CMSG_DATA(c), sizeof(d->to.v6));
			d->ifindex = (int)d->to.v6.ipi6_ifindex;
			d->to_family = AF_INET6;
		}
	}
}

/* The next datagram, which stays where it is; false: none. */
static bool
look(const struct front_gate *g, struct look *d)
{
	union control control;
	struct iovec v = { d->p, sizeof(d->p) };
	struct msghdr m = {
		.msg_name = &d->from.addr,
		.msg_namelen = sizeof(d->from.addr),
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t n;

	coap_address_init(&d->from);
	d->ifindex = 0;
	n = recvmsg(g->fd, &m, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return false;
	d->n = (size_t)n;
	d->from.size = m.msg_namelen;
	take_to(d, &m);
	return true;
}

static void
take_out(const struct front_gate *g)
{
	uint8_t octet;

	(void)recv(g->fd, &octet, sizeof(octet), MSG_DONTWAIT);
}

/* The source is real: has it had its share? A repeated ClientHello of a
 * handshake that is under way counts like the first one. */
static bool
may_begin(struct front *f, const struct look *d)
{
	return front_seat_offered(f->seats, &d->from) &&
	    front_rate_take(f->rate, &d->from, FRONT_COST_REQUEST,
	    front_clock());
}

/* May libcoap have it? */
static bool
check(struct front_gate *g, struct look *d)
{
	struct front *f = g->front;
	struct hello h;

	g->shown = false;
	if (!looks_like_hello(d))
		return true;
	if (!hello_parse(&h, d)) {
		/* a later fragment, or octets of an encrypted handshake
		 * message: they have a session or mean nothing */
		if (coap_session_get_by_peer(f->coap, &d->from, d->ifindex) !=
		    NULL)
			return true;
		f->count.hellos_dropped++;
		return false;
	}
	if (cookie_good(g, d, &h)) {
		if (!may_begin(f, d)) {
			f->count.handshakes_refused++;
			return false;
		}
		memcpy(g->cookie, h.cookie.p, COOKIE);
		g->shown = true;
		return true;
	}
	f->count.cookies_asked++;
	ask_for_cookie(g, d, &h);
	return false;
}

enum front_next
front_gate_next(struct front_gate *g, int64_t now, unsigned *budget)
{
	struct look d;

	rotate(g, now);
	while (*budget > 0) {
		--*budget;
		if (!look(g, &d))
			return FRONT_NEXT_NONE;
		if (check(g, &d))
			return FRONT_NEXT_PASS;
		take_out(g);
	}
	return FRONT_NEXT_LATER;
}

/* --- start --- */

static void
on_new_context(void *parent, void *p, CRYPTO_EX_DATA *ad, int index, long n,
    void *arg)
{
	struct front_gate *g = arg;

	(void)p;
	(void)ad;
	(void)index;
	(void)n;
	if (g->n_contexts < CONTEXTS)
		g->contexts[g->n_contexts++] = parent;
}

struct front_gate *
front_gate_new(struct front *f)
{
	struct front_gate *g = dca_alloc(sizeof(*g));

	memset(g, 0, sizeof(*g));
	g->front = f;
	g->fd = -1;
	dca_random(g->secret, sizeof(g->secret));
	/* libcoap shows its SSL_CTX to nobody; OpenSSL tells of each. */
	gate_index = SSL_CTX_get_ex_new_index(0, g, on_new_context, NULL, NULL);
	if (gate_index < 0)
		abort();
	return g;
}

void
front_gate_free(struct front_gate *g)
{
	if (g == NULL)
		return;
	CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL_CTX, gate_index);
	OPENSSL_cleanse(g->secret, sizeof(g->secret));
	dca_free_p(&g);
}

/* libcoap shows its socket to nobody either: it is the one bound to a. */
static int
find_socket(const coap_address_t *a)
{
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		coap_address_t bound;
		socklen_t n = sizeof(bound.addr), size = sizeof(int);
		int type = 0;

		coap_address_init(&bound);
		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
		    type != SOCK_DGRAM ||
		    getsockname(fd, &bound.addr.sa, &n) != 0)
			continue;
		bound.size = n;
		if (coap_address_equals(&bound, a))
			return fd;
	}
	return -1;
}

enum dca_rc
front_gate_shut(struct front_gate *g, const coap_address_t *a,
    struct dca_err *e)
{
	size_t guarded = 0;

	for (size_t i = 0; i < g->n_contexts; i++) {
		SSL_CTX *c = g->contexts[i];

		if (SSL_CTX_get_ssl_method(c) != DTLS_method())
			continue;
		if (SSL_CTX_set_ex_data(c, gate_index, g) != 1)
			abort();
		SSL_CTX_set_cookie_generate_cb(c, on_no_cookie);
		SSL_CTX_set_cookie_verify_cb(c, on_cookie);
		guarded++;
	}
	g->fd = find_socket(a);
	if (g->fd < 0 || guarded == 0)
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "this libcoap hides its socket or its SSL_CTX");
	return DCA_OK;
}
