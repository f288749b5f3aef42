/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control file of the fault-injecting module: how a test writes it, what
 * the module counted. README.md has the words.
 */
#ifndef DCA_TEST_FAULT_H
#define DCA_TEST_FAULT_H

/* Environment of the process that loads the module. */
#define FAULT_MODULE "DCA_FAULT_MODULE"		/* the module behind it */
#define FAULT_CONTROL "DCA_FAULT_CONTROL"	/* read on change */
#define FAULT_COUNTS "DCA_FAULT_COUNTS"		/* written; optional */

enum {
	FAULT_RULES = 64,
	FAULT_CONTROL_MAX = 4096,
	FAULT_LINE = 40,	/* octets per line of the counts file */
};

/* Puts rules (lines, NULL: none) into the control file; they hold for every
 * call that begins after this returns. Aborts when it cannot. */
void fault_write(const char *control, const char *rules);
/* Calls of name so far, 0 when the file is not there yet. */
unsigned long fault_calls(const char *counts, const char *name);

#endif
