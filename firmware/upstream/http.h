/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS to the STI-PA and the STI-CA, one request at a time, blocking: TLS is
 * always verified, answers are limited in size and time, redirects are
 * refused. What the other side says is data, never an instruction.
 */
#ifndef DCA_UPSTREAM_HTTP_H
#define DCA_UPSTREAM_HTTP_H

#include "dca/base.h"

enum { HTTP_BODY_MAX = 512 * 1024, HTTP_CRL_MAX = 16 * 1024 * 1024,
	HTTP_URL_MAX = 1024, HTTP_FIELD_MAX = 1024 };

struct http_config {
	const char *tls_ca;	/* PEM file; "": the system's CAs */
	const char *proxy;	/* URL; "": as the environment says */
	int64_t timeout;	/* seconds, the whole request */
};
struct http;
enum dca_rc http_new(struct http **out, const struct http_config *c,
    struct dca_err *e) DCA_CHECKED;
void http_free(struct http *h);		/* NULL ok */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST };
struct http_request {
	enum http_method method;
	const char *url;	/* https */
	const char *accept, *content_type, *authorization; /* NULL: none */
	struct dca_buf body;	/* POST */
	size_t most;		/* octets of the answer; 0: HTTP_BODY_MAX */
};
/* Header fields are "" when absent; longer than HTTP_FIELD_MAX - 1 as well. */
struct http_answer {
	long status;
	struct dca_out body;	/* owned */
	char type[128];		/* Content-Type without parameters, small */
	char location[HTTP_FIELD_MAX];
	char nonce[HTTP_FIELD_MAX];		/* Replay-Nonce */
	char certificate[HTTP_FIELD_MAX];	/* X-Shaken-Certificate-Location */
	char retry_after[64];
	char next[HTTP_FIELD_MAX];	/* Link with rel="next" (RFC 8288) */
};
void http_answer_clear(struct http_answer *a);
/* DCA_OK for every status: what it means is the caller's business.
 * UPSTREAM_HTTP: no answer, and why. */
enum dca_rc http_do(struct http *h, const struct http_request *q,
    struct http_answer *a, struct dca_err *e) DCA_CHECKED;

/* Retry-After (RFC 9110 10.2.3): seconds, or a date against now; between 1
 * and most, fallback when there is none or nonsense. */
unsigned http_retry(const struct http_answer *a, int64_t now,
    unsigned fallback, unsigned most);

#endif
