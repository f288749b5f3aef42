/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, certificates and requests for tests. Certificates are made with
 * OpenSSL's API and not with ours, so that what is tested has an opposite.
 */
#include "lab.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "dca/tnauthlist.h"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

EVP_PKEY *
lab_key(void)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");

	must(k != NULL);
	return k;
}

struct dca_spki
lab_spki(EVP_PKEY *key)
{
	struct dca_spki k;

	must(dca_spki_from_pkey(&k, key, NULL) == DCA_OK);
	return k;
}

struct dca_tnset *
lab_set(const char *text)
{
	struct dca_tnset *s = dca_tnset_new();

	must(dca_tnset_parse(s, text, NULL) == DCA_OK);
	return s;
}

void
lab_sign(struct dca_out *sig, EVP_PKEY *key, struct dca_buf body)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t buf[128];
	size_t n = sizeof(buf);

	must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
	must(EVP_DigestSign(ctx, buf, &n, body.p, body.n) == 1);
	EVP_MD_CTX_free(ctx);
	dca_out_add(sig, buf, n);
}

static void
add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(e && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static void
add_raw(X509 *x, const char *oid, struct dca_buf der)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *os = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	must(ASN1_OCTET_STRING_set(os, der.p, (int)der.n) == 1);
	e = X509_EXTENSION_create_by_OBJ(NULL, obj, 0, os);
	must(e && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(os);
	ASN1_OBJECT_free(obj);
}

static void
set_names(X509 *x, X509 *issuer, const char *cn)
{
	X509_NAME *n = X509_NAME_new();

	must(X509_NAME_add_entry_by_txt(n, "C", MBSTRING_UTF8,
	    (const uint8_t *)"US", -1, -1, 0) == 1);
	must(X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8,
	    (const uint8_t *)"Lab", -1, -1, 0) == 1);
	must(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
	    (const uint8_t *)cn, -1, -1, 0) == 1);
	must(X509_set_subject_name(x, n) == 1);
	must(X509_set_issuer_name(x,
	    issuer == x ? n : X509_get_subject_name(issuer)) == 1);
	X509_NAME_free(n);
}

static void
set_body(X509 *x, const struct lab_cert *c)
{
	const uint8_t *p = c->key->der;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, sizeof(c->key->der));
	uint8_t serial[16];
	BIGNUM *bn;

	must(key != NULL);
	for (size_t i = 0; i < sizeof(serial); i++)
		serial[i] = (uint8_t)(c->key->der[40 + i] | 1);
	serial[0] &= 0x7f;
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	must(BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL);
	BN_free(bn);
	must(X509_set_version(x, 2) == 1 && X509_set_pubkey(x, key) == 1);
	must(ASN1_TIME_set(X509_getm_notBefore(x), c->not_before) != NULL);
	must(ASN1_TIME_set(X509_getm_notAfter(x), c->not_after) != NULL);
	EVP_PKEY_free(key);
}

static void
add_list(X509 *x, const char *oid, const char *numbers)
{
	struct dca_tnset *s;
	struct dca_out list = { 0 };

	if (!numbers)
		return;
	s = lab_set(numbers);
	dca_tnauthlist_encode(&list, s);
	add_raw(x, oid, dca_out_buf(&list));
	dca_out_free(&list);
	dca_tnset_free(s);
}

void
lab_cert(struct dca_out *der, const struct lab_cert *c)
{
	/* { { 2.16.840.1.114569.1.1.4 } }: the SHAKEN policy */
	static const uint8_t policies[] = { 0x30, 0x0e, 0x30, 0x0c, 0x06, 0x0a,
		0x60, 0x86, 0x48, 0x01, 0x86, 0xff, 0x09, 0x01, 0x01, 0x04 };
	/* { { fullName { http://pa.example/crl }, cRLIssuer { C=US } } } */
	static const uint8_t crl[] = "\x30\x30\x30\x2e\xa0\x19\xa0\x17"
	    "\x86\x15http://pa.example/crl\xa2\x11\xa4\x0f\x30\x0d\x31\x0b"
	    "\x30\x09\x06\x03\x55\x04\x06\x13\x02US";
	X509 *x = X509_new(), *issuer = x;
	uint8_t *out = NULL;
	int n;

	if (c->issuer) {
		const uint8_t *p = c->issuer->p;

		issuer = d2i_X509(NULL, &p, (long)c->issuer->n);
	}
	must(x && issuer);
	set_body(x, c);
	set_names(x, issuer, c->cn);
	add_ext(x, issuer, NID_basic_constraints,
	    c->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_ext(x, issuer, NID_key_usage,
	    c->ca ? "critical,keyCertSign" : "critical,digitalSignature");
	add_ext(x, issuer, NID_subject_key_identifier, "hash");
	if (issuer != x)
		add_ext(x, issuer, NID_authority_key_identifier, "keyid");
	add_raw(x, "2.5.29.32", DCA_BUF(policies, sizeof(policies)));
	if (issuer != x)
		add_raw(x, "2.5.29.31", DCA_BUF(crl, sizeof(crl) - 1));
	add_list(x, "1.3.6.1.5.5.7.1.26", c->numbers);
	add_list(x, LAB_LIMIT, c->limit);
	if (c->names)
		add_raw(x, "2.5.29.30", DCA_BUF(c->names, c->names_n));
	must(X509_sign(x, c->issuer_key, EVP_sha256()) > 0);
	n = i2d_X509(x, &out);
	must(n > 0);
	dca_out_add(der, out, (size_t)n);
	OPENSSL_free(out);
	if (issuer != x)
		X509_free(issuer);
	X509_free(x);
}

void
lab_csr_signed_by(struct dca_out *der, EVP_PKEY *key, EVP_PKEY *by,
    const char *numbers, const char *password)
{
	struct dca_tnset *s = numbers ? lab_set(numbers) : NULL;
	struct dca_csr_spec spec = { .key = lab_spki(key), .numbers = s,
		.password = password };
	struct dca_out name = { 0 }, info = { 0 }, sig = { 0 };

	must(dca_name_encode(&name, NULL, NULL, "x", NULL) == DCA_OK);
	spec.subject = dca_out_buf(&name);
	dca_csr_build(&info, &spec);
	lab_sign(&sig, by, dca_out_buf(&info));
	dca_signed_encode(der, dca_out_buf(&info), dca_out_buf(&sig));
	dca_out_free(&name);
	dca_out_free(&info);
	dca_out_free(&sig);
	dca_tnset_free(s);
}

void
lab_csr(struct dca_out *der, EVP_PKEY *key, const char *numbers,
    const char *password)
{
	lab_csr_signed_by(der, key, key, numbers, password);
}
