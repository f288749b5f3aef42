/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The views as people read them: one table says which columns are shown and
 * how. Never shows a secret; never changes anything.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "dca/cbor.h"
#include "dca/profile.h"

enum format {
	UINT,
	BOOL,
	TEXT,
	HEX,		/* or null */
	TIME,		/* RFC 3339; 0 is null */
	HASH,		/* SHA-256 of the column, in hex */
	RANGE,		/* three columns: digits, lo, hi */
	PASSPORTS,
	CONSTRAINTS,	/* as text; none is null */
	FUNCTION,
	SIZE,		/* octets in it */
	/* from here on only when one row is asked for by its id */
	ITEM,		/* one CBOR item as it is */
	BYTES,
};

struct column {
	const char *key;	/* sorted as RFC 8949 4.2.1 wants them */
	const char *sql;
	enum format format;
};

enum { COLUMNS_MAX = 14, ROWS_MAX = 500, ROWS_OCTETS = 96 * 1024 };

struct view {
	const char *name;	/* and its table */
	const char *n;		/* counts the rows */
	const char *customer;	/* column, or NULL */
	const char *id;
	enum format id_format;	/* TEXT, HEX, UINT */
	struct column columns[COLUMNS_MAX];
};

static const struct view VIEWS[] = {
	{ "operators", "n", NULL, "id", TEXT, {
	    { "id", "id", TEXT },
	    { "key", "spki", HASH },
	    { "role", "role", TEXT },
	    { "active", "active", BOOL },
	    { "last_seq", "last_seq", UINT } } },
	{ "proposals", "id", NULL, "id", UINT, {
	    { "id", "id", UINT },
	    { "act", "act", TEXT },
	    { "data", "data", BYTES },
	    { "actor", "actor", TEXT },
	    { "state", "state", TEXT },
	    { "sha256", "sha256", HEX },
	    { "signed", "signed", BOOL },
	    { "expires", "expires", TIME } } },
	{ "customers", "n", "id", "id", TEXT, {
	    { "cn", "cn", TEXT },
	    { "id", "id", TEXT },
	    { "name", "name", TEXT },
	    { "active", "active", BOOL },
	    { "changed", "changed", UINT },
	    { "country", "country", TEXT },
	    { "passports", "passports", PASSPORTS },
	    { "constraints", "constraints", CONSTRAINTS } } },
	{ "keys", "n", "customer", "key", HEX, {
	    { "key", "key", HEX },
	    { "pinned", "pinned", BOOL },
	    { "customer", "customer", TEXT } } },
	{ "codes", "n", "customer", "id", TEXT, {
	    { "id", "id", TEXT },
	    { "spent", "spent", BOOL },
	    { "expires", "expires", TIME },
	    { "customer", "customer", TEXT } } },
	{ "inventory", "n", NULL, "n", UINT, {
	    { "id", "n", UINT },
	    { "tn", "digits, lo, hi", RANGE },
	    { "seq", "seq", UINT },
	    { "spc", "spc", TEXT } } },
	{ "delegations", "n", "customer", "n", UINT, {
	    { "id", "n", UINT },
	    { "tn", "digits, lo, hi", RANGE },
	    { "seq", "seq", UINT },
	    { "shared", "shared", BOOL },
	    { "customer", "customer", TEXT },
	    { "not_after", "not_after", TIME },
	    { "not_before", "not_before", TIME } } },
	{ "certificates", "seq", "customer", "serial", HEX, {
	    { "csr", "csr", HEX },
	    { "key", "key", HEX },
	    { "seq", "seq", UINT },
	    { "cross", "cross_id", UINT },
	    { "reason", "reason", UINT },
	    { "serial", "serial", HEX },
	    { "revoked", "revoked", TIME },
	    { "customer", "customer", TEXT },
	    { "function", "function", FUNCTION },
	    { "not_after", "not_after", TIME },
	    { "published", "published", TIME },
	    { "not_before", "not_before", TIME },
	    { "predecessor", "predecessor", HEX } } },
	{ "crosses", "id", NULL, "id", UINT, {
	    { "id", "id", UINT },
	    { "seq", "seq", UINT },
	    { "chain", "chain", BYTES },
	    { "active", "active", BOOL },
	    { "installed", "installed", TIME } } },
	{ "orders", "id", NULL, "id", UINT, {
	    { "id", "id", UINT },
	    { "csr", "csr", BYTES },
	    { "key", "key", HEX },
	    { "actor", "actor", TEXT },
	    { "cross", "cross_id", UINT },
	    { "scope", "scope", TEXT },
	    { "state", "state", TEXT },
	    { "proposal", "proposal", UINT } } },
	{ "ledger", "seq", NULL, "seq", UINT, {
	    { "seq", "seq", UINT },
	    { "body", "body", ITEM },
	    { "hash", "hash", HEX },
	    { "kind", "kind", TEXT },
	    { "prev", "prev", HEX },
	    { "size", "body", SIZE },
	    { "time", "time", TIME },
	    { "actor", "actor", TEXT } } },
};

