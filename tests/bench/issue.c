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
#include <dirent.h>
#include <signal.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dca/store.h"
#include "vault.h"

#define NUMBERS "12025550100+5"
enum { LOOPS = 3000 };

static struct lab lab;
static EVP_PKEY *key;
static struct dca_out peer, *csrs;

static void
stop(const char *what)
{
	fprintf(stderr, "bench-issue: %s\n", what);
	if (lab.pid)
		kill(lab.pid, SIGKILL);
	exit(2);
}

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of all threads: nanoseconds on a CPU, the first word of schedstat. */
static double
vault_cpu(void)
{
	char name[320];
	double sum = 0;
	struct dirent *d;
	DIR *tasks;

	snprintf(name, sizeof name, "/proc/%d/task", (int)lab.pid);
	if (!(tasks = opendir(name)))
		stop(name);
	while ((d = readdir(tasks))) {
		unsigned long long ns = 0;
		FILE *f;

		snprintf(name, sizeof name, "/proc/%d/task/%s/schedstat",
		    (int)lab.pid, d->d_name);
		if (d->d_name[0] == '.' || !(f = fopen(name, "r")))
			continue;
		if (fscanf(f, "%llu", &ns) == 1)
			sum += (double)ns / 1e9;
		fclose(f);
	}
	closedir(tasks);
	return sum;
}

static long
vault_rss(void)
{
	char name[64], line[128];
	long kib = 0;
	FILE *f;

	snprintf(name, sizeof name, "/proc/%d/status", (int)lab.pid);
	if (!(f = fopen(name, "r")))
		stop(name);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* --- the register --- */
static void
done(struct reply *r, const char *what)
{
	if (r->m.type != DCA_MSG_DATA || r->m.f[0].u >= 300)
		stop(r->m.type == DCA_MSG_PROBLEM ? r->e.text : what);
	reply_clear(r);
}

static void
first_admin(struct reply *r)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_ACT, .id = 9, .n = 1 };
	struct dca_act a = { .name = "operator.add", .op = "local",
		.time = dca_now() };
	struct dca_spki k = lab_spki(lab.admin_key);
	DCA_AUTO_OUT args = { 0 }, payload = { 0 };

	put_map(&args, 3);
	put_text(&args, "id", "alice");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof k.der));
	put_text(&args, "role", "admin");
	memcpy(a.appliance, lab.appliance, sizeof a.appliance);
	a.args = dca_out_buf(&args);
	dca_act_encode(&payload, &a);
	m.f[0].b = dca_out_buf(&payload);
	lab_ask(r, lab.admin, &m);
	done(r, "operator.add");
}

static void
customer(struct reply *r)
{
	struct dca_spki k = lab_spki(key);
	DCA_AUTO_OUT args = { 0 };

	put_map(&args, 3);
	put_text(&args, "id", "acme");
	put_text(&args, "name", "Acme Inc");
	put_text(&args, "country", "US");
	lab_act(&lab, r, "customer.add", &args);
	done(r, "customer.add");
	put_map(&args, 2);
	put_text(&args, "id", "acme");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof k.der));
	lab_act(&lab, r, "customer.pin", &args);
	done(r, "customer.pin");
	put_map(&args, 4);
	put_uint(&args, "of", 1);
	put_uint(&args, "part", 0);
	dca_cbor_text(&args, "rows");
	dca_cbor_array(&args, 1);
	dca_cbor_array(&args, 6);
	dca_cbor_text(&args, "acme");
	dca_cbor_text(&args, "12025550100");
	dca_cbor_uint(&args, 100);
	dca_cbor_uint(&args, 0);
	dca_cbor_uint(&args, 0);
	dca_cbor_bool(&args, false);
	put_text(&args, "import", "bench");
	lab_act(&lab, r, "delegation.import", &args);
	done(r, "delegation.import");
}

static void
prepare(const char *program, unsigned n, unsigned workers)
{
	struct reply r = { 0 };
	char options[96];

	snprintf(options, sizeof options, "queue = 4096\nworkers = %u",
	    workers);
	lab_start(&lab, program, options);
	lab_wait_state(&lab, "no-cross-certificate");
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr),
	    dca_out_buf(&lab.cross));
	done(&r, "install");
	lab_wait_state(&lab, "operational");
	first_admin(&r);
	key = lab_key();
	lab_client(&peer, key);
	customer(&r);
	csrs = calloc(n, sizeof *csrs);
	if (!csrs)
		abort();
	/* the same key and numbers; a nonce of its own makes each a request */
	for (unsigned i = 0; i < n; i++)
		lab_csr(&csrs[i], key, NUMBERS, NULL);
}

