/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our ACME client against a server that others wrote, as far as that one
 * knows: directory, nonces, account with external binding, order, finalize,
 * download, keyChange, revokeCert. What it does not know is TNAuthList: so
 * this program alone orders a dns name, answers its challenge with "{}", and
 * shows that the client refuses the authorization of any other identifier
 * than a TNAuthList.
 * usage: pebble DIRECTORY TLS-CA EAB-KID EAB-KEY   (EAB-KID "": none)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include "acme-parts.h"
#include "dca/cert.h"
#include "dca/os.h"

enum { POLLS = 60, SAN_MAX = 64 };

static const char name[] = "delegate.example.org";

static void
must(enum dca_rc rc, const char *what, const struct dca_err *e)
{
	if (rc != DCA_OK) {
		printf("NOT OK: %s: %s\n", what, e->text);
		exit(1);
	}
	printf("ok: %s\n", what);
}

static void
is(bool yes, const char *what)
{
	struct dca_err e = { .text = "it is not so" };

	must(yes ? DCA_OK : DCA_REFUSED, what, &e);
}

static EVP_PKEY *
new_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (key == NULL)
		abort();
	return key;
}

/* PKCS#10 for the name, by OpenSSL. */
static void
make_csr(struct dca_out *der)
{
	EVP_PKEY *key = new_key();
	X509_REQ *q = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	char san[SAN_MAX];
	unsigned char *p = NULL;
	X509_EXTENSION *x;
	int n;

	(void)snprintf(san, sizeof(san), "DNS:%s", name);
	x = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	if (q == NULL || exts == NULL || x == NULL ||
	    sk_X509_EXTENSION_push(exts, x) <= 0 ||
	    X509_REQ_set_version(q, 0) != 1 ||
	    X509_REQ_add_extensions(q, exts) != 1 ||
	    X509_REQ_set_pubkey(q, key) != 1 ||
	    X509_REQ_sign(q, key, EVP_sha256()) <= 0 ||
	    (n = i2d_X509_REQ(q, &p)) <= 0)
		abort();
	dca_out_add(der, p, (size_t)n);
	OPENSSL_free(p);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(q);
	EVP_PKEY_free(key);
}

/* --- the part that is not tkauth-01 --- */

static void
answer_dns(struct acme *a, const char *authorization)
{
	JOSE_AUTO *j = NULL;
	JOSE_AUTO *said = NULL;
	const json_t *challenge;
	struct http_answer r;
	struct dca_err e = { 0 };
	char url[HTTP_URL_MAX];

	must(acme_post_object(a, authorization, "", &j, &r, &e),
	    "the authorization is read (POST-as-GET)", &e);
	http_answer_clear(&r);
	challenge = json_array_get(json_object_get(j, "challenges"), 0);
	is(acme_url(url, challenge, "url"), "   it has a challenge");
	must(acme_post_object(a, url, "{}", &said, &r, &e),
	    "   which is answered", &e);
	http_answer_clear(&r);
}

static void
wait_for(struct acme *a, struct acme_order *o, enum acme_status s,
    const char *what)
{
	struct dca_err e = { 0 };
	enum dca_rc rc = DCA_OK;

	for (int i = 0; i < POLLS && rc == DCA_OK && o->status != s; i++) {
		if (i > 0)
			(void)sleep(1);
		rc = acme_order_get(a, o, &e);
	}
	must(rc, "the order is looked at", &e);
	is(o->status == s, what);
}

