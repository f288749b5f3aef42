/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TN sets as text for people, logs and files: 12025550100,
 * 12025550100+100, *67, spc:709J, comma separated. Must never be what a
 * decision is taken on: that is the set itself.
 */
#include "dca/tnset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char spc_prefix[] = "spc:";

void
dca_tnrange_print(struct dca_tnrange r, char out[static DCA_ENTRY_TEXT])
{
	int n = snprintf(out, DCA_ENTRY_TEXT, "%0*" PRIu64, r.digits, r.lo);

	if (r.hi != r.lo)
		(void)snprintf(out + n, (size_t)(DCA_ENTRY_TEXT - n),
		    "+%" PRIu64, r.hi - r.lo + 1);
}

/* A foreign SPC may hold what separates entries here: then \xx. */
static void
print_spc(struct dca_out *o, const char *spc)
{
	dca_out_printf(o, "%s", spc_prefix);
	for (; *spc != '\0'; spc++)
		if (strchr(" ,\\", *spc) != NULL)
			dca_out_printf(o, "\\%02x", (unsigned)*spc);
		else
			dca_out_add(o, spc, 1);
}

void
dca_tnset_print(const struct dca_tnset *s, struct dca_out *o)
{
	const struct dca_tnrange *r;
	const char *const *name;
	char text[DCA_ENTRY_TEXT];
	const char *comma = "";
	size_t i, n;

	n = dca_tnset_spcs(s, &name);
	for (i = 0; i < n; i++, comma = ",") {
		dca_out_printf(o, "%s", comma);
		print_spc(o, name[i]);
	}
	n = dca_tnset_ranges(s, &r);
	for (i = 0; i < n; i++, comma = ",") {
		dca_tnrange_print(r[i], text);
		dca_out_printf(o, "%s%s", comma, text);
	}
	n = dca_tnset_literals(s, &name);
	for (i = 0; i < n; i++, comma = ",")
		dca_out_printf(o, "%s%s", comma, name[i]);
	dca_out_add(o, "", 0); /* an empty set prints "", not NULL */
}

static enum dca_rc
parse_spc(struct dca_tnset *s, const char *p, size_t n, struct dca_err *e)
{
	char spc[DCA_SPC_READ_MAX + 1] = "", pair[3] = "";
	size_t i, len = 0;

	for (i = 0; i < n && len <= DCA_SPC_READ_MAX; i++) {
		if (p[i] != '\\') {
			spc[len++] = p[i];
			continue;
		}
		if (n - i > 2)
			memcpy(pair, p + i + 1, 2);
		if (n - i <= 2 || !dca_unhex((uint8_t *)&spc[len++], 1, pair))
			return dca_fail(e, DCA_RULE_TN_SPC,
			    "\\ without two hex digits in \"%.*s\"", (int)n, p);
		i += 2;
	}
	return dca_tnset_add_spc(s, spc, len, e);
}

/* Decimal digits only; saturates, and the range check refuses that. */
static bool
parse_count(uint64_t *count, const char *p, size_t n)
{
	size_t i;

	*count = 0;
	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		if (*count > UINT64_MAX / 10 - 1)
			return n > 0;
		*count = 10 * *count + (uint64_t)(p[i] - '0');
	}
	return n > 0;
}

/* [+]number[+count] */
static enum dca_rc
parse_number(struct dca_tnset *s, const char *p, size_t n, struct dca_err *e)
{
	const char *whole = p, *plus;
	char tn[DCA_TN_MAX + 2] = "";
	size_t all = n, len;
	uint64_t count;

	if (n > 0 && p[0] == '+') {
		p++;
		n--;
	}
	plus = memchr(p, '+', n);
	len = plus != NULL ? (size_t)(plus - p) : n;
	if (len > DCA_TN_MAX || memchr(p, '\0', len) != NULL)
		return dca_fail(e, DCA_RULE_TN_NUMBER,
		    "\"%.*s\" is not 1 to 15 of 0-9 # *",
		    all > 40 ? 40 : (int)all, whole);
	memcpy(tn, p, len);
	if (plus == NULL)
		return dca_tnset_add_number(s, tn, e);
	if (!parse_count(&count, plus + 1, n - len - 1))
		return dca_fail(e, DCA_RULE_TN_COUNT,
		    "\"%.*s\": count is not a number", all > 40 ? 40 : (int)all,
		    whole);
	return dca_tnset_add_range(s, tn, count, e);
}

static enum dca_rc
parse_entry(struct dca_tnset *s, const char *p, size_t n, struct dca_err *e)
{
	const size_t k = sizeof(spc_prefix) - 1;

	while (n > 0 && *p == ' ') {
		p++;
		n--;
	}
	while (n > 0 && p[n - 1] == ' ')
		n--;
	if (n >= k && memcmp(p, spc_prefix, k) == 0)
		return parse_spc(s, p + k, n - k, e);
	return parse_number(s, p, n, e);
}

enum dca_rc
dca_tnset_parse(struct dca_tnset *s, const char *text, struct dca_err *e)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *all = dca_tnset_new();
	size_t n;
	enum dca_rc rc;

	if (text[strspn(text, " ")] == '\0')
		return DCA_OK;
	for (;; text += n + 1) {
		n = strcspn(text, ",");
		rc = parse_entry(all, text, n, e);
		if (rc != DCA_OK)
			return rc;
		if (text[n] == '\0')
			break;
	}
	dca_tnset_union(s, all);
	return DCA_OK;
}
