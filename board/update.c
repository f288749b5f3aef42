/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Updates: what became of one, kept and told, and the verdict of local health
 * on the first boot that makes it permanent. What must survive a reboot is two
 * small files: `good-a`, `good-b` hold the version that was last good in a
 * slot, `update` what became of the last one.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "update-parts.h"

static const char *const names[] = {
	[UPDATE_IDLE] = "idle", [UPDATE_FETCHING] = "fetching",
	[UPDATE_VERIFYING] = "verifying", [UPDATE_INSTALLING] = "installing",
	[UPDATE_INSTALLED] = "installed", [UPDATE_TRIAL] = "trial",
	[UPDATE_GOOD] = "good", [UPDATE_FAILED] = "failed",
};

/* --- small things --- */

char
update_other_slot(const struct update *u)
{
	return u->boot->slot == 'a' ? 'b' : 'a';
}

void
update_keep(struct update *u)
{
	char line[256];
	const char slot = u->state == UPDATE_INSTALLED ? update_other_slot(u) :
	    u->boot->slot;

	snprintf(line, sizeof(line), "%s %s %c %s", names[u->state],
	    u->version[0] != '\0' ? u->version : "-",
	    slot != '\0' ? slot : '-', u->boot->id);
	(void)place_write(u->prefix, PLACE_DATA, "update", line);
}

void
update_become(struct update *u, enum update_state s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(u->text, sizeof(u->text), fmt, ap);
	va_end(ap);
	u->state = s;
	u->percent = 0;
	u->h.changed(u->h.arg);
}

