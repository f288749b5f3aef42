/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One order for a cross-certificate, from the list of STI-CAs to the chain. A
 * call does one step. What the STI-CA says about its order decides where to
 * go on, so that a restart needs nothing but the order's URL, which is on disk
 * before the next request; and before newOrder it is on disk that there may be
 * one whose URL never came. Must never make a second ACME order while the
 * first can be gone on with.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dca/tnauthlist.h"
#include "upstream.h"

enum { FILE_MAX = 8192, CHAIN_MAX = 8, POLLS_MAX = 60, POLL = 5 };

static const struct {
	const char *name, *text;
} steps[] = {
	[ORDER_LIST] = { "list", "STI-PA: login, list of trusted STI-CAs" },
	[ORDER_ACCOUNT] = { "account", "STI-CA: directory, account" },
	[ORDER_LOOK] = { "look", "STI-CA: the order that was made before" },
	[ORDER_FIND] = { "find", "STI-CA: the order whose URL never came" },
	[ORDER_NEW] = { "order", "STI-CA: new order" },
	[ORDER_TOKEN] = { "token", "STI-PA: SPC token for the list, ca true" },
	[ORDER_ANSWER] = { "challenge", "STI-CA: tkauth-01 answered" },
	[ORDER_FINALIZE] = { "finalize", "STI-CA: CSR handed in" },
	[ORDER_POLL] = { "poll", "STI-CA: waiting for the certificate" },
	[ORDER_DOWNLOAD] = { "download", "STI-CA: chain downloaded" },
	[ORDER_READY] = { "proposal", "handed to the vault" },
};

const char *
order_step_name(const struct order *o)
{
	return steps[o->phase].name;
}

const char *
order_step_text(const struct order *o)
{
	return steps[o->phase].text;
}

/* --- what is kept --- */

static void
order_path(char out[static 4096], const char *state, uint64_t number)
{
	dca_path(out, NULL, "%s/order-%llu", state,
	    (unsigned long long)number);
}

/* The file holds the URL of the ACME order, and nothing else; it is empty
 * while the answer with the URL is waited for. */
static enum dca_rc
keep(const struct order *o, const char *state, struct dca_err *e)
{
	char path[4096];

	order_path(path, state, o->number);
	return dca_file_write(path, DCA_BUF(o->acme.url, strlen(o->acme.url)),
	    0600, e);
}

static enum dca_rc
recall(struct order *o, const char *state, struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	char path[4096];
	enum dca_rc rc;

	order_path(path, state, o->number);
	if (access(path, F_OK) != 0)
		return DCA_OK;
	rc = dca_file_read(&in, path, FILE_MAX, e);
	if (rc != DCA_OK)
		return rc;
	if (in.n >= sizeof(o->acme.url))
		return dca_fail(e, DCA_RULE_INPUT, "%s: too long", path);
	if (in.n > 0)
		memcpy(o->acme.url, in.p, in.n);
	o->acme.url[in.n] = '\0';
	o->asked = in.n == 0;
	return DCA_OK;
}

void
order_forget(const struct order *o, const char *state)
{
	char path[4096];

	order_path(path, state, o->number);
	if (unlink(path) != 0 && errno != ENOENT)
		dca_log(DCA_WARNING, "order file not removed: %s", path);
}

/* --- made and gone --- */

enum dca_rc
order_new(struct order **out, uint64_t number, struct dca_buf csr,
    const char *state, struct dca_err *e)
{
	struct dca_ca_csr parsed = { 0 };
	struct order *o;
	enum dca_rc rc = dca_ca_csr_parse(&parsed, csr, e);

	*out = NULL;
	if (rc != DCA_OK)
		return rc;
	o = dca_alloc(sizeof(*o));
	memset(o, 0, sizeof(*o));
	o->number = number;
	dca_out_add(&o->csr, csr.p, csr.n);
	dca_tnauthlist_encode(&o->list, parsed.scope);
	dca_ca_csr_clear(&parsed);
	rc = recall(o, state, e);
	if (rc != DCA_OK) {
		order_free(o);
		return rc;
	}
	*out = o;
	return DCA_OK;
}

