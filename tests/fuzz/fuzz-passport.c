/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PASSporTs: the octets as a token; and, for the claims behind the base64url,
 * as header, newline, payload. What is accepted is written again, the same.
 */
#include "fuzz.h"

#include <string.h>

#include "passport.h"

static bool
one_of(struct passport_party who)
{
	return (who.tn != NULL) != (who.uri != NULL);
}

/* Deterministic: written, read and written again gives the same text. */
static void
writes_again(const json_t *v)
{
	DCA_AUTO_OUT text = { 0 };
	DCA_AUTO_OUT again = { 0 };
	JOSE_AUTO *read = NULL;

	passport_json(&text, v);
	/* escapes may be longer than what they stand for */
	if (text.n > JOSE_PAYLOAD_MAX)
		return;
	HOLDS(jose_json(&read, dca_out_buf(&text), "x", NULL) == DCA_OK);
	passport_json(&again, read);
	HOLDS(dca_buf_eq(dca_out_buf(&text), dca_out_buf(&again)));
}

static void
holds(struct passport *p)
{
	const struct passport_party who = passport_authority(p);
	char tn[PASSPORT_TN_TEXT];
	enum passport_type type;

	HOLDS(one_of(p->orig) && one_of(who));
	HOLDS(p->type != PASSPORT_DIV || who.tn == p->div.tn);
	HOLDS(who.tn == NULL || (passport_tn(tn, who.tn) &&
	    strcmp(tn, who.tn) == 0));
	HOLDS(p->iat >= 0 && p->x5u != NULL);
	HOLDS(passport_type_parse(&type, passport_type_name(p->type)) &&
	    type == p->type);
	HOLDS(strcmp(jose_text(&p->jws, "alg"), "ES256") == 0);
	HOLDS(passport_claim(p, "iat") != NULL &&
	    passport_claim(p, "orig") != NULL &&
	    passport_claim(p, "dest") != NULL);
	HOLDS((p->type == PASSPORT_SHAKEN) <=
	    (passport_claim(p, "attest") != NULL));
	HOLDS((p->type == PASSPORT_RCD) <=
	    (passport_claim(p, "rcd") != NULL));
	writes_again(p->header);
	writes_again(p->claims);
}

static void
judge(struct dca_buf token)
{
	struct dca_err e = { 0 };
	struct passport p;
	enum dca_rc rc = passport_parse(&p, token, &e);

	fuzz_refusal_holds(rc, &e);
	if (rc == DCA_OK) {
		HOLDS(token.n <= PASSPORT_TOKEN_MAX);
		holds(&p);
	}
	passport_clear(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const uint8_t raw[64] = { 1 };
	const uint8_t *end = n == 0 ? NULL : memchr(p, '\n', n);
	DCA_AUTO_OUT token = { 0 };

	judge(DCA_BUF(p, n));
	if (end == NULL)
		return 0;
	dca_b64url(&token, DCA_BUF(p, (size_t)(end - p)));
	dca_out_add(&token, ".", 1);
	dca_b64url(&token, DCA_BUF(end + 1, n - (size_t)(end + 1 - p)));
	dca_out_add(&token, ".", 1);
	dca_b64url(&token, DCA_BUF(raw, sizeof(raw)));
	judge(dca_out_buf(&token));
	return 0;
}
