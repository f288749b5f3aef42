/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what was found about a request: each PASSporT, then the verdict with
 * rule, clause and the SIP response that goes with it. Text for people, JSON
 * for programs.
 */
#include "dca-passport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "people.h"

static const char *
type_of(const struct judged *one)
{
	if (one->p.claims == NULL)
		return "not read";
	return one->p.type == PASSPORT_BASE ? "base" :
	    passport_type_name(one->p.type);
}

static const char *
chain_of(const struct judged *one)
{
	static const char *const words[] = {
		[CHAIN_NOT_READ] = "not read",
		[CHAIN_FILE] = "from a file",
		[CHAIN_CACHED] = "from the cache",
		[CHAIN_FETCHED] = "fetched",
	};

	return words[one->chain];
}

static const char *
verdict_of(const struct judged *one)
{
	if (one->ignored)
		return "ignored";
	if (!one->looked_at)
		return "not judged";
	return one->err.rule == DCA_RULE_NONE ? "accepted" : "refused";
}

/* Three outcomes: trouble is when a chain could not be got. */
static const char *
verdict(const struct judgement *j)
{
	switch (dca_exit_code(dca_problem(j->err.rule)->rc)) {
	case 0:
		return "accepted";
	case 1:
		return "refused";
	default:
		return "trouble";
	}
}

/* Does nothing but diversions speak of the caller? */
static bool
only_diversions(const struct judgement *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (!j->v[i].ignored && j->v[i].p.type != PASSPORT_DIV)
			return false;
	return true;
}

static bool
unchecked(const struct judgement *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->v[i].spc_unchecked)
			return true;
	return false;
}

/* --- text --- */

static void
line(const char *name, const char *text)
{
	DCA_AUTO_OUT o = { 0 };

	dca_show_text(&o, DCA_BUF(text, strlen(text)));
	printf("   %-8s %.*s\n", name, (int)o.n, (const char *)o.p);
}

static void
text_one(const struct judged *one, size_t number)
{
	const struct passport *p = &one->p;
	DCA_AUTO_OUT dest = { 0 };
	char t[DCA_TIME_TEXT];

	printf("%zu. %s%s%s\n", number, type_of(one), one->ignored ?
	    " (ignored: not a type of ours)" : "",
	    one->looked_at && one->err.rule != DCA_RULE_NONE ?
	    "   <-- refused here" : "");
	if (p->claims == NULL)
		return;
	passport_json(&dest, json_object_get(p->claims, "dest"));
	dca_time_format(t, p->iat);
	line("iat", t);
	line("orig", passport_party_text(p->orig));
	line("dest", (const char *)dest.p);
	if (p->type == PASSPORT_DIV)
		line("div", passport_party_text(p->div));
	line("x5u", p->x5u);
	line("chain", chain_of(one));
}

static void
text_accepted(const struct judgement *j, const struct judge_ask *ask)
{
	char t[DCA_TIME_TEXT];

	dca_time_format(t, ask->when);
	printf("accepted: chain, signature and claims are right at %s%s\n", t,
	    ask->trust.crl != NULL ? ", nothing is revoked" : "");
	if (passport_party_text(j->caller) == NULL)
		printf("note: orig was not compared, for the caller of the "
		    "request is not known\n");
	if (passport_party_text(j->called) == NULL)
		printf("note: dest was not compared, for the called party of "
		    "the request is not known\n");
	if (only_diversions(j))
		printf("note: only diversions: nobody signed for orig\n");
	if (unchecked(j))
		printf("note: a parent holds an SPC; its numbers were not "
		    "compared, for there is no inventory of it\n");
}

void
judgement_text(const struct judgement *j, const struct judge_ask *ask)
{
	const struct dca_problem *p = dca_problem(j->err.rule);

	for (size_t i = 0; i < j->n; i++)
		text_one(&j->v[i], i + 1);
	if (j->err.rule == DCA_RULE_NONE) {
		text_accepted(j, ask);
		return;
	}
	printf("%s: ", verdict(j));
	printf("%s\n   rule     %s: %s\n   clause   %s\n", j->err.text, p->id,
	    p->title, p->clause);
	if (p->advice[0] != '\0')
		line("do", p->advice);
	if (j->err.first[0] != '\0')
		line("first", j->err.first);
	if (j->err.field[0] != '\0')
		line("field", j->err.field);
}

/* --- JSON --- */

static json_t *
text_or_null(const char *s)
{
	json_t *v = s == NULL || *s == '\0' ? NULL : json_string(s);

	return v == NULL ? json_null() : v;
}

static json_t *
json_one(const struct judged *one)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:b}", "type", type_of(one),
	    "verdict", verdict_of(one), "chain", chain_of(one),
	    "spc_unchecked", (int)one->spc_unchecked);
	static const char *const claims[] = { "iat", "orig", "dest", "div",
		"attest", "origid", "rcd", "crn" };
	json_t *v;

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		if ((v = json_object_get(one->p.claims, claims[i])) != NULL)
			json_object_set(o, claims[i], v);
	json_object_set_new(o, "x5u", text_or_null(one->p.x5u));
	return o;
}

void
judgement_json(const struct judgement *j, const struct judge_ask *ask)
{
	const struct dca_problem *p = dca_problem(j->err.rule);
	JOSE_AUTO *o = json_object();
	DCA_AUTO_OUT text = { 0 };
	json_t *list = json_array();
	char t[DCA_TIME_TEXT];

	for (size_t i = 0; i < j->n; i++)
		json_array_append_new(list, json_one(&j->v[i]));
	dca_time_format(t, ask->when);
	json_object_set_new(o, "passports", list);
	json_object_set_new(o, "verdict", json_string(verdict(j)));
	json_object_set_new(o, "time", json_string(t));
	json_object_set_new(o, "rule", text_or_null(p->id));
	json_object_set_new(o, "clause", text_or_null(p->clause));
	json_object_set_new(o, "detail", text_or_null(j->err.text));
	json_object_set_new(o, "do", text_or_null(p->advice));
	json_object_set_new(o, "first", text_or_null(j->err.first));
	json_object_set_new(o, "field", text_or_null(j->err.field));
	json_object_set_new(o, "caller",
	    text_or_null(passport_party_text(j->caller)));
	json_object_set_new(o, "called",
	    text_or_null(passport_party_text(j->called)));
	json_object_set_new(o, "revocation", json_string(
	    ask->trust.crl != NULL ? "checked" : "not checked"));
	passport_json(&text, o);
	printf("%.*s\n", (int)text.n, (const char *)text.p);
}
