/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile of an operator: a directory with key.pem (0600), cert.pem and
 * profile.ini. Nothing in it is made up when it is missing.
 */
#include "dcactl.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct dca_config_key schema[] = {
	{ "server", "url", DCA_CONF_TEXT, offsetof(struct ctl_profile, url),
	    sizeof(((struct ctl_profile *)0)->url), NULL, NULL,
	    "The front, coaps://host:port." },
	{ "server", "key", DCA_CONF_TEXT, offsetof(struct ctl_profile, server),
	    sizeof(((struct ctl_profile *)0)->server), NULL, NULL,
	    "SHA-256 of its SubjectPublicKeyInfo, sha256:HEX." },
	{ "operator", "id", DCA_CONF_TEXT, offsetof(struct ctl_profile, op),
	    sizeof(((struct ctl_profile *)0)->op), NULL, NULL,
	    "Who signs." },
	{ "appliance", "id", DCA_CONF_TEXT,
	    offsetof(struct ctl_profile, appliance),
	    sizeof(((struct ctl_profile *)0)->appliance), "", NULL,
	    "Acts are for this appliance only; empty: learned at first use." },
};

void
ctl_profile_dir(const struct ctl *c, char out[static 4096])
{
	const char *base = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (c->profile)
		dca_path(out, NULL, "%s", c->profile);
	else if (base && *base == '/')
		dca_path(out, NULL, "%s/dca", base);
	else
		dca_path(out, NULL, "%s/.config/dca", home ? home : "/root");
}

enum dca_rc
ctl_profile_load(struct ctl *c, struct dca_err *e)
{
	char path[4096];
	enum dca_rc rc;

	if (c->loaded)
		return DCA_OK;
	ctl_profile_dir(c, c->dir);
	dca_path(path, NULL, "%s/profile.ini", c->dir);
	rc = dca_config_load(&c->p, schema, N_OF(schema), path, e);
	if (rc != DCA_OK)
		return dca_fail_in(e, "profile (make one with: dcactl init "
		    "operator)");
	dca_path(path, NULL, "%s/key.pem", c->dir);
	rc = dca_key_read(&c->key, path, e);
	if (rc != DCA_OK)
		return rc;
	dca_path(path, NULL, "%s/cert.pem", c->dir);
	rc = dca_cert_read(&c->cert, path, e);
	c->loaded = rc == DCA_OK;
	return rc;
}

enum dca_rc
ctl_profile_save(const char *dir, const struct ctl_profile *p,
    struct dca_err *e)
{
	DCA_AUTO_OUT o = { 0 };
	char path[4096];

	dca_path(path, NULL, "%s/profile.ini", dir);
	dca_out_printf(&o, "[server]\nurl = %s\nkey = %s\n[operator]\nid = %s\n",
	    p->url, p->server, p->op);
	if (p->appliance[0])
		dca_out_printf(&o, "[appliance]\nid = %s\n", p->appliance);
	return dca_file_write(path, dca_out_buf(&o), 0644, e);
}
