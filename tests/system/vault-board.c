/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looks after the box and the vault: reports, beats, events, commands,
 * and who may send them. The token is SoftHSM behind tests/fault.
 * usage: vault-board PATH-OF-DCA-VAULT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/store.h"
#include "fault.h"
#include "vault-board.h"

struct lab lab;
struct reply r;
struct dca_out args;
const char *program;

/* --- asking --- */

void
is_data(unsigned code)
{
	if (r.m.type != DCA_MSG_DATA)
		fail_msg("%s: %s", dca_problem(r.e.rule)->id, r.e.text);
	assert_int_equal(r.m.f[0].u, code);
	assert_true(dca_cbor_check(r.m.f[2].b));
}

void
is_problem(enum dca_rule rule)
{
	if (r.m.type != DCA_MSG_PROBLEM)
		fail_msg("%s instead of %s", dca_message_name(r.m.type),
		    dca_problem(rule)->id);
	if (r.e.rule != rule)
		fail_msg("%s (%s) instead of %s", dca_problem(r.e.rule)->id,
		    r.e.text, dca_problem(rule)->id);
}

static struct dca_cbor
find(const char *key)
{
	struct dca_cbor c;

	if (!dca_cbor_find(r.m.f[2].b, key, &c))
		fail_msg("no %s in the answer", key);
	return c;
}

static bool
flag_of(const char *key)
{
	struct dca_cbor c = find(key);
	bool b = false;

	assert_true(dca_cbor_take_bool(&c, &b));
	return b;
}

const char *
text_of(const char *key)
{
	static char text[400];
	struct dca_cbor c = find(key);

	assert_true(dca_cbor_take_text(&c, text, sizeof(text)));
	return text;
}

uint64_t
uint_of(const char *key)
{
	struct dca_cbor c = find(key);
	uint64_t u = 0;

	assert_true(dca_cbor_take_uint(&c, &u));
	return u;
}

void
read_local(const char *path)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_READ, .id = 2, .n = 2 };

	m.f[0].b = DCA_BUF(path, strlen(path));
	lab_ask(&r, lab.admin, &m);
	is_data(205);
}

uint64_t
last_row(void)
{
	struct dca_cbor c;
	uint64_t seq = 0;

	read_local("status");
	assert_true(dca_cbor_find(r.m.f[2].b, "ledger", &c));
	assert_true(dca_cbor_find(c.in, "seq", &c));
	assert_true(dca_cbor_take_uint(&c, &seq));
	return seq;
}

/* --- the board --- */

