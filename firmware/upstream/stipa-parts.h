/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the STI-PA client share. */
#ifndef DCA_UPSTREAM_STIPA_PARTS_H
#define DCA_UPSTREAM_STIPA_PARTS_H

#include "stipa.h"

struct stipa {
	struct http *http;
	char base[HTTP_URL_MAX];
	char user[256], participant[64];
	char password_file[4096];
	char crl[HTTP_URL_MAX], crl_signer[HTTP_URL_MAX];
	const struct dca_certs *roots;
	const struct quirks *quirks;
	struct dca_out access;		/* token of the login, secret */
};

/* Is j signed by who may for the STI-PA? ES256 by the first certificate at its
 * x5u, which the STI-PA's CRL does not list. UPSTREAM_TOKEN, UPSTREAM_HTTP,
 * UPSTREAM_PA. */
enum dca_rc stipa_signed(struct stipa *s, const struct jose *j, int64_t now,
    struct dca_err *e) DCA_CHECKED;
/* The certificates at url, signer first, verified under the roots. */
enum dca_rc stipa_signer(struct stipa *s, const char *url, int64_t now,
    struct dca_certs *chain, struct dca_err *e) DCA_CHECKED;
/* chain (signer first) to one of roots, by OpenSSL. UPSTREAM_TOKEN. */
enum dca_rc stipa_path(const struct dca_certs *chain,
    const struct dca_certs *roots, int64_t when, struct dca_err *e)
    DCA_CHECKED;

#endif
