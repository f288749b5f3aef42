/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on the local SEQPACKET sockets: one CBOR array
 * [type, id, field...] per packet, at most DCA_MESSAGE_MAX octets, checked
 * against one table of fields and bounds before anything is looked at.
 * id is the asker's; the answer repeats it. Both sides treat the other as
 * hostile: an unknown type, a type the role may not send, a field too many,
 * too few or too long closes the connection.
 */
#ifndef DCA_MESSAGE_H
#define DCA_MESSAGE_H

#include "dca/base.h"

enum dca_role {
	DCA_ROLE_VAULT,		/* what the vault sends */
	DCA_ROLE_FRONT,
	DCA_ROLE_PUBLISHER,
	DCA_ROLE_ADMIN,		/* root on the appliance */
	DCA_ROLE_UPSTREAM,	/* STI-PA and STI-CA */
	DCA_ROLE_BOARD,		/* root; looks after the box */
	DCA_ROLES		/* how many */
};

enum { DCA_FIELDS_MAX = 6 };

/* X(symbol, number, role that sends it, fields...)
 * field: U(name) uint, B(name, max) byte string, T(name, max) text */
#define DCA_MESSAGES(X, U, B, T) \
/* questions */ \
X(ISSUE, 1, FRONT, U(FUNCTION) B(PEER, DCA_CSR_MAX * 4) B(CSR, DCA_CSR_MAX) T(ADDRESS, 64)) \
X(CRTS, 2, FRONT, B(PEER, DCA_CSR_MAX * 4)) \
X(ATT, 3, FRONT, B(PEER, DCA_CSR_MAX * 4)) \
X(READ, 4, FRONT, B(PEER, DCA_CSR_MAX * 4) T(PATH, 256) T(QUERY, 512)) \
X(ACT, 5, FRONT, B(PEER, DCA_CSR_MAX * 4) B(COSE, DCA_ACT_MAX)) \
X(CHECK, 6, FRONT, B(PEER, DCA_CSR_MAX * 4) T(CUSTOMER, DCA_ID_MAX) B(CSR, DCA_CSR_MAX)) \
X(ORDERS, 16, UPSTREAM, U(CRL)) \
X(STEP, 17, UPSTREAM, U(ORDER) T(STEP, 32) U(STATE) T(TEXT, 384)) \
X(ORDERED, 18, UPSTREAM, U(ORDER) B(CHAIN, DCA_CROSS_MAX) B(ROOTS, DCA_CSR_MAX * 4) T(X5U, 512)) \
X(REVOKED, 19, UPSTREAM, B(SHA256, DCA_SHA256_LEN) T(WHY, 320)) \
X(REPORT, 20, BOARD, B(STATUS, 4096)) \
X(BEAT, 21, BOARD, U(DEEP)) \
X(EVENT, 22, BOARD, T(NAME, 32) T(TEXT, 384)) \
X(FOLLOW, 32, PUBLISHER, U(FROM)) \
X(PUBLISHED, 33, PUBLISHER, U(SEQ) B(SERIAL, DCA_SERIAL_LEN)) \
X(UNPUBLISHED, 34, PUBLISHER, U(SEQ) B(SERIAL, DCA_SERIAL_LEN) T(WHY, 320)) \
X(LOCAL_ACT, 48, ADMIN, B(PAYLOAD, DCA_ACT_MAX)) \
X(LOCAL_READ, 49, ADMIN, T(PATH, 256) T(QUERY, 512)) \
X(INSTALL, 50, ADMIN, B(CSR, DCA_CROSS_MAX) B(CHAIN, DCA_CROSS_MAX) B(ROOTS, DCA_CSR_MAX)) \
/* answers and notices of the vault */ \
X(ISSUED, 128, VAULT, B(SERIAL, DCA_SERIAL_LEN) B(CERT, DCA_CROSS_MAX) T(X5U, 512)) \
X(DATA, 129, VAULT, U(CODE) U(FORMAT) B(PAYLOAD, DCA_MESSAGE_MAX - 256)) \
X(PROBLEM, 130, VAULT, U(CODE) T(RULE, 32) T(DETAIL, 384) T(FIRST, 48) T(FIELD, 48) U(MAX_AGE)) \
X(ORDER, 132, VAULT, U(ORDER) B(CSR, DCA_CROSS_MAX)) \
X(ORDER_END, 133, VAULT, U(ORDER) T(WHY, 320)) \
X(WATCH, 134, VAULT, B(CHAIN, DCA_CROSS_MAX + 8192)) \
X(COMMAND, 135, VAULT, U(ORDER) T(VERB, 32) T(ARG, 512)) \
X(PUBLISH, 131, VAULT, U(SEQ) B(SERIAL, DCA_SERIAL_LEN) B(LEAF, DCA_CROSS_MAX) B(CHAIN, DCA_CROSS_MAX + 8192))

enum dca_message_type {
	DCA_MSG_NONE = 0,
#define X(sym, num, role, fields) DCA_MSG_##sym = (num),
#define N(...)
	DCA_MESSAGES(X, N, N, N)
#undef N
#undef X
};

/* STATE of a STEP: what became of it. */
enum dca_order_state {
	DCA_ORDER_DOING,
	DCA_ORDER_DONE,
	DCA_ORDER_AGAIN,	/* failed; tried again by itself */
	DCA_ORDER_STOPPED,	/* failed; waits for a person */
};

/* Index of a field: dca_msg_field(m, "CSR") would cost a string compare; the
 * fields are few and in the order of the table above, so: */
struct dca_field {
	uint64_t u;
	struct dca_buf b;	/* byte string or text, borrowed */
};
struct dca_message {
	enum dca_message_type type;
	uint64_t id;
	size_t n;
	struct dca_field f[DCA_FIELDS_MAX];
};

/* MESSAGE when packet is not exactly one well-formed message that role may
 * send. Fields borrow from packet. */
enum dca_rc dca_message_parse(struct dca_message *m, struct dca_buf packet,
    enum dca_role role, struct dca_err *e) DCA_CHECKED;
/* Asserts the table (count, bounds): a message of ours is always valid. Text
 * that is not UTF-8 is sent with question marks in its place. */
void dca_message_encode(struct dca_out *o, const struct dca_message *m);
/* Text fields are not terminated in the packet; copy one out. */
void dca_field_text(const struct dca_field *f, char *s, size_t cap);

/* A PROBLEM from e, and back. */
void dca_message_problem(struct dca_out *o, uint64_t id,
    const struct dca_err *e, unsigned max_age);
void dca_problem_message(struct dca_err *e, const struct dca_message *m);
const char *dca_message_name(enum dca_message_type t);

/*
 * RFC 9290 concise problem details: { -1: title, -2: detail,
 * DCA_PROBLEM_KEY: { "rule", "first", "field" } }; empty first and field are
 * left out.
 */
#define DCA_PROBLEM_KEY "tag:dca-appliance,2026:problem"
void dca_problem_encode(struct dca_out *o, const struct dca_err *e);
/* MESSAGE when it is not ours; e then says so. On DCA_OK e holds the problem. */
enum dca_rc dca_problem_parse(struct dca_err *e, struct dca_buf body)
    DCA_CHECKED;

#endif
