/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signers: one session and one key handle per thread. What is signed is a
 * whole DER SEQUENCE or PASSporT that this process built; the digest is made
 * here and there is no other way in. No signature leaves before it verified
 * with the public key that was read when the signer was opened.
 */
#include <stdlib.h>
#include <string.h>

#include "room.h"

struct dca_signer {
	struct dca_hsm *h;
	CK_SESSION_HANDLE session;	/* CK_INVALID_HANDLE: open it first */
	CK_OBJECT_HANDLE key;
	struct dca_spki spki;
};

/* Private key; the public key in spki. */
static enum dca_rc
find_key(struct dca_signer *s, struct dca_spki *spki, struct dca_err *e)
{
	CK_OBJECT_HANDLE pub = CK_INVALID_HANDLE;
	enum dca_rc rc = dca_key_find(s->h, s->session, CKO_PRIVATE_KEY,
	    &s->key, e);

	if (rc == DCA_OK)
		rc = dca_key_find(s->h, s->session, CKO_PUBLIC_KEY, &pub, e);
	if (rc == DCA_OK)
		rc = dca_key_public(s->h, s->session, pub, spki, e);
	return rc;
}

/* A token that was made anew may hold another key under the same CKA_ID. */
static enum dca_rc
find_key_again(struct dca_signer *s, struct dca_err *e)
{
	struct dca_spki now;
	enum dca_rc rc = find_key(s, &now, e);

	if (rc == DCA_OK && memcmp(&now, &s->spki, sizeof(now)) != 0)
		rc = dca_fail(e, DCA_RULE_TOKEN_KEY,
		    "the token holds another key under this CKA_ID than before");
	return rc;
}

static void
detach(struct dca_signer *s)
{
	if (s->session != CK_INVALID_HANDLE)
		(void)s->h->f->C_CloseSession(s->session);
	s->session = CK_INVALID_HANDLE;
}

static enum dca_rc
attach_again(struct dca_signer *s, bool login, struct dca_err *e)
{
	struct dca_hsm_info info;
	struct dca_err why = { 0 };
	enum dca_rc rc;

	detach(s);
	rc = dca_session_open(s->h, false, &s->session, e);
	if (rc == DCA_OK && login)
		rc = dca_session_login(s->h, s->session, e);
	if (rc == DCA_OK)
		rc = find_key_again(s, e);
	/* SoftHSM shows an empty token when its folder is away. */
	if (rc != DCA_OK && dca_hsm_info(s->h, &info, &why) != DCA_OK) {
		if (e != NULL)
			*e = why;
		rc = dca_problem(why.rule)->rc;
	}
	if (rc != DCA_OK)
		detach(s);
	return rc;
}

/*
 * One rung of the ladder. SoftHSM says "object handle invalid" also when it
 * logged us out or the token is away: a key that is not found in the session
 * at hand is looked for in a new one before it counts as missing.
 */
static enum dca_rc
repair(struct dca_signer *s, enum dca_step step, struct dca_err *e)
{
	if (step == DCA_STEP_KEY && dca_session_logged_in(s->h, s->session) &&
	    find_key_again(s, NULL) == DCA_OK)
		return DCA_OK;
	return attach_again(s, step == DCA_STEP_LOGIN, e);
}

enum dca_rc
dca_signer_open(struct dca_signer **out, struct dca_hsm *h, struct dca_err *e)
{
	struct dca_signer *s = dca_alloc(sizeof(*s));
	enum dca_rc rc;

	memset(s, 0, sizeof(*s));
	s->h = h;
	s->session = CK_INVALID_HANDLE;
	*out = NULL;
	rc = dca_session_open(h, false, &s->session, e);
	if (rc == DCA_OK)
		rc = find_key(s, &s->spki, e);
	if (rc == DCA_OK)
		*out = s;
	else
		dca_signer_close(s);
	return rc;
}

void
dca_signer_close(struct dca_signer *s)
{
	if (s == NULL)
		return;
	detach(s);
	free(s);
}

/* Exactly one SEQUENCE with a minimal definite length (X.690 10.1)? */
static bool
one_sequence(struct dca_buf b)
{
	size_t head = 2, len;

	if (b.n < 2 || b.p[0] != 0x30)
		return false;
	len = b.p[1];
	if (len >= 0x80) {
		size_t octets = len & 0x7f;

		if (octets < 1 || octets > 3 || b.n < 2 + octets ||
		    b.p[2] == 0)
			return false;
		len = 0;
		for (size_t i = 0; i < octets; i++)
			len = len << 8 | b.p[2 + i];
		if (len < 0x80)
			return false;
		head += octets;
	}
	return b.n - head == len;
}

/* C_SignInit, C_Sign; *call names the one that failed. */
static CK_RV
raw_sign(struct dca_signer *s, uint8_t *digest, uint8_t *sig, CK_ULONG *n,
    const char **call)
{
	CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
	CK_RV rv;

	*call = "C_SignInit";
	rv = s->h->f->C_SignInit(s->session, &m, s->key);
	if (rv != CKR_OK)
		return rv;
	*call = "C_Sign";
	return s->h->f->C_Sign(s->session, digest, DCA_SHA256_LEN, sig, n);
}

