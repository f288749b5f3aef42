/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this server offers, as one table, and the order in which a request is
 * looked at: repeat, rate, path, method, options, formats, body; then the
 * vault. It refuses what is wrong in form and decides nothing else: who may
 * have what is the vault's business.
 */
#include <string.h>

#include "dca/store.h"	/* the number of a function, nothing else */

#include "front.h"

enum {
	GET = 1, POST = 2,
	LINKS = 40, CBOR = 60, COSE_SIGN1 = 18,
	P7 = 281, ATTRS = 285, PKCS10 = 286, CERT = 287,	/* RFC 9148 9.1 */
};

#define READ(p) { p, GET, { CBOR, CBOR }, -1, 0, DCA_RULE_NONE, DCA_MSG_READ, \
	0 }
static const struct front_resource resources[] = {
	{ ".well-known/core", GET, { LINKS, LINKS }, -1, 0, DCA_RULE_NONE,
	  DCA_MSG_NONE, 0 },
	{ "est/crts", GET, { P7, P7 }, -1, 0, DCA_RULE_NONE, DCA_MSG_CRTS, 0 },
	{ "est/att", GET, { ATTRS, ATTRS }, -1, 0, DCA_RULE_NONE, DCA_MSG_ATT, 0 },
	{ "est/sen", POST, { P7, CERT }, PKCS10, DCA_CSR_MAX,
	  DCA_RULE_CSR_SIZE, DCA_MSG_ISSUE, DCA_FN_SEN },
	{ "est/sren", POST, { P7, CERT }, PKCS10, DCA_CSR_MAX,
	  DCA_RULE_CSR_SIZE, DCA_MSG_ISSUE, DCA_FN_SREN },
	{ "dca/act", POST, { CBOR, CBOR }, COSE_SIGN1, DCA_ACT_MAX,
	  DCA_RULE_BODY_SIZE, DCA_MSG_ACT, 0 },
	{ "dca/check", POST, { CBOR, CBOR }, PKCS10, DCA_CSR_MAX,
	  DCA_RULE_CSR_SIZE, DCA_MSG_CHECK, 0 },
	READ("dca/certs/"),
	READ("dca/status"),
	READ("dca/customers"),
	READ("dca/proposals"),
	READ("dca/operators"),
	READ("dca/keys"),
	READ("dca/codes"),
	READ("dca/inventory"),
	READ("dca/delegations"),
	READ("dca/certificates"),
	READ("dca/crosses"),
	READ("dca/orders"),
	READ("dca/steps"),
	READ("dca/board"),
	READ("dca/claim"),
	READ("dca/events"),
	READ("dca/ledger"),
	READ("dca/scope"),
};

static bool
path_is(const char *want, const char *path)
{
	uint8_t serial[DCA_SERIAL_LEN];
	size_t n = strlen(want);

	if (want[n - 1] != '/')
		return strcmp(want, path) == 0;
	return strncmp(want, path, n) == 0 &&
	    dca_unhex(serial, sizeof(serial), path + n);
}

const struct front_resource *
front_route(const char *path)
{
	/* /est is the short name that discovery gives (RFC 9148 4.1) */
	if (strncmp(path, ".well-known/est/", 16) == 0)
		path += 12;
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		if (path_is(resources[i].path, path))
			return &resources[i];
	}
	return NULL;
}

/* Later blocks of a transfer that is under way cost less than a request. */
static enum dca_rc
check_rate(struct front_peer *p, const struct front_request *rq,
    struct dca_err *e)
{
	const struct front *f = p->front;
	unsigned cost = front_transfer_runs(p, rq) ? FRONT_COST_BLOCK :
	    FRONT_COST_REQUEST;

	if (!front_rate_take(f->rate, coap_session_get_addr_remote(p->session),
	    cost, front_clock()))
		return dca_fail(e, DCA_RULE_RATE, "more than %llu requests in "
		    "a second from %s", (unsigned long long)f->conf.requests,
		    p->address);
	if (!front_rate_take_name(f->key_rate, p->key, cost, front_clock()))
		return dca_fail(e, DCA_RULE_RATE, "more than %llu requests in "
		    "a second by one key",
		    (unsigned long long)f->conf.key_requests);
	return DCA_OK;
}

static enum dca_rc
check_options(const struct front_request *rq, const struct front_resource *r,
    struct dca_err *e)
{
	if (rq->method != r->method)
		return dca_fail(e, DCA_RULE_METHOD, "/%s takes %s only",
		    rq->path, r->method == GET ? "GET" : "POST");
	if (rq->precondition)
		return dca_fail(e, DCA_RULE_OPTION,
		    "If-Match and If-None-Match mean nothing here");
	if (rq->accept >= 0 && rq->accept != r->out[0] &&
	    rq->accept != r->out[1])
		return dca_fail(e, DCA_RULE_ACCEPT,
		    "/%s answers in format %d%s, not in %d", rq->path,
		    r->out[0], r->out[1] != r->out[0] ? " or 287" : "",
		    rq->accept);
	return DCA_OK;
}

