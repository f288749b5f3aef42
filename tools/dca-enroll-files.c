/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in next/ while an enrolment or renewal is under way: key.pem and
 * csr.der, then cert.pem, chain.pem, and x5u last. A request is kept until it
 * has succeeded, so that a repeat is the same octet for octet and gets the
 * same certificate (dca(7) MAIN JOB, TRUST). An existing key is never replaced.
 */
#include "enroll.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PEM_MAX = 1 << 20 };

static void
path_of(const struct enroll *n, char out[static 4096], const char *name)
{
	dca_path(out, NULL, "%s/next/%s", n->dir, name);
}

static bool
same_key(const struct dca_spki *a, const struct dca_spki *b)
{
	return memcmp(a->der, b->der, DCA_SPKI_LEN) == 0;
}

/* The public key of next/key.pem; false when there is none. */
static bool
staged_key(const struct enroll *n, struct dca_spki *spki)
{
	char path[4096];

	path_of(n, path, "key.pem");
	return access(path, F_OK) == 0 &&
	    dca_public_read(spki, path, NULL) == DCA_OK;
}

/* For a first enrolment: key.pem of the directory when its owner put one
 * there, else one made in next/. */
static enum dca_rc
key_to_enrol(struct enroll *n, struct dca_err *e)
{
	char path[4096], given[4096];
	struct dca_spki staged, own;
	enum dca_rc rc = DCA_OK;
	bool made;

	path_of(n, path, "key.pem");
	enroll_path(n, given, "key.pem");
	if (access(given, F_OK) != 0)
		return dca_key_keep(&n->key, path, &made, e);
	rc = dca_key_read(&n->key, given, e);
	if (rc == DCA_OK)
		rc = dca_spki_from_pkey(&own, n->key, e);
	if (rc != DCA_OK || (staged_key(n, &staged) && same_key(&staged, &own)))
		return rc;
	return dca_key_write(path, n->key, e);
}

/* A key of its own for a renewal with a new one, made once; else the old. */
static enum dca_rc
key_to_renew(struct enroll *n, struct dca_err *e)
{
	const struct dca_spki *old = &n->old.key;
	struct dca_spki staged;
	char path[4096];
	enum dca_rc rc;
	bool there = staged_key(n, &staged), made;

	if (there && same_key(&staged, old) == n->new_key) {
		/* What waits there was asked for in the other way. */
		rc = enroll_unstage(n, e);
		if (rc == DCA_OK)
			rc = enroll_stage(n, e);
		if (rc != DCA_OK)
			return rc;
		there = false;
	}
	path_of(n, path, "key.pem");
	if (n->new_key || there)
		return dca_key_keep(&n->key, path, &made, e);
	EVP_PKEY_up_ref(n->client_key);
	n->key = n->client_key;
	return dca_key_write(path, n->key, e);
}

/* challengePassword of this request; "" is none. */
static void
make_password(const struct enroll *n, char out[static DCA_PASSWORD_MAX + 1])
{
	uint8_t message[DCA_REKEY_LEN];
	DCA_AUTO_OUT sig = { 0 };

	out[0] = '\0';
	if (!n->renewal) {
		dca_enrol_proof(out, n->packet.id, n->packet.code, &n->spki);
	} else if (!same_key(&n->spki, &n->old.key)) {
		dca_rekey_message(message, &n->spki);
		dca_key_sign(&sig, n->client_key,
		    DCA_BUF(message, sizeof(message)));
		dca_rekey_proof(out, n->old.serial, dca_out_buf(&sig));
	}
}

static bool
same_password(const struct enroll *n, const char *was, const char *now)
{
	if (n->renewal && now[0] != '\0')	/* ECDSA: never twice alike */
		return dca_rekey_check(was, n->old.serial, &n->old.key,
		    &n->spki);
	return strcmp(was, now) == 0;
}

/* Does csr.der ask for the same, with the same key and the same proof? */
static bool
same_request(const struct enroll *n, const char *password)
{
	struct dca_csr r;
	bool same;

	if (dca_csr_parse(&r, dca_out_buf(&n->csr), NULL) != DCA_OK)
		return false;
	same = same_key(&r.key, &n->spki) &&
	    same_password(n, r.password, password) &&
	    !r.numbers == !n->numbers &&
	    (!n->numbers || dca_tnset_equal(r.numbers, n->numbers));
	dca_csr_clear(&r);
	return same;
}

