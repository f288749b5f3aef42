/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAUC, called as a child: its shell format, and what it knows of the other
 * slot. What it is called for is decided elsewhere.
 */
#include <stdio.h>
#include <string.h>

#include "update-parts.h"

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

void
rauc_reason(const struct dca_out *out, char *why, size_t cap)
{
	static const char mark[] = "LastError: ";
	const char *p = (const char *)out->p, *end = p + out->n, *at = NULL;
	size_t n;

	for (; p != NULL && (p = memmem(p, (size_t)(end - p), mark,
	    sizeof(mark) - 1)) != NULL; at = p)
		p += sizeof(mark) - 1;
	if (at == NULL) {
		child_last_line(out, why, cap);
		return;
	}
	for (n = 0; at + n < end && at[n] != '\n' && n + 1 < cap; n++)
		why[n] = at[n];
	why[n] = '\0';
}

void
update_rauc(struct update *u, int64_t seconds, const char *a, const char *b,
    const char *c, void (*end)(void *, int, const struct dca_out *),
    void (*line)(void *, const char *))
{
	char rauc[4096];
	const char *const argv[] = { rauc, a, b, c, NULL };
	const struct child_handlers h = { .end = end, .line = line, .arg = u };

	place(rauc, u->prefix, PLACE_RAUC, NULL);
	child_start(u->children, argv, seconds, &h);
}

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

void
update_look(struct update *u)
{
	u->looked = true;
	update_rauc(u, SHORT_TIME, "status", "--detailed",
	    "--output-format=shell", on_status, NULL);
}
