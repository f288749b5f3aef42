/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTPS request by libcurl. The server is not trusted: it must not be
 * able to send us elsewhere, keep us waiting, or fill the memory.
 */
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

enum { CONNECT_SECONDS = 10 };

struct http {
	CURL *curl;	/* kept: connections are */
	char tls_ca[4096], proxy[HTTP_URL_MAX];
	long timeout;
};

struct transfer {
	struct http_answer *a;
	size_t most;
	bool cut;
};

enum dca_rc
http_new(struct http **out, const struct http_config *c, struct dca_err *e)
{
	struct http *h = dca_alloc(sizeof(*h));

	*out = NULL;
	memset(h, 0, sizeof(*h));
	h->timeout = (long)c->timeout;
	if (!dca_strlcpy(h->tls_ca, c->tls_ca, sizeof(h->tls_ca)) ||
	    !dca_strlcpy(h->proxy, c->proxy, sizeof(h->proxy))) {
		free(h);
		return dca_fail(e, DCA_RULE_CONFIG,
		    "tls_ca or proxy is too long");
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (h->curl = curl_easy_init()) == NULL)
		abort();
	*out = h;
	return DCA_OK;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->curl);
	free(h);
}

void
http_answer_clear(struct http_answer *a)
{
	dca_out_free(&a->body);
	memset(a, 0, sizeof(*a));
}

static size_t
take_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (t->a->body.n + size * n > t->most) {
		t->cut = true;
		return 0;	/* ends the transfer */
	}
	dca_out_add(&t->a->body, p, size * n);
	return size * n;
}

/* "Name: value" with its line end; true when it is name's. */
static bool
field(char *out, size_t cap, const char *line, size_t n, const char *name)
{
	const size_t len = strlen(name);

	if (n <= len || line[len] != ':' || strncasecmp(line, name, len) != 0)
		return false;
	line += len + 1;
	n -= len + 1;
	while (n > 0 && (*line == ' ' || *line == '\t'))
		line++, n--;
	while (n > 0 && strchr(" \t\r\n", line[n - 1]) != NULL)
		n--;
	if (n >= cap)
		n = 0;
	memcpy(out, line, n);
	out[n] = '\0';
	return true;
}

/* <URI>; rel="next", as RFC 8555 7.1.2.1 has it; several fields come. */
static void
take_link(char out[static HTTP_FIELD_MAX], const char *value)
{
	const char *end = strchr(value, '>');
	size_t n;

	if (value[0] != '<' || end == NULL ||
	    (strcasestr(end, "rel=\"next\"") == NULL &&
	    strcasestr(end, "rel=next") == NULL))
		return;
	n = (size_t)(end - value) - 1;
	memcpy(out, value + 1, n);
	out[n] = '\0';
}

static size_t
take_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_answer *a = ((struct transfer *)arg)->a;
	const size_t all = size * n;
	char link[HTTP_FIELD_MAX];

	if (all >= 5 && strncasecmp(p, "HTTP/", 5) == 0) {
		/* an interim answer (100) came before this one */
		a->location[0] = a->nonce[0] = a->type[0] = '\0';
		a->retry_after[0] = a->certificate[0] = a->next[0] = '\0';
	} else if (field(a->type, sizeof(a->type), p, all, "Content-Type")) {
		a->type[strcspn(a->type, "; \t")] = '\0';
		for (char *s = a->type; *s != '\0'; s++)
			if (*s >= 'A' && *s <= 'Z')
				*s = (char)(*s - 'A' + 'a');
	} else if (field(link, sizeof(link), p, all, "Link")) {
		take_link(a->next, link);
	} else if (!field(a->location, sizeof(a->location), p, all,
	    "Location") && !field(a->nonce, sizeof(a->nonce), p, all,
	    "Replay-Nonce") && !field(a->certificate, sizeof(a->certificate),
	    p, all, "X-Shaken-Certificate-Location")) {
		(void)field(a->retry_after, sizeof(a->retry_after), p, all,
		    "Retry-After");
	}
	return all;
}

