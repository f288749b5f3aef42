/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The STI-PA as a TN provider sees it (ATIS-1000080 6.3): login, SPC token,
 * list of trusted STI-CAs, CRL. What it signs is verified under the root that
 * the configuration names, and compared with what was asked.
 */
#ifndef DCA_UPSTREAM_STIPA_H
#define DCA_UPSTREAM_STIPA_H

#include "dca/crl.h"

#include "http.h"
#include "jose.h"
#include "quirks.h"

struct stipa_config {
	const char *base;		/* https URL without the last / */
	const char *user;
	const char *password_file;	/* read at each login, never kept */
	const char *participant;	/* "{SP id}" in the token's path */
	const struct dca_certs *roots;	/* of the STI-PA; borrowed */
	const char *crl, *crl_signer;	/* URLs of its CRL, or "" */
	const struct quirks *quirks;
};
struct stipa;
/* http is borrowed. */
void stipa_new(struct stipa **out, struct http *http,
    const struct stipa_config *c);
void stipa_free(struct stipa *s);	/* NULL ok */

/* UPSTREAM_PA with what it said: a wrong password, an account that is
 * unknown. */
enum dca_rc stipa_login(struct stipa *s, struct dca_err *e) DCA_CHECKED;

/* What the SPC token must say (RFC 9448 5). */
struct stipa_ask {
	struct dca_buf list;		/* TNAuthList DER */
	bool ca;
	const struct dca_spki *account;	/* ACME account key */
	int64_t now;
};
struct stipa_token {
	struct dca_out jws;		/* compact, owned */
	int64_t expires;
	char crl[HTTP_URL_MAX];		/* URL, or "" */
};
void stipa_token_clear(struct stipa_token *t);
/* After login. The token is verified: signer, alg, exp (180 s left at least),
 * jti, every member of atc. UPSTREAM_PA, UPSTREAM_TOKEN. */
enum dca_rc stipa_token(struct stipa *s, const struct stipa_ask *ask,
    struct stipa_token *t, struct dca_err *e) DCA_CHECKED;

/* The roots of the list, its signature verified, not expired, its sequence
 * not below *sequence, which it then becomes. UPSTREAM_LIST. */
enum dca_rc stipa_list(struct stipa *s, int64_t now, uint64_t *sequence,
    struct dca_certs *roots, struct dca_err *e) DCA_CHECKED;

/* The STI-PA's CRL (its URL is the STI-PA's to name), DER or PEM as it came,
 * and the certificate that must have signed it, fetched from signer_url and
 * verified under the roots. UPSTREAM_HTTP, UPSTREAM_PA, UPSTREAM_TOKEN. */
enum dca_rc stipa_crl(struct stipa *s, const char *url,
    const char *signer_url, int64_t now, struct dca_crl **out,
    struct dca_err *e) DCA_CHECKED;

#endif
