/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share: the open store, its cached statements
 * and the few ways to run one. Never seen outside the room.
 */
#ifndef DCA_STORE_DB_H
#define DCA_STORE_DB_H

#include <sqlite3.h>

#include "dca/store.h"

/*
 * Which lengths of intervals a table holds, per number length: bit k of
 * by_digits[d] says that there may be intervals of at most 10^k numbers. A
 * superset does no harm, so it is never taken back (span.c).
 */
struct spans {
	uint32_t by_digits[DCA_TN_MAX + 1];
};

/* Prepared on first use, one member per statement, NULL until then. */
struct statements {
	sqlite3_stmt *begin, *commit, *savepoint, *release, *undo;
	sqlite3_stmt *ledger_append, *ledger_head, *head_set;
	sqlite3_stmt *operator_get, *operator_by_key, *operator_add,
	    *operator_remove, *operator_use, *admins;
	sqlite3_stmt *customer_get, *customer_add, *customer_active, *customer_set,
	    *customer_touch;
	sqlite3_stmt *key_get, *key_add, *key_set, *key_unpin, *key_first,
	    *keys_new;
	sqlite3_stmt *code_get, *code_add, *code_spend, *code_remove,
	    *code_expire;
	sqlite3_stmt *inventory_add, *inventory_spc;
	sqlite3_stmt *delegation_same, *delegation_conflict, *delegation_add,
	    *delegation_own, *delegation_all, *delegation_other;
	sqlite3_stmt *certificate_add, *certificate_get, *certificate_repeat,
	    *certificate_der, *certificate_published;
	sqlite3_stmt *holding_add, *holding_other;
	sqlite3_stmt *cross_off, *cross_add, *cross_get, *cross_active,
	    *cross_before;
	sqlite3_stmt *order_add, *order_get, *order_open, *order_csr,
	    *order_state, *order_last;
	sqlite3_stmt *held_add, *held_del, *holding_lower;
	sqlite3_stmt *badkey_add, *badkey_get, *key_lower, *certificate_revoke;
	sqlite3_stmt *live_customer, *live_range, *live_serial;
	sqlite3_stmt *delegation_any, *delegation_drop;
	sqlite3_stmt *proposal_add, *proposal_get, *proposal_close;
	sqlite3_stmt *part_of, *part_put, *part_count, *part_drop;
};

struct dca_store {
	sqlite3 *db;
	int lock;		/* flock on PATH.lock while we may write */
	bool read_only;
	int version;		/* of its format, DB_OLDEST to DB_VERSION */
	bool in_tx;
	bool failed;		/* a write failed: this group cannot commit */
	bool appended;		/* the head table is behind */
	bool head_known;
	struct dca_row head;	/* seq 0: empty ledger */
	struct spans delegations, holdings;
	struct statements q;
};

/* schema.c: creates all tables in the open transaction, as DB_OLDEST has
 * them; and makes them what later versions have. */
enum dca_rc db_schema(struct dca_store *s, struct dca_err *e) DCA_CHECKED;
enum dca_rc db_upgrade(struct dca_store *s, struct dca_err *e) DCA_CHECKED;
enum { DB_APPLICATION_ID = 0x64636131 /* "dca1" */, DB_OLDEST = 3,
	DB_VERSION = 4 };

/* store.c: an empty store without genesis row that vanishes when closed. */
enum dca_rc store_open_scratch(struct dca_store **out, struct dca_err *e)
    DCA_CHECKED;

/* IO with SQLite's own words; spoils the group. UNIQUE and FOREIGN KEY
 * violations are REG_EXISTS and REG_UNKNOWN and spoil nothing. */
enum dca_rc db_fail(struct dca_store *s, int code, struct dca_err *e);
/* Statement text without parameters, not cached. */
enum dca_rc db_exec(struct dca_store *s, const char *sql, struct dca_err *e)
    DCA_CHECKED;
/* The cached statement, ready to bind. Busy: a call inside its own callback,
 * a broken promise. NULL on a failing disk; db_get and db_run then say so. */
sqlite3_stmt *db_use(struct dca_store *s, sqlite3_stmt **q, const char *sql);
/* Steps once: DCA_OK there is a row; DCA_NOTFOUND none (e untouched); IO. */
enum dca_rc db_get(struct dca_store *s, sqlite3_stmt *q, struct dca_err *e)
    DCA_CHECKED;
/* Runs to the end, rows are not looked at. */
enum dca_rc db_run(struct dca_store *s, sqlite3_stmt *q, struct dca_err *e)
    DCA_CHECKED;
