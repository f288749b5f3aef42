/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name constraints (RFC 5280 4.2.1.10): does a subject stay inside the
 * directoryName subtrees of a CA? Names compare as RFC 5280 7.1 says: without
 * case, runs of blanks as one. Must never call inside what it cannot compare:
 * string types other than UTF8String, PrintableString and IA5String, and
 * letters beyond ASCII that differ.
 */
#include "cert-parts.h"
#include "tlv.h"

enum { DIRECTORY = TLV_CONTEXT | 4, MAIL = 0x81, FORM = 0x1f, FORMS = 8 };

#define OID_EMAIL "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"

enum likeness { SAME, OTHER, UNSURE };

/* --- form --- */

/* GeneralSubtree: a base alone; minimum is 0 and maximum absent (RFC 5280). */
static bool
take_subtree(struct dca_buf *list, uint8_t *form, struct dca_buf *base)
{
	struct dca_buf tree, name;

	if (!tlv_take(list, TLV_SEQ, &tree, NULL) ||
	    !tlv_next(&tree, form, base, NULL) || tree.n > 0 ||
	    (*form & 0xc0) != 0x80 || (*form & FORM) > FORMS)
		return false;
	name = *base;
	return *form != DIRECTORY ||
	    (dca_name_take_der(&name) && name.n == 0);
}

/* The lists of permitted and of excluded subtrees; empty: not given. */
static bool
take_lists(struct dca_buf in, struct dca_buf lists[static 2])
{
	struct dca_buf seq, base;
	uint8_t form;

	if (!tlv_take(&in, TLV_SEQ, &seq, NULL) || in.n > 0 || seq.n == 0)
		return false;
	for (uint8_t i = 0; i < 2; i++) {
		struct dca_buf list;

		lists[i] = DCA_BUF(NULL, 0);
		if (!tlv_take(&seq, TLV_CONTEXT | i, &list, NULL))
			continue;
		lists[i] = list;
		if (list.n == 0)
			return false;
		while (list.n > 0)
			if (!take_subtree(&list, &form, &base))
				return false;
	}
	return seq.n == 0;
}

bool
dca_names_form(struct dca_buf constraints)
{
	struct dca_buf lists[2];

	return take_lists(constraints, lists);
}

/* --- likeness --- */

static bool
is_text(uint8_t tag)
{
	return tag == TLV_UTF8 || tag == TLV_PRINTABLE || tag == TLV_IA5;
}

/* *beyond: letters that have a case we do not know. */
static void
fold(struct dca_out *o, struct dca_buf v, bool *beyond)
{
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		*beyond = *beyond || c >= 0x80;
		if (c != ' ' || (o->n > 0 && o->p[o->n - 1] != ' '))
			dca_out_add(o, &c, 1);
	}
	if (o->n > 0 && o->p[o->n - 1] == ' ')
		o->n--;
}

static enum likeness
compare_values(struct dca_buf a, struct dca_buf b)
{
	DCA_AUTO_OUT x = { 0 }, y = { 0 };
	struct dca_buf v, w;
	bool beyond = false;
	uint8_t s, t;

	if (dca_buf_eq(a, b))
		return SAME;
	if (!tlv_next(&a, &s, &v, NULL) || !tlv_next(&b, &t, &w, NULL) ||
	    !is_text(s) || !is_text(t))
		return UNSURE;
	fold(&x, v, &beyond);
	fold(&y, w, &beyond);
	if (dca_buf_eq(dca_out_buf(&x), dca_out_buf(&y)))
		return SAME;
	return beyond ? UNSURE : OTHER;
}

/* The value of attribute type in an RDN. */
static bool
find_value(struct dca_buf rdn, struct dca_buf type, struct dca_buf *value)
{
	struct dca_buf ava, oid;

	while (tlv_take(&rdn, TLV_SEQ, &ava, NULL))
		if (tlv_take(&ava, TLV_OID, &oid, NULL) &&
		    dca_buf_eq(oid, type)) {
			*value = ava;
			return true;
		}
	return false;
}

static size_t
count(struct dca_buf rdn)
{
	size_t n = 0;

	while (tlv_take(&rdn, TLV_SEQ, NULL, NULL))
		n++;
	return n;
}

