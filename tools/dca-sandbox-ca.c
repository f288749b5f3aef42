/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab STI-CA: a root and an intermediate in a folder, which sign requests
 * for cross-certificates, rightly or with one named flaw. Its keys lie in
 * plain files: it must never be trusted by anything but a lab.
 */
#include "dca-sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "dca/os.h"

#define LAB_O "Lab STI-CA"
enum { SKEW = 300, ROOT_DAYS = 3650, BRIEF = 20 };

static const char *const flaws[] = {
	"none", "no-ca", "no-keycertsign", "wider", "narrower", "other-key",
	"no-list", "aki", "pathlen0", "expired", "loose-bc", "bad-list",
	"aki-above", "parent-list", "other-issuer", "aged", "brief",
};
enum { FLAWS = sizeof(flaws) / sizeof(flaws[0]) };

const char *
lab_flaw_name(enum lab_flaw f)
{
	return (size_t)f < FLAWS ? flaws[f] : NULL;
}

bool
lab_flaw_parse(enum lab_flaw *out, const char *name)
{
	for (size_t i = 0; i < FLAWS; i++)
		if (strcmp(flaws[i], name) == 0) {
			*out = (enum lab_flaw)i;
			return true;
		}
	return false;
}

/* --- files of the lab --- */

static enum dca_rc
write_key(const char *dir, const char *name, EVP_PKEY *key, struct dca_err *e)
{
	DCA_AUTO_OUT pem = { .secret = true };
	BIO *bio = BIO_new(BIO_s_mem());
	char path[4096];
	char *p;
	long n;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL,
	    NULL) != 1)
		abort();
	n = BIO_get_mem_data(bio, &p);
	dca_out_add(&pem, p, (size_t)n);
	BIO_free(bio);
	dca_path(path, NULL, "%s/%s.key", dir, name);
	return dca_file_write(path, dca_out_buf(&pem), 0600, e);
}

static enum dca_rc
write_cert(const char *dir, const char *name, X509 *x, struct dca_err *e)
{
	DCA_AUTO_OUT pem = { 0 };
	char path[4096];

	lab_cert_pem(&pem, x);
	dca_path(path, NULL, "%s/%s.pem", dir, name);
	return dca_file_write(path, dca_out_buf(&pem), 0644, e);
}

static enum dca_rc
read_file(struct dca_out *o, const char *dir, const char *name,
    const char *suffix, struct dca_err *e)
{
	char path[4096];

	dca_path(path, NULL, "%s/%s.%s", dir, name, suffix);
	return dca_file_read(o, path, DCA_CERT_MAX, e);
}

/* Key and certificate of one of the lab's CAs. */
enum dca_rc
lab_read_ca(const char *dir, const char *name, EVP_PKEY **key, X509 **x,
    struct dca_err *e)
{
	DCA_AUTO_OUT kpem = { .secret = true };
	DCA_AUTO_OUT cpem = { 0 };
	enum dca_rc rc;
	BIO *bio;

	if ((rc = read_file(&kpem, dir, name, "key", e)) != DCA_OK ||
	    (rc = read_file(&cpem, dir, name, "pem", e)) != DCA_OK)
		return rc;
	bio = BIO_new_mem_buf(kpem.p, (int)kpem.n);
	*key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(cpem.p, (int)cpem.n);
	*x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (*key == NULL || *x == NULL ||
	    X509_check_private_key(*x, *key) != 1)
		return dca_fail(e, DCA_RULE_INPUT,
		    "%s.key and %s.pem in %s do not belong together", name,
		    name, dir);
	return DCA_OK;
}

/* --- init --- */

enum dca_rc
lab_make_ca(const char *dir, const char *name, const struct lab_spec *spec,
    EVP_PKEY **key, X509 **x, struct dca_err *e)
{
	struct lab_spec s = *spec;
	struct dca_spki spki;
	enum dca_rc rc;

	*key = EVP_EC_gen("P-256");
	if (*key == NULL)
		abort();
	if ((rc = dca_spki_from_pkey(&spki, *key, e)) != DCA_OK)
		return rc;
	s.key = &spki;
	if (s.issuer_key == NULL)
		s.issuer_key = *key;
	*x = lab_cert_make(&s, e);
	if (*x == NULL)
		return DCA_MALFORMED;
	if ((rc = write_key(dir, name, *key, e)) != DCA_OK)
		return rc;
	return write_cert(dir, name, *x, e);
}

