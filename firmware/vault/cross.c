/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The active cross-certificate, read from the store and made ready: parsed
 * chain, and the scope that requests are held against. Must never widen that
 * scope by anything but the inventory of an SPC that the certificate names.
 */
#include "cross.h"

#include <inttypes.h>
#include <string.h>

#include "dca/os.h"
#include "dca/tnauthlist.h"

enum { CRTS_BEFORE = 4 };	/* at 2/3 of a life, one is the rule */

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
	dca_out_free(&c->crts);
	dca_lint_free(c->lint);
	dca_certs_clear(&c->chain);
	dca_tnset_free(c->scope);
	dca_tnset_free(c->listed);
	for (size_t i = 0; i < VAULT_CROSS_CHAIN; i++)
		dca_tnset_free(c->limits[i]);
	free(c);
}

/* An SPC stands for the numbers assigned under it (RFC 9060 4.1), and those
 * are what our inventory says, nothing else. */
static void
unite_inventory(struct dca_tnset *to, const struct dca_tnset *list,
    struct dca_store *s)
{
	const char *const *spcs;
	const size_t n = dca_tnset_spcs(list, &spcs);

	for (size_t i = 0; i < n; i++)
		dca_store_inventory_numbers(s, spcs[i], to);
}

enum dca_rc
vault_cross_limit(const struct dca_cert *c, struct dca_buf oid,
    struct dca_tnset **out, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *list = NULL;
	struct dca_buf value;
	bool critical;

	*out = NULL;
	if (oid.n == 0 || !dca_cert_extension(c, oid, &value, &critical))
		return DCA_OK;
	list = dca_tnset_new();
	if (dca_tnauthlist_parse(list, value, DCA_TNAUTHLIST_FOREIGN, e) !=
	    DCA_OK) {
		(void)dca_fail_in(e, "constraints extension");
		if (e)
			e->rule = DCA_RULE_CROSS_CHAIN;
		return dca_problem(DCA_RULE_CROSS_CHAIN)->rc;
	}
	*out = dca_steal(&list);
	return DCA_OK;
}

enum dca_rc
vault_cross_narrow(struct vault_cross *c, struct dca_store *s,
    struct dca_buf oid, struct dca_err *e)
{
	const struct dca_tnrange *ranges;

	for (size_t i = 0; i < c->chain.n; i++) {
		DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *list = NULL;
		struct dca_tnset *was = c->scope;
		enum dca_rc rc = vault_cross_limit(&c->chain.v[i], oid, &list,
		    e);

		if (rc)
			return rc;
		if (!list)
			continue;
		c->limits[i] = dca_tnset_dup(list);
		unite_inventory(c->limits[i], list, s);
		c->scope = dca_tnset_intersect(was, c->limits[i]);
		if (c->listed)
			dca_tnset_free(was);
		else
			c->listed = was;
	}
	(void)dca_tnset_ranges(c->scope, &ranges);
	return DCA_OK;
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
	    VAULT_CROSS_CHAIN, e);
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
	unite_inventory(c->scope, c->chain.v[0].scope, s);
	c->spc_only = !dca_tnset_has_numbers(c->chain.v[0].scope);
	/* Workers read it: whatever a set does on first use is done here. */
	(void)dca_tnset_ranges(c->scope, &ranges);
	*out = dca_steal(&c);
	return DCA_OK;
}

/* What is in a PKCS#7: at most as many as ours read (dca_p7_parse), and so many
 * octets that it fits into DATA. */
struct crts {
	struct dca_buf v[16];
	size_t n, octets;
	int64_t until;		/* the first of those before expires */
};

static void
crts_add(struct crts *to, struct dca_buf der)
{
	for (size_t i = 0; i < to->n; i++)
		if (dca_buf_eq(to->v[i], der))
			return;
	if (to->n == sizeof(to->v) / sizeof(*to->v) ||
	    to->octets + der.n > DCA_MESSAGE_MAX - 1024)
		return;
	to->v[to->n++] = der;
	to->octets += der.n;
}

/* The certificates of one that may still have children; they live in certs. One
 * that cannot be read any more does not take the others away. */
static void
crts_add_before(struct crts *to, struct dca_certs *certs,
    const struct dca_cross *row)
{
	struct dca_err e = { 0 };

	if (dca_certs_parse(certs, dca_out_buf(&row->chain),
	    VAULT_CROSS_CHAIN, &e) != DCA_OK) {
		dca_log(DCA_WARNING, "cross=%" PRIu64 " is not in /crts: %s",
		    row->id, e.text);
		return;
	}
	if (certs->n == 0 || certs->v[0].not_after < dca_now())
		return;
	if (certs->v[0].not_after < to->until)
		to->until = certs->v[0].not_after;
	for (size_t i = 0; i < certs->n; i++)
		crts_add(to, dca_out_buf(&certs->v[i].der));
}

enum dca_rc
vault_cross_crts(struct vault_cross *c, struct dca_store *s,
    struct dca_buf *out, struct dca_err *e)
{
	struct dca_certs before[CRTS_BEFORE] = { 0 };
	struct crts list = { .until = INT64_MAX };
	enum dca_rc rc = DCA_OK;
	uint64_t id = c->id;

	*out = dca_out_buf(&c->crts);
	if (out->n > 0 && dca_now() <= c->crts_until)
		return DCA_OK;
	for (size_t i = 0; i < c->chain.n; i++)
		crts_add(&list, dca_out_buf(&c->chain.v[i].der));
	for (size_t i = 0; i < CRTS_BEFORE && !rc; i++) {
		struct dca_cross row = { 0 };

		rc = dca_store_cross_before(s, id, &row, e);
		if (rc == DCA_OK)
			crts_add_before(&list, &before[i], &row);
		id = row.id;
		dca_cross_clear(&row);
	}
	if (rc == DCA_NOTFOUND)
		rc = DCA_OK;	/* there are no more */
	if (rc == DCA_OK) {
		c->crts.n = 0;
		dca_p7_encode(&c->crts, list.v, list.n);
		c->crts_until = list.until;
	}
	for (size_t i = 0; i < CRTS_BEFORE; i++)
		dca_certs_clear(&before[i]);
	*out = dca_out_buf(&c->crts);
	return rc;
}