static const struct view *
view_find(const char *name)
{
	for (size_t i = 0; i < sizeof VIEWS / sizeof *VIEWS; i++)
		if (strcmp(VIEWS[i].name, name) == 0)
			return &VIEWS[i];
	return NULL;
}

/* --- one value --- */
static void
put_hex(struct dca_out *o, struct dca_buf b)
{
	DCA_AUTO_OUT hex = { 0 };
	char two[3];

	for (size_t i = 0; i < b.n; i++) {
		dca_hex(two, b.p + i, 1);
		dca_out_add(&hex, two, 2);
	}
	dca_cbor_text_n(o, (const char *)hex.p, hex.n);
}

static void
put_time(struct dca_out *o, int64_t t)
{
	char text[DCA_TIME_TEXT];

	if (t == 0) {
		dca_cbor_null(o);
		return;
	}
	dca_time_format(text, t);
	dca_cbor_text(o, text);
}

static void
put_range(struct dca_out *o, sqlite3_stmt *q, int i)
{
	char text[DCA_ENTRY_TEXT];
	struct dca_tnrange r = {
		.digits = (uint8_t)db_int(q, i),
		.lo = (uint64_t)db_int(q, i + 1),
		.hi = (uint64_t)db_int(q, i + 2),
	};

	dca_tnrange_print(r, text);
	dca_cbor_text(o, text);
}

static void
put_text(struct dca_out *o, sqlite3_stmt *q, int i)
{
	char text[256];

	db_text(q, i, text, sizeof text);
	dca_cbor_text(o, text);
}

static void
put_hash(struct dca_out *o, struct dca_buf b)
{
	uint8_t hash[DCA_SHA256_LEN];

	dca_sha256(hash, b);
	put_hex(o, DCA_BUF(hash, sizeof hash));
}

static void
put_passports(struct dca_out *o, unsigned bits)
{
	char text[24];

	dca_passports_print(bits, text);
	dca_cbor_text(o, text);
}

static void
put_constraints(struct dca_out *o, struct dca_buf der)
{
	struct dca_constraints c;
	DCA_AUTO_OUT text = { 0 };

	if (der.n == 0 || dca_constraints_parse(&c, der, true, NULL, NULL) !=
	    DCA_OK) {
		dca_cbor_null(o);
		return;
	}
	dca_constraints_print(&text, &c);
	dca_constraints_clear(&c);
	dca_cbor_text_n(o, (const char *)text.p, text.n);
}

/* A body that someone spoiled is shown as bytes. */
static void
put_item(struct dca_out *o, struct dca_buf b)
{
	if (dca_cbor_check(b))
		dca_out_add(o, b.p, b.n);
	else
		dca_cbor_bytes(o, b);
}

static const char *
function_name(int64_t f)
{
	static const char *const names[] = {
		[DCA_FN_SEN] = "sen",
		[DCA_FN_SREN] = "sren",
		[DCA_FN_OPERATOR] = "operator",
	};

	return f >= 0 && f <= DCA_FN_OPERATOR ? names[f] : "unknown";
}

/* Returns the number of SQL columns it took. */
static int
put(struct dca_out *o, sqlite3_stmt *q, int i, enum format format)
{
	switch (format) {
	case UINT:
		dca_cbor_int(o, db_int(q, i));
		return 1;
	case BOOL:
		dca_cbor_bool(o, db_int(q, i) != 0);
		return 1;
	case TEXT:
		put_text(o, q, i);
		return 1;
	case HEX:
		if (sqlite3_column_type(q, i) == SQLITE_NULL)
			dca_cbor_null(o);
		else
			put_hex(o, db_bytes(q, i));
		return 1;
	case TIME:
		put_time(o, db_int(q, i));
		return 1;
	case HASH:
		put_hash(o, db_bytes(q, i));
		return 1;
	case RANGE:
		put_range(o, q, i);
		return 3;
	case PASSPORTS:
		put_passports(o, (unsigned)db_int(q, i));
		return 1;
	case CONSTRAINTS:
		put_constraints(o, db_bytes(q, i));
		return 1;
	case FUNCTION:
		dca_cbor_text(o, function_name(db_int(q, i)));
		return 1;
	case ITEM:
		put_item(o, db_bytes(q, i));
		return 1;
	case BYTES:
		dca_cbor_bytes(o, db_bytes(q, i));
		return 1;
	case SIZE:
		dca_cbor_uint(o, db_bytes(q, i).n);
		return 1;
	}
	abort();
}

/* --- one question --- */
static bool
shown(const struct column *c, const struct dca_list_query *query)
{
	return c->key && (c->format < ITEM || query->id);
}

