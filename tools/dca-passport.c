/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PASSporTs by hand: signs one as an authentication service does, judges one
 * as a verification service does, and says which rule a refusal rests on.
 */
#include "dca-passport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "people.h"

#define PROGRAM "dca-passport"
enum { MAX_AGE = 60 };	/* RFC 8224 6.2 step 4 */

static struct {
	const char *key, *module, *pin_file, *cert;
	const char *x5u, *orig, *dest, *ppt, *attest, *origid, *div;
	const char *rcd, *rcd_name, *crn, *iat;
	const char *roots, *time, *max_age, *tls_ca, *chain, *cache;
	const char *crl, *crl_signer, *inventory, *spc_parent, *delegate;
	bool identity, sip, json;
} opt;

static int
usage(const char *what)
{
	fprintf(stderr, PROGRAM ": %s\n", what);
	return 2;
}

/* Whole seconds, not negative. */
static bool
seconds(int64_t *out, const char *text)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *text != '-' &&
	    *text != '+' && *text != ' ' && *out <= INT64_C(1) << 40;
}

/* --- sign --- */

static int
run_sign(int argc, char **argv, void *arg)
{
	struct sign_ask ask = {
		.spec = { .x5u = opt.x5u, .orig = opt.orig, .dest = opt.dest,
			.attest = opt.attest, .origid = opt.origid,
			.div = opt.div, .rcd = opt.rcd,
			.rcd_name = opt.rcd_name, .crn = opt.crn,
			.iat = dca_now() },
		.key = opt.key, .module = opt.module,
		.pin_file = opt.pin_file, .cert = opt.cert,
		.identity = opt.identity, .sip = opt.sip,
	};
	DCA_AUTO_OUT o = { 0 };
	struct dca_err e = { 0 };

	(void)argc;
	(void)argv;
	(void)arg;
	if (opt.key == NULL || opt.x5u == NULL)
		return usage("sign needs --key and --x5u");
	if (!opt.sip && (opt.orig == NULL || opt.dest == NULL))
		return usage("sign needs --orig and --dest, or --sip");
	if (opt.identity && opt.sip)
		return usage("--identity or --sip, not both");
	if (opt.rcd != NULL && opt.rcd_name != NULL)
		return usage("--rcd or --rcd-name, not both");
	if (opt.ppt != NULL &&
	    (opt.ppt[0] == '\0' ||
	    !passport_type_parse(&ask.spec.type, opt.ppt)))
		return usage("--ppt is shaken, div or rcd");
	if ((opt.attest != NULL || opt.origid != NULL) !=
	    (ask.spec.type == PASSPORT_SHAKEN))
		return usage("--attest and --origid go with --ppt shaken");
	if ((opt.div != NULL) != (ask.spec.type == PASSPORT_DIV))
		return usage("--div goes with --ppt div");
	if (opt.iat != NULL && !seconds(&ask.spec.iat, opt.iat))
		return usage("--iat is a number of seconds since 1970");
	if (passport_sign_run(&o, &ask, &e) != DCA_OK)
		return dca_show_error(PROGRAM, &e, false);
	if (fwrite(o.p, 1, o.n, stdout) != o.n || fflush(stdout) != 0)
		return usage("cannot write");
	return 0;
}

/* --- verify --- */

static const char *
wrong_use(struct judge_ask *ask, bool has_token)
{
	if (ask->sip && has_token)
		return "--sip reads a request from the standard input: give "
		    "no token";
	if (opt.time != NULL && !dca_time_parse(&ask->when, opt.time))
		return "--time is like 2026-12-01T00:00:00Z";
	if (opt.max_age != NULL && !seconds(&ask->max_age, opt.max_age))
		return "--max-age is a number of seconds";
	if ((opt.crl == NULL) != (opt.crl_signer == NULL))
		return "--crl and --crl-signer go together";
	if (opt.chain != NULL && (opt.cache != NULL || opt.tls_ca != NULL))
		return "--chain is instead of fetching: without --cache and "
		    "--tls-ca";
	if (!verify_spc_parse(&ask->trust.spc, opt.spc_parent))
		return "--spc-parent is accept, reject or flag";
	if (opt.delegate != NULL && strcmp(opt.delegate, "accept") != 0 &&
	    strcmp(opt.delegate, "reject") != 0)
		return "--shaken-by-delegate is accept or reject";
	return NULL;
}

