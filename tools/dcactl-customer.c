/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl customer and code: who may have certificates and how they come to
 * the first one. A code is shown once, on stdout, and kept nowhere.
 */
#include "dcactl.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "dca/constraints.h"

/* --- claim constraints (RFC 9118) --- */

/* Each name of a list separated by commas. */
static enum dca_rc
add_names(struct dca_constraints *c, const char *list,
    enum dca_rc (*add)(struct dca_constraints *, const char *,
    struct dca_err *), struct dca_err *e)
{
	char name[DCA_CLAIM_NAME_MAX + 2];
	enum dca_rc rc = DCA_OK;
	size_t n;

	for (; list && *list && rc == DCA_OK; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		snprintf(name, sizeof(name), "%.*s", (int)n, list);
		rc = add(c, name, e);
	}
	return rc;
}

/* claim=value, a line each. */
static enum dca_rc
add_permitted(struct dca_constraints *c, const char *lines, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;
	size_t n;

	for (; lines && *lines && rc == DCA_OK;
	     lines += n + (lines[n] == '\n')) {
		char name[DCA_CLAIM_NAME_MAX + 2];
		char value[DCA_CLAIM_VALUE_MAX + 2];
		const char *equals;

		n = strcspn(lines, "\n");
		equals = memchr(lines, '=', n);
		if (!equals)
			return dca_fail(e, DCA_RULE_CONSTRAINTS,
			    "--permit takes CLAIM=VALUE, one a line");
		snprintf(name, sizeof(name), "%.*s", (int)(equals - lines),
		    lines);
		snprintf(value, sizeof(value), "%.*s",
		    (int)(lines + n - equals - 1), equals + 1);
		rc = dca_constraints_permit(c, name, value, e);
	}
	return rc;
}

/* The claim rcd {"nam":"..."} and no other (RFC 9795 7.1; RFC 8225 9). */
static enum dca_rc
add_rcd_name(struct dca_constraints *c, const char *name, struct dca_err *e)
{
	DCA_AUTO_OUT json = { 0 };
	enum dca_rc rc;

	if (!name)
		return DCA_OK;
	dca_out_printf(&json, "{\"nam\":\"");
	for (const char *p = name; *p; p++)
		dca_out_printf(&json, *p == '"' || *p == '\\' ? "\\%c" : "%c",
		    *p);
	dca_out_printf(&json, "\"}");
	rc = dca_constraints_include(c, "rcd", e);
	return rc ? rc :
	    dca_constraints_permit(c, "rcd", (const char *)json.p, e);
}

/* *given: does the command line say anything about them? */
static enum dca_rc
constraints_of(struct dca_out *der, bool *given, struct dca_err *e)
{
	struct dca_constraints c = { .permitted = { 0 } };
	enum dca_rc rc;

	*given = ctl_opt.must_include || ctl_opt.must_exclude ||
	    ctl_opt.permit || ctl_opt.rcd_name || ctl_opt.no_constraints;
	rc = add_names(&c, ctl_opt.must_include, dca_constraints_include, e);
	if (rc == DCA_OK)
		rc = add_rcd_name(&c, ctl_opt.rcd_name, e);
	if (rc == DCA_OK)
		rc = add_permitted(&c, ctl_opt.permit, e);
	if (rc == DCA_OK)
		rc = add_names(&c, ctl_opt.must_exclude,
		    dca_constraints_exclude, e);
	if (rc == DCA_OK)
		rc = dca_constraints_check(&c, e);
	if (rc == DCA_OK && ctl_opt.no_constraints &&
	    !dca_constraints_empty(&c))
		rc = dca_fail(e, DCA_RULE_CONSTRAINTS, "--no-constraints, and "
		    "constraints beside it");
	if (rc == DCA_OK)
		dca_constraints_encode(der, &c);
	dca_constraints_clear(&c);
	return rc;
}

/* --- add and set --- */

static int
say_customer(struct ctl *c, const char *id, const char *act, const char *what)
{
	/* Shorter names first, then bytewise: RFC 8949 4.2.1. */
	const char *const pairs[] = { "cn", ctl_opt.cn, "id", id, "name",
		ctl_opt.name, "country", ctl_opt.country, "passports",
		ctl_opt.passports };
	struct dca_err e = { 0 };
	DCA_AUTO_OUT args = { 0 }, der = { 0 };
	bool given = false;
	char done[120];
	size_t n = 0;

	if (dca_id_check(id, &e) != DCA_OK ||
	    constraints_of(&der, &given, &e) != DCA_OK)
		return ctl_fail(c, &e);
	for (size_t i = 0; i < N_OF(pairs); i += 2)
		n += pairs[i + 1] != NULL;
	dca_cbor_map(&args, n + (given ? 1 : 0));
	for (size_t i = 0; i < N_OF(pairs); i += 2)
		if (pairs[i + 1]) {
			dca_cbor_text(&args, pairs[i]);
			dca_cbor_text(&args, pairs[i + 1]);
		}
	if (given) {
		dca_cbor_text(&args, "constraints");
		dca_cbor_bytes(&args, dca_out_buf(&der));
	}
	snprintf(done, sizeof(done), "customer %s %s", id, what);
	return ctl_do(c, act, dca_out_buf(&args), done);
}

