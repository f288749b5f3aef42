/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of dca-front: one thread, one libcoap context, one connection to the
 * vault. A peer is what we know of one DTLS session; an exchange is one
 * request of it and, later, its answer; a reply is an answer before it is a
 * PDU. Nothing here is shared with another room.
 */
#ifndef FRONT_H
#define FRONT_H

#include <coap3/coap.h>
#include <openssl/ssl.h>

#include "dca/os.h"

enum {
	FRONT_TOKEN = 8,	/* RFC 7252 3 */
	FRONT_ADDRESS = 64,
	FRONT_SOURCE = 16,
	FRONT_KEY = DCA_SHA256_LEN,
	FRONT_BLOCK = 1024,	/* our largest Block2 */
	FRONT_SZX = 6,		/* and its exponent */
	FRONT_JOBS = 1024,	/* questions waiting for the vault */
	FRONT_LANE = 128,	/* of them kept for what is below /dca/ */
	FRONT_JOB_SECONDS = 60,
	FRONT_ACK_MS = 500,	/* then the answer becomes a separate one */
	FRONT_PENDING = 16,	/* of one session */
	FRONT_EXCHANGES = 32,	/* kept for one session */
	FRONT_LIFETIME = 247,	/* EXCHANGE_LIFETIME, RFC 7252 4.8.2 */
	FRONT_DOWNLOADS = 2,	/* large answers kept for one session */
	FRONT_TRANSFER = 60,	/* seconds between two blocks */
	FRONT_KEPT = 32 * 1024 * 1024,	/* octets of answers, all sessions:
					 * small ones, and downloads */
	FRONT_HANDSHAKE = 10,	/* seconds to finish one */
};

struct front_conf {
	char address[FRONT_ADDRESS];
	uint64_t port;
	char key[4096], certificate[4096];
	uint64_t handshakes, sessions, source_handshakes, source_sessions;
	int64_t idle;
	uint64_t requests, burst, key_requests, key_burst, body, memory;
	char socket[4096];
};

/* What is counted and logged every minute. */
#define FRONT_COUNTERS(X) \
	X(sessions) X(handshakes) X(handshakes_refused) X(handshakes_expired) \
	X(requests) X(repeats) X(uploads) X(asked) X(answered) X(refused) \
	X(limited) X(vault_down) X(late) X(uploads_evicted) \
	X(downloads_evicted) X(cookies_asked) X(hellos_dropped) \
	X(sessions_ended)
struct front_counters {
#define X(name) uint64_t name;
	FRONT_COUNTERS(X)
#undef X
};

struct front_rate;
struct front_link;
struct front_dtls;
struct front_gate;
struct front_seats;

struct front {
	struct front_conf conf;
	struct dca_loop *loop;
	coap_context_t *coap;
	struct front_dtls *dtls;
	struct front_gate *gate;
	struct front_seats *seats;
	struct front_rate *rate, *key_rate;
	struct front_link *link;
	struct front_peer *peers;
	uint64_t upload_bytes, kept_bytes, download_bytes;
	struct front_counters count, logged;
	int64_t log_second;
	unsigned log_lines;
};

/* --- an answer --- */
struct front_reply {
	int code;		/* 205 is 2.05; 0: none */
	int format;		/* Content-Format, -1: none */
	int64_t max_age;	/* these: -1 when absent */
	int64_t block1, block2;	/* option values */
	int64_t size1, size2;
	bool has_etag;
	uint8_t etag[4];
	char serial[2 * DCA_SERIAL_LEN + 1];	/* Location-Path dca/certs/.. */
	struct dca_out body;
};
void front_reply_init(struct front_reply *r);
void front_reply_clear(struct front_reply *r);
/* RFC 9290; code 0: that of the rule. */
void front_reply_problem(struct front_reply *r, const struct dca_err *e,
    int code, int64_t max_age);
/* Into a PDU that has its token and nothing else. */
void front_reply_fill(coap_pdu_t *pdu, const struct front_reply *r);

/* --- a request, every option looked at --- */
struct front_block {
	bool set, more;
	uint32_t num;
	unsigned szx;
};
struct front_request {
	int method;		/* 1 GET, 2 POST, ... */
	char path[256], query[513];
	int format, accept;	/* -1: none */
	int64_t size1;		/* -1: none */
	struct front_block block1, block2;
	bool precondition;	/* If-Match, If-None-Match */
	struct dca_buf payload;
	bool con;
	int mid;
	uint8_t token[FRONT_TOKEN];
	size_t token_n;
};
/* BLOCK_OPTION, INPUT. Token and mid are set in any case. */
enum dca_rc front_request_parse(struct front_request *rq,
    const coap_pdu_t *pdu, const coap_string_t *query, struct dca_err *e)
    DCA_CHECKED;
