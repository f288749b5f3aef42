/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of the passport and sip targets: each type, as token and as texts,
 * and INVITEs with what the RFCs' examples have. */
#include "seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "sip.h"

static enum dca_rc
sign(void *arg, struct dca_buf input, uint8_t raw[static 64],
    struct dca_err *e)
{
	return jose_es256(raw, input, arg) ? DCA_OK :
	    dca_fail(e, DCA_RULE_INTERNAL, "no signature");
}

static void
seed_one(const struct passport_spec *spec)
{
	const struct passport_key key = { sign, fuzz_key(0) };
	DCA_AUTO_OUT token = { 0 };
	DCA_AUTO_OUT texts = { 0 };
	struct dca_err e = { 0 };
	struct passport p;

	if (passport_build(&p, spec, &e) != DCA_OK ||
	    passport_sign(&token, &p, &key, &e) != DCA_OK) {
		fprintf(stderr, "fuzz-seed: %s\n", e.text);
		exit(2);
	}
	passport_json(&texts, p.header);
	dca_out_add(&texts, "\n", 1);
	passport_json(&texts, p.claims);
	seed_write("passport", dca_out_buf(&token));
	seed_write("passport", dca_out_buf(&texts));
	passport_clear(&p);
}

#define HEAD "INVITE sip:+12155550131@t.example SIP/2.0\r\n"
#define PARTIES "From: \"A\" <sip:+12125551824@a.example;user=phone>;tag=1\r\n" \
	"To: <tel:+1-215-555-0131>\r\n"
#define INFO ";info=<https://a.example/c.pem>"

void
seed_passports(void)
{
	static const struct passport_spec specs[] = {
		{ .orig = "12125551824", .dest = "12155550131" },
		{ .orig = "sip:a@b", .dest = "12155550131,sip:c@d" },
		{ .type = PASSPORT_SHAKEN, .orig = "1", .dest = "2",
		    .attest = "A",
		    .origid = "123e4567-e89b-12d3-a456-426655440000" },
		{ .type = PASSPORT_DIV, .orig = "1", .dest = "2",
		    .div = "3" },
		{ .type = PASSPORT_RCD, .orig = "1", .dest = "2",
		    .rcd = "{\"nam\":\"Q\",\"jcd\":[\"vcard\",[[\"fn\",{},"
		    "\"text\",\"Q\"]]]}", .crn = "x" },
	};
	static const char *const invites[] = {
		HEAD PARTIES "\r\n",
		HEAD PARTIES "Identity: a.b.c" INFO ";alg=ES256;ppt=\"div\"\r\n"
		    "y: d.e.f\r\n " INFO "\r\nContent-Length: 3\r\n\r\nv=0",
		HEAD "f:sip:a@b;tag=1\r\nt:<sip:%2B1@c>\r\n"
		    "P-Asserted-Identity: <sip:b@c>, <tel:+12125551900>\r\n"
		    "\r\n",
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct passport_spec spec = specs[i];

		spec.x5u = "https://a.example/c.pem";
		spec.iat = 1767600000;
		seed_one(&spec);
	}
	for (size_t i = 0; i < sizeof(invites) / sizeof(invites[0]); i++)
		seed_write("sip", DCA_BUF(invites[i], strlen(invites[i])));
}
