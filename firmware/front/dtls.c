/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DTLS 1.2 by libcoap and OpenSSL: our identity, the two cipher suites, and a
 * client certificate that every client must have and no client is judged by.
 * The handshake proves possession of the key; whom that key belongs to is
 * decided in the vault. No PSK, no plain UDP, no TCP.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "front.h"

enum {
	PEM_MAX = 64 * 1024, CERT_LIST_MAX = 96 * 1024,
	EVENTS = 8,
	DATAGRAMS = 64,		/* of one turn of the loop */
};

/*
 * RFC 9148 3 makes CCM8 mandatory. OpenSSL 3 puts its 64-bit tag below
 * security level 1, so the level is 0 and the lists say what is allowed.
 */
#define CIPHERS \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"

/* libcoap 4.3.2 renamed its levels. */
#ifndef LOG_WARNING
#define FRONT_LOG_LEVEL COAP_LOG_WARN
#else
#define FRONT_LOG_LEVEL LOG_WARNING
#endif

struct front_dtls {
	EVP_PKEY *key;
	X509 *cert;
	STACK_OF(X509) *chain;
};

/* --- identity --- */

static enum dca_rc
load_key(struct front_dtls *d, const char *path, struct dca_err *e)
{
	DCA_AUTO_OUT pem = { .secret = true };
	enum dca_rc rc = dca_file_read(&pem, path, PEM_MAX, e);
	BIO *b;

	if (rc != DCA_OK)
		return rc;
	b = BIO_new_mem_buf(pem.p, (int)pem.n);
	if (b == NULL)
		abort();
	/* the empty pass phrase: a daemon does not ask for one */
	d->key = PEM_read_bio_PrivateKey(b, NULL, NULL, (char[]){ "" });
	BIO_free(b);
	if (d->key == NULL)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: no private key in unencrypted PEM form", path);
	return DCA_OK;
}

/* The first certificate is ours, the others are its chain. */
static enum dca_rc
load_certificates(struct front_dtls *d, const char *path, struct dca_err *e)
{
	DCA_AUTO_OUT pem = { 0 };
	enum dca_rc rc = dca_file_read(&pem, path, PEM_MAX, e);
	X509 *x;
	BIO *b;

	if (rc != DCA_OK)
		return rc;
	b = BIO_new_mem_buf(pem.p, (int)pem.n);
	d->chain = sk_X509_new_null();
	if (b == NULL || d->chain == NULL)
		abort();
	d->cert = PEM_read_bio_X509(b, NULL, NULL, NULL);
	while (d->cert != NULL &&
	    (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_push(d->chain, x) <= 0)
			abort();
	}
	BIO_free(b);
	ERR_clear_error();	/* "no more PEM" is how the loop ends */
	if (d->cert == NULL)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: no certificate in PEM form", path);
	return DCA_OK;
}

static enum dca_rc
load_identity(struct front *f, struct dca_err *e)
{
	struct front_dtls *d = f->dtls;
	char group[32] = "";
	size_t n;
	enum dca_rc rc = load_key(d, f->conf.key, e);

	if (rc == DCA_OK)
		rc = load_certificates(d, f->conf.certificate, e);
	if (rc != DCA_OK)
		return rc;
	if (!EVP_PKEY_is_a(d->key, "EC") ||
	    EVP_PKEY_get_group_name(d->key, group, sizeof(group), &n) != 1 ||
	    strcmp(group, "prime256v1") != 0)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: the key is not EC P-256", f->conf.key);
	if (X509_check_private_key(d->cert, d->key) != 1)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s is not the certificate of %s", f->conf.certificate,
		    f->conf.key);
	return DCA_OK;
}

/* --- handshakes --- */