/* What makes two requests belong to one block-wise transfer (RFC 7959 2). */
void front_request_key(const struct front_request *rq,
    uint8_t key[static FRONT_KEY]);

/* --- resources: the table of README.md --- */
struct front_resource {
	const char *path;	/* a last '/': 40 hex digits follow */
	int method;
	int out[2];		/* Accept offered, the first is the default */
	int in;			/* Content-Format, -1: no body */
	size_t cap;		/* of the body */
	enum dca_rule too_large;
	enum dca_message_type ask;	/* NONE: answered here */
	unsigned function;		/* of an ISSUE: enum dca_function */
};
const struct front_resource *front_route(const char *path);
/* RFC 6690 list of the resources that match query (4.1). */
void front_links(struct dca_out *o, const char *query);
/* The one handler of libcoap. */
void front_on_request(coap_resource_t *resource, coap_session_t *session,
    const coap_pdu_t *request, const coap_string_t *query,
    coap_pdu_t *response);

/* --- peers and their exchanges --- */
struct front_peer;
struct front_exchange {
	struct front_exchange *next;
	struct front_peer *peer;
	int mid;
	bool con;
	uint8_t token[FRONT_TOKEN];
	size_t token_n;
	int64_t since;
	/* while the vault works on it */
	bool pending;
	bool acked;		/* by an empty ACK */
	uint64_t id;		/* of the question */
	int64_t deadline;	/* ms */
	const struct front_resource *res;
	int accept;
	struct front_block block2;
	uint8_t key[FRONT_KEY];
	/* afterwards */
	bool kept;		/* reply is here, for repeats */
	struct front_reply reply;
};
struct front_upload {
	const struct front_resource *res;	/* NULL: none */
	uint8_t key[FRONT_KEY];
	struct dca_out body;
	int64_t last;
};
struct front_download {
	bool set;
	uint8_t key[FRONT_KEY];
	uint8_t etag[4];
	int code, format;
	char serial[2 * DCA_SERIAL_LEN + 1];
	struct dca_out body;
	int64_t last;
};
struct front_peer {
	struct front_peer *prev, *next;
	struct front *front;
	coap_session_t *session;
	struct dca_out cert;	/* DER */
	uint8_t key[DCA_SHA256_LEN];	/* of its SubjectPublicKeyInfo */
	char address[FRONT_ADDRESS];
	struct front_exchange *exchanges;	/* newest first */
	unsigned n_exchanges, n_pending;
	struct front_upload upload;
	struct front_download downloads[FRONT_DOWNLOADS];
};
/* Made at the first request. NULL, AUTH_CERTIFICATE: no usable certificate. */
struct front_peer *front_peer(struct front *f, coap_session_t *s,
    struct dca_err *e);
/* The session ends: questions are forgotten, memory given back. */
void front_peer_close(struct front_peer *p);
void front_peers_sweep(struct front *f, int64_t now);
struct front_exchange *front_exchange_find(struct front_peer *p,
    const struct front_request *rq);
struct front_exchange *front_exchange_new(struct front_peer *p,
    const struct front_request *rq);
/* Keeps the answer for repeats when there is room; drops it otherwise. */
void front_exchange_keep(struct front_exchange *x);
/*
 * Sends x->reply and keeps it: in the ACK while that is still owed (RFC 7252
 * 5.2.1), as a separate response (5.2.2) otherwise.
 */
void front_exchange_send(struct front_exchange *x);
void front_exchange_ack(struct front_exchange *x);

/* --- block-wise --- */
/*
 * One block (or a whole body) of rq. *body is set when it is complete, and
 * borrowed until the next call; else reply is 2.31. When all uploads together
 * are too much, the one that waited longest goes: who stalls keeps nobody out.
 * BLOCK, BLOCK_OPTION, res->too_large (reply->size1 is then the limit).
 */
enum dca_rc front_upload(struct front_peer *p, const struct front_request *rq,
    const struct front_resource *res, struct front_reply *reply, bool *complete,
    struct dca_buf *body, struct dca_err *e) DCA_CHECKED;
