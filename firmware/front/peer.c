/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of one DTLS session: its certificate, its source, its recent
 * exchanges, one upload, few downloads. libcoap does not remember requests it
 * has answered (the same packet ran the handler twice, reproduced); this file
 * does, for EXCHANGE_LIFETIME and within bounds. The session belongs to
 * libcoap: it is referenced only while a question of it is with the vault.
 */
#include <arpa/inet.h>
#include <string.h>

#include <openssl/ssl.h>

#include "front.h"

enum { PEER_CERT_MAX = DCA_CSR_MAX * 4 };	/* include/dca/message.h */

static void
hash_key(uint8_t out[static DCA_SHA256_LEN], const X509 *x)
{
	uint8_t *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	if (n < 0)
		abort();
	dca_sha256(out, DCA_BUF(der, (size_t)n));
	OPENSSL_free(der);
}

static enum dca_rc
take_certificate(struct dca_out *der, uint8_t key[static DCA_SHA256_LEN],
    coap_session_t *s, struct dca_err *e)
{
	coap_tls_library_t lib;
	SSL *ssl = coap_session_get_tls(s, &lib);
	X509 *x;
	int n;

	if (ssl == NULL || lib != COAP_TLS_LIBRARY_OPENSSL)
		return dca_fail(e, DCA_RULE_AUTH_CERTIFICATE, "no DTLS");
	x = SSL_get1_peer_certificate(ssl);
	if (x == NULL)
		return dca_fail(e, DCA_RULE_AUTH_CERTIFICATE,
		    "the session has no client certificate");
	hash_key(key, x);
	n = i2d_X509(x, NULL);
	if (n > 0 && n <= PEER_CERT_MAX) {
		uint8_t *p = der->p = dca_alloc((size_t)n);

		der->n = der->cap = (size_t)i2d_X509(x, &p);
	}
	X509_free(x);
	if (der->n == 0)
		return dca_fail(e, DCA_RULE_AUTH_CERTIFICATE,
		    "the client certificate is larger than %d octets",
		    PEER_CERT_MAX);
	return DCA_OK;
}

static void
print_address(char out[static FRONT_ADDRESS], const coap_address_t *a)
{
	char ip[INET6_ADDRSTRLEN] = "?";

	if (a->addr.sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &a->addr.sin.sin_addr, ip, sizeof(ip));
	else if (a->addr.sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a->addr.sin6.sin6_addr, ip, sizeof(ip));
	dca_strlcpy(out, ip, FRONT_ADDRESS);
}

struct front_peer *
front_peer(struct front *f, coap_session_t *s, struct dca_err *e)
{
	struct front_peer *p = coap_session_get_app_data(s);
	struct dca_out cert = { 0 };
	uint8_t key[DCA_SHA256_LEN];

	if (p != NULL)
		return p;
	if (take_certificate(&cert, key, s, e) != DCA_OK)
		return NULL;
	p = dca_alloc(sizeof(*p));
	memset(p, 0, sizeof(*p));
	p->front = f;
	p->session = s;
	p->cert = cert;
	memcpy(p->key, key, sizeof(p->key));
	print_address(p->address, coap_session_get_addr_remote(s));
	p->next = f->peers;
	if (p->next != NULL)
		p->next->prev = p;
	f->peers = p;
	coap_session_set_app_data(s, p);
	return p;
}

/* --- exchanges --- */

static void
exchange_free(struct front_exchange *x)
{
	struct front_peer *p = x->peer;

	if (x->pending)
		front_forget(x);
	if (x->kept)
		p->front->kept_bytes -= x->reply.body.n;
	front_reply_clear(&x->reply);
	p->n_exchanges--;
	dca_free_p(&x);
}

void
front_peer_close(struct front_peer *p)
{
	struct front *f = p->front;

	coap_session_set_app_data(p->session, NULL);
	front_upload_drop(p);
	for (size_t i = 0; i < FRONT_DOWNLOADS; i++)
		front_download_drop(p, &p->downloads[i]);
	while (p->exchanges != NULL) {
		struct front_exchange *x = p->exchanges;

		p->exchanges = x->next;
		exchange_free(x);
	}
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		f->peers = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	dca_out_free(&p->cert);
	dca_free_p(&p);
}

