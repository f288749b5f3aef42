/* SPDX-License-Identifier: Apache-2.0 */
/* CRLs for tests, made by OpenSSL. Any failure here aborts. */
#include "lab-crl.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static X509_EXTENSION *
extension(const char *oid, const char *hex, bool critical)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *os = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;
	size_t n;
	uint8_t *p = lab_unhex(hex, &n);

	must(obj != NULL && os != NULL &&
	    ASN1_OCTET_STRING_set(os, p, (int)n) == 1);
	ext = X509_EXTENSION_create_by_OBJ(NULL, obj, critical, os);
	must(ext != NULL);
	ASN1_OCTET_STRING_free(os);
	ASN1_OBJECT_free(obj);
	free(p);
	return ext;
}

static void
add(X509_CRL *c, const char *oid, const char *hex, bool critical)
{
	X509_EXTENSION *ext = extension(oid, hex, critical);

	must(X509_CRL_add_ext(c, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void
add_entry(X509_CRL *c, const struct lab_revoked *s)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_adj(NULL, LAB_NOW - 3600, 0, 0);
	ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	X509_EXTENSION *ext;

	must(r != NULL && when != NULL && reason != NULL && names != NULL &&
	    name != NULL);
	must(X509_REVOKED_set_serialNumber(r,
	    X509_get_serialNumber(s->cert->x)) == 1 &&
	    X509_REVOKED_set_revocationDate(r, when) == 1);
	if (s->reason > 0) {
		must(ASN1_ENUMERATED_set(reason, s->reason - 1) == 1);
		must(X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 0,
		    0) == 1);
	}
	name->type = GEN_DIRNAME;
	name->d.directoryName =
	    X509_NAME_dup(X509_get_issuer_name(s->cert->x));
	must(name->d.directoryName != NULL &&
	    sk_GENERAL_NAME_push(names, name) > 0);
	if (s->issuer)
		must(X509_REVOKED_add1_ext_i2d(r, NID_certificate_issuer,
		    names, !s->issuer_not_critical, 0) == 1);
	if (s->more.oid != NULL) {
		ext = extension(s->more.oid, s->more.hex, s->more.critical);
		must(X509_REVOKED_add_ext(r, ext, -1) == 1);
		X509_EXTENSION_free(ext);
	}
	must(X509_CRL_add0_revoked(c, r) == 1);
	GENERAL_NAMES_free(names);
	ASN1_ENUMERATED_free(reason);
	ASN1_TIME_free(when);
}

static void
set_times(X509_CRL *c, const struct lab_crl_spec *s)
{
	ASN1_TIME *t = ASN1_TIME_adj(NULL, s->this_update != 0 ?
	    s->this_update : LAB_NOW - 86400, 0, 0);

	must(t != NULL && X509_CRL_set1_lastUpdate(c, t) == 1);
	ASN1_TIME_free(t);
	if (s->next_update < 0)
		return;
	t = ASN1_TIME_adj(NULL, s->next_update != 0 ? s->next_update :
	    LAB_NOW + 86400, 0, 0);
	must(t != NULL && X509_CRL_set1_nextUpdate(c, t) == 1);
	ASN1_TIME_free(t);
}

static void
add_extensions(X509_CRL *c, const struct lab_crl_spec *s)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(s->signer->x);
	char aki[2 * 24 + 1] = "30168014";

	if (s->v1)
		return;
	if (!s->no_aki && id != NULL) {
		dca_hex(aki + 8, ASN1_STRING_get0_data(id), 20);
		add(c, "2.5.29.35", aki, false);
	}
	if (!s->no_number)
		add(c, "2.5.29.20", "020107", false);
	if (s->idp != NULL)
		add(c, "2.5.29.28", s->idp, !s->idp_not_critical);
	if (s->more.oid != NULL)
		add(c, s->more.oid, s->more.hex, s->more.critical);
}

/* What OpenSSL does not write: signed here. */
static void
change(struct dca_out *der, X509_CRL *c, const struct lab_crl_spec *s)
{
	unsigned char *tbs = NULL, *at;
	const int n = i2d_re_X509_CRL_tbs(c, &tbs);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[80], *from, *to;
	size_t sig_n = sizeof(sig), from_n, to_n;

	must(n > 0 && ctx != NULL);
	from = lab_unhex(s->from, &from_n);
	to = lab_unhex(s->to, &to_n);
	at = memmem(tbs, (size_t)n, from, from_n);
	must(at != NULL && from_n == to_n);
	memcpy(at, to, to_n);
	must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
	    s->signer->key) == 1 &&
	    EVP_DigestSign(ctx, sig, &sig_n, tbs, (size_t)n) == 1);
	dca_signed_encode(der, DCA_BUF(tbs, (size_t)n), DCA_BUF(sig, sig_n));
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(tbs);
	free(from);
	free(to);
}

void
lab_crl(struct dca_out *der, const struct lab_crl_spec *s)
{
	X509_CRL *c = X509_CRL_new();
	unsigned char *p = NULL;
	size_t i;
	int n;

	must(c != NULL && X509_CRL_set_version(c, s->v1 ? 0 : 1) == 1);
	must(X509_CRL_set_issuer_name(c, X509_get_subject_name(
	    s->name_of != NULL ? s->name_of->x : s->signer->x)) == 1);
	set_times(c, s);
	for (i = 0; i < 4 && s->revoked[i].cert != NULL; i++)
		add_entry(c, &s->revoked[i]);
	add_extensions(c, s);
	must(X509_CRL_sign(c, s->signer->key, EVP_get_digestbyname(
	    s->md != NULL ? s->md : "SHA256")) > 0);
	n = i2d_X509_CRL(c, &p);
	must(n > 0);
	if (s->broken_signature)
		p[n - 1] ^= 1;
	if (s->from != NULL)
		change(der, c, s);
	else
		dca_out_add(der, p, (size_t)n);
	OPENSSL_free(p);
	X509_CRL_free(c);
}

char *
lab_crldp(const struct lab *crl_issuer)
{
	unsigned char *name = NULL;
	int n = i2d_X509_NAME(X509_get_subject_name(crl_issuer->x), &name);
	uint8_t head[8] = { 0x30, 0, 0x30, 0, 0xa2, 0, 0xa4, 0 };
	char *hex;
	int i;

	must(n > 0 && n + 6 < 0x80);
	for (i = 0; i < 4; i++)
		head[2 * i + 1] = (uint8_t)(n + 6 - 2 * i);
	hex = malloc(2 * (sizeof(head) + (size_t)n) + 1);
	must(hex != NULL);
	dca_hex(hex, head, sizeof(head));
	dca_hex(hex + 2 * sizeof(head), name, (size_t)n);
	OPENSSL_free(name);
	return hex;
}
