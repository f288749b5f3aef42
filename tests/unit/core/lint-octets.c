/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts certificates together from hex, right or wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lint-octets.h"

const struct lint_parts lint_good = {
	"a003020102", "02084000000000000001", ECDSA, CN_TEST,
	"301e" DATE "170d3330303130313030303030305a", CN_TEST,
	KEY("06082a8648ce3d030107"), "", "", "", ECDSA, "0303003000", "", "",
};

struct lint_parts
lint_changed(size_t part, const char *hex)
{
	struct lint_parts p = lint_good;

	memcpy((char *)&p + part, &hex, sizeof(hex));
	return p;
}

static void
put_hex(struct dca_out *o, const char *hex)
{
	uint8_t octet;
	char pair[3] = "";

	for (; *hex != '\0'; hex += 2) {
		memcpy(pair, hex, 2);
		assert_true(dca_unhex(&octet, 1, pair));
		dca_out_add(o, &octet, 1);
	}
}

static void
put_wrapped(struct dca_out *o, uint8_t id, const struct dca_out *in)
{
	uint8_t head[4] = { id, 0x82, (uint8_t)(in->n >> 8),
		(uint8_t)in->n };

	if (in->n < 0x80) {
		head[1] = (uint8_t)in->n;
		dca_out_add(o, head, 2);
	} else if (in->n < 0x100) {
		head[1] = 0x81;
		head[2] = (uint8_t)in->n;
		dca_out_add(o, head, 3);
	} else {
		dca_out_add(o, head, 4);
	}
	dca_out_add(o, in->p, in->n);
}

void
lint_put_tbs(struct dca_out *o, const struct lint_parts *p)
{
	DCA_AUTO_OUT ext = { 0 }, list = { 0 }, tbs = { 0 };

	put_hex(&tbs, p->version);
	put_hex(&tbs, p->serial);
	put_hex(&tbs, p->inner);
	put_hex(&tbs, p->issuer);
	put_hex(&tbs, p->validity);
	put_hex(&tbs, p->subject);
	put_hex(&tbs, p->spki);
	put_hex(&tbs, p->unique);
	put_hex(&ext, p->ext);
	if (ext.n > 0) {
		put_wrapped(&list, 0x30, &ext);
		put_wrapped(&tbs, 0xa3, &list);
	}
	put_hex(&tbs, p->behind_ext);
	put_wrapped(o, 0x30, &tbs);
}

void
lint_put_certificate(struct dca_out *o, const struct lint_parts *p)
{
	DCA_AUTO_OUT cert = { 0 };

	lint_put_tbs(&cert, p);
	put_hex(&cert, p->outer);
	put_hex(&cert, p->signature);
	put_hex(&cert, p->behind);
	put_wrapped(o, 0x30, &cert);
	put_hex(o, p->after);
}
