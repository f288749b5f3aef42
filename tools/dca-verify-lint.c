/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-verify lint: what the table of rules says of every certificate in the
 * files and folders named. One certificate and the one behind it are held at
 * a time; one that cannot be read is told and does not stop the others.
 */
#include "dca-verify-lint.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dca-verify-bundle.h"
#include "dca/cbor.h"
#include "dca/cert.h"

enum { DEPTH_MAX = 32, POLICIES_MAX = 16 };

struct run {
	const struct lint_ask *ask;
	struct dca_lint_options options;
	char *policies;			/* owned: split in place */
	const char *policy[POLICIES_MAX];
	struct dca_out issuer_der;
	struct dca_lint_cert *issuer;	/* --issuer */
	unsigned pack;
	uint64_t certificates, findings, unreadable;
};

/* One certificate on its way. */
struct item {
	struct dca_out der;
	struct dca_lint_cert *c;	/* borrows from der; NULL: none */
	char where[512];
};

/* --- what is told --- */

static void
unreadable(struct run *r, const char *where, const struct dca_err *e)
{
	const struct dca_problem *p = dca_problem(e->rule);

	r->unreadable++;
	(void)fflush(stdout);
	fprintf(stderr, "dca-verify: %s: unreadable: %s (%s, %s)\n", where,
	    e->text, p->id, p->clause);
}

static void
tell_line(const struct dca_lint_finding *f, void *arg)
{
	const struct item *t = arg;
	const struct dca_lint_rule *r = f->rule;

	if (f->verdict != DCA_LINT_WARN && f->verdict != DCA_LINT_ERROR &&
	    f->verdict != DCA_LINT_FATAL)
		return;
	printf("%s: %s %s: %s%s%s (%s); %s\n", t->where,
	    f->verdict == DCA_LINT_WARN ? "warning" :
	    f->verdict == DCA_LINT_ERROR ? "error" : "fatal", r->id, r->text,
	    f->detail[0] != '\0' ? ": " : "", f->detail, r->clause, r->advice);
}

static void
tell_letter(const struct dca_lint_finding *f, void *arg)
{
	(void)arg;
	(void)putchar((char)f->verdict);
}

struct json {
	struct dca_out findings;
	size_t n;
};

static void
put(struct dca_out *o, const char *key, const char *value)
{
	dca_cbor_text(o, key);
	dca_cbor_text(o, value);
}

static void
tell_json(const struct dca_lint_finding *f, void *arg)
{
	struct json *j = arg;
	const char verdict[2] = { (char)f->verdict, '\0' };

	if (f->verdict != DCA_LINT_WARN && f->verdict != DCA_LINT_ERROR &&
	    f->verdict != DCA_LINT_FATAL)
		return;
	dca_cbor_map(&j->findings, 6);
	put(&j->findings, "rule", f->rule->id);
	put(&j->findings, "text", f->rule->text);
	put(&j->findings, "advice", f->rule->advice);
	put(&j->findings, "clause", f->rule->clause);
	put(&j->findings, "detail", f->detail);
	put(&j->findings, "verdict", verdict);
	j->n++;
}

static void
hash_of(char hex[static 2 * DCA_SHA256_LEN + 1], const struct item *t)
{
	uint8_t hash[DCA_SHA256_LEN];

	dca_sha256(hash, dca_out_buf(&t->der));
	dca_hex(hex, hash, sizeof(hash));
}

static size_t
lint_verdicts(const struct item *t)
{
	char hex[2 * DCA_SHA256_LEN + 1];
	size_t n;

	hash_of(hex, t);
	printf("%s\t%s\t", hex, dca_lint_kind(t->c));
	n = dca_lint_run(t->c, NULL, DCA_LINT_PUBLISHED, NULL, tell_letter,
	    NULL);
	(void)putchar('\n');
	return n;
}

static size_t
lint_json(const struct run *r, const struct item *t,
    const struct dca_lint_cert *issuer, unsigned pack)
{
	char hex[2 * DCA_SHA256_LEN + 1];
	DCA_AUTO_OUT map = { 0 };
	DCA_AUTO_OUT text = { 0 };
	struct json j = { .n = 0 };
	size_t n = dca_lint_run(t->c, issuer, pack, &r->options, tell_json,
	    &j);

	hash_of(hex, t);
	dca_cbor_map(&map, 5);
	put(&map, "kind", dca_lint_kind(t->c));
	put(&map, "pack", dca_lint_pack_name(pack));
	put(&map, "where", t->where);
	put(&map, "sha256", hex);
	dca_cbor_text(&map, "findings");
	dca_cbor_array(&map, j.n);
	dca_out_add(&map, j.findings.p, j.findings.n);
	if (dca_cbor_json(&text, dca_out_buf(&map), false, NULL) != DCA_OK)
		abort();	/* it was just made */
	printf("%.*s\n", (int)text.n, (const char *)text.p);
	dca_out_free(&j.findings);
	return n;
}

