/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-sandbox: the lab's STI-CA and STI-PA on the command line, so that labs
 * and tests need nobody outside.
 */
#include "dca-sandbox-lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "dca/os.h"

static struct {
	const char *csr, *out, *days, *cn, *flaw, *organisation;
	const char *country, *limit;
} opt;

static int
finish(enum dca_rc rc, const struct dca_err *e)
{
	const struct dca_problem *p = dca_problem(e->rule);

	if (rc != DCA_OK)
		fprintf(stderr, "dca-sandbox: %s\n   rule     %s (%s)\n"
		    "   advice   %s\n", e->text, p->id, p->clause, p->advice);
	return dca_exit_code(rc);
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
	rc = lab_init(argv[0], &e);
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

static enum dca_rc
read_options(struct lab_request *q, struct dca_err *e)
{
	char *end = NULL;

	if (opt.csr == NULL || opt.out == NULL)
		return dca_fail(e, DCA_RULE_INPUT,
		    "--csr FILE and --out FILE are needed");
	q->cn = opt.cn;
	q->organisation = opt.organisation;
	q->country = opt.country;
	q->limit = opt.limit;
	if (opt.flaw != NULL && !lab_flaw_parse(&q->flaw, opt.flaw))
		return dca_fail(e, DCA_RULE_INPUT, "no flaw is called \"%s\"",
		    opt.flaw);
	q->days = 365;
	if (opt.days != NULL)
		q->days = strtol(opt.days, &end, 10);
	if ((end != NULL && *end != '\0') || q->days < 1 ||
	    q->days > LAB_INTERMEDIATE_DAYS)
		return dca_fail(e, DCA_RULE_INPUT,
		    "--days takes 1 to %d", LAB_INTERMEDIATE_DAYS);
	return DCA_OK;
}

static int
run_sign(int argc, char **argv, void *arg)
{
	struct dca_ca_csr csr = { 0 };
	struct lab_request q = { .csr = &csr };
	DCA_AUTO_OUT pem = { 0 };
	struct dca_err e = { 0 };
	enum dca_rc rc;

	(void)argc;
	(void)arg;
	if ((rc = read_options(&q, &e)) != DCA_OK) {
		(void)finish(rc, &e);
		return 2;
	}
	if ((rc = read_csr(&csr, opt.csr, &e)) == DCA_OK) {
		rc = lab_sign(argv[0], &q, &pem, &e);
		dca_ca_csr_clear(&csr);
	}
	if (rc == DCA_OK)
		rc = dca_file_write(opt.out, dca_out_buf(&pem), 0644, &e);
	if (rc == DCA_OK)
		printf("%s: cross-certificate and intermediate%s%s\n", opt.out,
		    q.flaw == LAB_NONE ? "" : ", flaw on purpose: ",
		    q.flaw == LAB_NONE ? "" : opt.flaw);
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
	{ "country", "CC", &opt.country, NULL,
	    "name constraints: subjects of this country only" },
	{ "limit", "LIST", &opt.limit, NULL,
	    "constraints extension " LAB_LIMIT_OID " with this list" },
	{ "flaw", "NAME", &opt.flaw, NULL,
	    "make it wrong: no-ca no-keycertsign wider narrower other-key "
	    "no-list aki pathlen0 expired loose-bc bad-list aki-above "
	    "parent-list other-issuer aged brief" },
};

/* --- revoke --- */

static int
run_revoke(int argc, char **argv, void *arg)
{
	DCA_CLEANUP(X509_free_p) X509 *x = NULL;
	DCA_AUTO_OUT in = { 0 };
	struct dca_err e = { 0 };
	enum dca_rc rc = dca_file_read(&in, argv[1], DCA_CERT_MAX, &e);
	BIO *bio;

	(void)argc;
	(void)arg;
	if (rc != DCA_OK)
		return finish(rc, &e);
	bio = BIO_new_mem_buf(in.p, (int)in.n);
	x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (x == NULL)
		rc = dca_fail(&e, DCA_RULE_INPUT,
		    "%s: no certificate as PEM in it", argv[1]);
	else if (!lab_is_revoked(argv[0], x))
		rc = lab_revoke(argv[0], x, 1, &e);
	if (rc == DCA_OK)
		printf("%s: on the CRL of the lab's STI-PA\n", argv[1]);
	return finish(rc, &e);
}

static const struct dca_command commands[] = {
	{ "init", "DIR", "make root and intermediate CA of a lab", NULL, 0, 1,
	    1, run_init },
	{ "sign", "DIR", "sign a request for a cross-certificate",
	    sign_options, sizeof(sign_options) / sizeof(sign_options[0]), 1, 1,
	    run_sign },
	{ "serve", "DIR", "STI-PA and STI-CA over HTTPS, until it is stopped",
	    lab_serve_options, sizeof(lab_serve_options) /
	    sizeof(lab_serve_options[0]), 1, 1, lab_serve },
	{ "revoke", "DIR CERT", "put a certificate on the STI-PA's CRL", NULL,
	    0, 2, 2, run_revoke },
};

int
main(int argc, char **argv)
{
	return dca_command_run("dca-sandbox", "the lab STI-CA and STI-PA", commands,
	    sizeof(commands) / sizeof(commands[0]), NULL, 0, argc, argv, NULL);
}
