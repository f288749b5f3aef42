/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing the store, its lock, its transactions and its first
 * row. Responsible for one writer and for durability; never for what is
 * written.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "db.h"
#include "dca/act.h"
#include "dca/cbor.h"

/*
 * One writer: flock on a file of its own, not SQLite's EXCLUSIVE mode, so
 * that dca-verify may read a live store. The lock ends with the process.
 */
static enum dca_rc
lock_writer(struct dca_store *s, const char *path, struct dca_err *e)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof name, "%s.lock", path) >= (int)sizeof name)
		return dca_fail(e, DCA_RULE_IO, "%s: name too long", path);
	s->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		return dca_fail(e, DCA_RULE_IO, "%s: %s", name,
		    strerror(errno));
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return DCA_OK;
	if (errno == EWOULDBLOCK)
		return dca_fail(e, DCA_RULE_IO,
		    "%s: another process has this store open for writing",
		    path);
	return dca_fail(e, DCA_RULE_IO, "%s: %s", name, strerror(errno));
}

/* SQLite would make it 0644; its -wal and -shm take the mode of the file. */
static enum dca_rc
create_private(const char *path, struct dca_err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? DCA_OK :
		    dca_fail(e, DCA_RULE_IO, "%s: %s", path, strerror(errno));
	close(fd);
	return DCA_OK;
}

static enum dca_rc
pragma_int(struct dca_store *s, const char *sql, int64_t *v, struct dca_err *e)
{
	DB_OWN_STMT q = NULL;
	enum dca_rc rc;
	int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	if ((rc = db_get(s, q, e)) == DCA_OK)
		*v = db_int(q, 0);
	return rc;
}

static enum dca_rc
genesis(struct dca_store *s, struct dca_err *e)
{
	DCA_AUTO_OUT body = { 0 };
	uint8_t id[DCA_APPLIANCE_LEN];
	uint64_t seq;

	if (RAND_bytes(id, sizeof id) != 1)
		abort();
	dca_cbor_map(&body, 1);
	dca_cbor_text(&body, "appliance");
	dca_cbor_bytes(&body, DCA_BUF(id, sizeof id));
	return dca_store_append(s, time(NULL), "genesis", "vault",
	    dca_out_buf(&body), &seq, e);
}

static enum dca_rc
create(struct dca_store *s, struct dca_err *e)
{
	enum dca_rc rc;

	if ((rc = dca_store_begin(s, e)))
		return rc;
	if ((rc = db_schema(s, e)) || (rc = genesis(s, e))) {
		dca_store_rollback(s);
		return rc;
	}
	return dca_store_commit(s, e);
}

/* Ours, of this version? An empty file becomes ours. */
static enum dca_rc
check_version(struct dca_store *s, const char *path, struct dca_err *e)
{
	int64_t app = 0, version = 0, schema = 0;
	enum dca_rc rc;

	if ((rc = pragma_int(s, "PRAGMA application_id", &app, e)) ||
	    (rc = pragma_int(s, "PRAGMA user_version", &version, e)) ||
	    (rc = pragma_int(s, "PRAGMA schema_version", &schema, e)))
		return rc;
	if (app == 0 && schema == 0 && !s->read_only)
		return create(s, e);
	if (app != DB_APPLICATION_ID)
		return dca_fail(e, DCA_RULE_INPUT,
		    "%s: not a store of a delegate CA", path);
	if (version < DB_OLDEST || version > DB_VERSION)
		return dca_fail(e, DCA_RULE_INPUT,
		    "%s: schema version %lld, this program knows %d to %d",
		    path, (long long)version, DB_OLDEST, DB_VERSION);
	s->version = (int)version;
	return DCA_OK;
}

