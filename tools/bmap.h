/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block maps as bmaptool writes them (format 2.0): which blocks of an image
 * hold data, and the SHA-256 of each range of them.
 */
#ifndef DCA_TOOLS_BMAP_H
#define DCA_TOOLS_BMAP_H

#include "dca/base.h"

enum { BMAP_MAX = 4 << 20, BMAP_RANGES_MAX = 40000 };
/* The longest image that is read, decompressed. */
#define BMAP_IMAGE_MAX ((uint64_t)64 << 30)

/* Octets start to end-1 of the image; ranges ascend and do not touch
 * the next one's first octet unless they end at it. */
struct bmap_range {
	uint64_t start, end;
	uint8_t sha256[DCA_SHA256_LEN];
};
struct bmap {
	uint64_t size;		/* of the image, octets */
	uint64_t mapped;	/* octets in the ranges */
	struct bmap_range *ranges;
	size_t n;
};

/*
 * Reads a map of at most BMAP_MAX octets. FLASH_BMAP: anything but format
 * 2.0 with SHA-256 sums, whole and agreeing with itself. On success the
 * caller clears m.
 */
enum dca_rc bmap_parse(struct bmap *m, struct dca_buf xml, struct dca_err *e)
    DCA_CHECKED;
void bmap_clear(struct bmap *m);

#endif
