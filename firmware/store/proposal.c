/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proposals: acts that wait for the signature of a second admin (dca(7)
 * TRUST). Knows what was proposed and whether it still waits; never what it
 * means. A proposal is closed once and for all.
 */
#include <inttypes.h>
#include <string.h>

#include "db.h"

static const char *const STATES[] = {
	[DCA_PROPOSAL_OPEN] = "open",
	[DCA_PROPOSAL_APPROVED] = "approved",
	[DCA_PROPOSAL_DROPPED] = "dropped",
};

void
dca_proposal_clear(struct dca_proposal *p)
{
	dca_out_free(&p->data);
	memset(p, 0, sizeof *p);
}

enum dca_rc
dca_store_proposal_add(struct dca_store *s, uint64_t id, const char *act,
    const char *actor, int64_t expires, bool is_signed, struct dca_buf data,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.proposal_add, "INSERT INTO proposals"
	    " (id, act, actor, sha256, expires, state, signed, data)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6, ?7)");
	uint8_t hash[DCA_SHA256_LEN];

	dca_sha256(hash, data);
	db_bind_int(q, 1, (int64_t)id);
	db_bind_text(q, 2, act);
	db_bind_text(q, 3, actor);
	db_bind_blob(q, 4, hash, sizeof hash);
	db_bind_int(q, 5, expires);
	db_bind_int(q, 6, is_signed);
	db_bind_blob(q, 7, data.p, data.n);
	return db_run(s, q, e);
}

static bool
take_state(sqlite3_stmt *q, int i, enum dca_proposal_state *state)
{
	char text[16];

	db_text(q, i, text, sizeof text);
	for (unsigned k = 0; k < sizeof STATES / sizeof *STATES; k++)
		if (strcmp(STATES[k], text) == 0) {
			*state = (enum dca_proposal_state)k;
			return true;
		}
	return false;
}

enum dca_rc
dca_store_proposal(struct dca_store *s, uint64_t id, struct dca_proposal *out,
    struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.proposal_get, "SELECT act, actor, sha256,"
	    " expires, state, signed, data FROM proposals WHERE id = ?1");
	struct dca_buf data;
	enum dca_rc rc;

	*out = (struct dca_proposal){ .id = id };
	/* what is no rowid of SQLite's is no proposal either */
	db_bind_int(q, 1, id > INT64_MAX ? -1 : (int64_t)id);
	rc = db_get(s, q, e);
	if (rc == DCA_NOTFOUND)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN,
		    "no proposal %" PRIu64, id);
	if (rc)
		return rc;
	if (!db_text(q, 0, out->act, sizeof out->act) ||
	    !db_text(q, 1, out->actor, sizeof out->actor) ||
	    !db_blob(q, 2, out->sha256, sizeof out->sha256) ||
	    !take_state(q, 4, &out->state))
		return dca_fail(e, DCA_RULE_IO,
		    "proposal %" PRIu64 ": someone changed the store", id);
	out->expires = db_int(q, 3);
	out->is_signed = db_int(q, 5) != 0;
	data = db_bytes(q, 6);
	dca_out_add(&out->data, data.p, data.n);
	return DCA_OK;
}

enum dca_rc
dca_store_proposal_close(struct dca_store *s, uint64_t id,
    enum dca_proposal_state state, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.proposal_close, "UPDATE proposals"
	    " SET state = ?2 WHERE id = ?1 AND state = 'open'");
	enum dca_rc rc;

	db_bind_int(q, 1, (int64_t)id);
	db_bind_text(q, 2, STATES[state]);
	if ((rc = db_run(s, q, e)))
		return rc;
	return sqlite3_changes(s->db) ? DCA_OK : dca_fail(e,
	    DCA_RULE_REG_STATE, "proposal %" PRIu64 " is closed", id);
}
