/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extensions as the lint sees them. Those the public reports could not have
 * read are refused (AKI, SKI, CRL distribution points, policies, names, EKU,
 * AIA); a broken keyUsage, basicConstraints or TNAuthList is kept and told
 * about. Of an OID that comes twice the last one counts.
 */
#include "lint-parts.h"

/* The parsers below say NULL or why not. Elements behind those a SEQUENCE
 * needs are not looked at. */

static const char *
read_bc(struct dca_lint_cert *c, struct dca_buf v)
{
	struct lint_tlv seq, t;
	bool ca = false;
	const char *why = lint_take(&v, LINT_SEQUENCE, &seq);

	c->has_path_len = false;
	if (why == NULL && seq.value.n > 0) {
		if (lint_peek(seq.value, LINT_BOOLEAN)) {
			why = lint_next(&seq.value, &t);
			if (why == NULL)
				why = lint_boolean(t.value, &ca);
		}
		if (why == NULL && lint_peek(seq.value, LINT_INTEGER)) {
			why = lint_next(&seq.value, &t);
			if (why == NULL)
				why = lint_int64(t.value, &c->path_len);
			c->has_path_len = why == NULL;
		} else if (why == NULL && seq.value.n > 0) {
			why = lint_next(&seq.value, &t);
		}
	}
	c->bc_parses = why == NULL;
	c->ca = c->bc_parses && ca;
	return NULL;
}

static const char *
read_ku(struct dca_lint_cert *c, struct dca_buf v)
{
	struct lint_tlv t;
	struct dca_buf bits = { 0 };
	unsigned i;

	c->ku_bits = 0;
	c->ku_parses = lint_take(&v, LINT_BITS, &t) == NULL &&
	    lint_bits(t.value, &bits) == NULL;
	if (!c->ku_parses)
		return NULL;
	for (i = 0; i < 9 && i / 8 < bits.n; i++)
		if ((bits.p[i / 8] & (0x80U >> i % 8)) != 0)
			c->ku_bits |= 1U << i;
	return NULL;
}

static const char *
read_ski(struct dca_lint_cert *c, struct dca_buf v)
{
	struct lint_tlv t;
	const char *why = lint_take(&v, LINT_OCTETS, &t);

	c->ski_value = t.value;
	return why;
}

static const char *
read_aki(struct dca_lint_cert *c, struct dca_buf v)
{
	struct lint_tlv seq, t = { 0 };
	const char *why = lint_take(&v, LINT_SEQUENCE, &seq);

	if (why == NULL && seq.value.n > 0)
		why = lint_next(&seq.value, &t);
	c->aki_has_id = why == NULL && t.id == LINT_CONTEXT;
	c->aki_id = c->aki_has_id ? t.value : (struct dca_buf){ 0 };
	return why;
}

static const char *
read_qualifiers(struct dca_buf list)
{
	struct lint_tlv q, t;
	const char *why = NULL;

	while (why == NULL && list.n > 0) {
		why = lint_take(&list, LINT_SEQUENCE, &q);
		if (why == NULL)
			why = lint_take(&q.value, LINT_OID, &t);
		if (why == NULL)
			why = lint_oid(t.value);
		if (why == NULL)
			why = lint_next(&q.value, &t);
	}
	return why;
}

static const char *
read_policies(struct dca_lint_cert *c, struct dca_buf v)
{
	struct lint_tlv list, info, t;
	const char *why = lint_take(&v, LINT_SEQUENCE, &list);

	c->n_policies = 0;
	c->cp13 = c->cp14 = false;
	while (why == NULL && list.value.n > 0) {
		why = lint_take(&list.value, LINT_SEQUENCE, &info);
		if (why == NULL)
			why = lint_take(&info.value, LINT_OID, &t);
		if (why == NULL)
			why = lint_oid(t.value);
		if (why != NULL)
			break;
		c->n_policies++;
		c->policy = t.value;
		c->cp13 = c->cp13 || LINT_IS(t.value, LINT_OID_CP13);
		c->cp14 = c->cp14 || LINT_IS(t.value, LINT_OID_CP14);
		if (lint_peek(info.value, LINT_SEQUENCE)) {
			why = lint_next(&info.value, &t);
			if (why == NULL)
				why = read_qualifiers(t.value);
		} else if (info.value.n > 0) {
			why = lint_next(&info.value, &t);
		}
	}
	return why;
}

