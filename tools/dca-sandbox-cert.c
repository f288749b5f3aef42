/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the certificates of the lab STI-CA with OpenSSL, after the profile of
 * ATIS-1000080. On purpose it shares no certificate writer with the
 * appliance, so that one can prove the other wrong.
 */
#include "dca-sandbox.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "dca/os.h"
#include "dca/tnauthlist.h"

#define OID_POLICY "2.16.840.1.114569.1.1.4"	/* US SHAKEN CP 1.4 */
#define OID_TNAUTHLIST "1.3.6.1.5.5.7.1.26"
#define CRL_URL "https://sti-pa.example/crl"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* One extension from the DER of its value. */
static void
add_der(X509 *x, const char *oid, bool critical, struct dca_buf value)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *os = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;

	must(obj != NULL && os != NULL &&
	    ASN1_OCTET_STRING_set(os, value.p, (int)value.n) == 1);
	ext = X509_EXTENSION_create_by_OBJ(NULL, obj, critical, os);
	must(ext != NULL && X509_add_ext(x, ext, -1) == 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(os);
	ASN1_OBJECT_free(obj);
}

X509_NAME *
lab_name(const char *c, const char *org, const char *cn)
{
	X509_NAME *n = X509_NAME_new();

	must(n != NULL);
	must(X509_NAME_add_entry_by_NID(n, NID_countryName, MBSTRING_ASC,
	    (const unsigned char *)c, -1, -1, 0) == 1);
	must(X509_NAME_add_entry_by_NID(n, NID_organizationName, MBSTRING_UTF8,
	    (const unsigned char *)org, -1, -1, 0) == 1);
	if (X509_NAME_add_entry_by_NID(n, NID_commonName, MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0) != 1) {
		X509_NAME_free(n);	/* longer than 64, or not UTF-8 */
		return NULL;
	}
	return n;
}

/* One DistributionPoint: where the STI-PA serves the SHAKEN CRL, and who
 * signs it (RFC 5280 4.2.1.13). */
static void
add_crldp(X509 *x, const char *where)
{
	CRL_DIST_POINTS *list = sk_DIST_POINT_new_null();
	DIST_POINT *dp = DIST_POINT_new();
	GENERAL_NAME *uri = GENERAL_NAME_new(), *dir = GENERAL_NAME_new();
	ASN1_IA5STRING *url = ASN1_IA5STRING_new();

	must(list != NULL && dp != NULL && uri != NULL && dir != NULL &&
	    url != NULL && ASN1_STRING_set(url, where, -1) == 1);
	dp->distpoint = DIST_POINT_NAME_new();
	must(dp->distpoint != NULL);
	dp->distpoint->type = 0;	/* fullName */
	dp->distpoint->name.fullname = GENERAL_NAMES_new();
	dp->CRLissuer = GENERAL_NAMES_new();
	must(dp->distpoint->name.fullname != NULL && dp->CRLissuer != NULL);
	GENERAL_NAME_set0_value(uri, GEN_URI, url);
	GENERAL_NAME_set0_value(dir, GEN_DIRNAME,
	    lab_name("US", "STI-PA", "STI-PA CRL"));
	must(sk_GENERAL_NAME_push(dp->distpoint->name.fullname, uri) > 0 &&
	    sk_GENERAL_NAME_push(dp->CRLissuer, dir) > 0 &&
	    sk_DIST_POINT_push(list, dp) > 0 &&
	    X509_add1_ext_i2d(x, NID_crl_distribution_points, list, 0, 0) == 1);
	CRL_DIST_POINTS_free(list);
}

static void
add_dns(X509 *x, const char *dns)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(dns);
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	must(names != NULL && g != NULL && s != NULL &&
	    ASN1_STRING_set(s, dns, -1) == 1);
	if (address != NULL) {
		GENERAL_NAME_set0_value(g, GEN_IPADD, address);
		ASN1_IA5STRING_free(s);
	} else {
		GENERAL_NAME_set0_value(g, GEN_DNS, s);
	}
	must(sk_GENERAL_NAME_push(names, g) > 0 &&
	    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1);
	GENERAL_NAMES_free(names);
}

static void
add_policy(X509 *x)
{
	CERTIFICATEPOLICIES *list = CERTIFICATEPOLICIES_new();
	POLICYINFO *info = POLICYINFO_new();

	must(list != NULL && info != NULL);
	ASN1_OBJECT_free(info->policyid);
	info->policyid = OBJ_txt2obj(OID_POLICY, 1);
	must(info->policyid != NULL && sk_POLICYINFO_push(list, info) > 0 &&
	    X509_add1_ext_i2d(x, NID_certificate_policies, list, 0, 0) == 1);
	CERTIFICATEPOLICIES_free(list);
}

static void
add_basic(X509 *x, const struct lab_spec *s)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();

	must(bc != NULL);
	bc->ca = s->ca ? 0xff : 0;
	if (s->ca && s->path_len >= 0) {
		bc->pathlen = ASN1_INTEGER_new();
		must(bc->pathlen != NULL &&
		    ASN1_INTEGER_set(bc->pathlen, s->path_len) == 1);
	}
	must(X509_add1_ext_i2d(x, NID_basic_constraints, bc, !s->loose_bc,
	    0) == 1);
	BASIC_CONSTRAINTS_free(bc);
	add_der(x, "2.5.29.15", true, s->key_cert_sign ?
	    DCA_BUF("\x03\x02\x02\x04", 4) : s->crl_sign ?
	    DCA_BUF("\x03\x02\x01\x02", 4) :
	    DCA_BUF("\x03\x02\x07\x80", 4));
}

