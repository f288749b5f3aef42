/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the CA key inside the token and proving what it is. A key whose
 * attributes are not exactly those of a key that was born in the token and
 * cannot leave it is destroyed at once (dca(7) NEVER).
 */
#include <openssl/crypto.h>
#include <string.h>

#include "room.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

struct pair {
	CK_OBJECT_HANDLE pub, priv;
};

/*
 * ALWAYS_SENSITIVE, NEVER_EXTRACTABLE and LOCAL are the token's to set: they
 * are read back, not asked for. The last ones (from DERIVE, WRAP on) are
 * dropped when the token does not know them; what counts is read back. Nothing
 * is said of VERIFY and ENCRYPT, which anybody can do with a public key:
 * tpm2-pkcs11 takes them for DECRYPT and SIGN of the private one.
 */
static CK_RV
generate(struct dca_hsm *h, CK_SESSION_HANDLE s, bool extractable, bool plain,
    struct pair *k)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	uint8_t params[sizeof(dca_p256_params)];
	char *label = h->uri.object[0] != '\0' ? h->uri.object : NULL;
	CK_ULONG label_len = label != NULL ? strlen(label) : 0;
	CK_ATTRIBUTE pub[] = {
		{ CKA_EC_PARAMS, params, sizeof(params) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &no, sizeof(no) },
		{ CKA_ID, h->uri.id, h->uri.id_len },
		{ CKA_LABEL, label, label_len },
		{ CKA_WRAP, &no, sizeof(no) },
		{ CKA_MODIFIABLE, &no, sizeof(no) },
	};
	CK_ATTRIBUTE priv[] = {
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, extractable ? &yes : &no, sizeof(yes) },
		{ CKA_SIGN, &yes, sizeof(yes) },
		{ CKA_ID, h->uri.id, h->uri.id_len },
		{ CKA_LABEL, label, label_len },
		{ CKA_DERIVE, &no, sizeof(no) },
		{ CKA_DECRYPT, &no, sizeof(no) },
		{ CKA_UNWRAP, &no, sizeof(no) },
		{ CKA_MODIFIABLE, &no, sizeof(no) },
	};
	CK_ULONG n_pub = sizeof(pub) / sizeof(pub[0]);
	CK_ULONG n_priv = sizeof(priv) / sizeof(priv[0]);

	memcpy(params, dca_p256_params, sizeof(params));
	return h->f->C_GenerateKeyPair(s, &m, pub, n_pub - (plain ? 2 : 0),
	    priv, n_priv - (plain ? 4 : 0), &k->pub, &k->priv);
}

static CK_RV
generate_either_way(struct dca_hsm *h, CK_SESSION_HANDLE s, bool extractable,
    struct pair *k)
{
	CK_RV rv = generate(h, s, extractable, false, k);

	switch (rv) {
	case CKR_TEMPLATE_INCONSISTENT:
	case CKR_ATTRIBUTE_TYPE_INVALID:
	case CKR_ATTRIBUTE_VALUE_INVALID:
	case CKR_ATTRIBUTE_READ_ONLY:
		return generate(h, s, extractable, true, k);
	default:
		return rv;
	}
}

/* An attribute the token does not tell is false: then the check fails. */
static bool
flag(struct dca_hsm *h, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o,
    CK_ATTRIBUTE_TYPE type, bool otherwise)
{
	CK_BBOOL v = CK_FALSE;
	CK_ATTRIBUTE t = { type, &v, sizeof(v) };
	CK_RV rv = h->f->C_GetAttributeValue(s, o, &t, 1);

	if (rv != CKR_OK || t.ulValueLen != sizeof(v))
		return otherwise;
	return v != CK_FALSE;
}

static bool
value_readable(struct dca_hsm *h, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
	uint8_t v[256];
	CK_ATTRIBUTE t = { CKA_VALUE, v, sizeof(v) };
	CK_RV rv = h->f->C_GetAttributeValue(s, o, &t, 1);

	OPENSSL_cleanse(v, sizeof(v));
	return rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL;
}

static void
read_facts(struct dca_hsm *h, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o,
    struct dca_key_facts *f)
{
	CK_MECHANISM_TYPE m = CK_UNAVAILABLE_INFORMATION;
	CK_ATTRIBUTE t = { CKA_KEY_GEN_MECHANISM, &m, sizeof(m) };

