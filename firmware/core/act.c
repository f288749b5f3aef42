/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operator acts: the payload (deterministic CBOR) and the COSE_Sign1 around it
 * (RFC 9052 4.2, ES256 of RFC 9053 2.1). One form only: what is not exactly
 * what we would have written is refused, so that an act has one encoding.
 */
#include "dca/act.h"

#include <stdlib.h>
#include <string.h>

enum { COSE_SIGN1_TAG = 18, SIG_LEN = 64 };

/* {1: -7}: alg ES256, as the protected header must be on the wire. */
static const uint8_t protected_header[] = { 0xa1, 0x01, 0x26 };

void
dca_act_encode(struct dca_out *o, const struct dca_act *a)
{
	static const uint8_t none[] = { 0xa0 };
	struct dca_buf args = a->args.n > 0 ? a->args : DCA_BUF(none, 1);

	dca_cbor_map(o, 6);
	dca_cbor_text(o, "op");
	dca_cbor_text(o, a->op);
	dca_cbor_text(o, "act");
	dca_cbor_text(o, a->name);
	dca_cbor_text(o, "seq");
	dca_cbor_uint(o, a->seq);
	dca_cbor_text(o, "args");
	dca_out_add(o, args.p, args.n);
	dca_cbor_text(o, "time");
	dca_cbor_int(o, a->time);
	dca_cbor_text(o, "appliance");
	dca_cbor_bytes(o, DCA_BUF(a->appliance, DCA_APPLIANCE_LEN));
}

static bool
key(struct dca_cbor *c, const char *name)
{
	struct dca_buf k;

	return dca_cbor_take_text_view(c, &k, 16) &&
	    dca_buf_eq(k, DCA_BUF(name, strlen(name)));
}

enum dca_rc
dca_act_parse(struct dca_act *a, struct dca_buf payload, struct dca_err *e)
{
	struct dca_cbor c = { .in = payload };
	struct dca_buf id = { NULL, 0 };
	uint64_t when = 0;
	size_t n = 0;
	bool ok;

	memset(a, 0, sizeof(*a));
	/* proves heads, order and uniqueness everywhere, args included */
	if (payload.n > DCA_ACT_MAX || !dca_cbor_check(payload))
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "RFC 8949 4.2.1: act is not one deterministic CBOR item");
	ok = dca_cbor_take_map(&c, &n, 6) && n == 6 && key(&c, "op") &&
	    dca_cbor_take_text(&c, a->op, sizeof(a->op)) && key(&c, "act") &&
	    dca_cbor_take_text(&c, a->name, sizeof(a->name)) &&
	    key(&c, "seq") && dca_cbor_take_uint(&c, &a->seq) &&
	    key(&c, "args") && dca_cbor_peek(&c) == DCA_CBOR_MAP &&
	    dca_cbor_skip(&c, &a->args) && key(&c, "time") &&
	    dca_cbor_take_uint(&c, &when) && when <= INT64_MAX &&
	    key(&c, "appliance") &&
	    dca_cbor_take_bytes(&c, &id, DCA_APPLIANCE_LEN) &&
	    id.n == DCA_APPLIANCE_LEN && dca_cbor_done(&c);
	if (!ok)
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "act is not {op, act, seq, args, time, appliance} within "
		    "its limits");
	a->time = (int64_t)when;
	memcpy(a->appliance, id.p, DCA_APPLIANCE_LEN);
	return DCA_OK;
}

/* RFC 9052 4.4: ["Signature1", protected, external_aad, payload], hashed. */
static void
sig_structure_sha256(uint8_t out[static DCA_SHA256_LEN], struct dca_buf payload)
{
	DCA_AUTO_OUT s = { 0 };

	dca_cbor_array(&s, 4);
	dca_cbor_text(&s, "Signature1");
	dca_cbor_bytes(&s, DCA_BUF(protected_header, sizeof(protected_header)));
	dca_cbor_bytes(&s, DCA_BUF(NULL, 0));
	dca_cbor_bytes(&s, payload);
	dca_sha256(out, dca_out_buf(&s));
}

static void
free_pkey_ctx(EVP_PKEY_CTX **c)
{
	EVP_PKEY_CTX_free(*c);
}

