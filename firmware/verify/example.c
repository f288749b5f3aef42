/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this chain sign for this number? A whole relying party in one file:
 *	cc example.c $(pkg-config --cflags --libs libdca-verify) -o example
 *	./example roots.pem chain.pem 12025550100
 */
#include <dca/verify.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *
slurp(const char *name, size_t *n)
{
	enum { MAX = 1024 * 1024 };
	FILE *f = fopen(name, "rb");
	char *p = malloc(MAX);

	if (f == NULL || p == NULL) {
		perror(name);
		exit(2);
	}
	*n = fread(p, 1, MAX, f);
	fclose(f);
	return p;
}

int
main(int argc, char **argv)
{
	struct dca_verifier *v = dca_verifier_new();
	struct dca_verified *leaf = NULL;
	struct dca_verify_why why = { .text = "usage" };
	size_t roots_n, chain_n;
	void *roots, *chain;
	int code = 1;

	if (argc != 4 || v == NULL)
		return 2;
	roots = slurp(argv[1], &roots_n);
	chain = slurp(argv[2], &chain_n);
	if (dca_verifier_add_roots(v, roots, roots_n, &why) !=
	    DCA_VERIFY_ACCEPTED ||
	    dca_verifier_check(v, chain, chain_n, time(NULL), &leaf, &why) !=
	    DCA_VERIFY_ACCEPTED)
		printf("refused: %s (%s)\n", why.text, why.clause);
	else if (!dca_verified_may_sign(leaf, argv[3]))
		printf("refused: %s is not in its list\n", argv[3]);
	else {
		printf("accepted%s\n", why.spc_unchecked ?
		    ", but under an SPC that was not compared" : "");
		code = 0;
	}
	dca_verified_free(leaf);
	dca_verifier_free(v);
	free(roots);
	free(chain);
	return code;
}
