/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of dcactl share: who the operator is, how it asks the
 * appliance, how an answer is shown. Commands are rows of one table per noun.
 */
#ifndef DCA_TOOLS_DCACTL_H
#define DCA_TOOLS_DCACTL_H

#include "client.h"
#include "people.h"


struct ctl_profile {			/* profile.ini */
	char url[DCA_URL_MAX];
	char server[80];		/* sha256:... */
	char op[DCA_ID_MAX + 1];
	char appliance[33];		/* hex; "": not known yet */
};

struct ctl {
	const char *prefix;		/* NULL: none */
	const char *profile;		/* NULL: the default directory */
	bool json;
	bool local;
	bool progress;
	char dir[4096];			/* of the profile, when loaded */
	bool loaded;
	struct ctl_profile p;
	EVP_PKEY *key;
	X509 *cert;
	struct dca_client *client;
	/* the next act */
	bool numbered;
	uint64_t seq;
	uint8_t appliance[DCA_APPLIANCE_LEN];
};

/* Number of options in a table. */
#define N_OF(a) (sizeof(a) / sizeof(*(a)))
#define ctl_fail(c, e) dca_show_error("dcactl", (e), (c)->json)

/* --- dcactl-profile.c --- */
void ctl_profile_dir(const struct ctl *c, char out[static 4096]);
enum dca_rc ctl_profile_load(struct ctl *c, struct dca_err *e) DCA_CHECKED;
enum dca_rc ctl_profile_save(const char *dir, const struct ctl_profile *p,
    struct dca_err *e) DCA_CHECKED;

/* --- dcactl-ask.c --- */
struct ctl_answer {
	int code;
	struct dca_out body;	/* CBOR, owned */
};
void ctl_answer_clear(struct ctl_answer *a);
#define CTL_ANSWER DCA_CLEANUP(ctl_answer_clear) struct ctl_answer
/* A refusal is in e, not in the answer. */
enum dca_rc ctl_read(struct ctl *c, const char *path, const char *query,
    struct ctl_answer *a, struct dca_err *e) DCA_CHECKED;
/* All rows of a view as one CBOR array. customer, id: NULL for all. */
enum dca_rc ctl_list(struct ctl *c, const char *view, const char *customer,
    const char *id, struct dca_out *rows, struct dca_err *e) DCA_CHECKED;
/* args: one CBOR map. An import that was refused is DCA_OK with code 400. */
enum dca_rc ctl_act(struct ctl *c, const char *name, struct dca_buf args,
    struct ctl_answer *a, struct dca_err *e) DCA_CHECKED;
/* POST /dca/check. */
enum dca_rc ctl_check(struct ctl *c, const char *customer, struct dca_buf csr,
    struct ctl_answer *a, struct dca_err *e) DCA_CHECKED;
/* The appliance that an answer names: that of the profile, or learned now. */
enum dca_rc ctl_appliance(struct ctl *c, struct dca_buf map, struct dca_err *e)
    DCA_CHECKED;
/* For an act whose answer is nothing: says done, returns the exit code. */
int ctl_do(struct ctl *c, const char *name, struct dca_buf args,
    const char *done);
/* Says what is missing or wrong on the command line; returns 2. */
int ctl_usage(const char *what);

/* --- dcactl-print.c --- */
/* A list as a table, columns named first in this order ("id,name"). */
int ctl_print_rows(const struct ctl *c, struct dca_buf rows,
    const char *columns);
/* Reads a view, of --customer when that is given, and prints its rows. */
int ctl_print_view(struct ctl *c, const char *view, const char *columns);
/* One map, a line per key. */
int ctl_print_map(const struct ctl *c, struct dca_buf map);
/* A map of texts: name, value, ..., NULL; shorter names first. */
void ctl_text_map(struct dca_out *o, const char *const *pairs);

/* --- dcactl-upload.c --- */
struct ctl_rows {
	struct dca_out cbor;	/* the rows one after the other */
	size_t *ends;		/* where each ends in cbor */
	unsigned *lines;	/* its line in the file */
	size_t n, cap;
};
void ctl_rows_add(struct ctl_rows *r, struct dca_buf row, unsigned line);
void ctl_rows_clear(struct ctl_rows *r);
/* Errors of a file, one per line. */
struct ctl_faults {
	struct dca_out cbor;	/* {"line", "rule", "text"} one after the other */
	size_t n;
};
void ctl_fault(struct ctl_faults *f, unsigned line, const char *rule,
    const char *text);
