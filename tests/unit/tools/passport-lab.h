/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of PASSporTs that the tests of this folder share. */
#ifndef DCA_TESTS_PASSPORT_LAB_H
#define DCA_TESTS_PASSPORT_LAB_H

#include "passport.h"

#define HEADER "{\"alg\":\"ES256\",\"typ\":\"passport\",\"x5u\":\"https://a.example/c.pem\"}"
#define PPT(name) "{\"alg\":\"ES256\",\"ppt\":\"" name                           \
	"\",\"typ\":\"passport\",\"x5u\":\"https://a.example/c.pem\"}"
#define BASE "\"dest\":{\"tn\":[\"12155550131\"]},\"iat\":1767600000,"           \
	"\"orig\":{\"tn\":\"12125551824\"}"
#define UUID "123e4567-e89b-12d3-a456-426655440000"

/* header "." payload "." 64 octets, encoded */
static inline void
token_of(struct dca_out *o, const char *header, const char *payload)
{
	const uint8_t raw[64] = { 1 };

	dca_b64url(o, DCA_BUF(header, strlen(header)));
	dca_out_add(o, ".", 1);
	dca_b64url(o, DCA_BUF(payload, strlen(payload)));
	dca_out_add(o, ".", 1);
	dca_b64url(o, DCA_BUF(raw, sizeof(raw)));
}

static inline void
assert_json(const json_t *v, struct dca_buf want)
{
	DCA_AUTO_OUT got = { 0 };

	passport_json(&got, v);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
}

#endif