/* DistributionPointName: [0] fullName counts, [1] is let be. */
static const char *
read_point_name(struct dca_lint_cert *c, struct dca_buf v)
{
	struct lint_tlv full, name;
	const char *why = NULL;

	if (v.n == 0)
		return NULL;
	why = lint_next(&v, &full);
	if (why != NULL || (full.id & ~LINT_CONSTRUCTED) != LINT_CONTEXT)
		return why;
	while (why == NULL && full.value.n > 0) {
		why = lint_next(&full.value, &name);
		if (why == NULL && name.number == 6) {
			c->n_uris++;
			c->uri = name.value;
		}
	}
	return why;
}

static const char *
read_crldp(struct dca_lint_cert *c, struct dca_buf v)
{
	struct lint_tlv list, point, t;
	const char *why = lint_take(&v, LINT_SEQUENCE, &list);

	c->n_uris = 0;
	while (why == NULL && list.value.n > 0) {
		why = lint_take(&list.value, LINT_SEQUENCE, &point);
		/* distributionPoint [0] is first or is not there */
		if (why == NULL &&
		    lint_peek(point.value, LINT_CONTEXT | LINT_CONSTRUCTED)) {
			why = lint_next(&point.value, &t);
			if (why == NULL)
				why = read_point_name(c, t.value);
		}
		while (why == NULL && point.value.n > 0)
			why = lint_next(&point.value, &t);
	}
	return why;
}

/* Names of subject or issuer: elements, IP addresses of 4 or 16 octets. */
static const char *
read_alt_names(struct dca_lint_cert *c, struct dca_buf v)
{
	struct lint_tlv list, t;
	const char *why = lint_take(&v, LINT_SEQUENCE, &list);

	(void)c;
	if (why == NULL && v.n > 0)
		why = "octets behind the value";
	while (why == NULL && list.value.n > 0) {
		why = lint_next(&list.value, &t);
		if (why == NULL && t.number == 7 && t.value.n != 4 &&
		    t.value.n != 16)
			why = "IP address is not of 4 or 16 octets";
	}
	return why;
}

static const char *
read_eku(struct dca_lint_cert *c, struct dca_buf v)
{
	struct lint_tlv list, t;
	const char *why = lint_take(&v, LINT_SEQUENCE, &list);

	(void)c;
	while (why == NULL && list.value.n > 0) {
		why = lint_take(&list.value, LINT_OID, &t);
		if (why == NULL)
			why = lint_oid(t.value);
	}
	return why;
}

static const char *
read_aia(struct dca_lint_cert *c, struct dca_buf v)
{
	struct lint_tlv list, access, t;
	const char *why = lint_take(&v, LINT_SEQUENCE, &list);

	(void)c;
	while (why == NULL && list.value.n > 0) {
		why = lint_take(&list.value, LINT_SEQUENCE, &access);
		if (why == NULL)
			why = lint_take(&access.value, LINT_OID, &t);
		if (why == NULL)
			why = lint_oid(t.value);
		if (why == NULL)
			why = lint_next(&access.value, &t);
	}
	return why;
}

