/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who uses a device: mounts, swap, mappings (device-mapper, md) and loop
 * devices over it or over any partition of it, as far down as they go. It
 * names the use for people; that nobody uses it the kernel says when the
 * device is opened with O_EXCL.
 */
#include "dca-flash.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { NODES_MAX = 512, NAME_SIZE = 256 };

/* The disk, its partitions, and whatever is mapped on them. */
struct node {
	dev_t dev;
	char name[NAME_SIZE];
	char sys[PATH_MAX];
	bool held;		/* a mapping on another node */
};
struct nodes {
	struct node *v;
	size_t n;
	const struct device *d;
};

/* "8:16" */
static bool
numbers(dev_t *dev, const char *s)
{
	char *colon, *stop = NULL;
	const unsigned long ma = strtoul(s, &colon, 10);
	const unsigned long mi =
	    *colon == ':' ? strtoul(colon + 1, &stop, 10) : 0;

	if (colon == s || stop == NULL || stop == colon + 1 || *stop != '\0')
		return false;
	*dev = makedev(ma, mi);
	return true;
}

static enum dca_rc
add_node(struct nodes *ns, const char *sys, bool held, struct dca_err *e)
{
	struct node *node;
	char text[32];
	dev_t dev;

	if (!disk_fact(text, sizeof(text), sys, "dev") ||
	    !numbers(&dev, text))
		return DCA_OK;	/* gone meanwhile */
	for (size_t i = 0; i < ns->n; i++)
		if (ns->v[i].dev == dev)
			return DCA_OK;
	if (ns->n == NODES_MAX)
		return dca_fail(e, DCA_RULE_FLASH_BUSY, "%.200s: carries more "
		    "than %d devices", ns->d->path, NODES_MAX);
	node = &ns->v[ns->n++];
	node->dev = dev;
	node->held = held;
	(void)dca_strlcpy(node->sys, sys, sizeof(node->sys));
	(void)dca_strlcpy(node->name, strrchr(sys, '/') + 1,
	    sizeof(node->name));
	return DCA_OK;
}

/* Entries of a folder in sysfs that are partitions, or all (holders). */
static enum dca_rc
add_from(struct nodes *ns, const char *folder, bool holders, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;
	struct dirent *entry;
	DIR *dir = opendir(folder);

	while (dir != NULL && rc == DCA_OK && (entry = readdir(dir)) != NULL) {
		char path[PATH_MAX], real[PATH_MAX], number[16];

		if (entry->d_name[0] == '.')
			continue;
		dca_path(path, folder, "/%s", entry->d_name);
		if (realpath(path, real) == NULL ||
		    (!holders &&
		    !disk_fact(number, sizeof(number), real, "partition")))
			continue;
		rc = add_node(ns, real, holders, e);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return rc;
}

static enum dca_rc
collect(struct nodes *ns, struct dca_err *e)
{
	enum dca_rc rc = add_node(ns, ns->d->sys, false, e);

	for (size_t i = 0; i < ns->n && rc == DCA_OK; i++) {
		char holders[PATH_MAX];

		dca_path(holders, ns->v[i].sys, "/holders");
		rc = add_from(ns, ns->v[i].sys, false, e);
		if (rc == DCA_OK)
			rc = add_from(ns, holders, true, e);
	}
	return rc;
}

static const struct node *
find(const struct nodes *ns, dev_t dev)
{
	for (size_t i = 0; i < ns->n; i++)
		if (ns->v[i].dev == dev)
			return &ns->v[i];
	return NULL;
}

/* Is a path the device or something on it, or the very file? */
static const char *
named(const struct nodes *ns, const char *path)
{
	const struct device *d = ns->d;
	const struct node *node;
	struct stat st;

	if (path[0] != '/' || stat(path, &st) != 0)
		return NULL;
	if (!d->block)
		return st.st_dev == d->dev && st.st_ino == d->ino ? d->path
								   : NULL;
	node = S_ISBLK(st.st_mode) ? find(ns, st.st_rdev) : NULL;
	return node != NULL ? node->name : NULL;
}

/* --- mounts: proc_pid_mountinfo(5) --- */

static bool
is_system(const char *where)
{
	static const char *const of[] = { "/", "/usr", "/boot", "/boot/efi",
		"/efi" };

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (strcmp(of[i], where) == 0)
			return true;
	return false;
}

static enum dca_rc
check_mount(const struct nodes *ns, const char *line, struct dca_err *e)
{
	const char *dash = strstr(line, " - ");
	char text[32], where[PATH_MAX], source[PATH_MAX];
	const struct node *node;
	const char *name;
	dev_t dev;

	if (dash == NULL || sscanf(line, "%*s %*s %31s %*s %4095s", text,
	    where) != 2 || sscanf(dash, " - %*s %4095s", source) != 1 ||
	    !numbers(&dev, text))
		return DCA_OK;
	node = find(ns, dev);
	/* btrfs has numbers of its own; its source is the device */
	name = node != NULL ? node->name : named(ns, source);
	if (name == NULL)
		return DCA_OK;
	if (is_system(where))
		return dca_fail(e, DCA_RULE_FLASH_DEVICE, "%.150s: this system "
		    "runs from it: %s is mounted on %s", ns->d->path, name,
		    where);
	return dca_fail(e, DCA_RULE_FLASH_BUSY, "%.150s: %s is mounted on "
	    "%.100s", ns->d->path, name, where);
}

/* The name of a swap area ends at the first white space; octal escapes are
 * left: such a name is not found, and O_EXCL finds the device. */
static enum dca_rc
check_swap(const struct nodes *ns, const char *line, struct dca_err *e)
{
	char path[PATH_MAX];
	const char *name;

	if (sscanf(line, "%4095s", path) != 1 ||
	    (name = named(ns, path)) == NULL)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_FLASH_BUSY, "%.150s: %.100s is swap",
	    ns->d->path, name);
}

