/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and making of requests share; of this room only. */
#ifndef DCA_CORE_CSR_PARTS_H
#define DCA_CORE_CSR_PARTS_H

#include "dca/base.h"
#include "tlv.h"

#define OID_CHALLENGE_PASSWORD "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07"

/* AlgorithmIdentifier of ecdsa-with-SHA256: parameters absent (RFC 5758
 * 3.2). */
#define ALG_ECDSA_SHA256 "\x30\x0a\x06\x08" OID_ECDSA_SHA256

/* Well-formed UTF-8 (RFC 3629) without control characters. */
bool dca_utf8_text(struct dca_buf s);

/* CSR_SUBJECT unless name is a Name without control characters. */
enum dca_rc dca_subject_check(struct dca_buf name, struct dca_err *e)
    DCA_CHECKED;

/* X.690 11.6: the members of a SET OF ascend as octet strings. */
static inline bool
dca_der_ascending(struct dca_buf a, struct dca_buf b)
{
	int cmp = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return cmp < 0 || (cmp == 0 && a.n <= b.n);
}

#endif
