/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a published chain back over HTTPS as a relying party would, and
 * applies the rules for x5u (ATIS-1000074, ATIS-1000080, RFC 9060 7): direct
 * 200, content type, cacheable for a day, identical body. libcurl's multi
 * interface on our loop: kept connections, several fetches at a time, never
 * a blocking call.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <curl/curl.h>

#include "publisher.h"

enum { TRANSFERS = 8, DAY = 86400, AGE_MOST = 100 * 1000 * 1000 };
#define AGE_NONE ULONG_MAX
#define CONTENT_TYPE "application/pem-certificate-chain"

struct transfer {
	struct readback *owner;
	CURL *easy;
	struct job *job;	/* NULL: free */
	size_t got;
	bool differs;
	char cache[512];	/* all Cache-Control values, joined */
	char why[CURL_ERROR_SIZE];
};

struct readback {
	struct dca_loop *loop;
	CURLM *multi;
	int timer;
	const struct settings *s;
	readback_fn done;
	void *arg;
	struct transfer t[TRANSFERS];
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* --- the rules --- */

static bool
is_token(const char *s, size_t n, const char *token)
{
	return strlen(token) == n && strncasecmp(s, token, n) == 0;
}

/* delta-seconds (RFC 9111 1.2.2): digits alone; anything else is 0. */
static unsigned long
seconds(const char *s, size_t n)
{
	unsigned long v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		if (v < AGE_MOST)
			v = v * 10 + (unsigned long)(s[i] - '0');
	}
	return v;
}

/* One directive (RFC 9111 5.2); of several max-age the least counts. */
static const char *
directive(const char *s, size_t n, unsigned long *age)
{
	static const char *const bad[] = { "private", "no-cache", "no-store" };
	size_t name = 0;

	while (name < n && s[name] != '=' && s[name] != ' ')
		name++;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (is_token(s, name, bad[i]))
			return bad[i];
	}
	if (is_token(s, name, "max-age")) {
		unsigned long v = name + 1 < n && s[name] == '=' ?
		    seconds(s + name + 1, n - name - 1) : 0;

		if (v < *age)
			*age = v;
	}
	return NULL;
}

const char *
cache_control_wrong(const char *value)
{
	unsigned long age = AGE_NONE;

	while (*value != '\0') {
		size_t n, len;
		const char *bad;

		value += strspn(value, " \t,");
		n = strcspn(value, ",");
		for (len = n; len > 0 && value[len - 1] == ' '; len--)
			continue;
		bad = directive(value, len, &age);
		if (bad != NULL)
			return bad;
		value += n;
	}
	return age >= DAY && age != AGE_NONE ? NULL : "max-age below 86400, or none";
}

static enum dca_rc
judge(const struct transfer *t, CURLcode code, struct dca_err *e)
{
	long status = 0;
	const char *type = NULL, *wrong;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	/* the status first: the body of a 404 differs, too */
	if (status != 0 && status != 200)
		return dca_fail(e, DCA_RULE_FETCH,
		    "ATIS-1000074: answer is %ld, not a direct 200", status);
	if (t->differs)
		return dca_fail(e, DCA_RULE_FETCH,
		    "what is served is not what was published");
	if (code != CURLE_OK)
		return dca_fail(e, DCA_RULE_FETCH, "%s",
		    t->why[0] != '\0' ? t->why : curl_easy_strerror(code));
	if (t->got != t->job->pem.n)
		return dca_fail(e, DCA_RULE_FETCH,
		    "served %zu octets instead of %zu", t->got, t->job->pem.n);
	if (type == NULL || strcasecmp(type, CONTENT_TYPE) != 0)
		return dca_fail(e, DCA_RULE_FETCH,
		    "ATIS-1000080: Content-Type is %.60s, not " CONTENT_TYPE,
		    type == NULL ? "absent" : type);
	wrong = cache_control_wrong(t->cache);
	if (wrong != NULL)
		return dca_fail(e, DCA_RULE_FETCH,
		    "ATIS-1000074: Cache-Control: %s", wrong);
	return DCA_OK;
}

