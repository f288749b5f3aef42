/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of dca-sandbox share: the lab's CA and its certificates. */
#ifndef DCA_SANDBOX_H
#define DCA_SANDBOX_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "dca/cert.h"

/* What to put into one certificate; everything is borrowed. */
struct lab_spec {
	const char *organisation, *cn;
	const struct dca_spki *key;
	X509 *issuer;			/* NULL: self-signed root */
	EVP_PKEY *issuer_key;
	int64_t not_before, not_after;
	bool ca, key_cert_sign;
	int path_len;			/* -1: none */
	bool wrong_aki, loose_bc;	/* basicConstraints not critical */
	bool bad_list;			/* implicit tags in the TNAuthList */
	const struct dca_tnset *scope;	/* NULL: no TNAuthList */
	const char *crl_url;		/* NULL: of no server */
	bool plain;			/* no policy, no CRL: of the STI-PA */
	bool crl_sign;			/* may sign CRLs */
	const char *country;		/* name constraints permit it alone */
	const struct dca_tnset *limit;	/* constraints extension; NULL: none */
	const char *dns;		/* a TLS server's name; NULL: none */
};
X509_NAME *lab_name(const char *c, const char *org, const char *cn);

/* OID of the constraints extension: of the example arc (RFC 5612). */
#define LAB_LIMIT_OID "1.3.6.1.4.1.32473.9060"

/* Signed, never NULL unless e says why. */
X509 *lab_cert_make(const struct lab_spec *s, struct dca_err *e);
void lab_cert_pem(struct dca_out *o, X509 *x);

/* --- dca-sandbox-ca.c: root and intermediate in a folder --- */
enum { LAB_DAY = 86400, LAB_INTERMEDIATE_DAYS = 1825 };
enum lab_flaw {
	LAB_NONE, LAB_NO_CA, LAB_NO_KEYCERTSIGN, LAB_WIDER, LAB_NARROWER,
	LAB_OTHER_KEY, LAB_NO_LIST, LAB_AKI, LAB_PATHLEN0, LAB_EXPIRED,
	LAB_LOOSE_BC, LAB_BAD_LIST, LAB_AKI_ABOVE, LAB_PARENT_LIST,
	LAB_OTHER_ISSUER, LAB_AGED, LAB_BRIEF,
};
/* NULL after the last one. */
const char *lab_flaw_name(enum lab_flaw f);
bool lab_flaw_parse(enum lab_flaw *out, const char *name);
enum dca_rc lab_init(const char *dir, struct dca_err *e) DCA_CHECKED;
/* A new key and its certificate, written as NAME.key and NAME.pem; spec->key
 * is set here, and issuer_key when it is NULL. */
enum dca_rc lab_make_ca(const char *dir, const char *name,
    const struct lab_spec *spec, EVP_PKEY **key, X509 **x, struct dca_err *e)
    DCA_CHECKED;
enum dca_rc lab_read_ca(const char *dir, const char *name, EVP_PKEY **key,
    X509 **x, struct dca_err *e) DCA_CHECKED;
struct lab_request {
	const struct dca_ca_csr *csr;
	enum lab_flaw flaw;
	int64_t days;
	const char *cn, *organisation;	/* NULL: defaults */
	const char *crl_url;		/* as in lab_spec */
	const char *country, *limit;	/* constraints; a list as text */
};
/* Cross-certificate and intermediate, PEM. */
enum dca_rc lab_sign(const char *dir, const struct lab_request *q,
    struct dca_out *pem, struct dca_err *e) DCA_CHECKED;

DCA_DEFINE_CLEANUP(X509, X509_free);
DCA_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);

#endif
