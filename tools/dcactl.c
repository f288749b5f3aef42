/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl, the hands of the operator: the table of its commands and the common
 * options. What a command does stands in the file of its noun; this file
 * decides nothing.
 */
#include "dcactl.h"

#include <openssl/evp.h>

struct ctl_options ctl_opt;

#define TEXT(n, a, member, h) { (n), (a), &ctl_opt.member, NULL, (h) }
#define FLAG(n, member, h) { (n), NULL, NULL, &ctl_opt.member, (h) }

static const struct dca_option init_server[] = {
	TEXT("out", "DIR", out, "where server.key and server.pem go"),
	TEXT("host", "NAME", host, "name or address in server.pem"),
};
static const struct dca_option init_operator[] = {
	TEXT("url", "URL", url, "the front, coaps://host:port"),
	TEXT("server", "sha256:HEX", server, "key of the front, as printed by"
	    " init server"),
};
static const struct dca_option operator_claim[] = {
	TEXT("url", "URL", url, "the front, coaps://host:port"),
	TEXT("server", "sha256:HEX", server, "its key, as the console shows"
	    " it"),
	TEXT("code", "CODE", code, "what the console shows; a new one at each"
	    " start and after five wrong ones"),
};
static const struct dca_option operator_add[] = {
	TEXT("role", "ROLE", role, "admin, operator or auditor"),
	TEXT("cert", "FILE", cert, "certificate or public key, PEM"),
};
#define CLAIMS                                                                 \
	TEXT("must-include", "CLAIMS", must_include,                            \
	    "claims its PASSporTs must have"),                                  \
	TEXT("must-exclude", "CLAIMS", must_exclude,                            \
	    "claims they must not have"),                                       \
	TEXT("permit", "CLAIM=VALUE", permit,                                   \
	    "the only values of a claim; one a line"),                          \
	TEXT("rcd-name", "NAME", rcd_name,                                      \
	    "the calling name they must show, and no other"),                   \
	FLAG("no-constraints", no_constraints, "no claim constraints any more")
static const struct dca_option customer_add[] = {
	TEXT("name", "NAME", name, "organisation, O of the subject"),
	TEXT("country", "CC", country, "C of the subject, two letters"),
	TEXT("cn", "NAME", cn, "CN of the subject"),
	TEXT("passports", "LIST", passports,
	    "PASSporT types: shaken,div,rcd (default: all)"),
	CLAIMS,
};
static const struct dca_option customer_set[] = {
	TEXT("name", "NAME", name, "organisation, O of the subject"),
	TEXT("country", "CC", country, "C of the subject, two letters"),
	TEXT("cn", "NAME", cn, "CN of the subject"),
	TEXT("passports", "LIST", passports,
	    "PASSporT types: shaken,div,rcd"),
	CLAIMS,
};
static const struct dca_option customer_pin[] = {
	TEXT("cert", "FILE", cert, "certificate with the key, PEM"),
	TEXT("key", "FILE", key, "the key itself, PEM"),
};
static const struct dca_option of_customer[] = {
	TEXT("customer", "ID", customer, "of this customer only"),
};
#define REASON                                                                 \
	TEXT("reason", "NAME", reason, "why: unspecified, keyCompromise,"       \
	    " affiliationChanged, superseded, cessationOfOperation,"            \
	    " privilegeWithdrawn")
