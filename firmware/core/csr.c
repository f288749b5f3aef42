/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS#10 requests (RFC 2986) into plain fields. What a customer may ask is a
 * closed list (dca(7) LIMITS); everything else is refused here, by name. Must
 * never decode the public key with OpenSSL's decoder (95 us, global locks)
 * and never accept octets that are not the DER of what was understood.
 */
#include "dca/csr.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "dca/tnauthlist.h"
#include "csr-parts.h"

/* ---- templates; subject, SubjectPublicKeyInfo, algorithm stay octets ---- */

typedef struct csr_attr_st {
	ASN1_OBJECT *type;
	STACK_OF(ASN1_TYPE) *values;
} CSR_ATTR;

DECLARE_ASN1_ITEM(CSR_ATTR)
ASN1_SEQUENCE(CSR_ATTR) = {
	ASN1_SIMPLE(CSR_ATTR, type, ASN1_OBJECT),
	ASN1_SET_OF(CSR_ATTR, values, ASN1_ANY),
} ASN1_SEQUENCE_END(CSR_ATTR)

DEFINE_STACK_OF(CSR_ATTR)

typedef struct csr_info_st {
	ASN1_INTEGER *version;
	ASN1_STRING *subject, *spki;
	STACK_OF(CSR_ATTR) *attributes;
} CSR_INFO;

DECLARE_ASN1_ITEM(CSR_INFO)
ASN1_SEQUENCE(CSR_INFO) = {
	ASN1_SIMPLE(CSR_INFO, version, ASN1_INTEGER),
	ASN1_SIMPLE(CSR_INFO, subject, ASN1_SEQUENCE),
	ASN1_SIMPLE(CSR_INFO, spki, ASN1_SEQUENCE),
	ASN1_IMP_SET_OF(CSR_INFO, attributes, CSR_ATTR, 0),
} ASN1_SEQUENCE_END(CSR_INFO)

typedef struct csr_st {
	CSR_INFO *info;
	ASN1_STRING *algorithm;
	ASN1_BIT_STRING *signature;
} CSR;

DECLARE_ASN1_ITEM(CSR)
ASN1_SEQUENCE(CSR) = {
	ASN1_SIMPLE(CSR, info, CSR_INFO),
	ASN1_SIMPLE(CSR, algorithm, ASN1_SEQUENCE),
	ASN1_SIMPLE(CSR, signature, ASN1_BIT_STRING),
} ASN1_SEQUENCE_END(CSR)

typedef struct csr_ext_st {
	ASN1_OBJECT *id;
	ASN1_BOOLEAN critical;
	ASN1_OCTET_STRING *value;
} CSR_EXT;

