/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab's HTTPS server: STI-PA and STI-CA on one port of the loopback, by
 * libmicrohttpd with one thread, so that nothing needs a lock. Requests are
 * limited in size before anybody looks at them.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "dca-sandbox-lab.h"
#include "dca/os.h"

enum { BODY_MAX = 512 * 1024, SKEW = 300, TLS_DAYS = 3650, FLAWS_MAX = 4096 };

static struct {
	const char *port, *host, *days, *scope, *country, *limit;
	bool eab, account_key;
} opt;

const struct dca_option lab_serve_options[LAB_SERVE_OPTIONS] = {
	{ "port", "N", &opt.port, NULL, "HTTPS port on 127.0.0.1; 14000" },
	{ "host", "NAME", &opt.host, NULL,
	    "how clients call it: name or IPv4 address; localhost" },
	{ "scope", "LIST", &opt.scope, NULL,
	    "what LAB1 may represent; 12025550000+10000,spc:709J" },
	{ "days", "N", &opt.days, NULL,
	    "validity of cross-certificates; default 365" },
	{ "country", "CC", &opt.country, NULL,
	    "name constraints: subjects of this country only" },
	{ "limit", "LIST", &opt.limit, NULL,
	    "constraints extension " LAB_LIMIT_OID " with this list" },
	{ "eab", NULL, NULL, &opt.eab,
	    "demand an external account binding (DIR/eab.kid, eab.key)" },
	{ "allow-account-key", NULL, NULL, &opt.account_key,
	    "let a CSR hold the account key, against RFC 8555 11.1" },
};

/* --- answers --- */

void
lab_text(struct lab_call *c, unsigned status, const char *type,
    struct dca_buf body)
{
	c->status = status;
	c->type = type;
	c->answer.n = 0;
	dca_out_add(&c->answer, body.p, body.n);
}

static void
json_as(struct lab_call *c, unsigned status, const char *type, json_t *o)
{
	DCA_CLEANUP(dca_free_p) char *text = json_dumps(o, JSON_COMPACT);

	if (text == NULL)
		abort();
	lab_text(c, status, type, DCA_BUF(text, strlen(text)));
	json_decref(o);
}

void
lab_json(struct lab_call *c, unsigned status, json_t *o)
{
	json_as(c, status, status < 400 ? "application/json" :
	    "application/problem+json", o);
}

void
lab_problem(struct lab_call *c, unsigned status, const char *type,
    const char *fmt, ...)
{
	char detail[320];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	lab_json(c, status, json_pack("{s:o,s:s,s:i}", "type", json_sprintf(
	    "urn:ietf:params:acme:error:%s", type), "detail", detail, "status",
	    (int)status));
}

/* DIR/flaws: words, read anew for each request. */
bool
lab_wrong(const struct lab *l, const char *flaw)
{
	const char *s = (const char *)l->flaws.p;
	const size_t n = strlen(flaw);
	size_t len;

	for (; s != NULL && *s != '\0'; s += len) {
		s += strspn(s, " ,\n");
		len = strcspn(s, " ,\n");
		if (len == n && memcmp(s, flaw, n) == 0)
			return true;
	}
	return false;
}

static void
read_flaws(struct lab *l)
{
	const bool was = lab_wrong(l, "nonce-once");
	char path[4096];

	dca_path(path, NULL, "%s/flaws", l->dir);
	dca_out_free(&l->flaws);
	if (dca_file_read(&l->flaws, path, FLAWS_MAX, NULL) != DCA_OK)
		dca_out_free(&l->flaws);	/* none */
	if (!was && lab_wrong(l, "nonce-once"))
		l->bad_nonces = 1;
}

/* --- HTTP --- */

struct request {
	struct dca_out body;
	bool too_large;
};

static const char *
header(struct MHD_Connection *m, const char *name)
{
	const char *s = MHD_lookup_connection_value(m, MHD_HEADER_KIND, name);

	return s != NULL ? s : "";
}

static void
add(struct MHD_Response *r, const char *name, const char *value)
{
	if (value[0] != '\0' && MHD_add_response_header(r, name, value) !=
	    MHD_YES)
		abort();
}

