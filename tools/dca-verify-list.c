/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a TN list in any form people have it in. The forms cannot be taken
 * for each other: DER of a list begins with 30 and holds a0, a1 or a2, so in
 * hex it has letters, in base64url it begins with M, and text has neither.
 */
#include "dca-verify.h"

#include <stdlib.h>
#include <string.h>

#include "dca/os.h"
#include "dca/tnauthlist.h"

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

static enum dca_rc
parse_der(struct dca_tnset *out, struct dca_buf der, struct dca_err *e)
{
	return dca_tnauthlist_parse(out, der, DCA_TNAUTHLIST_FOREIGN, e);
}

static enum dca_rc
parse_words(struct dca_tnset *out, const char *s, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };
	size_t n = strlen(s);

	if (is_hex(s)) {
		der.p = dca_alloc(n / 2);
		der.cap = der.n = n / 2;
		if (!dca_unhex(der.p, der.n, s))
			abort();	/* is_hex looked */
		return parse_der(out, dca_out_buf(&der), e);
	}
	if (s[0] == 'M') {
		if (!dca_unb64url(&der, s, n))
			return dca_fail(e, DCA_RULE_INPUT,
			    "not base64url without padding");
		return parse_der(out, dca_out_buf(&der), e);
	}
	return dca_tnset_parse(out, s, e);
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

enum dca_rc
verify_list(struct dca_tnset *out, const char *arg, struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	struct dca_certs certs;
	enum dca_rc rc;

	if (arg[0] != '@')
		return parse_words(out, arg, e);
	rc = dca_file_read(&in, arg + 1, VERIFY_FILE_MAX, e);
	if (rc != DCA_OK)
		return rc;
	if (dca_certs_parse(&certs, dca_out_buf(&in), VERIFY_CHAIN_MAX,
	    NULL) == DCA_OK)
		return from_certificate(out, &certs, e);
	if (!is_text(dca_out_buf(&in)))
		return parse_der(out, dca_out_buf(&in), e);
	while (in.n > 0 && strchr(" \t\r\n", in.p[in.n - 1]) != NULL)
		in.n--;
	dca_out_add(&in, "", 1);
	return parse_words(out, (const char *)in.p, e);
}
