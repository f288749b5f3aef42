/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab STI-PA's CRL: indirect (RFC 5280 5.2.5, 5.3.3), because it is not
 * the CAs that sign it, made by OpenSSL from DIR/revoked, one line each:
 * serial in hex, reason, time, issuer's name as DER in hex.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "dca-sandbox-lab.h"
#include "dca/os.h"

enum { REVOKED_MAX = 4 * 1024 * 1024, NAME_HEX = 2048 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
revoked_path(char path[static 4096], const char *dir)
{
	dca_path(path, NULL, "%s/revoked", dir);
}

static void
serial_of(X509 *x, char hex[static 2 * DCA_SERIAL_LEN + 1])
{
	const ASN1_INTEGER *n = X509_get0_serialNumber(x);

	must(ASN1_STRING_length(n) <= DCA_SERIAL_LEN);
	dca_hex(hex, ASN1_STRING_get0_data(n),
	    (size_t)ASN1_STRING_length(n));
}

bool
lab_is_revoked(const char *dir, X509 *x)
{
	char path[4096], hex[2 * DCA_SERIAL_LEN + 1];
	DCA_AUTO_OUT in = { 0 };

	serial_of(x, hex);
	revoked_path(path, dir);
	dca_out_add(&in, "", 0);
	return dca_file_read(&in, path, REVOKED_MAX, NULL) == DCA_OK &&
	    strstr((const char *)in.p, hex) != NULL;
}

enum dca_rc
lab_revoke(const char *dir, X509 *x, int reason, struct dca_err *e)
{
	char path[4096], hex[2 * DCA_SERIAL_LEN + 1], name_hex[NAME_HEX];
	unsigned char *name = NULL;
	DCA_AUTO_OUT all = { 0 };
	int n = i2d_X509_NAME(X509_get_issuer_name(x), &name);

	must(n > 0);
	if (2 * n + 1 > NAME_HEX) {
		OPENSSL_free(name);
		return dca_fail(e, DCA_RULE_INPUT, "issuer name too long");
	}
	dca_hex(name_hex, name, (size_t)n);
	OPENSSL_free(name);
	serial_of(x, hex);
	revoked_path(path, dir);
	if (dca_file_read(&all, path, REVOKED_MAX, NULL) != DCA_OK)
		all.n = 0;	/* the first one */
	dca_out_printf(&all, "%s %d %lld %s\n", hex, reason,
	    (long long)dca_now(), name_hex);
	return dca_file_write(path, dca_out_buf(&all), 0644, e);
}

X509_NAME *
lab_crl_issuer(void)
{
	return lab_name("US", "STI-PA", "STI-PA CRL");
}

static void
set_serial(X509_REVOKED *r, const char *hex)
{
	BIGNUM *bn = NULL;
	ASN1_INTEGER *n;

	must(BN_hex2bn(&bn, hex) > 0);
	n = BN_to_ASN1_INTEGER(bn, NULL);
	must(n != NULL && X509_REVOKED_set_serialNumber(r, n) == 1);
	ASN1_INTEGER_free(n);
	BN_free(bn);
}

static void
set_issuer(X509_REVOKED *r, const char *hex)
{
	uint8_t der[NAME_HEX / 2];
	const unsigned char *p = der;
	const size_t n = strlen(hex) / 2;
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *g = GENERAL_NAME_new();
	X509_NAME *name;

	must(names != NULL && g != NULL && dca_unhex(der, n, hex));
	name = d2i_X509_NAME(NULL, &p, (long)n);
	must(name != NULL);
	GENERAL_NAME_set0_value(g, GEN_DIRNAME, name);
	must(sk_GENERAL_NAME_push(names, g) > 0 &&
	    X509_REVOKED_add1_ext_i2d(r, NID_certificate_issuer, names, 1,
	    0) == 1);
	GENERAL_NAMES_free(names);
}

/* The word up to the next space; *at moves past that. Nobody else writes this
 * file: a line is whole, or the lab stops. */
static const char *
word(char **at)
{
	const char *w = strsep(at, " ");

	must(w != NULL && *w != '\0');
	return w;
}

static void
add_entry(X509_CRL *crl, char *line)
{
	const char *serial = word(&line);
	const long reason = strtol(word(&line), NULL, 10);
	const long long when = strtoll(word(&line), NULL, 10);
	const char *issuer = word(&line);
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *t;

	must(r != NULL && strlen(issuer) < NAME_HEX);
	t = ASN1_TIME_set(NULL, (time_t)when);
	must(t != NULL && X509_REVOKED_set_revocationDate(r, t) == 1);
	ASN1_TIME_free(t);
	set_serial(r, serial);
	if (reason != 0) {	/* unspecified is left out (RFC 5280 5.3.1) */
		ASN1_ENUMERATED *v = ASN1_ENUMERATED_new();

		must(v != NULL && ASN1_ENUMERATED_set(v, reason) == 1 &&
		    X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, v, 0, 0) ==
		    1);
		ASN1_ENUMERATED_free(v);
	}
	set_issuer(r, issuer);
	must(X509_CRL_add0_revoked(crl, r) == 1);
}

/* AKI, CRL number, and the IDP that makes it indirect, critical. */
static void
add_extensions(struct lab *l, X509_CRL *crl, int64_t now)
{
	ISSUING_DIST_POINT *idp = ISSUING_DIST_POINT_new();
	AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();

	must(idp != NULL && aki != NULL && number != NULL &&
	    ASN1_INTEGER_set_int64(number, now) == 1);
	idp->indirectCRL = 0xff;
	aki->keyid = ASN1_OCTET_STRING_dup(
	    X509_get0_subject_key_id(l->crl_cert));
	must(aki->keyid != NULL &&
	    X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, aki, 0,
	    0) == 1 &&
	    X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1 &&
	    X509_CRL_add1_ext_i2d(crl, NID_issuing_distribution_point, idp, 1,
	    0) == 1);
	ISSUING_DIST_POINT_free(idp);
	AUTHORITY_KEYID_free(aki);
	ASN1_INTEGER_free(number);
}

void
lab_crl(struct lab *l, struct dca_out *der)
{
	const int64_t now = dca_now();
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)(now - 60));
	ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)(now + LAB_DAY));
	X509_NAME *issuer = lab_crl_issuer();
	DCA_AUTO_OUT in = { 0 };
	char path[4096];
	unsigned char *out = NULL;
	int n;

	must(crl != NULL && t != NULL && next != NULL &&
	    X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
	    X509_CRL_set_issuer_name(crl, issuer) == 1 &&
	    X509_CRL_set1_lastUpdate(crl, t) == 1 &&
	    X509_CRL_set1_nextUpdate(crl, next) == 1);
	revoked_path(path, l->dir);
	if (dca_file_read(&in, path, REVOKED_MAX, NULL) == DCA_OK && in.n > 0)
		for (char *line = strtok((char *)in.p, "\n"); line != NULL;
		    line = strtok(NULL, "\n"))
			add_entry(crl, line);
	add_extensions(l, crl, now);
	must(X509_CRL_sort(crl) == 1 &&
	    X509_CRL_sign(crl, l->crl_key, EVP_sha256()) > 0);
	n = i2d_X509_CRL(crl, &out);
	must(n > 0);
	dca_out_add(der, out, (size_t)n);
	OPENSSL_free(out);
	X509_NAME_free(issuer);
	ASN1_TIME_free(t);
	ASN1_TIME_free(next);
	X509_CRL_free(crl);
}
