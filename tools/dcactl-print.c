/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers for people: lists as tables, maps as lines. Knows CBOR, not what
 * the columns mean. Text of others reaches the terminal without control
 * characters.
 */
#include "dcactl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 24, CELL_MAX = 60 };

void
ctl_text_map(struct dca_out *o, const char *const *pairs)
{
	size_t n = 0, i;

	while (pairs[n])
		n++;
	dca_cbor_map(o, n / 2);
	for (i = 0; i < n; i++)
		dca_cbor_text(o, pairs[i]);
}

/* One value as text; arrays and maps as one line of JSON. */
static void
cell(struct dca_out *o, struct dca_buf item)
{
	struct dca_cbor v = { .in = item };
	struct dca_buf text;
	DCA_AUTO_OUT json = { 0 };
	bool b;

	switch (dca_cbor_peek(&v)) {
	case DCA_CBOR_TEXT:
		if (dca_cbor_take_text_view(&v, &text, item.n))
			dca_show_text(o, text);
		break;
	case DCA_CBOR_BOOL:
		if (dca_cbor_take_bool(&v, &b))
			dca_out_printf(o, "%s", b ? "yes" : "no");
		break;
	case DCA_CBOR_NULL:
		break;
	default:
		if (dca_cbor_json(&json, item, false, NULL) == DCA_OK)
			dca_show_text(o, dca_out_buf(&json));
	}
	if (o->n == 0)
		dca_out_add(o, "-", 1);
}

