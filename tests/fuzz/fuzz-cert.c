/* SPDX-License-Identifier: Apache-2.0 */
/* One certificate, read by us and by OpenSSL. */
#include "fuzz.h"

#include <string.h>

#include <openssl/x509v3.h>

#include "dca/cert.h"

static void
serial_agrees(const struct dca_cert *c, X509 *x)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	uint8_t serial[DCA_SERIAL_LEN];

	HOLDS(bn != NULL);
	HOLDS(BN_bn2binpad(bn, serial, sizeof(serial)) == DCA_SERIAL_LEN);
	HOLDS(memcmp(serial, c->serial, sizeof(serial)) == 0);
	BN_free(bn);
}

static void
time_agrees(int64_t ours, const ASN1_TIME *t)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, seconds;

	HOLDS(ASN1_TIME_diff(&days, &seconds, epoch, t) == 1);
	HOLDS((int64_t)days * 86400 + seconds == ours);
	ASN1_TIME_free(epoch);
}

/* What we took from it is what OpenSSL takes, and its encoder gives back the
 * octets that were read: nothing was accepted that is not DER. */
static void
openssl_agrees(const struct dca_cert *c)
{
	const uint8_t *p = c->der.p;
	uint8_t *tbs = NULL;
	X509 *x;
	int n, at;

	if (!fuzz_openssl_reads(dca_out_buf(&c->der)))
		return;
	x = d2i_X509(NULL, &p, (long)c->der.n);
	HOLDS(x != NULL);
	n = i2d_re_X509_tbs(x, &tbs);
	HOLDS(n > 0 && dca_buf_eq(DCA_BUF(tbs, (size_t)n), c->tbs));
	serial_agrees(c, x);
	time_agrees(c->not_before, X509_get0_notBefore(x));
	time_agrees(c->not_after, X509_get0_notAfter(x));
	at = X509_get_ext_by_NID(x, NID_basic_constraints, -1);
	HOLDS((at >= 0) == c->has_bc);
	if (at >= 0) {
		X509_EXTENSION *ext = X509_get_ext(x, at);
		BASIC_CONSTRAINTS *bc = X509V3_EXT_d2i(ext);

		HOLDS(bc != NULL && (bc->ca != 0) == c->ca);
		HOLDS((X509_EXTENSION_get_critical(ext) != 0) ==
		    c->bc_critical);
		BASIC_CONSTRAINTS_free(bc);
	}
	OPENSSL_free(tbs);
	X509_free(x);
	ERR_clear_error();
}

static void
views_hold(const struct dca_cert *c)
{
	const struct dca_buf *all[] = { &c->tbs, &c->signature, &c->issuer,
		&c->subject, &c->spki, &c->ski, &c->aki, &c->policies,
		&c->crldp, &c->constraints };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		HOLDS(all[i]->n == 0 || (all[i]->p > c->der.p &&
		    all[i]->p + all[i]->n <= c->der.p + c->der.n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	DCA_AUTO_OUT name = { 0 };
	struct dca_err e = { 0 };
	struct dca_cert c;
	enum dca_rc rc = dca_cert_parse(&c, DCA_BUF(p, n), &e);

	fuzz_refusal_holds(rc, &e);
	if (rc != DCA_OK)
		return 0;
	HOLDS(dca_buf_eq(dca_out_buf(&c.der), DCA_BUF(p, n)));
	HOLDS(fuzz_is_der(DCA_BUF(p, n)));
	views_hold(&c);
	openssl_agrees(&c);
	if (c.scope != NULL)
		fuzz_set_holds(c.scope);
	dca_name_print(&name, c.subject);
	for (size_t i = 0; i < name.n; i++)
		HOLDS(name.p[i] >= ' ' && name.p[i] != 0x7f);
	(void)dca_cert_signed_by(&c, &c);
	fuzz_refusal_holds(DCA_OK, &e);
	dca_cert_clear(&c);
	return 0;
}
