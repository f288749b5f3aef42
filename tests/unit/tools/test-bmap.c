/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block maps: one as bmaptool writes it, and everything that makes it none.
 * The sum of the map is made here as bmaptool's documentation says: SHA-256
 * of the file while the sum in it is 64 zeros.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bmap.h"

#define ZEROS                                                                  \
	"0000000000000000000000000000000000000000000000000000000000000000"
#define SUM_A                                                                  \
	"1b342257270f5be8c9b2a00f4ae016575cf33c07d01350f6751c21d48f1bfaca"
#define SUM_B                                                                  \
	"0c029b6434f166d8c3ec298240ddd411890d8fcca36a9d55fc0fb3c09cde336d"

#define HEAD "<?xml version=\"1.0\" ?>\n"
#define BEGIN "<bmap version=\"2.0\">\n"
#define IMAGE "<ImageSize> 8388100 </ImageSize>\n"
#define BLOCK "<BlockSize> 4096 </BlockSize>\n"
#define COUNT "<BlocksCount> 2048 </BlocksCount>\n"
#define MAPPED "<MappedBlocksCount> 54   </MappedBlocksCount>\n"
#define TYPE "<ChecksumType> sha256 </ChecksumType>\n"
#define SUM "<BmapFileChecksum> " ZEROS " </BmapFileChecksum>\n"
#define RANGES                                                                 \
	"<Range chksum=\"" SUM_A "\"> 0-4 </Range>\n"                          \
	"<Range chksum=\"" SUM_B "\"> 320-367 </Range>\n"                      \
	"<Range chksum=\"" SUM_A "\"> 2047 </Range>\n"
#define MAP "<BlockMap>\n" RANGES "</BlockMap>\n"
#define END "</bmap>\n"
#define NUMBERS IMAGE BLOCK COUNT MAPPED TYPE SUM

/* Puts the sum where the zeros are, and reads. */
static enum dca_rc
parse(struct bmap *m, const char *text, struct dca_err *e)
{
	DCA_AUTO_OUT xml = { 0 };
	uint8_t sum[DCA_SHA256_LEN];
	char hex[2 * DCA_SHA256_LEN + 1];
	uint8_t *at;

	memset(e, 0, sizeof(*e));
	dca_out_add(&xml, text, strlen(text));
	dca_sha256(sum, dca_out_buf(&xml));
	dca_hex(hex, sum, sizeof(sum));
	at = memmem(xml.p, xml.n, ZEROS, strlen(ZEROS));
	if (at != NULL)
		memcpy(at, hex, strlen(hex));
	return bmap_parse(m, dca_out_buf(&xml), e);
}

static void
reads(void **state)
{
	uint8_t sum[DCA_SHA256_LEN];
	struct dca_err e;
	struct bmap m;

	(void)state;
	assert_int_equal(parse(&m, HEAD "<!-- text -->" BEGIN NUMBERS MAP END,
	    &e), DCA_OK);
	assert_int_equal(m.size, 8388100);
	assert_int_equal(m.n, 3);
	assert_int_equal(m.ranges[0].start, 0);
	assert_int_equal(m.ranges[0].end, 5 * 4096);
	assert_int_equal(m.ranges[1].start, 320 * 4096);
	assert_int_equal(m.ranges[1].end, 368 * 4096);
	assert_int_equal(m.ranges[2].start, 2047 * 4096);
	assert_int_equal(m.ranges[2].end, 8388100);
	assert_int_equal(m.mapped, 53 * 4096 + 8388100 - 2047 * 4096);
	assert_true(dca_unhex(sum, sizeof(sum), SUM_B));
	assert_memory_equal(m.ranges[1].sha256, sum, sizeof(sum));
	bmap_clear(&m);

	/* an image of holes */
	assert_int_equal(parse(&m, BEGIN IMAGE BLOCK COUNT
	    "<MappedBlocksCount>0</MappedBlocksCount>" TYPE SUM
	    "<BlockMap/>" END, &e), DCA_OK);
	assert_int_equal(m.n, 0);
	assert_int_equal(m.mapped, 0);
	bmap_clear(&m);
}

