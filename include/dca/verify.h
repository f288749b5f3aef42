/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdca-verify: may the holder of this certificate sign for this number?
 * Path (RFC 5280 6.1), scope at every step (RFC 8226 9, RFC 9060 4, 6, 7) and
 * revocation, for an SBC or an STI-VS. See libdca-verify(3).
 *
 * This header stands alone: plain C, no other header of the project. Nothing
 * is global: a verifier, once set up, is not changed by checking, and any
 * number of threads may check with it at the same time.
 */
#ifndef DCA_VERIFY_API_H
#define DCA_VERIFY_API_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Trust anchors, CRLs, inventory and policy: made once, used many times. */
struct dca_verifier;
/* A chain that was accepted: its leaf, its scope. */
struct dca_verified;

enum dca_verify_verdict {
	DCA_VERIFY_ACCEPTED = 0,
	DCA_VERIFY_REFUSED = 1,	/* the chain breaks a rule */
	DCA_VERIFY_UNREADABLE = 2,	/* input that is no certificate, CRL... */
};

/* Numbers below a parent that holds an SPC, and no inventory of that SPC. */
enum dca_verify_spc {
	DCA_VERIFY_SPC_FLAG = 0,	/* accept, and say so: the default */
	DCA_VERIFY_SPC_ACCEPT,
	DCA_VERIFY_SPC_REJECT,
};

/* Why; filled by every call that takes it (NULL: not wanted). */
struct dca_verify_why {
	enum dca_verify_verdict verdict;
	int at;			/* certificate refused, 0 the leaf; -1 none */
	int spc_unchecked;	/* accepted, but under an SPC not compared */
	char rule[32];		/* "chain-scope"; "" when accepted */
	char clause[96];	/* "RFC 9060 4, 6" */
	char text[320];		/* one sentence */
	char first[48];		/* first uncovered entry, or "" */
};

struct dca_verifier *dca_verifier_new(void);	/* NULL: out of memory */
void dca_verifier_free(struct dca_verifier *v);	/* NULL ok */

/*
 * Setting up, before the first check; each copies what it is given. certs:
 * PEM (any number), DER, or several DER. crl: PEM or DER; signer: the
 * certificate of the CRL's issuer, trusted for this. numbers: text such as
 * "12025550100,12025551000+100", added to what the SPC has already.
 */
enum dca_verify_verdict dca_verifier_add_roots(struct dca_verifier *v,
    const void *certs, size_t n, struct dca_verify_why *why);
enum dca_verify_verdict dca_verifier_add_crl(struct dca_verifier *v,
    const void *crl, size_t n, const void *signer, size_t signer_n,
    struct dca_verify_why *why);
enum dca_verify_verdict dca_verifier_add_numbers(struct dca_verifier *v,
    const char *spc, const char *numbers, struct dca_verify_why *why);
void dca_verifier_spc(struct dca_verifier *v, enum dca_verify_spc policy);

/*
 * chain: what x5u answered, signer first (the root may stand last or be left
 * out); taken as it is, nothing is searched, reordered or fetched. when:
 * seconds since the epoch. With CRLs set up, each certificate that names a
 * cRLIssuer or a CRL needs one that speaks for it. *out (NULL: not wanted) is
 * set when accepted and freed by the caller.
 */
enum dca_verify_verdict dca_verifier_check(const struct dca_verifier *v,
    const void *chain, size_t n, int64_t when, struct dca_verified **out,
    struct dca_verify_why *why);
void dca_verified_free(struct dca_verified *l);	/* NULL ok */

/*
 * Is number inside the leaf's own list? "12025550100"; a leading + is
 * dropped (RFC 8224 8.3). 1 or 0; an SPC in the list covers no number by
 * itself, only with its inventory set up.
 */
int dca_verified_may_sign(const struct dca_verified *l, const char *number);
/* The leaf's list as text; what would be needed is returned, as snprintf. */
size_t dca_verified_scope(const struct dca_verified *l, char *out, size_t cap);
/* Borrowed: the leaf, DER, and its SubjectPublicKeyInfo, DER. */
const void *dca_verified_leaf(const struct dca_verified *l, size_t *n);
const void *dca_verified_key(const struct dca_verified *l, size_t *n);

/* "0.1.0" */
const char *dca_verify_version(void);

#ifdef __cplusplus
}
#endif

#endif
