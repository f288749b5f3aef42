/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a number inventory (dca(7) FORMATS: start,count,spc) and tells
 * a verifier which numbers a provider has, so that a chain below an SPC can be compared. A line
 * that cannot be read is refused: a shorter inventory would refuse too much.
 */
#include "dca-verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/os.h"

enum { INVENTORY_MAX = 64 * 1024 * 1024, COLUMNS = 3 };

struct provider {
	char spc[DCA_SPC_MAX + 1];
	struct dca_tnset *numbers;
};
struct verify_inventory {
	struct provider *v;
	size_t n;
};

static struct provider *
find(const struct verify_inventory *i, const char *spc)
{
	for (size_t k = 0; k < i->n; k++)
		if (strcmp(i->v[k].spc, spc) == 0)
			return &i->v[k];
	return NULL;
}

static struct dca_tnset *
provider_of(struct verify_inventory *i, const char *spc)
{
	struct provider *p = find(i, spc);

	if (p == NULL) {
		i->v = dca_realloc(i->v, (i->n + 1) * sizeof(*i->v));
		p = &i->v[i->n++];
		p->numbers = dca_tnset_new();
		dca_strlcpy(p->spc, spc, sizeof(p->spc));
	}
	return p->numbers;
}

static bool
text_of(char *out, struct dca_buf b, size_t cap)
{
	if (b.n == 0 || b.n >= cap || memchr(b.p, 0, b.n) != NULL)
		return false;
	memcpy(out, b.p, b.n);
	out[b.n] = '\0';
	return true;
}

/* As dca_tnset_add_spc wants it. */
static bool
spc_ok(const char *spc)
{
	for (; *spc != '\0'; spc++)
		if (*spc < 0x20 || *spc > 0x7e)
			return false;
	return true;
}

static enum dca_rc
add_row(struct verify_inventory *i, const struct dca_buf cells[COLUMNS],
    struct dca_err *e)
{
	char start[DCA_TN_MAX + 2], count[20], spc[DCA_SPC_MAX + 1];
	uint64_t n;
	char *end;

	if (!text_of(start, cells[0], sizeof(start)) ||
	    !text_of(count, cells[1], sizeof(count)) ||
	    !text_of(spc, cells[2], sizeof(spc)))
		return dca_fail(e, DCA_RULE_INPUT, "a cell is empty or long");
	if (strspn(count, "0123456789") != strlen(count))
		return dca_fail(e, DCA_RULE_INPUT, "count is not a number");
	n = strtoull(count, &end, 10);
	if (n < 1)
		return dca_fail(e, DCA_RULE_INPUT, "count is 0");
	if (!spc_ok(spc))
		return dca_fail(e, DCA_RULE_TN_SPC, "spc is not printable");
	return dca_tnset_add_range(provider_of(i, spc),
	    start + (start[0] == '+'), n, e);
}

static enum dca_rc
read_rows(struct verify_inventory *i, struct dca_buf in, struct dca_err *e)
{
	struct dca_buf cells[COLUMNS];
	struct dca_csv csv;
	char line[32];
	enum dca_rc rc;

	rc = dca_csv_open(&csv, in, "start,count,spc", e);
	while (rc == DCA_OK) {
		rc = dca_csv_next(&csv, cells, e);
		if (rc == DCA_NOTFOUND)
			return DCA_OK;
		if (rc == DCA_OK)
			rc = add_row(i, cells, e);
		if (rc != DCA_OK) {
			(void)snprintf(line, sizeof(line), "inventory line %u",
			    csv.line);
			return dca_fail_in(e, line);
		}
	}
	return rc;
}

enum dca_rc
verify_inventory_read(struct verify_inventory **out, const char *file,
    struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	enum dca_rc rc;

	*out = NULL;
	rc = dca_file_read(&in, file, INVENTORY_MAX, e);
	if (rc != DCA_OK)
		return rc;
	*out = dca_alloc(sizeof(**out));
	**out = (struct verify_inventory){ 0 };
	rc = read_rows(*out, dca_out_buf(&in), e);
	if (rc != DCA_OK) {
		verify_inventory_free(*out);
		*out = NULL;
	}
	return rc;
}

void
verify_inventory_free(struct verify_inventory *i)
{
	if (i == NULL)
		return;
	for (size_t k = 0; k < i->n; k++)
		dca_tnset_free(i->v[k].numbers);
	free(i->v);
	free(i);
}

void
verify_inventory_give(const struct verify_inventory *i,
    struct dca_verifier *v)
{
	for (size_t k = 0; k < i->n; k++) {
		DCA_AUTO_OUT text = { 0 };

		dca_tnset_print(i->v[k].numbers, &text);
		dca_out_add(&text, "", 1);
		if (dca_verifier_add_numbers(v, i->v[k].spc,
		    (const char *)text.p, NULL) != DCA_VERIFY_ACCEPTED)
			abort();	/* they were read from a set */
	}
}