static void
put_row(struct dca_out *o, sqlite3_stmt *q, const struct view *v,
    const struct dca_list_query *query)
{
	size_t pairs = 0;
	int at = 1;

	for (size_t i = 0; i < COLUMNS_MAX; i++)
		pairs += shown(&v->columns[i], query);
	dca_cbor_map(o, pairs);
	for (size_t i = 0; i < COLUMNS_MAX; i++) {
		if (!shown(&v->columns[i], query))
			continue;
		dca_cbor_text(o, v->columns[i].key);
		at += put(o, q, at, v->columns[i].format);
	}
}

/* Names come from the table above, values are bound. */
static void
make_sql(struct dca_out *sql, const struct view *v,
    const struct dca_list_query *query)
{
	dca_out_printf(sql, "SELECT %s", v->n);
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		if (shown(&v->columns[i], query))
			dca_out_printf(sql, ", %s", v->columns[i].sql);
	dca_out_printf(sql, " FROM %s WHERE %s > ?1", v->name, v->n);
	if (query->customer)
		dca_out_printf(sql, " AND %s = ?2", v->customer);
	if (query->id)
		dca_out_printf(sql, " AND %s = ?3", v->id);
	dca_out_printf(sql, " ORDER BY %s", v->n);
	dca_out_add(sql, "", 1);
}

/* False: the text cannot be an id of this view. id holds what is bound. */
static bool
bind_id(sqlite3_stmt *q, const struct view *v, const char *id,
    uint8_t bytes[static 64])
{
	size_t n = strlen(id);
	char *end;
	long long number;

	switch (v->id_format) {
	case TEXT:
		db_bind_text(q, 3, id);
		return true;
	case HEX:
		if (n > 128 || !dca_unhex(bytes, n / 2, id))
			return false;
		db_bind_blob(q, 3, bytes, n / 2);
		return true;
	default:
		number = strtoll(id, &end, 10);
		db_bind_int(q, 3, number);
		return n > 0 && *end == 0 && id[0] >= '0' && id[0] <= '9';
	}
}

static enum dca_rc
check_query(const struct view *v, const struct dca_list_query *query,
    struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	if (!v)
		return dca_fail(e, DCA_RULE_PATH, "no view named %s",
		    query->view);
	if (query->customer && !v->customer) {
		rc = dca_fail(e, DCA_RULE_INPUT,
		    "%s are not listed by customer", v->name);
		if (e)
			dca_strlcpy(e->field, "customer", sizeof e->field);
	}
	return rc;
}

/* As many rows as fit a local message; *next: where to go on. */
static enum dca_rc
put_rows(struct dca_store *s, sqlite3_stmt *q, const struct view *v,
    const struct dca_list_query *query, struct dca_out *rows, size_t *n,
    uint64_t *next, struct dca_err *e)
{
	size_t limit = query->limit && query->limit < ROWS_MAX ? query->limit :
								 ROWS_MAX;
	uint64_t last = 0;
	enum dca_rc rc;

	while ((rc = db_get(s, q, e)) == DCA_OK) {
		if (*n == limit || rows->n > ROWS_OCTETS) {
			*next = last;
			return DCA_OK;
		}
		put_row(rows, q, v, query);
		last = (uint64_t)db_int(q, 0);
		++*n;
	}
	return rc == DCA_NOTFOUND ? DCA_OK : rc;
}

enum dca_rc
dca_store_list(struct dca_store *s, const struct dca_list_query *query,
    struct dca_out *cbor, struct dca_err *e)
{
	const struct view *v = view_find(query->view);
	DCA_AUTO_OUT sql = { 0 }, rows = { 0 };
	DB_OWN_STMT q = NULL;
	uint8_t id[64];
	uint64_t next = 0;
	size_t n = 0;
	enum dca_rc rc = check_query(v, query, e);
	int code;

	if (rc)
		return rc;
	make_sql(&sql, v, query);
	code = sqlite3_prepare_v2(s->db, (const char *)sql.p, -1, &q, NULL);
	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	db_bind_int(q, 1, (int64_t)query->from);
	if (query->customer)
		db_bind_text(q, 2, query->customer);
	if (!query->id || bind_id(q, v, query->id, id))
		rc = put_rows(s, q, v, query, &rows, &n, &next, e);
	if (rc)
		return rc;
	dca_cbor_map(cbor, 2);
	dca_cbor_text(cbor, "next");
	dca_cbor_uint(cbor, next);
	dca_cbor_text(cbor, "rows");
	dca_cbor_array(cbor, n);
	dca_out_add(cbor, rows.p, rows.n);
	return DCA_OK;
}

uint64_t
dca_store_count(struct dca_store *s, const char *view)
{
	const struct view *v = view_find(view);
	DB_OWN_STMT q = NULL;
	char sql[96];
	struct dca_err e;

	if (!v)
		abort();
	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", v->name);
	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		abort();
	db_must(db_get(s, q, &e), &e);
	return (uint64_t)db_int(q, 0);
}
