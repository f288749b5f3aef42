/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-ceremony: the acts at the token that people do together in one room,
 * with a record of each. Makes the CA key and the request for its
 * cross-certificate; never prints, logs or passes on a PIN, and never makes a
 * key under a CKA_ID that is taken.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dca-ceremony.h"
#include "dca/csr.h"
#include "dca/tnauthlist.h"

enum { WATCHDOG_SECONDS = 60 };

DCA_DEFINE_CLEANUP(struct dca_hsm, dca_hsm_close);
DCA_DEFINE_CLEANUP(struct dca_signer, dca_signer_close);

static void
bitten(int sig)
{
	static const char text[] =
	    "dca-ceremony: the module does not answer (waited 60 s)\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(2);
}

void
watchdog(bool on)
{
	(void)signal(SIGALRM, on ? bitten : SIG_DFL);
	(void)alarm(on ? WATCHDOG_SECONDS : 0);
}

enum dca_rc
token_config(struct dca_hsm_config *c, const struct options *o,
    struct dca_err *e)
{
	memset(c, 0, sizeof(*c));
	if (o->token == NULL || o->pin_file == NULL)
		return dca_fail(e, DCA_RULE_INPUT, "%s is missing",
		    o->token == NULL ? "--token" : "--pin-file");
	c->module = o->module;
	c->pin_file = o->pin_file;
	return dca_token_uri_parse(&c->uri, o->token, e);
}

static enum dca_rc
needed(const char *value, const char *name, struct dca_err *e)
{
	if (value != NULL)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_INPUT, "%s is missing", name);
}

/* --- init-token --- */
static int
act_init_token(int argc, char **argv, void *arg)
{
	const struct options *o = arg;
	struct dca_err e = { 0 };
	struct record r;
	enum dca_rc rc = needed(o->module, "--module", &e);

	(void)argc;
	(void)argv;
	record_begin(&r, "init-token", o);
	if (rc == DCA_OK)
		rc = needed(o->label, "--label", &e);
	if (rc == DCA_OK)
		rc = needed(o->so_pin_file, "--so-pin-file", &e);
	if (rc == DCA_OK)
		rc = needed(o->pin_file, "--pin-file", &e);
	if (rc == DCA_OK) {
		record_line(&r, "token label", "%s", o->label);
		record_line(&r, "SO PIN file", "%s", o->so_pin_file);
		record_line(&r, "PIN file", "%s", o->pin_file);
		watchdog(true);
		rc = dca_hsm_admin_init(o->module, o->label, o->so_pin_file,
		    o->pin_file, &e);
		watchdog(false);
	}
	if (rc == DCA_OK) {	/* read back with the user PIN */
		DCA_CLEANUP(dca_hsm_close_p) struct dca_hsm *h = NULL;
		struct dca_hsm_config c = { .module = o->module,
			.pin_file = o->pin_file };
		struct dca_hsm_info info;

		(void)dca_strlcpy(c.uri.token, o->label, sizeof(c.uri.token));
		rc = dca_hsm_open(&h, &c, &e);
		if (rc == DCA_OK)
			rc = dca_hsm_info(h, &info, &e);
		if (rc == DCA_OK)
			record_token(&r, &info);
	}
	return record_end(&r, rc, &e);
}

/* Opens the token; its identity goes into the record. */
static enum dca_rc
open_token(struct dca_hsm **h, struct dca_hsm_config *c,
    const struct options *o, struct record *r, struct dca_err *e)
{
	struct dca_hsm_info info;
	enum dca_rc rc = token_config(c, o, e);

	if (rc == DCA_OK)
		rc = dca_hsm_open(h, c, e);
	if (rc == DCA_OK)
		rc = dca_hsm_info(*h, &info, e);
	if (rc == DCA_OK)
		record_token(r, &info);
	return rc;
}

/* --- keygen --- */
static int
act_keygen(int argc, char **argv, void *arg)
{
	const struct options *o = arg;
	DCA_CLEANUP(dca_hsm_close_p) struct dca_hsm *h = NULL;
	struct dca_key_facts facts = { 0 };
	struct dca_hsm_config c;
	struct dca_err e = { 0 };
	struct dca_spki key;
	struct record r;
	enum dca_rc rc;

	(void)argc;
	(void)argv;
	record_begin(&r, "keygen", o);
	if (o->extractable)
		record_line(&r, "asked", "an extractable key, on purpose");
	rc = open_token(&h, &c, o, &r, &e);
	if (rc == DCA_OK) {
		rc = dca_hsm_keygen(h, o->extractable, &key, &facts, &e);
		if (rc == DCA_OK)
			record_key(&r, &c.uri, &key);
		record_facts(&r, &facts);
	}
	return record_end(&r, rc, &e);
}