/* --- libcurl on the loop --- */

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct dca_buf want = dca_out_buf(&t->job->pem);

	n *= size;
	if (n > want.n - t->got || memcmp(want.p + t->got, p, n) != 0) {
		t->differs = true;
		return n == 0 ? 1 : 0;	/* not n: ends the fetch */
	}
	t->got += n;
	return n;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	static const char name[] = "cache-control:";
	struct transfer *t = arg;
	size_t len = strlen(t->cache), value;

	n *= size;
	if (n < sizeof(name) - 1 || strncasecmp(p, name, sizeof(name) - 1) != 0)
		return n;
	p += sizeof(name) - 1;
	value = n - (sizeof(name) - 1);
	while (value > 0 && strchr("\r\n ", p[value - 1]) != NULL)
		value--;
	/* cut values judge badly: what does not fit refuses */
	if (len + value + 2 > sizeof(t->cache)) {
		dca_strlcpy(t->cache, "no-store", sizeof(t->cache));
		return n;
	}
	snprintf(t->cache + len, sizeof(t->cache) - len, ",%.*s", (int)value, p);
	return n;
}

static void
finish(struct transfer *t, CURLcode code)
{
	struct readback *r = t->owner;
	struct job *j = t->job;
	enum dca_rc rc;

	j->err = (struct dca_err){ .rule = DCA_RULE_NONE };
	rc = judge(t, code, &j->err);
	t->job = NULL;
	must(curl_multi_remove_handle(r->multi, t->easy) == CURLM_OK);
	r->done(j, rc, r->arg);
}

static void
collect(struct readback *r)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(r->multi, &left)) != NULL) {
		struct transfer *t = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		must(curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) ==
		    CURLE_OK);
		if (t->job != NULL)
			finish(t, code);
	}
}

static void
act(struct readback *r, curl_socket_t fd, int what)
{
	int running;

	must(curl_multi_socket_action(r->multi, fd, what, &running) ==
	    CURLM_OK);
	collect(r);
}

struct watched {
	struct readback *r;
	int fd;
};

static void
on_socket(void *arg, uint32_t events)
{
	const struct watched *w = arg;
	int what = 0;

	if ((events & (EPOLLIN | EPOLLHUP)) != 0)
		what |= CURL_CSELECT_IN;
	if ((events & EPOLLOUT) != 0)
		what |= CURL_CSELECT_OUT;
	if ((events & EPOLLERR) != 0)
		what |= CURL_CSELECT_ERR;
	act(w->r, w->fd, what);
}

static void
on_timer(void *arg, uint32_t events)
{
	struct readback *r = arg;
	uint64_t n;

	(void)events;
	if (read(r->timer, &n, sizeof(n)) == (ssize_t)sizeof(n))
		act(r, CURL_SOCKET_TIMEOUT, 0);
}

static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct readback *r = arg;
	struct watched *w = assigned;
	uint32_t events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		dca_loop_remove(r->loop, fd);
		curl_multi_assign(r->multi, fd, NULL);
		free(w);
		return 0;
	}
	if ((what & CURL_POLL_IN) != 0)
		events |= EPOLLIN;
	if ((what & CURL_POLL_OUT) != 0)
		events |= EPOLLOUT;
	if (w != NULL) {
		dca_loop_modify(r->loop, fd, events);
		return 0;
	}
	w = dca_alloc(sizeof(*w));
	*w = (struct watched){ r, fd };
	dca_loop_add(r->loop, fd, events, on_socket, w);
	curl_multi_assign(r->multi, fd, w);
	return 0;
}

static int
set_timer(CURLM *multi, long ms, void *arg)
{
	const struct readback *r = arg;
	/* all zeros would disarm it: "now" is one nanosecond */
	struct itimerspec t = { .it_value = { ms / 1000,
				    ms % 1000 * 1000000 } };

	(void)multi;
	if (ms == 0)
		t.it_value.tv_nsec = 1;
	if (ms < 0)
		t = (struct itimerspec){ 0 };
	must(timerfd_settime(r->timer, 0, &t, NULL) == 0);
	return 0;
}