static const struct dca_option delegation_remove[] = {
	TEXT("customer", "ID", customer, "from whom"),
	TEXT("numbers", "LIST", numbers, "which: 12025550100,12025550200+100"),
	FLAG("revoke", revoke, "and revoke the live certificates with them"),
	REASON,
};
static const struct dca_option delegation_end[] = {
	TEXT("customer", "ID", customer, "whose"),
	TEXT("numbers", "LIST", numbers, "which: 12025550100,12025550200+100"),
	TEXT("not-after", "TIME", not_after, "last moment, RFC 3339 UTC"),
	FLAG("revoke", revoke,
	    "and revoke the live certificates that last longer"),
	REASON,
};
static const struct dca_option revoke[] = {
	TEXT("serial", "HEX", serial, "this certificate"),
	TEXT("customer", "ID", customer, "all live ones of this customer"),
	TEXT("numbers", "LIST", numbers,
	    "all live ones with one of these numbers"),
	REASON,
};
static const struct dca_option code_create[] = {
	TEXT("customer", "ID", customer, "who shall enrol"),
	TEXT("ttl", "SPAN", ttl, "how long the code lives (default 7d)"),
	TEXT("server-url", "URL", server_url, "address of the front as the"
	    " customer reaches it (default: that of the profile)"),
};
static const struct dca_option issue[] = {
	TEXT("customer", "ID", customer, "for whom"),
	TEXT("csr", "FILE", csr, "PKCS#10 request, PEM or DER"),
	FLAG("dry-run", dry_run, "only the verdict; nothing is signed"),
	TEXT("out", "FILE", out, "where the certificate goes, PEM"),
};
static const struct dca_option cert_show[] = {
	TEXT("out", "FILE", out, "where the certificate goes, PEM"),
};
static const struct dca_option cross_order[] = {
	TEXT("scope", "LIST", scope,
	    "what it shall cover (default: that of the active one)"),
	TEXT("key", "new|keep", new_key,
	    "a new key in the token, or the same (default: configured)"),
};
static const struct dca_option cross_chain[] = {
	TEXT("out", "FILE", out, "where the chain goes (default: shown)"),
};
static const struct dca_option update_install[] = {
	TEXT("sha256", "HEX", sha256, "what its file must be"),
};
static const struct dca_option box_reset[] = {
	FLAG("force", force, "even when the box would rather not"),
};
static const struct dca_option approve[] = {
	FLAG("yes", yes, "sign without asking"),
};

#define OPT(t) (t), N_OF(t)
#define NONE NULL, 0