void
update_event(struct update *u, const char *name, const char *fmt, ...)
{
	char text[BOARD_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	u->h.event(u->h.arg, name, text);
}

void
update_refuse(struct update *u, const char *why)
{
	update_event(u, "update-refused", "%s", why);
}

bool
update_busy(const struct update *u)
{
	return u->state == UPDATE_FETCHING || u->state == UPDATE_VERIFYING ||
	    u->state == UPDATE_INSTALLING || u->marking;
}

void
update_unit(struct update *u, int64_t seconds, const char *unit,
    void (*end)(void *, int, const struct dca_out *))
{
	char systemctl[4096];
	const char *const argv[] = { systemctl, "start", unit, NULL };
	const struct child_handlers h = { .end = end, .arg = u };

	place(systemctl, u->prefix, PLACE_SYSTEMCTL, NULL);
	child_start(u->children, argv, seconds, &h);
}

/* --- commit and rollback --- */

void
update_commit(struct update *u)
{
	if (u->state == UPDATE_INSTALLED)
		u->h.reboot(u->h.arg, "update commit");
	else if (u->trial)
		update_refuse(u,
		    "on trial: it stays once it is healthy, by itself");
	else
		update_refuse(u, "commit: nothing is on trial");
}

static void
on_rolled_back(void *arg, int code, const struct dca_out *out)
{
	struct update *u = arg;
	char why[256];
	const bool forget = u->state == UPDATE_INSTALLED;

	u->marking = false;
	if (code != 0) {
		child_last_line(out, why, sizeof(why));
		update_event(u, "update-refused", "rollback: rauc: %s", why);
		return;
	}
	update_become(u, UPDATE_IDLE, forget ?
	    "rolled back before it was booted" : "rolled back");
	update_keep(u);
	update_event(u, "fallback", "%s slot %c marked bad by an operator",
	    forget ? u->version : u->boot->version,
	    forget ? update_other_slot(u) : u->boot->slot);
	if (!forget)
		u->h.reboot(u->h.arg, "update rollback");
	else
		update_look(u);
}

void
update_rollback(struct update *u)
{
	const bool forget = u->state == UPDATE_INSTALLED;

	if (update_busy(u)) {
		update_refuse(u, "rollback: an update is under way");
		return;
	}
	if (!forget && (!u->other.known ||
	    strcmp(u->other.state, "good") != 0)) {
		update_refuse(u, "rollback: the other slot has no good system");
		return;
	}
	u->marking = true;
	update_rauc(u, SHORT_TIME, "status", "mark-bad",
	    forget ? "other" : "booted", on_rolled_back, NULL);
}

/* --- the verdict --- */

static void
on_floor(void *arg, int code, const struct dca_out *out)
{
	struct update *u = arg;
	char why[256];

	boot_read_floor(u->boot, u->prefix);
	if (code == 0 && u->boot->has_floor &&
	    u->boot->floor >= u->boot->security) {
		dca_log(DCA_INFO, "floor=%u in=%s", (unsigned)u->boot->floor,
		    u->boot->floor_in);
	} else {
		child_last_line(out, why, sizeof(why));
		update_event(u, "floor-failed",
		    "security floor not raised to %u: %s",
		    (unsigned)u->boot->security, why);
	}
	u->h.changed(u->h.arg);
}

/* After the mark, never before: the old system must stay bootable as long as
 * this one is not permanent. */
static void
raise_floor(struct update *u)
{
	char unit[40];

	if (!u->boot->has_security ||
	    (u->boot->has_floor && u->boot->security <= u->boot->floor) ||
	    (!u->boot->has_floor && u->boot->security == 0))
		return;
	snprintf(unit, sizeof(unit), "dca-floor@%u.service",
	    (unsigned)u->boot->security);
	update_unit(u, SHORT_TIME, unit, on_floor);
}

static void
good(struct update *u)
{
	const char name[] = { 'g', 'o', 'o', 'd', '-', u->boot->slot, '\0' };
	const bool was = u->trial;

	(void)place_write(u->prefix, PLACE_DATA, name, u->boot->version);
	u->trial = false;
	if (was) {
		(void)dca_strlcpy(u->version, u->boot->version,
		    sizeof(u->version));
		update_become(u, UPDATE_GOOD, "in slot %c", u->boot->slot);
		update_keep(u);
		update_event(u, "update-good", "%s in slot %c", u->version,
		    u->boot->slot);
	}
	raise_floor(u);
	update_look(u);
}

static void
marked_not(struct update *u, const struct dca_out *out)
{
	char why[256];

	child_last_line(out, why, sizeof(why));
	dca_log(DCA_ERR, "rauc status mark-good: %s", why);
	u->awaits = true;
	if (u->trial)
		update_ill(u, "rauc cannot mark this slot good");
	else
		update_event(u, "update-failed", "slot %c not marked good: %s",
		    u->boot->slot, why);
	u->awaits = false;
}

static void
on_marked(void *arg, int code, const struct dca_out *out)
{
	struct update *u = arg;
	char url[WANTED];

	u->marking = u->judging = false;
	if (code == 0)
		good(u);
	else
		marked_not(u, out);
	memcpy(url, u->wanted, sizeof(url));
	u->wanted[0] = '\0';
	if (url[0] != '\0')
		update_install(u, url);
}

void
update_healthy(struct update *u)
{
	if (!u->awaits || u->marking)
		return;
	u->awaits = false;
	if (!u->boot->counted) {	/* nothing counts against it */
		good(u);
		return;
	}
	u->marking = u->judging = true;
	update_rauc(u, SHORT_TIME, "status", "mark-good", "booted", on_marked,
	    NULL);
}

/* A system that was good before stays: a token that is away is no reason for
 * an older program, and the watchdog looks after what hangs. */
void
update_ill(struct update *u, const char *why)
{
	if (!u->awaits)
		return;
	if (!u->trial) {
		if (!u->looked)
			update_look(u);
		return;
	}
	u->awaits = false;
	update_become(u, UPDATE_FAILED, "%s", why);
	update_event(u, "update-failed", "%s in slot %c is not healthy: %s",
	    u->boot->version, u->boot->slot, why);
	u->h.reboot(u->h.arg, "not healthy");
}

/* --- start --- */

static void
take_record(struct update *u, const char *state, const char *version,
    char slot, bool this_boot)
{
	(void)dca_strlcpy(u->version, version, sizeof(u->version));
	if (strcmp(state, "good") == 0 && slot == u->boot->slot) {
		u->state = UPDATE_GOOD;
		return;
	}
	if (strcmp(state, "failed") == 0) {
		u->state = UPDATE_FAILED;
		snprintf(u->text, sizeof(u->text), "went back to slot %c",
		    u->boot->slot);
		return;
	}
	if (strcmp(state, "installed") != 0)
		return;
	if (slot == u->boot->slot) {
		u->state = UPDATE_TRIAL;
	} else if (this_boot) {
		u->state = UPDATE_INSTALLED;
	} else {
		u->state = UPDATE_FAILED;
		snprintf(u->text, sizeof(u->text), "%s in slot %c did not "
		    "become good; back in slot %c", version, slot,
		    u->boot->slot);
		if (!u->boot->fell_back)
			update_event(u, "fallback", "%s", u->text);
		update_keep(u);
	}
}

static void
recall(struct update *u)
{
	char line[256], *word[4], *rest = NULL, mine[BOARD_VERSION];
	char others[BOARD_VERSION];
	char name[] = "good-?";

	name[5] = u->boot->slot;
	(void)place_line(u->prefix, PLACE_DATA, name, mine, sizeof(mine));
	name[5] = update_other_slot(u);
	u->trial = place_line(u->prefix, PLACE_DATA, name, others,
	    sizeof(others)) && strcmp(mine, u->boot->version) != 0;
	if (place_line(u->prefix, PLACE_DATA, "update", line, sizeof(line))) {
		for (size_t i = 0; i < 4; i++)
			if ((word[i] = strtok_r(i == 0 ? line : NULL, " ",
			    &rest)) == NULL)
				return;
		take_record(u, word[0], word[1], word[2][0],
		    strcmp(word[3], u->boot->id) == 0);
	}
	if (u->state == UPDATE_TRIAL &&
	    strcmp(mine, u->boot->version) == 0)
		u->state = UPDATE_GOOD;	/* its mark is the record */
	if (u->trial)
		u->state = UPDATE_TRIAL;
	u->trial = u->state == UPDATE_TRIAL;
	if (u->trial)
		(void)dca_strlcpy(u->version, u->boot->version,
		    sizeof(u->version));
}

struct update *
update_new(const char *prefix, struct children *c, struct boot *b,
    const struct update_handlers *h)
{
	struct update *u = dca_alloc(sizeof(*u));

	memset(u, 0, sizeof(*u));
	u->prefix = prefix;
	u->children = c;
	u->boot = b;
	u->h = *h;
	u->awaits = b->slot != '\0';
	/* the other slot is looked at once this one is judged: RAUC's start costs
	 * as much as the vault's */
	if (u->awaits)
		recall(u);
	return u;
}

void
update_free(struct update *u)
{
	free(u);
}

bool
update_awaits(const struct update *u)
{
	return u->awaits;
}

bool
update_trial(const struct update *u)
{
	return u->trial;
}

enum update_state
update_state(const struct update *u)
{
	return u->state;
}

const char *
update_state_name(enum update_state s)
{
	return names[s];
}

const char *
update_version(const struct update *u)
{
	return u->version;
}

const char *
update_text(const struct update *u)
{
	return u->text;
}

unsigned
update_percent(const struct update *u)
{
	return u->percent;
}

const struct rauc_other *
update_other(const struct update *u)
{
	return &u->other;
}
