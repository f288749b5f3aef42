/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a certificate verify under its own key? The one place where the lint
 * asks for cryptography: what is a root depends on it. Any algorithm OpenSSL
 * has whose identifier names key type and digest.
 */
#include "lint-parts.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

/* Digest and key type of the inner signature algorithm. */
static bool
algorithm_of(const struct dca_lint_cert *c, const EVP_MD **md, int *key_type)
{
	/* lint-read.c keeps the contents; the head is the two before */
	const unsigned char *p = c->inner.oid.p - 2;
	ASN1_OBJECT *o;
	int md_nid = NID_undef;
	bool ok;

	if (c->inner.oid.n > 127)
		return false;
	o = d2i_ASN1_OBJECT(NULL, &p, (long)c->inner.oid.n + 2);
	ok = o != NULL &&
	    OBJ_find_sigid_algs(OBJ_obj2nid(o), &md_nid, key_type) == 1;
	ASN1_OBJECT_free(o);
	*md = md_nid == NID_undef ? NULL : EVP_get_digestbynid(md_nid);
	return ok && (*md != NULL || md_nid == NID_undef);
}

bool
lint_verifies_itself(const struct dca_lint_cert *c)
{
	const unsigned char *p = c->spki.p;
	const EVP_MD *md = NULL;
	EVP_PKEY *key = NULL;
	EVP_MD_CTX *ctx = NULL;
	int type = NID_undef;
	bool ok = false;

	if (algorithm_of(c, &md, &type)) {
		key = d2i_PUBKEY(NULL, &p, (long)c->spki.n);
		ctx = EVP_MD_CTX_new();
		ok = key != NULL && ctx != NULL &&
		    EVP_PKEY_get_base_id(key) == type &&
		    EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, c->signature.p, c->signature.n,
		    c->tbs.p, c->tbs.n) == 1;
	}
	if (!ok)
		ERR_clear_error();
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}
