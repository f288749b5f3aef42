/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets: hostile ones, many at once, the publisher's; restarts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/store.h"
#include "vault-tests.h"

/* --- packets --- */

int
raw_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	(void)dca_strlcpy(a.sun_path, path, sizeof(a.sun_path));
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
	    sizeof(wait)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
closes(const char *path, struct dca_buf packet)
{
	uint8_t buf[64];
	int fd = raw_connect(path);

	assert_int_equal(send(fd, packet.p, packet.n, MSG_NOSIGNAL), packet.n);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 0);
	assert_int_equal(close(fd), 0);
}

/* Of every type a role may send: cut, a field too many, of another role. */
void
test_hostile_packets(void **state)
{
	static const struct {
		enum dca_message_type type;
		size_t n;
		bool uint0;
		enum dca_role role;
	} types[] = {
		{ DCA_MSG_ISSUE, 4, true, DCA_ROLE_FRONT },
		{ DCA_MSG_CRTS, 1, false, DCA_ROLE_FRONT },
		{ DCA_MSG_ATT, 1, false, DCA_ROLE_FRONT },
		{ DCA_MSG_READ, 3, false, DCA_ROLE_FRONT },
		{ DCA_MSG_ACT, 2, false, DCA_ROLE_FRONT },
		{ DCA_MSG_CHECK, 3, false, DCA_ROLE_FRONT },
		{ DCA_MSG_FOLLOW, 1, true, DCA_ROLE_PUBLISHER },
		{ DCA_MSG_PUBLISHED, 2, true, DCA_ROLE_PUBLISHER },
		{ DCA_MSG_UNPUBLISHED, 3, true, DCA_ROLE_PUBLISHER },
		{ DCA_MSG_ORDERS, 1, true, DCA_ROLE_UPSTREAM },
		{ DCA_MSG_STEP, 4, true, DCA_ROLE_UPSTREAM },
		{ DCA_MSG_ORDERED, 4, true, DCA_ROLE_UPSTREAM },
		{ DCA_MSG_REVOKED, 2, false, DCA_ROLE_UPSTREAM },
		{ DCA_MSG_REPORT, 1, false, DCA_ROLE_BOARD },
		{ DCA_MSG_BEAT, 1, true, DCA_ROLE_BOARD },
		{ DCA_MSG_EVENT, 2, false, DCA_ROLE_BOARD },
		{ DCA_MSG_LOCAL_ACT, 1, false, DCA_ROLE_ADMIN },
		{ DCA_MSG_LOCAL_READ, 2, false, DCA_ROLE_ADMIN },
		{ DCA_MSG_INSTALL, 3, false, DCA_ROLE_ADMIN },
	};
	const char *sockets[] = { [DCA_ROLE_FRONT] = lab.front,
		[DCA_ROLE_PUBLISHER] = lab.publisher,
		[DCA_ROLE_ADMIN] = lab.admin,
		[DCA_ROLE_UPSTREAM] = lab.upstream,
		[DCA_ROLE_BOARD] = lab.board };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const char *own = sockets[types[i].role];
		struct dca_message m = { .type = types[i].type, .id = 1,
			.n = types[i].n };
		struct dca_out p = { 0 };

		dca_message_encode(&p, &m);
		for (size_t cut = 1; cut < p.n; cut++)
			closes(own, DCA_BUF(p.p, cut));
		dca_out_add(&p, "", 1);
		closes(own, dca_out_buf(&p));
		p.n--;
		for (unsigned role = DCA_ROLE_FRONT; role < DCA_ROLES; role++)
			if (role != types[i].role)
				closes(sockets[role], dca_out_buf(&p));
		dca_out_free(&p);
	}
	lab_wait_state(&lab, "operational");
}

/* --- publisher --- */

void
receive(int fd, struct dca_message *m, uint8_t *buf, size_t cap)
{
	struct dca_err e = { 0 };
	ssize_t n = recv(fd, buf, cap, 0);

	assert_true(n > 0);
	if (dca_message_parse(m, DCA_BUF(buf, n), DCA_ROLE_VAULT, &e))
		fail_msg("%s", e.text);
}

void
send_message(int fd, const struct dca_message *m)
{
	struct dca_out p = { 0 };

	dca_message_encode(&p, m);
	assert_int_equal(send(fd, p.p, p.n, 0), p.n);
	dca_out_free(&p);
}