/* --- csr --- */
/* One entry, or several with commas, per line; empty lines and # comments. */
static enum dca_rc
scope_lines(struct dca_tnset *s, const char *path, struct dca_err *e)
{
	DCA_AUTO_OUT file = { 0 };
	enum dca_rc rc = dca_file_read(&file, path, 1024 * 1024, e);
	unsigned line = 0;
	char *rest, *text;

	if (rc != DCA_OK)
		return rc;
	dca_out_add(&file, "", 1);
	rest = (char *)file.p;
	while ((text = strsep(&rest, "\n")) != NULL) {
		size_t n;

		line++;
		text += strspn(text, " \t\r");
		n = strlen(text);
		while (n > 0 && strchr(" \t\r,", text[n - 1]) != NULL)
			text[--n] = '\0';
		if (text[0] == '\0' || text[0] == '#')
			continue;
		rc = dca_tnset_parse(s, text, e);
		if (rc != DCA_OK) {
			(void)snprintf(e->field, sizeof(e->field), "line %u",
			    line);
			return dca_fail_in(e, e->field);
		}
	}
	return DCA_OK;
}

static enum dca_rc
read_scope(struct dca_tnset *s, const struct options *o, struct dca_err *e)
{
	DCA_AUTO_OUT der = { 0 };
	enum dca_rc rc;

	if ((o->scope == NULL) == (o->scope_file == NULL))
		return dca_fail(e, DCA_RULE_INPUT,
		    "give one of --scope and --scope-file");
	rc = o->scope != NULL ? dca_tnset_parse(s, o->scope, e)
			      : scope_lines(s, o->scope_file, e);
	if (rc != DCA_OK)
		return rc;
	if (dca_tnset_empty(s))
		return dca_fail(e, DCA_RULE_TN_EMPTY, "the scope is empty");
	dca_tnauthlist_encode(&der, s);
	if (der.n > DCA_TNAUTHLIST_MAX)
		return dca_fail(e, DCA_RULE_TN_LIST_SIZE,
		    "TNAuthList of %zu octets, at most %d are ordered", der.n,
		    DCA_TNAUTHLIST_MAX);
	return DCA_OK;
}

/* Builds, signs in the token, reads back as an STI-CA will. */
static enum dca_rc
make_csr(struct dca_out *csr, struct dca_hsm *h,
    const struct dca_csr_spec *spec, struct dca_err *e)
{
	DCA_CLEANUP(dca_signer_close_p) struct dca_signer *signer = NULL;
	DCA_AUTO_OUT info = { 0 };
	struct dca_ca_csr back = { 0 };
	bool equal;
	enum dca_rc rc = dca_signer_open(&signer, h, e);

	if (rc != DCA_OK)
		return rc;
	dca_csr_build(&info, spec);
	rc = dca_signer_sign(signer, dca_out_buf(&info), csr, e);
	if (rc == DCA_OK)
		rc = dca_ca_csr_parse(&back, dca_out_buf(csr), e);
	if (rc != DCA_OK)
		return rc;
	equal = dca_tnset_equal(back.scope, spec->numbers);
	dca_ca_csr_clear(&back);
	if (!equal)
		return dca_fail(e, DCA_RULE_INTERNAL,
		    "the request does not hold the scope that was given");
	return DCA_OK;
}

