/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A laboratory around the real dca-vault: SoftHSM token with a CA key, a root
 * that signs its cross-certificate, the program below a temporary prefix, and
 * questions on its sockets. Failure ends the test.
 */
#ifndef DCA_TEST_VAULT_H
#define DCA_TEST_VAULT_H

#include <sys/types.h>

#include "dca/act.h"
#include "dca/cbor.h"
#include "dca/cert.h"
#include "dca/hsm.h"
#include "dca/os.h"
#include "lab.h"

struct lab {
	char prefix[64];
	char front[128], publisher[128], admin[128], upstream[128];
	char board[128];
	pid_t pid;
	uint8_t appliance[16];
	EVP_PKEY *root_key, *admin_key;
	struct dca_out root, cross, ca_csr, admin_cert;
	struct dca_spki ca;
	uint64_t seq;			/* of the admin's acts */
	const char *module, *uri;	/* NULL: SoftHSM, the CA key */
	const char *token_options;	/* lines of [token]; NULL: none */
	char control[80];		/* of tests/fault */
};

struct reply {
	struct dca_out packet;
	struct dca_message m;
	struct dca_err e;		/* when it is a PROBLEM */
};
void reply_clear(struct reply *r);

/* 77 when SoftHSM is not here. */
int lab_open(struct lab *l, const char *program);
void lab_close(struct lab *l);
void lab_start(struct lab *l, const char *program, const char *issue_options);
void lab_stop(struct lab *l);
/* A key beside that of the CA; its URI. */
const char *lab_other_key(struct lab *l);
/* operational, no-key, ...: waits up to two minutes. */
void lab_wait_state(struct lab *l, const char *state);

void lab_ask(struct reply *r, const char *socket, const struct dca_message *m);
void lab_install(struct lab *l, struct reply *r, struct dca_buf csr,
    struct dca_buf chain);
void lab_issue(struct lab *l, struct reply *r, const struct dca_out *peer,
    const struct dca_out *csr);
void lab_read(struct lab *l, struct reply *r, const struct dca_out *peer,
    const char *path, const char *query);
/* An act of the admin; args is one CBOR map. */
void lab_act(struct lab *l, struct reply *r, const char *name,
    const struct dca_out *args);
/* The same with everything chosen. */
struct lab_signer {
	const char *op;
	EVP_PKEY *key;
	uint64_t seq;
	const uint8_t *appliance;	/* NULL: ours */
	int64_t time;			/* 0: now */
};
void lab_act_as(struct lab *l, struct reply *r, const struct lab_signer *s,
    const char *name, const struct dca_out *args);
/* A self-signed client certificate. */
void lab_client(struct dca_out *der, EVP_PKEY *key);

/* Maps: keys must come in deterministic order. */
void put_map(struct dca_out *o, size_t n);
void put_text(struct dca_out *o, const char *key, const char *value);
void put_uint(struct dca_out *o, const char *key, uint64_t value);
void put_bytes(struct dca_out *o, const char *key, struct dca_buf b);

#endif
