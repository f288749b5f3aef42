/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the captured front share. */
#ifndef DCA_TEST_HOSTILE_FRONT_H
#define DCA_TEST_HOSTILE_FRONT_H

#include "dca/store.h"
#include "vault.h"

extern struct lab lab;
extern struct reply r;
extern struct dca_out args;
extern EVP_PKEY *front_key;		/* what the front wants certified */
extern struct dca_out front_cert;	/* self-signed, of that key */
/* honest: two customers, two admins */
extern EVP_PKEY *acme, *beta, *bob_key, *erin;
extern struct dca_out acme_cert, acme_csr; /* seen passing */

/* The register as root reads it, without the operators' numbers. */
void snapshot(struct dca_out *o);
/* Nothing but what changed honestly since then. */
void unchanged(const struct dca_out *before);
void is_data(unsigned code);
void is_problem(enum dca_rule rule);
void send_issue(const struct dca_out *peer, const struct dca_out *csr,
    enum dca_function fn);
/* Signs as an operator does; the front carries it. */
void sign_act(struct dca_out *cose, const struct lab_signer *s,
    const char *name, const struct dca_out *map);
void send_act(const struct dca_out *cose);
void honest(const char *name);		/* alice's, with args; done */

struct lab_signer alice(void);		/* with her next number */
void put_id(const char *id);
void put_operator(const char *id, EVP_PKEY *key, const char *role);
bool has_key(struct dca_buf map, const char *key);

/* hostile-acts.c */
void test_replayed_act(void **state);
void test_reordered(void **state);
void test_forged_act(void **state);
void test_four_eyes(void **state);
void test_proposer_gone(void **state);
void test_cross(void **state);
void test_wrong_rekey(void **state);
/* hostile-roles.c */
void test_roles(void **state);
/* hostile-wire.c */
void test_malformed(void **state);
void test_mutated(void **state);

#endif