/* Lists them; exit code 1. */
int ctl_show_faults(const struct ctl *c, const char *file,
    const struct ctl_faults *f);
int ctl_upload(struct ctl *c, const char *act, const char *file,
    const struct ctl_rows *rows);

/* --- the commands --- */
int ctl_init_server(int argc, char **argv, void *arg);
int ctl_init_operator(int argc, char **argv, void *arg);
int ctl_status(int argc, char **argv, void *arg);
int ctl_operator_add(int argc, char **argv, void *arg);
int ctl_operator_claim(int argc, char **argv, void *arg);
int ctl_operator_list(int argc, char **argv, void *arg);
int ctl_operator_remove(int argc, char **argv, void *arg);
int ctl_customer_add(int argc, char **argv, void *arg);
int ctl_customer_set(int argc, char **argv, void *arg);
int ctl_customer_list(int argc, char **argv, void *arg);
int ctl_customer_show(int argc, char **argv, void *arg);
int ctl_customer_suspend(int argc, char **argv, void *arg);
int ctl_customer_resume(int argc, char **argv, void *arg);
int ctl_customer_pin(int argc, char **argv, void *arg);
int ctl_customer_unpin(int argc, char **argv, void *arg);
int ctl_inventory_import(int argc, char **argv, void *arg);
int ctl_inventory_list(int argc, char **argv, void *arg);
int ctl_delegation_import(int argc, char **argv, void *arg);
int ctl_delegation_list(int argc, char **argv, void *arg);
int ctl_delegation_remove(int argc, char **argv, void *arg);
int ctl_delegation_end(int argc, char **argv, void *arg);
int ctl_revoke(int argc, char **argv, void *arg);
int ctl_code_create(int argc, char **argv, void *arg);
int ctl_code_list(int argc, char **argv, void *arg);
int ctl_code_revoke(int argc, char **argv, void *arg);
int ctl_issue(int argc, char **argv, void *arg);
int ctl_cert_list(int argc, char **argv, void *arg);
int ctl_cert_show(int argc, char **argv, void *arg);
int ctl_scope(int argc, char **argv, void *arg);
int ctl_ledger_list(int argc, char **argv, void *arg);
int ctl_proposal_list(int argc, char **argv, void *arg);
int ctl_proposal_drop(int argc, char **argv, void *arg);
int ctl_approve(int argc, char **argv, void *arg);
/* A decimal number of the register. */
bool ctl_take_id(const char *text, uint64_t *id);
int ctl_approve_proposal(struct ctl *c, uint64_t id);
int ctl_cross_order(int argc, char **argv, void *arg);
int ctl_cross_chain(int argc, char **argv, void *arg);
int ctl_cross_list(int argc, char **argv, void *arg);
int ctl_cross_activate(int argc, char **argv, void *arg);
int ctl_cross_drop(int argc, char **argv, void *arg);
int ctl_box_status(int argc, char **argv, void *arg);
int ctl_box_events(int argc, char **argv, void *arg);
int ctl_box_reset(int argc, char **argv, void *arg);
int ctl_update_install(int argc, char **argv, void *arg);
int ctl_update_status(int argc, char **argv, void *arg);
int ctl_update_commit(int argc, char **argv, void *arg);
int ctl_update_rollback(int argc, char **argv, void *arg);
int ctl_token_resume(int argc, char **argv, void *arg);
int ctl_explain(int argc, char **argv, void *arg);

/* The values of the options: one place, as the command line is read once. */
struct ctl_options {
	const char *out, *host, *url, *server, *role, *cert, *key, *name,
	    *country, *cn, *passports, *customer, *ttl, *server_url, *csr;
	const char *serial, *numbers, *reason, *not_after;
	const char *scope, *new_key;
	const char *code, *sha256;
	const char *must_include, *must_exclude, *permit, *rcd_name;
	bool yes, no_constraints, force;
	bool dry_run, revoke;
};
extern struct ctl_options ctl_opt;

#endif
