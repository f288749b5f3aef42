/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose key is it (dca(7) TRUST). The front is assumed captured: it names nobody,
 * so every answer here comes from the request itself and from the register.
 * Must never take a customer's name from a message.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "dca/act.h"

#include "vault.h"

/* "<code id>:" before the proof; false when it is not of that form. */
static bool
proof_code(const char *password, char id[static DCA_ID_MAX + 1])
{
	const char *colon = strchr(password, ':');
	const size_t n = colon ? (size_t)(colon - password) : 0;

	if (n == 0 || n > DCA_ID_MAX)
		return false;
	memcpy(id, password, n);
	id[n] = '\0';
	return dca_id_check(id, NULL) == DCA_OK;
}

/* (a) Until the HMAC is verified every refusal reads the same: no oracle for
 * which codes exist. */
static enum dca_rc
by_code(struct dca_store *s, const struct dca_csr *csr, int64_t now,
    struct vault_who *w, struct dca_err *e)
{
	char id[DCA_ID_MAX + 1], proof[DCA_PASSWORD_MAX + 1] = "";
	char end[DCA_TIME_TEXT];
	struct dca_code code;
	enum dca_rc rc;

	if (!proof_code(csr->password, id))
		return dca_fail(e, DCA_RULE_CSR_PASSWORD,
		    "challengePassword is not <code id>:<proof>");
	rc = dca_store_code(s, id, &code, e);
	if (rc && rc != DCA_NOTFOUND)
		return rc;
	if (rc == DCA_OK)
		dca_enrol_proof(proof, id, code.secret, &csr->key);
	OPENSSL_cleanse(code.secret, sizeof(code.secret));
	/* A wiped code has a secret that everybody knows, and the clock that
	 * wiped it may have been ahead. */
	if (rc || code.wiped || strlen(proof) != strlen(csr->password) ||
	    CRYPTO_memcmp(proof, csr->password, strlen(proof)) != 0)
		return dca_fail(e, DCA_RULE_AUTH_CODE,
		    "enrolment proof does not verify");
	memcpy(w->customer, code.customer, sizeof(w->customer));
	dca_time_format(end, code.expires);
	if (now >= code.expires)
		return dca_fail(e, DCA_RULE_AUTH_CODE,
		    "enrolment code %s expired at %s", id, end);
	if (!code.spent) {
		memcpy(w->code, id, sizeof(w->code));
		return DCA_OK;
	}
	if (memcmp(code.csr_sha256, csr->sha256, sizeof(code.csr_sha256)) != 0)
		return dca_fail(e, DCA_RULE_AUTH_CODE,
		    "enrolment code %s was spent by another request", id);
	w->spent = true;
	memcpy(w->serial, code.serial, sizeof(w->serial));
	return DCA_OK;
}

enum dca_rc
vault_who_asks(struct dca_store *s, const struct dca_csr *csr, int64_t now,
    struct vault_who *w, struct dca_err *e)
{
	uint8_t hash[DCA_SHA256_LEN];
	struct dca_key key;
	enum dca_rc rc;

	memset(w, 0, sizeof(*w));
	if (vault_rekey_asked(csr))
		return vault_who_rekeys(s, csr, now, w, e);
	if (csr->password[0])
		return by_code(s, csr, now, w, e);
	dca_spki_sha256(hash, &csr->key);
	rc = dca_store_key(s, hash, now, &key, e);
	if (rc && rc != DCA_NOTFOUND)
		return rc;
	if (rc || !(key.pinned || key.certified))
		return dca_fail(e, DCA_RULE_AUTH_PROOF, "the key is neither "
		    "pinned nor certified, and the request has no enrolment "
		    "proof");
	memcpy(w->customer, key.customer, sizeof(w->customer));
	return DCA_OK;
}

static enum dca_rc
peer_key(struct dca_buf peer, struct dca_spki *key,
    uint8_t serial[static DCA_SERIAL_LEN], enum dca_rule rule,
    struct dca_err *e)
{
	struct dca_cert cert = { 0 };

	if (peer.n == 0)
		return dca_fail(e, rule, "no client certificate");
	if (dca_cert_parse(&cert, peer, e) != DCA_OK || !cert.p256) {
		dca_cert_clear(&cert);
		return dca_fail(e, rule,
		    "the client certificate is not one of a P-256 key");
	}
	*key = cert.key;
	memcpy(serial, cert.serial, DCA_SERIAL_LEN);
	dca_cert_clear(&cert);
	return DCA_OK;
}

enum dca_rc
vault_who_operator(struct vault *v, struct dca_buf peer,
    struct dca_operator *op, struct dca_err *e)
{
	uint8_t serial[DCA_SERIAL_LEN];
	struct dca_spki key;
	enum dca_rc rc = peer_key(peer, &key, serial, DCA_RULE_AUTH_OPERATOR,
	    e);

	return rc ? rc : dca_store_operator_by_key(v->store, key.der, op, e);
}

/* One of ours that is revoked or over shows nothing, whatever else its key
 * has; nor does a key that is compromised. */
static enum dca_rc
check_peer(struct dca_store *s, const uint8_t serial[static DCA_SERIAL_LEN],
    const uint8_t key[static DCA_SHA256_LEN], struct dca_err *e)
{
	struct dca_certificate c;
	enum dca_rc rc = dca_store_certificate(s, serial, &c, e);

	if (rc == DCA_OK && c.revoked)
		return dca_fail(e, DCA_RULE_AUTH_REVOKED,
		    "the client certificate is revoked");
	if (rc == DCA_OK && dca_now() > c.not_after)
		return dca_fail(e, DCA_RULE_AUTH_EXPIRED,
		    "the client certificate has expired");
	if (rc && rc != DCA_NOTFOUND)
		return rc;
	return dca_store_key_allowed(s, key, e);
}

enum dca_rc
vault_who_peer(struct vault *v, struct dca_buf peer,
    char customer[static DCA_ID_MAX + 1], struct dca_err *e)
{
	uint8_t hash[DCA_SHA256_LEN], serial[DCA_SERIAL_LEN];
	struct dca_customer owner;
	struct dca_spki spki;
	struct dca_key key;
	enum dca_rc rc = peer_key(peer, &spki, serial, DCA_RULE_AUTH_PROOF, e);

	if (rc)
		return rc;
	dca_spki_sha256(hash, &spki);
	if ((rc = check_peer(v->store, serial, hash, e)))
		return rc;
	rc = dca_store_key(v->store, hash, dca_now(), &key, e);
	if (rc && rc != DCA_NOTFOUND)
		return rc;
	if (rc || !(key.pinned || key.certified))
		return dca_fail(e, DCA_RULE_AUTH_PROOF,
		    "the key is neither pinned nor certified");
	if ((rc = dca_store_customer(v->store, key.customer, &owner, e)))
		return rc;
	if (!owner.active)
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "customer %s is suspended", key.customer);
	memcpy(customer, key.customer, DCA_ID_MAX + 1);
	return DCA_OK;
}