int
board_connect(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = 30 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	(void)dca_strlcpy(a.sun_path, lab.board, sizeof(a.sun_path));
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
	    sizeof(wait)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
board_send(int fd, const struct dca_message *m)
{
	struct dca_out p = { 0 };

	dca_message_encode(&p, m);
	assert_int_equal(send(fd, p.p, p.n, MSG_NOSIGNAL), p.n);
	dca_out_free(&p);
}

void
board_receive(int fd, struct reply *got)
{
	static uint8_t buf[DCA_MESSAGE_MAX];
	struct dca_err e = { 0 };
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	assert_true(n > 0);
	reply_clear(got);
	dca_out_add(&got->packet, buf, (size_t)n);
	if (dca_message_parse(&got->m, dca_out_buf(&got->packet),
	    DCA_ROLE_VAULT, &e) != DCA_OK)
		fail_msg("%s", e.text);
	if (got->m.type == DCA_MSG_PROBLEM)
		dca_problem_message(&got->e, &got->m);
}

static void
report(int fd, struct dca_buf map)
{
	struct dca_message m = { .type = DCA_MSG_REPORT, .id = 20, .n = 1 };

	m.f[0].b = map;
	board_send(fd, &m);
	board_receive(fd, &r);
}

/* { slot: a, board: lab } */
void
board_report(int fd)
{
	struct dca_out o = { 0 };

	put_map(&o, 2);
	put_text(&o, "slot", "a");
	put_text(&o, "board", "lab");
	report(fd, dca_out_buf(&o));
	is_data(204);
	dca_out_free(&o);
}

static void
send_beat(int fd, uint64_t deep)
{
	struct dca_message m = { .type = DCA_MSG_BEAT, .id = 21, .n = 1 };

	m.f[0].u = deep;
	board_send(fd, &m);
}

void
beat(int fd, uint64_t deep)
{
	send_beat(fd, deep);
	board_receive(fd, &r);
	assert_int_equal(r.m.id, 21);
}

static void
event(int fd, const char *name, const char *text)
{
	struct dca_message m = { .type = DCA_MSG_EVENT, .id = 22, .n = 2 };

	m.f[0].b = DCA_BUF(name, strlen(name));
	m.f[1].b = DCA_BUF(text, strlen(text));
	board_send(fd, &m);
	board_receive(fd, &r);
}

/* --- reports --- */

static void
board_is_null(void)
{
	struct dca_cbor c;

	for (int i = 0; i < 100; i++) {
		read_local("status");
		c = find("board");
		if (dca_cbor_take_null(&c))
			return;
		(void)usleep(50000);
	}
	fail_msg("the report of who is gone stays");
}

static void
test_report(void **state)
{
	static const char *const bad[] = {
		"\x01",				/* no map */
		"\xa1\x01\x02",			/* a key that is no text */
		"\xa1\x64slot\x01",		/* of another type */
		"\xa1\x68security\x61x",
		"\xa2\x62zz\x01\x61z\x01",	/* keys out of order */
		"\xa1\x64slot\x61\x61\x01",	/* octets after it */
	};
	int fd = board_connect(), other;
	struct dca_cbor c;

	(void)state;
	board_is_null();	/* connected, and said nothing yet */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		report(fd, DCA_BUF(bad[i], strlen(bad[i])));
		is_problem(DCA_RULE_MESSAGE);
	}
	board_report(fd);
	read_local("status");
	c = find("board");
	assert_true(dca_cbor_find(c.in, "slot", &c));
	assert_true(dca_cbor_find(find("board").in, "board", &c));
	read_local("board");
	assert_string_equal(text_of("slot"), "a");
	assert_string_equal(text_of("board"), "lab");
	/* who reports last is the board; the other one goes, this one stays */
	other = board_connect();
	board_report(other);
	assert_int_equal(close(fd), 0);
	(void)usleep(200000);
	read_local("board");
	assert_string_equal(text_of("slot"), "a");
	assert_int_equal(close(other), 0);
	board_is_null();
}

/* --- beats --- */

static void
test_beat_new(void **state)
{
	int fd = board_connect();
	struct dca_cbor c;

	(void)state;
	lab_wait_state(&lab, "no-cross-certificate");
	for (uint64_t deep = 0; deep < 2; deep++) {
		beat(fd, deep);
		is_data(205);
		assert_true(flag_of("healthy"));
		assert_string_equal(text_of("state"), "no-cross-certificate");
		assert_string_equal(text_of("why"), "");
		assert_false(flag_of("front"));
		assert_int_equal(uint_of("operators"), 0);
		assert_int_equal(uint_of("ledger"), 1);
		assert_in_range(uint_of("time"), dca_now() - 60, dca_now());
		c = find("claim");
		assert_int_equal(dca_cbor_peek(&c), CLAIM_TYPE);
	}
	beat(fd, 2);
	is_problem(DCA_RULE_MESSAGE);
	assert_int_equal(close(fd), 0);
}

static void
test_beat_operational(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = board_connect(), front;

	(void)state;
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr),
	    dca_out_buf(&lab.cross));
	is_data(204);
	lab_wait_state(&lab, "operational");
	beat(fd, 1);
	is_data(205);
	assert_true(flag_of("healthy"));
	assert_string_equal(text_of("state"), "operational");
	assert_int_equal(uint_of("ledger"), 2);
	front = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	(void)dca_strlcpy(a.sun_path, lab.front, sizeof(a.sun_path));
	assert_int_equal(connect(front, (struct sockaddr *)&a, sizeof(a)), 0);
	for (int i = 0; i < 100 && !(beat(fd, 0), flag_of("front")); i++)
		(void)usleep(20000);
	assert_true(flag_of("front"));
	assert_int_equal(close(front), 0);
	/* many at once are one test and as many answers */
	for (int i = 0; i < 8; i++)
		send_beat(fd, 1);
	for (int i = 0; i < 8; i++) {
		board_receive(fd, &r);
		is_data(205);
		assert_true(flag_of("healthy"));
	}
	assert_int_equal(close(fd), 0);
}