static enum dca_rc
open_db(struct dca_store *s, const char *path, struct dca_err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
	    (s->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	int code = sqlite3_open_v2(path, &s->db, flags, NULL);
	enum dca_rc rc;

	if (code != SQLITE_OK)
		return dca_fail(e, DCA_RULE_IO, "%s: %s", path,
		    sqlite3_errstr(code));
	sqlite3_busy_timeout(s->db, 5000);
	/* A reader that may not make PATH-shm beside a WAL file fails here. */
	rc = db_exec(s, "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
			"PRAGMA temp_store = MEMORY;" /* no /tmp in the jail */
			"PRAGMA trusted_schema = OFF;", e);
	if (!rc && !s->read_only)
		rc = db_exec(s, "PRAGMA journal_mode = WAL;"
				"PRAGMA synchronous = FULL;"
				"PRAGMA wal_autocheckpoint = 4000;"
				"PRAGMA cache_size = -65536;", e);
	if (!rc)
		rc = check_version(s, path, e);
	if (rc == DCA_IO && s->read_only)
		(void)dca_fail_in(e, "cannot read the store (copy it with its "
				     "-wal file to a folder you may write)");
	return rc;
}

static enum dca_rc
open_any(struct dca_store **out, const char *path, bool read_only,
    struct dca_err *e)
{
	struct dca_store *s = dca_alloc(sizeof *s);
	enum dca_rc rc = DCA_OK;

	*s = (struct dca_store){ .lock = -1, .read_only = read_only };
	*out = NULL;
	if (!read_only && !(rc = lock_writer(s, path, e)))
		rc = create_private(path, e);
	if (!rc)
		rc = open_db(s, path, e);
	if (!rc)
		rc = spans_load(s, &s->delegations, "delegations", e);
	if (!rc)
		rc = spans_load(s, &s->holdings, "holdings", e);
	if (rc) {
		dca_store_close(s);
		return rc;
	}
	s->failed = false;
	*out = s;
	return DCA_OK;
}

enum dca_rc
dca_store_open_held(struct dca_store **out, const char *path,
    struct dca_err *e)
{
	return open_any(out, path, false, e);
}

enum dca_rc
dca_store_open(struct dca_store **out, const char *path, bool read_only,
    struct dca_err *e)
{
	enum dca_rc rc = open_any(out, path, read_only, e);

	if (rc || read_only || (rc = dca_store_upgrade(*out, e)) == DCA_OK)
		return rc;
	dca_store_close(*out);
	*out = NULL;
	return rc;
}

bool
dca_store_is_old(const struct dca_store *s)
{
	return s->version < DB_VERSION;
}

enum dca_rc
dca_store_upgrade(struct dca_store *s, struct dca_err *e)
{
	const int was = s->version;
	enum dca_rc rc;

	if (!dca_store_is_old(s))
		return DCA_OK;
	if ((rc = dca_store_begin(s, e)))
		return rc;
	rc = db_upgrade(s, e);
	if (rc)
		dca_store_rollback(s);
	else
		rc = dca_store_commit(s, e);
	if (rc)
		s->version = was;
	return rc;
}

enum dca_rc
store_open_scratch(struct dca_store **out, struct dca_err *e)
{
	struct dca_store *s = dca_alloc(sizeof *s);
	enum dca_rc rc;
	int code;

	*s = (struct dca_store){ .lock = -1 };
	*out = NULL;
	/* "": a private file that SQLite deletes when it is closed */
	code = sqlite3_open_v2("", &s->db, SQLITE_OPEN_NOMUTEX |
	    SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE, NULL);
	if (code != SQLITE_OK)
		abort();
	rc = db_exec(s, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;"
			"PRAGMA foreign_keys = ON;", e);
	if (!rc)
		rc = db_schema(s, e);
	if (rc) {
		dca_store_close(s);
		return rc;
	}
	*out = s;
	return DCA_OK;
}

void
dca_store_close(struct dca_store *s)
{
	sqlite3_stmt *q;

	if (!s)
		return;
	if (s->in_tx)
		dca_store_rollback(s);
	while (s->db && (q = sqlite3_next_stmt(s->db, NULL)))
		sqlite3_finalize(q);
	sqlite3_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}

/* --- transactions --- */
enum dca_rc
dca_store_begin(struct dca_store *s, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.begin, "BEGIN IMMEDIATE");
	enum dca_rc rc;

	if (s->in_tx)
		abort();
	/* SQLite would begin, and fail at the first change */
	if (s->read_only)
		return dca_fail(e, DCA_RULE_IO, "store: open for reading only");
	s->failed = false;
	if ((rc = db_run(s, q, e)))
		return rc;
	s->in_tx = true;
	return DCA_OK;
}

