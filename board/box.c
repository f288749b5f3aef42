/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The box, put together: one turn a second asks the parts how they are, says
 * what changed (console, LED, vault, status file) and feeds the watchdog.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "box-parts.h"
#include "dca/cbor.h"

enum {
	TURN_MS = 1000, BLINK_MS = 50,
	ASK = 3, DEEP = 5, REPORT = 10,	/* seconds */
};

void
box_event(void *arg, const char *name, const char *text)
{
	struct box *b = arg;
	struct dca_err e = { 0 };

	box_say("%s: %s", name, text);
	if (events_add(b->events, name, text, &e) != DCA_OK)
		dca_log_err(DCA_ERR, "event not kept", &e);
}

/* --- what the vault says --- */

static void
on_beat(void *arg, bool deep, const struct beat *beat)
{
	struct box *b = arg;

	b->view.vault_answered = board_clock();
	(void)dca_strlcpy(b->view.vault_state, beat->state,
	    sizeof(b->view.vault_state));
	if (deep) {
		b->beat = *beat;
		b->deep = true;
	}
	(void)dca_strlcpy(b->beat.claim, beat->claim, sizeof(b->beat.claim));
	b->beat.ledger = beat->ledger;
}

static void
on_event(void *arg, bool taken, const struct dca_err *e)
{
	struct box *b = arg;

	if (taken) {
		events_done(b->events);
		return;
	}
	dca_log_err(DCA_WARNING, "event not in the ledger", e);
	/* what the vault will never take must not stop the others */
	if (dca_problem(e->rule)->rc == DCA_MALFORMED)
		events_done(b->events);
}

static void
on_closed(void *arg)
{
	struct box *b = arg;

	b->deep = false;
	b->asked = b->deep_asked = 0;
}

static void
on_changed(void *arg)
{
	struct box *b = arg;

	b->changed = true;
}

/* --- report and status file --- */

static void
report(struct box *b)
{
	struct report r = { .conf = b->conf, .boot = &b->boot,
		.update = b->update, .state = b->state,
		.tamper = tamper_state(b->tamper),
		.watchdog = b->watchdog != NULL };
	const int64_t now = board_clock();
	DCA_AUTO_OUT map = { 0 }, status = { 0 };
	struct dca_err e = { 0 };
	char why[BOARD_TEXT], path[4096];

	if (!b->changed && now - b->reported < REPORT / 2)
		return;
	if (b->view.vault_answered != 0)
		r.clock = strcmp(b->view.vault_state, "clock") == 0 ?
		    "untrusted" : "trusted";
	report_encode(&map, &r);
	if (b->changed || now - b->reported >= REPORT / 2)
		vault_report(b->vault, dca_out_buf(&map));
	b->changed = false;
	b->reported = now;
	state_why(&b->view, why, sizeof(why));
	if (why[0] == '\0' && b->view.ill)
		(void)dca_strlcpy(why, b->deep ? b->beat.why :
		    "the vault did not judge itself", sizeof(why));
	dca_cbor_map(&status, 4);
	dca_cbor_text(&status, "at");
	dca_cbor_uint(&status, (uint64_t)now);
	dca_cbor_text(&status, "why");
	dca_cbor_text(&status, why);
	dca_cbor_text(&status, "events");
	dca_cbor_uint(&status, events_count(b->events));
	dca_cbor_text(&status, "report");
	dca_out_add(&status, map.p, map.n);
	place(path, b->prefix, PLACE_RUN, "status");
	if (dca_file_write(path, dca_out_buf(&status), 0644, &e) != DCA_OK)
		dca_log_err(DCA_ERR, "status", &e);
}

/* --- the turn --- */

static void
ask_parts(struct box *b)
{
	const int64_t now = board_clock();

	vault_turn(b->vault);
	/* before its first report the vault takes no act for us */
	if (vault_connected(b->vault) != b->connected)
		b->changed = true;
	b->connected = vault_connected(b->vault);
	/* while they start, in every turn */
	if (now - b->asked >= ASK || b->view.vault_answered == 0 ||
	    b->view.front_answered == 0) {
		b->asked = now;
		vault_beat(b->vault, false);
		front_probe(b->front);
		events_collect(b->events);
	}
	b->view.front_answered = front_answered(b->front);
}

static void
send_event(struct box *b)
{
	char name[33], text[BOARD_TEXT + 1];

	if (vault_connected(b->vault) && events_first(b->events, name, text))
		(void)vault_event(b->vault, name, text);
}

