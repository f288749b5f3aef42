/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages and the DTLS session of front-client (front-coap.h). It checks
 * nothing: what an answer must be is in the tests.
 */
#include "front-coap.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1280, HANDSHAKE_MS = 5000, ANSWER_MS = 20000 };

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
udp_open(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		return -1;
	return fd;
}

BIO *
udp_bio(int fd, int port)
{
	struct in_addr lo = { htonl(INADDR_LOOPBACK) };
	BIO_ADDR *peer = BIO_ADDR_new();
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);

	BIO_ADDR_rawmake(peer, AF_INET, &lo, sizeof(lo),
	    htons((uint16_t)port));
	BIO_ctrl(b, BIO_CTRL_DGRAM_SET_CONNECTED, 0, peer);
	BIO_ADDR_free(peer);
	return b;
}

static SSL *
make_ssl(int fd, int port, const struct identity *id)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_client_method());
	SSL *ssl;
	BIO *b;

	SSL_CTX_set_security_level(ctx, 0);	/* CCM8 on OpenSSL 3 */
	if (id->ciphers != NULL)
		SSL_CTX_set_cipher_list(ctx, id->ciphers);
	if (id->cert != NULL &&
	    (SSL_CTX_use_certificate_chain_file(ctx, id->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, id->key, SSL_FILETYPE_PEM) != 1))
		abort();
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	b = udp_bio(fd, port);
	SSL_set_bio(ssl, b, b);
	/* libcoap drops what is longer than 1472 octets, and the loopback
	 * would let OpenSSL send more */
	SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(ssl, MTU);
	if (id->session != NULL)
		SSL_set_session(ssl, id->session);
	return ssl;
}

bool
line_open(struct line *l, int port, const struct identity *id)
{
	int64_t end = now_ms() + HANDSHAKE_MS;
	struct pollfd p = { .events = POLLIN };
	int rc;

	l->fd = p.fd = udp_open(port);
	l->mid = (uint16_t)now_ms();
	l->ssl = make_ssl(l->fd, port, id);
	while ((rc = SSL_connect(l->ssl)) != 1) {
		int err = SSL_get_error(l->ssl, rc);

		if (now_ms() > end || (err != SSL_ERROR_WANT_READ &&
		    err != SSL_ERROR_WANT_WRITE))
			return false;
		if (poll(&p, 1, 200) == 0)
			DTLSv1_handle_timeout(l->ssl);
	}
	return true;
}

/* It reads from memory, which gets the HelloVerifyRequest and nothing else. */
void
line_half(struct line *l, int port, const struct identity *id)
{
	struct pollfd p = { .events = POLLIN };
	BIO *in = BIO_new(BIO_s_mem());
	uint8_t m[MESSAGE];
	ssize_t n;

	l->fd = p.fd = udp_open(port);
	l->ssl = make_ssl(l->fd, port, id);
	BIO_set_mem_eof_return(in, -1);
	SSL_set0_rbio(l->ssl, in);
	SSL_connect(l->ssl);
	poll(&p, 1, HANDSHAKE_MS);
	n = recv(l->fd, m, sizeof(m), 0);
	BIO_write(in, m, n > 0 ? (int)n : 0);
	SSL_connect(l->ssl);	/* the ClientHello with its cookie */
}

void
line_close(struct line *l)
{
	if (SSL_is_init_finished(l->ssl))
		SSL_shutdown(l->ssl);
	SSL_free(l->ssl);
	close(l->fd);
}

/* --- building --- */

struct writer {
	uint8_t *p;
	size_t n;
	int last;
};

static size_t
nibble(uint8_t *ext, size_t v, uint8_t *out)
{
	if (v < 13) {
		*out = (uint8_t)v;
		return 0;
	}
	if (v < 269) {
		*out = 13;
		ext[0] = (uint8_t)(v - 13);
		return 1;
	}
	*out = 14;
	ext[0] = (uint8_t)((v - 269) >> 8);
	ext[1] = (uint8_t)(v - 269);
	return 2;
}

/* RFC 7252 3.1; options must come in the order of their numbers. */
static void
put(struct writer *w, int number, const void *v, size_t n)
{
	uint8_t delta, length, ext[4];
	size_t a, b;

	if (number < w->last || w->n + n + 8 > MESSAGE)
		abort();
	a = nibble(ext, (size_t)(number - w->last), &delta);
	b = nibble(ext + a, n, &length);
	w->p[w->n++] = (uint8_t)(delta << 4 | length);
	memcpy(w->p + w->n, ext, a + b);
	w->n += a + b;
	if (n)
		memcpy(w->p + w->n, v, n);
	w->n += n;
	w->last = number;
}

static void
put_uint(struct writer *w, int number, int64_t v)
{
	uint8_t b[8];
	size_t n = 0;

	if (v == 0)
		return;
	v--;
	for (int shift = 24; shift >= 0; shift -= 8) {
		if (n > 0 || v >> shift & 0xff)
			b[n++] = (uint8_t)(v >> shift);
	}
	put(w, number, b, n);
}

static void
put_parts(struct writer *w, int number, const char *text, char between)
{
	while (text != NULL && *text) {
		const char *end = strchr(text, between);
		size_t n = end ? (size_t)(end - text) : strlen(text);

		put(w, number, text, n);
		text += n + (end != NULL);
	}
}

