/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim constraints <-> DER: EnhancedJWTClaimConstraints (RFC 9118 3, explicit
 * tags) both ways, JWTClaimConstraints (RFC 8226 8) for reading. Strict: one
 * encoding, bounded, no name or value twice.
 */
#include "dca/constraints.h"

#include <stdlib.h>
#include <string.h>

#include "tlv.h"

/* --- writing, backwards --- */

static void
put_text(struct tlv_out *w, uint8_t tag, const char *s)
{
	tlv_add(w, tag, DCA_BUF(s, strlen(s)));
}

static void
put_names(struct tlv_out *w, unsigned number, const struct dca_claims *l)
{
	const size_t end = w->at;

	if (l->n == 0)
		return;
	for (size_t i = l->n; i-- > 0;)
		put_text(w, TLV_IA5, l->v[i].name);
	tlv_head(w, TLV_SEQ, end);
	tlv_head(w, (uint8_t)(TLV_CONTEXT | number), end);
}

static void
put_permitted(struct tlv_out *w, const struct dca_claims *l)
{
	const size_t end = w->at;

	if (l->n == 0)
		return;
	for (size_t i = l->n; i-- > 0;) {
		const size_t one = w->at;

		for (size_t k = l->v[i].n; k-- > 0;)
			put_text(w, TLV_UTF8, l->v[i].values[k]);
		tlv_head(w, TLV_SEQ, one);
		put_text(w, TLV_IA5, l->v[i].name);
		tlv_head(w, TLV_SEQ, one);
	}
	tlv_head(w, TLV_SEQ, end);
	tlv_head(w, TLV_CONTEXT | 1, end);
}

/* More than all of it needs. */
static size_t
room(const struct dca_constraints *c)
{
	const struct dca_claims *const lists[] = { &c->must_include,
		&c->permitted, &c->must_exclude };
	size_t n = 64;

	for (size_t l = 0; l < 3; l++)
		for (size_t i = 0; i < lists[l]->n; i++) {
			n += strlen(lists[l]->v[i].name) + 16;
			for (size_t k = 0; k < lists[l]->v[i].n; k++)
				n += strlen(lists[l]->v[i].values[k]) + 8;
		}
	return n;
}

void
dca_constraints_encode(struct dca_out *o, const struct dca_constraints *c)
{
	const size_t end = room(c);
	struct tlv_out w;

	if (dca_constraints_empty(c))
		return;
	w = (struct tlv_out){ dca_alloc(end), end };
	put_names(&w, 2, &c->must_exclude);
	put_permitted(&w, &c->permitted);
	put_names(&w, 0, &c->must_include);
	tlv_head(&w, TLV_SEQ, end);
	dca_out_add(o, w.p + w.at, end - w.at);
	free(w.p);
}

/* --- reading --- */

static enum dca_rc
malformed(struct dca_err *e, const char *what)
{
	return dca_fail(e, DCA_RULE_CERT_EXTENSION,
	    "claim constraints: %s (RFC 8226 8, RFC 9118 3)", what);
}

/* A name or value as a C string of at most max octets. */
static bool
take_text(struct dca_buf *in, uint8_t tag, size_t max, struct dca_out *s)
{
	struct dca_buf v;

	s->n = 0;
	if (!tlv_take(in, tag, &v, NULL) || v.n == 0 || v.n > max ||
	    memchr(v.p, 0, v.n) != NULL)
		return false;
	dca_out_add(s, v.p, v.n);
	return true;
}

static enum dca_rc
take_names(struct dca_constraints *c, struct dca_buf list, bool include,
    struct dca_err *e)
{
	const struct dca_claims *l = include ? &c->must_include :
	    &c->must_exclude;
	DCA_AUTO_OUT s = { 0 };
	struct dca_buf in;
	enum dca_rc rc = DCA_OK;
	size_t n;

	if (!tlv_take(&list, TLV_SEQ, &in, NULL) || list.n > 0 || in.n == 0)
		return malformed(e, "a list of names is empty or no SEQUENCE");
	while (in.n > 0 && rc == DCA_OK) {
		if (!take_text(&in, TLV_IA5, DCA_CLAIM_NAME_MAX, &s))
			return malformed(e, "a claim name is no IA5String");
		n = l->n;
		rc = include ? dca_constraints_include(c, (const char *)s.p,
		    e) : dca_constraints_exclude(c, (const char *)s.p, e);
		if (rc == DCA_OK && l->n == n)
			return malformed(e, "a claim is named twice");
	}
	return rc;
}