#define SET(easy, option, value)                                               \
	must(curl_easy_setopt(easy, CURLOPT_##option, value) == CURLE_OK)

static void
prepare(struct readback *r, struct transfer *t)
{
	t->owner = r;
	t->easy = curl_easy_init();
	must(t->easy != NULL);
	SET(t->easy, PRIVATE, t);
	SET(t->easy, PROTOCOLS_STR, "https");
	SET(t->easy, FOLLOWLOCATION, 0L);
	SET(t->easy, SSL_VERIFYPEER, 1L);
	SET(t->easy, SSL_VERIFYHOST, 2L);
	SET(t->easy, CAINFO, r->s->tls_ca);
	SET(t->easy, CAPATH, NULL);
	/* no proxy of the environment, no ~/.netrc, no signals */
	SET(t->easy, PROXY, "");
	SET(t->easy, NETRC, (long)CURL_NETRC_IGNORED);
	SET(t->easy, NOSIGNAL, 1L);
	SET(t->easy, TIMEOUT, (long)r->s->timeout);
	SET(t->easy, MAXFILESIZE, (long)BODY_MAX);
	SET(t->easy, USERAGENT, "dca-publisher/" DCA_VERSION);
	SET(t->easy, ERRORBUFFER, t->why);
	SET(t->easy, WRITEFUNCTION, on_body);
	SET(t->easy, WRITEDATA, t);
	SET(t->easy, HEADERFUNCTION, on_header);
	SET(t->easy, HEADERDATA, t);
}

#define SET_MULTI(r, option, value)                                            \
	must(curl_multi_setopt((r)->multi, CURLMOPT_##option, value) ==        \
	    CURLM_OK)

enum dca_rc
readback_new(struct readback **out, struct dca_loop *l,
    const struct settings *s, readback_fn done, void *arg, struct dca_err *e)
{
	struct readback *r;

	/* libcurl reads the file at the first fetch; say it at the start */
	if (access(s->tls_ca, R_OK) != 0)
		return dca_fail(e, DCA_RULE_CONFIG, "tls_ca %s: %s", s->tls_ca,
		    strerror(errno));
	must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	r = dca_alloc(sizeof(*r));
	memset(r, 0, sizeof(*r));
	r->loop = l;
	r->s = s;
	r->done = done;
	r->arg = arg;
	r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	r->multi = curl_multi_init();
	must(r->timer >= 0 && r->multi != NULL);
	dca_loop_add(l, r->timer, EPOLLIN, on_timer, r);
	SET_MULTI(r, SOCKETFUNCTION, set_socket);
	SET_MULTI(r, SOCKETDATA, r);
	SET_MULTI(r, TIMERFUNCTION, set_timer);
	SET_MULTI(r, TIMERDATA, r);
	SET_MULTI(r, MAXCONNECTS, (long)TRANSFERS);
	for (int i = 0; i < TRANSFERS; i++)
		prepare(r, &r->t[i]);
	*out = r;
	return DCA_OK;
}

void
readback_free(struct readback *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < TRANSFERS; i++) {
		if (r->t[i].job != NULL)
			curl_multi_remove_handle(r->multi, r->t[i].easy);
		curl_easy_cleanup(r->t[i].easy);
	}
	curl_multi_cleanup(r->multi);
	dca_loop_remove(r->loop, r->timer);
	close(r->timer);
	curl_global_cleanup();
	free(r);
}

bool
readback_start(struct readback *r, struct job *j)
{
	char url[URL_MAX + NAME_LEN + 2];

	for (int i = 0; i < TRANSFERS; i++) {
		struct transfer *t = &r->t[i];

		if (t->job != NULL)
			continue;
		t->job = j;
		t->got = 0;
		t->differs = false;
		t->cache[0] = t->why[0] = '\0';
		snprintf(url, sizeof(url), "%s/%s", r->s->base_url, j->name);
		SET(t->easy, URL, url);
		must(curl_multi_add_handle(r->multi, t->easy) == CURLM_OK);
		return true;
	}
	return false;
}

void
readback_cancel(struct readback *r, const struct job *j)
{
	for (int i = 0; i < TRANSFERS; i++) {
		if (r->t[i].job != j)
			continue;
		r->t[i].job = NULL;
		must(curl_multi_remove_handle(r->multi, r->t[i].easy) ==
		    CURLM_OK);
	}
}
