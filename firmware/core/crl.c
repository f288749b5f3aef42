/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one certificate revocation list, direct or indirect (RFC 5280 5, 6.3.3;
 * RFC 10007 4), and says whether it speaks for a certificate and revokes it.
 * What it does not understand refuses the list. It must never fetch one, and
 * never take one for good because its text looks right: the signature and
 * the signer's right to it come first.
 */
#include "dca/crl.h"

#include "crl-parts.h"
#include "tlv.h"

#define OID_CRL_NUMBER "\x55\x1d\x14"
#define OID_IDP "\x55\x1d\x1c"
#define PEM_LABEL "X509 CRL"
enum { EXTENSIONS_MAX = 32, PEM_OCTETS_MAX = DCA_CRL_OCTETS_MAX / 4 * 6 };

struct dca_crl {
	struct dca_out issuer;		/* Name, DER */
	int64_t this_update, next_update;
	bool indirect, only_user, only_ca;
	struct dca_out places;	/* IDP: fullName, contents of GeneralNames */
	bool has_number;
	struct dca_buf aki;	/* while it is read */
	struct crl_entries entries;
};

/* --- form --- */

/* CRLNumber: not negative, at most 20 octets (5.2.3). */
static bool
take_number(struct dca_crl *c, struct dca_buf v)
{
	uint8_t number[DCA_SERIAL_LEN] = { 0 };

	c->has_number = true;
	return dca_serial_take(&v, number) && v.n == 0;
}

static bool
take_aki(struct dca_crl *c, struct dca_buf v)
{
	struct dca_buf seq;

	if (!tlv_take(&v, TLV_SEQ, &seq, NULL) || v.n > 0)
		return false;
	return !tlv_take(&seq, 0x80, &c->aki, NULL) || c->aki.n > 0;
}

/* A [tag] IMPLICIT BOOLEAN DEFAULT FALSE: true when it is there. */
static bool
take_flag(struct dca_buf *in, uint8_t tag, bool *flag)
{
	struct dca_buf v;

	*flag = tlv_take(in, tag, &v, NULL);
	return !*flag || (v.n == 1 && v.p[0] == 0xff);
}

/* IssuingDistributionPoint (5.2.5). Lists of some reasons or of attribute
 * certificates say nothing whole about ours: they are refused. */
static bool
take_idp(struct dca_crl *c, struct dca_buf v)
{
	struct dca_buf seq, point, names;

	if (!tlv_take(&v, TLV_SEQ, &seq, NULL) || v.n > 0 || seq.n == 0)
		return false;
	if (tlv_take(&seq, TLV_CONTEXT | 0, &point, NULL)) {
		if (!tlv_take(&point, TLV_CONTEXT | 0, &names, NULL) ||
		    point.n > 0 || names.n == 0)
			return false;
		dca_out_add(&c->places, names.p, names.n);
	}
	return take_flag(&seq, 0x81, &c->only_user) &&
	    take_flag(&seq, 0x82, &c->only_ca) &&
	    take_flag(&seq, 0x84, &c->indirect) && seq.n == 0 &&
	    !(c->only_user && c->only_ca);
}

static const struct extension {
	struct dca_buf oid;
	const char *name;
	bool critical;
	bool (*take)(struct dca_crl *c, struct dca_buf v);
} extensions[] = {
	{ TLV_LIT(OID_AKI), "authorityKeyIdentifier", false, take_aki },
	{ TLV_LIT(OID_CRL_NUMBER), "cRLNumber", false, take_number },
	{ TLV_LIT(OID_IDP), "issuingDistributionPoint", true, take_idp },
};
enum { N_EXTENSIONS = sizeof(extensions) / sizeof(extensions[0]) };

static enum dca_rc
take_extension(struct dca_crl *c, struct dca_buf oid, bool critical,
    struct dca_buf value, struct dca_err *e)
{
	const struct extension *x = extensions;

