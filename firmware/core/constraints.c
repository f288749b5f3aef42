/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim constraints as values: lists of names and values, what a CA may not
 * put into them, and whether claims keep them (RFC 8226 8, RFC 9118). The DER
 * is constraints-der.c.
 */
#include "dca/constraints.h"

#include <stdlib.h>
#include <string.h>

#include "dca/profile.h"

/* --- lists --- */

static void
claims_clear(struct dca_claims *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		for (size_t k = 0; k < l->v[i].n; k++)
			free(l->v[i].values[k]);
		free(l->v[i].values);
	}
	free(l->v);
	*l = (struct dca_claims){ 0 };
}

void
dca_constraints_clear(struct dca_constraints *c)
{
	claims_clear(&c->must_include);
	claims_clear(&c->permitted);
	claims_clear(&c->must_exclude);
}

static struct dca_claim *
find(const struct dca_claims *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

static void
claims_copy(struct dca_claims *out, const struct dca_claims *l)
{
	*out = (struct dca_claims){ 0 };
	if (l->n == 0)
		return;
	out->v = dca_alloc(l->n * sizeof(*l->v));
	out->n = l->n;
	for (size_t i = 0; i < l->n; i++) {
		const struct dca_claim *c = &l->v[i];

		out->v[i] = (struct dca_claim){ .name = dca_strdup(c->name),
			.n = c->n };
		if (c->n == 0)
			continue;
		out->v[i].values = dca_alloc(c->n * sizeof(*c->values));
		for (size_t k = 0; k < c->n; k++)
			out->v[i].values[k] = dca_strdup(c->values[k]);
	}
}

void
dca_constraints_copy(struct dca_constraints *out,
    const struct dca_constraints *c)
{
	claims_copy(&out->must_include, &c->must_include);
	claims_copy(&out->permitted, &c->permitted);
	claims_copy(&out->must_exclude, &c->must_exclude);
}

bool
dca_constraints_empty(const struct dca_constraints *c)
{
	return c->must_include.n == 0 && c->permitted.n == 0 &&
	    c->must_exclude.n == 0;
}

bool
dca_constraints_equal(const struct dca_constraints *a,
    const struct dca_constraints *b)
{
	DCA_AUTO_OUT x = { 0 };
	DCA_AUTO_OUT y = { 0 };

	dca_constraints_encode(&x, a);
	dca_constraints_encode(&y, b);
	return dca_buf_eq(dca_out_buf(&x), dca_out_buf(&y));
}

/* --- adding --- */

static enum dca_rc
fail_claim(struct dca_err *e, const char *name, const char *what)
{
	enum dca_rc rc = dca_fail(e, DCA_RULE_CONSTRAINTS, "claim \"%.80s\" %s",
	    name, what);

	if (e != NULL)
		(void)dca_strlcpy(e->field, name, sizeof(e->field));
	return rc;
}

static enum dca_rc
check_name(const char *name, struct dca_err *e)
{
	const size_t n = strlen(name);

	if (n == 0 || n > DCA_CLAIM_NAME_MAX)
		return fail_claim(e, name, "is not 1 to 63 characters");
	for (const char *p = name; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return fail_claim(e, name, "is not printable ASCII "
			    "(RFC 8226 8: IA5String)");
	return DCA_OK;
}

/* UTF-8 without control characters (RFC 3629 4). */
static bool
is_utf8(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;

	for (size_t i = 0, k; i < n; i += k + 1) {
		uint32_t c = p[i];

		k = c < 0x80 ? 0 : (c & 0xe0) == 0xc0 ? 1 :
		    (c & 0xf0) == 0xe0 ? 2 : (c & 0xf8) == 0xf0 ? 3 : 4;
		if (k == 4 || i + k >= n || c < 0x20 || c == 0x7f)
			return false;
		c &= k == 0 ? 0x7f : 0x3fU >> k;
		for (size_t j = 1; j <= k; j++) {
			if ((p[i + j] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (p[i + j] & 0x3f);
		}
		if ((k == 1 && c < 0x80) || (k == 2 && c < 0x800) ||
		    (k == 3 && (c < 0x10000 || c > 0x10ffff)) ||
		    (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}

static enum dca_rc
add_name(struct dca_claims *l, const char *name, struct dca_claim **out,
    struct dca_err *e)
{
	enum dca_rc rc = check_name(name, e);

	*out = NULL;
	if (rc != DCA_OK)
		return rc;
	if ((*out = find(l, name)) != NULL)
		return DCA_OK;
	if (l->n == DCA_CLAIMS_MAX)
		return fail_claim(e, name, "is one too many: at most 16 in "
		    "one list");
	l->v = dca_realloc(l->v, (l->n + 1) * sizeof(*l->v));
	*out = &l->v[l->n++];
	**out = (struct dca_claim){ .name = dca_strdup(name) };
	return DCA_OK;
}

enum dca_rc
dca_constraints_include(struct dca_constraints *c, const char *name,
    struct dca_err *e)
{
	struct dca_claim *at;

	return add_name(&c->must_include, name, &at, e);
}

enum dca_rc
dca_constraints_exclude(struct dca_constraints *c, const char *name,
    struct dca_err *e)
{
	struct dca_claim *at;

	return add_name(&c->must_exclude, name, &at, e);
}

enum dca_rc
dca_constraints_permit(struct dca_constraints *c, const char *name,
    const char *value, struct dca_err *e)
{
	const size_t n = strlen(value);
	struct dca_claim *at;
	enum dca_rc rc;

	if (n == 0 || n > DCA_CLAIM_VALUE_MAX || !is_utf8(value, n))
		return fail_claim(e, name, "has a value that is not 1 to "
		    "1024 octets of UTF-8 without control characters");
	if ((rc = add_name(&c->permitted, name, &at, e)) != DCA_OK)
		return rc;
	for (size_t k = 0; k < at->n; k++)
		if (strcmp(at->values[k], value) == 0)
			return DCA_OK;
	if (at->n == DCA_CLAIM_VALUES_MAX)
		return fail_claim(e, name, "has more than 32 values");
	at->values = dca_realloc(at->values, (at->n + 1) * sizeof(value));
	at->values[at->n++] = dca_strdup(value);
	return DCA_OK;
}

/* --- what a CA may not issue --- */

static bool
always_there(const char *name)
{
	return strcmp(name, "iat") == 0 || strcmp(name, "orig") == 0 ||
	    strcmp(name, "dest") == 0;
}

static enum dca_rc
check_excluded(const struct dca_constraints *c, struct dca_err *e)
{
	const struct dca_claims *l = &c->must_exclude;

	for (size_t i = 0; i < l->n; i++) {
		const char *name = l->v[i].name;

		if (always_there(name))
			return fail_claim(e, name, "may not be "
			    "excluded: verifiers would ignore all of it "
			    "(RFC 9118 3)");
		if (find(&c->must_include, name) != NULL)
			return fail_claim(e, name, "must and must not "
			    "be there: no PASSporT would do (RFC 9118 8)");
		if (find(&c->permitted, name) != NULL)
			return fail_claim(e, name, "has permitted "
			    "values and must not be there (RFC 9118 8)");
	}
	if (find(l, "rcdi") != NULL && find(l, "rcd") == NULL)
		return fail_claim(e, "rcdi", "should not be excluded "
		    "where rcd may be signed (RFC 9118 8)");
	return DCA_OK;
}

enum dca_rc
dca_constraints_check(const struct dca_constraints *c, struct dca_err *e)
{
	for (size_t i = 0; i < c->must_include.n; i++)
		if (always_there(c->must_include.v[i].name))
			return fail_claim(e, c->must_include.v[i].name,
			    "is always there: leave it out "
			    "(RFC 8226 8)");
	for (size_t i = 0; i < c->permitted.n; i++)
		if (c->permitted.v[i].n == 0)
			return fail_claim(e, c->permitted.v[i].name,
			    "has no permitted value (RFC 9118 4: "
			    "SIZE 1..MAX)");
	return check_excluded(c, e);
}

enum dca_rc
dca_constraints_effective(struct dca_constraints *out,
    const struct dca_constraints *c, unsigned passports, struct dca_err *e)
{
	const char *names[DCA_PASSPORT_CLAIMS];
	const size_t n = dca_passports_excluded(names, passports);
	enum dca_rc rc = DCA_OK;

	dca_constraints_copy(out, c);
	for (size_t i = 0; i < n && rc == DCA_OK; i++)
		rc = dca_constraints_exclude(out, names[i], e);
	if (rc == DCA_OK)
		rc = dca_constraints_check(out, e);
	if (rc != DCA_OK)
		dca_constraints_clear(out);
	return rc;
}

/* --- judging claims --- */

static enum dca_rc
breaks(struct dca_err *e, const char *name, const char *what)
{
	enum dca_rc rc = fail_claim(e, name, what);

	if (e != NULL)
		e->rule = DCA_RULE_PASSPORT_CLAIM;
	return rc;
}

enum dca_rc
dca_constraints_judge(const struct dca_constraints *c, dca_claim_fn claim,
    void *arg, struct dca_err *e)
{
	for (size_t i = 0; i < c->must_include.n; i++)
		if (claim(arg, c->must_include.v[i].name) == NULL)
			return breaks(e, c->must_include.v[i].name,
			    "must be there");
	for (size_t i = 0; i < c->must_exclude.n; i++)
		if (claim(arg, c->must_exclude.v[i].name) != NULL)
			return breaks(e, c->must_exclude.v[i].name,
			    "must not be there");
	for (size_t i = 0; i < c->permitted.n; i++) {
		const struct dca_claim *p = &c->permitted.v[i];
		const char *is = claim(arg, p->name);
		bool ok = is == NULL;	/* only if it is there */

		for (size_t k = 0; k < p->n && !ok; k++)
			ok = strcmp(is, p->values[k]) == 0;
		if (!ok)
			return breaks(e, p->name,
			    "has a value that is not permitted");
	}
	return DCA_OK;
}

/* --- text --- */

static void
print_names(struct dca_out *o, const char *what, const struct dca_claims *l)
{
	if (l->n == 0)
		return;
	dca_out_printf(o, "%s%s", o->n > 0 ? "; " : "", what);
	for (size_t i = 0; i < l->n; i++)
		dca_out_printf(o, "%s%s", i > 0 ? "," : " ", l->v[i].name);
}

void
dca_constraints_print(struct dca_out *o, const struct dca_constraints *c)
{
	DCA_AUTO_OUT text = { 0 };

	print_names(&text, "mustInclude", &c->must_include);
	for (size_t i = 0; i < c->permitted.n; i++) {
		const struct dca_claim *p = &c->permitted.v[i];

		dca_out_printf(&text, "%spermittedValues %s", text.n > 0 ?
		    "; " : "", p->name);
		for (size_t k = 0; k < p->n; k++)
			dca_out_printf(&text, "%s%s", k > 0 ? " | " : " = ",
			    p->values[k]);
	}
	print_names(&text, "mustExclude", &c->must_exclude);
	dca_out_add(o, text.p, text.n);
}
