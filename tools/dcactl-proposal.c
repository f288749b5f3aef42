/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl proposal and approve: acts that wait for a second admin. Shows what
 * would be signed for before it signs: everything shown is read from the very
 * octets whose SHA-256 is signed, and not from what somebody says about them.
 */
#include "dcactl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/chain.h"

struct proposal {
	uint64_t id;
	char act[DCA_ACT_NAME], actor[80], state[16], expires[DCA_TIME_TEXT];
	bool is_signed;
	struct dca_buf data;
	uint8_t sha256[DCA_SHA256_LEN];
};

int
ctl_proposal_list(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return ctl_print_view(arg, "proposals", "id,act,actor,state,expires");
}

bool
ctl_take_id(const char *text, uint64_t *id)
{
	char *end;

	*id = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' &&
	    strlen(text) <= 18;
}

int
ctl_proposal_drop(int argc, char **argv, void *arg)
{
	DCA_AUTO_OUT args = { 0 };
	uint64_t id = 0;

	(void)argc;
	if (!ctl_take_id(argv[0], &id))
		return ctl_usage("proposal drop needs the number of a "
		    "proposal");
	dca_cbor_map(&args, 1);
	dca_cbor_text(&args, "proposal");
	dca_cbor_uint(&args, id);
	return ctl_do(arg, "proposal.drop", dca_out_buf(&args),
	    "proposal dropped");
}

/* --- what is proposed --- */

static bool
take_text(struct dca_buf map, const char *key, char *out, size_t cap)
{
	struct dca_cbor v;

	return dca_cbor_find(map, key, &v) && dca_cbor_take_text(&v, out, cap);
}

/* The hash is of the octets at hand; what the front says it is must agree. */
static enum dca_rc
parse_row(struct proposal *p, struct dca_buf rows, uint64_t id,
    struct dca_err *e)
{
	struct dca_cbor v = { .in = rows };
	struct dca_buf row = { NULL, 0 };
	char hex[2 * DCA_SHA256_LEN + 1], said[2 * DCA_SHA256_LEN + 1];
	size_t n = 0;

	memset(p, 0, sizeof(*p));
	p->id = id;
	if (!dca_cbor_take_array(&v, &n, 1) || n != 1)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN,
		    "no proposal %" PRIu64, id);
	if (!dca_cbor_skip(&v, &row) ||
	    !take_text(row, "act", p->act, sizeof(p->act)) ||
	    !take_text(row, "actor", p->actor, sizeof(p->actor)) ||
	    !take_text(row, "state", p->state, sizeof(p->state)) ||
	    !take_text(row, "expires", p->expires, sizeof(p->expires)) ||
	    !take_text(row, "sha256", said, sizeof(said)) ||
	    !dca_cbor_find(row, "signed", &v) ||
	    !dca_cbor_take_bool(&v, &p->is_signed) ||
	    !dca_cbor_find(row, "data", &v) ||
	    !dca_cbor_take_bytes(&v, &p->data, DCA_MESSAGE_MAX))
		return dca_fail(e, DCA_RULE_MESSAGE, "not a proposal");
	dca_sha256(p->sha256, p->data);
	dca_hex(hex, p->sha256, sizeof(p->sha256));
	if (strcmp(hex, said) != 0)
		return dca_fail(e, DCA_RULE_AUTH_FOUR_EYES, "the appliance "
		    "says the proposal is %s, and it is %s", said, hex);
	return DCA_OK;
}

static void
show_item(const char *name, struct dca_buf item)
{
	DCA_AUTO_OUT json = { 0 }, text = { 0 };

	if (dca_cbor_json(&json, item, false, NULL) == DCA_OK)
		dca_show_text(&text, dca_out_buf(&json));
	printf("%-10s %.*s\n", name, (int)text.n,
	    text.n ? (const char *)text.p : "");
}

/* By the payload, not by the row: that is what gets signed for. */
static enum dca_rc
show_signed(const struct ctl *c, const struct proposal *p, struct dca_err *e)
{
	struct dca_buf payload, sig;
	struct dca_act act;
	char when[DCA_TIME_TEXT], hex[2 * DCA_APPLIANCE_LEN + 1];
	enum dca_rc rc;

	if ((rc = dca_cose_parse(p->data, &payload, &sig, e)) ||
	    (rc = dca_act_parse(&act, payload, e)))
		return rc;
	dca_hex(hex, act.appliance, sizeof(act.appliance));
	if (c->p.appliance[0] && strcmp(c->p.appliance, hex) != 0)
		return dca_fail(e, DCA_RULE_AUTH_APPLIANCE,
		    "the proposed act is for appliance %s", hex);
	dca_time_format(when, act.time);
	if (c->json)
		return DCA_OK;
	printf("%-10s %s\n%-10s operator:%s, %s\n", "act", act.name, "proposed",
	    act.op, when);
	show_item("arguments", act.args);
	return DCA_OK;
}