static void
restart(const char *options, const char *want)
{
	lab_stop(&lab);
	lab_start(&lab, program, options);
	lab_wait_state(&lab, want);
}

/* A token that hangs, lies or is away: said within patience, nothing stalls,
 * and well again when it is. */
static void
test_beat_token(void **state)
{
	int fd;
	int64_t start;

	(void)state;
	lab.module = FAULT_PATH;
	lab.token_options = "patience = 2s";
	fault_write(lab.control, NULL);
	restart("workers = 1", "operational");
	fd = board_connect();
	beat(fd, 1);
	assert_true(flag_of("healthy"));
	fault_write(lab.control, "C_Sign 0 -1 0 hang");
	start = dca_now();
	send_beat(fd, 1);
	(void)usleep(300000);
	beat(fd, 0);	/* the loop answers meanwhile */
	assert_true(flag_of("healthy"));
	board_receive(fd, &r);
	is_data(205);
	assert_false(flag_of("healthy"));
	assert_non_null(strstr(text_of("why"), "has not answered"));
	assert_in_range(dca_now() - start, 1, 5);
	beat(fd, 1);	/* the call before still hangs */
	assert_false(flag_of("healthy"));
	fault_write(lab.control, NULL);
	for (int i = 0; i < 100; i++) {
		beat(fd, 1);
		if (flag_of("healthy"))
			break;
		(void)usleep(100000);
	}
	assert_true(flag_of("healthy"));
	/* gone: with a cross-certificate that is not well */
	fault_write(lab.control, "token gone");
	beat(fd, 1);
	assert_false(flag_of("healthy"));
	lab_wait_state(&lab, "no-token");
	beat(fd, 1);
	assert_false(flag_of("healthy"));
	assert_string_equal(text_of("state"), "no-token");
	fault_write(lab.control, NULL);
	lab_wait_state(&lab, "operational");
	beat(fd, 1);
	assert_true(flag_of("healthy"));
	assert_int_equal(close(fd), 0);
	lab.token_options = NULL;
	lab.module = NULL;
	restart("workers = 1", "operational");
}

/* Somebody changed a row while the vault did not run. */
static void
test_beat_ledger(void **state)
{
	static const char *const sql[] = {
		"DROP TRIGGER ledger_update;"
		"UPDATE ledger SET actor = 'vaulx' WHERE seq = 1",
		"UPDATE ledger SET actor = 'vault' WHERE seq = 1;"
		"CREATE TRIGGER ledger_update BEFORE UPDATE ON ledger BEGIN"
		" SELECT RAISE(ABORT, 'the ledger is append-only'); END",
	};
	char command[512];
	int fd;

	(void)state;
	for (int i = 0; i < 2; i++) {
		lab_stop(&lab);
		(void)snprintf(command, sizeof(command), "sqlite3 "
		    "%s/var/lib/dca/vault/store.db \"%s\"", lab.prefix,
		    sql[i]);
		assert_int_equal(system(command), 0);
		lab_start(&lab, program, "workers = 1");
		lab_wait_state(&lab, "operational");
		fd = board_connect();
		beat(fd, 1);
		is_data(205);
		assert_int_equal(flag_of("healthy"), i == 1);
		if (i == 0)
			assert_non_null(strstr(text_of("why"), "row 1"));
		assert_int_equal(close(fd), 0);
	}
}

/* --- events --- */

struct seen {
	unsigned events, counted;
	char last[400], actor[32];
};

static enum dca_rc
see(const struct dca_row *row, void *arg, struct dca_err *e)
{
	struct seen *s = arg;
	struct dca_cbor c;
	uint64_t n = 0;

	(void)e;
	if (strcmp(row->kind, "board") != 0)
		return DCA_OK;
	(void)dca_strlcpy(s->actor, row->actor, sizeof(s->actor));
	assert_true(dca_cbor_check(row->body));
	if (dca_cbor_find(row->body, "count", &c)) {
		assert_true(dca_cbor_take_uint(&c, &n));
		s->counted += (unsigned)n;
		return DCA_OK;
	}
	s->events++;
	assert_true(dca_cbor_find(row->body, "event", &c));
	assert_true(dca_cbor_find(row->body, "text", &c));
	assert_true(dca_cbor_take_text(&c, s->last, sizeof(s->last)));
	return DCA_OK;
}

