/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides whether a list of certificates is a path to a trusted root, and
 * whether each scope stays inside the one above (RFC 5280 6.1, RFC 9060 6).
 * Rigid: it takes the list as it is given and never searches, reorders or
 * fetches, so that nobody can smuggle in a second path.
 */
#include "dca/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_CERTS = 16 };

/* The certificates from the leaf (v[0]) up to the trust anchor (v[n - 1]). */
struct path {
	const struct dca_cert *v[PATH_MAX_CERTS + 1];
	size_t n;
	const struct dca_cert *at;	/* who failed */
	const struct dca_cert *spc_at;	/* who could not be compared */
	char spc_first[DCA_ENTRY_TEXT];
};

static bool
same_cert(const struct dca_cert *a, const struct dca_cert *b)
{
	return dca_buf_eq(dca_out_buf(&a->der), dca_out_buf(&b->der));
}

static bool
self_issued(const struct dca_cert *c)
{
	return dca_buf_eq(c->issuer, c->subject);
}

/* For messages: the subject, shortened. */
static const char *
name_of(const struct dca_cert *c, char out[static 96])
{
	DCA_AUTO_OUT o = { 0 };

	dca_name_print(&o, c->subject);
	dca_out_add(&o, "", 1);
	dca_strlcpy(out, (const char *)o.p, 96);
	return out;
}

static enum dca_rc
fail_at(struct path *p, const struct dca_cert *c, struct dca_err *e,
    enum dca_rule rule, const char *what)
{
	char name[96];

	p->at = c;
	return dca_fail(e, rule, "\"%s\": %s", name_of(c, name), what);
}

/* One step: does child name parent? (RFC 5280 6.1.3 (a)(4); RFC 9060 7) */
static enum dca_rc
check_names(struct path *p, const struct dca_cert *child,
    const struct dca_cert *parent, struct dca_err *e)
{
	if (!dca_buf_eq(child->issuer, parent->subject))
		return fail_at(p, child, e, DCA_RULE_CHAIN_ORDER,
		    "its issuer is not the subject of the next certificate");
	if (!child->has_aki || !parent->has_ski ||
	    !dca_buf_eq(child->aki, parent->ski))
		return fail_at(p, child, e, DCA_RULE_CHAIN_AKI,
		    !child->has_aki ? "it has no AKI key identifier" :
		    !parent->has_ski ? "its parent has no SKI" :
		    "its AKI is not the SKI of its parent");
	return DCA_OK;
}

/* And did parent sign it? (RFC 5280 6.1.3 (a)(1)) */
static enum dca_rc
check_pair(struct path *p, const struct dca_cert *child,
    const struct dca_cert *parent, struct dca_err *e)
{
	enum dca_rc rc = check_names(p, child, parent, e);

	if (rc == DCA_OK && !dca_cert_signed_by(child, parent))
		return fail_at(p, child, e, DCA_RULE_CHAIN_PATH,
		    "its signature does not verify by the key of its parent");
	return rc;
}

/* A trusted root stands last, or is found among roots by name and key. */
static enum dca_rc
find_anchor(struct path *p, const struct dca_certs *roots, struct dca_err *e)
{
	const struct dca_cert *last = p->v[p->n - 1], *named = NULL;
	size_t i;

	for (i = 0; i < roots->n; i++)
		if (same_cert(last, &roots->v[i]))
			return DCA_OK;
	for (i = 0; i < roots->n; i++) {
		if (!dca_buf_eq(last->issuer, roots->v[i].subject))
			continue;
		named = &roots->v[i];
		if (dca_cert_signed_by(last, named)) {
			p->v[p->n++] = named;
			return check_names(p, last, named, e);
		}
	}
	return fail_at(p, last, e, DCA_RULE_CHAIN_ANCHOR, named != NULL ?
	    "not signed by the trusted root of that name" :
	    self_issued(last) ? "it is a root that is not trusted" :
	    "its issuer is not a trusted root, and not in the list");
}

static enum dca_rc
build_path(struct path *p, const struct dca_certs *chain,
    const struct dca_certs *roots, struct dca_err *e)
{
	size_t i, j;
	enum dca_rc rc;

	*p = (struct path){ 0 };
	if (chain->n == 0 || chain->n > PATH_MAX_CERTS)
		return dca_fail(e, DCA_RULE_CHAIN_ORDER,
		    "%zu certificates, 1 to %d are read", chain->n,
		    PATH_MAX_CERTS);
	for (i = 0; i < chain->n; i++) {
		p->v[p->n++] = &chain->v[i];
		for (j = 0; j < i; j++)
			if (same_cert(&chain->v[i], &chain->v[j]))
				return fail_at(p, &chain->v[i], e,
				    DCA_RULE_CHAIN_ORDER, "it is listed twice");
	}
	for (i = 0; i + 1 < chain->n; i++) {
		rc = check_pair(p, p->v[i], p->v[i + 1], e);
		if (rc != DCA_OK)
			return rc;
	}
	rc = find_anchor(p, roots, e);
	if (rc == DCA_OK && p->n < 2)
		return fail_at(p, p->v[0], e, DCA_RULE_CHAIN_ANCHOR,
		    "a trusted root alone is no path (RFC 9060 4)");
	return rc;
}

