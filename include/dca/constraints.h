/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim constraints: what the PASSporTs of a certificate's holder must, may
 * and must not say (JWTClaimConstraints, RFC 8226 8; Enhanced, RFC 9118).
 * Pure values: configuration in, extension DER out, and claims judged.
 */
#ifndef DCA_CONSTRAINTS_H
#define DCA_CONSTRAINTS_H

#include "dca/base.h"

/* Limits of dca(7): names per list, values per claim, octets. */
enum {
	DCA_CLAIMS_MAX = 16,
	DCA_CLAIM_VALUES_MAX = 32,
	DCA_CLAIM_NAME_MAX = 63,
	DCA_CLAIM_VALUE_MAX = 1024,
	DCA_CONSTRAINTS_MAX = 8 * 1024,	/* extnValue contents we read */
	DCA_CONSTRAINTS_OWN = 2 * 1024,	/* of a customer of ours */
};

struct dca_claim {
	char *name;		/* IA5String */
	char **values;		/* UTF8String; permittedValues only */
	size_t n;
};
struct dca_claims {
	struct dca_claim *v;
	size_t n;
};
/* Owned; zero is "no constraint". */
struct dca_constraints {
	struct dca_claims must_include, permitted, must_exclude;
};
void dca_constraints_clear(struct dca_constraints *c);
void dca_constraints_copy(struct dca_constraints *out,
    const struct dca_constraints *c);	/* out is overwritten */
bool dca_constraints_empty(const struct dca_constraints *c);
bool dca_constraints_equal(const struct dca_constraints *a,
    const struct dca_constraints *b);

/* Adding keeps the order, each name and value once. CONSTRAINTS when a
 * name or value is not what RFC 8226 8 lets it be, or a limit is passed. */
enum dca_rc dca_constraints_include(struct dca_constraints *c,
    const char *name, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_constraints_permit(struct dca_constraints *c,
    const char *name, const char *value, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_constraints_exclude(struct dca_constraints *c,
    const char *name, struct dca_err *e) DCA_CHECKED;

/*
 * What RFC 9118 3, 4, 6 and 8 and RFC 8226 8 forbid a CA: iat, orig or dest in
 * mustInclude or mustExclude, a name in mustExclude and in one of the others,
 * rcdi excluded where rcd is not. CONSTRAINTS, e->field the claim.
 */
enum dca_rc dca_constraints_check(const struct dca_constraints *c,
    struct dca_err *e) DCA_CHECKED;
/* c with what the missing PASSporT types (DCA_PASSPORT_ bits) exclude: what a
 * certificate of this customer holds. Includes dca_constraints_check. */
enum dca_rc dca_constraints_effective(struct dca_constraints *out,
    const struct dca_constraints *c, unsigned passports, struct dca_err *e)
    DCA_CHECKED;

/* EnhancedJWTClaimConstraints, extnValue contents, names and values in the
 * order they were added; nothing when empty. */
void dca_constraints_encode(struct dca_out *o,
    const struct dca_constraints *c);
/* Strict DER. enhanced: .33, else .27. A .33 that excludes iat, orig or dest is
 * to be treated as absent (RFC 9118 3): OK, out empty, and *absent (may be
 * NULL) true. CERT_EXTENSION. */
enum dca_rc dca_constraints_parse(struct dca_constraints *out,
    struct dca_buf value, bool enhanced, bool *absent, struct dca_err *e)
    DCA_CHECKED;

/*
 * Do these claims keep them (RFC 8226 8, RFC 9118 4)? claim tells the value of
 * a claim: a string as it is, anything else as its JSON in the deterministic
 * form of RFC 8225 9; NULL when the claim is absent. The pointer must live
 * until the next call. PASSPORT_CLAIM, e->field the claim.
 */
typedef const char *(*dca_claim_fn)(void *arg, const char *name);
enum dca_rc dca_constraints_judge(const struct dca_constraints *c,
    dca_claim_fn claim, void *arg, struct dca_err *e) DCA_CHECKED;

/* Text for people: "mustInclude rcd; permittedValues rcd = {...}; ...". */
void dca_constraints_print(struct dca_out *o,
    const struct dca_constraints *c);

#endif
