/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledger rows: what the record says and how it is hashed (dca(7) FORMATS). A row's
 * hash is the RFC 6962 2.1 leaf hash SHA-256(0x00 || entry) over the entry
 *   [seq, time, kind, actor, body, previous hash]
 * in deterministic CBOR. The first row has seq 1 and 32 zero octets before it.
 */
#ifndef DCA_LEDGER_H
#define DCA_LEDGER_H

#include "dca/base.h"

enum { DCA_KIND_MAX = 32, DCA_ACTOR_MAX = 80 };

struct dca_row {
	uint64_t seq;
	int64_t time;			/* seconds since the epoch */
	char kind[DCA_KIND_MAX];	/* "genesis", "act", "issue", ... */
	char actor[DCA_ACTOR_MAX];	/* "operator:alice", "customer:acme",
					 * "local:root", "vault" */
	struct dca_buf body;		/* one deterministic CBOR map */
	uint8_t prev[DCA_SHA256_LEN];
	uint8_t hash[DCA_SHA256_LEN];
};
void dca_row_hash(uint8_t out[static DCA_SHA256_LEN], const struct dca_row *r);
/* r follows last (NULL: r is the first)? Time may not go back. LEDGER_ROW,
 * naming the row and what is wrong with it. */
enum dca_rc dca_row_check(const struct dca_row *r, const struct dca_row *last,
    struct dca_err *e) DCA_CHECKED;

#endif
