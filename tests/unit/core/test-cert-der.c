/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates in encodings that say the same and are not DER (X.690 10, 11):
 * one attribute of the name spelled in each of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab.h"

/* The CN, and what takes the place of its last octets. */
#define CN "310f300d0603550403 0c064c6162205a5a"
static const struct {
	const char *name, *to;
	bool der;
} spelled[] = {
	{ "as it is",
	    "0c 06 4c 61 62 20 5a 5a", true },
	{ "another string type",
	    "13 06 4c 61 62 20 5a 5a", true },
	{ "a string in pieces",
	    "2c 06 0c 01 61 0c 01 5a", false },
	{ "length not the shortest",
	    "0c 81 05 61 62 20 5a 5a", false },
	{ "primitive SEQUENCE",
	    "10 06 4c 61 62 20 5a 5a", false },
	{ "SEQUENCE",
	    "30 06 04 01 62 04 01 5a", true },
	{ "SEQUENCE with a stray octet",
	    "30 06 04 01 62 04 02 5a", false },
	{ "indefinite length",
	    "30 80 04 02 62 62 00 00", false },
	{ "BOOLEAN 01",
	    "30 06 01 01 01 04 01 5a", false },
	{ "INTEGER 0001",
	    "30 06 02 02 00 01 05 00", false },
	{ "NULL with contents",
	    "30 06 05 01 01 04 01 5a", false },
	{ "OID that begins with 80",
	    "30 06 06 02 80 01 05 00", false },
	{ "unused bits set",
	    "30 06 03 02 01 01 05 00", false },
	{ "eight unused bits",
	    "30 06 03 02 08 00 05 00", false },
	{ "BMPString of 5 octets",
	    "30 06 1e 03 00 41 00 00", false },
	{ "end of contents",
	    "30 06 00 00 04 02 5a 5a", false },
	{ "SET OF in order", "310f 300506012a0500 300606012b0c0141", true },
	{ "SET OF with a stray octet",
	    "310f 300506012a0500 300506012a0500 00", false },
	{ "SET OF out of order", "310f 300606012b0c0141 300506012a0500",
	    false },
	{ "attribute without value",
	    "310f 300d 06 0b 2b 01 01 01 01 01 01 01 01 01 01", false },
	{ "high tag",
	    "1f 06 4c 61 62 20 5a 5a", false },
};

static void
refuses_each_kind_of_ber(void **state)
{
	struct lab l = lab_make(&(struct lab_spec){ .cn = "Lab ZZ" });
	struct dca_certs made = { 0 };
	struct dca_err e = { 0 };
	uint8_t *at, *cn, *to;
	struct dca_cert c;
	struct dca_out *der;
	size_t n, m;

	(void)state;
	lab_add(&made, &l);
	der = &made.v[0].der;
	cn = lab_unhex(CN, &n);
	for (size_t i = 0; i < sizeof(spelled) / sizeof(spelled[0]); i++) {
		to = lab_unhex(spelled[i].to, &m);
		at = memmem(der->p, der->n, cn, n);
		assert_true(at != NULL && m <= n);
		memcpy(at + n - m, to, m);
		if ((dca_cert_parse(&c, dca_out_buf(der), &e) == DCA_OK) !=
		    spelled[i].der)
			fail_msg("%s: %s", spelled[i].name, e.text);
		if (spelled[i].der)
			dca_cert_clear(&c);
		else
			assert_int_equal(e.rule, DCA_RULE_CERT_DER);
		memcpy(at, cn, n);
		free(to);
	}
	free(cn);
	dca_certs_clear(&made);
	lab_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_kind_of_ber),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
