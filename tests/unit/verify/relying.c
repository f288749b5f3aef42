/* SPDX-License-Identifier: Apache-2.0 */
/* A lab chain, judged through the public header of libdca-verify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relying.h"

struct dca_out
pem_of(const struct dca_certs *c)
{
	struct dca_out o = { 0 };

	for (size_t i = 0; i < c->n; i++)
		dca_pem_encode(&o, "CERTIFICATE", dca_out_buf(&c->v[i].der));
	return o;
}

struct dca_verifier *
verifier_of(const struct dca_certs *roots)
{
	struct dca_verifier *v = dca_verifier_new();
	DCA_AUTO_OUT pem = pem_of(roots);
	struct dca_verify_why why;

	assert_non_null(v);
	if (roots->n > 0)
		assert_int_equal(dca_verifier_add_roots(v, pem.p, pem.n,
		    &why), DCA_VERIFY_ACCEPTED);
	return v;
}

void
judge(const struct dca_verifier *v, const struct dca_certs *chain,
    const char *rule, int at, struct dca_verify_why *why)
{
	DCA_AUTO_OUT pem = pem_of(chain);
	enum dca_verify_verdict got;

	got = dca_verifier_check(v, pem.p, pem.n, LAB_NOW, NULL, why);
	if (strcmp(why->rule, rule) != 0 || why->at != at)
		print_message("got %s at %d: %s\n", why->rule, why->at,
		    why->text);
	assert_string_equal(why->rule, rule);
	assert_int_equal(why->at, at);
	assert_int_equal(got, rule[0] == '\0' ? DCA_VERIFY_ACCEPTED :
	    DCA_VERIFY_REFUSED);
	assert_int_equal(got, why->verdict);
	assert_int_equal(why->text[0] == '\0', rule[0] == '\0');
	assert_int_equal(why->clause[0] == '\0', rule[0] == '\0');
}

void
expect(const struct chain *c, const char *rule, int at)
{
	struct dca_verifier *v = verifier_of(&c->roots);
	struct dca_verify_why why;

	judge(v, &c->chain, rule, at, &why);
	dca_verifier_free(v);
}
