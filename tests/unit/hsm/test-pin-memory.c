/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PIN does not stay in memory: a child opens the token and signs, and its
 * whole memory is searched from outside while it holds the token open. The
 * PIN is random, so a hit is a copy and not a coincidence; a planted copy
 * proves that the search finds one.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "token.h"

#define URI "pkcs11:token=one;id=%01;object=ca"
static const uint8_t body[] = { 0x30, 0x03, 0x02, 0x01, 0x05 };

/* The child is this program again: no PIN in its argv, environment or copied
 * memory. It says "ready" on stdout and waits for stdin to end. */
static int
child(const char *mode)
{
	struct dca_hsm_config c = { .module = getenv("DCA_FAULT_MODULE"),
		.pin_file = getenv("TEST_PIN_FILE") };
	struct dca_signer *s = NULL;
	struct dca_hsm *h = NULL;
	struct dca_err e = { 0 };
	DCA_AUTO_OUT out = { 0 };
	static char planted[64];
	char c1;
	enum dca_rc rc;

	rc = dca_token_uri_parse(&c.uri, URI, &e);
	if (rc == DCA_OK)
		rc = dca_hsm_open(&h, &c, &e);
	if (rc == DCA_OK)
		rc = dca_signer_open(&s, h, &e);
	if (rc == DCA_OK)
		rc = dca_signer_sign(s, DCA_BUF(body, sizeof(body)), &out, &e);
	if (rc != DCA_OK) {
		fprintf(stderr, "child: %s\n", e.text);
		return 1;
	}
	if (strcmp(mode, "planted") == 0) {
		FILE *f = fopen(c.pin_file, "r");

		if (f == NULL || fgets(planted, 64, f) == NULL)
			return 1;
		(void)fclose(f);
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(1, "r", 1) != 1 || read(0, &c1, 1) < 0)
		return 1;
	dca_signer_close(s);
	dca_hsm_close(h);
	return 0;
}

struct hits {
	unsigned n;
	char where[512];
	size_t searched;
};

static void
search_range(int fd, unsigned long from, unsigned long to, const char *map,
    struct hits *hits)
{
	static char chunk[1 << 20];
	const char *pin = token_pin();
	size_t len = strlen(pin);

	/* Chunks overlap by one octet less than the PIN. */
	while (from + len <= to) {
		size_t want = to - from < sizeof(chunk) ? to - from
							: sizeof(chunk);
		ssize_t got = pread(fd, chunk, want, (off_t)from);
		char *end = chunk + got;

		if (got < (ssize_t)len)
			return;		/* [vvar] and the like */
		for (char *p = chunk; (p = memmem(p, (size_t)(end - p), pin,
		    len)) != NULL; p++) {
			hits->n++;
			(void)snprintf(hits->where, sizeof(hits->where),
			    "at %lx in %.400s", from + (size_t)(p - chunk),
			    map);
		}
		hits->searched += (size_t)got - (len - 1);
		from += (size_t)got - (len - 1);
	}
}

static void
search(pid_t pid, struct hits *hits)
{
	char path[64], line[512];
	FILE *maps;
	int fd;

	memset(hits, 0, sizeof(*hits));
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 && (errno == EACCES || errno == EPERM)) {
		fprintf(stderr, "\n*** SKIPPED: may not read %s ***\n\n",
		    path);
		exit(77);
	}
	assert_true(fd >= 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "r");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		/* "from-to r..p ..." (proc(5)) */
		char *p = line;
		unsigned long from = strtoul(p, &p, 16), to;

		assert_int_equal(*p, '-');
		to = strtoul(p + 1, &p, 16);
		/* Larger is the sanitizer's shadow: terabytes of nothing. */
		if (p[0] == ' ' && p[1] == 'r' && to - from < 4ul << 30)
			search_range(fd, from, to, line, hits);
	}
	(void)fclose(maps);
	(void)close(fd);
}

static void
run_child(const char *mode, struct hits *hits)
{
	int in[2], out[2], status;
	pid_t pid;
	char c;

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)execl("/proc/self/exe", "test-pin-memory", mode, NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	assert_int_equal(read(out[0], &c, 1), 1);
	search(pid, hits);
	(void)close(in[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(out[0]);
}

static void
search_works(void **state)
{
	struct hits hits;

	(void)state;
	run_child("planted", &hits);
	assert_true(hits.n >= 1);
}

static void
no_copy_stays(void **state)
{
	struct hits hits;

	(void)state;
	run_child("clean", &hits);
	printf("searched %zu octets of the child's memory\n", hits.searched);
	if (hits.n != 0)
		fail_msg("%u copies of the PIN, one %s", hits.n, hits.where);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search_works),
		cmocka_unit_test(no_copy_stays),
	};
	struct dca_key_facts facts;
	struct dca_spki key;
	struct dca_err e = { 0 };
	struct dca_hsm *h;

	if (argc == 2)
		return child(argv[1]);
	if (getenv("DCA_EMULATED") != NULL) {
		fprintf(stderr, "\n*** SKIPPED: in an emulator, /proc/self/exe "
		    "and /proc/PID/mem are its own ***\n\n");
		return 77;
	}
	token_folder();
	token_new("one");
	(void)setenv("TEST_PIN_FILE", token_pin_file(), 1);
	h = token_open(NULL, URI);
	if (dca_hsm_keygen(h, false, &key, &facts, &e) != DCA_OK) {
		fprintf(stderr, "keygen: %s\n", e.text);
		return 1;
	}
	dca_hsm_close(h);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
