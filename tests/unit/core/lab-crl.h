/* SPDX-License-Identifier: Apache-2.0 */
/* CRLs for tests, made by OpenSSL: right by default, wrong as asked. */
#ifndef DCA_TEST_LAB_CRL_H
#define DCA_TEST_LAB_CRL_H

#include "lab.h"

#define IDP_INDIRECT "30038401ff"

/* One more extension; hex of extnValue contents. */
struct lab_extension {
	const char *oid, *hex;
	bool critical;
};
struct lab_revoked {
	const struct lab *cert;		/* NULL: end of the list */
	int reason;			/* 0: none; n + 1 */
	bool issuer;			/* certificateIssuer of cert */
	bool issuer_not_critical;
	struct lab_extension more;
};
struct lab_crl_spec {
	const struct lab *signer;
	const struct lab *name_of;	/* NULL: issuer is the signer */
	int64_t this_update, next_update; /* 0: a day around LAB_NOW; next
					   * -1: none */
	bool v1, no_number, no_aki, broken_signature;
	const char *idp;		/* hex; NULL: none */
	bool idp_not_critical;
	struct lab_extension more;
	const char *md;			/* NULL: SHA256 */
	struct lab_revoked revoked[4];
	const char *from, *to;		/* hex of one length, changed before
					 * it is signed; NULL: as it is */
};
void lab_crl(struct dca_out *der, const struct lab_crl_spec *s);
/* cRLDistributionPoints with this one as cRLIssuer; hex, malloced. */
char *lab_crldp(const struct lab *crl_issuer);

#endif
