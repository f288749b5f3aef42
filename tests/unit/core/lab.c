/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests, made by OpenSSL. Any failure here aborts. */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

static void
must(bool ok)
{
	if (!ok)
		abort();
}

uint8_t *
lab_unhex(const char *hex, size_t *n)
{
	uint8_t *p = malloc(strlen(hex) / 2 + 1);
	size_t i, k = 0;

	must(p != NULL);
	for (i = 0; hex[i] != '\0'; i++) {
		/* no sscanf: it looks for the end of the whole text each time */
		char two[3] = { hex[i], hex[i + 1], '\0' }, *end;

		if (hex[i] == ' ')
			continue;
		p[k++] = (uint8_t)strtoul(two, &end, 16);
		must(end == two + 2);
		i++;
	}
	*n = k;
	return p;
}

static void
add(X509 *x, const char *oid, bool critical, const uint8_t *p, size_t n)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *os = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;

	must(obj != NULL && os != NULL);
	must(ASN1_OCTET_STRING_set(os, p, (int)n) == 1);
	ext = X509_EXTENSION_create_by_OBJ(NULL, obj, critical, os);
	must(ext != NULL && X509_add_ext(x, ext, -1) == 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(os);
	ASN1_OBJECT_free(obj);
}

static void
add_hex(X509 *x, const char *oid, bool critical, const char *hex)
{
	size_t n;
	uint8_t *p;

	if (hex == NULL)
		return;
	p = lab_unhex(hex, &n);
	add(x, oid, critical, p, n);
	free(p);
}

static void
set_name(X509_NAME *n, const char *cn)
{
	must(X509_NAME_add_entry_by_txt(n, "C", MBSTRING_ASC,
	    (const unsigned char *)"US", -1, -1, 0) == 1);
	must(X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8,
	    (const unsigned char *)"Lab", -1, -1, 0) == 1);
	must(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0) == 1);
}

static void
add_basic(X509 *x, const struct lab_spec *s)
{
	uint8_t ku[4] = { 0x03, 0x02, 0x00, 0x00 };
	uint8_t bc[8] = { 0x30, 0x00 };
	size_t n = 2;

	if (s->ca == LAB_CA_TRUE) {
		memcpy(bc, "\x30\x03\x01\x01\xff", 5);
		n = 5;
		if (s->path_len > 0) {
			memcpy(bc + 5, "\x02\x01", 2);
			bc[7] = (uint8_t)(s->path_len - 1);
			bc[1] = 6;
			n = 8;
		}
	}
	if (s->ca != LAB_CA_ABSENT)
		add(x, "2.5.29.19", !s->bc_not_critical, bc, n);
	if (s->ku < 0)
		return;
	ku[3] = (uint8_t)(s->ku != 0 ? s->ku :
	    s->ca == LAB_CA_TRUE ? 0x04 : 0x80);
	while ((ku[3] & (1 << ku[2])) == 0)
		ku[2]++;
	add(x, "2.5.29.15", true, ku, sizeof(ku));
}

static void
add_ids(X509 *x, const struct lab_spec *s)
{
	uint8_t ski[22] = { 0x04, 20 }, aki[24] = { 0x30, 22, 0x80, 20 };
	const ASN1_OCTET_STRING *id;

	must(X509_pubkey_digest(x, EVP_sha1(), ski + 2, NULL) == 1);
	if (!s->no_ski)
		add(x, "2.5.29.14", false, ski, sizeof(ski));
	if (s->issuer == NULL || s->no_aki)
		return;
	id = X509_get0_subject_key_id(s->issuer->x);
	if (id != NULL)
		memcpy(aki + 4, ASN1_STRING_get0_data(id), 20);
	if (s->wrong_aki)
		aki[10] ^= 1;
	add(x, "2.5.29.35", false, aki, sizeof(aki));
}

X509_NAME *
lab_name(const char *slashed)
{
	X509_NAME *n = X509_NAME_new();
	char type[64], value[128];
	int used;

	must(n != NULL);
	for (; sscanf(slashed, "%63[^=]=%127[^/]%n", type, value, &used) == 2;
	    slashed += used + (slashed[used] == '/'))
		must(X509_NAME_add_entry_by_txt(n, type, MBSTRING_UTF8,
		    (const unsigned char *)value, -1, -1, 0) == 1);
	return n;
}

static void
add_subtree(STACK_OF(GENERAL_SUBTREE) **list, const char *slashed)
{
	GENERAL_SUBTREE *t;

	if (slashed == NULL)
		return;
	t = GENERAL_SUBTREE_new();
	must(t != NULL);
	GENERAL_NAME_free(t->base);
	t->base = GENERAL_NAME_new();
	must(t->base != NULL);
	GENERAL_NAME_set0_value(t->base, GEN_DIRNAME, lab_name(slashed));
	*list = sk_GENERAL_SUBTREE_new_null();
	must(*list != NULL && sk_GENERAL_SUBTREE_push(*list, t) > 0);
}