static enum dca_rc
take_values(struct dca_constraints *c, struct dca_buf one, struct dca_err *e)
{
	const size_t had = c->permitted.n;
	DCA_AUTO_OUT name = { 0 };
	DCA_AUTO_OUT s = { 0 };
	struct dca_buf in;
	enum dca_rc rc = DCA_OK;
	size_t n = 0;

	if (!take_text(&one, TLV_IA5, DCA_CLAIM_NAME_MAX, &name) ||
	    !tlv_take(&one, TLV_SEQ, &in, NULL) || one.n > 0 || in.n == 0)
		return malformed(e, "permitted values are no name and list");
	for (; in.n > 0 && rc == DCA_OK; n++) {
		if (!take_text(&in, TLV_UTF8, DCA_CLAIM_VALUE_MAX, &s))
			return malformed(e, "a value is no UTF8String");
		rc = dca_constraints_permit(c, (const char *)name.p,
		    (const char *)s.p, e);
	}
	if (rc == DCA_OK && (c->permitted.n != had + 1 ||
	    c->permitted.v[had].n != n))
		return malformed(e, "a claim or value is listed twice");
	return rc;
}

static enum dca_rc
take_permitted(struct dca_constraints *c, struct dca_buf list,
    struct dca_err *e)
{
	struct dca_buf in, one;
	enum dca_rc rc = DCA_OK;

	if (!tlv_take(&list, TLV_SEQ, &in, NULL) || list.n > 0 || in.n == 0)
		return malformed(e, "permittedValues is empty or no SEQUENCE");
	while (in.n > 0 && rc == DCA_OK) {
		if (!tlv_take(&in, TLV_SEQ, &one, NULL))
			return malformed(e, "permitted values are no SEQUENCE");
		rc = take_values(c, one, e);
	}
	return rc;
}

static enum dca_rc
take_all(struct dca_constraints *c, struct dca_buf value, bool enhanced,
    struct dca_err *e)
{
	struct dca_buf in, part;
	enum dca_rc rc = DCA_OK;

	if (value.n > DCA_CONSTRAINTS_MAX)
		return malformed(e, "too large");
	if (!tlv_take(&value, TLV_SEQ, &in, NULL) || value.n > 0 || in.n == 0)
		return malformed(e, "empty, or no SEQUENCE");
	if (tlv_take(&in, TLV_CONTEXT | 0, &part, NULL))
		rc = take_names(c, part, true, e);
	if (rc == DCA_OK && tlv_take(&in, TLV_CONTEXT | 1, &part, NULL))
		rc = take_permitted(c, part, e);
	if (rc == DCA_OK && enhanced &&
	    tlv_take(&in, TLV_CONTEXT | 2, &part, NULL))
		rc = take_names(c, part, false, e);
	if (rc == DCA_OK && in.n > 0)
		return malformed(e, "a member that does not belong there");
	return rc;
}

enum dca_rc
dca_constraints_parse(struct dca_constraints *out, struct dca_buf value,
    bool enhanced, bool *absent, struct dca_err *e)
{
	static const char *const never[] = { "iat", "orig", "dest" };
	enum dca_rc rc;

	*out = (struct dca_constraints){ 0 };
	if (absent != NULL)
		*absent = false;
	rc = take_all(out, value, enhanced, e);
	if (rc != DCA_OK) {
		dca_constraints_clear(out);
		/* what our own lists refuse is malformed in another's */
		if (e != NULL)
			e->rule = DCA_RULE_CERT_EXTENSION;
		return dca_problem(DCA_RULE_CERT_EXTENSION)->rc;
	}
	for (size_t i = 0; i < out->must_exclude.n; i++)
		for (size_t k = 0; k < 3; k++)
			if (strcmp(out->must_exclude.v[i].name, never[k]) ==
			    0) {
				dca_constraints_clear(out);
				if (absent != NULL)
					*absent = true;
				return DCA_OK;
			}
	return DCA_OK;
}
