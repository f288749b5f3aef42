/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of dca-enroll share: one enrolment or renewal, and the
 * directory it lives in:
 *   current -> sets/..., the pair in use; next -> sets/..., the one to come
 *   {key.pem,cert.pem,chain.pem,x5u} -> current/..., the names for others
 *   server, who issues and its key
 */
#ifndef DCA_TOOLS_ENROLL_H
#define DCA_TOOLS_ENROLL_H

#include "people.h"

struct dca_client;

struct enroll {
	/* options */
	const char *packet_file, *dir, *tn, *accept, *tls_ca, *hook, *wait;
	bool json, new_key, once;
	int format;			/* to accept: 281 or 287 */
	int64_t wait_seconds;		/* for the x5u to answer */
	struct dca_packet packet;	/* renewal: url and server alone */
	struct dca_tnset *numbers;	/* asked; NULL: all there are */
	EVP_PKEY *key;			/* of the certificate to come */
	struct dca_spki spki;
	X509 *client;			/* for the handshake: self-signed, or
					 * the certificate to renew */
	EVP_PKEY *client_key;
	bool renewal;			/* then old is set */
	struct dca_cert old;
	struct dca_out csr;		/* DER */
	/* what came back */
	struct dca_cert leaf;
	char x5u[512];
};
void enroll_clear(struct enroll *n);	/* all but the options */

/* --- dca-enroll-files.c: what is in next/ --- */
/* key.pem (kept when there), csr.der (kept while it asks the same). */
enum dca_rc enroll_prepare(struct enroll *n, struct dca_err *e) DCA_CHECKED;
/* cert.pem, after the check that it is for our key and numbers: INPUT. */
enum dca_rc enroll_keep_cert(struct enroll *n, struct dca_buf body, bool pkcs7,
    struct dca_err *e) DCA_CHECKED;
/* chain.pem: of the /crts answer those that lead up from the leaf. INPUT: none
 * signed it. */
enum dca_rc enroll_keep_chain(struct enroll *n, struct dca_buf body,
    struct dca_err *e) DCA_CHECKED;
/* x5u from the answer of /dca/certs; with it next/ is complete. */
enum dca_rc enroll_keep_x5u(struct enroll *n, struct dca_buf body,
    struct dca_err *e) DCA_CHECKED;
/* Is next/ complete, of use, and what n asks? Then leaf and x5u are set. */
bool enroll_staged(struct enroll *n);

/* --- dca-enroll-set.c: which set is in use --- */
void enroll_path(const struct enroll *n, char out[static 4096],
    const char *name);
/* Makes the directory when make; one dca-enroll at a time: IO. */
enum dca_rc enroll_lock(const struct enroll *n, bool make, int *fd,
    struct dca_err *e) DCA_CHECKED;
void enroll_unlock(int *fd);
/* next/ is there, as it was left or empty. */
enum dca_rc enroll_stage(const struct enroll *n, struct dca_err *e)
    DCA_CHECKED;
enum dca_rc enroll_unstage(const struct enroll *n, struct dca_err *e)
    DCA_CHECKED;
/* next becomes current: one rename. The set before stays as previous. */
enum dca_rc enroll_swap(const struct enroll *n, struct dca_err *e)
    DCA_CHECKED;
/* The pair in use and the server: old, client, client_key, packet. */
enum dca_rc enroll_load(struct enroll *n, struct dca_err *e) DCA_CHECKED;
enum dca_rc enroll_keep_server(const struct enroll *n, struct dca_err *e)
    DCA_CHECKED;

/* --- dca-enroll-ask.c: with the front --- */
/* The request to path, then chain and x5u over the same session; into next/. */
enum dca_rc enroll_ask(struct enroll *n, const char *path, struct dca_err *e)
    DCA_CHECKED;

/* --- dca-enroll-renew.c --- */
/* A new pair in next/, unless one waits there; the swap when its x5u answers.
 * Until then the old one stays: FETCH. */
enum dca_rc enroll_renew(struct enroll *n, struct dca_err *e) DCA_CHECKED;
/* The hook when there is one and it has not yet succeeded for this pair. */
enum dca_rc enroll_hook(const struct enroll *n, struct dca_err *e)
    DCA_CHECKED;

/* --- dca-enroll-time.c --- */
/* When to renew: after 2/3 of the life, spread by the serial. */
int64_t enroll_due(const struct dca_cert *c);
/* Seconds until the next try after so many failures in a row. */
int64_t enroll_backoff(unsigned failures, int64_t left);

/* --- dca-enroll-watch.c --- */
int enroll_watch(const struct enroll *options);	/* exit code */

#endif
