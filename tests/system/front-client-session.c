/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of front-client about sessions and time: DTLS, limits, and answers
 * that come from a vault.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front-client.h"

/* --- DTLS --- */

static bool
works(struct line *l)
{
	struct ask a = ASK(GET, ".well-known/core");
	struct answer r;

	coap_ask(l, &a, &r);
	return r.code == 205;
}

static void
dtls(const char *name, const char *ciphers, bool want, const char *what)
{
	struct identity id = identity(name, ciphers);
	struct line l;
	bool up = line_open(&l, port, &id) && works(&l);

	if (up && ciphers != NULL)
		up = strcmp(SSL_get_cipher_name(l.ssl), ciphers) == 0;
	check(up == want, what, NULL);
	line_close(&l);
}

static void
resume(void)
{
	struct identity id = identity("client", NULL);
	struct line l;
	bool again;

	must_open(&l);
	works(&l);
	id.session = SSL_get1_session(l.ssl);
	line_close(&l);
	again = line_open(&l, port, &id) && SSL_session_reused(l.ssl) &&
	    works(&l);
	check(again, "a session is resumed", NULL);
	line_close(&l);
	SSL_SESSION_free(id.session);
}

static void
plain(void)
{
	struct ask a = ASK(GET, ".well-known/core");
	uint8_t m[MESSAGE];
	int fd = udp_open(port);
	bool silent;

	send(fd, m, coap_build(m, &a, 1, 1), 0);
	silent = poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 1000) == 0;
	check(silent, "no CoAP without DTLS", NULL);
	close(fd);
}

void
group_dtls(void)
{
	dtls("client", "ECDHE-ECDSA-AES128-CCM8", true, "CCM8");
	dtls("client", "ECDHE-ECDSA-AES128-GCM-SHA256", true, "GCM");
	dtls("client", "ECDHE-ECDSA-AES256-GCM-SHA384", false,
	    "another suite is refused");
	dtls(NULL, NULL, false, "no client certificate is refused");
	dtls("rsa", NULL, false, "an RSA client certificate is refused");
	dtls("expired", NULL, true, "an expired certificate gets in");
	dtls("issued", NULL, true, "one of an unknown issuer gets in");
	resume();
	plain();
}

/* --- limits --- */

/* A ClientHello from a port of its own, and no more. */
static int
hello(void)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_client_method());
	int fd = udp_open(port);
	SSL *ssl = SSL_new(ctx);
	BIO *b = udp_bio(fd, port);

	SSL_CTX_free(ctx);
	SSL_set_bio(ssl, b, b);
	SSL_connect(ssl);
	SSL_free(ssl);
	return fd;
}

/* libcoap's default of 100 would lock everybody out for half a minute. */
void
group_hellos(void)
{
	struct line l;
	int fds[300];

	for (int i = 0; i < 300; i++)
		fds[i] = hello();
	must_open(&l);
	check(works(&l), "300 unanswered ClientHellos", NULL);
	line_close(&l);
	for (int i = 0; i < 300; i++)
		close(fds[i]);
}

/* Five handshakes that stop after the server's first flight. */
void
group_stalled(void)
{
	struct identity id = identity("client", NULL);
	struct line l[5], other;

	for (int i = 0; i < 5; i++)
		line_half(&l[i], port, &id);
	sleep(13);
	must_open(&other);
	check(works(&other), "others are served", NULL);
	line_close(&other);
	for (int i = 0; i < 5; i++)
		line_close(&l[i]);
}

/* Requests that are wrong in form count like any other. */
static void
rate_malformed(struct line *l)
{
	struct ask a = ASK(GET, ".well-known/core");
	struct answer r = { 0 };

	a.block2 = V(7);
	for (int i = 0; i < 30 && r.code != 429; i++)
		coap_ask(l, &a, &r);
	check(is(&r, 429, "rate"), "4.29 for malformed ones too", &r);
}

/* A later block is cheap when the answer is kept, and not otherwise. */
static void
rate_blocks(struct line *l)
{
	struct ask a = ASK(GET, ".well-known/core");
	struct answer r = { 0 };

	a.block2 = V(BLOCK(0, false, 0));
	coap_ask(l, &a, &r);
	check(r.code == 205 && r.size2 > 16, "an answer in blocks", &r);
	a.block2 = V(BLOCK(1, false, 0));
	for (int i = 0; i < 30 && r.code == 205; i++)
		coap_ask(l, &a, &r);
	check(r.code == 205, "its later blocks are cheap", &r);
	a.path = "est/att";
	for (int i = 0; i < 30 && r.code != 429; i++)
		coap_ask(l, &a, &r);
	check(is(&r, 429, "rate"), "those of no answer are not", &r);
}

/* The front of this group allows 5 a second, 10 at once. */
void
group_rate(void)
{
	struct ask a = ASK(GET, ".well-known/core");
	struct answer r = { 0 };
	struct line l;
	int good = 0;

	must_open(&l);
	for (int i = 0; i < 30 && r.code != 429; i++) {
		coap_ask(&l, &a, &r);
		good += r.code == 205;
	}
	check(is(&r, 429, "rate") && r.max_age >= 1 && good >= 5 && good <= 15,
	    "4.29 with Max-Age after the burst", &r);
	sleep(2);
	coap_ask(&l, &a, &r);
	check(r.code == 205, "and well again after it", &r);
	rate_malformed(&l);
	sleep(2);
	rate_blocks(&l);
	line_close(&l);
}

