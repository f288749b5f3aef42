/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates one after another out of a file of any length: PEM with text
 * between, or DER. It holds one certificate at a time; what is no certificate
 * is told and passed over where the file says how far to go. What comes out of
 * other hands has byte order marks, indents, and the BEGIN of one certificate
 * behind the END of another or in the middle of one that was cut short: no
 * certificate gets lost by that.
 */
#include "dca-verify-bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/cert.h"

/* PEM of the largest certificate, with generous line ends. */
enum { BLOCK_MAX = DCA_CERT_MAX * 2, LINE = 4096 };
#define BEGIN "-----BEGIN "
#define CERTIFICATE "-----BEGIN CERTIFICATE-----"
#define END "-----END "

struct bundle {
	FILE *f;
	bool known, der;	/* the form of the file */
	bool tag;		/* DER: that of the first is read */
	bool middle;		/* of a line longer than the buffer */
	bool over;
	char held[LINE];	/* PEM: how the next line begins */
	size_t held_n;
	unsigned n, others;
};

enum dca_rc
bundle_open(struct bundle **out, const char *path, struct dca_err *e)
{
	struct bundle *b = dca_alloc(sizeof(*b));

	memset(b, 0, sizeof(*b));
	*out = NULL;
	b->f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (b->f == NULL) {
		free(b);
		return dca_fail(e, DCA_RULE_IO, "%s: %s", path,
		    strerror(errno));
	}
	*out = b;
	return DCA_OK;
}

void
bundle_close(struct bundle *b)
{
	if (b == NULL)
		return;
	if (b->f != stdin)
		(void)fclose(b->f);
	free(b);
}

unsigned
bundle_number(const struct bundle *b)
{
	return b->n;
}

unsigned
bundle_others(const struct bundle *b)
{
	return b->others;
}

/* --- DER --- */

/* The length octets after the tag; false when they are none of a certificate
 * that could be. */
static bool
der_length(FILE *f, struct dca_out *der, size_t *len)
{
	int c = getc(f);
	size_t v;
	uint8_t octet;

	if (c == EOF)
		return false;
	octet = (uint8_t)c;
	dca_out_add(der, &octet, 1);
	v = (size_t)c;
	if (c >= 0x80) {
		unsigned k = (unsigned)c & 0x7f;

		if (k == 0 || k > 4)
			return false;
		for (v = 0; k > 0; k--) {
			if ((c = getc(f)) == EOF)
				return false;
			octet = (uint8_t)c;
			dca_out_add(der, &octet, 1);
			v = v << 8 | octet;
		}
	}
	*len = v;
	return true;
}

static bool
skip(FILE *f, size_t n)
{
	char buf[LINE];

	while (n > 0) {
		size_t some = fread(buf, 1, n < LINE ? n : LINE, f);

		if (some == 0)
			return false;
		n -= some;
	}
	return true;
}

static enum dca_rc
next_der(struct bundle *b, struct dca_out *der, bool *more, struct dca_err *e)
{
	const int c = b->tag ? 0x30 : getc(b->f);
	const uint8_t tag = 0x30;
	uint8_t buf[LINE];
	size_t len = 0;

	b->tag = false;
	if (c == EOF) {
		*more = false;
		return DCA_OK;
	}
	b->n++;
	dca_out_add(der, &tag, 1);
	if (c != 0x30 || !der_length(b->f, der, &len)) {
		b->over = true;	/* where the next begins nobody knows */
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "not a DER SEQUENCE; the rest of the file is not read");
	}
	if (len > DCA_CERT_MAX) {
		b->over = !skip(b->f, len);
		return dca_fail(e, DCA_RULE_CERT_DER, "%zu octets, at most %d "
		    "are read", len, DCA_CERT_MAX);
	}
	while (len > 0) {
		size_t some = fread(buf, 1, len < LINE ? len : LINE, b->f);

		if (some == 0) {
			b->over = true;
			return dca_fail(e, DCA_RULE_CERT_DER,
			    "the file ends inside a certificate");
		}
		dca_out_add(der, buf, some);
		len -= some;
	}
	return DCA_OK;
}

