/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thin layer over SQLite: cached statements, binding, and what an error
 * of SQLite means to us. Holds no SQL of its own and no meaning of a table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

enum dca_rc
db_fail(struct dca_store *s, int code, struct dca_err *e)
{
	switch (code) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
		return dca_fail(e, DCA_RULE_REG_EXISTS, "store: %s",
		    sqlite3_errmsg(s->db));
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return dca_fail(e, DCA_RULE_REG_UNKNOWN,
		    "store: a row names another that does not exist");
	case SQLITE_CONSTRAINT_CHECK:
	case SQLITE_CONSTRAINT_NOTNULL:
	case SQLITE_CONSTRAINT_DATATYPE:
		return dca_fail(e, DCA_RULE_REG_FIELD, "store: %s",
		    sqlite3_errmsg(s->db));
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_NOMEM:
		/* our own SQL is wrong, or memory ended */
		fprintf(stderr, "<2>store: %s\n", sqlite3_errmsg(s->db));
		abort();
	default:
		s->failed = true;
		return dca_fail(e, DCA_RULE_IO, "store: %s (%s)",
		    sqlite3_errmsg(s->db), sqlite3_errstr(code));
	}
}

enum dca_rc
db_exec(struct dca_store *s, const char *sql, struct dca_err *e)
{
	int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? DCA_OK : db_fail(s, code, e);
}

sqlite3_stmt *
db_use(struct dca_store *s, sqlite3_stmt **q, const char *sql)
{
	int code;

	if (*q) {
		if (sqlite3_stmt_busy(*q))
			abort();
		return *q;
	}
	code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, q,
	    NULL);
	if (code != SQLITE_OK)
		(void)db_fail(s, code, NULL);
	return *q;
}

enum dca_rc
db_get(struct dca_store *s, sqlite3_stmt *q, struct dca_err *e)
{
	int code = q ? sqlite3_step(q) : SQLITE_IOERR;

	if (code == SQLITE_ROW)
		return DCA_OK;
	return code == SQLITE_DONE ? DCA_NOTFOUND : db_fail(s, code, e);
}

/* Not by db_get: its DCA_NOTFOUND is also what a broken FOREIGN KEY is. */
enum dca_rc
db_run(struct dca_store *s, sqlite3_stmt *q, struct dca_err *e)
{
	int code = SQLITE_IOERR;

	/* SQLite may have rolled back by itself and would keep this change
	 * alone, at once, while its group is told that nothing was kept. */
	if (s->in_tx && s->failed)
		return dca_fail(e, DCA_RULE_IO,
		    "store: an earlier change of this group failed");
	while (q && (code = sqlite3_step(q)) == SQLITE_ROW)
		;
	return code == SQLITE_DONE ? DCA_OK : db_fail(s, code, e);
}

void
db_must(enum dca_rc rc, const struct dca_err *e)
{
	if (rc != DCA_IO && rc != DCA_INTERNAL)
		return;
	fprintf(stderr, "<2>%s\n", e->text);
	abort();
}

void
db_reset(sqlite3_stmt **q)
{
	if (!*q)
		return;
	sqlite3_reset(*q);
	sqlite3_clear_bindings(*q);
}

void
db_finalize(sqlite3_stmt **q)
{
	sqlite3_finalize(*q);
}

/* A bind can only fail by a wrong index or by memory. */
static void
bound(int code)
{
	if (code != SQLITE_OK)
		abort();
}

void
db_bind_int(sqlite3_stmt *q, int i, int64_t v)
{
	if (q)
		bound(sqlite3_bind_int64(q, i, v));
}

void
db_bind_text(sqlite3_stmt *q, int i, const char *v)
{
	if (q)
		bound(sqlite3_bind_text(q, i, v, -1, SQLITE_STATIC));
}

void
db_bind_blob(sqlite3_stmt *q, int i, const void *p, size_t n)
{
	/* a NULL pointer would bind NULL, not an empty value */
	if (q)
		bound(sqlite3_bind_blob64(q, i, p ? p : "", n, SQLITE_STATIC));
}

int64_t
db_int(sqlite3_stmt *q, int i)
{
	return sqlite3_column_int64(q, i);
}

bool
db_text(sqlite3_stmt *q, int i, char *out, size_t cap)
{
	const char *t = (const char *)sqlite3_column_text(q, i);
	size_t n = (size_t)sqlite3_column_bytes(q, i);

	if (!t || n >= cap || memchr(t, 0, n)) {
		out[0] = 0;
		return false;
	}
	memcpy(out, t, n);
	out[n] = 0;
	return true;
}

struct dca_buf
db_bytes(sqlite3_stmt *q, int i)
{
	const void *p = sqlite3_column_blob(q, i);

	return DCA_BUF(p, (size_t)sqlite3_column_bytes(q, i));
}

bool
db_blob(sqlite3_stmt *q, int i, uint8_t *out, size_t n)
{
	struct dca_buf b = db_bytes(q, i);

	if (b.n != n) {
		memset(out, 0, n);
		return false;
	}
	memcpy(out, b.p, n);
	return true;
}