DECLARE_ASN1_ITEM(CSR_EXT)
ASN1_SEQUENCE(CSR_EXT) = {
	ASN1_SIMPLE(CSR_EXT, id, ASN1_OBJECT),
	ASN1_OPT(CSR_EXT, critical, ASN1_FBOOLEAN),
	ASN1_SIMPLE(CSR_EXT, value, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END(CSR_EXT)

DEFINE_STACK_OF(CSR_EXT)

typedef STACK_OF(CSR_EXT) CSR_EXTS;

DECLARE_ASN1_ITEM(CSR_EXTS)
ASN1_ITEM_TEMPLATE(CSR_EXTS) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, list, CSR_EXT)
ASN1_ITEM_TEMPLATE_END(CSR_EXTS)

static void
csr_free(CSR **c)
{
	ASN1_item_free((ASN1_VALUE *)*c, ASN1_ITEM_rptr(CSR));
}

static void
exts_free(CSR_EXTS **x)
{
	ASN1_item_free((ASN1_VALUE *)*x, ASN1_ITEM_rptr(CSR_EXTS));
}

/* NULL unless all of der, written again, is der (X.690 10). */
static void *
decode(struct dca_buf der, const ASN1_ITEM *it)
{
	const uint8_t *p = der.p;
	uint8_t *again = NULL;
	ASN1_VALUE *v = NULL;
	int n = 0;

	if (der.n > 0)
		v = ASN1_item_d2i(NULL, &p, (long)der.n, it);
	if (v != NULL)
		n = ASN1_item_i2d(v, &again, it);
	if (v == NULL || n <= 0 ||
	    !dca_buf_eq(der, DCA_BUF(again, (size_t)n))) {
		ASN1_item_free(v, it);
		ERR_clear_error();
		v = NULL;
	}
	OPENSSL_free(again);
	return v;
}

static struct dca_buf
bytes_of(const ASN1_STRING *s)
{
	return DCA_BUF(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

/* ---- what a request asks ---- */

/* Who may ask what: a customer for itself, or the appliance for its CA. */
struct wish {
	bool ca;			/* in: a CA request is read */
	struct dca_tnset *list;		/* out, owned */
	char password[DCA_PASSWORD_MAX + 1];
	bool asked_ca, asked_sign;	/* CA:TRUE, keyCertSign seen */
};

static enum dca_rc
read_list(struct wish *w, struct dca_buf v, bool critical, struct dca_err *e)
{
	enum dca_rc rc;

	if (critical)
		return dca_fail(e, DCA_RULE_CSR_CRITICAL,
		    "RFC 8226 9: TNAuthList is marked critical");
	w->list = dca_tnset_new();
	rc = dca_tnauthlist_parse(w->list, v, DCA_TNAUTHLIST_ISSUE, e);
	if (rc == DCA_OK && !w->ca && dca_tnset_has_spc(w->list))
		rc = dca_fail(e, DCA_RULE_TN_SPC_EE,
		    "a service provider code stands for all its numbers; an "
		    "end entity asks for numbers");
	return rc;
}

static enum dca_rc
read_constraints(struct wish *w, struct dca_buf v, bool critical,
    struct dca_err *e)
{
	(void)critical;
	if (!w->ca && dca_buf_eq(v, TLV_LIT("\x30\x00")))
		return DCA_OK;
	if (w->ca && dca_buf_eq(v, TLV_LIT("\x30\x03\x01\x01\xff"))) {
		w->asked_ca = true;
		return DCA_OK;
	}
	return dca_fail(e, DCA_RULE_CSR_CA,
	    w->ca ? "basicConstraints is not CA:TRUE without pathLen"
		  : "basicConstraints is not CA:FALSE");
}

static enum dca_rc
read_usage(struct wish *w, struct dca_buf v, bool critical, struct dca_err *e)
{
	(void)critical;
	if (!w->ca && dca_buf_eq(v, TLV_LIT("\x03\x02\x07\x80")))
		return DCA_OK;
	if (w->ca && (dca_buf_eq(v, TLV_LIT("\x03\x02\x02\x04")) ||
			 dca_buf_eq(v, TLV_LIT("\x03\x02\x01\x06")))) {
		w->asked_sign = true;
		return DCA_OK;
	}
	return dca_fail(e, DCA_RULE_CSR_KEYUSAGE,
	    w->ca ? "keyUsage is not keyCertSign (with or without cRLSign)"
		  : "keyUsage is not exactly digitalSignature");
}

static const struct extension {
	struct dca_buf oid;
	const char *name;
	enum dca_rc (*read)(struct wish *w, struct dca_buf v, bool critical,
	    struct dca_err *e);
} extensions[] = {
	{ { (const uint8_t *)OID_TNAUTHLIST, 8 }, "tnAuthList", read_list },
	{ { (const uint8_t *)OID_BC, 3 }, "basicConstraints",
	    read_constraints },
	{ { (const uint8_t *)OID_KU, 3 }, "keyUsage", read_usage },
};
enum { EXTENSIONS = sizeof(extensions) / sizeof(extensions[0]) };

static bool
is_oid(const ASN1_OBJECT *o, struct dca_buf oid)
{
	return dca_buf_eq(oid, DCA_BUF(OBJ_get0_data(o), OBJ_length(o)));
}

static enum dca_rc
fail_oid(struct dca_err *e, enum dca_rule rule, const char *what,
    const ASN1_OBJECT *o)
{
	char oid[80];

	(void)OBJ_obj2txt(oid, sizeof(oid), o, 1);
	return dca_fail(e, rule, "%s %s", what, oid);
}

static enum dca_rc
read_extension(struct wish *w, const CSR_EXT *x, unsigned *seen,
    struct dca_err *e)
{
	enum dca_rc rc;
	size_t i;

	for (i = 0; i < EXTENSIONS; i++)
		if (is_oid(x->id, extensions[i].oid))
			break;
	if (i == EXTENSIONS)
		return fail_oid(e, DCA_RULE_CSR_EXTENSION,
		    "a request may not ask for the extension", x->id);
	if ((*seen & 1U << i) != 0)
		return dca_fail(e, DCA_RULE_CSR_DUPLICATE,
		    "RFC 5280 4.2: %s asked twice", extensions[i].name);
	*seen |= 1U << i;
	/* X.690 11.1: TRUE is FF; the template would keep any octet */
	if (x->critical != 0 && x->critical != 0xff)
		return dca_fail(e, DCA_RULE_CSR_DER,
		    "critical of %s is not a DER BOOLEAN", extensions[i].name);
	rc = extensions[i].read(w, bytes_of(x->value), x->critical != 0, e);
	if (rc != DCA_OK && e != NULL)
		(void)dca_strlcpy(e->field, extensions[i].name,
		    sizeof(e->field));
	return rc;
}

static enum dca_rc
read_extensions(struct wish *w, const ASN1_TYPE *t, struct dca_err *e)
{
	DCA_CLEANUP(exts_free) CSR_EXTS *list = NULL;
	enum dca_rc rc = DCA_OK;
	unsigned seen = 0;
	int i;

	if (t->type == V_ASN1_SEQUENCE)
		list = decode(bytes_of(t->value.sequence),
		    ASN1_ITEM_rptr(CSR_EXTS));
	if (list == NULL || sk_CSR_EXT_num(list) == 0)
		return dca_fail(e, DCA_RULE_CSR_DER,
		    "RFC 5280 4.1: extensionRequest is not the DER of "
		    "Extensions");
	for (i = 0; rc == DCA_OK && i < sk_CSR_EXT_num(list); i++)
		rc = read_extension(w, sk_CSR_EXT_value(list, i), &seen, e);
	return rc;
}

/* RFC 2985 5.4.1: a DirectoryString; ours are printable ASCII. */
static enum dca_rc
read_password(struct wish *w, const ASN1_TYPE *t, struct dca_err *e)
{
	struct dca_buf v;
	size_t i;

	if (t->type != V_ASN1_PRINTABLESTRING && t->type != V_ASN1_UTF8STRING &&
	    t->type != V_ASN1_IA5STRING && t->type != V_ASN1_T61STRING)
		return dca_fail(e, DCA_RULE_CSR_PASSWORD,
		    "challengePassword is not a character string");
	v = bytes_of(t->value.asn1_string);
	if (v.n < 1 || v.n > DCA_PASSWORD_MAX)
		return dca_fail(e, DCA_RULE_CSR_PASSWORD,
		    "challengePassword has %zu characters (1 to %d)", v.n,
		    DCA_PASSWORD_MAX);
	for (i = 0; i < v.n; i++)
		if (v.p[i] < 0x20 || v.p[i] > 0x7e)
			return dca_fail(e, DCA_RULE_CSR_PASSWORD,
			    "challengePassword is not printable ASCII");
	memcpy(w->password, v.p, v.n);
	return DCA_OK;
}

/*
 * The extensionRequest of Microsoft (1.3.6.1.4.1.311.2.1.14) is not here on
 * purpose: a second way to ask is a way around the first.
 */
static const struct attribute {
	struct dca_buf oid;
	const char *name;
	enum dca_rc (*read)(struct wish *w, const ASN1_TYPE *t,
	    struct dca_err *e);
} attributes[] = {
	{ { (const uint8_t *)OID_EXTENSION_REQUEST, 9 }, "extensionRequest",
	    read_extensions },
	{ { (const uint8_t *)OID_CHALLENGE_PASSWORD, 9 }, "challengePassword",
	    read_password },
};
enum { ATTRIBUTES = sizeof(attributes) / sizeof(attributes[0]) };

static enum dca_rc
read_attribute(struct wish *w, const CSR_ATTR *a, unsigned *seen,
    struct dca_err *e)
{
	int n = sk_ASN1_TYPE_num(a->values);
	size_t i;

	for (i = 0; i < ATTRIBUTES; i++)
		if (is_oid(a->type, attributes[i].oid))
			break;
	if (i == ATTRIBUTES)
		return fail_oid(e, DCA_RULE_CSR_ATTRIBUTE,
		    "a request may not hold the attribute", a->type);
	if ((*seen & 1U << i) != 0 || n > 1)
		return dca_fail(e, DCA_RULE_CSR_DUPLICATE, "%s present twice",
		    attributes[i].name);
	*seen |= 1U << i;
	if (n < 1)
		return dca_fail(e, DCA_RULE_CSR_DER,
		    "RFC 2986 4.1: %s without a value", attributes[i].name);
	return attributes[i].read(w, sk_ASN1_TYPE_value(a->values, 0), e);
}

/* ---- the whole ---- */

/* Where the parts lie in der; after decode() this cannot fail. */
static bool
locate(struct dca_csr *out, struct dca_buf der, struct dca_buf *spki)
{
	struct dca_buf body, info, bits;

	if (!tlv_take(&der, TLV_SEQ, &body, NULL) ||
	    !tlv_take(&body, TLV_SEQ, &info, &out->info) ||
	    !tlv_take(&body, TLV_SEQ, NULL, NULL) ||
	    !tlv_take(&body, TLV_BITS, &bits, NULL) || bits.n < 1 ||
	    bits.p[0] != 0 || !tlv_take(&info, TLV_INTEGER, NULL, NULL) ||
	    !tlv_take(&info, TLV_SEQ, NULL, &out->subject) ||
	    !tlv_take(&info, TLV_SEQ, NULL, spki))
		return false;
	out->subject_empty = out->subject.n == 2;
	out->signature = DCA_BUF(bits.p + 1, bits.n - 1);
	return true;
}

static enum dca_rc
read_fields(struct dca_csr *out, struct wish *w, const CSR *csr,
    struct dca_buf spki, struct dca_err *e)
{
	struct dca_buf version = bytes_of(csr->info->version);
	struct dca_buf alg = bytes_of(csr->algorithm);
	unsigned seen = 0;
	enum dca_rc rc;
	int i;

	if (ASN1_STRING_type(csr->info->version) != V_ASN1_INTEGER ||
	    !dca_buf_eq(version, TLV_LIT("\0")))
		return dca_fail(e, DCA_RULE_CSR_VERSION,
		    "RFC 2986 4.1: version is not 0");
	rc = dca_spki_parse(&out->key, spki, e);
	if (rc != DCA_OK)
		return rc;
	if (!dca_buf_eq(alg, TLV_LIT(ALG_ECDSA_SHA256)))
		return dca_fail(e, DCA_RULE_CSR_SIGALG,
		    "RFC 5758 3.2: signature algorithm is not "
		    "ecdsa-with-SHA256 without parameters");
	rc = dca_subject_check(out->subject, e);
	for (i = 0; rc == DCA_OK && i < sk_CSR_ATTR_num(csr->info->attributes);
	     i++)
		rc = read_attribute(w,
		    sk_CSR_ATTR_value(csr->info->attributes, i), &seen, e);
	return rc;
}

static enum dca_rc
read_request(struct dca_csr *out, struct wish *w, struct dca_buf der,
    struct dca_err *e)
{
	DCA_CLEANUP(csr_free) CSR *csr = NULL;
	struct dca_buf spki;
	enum dca_rc rc;

	memset(out, 0, sizeof(*out));
	if (der.n > DCA_CSR_MAX)
		return dca_fail(e, DCA_RULE_CSR_SIZE,
		    "request of %zu octets, at most %d", der.n, DCA_CSR_MAX);
	csr = decode(der, ASN1_ITEM_rptr(CSR));
	if (csr == NULL || !locate(out, der, &spki))
		return dca_fail(e, DCA_RULE_CSR_DER,
		    "RFC 2986 4: not the DER of a CertificationRequest");
	rc = read_fields(out, w, csr, spki, e);
	out->numbers = w->list;
	memcpy(out->password, w->password, sizeof(out->password));
	OPENSSL_cleanse(w->password, sizeof(w->password));
	dca_sha256(out->sha256, der);
	return rc;
}

enum dca_rc
dca_csr_parse(struct dca_csr *out, struct dca_buf der, struct dca_err *e)
{
	struct wish w = { .ca = false };
	enum dca_rc rc = read_request(out, &w, der, e);

	if (rc != DCA_OK)
		dca_csr_clear(out);
	return rc;
}

enum dca_rc
dca_csr_check_pop(const struct dca_csr *r, struct dca_err *e)
{
	uint8_t digest[DCA_SHA256_LEN];

	dca_sha256(digest, r->info);
	if (!dca_ecdsa_verify(&r->key, digest, r->signature))
		return dca_fail(e, DCA_RULE_CSR_POP,
		    "RFC 2986 3: the signature is not one of the key in the "
		    "request");
	return DCA_OK;
}

void
dca_csr_clear(struct dca_csr *r)
{
	dca_tnset_free(r->numbers);
	OPENSSL_cleanse(r, sizeof(*r));
}

/* What a CA request must hold, and what it may not. */
static enum dca_rc
check_ca_wish(const struct wish *w, struct dca_err *e)
{
	if (!w->asked_ca)
		return dca_fail(e, DCA_RULE_CSR_CA,
		    "request for a CA without basicConstraints CA:TRUE");
	if (!w->asked_sign)
		return dca_fail(e, DCA_RULE_CSR_KEYUSAGE,
		    "request for a CA without keyUsage keyCertSign");
	if (w->list == NULL)
		return dca_fail(e, DCA_RULE_TN_EMPTY,
		    "RFC 9060 4: request for a delegate CA without a "
		    "TNAuthList");
	return DCA_OK;
}

enum dca_rc
dca_ca_csr_parse(struct dca_ca_csr *out, struct dca_buf der, struct dca_err *e)
{
	struct wish w = { .ca = true };
	struct dca_csr csr;
	enum dca_rc rc = read_request(&csr, &w, der, e);

	memset(out, 0, sizeof(*out));
	if (rc == DCA_OK)
		rc = check_ca_wish(&w, e);
	if (rc == DCA_OK)
		rc = dca_csr_check_pop(&csr, e);
	if (rc == DCA_OK) {
		out->key = csr.key;
		out->scope = dca_steal(&csr.numbers);
	}
	dca_csr_clear(&csr);
	return rc;
}

void
dca_ca_csr_clear(struct dca_ca_csr *r)
{
	dca_tnset_free(r->scope);
	memset(r, 0, sizeof(*r));
}
