/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status LED. The kernel blinks it where there is an LED driver
 * (/sys/class/leds); a bare GPIO is blinked here. `fake` is the former in
 * /run/dca-board/leds, for boxes without one and for tests.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board.h"

struct led {
	const char *prefix;
	char dir[4096];		/* "": bare GPIO */
	bool fake, told, lit;
	struct gpio *gpio;
	enum state shown;
	bool any;
	int64_t turn;
};

/* Milliseconds on and off; off 0: always on. */
static const struct {
	unsigned on, off;
} patterns[STATES] = {
	[STATE_STARTING] = { 250, 250 },
	[STATE_UNPROVISIONED] = { 1000, 1000 },
	[STATE_LOCKED] = { 100, 1900 },
	[STATE_OPERATIONAL] = { 1, 0 },
	[STATE_FAILED] = { 100, 100 },
	[STATE_FROZEN] = { 1900, 100 },
};

struct led *
led_open(const char *prefix, const struct board_conf *c)
{
	struct led *l;
	struct dca_err e = { 0 };

	if (c->led == LED_NONE)
		return NULL;
	l = dca_alloc(sizeof(*l));
	memset(l, 0, sizeof(*l));
	l->prefix = prefix;
	if (c->led == LED_GPIO) {
		l->gpio = gpio_out(c->led_chip, c->led_line);
		return l;
	}
	l->fake = c->led == LED_FAKE;
	place(l->dir, prefix, l->fake ? PLACE_RUN : PLACE_LEDS,
	    l->fake ? "led" : c->led_name);
	if (l->fake && dca_file_mkdir(l->dir, 0755, &e) != DCA_OK)
		dca_log_err(DCA_ERR, "led", &e);
	return l;
}

void
led_close(struct led *l)
{
	if (l == NULL)
		return;
	gpio_close(l->gpio);
	free(l);
}

static bool
attribute(const struct led *l, const char *name, const char *value)
{
	char path[4096];
	int fd;
	bool ok;

	dca_path(path, l->dir, "/%s", name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | (l->fake ? O_CREAT : 0),
	    0644);
	ok = fd >= 0 &&
	    write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* The trigger "timer" makes delay_on and delay_off appear. */
static bool
show(const struct led *l, enum state s)
{
	char on[16], off[16];

	snprintf(on, sizeof(on), "%u", patterns[s].on);
	snprintf(off, sizeof(off), "%u", patterns[s].off);
	if (patterns[s].off == 0)
		return attribute(l, "trigger", "none") &&
		    attribute(l, "brightness", "255");
	return attribute(l, "trigger", "timer") &&
	    attribute(l, "delay_on", on) && attribute(l, "delay_off", off);
}

void
led_show(struct led *l, enum state s)
{
	if (l == NULL || (l->any && l->shown == s))
		return;
	l->any = true;
	l->shown = s;
	l->turn = 0;
	if (l->dir[0] == '\0' || show(l, s))
		return;
	if (!l->told)
		dca_log(DCA_ERR, "led=%s: cannot be set", l->dir);
	l->told = true;
}

void
led_turn(struct led *l, int64_t ms)
{
	bool on;

	if (l == NULL || l->gpio == NULL || !l->any || ms < l->turn)
		return;
	on = patterns[l->shown].off == 0 || !l->lit;
	gpio_set(l->gpio, on);
	l->lit = on;
	l->turn = ms + (on ? patterns[l->shown].on : patterns[l->shown].off);
}
