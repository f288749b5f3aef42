/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of a captured front: of every type in message.h, each field wrong in
 * every way its row of the table can be; oversized ones; honest ones with a
 * few octets changed. A packet the table does not allow closes its connection
 * and nothing else.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "hostile-front.h"

enum kind { UINT = 1, BYTES, TEXT };
struct row {
	enum dca_message_type type;
	enum dca_role role;
	struct {
		enum kind kind;
		size_t max;
	} f[DCA_FIELDS_MAX + 1];
};
#define X(sym, num, role_, fields) \
	{ DCA_MSG_##sym, DCA_ROLE_##role_, { fields } },
#define U(name) { UINT, 0 },
#define B(name, max) { BYTES, max },
#define T(name, max) { TEXT, max },
/* The fields of X stand side by side, so X takes them as one argument. */
static const struct row rows[] = { DCA_MESSAGES(X, U, B, T) };
#undef X
#undef U
#undef B
#undef T

static size_t
fields_of(const struct row *row)
{
	size_t n = 0;

	while (n < DCA_FIELDS_MAX && row->f[n].kind)
		n++;
	return n;
}

static int
front_connect(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = 20 };
	int big = 1 << 20, fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	(void)dca_strlcpy(a.sun_path, lab.front, sizeof(a.sun_path));
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
	    sizeof(wait)), 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* True: the vault closed the connection; false: it answered. */
static bool
closed_by(int fd, struct dca_buf packet)
{
	static uint8_t buf[DCA_MESSAGE_MAX];
	struct dca_message m;
	ssize_t n;

	assert_int_equal(send(fd, packet.p, packet.n, MSG_NOSIGNAL),
	    packet.n);
	n = recv(fd, buf, sizeof(buf), 0);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return true;
	assert_true(n > 0);
	assert_int_equal(dca_message_parse(&m, DCA_BUF(buf, n),
	    DCA_ROLE_VAULT, NULL), DCA_OK);
	return false;
}

static void
must_close(const struct dca_out *packet)
{
	int fd = front_connect();

	assert_true(closed_by(fd, dca_out_buf(packet)));
	assert_int_equal(close(fd), 0);
}

/* --- one message with one thing wrong --- */

enum wrong { NOTHING, LONGER, OTHER_TYPE, NEGATIVE, NOT_UTF8, NESTED, TAGGED,
	WRONGS };

static void
put_filled(struct dca_out *o, enum kind kind, size_t n)
{
	char *fill = dca_alloc(n + 1);

	memset(fill, 'a', n);
	if (kind == TEXT)
		dca_cbor_text_n(o, fill, n);
	else
		dca_cbor_bytes(o, DCA_BUF(fill, n));
	free(fill);
}

static void
put_field(struct dca_out *o, enum kind kind, size_t max, enum wrong wrong)
{
	static const uint8_t not_utf8[] = { 0x62, 0xc3, 0x28 };

	switch (wrong) {
	case LONGER:
		put_filled(o, kind, max + 1);
		return;
	case OTHER_TYPE:
		dca_cbor_null(o);
		return;
	case NEGATIVE:
		dca_cbor_int(o, -1);
		return;
	case NOT_UTF8:
		dca_out_add(o, not_utf8, sizeof(not_utf8));
		return;
	case NESTED:
		for (int i = 0; i < 2000; i++)
			dca_cbor_array(o, 1);
		dca_cbor_null(o);
		return;
	case TAGGED:
		dca_cbor_tag(o, 2);
		break;
	default:
		break;
	}
	if (kind == UINT)
		dca_cbor_uint(o, 1);
	else
		put_filled(o, kind, max > 4 ? 4 : max);
}

/* n fields; field at is wrong. */
static void
put_message(struct dca_out *o, const struct row *row, size_t n, size_t at,
    enum wrong wrong)
{
	o->n = 0;
	dca_cbor_array(o, 2 + n);
	dca_cbor_uint(o, row->type);
	dca_cbor_uint(o, 5);
	for (size_t i = 0; i < n; i++)
		put_field(o, row->f[i].kind ? row->f[i].kind : BYTES,
		    row->f[i].kind ? row->f[i].max : 4,
		    i == at ? wrong : NOTHING);
}

static bool
applies(const struct row *row, size_t at, enum wrong wrong)
{
	return wrong != LONGER || row->f[at].kind != UINT;
}

