/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of dca-enroll share: one enrolment and its directory. */
#ifndef DCA_TOOLS_ENROLL_H
#define DCA_TOOLS_ENROLL_H

#include "people.h"

struct enroll {
	const char *packet_file, *dir, *tn, *accept; /* options */
	bool json;
	struct dca_packet packet;
	struct dca_tnset *numbers;	/* asked; NULL: all there are */
	EVP_PKEY *key;
	X509 *client;			/* self-signed, for the handshake */
	struct dca_spki spki;
	struct dca_out csr;		/* DER */
	/* what came back */
	struct dca_cert leaf;
	char x5u[512];
};

/* key.pem (kept when there), client.pem, csr.der (kept while it asks the
 * same). */
enum dca_rc enroll_prepare(struct enroll *n, struct dca_err *e) DCA_CHECKED;
/* cert.pem; AUTH_PROOF-free check that it is for our key: INPUT. */
enum dca_rc enroll_keep_cert(struct enroll *n, struct dca_buf body, bool pkcs7,
    struct dca_err *e) DCA_CHECKED;
/* chain.pem from the /crts answer. */
enum dca_rc enroll_keep_chain(struct enroll *n, struct dca_buf body,
    struct dca_err *e) DCA_CHECKED;
/* x5u from the answer of /dca/certs; csr.der has done its work. */
enum dca_rc enroll_keep_x5u(struct enroll *n, struct dca_buf body,
    struct dca_err *e) DCA_CHECKED;
void enroll_clear(struct enroll *n);

#endif
