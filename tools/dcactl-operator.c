/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl status, operator and ledger: the appliance itself and who operates
 * it. The first operator comes over the admin socket (--local, root).
 */
#include "dcactl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
ctl_status(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };

	(void)argc;
	(void)argv;
	if (ctl_read(c, "status", "", &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	return ctl_print_map(c, dca_out_buf(&a.body));
}

int
ctl_operator_list(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return ctl_print_view(arg, "operators", "id,role,active,last_seq");
}

int
ctl_ledger_list(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return ctl_print_view(arg, "ledger", "seq,time,kind,actor,size,hash");
}

/*
 * The operator who was added locally is the one of the profile at hand: then
 * that profile belongs to this appliance from now on, learned on the machine
 * itself and not from the front.
 */
static enum dca_rc
teach_profile(struct ctl *c, const char *id, struct dca_err *e)
{
	char path[4096];
	enum dca_rc rc;

	ctl_profile_dir(c, path);
	strncat(path, "/profile.ini", sizeof(path) - strlen(path) - 1);
	if (!c->profile && access(path, F_OK) != 0)
		return DCA_OK;
	rc = ctl_profile_load(c, e);
	if (rc != DCA_OK || strcmp(c->p.op, id) != 0)
		return rc;
	dca_hex(c->p.appliance, c->appliance, DCA_APPLIANCE_LEN);
	return ctl_profile_save(c->dir, &c->p, e);
}

int
ctl_operator_add(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	struct dca_err e = { 0 };
	struct dca_spki key;
	DCA_AUTO_OUT args = { 0 };
	char done[160];
	int code;

	(void)argc;
	if (!ctl_opt.role || !ctl_opt.cert)
		return ctl_usage("operator add needs --role ROLE and "
		    "--cert FILE");
	if (dca_id_check(argv[0], &e) != DCA_OK ||
	    dca_public_read(&key, ctl_opt.cert, &e) != DCA_OK)
		return ctl_fail(c, &e);
	dca_cbor_map(&args, 3);
	dca_cbor_text(&args, "id");
	dca_cbor_text(&args, argv[0]);
	dca_cbor_text(&args, "key");
	dca_cbor_bytes(&args, DCA_BUF(key.der, sizeof(key.der)));
	dca_cbor_text(&args, "role");
	dca_cbor_text(&args, ctl_opt.role);
	snprintf(done, sizeof(done), "operator %s added, role %.30s", argv[0],
	    ctl_opt.role);
	code = ctl_do(c, "operator.add", dca_out_buf(&args), done);
	if (code == 0 && c->local && teach_profile(c, argv[0], &e) != DCA_OK)
		return ctl_fail(c, &e);
	return code;
}

int
ctl_operator_remove(int argc, char **argv, void *arg)
{
	const char *const pairs[] = { "id", argv[0], NULL };
	DCA_AUTO_OUT args = { 0 };
	char done[120];

	(void)argc;
	ctl_text_map(&args, pairs);
	snprintf(done, sizeof(done), "operator %.63s removed", argv[0]);
	return ctl_do(arg, "operator.remove", dca_out_buf(&args), done);
}

/* What put it out of service is in the alarms of the status. */
int
ctl_token_resume(int argc, char **argv, void *arg)
{
	static const uint8_t empty_map[] = { 0xa0 };

	(void)argc;
	(void)argv;
	return ctl_do(arg, "token.resume", DCA_BUF(empty_map, 1),
	    "the token is being opened again: see dcactl status");
}