void front_upload_drop(struct front_peer *p);
/*
 * Cuts reply->body down to the block that was asked for; keeps the whole for
 * the blocks that follow, in place of the one that was idle longest if need
 * be. BLOCK_OPTION.
 */
enum dca_rc front_slice(struct front_peer *p, const uint8_t key[static FRONT_KEY],
    struct front_block want, struct front_reply *reply, struct dca_err *e)
    DCA_CHECKED;
/* A later block of a kept answer; REG_UNKNOWN when there is none. */
enum dca_rc front_download(struct front_peer *p,
    const struct front_request *rq, struct front_reply *reply,
    struct dca_err *e) DCA_CHECKED;
/* Does rq go on with a transfer of p that is under way? */
bool front_transfer_runs(struct front_peer *p,
    const struct front_request *rq);
void front_download_drop(struct front_peer *p, struct front_download *d);

/* --- the vault --- */
struct front_link *front_link_new(struct front *f);
void front_link_free(struct front_link *l);
/*
 * Asks the vault for x, whose pending fields are then set. QUEUE, VAULT_DOWN;
 * *max_age says when to come again.
 */
enum dca_rc front_ask(struct front_exchange *x, const struct front_request *rq,
    const struct front_resource *res, struct dca_buf body, int64_t *max_age,
    struct dca_err *e) DCA_CHECKED;
void front_forget(struct front_exchange *x);
void front_link_tick(struct front_link *l, int64_t now);

/* --- DTLS --- */
enum dca_rc front_dtls_new(struct front *f, struct dca_err *e) DCA_CHECKED;
void front_dtls_free(struct front *f);
/* Reads what came and does what is due. */
void front_dtls_io(struct front *f);

/* --- before libcoap reads --- */
/* Before libcoap's context is made; shut when its endpoint listens at a. */
struct front_gate *front_gate_new(struct front *f);
enum dca_rc front_gate_shut(struct front_gate *g, const coap_address_t *a,
    struct dca_err *e) DCA_CHECKED;
void front_gate_free(struct front_gate *g);
enum front_next {
	FRONT_NEXT_NONE,	/* nothing lies in the socket */
	FRONT_NEXT_PASS,	/* libcoap shall read one datagram */
	FRONT_NEXT_LATER,	/* the budget of this turn is used up */
};
/* Answers and drops what is not for libcoap. */
enum front_next front_gate_next(struct front_gate *g, int64_t now,
    unsigned *budget);

/* --- who holds what --- */
struct front_seats *front_seats_new(struct front *f);
/* After libcoap's context is gone. */
void front_seats_free(struct front_seats *t);
/* May this source begin one more handshake? */
bool front_seat_offered(const struct front_seats *t, const coap_address_t *a);
void front_seat_take(struct front_seats *t, SSL *ssl, const coap_address_t *a);
/* The handshake is over; may end an older session of the same source. */
void front_seat_open(struct front_seats *t, coap_session_t *session);
void front_seats_tick(struct front_seats *t, int64_t now);

/* --- limits --- */
enum { FRONT_COST_REQUEST = 1000, FRONT_COST_BLOCK = 30 };
struct front_rate *front_rate_new(uint64_t per_second, uint64_t burst);
void front_rate_free(struct front_rate *r);
/* Whose an address is, as octets: IPv4 by address, IPv6 by /64. */
void front_source(uint8_t out[static FRONT_SOURCE], const coap_address_t *a);
/* now_ms is monotonic. */
bool front_rate_take(struct front_rate *r, const coap_address_t *a,
    unsigned cost, int64_t now_ms);

/* The same by any name: of a key, the head of its SHA-256. */
bool front_rate_take_name(struct front_rate *r,
    const uint8_t name[static FRONT_SOURCE], unsigned cost, int64_t now_ms);

/* --- memory --- */
/* Do the limits fit into conf.memory? CONFIG */
enum dca_rc front_memory_check(const struct front_conf *c, struct dca_err *e)
    DCA_CHECKED;
/* From here on the kernel gives no more than that. IO */
enum dca_rc front_memory_cap(const struct front_conf *c, struct dca_err *e)
    DCA_CHECKED;

/* Monotonic; milliseconds. */
int64_t front_clock(void);
/* One line about a refusal, at most 20 in a second. */
void front_log_refusal(struct front *f, const char *address, const char *what,
    const struct dca_err *e);

#endif
