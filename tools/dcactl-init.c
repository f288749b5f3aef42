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

/* Directory, key, certificate and profile of one who operates. */
static enum dca_rc
make_operator(const struct ctl *c, const char *id, struct ctl_profile *p,
    char dir[static 4096], struct dca_spki *spki, struct dca_err *e)
{
	enum dca_rc rc = check_operator(p, id, e);

	ctl_profile_dir(c, dir);
	if (rc == DCA_OK)
		rc = make_identity(dir, "key.pem", "cert.pem", p->op, NULL,
		    spki, e);
	return rc ? rc : ctl_profile_save(dir, p, e);
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

	(void)argc;
	if (!ctl_opt.url || !ctl_opt.server)
		return ctl_usage("init operator needs --url URL and "
		    "--server sha256:HEX");
	if (make_operator(c, argv[0], &p, dir, &spki, &e) != DCA_OK)
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

/* --- the first operator, by what the console shows --- */

static void
encode_claim(struct dca_out *args, const char *id, const struct dca_spki *key,
    const uint8_t code[static 16])
{
	char proof[DCA_PASSWORD_MAX + 1];

	dca_enrol_proof(proof, "", code, key);
	dca_cbor_map(args, 3);
	dca_cbor_text(args, "id");
	dca_cbor_text(args, id);
	dca_cbor_text(args, "key");
	dca_cbor_bytes(args, DCA_BUF(key->der, sizeof(key->der)));
	dca_cbor_text(args, "proof");
	dca_cbor_text(args, proof + 1);	/* behind the colon of no code id */
}

/* Nobody is known there yet: the first act of the first one. */
static enum dca_rc
claim(struct ctl *c, struct dca_buf args, struct dca_err *e)
{
	CTL_ANSWER a = { 0 }, done = { 0 };
	enum dca_rc rc = ctl_read(c, "claim", "", &a, e);

	if (rc != DCA_OK && e->rule == DCA_RULE_PATH)
		return dca_fail(e, DCA_RULE_REG_STATE, "the appliance has an "
		    "operator already: let an admin add you");
	if (rc != DCA_OK ||
	    (rc = ctl_appliance(c, dca_out_buf(&a.body), e)))
		return rc;
	c->seq = 0;
	c->numbered = true;
	return ctl_act(c, "operator.claim", args, &done, e);
}

int
ctl_operator_claim(int argc, char **argv, void *arg)
{
	struct ctl_profile p = { 0 };
	struct ctl *c = arg;
	struct dca_err e = { 0 };
	struct dca_spki spki;
	DCA_AUTO_OUT args = { 0 }, map = { 0 }, code = { .secret = true };
	char dir[4096], text[80];

	(void)argc;
	if (!ctl_opt.url || !ctl_opt.server || !ctl_opt.code || c->local)
		return ctl_usage("operator claim needs --url, --server and "
		    "--code as the console shows them, and no --local");
	if (!dca_unb64url(&code, ctl_opt.code, strlen(ctl_opt.code)) ||
	    code.n != 16)
		return ctl_usage("--code has 22 letters, digits, - or _, as "
		    "the console shows them");
	if (make_operator(c, argv[0], &p, dir, &spki, &e) != DCA_OK)
		return ctl_fail(c, &e);
	encode_claim(&args, p.op, &spki, code.p);
	if (claim(c, dca_out_buf(&args), &e) != DCA_OK)
		return ctl_fail(c, &e);
	key_text(text, &spki);
	if (c->json) {
		const char *pairs[] = { "id", p.op, "key", text, "profile",
			dir, "appliance", c->p.appliance, NULL };

		ctl_text_map(&map, pairs);
		return dca_show_json(dca_out_buf(&map));
	}
	printf("%s is the first admin of appliance %s, key %s\nprofile %s\n",
	    p.op, c->p.appliance, text, dir);
	return 0;
}
