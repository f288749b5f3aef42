/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the TBSCertificate of a delegate end-entity certificate (RFC 9060,
 * ATIS-1000080) from checked fields, and the CsrAttrs a customer is offered. What it
 * writes is what will be signed: it must never copy an octet that a customer
 * sent except the public key, and never build a list wider than the scope it
 * was given.
 */
#include "dca/profile.h"

#include <stdio.h>
#include <time.h>

#include "dca/tnauthlist.h"
#include "tlv.h"

/* Heads, serial, times, key and fixed extensions need less than this. */
enum { ROOM = 1024 };

#define SIGALG "\x30\x0a\x06\x08" OID_ECDSA_SHA256
#define EXT_BC_EE                                                              \
	"\x30\x0c\x06\x03" OID_BC "\x01\x01\xff\x04\x02\x30\x00"
#define EXT_KU_EE                                                              \
	"\x30\x0e\x06\x03" OID_KU "\x01\x01\xff\x04\x04\x03\x02\x07\x80"

static const struct {
	unsigned bit;
	const char *name;
	const char *claims[2];	/* excluded when the bit is not set */
} passports[] = {
	{ DCA_PASSPORT_SHAKEN, "shaken", { "attest", "origid" } },
	{ DCA_PASSPORT_DIV, "div", { "div", NULL } },
	{ DCA_PASSPORT_RCD, "rcd", { "rcd", NULL } },
};
enum { N_PASSPORTS = sizeof(passports) / sizeof(passports[0]) };

/* Non-critical: only basicConstraints and keyUsage may be (ATIS-1000080
 * 6.4.1), and those two are constants above. */
static void
put_extension(struct tlv_out *w, struct dca_buf oid, struct dca_buf value)
{
	size_t end = w->at;

	tlv_add(w, TLV_OCTETS, value);
	tlv_add(w, TLV_OID, oid);
	tlv_head(w, TLV_SEQ, end);
}

/* The first policy of the issuer, without its qualifiers. */
static bool
put_policy(struct tlv_out *w, struct dca_buf policies)
{
	struct dca_buf list, info, oid;
	size_t end = w->at;

	if (!tlv_take(&policies, TLV_SEQ, &list, NULL) ||
	    !tlv_take(&list, TLV_SEQ, &info, NULL) ||
	    !tlv_take(&info, TLV_OID, NULL, &oid))
		return false;
	tlv_put(w, oid);
	tlv_head(w, TLV_SEQ, end);
	tlv_head(w, TLV_SEQ, end);
	tlv_head(w, TLV_OCTETS, end);
	tlv_add(w, TLV_OID, TLV_LIT(OID_POLICIES));
	tlv_head(w, TLV_SEQ, end);
	return true;
}

static bool
put_extensions(struct tlv_out *w, const struct dca_profile *p,
    struct dca_buf list, struct dca_buf constraints)
{
	uint8_t ski[20];
	size_t end = w->at, aki;

	dca_spki_ski(ski, p->key);
	if (constraints.n > 0)
		put_extension(w, TLV_LIT(OID_ECONSTRAINTS), constraints);
	put_extension(w, TLV_LIT(OID_TNAUTHLIST), list);
	if (p->issuer->crldp.n > 0)
		put_extension(w, TLV_LIT(OID_CRLDP), p->issuer->crldp);
	if (p->issuer->policies.n > 0 && !put_policy(w, p->issuer->policies))
		return false;

	aki = w->at;	/* AuthorityKeyIdentifier { keyIdentifier [0] } */
	tlv_add(w, 0x80, p->issuer->ski);
	tlv_head(w, TLV_SEQ, aki);
	tlv_head(w, TLV_OCTETS, aki);
	tlv_add(w, TLV_OID, TLV_LIT(OID_AKI));
	tlv_head(w, TLV_SEQ, aki);