static const struct {
	const char *xml, *says;
} refused[] = {
	{ "", "no element found" },
	{ "what is this", "syntax error" },
	{ BEGIN NUMBERS MAP, "no element found" },
	{ BEGIN NUMBERS MAP END "<bmap/>", "junk" },
	{ HEAD "<!DOCTYPE bmap [<!ENTITY a \"1\">]>" BEGIN NUMBERS MAP END,
	    "document type" },
	{ "<map/>", "element map is not expected" },
	{ "<ImageSize>1</ImageSize>", "element ImageSize is not expected" },
	{ BEGIN NUMBERS "<Range chksum=\"" SUM_A "\">0</Range>" MAP END,
	    "element Range is not expected" },
	{ BEGIN NUMBERS "<Other/>" MAP END, "element Other is not expected" },
	{ BEGIN IMAGE NUMBERS MAP END, "ImageSize stands twice" },
	{ BEGIN NUMBERS MAP MAP END, "BlockMap stands twice" },
	{ "<bmap>" NUMBERS MAP END, "not exactly the attribute version" },
	{ "<bmap size=\"2.0\">" NUMBERS MAP END, "attribute version" },
	{ "<bmap version=\"2.0\" x=\"\">" NUMBERS MAP END,
	    "attribute version" },
	{ "<bmap version=\"1.3\">" NUMBERS MAP END, "format 1.3; 2.0" },
	{ BEGIN NUMBERS "<BlockMap n=\"3\">" RANGES "</BlockMap>" END,
	    "BlockMap has an attribute" },
	{ BEGIN NUMBERS "<BlockMap><Range>0-4</Range></BlockMap>" END,
	    "attribute chksum" },
	{ BEGIN NUMBERS "<BlockMap><Range chksum=\"00\">0-4</Range>"
	    "</BlockMap>" END, "chksum is not 64 hex digits" },
	{ BEGIN NUMBERS "text" MAP END, "text where none may be" },
	{ BEGIN BLOCK COUNT MAPPED TYPE SUM MAP END, "ImageSize is missing" },
	{ BEGIN IMAGE BLOCK COUNT MAPPED TYPE MAP END,
	    "BmapFileChecksum is missing" },
	{ BEGIN NUMBERS END, "BlockMap is missing" },
	{ BEGIN "<ImageSize>8 MiB</ImageSize>" BLOCK COUNT MAPPED TYPE SUM MAP
	    END, "ImageSize is not a number" },
	{ BEGIN "<ImageSize>-1</ImageSize>" BLOCK COUNT MAPPED TYPE SUM MAP
	    END, "ImageSize is not a number" },
	{ BEGIN "<ImageSize>1234567890123456789</ImageSize>" BLOCK COUNT MAPPED
	    TYPE SUM MAP END, "ImageSize is not a number" },
	{ BEGIN "<ImageSize>0</ImageSize>" BLOCK COUNT MAPPED TYPE SUM MAP END,
	    "ImageSize is 0 octets" },
	{ BEGIN "<ImageSize>68719476737</ImageSize>" BLOCK COUNT MAPPED TYPE
	    SUM MAP END, "ImageSize is 68719476737 octets" },
	{ BEGIN IMAGE "<BlockSize>4097</BlockSize>" COUNT MAPPED TYPE SUM MAP
	    END, "BlockSize is 4097" },
	{ BEGIN IMAGE "<BlockSize>256</BlockSize>" COUNT MAPPED TYPE SUM MAP
	    END, "BlockSize is 256" },
	{ BEGIN IMAGE "<BlockSize>0</BlockSize>" COUNT MAPPED TYPE SUM MAP END,
	    "BlockSize is 0" },
	{ BEGIN IMAGE BLOCK "<BlocksCount>2049</BlocksCount>" MAPPED TYPE SUM
	    MAP END, "BlocksCount is not ImageSize" },
	{ BEGIN IMAGE BLOCK COUNT "<MappedBlocksCount>55</MappedBlocksCount>"
	    TYPE SUM MAP END, "MappedBlocksCount is not" },
	{ BEGIN IMAGE BLOCK COUNT MAPPED "<ChecksumType>sha1</ChecksumType>"
	    SUM MAP END, "sums are sha1; sha256" },
	{ BEGIN IMAGE BLOCK COUNT MAPPED TYPE
	    "<BmapFileChecksum>12</BmapFileChecksum>" MAP END,
	    "BmapFileChecksum is not the SHA-256" },
	{ BEGIN IMAGE BLOCK COUNT MAPPED TYPE "<BmapFileChecksum>" ZEROS "0"
	    "</BmapFileChecksum>" MAP END,
	    "BmapFileChecksum is not 64 hex digits" },
	{ BEGIN IMAGE BLOCK COUNT MAPPED TYPE "<BmapFileChecksum>" SUM_B
	    "</BmapFileChecksum>" MAP END,
	    "BmapFileChecksum is not the SHA-256" },
#define ONE(text)                                                              \
	BEGIN NUMBERS "<BlockMap><Range chksum=\"" SUM_A                       \
		      "\">0-4</Range><Range chksum=\"" SUM_A "\">" text        \
		      "</Range></BlockMap>" END
	{ ONE(""), "Range is not like 3-7" },
	{ ONE("5-"), "Range is not like 3-7" },
	{ ONE("-5"), "Range is not like 3-7" },
	{ ONE("7-6"), "Range is not like 3-7" },
	{ ONE("5-6-7"), "Range is not like 3-7" },
	{ ONE("5 6"), "Range is not like 3-7" },
	{ ONE("0x5"), "Range is not like 3-7" },
	{ ONE("4-52"), "overlaps the one before" },
	{ ONE("2-3"), "overlaps the one before" },
	{ ONE("2000-2048"), "range 2 ends behind the image" },
};

