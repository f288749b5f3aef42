/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events wait here, a file each, until a vault has them in its ledger: what
 * happens while no vault runs (a fallback, a refusal in the initrd) is not
 * lost, over reboots too. One file is one event; its name is the order.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "board.h"

enum { QUEUED = 256, LEFT_MAX = 64 * 1024, NAME_MAX_ = 32, DIGITS = 20 };

struct events {
	const char *prefix;
	char dir[4096];
	char (*names)[DIGITS + 1];	/* in order */
	size_t n;
	uint64_t next;
};

static bool
name_ok(const char *s)
{
	const size_t n = strlen(s);

	return n > 0 && n <= NAME_MAX_ &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static bool
number_ok(const char *s)
{
	return strlen(s) == DIGITS && strspn(s, "0123456789") == DIGITS;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
list(struct events *ev)
{
	const struct dirent *d;
	DIR *dir = opendir(ev->dir);

	ev->n = 0;
	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		if (!number_ok(d->d_name) || ev->n == QUEUED)
			continue;
		(void)dca_strlcpy(ev->names[ev->n++], d->d_name, DIGITS + 1);
	}
	closedir(dir);
	qsort(ev->names, ev->n, sizeof(*ev->names), by_name);
}

struct events *
events_new(const char *prefix)
{
	struct events *ev = dca_alloc(sizeof(*ev));
	struct dca_err e = { 0 };

	memset(ev, 0, sizeof(*ev));
	ev->prefix = prefix;
	ev->names = dca_alloc(QUEUED * sizeof(*ev->names));
	place(ev->dir, prefix, PLACE_DATA, "events");
	if (dca_file_mkdir(ev->dir, 0755, &e) != DCA_OK)
		dca_log_err(DCA_ERR, "events", &e);
	list(ev);
	if (ev->n > 0)
		ev->next = strtoull(ev->names[ev->n - 1], NULL, 10) + 1;
	events_collect(ev);
	return ev;
}

void
events_free(struct events *ev)
{
	free(ev->names);
	free(ev);
}

static enum dca_rc
write_one(const char *path, const char *name, const char *text,
    struct dca_err *e)
{
	DCA_AUTO_OUT line = { 0 };
	char one[BOARD_TEXT + 1];

	(void)dca_strlcpy(one, text, sizeof(one));
	for (char *p = one; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	dca_out_printf(&line, "%s %s\n", name, one);
	return dca_file_write(path, dca_out_buf(&line), 0644, e);
}

enum dca_rc
events_add(struct events *ev, const char *name, const char *text,
    struct dca_err *e)
{
	char path[4096 + DIGITS + 2];
	enum dca_rc rc;

	if (!name_ok(name))
		return dca_fail(e, DCA_RULE_INPUT, "event \"%.40s\": 1 to 32 "
		    "of a-z 0-9 and -", name);
	if (ev->n == QUEUED)
		return dca_fail(e, DCA_RULE_IO, "%d events wait already: is "
		    "the vault down?", QUEUED);
	snprintf(ev->names[ev->n], DIGITS + 1, "%020llu",
	    (unsigned long long)ev->next);
	snprintf(path, sizeof(path), "%s/%s", ev->dir, ev->names[ev->n]);
	if ((rc = write_one(path, name, text, e)) != DCA_OK)
		return rc;
	ev->next++;
	ev->n++;
	dca_log(DCA_INFO, "event=%s text=\"%s\"", name, text);
	return DCA_OK;
}

enum dca_rc
events_drop(const char *prefix, const char *name, const char *text,
    struct dca_err *e)
{
	char path[4096], file[64];
	struct timespec t;
	enum dca_rc rc;

	if (!name_ok(name))
		return dca_fail(e, DCA_RULE_INPUT, "event \"%.40s\": 1 to 32 "
		    "of a-z 0-9 and -", name);
	place(path, prefix, PLACE_RUN, "queue");
	if ((rc = dca_file_mkdir(path, 0755, e)) != DCA_OK)
		return rc;
	if (clock_gettime(CLOCK_BOOTTIME, &t) != 0)
		abort();
	snprintf(file, sizeof(file), "queue/%010lld%09ld%d",
	    (long long)t.tv_sec, t.tv_nsec, (int)getpid() % 10);
	place(path, prefix, PLACE_RUN, file);
	return write_one(path, name, text, e);
}

/* Lines "NAME TEXT"; gone once they are kept. */
static void
take_over(struct events *ev, const char *path)
{
	char *line, *rest = NULL, *text;
	DCA_AUTO_OUT all = { 0 };
	struct dca_err e = { 0 };

	if (access(path, F_OK) != 0)
		return;
	if (dca_file_read(&all, path, LEFT_MAX, &e) != DCA_OK) {
		dca_log_err(DCA_WARNING, "events left", &e);
		return;
	}
	for (line = all.n > 0 ? strtok_r((char *)all.p, "\n", &rest) : NULL;
	     line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		text = line + strcspn(line, " ");
		if (*text != '\0')
			*text++ = '\0';
		if (events_add(ev, line, text, &e) == DCA_OK)
			continue;
		dca_log_err(DCA_ERR, "event left", &e);
		if (ev->n == QUEUED)
			return;		/* the file stays */
	}
	if (unlink(path) != 0)
		dca_log(DCA_WARNING, "events left: cannot remove %s", path);
}

static int
visible(const struct dirent *d)
{
	return d->d_name[0] != '.' && strchr(d->d_name, '.') == NULL;
}

void
events_collect(struct events *ev)
{
	char dir[4096], path[4096];
	struct dirent **names = NULL;
	int n;

	place(path, ev->prefix, PLACE_RUN, "events");
	take_over(ev, path);
	place(path, ev->prefix, PLACE_ESP, "events");
	take_over(ev, path);
	place(dir, ev->prefix, PLACE_RUN, "queue");
	n = scandir(dir, &names, visible, alphasort);
	for (int i = 0; i < n; i++) {
		dca_path(path, dir, "/%s", names[i]->d_name);
		take_over(ev, path);
		free(names[i]);
	}
	free(names);
}

bool
events_first(const struct events *ev, char name[static 33],
    char text[static BOARD_TEXT + 1])
{
	char path[4096 + DIGITS + 2], *at;
	DCA_AUTO_OUT line = { 0 };
	struct dca_err e = { 0 };

	if (ev->n == 0)
		return false;
	snprintf(path, sizeof(path), "%s/%s", ev->dir, ev->names[0]);
	if (dca_file_read(&line, path, 4096, &e) != DCA_OK || line.n == 0) {
		dca_log_err(DCA_ERR, "event not read", &e);
		(void)dca_strlcpy(name, "event-lost", 33);
		snprintf(text, BOARD_TEXT + 1, "%.300s", e.text);
		return true;
	}
	line.p[strcspn((const char *)line.p, "\n")] = '\0';
	at = (char *)line.p + strcspn((const char *)line.p, " ");
	if (*at != '\0')
		*at++ = '\0';
	(void)dca_strlcpy(name, (const char *)line.p, 33);
	(void)dca_strlcpy(text, at, BOARD_TEXT);
	return true;
}

void
events_done(struct events *ev)
{
	char path[4096 + DIGITS + 2];

	if (ev->n == 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", ev->dir, ev->names[0]);
	if (unlink(path) != 0)
		dca_log(DCA_ERR, "event stays: cannot remove %s", path);
	memmove(ev->names[0], ev->names[1], --ev->n * sizeof(*ev->names));
}

size_t
events_count(const struct events *ev)
{
	return ev->n;
}