/*
 * For calls without an error to return, whose wrong answer could let a number
 * out twice: a failing disk ends the process (the ledger makes it crash-only).
 */
void db_must(enum dca_rc rc, const struct dca_err *e);

void db_reset(sqlite3_stmt **q);
void db_finalize(sqlite3_stmt **q);
/* Gives a cached statement back when it leaves scope. */
#define DB_STMT DCA_CLEANUP(db_reset) sqlite3_stmt *
/* For statements that run while a callback may call us: prepared for it. */
#define DB_OWN_STMT DCA_CLEANUP(db_finalize) sqlite3_stmt *

/* Parameters count from 1, columns from 0, as SQLite has it. */
void db_bind_int(sqlite3_stmt *q, int i, int64_t v);
void db_bind_text(sqlite3_stmt *q, int i, const char *v);
void db_bind_blob(sqlite3_stmt *q, int i, const void *p, size_t n);
int64_t db_int(sqlite3_stmt *q, int i);
/* False: too long or holding a NUL (someone changed the store). */
bool db_text(sqlite3_stmt *q, int i, char *out, size_t cap);
/* False and zeros: another length. */
bool db_blob(sqlite3_stmt *q, int i, uint8_t *out, size_t n);
struct dca_buf db_bytes(sqlite3_stmt *q, int i);

/* span.c: intervals by length class. */
enum dca_rc spans_load(struct dca_store *s, struct spans *sp,
    const char *table, struct dca_err *e) DCA_CHECKED;
void spans_note(struct spans *sp, struct dca_tnrange r);
/* k with 10^k the smallest power of ten not below the count of r. */
unsigned spans_class(struct dca_tnrange r);
uint64_t spans_length(unsigned k);	/* 10^k */
/* The next class at or above *k that numbers of r's length may have. */
bool spans_next(const struct spans *sp, struct dca_tnrange r, unsigned *k);
/* Parameters ?1 to ?5 of: digits = ?1 AND span = ?2 AND lo > ?3 AND lo <= ?4
 * AND hi >= ?5, which is "overlaps r" among intervals of class k. */
void spans_bind(sqlite3_stmt *q, struct dca_tnrange r, unsigned k);
/* The lowest number of want that q (column 0: lo, ORDER BY lo LIMIT 1) finds
 * in any class, as text; false and "" when there is none. */
bool spans_first(struct dca_store *s, const struct spans *sp, sqlite3_stmt *q,
    const struct dca_tnset *want, char first[static DCA_ENTRY_TEXT]);

/* ledger.c: the head, read when it is not known. */
enum dca_rc ledger_head(struct dca_store *s, struct dca_err *e) DCA_CHECKED;
/* Columns seq time kind actor body prev hash of q into r (borrowed body). */
bool ledger_row(sqlite3_stmt *q, struct dca_row *r);

/* customer.c: binds the key and notes how long it is certified. */
enum dca_rc key_certified(struct dca_store *s, const uint8_t key[static 32],
    const char *customer, int64_t until, struct dca_err *e) DCA_CHECKED;

/* revoke.c: the keys of a chain (concatenated DER) are never certified. */
enum dca_rc chain_forbid(struct dca_store *s, struct dca_buf chain,
    struct dca_err *e) DCA_CHECKED;

/* number.c: adds d as it stands, unless it is there; asks nobody. */
enum dca_rc delegation_put(struct dca_store *s,
    const struct dca_delegation *d, uint64_t seq, struct dca_err *e)
    DCA_CHECKED;
/* The customer's register entry changed with seq. */
enum dca_rc customer_touch(struct dca_store *s, const char *customer,
    uint64_t seq, struct dca_err *e) DCA_CHECKED;

/* replay.c: is every view row what the ledger says, and nothing else there?
 * LEDGER_ROW, field names the view. fn: dca_store_verify_operators, or NULL. */
enum dca_rc replay_check(struct dca_store *s, dca_operator_audit_fn fn,
    void *arg, struct dca_err *e) DCA_CHECKED;

/* compare.c: s against what it must be, both ways. LEDGER_ROW. */
enum dca_rc compare_views(struct dca_store *s, struct dca_store *must,
    struct dca_err *e) DCA_CHECKED;

/* certificate.c: columns of CERTIFICATE_COLUMNS. */
#define CERTIFICATE_COLUMNS                                                    \
	"c.serial, c.customer, c.key, c.csr, c.function, c.not_before, "       \
	"c.not_after, c.cross_id, c.basis, c.seq, c.revoked, c.reason, "       \
	"c.published, c.predecessor"
void certificate_row(sqlite3_stmt *q, struct dca_certificate *c);

#endif