	aki = w->at;	/* SubjectKeyIdentifier ::= OCTET STRING */
	tlv_add(w, TLV_OCTETS, DCA_BUF(ski, sizeof(ski)));
	tlv_head(w, TLV_OCTETS, aki);
	tlv_add(w, TLV_OID, TLV_LIT(OID_SKI));
	tlv_head(w, TLV_SEQ, aki);

	tlv_put(w, TLV_LIT(EXT_KU_EE));
	tlv_put(w, TLV_LIT(EXT_BC_EE));
	tlv_head(w, TLV_SEQ, end);
	tlv_head(w, TLV_CONTEXT | 3, end);
	return true;
}

/* UTCTime until 2049, GeneralizedTime after (RFC 5280 4.1.2.5). */
static bool
put_time(struct tlv_out *w, int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char s[32];
	uint8_t tag;
	int year, n;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < 50 ||
	    tm.tm_year > 9999 - 1900)
		return false;
	year = tm.tm_year + 1900;
	tag = year < 2050 ? TLV_UTCTIME : TLV_GENTIME;
	n = snprintf(s, sizeof(s), "%0*d%02d%02d%02d%02d%02dZ",
	    tag == TLV_UTCTIME ? 2 : 4,
	    tag == TLV_UTCTIME ? year % 100 : year, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	tlv_add(w, tag, DCA_BUF(s, n));
	return true;
}

/* INTEGER, shortest form; the top bit is clear (checked). */
static void
put_serial(struct tlv_out *w, const uint8_t *serial)
{
	size_t i = 0;

	while (i < DCA_SERIAL_LEN - 1 && serial[i] == 0 &&
	    (serial[i + 1] & 0x80) == 0)
		i++;
	tlv_add(w, TLV_INTEGER, DCA_BUF(serial + i, DCA_SERIAL_LEN - i));
}

static bool
put_tbs(struct tlv_out *w, const struct dca_profile *p, struct dca_buf list,
    struct dca_buf constraints)
{
	size_t end = w->at, validity;

	if (!put_extensions(w, p, list, constraints))
		return false;
	tlv_put(w, DCA_BUF(p->key->der, DCA_SPKI_LEN));
	tlv_put(w, p->subject);
	validity = w->at;
	if (!put_time(w, p->not_after) || !put_time(w, p->not_before))
		return false;
	tlv_head(w, TLV_SEQ, validity);
	tlv_put(w, p->issuer->subject);
	tlv_put(w, TLV_LIT(SIGALG));
	put_serial(w, p->serial);
	tlv_put(w, TLV_LIT("\xa0\x03\x02\x01\x02"));	/* v3 */
	tlv_head(w, TLV_SEQ, end);
	return true;
}

static enum dca_rc
check_scope(const struct dca_profile *p, const struct dca_tnset *scope,
    struct dca_err *e)
{
	char first[DCA_ENTRY_TEXT];
	enum dca_rc rc;

	if (p->numbers == NULL || dca_tnset_empty(p->numbers))
		return dca_fail(e, DCA_RULE_SCOPE_EMPTY,
		    "no number to certify");
	if (dca_tnset_has_spc(p->numbers))
		return dca_fail(e, DCA_RULE_TN_SPC_EE,
		    "a delegate certificate holds numbers, not SPCs");
	if (dca_tnset_covers(scope, p->numbers, first))
		return DCA_OK;
	rc = dca_fail(e, DCA_RULE_SCOPE_CROSS,
	    "%s is outside the cross-certificate (RFC 9060 4)", first);
	if (e != NULL)
		dca_strlcpy(e->first, first, sizeof(e->first));
	return rc;
}

static enum dca_rc
check_subject(const struct dca_profile *p, struct dca_err *e)
{
	const char *why = p->issuer->names.n == 0 ? NULL :
	    dca_names_outside(p->issuer->names, p->subject);

	return why == NULL ? DCA_OK : dca_fail(e, DCA_RULE_SCOPE_NAME,
	    "the subject %s", why);
}