enum dca_rc
lab_init(const char *dir, struct dca_err *e)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *root_key = NULL;
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *root = NULL;
	DCA_CLEANUP(X509_free_p) X509 *x = NULL;
	int64_t now = dca_now();
	struct lab_spec s = {
		.organisation = LAB_O, .cn = "SHAKEN Lab ROOT",
		.not_before = now - SKEW,
		.not_after = now + (int64_t)ROOT_DAYS * LAB_DAY,
		.ca = true, .key_cert_sign = true, .path_len = -1,
	};
	enum dca_rc rc;

	if ((rc = dca_file_mkdir(dir, 0755, e)) != DCA_OK ||
	    (rc = lab_make_ca(dir, "root", &s, &root_key, &root, e)) != DCA_OK)
		return rc;
	s.cn = "SHAKEN Lab Intermediate CA 1";
	s.issuer = root;
	s.issuer_key = root_key;
	s.not_after = now + (int64_t)LAB_INTERMEDIATE_DAYS * LAB_DAY;
	s.path_len = 1;		/* one CA below: the delegate CA */
	return lab_make_ca(dir, "intermediate", &s, &key, &x, e);
}

/* s without its last entry, or without its last number. */
static enum dca_rc
narrow(struct dca_tnset *out, const struct dca_tnset *s, struct dca_err *e)
{
	const char *const *spcs, *const *literals;
	const struct dca_tnrange *ranges;
	size_t ns = dca_tnset_spcs(s, &spcs), i;
	size_t nr = dca_tnset_ranges(s, &ranges);
	size_t nl = dca_tnset_literals(s, &literals), all = ns + nr + nl;
	struct dca_tnrange r;

	if (all == 1 && (nr == 0 || ranges[0].lo == ranges[0].hi))
		return dca_fail(e, DCA_RULE_INPUT,
		    "a list of one entry cannot be narrowed");
	for (i = 0; i < nr; i++) {
		r = ranges[i];
		if (i == nr - 1 && r.hi > r.lo)
			r.hi--;
		else if (i == nr - 1)
			continue;
		dca_tnset_add_interval(out, r);
	}
	for (i = 0; i < ns; i++)
		if ((nr > 0 || i < ns - 1) && dca_tnset_add_spc(out, spcs[i],
		    strlen(spcs[i]), e) != DCA_OK)
			abort();
	for (i = 0; i < nl; i++)
		if ((all > nl || i < nl - 1) &&
		    dca_tnset_add_number(out, literals[i], e) != DCA_OK)
			abort();
	return DCA_OK;
}

static enum dca_rc
flawed_scope(struct dca_tnset **out, const struct dca_tnset *asked,
    enum lab_flaw flaw, struct dca_err *e)
{
	switch (flaw) {
	case LAB_NO_LIST:
		*out = NULL;
		return DCA_OK;
	case LAB_WIDER:
		*out = dca_tnset_dup(asked);
		return dca_tnset_parse(*out, "19995550100+10", e);
	case LAB_NARROWER:
		*out = dca_tnset_new();
		return narrow(*out, asked, e);
	default:
		*out = dca_tnset_dup(asked);
		return DCA_OK;
	}
}

/* "SHAKEN 709J" when the list has an SPC (ATIS-1000080 6.4.1). */
static void
default_cn(char cn[static 65], const struct dca_tnset *scope)
{
	const char *const *spcs;

	if (dca_tnset_spcs(scope, &spcs) > 0)
		(void)snprintf(cn, 65, "SHAKEN %s", spcs[0]);
	else
		(void)snprintf(cn, 65, "SHAKEN Lab TN Provider");
}

/* The intermediate once more, of the same key: with a pathLen that forbids the
 * delegate CA, an AKI that is not the root's, a list of its own that has none
 * of the numbers, or another name. */
