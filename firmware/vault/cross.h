/* SPDX-License-Identifier: Apache-2.0 */
/* The active cross-certificate with the scope it gives, shared by jobs. */
#ifndef DCA_VAULT_CROSS_H
#define DCA_VAULT_CROSS_H

#include "dca/chain.h"
#include "dca/lint.h"
#include "dca/store.h"

enum { VAULT_CROSS_CHAIN = 9 };	/* eight, and the root */

struct vault_cross {
	unsigned refs;			/* loop thread only */
	uint64_t id;
	struct dca_out bundle;		/* concatenated DER, root last */
	struct dca_certs chain;		/* v[0]: the cross-certificate */
	struct dca_lint_cert *lint;	/* v[0] again, by the lint's reader */
	struct dca_tnset *scope;	/* its list, with the inventory of its
					 * SPCs; never changed once made */
	bool spc_only;
	/* By its place in the chain: the list of its constraints extension,
	 * with the inventory of its SPCs; NULL: it has none. */
	struct dca_tnset *limits[VAULT_CROSS_CHAIN];
	struct dca_tnset *listed;	/* scope without the limits; NULL: no
					 * limits */
	uint64_t seq;			/* ledger row that activated it, */
	int64_t installed;		/* and its time */
	uint8_t key[32];		/* CKA_ID; key_len 0: as configured */
	size_t key_len;
	bool revoked;			/* said upstream, by the CRL */
	struct dca_out crts;		/* empty, or what vault_cross_crts made, */
	int64_t crts_until;		/* good until then */
};
/* id 0: the active one. CROSS_NONE. */
enum dca_rc vault_cross_load(struct vault_cross **out, struct dca_store *s,
    uint64_t id, struct dca_err *e) DCA_CHECKED;
/* Narrows the scope to the constraints extensions of the chain, by this OID
 * (contents octets; none: nothing to do). CROSS_CHAIN. */
enum dca_rc vault_cross_narrow(struct vault_cross *c, struct dca_store *s,
    struct dca_buf oid, struct dca_err *e) DCA_CHECKED;
/* The constraints extension of one certificate; *out NULL: it has none. */
enum dca_rc vault_cross_limit(const struct dca_cert *c, struct dca_buf oid,
    struct dca_tnset **out, struct dca_err *e) DCA_CHECKED;
/*
 * What /crts answers, borrowed: PKCS#7 certs-only of the chain, then of those
 * before it that have not expired, as far as they fit. Whoever got a
 * certificate just before a change asks for its chain just after it, and must
 * get whatever leads up from any certificate that lives (RFC 7030 4.1.3).
 */
enum dca_rc vault_cross_crts(struct vault_cross *c, struct dca_store *s,
    struct dca_buf *out, struct dca_err *e) DCA_CHECKED;
struct vault_cross *vault_cross_ref(struct vault_cross *c);
void vault_cross_unref(struct vault_cross *c);	/* NULL ok */
/* When the first certificate of the chain ends, seconds since the epoch. */
int64_t vault_cross_ends(const struct vault_cross *c);
static inline void
vault_cross_unref_p(struct vault_cross **c)
{
	vault_cross_unref(*c);
}

#endif
