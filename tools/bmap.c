/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a block map. Every element is known, stands once and in its place; a
 * document type, which could define entities, is refused. What one element
 * says of the others is compared, and the sum of the map itself as well.
 */
#include "bmap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

enum { TEXT_MAX = 200, BLOCK_MIN = 512, BLOCK_MAX = 1 << 20 };

enum element {
	BMAP, IMAGE_SIZE, BLOCK_SIZE, BLOCKS, MAPPED, SUM_TYPE, SUM, BLOCK_MAP,
	RANGE, ELEMENTS
};
static const struct {
	const char *name;
	enum element parent;	/* ELEMENTS: none */
	const char *attribute;	/* the one it must have, or NULL */
} elements[ELEMENTS] = {
	[BMAP] = { "bmap", ELEMENTS, "version" },
	[IMAGE_SIZE] = { "ImageSize", BMAP, NULL },
	[BLOCK_SIZE] = { "BlockSize", BMAP, NULL },
	[BLOCKS] = { "BlocksCount", BMAP, NULL },
	[MAPPED] = { "MappedBlocksCount", BMAP, NULL },
	[SUM_TYPE] = { "ChecksumType", BMAP, NULL },
	[SUM] = { "BmapFileChecksum", BMAP, NULL },
	[BLOCK_MAP] = { "BlockMap", BMAP, NULL },
	[RANGE] = { "Range", BLOCK_MAP, "chksum" },
};

struct reader {
	XML_Parser parser;
	struct bmap *m;		/* ranges in blocks until they are checked */
	size_t cap;
	enum element open;	/* innermost element */
	bool seen[ELEMENTS];
	char text[TEXT_MAX];
	size_t n_text;
	uint64_t number[ELEMENTS];
	char sum[2 * DCA_SHA256_LEN + 1];
	enum dca_rc rc;		/* first refusal; nothing after it counts */
	struct dca_err *e;
};

/* Where: expat's function for the line has changed its name between Debian 12
 * and 13; the number of the range says as much. */
static void DCA_PRINTF(2, 3)
refuse(struct reader *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (r->rc != DCA_OK)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->rc = r->m->n == 0
	    ? dca_fail(r->e, DCA_RULE_FLASH_BMAP, "%s", text)
	    : dca_fail(r->e, DCA_RULE_FLASH_BMAP, "range %zu or behind it: %s",
	    r->m->n, text);
	(void)XML_StopParser(r->parser, XML_FALSE);
}

/* Decimal digits and nothing else, below 2^63. */
static bool
decimal(uint64_t *v, const char *s)
{
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 18 || s[n] != '\0')
		return false;
	*v = strtoull(s, NULL, 10);
	return true;
}

/* "3-7" or "3". */
static bool
blocks(uint64_t *first, uint64_t *last, char *s)
{
	char *dash = strchr(s, '-');

	if (dash != NULL)
		*dash = '\0';
	if (!decimal(first, s))
		return false;
	*last = *first;
	return dash == NULL || (decimal(last, dash + 1) && *last >= *first);
}

static struct bmap_range *
add_range(struct reader *r)
{
	struct bmap *m = r->m;

	if (m->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		m->ranges = dca_realloc(m->ranges,
		    r->cap * sizeof(*m->ranges));
	}
	return &m->ranges[m->n++];
}

static void
range_begins(struct reader *r, const char *sum)
{
	struct bmap_range *range;

	if (r->m->n == BMAP_RANGES_MAX) {
		refuse(r, "more than %d ranges", BMAP_RANGES_MAX);
		return;
	}
	range = add_range(r);
	memset(range, 0, sizeof(*range));
	if (!dca_unhex(range->sha256, sizeof(range->sha256), sum))
		refuse(r, "chksum is not 64 hex digits");
}