static void
add_key_ids(X509 *x, const struct lab_spec *s)
{
	uint8_t ski[22] = { 0x04, 20 }, aki[24] = { 0x30, 22, 0x80, 20 };
	const ASN1_OCTET_STRING *parent;

	dca_spki_ski(ski + 2, s->key);
	add_der(x, "2.5.29.14", false, DCA_BUF(ski, sizeof(ski)));
	if (s->issuer == NULL)
		return;
	parent = X509_get0_subject_key_id(s->issuer);
	must(parent != NULL && ASN1_STRING_length(parent) == 20);
	memcpy(aki + 4, ASN1_STRING_get0_data(parent), 20);
	if (s->wrong_aki)
		aki[4] ^= 0xff;
	add_der(x, "2.5.29.35", false, DCA_BUF(aki, sizeof(aki)));
}

/* Critical, as RFC 5280 4.2.1.10 wants it. */
static void
add_names(X509 *x, const char *country)
{
	NAME_CONSTRAINTS *c = NAME_CONSTRAINTS_new();
	GENERAL_SUBTREE *t = GENERAL_SUBTREE_new();
	X509_NAME *n = X509_NAME_new();

	must(c != NULL && t != NULL && n != NULL &&
	    X509_NAME_add_entry_by_NID(n, NID_countryName, MBSTRING_ASC,
	    (const unsigned char *)country, -1, -1, 0) == 1);
	GENERAL_NAME_free(t->base);
	t->base = GENERAL_NAME_new();
	must(t->base != NULL);
	GENERAL_NAME_set0_value(t->base, GEN_DIRNAME, n);
	c->permittedSubtrees = sk_GENERAL_SUBTREE_new_null();
	must(c->permittedSubtrees != NULL &&
	    sk_GENERAL_SUBTREE_push(c->permittedSubtrees, t) > 0 &&
	    X509_add1_ext_i2d(x, NID_name_constraints, c, 1, 0) == 1);
	NAME_CONSTRAINTS_free(c);
}

static void
add_limit(X509 *x, const struct dca_tnset *limit)
{
	DCA_AUTO_OUT list = { 0 };

	dca_tnauthlist_encode(&list, limit);
	add_der(x, LAB_LIMIT_OID, false, dca_out_buf(&list));
}

static void
set_serial(X509 *x)
{
	uint8_t serial[DCA_SERIAL_LEN];
	BIGNUM *bn;

	dca_random(serial, sizeof(serial));
	serial[0] = (uint8_t)(0x40 | (serial[0] & 0x3f));
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	must(bn != NULL &&
	    BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL);
	BN_free(bn);
}

static void
set_key(X509 *x, const struct dca_spki *key)
{
	const unsigned char *p = key->der;
	EVP_PKEY *pub = d2i_PUBKEY(NULL, &p, DCA_SPKI_LEN);

	must(pub != NULL && X509_set_pubkey(x, pub) == 1);
	EVP_PKEY_free(pub);
}

X509 *
lab_cert_make(const struct lab_spec *s, struct dca_err *e)
{
	X509_NAME *subject = lab_name("US", s->organisation, s->cn);
	DCA_AUTO_OUT list = { 0 };
	X509 *x = X509_new();

	if (subject == NULL) {
		X509_free(x);
		(void)dca_fail(e, DCA_RULE_INPUT,
		    "CN must be 1 to 64 characters of UTF-8");
		return NULL;
	}
	must(x != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
	    X509_set_subject_name(x, subject) == 1 &&
	    X509_set_issuer_name(x, s->issuer == NULL ? subject :
	    X509_get_subject_name(s->issuer)) == 1 &&
	    ASN1_TIME_adj(X509_getm_notBefore(x), s->not_before, 0, 0) != NULL &&
	    ASN1_TIME_adj(X509_getm_notAfter(x), s->not_after, 0, 0) != NULL);
	X509_NAME_free(subject);
	set_serial(x);
	set_key(x, s->key);
	add_basic(x, s);
	add_key_ids(x, s);
	if (s->dns != NULL)
		add_dns(x, s->dns);
	if (s->issuer != NULL && !s->plain) {	/* a root has neither (ATIS-1000080) */
		add_policy(x);
		add_crldp(x, s->crl_url != NULL ? s->crl_url : CRL_URL);
	}
	if (s->scope != NULL) {
		dca_tnauthlist_encode(&list, s->scope);
		/* [0] IMPLICIT, which RFC 8226 9 does not have */
		add_der(x, OID_TNAUTHLIST, false, s->bad_list ?
		    DCA_BUF("\x30\x06\x80\x04" "1234", 8) :
		    dca_out_buf(&list));
	}
	if (s->country != NULL)
		add_names(x, s->country);
	if (s->limit != NULL)
		add_limit(x, s->limit);
	must(X509_sign(x, s->issuer_key, EVP_sha256()) > 0);
	return x;
}

void
lab_cert_pem(struct dca_out *o, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	must(n > 0);
	dca_pem_encode(o, "CERTIFICATE", DCA_BUF(der, n));
	OPENSSL_free(der);
}
