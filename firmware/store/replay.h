/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that replay the ledger share. */
#ifndef DCA_STORE_REPLAY_H
#define DCA_STORE_REPLAY_H

#include "db.h"
#include "dca/act.h"

struct replay {
	struct dca_store *to;
	uint8_t appliance[DCA_APPLIANCE_LEN];
	/* the row that is being replayed */
	const struct dca_row *row;
	struct dca_act act;
};

/* replay.c: values of a map that are known to be there; LEDGER_ROW. */
enum dca_rc replay_absent(const char *key, struct dca_err *e);
enum dca_rc replay_text(struct dca_buf map, const char *key, char *out,
    size_t cap, struct dca_err *e) DCA_CHECKED;
enum dca_rc replay_uint(struct dca_buf map, const char *key, uint64_t *out,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc replay_bytes(struct dca_buf map, const char *key,
    struct dca_buf *out, struct dca_err *e) DCA_CHECKED;

/* replay-revoke.c: acts revoke, delegation.remove, delegation.end */
enum dca_rc replay_revoke(struct replay *r, struct dca_err *e);
enum dca_rc replay_delegation(struct replay *r, struct dca_err *e);

#endif
