/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what was found about a chain: each certificate, then the verdict
 * with the rule and clause behind it. Text for people, JSON for programs.
 */
#include "dca-verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/cbor.h"

enum { SCOPE_SHOWN = 200 };	/* octets of a long list, in text */

static char *
subject_text(struct dca_buf name)
{
	DCA_AUTO_OUT o = { 0 };

	dca_name_print(&o, name);
	dca_out_add(&o, "", 1);
	return (char *)dca_steal(&o.p);
}

static void
print_scope(const struct dca_tnset *s)
{
	DCA_AUTO_OUT o = { 0 };
	size_t n;

	if (s == NULL) {
		printf("   scope    none: no TNAuthList\n");
		return;
	}
	dca_tnset_print(s, &o);
	n = o.n;
	if (n > SCOPE_SHOWN)
		for (n = SCOPE_SHOWN; n > 0 && o.p[n] != ','; n--)
			;
	printf("   scope    %.*s", (int)n, (const char *)o.p);
	if (n < o.n)
		printf(", ... (all of it: --json)");
	printf("\n");
}

static void
print_cert(const struct verify_report *r, size_t i)
{
	const struct dca_cert *c = &r->chain->v[i];
	char from[DCA_TIME_TEXT], to[DCA_TIME_TEXT];
	char *subject = subject_text(c->subject);

	dca_time_format(from, c->not_before);
	dca_time_format(to, c->not_after);
	printf("%zu. %s%s\n   valid    %s to %s\n", i + 1, subject,
	    r->res->at == c ? "   <-- refused here" : "", from, to);
	free(subject);
	print_scope(c->scope);
}

/* "trouble": no verdict, for the chain could not be got. */
static const char *
verdict(const struct verify_report *r)
{
	switch (dca_exit_code(dca_problem(r->err->rule)->rc)) {
	case 0:
		return "accepted";
	case 1:
		return "refused";
	default:
		return "trouble";
	}
}

void
verify_report_text(const struct verify_report *r)
{
	const struct dca_problem *p = dca_problem(r->err->rule);
	char t[DCA_TIME_TEXT];
	size_t i;

	for (i = 0; i < r->chain->n; i++)
		print_cert(r, i);
	dca_time_format(t, r->when);
	if (r->err->rule == DCA_RULE_NONE) {
		printf("accepted: path and scope are right at %s%s\n", t,
		    r->ask->crl != NULL ? ", nothing is revoked" : "");
		if (r->ask->number != NULL)
			printf("%s is in the list of the leaf\n",
			    r->ask->number);
		if (r->res->spc_unchecked)
			printf("note: a parent holds an SPC; its numbers were "
			    "not compared, for there is no inventory of it\n");
		return;
	}
	printf("%s: %s\n   rule     %s: %s\n   clause   %s\n",
	    verdict(r), r->err->text, p->id, p->title, p->clause);
	if (r->err->first[0] != '\0')
		printf("   first uncovered  %s\n", r->err->first);
}

/* Keys in the order of RFC 8949 4.2.1: shorter first. */
static void
json_cert(struct dca_out *o, const struct verify_report *r,
    const struct dca_cert *c)
{
	char hex[2 * DCA_SERIAL_LEN + 1], t[DCA_TIME_TEXT];
	DCA_AUTO_OUT tn = { 0 };
	char *name;

	dca_cbor_map(o, 7);
	dca_cbor_text(o, "tn");
	if (c->scope != NULL) {
		dca_tnset_print(c->scope, &tn);
		dca_cbor_text_n(o, (const char *)tn.p, tn.n);
	} else {
		dca_cbor_null(o);
	}
	dca_cbor_text(o, "failed");
	dca_cbor_bool(o, r->res->at == c);
	dca_cbor_text(o, "issuer");
	name = subject_text(c->issuer);
	dca_cbor_text(o, name);
	free(name);
	dca_cbor_text(o, "serial");
	dca_hex(hex, c->serial, DCA_SERIAL_LEN);
	dca_cbor_text(o, hex);
	dca_cbor_text(o, "subject");
	name = subject_text(c->subject);
	dca_cbor_text(o, name);
	free(name);
	dca_time_format(t, c->not_after);
	dca_cbor_text(o, "not_after");
	dca_cbor_text(o, t);
	dca_time_format(t, c->not_before);
	dca_cbor_text(o, "not_before");
	dca_cbor_text(o, t);
}

/* CBOR text is UTF-8, arguments may be anything. */
static void
put_argument(struct dca_out *o, const char *s)
{
	dca_cbor_text(o, dca_text_ok(DCA_BUF(s, strlen(s))) ? s : "?");
}

void
verify_report_json(const struct verify_report *r)
{
	const struct dca_problem *p = dca_problem(r->err->rule);
	DCA_AUTO_OUT cbor = { 0 };
	DCA_AUTO_OUT json = { 0 };
	char t[DCA_TIME_TEXT];
	size_t i;

	dca_cbor_map(&cbor, 10);
	dca_cbor_text(&cbor, "rule");
	dca_cbor_text(&cbor, p->id);
	dca_cbor_text(&cbor, "time");
	dca_time_format(t, r->when);
	dca_cbor_text(&cbor, t);
	dca_cbor_text(&cbor, "first");
	dca_cbor_text(&cbor, r->err->first);
	dca_cbor_text(&cbor, "clause");
	dca_cbor_text(&cbor, p->clause);
	dca_cbor_text(&cbor, "detail");
	dca_cbor_text(&cbor, r->err->text);
	dca_cbor_text(&cbor, "number");
	if (r->ask->number != NULL)
		put_argument(&cbor, r->ask->number);
	else
		dca_cbor_null(&cbor);
	dca_cbor_text(&cbor, "verdict");
	dca_cbor_text(&cbor, verdict(r));
	dca_cbor_text(&cbor, "revocation");
	dca_cbor_text(&cbor, r->ask->crl != NULL ? "checked" : "not checked");
	dca_cbor_text(&cbor, "certificates");
	dca_cbor_array(&cbor, r->chain->n);
	for (i = 0; i < r->chain->n; i++)
		json_cert(&cbor, r, &r->chain->v[i]);
	dca_cbor_text(&cbor, "spc_unchecked");
	dca_cbor_bool(&cbor, r->res->spc_unchecked);
	if (dca_cbor_json(&json, dca_out_buf(&cbor), true, NULL) != DCA_OK)
		abort();	/* we wrote it ourselves */
	printf("%.*s\n", (int)json.n, (const char *)json.p);
}
