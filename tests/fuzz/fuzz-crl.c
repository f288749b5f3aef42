/* SPDX-License-Identifier: Apache-2.0 */
/* A TBSCertList, signed here by the lab's root; read by us and by OpenSSL. */
#include "fuzz.h"

#include "dca/crl.h"
#include "keys.h"
#include "lab.h"

enum { SIGNER = FUZZ_KEYS - 1 };

/* The root that signs, and an end entity of it that may be revoked. */
static const struct dca_certs *
lab(void)
{
	static struct dca_certs certs;

	if (certs.n == 0) {
		struct lab_spec root = { .cn = "SHAKEN Root", .ku = 0x06,
			.key = fuzz_key(SIGNER) };
		struct lab signer = lab_make(&root);
		struct lab_spec leaf = { .cn = "SHAKEN leaf",
			.key = fuzz_key(0), .ca = LAB_CA_FALSE,
			.issuer = &signer };
		struct lab ee = lab_make(&leaf);

		lab_add(&certs, &signer);
		lab_add(&certs, &ee);
		lab_free(&ee);
		lab_free(&signer);
	}
	return &certs;
}

/* OpenSSL reads what we accept, and encodes the same octets. */
static void
openssl_agrees(const struct dca_crl *c, struct dca_buf der, struct dca_buf tbs)
{
	const uint8_t *p = der.p;
	X509_CRL *x = d2i_X509_CRL(NULL, &p, (long)der.n);
	uint8_t *again = NULL;
	int n;

	HOLDS(x != NULL && p == der.p + der.n);
	n = i2d_re_X509_CRL_tbs(x, &again);
	HOLDS(n > 0 && dca_buf_eq(DCA_BUF(again, (size_t)n), tbs));
	HOLDS(ASN1_TIME_cmp_time_t(X509_CRL_get0_lastUpdate(x),
	    dca_crl_this_update(c)) == 0);
	HOLDS(ASN1_TIME_cmp_time_t(X509_CRL_get0_nextUpdate(x),
	    dca_crl_next_update(c)) == 0);
	OPENSSL_free(again);
	X509_CRL_free(x);
	ERR_clear_error();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct dca_certs *known = lab();
	const struct dca_crl *list[1];
	struct dca_err e = { 0 };
	DCA_AUTO_OUT der = { 0 };
	struct dca_crl *c = NULL;
	enum dca_rc rc;

	fuzz_sign(&der, DCA_BUF(p, n), SIGNER);
	rc = dca_crl_parse(&c, dca_out_buf(&der), &known->v[0], &e);
	fuzz_refusal_holds(rc, &e);
	HOLDS((rc == DCA_OK) == (c != NULL));
	if (rc != DCA_OK)
		return 0;
	HOLDS(fuzz_is_der(dca_out_buf(&der)));
	openssl_agrees(c, dca_out_buf(&der), DCA_BUF(p, n));
	list[0] = c;
	for (size_t i = 0; i < known->n; i++)
		fuzz_refusal_holds(dca_crl_check(list, 1, &known->v[i],
		    dca_crl_this_update(c), &e), &e);
	dca_crl_free(c);
	return 0;
}
