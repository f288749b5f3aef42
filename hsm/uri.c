/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkcs11: URIs (RFC 7512 2.3), the attributes that name a token and a key.
 * An attribute that we would not honour is refused, never passed over: a
 * typing error must not widen what a URI matches.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "room.h"

/* Where the value of an attribute goes; cap 0: the id, octets not text. */
struct attribute {
	const char *name;
	size_t offset, cap;
};
#define A(n, m) { n, offsetof(struct dca_token_uri, m),                        \
	sizeof(((struct dca_token_uri *)0)->m) }
static const struct attribute path_attributes[] = {
	A("token", token), A("manufacturer", manufacturer), A("model", model),
	A("serial", serial), A("object", object),
	{ "id", offsetof(struct dca_token_uri, id), 0 },
	{ "type", 0, 0 },
};
static const struct attribute query_attributes[] = {
	A("module-path", module_path),
};
#undef A
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* One of the two halves of a URI while it is read. */
struct part {
	const struct attribute *table;
	size_t n;
	char separator;
	const char *allowed;	/* beside unreserved and pct-encoded */
	unsigned seen;		/* bit per row of table */
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
unreserved(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || (c != '\0' && strchr("-._~", c) != NULL);
}

/* Percent-decodes v[0..n) into out; -1 when malformed or longer than cap. */
static int
decode(uint8_t *out, size_t cap, const char *v, size_t n, const char *allowed)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)v[i];

		if (v[i] == '%') {
			int hi = i + 2 < n ? hex_digit(v[i + 1]) : -1;
			int lo = i + 2 < n ? hex_digit(v[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return -1;
			c = (uint8_t)(hi << 4 | lo);
			i += 2;
		} else if (!unreserved(v[i]) &&
		    (v[i] == '\0' || strchr(allowed, v[i]) == NULL)) {
			return -1;
		}
		if (len == cap)
			return -1;
		out[len++] = c;
	}
	return (int)len;
}

static enum dca_rc
take_value(struct dca_token_uri *u, const struct attribute *a, const char *v,
    size_t n, const char *allowed, struct dca_err *e)
{
	uint8_t value[256];
	bool id = strcmp(a->name, "id") == 0;
	size_t cap = id ? sizeof(u->id) : a->cap ? a->cap - 1 : 16;
	int len = decode(value, cap, v, n, allowed);

	if (len < 0)
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "RFC 7512 2.3: value of %s is malformed or longer than %zu "
		    "octets", a->name, cap);
	if (len == 0)
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "%s is empty: leave it out", a->name);
	if (id) {
		memcpy(u->id, value, (size_t)len);
		u->id_len = (size_t)len;
		return DCA_OK;
	}
	if (memchr(value, 0, (size_t)len) != NULL)
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "%s holds a zero octet", a->name);
	if (a->cap == 0) {	/* type */
		if (len == 7 && memcmp(value, "private", 7) == 0)
			return DCA_OK;
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "type is not private: the URI names the CA key");
	}
	memcpy((char *)u + a->offset, value, (size_t)len);
	((char *)u + a->offset)[len] = '\0';
	return DCA_OK;
}

static enum dca_rc
take_attribute(struct dca_token_uri *u, struct part *p, const char *s,
    size_t n, struct dca_err *e)
{
	const char *eq = memchr(s, '=', n);
	size_t name = eq != NULL ? (size_t)(eq - s) : n;

	if (name == 9 && memcmp(s, "pin-value", 9) == 0)
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "pin-value: a PIN has no place in a URI; put it into a "
		    "file of mode 0600 and name that as pin_file");
	if (name == 10 && memcmp(s, "pin-source", 10) == 0)
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "pin-source: name the PIN file as pin_file");
	for (size_t i = 0; eq != NULL && i < p->n; i++) {
		if (strlen(p->table[i].name) != name ||
		    memcmp(p->table[i].name, s, name) != 0)
			continue;
		if (p->seen & 1u << i)
			return dca_fail(e, DCA_RULE_TOKEN_URI,
			    "RFC 7512 2.3: %s given twice", p->table[i].name);
		p->seen |= 1u << i;
		return take_value(u, &p->table[i], eq + 1, n - name - 1,
		    p->allowed, e);
	}
	return dca_fail(e, DCA_RULE_TOKEN_URI, "%s \"%.*s\"",
	    eq == NULL ? "no value in attribute" : "attribute not honoured:",
	    (int)(name > 64 ? 64 : name), s);
}

static enum dca_rc
take_part(struct dca_token_uri *u, struct part *p, const char *s, size_t n,
    struct dca_err *e)
{
	while (n > 0) {
		const char *end = memchr(s, p->separator, n);
		size_t len = end != NULL ? (size_t)(end - s) : n;
		enum dca_rc rc;

		rc = take_attribute(u, p, s, len, e);
		if (rc != DCA_OK)
			return rc;
		if (end != NULL && len + 1 == n)
			return dca_fail(e, DCA_RULE_TOKEN_URI,
			    "RFC 7512 2.3: ends with \"%c\"", p->separator);
		s += end != NULL ? len + 1 : len;
		n -= end != NULL ? len + 1 : len;
	}
	return DCA_OK;
}

enum dca_rc
dca_token_uri_parse(struct dca_token_uri *u, const char *uri,
    struct dca_err *e)
{
	/* RFC 7512 2.3: pk11-path-res-avail and pk11-query-res-avail. */
	struct part path = { path_attributes, LENGTH(path_attributes), ';',
		":[]@!$'()*+,=&", 0 };
	struct part query = { query_attributes, LENGTH(query_attributes), '&',
		":[]@!$'()*+,=/?|", 0 };
	const char *q;
	enum dca_rc rc;

	memset(u, 0, sizeof(*u));
	if (strncasecmp(uri, "pkcs11:", 7) != 0)
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "RFC 7512 2.3: does not start with \"pkcs11:\"");
	uri += 7;
	if (strlen(uri) > 1024)
		return dca_fail(e, DCA_RULE_TOKEN_URI, "longer than 1024 octets");
	q = strchr(uri, '?');
	rc = take_part(u, &path, uri,
	    q != NULL ? (size_t)(q - uri) : strlen(uri), e);
	if (rc == DCA_OK && q != NULL)
		rc = take_part(u, &query, q + 1, strlen(q + 1), e);
	if (rc != DCA_OK)
		memset(u, 0, sizeof(*u));
	return rc;
}

static bool
same(const char *asked, const char *is)
{
	return asked[0] == '\0' || strcmp(asked, is) == 0;
}

bool
dca_token_uri_matches(const struct dca_token_uri *u, const char *label,
    const char *manufacturer, const char *model, const char *serial)
{
	return same(u->token, label) && same(u->manufacturer, manufacturer) &&
	    same(u->model, model) && same(u->serial, serial);
}

void
dca_token_uri_print(const struct dca_token_uri *u, char *out, size_t cap)
{
	const char *what[][2] = {
		{ "token", u->token }, { "manufacturer", u->manufacturer },
		{ "model", u->model }, { "serial", u->serial },
	};
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < LENGTH(what) && n < cap; i++)
		if (what[i][1][0] != '\0')
			n += (size_t)snprintf(out + n, cap - n, "%s%s=\"%s\"",
			    n > 0 ? " " : "", what[i][0], what[i][1]);
	if (n == 0)
		(void)snprintf(out, cap, "any token");
}
