/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read a certificate share. */
#ifndef DCA_CORE_CERT_PARTS_H
#define DCA_CORE_CERT_PARTS_H

#include "dca/cert.h"

/* Exactly one certificate in DER, nothing after it? (cert-der.c) */
bool dca_cert_is_der(struct dca_buf der);

/* list: what is inside Extensions. CERT_EXTENSION, TN_*. */
enum dca_rc dca_cert_extensions(struct dca_cert *c, struct dca_buf list,
    struct dca_err *e) DCA_CHECKED;

#endif