static void
range_ends(struct reader *r)
{
	struct bmap_range *range = &r->m->ranges[r->m->n - 1];
	uint64_t first, last;

	if (!blocks(&first, &last, r->text))
		refuse(r, "Range is not like 3-7 or 3");
	else if (r->m->n > 1 && first < range[-1].end)
		refuse(r, "Range overlaps the one before or is out of order");
	else {
		range->start = first;
		range->end = last + 1;
	}
}

static void XMLCALL
begins(void *arg, const XML_Char *name, const XML_Char **attrs)
{
	struct reader *r = arg;
	enum element i = BMAP;
	const char *want;

	if (r->rc != DCA_OK)
		return;
	while (i < ELEMENTS && strcmp(elements[i].name, name) != 0)
		i++;
	if (i == ELEMENTS || elements[i].parent != r->open) {
		refuse(r, "element %.40s is not expected here", name);
		return;
	}
	if (r->seen[i] && i != RANGE) {
		refuse(r, "element %s stands twice", name);
		return;
	}
	want = elements[i].attribute;
	if (want == NULL ? attrs[0] != NULL :
	    attrs[0] == NULL || strcmp(attrs[0], want) != 0 ||
	    attrs[2] != NULL) {
		refuse(r, "%s has %s%s", name, want ? "not exactly the "
		    "attribute " : "an attribute", want ? want : "");
		return;
	}
	r->seen[i] = true;
	r->open = i;
	r->n_text = 0;
	if (i == BMAP && strcmp(attrs[1], "2.0") != 0)
		refuse(r, "format %.20s; 2.0 is read", attrs[1]);
	else if (i == RANGE)
		range_begins(r, attrs[1]);
}

static void XMLCALL
text(void *arg, const XML_Char *s, int n)
{
	struct reader *r = arg;

	for (int i = 0; i < n && r->rc == DCA_OK; i++) {
		if (r->n_text == 0 && strchr(" \t\r\n", s[i]) != NULL)
			continue;
		if (r->open == BMAP || r->open == BLOCK_MAP ||
		    r->n_text == TEXT_MAX - 1)
			refuse(r, "text where none may be");
		else
			r->text[r->n_text++] = s[i];
	}
}

static void XMLCALL
ends(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	enum element i = r->open;

	if (r->rc != DCA_OK)
		return;
	while (r->n_text > 0 && strchr(" \t\r\n", r->text[r->n_text - 1]))
		r->n_text--;
	r->text[r->n_text] = '\0';
	r->open = elements[i].parent;
	if (i == RANGE)
		range_ends(r);
	else if (i == SUM_TYPE && strcmp(r->text, "sha256") != 0)
		refuse(r, "sums are %.20s; sha256 is read", r->text);
	else if (i == SUM && !dca_strlcpy(r->sum, r->text, sizeof(r->sum)))
		refuse(r, "%s is not 64 hex digits", name);
	else if (i >= IMAGE_SIZE && i <= MAPPED &&
	    !decimal(&r->number[i], r->text))
		refuse(r, "%s is not a number", name);
	r->n_text = 0;
}

static void XMLCALL
doctype(void *arg, const XML_Char *name, const XML_Char *system,
    const XML_Char *public, int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	refuse(arg, "a document type; a block map has none");
}

/* bmaptool: SHA-256 of the map while this very sum is 64 zeros. */
static bool
sum_holds(const struct reader *r, struct dca_buf xml)
{
	uint8_t want[DCA_SHA256_LEN], got[DCA_SHA256_LEN];
	const size_t len = strlen(r->sum);
	DCA_AUTO_OUT copy = { 0 };
	uint8_t *at;

	if (!dca_unhex(want, sizeof(want), r->sum))
		return false;
	dca_out_add(&copy, xml.p, xml.n);
	at = memmem(copy.p, copy.n, r->sum, len);
	if (at == NULL)
		return false;
	memset(at, '0', len);
	dca_sha256(got, dca_out_buf(&copy));
	return memcmp(got, want, sizeof(got)) == 0;
}

