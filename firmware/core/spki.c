/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P-256 public keys as their one DER, and ECDSA verification the fast way (on
 * P-384 too, for the ancestors of a chain): EC_KEY on a cached group costs 2 us where OpenSSL 3.0's decoder costs 95
 * and takes global locks. EC_KEY is deprecated there and still in 3.5; this
 * file alone may use it. Must never touch a private key.
 */
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include "dca/csr.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "cert-parts.h"
#include "tlv.h"

/* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING ... } */
#define ALGORITHM "\x30\x13\x06\x07" OID_EC_KEY "\x06\x08" OID_P256
#define HEAD "\x30\x59" ALGORITHM "\x03\x42\x00"
enum { HEAD_LEN = sizeof(HEAD) - 1 };
_Static_assert(HEAD_LEN + DCA_POINT_LEN == DCA_SPKI_LEN, "SPKI of P-256");

/* Made once, then only read, from any thread. */
static EC_GROUP *p256, *p384;
static EVP_MD *sha1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make_once(void)
{
	p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	p384 = EC_GROUP_new_by_curve_name(NID_secp384r1);
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	if (p256 == NULL || p384 == NULL || sha1 == NULL)
		abort();
}

static const EC_GROUP *
group(void)
{
	if (pthread_once(&once, make_once) != 0)
		abort();
	return p256;
}

/* X, Y below p and on the curve; P-256 has cofactor 1, so that is all. */
static bool
on_curve(const uint8_t *point)
{
	EC_POINT *q = EC_POINT_new(group());
	bool ok;

	if (q == NULL)
		abort();
	ok = EC_POINT_oct2point(p256, q, point, DCA_POINT_LEN, NULL) == 1;
	EC_POINT_free(q);
	if (!ok)
		ERR_clear_error();
	return ok;
}

enum dca_rc
dca_spki_from_point(struct dca_spki *out, struct dca_buf point,
    struct dca_err *e)
{
	if (point.n != DCA_POINT_LEN || point.p[0] != 0x04)
		return dca_fail(e, DCA_RULE_CSR_POINT,
		    "public key is not 04 || X || Y, 65 octets "
		    "(compressed, hybrid or cut)");
	if (!on_curve(point.p))
		return dca_fail(e, DCA_RULE_CSR_POINT,
		    "public key is not a point on P-256");
	memcpy(out->der, HEAD, HEAD_LEN);
	memcpy(out->der + HEAD_LEN, point.p, DCA_POINT_LEN);
	return DCA_OK;
}

enum dca_rc
dca_spki_parse(struct dca_spki *out, struct dca_buf der, struct dca_err *e)
{
	static const size_t alg = sizeof(ALGORITHM) - 1;
	struct dca_buf in = der, body, bits;

	if (!tlv_take(&in, TLV_SEQ, &body, NULL) || in.n != 0)
		return dca_fail(e, DCA_RULE_CSR_KEY,
		    "SubjectPublicKeyInfo is not DER");
	if (body.n < alg || memcmp(body.p, ALGORITHM, alg) != 0)
		return dca_fail(e, DCA_RULE_CSR_KEY,
		    "key is not id-ecPublicKey with the named curve P-256");
	body.p += alg;
	body.n -= alg;
	if (!tlv_take(&body, TLV_BITS, &bits, NULL) || body.n != 0 ||
	    bits.n < 1 || bits.p[0] != 0)
		return dca_fail(e, DCA_RULE_CSR_POINT,
		    "public key is not a BIT STRING of whole octets");
	bits.p++;
	bits.n--;
	return dca_spki_from_point(out, bits, e);
}

enum dca_rc
dca_spki_from_pkey(struct dca_spki *out, EVP_PKEY *key, struct dca_err *e)
{
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	enum dca_rc rc;

	if (n <= 0) {
		ERR_clear_error();
		return dca_fail(e, DCA_RULE_CSR_KEY,
		    "key has no public part that can be encoded");
	}
	rc = dca_spki_parse(out, DCA_BUF(der, (size_t)n), e);
	OPENSSL_free(der);
	return rc;
}

const uint8_t *
dca_spki_point(const struct dca_spki *k)
{
	return k->der + HEAD_LEN;
}

