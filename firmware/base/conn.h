/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside firmware/base: what listening and asking share with a connection.
 */
#ifndef DCA_BASE_CONN_H
#define DCA_BASE_CONN_H

#include <sys/un.h>

#include "dca/os.h"

/* Frees p when the turn ends: whoever is on the stack may still look at it. */
void dca_loop_bury(struct dca_loop *l, void *p);

/* IO when path does not fit. */
enum dca_rc dca_unix_address(struct sockaddr_un *a, const char *path,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc dca_unix_buffer(int fd, struct dca_err *e) DCA_CHECKED;

typedef void (*dca_conn_gone_fn)(struct dca_conn *c, void *arg);
/* Takes fd. gone is called after closed(). NULL when opened() closed it. */
struct dca_conn *dca_conn_new(struct dca_loop *l, int fd, enum dca_role role,
    const struct dca_conn_handlers *h, dca_conn_gone_fn gone, void *gone_arg);

#endif
