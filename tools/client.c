/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CoAPs session of dcactl and dca-enroll over libcoap: opens one DTLS
 * session, knows the server by its pinned key alone, carries one exchange at a
 * time. It never sends a request before the pin was compared, and it never
 * looks at what it carries.
 */
#include "client-room.h"

#include <netdb.h>
#include <openssl/conf.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	HANDSHAKE_SECONDS = 15,
	MTU = 1280,	/* libcoap drops datagrams above 1472 octets
			 * (COAP_RXBUFFER_SIZE); 1280 passes any path
			 * (RFC 8200 5) */
};

int64_t
dca_client_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * AES128-CCM8, the suite RFC 9148 3 makes mandatory, has a 64 bit tag: OpenSSL
 * 3 offers it at security level 0 only, and libcoap makes its SSL_CTX and
 * sends the ClientHello before it lets anybody near. The one way in front of
 * that is the library configuration. The weaker suites this lets into the
 * ClientHello are refused by check_session; the peer is known by its key anyway.
 */
static void
offer_ccm8(void)
{
	static const char text[] = "openssl_conf = dca\n"
				   "[dca]\nssl_conf = dca_ssl\n"
				   "[dca_ssl]\nsystem_default = dca_default\n"
				   "[dca_default]\n"
				   "CipherString = DEFAULT@SECLEVEL=0\n";
	BIO *in = BIO_new_mem_buf(text, sizeof(text) - 1);
	CONF *conf = NCONF_new(NULL);
	long line;

	/* First what the machine's own openssl.cnf says (providers). */
	OPENSSL_init_ssl(0, NULL);
	if (in && conf && NCONF_load_bio(conf, in, &line) > 0)
		(void)CONF_modules_load(conf, NULL, 0);
	NCONF_free(conf);
	BIO_free(in);
}

static bool
key_hash(uint8_t out[static 32], X509 *cert)
{
	uint8_t *der = NULL;
	int n;

	if (!cert)
		return false;
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (n <= 0)
		return false;
	dca_sha256(out, DCA_BUF(der, n));
	OPENSSL_free(der);
	return true;
}

