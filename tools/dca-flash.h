/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside dca-flash: a release as it lies in a folder, its image as a stream,
 * and the device that is overwritten with it.
 */
#ifndef DCA_FLASH_H
#define DCA_FLASH_H

#include <limits.h>
#include <signal.h>
#include <sys/types.h>

#include "bmap.h"
#include "dca/os.h"

/* The signal that asks us to stop, or 0. */
extern volatile sig_atomic_t flash_signal;
enum dca_rc flash_stopped(struct dca_err *e);

/* --- release (dca-flash-release.c): what is signed --- */
struct release {
	char image[PATH_MAX];	/* path as given */
	char folder[PATH_MAX];	/* where it lies */
	struct dca_out sums;	/* SHA256SUMS, verified */
	struct dca_out signer;	/* subject, printable */
};
/*
 * Reads SHA256SUMS beside the image and verifies SHA256SUMS.sig over it with
 * the certificates of keyring. FLASH_SIGNATURE. The caller clears r.
 */
enum dca_rc release_open(struct release *r, const char *image,
    const char *keyring, struct dca_err *e) DCA_CHECKED;
void release_clear(struct release *r);
/* What SHA256SUMS says of a file name: exactly one line. FLASH_SUM. */
enum dca_rc release_sum(const struct release *r, const char *name,
    uint8_t sum[static DCA_SHA256_LEN], struct dca_err *e) DCA_CHECKED;
/* The block map of the image, read once and compared with its sum; *found
 * is false when there is none. */
enum dca_rc release_map(const struct release *r, struct bmap *m, bool *found,
    struct dca_err *e) DCA_CHECKED;

/* --- image (dca-flash-image.c): zstd, decompressed as often as needed --- */
struct image {
	int fd;
	const char *path;
	uint64_t packed;	/* octets of the file */
	uint64_t size;		/* of the image; 0: not known yet */
	bool checked;		/* a pass was good */
	uint8_t sum[DCA_SHA256_LEN];	/* of the file, as it was signed */
	const struct bmap *map;	/* NULL: all of it is written */
};
/* Opens the file and compares its octets with the signed sum. Nothing of it
 * is decompressed before. */
enum dca_rc image_open(struct image *im, const struct release *r,
    struct dca_err *e) DCA_CHECKED;
void image_close(struct image *im);
/* Takes octets of the image that are mapped, ascending. */
typedef enum dca_rc (*image_fn)(void *arg, uint64_t at, struct dca_buf b,
    struct dca_err *e);
/*
 * Once through the image: decompresses, compares every range with the map,
 * what lies between with zeros, and at the end the file again with the signed
 * sum. what: name of the progress bar. fn may be NULL.
 */
enum dca_rc image_pass(struct image *im, const char *what, image_fn fn,
    void *arg, struct dca_err *e) DCA_CHECKED;
/* --- device (dca-flash-device.c) --- */
struct device {
	char path[PATH_MAX];	/* resolved */
	char sys[PATH_MAX];	/* folder in sysfs; "" for a file */
	bool block, exists;
	dev_t rdev;		/* of a block device */
	dev_t dev;		/* of a file, with ino */
	ino_t ino;
	uint64_t size;
	int fd;			/* -1: not open */
	uint8_t *window;	/* to read into, aligned */
	uint64_t unsynced;
	bool touched;		/* something was written */
};
/* Finds out what name is. FLASH_DEVICE: neither disk nor file. Release with
 * device_close. */
enum dca_rc device_find(struct device *d, const char *name, struct dca_err *e)
    DCA_CHECKED;
/* May an image of so many octets be written to it? */
enum dca_rc device_check(const struct device *d, const struct release *r,
    uint64_t size, struct dca_err *e) DCA_CHECKED;
/* Takes it for us alone, to read or to write; a file that is not there is
 * made, size octets long. FLASH_BUSY. */
enum dca_rc device_open(struct device *d, bool write, uint64_t size,
    struct dca_err *e) DCA_CHECKED;
void device_close(struct device *d);
/* Zeros everywhere: the disk discards, or the kernel writes them. */
enum dca_rc device_erase(struct device *d, struct dca_err *e) DCA_CHECKED;
/* image_fn's: write, and compare with what the medium holds. */
enum dca_rc device_write(void *d, uint64_t at, struct dca_buf b,
    struct dca_err *e);
enum dca_rc device_compare(void *d, uint64_t at, struct dca_buf b,
    struct dca_err *e);
/* All is on the medium; from here on reads come from it. */
enum dca_rc device_sync(struct device *d, struct dca_err *e) DCA_CHECKED;

/* --- who uses it (dca-flash-use.c) --- */
/* FLASH_BUSY or FLASH_DEVICE names the use: the system itself, a mount, swap,
 * a mapping, a loop device. */
enum dca_rc use_check(const struct device *d, struct dca_err *e) DCA_CHECKED;

/* --- for people (dca-flash-disk.c) --- */
/* "name       value", value without control characters. */
void show_line(const char *name, const char *fmt, ...) DCA_PRINTF(2, 3);
/* A bar on a terminal, else a line every tenth of the way; last: 0 at first. */
void show_progress(const char *what, uint64_t done, uint64_t all,
    unsigned *last);
/* Ends the line of a bar that stopped. */
void show_stopped(void);
/* 900.0 MiB */
enum { SIZE_TEXT = 24 };
const char *size_text(char out[static SIZE_TEXT], uint64_t octets);
/* Model, size, serial, partitions, as far as they are known. */
void disk_show(const struct device *d);
/* First line of a file in sysfs or procfs without white space around it;
 * false when there is none. */
bool disk_fact(char *out, size_t cap, const char *folder, const char *name);

#endif
