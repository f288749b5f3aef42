/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab STI-CA: a root and an intermediate in a folder, which sign requests
 * for cross-certificates, rightly or with one named flaw, so that labs and
 * tests need nobody outside. Its keys lie in plain files: it must never be
 * trusted by anything but a lab.
 */
#include "dca-sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "dca/os.h"

#define LAB_O "Lab STI-CA"
enum { DAY = 86400, SKEW = 300, ROOT_DAYS = 3650, INTERMEDIATE_DAYS = 1825 };

static struct {
	const char *csr, *out, *days, *cn, *flaw, *organisation;
} opt;

enum flaw {
	FLAW_NONE, FLAW_NO_CA, FLAW_NO_KEYCERTSIGN, FLAW_WIDER, FLAW_NARROWER,
	FLAW_OTHER_KEY, FLAW_NO_LIST, FLAW_AKI, FLAW_PATHLEN0, FLAW_EXPIRED,
};
static const char *const flaws[] = {
	"none", "no-ca", "no-keycertsign", "wider", "narrower", "other-key",
	"no-list", "aki", "pathlen0", "expired",
};

static int
finish(enum dca_rc rc, const struct dca_err *e)
{
	const struct dca_problem *p = dca_problem(e->rule);

	if (rc != DCA_OK)
		fprintf(stderr, "dca-sandbox: %s\n   rule     %s (%s)\n"
		    "   advice   %s\n", e->text, p->id, p->clause, p->advice);
	return dca_exit_code(rc);
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
static enum dca_rc
read_ca(const char *dir, const char *name, EVP_PKEY **key, X509 **x,
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

static enum dca_rc
make_ca(const char *dir, const char *name, const struct lab_spec *spec,
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

static enum dca_rc
init(const char *dir, struct dca_err *e)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *root_key = NULL;
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *root = NULL;
	DCA_CLEANUP(X509_free_p) X509 *x = NULL;
	int64_t now = dca_now();
	struct lab_spec s = {
		.organisation = LAB_O, .cn = "SHAKEN Lab ROOT",
		.not_before = now - SKEW,
		.not_after = now + (int64_t)ROOT_DAYS * DAY,
		.ca = true, .key_cert_sign = true, .path_len = -1,
	};
	enum dca_rc rc;

	if ((rc = dca_file_mkdir(dir, 0755, e)) != DCA_OK ||
	    (rc = make_ca(dir, "root", &s, &root_key, &root, e)) != DCA_OK)
		return rc;
	s.cn = "SHAKEN Lab Intermediate CA 1";
	s.issuer = root;
	s.issuer_key = root_key;
	s.not_after = now + (int64_t)INTERMEDIATE_DAYS * DAY;
	s.path_len = 1;		/* one CA below: the delegate CA */
	return make_ca(dir, "intermediate", &s, &key, &x, e);
}

static int
run_init(int argc, char **argv, void *arg)
{
	static const char *const files[] = { "root.key", "root.pem",
		"intermediate.key", "intermediate.pem" };
	struct dca_err e = { 0 };
	char path[4096];
	unsigned have = 0;
	enum dca_rc rc;

	(void)argc;
	(void)arg;
	for (unsigned i = 0; i < 4; i++) {
		dca_path(path, NULL, "%s/%s", argv[0], files[i]);
		have += access(path, F_OK) == 0;
	}
	if (have == 4) {
		printf("%s: the lab CA is there already, nothing changed\n",
		    argv[0]);
		return 0;
	}
	if (have > 0)
		return finish(dca_fail(&e, DCA_RULE_INPUT,
		    "%s holds a part of a lab CA; remove it or name another "
		    "folder", argv[0]), &e);
	rc = init(argv[0], &e);
	if (rc == DCA_OK)
		printf("%s/root.pem: trust anchor of the lab\n"
		    "%s/intermediate.pem: signs cross-certificates\n",
		    argv[0], argv[0]);
	return finish(rc, &e);
}

/* --- sign --- */

static enum dca_rc
read_csr(struct dca_ca_csr *csr, const char *path, struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	DCA_AUTO_OUT der = { 0 };
	enum dca_rc rc;

	if ((rc = dca_file_read(&in, path, DCA_CERT_MAX, e)) != DCA_OK)
		return rc;
	if (in.n > 0 && in.p[0] == 0x30)
		return dca_ca_csr_parse(csr, dca_out_buf(&in), e);
	rc = dca_pem_decode(&der, "CERTIFICATE REQUEST", dca_out_buf(&in), e);
	if (rc != DCA_OK)
		return rc;
	return dca_ca_csr_parse(csr, dca_out_buf(&der), e);
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
    enum flaw flaw, struct dca_err *e)
{
	switch (flaw) {
	case FLAW_NO_LIST:
		*out = NULL;
		return DCA_OK;
	case FLAW_WIDER:
		*out = dca_tnset_dup(asked);
		return dca_tnset_parse(*out, "19995550100+10", e);
	case FLAW_NARROWER:
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

/* The same intermediate, with a pathLen that forbids the delegate CA. */
static enum dca_rc
flawed_intermediate(const char *dir, X509 **x, struct dca_err *e)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *root_key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *root = NULL;
	EVP_PKEY *pub = X509_get0_pubkey(*x);
	struct dca_spki spki;
	int64_t now = dca_now();
	struct lab_spec s = {
		.organisation = LAB_O, .cn = "SHAKEN Lab Intermediate CA 1",
		.key = &spki, .not_before = now - SKEW,
		.not_after = now + (int64_t)INTERMEDIATE_DAYS * DAY,
		.ca = true, .key_cert_sign = true, .path_len = 0,
	};
	enum dca_rc rc;

	if ((rc = read_ca(dir, "root", &root_key, &root, e)) != DCA_OK ||
	    (rc = dca_spki_from_pkey(&spki, pub, e)) != DCA_OK)
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

static enum dca_rc
sign(const char *dir, struct dca_ca_csr *csr, enum flaw flaw, int64_t days,
    struct dca_err *e)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *ca_key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *ca = NULL;
	DCA_CLEANUP(X509_free_p) X509 *x = NULL;
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *scope = NULL;
	DCA_AUTO_OUT pem = { 0 };
	char cn[65];
	int64_t now = dca_now();
	struct lab_spec s = {
		.organisation = opt.organisation != NULL ? opt.organisation :
		    "Lab TN Provider",
		.cn = opt.cn != NULL ? opt.cn : cn, .key = &csr->key,
		.not_before = now - SKEW, .not_after = now + days * DAY,
		.ca = flaw != FLAW_NO_CA,
		.key_cert_sign = flaw != FLAW_NO_KEYCERTSIGN,
		.path_len = 0, .wrong_aki = flaw == FLAW_AKI,
	};
	enum dca_rc rc;

	if ((rc = read_ca(dir, "intermediate", &ca_key, &ca, e)) != DCA_OK ||
	    (rc = flawed_scope(&scope, csr->scope, flaw, e)) != DCA_OK)
		return rc;
	if (flaw == FLAW_PATHLEN0 &&
	    (rc = flawed_intermediate(dir, &ca, e)) != DCA_OK)
		return rc;
	if (flaw == FLAW_OTHER_KEY &&
	    (rc = other_key(&csr->key, e)) != DCA_OK)
		return rc;
	if (flaw == FLAW_EXPIRED) {
		s.not_before = now - 60 * DAY;
		s.not_after = now - 30 * DAY;
	}
	if (s.not_after > end_of(ca))
		s.not_after = end_of(ca);
	default_cn(cn, csr->scope);
	s.issuer = ca;
	s.issuer_key = ca_key;
	s.scope = scope;
	x = lab_cert_make(&s, e);
	if (x == NULL)
		return DCA_MALFORMED;
	lab_cert_pem(&pem, x);
	lab_cert_pem(&pem, ca);
	return dca_file_write(opt.out, dca_out_buf(&pem), 0644, e);
}

static enum dca_rc
read_options(enum flaw *flaw, int64_t *days, struct dca_err *e)
{
	size_t i = 0, n = sizeof(flaws) / sizeof(flaws[0]);
	char *end = NULL;

	if (opt.csr == NULL || opt.out == NULL)
		return dca_fail(e, DCA_RULE_INPUT,
		    "--csr FILE and --out FILE are needed");
	while (opt.flaw != NULL && i < n && strcmp(flaws[i], opt.flaw) != 0)
		i++;
	if (i == n)
		return dca_fail(e, DCA_RULE_INPUT, "no flaw is called \"%s\"",
		    opt.flaw);
	*flaw = (enum flaw)i;
	*days = 365;
	if (opt.days != NULL)
		*days = strtol(opt.days, &end, 10);
	if ((end != NULL && *end != '\0') || *days < 1 ||
	    *days > INTERMEDIATE_DAYS)
		return dca_fail(e, DCA_RULE_INPUT,
		    "--days takes 1 to %d", INTERMEDIATE_DAYS);
	return DCA_OK;
}

static int
run_sign(int argc, char **argv, void *arg)
{
	struct dca_ca_csr csr = { 0 };
	struct dca_err e = { 0 };
	enum flaw flaw = FLAW_NONE;
	int64_t days = 0;
	enum dca_rc rc;

	(void)argc;
	(void)arg;
	if ((rc = read_options(&flaw, &days, &e)) != DCA_OK) {
		(void)finish(rc, &e);
		return 2;
	}
	if ((rc = read_csr(&csr, opt.csr, &e)) == DCA_OK) {
		rc = sign(argv[0], &csr, flaw, days, &e);
		dca_ca_csr_clear(&csr);
	}
	if (rc == DCA_OK)
		printf("%s: cross-certificate and intermediate%s%s\n", opt.out,
		    flaw == FLAW_NONE ? "" : ", flaw on purpose: ",
		    flaw == FLAW_NONE ? "" : flaws[flaw]);
	return finish(rc, &e);
}

static const struct dca_option sign_options[] = {
	{ "csr", "FILE", &opt.csr, NULL, "the request, PEM or DER" },
	{ "out", "FILE", &opt.out, NULL,
	    "chain to write: cross-certificate, then intermediate" },
	{ "days", "N", &opt.days, NULL, "validity; default 365" },
	{ "subject-cn", "TEXT", &opt.cn, NULL,
	    "common name; default SHAKEN and the SPC" },
	{ "subject-o", "TEXT", &opt.organisation, NULL,
	    "organisation; default Lab TN Provider" },
	{ "flaw", "NAME", &opt.flaw, NULL,
	    "make it wrong: no-ca no-keycertsign wider narrower other-key "
	    "no-list aki pathlen0 expired" },
};
static const struct dca_command commands[] = {
	{ "init", "DIR", "make root and intermediate CA of a lab", NULL, 0, 1,
	    1, run_init },
	{ "sign", "DIR", "sign a request for a cross-certificate",
	    sign_options, sizeof(sign_options) / sizeof(sign_options[0]), 1, 1,
	    run_sign },
};

int
main(int argc, char **argv)
{
	return dca_command_run("dca-sandbox", "the lab STI-CA", commands,
	    sizeof(commands) / sizeof(commands[0]), NULL, 0, argc, argv, NULL);
}
