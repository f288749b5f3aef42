/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients over CoAPs that want each certificate until they have it: the same
 * request again after a lost answer, over a new session after a lost one, and
 * now and then again after the answer. Must never forget an answer.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "crash.h"
#include "front-coap.h"

enum {
	ANSWER_MS = 250,
	SENDS = 3,
	PATIENCE_MS = 60000,
	PAUSE_US = 20000,
	CODE_PAUSE_US = 400000,
};

struct client {
	struct crash *crash;
	unsigned n;
	pthread_t thread;
	EVP_PKEY *key;
	char key_file[160], cert_file[160];
	struct line line;
	bool open;
};
static struct client clients[CLIENTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool stopping;
static atomic_ulong answers, lost, busy, repeats, sessions;
static atomic_size_t next_code;

unsigned long
load_answers(void)
{
	return atomic_load(&answers);
}

static void
write_pem(const char *path, EVP_PKEY *key, const struct dca_out *cert)
{
	DCA_AUTO_OUT pem = { 0 };
	struct dca_err e;
	FILE *f;

	if (cert) {
		dca_pem_encode(&pem, "CERTIFICATE", dca_out_buf(cert));
		if (dca_file_write(path, dca_out_buf(&pem), 0600, &e))
			crash_fail("%s", e.text);
		return;
	}
	f = fopen(path, "w");
	if (!f || PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1)
		crash_fail("cannot write %s", path);
	fclose(f);
}

/* A key of its own and a self-signed certificate of it. */
static void
identity_new(struct client *c)
{
	DCA_AUTO_OUT cert = { 0 };

	EVP_PKEY_free(c->key);
	c->key = lab_key();
	lab_client(&cert, c->key);
	write_pem(c->key_file, c->key, NULL);
	write_pem(c->cert_file, NULL, &cert);
}

static void
hang_up(struct client *c)
{
	if (c->open)
		line_close(&c->line);
	c->open = false;
}

static bool
dial(struct client *c)
{
	const struct identity id = { c->key_file, c->cert_file, NULL, NULL };

	if (c->open)
		return true;
	c->open = line_open(&c->line, c->crash->port, &id);
	if (c->open) {
		atomic_fetch_add(&sessions, 1);
		return true;
	}
	line_close(&c->line);
	usleep(20000);
	return false;
}

/* One confirmable message, sent again like RFC 7252 4.2 but sooner. */
static void
exchange(struct client *c, const struct dca_out *csr, struct answer *r)
{
	struct ask a = ASK(POST, "est/sen");
	uint8_t m[MESSAGE];
	uint16_t mid = ++c->line.mid;
	size_t n;

	a.format = V(286);
	a.accept = V(287);
	a.body = csr->p;
	a.n = csr->n;
	n = coap_build(m, &a, mid, mid);
	for (int i = 0; i < SENDS; i++) {
		coap_send_raw(&c->line, m, n);
		coap_receive(&c->line, mid, false, ANSWER_MS, r);
		if (r->code != NONE)
			return;
	}
}

/* Until it is answered. */
static void
insist(struct client *c, const struct dca_out *csr, struct answer *r)
{
	int64_t end = crash_ms() + PATIENCE_MS;

	while (crash_ms() < end) {
		if (!dial(c))
			continue;
		exchange(c, csr, r);
		if (r->code == 204)
			return;
		if (r->code == NONE) {
			atomic_fetch_add(&lost, 1);
			hang_up(c);
		} else if (r->code == 503) {
			atomic_fetch_add(&busy, 1);
			usleep(20000 + (useconds_t)crash_random(50000));
		} else {
			crash_fail("client %u: answer %d: %.*s", c->n, r->code,
			    (int)r->n, (const char *)r->body);
		}
	}
	crash_fail("client %u: no answer in %d s", c->n, PATIENCE_MS / 1000);
}

static void
keep(struct client *c, const struct dca_out *csr, const struct answer *r,
    const struct code *code)
{
	struct answered a = { .code = code };
	struct dca_cert cert = { 0 };
	struct crash *x = c->crash;
	struct dca_err e;

	if (r->block2 != NONE && (r->block2 & 8))
		crash_fail("a certificate that does not fit one message");
	if (dca_cert_parse(&cert, DCA_BUF(r->body, r->n), &e))
		crash_fail("client %u: %s", c->n, e.text);
	memcpy(a.serial, cert.serial, sizeof a.serial);
	dca_sha256(a.cert, DCA_BUF(r->body, r->n));
	dca_sha256(a.csr, dca_out_buf(csr));
	dca_cert_clear(&cert);
	pthread_mutex_lock(&lock);
	if ((x->n_answered & (x->n_answered + 1)) == 0)
		x->answered = dca_realloc(x->answered,
		    (2 * x->n_answered + 2) * sizeof *x->answered);
	x->answered[x->n_answered++] = a;
	pthread_mutex_unlock(&lock);
	atomic_fetch_add(&answers, 1);
}

static void
want(struct client *c, struct code *code)
{
	char number[32], proof[DCA_PASSWORD_MAX + 1] = "";
	DCA_AUTO_OUT csr = { 0 };
	struct answer r, again;
	struct dca_spki spki;

	if (code) {
		hang_up(c);
		identity_new(c);
		spki = lab_spki(c->key);
		dca_enrol_proof(proof, code->id, code->secret, &spki);
		code->used = true;
	}
	snprintf(number, sizeof number, "12025550%03u",
	    100 + (unsigned)crash_random(100));
	lab_csr(&csr, c->key, number, code ? proof : NULL);
	insist(c, &csr, &r);
	keep(c, &csr, &r, code);
	if (crash_random(2)) {
		insist(c, &csr, &again);
		if (!dca_buf_eq(DCA_BUF(r.body, r.n),
			DCA_BUF(again.body, again.n)))
			crash_fail("client %u: the same request got another "
			    "certificate", c->n);
		atomic_fetch_add(&repeats, 1);
	}
	if (crash_random(16) == 0)
		hang_up(c);
}

static void *
client_main(void *arg)
{
	struct client *c = arg;
	bool enrols = c->n >= CLIENTS - ENROLLERS;

	while (!atomic_load(&stopping)) {
		size_t i = enrols ? atomic_fetch_add(&next_code, 1) : 0;

		if (enrols && i >= c->crash->n_codes)
			break;
		want(c, enrols ? &c->crash->codes[i] : NULL);
		usleep((useconds_t)crash_random(
		    enrols ? CODE_PAUSE_US : PAUSE_US));
	}
	hang_up(c);
	return NULL;
}

static void
pin(struct crash *x, EVP_PKEY *key)
{
	struct dca_spki k = lab_spki(key);
	DCA_AUTO_OUT args = { 0 };
	struct reply r = { 0 };

	put_map(&args, 2);
	put_text(&args, "id", "acme");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof k.der));
	lab_act(&x->lab, &r, "customer.pin", &args);
	if (r.m.type != DCA_MSG_DATA || r.m.f[0].u >= 300)
		crash_fail("customer.pin: %s", r.e.text);
	reply_clear(&r);
}

