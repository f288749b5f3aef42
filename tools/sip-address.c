/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses in From, To and P-Asserted-Identity (RFC 3261 20.10, 25.1; RFC
 * 3325 9.1), and the number in a tel: or sip: URI (RFC 8224 8.1). Strict where
 * a lenient reader could take another caller than the next hop does.
 */
#include "sip.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static enum dca_rc
refuse(struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_SIP_FORM, "an address is neither "
	    "\"name\" <URI> nor a URI (RFC 3261 20.10)");
}

/* Behind a quoted string that begins at s; NULL: it does not end. */
static const char *
skip_quoted(const char *s)
{
	for (s++; *s != '\0' && *s != '"'; s++)
		if (*s == '\\' && s[1] != '\0')
			s++;
	return *s == '"' ? s + 1 : NULL;
}

/* A URI as it may stand here: a scheme, no space, quote or bracket. */
static bool
take_uri(char **uri, const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n);

	if (colon == NULL || colon == s || n > PASSPORT_URI_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || strchr("\"<>", s[i]) != NULL)
			return false;
	*uri = dca_alloc(n + 1);
	memcpy(*uri, s, n);
	(*uri)[n] = '\0';
	return true;
}

/* ;name=value... up to a comma outside quotes, or the end. */
static const char *
skip_params(const char *s)
{
	s += strspn(s, " \t");
	if (*s != ';' && *s != ',' && *s != '\0')
		return NULL;
	while (s != NULL && *s != ',' && *s != '\0')
		s = *s == '"' ? skip_quoted(s) : s + 1;
	return s;
}

enum dca_rc
sip_address(char **uri, const char **rest, struct dca_err *e)
{
	const char *s = *rest + strspn(*rest, " \t"), *open, *end;

	*uri = NULL;
	open = *s == '"' ? skip_quoted(s) : s;
	if (open == NULL)
		return refuse(e);
	/* a display name without quotes is tokens: none of these */
	open += strcspn(open, "<,;\":");
	if (*open == '<') {
		end = strchr(open, '>');
		if (end == NULL ||
		    !take_uri(uri, open + 1, (size_t)(end - open - 1)))
			return refuse(e);
		end++;
	} else {
		/* addr-spec: parameters behind it are the header's */
		end = s + strcspn(s, ",; \t");
		if (!take_uri(uri, s, (size_t)(end - s)))
			return refuse(e);
	}
	end = skip_params(end);
	if (end == NULL) {
		free(*uri);
		*uri = NULL;
		return refuse(e);
	}
	*rest = *end == ',' ? end + 1 : end;
	return DCA_OK;
}

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *p = c == '\0' ? NULL :
	    strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);

	return p == NULL ? -1 : (int)(p - digits);
}

/* %2B in a user part is a plus (RFC 3261 19.1.2). NUL is never decoded. */
static void
unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		int hi = *s == '%' ? hex_digit(s[1]) : -1;
		int lo = hi >= 0 ? hex_digit(s[2]) : -1;

		if (lo >= 0 && hi * 16 + lo != 0) {
			*to++ = (char)(hi * 16 + lo);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

struct passport_party
sip_party(char **keep, const char *uri)
{
	const bool tel = strncasecmp(uri, "tel:", 4) == 0;
	const bool sip = strncasecmp(uri, "sip:", 4) == 0 ||
	    strncasecmp(uri, "sips:", 5) == 0;
	char tn[PASSPORT_TN_TEXT], *at;
	DCA_CLEANUP(dca_free_p) char *user = NULL;

	*keep = NULL;
	if (tel || sip) {
		user = dca_strdup(strchr(uri, ':') + 1);
		at = sip ? strchr(user, '@') : NULL;
		if (at != NULL)
			*at = '\0';
		user[strcspn(user, sip ? ";:" : ";")] = '\0';
		unescape(user);
		if ((tel || at != NULL) && passport_tn(tn, user)) {
			*keep = dca_strdup(tn);
			return (struct passport_party){ .tn = *keep };
		}
	}
	*keep = dca_strdup(uri);
	(*keep)[strcspn(*keep, ";?")] = '\0';
	return (struct passport_party){ .uri = *keep };
}
