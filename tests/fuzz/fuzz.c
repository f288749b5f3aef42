/* SPDX-License-Identifier: Apache-2.0 */
/* What all fuzz targets share. */
#include "fuzz.h"

#include <string.h>

#include <openssl/x509.h>

enum { DEPTH = 64 };

static bool
value_is_der(uint8_t tag, const uint8_t *p, size_t n)
{
	if (tag == 0x01)
		return n == 1 && (p[0] == 0 || p[0] == 0xff);
	if (tag == 0x02)
		return n > 0 && (n == 1 ||
		    !((p[0] == 0 && p[1] < 0x80) ||
		    (p[0] == 0xff && p[1] >= 0x80)));
	return true;
}

/* One element of p: the octets it takes, or 0. */
static size_t
element(const uint8_t *p, size_t n, int depth)
{
	size_t head = 2, len, k, i;

	if (n < 2 || depth > DEPTH || (p[0] & 0x1f) == 0x1f || p[1] == 0x80)
		return 0;
	len = p[1];
	if (p[1] > 0x80) {
		k = p[1] & 0x7fU;
		if (k > sizeof(len) || n < 2 + k)
			return 0;
		for (len = 0, i = 0; i < k; i++)
			len = len * 256 + p[2 + i];
		if (p[2] == 0 || len < 0x80)
			return 0;
		head += k;
	}
	if (n - head < len)
		return 0;
	if ((p[0] & 0x20) == 0)
		return value_is_der(p[0], p + head, len) ? head + len : 0;
	for (i = 0; i < len; i += k) {
		k = element(p + head + i, len - i, depth + 1);
		if (k == 0)
			return 0;
	}
	return head + len;
}

bool
fuzz_is_der(struct dca_buf b)
{
	return b.n > 0 && element(b.p, b.n, 0) == b.n;
}

bool
fuzz_openssl_reads(struct dca_buf cert)
{
	const uint8_t *p = cert.p;
	X509 *x = d2i_X509(NULL, &p, (long)cert.n);
	bool name = false;
	const char *data;
	int flags;

	HOLDS(x == NULL || p == cert.p + cert.n);
	X509_free(x);
	while (ERR_get_error_all(NULL, NULL, NULL, &data, &flags) != 0)
		name |= (flags & ERR_TXT_STRING) != 0 &&
		    (strstr(data, "Field=issuer, Type=X509_CINF") != NULL ||
		    strstr(data, "Field=subject, Type=X509_CINF") != NULL);
	HOLDS(x != NULL || name);
	return x != NULL;
}

void
fuzz_set_holds(const struct dca_tnset *s)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *dup = dca_tnset_dup(s);
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *both =
	    dca_tnset_intersect(s, dup);
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *again =
	    dca_tnset_new();
	DCA_AUTO_OUT text = { 0 };
	struct dca_err e = { 0 };

	HOLDS(!dca_tnset_empty(s));
	HOLDS(dca_tnset_equal(s, dup));
	HOLDS(dca_tnset_covers(s, s, NULL));
	HOLDS(dca_tnset_overlaps(s, s, NULL));
	HOLDS(dca_tnset_equal(s, both));
	dca_tnset_union(dup, s);
	HOLDS(dca_tnset_equal(s, dup));
	dca_tnset_print(s, &text);
	HOLDS(dca_tnset_parse(again, (const char *)text.p, &e) == DCA_OK);
	HOLDS(dca_tnset_equal(s, again));
}

void
fuzz_refusal_holds(enum dca_rc rc, const struct dca_err *e)
{
	HOLDS(ERR_peek_error() == 0);
	if (rc == DCA_OK)
		return;
	HOLDS(e->text[0] != '\0');
	HOLDS(dca_problem(e->rule)->rule == e->rule);
	HOLDS(dca_problem(e->rule)->rc == rc);
}
