/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tamper contact. Level and edges: one that opens and closes between two
 * looks was open. One that cannot be read is open: cutting its wire must not
 * switch it off. `fake` is the file /run/dca-board/tamper, "0" or "1".
 */
#include <stdlib.h>
#include <string.h>

#include "board.h"

struct tamper {
	const char *prefix;
	bool fake;
	struct gpio *gpio;
	int last;
};

struct tamper *
tamper_open(const char *prefix, const struct board_conf *c)
{
	struct tamper *t;

	if (c->tamper == TAMPER_NONE)
		return NULL;
	t = dca_alloc(sizeof(*t));
	memset(t, 0, sizeof(*t));
	t->prefix = prefix;
	t->fake = c->tamper == TAMPER_FAKE;
	if (!t->fake)
		t->gpio = gpio_in(c->tamper_chip, c->tamper_line);
	return t;
}

void
tamper_close(struct tamper *t)
{
	if (t == NULL)
		return;
	gpio_close(t->gpio);
	free(t);
}

static int
look(struct tamper *t)
{
	char line[8];

	if (!t->fake)
		return gpio_get(t->gpio);
	if (!place_line(t->prefix, PLACE_RUN, "tamper", line, sizeof(line)))
		return -1;
	return strcmp(line, "0") == 0 ? 0 : 1;
}

bool
tamper_open_now(struct tamper *t)
{
	if (t == NULL)
		return false;
	t->last = look(t);
	return t->last != 0;
}

const char *
tamper_state(const struct tamper *t)
{
	if (t == NULL)
		return "none";
	return t->last == 0 ? "closed" : t->last > 0 ? "open" : "unreadable";
}