void
test_publisher(void **state)
{
	static uint8_t buf[DCA_MESSAGE_MAX];
	struct dca_message m = { .type = DCA_MSG_FOLLOW, .id = 1, .n = 1 };
	struct dca_message back = { .type = DCA_MSG_PUBLISHED, .id = 2,
		.n = 2 };
	uint64_t last = 0, known;
	int fd = raw_connect(lab.publisher);

	(void)state;
	lab_read(&lab, &r, &lab.admin_cert, "status", "");
	is_data(205);
	{
		struct dca_cbor c;

		assert_true(dca_cbor_find(r.m.f[2].b, "counts", &c));
		assert_true(dca_cbor_find(c.in, "certificates", &c));
		assert_true(dca_cbor_take_uint(&c, &known));
	}
	send_message(fd, &m);
	for (uint64_t i = 0; i < known; i++) {
		receive(fd, &m, buf, sizeof(buf));
		assert_int_equal(m.type, DCA_MSG_PUBLISH);
		assert_true(m.f[0].u > last);
		last = m.f[0].u;
		assert_true(dca_buf_eq(m.f[3].b, dca_out_buf(&lab.cross)));
	}
	/* a live one comes by itself */
	ask_for(pinned, "12025550102", NULL);
	is_issued(pinned, "12025550102");
	receive(fd, &m, buf, sizeof(buf));
	assert_true(m.f[0].u > last);
	assert_true(dca_buf_eq(m.f[1].b, r.m.f[0].b));
	assert_true(dca_buf_eq(m.f[2].b, r.m.f[1].b));
	back.f[0].u = m.f[0].u;
	back.f[1].b = m.f[1].b;
	send_message(fd, &back);
	back.type = DCA_MSG_UNPUBLISHED;
	back.n = 3;
	back.f[2].b = DCA_BUF("disk full", 9);
	send_message(fd, &back);
	lab_wait_state(&lab, "operational");
	assert_int_equal(close(fd), 0);
}

/* Nothing is lost and nothing is asked again of who comes back. */
void
test_restart(void **state)
{
	struct dca_out csr = { 0 };
	uint8_t serial[DCA_SERIAL_LEN];

	(void)state;
	lab_csr(&csr, pinned, "12025550103", NULL);
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550103");
	memcpy(serial, r.m.f[0].b.p, sizeof(serial));
	lab_stop(&lab);
	lab_start(&lab, program, "workers = 2\nqueue = 2");
	lab_wait_state(&lab, "operational");
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550103");
	assert_memory_equal(r.m.f[0].b.p, serial, sizeof(serial));
	dca_out_free(&csr);
}

/* Many at once with a queue of two: each is answered once, with its own
 * certificate or with the advice to come back. */
void
test_burst(void **state)
{
	enum { N = 40 };
	static uint8_t buf[DCA_MESSAGE_MAX];
	unsigned issued = 0, full = 0;
	bool seen[N] = { false };
	int fd = raw_connect(lab.front);

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		struct dca_message m = { .type = DCA_MSG_ISSUE, .id = i,
			.n = 4 };
		struct dca_out csr = { 0 };

		lab_csr(&csr, pinned, "12025550110", NULL);
		m.f[1].b = dca_out_buf(&pinned_cert);
		m.f[2].b = dca_out_buf(&csr);
		send_message(fd, &m);
		dca_out_free(&csr);
	}
	for (unsigned i = 0; i < N; i++) {
		struct dca_message m;

		receive(fd, &m, buf, sizeof(buf));
		assert_true(m.id < N && !seen[m.id]);
		seen[m.id] = true;
		if (m.type == DCA_MSG_ISSUED) {
			issued++;
			continue;
		}
		dca_problem_message(&r.e, &m);
		assert_int_equal(r.e.rule, DCA_RULE_QUEUE);
		assert_true(m.f[5].u >= 1);
		full++;
	}
	assert_true(issued > 0);
	print_message("burst: %u issued, %u told to come back\n", issued, full);
	assert_int_equal(close(fd), 0);
}

