/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside dca-ceremony: what the command line says, and the record of one act.
 */
#ifndef DCA_CEREMONY_H
#define DCA_CEREMONY_H

#include "dca/cert.h"
#include "dca/hsm.h"
#include "dca/os.h"

struct options {
	/* common */
	const char *module, *token, *pin_file, *record;
	/* init-token */
	const char *label, *so_pin_file;
	/* keygen */
	bool extractable;
	/* csr */
	const char *scope, *scope_file, *country, *org, *cn, *out;
	/* install, status */
	const char *csr, *chain, *roots, *socket, *prefix;
	bool check;
};

/* --- record (dca-ceremony-record.c) --- */
/* One act: lines are added as the facts become known; the record is printed,
 * and appended to --record, whether the act was done or refused. */
struct record {
	struct dca_out text;
	const char *file;	/* NULL: stdout only */
};
void record_begin(struct record *r, const char *act, const struct options *o);
void record_line(struct record *r, const char *key, const char *fmt, ...)
    DCA_PRINTF(3, 4);
void record_token(struct record *r, const struct dca_hsm_info *info);
void record_key(struct record *r, const struct dca_token_uri *u,
    const struct dca_spki *key);
void record_facts(struct record *r, const struct dca_key_facts *f);
/* SHA-256 of a file's octets beside its name. */
void record_file(struct record *r, const char *what, const char *path,
    struct dca_buf octets);
/* The result line, then out with it. The exit code; a refusal is said on
 * stderr with its clause and advice. */
int record_end(struct record *r, enum dca_rc rc, const struct dca_err *e);

/* --- the token as the options name it --- */
/* INPUT when an option is missing. config borrows from o. */
enum dca_rc token_config(struct dca_hsm_config *c, const struct options *o,
    struct dca_err *e) DCA_CHECKED;
/* libp11 can wait for ever (hsm/admin.c): end the program instead. */
void watchdog(bool on);

/* --- acts with a file of their own --- */
int act_install(int argc, char **argv, void *arg);
int act_status(int argc, char **argv, void *arg);

#endif