static enum dca_rc
ask(struct front_exchange *x, const struct front_request *rq,
    const struct front_resource *res, struct dca_buf body, struct dca_err *e)
{
	enum dca_rc rc;

	rc = front_ask(x, rq, res, body, &x->reply.max_age, e);
	front_upload_drop(x->peer);
	return rc;
}

static enum dca_rc
handle_get(struct front_exchange *x, const struct front_request *rq,
    const struct front_resource *res, struct dca_err *e)
{
	uint8_t key[FRONT_KEY];
	enum dca_rc rc;

	if (rq->block2.num > 0) {
		rc = front_download(x->peer, rq, &x->reply, e);
		if (rc != DCA_NOTFOUND)
			return rc;	/* else ask again, and cut there */
	}
	if (res->ask != DCA_MSG_NONE)
		return ask(x, rq, res, DCA_BUF(NULL, 0), e);
	x->reply.code = 205;
	x->reply.format = res->out[0];
	front_links(&x->reply.body, rq->query);
	front_request_key(rq, key);
	return front_slice(x->peer, key, rq->block2, &x->reply, e);
}

static enum dca_rc
handle_post(struct front_exchange *x, const struct front_request *rq,
    const struct front_resource *res, struct dca_err *e)
{
	struct dca_buf body = { 0 };
	bool complete;
	enum dca_rc rc;

	if (rq->block2.num > 0 && !rq->block1.set) {
		rc = front_download(x->peer, rq, &x->reply, e);
		if (rc == DCA_NOTFOUND)
			return dca_fail(e, DCA_RULE_BLOCK,
			    "the answer is no longer kept");
		return rc;
	}
	if (rq->format != res->in)
		return dca_fail(e, DCA_RULE_FORMAT,
		    "/%s takes format %d, not %d", rq->path, res->in,
		    rq->format);
	rc = front_upload(x->peer, rq, res, &x->reply, &complete, &body, e);
	if (rc != DCA_OK || !complete)
		return rc;
	return ask(x, rq, res, body, e);
}

static enum dca_rc
handle(struct front_exchange *x, const struct front_request *rq,
    struct dca_err *e)
{
	const struct front_resource *res = front_route(rq->path);
	enum dca_rc rc;

	if (res == NULL)
		return dca_fail(e, DCA_RULE_PATH, "nothing at /%s", rq->path);
	rc = check_options(rq, res, e);
	if (rc != DCA_OK)
		return rc;
	if (res->method == GET)
		return handle_get(x, rq, res, e);
	return handle_post(x, rq, res, e);
}

static void
refuse(struct front *f, struct front_reply *r, const char *address,
    const char *path, const struct dca_err *e)
{
	f->count.refused++;
	if (e->rule == DCA_RULE_RATE) {
		f->count.limited++;
		r->max_age = 1;
	}
	front_log_refusal(f, address, path, e);
	front_reply_problem(r, e, 0, r->max_age);
}

/* A session without a certificate we can hand over: nothing is kept of it. */
static void
refuse_stranger(struct front *f, coap_pdu_t *response, const struct dca_err *e)
{
	struct front_reply r;

	front_reply_init(&r);
	refuse(f, &r, "?", "", e);
	front_reply_fill(response, &r);
	front_reply_clear(&r);
}

/* A repeat gets what the first one got; an empty ACK while that is pending or
 * when it is not kept (RFC 7252 4.2: libcoap forgets, we do not). */
static void
repeat(struct front *f, struct front_exchange *x, coap_pdu_t *response)
{
	f->count.repeats++;
	if (x->kept)
		front_reply_fill(response, &x->reply);
	else
		x->acked = x->con;
}

void
front_on_request(coap_resource_t *resource, coap_session_t *session,
    const coap_pdu_t *request, const coap_string_t *query,
    coap_pdu_t *response)
{
	struct front *f = coap_get_app_data(coap_session_get_context(session));
	struct dca_err e = { 0 };
	struct front_request rq;
	enum dca_rc parsed = front_request_parse(&rq, request, query, &e), rc;
	struct front_exchange *x;
	struct front_peer *p;
	struct dca_err why = { 0 };

	(void)resource;
	p = front_peer(f, session, &why);
	if (p == NULL) {
		refuse_stranger(f, response, &why);
		return;
	}
	x = front_exchange_find(p, &rq);
	if (x != NULL) {
		repeat(f, x, response);
		return;
	}
	f->count.requests++;
	x = front_exchange_new(p, &rq);
	/* the rate first: what is malformed costs us as much */
	rc = check_rate(p, &rq, &e);
	if (rc == DCA_OK)
		rc = parsed == DCA_OK ? handle(x, &rq, &e) : parsed;
	if (rc != DCA_OK)
		refuse(f, &x->reply, p->address, rq.path, &e);
	if (x->pending) {
		/*
		 * Nothing goes out now (libcoap drops an empty NON): the
		 * answer comes in the ACK when the vault is quick. Clients of
		 * libcoap 4.3.1 lose the later blocks of a separate one.
		 */
		coap_pdu_set_type(response, COAP_MESSAGE_NON);
		return;
	}
	front_reply_fill(response, &x->reply);
	front_exchange_keep(x);
}
