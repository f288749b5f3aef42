/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a TN list in any form people have it in. The forms cannot be taken
 * for each other: DER of a list begins with 30 and holds a0, a1 or a2, so in
 * hex it has letters, in base64url it begins with M, and text has neither.
 */
#include "dca-verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/os.h"

static bool
is_hex(const char *s)
{
	size_t n = strlen(s);

	return n > 4 && n % 2 == 0 && strncmp(s, "30", 2) == 0 &&
	    strspn(s, "0123456789abcdefABCDEF") == n &&
	    strpbrk(s, "abcdefABCDEF") != NULL;
}

/* DER of a list has control characters (tags, lengths); text has none. */
static bool
is_text(struct dca_buf b)
{
	size_t i;

	for (i = 0; i < b.n; i++)
		if (b.p[i] < 0x20 && b.p[i] != '\t' && b.p[i] != '\r' &&
		    b.p[i] != '\n')
			return false;
	return true;
}

/* A list as it was given: what it means, and its DER when it came as that. */
struct given {
	struct dca_tnset *set;
	enum dca_tnauthlist_mode mode;
	struct dca_out der;
};

static enum dca_rc
parse_der(struct given *g, struct dca_buf der, struct dca_err *e)
{
	dca_out_add(&g->der, der.p, der.n);
	return dca_tnauthlist_parse(g->set, der, g->mode, e);
}

static enum dca_rc
parse_words(struct given *g, const char *s, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };
	size_t n = strlen(s);

	if (is_hex(s)) {
		der.p = dca_alloc(n / 2);
		der.cap = der.n = n / 2;
		if (!dca_unhex(der.p, der.n, s))
			abort();	/* is_hex looked */
		return parse_der(g, dca_out_buf(&der), e);
	}
	if (s[0] == 'M') {
		if (!dca_unb64url(&der, s, n))
			return dca_fail(e, DCA_RULE_INPUT,
			    "not base64url without padding");
		return parse_der(g, dca_out_buf(&der), e);
	}
	return dca_tnset_parse(g->set, s, e);
}

static enum dca_rc
from_certificate(struct dca_tnset *out, struct dca_certs *certs,
    struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	if (certs->v[0].scope == NULL)
		rc = dca_fail(e, DCA_RULE_CHAIN_NOLIST,
		    "the certificate has no TNAuthList");
	else
		dca_tnset_union(out, certs->v[0].scope);
	dca_certs_clear(certs);
	return rc;
}

static enum dca_rc
read_list(struct given *g, const char *arg, struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	struct dca_certs certs;
	enum dca_rc rc;

	if (arg[0] != '@')
		return parse_words(g, arg, e);
	rc = dca_file_read(&in, arg + 1, VERIFY_FILE_MAX, e);
	if (rc != DCA_OK)
		return rc;
	if (dca_certs_parse(&certs, dca_out_buf(&in), VERIFY_CHAIN_MAX,
	    NULL) == DCA_OK)
		return from_certificate(g->set, &certs, e);
	if (!is_text(dca_out_buf(&in)))
		return parse_der(g, dca_out_buf(&in), e);
	while (in.n > 0 && strchr(" \t\r\n", in.p[in.n - 1]) != NULL)
		in.n--;
	dca_out_add(&in, "", 1);
	return parse_words(g, (const char *)in.p, e);
}

enum dca_rc
verify_list(struct dca_tnset *out, const char *arg,
    enum dca_tnauthlist_mode mode, struct dca_err *e)
{
	struct given g = { .set = out, .mode = mode };
	enum dca_rc rc = read_list(&g, arg, e);

	dca_out_free(&g.der);
	return rc;
}

/* --- explained --- */

static void
print_entries(const struct dca_tnset *s)
{
	const char *const *spcs, *const *literals;
	const struct dca_tnrange *r;
	size_t n = dca_tnset_spcs(s, &spcs), i;
	unsigned long long count;

	for (i = 0; i < n; i++)
		printf("   spc      %s: whatever numbers that provider has\n",
		    spcs[i]);
	n = dca_tnset_ranges(s, &r);
	for (i = 0; i < n; i++) {
		count = r[i].hi - r[i].lo + 1;
		if (count == 1)
			printf("   one      %0*llu\n", (int)r[i].digits,
			    (unsigned long long)r[i].lo);
		else
			printf("   range    %0*llu to %0*llu, %llu numbers of "
			    "%u digits\n", (int)r[i].digits,
			    (unsigned long long)r[i].lo, (int)r[i].digits,
			    (unsigned long long)r[i].hi, count,
			    (unsigned)r[i].digits);
	}
	n = dca_tnset_literals(s, &literals);
	for (i = 0; i < n; i++)
		printf("   literal  %s\n", literals[i]);
}

/* Would we take it in a request, and are these the octets we would write? */
static void
print_issue(struct dca_buf given, struct dca_buf canonical)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s = dca_tnset_new();
	struct dca_err e = { 0 };

	if (dca_tnauthlist_parse(s, given, DCA_TNAUTHLIST_ISSUE, &e) != DCA_OK)
		printf("issued     no: %s (%s)\n", e.text,
		    dca_problem(e.rule)->clause);
	else if (dca_tnset_has_spc(s))
		printf("issued     in a CA certificate only: an SPC "
		    "(RFC 9060 4.1)\n");
	else
		printf("issued     %s\n", dca_buf_eq(given, canonical) ?
		    "as it stands" : "in the canonical order above");
}

enum dca_rc
verify_explain(const char *arg, enum dca_tnauthlist_mode mode,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s = dca_tnset_new();
	DCA_CLEANUP(dca_free_p) char *hex = NULL;
	struct given g = { .set = s, .mode = mode };
	DCA_AUTO_OUT text = { 0 };
	DCA_AUTO_OUT der = { 0 };
	DCA_AUTO_OUT b64 = { 0 };
	enum dca_rc rc = read_list(&g, arg, e);

	if (rc == DCA_OK && dca_tnset_empty(s))
		rc = dca_fail(e, DCA_RULE_TN_EMPTY, "no entry");
	if (rc == DCA_OK) {
		dca_tnset_print(s, &text);
		dca_tnauthlist_encode(&der, s);
		dca_b64url(&b64, dca_out_buf(&der));
		hex = dca_alloc(2 * der.n + 1);
		dca_hex(hex, der.p, der.n);
		printf("text       %.*s\nDER        %s\nbase64url  %.*s\n"
		    "entries\n", (int)text.n, (const char *)text.p, hex,
		    (int)b64.n, (const char *)b64.p);
		print_entries(s);
		print_issue(g.der.n > 0 ? dca_out_buf(&g.der) :
		    dca_out_buf(&der), dca_out_buf(&der));
	}
	dca_out_free(&g.der);
	return rc;
}
