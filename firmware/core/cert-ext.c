/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the extensions of a certificate into fields (RFC 5280 4.2, RFC 8226).
 * The frame around them is proven DER (cert.c); the contents of each extnValue
 * are not, and are read strictly here. An extension that this file does not
 * know is remembered when it is critical, never quietly obeyed or dropped.
 */
#include "dca/cert.h"

#include "cert-parts.h"
#include "dca/tnauthlist.h"
#include "tlv.h"

static bool
take_bc(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	struct dca_buf seq, b;
	size_t i;

	(void)e;
	c->has_bc = true;
	if (!tlv_take(&v, TLV_SEQ, &seq, NULL) || v.n > 0)
		return false;
	/* FALSE is the default and not written in DER. */
	if (tlv_take(&seq, TLV_BOOLEAN, &b, NULL)) {
		if (b.n != 1 || b.p[0] != 0xff)
			return false;
		c->ca = true;
	}
	if (tlv_take(&seq, TLV_INTEGER, &b, NULL)) {
		if (!c->ca || b.n == 0 || b.n > 3 || (b.p[0] & 0x80) ||
		    (b.n > 1 && b.p[0] == 0 && !(b.p[1] & 0x80)))
			return false;
		for (c->path_len = 0, i = 0; i < b.n; i++)
			c->path_len = c->path_len << 8 | b.p[i];
	}
	return seq.n == 0;
}

static bool
take_ku(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	struct dca_buf b;

	(void)e;
	c->has_ku = true;
	/* Trailing zero bits are tolerated: certificates in the field have
	 * them (03 02 00 80), and they mean one thing only. */
	if (!tlv_take(&v, TLV_BITS, &b, NULL) || v.n > 0 || b.n < 2 ||
	    b.n > 3 || b.p[0] > 7 ||
	    (b.p[b.n - 1] & ((1 << b.p[0]) - 1)) != 0)
		return false;
	c->ku = (uint16_t)(b.p[1] | (b.n == 3 ? b.p[2] << 8 : 0));
	return true;
}

static bool
take_ski(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	(void)e;
	c->has_ski = tlv_take(&v, TLV_OCTETS, &c->ski, NULL);
	return c->has_ski && v.n == 0 && c->ski.n > 0;
}

/* { keyIdentifier [0], authorityCertIssuer [1], serial [2] }, all optional.
 * has_aki says that there is a key identifier: only that one chains. */
static bool
take_aki(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	struct dca_buf seq;

	(void)e;
	if (!tlv_take(&v, TLV_SEQ, &seq, NULL) || v.n > 0)
		return false;
	c->has_aki = tlv_take(&seq, 0x80, &c->aki, NULL);
	if (c->has_aki && c->aki.n == 0)
		return false;
	tlv_take(&seq, TLV_CONTEXT | 1, NULL, NULL);
	tlv_take(&seq, 0x82, NULL, NULL);
	return seq.n == 0;
}

/* Not empty SEQUENCE OF SEQUENCE, as policies and CRLDP are. */
static bool
is_list(struct dca_buf v)
{
	struct dca_buf seq;

	if (!tlv_take(&v, TLV_SEQ, &seq, NULL) || v.n > 0 || seq.n == 0)
		return false;
	while (tlv_take(&seq, TLV_SEQ, NULL, NULL))
		;
	return seq.n == 0;
}

static bool
take_policies(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	struct dca_buf in = v, seq, info;

	(void)e;
	c->policies = v;
	if (!is_list(v) || !tlv_take(&in, TLV_SEQ, &seq, NULL))
		return false;
	while (tlv_take(&seq, TLV_SEQ, &info, NULL))
		if (!tlv_take(&info, TLV_OID, NULL, NULL))
			return false;
	return true;
}

static bool
take_crldp(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	(void)e;
	c->crldp = v;
	return is_list(v);
}

static bool
take_constraints(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	struct dca_buf in = v, seq;

	if (c->constraints.n > 0) {
		(void)dca_fail(e, DCA_RULE_CERT_EXTENSION,
		    "both kinds of claim constraints (RFC 9118 6)");
		return false;
	}
	c->constraints = v;
	return tlv_take(&in, TLV_SEQ, &seq, NULL) && in.n == 0 && seq.n > 0;
}

static bool
take_econstraints(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	c->constraints_enhanced = true;
	return take_constraints(c, v, e);
}

static bool
take_names(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	(void)e;
	c->names = v;
	return dca_names_form(v);
}

static bool
take_tnauthlist(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	c->scope = dca_tnset_new();
	if (dca_tnauthlist_parse(c->scope, v, DCA_TNAUTHLIST_FOREIGN, e) ==
	    DCA_OK)
		return true;
	(void)dca_fail_in(e, "TNAuthList");
	return false;
}

/* Only whether it says where a TNAuthList is (RFC 8226 10.1). */
static bool
take_aia(struct dca_cert *c, struct dca_buf v, struct dca_err *e)
{
	struct dca_buf seq, access, method;

	(void)e;
	if (!is_list(v) || !tlv_take(&v, TLV_SEQ, &seq, NULL))
		return false;
	while (tlv_take(&seq, TLV_SEQ, &access, NULL)) {
		if (!tlv_take(&access, TLV_OID, &method, NULL))
			return false;
		if (dca_buf_eq(method, TLV_LIT(OID_TN_LIST_URL)))
			c->scope_by_reference = true;
	}
	return true;
}

