/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of certificates as they travel: PEM, DER, several DER one after
 * another; and PEM blocks of any label. It keeps the order it is given and
 * never drops what it cannot read: a bad block is an error, with its number.
 */
#include "dca/cert.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "tlv.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"

/* The next line of in, without its end; false when there is none. */
static bool
next_line(struct dca_buf *in, struct dca_buf *line)
{
	const uint8_t *nl;
	size_t n;

	if (in->n == 0)
		return false;
	nl = memchr(in->p, '\n', in->n);
	n = nl == NULL ? in->n : (size_t)(nl - in->p);
	*line = DCA_BUF(in->p, n);
	n += nl != NULL;
	in->p += n;
	in->n -= n;
	while (line->n > 0 && (line->p[line->n - 1] == '\r' ||
	    line->p[line->n - 1] == ' ' || line->p[line->n - 1] == '\t'))
		line->n--;
	return true;
}

/* "-----BEGIN label-----" with this opening word? */
static bool
is_boundary(struct dca_buf line, const char *word, struct dca_buf *label)
{
	size_t w = strlen(word), d = strlen(DASHES);

	if (line.n < w + d + 1 || memcmp(line.p, word, w) != 0 ||
	    memcmp(line.p + line.n - d, DASHES, d) != 0)
		return false;
	*label = DCA_BUF(line.p + w, line.n - w - d);
	return true;
}

/* Standard base64 (RFC 4648 4): the value of a character plus one, 0: none. */
static const uint8_t base64[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 63, 0, 0, 0, 64,
	53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 0, 0, 0, 0, 0, 0,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 0, 0, 0, 0, 0,
	0, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
	42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 0, 0, 0, 0, 0,
};

/* Four characters without '='. */
static inline bool
take_quad(const uint8_t *in, uint8_t *out)
{
	uint32_t a = base64[in[0]], b = base64[in[1]], c = base64[in[2]],
	    d = base64[in[3]], v;

	v = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
	out[0] = (uint8_t)(v >> 16);
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)v;
	return a != 0 && b != 0 && c != 0 && d != 0;
}

/* The last four: the bits that no octet needs must be zero. */
static bool
take_last(const uint8_t *in, size_t pad, uint8_t *out)
{
	uint8_t quad[4] = { in[0], in[1], in[2], in[3] };

	memset(quad + 4 - pad, 'A', pad);
	return take_quad(quad, out) && (pad < 1 || out[2] == 0) &&
	    (pad < 2 || out[1] == 0);
}

/* Padded, in one piece (RFC 7468 3). */
static bool
unbase64(struct dca_out *der, const struct dca_out *text)
{
	DCA_AUTO_OUT bin = { .secret = text->secret };
	size_t pad = 0, i;

	if (text->n == 0 || text->n % 4 != 0)
		return false;
	while (pad < 2 && text->p[text->n - 1 - pad] == '=')
		pad++;
	bin.p = dca_alloc(text->n);
	bin.cap = text->n;
	for (i = 0; i + 4 < text->n; i += 4, bin.n += 3)
		if (!take_quad(text->p + i, bin.p + bin.n))
			return false;
	if (!take_last(text->p + i, pad, bin.p + bin.n))
		return false;
	bin.n += 3;
	dca_out_add(der, bin.p, bin.n - pad);
	return true;
}

/* Without white space, which nearly no line has inside. */
static void
add_line(struct dca_out *text, struct dca_buf line)
{
	size_t i;

	if (memchr(line.p, ' ', line.n) == NULL &&
	    memchr(line.p, '\t', line.n) == NULL) {
		dca_out_add(text, line.p, line.n);
		return;
	}
	for (i = 0; i < line.n; i++)
		if (line.p[i] != ' ' && line.p[i] != '\t')
			dca_out_add(text, line.p + i, 1);
}

/* Reads up to the END line of label. */
static enum dca_rc
read_block(struct dca_out *der, struct dca_buf *in, struct dca_buf label,
    struct dca_err *e)
{
	DCA_AUTO_OUT text = { 0 };
	struct dca_buf line, end;

