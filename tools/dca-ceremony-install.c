/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install and status: the cross-certificate from the STI-CA's file to the
 * vault and into the token. Everything is checked here first, so that a wrong certificate is refused beside the people who ordered
 * it; the vault checks again and does not believe this program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dca-ceremony.h"
#include "dca/cbor.h"
#include "dca/chain.h"

enum { CHAIN_MAX = 8, ROOTS_MAX = 16, FILE_MAX = 1024 * 1024 };

DCA_DEFINE_CLEANUP(struct dca_hsm, dca_hsm_close);

struct install {
	struct dca_out csr;	/* DER */
	struct dca_ca_csr asked;
	struct dca_certs chain, roots;
};

static void
install_clear_p(struct install *in)
{
	dca_out_free(&in->csr);
	dca_ca_csr_clear(&in->asked);
	dca_certs_clear(&in->chain);
	dca_certs_clear(&in->roots);
}

static enum dca_rc
read_file(struct dca_out *o, const char *option, const char *path,
    struct record *r, struct dca_err *e)
{
	enum dca_rc rc;

	if (path == NULL)
		return dca_fail(e, DCA_RULE_INPUT, "--%s is missing", option);
	rc = dca_file_read(o, path, FILE_MAX, e);
	if (rc == DCA_OK)
		record_file(r, option, path, dca_out_buf(o));
	return rc;
}

static enum dca_rc
read_certs(struct dca_certs *out, const char *option, const char *path,
    size_t max, struct record *r, struct dca_err *e)
{
	DCA_AUTO_OUT file = { 0 };
	enum dca_rc rc = read_file(&file, option, path, r, e);

	if (rc == DCA_OK && (rc = dca_certs_parse(out, dca_out_buf(&file), max,
	    e)) != DCA_OK)
		(void)dca_fail_in(e, option);
	if (rc == DCA_OK && out->n == 0)
		rc = dca_fail(e, DCA_RULE_INPUT, "%s holds no certificate",
		    path);
	return rc;
}

static enum dca_rc
read_all(struct install *in, const struct options *o, struct record *r,
    struct dca_err *e)
{
	DCA_AUTO_OUT file = { 0 };
	enum dca_rc rc = read_file(&file, "csr", o->csr, r, e);

	if (rc == DCA_OK)
		rc = dca_pem_decode(&in->csr, "CERTIFICATE REQUEST",
		    dca_out_buf(&file), e);
	if (rc == DCA_OK)
		rc = dca_ca_csr_parse(&in->asked, dca_out_buf(&in->csr), e);
	if (rc != DCA_OK)
		return e->rule == DCA_RULE_INPUT ? rc : dca_fail_in(e, "csr");
	rc = read_certs(&in->chain, "chain", o->chain, CHAIN_MAX, r, e);
	if (rc == DCA_OK)
		rc = read_certs(&in->roots, "roots", o->roots, ROOTS_MAX, r, e);
	return rc;
}

/* Is the request's key the token's, and is it what a CA key must be? */
static enum dca_rc
check_token(const struct install *in, const struct options *o,
    struct record *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_hsm_close_p) struct dca_hsm *h = NULL;
	struct dca_key_facts facts;
	struct dca_hsm_config c;
	struct dca_hsm_info info;
	struct dca_spki key;
	enum dca_rc rc = token_config(&c, o, e);

	if (rc == DCA_OK)
		rc = dca_hsm_open(&h, &c, e);
	if (rc == DCA_OK)
		rc = dca_hsm_info(h, &info, e);
	if (rc != DCA_OK)
		return rc;
	record_token(r, &info);
	rc = dca_hsm_key(h, &key, e);
	if (rc != DCA_OK)
		return rc;
	record_key(r, &c.uri, &key);
	if (memcmp(&key, &in->asked.key, sizeof(key)) != 0)
		return dca_fail(e, DCA_RULE_CROSS_KEY,
		    "the request is not for the key in this token");
	rc = dca_hsm_key_facts(h, &facts, e);
	record_facts(r, &facts);
	return rc;
}

