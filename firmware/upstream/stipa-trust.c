/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who signed for the STI-PA: the certificates at a JWS's x5u, fetched from the
 * STI-PA's own address and nowhere else, verified by OpenSSL up to a root that
 * the configuration names. Roots that are sent along are not believed.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "stipa-parts.h"

enum { SIGNER_MAX = 8, SIGNER_OCTETS = 64 * 1024 };

/* "https://host:port" of a URL: everything before the path. */
static size_t
origin(const char *url)
{
	return strlen("https://") + strcspn(url + strlen("https://"), "/?#");
}

/* Where a signed object points is the sender's choice; where we ask is ours. */
static enum dca_rc
check_origin(const struct stipa *s, const char *url, struct dca_err *e)
{
	const size_t n = origin(s->base);

	if (strncmp(url, "https://", 8) != 0 || origin(url) != n ||
	    strncmp(url, s->base, n) != 0 || strpbrk(url, "?#@ ") != NULL)
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "x5u \"%.120s\" is not an address of the STI-PA, %.*s",
		    url, (int)n, s->base);
	return DCA_OK;
}

static X509 *
x509_of(const struct dca_cert *c)
{
	const unsigned char *p = c->der.p;
	X509 *x = d2i_X509(NULL, &p, (long)c->der.n);

	if (x == NULL)
		abort();	/* it was parsed before */
	return x;
}

static X509_STORE *
store_of(const struct dca_certs *roots)
{
	X509_STORE *store = X509_STORE_new();

	if (store == NULL)
		abort();
	for (size_t i = 0; i < roots->n; i++) {
		X509 *x = x509_of(&roots->v[i]);

		if (X509_STORE_add_cert(store, x) != 1)
			abort();
		X509_free(x);
	}
	return store;
}

static STACK_OF(X509) *
untrusted_of(const struct dca_certs *certs)
{
	STACK_OF(X509) *v = sk_X509_new_null();

	if (v == NULL)
		abort();
	for (size_t i = 1; i < certs->n; i++)
		if (sk_X509_push(v, x509_of(&certs->v[i])) == 0)
			abort();
	return v;
}

enum dca_rc
stipa_path(const struct dca_certs *chain, const struct dca_certs *roots,
    int64_t when, struct dca_err *e)
{
	STACK_OF(X509) *more;
	X509_STORE_CTX *ctx;
	X509_STORE *store;
	X509 *leaf;
	enum dca_rc rc = DCA_OK;

	if (chain->n == 0)
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "the signer's address holds no certificate");
	store = store_of(roots);
	more = untrusted_of(chain);
	leaf = x509_of(&chain->v[0]);
	ctx = X509_STORE_CTX_new();
	if (ctx == NULL || X509_STORE_CTX_init(ctx, store, leaf, more) != 1)
		abort();
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx),
	    (time_t)when);
	if (X509_verify_cert(ctx) != 1)
		rc = dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "the signer's certificate does not lead to the STI-PA's "
		    "root: %s", X509_verify_cert_error_string(
		    X509_STORE_CTX_get_error(ctx)));
	ERR_clear_error();
	X509_STORE_CTX_free(ctx);
	X509_free(leaf);
	sk_X509_pop_free(more, X509_free);
	X509_STORE_free(store);
	return rc;
}

static enum dca_rc
fetch_signer(struct stipa *s, const char *url, struct dca_certs *chain,
    struct dca_err *e)
{
	struct http_request q = { .method = HTTP_GET, .url = url,
		.accept = "application/pkix-cert", .most = SIGNER_OCTETS };
	struct http_answer r;
	enum dca_rc rc;

	if ((rc = check_origin(s, url, e)) || (rc = http_do(s->http, &q, &r, e)))
		return rc;
	if (r.status != 200)
		rc = dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "%s answers HTTP status %ld", url, r.status);
	else
		rc = dca_certs_parse(chain, dca_out_buf(&r.body), SIGNER_MAX,
		    e);
	http_answer_clear(&r);
	return rc;
}

enum dca_rc
stipa_signer(struct stipa *s, const char *url, int64_t now,
    struct dca_certs *chain, struct dca_err *e)
{
	enum dca_rc rc = fetch_signer(s, url, chain, e);

	return rc ? rc : stipa_path(chain, s->roots, now, e);
}

/* No CRL configured: nothing is known. One that cannot be had, or is stale,
 * stops: it may be kept from us. */
static enum dca_rc
check_revoked(struct stipa *s, const struct dca_certs *chain, int64_t now,
    struct dca_err *e)
{
	struct dca_crl *crl = NULL;
	struct dca_err why = { 0 };
	enum dca_rc rc;

	if (s->crl[0] == '\0')
		return DCA_OK;
	rc = stipa_crl(s, s->crl, s->crl_signer, now, &crl, e);
	if (rc != DCA_OK) {
		(void)dca_fail_in(e, "CRL for the signer's certificate");
		return rc;
	}
	for (size_t i = 0; i < chain->n && rc == DCA_OK; i++)
		rc = dca_crl_lists(crl, &chain->v[i], now, &why);
	dca_crl_free(crl);
	return rc == DCA_OK ? DCA_OK :
	    dca_fail(e, DCA_RULE_UPSTREAM_TOKEN, "the signer's certificate: "
	    "%s (RFC 9448 6)", why.text);
}

enum dca_rc
stipa_signed(struct stipa *s, const struct jose *j, int64_t now,
    struct dca_err *e)
{
	struct dca_certs chain = { 0 };
	enum dca_rc rc;

	if (strcmp(jose_text(j, "alg"), "ES256") != 0)
		return dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "alg is \"%.20s\", not ES256 (RFC 9448 5)",
		    jose_text(j, "alg"));
	rc = stipa_signer(s, jose_text(j, "x5u"), now, &chain, e);
	if (rc == DCA_OK && (chain.n == 0 || !chain.v[0].p256 ||
	    !jose_verify(j, &chain.v[0].key)))
		rc = dca_fail(e, DCA_RULE_UPSTREAM_TOKEN,
		    "the signature does not verify by the certificate at x5u "
		    "(RFC 9448 6)");
	if (rc == DCA_OK)
		rc = check_revoked(s, &chain, now, e);
	dca_certs_clear(&chain);
	return rc;
}
