/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device: what it is, whether it may be overwritten, writing to it and
 * reading back from the medium. A regular file is a device as well.
 */
#include "dca-flash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/fs.h>

/* SYNC: written before it is waited for, so that the bar tells the truth and
 * a stop is obeyed soon. ALIGN: of direct reads. WINDOW: one of them. */
enum { SYNC = 16 << 20, ALIGN = 4096, WINDOW = (1 << 20) + 2 * ALIGN,
	SECTOR = 512, ERASE = 64 << 20 };

static enum dca_rc
trouble(const struct device *d, const char *what, struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_IO, "%.200s: %s: %s", d->path, what,
	    strerror(errno));
}

/* --- what it is --- */

static enum dca_rc
find_block(struct device *d, const struct stat *st, struct dca_err *e)
{
	char link[64], size[32];

	(void)snprintf(link, sizeof(link), "/sys/dev/block/%u:%u",
	    major(st->st_rdev), minor(st->st_rdev));
	if (realpath(link, d->sys) == NULL)
		return trouble(d, "the kernel does not know it (is sysfs "
		    "mounted?)", e);
	d->block = true;
	d->rdev = st->st_rdev;
	if (!disk_fact(size, sizeof(size), d->sys, "size"))
		return trouble(d, "no size in sysfs", e);
	d->size = strtoull(size, NULL, 10) * SECTOR;
	return DCA_OK;
}

/* A file that is to be made: its folder is there. */
static enum dca_rc
find_new(struct device *d, const char *name, struct dca_err *e)
{
	char folder[PATH_MAX], real[PATH_MAX];
	const char *base = strrchr(name, '/');

	if (!dca_strlcpy(folder, name, sizeof(folder)))
		return dca_fail(e, DCA_RULE_FLASH_DEVICE, "name too long");
	base = base == NULL ? name : base + 1;
	folder[base - name] = '\0';
	if (*base == '\0' || realpath(*folder ? folder : ".", real) == NULL)
		return dca_fail(e, DCA_RULE_FLASH_DEVICE,
		    "%.200s: no such device, and no folder for a file", name);
	if (strcmp(real, "/dev") == 0 || strncmp(real, "/dev/", 5) == 0)
		return dca_fail(e, DCA_RULE_FLASH_DEVICE, "%.200s: no such "
		    "device; no file is made in /dev", name);
	if (snprintf(d->path, sizeof(d->path), "%s/%s",
	    strcmp(real, "/") == 0 ? "" : real, base) >= (int)sizeof(d->path))
		return dca_fail(e, DCA_RULE_FLASH_DEVICE, "name too long");
	return DCA_OK;
}

enum dca_rc
device_find(struct device *d, const char *name, struct dca_err *e)
{
	struct stat st;

	memset(d, 0, sizeof(*d));
	d->fd = -1;
	if (stat(name, &st) != 0) {
		if (errno == ENOENT)
			return find_new(d, name, e);
		return dca_fail(e, DCA_RULE_IO, "%.200s: %s", name,
		    strerror(errno));
	}
	d->exists = true;
	if (realpath(name, d->path) == NULL)
		return dca_fail(e, DCA_RULE_IO, "%.200s: %s", name,
		    strerror(errno));
	if (S_ISBLK(st.st_mode))
		return find_block(d, &st, e);
	if (!S_ISREG(st.st_mode))
		return dca_fail(e, DCA_RULE_FLASH_DEVICE, "%.200s: is neither "
		    "a block device nor a file", d->path);
	d->dev = st.st_dev;
	d->ino = st.st_ino;
	d->size = (uint64_t)st.st_size;
	return DCA_OK;
}

/* --- may it be overwritten --- */

static enum dca_rc
check_disk(const struct device *d, struct dca_err *e)
{
	char value[32];

	if (disk_fact(value, sizeof(value), d->sys, "partition"))
		return dca_fail(e, DCA_RULE_FLASH_DEVICE, "%.200s: is a "
		    "partition; an image is a whole disk", d->path);
	if (disk_fact(value, sizeof(value), d->sys, "ro") &&
	    strcmp(value, "0") != 0)
		return dca_fail(e, DCA_RULE_FLASH_DEVICE, "%.200s: is "
		    "read-only (a switch on the medium, or blockdev --setro)",
		    d->path);
	if (disk_fact(value, sizeof(value), d->sys,
	    "queue/logical_block_size") && strcmp(value, "512") != 0)
		return dca_fail(e, DCA_RULE_FLASH_DEVICE, "%.200s: has sectors "
		    "of %s octets; the partition table of an image counts in "
		    "512", d->path, value);
	return DCA_OK;
}

