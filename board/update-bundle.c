/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle, from the request to the other slot: fetched by a unit without
 * privileges, judged and written by RAUC. It is never read here.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "update-parts.h"

enum { FETCH_TIME = 3600, RAUC_TIME = 1800 };

/* What was under way is over. */
static void DCA_PRINTF(3, 4)
give_up(struct update *u, const char *name, const char *fmt, ...)
{
	char why[BOARD_TEXT - 64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	update_become(u, UPDATE_FAILED, "%s", why);
	update_event(u, name, "%s%s%s", u->version, u->version[0] ? ": " : "",
	    why);
	update_look(u);
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
		rauc_reason(out, why, sizeof(why));
		give_up(u, "update-failed", "rauc install: %s", why);
		return;
	}
	update_become(u, UPDATE_INSTALLED, "in slot %c", update_other_slot(u));
	update_keep(u);
	update_event(u, "update-installed", "%s in slot %c", u->version,
	    update_other_slot(u));
	update_look(u);
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
	update_become(u, UPDATE_INSTALLING, "into slot %c",
	    update_other_slot(u));
	place(bundle, u->prefix, PLACE_UPDATE, "bundle.raucb");
	update_rauc(u, RAUC_TIME, "install", bundle, NULL, on_installed,
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
	update_become(u, UPDATE_VERIFYING,
	    "signature, version, security version");
	place(bundle, u->prefix, PLACE_UPDATE, "bundle.raucb");
	update_rauc(u, SHORT_TIME, "info", "--output-format=shell", bundle,
	    on_info, NULL);
}

/* --- the request --- */

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
	if (bad == NULL && update_busy(u))
		bad = "another update is under way";
	else if (bad == NULL && u->trial)
		bad = "this system is on trial: first it becomes good or goes";
	else if (bad == NULL && u->boot->slot == '\0')
		bad = "the box does not know its slot";
	if (bad != NULL) {
		update_refuse(u, bad);
		return;
	}
	u->version[0] = '\0';
	if (!place_write(u->prefix, PLACE_RUN, "fetch", url)) {
		update_refuse(u, "the request cannot be written");
		return;
	}
	update_become(u, UPDATE_FETCHING, "%.200s", url);
	update_unit(u, FETCH_TIME, "dca-fetch.service", on_fetched);
}
