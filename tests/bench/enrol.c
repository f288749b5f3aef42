/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolments per second through the real dca-front and dca-vault over CoAPs:
 * over one kept DTLS session, and over a new session each. In the same run
 * what OpenSSL alone needs for such a handshake, both ends. CPU times are of
 * all threads. One client, one request at a time: a latency, not a capacity.
 * Prints, judges nothing.
 *
 * usage: bench-enrol DCA-VAULT DCA-FRONT [enrolments]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "appliance.h"
#include "front-coap.h"

enum { PORT = 25684, HANDSHAKES = 300 };
#define SUITE "ECDHE-ECDSA-AES128-CCM8"

static char key_file[128], cert_file[128];

/* --- the appliance --- */
static void
put_pem(const char *path, EVP_PKEY *k, const struct dca_out *cert)
{
	DCA_AUTO_OUT pem = { 0 };
	struct dca_err e;
	FILE *f;

	if (cert) {
		dca_pem_encode(&pem, "CERTIFICATE", dca_out_buf(cert));
		if (dca_file_write(path, dca_out_buf(&pem), 0600, &e))
			bench_stop(e.text);
		return;
	}
	if (!(f = fopen(path, "w")) ||
	    PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL) != 1)
		bench_stop(path);
	fclose(f);
}

static void
identity_files(EVP_PKEY *k, const char *name, char kf[128], char cf[128])
{
	DCA_AUTO_OUT cert = { 0 };

	snprintf(kf, 128, "%s/%s.key", bench_lab.prefix, name);
	snprintf(cf, 128, "%s/%s.pem", bench_lab.prefix, name);
	lab_client(&cert, k);
	put_pem(kf, k, NULL);
	put_pem(cf, NULL, &cert);
}

static void
front_start(const char *program)
{
	char kf[128], cf[128], conf[128];
	DCA_AUTO_OUT text = { 0 };
	struct dca_err e;
	EVP_PKEY *k = lab_key();

	identity_files(k, "server", kf, cf);
	EVP_PKEY_free(k);
	dca_out_printf(&text, "[listen]\nport = %d\n[identity]\nkey = %s\n"
	    "certificate = %s\n[limits]\nrequests = 100000\nburst = 200000\n",
	    PORT, kf, cf);
	snprintf(conf, sizeof conf, "%s/front.conf", bench_lab.prefix);
	if (dca_file_write(conf, dca_out_buf(&text), 0600, &e))
		bench_stop(e.text);
	bench_front = fork();
	if (bench_front == 0) {
		execl(program, program, "--prefix", bench_lab.prefix, "--config",
		    conf, (char *)NULL);
		_exit(127);
	}
	sleep(1);
	if (bench_front < 0 || waitpid(bench_front, NULL, WNOHANG) != 0)
		bench_stop("dca-front does not run");
}

/* --- the measured part --- */
static void
dial(struct line *l)
{
	const struct identity id = { key_file, cert_file, SUITE, NULL };

	if (!line_open(l, PORT, &id))
		bench_stop("no DTLS session");
}

static void
enrol(struct line *l, const struct dca_out *csr)
{
	struct ask a = ASK(POST, "est/sen");
	struct answer r;

	a.format = V(286);
	a.accept = V(287);
	a.body = csr->p;
	a.n = csr->n;
	coap_ask(l, &a, &r);
	if (r.code != 204)
		bench_stop("an enrolment was refused");
}

static double
run(const char *what, const struct dca_out *csrs, unsigned n, bool kept)
{
	double wall, v, f;
	struct line l;

	if (kept)
		dial(&l);
	v = -bench_cpu(bench_lab.pid);
	f = -bench_cpu(bench_front);
	wall = -bench_seconds(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < n; i++) {
		if (!kept)
			dial(&l);
		enrol(&l, &csrs[i]);
		if (!kept)
			line_close(&l);
	}
	wall += bench_seconds(CLOCK_MONOTONIC);
	v += bench_cpu(bench_lab.pid);
	f += bench_cpu(bench_front);
	if (kept)
		line_close(&l);
	printf("%s  %5.0f enrolments/s, one at a time; CPU us each: vault "
	       "%.0f, front %.0f\n", what, n / wall, v * 1e6 / n, f * 1e6 / n);
	return f * 1e6 / n;
}