/* In place of X509_verify_cert: any certificate will do here (see above). */
static int
accept_certificate(X509_STORE_CTX *store, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static int
accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

/*
 * Certificates are parsed once and given to each SSL here; libcoap would read
 * the PEM files for every ClientHello (2.9 ms instead of 1.3 ms, measured).
 * It first fails to set up its own, says so in one log line and goes on; a
 * test pins this.
 */
static bool
set_up(struct front_dtls *d, SSL *ssl)
{
	SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);
	static const uint8_t name[] = "dca-front";
	/* OpenSSL's macros cast const away. */
	char curve[] = "P-256", sigalgs[] = "ECDSA+SHA256";

	SSL_CTX_set_cert_verify_callback(ctx, accept_certificate, NULL);
	/* A session lives in its ticket, not in a cache of ours. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	    accept_any);
	SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
	SSL_set_max_cert_list(ssl, CERT_LIST_MAX);
	/* Without it every resumption with a client certificate dies with
	 * alert 80 (reproduced). */
	return SSL_set_session_id_context(ssl, name, sizeof(name) - 1) == 1 &&
	    SSL_set_cipher_list(ssl, CIPHERS) == 1 &&
	    SSL_set1_groups_list(ssl, curve) == 1 &&
	    SSL_set1_sigalgs_list(ssl, sigalgs) == 1 &&
	    SSL_set1_client_sigalgs_list(ssl, sigalgs) == 1 &&
	    SSL_use_certificate(ssl, d->cert) == 1 &&
	    SSL_use_PrivateKey(ssl, d->key) == 1 &&
	    SSL_set1_chain(ssl, d->chain) == 1;
}

/* Once per ClientHello that carries a good cookie: the source is real. */
static int
on_client_hello(void *tls, coap_dtls_pki_t *pki)
{
	SSL *ssl = tls;
	coap_session_t *s = SSL_get_app_data(ssl);
	struct front *f = coap_get_app_data(coap_session_get_context(s));
	bool ok;

	(void)pki;
	f->count.handshakes++;
	front_seat_take(f->seats, ssl, coap_session_get_addr_remote(s));
	ok = set_up(f->dtls, ssl);
	if (!ok)
		dca_log(DCA_ERR, "dtls=setup error=%s",
		    ERR_reason_error_string(ERR_peek_error()));
	ERR_clear_error();
	return ok;
}

static int
on_event(coap_session_t *s, const coap_event_t event)
{
	struct front *f = coap_get_app_data(coap_session_get_context(s));
	struct front_peer *p = coap_session_get_app_data(s);

	if (event == COAP_EVENT_DTLS_CONNECTED) {
		f->count.sessions++;
		front_seat_open(f->seats, s);
	}
	if (p != NULL && (event == COAP_EVENT_DTLS_CLOSED ||
	    event == COAP_EVENT_DTLS_ERROR ||
	    event == COAP_EVENT_SERVER_SESSION_DEL))
		front_peer_close(p);
	return 0;
}

/* Everything libcoap logs can be caused by a stranger: debug only. */
static void
on_log(coap_log_t level, const char *text)
{
	int n = (int)strcspn(text, "\n");

	if (strstr(text, "No Server Certificate defined") == NULL)
		dca_log(DCA_DEBUG, "libcoap=%d %.*s", (int)level, n, text);
}

/* --- the context --- */

static enum dca_rc
listen_address(coap_address_t *a, const struct front_conf *c, struct dca_err *e)
{
	coap_address_init(a);
	if (inet_pton(AF_INET, c->address, &a->addr.sin.sin_addr) == 1) {
		a->addr.sin.sin_family = AF_INET;
		a->addr.sin.sin_port = htons((uint16_t)c->port);
		a->size = sizeof(a->addr.sin);
		return DCA_OK;
	}
	if (inet_pton(AF_INET6, c->address, &a->addr.sin6.sin6_addr) == 1) {
		a->addr.sin6.sin6_family = AF_INET6;
		a->addr.sin6.sin6_port = htons((uint16_t)c->port);
		a->size = sizeof(a->addr.sin6);
		return DCA_OK;
	}
	return dca_fail(e, DCA_RULE_CONFIG, "'%s' is not an IP address",
	    c->address);
}

/*
 * In place of coap_io_process: libcoap is told of its socket only when the
 * gate has seen what it will read there, and reads one datagram each time.
 */
void
front_dtls_io(struct front *f)
{
	struct epoll_event ready[EVENTS];
	unsigned budget = DATAGRAMS;
	int64_t now = front_clock();
	coap_tick_t ticks;
	int n;

	coap_ticks(&ticks);
	coap_io_prepare_epoll(f->coap, ticks);
	n = epoll_wait(coap_context_get_coap_fd(f->coap), ready, EVENTS, 0);
	for (int i = 0; i < n; i++) {
		if (ready[i].data.ptr == NULL) {	/* libcoap's timer */
			coap_io_do_epoll(f->coap, &ready[i], 1);
			continue;
		}
		while (front_gate_next(f->gate, now, &budget) ==
		    FRONT_NEXT_PASS)
			coap_io_do_epoll(f->coap, &ready[i], 1);
	}
}

