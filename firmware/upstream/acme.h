/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACME (RFC 8555) as far as a TNAuthList order needs it (RFC 9447, 9448).
 * Blocking; one object per account. It keeps nothing durable: order.c does,
 * with the URLs it is told.
 */
#ifndef DCA_UPSTREAM_ACME_H
#define DCA_UPSTREAM_ACME_H

#include <openssl/evp.h>

#include "http.h"
#include "jose.h"
#include "quirks.h"

struct acme_config {
	const char *directory;		/* https URL */
	EVP_PKEY *key;			/* account key, P-256; borrowed */
	const char *account;		/* account URL when known, or "" */
	const char *eab_kid;		/* "": none */
	struct dca_buf eab_key;		/* HS256 key */
	const char *vendor_kid;		/* quirk account-empty */
	const char *contact;		/* "mailto:..." or "" */
	const struct quirks *quirks;	/* borrowed */
};
struct acme;
/* Fetches the directory. UPSTREAM_HTTP, UPSTREAM_CA. http is borrowed. */
enum dca_rc acme_open(struct acme **out, struct http *http,
    const struct acme_config *c, struct dca_err *e) DCA_CHECKED;
void acme_close(struct acme *a);	/* NULL ok */

/* newAccount: the URL of this key's account, made or found (RFC 8555 7.3). */
enum dca_rc acme_account(struct acme *a, char url[static HTTP_URL_MAX],
    struct dca_err *e) DCA_CHECKED;

enum acme_status { ACME_PENDING, ACME_READY, ACME_PROCESSING, ACME_VALID,
	ACME_INVALID, ACME_GONE };
struct acme_order {
	enum acme_status status;
	char url[HTTP_URL_MAX], authorization[HTTP_URL_MAX];
	char finalize[HTTP_URL_MAX], certificate[HTTP_URL_MAX];
	char x5u[HTTP_URL_MAX];		/* RFC 9448 7, or "" */
	struct dca_err why;		/* invalid: what the server said */
	unsigned wait;			/* seconds it asked to wait */
};
/* type and value: "TNAuthList" and its text. not_after 0: not named. */
enum dca_rc acme_order_new(struct acme *a, const char *type,
    const char *value, int64_t not_after, struct acme_order *o,
    struct dca_err *e) DCA_CHECKED;
/* o->url is given. ACME_GONE: the server does not know it any more. */
enum dca_rc acme_order_get(struct acme *a, struct acme_order *o,
    struct dca_err *e) DCA_CHECKED;
/*
 * An order of this account for list that no CSR was handed in for, by the
 * account's list of orders (RFC 8555 7.1.2.1). OK with o->url "": there is
 * none, or the server keeps no such list.
 */
enum dca_rc acme_order_find(struct acme *a, struct dca_buf list,
    struct acme_order *o, struct dca_err *e) DCA_CHECKED;

struct acme_challenge {
	enum acme_status status;	/* of the authorization */
	char url[HTTP_URL_MAX];		/* of the tkauth-01 challenge; "" */
	enum acme_status answered;	/* of the challenge */
	struct dca_err why;
	unsigned wait;
};
/* value: what the identifier must be (any base64 of the same DER). */
enum dca_rc acme_authorization(struct acme *a, const char *url,
    struct dca_buf list, struct acme_challenge *c, struct dca_err *e)
    DCA_CHECKED;
/* Answers with the SPC token, "tkauth" or "atc" as the quirks say. */
enum dca_rc acme_answer(struct acme *a, const char *url, const char *token,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc acme_finalize(struct acme *a, struct acme_order *o,
    struct dca_buf csr, struct dca_err *e) DCA_CHECKED;
/* PEM as it came. */
enum dca_rc acme_download(struct acme *a, const char *url,
    struct dca_out *pem, struct dca_err *e) DCA_CHECKED;

/* RFC 8555 7.3.5: on DCA_OK the account has the new key, and a uses it. */
enum dca_rc acme_key_change(struct acme *a, EVP_PKEY *key, struct dca_err *e)
    DCA_CHECKED;
/* Has the account this key? Then a uses it from now on. */
enum dca_rc acme_has_key(struct acme *a, EVP_PKEY *key, bool *has,
    struct dca_err *e) DCA_CHECKED;
/* RFC 8555 7.6, with the account's key. alreadyRevoked is DCA_OK. */
enum dca_rc acme_revoke(struct acme *a, struct dca_buf cert, int reason,
    struct dca_err *e) DCA_CHECKED;

/* A problem document, or what stands in its place, in one sentence: e gets
 * rule and "the STI-CA says: unauthorized: ..." (RFC 8555 6.7, RFC 9457). */
enum dca_rc acme_problem(const char *who, enum dca_rule rule,
    const struct http_answer *a, struct dca_err *e);

#endif
