/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies beside the image: SHA256SUMS, its detached CMS signature, the
 * block map. Each is read once; nothing is made of its octets before they
 * are known to be those that were signed.
 */
#include "dca-flash.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "people.h"

enum { SUMS_MAX = 1 << 20, SIGNATURE_MAX = 256 * 1024, KEYRING_MAX = 1 << 20 };
#define SUMS "SHA256SUMS"
#define SIGNATURE "SHA256SUMS.sig"
#define PACKED ".img.zst"

DCA_DEFINE_CLEANUP(BIO, BIO_free_all);
DCA_DEFINE_CLEANUP(X509_STORE, X509_STORE_free);
DCA_DEFINE_CLEANUP(CMS_ContentInfo, CMS_ContentInfo_free);
static void
free_certificates(STACK_OF(X509) **s)
{
	sk_X509_pop_free(*s, X509_free);
}
static void
free_list(STACK_OF(X509) **s)	/* its certificates are borrowed */
{
	sk_X509_free(*s);
}

/* The reason OpenSSL wrote down last, with its details. */
static enum dca_rc
crypto_fail(struct dca_err *e, const char *what)
{
	const char *data = "", *reason = NULL;
	unsigned long code;
	int flags = 0;

	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0)
		reason = ERR_reason_error_string(code);
	return dca_fail(e, DCA_RULE_FLASH_SIGNATURE, "%.150s: %s%s%.100s", what,
	    reason != NULL ? reason : "not readable",
	    (flags & ERR_TXT_STRING) && *data ? ": " : "",
	    flags & ERR_TXT_STRING ? data : "");
}

/* A file of the release: that it is missing is a refusal. */
static enum dca_rc
read_beside(const struct release *r, const char *name, size_t max,
    struct dca_out *out, struct dca_err *e)
{
	char path[PATH_MAX];

	dca_path(path, r->folder, "%s", name);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return dca_fail(e, DCA_RULE_FLASH_SIGNATURE,
		    "%.200s is missing: it lies beside the image", path);
	return dca_file_read(out, path, max, e);
}

/* All certificates of the keyring: trusted, and known as signers when the
 * signature does not carry its own. */
static enum dca_rc
read_keyring(X509_STORE *store, STACK_OF(X509) *known, const char *path,
    struct dca_err *e)
{
	DCA_CLEANUP(BIO_free_all_p) BIO *in = NULL;
	DCA_AUTO_OUT pem = { 0 };
	enum dca_rc rc = dca_file_read(&pem, path, KEYRING_MAX, e);
	X509 *cert;

