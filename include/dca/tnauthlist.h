/* SPDX-License-Identifier: Apache-2.0 */
/* TNAuthorizationList DER <-> TN set (RFC 8226 9, EXPLICIT tags). */
#ifndef DCA_TNAUTHLIST_H
#define DCA_TNAUTHLIST_H

#include "dca/tnset.h"

/*
 * Whose list is read. ISSUE: what we are asked to certify; start + count =
 * 10^D and extension fields of a range are refused, SPCs are [A-Z0-9]+ of at
 * most DCA_SPC_MAX. FOREIGN: what another CA signed; both are tolerated (RFC
 * 8226 9 contradicts itself by one there), any printable SPC up to
 * DCA_SPC_READ_MAX; control characters in an SPC are refused in both.
 */
enum dca_tnauthlist_mode { DCA_TNAUTHLIST_ISSUE, DCA_TNAUTHLIST_FOREIGN };

/*
 * Strict: DER only, no trailing octets, at most DCA_CROSS_MAX octets, as
 * FOREIGN at most DCA_CERT_MAX.
 * Unites the entries into out (which need not be empty).
 * Fails with TN_DER, TN_EMPTY, TN_NUMBER, TN_COUNT, TN_RANGE, TN_SPC.
 */
enum dca_rc dca_tnauthlist_parse(struct dca_tnset *out, struct dca_buf der,
    enum dca_tnauthlist_mode mode, struct dca_err *e) DCA_CHECKED;
/* The canonical encoding of dca(7) FORMATS. The set must not be empty. */
void dca_tnauthlist_encode(struct dca_out *o, const struct dca_tnset *s);

#endif
