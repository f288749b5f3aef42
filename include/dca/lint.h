/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate must be, as one table of rules (dca(7) LINT), decided on
 * the encoded octets by a reader of its own: it shares no code with what
 * builds certificates (core/profile.c) nor with what reads them elsewhere.
 * Pure: the clock is not looked at; a rule binds by notBefore.
 */
#ifndef DCA_LINT_H
#define DCA_LINT_H

#include "dca/tnset.h"

/* What one rule says of one certificate; the letters of --verdicts. */
enum dca_lint_verdict {
	DCA_LINT_NA = '-',	/* does not apply */
	DCA_LINT_NE = 'N',	/* notBefore is before the rule's date */
	DCA_LINT_PASS = 'P',
	DCA_LINT_WARN = 'W',
	DCA_LINT_ERROR = 'E',
	DCA_LINT_FATAL = 'F',	/* the value is too broken to judge */
};

/*
 * Packs by certificate type. PUBLISHED: the 57 rules of the public compliance
 * reports, each deciding by itself whether it applies, in their order.
 */
enum {
	DCA_LINT_STI_ROOT = 1,
	DCA_LINT_STI_INTERMEDIATE = 2,
	DCA_LINT_STI_EE = 4,
	DCA_LINT_STI_SCA = 8,		/* the cross-certificate */
	DCA_LINT_DELEGATE_EE = 16,
	DCA_LINT_PUBLISHED = 32,
};
/* "sti-root" <-> bit; 0 and NULL: no such pack. */
unsigned dca_lint_pack(const char *name);
const char *dca_lint_pack_name(unsigned pack);

struct dca_lint_rule {
	const char *id;		/* published rules keep their published ids */
	unsigned packs;
	const char *clause;	/* document and clause */
	const char *ca_from, *ee_from;	/* "2020-09-04"; NULL: always */
	const char *text;	/* what is wrong, as a finding */
	const char *advice;	/* what to do */
};
const struct dca_lint_rule *dca_lint_rules(size_t *n);
const struct dca_lint_rule *dca_lint_rule(const char *id);	/* or NULL */

/*
 * One certificate, read as leniently as its rules need and as strictly as DER
 * is: CERT_DER names what cannot be linted at all. der is borrowed until
 * free. At most DCA_CERT_MAX octets.
 */
struct dca_lint_cert;
enum dca_rc dca_lint_read(struct dca_lint_cert **out, struct dca_buf der,
    struct dca_err *e) DCA_CHECKED;
/* The same for a TBSCertificate that is not signed yet. */
enum dca_rc dca_lint_read_tbs(struct dca_lint_cert **out, struct dca_buf tbs,
    struct dca_err *e) DCA_CHECKED;
void dca_lint_free(struct dca_lint_cert *c);	/* NULL ok */
DCA_DEFINE_CLEANUP(struct dca_lint_cert, dca_lint_free);
/* The pack of its type: root, intermediate, sca (CA with a TNAuthList),
 * delegate-ee (list with a TN, a range, or nothing that is an SPC), ee. */
unsigned dca_lint_pack_of(const struct dca_lint_cert *c);
/* "EE", "EESELF" (self-signed), "CA" (intermediate), "ROOT". */
const char *dca_lint_kind(const struct dca_lint_cert *c);
/* Does issuer look like the issuer of c (names, AKI/SKI)? */
bool dca_lint_issued_by(const struct dca_lint_cert *c,
    const struct dca_lint_cert *issuer);

/* What a deployment decides; zero is the default. */
struct dca_lint_options {
	const char *const *policies;	/* accepted policy OIDs beside the two
					 * of the US SHAKEN CP */
	size_t n_policies;
	bool crldp_optional;	/* a short-lived delegate may have none */
	bool cn_shaken;		/* delegates too have SHAKEN in their CN */
	const struct dca_tnset *scope;	/* instead of the issuer's list: that
					 * list with its SPCs' inventory */
};
struct dca_lint_finding {
	const struct dca_lint_rule *rule;
	enum dca_lint_verdict verdict;
	char detail[200];	/* what was found; printable, or "" */
};
typedef void (*dca_lint_fn)(const struct dca_lint_finding *f, void *arg);
/*
 * Runs every rule of the packs in table order and tells fn each verdict.
 * issuer (NULL: not known, rules that need it do not apply) and opt (NULL:
 * zero) are borrowed. Returns how many said WARN, ERROR or FATAL.
 */
size_t dca_lint_run(const struct dca_lint_cert *c,
    const struct dca_lint_cert *issuer, unsigned packs,
    const struct dca_lint_options *opt, dca_lint_fn fn, void *arg);

/*
 * Before signing: the TBS against delegate-ee and its issuer. OK, or LINT with
 * the first rule that says ERROR or FATAL in e->field and its finding in the
 * text. A one-number TBS costs at most 10 us.
 */
enum dca_rc dca_lint_tbs(struct dca_buf tbs,
    const struct dca_lint_cert *issuer, const struct dca_lint_options *opt,
    struct dca_err *e) DCA_CHECKED;
/* Before installing: a cross-certificate against sti-sca. CROSS_LINT. */
enum dca_rc dca_lint_cross(const struct dca_lint_cert *cross,
    const struct dca_lint_cert *issuer, const struct dca_lint_options *opt,
    struct dca_err *e) DCA_CHECKED;

#endif
