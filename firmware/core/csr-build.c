/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests, for the tools and the ceremony: CertificationRequestInfo, the
 * frame around a signed body, Names, the proofs of enrolment and of rekeying.
 * Must never sign.
 */
#include "dca/csr.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "dca/tnauthlist.h"
#include "csr-parts.h"

/* ---- Name ---- */

enum { NAME_PART_MAX = 64 };	/* ub-common-name (RFC 5280 A.1) */

/* SET { SEQUENCE { 2.5.4.x, text } } */
static void
put_rdn(struct tlv_out *o, uint8_t at, uint8_t tag, const char *text)
{
	uint8_t oid[] = { 0x55, 0x04, at };
	size_t end = o->at;

	if (text == NULL)
		return;
	tlv_add(o, tag, DCA_BUF(text, strlen(text)));
	tlv_add(o, TLV_OID, DCA_BUF(oid, sizeof(oid)));
	tlv_head(o, TLV_SEQ, end);
	tlv_head(o, TLV_SET, end);
}

static enum dca_rc
check_part(const char *what, const char *text, struct dca_err *e)
{
	size_t n = text == NULL ? 1 : strlen(text);

	if (text == NULL || (n >= 1 && n <= NAME_PART_MAX &&
				dca_utf8_text(DCA_BUF(text, n))))
		return DCA_OK;
	return dca_fail(e, DCA_RULE_REG_FIELD,
	    "%s is not 1 to %d octets of UTF-8 without control characters",
	    what, NAME_PART_MAX);
}

enum dca_rc
dca_name_encode(struct dca_out *o, const char *c, const char *org,
    const char *cn, struct dca_err *e)
{
	uint8_t buf[256];
	struct tlv_out w = { buf, sizeof(buf) };
	enum dca_rc rc;

	if (c != NULL && (strlen(c) != 2 || c[0] < 'A' || c[0] > 'Z' ||
			     c[1] < 'A' || c[1] > 'Z'))
		return dca_fail(e, DCA_RULE_REG_FIELD,
		    "country is not two letters A-Z (ISO 3166)");
	rc = check_part("organization", org, e);
	if (rc == DCA_OK)
		rc = check_part("common name", cn, e);
	if (rc != DCA_OK)
		return rc;
	put_rdn(&w, 3, TLV_UTF8, cn);
	put_rdn(&w, 10, TLV_UTF8, org);
	put_rdn(&w, 6, TLV_PRINTABLE, c);
	tlv_head(&w, TLV_SEQ, sizeof(buf));
	dca_out_add(o, buf + w.at, sizeof(buf) - w.at);
	return DCA_OK;
}

/* ---- request ---- */

/* Extension; the two of a CA request are critical (RFC 5280 4.2.1.3, 9). */
static void
put_extension(struct tlv_out *o, struct dca_buf oid, bool critical,
    struct dca_buf value)
{
	size_t end = o->at;

	tlv_add(o, TLV_OCTETS, value);
	if (critical)
		tlv_add(o, TLV_BOOLEAN, TLV_LIT("\xff"));
	tlv_add(o, TLV_OID, oid);
	tlv_head(o, TLV_SEQ, end);
}

/* Attribute with one value, which is what was written since end. */
static void
put_attribute(struct tlv_out *o, struct dca_buf oid, size_t end)
{
	tlv_head(o, TLV_SET, end);
	tlv_add(o, TLV_OID, oid);
	tlv_head(o, TLV_SEQ, end);
}

static void
put_extension_request(struct tlv_out *o, bool ca, struct dca_buf list)
{
	size_t end = o->at;

	if (!ca && list.n == 0)
		return;
	if (list.n > 0)
		put_extension(o, TLV_LIT(OID_TNAUTHLIST), false, list);
	if (ca) {
		put_extension(o, TLV_LIT(OID_KU), true,
		    TLV_LIT("\x03\x02\x02\x04"));
		put_extension(o, TLV_LIT(OID_BC), true,
		    TLV_LIT("\x30\x03\x01\x01\xff"));
	}
	tlv_head(o, TLV_SEQ, end);
	put_attribute(o, TLV_LIT(OID_EXTENSION_REQUEST), end);
}

static void
put_password(struct tlv_out *o, const char *password)
{
	size_t end = o->at;

	if (password == NULL)
		return;
	tlv_add(o, TLV_UTF8, DCA_BUF(password, strlen(password)));
	put_attribute(o, TLV_LIT(OID_CHALLENGE_PASSWORD), end);
}

static void
put_attributes(struct tlv_out *o, const struct dca_csr_spec *spec,
    struct dca_buf list)
{
	size_t end = o->at, mid;

	put_extension_request(o, spec->ca, list);
	mid = o->at;
	put_password(o, spec->password);
	if (mid < end && o->at < mid &&
	    !dca_der_ascending(DCA_BUF(o->p + o->at, mid - o->at),
		DCA_BUF(o->p + mid, end - mid))) {
		o->at = end;
		put_password(o, spec->password);
		put_extension_request(o, spec->ca, list);
	}
	tlv_head(o, TLV_CONTEXT, end);
}

