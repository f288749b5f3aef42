/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of dca-board that judge, each by what it is given. */
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
#include "dca/cbor.h"

static char dir[40];

static void
put(const char *name, const char *text, size_t n)
{
	struct dca_err e = { 0 };
	char path[4096], *slash;

	dca_path(path, dir, "%s", name);
	slash = strrchr(path, '/');
	*slash = '\0';
	assert_int_equal(dca_file_mkdir(path, 0755, &e), DCA_OK);
	*slash = '/';
	assert_int_equal(dca_file_write(path, DCA_BUF(text, n), 0644, &e),
	    DCA_OK);
}

static void
put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void
is_file(const char *name, const char *want)
{
	DCA_AUTO_OUT o = { 0 };
	char path[4096];

	dca_path(path, dir, "%s", name);
	assert_int_equal(dca_file_read(&o, path, 4096, NULL), DCA_OK);
	assert_string_equal((const char *)o.p, want);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/dca-box-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* --- board.conf --- */

#define HEAD "[board]\nname = x\narchitecture = amd64\ntoken = softhsm\n"

static void
conf(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ HEAD, NULL },
		{ "[board]\nname = x\n", "is missing" },
		{ HEAD "[led]\nbackend = sysfs\n", "needs status" },
		{ HEAD "[led]\nbackend = gpio\n", "needs chip and line" },
		{ HEAD "[led]\nbackend = neon\n", "is not sysfs|gpio" },
		{ HEAD "[led]\nbackend = sysfs\nstatus = ../x\n",
		    "a name, not a path" },
		{ HEAD "[tamper]\nbackend = gpio\n", "needs chip and line" },
		{ HEAD "[front]\nport = 0\n", "at least 1" },
		{ HEAD "[front]\nport = 65536\n", "a smaller number" },
		{ HEAD "[health]\npatience = 0\n", "at least 1" },
		{ HEAD "[watchdog]\ntimeout = 1s\n", "[watchdog] timeout 2" },
		{ HEAD "[what]\n", "unknown section" },
		{ "[board]\nname = x\narchitecture = a\ntoken = module\n",
		    "needs module" },
		{ "[board]\nname = x\narchitecture = a\ntoken = tpm2\n",
		    "needs tpm = yes" },
	};
	char path[4096];

	(void)state;
	dca_path(path, dir, "/board.conf");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct board_conf c;
		struct dca_err e = { 0 };
		enum dca_rc rc;

		put_text("/board.conf", cases[i].text);
		rc = board_conf_load(&c, path, &e);
		if (cases[i].why == NULL) {
			assert_int_equal(rc, DCA_OK);
			assert_int_equal(c.front_port, 5684);
			assert_int_equal(c.patience, 120);
			continue;
		}
		assert_int_equal(e.rule, DCA_RULE_CONFIG);
		if (strstr(e.text, cases[i].why) == NULL)
			fail_msg("%s: not \"%s\"", e.text, cases[i].why);
	}
}

/* --- the boot --- */

static void
security(void **state)
{
	static const char *const bad[] = { "", "64", "-1", "01", "1 ", "x",
		"100", "9999999999999999999" };
	uint64_t v;

	(void)state;
	assert_true(boot_security("0", &v) && v == 0);
	assert_true(boot_security("63", &v) && v == 63);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(boot_security(bad[i], &v));
}

#define LOADER "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