	text.secret = true;	/* tools keep private keys in PEM too */
	while (next_line(in, &line)) {
		if (is_boundary(line, END, &end)) {
			if (!dca_buf_eq(label, end))
				break;
			if (unbase64(der, &text))
				return DCA_OK;
			return dca_fail(e, DCA_RULE_INPUT,
			    "PEM block is not base64 (RFC 7468 3)");
		}
		add_line(&text, line);
	}
	return dca_fail(e, DCA_RULE_INPUT, "PEM block has no END line");
}

static enum dca_rc
add_cert(struct dca_certs *out, struct dca_buf der, size_t max,
    struct dca_err *e)
{
	char where[32];
	enum dca_rc rc;

	if (out->n == max)
		return dca_fail(e, DCA_RULE_INPUT,
		    "more than %zu certificates", max);
	out->v = dca_realloc(out->v, (out->n + 1) * sizeof(*out->v));
	rc = dca_cert_parse(&out->v[out->n], der, e);
	if (rc != DCA_OK) {
		(void)snprintf(where, sizeof(where), "certificate %zu",
		    out->n + 1);
		return dca_fail_in(e, where);
	}
	out->n++;
	return DCA_OK;
}

static enum dca_rc
parse_pem(struct dca_certs *out, struct dca_buf in, size_t max,
    struct dca_err *e)
{
	struct dca_buf line, label;
	enum dca_rc rc;

	while (next_line(&in, &line)) {
		DCA_AUTO_OUT der = { 0 };

		if (!is_boundary(line, BEGIN, &label))
			continue;
		if (!dca_buf_eq(label, TLV_LIT("CERTIFICATE")))
			return dca_fail(e, DCA_RULE_INPUT,
			    "PEM block %zu is not a CERTIFICATE", out->n + 1);
		rc = read_block(&der, &in, label, e);
		if (rc == DCA_OK)
			rc = add_cert(out, dca_out_buf(&der), max, e);
		if (rc != DCA_OK)
			return rc;
	}
	return DCA_OK;
}

static enum dca_rc
parse_der(struct dca_certs *out, struct dca_buf in, size_t max,
    struct dca_err *e)
{
	struct dca_buf whole;
	enum dca_rc rc;

	while (in.n > 0) {
		if (!tlv_take(&in, TLV_SEQ, NULL, &whole))
			return dca_fail(e, DCA_RULE_CERT_DER,
			    "certificate %zu is not DER", out->n + 1);
		if ((rc = add_cert(out, whole, max, e)) != DCA_OK)
			return rc;
	}
	return DCA_OK;
}

enum dca_rc
dca_certs_parse(struct dca_certs *out, struct dca_buf in, size_t max,
    struct dca_err *e)
{
	enum dca_rc rc;

	*out = (struct dca_certs){ 0 };
	if (in.n > 0 && in.p[0] == TLV_SEQ)
		rc = parse_der(out, in, max, e);
	else
		rc = parse_pem(out, in, max, e);
	if (rc == DCA_OK && out->n == 0)
		rc = dca_fail(e, DCA_RULE_INPUT, "no certificate in it");
	if (rc != DCA_OK)
		dca_certs_clear(out);
	return rc;
}

void
dca_certs_clear(struct dca_certs *c)
{
	for (size_t i = 0; i < c->n; i++)
		dca_cert_clear(&c->v[i]);
	free(c->v);
	*c = (struct dca_certs){ 0 };
}

void
dca_pem_encode(struct dca_out *o, const char *label, struct dca_buf der)
{
	uint8_t line[65];
	size_t n;
	int k;

	dca_out_printf(o, BEGIN "%s" DASHES "\n", label);
	for (; der.n > 0; der.p += n, der.n -= n) {
		n = der.n < 48 ? der.n : 48;
		k = EVP_EncodeBlock(line, der.p, (int)n);
		line[k] = '\n';
		dca_out_add(o, line, (size_t)k + 1);
	}
	dca_out_printf(o, END "%s" DASHES "\n", label);
}

enum dca_rc
dca_pem_decode(struct dca_out *der, const char *label, struct dca_buf pem,
    struct dca_err *e)
{
	struct dca_buf line, found;

	while (next_line(&pem, &line))
		if (is_boundary(line, BEGIN, &found) &&
		    dca_buf_eq(found, DCA_BUF(label, strlen(label))))
			return read_block(der, &pem, found, e);
	return dca_fail(e, DCA_RULE_INPUT, "no PEM block %s in it", label);
}
