/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates per second through the real dca-vault: CSR in, committed
 * certificate out, over its front socket, with a SoftHSM token. In the same
 * run the limit: proof of possession, and C_Sign with the verification of the
 * signature, on one core. Afterwards the store is verified whole. Prints,
 * judges nothing.
 *
 * usage: bench-issue DCA-VAULT [certificates [window [workers]]]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "appliance.h"
#include "dca/store.h"

enum { LOOPS = 3000 };

static struct dca_out peer, *csrs;

static long
vault_rss(void)
{
	char name[64], line[128];
	long kib = 0;
	FILE *f;

	snprintf(name, sizeof name, "/proc/%d/status", (int)bench_lab.pid);
	if (!(f = fopen(name, "r")))
		bench_stop(name);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static void
prepare(unsigned n)
{
	lab_client(&peer, bench_key);
	csrs = dca_alloc(n * sizeof *csrs);
	memset(csrs, 0, n * sizeof *csrs);
	/* the same key and numbers; a nonce of its own makes each a request */
	for (unsigned i = 0; i < n; i++)
		lab_csr(&csrs[i], bench_key, BENCH_NUMBERS, NULL);
}

/* --- the measured part --- */
static int
connect_front(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int size = 4 << 20, fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	if (!dca_strlcpy(a.sun_path, bench_lab.front, sizeof a.sun_path) ||
	    fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		bench_stop(strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	return fd;
}

static void
ask(int fd, unsigned i)
{
	struct dca_message m = { .type = DCA_MSG_ISSUE, .id = i + 1, .n = 4 };
	DCA_AUTO_OUT packet = { 0 };

	m.f[1].b = dca_out_buf(&peer);
	m.f[2].b = dca_out_buf(&csrs[i]);
	m.f[3].b = DCA_BUF("[::1]:5684", 10);
	dca_message_encode(&packet, &m);
	if (send(fd, packet.p, packet.n, MSG_NOSIGNAL) != (ssize_t)packet.n)
		bench_stop(strerror(errno));
}

static void
answer(int fd)
{
	static uint8_t packet[DCA_MESSAGE_MAX];
	ssize_t n = recv(fd, packet, sizeof packet, 0);
	struct dca_message m;
	struct dca_err e;

	if (n <= 0)
		bench_stop("the vault closed the connection");
	if (dca_message_parse(&m, DCA_BUF(packet, n), DCA_ROLE_VAULT, &e))
		bench_stop(e.text);
	if (m.type == DCA_MSG_PROBLEM) {
		dca_problem_message(&e, &m);
		bench_stop(e.text);
	}
	if (m.type != DCA_MSG_ISSUED)
		bench_stop(dca_message_name(m.type));
}

static void
run(unsigned n, unsigned window, double *wall, double *cpu)
{
	int fd = connect_front();
	unsigned sent = 0;

	*cpu = -bench_cpu(bench_lab.pid);
	*wall = -bench_seconds(CLOCK_MONOTONIC);
	while (sent < n && sent < window)
		ask(fd, sent++);
	for (unsigned got = 0; got < n; got++) {
		answer(fd);
		if (sent < n)
			ask(fd, sent++);
		if ((got + 1) % 10000 == 0)
			printf("rss       %ld KiB after %u\n", vault_rss(),
			    got + 1);
	}
	*wall += bench_seconds(CLOCK_MONOTONIC);
	*cpu += bench_cpu(bench_lab.pid);
	close(fd);
}

/* --- the limit --- */
static double
limit_pop(const struct dca_csr *csr)
{
	double t = -bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
	struct dca_err e;

	for (int i = 0; i < LOOPS; i++)
		if (dca_csr_check_pop(csr, &e))
			bench_stop(e.text);
	return (t + bench_seconds(CLOCK_PROCESS_CPUTIME_ID)) * 1e6 / LOOPS;
}

static double
limit_sign(struct dca_buf body)
{
	struct dca_hsm_config c = { .module =
	    "/usr/lib/softhsm/libsofthsm2.so" };
	char pin[96];
	struct dca_signer *signer;
	struct dca_hsm *hsm;
	struct dca_err e;
	double t;

	snprintf(pin, sizeof pin, "%s/pin", bench_lab.prefix);
	c.pin_file = pin;
	if (dca_token_uri_parse(&c.uri, "pkcs11:token=lab;id=%01", &e) ||
	    dca_hsm_open(&hsm, &c, &e) || dca_signer_open(&signer, hsm, &e))
		bench_stop(e.text);
	t = -bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < LOOPS; i++) {
		DCA_AUTO_OUT out = { 0 };

		if (dca_signer_sign(signer, body, &out, &e))
			bench_stop(e.text);
	}
	t += bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
	dca_signer_close(signer);
	dca_hsm_close(hsm);
	return t * 1e6 / LOOPS;
}

static void
verify_store(unsigned n)
{
	struct dca_store *s;
	uint64_t rows = 0;
	struct dca_err e;
	char path[128];
	double t = -bench_seconds(CLOCK_MONOTONIC);

	snprintf(path, sizeof path, "%s/var/lib/dca/vault/store.db",
	    bench_lab.prefix);
	if (dca_store_open(&s, path, true, &e) ||
	    dca_store_verify(s, &rows, &e))
		bench_stop(e.text);
	if (dca_store_count(s, "certificates") != n)
		bench_stop("certificates are missing in the store");
	dca_store_close(s);
	printf("store     %llu rows verified in %.1f s\n",
	    (unsigned long long)rows, t + bench_seconds(CLOCK_MONOTONIC));
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 20000;
	unsigned window = argc > 3 ? (unsigned)atoi(argv[3]) : 64;
	unsigned workers = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
	double wall, cpu, pop, sign, limit;
	char options[64];
	struct dca_csr csr;
	struct dca_err e;
	int rc;

	if (argc < 2 || !n || !window) {
		fprintf(stderr, "usage: bench-issue DCA-VAULT [certificates "
				"[window [workers]]]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(options, sizeof options, "queue = 4096\nworkers = %u",
	    workers);
	if ((rc = bench_open(argv[1], options)))
		return rc;
	prepare(n);
	run(n, window, &wall, &cpu);
	if (dca_csr_parse(&csr, dca_out_buf(&csrs[0]), &e))
		bench_stop(e.text);
	pop = limit_pop(&csr);
	sign = limit_sign(csr.info);
	limit = 1e6 / (pop + sign);
	printf("issued    %u certificates, window %u, workers %u, %.2f s\n"
	       "rate      %.0f certificates/s, %.1f us CPU of the vault each\n"
	       "limit     %.0f /s on one core: %.1f us proof of possession + "
	       "%.1f us C_Sign and verification\n"
	       "ratio     %.2f of the limit\n", n, window, workers, wall,
	    n / wall, cpu * 1e6 / n, limit, pop, sign, n / wall / limit);
	lab_stop(&bench_lab);
	verify_store(n);
	dca_csr_clear(&csr);
	for (unsigned i = 0; i < n; i++)
		dca_out_free(&csrs[i]);
	free(csrs);
	dca_out_free(&peer);
	bench_close();
	return 0;
}
