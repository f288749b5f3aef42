/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-board: looks after the box. Root without capabilities and without a
 * network but the loopback; what it starts has its own unit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "board.h"
#include "dca/cbor.h"

enum { STATUS_MAX = 8192, STALE = 15 };

static struct {
	const char *prefix, *config;
	bool debug, help_config, json;
} opt;

static int
trouble(const char *what, const struct dca_err *e)
{
	dca_log_err(DCA_ERR, what, e);
	return dca_exit_code(dca_problem(e->rule)->rc);
}

static void
begin(void)
{
	dca_log_init("dca-board", opt.debug ? DCA_DEBUG : DCA_INFO);
}

static enum dca_rc
read_conf(struct board_conf *c, struct dca_err *e)
{
	char path[4096];

	if (opt.config != NULL)
		return board_conf_load(c, opt.config, e);
	place(path, opt.prefix, PLACE_CONF, NULL);
	return board_conf_load(c, path, e);
}

/* What the parts and scripts keep is found below these. */
static enum dca_rc
make_places(struct dca_err *e)
{
	static const enum place dirs[] = { PLACE_RUN, PLACE_DATA };
	char path[4096];
	enum dca_rc rc;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		place(path, opt.prefix, dirs[i], NULL);
		if ((rc = dca_file_mkdir(path, 0755, e)) != DCA_OK)
			return rc;
	}
	return DCA_OK;
}

static int
run(int argc, char **argv, void *arg)
{
	struct board_conf c;
	struct dca_err e = { 0 };
	struct dca_loop *l;
	struct box *b;

	(void)argc;
	(void)argv;
	(void)arg;
	if (opt.help_config) {
		board_conf_print();
		return 0;
	}
	begin();
	if (read_conf(&c, &e) != DCA_OK || make_places(&e) != DCA_OK)
		return trouble("not started", &e);
	/* not dca_harden(): its unit allows no setrlimit, and says LimitCORE=0 */
	(void)umask(077);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		abort();
	l = dca_loop_new();
	b = box_new(l, opt.prefix, &c);
	dca_log(DCA_INFO, "ready version=%s board=%s", DCA_VERSION, c.name);
	dca_loop_run(l);
	box_free(b);
	dca_loop_free(l);
	return 0;
}

/* --- status and health: what the daemon wrote last --- */

static enum dca_rc
read_status(struct dca_out *o, struct dca_err *e)
{
	char path[4096];
	struct dca_cbor c;
	uint64_t at;
	enum dca_rc rc;

	place(path, opt.prefix, PLACE_RUN, "status");
	if ((rc = dca_file_read(o, path, STATUS_MAX, e)) != DCA_OK)
		return rc;
	if (!dca_cbor_check(dca_out_buf(o)) ||
	    !dca_cbor_find(dca_out_buf(o), "at", &c) ||
	    !dca_cbor_take_uint(&c, &at))
		return dca_fail(e, DCA_RULE_IO, "%s: not a status", path);
	if (board_clock() - (int64_t)at > STALE)
		return dca_fail(e, DCA_RULE_IO, "dca-board does not run: its "
		    "last word is %lld s old",
		    (long long)(board_clock() - (int64_t)at));
	return DCA_OK;
}

static bool
status_text(const struct dca_out *o, const char *key, char *s, size_t cap)
{
	struct dca_cbor c, report;
	struct dca_buf map;

	s[0] = '\0';
	if (dca_cbor_find(dca_out_buf(o), key, &c))
		return dca_cbor_take_text(&c, s, cap);
	return dca_cbor_find(dca_out_buf(o), "report", &report) &&
	    dca_cbor_skip(&report, &map) && dca_cbor_find(map, key, &c) &&
	    dca_cbor_take_text(&c, s, cap);
}

static void
print_status(const struct dca_out *o)
{
	static const char *const keys[] = { "board", "version", "slot",
		"state", "why", "token", "data", "clock", "tamper" };
	char s[BOARD_TEXT];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (status_text(o, keys[i], s, sizeof(s)) && s[0] != '\0')
			printf("%-8s %s\n", keys[i], s);
}

static int
run_status(int argc, char **argv, void *arg)
{
	DCA_AUTO_OUT status = { 0 }, json = { 0 };
	struct dca_err e = { 0 };

	(void)argc;
	(void)argv;
	(void)arg;
	begin();
	if (read_status(&status, &e) != DCA_OK)
		return trouble("status", &e);
	if (!opt.json) {
		print_status(&status);
		return 0;
	}
	if (dca_cbor_json(&json, dca_out_buf(&status), true, &e) != DCA_OK)
		return trouble("status", &e);
	printf("%s\n", (const char *)json.p);
	return 0;
}

static int
run_health(int argc, char **argv, void *arg)
{
	DCA_AUTO_OUT status = { 0 };
	struct dca_err e = { 0 };
	char state[32], why[BOARD_TEXT];

	(void)argc;
	(void)argv;
	(void)arg;
	begin();
	if (read_status(&status, &e) != DCA_OK) {
		(void)trouble("health", &e);
		return 1;
	}
	if (!status_text(&status, "state", state, sizeof(state)))
		return 1;
	(void)status_text(&status, "why", why, sizeof(why));
	printf("%s%s%s\n", state, why[0] != '\0' ? ": " : "", why);
	return strcmp(state, "operational") == 0 ||
	    strcmp(state, "locked") == 0 ||
	    strcmp(state, "unprovisioned") == 0 ? 0 : 1;
}

static int
run_event(int argc, char **argv, void *arg)
{
	struct dca_err e = { 0 };

	(void)argc;
	(void)arg;
	begin();
	if (events_drop(opt.prefix, argv[0], argv[1], &e) != DCA_OK)
		return trouble("event", &e);
	return 0;
}

static int
run_check(int argc, char **argv, void *arg)
{
	struct board_conf c;
	struct dca_err e = { 0 };

	(void)arg;
	begin();
	for (int i = 0; i < argc; i++) {
		if (board_conf_load(&c, argv[i], &e) != DCA_OK)
			return trouble("check", &e);
		printf("%s: %s\n", argv[i], c.name);
	}
	return 0;
}

static const struct dca_option common[] = {
	{ "prefix", "DIR", &opt.prefix, NULL,
	    "moves all paths and programs" },
	{ "config", "FILE", &opt.config, NULL,
	    "default /usr/lib/dca/board.conf" },
	{ "debug", NULL, NULL, &opt.debug, "log more" },
};
static const struct dca_option run_options[] = {
	{ "help-config", NULL, NULL, &opt.help_config,
	    "print a commented board.conf" },
};
static const struct dca_option status_options[] = {
	{ "json", NULL, NULL, &opt.json, "all of it" },
};
#define OPTIONS(v) v, sizeof(v) / sizeof((v)[0])
static const struct dca_command commands[] = {
	{ "run", "", "look after the box", OPTIONS(run_options), 0, 0, run },
	{ "status", "", "what dca-board says", OPTIONS(status_options), 0, 0,
	    run_status },
	{ "health", "", "exit code 0: healthy; 1: not, and why", NULL, 0, 0, 0,
	    run_health },
	{ "event", "NAME TEXT", "a row for the ledger", NULL, 0, 2, 2,
	    run_event },
	{ "check", "FILE...", "is this a board.conf?", NULL, 0, 1, 64,
	    run_check },
};

int
main(int argc, char **argv)
{
	return dca_command_run("dca-board", "looks after the box",
	    OPTIONS(commands), OPTIONS(common), argc, argv, NULL);
}