static int
run_verify(int argc, char **argv, void *arg)
{
	struct judge_ask ask = {
		.trust = { .tls_ca = opt.tls_ca, .roots = opt.roots,
			.inventory = opt.inventory, .crl = opt.crl,
			.crl_signer = opt.crl_signer },
		.token = argc == 1 ? argv[0] : NULL,
		.chain = opt.chain, .cache = opt.cache,
		.orig = opt.orig, .dest = opt.dest,
		.when = dca_now(), .max_age = MAX_AGE, .sip = opt.sip,
		.no_shaken_by_delegate = opt.delegate != NULL &&
		    strcmp(opt.delegate, "reject") == 0,
	};
	const char *wrong = wrong_use(&ask, argc == 1);
	struct judgement j = { 0 };
	struct dca_err e = { 0 };
	int code = 2;

	(void)arg;
	if (wrong != NULL)
		return usage(wrong);
	if (passport_judge(&j, &ask, &e) != DCA_OK) {
		/* no verdict without what to judge by */
		(void)dca_show_error(PROGRAM, &e, false);
	} else {
		code = dca_exit_code(dca_problem(j.err.rule)->rc);
		if (opt.json)
			judgement_json(&j, &ask);
		else
			judgement_text(&j, &ask);
	}
	judgement_clear(&j);
	return code;
}

static const struct dca_option sign_options[] = {
	{ "key", "KEY", &opt.key, NULL,
	    "private key: PEM file or pkcs11: URI" },
	{ "module", "SO", &opt.module, NULL, "PKCS#11 module of the token" },
	{ "pin-file", "FILE", &opt.pin_file, NULL,
	    "user PIN of the token, file of mode 0600" },
	{ "x5u", "URL", &opt.x5u, NULL, "where the chain is published" },
	{ "orig", "TN|URI", &opt.orig, NULL, "who calls" },
	{ "dest", "TN|URI,...", &opt.dest, NULL, "who is called" },
	{ "ppt", "TYPE", &opt.ppt, NULL,
	    "shaken, div or rcd; default a base PASSporT" },
	{ "attest", "A|B|C", &opt.attest, NULL, "of shaken" },
	{ "origid", "UUID", &opt.origid, NULL,
	    "of shaken; default a random one" },
	{ "div", "TN|URI", &opt.div, NULL, "of div: who diverted" },
	{ "rcd", "JSON", &opt.rcd, NULL, "rich call data, the claim" },
	{ "rcd-name", "TEXT", &opt.rcd_name, NULL,
	    "rich call data, only a name" },
	{ "crn", "TEXT", &opt.crn, NULL, "call reason" },
	{ "iat", "SECONDS", &opt.iat, NULL,
	    "time of signing, since 1970; default now" },
	{ "cert", "FILE", &opt.cert, NULL,
	    "sign only what this certificate of the key carries" },
	{ "identity", NULL, NULL, &opt.identity,
	    "print the value of an Identity header" },
	{ "sip", NULL, NULL, &opt.sip,
	    "INVITE on stdin, the same with an Identity header on stdout" },
};
static const struct dca_option verify_options[] = {
	{ "sip", NULL, NULL, &opt.sip,
	    "an INVITE on stdin, with all its Identity headers" },
	{ "orig", "TN|URI", &opt.orig, NULL,
	    "who calls, known from elsewhere" },
	{ "dest", "TN|URI", &opt.dest, NULL,
	    "who is called, known from elsewhere" },
	{ "roots", "FILE", &opt.roots, NULL,
	    "trusted roots, PEM; default " VERIFY_ROOTS },
	{ "time", "RFC3339", &opt.time, NULL,
	    "judge as of this time; default now" },
	{ "max-age", "SECONDS", &opt.max_age, NULL,
	    "how far iat may be from it, both ways; default 60" },
	{ "tls-ca", "FILE", &opt.tls_ca, NULL,
	    "CAs for the TLS of x5u; default the system's" },
	{ "chain", "FILE", &opt.chain, NULL,
	    "what x5u would answer; nothing is fetched" },
	{ "cache", "DIR", &opt.cache, NULL,
	    "keep fetched chains here and use them again" },
	{ "crl", "FILE", &opt.crl, NULL,
	    "revocation list to ask, PEM or DER" },
	{ "crl-signer", "FILE", &opt.crl_signer, NULL,
	    "certificate of its issuer, trusted for this" },
	{ "inventory", "FILE", &opt.inventory, NULL,
	    "numbers of each SPC, CSV start,count,spc" },
	{ "spc-parent", "POLICY", &opt.spc_parent, NULL,
	    "numbers below an SPC without inventory: accept, reject or flag" },
	{ "shaken-by-delegate", "POLICY", &opt.delegate, NULL,
	    "shaken by a certificate without SPC: accept or reject" },
	{ "json", NULL, NULL, &opt.json, "print JSON" },
};
static const struct dca_command commands[] = {
	{ "sign", "", "make a PASSporT and sign it", sign_options,
	    sizeof(sign_options) / sizeof(sign_options[0]), 0, 0, run_sign },
	{ "verify", "[TOKEN|-]",
	    "judge a PASSporT (token or Identity value; - is stdin)",
	    verify_options, sizeof(verify_options) / sizeof(verify_options[0]),
	    0, 1, run_verify },
};

int
main(int argc, char **argv)
{
	return dca_command_run(PROGRAM, "sign and verify PASSporTs",
	    commands, sizeof(commands) / sizeof(commands[0]), NULL, 0, argc,
	    argv, NULL);
}