static void
refuses(void **state)
{
	struct dca_err e;
	struct bmap m;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const enum dca_rc rc = parse(&m, refused[i].xml, &e);

		if (rc != DCA_MALFORMED || e.rule != DCA_RULE_FLASH_BMAP ||
		    strstr(e.text, refused[i].says) == NULL)
			fail_msg("row %zu: %d \"%s\", wanted \"%s\"", i, rc,
			    e.text, refused[i].says);
		assert_null(m.ranges);
	}
}

/* Limits: octets of the map, number of ranges, text of an element. */
static void
bounded(void **state)
{
	DCA_AUTO_OUT xml = { 0 };
	struct dca_err e;
	struct bmap m;

	(void)state;
	dca_out_printf(&xml, BEGIN "<BlockMap>");
	for (unsigned i = 0; i <= BMAP_RANGES_MAX; i++)
		dca_out_printf(&xml, "<Range chksum=\"" SUM_A "\">%u</Range>",
		    i);
	assert_int_equal(parse(&m, (const char *)xml.p, &e), DCA_MALFORMED);
	assert_non_null(strstr(e.text, "more than 40000 ranges"));
	xml.n = 0;
	dca_out_printf(&xml, BEGIN "<ImageSize>");
	for (unsigned i = 0; i < 1000; i++)
		dca_out_printf(&xml, "1");
	assert_int_equal(parse(&m, (const char *)xml.p, &e), DCA_MALFORMED);
	assert_non_null(strstr(e.text, "text where none may be"));
	xml.n = 0;
	while (xml.n <= BMAP_MAX)
		dca_out_printf(&xml, "%s", RANGES);
	assert_int_equal(bmap_parse(&m, dca_out_buf(&xml), &e),
	    DCA_MALFORMED);
	assert_non_null(strstr(e.text, "longer than 4194304 octets"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