static const struct {
	struct dca_buf oid;
	const char *name;
	const char *(*read)(struct dca_lint_cert *, struct dca_buf);
	size_t slot;		/* the pointer to the last one, or 0 */
} known[] = {
#define SLOT(m) offsetof(struct dca_lint_cert, m)
	{ LINT_LIT(LINT_OID_BC), "basicConstraints", read_bc, SLOT(bc) },
	{ LINT_LIT(LINT_OID_KU), "keyUsage", read_ku, SLOT(ku) },
	{ LINT_LIT(LINT_OID_SKI), "subjectKeyIdentifier", read_ski,
	    SLOT(ski) },
	{ LINT_LIT(LINT_OID_AKI), "authorityKeyIdentifier", read_aki,
	    SLOT(aki) },
	{ LINT_LIT(LINT_OID_POLICIES), "certificatePolicies", read_policies,
	    SLOT(policies) },
	{ LINT_LIT(LINT_OID_CRLDP), "cRLDistributionPoints", read_crldp,
	    SLOT(crldp) },
	{ LINT_LIT(LINT_OID_TNLIST), "TNAuthList", NULL, SLOT(tnlist) },
	{ LINT_LIT("\x55\x1d\x11"), "subjectAltName", read_alt_names, 0 },
	{ LINT_LIT("\x55\x1d\x12"), "issuerAltName", read_alt_names, 0 },
	{ LINT_LIT("\x55\x1d\x25"), "extKeyUsage", read_eku, 0 },
	{ LINT_LIT(LINT_OID_AIA), "authorityInfoAccess", read_aia, 0 },
#undef SLOT
};

/* What the extension means, when anything here knows it. */
static enum dca_rc
understand(struct dca_lint_cert *c, const struct lint_ext *x,
    struct dca_err *e)
{
	const char *why;
	void *to;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!dca_buf_eq(known[i].oid, x->oid))
			continue;
		to = (char *)c + known[i].slot;
		if (known[i].slot != 0)
			*(const struct lint_ext **)to = x;
		why = known[i].read == NULL ? NULL
		    : known[i].read(c, x->value);
		if (why != NULL)
			return dca_fail(e, DCA_RULE_CERT_DER, "%s: %s",
			    known[i].name, why);
	}
	return DCA_OK;
}

static const char *
read_extension(struct dca_buf *list, struct lint_ext *x)
{
	struct lint_tlv seq, t = { 0 };
	const char *why = lint_take(list, LINT_SEQUENCE, &seq);

	if (why == NULL)
		why = lint_take(&seq.value, LINT_OID, &t);
	if (why == NULL)
		why = lint_oid(t.value);
	x->oid = t.value;
	if (why == NULL && lint_peek(seq.value, LINT_BOOLEAN)) {
		x->critical_encoded = true;
		why = lint_next(&seq.value, &t);
		if (why == NULL)
			why = lint_boolean(t.value, &x->critical);
	}
	if (why == NULL)
		why = lint_take(&seq.value, LINT_OCTETS, &t);
	x->value = t.value;
	return why;
}

const struct lint_ext *
lint_ext_find(const struct dca_lint_cert *c, struct dca_buf oid)
{
	size_t i;

	for (i = c->n_ext; i > 0; i--)
		if (dca_buf_eq(c->ext[i - 1].oid, oid))
			return &c->ext[i - 1];
	return NULL;
}

enum dca_rc
lint_read_extensions(struct dca_lint_cert *c, struct dca_buf list,
    struct dca_err *e)
{
	struct lint_ext *x;
	const char *why;
	enum dca_rc rc = DCA_OK;

	while (rc == DCA_OK && list.n > 0) {
		if (c->n_ext == LINT_EXTENSIONS_MAX)
			return dca_fail(e, DCA_RULE_CERT_DER,
			    "extensions: more than %d", LINT_EXTENSIONS_MAX);
		x = &c->ext[c->n_ext];
		why = read_extension(&list, x);
		if (why != NULL)
			return dca_fail(e, DCA_RULE_CERT_DER,
			    "extension %zu: %s", c->n_ext + 1, why);
		if (lint_ext_find(c, x->oid) != NULL)
			c->duplicates++;
		c->n_ext++;
		rc = understand(c, x, e);
	}
	return rc;
}