static const struct dca_command commands[] = {
	{ "init server", "", "make the key and certificate of a front",
	    OPT(init_server), 0, 0, ctl_init_server },
	{ "init operator", "ID", "make key, certificate and profile",
	    OPT(init_operator), 1, 1, ctl_init_operator },
	{ "status", "", "how the appliance does", NONE, 0, 0, ctl_status },
	{ "operator claim", "ID", "become the first admin, by what the"
	    " console shows", OPT(operator_claim), 1, 1, ctl_operator_claim },
	{ "operator add", "ID", "let somebody operate (first one: --local)",
	    OPT(operator_add), 1, 1, ctl_operator_add },
	{ "operator list", "", "who operates", NONE, 0, 0, ctl_operator_list },
	{ "operator remove", "ID", "let somebody operate no more", NONE, 1, 1,
	    ctl_operator_remove },
	{ "customer add", "ID", "register a customer", OPT(customer_add), 1, 1,
	    ctl_customer_add },
	{ "customer set", "ID", "change what is named, from now on",
	    OPT(customer_set), 1, 1, ctl_customer_set },
	{ "customer list", "", "all customers", NONE, 0, 0, ctl_customer_list },
	{ "customer show", "ID", "one, with keys, numbers and certificates",
	    NONE, 1, 1, ctl_customer_show },
	{ "customer suspend", "ID", "issue nothing to it", NONE, 1, 1,
	    ctl_customer_suspend },
	{ "customer resume", "ID", "issue to it again", NONE, 1, 1,
	    ctl_customer_resume },
	{ "customer pin", "ID", "certify this key without a code",
	    OPT(customer_pin), 1, 1, ctl_customer_pin },
	{ "customer unpin", "ID", "no longer", OPT(customer_pin), 1, 1,
	    ctl_customer_unpin },
	{ "inventory import", "FILE", "numbers assigned: start,count,spc", NONE,
	    1, 1, ctl_inventory_import },
	{ "inventory list", "", "numbers assigned", NONE, 0, 0,
	    ctl_inventory_list },
	{ "delegation import", "FILE", "numbers delegated: customer,start,"
	    "count,not_before,not_after,shared", NONE, 1, 1,
	    ctl_delegation_import },
	{ "delegation list", "", "numbers delegated", OPT(of_customer), 0, 0,
	    ctl_delegation_list },
	{ "delegation remove", "", "take numbers back at once",
	    OPT(delegation_remove), 0, 0, ctl_delegation_remove },
	{ "delegation end", "", "take numbers back from a time on",
	    OPT(delegation_end), 0, 0, ctl_delegation_end },
	{ "code create", "", "print an enrolment packet (secret, one use)",
	    OPT(code_create), 0, 0, ctl_code_create },
	{ "code list", "", "codes, without the secret", OPT(of_customer), 0, 0,
	    ctl_code_list },
	{ "code revoke", "ID", "make a code useless", NONE, 1, 1,
	    ctl_code_revoke },
	{ "issue", "", "issue for a customer, or try whether it would be",
	    OPT(issue), 0, 0, ctl_issue },
	{ "cert list", "", "certificates issued", OPT(of_customer), 0, 0,
	    ctl_cert_list },
	{ "cert show", "SERIAL", "one of them", OPT(cert_show), 1, 1,
	    ctl_cert_show },
	{ "cross order", "", "order a cross-certificate, or go on with it",
	    OPT(cross_order), 0, 0, ctl_cross_order },
	{ "cross list", "", "cross-certificates and orders", NONE, 0, 0,
	    ctl_cross_list },
	{ "cross chain", "[ID]", "of the active one, or of that one, as PEM",
	    OPT(cross_chain), 0, 1, ctl_cross_chain },
	{ "cross activate", "ORDER", "sign for what an order brought",
	    OPT(approve), 1, 1, ctl_cross_activate },
	{ "cross drop", "ORDER", "give an order up", NONE, 1, 1,
	    ctl_cross_drop },
	{ "revoke", "", "make certificates invalid, for ever", OPT(revoke),
	    0, 0, ctl_revoke },
	{ "scope", "", "what may be issued now", OPT(of_customer), 0, 0,
	    ctl_scope },
	{ "ledger list", "", "the record", NONE, 0, 0, ctl_ledger_list },
	{ "proposal list", "", "acts that wait for a second admin", NONE, 0, 0,
	    ctl_proposal_list },
	{ "proposal drop", "ID", "it waits no longer", NONE, 1, 1,
	    ctl_proposal_drop },
	{ "token resume", "", "use the token again that was put out of service",
	    NONE, 0, 0, ctl_token_resume },
	{ "update install", "URL", "put a release beside the one that runs,"
	    " and try it: https://... or usb:NAME", OPT(update_install), 1, 1,
	    ctl_update_install },
	{ "update status", "", "how far it is", NONE, 0, 0, ctl_update_status },
	{ "update commit", "", "keep what is being tried", NONE, 0, 0,
	    ctl_update_commit },
	{ "update rollback", "", "go back to the other slot", NONE, 0, 0,
	    ctl_update_rollback },
	{ "box status", "", "what looks after the box says of it", NONE, 0, 0,
	    ctl_box_status },
	{ "box events", "", "what happened to it last", NONE, 0, 0,
	    ctl_box_events },
	{ "box reset", "", "back to a box that nobody set up",
	    OPT(box_reset), 0, 0, ctl_box_reset },
	{ "approve", "ID", "show a proposal and sign for it", OPT(approve), 1,
	    1, ctl_approve },
	{ "explain", "[RULE]", "what a rule means and what to do", NONE, 0, 1,
	    ctl_explain },
};

int
main(int argc, char **argv)
{
	struct ctl c = { 0 };
	const struct dca_option common[] = {
		{ "prefix", "DIR", &c.prefix, NULL,
		    "before /run/dca, for --local" },
		{ "profile", "DIR", &c.profile, NULL,
		    "key.pem, cert.pem, profile.ini (default ~/.config/dca)" },
		{ "json", NULL, NULL, &c.json, "JSON for programs" },
		{ "local", NULL, NULL, &c.local,
		    "over the admin socket, as root on the appliance" },
		{ "progress", NULL, NULL, &c.progress,
		    "progress bar even when stderr is no terminal" },
	};
	int rc;

	dca_harden();
	dca_log_init("dcactl", DCA_WARNING);
	rc = dca_command_run("dcactl",
	    "Operates a Delegate CA appliance: customers, numbers, codes, "
	    "certificates.\nExit: 0 done, 1 refused, 2 trouble.",
	    commands, N_OF(commands), common, N_OF(common), argc, argv, &c);
	dca_client_close(c.client);
	EVP_PKEY_free(c.key);
	X509_free(c.cert);
	return rc;
}