/* A file of the release would be overwritten by itself. */
static enum dca_rc
check_file(const struct device *d, const struct release *r, struct dca_err *e)
{
	const int stem = (int)(strlen(r->image) - strlen(".zst"));
	char path[4][PATH_MAX];
	struct stat st;

	dca_path(path[0], NULL, "%s", r->image);
	dca_path(path[1], NULL, "%.*s.bmap", stem, r->image);
	dca_path(path[2], r->folder, "SHA256SUMS");
	dca_path(path[3], r->folder, "SHA256SUMS.sig");
	for (size_t i = 0; i < 4; i++)
		if (stat(path[i], &st) == 0 && st.st_dev == d->dev &&
		    st.st_ino == d->ino)
			return dca_fail(e, DCA_RULE_FLASH_DEVICE,
			    "%.200s: is a file of the release itself", d->path);
	return DCA_OK;
}

enum dca_rc
device_check(const struct device *d, const struct release *r, uint64_t size,
    struct dca_err *e)
{
	char have[SIZE_TEXT], need[SIZE_TEXT];
	enum dca_rc rc;

	if (!d->exists)
		return DCA_OK;
	rc = d->block ? check_disk(d, e) : check_file(d, r, e);
	if (rc == DCA_OK)
		rc = use_check(d, e);
	if (rc != DCA_OK || d->size >= size)
		return rc;
	return dca_fail(e, DCA_RULE_FLASH_SMALL, "%.150s: has %llu octets "
	    "(%s), the image %llu (%s)%s", d->path,
	    (unsigned long long)d->size, size_text(have, d->size),
	    (unsigned long long)size, size_text(need, size),
	    d->block ? "" : "; remove the file, or make it longer: truncate");
}

/* --- ours alone --- */

/* Is what was opened what was looked at? Names can be moved. */
static enum dca_rc
same(const struct device *d, struct dca_err *e)
{
	uint64_t size = 0;
	struct stat st;

	if (fstat(d->fd, &st) != 0)
		return trouble(d, "cannot look at", e);
	if (d->block && S_ISBLK(st.st_mode) && st.st_rdev == d->rdev) {
		if (ioctl(d->fd, BLKGETSIZE64, &size) != 0)
			return trouble(d, "cannot ask its size", e);
		if (size == d->size)
			return DCA_OK;
	}
	if (!d->block && S_ISREG(st.st_mode) && st.st_dev == d->dev &&
	    st.st_ino == d->ino && (uint64_t)st.st_size == d->size)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_FLASH_BUSY, "%.200s: became another "
	    "device or another size meanwhile", d->path);
}

static enum dca_rc
make_file(struct device *d, uint64_t size, struct dca_err *e)
{
	struct stat st;

	d->fd = open(d->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (d->fd < 0)
		return trouble(d, "cannot make the file", e);
	d->touched = true;
	if (ftruncate(d->fd, (off_t)size) != 0 || fstat(d->fd, &st) != 0)
		return trouble(d, "cannot make it long enough", e);
	d->dev = st.st_dev;
	d->ino = st.st_ino;
	d->size = size;
	return DCA_OK;
}

enum dca_rc
device_open(struct device *d, bool write, uint64_t size, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	if (!d->exists && !write)
		return DCA_OK;
	if (!d->exists) {
		rc = make_file(d, size, e);
	} else {
		/* O_EXCL: fails while anybody in any namespace holds it */
		d->fd = open(d->path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC |
		    O_NONBLOCK | (d->block ? O_EXCL : 0));
		if (d->fd < 0 && errno == EBUSY)
			return dca_fail(e, DCA_RULE_FLASH_BUSY, "%.200s: the "
			    "kernel says that it is in use", d->path);
		if (d->fd < 0)
			return trouble(d, "cannot open", e);
	}
	if (rc == DCA_OK)
		rc = same(d, e);
	if (rc != DCA_OK)
		return rc;
	/* udev and others that keep to it stay away while we write */
	if (flock(d->fd, LOCK_EX | LOCK_NB) != 0)
		return dca_fail(e, DCA_RULE_FLASH_BUSY, "%.200s: another "
		    "program has locked it", d->path);
	if (posix_memalign((void **)&d->window, ALIGN, WINDOW) != 0)
		abort();
	return DCA_OK;
}

void
device_close(struct device *d)
{
	if (d->fd >= 0) {
		if (d->block && d->touched)
			(void)ioctl(d->fd, BLKRRPART);	/* or at replugging */
		(void)close(d->fd);
	}
	d->fd = -1;
	free(d->window);
	d->window = NULL;
}

/* --- write, and read back --- */

static enum dca_rc
broken(const struct device *d, const char *what, uint64_t at, struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_FLASH_BROKEN, "%.150s: %s near octet %llu: "
	    "%s", d->path, what, (unsigned long long)at, strerror(errno));
}

