/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the client share: the session and its one exchange. */
#ifndef DCA_TOOLS_CLIENT_ROOM_H
#define DCA_TOOLS_CLIENT_ROOM_H

#include <coap3/coap.h>
#include <openssl/ssl.h>

#include "client.h"

struct dca_client {
	coap_context_t *ctx;
	coap_session_t *session;
	char where[300];		/* host:port, for messages */
	uint8_t pin[32];
	uint8_t shown[32];		/* key the server showed */
	bool certificate;		/* it showed one */
	bool pinned;			/* and it is the pinned one */
	bool connected;
	bool failed;			/* session is gone */
	char alert[64];			/* alert of the peer, or "" */
	void (*info)(const SSL *ssl, int where, int ret); /* libcoap's own */
	/* the exchange under way */
	struct dca_reply *reply;
	bool done;
	const char *nack;
	bool more;			/* a refusal goes on in blocks */
	coap_block_b_t block;		/* the one that came last */
	uint8_t etag[8];
	size_t etag_n;
};

int64_t dca_client_clock(void);		/* milliseconds, CLOCK_MONOTONIC */
/* One turn of libcoap, at most 100 ms; sees when the session is gone. */
void dca_client_turn(struct dca_client *c);
void dca_client_handlers(coap_context_t *ctx);

#endif
