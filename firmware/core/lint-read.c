/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One certificate, or one TBSCertificate, as the lint sees it (RFC 5280 4.1):
 * strict DER, lenient in what it means. What cannot be read here gets no
 * verdict at all. Elements behind those a nested SEQUENCE needs are let be;
 * behind those of Certificate and TBSCertificate nothing may stand.
 */
#include "lint-parts.h"

#include <stdlib.h>

static enum dca_rc
refuse(struct dca_err *e, const char *field, const char *why)
{
	return dca_fail(e, DCA_RULE_CERT_DER, "%s: %s", field, why);
}

static const char *
read_algorithm(struct dca_buf *in, struct lint_algorithm *a)
{
	struct lint_tlv seq, t;
	const char *why = lint_take(in, LINT_SEQUENCE, &seq);

	if (why == NULL)
		why = lint_take(&seq.value, LINT_OID, &t);
	if (why == NULL)
		why = lint_oid(t.value);
	if (why != NULL)
		return why;
	a->oid = t.value;
	if (seq.value.n > 0) {
		why = lint_next(&seq.value, &t);
		a->has_parameters = true;
		a->parameters = t.whole;
	}
	return why;
}

static const char *
read_version(struct dca_lint_cert *c, struct dca_buf *in)
{
	struct lint_tlv t, v;
	const char *why;

	if (!lint_peek(*in, LINT_CONTEXT | LINT_CONSTRUCTED))
		return NULL;
	why = lint_next(in, &t);
	if (why == NULL)
		why = lint_take(&t.value, LINT_INTEGER, &v);
	if (why == NULL)
		why = lint_int64(v.value, &c->version);
	return why;
}

/* Bits of the magnitude of an INTEGER. For a negative one that is the bits of
 * its complement, one more when the complement is all ones. */
static size_t
magnitude_bits(struct dca_buf v)
{
	uint8_t flip = (v.p[0] & 0x80) != 0 ? 0xff : 0, octet;
	bool ones = flip != 0;
	size_t i, bits = 0;

	for (i = 0; i < v.n; i++) {
		octet = v.p[i] ^ flip;
		if (bits > 0) {
			bits += 8;
			ones = ones && octet == 0xff;
			continue;
		}
		while (octet >> bits != 0)
			bits++;
		ones = ones && ((octet + 1U) & octet) == 0;
	}
	return bits + (ones ? 1 : 0);
}

static const char *
read_serial(struct dca_lint_cert *c, struct dca_buf *in)
{
	struct lint_tlv t;
	const char *why = lint_take(in, LINT_INTEGER, &t);

	if (why == NULL)
		why = lint_integer(t.value);
	if (why != NULL)
		return why;
	c->serial = t.value;
	c->serial_negative = (t.value.p[0] & 0x80) != 0;
	c->serial_zero = t.value.n == 1 && t.value.p[0] == 0;
	c->serial_bits = magnitude_bits(t.value);
	return NULL;
}

static const char *
read_validity(struct dca_lint_cert *c, struct dca_buf *in)
{
	struct lint_tlv seq, t;
	char day[DCA_TIME_TEXT];
	const char *why = lint_take(in, LINT_SEQUENCE, &seq);

	if (why == NULL)
		why = lint_next(&seq.value, &t);
	if (why == NULL)
		why = lint_time(&t, &c->not_before);
	if (why == NULL)
		why = lint_next(&seq.value, &t);
	if (why == NULL)
		why = lint_time(&t, &c->not_after);
	if (why != NULL)
		return why;
	dca_time_format(day, c->not_before);
	(void)dca_strlcpy(c->day, day, 11);
	return NULL;
}

static const char *
read_key(struct dca_lint_cert *c, struct dca_buf *in)
{
	struct lint_tlv seq, t;
	struct dca_buf p;
	const char *why = lint_take(in, LINT_SEQUENCE, &seq);

	c->spki = seq.whole;
	if (why == NULL)
		why = read_algorithm(&seq.value, &c->key);
	if (why == NULL)
		why = lint_take(&seq.value, LINT_BITS, &t);
	if (why == NULL)
		why = lint_bits(t.value, &c->point);
	p = c->key.parameters;
	if (why == NULL && lint_take(&p, LINT_OID, &t) == NULL &&
	    lint_oid(t.value) == NULL)
		c->curve = t.value;
	return why;
}

/* issuerUniqueID, subjectUniqueID, extensions. */
static enum dca_rc
read_rest(struct dca_lint_cert *c, struct dca_buf in, struct dca_err *e)
{
	struct lint_tlv t, list;
	const char *why = NULL;

	while (why == NULL && (lint_peek(in, LINT_CONTEXT | 1) ||
	    lint_peek(in, LINT_CONTEXT | 2)))
		why = lint_next(&in, &t);
	if (why != NULL)
		return refuse(e, "unique identifier", why);
	if (in.n == 0)
		return DCA_OK;
	why = lint_take(&in, LINT_CONTEXT | LINT_CONSTRUCTED | 3, &t);
	if (why == NULL)
		why = lint_take(&t.value, LINT_SEQUENCE, &list);
	if (why == NULL && t.value.n > 0)
		why = "octets behind the list";
	if (why != NULL)
		return refuse(e, "extensions", why);
	if (in.n > 0)
		return refuse(e, "TBSCertificate",
		    "octets behind the extensions");
	return lint_read_extensions(c, list.value, e);
}