static void
order_and_revoke(struct acme *a)
{
	struct acme_challenge c;
	struct acme_order o;
	struct dca_err e = { 0 };
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT csr = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	size_t n;

	must(acme_order_new(a, "dns", name, 0, &o, &e), "newOrder", &e);
	is(acme_authorization(a, o.authorization, DCA_BUF(name,
	    strlen(name)), &c, &e) != DCA_OK &&
	    e.rule == DCA_RULE_UPSTREAM_CA &&
	    strstr(e.text, "another identifier") != NULL,
	    "   its authorization is for no TNAuthList: refused");
	answer_dns(a, o.authorization);
	wait_for(a, &o, ACME_READY, "   ready");
	make_csr(&csr);
	must(acme_finalize(a, &o, dca_out_buf(&csr), &e), "finalize", &e);
	wait_for(a, &o, ACME_VALID, "   valid");
	must(acme_download(a, o.certificate, &pem, &e),
	    "application/pem-certificate-chain is downloaded", &e);
	must(dca_certs_parse(&certs, dca_out_buf(&pem), 8, &e),
	    "   it holds certificates", &e);
	is(certs.n >= 2, "   leaf and issuer");
	must(acme_revoke(a, dca_out_buf(&certs.v[0].der), 4, &e),
	    "revokeCert", &e);
	must(acme_revoke(a, dca_out_buf(&certs.v[0].der), 4, &e),
	    "   again: alreadyRevoked is no failure", &e);
	dca_certs_clear(&certs);
	n = strlen(o.url);
	o.url[n] = '0';
	o.url[n + 1] = '\0';
	must(acme_order_get(a, &o, &e), "an order that does not exist", &e);
	is(o.status == ACME_GONE, "   is gone");
}

static void
change_key(struct acme *a, struct http *http, const struct acme_config *c,
    const char *account)
{
	EVP_PKEY *old = c->key, *key = new_key();
	struct acme_config later = *c;
	char url[HTTP_URL_MAX];
	struct acme *b;
	struct dca_err e = { 0 };

	must(acme_key_change(a, key, &e), "keyChange", &e);
	later.key = key;
	later.account = "";
	must(acme_open(&b, http, &later, &e), "   by the new key", &e);
	must(acme_account(b, url, &e), "   the account is found", &e);
	is(strcmp(url, account) == 0, "   and is the same");
	is(acme_key_change(b, key, &e) != DCA_OK &&
	    e.rule == DCA_RULE_UPSTREAM_CA,
	    "   a key that an account has already: refused");
	acme_close(b);
	later.key = old;
	later.account = account;
	must(acme_open(&b, http, &later, &e), "   by the old key", &e);
	{
		struct acme_order o;

		is(acme_order_new(b, "dns", name, 0, &o, &e) != DCA_OK &&
		    e.rule == DCA_RULE_UPSTREAM_CA,
		    "   nothing is to be had");
		printf("    %s\n", e.text);
	}
	acme_close(b);
	EVP_PKEY_free(key);
}

int
main(int argc, char **argv)
{
	static const struct quirks quirks = { 0 };
	struct http_config h = { .timeout = 10, .proxy = "" };
	struct acme_config c = { .account = "", .vendor_kid = "",
		.contact = "mailto:operator@example.org", .quirks = &quirks };
	struct dca_err e = { 0 };
	DCA_AUTO_OUT mac = { 0 };
	char url[HTTP_URL_MAX], again[HTTP_URL_MAX];
	struct http *http;
	struct acme *a;
	enum dca_rc rc;

	if (argc != 5) {
		fprintf(stderr, "usage: pebble DIRECTORY TLS-CA EAB-KID "
		    "EAB-KEY\n");
		return 2;
	}
	c.directory = argv[1];
	h.tls_ca = argv[2];
	c.eab_kid = argv[3];
	if (!dca_unb64url(&mac, argv[4], strlen(argv[4])))
		abort();
	c.eab_key = dca_out_buf(&mac);
	c.key = new_key();
	must(http_new(&http, &h, &e), "TLS by its CA", &e);
	must(acme_open(&a, http, &c, &e), "directory", &e);
	if ((rc = acme_account(a, url, &e)) != DCA_OK) {
		printf("refused: %s: %s\n", dca_problem(e.rule)->id, e.text);
	} else {
		printf("ok: newAccount\n");
		must(acme_account(a, again, &e), "   again", &e);
		is(strcmp(url, again) == 0, "   it is the same");
		order_and_revoke(a);
		change_key(a, http, &c, url);
	}
	acme_close(a);
	http_free(http);
	EVP_PKEY_free(c.key);
	return rc == DCA_OK ? 0 : 3;
}
