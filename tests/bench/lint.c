/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lint costs before a one-number certificate is signed: dca_lint_tbs
 * as the vault calls it, the issuer read before. The limit is 10 us, the
 * measure beside it one P-256 verification of the same octets in the same run.
 * usage: bench-lint [times]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dca/lint.h"
#include "dca/profile.h"
#include "lab.h"

#define LIMIT 10.0
#define POLICIES "300e300c060a6086480186ff09010104"
#define CRLDP "30323030a01aa0188616687474703a2f2f6578616d706c652e636f6d2f63"    \
	"726ca212a410300e310c300a06035504030c0343524c"
#define LIST "3015a1133011160b3132303235353530303030020203e8"

enum { BATCH = 200 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static double
now_us(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* tbs: for 12025550100, signed by nobody yet. */
static void
build(struct dca_out *tbs, const struct dca_cert *ca, const struct lab *ee,
    const struct dca_tnset *scope)
{
	static const uint8_t random[DCA_SERIAL_LEN] = { 0xff, 1, 2, 3 };
	struct dca_tnset *numbers = dca_tnset_new();
	const struct dca_spki key = lab_spki(ee);
	DCA_AUTO_OUT subject = { 0 };
	struct dca_profile p = { .issuer = ca, .key = &key,
		.not_before = LAB_NOW, .not_after = LAB_NOW + 86400,
		.numbers = numbers, .passports = DCA_PASSPORT_ALL };

	must(dca_tnset_parse(numbers, "12025550100", NULL) == DCA_OK &&
	    dca_name_encode(&subject, "US", "Acme", "Acme calls", NULL) ==
	    DCA_OK);
	p.subject = dca_out_buf(&subject);
	dca_serial_make(p.serial, random);
	must(dca_profile_build(tbs, &p, scope, NULL) == DCA_OK);
	dca_tnset_free(numbers);
}

static void
verify(const struct lab *ca, struct dca_buf tbs, struct dca_buf sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, ca->key) ==
	    1 && EVP_DigestVerify(ctx, sig.p, sig.n, tbs.p, tbs.n) == 1);
	EVP_MD_CTX_free(ctx);
}

int
main(int argc, char **argv)
{
	const unsigned long times = argc > 1 ? strtoul(argv[1], NULL, 10) :
	    200000;
	struct lab root = lab_make(&(struct lab_spec){ .cn = "SHAKEN Root" });
	struct lab ca = lab_make(&(struct lab_spec){ .cn = "SHAKEN 1234",
	    .issuer = &root, .path_len = 0 + 1, .list = LIST,
	    .policies = POLICIES, .crldp = CRLDP });
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *scope =
	    dca_tnset_new();
	DCA_CLEANUP(dca_lint_free_p) struct dca_lint_cert *issuer = NULL;
	const struct dca_lint_options opt = { .scope = scope };
	double t, lint = 0, bare = 0;
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT tbs = { 0 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[80];
	size_t n = sizeof(sig);
	unsigned long k;

	lab_add(&certs, &ca);
	must(dca_tnset_parse(scope, "12025550000+1000", NULL) == DCA_OK);
	build(&tbs, &certs.v[0], &root, scope);
	must(dca_lint_read(&issuer, dca_out_buf(&certs.v[0].der), NULL) ==
	    DCA_OK);
	must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, ca.key) == 1 &&
	    EVP_DigestSign(ctx, sig, &n, tbs.p, tbs.n) == 1);
	EVP_MD_CTX_free(ctx);
	for (k = 0; k < times; k += BATCH) {
		t = now_us();
		for (int i = 0; i < BATCH; i++)
			must(dca_lint_tbs(dca_out_buf(&tbs), issuer, &opt,
			    NULL) == DCA_OK);
		lint += now_us() - t;
		t = now_us();
		for (int i = 0; i < BATCH / 10; i++)
			verify(&ca, dca_out_buf(&tbs), DCA_BUF(sig, n));
		bare += 10 * (now_us() - t);
	}
	printf("lint of a one-number TBS of %zu octets: %.2f us; ratio %.2f to "
	    "the limit of %.0f us%s; one P-256 verification: %.1f us\n",
	    tbs.n, lint / k, lint / k / LIMIT, LIMIT,
	    lint / k <= LIMIT ? "" : " EXCEEDED", bare / k);
	dca_certs_clear(&certs);
	lab_free(&ca);
	lab_free(&root);
	return lint / k <= LIMIT ? 0 : 1;
}
