/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS#7 certs-only: the SignedData without content and signers (RFC 5652 5,
 * RFC 8951 3) in which EST carries certificates. Written by hand, for
 * the front answers with it often; read by OpenSSL, which understands what other
 * servers send. The order of certificates is kept: the issued one is first.
 */
#include "dca/cert.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "tlv.h"

enum { P7_MAX = 8 * DCA_CERT_MAX, P7_CERTS_MAX = 16, P7_ROOM = 128 };

void
dca_p7_encode(struct dca_out *o, const struct dca_buf *certs, size_t n)
{
	DCA_AUTO_OUT buf = { 0 };
	struct tlv_out w;
	size_t i, end;

	buf.cap = P7_ROOM;
	for (i = 0; i < n; i++)
		buf.cap += certs[i].n;
	buf.p = dca_alloc(buf.cap);
	end = buf.cap;
	w = (struct tlv_out){ buf.p, end };

	tlv_put(&w, TLV_LIT("\x31\x00"));	/* signerInfos */
	for (i = n; i-- > 0;)
		tlv_put(&w, certs[i]);
	tlv_head(&w, TLV_CONTEXT | 0, end - 2);	/* certificates */
	tlv_put(&w, TLV_LIT("\x30\x0b\x06\x09" OID_P7_DATA));
	tlv_put(&w, TLV_LIT("\x02\x01\x01\x31\x00"));	/* v1, no digests */
	tlv_head(&w, TLV_SEQ, end);
	tlv_head(&w, TLV_CONTEXT | 0, end);
	tlv_add(&w, TLV_OID, TLV_LIT(OID_P7_SIGNED));
	tlv_head(&w, TLV_SEQ, end);
	dca_out_add(o, w.p + w.at, end - w.at);
}

static enum dca_rc
take_certs(struct dca_certs *out, const STACK_OF(X509) *list,
    struct dca_err *e)
{
	int i, n = list == NULL ? 0 : sk_X509_num(list), len;
	enum dca_rc rc = DCA_OK;
	unsigned char *der;

	if (n == 0)
		return dca_fail(e, DCA_RULE_INPUT,
		    "PKCS#7 holds no certificate");
	if (n > P7_CERTS_MAX)
		return dca_fail(e, DCA_RULE_INPUT,
		    "PKCS#7 holds more than %d certificates", P7_CERTS_MAX);
	out->v = dca_alloc((size_t)n * sizeof(*out->v));
	for (i = 0; i < n && rc == DCA_OK; i++) {
		der = NULL;
		len = i2d_X509(sk_X509_value(list, i), &der);
		if (len <= 0)
			abort();
		rc = dca_cert_parse(&out->v[i], DCA_BUF(der, len), e);
		out->n += rc == DCA_OK;
		OPENSSL_free(der);
	}
	return rc;
}

enum dca_rc
dca_p7_parse(struct dca_certs *out, struct dca_buf der, struct dca_err *e)
{
	const unsigned char *p = der.p;
	PKCS7 *p7 = NULL;
	enum dca_rc rc;

	*out = (struct dca_certs){ 0 };
	if (der.n > 0 && der.n <= P7_MAX)
		p7 = d2i_PKCS7(NULL, &p, (long)der.n);
	if (p7 == NULL || p != der.p + der.n || !PKCS7_type_is_signed(p7) ||
	    p7->d.sign == NULL) {
		ERR_clear_error();	/* not for the next TLS call to find */
		rc = dca_fail(e, DCA_RULE_INPUT,
		    "not PKCS#7 certs-only (RFC 5652 5)");
	} else {
		rc = take_certs(out, p7->d.sign->cert, e);
	}
	PKCS7_free(p7);
	if (rc != DCA_OK)
		dca_certs_clear(out);
	return rc;
}
