/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one durable store: an append-only ledger and the views derived from it,
 * changed in the same SQLite transaction (WAL, synchronous=FULL). All SQL
 * stays behind these calls. One thread, one writer. A failing disk or a
 * corrupt file is IO; a broken promise of our own aborts.
 *
 * Writers call begin, any number of changes (each append with the view
 * changes that follow from it), commit: that is one group. A savepoint lets
 * one act of a group fail without the others.
 */
#ifndef DCA_STORE_H
#define DCA_STORE_H

#include "dca/constraints.h"
#include "dca/ledger.h"
#include "dca/tnset.h"

struct dca_store;

/*
 * Creates the file (0600) and schema when missing. An older format that is
 * known is brought up to date, in one transaction; another one is refused,
 * untouched. read_only: for tools that look at a copy, in any known format.
 */
enum dca_rc dca_store_open(struct dca_store **out, const char *path,
    bool read_only, struct dca_err *e) DCA_CHECKED;
/*
 * The same for writing, and the format stays as it is; a file that is created
 * gets the oldest one: what an older program wrote or may have to read again
 * remains readable by it. Everything works in every known format.
 */
enum dca_rc dca_store_open_held(struct dca_store **out, const char *path,
    struct dca_err *e) DCA_CHECKED;
/* Is its format an older one? Then this brings it up to date; no transaction
 * may be open. On failure it stays as it was. */
bool dca_store_is_old(const struct dca_store *s);
enum dca_rc dca_store_upgrade(struct dca_store *s, struct dca_err *e)
    DCA_CHECKED;
void dca_store_close(struct dca_store *s);	/* NULL ok; rolls back */

