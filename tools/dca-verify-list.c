/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a TN list in any form people have it in. DER of a list begins with 30
 * and holds a0, a1 or a2, so in hex it has letters, in base64url it begins
 * with M, and text has neither. Octets that are no list may have digits only:
 * those are hex when 30 and the length say that they are one whole element.
 * As numbers those would begin with 3000 to 3005, which none of Greece does.
 * hex: and base64url: say outright what a list is.
 */
#include "dca-verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/os.h"

#define HEX "hex:"
#define BASE64URL "base64url:"

/* Hex digits with or without what openssl and people put between octets. */
static bool
unhex(struct dca_out *der, const char *s)
{
	DCA_AUTO_OUT digits = { 0 };

	for (; *s != '\0'; s++)
		if (strchr(": \t\r\n", *s) == NULL)
			dca_out_add(&digits, s, 1);
	dca_out_add(&digits, "", 1);
	if (digits.n % 2 != 1)
		return false;
	der->p = dca_alloc(digits.n / 2 + 1);
	der->cap = der->n = digits.n / 2;
	return dca_unhex(der->p, der->n, (const char *)digits.p);
}

/* 30 and a length that fits what follows? */
static bool
is_element(struct dca_buf b)
{
	size_t len, i, k;

	if (b.n < 2)
		return false;
	len = b.p[1];
	k = len > 0x80 ? len - 0x80 : 0;
	if (k > 3 || b.n < 2 + k)
		return false;
	for (i = 0; i < k; i++)
		len = (i == 0 ? 0 : len << 8) | b.p[2 + i];
	return len == b.n - 2 - k;
}

/* 30 first, and not to be taken for a number. */
static bool
is_hex(struct dca_out *der, const char *s)
{
	return unhex(der, s) && der->n > 1 && der->p[0] == 0x30 &&
	    (strpbrk(s, "abcdefABCDEF") != NULL ||
	    is_element(dca_out_buf(der)));
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
parse_base64url(struct given *g, const char *s, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };

	if (!dca_unb64url(&der, s, strlen(s)))
		return dca_fail(e, DCA_RULE_INPUT,
		    "not base64url without padding");
	return parse_der(g, dca_out_buf(&der), e);
}

static enum dca_rc
parse_words(struct given *g, const char *s, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };

	if (strncmp(s, BASE64URL, strlen(BASE64URL)) == 0)
		return parse_base64url(g, s + strlen(BASE64URL), e);
	if (strncmp(s, HEX, strlen(HEX)) == 0) {
		if (!unhex(&der, s + strlen(HEX)))
			return dca_fail(e, DCA_RULE_INPUT, "not hexadecimal");
		return parse_der(g, dca_out_buf(&der), e);
	}
	if (s[0] == 'M')
		return parse_base64url(g, s, e);
	if (is_hex(&der, s))
		return parse_der(g, dca_out_buf(&der), e);
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

/* PEM that is no certificate is not a list either. */
static bool
is_pem(struct dca_buf b)
{
	static const char begin[] = "-----BEGIN ";

	return b.n > 0 &&
	    memmem(b.p, b.n, begin, sizeof(begin) - 1) != NULL;
}

static enum dca_rc
read_list(struct given *g, const char *arg, struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	struct dca_certs certs;
	enum dca_rc rc;

	if (arg[0] != '@' && strcmp(arg, "-") != 0)
		return parse_words(g, arg, e);
	rc = dca_file_read(&in, arg[0] == '@' ? arg + 1 : arg,
	    VERIFY_FILE_MAX, e);
	if (rc != DCA_OK)
		return rc;
	rc = dca_certs_parse(&certs, dca_out_buf(&in), VERIFY_CHAIN_MAX, e);
	if (rc == DCA_OK)
		return from_certificate(g->set, &certs, e);
	if (is_pem(dca_out_buf(&in)))
		return rc;
	*e = (struct dca_err){ .rule = DCA_RULE_NONE };
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