	f->sensitive = flag(h, s, o, CKA_SENSITIVE, false);
	f->always_sensitive = flag(h, s, o, CKA_ALWAYS_SENSITIVE, false);
	f->never_extractable = flag(h, s, o, CKA_NEVER_EXTRACTABLE, false);
	f->local = flag(h, s, o, CKA_LOCAL, false);
	f->extractable = flag(h, s, o, CKA_EXTRACTABLE, true);
	f->value_readable = value_readable(h, s, o);
	if (h->f->C_GetAttributeValue(s, o, &t, 1) != CKR_OK)
		m = CK_UNAVAILABLE_INFORMATION;
	f->mechanism = m;
}

static enum dca_rc
check_facts(const struct dca_key_facts *f, struct dca_err *e)
{
	const struct {
		bool bad;
		const char *what;
	} rows[] = {
		{ !f->sensitive, "CKA_SENSITIVE is not true" },
		{ f->extractable, "CKA_EXTRACTABLE is not false" },
		{ !f->always_sensitive, "CKA_ALWAYS_SENSITIVE is not true" },
		{ !f->never_extractable, "CKA_NEVER_EXTRACTABLE is not true" },
		{ !f->local, "CKA_LOCAL is not true" },
		/* With LOCAL this is what refutes an imported key. */
		{ f->mechanism != CKM_EC_KEY_PAIR_GEN,
		    "CKA_KEY_GEN_MECHANISM is not CKM_EC_KEY_PAIR_GEN" },
		{ f->value_readable, "CKA_VALUE can be read" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].bad)
			return dca_fail(e, DCA_RULE_TOKEN_ATTRIBUTES, "%s",
			    rows[i].what);
	return DCA_OK;
}

/* Does the token have any way to wrap a key? One that does not say, has. */
static bool
can_wrap(struct dca_hsm *h)
{
	CK_MECHANISM_TYPE list[512];
	CK_ULONG n = sizeof(list) / sizeof(list[0]);
	CK_MECHANISM_INFO info;

	if (h->f->C_GetMechanismList(h->slot, list, &n) != CKR_OK)
		return true;
	for (CK_ULONG i = 0; i < n; i++)
		if (h->f->C_GetMechanismInfo(h->slot, list[i], &info) !=
		    CKR_OK || (info.flags & CKF_WRAP) != 0)
			return true;
	return false;
}

/*
 * Facts are worth something only while they cannot be changed, or while a
 * change opens nothing: tpm2-pkcs11 notes what it is told, and the TPM gives
 * the key out to nobody. Then they are put back, and read again by the caller.
 */
static enum dca_rc
check_fixed(struct dca_hsm *h, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o,
    struct dca_err *e)
{
	CK_ATTRIBUTE out = { CKA_EXTRACTABLE, &yes, sizeof(yes) };
	CK_ATTRIBUTE open = { CKA_SENSITIVE, &no, sizeof(no) };
	CK_ATTRIBUTE back[] = { { CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) } };
	const char *what = NULL;

	if (h->f->C_SetAttributeValue(s, o, &out, 1) == CKR_OK)
		what = "CKA_EXTRACTABLE could be set to true";
	if (h->f->C_SetAttributeValue(s, o, &open, 1) == CKR_OK)
		what = "CKA_SENSITIVE could be set to false";
	if (what == NULL)
		return DCA_OK;
	if (can_wrap(h) || value_readable(h, s, o))
		return dca_fail(e, DCA_RULE_TOKEN_ATTRIBUTES, "%s", what);
	for (size_t i = 0; i < 2; i++)
		(void)h->f->C_SetAttributeValue(s, o, &back[i], 1);
	return DCA_OK;
}

static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY };

static enum dca_rc
exists(const struct dca_hsm *h, struct dca_err *e)
{
	char id[2 * sizeof(h->uri.id) + 1];

	dca_hex(id, h->uri.id, h->uri.id_len);
	return dca_fail(e, DCA_RULE_REG_EXISTS,
	    "token \"%s\" has a key with CKA_ID %s already", h->info.label,
	    id);
}

static enum dca_rc
check_absent(struct dca_hsm *h, CK_SESSION_HANDLE s, struct dca_err *e)
{
	for (size_t i = 0; i < 2; i++) {
		CK_OBJECT_HANDLE o[2];
		CK_ULONG n;
		enum dca_rc rc = dca_key_count(h, s, classes[i], o, &n, e);

		if (rc != DCA_OK)
			return rc;
		if (n != 0)
			return exists(h, e);
	}
	return DCA_OK;
}

/* The reason stays what it was; a key that could not be destroyed is said. */
static enum dca_rc
destroy(struct dca_hsm *h, CK_SESSION_HANDLE s, const struct pair *k,
    enum dca_rc rc, struct dca_err *e)
{
	CK_RV priv = h->f->C_DestroyObject(s, k->priv);
	CK_RV pub = h->f->C_DestroyObject(s, k->pub);