static void
show_cert(const struct dca_cert *c)
{
	char hex[2 * DCA_SHA256_LEN + 1], when[DCA_TIME_TEXT];
	DCA_AUTO_OUT name = { 0 }, text = { 0 };
	uint8_t hash[DCA_SHA256_LEN];

	dca_name_print(&name, c->subject);
	dca_show_text(&text, dca_out_buf(&name));
	dca_sha256(hash, dca_out_buf(&c->der));
	dca_hex(hex, hash, sizeof(hash));
	dca_time_format(when, c->not_after);
	printf("%-10s %.*s\n%-10s until %s\n%-10s sha256:%s\n", "subject",
	    (int)text.n, (const char *)text.p, "valid", when, "cert", hex);
	text.n = 0;
	if (c->scope)
		dca_tnset_print(c->scope, &text);
	printf("%-10s %.*s\n", "numbers", (int)text.n,
	    text.n ? (const char *)text.p : "");
}

/* The cross-certificate that root, or dca-upstream, brought. */
static enum dca_rc
show_cross(const struct ctl *c, const struct proposal *p, struct dca_err *e)
{
	struct dca_certs chain = { 0 };
	struct dca_buf der = { NULL, 0 };
	struct dca_cbor v;
	enum dca_rc rc;

	if (strcmp(p->act, "cross.activate") != 0 ||
	    !dca_cbor_find(p->data, "chain", &v) ||
	    !dca_cbor_take_bytes(&v, &der, DCA_CROSS_MAX))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "an unsigned proposal that is no cross-certificate");
	rc = dca_certs_parse(&chain, der, 16, e);
	if (rc == DCA_OK && chain.n == 0)
		rc = dca_fail(e, DCA_RULE_MESSAGE, "no certificate in it");
	if (rc == DCA_OK && !c->json) {
		printf("%-10s install this cross-certificate\n", "act");
		printf("%-10s %s\n", "proposed",
		    strcmp(p->actor, "upstream") == 0 ?
		    "by dca-upstream, for an order" :
		    "by root on the appliance");
		show_cert(&chain.v[0]);
	}
	dca_certs_clear(&chain);
	return rc;
}

static enum dca_rc
show(const struct ctl *c, const struct proposal *p, struct dca_err *e)
{
	char hex[2 * DCA_SHA256_LEN + 1];
	enum dca_rc rc;

	if (strcmp(p->state, "open") != 0)
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "proposal %" PRIu64 " is %s", p->id, p->state);
	if (!c->json)
		printf("%-10s %" PRIu64 ", until %s\n", "proposal", p->id,
		    p->expires);
	rc = p->is_signed ? show_signed(c, p, e) : show_cross(c, p, e);
	if (rc != DCA_OK || c->json)
		return rc;
	dca_hex(hex, p->sha256, sizeof(p->sha256));
	printf("%-10s %s\n", "sha256", hex);
	return DCA_OK;
}

static bool
agreed(const struct ctl *c)
{
	char line[16] = "";

	if (c->json || ctl_opt.yes)
		return true;
	printf("Sign for this? [y/N] ");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) &&
	    (strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0);
}

int
ctl_approve_proposal(struct ctl *c, uint64_t id)
{
	DCA_AUTO_OUT rows = { 0 }, args = { 0 };
	struct dca_err e = { 0 };
	struct proposal p;
	char done[80], number[24];

	snprintf(number, sizeof(number), "%" PRIu64, id);
	if (c->local)
		return ctl_usage("an approval is signed by an admin: without "
		    "--local");
	if (ctl_list(c, "proposals", NULL, number, &rows, &e) != DCA_OK ||
	    parse_row(&p, dca_out_buf(&rows), id, &e) != DCA_OK ||
	    show(c, &p, &e) != DCA_OK)
		return ctl_fail(c, &e);
	if (!agreed(c)) {
		fprintf(stderr, "dcactl: nothing was signed\n");
		return 1;
	}
	dca_cbor_map(&args, 2);
	dca_cbor_text(&args, "sha256");
	dca_cbor_bytes(&args, DCA_BUF(p.sha256, sizeof(p.sha256)));
	dca_cbor_text(&args, "proposal");
	dca_cbor_uint(&args, id);
	snprintf(done, sizeof(done), "proposal %" PRIu64 " approved and done",
	    id);
	return ctl_do(c, "approve", dca_out_buf(&args), done);
}

int
ctl_approve(int argc, char **argv, void *arg)
{
	uint64_t id = 0;

	(void)argc;
	if (!ctl_take_id(argv[0], &id))
		return ctl_usage("approve needs the number of a proposal");
	return ctl_approve_proposal(arg, id);
}
