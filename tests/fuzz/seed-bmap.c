/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of the bmap target: maps as bmaptool writes them, the sum still 64
 * zeros. */
#include "seed.h"

#define ZEROS                                                                  \
	"0000000000000000000000000000000000000000000000000000000000000000"
#define SUM_OF_RANGE                                                           \
	"1b342257270f5be8c9b2a00f4ae016575cf33c07d01350f6751c21d48f1bfaca"

static void
seed_one(unsigned size, unsigned block, unsigned mapped, const char *ranges)
{
	DCA_AUTO_OUT xml = { 0 };

	dca_out_printf(&xml, "<?xml version=\"1.0\" ?>\n<!-- A block map. -->\n\n"
	    "<bmap version=\"2.0\">\n"
	    "    <!-- Image size in bytes -->\n"
	    "    <ImageSize> %u </ImageSize>\n\n"
	    "    <BlockSize> %u </BlockSize>\n\n"
	    "    <BlocksCount> %u </BlocksCount>\n\n"
	    "    <MappedBlocksCount> %u   </MappedBlocksCount>\n\n"
	    "    <ChecksumType> sha256 </ChecksumType>\n\n"
	    "    <BmapFileChecksum> " ZEROS " </BmapFileChecksum>\n\n"
	    "    <BlockMap>\n%s    </BlockMap>\n</bmap>\n", size, block,
	    (size + block - 1) / block, mapped, ranges);
	seed_write("bmap", dca_out_buf(&xml));
}

#define RANGE(text)                                                            \
	"        <Range chksum=\"" SUM_OF_RANGE "\"> " text " </Range>\n"

void
seed_bmaps(void)
{
	seed_one(8388608, 4096, 58, RANGE("0-4") RANGE("320-367")
	    RANGE("2043-2047"));
	seed_one(8388100, 4096, 2, RANGE("0") RANGE("2047"));
	seed_one(1 << 20, 512, 2048, RANGE("0-2047"));
	seed_one(1, 1 << 20, 1, RANGE("0"));
	seed_one(12582912, 4096, 0, "");
}
