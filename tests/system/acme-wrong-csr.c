/* SPDX-License-Identifier: Apache-2.0 */
/* CSRs for a cross-certificate, or for one that is none. */
#include <stdlib.h>
#include <string.h>

#include "acme-wrong.h"
#include "dca/csr.h"
#include "jose.h"

char *
wrong_csr(EVP_PKEY *key, const char *list, bool ca)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s = dca_tnset_new();
	struct dca_csr_spec spec = { .numbers = s, .ca = ca };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[80];
	size_t n = sizeof(sig);
	JOSE_AUTO *payload = NULL;
	DCA_AUTO_OUT info = { 0 };
	DCA_AUTO_OUT csr = { 0 };
	DCA_AUTO_OUT b64 = { 0 };

	if (ctx == NULL || dca_tnset_parse(s, list, NULL) != DCA_OK ||
	    dca_spki_from_pkey(&spec.key, key, NULL) != DCA_OK)
		abort();
	dca_csr_build(&info, &spec);
	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, sig, &n, info.p, info.n) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	dca_signed_encode(&csr, dca_out_buf(&info), DCA_BUF(sig, n));
	dca_b64url(&b64, dca_out_buf(&csr));
	payload = json_pack("{s:s%}", "csr", (const char *)b64.p, b64.n);
	return json_dumps(payload, JSON_COMPACT);
}