static const struct extension {
	struct dca_buf oid;
	const char *name;
	/* False: malformed. May say more in e by dca_fail. */
	bool (*take)(struct dca_cert *c, struct dca_buf v, struct dca_err *e);
} extensions[] = {
	{ TLV_LIT(OID_BC), "basicConstraints", take_bc },
	{ TLV_LIT(OID_KU), "keyUsage", take_ku },
	{ TLV_LIT(OID_SKI), "subjectKeyIdentifier", take_ski },
	{ TLV_LIT(OID_AKI), "authorityKeyIdentifier", take_aki },
	{ TLV_LIT(OID_POLICIES), "certificatePolicies", take_policies },
	{ TLV_LIT(OID_CRLDP), "cRLDistributionPoints", take_crldp },
	{ TLV_LIT(OID_NAMES), "nameConstraints", take_names },
	{ TLV_LIT(OID_AIA), "authorityInfoAccess", take_aia },
	{ TLV_LIT(OID_TNAUTHLIST), "TNAuthList", take_tnauthlist },
	{ TLV_LIT(OID_CONSTRAINTS), "JWTClaimConstraints", take_constraints },
	{ TLV_LIT(OID_ECONSTRAINTS), "EnhancedJWTClaimConstraints",
	    take_econstraints },
};
enum { N_EXTENSIONS = sizeof(extensions) / sizeof(extensions[0]),
	EXTENSIONS_MAX = 32 };

static void
take_unknown(struct dca_cert *c, struct dca_buf oid, bool critical)
{
	DCA_AUTO_OUT text = { 0 };

	if (dca_buf_eq(oid, TLV_LIT(OID_SAN)))
		c->has_san = true;
	if (!critical || c->unknown_critical)
		return;
	c->unknown_critical = true;
	dca_oid_print(&text, oid);
	dca_out_add(&text, "", 1);
	dca_strlcpy(c->unknown_oid, (const char *)text.p,
	    sizeof(c->unknown_oid));
}

static enum dca_rc
take_extension(struct dca_cert *c, struct dca_buf oid, bool critical,
    struct dca_buf value, struct dca_err *e)
{
	const struct extension *x = extensions;
	struct dca_err why = { .rule = DCA_RULE_NONE };

	while (x < extensions + N_EXTENSIONS && !dca_buf_eq(x->oid, oid))
		x++;
	if (x == extensions + N_EXTENSIONS) {
		take_unknown(c, oid, critical);
		return DCA_OK;
	}
	if (!x->take(c, value, &why)) {
		if (why.rule == DCA_RULE_NONE)
			return dca_fail(e, DCA_RULE_CERT_EXTENSION,
			    "%s is malformed", x->name);
		if (e != NULL)
			*e = why;
		return dca_problem(why.rule)->rc;
	}
	if (x->take == take_bc)
		c->bc_critical = critical;
	else if (x->take == take_ku)
		c->ku_critical = critical;
	else if (x->take == take_tnauthlist)
		c->scope_critical = critical;
	else if (x->take == take_aia)	/* what else it says we do not do */
		take_unknown(c, oid, critical);
	return DCA_OK;
}

bool
dca_cert_extension(const struct dca_cert *c, struct dca_buf oid,
    struct dca_buf *value, bool *critical)
{
	struct dca_buf in = c->extensions, ext, other;

	while (tlv_take(&in, TLV_SEQ, &ext, NULL)) {
		if (!tlv_take(&ext, TLV_OID, &other, NULL) ||
		    !dca_buf_eq(oid, other))
			continue;
		*critical = tlv_take(&ext, TLV_BOOLEAN, NULL, NULL);
		return tlv_take(&ext, TLV_OCTETS, value, NULL);
	}
	return false;
}

/* Was this OID among the extensions before end? (RFC 5280 4.2) */
static bool
seen_before(struct dca_buf list, const uint8_t *end, struct dca_buf oid)
{
	struct dca_buf ext, other;

	while (list.p < end && tlv_take(&list, TLV_SEQ, &ext, NULL))
		if (tlv_take(&ext, TLV_OID, &other, NULL) &&
		    dca_buf_eq(other, oid))
			return true;
	return false;
}

enum dca_rc
dca_cert_extensions(struct dca_cert *c, struct dca_buf list, struct dca_err *e)
{
	struct dca_buf in = list, ext, oid, value, flag, whole;
	unsigned n = 0;
	bool critical;
	enum dca_rc rc;

	c->extensions = list;
	while (tlv_take(&in, TLV_SEQ, &ext, &whole)) {
		if (++n > EXTENSIONS_MAX)
			return dca_fail(e, DCA_RULE_CERT_EXTENSION,
			    "more than %d extensions", EXTENSIONS_MAX);
		if (!tlv_take(&ext, TLV_OID, &oid, NULL))
			break;
		critical = tlv_take(&ext, TLV_BOOLEAN, &flag, NULL);
		/* OpenSSL keeps any octet of a BOOLEAN: DER knows one. */
		if (critical && (flag.n != 1 || flag.p[0] != 0xff))
			return dca_fail(e, DCA_RULE_CERT_DER,
			    "critical is not TRUE as DER writes it");
		if (!tlv_take(&ext, TLV_OCTETS, &value, NULL))
			break;
		if (seen_before(list, whole.p, oid))
			return dca_fail(e, DCA_RULE_CERT_EXTENSION,
			    "an extension is present twice (RFC 5280 4.2)");
		if ((rc = take_extension(c, oid, critical, value, e)) != DCA_OK)
			return rc;
	}
	if (in.n > 0 || n == 0)
		return dca_fail(e, DCA_RULE_CERT_EXTENSION,
		    "extensions are malformed");
	return DCA_OK;
}
