/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for tests, written octet by octet and signed by OpenSSL: right by
 * default, wrong in exactly the way a test asks for.
 */
#ifndef DCA_TEST_REQUESTS_H
#define DCA_TEST_REQUESTS_H

#include <openssl/evp.h>

#include "dca/base.h"

enum { REQ_MAX = 4 };

/* Hex throughout; NULL is the right thing (or, in a list, its end). */
struct req_ext {
	const char *oid;	/* whole TLV */
	const char *critical;	/* whole TLV; NULL: absent */
	const char *value;	/* contents of the OCTET STRING */
};
struct req_attr {
	const char *oid;	/* whole TLV */
	const char *values;	/* contents of the SET */
};
struct req {
	EVP_PKEY *key;		/* signs; its SPKI unless spki */
	const char *version, *subject, *spki, *alg; /* whole TLVs */
	const char *md;
	struct req_ext ext[REQ_MAX];	/* one extensionRequest, if any */
	struct req_attr attr[REQ_MAX];	/* more attributes */
	const char *attributes;	/* all of [0], whole TLV, instead */
	bool unsorted;
};

#define REQ_TN "06082b0601050507011a"
#define REQ_KU "0603551d0f"
#define REQ_BC "0603551d13"
#define REQ_EXTREQ "06092a864886f70d01090e"
#define REQ_PASSWORD "06092a864886f70d010907"

void req_make(struct dca_out *der, const struct req *r);
void req_tlv(struct dca_out *o, uint8_t tag, struct dca_buf v);

#endif
