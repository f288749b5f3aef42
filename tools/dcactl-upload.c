/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending an import: rows in parts that fit one signed act, a progress bar,
 * and the errors of the vault turned from row numbers into lines of the file.
 * The vault applies all parts or none, with the last one.
 */
#include "dcactl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PART_OCTETS = 64 * 1024, SHOWN_MAX = 1000 };

void
ctl_rows_add(struct ctl_rows *r, struct dca_buf row, unsigned line)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 256;
		r->ends = dca_realloc(r->ends, r->cap * sizeof(*r->ends));
		r->lines = dca_realloc(r->lines, r->cap * sizeof(*r->lines));
	}
	dca_out_add(&r->cbor, row.p, row.n);
	r->ends[r->n] = r->cbor.n;
	r->lines[r->n++] = line;
}

void
ctl_rows_clear(struct ctl_rows *r)
{
	dca_out_free(&r->cbor);
	free(r->ends);
	free(r->lines);
	memset(r, 0, sizeof(*r));
}

void
ctl_fault(struct ctl_faults *f, unsigned line, const char *rule,
    const char *text)
{
	dca_cbor_map(&f->cbor, 3);
	dca_cbor_text(&f->cbor, "line");
	dca_cbor_uint(&f->cbor, line);
	dca_cbor_text(&f->cbor, "rule");
	dca_cbor_text(&f->cbor, rule);
	dca_cbor_text(&f->cbor, "text");
	dca_cbor_text(&f->cbor, text);
	f->n++;
}

static void
print_fault(const char *file, struct dca_buf fault)
{
	DCA_AUTO_OUT shown = { 0 };
	struct dca_cbor v;
	struct dca_buf text = { 0 };
	char rule[40] = "";
	uint64_t line = 0;

	if (dca_cbor_find(fault, "line", &v))
		(void)!dca_cbor_take_uint(&v, &line);
	if (dca_cbor_find(fault, "rule", &v))
		(void)!dca_cbor_take_text(&v, rule, sizeof(rule));
	if (dca_cbor_find(fault, "text", &v))
		(void)!dca_cbor_take_text_view(&v, &text, 512);
	dca_show_text(&shown, text);
	fprintf(stderr, "%s:%llu: %.*s (%s)\n", file, (unsigned long long)line,
	    (int)shown.n, shown.n ? (const char *)shown.p : "", rule);
}

int
ctl_show_faults(const struct ctl *c, const char *file,
    const struct ctl_faults *f)
{
	const struct dca_problem *p = dca_problem(DCA_RULE_REG_IMPORT);
	struct dca_cbor v = { .in = dca_out_buf(&f->cbor) };
	DCA_AUTO_OUT map = { 0 };
	struct dca_buf fault;
	size_t i;

	for (i = 0; i < f->n && i < SHOWN_MAX && dca_cbor_skip(&v, &fault); i++)
		print_fault(file, fault);
	if (f->n > SHOWN_MAX)
		fprintf(stderr, "... and %zu more\n", f->n - SHOWN_MAX);
	fprintf(stderr, "dcactl: refused: %zu line%s of %s, nothing was "
	    "changed\n  rule   %s (%s; %s)\n  do     %s\n", f->n,
	    f->n == 1 ? "" : "s", file, p->id, p->title, p->clause, p->advice);
	if (c->json) {
		dca_cbor_map(&map, 2);
		dca_cbor_text(&map, "rule");
		dca_cbor_text(&map, p->id);
		dca_cbor_text(&map, "errors");
		dca_cbor_array(&map, f->n);
		dca_out_add(&map, f->cbor.p, f->cbor.n);
		(void)dca_show_json(dca_out_buf(&map));
	}
	return dca_exit_code(p->rc);
}

