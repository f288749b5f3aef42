/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The active cross-certificate, read from the store and made ready: parsed
 * chain, and the scope that requests are held against. Must never widen that
 * scope by anything but the inventory of an SPC that the certificate names.
 */
#include "cross.h"

#include <string.h>

enum { CROSS_CHAIN_MAX = 8 };

struct vault_cross *
vault_cross_ref(struct vault_cross *c)
{
	if (c)
		c->refs++;
	return c;
}

int64_t
vault_cross_ends(const struct vault_cross *c)
{
	int64_t end = c->chain.v[0].not_after;

	for (size_t i = 1; i < c->chain.n; i++)
		if (c->chain.v[i].not_after < end)
			end = c->chain.v[i].not_after;
	return end;
}

void
vault_cross_unref(struct vault_cross *c)
{
	if (!c || --c->refs)
		return;
	dca_out_free(&c->bundle);
	dca_lint_free(c->lint);
	dca_certs_clear(&c->chain);
	dca_tnset_free(c->scope);
	free(c);
}

/* An SPC stands for the numbers assigned under it (RFC 9060 4.1), and those
 * are what our inventory says, nothing else. */
static void
unite_inventory(struct vault_cross *c, struct dca_store *s)
{
	const char *const *spcs;
	const struct dca_tnset *list = c->chain.v[0].scope;
	const size_t n = dca_tnset_spcs(list, &spcs);

	for (size_t i = 0; i < n; i++)
		dca_store_inventory_numbers(s, spcs[i], c->scope);
	c->spc_only = !dca_tnset_has_numbers(list);
}

enum dca_rc
vault_cross_load(struct vault_cross **out, struct dca_store *s, uint64_t id,
    struct dca_err *e)
{
	DCA_CLEANUP(vault_cross_unref_p) struct vault_cross *c = NULL;
	struct dca_cross row = { 0 };
	const struct dca_tnrange *ranges;
	enum dca_rc rc = dca_store_cross(s, id, &row, e);

	*out = NULL;
	if (rc == DCA_NOTFOUND)
		return dca_fail(e, DCA_RULE_CROSS_NONE,
		    "no cross-certificate is installed");
	if (rc)
		return rc;
	c = dca_alloc(sizeof(*c));
	memset(c, 0, sizeof(*c));
	c->refs = 1;
	c->id = row.id;
	c->seq = row.seq;
	c->installed = row.installed;
	c->key_len = row.key_len;
	memcpy(c->key, row.key, sizeof(c->key));
	dca_out_add(&c->bundle, row.chain.p, row.chain.n);
	dca_cross_clear(&row);
	rc = dca_certs_parse(&c->chain, dca_out_buf(&c->bundle),
	    CROSS_CHAIN_MAX, e);
	if (rc) {
		(void)dca_fail_in(e, "stored cross-certificate");
		return rc;
	}
	if (c->chain.n == 0 || !c->chain.v[0].scope)
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "stored cross-certificate has no TNAuthList");
	rc = dca_lint_read(&c->lint, dca_out_buf(&c->chain.v[0].der), e);
	if (rc) {
		(void)dca_fail_in(e, "stored cross-certificate");
		return rc;
	}
	c->scope = dca_tnset_dup(c->chain.v[0].scope);
	unite_inventory(c, s);
	/* Workers read it: whatever a set does on first use is done here. */
	(void)dca_tnset_ranges(c->scope, &ranges);
	*out = dca_steal(&c);
	return DCA_OK;
}
