/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renewal (dca(7) TRUST): which of our certificates proves who asks, and what
 * a renewal may not change. The front is assumed captured and can hand over
 * anybody's certificate: one without a proof by its key says nothing. Must
 * never accept a certificate that is not, octet by octet, in the ledger.
 */
#include <string.h>

#include "dca/profile.h"

#include "vault.h"

#define REKEY "rekey:"
enum { REKEY_LEN = sizeof(REKEY) - 1 };

/* One of ours by serial, as the ledger has it; cert is cleared by the caller.
 * REG_UNKNOWN. */
static enum dca_rc
find(struct dca_store *s, const uint8_t serial[static DCA_SERIAL_LEN],
    struct dca_certificate *c, struct dca_cert *cert, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };
	enum dca_rc rc;

	if ((rc = dca_store_certificate(s, serial, c, e)) ||
	    (rc = dca_store_certificate_der(s, serial, &der, e)))
		return rc;
	return dca_cert_parse(cert, dca_out_buf(&der), e);
}

/* Whose it is is proven: a refusal from here on is the customer's. */
static enum dca_rc
use(const struct dca_certificate *c, int64_t now, struct vault_who *w,
    struct dca_err *e)
{
	char when[DCA_TIME_TEXT], hex[2 * DCA_SERIAL_LEN + 1];

	memcpy(w->customer, c->customer, sizeof(w->customer));
	w->by_certificate = true;
	memcpy(w->by, c->serial, sizeof(w->by));
	dca_hex(hex, c->serial, sizeof(c->serial));
	if (c->revoked) {
		dca_time_format(when, c->revoked);
		return dca_fail(e, DCA_RULE_AUTH_REVOKED,
		    "certificate %s was revoked at %s", hex, when);
	}
	if (now > c->not_after) {
		dca_time_format(when, c->not_after);
		return dca_fail(e, DCA_RULE_AUTH_EXPIRED,
		    "certificate %s expired at %s", hex, when);
	}
	return DCA_OK;
}