/* DER ECDSA-Sig-Value over digest. */
static bool
sign_digest(struct dca_out *der, EVP_PKEY *pkey,
    const uint8_t digest[static DCA_SHA256_LEN])
{
	DCA_CLEANUP(free_pkey_ctx) EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new(pkey, NULL);
	uint8_t sig[128];
	size_t n = sizeof(sig);

	if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_sign(ctx, sig, &n, digest, DCA_SHA256_LEN) != 1)
		return false;
	dca_out_add(der, sig, n);
	return true;
}

enum dca_rc
dca_cose_sign1(struct dca_out *o, struct dca_buf payload, EVP_PKEY *pkey,
    struct dca_err *e)
{
	uint8_t digest[DCA_SHA256_LEN], raw[SIG_LEN];
	DCA_AUTO_OUT der = { 0 };
	struct dca_spki spki;
	enum dca_rc rc = dca_spki_from_pkey(&spki, pkey, e);

	if (rc != DCA_OK)
		return rc;
	sig_structure_sha256(digest, payload);
	if (!sign_digest(&der, pkey, digest) ||
	    !dca_ecdsa_sig_to_raw(raw, dca_out_buf(&der)))
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "the operator's key cannot sign: is it a private key?");
	dca_cbor_tag(o, COSE_SIGN1_TAG);
	dca_cbor_array(o, 4);
	dca_cbor_bytes(o, DCA_BUF(protected_header, sizeof(protected_header)));
	dca_cbor_map(o, 0);
	dca_cbor_bytes(o, payload);
	dca_cbor_bytes(o, DCA_BUF(raw, sizeof(raw)));
	return DCA_OK;
}

enum dca_rc
dca_cose_parse(struct dca_buf cose, struct dca_buf *payload,
    struct dca_buf *sig, struct dca_err *e)
{
	struct dca_cbor c = { .in = cose };
	struct dca_buf head = { NULL, 0 };
	size_t n = 0, unprotected = 1;

	*payload = *sig = DCA_BUF(NULL, 0);
	if (cose.n > DCA_ACT_MAX || !dca_cbor_take_tag(&c, COSE_SIGN1_TAG) ||
	    !dca_cbor_take_array(&c, &n, 4) || n != 4)
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "RFC 9052 4.2: not a tagged COSE_Sign1");
	if (!dca_cbor_take_bytes(&c, &head, sizeof(protected_header)) ||
	    !dca_buf_eq(head,
		DCA_BUF(protected_header, sizeof(protected_header))) ||
	    !dca_cbor_take_map(&c, &unprotected, 0))
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "RFC 9052 3: headers are not exactly alg ES256, protected");
	if (!dca_cbor_take_bytes(&c, payload, DCA_ACT_MAX) ||
	    !dca_cbor_take_bytes(&c, sig, SIG_LEN) || sig->n != SIG_LEN ||
	    !dca_cbor_done(&c))
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "RFC 9053 2.1: payload and a signature of 64 octets must "
		    "follow, and nothing else");
	return DCA_OK;
}

enum dca_rc
dca_cose_verify(struct dca_buf cose, const struct dca_spki *spki,
    struct dca_err *e)
{
	uint8_t digest[DCA_SHA256_LEN];
	DCA_AUTO_OUT der = { 0 };
	struct dca_buf payload, sig;
	enum dca_rc rc = dca_cose_parse(cose, &payload, &sig, e);

	if (rc != DCA_OK)
		return rc;
	sig_structure_sha256(digest, payload);
	if (!dca_ecdsa_sig_from_raw(&der, sig.p) ||
	    !dca_ecdsa_verify(spki, digest, dca_out_buf(&der)))
		return dca_fail(e, DCA_RULE_AUTH_SIGNATURE,
		    "RFC 9052 4.4: signature does not verify with this key");
	return DCA_OK;
}

enum dca_rc
dca_id_check(const char *id, struct dca_err *e)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	if (n == 0 || n > DCA_ID_MAX || id[n] != '\0' ||
	    strchr("._-", id[0]) != NULL)
		return dca_fail(e, DCA_RULE_REG_ID,
		    "\"%.70s\" is not 1 to %d of a-z 0-9 . _ - starting with "
		    "a letter or digit", id, DCA_ID_MAX);
	return DCA_OK;
}
