/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operator acts (dca(7) TRUST): COSE_Sign1 (RFC 9052 4.2, ES256, tagged 18) over
 *   { "act": tstr, "args": map, "op": tstr, "seq": uint, "time": uint,
 *     "appliance": bstr .size 16 }
 * in deterministic CBOR. Made by dcactl with the operator's key, carried by
 * the front, verified by the vault, kept whole in the ledger row.
 */
#ifndef DCA_ACT_H
#define DCA_ACT_H

#include "dca/cbor.h"
#include "dca/csr.h"

enum { DCA_APPLIANCE_LEN = 16, DCA_ACT_NAME = 32 };

struct dca_act {
	char name[DCA_ACT_NAME];	/* "customer.add" */
	char op[DCA_ID_MAX + 1];
	uint8_t appliance[DCA_APPLIANCE_LEN];
	uint64_t seq;			/* above the operator's last one */
	int64_t time;
	struct dca_buf args;		/* one CBOR map */
};

/* The payload alone (what is signed; what the admin socket takes unsigned). */
void dca_act_encode(struct dca_out *payload, const struct dca_act *a);
/* args borrows from payload. REG_ACT. */
enum dca_rc dca_act_parse(struct dca_act *a, struct dca_buf payload,
    struct dca_err *e) DCA_CHECKED;

enum dca_rc dca_cose_sign1(struct dca_out *o, struct dca_buf payload,
    EVP_PKEY *key, struct dca_err *e) DCA_CHECKED;
/* Splits without verifying: payload and raw signature, borrowed. REG_ACT. */
enum dca_rc dca_cose_parse(struct dca_buf cose, struct dca_buf *payload,
    struct dca_buf *sig, struct dca_err *e) DCA_CHECKED;
/* AUTH_SIGNATURE. */
enum dca_rc dca_cose_verify(struct dca_buf cose, const struct dca_spki *key,
    struct dca_err *e) DCA_CHECKED;

/*
 * A secret for one public key, so that the front that carries it cannot read
 * it: ephemeral P-256 ECDH, HKDF-SHA256 (info "dca-seal"), AES-256-GCM.
 * Layout: 65 octets ephemeral point, 12 octets IV, ciphertext, 16 octets tag.
 */
void dca_seal(struct dca_out *o, const struct dca_spki *to,
    struct dca_buf secret);
enum dca_rc dca_unseal(struct dca_out *secret, EVP_PKEY *key,
    struct dca_buf sealed, struct dca_err *e) DCA_CHECKED;

/*
 * The one table of roles (core/act-roles.c). An auditor reads and signs no
 * act. four_eyes: from two active admins on, the act waits as a proposal for
 * the signature of another one; operator.add only when it makes an admin.
 */
enum { DCA_BY_ADMIN = 1, DCA_BY_OPERATOR = 2, DCA_BY_LOCAL = 4,
	DCA_BY_NEW_KEY = 8 /* while there is no operator */ };
struct dca_act_rule {
	const char *name;
	unsigned by;
	bool four_eyes;
};
const struct dca_act_rule *dca_act_rules(size_t *n);
const struct dca_act_rule *dca_act_rule(const char *name); /* NULL: no act */
unsigned dca_role_bit(const char *role);	/* 0: auditor, or no role */
bool dca_act_four_eyes(const char *name, struct dca_buf args);

/* 1 to DCA_ID_MAX of a-z 0-9 . _ - starting with a letter or digit. REG_ID */
enum dca_rc dca_id_check(const char *id, struct dca_err *e) DCA_CHECKED;

#endif