void
dca_csr_build(struct dca_out *info, const struct dca_csr_spec *spec)
{
	DCA_AUTO_OUT list = { .p = NULL };
	size_t password = spec->password == NULL ? 0 : strlen(spec->password);
	DCA_CLEANUP(dca_free_p) uint8_t *p = NULL;
	struct tlv_out w;
	size_t size;

	if (spec->numbers != NULL)
		dca_tnauthlist_encode(&list, spec->numbers);
	size = 512 + spec->subject.n + list.n + password;
	p = dca_alloc(size);
	w = (struct tlv_out){ p, size };
	put_attributes(&w, spec, dca_out_buf(&list));
	tlv_put(&w, DCA_BUF(spec->key.der, DCA_SPKI_LEN));
	if (spec->subject.n > 0)
		tlv_put(&w, spec->subject);
	else
		tlv_add(&w, TLV_SEQ, DCA_BUF(NULL, 0));
	tlv_add(&w, TLV_INTEGER, TLV_LIT("\0"));
	tlv_head(&w, TLV_SEQ, size);
	dca_out_add(info, w.p + w.at, size - w.at);
}

void
dca_signed_encode(struct dca_out *o, struct dca_buf body, struct dca_buf sig)
{
	uint8_t head[16], tail[160];
	struct tlv_out t = { tail, sizeof(tail) };
	struct tlv_out h = { head, sizeof(head) };
	size_t end = sizeof(tail), len, k;

	/* an ECDSA-Sig-Value of P-256 has at most 72 octets */
	tlv_put(&t, sig);
	tlv_octet(&t, 0);
	tlv_head(&t, TLV_BITS, end);
	tlv_put(&t, TLV_LIT(ALG_ECDSA_SHA256));
	len = body.n + (end - t.at);
	/* the head of something that is not all in one buffer */
	for (k = 0; len >= 0x80 && (k == 0 || len >> (8 * k) != 0); k++)
		tlv_octet(&h, (uint8_t)(len >> (8 * k)));
	tlv_octet(&h, (uint8_t)(k == 0 ? len : 0x80 | k));
	tlv_octet(&h, TLV_SEQ);
	dca_out_add(o, head + h.at, sizeof(head) - h.at);
	dca_out_add(o, body.p, body.n);
	dca_out_add(o, tail + t.at, end - t.at);
}

void
dca_enrol_proof(char out[static DCA_PASSWORD_MAX + 1], const char *id,
    const uint8_t code[static 16], const struct dca_spki *key)
{
	DCA_AUTO_OUT text = { .secret = true };
	uint8_t mac[DCA_SHA256_LEN];
	unsigned n = sizeof(mac);

	if (HMAC(EVP_sha256(), code, 16, key->der, DCA_SPKI_LEN, mac, &n) ==
		NULL ||
	    n != sizeof(mac) || strlen(id) > DCA_ID_MAX)
		abort();
	dca_out_printf(&text, "%s:", id);
	dca_b64url(&text, DCA_BUF(mac, sizeof(mac)));
	memcpy(out, text.p, text.n + 1);
}

void
dca_rekey_message(uint8_t out[static DCA_REKEY_LEN],
    const struct dca_spki *new_key)
{
	/* octets, not a string: nothing ends it */
	static const uint8_t label[] = { 'd', 'c', 'a', '-', 'r', 'e', 'k',
		'e', 'y' };

	memcpy(out, label, sizeof(label));
	memcpy(out + sizeof(label), new_key->der, DCA_SPKI_LEN);
}

enum { REKEY_HEAD = 6 + 2 * DCA_SERIAL_LEN + 1 }; /* "rekey:<serial>:" */

static void
rekey_head(char out[static REKEY_HEAD + 1],
    const uint8_t serial[static DCA_SERIAL_LEN])
{
	memcpy(out, "rekey:", sizeof("rekey:"));
	dca_hex(out + 6, serial, DCA_SERIAL_LEN);
	memcpy(out + REKEY_HEAD - 1, ":", 2);
}

void
dca_rekey_proof(char out[static DCA_PASSWORD_MAX + 1],
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_buf sig)
{
	DCA_AUTO_OUT text = { .p = NULL };
	char head[REKEY_HEAD + 1];

	rekey_head(head, serial);
	dca_out_printf(&text, "%s", head);
	dca_b64url(&text, sig);
	if (!dca_strlcpy(out, (const char *)text.p, DCA_PASSWORD_MAX + 1))
		abort(); /* no ECDSA-Sig-Value of P-256 is that long */
}

bool
dca_rekey_check(const char *password,
    const uint8_t serial[static DCA_SERIAL_LEN], const struct dca_spki *old,
    const struct dca_spki *new_key)
{
	uint8_t message[DCA_REKEY_LEN], digest[DCA_SHA256_LEN];
	DCA_AUTO_OUT sig = { .p = NULL };
	char head[REKEY_HEAD + 1];

	rekey_head(head, serial);
	if (strncmp(password, head, REKEY_HEAD) != 0 ||
	    !dca_unb64url(&sig, password + REKEY_HEAD,
		strlen(password) - REKEY_HEAD))
		return false;
	dca_rekey_message(message, new_key);
	dca_sha256(digest, DCA_BUF(message, sizeof(message)));
	return dca_ecdsa_verify(old, digest, dca_out_buf(&sig));
}