static enum dca_rc
check_numbers(const struct reader *r)
{
	const uint64_t size = r->number[IMAGE_SIZE];
	const uint64_t block = r->number[BLOCK_SIZE];

	for (int i = BMAP; i < RANGE; i++)
		if (!r->seen[i])
			return dca_fail(r->e, DCA_RULE_FLASH_BMAP,
			    "element %s is missing", elements[i].name);
	if (size == 0 || size > BMAP_IMAGE_MAX)
		return dca_fail(r->e, DCA_RULE_FLASH_BMAP, "ImageSize is "
		    "%llu octets; 1 to %llu are written",
		    (unsigned long long)size,
		    (unsigned long long)BMAP_IMAGE_MAX);
	if (block < BLOCK_MIN || block > BLOCK_MAX ||
	    (block & (block - 1)) != 0)
		return dca_fail(r->e, DCA_RULE_FLASH_BMAP, "BlockSize is "
		    "%llu, not a power of two from %d to %d",
		    (unsigned long long)block, BLOCK_MIN, BLOCK_MAX);
	if (r->number[BLOCKS] != (size + block - 1) / block)
		return dca_fail(r->e, DCA_RULE_FLASH_BMAP, "BlocksCount is "
		    "not ImageSize in blocks");
	return DCA_OK;
}

/* Blocks become octets. */
static enum dca_rc
check_ranges(const struct reader *r)
{
	const uint64_t block = r->number[BLOCK_SIZE];
	struct bmap *m = r->m;
	uint64_t mapped = 0;

	m->size = r->number[IMAGE_SIZE];
	for (size_t i = 0; i < m->n; i++) {
		struct bmap_range *range = &m->ranges[i];

		if (range->end > r->number[BLOCKS])
			return dca_fail(r->e, DCA_RULE_FLASH_BMAP,
			    "range %zu ends behind the image", i + 1);
		mapped += range->end - range->start;
		range->start *= block;
		range->end *= block;
		if (range->end > m->size)	/* a last block that is cut */
			range->end = m->size;
		m->mapped += range->end - range->start;
	}
	if (mapped != r->number[MAPPED])
		return dca_fail(r->e, DCA_RULE_FLASH_BMAP, "MappedBlocksCount "
		    "is not the number of blocks in the ranges");
	return DCA_OK;
}

static enum dca_rc
parse(struct reader *r, struct dca_buf xml)
{
	enum dca_rc rc;

	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, begins, ends);
	XML_SetCharacterDataHandler(r->parser, text);
	XML_SetStartDoctypeDeclHandler(r->parser, doctype);
	if (XML_Parse(r->parser, (const char *)xml.p, (int)xml.n, 1) !=
	    XML_STATUS_OK) {
		if (r->rc == DCA_OK)
			refuse(r, "%s",
			    XML_ErrorString(XML_GetErrorCode(r->parser)));
		return r->rc;
	}
	if ((rc = check_numbers(r)) || (rc = check_ranges(r)))
		return rc;
	if (!sum_holds(r, xml))
		return dca_fail(r->e, DCA_RULE_FLASH_BMAP, "BmapFileChecksum "
		    "is not the SHA-256 of the map");
	return DCA_OK;
}

enum dca_rc
bmap_parse(struct bmap *m, struct dca_buf xml, struct dca_err *e)
{
	struct reader r = { .m = m, .open = ELEMENTS, .e = e };
	enum dca_rc rc;

	memset(m, 0, sizeof(*m));
	if (xml.n > BMAP_MAX)
		return dca_fail(e, DCA_RULE_FLASH_BMAP,
		    "longer than %d octets", BMAP_MAX);
	r.parser = XML_ParserCreate(NULL);
	if (r.parser == NULL)
		abort();
	rc = parse(&r, xml);
	XML_ParserFree(r.parser);
	if (rc != DCA_OK)
		bmap_clear(m);
	return rc;
}

void
bmap_clear(struct bmap *m)
{
	free(m->ranges);
	memset(m, 0, sizeof(*m));
}