static enum dca_rc
read_tbs(struct dca_lint_cert *c, struct dca_buf in, struct dca_err *e)
{
	struct lint_tlv t;
	const char *why;
	enum dca_rc rc;

	why = read_version(c, &in);
	if (why != NULL)
		return refuse(e, "version", why);
	why = read_serial(c, &in);
	if (why != NULL)
		return refuse(e, "serialNumber", why);
	why = read_algorithm(&in, &c->inner);
	if (why != NULL)
		return refuse(e, "signature", why);
	why = lint_next(&in, &t);
	if (why != NULL)
		return refuse(e, "issuer", why);
	rc = lint_read_name(c, &c->issuer, t.whole, "issuer", e);
	if (rc != DCA_OK)
		return rc;
	why = read_validity(c, &in);
	if (why != NULL)
		return refuse(e, "validity", why);
	why = lint_next(&in, &t);
	if (why != NULL)
		return refuse(e, "subject", why);
	rc = lint_read_name(c, &c->subject, t.whole, "subject", e);
	if (rc != DCA_OK)
		return rc;
	why = read_key(c, &in);
	if (why != NULL)
		return refuse(e, "subjectPublicKeyInfo", why);
	return read_rest(c, in, e);
}

/* What follows from the fields together. */
static void
derive(struct dca_lint_cert *c)
{
	lint_read_tnlist(c);
	c->self_signed = !c->tbs_only &&
	    dca_buf_eq(c->issuer.der, c->subject.der) &&
	    lint_verifies_itself(c);
	c->root = c->ca && c->self_signed;
}

static enum dca_rc
read_certificate(struct dca_lint_cert *c, struct dca_buf der,
    struct dca_err *e)
{
	struct lint_tlv cert, tbs, t;
	struct dca_buf in = der;
	enum dca_rc rc;
	const char *why = lint_take(&in, LINT_SEQUENCE, &cert);

	if (why == NULL && in.n > 0)
		why = "octets behind it";
	if (why != NULL)
		return refuse(e, "certificate", why);
	c->der = der;
	why = lint_take(&cert.value, LINT_SEQUENCE, &tbs);
	if (why != NULL)
		return refuse(e, "TBSCertificate", why);
	c->tbs = tbs.whole;
	rc = read_tbs(c, tbs.value, e);
	if (rc != DCA_OK)
		return rc;
	why = read_algorithm(&cert.value, &c->outer);
	if (why != NULL)
		return refuse(e, "signatureAlgorithm", why);
	why = lint_take(&cert.value, LINT_BITS, &t);
	if (why == NULL)
		why = lint_bits(t.value, &c->signature);
	if (why == NULL && cert.value.n > 0)
		why = "octets behind it";
	if (why != NULL)
		return refuse(e, "signatureValue", why);
	derive(c);
	return DCA_OK;
}

static enum dca_rc
read_unsigned(struct dca_lint_cert *c, struct dca_buf der, struct dca_err *e)
{
	struct lint_tlv tbs;
	struct dca_buf in = der;
	enum dca_rc rc;
	const char *why = lint_take(&in, LINT_SEQUENCE, &tbs);

	if (why == NULL && in.n > 0)
		why = "octets behind it";
	if (why != NULL)
		return refuse(e, "TBSCertificate", why);
	c->tbs = der;
	c->tbs_only = true;
	rc = read_tbs(c, tbs.value, e);
	if (rc == DCA_OK)
		derive(c);
	return rc;
}

static enum dca_rc
read_with(struct dca_lint_cert **out, struct dca_buf der,
    enum dca_rc (*read)(struct dca_lint_cert *, struct dca_buf,
    struct dca_err *), struct dca_err *e)
{
	DCA_CLEANUP(dca_lint_free_p) struct dca_lint_cert *c = NULL;
	enum dca_rc rc;

	*out = NULL;
	if (der.n > DCA_CERT_MAX)
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "certificate: %zu octets, at most %d are read", der.n,
		    DCA_CERT_MAX);
	c = dca_alloc(sizeof(*c));
	rc = read(c, der, e);
	if (rc == DCA_OK)
		*out = dca_steal(&c);
	return rc;
}

enum dca_rc
dca_lint_read(struct dca_lint_cert **out, struct dca_buf der,
    struct dca_err *e)
{
	return read_with(out, der, read_certificate, e);
}

enum dca_rc
dca_lint_read_tbs(struct dca_lint_cert **out, struct dca_buf tbs,
    struct dca_err *e)
{
	return read_with(out, tbs, read_unsigned, e);
}

void
dca_lint_free(struct dca_lint_cert *c)
{
	if (c == NULL)
		return;
	dca_tnset_free(c->tnset);
	free(c->text);
	free(c);
}

unsigned
dca_lint_pack_of(const struct dca_lint_cert *c)
{
	if (c->root)
		return DCA_LINT_STI_ROOT;
	if (c->ca)
		return c->tnlist == NULL ? DCA_LINT_STI_INTERMEDIATE
		    : DCA_LINT_STI_SCA;
	if (c->tnlist == NULL)
		return DCA_LINT_STI_EE;
	return c->n_tn_entries > 0 || c->n_spc_entries == 0
	    ? DCA_LINT_DELEGATE_EE : DCA_LINT_STI_EE;
}

const char *
dca_lint_kind(const struct dca_lint_cert *c)
{
	if (c->ca)
		return c->root ? "ROOT" : "CA";
	return c->self_signed ? "EESELF" : "EE";
}

bool
dca_lint_issued_by(const struct dca_lint_cert *c,
    const struct dca_lint_cert *issuer)
{
	return dca_buf_eq(c->issuer.der, issuer->subject.der) &&
	    (!c->aki_has_id || issuer->ski == NULL ||
	    dca_buf_eq(c->aki_id, issuer->ski_value));
}
