/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches an x5u by libcurl under the rules for verifiers (ATIS-1000074 and
 * -1000080, quoted by its checkers). The server is not trusted: it must not
 * be able to send us elsewhere, keep us waiting, or fill the memory.
 */
#include "fetch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#define TYPE "application/pem-certificate-chain"
enum { URL_MAX = 2048, FETCH_MAX = 256 * 1024, FETCH_SECONDS = 10,
	CONNECT_SECONDS = 5 };
enum { DAY = 24 * 3600, YEAR = 365 * DAY };

static enum dca_rc
check_port(CURLU *u, struct dca_err *e)
{
	char *port = NULL;
	bool ok;

	ok = curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
	    CURLUE_OK &&
	    (strcmp(port, "443") == 0 || strcmp(port, "8443") == 0);
	curl_free(port);
	return ok ? DCA_OK : dca_fail(e, DCA_RULE_FETCH,
	    "x5u: port must be 443 or 8443 (ATIS-1000080)");
}

enum dca_rc
dca_fetch_check(const char *url, struct dca_err *e)
{
	CURLU *u;
	enum dca_rc rc;
	const char *p;

	if (strlen(url) > URL_MAX)
		return dca_fail(e, DCA_RULE_FETCH, "x5u: URL is too long");
	for (p = url; *p != '\0'; p++)
		if (*p <= ' ' || *p == 0x7f || *p == '\\')
			return dca_fail(e, DCA_RULE_FETCH,
			    "x5u: URL holds a character that may not be");
	if (strncmp(url, "https://", 8) != 0)
		return dca_fail(e, DCA_RULE_FETCH,
		    "x5u: not https (ATIS-1000080)");
	/* Even empty ones, which a URL parser would not show. */
	if (strpbrk(url, "?#") != NULL)
		return dca_fail(e, DCA_RULE_FETCH,
		    "x5u: query or fragment (ATIS-1000074)");
	if (memchr(url + 8, '@', strcspn(url + 8, "/")) != NULL)
		return dca_fail(e, DCA_RULE_FETCH,
		    "x5u: user information (ATIS-1000074)");
	u = curl_url();
	if (u == NULL)
		abort();
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		rc = dca_fail(e, DCA_RULE_FETCH, "x5u: not a URL");
	else
		rc = check_port(u, e);
	curl_url_cleanup(u);
	return rc;
}

static size_t
take(char *p, size_t size, size_t n, void *arg)
{
	struct dca_out *o = arg;

	if (o->n + size * n > FETCH_MAX)
		return 0;	/* ends the transfer */
	dca_out_add(o, p, size * n);
	return size * n;
}

static enum dca_rc
check_answer(CURL *c, struct dca_err *e)
{
	const char *type = NULL;
	long code = 0;
	size_t n;

	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
	if (code >= 300 && code < 400)
		return dca_fail(e, DCA_RULE_FETCH,
		    "x5u: answers with redirect %ld, which may not be "
		    "followed (ATIS-1000074)", code);
	if (code != 200)
		return dca_fail(e, DCA_RULE_FETCH,
		    "x5u: answers with HTTP status %ld", code);
	curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
	n = type == NULL ? 0 : strcspn(type, "; \t");
	if (n != strlen(TYPE) || strncasecmp(type, TYPE, n) != 0)
		return dca_fail(e, DCA_RULE_FETCH,
		    "x5u: content type is not " TYPE " (RFC 9060 7)");
	return DCA_OK;
}

/* A number of seconds, at most a year; -1: none. */
static int64_t
seconds_of(const char *s)
{
	int64_t n = -1;

	for (; *s >= '0' && *s <= '9'; s++) {
		n = (n < 0 ? 0 : n) * 10 + (*s - '0');
		if (n > YEAR)
			n = YEAR;
	}
	return n;
}

/* In RFC 9111 5.2 directives are names, some with "=value", between commas. */
static int64_t
max_age(const char *s)
{
	for (; *s != '\0'; s += strcspn(s, ","), s += *s == ',') {
		s += strspn(s, " \t");
		if (strncasecmp(s, "max-age=", 8) == 0)
			return seconds_of(s + 8 + (s[8] == '"'));
	}
	return -1;
}

int64_t
dca_fetch_seconds(const char *cache_control, const char *age)
{
	int64_t n = cache_control == NULL ? -1 : max_age(cache_control);
	int64_t old = age == NULL ? -1 : seconds_of(age);

	if (old > 0)
		n -= old;
	return n < DAY ? DAY : n;
}

static const char *
header_of(CURL *c, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(c, name, 0, CURLH_HEADER, -1, &h) ==
	    CURLHE_OK ? h->value : NULL;
}

static void
set_options(CURL *c, const char *url, const char *tls_ca, char *why,
    struct dca_out *body)
{
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)FETCH_SECONDS);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE, (long)FETCH_MAX);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (tls_ca != NULL) {
		curl_easy_setopt(c, CURLOPT_CAINFO, tls_ca);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
}

enum dca_rc
dca_fetch(struct dca_out *body, const char *url, const char *tls_ca,
    struct dca_err *e)
{
	int64_t seconds;

	return dca_fetch_aged(body, &seconds, url, tls_ca, e);
}

enum dca_rc
dca_fetch_aged(struct dca_out *body, int64_t *seconds, const char *url,
    const char *tls_ca, struct dca_err *e)
{
	char why[CURL_ERROR_SIZE] = "";
	enum dca_rc rc;
	CURLcode code;
	CURL *c;

	*seconds = DAY;
	if ((rc = dca_fetch_check(url, e)) != DCA_OK)
		return rc;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	c = curl_easy_init();
	if (c == NULL)
		abort();
	set_options(c, url, tls_ca, why, body);
	code = curl_easy_perform(c);
	if (code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED)
		rc = dca_fail(e, DCA_RULE_FETCH,
		    "x5u: more than %d octets", FETCH_MAX);
	else if (code != CURLE_OK)
		rc = dca_fail(e, DCA_RULE_FETCH, "x5u: %s",
		    why[0] != '\0' ? why : curl_easy_strerror(code));
	else
		rc = check_answer(c, e);
	*seconds = dca_fetch_seconds(header_of(c, "Cache-Control"),
	    header_of(c, "Age"));
	curl_easy_cleanup(c);
	return rc;
}