void
dca_spki_sha256(uint8_t out[static DCA_SHA256_LEN], const struct dca_spki *k)
{
	dca_sha256(out, DCA_BUF(k->der, DCA_SPKI_LEN));
}

void
dca_spki_ski(uint8_t out[static 20], const struct dca_spki *k)
{
	(void)group();
	if (EVP_Digest(dca_spki_point(k), DCA_POINT_LEN, out, NULL, sha1,
		NULL) != 1)
		abort();
}

/* sig: DER, which ECDSA_verify demands (it encodes again and compares). */
static bool
verify_on(const EC_GROUP *g, struct dca_buf point, struct dca_buf digest,
    struct dca_buf sig)
{
	EC_KEY *key = EC_KEY_new();
	int ok;

	if (key == NULL || EC_KEY_set_group(key, g) != 1)
		abort();
	ok = EC_KEY_oct2key(key, point.p, point.n, NULL) == 1 &&
	     ECDSA_verify(0, digest.p, (int)digest.n, sig.p, (int)sig.n,
		 key) == 1;
	EC_KEY_free(key);
	if (!ok)
		ERR_clear_error();
	return ok;
}

bool
dca_ecdsa_verify(const struct dca_spki *k,
    const uint8_t digest[static DCA_SHA256_LEN], struct dca_buf sig)
{
	return dca_p256_verify(k, DCA_BUF(digest, DCA_SHA256_LEN), sig);
}

bool
dca_p256_verify(const struct dca_spki *k, struct dca_buf digest,
    struct dca_buf sig)
{
	uint8_t raw[64];

	return dca_ecdsa_sig_to_raw(raw, sig) &&
	       verify_on(group(), DCA_BUF(dca_spki_point(k), DCA_POINT_LEN),
		   digest, sig);
}

bool
dca_p384_verify(struct dca_buf point, struct dca_buf digest,
    struct dca_buf sig)
{
	(void)group();
	return point.n == 1 + 2 * 48 && point.p[0] == 0x04 &&
	       sig.n <= INT32_MAX && verify_on(p384, point, digest, sig);
}

/* A positive INTEGER of at most 32 octets into 32 (X.690 8.3.2: shortest). */
static bool
take_scalar(struct dca_buf *in, uint8_t out[static 32])
{
	struct dca_buf v;

	if (!tlv_take(in, TLV_INTEGER, &v, NULL) || v.n < 1 || v.n > 33 ||
	    (v.p[0] & 0x80) != 0)
		return false;
	if (v.p[0] == 0) {
		if (v.n == 1 || (v.p[1] & 0x80) == 0)
			return false;
		v.p++;
		v.n--;
	}
	if (v.n > 32)
		return false;
	memset(out, 0, 32);
	memcpy(out + 32 - v.n, v.p, v.n);
	return true;
}

bool
dca_ecdsa_sig_to_raw(uint8_t raw[static 64], struct dca_buf der)
{
	struct dca_buf in = der, body;

	return tlv_take(&in, TLV_SEQ, &body, NULL) && in.n == 0 &&
	       take_scalar(&body, raw) && take_scalar(&body, raw + 32) &&
	       body.n == 0;
}

static bool
put_scalar(struct tlv_out *o, const uint8_t v[static 32])
{
	size_t end = o->at, skip = 0;

	while (skip < 32 && v[skip] == 0)
		skip++;
	if (skip == 32)
		return false;
	tlv_put(o, DCA_BUF(v + skip, 32 - skip));
	if ((v[skip] & 0x80) != 0)
		tlv_octet(o, 0);
	tlv_head(o, TLV_INTEGER, end);
	return true;
}

bool
dca_ecdsa_sig_from_raw(struct dca_out *der, const uint8_t raw[static 64])
{
	uint8_t buf[80];
	struct tlv_out o = { buf, sizeof(buf) };

	if (!put_scalar(&o, raw + 32) || !put_scalar(&o, raw))
		return false;
	tlv_head(&o, TLV_SEQ, sizeof(buf));
	dca_out_add(der, buf + o.at, sizeof(buf) - o.at);
	return true;
}