static enum dca_rc
flawed_intermediate(const char *dir, enum lab_flaw flaw, X509 **x,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *other =
	    dca_tnset_new();
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *root_key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *root = NULL;
	EVP_PKEY *pub = X509_get0_pubkey(*x);
	struct dca_spki spki;
	int64_t now = dca_now();
	struct lab_spec s = {
		.organisation = LAB_O, .cn = flaw == LAB_OTHER_ISSUER ?
		    "SHAKEN Lab Intermediate CA 2" :
		    "SHAKEN Lab Intermediate CA 1",
		.key = &spki, .not_before = now - SKEW,
		.not_after = now + (int64_t)LAB_INTERMEDIATE_DAYS * LAB_DAY,
		.ca = true, .key_cert_sign = true,
		.path_len = flaw == LAB_PATHLEN0 ? 0 : 1,
		.wrong_aki = flaw == LAB_AKI_ABOVE,
		.scope = flaw == LAB_PARENT_LIST ? other : NULL,
	};
	enum dca_rc rc;

	if ((rc = lab_read_ca(dir, "root", &root_key, &root, e)) != DCA_OK ||
	    (rc = dca_spki_from_pkey(&spki, pub, e)) != DCA_OK ||
	    (rc = dca_tnset_parse(other, "19995550100+10", e)) != DCA_OK)
		return rc;
	s.issuer = root;
	s.issuer_key = root_key;
	X509_free(*x);
	*x = lab_cert_make(&s, e);
	return *x == NULL ? DCA_MALFORMED : DCA_OK;
}

/* When ca ends: what it signs ends no later. */
static int64_t
end_of(X509 *ca)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(ca), &tm) != 1)
		abort();
	return timegm(&tm);
}

static enum dca_rc
other_key(struct dca_spki *key, struct dca_err *e)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *k = EVP_EC_gen("P-256");

	if (k == NULL)
		abort();
	return dca_spki_from_pkey(key, k, e);
}

enum dca_rc
lab_sign(const char *dir, const struct lab_request *q, struct dca_out *pem,
    struct dca_err *e)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *ca_key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *ca = NULL;
	DCA_CLEANUP(X509_free_p) X509 *x = NULL;
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *scope = NULL;
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *limit = NULL;
	struct dca_spki key = q->csr->key;
	char cn[65];
	int64_t now = dca_now();
	struct lab_spec s = {
		.organisation = q->organisation != NULL ? q->organisation :
		    "Lab TN Provider",
		.cn = q->cn != NULL ? q->cn : cn, .key = &key,
		.not_before = now - SKEW,
		.not_after = now + q->days * LAB_DAY,
		.ca = q->flaw != LAB_NO_CA,
		.key_cert_sign = q->flaw != LAB_NO_KEYCERTSIGN,
		.path_len = 0, .wrong_aki = q->flaw == LAB_AKI,
		.loose_bc = q->flaw == LAB_LOOSE_BC,
		.bad_list = q->flaw == LAB_BAD_LIST,
		.crl_url = q->crl_url, .country = q->country,
	};
	enum dca_rc rc;

	if (q->limit != NULL && (rc = dca_tnset_parse(
	    limit = dca_tnset_new(), q->limit, e)))
		return rc;
	s.limit = limit;
	if ((rc = lab_read_ca(dir, "intermediate", &ca_key, &ca, e)) ||
	    (rc = flawed_scope(&scope, q->csr->scope, q->flaw, e)))
		return rc;
	if ((q->flaw == LAB_PATHLEN0 || q->flaw == LAB_AKI_ABOVE ||
	    q->flaw == LAB_PARENT_LIST || q->flaw == LAB_OTHER_ISSUER) &&
	    (rc = flawed_intermediate(dir, q->flaw, &ca, e)) != DCA_OK)
		return rc;
	if (q->flaw == LAB_OTHER_KEY && (rc = other_key(&key, e)) != DCA_OK)
		return rc;
	if (q->flaw == LAB_EXPIRED) {
		s.not_before = now - 60 * LAB_DAY;
		s.not_after = now - 30 * LAB_DAY;
	}
	if (q->flaw == LAB_AGED) {
		s.not_before = now - 60 * LAB_DAY;
		s.not_after = now + 20 * LAB_DAY + SKEW;
	}
	if (q->flaw == LAB_BRIEF)
		s.not_after = now + BRIEF;
	if (s.not_after > end_of(ca))
		s.not_after = end_of(ca);
	default_cn(cn, q->csr->scope);
	s.issuer = ca;
	s.issuer_key = ca_key;
	s.scope = scope;
	x = lab_cert_make(&s, e);
	if (x == NULL)
		return DCA_MALFORMED;
	lab_cert_pem(pem, x);
	lab_cert_pem(pem, ca);
	return DCA_OK;
}
