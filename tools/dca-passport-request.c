/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came: a bare token, an Identity value or an INVITE with several; and
 * whether the callers and called parties in them are those of the request.
 * orig is never believed for itself (RFC 8224 6.2.4).
 */
#include "dca-passport.h"

#include <stdlib.h>
#include <string.h>

#include "dca/os.h"

/* --- reading --- */

/* What is wrong with the input is a verdict, not trouble. */
static enum dca_rc
verdict(struct judgement *j, const struct dca_err *found)
{
	j->err = *found;
	return DCA_OK;
}

/* A value of the header has parameters, a bare token has none. */
static enum dca_rc
read_token(struct judgement *j, const struct judge_ask *ask,
    struct dca_err *e)
{
	DCA_AUTO_OUT text = { 0 };
	struct judged *one = &j->v[0];
	struct dca_err found = { 0 };
	enum dca_rc rc;

	if (ask->token == NULL || strcmp(ask->token, "-") == 0) {
		rc = dca_file_read(&text, "-", PASSPORT_TOKEN_MAX +
		    PASSPORT_URI_MAX + 256, e);
		if (rc != DCA_OK)
			return rc;
	} else {
		dca_out_add(&text, ask->token, strlen(ask->token));
	}
	while (text.n > 0 && (text.p[text.n - 1] == '\n' ||
	    text.p[text.n - 1] == '\r'))
		text.p[--text.n] = '\0';
	if (text.n > 0 && memchr(text.p, ';', text.n) != NULL &&
	    memchr(text.p, '\0', text.n) == NULL) {
		rc = sip_identity_parse(&one->identity,
		    (const char *)text.p, &found);
		if (rc != DCA_OK)
			return verdict(j, &found);
		text.n = 0;
		dca_out_add(&text, one->identity.token,
		    strlen(one->identity.token));
	}
	j->n = 1;
	(void)!passport_parse(&one->p, dca_out_buf(&text), &one->err);
	return DCA_OK;
}

/* The Request-URI is who is called, as far as it is a number; the rest is as
 * To has it. */
static void
take_parties(struct judgement *j, const struct sip_message *m)
{
	struct passport_party target = sip_party(&j->keep_called, m->target);
	struct passport_party to = sip_party(&j->keep_to, m->to);

	j->caller = sip_caller(m, &j->keep_caller);
	if (target.tn != NULL) {
		j->called = target;
	} else if (to.tn != NULL) {
		j->called = to;
	} else {
		j->called = target;
		j->to = to;
	}
}

/* A type that we do not know is ignored while another is left (RFC 8224 6.2
 * step 1). */
static void
ignore_unknown(struct judgement *j)
{
	bool known = false;

	for (size_t i = 0; i < j->n; i++)
		known |= j->v[i].err.rule != DCA_RULE_PASSPORT_PPT;
	for (size_t i = 0; i < j->n; i++)
		j->v[i].ignored = known &&
		    j->v[i].err.rule == DCA_RULE_PASSPORT_PPT;
}

static enum dca_rc
read_request(struct judgement *j, struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	struct dca_err found = { 0 };
	struct sip_message m = { 0 };
	enum dca_rc rc;

	if ((rc = dca_file_read(&in, "-", SIP_MAX, e)) != DCA_OK)
		return rc;
	if (sip_parse(&m, dca_out_buf(&in), &found) != DCA_OK)
		return verdict(j, &found);
	take_parties(j, &m);
	for (; j->n < m.n; j->n++) {
		struct judged *one = &j->v[j->n];

		one->identity = m.identity[j->n];
		m.identity[j->n] = (struct sip_identity){ 0 };
		(void)!passport_parse(&one->p, DCA_BUF(one->identity.token,
		    strlen(one->identity.token)), &one->err);
	}
	sip_clear(&m);
	ignore_unknown(j);
	if (j->n == 0)
		(void)dca_fail(&j->err, DCA_RULE_SIP_FORM, "no Identity "
		    "header in the request (RFC 8224 6.2.2: 428)");
	return DCA_OK;
}

/* What the options say of the request. */
static enum dca_rc
take_options(struct judgement *j, const struct judge_ask *ask,
    struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	if (ask->orig != NULL) {
		dca_free_p(&j->keep_caller);
		rc = passport_party_parse(&j->caller, &j->keep_caller,
		    ask->orig, e);
	}
	if (rc == DCA_OK && ask->dest != NULL) {
		dca_free_p(&j->keep_called);
		j->to = (struct passport_party){ 0 };
		rc = passport_party_parse(&j->called, &j->keep_called,
		    ask->dest, e);
	}
	return rc;
}

enum dca_rc
judgement_read(struct judgement *j, const struct judge_ask *ask,
    struct dca_err *e)
{
	enum dca_rc rc = ask->sip ? read_request(j, e) :
	    read_token(j, ask, e);