struct front_exchange *
front_exchange_find(struct front_peer *p, const struct front_request *rq)
{
	int64_t now = front_clock();

	for (struct front_exchange *x = p->exchanges; x != NULL; x = x->next) {
		if (x->mid == rq->mid && x->token_n == rq->token_n &&
		    memcmp(x->token, rq->token, rq->token_n) == 0 &&
		    now - x->since < FRONT_LIFETIME * 1000)
			return x;
	}
	return NULL;
}

/* Drops answered exchanges: those older than since and, when there are too
 * many, the oldest. */
static void
trim(struct front_peer *p, int64_t since, unsigned most)
{
	struct front_exchange **at = &p->exchanges, *x;
	unsigned seen = 0;

	while ((x = *at) != NULL) {
		if (!x->pending && (x->since < since || seen >= most)) {
			*at = x->next;
			exchange_free(x);
			continue;
		}
		seen++;
		at = &x->next;
	}
}

struct front_exchange *
front_exchange_new(struct front_peer *p, const struct front_request *rq)
{
	struct front_exchange *x;

	if (p->n_exchanges >= FRONT_EXCHANGES)
		trim(p, 0, FRONT_EXCHANGES - 1);
	x = dca_alloc(sizeof(*x));
	memset(x, 0, sizeof(*x));
	x->peer = p;
	x->mid = rq->mid;
	x->con = rq->con;
	x->token_n = rq->token_n;
	memcpy(x->token, rq->token, rq->token_n);
	x->since = front_clock();
	front_reply_init(&x->reply);
	x->next = p->exchanges;
	p->exchanges = x;
	p->n_exchanges++;
	return x;
}

void
front_exchange_keep(struct front_exchange *x)
{
	struct front *f = x->peer->front;

	if (f->kept_bytes + x->reply.body.n > FRONT_KEPT) {
		front_reply_clear(&x->reply);
		return;
	}
	f->kept_bytes += x->reply.body.n;
	x->kept = true;
}

static coap_pdu_t *
answer_pdu(const struct front_exchange *x)
{
	coap_session_t *s = x->peer->session;
	size_t size = coap_session_max_pdu_size(s);

	if (x->con && !x->acked)
		return coap_pdu_init(COAP_MESSAGE_ACK, 0, (coap_mid_t)x->mid,
		    size);
	return coap_pdu_init(x->con ? COAP_MESSAGE_CON : COAP_MESSAGE_NON, 0,
	    coap_new_message_id(s), size);
}

/* Sending may find the session broken, which frees its peer and exchanges:
 * the caller touches neither afterwards. */
static void
send_pdu(coap_session_t *s, coap_pdu_t *pdu)
{
	coap_session_reference(s);
	coap_send(s, pdu);
	coap_session_release(s);
}

void
front_exchange_send(struct front_exchange *x)
{
	coap_session_t *s = x->peer->session;
	coap_pdu_t *pdu = answer_pdu(x);

	if (pdu != NULL) {
		coap_add_token(pdu, x->token_n, x->token);
		front_reply_fill(pdu, &x->reply);
	}
	x->peer->front->count.answered++;
	front_exchange_keep(x);
	if (pdu != NULL)
		send_pdu(s, pdu);
}

void
front_exchange_ack(struct front_exchange *x)
{
	coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_ACK, 0,
	    (coap_mid_t)x->mid, 0);

	x->acked = true;
	if (pdu != NULL)
		send_pdu(x->peer->session, pdu);
}

void
front_peers_sweep(struct front *f, int64_t now)
{
	for (struct front_peer *p = f->peers; p != NULL; p = p->next) {
		trim(p, now - FRONT_LIFETIME * 1000, FRONT_EXCHANGES);
		if (p->upload.res != NULL &&
		    now - p->upload.last > FRONT_TRANSFER * 1000)
			front_upload_drop(p);
		for (size_t i = 0; i < FRONT_DOWNLOADS; i++) {
			struct front_download *d = &p->downloads[i];

			if (d->set && now - d->last > FRONT_TRANSFER * 1000)
				front_download_drop(p, d);
		}
	}
}
