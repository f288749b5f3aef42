/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relying party's hand tool: is this chain, this scope, this ledger what
 * it should be, and if not, which rule says so. It reads files, one URL, and a
 * copy of the store; it changes nothing and holds no key.
 */
#include "dca-verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/os.h"
#include "dca/store.h"
#include "dca/tnauthlist.h"

#define ROOTS "/etc/dca/roots.pem"

static struct {
	const char *roots, *time, *url, *tls_ca, *inventory;
	bool json, operators;
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

static enum dca_rc
read_chain(struct dca_certs *chain, const char *file, struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	enum dca_rc rc;

	if (opt.url != NULL)
		rc = dca_fetch(&in, opt.url, opt.tls_ca, e);
	else
		rc = dca_file_read(&in, file, VERIFY_FILE_MAX, e);
	if (rc != DCA_OK)
		return rc;
	return dca_certs_parse(chain, dca_out_buf(&in), VERIFY_CHAIN_MAX, e);
}

static enum dca_rc
read_roots(struct dca_certs *roots, struct dca_err *e)
{
	const char *file = opt.roots != NULL ? opt.roots : ROOTS;
	DCA_AUTO_OUT in = { 0 };
	enum dca_rc rc;

	if ((rc = dca_file_read(&in, file, VERIFY_FILE_MAX, e)) == DCA_OK)
		rc = dca_certs_parse(roots, dca_out_buf(&in), VERIFY_ROOTS_MAX,
		    e);
	return rc == DCA_OK ? rc : dca_fail_in(e, "trusted roots (--roots)");
}

/* Every number of the provider that the file names. */
static const struct dca_tnset *
numbers_of(void *arg, const char *spc)
{
	return verify_inventory_numbers(arg, spc);
}

/* A chain that cannot be read or fetched is reported like one refused. */
static int
judge(const char *file, const struct dca_certs *roots, int64_t when,
    struct verify_inventory *numbers)
{
	struct dca_inventory inventory = { numbers_of, numbers };
	struct dca_err e = { .rule = DCA_RULE_NONE };
	struct dca_chain_result res = { 0 };
	struct dca_certs chain = { 0 };
	struct verify_report report = { &chain, &res, &e, when };
	enum dca_rc rc;

	rc = read_chain(&chain, file, &e);
	if (rc == DCA_OK)
		rc = dca_chain_verify(&chain, roots, when,
		    numbers != NULL ? &inventory : NULL, &res, &e);
	if (opt.json)
		verify_report_json(&report);
	else
		verify_report_text(&report);
	dca_certs_clear(&chain);
	return dca_exit_code(rc);
}

static int
run_chain(int argc, char **argv, void *arg)
{
	struct verify_inventory *numbers = NULL;
	struct dca_certs roots = { 0 };
	struct dca_err e = { 0 };
	int64_t when = dca_now();
	enum dca_rc rc;
	int code;

	(void)arg;
	if ((opt.url == NULL) != (argc == 1)) {
		fprintf(stderr, "dca-verify: give either FILE or --url URL\n");
		return 2;
	}
	if (opt.time != NULL && !dca_time_parse(&when, opt.time)) {
		fprintf(stderr,
		    "dca-verify: --time is like 2026-12-01T00:00:00Z\n");
		return 2;
	}
	rc = read_roots(&roots, &e);
	if (rc == DCA_OK && opt.inventory != NULL)
		rc = verify_inventory_read(&numbers, opt.inventory, &e);
	if (rc == DCA_OK) {
		code = judge(argc == 1 ? argv[0] : NULL, &roots, when,
		    numbers);
	} else {
		(void)finish(rc, &e);
		code = 2;	/* no verdict without trust anchors */
	}
	verify_inventory_free(numbers);
	dca_certs_clear(&roots);
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
	if ((rc = verify_list(parent, argv[0], &e)) != DCA_OK) {
		(void)dca_fail_in(&e, "parent");
		return finish(rc, &e);
	}
	if ((rc = verify_list(child, argv[1], &e)) != DCA_OK) {
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
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s = dca_tnset_new();
	DCA_AUTO_OUT text = { 0 };
	DCA_AUTO_OUT der = { 0 };
	DCA_AUTO_OUT b64 = { 0 };
	DCA_CLEANUP(dca_free_p) char *hex = NULL;
	struct dca_err e = { 0 };
	enum dca_rc rc;

	(void)argc;
	(void)arg;
	if ((rc = verify_list(s, argv[0], &e)) != DCA_OK)
		return finish(rc, &e);
	if (dca_tnset_empty(s))
		return finish(dca_fail(&e, DCA_RULE_TN_EMPTY, "no entry"), &e);
	dca_tnset_print(s, &text);
	dca_tnauthlist_encode(&der, s);
	dca_b64url(&b64, dca_out_buf(&der));
	hex = dca_alloc(2 * der.n + 1);
	dca_hex(hex, der.p, der.n);
	printf("text       %.*s\nDER        %s\nbase64url  %.*s\n",
	    (int)text.n, (const char *)text.p, hex, (int)b64.n,
	    (const char *)b64.p);
	return 0;
}

static const struct dca_option chain_options[] = {
	{ "roots", "FILE", &opt.roots, NULL,
	    "trusted roots, PEM; default " ROOTS },
	{ "time", "RFC3339", &opt.time, NULL,
	    "judge as of this time; default now" },
	{ "inventory", "FILE", &opt.inventory, NULL,
	    "numbers of each SPC, CSV start,count,spc" },
	{ "url", "X5U", &opt.url, NULL,
	    "fetch the chain as a verifier does, instead of FILE" },
	{ "tls-ca", "FILE", &opt.tls_ca, NULL,
	    "CAs for the TLS of --url; default the system's" },
	{ "json", NULL, NULL, &opt.json, "print JSON" },
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
	{ "ledger", "FILE", "every row and view of a store", ledger_options,
	    sizeof(ledger_options) / sizeof(ledger_options[0]), 1, 1,
	    run_ledger },
	{ "scope", "PARENT CHILD",
	    "is the list CHILD inside the list PARENT (text, hex, base64url, "
	    "@FILE)", NULL, 0, 2, 2, run_scope },
	{ "tn", "LIST", "a list in all its forms", NULL, 0, 1, 1, run_tn },
};

int
main(int argc, char **argv)
{
	return dca_command_run("dca-verify", "verify as a relying party does",
	    commands, sizeof(commands) / sizeof(commands[0]), NULL, 0, argc,
	    argv, NULL);
}
