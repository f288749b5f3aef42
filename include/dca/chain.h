/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path and scope (RFC 5280 6.1, RFC 8226 9, RFC 9060 4, 6, 7).
 * Rigid: exactly the certificates given, in the order given. Pure: the time
 * is an argument.
 */
#ifndef DCA_CHAIN_H
#define DCA_CHAIN_H

#include "dca/cert.h"

/* Numbers assigned under an SPC, for an SPC parent and a TN child; NULL: no
 * inventory of that SPC. */
struct dca_inventory {
	const struct dca_tnset *(*numbers)(void *arg, const char *spc);
	void *arg;
};

struct dca_chain_result {
	const struct dca_cert *at;	/* the certificate that failed, or NULL */
	size_t below;		/* certificates below the anchor, from the
				 * leaf on; 0 when it failed */
	bool spc_unchecked;	/* an SPC parent without inventory: TNs below
				 * it could not be compared */
	const struct dca_cert *spc_at;	/* the first that has such, and one: */
	char spc_first[DCA_ENTRY_TEXT];
};

/*
 * chain: leaf first, each followed by its parent; the root may stand last or
 * be left out. roots: trust anchors. The leaf must be an end entity with
 * digitalSignature and a list. A TN under a parent that holds an SPC without
 * inventory (NULL: none of any) is accepted and flagged in spc_unchecked.
 * Fails with CHAIN_*, CERT_EXTENSION; e->first is the first uncovered entry.
 */
enum dca_rc dca_chain_verify(const struct dca_certs *chain,
    const struct dca_certs *roots, int64_t when,
    const struct dca_inventory *inventory, struct dca_chain_result *res,
    struct dca_err *e) DCA_CHECKED;

/*
 * The checks of RFC 5280 6.1 and RFC 9060 before a cross-certificate is installed:
 * chain (cross-certificate first) against roots; its key is key; cA, keyUsage,
 * AKI/SKI, ancestors' pathLen; its list equals asked. CROSS_*.
 */
enum dca_rc dca_cross_check(const struct dca_certs *chain,
    const struct dca_certs *roots, const struct dca_spki *key,
    const struct dca_tnset *asked, int64_t when, struct dca_err *e)
    DCA_CHECKED;

#endif
