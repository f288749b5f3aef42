/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong around the vault: token, disk, publisher, strangers. The
 * token is SoftHSM behind tests/fault.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/store.h"
#include "fault.h"
#include "vault-tests.h"

static uint64_t
certificates(void)
{
	struct dca_cbor c;
	uint64_t n = 0;

	lab_read(&lab, &r, &lab.admin_cert, "status", "");
	is_data(205);
	assert_true(dca_cbor_find(r.m.f[2].b, "counts", &c));
	assert_true(dca_cbor_find(c.in, "certificates", &c));
	assert_true(dca_cbor_take_uint(&c, &n));
	return n;
}

static void
restart(const char *options, const char *state)
{
	if (lab.pid)
		lab_stop(&lab);
	lab_start(&lab, program, options);
	lab_wait_state(&lab, state);
}

/* The token is gone while it signs: nothing is lost, the same request gets
 * its certificate when the token is back. */
void
test_token_lost(void **state)
{
	struct dca_out csr = { 0 };
	uint64_t before;

	(void)state;
	fault_write(lab.control, NULL);
	lab.module = FAULT_PATH;
	restart("workers = 2", "operational");
	before = certificates();
	lab_csr(&csr, pinned, "12025550114", NULL);
	fault_write(lab.control, "C_Sign 0x32"); /* CKR_DEVICE_REMOVED */
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_problem(DCA_RULE_TOKEN_DOWN, "");
	assert_true(r.m.f[5].u >= 1);
	assert_int_equal(certificates(), before);
	fault_write(lab.control, NULL);
	lab_wait_state(&lab, "operational");
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550114");
	assert_int_equal(certificates(), before + 1);
	dca_out_free(&csr);
}

static void
file_limit(rlim_t most)
{
	const struct rlimit l = { most, RLIM_INFINITY };

	assert_int_equal(prlimit(lab.pid, RLIMIT_FSIZE, &l, NULL), 0);
}

/* The disk takes nothing: no certificate is answered, none is there later. */
void
test_commit_fails(void **state)
{
	struct dca_out csr = { 0 };
	uint64_t before = certificates();
	uint8_t serial[DCA_SERIAL_LEN];

	(void)state;
	lab_csr(&csr, pinned, "12025550115", NULL);
	file_limit(1);
	for (int i = 0; i < 2; i++) {
		lab_issue(&lab, &r, &pinned_cert, &csr);
		is_problem(DCA_RULE_IO, "");
	}
	put_map(&args, 1);
	put_text(&args, "id", "acme");
	lab_act(&lab, &r, "customer.suspend", &args);
	is_problem(DCA_RULE_IO, "");
	file_limit(RLIM_INFINITY);
	assert_int_equal(certificates(), before);
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550115");
	memcpy(serial, r.m.f[0].b.p, sizeof(serial));
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550115");
	assert_memory_equal(r.m.f[0].b.p, serial, sizeof(serial));
	assert_int_equal(certificates(), before + 1);
	lab.seq--; /* what was not a refusal did not use its number */
	lab_act(&lab, &r, "customer.resume", &args);
	is_data(204);
	dca_out_free(&csr);
}

struct counted {
	unsigned rows;
	uint64_t more;
};

static enum dca_rc
count_row(const struct dca_row *row, void *arg, struct dca_err *e)
{
	struct counted *n = arg;
	struct dca_cbor c;

	(void)e;
	if (strcmp(row->kind, "refuse") != 0 ||
	    strcmp(row->actor, "customer:acme") != 0)
		return DCA_OK;
	n->rows++;
	if (dca_cbor_find(row->body, "count", &c))
		assert_true(dca_cbor_take_uint(&c, &n->more));
	return DCA_OK;
}

static struct counted
count_refusals(void)
{
	struct dca_store *store = NULL;
	struct counted n = { 0 };
	struct dca_err e = { 0 };
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&store, path, true, &e) ||
	    dca_store_walk(store, 0, count_row, &n, &e))
		fail_msg("%s", e.text);
	dca_store_close(store);
	return n;
}

/* Ten rows a minute, then one that counts the rest, also when the vault ends
 * before the minute; a stranger with somebody's public key writes none. */
void
test_refusals_counted(void **state)
{
	EVP_PKEY *stranger = lab_key();
	struct dca_out csr = { 0 };
	struct counted before, after;

	(void)state;
	lab_stop(&lab);
	before = count_refusals();
	restart("workers = 1", "operational");
	lab_csr_signed_by(&csr, pinned, stranger, "12025550301", NULL);
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_problem(DCA_RULE_CSR_POP, "");
	csr.n = 0;
	lab_csr_signed_by(&csr, pinned, stranger, "12025550116", NULL);
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_problem(DCA_RULE_CSR_POP, "");
	for (int i = 0; i < 13; i++) {
		ask_for(pinned, "12025550301", NULL);
		is_problem(DCA_RULE_SCOPE_OTHER, "12025550301");
	}
	lab_stop(&lab);
	after = count_refusals();
	assert_int_equal(after.rows - before.rows, 11);
	assert_int_equal(after.more, 3);
	restart("workers = 1", "operational");
	dca_out_free(&csr);
	EVP_PKEY_free(stranger);
}

