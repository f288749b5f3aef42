/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.conf: what this box is made of. The image builder and the scripts read
 * the same file, so it stays `key = value`, one line each, and holds no secret.
 */
#include <stddef.h>
#include <string.h>

#include "board.h"

#define AT(f) offsetof(struct board_conf, f), sizeof(((struct board_conf *)0)->f)
#define KEY(s, k, f, d, h) { s, k, DCA_CONF_TEXT, AT(f), d, NULL, h }
#define CHOICE(s, k, f, d, c, h) \
	{ s, k, DCA_CONF_CHOICE, offsetof(struct board_conf, f), 0, d, c, h }
#define NUMBER(s, k, t, f, max, d, h) \
	{ s, k, t, offsetof(struct board_conf, f), max, d, NULL, h }

static const struct dca_config_key keys[] = {
	KEY("board", "name", name, NULL, "name of the board"),
	KEY("board", "architecture", architecture, NULL,
	    "Debian's word: amd64, arm64"),
	KEY("board", "description", description, "", "for people"),
	CHOICE("board", "token", token, NULL, "softhsm|tpm2|module",
	    "what holds the CA key"),
	KEY("board", "module", module, "",
	    "PKCS#11 module of the token; empty: Debian's of softhsm or tpm2"),
	NUMBER("board", "tpm", DCA_CONF_BOOL, tpm, 0, "no",
	    "a TPM 2.0 holds the floor and the key of /data"),
	KEY("image", "kernel", kernel, "", "Debian package of the kernel"),
	KEY("image", "initrd_modules", initrd_modules, "",
	    "kernel modules of the initrd, spaces between"),
	KEY("image", "compatible", compatible, "", "RAUC compatible string"),
	KEY("image", "console", console, "", "console= of the kernel"),
	KEY("watchdog", "device", watchdog, "", "empty: none"),
	NUMBER("watchdog", "timeout", DCA_CONF_SECONDS, watchdog_timeout, 3600,
	    "60s", "reset this long after the last feeding"),
	CHOICE("led", "backend", led, "none", "sysfs|gpio|fake|none",
	    "how the status LED is driven"),
	KEY("led", "status", led_name, "", "name below /sys/class/leds"),
	KEY("led", "chip", led_chip, "", "gpio: /dev/gpiochipN"),
	NUMBER("led", "line", DCA_CONF_UINT, led_line, 1023, "0",
	    "gpio: line of the chip"),
	CHOICE("tamper", "backend", tamper, "none", "gpio|fake|none",
	    "how the tamper contact is read"),
	KEY("tamper", "chip", tamper_chip, "", "/dev/gpiochipN"),
	NUMBER("tamper", "line", DCA_CONF_UINT, tamper_line, 1023, "0",
	    "line of the chip; 1: opened"),
	NUMBER("health", "patience", DCA_CONF_SECONDS, patience, 3600, "120s",
	    "how long vault and front may take to come up"),
	NUMBER("front", "port", DCA_CONF_UINT, front_port, 65535, "5684",
	    "UDP port of the front on the loopback"),
	KEY("emulator", "arguments", emulator, "", "QEMU's, for tests"),
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

/* What one key alone cannot say. */
static enum dca_rc
check(const struct board_conf *c, const char *path, struct dca_err *e)
{
	if (c->led == LED_SYSFS && c->led_name[0] == '\0')
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: [led] backend = sysfs needs status", path);
	if (c->led == LED_GPIO && c->led_chip[0] == '\0')
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: [led] backend = gpio needs chip and line", path);
	if (c->tamper == TAMPER_GPIO && c->tamper_chip[0] == '\0')
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: [tamper] backend = gpio needs chip and line", path);
	if (c->token == TOKEN_MODULE && c->module[0] == '\0')
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: [board] token = module needs module", path);
	if (c->token == TOKEN_TPM2 && !c->tpm)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: [board] token = tpm2 needs tpm = yes", path);
	if (strchr(c->led_name, '/') != NULL)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: [led] status is a name, not a path", path);
	if (c->front_port == 0 || c->patience < 1 || c->watchdog_timeout < 2)
		return dca_fail(e, DCA_RULE_CONFIG, "%s: port and patience are "
		    "at least 1, [watchdog] timeout 2", path);
	return DCA_OK;
}

enum dca_rc
board_conf_load(struct board_conf *c, const char *path, struct dca_err *e)
{
	enum dca_rc rc;

	memset(c, 0, sizeof(*c));
	rc = dca_config_load(c, keys, KEYS, path, e);
	return rc == DCA_OK ? check(c, path, e) : rc;
}

void
board_conf_print(void)
{
	dca_config_print(keys, KEYS);
}
