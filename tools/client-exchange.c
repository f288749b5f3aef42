/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange of the client: a request out (Block1 when it is large), its
 * separate response in (Block2 when it is large), and what a refusal says.
 * It never opens a session and never repeats a request by itself.
 */
#include "client-room.h"

#include <stdlib.h>
#include <string.h>

enum { REPLY_MAX = 1 << 20 }; /* what a list or a certificate can be */

static void
on_nack(coap_session_t *session, const coap_pdu_t *sent,
    coap_nack_reason_t reason, coap_mid_t mid)
{
	static const char *const why[] = {
		[COAP_NACK_TOO_MANY_RETRIES] = "no answer after all repeats",
		[COAP_NACK_NOT_DELIVERABLE] = "not deliverable",
		[COAP_NACK_RST] = "server reset the exchange",
		[COAP_NACK_TLS_FAILED] = "server closed the DTLS session",
		[COAP_NACK_ICMP_ISSUE] = "nobody listens there any more",
	};
	struct dca_client *c = coap_session_get_app_data(session);

	(void)sent;
	(void)mid;
	if (!c)
		return;
	c->nack = (size_t)reason < sizeof(why) / sizeof(*why) && why[reason]
	    ? why[reason]
	    : "exchange failed";
	c->done = true;
}

static void
take_location(struct dca_reply *r, const coap_pdu_t *pdu)
{
	coap_opt_iterator_t it;
	coap_opt_filter_t filter;
	coap_opt_t *opt;
	size_t used = 0;

	r->location[0] = '\0';
	coap_option_filter_clear(&filter);
	coap_option_filter_set(&filter, COAP_OPTION_LOCATION_PATH);
	coap_option_iterator_init(pdu, &it, &filter);
	while ((opt = coap_option_next(&it))) {
		size_t n = coap_opt_length(opt);

		if (used + n + 2 > sizeof(r->location))
			return;
		r->location[used++] = '/';
		memcpy(r->location + used, coap_opt_value(opt), n);
		used += n;
		r->location[used] = '\0';
	}
}

static bool
take_uint(unsigned *v, const coap_pdu_t *pdu, coap_option_num_t number)
{
	coap_opt_iterator_t it;
	coap_opt_t *opt = coap_check_option(pdu, number, &it);

	if (!opt)
		return false;
	*v = coap_decode_var_bytes(coap_opt_value(opt), coap_opt_length(opt));
	return true;
}

/*
 * libcoap puts the blocks of a success together, but gives the first block of
 * a refusal as if it were all (4.3.1, 4.3.4: class 2 only): those are fetched
 * by dca_client_request. False when this block does not follow the last one.
 */
static bool
take_block(struct dca_client *c, const coap_pdu_t *pdu)
{
	coap_block_b_t block = { 0 };
	coap_opt_iterator_t it;
	coap_opt_t *opt = coap_check_option(pdu, COAP_OPTION_ETAG, &it);
	size_t n = opt ? coap_opt_length(opt) : 0;
	bool first = c->reply->body.n == 0;

	c->more = false;
	if (n > sizeof(c->etag))
		return false;
	if (!first && (n != c->etag_n ||
	    (n && memcmp(coap_opt_value(opt), c->etag, n) != 0)))
		return false;
	if (n)
		memcpy(c->etag, coap_opt_value(opt), n);
	c->etag_n = n;
	if (!coap_get_block_b(c->session, pdu, COAP_OPTION_BLOCK2, &block))
		return first;
	c->block = block;
	c->more = block.m;
	return ((size_t)block.num << (block.szx + 4)) == c->reply->body.n;
}

static void
take_body(struct dca_client *c, const coap_pdu_t *pdu)
{
	size_t n = 0, offset = 0, total = 0;
	const uint8_t *data = NULL;

	if (!coap_get_data_large(pdu, &n, &data, &offset, &total))
		n = 0;
	c->more = false;
	if (c->reply->code >= 400 && !take_block(c, pdu))
		c->nack = "blocks of the answer do not fit together";
	else if (c->reply->body.n + n > REPLY_MAX)
		c->nack = "answer is too large";
	else
		dca_out_add(&c->reply->body, data, n);
}

static coap_response_t
on_response(coap_session_t *session, const coap_pdu_t *sent,
    const coap_pdu_t *pdu, coap_mid_t mid)
{
	struct dca_client *c = coap_session_get_app_data(session);
	unsigned v;

	(void)sent;
	(void)mid;
	if (!c || !c->reply || c->done)
		return COAP_RESPONSE_OK;
	v = coap_pdu_get_code(pdu);
	c->reply->code = (int)((v >> 5) * 100 + (v & 31));
	take_body(c, pdu);
	c->reply->format = -1;
	if (take_uint(&v, pdu, COAP_OPTION_CONTENT_FORMAT))
		c->reply->format = (int)v;
	c->reply->max_age = 60; /* RFC 7252 5.10.5 */
	if (take_uint(&v, pdu, COAP_OPTION_MAXAGE))
		c->reply->max_age = v;
	take_location(c->reply, pdu);
	c->done = true;
	return COAP_RESPONSE_OK;
}

void
dca_client_handlers(coap_context_t *ctx)
{
	coap_register_nack_handler(ctx, on_nack);
	coap_register_response_handler(ctx, on_response);
}

/* Uri-Path and Uri-Query: text split at each separator. */
static bool
add_parts(coap_optlist_t **options, coap_option_num_t number, const char *text,
    char separator)
{
	while (text && *text) {
		const char *end = strchrnul(text, separator);

		if (end - text > 255)
			return false;
		if (end > text)
			coap_insert_optlist(options,
			    coap_new_optlist(number, (size_t)(end - text),
				(const uint8_t *)text));
		text = *end ? end + 1 : end;
	}
	return true;
}

