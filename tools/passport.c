/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a PASSporT (RFC 8225 4 to 6, 8, 9): three segments within
 * bounds, a header that names ES256, a type we know. Must never let the token
 * choose its algorithm, or pass a type whose claims nobody looks at.
 */
#include "passport.h"

#include <stdlib.h>
#include <string.h>

/* --- types --- */

static const char *const types[] = {
	[PASSPORT_BASE] = "",
	[PASSPORT_SHAKEN] = "shaken",
	[PASSPORT_DIV] = "div",
	[PASSPORT_RCD] = "rcd",
};

const char *
passport_type_name(enum passport_type t)
{
	return types[t];
}

bool
passport_type_parse(enum passport_type *t, const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i], name) == 0) {
			*t = (enum passport_type)i;
			return true;
		}
	}
	return false;
}

/* --- texts --- */

void
passport_json(struct dca_out *o, const json_t *v)
{
	DCA_CLEANUP(dca_free_p) char *text = json_dumps(v,
	    JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	if (text == NULL)
		abort();	/* what was parsed or built can be written */
	dca_out_add(o, text, strlen(text));
}

void
passport_shown(char out[static PASSPORT_SHOWN], const char *s)
{
	size_t i;

	for (i = 0; i + 1 < PASSPORT_SHOWN && s[i] != '\0'; i++)
		out[i] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
	out[i] = '\0';
}

/* --- reading --- */

void
passport_clear(struct passport *p)
{
	json_decref(p->header);
	json_decref(p->claims);
	jose_clear(&p->jws);
	dca_out_free(&p->scratch);
	*p = (struct passport){ 0 };
}

/* Sizes of what the segments decode to, before they are. */
static enum dca_rc
check_sizes(struct dca_buf token, struct dca_err *e)
{
	static const struct {
		const char *what;
		size_t max;
	} parts[] = {
		{ "header", PASSPORT_HEADER_MAX },
		{ "payload", PASSPORT_PAYLOAD_MAX },
	};
	const uint8_t *p = token.p, *end = token.p + token.n, *dot;

	if (token.n > PASSPORT_TOKEN_MAX)
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "%zu octets, at most %d are read", token.n,
		    (int)PASSPORT_TOKEN_MAX);
	for (size_t i = 0; i < 2; i++) {
		dot = token.n == 0 ? NULL : memchr(p, '.', (size_t)(end - p));
		if (dot == NULL)
			return dca_fail(e, DCA_RULE_PASSPORT_FORM,
			    "not a compact JWS (RFC 7515 7.1)");
		if (dot == p)
			return dca_fail(e, DCA_RULE_PASSPORT_FORM,
			    "the %s is empty: the compact form of a PASSporT "
			    "(RFC 8225 7) is not supported", parts[i].what);
		if ((size_t)(dot - p) / 4 * 3 > parts[i].max)
			return dca_fail(e, DCA_RULE_PASSPORT_FORM,
			    "%s: more than %zu octets", parts[i].what,
			    parts[i].max);
		p = dot + 1;
	}
	return DCA_OK;
}

/* RFC 8225 4: the header says ES256 and passport, or this is none of ours. */
static enum dca_rc
check_algorithm(const struct jose *j, struct dca_err *e)
{
	char shown[PASSPORT_SHOWN];

	if (strcmp(jose_text(j, "alg"), "ES256") != 0) {
		passport_shown(shown, jose_text(j, "alg"));
		return dca_fail(e, DCA_RULE_PASSPORT_ALG,
		    "alg is \"%s\", not ES256", shown);
	}
	if (strcmp(jose_text(j, "typ"), "passport") != 0) {
		passport_shown(shown, jose_text(j, "typ"));
		return dca_fail(e, DCA_RULE_PASSPORT_ALG,
		    "typ is \"%s\", not passport", shown);
	}
	return DCA_OK;
}

/* What another room says of the form, under the rule of this one. */
static enum dca_rc
form(enum dca_rc rc, const struct dca_err *why, struct dca_err *e)
{
	return rc == DCA_OK ? DCA_OK : dca_fail(e, DCA_RULE_PASSPORT_FORM,
	    "%s", why->text);
}

static enum dca_rc
parse(struct passport *p, struct dca_buf token, struct dca_err *e)
{
	struct dca_err why = { 0 };
	enum dca_rc rc;

	if ((rc = check_sizes(token, e)) != DCA_OK)
		return rc;
	rc = jose_parse(&p->jws, JOSE_COMPACT, token, &why);
	if ((rc = form(rc, &why, e)) != DCA_OK)
		return rc;
	p->header = json_incref(p->jws.header);
	if ((rc = check_algorithm(&p->jws, e)) != DCA_OK)
		return rc;
	rc = jose_json(&p->claims, dca_out_buf(&p->jws.payload), "payload",
	    &why);
	if ((rc = form(rc, &why, e)) != DCA_OK)
		return rc;
	return passport_shape(p, e);
}

enum dca_rc
passport_parse(struct passport *out, struct dca_buf token, struct dca_err *e)
{
	enum dca_rc rc;

	*out = (struct passport){ 0 };
	rc = parse(out, token, e);
	if (rc != DCA_OK)
		passport_clear(out);
	return rc;
}

enum dca_rc
passport_verify(const struct passport *p, const struct dca_spki *key,
    struct dca_err *e)
{
	return jose_verify(&p->jws, key) ? DCA_OK :
	    dca_fail(e, DCA_RULE_PASSPORT_SIGNATURE,
	    "not signed with the key of the leaf, or changed since");
}
