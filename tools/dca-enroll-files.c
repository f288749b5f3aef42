/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of an enrolment: key.pem, client.pem, csr.der while it is
 * under way; cert.pem, chain.pem, x5u when it is done. A request is kept until
 * it has succeeded, so that a repeat is the same octet for octet and gets the
 * same certificate (dca(7) MAIN JOB, TRUST). An existing key is never replaced.
 */
#include "enroll.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
path_of(const struct enroll *n, char out[static 4096], const char *name)
{
	dca_path(out, NULL, "%s/%s", n->dir, name);
}

static enum dca_rc
prepare_identity(struct enroll *n, struct dca_err *e)
{
	char path[4096];
	bool made;
	enum dca_rc rc = dca_file_mkdir(n->dir, 0700, e);

	if (rc != DCA_OK)
		return rc;
	path_of(n, path, "key.pem");
	rc = dca_key_keep(&n->key, path, &made, e);
	if (rc == DCA_OK)
		rc = dca_spki_from_pkey(&n->spki, n->key, e);
	if (rc != DCA_OK)
		return rc;
	n->client = dca_self_signed(n->key, n->packet.id, NULL);
	path_of(n, path, "client.pem");
	return dca_cert_write(path, n->client, e);
}

/* Does csr.der ask for the same, with the same key and the same code? */
static bool
same_request(const struct enroll *n, const char *proof)
{
	struct dca_csr r;
	bool same;

	if (dca_csr_parse(&r, dca_out_buf(&n->csr), NULL) != DCA_OK)
		return false;
	same = memcmp(r.key.der, n->spki.der, sizeof(r.key.der)) == 0 &&
	    strcmp(r.password, proof) == 0 && !r.numbers == !n->numbers &&
	    (!n->numbers || dca_tnset_equal(r.numbers, n->numbers));
	dca_csr_clear(&r);
	return same;
}

static enum dca_rc
prepare_csr(struct enroll *n, struct dca_err *e)
{
	struct dca_csr_spec spec = { .key = n->spki, .numbers = n->numbers };
	char proof[DCA_PASSWORD_MAX + 1], path[4096];
	DCA_AUTO_OUT info = { 0 };
	DCA_AUTO_OUT sig = { 0 };

	dca_enrol_proof(proof, n->packet.id, n->packet.code, &n->spki);
	path_of(n, path, "csr.der");
	if (access(path, F_OK) == 0 &&
	    dca_file_read(&n->csr, path, DCA_CSR_MAX, NULL) == DCA_OK &&
	    same_request(n, proof))
		return DCA_OK;
	n->csr.n = 0;
	spec.password = proof;
	dca_csr_build(&info, &spec);
	dca_key_sign(&sig, n->key, dca_out_buf(&info));
	dca_signed_encode(&n->csr, dca_out_buf(&info), dca_out_buf(&sig));
	OPENSSL_cleanse(proof, sizeof(proof));
	if (n->csr.n > DCA_CSR_MAX)
		return dca_fail(e, DCA_RULE_CSR_SIZE,
		    "request of %zu octets, at most %d", n->csr.n, DCA_CSR_MAX);
	return dca_file_write(path, dca_out_buf(&n->csr), 0600, e);
}

enum dca_rc
enroll_prepare(struct enroll *n, struct dca_err *e)
{
	enum dca_rc rc = prepare_identity(n, e);

	return rc == DCA_OK ? prepare_csr(n, e) : rc;
}

/* The one certificate of our key among those that came. */
static enum dca_rc
find_leaf(struct enroll *n, const struct dca_certs *certs, struct dca_err *e)
{
	size_t i;

	for (i = 0; i < certs->n; i++) {
		const struct dca_cert *c = &certs->v[i];

		if (c->p256 && memcmp(c->key.der, n->spki.der,
		    sizeof(n->spki.der)) == 0)
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
	dca_pem_encode(&pem, "CERTIFICATE", dca_out_buf(&n->leaf.der));
	path_of(n, path, "cert.pem");
	return dca_file_write(path, dca_out_buf(&pem), 0644, e);
}

enum dca_rc
enroll_keep_chain(struct enroll *n, struct dca_buf body, struct dca_err *e)
{
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	char path[4096];
	enum dca_rc rc;
	size_t i;

	rc = dca_p7_parse(&certs, body, e);
	if (rc != DCA_OK)
		return rc;
	for (i = 0; i < certs.n; i++)
		dca_pem_encode(&pem, "CERTIFICATE",
		    dca_out_buf(&certs.v[i].der));
	dca_certs_clear(&certs);
	path_of(n, path, "chain.pem");
	return dca_file_write(path, dca_out_buf(&pem), 0644, e);
}

enum dca_rc
enroll_keep_x5u(struct enroll *n, struct dca_buf body, struct dca_err *e)
{
	DCA_AUTO_OUT line = { 0 };
	struct dca_cbor v;
	char path[4096];
	enum dca_rc rc;

	if (!dca_cbor_find(body, "x5u", &v) ||
	    !dca_cbor_take_text(&v, n->x5u, sizeof(n->x5u)))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "the server does not say where the chain is published");
	dca_out_printf(&line, "%s\n", n->x5u);
	path_of(n, path, "x5u");
	rc = dca_file_write(path, dca_out_buf(&line), 0644, e);
	if (rc != DCA_OK)
		return rc;
	path_of(n, path, "csr.der");
	unlink(path);
	return DCA_OK;
}

void
enroll_clear(struct enroll *n)
{
	OPENSSL_cleanse(&n->packet, sizeof(n->packet));
	dca_tnset_free(n->numbers);
	EVP_PKEY_free(n->key);
	X509_free(n->client);
	dca_out_free(&n->csr);
	dca_cert_clear(&n->leaf);
}