NAME_CONSTRAINTS *
lab_names(const char *permitted, const char *excluded)
{
	NAME_CONSTRAINTS *c = NAME_CONSTRAINTS_new();

	must(c != NULL);
	add_subtree(&c->permittedSubtrees, permitted);
	add_subtree(&c->excludedSubtrees, excluded);
	return c;
}

static void
add_names(X509 *x, const struct lab_spec *s)
{
	NAME_CONSTRAINTS *c;

	if (s->permitted == NULL && s->excluded == NULL)
		return;
	c = lab_names(s->permitted, s->excluded);
	must(X509_add1_ext_i2d(x, NID_name_constraints, c, 1, 0) == 1);
	NAME_CONSTRAINTS_free(c);
}

static void
add_extensions(X509 *x, const struct lab_spec *s)
{
	add_basic(x, s);
	add_ids(x, s);
	add_hex(x, "2.5.29.32", false, s->policies);
	add_hex(x, "2.5.29.31", false, s->crldp);
	add_hex(x, "1.3.6.1.5.5.7.1.1", false, s->aia);
	add_hex(x, "1.3.6.1.5.5.7.1.26", s->list_critical, s->list);
	if (s->constraints != NULL)
		add_hex(x, s->constraints_oid, false, s->constraints);
	add_names(x, s);
	if (s->san)	/* { dNSName "x" } */
		add_hex(x, "2.5.29.17", false, "3003820178");
	if (s->critical_oid != NULL)
		add_hex(x, s->critical_oid, true, "0500");
	if (s->twice != NULL) {
		add_hex(x, s->twice, false, "0500");
		add_hex(x, s->twice, false, "0500");
	}
}

/* The last octet of the last BIT STRING: the signature's s changes. */
static void
break_signature(struct lab *l)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int n = i2d_X509(l->x, &der);

	must(n > 0);
	der[n - 1] ^= 1;
	p = der;
	X509_free(l->x);
	l->x = d2i_X509(NULL, &p, n);
	must(l->x != NULL);
	OPENSSL_free(der);
}

struct lab
lab_make(const struct lab_spec *s)
{
	struct lab l = { s->key, X509_new() };
	uint8_t serial[16];
	BIGNUM *bn;

	if (l.key == NULL)
		l.key = EVP_EC_gen(s->curve != NULL ? s->curve : "P-256");
	else
		EVP_PKEY_up_ref(l.key);
	must(l.key != NULL && l.x != NULL && X509_set_version(l.x, 2) == 1);
	must(RAND_bytes(serial, sizeof(serial)) == 1);
	serial[0] = (uint8_t)(0x40 | (serial[0] & 0x3f));
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	must(BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(l.x)) != NULL);
	BN_free(bn);
	set_name(X509_get_subject_name(l.x), s->cn);
	must(X509_set_issuer_name(l.x, X509_get_subject_name(s->issuer == NULL ?
	    l.x : s->issuer->x)) == 1);
	must(ASN1_TIME_adj(X509_getm_notBefore(l.x), s->not_before != 0 ?
	    s->not_before : LAB_NOW - 30 * 86400, 0, 0) != NULL);
	must(ASN1_TIME_adj(X509_getm_notAfter(l.x), s->not_after != 0 ?
	    s->not_after : LAB_NOW + 30 * 86400, 0, 0) != NULL);
	must(X509_set_pubkey(l.x, l.key) == 1);
	add_extensions(l.x, s);
	must(X509_sign(l.x, s->issuer == NULL ? l.key : s->issuer->key,
	    EVP_get_digestbyname(s->md != NULL ? s->md : "SHA256")) > 0);
	if (s->broken_signature)
		break_signature(&l);
	return l;
}

void
lab_free(struct lab *l)
{
	EVP_PKEY_free(l->key);
	X509_free(l->x);
	*l = (struct lab){ NULL, NULL };
}

void
lab_add(struct dca_certs *c, const struct lab *l)
{
	unsigned char *der = NULL;
	int n = i2d_X509(l->x, &der);
	struct dca_err e = { 0 };

	must(n > 0);
	c->v = realloc(c->v, (c->n + 1) * sizeof(*c->v));
	must(c->v != NULL);
	if (dca_cert_parse(&c->v[c->n], DCA_BUF(der, n), &e) != DCA_OK) {
		fprintf(stderr, "lab certificate: %s\n", e.text);
		abort();
	}
	c->n++;
	OPENSSL_free(der);
}

struct dca_spki
lab_spki(const struct lab *l)
{
	struct dca_spki k;

	must(dca_spki_from_pkey(&k, l->key, NULL) == DCA_OK);
	return k;
}

void
lab_read(struct dca_out *o, const char *path)
{
	char buf[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL) {
		fprintf(stderr, "SKIPPED: %s is not there\n", path);
		exit(77);
	}
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		dca_out_add(o, buf, n);
	fclose(f);
}
