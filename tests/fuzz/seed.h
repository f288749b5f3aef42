/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds: FOLDER/NOUN/NAME, one input each. */
#ifndef DCA_FUZZ_SEED_H
#define DCA_FUZZ_SEED_H

#include "dca/base.h"

/* NAME is the SHA-256 of b. Trouble with a file ends the program. */
void seed_write(const char *noun, struct dca_buf b);
/* The labelled cases and certificates, where they are. */
void seed_cases(void);
void seed_crls(void);
void seed_passports(void);
void seed_bmaps(void);

#endif