void
order_free(struct order *o)
{
	if (o == NULL)
		return;
	dca_out_free(&o->csr);
	dca_out_free(&o->list);
	dca_out_free(&o->chain);
	dca_certs_clear(&o->roots);
	stipa_token_clear(&o->token);
	free(o);
}

/* --- steps --- */

static enum dca_rc
step_list(struct order *o, struct services *v, struct dca_err *e)
{
	const uint64_t before = v->account.sequence;
	enum dca_rc rc;

	dca_certs_clear(&o->roots);
	if ((rc = services_login(v, e)) || (rc = stipa_list(v->pa, dca_now(),
	    &v->account.sequence, &o->roots, e)))
		return rc;
	if (before != v->account.sequence &&
	    (rc = account_save(&v->account, v->s->state, e)))
		return rc;
	o->phase = ORDER_ACCOUNT;
	return DCA_OK;
}

static enum dca_rc
step_account(struct order *o, struct services *v, struct dca_err *e)
{
	enum dca_rc rc = services_ca(v, e);

	if (rc == DCA_OK)
		o->phase = o->acme.url[0] != '\0' ? ORDER_LOOK :
		    o->asked ? ORDER_FIND : ORDER_NEW;
	return rc;
}

/* Where the STI-CA's order is decides where we are. */
static enum dca_rc
follow(struct order *o, struct dca_err *e)
{
	switch (o->acme.status) {
	case ACME_PENDING:
		o->phase = ORDER_TOKEN;
		return DCA_OK;
	case ACME_READY:
		o->phase = ORDER_FINALIZE;
		return DCA_OK;
	case ACME_PROCESSING:
		o->phase = ORDER_POLL;
		return DCA_OK;
	case ACME_VALID:
		o->phase = ORDER_DOWNLOAD;
		return DCA_OK;
	default:
		break;
	}
	/* this one is dead: the next try makes another */
	o->acme.url[0] = '\0';
	o->phase = ORDER_LIST;
	if (o->acme.status == ACME_GONE)
		return DCA_OK;
	return dca_fail(e, o->acme.why.rule, "%s", o->acme.why.text);
}

static enum dca_rc
step_look(struct order *o, struct services *v, struct dca_err *e)
{
	enum dca_rc rc = acme_order_get(v->ca, &o->acme, e);

	return rc ? rc : follow(o, e);
}

static enum dca_rc
step_find(struct order *o, struct services *v, struct dca_err *e)
{
	enum dca_rc rc = acme_order_find(v->ca, dca_out_buf(&o->list),
	    &o->acme, e);

	if (rc != DCA_OK)
		return rc;
	o->asked = false;
	if (o->acme.url[0] == '\0') {
		o->phase = ORDER_NEW;
		return DCA_OK;
	}
	rc = keep(o, v->s->state, e);
	return rc ? rc : follow(o, e);
}

static enum dca_rc
step_new(struct order *o, struct services *v, struct dca_err *e)
{
	DCA_AUTO_OUT value = { 0 };
	enum dca_rc rc;

	o->acme.url[0] = '\0';
	if ((rc = keep(o, v->s->state, e)))
		return rc;
	o->asked = true;
	o->phase = ORDER_LIST;	/* and to ORDER_FIND, if no answer comes */
	if (v->quirks.list_padded)
		jose_b64_padded(&value, dca_out_buf(&o->list));
	else
		dca_b64url(&value, dca_out_buf(&o->list));
	rc = acme_order_new(v->ca, "TNAuthList", (const char *)value.p,
	    dca_now() + v->s->validity, &o->acme, e);
	if (rc == DCA_OK)
		rc = keep(o, v->s->state, e);
	if (rc != DCA_OK)
		return rc;
	o->asked = false;
	return follow(o, e);
}

static enum dca_rc
step_token(struct order *o, struct services *v, struct dca_err *e)
{
	const struct stipa_ask ask = { .list = dca_out_buf(&o->list),
		.ca = true, .account = &v->account.public, .now = dca_now() };
	enum dca_rc rc;

	stipa_token_clear(&o->token);
	if (!v->logged_in && (rc = services_login(v, e)))
		return rc;
	v->logged_in = false;	/* it lasts for this order */
	if ((rc = stipa_token(v->pa, &ask, &o->token, e)))
		return rc;
	o->phase = ORDER_ANSWER;
	return DCA_OK;
}

