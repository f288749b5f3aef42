/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of a certificate as the child of its issuer, and of the fields that
 * every delegated certificate has: pure conditions, the rules are elsewhere.
 */
#include "lint-delegate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum dca_lint_verdict
lint_is_end_entity(const struct lint_ctx *x, struct lint_detail *d)
{
	return !x->c->ca ? DCA_LINT_PASS : lint_fail(d, "cA is TRUE");
}

enum dca_lint_verdict
lint_serial_octets(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->serial.n <= 20 ? DCA_LINT_PASS :
	    lint_fail(d, "%zu octets", x->c->serial.n);
}

enum dca_lint_verdict
lint_one_algorithm(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->inner.has_parameters)
		return lint_fail(d, "parameters are present");
	if (!x->c->tbs_only && (x->c->outer.has_parameters ||
	    !dca_buf_eq(x->c->inner.oid, x->c->outer.oid)))
		return lint_fail_oid(d, "outside it says",
		    x->c->outer.oid);
	return DCA_LINT_PASS;
}

enum dca_lint_verdict
lint_plain_key(const struct lint_ctx *x, struct lint_detail *d)
{
	const struct dca_buf point = x->c->point;
	const size_t want = LINT_IS(x->c->curve, LINT_OID_P256) ? 65 :
	    LINT_IS(x->c->curve, LINT_OID_P384) ? 97 : 0;

	if (!LINT_IS(x->c->key.oid, LINT_OID_EC_KEY) || want == 0)
		return lint_fail(d, "not EC on a named P-256 or P-384");
	if (point.n != want || point.p[0] != 0x04)
		return lint_fail(d, "%zu octets", point.n);
	return DCA_LINT_PASS;
}

/* The encoding, from the octets: Validity is the fifth field. */
static bool
right_form(const struct dca_lint_cert *c)
{
	struct dca_buf in = c->tbs;
	struct lint_tlv seq, t, v;

	if (lint_take(&in, LINT_SEQUENCE, &seq) != NULL)
		return false;
	if (lint_peek(seq.value, LINT_CONTEXT | LINT_CONSTRUCTED) &&
	    lint_next(&seq.value, &t) != NULL)
		return false;
	for (int i = 0; i < 4; i++)	/* serial, algorithm, issuer */
		if (lint_next(&seq.value, &t) != NULL)
			return false;
	for (int i = 0; i < 2; i++)
		if (lint_next(&t.value, &v) != NULL ||
		    (v.id == LINT_GENTIME && (v.value.n < 4 ||
		    memcmp(v.value.p, "2050", 4) < 0)))
			return false;
	return true;
}

enum dca_lint_verdict
lint_times(const struct lint_ctx *x, struct lint_detail *d)
{
	if (!right_form(x->c))
		return lint_fail(d, "a GeneralizedTime before 2050");
	return x->c->not_before < x->c->not_after ? DCA_LINT_PASS :
	    lint_fail(d, "it ends before it begins");
}

static EVP_MD *sha1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
fetch_once(void)
{
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	if (sha1 == NULL)
		abort();
}

enum dca_lint_verdict
lint_ski_is_sha1(const struct lint_ctx *x, struct lint_detail *d)
{
	uint8_t hash[20];
	unsigned n = sizeof(hash);

	if (pthread_once(&once, fetch_once) != 0 ||
	    EVP_Digest(x->c->point.p, x->c->point.n, hash, &n, sha1, NULL) !=
	    1)
		abort();
	return dca_buf_eq(x->c->ski_value, DCA_BUF(hash, sizeof(hash))) ?
	    DCA_LINT_PASS : lint_fail(d, "%zu other octets",
	    x->c->ski_value.n);
}

enum dca_lint_verdict
lint_aki_is_issuer(const struct lint_ctx *x, struct lint_detail *d)
{
	if (!x->c->aki_has_id)
		return lint_fail(d, "there is none");
	return x->issuer->ski != NULL &&
	    dca_buf_eq(x->c->aki_id, x->issuer->ski_value) ? DCA_LINT_PASS :
	    lint_fail(d, "they differ");
}

enum dca_lint_verdict
lint_issuer_is_subject(const struct lint_ctx *x, struct lint_detail *d)
{
	return dca_buf_eq(x->c->issuer.der, x->issuer->subject.der) ?
	    DCA_LINT_PASS : lint_fail(d, "the names differ");
}

enum dca_lint_verdict
lint_subject_is_own(const struct lint_ctx *x, struct lint_detail *d)
{
	return !dca_buf_eq(x->c->subject.der, x->c->issuer.der) ?
	    DCA_LINT_PASS : lint_fail(d, "the names are the same");
}

enum dca_lint_verdict
lint_validity_inside(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->not_before < x->issuer->not_before)
		return lint_fail(d, "it begins before its issuer");
	return x->c->not_after <= x->issuer->not_after ? DCA_LINT_PASS :
	    lint_fail(d, "it ends after its issuer");
}

enum dca_lint_verdict
lint_key_is_own(const struct lint_ctx *x, struct lint_detail *d)
{
	return !dca_buf_eq(x->c->point, x->issuer->point) ? DCA_LINT_PASS :
	    lint_fail(d, "the same point");
}
