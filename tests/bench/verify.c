/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dca_verifier_check costs beside the bare ECDSA verifications of the
 * same chain: leaf, SCA, intermediate, the root set up before. The bare ones
 * have their keys decoded beforehand and hash what they verify. Both run in
 * turns in one thread, and CPU time is what counts.
 * usage: bench-verify [checks]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>

#include "dca/tnauthlist.h"
#include "dca/verify.h"
#include "lab-chain.h"

enum { BATCH = 50, CERTS = 3 };
#define LIMIT 1.3

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

/* Hex of the list of n ranges of ten numbers with gaps between them. */
static char *
ranges_hex(size_t n)
{
	struct dca_tnset *s = dca_tnset_new();
	DCA_AUTO_OUT der = { 0 };
	char *hex, start[16];
	size_t i;

	for (i = 0; i < n; i++) {
		(void)snprintf(start, sizeof(start), "1202%07zu", 20 * i);
		must(dca_tnset_add_range(s, start, 10, NULL) == DCA_OK);
	}
	dca_tnauthlist_encode(&der, s);
	hex = malloc(2 * der.n + 1);
	must(hex != NULL);
	dca_hex(hex, der.p, der.n);
	dca_tnset_free(s);
	return hex;
}

/* The verifications alone. */
static void
bare(const struct chain *c)
{
	const struct dca_cert *x;
	EVP_MD_CTX *ctx;
	int i;

	for (i = 0; i < CERTS; i++) {
		x = &c->chain.v[i];
		ctx = EVP_MD_CTX_new();
		must(ctx != NULL && EVP_DigestVerifyInit(ctx, NULL,
		    EVP_sha256(), NULL, c->cert[LEAF - 1 - i].key) == 1 &&
		    EVP_DigestVerify(ctx, x->signature.p, x->signature.n,
		    x->tbs.p, x->tbs.n) == 1);
		EVP_MD_CTX_free(ctx);
	}
}

static struct dca_verifier *
verifier_of(const struct chain *c)
{
	struct dca_verifier *v = dca_verifier_new();
	const struct dca_out *root = &c->roots.v[0].der;

	must(v != NULL && dca_verifier_add_roots(v, root->p, root->n, NULL) ==
	    DCA_VERIFY_ACCEPTED);
	return v;
}

static void
measure(const char *what, const char *list, unsigned checks)
{
	double t, whole = 0, limit = 0;
	DCA_AUTO_OUT pem = { 0 };
	struct dca_verifier *v;
	struct chain c;
	unsigned i, k;

	plan(&c);
	if (list != NULL)
		c.spec[SCA].list = c.spec[LEAF].list = list;
	make(&c);
	v = verifier_of(&c);
	for (i = 0; i < CERTS; i++)
		dca_pem_encode(&pem, "CERTIFICATE",
		    dca_out_buf(&c.chain.v[i].der));
	for (k = 0; k < checks; k += BATCH) {
		t = now_us();
		for (i = 0; i < BATCH; i++)
			must(dca_verifier_check(v, pem.p, pem.n, LAB_NOW, NULL,
			    NULL) == DCA_VERIFY_ACCEPTED);
		whole += now_us() - t;
		t = now_us();
		for (i = 0; i < BATCH; i++)
			bare(&c);
		limit += now_us() - t;
	}
	printf("%-14s %7.1f us per chain; bare verifications %6.1f us; "
	    "ratio %.2f (limit %.1f)%s\n", what, whole / k, limit / k,
	    whole / limit, LIMIT, whole <= LIMIT * limit ? "" : " EXCEEDED");
	dca_verifier_free(v);
	drop(&c);
}

int
main(int argc, char **argv)
{
	unsigned checks = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) :
	    5000;
	char *hundred = ranges_hex(100), *thousand = ranges_hex(1000);

	printf("OpenSSL %s, %u checks each\n", OpenSSL_version(0), checks);
	measure("1 range", NULL, checks);
	measure("100 ranges", hundred, checks);
	measure("1000 ranges", thousand, checks);
	free(hundred);
	free(thousand);
	return 0;
}