void
load_start(struct crash *x)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct client *c = &clients[i];

		c->crash = x;
		c->n = i;
		snprintf(c->key_file, sizeof c->key_file, "%s/load/%u.key",
		    x->state, i);
		snprintf(c->cert_file, sizeof c->cert_file, "%s/load/%u.pem",
		    x->state, i);
		identity_new(c);
		if (i < CLIENTS - ENROLLERS)
			pin(x, c->key);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		if (pthread_create(&clients[i].thread, NULL, client_main,
			&clients[i]) != 0)
			abort();
}

void
load_stop(struct crash *x)
{
	(void)x;
	atomic_store(&stopping, true);
	for (unsigned i = 0; i < CLIENTS; i++) {
		pthread_join(clients[i].thread, NULL);
		EVP_PKEY_free(clients[i].key);
	}
}

void
load_report(const struct crash *x)
{
	size_t used = 0;

	for (size_t i = 0; i < x->n_codes; i++)
		used += x->codes[i].used;
	printf("load      %zu requests answered, %zu of them with codes; %lu "
	       "repeated after the answer;\n"
	       "          %lu exchanges lost, %lu told to come back, %lu DTLS "
	       "sessions\n", x->n_answered, used, atomic_load(&repeats),
	    atomic_load(&lost), atomic_load(&busy), atomic_load(&sessions));
}
