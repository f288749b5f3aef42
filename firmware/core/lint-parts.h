/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the lint share (dca(7) LINT): a certificate as its rules
 * see it, and the shape of a rule. Everything a rule says of itself stands in
 * its row and nowhere else. Nothing here may come from what builds or reads
 * certificates elsewhere in this room; only the set algebra of tnset.h may.
 */
#ifndef DCA_CORE_LINT_PARTS_H
#define DCA_CORE_LINT_PARTS_H

#include "dca/lint.h"
#include "lint-der.h"

/* Contents of the OBJECT IDENTIFIERs that rules name. */
#define LINT_OID_SKI "\x55\x1d\x0e"
#define LINT_OID_KU "\x55\x1d\x0f"
#define LINT_OID_BC "\x55\x1d\x13"
#define LINT_OID_NAMES "\x55\x1d\x1e"
#define LINT_OID_CRLDP "\x55\x1d\x1f"
#define LINT_OID_POLICIES "\x55\x1d\x20"
#define LINT_OID_AKI "\x55\x1d\x23"
#define LINT_OID_AIA "\x2b\x06\x01\x05\x05\x07\x01\x01"
#define LINT_OID_TNLIST "\x2b\x06\x01\x05\x05\x07\x01\x1a"
#define LINT_OID_CONSTRAINTS "\x2b\x06\x01\x05\x05\x07\x01\x1b"
#define LINT_OID_ENHANCED "\x2b\x06\x01\x05\x05\x07\x01\x21"
#define LINT_OID_EC_KEY "\x2a\x86\x48\xce\x3d\x02\x01"
#define LINT_OID_P256 "\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define LINT_OID_P384 "\x2b\x81\x04\x00\x22"
#define LINT_OID_SHA256 "\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define LINT_OID_SHA384 "\x2a\x86\x48\xce\x3d\x04\x03\x03"
/* US SHAKEN CP 1.3 and 1.4: 2.16.840.1.114569.1.1.3 and .4 */
#define LINT_OID_CP13 "\x60\x86\x48\x01\x86\xff\x09\x01\x01\x03"
#define LINT_OID_CP14 "\x60\x86\x48\x01\x86\xff\x09\x01\x01\x04"

#define LINT_LIT(s) DCA_BUF(s, sizeof(s) - 1)

enum {
	LINT_EXTENSIONS_MAX = 64,
	/* keyUsage as named bits: bit i is 1 << i (RFC 5280 4.2.1.3) */
	LINT_KU_DIGITAL_SIGNATURE = 1 << 0,
	LINT_KU_KEY_CERT_SIGN = 1 << 5,
	LINT_KU_CRL_SIGN = 1 << 6,
};

struct lint_algorithm {
	struct dca_buf oid;
	bool has_parameters;
	struct dca_buf parameters;	/* whole element, or empty */
};

/* All values of one attribute type, over all RDNs in order. Text is UTF-8
 * (T61String and invalid text: its octets). */
struct lint_attr {
	size_t strings;		/* string-typed values */
	size_t others;		/* of another type: no value */
	struct dca_buf last;	/* of the strings; empty when there is none */
};
struct lint_name {
	struct dca_buf der;
	struct lint_attr c, o, cn, sn;	/* sn: serialNumber */
	size_t attributes;	/* of any type */
};

struct lint_ext {
	struct dca_buf oid, value;	/* extnValue contents */
	bool critical;
	bool critical_encoded;	/* the BOOLEAN is there, even when FALSE */
};

/* What the published rules make of a TNAuthList: its one SPC. */
enum lint_spc {
	LINT_SPC_OK,
	LINT_SPC_ABSENT,	/* no extension */
	LINT_SPC_BAD,		/* bad ASN.1 */
	LINT_SPC_COUNT,		/* not exactly one entry with tag 0 */
	LINT_SPC_EMPTY,
};

struct dca_lint_cert {
	struct dca_buf der, tbs, signature;	/* tbs whole; der and
						 * signature empty when
						 * tbs_only */
	bool tbs_only;
	int64_t version;	/* as encoded: v3 is 2; absent: 0 */
	struct dca_buf serial;	/* INTEGER contents */
	bool serial_negative, serial_zero;
	size_t serial_bits;	/* of the magnitude */
	struct lint_algorithm inner, outer;	/* of the signature */
	struct lint_name issuer, subject;
	int64_t not_before, not_after;	/* seconds since the epoch */
	char day[12];		/* of not_before: "2020-09-04" */
	struct dca_buf spki;	/* whole element */
	struct lint_algorithm key;
	struct dca_buf curve;	/* OID of the parameters, or empty */
	struct dca_buf point;	/* subjectPublicKey without unused bits */

	struct lint_ext ext[LINT_EXTENSIONS_MAX];
	size_t n_ext;
	size_t duplicates;	/* extensions whose OID came before */
	/* The last one of its OID, or NULL: absent. */
	const struct lint_ext *ku, *bc, *ski, *aki, *policies, *crldp, *tnlist;

	bool bc_parses, ca;
	bool has_path_len;
	int64_t path_len;
	bool ku_parses;
	unsigned ku_bits;	/* LINT_KU_; 0 when it does not parse */
	struct dca_buf ski_value;	/* its inner OCTET STRING */
	bool aki_has_id;
	struct dca_buf aki_id;
	size_t n_policies;
	struct dca_buf policy;	/* the last OID */
	bool cp13, cp14;	/* is it among them */
	size_t n_uris;		/* [6] in fullName of all points */
	struct dca_buf uri;	/* the last one */

	enum lint_spc spc_result;
	struct dca_buf spc;
	size_t n_spc_entries, n_tn_entries;	/* by tag number: 0; 1 and 2 */
	size_t n_other_entries;	/* any but 0 */

