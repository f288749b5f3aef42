/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a disk says of itself, for the person who must recognise it: model,
 * serial, size, and what is on it now. Decides nothing. What the hardware and
 * the medium say is shown without control characters.
 */
#include "dca-flash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <blkid.h>

#include "people.h"

enum { FACT = 256, SECTOR = 512, PARTITIONS_SHOWN = 64 };

void
show_line(const char *name, const char *fmt, ...)
{
	DCA_AUTO_OUT shown = { 0 };
	char value[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	dca_show_text(&shown, DCA_BUF(value, strlen(value)));
	printf("%-11s%.*s\n", name, (int)shown.n,
	    shown.n ? (const char *)shown.p : "");
	fflush(stdout);	/* the bars on stderr stay in their place */
}

const char *
size_text(char out[static SIZE_TEXT], uint64_t octets)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double v = (double)octets / 1024;
	size_t i = 0;

	while (v >= 1024 && i < 3) {
		v /= 1024;
		i++;
	}
	(void)snprintf(out, SIZE_TEXT, "%.1f %s", v, units[i]);
	return out;
}

void
show_progress(const char *what, uint64_t done, uint64_t all, unsigned *last)
{
	unsigned percent = all ? (unsigned)(done * 100 / all) : 100;

	if (percent == *last)
		return;
	if (isatty(STDERR_FILENO)) {
		fprintf(stderr, "\r%-12s [%-40.*s] %3u %%%s", what,
		    (int)(percent * 40 / 100),
		    "########################################", percent,
		    percent == 100 ? "\n" : "");
		fflush(stderr);
	} else if (percent / 10 > *last / 10) {
		fprintf(stderr, "%s: %u %%\n", what, percent);
	}
	*last = percent;
}

void
show_stopped(void)
{
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
}

bool
disk_fact(char *out, size_t cap, const char *folder, const char *name)
{
	char path[PATH_MAX];
	size_t n;
	FILE *f;

	dca_path(path, folder, "/%s", name);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	out[0] = '\0';
	n = fgets(out, (int)cap, f) != NULL ? strlen(out) : 0;
	(void)fclose(f);
	while (n > 0 && strchr(" \t\r\n", out[n - 1]) != NULL)
		out[--n] = '\0';
	memmove(out, out + strspn(out, " \t"),
	    strlen(out + strspn(out, " \t")) + 1);
	return out[0] != '\0';
}

/* The SCSI unit serial number page: four octets, then the text. */
static bool
scsi_serial(char *out, size_t cap, const char *folder)
{
	char path[PATH_MAX];
	size_t n;
	FILE *f;

	dca_path(path, folder, "/device/vpd_pg80");
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = fread(out, 1, cap - 1, f);
	(void)fclose(f);
	out[n] = '\0';
	if (n <= 4)
		return false;
	memmove(out, out + 4, n - 3);
	memmove(out, out + strspn(out, " "), strlen(out + strspn(out, " ")) + 1);
	return out[0] != '\0';
}

static void
show_hardware(const struct device *d)
{
	char model[FACT], vendor[FACT], serial[FACT], flag[FACT], size[SIZE_TEXT];
	const char *maker = "";

	if (!disk_fact(model, sizeof(model), d->sys, "device/model") &&
	    !disk_fact(model, sizeof(model), d->sys, "device/name") &&
	    !disk_fact(model, sizeof(model), d->sys, "loop/backing_file"))
		(void)dca_strlcpy(model, "not told", sizeof(model));
	/* a number is the PCI vendor of a virtual disk */
	if (disk_fact(vendor, sizeof(vendor), d->sys, "device/vendor") &&
	    strncmp(vendor, "0x", 2) != 0)
		maker = vendor;
	show_line("model", "%s%s%s", maker, *maker ? " " : "", model);
	if (!disk_fact(serial, sizeof(serial), d->sys, "device/serial") &&
	    !disk_fact(serial, sizeof(serial), d->sys, "serial") &&
	    !scsi_serial(serial, sizeof(serial), d->sys))
		(void)dca_strlcpy(serial, "not told", sizeof(serial));
	show_line("serial", "%s", serial);
	show_line("size", "%llu octets (%s)%s", (unsigned long long)d->size,
	    size_text(size, d->size),
	    disk_fact(flag, sizeof(flag), d->sys, "removable") &&
	    strcmp(flag, "1") == 0 ? ", removable" : "");
}

/* File system and label at an offset, "" when there is none. */
static void
content(char *out, size_t cap, int fd, uint64_t at, uint64_t n)
{
	const char *type = NULL, *label = NULL;
	blkid_probe pr = blkid_new_probe();

	out[0] = '\0';
	if (pr == NULL)
		return;
	if (blkid_probe_set_device(pr, fd, (blkid_loff_t)at,
	    (blkid_loff_t)n) == 0 &&
	    blkid_probe_enable_superblocks(pr, 1) == 0 &&
	    blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE |
	    BLKID_SUBLKS_LABEL) == 0 && blkid_do_safeprobe(pr) == 0) {
		(void)blkid_probe_lookup_value(pr, "TYPE", &type, NULL);
		(void)blkid_probe_lookup_value(pr, "LABEL", &label, NULL);
		(void)snprintf(out, cap, "%s%s%s", type != NULL ? type : "",
		    label != NULL ? " " : "", label != NULL ? label : "");
	}
	blkid_free_probe(pr);
}

static void
show_partition(blkid_partition p, int fd)
{
	const uint64_t at = (uint64_t)blkid_partition_get_start(p) * SECTOR;
	const uint64_t n = (uint64_t)blkid_partition_get_size(p) * SECTOR;
	const char *name = blkid_partition_get_name(p);
	const char *type = blkid_partition_get_type_string(p);
	char size[SIZE_TEXT], what[FACT];

	content(what, sizeof(what), fd, at, n);
	show_line("", "%d %s %s%s%s", blkid_partition_get_partno(p),
	    size_text(size, n), name != NULL ? name : type != NULL ? type : "",
	    *what ? ", " : "", what);
}

static void
show_content(int fd)
{
	blkid_probe pr = blkid_new_probe();
	blkid_partlist list = NULL;
	blkid_parttable table;
	char what[FACT];

	if (pr != NULL && blkid_probe_set_device(pr, fd, 0, 0) == 0 &&
	    blkid_probe_enable_partitions(pr, 1) == 0)
		list = blkid_probe_get_partitions(pr);
	table = list != NULL ? blkid_partlist_get_table(list) : NULL;
	if (table != NULL) {
		const int n = blkid_partlist_numof_partitions(list);

		show_line("partitions", "%s, %d",
		    blkid_parttable_get_type(table), n);
		for (int i = 0; i < n && i < PARTITIONS_SHOWN; i++)
			show_partition(blkid_partlist_get_partition(list, i),
			    fd);
	} else {
		content(what, sizeof(what), fd, 0, 0);
		show_line("partitions", "none%s%s", *what ? "; holds " : "",
		    what);
	}
	blkid_free_probe(pr);
}

void
disk_show(const struct device *d)
{
	char size[SIZE_TEXT];
	int fd;

	show_line("device", "%s%s", d->path, !d->exists ? ", a new file"
	    : d->block ? "" : ", a file");
	if (!d->exists)
		return;
	if (d->block)
		show_hardware(d);
	else
		show_line("size", "%llu octets (%s)",
		    (unsigned long long)d->size, size_text(size, d->size));
	fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		show_line("partitions", "cannot be read: %s", strerror(errno));
		return;
	}
	show_content(fd);
	(void)close(fd);
}
