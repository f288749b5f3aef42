/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of dca-verify share. */
#ifndef DCA_VERIFY_H
#define DCA_VERIFY_H

#include "dca/chain.h"
#include "dca/tnauthlist.h"
#include "dca/verify.h"
#include "fetch.h"

#define VERIFY_ROOTS "/etc/dca/roots.pem"
enum { VERIFY_CHAIN_MAX = 16, VERIFY_FILE_MAX = 4 * 1024 * 1024 };

/*
 * A TN list as people have it: "12025550100+10,spc:709J"; TNAuthList DER in
 * hex or base64url, with hex: or base64url: before it where that could be
 * something else; @FILE or - with one of these, DER, or a certificate (its
 * list).
 */
enum dca_rc verify_list(struct dca_tnset *out, const char *arg,
    enum dca_tnauthlist_mode mode, struct dca_err *e) DCA_CHECKED;
/* A list in all its forms, entry by entry, and whether it would be issued as
 * it stands. Returns what to exit with, e says why. */
enum dca_rc verify_explain(const char *arg, enum dca_tnauthlist_mode mode,
    struct dca_err *e) DCA_CHECKED;

/* The numbers of each provider, from a CSV file start,count,spc. INPUT. */
struct verify_inventory;
enum dca_rc verify_inventory_read(struct verify_inventory **out,
    const char *file, struct dca_err *e) DCA_CHECKED;
void verify_inventory_free(struct verify_inventory *i);	/* NULL ok */
/* All of it to a verifier. */
void verify_inventory_give(const struct verify_inventory *i,
    struct dca_verifier *v);

/* What is asked of one chain; NULL: not given. */
struct verify_ask {
	const char *file, *url, *tls_ca;	/* file or url */
	const char *roots, *inventory, *number;
	const char *crl, *crl_signer;		/* both or none */
	enum dca_verify_spc spc;
};
/* roots, CRL, inventory and policy of ask. */
enum dca_rc verify_set_up(struct dca_verifier *v, const struct verify_ask *ask,
    struct dca_err *e) DCA_CHECKED;
/* What the library says, as an error of ours. */
enum dca_rc verify_taken(const struct dca_verify_why *why, struct dca_err *e)
    DCA_CHECKED;
/* --spc-parent; NULL: flag. False: no such policy. */
bool verify_spc_parse(enum dca_verify_spc *policy, const char *word);
/* Judges and reports; *code is what to exit with. Fails when there is no
 * verdict, for a file to judge by could not be used. */
enum dca_rc verify_chain(const struct verify_ask *ask, int64_t when,
    bool json, int *code, struct dca_err *e) DCA_CHECKED;

/* One certificate chain, judged, on stdout. */
struct verify_report {
	const struct dca_certs *chain;
	const struct dca_chain_result *res;
	const struct dca_err *err;	/* rule NONE: accepted */
	const struct verify_ask *ask;
	int64_t when;
};
void verify_report_text(const struct verify_report *r);
void verify_report_json(const struct verify_report *r);

#endif