/* Blocks from..to-1 of an unfinished act; the last answer. */
static void
act_blocks(struct line *l, uint32_t from, uint32_t to, struct answer *r)
{
	static uint8_t block[1024];
	struct ask a = ASK(POST, "dca/act");

	a.format = V(18);
	a.body = block;
	a.n = sizeof(block);
	r->code = 231;
	for (uint32_t num = from; num < to && r->code == 231; num++) {
		a.block1 = V(BLOCK(num, true, 6));
		coap_ask(l, &a, r);
	}
}

/*
 * The front of this group keeps 4 sessions and 97280 octets of uploads. Who
 * fills that and stalls must not keep out who goes on.
 */
void
group_full(void)
{
	struct line l[8];
	struct answer r = { 0 };

	for (int i = 0; i < 3; i++) {
		must_open(&l[i]);
		act_blocks(&l[i], 0, 40, &r);
		check(r.code == 231, "room for one more upload", &r);
	}
	act_blocks(&l[1], 40, 41, &r);
	check(r.code == 231, "the second goes on", &r);
	act_blocks(&l[0], 40, 41, &r);
	check(is(&r, 408, "block"), "the one that waited longest is gone", &r);
	for (int i = 3; i < 8; i++)
		must_open(&l[i]);
	check(works(&l[7]), "a new session ends the oldest", NULL);
	for (int i = 0; i < 8; i++)
		line_close(&l[i]);
}

/* --- with a vault --- */

static size_t
file(const char *path, uint8_t *out, size_t cap)
{
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(out, 1, cap, f) : 0;

	if (f)
		fclose(f);
	return n;
}

/* Three copies at once, one later: one answer, the same each time. */
void
group_issue(void)
{
	uint8_t csr[MESSAGE - 100], m[MESSAGE];
	struct ask a = ASK(POST, ".well-known/est/sen");
	struct answer first, r;
	struct line l;
	size_t n;

	must_open(&l);
	a.format = V(286);
	a.accept = V(287);
	a.body = csr;
	a.n = file(argument, csr, sizeof(csr));
	n = coap_build(m, &a, 4711, 0x51);
	for (int i = 0; i < 3; i++)
		coap_send_raw(&l, m, n);
	coap_receive(&l, 0x51, false, 20000, &first);
	check(first.code == 204 && first.format == 287 &&
	    strncmp(first.location, "/dca/certs/", 11) == 0 &&
	    strlen(first.location) == 51, "issued, with its place", &first);
	printf("serial %s\n", first.location + 11);
	sleep(1);
	coap_send_raw(&l, m, n);
	coap_receive(&l, 0x51, false, 3000, &r);
	check(r.code == 204 && r.n == first.n &&
	    memcmp(r.body, first.body, r.n) == 0 && r.type == ACK,
	    "the same packet again: the same answer", &r);
	line_close(&l);
}

void
group_crts(void)
{
	static uint8_t whole[96 * 1024];
	struct ask a = ASK(GET, "est/crts");
	struct answer r;
	struct line l;
	FILE *f;
	size_t n;

	must_open(&l);
	n = coap_download(&l, a, 6, whole, sizeof(whole), &r);
	check(n > 40 * 1024 && r.format == 281, "a list above 40 KiB", &r);
	f = fopen(argument, "wb");
	if (f != NULL) {
		fwrite(whole, 1, n, f);
		fclose(f);
	}
	a = (struct ask)ASK(GET, "est/att");
	coap_ask(&l, &a, &r);
	check(r.code == 205 && r.format == 285, "/att", &r);
	a = (struct ask)ASK(GET, "dca/status");
	coap_ask(&l, &a, &r);
	check(r.code == 404 && r.format == 257,
	    "/dca/status is hidden from who is no operator", &r);
	line_close(&l);
}

/* The vault sleeps for two seconds: the ACK cannot wait for it. */
void
group_slow(void)
{
	struct ask a = ASK(GET, "est/att");
	uint8_t m[MESSAGE];
	struct answer r;
	struct line l;
	size_t n;

	must_open(&l);
	n = coap_build(m, &a, 900, 0x77);
	coap_send_raw(&l, m, n);
	coap_receive(&l, 0x77, true, 1500, &r);
	check(r.code == 0 && r.type == ACK, "an empty ACK", &r);
	coap_send_raw(&l, m, n);
	coap_receive(&l, 0x77, true, 1000, &r);
	check(r.code == 0 && r.type == ACK, "the same for a repeat", &r);
	coap_receive(&l, 0x77, false, 5000, &r);
	check(r.code == 205 && r.type == CON && r.format == 285,
	    "a separate response", &r);
	coap_receive(&l, 0x77, false, 1000, &r);
	check(r.code == NONE, "one only", &r);
	line_close(&l);
}

void
group_dies(void)
{
	struct ask a = ASK(GET, "est/att");
	struct answer r;
	struct line l;

	must_open(&l);
	coap_ask(&l, &a, &r);
	check(is(&r, 503, "vault-down") && r.max_age >= 1 && r.separate,
	    "the vault dies over a question: 5.03", &r);
	line_close(&l);
}