	while (x < extensions + N_EXTENSIONS && !dca_buf_eq(x->oid, oid))
		x++;
	if (x == extensions + N_EXTENSIONS)
		return critical ? crl_fail_unknown(oid, "the CRL", e) : DCA_OK;
	if (critical != x->critical)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "%s is %scritical (RFC 5280 5.2)", x->name,
		    critical ? "" : "not ");
	return x->take(c, value) ? DCA_OK : dca_fail(e, DCA_RULE_CRL_FORM,
	    "%s is malformed or not for all certificates (RFC 5280 5.2)",
	    x->name);
}

static enum dca_rc
take_extensions(struct dca_crl *c, struct dca_buf list, struct dca_err *e)
{
	struct dca_buf in = list, oid, value;
	bool critical;
	enum dca_rc rc = DCA_OK;
	int n;

	for (n = 0; rc == DCA_OK && (in.n > 0 || n == 0); n++)
		rc = n < EXTENSIONS_MAX && crl_extension_next(list, &in, &oid,
		    &critical, &value) ?
		    take_extension(c, oid, critical, value, e) :
		    dca_fail(e, DCA_RULE_CRL_FORM, "extensions are malformed "
			"or twice (RFC 5280 5.2)");
	if (rc != DCA_OK)
		return rc;
	if (!c->has_number)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "no cRLNumber (RFC 5280 5.2.3)");
	return DCA_OK;
}

static enum dca_rc
take_tbs(struct dca_crl *c, struct dca_buf tbs, struct dca_buf algorithm,
    struct dca_err *e)
{
	struct dca_buf v, alg, in, name, entries = { NULL, 0 }, list, outer;
	enum dca_rc rc;

	if (!tlv_take(&tbs, TLV_INTEGER, &v, NULL) || v.n != 1 || v.p[0] != 1)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "version is not v2 (RFC 5280 5.1.2.1)");
	if (!tlv_take(&tbs, TLV_SEQ, NULL, &alg) ||
	    !dca_buf_eq(alg, algorithm))
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "the two signature algorithms differ (RFC 5280 5.1.1.2)");
	in = tbs;
	if (!dca_name_take_der(&tbs) || !tlv_take(&in, TLV_SEQ, &v, &name) ||
	    v.n == 0)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "issuer is malformed or empty (RFC 5280 5.1.2.3)");
	dca_out_add(&c->issuer, name.p, name.n);
	if (!dca_time_take(&tbs, &c->this_update) ||
	    !dca_time_take(&tbs, &c->next_update) ||
	    c->next_update < c->this_update)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "thisUpdate or nextUpdate is malformed or missing "
		    "(RFC 5280 5.1.2.5)");
	if (tlv_take(&tbs, TLV_SEQ, &entries, NULL) && entries.n == 0)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "an empty list of entries is left out (RFC 5280 5.1.2.6)");
	if (!tlv_take(&tbs, TLV_CONTEXT | 0, &outer, NULL) || tbs.n > 0 ||
	    !tlv_take(&outer, TLV_SEQ, &list, NULL) || outer.n > 0)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "extensions are malformed or missing (RFC 5280 5.1.2.7)");
	if ((rc = take_extensions(c, list, e)) != DCA_OK)
		return rc;
	return crl_entries_parse(&c->entries, entries,
	    dca_out_buf(&c->issuer), c->indirect, e);
}

/* --- who signed --- */

static enum dca_rc
check_signer(const struct dca_crl *c, const struct dca_cert *signer,
    struct dca_err *e)
{
	if (!dca_buf_eq(dca_out_buf(&c->issuer), signer->subject))
		return dca_fail(e, DCA_RULE_CRL_SIGNER,
		    "issuer of the CRL is not the subject of the signer, "
		    "octet by octet (RFC 5280 6.3.3)");
	if (c->aki.n > 0 && signer->has_ski &&
	    !dca_buf_eq(c->aki, signer->ski))
		return dca_fail(e, DCA_RULE_CRL_SIGNER,
		    "AKI of the CRL is not the SKI of the signer "
		    "(RFC 5280 5.2.1)");
	if (signer->unknown_critical)
		return dca_fail(e, DCA_RULE_CRL_SIGNER,
		    "critical extension %s of the signer is not known "
		    "(RFC 5280 6.1.5)", signer->unknown_oid);
	if (!signer->has_ku || (signer->ku & DCA_KU_CRL_SIGN) == 0)
		return dca_fail(e, DCA_RULE_CRL_SIGNER,
		    "the signer has no cRLSign (RFC 10007 4)");
	return DCA_OK;
}

