/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dca-enroll says to the front over one session: the request, then the
 * chain and where it is published. Never says anything to a server whose key
 * is not the pinned one, and never changes a request because it was refused.
 */
#include "enroll.h"

#include <stdio.h>
#include <unistd.h>

#include "client.h"

enum {
	FORMAT_PKCS7 = 281,
	FORMAT_CERT = 287,
	FORMAT_PKCS10 = 286,
	FORMAT_CBOR = 60,
	ENROL_SECONDS = 120,	/* separate response: the token signs */
	READ_SECONDS = 30,
	TRIES = 6,
	LONGEST_WAIT = 60,
};

/*
 * One exchange, repeated as the server asks: 4.29 and 5.03 with Max-Age mean
 * that nothing is lost (RFC 9148 4.7). The request is the same each time. Who
 * asks for more patience than all the tries have is not waited for at all.
 */
static enum dca_rc
ask(struct dca_client *client, int method, const char *path, int format,
    int accept, struct dca_buf body, struct dca_reply *r, struct dca_err *e)
{
	unsigned wait;
	enum dca_rc rc;
	int try;

	for (try = 1;; try++) {
		rc = dca_client_request(client, method, path, "", format,
		    accept, body, method == 2 ? ENROL_SECONDS : READ_SECONDS, r,
		    e);
		if (rc != DCA_OK || r->code < 400)
			return rc;
		rc = dca_reply_problem(r, e);
		if ((r->code != 503 && r->code != 429) || try == TRIES ||
		    r->max_age > LONGEST_WAIT * TRIES)
			break;
		wait = r->max_age > LONGEST_WAIT ? LONGEST_WAIT : r->max_age;
		fprintf(stderr, "dca-enroll: %s; again in %u s\n", e->text,
		    wait);
		dca_reply_clear(r);
		sleep(wait ? wait : 1);
	}
	dca_reply_clear(r);
	return rc;
}

static enum dca_rc
submit(struct enroll *n, struct dca_client *client, const char *path,
    char *location, size_t cap, struct dca_err *e)
{
	struct dca_reply r;
	enum dca_rc rc = ask(client, 2, path, FORMAT_PKCS10, n->format,
	    dca_out_buf(&n->csr), &r, e);

	if (rc != DCA_OK)
		return rc;
	if (r.format != FORMAT_PKCS7 && r.format != FORMAT_CERT)
		rc = dca_fail(e, DCA_RULE_FORMAT,
		    "answer in format %d, not 281 or 287", r.format);
	else
		rc = enroll_keep_cert(n, dca_out_buf(&r.body),
		    r.format == FORMAT_PKCS7, e);
	dca_strlcpy(location, r.location, cap);
	dca_reply_clear(&r);
	return rc;
}

/* The rest over the same session: chain and x5u. */
static enum dca_rc
fetch_rest(struct enroll *n, struct dca_client *client, char *location,
    struct dca_err *e)
{
	char hex[2 * DCA_SERIAL_LEN + 1], path[80];
	struct dca_reply r;
	enum dca_rc rc;

	rc = ask(client, 1, ".well-known/est/crts", -1, FORMAT_PKCS7,
	    DCA_BUF(NULL, 0), &r, e);
	if (rc == DCA_OK) {
		rc = enroll_keep_chain(n, dca_out_buf(&r.body), e);
		dca_reply_clear(&r);
	}
	if (rc != DCA_OK)
		return rc;
	/* Location-Path is a convenience: the serial says the same. */
	dca_hex(hex, n->leaf.serial, DCA_SERIAL_LEN);
	snprintf(path, sizeof(path), "/dca/certs/%s", hex);
	rc = ask(client, 1, *location ? location : path, -1, FORMAT_CBOR,
	    DCA_BUF(NULL, 0), &r, e);
	if (rc == DCA_OK) {
		rc = enroll_keep_x5u(n, dca_out_buf(&r.body), e);
		dca_reply_clear(&r);
	}
	return rc;
}

enum dca_rc
enroll_ask(struct enroll *n, const char *path, struct dca_err *e)
{
	struct dca_client *client = NULL;
	char location[256] = "";
	enum dca_rc rc;

	rc = dca_client_open(&client, n->packet.url, n->packet.server,
	    n->client_key, n->client, e);
	if (rc == DCA_OK)
		rc = submit(n, client, path, location, sizeof(location), e);
	if (rc == DCA_OK)
		rc = fetch_rest(n, client, location, e);
	dca_client_close(client);
	return rc;
}
