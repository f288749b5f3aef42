/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate revocation lists as relying parties read them (RFC 5280 5 and
 * 6.3.3, RFC 10007 4): direct ones, and the indirect one of the STI-PA.
 */
#ifndef DCA_CRL_H
#define DCA_CRL_H

#include "dca/cert.h"

enum { DCA_CRL_OCTETS_MAX = 16 * 1024 * 1024 };

/* Checked and ready to be asked; immutable, so safe from many threads. */
struct dca_crl;

/*
 * crl: DER or PEM, strict. signer: whose key signed it, trusted by the caller
 * for that (the STI-PA's CRL signer, or a CA for its own); it must have
 * cRLSign (RFC 10007 4) and the name of the CRL's issuer, octet by octet.
 * CRL_FORM, CRL_SIGNER.
 */
enum dca_rc dca_crl_parse(struct dca_crl **out, struct dca_buf crl,
    const struct dca_cert *signer, struct dca_err *e) DCA_CHECKED;
void dca_crl_free(struct dca_crl *c);	/* NULL ok */
int64_t dca_crl_this_update(const struct dca_crl *c);
int64_t dca_crl_next_update(const struct dca_crl *c);

/*
 * Is cert revoked by one of these? A CRL speaks for cert when its issuer is
 * the cRLIssuer of a distribution point of cert and it is indirect, or when
 * its issuer is cert's issuer. CHAIN_REVOKED (with reason and date),
 * CRL_STALE when the one that speaks is past nextUpdate or not yet in force
 * at when, CRL_NONE when none speaks and cert has a cRLDistributionPoints.
 */
enum dca_rc dca_crl_check(const struct dca_crl *const *crls, size_t n,
    const struct dca_cert *cert, int64_t when, struct dca_err *e) DCA_CHECKED;

/* The same for a certificate that does not say where it is listed, when this
 * CRL is known to be the place. CHAIN_REVOKED, CRL_STALE. */
enum dca_rc dca_crl_lists(const struct dca_crl *c, const struct dca_cert *cert,
    int64_t when, struct dca_err *e) DCA_CHECKED;

#endif