static enum MHD_Result
answer(struct lab *l, struct MHD_Connection *m, struct lab_call *c)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(c->answer.n,
	    c->answer.p, MHD_RESPMEM_MUST_COPY);
	char retry[16] = "", link[LAB_URL + 16] = "";
	enum MHD_Result rc;

	if (r == NULL)
		abort();
	if (c->retry_after > 0)
		(void)snprintf(retry, sizeof(retry), "%u", c->retry_after);
	if (c->next[0] != '\0')
		(void)snprintf(link, sizeof(link), "<%s>;rel=\"next\"",
		    c->next);
	add(r, "Content-Type", c->type);
	add(r, "Location", c->location);
	add(r, "Retry-After", retry);
	add(r, "Cache-Control", "no-store");
	add(r, "X-Shaken-Certificate-Location", c->certificate);
	add(r, "Link", link);
	if (c->nonce)
		add(r, "Replay-Nonce", lab_nonce(l));
	rc = MHD_queue_response(m, c->status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result
serve(struct lab *l, struct MHD_Connection *m, const char *url,
    const char *method, const struct request *q)
{
	struct lab_call c = { .method = method, .path = url,
		.authorization = header(m, "Authorization"),
		.content_type = header(m, "Content-Type"),
		.body = dca_out_buf(&q->body), .status = 500, .type = "" };
	enum MHD_Result rc = MHD_NO;

	read_flaws(l);
	if (q->too_large)
		lab_problem(&c, 413, "malformed", "more than %d octets",
		    (int)BODY_MAX);
	else if (strncmp(url, "/acme/", 6) == 0)
		lab_acme(l, &c);
	else
		lab_pa(l, &c);
	printf("%s %s: %s %u\n", method, url, c.drop ? "dropped" : "status",
	    c.drop ? 0U : c.status);
	(void)fflush(stdout);
	if (!c.drop)
		rc = answer(l, m, &c);
	dca_out_free(&c.answer);
	return rc;
}

static enum MHD_Result
handle(void *arg, struct MHD_Connection *m, const char *url,
    const char *method, const char *version, const char *data, size_t *n,
    void **state)
{
	struct request *q = *state;

	(void)version;
	if (q == NULL) {
		q = dca_alloc(sizeof(*q));
		memset(q, 0, sizeof(*q));
		*state = q;
		return MHD_YES;
	}
	if (*n == 0)
		return serve(arg, m, url, method, q);
	if (q->body.n + *n > BODY_MAX)
		q->too_large = true;
	else
		dca_out_add(&q->body, data, *n);
	*n = 0;
	return MHD_YES;
}

static void
completed(void *arg, struct MHD_Connection *m, void **state,
    enum MHD_RequestTerminationCode why)
{
	struct request *q = *state;

	(void)arg;
	(void)m;
	(void)why;
	if (q == NULL)
		return;
	dca_out_free(&q->body);
	free(q);
}

/* --- setting up --- */

static const char *
host_name(void)
{
	return opt.host != NULL ? opt.host : "localhost";
}

static enum dca_rc
tls_files(struct lab *l, struct dca_out *key, struct dca_out *cert,
    struct dca_err *e)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *ca_key = NULL;
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *tls_key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *ca = NULL;
	DCA_CLEANUP(X509_free_p) X509 *x = NULL;
	const int64_t now = dca_now();
	struct lab_spec s = {
		.organisation = "Lab", .cn = "Lab TLS CA",
		.not_before = now - SKEW,
		.not_after = now + (int64_t)TLS_DAYS * LAB_DAY,
		.ca = true, .key_cert_sign = true, .path_len = -1,
		.plain = true,
	};
	char path[4096];
	enum dca_rc rc;

	dca_path(path, NULL, "%s/tls.pem", l->dir);
	if (dca_file_read(cert, path, DCA_CERT_MAX, NULL) != DCA_OK) {
		rc = lab_make_ca(l->dir, "tls-ca", &s, &ca_key, &ca, e);
		if (rc != DCA_OK)
			return rc;
		s.issuer = ca;
		s.issuer_key = ca_key;
		s.ca = s.key_cert_sign = false;
		s.cn = s.dns = host_name();
		rc = lab_make_ca(l->dir, "tls", &s, &tls_key, &x, e);
		if (rc == DCA_OK)
			rc = dca_file_read(cert, path, DCA_CERT_MAX, e);
		if (rc != DCA_OK)
			return rc;
	}
	dca_path(path, NULL, "%s/tls.key", l->dir);
	return dca_file_read(key, path, DCA_CERT_MAX, e);
}

static enum dca_rc
open_secrets(struct lab *l, struct dca_err *e)
{
	DCA_AUTO_OUT b64 = { .secret = true };
	DCA_AUTO_OUT kid = { 0 };
	enum dca_rc rc;

	if ((rc = lab_secret(l->dir, "eab.kid", &kid, e)) ||
	    (rc = lab_secret(l->dir, "eab.key", &b64, e)))
		return rc;
	(void)dca_strlcpy(l->eab_kid, (const char *)kid.p, sizeof(l->eab_kid));
	if (!dca_unb64url(&l->eab_key, (const char *)b64.p, b64.n))
		return dca_fail(e, DCA_RULE_INPUT,
		    "%s/eab.key is not base64url", l->dir);
	return DCA_OK;
}

