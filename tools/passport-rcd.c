/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rich call data (RFC 9795): the claims rcd, rcdi and crn. A digest over what
 * stands in the token is checked; one over what lies behind a URL would need
 * that to be fetched, which this does not do, so it is refused: nothing may be
 * shown that was not checked (RFC 9795 8.2).
 */
#include "passport.h"

#include <string.h>


static enum dca_rc
refuse(struct dca_err *e, const char *what)
{
	return dca_fail(e, DCA_RULE_PASSPORT_RCD, "%s", what);
}

/* --- rcd --- */

static enum dca_rc
check_rcd(const json_t *rcd, struct dca_err *e)
{
	static const char *const texts[] = { "apn", "icn", "jcl" };
	const json_t *jcd = json_object_get(rcd, "jcd");
	const json_t *v;

	if (!json_is_string(json_object_get(rcd, "nam")))
		return refuse(e, "rcd is no object with a string nam, which "
		    "is mandatory (RFC 9795 5.1.1)");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		v = json_object_get(rcd, texts[i]);
		if (v != NULL && !json_is_string(v))
			return dca_fail(e, DCA_RULE_PASSPORT_RCD,
			    "rcd: %s is no string (RFC 9795 5.1)", texts[i]);
	}
	if (jcd != NULL && !json_is_array(jcd))
		return refuse(e, "rcd: jcd is no jCard (RFC 9795 5.1.4; "
		    "RFC 7095 3.1)");
	if (jcd != NULL && json_object_get(rcd, "jcl") != NULL)
		return refuse(e, "rcd: both jcd and jcl (RFC 9795 5.1.5)");
	return DCA_OK;
}

/* --- rcdi --- */

/* One reference token of a JSON pointer, unescaped (RFC 6901 4); *p goes to
 * the next '/' or the end. False: too long or a stray '~'. */
static bool
next_token(char out[static 64], const char **p)
{
	size_t n = 0;
	const char *s;

	for (s = *p + 1; *s != '\0' && *s != '/'; s++) {
		if (n == 63)
			return false;
		out[n++] = *s;
		if (*s != '~')
			continue;
		s++;
		if (*s != '0' && *s != '1')
			return false;
		out[n - 1] = *s == '0' ? '~' : '/';
	}
	out[n] = '\0';
	*p = s;
	return true;
}

/* An index without leading zeros. */
static const json_t *
element(const json_t *array, const char *token)
{
	size_t n = strlen(token), index = 0;

	if (n < 1 || n > 6 || strspn(token, "0123456789") != n ||
	    (n > 1 && token[0] == '0'))
		return NULL;
	for (size_t i = 0; i < n; i++)
		index = index * 10 + (size_t)(token[i] - '0');
	return json_array_get(array, index);
}

static const json_t *
resolve(const json_t *v, const char *pointer)
{
	char token[64] = "";

	while (v != NULL && *pointer == '/') {
		if (!next_token(token, &pointer))
			return NULL;
		v = json_is_array(v) ? element(v, token) :
		    json_object_get(v, token);
	}
	return v;
}

/* What the digest is over lies behind a URL (RFC 9795 6.1). */
static bool
by_reference(const char *pointer, const json_t *v)
{
	const char *s = json_string_value(v);

	return strncmp(pointer, "/icn", 4) == 0 ||
	    strncmp(pointer, "/jcl", 4) == 0 ||
	    (strncmp(pointer, "/jcd", 4) == 0 && s != NULL &&
	    strstr(s, "://") != NULL);
}

/* sha256, sha384 or sha512, "-" and base64 (RFC 9795 6.1; W3C SRI). */
static bool
digest_is(const char *want, const json_t *v)
{
	static const struct {
		const char *name, *md;
	} algorithms[] = {
		{ "sha256-", "SHA256" },
		{ "sha384-", "SHA384" },
		{ "sha512-", "SHA512" },
	};
	DCA_AUTO_OUT text = { 0 };
	DCA_AUTO_OUT raw = { 0 };
	uint8_t md[EVP_MAX_MD_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < 3; i++) {
		if (strncmp(want, algorithms[i].name, 7) != 0)
			continue;
		passport_json(&text, v);
		return EVP_Q_digest(NULL, algorithms[i].md, NULL, text.p,
		    text.n, md, &n) == 1 &&
		    jose_unb64_any(&raw, want + 7, strlen(want + 7)) &&
		    dca_buf_eq(dca_out_buf(&raw), DCA_BUF(md, n));
	}
	return false;
}

static enum dca_rc
check_digest(const json_t *rcd, const char *pointer, const json_t *want,
    struct dca_err *e)
{
	const json_t *v = pointer[0] == '/' ? resolve(rcd, pointer) : NULL;
	char shown[PASSPORT_SHOWN];

	passport_shown(shown, pointer);
	if (by_reference(pointer, v))
		return dca_fail(e, DCA_RULE_PASSPORT_RCD,
		    "rcdi \"%s\": content behind a URL is not fetched, so its "
		    "digest cannot be checked", shown);
	if (v == NULL)
		return dca_fail(e, DCA_RULE_PASSPORT_RCD,
		    "rcdi \"%s\" points at nothing in rcd (RFC 9795 6.1; "
		    "RFC 6901)", shown);
	if (!json_is_string(want) || !digest_is(json_string_value(want), v))
		return dca_fail(e, DCA_RULE_PASSPORT_RCD,
		    "rcdi \"%s\": not the digest of what stands there "
		    "(RFC 9795 8.2)", shown);
	return DCA_OK;
}

static enum dca_rc
check_rcdi(const json_t *rcd, json_t *rcdi, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;
	const char *pointer;
	json_t *want;

	if (rcd == NULL || json_object_size(rcdi) == 0)
		return refuse(e, "rcdi is no object with digests, or stands "
		    "without rcd (RFC 9795 6.1)");
	json_object_foreach(rcdi, pointer, want) {
		rc = check_digest(rcd, pointer, want, e);
		if (rc != DCA_OK)
			break;
	}
	return rc;
}

enum dca_rc
passport_rcd_check(const json_t *claims, struct dca_err *e)
{
	const json_t *rcd = json_object_get(claims, "rcd");
	json_t *rcdi = json_object_get(claims, "rcdi");
	const json_t *crn = json_object_get(claims, "crn");
	enum dca_rc rc = rcd == NULL ? DCA_OK : check_rcd(rcd, e);

	if (rc == DCA_OK && rcdi != NULL)
		rc = check_rcdi(rcd, rcdi, e);
	if (rc == DCA_OK && crn != NULL && !json_is_string(crn))
		rc = refuse(e, "crn is no string (RFC 9795 7)");
	return rc;
}
