/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the ACME client share. */
#ifndef DCA_UPSTREAM_ACME_PARTS_H
#define DCA_UPSTREAM_ACME_PARTS_H

#include "acme.h"

struct acme {
	struct http *http;
	const struct quirks *quirks;
	EVP_PKEY *key;
	struct dca_spki public;
	char account[HTTP_URL_MAX];	/* "kid" once known */
	char eab_kid[256], vendor_kid[256], contact[256];
	struct dca_out eab_key;
	char nonce[HTTP_FIELD_MAX];	/* the next one, or "" */
	char new_nonce[HTTP_URL_MAX], new_account[HTTP_URL_MAX];
	char new_order[HTTP_URL_MAX];
	char key_change[HTTP_URL_MAX], revoke_cert[HTTP_URL_MAX];
	bool needs_eab;
};

/* JWK of the account key as this service wants it: new reference. */
json_t *acme_account_jwk(const struct acme *a);
/* Signed by the account (kid), or by its key in the header (jwk). The answer,
 * whatever its status; payload "" is POST-as-GET. */
enum dca_rc acme_post(struct acme *a, const char *url, const char *payload,
    struct http_answer *r, struct dca_err *e) DCA_CHECKED;
enum dca_rc acme_post_jwk(struct acme *a, const char *url,
    const char *payload, struct http_answer *r, struct dca_err *e)
    DCA_CHECKED;
/* 200 or 201 with an object, else UPSTREAM_CA with what the server said. The
 * caller clears both. */
enum dca_rc acme_post_object(struct acme *a, const char *url,
    const char *payload, json_t **out, struct http_answer *r,
    struct dca_err *e) DCA_CHECKED;
/* An https URL in o; false and "" otherwise. */
bool acme_url(char out[static HTTP_URL_MAX], const json_t *o,
    const char *name);
/* {"type": "TNAuthList", "value": list}, in any alphabet of base64. */
bool acme_is_identifier(const json_t *id, struct dca_buf list);
enum dca_rc acme_read_order(struct acme_order *o, const json_t *j,
    const struct http_answer *r, struct dca_err *e) DCA_CHECKED;
void acme_problem_text(char *out, size_t cap, const json_t *problem);

#endif