enum dca_rc dca_store_begin(struct dca_store *s, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_commit(struct dca_store *s, struct dca_err *e)
    DCA_CHECKED;
void dca_store_rollback(struct dca_store *s);
bool dca_store_in_transaction(const struct dca_store *s);
void dca_store_savepoint(struct dca_store *s);
void dca_store_release(struct dca_store *s);	/* keep since savepoint */
void dca_store_undo(struct dca_store *s);	/* undo since savepoint */

/* --- ledger --- */
/* CLOCK when time is before the last row's. */
enum dca_rc dca_store_append(struct dca_store *s, int64_t time,
    const char *kind, const char *actor, struct dca_buf body, uint64_t *seq,
    struct dca_err *e) DCA_CHECKED;
/* Last row without body; NOTFOUND (REG_UNKNOWN) on an empty ledger. */
enum dca_rc dca_store_head(struct dca_store *s, struct dca_row *row,
    struct dca_err *e) DCA_CHECKED;
typedef enum dca_rc (*dca_row_fn)(const struct dca_row *row, void *arg,
    struct dca_err *e);
/* Rows from..; stops at the first failure of fn and returns it. */
enum dca_rc dca_store_walk(struct dca_store *s, uint64_t from, dca_row_fn fn,
    void *arg, struct dca_err *e) DCA_CHECKED;
/* Rows of kind "alarm" at since or later, newest first, at most limit. */
enum dca_rc dca_store_alarms(struct dca_store *s, int64_t since, size_t limit,
    dca_row_fn fn, void *arg, struct dca_err *e) DCA_CHECKED;
/* The same of kind "board". */
enum dca_rc dca_store_events(struct dca_store *s, size_t limit, dca_row_fn fn,
    void *arg, struct dca_err *e) DCA_CHECKED;
/*
 * Offline: every row hashes to what it says and follows the one before
 * (LEDGER_ROW names it), and every view row is what the ledger says
 * (certificates, operators, customers, delegations, inventory: LEDGER_ROW,
 * field names the view). Counts the rows seen.
 */
enum dca_rc dca_store_verify(struct dca_store *s, uint64_t *rows,
    struct dca_err *e) DCA_CHECKED;
/*
 * The chain alone, in pieces: goes on from where v stands (zeros: the first
 * row) for about that many octets. At the end of the ledger that end is
 * compared with what was committed, and *end is true. No transaction may be
 * open. LEDGER_ROW.
 */
struct dca_verified {
	struct dca_row last;		/* without body */
	uint64_t rows;
};
enum dca_rc dca_store_verify_on(struct dca_store *s, struct dca_verified *v,
    size_t octets, bool *end, struct dca_err *e) DCA_CHECKED;

/* --- appliance --- */
/* Made with the first ledger row ("genesis"), 16 octets. */
enum dca_rc dca_store_appliance(struct dca_store *s, uint8_t id[static 16],
    struct dca_err *e) DCA_CHECKED;

/* --- operators --- */
struct dca_operator {
	char id[DCA_ID_MAX + 1];
	char role[16];			/* admin, operator, auditor */
	uint8_t spki[91];
	bool active;
	uint64_t last_seq;		/* last sequence number used */
};
/*
 * dca_store_verify, and what it found of each operator: told only when all of
 * it holds. What is counted is signed: by a key the operator had then, in its
 * role, with a number above the last, for this appliance; an act that needs
 * two signatures has both.
 */
struct dca_operator_audit {
	struct dca_operator op;		/* as it is at the end */
	uint64_t acts, proposed, approved, refused;
	uint64_t first_row, last_row;	/* 0: signed nothing */
};
typedef void (*dca_operator_audit_fn)(const struct dca_operator_audit *a,
    void *arg);
enum dca_rc dca_store_verify_operators(struct dca_store *s, uint64_t *rows,
    dca_operator_audit_fn fn, void *arg, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_operator(struct dca_store *s, const char *id,
    struct dca_operator *out, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_operator_by_key(struct dca_store *s,
    const uint8_t spki[static 91], struct dca_operator *out, struct dca_err *e)
    DCA_CHECKED;	/* AUTH_OPERATOR when unknown or not active */
enum dca_rc dca_store_operator_add(struct dca_store *s,
    const struct dca_operator *op, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_operator_remove(struct dca_store *s, const char *id,
    struct dca_err *e) DCA_CHECKED;	/* becomes inactive, stays listed */
/* AUTH_SEQUENCE unless seq is above the last one. */
enum dca_rc dca_store_operator_use(struct dca_store *s, const char *id,
    uint64_t seq, struct dca_err *e) DCA_CHECKED;
unsigned dca_store_admins(struct dca_store *s);	/* active ones */

/* --- proposals: acts that wait for another admin (dca(7) TRUST) --- */
enum dca_proposal_state {
	DCA_PROPOSAL_OPEN, DCA_PROPOSAL_APPROVED, DCA_PROPOSAL_DROPPED,
};
enum { DCA_PROPOSAL_LIFE = 7 * 86400 };
struct dca_proposal {
	uint64_t id;			/* ledger seq of its "propose" row */
	char act[DCA_KIND_MAX];
	char actor[DCA_ACTOR_MAX];
	uint8_t sha256[DCA_SHA256_LEN];	/* of data */
	int64_t expires;
	enum dca_proposal_state state;
	bool is_signed;
	struct dca_out data;	/* owned: COSE_Sign1, else a payload */
};
void dca_proposal_clear(struct dca_proposal *p);
enum dca_rc dca_store_proposal_add(struct dca_store *s, uint64_t id,
    const char *act, const char *actor, int64_t expires, bool is_signed,
    struct dca_buf data, struct dca_err *e) DCA_CHECKED;
/* REG_UNKNOWN. */
enum dca_rc dca_store_proposal(struct dca_store *s, uint64_t id,
    struct dca_proposal *out, struct dca_err *e) DCA_CHECKED;
/* REG_STATE when it is closed already. */
enum dca_rc dca_store_proposal_close(struct dca_store *s, uint64_t id,
    enum dca_proposal_state state, struct dca_err *e) DCA_CHECKED;

/* --- customers and their keys --- */
struct dca_customer {
	char id[DCA_ID_MAX + 1];
	char name[65];			/* O */
	char country[3];		/* C */
	char cn[65];
	unsigned passports;
	uint8_t constraints[DCA_CONSTRAINTS_OWN]; /* DER of the claim
				 * constraints beside those of passports */
	size_t constraints_len;
	bool active;
	uint64_t changed;		/* ledger seq of the last act that touched
					 * it or its delegations */
};
enum dca_rc dca_store_customer(struct dca_store *s, const char *id,
    struct dca_customer *out, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_customer_add(struct dca_store *s,
    const struct dca_customer *c, struct dca_err *e) DCA_CHECKED;
/* name, country, cn, passports, constraints and changed of c->id. */
enum dca_rc dca_store_customer_set(struct dca_store *s,
    const struct dca_customer *c, struct dca_err *e) DCA_CHECKED;
/* Its constraints as values, checked; the caller clears them, on failures
 * too. IO: someone changed the store. CONSTRAINTS when they are too large. */
enum dca_rc dca_store_customer_constraints(const struct dca_customer *c,
    struct dca_constraints *out, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_customer_constrain(struct dca_customer *c,
    const struct dca_constraints *of, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_customer_set_active(struct dca_store *s, const char *id,
    bool active, uint64_t seq, struct dca_err *e) DCA_CHECKED;
/* One customer per key, for ever (dca(7) TRUST): CSR_FORBIDDEN_KEY when the key
 * belongs to another. pinned is only ever raised here. */
enum dca_rc dca_store_key_bind(struct dca_store *s,
    const uint8_t key_sha256[static 32], const char *customer, bool pinned,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_key_unpin(struct dca_store *s,
    const uint8_t key_sha256[static 32], struct dca_err *e) DCA_CHECKED;
/* CSR_FORBIDDEN_KEY: a CA's, or once revoked for keyCompromise. */
enum dca_rc dca_store_key_allowed(struct dca_store *s,
    const uint8_t key_sha256[static 32], struct dca_err *e) DCA_CHECKED;
struct dca_key {
	char customer[DCA_ID_MAX + 1];
	bool pinned;
	bool certified;		/* a live certificate of it exists at now */
	int64_t first;		/* when first certified; 0: never */
};
enum dca_rc dca_store_key(struct dca_store *s,
    const uint8_t key_sha256[static 32], int64_t now, struct dca_key *out,
    struct dca_err *e) DCA_CHECKED;

/* Keys of a customer that were certified for the first time at since or
 * later. */
uint64_t dca_store_keys_new(struct dca_store *s, const char *customer,
    int64_t since);

/* --- enrolment codes (outside the ledger; it has their SHA-256) --- */
struct dca_code {
	char id[DCA_ID_MAX + 1];
	char customer[DCA_ID_MAX + 1];
	uint8_t secret[16];
	int64_t expires;
	bool spent;
	bool wiped;			/* secret is zeros: proves nothing */
	uint8_t csr_sha256[32];		/* of the request that spent it */
	uint8_t serial[DCA_SERIAL_LEN];	/* what that request got */
};
enum dca_rc dca_store_code(struct dca_store *s, const char *id,
    struct dca_code *out, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_code_add(struct dca_store *s, const struct dca_code *c,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_code_spend(struct dca_store *s, const char *id,
    const uint8_t csr_sha256[static 32],
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_code_remove(struct dca_store *s, const char *id,
    struct dca_err *e) DCA_CHECKED;

/* Overwrites the secrets of codes that expired before now (the vault calls it
 * now and then, inside a group or outside). */
enum dca_rc dca_store_codes_expire(struct dca_store *s, int64_t now,
    struct dca_err *e) DCA_CHECKED;

/* --- numbers --- */
struct dca_inventory_row {
	struct dca_tnrange range;
	char spc[DCA_SPC_MAX + 1];
};
enum dca_rc dca_store_inventory_add(struct dca_store *s,
    const struct dca_inventory_row *r, uint64_t seq, struct dca_err *e)
    DCA_CHECKED;
/* Unites all numbers of one SPC into out. */
void dca_store_inventory_numbers(struct dca_store *s, const char *spc,
    struct dca_tnset *out);

struct dca_delegation {
	uint64_t id;			/* 0 on add */
	char customer[DCA_ID_MAX + 1];
	struct dca_tnrange range;
	int64_t not_before, not_after;	/* 0: no limit */
	bool shared;
};
/* REG_OVERLAP names the other customer unless both are shared; touches the
 * customer's changed with seq. */
enum dca_rc dca_store_delegation_add(struct dca_store *s,
    const struct dca_delegation *d, uint64_t seq, struct dca_err *e)
    DCA_CHECKED;
/* Delegations of a customer that are valid at now, and overlap want (NULL:
 * all). fn as usual; *d is borrowed. */
typedef void (*dca_delegation_fn)(const struct dca_delegation *d, void *arg);
void dca_store_delegations(struct dca_store *s, const char *customer,
    int64_t now, const struct dca_tnset *want, dca_delegation_fn fn, void *arg);
/*
 * Takes numbers from all delegations of a customer, past and future ones: at
 * once (end 0), or from after end. Whether live certificates stand in the way
 * is the caller's to ask before. REG_UNKNOWN, e->first: not delegated to it.
 * changed: delegations that became shorter or went; they touch the customer.
 */
enum dca_rc dca_store_delegation_shrink(struct dca_store *s,
    const char *customer, const struct dca_tnset *numbers, int64_t end,
    uint64_t seq, uint64_t *changed, struct dca_err *e) DCA_CHECKED;
/* Does another customer hold one of want by a delegation valid at now? For
 * the message of a refusal. */
bool dca_store_delegated_elsewhere(struct dca_store *s, const char *customer,
    int64_t now, const struct dca_tnset *want, char first[static DCA_ENTRY_TEXT]);

/* --- certificates --- */
enum dca_function { DCA_FN_SEN, DCA_FN_SREN, DCA_FN_OPERATOR };
struct dca_certificate {
	uint8_t serial[DCA_SERIAL_LEN];
	char customer[DCA_ID_MAX + 1];
	uint8_t key_sha256[32], csr_sha256[32];
	enum dca_function function;
	int64_t not_before, not_after;
	uint64_t cross;			/* id of the cross-certificate */
	uint64_t basis;			/* customer.changed when issued */
	uint64_t seq;			/* its ledger row, which holds the DER */
	int64_t revoked;		/* 0: not revoked */
	int reason;
	int64_t published;		/* 0: not read back yet */
	bool renewal;			/* then predecessor is set */
	uint8_t predecessor[DCA_SERIAL_LEN];
};
/* Also binds the key to the customer and indexes the numbers. shared: every
 * number of it is shared. */
enum dca_rc dca_store_certificate_add(struct dca_store *s,
    const struct dca_certificate *c, const struct dca_tnset *numbers,
    bool shared, struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_store_certificate(struct dca_store *s,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_certificate *out,
    struct dca_err *e) DCA_CHECKED;
/* DER from its ledger row. */
enum dca_rc dca_store_certificate_der(struct dca_store *s,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_out *der,
    struct dca_err *e) DCA_CHECKED;
/* The newest for a repeat key (dca(7) MAIN JOB), live or not. */
enum dca_rc dca_store_certificate_repeat(struct dca_store *s,
    const char *customer, enum dca_function fn,
    const uint8_t csr_sha256[static 32], struct dca_certificate *out,
    struct dca_err *e) DCA_CHECKED;
/* Does a live certificate of another customer cover one of want, and is not
 * shared on both sides? */
bool dca_store_certified_elsewhere(struct dca_store *s, const char *customer,
    int64_t now, const struct dca_tnset *want, bool shared,
    char first[static DCA_ENTRY_TEXT]);
/*
 * Revoked at when for reason (RFC 5280 5.3.1). Its key and numbers are held
 * by it no longer; after keyCompromise (1) the key is never certified again.
 * REG_STATE when it was revoked before, unless that was for another reason
 * and is keyCompromise now: the time stays.
 */
enum dca_rc dca_store_certificate_revoke(struct dca_store *s,
    const uint8_t serial[static DCA_SERIAL_LEN], int64_t when, int reason,
    struct dca_err *e) DCA_CHECKED;
/* Unrevoked certificates that are valid at now and end after beyond (0: any),
 * of customer (NULL: any, then there are numbers) and with one of numbers
 * (NULL: any): their serials, one after the other, in the ledger's order. */
struct dca_live_query {
	const char *customer;
	const struct dca_tnset *numbers;
	int64_t now, beyond;
};
enum dca_rc dca_store_certificates_live(struct dca_store *s,
    const struct dca_live_query *q, struct dca_out *serials,
    struct dca_err *e) DCA_CHECKED;
/* The ledger row of the first certificate that is valid at now and not
 * reported as published; 0: none. Looks at every certificate. */
uint64_t dca_store_unpublished(struct dca_store *s, int64_t now);
enum dca_rc dca_store_certificate_published(struct dca_store *s,
    const uint8_t serial[static DCA_SERIAL_LEN], int64_t when,
    struct dca_err *e) DCA_CHECKED;
/* Certificates whose ledger seq is at least from, in order, at most limit. */
typedef enum dca_rc (*dca_certificate_fn)(const struct dca_certificate *c,
    struct dca_buf der, void *arg, struct dca_err *e);
enum dca_rc dca_store_certificates_from(struct dca_store *s, uint64_t from,
    size_t limit, dca_certificate_fn fn, void *arg, struct dca_err *e)
    DCA_CHECKED;
uint64_t dca_store_count(struct dca_store *s, const char *view); /* table name
								  * from a list */

/* --- cross-certificates --- */
struct dca_cross {
	uint64_t id;
	struct dca_out chain;	/* owned: concatenated DER, cross-certificate
				 * first, root last */
	int64_t installed;
	uint64_t seq;		/* its ledger row */
	bool active;
	uint8_t key[32];	/* CKA_ID that its order chose; key_len 0: the
				 * configured one */
	size_t key_len;
};
void dca_cross_clear(struct dca_cross *c);
/* Becomes the active one; the one before stays for its children. */
enum dca_rc dca_store_cross_add(struct dca_store *s, struct dca_buf chain,
    int64_t when, uint64_t seq, uint64_t *id, struct dca_err *e) DCA_CHECKED;
/* id 0: the active one. REG_UNKNOWN. */
enum dca_rc dca_store_cross(struct dca_store *s, uint64_t id,
    struct dca_cross *out, struct dca_err *e) DCA_CHECKED;
/* The one that was installed before id. REG_UNKNOWN. */
enum dca_rc dca_store_cross_before(struct dca_store *s, uint64_t id,
    struct dca_cross *out, struct dca_err *e) DCA_CHECKED;

/* --- orders for cross-certificates (dca(7) ORDERS); one is open at a time --- */
enum dca_ordered {
	DCA_ORDERED_OPEN, DCA_ORDERED_PROPOSED, DCA_ORDERED_DONE,
	DCA_ORDERED_DROPPED,
};
enum { DCA_KEY_ID_MAX = 32 };
struct dca_order {
	uint64_t id;			/* ledger seq of its row */
	char actor[DCA_ACTOR_MAX];	/* who ordered it */
	struct dca_out scope;		/* owned: text of the list */
	uint8_t key[DCA_KEY_ID_MAX];	/* CKA_ID; key_len 0: as configured */
	size_t key_len;
	struct dca_out csr;		/* owned; empty until it is made */
	enum dca_ordered state;
	uint64_t proposal, cross;	/* 0: not yet */
};
void dca_order_clear(struct dca_order *o);
/* REG_STATE while another one is open. */
enum dca_rc dca_store_order_add(struct dca_store *s, uint64_t id,
    const char *actor, const char *scope, struct dca_buf key,
    struct dca_err *e) DCA_CHECKED;
/* id 0: the open one. REG_UNKNOWN. */
enum dca_rc dca_store_order(struct dca_store *s, uint64_t id,
    struct dca_order *out, struct dca_err *e) DCA_CHECKED;
/* The newest one. REG_UNKNOWN. */
enum dca_rc dca_store_order_last(struct dca_store *s, struct dca_order *out,
    struct dca_err *e) DCA_CHECKED;
/* Once. REG_STATE. */
enum dca_rc dca_store_order_csr(struct dca_store *s, uint64_t id,
    struct dca_buf csr, struct dca_err *e) DCA_CHECKED;
/* number: of the proposal, or the id of the cross-certificate. REG_STATE. */
enum dca_rc dca_store_order_state(struct dca_store *s, uint64_t id,
    enum dca_ordered state, uint64_t number, struct dca_err *e) DCA_CHECKED;

/* --- imports in parts (dca(7) FORMATS; rows are CBOR as in the act) --- */
enum dca_rc dca_store_part_add(struct dca_store *s, const char *import,
    unsigned part, unsigned of, struct dca_buf rows, struct dca_err *e)
    DCA_CHECKED;
unsigned dca_store_parts(struct dca_store *s, const char *import);
typedef enum dca_rc (*dca_part_fn)(unsigned part, struct dca_buf rows,
    void *arg, struct dca_err *e);
enum dca_rc dca_store_part_each(struct dca_store *s, const char *import,
    dca_part_fn fn, void *arg, struct dca_err *e) DCA_CHECKED;
void dca_store_part_drop(struct dca_store *s, const char *import);

/* --- reading for people --- */
struct dca_list_query {
	const char *view;	/* operators proposals customers keys codes inventory
				 * delegations certificates crosses ledger */
	const char *customer;	/* NULL: all */
	const char *id;		/* NULL: all; else one (serial in hex, id) */
	uint64_t from;		/* rowid to start after; 0: start */
	size_t limit;		/* at most 500 */
};
/*
 * { "next": uint, "rows": [ {...}, ... ] }; next is 0 when there is no more.
 * One table of views in the store says which columns are shown and how;
 * numbers as text ("12025550100+100"), times RFC 3339, never a secret.
 */
enum dca_rc dca_store_list(struct dca_store *s, const struct dca_list_query *q,
    struct dca_out *cbor, struct dca_err *e) DCA_CHECKED;

#endif
