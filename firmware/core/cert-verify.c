/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifies the signature of one certificate by the key of another: ECDSA on
 * P-256 and P-384 with SHA-256 or SHA-384, as STI CAs use (US SHAKEN CP 1.4
 * 6.1.5), and no other. It says nothing about whether that key may sign.
 */
#include "dca/cert.h"

#include <openssl/evp.h>

#include "cert-parts.h"
#include "tlv.h"

#define OID_P384 "\x2b\x81\x04\x00\x22"
enum { DIGEST_MAX = 48 };

/* The point of an id-ecPublicKey on the named curve P-384 (RFC 5480 2.1.1:
 * never explicit parameters). P-256 was read with the certificate. */
static bool
p384_point(struct dca_buf spki, struct dca_buf *point)
{
	struct dca_buf seq, alg, oid, curve;

	if (!tlv_take(&spki, TLV_SEQ, &seq, NULL) ||
	    !tlv_take(&seq, TLV_SEQ, &alg, NULL) ||
	    !tlv_take(&alg, TLV_OID, &oid, NULL) ||
	    !dca_buf_eq(oid, TLV_LIT(OID_EC_KEY)) ||
	    !tlv_take(&alg, TLV_OID, &curve, NULL) || alg.n > 0 ||
	    !dca_buf_eq(curve, TLV_LIT(OID_P384)) ||
	    !tlv_take(&seq, TLV_BITS, point, NULL) || seq.n > 0 ||
	    point->n < 1 || point->p[0] != 0)
		return false;
	point->p++;
	point->n--;
	return true;
}

static bool
digest_of(uint8_t out[static DIGEST_MAX], struct dca_buf *digest,
    enum dca_sigalg alg, struct dca_buf tbs)
{
	switch (alg) {
	case DCA_SIG_ECDSA_SHA256:
		dca_sha256(out, tbs);
		*digest = DCA_BUF(out, DCA_SHA256_LEN);
		return true;
	case DCA_SIG_ECDSA_SHA384:
		*digest = DCA_BUF(out, DIGEST_MAX);
		return EVP_Digest(tbs.p, tbs.n, out, NULL, EVP_sha384(),
		    NULL) == 1;
	case DCA_SIG_OTHER:
		break;
	}
	return false;
}

bool
dca_signed_by(enum dca_sigalg alg, struct dca_buf tbs,
    struct dca_buf signature, const struct dca_cert *issuer)
{
	uint8_t octets[DIGEST_MAX];
	struct dca_buf digest, point;

	if (!digest_of(octets, &digest, alg, tbs))
		return false;
	if (issuer->p256)
		return dca_p256_verify(&issuer->key, digest, signature);
	return p384_point(issuer->spki, &point) &&
	    dca_p384_verify(point, digest, signature);
}

bool
dca_cert_signed_by(const struct dca_cert *child,
    const struct dca_cert *issuer)
{
	return dca_signed_by(child->sigalg, child->tbs, child->signature,
	    issuer);
}
