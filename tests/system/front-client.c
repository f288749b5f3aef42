/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dca-front must answer, from RFC 7252, 7959, 9148, 9290 and its README:
 * one group of checks per word on the command line. It needs a running front;
 * which group needs a vault is said in front.sh.
 * usage: front-client PORT DIRECTORY GROUP [ARGUMENT]
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/message.h"
#include "front-client.h"

enum { CSR_MAX = 16384, ACT_MAX = 97280 };

int port;
char directory[512], argument[512];
static int failures;

void
check(bool good, const char *what, const struct answer *r)
{
	printf("%s: %s", good ? "ok" : "NOT OK", what);
	if (!good && r != NULL)
		printf(" (code %d format %lld max-age %lld size1 %lld)",
		    r->code, (long long)r->format, (long long)r->max_age,
		    (long long)r->size1);
	printf("\n");
	failures += !good;
}

struct identity
identity(const char *name, const char *ciphers)
{
	static char key[600], cert[600];
	struct identity id = { NULL, NULL, ciphers, NULL };

	if (name == NULL)
		return id;
	snprintf(key, sizeof(key), "%s/%s.key", directory, name);
	snprintf(cert, sizeof(cert), "%s/%s.pem", directory, name);
	id.key = key;
	id.cert = cert;
	return id;
}

void
must_open(struct line *l)
{
	struct identity id = identity("client", NULL);

	if (!line_open(l, port, &id)) {
		printf("NOT OK: no DTLS session\n");
		exit(1);
	}
}

/* The rule id inside RFC 9290 problem details; "" when it is none. */
const char *
rule(const struct answer *r)
{
	static char id[64];
	struct dca_err e = { 0 };

	id[0] = '\0';
	if (r->format == 257 &&
	    dca_problem_parse(&e, DCA_BUF(r->body, r->n)) == DCA_OK)
		snprintf(id, sizeof(id), "%s", dca_problem(e.rule)->id);
	return id;
}

bool
is(const struct answer *r, int code, const char *id)
{
	return r->code == code && strcmp(rule(r), id) == 0;
}

/* --- one request, one refusal --- */