/* "rekey:<serial>:<signature>"; false when it is not of that form. */
static bool
rekey_serial(const char *password, uint8_t serial[static DCA_SERIAL_LEN])
{
	const size_t n = REKEY_LEN + 2 * DCA_SERIAL_LEN;
	char hex[2 * DCA_SERIAL_LEN + 1];

	if (strncmp(password, REKEY, REKEY_LEN) != 0 ||
	    strlen(password) <= n || password[n] != ':')
		return false;
	memcpy(hex, password + REKEY_LEN, sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = '\0';
	return dca_unhex(serial, DCA_SERIAL_LEN, hex);
}

static enum dca_rc
check_signature(const struct dca_csr *csr, const struct dca_cert *old,
    struct dca_err *e)
{
	if (dca_rekey_check(csr->password, old->serial, &old->key, &csr->key))
		return DCA_OK;
	return dca_fail(e, DCA_RULE_AUTH_REKEY,
	    "rekey proof does not verify with the key of the certificate");
}

bool
vault_rekey_asked(const struct dca_csr *csr)
{
	return strncmp(csr->password, REKEY, REKEY_LEN) == 0;
}

enum dca_rc
vault_who_rekeys(struct dca_store *s, const struct dca_csr *csr, int64_t now,
    struct vault_who *w, struct dca_err *e)
{
	uint8_t serial[DCA_SERIAL_LEN];
	struct dca_cert cert = { 0 };
	struct dca_certificate c = { 0 };
	enum dca_rc rc;

	if (!rekey_serial(csr->password, serial))
		return dca_fail(e, DCA_RULE_CSR_PASSWORD, "challengePassword "
		    "is not rekey:<serial in hex>:<signature>");
	rc = find(s, serial, &c, &cert, e);
	if (rc == DCA_NOTFOUND)
		rc = dca_fail(e, DCA_RULE_AUTH_REKEY, "the certificate of the "
		    "rekey proof is not one of this appliance");
	else if (rc == DCA_OK &&
	    (rc = check_signature(csr, &cert, e)) == DCA_OK)
		rc = use(&c, now, w, e);
	dca_cert_clear(&cert);
	return rc;
}

/* Seen by the vault itself: the request is signed by the same key (its proof
 * of possession), or that key signed the new one. */
static enum dca_rc
check_proof(const struct dca_csr *csr, const struct dca_cert *old,
    struct dca_err *e)
{
	uint8_t serial[DCA_SERIAL_LEN];

	if (!csr->password[0] &&
	    memcmp(&csr->key, &old->key, sizeof(csr->key)) == 0)
		return DCA_OK;
	if (!csr->password[0])
		return dca_fail(e, DCA_RULE_AUTH_REKEY, "the request is for "
		    "another key and has no proof by the key of the "
		    "certificate");
	if (!rekey_serial(csr->password, serial))
		return dca_fail(e, DCA_RULE_CSR_PASSWORD, "challengePassword "
		    "of a renewal is rekey:<serial in hex>:<signature>");
	if (memcmp(serial, old->serial, sizeof(serial)) != 0)
		return dca_fail(e, DCA_RULE_AUTH_REKEY, "the rekey proof is "
		    "for another certificate than that of the session");
	return check_signature(csr, old, e);
}

/* The session's certificate, when it is in the ledger as it stands. */
static enum dca_rc
find_old(struct dca_store *s, struct dca_buf peer, struct dca_certificate *c,
    struct dca_cert *old, struct dca_err *e)
{
	struct dca_cert shown = { 0 };
	enum dca_rc rc = dca_cert_parse(&shown, peer, e);

	if (rc == DCA_OK)
		rc = find(s, shown.serial, c, old, e);
	dca_cert_clear(&shown);
	if (rc == DCA_OK && dca_buf_eq(dca_out_buf(&old->der), peer))
		return DCA_OK;
	if (rc == DCA_IO || rc == DCA_INTERNAL)
		return rc;
	return dca_fail(e, DCA_RULE_AUTH_PROOF, "the client certificate is "
	    "not one that this appliance issued: it renews nothing");
}

enum dca_rc
vault_who_renews(struct dca_store *s, struct dca_buf peer,
    const struct dca_csr *csr, int64_t now, struct vault_who *w,
    struct dca_cert *old, struct dca_err *e)
{
	struct dca_certificate c = { 0 };
	enum dca_rc rc;

	memset(w, 0, sizeof(*w));
	dca_cert_clear(old);
	if ((rc = find_old(s, peer, &c, old, e)) ||
	    (rc = check_proof(csr, old, e)))
		return rc;
	return use(&c, now, w, e);
}

bool
vault_who_live(struct dca_store *s, const struct vault_who *w, int64_t now)
{
	struct dca_certificate c = { 0 };

	return dca_store_certificate(s, w->by, &c, NULL) == DCA_OK &&
	    !c.revoked && now <= c.not_after;
}

/* --- what a renewal may not change --- */

static enum dca_rc
check_subject(const struct vault_question *q, struct dca_err *e)
{
	if (q->csr->subject_empty ||
	    dca_buf_eq(q->csr->subject, q->old->subject))
		return DCA_OK;
	return dca_fail(e, DCA_RULE_RENEW_SUBJECT,
	    "subject is neither empty nor that of the certificate");
}

enum dca_rc
vault_constraints(const struct dca_customer *customer, struct dca_out *o,
    struct dca_err *e)
{
	struct dca_constraints c;
	enum dca_rc rc = dca_store_customer_constraints(customer, &c, e);

	if (rc == DCA_OK)
		rc = dca_profile_constraints(o, &c, customer->passports, e);
	dca_constraints_clear(&c);
	return rc;
}

static enum dca_rc
check_constraints(const struct vault_question *q,
    const struct dca_customer *customer, struct dca_err *e)
{
	DCA_AUTO_OUT now = { 0 };
	enum dca_rc rc = vault_constraints(customer, &now, e);

	if (rc != DCA_OK || dca_buf_eq(dca_out_buf(&now),
	    q->old->constraints))
		return rc;
	return dca_fail(e, DCA_RULE_RENEW_CONSTRAINTS, "the register has "
	    "other PASSporT types or claim constraints for %s than the "
	    "certificate", customer->id);
}

static enum dca_rc
check_numbers(const struct vault_question *q, struct dca_err *e)
{
	char first[DCA_ENTRY_TEXT];
	enum dca_rc rc;

	if (!q->old->scope)
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "a certificate of ours has no TNAuthList");
	if (!q->csr->numbers ||
	    dca_tnset_covers(q->old->scope, q->csr->numbers, first))
		return DCA_OK;
	rc = dca_fail(e, DCA_RULE_RENEW_SCOPE,
	    "%s is not in the certificate that is renewed", first);
	if (e)
		(void)dca_strlcpy(e->first, first, sizeof(e->first));
	return rc;
}

enum dca_rc
vault_renew_check(const struct vault_question *q,
    const struct dca_customer *customer, struct dca_err *e)
{
	enum dca_rc rc;

	if ((rc = check_subject(q, e)) ||
	    (rc = check_constraints(q, customer, e)))
		return rc;
	return check_numbers(q, e);
}
