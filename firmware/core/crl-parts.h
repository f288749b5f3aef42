/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read a certificate revocation list share. */
#ifndef DCA_CORE_CRL_PARTS_H
#define DCA_CORE_CRL_PARTS_H

#include "cert-parts.h"
#include "dca/crl.h"

enum { CRL_KEY = 16 + DCA_SERIAL_LEN };

/* One revoked certificate: the first half of SHA-256 of its issuer's name,
 * and its serial. 48 octets; on the wire it has 20 at least. */
struct crl_entry {
	int64_t date;
	uint8_t key[CRL_KEY];
	uint8_t reason;
};

/* Sorted by key once read; owned. */
struct crl_entries {
	struct crl_entry *v;
	size_t n, cap;
};

/* list: what is inside revokedCertificates. issuer: of the CRL. CRL_FORM. */
enum dca_rc crl_entries_parse(struct crl_entries *out, struct dca_buf list,
    struct dca_buf issuer, bool indirect, struct dca_err *e) DCA_CHECKED;
/* NULL: not in it. */
const struct crl_entry *crl_entries_find(const struct crl_entries *s,
    struct dca_buf issuer, const uint8_t serial[DCA_SERIAL_LEN]);
const char *crl_reason(uint8_t reason);

/* The next extension in *in, what is left of list; strict. False: malformed,
 * or an OID that was in list before (RFC 5280 4.2). */
bool crl_extension_next(struct dca_buf list, struct dca_buf *in,
    struct dca_buf *oid, bool *critical, struct dca_buf *value);
/* "critical extension 1.2.3 of WHERE is not known": CRL_FORM. */
enum dca_rc crl_fail_unknown(struct dca_buf oid, const char *where,
    struct dca_err *e);
/* The one directoryName of GeneralNames contents; other forms are stepped
 * over. */
bool crl_directory_name(struct dca_buf names, struct dca_buf *name);

/* What crl-check.c asks of a list (crl.c). places: the names of its IDP,
 * empty: everywhere. covers: certificates of a CA, or of an end entity? */
struct dca_buf crl_issuer(const struct dca_crl *c);
struct dca_buf crl_places(const struct dca_crl *c);
bool crl_indirect(const struct dca_crl *c);
bool crl_covers(const struct dca_crl *c, bool ca);
const struct crl_entry *crl_find(const struct dca_crl *c,
    const struct dca_cert *cert);

#endif