static void
record_cert(struct record *r, const struct dca_cert *c)
{
	char from[DCA_TIME_TEXT], to[DCA_TIME_TEXT];
	char serial[2 * DCA_SERIAL_LEN + 1], hex[2 * DCA_SHA256_LEN + 1];
	uint8_t sha[DCA_SHA256_LEN];
	DCA_AUTO_OUT text = { 0 };

	dca_name_print(&text, c->subject);
	dca_out_printf(&r->text, "%-18s %.*s\n", "subject", (int)text.n,
	    (const char *)text.p);
	text.n = 0;
	dca_name_print(&text, c->issuer);
	dca_out_printf(&r->text, "%-18s %.*s\n", "issuer", (int)text.n,
	    (const char *)text.p);
	dca_hex(serial, c->serial, sizeof(c->serial));
	dca_time_format(from, c->not_before);
	dca_time_format(to, c->not_after);
	record_line(r, "serial", "%s", serial);
	record_line(r, "validity", "%s to %s", from, to);
	dca_sha256(sha, dca_out_buf(&c->der));
	dca_hex(hex, sha, sizeof(sha));
	record_line(r, "cert SHA-256", "%s", hex);
	if (c->scope == NULL)
		return;
	text.n = 0;
	dca_tnset_print(c->scope, &text);
	dca_out_printf(&r->text, "%-18s %.*s\n", "scope", (int)text.n,
	    (const char *)text.p);
}

static void
socket_path(char out[static 4096], const struct options *o)
{
	if (o->socket != NULL)
		dca_path(out, NULL, "%s", o->socket);
	else
		dca_path(out, o->prefix, "/run/dca/admin.sock");
}

/* Asks the vault; a PROBLEM becomes e, DATA is printed as JSON. */
static enum dca_rc
ask(const struct options *o, const struct dca_message *q, struct record *r,
    struct dca_err *e)
{
	DCA_AUTO_OUT packet = { 0 }, json = { 0 };
	struct dca_message m;
	char path[4096];
	enum dca_rc rc;

	socket_path(path, o);
	rc = dca_ask(path, q, &packet, &m, e);
	if (rc != DCA_OK)
		return rc;
	if (m.type == DCA_MSG_PROBLEM) {
		dca_problem_message(e, &m);
		return dca_fail_in(e, "the vault says");
	}
	if (m.type != DCA_MSG_DATA)
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "the vault answered with %s", dca_message_name(m.type));
	if (m.f[2].b.n > 0) {
		rc = dca_cbor_json(&json, m.f[2].b, false, e);
		if (rc != DCA_OK)
			return rc;
		dca_out_printf(&r->text, "%-18s %.*s\n", "vault", (int)json.n,
		    (const char *)json.p);
	}
	if (m.f[0].u / 100 != 2)
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "the vault answered with code %llu",
		    (unsigned long long)m.f[0].u);
	return DCA_OK;
}

static void
concatenate(struct dca_out *o, const struct dca_certs *v)
{
	for (size_t i = 0; i < v->n; i++)
		dca_out_add(o, v->v[i].der.p, v->v[i].der.n);
}

static enum dca_rc
hand_over(const struct install *in, const struct options *o, struct record *r,
    struct dca_err *e)
{
	DCA_AUTO_OUT chain = { 0 }, roots = { 0 };
	struct dca_message q = { .type = DCA_MSG_INSTALL, .id = 1, .n = 3 };

	concatenate(&chain, &in->chain);
	concatenate(&roots, &in->roots);
	if (in->csr.n > DCA_CROSS_MAX || chain.n > DCA_CROSS_MAX)
		return dca_fail(e, DCA_RULE_INPUT,
		    "request or chain larger than %d octets", DCA_CROSS_MAX);
	if (roots.n > DCA_CSR_MAX)
		return dca_fail(e, DCA_RULE_INPUT,
		    "roots of %zu octets, at most %d: give the one root of "
		    "this chain", roots.n, DCA_CSR_MAX);
	q.f[0].b = dca_out_buf(&in->csr);
	q.f[1].b = dca_out_buf(&chain);
	q.f[2].b = dca_out_buf(&roots);
	return ask(o, &q, r, e);
}

/* By libp11, so no dca_hsm may be open in this process now. */
static enum dca_rc
keep_in_token(const struct install *in, const struct options *o,
    struct record *r, struct dca_err *e)
{
	struct dca_hsm_config c;
	enum dca_rc rc = token_config(&c, o, e);

