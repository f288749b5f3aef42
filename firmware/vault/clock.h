/* SPDX-License-Identifier: Apache-2.0 */
/* May the clock be believed? */
#ifndef DCA_VAULT_CLOCK_H
#define DCA_VAULT_CLOCK_H

#include "vault.h"

/* CLOCK while the kernel says that the clock is not synchronised, or does not
 * say; with [clock] trust = any always OK. */
enum dca_rc vault_clock_check(const struct vault_config *c, struct dca_err *e)
    DCA_CHECKED;

#endif
