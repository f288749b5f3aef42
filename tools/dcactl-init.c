/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl init: the identity of a front and of an operator. An existing key is
 * kept, never overwritten.
 */
#include "dcactl.h"

#include <stdio.h>
#include <string.h>

/* Key (kept when there) and a certificate of it in dir. */
static enum dca_rc
make_identity(const char *dir, const char *key_name, const char *cert_name,
    const char *cn, const char *host, struct dca_spki *spki, struct dca_err *e)
{
	DCA_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *key = NULL;
	DCA_CLEANUP(X509_free_p) X509 *cert = NULL;
	char path[4096];
	enum dca_rc rc;
	bool made;

	rc = dca_file_mkdir(dir, 0700, e);
	if (rc != DCA_OK)
		return rc;
	dca_path(path, NULL, "%s/%s", dir, key_name);
	rc = dca_key_keep(&key, path, &made, e);
	if (rc != DCA_OK)
		return rc;
	if (!made)
		fprintf(stderr, "dcactl: %s is kept\n", path);
	rc = dca_spki_from_pkey(spki, key, e);
	if (rc != DCA_OK)
		return rc;
	cert = dca_self_signed(key, cn, host);
	dca_path(path, NULL, "%s/%s", dir, cert_name);
	return dca_cert_write(path, cert, e);
}

static void
key_text(char out[static 80], const struct dca_spki *k)
{
	uint8_t hash[32];
	char hex[65];

	dca_spki_sha256(hash, k);
	dca_hex(hex, hash, 32);
	snprintf(out, 80, "sha256:%s", hex);
}

int
ctl_init_server(int argc, char **argv, void *arg)
{
	const char *host = ctl_opt.host ? ctl_opt.host : "localhost";
	const char *pairs[] = { "server", NULL, "directory", ctl_opt.out,
		NULL };
	struct ctl *c = arg;
	struct dca_err e = { 0 };
	struct dca_spki spki;
	DCA_AUTO_OUT map = { 0 };
	char text[80];

	(void)argc;
	(void)argv;
	if (!ctl_opt.out)
		return ctl_usage("init server needs --out DIR");
	if (make_identity(ctl_opt.out, "server.key", "server.pem", host, host,
		&spki, &e) != DCA_OK)
		return ctl_fail(c, &e);
	key_text(text, &spki);
	if (!c->json)
		return printf("%s\n", text) < 0 ? 2 : 0;
	pairs[1] = text;
	ctl_text_map(&map, pairs);
	return dca_show_json(dca_out_buf(&map));
}

static enum dca_rc
check_operator(struct ctl_profile *p, const char *id, struct dca_err *e)
{
	uint8_t pin[32];
	enum dca_rc rc = dca_id_check(id, e);

	if (rc == DCA_OK)
		rc = dca_pin_parse(pin, ctl_opt.server, e);
	if (rc != DCA_OK)
		return rc;
	dca_strlcpy(p->op, id, sizeof(p->op));
	if (strncmp(ctl_opt.url, "coaps://", 8) != 0 ||
	    strpbrk(ctl_opt.url, " \t\r\n#;\"") ||
	    !dca_strlcpy(p->url, ctl_opt.url, sizeof(p->url)))
		return dca_fail(e, DCA_RULE_INPUT,
		    "--url is coaps://host:port");
	dca_strlcpy(p->server, ctl_opt.server, sizeof(p->server));
	return DCA_OK;
}

int
ctl_init_operator(int argc, char **argv, void *arg)
{
	struct ctl_profile p = { 0 };
	struct ctl *c = arg;
	struct dca_err e = { 0 };
	struct dca_spki spki;
	DCA_AUTO_OUT map = { 0 };
	char dir[4096], path[4096], text[80];
	enum dca_rc rc;

	(void)argc;
	if (!ctl_opt.url || !ctl_opt.server)
		return ctl_usage("init operator needs --url URL and "
		    "--server sha256:HEX");
	ctl_profile_dir(c, dir);
	rc = check_operator(&p, argv[0], &e);
	if (rc == DCA_OK)
		rc = make_identity(dir, "key.pem", "cert.pem", p.op, NULL,
		    &spki, &e);
	if (rc == DCA_OK)
		rc = ctl_profile_save(dir, &p, &e);
	if (rc != DCA_OK)
		return ctl_fail(c, &e);
	key_text(text, &spki);
	dca_path(path, NULL, "%s/cert.pem", dir);
	if (c->json) {
		const char *pairs[] = { "key", text, "cert", path,
			"profile", dir, NULL };

		ctl_text_map(&map, pairs);
		return dca_show_json(dca_out_buf(&map));
	}
	printf("operator %s, key %s\nprofile %s\n"
	       "an admin adds you with: dcactl operator add %s --role ROLE "
	       "--cert %s\n", p.op, text, dir, p.op, path);
	return 0;
}