static void
look(struct seen *s)
{
	struct dca_store *store = NULL;
	struct dca_err e = { 0 };
	char path[128];

	memset(s, 0, sizeof(*s));
	(void)snprintf(path, sizeof(path), "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&store, path, true, &e) != DCA_OK ||
	    dca_store_walk(store, 1, see, s, &e) != DCA_OK)
		fail_msg("%s", e.text);
	dca_store_close(store);
}

static void
test_events(void **state)
{
	static const char *const bad[] = { "", "UPPER", "two words", "a.b" };
	int fd = board_connect();
	struct seen s;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		event(fd, bad[i], "x");
		is_problem(DCA_RULE_MESSAGE);
	}
	event(fd, "tamper", "the lid is open");
	is_data(204);
	look(&s);	/* the answer came after the commit */
	assert_int_equal(s.events, 1);
	assert_string_equal(s.last, "the lid is open");
	assert_string_equal(s.actor, "board");
	for (int i = 0; i < 99; i++) {
		event(fd, "noise", "again");
		is_data(204);
	}
	look(&s);
	assert_int_equal(s.events, 60);
	assert_int_equal(s.counted, 0);
	assert_int_equal(close(fd), 0);
	/* what was counted is a row at the end of the minute, or of the run */
	restart("workers = 1", "operational");
	look(&s);
	assert_int_equal(s.events, 60);
	assert_int_equal(s.counted, 40);
}

/* --- who may --- */

static int
as_nobody(void)
{
	int fd;

	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 3;
	fd = board_connect();
	report(fd, DCA_BUF("\xa0", 1));
	if (r.m.type != DCA_MSG_PROBLEM || r.e.rule != DCA_RULE_AUTH_LOCAL)
		return 1;
	beat(fd, 1);
	if (r.m.type != DCA_MSG_PROBLEM || r.e.rule != DCA_RULE_AUTH_LOCAL)
		return 1;
	event(fd, "tamper", "a lie");
	return r.m.type != DCA_MSG_PROBLEM || r.e.rule != DCA_RULE_AUTH_LOCAL;
}

static void
test_root_only(void **state)
{
	char path[128];
	int status = 0;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can become somebody else */
	for (const char *const *d = (const char *const[]){ "", "/run",
	    "/run/dca", NULL }; *d; d++) {
		(void)snprintf(path, sizeof(path), "%s%s", lab.prefix, *d);
		assert_int_equal(chmod(path, 0755), 0);
	}
	assert_int_equal(chmod(lab.board, 0666), 0);
	child = fork();
	if (child == 0)
		_exit(as_nobody());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(chmod(lab.board, 0600), 0);
}

/* What a pinned key of a customer without numbers is told. */
static void
ask(EVP_PKEY *key)
{
	struct dca_out peer = { 0 }, csr = { 0 };

	lab_client(&peer, key);
	lab_csr(&csr, key, NULL, NULL);
	lab_issue(&lab, &r, &peer, &csr);
	dca_out_free(&peer);
	dca_out_free(&csr);
}

/* [clock] trust = kernel: as this kernel says, in the jail and all. */
static void
test_clock(void **state)
{
	struct timex t = { .modes = 0 };
	EVP_PKEY *key = lab_key();
	struct dca_spki k = lab_spki(key);
	bool wrong;
	int fd;

	(void)state;
	put_map(&args, 3);
	put_text(&args, "id", "acme");
	put_text(&args, "name", "Acme");
	put_text(&args, "country", "US");
	lab_act(&lab, &r, "customer.add", &args);
	is_data(204);
	put_map(&args, 2);
	put_text(&args, "id", "acme");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	lab_act(&lab, &r, "customer.pin", &args);
	is_data(204);
	ask(key);
	is_problem(DCA_RULE_SCOPE_EMPTY);
	assert_true(clock_adjtime(CLOCK_REALTIME, &t) >= 0);
	wrong = (t.status & STA_UNSYNC) != 0;
	print_message("this clock is %ssynchronised\n", wrong ? "not " : "");
	lab.token_options = "[clock]\ntrust = kernel";
	restart("workers = 1", wrong ? "clock" : "operational");
	fd = board_connect();
	beat(fd, 1);
	is_data(205);
	assert_int_equal(flag_of("healthy"), !wrong);
	assert_string_equal(text_of("why"), wrong ? "clock" : "");
	assert_int_equal(close(fd), 0);
	ask(key);
	is_problem(wrong ? DCA_RULE_CLOCK : DCA_RULE_SCOPE_EMPTY);
	if (wrong) {
		assert_int_equal(r.m.f[0].u, 503);
		assert_true(r.m.f[5].u >= 1);
		assert_non_null(strstr(r.e.text, "STA_UNSYNC"));
	}
	lab.token_options = NULL;
	restart("workers = 1", "operational");
	EVP_PKEY_free(key);
}

