/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The labelled cases (tn-and-csr-cases) as JSON, and octets from hex, for the
 * tests that run a whole file of them.
 */
#ifndef DCA_TEST_CASES_H
#define DCA_TEST_CASES_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "dca/base.h"

/* The file, or NULL after a loud line: the caller exits 77 (skipped). */
static inline json_t *
cases_load(const char *name)
{
	char path[512];
	json_error_t err;
	json_t *j;

	(void)snprintf(path, sizeof(path), "%s/tn-and-csr-cases/%s", DCA_DATA,
	    name);
	/* one case has a count above 64 bits */
	j = json_load_file(path, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL,
	    &err);
	if (j == NULL)
		fprintf(stderr, "SKIPPED: no labelled cases: %s: %s\n", path,
		    err.text);
	return j;
}

static inline const char *
cases_text(const json_t *c, const char *key)
{
	const char *s = json_string_value(json_object_get(c, key));

	return s == NULL ? "" : s;
}

/* Hex with spaces; anything else in it is a bug of the test. */
static inline void
cases_hex(struct dca_out *o, const char *hex)
{
	char pair[3] = "";
	uint8_t octet;

	for (; *hex != '\0'; hex += 2) {
		while (isspace((unsigned char)*hex))
			hex++;
		if (*hex == '\0')
			break;
		memcpy(pair, hex, 2);
		if (!dca_unhex(&octet, 1, pair))
			abort();
		dca_out_add(o, &octet, 1);
	}
}

#endif
