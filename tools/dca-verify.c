/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relying party's hand tool: is this chain, this scope, this ledger what
 * it should be, and if not, which rule says so. It reads files, one URL, and a
 * copy of the store; it changes nothing and holds no key.
 */
#include "dca-verify.h"
#include "dca-verify-lint.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/os.h"
#include "dca/store.h"

static struct {
	const char *roots, *time, *url, *tls_ca, *inventory;
	const char *crl, *crl_signer, *spc_parent, *number;
	const char *pack, *policy, *issuer;
	bool json, operators, verdicts, crldp_optional, cn_shaken, rules;
	bool strict;
} opt;

static int
finish(enum dca_rc rc, const struct dca_err *e)
{
	const struct dca_problem *p = dca_problem(e->rule);

	if (rc != DCA_OK)
		fprintf(stderr, "dca-verify: %s\n   rule     %s: %s\n"
		    "   clause   %s\n", e->text, p->id, p->title, p->clause);
	return dca_exit_code(rc);
}

/* --- chain --- */

static int
run_chain(int argc, char **argv, void *arg)
{
	struct verify_ask ask = { argc == 1 ? argv[0] : NULL, opt.url,
		opt.tls_ca, opt.roots, opt.inventory, opt.number, opt.crl,
		opt.crl_signer, DCA_VERIFY_SPC_FLAG };
	struct dca_err e = { 0 };
	int64_t when = dca_now();
	const char *wrong = NULL;
	int code = 2;

	(void)arg;
	if ((opt.url == NULL) != (argc == 1))
		wrong = "give either FILE or --url URL";
	else if (opt.time != NULL && !dca_time_parse(&when, opt.time))
		wrong = "--time is like 2026-12-01T00:00:00Z";
	else if ((opt.crl == NULL) != (opt.crl_signer == NULL))
		wrong = "--crl and --crl-signer go together";
	else if (!verify_spc_parse(&ask.spc, opt.spc_parent))
		wrong = "--spc-parent is accept, reject or flag";
	if (wrong != NULL) {
		fprintf(stderr, "dca-verify: %s\n", wrong);
		return 2;
	}
	/* no verdict without what to judge by */
	if (verify_chain(&ask, when, opt.json, &code, &e) != DCA_OK) {
		(void)finish(dca_problem(e.rule)->rc, &e);
		return 2;
	}
	return code;
}

/* --- lint --- */

static int
usage(const char *what)
{
	fprintf(stderr, "dca-verify: %s\n", what);
	return 2;
}

static int
run_lint(int argc, char **argv, void *arg)
{
	struct lint_ask ask = { .policies = opt.policy, .issuer = opt.issuer,
		.json = opt.json, .verdicts = opt.verdicts,
		.crldp_optional = opt.crldp_optional,
		.cn_shaken = opt.cn_shaken };
	struct dca_err e = { 0 };
	int code = 2;

	(void)arg;
	if (opt.pack != NULL && (ask.pack = dca_lint_pack(opt.pack)) == 0)
		return usage("--pack is sti-root, sti-intermediate, sti-ee, "
		    "sti-sca, delegate-ee or published");
	if (opt.rules) {
		lint_print_rules(ask.pack);
		return 0;
	}
	if (argc == 0)
		return usage("lint needs a file, a folder or -");
	if (opt.json && opt.verdicts)
		return usage("--json or --verdicts, not both");
	if (lint_all(&ask, argv, argc, &code, &e) != DCA_OK) {
		(void)finish(dca_problem(e.rule)->rc, &e);
		return 2;
	}
	return code;
}

/* --- ledger --- */

static void
show_operator(const struct dca_operator_audit *a, void *arg)
{
	(void)arg;
	printf("operator %s %s%s: %llu acts, %llu proposed, %llu approved, "
	    "%llu refused", a->op.id, a->op.role,
	    a->op.active ? "" : " (removed)", (unsigned long long)a->acts,
	    (unsigned long long)a->proposed, (unsigned long long)a->approved,
	    (unsigned long long)a->refused);
	if (a->first_row)
		printf("; rows %llu to %llu", (unsigned long long)a->first_row,
		    (unsigned long long)a->last_row);
	printf("\n");
}

static int
ledger_verdict(enum dca_rc rc, uint64_t rows, const struct dca_err *e)
{
	if (rc == DCA_OK)
		printf("accepted: %llu ledger rows, each follows the one "
		    "before, and every view says what they say\n",
		    (unsigned long long)rows);
	else if (e->rule == DCA_RULE_LEDGER_ROW)
		printf("refused: %s%s%s%s\n", e->text,
		    e->field[0] != '\0' ? " (" : "", e->field,
		    e->field[0] != '\0' ? ")" : "");
	else
		return finish(rc, e);
	return dca_exit_code(rc);
}

static int
run_ledger(int argc, char **argv, void *arg)
{
	struct dca_store *s = NULL;
	struct dca_err e = { 0 };
	uint64_t rows = 0;
	enum dca_rc rc;

	(void)argc;
	(void)arg;
	rc = dca_store_open(&s, argv[0], true, &e);
	if (rc == DCA_OK)
		rc = dca_store_verify_operators(s, &rows,
		    opt.operators ? show_operator : NULL, NULL, &e);
	dca_store_close(s);
	return ledger_verdict(rc, rows, &e);
}