/* --- the measured part --- */
static int
connect_front(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int size = 4 << 20, fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	if (!dca_strlcpy(a.sun_path, lab.front, sizeof a.sun_path) || fd < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		stop(strerror(errno));
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
		stop(strerror(errno));
}

static void
answer(int fd)
{
	static uint8_t packet[DCA_MESSAGE_MAX];
	ssize_t n = recv(fd, packet, sizeof packet, 0);
	struct dca_message m;
	struct dca_err e;

	if (n <= 0)
		stop("the vault closed the connection");
	if (dca_message_parse(&m, DCA_BUF(packet, n), DCA_ROLE_VAULT, &e))
		stop(e.text);
	if (m.type == DCA_MSG_PROBLEM) {
		dca_problem_message(&e, &m);
		stop(e.text);
	}
	if (m.type != DCA_MSG_ISSUED)
		stop(dca_message_name(m.type));
}

static void
run(unsigned n, unsigned window, double *wall, double *cpu)
{
	int fd = connect_front();
	unsigned sent = 0;

	*cpu = -vault_cpu();
	*wall = -seconds(CLOCK_MONOTONIC);
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
	*wall += seconds(CLOCK_MONOTONIC);
	*cpu += vault_cpu();
	close(fd);
}

/* --- the limit --- */
static double
limit_pop(const struct dca_csr *csr)
{
	double t = -seconds(CLOCK_PROCESS_CPUTIME_ID);
	struct dca_err e;

	for (int i = 0; i < LOOPS; i++)
		if (dca_csr_check_pop(csr, &e))
			stop(e.text);
	return (t + seconds(CLOCK_PROCESS_CPUTIME_ID)) * 1e6 / LOOPS;
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

	snprintf(pin, sizeof pin, "%s/pin", lab.prefix);
	c.pin_file = pin;
	if (dca_token_uri_parse(&c.uri, "pkcs11:token=lab;id=%01", &e) ||
	    dca_hsm_open(&hsm, &c, &e) || dca_signer_open(&signer, hsm, &e))
		stop(e.text);
	t = -seconds(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < LOOPS; i++) {
		DCA_AUTO_OUT out = { 0 };

		if (dca_signer_sign(signer, body, &out, &e))
			stop(e.text);
	}
	t += seconds(CLOCK_PROCESS_CPUTIME_ID);
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
	double t = -seconds(CLOCK_MONOTONIC);

	snprintf(path, sizeof path, "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&s, path, true, &e) ||
	    dca_store_verify(s, &rows, &e))
		stop(e.text);
	if (dca_store_count(s, "certificates") != n)
		stop("certificates are missing in the store");
	dca_store_close(s);
	printf("store     %llu rows verified in %.1f s\n",
	    (unsigned long long)rows, t + seconds(CLOCK_MONOTONIC));
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 20000;
	unsigned window = argc > 3 ? (unsigned)atoi(argv[3]) : 64;
	unsigned workers = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
	double wall, cpu, pop, sign, limit;
	struct dca_csr csr;
	struct dca_err e;
	int rc;

	if (argc < 2 || !n || !window) {
		fprintf(stderr, "usage: bench-issue DCA-VAULT [certificates "
				"[window [workers]]]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if ((rc = lab_open(&lab, argv[1])))
		return rc;
	prepare(argv[1], n, workers);
	run(n, window, &wall, &cpu);
	if (dca_csr_parse(&csr, dca_out_buf(&csrs[0]), &e))
		stop(e.text);
	pop = limit_pop(&csr);
	sign = limit_sign(csr.info);
	limit = 1e6 / (pop + sign);
	printf("issued    %u certificates, window %u, workers %u, %.2f s\n"
	       "rate      %.0f certificates/s, %.1f us CPU of the vault each\n"
	       "limit     %.0f /s on one core: %.1f us proof of possession + "
	       "%.1f us C_Sign and verification\n"
	       "ratio     %.2f of the limit\n", n, window, workers, wall,
	    n / wall, cpu * 1e6 / n, limit, pop, sign, n / wall / limit);
	lab_stop(&lab);
	verify_store(n);
	dca_csr_clear(&csr);
	for (unsigned i = 0; i < n; i++)
		dca_out_free(&csrs[i]);
	free(csrs);
	dca_out_free(&peer);
	EVP_PKEY_free(key);
	lab_close(&lab);
	return 0;
}