static enum likeness
compare_rdns(struct dca_buf a, struct dca_buf b)
{
	enum likeness all = SAME, one;
	struct dca_buf ava, oid, value;

	if (count(a) != count(b))
		return OTHER;
	while (tlv_take(&a, TLV_SEQ, &ava, NULL)) {
		if (!tlv_take(&ava, TLV_OID, &oid, NULL) ||
		    !find_value(b, oid, &value))
			return OTHER;
		one = compare_values(ava, value);
		if (one == OTHER)
			return OTHER;
		all = one == UNSURE ? UNSURE : all;
	}
	return all;
}

/* Is the name below the base: does it begin with the base's RDNs? */
static enum likeness
below(struct dca_buf base, struct dca_buf name)
{
	enum likeness all = SAME, one;
	struct dca_buf a, b, x, y;

	if (!tlv_take(&base, TLV_SEQ, &a, NULL) ||
	    !tlv_take(&name, TLV_SEQ, &b, NULL))
		return UNSURE;
	while (tlv_take(&a, TLV_SET, &x, NULL)) {
		if (!tlv_take(&b, TLV_SET, &y, NULL))
			return OTHER;
		one = compare_rdns(x, y);
		if (one == OTHER)
			return OTHER;
		all = one == UNSURE ? UNSURE : all;
	}
	return all;
}

/* --- the answer --- */

static bool
has_mail(struct dca_buf name)
{
	struct dca_buf rdns, rdn, value;

	if (!tlv_take(&name, TLV_SEQ, &rdns, NULL))
		return true;
	while (tlv_take(&rdns, TLV_SET, &rdn, NULL))
		if (find_value(rdn, TLV_LIT(OID_EMAIL), &value))
			return true;
	return false;
}

static const char *
outside_permitted(struct dca_buf list, struct dca_buf subject)
{
	struct dca_buf base;
	bool asked = false;
	uint8_t form;

	while (take_subtree(&list, &form, &base)) {
		if (form != DIRECTORY)
			continue;
		if (below(base, subject) == SAME)
			return NULL;
		asked = true;
	}
	return asked ? "is in no permitted subtree" : NULL;
}

static const char *
inside_excluded(struct dca_buf list, struct dca_buf subject)
{
	struct dca_buf base;
	uint8_t form;

	while (take_subtree(&list, &form, &base)) {
		enum likeness l;

		if (form != DIRECTORY)
			continue;
		l = below(base, subject);
		if (l != OTHER)
			return l == SAME ? "is in an excluded subtree" :
			    "cannot be compared with an excluded subtree";
	}
	return NULL;
}

/* An emailAddress is an rfc822Name too (RFC 5280 4.2.1.10): not read here. */
static bool
bears_mail(struct dca_buf list)
{
	struct dca_buf base;
	uint8_t form;

	while (take_subtree(&list, &form, &base))
		if (form == MAIL)
			return true;
	return false;
}

const char *
dca_names_outside(struct dca_buf constraints, struct dca_buf subject)
{
	struct dca_buf lists[2];
	const char *why;

	if (!take_lists(constraints, lists))
		return "is under name constraints that are malformed";
	if (subject.n <= 2)
		return NULL;	/* no name of any form */
	if (has_mail(subject) && (bears_mail(lists[0]) ||
	    bears_mail(lists[1])))
		return "has an emailAddress under rfc822Name constraints";
	why = outside_permitted(lists[0], subject);
	return why != NULL ? why : inside_excluded(lists[1], subject);
}

void
dca_names_each(struct dca_buf constraints, void (*tell)(const char *text,
    void *arg), void *arg)
{
	static const char *const words[] = { "permitted", "excluded" };
	struct dca_buf lists[2], base;
	uint8_t form;

	if (!take_lists(constraints, lists))
		return;
	for (int i = 0; i < 2; i++)
		while (take_subtree(&lists[i], &form, &base)) {
			DCA_AUTO_OUT o = { 0 };

			dca_out_printf(&o, "%s ", words[i]);
			if (form == DIRECTORY)
				dca_name_print(&o, base);
			else
				dca_out_printf(&o, "GeneralName [%d]",
				    form & FORM);
			dca_out_add(&o, "", 1);
			tell((const char *)o.p, arg);
		}
}
