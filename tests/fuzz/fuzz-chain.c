/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path and scope. The input is up to four TBSCertificates, leaf first; each
 * is signed here by the lab key of its place, so that a change of a field is
 * not found by its signature alone. The last is the trust anchor.
 */
#include "fuzz.h"

#include <string.h>

#include <openssl/x509_vfy.h>

#include "dca/chain.h"
#include "keys.h"

/* The first element of in, whatever it is; its length bounds it. */
static bool
take(struct dca_buf *in, struct dca_buf *tbs)
{
	size_t len;

	if (in->n < 4 || in->p[0] != 0x30 || in->p[1] != 0x82)
		return false;
	len = 4 + ((size_t)in->p[2] << 8 | in->p[3]);
	if (len > in->n)
		return false;
	*tbs = DCA_BUF(in->p, len);
	in->p += len;
	in->n -= len;
	return true;
}

/* No child but under an SPC that was not looked into is wider than its
 * parent; every certificate is in force; all issue but the leaf. */
static void
result_holds(const struct dca_certs *chain, int64_t when,
    const struct dca_chain_result *res)
{
	const struct dca_cert *child, *parent;

	HOLDS(res->at == NULL && res->below == chain->n);
	HOLDS(chain->v[0].scope != NULL && !chain->v[0].ca);
	for (size_t i = 0; i < chain->n; i++) {
		child = &chain->v[i];
		HOLDS(child->not_before <= when && when <= child->not_after);
		HOLDS(!child->unknown_critical);
		HOLDS(i == 0 || child->ca);
		if (i + 1 == chain->n)
			return;
		parent = &chain->v[i + 1];
		HOLDS(dca_buf_eq(child->issuer, parent->subject));
		HOLDS(dca_cert_signed_by(child, parent));
		if (parent->scope != NULL && child->scope != NULL &&
		    !dca_tnset_covers(parent->scope, child->scope, NULL))
			HOLDS(res->spc_unchecked &&
			    dca_tnset_has_spc(parent->scope));
	}
}

static void
verify(struct dca_certs *all)
{
	struct dca_certs chain = { all->v, all->n - 1 };
	struct dca_certs roots = { &all->v[all->n - 1], 1 };
	struct dca_chain_result res = { 0 };
	struct dca_err e = { 0 }, e2 = { 0 };
	int64_t when = all->v[0].not_before;
	enum dca_rc rc = dca_chain_verify(&chain, &roots, when, NULL, &res, &e);

	fuzz_refusal_holds(rc, &e);
	if (rc == DCA_OK) {
		result_holds(&chain, when, &res);
		chain.n++;	/* the root may stand last */
		HOLDS(dca_chain_verify(&chain, &roots, when, NULL, &res,
		    &e2) == DCA_OK);
	} else {
		HOLDS(res.below == 0);
	}
	roots.v = &all->v[0];
	chain = *all;
	HOLDS(all->n < 2 || all->v[0].ca ||
	    dca_chain_verify(&chain, &roots, when, NULL, &res, &e2) != DCA_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dca_buf in = DCA_BUF(p, n), tbs[FUZZ_KEYS];
	DCA_AUTO_OUT all = { 0 };
	struct dca_err e = { 0 };
	struct dca_certs certs;
	enum dca_rc rc;
	unsigned i, k = 0;

	while (k < FUZZ_KEYS && take(&in, &tbs[k]))
		k++;
	for (i = 0; i < k; i++)
		fuzz_sign(&all, tbs[i], i + 1 < k ? i + 1 : i);
	rc = dca_certs_parse(&certs, dca_out_buf(&all), FUZZ_KEYS, &e);
	fuzz_refusal_holds(rc, &e);
	if (rc == DCA_OK && certs.n > 1)
		verify(&certs);
	dca_certs_clear(&certs);
	return 0;
}