static void
add_header(struct curl_slist **l, const char *name, const char *value)
{
	DCA_AUTO_OUT line = { .secret = true };
	struct curl_slist *more;

	if (value == NULL)
		return;
	dca_out_printf(&line, "%s: %s", name, value);
	more = curl_slist_append(*l, (const char *)line.p);
	if (more == NULL)
		abort();
	*l = more;
}

static void
set_method(CURL *c, const struct http_request *q)
{
	switch (q->method) {
	case HTTP_GET:
		curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
		break;
	case HTTP_HEAD:
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
		break;
	case HTTP_POST:
		/* on a kept connection that ends, curl would send it again */
		curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)q->body.n);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS,
		    q->body.n > 0 ? (const char *)q->body.p : "");
		break;
	}
}

static void
set_options(struct http *h, const struct http_request *q, struct transfer *t,
    struct curl_slist *headers, char *why)
{
	CURL *c = h->curl;

	curl_easy_reset(c);	/* connections stay */
	curl_easy_setopt(c, CURLOPT_URL, q->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "dca-upstream/" DCA_VERSION);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, h->timeout);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (h->tls_ca[0] != '\0') {
		curl_easy_setopt(c, CURLOPT_CAINFO, h->tls_ca);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	if (h->proxy[0] != '\0')
		curl_easy_setopt(c, CURLOPT_PROXY, h->proxy);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	set_method(c, q);
}

static enum dca_rc
perform(struct http *h, const struct http_request *q, struct transfer *t,
    struct dca_err *e)
{
	char why[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	CURLcode code;

	/* no "Expect: 100-continue", no type of curl's choice */
	add_header(&headers, "Accept", q->accept);
	add_header(&headers, "Content-Type", q->content_type);
	add_header(&headers, "Authorization", q->authorization);
	headers = curl_slist_append(headers, "Expect:");
	set_options(h, q, t, headers, why);
	code = curl_easy_perform(h->curl);
	curl_slist_free_all(headers);
	if (t->cut)
		return dca_fail(e, DCA_RULE_UPSTREAM_HTTP,
		    "%s: the answer has more than %zu octets", q->url,
		    t->most);
	if (code != CURLE_OK)
		return dca_fail(e, DCA_RULE_UPSTREAM_HTTP, "%s: %s", q->url,
		    why[0] != '\0' ? why : curl_easy_strerror(code));
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &t->a->status);
	if (t->a->status >= 300 && t->a->status < 400)
		return dca_fail(e, DCA_RULE_UPSTREAM_HTTP,
		    "%s: answers with redirect %ld, which is not followed",
		    q->url, t->a->status);
	return DCA_OK;
}

enum dca_rc
http_do(struct http *h, const struct http_request *q, struct http_answer *a,
    struct dca_err *e)
{
	struct transfer t = { a, q->most > 0 ? q->most : HTTP_BODY_MAX,
		false };
	enum dca_rc rc;

	memset(a, 0, sizeof(*a));
	if (strlen(q->url) >= HTTP_URL_MAX ||
	    strncmp(q->url, "https://", 8) != 0)
		return dca_fail(e, DCA_RULE_UPSTREAM_HTTP,
		    "\"%.120s\" is no https URL of at most %d octets", q->url,
		    HTTP_URL_MAX - 1);
	rc = perform(h, q, &t, e);
	if (rc != DCA_OK)
		http_answer_clear(a);
	return rc;
}

unsigned
http_retry(const struct http_answer *a, int64_t now, unsigned fallback,
    unsigned most)
{
	const char *s = a->retry_after;
	char *end;
	long long v;

	if (s[0] >= '0' && s[0] <= '9') {
		v = strtoll(s, &end, 10);
		if (*end != '\0')
			return fallback;
	} else {
		time_t t = curl_getdate(s, NULL);

		if (s[0] == '\0' || t == -1)
			return fallback;
		v = (long long)t - now;
	}
	return v < 1 ? 1 : v > (long long)most ? most : (unsigned)v;
}
