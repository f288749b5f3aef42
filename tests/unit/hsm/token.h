/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real SoftHSM token in a folder of its own, for the tests of this room.
 */
#ifndef TEST_TOKEN_H
#define TEST_TOKEN_H

#include <p11-kit/pkcs11.h>

#include "dca/hsm.h"

/* A new folder with SOFTHSM2_CONF set to it; exits 77 loudly when SoftHSM is
 * not installed. Removed at exit. */
void token_folder(void);
const char *token_module(void);
/* Initialises one more token; the user PIN lies in token_pin_file(). */
void token_new(const char *label);
const char *token_pin_file(void);
void token_pin_write(const char *path, const char *pin);
const char *token_pin(void);
/* "<folder>/<name>"; the caller frees. */
char *token_path(const char *name);
/* Another handle of the same module, as other code in the process has it. */
CK_FUNCTION_LIST *token_other_code(const char *module);
/* Moves the folder of the tokens away and back. */
void token_away(void);
void token_back(void);

/* Opens by uri through module (NULL: SoftHSM), asserts success. */
struct dca_hsm *token_open(const char *module, const char *uri);
void token_config(struct dca_hsm_config *c, const char *module,
    const char *uri);
/* Asserts that rule was the reason and text stands in the message. */
void token_refused(enum dca_rc rc, const struct dca_err *e,
    enum dca_rule rule, const char *text);

/* --- the module of tests/fault in front of it --- */
#define FAULT_URI "pkcs11:token=one;id=%01;object=ca"
struct fault {
	const char *name;	/* C_Sign, C_Login, ... */
	CK_RV rv;		/* return this; CKR_OK: call the real one */
	int count;		/* so often; -1: for ever */
	bool corrupt;		/* C_Sign: flip one bit */
};
/* One rule at a time; NULL: none. Counting starts anew. */
void fault_rule(const struct fault *rule);
/* Any lines of the control file; counting starts anew. */
void fault_text(const char *rules);
unsigned fault_count(const char *name);	/* since the last of these */

#endif