static int
format(void)
{
	char command[200], line[16] = "";
	FILE *p;

	(void)snprintf(command, sizeof(command), "sqlite3 "
	    "%s/var/lib/dca/vault/store.db 'PRAGMA user_version'", lab.prefix);
	p = popen(command, "r");
	assert_non_null(p);
	assert_non_null(fgets(line, sizeof(line), p));
	assert_int_equal(pclose(p), 0);
	return atoi(line);
}

/* While the image is on trial the store is as the image before has it; then
 * it is not, without a start. */
static void
test_hold(void **state)
{
	char path[160], command[400];
	struct dca_err e = { 0 };
	int fd;

	(void)state;
	lab_stop(&lab);
	assert_int_equal(format(), 4);
	(void)snprintf(command, sizeof(command), "sqlite3 "
	    "%s/var/lib/dca/vault/store.db "
	    "'DROP INDEX ledger_board; PRAGMA user_version = 3'", lab.prefix);
	assert_int_equal(system(command), 0);
	(void)snprintf(path, sizeof(path), "%s/run/dca-board", lab.prefix);
	assert_int_equal(dca_file_mkdir(path, 0755, &e), DCA_OK);
	(void)snprintf(path, sizeof(path), "%s/run/dca-board/trial",
	    lab.prefix);
	assert_int_equal(dca_file_write(path, DCA_BUF("", 0), 0644, &e),
	    DCA_OK);
	lab_start(&lab, program, "workers = 1");
	lab_wait_state(&lab, "operational");
	fd = board_connect();
	event(fd, "started", "1.2.3 a");
	is_data(204);
	beat(fd, 1);
	assert_true(flag_of("healthy"));
	(void)usleep(6000000);	/* it looks every 5 s */
	assert_int_equal(format(), 3);
	read_local("events");
	assert_int_equal(unlink(path), 0);
	for (int i = 0; i < 100 && format() != 4; i++)
		(void)usleep(100000);
	assert_int_equal(format(), 4);
	event(fd, "update-good", "1.2.3");
	is_data(204);
	read_local("events");
	assert_int_equal(close(fd), 0);
}

static void
count(const struct dca_operator_audit *a, void *arg)
{
	++*(unsigned *)arg;
	assert_true(a->acts + a->approved > 0);
	assert_string_equal(a->op.role, "admin");
}

/* What all of this left is what the ledger says; the first admin is the one
 * that claimed. */
static void
test_verifies(void **state)
{
	struct dca_store *store = NULL;
	struct dca_err e = { 0 };
	uint64_t rows = 0;
	unsigned seen = 0;
	char path[128];

	(void)state;
	lab_stop(&lab);
	(void)snprintf(path, sizeof(path), "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&store, path, true, &e) != DCA_OK ||
	    dca_store_verify_operators(store, &rows, count, &seen, &e) !=
	    DCA_OK)
		fail_msg("%s", e.text);
	assert_int_equal(seen, 2);
	dca_store_close(store);
}

static int
setup(void **state)
{
	(void)state;
	lab_start(&lab, program, "workers = 1");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lab_close(&lab);
	dca_out_free(&args);
	reply_clear(&r);
	return 0;
}

int
main(int argc, char **argv)
{
	/* in this order */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_beat_new),
		cmocka_unit_test(test_beat_operational),
		cmocka_unit_test(test_beat_token),
		cmocka_unit_test(test_beat_ledger),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_root_only),
		cmocka_unit_test(test_claim_refused),
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_no_board),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_reset_by_two),
		cmocka_unit_test(test_verifies),
	};
	int rc;

	if (argc != 2)
		return 2;
	program = argv[1];
	dca_log_init("vault-board", DCA_ERR);
	rc = lab_open(&lab, program);
	return rc ? rc : cmocka_run_group_tests(tests, setup, teardown);
}
