/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a relying party knows before a chain comes: trusted roots, revocation
 * lists, the numbers of providers, its policy. Everything is read and checked
 * here once; checking a chain only looks at it. Must never keep half of what
 * it was given: a list that has one bad member is refused whole.
 */
#include "relying.h"

#include <stdlib.h>
#include <string.h>

struct dca_verifier *
dca_verifier_new(void)
{
	return calloc(1, sizeof(struct dca_verifier));
}

void
dca_verifier_free(struct dca_verifier *v)
{
	size_t i;

	if (v == NULL)
		return;
	dca_certs_clear(&v->roots);
	for (i = 0; i < v->n_crls; i++)
		dca_crl_free(v->crls[i]);
	for (i = 0; i < v->n_providers; i++)
		dca_tnset_free(v->providers[i].numbers);
	free(v->crls);
	free(v->providers);
	free(v);
}

enum dca_verify_verdict
relying_why(struct dca_verify_why *why, enum dca_rc rc,
    const struct dca_err *e)
{
	enum dca_verify_verdict verdict = rc == DCA_OK ? DCA_VERIFY_ACCEPTED :
	    rc == DCA_REFUSED ? DCA_VERIFY_REFUSED : DCA_VERIFY_UNREADABLE;
	const struct dca_problem *p = dca_problem(e->rule);

	if (why == NULL)
		return verdict;
	*why = (struct dca_verify_why){ .verdict = verdict, .at = -1 };
	if (rc == DCA_OK)
		return verdict;
	dca_strlcpy(why->rule, p->id, sizeof(why->rule));
	dca_strlcpy(why->clause, p->clause, sizeof(why->clause));
	dca_strlcpy(why->text, e->text, sizeof(why->text));
	dca_strlcpy(why->first, e->first, sizeof(why->first));
	return verdict;
}

static enum dca_rc
add_roots(struct dca_verifier *v, struct dca_buf in, struct dca_err *e)
{
	struct dca_certs more;
	enum dca_rc rc;

	if (in.n > RELYING_OCTETS_MAX)
		return dca_fail(e, DCA_RULE_INPUT,
		    "%zu octets of roots, at most %d are read", in.n,
		    RELYING_OCTETS_MAX);
	rc = dca_certs_parse(&more, in, RELYING_ROOTS_MAX - v->roots.n, e);
	if (rc != DCA_OK)
		return rc;
	v->roots.v = dca_realloc(v->roots.v,
	    (v->roots.n + more.n) * sizeof(*v->roots.v));
	memcpy(v->roots.v + v->roots.n, more.v, more.n * sizeof(*more.v));
	v->roots.n += more.n;
	free(more.v);	/* what it held was moved */
	return DCA_OK;
}

enum dca_verify_verdict
dca_verifier_add_roots(struct dca_verifier *v, const void *certs, size_t n,
    struct dca_verify_why *why)
{
	struct dca_err e = { .rule = DCA_RULE_NONE };

	return relying_why(why, add_roots(v, DCA_BUF(certs, n), &e), &e);
}

static enum dca_rc
add_crl(struct dca_verifier *v, struct dca_buf crl, struct dca_buf signer,
    struct dca_err *e)
{
	struct dca_crl *list = NULL;
	struct dca_certs who;
	enum dca_rc rc;

	if (dca_certs_parse(&who, signer, 1, e) != DCA_OK) {
		(void)dca_fail_in(e, "CRL signer");
		return dca_problem(e->rule)->rc;
	}
	rc = dca_crl_parse(&list, crl, &who.v[0], e);
	dca_certs_clear(&who);
	if (rc != DCA_OK)
		return rc;
	v->crls = dca_realloc(v->crls, (v->n_crls + 1) * sizeof(void *));
	v->crls[v->n_crls++] = list;
	return DCA_OK;
}

enum dca_verify_verdict
dca_verifier_add_crl(struct dca_verifier *v, const void *crl, size_t n,
    const void *signer, size_t signer_n, struct dca_verify_why *why)
{
	struct dca_err e = { .rule = DCA_RULE_NONE };

	return relying_why(why, add_crl(v, DCA_BUF(crl, n),
	    DCA_BUF(signer, signer_n), &e), &e);
}

static int
provider_cmp(const void *x, const void *y)
{
	const struct relying_provider *a = x, *b = y;

	return strcmp(a->spc, b->spc);
}

static struct relying_provider *
find_provider(const struct dca_verifier *v, const char *spc)
{
	struct relying_provider key = { .numbers = NULL };

	if (v->n_providers == 0 ||
	    !dca_strlcpy(key.spc, spc, sizeof(key.spc)))
		return NULL;
	return bsearch(&key, v->providers, v->n_providers, sizeof(key),
	    provider_cmp);
}

const struct dca_tnset *
relying_numbers(void *arg, const char *spc)
{
	const struct relying_provider *p = find_provider(arg, spc);

	return p == NULL ? NULL : p->numbers;
}

/* spc was checked; numbers is taken. */
static void
add_provider(struct dca_verifier *v, const char *spc,
    struct dca_tnset *numbers)
{
	struct relying_provider *p = find_provider(v, spc);

	if (p != NULL) {
		dca_tnset_union(p->numbers, numbers);
		dca_tnset_free(numbers);
		return;
	}
	v->providers = dca_realloc(v->providers,
	    (v->n_providers + 1) * sizeof(*v->providers));
	p = &v->providers[v->n_providers++];
	p->numbers = numbers;
	(void)dca_strlcpy(p->spc, spc, sizeof(p->spc));
	qsort(v->providers, v->n_providers, sizeof(*p), provider_cmp);
}

static enum dca_rc
add_numbers(struct dca_verifier *v, const char *spc, const char *numbers,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s = dca_tnset_new();
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *name =
	    dca_tnset_new();
	enum dca_rc rc;

	if ((rc = dca_tnset_add_spc(name, spc, strlen(spc), e)) != DCA_OK ||
	    (rc = dca_tnset_parse(s, numbers, e)) != DCA_OK)
		return rc;
	if (dca_tnset_has_spc(s))
		return dca_fail(e, DCA_RULE_INPUT,
		    "an SPC among the numbers of SPC %s", spc);
	add_provider(v, spc, dca_steal(&s));
	return DCA_OK;
}

enum dca_verify_verdict
dca_verifier_add_numbers(struct dca_verifier *v, const char *spc,
    const char *numbers, struct dca_verify_why *why)
{
	struct dca_err e = { .rule = DCA_RULE_NONE };

	return relying_why(why, add_numbers(v, spc, numbers, &e), &e);
}

void
dca_verifier_spc(struct dca_verifier *v, enum dca_verify_spc policy)
{
	v->policy = policy;
}

const char *
dca_verify_version(void)
{
	return DCA_VERSION;
}
