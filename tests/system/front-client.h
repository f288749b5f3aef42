/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of front-client and what they share. */
#ifndef FRONT_CLIENT_H
#define FRONT_CLIENT_H

#include "front-coap.h"

extern int port;		/* of the front */
extern char directory[512];	/* with NAME.key and NAME.pem */
extern char argument[512];

/* One line; a failure is counted. r: printed then, or NULL. */
void check(bool good, const char *what, const struct answer *r);
/* name NULL: no certificate. Valid until the next call. */
struct identity identity(const char *name, const char *ciphers);
/* As "client", or the end of the program. */
void must_open(struct line *l);
/* The rule id inside RFC 9290 problem details; "" when it is none. */
const char *rule(const struct answer *r);
bool is(const struct answer *r, int code, const char *id);

void group_dtls(void);
void group_hellos(void);
void group_stalled(void);
void group_rate(void);
void group_full(void);
void group_issue(void);
void group_crts(void);
void group_slow(void);
void group_dies(void);

#endif
