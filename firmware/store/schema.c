/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema, the one place that says what a table looks like. Responsible
 * for constraints that hold whoever writes; never for what they mean. Kept to
 * SQL that PostgreSQL understands after a change of type names.
 */
#include <stdio.h>

#include "db.h"

/*
 * n counts the rows of a view for reading in pages. span is the length class
 * of an interval (number.c). Every view column but published (certificates),
 * and codes and parts as a whole, follows from the ledger (replay.c).
 */
static const char *const SCHEMA[] = {
	"CREATE TABLE ledger ("
	" seq INTEGER PRIMARY KEY,"
	" time INTEGER NOT NULL,"
	" kind TEXT NOT NULL,"
	" actor TEXT NOT NULL,"
	" body BLOB NOT NULL,"
	" prev BLOB NOT NULL,"
	" hash BLOB NOT NULL) STRICT",
	/* Append-only: an honest program cannot change a row by mistake; a
	 * dishonest one is what the hash chain is for. */
	"CREATE TRIGGER ledger_update BEFORE UPDATE ON ledger BEGIN"
	" SELECT RAISE(ABORT, 'the ledger is append-only'); END",
	"CREATE TRIGGER ledger_delete BEFORE DELETE ON ledger BEGIN"
	" SELECT RAISE(ABORT, 'the ledger is append-only'); END",
	/* INSERT OR REPLACE fires no delete trigger: hence this one. */
	"CREATE TRIGGER ledger_insert BEFORE INSERT ON ledger"
	" WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM ledger) BEGIN"
	" SELECT RAISE(ABORT, 'the ledger is append-only'); END",
	"CREATE INDEX ledger_alarm ON ledger (seq) WHERE kind = 'alarm'",
	/* Where the ledger ends, so that a cut tail is seen. */
	"CREATE TABLE head ("
	" one INTEGER PRIMARY KEY CHECK (one = 1),"
	" seq INTEGER NOT NULL,"
	" hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT",

	"CREATE TABLE operators ("
	" n INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL UNIQUE,"
	" role TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'auditor')),"
	" spki BLOB NOT NULL UNIQUE CHECK (length(spki) = 91),"
	" active INTEGER NOT NULL,"
	" last_seq INTEGER NOT NULL) STRICT",

	"CREATE TABLE customers ("
	" n INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL UNIQUE,"
	" name TEXT NOT NULL,"
	" country TEXT NOT NULL,"
	" cn TEXT NOT NULL,"
	" passports INTEGER NOT NULL,"
	" constraints BLOB NOT NULL,"
	" active INTEGER NOT NULL,"
	" changed INTEGER NOT NULL) STRICT",
	"CREATE TABLE keys ("
	" n INTEGER PRIMARY KEY,"
	" key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),"
	" customer TEXT NOT NULL REFERENCES customers (id),"
	" pinned INTEGER NOT NULL,"
	" until INTEGER NOT NULL,"
	/* when first certified; 0: never */
	" first INTEGER NOT NULL DEFAULT 0) STRICT",
	"CREATE INDEX keys_first ON keys (customer, first)",

	"CREATE TABLE codes ("
	" n INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL UNIQUE,"
	" customer TEXT NOT NULL REFERENCES customers (id),"
	" secret BLOB NOT NULL CHECK (length(secret) = 16),"
	" wiped INTEGER NOT NULL,"
	" expires INTEGER NOT NULL,"
	" spent INTEGER NOT NULL,"
	" csr BLOB NOT NULL CHECK (length(csr) = 32),"
	" serial BLOB NOT NULL CHECK (length(serial) = 20)) STRICT",
	"CREATE INDEX codes_expire ON codes (wiped, expires)",
	"CREATE INDEX codes_customer ON codes (customer)",

	"CREATE TABLE inventory ("
	" n INTEGER PRIMARY KEY,"
	" spc TEXT NOT NULL,"
	" digits INTEGER NOT NULL,"
	" lo INTEGER NOT NULL,"
	" hi INTEGER NOT NULL,"
	" seq INTEGER NOT NULL) STRICT",
	"CREATE UNIQUE INDEX inventory_spc ON inventory (spc, digits, lo, hi)",

	"CREATE TABLE delegations ("
	" n INTEGER PRIMARY KEY,"
	" customer TEXT NOT NULL REFERENCES customers (id),"
	" digits INTEGER NOT NULL,"
	" span INTEGER NOT NULL,"
	" lo INTEGER NOT NULL,"
	" hi INTEGER NOT NULL,"
	" not_before INTEGER NOT NULL,"
	" not_after INTEGER NOT NULL,"
	" shared INTEGER NOT NULL,"
	" seq INTEGER NOT NULL) STRICT",
	"CREATE INDEX delegations_range ON delegations (digits, span, lo)",
	"CREATE INDEX delegations_customer ON delegations"
	" (customer, digits, span, lo)",

	"CREATE TABLE crosses ("
	" id INTEGER PRIMARY KEY,"
	" chain BLOB NOT NULL,"
	" installed INTEGER NOT NULL,"
	" active INTEGER NOT NULL,"
	" seq INTEGER NOT NULL) STRICT",

	"CREATE TABLE orders ("
	" id INTEGER PRIMARY KEY,"
	" actor TEXT NOT NULL,"
	" scope TEXT NOT NULL,"
	" key BLOB NOT NULL CHECK (length(key) <= 32),"
	" csr BLOB NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('open', 'proposed', 'done',"
	" 'dropped')),"
	" proposal INTEGER NOT NULL,"
	" cross_id INTEGER NOT NULL) STRICT",
	"CREATE INDEX orders_cross ON orders (cross_id)",

	"CREATE TABLE certificates ("
	" seq INTEGER PRIMARY KEY,"
	" serial BLOB NOT NULL UNIQUE CHECK (length(serial) = 20),"
	" customer TEXT NOT NULL REFERENCES customers (id),"
	" key BLOB NOT NULL CHECK (length(key) = 32),"
	" csr BLOB NOT NULL CHECK (length(csr) = 32),"
	" function INTEGER NOT NULL,"
	" not_before INTEGER NOT NULL,"
	" not_after INTEGER NOT NULL,"
	" cross_id INTEGER NOT NULL REFERENCES crosses (id),"
	" basis INTEGER NOT NULL,"
	" revoked INTEGER NOT NULL,"
	" reason INTEGER NOT NULL,"
	" published INTEGER NOT NULL,"
	" predecessor BLOB CHECK (length(predecessor) = 20)) STRICT",
	/* with function, so that a planner without statistics takes this one
	 * and not that of the customer, who may have a million */
	"CREATE INDEX certificates_csr ON certificates (csr, function)",
	"CREATE INDEX certificates_customer ON certificates (customer)",
	"CREATE INDEX certificates_key ON certificates"
	" (key, revoked, not_after)",

	/*
	 * Which customer holds which interval by certificates, and until when
	 * (the last notAfter of those not revoked, as keys.until): one row per
	 * customer and interval however often it renews, so that looking for
	 * other holders does not wade through the own history.
	 */
	"CREATE TABLE holdings ("
	" n INTEGER PRIMARY KEY,"
	" customer TEXT NOT NULL,"
	" digits INTEGER NOT NULL,"
	" span INTEGER NOT NULL,"
	" lo INTEGER NOT NULL,"
	" hi INTEGER NOT NULL,"
	" shared INTEGER NOT NULL,"
	" until INTEGER NOT NULL) STRICT",
	"CREATE UNIQUE INDEX holdings_range ON holdings"
	" (digits, span, lo, hi, customer, shared)",
	/* By which certificates, the unrevoked ones only: what remains when
	 * one is revoked is the last row of its holding. */
	"CREATE TABLE held ("
	" holding INTEGER NOT NULL,"
	" until INTEGER NOT NULL,"
	" seq INTEGER NOT NULL,"
	" PRIMARY KEY (holding, until, seq)) STRICT, WITHOUT ROWID",
	"CREATE INDEX held_seq ON held (seq)",

	/* Never certified, for nobody: keys of CAs, and keys that a
	 * certificate was revoked for because they are compromised. */
	"CREATE TABLE badkeys ("
	" n INTEGER PRIMARY KEY,"
	" key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),"
	" why TEXT NOT NULL CHECK (why IN ('ca', 'compromise'))) STRICT",

	/* data is what was signed; its row in the ledger has it too */
	"CREATE TABLE proposals ("
	" id INTEGER PRIMARY KEY,"
	" act TEXT NOT NULL,"
	" actor TEXT NOT NULL,"
	" sha256 BLOB NOT NULL CHECK (length(sha256) = 32),"
	" expires INTEGER NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('open', 'approved', 'dropped')),"
	" signed INTEGER NOT NULL,"
	" data BLOB NOT NULL) STRICT",

	"CREATE TABLE parts ("
	" import TEXT NOT NULL,"
	" part INTEGER NOT NULL,"
	" parts INTEGER NOT NULL,"
	" data BLOB NOT NULL,"
	" PRIMARY KEY (import, part)) STRICT",
};

