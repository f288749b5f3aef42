/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the vault, owned by its one event loop thread, and what its
 * files ask of each other. Workers see jobs only (job.h).
 */
#ifndef DCA_VAULT_H
#define DCA_VAULT_H

#include "dca/os.h"
#include "dca/store.h"

#include "cross.h"
#include "decide.h"
#include "token.h"

enum { VAULT_WORKERS_MAX = 16, VAULT_CONNS_MAX = 64 };

struct vault_config {
	char module[256], uri[512], pin_file[256];
	int64_t patience, keep_alive;
	unsigned jail;			/* enum vault_token_place */
	char paths[1024], read[1024];	/* colons between */
	int64_t validity, min_validity;
	unsigned release;		/* enum vault_release */
	uint64_t workers, queue, new_keys;
	char base_url[400];
	char store[256];		/* "": below the prefix */
	char hold[256];			/* while it exists, so does the format */
	char front_socket[108], publisher_socket[108], admin_socket[108];
	char upstream_socket[108], board_socket[108];
	unsigned cross_key;		/* enum vault_cross_key */
	unsigned cross_activate;	/* enum vault_cross_activate */
	bool cross_renew;
	char cross_c[3], cross_o[65], cross_cn[65];
	char cross_limit[128];		/* OID of the constraints extension */
	unsigned clock_trust;		/* enum vault_clock_trust */
};
enum vault_clock_trust { VAULT_CLOCK_ANY, VAULT_CLOCK_KERNEL };
enum vault_cross_key { VAULT_KEY_NEW, VAULT_KEY_KEEP };
enum vault_cross_activate { VAULT_BY_OPERATOR, VAULT_BY_POLICY };
enum vault_token_place { VAULT_TOKEN_LOCAL, VAULT_TOKEN_NETWORK };
enum vault_release { VAULT_COMMITTED, VAULT_PUBLISHED };

/* Reads path; paths that stand at their default are moved by prefix. */
enum dca_rc vault_config_load(struct vault_config *c, const char *path,
    const char *prefix, struct dca_err *e) DCA_CHECKED;
void vault_config_print(void);

/*
 * One connection. Outlives it while somebody still owes it an answer: conn is
 * NULL from the moment it closed.
 */
struct vault_peer {
	struct vault_peer *next;
	struct vault *v;
	struct dca_conn *conn;
	enum dca_role role;
	unsigned refs;
	bool paused;
	bool following;			/* publisher: wants certificates */
	uint64_t next_seq;		/* publisher: first not yet sent */
};

/* An answer that waits for the commit of what it tells. */
struct vault_answer {
	struct vault_answer *next;
	struct vault_peer *peer;
	uint64_t id;
	struct dca_out packet;
	uint8_t serial[DCA_SERIAL_LEN];
	bool wants_publication;		/* release = published */
	int64_t deadline;
};

struct vault_limit {
	char actor[DCA_ACTOR_MAX];
	int64_t since;			/* start of this minute */
	unsigned rows, more;
};
enum { VAULT_LIMITS = 256, VAULT_REFUSALS_PER_MINUTE = 10 };

struct vault {
	struct vault_config conf;
	struct dca_store *store;
	struct dca_loop *loop;
	struct dca_listener *listeners[5];
	struct vault_peer *peers;
	uint8_t appliance[16];
	struct vault_cross *cross;	/* active; NULL: none (or not loaded) */
	bool cross_loaded;
	struct vault_token token;
	struct vault_pool *pool;	/* workers */
	struct vault_job *jobs;		/* reservations: out, not recorded */
	unsigned n_asking;		/* askers of them, all together */
	uint64_t turn;			/* group that is open now */
	bool publish_due;		/* something for the publisher */
	struct vault_answer *answers, **answers_end;
	struct vault_answer *unpublished;	/* release = published */
	unsigned n_unpublished;
	struct vault_orders *orders;	/* order.c */
	struct vault_board *board;	/* board.c */
	struct vault_selftest *selftest;
	struct vault_claim *claim;	/* claim.c */
	bool orders_due;		/* upstream is to be told */
	int64_t hold_due;		/* vault_seconds: looked for next */
	int64_t said_life;		/* that customers will break */
	int64_t codes_due;		/* expired codes are wiped next */
	struct vault_limit limits[VAULT_LIMITS];
};

/* --- vault.c: life, groups, answers, refusals --- */
enum dca_rc vault_open(struct vault *v, struct dca_err *e) DCA_CHECKED;
void vault_close(struct vault *v);
/* Opens the group of this turn when it is not open. */
enum dca_rc vault_group(struct vault *v, struct dca_err *e) DCA_CHECKED;
void vault_after(void *arg, uint32_t events);	/* once per turn: commit */
void vault_tick(void *arg, uint32_t events);	/* now and then */
/* NULL when there is none; borrowed until the next turn (vault_cross_ref). */
struct vault_cross *vault_cross_active(struct vault *v);
/* Contents octets of [cross] constraints_oid, or nothing. */
void vault_limit_oid(const struct vault *v, struct dca_out *oid);
void vault_cross_forget(struct vault *v);	/* it or the inventory changed */
const char *vault_state(struct vault *v);