static void
on_ready(void *arg, uint32_t events)
{
	(void)events;
	front_dtls_io(arg);
}

static void
add_resources(coap_context_t *c)
{
	coap_resource_t *links = coap_resource_init(
	    coap_make_str_const(".well-known/core"), 0);
	coap_resource_t *rest = coap_resource_unknown_init(front_on_request);

	/* One handler for all, so that an unknown path is 4.04 for DELETE too
	 * (libcoap says 2.02) and refusals are problem details. */
	for (int m = COAP_REQUEST_GET; m <= COAP_REQUEST_IPATCH; m++) {
		coap_register_request_handler(links, (coap_request_t)m,
		    front_on_request);
		coap_register_request_handler(rest, (coap_request_t)m,
		    front_on_request);
	}
	coap_add_resource(c, links);
	coap_add_resource(c, rest);
}

static enum dca_rc
open_context(struct front *f, struct dca_err *e)
{
	coap_dtls_pki_t pki = {
		.version = COAP_DTLS_PKI_SETUP_VERSION,
		.verify_peer_cert = 1,
		.additional_tls_setup_call_back = on_client_hello,
		.pki_key = { .key_type = COAP_PKI_KEY_PEM },
	};
	coap_address_t a;
	enum dca_rc rc = listen_address(&a, &f->conf, e);

	if (rc != DCA_OK)
		return rc;
	coap_startup();
	coap_set_log_handler(on_log);
	coap_set_log_level(FRONT_LOG_LEVEL);
	coap_dtls_set_log_level(FRONT_LOG_LEVEL);
	f->seats = front_seats_new(f);
	f->gate = front_gate_new(f);
	f->coap = coap_new_context(NULL);
	if (f->coap == NULL || coap_context_get_coap_fd(f->coap) < 0)
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "libcoap has no context or no epoll");
	coap_set_app_data(f->coap, f);
	coap_register_event_handler(f->coap, on_event);
	/* Blocks are ours (block.c). */
	coap_context_set_block_mode(f->coap, 0);
	coap_context_set_max_handshake_sessions(f->coap,
	    (unsigned)f->conf.handshakes);
	coap_context_set_max_idle_sessions(f->coap, (unsigned)f->conf.sessions);
	coap_context_set_session_timeout(f->coap, (unsigned)f->conf.idle);
	if (!coap_context_set_pki(f->coap, &pki))
		return dca_fail(e, DCA_RULE_INTERNAL, "libcoap has no DTLS");
	add_resources(f->coap);
	if (coap_new_endpoint(f->coap, &a, COAP_PROTO_DTLS) == NULL)
		return dca_fail(e, DCA_RULE_IO, "cannot listen at %s port %u",
		    f->conf.address, (unsigned)f->conf.port);
	rc = front_gate_shut(f->gate, &a, e);
	if (rc != DCA_OK)
		return rc;
	dca_loop_add(f->loop, coap_context_get_coap_fd(f->coap), EPOLLIN,
	    on_ready, f);
	return DCA_OK;
}

enum dca_rc
front_dtls_new(struct front *f, struct dca_err *e)
{
	enum dca_rc rc;

	f->dtls = dca_alloc(sizeof(*f->dtls));
	memset(f->dtls, 0, sizeof(*f->dtls));
	rc = load_identity(f, e);
	if (rc == DCA_OK)
		rc = open_context(f, e);
	return rc;
}

void
front_dtls_free(struct front *f)
{
	while (f->peers != NULL)
		front_peer_close(f->peers);
	if (f->coap != NULL) {
		dca_loop_remove(f->loop, coap_context_get_coap_fd(f->coap));
		coap_free_context(f->coap);
		coap_cleanup();
	}
	front_gate_free(f->gate);
	front_seats_free(f->seats);
	if (f->dtls == NULL)
		return;
	EVP_PKEY_free(f->dtls->key);
	X509_free(f->dtls->cert);
	sk_X509_pop_free(f->dtls->chain, X509_free);
	dca_free_p(&f->dtls);
}
