/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claims of each type of PASSporT, one check for what is read and what is
 * made: who is called, who calls, when, and what the type adds. A claim of a
 * kind we do not know is left alone (RFC 8225 8.3); a known one of the wrong
 * shape is refused.
 */
#include "passport.h"

#include <string.h>

static const int64_t iat_max = 253402300799;	/* the year 9999 */

/* --- parties --- */

bool
passport_party_eq(struct passport_party a, struct passport_party b)
{
	if (a.tn != NULL && b.tn != NULL)
		return strcmp(a.tn, b.tn) == 0;
	return a.uri != NULL && b.uri != NULL && strcmp(a.uri, b.uri) == 0;
}

const char *
passport_party_text(struct passport_party p)
{
	return p.tn != NULL ? p.tn : p.uri;
}

static bool
is_tn(const json_t *v)
{
	return json_is_string(v) &&
	    passport_tn_canonical(json_string_value(v));
}

/* Not the grammar of RFC 3986, only what can be shown and compared. */
static bool
is_uri(const json_t *v)
{
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);

	if (s == NULL || n == 0 || n > PASSPORT_URI_MAX ||
	    strchr(s, ':') == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return true;
}

/* Exactly one of tn and uri, and only these (RFC 8225 5.2.1). */
static enum dca_rc
take_party(struct passport_party *out, const json_t *v, const char *name,
    struct dca_err *e)
{
	const json_t *tn = json_object_get(v, "tn");
	const json_t *uri = json_object_get(v, "uri");
	const json_t *hi = strcmp(name, "div") == 0 ?
	    json_object_get(v, "hi") : NULL;

	if ((tn != NULL) == (uri != NULL) ||
	    json_object_size(v) != (hi != NULL ? 2u : 1u) ||
	    (hi != NULL && !json_is_string(hi)))
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "%s is not an object with one tn or one uri "
		    "(RFC 8225 5.2.1)", name);
	if (tn != NULL && !is_tn(tn))
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "%s: tn is no canonical number: 1 to 15 of digits, # and "
		    "* (RFC 8225 5.2.1; RFC 8224 8.3)", name);
	if (uri != NULL && !is_uri(uri))
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "%s: uri is no URI", name);
	out->tn = json_string_value(tn);
	out->uri = json_string_value(uri);
	return DCA_OK;
}

static bool
list_ok(const json_t *list, bool (*is)(const json_t *))
{
	size_t n = json_array_size(list);

	if (n < 1 || n > PASSPORT_DEST_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is(json_array_get(list, i)))
			return false;
	return true;
}

static enum dca_rc
check_dest(const json_t *v, struct dca_err *e)
{
	const json_t *tn = json_object_get(v, "tn");
	const json_t *uri = json_object_get(v, "uri");
	size_t known = (tn != NULL ? 1u : 0u) + (uri != NULL ? 1u : 0u);

	if (known == 0 || json_object_size(v) != known ||
	    (tn != NULL && !list_ok(tn, is_tn)) ||
	    (uri != NULL && !list_ok(uri, is_uri)))
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "dest is not an object with arrays tn or uri of 1 to %d "
		    "canonical numbers or URIs (RFC 8225 5.2.1)",
		    (int)PASSPORT_DEST_MAX);
	return DCA_OK;
}

static bool
list_has(const json_t *list, const char *what)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)),
		    what) == 0)
			return true;
	return false;
}

bool
passport_has_dest(const struct passport *p, struct passport_party who)
{
	const json_t *dest = json_object_get(p->claims, "dest");

	return list_has(json_object_get(dest, who.tn != NULL ? "tn" : "uri"),
	    passport_party_text(who));
}

struct passport_party
passport_authority(const struct passport *p)
{
	return p->type == PASSPORT_DIV ? p->div : p->orig;
}

/* --- header --- */

