/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-upstream: orders cross-certificates at an STI-CA with SPC tokens of the
 * STI-PA, and watches the STI-PA's CRL, for the vault. It holds the login of
 * the STI-PA and the ACME account key, and neither CA key nor store nor PIN.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/jail.h"

#include "upstream.h"

#define KEY(section, key, type, member, fallback, help)                        \
	{ section, key, type, offsetof(struct settings, member),               \
	    sizeof(((struct settings *)0)->member), fallback, NULL, help }
#define SECONDS(section, key, member, fallback, help)                          \
	{ section, key, DCA_CONF_SECONDS, offsetof(struct settings, member),   \
	    0, fallback, NULL, help }

static const struct dca_config_key keys[] = {
	KEY("sti-pa", "base_url", DCA_CONF_TEXT, pa_base, NULL,
	    "https URL of the STI-PA, before /api/v1"),
	KEY("sti-pa", "user", DCA_CONF_TEXT, pa_user, NULL,
	    "userId of the login"),
	KEY("sti-pa", "password_file", DCA_CONF_TEXT, pa_password, NULL,
	    "file that holds the password; read at each login"),
	KEY("sti-pa", "participant", DCA_CONF_TEXT, pa_participant, NULL,
	    "id of the account that the token is asked for"),
	KEY("sti-pa", "root", DCA_CONF_TEXT, pa_root, NULL,
	    "PEM file: root of who signs tokens, lists and CRLs"),
	KEY("sti-pa", "crl_url", DCA_CONF_TEXT, crl_url, "",
	    "https URL of the STI-PA's CRL; empty: not watched"),
	KEY("sti-pa", "crl_signer_url", DCA_CONF_TEXT, crl_signer, "",
	    "https URL of the certificate that signs it"),
	SECONDS("sti-pa", "crl_every", crl_every, "1d",
	    "how often the CRL is fetched"),
	KEY("sti-ca", "directory", DCA_CONF_TEXT, ca_directory, NULL,
	    "https URL of the ACME directory"),
	KEY("sti-ca", "contact", DCA_CONF_TEXT, ca_contact, "",
	    "mailto: address for the account"),
	KEY("sti-ca", "eab_kid", DCA_CONF_TEXT, ca_eab_kid, "",
	    "key id of the external account binding"),
	KEY("sti-ca", "eab_key_file", DCA_CONF_TEXT, ca_eab_key, "",
	    "file that holds its key in base64url"),
	KEY("sti-ca", "vendor_kid", DCA_CONF_TEXT, ca_vendor_kid, "",
	    "kid for the JWK (quirk account-empty)"),
	KEY("sti-ca", "dialect", DCA_CONF_TEXT, dialect, "rfc",
	    "rfc, peeringhub or martini"),
	KEY("sti-ca", "quirks", DCA_CONF_TEXT, quirks, "",
	    "switches beside the dialect's, comma separated, -name: off"),
	SECONDS("sti-ca", "validity", validity, "365d",
	    "notAfter that is asked for where one is named"),
	KEY("http", "tls_ca", DCA_CONF_TEXT, tls_ca, "",
	    "PEM file of CAs for TLS; empty: the system's"),
	KEY("http", "proxy", DCA_CONF_TEXT, proxy, "",
	    "proxy URL; empty: as the environment says"),
	SECONDS("http", "timeout", timeout, "30s",
	    "longest time for one request"),
	SECONDS("http", "retry", retry, "60s",
	    "first pause after a failure that may pass; doubles up to 1h"),
	KEY("state", "directory", DCA_CONF_TEXT, state, "",
	    "account key and open orders; default /var/lib/dca/upstream"),
	KEY("vault", "socket", DCA_CONF_TEXT, socket, "",
	    "the vault's socket; default /run/dca/upstream.sock"),
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static struct {
	const char *prefix, *config, *reason;
	bool debug, help_config, once;
} opt;

static void
place(char path[static 4096], const char *fallback)
{
	if (path[0] == '\0')
		dca_path(path, opt.prefix, "%s", fallback);
}

static enum dca_rc
check_settings(const struct settings *s, struct dca_err *e)
{
	const char *const urls[] = { s->pa_base, s->ca_directory };

	for (size_t i = 0; i < 2; i++)
		if (strncmp(urls[i], "https://", 8) != 0)
			return dca_fail(e, DCA_RULE_CONFIG,
			    "%s is not https", urls[i]);
	if ((s->crl_url[0] == '\0') != (s->crl_signer[0] == '\0'))
		return dca_fail(e, DCA_RULE_CONFIG,
		    "[sti-pa] crl_url and crl_signer_url go together");
	if (strspn(s->pa_participant, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
	    strlen(s->pa_participant) || s->pa_participant[0] == '\0')
		return dca_fail(e, DCA_RULE_CONFIG,
		    "[sti-pa] participant is not letters and digits");
	if (s->timeout < 1 || s->retry < 1 || s->crl_every < 1)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "timeout, retry and crl_every are at least 1 s");
	return DCA_OK;
}

static enum dca_rc
read_settings(struct settings *s, struct dca_err *e)
{
	char path[4096];
	enum dca_rc rc;

	memset(s, 0, sizeof(*s));
	dca_path(path, opt.config == NULL ? opt.prefix : NULL, "%s",
	    opt.config == NULL ? "/etc/dca/upstream.conf" : opt.config);
	if ((rc = dca_config_load(s, keys, KEYS, path, e)))
		return rc;
	place(s->state, "/var/lib/dca/upstream");
	place(s->socket, "/run/dca/upstream.sock");
	return check_settings(s, e);
}

static int
trouble(const char *what, const struct dca_err *e)
{
	dca_log_err(DCA_ERR, what, e);
	return dca_exit_code(dca_problem(e->rule)->rc);
}

static enum dca_rc
begin(struct settings *s, struct services *v, struct dca_err *e)
{
	enum dca_rc rc;

	dca_log_init("dca-upstream", opt.debug ? DCA_DEBUG : DCA_INFO);
	memset(v, 0, sizeof(*v));
	if ((rc = read_settings(s, e)))
		return rc;
	dca_harden();
	return services_open(v, s, e);
}

/* --- run --- */

/* What the environment says where the configuration is silent, as libcurl. */
static const char *
proxy_of(const struct settings *s)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY" };
	const char *v;

	if (s->proxy[0] != '\0')
		return s->proxy;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((v = getenv(names[i])) != NULL && v[0] != '\0')
			return v;
	return NULL;
}

