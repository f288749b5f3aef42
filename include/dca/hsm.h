/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token: a PKCS#11 module, loaded and initialised once per process (OS
 * locking), a session per worker, one CA key. The only room that names
 * Cryptoki. What it signs is what its callers built: there is no call that
 * takes a digest.
 */
#ifndef DCA_HSM_H
#define DCA_HSM_H

#include "dca/csr.h"

/* RFC 7512 pkcs11: URI, the attributes we honour. */
struct dca_token_uri {
	char token[33], manufacturer[33], model[17], serial[17];
	char object[64];
	uint8_t id[32];
	size_t id_len;
	char module_path[256];		/* module-path, or "" */
};
/* TOKEN_URI. pin-value is refused: a PIN has no place in a URI. */
enum dca_rc dca_token_uri_parse(struct dca_token_uri *u, const char *uri,
    struct dca_err *e) DCA_CHECKED;

struct dca_hsm_config {
	const char *module;		/* path of the .so; NULL: module-path */
	struct dca_token_uri uri;
	const char *pin_file;		/* read at each login, never kept */
};

struct dca_hsm;
/*
 * dlopen, C_Initialize, find the one token, log in. Never fork after it.
 * TOKEN_DOWN, TOKEN_PIN, TOKEN_URI (none or several tokens match).
 */
enum dca_rc dca_hsm_open(struct dca_hsm **out, const struct dca_hsm_config *c,
    struct dca_err *e) DCA_CHECKED;
void dca_hsm_close(struct dca_hsm *h);		/* NULL ok */

/* Public half of the private key with CKA_ID uri.id. TOKEN_KEY. */
enum dca_rc dca_hsm_key(struct dca_hsm *h, struct dca_spki *out,
    struct dca_err *e) DCA_CHECKED;

struct dca_hsm_info {
	char label[33], manufacturer[33], model[17], serial[17];
	bool pin_final_try, pin_locked;
};
enum dca_rc dca_hsm_info(struct dca_hsm *h, struct dca_hsm_info *out,
    struct dca_err *e) DCA_CHECKED;

/* An operator says that a refused PIN may be tried once more. */
void dca_hsm_pin_forget(void);

/* A session of its own for one thread. */
struct dca_signer;
enum dca_rc dca_signer_open(struct dca_signer **out, struct dca_hsm *h,
    struct dca_err *e) DCA_CHECKED;
void dca_signer_close(struct dca_signer *s);	/* NULL ok */
/*
 * SHA-256 over body, C_Sign, raw -> DER, verified with the public key, and
 * only then SEQUENCE { body, ecdsa-with-SHA256, signature } in out. body is a
 * TBSCertificate, TBSCertList or CertificationRequestInfo that this process
 * built (asserted to be one DER SEQUENCE). One repair per call: new session,
 * new login or new search for the key, as the ladder in hsm/rv.c says.
 * TOKEN_DOWN (open all anew), TOKEN_KEY, TOKEN_PIN, TOKEN_STOPPED (leave it
 * alone), TOKEN_SIGNATURE.
 */
enum dca_rc dca_signer_sign(struct dca_signer *s, struct dca_buf body,
    struct dca_out *out, struct dca_err *e) DCA_CHECKED;

/*
 * The same for the signing input of a PASSporT (RFC 7515 5.1; asserted to be
 * the ASCII of two segments, of which the first is JSON): r||s, verified. For
 * a customer's key; the vault does not call it.
 */
enum dca_rc dca_signer_passport(struct dca_signer *s, struct dca_buf input,
    uint8_t raw[static 64], struct dca_err *e) DCA_CHECKED;

/* Keeps an idle session alive and finds a dead token before a customer does;
 * repairs the session as signing would. The same rules. */
enum dca_rc dca_signer_alive(struct dca_signer *s, struct dca_err *e)
    DCA_CHECKED;

/* What was read back of a private key (dca(7) NEVER). */
struct dca_key_facts {
	bool sensitive, always_sensitive, never_extractable, local, extractable;
	bool value_readable;		/* C_GetAttributeValue gave CKA_VALUE */
	unsigned long mechanism;	/* CKA_KEY_GEN_MECHANISM */
};
/*
 * CKM_EC_KEY_PAIR_GEN P-256, CKA_ID uri.id, label uri.object. Refuses when
 * the id exists already (REG_EXISTS). Reads back; a key that is not what it
 * must be is destroyed: TOKEN_ATTRIBUTES. extractable asks for a wrong key
 * on purpose (the refusal can be shown on any token).
 */
enum dca_rc dca_hsm_keygen(struct dca_hsm *h, bool extractable,
    struct dca_spki *out, struct dca_key_facts *facts, struct dca_err *e)
    DCA_CHECKED;
/*
 * Destroys what a dca_hsm_keygen that was cut off left under uri.id: one half,
 * or halves that are not what they must be. Only for an id that nothing was
 * ever signed with. REG_EXISTS: a whole key is there, which stays.
 */
enum dca_rc dca_hsm_key_sweep(struct dca_hsm *h, struct dca_err *e)
    DCA_CHECKED;
enum dca_rc dca_hsm_key_facts(struct dca_hsm *h, struct dca_key_facts *facts,
    struct dca_err *e) DCA_CHECKED;	/* and TOKEN_ATTRIBUTES */

/* --- hsm-admin (libp11): ceremony only; the vault does not link it. --- */
struct dca_token_row {
	char label[33], manufacturer[33], model[17], serial[17];
	bool initialised;
};
enum dca_rc dca_hsm_admin_list(const char *module, struct dca_token_row **rows,
    size_t *n, struct dca_err *e) DCA_CHECKED;
/* First uninitialised slot; PINs come from files. */
enum dca_rc dca_hsm_admin_init(const char *module, const char *label,
    const char *so_pin_file, const char *pin_file, struct dca_err *e)
    DCA_CHECKED;
/* The cross-certificate as an object beside its key (same CKA_ID, label). */
enum dca_rc dca_hsm_admin_store(const struct dca_hsm_config *c,
    struct dca_buf cert, struct dca_err *e) DCA_CHECKED;

#endif