static enum dca_rc
check_time(struct path *p, const struct dca_cert *c, int64_t when,
    struct dca_err *e)
{
	char t[DCA_TIME_TEXT], what[96];

	if (when >= c->not_before && when <= c->not_after)
		return DCA_OK;
	dca_time_format(t, when < c->not_before ? c->not_before :
	    c->not_after);
	(void)snprintf(what, sizeof(what), "%s %s",
	    when < c->not_before ? "not valid before" : "expired at", t);
	return fail_at(p, c, e, DCA_RULE_CHAIN_TIME, what);
}

static enum dca_rc
check_critical(struct path *p, const struct dca_cert *c, struct dca_err *e)
{
	char what[128];

	if (!c->unknown_critical)
		return DCA_OK;
	(void)snprintf(what, sizeof(what),
	    "critical extension %s is not known", c->unknown_oid);
	return fail_at(p, c, e, DCA_RULE_CERT_EXTENSION, what);
}

/* RFC 5280 6.1.4 (k) to (n), for a certificate that signs the next one. max:
 * how many more CA certificates may follow. */
static enum dca_rc
check_ca(struct path *p, const struct dca_cert *c, bool anchor, int *max,
    struct dca_err *e)
{
	if (!c->has_bc || !c->ca)
		return fail_at(p, c, e, DCA_RULE_CHAIN_PATH,
		    "it signs certificates and is not a CA");
	if (c->has_ku && (c->ku & DCA_KU_KEY_CERT_SIGN) == 0)
		return fail_at(p, c, e, DCA_RULE_CHAIN_PATH,
		    "it signs certificates without keyCertSign");
	if (!anchor && !self_issued(c)) {
		if (*max == 0)
			return fail_at(p, c, e, DCA_RULE_CHAIN_PATH,
			    "pathLenConstraint above it allows no further CA");
		--*max;
	}
	if (c->path_len >= 0 && c->path_len < *max)
		*max = c->path_len;
	return DCA_OK;
}

/* RFC 5280 6.1.3 (b), (c): the subject of v[i] under all CAs above, the anchor
 * among them. Alternative names are not read, and so not inside anything. */
static enum dca_rc
check_subtrees(struct path *p, size_t i, struct dca_err *e)
{
	const struct dca_cert *c = p->v[i];
	const char *why;
	char what[96];

	if (i > 0 && self_issued(c))
		return DCA_OK;
	for (size_t k = i + 1; k < p->n; k++) {
		if (p->v[k]->names.n == 0)
			continue;
		why = c->has_san ? "has alternative names" :
		    dca_names_outside(p->v[k]->names, c->subject);
		if (why == NULL)
			continue;
		(void)snprintf(what, sizeof(what),
		    "it %s (name constraints above it)", why);
		return fail_at(p, c, e, DCA_RULE_CHAIN_NAMES, what);
	}
	return DCA_OK;
}

/* From the anchor down; the certificates from index last_ca on must be CAs. */
static enum dca_rc
check_path(struct path *p, size_t last_ca, int64_t when, struct dca_err *e)
{
	int max = PATH_MAX_CERTS;
	size_t i;
	enum dca_rc rc;

	for (i = p->n; i-- > 0;) {
		if ((rc = check_time(p, p->v[i], when, e)) != DCA_OK ||
		    (rc = check_critical(p, p->v[i], e)) != DCA_OK ||
		    (rc = check_subtrees(p, i, e)) != DCA_OK)
			return rc;
		if (i >= last_ca &&
		    (rc = check_ca(p, p->v[i], i == p->n - 1, &max, e)) !=
		    DCA_OK)
			return rc;
	}
	return DCA_OK;
}

/* parent's list with the numbers of its SPCs (RFC 9060 4.1); *open: it has an
 * SPC whose numbers nobody told. */
