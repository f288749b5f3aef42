/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block maps: what is accepted lies in order inside its image, and written in
 * blocks of 512 octets and read again it is the same map. The first 64 zeros
 * of an input become the sum that the map must hold of itself.
 */
#include "fuzz.h"

#include <string.h>

#include "bmap.h"

enum { HEX = 2 * DCA_SHA256_LEN, BLOCK = 512 };
static const char zeros[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

static void
put_sum(struct dca_out *xml)
{
	uint8_t sum[DCA_SHA256_LEN];
	char hex[HEX + 1];
	uint8_t *at = memmem(xml->p, xml->n, zeros, HEX);

	if (at == NULL)
		return;
	dca_sha256(sum, dca_out_buf(xml));
	dca_hex(hex, sum, sizeof(sum));
	memcpy(at, hex, HEX);
}

static uint64_t
blocks(uint64_t octets)
{
	return (octets + BLOCK - 1) / BLOCK;
}

static void
write_map(struct dca_out *xml, const struct bmap *m)
{
	uint64_t mapped = 0;
	char hex[HEX + 1];

	for (size_t i = 0; i < m->n; i++)
		mapped += blocks(m->ranges[i].end) - m->ranges[i].start / BLOCK;
	dca_out_printf(xml, "<bmap version=\"2.0\"><ImageSize>%llu</ImageSize>"
	    "<BlockSize>%d</BlockSize><BlocksCount>%llu</BlocksCount>"
	    "<MappedBlocksCount>%llu</MappedBlocksCount>"
	    "<ChecksumType>sha256</ChecksumType>"
	    "<BmapFileChecksum>%s</BmapFileChecksum><BlockMap>",
	    (unsigned long long)m->size, BLOCK,
	    (unsigned long long)blocks(m->size), (unsigned long long)mapped,
	    zeros);
	for (size_t i = 0; i < m->n; i++) {
		dca_hex(hex, m->ranges[i].sha256, DCA_SHA256_LEN);
		dca_out_printf(xml, "<Range chksum=\"%s\">%llu-%llu</Range>",
		    hex, (unsigned long long)m->ranges[i].start / BLOCK,
		    (unsigned long long)blocks(m->ranges[i].end) - 1);
	}
	dca_out_printf(xml, "</BlockMap></bmap>\n");
	put_sum(xml);
}

static void
map_holds(const struct bmap *m)
{
	uint64_t mapped = 0, last = 0;

	HOLDS(m->size > 0 && m->size <= BMAP_IMAGE_MAX);
	HOLDS(m->n <= BMAP_RANGES_MAX);
	for (size_t i = 0; i < m->n; i++) {
		const struct bmap_range *r = &m->ranges[i];

		HOLDS(r->start >= last && r->end > r->start);
		HOLDS(r->end <= m->size && r->start % BLOCK == 0);
		HOLDS(r->end % BLOCK == 0 || r->end == m->size);
		last = r->end;
		mapped += r->end - r->start;
	}
	HOLDS(m->mapped == mapped);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	DCA_AUTO_OUT xml = { 0 };
	DCA_AUTO_OUT copy = { 0 };
	struct dca_err e = { 0 };
	struct bmap m, again;
	enum dca_rc rc;

	dca_out_add(&xml, p, n);
	put_sum(&xml);
	rc = bmap_parse(&m, dca_out_buf(&xml), &e);
	fuzz_refusal_holds(rc, &e);
	if (rc != DCA_OK) {
		HOLDS(e.rule == DCA_RULE_FLASH_BMAP && m.ranges == NULL);
		return 0;
	}
	map_holds(&m);
	write_map(&copy, &m);
	HOLDS(bmap_parse(&again, dca_out_buf(&copy), &e) == DCA_OK);
	HOLDS(again.size == m.size && again.mapped == m.mapped &&
	    again.n == m.n);
	HOLDS(m.n == 0 || memcmp(again.ranges, m.ranges,
	    m.n * sizeof(*m.ranges)) == 0);
	bmap_clear(&again);
	bmap_clear(&m);
	return 0;
}
