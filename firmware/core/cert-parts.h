/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read a certificate share. */
#ifndef DCA_CORE_CERT_PARTS_H
#define DCA_CORE_CERT_PARTS_H

#include "dca/cert.h"

/* Exactly one certificate in DER, nothing after it? (cert-der.c) */
bool dca_cert_is_der(struct dca_buf der);

/* The next element must be DER, with all that is inside it (cert-der.c). */
bool dca_der_take_any(struct dca_buf *in);
/* The next element must be a Name in DER (cert-der.c). */
bool dca_name_take_der(struct dca_buf *in);

/* Are these NameConstraints, in the form of RFC 5280? (subtrees.c) */
bool dca_names_form(struct dca_buf constraints);

/* ECDSA over a digest of any length; point: 04 || X || Y. Signatures are
 * strict DER. (spki.c) */
bool dca_p256_verify(const struct dca_spki *k, struct dca_buf digest,
    struct dca_buf sig);
bool dca_p384_verify(struct dca_buf point, struct dca_buf digest,
    struct dca_buf sig);

/* ECDSA with alg of tbs by the key of issuer? (cert-verify.c) */
bool dca_signed_by(enum dca_sigalg alg, struct dca_buf tbs,
    struct dca_buf signature, const struct dca_cert *issuer);

/* For certificates and CRLs (cert.c): a time of RFC 5280 4.1.2.5, a serial
 * number, the algorithm of an AlgorithmIdentifier. */
bool dca_time_take(struct dca_buf *in, int64_t *out);
bool dca_serial_take(struct dca_buf *in, uint8_t serial[DCA_SERIAL_LEN]);
enum dca_sigalg dca_sigalg_of(struct dca_buf algorithm);

/* list: what is inside Extensions. CERT_EXTENSION, TN_*. */
enum dca_rc dca_cert_extensions(struct dca_cert *c, struct dca_buf list,
    struct dca_err *e) DCA_CHECKED;

#endif