static enum dca_rc
prepare_csr(struct enroll *n, struct dca_err *e)
{
	struct dca_csr_spec spec = { .key = n->spki, .numbers = n->numbers };
	char password[DCA_PASSWORD_MAX + 1], path[4096];
	DCA_AUTO_OUT info = { 0 };
	DCA_AUTO_OUT sig = { 0 };

	make_password(n, password);
	path_of(n, path, "csr.der");
	if (access(path, F_OK) == 0 &&
	    dca_file_read(&n->csr, path, DCA_CSR_MAX, NULL) == DCA_OK &&
	    same_request(n, password))
		return DCA_OK;
	n->csr.n = 0;
	spec.password = password[0] ? password : NULL;
	dca_csr_build(&info, &spec);
	dca_key_sign(&sig, n->key, dca_out_buf(&info));
	dca_signed_encode(&n->csr, dca_out_buf(&info), dca_out_buf(&sig));
	OPENSSL_cleanse(password, sizeof(password));
	if (n->csr.n > DCA_CSR_MAX)
		return dca_fail(e, DCA_RULE_CSR_SIZE,
		    "request of %zu octets, at most %d", n->csr.n, DCA_CSR_MAX);
	return dca_file_write(path, dca_out_buf(&n->csr), 0600, e);
}

enum dca_rc
enroll_prepare(struct enroll *n, struct dca_err *e)
{
	enum dca_rc rc = enroll_stage(n, e);

	if (rc == DCA_OK)
		rc = n->renewal ? key_to_renew(n, e) : key_to_enrol(n, e);
	if (rc == DCA_OK)
		rc = dca_spki_from_pkey(&n->spki, n->key, e);
	if (rc != DCA_OK)
		return rc;
	if (!n->renewal) {
		n->client = dca_self_signed(n->key, n->packet.id, NULL);
		EVP_PKEY_up_ref(n->key);
		n->client_key = n->key;
	}
	return prepare_csr(n, e);
}

/* The one certificate of our key among those that came. */
static enum dca_rc
find_leaf(struct enroll *n, const struct dca_certs *certs, struct dca_err *e)
{
	size_t i;

	for (i = 0; i < certs->n; i++) {
		const struct dca_cert *c = &certs->v[i];

		if (c->p256 && same_key(&c->key, &n->spki))
			return dca_cert_parse(&n->leaf, dca_out_buf(&c->der),
			    e);
	}
	return dca_fail(e, DCA_RULE_INPUT,
	    "the server answered with a certificate for another key");
}

enum dca_rc
enroll_keep_cert(struct enroll *n, struct dca_buf body, bool pkcs7,
    struct dca_err *e)
{
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	char path[4096];
	enum dca_rc rc;

	rc = pkcs7 ? dca_p7_parse(&certs, body, e)
		   : dca_certs_parse(&certs, body, 1, e);
	if (rc != DCA_OK)
		return rc;
	rc = find_leaf(n, &certs, e);
	dca_certs_clear(&certs);
	if (rc != DCA_OK)
		return rc;
	if (!n->leaf.scope)
		return dca_fail(e, DCA_RULE_CHAIN_NOLIST,
		    "RFC 8226 9: the certificate names no numbers");
	if (n->numbers && !dca_tnset_equal(n->numbers, n->leaf.scope))
		return dca_fail(e, DCA_RULE_INPUT,
		    "the certificate is for other numbers than were asked");
	/* Fewer numbers than before may be meant, but are calls unsigned. */
	if (n->renewal && !n->numbers && n->old.scope &&
	    !dca_tnset_equal(n->old.scope, n->leaf.scope))
		dca_log(DCA_WARNING, "renewal=numbers text=\"the new "
		    "certificate is not for the same numbers as the old one: "
		    "delegations changed\"");
	dca_pem_encode(&pem, "CERTIFICATE", dca_out_buf(&n->leaf.der));
	path_of(n, path, "cert.pem");
	return dca_file_write(path, dca_out_buf(&pem), 0644, e);
}