int
ctl_customer_add(int argc, char **argv, void *arg)
{
	(void)argc;
	if (!ctl_opt.name || !ctl_opt.country)
		return ctl_usage("customer add needs --name NAME and "
		    "--country CC");
	return say_customer(arg, argv[0], "customer.add", "added");
}

int
ctl_customer_set(int argc, char **argv, void *arg)
{
	(void)argc;
	return say_customer(arg, argv[0], "customer.set", "changed");
}

static int
set_state(struct ctl *c, const char *id, const char *act, const char *state)
{
	const char *const pairs[] = { "id", id, NULL };
	DCA_AUTO_OUT args = { 0 };
	char done[120];

	ctl_text_map(&args, pairs);
	snprintf(done, sizeof(done), "customer %.63s %s", id, state);
	return ctl_do(c, act, dca_out_buf(&args), done);
}

int
ctl_customer_suspend(int argc, char **argv, void *arg)
{
	(void)argc;
	return set_state(arg, argv[0], "customer.suspend", "suspended");
}

int
ctl_customer_resume(int argc, char **argv, void *arg)
{
	(void)argc;
	return set_state(arg, argv[0], "customer.resume", "active again");
}

static int
pin(struct ctl *c, const char *id, const char *act, const char *what)
{
	const char *file = ctl_opt.cert ? ctl_opt.cert : ctl_opt.key;
	struct dca_err e = { 0 };
	struct dca_spki key;
	DCA_AUTO_OUT args = { 0 };
	char done[160];

	if (!file || (ctl_opt.cert && ctl_opt.key))
		return ctl_usage("say which key: --cert FILE or --key FILE");
	if (dca_public_read(&key, file, &e) != DCA_OK)
		return ctl_fail(c, &e);
	dca_cbor_map(&args, 2);
	dca_cbor_text(&args, "id");
	dca_cbor_text(&args, id);
	dca_cbor_text(&args, "key");
	dca_cbor_bytes(&args, DCA_BUF(key.der, sizeof(key.der)));
	snprintf(done, sizeof(done), "key of %.63s %s", id, what);
	return ctl_do(c, act, dca_out_buf(&args), done);
}

int
ctl_customer_pin(int argc, char **argv, void *arg)
{
	(void)argc;
	return pin(arg, argv[0], "customer.pin", "pinned");
}

int
ctl_customer_unpin(int argc, char **argv, void *arg)
{
	(void)argc;
	return pin(arg, argv[0], "customer.unpin", "no longer pinned");
}

int
ctl_customer_list(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return ctl_print_view(arg, "customers",
	    "id,name,country,cn,passports,active,constraints");
}

int
ctl_code_list(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return ctl_print_view(arg, "codes", "id,customer,expires,spent");
}

/* What is known of one customer: four views. */
int
ctl_customer_show(int argc, char **argv, void *arg)
{
	static const struct {
		const char *view, *columns;
	} views[] = {
		{ "customers", "id,name,country,cn,passports,active,constraints" },
		{ "keys", "key,pinned" },
		{ "delegations", "tn,not_before,not_after,shared" },
		{ "certificates", "serial,not_before,not_after,function,revoked" },
	};
	struct ctl *c = arg;
	struct dca_err e = { 0 };
	DCA_AUTO_OUT map = { 0 };
	size_t i;

	(void)argc;
	dca_cbor_map(&map, N_OF(views));
	for (i = 0; i < N_OF(views); i++) {
		DCA_AUTO_OUT rows = { 0 };

		if (ctl_list(c, views[i].view, i ? argv[0] : NULL,
			i ? NULL : argv[0], &rows, &e) != DCA_OK)
			return ctl_fail(c, &e);
		if (i == 0 && rows.n == 1) {
			(void)dca_fail(&e, DCA_RULE_REG_UNKNOWN,
			    "no customer \"%.63s\"", argv[0]);
			return ctl_fail(c, &e);
		}
		if (!c->json) {
			printf("%s%s\n", i ? "\n" : "", views[i].view);
			ctl_print_rows(c, dca_out_buf(&rows),
			    views[i].columns);
		}
		dca_cbor_text(&map, views[i].view);
		dca_out_add(&map, rows.p, rows.n);
	}
	return c->json ? dca_show_json(dca_out_buf(&map)) : 0;
}