static enum dca_rc
check_header(struct passport *p, struct dca_err *e)
{
	const json_t *ppt = json_object_get(p->header, "ppt");
	const json_t *x5u = json_object_get(p->header, "x5u");
	char shown[PASSPORT_SHOWN] = "?";

	p->type = PASSPORT_BASE;
	if (ppt != NULL) {
		if (json_is_string(ppt))
			passport_shown(shown, json_string_value(ppt));
		if (!json_is_string(ppt) || json_string_length(ppt) == 0 ||
		    !passport_type_parse(&p->type, json_string_value(ppt)))
			return dca_fail(e, DCA_RULE_PASSPORT_PPT,
			    "ppt is \"%s\"; shaken, div and rcd are "
			    "supported, and none", shown);
	}
	if (!is_uri(x5u))
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "x5u is no URL of at most %d octets (RFC 8225 4.3)",
		    (int)PASSPORT_URI_MAX);
	p->x5u = json_string_value(x5u);
	return DCA_OK;
}

/* --- claims of each type --- */

/* A NumericDate (RFC 7519 2), which may have a fraction. */
static enum dca_rc
take_iat(struct passport *p, struct dca_err *e)
{
	const json_t *v = json_object_get(p->claims, "iat");
	double d = json_number_value(v);

	if (!json_is_number(v) || d < 0 || d > (double)iat_max)
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "iat is no number of seconds since 1970 (RFC 8225 5.1.1)");
	p->iat = json_is_integer(v) ? (int64_t)json_integer_value(v) :
	    (int64_t)d;
	return DCA_OK;
}

/* 8-4-4-4-12 hex digits (RFC 9562 4). */
static bool
is_uuid(const json_t *v)
{
	const char *s = json_string_value(v);

	if (s == NULL || json_string_length(v) != PASSPORT_UUID_TEXT - 1)
		return false;
	for (size_t i = 0; i < PASSPORT_UUID_TEXT - 1; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' :
		    strchr("0123456789abcdefABCDEF", s[i]) == NULL)
			return false;
	return true;
}

static enum dca_rc
check_shaken(const json_t *claims, struct dca_err *e)
{
	const json_t *v = json_object_get(claims, "attest");
	const char *attest = json_string_value(v);

	if (attest == NULL || json_string_length(v) != 1 ||
	    strchr("ABC", attest[0]) == NULL)
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "attest is not A, B or C (RFC 8588 4)");
	if (!is_uuid(json_object_get(claims, "origid")))
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "origid is no UUID (RFC 8588 5)");
	return DCA_OK;
}

/* Rich call data may stand in other types too (RFC 9795 5, 12). */
static enum dca_rc
check_type(struct passport *p, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	if (p->type == PASSPORT_SHAKEN)
		rc = check_shaken(p->claims, e);
	else if (p->type == PASSPORT_DIV)
		rc = take_party(&p->div, json_object_get(p->claims, "div"),
		    "div", e);
	else if (p->type == PASSPORT_RCD &&
	    json_object_get(p->claims, "rcd") == NULL)
		rc = dca_fail(e, DCA_RULE_PASSPORT_RCD,
		    "no rcd claim (RFC 9795 5)");
	if (rc == DCA_OK && p->type == PASSPORT_RCD &&
	    json_object_get(p->claims, "iss") != NULL)
		rc = dca_fail(e, DCA_RULE_PASSPORT_RCD,
		    "iss: rich call data of a third party is not supported "
		    "(RFC 9795 10)");
	return rc == DCA_OK ? passport_rcd_check(p->claims, e) : rc;
}

enum dca_rc
passport_shape(struct passport *p, struct dca_err *e)
{
	enum dca_rc rc = check_header(p, e);

	if (rc != DCA_OK)
		return rc;
	if (!json_is_object(p->claims))
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "the payload is no JSON object");
	if ((rc = take_iat(p, e)) != DCA_OK ||
	    (rc = take_party(&p->orig, json_object_get(p->claims, "orig"),
	    "orig", e)) != DCA_OK ||
	    (rc = check_dest(json_object_get(p->claims, "dest"), e)) !=
	    DCA_OK)
		return rc;
	return check_type(p, e);
}

const char *
passport_claim(void *arg, const char *name)
{
	struct passport *p = arg;
	const json_t *v = json_object_get(p->claims, name);

	if (v == NULL)
		return NULL;
	if (json_is_string(v))
		return json_string_value(v);
	p->scratch.n = 0;
	passport_json(&p->scratch, v);
	return (const char *)p->scratch.p;
}