static enum dca_rc
take_list(struct dca_crl *c, struct dca_buf in, const struct dca_cert *signer,
    struct dca_err *e)
{
	struct dca_buf seq, tbs, whole, alg, sig;
	enum dca_rc rc;

	if (!tlv_take(&in, TLV_SEQ, &seq, NULL) || in.n > 0 ||
	    !tlv_take(&seq, TLV_SEQ, &tbs, &whole) ||
	    !tlv_take(&seq, TLV_SEQ, NULL, &alg) ||
	    !tlv_take(&seq, TLV_BITS, &sig, NULL) || seq.n > 0 ||
	    sig.n < 2 || sig.p[0] != 0)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "not a CertificateList in DER (RFC 5280 5.1)");
	/* Before anything in it is believed. */
	if (!dca_signed_by(dca_sigalg_of(alg), whole,
	    DCA_BUF(sig.p + 1, sig.n - 1), signer))
		return dca_fail(e, DCA_RULE_CRL_SIGNER,
		    "its signature does not verify by the key of the signer");
	if (!dca_der_take_any(&whole))
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "what is signed is not DER (RFC 5280 5.1.1.3)");
	rc = take_tbs(c, tbs, alg, e);
	return rc == DCA_OK ? check_signer(c, signer, e) : rc;
}

enum dca_rc
dca_crl_parse(struct dca_crl **out, struct dca_buf crl,
    const struct dca_cert *signer, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };
	enum dca_rc rc;

	*out = NULL;
	if (crl.n > 0 && crl.p[0] != TLV_SEQ && crl.n <= PEM_OCTETS_MAX) {
		if (dca_pem_decode(&der, PEM_LABEL, crl, e) != DCA_OK)
			return dca_fail(e, DCA_RULE_CRL_FORM,
			    "neither DER nor a PEM block %s", PEM_LABEL);
		crl = dca_out_buf(&der);
	}
	if (crl.n == 0 || crl.n > DCA_CRL_OCTETS_MAX)
		return dca_fail(e, DCA_RULE_CRL_FORM,
		    "CRL has %zu octets, 1 to %d are read", crl.n,
		    DCA_CRL_OCTETS_MAX);
	*out = dca_alloc(sizeof(**out));
	rc = take_list(*out, crl, signer, e);
	if (rc != DCA_OK) {
		dca_crl_free(*out);
		*out = NULL;
	} else {
		(*out)->aki = DCA_BUF(NULL, 0);
	}
	return rc;
}

void
dca_crl_free(struct dca_crl *c)
{
	if (c == NULL)
		return;
	dca_out_free(&c->issuer);
	dca_out_free(&c->places);
	free(c->entries.v);
	free(c);
}

int64_t
dca_crl_this_update(const struct dca_crl *c)
{
	return c->this_update;
}

int64_t
dca_crl_next_update(const struct dca_crl *c)
{
	return c->next_update;
}

struct dca_buf
crl_issuer(const struct dca_crl *c)
{
	return dca_out_buf(&c->issuer);
}

struct dca_buf
crl_places(const struct dca_crl *c)
{
	return dca_out_buf(&c->places);
}

bool
crl_indirect(const struct dca_crl *c)
{
	return c->indirect;
}

bool
crl_covers(const struct dca_crl *c, bool ca)
{
	return ca ? !c->only_user : !c->only_ca;
}

const struct crl_entry *
crl_find(const struct dca_crl *c, const struct dca_cert *cert)
{
	return crl_entries_find(&c->entries, cert->issuer, cert->serial);
}