static enum dca_rc
step_answer(struct order *o, struct services *v, unsigned *wait,
    struct dca_err *e)
{
	struct acme_challenge c;
	enum dca_rc rc = acme_authorization(v->ca, o->acme.authorization,
	    dca_out_buf(&o->list), &c, e);

	if (rc != DCA_OK)
		return rc;
	if (c.status == ACME_INVALID || c.answered == ACME_INVALID) {
		o->acme.url[0] = '\0';
		o->phase = ORDER_LIST;
		return dca_fail(e, c.why.rule, "%s", c.why.text);
	}
	if (c.status == ACME_VALID) {
		o->phase = ORDER_LOOK;
		return DCA_OK;
	}
	if (c.answered == ACME_PENDING && (rc = acme_answer(v->ca, c.url,
	    (const char *)o->token.jws.p, e)))
		return rc;
	if (++o->polls > POLLS_MAX)
		return dca_fail(e, DCA_RULE_UPSTREAM_CA,
		    "the challenge stays undecided");
	*wait = c.answered == ACME_PENDING ? 0 : c.wait;
	return DCA_OK;	/* and look at it again */
}

static enum dca_rc
step_finalize(struct order *o, struct services *v, unsigned *wait,
    struct dca_err *e)
{
	enum dca_rc rc = acme_finalize(v->ca, &o->acme, dca_out_buf(&o->csr),
	    e);

	if (rc != DCA_OK)
		return rc;
	o->polls = 0;
	*wait = o->acme.status == ACME_PROCESSING ? o->acme.wait : 0;
	return follow(o, e);
}

static enum dca_rc
step_poll(struct order *o, struct services *v, unsigned *wait,
    struct dca_err *e)
{
	enum dca_rc rc = acme_order_get(v->ca, &o->acme, e);

	if (rc != DCA_OK)
		return rc;
	if (++o->polls > POLLS_MAX)
		return dca_fail(e, DCA_RULE_UPSTREAM_CA,
		    "the STI-CA is processing the order and does not end");
	*wait = o->acme.status == ACME_PROCESSING ?
	    (o->acme.wait > 0 ? o->acme.wait : POLL) : 0;
	return follow(o, e);
}

/* PEM to DER one after the other; what it says the vault decides. */
static enum dca_rc
step_download(struct order *o, struct services *v, struct dca_err *e)
{
	struct dca_certs chain = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	enum dca_rc rc = acme_download(v->ca, o->acme.certificate, &pem, e);

	if (rc == DCA_OK)
		rc = dca_certs_parse(&chain, dca_out_buf(&pem), CHAIN_MAX, e);
	o->chain.n = 0;
	for (size_t i = 0; i < chain.n; i++)
		dca_out_add(&o->chain, chain.v[i].der.p, chain.v[i].der.n);
	if (rc == DCA_OK && (chain.n == 0 || o->chain.n > DCA_CROSS_MAX))
		rc = dca_fail(e, DCA_RULE_UPSTREAM_CA, "the download holds "
		    "%zu certificates of %zu octets", chain.n, o->chain.n);
	dca_certs_clear(&chain);
	if (rc == DCA_OK)
		o->phase = ORDER_READY;
	return rc;
}

enum dca_rc
order_step(struct order *o, struct services *v, unsigned *wait,
    struct dca_err *e)
{
	*wait = 0;
	switch (o->phase) {
	case ORDER_LIST:
		return step_list(o, v, e);
	case ORDER_ACCOUNT:
		return step_account(o, v, e);
	case ORDER_LOOK:
		return step_look(o, v, e);
	case ORDER_FIND:
		return step_find(o, v, e);
	case ORDER_NEW:
		return step_new(o, v, e);
	case ORDER_TOKEN:
		return step_token(o, v, e);
	case ORDER_ANSWER:
		return step_answer(o, v, wait, e);
	case ORDER_FINALIZE:
		return step_finalize(o, v, wait, e);
	case ORDER_POLL:
		return step_poll(o, v, wait, e);
	case ORDER_DOWNLOAD:
		return step_download(o, v, e);
	case ORDER_READY:
		break;
	}
	return DCA_OK;
}