/* Which of them signed c; NULL: none, or c itself did. */
static const struct dca_cert *
signer(const struct dca_certs *certs, const struct dca_cert *c)
{
	for (size_t i = 0; i < certs->n; i++)
		if (dca_buf_eq(c->issuer, certs->v[i].subject) &&
		    !dca_buf_eq(c->issuer, c->subject) &&
		    dca_cert_signed_by(c, &certs->v[i]))
			return &certs->v[i];
	return NULL;
}

enum dca_rc
enroll_keep_chain(struct enroll *n, struct dca_buf body, struct dca_err *e)
{
	const struct dca_cert *c = &n->leaf;
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	char path[4096];
	enum dca_rc rc;

	rc = dca_p7_parse(&certs, body, e);
	if (rc != DCA_OK)
		return rc;
	/* no more than there are, should they sign each other in a ring */
	for (size_t i = 0; i < certs.n && (c = signer(&certs, c)) != NULL; i++)
		dca_pem_encode(&pem, "CERTIFICATE", dca_out_buf(&c->der));
	dca_certs_clear(&certs);
	if (pem.n == 0)
		return dca_fail(e, DCA_RULE_INPUT, "RFC 7030 4.1.3: none of "
		    "the CA certificates that the server shows signed the "
		    "certificate it gave");
	path_of(n, path, "chain.pem");
	return dca_file_write(path, dca_out_buf(&pem), 0644, e);
}

enum dca_rc
enroll_keep_x5u(struct enroll *n, struct dca_buf body, struct dca_err *e)
{
	DCA_AUTO_OUT line = { 0 };
	struct dca_cbor v;
	char path[4096];

	if (!dca_cbor_find(body, "x5u", &v) ||
	    !dca_cbor_take_text(&v, n->x5u, sizeof(n->x5u)))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "the server does not say where the chain is published");
	dca_out_printf(&line, "%s\n", n->x5u);
	path_of(n, path, "x5u");
	return dca_file_write(path, dca_out_buf(&line), 0644, e);
}

/* leaf and x5u from next/; x5u is written last. */
static bool
read_staged(struct enroll *n)
{
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT line = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	char path[4096];
	bool ok;

	dca_cert_clear(&n->leaf);
	memset(&n->leaf, 0, sizeof(n->leaf));
	path_of(n, path, "x5u");
	if (access(path, F_OK) != 0 ||
	    dca_file_read(&line, path, sizeof(n->x5u) - 1, NULL) != DCA_OK)
		return false;
	dca_out_add(&line, "", 1);
	line.p[strcspn((char *)line.p, "\n")] = '\0';
	dca_strlcpy(n->x5u, (const char *)line.p, sizeof(n->x5u));
	path_of(n, path, "cert.pem");
	ok = dca_file_read(&pem, path, PEM_MAX, NULL) == DCA_OK &&
	    dca_certs_parse(&certs, dca_out_buf(&pem), 1, NULL) == DCA_OK &&
	    dca_cert_parse(&n->leaf, dca_out_buf(&certs.v[0].der), NULL) ==
		DCA_OK;
	dca_certs_clear(&certs);
	return ok;
}

bool
enroll_staged(struct enroll *n)
{
	struct dca_spki key;

	if (read_staged(n) && staged_key(n, &key) && n->leaf.p256 &&
	    n->leaf.scope && same_key(&key, &n->leaf.key) &&
	    memcmp(n->leaf.serial, n->old.serial, DCA_SERIAL_LEN) != 0 &&
	    n->leaf.not_before >= n->old.not_before &&
	    dca_now() < enroll_due(&n->leaf) &&
	    same_key(&key, &n->old.key) != n->new_key &&
	    (!n->numbers || dca_tnset_equal(n->numbers, n->leaf.scope)))
		return true;
	dca_cert_clear(&n->leaf);
	memset(&n->leaf, 0, sizeof(n->leaf));
	return false;
}

void
enroll_clear(struct enroll *n)
{
	OPENSSL_cleanse(&n->packet, sizeof(n->packet));
	dca_tnset_free(n->numbers);
	EVP_PKEY_free(n->key);
	EVP_PKEY_free(n->client_key);
	X509_free(n->client);
	dca_out_free(&n->csr);
	dca_cert_clear(&n->old);
	dca_cert_clear(&n->leaf);
}
