/* SPDX-License-Identifier: Apache-2.0 */
/* What cert.c and cert-ext.c share. */
#ifndef DCA_CORE_CERT_PARTS_H
#define DCA_CORE_CERT_PARTS_H

#include "dca/cert.h"

/* list: what is inside Extensions. CERT_EXTENSION, TN_*. */
enum dca_rc dca_cert_extensions(struct dca_cert *c, struct dca_buf list,
    struct dca_err *e) DCA_CHECKED;

#endif
