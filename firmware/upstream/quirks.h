/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where services in use differ from RFC 8555, 9447 and 9448: named switches,
 * and dialects that set several. What no switch names is done as the RFCs
 * say.
 */
#ifndef DCA_UPSTREAM_QUIRKS_H
#define DCA_UPSTREAM_QUIRKS_H

#include "dca/base.h"

struct quirks {
	bool list_padded;	/* identifier and tkvalue in padded base64
				 * instead of base64url (RFC 9448 3) */
	bool fingerprint_spki;	/* of SubjectPublicKeyInfo instead of the JWK
				 * thumbprint (RFC 9448 5.4) */
	bool answer_atc;	/* challenge answered with "atc" at once; else
				 * "tkauth" (RFC 9448 4), then "atc" when the
				 * server does not know it */
	bool get_protected_only;/* POST-as-GET signed over the protected part
				 * alone, without ".": no JWS */
	bool account_empty;	/* newAccount with an empty payload, the
				 * vendor's id as "kid" in the JWK */
	bool nonce_by_get;	/* newNonce by GET instead of HEAD */
	bool not_after;		/* newOrder always names notAfter */
};

struct quirk_row {
	const char *name;	/* "list-padded" */
	size_t offset;		/* of a bool in struct quirks */
	const char *help;
};
const struct quirk_row *quirk_rows(size_t *n);

/* dialect: "rfc", "peeringhub", "martini"; more: names separated by commas,
 * "-name" turns one off; "" none. CONFIG. */
enum dca_rc quirks_parse(struct quirks *q, const char *dialect,
    const char *more, struct dca_err *e) DCA_CHECKED;

#endif
