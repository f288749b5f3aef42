/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates, ours and foreign, as plain checked fields (RFC 5280 4.1), and
 * the PEM, PKCS#7 and bundle forms they travel in.
 */
#ifndef DCA_CERT_H
#define DCA_CERT_H

#include "dca/csr.h"

enum dca_sigalg { DCA_SIG_OTHER, DCA_SIG_ECDSA_SHA256, DCA_SIG_ECDSA_SHA384 };

/* keyUsage bits as the octet on the wire, most significant bit first. */
enum {
	DCA_KU_DIGITAL_SIGNATURE = 0x80,
	DCA_KU_KEY_CERT_SIGN = 0x04,
	DCA_KU_CRL_SIGN = 0x02,
};

/* Borrowed members point into der, which the struct owns. */
struct dca_cert {
	struct dca_out der;
	struct dca_buf tbs, signature;
	enum dca_sigalg sigalg;
	uint8_t serial[DCA_SERIAL_LEN];	/* unsigned big endian, left-padded */
	struct dca_buf issuer, subject;	/* Name, DER */
	int64_t not_before, not_after;	/* seconds since the epoch */
	struct dca_buf spki;		/* any algorithm, DER */
	bool p256;			/* then key is set */
	struct dca_spki key;
	bool has_ski, has_aki;
	struct dca_buf ski, aki;	/* key identifiers */
	bool has_bc, bc_critical, ca;
	int path_len;			/* -1: no limit */
	bool has_ku, ku_critical;
	uint16_t ku;			/* first octet in the low 8 bits */
	struct dca_tnset *scope;	/* TNAuthList; NULL: none */
	bool scope_critical;
	bool scope_by_reference;	/* a list at a URL (RFC 8226 10.1) */
	struct dca_buf policies, crldp, constraints; /* extnValue contents or
						      * empty; constraints is
						      * .27 or .33 */
	bool constraints_enhanced;	/* .33 */
	struct dca_buf names;		/* nameConstraints, the same */
	bool has_san;			/* a subjectAltName; not read */
	struct dca_buf extensions;	/* all, as SEQUENCEs in a row */
	bool unknown_critical;
	char unknown_oid[64];
};
/* Strict DER, v1..v3, no duplicate extensions, at most DCA_CERT_MAX octets. */
enum dca_rc dca_cert_parse(struct dca_cert *out, struct dca_buf der,
    struct dca_err *e) DCA_CHECKED;
void dca_cert_clear(struct dca_cert *c);
/* Is child signed by the key of issuer? (ECDSA P-256/P-384, SHA-256/384) */
bool dca_cert_signed_by(const struct dca_cert *child,
    const struct dca_cert *issuer);
/* extnValue contents of the extension with this OID (its contents octets). */
bool dca_cert_extension(const struct dca_cert *c, struct dca_buf oid,
    struct dca_buf *value, bool *critical);
/* "2.5.29.30" -> contents octets; false: none, or too long. */
bool dca_oid_parse(struct dca_out *o, const char *text) DCA_CHECKED;

/*
 * Name constraints (RFC 5280 4.2.1.10; extnValue contents) on a subject (Name,
 * DER). NULL: inside; else what it is or has, as the end of a sentence. What
 * cannot be compared is outside.
 */
const char *dca_names_outside(struct dca_buf constraints,
    struct dca_buf subject);
/* "permitted C=US, O=Example", one call for each subtree. */
void dca_names_each(struct dca_buf constraints, void (*tell)(const char *text,
    void *arg), void *arg);

/* "C=US, O=Example, CN=SHAKEN x" for people; control characters escaped. */
void dca_name_print(struct dca_out *o, struct dca_buf name);

/*
 * PEM or DER or concatenated DER -> a list. At most max certificates, else
 * INPUT. Text between PEM blocks is skipped, other block types are refused.
 */
struct dca_certs {
	struct dca_cert *v;
	size_t n;
};
enum dca_rc dca_certs_parse(struct dca_certs *out, struct dca_buf in,
    size_t max, struct dca_err *e) DCA_CHECKED;
void dca_certs_clear(struct dca_certs *c);
void dca_pem_encode(struct dca_out *o, const char *label, struct dca_buf der);
/* First block with this label; INPUT when there is none. */
enum dca_rc dca_pem_decode(struct dca_out *der, const char *label,
    struct dca_buf pem, struct dca_err *e) DCA_CHECKED;
/* PKCS#7 certs-only (RFC 5652 degenerate SignedData), n certificates. */
void dca_p7_encode(struct dca_out *o, const struct dca_buf *certs, size_t n);
enum dca_rc dca_p7_parse(struct dca_certs *out, struct dca_buf der,
    struct dca_err *e) DCA_CHECKED;

#endif