static void
boot(void **state)
{
	static const char counted[] = "\6\0\0\0d\0c\0a\0-\0b\0+\0002\0-\0001\0";
	static const char plain[] = "\6\0\0\0d\0c\0a\0-\0b\0";
	char hex[66], id[40];
	struct boot b;

	(void)state;
	boot_read(&b, dir);
	assert_int_equal(b.slot, 0);
	assert_false(b.counted || b.has_security || b.has_floor);
	put_text("/run/dca-board/slot", "b\n");
	put_text("/run/dca-board/security", "4\n");
	put_text("/run/dca-board/floor", "3 tpm\n");
	put_text("/run/dca-board/data", "tpm2\n");
	put_text("/run/dca-board/events", "fallback from slot a\n");
	put_text("/usr/lib/os-release", "ID=debian\nIMAGE_VERSION=\"1.2.3\"\n");
	memset(hex, 'A', 64);
	strcpy(hex + 64, "\n");
	put_text("/sys/class/tpm/tpm0/pcr-sha256/7", hex);
	put("/sys/firmware/efi/efivars/LoaderEntrySelected" LOADER, plain,
	    sizeof(plain));
	boot_read(&b, dir);
	assert_int_equal(b.slot, 'b');
	assert_string_equal(b.version, "1.2.3");
	assert_true(b.has_security && b.security == 4);
	assert_true(b.has_floor && b.floor == 3);
	assert_string_equal(b.floor_in, "tpm");
	assert_string_equal(b.data, "tpm2");
	assert_true(b.has_pcr[1] && b.pcr[1][0] == 0xaa);
	assert_false(b.has_pcr[0] || b.counted);
	assert_true(b.fell_back);
	strcpy(id, b.id);
	put("/sys/firmware/efi/efivars/LoaderEntrySelected" LOADER, counted,
	    sizeof(counted));
	put_text("/run/dca-board/slot", "c\n");
	put_text("/run/dca-board/floor", "64 tpm\n");
	boot_read(&b, dir);
	assert_true(b.counted);
	assert_false(b.has_floor);
	assert_int_equal(b.slot, 0);
	assert_string_equal(b.id, id);		/* the same boot */
	put_text("/run/dca-board/floor", "3 paper\n");
	boot_read_floor(&b, dir);
	assert_false(b.has_floor);
}

/* --- state and watchdog --- */

static struct view
healthy(void)
{
	struct view v = { .now = 1000, .since = 1, .patience = 120,
		.provisioned = true, .vault_answered = 998,
		.front_answered = 995 };

	strcpy(v.vault_state, "operational");
	return v;
}

static void
is_state(const struct view *v, enum state s, bool fed, const char *why)
{
	char text[BOARD_TEXT];

	assert_string_equal(state_name(state_of(v)), state_name(s));
	assert_int_equal(watchdog_may(v), fed);
	state_why(v, text, sizeof(text));
	assert_string_equal(text, why);
}

static void
states(void **state)
{
	struct view v = healthy();

	(void)state;
	is_state(&v, STATE_OPERATIONAL, true, "");
	v.front_answered = 989;
	is_state(&v, STATE_FAILED, false, "the front does not answer");
	v = healthy();
	v.vault_answered = 989;
	is_state(&v, STATE_FAILED, false, "the vault does not answer");
	v.front_answered = 980;
	is_state(&v, STATE_FAILED, false,
	    "the vault and the front do not answer");
	v = healthy();
	strcpy(v.vault_state, "no-cross-certificate");
	is_state(&v, STATE_LOCKED, true,
	    "the vault says no-cross-certificate");
	strcpy(v.vault_state, "quarantined");
	is_state(&v, STATE_FROZEN, true, "the vault says quarantined");
	v = healthy();
	v.ill = true;
	is_state(&v, STATE_FAILED, true, "");
	v = healthy();
	v.frozen = true;
	v.vault_answered = 0;
	is_state(&v, STATE_FROZEN, true, "tampered with");
	v = healthy();
	v.provisioned = false;
	v.vault_answered = 0;
	is_state(&v, STATE_UNPROVISIONED, true,
	    "no provision.ini was applied yet");
	/* coming up: patience from the start, then none */
	v = healthy();
	v.vault_answered = v.front_answered = 0;
	v.since = 900;
	is_state(&v, STATE_STARTING, true,
	    "the vault and the front do not answer");
	v.since = 880;
	is_state(&v, STATE_FAILED, false,
	    "the vault and the front do not answer");
	/* one that was up has no patience left */
	v = healthy();
	v.since = 990;
	v.vault_answered = 980;
	is_state(&v, STATE_FAILED, false, "the vault does not answer");
}

/* --- LED and tamper --- */