/* --- the limit: OpenSSL's own DTLS in memory, certificates preloaded --- */
static SSL_CTX *
context(const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new(method);

	SSL_CTX_set_security_level(c, 0);
	if (SSL_CTX_set_cipher_list(c, SUITE) != 1 ||
	    SSL_CTX_use_certificate_chain_file(c, cert_file) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, key_file, SSL_FILETYPE_PEM) != 1)
		bench_stop("OpenSSL context");
	return c;
}

static int
any(int ok, X509_STORE_CTX *c)
{
	(void)ok;
	(void)c;
	return 1;
}

static SSL *
end_of(SSL_CTX *c, BIO *in, BIO *out)
{
	SSL *s = SSL_new(c);

	BIO_up_ref(in);
	BIO_up_ref(out);
	SSL_set_bio(s, in, out);
	SSL_set_options(s, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(s, 1400);
	return s;
}

/* CPU us of the server's end of a full handshake, mutual authentication. */
static double
handshake_us(void)
{
	SSL_CTX *sc = context(DTLS_server_method());
	SSL_CTX *cc = context(DTLS_client_method());
	double server = 0;

	SSL_CTX_set_verify(sc, SSL_VERIFY_PEER |
	    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any);
	SSL_CTX_set_session_cache_mode(sc, SSL_SESS_CACHE_OFF);
	for (int i = 0; i < HANDSHAKES; i++) {
		BIO *a = BIO_new(BIO_s_mem()), *b =
		    BIO_new(BIO_s_mem());
		SSL *s, *c;
		int good = 0;

		BIO_set_mem_eof_return(a, -1);
		BIO_set_mem_eof_return(b, -1);
		server -= bench_seconds(CLOCK_THREAD_CPUTIME_ID);
		s = end_of(sc, a, b);
		server += bench_seconds(CLOCK_THREAD_CPUTIME_ID);
		c = end_of(cc, b, a);
		for (int turn = 0; turn < 10 && good < 2; turn++) {
			good = SSL_connect(c) == 1;
			server -= bench_seconds(CLOCK_THREAD_CPUTIME_ID);
			good += SSL_accept(s) == 1;
			server += bench_seconds(CLOCK_THREAD_CPUTIME_ID);
		}
		if (good < 2)
			bench_stop("OpenSSL handshake");
		SSL_free(s);
		SSL_free(c);
		BIO_free(a);
		BIO_free(b);
	}
	SSL_CTX_free(sc);
	SSL_CTX_free(cc);
	return server * 1e6 / HANDSHAKES;
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 3 ? (unsigned)atoi(argv[3]) : 2000;
	double kept, fresh, bare;
	struct dca_out *csrs;
	int rc;

	if (argc < 3 || !n) {
		fprintf(stderr, "usage: bench-enrol DCA-VAULT DCA-FRONT "
				"[enrolments]\n");
		return 2;
	}
	if ((rc = bench_open(argv[1], "queue = 256\nworkers = 1")))
		return rc;
	identity_files(bench_key, "client", key_file, cert_file);
	front_start(argv[2]);
	csrs = dca_alloc(2 * (size_t)n * sizeof *csrs);
	memset(csrs, 0, 2 * (size_t)n * sizeof *csrs);
	for (unsigned i = 0; i < 2 * n; i++)
		lab_csr(&csrs[i], bench_key, BENCH_NUMBERS, NULL);
	kept = run("kept session ", csrs, n, true);
	fresh = run("a session each", csrs + n, n, false);
	bare = handshake_us();
	printf("limit          %.0f us CPU of the server's end of an OpenSSL "
	       "handshake, same suite\n"
	       "ratio          a handshake costs the front %.0f us, %.2f of "
	       "the limit\n", bare, fresh - kept, bare / (fresh - kept));
	for (unsigned i = 0; i < 2 * n; i++)
		dca_out_free(&csrs[i]);
	free(csrs);
	bench_close();
	return 0;
}
