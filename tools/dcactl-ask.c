/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How dcactl asks: over CoAPs with the operator's certificate, acts signed
 * with the operator's key (dca(7) TRUST); or with --local over the admin socket.
 * It signs nothing for an appliance that is not the one of the profile.
 */
#include "dcactl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FORMAT_CBOR = 60,
	FORMAT_COSE = 18,
	FORMAT_PKCS10 = 286,
	READ_SECONDS = 30,
	ACT_SECONDS = 120,	/* the last part of an import checks it all */
	TRIES = 5,
	LONGEST_WAIT = 30,
};

void
ctl_answer_clear(struct ctl_answer *a)
{
	dca_out_free(&a->body);
	memset(a, 0, sizeof(*a));
}

int
ctl_usage(const char *what)
{
	fprintf(stderr, "dcactl: %s\nTry 'dcactl --help'.\n", what);
	return 2;
}

static enum dca_rc
connect_front(struct ctl *c, struct dca_err *e)
{
	uint8_t pin[32];
	enum dca_rc rc;

	if (c->client)
		return DCA_OK;
	rc = ctl_profile_load(c, e);
	if (rc == DCA_OK)
		rc = dca_pin_parse(pin, c->p.server, e);
	if (rc == DCA_OK)
		rc = dca_client_open(&c->client, c->p.url, pin, c->key, c->cert,
		    e);
	return rc;
}

/* An import that was refused lists why in place of problem details. */
static bool
import_errors(int code, int format, struct dca_buf body)
{
	struct dca_cbor v;

	return code == 400 && format == FORMAT_CBOR &&
	    dca_cbor_find(body, "errors", &v);
}

static enum dca_rc
take_reply(struct dca_reply *r, struct ctl_answer *a, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	a->code = r->code;
	if (!import_errors(r->code, r->format, dca_out_buf(&r->body)))
		rc = dca_reply_problem(r, e);
	if (rc == DCA_OK && r->body.n && r->format != FORMAT_CBOR)
		rc = dca_fail(e, DCA_RULE_FORMAT,
		    "answer in format %d instead of CBOR (60)", r->format);
	if (rc == DCA_OK) {
		a->body = r->body;
		memset(&r->body, 0, sizeof(r->body));
	}
	return rc;
}

/* 4.29 and 5.03 say when to come again. */
static bool
wait_again(const struct dca_reply *r, int try)
{
	unsigned s = r->max_age > LONGEST_WAIT ? LONGEST_WAIT : r->max_age;

	if ((r->code != 429 && r->code != 503) || try == TRIES)
		return false;
	fprintf(stderr, "dcactl: appliance is busy, again in %u s\n", s);
	sleep(s ? s : 1);
	return true;
}

static enum dca_rc
exchange(struct ctl *c, int method, const char *path, const char *query,
    int format, struct dca_buf body, struct ctl_answer *a, struct dca_err *e)
{
	struct dca_reply r;
	enum dca_rc rc = connect_front(c, e);
	int try = 1;

	memset(a, 0, sizeof(*a));
	if (rc != DCA_OK)
		return rc;
	for (;; try++) {
		rc = dca_client_request(c->client, method, path, query, format,
		    -1, body, method == 2 ? ACT_SECONDS : READ_SECONDS, &r, e);
		if (rc != DCA_OK)
			return rc;
		if (method != 2 || !wait_again(&r, try))
			break;
		dca_reply_clear(&r);
	}
	rc = take_reply(&r, a, e);
	dca_reply_clear(&r);
	/* The vault may have gone away after it had done the act. */
	if (rc != DCA_OK && try > 1 && e->rule == DCA_RULE_AUTH_SEQUENCE)
		return dca_fail_in(e, "sent twice, the first one may have been "
		    "done (see dcactl ledger list)");
	return rc;
}

/* A question on the admin socket; DATA or PROBLEM comes back. */
static enum dca_rc
ask_local(const struct ctl *c, const struct dca_message *q,
    struct ctl_answer *a, struct dca_err *e)
{
	DCA_AUTO_OUT packet = { 0 };
	struct dca_message m;
	char path[4096];
	enum dca_rc rc;

	memset(a, 0, sizeof(*a));
	dca_path(path, c->prefix, "/run/dca/admin.sock");
	rc = dca_ask(path, q, &packet, &m, e);
	if (rc != DCA_OK)
		return rc;
	if (m.type == DCA_MSG_PROBLEM) {
		dca_problem_message(e, &m);
		return dca_problem(e->rule)->rc;
	}
	if (m.type != DCA_MSG_DATA)
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "the vault answered %s", dca_message_name(m.type));
	a->code = (int)m.f[0].u;
	dca_out_add(&a->body, m.f[2].b.p, m.f[2].b.n);
	if (a->code >= 400 &&
	    !import_errors(a->code, (int)m.f[1].u, m.f[2].b))
		return dca_fail(e, DCA_RULE_MESSAGE, "the vault answered %d",
		    a->code);
	return DCA_OK;
}

