/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl update and box: the software of the appliance and the box it runs
 * on. Asks by signed acts; what is done about them dca-board reports.
 */
#include "dcactl.h"

#include <stdio.h>
#include <string.h>

/* The last report; BOARD_NONE when nobody looks after the box. */
static enum dca_rc
read_report(struct ctl *c, struct ctl_answer *a, struct dca_err *e)
{
	struct dca_cbor v;
	enum dca_rc rc = ctl_read(c, "board", "", a, e);

	if (rc != DCA_OK)
		return rc;
	v = (struct dca_cbor){ .in = dca_out_buf(&a->body) };
	if (dca_cbor_peek(&v) == DCA_CBOR_NULL)
		return dca_fail(e, DCA_RULE_BOARD_NONE,
		    "dca-board is not connected to the vault");
	if (dca_cbor_peek(&v) != DCA_CBOR_MAP)
		return dca_fail(e, DCA_RULE_MESSAGE, "not a report");
	return DCA_OK;
}

int
ctl_box_status(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };

	(void)argc;
	(void)argv;
	if (read_report(c, &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	return ctl_print_map(c, dca_out_buf(&a.body));
}

int
ctl_box_events(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };

	(void)argc;
	(void)argv;
	if (ctl_read(c, "events", "", &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	return ctl_print_rows(c, dca_out_buf(&a.body), "seq,time,event,text");
}

/* Of the report what an update is about. */
static void
pick(struct dca_out *o, struct dca_buf report)
{
	static const char *const keys[] = { "slot", "floor", "other",
		"update", "version", "floor_in", "security" };
	struct dca_cbor v;
	struct dca_buf item;
	DCA_AUTO_OUT body = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < N_OF(keys); i++)
		if (dca_cbor_find(report, keys[i], &v) &&
		    dca_cbor_skip(&v, &item)) {
			dca_cbor_text(&body, keys[i]);
			dca_out_add(&body, item.p, item.n);
			n++;
		}
	dca_cbor_map(o, n);
	dca_out_add(o, body.p, body.n);
}

int
ctl_update_status(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	CTL_ANSWER a = { 0 };
	DCA_AUTO_OUT map = { 0 };
	struct dca_err e = { 0 };

	(void)argc;
	(void)argv;
	if (read_report(c, &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	pick(&map, dca_out_buf(&a.body));
	return ctl_print_map(c, dca_out_buf(&map));
}

int
ctl_update_install(int argc, char **argv, void *arg)
{
	uint8_t hash[DCA_SHA256_LEN];
	DCA_AUTO_OUT args = { 0 };

	(void)argc;
	if (ctl_opt.sha256 && !dca_unhex(hash, sizeof(hash), ctl_opt.sha256))
		return ctl_usage("--sha256 is 64 hex digits");
	dca_cbor_map(&args, ctl_opt.sha256 ? 2 : 1);
	dca_cbor_text(&args, "url");
	dca_cbor_text(&args, argv[0]);
	if (ctl_opt.sha256) {
		dca_cbor_text(&args, "sha256");
		dca_cbor_bytes(&args, DCA_BUF(hash, sizeof(hash)));
	}
	return ctl_do(arg, "update.install", dca_out_buf(&args),
	    "the box was told; it goes on by itself: dcactl update status");
}

static int
plain(struct ctl *c, const char *act, const char *done)
{
	DCA_AUTO_OUT args = { 0 };

	dca_cbor_map(&args, 0);
	return ctl_do(c, act, dca_out_buf(&args), done);
}

int
ctl_update_commit(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return plain(arg, "update.commit", "the box was told to keep it");
}

int
ctl_update_rollback(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return plain(arg, "update.rollback", "the box was told to go back");
}

int
ctl_box_reset(int argc, char **argv, void *arg)
{
	DCA_AUTO_OUT args = { 0 };

	(void)argc;
	(void)argv;
	if (!ctl_opt.force)
		return plain(arg, "box.reset", "the box was told to reset");
	dca_cbor_map(&args, 1);
	dca_cbor_text(&args, "force");
	dca_cbor_bool(&args, true);
	return ctl_do(arg, "box.reset", dca_out_buf(&args),
	    "the box was told to reset, whatever it holds");
}