static struct dca_tnset *
with_inventory(const struct dca_tnset *parent,
    const struct dca_inventory *inventory, bool *open)
{
	struct dca_tnset *s = dca_tnset_dup(parent);
	const struct dca_tnset *numbers;
	const char *const *spcs;
	size_t i, n;

	*open = false;
	n = dca_tnset_spcs(parent, &spcs);
	for (i = 0; i < n; i++) {
		numbers = inventory == NULL ? NULL :
		    inventory->numbers(inventory->arg, spcs[i]);
		if (numbers != NULL)
			dca_tnset_union(s, numbers);
		else
			*open = true;
	}
	return s;
}

static struct dca_tnset *
only_spcs(const struct dca_tnset *s)
{
	struct dca_tnset *out = dca_tnset_new();
	const char *const *spcs;
	size_t i, n = dca_tnset_spcs(s, &spcs);

	for (i = 0; i < n; i++)
		if (dca_tnset_add_spc(out, spcs[i], strlen(spcs[i]), NULL) !=
		    DCA_OK)
			abort();
	return out;
}

/*
 * Is the list of c inside parent? An SPC of the parent points to numbers only
 * its inventory knows: without one, numbers below it are accepted and
 * remembered (RFC 9060 4.1), while SPCs always compare.
 */
static bool
encompasses(struct path *p, const struct dca_tnset *parent,
    const struct dca_cert *c, const struct dca_inventory *inventory,
    char *first)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *whole = NULL;
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *spcs = NULL;
	bool open;

	if (dca_tnset_covers(parent, c->scope, first))
		return true;
	if (!dca_tnset_has_spc(parent))
		return false;
	whole = with_inventory(parent, inventory, &open);
	if (dca_tnset_covers(whole, c->scope, first))
		return true;
	spcs = only_spcs(c->scope);
	if (!open || !dca_tnset_covers(parent, spcs, NULL))
		return false;
	if (p->spc_at == NULL) {
		p->spc_at = c;
		dca_strlcpy(p->spc_first, first, sizeof(p->spc_first));
	}
	return true;
}

/* RFC 8226 9, RFC 9060 6: from the anchor to the leaf. A list once met constrains all
 * below; a CA that lost it would widen the scope. */
static enum dca_rc
walk_scope(struct path *p, const struct dca_inventory *inventory,
    struct dca_err *e)
{
	const struct dca_tnset *cur = NULL;
	const struct dca_cert *c;
	char first[DCA_ENTRY_TEXT] = "", what[128];
	enum dca_rc rc;
	size_t i;

	for (i = p->n; i-- > 0;) {
		c = p->v[i];
		if (c->scope == NULL && cur != NULL)
			return fail_at(p, c, e, DCA_RULE_CHAIN_NOLIST,
			    "no TNAuthList under a parent that has one");
		/* RFC 9060 4.1: it binds as if it stood there */
		if (c->scope == NULL && c->scope_by_reference)
			return fail_at(p, c, e, DCA_RULE_CHAIN_NOLIST,
			    "its TNAuthList is behind a URL, and not fetched");
		if (cur != NULL && !encompasses(p, cur, c, inventory, first)) {
			(void)snprintf(what, sizeof(what),
			    "%s is outside the scope of its parent", first);
			rc = fail_at(p, c, e, DCA_RULE_CHAIN_SCOPE, what);
			if (e != NULL)
				dca_strlcpy(e->first, first, sizeof(e->first));
			return rc;
		}
		if (c->scope != NULL)
			cur = c->scope;
	}
	return DCA_OK;
}

/* Who may sign a PASSporT (RFC 9060 4; ATIS-1000080 6.4.1). */
static enum dca_rc
check_leaf(struct path *p, const struct dca_cert *c, struct dca_err *e)
{
	if (c->ca)
		return fail_at(p, c, e, DCA_RULE_CHAIN_LEAF,
		    "it is a CA certificate");
	if (!c->has_ku || (c->ku & DCA_KU_DIGITAL_SIGNATURE) == 0)
		return fail_at(p, c, e, DCA_RULE_CHAIN_LEAF,
		    "its keyUsage is not digitalSignature");
	if (c->scope == NULL)
		return fail_at(p, c, e, DCA_RULE_CHAIN_NOLIST,
		    c->scope_by_reference ? "its TNAuthList is behind a URL, "
		    "and not fetched" : "it has no TNAuthList");
	return DCA_OK;
}

enum dca_rc
dca_chain_verify(const struct dca_certs *chain, const struct dca_certs *roots,
    int64_t when, const struct dca_inventory *inventory,
    struct dca_chain_result *res, struct dca_err *e)
{
	struct path p;
	enum dca_rc rc;