	/* RFC 8226 9 to the letter; set holds what came before the fault. */
	bool tn_well_formed;
	char tn_why[160];	/* not well formed: why */
	struct dca_tnset *tnset;	/* NULL: no extension */
	size_t n_spc, n_range, n_one;	/* entries read */

	bool self_signed, root;	/* root: CA and self-signed */
	uint8_t *text;		/* BMPString values as UTF-8 */
	size_t text_n;
};

static inline bool
lint_is(struct dca_buf oid, const char *lit, size_t n)
{
	return dca_buf_eq(oid, DCA_BUF(lit, n));
}
/* LINT_IS(c->policy, LINT_OID_CP14) */
#define LINT_IS(buf, lit) lint_is((buf), (lit), sizeof(lit) - 1)

/* The last extension with this OID, or NULL. */
const struct lint_ext *lint_ext_find(const struct dca_lint_cert *c,
    struct dca_buf oid);

/* The parts of the reader (lint-name.c, lint-ext.c, lint-tnlist.c); the
 * second and third also fill in what is derived. CERT_DER. */
enum dca_rc lint_read_name(struct dca_lint_cert *c, struct lint_name *out,
    struct dca_buf der, const char *field, struct dca_err *e) DCA_CHECKED;
enum dca_rc lint_read_extensions(struct dca_lint_cert *c, struct dca_buf list,
    struct dca_err *e) DCA_CHECKED;
/* Never fails: a broken list is a finding. */
void lint_read_tnlist(struct dca_lint_cert *c);
/* Octets of a string type as text; false: characters its type has not. */
bool lint_text(struct dca_lint_cert *c, const struct lint_tlv *t,
    struct dca_buf *out);
/* Does the signature verify under its own key? (lint-self.c) */
bool lint_verifies_itself(const struct dca_lint_cert *c);

/* What a rule is asked. issuer may be NULL; opt is not. */
struct lint_ctx {
	const struct dca_lint_cert *c, *issuer;
	const struct dca_lint_options *opt;
	unsigned packs;		/* that this run is about */
};
struct lint_detail {
	char text[200];
	size_t n;
};
/*
 * check says PASS, WARN, ERROR or FATAL; an ERROR of a rule whose id begins
 * with w_ becomes WARN. applies NULL: to all. Dates and packs are looked at
 * before.
 */
struct lint_row {
	struct dca_lint_rule rule;
	bool (*applies)(const struct lint_ctx *x);
	enum dca_lint_verdict (*check)(const struct lint_ctx *x,
	    struct lint_detail *d);
};

/* Write what was found; lint_fail returns ERROR. Control characters and
 * invalid UTF-8 of the text become '?'. */
void lint_say(struct lint_detail *d, const char *fmt, ...) DCA_PRINTF(2, 3);
enum dca_lint_verdict lint_fail(struct lint_detail *d, const char *fmt, ...)
    DCA_PRINTF(2, 3);
/* The same with a value behind it: `CN is "value"`, and an OID in dots. */
enum dca_lint_verdict lint_fail_value(struct lint_detail *d, const char *what,
    struct dca_buf value);
enum dca_lint_verdict lint_fail_oid(struct lint_detail *d, const char *what,
    struct dca_buf oid);
static inline enum dca_lint_verdict
lint_pass_if(bool ok)
{
	return ok ? DCA_LINT_PASS : DCA_LINT_ERROR;
}

/* Why there is no SPC: a finding. */
const char *lint_spc_why(enum lint_spc r);

/* Conditions that several rows share. */
bool lint_ee(const struct lint_ctx *x);
bool lint_ca(const struct lint_ctx *x);
bool lint_root(const struct lint_ctx *x);
bool lint_not_root(const struct lint_ctx *x);
bool lint_intermediate(const struct lint_ctx *x);
bool lint_ee_cp14(const struct lint_ctx *x);
bool lint_ca_cp14(const struct lint_ctx *x);

/* The tables, in the order of dca_lint_rules(). */
struct lint_table {
	const struct lint_row *rows;
	size_t n;
};
extern const struct lint_table lint_sti_ext;	/* published: extensions */
extern const struct lint_table lint_sti_field;	/* published: fields */
extern const struct lint_table lint_sti_cp;	/* published: the rest */

/* Text of a rule made twice: id for EE, id_ca for CA; one check. */
#define LINT_PAIR(id_, ee_packs_, ca_packs_, clause_, ca_from_, ee_from_,      \
    text_, advice_, ee_applies_, ca_applies_, check_)                          \
	{ { id_, ee_packs_, clause_, NULL, ee_from_, text_, advice_ },         \
	    ee_applies_, check_ },                                             \
	{ { id_ "_ca", ca_packs_, clause_, ca_from_, NULL, text_, advice_ },   \
	    ca_applies_, check_ }

/* _STI: as published. _ALL: holds as it is for delegates, and for the CA that
 * delegates, too; where those need it otherwise, their own rows say it. */
enum {
	LINT_EE_STI = DCA_LINT_STI_EE | DCA_LINT_PUBLISHED,
	LINT_EE_ALL = LINT_EE_STI | DCA_LINT_DELEGATE_EE,
	LINT_SUB_STI = DCA_LINT_STI_INTERMEDIATE | DCA_LINT_PUBLISHED,
	LINT_SUB_ALL = LINT_SUB_STI | DCA_LINT_STI_SCA,
	LINT_CA_STI = LINT_SUB_STI | DCA_LINT_STI_ROOT,
	LINT_CA_ALL = LINT_CA_STI | DCA_LINT_STI_SCA,
	LINT_ROOT_STI = DCA_LINT_STI_ROOT | DCA_LINT_PUBLISHED,
};

#endif
