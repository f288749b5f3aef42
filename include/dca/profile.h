/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The delegate end-entity profile (RFC 9060, ATIS-1000080): checked fields in,
 * TBSCertificate DER out, with no decoder round trip. Pure; the clock and
 * the serial come from the caller.
 */
#ifndef DCA_PROFILE_H
#define DCA_PROFILE_H

#include "dca/cert.h"
#include "dca/constraints.h"

/* PASSporT types a certificate may sign; all = no constraint extension. */
enum {
	DCA_PASSPORT_SHAKEN = 1,
	DCA_PASSPORT_DIV = 2,
	DCA_PASSPORT_RCD = 4,
	DCA_PASSPORT_ALL = 7,
};

struct dca_profile {
	const struct dca_cert *issuer;	/* the cross-certificate: its subject,
					 * SKI, policies and CRLDP are copied */
	uint8_t serial[DCA_SERIAL_LEN];
	struct dca_buf subject;		/* Name DER, from the register */
	const struct dca_spki *key;
	int64_t not_before, not_after;
	const struct dca_tnset *numbers;
	unsigned passports;		/* DCA_PASSPORT_ bits */
	const struct dca_constraints *constraints; /* the customer's; NULL */
};
/*
 * SCOPE_NAME, TN_SPC_EE, TN_LIST_SIZE, SCOPE_EMPTY, VALIDITY, and SCOPE_CROSS when numbers
 * are not inside scope (the issuer's list with, for its SPCs, the inventory
 * united by the caller): the builder itself cannot exceed the scope.
 */
enum dca_rc dca_profile_build(struct dca_out *tbs, const struct dca_profile *p,
    const struct dca_tnset *scope, struct dca_err *e) DCA_CHECKED;

/* What the claim constraints extension of such a certificate holds (extnValue
 * contents), nothing when there is none: a renewal does not change it.
 * CONSTRAINTS when c (NULL: none) and passports contradict (RFC 9118 8). */
enum dca_rc dca_profile_constraints(struct dca_out *o,
    const struct dca_constraints *c, unsigned passports, struct dca_err *e)
    DCA_CHECKED;
/* The claims that a certificate without these PASSporT types excludes. */
enum { DCA_PASSPORT_CLAIMS = 6 };
size_t dca_passports_excluded(const char *out[static DCA_PASSPORT_CLAIMS],
    unsigned passports);

/* CsrAttrs (RFC 9148 4.1, RFC 8951): the numbers this customer may
 * ask, P-256, ecdsa-with-SHA256. */
void dca_csrattrs_encode(struct dca_out *o, const struct dca_tnset *numbers);

/* First octet 0x40 | 6 random bits, the rest random (dca(7) LIMITS). */
void dca_serial_make(uint8_t serial[static DCA_SERIAL_LEN],
    const uint8_t random[static DCA_SERIAL_LEN]);

/* "shaken,div" <-> bits; REG_FIELD. */
enum dca_rc dca_passports_parse(unsigned *bits, const char *text,
    struct dca_err *e) DCA_CHECKED;
void dca_passports_print(unsigned bits, char out[static 24]);

#endif
