/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CoAPs client of dcactl and dca-enroll: one DTLS session with a client
 * certificate (RFC 9148 4), the server known by the SHA-256 of its
 * SubjectPublicKeyInfo, block-wise both ways (RFC 7959).
 */
#ifndef DCA_TOOLS_CLIENT_H
#define DCA_TOOLS_CLIENT_H

#include <openssl/x509.h>

#include "dca/message.h"

struct dca_client;
/*
 * host:port as in coaps://host:port. pin: 32 octets; another key is
 * refused before anything is sent. Caller keeps key and cert alive.
 */
enum dca_rc dca_client_open(struct dca_client **out, const char *url,
    const uint8_t pin[static 32], EVP_PKEY *key, X509 *cert, struct dca_err *e)
    DCA_CHECKED;
void dca_client_close(struct dca_client *c);	/* NULL ok */

struct dca_reply {
	int code;		/* 204 for 2.04 */
	int format;		/* Content-Format, -1: none */
	unsigned max_age;
	struct dca_out body;	/* owned */
	char location[256];	/* Location-Path joined by / */
};
/*
 * method: 1 GET, 2 POST. format and accept: -1 none. Waits for the separate
 * response, at most timeout seconds. A reply of any code is DCA_OK.
 */
enum dca_rc dca_client_request(struct dca_client *c, int method,
    const char *path, const char *query, int format, int accept,
    struct dca_buf body, unsigned timeout, struct dca_reply *reply,
    struct dca_err *e) DCA_CHECKED;
void dca_reply_clear(struct dca_reply *r);
/* RFC 9290 problem details of a 4.xx/5.xx reply -> e; returns its class. */
enum dca_rc dca_reply_problem(const struct dca_reply *r, struct dca_err *e)
    DCA_CHECKED;

#endif
