/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands: an operator's, which the vault passes on, and what becomes of the
 * box as a whole by them or by an open case: reboot, reset, zeroise. Small
 * units do it, for it needs more than a root without capabilities.
 */
#include <stdio.h>
#include <string.h>

#include "box-parts.h"

enum {
	ZEROISE_WAIT = 2, ZEROISE_AGAIN = 10, RESET_TIME = 600,
	REBOOT_TIME = 60, REBOOT_WAIT = 5,
};

/* --- reboot and reset --- */

static void
on_reboot(void *arg, int code, const struct dca_out *out)
{
	struct box *b = arg;
	char why[256];

	if (code == 0)
		return;
	child_last_line(out, why, sizeof(why));
	/* the watchdog, not fed any more, does it */
	dca_log(DCA_ERR, "systemctl reboot: %s", why);
	(void)b;
}

/* The ledger gets its rows first, if that is a matter of a moment. */
void
box_reboot(void *arg, const char *why)
{
	struct box *b = arg;

	if (b->rebooting)
		return;
	b->rebooting = true;
	b->reboot_at = board_clock() + REBOOT_WAIT;
	box_say("reboot: %s", why);
}

void
box_reboot_turn(struct box *b)
{
	char systemctl[4096];
	const char *const argv[] = { systemctl, "reboot", NULL };
	const struct child_handlers h = { .end = on_reboot, .arg = b };

	if (b->reboot_at == 0 ||
	    (events_count(b->events) > 0 && board_clock() < b->reboot_at))
		return;
	b->reboot_at = 0;
	place(systemctl, b->prefix, PLACE_SYSTEMCTL, NULL);
	child_start(b->children, argv, REBOOT_TIME, &h);
}

static void
on_reset(void *arg, int code, const struct dca_out *out)
{
	struct box *b = arg;
	char why[256], text[BOARD_TEXT];

	b->resetting = false;
	if (code == 0) {
		b->zeroised = b->view.frozen;
		return;
	}
	if (!place_line(b->prefix, PLACE_RUN, "why", why, sizeof(why)))
		child_last_line(out, why, sizeof(why));
	snprintf(text, sizeof(text), "%s: %s",
	    b->view.frozen ? "zeroise failed" : "refused", why);
	/* a failing zeroise is tried again and again: said once in the log */
	if (b->view.frozen)
		dca_log(DCA_ERR, "%s", text);
	else
		box_event(b, "reset", text);
	b->zeroise_at = board_clock() + ZEROISE_AGAIN;
}

static void
start_reset(struct box *b, const char *how)
{
	char systemctl[4096];
	const char *const argv[] = { systemctl, "start", "dca-reset.service",
		NULL };
	const struct child_handlers h = { .end = on_reset, .arg = b };

	if (b->resetting || !place_write(b->prefix, PLACE_RUN, "reset", how))
		return;
	b->resetting = true;
	place(systemctl, b->prefix, PLACE_SYSTEMCTL, NULL);
	child_start(b->children, argv, RESET_TIME, &h);
}

/* --- tamper --- */

static void
freeze(struct box *b)
{
	char text[64];

	b->view.frozen = true;
	(void)place_write(b->prefix, PLACE_DATA, "frozen", "tamper");
	snprintf(text, sizeof(text), "contact is %s",
	    tamper_state(b->tamper));
	box_event(b, "tamper", text);
	/* the ledger gets its row first, if that is a matter of a moment */
	b->zeroise_at = board_clock() + ZEROISE_WAIT;
}

void
box_guard(struct box *b)
{
	if (tamper_open_now(b->tamper) && !b->view.frozen)
		freeze(b);
	if (!b->view.frozen || b->zeroised || b->resetting)
		return;
	if (events_count(b->events) > 0 && board_clock() < b->zeroise_at)
		return;
	if (board_clock() >= b->zeroise_at || events_count(b->events) == 0)
		start_reset(b, "zeroise");
}

/* --- what an operator said --- */

static void
command_install(struct box *b, const char *text)
{
	update_install(b->update, text);
}

static void
command_commit(struct box *b, const char *text)
{
	(void)text;
	update_commit(b->update);
}

static void
command_rollback(struct box *b, const char *text)
{
	(void)text;
	update_rollback(b->update);
}

static void
command_reset(struct box *b, const char *text)
{
	if (text[0] != '\0' && strcmp(text, "force") != 0)
		box_event(b, "reset", "refused: neither force nor nothing");
	else if (b->resetting)
		box_event(b, "reset", "refused: one is under way");
	else
		start_reset(b, text[0] != '\0' ? "force" : "plain");
}

static void
command_reboot(struct box *b, const char *text)
{
	(void)text;
	box_reboot(b, "an operator said so");
}

void
box_command(void *arg, uint64_t order, const char *verb, const char *text)
{
	static const struct {
		const char *verb;
		void (*run)(struct box *b, const char *text);
		bool frozen;	/* also on a frozen box */
	} verbs[] = {
		{ "install", command_install, false },
		{ "commit", command_commit, false },
		{ "rollback", command_rollback, false },
		{ "reset", command_reset, true },
		{ "reboot", command_reboot, true },
	};
	struct box *b = arg;

	dca_log(DCA_INFO, "command=%s order=%llu", verb,
	    (unsigned long long)order);
	b->changed = true;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].verb, verb) != 0)
			continue;
		if (b->view.frozen && !verbs[i].frozen)
			box_event(b, "update-refused", "the box is frozen");
		else
			verbs[i].run(b, text);
		return;
	}
	box_event(b, "command-unknown", verb);
}
