/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Updates from request to verdict, over boots, with scripts in place of rauc
 * and systemctl. What they are told is in the file `calls`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "board.h"

static char dir[40];
static struct dca_loop *loop;
static struct children *children;
static struct boot boot;
static struct update *u;
static char events[2048], reboots[512];

static void
put(const char *name, const char *text, mode_t mode)
{
	struct dca_err e = { 0 };
	char path[4096], *slash;

	dca_path(path, dir, "%s", name);
	slash = strrchr(path, '/');
	*slash = '\0';
	assert_int_equal(dca_file_mkdir(path, 0755, &e), DCA_OK);
	*slash = '/';
	assert_int_equal(dca_file_write(path, DCA_BUF(text, strlen(text)),
	    mode, &e), DCA_OK);
}

/* The fakes do what files beside them say: exit codes, what is printed. */
static const char fake[] = "#!/bin/sh\n"
    "d=${0%/usr/bin/*}\n"
    "echo \"${0##*/} $*\" >>$d/calls\n"
    "case \"$*\" in\n"
    "'status --detailed'*) cat $d/status 2>/dev/null; exit 0 ;;\n"
    "'status mark'*) what=mark ;;\n"
    "info*) what=info ;;\n"
    "install*) echo ' 40% Writing'; echo '100% Done'; what=install ;;\n"
    "'start dca-fetch'*) what=fetch ;;\n"
    "'start dca-floor'*) what=floor; n=${2#*@}; n=${n%.service}\n"
    "  [ -e $d/floor.rc ] || echo \"$n data\" >$d/run/dca-board/floor ;;\n"
    "esac\n"
    "cat $d/$what.out 2>/dev/null\n"
    "exit $(cat $d/$what.rc 2>/dev/null || echo 0)\n";

static void
on_event(void *arg, const char *name, const char *text)
{
	const size_t n = strlen(events);

	(void)arg;
	snprintf(events + n, sizeof(events) - n, "%s: %s\n", name, text);
}

static void
on_reboot(void *arg, const char *why)
{
	(void)arg;
	snprintf(reboots, sizeof(reboots), "%s", why);
}

static void
on_changed(void *arg)
{
	(void)arg;
}

static void
stop(void *arg, uint32_t ev)
{
	(void)arg;
	(void)ev;
	dca_loop_stop(loop);
}

/* Long enough for three scripts, one after the other. */
static void
settle(void)
{
	for (int i = 0; i < 12; i++)
		dca_loop_run(loop);
}

static void
start(char slot, const char *version, bool counted)
{
	static const struct update_handlers h = { .event = on_event,
		.reboot = on_reboot, .changed = on_changed };

	boot.slot = slot;
	boot.counted = counted;
	strcpy(boot.version, version);
	boot.has_security = true;
	boot.security = 3;
	events[0] = reboots[0] = '\0';
	u = update_new(dir, children, &boot, &h);
	settle();
}

