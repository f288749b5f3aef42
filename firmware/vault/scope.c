/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be issued now, and which source takes what away: the list of the
 * cross-certificate, constraints extensions, name constraints, one after the
 * other. For people; the decision is decide.c's.
 */
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"

#include "vault.h"

struct view {
	struct dca_tnset *left;		/* what nothing so far took away */
	struct dca_out rows;
	size_t n;
};

static const char *
whose(size_t at, const char *what, char out[static 96])
{
	if (at == 0)
		(void)snprintf(out, 96, "%s of the cross-certificate", what);
	else
		(void)snprintf(out, 96, "%s of the CA %zu above it", what, at);
	return out;
}

/* { bars, holds, source }: all but what keep has is barred. */
static void
add_list(struct view *w, const char *source, const struct dca_tnset *holds,
    const struct dca_tnset *keep)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *bars =
	    dca_tnset_minus(w->left, keep);
	struct dca_tnset *left = dca_tnset_intersect(w->left, keep);

	dca_cbor_map(&w->rows, 3);
	dca_cbor_text(&w->rows, "bars");
	vault_entries(&w->rows, bars);
	dca_cbor_text(&w->rows, "holds");
	vault_entries(&w->rows, holds);
	dca_cbor_text(&w->rows, "source");
	dca_cbor_text(&w->rows, source);
	w->n++;
	dca_tnset_free(w->left);
	w->left = left;
}

static void
count(const char *text, void *arg)
{
	(void)text;
	++*(size_t *)arg;
}

static void
put(const char *text, void *arg)
{
	dca_cbor_text(arg, text);
}

/* Those of one certificate; outside: this customer's subject is. */
static void
add_names(struct view *w, const char *source, struct dca_buf names,
    bool outside)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *none = dca_tnset_new();
	size_t n = 0;

	dca_names_each(names, count, &n);
	dca_cbor_map(&w->rows, 3);
	dca_cbor_text(&w->rows, "bars");
	vault_entries(&w->rows, outside ? w->left : none);
	dca_cbor_text(&w->rows, "holds");
	dca_cbor_array(&w->rows, n);
	dca_names_each(names, put, &w->rows);
	dca_cbor_text(&w->rows, "source");
	dca_cbor_text(&w->rows, source);
	w->n++;
	if (outside) {
		dca_tnset_free(w->left);
		w->left = dca_steal(&none);
	}
}

/* customer: NULL, or whose subject it is. */
static enum dca_rc
add_cross(struct view *w, const struct vault_cross *c,
    const struct dca_customer *customer, struct dca_err *e)
{
	const struct dca_tnset *list = c->chain.v[0].scope;
	DCA_AUTO_OUT subject = { 0 };
	char source[96];
	enum dca_rc rc = DCA_OK;

	if (customer && (rc = vault_subject(customer, &subject, e)))
		return rc;
	add_list(w, dca_tnset_has_spc(list) ? "TNAuthList of the "
	    "cross-certificate, inventory of its SPCs" :
	    "TNAuthList of the cross-certificate", list,
	    c->listed ? c->listed : c->scope);
	for (size_t i = 0; i < c->chain.n; i++)
		if (c->limits[i])
			add_list(w, whose(i, "constraints extension", source),
			    c->limits[i], c->limits[i]);
	for (size_t i = 0; i < c->chain.n; i++)
		if (c->chain.v[i].names.n > 0)
			add_names(w, whose(i, "name constraints", source),
			    c->chain.v[i].names, customer &&
			    dca_names_outside(c->chain.v[i].names,
			    dca_out_buf(&subject)) != NULL);
	return DCA_OK;
}

static void
write_answer(struct dca_out *o, const struct vault_cross *c,
    const struct view *w, const struct dca_tnset *delegated)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *none = dca_tnset_new();

	dca_cbor_map(o, delegated ? 4 : 3);
	dca_cbor_text(o, "cross");
	vault_entries(o, c ? c->chain.v[0].scope : none);
	dca_cbor_text(o, "sources");
	dca_cbor_array(o, w->n);
	dca_out_add(o, w->rows.p, w->rows.n);
	dca_cbor_text(o, "issuable");
	vault_entries(o, c ? w->left : none);
	if (delegated) {
		dca_cbor_text(o, "delegations");
		vault_entries(o, delegated);
	}
}

enum dca_rc
vault_scope(struct vault *v, const char *id, struct dca_out *o,
    struct dca_err *e)
{
	const struct vault_cross *c = vault_cross_active(v);
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *all = NULL;
	struct dca_customer customer;
	struct view w = { 0 };
	enum dca_rc rc = DCA_OK;

	if (id[0] != '\0') {
		rc = dca_store_customer(v->store, id, &customer, e);
		if (rc)
			return rc;
		all = vault_delegated(v->store, id, dca_now());
		w.left = dca_tnset_dup(all);
	} else {
		w.left = c ? dca_tnset_dup(c->listed ? c->listed : c->scope) :
		    dca_tnset_new();
	}
	if (c)
		rc = add_cross(&w, c, all ? &customer : NULL, e);
	if (rc == DCA_OK)
		write_answer(o, c, &w, all);
	dca_out_free(&w.rows);
	dca_tnset_free(w.left);
	return rc;
}