static enum dca_rc
head_set(struct dca_store *s, struct dca_err *e)
{
	DB_STMT q = db_use(s, &s->q.head_set,
	    "INSERT INTO head (one, seq, hash) VALUES (1, ?1, ?2)"
	    " ON CONFLICT (one) DO UPDATE"
	    " SET seq = excluded.seq, hash = excluded.hash");

	db_bind_int(q, 1, (int64_t)s->head.seq);
	db_bind_blob(q, 2, s->head.hash, sizeof s->head.hash);
	return db_run(s, q, e);
}

enum dca_rc
dca_store_commit(struct dca_store *s, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	if (!s->in_tx)
		abort();
	if (s->failed)
		rc = dca_fail(e, DCA_RULE_IO,
		    "store: a change of this group failed, none is kept");
	if (!rc && s->appended && !(rc = ledger_head(s, e)))
		rc = head_set(s, e);
	if (!rc) {
		DB_STMT q = db_use(s, &s->q.commit, "COMMIT");

		rc = db_run(s, q, e);
	}
	if (rc) {
		dca_store_rollback(s);
		return rc;
	}
	s->in_tx = s->appended = false;
	return DCA_OK;
}

/* Also when SQLite has rolled back by itself (disk full). */
void
dca_store_rollback(struct dca_store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->in_tx = s->failed = s->appended = s->head_known = false;
}

bool
dca_store_in_transaction(const struct dca_store *s)
{
	return s->in_tx;
}

/* After a failure the group is lost whole; savepoints then mean nothing. */
static void
savepoint_run(struct dca_store *s, sqlite3_stmt **cache, const char *sql)
{
	DB_STMT q = db_use(s, cache, sql);

	if (!s->in_tx)
		abort();
	if (!s->failed)
		(void)!db_run(s, q, NULL);
}

void
dca_store_savepoint(struct dca_store *s)
{
	savepoint_run(s, &s->q.savepoint, "SAVEPOINT act");
}

void
dca_store_release(struct dca_store *s)
{
	savepoint_run(s, &s->q.release, "RELEASE act");
}

void
dca_store_undo(struct dca_store *s)
{
	savepoint_run(s, &s->q.undo, "ROLLBACK TO act");
	savepoint_run(s, &s->q.release, "RELEASE act");
	s->head_known = false;
}

enum dca_rc
dca_store_appliance(struct dca_store *s, uint8_t id[static 16],
    struct dca_err *e)
{
	static const char SQL[] = "SELECT body FROM ledger WHERE seq = 1";
	DB_OWN_STMT q = NULL;
	struct dca_cbor v;
	struct dca_buf b = { 0 };
	enum dca_rc rc;
	int code = sqlite3_prepare_v2(s->db, SQL, -1, &q, NULL);

	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	if ((rc = db_get(s, q, e)) == DCA_IO)
		return rc;
	if (rc || !dca_cbor_find(db_bytes(q, 0), "appliance", &v) ||
	    !dca_cbor_take_bytes(&v, &b, DCA_APPLIANCE_LEN) ||
	    b.n != DCA_APPLIANCE_LEN)
		return dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "row 1: is not the genesis row of an appliance");
	memcpy(id, b.p, b.n);
	return DCA_OK;
}