static void
enter_jail(const struct settings *s)
{
	enum { DNS = 53 };
	const char *proxy = proxy_of(s);
	struct dca_jail_paths p = { .write = { s->state },
		.read = { s->pa_password, s->ca_eab_key, s->tls_ca },
		.tcp = { DNS, dca_jail_port(s->pa_base),
		    dca_jail_port(s->ca_directory),
		    dca_jail_port(proxy != NULL ? proxy : s->crl_url) } };

	dca_jail_enter(DCA_JAIL_UPSTREAM, &p);
}

static int
run(int argc, char **argv, void *arg)
{
	struct settings s;
	struct services v;
	struct upstream *u;
	struct dca_loop *l;
	struct dca_err e = { 0 };
	enum dca_rc rc;
	int code = 0;

	(void)argc;
	(void)argv;
	(void)arg;
	if (opt.help_config) {
		dca_config_print(keys, KEYS);
		return 0;
	}
	rc = begin(&s, &v, &e);
	if (rc == DCA_OK) {
		l = dca_loop_new();
		u = upstream_new(l, &v, opt.once);
		enter_jail(&s);
		dca_log(DCA_INFO, "ready version=%s", DCA_VERSION);
		dca_loop_run(l);
		code = opt.once && upstream_failed(u) ? 1 : 0;
		upstream_free(u);
		dca_loop_free(l);
	} else {
		code = trouble("not started", &e);
	}
	services_close(&v);
	return code;
}

/* --- check: is everything that an order needs there? --- */

static enum dca_rc
check_services(struct services *v, const char *none, struct dca_err *e)
{
	char form[JOSE_FINGERPRINT];
	struct dca_certs roots = { 0 };
	enum dca_rc rc;

	(void)none;
	if ((rc = services_login(v, e)))
		return rc;
	printf("STI-PA login        done\n");
	rc = stipa_list(v->pa, dca_now(), &v->account.sequence, &roots, e);
	printf("trusted STI-CAs     %zu, signature verified\n", roots.n);
	dca_certs_clear(&roots);
	if (rc != DCA_OK || (rc = services_ca(v, e)))
		return rc;
	printf("ACME account        %s\n", v->account.url);
	jose_fingerprint(form, &v->account.public, v->quirks.fingerprint_spki);
	printf("account fingerprint %s\n", form);
	return DCA_OK;
}

