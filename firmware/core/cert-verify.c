/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifies the signature of one certificate by the key of another: ECDSA on
 * P-256 and P-384 with SHA-256 or SHA-384, as STI CAs use (US SHAKEN CP 1.4
 * 6.1.5), and no other. It says nothing about whether that key may sign.
 */
#include "dca/cert.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tlv.h"

#define OID_P384 "\x2b\x81\x04\x00\x22"

/* id-ecPublicKey on a named curve P-256 or P-384 (RFC 5480 2.1.1: never
 * explicit parameters). */
static bool
is_named_curve(struct dca_buf spki)
{
	struct dca_buf seq, alg, oid, curve;

	return tlv_take(&spki, TLV_SEQ, &seq, NULL) &&
	    tlv_take(&seq, TLV_SEQ, &alg, NULL) &&
	    tlv_take(&alg, TLV_OID, &oid, NULL) &&
	    dca_buf_eq(oid, TLV_LIT(OID_EC_KEY)) &&
	    tlv_take(&alg, TLV_OID, &curve, NULL) && alg.n == 0 &&
	    (dca_buf_eq(curve, TLV_LIT(OID_P256)) ||
	    dca_buf_eq(curve, TLV_LIT(OID_P384)));
}

static bool
verify_evp(struct dca_buf spki, const EVP_MD *md, struct dca_buf tbs,
    struct dca_buf sig)
{
	const unsigned char *p = spki.p;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.n);
	bool ok;

	ok = ctx != NULL && key != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, sig.p, sig.n, tbs.p, tbs.n) == 1;
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool
dca_cert_signed_by(const struct dca_cert *child,
    const struct dca_cert *issuer)
{
	uint8_t digest[DCA_SHA256_LEN];
	const EVP_MD *md = EVP_sha256();

	switch (child->sigalg) {
	case DCA_SIG_ECDSA_SHA256:
		if (issuer->p256) {
			dca_sha256(digest, child->tbs);
			return dca_ecdsa_verify(&issuer->key, digest,
			    child->signature);
		}
		break;
	case DCA_SIG_ECDSA_SHA384:
		md = EVP_sha384();
		break;
	default:
		return false;
	}
	return is_named_curve(issuer->spki) &&
	    verify_evp(issuer->spki, md, child->tbs, child->signature);
}