	if (priv == CKR_OK && pub == CKR_OK)
		return e != NULL ? dca_fail_in(e, "the new key was destroyed")
				 : rc;
	if (e != NULL)
		(void)dca_fail_in(e, dca_ckr_name(priv != CKR_OK ? priv : pub));
	return e != NULL ? dca_fail_in(e, "THE NEW KEY IS STILL IN THE TOKEN, "
	    "destroy it by hand: C_DestroyObject") : rc;
}

enum dca_rc
dca_hsm_keygen(struct dca_hsm *h, bool extractable, struct dca_spki *out,
    struct dca_key_facts *facts, struct dca_err *e)
{
	DCA_CLEANUP(dca_session_close_p) struct dca_session s = {
		h, CK_INVALID_HANDLE };
	struct pair k = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	CK_RV rv;
	enum dca_rc rc = dca_session_open(h, true, &s.s, e);

	memset(facts, 0, sizeof(*facts));
	if (rc == DCA_OK)
		rc = check_absent(h, s.s, e);
	if (rc != DCA_OK)
		return rc;
	rv = generate_either_way(h, s.s, extractable, &k);
	if (rv != CKR_OK)
		return dca_ckr_fail(e, DCA_RULE_TOKEN_DOWN,
		    "C_GenerateKeyPair", rv);
	read_facts(h, s.s, k.priv, facts);
	rc = check_facts(facts, e);
	if (rc == DCA_OK)
		rc = check_fixed(h, s.s, k.priv, e);
	if (rc == DCA_OK) {
		read_facts(h, s.s, k.priv, facts);
		rc = check_facts(facts, e);
	}
	if (rc == DCA_OK)
		rc = dca_key_public(h, s.s, k.pub, out, e);
	return rc == DCA_OK ? DCA_OK : destroy(h, s.s, &k, rc, e);
}

enum dca_rc
dca_hsm_key_facts(struct dca_hsm *h, struct dca_key_facts *facts,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_session_close_p) struct dca_session s = {
		h, CK_INVALID_HANDLE };
	CK_OBJECT_HANDLE o = CK_INVALID_HANDLE;
	enum dca_rc rc = dca_session_open(h, false, &s.s, e);

	memset(facts, 0, sizeof(*facts));
	if (rc == DCA_OK)
		rc = dca_key_find(h, s.s, CKO_PRIVATE_KEY, &o, e);
	if (rc != DCA_OK)
		return rc;
	read_facts(h, s.s, o, facts);
	return check_facts(facts, e);
}

/* --- what a crash left --- */

/* One private and one public key, the one what it must be, the other read. */
static enum dca_rc
check_whole(struct dca_hsm *h, CK_SESSION_HANDLE s, struct dca_err *e)
{
	CK_OBJECT_HANDLE priv = CK_INVALID_HANDLE, pub = CK_INVALID_HANDLE;
	struct dca_key_facts facts;
	struct dca_spki key;
	enum dca_rc rc;

	if ((rc = dca_key_find(h, s, CKO_PRIVATE_KEY, &priv, e)) ||
	    (rc = dca_key_find(h, s, CKO_PUBLIC_KEY, &pub, e)) ||
	    (rc = dca_key_public(h, s, pub, &key, e)))
		return rc;
	read_facts(h, s, priv, &facts);
	return check_facts(&facts, e);
}

enum dca_rc
dca_hsm_key_sweep(struct dca_hsm *h, struct dca_err *e)
{
	DCA_CLEANUP(dca_session_close_p) struct dca_session s = {
		h, CK_INVALID_HANDLE };
	struct dca_err why = { 0 };
	CK_OBJECT_HANDLE o[2];
	CK_ULONG n;
	enum dca_rc rc = dca_session_open(h, true, &s.s, e);

	if (rc != DCA_OK)
		return rc;
	if (check_whole(h, s.s, &why) == DCA_OK)
		return exists(h, e);
	/* a token that does not answer says nothing about the key */
	if (why.rule != DCA_RULE_TOKEN_KEY &&
	    why.rule != DCA_RULE_TOKEN_ATTRIBUTES)
		return dca_fail(e, why.rule, "%s", why.text);
	for (size_t i = 0; i < 2; i++)
		do {
			rc = dca_key_count(h, s.s, classes[i], o, &n, e);
			for (CK_ULONG k = 0; rc == DCA_OK && k < n; k++) {
				CK_RV rv = h->f->C_DestroyObject(s.s, o[k]);

				if (rv != CKR_OK)
					rc = dca_ckr_down(e,
					    "C_DestroyObject", rv);
			}
			if (rc != DCA_OK)
				return rc;
		} while (n > 0);
	return DCA_OK;
}
