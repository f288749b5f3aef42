/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl revoke, delegation remove, delegation end: what is taken back. The
 * vault finds out which certificates that means and says so; nothing is
 * decided here.
 */
#include "dcactl.h"

#include <stdio.h>
#include <string.h>

/* RFC 5280 5.3.1, those that fit an end entity that does not come back. */
static const struct {
	const char *name;
	unsigned value;
} reasons[] = {
	{ "unspecified", 0 },
	{ "keyCompromise", 1 },
	{ "affiliationChanged", 3 },
	{ "superseded", 4 },
	{ "cessationOfOperation", 5 },
	{ "privilegeWithdrawn", 9 },
};

static bool
find_reason(const char *name, unsigned *value)
{
	for (size_t i = 0; i < N_OF(reasons); i++)
		if (strcmp(reasons[i].name, name) == 0) {
			*value = reasons[i].value;
			return true;
		}
	return false;
}

static int
bad_reason(void)
{
	char text[200] = "--reason is one of";

	for (size_t i = 0; i < N_OF(reasons); i++) {
		strncat(text, i ? ", " : " ", sizeof(text) - strlen(text) - 1);
		strncat(text, reasons[i].name,
		    sizeof(text) - strlen(text) - 1);
	}
	return ctl_usage(text);
}

/* Numbers are read here too: a wrong digit costs no sequence number. */
static enum dca_rc
check_numbers(const char *text, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *set = dca_tnset_new();

	return dca_tnset_parse(set, text, e) == DCA_OK ?
	    DCA_OK : dca_fail_in(e, "--numbers");
}

/* Sends it; the answer as it is. */
static int
act(struct ctl *c, const char *name, const struct dca_out *args)
{
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };

	if (ctl_act(c, name, dca_out_buf(args), &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	return ctl_print_map(c, dca_out_buf(&a.body));
}

static void
put_text(struct dca_out *args, const char *key, const char *value)
{
	dca_cbor_text(args, key);
	dca_cbor_text(args, value);
}

static void
put_uint(struct dca_out *args, const char *key, uint64_t value)
{
	dca_cbor_text(args, key);
	dca_cbor_uint(args, value);
}

/* Keys of every map here: shorter first, then bytewise (RFC 8949 4.2.1). */
int
ctl_revoke(int argc, char **argv, void *arg)
{
	const int given = (ctl_opt.serial != NULL) +
	    (ctl_opt.customer != NULL) + (ctl_opt.numbers != NULL);
	uint8_t serial[DCA_SERIAL_LEN];
	struct ctl *c = arg;
	struct dca_err e = { 0 };
	DCA_AUTO_OUT args = { 0 };
	unsigned reason;

	(void)argc;
	(void)argv;
	if (given != 1 || !ctl_opt.reason)
		return ctl_usage("revoke needs one of --serial HEX, "
		    "--customer ID, --numbers LIST, and --reason NAME");
	if (!find_reason(ctl_opt.reason, &reason))
		return bad_reason();
	if (ctl_opt.serial &&
	    !dca_unhex(serial, sizeof(serial), ctl_opt.serial))
		return ctl_usage("--serial is 40 hex digits");
	if (ctl_opt.numbers && check_numbers(ctl_opt.numbers, &e) != DCA_OK)
		return ctl_fail(c, &e);
	dca_cbor_map(&args, 2);
	put_uint(&args, "reason", reason);
	if (ctl_opt.serial) {
		dca_cbor_text(&args, "serial");
		dca_cbor_bytes(&args, DCA_BUF(serial, sizeof(serial)));
	} else if (ctl_opt.numbers) {
		put_text(&args, "numbers", ctl_opt.numbers);
	} else {
		put_text(&args, "customer", ctl_opt.customer);
	}
	return act(c, "revoke", &args);
}

/* end 0: remove. */
static int
shrink(struct ctl *c, const char *name, int64_t end)
{
	unsigned reason = 0;
	struct dca_err e = { 0 };
	DCA_AUTO_OUT args = { 0 };

	if (!ctl_opt.customer || !ctl_opt.numbers)
		return ctl_usage("say which: --customer ID and "
		    "--numbers LIST");
	if (ctl_opt.reason && !ctl_opt.revoke)
		return ctl_usage("--reason goes with --revoke");
	if (!find_reason(ctl_opt.reason ? ctl_opt.reason :
	    "privilegeWithdrawn", &reason))
		return bad_reason();
	if (check_numbers(ctl_opt.numbers, &e) != DCA_OK)
		return ctl_fail(c, &e);
	dca_cbor_map(&args, 2 + (ctl_opt.revoke ? 2 : 0) + (end ? 1 : 0));
	if (ctl_opt.revoke) {
		put_uint(&args, "reason", reason);
		dca_cbor_text(&args, "revoke");
		dca_cbor_bool(&args, true);
	}
	put_text(&args, "numbers", ctl_opt.numbers);
	put_text(&args, "customer", ctl_opt.customer);
	if (end)
		put_uint(&args, "not_after", (uint64_t)end);
	return act(c, name, &args);
}

int
ctl_delegation_remove(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return shrink(arg, "delegation.remove", 0);
}

int
ctl_delegation_end(int argc, char **argv, void *arg)
{
	int64_t end = 0;

	(void)argc;
	(void)argv;
	if (!ctl_opt.not_after || !dca_time_parse(&end, ctl_opt.not_after) ||
	    end <= 0)
		return ctl_usage("delegation end needs --not-after TIME, "
		    "as 2027-01-31T00:00:00Z");
	return shrink(arg, "delegation.end", end);
}
