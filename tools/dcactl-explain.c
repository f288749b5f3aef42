/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl explain: the problem table for people. Asks nobody.
 */
#include "dcactl.h"

#include <stdio.h>

static void
row(struct dca_out *o, const struct dca_problem *p)
{
	char code[16];
	const char *const pairs[] = { "coap", code, "rule", p->id, "title",
		p->title, "advice", p->advice, "clause", p->clause, NULL };

	snprintf(code, sizeof(code), "%d.%02d", p->coap / 100, p->coap % 100);
	ctl_text_map(o, pairs);
}

static int
explain_all(const struct ctl *c)
{
	DCA_AUTO_OUT rows = { 0 };
	int i;

	dca_cbor_array(&rows, DCA_RULE_COUNT - 1);
	for (i = DCA_RULE_NONE + 1; i < DCA_RULE_COUNT; i++)
		row(&rows, dca_problem((enum dca_rule)i));
	if (c->json)
		return dca_show_json(dca_out_buf(&rows));
	for (i = DCA_RULE_NONE + 1; i < DCA_RULE_COUNT; i++) {
		const struct dca_problem *p = dca_problem((enum dca_rule)i);

		printf("%-18s %d.%02d  %s\n", p->id, p->coap / 100,
		    p->coap % 100, p->title);
	}
	return 0;
}

int
ctl_explain(int argc, char **argv, void *arg)
{
	const struct dca_problem *p;
	struct ctl *c = arg;
	struct dca_err e = { 0 };
	DCA_AUTO_OUT map = { 0 };

	if (argc == 0)
		return explain_all(c);
	p = dca_problem_by_id(argv[0]);
	if (!p) {
		(void)dca_fail(&e, DCA_RULE_REG_UNKNOWN,
		    "no rule \"%.32s\"; dcactl explain lists them", argv[0]);
		return ctl_fail(c, &e);
	}
	row(&map, p);
	if (c->json)
		return dca_show_json(dca_out_buf(&map));
	printf("%s: %s\n  answer  CoAP %d.%02d, exit code %d\n", p->id,
	    p->title, p->coap / 100, p->coap % 100, dca_exit_code(p->rc));
	if (*p->clause)
		printf("  rule    %s\n", p->clause);
	if (*p->advice)
		printf("  do      %s\n", p->advice);
	return 0;
}