/* As after a reboot. */
static void
again(char slot, const char *version)
{
	update_free(u);
	boot.id[0]++;
	start(slot, version, true);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/dca-update-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	put("/usr/bin/rauc", fake, 0755);
	put("/usr/bin/systemctl", fake, 0755);
	put("/run/dca-board/floor", "2 data\n", 0644);
	put("/data/board/x", "", 0644);
	put("/data/update/x", "", 0644);
	put("/info.out", "RAUC_MF_VERSION='1.1.0'\n"
	    "RAUC_META_DCA_SECURITY='3'\n", 0644);
	put("/status", "RAUC_SLOT_BOOTNAME_1='a'\nRAUC_SLOT_BOOT_STATUS_1="
	    "'good'\nRAUC_SLOT_BOOTNAME_2='b'\nRAUC_SLOT_BOOT_STATUS_2="
	    "'good'\n", 0644);
	memset(&boot, 0, sizeof(boot));
	strcpy(boot.id, "boot-1");
	boot_read_floor(&boot, dir);
	loop = dca_loop_new();
	dca_loop_every(loop, 40, stop, NULL);
	children = children_new(loop);
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	children_free(children);
	update_free(u);
	dca_loop_free(loop);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void
is_event(const char *want)
{
	if (strstr(events, want) == NULL)
		fail_msg("\"%s\" is not in: %s", want, events);
}

static bool
called(const char *what)
{
	char path[4096];
	DCA_AUTO_OUT o = { 0 };

	dca_path(path, dir, "/calls");
	if (dca_file_read(&o, path, 65536, NULL) != DCA_OK || o.n == 0)
		return false;
	return strstr((const char *)o.p, what) != NULL;
}

static void
is_state(enum update_state s)
{
	assert_string_equal(update_state_name(update_state(u)),
	    update_state_name(s));
}

static void
install(const char *url)
{
	update_install(u, url);
	settle();
}

/* From a good 1.0.0 in slot a. */
static void
good_start(void)
{
	start('a', "1.0.0", true);
	assert_true(update_awaits(u));
	assert_false(update_trial(u));
	update_healthy(u);
	settle();
	assert_false(update_awaits(u));
	assert_true(called("rauc status mark-good booted"));
	/* a first boot is no update, and raises the floor */
	assert_string_equal(events, "");
	assert_int_equal(boot.floor, 3);
}

static void
good_update(void **state)
{
	(void)state;
	good_start();
	install("https://example.net/x.raucb");
	is_state(UPDATE_INSTALLED);
	is_event("update-installed: 1.1.0 in slot b");
	assert_true(called("systemctl start dca-fetch.service"));
	assert_string_equal(reboots, "update installed");
	reboots[0] = '\0';
	update_commit(u);		/* in the moment before */
	assert_string_equal(reboots, "update commit");
	again('b', "1.1.0");
	is_state(UPDATE_TRIAL);
	assert_true(update_trial(u));
	install("https://example.net/y.raucb");
	is_event("update-refused: this system is on trial");
	update_commit(u);
	is_event("update-refused: on trial");
	is_state(UPDATE_TRIAL);
	update_healthy(u);
	settle();
	is_state(UPDATE_GOOD);
	is_event("update-good: 1.1.0 in slot b");
	again('b', "1.1.0");
	is_state(UPDATE_GOOD);
	assert_false(update_trial(u));
	/* ill where it was good: no way back */
	update_ill(u, "token away");
	assert_string_equal(reboots, "");
	assert_string_equal(events, "");
}

static void
bad_update(void **state)
{
	(void)state;
	good_start();
	install("https://example.net/x.raucb");
	again('b', "1.1.0");
	update_ill(u, "the front does not answer");
	is_event("update-failed: 1.1.0 in slot b is not healthy: the front");
	assert_string_equal(reboots, "not healthy");
	again('a', "1.0.0");
	is_state(UPDATE_FAILED);
	is_event("fallback: 1.1.0 in slot b did not become good");
	again('a', "1.0.0");			/* said once */
	is_state(UPDATE_FAILED);
	assert_string_equal(events, "");
	/* a daemon that restarts is no reboot */
	install("https://example.net/x.raucb");
	update_free(u);
	start('a', "1.0.0", true);
	is_state(UPDATE_INSTALLED);
	assert_string_equal(events, "");
}

/* Without a record of ours: RAUC was called by hand. */
static void
unknown_system(void **state)
{
	(void)state;
	good_start();
	again('b', "2.0.0");
	is_state(UPDATE_TRIAL);
	put("/mark.rc", "1", 0644);
	update_healthy(u);
	settle();
	is_event("update-failed");
	assert_string_equal(reboots, "not healthy");
	assert_false(called("dca-floor@4"));
}

static void
not_counted(void **state)
{
	(void)state;
	start('a', "1.0.0", false);
	update_healthy(u);
	settle();
	assert_false(called("mark-good"));
	assert_true(called("systemctl start dca-floor@3.service"));
}

static void
floor_fails(void **state)
{
	(void)state;
	put("/floor.rc", "1", 0644);
	put("/floor.out", "no TPM\n", 0644);
	start('a', "1.0.0", true);
	update_healthy(u);
	settle();
	is_event("floor-failed: security floor not raised to 3: no TPM");
	assert_int_equal(boot.floor, 2);
}

static void
refusals(void **state)
{
	static const struct {
		const char *file, *text, *event;
	} cases[] = {
		{ "/info.out", "RAUC_MF_VERSION='1.1.0'\n"
		    "RAUC_META_DCA_SECURITY='2'\n",
		    "update-refused: 1.1.0: security version 2 is older than "
		    "the floor, 3" },
		{ "/info.out", "RAUC_MF_VERSION='1.1.0'\n",
		    "names no security version" },
		{ "/info.out", "RAUC_META_DCA_SECURITY='3'\n",
		    "update-refused: the bundle names no version" },
		{ "/info.rc", "1", "update-refused: rauc info:" },
		{ "/fetch.rc", "1", "update-failed: fetch: " },
	};
	static const struct {
		const char *url, *event;
	} urls[] = {
		{ "http://example.net/x", "neither https:// nor usb:" },
		{ "file:///etc/shadow", "neither https:// nor usb:" },
		{ "https://a/$(id)", "must be escaped" },
		{ "https://a/b c", "no sha256:HEX" },
		{ "https://a/b sha256:12", "no sha256:HEX" },
	};

	(void)state;
	good_start();
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		events[0] = '\0';
		install(urls[i].url);
		is_event(urls[i].event);
		is_state(UPDATE_IDLE);
	}
	put("/info.rc", "0", 0644);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		events[0] = '\0';
		put(cases[i].file, cases[i].text, 0644);
		install("usb:x.raucb");
		is_event(cases[i].event);
		is_state(UPDATE_FAILED);
	}
	assert_false(called("rauc install"));
	put("/fetch.rc", "0", 0644);
	put("/info.rc", "0", 0644);
	put("/info.out", "RAUC_MF_VERSION='1.1.0'\n"
	    "RAUC_META_DCA_SECURITY='3'\n", 0644);
	put("/install.rc", "1", 0644);
	put("/install.out", " 20% Checking bundle failed.\n"
	    "LastError: wrong compatible\nInstalling `x' failed\n", 0644);
	install("usb:x.raucb");
	is_event("update-failed: 1.1.0: rauc install: wrong compatible");
	put("/install.out", "no service\n", 0644);
	install("usb:x.raucb");
	is_event("update-failed: 1.1.0: rauc install: no service");
	update_install(u, "usb:x.raucb");
	update_install(u, "usb:x.raucb");
	is_event("another update is under way");
	update_rollback(u);
	is_event("rollback: an update is under way");
	settle();
	update_commit(u);
	is_event("nothing is on trial");
	/* a box that does not know itself installs nothing */
	update_free(u);
	start('\0', "1.0.0", true);
	install("usb:x.raucb");
	is_event("does not know its slot");
	assert_false(update_awaits(u));
}