/* Answers: sent now, or after the commit of the group that is open. */
void vault_answer(struct vault *v, struct vault_peer *p, uint64_t id,
    struct dca_out *packet);
void vault_data(struct vault *v, struct vault_peer *p, uint64_t id,
    unsigned code, unsigned format, struct dca_buf payload);
void vault_problem(struct vault *v, struct vault_peer *p, uint64_t id,
    const struct dca_err *e);
/* Holds the answer back until serial is published, when that is the rule. */
void vault_answer_issued(struct vault *v, struct vault_peer *p, uint64_t id,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_out *packet);
void vault_published(struct vault *v,
    const uint8_t serial[static DCA_SERIAL_LEN]);
void vault_url(const struct vault *v, struct dca_out *o,
    const uint8_t serial[static DCA_SERIAL_LEN]);

/* quarantine.c: did the token give a wrong signature, and nobody resumed it
 * since? The alarms that tell. */
#define VAULT_ALARM_SIGNATURE "token-signature"
#define VAULT_ALARM_RESUMED "token-resumed"
#define VAULT_ALARM_REVOKED "cross-revoked"
#define VAULT_ALARM_EXPIRED "cross-expired"
bool vault_quarantined(struct vault *v);

/*
 * refuse.c: a "refuse" row for a known actor, at most ten a minute, then one
 * row that counts the rest. cose may be empty.
 */
void vault_refuse(struct vault *v, const char *actor, const char *act,
    struct dca_buf cose, const struct dca_err *e);
void vault_refuse_flush(struct vault *v, int64_t now);
void vault_refuse_end(struct vault *v);	/* all that is counted, committed */

/* jail.c: before the first thread, after sockets and store are open. */
void vault_jail(const struct vault_config *c);

/*
 * alarm.c: a journal line and a row of kind "alarm", body {text, alarm,
 * customer?}. customer may be "". known: is there one since then?
 */
enum { VAULT_ALARMS_SHOWN = 10 };
void vault_alarm(struct vault *v, const char *alarm, const char *customer,
    const char *text);
bool vault_alarm_known(struct vault *v, const char *alarm,
    const char *customer, int64_t since);
/* The last ten, newest first: [{seq, body, time}, ...]. */
void vault_alarms(struct vault *v, struct dca_out *o);

/* hold.c: opens the store; the newer format, once it may be, between groups */
enum dca_rc vault_store_open(struct vault *v, struct dca_err *e) DCA_CHECKED;
void vault_store_follow(struct vault *v);

/* budget.c: seconds until the next day (UTC) begins. */
unsigned vault_budget_max_age(int64_t now);

/* --- server.c --- */
enum dca_rc vault_listen(struct vault *v, struct dca_err *e) DCA_CHECKED;
struct vault_peer *vault_peer_ref(struct vault_peer *p);
void vault_peer_unref(struct vault_peer *p);

/* --- what the dispatch tables name --- */
typedef void (*vault_handler)(struct vault *v, struct vault_peer *p,
    const struct dca_message *m);
void vault_on_issue(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_check(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_crts(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_att(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_read(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_local_read(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_act(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_local_act(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_install(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_follow(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_published(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_on_unpublished(struct vault *, struct vault_peer *,
    const struct dca_message *);
void vault_publish_pump(struct vault *v);
/* Root or the vault's own user? AUTH_LOCAL. */
enum dca_rc vault_check_local(const struct vault_peer *p, struct dca_err *e)
    DCA_CHECKED;

/* --- present.c: maps and lists that answers are made of --- */
/* { serial, x5u, not_before, not_after, tn, cert } and, when given, customer:
 * of a certificate we issued. */
void vault_certificate_map(struct vault *v, struct dca_out *o,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_buf der,
    const char *customer);
/* At most VAULT_ENTRIES_MAX texts. */
enum { VAULT_ENTRIES_MAX = 4000 };
void vault_entries(struct dca_out *o, const struct dca_tnset *s);
/* scope.c: { cross, sources, issuable, delegations } of a customer, ""
 * without one. */
enum dca_rc vault_scope(struct vault *v, const char *id, struct dca_out *o,
    struct dca_err *e) DCA_CHECKED;
void vault_time(struct dca_out *o, int64_t t);

/* status.c; op: who reads, NULL: root on the appliance. */
void vault_status(struct vault *v, const struct dca_operator *op,
    struct dca_out *o);

/* --- who.c --- */
/* The active operator whose certificate the session showed. AUTH_OPERATOR. */
enum dca_rc vault_who_operator(struct vault *v, struct dca_buf peer,
    struct dca_operator *op, struct dca_err *e) DCA_CHECKED;
/* The customer the key of that certificate belongs to. AUTH_PROOF. */
enum dca_rc vault_who_peer(struct vault *v, struct dca_buf peer,
    char customer[static DCA_ID_MAX + 1], struct dca_err *e) DCA_CHECKED;

#endif