/* --- scope, tn --- */

/* As a relying party reads what others signed, or as this CA what it is asked
 * to sign. */
static enum dca_tnauthlist_mode
list_mode(void)
{
	return opt.strict ? DCA_TNAUTHLIST_ISSUE : DCA_TNAUTHLIST_FOREIGN;
}

static int
run_scope(int argc, char **argv, void *arg)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *parent =
	    dca_tnset_new();
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *child =
	    dca_tnset_new();
	char first[DCA_ENTRY_TEXT];
	struct dca_err e = { 0 };
	enum dca_rc rc;

	(void)argc;
	(void)arg;
	if ((rc = verify_list(parent, argv[0], list_mode(), &e)) != DCA_OK) {
		(void)dca_fail_in(&e, "parent");
		return finish(rc, &e);
	}
	if ((rc = verify_list(child, argv[1], list_mode(), &e)) != DCA_OK) {
		(void)dca_fail_in(&e, "child");
		return finish(rc, &e);
	}
	if (dca_tnset_covers(parent, child, first)) {
		printf("inside\n");
		return 0;
	}
	printf("outside: %s is not in the parent's list (RFC 9060 4)\n",
	    first);
	if (dca_tnset_has_spc(parent) && strncmp(first, "spc:", 4) != 0)
		printf("note: the parent holds an SPC; which numbers it has "
		    "only an inventory knows\n");
	return 1;
}

static int
run_tn(int argc, char **argv, void *arg)
{
	struct dca_err e = { 0 };

	(void)argc;
	(void)arg;
	return finish(verify_explain(argv[0], list_mode(), &e), &e);
}

static const struct dca_option chain_options[] = {
	{ "roots", "FILE", &opt.roots, NULL,
	    "trusted roots, PEM; default " VERIFY_ROOTS },
	{ "time", "RFC3339", &opt.time, NULL,
	    "judge as of this time; default now" },
	{ "inventory", "FILE", &opt.inventory, NULL,
	    "numbers of each SPC, CSV start,count,spc" },
	{ "url", "X5U", &opt.url, NULL,
	    "fetch the chain as a verifier does, instead of FILE" },
	{ "tls-ca", "FILE", &opt.tls_ca, NULL,
	    "CAs for the TLS of --url; default the system's" },
	{ "crl", "FILE", &opt.crl, NULL,
	    "revocation list to ask, PEM or DER" },
	{ "crl-signer", "FILE", &opt.crl_signer, NULL,
	    "certificate of its issuer, trusted for this" },
	{ "spc-parent", "POLICY", &opt.spc_parent, NULL,
	    "numbers below an SPC without inventory: accept, reject or flag" },
	{ "number", "NUMBER", &opt.number, NULL,
	    "may the leaf sign for this number" },
	{ "json", NULL, NULL, &opt.json, "print JSON" },
};
static const struct dca_option lint_options[] = {
	{ "pack", "NAME", &opt.pack, NULL,
	    "rules of this pack instead of those of the certificate's type" },
	{ "issuer", "FILE", &opt.issuer, NULL,
	    "issuer of those whose issuer does not follow in the file" },
	{ "policy", "OIDS", &opt.policy, NULL,
	    "certificate policies beside those of the US SHAKEN CP" },
	{ "crldp-optional", NULL, NULL, &opt.crldp_optional,
	    "a delegate certificate may have no CRL" },
	{ "cn-shaken", NULL, NULL, &opt.cn_shaken,
	    "a delegate certificate has SHAKEN in its CN" },
	{ "json", NULL, NULL, &opt.json, "an object per certificate and line" },
	{ "verdicts", NULL, NULL, &opt.verdicts,
	    "a letter for each of the 57 published rules" },
	{ "rules", NULL, NULL, &opt.rules, "print the rules instead" },
};
static const struct dca_option list_options[] = {
	{ "strict", NULL, NULL, &opt.strict,
	    "as this CA reads a request: no range up to 10^digits" },
};
static const struct dca_option ledger_options[] = {
	{ "operators", NULL, NULL, &opt.operators,
	    "also what each operator signed" },
};
static const struct dca_command commands[] = {
	{ "chain", "[FILE]",
	    "path and scope of a chain, leaf first (- is stdin)",
	    chain_options, sizeof(chain_options) / sizeof(chain_options[0]), 0,
	    1, run_chain },
	{ "lint", "[FILE|DIR...]",
	    "what the rules say of certificates, PEM or DER (- is stdin)",
	    lint_options, sizeof(lint_options) / sizeof(lint_options[0]), 0,
	    INT_MAX, run_lint },
	{ "ledger", "FILE", "every row and view of a store", ledger_options,
	    sizeof(ledger_options) / sizeof(ledger_options[0]), 1, 1,
	    run_ledger },
	{ "scope", "PARENT CHILD",
	    "is the list CHILD inside the list PARENT (text, hex, base64url, "
	    "@FILE, -)", list_options, 1, 2, 2, run_scope },
	{ "tn", "LIST", "a list in all its forms, explained", list_options, 1, 1,
	    1, run_tn },
};

int
main(int argc, char **argv)
{
	return dca_command_run("dca-verify", "verify as a relying party does",
	    commands, sizeof(commands) / sizeof(commands[0]), NULL, 0, argc,
	    argv, NULL);
}