/* The same request, twice in flight: one certificate. */
void
test_twins(void **state)
{
	static uint8_t one[DCA_MESSAGE_MAX], two[DCA_MESSAGE_MAX];
	struct dca_message m = { .type = DCA_MSG_ISSUE, .id = 1, .n = 4 };
	struct dca_message a, b;
	struct dca_out csr = { 0 };
	int fd = raw_connect(lab.front);

	(void)state;
	lab_csr(&csr, pinned, "12025550111", NULL);
	m.f[1].b = dca_out_buf(&pinned_cert);
	m.f[2].b = dca_out_buf(&csr);
	send_message(fd, &m);
	m.id = 2;
	send_message(fd, &m);
	receive(fd, &a, one, sizeof(one));
	receive(fd, &b, two, sizeof(two));
	assert_int_equal(a.type, DCA_MSG_ISSUED);
	assert_int_equal(b.type, DCA_MSG_ISSUED);
	assert_true(a.id != b.id);
	assert_true(dca_buf_eq(a.f[0].b, b.f[0].b));
	assert_int_equal(close(fd), 0);
	dca_out_free(&csr);
}

void
test_wrong_pin(void **state)
{
	char path[128];
	struct dca_err e = { 0 };

	(void)state;
	lab_stop(&lab);
	(void)snprintf(path, sizeof(path), "%s/pin", lab.prefix);
	assert_int_equal(dca_file_write(path, DCA_BUF("9999\n", 5), 0600, &e),
	    DCA_OK);
	lab_start(&lab, program, "release = published");
	lab_wait_state(&lab, "no-token");
	(void)usleep(500000);
	ask_for(pinned, "12025550112", NULL);
	is_problem(DCA_RULE_TOKEN_PIN, "");
	assert_true(r.m.f[5].u >= 1);
	assert_int_equal(dca_file_write(path, DCA_BUF("1234\n", 5), 0600, &e),
	    DCA_OK);
	lab_stop(&lab);
	lab_start(&lab, program, "release = published");
	lab_wait_state(&lab, "operational");
}

/* release = published: the answer waits for the read-back. */
void
test_release_published(void **state)
{
	static uint8_t buf[DCA_MESSAGE_MAX], answer[DCA_MESSAGE_MAX];
	struct dca_message m = { .type = DCA_MSG_ISSUE, .id = 1, .n = 4 };
	struct dca_message note, follow = { .type = DCA_MSG_FOLLOW, .id = 1,
		.n = 1 };
	struct dca_message back = { .type = DCA_MSG_PUBLISHED, .id = 2,
		.n = 2 };
	struct dca_out csr = { 0 };
	unsigned again = 0;
	int fd = raw_connect(lab.front), pub = raw_connect(lab.publisher);

	(void)state;
	follow.f[0].u = UINT64_MAX / 4;
	lab_read(&lab, &r, &lab.admin_cert, "status", "");
	{
		struct dca_cbor c;

		assert_true(dca_cbor_find(r.m.f[2].b, "ledger", &c));
		assert_true(dca_cbor_find(c.in, "seq", &c));
		assert_true(dca_cbor_take_uint(&c, &follow.f[0].u));
		follow.f[0].u++;
	}
	send_message(pub, &follow);
	lab_csr(&csr, pinned, "12025550113", NULL);
	m.f[1].b = dca_out_buf(&pinned_cert);
	m.f[2].b = dca_out_buf(&csr);
	send_message(fd, &m);
	/* first, from below the position asked, what nobody reported */
	do {
		receive(pub, &note, buf, sizeof(buf));
		assert_int_equal(note.type, DCA_MSG_PUBLISH);
		again += note.f[0].u < follow.f[0].u;
	} while (note.f[0].u < follow.f[0].u);
	assert_true(again > 0);
	assert_int_equal(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), -1);
	back.f[0].u = note.f[0].u;
	back.f[1].b = note.f[1].b;
	send_message(pub, &back);
	receive(fd, &m, answer, sizeof(answer));
	assert_int_equal(m.type, DCA_MSG_ISSUED);
	assert_true(dca_buf_eq(m.f[0].b, note.f[1].b));
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(pub), 0);
	dca_out_free(&csr);
}

/* What all of this left behind is what the ledger says. */
void
test_ledger(void **state)
{
	struct dca_store *store = NULL;
	struct dca_err e = { 0 };
	uint64_t rows = 0;
	char path[128];

	(void)state;
	lab_stop(&lab);
	(void)snprintf(path, sizeof(path), "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&store, path, true, &e) ||
	    dca_store_verify(store, &rows, &e))
		fail_msg("%s", e.text);
	assert_true(rows > 30);
	dca_store_close(store);
}