/* --- the account --- */

static enum dca_rc
change_key(struct services *v, const char *none, struct dca_err *e)
{
	EVP_PKEY *key = NULL;
	enum dca_rc rc;

	(void)none;
	if ((rc = services_ca(v, e)) ||
	    (rc = account_next_key(v->s->state, &key, e)))
		return rc;
	rc = acme_key_change(v->ca, key, e);
	if (rc == DCA_OK)
		rc = account_take_next(&v->account, v->s->state, key, e);
	if (rc == DCA_OK)
		printf("%s has a new key\n", v->account.url);
	EVP_PKEY_free(key);
	return rc;
}

static enum dca_rc
revoke(struct services *v, const char *file, struct dca_err *e)
{
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT in = { 0 };
	char *end = NULL;
	long reason = opt.reason != NULL ? strtol(opt.reason, &end, 10) : 0;
	enum dca_rc rc;

	if ((end != NULL && *end != '\0') || reason < 0 || reason > 10)
		return dca_fail(e, DCA_RULE_INPUT,
		    "--reason takes 0 to 10 (RFC 5280 5.3.1)");
	if ((rc = dca_file_read(&in, file, DCA_CERT_MAX, e)) ||
	    (rc = dca_certs_parse(&certs, dca_out_buf(&in), 8, e)))
		return rc;
	if (certs.n == 0)
		rc = dca_fail(e, DCA_RULE_INPUT, "%s: no certificate", file);
	else if ((rc = services_ca(v, e)) == DCA_OK)
		rc = acme_revoke(v->ca, dca_out_buf(&certs.v[0].der),
		    (int)reason, e);
	if (rc == DCA_OK)
		printf("%s: the STI-CA has revoked it\n", file);
	dca_certs_clear(&certs);
	return rc;
}

/* --- what is done once --- */

/* Says what it did itself. argument: NULL without one. */
typedef enum dca_rc (*once_fn)(struct services *v, const char *argument,
    struct dca_err *e);

static int
run_once(once_fn fn, const char *what, const char *argument)
{
	struct settings s;
	struct services v;
	struct dca_err e = { 0 };
	enum dca_rc rc = begin(&s, &v, &e);

	if (rc == DCA_OK)
		rc = fn(&v, argument, &e);
	services_close(&v);
	return rc ? trouble(what, &e) : 0;
}

static int
run_check(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	(void)arg;
	return run_once(check_services, "check", NULL);
}

static int
run_key_change(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	(void)arg;
	return run_once(change_key, "key-change", NULL);
}

static int
run_revoke(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)arg;
	return run_once(revoke, "revoke", argv[0]);
}

static const struct dca_option common[] = {
	{ "prefix", "DIR", &opt.prefix, NULL, "moves all default paths" },
	{ "config", "FILE", &opt.config, NULL,
	    "default /etc/dca/upstream.conf" },
	{ "debug", NULL, NULL, &opt.debug, "log more" },
};
static const struct dca_option run_options[] = {
	{ "once", NULL, NULL, &opt.once, "do the open orders and end" },
	{ "help-config", NULL, NULL, &opt.help_config,
	    "print a commented configuration" },
};
static const struct dca_option revoke_options[] = {
	{ "reason", "N", &opt.reason, NULL, "RFC 5280 5.3.1; default 0" },
};
#define OPTIONS(v) v, sizeof(v) / sizeof((v)[0])
static const struct dca_command commands[] = {
	{ "run", "", "serve the vault", OPTIONS(run_options), 0, 0, run },
	{ "check", "", "log in, fetch the list, find the account", NULL, 0, 0,
	    0, run_check },
	{ "key-change", "", "give the ACME account a new key", NULL, 0, 0, 0,
	    run_key_change },
	{ "revoke", "CERT", "let the STI-CA revoke a certificate of ours",
	    OPTIONS(revoke_options), 1, 1, run_revoke },
};

int
main(int argc, char **argv)
{
	return dca_command_run("dca-upstream",
	    "cross-certificates from STI-PA and STI-CA", OPTIONS(commands),
	    OPTIONS(common), argc, argv, NULL);
}