/* Terminal columns of UTF-8: one per character is near enough here. */
static size_t
width(struct dca_buf s)
{
	size_t n = 0, i;

	for (i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

struct table {
	char name[COLUMNS_MAX][32];
	size_t wide[COLUMNS_MAX];
	size_t n;
};

static void
add_column(struct table *t, const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (strlen(t->name[i]) == n &&
		    memcmp(t->name[i], name, n) == 0)
			return;
	if (t->n == COLUMNS_MAX || n >= sizeof(t->name[0]))
		return;
	memcpy(t->name[t->n], name, n);
	t->name[t->n][n] = '\0';
	t->wide[t->n] = n;
	t->n++;
}

/* The named columns that the rows have; all that a row has when it has none
 * of them (an appliance of another version). */
static void
find_columns(struct table *t, struct dca_buf row, const char *columns)
{
	struct dca_cbor v = { .in = row }, at;
	struct dca_buf key, skipped;
	size_t n, pairs = 0;
	char name[32];

	for (; *columns; columns += n + (columns[n] == ',')) {
		n = strcspn(columns, ",");
		if (n >= sizeof(name))
			continue;
		memcpy(name, columns, n);
		name[n] = '\0';
		if (dca_cbor_find(row, name, &at))
			add_column(t, name, n);
	}
	if (t->n > 0 || !dca_cbor_take_map(&v, &pairs, 64))
		return;
	while (pairs-- && dca_cbor_take_text_view(&v, &key, 64) &&
	    dca_cbor_skip(&v, &skipped))
		add_column(t, (const char *)key.p, key.n);
}

static void
row_cell(struct dca_out *o, struct dca_buf row, const char *name)
{
	struct dca_cbor v;
	struct dca_buf item;

	if (dca_cbor_find(row, name, &v) && dca_cbor_skip(&v, &item))
		cell(o, item);
	else
		dca_out_add(o, "-", 1);
}

static void
print_cell(struct dca_buf s, size_t wide, bool last)
{
	size_t n = width(s);

	fwrite(s.p, 1, s.n, stdout);
	if (last)
		putchar('\n');
	else
		printf("%*s", (int)(n < wide ? wide - n + 2 : 2), "");
}

static void
print_table(const struct table *t, struct dca_buf rows)
{
	struct dca_cbor v = { .in = rows };
	struct dca_buf row;
	size_t n = 0, i;

	for (i = 0; i < t->n; i++)
		print_cell(DCA_BUF(t->name[i], strlen(t->name[i])), t->wide[i],
		    i + 1 == t->n);
	if (!dca_cbor_take_array(&v, &n, SIZE_MAX))
		return;
	while (n-- && dca_cbor_skip(&v, &row))
		for (i = 0; i < t->n; i++) {
			DCA_AUTO_OUT o = { 0 };

			row_cell(&o, row, t->name[i]);
			print_cell(dca_out_buf(&o), t->wide[i], i + 1 == t->n);
		}
}

int
ctl_print_rows(const struct ctl *c, struct dca_buf rows, const char *columns)
{
	struct table *t;
	struct dca_cbor v = { .in = rows };
	struct dca_buf row;
	size_t n = 0, i;

	if (c->json)
		return dca_show_json(rows);
	if (!dca_cbor_take_array(&v, &n, SIZE_MAX) || n == 0) {
		printf("nothing there\n");
		return 0;
	}
	t = dca_alloc(sizeof(*t));
	memset(t, 0, sizeof(*t));
	while (n-- && dca_cbor_skip(&v, &row)) {
		find_columns(t, row, columns);
		for (i = 0; i < t->n; i++) {
			DCA_AUTO_OUT o = { 0 };
			size_t w;

			row_cell(&o, row, t->name[i]);
			w = width(dca_out_buf(&o));
			if (w > t->wide[i])
				t->wide[i] = w > CELL_MAX ? CELL_MAX : w;
		}
	}
	print_table(t, rows);
	free(t);
	return 0;
}

static void
print_line(const char *indent, struct dca_buf key, struct dca_buf value)
{
	DCA_AUTO_OUT name = { 0 };
	DCA_AUTO_OUT text = { 0 };

	dca_show_text(&name, key);
	if (value.n)
		cell(&text, value);
	printf("%s%-*.*s %.*s\n", indent, value.n ? 14 : (int)name.n,
	    (int)name.n, (const char *)name.p, (int)text.n,
	    text.n ? (const char *)text.p : "");
}

/* A list of texts, one per line. */
static void
print_array(struct dca_cbor v, size_t n)
{
	struct dca_buf item;

	if (n == 0)
		printf("  -\n");
	while (n-- && dca_cbor_skip(&v, &item)) {
		DCA_AUTO_OUT text = { 0 };

		cell(&text, item);
		printf("  %.*s\n", (int)text.n, (const char *)text.p);
	}
}

int
ctl_print_view(struct ctl *c, const char *view, const char *columns)
{
	DCA_AUTO_OUT rows = { 0 };
	struct dca_err e = { 0 };

	if (ctl_list(c, view, ctl_opt.customer, NULL, &rows, &e) != DCA_OK)
		return ctl_fail(c, &e);
	return ctl_print_rows(c, dca_out_buf(&rows), columns);
}

int
ctl_print_map(const struct ctl *c, struct dca_buf map)
{
	struct dca_cbor v = { .in = map };
	struct dca_buf key, value;
	size_t n = 0, inner;

	if (c->json)
		return dca_show_json(map);
	if (!dca_cbor_take_map(&v, &n, 256))
		return dca_show_json(map);
	while (n-- && dca_cbor_take_text_view(&v, &key, 64) &&
	    dca_cbor_skip(&v, &value)) {
		struct dca_cbor in = { .in = value };
		struct dca_buf k, x;

		if (dca_cbor_peek(&in) == DCA_CBOR_MAP &&
		    dca_cbor_take_map(&in, &inner, 256)) {
			print_line("", key, DCA_BUF(NULL, 0));
			while (inner-- && dca_cbor_take_text_view(&in, &k, 64) &&
			    dca_cbor_skip(&in, &x))
				print_line("  ", k, x);
		} else if (dca_cbor_peek(&in) == DCA_CBOR_ARRAY &&
		    dca_cbor_take_array(&in, &inner, SIZE_MAX)) {
			print_line("", key, DCA_BUF(NULL, 0));
			print_array(in, inner);
		} else {
			print_line("", key, value);
		}
	}
	return 0;
}
