/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: read as a customer's and as a CA's; written again from their
 * fields; and read by OpenSSL. */
#include "fuzz.h"

#include <string.h>

#include <openssl/x509.h>

#include "dca/csr.h"

/* OpenSSL understands it, and its encoder gives the same octets. */
static void
openssl_agrees(const struct dca_csr *r, struct dca_buf der)
{
	const uint8_t *p = der.p;
	X509_REQ *x = d2i_X509_REQ(NULL, &p, (long)der.n);
	uint8_t *info = NULL;
	int n;

	HOLDS(x != NULL && p == der.p + der.n);
	n = i2d_re_X509_REQ_tbs(x, &info);
	HOLDS(n > 0 && dca_buf_eq(DCA_BUF(info, (size_t)n), r->info));
	HOLDS(X509_REQ_get_version(x) == 0);
	OPENSSL_free(info);
	X509_REQ_free(x);
	ERR_clear_error();	/* its own look at a subject or key */
}

/* A request built from the fields has these fields. */
static void
rebuild(const struct dca_csr *r)
{
	DCA_AUTO_OUT info = { 0 };
	DCA_AUTO_OUT der = { 0 };
	struct dca_err e = { 0 };
	struct dca_csr again;
	struct dca_csr_spec spec = { .key = r->key, .subject = r->subject,
		.numbers = r->numbers,
		.password = r->password[0] != '\0' ? r->password : NULL };

	dca_csr_build(&info, &spec);
	dca_signed_encode(&der, dca_out_buf(&info), r->signature);
	HOLDS(fuzz_is_der(dca_out_buf(&der)));
	if (der.n > DCA_CSR_MAX)
		return;
	HOLDS(dca_csr_parse(&again, dca_out_buf(&der), &e) == DCA_OK);
	HOLDS(memcmp(&again.key, &r->key, sizeof(r->key)) == 0);
	HOLDS(dca_buf_eq(again.subject, r->subject));
	HOLDS(again.subject_empty == r->subject_empty);
	HOLDS(strcmp(again.password, r->password) == 0);
	HOLDS((again.numbers == NULL) == (r->numbers == NULL));
	HOLDS(r->numbers == NULL ||
	    dca_tnset_equal(again.numbers, r->numbers));
	HOLDS(dca_buf_eq(again.signature, r->signature));
	dca_csr_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dca_buf der = DCA_BUF(p, n);
	struct dca_err e = { 0 };
	struct dca_ca_csr ca;
	struct dca_csr r;
	enum dca_rc rc = dca_csr_parse(&r, der, &e);

	fuzz_refusal_holds(rc, &e);
	if (rc == DCA_OK) {
		HOLDS(fuzz_is_der(der));
		HOLDS(r.info.p > p && r.info.p + r.info.n < p + n);
		openssl_agrees(&r, der);
		rebuild(&r);
		fuzz_refusal_holds(dca_csr_check_pop(&r, &e), &e);
		dca_csr_clear(&r);
	}
	rc = dca_ca_csr_parse(&ca, der, &e);
	fuzz_refusal_holds(rc, &e);
	if (rc == DCA_OK)
		fuzz_set_holds(ca.scope);
	dca_ca_csr_clear(&ca);
	return 0;
}