/* --- PEM --- */

static void
hold(struct bundle *b, const char *line, size_t n)
{
	memcpy(b->held, line, n);
	b->held_n = n;
}

/* Takes BEGIN off the end of a line that has more before it, for the next. */
static bool
cut(struct bundle *b, const char *line, size_t *n)
{
	const size_t k = strlen(BEGIN);

	if (*n <= k || line[*n - 1] != BEGIN[k - 1] ||
	    memcmp(line + *n - k, BEGIN, k) != 0)
		return false;
	*n -= k;
	hold(b, BEGIN, k);
	return true;
}

/* A line, or a part of a long one: start says whether it begins a line. */
static bool
next_line(struct bundle *b, char line[static LINE], size_t *n, bool *start)
{
	int c = EOF;
	bool whole;

	memcpy(line, b->held, b->held_n);
	*n = b->held_n;
	b->held_n = 0;
	*start = !b->middle || *n > 0;
	whole = *n > 0 && line[*n - 1] == '\n';
	while (!whole && *n < LINE - 1 && (c = getc(b->f)) != EOF) {
		line[(*n)++] = (char)c;
		whole = c == '\n' || cut(b, line, n);
	}
	line[*n] = '\0';
	b->middle = *n > 0 && !whole && c != EOF;
	return *n > 0;
}

static bool
begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static enum dca_rc
read_block(struct bundle *b, const char *first, struct dca_out *der,
    struct dca_err *e)
{
	DCA_AUTO_OUT block = { 0 };
	bool start, large = false;
	char line[LINE];
	size_t n, indent;

	dca_out_add(&block, first, strlen(first));
	while (next_line(b, line, &n, &start)) {
		if (start && begins(line, BEGIN)) {
			hold(b, line, n);
			return dca_fail(e, DCA_RULE_INPUT,
			    "PEM block has no END line before the next BEGIN");
		}
		indent = start ? strspn(line, " \t") : 0;
		if (block.n + n <= BLOCK_MAX)
			dca_out_add(&block, line + indent, n - indent);
		else
			large = true;
		if (!start || !begins(line + indent, END))
			continue;
		if (!large)
			return dca_pem_decode(der, "CERTIFICATE",
			    dca_out_buf(&block), e);
		return dca_fail(e, DCA_RULE_CERT_DER, "PEM block of more than "
		    "%d octets", BLOCK_MAX);
	}
	b->over = true;
	return dca_fail(e, DCA_RULE_INPUT, "PEM block has no END line");
}

static enum dca_rc
next_pem(struct bundle *b, struct dca_out *der, bool *more, struct dca_err *e)
{
	char line[LINE];
	bool start;
	size_t n;

	while (next_line(b, line, &n, &start)) {
		if (!start || !begins(line, BEGIN))
			continue;
		if (begins(line, CERTIFICATE)) {
			b->n++;
			return read_block(b, line, der, e);
		}
		b->others++;
	}
	*more = false;
	return DCA_OK;
}

/* DER begins with 30 and a length. That is 0 in text, and what is behind it
 * there is no length of a certificate. */
static void
find_form(struct bundle *b)
{
	int c = getc(b->f), next;

	b->known = true;
	if (c == '0') {
		next = getc(b->f);
		b->der = b->tag = next >= 0x7f ||
		    (next < ' ' && next != '\n' && next != '\r' &&
		    next != '\t' && next != EOF);
		if (!b->tag)
			hold(b, "0", 1);
		c = next;
	}
	if (c != EOF)
		(void)ungetc(c, b->f);
}

enum dca_rc
bundle_next(struct bundle *b, struct dca_out *der, bool *more,
    struct dca_err *e)
{
	enum dca_rc rc;

	der->n = 0;
	*more = !b->over;
	if (b->over)
		return DCA_OK;
	if (!b->known)
		find_form(b);
	rc = b->der ? next_der(b, der, more, e) : next_pem(b, der, more, e);
	if (rc == DCA_OK && ferror(b->f)) {
		b->over = true;
		return dca_fail(e, DCA_RULE_IO, "%s", strerror(errno));
	}
	return rc;
}
