/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a SIP INVITE (RFC 3261 7): the start line, the headers that RFC 8224
 * needs, folded or not, long names or compact ones. A message that two readers
 * could understand differently (a bare LF, two From headers, NUL) is refused.
 */
#include "sip.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
sip_clear(struct sip_message *m)
{
	free(m->target);
	free(m->from);
	free(m->to);
	free(m->asserted);
	for (size_t i = 0; i < m->n; i++)
		sip_identity_clear(&m->identity[i]);
	*m = (struct sip_message){ 0 };
}

/* --- lines --- */

/* What is left to read; the line is a copy, folded lines joined. */
struct reader {
	struct dca_buf in;
	size_t at;
	unsigned line;
	struct dca_out text;
};

static enum dca_rc
refuse(const struct reader *r, struct dca_err *e, const char *what)
{
	return dca_fail(e, DCA_RULE_SIP_FORM, "line %u: %s", r->line, what);
}

/* One line up to CRLF, added to text. */
static enum dca_rc
read_physical(struct reader *r, struct dca_err *e)
{
	const uint8_t *p = r->in.p + r->at;
	size_t left = r->in.n - r->at, n = 0;

	r->line++;
	while (n < left && p[n] != '\r' && p[n] != '\n') {
		if ((p[n] < ' ' && p[n] != '\t') || p[n] == 0x7f)
			return refuse(r, e, "a control character");
		n++;
	}
	if (left - n < 2 || p[n] != '\r' || p[n + 1] != '\n')
		return refuse(r, e, n == left ?
		    "the message ends before the empty line (RFC 3261 7)" :
		    "not ended by CRLF (RFC 3261 7)");
	dca_out_add(&r->text, p, n);
	r->at += n + 2;
	return DCA_OK;
}

/* With what is folded behind it (RFC 3261 7.3.1): white space is one space. */
static enum dca_rc
read_line(struct reader *r, bool folds, struct dca_err *e)
{
	enum dca_rc rc;

	r->text.n = 0;
	dca_out_add(&r->text, "", 0);
	rc = read_physical(r, e);
	if (r->text.n == 0)
		return rc;
	while (rc == DCA_OK && folds && r->at < r->in.n &&
	    (r->in.p[r->at] == ' ' || r->in.p[r->at] == '\t')) {
		while (r->at < r->in.n &&
		    (r->in.p[r->at] == ' ' || r->in.p[r->at] == '\t'))
			r->at++;
		dca_out_add(&r->text, " ", 1);
		rc = read_physical(r, e);
	}
	return rc;
}

/* INVITE Request-URI SIP/2.0 */
static enum dca_rc
read_start(struct sip_message *m, struct reader *r, struct dca_err *e)
{
	const char *s, *end;
	enum dca_rc rc = read_line(r, false, e);

	if (rc != DCA_OK)
		return rc;
	s = r->text.n == 0 ? "" : (const char *)r->text.p;
	if (strncmp(s, "INVITE ", 7) != 0)
		return refuse(r, e, "not an INVITE (RFC 3261 7.1)");
	s += 7;
	end = s + strcspn(s, " \t");
	if (end == s || strcasecmp(end, " SIP/2.0") != 0 ||
	    memchr(s, ':', (size_t)(end - s)) == NULL ||
	    (size_t)(end - s) > PASSPORT_URI_MAX)
		return refuse(r, e, "not \"INVITE URI SIP/2.0\"");
	m->target = dca_alloc((size_t)(end - s) + 1);
	memcpy(m->target, s, (size_t)(end - s));
	m->target[end - s] = '\0';
	return DCA_OK;
}

/* --- headers --- */

static enum dca_rc
take_one(char **to, const char *value, struct reader *r, struct dca_err *e)
{
	enum dca_rc rc;

	if (*to != NULL)
		return refuse(r, e, "a header that may stand once stands "
		    "twice (RFC 3261 7.3.1)");
	rc = sip_address(to, &value, e);
	if (rc == DCA_OK && *value != '\0')
		rc = refuse(r, e, "more than one address (RFC 3261 20)");
	return rc;
}

static enum dca_rc
take_from(struct sip_message *m, const char *value, struct reader *r,
    struct dca_err *e)
{
	return take_one(&m->from, value, r, e);
}

static enum dca_rc
take_to(struct sip_message *m, const char *value, struct reader *r,
    struct dca_err *e)
{
	return take_one(&m->to, value, r, e);
}