static enum dca_rc
each_line(const struct nodes *ns, const char *path,
    enum dca_rc (*check)(const struct nodes *, const char *, struct dca_err *),
    struct dca_err *e)
{
	FILE *f = fopen(path, "re");
	enum dca_rc rc = DCA_OK, found;
	char *line = NULL;
	size_t cap = 0;

	if (f == NULL)
		return dca_fail(e, DCA_RULE_IO, "cannot open %s: what is in "
		    "use cannot be known", path);
	/* a mount of the system weighs more than any other */
	while (getline(&line, &cap, f) > 0 &&
	    (rc == DCA_OK || e->rule != DCA_RULE_FLASH_DEVICE)) {
		struct dca_err one = { 0 };

		found = check(ns, line, &one);
		if (found != DCA_OK &&
		    (rc == DCA_OK || one.rule == DCA_RULE_FLASH_DEVICE)) {
			rc = found;
			*e = one;
		}
	}
	free(line);
	(void)fclose(f);
	return rc;
}

/* --- loop devices over it --- */

static enum dca_rc
check_loops(const struct nodes *ns, struct dca_err *e)
{
	DIR *dir = opendir("/sys/block");
	enum dca_rc rc = DCA_OK;
	struct dirent *entry;

	while (dir != NULL && rc == DCA_OK && (entry = readdir(dir)) != NULL) {
		char folder[PATH_MAX], file[PATH_MAX];

		dca_path(folder, "/sys/block/", "%s", entry->d_name);
		if (disk_fact(file, sizeof(file), folder,
		    "loop/backing_file") && named(ns, file) != NULL)
			rc = dca_fail(e, DCA_RULE_FLASH_BUSY, "%.150s: "
			    "/dev/%.60s is over it", ns->d->path,
			    entry->d_name);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return rc;
}

static enum dca_rc
check_holders(const struct nodes *ns, struct dca_err *e)
{
	for (size_t i = 0; i < ns->n; i++)
		if (ns->v[i].held)
			return dca_fail(e, DCA_RULE_FLASH_BUSY,
			    "%.150s: %.60s is on it", ns->d->path,
			    ns->v[i].name);
	return DCA_OK;
}

enum dca_rc
use_check(const struct device *d, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) struct node *v =
	    dca_alloc(NODES_MAX * sizeof(*v));
	struct nodes ns = { .v = v, .d = d };
	enum dca_rc rc = DCA_OK;

	if (d->block)
		rc = collect(&ns, e);
	if (rc == DCA_OK && d->block)
		rc = each_line(&ns, "/proc/self/mountinfo", check_mount, e);
	if (rc == DCA_OK)
		rc = each_line(&ns, "/proc/swaps", check_swap, e);
	if (rc == DCA_OK)
		rc = check_loops(&ns, e);
	return rc == DCA_OK ? check_holders(&ns, e) : rc;
}