/* --- one certificate --- */

static void
item_clear(struct item *t)
{
	dca_lint_free(t->c);
	dca_out_free(&t->der);
	*t = (struct item){ .c = NULL };
}

/* behind: the one after it in the bundle, or NULL. */
static void
lint(struct run *r, struct item *t, const struct item *behind)
{
	const struct dca_lint_cert *issuer = r->issuer;
	unsigned pack;

	r->certificates++;
	if (r->ask->verdicts) {
		r->findings += lint_verdicts(t);
		return;
	}
	if (behind != NULL && behind->c != NULL &&
	    dca_lint_issued_by(t->c, behind->c))
		issuer = behind->c;
	pack = r->pack != 0 ? r->pack : dca_lint_pack_of(t->c);
	r->findings += r->ask->json ? lint_json(r, t, issuer, pack) :
	    dca_lint_run(t->c, issuer, pack, &r->options, tell_line, t);
}

/* --- files and folders --- */

/* The next that can be read; t->c stays NULL at the end. */
static void
next_item(struct run *r, struct bundle *b, const char *path, struct item *t)
{
	bool more = true;

	while (more) {
		struct dca_err e = { 0 };
		enum dca_rc rc = bundle_next(b, &t->der, &more, &e);

		if (!more)
			return;
		(void)snprintf(t->where, sizeof(t->where), "%.480s:%u", path,
		    bundle_number(b));
		if (rc == DCA_OK)
			rc = dca_lint_read(&t->c, dca_out_buf(&t->der), &e);
		if (rc == DCA_OK)
			return;
		unreadable(r, t->where, &e);
	}
}

static void
lint_file(struct run *r, const char *path)
{
	struct item now = { .c = NULL }, behind = { .c = NULL };
	struct bundle *b = NULL;
	struct dca_err e = { 0 };

	if (bundle_open(&b, path, &e) != DCA_OK) {
		unreadable(r, path, &e);
		return;
	}
	next_item(r, b, path, &now);
	if (now.c == NULL && bundle_number(b) == 0) {
		(void)dca_fail(&e, DCA_RULE_INPUT, "no certificate in it%s",
		    bundle_others(b) > 0 ? ", but other PEM blocks" : "");
		unreadable(r, path, &e);
	}
	while (now.c != NULL) {
		next_item(r, b, path, &behind);
		lint(r, &now, &behind);
		item_clear(&now);
		now = behind;
		behind = (struct item){ .c = NULL };
	}
	item_clear(&now);
	bundle_close(b);
}

static int
not_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static void lint_path(struct run *r, const char *path, unsigned depth);

/* By name, so that two runs say the same; what a link points to is not
 * walked. */
static void
lint_folder(struct run *r, const char *path, unsigned depth)
{
	struct dirent **names = NULL;
	struct dca_err e = { 0 };
	int n = depth < DEPTH_MAX ? scandir(path, &names, not_dots, alphasort) :
	    -1;

	if (n < 0) {
		(void)dca_fail(&e, DCA_RULE_IO, "%s", depth < DEPTH_MAX ?
		    strerror(errno) : "too many folders in one another");
		unreadable(r, path, &e);
		return;
	}
	for (int i = 0; i < n; i++) {
		DCA_AUTO_OUT full = { 0 };
		struct stat st;

		dca_out_printf(&full, "%s/%s", path, names[i]->d_name);
		if (lstat((const char *)full.p, &st) == 0 &&
		    !(S_ISLNK(st.st_mode) && stat((const char *)full.p,
		    &st) == 0 && S_ISDIR(st.st_mode)))
			lint_path(r, (const char *)full.p, depth + 1);
		free(names[i]);
	}
	free(names);
}

static void
lint_path(struct run *r, const char *path, unsigned depth)
{
	struct dca_err e = { 0 };
	struct stat st;

	if (strcmp(path, "-") == 0) {
		lint_file(r, path);
	} else if (stat(path, &st) != 0) {
		(void)dca_fail(&e, DCA_RULE_IO, "%s", strerror(errno));
		unreadable(r, path, &e);
	} else if (S_ISDIR(st.st_mode)) {
		lint_folder(r, path, depth);
	} else if (S_ISREG(st.st_mode) || depth == 0) {
		lint_file(r, path);
	}
}

