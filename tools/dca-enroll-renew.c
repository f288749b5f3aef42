/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One renewal: a new certificate by the proof of the old one, and the swap as
 * soon as relying parties can fetch the new chain, never before: a call signed
 * with a certificate whose x5u does not answer is a call that is not believed.
 */
#include "enroll.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fetch.h"

enum { CHAIN_MAX = 16, LONGEST_PAUSE = 10 };

static enum dca_rc
read_back(const struct enroll *n, struct dca_err *e)
{
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT body = { 0 };
	enum dca_rc rc = dca_fetch(&body, n->x5u, n->tls_ca, e);

	if (rc == DCA_OK)
		rc = dca_certs_parse(&certs, dca_out_buf(&body), CHAIN_MAX, e);
	if (rc == DCA_OK && (certs.n == 0 ||
	    !dca_buf_eq(dca_out_buf(&certs.v[0].der), dca_out_buf(&n->leaf.der))))
		rc = dca_fail(e, DCA_RULE_FETCH,
		    "x5u: answers with another certificate");
	dca_certs_clear(&certs);
	return rc;
}

static enum dca_rc
wait_for_x5u(const struct enroll *n, struct dca_err *e)
{
	int64_t end = dca_now() + n->wait_seconds;
	unsigned pause = 1;
	enum dca_rc rc;

	/* Waiting does not make a bad URL good. */
	if ((rc = dca_fetch_check(n->x5u, e)) != DCA_OK)
		return rc;
	while ((rc = read_back(n, e)) != DCA_OK && dca_now() < end) {
		sleep(pause);
		pause = pause * 2 > LONGEST_PAUSE ? LONGEST_PAUSE : pause * 2;
	}
	return rc == DCA_OK ? DCA_OK : dca_fail_in(e,
	    "the old pair stays in use, the new one waits in next/");
}

/* While this file is there the hook has still to succeed. */
static void
mark_path(const struct enroll *n, char out[static 4096])
{
	enroll_path(n, out, "hook-due");
}

enum dca_rc
enroll_renew(struct enroll *n, struct dca_err *e)
{
	char mark[4096];
	enum dca_rc rc = DCA_OK;

	if (!enroll_staged(n)) {
		rc = enroll_prepare(n, e);
		if (rc == DCA_OK)
			rc = enroll_ask(n, ".well-known/est/sren", e);
	}
	if (rc == DCA_OK)
		rc = wait_for_x5u(n, e);
	if (rc != DCA_OK)
		return rc;
	mark_path(n, mark);
	if (n->hook)
		rc = dca_file_write(mark, DCA_BUF("", 0), 0600, e);
	return rc == DCA_OK ? enroll_swap(n, e) : rc;
}

/* "DCA_KEY=/dir/key.pem" and so on for the hook. */
static void
make_environment(const struct enroll *n)
{
	static const char *const files[][2] = { { "DCA_KEY", "key.pem" },
		{ "DCA_CERT", "cert.pem" }, { "DCA_CHAIN", "chain.pem" },
		{ "DCA_X5U", "x5u" }, { "DCA_SET", "current/." } };
	char path[4096], *real;
	size_t i;

	setenv("DCA_DIR", n->dir, 1);
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		enroll_path(n, path, files[i][1]);
		real = i == 4 ? realpath(path, NULL) : NULL;
		setenv(files[i][0], real ? real : path, 1);
		free(real);
	}
}

enum dca_rc
enroll_hook(const struct enroll *n, struct dca_err *e)
{
	char mark[4096];
	int status = 0;
	pid_t pid;

	mark_path(n, mark);
	if (!n->hook || access(mark, F_OK) != 0)
		return DCA_OK;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		make_environment(n);
		execl("/bin/sh", "sh", "-c", n->hook, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		return dca_fail(e, DCA_RULE_IO, "hook: %s", strerror(errno));
	if (WIFSIGNALED(status))
		return dca_fail(e, DCA_RULE_IO, "hook: ended by signal %d; it "
		    "is run again", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return dca_fail(e, DCA_RULE_IO, "hook: exit %d; it is run "
		    "again", WEXITSTATUS(status));
	(void)unlink(mark);
	return DCA_OK;
}
