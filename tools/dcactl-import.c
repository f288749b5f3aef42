/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl inventory and delegation: the CSV files of dca(7) FORMATS, read whole and
 * checked line by line before a single octet is sent. What the register must
 * know to decide (overlaps, unknown customers) the vault checks.
 */
#include "dcactl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CSV_MAX = 64 << 20, CELLS = 6 };

/* A cell as a C string; too long is cut, which no check lets pass. */
static const char *
text(char *out, size_t cap, struct dca_buf cell)
{
	size_t n = cell.n < cap - 1 ? cell.n : cap - 1;

	memcpy(out, cell.p, n);
	out[n] = '\0';
	return out;
}

/* start,count: written to row as text and number. */
static enum dca_rc
numbers(struct dca_out *row, struct dca_buf start, struct dca_buf count,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *set = dca_tnset_new();
	char s[40], n[40];
	const char *tn = text(s, sizeof(s), start);
	enum dca_rc rc;
	uint64_t v;

	text(n, sizeof(n), count);
	if (*tn == '+')
		tn++;
	if (*n == '\0' || strspn(n, "0123456789") != strlen(n) ||
	    strlen(n) > 16)
		return dca_fail(e, DCA_RULE_TN_COUNT,
		    "count \"%.20s\" is not a number", n);
	v = strtoull(n, NULL, 10);
	if (v == 0)
		return dca_fail(e, DCA_RULE_TN_COUNT, "count is 0");
	if (strspn(tn, "0123456789") != strlen(tn) || *tn == '\0')
		return dca_fail(e, DCA_RULE_TN_NUMBER,
		    "start \"%.20s\" is not digits with an optional +", s);
	rc = dca_tnset_add_range(set, tn, v, e);
	if (rc != DCA_OK)
		return rc;
	dca_cbor_text(row, tn);
	dca_cbor_uint(row, v);
	return DCA_OK;
}

static enum dca_rc
inventory_row(struct dca_out *row, const struct dca_buf *cells,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *set = dca_tnset_new();
	enum dca_rc rc;

	dca_cbor_array(row, 3);
	rc = numbers(row, cells[0], cells[1], e);
	if (rc == DCA_OK)
		rc = dca_tnset_add_spc(set, (const char *)cells[2].p,
		    cells[2].n, e);
	if (rc == DCA_OK)
		dca_cbor_text_n(row, (const char *)cells[2].p, cells[2].n);
	return rc;
}

static enum dca_rc
time_cell(int64_t *t, struct dca_buf cell, const char *name, struct dca_err *e)
{
	char s[40];

	*t = 0; /* empty: no limit */
	if (cell.n == 0 || dca_time_parse(t, text(s, sizeof(s), cell)))
		return DCA_OK;
	return dca_fail(e, DCA_RULE_REG_FIELD,
	    "%s \"%.30s\" is not like 2026-12-01T00:00:00Z", name, s);
}

static enum dca_rc
shared_cell(bool *shared, struct dca_buf cell, struct dca_err *e)
{
	static const struct {
		const char *word;
		bool shared;
	} words[] = { { "yes", true }, { "true", true }, { "no", false },
		{ "false", false }, { "", false } };
	char s[16];
	size_t i;

	text(s, sizeof(s), cell);
	for (i = 0; i < N_OF(words); i++)
		if (strcmp(words[i].word, s) == 0) {
			*shared = words[i].shared;
			return DCA_OK;
		}
	return dca_fail(e, DCA_RULE_REG_FIELD,
	    "shared \"%s\" is neither yes nor no", s);
}

static enum dca_rc
delegation_row(struct dca_out *row, const struct dca_buf *cells,
    struct dca_err *e)
{
	char id[DCA_ID_MAX + 2];
	int64_t before, after;
	bool shared = false;
	enum dca_rc rc = dca_id_check(text(id, sizeof(id), cells[0]), e);

	if (rc != DCA_OK)
		return rc;
	dca_cbor_array(row, 6);
	dca_cbor_text(row, id);
	if ((rc = numbers(row, cells[1], cells[2], e)) ||
	    (rc = time_cell(&before, cells[3], "not_before", e)) ||
	    (rc = time_cell(&after, cells[4], "not_after", e)) ||
	    (rc = shared_cell(&shared, cells[5], e)))
		return rc;
	if (after != 0 && after <= before)
		return dca_fail(e, DCA_RULE_REG_FIELD,
		    "not_after is not after not_before");
	dca_cbor_int(row, before);
	dca_cbor_int(row, after);
	dca_cbor_bool(row, shared);
	return DCA_OK;
}

typedef enum dca_rc (*row_fn)(struct dca_out *row, const struct dca_buf *cells,
    struct dca_err *e);

/* The error of one line; the reader names the line itself, we do too. */
static void
line_fault(struct ctl_faults *f, unsigned line, const struct dca_err *e)
{
	const char *colon = strstr(e->text, ": ");

	ctl_fault(f, line, dca_problem(e->rule)->id,
	    strncmp(e->text, "line ", 5) == 0 && colon ? colon + 2 : e->text);
}

/* All lines, all errors. */
static void
read_lines(struct dca_csv *csv, row_fn make, struct ctl_rows *rows,
    struct ctl_faults *faults)
{
	for (;;) {
		struct dca_buf cells[CELLS];
		struct dca_err e = { 0 };
		DCA_AUTO_OUT row = { 0 };
		enum dca_rc rc = dca_csv_next(csv, cells, &e);

		if (rc == DCA_NOTFOUND)
			return;
		if (rc == DCA_OK)
			rc = make(&row, cells, &e);
		if (rc == DCA_OK)
			ctl_rows_add(rows, dca_out_buf(&row), csv->line);
		else
			line_fault(faults, csv->line, &e);
	}
}

static int
import(struct ctl *c, const char *file, const char *act, const char *header,
    row_fn make)
{
	DCA_CLEANUP(ctl_rows_clear) struct ctl_rows rows = { 0 };
	struct ctl_faults faults = { 0 };
	struct dca_err e = { 0 };
	struct dca_csv csv;
	DCA_AUTO_OUT in = { 0 };
	int code;

	if (c->local)
		return ctl_usage("imports are signed acts: import without "
		    "--local");
	if (dca_file_read(&in, file, CSV_MAX, &e) != DCA_OK)
		return ctl_fail(c, &e);
	if (dca_csv_open(&csv, dca_out_buf(&in), header, &e) != DCA_OK) {
		(void)dca_fail_in(&e, file);
		return ctl_fail(c, &e);
	}
	read_lines(&csv, make, &rows, &faults);
	if (faults.n) {
		code = ctl_show_faults(c, file, &faults);
		dca_out_free(&faults.cbor);
		return code;
	}
	if (rows.n == 0) {
		(void)dca_fail(&e, DCA_RULE_INPUT, "%.200s: no rows in it",
		    file);
		return ctl_fail(c, &e);
	}
	return ctl_upload(c, act, file, &rows);
}

int
ctl_inventory_import(int argc, char **argv, void *arg)
{
	(void)argc;
	return import(arg, argv[0], "inventory.import", "start,count,spc",
	    inventory_row);
}

int
ctl_delegation_import(int argc, char **argv, void *arg)
{
	(void)argc;
	return import(arg, argv[0], "delegation.import",
	    "customer,start,count,not_before,not_after,shared",
	    delegation_row);
}

int
ctl_inventory_list(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return ctl_print_view(arg, "inventory", "tn,spc");
}

int
ctl_delegation_list(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return ctl_print_view(arg, "delegations",
	    "customer,tn,not_before,not_after,shared");
}