	if (rc != DCA_OK)
		return rc;
	watchdog(true);
	rc = dca_hsm_admin_store(&c, dca_out_buf(&in->chain.v[0].der), e);
	watchdog(false);
	if (rc != DCA_OK)
		return dca_fail_in(e, "the vault has it, the token does not; "
		    "run install again");
	record_line(r, "kept in token", "yes, beside its key");
	return DCA_OK;
}

static enum dca_rc
do_install(struct install *in, const struct options *o, struct record *r,
    struct dca_err *e)
{
	enum dca_rc rc = read_all(in, o, r, e);
	const struct dca_cert *cross = in->chain.v;

	if (rc != DCA_OK || cross == NULL)
		return rc;
	record_cert(r, cross);
	rc = dca_cross_check(&in->chain, &in->roots, &in->asked.key,
	    in->asked.scope, dca_now(), e);
	if (rc == DCA_OK && o->token != NULL)
		rc = check_token(in, o, r, e);
	if (rc != DCA_OK)
		return rc;
	record_line(r, "local checks", "passed");
	if (o->check)
		return DCA_OK;
	rc = hand_over(in, o, r, e);
	if (rc != DCA_OK)
		return rc;
	if (o->token == NULL) {
		record_line(r, "kept in token", "no: --token was not given");
		return DCA_OK;
	}
	return keep_in_token(in, o, r, e);
}

int
act_install(int argc, char **argv, void *arg)
{
	const struct options *o = arg;
	DCA_CLEANUP(install_clear_p) struct install in = { 0 };
	struct dca_err e = { 0 };
	struct record r;

	(void)argc;
	(void)argv;
	record_begin(&r, o->check ? "install --check" : "install", o);
	return record_end(&r, do_install(&in, o, &r, &e), &e);
}

static enum dca_rc
list_tokens(const struct options *o, struct record *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) struct dca_token_row *rows = NULL;
	size_t n = 0;
	enum dca_rc rc;

	watchdog(true);
	rc = dca_hsm_admin_list(o->module, &rows, &n, e);
	watchdog(false);
	for (size_t i = 0; i < n; i++)
		record_line(r, "token", "%s%s%s serial=%s model=%s",
		    rows[i].initialised ? "\"" : "not initialised",
		    rows[i].label, rows[i].initialised ? "\"" : "",
		    rows[i].serial, rows[i].model);
	return rc;
}

static enum dca_rc
show_key(const struct options *o, struct record *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_hsm_close_p) struct dca_hsm *h = NULL;
	struct dca_key_facts facts;
	struct dca_hsm_config c;
	struct dca_hsm_info info;
	struct dca_spki key;
	enum dca_rc rc = token_config(&c, o, e);

	if (rc == DCA_OK)
		rc = dca_hsm_open(&h, &c, e);
	if (rc == DCA_OK)
		rc = dca_hsm_info(h, &info, e);
	if (rc != DCA_OK)
		return rc;
	record_token(r, &info);
	if (c.uri.id_len == 0)
		return DCA_OK;
	rc = dca_hsm_key(h, &key, e);
	if (rc != DCA_OK)
		return rc;
	record_key(r, &c.uri, &key);
	rc = dca_hsm_key_facts(h, &facts, e);
	record_facts(r, &facts);
	return rc;
}

/* What the options name, and the vault when it is named or answers. */
static enum dca_rc
do_status(const struct options *o, struct record *r, struct dca_err *e)
{
	struct dca_message q = { .type = DCA_MSG_LOCAL_READ, .id = 1, .n = 2 };
	char path[4096];
	enum dca_rc rc = DCA_OK;

	if (o->module != NULL)
		rc = list_tokens(o, r, e);
	if (rc == DCA_OK && o->token != NULL)
		rc = show_key(o, r, e);
	if (rc != DCA_OK)
		return rc;
	socket_path(path, o);
	if (o->socket == NULL && o->prefix == NULL && access(path, F_OK) != 0) {
		record_line(r, "vault", "no socket at %s", path);
		return DCA_OK;
	}
	q.f[0].b = DCA_BUF("status", 6);
	q.f[1].b = DCA_BUF("", 0);
	return ask(o, &q, r, e);
}

int
act_status(int argc, char **argv, void *arg)
{
	const struct options *o = arg;
	struct dca_err e = { 0 };
	struct record r;

	(void)argc;
	(void)argv;
	record_begin(&r, "status", o);
	return record_end(&r, do_status(o, &r, &e), &e);
}