/*
 * What each later version adds, and nothing else: a table of an older version
 * never changes its meaning, so that all of this program works in each. An
 * image of before refuses a newer version, hence dca_store_open_held.
 */
static const struct {
	int version;
	const char *sql;
} LATER[] = {
	{ 4, "CREATE INDEX ledger_board ON ledger (seq)"
	     " WHERE kind = 'board'" },
};

static enum dca_rc
set_version(struct dca_store *s, int version, struct dca_err *e)
{
	char pragma[64];
	enum dca_rc rc;

	snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", version);
	if ((rc = db_exec(s, pragma, e)) == DCA_OK)
		s->version = version;
	return rc;
}

enum dca_rc
db_upgrade(struct dca_store *s, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	for (size_t i = 0; !rc && i < sizeof LATER / sizeof *LATER; i++) {
		if (LATER[i].version <= s->version)
			continue;
		rc = db_exec(s, LATER[i].sql, e);
		if (!rc)
			rc = set_version(s, LATER[i].version, e);
	}
	return rc;
}

enum dca_rc
db_schema(struct dca_store *s, struct dca_err *e)
{
	char pragma[64];
	enum dca_rc rc = DCA_OK;

	for (size_t i = 0; !rc && i < sizeof SCHEMA / sizeof *SCHEMA; i++)
		rc = db_exec(s, SCHEMA[i], e);
	if (!rc) {
		snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d",
		    DB_APPLICATION_ID);
		rc = db_exec(s, pragma, e);
	}
	return rc ? rc : set_version(s, DB_OLDEST, e);
}