/* Of the front's own types: right once, then wrong in every way. */
static void
own_type(const struct row *row)
{
	const size_t n = fields_of(row);
	struct dca_out p = { 0 };
	int fd = front_connect();

	put_message(&p, row, n, n, NOTHING);
	assert_false(closed_by(fd, dca_out_buf(&p))); /* refused, answered */
	assert_int_equal(close(fd), 0);
	for (size_t cut = 1; cut < p.n; cut++) {
		struct dca_out part = { 0 };

		dca_out_add(&part, p.p, cut);
		must_close(&part);
		dca_out_free(&part);
	}
	dca_out_add(&p, "", 1);
	must_close(&p);
	put_message(&p, row, n - 1, n, NOTHING);
	must_close(&p);
	put_message(&p, row, n + 1, n + 1, NOTHING);
	must_close(&p);
	for (size_t at = 0; at < n; at++)
		for (int wrong = LONGER; wrong < WRONGS; wrong++) {
			if (!applies(row, at, (enum wrong)wrong))
				continue;
			put_message(&p, row, n, at, (enum wrong)wrong);
			must_close(&p);
		}
	dca_out_free(&p);
}

static void
other_type(const struct row *row)
{
	struct dca_out p = { 0 };

	put_message(&p, row, fields_of(row), DCA_FIELDS_MAX, NOTHING);
	must_close(&p);
	dca_out_free(&p);
}

void
test_malformed(void **state)
{
	struct dca_out before = { 0 }, p = { 0 };
	static uint8_t huge[DCA_MESSAGE_MAX + 1];
	unsigned own = 0;

	(void)state;
	snapshot(&before);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].role == DCA_ROLE_FRONT) {
			own_type(&rows[i]);
			own++;
		} else {
			other_type(&rows[i]);
		}
	assert_int_equal(own, 6);
	/* more than any message: as noise, and as a type that exists */
	dca_out_add(&p, huge, sizeof(huge));
	must_close(&p);
	p.n = 0;
	dca_cbor_array(&p, 3);
	dca_cbor_uint(&p, DCA_MSG_CRTS);
	dca_cbor_uint(&p, 1);
	dca_cbor_bytes(&p, DCA_BUF(huge, sizeof(huge)));
	must_close(&p);
	unchanged(&before);
	dca_out_free(&p);
	dca_out_free(&before);
}

/* --- honest packets with a few octets changed --- */

static uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* An act of alice's that would suspend acme: under a number used long ago, so
 * that the packet as it is changes nothing. */
static void
record_act(struct dca_out *o)
{
	struct lab_signer s = { .op = "alice", .key = lab.admin_key,
		.seq = 1 };
	struct dca_message m = { .type = DCA_MSG_ACT, .id = 1, .n = 2 };
	struct dca_out cose = { 0 };

	put_map(&args, 1);
	put_text(&args, "id", "acme");
	sign_act(&cose, &s, "customer.suspend", &args);
	m.f[0].b = dca_out_buf(&lab.admin_cert);
	m.f[1].b = dca_out_buf(&cose);
	dca_message_encode(o, &m);
	dca_out_free(&cose);
}

static void
record_issue(struct dca_out *o)
{
	struct dca_message m = { .type = DCA_MSG_ISSUE, .id = 1, .n = 4 };
	struct dca_out csr = { 0 };

	lab_csr(&csr, front_key, "12025550100", "c1:AAAA");
	m.f[1].b = dca_out_buf(&acme_cert);
	m.f[2].b = dca_out_buf(&csr);
	m.f[3].b = DCA_BUF("[::1]:5684", 10);
	dca_message_encode(o, &m);
	dca_out_free(&csr);
}

static void
record_read(struct dca_out *o)
{
	struct dca_message m = { .type = DCA_MSG_READ, .id = 1, .n = 3 };

	m.f[0].b = dca_out_buf(&lab.admin_cert);
	m.f[1].b = DCA_BUF("certificates", 12);
	m.f[2].b = DCA_BUF("customer=acme&from=1", 20);
	dca_message_encode(o, &m);
}

static void
mutate(const struct dca_out *packet, uint32_t *seed, unsigned *closed)
{
	struct dca_out p = { 0 };
	int fd = front_connect();

	dca_out_add(&p, packet->p, packet->n);
	for (unsigned k = 1 + next_random(seed) % 3; k; k--)
		p.p[next_random(seed) % p.n] ^=
		    (uint8_t)(1 + next_random(seed) % 255);
	*closed += closed_by(fd, dca_out_buf(&p));
	assert_int_equal(close(fd), 0);
	dca_out_free(&p);
}

void
test_mutated(void **state)
{
	enum { ROUNDS = 500 };
	struct dca_out before = { 0 }, packets[3] = { { 0 } };
	uint32_t seed = 20261123;
	unsigned closed = 0;

	(void)state;
	record_act(&packets[0]);
	record_issue(&packets[1]);
	record_read(&packets[2]);
	snapshot(&before);
	for (int i = 0; i < ROUNDS; i++)
		for (size_t k = 0; k < 3; k++)
			mutate(&packets[k], &seed, &closed);
	unchanged(&before);
	print_message("mutated: %u of %u closed, the others answered\n",
	    closed, 3 * ROUNDS);
	for (size_t k = 0; k < 3; k++)
		dca_out_free(&packets[k]);
	dca_out_free(&before);
}
