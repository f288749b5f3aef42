/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of an update share. */
#ifndef DCA_BOARD_UPDATE_PARTS_H
#define DCA_BOARD_UPDATE_PARTS_H

#include "board.h"

enum { SHORT_TIME = 60, WANTED = 640 };

struct update {
	const char *prefix;
	struct children *children;
	struct boot *boot;
	struct update_handlers h;
	enum update_state state;
	char version[BOARD_VERSION], text[BOARD_TEXT];
	unsigned percent;
	struct rauc_other other;
	bool looked;			/* at it, in this boot */
	bool awaits, trial, marking, judging;
	char wanted[WANTED];	/* an order that came while RAUC marked */
};

/* --- update.c --- */
char update_other_slot(const struct update *u);
/* What must survive a reboot, into the record. */
void update_keep(struct update *u);
/* Tells that it changed; percent begins anew. */
void update_become(struct update *u, enum update_state s, const char *fmt, ...)
    DCA_PRINTF(3, 4);
void update_event(struct update *u, const char *name, const char *fmt, ...)
    DCA_PRINTF(3, 4);
/* Nothing that is under way changes by it. */
void update_refuse(struct update *u, const char *why);
bool update_busy(const struct update *u);
/* Starts a unit and waits for its end. */
void update_unit(struct update *u, int64_t seconds, const char *unit,
    void (*end)(void *, int, const struct dca_out *));

/* --- update-rauc.c --- */
/* rauc A B C; what is NULL ends it. line may be NULL. */
void update_rauc(struct update *u, int64_t seconds, const char *a,
    const char *b, const char *c,
    void (*end)(void *, int, const struct dca_out *),
    void (*line)(void *, const char *));
/* Asks RAUC for what it knows of the other slot. */
void update_look(struct update *u);

#endif