static enum dca_rc
check_validity(const struct dca_profile *p, struct dca_err *e)
{
	const struct dca_cert *ca = p->issuer;

	if (p->not_after <= p->not_before)
		return dca_fail(e, DCA_RULE_VALIDITY,
		    "certificate would end before it begins");
	if (p->not_before < ca->not_before || p->not_after > ca->not_after)
		return dca_fail(e, DCA_RULE_VALIDITY,
		    "certificate would be valid when its cross-certificate "
		    "is not");
	return DCA_OK;
}

/* What the vault checked when the cross-certificate was installed, and what
 * it makes itself: a failure here is a broken promise of our own. */
static enum dca_rc
check_own(const struct dca_profile *p, struct dca_err *e)
{
	static const uint8_t zero[DCA_SERIAL_LEN];

	if (!p->issuer->ca || !p->issuer->has_ski || p->issuer->ski.n == 0 ||
	    p->issuer->subject.n <= 2)
		return dca_fail(e, DCA_RULE_PROFILE,
		    "issuer is not a CA with subject and SKI");
	if ((p->serial[0] & 0x80) != 0 ||
	    memcmp(p->serial, zero, sizeof(zero)) == 0)
		return dca_fail(e, DCA_RULE_PROFILE,
		    "serial is not positive (RFC 5280 4.1.2.2)");
	if (p->subject.n <= 2)
		return dca_fail(e, DCA_RULE_PROFILE, "subject is empty");
	return DCA_OK;
}

enum dca_rc
dca_profile_build(struct dca_out *tbs, const struct dca_profile *p,
    const struct dca_tnset *scope, struct dca_err *e)
{
	DCA_AUTO_OUT constraints = { 0 };
	DCA_AUTO_OUT list = { 0 };
	DCA_AUTO_OUT buf = { 0 };
	struct tlv_out w;
	size_t cap;
	enum dca_rc rc;

	if ((rc = check_own(p, e)) != DCA_OK ||
	    (rc = check_validity(p, e)) != DCA_OK ||
	    (rc = check_subject(p, e)) != DCA_OK ||
	    (rc = check_scope(p, scope, e)) != DCA_OK ||
	    (rc = dca_profile_constraints(&constraints, p->constraints,
	    p->passports, e)) != DCA_OK)
		return rc;
	dca_tnauthlist_encode(&list, p->numbers);
	if (list.n > DCA_TNAUTHLIST_MAX)
		return dca_fail(e, DCA_RULE_TN_LIST_SIZE,
		    "TNAuthList would have %zu octets, at most %d are issued; "
		    "split the numbers over several certificates", list.n,
		    DCA_TNAUTHLIST_MAX);

	cap = ROOM + list.n + constraints.n + p->subject.n + p->issuer->subject.n +
	    p->issuer->ski.n + p->issuer->policies.n + p->issuer->crldp.n;
	buf.p = dca_alloc(cap);
	buf.cap = cap;
	w = (struct tlv_out){ buf.p, cap };
	if (!put_tbs(&w, p, dca_out_buf(&list), dca_out_buf(&constraints)))
		return dca_fail(e, DCA_RULE_PROFILE,
		    "a time or a policy cannot be encoded");
	dca_out_add(tbs, w.p + w.at, cap - w.at);
	return DCA_OK;
}

enum dca_rc
dca_profile_constraints(struct dca_out *o, const struct dca_constraints *c,
    unsigned allowed, struct dca_err *e)
{
	static const struct dca_constraints none = { .permitted = { 0 } };
	struct dca_constraints all;
	enum dca_rc rc;

	if ((allowed & DCA_PASSPORT_ALL) == DCA_PASSPORT_ALL &&
	    (c == NULL || dca_constraints_empty(c)))
		return DCA_OK;
	rc = dca_constraints_effective(&all, c != NULL ? c : &none, allowed,
	    e);
	if (rc != DCA_OK)
		return rc;
	dca_constraints_encode(o, &all);
	dca_constraints_clear(&all);
	return DCA_OK;
}