	return rc == DCA_OK ? take_options(j, ask, e) : rc;
}

/* --- comparing --- */

static bool
known(struct passport_party who)
{
	return who.tn != NULL || who.uri != NULL;
}

static enum dca_rc
check_callers(const struct judgement *j, struct dca_err *e)
{
	const struct passport *first = NULL;

	for (size_t i = 0; i < j->n; i++) {
		const struct passport *p = &j->v[i].p;

		if (j->v[i].ignored)
			continue;
		if (first == NULL)
			first = p;
		if (!passport_party_eq(first->orig, p->orig))
			return dca_fail(e, DCA_RULE_PASSPORT_ORIG,
			    "orig is not the same in all PASSporTs of the "
			    "request (RFC 8946 4.2)");
		if (known(j->caller) && !passport_party_eq(j->caller, p->orig))
			return dca_fail(e, DCA_RULE_PASSPORT_ORIG,
			    "orig is %.64s, the caller of the request is "
			    "%.64s", passport_party_text(p->orig),
			    passport_party_text(j->caller));
	}
	return DCA_OK;
}

/* A diversion not yet used, of who was called before: one that follows. */
static size_t
next_div(const struct judgement *j, const bool used[static SIP_IDENTITIES_MAX],
    const struct judged *before)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct judged *one = &j->v[i];

		if (one->ignored || used[i] || one->p.type != PASSPORT_DIV)
			continue;
		if (passport_has_dest(&before->p, one->p.div))
			return i;
	}
	return j->n;
}

/* Along the chain from before on; *left: diversions that nothing leads to. */
static const struct judged *
follow(const struct judgement *j, const struct judged *before, bool *left)
{
	bool used[SIP_IDENTITIES_MAX] = { false };
	size_t i;

	if (before != NULL)
		used[before - j->v] = true;
	while (before != NULL &&
	    (i = next_div(j, used, before)) < j->n) {
		used[i] = true;
		before = &j->v[i];
	}
	*left = false;
	for (i = 0; i < j->n; i++)
		*left |= !used[i] && !j->v[i].ignored &&
		    j->v[i].p.type == PASSPORT_DIV;
	return before;
}

/* Does another diversion lead to this one? */
static bool
is_led_to(const struct judgement *j, const struct judged *one)
{
	for (size_t i = 0; i < j->n; i++)
		if (&j->v[i] != one && !j->v[i].ignored &&
		    passport_has_dest(&j->v[i].p, one->p.div))
			return true;
	return false;
}

/* Where the chain begins: a PASSporT that some diversion diverts, or any that
 * is none; without, the first diversion that no other one leads to. */
static const struct judged *
innermost(const struct judgement *j)
{
	const bool none[SIP_IDENTITIES_MAX] = { false };
	const struct judged *begin = NULL;

	for (size_t i = 0; i < j->n; i++) {
		const struct judged *one = &j->v[i];

		if (one->ignored || one->p.type == PASSPORT_DIV)
			continue;
		if (begin == NULL || next_div(j, none, one) < j->n)
			begin = one;
	}
	for (size_t i = 0; begin == NULL && i < j->n; i++)
		if (!j->v[i].ignored && !is_led_to(j, &j->v[i]))
			begin = &j->v[i];
	return begin;
}

static const struct judged *
chain_end(const struct judgement *j, bool *left)
{
	const struct judged *end = follow(j, innermost(j), left);

	return end != NULL && end->p.type == PASSPORT_DIV ? end : NULL;
}

const struct judged *
judgement_outermost(const struct judgement *j)
{
	bool left;

	return chain_end(j, &left);
}

static enum dca_rc
check_called(const struct judgement *j, const struct judged *one,
    struct dca_err *e)
{
	if (!known(j->called) || passport_has_dest(&one->p, j->called) ||
	    (known(j->to) && passport_has_dest(&one->p, j->to)))
		return DCA_OK;
	return dca_fail(e, DCA_RULE_PASSPORT_DEST,
	    "%.64s, whom the request calls, is not in dest",
	    passport_party_text(j->called));
}

enum dca_rc
judgement_request(const struct judgement *j, struct dca_err *e)
{
	enum dca_rc rc = check_callers(j, e);
	const struct judged *end;
	bool left;

	if (rc != DCA_OK)
		return rc;
	end = chain_end(j, &left);
	if (left)
		return dca_fail(e, DCA_RULE_PASSPORT_DEST, "a div diverts "
		    "whom nobody called: the chain is broken (RFC 8946 4.2)");
	if (end != NULL)
		return check_called(j, end, e);
	for (size_t i = 0; rc == DCA_OK && i < j->n; i++)
		if (!j->v[i].ignored)
			rc = check_called(j, &j->v[i], e);
	return rc;
}