/* Local health, until it has been good once in this boot. */
static void
judge(struct box *b)
{
	const int64_t now = board_clock();
	char why[BOARD_TEXT];

	if (!update_awaits(b->update)) {
		b->view.ill = update_state(b->update) == UPDATE_FAILED &&
		    update_trial(b->update);
		return;
	}
	if (!b->view.provisioned && !b->view.frozen) {
		update_healthy(b->update);
		return;
	}
	if (now - b->deep_asked >= DEEP) {
		b->deep_asked = now;
		vault_beat(b->vault, true);
	}
	if (b->deep && b->beat.healthy && b->view.front_answered != 0 &&
	    now - b->view.front_answered <= ALIVE) {
		b->view.ill = false;
		update_healthy(b->update);
		return;
	}
	if (now - b->view.since < b->view.patience)
		return;
	b->view.ill = true;
	state_why(&b->view, why, sizeof(why));
	if (b->deep && !b->beat.healthy)
		(void)dca_strlcpy(why, b->beat.why, sizeof(why));
	update_ill(b->update, why);
}

static void
look_around(struct box *b)
{
	char path[4096];
	bool there;

	place(path, b->prefix, PLACE_PROVISIONED, NULL);
	there = access(path, F_OK) == 0;
	b->view.now = board_clock();
	if (there && !b->view.provisioned)
		b->view.since = b->view.now;
	b->view.provisioned = there;
}

static void
show_state(struct box *b)
{
	const enum state s = state_of(&b->view);

	if (!b->said || s != b->state) {
		box_say("state %s version %s slot %c", state_name(s),
		    b->boot.version[0] ? b->boot.version : "-",
		    b->boot.slot ? b->boot.slot : '-');
		b->changed = true;
	}
	b->said = true;
	b->state = s;
	led_show(b->led, s);
}

static void
turn(void *arg, uint32_t events)
{
	struct box *b = arg;

	(void)events;
	look_around(b);
	ask_parts(b);
	box_guard(b);
	judge(b);
	send_event(b);
	box_reboot_turn(b);
	show_state(b);
	box_say_update(b);
	box_say_server(b);
	box_say_claim(b);
	report(b);
	/* what hangs in a shutdown ends by it */
	if (watchdog_may(&b->view) && !b->rebooting)
		watchdog_feed(b->watchdog);
}

static void
blink(void *arg, uint32_t events)
{
	const struct box *b = arg;
	struct timespec t;

	(void)events;
	if (clock_gettime(CLOCK_MONOTONIC, &t) == 0)
		led_turn(b->led, (int64_t)t.tv_sec * 1000 +
		    t.tv_nsec / 1000000);
}

/* --- */

static void
recall(struct box *b)
{
	char path[4096], text[BOARD_TEXT];

	place(path, b->prefix, PLACE_DATA, "frozen");
	b->view.frozen = access(path, F_OK) == 0;
	place(path, b->prefix, PLACE_ESP, "frozen");
	b->view.frozen = b->view.frozen || access(path, F_OK) == 0;
	place(path, b->prefix, PLACE_DATA, "zeroised");
	b->zeroised = access(path, F_OK) == 0;
	place(path, b->prefix, PLACE_RUN, "started");
	if (access(path, F_OK) == 0)
		return;
	(void)place_write(b->prefix, PLACE_RUN, "started", "yes");
	snprintf(text, sizeof(text), "version %s slot %c",
	    b->boot.version[0] ? b->boot.version : "-",
	    b->boot.slot ? b->boot.slot : '-');
	box_event(b, "started", text);
}

static void
make_parts(struct box *b)
{
	const struct vault_handlers vault = { .beat = on_beat,
		.event = on_event, .command = box_command,
		.closed = on_closed, .arg = b };
	const struct update_handlers update = { .event = box_event,
		.reboot = box_reboot, .changed = on_changed, .arg = b };
	char path[4096];

	boot_read(&b->boot, b->prefix);
	b->children = children_new(b->loop);
	b->events = events_new(b->prefix);
	place(path, b->prefix, PLACE_SOCKET, NULL);
	b->vault = vault_new(b->loop, path, &vault);
	b->front = front_new(b->loop, (uint16_t)b->conf->front_port);
	recall(b);
	b->update = update_new(b->prefix, b->children, &b->boot, &update);
	b->watchdog = watchdog_open(b->prefix, b->conf);
	b->led = led_open(b->prefix, b->conf);
	b->tamper = tamper_open(b->prefix, b->conf);
}

struct box *
box_new(struct dca_loop *l, const char *prefix, const struct board_conf *c)
{
	struct box *b = dca_alloc(sizeof(*b));

	memset(b, 0, sizeof(*b));
	b->loop = l;
	b->prefix = prefix;
	b->conf = c;
	b->view.since = board_clock();
	b->view.patience = c->patience;
	make_parts(b);
	dca_loop_every(l, TURN_MS, turn, b);
	if (c->led == LED_GPIO)
		dca_loop_every(l, BLINK_MS, blink, b);
	turn(b, 0);
	return b;
}

void
box_free(struct box *b)
{
	children_free(b->children);
	update_free(b->update);
	vault_free(b->vault);
	front_free(b->front);
	events_free(b->events);
	watchdog_close(b->watchdog);
	led_close(b->led);
	tamper_close(b->tamper);
	free(b);
}