static const struct refusal {
	const char *what;
	struct ask ask;
	int code;
	const char *rule;	/* NULL: libcoap's own, without details */
	int64_t size1;
} refusals[] = {
#define A(m, p, ...) { .type = CON, .method = m, .path = p, __VA_ARGS__ }
#define SEN(...) \
	A(POST, "est/sen", .format = V(286), .body = "x", .n = 1, __VA_ARGS__)
#define SIXTEEN .body = "0123456789abcdef", .n = 16
	{ "unknown path", A(GET, "nothing"), 404, "path", NONE },
	{ "DELETE of an unknown path", A(DELETE, "nothing"), 404, "path", NONE },
	{ "empty path", A(GET, ""), 404, "path", NONE },
	{ "/skg is not offered", A(POST, ".well-known/est/skg", .format = V(286)), 404, "path", NONE },
	{ "/skc is not offered", A(POST, "est/skc", .format = V(286)), 404, "path", NONE },
	{ "a serial that is none", A(GET, "dca/certs/4142"), 404, "path", NONE },
	{ "a view that is none", A(GET, "dca/secrets"), 404, "path", NONE },
	{ "GET of /sen", A(GET, ".well-known/est/sen"), 405, "method", NONE },
	{ "GET of /sren", A(GET, ".well-known/est/sren"), 405, "method", NONE },
	{ "/sren with CBOR", A(POST, "est/sren", .format = V(60), .body = "x", .n = 1), 415, "format", NONE },
	{ "PUT of /sen", A(PUT, "est/sen"), 405, "method", NONE },
	{ "FETCH of /att", A(FETCH, "est/att", .format = V(60)), 405, "method", NONE },
	{ "POST of /crts", A(POST, "est/crts"), 405, "method", NONE },
	{ "DELETE of /crts", A(DELETE, "est/crts"), 405, "method", NONE },
	{ "POST of a view", A(POST, "dca/status"), 405, "method", NONE },
	{ "/sen without Content-Format", A(POST, "est/sen", .body = "x", .n = 1), 415, "format", NONE },
	{ "/sen with CBOR", A(POST, "est/sen", .format = V(60), .body = "x", .n = 1), 415, "format", NONE },
	{ "/dca/act with a CSR", A(POST, "dca/act", .format = V(286), .body = "x", .n = 1), 415, "format", NONE },
	{ "/dca/check with CBOR", A(POST, "dca/check", .format = V(60), .body = "x", .n = 1), 415, "format", NONE },
	{ "/sen, Accept 60", SEN(.accept = V(60)), 406, "accept", NONE },
	{ "/sen, Accept 0", SEN(.accept = V(0)), 406, "accept", NONE },
	{ "/crts, Accept 287", A(GET, "est/crts", .accept = V(287)), 406, "accept", NONE },
	{ "/att, Accept 281", A(GET, "est/att", .accept = V(281)), 406, "accept", NONE },
	{ "/dca/status, Accept JSON", A(GET, "dca/status", .accept = V(50)), 406, "accept", NONE },
	{ "discovery, Accept 60", A(GET, ".well-known/core", .accept = V(60)), 406, "accept", NONE },
	{ "If-Match", SEN(.extra = 1), 402, "option", NONE },
	{ "If-None-Match", SEN(.extra = 5), 402, "option", NONE },
	{ "OSCORE, a critical option that libcoap does not know", SEN(.extra = 9), 402, NULL, NONE },
	{ "a critical option that nobody knows", SEN(.extra = 65001), 402, NULL, NONE },
	{ "Block1 with size exponent 7", SEN(.block1 = V(7)), 400, "block-option", NONE },
	{ "Block2 with size exponent 7", A(GET, "est/crts", .block2 = V(7)), 400, "block-option", NONE },
	{ "Size1 of 1 GiB in block 0", A(POST, "est/sen", .format = V(286), .block1 = V(8), .size1 = V(1 << 30), SIXTEEN), 413, "csr-size", CSR_MAX },
	{ "Size1 of one octet too many", A(POST, "est/sen", .format = V(286), .block1 = V(8), .size1 = V(CSR_MAX + 1), SIXTEEN), 413, "csr-size", CSR_MAX },
	{ "Size1 too large for an act", A(POST, "dca/act", .format = V(18), .block1 = V(8), .size1 = V(ACT_MAX + 1), SIXTEEN), 413, "body-size", ACT_MAX },
	{ "a middle block without the first", SEN(.block1 = V(BLOCK(3, false, 6))), 408, "block", NONE },
	{ "a block that is not full and not the last", SEN(.block1 = V(BLOCK(0, true, 6))), 400, "block-option", NONE },
	{ "a last block above its size", A(POST, "est/sen", .format = V(286), .block1 = V(0), .body = "0123456789abcdefg", .n = 17), 400, "block-option", NONE },
	{ "a later block of an answer that is not kept", SEN(.block2 = V(BLOCK(1, false, 6))), 408, "block", NONE },
	{ "a block behind the end of an answer", A(GET, ".well-known/core", .block2 = V(BLOCK(100, false, 6))), 400, "block-option", NONE },
};

static void
group_refusals(void)
{
	struct answer r;
	struct line l;

	must_open(&l);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *c = &refusals[i];

		coap_ask(&l, &c->ask, &r);
		check(r.code == c->code &&
		    (c->rule == NULL || strcmp(rule(&r), c->rule) == 0) &&
		    r.size1 == c->size1, c->what, &r);
	}
	line_close(&l);
}

