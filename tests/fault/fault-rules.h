/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the module share. */
#ifndef DCA_TEST_FAULT_RULES_H
#define DCA_TEST_FAULT_RULES_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

enum fault_op {
	FAULT_NONE,
	FAULT_CORRUPT,	/* one bit of a good signature */
	FAULT_SHORT,	/* a signature of 10 octets */
	FAULT_KILL,	/* every session of the process is closed first */
	FAULT_LOGOUT,	/* the user is logged out first */
	FAULT_HANG,	/* the call waits until the rule is gone */
	FAULT_PRETEND,	/* CKR_OK, and nothing was done */
	FAULT_NO_WRAP,	/* a mechanism that does not wrap */
};

/* States that last as long as their line stands there. */
struct fault_state {
	bool gone, another;		/* token gone | another */
	bool final_try, locked;		/* pin final-try | locked */
};

struct fault_hit {
	CK_RV rv;			/* CKR_OK: call the real one */
	enum fault_op op;
};

/* Counts the call and says what to do with it; sleeps and hangs in here. */
void fault_call(const char *name, struct fault_hit *h, struct fault_state *s);

#endif
