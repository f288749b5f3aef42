/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching an x5u, for dca-verify and dca-enroll. */
#ifndef DCA_TOOLS_FETCH_H
#define DCA_TOOLS_FETCH_H

#include "dca/base.h"

/*
 * Fetches a chain as a verifier must (ATIS-1000074, -1000080): https on 443 or
 * 8443, no user, query or fragment, no redirect, limited in size and time, the
 * right content type. tls_ca: file of CAs for TLS, or NULL: the system's.
 * FETCH, INPUT for a URL that may not be used.
 */
enum dca_rc dca_fetch(struct dca_out *body, const char *url,
    const char *tls_ca, struct dca_err *e) DCA_CHECKED;
/* The same, and for how many seconds the answer may be used again: what is
 * left of its max-age (RFC 9111 4.2), at least a day (ATIS-1000074). */
enum dca_rc dca_fetch_aged(struct dca_out *body, int64_t *seconds,
    const char *url, const char *tls_ca, struct dca_err *e) DCA_CHECKED;
/* Of the values of Cache-Control and Age; NULL: not there. */
int64_t dca_fetch_seconds(const char *cache_control, const char *age);
/* The form of the URL alone. */
enum dca_rc dca_fetch_check(const char *url, struct dca_err *e) DCA_CHECKED;

#endif
