/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of include/dca/problem.h as data. Must never hold a text of its
 * own: what a refusal is called stands in that one header.
 */
#include "dca/problem.h"

#include <stddef.h>
#include <string.h>

static const struct dca_problem problems[DCA_RULE_COUNT] = {
#define X(sym, id_, class_, coap_, title_, clause_, advice_)                   \
	[DCA_RULE_##sym] = { .rule = DCA_RULE_##sym,                           \
		.id = id_,                                                     \
		.rc = DCA_##class_,                                            \
		.coap = coap_,                                                 \
		.title = title_,                                               \
		.clause = clause_,                                             \
		.advice = advice_ },
	DCA_PROBLEMS(X)
#undef X
};

const struct dca_problem *
dca_problem(enum dca_rule rule)
{
	if ((unsigned)rule >= DCA_RULE_COUNT)
		return &problems[DCA_RULE_INTERNAL];
	return &problems[rule];
}

const struct dca_problem *
dca_problem_by_id(const char *id)
{
	size_t i;

	for (i = 0; i < DCA_RULE_COUNT; i++)
		if (strcmp(problems[i].id, id) == 0)
			return &problems[i];
	return NULL;
}

int
dca_exit_code(enum dca_rc rc)
{
	switch (rc) {
	case DCA_OK:
		return 0;
	case DCA_MALFORMED:
	case DCA_REFUSED:
	case DCA_NOTFOUND:
		return 1;
	case DCA_BUSY:
	case DCA_TOKEN:
	case DCA_IO:
	case DCA_INTERNAL:
		break;
	}
	return 2;
}