/* [[row, rule, text], ...] with rows counted over all parts. */
static int
vault_faults(const struct ctl *c, const char *file, struct dca_buf answer,
    const struct ctl_rows *rows)
{
	struct ctl_faults f = { 0 };
	struct dca_cbor v;
	size_t n = 0, three;
	int code;

	if (dca_cbor_find(answer, "errors", &v))
		(void)!dca_cbor_take_array(&v, &n, 4096);
	while (n--) {
		char rule[40] = "", text[512] = "";
		uint64_t row = 0;

		if (!dca_cbor_take_array(&v, &three, 3) || three != 3 ||
		    !dca_cbor_take_uint(&v, &row) ||
		    !dca_cbor_take_text(&v, rule, sizeof(rule)) ||
		    !dca_cbor_take_text(&v, text, sizeof(text)))
			break;
		ctl_fault(&f, row < rows->n ? rows->lines[row] : 0, rule, text);
	}
	code = ctl_show_faults(c, file, &f);
	dca_out_free(&f.cbor);
	return code;
}

/* A bar on a terminal, else a line at most every tenth of the way; nothing
 * for an import of one part. */
static void
progress(const struct ctl *c, size_t done, size_t all, unsigned of)
{
	static unsigned last;
	unsigned percent = (unsigned)(done * 100 / all);

	if (c->progress || isatty(STDERR_FILENO)) {
		fprintf(stderr, "\r[%-40.*s] %3u %%%s", (int)(percent * 40 / 100),
		    "########################################", percent,
		    done == all ? "\n" : "");
		fflush(stderr);
	} else if (of > 1 && percent / 10 > last / 10) {
		fprintf(stderr, "%u %%\n", percent);
	}
	last = percent;
}

/* Number of rows from first on that fit one part, at least one. */
static size_t
part_rows(const struct ctl_rows *r, size_t first)
{
	size_t start = first ? r->ends[first - 1] : 0, n = 1;

	while (first + n < r->n && r->ends[first + n] - start <= PART_OCTETS)
		n++;
	return n;
}

static void
encode_part(struct dca_out *args, const struct ctl_rows *r, size_t first,
    size_t n, const char *import, unsigned part, unsigned of)
{
	size_t start = first ? r->ends[first - 1] : 0;

	dca_cbor_map(args, 4);
	dca_cbor_text(args, "of");
	dca_cbor_uint(args, of);
	dca_cbor_text(args, "part");
	dca_cbor_uint(args, part);
	dca_cbor_text(args, "rows");
	dca_cbor_array(args, n);
	dca_out_add(args, r->cbor.p + start, r->ends[first + n - 1] - start);
	dca_cbor_text(args, "import");
	dca_cbor_text(args, import);
}

/* What the vault said to the last part. */
static int
report(const struct ctl *c, const char *file, const struct ctl_rows *rows,
    struct dca_buf answer)
{
	struct dca_cbor v;
	struct dca_buf warnings;

	if (c->json)
		return dca_show_json(answer);
	printf("%zu rows of %s imported\n", rows->n, file);
	if (dca_cbor_find(answer, "warnings", &v) &&
	    dca_cbor_skip(&v, &warnings) && warnings.n > 1) {
		DCA_AUTO_OUT json = { 0 };

		if (dca_cbor_json(&json, warnings, true, NULL) == DCA_OK)
			fprintf(stderr, "warnings: %.*s\n", (int)json.n,
			    (const char *)json.p);
	}
	return 0;
}

int
ctl_upload(struct ctl *c, const char *act, const char *file,
    const struct ctl_rows *rows)
{
	unsigned part = 0, of = 0;
	uint8_t random[8];
	char import[2 * sizeof(random) + 1];
	size_t at;

	for (at = 0; at < rows->n; at += part_rows(rows, at))
		of++;
	dca_random(random, sizeof(random));
	dca_hex(import, random, sizeof(random));
	for (at = 0; at < rows->n; part++) {
		CTL_ANSWER a = { 0 };
		DCA_AUTO_OUT args = { 0 };
		struct dca_err e = { 0 };
		size_t n = part_rows(rows, at);

		encode_part(&args, rows, at, n, import, part, of);
		if (ctl_act(c, act, dca_out_buf(&args), &a, &e) != DCA_OK)
			return ctl_fail(c, &e);
		at += n;
		progress(c, at, rows->n, of);
		if (a.code >= 400)
			return vault_faults(c, file, dca_out_buf(&a.body),
			    rows);
		if (at == rows->n)
			return report(c, file, rows, dca_out_buf(&a.body));
	}
	return 2;
}
