/* SPDX-License-Identifier: Apache-2.0 */
/* The lint's own reader, beside the parser's, and every rule of it. */
#include "fuzz.h"

#include <string.h>

#include "dca/cert.h"
#include "dca/lint.h"

enum {
	ALL = DCA_LINT_STI_ROOT | DCA_LINT_STI_INTERMEDIATE |
	    DCA_LINT_STI_EE | DCA_LINT_STI_SCA | DCA_LINT_DELEGATE_EE |
	    DCA_LINT_PUBLISHED,
};

struct heard {
	size_t n, bad;
	uint8_t sum[DCA_SHA256_LEN];
};

static void
hear(const struct dca_lint_finding *f, void *arg)
{
	struct heard *h = arg;
	DCA_AUTO_OUT all = { 0 };

	HOLDS(f->rule != NULL && dca_lint_rule(f->rule->id) == f->rule);
	HOLDS(strchr("-NPWEF", (int)f->verdict) != NULL);
	HOLDS(memchr(f->detail, '\0', sizeof(f->detail)) != NULL);
	for (const char *s = f->detail; *s != '\0'; s++)
		HOLDS((unsigned char)*s >= ' ' && *s != 0x7f);
	h->n++;
	h->bad += strchr("WEF", (int)f->verdict) != NULL;
	dca_out_add(&all, h->sum, sizeof(h->sum));
	dca_out_printf(&all, "%s %c %s", f->rule->id, (char)f->verdict,
	    f->detail);
	dca_sha256(h->sum, dca_out_buf(&all));
}

/* The same certificate gets the same verdicts, and they are counted right. */
static void
judge(const struct dca_lint_cert *c, const struct dca_lint_cert *issuer)
{
	struct heard one = { 0 }, two = { 0 };

	HOLDS(dca_lint_run(c, issuer, ALL, NULL, hear, &one) == one.bad);
	HOLDS(dca_lint_run(c, issuer, ALL, NULL, hear, &two) == two.bad);
	HOLDS(one.n > 0 && one.n == two.n);
	HOLDS(memcmp(one.sum, two.sum, sizeof(one.sum)) == 0);
}

/* The parser keeps texts of names, and most extensions, as octets; the lint
 * looks into them. A refusal of anything else is a difference between them. */
static bool
only_lint_looks(const struct dca_err *e)
{
	static const char *const fields[] = { "issuer", "subject",
		"certificatePolicies", "cRLDistributionPoints",
		"subjectAltName", "issuerAltName", "extKeyUsage",
		"authorityInfoAccess" };
	size_t n = strcspn(e->text, ":");

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strlen(fields[i]) == n &&
		    strncmp(e->text, fields[i], n) == 0)
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	DCA_CLEANUP(dca_lint_free_p) struct dca_lint_cert *c = NULL;
	struct dca_err e = { 0 }, e2 = { 0 };
	struct dca_cert parsed;
	enum dca_rc rc = dca_lint_read(&c, DCA_BUF(p, n), &e);

	fuzz_refusal_holds(rc, &e);
	HOLDS((rc == DCA_OK) == (c != NULL));
	if (dca_cert_parse(&parsed, DCA_BUF(p, n), &e2) == DCA_OK) {
		HOLDS(rc == DCA_OK || only_lint_looks(&e));
		dca_cert_clear(&parsed);
	}
	if (rc != DCA_OK)
		return 0;
	HOLDS(dca_lint_pack_name(dca_lint_pack_of(c)) != NULL);
	HOLDS(dca_lint_kind(c) != NULL);
	(void)dca_lint_issued_by(c, c);
	judge(c, NULL);
	judge(c, c);
	return 0;
}