	if ((rc = build_path(&p, chain, roots, e)) == DCA_OK &&
	    (rc = check_path(&p, 1, when, e)) == DCA_OK &&
	    (rc = check_leaf(&p, p.v[0], e)) == DCA_OK)
		rc = walk_scope(&p, inventory, e);
	if (res != NULL) {
		res->at = rc == DCA_OK ? NULL : p.at;
		res->below = rc == DCA_OK ? p.n - 1 : 0;
		res->spc_unchecked = p.spc_at != NULL;
		res->spc_at = p.spc_at;
		dca_strlcpy(res->spc_first, p.spc_first,
		    sizeof(res->spc_first));
	}
	return rc;
}

/* --- what comes back from the STI-CA (RFC 5280 6.1, RFC 9060 4) --- */

static enum dca_rc
check_cross_ca(const struct dca_cert *c, struct dca_err *e)
{
	if (!c->has_bc || !c->ca)
		return dca_fail(e, DCA_RULE_CROSS_CA,
		    "cA is not TRUE in the cross-certificate");
	if (!c->bc_critical)
		return dca_fail(e, DCA_RULE_CROSS_CA,
		    "basicConstraints is not critical (RFC 5280 4.2.1.9)");
	if (!c->has_ku || (c->ku & DCA_KU_KEY_CERT_SIGN) == 0)
		return dca_fail(e, DCA_RULE_CROSS_CA,
		    "keyUsage lacks keyCertSign (RFC 5280 4.2.1.3)");
	if (!c->has_ski)
		return dca_fail(e, DCA_RULE_CROSS_CA,
		    "no SKI: children could not name it (RFC 9060 7)");
	if (c->subject.n <= 2)
		return dca_fail(e, DCA_RULE_CROSS_CA,
		    "subject is empty (RFC 5280 4.1.2.6)");
	return DCA_OK;
}

static enum dca_rc
check_cross_scope(const struct dca_cert *c, const struct dca_tnset *asked,
    struct dca_err *e)
{
	char first[DCA_ENTRY_TEXT] = "";
	enum dca_rc rc;

	if (c->scope == NULL)
		return dca_fail(e, DCA_RULE_CROSS_SCOPE,
		    "the cross-certificate has no TNAuthList");
	if (c->scope_critical)
		return dca_fail(e, DCA_RULE_CROSS_SCOPE,
		    "TNAuthList is critical (RFC 8226 9)");
	if (!dca_tnset_covers(asked, c->scope, first))
		rc = dca_fail(e, DCA_RULE_CROSS_SCOPE,
		    "wider than what was asked: %s was not", first);
	else if (!dca_tnset_covers(c->scope, asked, first))
		rc = dca_fail(e, DCA_RULE_CROSS_SCOPE,
		    "narrower than what was asked: %s is missing", first);
	else
		return DCA_OK;
	if (e != NULL)
		dca_strlcpy(e->first, first, sizeof(e->first));
	return rc;
}

/* The path with the cross-certificate as one more CA that will sign. */
static enum dca_rc
check_cross_path(const struct dca_certs *chain, const struct dca_certs *roots,
    int64_t when, struct dca_err *e)
{
	struct dca_err why = { .rule = DCA_RULE_NONE };
	struct path p;
	enum dca_rc rc;

	if ((rc = build_path(&p, chain, roots, &why)) == DCA_OK &&
	    (rc = check_path(&p, 0, when, &why)) == DCA_OK)
		rc = walk_scope(&p, NULL, &why);
	if (rc == DCA_OK)
		return DCA_OK;
	rc = dca_fail(e, why.rule == DCA_RULE_CHAIN_TIME &&
	    p.at == &chain->v[0] ? DCA_RULE_CROSS_VALIDITY :
	    DCA_RULE_CROSS_CHAIN, "%s (%s)", why.text,
	    dca_problem(why.rule)->clause);
	if (e != NULL)
		dca_strlcpy(e->first, why.first, sizeof(e->first));
	return rc;
}

enum dca_rc
dca_cross_check(const struct dca_certs *chain, const struct dca_certs *roots,
    const struct dca_spki *key, const struct dca_tnset *asked, int64_t when,
    struct dca_err *e)
{
	const struct dca_cert *c;
	enum dca_rc rc;

	if (chain->n == 0)
		return dca_fail(e, DCA_RULE_CROSS_CHAIN,
		    "no certificate was given");
	c = &chain->v[0];
	if (!c->p256 || memcmp(c->key.der, key->der, DCA_SPKI_LEN) != 0)
		return dca_fail(e, DCA_RULE_CROSS_KEY,
		    "the cross-certificate is for another key than the "
		    "token's");
	if ((rc = check_cross_ca(c, e)) != DCA_OK ||
	    (rc = check_cross_scope(c, asked, e)) != DCA_OK)
		return rc;
	return check_cross_path(chain, roots, when, e);
}
