/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telephone numbers as PASSporTs have them (RFC 8224 8.3; RFC 8225 5.2.1).
 * Must never guess: a local number without its country code stays what it is,
 * and is then in nobody's certificate.
 */
#include "passport.h"

#include <string.h>
#include <strings.h>

static bool
is_tn_char(char c)
{
	return (c >= '0' && c <= '9') || c == '#' || c == '*';
}

bool
passport_tn(char out[static PASSPORT_TN_TEXT], const char *text)
{
	size_t n = 0;

	text += *text == '+';
	for (; *text != '\0'; text++) {
		if (strchr("-.() ", *text) != NULL)
			continue;	/* visual separators (RFC 3966 5.1.1) */
		if (!is_tn_char(*text) || n == DCA_TN_MAX)
			return false;
		out[n++] = *text;
	}
	out[n] = '\0';
	return n > 0;
}

bool
passport_tn_canonical(const char *s)
{
	char tn[PASSPORT_TN_TEXT];

	return passport_tn(tn, s) && strcmp(tn, s) == 0;
}

enum dca_rc
passport_party_parse(struct passport_party *out, char **keep,
    const char *text, struct dca_err *e)
{
	char shown[PASSPORT_SHOWN], tn[PASSPORT_TN_TEXT];
	const bool tel = strncasecmp(text, "tel:", 4) == 0;
	DCA_CLEANUP(dca_free_p) char *number = NULL;

	*out = (struct passport_party){ 0 };
	*keep = NULL;
	if (!tel && strchr(text, ':') != NULL) {
		out->uri = *keep = dca_strdup(text);
		return DCA_OK;	/* passport_shape looks at it */
	}
	number = dca_strdup(tel ? text + 4 : text);
	if (tel)
		number[strcspn(number, ";")] = '\0';
	if (!passport_tn(tn, number)) {
		passport_shown(shown, text);
		return dca_fail(e, DCA_RULE_INPUT,
		    "\"%s\" is neither a number of at most %d digits nor a "
		    "URI", shown, (int)DCA_TN_MAX);
	}
	out->tn = *keep = dca_strdup(tn);
	return DCA_OK;
}