static void
add_uint(coap_optlist_t **options, coap_option_num_t number, int v)
{
	uint8_t b[4];

	if (v < 0)
		return;
	coap_insert_optlist(options,
	    coap_new_optlist(number,
		coap_encode_var_safe(b, sizeof(b), (unsigned)v), b));
}

struct request {
	int method, format, accept, block2;	/* -1: without */
	const char *path, *query;
	struct dca_buf body;
};

static coap_pdu_t *
make_request(struct dca_client *c, const struct request *r)
{
	coap_optlist_t *options = NULL;
	coap_pdu_t *pdu;
	uint8_t token[8];
	size_t n = 0;
	bool ok;

	ok = add_parts(&options, COAP_OPTION_URI_PATH, r->path, '/') &&
	    add_parts(&options, COAP_OPTION_URI_QUERY, r->query, '&');
	add_uint(&options, COAP_OPTION_CONTENT_FORMAT, r->format);
	add_uint(&options, COAP_OPTION_ACCEPT, r->accept);
	add_uint(&options, COAP_OPTION_BLOCK2, r->block2);
	pdu = coap_new_pdu(COAP_MESSAGE_CON,
	    r->method == 2 ? COAP_REQUEST_CODE_POST : COAP_REQUEST_CODE_GET,
	    c->session);
	coap_session_new_token(c->session, &n, token);
	ok = ok && pdu && coap_add_token(pdu, n, token) &&
	    coap_add_optlist_pdu(pdu, &options) &&
	    (r->body.n == 0 ||
		coap_add_data_large_request(c->session, pdu, r->body.n,
		    r->body.p, NULL, NULL));
	coap_delete_optlist(options);
	if (!ok && pdu) {
		coap_delete_pdu(pdu);
		pdu = NULL;
	}
	return pdu;
}

static enum dca_rc
exchange(struct dca_client *c, const struct request *r, int64_t end,
    struct dca_err *e)
{
	coap_pdu_t *pdu = make_request(c, r);

	if (!pdu)
		return dca_fail(e, DCA_RULE_INPUT, "request does not fit CoAP");
	c->done = false;
	c->nack = NULL;
	if (coap_send(c->session, pdu) == COAP_INVALID_MID) {
		c->nack = "cannot be sent";
		c->done = true;
	}
	while (!c->done && !c->failed && dca_client_clock() < end)
		dca_client_turn(c);
	if (c->done && !c->nack)
		return DCA_OK;
	if (!c->done && !c->failed) {
		c->failed = true; /* a late answer is no longer wanted */
		return dca_fail(e, DCA_RULE_IO,
		    "%s did not answer /%s in time; repeat it", c->where,
		    r->path);
	}
	return dca_fail(e, DCA_RULE_IO, "%s, /%s: %s", c->where, r->path,
	    c->nack ? c->nack : "the session was closed");
}

enum dca_rc
dca_client_request(struct dca_client *c, int method, const char *path,
    const char *query, int format, int accept, struct dca_buf body,
    unsigned timeout, struct dca_reply *reply, struct dca_err *e)
{
	int64_t end = dca_client_clock() + (int64_t)timeout * 1000;
	struct request r = { .method = method, .format = format,
		.accept = accept, .block2 = -1, .path = path, .query = query,
		.body = body };
	enum dca_rc rc;

	memset(reply, 0, sizeof(*reply));
	if (c->failed)
		return dca_fail(e, DCA_RULE_IO, "session with %s is closed",
		    c->where);
	while (*r.path == '/')
		r.path++;
	c->reply = reply;
	rc = exchange(c, &r, end, e);
	while (rc == DCA_OK && c->more) {
		/* RFC 7959 3.3: the same request without a body. */
		r.body.n = 0;
		r.block2 = (int)((c->block.num + 1) << 4 | c->block.szx);
		rc = exchange(c, &r, end, e);
	}
	c->reply = NULL;
	if (rc != DCA_OK)
		dca_reply_clear(reply);
	return rc;
}

void
dca_reply_clear(struct dca_reply *r)
{
	dca_out_free(&r->body);
	memset(r, 0, sizeof(*r));
}

/* A refusal without our problem details: another server, or a proxy. */
static enum dca_rc
bare_problem(const struct dca_reply *r, struct dca_err *e)
{
	static const struct {
		int code;
		enum dca_rule rule;
	} rules[] = {
		{ 401, DCA_RULE_AUTH_CERTIFICATE },
		{ 403, DCA_RULE_AUTH_ROLE },
		{ 404, DCA_RULE_PATH },
		{ 405, DCA_RULE_METHOD },
		{ 406, DCA_RULE_ACCEPT },
		{ 408, DCA_RULE_BLOCK },
		{ 413, DCA_RULE_BODY_SIZE },
		{ 415, DCA_RULE_FORMAT },
		{ 429, DCA_RULE_RATE },
		{ 503, DCA_RULE_VAULT_DOWN },
	};
	enum dca_rule rule = r->code >= 500 ? DCA_RULE_INTERNAL
					    : DCA_RULE_INPUT;
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (rules[i].code == r->code)
			rule = rules[i].rule;
	return dca_fail(e, rule, "server answered %d.%02d and gave no reason",
	    r->code / 100, r->code % 100);
}

enum dca_rc
dca_reply_problem(const struct dca_reply *r, struct dca_err *e)
{
	struct dca_err said;

	memset(&said, 0, sizeof(said));
	if (r->code < 400)
		return DCA_OK;
	if (r->format != 257 ||
	    dca_problem_parse(&said, dca_out_buf(&r->body)) != DCA_OK ||
	    said.rule == DCA_RULE_NONE)
		return bare_problem(r, e);
	if (e)
		*e = said;
	return dca_problem(said.rule)->rc;
}
