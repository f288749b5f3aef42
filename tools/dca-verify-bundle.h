/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates one after another out of a file of any length. */
#ifndef DCA_VERIFY_BUNDLE_H
#define DCA_VERIFY_BUNDLE_H

#include "dca/base.h"

struct bundle;
/* "-" is stdin. IO. */
enum dca_rc bundle_open(struct bundle **out, const char *path,
    struct dca_err *e) DCA_CHECKED;
void bundle_close(struct bundle *b);	/* NULL ok */
/*
 * The next one into der (emptied first); *more false: there was none. A
 * failure is of this one, and the next call goes on behind it, or ends where
 * that cannot be known. CERT_DER, INPUT, IO.
 */
enum dca_rc bundle_next(struct bundle *b, struct dca_out *der, bool *more,
    struct dca_err *e) DCA_CHECKED;
unsigned bundle_number(const struct bundle *b);	/* of the last one, from 1 */
/* PEM blocks of other kinds, passed over. */
unsigned bundle_others(const struct bundle *b);

#endif
