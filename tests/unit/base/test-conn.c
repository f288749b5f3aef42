/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local sockets over the real kernel: what passes, what closes a connection,
 * and that nothing a peer does hurts anybody but itself. Raw sockets play the
 * hostile peers.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/os.h"

static char dir[64], path[96];

/* A server in the same loop as its clients. */
static struct {
	struct dca_loop *loop;
	struct dca_listener *listener;
	unsigned opened, closed, messages;
	size_t last_size;
	uid_t uid;
	struct dca_conn *last;
	bool answer, close_on_message, close_on_open, pause;
	unsigned stop_after_closed;
} srv;

static struct {
	unsigned messages, closed;
	size_t octets;
	unsigned stop_after;
} cli;

static void
srv_opened(struct dca_conn *c, void *arg)
{
	(void)arg;
	srv.opened++;
	srv.last = c;
	srv.uid = dca_conn_uid(c);
	dca_conn_set_data(c, &srv);
	if (srv.close_on_open)
		dca_conn_close(c);
	else if (srv.pause)
		dca_conn_pause(c, true);
}

static void
srv_message(struct dca_conn *c, const struct dca_message *m, void *arg)
{
	static uint8_t big[DCA_MESSAGE_MAX - 256];
	struct dca_message data = { .type = DCA_MSG_DATA, .id = m->id, .n = 3,
		.f = { { .u = 205 }, { .u = 60 }, { .b = { big, sizeof(big) } } } };
	DCA_AUTO_OUT o = { 0 };

	(void)arg;
	assert_ptr_equal(dca_conn_data(c), &srv);
	srv.messages++;
	srv.last_size = m->f[0].b.n;
	if (srv.answer) {
		dca_message_encode(&o, &data);
		assert_true(dca_conn_send(c, dca_out_buf(&o)));
	}
	if (srv.close_on_message)
		dca_conn_close(c);
}

static void
srv_closed(struct dca_conn *c, void *arg)
{
	(void)arg;
	/* closing again inside closed() does nothing */
	dca_conn_close(c);
	assert_false(dca_conn_send(c, DCA_BUF("x", 1)));
	srv.closed++;
	if (srv.closed == srv.stop_after_closed)
		dca_loop_stop(srv.loop);
}

static void
cli_message(struct dca_conn *c, const struct dca_message *m, void *arg)
{
	(void)c;
	(void)arg;
	cli.messages++;
	cli.octets += m->f[2].b.n;
	if (cli.messages == cli.stop_after)
		dca_loop_stop(srv.loop);
}

static void
cli_closed(struct dca_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	cli.closed++;
}

static void
timeout(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
	fail_msg("nothing happened for 20 s");
}

static void
stop(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
	dca_loop_stop(srv.loop);
}

static const struct dca_conn_handlers srv_h = { .message = srv_message,
	.closed = srv_closed, .opened = srv_opened };
static const struct dca_conn_handlers cli_h = { .message = cli_message,
	.closed = cli_closed };

static int
setup(void **state)
{
	struct dca_err e = { 0 };

	(void)state;
	strcpy(dir, "/tmp/dca-conn-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s.sock", dir);
	memset(&srv, 0, sizeof(srv));
	memset(&cli, 0, sizeof(cli));
	srv.loop = dca_loop_new();
	dca_loop_every(srv.loop, 20000, timeout, NULL);
	if (dca_listen(&srv.listener, srv.loop, path, DCA_ROLE_FRONT, 3, &srv_h,
		&e) != DCA_OK)
		fail_msg("%s", e.text);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dca_listener_close(srv.listener);
	dca_loop_free(srv.loop);
	assert_int_not_equal(access(path, F_OK), 0);
	return rmdir(dir);
}

