/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the box share. */
#ifndef DCA_BOARD_BOX_PARTS_H
#define DCA_BOARD_BOX_PARTS_H

#include "board.h"

struct box {
	struct dca_loop *loop;
	const char *prefix;
	const struct board_conf *conf;
	struct boot boot;
	struct children *children;
	struct vault *vault;
	struct front *front;
	struct events *events;
	struct update *update;
	struct watchdog *watchdog;
	struct led *led;
	struct tamper *tamper;
	struct view view;
	struct beat beat;		/* the last deep one */
	bool deep;			/* there was one */
	enum state state;
	bool said, changed, connected, rebooting, resetting, zeroised;
	int64_t asked, reboot_at, deep_asked, reported, zeroise_at;
	enum update_state update_said;
	unsigned percent_said;
	char claim[64], server[2 * DCA_SHA256_LEN + 1];
};

/* --- box.c --- */
/* On the console, and kept for the ledger; arg: the box. */
void box_event(void *arg, const char *name, const char *text);

/* --- box-console.c --- */
void box_say(const char *fmt, ...) DCA_PRINTF(1, 2);
/* Each says it once, and again when it is another. */
void box_say_server(struct box *b);
void box_say_claim(struct box *b);
void box_say_update(struct box *b);

/* --- box-command.c; arg: the box --- */
void box_command(void *arg, uint64_t order, const char *verb,
    const char *text);
/* In a moment: box_reboot_turn() does it. */
void box_reboot(void *arg, const char *why);
void box_reboot_turn(struct box *b);
/* Freezes and zeroises when the contact is open. */
void box_guard(struct box *b);

#endif