static enum dca_rc
number(const char *text, long fallback, long most, long *out,
    struct dca_err *e)
{
	char *end = NULL;

	*out = text != NULL ? strtol(text, &end, 10) : fallback;
	if ((end != NULL && *end != '\0') || *out < 1 || *out > most)
		return dca_fail(e, DCA_RULE_INPUT,
		    "\"%s\" is not 1 to %ld", text, most);
	return DCA_OK;
}

static enum dca_rc
lab_open(struct lab *l, long *port, struct dca_err *e)
{
	long days = 0;
	enum dca_rc rc;

	if ((rc = number(opt.port, 14000, 65535, port, e)) ||
	    (rc = number(opt.days, 365, LAB_INTERMEDIATE_DAYS, &days, e)))
		return rc;
	l->days = days;
	l->eab = opt.eab;
	l->country = opt.country;
	l->limit = opt.limit;
	l->compat_key = opt.account_key;
	(void)snprintf(l->base, sizeof(l->base), "https://%s:%ld",
	    host_name(), *port);
	if ((rc = lab_people_open(l, opt.scope != NULL ? opt.scope :
	    "12025550000+10000,spc:709J", e)) || (rc = open_secrets(l, e)) ||
	    (rc = lab_accounts_open(l, e)))
		return rc;
	return lab_pa_open(l, e);
}

static void
lab_close(struct lab *l)
{
	for (unsigned i = 0; i < l->n_orders; i++) {
		free(l->orders[i].identifier);
		dca_out_free(&l->orders[i].list);
		dca_out_free(&l->orders[i].chain);
	}
	EVP_PKEY_free(l->token_key);
	EVP_PKEY_free(l->crl_key);
	X509_free(l->token_cert);
	X509_free(l->crl_cert);
	lab_people_close(l);
	dca_out_free(&l->eab_key);
	dca_out_free(&l->flaws);
	free(l);
}

/* Until SIGTERM or SIGINT. */
static enum dca_rc
listen_and_wait(struct lab *l, uint16_t port, const struct dca_out *key,
    const struct dca_out *cert, struct dca_err *e)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct MHD_Daemon *d;
	sigset_t set;
	int sig;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	d = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS,
	    port, NULL, NULL, handle, l, MHD_OPTION_SOCK_ADDR, &a,
	    MHD_OPTION_HTTPS_MEM_KEY, (const char *)key->p,
	    MHD_OPTION_HTTPS_MEM_CERT, (const char *)cert->p,
	    MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
	    MHD_OPTION_CONNECTION_TIMEOUT, 30U, MHD_OPTION_END);
	if (d == NULL)
		return dca_fail(e, DCA_RULE_IO,
		    "cannot serve HTTPS on 127.0.0.1:%u; is it taken?", port);
	printf("STI-PA     %s/api/v1, user lab, participant LAB1, password in "
	    "%s/password, root %s/pa-root.pem\n           and the lines of "
	    "%s/participants: %u\n"
	    "STI-CA     %s/acme/directory\nTLS        %s/tls-ca.pem\n"
	    "failures   words in %s/flaws\nready\n", l->base, l->dir, l->dir,
	    l->dir, l->n_people - 1, l->base, l->dir, l->dir);
	(void)fflush(stdout);
	(void)sigwait(&set, &sig);
	MHD_stop_daemon(d);
	return DCA_OK;
}

int
lab_serve(int argc, char **argv, void *arg)
{
	struct lab *l = dca_alloc(sizeof(*l));
	DCA_AUTO_OUT key = { .secret = true };
	DCA_AUTO_OUT cert = { 0 };
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *ca_key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *ca = NULL;
	struct dca_err e = { 0 };
	long port = 0;
	enum dca_rc rc;

	(void)argc;
	(void)arg;
	memset(l, 0, sizeof(*l));
	l->dir = argv[0];
	if ((rc = lab_read_ca(l->dir, "intermediate", &ca_key, &ca, &e)) ==
	    DCA_OK && (rc = lab_open(l, &port, &e)) == DCA_OK &&
	    (rc = tls_files(l, &key, &cert, &e)) == DCA_OK)
		rc = listen_and_wait(l, (uint16_t)port, &key, &cert, &e);
	lab_close(l);
	if (rc != DCA_OK)
		fprintf(stderr, "dca-sandbox: %s\n", e.text);
	return dca_exit_code(rc);
}