static enum dca_rc
check_csr_options(const struct options *o, struct dca_err *e)
{
	const struct {
		const char *value, *name;
	} rows[] = {
		{ o->country, "--country" }, { o->org, "--org" },
		{ o->cn, "--cn" }, { o->out, "--out" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum dca_rc rc = needed(rows[i].value, rows[i].name, e);

		if (rc != DCA_OK)
			return rc;
	}
	return DCA_OK;
}

static enum dca_rc
order(const struct options *o, struct record *r, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *scope = dca_tnset_new();
	DCA_CLEANUP(dca_hsm_close_p) struct dca_hsm *h = NULL;
	DCA_AUTO_OUT name = { 0 }, csr = { 0 }, pem = { 0 }, text = { 0 };
	struct dca_csr_spec spec = { .ca = true, .numbers = scope };
	struct dca_key_facts facts;
	struct dca_hsm_config c;
	enum dca_rc rc = check_csr_options(o, e);

	if (rc == DCA_OK)
		rc = read_scope(scope, o, e);
	if (rc == DCA_OK)
		rc = dca_name_encode(&name, o->country, o->org, o->cn, e);
	if (rc == DCA_OK)
		rc = open_token(&h, &c, o, r, e);
	if (rc == DCA_OK)
		rc = dca_hsm_key(h, &spec.key, e);
	if (rc == DCA_OK) {
		record_key(r, &c.uri, &spec.key);
		rc = dca_hsm_key_facts(h, &facts, e);
		record_facts(r, &facts);
	}
	spec.subject = dca_out_buf(&name);
	if (rc == DCA_OK)
		rc = make_csr(&csr, h, &spec, e);
	if (rc != DCA_OK)
		return rc;
	dca_pem_encode(&pem, "CERTIFICATE REQUEST", dca_out_buf(&csr));
	rc = dca_file_write(o->out, dca_out_buf(&pem), 0644, e);
	if (rc != DCA_OK)
		return rc;
	record_line(r, "subject", "C=%s, O=%s, CN=%s", o->country, o->org,
	    o->cn);
	dca_tnset_print(scope, &text);
	dca_out_printf(&r->text, "%-18s %.*s\n", "scope", (int)text.n,
	    (const char *)text.p);
	record_file(r, "CSR", o->out, dca_out_buf(&pem));
	return DCA_OK;
}

static int
act_csr(int argc, char **argv, void *arg)
{
	const struct options *o = arg;
	struct dca_err e = { 0 };
	struct record r;

	(void)argc;
	(void)argv;
	record_begin(&r, "csr", o);
	return record_end(&r, order(o, &r, &e), &e);
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	const struct dca_option common[] = {
		{ "module", "SO", &o.module, NULL, "PKCS#11 module, absolute path" },
		{ "token", "URI", &o.token, NULL, "pkcs11:token=LABEL;id=%01;object=KEY" },
		{ "pin-file", "FILE", &o.pin_file, NULL, "user PIN, file of mode 0600" },
		{ "record", "FILE", &o.record, NULL, "append the ceremony record here too" },
	};
	const struct dca_option init_token[] = {
		{ "label", "LABEL", &o.label, NULL, "name of the new token" },
		{ "so-pin-file", "FILE", &o.so_pin_file, NULL, "PIN of the security officer" },
	};
	const struct dca_option keygen[] = {
		{ "extractable", NULL, NULL, &o.extractable, "ask for a wrong key, to show that it is destroyed" },
	};
	const struct dca_option csr[] = {
		{ "scope", "TEXT", &o.scope, NULL, "spc:709J or 12025550000+10000, commas between" },
		{ "scope-file", "FILE", &o.scope_file, NULL, "the same, an entry per line" },
		{ "country", "CC", &o.country, NULL, "subject C" },
		{ "org", "TEXT", &o.org, NULL, "subject O" },
		{ "cn", "TEXT", &o.cn, NULL, "subject CN, \"SHAKEN ...\"" },
		{ "out", "FILE", &o.out, NULL, "PEM request for the STI-CA" },
	};
	const struct dca_option install[] = {
		{ "csr", "FILE", &o.csr, NULL, "the request that was sent" },
		{ "chain", "FILE", &o.chain, NULL, "what came back: cross-certificate first" },
		{ "roots", "FILE", &o.roots, NULL, "trusted STI-CA roots" },
		{ "socket", "PATH", &o.socket, NULL, "admin socket of the vault" },
		{ "prefix", "DIR", &o.prefix, NULL, "before /run/dca/admin.sock" },
		{ "check", NULL, NULL, &o.check, "check only: nothing is installed or stored" },
	};
	const struct dca_option status[] = {
		{ "socket", "PATH", &o.socket, NULL, "admin socket of the vault" },
		{ "prefix", "DIR", &o.prefix, NULL, "before /run/dca/admin.sock" },
	};
	const struct dca_command cmds[] = {
		{ "init-token", "", "initialise the first free token", init_token, 2, 0, 0, act_init_token },
		{ "keygen", "", "make the CA key (P-256) inside the token", keygen, 1, 0, 0, act_keygen },
		{ "csr", "", "request for the cross-certificate, signed in the token", csr, 6, 0, 0, act_csr },
		{ "install", "", "check the cross-certificate, hand it to the vault, keep it in the token", install, 6, 0, 0, act_install },
		{ "status", "", "tokens, key and vault as they are", status, 2, 0, 0, act_status },
	};

	dca_harden();
	return dca_command_run("dca-ceremony",
	    "Acts at the HSM token, with a record of each.", cmds,
	    sizeof(cmds) / sizeof(cmds[0]), common,
	    sizeof(common) / sizeof(common[0]), argc, argv, &o);
}
