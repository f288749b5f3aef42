/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Updates: fetched by a unit without privileges, judged and written by RAUC,
 * made permanent by the verdict of local health on the first boot. What must
 * survive a reboot is two small files: `good-a`, `good-b` hold the version that
 * was last good in a slot, `update` what became of the last one.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"

enum { FETCH_TIME = 3600, RAUC_TIME = 1800, SHORT_TIME = 60, WANTED = 640 };

struct update {
	const char *prefix;
	struct children *children;
	struct boot *boot;
	struct update_handlers h;
	enum update_state state;
	char version[BOARD_VERSION], text[BOARD_TEXT];
	unsigned percent;
	struct rauc_other other;
	bool awaits, trial, marking, judging;
	char wanted[WANTED];	/* an order that came while RAUC marked */
};

static const char *const names[] = {
	[UPDATE_IDLE] = "idle", [UPDATE_FETCHING] = "fetching",
	[UPDATE_VERIFYING] = "verifying", [UPDATE_INSTALLING] = "installing",
	[UPDATE_INSTALLED] = "installed", [UPDATE_TRIAL] = "trial",
	[UPDATE_GOOD] = "good", [UPDATE_FAILED] = "failed",
};

/* --- RAUC's shell format --- */

bool
rauc_value(struct dca_buf out, const char *key, char *value, size_t cap)
{
	const char *p = (const char *)out.p, *end = p + out.n;
	const size_t n = strlen(key);

	while (p != NULL && p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl != NULL ? nl : end;

		if ((size_t)(stop - p) > n && memcmp(p, key, n) == 0 &&
		    p[n] == '=') {
			const char *v = p + n + 1;
			size_t len = (size_t)(stop - v);

			if (len >= 2 && v[0] == '\'' && v[len - 1] == '\'') {
				v++;
				len -= 2;
			}
			if (len >= cap)
				return false;
			memcpy(value, v, len);
			value[len] = '\0';
			return true;
		}
		p = nl != NULL ? nl + 1 : end;
	}
	return false;
}

/* The slot with a boot name that is not ours. */
void
rauc_other(struct rauc_other *o, struct dca_buf status, char slot)
{
	memset(o, 0, sizeof(*o));
	for (unsigned i = 1; i <= 8; i++) {
		char key[48], name[16];

		snprintf(key, sizeof(key), "RAUC_SLOT_BOOTNAME_%u", i);
		if (!rauc_value(status, key, name, sizeof(name)) ||
		    name[0] == '\0' || name[0] == slot || name[1] != '\0')
			continue;
		snprintf(key, sizeof(key), "RAUC_SLOT_BOOT_STATUS_%u", i);
		o->known = rauc_value(status, key, o->state,
		    sizeof(o->state)) && o->state[0] != '\0';
		snprintf(key, sizeof(key), "RAUC_SLOT_STATUS_BUNDLE_VERSION_%u",
		    i);
		(void)rauc_value(status, key, o->version, sizeof(o->version));
	}
}

/* --- small things --- */

static char
other_slot(const struct update *u)
{
	return u->boot->slot == 'a' ? 'b' : 'a';
}

static void
keep(struct update *u)
{
	char line[256];
	const char slot = u->state == UPDATE_INSTALLED ? other_slot(u) :
	    u->boot->slot;

	snprintf(line, sizeof(line), "%s %s %c %s", names[u->state],
	    u->version[0] != '\0' ? u->version : "-",
	    slot != '\0' ? slot : '-', u->boot->id);
	(void)place_write(u->prefix, PLACE_DATA, "update", line);
}

static void DCA_PRINTF(3, 4)
become(struct update *u, enum update_state s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(u->text, sizeof(u->text), fmt, ap);
	va_end(ap);
	u->state = s;
	u->percent = 0;
	u->h.changed(u->h.arg);
}

