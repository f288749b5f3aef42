/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that octets are the one DER encoding of a certificate (X.690 10), by
 * OpenSSL's templates: decode, encode again, compare. It gives no field away:
 * who wants one reads the octets, which are then known to be right.
 */
#include "cert-parts.h"

#include <openssl/asn1t.h>
#include <openssl/x509.h>

/*
 * The shape of a certificate (RFC 5280 4.1). The key stays a BIT STRING, so
 * no key decoder runs (95 us on OpenSSL 3.0), and names keep no cached octets
 * that would hide BER.
 */
typedef struct der_ava {
	ASN1_OBJECT *type;
	ASN1_TYPE *value;
} DER_AVA;
ASN1_SEQUENCE(DER_AVA) = {
	ASN1_SIMPLE(DER_AVA, type, ASN1_OBJECT),
	ASN1_SIMPLE(DER_AVA, value, ASN1_ANY),
} static_ASN1_SEQUENCE_END(DER_AVA)

ASN1_ITEM_TEMPLATE(DER_RDN) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF, 0, RDN, DER_AVA)
static_ASN1_ITEM_TEMPLATE_END(DER_RDN)

ASN1_ITEM_TEMPLATE(DER_NAME) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, Name, DER_RDN)
static_ASN1_ITEM_TEMPLATE_END(DER_NAME)

typedef struct der_spki {
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *key;
} DER_SPKI;
ASN1_SEQUENCE(DER_SPKI) = {
	ASN1_SIMPLE(DER_SPKI, algorithm, X509_ALGOR),
	ASN1_SIMPLE(DER_SPKI, key, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(DER_SPKI)

typedef struct der_tbs {
	ASN1_INTEGER *version, *serial;
	X509_ALGOR *algorithm;
	OPENSSL_STACK *issuer;
	X509_VAL *validity;
	OPENSSL_STACK *subject;
	DER_SPKI *key;
	ASN1_BIT_STRING *issuer_id, *subject_id;
	STACK_OF(X509_EXTENSION) *extensions;
} DER_TBS;
ASN1_SEQUENCE(DER_TBS) = {
	ASN1_EXP_OPT(DER_TBS, version, ASN1_INTEGER, 0),
	ASN1_SIMPLE(DER_TBS, serial, ASN1_INTEGER),
	ASN1_SIMPLE(DER_TBS, algorithm, X509_ALGOR),
	ASN1_SIMPLE(DER_TBS, issuer, DER_NAME),
	ASN1_SIMPLE(DER_TBS, validity, X509_VAL),
	ASN1_SIMPLE(DER_TBS, subject, DER_NAME),
	ASN1_SIMPLE(DER_TBS, key, DER_SPKI),
	ASN1_IMP_OPT(DER_TBS, issuer_id, ASN1_BIT_STRING, 1),
	ASN1_IMP_OPT(DER_TBS, subject_id, ASN1_BIT_STRING, 2),
	ASN1_EXP_SEQUENCE_OF_OPT(DER_TBS, extensions, X509_EXTENSION, 3),
} static_ASN1_SEQUENCE_END(DER_TBS)

typedef struct der_cert {
	DER_TBS *tbs;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
} DER_CERT;
ASN1_SEQUENCE(DER_CERT) = {
	ASN1_SIMPLE(DER_CERT, tbs, DER_TBS),
	ASN1_SIMPLE(DER_CERT, algorithm, X509_ALGOR),
	ASN1_SIMPLE(DER_CERT, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(DER_CERT)

bool
dca_cert_is_der(struct dca_buf der)
{
	const unsigned char *p = der.p;
	unsigned char *again = NULL;
	ASN1_VALUE *v;
	int n = -1;
	bool same;

	v = ASN1_item_d2i(NULL, &p, (long)der.n, ASN1_ITEM_rptr(DER_CERT));
	if (v != NULL)
		n = ASN1_item_i2d(v, &again, ASN1_ITEM_rptr(DER_CERT));
	same = n > 0 && dca_buf_eq(DCA_BUF(again, (size_t)n), der);
	OPENSSL_free(again);
	ASN1_item_free(v, ASN1_ITEM_rptr(DER_CERT));
	return same;
}