static int
raw(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(dca_strlcpy(a.sun_path, path, sizeof(a.sun_path)));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
crts(struct dca_out *o, size_t n)
{
	static uint8_t peer[DCA_CSR_MAX * 4];
	struct dca_message m = { .type = DCA_MSG_CRTS, .id = 1, .n = 1,
		.f = { { .b = { peer, n } } } };

	dca_message_encode(o, &m);
}

/* Largest messages both ways, many of them. */
static void
both_ways(void **state)
{
	struct dca_conn *c = NULL;
	struct dca_err e = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	srv.answer = true;
	cli.stop_after = 20;
	assert_int_equal(dca_connect(&c, srv.loop, path, &cli_h, &e), DCA_OK);
	for (int i = 0; i < 20; i++) {
		DCA_AUTO_OUT o = { 0 };

		crts(&o, DCA_CSR_MAX * 4);
		assert_true(dca_conn_send(c, dca_out_buf(&o)));
	}
	dca_loop_run(srv.loop);
	assert_int_equal(srv.messages, 20);
	assert_int_equal(srv.last_size, DCA_CSR_MAX * 4);
	assert_int_equal(cli.messages, 20);
	assert_int_equal(cli.octets, 20 * (DCA_MESSAGE_MAX - 256));
	assert_int_equal(srv.uid, getuid());
	dca_conn_close(c);
	assert_int_equal(cli.closed, 1);
}

/* Each of these costs the peer its connection and nothing else. */
static void
hostile(void **state)
{
	static const uint8_t rubbish[] = { 0xff, 0x00 };
	uint8_t *big = calloc(1, DCA_MESSAGE_MAX + 1);
	DCA_AUTO_OUT wrong_role = { 0 };
	struct dca_message follow = { .type = DCA_MSG_FOLLOW, .n = 1 };
	int pass[1], none = open("/dev/null", 0);
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { NULL, 0 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&h);
	DCA_AUTO_OUT good = { 0 };

	(void)state;
	dca_message_encode(&wrong_role, &follow);
	crts(&good, 5);
	for (int i = 0; i < 5; i++) {
		int fd = raw();

		srv.stop_after_closed = srv.closed + 1;
		switch (i) {
		case 0:
			assert_true(send(fd, rubbish, 2, 0) == 2);
			break;
		case 1:
			assert_true(send(fd, wrong_role.p, wrong_role.n, 0) > 0);
			break;
		case 2:	/* longer than a message may be: cut on receipt */
			assert_true(send(fd, big, DCA_MESSAGE_MAX + 1, 0) > 0);
			break;
		case 3:	/* descriptors are not taken */
			iov = (struct iovec){ good.p, good.n };
			cm->cmsg_level = SOL_SOCKET;
			cm->cmsg_type = SCM_RIGHTS;
			cm->cmsg_len = CMSG_LEN(sizeof(int));
			pass[0] = none;
			memcpy(CMSG_DATA(cm), pass, sizeof(int));
			assert_true(sendmsg(fd, &h, 0) > 0);
			break;
		default:	/* a message, then gone without reading */
			assert_true(send(fd, good.p, good.n, 0) > 0);
			srv.answer = true;
			close(fd);
			fd = -1;
		}
		dca_loop_run(srv.loop);
		assert_int_equal(srv.closed, (unsigned)i + 1);
		if (fd >= 0)
			close(fd);
	}
	assert_int_equal(srv.messages, 1);
	free(big);
	close(none);
}

static void
close_inside(void **state)
{
	DCA_AUTO_OUT o = { 0 };
	int fd;

	(void)state;
	crts(&o, 5);
	srv.close_on_message = true;
	srv.stop_after_closed = 1;
	fd = raw();
	/* two at once: the second meets a connection that is closed */
	assert_true(send(fd, o.p, o.n, 0) > 0);
	assert_true(send(fd, o.p, o.n, 0) > 0);
	dca_loop_run(srv.loop);
	assert_int_equal(srv.messages, 1);
	close(fd);
	srv.close_on_open = true;
	srv.stop_after_closed = 2;
	fd = raw();
	dca_loop_run(srv.loop);
	assert_int_equal(srv.opened, 2);
	close(fd);
}

/* A peer that does not read: 4 MiB, then false. And one gone while paused. */
static void
slow(void **state)
{
	int fd = raw(), sent = 0;
	DCA_AUTO_OUT o = { 0 };

	(void)state;
	srv.pause = true;
	srv.close_on_message = true;
	srv.stop_after_closed = 1;
	crts(&o, DCA_CSR_MAX * 4);
	assert_true(send(fd, o.p, o.n, 0) > 0);
	while (srv.opened == 0) {
		dca_loop_every(srv.loop, 1, stop, NULL);
		dca_loop_run(srv.loop);
	}
	while (dca_conn_send(srv.last, dca_out_buf(&o)))
		assert_true(++sent < 1000);
	assert_true(sent >= 4 * 1024 * 1024 / (int)o.n);
	assert_int_equal(srv.messages, 0);
	close(fd);
	while (srv.closed == 0)
		dca_loop_run(srv.loop);
	assert_int_equal(srv.messages, 0);
}

static void
too_many(void **state)
{
	int fd[4];
	char octet;

	(void)state;
	for (int i = 0; i < 4; i++)
		fd[i] = raw();
	dca_loop_every(srv.loop, 50, stop, NULL);
	dca_loop_run(srv.loop);
	assert_int_equal(srv.opened, 3);
	assert_int_equal(recv(fd[3], &octet, 1, MSG_DONTWAIT), 0);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
}

static void
paths(void **state)
{
	struct dca_listener *ls = NULL;
	struct dca_conn *c = NULL;
	struct dca_err e = { 0 };
	char other[200], *file;
	FILE *f;

	(void)state;
	memset(other, 'x', sizeof(other));
	other[150] = '\0';
	assert_int_equal(dca_listen(&ls, srv.loop, other, DCA_ROLE_FRONT, 1,
			     &srv_h, &e), DCA_IO);
	assert_non_null(strstr(e.text, "socket path too long"));
	assert_int_equal(dca_connect(&c, srv.loop, other, &cli_h, &e), DCA_IO);
	assert_non_null(strstr(e.text, "socket path too long"));
	assert_int_equal(dca_listen(&ls, srv.loop, path, DCA_ROLE_FRONT, 1,
			     &srv_h, &e), DCA_IO);
	assert_non_null(strstr(e.text, "another process listens"));
	assert_int_equal(dca_connect(&c, srv.loop, "/no/such.sock", &cli_h, &e),
	    DCA_BUSY);
	assert_int_equal(e.rule, DCA_RULE_VAULT_DOWN);
	/* a file that is no socket stays */
	snprintf(other, sizeof(other), "%s/file", dir);
	file = other;
	f = fopen(file, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(dca_listen(&ls, srv.loop, file, DCA_ROLE_FRONT, 1,
			     &srv_h, &e), DCA_IO);
	assert_non_null(strstr(e.text, "is no socket"));
	assert_int_equal(unlink(file), 0);
	/* the socket file of a process that died goes */
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	assert_true(dca_strlcpy(a.sun_path, file, sizeof(a.sun_path)));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	assert_int_equal(dca_listen(&ls, srv.loop, file, DCA_ROLE_FRONT, 1,
			     &srv_h, &e), DCA_OK);
	dca_listener_close(ls);
}

static void *
ask_thread(void *arg)
{
	struct dca_message q = { .type = DCA_MSG_CRTS, .id = 77, .n = 1 };
	struct dca_message m;
	DCA_AUTO_OUT reply = { 0 };
	struct dca_err e = { 0 };
	intptr_t rc = dca_ask(path, &q, &reply, &m, &e);

	(void)arg;
	if (rc == DCA_OK && (m.type != DCA_MSG_DATA || m.id != 77 ||
		m.f[2].b.n != DCA_MESSAGE_MAX - 256))
		rc = DCA_INTERNAL;
	return (void *)rc;
}

static void
asking(void **state)
{
	pthread_t t;
	void *rc;

	(void)state;
	srv.answer = true;
	srv.stop_after_closed = 1;
	assert_int_equal(pthread_create(&t, NULL, ask_thread, NULL), 0);
	dca_loop_run(srv.loop);
	assert_int_equal(pthread_join(t, &rc), 0);
	assert_int_equal((intptr_t)rc, DCA_OK);
	/* closed without an answer */
	srv.answer = false;
	srv.close_on_message = true;
	srv.stop_after_closed = 2;
	assert_int_equal(pthread_create(&t, NULL, ask_thread, NULL), 0);
	dca_loop_run(srv.loop);
	assert_int_equal(pthread_join(t, &rc), 0);
	assert_int_equal((intptr_t)rc, DCA_BUSY);
}

int
main(void)
{
#define EACH(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(both_ways),
		EACH(hostile),
		EACH(close_inside),
		EACH(slow),
		EACH(too_many),
		EACH(paths),
		EACH(asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
