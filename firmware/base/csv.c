/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV as the imports need it (dca(7) FORMATS): UTF-8, a header line that must be
 * the one expected, no quoting. A line is never guessed at: what has the
 * wrong number of cells or holds a quote is an error that names the line.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"
#include "dca/os.h"

enum { COLUMNS_MAX = 16 };

static enum dca_rc DCA_PRINTF(3, 4)
refuse(const struct dca_csv *c, struct dca_err *e, const char *fmt, ...)
{
	char text[200];
	enum dca_rc rc;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rc = dca_fail(e, DCA_RULE_INPUT, "line %u: %s", c->line, text);
	if (e != NULL)
		snprintf(e->field, sizeof(e->field), "line %u", c->line);
	return rc;
}

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct dca_buf
trim(struct dca_buf b)
{
	while (b.n > 0 && blank(b.p[0])) {
		b.p++;
		b.n--;
	}
	while (b.n > 0 && blank(b.p[b.n - 1]))
		b.n--;
	return b;
}

/* The next line that is not empty; false at the end. */
static bool
take_line(struct dca_csv *c, struct dca_buf *line)
{
	while (c->in.n > 0) {
		const uint8_t *nl = memchr(c->in.p, '\n', c->in.n);
		size_t n = nl != NULL ? (size_t)(nl - c->in.p) : c->in.n;
		size_t used = nl != NULL ? n + 1 : n;

		*line = trim(DCA_BUF(c->in.p, n));
		c->in.p += used;
		c->in.n -= used;
		c->line++;
		if (line->n > 0)
			return true;
	}
	return false;
}

/* Number of cells; the first COLUMNS_MAX of them in cells. */
static unsigned
split(struct dca_buf line, struct dca_buf *cells, unsigned max)
{
	unsigned n = 0;

	for (;;) {
		const uint8_t *comma =
		    line.n > 0 ? memchr(line.p, ',', line.n) : NULL;
		size_t len = comma != NULL ? (size_t)(comma - line.p) : line.n;

		if (n < max)
			cells[n] = trim(DCA_BUF(line.p, len));
		n++;
		if (comma == NULL)
			return n;
		line.p += len + 1;
		line.n -= len + 1;
	}
}

/* NULL or what is wrong with the octets of a line. */
static const char *
bad_text(struct dca_buf line)
{
	if (!dca_text_ok(line))
		return "is not UTF-8 text";
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"')
			return "holds a quote: cells are not quoted here";
		if (line.p[i] < 0x20 && line.p[i] != '\t')
			return "holds a control character";
	}
	return NULL;
}

enum dca_rc
dca_csv_open(struct dca_csv *c, struct dca_buf in, const char *header,
    struct dca_err *e)
{
	static const uint8_t bom[] = { 0xef, 0xbb, 0xbf };
	struct dca_buf got[COLUMNS_MAX], want[COLUMNS_MAX], line;
	unsigned n;

	*c = (struct dca_csv){ .in = in };
	/* spreadsheets put a byte order mark before UTF-8 */
	if (in.n >= sizeof(bom) && memcmp(in.p, bom, sizeof(bom)) == 0) {
		c->in.p += sizeof(bom);
		c->in.n -= sizeof(bom);
	}
	c->columns = split(DCA_BUF(header, strlen(header)), want, COLUMNS_MAX);
	if (!take_line(c, &line))
		return refuse(c, e, "empty file, expected the header \"%s\"",
		    header);
	n = split(line, got, COLUMNS_MAX);
	for (unsigned i = 0; n == c->columns && i < n; i++) {
		if (!dca_buf_eq(got[i], want[i]))
			n = 0;
	}
	if (n != c->columns)
		return refuse(c, e, "header is not \"%s\"", header);
	return DCA_OK;
}

enum dca_rc
dca_csv_next(struct dca_csv *c, struct dca_buf *cells, struct dca_err *e)
{
	struct dca_buf line;
	const char *bad;
	unsigned n;

	if (!take_line(c, &line))
		return dca_fail(e, DCA_RULE_REG_UNKNOWN, "end of file");
	bad = bad_text(line);
	if (bad != NULL)
		return refuse(c, e, "%s", bad);
	n = split(line, cells, c->columns);
	if (n != c->columns)
		return refuse(c, e, "%u cells instead of %u", n, c->columns);
	return DCA_OK;
}
