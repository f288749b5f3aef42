/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds the handshakes and sessions there are. A seat is one SSL; it is
 * taken at a ClientHello whose source is known to be real, and given back when
 * OpenSSL frees the SSL, which is the only end that libcoap never leaves out.
 * No address may hold more than its share: who opens too many sessions loses
 * the oldest of its own, and who leaves too many handshakes unfinished waits.
 * Nothing here is done for a source that has not shown a cookie.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "front.h"

struct seat {
	struct seat *prev, *next;	/* newest first */
	struct front_seats *seats;
	SSL *ssl;
	uint8_t source[FRONT_SOURCE];
	bool open;			/* the handshake is over */
	int64_t since;
};

/* Where an SSL keeps its seat. */
static int seat_index = -1;

struct front_seats {
	struct front *front;
	struct seat *first;
	uint64_t handshakes;
};

static void
seat_free(void *parent, void *p, CRYPTO_EX_DATA *ad, int index, long n,
    void *arg)
{
	struct seat *s = p;

	(void)parent;
	(void)ad;
	(void)index;
	(void)n;
	(void)arg;
	if (s == NULL)
		return;
	if (!s->open)
		s->seats->handshakes--;
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		s->seats->first = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	dca_free_p(&s);
}

struct front_seats *
front_seats_new(struct front *f)
{
	struct front_seats *t = dca_alloc(sizeof(*t));

	memset(t, 0, sizeof(*t));
	t->front = f;
	seat_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, seat_free);
	if (seat_index < 0)
		abort();
	return t;
}

void
front_seats_free(struct front_seats *t)
{
	if (t == NULL)
		return;
	if (t->first != NULL)
		abort();	/* libcoap's context went before */
	CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, seat_index);
	dca_free_p(&t);
}

static bool
is_of(const struct seat *s, const uint8_t source[static FRONT_SOURCE])
{
	return memcmp(s->source, source, FRONT_SOURCE) == 0;
}

/*
 * The last quarter of all handshakes is for sources that have none under way:
 * many addresses with a few each do not shut the door either.
 */
bool
front_seat_offered(const struct front_seats *t, const coap_address_t *a)
{
	const struct front_conf *c = &t->front->conf;
	uint8_t source[FRONT_SOURCE];
	uint64_t mine = 0;

	front_source(source, a);
	for (const struct seat *s = t->first; s != NULL; s = s->next) {
		if (!s->open && is_of(s, source))
			mine++;
	}
	return mine < c->source_handshakes && t->handshakes < c->handshakes &&
	    (mine == 0 || t->handshakes < c->handshakes - c->handshakes / 4);
}

void
front_seat_take(struct front_seats *t, SSL *ssl, const coap_address_t *a)
{
	struct seat *s;

	if (SSL_get_ex_data(ssl, seat_index) != NULL)
		return;		/* a second ClientHello of the same session */
	s = dca_alloc(sizeof(*s));
	memset(s, 0, sizeof(*s));
	s->seats = t;
	s->ssl = ssl;
	s->since = front_clock();
	front_source(s->source, a);
	s->next = t->first;
	if (s->next != NULL)
		s->next->prev = s;
	t->first = s;
	t->handshakes++;
	if (SSL_set_ex_data(ssl, seat_index, s) != 1)
		abort();
}

/* Ends the session of s and frees s. */
static void
end(struct seat *s)
{
	coap_session_t *session = SSL_get_app_data(s->ssl);

	if (session != NULL)
		coap_session_disconnected(session, COAP_NACK_TLS_FAILED);
}

static void
keep_share(struct front_seats *t, const struct seat *of)
{
	uint64_t held = 0;
	struct seat *oldest = NULL;

	for (struct seat *s = t->first; s != NULL; s = s->next) {
		if (!s->open || !is_of(s, of->source))
			continue;
		held++;
		oldest = s;
	}
	if (held <= t->front->conf.source_sessions)
		return;
	t->front->count.sessions_ended++;
	end(oldest);
}

void
front_seat_open(struct front_seats *t, coap_session_t *session)
{
	coap_tls_library_t lib;
	SSL *ssl = coap_session_get_tls(session, &lib);
	struct seat *s = ssl == NULL ? NULL : SSL_get_ex_data(ssl, seat_index);

	if (s == NULL || s->open)
		return;
	s->open = true;
	t->handshakes--;
	keep_share(t, s);
}

/* Unfinished handshakes go after seconds, not after libcoap's half minute. */
void
front_seats_tick(struct front_seats *t, int64_t now)
{
	struct seat *s = t->first, *next;

	for (; s != NULL; s = next) {
		coap_session_t *session = SSL_get_app_data(s->ssl);

		next = s->next;
		if (s->open || now - s->since <= FRONT_HANDSHAKE * 1000 ||
		    session == NULL || coap_session_get_state(session) !=
		    COAP_SESSION_STATE_HANDSHAKE)
			continue;
		t->front->count.handshakes_expired++;
		end(s);
	}
}
