/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the rules (dca(7) LINT): which pack, which date, does it apply, what
 * does it say. It knows no rule itself; the tables do.
 */
#include "lint-delegate.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct lint_table *const tables[] = {
	&lint_sti_ext, &lint_sti_field, &lint_sti_cp, &lint_delegate,
	&lint_sca,
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]), RULES_MAX = 160 };

/* The public half of every row, in order; made once. */
static struct dca_lint_rule all[RULES_MAX];
static size_t n_all;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make_once(void)
{
	size_t i, k;

	for (i = 0; i < TABLES; i++)
		for (k = 0; k < tables[i]->n; k++) {
			if (n_all == RULES_MAX)
				abort();
			all[n_all++] = tables[i]->rows[k].rule;
		}
}

const struct dca_lint_rule *
dca_lint_rules(size_t *n)
{
	if (pthread_once(&once, make_once) != 0)
		abort();
	*n = n_all;
	return all;
}

const struct dca_lint_rule *
dca_lint_rule(const char *id)
{
	size_t i, n;
	const struct dca_lint_rule *r = dca_lint_rules(&n);

	for (i = 0; i < n; i++)
		if (strcmp(r[i].id, id) == 0)
			return &r[i];
	return NULL;
}

static const struct {
	unsigned pack;
	const char *name;
} packs[] = {
	{ DCA_LINT_STI_ROOT, "sti-root" },
	{ DCA_LINT_STI_INTERMEDIATE, "sti-intermediate" },
	{ DCA_LINT_STI_EE, "sti-ee" },
	{ DCA_LINT_STI_SCA, "sti-sca" },
	{ DCA_LINT_DELEGATE_EE, "delegate-ee" },
	{ DCA_LINT_PUBLISHED, "published" },
};

unsigned
dca_lint_pack(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(packs) / sizeof(packs[0]); i++)
		if (strcmp(packs[i].name, name) == 0)
			return packs[i].pack;
	return 0;
}

const char *
dca_lint_pack_name(unsigned pack)
{
	size_t i;

	for (i = 0; i < sizeof(packs) / sizeof(packs[0]); i++)
		if (packs[i].pack == pack)
			return packs[i].name;
	return NULL;
}

bool
lint_ee(const struct lint_ctx *x)
{
	return !x->c->ca;
}

bool
lint_ca(const struct lint_ctx *x)
{
	return x->c->ca;
}

bool
lint_root(const struct lint_ctx *x)
{
	return x->c->root;
}

bool
lint_not_root(const struct lint_ctx *x)
{
	return !x->c->root;
}

bool
lint_intermediate(const struct lint_ctx *x)
{
	return x->c->ca && !x->c->root;
}

bool
lint_ee_cp14(const struct lint_ctx *x)
{
	return !x->c->ca && x->c->cp14;
}

bool
lint_ca_cp14(const struct lint_ctx *x)
{
	return x->c->ca && x->c->cp14;
}

/* Puts '?' for what a terminal or a JSON reader would not take. */
static void
make_printable(char *text)
{
	size_t i, k, n = strlen(text);
	uint32_t code = 0;

	for (i = 0; i < n; i += k) {
		k = lint_utf8_char((const uint8_t *)text + i, n - i, &code);
		if (k == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0)) {
			k = k == 0 ? 1 : k;
			memset(text + i, '?', k);
		}
	}
}

static void DCA_PRINTF(2, 0)
say_list(struct lint_detail *d, const char *fmt, va_list ap)
{
	int n = vsnprintf(d->text + d->n, sizeof(d->text) - d->n, fmt, ap);

	if (n < 0)
		abort();
	make_printable(d->text + d->n);
	d->n = strlen(d->text);
}

void
lint_say(struct lint_detail *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_list(d, fmt, ap);
	va_end(ap);
}

enum dca_lint_verdict
lint_fail(struct lint_detail *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_list(d, fmt, ap);
	va_end(ap);
	return DCA_LINT_ERROR;
}

enum dca_lint_verdict
lint_fail_value(struct lint_detail *d, const char *what, struct dca_buf value)
{
	char text[160];
	size_t i, n = value.n < sizeof(text) ? value.n : sizeof(text) - 1;

	for (i = 0; i < n; i++)
		text[i] = value.p[i] == '\0' ? '?' : (char)value.p[i];
	text[n] = '\0';
	return lint_fail(d, "%s \"%s\"", what, text);
}

enum dca_lint_verdict
lint_fail_oid(struct lint_detail *d, const char *what, struct dca_buf oid)
{
	char text[128];

	lint_oid_print(text, sizeof(text), oid);
	return lint_fail(d, "%s %s", what, text);
}

static enum dca_lint_verdict
judge(const struct lint_row *r, const struct lint_ctx *x,
    struct lint_detail *d)
{
	const char *from = x->c->ca ? r->rule.ca_from : r->rule.ee_from;
	enum dca_lint_verdict v;

	if (r->applies != NULL && !r->applies(x))
		return DCA_LINT_NA;
	if (from != NULL && strcmp(x->c->day, from) < 0)
		return DCA_LINT_NE;
	v = r->check(x, d);
	return v == DCA_LINT_ERROR && r->rule.id[0] == 'w' ? DCA_LINT_WARN : v;
}

size_t
dca_lint_run(const struct dca_lint_cert *c,
    const struct dca_lint_cert *issuer, unsigned wanted,
    const struct dca_lint_options *opt, dca_lint_fn fn, void *arg)
{
	static const struct dca_lint_options none;
	struct lint_ctx x = { c, issuer, opt == NULL ? &none : opt, wanted };
	struct dca_lint_finding f;
	struct lint_detail d;
	size_t i, k, n, at = 0, bad = 0;
	const struct dca_lint_rule *rules = dca_lint_rules(&n);

	for (i = 0; i < TABLES; i++)
		for (k = 0; k < tables[i]->n; k++, at++) {
			if ((rules[at].packs & wanted) == 0)
				continue;
			d.n = 0;
			d.text[0] = '\0';
			f.rule = &rules[at];
			f.verdict = judge(&tables[i]->rows[k], &x, &d);
			(void)dca_strlcpy(f.detail, d.text, sizeof(f.detail));
			bad += f.verdict == DCA_LINT_WARN ||
			    f.verdict == DCA_LINT_ERROR ||
			    f.verdict == DCA_LINT_FATAL;
			fn(&f, arg);
		}
	return bad;
}
