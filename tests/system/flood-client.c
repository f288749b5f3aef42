/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that finish their handshake and then want too much: endless and
 * reordered blocks, more handshakes or sessions than a share, more requests
 * than a key may make, and so many enrolments that only the operators' lane
 * has room. One group a run; what the front may be configured to is in
 * flood.sh.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front-coap.h"

enum { ROUNDS = 40, BLOCKS_MAX = 40, SESSIONS = 60, PENDING = 16 };

static int port, failures;
static const char *dir;
static pid_t vault;

static void
check(bool ok, const char *what, const struct answer *r)
{
	printf("%s: %s", ok ? "ok" : "NOT OK", what);
	if (!ok && r != NULL)
		printf(" (code %d)", r->code);
	printf("\n");
	failures += !ok;
}

static void
open_as(struct line *l, const char *who)
{
	char key[4096], cert[4096];
	const struct identity id = { .key = key, .cert = cert };

	snprintf(key, sizeof(key), "%s/%s.key", dir, who);
	snprintf(cert, sizeof(cert), "%s/%s.pem", dir, who);
	if (!line_open(l, port, &id)) {
		printf("NOT OK: no session for %s\n", who);
		exit(1);
	}
}

static bool
works(struct line *l)
{
	struct ask a = ASK(GET, ".well-known/core");
	struct answer r = { 0 };

	coap_ask(l, &a, &r);
	return r.code == 205;
}

/* --- blocks --- */

static int
block(struct line *l, unsigned num, int64_t size1, struct answer *r)
{
	static const uint8_t octets[1024];
	struct ask a = ASK(POST, ".well-known/est/sen");

	a.format = V(286);
	a.block1 = V(BLOCK(num, true, 6));
	a.size1 = size1;
	a.body = octets;
	a.n = sizeof(octets);
	coap_ask(l, &a, r);
	return r->code;
}

/* Always one more block: 4.13 as soon as the limit is passed. */
static void
endless(struct line *l)
{
	struct answer r = { 0 };
	bool ok = true;

	for (int i = 0; i < ROUNDS && ok; i++) {
		unsigned n = 0;

		while (n < BLOCKS_MAX && block(l, n, 0, &r) == 231)
			n++;
		ok = r.code == 413 && n == 16;
	}
	check(ok, "endless blocks: 4.13 after 16 KiB, again and again", &r);
}

static void
reordered(struct line *l)
{
	static const unsigned orders[][4] = {
		{ 0, 2, 1, 3 }, { 0, 1, 3, 2 }, { 3, 2, 1, 0 },
		{ 0, 1048575, 1, 2 },
	};
	struct answer r = { 0 };
	bool ok = true;

	for (int i = 0; i < ROUNDS && ok; i++) {
		const unsigned *o = orders[i % 4];
		bool refused = false;

		for (int k = 0; k < 4; k++)
			refused |= block(l, o[k], 0, &r) == 408;
		ok = refused;
	}
	check(ok, "reordered blocks: 4.08", &r);
}

static void
group_blocks(void)
{
	struct answer r = { 0 };
	struct line l;
	bool ok = true;

	open_as(&l, "client");
	for (int i = 0; i < ROUNDS && ok; i++)
		ok = block(&l, 0, V(1 << 30), &r) == 413 && r.size1 == 16384;
	check(ok, "Size1 of 1 GiB: 4.13 and what is allowed", &r);
	endless(&l);
	reordered(&l);
	check(works(&l), "and the session is well", NULL);
	line_close(&l);
}

/* --- shares; the front allows three handshakes and two sessions --- */

static void
group_halves(void)
{
	const struct identity id = { 0 };
	static struct line l[3];

	for (int i = 0; i < 3; i++)
		line_half(&l[i], port, &id);
	printf("ready\n");
	fflush(stdout);
	pause();
}

static void
group_sessions(void)
{
	struct line l[3];

	for (int i = 0; i < 3; i++) {
		open_as(&l[i], "client");
		check(works(&l[i]), "a session", NULL);
	}
	check(works(&l[1]) && works(&l[2]), "the younger two go on", NULL);
	check(SSL_read(l[0].ssl, &(char){ 0 }, 1) <= 0 &&
	    SSL_get_shutdown(l[0].ssl) == SSL_RECEIVED_SHUTDOWN,
	    "the oldest was closed", NULL);
	for (int i = 0; i < 3; i++)
		line_close(&l[i]);
}

/* Ten at once by one key, from however many sessions. */
static void
group_key(void)
{
	struct ask a = ASK(GET, ".well-known/core");
	struct answer r = { 0 };
	struct line l[2], other;
	int good = 0;

	open_as(&l[0], "client");
	open_as(&l[1], "client");
	for (int i = 0; i < 60 && r.code != 429; i++) {
		coap_ask(&l[i % 2], &a, &r);
		good += r.code == 205;
	}
	check(r.code == 429 && good >= 10, "4.29 after the burst of a key",
	    &r);
	check(memmem(r.body, r.n, "by one key", 10) != NULL,
	    "it says so", &r);
	open_as(&other, "other");
	check(works(&other), "another key is served", NULL);
	line_close(&l[0]);
	line_close(&l[1]);
	line_close(&other);
}

/* --- the lane --- */

static void
send_ask(struct line *l, const char *path, uint32_t token)
{
	struct ask a = ASK(GET, path);
	uint8_t m[MESSAGE];

	coap_send_raw(l, m, coap_build(m, &a, l->mid++, token));
}

static void
group_lane(void)
{
	static struct line l[SESSIONS];
	struct line late;
	struct answer r = { 0 };

	kill(vault, SIGSTOP);
	for (uint32_t i = 0; i < SESSIONS; i++) {
		open_as(&l[i], "client");
		for (uint32_t k = 0; k < PENDING; k++)
			send_ask(&l[i], "est/crts", i * PENDING + k);
	}
	open_as(&late, "other");
	send_ask(&late, "est/crts", 5001);
	coap_receive(&late, 5001, false, 3000, &r);
	check(r.code == 503 && r.max_age > 0,
	    "no room for customers: 5.03 with Max-Age", &r);
	send_ask(&late, "dca/status", 5002);
	coap_receive(&late, 5002, false, 2000, &r);
	check(r.code == NONE, "room for an operator, who waits", &r);
	kill(vault, SIGCONT);
	coap_receive(&late, 5002, false, 20000, &r);
	check(r.code == 404, "and is answered by the vault", &r);
	sleep(2);
	send_ask(&late, "est/crts", 5003);
	coap_receive(&late, 5003, false, 20000, &r);
	check(r.code == 205, "customers too, afterwards", &r);
	for (int i = 0; i < SESSIONS; i++)
		line_close(&l[i]);
	line_close(&late);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} groups[] = {
		{ "blocks", group_blocks }, { "halves", group_halves },
		{ "sessions", group_sessions }, { "key", group_key },
		{ "lane", group_lane },
	};

	if (argc < 4)
		return 2;
	port = (int)strtol(argv[1], NULL, 10);
	dir = argv[2];
	if (argc > 4)
		vault = (pid_t)strtol(argv[4], NULL, 10);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (strcmp(groups[i].name, argv[3]) == 0) {
			groups[i].run();
			return failures != 0;
		}
	}
	return 2;
}