/* In place of X509_verify_cert: the pin is the whole decision (dca(7) TRUST). */
static int
verify_pin(X509_STORE_CTX *store, void *arg)
{
	struct dca_client *c = arg;

	c->certificate = key_hash(c->shown, X509_STORE_CTX_get0_cert(store));
	c->pinned = c->certificate && memcmp(c->shown, c->pin, 32) == 0;
	if (c->pinned)
		return 1;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

static struct dca_client *
client_of(const SSL *ssl)
{
	coap_session_t *session = SSL_get_app_data(ssl);

	return session ? coap_session_get_app_data(session) : NULL;
}

/* Keeps the peer's alert for the message, then does what libcoap does. */
static void
on_info(const SSL *ssl, int where, int ret)
{
	struct dca_client *c = client_of(ssl);

	if (!c)
		return;
	if ((where & SSL_CB_ALERT) && (where & SSL_CB_READ) &&
	    (ret >> 8) == SSL3_AL_FATAL)
		dca_strlcpy(c->alert, SSL_alert_desc_string_long(ret),
		    sizeof(c->alert));
	if (c->info)
		c->info(ssl, where, ret);
}

/* The certificate once more: an anonymous suite never calls verify_pin. */
static enum dca_rc
check_session(const struct dca_client *c, struct dca_err *e)
{
	coap_tls_library_t library;
	SSL *ssl = coap_session_get_tls(c->session, &library);
	X509 *peer = ssl ? SSL_get1_peer_certificate(ssl) : NULL;
	const SSL_CIPHER *suite = ssl ? SSL_get_current_cipher(ssl) : NULL;
	uint8_t hash[32];
	bool same = key_hash(hash, peer) && memcmp(hash, c->pin, 32) == 0;

	X509_free(peer);
	if (!same || !c->pinned)
		return dca_fail(e, DCA_RULE_SERVER_KEY,
		    "%s did not prove the pinned key", c->where);
	if (!suite || !SSL_CIPHER_is_aead(suite) ||
	    strncmp(SSL_CIPHER_get_name(suite), "ECDHE-ECDSA-", 12) != 0)
		return dca_fail(e, DCA_RULE_SERVER_KEY,
		    "%s chose the cipher suite %s, not ECDHE-ECDSA with AEAD",
		    c->where, suite ? SSL_CIPHER_get_name(suite) : "none");
	return DCA_OK;
}

static int
on_event(coap_session_t *session, coap_event_t event)
{
	struct dca_client *c = coap_session_get_app_data(session);

	if (!c)
		return 0;
	if (event == COAP_EVENT_DTLS_CONNECTED)
		c->connected = true;
	if (event == COAP_EVENT_DTLS_ERROR || event == COAP_EVENT_DTLS_CLOSED)
		c->failed = true;
	return 0;
}

static void
quiet(coap_log_t level, const char *message)
{
	(void)level;
	(void)message;
}

/* Looks at every turn whether the session is still there: libcoap drops it
 * without an event when the port is closed (ICMP). */
void
dca_client_turn(struct dca_client *c)
{
	coap_tls_library_t library;

	coap_io_process(c->ctx, 100);
	if (!coap_session_get_tls(c->session, &library))
		c->failed = true;
}

static enum dca_rc
handshake_failed(struct dca_client *c, struct dca_err *e)
{
	char want[65], got[65];

	if (c->certificate && !c->pinned) {
		dca_hex(want, c->pin, 32);
		dca_hex(got, c->shown, 32);
		return dca_fail(e, DCA_RULE_SERVER_KEY,
		    "%s shows the key sha256:%s, pinned is sha256:%s", c->where,
		    got, want);
	}
	if (c->alert[0])
		return dca_fail(e, DCA_RULE_IO,
		    "%s refused the DTLS handshake: %s", c->where, c->alert);
	if (c->failed)
		return dca_fail(e, DCA_RULE_IO,
		    "nobody listens at %s, or the DTLS handshake failed: is "
		    "the address right, does dca-front run?", c->where);
	return dca_fail(e, DCA_RULE_IO, "no answer from %s within %d "
	    "seconds: is the address right, is UDP let through?", c->where,
	    HANDSHAKE_SECONDS);
}

static enum dca_rc
handshake(struct dca_client *c, EVP_PKEY *key, X509 *cert, struct dca_err *e)
{
	int64_t end = dca_client_clock() + HANDSHAKE_SECONDS * 1000;
	coap_tls_library_t library;
	SSL *ssl = coap_session_get_tls(c->session, &library);
	SSL_CTX *ctx;

	if (!ssl || library != COAP_TLS_LIBRARY_OPENSSL)
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "libcoap is not the OpenSSL one");
	/* The ClientHello is out; what follows is used when its answer is
	 * read, in coap_io_process. libcoap calls
	 * additional_tls_setup_call_back on servers only. */
	ctx = SSL_get_SSL_CTX(ssl);
	SSL_CTX_set_cert_verify_callback(ctx, verify_pin, c);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	c->info = SSL_CTX_get_info_callback(ctx);
	SSL_set_info_callback(ssl, on_info);
	if (SSL_use_certificate(ssl, cert) != 1 ||
	    SSL_use_PrivateKey(ssl, key) != 1)
		return dca_fail(e, DCA_RULE_INPUT,
		    "client certificate and key do not belong together");
	while (!c->connected && !c->failed && dca_client_clock() < end)
		dca_client_turn(c);
	if (!c->connected || c->failed)
		return handshake_failed(c, e);
	return check_session(c, e);
}

