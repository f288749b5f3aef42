/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of certificates: PEM, DER after DER, PKCS#7. */
#include "fuzz.h"

#include "dca/cert.h"

enum { MAX = 16 };

static void
same(const struct dca_certs *a, const struct dca_certs *b)
{
	HOLDS(a->n == b->n);
	for (size_t i = 0; i < a->n; i++)
		HOLDS(dca_buf_eq(dca_out_buf(&a->v[i].der),
		    dca_out_buf(&b->v[i].der)));
}

/* Written in each form and read again, it is the same list. */
static void
round_trip(const struct dca_certs *c)
{
	DCA_AUTO_OUT pem = { 0 };
	DCA_AUTO_OUT p7 = { 0 };
	struct dca_buf der[MAX];
	struct dca_certs again;
	struct dca_err e = { 0 };
	bool plain = true;

	for (size_t i = 0; i < c->n; i++) {
		der[i] = dca_out_buf(&c->v[i].der);
		plain &= fuzz_openssl_reads(der[i]);
		dca_pem_encode(&pem, "CERTIFICATE", der[i]);
	}
	HOLDS(dca_certs_parse(&again, dca_out_buf(&pem), c->n, &e) == DCA_OK);
	same(c, &again);
	dca_certs_clear(&again);
	HOLDS(c->n == 1 ||
	    dca_certs_parse(&again, dca_out_buf(&pem), c->n - 1, &e) !=
		DCA_OK);
	dca_p7_encode(&p7, der, c->n);
	HOLDS(fuzz_is_der(dca_out_buf(&p7)));
	if (!plain)
		return;		/* PKCS#7 is read by OpenSSL */
	HOLDS(dca_p7_parse(&again, dca_out_buf(&p7), &e) == DCA_OK);
	same(c, &again);
	dca_certs_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	DCA_AUTO_OUT one = { 0 };
	struct dca_err e = { 0 };
	struct dca_certs c;
	enum dca_rc rc = dca_certs_parse(&c, DCA_BUF(p, n), MAX, &e);

	fuzz_refusal_holds(rc, &e);
	HOLDS(c.n <= MAX && (rc == DCA_OK) == (c.n > 0));
	if (rc == DCA_OK)
		round_trip(&c);
	dca_certs_clear(&c);
	rc = dca_p7_parse(&c, DCA_BUF(p, n), &e);
	fuzz_refusal_holds(rc, &e);
	HOLDS(c.n <= MAX && (rc == DCA_OK) == (c.n > 0));
	if (rc == DCA_OK)
		round_trip(&c);
	dca_certs_clear(&c);
	fuzz_refusal_holds(dca_pem_decode(&one, "PRIVATE KEY", DCA_BUF(p, n),
	    &e), &e);
	return 0;
}
