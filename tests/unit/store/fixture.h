/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store in a folder of its own and the hands that fill it as the vault
 * does: real keys, signed acts, certificates in DER. Holds no expectation.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "dca/act.h"
#include "dca/store.h"

enum { T0 = 1900000000 };	/* after the clock of any test machine */

struct fixture {
	char dir[64], path[96];
	struct dca_store *s;
	struct dca_err e;
	uint8_t appliance[16];
	EVP_PKEY *operator_key, *ca_key;
	struct dca_spki operator_spki, ca_spki;
	uint64_t act_seq;	/* last sequence number of operator alice */
	int64_t now;
};
int fixture_setup(void **state);	/* open, alice is admin, in no group */
int fixture_teardown(void **state);
void fixture_reopen(struct fixture *f, bool read_only);

EVP_PKEY *fixture_key(struct dca_spki *out);
struct dca_tnset *fixture_numbers(const char *text);
struct dca_tnrange fixture_range(const char *text);

void ok(struct fixture *f, enum dca_rc rc);
void refused(struct fixture *f, enum dca_rc rc, enum dca_rule rule);
#define OK(call) ok(f, call)
#define REFUSED(call, rule) refused(f, call, DCA_RULE_##rule)

/* All inside the caller's group. args: one CBOR map. */
uint64_t fixture_act(struct fixture *f, const char *act, struct dca_buf args);
uint64_t fixture_customer(struct fixture *f, const char *id);
uint64_t fixture_delegate(struct fixture *f, const char *customer,
    const char *tn, bool shared);
uint64_t fixture_inventory(struct fixture *f, const char *tn, const char *spc);
uint64_t fixture_cross(struct fixture *f);
/* Issues to a new key unless given; csr: any text, its SHA-256 counts. */
struct dca_certificate fixture_issue(struct fixture *f, const char *customer,
    const char *tn, const char *csr, const struct dca_spki *key);
/* One of each, committed: acme and beta, their numbers, two certificates. */
void fixture_fill(struct fixture *f);

/* Raw SQL on the file, by another connection (the attacker's hand). */
void fixture_sql(struct fixture *f, const char *sql);
int64_t fixture_sql_int(struct fixture *f, const char *sql);

#endif
