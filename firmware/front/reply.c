/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers: the options and payload of one response, and how they become a PDU
 * of libcoap. It decides nothing; a reply is valid by construction.
 */
#include <string.h>

#include "front.h"

enum { FORMAT_PROBLEM = 257 };	/* RFC 9290 6.3 */

void
front_reply_init(struct front_reply *r)
{
	memset(r, 0, sizeof(*r));
	r->format = -1;
	r->max_age = r->block1 = r->block2 = r->size1 = r->size2 = -1;
}

void
front_reply_clear(struct front_reply *r)
{
	dca_out_free(&r->body);
	front_reply_init(r);
}

void
front_reply_problem(struct front_reply *r, const struct dca_err *e, int code,
    int64_t max_age)
{
	int64_t size1 = r->size1;

	front_reply_clear(r);
	r->code = code ? code : dca_problem(e->rule)->coap;
	r->format = FORMAT_PROBLEM;
	r->max_age = max_age;
	r->size1 = size1;
	dca_problem_encode(&r->body, e);
}

static void
put_uint(coap_pdu_t *pdu, uint16_t number, int64_t v)
{
	uint8_t b[8];

	if (v >= 0)
		coap_add_option(pdu, number,
		    coap_encode_var_safe8(b, sizeof(b), (uint64_t)v), b);
}

static void
put_location(coap_pdu_t *pdu, const char *serial)
{
	const char *segments[] = { "dca", "certs", serial };

	for (size_t i = 0; i < 3; i++)
		coap_add_option(pdu, COAP_OPTION_LOCATION_PATH,
		    strlen(segments[i]), (const uint8_t *)segments[i]);
}

/* Options in the order of their numbers, as coap_add_option wants them. */
void
front_reply_fill(coap_pdu_t *pdu, const struct front_reply *r)
{
	coap_pdu_set_code(pdu, (coap_pdu_code_t)COAP_RESPONSE_CODE(r->code));
	if (r->has_etag)
		coap_add_option(pdu, COAP_OPTION_ETAG, sizeof(r->etag),
		    r->etag);
	if (r->serial[0])
		put_location(pdu, r->serial);
	put_uint(pdu, COAP_OPTION_CONTENT_FORMAT, r->format);
	put_uint(pdu, COAP_OPTION_MAXAGE, r->max_age);
	put_uint(pdu, COAP_OPTION_BLOCK2, r->block2);
	put_uint(pdu, COAP_OPTION_BLOCK1, r->block1);
	put_uint(pdu, COAP_OPTION_SIZE2, r->size2);
	put_uint(pdu, COAP_OPTION_SIZE1, r->size1);
	if (r->body.n)
		coap_add_data(pdu, r->body.n, r->body.p);
}