static void DCA_PRINTF(3, 4)
event(struct update *u, const char *name, const char *fmt, ...)
{
	char text[BOARD_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	u->h.event(u->h.arg, name, text);
}

static void
call(struct update *u, int64_t seconds, const char *const *argv,
    void (*end)(void *, int, const struct dca_out *),
    void (*line)(void *, const char *))
{
	const struct child_handlers h = { .end = end, .line = line, .arg = u };

	child_start(u->children, argv, seconds, &h);
}

static void
call_rauc(struct update *u, int64_t seconds, const char *a, const char *b,
    const char *c, void (*end)(void *, int, const struct dca_out *),
    void (*line)(void *, const char *))
{
	char rauc[4096];
	const char *const argv[] = { rauc, a, b, c, NULL };

	place(rauc, u->prefix, PLACE_RAUC, NULL);
	call(u, seconds, argv, end, line);
}

static void
call_unit(struct update *u, int64_t seconds, const char *unit,
    void (*end)(void *, int, const struct dca_out *))
{
	char systemctl[4096];
	const char *const argv[] = { systemctl, "start", unit, NULL };

	place(systemctl, u->prefix, PLACE_SYSTEMCTL, NULL);
	call(u, seconds, argv, end, NULL);
}

/* --- what RAUC knows of the other slot --- */

static void
on_status(void *arg, int code, const struct dca_out *out)
{
	struct update *u = arg;

	if (code == 0)
		rauc_other(&u->other, dca_out_buf(out), u->boot->slot);
	else
		dca_log(DCA_WARNING, "rauc status: exit code %d", code);
	u->h.changed(u->h.arg);
}

static void
look(struct update *u)
{
	call_rauc(u, SHORT_TIME, "status", "--detailed",
	    "--output-format=shell", on_status, NULL);
}

/* --- install --- */

static void
refuse(struct update *u, const char *why)
{
	event(u, "update-refused", "%s", why);
}

/* What was under way is over. */
static void DCA_PRINTF(3, 4)
give_up(struct update *u, const char *name, const char *fmt, ...)
{
	char why[BOARD_TEXT - 64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	become(u, UPDATE_FAILED, "%s", why);
	event(u, name, "%s%s%s", u->version, u->version[0] ? ": " : "", why);
	look(u);
}

static void
on_percent(void *arg, const char *line)
{
	struct update *u = arg;
	const char *p = strchr(line, '%'), *b = p;

	while (b != NULL && b > line && isdigit((unsigned char)b[-1]))
		b--;
	if (b == p)
		return;
	u->percent = (unsigned)strtoul(b, NULL, 10);
	if (u->percent > 100)
		u->percent = 100;
	u->h.changed(u->h.arg);
}

static void
on_installed(void *arg, int code, const struct dca_out *out)
{
	struct update *u = arg;
	char why[256];

	if (code != 0) {
		child_last_line(out, why, sizeof(why));
		give_up(u, "update-failed", "rauc install: %s", why);
		return;
	}
	become(u, UPDATE_INSTALLED, "in slot %c", other_slot(u));
	keep(u);
	event(u, "update-installed", "%s in slot %c", u->version,
	    other_slot(u));
	look(u);
	u->h.reboot(u->h.arg, "update installed");
}

/* Signature, format and compatibility are RAUC's; the floor is ours too. */
static void
on_info(void *arg, int code, const struct dca_out *out)
{
	struct update *u = arg;
	const struct dca_buf text = dca_out_buf(out);
	char why[256], bundle[4096], security[8];
	uint64_t n = 0;

	if (code != 0) {
		child_last_line(out, why, sizeof(why));
		give_up(u, "update-refused", "rauc info: %s", why);
		return;
	}
	if (!rauc_value(text, "RAUC_MF_VERSION", u->version,
	    sizeof(u->version)) || u->version[0] == '\0' ||
	    strchr(u->version, ' ') != NULL) {
		u->version[0] = '\0';
		give_up(u, "update-refused", "the bundle names no version");
		return;
	}
	if (!rauc_value(text, "RAUC_META_DCA_SECURITY", security,
	    sizeof(security)) || !boot_security(security, &n)) {
		give_up(u, "update-refused",
		    "the bundle names no security version");
		return;
	}
	if (u->boot->has_floor && n < u->boot->floor) {
		give_up(u, "update-refused", "security version %u is older "
		    "than the floor, %u", (unsigned)n,
		    (unsigned)u->boot->floor);
		return;
	}
	become(u, UPDATE_INSTALLING, "into slot %c", other_slot(u));
	place(bundle, u->prefix, PLACE_UPDATE, "bundle.raucb");
	call_rauc(u, RAUC_TIME, "install", bundle, NULL, on_installed,
	    on_percent);
}

static void
on_fetched(void *arg, int code, const struct dca_out *out)
{
	struct update *u = arg;
	char why[256], bundle[4096];

	if (code != 0) {
		if (!place_line(u->prefix, PLACE_UPDATE, "why", why,
		    sizeof(why)))
			child_last_line(out, why, sizeof(why));
		give_up(u, "update-failed", "fetch: %s", why);
		return;
	}
	become(u, UPDATE_VERIFYING, "signature, version, security version");
	place(bundle, u->prefix, PLACE_UPDATE, "bundle.raucb");
	call_rauc(u, SHORT_TIME, "info", "--output-format=shell", bundle,
	    on_info, NULL);
}

static bool
busy(const struct update *u)
{
	return u->state == UPDATE_FETCHING || u->state == UPDATE_VERIFYING ||
	    u->state == UPDATE_INSTALLING || u->marking;
}

/* "https://..." or "usb:FILE", then " sha256:HEX" if any. */
static const char *
url_bad(const char *s)
{
	const char *hash = strchr(s, ' ');
	size_t n = hash != NULL ? (size_t)(hash - s) : strlen(s);

	if (strncmp(s, "https://", 8) != 0 && strncmp(s, "usb:", 4) != 0)
		return "the URL begins with neither https:// nor usb:";
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' ||
		    strchr("\"'\\`$<>{}|^", s[i]) != NULL)
			return "the URL has a character that must be escaped";
	if (hash != NULL && (strncmp(hash, " sha256:", 8) != 0 ||
	    strlen(hash) != 8 + 64 ||
	    strspn(hash + 8, "0123456789abcdef") != 64))
		return "behind the URL stands no sha256:HEX";
	return NULL;
}

void
update_install(struct update *u, const char *url)
{
	const char *bad = url_bad(url);

	/* each start is marked good: a moment after operational, when an
	 * operator may well have waited for it */
	if (bad == NULL && u->judging && u->wanted[0] == '\0' &&
	    dca_strlcpy(u->wanted, url, sizeof(u->wanted)))
		return;
	if (bad == NULL && busy(u))
		bad = "another update is under way";
	else if (bad == NULL && u->trial)
		bad = "this system is on trial: first it becomes good or goes";
	else if (bad == NULL && u->boot->slot == '\0')
		bad = "the box does not know its slot";
	if (bad != NULL) {
		refuse(u, bad);
		return;
	}
	u->version[0] = '\0';
	if (!place_write(u->prefix, PLACE_RUN, "fetch", url)) {
		refuse(u, "the request cannot be written");
		return;
	}
	become(u, UPDATE_FETCHING, "%.200s", url);
	call_unit(u, FETCH_TIME, "dca-fetch.service", on_fetched);
}

/* --- commit and rollback --- */

void
update_commit(struct update *u)
{
	if (u->state == UPDATE_INSTALLED)
		u->h.reboot(u->h.arg, "update commit");
	else if (u->trial)
		refuse(u, "on trial: it stays once it is healthy, by itself");
	else
		refuse(u, "commit: nothing is on trial");
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
		event(u, "update-refused", "rollback: rauc: %s", why);
		return;
	}
	become(u, UPDATE_IDLE, forget ? "rolled back before it was booted" :
	    "rolled back");
	keep(u);
	event(u, "fallback", "%s slot %c marked bad by an operator",
	    forget ? u->version : u->boot->version,
	    forget ? other_slot(u) : u->boot->slot);
	if (!forget)
		u->h.reboot(u->h.arg, "update rollback");
	else
		look(u);
}

