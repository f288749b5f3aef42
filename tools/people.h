/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tools for people share: P-256 keys and self-signed certificates,
 * the one-line enrolment packet (dca(7) TRUST), and how a refusal is shown.
 */
#ifndef DCA_TOOLS_PEOPLE_H
#define DCA_TOOLS_PEOPLE_H

#include <openssl/x509.h>

#include "dca/act.h"
#include "dca/cert.h"
#include "dca/os.h"

DCA_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);
DCA_DEFINE_CLEANUP(X509, X509_free);

/* --- identity.c --- */
EVP_PKEY *dca_key_make(void);	/* P-256; aborts when it cannot */
/* PKCS#8 PEM, mode 0600. */
enum dca_rc dca_key_write(const char *path, EVP_PKEY *key, struct dca_err *e)
    DCA_CHECKED;
/* Private key from PEM; CSR_KEY unless it is P-256. */
enum dca_rc dca_key_read(EVP_PKEY **key, const char *path, struct dca_err *e)
    DCA_CHECKED;
/* Reads path, or makes a key there when there is no such file. */
enum dca_rc dca_key_keep(EVP_PKEY **key, const char *path, bool *made,
    struct dca_err *e) DCA_CHECKED;
/* Public key of a PEM certificate, public or private key. */
enum dca_rc dca_public_read(struct dca_spki *out, const char *path,
    struct dca_err *e) DCA_CHECKED;
/* CN=name, ten years from yesterday; host: as subjectAltName, or NULL. */
X509 *dca_self_signed(EVP_PKEY *key, const char *name, const char *host);
enum dca_rc dca_cert_write(const char *path, X509 *cert, struct dca_err *e)
    DCA_CHECKED;
enum dca_rc dca_cert_read(X509 **cert, const char *path, struct dca_err *e)
    DCA_CHECKED;
/* DER ECDSA signature over SHA-256. */
void dca_key_sign(struct dca_out *sig, EVP_PKEY *key, struct dca_buf data);

/* --- packet.c --- */
enum { DCA_URL_MAX = 300 };
struct dca_packet {
	char url[DCA_URL_MAX];
	char id[DCA_ID_MAX + 1];
	uint8_t code[16];	/* secret */
	uint8_t server[32];
};
/* "coaps://host:port id=... code=... server=sha256:..."; INPUT says which
 * part is wrong, never what the code was. */
enum dca_rc dca_packet_parse(struct dca_packet *p, const char *line,
    struct dca_err *e) DCA_CHECKED;
void dca_packet_print(struct dca_out *o, const struct dca_packet *p);
/* What of the packet is needed after it was used: url and server. INPUT. */
enum dca_rc dca_server_parse(struct dca_packet *p, const char *line,
    struct dca_err *e) DCA_CHECKED;
void dca_server_print(struct dca_out *o, const struct dca_packet *p);
/* "sha256:" and 64 hex digits. */
enum dca_rc dca_pin_parse(uint8_t pin[static 32], const char *text,
    struct dca_err *e) DCA_CHECKED;
/* 7d 12h 10m 5s or plain seconds, 1 s to 10 years. */
enum dca_rc dca_span_parse(int64_t *seconds, const char *text,
    struct dca_err *e) DCA_CHECKED;

/* --- show.c --- */
/* What, which rule, what to do: on stderr, and as JSON on stdout when json.
 * Returns the exit code. */
int dca_show_error(const char *program, const struct dca_err *e, bool json);
/* Control characters and broken UTF-8 as '?': text of others on a terminal. */
void dca_show_text(struct dca_out *o, struct dca_buf text);
/* One CBOR item as JSON on stdout. */
int dca_show_json(struct dca_buf cbor);

#endif
