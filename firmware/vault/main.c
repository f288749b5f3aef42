/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-vault: the key, the scope, the record. Hardens itself, reads its
 * configuration, opens store and sockets, and turns the loop.
 */
#include <stdio.h>
#include <string.h>

#include "vault.h"

static const char *prefix, *config;
static bool print_config;

static const struct dca_option options[] = {
	{ "prefix", "DIR", &prefix, NULL,
	  "put default paths below DIR" },
	{ "config", "FILE", &config, NULL,
	  "configuration; default <prefix>/etc/dca/vault.conf" },
	{ "help-config", NULL, NULL, &print_config,
	  "print a commented configuration" },
};

static int
run(int argc, char **argv, void *arg)
{
	struct vault *v = arg;
	struct dca_err e = { 0 };
	char path[4096];
	enum dca_rc rc;

	(void)argc;
	(void)argv;
	if (print_config) {
		vault_config_print();
		return 0;
	}
	dca_path(path, prefix, "/etc/dca/vault.conf");
	rc = vault_config_load(&v->conf, config ? config : path, prefix, &e);
	if (rc == DCA_OK)
		rc = vault_open(v, &e);
	if (rc == DCA_OK) {
		dca_log(DCA_INFO, "ready version=%s", DCA_VERSION);
		dca_loop_run(v->loop);
	} else {
		dca_log_err(DCA_ERR, "start", &e);
	}
	vault_close(v);
	return rc ? 2 : 0;
}

int
main(int argc, char **argv)
{
	static struct vault v;
	static const struct dca_command command = { .name = "", .args = "",
		.help = "Holds the CA key, decides, signs and records.",
		.options = options,
		.n_options = sizeof(options) / sizeof(options[0]),
		.run = run };

	dca_harden();
	dca_log_init("dca-vault", DCA_INFO);
	return dca_command_run("dca-vault",
	    "vault of the Delegate CA appliance", &command, 1, NULL, 0, argc,
	    argv, &v);
}
