/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of switches and dialects. A default is what the RFC says; a
 * dialect is what a service was seen to want, and nothing more.
 */
#include "quirks.h"

#include <stdio.h>
#include <string.h>

#define ROW(name, member, help) { name, offsetof(struct quirks, member), help }
static const struct quirk_row rows[] = {
	ROW("list-padded", list_padded,
	    "identifier and tkvalue in padded base64"),
	ROW("fingerprint-spki", fingerprint_spki,
	    "fingerprint of the SubjectPublicKeyInfo"),
	ROW("answer-atc", answer_atc, "challenge answered with \"atc\""),
	ROW("get-protected-only", get_protected_only,
	    "POST-as-GET signed over the protected header alone"),
	ROW("account-empty", account_empty,
	    "newAccount without payload, vendor's kid in the JWK"),
	ROW("nonce-by-get", nonce_by_get, "newNonce by GET"),
	ROW("not-after", not_after, "newOrder names notAfter"),
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct {
	const char *name, *quirks;
} dialects[] = {
	{ "rfc", "" },
	{ "peeringhub", "list-padded,fingerprint-spki,answer-atc,"
	    "get-protected-only,account-empty" },
	{ "martini", "list-padded,fingerprint-spki,answer-atc,nonce-by-get,"
	    "not-after" },
};
enum { DIALECTS = sizeof(dialects) / sizeof(dialects[0]) };

const struct quirk_row *
quirk_rows(size_t *n)
{
	*n = ROWS;
	return rows;
}

static enum dca_rc
set(struct quirks *q, const char *name, size_t n, struct dca_err *e)
{
	const bool on = n == 0 || name[0] != '-';
	const char *s = on ? name : name + 1;
	const size_t len = on ? n : n - 1;

	for (size_t i = 0; i < ROWS; i++) {
		if (strlen(rows[i].name) != len ||
		    memcmp(rows[i].name, s, len) != 0)
			continue;
		*(bool *)((char *)q + rows[i].offset) = on;
		return DCA_OK;
	}
	return dca_fail(e, DCA_RULE_CONFIG,
	    "quirks: \"%.*s\" is none; see dca-upstream.conf(5)",
	    (int)(n > 40 ? 40 : n), name);
}

static enum dca_rc
set_all(struct quirks *q, const char *list, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;
	size_t n;

	for (; *list != '\0' && rc == DCA_OK; list += n) {
		list += strspn(list, ", ");
		n = strcspn(list, ", ");
		if (n > 0)
			rc = set(q, list, n, e);
	}
	return rc;
}

enum dca_rc
quirks_parse(struct quirks *q, const char *dialect, const char *more,
    struct dca_err *e)
{
	enum dca_rc rc;

	memset(q, 0, sizeof(*q));
	for (size_t i = 0; i < DIALECTS; i++) {
		if (strcmp(dialects[i].name, dialect) != 0)
			continue;
		rc = set_all(q, dialects[i].quirks, e);
		return rc ? rc : set_all(q, more, e);
	}
	return dca_fail(e, DCA_RULE_CONFIG,
	    "dialect \"%.40s\" is not rfc, peeringhub or martini", dialect);
}
