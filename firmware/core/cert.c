/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one certificate, ours or foreign, into checked fields. The octets are
 * hostile: the size is limited first, cert-der.c proves that they are the one
 * DER encoding of what they say, and only then are fields looked at. It judges
 * form, never trust: whether a certificate may be believed is chain.c.
 */
#include "dca/cert.h"

#include <time.h>

#include "cert-parts.h"
#include "tlv.h"

static bool
digits(const uint8_t **p, int n, int *v)
{
	for (*v = 0; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*v = *v * 10 + (**p - '0');
	}
	return true;
}

/* YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ, nothing else (RFC 5280 4.1.2.5). */
bool
dca_time_take(struct dca_buf *in, int64_t *out)
{
	struct tm tm = { 0 }, back;
	struct dca_buf v;
	const uint8_t *p;
	uint8_t tag;
	int year;
	time_t t;

	if (!tlv_next(in, &tag, &v, NULL))
		return false;
	p = v.p;
	if (tag == TLV_UTCTIME && v.n == 13) {
		if (!digits(&p, 2, &year))
			return false;
		year += year < 50 ? 2000 : 1900;
	} else if (tag != TLV_GENTIME || v.n != 15 || !digits(&p, 4, &year)) {
		return false;
	}
	if (!digits(&p, 2, &tm.tm_mon) || !digits(&p, 2, &tm.tm_mday) ||
	    !digits(&p, 2, &tm.tm_hour) || !digits(&p, 2, &tm.tm_min) ||
	    !digits(&p, 2, &tm.tm_sec) || *p != 'Z')
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon--;
	back = tm;
	t = timegm(&back);	/* normalises: what changes was no date */
	*out = t;
	return back.tm_year == tm.tm_year && back.tm_mon == tm.tm_mon &&
	    back.tm_mday == tm.tm_mday && back.tm_hour == tm.tm_hour &&
	    back.tm_min == tm.tm_min && back.tm_sec == tm.tm_sec;
}

bool
dca_serial_take(struct dca_buf *in, uint8_t serial[DCA_SERIAL_LEN])
{
	struct dca_buf v;

	if (!tlv_take(in, TLV_INTEGER, &v, NULL) || v.n == 0 ||
	    (v.p[0] & 0x80))
		return false;
	if (v.n > 1 && v.p[0] == 0) {
		v.p++;
		v.n--;
		if ((v.p[0] & 0x80) == 0)
			return false;	/* not the shortest */
	}
	if (v.n > DCA_SERIAL_LEN)
		return false;
	memcpy(serial + DCA_SERIAL_LEN - v.n, v.p, v.n);
	return true;
}

/* ECDSA has no parameters, not even NULL (RFC 5758 3.2). */
enum dca_sigalg
dca_sigalg_of(struct dca_buf algorithm)
{
	struct dca_buf seq, oid;

	if (!tlv_take(&algorithm, TLV_SEQ, &seq, NULL) ||
	    !tlv_take(&seq, TLV_OID, &oid, NULL) || seq.n > 0)
		return DCA_SIG_OTHER;
	if (dca_buf_eq(oid, TLV_LIT(OID_ECDSA_SHA256)))
		return DCA_SIG_ECDSA_SHA256;
	if (dca_buf_eq(oid, TLV_LIT(OID_ECDSA_SHA384)))
		return DCA_SIG_ECDSA_SHA384;
	return DCA_SIG_OTHER;
}

/* version 1, 2 or 3; v1 is the default and not written. */
static int
take_version(struct dca_buf *in)
{
	struct dca_buf v;

	if (!tlv_take(in, TLV_CONTEXT | 0, &v, NULL))
		return 1;
	if (v.n != 3 || v.p[0] != TLV_INTEGER || v.p[1] != 1 ||
	    (v.p[2] != 1 && v.p[2] != 2))
		return 0;
	return v.p[2] + 1;
}

static enum dca_rc
take_tbs(struct dca_cert *c, struct dca_buf tbs, struct dca_buf algorithm,
    struct dca_err *e)
{
	struct dca_buf alg, validity, list;
	int version = take_version(&tbs);

	if (version == 0)
		return dca_fail(e, DCA_RULE_CERT_DER, "version is not 1 to 3");
	if (!dca_serial_take(&tbs, c->serial))
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "serial is negative or longer than 20 octets "
		    "(RFC 5280 4.1.2.2)");
	if (!tlv_take(&tbs, TLV_SEQ, NULL, &alg) ||
	    !dca_buf_eq(alg, algorithm))
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "the two signature algorithms differ (RFC 5280 4.1.1.2)");
	if (!tlv_take(&tbs, TLV_SEQ, NULL, &c->issuer) ||
	    !tlv_take(&tbs, TLV_SEQ, &validity, NULL) ||
	    !dca_time_take(&validity, &c->not_before) ||
	    !dca_time_take(&validity, &c->not_after))
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "validity is malformed (RFC 5280 4.1.2.5)");
	if (!tlv_take(&tbs, TLV_SEQ, NULL, &c->subject) ||
	    !tlv_take(&tbs, TLV_SEQ, NULL, &c->spki))
		return dca_fail(e, DCA_RULE_CERT_DER, "key is malformed");
	c->p256 = dca_spki_parse(&c->key, c->spki, NULL) == DCA_OK;
	if (version > 1) {
		tlv_take(&tbs, 0x81, NULL, NULL);
		tlv_take(&tbs, 0x82, NULL, NULL);
	}
	if (version == 3 && tlv_take(&tbs, TLV_CONTEXT | 3, &list, NULL)) {
		if (!tlv_take(&list, TLV_SEQ, &validity, NULL))
			return dca_fail(e, DCA_RULE_CERT_EXTENSION,
			    "extensions are malformed");
		return dca_cert_extensions(c, validity, e);
	}
	if (tbs.n > 0)
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "field not allowed in version %d", version);
	return DCA_OK;
}

static enum dca_rc
take_certificate(struct dca_cert *c, struct dca_err *e)
{
	struct dca_buf in = dca_out_buf(&c->der), seq, tbs, alg, sig;

	if (!dca_cert_is_der(in))
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "not a certificate in strict DER");
	if (!tlv_take(&in, TLV_SEQ, &seq, NULL) ||
	    !tlv_take(&seq, TLV_SEQ, &tbs, &c->tbs) ||
	    !tlv_take(&seq, TLV_SEQ, NULL, &alg) ||
	    !tlv_take(&seq, TLV_BITS, &sig, NULL) || sig.n < 2 ||
	    sig.p[0] != 0)
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "signature is malformed (RFC 5280 4.1.1.3)");
	c->signature = DCA_BUF(sig.p + 1, sig.n - 1);
	c->sigalg = dca_sigalg_of(alg);
	return take_tbs(c, tbs, alg, e);
}

enum dca_rc
dca_cert_parse(struct dca_cert *out, struct dca_buf der, struct dca_err *e)
{
	enum dca_rc rc;

	*out = (struct dca_cert){ .path_len = -1 };
	if (der.n == 0 || der.n > DCA_CERT_MAX)
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "certificate has %zu octets, 1 to %d are read", der.n,
		    DCA_CERT_MAX);
	dca_out_add(&out->der, der.p, der.n);
	rc = take_certificate(out, e);
	if (rc != DCA_OK)
		dca_cert_clear(out);
	return rc;
}

void
dca_cert_clear(struct dca_cert *c)
{
	dca_out_free(&c->der);
	dca_tnset_free(c->scope);
	*c = (struct dca_cert){ .path_len = -1 };
}