	if (rc != DCA_OK)
		return dca_fail_in(e, "keyring");
	in = BIO_new_mem_buf(pem.p, (int)pem.n);
	if (in == NULL)
		abort();
	while ((cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
		if (!X509_STORE_add_cert(store, cert) ||
		    !sk_X509_push(known, cert))
			abort();
	ERR_clear_error();	/* the end of the file is an error */
	if (sk_X509_num(known) == 0)
		return dca_fail(e, DCA_RULE_FLASH_SIGNATURE,
		    "keyring %.200s: no PEM certificate in it", path);
	return DCA_OK;
}

/* A certificate made for something else signs no release, whoever issued it. */
static enum dca_rc
check_signer(struct release *r, X509 *cert, struct dca_err *e)
{
	DCA_CLEANUP(BIO_free_all_p) BIO *out = BIO_new(BIO_s_mem());
	const uint32_t eku = X509_get_extended_key_usage(cert);
	char *name = NULL;
	long n;

	if (out == NULL || X509_NAME_print_ex(out,
	    X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) < 0)
		abort();
	n = BIO_get_mem_data(out, &name);
	if (r->signer.n > 0)
		dca_out_printf(&r->signer, " and ");
	if (n > 0)
		dca_show_text(&r->signer, DCA_BUF(name, (size_t)n));
	else
		dca_out_printf(&r->signer, "a certificate without subject");
	/* both are all ones when the extension is absent */
	if ((X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE) == 0)
		return dca_fail(e, DCA_RULE_FLASH_SIGNATURE, "the certificate "
		    "of %.200s is not for signatures", (char *)r->signer.p);
	if ((eku & (XKU_CODE_SIGN | XKU_ANYEKU)) == 0)
		return dca_fail(e, DCA_RULE_FLASH_SIGNATURE, "the certificate "
		    "of %.200s is not for code signing", (char *)r->signer.p);
	return DCA_OK;
}

static enum dca_rc
check_signers(struct release *r, CMS_ContentInfo *cms, struct dca_err *e)
{
	DCA_CLEANUP(free_list) STACK_OF(X509) *signers = CMS_get0_signers(cms);
	enum dca_rc rc = DCA_OK;

	for (int i = 0; i < sk_X509_num(signers) && rc == DCA_OK; i++)
		rc = check_signer(r, sk_X509_value(signers, i), e);
	return rc;
}

/* RFC 5652 5.6: every signature must verify, and every signer's certificate
 * lead to the keyring. */
static enum dca_rc
verify(struct release *r, struct dca_buf der, const char *keyring,
    struct dca_err *e)
{
	DCA_CLEANUP(X509_STORE_free_p) X509_STORE *store = X509_STORE_new();
	DCA_CLEANUP(free_certificates) STACK_OF(X509) *known =
	    sk_X509_new_null();
	DCA_CLEANUP(BIO_free_all_p) BIO *data =
	    BIO_new_mem_buf(r->sums.p, (int)r->sums.n);
	DCA_CLEANUP(CMS_ContentInfo_free_p) CMS_ContentInfo *cms = NULL;
	const uint8_t *p = der.p;
	enum dca_rc rc;

	if (store == NULL || known == NULL || data == NULL)
		abort();
	rc = read_keyring(store, known, keyring, e);
	if (rc != DCA_OK)
		return rc;
	/* a signer's own certificate may be what is trusted; what it is for
	 * check_signer looks at */
	(void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	(void)X509_STORE_set_purpose(store, X509_PURPOSE_ANY);
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
	if (cms == NULL || p != der.p + der.n)
		return crypto_fail(e, SIGNATURE " is not one CMS message, DER");
	if (CMS_verify(cms, known, store, data, NULL, CMS_BINARY) != 1)
		return crypto_fail(e, SIGNATURE " over " SUMS);
	return check_signers(r, cms, e);
}

/* folder, with its slash, and the name behind it */
static enum dca_rc
split(struct release *r, const char *image, struct dca_err *e)
{
	const size_t n = strlen(image), k = strlen(PACKED);
	char *slash;

	if (!dca_strlcpy(r->image, image, sizeof(r->image)) ||
	    !dca_strlcpy(r->folder, image, sizeof(r->folder)) ||
	    n + sizeof(SIGNATURE) >= PATH_MAX)
		return dca_fail(e, DCA_RULE_FLASH_IMAGE, "name too long");
	slash = strrchr(r->folder, '/');
	if (slash == NULL)
		(void)dca_strlcpy(r->folder, "./", sizeof(r->folder));
	else
		slash[1] = '\0';
	if (n <= k || strcmp(image + n - k, PACKED) != 0)
		return dca_fail(e, DCA_RULE_FLASH_IMAGE,
		    "%.200s: its name does not end in " PACKED, image);
	return DCA_OK;
}

enum dca_rc
release_open(struct release *r, const char *image, const char *keyring,
    struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };
	enum dca_rc rc;

	memset(r, 0, sizeof(*r));
	if ((rc = split(r, image, e)) ||
	    (rc = read_beside(r, SUMS, SUMS_MAX, &r->sums, e)) ||
	    (rc = read_beside(r, SIGNATURE, SIGNATURE_MAX, &der, e)) ||
	    (rc = verify(r, dca_out_buf(&der), keyring, e)))
		release_clear(r);
	return rc;
}

void
release_clear(struct release *r)
{
	dca_out_free(&r->sums);
	dca_out_free(&r->signer);
}

/* --- SHA256SUMS, as sha256sum writes it: "<hex>  name" or "<hex> *name" --- */

enum { HEX = 2 * DCA_SHA256_LEN };

static bool
is_name(const char *line, size_t n, const char *name)
{
	return n == HEX + 2 + strlen(name) && line[HEX] == ' ' &&
	    (line[HEX + 1] == ' ' || line[HEX + 1] == '*') &&
	    memcmp(line + HEX + 2, name, strlen(name)) == 0;
}

enum dca_rc
release_sum(const struct release *r, const char *name,
    uint8_t sum[static DCA_SHA256_LEN], struct dca_err *e)
{
	const char *p = (const char *)r->sums.p;
	const char *end = p + r->sums.n;
	unsigned found = 0;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const size_t n = (size_t)((nl != NULL ? nl : end) - p);
		char hex[HEX + 1];

		if (is_name(p, n, name)) {
			memcpy(hex, p, HEX);
			hex[HEX] = '\0';
			if (!dca_unhex(sum, DCA_SHA256_LEN, hex))
				return dca_fail(e, DCA_RULE_FLASH_SUM,
				    SUMS ": the sum of %.150s is not 64 hex "
				    "digits", name);
			found++;
		}
		p += n + 1;
	}
	if (found != 1)
		return dca_fail(e, DCA_RULE_FLASH_SUM, "%.150s stands %s in "
		    SUMS, name, found ? "more than once" : "nowhere");
	return DCA_OK;
}

enum dca_rc
release_map(const struct release *r, struct bmap *m, bool *found,
    struct dca_err *e)
{
	uint8_t want[DCA_SHA256_LEN], got[DCA_SHA256_LEN];
	DCA_AUTO_OUT xml = { 0 };
	char path[PATH_MAX];
	const char *name;
	enum dca_rc rc;

	dca_path(path, NULL, "%.*s.bmap",
	    (int)(strlen(r->image) - strlen(".zst")), r->image);
	*found = access(path, F_OK) == 0 || errno != ENOENT;
	if (!*found)
		return DCA_OK;
	name = strrchr(path, '/');
	name = name == NULL ? path : name + 1;
	if ((rc = release_sum(r, name, want, e)) ||
	    (rc = dca_file_read(&xml, path, BMAP_MAX, e)))
		return rc;
	dca_sha256(got, dca_out_buf(&xml));
	if (memcmp(got, want, sizeof(got)) != 0)
		return dca_fail(e, DCA_RULE_FLASH_SUM,
		    "%.200s: its SHA-256 is not that of " SUMS, path);
	rc = bmap_parse(m, dca_out_buf(&xml), e);
	return rc == DCA_OK ? rc : dca_fail_in(e, name);
}