static bool
repairable(enum dca_step step)
{
	return step == DCA_STEP_SESSION || step == DCA_STEP_LOGIN ||
	    step == DCA_STEP_KEY;
}

/*
 * One repair, before the first try (an earlier failure closed the session) or
 * after it: never two, so that a dead token answers fast.
 */
static enum dca_rc
token_sign(struct dca_signer *s, uint8_t *digest, uint8_t sig[static 256],
    CK_ULONG *n, struct dca_err *e)
{
	enum dca_step step = s->session == CK_INVALID_HANDLE ?
	    DCA_STEP_SESSION : DCA_STEP_NONE;
	bool repaired = false;

	for (;;) {
		const char *call;
		CK_RV rv;

		if (step != DCA_STEP_NONE) {
			enum dca_rc rc = repair(s, step, e);

			if (rc != DCA_OK)
				return rc;
			repaired = true;
		}
		*n = 256;
		rv = raw_sign(s, digest, sig, n, &call);
		if (rv == CKR_OK)
			return DCA_OK;
		/* A handle that is no longer ours may be somebody else's by
		 * now: it is not closed. */
		if (rv == CKR_SESSION_HANDLE_INVALID ||
		    rv == CKR_SESSION_CLOSED)
			s->session = CK_INVALID_HANDLE;
		step = dca_ckr_step(rv);
		if (!repaired && repairable(step))
			continue;
		detach(s);	/* an operation may be left active */
		return dca_ckr_down(e, call, rv);
	}
}

/*
 * The session (networked tokens drop idle ones), the login and the token
 * itself: SoftHSM goes on saying well of a session whose token is away.
 */
enum dca_rc
dca_signer_alive(struct dca_signer *s, struct dca_err *e)
{
	struct dca_hsm_info info;
	enum dca_rc rc = dca_hsm_info(s->h, &info, e);

	if (rc != DCA_OK)
		return rc;
	if (strcmp(info.serial, s->h->info.serial) != 0)
		return dca_fail(e, DCA_RULE_TOKEN_DOWN, "another token is in "
		    "the slot: serial %s instead of %s", info.serial,
		    s->h->info.serial);
	if (s->session != CK_INVALID_HANDLE &&
	    dca_session_logged_in(s->h, s->session))
		return DCA_OK;
	return attach_again(s, false, e);
}

/* SHA-256 over body, r||s in raw and as DER in sig, verified. */
static enum dca_rc
sign_body(struct dca_signer *s, struct dca_buf body, uint8_t raw[static 256],
    struct dca_out *sig, struct dca_err *e)
{
	uint8_t digest[DCA_SHA256_LEN], given[DCA_SHA256_LEN];
	CK_ULONG n = 0;
	enum dca_rc rc;

	dca_sha256(digest, body);
	memcpy(given, digest, sizeof(given));	/* the module gets a copy */
	rc = token_sign(s, given, raw, &n, e);
	if (rc != DCA_OK)
		return rc;
	if (n != 64 || !dca_ecdsa_sig_from_raw(sig, raw))
		return dca_fail(e, DCA_RULE_TOKEN_SIGNATURE,
		    "C_Sign gave %lu octets that are not r||s of P-256",
		    (unsigned long)n);
	if (!dca_ecdsa_verify(&s->spki, digest, dca_out_buf(sig)))
		return dca_fail(e, DCA_RULE_TOKEN_SIGNATURE,
		    "the signature does not verify with the public key of the "
		    "token");
	return DCA_OK;
}

enum dca_rc
dca_signer_sign(struct dca_signer *s, struct dca_buf body, struct dca_out *out,
    struct dca_err *e)
{
	DCA_AUTO_OUT sig = { 0 };
	uint8_t raw[256];
	enum dca_rc rc;

	if (!one_sequence(body))
		abort();	/* our own builder is broken */
	rc = sign_body(s, body, raw, &sig, e);
	if (rc == DCA_OK)
		dca_signed_encode(out, body, dca_out_buf(&sig));
	return rc;
}

/*
 * Two segments of base64url and a dot, the first of them JSON: "{" is "e".
 * A SEQUENCE begins with "0" (0x30): what is signed here can be no
 * certificate.
 */
static bool
signing_input(struct dca_buf b)
{
	size_t dots = 0;

	for (size_t i = 0; i < b.n; i++) {
		const uint8_t c = b.p[i];

		if (c == '.')
			dots++;
		else if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return dots == 1 && b.p[0] == 'e' && b.p[b.n - 1] != '.';
}

enum dca_rc
dca_signer_passport(struct dca_signer *s, struct dca_buf input,
    uint8_t raw[static 64], struct dca_err *e)
{
	DCA_AUTO_OUT sig = { 0 };
	uint8_t given[256];
	enum dca_rc rc;

	if (!signing_input(input))
		abort();	/* our own builder is broken */
	rc = sign_body(s, input, given, &sig, e);
	if (rc == DCA_OK)
		memcpy(raw, given, 64);
	return rc;
}