static void
leds(void **state)
{
	struct board_conf c = { .led = LED_SYSFS };
	struct led *l;

	(void)state;
	strcpy(c.led_name, "status");
	put_text("/sys/class/leds/status/trigger", "none");
	put_text("/sys/class/leds/status/brightness", "0");
	put_text("/sys/class/leds/status/delay_on", "");
	put_text("/sys/class/leds/status/delay_off", "");
	l = led_open(dir, &c);
	led_show(l, STATE_FAILED);
	is_file("/sys/class/leds/status/trigger", "timer");
	is_file("/sys/class/leds/status/delay_on", "100");
	is_file("/sys/class/leds/status/delay_off", "100");
	led_show(l, STATE_OPERATIONAL);
	is_file("/sys/class/leds/status/trigger", "none");
	is_file("/sys/class/leds/status/brightness", "255");
	led_close(l);
	c.led = LED_FAKE;
	l = led_open(dir, &c);
	led_show(l, STATE_FROZEN);
	is_file("/run/dca-board/led/delay_on", "1900");
	led_close(l);
	/* a name that no driver has is not made up */
	c.led = LED_SYSFS;
	strcpy(c.led_name, "gone");
	l = led_open(dir, &c);
	led_show(l, STATE_FAILED);
	led_close(l);
	c.led = LED_NONE;
	assert_null(led_open(dir, &c));
}

static void
tampering(void **state)
{
	struct board_conf c = { .tamper = TAMPER_FAKE };
	struct tamper *t = tamper_open(dir, &c);

	(void)state;
	assert_true(tamper_open_now(t));	/* a cut wire is an open box */
	assert_string_equal(tamper_state(t), "unreadable");
	put_text("/run/dca-board/tamper", "0\n");
	assert_false(tamper_open_now(t));
	assert_string_equal(tamper_state(t), "closed");
	put_text("/run/dca-board/tamper", "1\n");
	assert_true(tamper_open_now(t));
	assert_string_equal(tamper_state(t), "open");
	tamper_close(t);
	c.tamper = TAMPER_GPIO;
	strcpy(c.tamper_chip, "/dev/null");
	t = tamper_open(dir, &c);
	assert_true(tamper_open_now(t));
	tamper_close(t);
	c.tamper = TAMPER_NONE;
	t = tamper_open(dir, &c);
	assert_false(tamper_open_now(t));
	assert_string_equal(tamper_state(t), "none");
}

/* --- bytes of others --- */

static void
beats(void **state)
{
	DCA_AUTO_OUT o = { 0 };
	struct beat b;

	(void)state;
	dca_cbor_map(&o, 7);
	dca_cbor_text(&o, "why");
	dca_cbor_text(&o, "token away");
	dca_cbor_text(&o, "claim");
	dca_cbor_null(&o);
	dca_cbor_text(&o, "front");
	dca_cbor_bool(&o, true);
	dca_cbor_text(&o, "state");
	dca_cbor_text(&o, "no-token");
	dca_cbor_text(&o, "ledger");
	dca_cbor_uint(&o, 12);
	dca_cbor_text(&o, "healthy");
	dca_cbor_bool(&o, false);
	dca_cbor_text(&o, "operators");
	dca_cbor_uint(&o, 1);
	assert_true(beat_parse(&b, dca_out_buf(&o)));
	assert_string_equal(b.state, "no-token");
	assert_string_equal(b.why, "token away");
	assert_true(b.front && !b.healthy && b.ledger == 12);
	assert_string_equal(b.claim, "");
	assert_false(beat_parse(&b, DCA_BUF(o.p, o.n - 1)));
	o.p[0] = 0xa6;		/* operators is missing */
	assert_false(beat_parse(&b, DCA_BUF(o.p, o.n - 11)));
	assert_false(beat_parse(&b, DCA_BUF("\xa0", 1)));
}