static enum dca_rc
connect_to(struct dca_client *c, const struct addrinfo *ai, EVP_PKEY *key,
    X509 *cert, struct dca_err *e)
{
	coap_dtls_pki_t pki = { .version = COAP_DTLS_PKI_SETUP_VERSION,
		.verify_peer_cert = 1,
		.pki_key.key_type = COAP_PKI_KEY_PEM };
	coap_address_t to;

	coap_address_init(&to);
	if (ai->ai_addrlen > sizeof(to.addr))
		return dca_fail(e, DCA_RULE_IO, "unknown kind of address");
	memcpy(&to.addr, ai->ai_addr, ai->ai_addrlen);
	to.size = ai->ai_addrlen;
	c->connected = c->failed = c->certificate = c->pinned = false;
	c->alert[0] = '\0';
	c->session = coap_new_client_session_pki(c->ctx, NULL, &to,
	    COAP_PROTO_DTLS, &pki);
	if (!c->session)
		return dca_fail(e, DCA_RULE_IO, "cannot send to %s", c->where);
	coap_session_set_app_data(c->session, c);
	coap_session_set_mtu(c->session, MTU);
	return handshake(c, key, cert, e);
}

/* coaps://host[:port], host may be [v6]; nothing after it. */
static bool
split_url(const char *url, char host[static 256], char port[static 8])
{
	const char *p = url, *end, *colon;
	size_t n;

	if (strncmp(url, "coaps://", 8) != 0)
		return false;
	p += 8;
	if (*p == '[') {
		end = strchr(++p, ']');
		if (!end)
			return false;
		colon = end + 1;
	} else {
		end = p + strcspn(p, ":/");
		colon = end;
	}
	n = (size_t)(end - p);
	if (n == 0 || n >= 256)
		return false;
	memcpy(host, p, n);
	host[n] = '\0';
	dca_strlcpy(port, "5684", 8);
	if (*colon == ':') {
		n = strspn(colon + 1, "0123456789");
		if (n == 0 || n > 5)
			return false;
		memcpy(port, colon + 1, n);
		port[n] = '\0';
		colon += 1 + n;
	}
	return *colon == '\0' || strcmp(colon, "/") == 0;
}

static void
setup(struct dca_client *c)
{
	offer_ccm8();
	coap_startup();
	coap_set_log_handler(quiet);
	c->ctx = coap_new_context(NULL);
	if (!c->ctx)
		abort();
	coap_context_set_block_mode(c->ctx,
	    COAP_BLOCK_USE_LIBCOAP | COAP_BLOCK_SINGLE_BODY);
	coap_register_event_handler(c->ctx, on_event);
	dca_client_handlers(c->ctx);
}

enum dca_rc
dca_client_open(struct dca_client **out, const char *url,
    const uint8_t pin[static 32], EVP_PKEY *key, X509 *cert, struct dca_err *e)
{
	/* Not AI_ADDRCONFIG: it hides localhost where there is only lo. */
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list = NULL, *ai;
	struct dca_client *c;
	char host[256], port[8];
	enum dca_rc rc = DCA_IO;
	int gai;

	*out = NULL;
	if (!split_url(url, host, port))
		return dca_fail(e, DCA_RULE_INPUT,
		    "server is coaps://host:port, not \"%.100s\"", url);
	gai = getaddrinfo(host, port, &hints, &list);
	if (gai != 0)
		return dca_fail(e, DCA_RULE_IO, "host %s: %s", host,
		    gai_strerror(gai));
	c = dca_alloc(sizeof(*c));
	memset(c, 0, sizeof(*c));
	memcpy(c->pin, pin, 32);
	snprintf(c->where, sizeof(c->where), "%s:%s", host, port);
	setup(c);
	/* localhost is ::1 first; the front may listen at 127.0.0.1 only. */
	for (ai = list; ai; ai = ai->ai_next) {
		rc = connect_to(c, ai, key, cert, e);
		if (rc != DCA_IO)
			break;
		if (ai->ai_next && c->session) {
			coap_session_release(c->session);
			c->session = NULL;
		}
	}
	freeaddrinfo(list);
	if (rc == DCA_OK)
		*out = c;
	else
		dca_client_close(c);
	return rc;
}

void
dca_client_close(struct dca_client *c)
{
	if (!c)
		return;
	if (c->session)
		coap_session_release(c->session);
	coap_free_context(c->ctx);
	coap_cleanup();
	free(c);
}