/* {id, expires, sealed} -> the packet, for which only we have the key. */
static enum dca_rc
open_packet(struct ctl *c, struct dca_buf answer, struct dca_packet *p,
    char expires[static 40], struct dca_err *e)
{
	const char *url = ctl_opt.server_url ? ctl_opt.server_url : c->p.url;
	DCA_AUTO_OUT code = { .secret = true };
	struct dca_cbor v;
	struct dca_buf sealed;
	enum dca_rc rc;
	int64_t t;

	if (!dca_cbor_find(answer, "sealed", &v) ||
	    !dca_cbor_take_bytes(&v, &sealed, 512) ||
	    !dca_cbor_find(answer, "id", &v) ||
	    !dca_cbor_take_text(&v, p->id, sizeof(p->id)))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "the answer holds no sealed code");
	expires[0] = '\0';
	if (dca_cbor_find(answer, "expires", &v)) {
		if (dca_cbor_peek(&v) == DCA_CBOR_TEXT)
			(void)!dca_cbor_take_text(&v, expires, 40);
		else if (dca_cbor_take_int(&v, &t))
			dca_time_format(expires, t);
	}
	rc = dca_unseal(&code, c->key, sealed, e);
	if (rc == DCA_OK && code.n != sizeof(p->code))
		rc = dca_fail(e, DCA_RULE_MESSAGE, "code of a strange length");
	if (rc == DCA_OK)
		rc = dca_pin_parse(p->server, c->p.server, e);
	if (rc != DCA_OK)
		return rc;
	memcpy(p->code, code.p, sizeof(p->code));
	if (strncmp(url, "coaps://", 8) != 0 || strpbrk(url, " \t\r\n") ||
	    !dca_strlcpy(p->url, url, sizeof(p->url)))
		return dca_fail(e, DCA_RULE_INPUT,
		    "--server-url is coaps://host:port");
	return DCA_OK;
}

static int
show_packet(const struct ctl *c, const struct dca_packet *p,
    const char *expires)
{
	DCA_AUTO_OUT line = { .secret = true };
	DCA_AUTO_OUT map = { .secret = true };
	int code;

	dca_packet_print(&line, p);
	if (c->json) {
		dca_cbor_map(&map, 3);
		dca_cbor_text(&map, "id");
		dca_cbor_text(&map, p->id);
		dca_cbor_text(&map, "packet");
		dca_cbor_text_n(&map, (const char *)line.p, line.n);
		dca_cbor_text(&map, "expires");
		dca_cbor_text(&map, expires);
		return dca_show_json(dca_out_buf(&map));
	}
	code = printf("%.*s\n", (int)line.n, (const char *)line.p) < 0 ? 2 : 0;
	fprintf(stderr, "dcactl: secret, for one enrolment until %s; give the "
	    "line to the customer by a way you trust\n", expires);
	return code;
}

/* A refused address must not cost a code. */
static enum dca_rc
check_create(int64_t *ttl, struct dca_err *e)
{
	enum dca_rc rc;

	rc = dca_span_parse(ttl, ctl_opt.ttl ? ctl_opt.ttl : "7d", e);
	if (rc == DCA_OK)
		rc = dca_id_check(ctl_opt.customer, e);
	if (rc == DCA_OK && ctl_opt.server_url &&
	    (strncmp(ctl_opt.server_url, "coaps://", 8) != 0 ||
		strlen(ctl_opt.server_url) >= DCA_URL_MAX))
		rc = dca_fail(e, DCA_RULE_INPUT,
		    "--server-url is coaps://host:port");
	return rc;
}

int
ctl_code_create(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };
	struct dca_packet p = { 0 };
	DCA_AUTO_OUT args = { 0 };
	uint8_t random[6];
	char id[sizeof(random) * 2 + 1], expires[40];
	int64_t ttl;
	int code;

	(void)argc;
	(void)argv;
	if (!ctl_opt.customer)
		return ctl_usage("code create needs --customer ID");
	if (c->local)
		return ctl_usage("a code is sealed to an operator's key: "
		    "create it without --local");
	if (check_create(&ttl, &e) != DCA_OK)
		return ctl_fail(c, &e);
	dca_random(random, sizeof(random));
	dca_hex(id, random, sizeof(random));
	dca_cbor_map(&args, 3);
	dca_cbor_text(&args, "id");
	dca_cbor_text(&args, id);
	dca_cbor_text(&args, "ttl");
	dca_cbor_uint(&args, (uint64_t)ttl);
	dca_cbor_text(&args, "customer");
	dca_cbor_text(&args, ctl_opt.customer);
	if (ctl_act(c, "code.create", dca_out_buf(&args), &a, &e) != DCA_OK ||
	    open_packet(c, dca_out_buf(&a.body), &p, expires, &e) != DCA_OK)
		return ctl_fail(c, &e);
	code = show_packet(c, &p, expires);
	OPENSSL_cleanse(&p, sizeof(p));
	return code;
}

int
ctl_code_revoke(int argc, char **argv, void *arg)
{
	const char *const pairs[] = { "id", argv[0], NULL };
	DCA_AUTO_OUT args = { 0 };
	char done[120];

	(void)argc;
	ctl_text_map(&args, pairs);
	snprintf(done, sizeof(done), "code %.63s revoked", argv[0]);
	return ctl_do(arg, "code.revoke", dca_out_buf(&args), done);
}
