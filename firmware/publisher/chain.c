/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the DER the vault sends to the PEM file a relying party fetches: leaf,
 * cross-certificate, intermediates, no root (RFC 9060 7). The vault is not
 * taken at its word: names come from the certificate.
 */
#include <string.h>

#include "dca/cert.h"
#include "publisher.h"

enum { CHAIN_MAX = 10 };

static void
certs_clear_p(struct dca_certs *c)
{
	dca_certs_clear(c);
}

static bool
self_issued(const struct dca_cert *c)
{
	return dca_buf_eq(c->issuer, c->subject);
}

static enum dca_rc
refresh(struct chain_cache *cache, struct dca_buf der, struct dca_err *e)
{
	DCA_CLEANUP(certs_clear_p) struct dca_certs certs = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	size_t n;
	enum dca_rc rc = dca_certs_parse(&certs, der, CHAIN_MAX, e);

	if (rc != DCA_OK)
		return rc;
	n = certs.n;
	if (n > 0 && self_issued(&certs.v[n - 1]))
		n--;
	if (n == 0)
		return dca_fail(e, DCA_RULE_CHAIN_ORDER,
		    "RFC 9060 7: no cross-certificate beside the leaf");
	for (size_t i = 0; i < n; i++)
		dca_pem_encode(&pem, "CERTIFICATE",
		    dca_out_buf(&certs.v[i].der));
	chain_cache_clear(cache);
	dca_out_add(&cache->der, der.p, der.n);
	dca_out_add(&cache->pem, pem.p, pem.n);
	return DCA_OK;
}

static enum dca_rc
check_leaf(const struct job *j, struct dca_err *e)
{
	struct dca_cert leaf = { 0 };
	enum dca_rc rc = dca_cert_parse(&leaf, dca_out_buf(&j->leaf), e);

	if (rc != DCA_OK)
		return rc;
	if (memcmp(leaf.serial, j->serial, DCA_SERIAL_LEN) != 0)
		rc = dca_fail(e, DCA_RULE_MESSAGE,
		    "the certificate has another serial than the message");
	dca_cert_clear(&leaf);
	return rc;
}

enum dca_rc
chain_pem(struct chain_cache *cache, struct job *j, struct dca_err *e)
{
	enum dca_rc rc;

	if (j->pem.n > 0)
		return DCA_OK;
	rc = check_leaf(j, e);
	if (rc == DCA_OK &&
	    (cache->der.n == 0 ||
		!dca_buf_eq(dca_out_buf(&cache->der), dca_out_buf(&j->chain))))
		rc = refresh(cache, dca_out_buf(&j->chain), e);
	if (rc != DCA_OK) {
		dca_fail_in(e, "certificate to publish");
		return rc;
	}
	dca_pem_encode(&j->pem, "CERTIFICATE", dca_out_buf(&j->leaf));
	dca_out_add(&j->pem, cache->pem.p, cache->pem.n);
	dca_out_cleanup(&j->leaf);
	dca_out_cleanup(&j->chain);
	return DCA_OK;
}

void
chain_cache_clear(struct chain_cache *c)
{
	dca_out_cleanup(&c->der);
	dca_out_cleanup(&c->pem);
}