/* An order in the moment in which the start is marked good. */
static void
waits_for_the_mark(void **state)
{
	(void)state;
	start('a', "1.0.0", true);
	update_healthy(u);
	update_install(u, "ftp://x");
	is_event("neither https:// nor usb:");
	update_install(u, "usb:x.raucb");
	is_state(UPDATE_IDLE);
	update_install(u, "usb:y.raucb");
	is_event("another update is under way");
	settle();
	settle();
	is_state(UPDATE_INSTALLED);
	assert_true(called("rauc install"));
	/* one that is not good after all takes nothing */
	put("/mark.rc", "1", 0644);
	again('b', "1.1.0");
	update_healthy(u);
	update_install(u, "usb:x.raucb");
	settle();
	settle();
	is_event("on trial");
	assert_string_equal(reboots, "not healthy");
}

static void
why_of_fetch(void **state)
{
	(void)state;
	good_start();
	put("/fetch.rc", "1", 0644);
	put("/data/update/why", "its sha256 is another\n", 0644);
	install("https://example.net/x.raucb");
	is_event("update-failed: fetch: its sha256 is another");
}

static void
rollback(void **state)
{
	(void)state;
	good_start();
	install("https://example.net/x.raucb");
	reboots[0] = '\0';
	update_rollback(u);
	settle();
	is_state(UPDATE_IDLE);
	assert_true(called("rauc status mark-bad other"));
	assert_string_equal(reboots, "");
	/* to the good one in the other slot */
	update_rollback(u);
	settle();
	assert_true(called("rauc status mark-bad booted"));
	assert_string_equal(reboots, "update rollback");
	is_event("fallback: 1.0.0 slot a marked bad by an operator");
	put("/mark.rc", "1", 0644);
	update_rollback(u);
	settle();
	is_event("update-refused: rollback: rauc:");
	put("/status", "RAUC_SLOT_BOOTNAME_1='b'\n"
	    "RAUC_SLOT_BOOT_STATUS_1='bad'\n", 0644);
	again('a', "1.0.0");
	update_rollback(u);
	is_event("the other slot has no good system");
}

static void
no_rauc(void **state)
{
	char path[4096];

	(void)state;
	good_start();
	dca_path(path, dir, "/usr/bin/rauc");
	assert_int_equal(unlink(path), 0);
	install("https://example.net/x.raucb");
	is_event("update-refused: rauc info: ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(good_update), T(bad_update), T(unknown_system),
		T(not_counted), T(floor_fails), T(refusals),
		T(waits_for_the_mark), T(why_of_fetch),
		T(rollback), T(no_rauc),
	};

	dca_log_init("test-update", DCA_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
