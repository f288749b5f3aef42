/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one CoAP request into plain checked fields. It looks at options only;
 * what they mean for a resource is decided in resource.c.
 */
#include <string.h>

#include "front.h"

/* Of an option that may stand once; libcoap has bounded its length. */
static int64_t
take_uint(const coap_pdu_t *pdu, coap_option_num_t number)
{
	coap_opt_iterator_t it;
	const coap_opt_t *o = coap_check_option(pdu, number, &it);

	if (o == NULL)
		return -1;
	return (int64_t)coap_decode_var_bytes(coap_opt_value(o),
	    coap_opt_length(o));
}

static enum dca_rc
take_block(struct front_block *b, const coap_pdu_t *pdu,
    coap_option_num_t number, struct dca_err *e)
{
	int64_t v = take_uint(pdu, number);

	if (v < 0)
		return DCA_OK;
	b->set = true;
	b->num = (uint32_t)v >> 4;
	b->more = v & 8;
	b->szx = v & 7;
	if (b->szx == 7)	/* reserved, RFC 7959 2.2 */
		return dca_fail(e, DCA_RULE_BLOCK_OPTION,
		    "size exponent 7 is reserved");
	return DCA_OK;
}

static void
take_token(struct front_request *rq, const coap_pdu_t *pdu)
{
	coap_bin_const_t token = coap_pdu_get_token(pdu);

	rq->mid = coap_pdu_get_mid(pdu);
	rq->con = coap_pdu_get_type(pdu) == COAP_MESSAGE_CON;
	rq->token_n = token.length < FRONT_TOKEN ? token.length : FRONT_TOKEN;
	if (rq->token_n)
		memcpy(rq->token, token.s, rq->token_n);
}

/* Percent-encoded by libcoap, so without control characters. */
static enum dca_rc
take_path(struct front_request *rq, const coap_pdu_t *pdu, struct dca_err *e)
{
	coap_string_t *path = coap_get_uri_path(pdu);
	bool fits;

	if (path == NULL)
		return dca_fail(e, DCA_RULE_PATH, "no path");
	fits = path->length < sizeof(rq->path);
	if (fits && path->length)
		memcpy(rq->path, path->s, path->length);
	coap_delete_string(path);
	if (!fits)
		return dca_fail(e, DCA_RULE_PATH, "the path is too long");
	return DCA_OK;
}

enum dca_rc
front_request_parse(struct front_request *rq, const coap_pdu_t *pdu,
    const coap_string_t *query, struct dca_err *e)
{
	coap_opt_iterator_t it;
	const uint8_t *data;
	size_t n;
	enum dca_rc rc;

	memset(rq, 0, sizeof(*rq));
	take_token(rq, pdu);
	rq->method = (int)coap_pdu_get_code(pdu);
	rq->format = (int)take_uint(pdu, COAP_OPTION_CONTENT_FORMAT);
	rq->accept = (int)take_uint(pdu, COAP_OPTION_ACCEPT);
	rq->size1 = take_uint(pdu, COAP_OPTION_SIZE1);
	rq->precondition =
	    coap_check_option(pdu, COAP_OPTION_IF_MATCH, &it) != NULL ||
	    coap_check_option(pdu, COAP_OPTION_IF_NONE_MATCH, &it) != NULL;
	if (coap_get_data(pdu, &n, &data))
		rq->payload = DCA_BUF(data, n);
	rc = take_path(rq, pdu, e);
	if (rc != DCA_OK)
		return rc;
	if (query != NULL && query->length >= sizeof(rq->query))
		return dca_fail(e, DCA_RULE_INPUT, "the query is too long");
	if (query != NULL && query->length)
		memcpy(rq->query, query->s, query->length);
	rc = take_block(&rq->block1, pdu, COAP_OPTION_BLOCK1, e);
	if (rc == DCA_OK)
		rc = take_block(&rq->block2, pdu, COAP_OPTION_BLOCK2, e);
	return rc;
}

void
front_request_key(const struct front_request *rq,
    uint8_t key[static FRONT_KEY])
{
	DCA_AUTO_OUT text = { 0 };

	dca_out_printf(&text, "%d %d %s?%s", rq->method, rq->accept, rq->path,
	    rq->query);
	dca_sha256(key, dca_out_buf(&text));
}
