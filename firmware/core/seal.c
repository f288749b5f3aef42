/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A secret for one P-256 key (ephemeral ECDH, HKDF-SHA256, AES-256-GCM). The
 * ephemeral point is HKDF salt and GCM associated data, so that neither it
 * nor the text can be changed unnoticed. Keys and secrets are cleansed.
 */
#include "dca/act.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

enum { IV_LEN = 12, TAG_LEN = 16, KEY_LEN = 32, X_LEN = 32 };

static void
free_pkey(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void
free_pkey_ctx(EVP_PKEY_CTX **c)
{
	EVP_PKEY_CTX_free(*c);
}

static void
free_cipher_ctx(EVP_CIPHER_CTX **c)
{
	EVP_CIPHER_CTX_free(*c);
}

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* NULL when the point is not on the curve. */
static EVP_PKEY *
peer_of(const uint8_t point[static DCA_POINT_LEN])
{
	DCA_CLEANUP(free_pkey_ctx) EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	char group[] = "P-256";
	uint8_t copy[DCA_POINT_LEN];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
		    group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy,
		    sizeof(copy)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;

	memcpy(copy, point, sizeof(copy));
	must(ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1);
	if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return key;
}

/* X coordinate of the shared point. */
static bool
agree(uint8_t x[static X_LEN], EVP_PKEY *own, EVP_PKEY *peer)
{
	DCA_CLEANUP(free_pkey_ctx) EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new(own, NULL);
	size_t n = X_LEN;

	return ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
	    EVP_PKEY_derive(ctx, x, &n) == 1 && n == X_LEN;
}

static void
key_from(uint8_t key[static KEY_LEN], const uint8_t x[static X_LEN],
    const uint8_t point[static DCA_POINT_LEN])
{
	static const uint8_t info[] = "dca-seal";
	DCA_CLEANUP(free_pkey_ctx) EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	size_t n = KEY_LEN;

	must(ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_CTX_set1_hkdf_salt(ctx, point, DCA_POINT_LEN) == 1 &&
	    EVP_PKEY_CTX_set1_hkdf_key(ctx, x, X_LEN) == 1 &&
	    EVP_PKEY_CTX_add1_hkdf_info(ctx, info, sizeof(info) - 1) == 1 &&
	    EVP_PKEY_derive(ctx, key, &n) == 1 && n == KEY_LEN);
}

/* In the layout of act.h after the point; key is used up. */
static void
encrypt(struct dca_out *o, uint8_t key[static KEY_LEN],
    const uint8_t point[static DCA_POINT_LEN], struct dca_buf secret)
{
	DCA_CLEANUP(free_cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	DCA_CLEANUP(dca_free_p) uint8_t *text = dca_alloc(secret.n + 1);
	uint8_t iv[IV_LEN], tag[TAG_LEN];
	int n = 0, last = 0, ad = 0;

	must(RAND_bytes(iv, sizeof(iv)) == 1 && ctx != NULL &&
	    EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, iv, NULL) == 1 &&
	    EVP_EncryptUpdate(ctx, NULL, &ad, point, DCA_POINT_LEN) == 1 &&
	    EVP_EncryptUpdate(ctx, text, &n, secret.p, (int)secret.n) == 1 &&
	    EVP_EncryptFinal_ex(ctx, text + n, &last) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag) == 1);
	OPENSSL_cleanse(key, KEY_LEN);
	dca_out_add(o, iv, sizeof(iv));
	dca_out_add(o, text, (size_t)n);
	dca_out_add(o, tag, sizeof(tag));
}

void
dca_seal(struct dca_out *o, const struct dca_spki *to, struct dca_buf secret)
{
	DCA_CLEANUP(free_pkey) EVP_PKEY *own = EVP_EC_gen("P-256");
	DCA_CLEANUP(free_pkey) EVP_PKEY *peer = peer_of(dca_spki_point(to));
	uint8_t point[DCA_POINT_LEN], x[X_LEN], key[KEY_LEN];
	size_t n = 0;

	/* a dca_spki is on the curve by construction */
	must(own != NULL && peer != NULL && secret.n <= INT32_MAX);
	must(EVP_PKEY_get_octet_string_param(own, OSSL_PKEY_PARAM_PUB_KEY, point,
		 sizeof(point), &n) == 1 && n == sizeof(point));
	must(agree(x, own, peer));
	key_from(key, x, point);
	OPENSSL_cleanse(x, sizeof(x));
	dca_out_add(o, point, sizeof(point));
	encrypt(o, key, point, secret);
}

/* iv, text and tag in body. */
static bool
decrypt(struct dca_out *secret, const uint8_t key[static KEY_LEN],
    const uint8_t point[static DCA_POINT_LEN], struct dca_buf body)
{
	DCA_CLEANUP(free_cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t text_n = body.n - IV_LEN - TAG_LEN;
	DCA_AUTO_OUT text = { .secret = true };
	uint8_t tag[TAG_LEN];
	int n = 0, last = 0, ad = 0;

	text.p = dca_alloc(text_n + 1);
	text.cap = text_n + 1;
	text.n = text_n;
	memcpy(tag, body.p + body.n - TAG_LEN, TAG_LEN);
	must(ctx != NULL &&
	    EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key, body.p, NULL) == 1 &&
	    EVP_DecryptUpdate(ctx, NULL, &ad, point, DCA_POINT_LEN) == 1 &&
	    EVP_DecryptUpdate(ctx, text.p, &n, body.p + IV_LEN,
		(int)text_n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1);
	if (EVP_DecryptFinal_ex(ctx, text.p + n, &last) != 1)
		return false;
	dca_out_add(secret, text.p, text_n);
	return true;
}

enum dca_rc
dca_unseal(struct dca_out *secret, EVP_PKEY *own, struct dca_buf sealed,
    struct dca_err *e)
{
	uint8_t x[X_LEN], key[KEY_LEN];
	bool ok;

	secret->secret = true;
	if (sealed.n < DCA_POINT_LEN + IV_LEN + TAG_LEN ||
	    sealed.n > DCA_MESSAGE_MAX || sealed.p[0] != 0x04)
		return dca_fail(e, DCA_RULE_INPUT,
		    "sealed secret has the wrong form");

	DCA_CLEANUP(free_pkey) EVP_PKEY *peer = peer_of(sealed.p);

	if (peer == NULL)
		return dca_fail(e, DCA_RULE_INPUT,
		    "sealed secret: ephemeral key is not on P-256");
	if (!agree(x, own, peer))
		return dca_fail(e, DCA_RULE_INPUT,
		    "sealed secret: this is not a P-256 private key");
	key_from(key, x, sealed.p);
	OPENSSL_cleanse(x, sizeof(x));
	ok = decrypt(secret, key, sealed.p,
	    DCA_BUF(sealed.p + DCA_POINT_LEN, sealed.n - DCA_POINT_LEN));
	OPENSSL_cleanse(key, sizeof(key));
	if (!ok)
		return dca_fail(e, DCA_RULE_INPUT,
		    "sealed secret: made for another key, or changed");
	return DCA_OK;
}