void
update_rollback(struct update *u)
{
	const bool forget = u->state == UPDATE_INSTALLED;

	if (busy(u)) {
		refuse(u, "rollback: an update is under way");
		return;
	}
	if (!forget && (!u->other.known ||
	    strcmp(u->other.state, "good") != 0)) {
		refuse(u, "rollback: the other slot has no good system");
		return;
	}
	u->marking = true;
	call_rauc(u, SHORT_TIME, "status", "mark-bad",
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
		event(u, "floor-failed", "security floor not raised to %u: %s",
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
	call_unit(u, SHORT_TIME, unit, on_floor);
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
		become(u, UPDATE_GOOD, "in slot %c", u->boot->slot);
		keep(u);
		event(u, "update-good", "%s in slot %c", u->version,
		    u->boot->slot);
	}
	raise_floor(u);
	look(u);
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
		event(u, "update-failed", "slot %c not marked good: %s",
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
	call_rauc(u, SHORT_TIME, "status", "mark-good", "booted", on_marked,
	    NULL);
}

/* A system that was good before stays: a token that is away is no reason for
 * an older program, and the watchdog looks after what hangs. */
void
update_ill(struct update *u, const char *why)
{
	if (!u->awaits || !u->trial)
		return;
	u->awaits = false;
	become(u, UPDATE_FAILED, "%s", why);
	event(u, "update-failed", "%s in slot %c is not healthy: %s",
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
			event(u, "fallback", "%s", u->text);
		keep(u);
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
	name[5] = other_slot(u);
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
	if (u->awaits) {
		recall(u);
		look(u);
	}
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