/* Without a vault; the query that is too long must not reach it either. */
static void
group_alone(void)
{
	struct ask a = ASK(GET, ".well-known/est/crts");
	static uint8_t body[CSR_MAX];
	char query[700];
	struct answer r;
	struct line l;

	must_open(&l);
	coap_ask(&l, &a, &r);
	check(is(&r, 503, "vault-down") && r.max_age >= 1,
	    "no vault: 5.03 with Max-Age", &r);
	a = (struct ask)ASK(POST, "est/sen");
	a.format = V(286);
	coap_upload(&l, a, body, CSR_MAX, 6, &r);
	check(is(&r, 503, "vault-down"), "16384 octets reach the vault", &r);
	coap_upload(&l, a, body, CSR_MAX, 2, &r);
	check(is(&r, 503, "vault-down"), "in blocks of 64 too", &r);
	memset(query, 'a', sizeof(query));
	for (size_t i = 200; i < sizeof(query); i += 200)
		query[i] = '&';
	query[650] = '\0';
	a = (struct ask)ASK(GET, "dca/ledger");
	a.query = query;
	coap_ask(&l, &a, &r);
	check(is(&r, 400, "input"), "query too long", &r);
	line_close(&l);
}

/* --- discovery --- */

static void
links_are(struct line *l, const char *query, const char *want)
{
	struct ask a = ASK(GET, ".well-known/core");
	struct answer r;

	a.query = query;
	coap_ask(l, &a, &r);
	check(r.code == 205 && r.format == 40 && r.n == strlen(want) &&
	    memcmp(r.body, want, r.n) == 0, query ? query : "all links", &r);
}

static void
group_links(void)
{
	/* RFC 6690 2 and 4.1, RFC 9148 4.1 */
	static const char crts[] = "</est/crts>;rt=\"ace.est.crts\";ct=281",
	    sen[] = "</est/sen>;rt=\"ace.est.sen\";ct=\"281 287\"",
	    sren[] = "</est/sren>;rt=\"ace.est.sren\";ct=\"281 287\"",
	    att[] = "</est/att>;rt=\"ace.est.att\";ct=285",
	    dca[] = "</dca/status>;rt=\"dca.status\";ct=60,"
	    "</dca/act>;rt=\"dca.act\";ct=60,"
	    "</dca/check>;rt=\"dca.check\";ct=60";
	struct ask a = ASK(GET, ".well-known/core");
	uint8_t whole[2048];
	char want[1024];
	struct answer r;
	struct line l;
	size_t n;

	must_open(&l);
	snprintf(want, sizeof(want), "%s,%s,%s,%s", crts, sen, sren, att);
	links_are(&l, "rt=ace.est*", want);
	links_are(&l, "rt=ace.est.sen", sen);
	links_are(&l, "rt=ace.est.sren", sren);
	snprintf(want, sizeof(want), "%s,%s", sen, sren);
	links_are(&l, "ct=287", want);
	links_are(&l, "href=/est/att", att);
	links_are(&l, "rt=ace.est", "");
	links_are(&l, "title=x", "");
	snprintf(want, sizeof(want), "%s,%s,%s,%s,%s", crts, sen, sren, att, dca);
	links_are(&l, NULL, want);
	n = coap_download(&l, a, 0, whole, sizeof(whole), &r);
	check(n == strlen(want) && memcmp(whole, want, n) == 0,
	    "the same in blocks of 16", &r);
	line_close(&l);
}

/* --- blocks --- */

