/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CA key in the token: found by class and CKA_ID, its public half read
 * from the public object. A key that is not there is an alarm, never a reason
 * to make one (dca(7) NEVER).
 */
#include <string.h>

#include "room.h"

/* OBJECT IDENTIFIER 1.2.840.10045.3.1.7 (RFC 5480 2.1.1.1) */
const uint8_t dca_p256_params[10] = {
	0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
};

enum dca_rc
dca_key_count(struct dca_hsm *h, CK_SESSION_HANDLE s, CK_OBJECT_CLASS class,
    CK_OBJECT_HANDLE o[static 2], CK_ULONG *n, struct dca_err *e)
{
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, h->uri.id, h->uri.id_len },
	};
	CK_RV rv;

	*n = 0;
	if (h->uri.id_len == 0)
		return dca_fail(e, DCA_RULE_TOKEN_KEY,
		    "the URI names no key: add id=%%01 or what CKA_ID it has");
	rv = h->f->C_FindObjectsInit(s, t, 2);
	if (rv != CKR_OK)
		return dca_ckr_down(e, "C_FindObjectsInit", rv);
	rv = h->f->C_FindObjects(s, o, 2, n);
	(void)h->f->C_FindObjectsFinal(s);
	if (rv != CKR_OK)
		return dca_ckr_down(e, "C_FindObjects", rv);
	return DCA_OK;
}

enum dca_rc
dca_key_find(struct dca_hsm *h, CK_SESSION_HANDLE s, CK_OBJECT_CLASS class,
    CK_OBJECT_HANDLE *o, struct dca_err *e)
{
	const char *what = class == CKO_PRIVATE_KEY ? "private" : "public";
	char id[2 * sizeof(h->uri.id) + 1];
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n;
	enum dca_rc rc = dca_key_count(h, s, class, found, &n, e);

	if (rc != DCA_OK)
		return rc;
	dca_hex(id, h->uri.id, h->uri.id_len);
	if (n != 1)
		return dca_fail(e, DCA_RULE_TOKEN_KEY,
		    "%s %s key with CKA_ID %s in token \"%s\"",
		    n == 0 ? "no" : "more than one", what, id, h->info.label);
	*o = found[0];
	return DCA_OK;
}

/*
 * CKA_EC_POINT is an OCTET STRING around the point (PKCS#11 2.3.3); modules
 * of the 2.20 time give the bare point. The length tells them apart.
 */
enum dca_rc
dca_key_public(struct dca_hsm *h, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o,
    struct dca_spki *out, struct dca_err *e)
{
	uint8_t params[64], point[256];
	CK_ATTRIBUTE t[] = {
		{ CKA_EC_PARAMS, params, sizeof(params) },
		{ CKA_EC_POINT, point, sizeof(point) },
	};
	struct dca_buf raw = DCA_BUF(point, 0);
	CK_RV rv = h->f->C_GetAttributeValue(s, o, t, 2);
	enum dca_rc rc;

	if (rv == CKR_BUFFER_TOO_SMALL || rv == CKR_ATTRIBUTE_TYPE_INVALID)
		return dca_fail(e, DCA_RULE_TOKEN_KEY,
		    "the key is not an EC key on P-256");
	if (rv != CKR_OK)
		return dca_ckr_down(e, "C_GetAttributeValue", rv);
	if (t[0].ulValueLen != sizeof(dca_p256_params) ||
	    memcmp(params, dca_p256_params, sizeof(dca_p256_params)) != 0)
		return dca_fail(e, DCA_RULE_TOKEN_KEY,
		    "the key is not on P-256 (CKA_EC_PARAMS)");
	if (t[1].ulValueLen == DCA_POINT_LEN + 2 && point[0] == 0x04 &&
	    point[1] == DCA_POINT_LEN)
		raw = DCA_BUF(point + 2, DCA_POINT_LEN);
	else if (t[1].ulValueLen == DCA_POINT_LEN)
		raw = DCA_BUF(point, DCA_POINT_LEN);
	rc = dca_spki_from_point(out, raw, e);
	if (rc != DCA_OK)
		return dca_fail(e, DCA_RULE_TOKEN_KEY,
		    "CKA_EC_POINT is not an uncompressed point on P-256");
	return DCA_OK;
}

enum dca_rc
dca_hsm_key(struct dca_hsm *h, struct dca_spki *out, struct dca_err *e)
{
	DCA_CLEANUP(dca_session_close_p) struct dca_session s = {
		h, CK_INVALID_HANDLE };
	CK_OBJECT_HANDLE o = CK_INVALID_HANDLE;
	enum dca_rc rc = dca_session_open(h, false, &s.s, e);

	if (rc == DCA_OK)
		rc = dca_key_find(h, s.s, CKO_PRIVATE_KEY, &o, e);
	if (rc == DCA_OK)
		rc = dca_key_find(h, s.s, CKO_PUBLIC_KEY, &o, e);
	if (rc == DCA_OK)
		rc = dca_key_public(h, s.s, o, out, e);
	return rc;
}