static void
hello(void **state)
{
	uint8_t answer[28] = { 22, 0xfe, 0xff };
	static const uint8_t random[32] = { 1 };
	DCA_AUTO_OUT o = { 0 };

	(void)state;
	front_hello(&o, random);
	/* the lengths of record, message and fragment are those of the rest */
	assert_int_equal((o.p[11] << 8) + o.p[12], o.n - 13);
	assert_int_equal((o.p[15] << 8) + o.p[16], o.n - 25);
	assert_int_equal((o.p[23] << 8) + o.p[24], o.n - 25);
	answer[13] = 3;
	assert_true(front_verify(DCA_BUF(answer, sizeof(answer))));
	assert_false(front_verify(DCA_BUF(answer, sizeof(answer) - 1)));
	answer[13] = 2;			/* ServerHello */
	assert_false(front_verify(DCA_BUF(answer, sizeof(answer))));
	answer[13] = 3;
	answer[0] = 21;			/* alert */
	assert_false(front_verify(DCA_BUF(answer, sizeof(answer))));
}

static void
rauc(void **state)
{
	static const char text[] =
	    "RAUC_SYSTEM_BOOTED_BOOTNAME='a'\nRAUC_SLOTS='1 2 3'\n"
	    "RAUC_SLOT_BOOTNAME_1='a'\nRAUC_SLOT_BOOT_STATUS_1='good'\n"
	    "RAUC_SLOT_BOOTNAME_2=''\nRAUC_SLOT_BOOT_STATUS_2=\n"
	    "RAUC_SLOT_BOOTNAME_3='b'\nRAUC_SLOT_BOOT_STATUS_3='bad'\n"
	    "RAUC_SLOT_STATUS_BUNDLE_VERSION_3='1.1.0'";
	const struct dca_buf b = DCA_BUF(text, sizeof(text) - 1);
	struct rauc_other o;
	char v[16];

	(void)state;
	rauc_other(&o, b, 'a');
	assert_true(o.known);
	assert_string_equal(o.state, "bad");
	assert_string_equal(o.version, "1.1.0");
	rauc_other(&o, b, 'b');
	assert_string_equal(o.state, "good");
	assert_string_equal(o.version, "");
	rauc_other(&o, DCA_BUF("", 0), 'a');
	assert_false(o.known);
	assert_false(rauc_value(b, "RAUC_SLOT", v, sizeof(v)));
	assert_false(rauc_value(b, "RAUC_SLOTS", v, 3));	/* too long */
	assert_true(rauc_value(b, "RAUC_SLOTS", v, sizeof(v)));
	assert_string_equal(v, "1 2 3");
}

static void
reports(void **state)
{
	static const struct board_conf c = { .name = "qemu-amd64" };
	struct boot b = { .slot = 'a', .version = "1.0.0",
		.has_security = true, .security = 2, .has_floor = true,
		.floor = 1, .floor_in = "tpm", .data = "tpm2",
		.has_pcr = { true, true, true } };
	struct report r = { .conf = &c, .boot = &b,
		.state = STATE_OPERATIONAL, .tamper = "closed",
		.clock = "trusted", .watchdog = true };
	DCA_AUTO_OUT o = { 0 };
	struct dca_cbor v;
	char text[64];

	(void)state;
	report_encode(&o, &r);
	assert_true(dca_cbor_check(dca_out_buf(&o)));
	assert_true(o.n < 4096);
	assert_true(dca_cbor_find(dca_out_buf(&o), "token", &v));
	assert_true(dca_cbor_take_text(&v, text, sizeof(text)));
	assert_string_equal(text, "softhsm: NOT FOR PRODUCTION");
	/* what is unknown is not there */
	o.n = 0;
	memset(&b, 0, sizeof(b));
	r.clock = r.tamper = NULL;
	report_encode(&o, &r);
	assert_true(dca_cbor_check(dca_out_buf(&o)));
	assert_false(dca_cbor_find(dca_out_buf(&o), "slot", &v));
	assert_false(dca_cbor_find(dca_out_buf(&o), "pcrs", &v));
	assert_false(dca_cbor_find(dca_out_buf(&o), "clock", &v));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(conf), T(security), T(boot), T(states), T(leds),
		T(tampering), T(beats), T(hello), T(rauc), T(reports),
	};

	dca_log_init("test-box", DCA_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