enum dca_rc
ctl_read(struct ctl *c, const char *path, const char *query,
    struct ctl_answer *a, struct dca_err *e)
{
	struct dca_message q = { .type = DCA_MSG_LOCAL_READ, .id = 1, .n = 2 };
	char full[300];

	q.f[0].b = DCA_BUF(path, strlen(path));
	q.f[1].b = DCA_BUF(query, strlen(query));
	if (c->local)
		return ask_local(c, &q, a, e);
	snprintf(full, sizeof(full), "dca/%s", path);
	return exchange(c, 1, full, query, -1, DCA_BUF(NULL, 0), a, e);
}

enum dca_rc
ctl_check(struct ctl *c, const char *customer, struct dca_buf csr,
    struct ctl_answer *a, struct dca_err *e)
{
	char query[100];

	snprintf(query, sizeof(query), "customer=%.63s", customer);
	return exchange(c, 2, "dca/check", query, FORMAT_PKCS10, csr, a, e);
}

/* Appends the rows of one page to rows; *next: where the next one starts. */
static enum dca_rc
take_page(struct dca_buf page, struct dca_out *rows, size_t *n, uint64_t *next,
    struct dca_err *e)
{
	struct dca_cbor v;
	struct dca_buf row;
	size_t count = 0;

	*next = 0;
	if (!dca_cbor_find(page, "next", &v) || !dca_cbor_take_uint(&v, next) ||
	    !dca_cbor_find(page, "rows", &v) ||
	    !dca_cbor_take_array(&v, &count, 500))
		return dca_fail(e, DCA_RULE_MESSAGE, "not a list");
	*n += count;
	while (count--) {
		if (!dca_cbor_skip(&v, &row))
			return dca_fail(e, DCA_RULE_MESSAGE, "not a list");
		dca_out_add(rows, row.p, row.n);
	}
	return DCA_OK;
}

enum dca_rc
ctl_list(struct ctl *c, const char *view, const char *customer, const char *id,
    struct dca_out *rows, struct dca_err *e)
{
	DCA_AUTO_OUT body = { 0 };
	uint64_t from = 0, next = 0;
	char query[300];
	enum dca_rc rc;
	size_t n = 0;

	do {
		CTL_ANSWER a = { 0 };

		from = next;
		snprintf(query, sizeof(query), "%s%.63s%s%s%.63s%s",
		    customer ? "customer=" : "", customer ? customer : "",
		    customer && id ? "&" : "", id ? "id=" : "", id ? id : "",
		    (customer || id) && from ? "&" : "");
		if (from)
			snprintf(query + strlen(query),
			    sizeof(query) - strlen(query), "from=%llu",
			    (unsigned long long)from);
		rc = ctl_read(c, view, query, &a, e);
		if (rc == DCA_OK)
			rc = take_page(dca_out_buf(&a.body), &body, &n, &next,
			    e);
	} while (rc == DCA_OK && next > from);
	if (rc != DCA_OK)
		return rc;
	dca_cbor_array(rows, n);
	dca_out_add(rows, body.p, body.n);
	return DCA_OK;
}

/* The appliance's id, as octets or as hex. */
static bool
take_appliance(struct dca_buf status, uint8_t id[static DCA_APPLIANCE_LEN])
{
	struct dca_cbor v;
	struct dca_buf b;
	char hex[40];

	if (!dca_cbor_find(status, "appliance", &v))
		return false;
	if (dca_cbor_peek(&v) == DCA_CBOR_TEXT)
		return dca_cbor_take_text(&v, hex, sizeof(hex)) &&
		    dca_unhex(id, DCA_APPLIANCE_LEN, hex);
	if (!dca_cbor_take_bytes(&v, &b, DCA_APPLIANCE_LEN) ||
	    b.n != DCA_APPLIANCE_LEN)
		return false;
	memcpy(id, b.p, b.n);
	return true;
}