size_t
coap_build(uint8_t out[MESSAGE], const struct ask *a, uint16_t mid,
    uint32_t token)
{
	const struct { int number; int64_t v; } uints[] = {
		{ 12, a->format }, { 17, a->accept }, { 23, a->block2 },
		{ 27, a->block1 }, { 60, a->size1 },
	};
	struct writer w = { out, 8, 0 };
	bool extra = a->extra == 0, path = false, query = false;

	out[0] = (uint8_t)(0x40 | a->type << 4 | 4);
	out[1] = (uint8_t)a->method;
	out[2] = (uint8_t)(mid >> 8);
	out[3] = (uint8_t)mid;
	memcpy(out + 4, &token, 4);
	for (size_t i = 0; i <= sizeof(uints) / sizeof(uints[0]); i++) {
		int next = i < 5 ? uints[i].number : 1 << 16;

		if (!extra && a->extra < 11 && (extra = true))
			put(&w, a->extra, NULL, 0);
		if (!path && (path = true))
			put_parts(&w, 11, a->path, '/');
		if (!query && next > 15 && (query = true))
			put_parts(&w, 15, a->query, '&');
		if (!extra && a->extra < next && (extra = true))
			put(&w, a->extra, NULL, 0);
		if (i < 5)
			put_uint(&w, next, uints[i].v);
	}
	if (a->n) {
		out[w.n++] = 0xff;
		memcpy(out + w.n, a->body, a->n);
		w.n += a->n;
	}
	return w.n;
}

void
coap_send_raw(struct line *l, const uint8_t *p, size_t n)
{
	SSL_write(l->ssl, p, (int)n);
}

/* --- reading --- */

static void
take(struct answer *r, int number, const uint8_t *p, size_t n)
{
	int64_t v = 0;

	for (size_t i = 0; i < n && n <= 4; i++)
		v = v << 8 | p[i];
	switch (number) {
	case 8:
		strncat(r->location, "/",
		    sizeof(r->location) - strlen(r->location) - 1);
		strncat(r->location, (const char *)p,
		    n < 60 ? n : 60);
		break;
	case 12: r->format = v; break;
	case 14: r->max_age = v; break;
	case 23: r->block2 = v; break;
	case 27: r->block1 = v; break;
	case 28: r->size2 = v; break;
	case 60: r->size1 = v; break;
	default: break;
	}
}

static size_t
extended(const uint8_t *m, size_t n, size_t *at, size_t v)
{
	if (v == 13 && *at < n)
		return (size_t)m[(*at)++] + 13;
	if (v == 14 && *at + 1 < n) {
		*at += 2;
		return ((size_t)m[*at - 2] << 8 | m[*at - 1]) + 269;
	}
	return v;
}

static void
parse(struct answer *r, const uint8_t *m, size_t n)
{
	size_t at = 4 + (m[0] & 15);
	int number = 0;

	*r = (struct answer){ .format = NONE, .max_age = NONE, .block1 = NONE,
		.block2 = NONE, .size1 = NONE, .size2 = NONE };
	r->type = m[0] >> 4 & 3;
	r->code = (m[1] >> 5) * 100 + (m[1] & 31);
	while (at < n && m[at] != 0xff) {
		size_t delta = m[at] >> 4, length = m[at] & 15;

		at++;
		delta = extended(m, n, &at, delta);
		length = extended(m, n, &at, length);
		number += (int)delta;
		if (at + length > n)
			return;
		take(r, number, m + at, length);
		at += length;
	}
	if (at < n) {
		r->n = n - at - 1;
		memcpy(r->body, m + at + 1, r->n);
	}
}

static void
acknowledge(struct line *l, const uint8_t *m)
{
	uint8_t ack[4] = { 0x60, 0, m[2], m[3] };

	SSL_write(l->ssl, ack, sizeof(ack));
}

void
coap_receive(struct line *l, uint32_t token, bool want_ack, int ms,
    struct answer *r)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	int64_t end = now_ms() + ms;
	bool separate = false;
	uint8_t m[MESSAGE];

	while (now_ms() < end) {
		int n = SSL_read(l->ssl, m, sizeof(m));

		if (n < 4) {
			poll(&p, 1, 50);
			continue;
		}
		if (m[1] == 0) {
			separate = true;
			parse(r, m, (size_t)n);
			if (want_ack)
				return;
			continue;
		}
		if ((m[0] & 15) != 4 || memcmp(m + 4, &token, 4) != 0)
			continue;
		parse(r, m, (size_t)n);
		r->separate = separate;
		if (r->type == CON)
			acknowledge(l, m);
		return;
	}
	r->code = NONE;
}

void
coap_ask(struct line *l, const struct ask *a, struct answer *r)
{
	uint8_t m[MESSAGE];
	uint16_t mid = ++l->mid;
	uint32_t token = 0x746b0000U | mid;

	coap_send_raw(l, m, coap_build(m, a, mid, token));
	coap_receive(l, token, false, ANSWER_MS, r);
}

void
coap_upload(struct line *l, struct ask a, const uint8_t *body, size_t n,
    unsigned szx, struct answer *r)
{
	size_t size = (size_t)1 << (szx + 4);

	for (uint32_t num = 0;; num++) {
		size_t at = num * size;
		bool more = n - at > size;

		a.block1 = V(BLOCK(num, more, szx));
		a.body = body + at;
		a.n = more ? size : n - at;
		coap_ask(l, &a, r);
		if (!more || r->code != 231)
			return;
	}
}

size_t
coap_download(struct line *l, struct ask a, unsigned szx, uint8_t *out,
    size_t cap, struct answer *last)
{
	size_t n = 0;

	for (uint32_t num = 0;; num++) {
		a.block2 = V(BLOCK(num, false, szx));
		coap_ask(l, &a, last);
		if (last->code / 100 != 2 || n + last->n > cap ||
		    last->block2 >> 4 != num)
			return 0;
		memcpy(out + n, last->body, last->n);
		n += last->n;
		if (!(last->block2 & 8))
			return n;
	}
}
