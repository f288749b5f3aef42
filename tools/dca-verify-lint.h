/* SPDX-License-Identifier: Apache-2.0 */
/* dca-verify lint. */
#ifndef DCA_VERIFY_LINT_H
#define DCA_VERIFY_LINT_H

#include "dca/lint.h"

struct lint_ask {
	unsigned pack;			/* 0: that of each certificate */
	const char *policies;		/* OIDs, comma separated, or NULL */
	const char *issuer;		/* file, or NULL */
	bool json, verdicts, crldp_optional, cn_shaken;
};
/* Lints files, folders and "-". *code: 0 clean, 1 findings, 2 something was
 * unreadable. Fails when nothing could be begun. */
enum dca_rc lint_all(const struct lint_ask *ask, char *const *paths, int n,
    int *code, struct dca_err *e) DCA_CHECKED;
/* The table, of one pack or (0) whole. */
void lint_print_rules(unsigned pack);

#endif
