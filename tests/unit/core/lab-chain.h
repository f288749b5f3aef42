/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of four certificates that is right until a test edits its specs. */
#ifndef DCA_TEST_LAB_CHAIN_H
#define DCA_TEST_LAB_CHAIN_H

#include "lab.h"

#define SPC_1234 "3008a006160431323334"			/* vector A */
#define TN_PARENT "3015a1133011160b3132313235353531303030020203e8" /* D */
#define TN_CHILD "3014a1123010160b31323132353535313530300201" "64"  /* E */
#define TN_OUT "300fa20d160b3132313535353531323132"	/* C */

/* root, intermediate, sca, leaf as they should be; a test edits the specs. */
struct chain {
	struct lab_spec spec[4];
	struct lab cert[4];
	struct dca_certs chain, roots;
};
enum { ROOT, INTER, SCA, LEAF };

void plan(struct chain *c);
void make(struct chain *c);
void drop(struct chain *c);
/* Members of s that are set replace those of to; list "" takes it away. */
void apply(struct lab_spec *to, const struct lab_spec *s);

#endif
