/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-publisher: writes what the vault issued where a web server finds it,
 * reads it back as a relying party, and reports. Settings, then hardening,
 * then the loop.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "dca/jail.h"

#include "publisher.h"

#define KEY(section, key, type, member, fallback, help)                        \
	{ section, key, type, offsetof(struct settings, member),               \
	    sizeof(((struct settings *)0)->member), fallback, NULL, help }

static const struct dca_config_key keys[] = {
	KEY("files", "directory", DCA_CONF_TEXT, directory, "",
	    "where the chains are written; default "
	    "/var/lib/dca/publisher/sti"),
	KEY("files", "state", DCA_CONF_TEXT, state, "",
	    "position in the ledger; default /var/lib/dca/publisher/position"),
	KEY("readback", "base_url", DCA_CONF_TEXT, base_url, NULL,
	    "https URL under which the directory is served, without the last /"),
	KEY("readback", "tls_ca", DCA_CONF_TEXT, tls_ca, NULL,
	    "PEM file with the CA of the web server"),
	{ "readback", "timeout", DCA_CONF_SECONDS,
	    offsetof(struct settings, timeout), 600, "10s", NULL,
	    "longest time for one fetch" },
	KEY("vault", "socket", DCA_CONF_TEXT, socket, "",
	    "the vault's socket; default /run/dca/publisher.sock"),
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

struct options {
	const char *prefix, *config;
	bool debug, help_config;
};

/* A default is moved by the prefix; what is written is used as written. */
static void
place(char path[static 4096], const char *prefix, const char *fallback)
{
	if (path[0] == '\0')
		dca_path(path, prefix, "%s", fallback);
}

/* x5u without userinfo, query or fragment (ATIS-1000074), so without here. */
static enum dca_rc
check_url(char *url, struct dca_err *e)
{
	size_t n = strlen(url);

	if (strncmp(url, "https://", 8) != 0 || n == 8 ||
	    strpbrk(url, "?#@ ") != NULL)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "base_url %s is not https:// without userinfo, query and "
		    "fragment", url);
	while (n > 8 && url[n - 1] == '/')
		url[--n] = '\0';
	return DCA_OK;
}

static enum dca_rc
read_settings(struct settings *s, const struct options *o, struct dca_err *e)
{
	char path[4096];
	enum dca_rc rc;

	dca_path(path, o->config == NULL ? o->prefix : NULL, "%s",
	    o->config == NULL ? "/etc/dca/publisher.conf" : o->config);
	rc = dca_config_load(s, keys, KEYS, path, e);
	if (rc != DCA_OK)
		return rc;
	place(s->directory, o->prefix, "/var/lib/dca/publisher/sti");
	place(s->state, o->prefix, "/var/lib/dca/publisher/position");
	place(s->socket, o->prefix, "/run/dca/publisher.sock");
	if (s->timeout == 0)
		return dca_fail(e, DCA_RULE_CONFIG, "timeout is 0");
	return check_url(s->base_url, e);
}

/* The directory of a file: files are replaced by renaming. */
static const char *
parent(char path[static 4096])
{
	char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	slash[slash == path] = '\0';
	return path;
}

static void
enter_jail(const struct settings *s)
{
	enum { DNS = 53 };
	char state[4096], ca[4096];
	struct dca_jail_paths p = { .write = { s->directory },
		.tcp = { DNS, dca_jail_port(s->base_url) } };

	dca_strlcpy(state, s->state, sizeof(state));
	dca_strlcpy(ca, s->tls_ca, sizeof(ca));
	p.write[1] = parent(state);
	p.read[0] = parent(ca);
	dca_jail_enter(DCA_JAIL_PUBLISHER, &p);
}

static int
run(int argc, char **argv, void *arg)
{
	const struct options *o = arg;
	struct settings s;
	struct publisher *p = NULL;
	struct dca_loop *l;
	struct dca_err e = { 0 };
	enum dca_rc rc;

	(void)argc;
	(void)argv;
	if (o->help_config) {
		dca_config_print(keys, KEYS);
		return 0;
	}
	dca_log_init("dca-publisher", o->debug ? DCA_DEBUG : DCA_INFO);
	memset(&s, 0, sizeof(s));
	rc = read_settings(&s, o, &e);
	if (rc != DCA_OK) {
		dca_log_err(DCA_ERR, "not started", &e);
		return 2;
	}
	dca_harden();
	l = dca_loop_new();
	rc = publisher_new(&p, l, &s, &e);
	if (rc == DCA_OK) {
		enter_jail(&s);
		dca_loop_run(l);
	} else {
		dca_log_err(DCA_ERR, "not started", &e);
	}
	publisher_free(p);
	dca_loop_free(l);
	return rc == DCA_OK ? 0 : 2;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	const struct dca_option options[] = {
		{ "prefix", "DIR", &o.prefix, NULL,
		    "move all default paths below DIR" },
		{ "config", "FILE", &o.config, NULL,
		    "settings; default /etc/dca/publisher.conf" },
		{ "debug", NULL, NULL, &o.debug, "say more on stderr" },
		{ "help-config", NULL, NULL, &o.help_config,
		    "print a commented configuration" },
	};
	const struct dca_command command = { "", "",
		"Publishes issued certificates and reads them back.", options,
		sizeof(options) / sizeof(options[0]), 0, 0, run };

	return dca_command_run("dca-publisher",
	    "Publishes issued certificates and reads them back.", &command, 1,
	    NULL, 0, argc, argv, &o);
}
