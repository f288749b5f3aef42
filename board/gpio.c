/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GPIO lines by libgpiod 2. Without it (Debian 12 has 1.6, another API) every
 * line is one that cannot be read, which a tamper contact takes for open.
 */
#include <stdlib.h>

#include "board.h"

#ifdef DCA_GPIOD
#include <gpiod.h>
#include <poll.h>

struct gpio {
	struct gpiod_chip *chip;
	struct gpiod_line_request *request;
	unsigned line;
};

static struct gpiod_line_request *
request(struct gpiod_chip *chip, unsigned line, bool out)
{
	struct gpiod_line_settings *s = gpiod_line_settings_new();
	struct gpiod_line_config *lines = gpiod_line_config_new();
	struct gpiod_request_config *how = gpiod_request_config_new();
	struct gpiod_line_request *r = NULL;

	if (s == NULL || lines == NULL || how == NULL)
		abort();
	gpiod_request_config_set_consumer(how, "dca-board");
	if (gpiod_line_settings_set_direction(s, out ?
	    GPIOD_LINE_DIRECTION_OUTPUT : GPIOD_LINE_DIRECTION_INPUT) == 0 &&
	    (out || gpiod_line_settings_set_edge_detection(s,
	    GPIOD_LINE_EDGE_RISING) == 0) &&
	    gpiod_line_config_add_line_settings(lines, &line, 1, s) == 0)
		r = gpiod_chip_request_lines(chip, how, lines);
	gpiod_request_config_free(how);
	gpiod_line_config_free(lines);
	gpiod_line_settings_free(s);
	return r;
}

static struct gpio *
gpio_open(const char *path, uint64_t line, bool out)
{
	struct gpiod_chip *chip = gpiod_chip_open(path);
	struct gpiod_line_request *r =
	    chip != NULL ? request(chip, (unsigned)line, out) : NULL;
	struct gpio *g;

	if (r == NULL) {
		dca_log(DCA_ERR, "gpio=%s line=%u: cannot be had", path,
		    (unsigned)line);
		if (chip != NULL)
			gpiod_chip_close(chip);
		return NULL;
	}
	g = dca_alloc(sizeof(*g));
	*g = (struct gpio){ .chip = chip, .request = r,
		.line = (unsigned)line };
	return g;
}

void
gpio_close(struct gpio *g)
{
	if (g == NULL)
		return;
	gpiod_line_request_release(g->request);
	gpiod_chip_close(g->chip);
	free(g);
}

/* Edges since the last look, taken away. */
static bool
edges(struct gpio *g)
{
	struct gpiod_edge_event_buffer *b;
	bool any = false;

	while (gpiod_line_request_wait_edge_events(g->request, 0) > 0) {
		if ((b = gpiod_edge_event_buffer_new(16)) == NULL)
			abort();
		any = gpiod_line_request_read_edge_events(g->request, b, 16) >
		    0 || any;
		gpiod_edge_event_buffer_free(b);
	}
	return any;
}

int
gpio_get(struct gpio *g)
{
	if (g == NULL)
		return -1;
	if (edges(g))
		return 1;
	switch (gpiod_line_request_get_value(g->request, g->line)) {
	case GPIOD_LINE_VALUE_INACTIVE:
		return 0;
	case GPIOD_LINE_VALUE_ACTIVE:
		return 1;
	default:
		return -1;
	}
}

void
gpio_set(struct gpio *g, bool on)
{
	if (g != NULL && gpiod_line_request_set_value(g->request, g->line,
	    on ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE) != 0)
		dca_log(DCA_WARNING, "gpio line=%u: cannot be set", g->line);
}

#else

static struct gpio *
none(const char *path, uint64_t line)
{
	dca_log(DCA_ERR, "gpio=%s line=%u: built without libgpiod 2", path,
	    (unsigned)line);
	return NULL;
}

#define gpio_open(path, line, out) none(path, line)

void
gpio_close(struct gpio *g)
{
	(void)g;
}

int
gpio_get(struct gpio *g)
{
	(void)g;
	return -1;
}

void
gpio_set(struct gpio *g, bool on)
{
	(void)g;
	(void)on;
}
#endif

struct gpio *
gpio_in(const char *chip, uint64_t line)
{
	return gpio_open(chip, line, false);
}

struct gpio *
gpio_out(const char *chip, uint64_t line)
{
	return gpio_open(chip, line, true);
}