/* The profile knows one appliance; a new profile learns it and says so. */
static enum dca_rc
compare_appliance(struct ctl *c, struct dca_err *e)
{
	char hex[33];

	dca_hex(hex, c->appliance, DCA_APPLIANCE_LEN);
	if (c->p.appliance[0] == '\0') {
		dca_strlcpy(c->p.appliance, hex, sizeof(c->p.appliance));
		fprintf(stderr, "dcactl: this is appliance %s; kept in "
		    "%s/profile.ini\n", hex, c->dir);
		return ctl_profile_save(c->dir, &c->p, e);
	}
	if (strcmp(c->p.appliance, hex) == 0)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_AUTH_APPLIANCE,
	    "this is appliance %s, the profile is for %s; nothing was signed",
	    hex, c->p.appliance);
}

enum dca_rc
ctl_appliance(struct ctl *c, struct dca_buf map, struct dca_err *e)
{
	if (!take_appliance(map, c->appliance))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "the answer does not say which appliance this is");
	return c->local ? DCA_OK : compare_appliance(c, e);
}

/* Whom the next act is for and which number it has. */
static enum dca_rc
number_act(struct ctl *c, struct dca_err *e)
{
	CTL_ANSWER a = { 0 };
	struct dca_cbor v;
	struct dca_buf op;
	enum dca_rc rc = ctl_read(c, "status", "", &a, e);

	if (rc != DCA_OK)
		return rc;
	rc = ctl_appliance(c, dca_out_buf(&a.body), e);
	if (rc != DCA_OK)
		return rc;
	c->seq = 0;
	if (!c->local &&
	    (!dca_cbor_find(dca_out_buf(&a.body), "operator", &v) ||
	    !dca_cbor_skip(&v, &op) || !dca_cbor_find(op, "seq", &v) ||
	    !dca_cbor_take_uint(&v, &c->seq)))
		return dca_fail(e, DCA_RULE_AUTH_OPERATOR,
		    "the appliance does not know you as an operator");
	c->numbered = true;
	return DCA_OK;
}

static enum dca_rc
send_act(struct ctl *c, struct dca_buf payload, struct ctl_answer *a,
    struct dca_err *e)
{
	struct dca_message q = { .type = DCA_MSG_LOCAL_ACT, .id = 1, .n = 1 };
	DCA_AUTO_OUT cose = { 0 };
	enum dca_rc rc;

	q.f[0].b = payload;
	if (c->local && payload.n <= DCA_ACT_MAX)
		return ask_local(c, &q, a, e);
	rc = dca_cose_sign1(&cose, payload, c->key, e);
	if (rc != DCA_OK)
		return rc;
	if (cose.n > DCA_ACT_MAX)
		return dca_fail(e, DCA_RULE_BODY_SIZE,
		    "act of %zu octets, at most %d", cose.n, DCA_ACT_MAX);
	return exchange(c, 2, "dca/act", "", FORMAT_COSE, dca_out_buf(&cose),
	    a, e);
}

enum dca_rc
ctl_act(struct ctl *c, const char *name, struct dca_buf args,
    struct ctl_answer *a, struct dca_err *e)
{
	struct dca_act act = { .args = args };
	DCA_AUTO_OUT payload = { 0 };
	enum dca_rc rc;

	memset(a, 0, sizeof(*a));
	if (!c->numbered) {
		rc = number_act(c, e);
		if (rc != DCA_OK)
			return rc;
	}
	dca_strlcpy(act.name, name, sizeof(act.name));
	dca_strlcpy(act.op, c->local ? "local" : c->p.op, sizeof(act.op));
	memcpy(act.appliance, c->appliance, sizeof(act.appliance));
	act.seq = ++c->seq;
	act.time = dca_now();
	dca_act_encode(&payload, &act);
	rc = send_act(c, dca_out_buf(&payload), a, e);
	if (rc != DCA_OK)
		c->numbered = false; /* ask again before another one */
	return rc;
}

/* Done, done with one signature, or waiting for another admin. */
static void
say_done(struct dca_buf answer, const char *done)
{
	struct dca_cbor v;
	uint64_t id;

	if (dca_cbor_find(answer, "proposal", &v) &&
	    dca_cbor_take_uint(&v, &id)) {
		printf("not yet: another admin must run: dcactl approve "
		    "%llu\n", (unsigned long long)id);
		return;
	}
	printf("%s\n", done);
	if (dca_cbor_find(answer, "alone", &v))
		printf("with one signature: there are not two admins yet\n");
}

int
ctl_do(struct ctl *c, const char *name, struct dca_buf args, const char *done)
{
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };

	if (ctl_act(c, name, args, &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	if (c->json)
		return a.body.n ? dca_show_json(dca_out_buf(&a.body))
				: printf("{}\n") < 0;
	say_done(dca_out_buf(&a.body), done);
	return 0;
}
