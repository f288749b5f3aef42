/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for tests, made by OpenSSL and so independent of the code they
 * test: right by default, wrong in exactly the way a test asks for.
 */
#ifndef DCA_TEST_LAB_H
#define DCA_TEST_LAB_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "dca/chain.h"

/* The moment all lab certificates are made for: 2027-01-15T08:00:00Z. */
#define LAB_NOW INT64_C(1800000000)

struct lab {
	EVP_PKEY *key;
	X509 *x;
};

enum lab_ca { LAB_CA_TRUE, LAB_CA_FALSE, LAB_CA_ABSENT };
struct lab_spec {
	const char *cn;
	const struct lab *issuer;	/* NULL: self-signed */
	const char *curve;		/* NULL: P-256 */
	const char *md;			/* NULL: SHA256 */
	EVP_PKEY *key;			/* NULL: a new one */
	int64_t not_before, not_after;	/* 0: 30 days around LAB_NOW */
	enum lab_ca ca;
	int path_len;			/* 0: none; n + 1 */
	bool bc_not_critical;
	int ku;				/* 0: what ca asks for; -1: none */
	const char *list;		/* hex of a TNAuthList */
	bool list_critical;
	bool no_ski, no_aki, wrong_aki;
	const char *critical_oid;	/* one more extension, critical */
	const char *twice;		/* OID of an extension to repeat */
	const char *policies, *crldp, *constraints, *aia; /* hex of extnValue */
	const char *constraints_oid;
	const char *permitted, *excluded; /* name constraints, "C=US/O=Lab" */
	bool san;			/* a subjectAltName */
	bool broken_signature;
};

/* By OpenSSL: a name, and name constraints of at most one subtree each. */
X509_NAME *lab_name(const char *slashed);
NAME_CONSTRAINTS *lab_names(const char *permitted, const char *excluded);
struct lab lab_make(const struct lab_spec *s);
void lab_free(struct lab *l);
/* Adds to a list that dca_certs_clear frees. */
void lab_add(struct dca_certs *c, const struct lab *l);
struct dca_spki lab_spki(const struct lab *l);
/* Malloced; *n octets. */
uint8_t *lab_unhex(const char *hex, size_t *n);
/* The shared data, or exit 77 with a loud line. */
void lab_read(struct dca_out *o, const char *path);

#endif