/* --- the table --- */

static void
print_rule(const struct dca_lint_rule *r)
{
	printf("%s\n   packs    ", r->id);
	for (unsigned bit = 1; bit <= DCA_LINT_PUBLISHED; bit <<= 1)
		if (r->packs & bit)
			printf("%s ", dca_lint_pack_name(bit));
	printf("\n   from     CA %s, EE %s\n   clause   %s\n   text     %s\n"
	    "   advice   %s\n", r->ca_from != NULL ? r->ca_from : "always",
	    r->ee_from != NULL ? r->ee_from : "always", r->clause, r->text,
	    r->advice);
}

void
lint_print_rules(unsigned pack)
{
	size_t n;
	const struct dca_lint_rule *rules = dca_lint_rules(&n);

	for (size_t i = 0; i < n; i++)
		if (pack == 0 || (rules[i].packs & pack))
			print_rule(&rules[i]);
}

static void
print_header(void)
{
	size_t n;
	const struct dca_lint_rule *rules = dca_lint_rules(&n);
	const char *comma = "";

	printf("#sha256\tkind\t");
	for (size_t i = 0; i < n; i++)
		if (rules[i].packs & DCA_LINT_PUBLISHED) {
			printf("%s%s", comma, rules[i].id);
			comma = ",";
		}
	printf("\n");
}

/* --- setting up --- */

static enum dca_rc
read_policies(struct run *r, struct dca_err *e)
{
	char *save = NULL;

	if (r->ask->policies == NULL)
		return DCA_OK;
	r->policies = dca_strdup(r->ask->policies);
	for (char *s = strtok_r(r->policies, ", ", &save); s != NULL;
	    s = strtok_r(NULL, ", ", &save)) {
		if (strspn(s, "0123456789.") != strlen(s) ||
		    r->options.n_policies == POLICIES_MAX)
			return dca_fail(e, DCA_RULE_INPUT,
			    "--policy takes at most %d OIDs such as "
			    "2.16.840.1.114569.1.1.4", POLICIES_MAX);
		r->policy[r->options.n_policies++] = s;
	}
	r->options.policies = r->policy;
	return DCA_OK;
}

static enum dca_rc
read_issuer(struct run *r, struct dca_err *e)
{
	struct bundle *b = NULL;
	bool more = true;
	enum dca_rc rc;

	if (r->ask->issuer == NULL)
		return DCA_OK;
	rc = bundle_open(&b, r->ask->issuer, e);
	if (rc == DCA_OK)
		rc = bundle_next(b, &r->issuer_der, &more, e);
	if (rc == DCA_OK && !more)
		rc = dca_fail(e, DCA_RULE_INPUT, "no certificate in it");
	if (rc == DCA_OK)
		rc = dca_lint_read(&r->issuer, dca_out_buf(&r->issuer_der), e);
	bundle_close(b);
	return rc == DCA_OK ? rc : dca_fail_in(e, "--issuer");
}

enum dca_rc
lint_all(const struct lint_ask *ask, char *const *paths, int n, int *code,
    struct dca_err *e)
{
	struct run r = { .ask = ask, .options = {
	    .crldp_optional = ask->crldp_optional,
	    .cn_shaken = ask->cn_shaken } };
	enum dca_rc rc;

	r.pack = ask->pack;
	if ((rc = read_policies(&r, e)) == DCA_OK &&
	    (rc = read_issuer(&r, e)) == DCA_OK) {
		if (ask->verdicts)
			print_header();
		for (int i = 0; i < n; i++)
			lint_path(&r, paths[i], 0);
		if (!ask->json && !ask->verdicts)
			printf("%llu certificates, %llu findings, %llu "
			    "unreadable\n", (unsigned long long)r.certificates,
			    (unsigned long long)r.findings,
			    (unsigned long long)r.unreadable);
		if (fflush(stdout) != 0)
			rc = dca_fail(e, DCA_RULE_IO, "output: %s",
			    strerror(errno));
	}
	dca_lint_free(r.issuer);
	dca_out_free(&r.issuer_der);
	free(r.policies);
	*code = r.unreadable > 0 ? 2 : r.findings > 0 ? 1 : 0;
	return rc;
}