/* Do two addresses name the same caller, as far as both are numbers? */
static bool
agree(const char *a, const char *b)
{
	DCA_CLEANUP(dca_free_p) char *keep_a = NULL;
	DCA_CLEANUP(dca_free_p) char *keep_b = NULL;
	struct passport_party pa = sip_party(&keep_a, a);
	struct passport_party pb = sip_party(&keep_b, b);

	return pa.tn == NULL || pb.tn == NULL || passport_party_eq(pa, pb);
}

static bool
is_number(const char *uri)
{
	DCA_CLEANUP(dca_free_p) char *keep = NULL;

	return sip_party(&keep, uri).tn != NULL;
}

/* One sip: and one tel: URI may stand there (RFC 3325 9.1): a number wins
 * over a name, two numbers must be one. */
static enum dca_rc
take_asserted(struct sip_message *m, const char *value, struct reader *r,
    struct dca_err *e)
{
	do {
		DCA_CLEANUP(dca_free_p) char *uri = NULL;
		enum dca_rc rc = sip_address(&uri, &value, e);

		if (rc != DCA_OK)
			return rc;
		if (m->asserted != NULL && !agree(m->asserted, uri))
			return refuse(r, e, "P-Asserted-Identity has two "
			    "numbers (RFC 3325 9.1)");
		if (m->asserted != NULL && is_number(m->asserted))
			continue;
		free(m->asserted);
		m->asserted = dca_steal(&uri);
	} while (*value != '\0');
	return DCA_OK;
}

static enum dca_rc
take_identity(struct sip_message *m, const char *value, struct reader *r,
    struct dca_err *e)
{
	enum dca_rc rc;

	if (m->n == SIP_IDENTITIES_MAX)
		return refuse(r, e, "too many Identity headers");
	rc = sip_identity_parse(&m->identity[m->n], value, e);
	if (rc == DCA_OK)
		m->n++;
	return rc;
}

static const struct {
	const char *name, *compact;
	enum dca_rc (*take)(struct sip_message *m, const char *value,
	    struct reader *r, struct dca_err *e);
} headers[] = {
	{ "From", "f", take_from },
	{ "To", "t", take_to },
	{ "P-Asserted-Identity", NULL, take_asserted },
	{ "Identity", "y", take_identity },
};

static bool
same_name(const char *name, const char *s, size_t n)
{
	return name != NULL && strlen(name) == n &&
	    strncasecmp(name, s, n) == 0;
}

static enum dca_rc
take_header(struct sip_message *m, struct reader *r, struct dca_err *e)
{
	const char *s = (const char *)r->text.p;
	const size_t n = strcspn(s, " \t:");
	const char *value = s + n + strspn(s + n, " \t");

	if (n == 0 || *value != ':')
		return refuse(r, e, "not a header: no name and colon "
		    "(RFC 3261 7.3.1)");
	value++;
	value += strspn(value, " \t");
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (same_name(headers[i].name, s, n) ||
		    same_name(headers[i].compact, s, n))
			return headers[i].take(m, value, r, e);
	return DCA_OK;
}

static enum dca_rc
parse(struct sip_message *m, struct reader *r, struct dca_err *e)
{
	enum dca_rc rc;
	unsigned n;

	if (r->in.n > SIP_MAX)
		return dca_fail(e, DCA_RULE_SIP_FORM,
		    "%zu octets, at most %d are read", r->in.n, (int)SIP_MAX);
	rc = read_start(m, r, e);
	for (n = 0; rc == DCA_OK; n++) {
		m->end = r->at;
		rc = read_line(r, true, e);
		if (rc != DCA_OK || r->text.n == 0)
			break;
		if (n == SIP_HEADERS_MAX)
			return refuse(r, e, "too many headers");
		rc = take_header(m, r, e);
	}
	if (rc == DCA_OK && (m->from == NULL || m->to == NULL))
		rc = refuse(r, e, "no From or no To (RFC 3261 8.1.1)");
	return rc;
}

enum dca_rc
sip_parse(struct sip_message *out, struct dca_buf in, struct dca_err *e)
{
	struct reader r = { .in = in };
	enum dca_rc rc;

	*out = (struct sip_message){ 0 };
	rc = parse(out, &r, e);
	dca_out_free(&r.text);
	if (rc != DCA_OK)
		sip_clear(out);
	return rc;
}

struct passport_party
sip_caller(const struct sip_message *m, char **keep)
{
	return sip_party(keep, m->asserted != NULL ? m->asserted : m->from);
}

void
sip_insert(struct dca_out *o, struct dca_buf in, const struct sip_message *m,
    const struct sip_identity *i)
{
	dca_out_add(o, in.p, m->end);
	dca_out_printf(o, "Identity: ");
	sip_identity_print(o, i);
	dca_out_add(o, "\r\n", 2);
	dca_out_add(o, in.p + m->end, in.n - m->end);
}
