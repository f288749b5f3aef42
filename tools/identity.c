/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates of people and of the front: P-256 keys as PKCS#8 PEM
 * (0600) and certificates signed by their own key, which only carry the key
 * into a DTLS handshake. Never a CA key: those live in the token.
 */
#include "people.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PEM_MAX = 64 * 1024 };

EVP_PKEY *
dca_key_make(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		abort();
	return key;
}

/* What a memory BIO holds, written to a file. */
static enum dca_rc
write_bio(const char *path, BIO *bio, mode_t mode, struct dca_err *e)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	return dca_file_write(path, DCA_BUF(p, n), mode, e);
}

enum dca_rc
dca_key_write(const char *path, EVP_PKEY *key, struct dca_err *e)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	enum dca_rc rc;

	if (!bio ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL,
		NULL) != 1)
		abort();
	rc = write_bio(path, bio, 0600, e);
	BIO_free(bio);
	return rc;
}

enum dca_rc
dca_key_read(EVP_PKEY **key, const char *path, struct dca_err *e)
{
	DCA_AUTO_OUT pem = { .secret = true };
	struct dca_spki spki;
	enum dca_rc rc;
	BIO *bio;

	*key = NULL;
	rc = dca_file_read(&pem, path, PEM_MAX, e);
	if (rc != DCA_OK)
		return rc;
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	if (!bio)
		abort();
	/* The empty pass phrase: no prompt for an encrypted key. */
	*key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (char[]){ "" });
	BIO_free(bio);
	ERR_clear_error();
	if (!*key)
		return dca_fail(e, DCA_RULE_INPUT,
		    "%s: no private key as unencrypted PEM in it", path);
	rc = dca_spki_from_pkey(&spki, *key, e);
	if (rc != DCA_OK) {
		EVP_PKEY_free(*key);
		*key = NULL;
		return dca_fail_in(e, path);
	}
	return DCA_OK;
}

enum dca_rc
dca_key_keep(EVP_PKEY **key, const char *path, bool *made, struct dca_err *e)
{
	enum dca_rc rc;

	*made = false;
	if (access(path, F_OK) == 0)
		return dca_key_read(key, path, e);
	if (errno != ENOENT)
		return dca_fail(e, DCA_RULE_IO, "%s: %s", path,
		    strerror(errno));
	*key = dca_key_make();
	rc = dca_key_write(path, *key, e);
	if (rc != DCA_OK) {
		EVP_PKEY_free(*key);
		*key = NULL;
	}
	*made = rc == DCA_OK;
	return rc;
}

enum dca_rc
dca_public_read(struct dca_spki *out, const char *path, struct dca_err *e)
{
	DCA_AUTO_OUT pem = { .secret = true };
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *cert = NULL;
	enum dca_rc rc = dca_file_read(&pem, path, PEM_MAX, e);
	BIO *bio;

	if (rc != DCA_OK)
		return rc;
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	if (!bio)
		abort();
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (cert)
		key = X509_get_pubkey(cert);
	if (!key && BIO_reset(bio) == 1)
		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	if (!key && BIO_reset(bio) == 1)
		key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (char[]){ "" });
	BIO_free(bio);
	ERR_clear_error();
	if (!key)
		return dca_fail(e, DCA_RULE_INPUT,
		    "%s: neither a certificate nor a key as PEM", path);
	rc = dca_spki_from_pkey(out, key, e);
	return rc == DCA_OK ? DCA_OK : dca_fail_in(e, path);
}

static void
add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	/* value is a constant of ours: configuration strings of others never
	 * reach this. */
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext || X509_add_ext(cert, ext, -1) != 1)
		abort();
	X509_EXTENSION_free(ext);
}

/* An address as iPAddress, anything else as dNSName (RFC 5280 4.2.1.6). */
static void
add_host(X509 *cert, const char *host)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);
	ASN1_IA5STRING *dns = ASN1_IA5STRING_new();

	if (!names || !name || !dns ||
	    ASN1_STRING_set(dns, host, (int)strlen(host)) != 1)
		abort();
	if (ip) {
		GENERAL_NAME_set0_value(name, GEN_IPADD, ip);
		ASN1_IA5STRING_free(dns);
	} else {
		GENERAL_NAME_set0_value(name, GEN_DNS, dns);
	}
	if (sk_GENERAL_NAME_push(names, name) < 1 ||
	    X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) != 1)
		abort();
	GENERAL_NAMES_free(names);
	ERR_clear_error();
}

X509 *
dca_self_signed(EVP_PKEY *key, const char *name, const char *host)
{
	X509 *cert = X509_new();
	X509_NAME *subject;
	uint8_t serial[16];
	BIGNUM *bn;

	dca_random(serial, sizeof(serial));
	serial[0] = (serial[0] & 0x3f) | 0x40;
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	subject = cert ? X509_get_subject_name(cert) : NULL;
	/* Ten years: both sides know the key, the dates decide nothing. */
	if (!bn || !subject || X509_set_version(cert, X509_VERSION_3) != 1 ||
	    !BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) ||
	    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
		(const uint8_t *)name, (int)strnlen(name, 64), -1, 0) != 1 ||
	    X509_set_issuer_name(cert, subject) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -86400) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), 3652, 0, NULL) ||
	    X509_set_pubkey(cert, key) != 1)
		abort();
	BN_free(bn);
	add_extension(cert, NID_key_usage, "critical,digitalSignature");
	add_extension(cert, NID_subject_key_identifier, "hash");
	if (host)
		add_host(cert, host);
	if (X509_sign(cert, key, EVP_sha256()) <= 0)
		abort();
	return cert;
}

enum dca_rc
dca_cert_write(const char *path, X509 *cert, struct dca_err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum dca_rc rc;

	if (!bio || PEM_write_bio_X509(bio, cert) != 1)
		abort();
	rc = write_bio(path, bio, 0644, e);
	BIO_free(bio);
	return rc;
}

enum dca_rc
dca_cert_read(X509 **cert, const char *path, struct dca_err *e)
{
	DCA_AUTO_OUT pem = { 0 };
	enum dca_rc rc = dca_file_read(&pem, path, PEM_MAX, e);
	BIO *bio;

	*cert = NULL;
	if (rc != DCA_OK)
		return rc;
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	if (!bio)
		abort();
	*cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!*cert)
		return dca_fail(e, DCA_RULE_INPUT,
		    "%s: no certificate as PEM in it", path);
	return DCA_OK;
}

void
dca_key_sign(struct dca_out *sig, EVP_PKEY *key, struct dca_buf data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[128];
	size_t n = sizeof(der);

	if (!ctx ||
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, der, &n, data.p, data.n) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	dca_out_add(sig, der, n);
}