/* A wrong signature: not answered, and the token is not asked again. */
void
test_quarantine(void **state)
{
	struct dca_out csr = { 0 };
	uint64_t before = certificates();

	(void)state;
	lab_csr(&csr, pinned, "12025550117", NULL);
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550117");
	fault_write(lab.control, "C_Sign 0 -1 0 corrupt");
	ask_for(pinned, "12025550118", NULL);
	is_problem(DCA_RULE_TOKEN_SIGNATURE, "");
	lab_wait_state(&lab, "quarantined");
	fault_write(lab.control, NULL);
	(void)sleep(2);
	lab_wait_state(&lab, "quarantined");
	ask_for(pinned, "12025550118", NULL);
	is_problem(DCA_RULE_TOKEN_SIGNATURE, "");
	assert_int_equal(r.m.f[5].u, 300);
	/* what was issued before is still answered */
	lab_issue(&lab, &r, &pinned_cert, &csr);
	is_issued(pinned, "12025550117");
	assert_int_equal(certificates(), before + 1);
	/* until an operator says so: a restart alone forgives nothing */
	put_map(&args, 0);
	lab_act(&lab, &r, "token.resume", &args);
	is_data(204);
	lab_wait_state(&lab, "operational");
	dca_out_free(&csr);
}

/* The token holds a key, and it is not that of the cross-certificate. */
void
test_other_key(void **state)
{
	struct dca_message m = { .type = DCA_MSG_CHECK, .id = 4, .n = 3 };
	struct dca_out csr = { 0 };
	char text[64];

	(void)state;
	lab_stop(&lab);
	lab.module = NULL;
	lab.uri = lab_other_key(&lab);
	restart("workers = 1", "no-key");
	(void)sleep(1);
	lab_wait_state(&lab, "no-key");
	ask_for(pinned, "12025550118", NULL);
	is_problem(DCA_RULE_TOKEN_KEY, "");
	assert_int_equal(r.m.f[5].u, 60);
	lab_csr(&csr, pinned, "12025550118", NULL);
	m.f[0].b = dca_out_buf(&lab.admin_cert);
	m.f[1].b = DCA_BUF("acme", 4);
	m.f[2].b = dca_out_buf(&csr);
	lab_ask(&r, lab.front, &m);
	is_data(205);
	text_of("rule", text, sizeof(text));
	assert_string_equal(text, "token-key");
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr),
	    dca_out_buf(&lab.cross));
	is_problem(DCA_RULE_CROSS_KEY, "");
	lab.uri = NULL;
	restart("workers = 1", "operational");
	dca_out_free(&csr);
}

static int
ask_as_nobody(void)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_READ, .id = 1, .n = 2 };
	struct reply own = { 0 };

	m.f[0].b = DCA_BUF("status", 6);
	if (setgid(65534) || setuid(65534) ||
	    dca_ask(lab.admin, &m, &own.packet, &own.m, &own.e) ||
	    own.m.type != DCA_MSG_PROBLEM)
		return 1;
	dca_problem_message(&own.e, &own.m);
	return own.e.rule == DCA_RULE_AUTH_LOCAL ? 0 : 2;
}

/* Neither root nor the vault's user, on the admin socket. */
void
test_local_only(void **state)
{
	char path[128];
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can become somebody else */
	(void)snprintf(path, sizeof(path), "%s/run/dca", lab.prefix);
	assert_int_equal(chmod(lab.prefix, 0755), 0);
	assert_int_equal(chmod(path, 0755), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(chmod(lab.admin, 0666), 0);
	child = fork();
	if (child == 0)
		_exit(ask_as_nobody());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Nobody publishes: the asker is told to come back, after a while or, when a
 * queue of them waits already, at once. The certificate is issued once. */
void
test_publication_late(void **state)
{
	static uint8_t buf[DCA_MESSAGE_MAX];
	struct dca_message m = { .type = DCA_MSG_ISSUE, .id = 1, .n = 4 };
	struct timeval wait = { .tv_sec = 40 };
	struct dca_out csr = { 0 };
	uint64_t before;
	int fd;

	(void)state;
	restart("release = published\nqueue = 1", "operational");
	before = certificates();
	fd = raw_connect(lab.front);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
	    sizeof(wait)), 0);
	lab_csr(&csr, pinned, "12025550119", NULL);
	m.f[1].b = dca_out_buf(&pinned_cert);
	m.f[2].b = dca_out_buf(&csr);
	send_message(fd, &m);
	while (certificates() == before)
		(void)usleep(10000);
	for (int i = 0; i < 3; i++) {
		lab_issue(&lab, &r, &pinned_cert, &csr);
		is_problem(DCA_RULE_VAULT_DOWN, "");
		assert_int_equal(r.m.f[5].u, 5);
	}
	receive(fd, &m, buf, sizeof(buf));
	assert_int_equal(m.id, 1);
	assert_int_equal(m.type, DCA_MSG_PROBLEM);
	dca_problem_message(&r.e, &m);
	assert_int_equal(r.e.rule, DCA_RULE_VAULT_DOWN);
	assert_int_equal(certificates(), before + 1);
	assert_int_equal(close(fd), 0);
	dca_out_free(&csr);
}
