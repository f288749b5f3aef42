/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CoAP/DTLS client that can be wrong on purpose: messages are built octet by
 * octet from RFC 7252 and RFC 7959, and sent as often as the test likes. It
 * shares no code with dca-front.
 */
#ifndef FRONT_COAP_H
#define FRONT_COAP_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GET = 1, POST = 2, PUT = 3, DELETE = 4, FETCH = 5 };
enum { CON = 0, NON = 1, ACK = 2, RST = 3 };
enum { NONE = -1, MESSAGE = 1500 };

struct line {
	SSL *ssl;
	int fd;
	uint16_t mid;
};

struct identity {
	const char *key, *cert;	/* PEM files; NULL: no certificate */
	const char *ciphers;
	SSL_SESSION *session;	/* to resume, or NULL */
};
/* false: no handshake within five seconds. */
bool line_open(struct line *l, int port, const struct identity *id);
/* As far as the server's first flight, and no further. */
void line_half(struct line *l, int port, const struct identity *id);
void line_close(struct line *l);
/* A connected UDP socket to 127.0.0.1. */
int udp_open(int port);
BIO *udp_bio(int fd, int port);

#define BLOCK(num, more, szx) ((int64_t)(num) << 4 | ((more) ? 8 : 0) | (szx))

struct ask {
	int type, method;
	const char *path, *query;	/* query NULL: none */
	int64_t format, accept, block1, block2, size1;	/* V(v); 0: left out */
	int extra;		/* one more option by number, empty; 0: none */
	const void *body;
	size_t n;
};
#define V(v) ((int64_t)(v) + 1)
#define ASK(m, p) { .type = CON, .method = m, .path = p }

struct answer {
	int code;		/* 205; 0: an empty ACK; NONE: nothing came */
	int type;
	bool separate;
	int64_t format, max_age, block1, block2, size1, size2;
	char location[128];
	uint8_t body[MESSAGE];
	size_t n;
};

/* The message of a with this mid and token. */
size_t coap_build(uint8_t out[MESSAGE], const struct ask *a, uint16_t mid,
    uint32_t token);
void coap_send_raw(struct line *l, const uint8_t *p, size_t n);
/* The next answer to token, acknowledged when it is confirmable; empty ACKs
 * are skipped unless want_ack. Waits at most ms. */
void coap_receive(struct line *l, uint32_t token, bool want_ack, int ms,
    struct answer *r);
/* A new message and its answer. */
void coap_ask(struct line *l, const struct ask *a, struct answer *r);
/* All blocks of body in order; the last answer. */
void coap_upload(struct line *l, struct ask a, const uint8_t *body, size_t n,
    unsigned szx, struct answer *r);
/* All blocks of an answer; octets got, or 0. */
size_t coap_download(struct line *l, struct ask a, unsigned szx, uint8_t *out,
    size_t cap, struct answer *last);

#endif