static void
group_blocks(void)
{
	static uint8_t body[ACT_MAX + 1024];
	struct ask a = ASK(POST, "est/sen"), b;
	struct answer r;
	struct line l;

	must_open(&l);
	a.format = V(286);
	coap_upload(&l, a, body, CSR_MAX + 1, 6, &r);
	check(is(&r, 413, "csr-size") && r.size1 == CSR_MAX,
	    "16384 octets and one, without Size1", &r);
	coap_upload(&l, a, body, CSR_MAX + 16, 0, &r);
	check(is(&r, 413, "csr-size"), "the same in blocks of 16", &r);
	b = a;
	b.path = "dca/act";
	b.format = V(18);
	coap_upload(&l, b, body, ACT_MAX + 1, 6, &r);
	check(is(&r, 413, "body-size") && r.size1 == ACT_MAX,
	    "an act of 97280 octets and one", &r);
	a.body = body;
	a.n = 1024;
	a.block1 = V(BLOCK(0, true, 6));
	coap_ask(&l, &a, &r);
	check(r.code == 231 && V(r.block1) == a.block1, "2.31 with Block1", &r);
	a.block1 = V(BLOCK(2, true, 6));
	coap_ask(&l, &a, &r);
	check(is(&r, 408, "block"), "a gap", &r);
	a.block1 = V(BLOCK(1, true, 6));
	coap_ask(&l, &a, &r);
	check(is(&r, 408, "block"), "nothing is left after it", &r);
	a.block1 = V(BLOCK(0, true, 6));
	coap_ask(&l, &a, &r);
	b.block1 = V(BLOCK(1, true, 6));
	b.body = body;
	b.n = 1024;
	coap_ask(&l, &b, &r);
	check(is(&r, 408, "block"), "a block for another resource", &r);
	line_close(&l);
}

/* The same octets again: RFC 7252 4.2. */
static void
group_repeats(void)
{
	static uint8_t body[1024];
	struct ask a = ASK(POST, "est/sen");
	uint8_t m[MESSAGE];
	struct answer r, first;
	struct line l;
	size_t n;

	must_open(&l);
	a.format = V(286);
	a.body = body;
	a.n = 1024;
	for (uint32_t num = 0; num < 3; num++) {
		a.block1 = V(BLOCK(num, true, 6));
		n = coap_build(m, &a, (uint16_t)(77 + num), num);
		for (int i = 0; i < 3; i++) {
			coap_send_raw(&l, m, n);
			coap_receive(&l, num, false, 3000, &r);
			check(r.code == 231 && V(r.block1) == a.block1,
			    "a block sent three times", &r);
		}
	}
	a = (struct ask)ASK(GET, "nothing");
	n = coap_build(m, &a, 500, 9);
	coap_send_raw(&l, m, n);
	coap_receive(&l, 9, false, 3000, &first);
	coap_send_raw(&l, m, n);
	coap_receive(&l, 9, false, 3000, &r);
	check(r.code == 404 && r.n == first.n &&
	    memcmp(r.body, first.body, r.n) == 0, "a refusal repeated", &r);
	a.type = NON;
	n = coap_build(m, &a, 501, 10);
	coap_send_raw(&l, m, n);
	coap_receive(&l, 10, false, 3000, &r);
	check(r.code == 404 && r.type == NON, "non-confirmable", &r);
	coap_send_raw(&l, (const uint8_t[]){ 0x40, 0, 1, 2 }, 4);
	poll(&(struct pollfd){ l.fd, POLLIN, 0 }, 1, 3000);
	n = (size_t)SSL_read(l.ssl, m, sizeof(m));
	check(n == 4 && m[0] == 0x70 && m[3] == 2, "ping is reset", NULL);
	line_close(&l);
}

int
main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } groups[] = {
		{ "refusals", group_refusals }, { "alone", group_alone },
		{ "links", group_links }, { "blocks", group_blocks },
		{ "repeats", group_repeats }, { "dtls", group_dtls },
		{ "hellos", group_hellos }, { "rate", group_rate },
		{ "full", group_full }, { "issue", group_issue },
		{ "crts", group_crts }, { "stalled", group_stalled },
		{ "slow", group_slow }, { "dies", group_dies },
	};

	bool known = false;

	if (argc < 4)
		return 2;
	port = (int)strtol(argv[1], NULL, 10);
	snprintf(directory, sizeof(directory), "%s", argv[2]);
	snprintf(argument, sizeof(argument), "%s", argc > 4 ? argv[4] : "");
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (strcmp(groups[i].name, argv[3]) != 0)
			continue;
		groups[i].run();
		known = true;
	}
	return failures > 0 || !known;
}
