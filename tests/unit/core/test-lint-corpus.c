/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published rules against the public reports: every verdict of every rule
 * on every certificate of both corpora, and the kind of each certificate.
 * Without the corpora: skipped loudly (77).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "dca/lint.h"

enum { RULES = 57 };

struct row {
	char letters[RULES + 1];
	size_t n;
};

static void
note(const struct dca_lint_finding *f, void *arg)
{
	struct row *r = arg;

	assert_true(r->n < RULES);
	assert_true((f->rule->packs & DCA_LINT_PUBLISHED) != 0);
	r->letters[r->n++] = (char)f->verdict;
	if (f->verdict == DCA_LINT_NA || f->verdict == DCA_LINT_NE)
		assert_string_equal(f->detail, "");
}

/* The header names the rules in the order of the table. */
static void
check_header(char *names)
{
	size_t i, n, seen = 0;
	const struct dca_lint_rule *r = dca_lint_rules(&n);
	char *save = NULL, *id = strtok_r(names, ",\n", &save);

	for (i = 0; i < n; i++) {
		if ((r[i].packs & DCA_LINT_PUBLISHED) == 0)
			continue;
		assert_non_null(id);
		assert_string_equal(r[i].id, id);
		id = strtok_r(NULL, ",\n", &save);
		seen++;
	}
	assert_null(id);
	assert_int_equal(seen, RULES);
}

/* "sha256 TAB kind TAB letters" against what the lint says of der. */
static size_t
check_one(struct dca_buf der, char *line)
{
	DCA_CLEANUP(dca_lint_free_p) struct dca_lint_cert *c = NULL;
	uint8_t digest[DCA_SHA256_LEN];
	char hex[2 * DCA_SHA256_LEN + 1], *save = NULL;
	const char *sha, *kind, *want;
	struct row r = { "", 0 };
	struct dca_err e = { 0 };
	size_t i, bad = 0;

	sha = strtok_r(line, "\t\n", &save);
	kind = strtok_r(NULL, "\t\n", &save);
	want = strtok_r(NULL, "\t\n", &save);
	assert_true(sha != NULL && kind != NULL && want != NULL);
	dca_sha256(digest, der);
	dca_hex(hex, digest, sizeof(digest));
	assert_string_equal(hex, sha);
	if (dca_lint_read(&c, der, &e) != DCA_OK)
		fail_msg("%s: %s", sha, e.text);
	(void)dca_lint_run(c, NULL, DCA_LINT_PUBLISHED, NULL, note, &r);
	assert_int_equal(r.n, RULES);
	assert_int_equal(strlen(want), RULES);
	if (strcmp(dca_lint_kind(c), kind) != 0) {
		print_error("%s: %s, not %s\n", sha, dca_lint_kind(c), kind);
		bad++;
	}
	assert_int_equal(dca_lint_pack_of(c) == DCA_LINT_STI_ROOT,
	    strcmp(kind, "ROOT") == 0);
	for (i = 0; i < RULES; i++)
		if (r.letters[i] != want[i]) {
			print_error("%s: rule %zu says %c, not %c\n", sha, i,
			    r.letters[i], want[i]);
			bad++;
		}
	return bad;
}

static void
corpus(const char *dir, size_t expected)
{
	char path[512], line[8192], *names;
	FILE *certs, *verdicts;
	unsigned char *der = NULL;
	char *label = NULL, *header = NULL;
	long n = 0;
	size_t seen = 0, bad = 0;

	(void)snprintf(path, sizeof(path), "%s/%s/certs.pem", DCA_DATA, dir);
	certs = fopen(path, "r");
	(void)snprintf(path, sizeof(path), "%s/%s/verdicts.tsv", DCA_DATA,
	    dir);
	verdicts = fopen(path, "r");
	assert_true(certs != NULL && verdicts != NULL);
	assert_non_null(fgets(line, sizeof(line), verdicts));
	names = strrchr(line, '\t');
	assert_non_null(names);
	check_header(names + 1);
	while (PEM_read(certs, &label, &header, &der, &n) == 1) {
		assert_non_null(fgets(line, sizeof(line), verdicts));
		bad += check_one(DCA_BUF(der, (size_t)n), line);
		seen++;
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	assert_null(fgets(line, sizeof(line), verdicts));
	(void)fclose(certs);
	(void)fclose(verdicts);
	print_message("%s: %zu certificates, %zu verdicts, %zu differ\n", dir,
	    seen, seen * RULES, bad);
	assert_int_equal(seen, expected);
	assert_int_equal(bad, 0);
}

static void
real_certificates(void **state)
{
	(void)state;
	corpus("sti-certs", 3981);
}

static void
synthetic_certificates(void **state)
{
	(void)state;
	corpus("sti-certs-synthetic", 4000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_certificates),
		cmocka_unit_test(synthetic_certificates),
	};
	FILE *f = fopen(DCA_DATA "/sti-certs/verdicts.tsv", "r");

	if (f == NULL) {
		fprintf(stderr, "SKIPPED: no public corpora in %s\n",
		    DCA_DATA);
		return 77;
	}
	(void)fclose(f);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
