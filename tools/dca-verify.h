/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of dca-verify share. */
#ifndef DCA_VERIFY_H
#define DCA_VERIFY_H

#include "dca/chain.h"

enum { VERIFY_CHAIN_MAX = 16, VERIFY_ROOTS_MAX = 256,
	VERIFY_FILE_MAX = 4 * 1024 * 1024 };

/*
 * Fetches a chain as a verifier must (ATIS-1000074, -1000080): https on 443 or 8443,
 * no user, query or fragment, no redirect, limited in size and time, the
 * right content type. tls_ca: file of CAs for TLS, or NULL: the system's.
 * FETCH, INPUT for a URL that may not be used.
 */
enum dca_rc verify_fetch(struct dca_out *body, const char *url,
    const char *tls_ca, struct dca_err *e) DCA_CHECKED;
/* The form of the URL alone. */
enum dca_rc verify_url(const char *url, struct dca_err *e) DCA_CHECKED;

/*
 * A TN list as people have it: "12025550100+10,spc:709J"; TNAuthList DER in
 * hex or base64url; @FILE with one of these, DER, or a certificate (its
 * list).
 */
enum dca_rc verify_list(struct dca_tnset *out, const char *arg,
    struct dca_err *e) DCA_CHECKED;

/* The numbers of each provider, from a CSV file start,count,spc. INPUT. */
struct verify_inventory;
enum dca_rc verify_inventory_read(struct verify_inventory **out,
    const char *file, struct dca_err *e) DCA_CHECKED;
void verify_inventory_free(struct verify_inventory *i);	/* NULL ok */
const struct dca_tnset *verify_inventory_numbers(
    const struct verify_inventory *i, const char *spc);	/* NULL: none */

/* One certificate chain, judged, on stdout. */
struct verify_report {
	const struct dca_certs *chain;
	const struct dca_chain_result *res;
	const struct dca_err *err;	/* rule NONE: accepted */
	int64_t when;
};
void verify_report_text(const struct verify_report *r);
void verify_report_json(const struct verify_report *r);

#endif