/* A disk in steps, so that a stop is obeyed soon. */
static enum dca_rc
erase_disk(struct device *d, struct dca_err *e)
{
	unsigned percent = 0;

	for (uint64_t at = 0; at < d->size; at += ERASE) {
		const uint64_t left = d->size - at;
		uint64_t range[2] = { at, left < ERASE ? left : ERASE };

		if (flash_signal)
			return flash_stopped(e);
		if (ioctl(d->fd, BLKZEROOUT, range) != 0)
			return broken(d, "cannot erase", at, e);
		show_progress("erasing", at + range[1], d->size, &percent);
	}
	return DCA_OK;
}

enum dca_rc
device_erase(struct device *d, struct dca_err *e)
{
	enum dca_rc rc;

	d->touched = true;
	if (d->block) {
		rc = erase_disk(d, e);
		if (rc != DCA_OK)
			show_stopped();
		return rc;
	}
	if (ftruncate(d->fd, 0) != 0 || ftruncate(d->fd, (off_t)d->size) != 0)
		return broken(d, "cannot erase", 0, e);
	return DCA_OK;
}

enum dca_rc
device_write(void *arg, uint64_t at, struct dca_buf b, struct dca_err *e)
{
	struct device *d = arg;

	d->unsynced += b.n;
	while (b.n > 0) {
		ssize_t n;

		if (flash_signal)
			return flash_stopped(e);
		d->touched = true;
		n = pwrite(d->fd, b.p, b.n, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return broken(d, "cannot write", at, e);
		at += (uint64_t)n;
		b.p += n;
		b.n -= (size_t)n;
	}
	if (d->unsynced < SYNC)
		return DCA_OK;
	d->unsynced = 0;
	if (fdatasync(d->fd) != 0)
		return broken(d, "cannot write", at, e);
	return DCA_OK;
}

enum dca_rc
device_sync(struct device *d, struct dca_err *e)
{
	const int flags = fcntl(d->fd, F_GETFL);

	if (fsync(d->fd) != 0)
		return broken(d, "cannot write", d->size, e);
	/* what the kernel remembers is not what the medium holds */
	(void)posix_fadvise(d->fd, 0, 0, POSIX_FADV_DONTNEED);
	if (d->block && ioctl(d->fd, BLKFLSBUF) != 0)
		return broken(d, "cannot drop its cache", d->size, e);
	/* tmpfs and some others cannot, and have no other medium */
	if (flags >= 0)
		(void)fcntl(d->fd, F_SETFL, flags | O_DIRECT);
	return DCA_OK;
}

/* Fills the window from an aligned offset: at least n octets. */
static enum dca_rc
fill(struct device *d, uint64_t start, size_t n, struct dca_err *e)
{
	const size_t whole = (n + ALIGN - 1) / ALIGN * ALIGN;
	size_t got = 0;

	while (got < n) {
		ssize_t some;

		if (flash_signal)
			return flash_stopped(e);
		some = pread(d->fd, d->window + got, whole - got,
		    (off_t)(start + got));
		if (some < 0 && errno == EINTR)
			continue;
		if (some == 0)
			errno = ENODATA;
		if (some <= 0)
			return broken(d, "cannot read back", start + got, e);
		got += (size_t)some;
	}
	return DCA_OK;
}

enum dca_rc
device_compare(void *arg, uint64_t at, struct dca_buf b, struct dca_err *e)
{
	struct device *d = arg;
	const uint64_t start = at / ALIGN * ALIGN;
	const size_t skip = (size_t)(at - start);
	enum dca_rc rc;
	size_t i = 0;

	if (skip + b.n > WINDOW)
		abort();	/* pieces are smaller */
	rc = fill(d, start, skip + b.n, e);
	if (rc != DCA_OK || memcmp(d->window + skip, b.p, b.n) == 0)
		return rc;
	while (d->window[skip + i] == b.p[i])
		i++;
	return dca_fail(e, DCA_RULE_FLASH_BROKEN, "%.150s: octet %llu reads "
	    "%02x, %02x was written", d->path, (unsigned long long)at + i,
	    d->window[skip + i], b.p[i]);
}
