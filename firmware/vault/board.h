/* SPDX-License-Identifier: Apache-2.0 */
/* dca-board and the vault: what it says, what it asks, what it is told. */
#ifndef DCA_VAULT_BOARD_H
#define DCA_VAULT_BOARD_H

#include "job.h"

/* Told after the commit of the act it comes from, and forgotten when that is
 * lost. */
struct vault_command {
	struct vault_command *next;
	uint64_t order;			/* ledger row of the act */
	char verb[32 + 1], arg[512 + 1];
};

enum { VAULT_EVENTS_PER_MINUTE = 60 };

struct vault_board {
	struct vault_peer *peer;	/* who reported last; NULL: nobody */
	struct dca_out report;		/* its last REPORT */
	int64_t since;			/* start of this minute of events */
	unsigned rows, more;
	struct vault_command *commands, **commands_end;
};

/* --- board.c: REPORT, EVENT, commands --- */
void vault_board_open(struct vault *v);
void vault_board_close(struct vault *v);
void vault_board_gone(struct vault *v, const struct vault_peer *p);
bool vault_board_there(const struct vault *v);
void vault_board_command(struct vault *v, uint64_t order, const char *verb,
    const char *arg);
/* The group they belong to is committed, or lost. */
void vault_board_tell(struct vault *v);
void vault_board_forget(struct vault *v);
/* Events that were counted: the row that says how many. */
void vault_board_flush(struct vault *v, int64_t now);
/* The last REPORT as one item, null when nobody is connected. */
void vault_board_status(const struct vault *v, struct dca_out *o);
/* READ events: [{seq, text, time, event}, ...], the last of them, newest
 * first; what was counted is event "rate". */
enum { VAULT_EVENTS_SHOWN = 50 };
enum dca_rc vault_board_events(struct vault *v, struct dca_out *o,
    struct dca_err *e) DCA_CHECKED;
void vault_on_report(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_event(struct vault *, struct vault_peer *,
    const struct dca_message *);

/* --- selftest.c: BEAT --- */
void vault_selftest_open(struct vault *v);
void vault_selftest_close(struct vault *v);
/* The job came back from its worker. */
void vault_selftest_signed(struct vault *v, struct vault_job *j);
bool vault_selftest_out(const struct vault *v);	/* a worker has it */
/* Goes on, once per turn when no group is open. */
void vault_selftest_turn(struct vault *v);
void vault_on_beat(struct vault *, struct vault_peer *,
    const struct dca_message *);

#endif