size_t
dca_passports_excluded(const char *out[static DCA_PASSPORT_CLAIMS],
    unsigned allowed)
{
	size_t n = 0;

	for (size_t i = 0; i < N_PASSPORTS; i++)
		for (size_t k = 0; k < 2; k++)
			if (!(allowed & passports[i].bit) &&
			    passports[i].claims[k] != NULL)
				out[n++] = passports[i].claims[k];
	return n;
}

void
dca_csrattrs_encode(struct dca_out *o, const struct dca_tnset *numbers)
{
	DCA_AUTO_OUT list = { 0 };
	DCA_AUTO_OUT buf = { 0 };
	struct tlv_out w;
	size_t end, attr;

	if (numbers != NULL && !dca_tnset_empty(numbers))
		dca_tnauthlist_encode(&list, numbers);
	buf.cap = end = ROOM + list.n;
	buf.p = dca_alloc(buf.cap);
	w = (struct tlv_out){ buf.p, buf.cap };

	tlv_add(&w, TLV_OID, TLV_LIT(OID_ECDSA_SHA256));
	attr = w.at;
	tlv_put(&w, TLV_LIT(EXT_BC_EE));
	tlv_put(&w, TLV_LIT(EXT_KU_EE));
	if (list.n > 0)
		put_extension(&w, TLV_LIT(OID_TNAUTHLIST), dca_out_buf(&list));
	tlv_head(&w, TLV_SEQ, attr);
	tlv_head(&w, TLV_SET, attr);
	tlv_add(&w, TLV_OID, TLV_LIT(OID_EXTENSION_REQUEST));
	tlv_head(&w, TLV_SEQ, attr);
	attr = w.at;
	tlv_add(&w, TLV_OID, TLV_LIT(OID_P256));
	tlv_head(&w, TLV_SET, attr);
	tlv_add(&w, TLV_OID, TLV_LIT(OID_EC_KEY));
	tlv_head(&w, TLV_SEQ, attr);
	tlv_head(&w, TLV_SEQ, end);
	dca_out_add(o, w.p + w.at, end - w.at);
}

void
dca_serial_make(uint8_t serial[static DCA_SERIAL_LEN],
    const uint8_t random[static DCA_SERIAL_LEN])
{
	memcpy(serial, random, DCA_SERIAL_LEN);
	/* Positive, and always 20 octets: neither shorter nor padded. */
	serial[0] = (uint8_t)(0x40 | (random[0] & 0x3f));
}

/* Names separated by commas, in any order; "none": base PASSporTs only. */
enum dca_rc
dca_passports_parse(unsigned *bits, const char *text, struct dca_err *e)
{
	const char *s = text;
	unsigned got = 0;
	size_t n, i;

	*bits = 0;
	if (strcmp(text, "none") == 0)
		return DCA_OK;
	for (;; s += n + 1) {
		n = strcspn(s, ",");
		for (i = 0; i < N_PASSPORTS; i++)
			if (strlen(passports[i].name) == n &&
			    memcmp(passports[i].name, s, n) == 0)
				break;
		if (i == N_PASSPORTS)
			return dca_fail(e, DCA_RULE_REG_FIELD,
			    "passports: \"%.*s\" is not shaken, div or rcd",
			    (int)(n > 32 ? 32 : n), s);
		if (got & passports[i].bit)
			return dca_fail(e, DCA_RULE_REG_FIELD,
			    "passports: %s is named twice", passports[i].name);
		got |= passports[i].bit;
		if (s[n] == '\0')
			break;
	}
	*bits = got;
	return DCA_OK;
}

void
dca_passports_print(unsigned bits, char out[static 24])
{
	DCA_AUTO_OUT o = { 0 };
	size_t i;

	for (i = 0; i < N_PASSPORTS; i++)
		if (bits & passports[i].bit)
			dca_out_printf(&o, "%s%s", o.n > 0 ? "," : "",
			    passports[i].name);
	dca_out_printf(&o, "%s", o.n == 0 ? "none" : "");
	memcpy(out, o.p, o.n);
	out[o.n] = '\0';
}
