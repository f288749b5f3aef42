/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account's orders (RFC 8555 7.1.2.1): where the answer to newOrder was
 * lost, its order is found here, and none is made beside it. The list is the
 * server's: it is read as far as the limits below, the last entry first.
 */
#include <string.h>

#include "acme-parts.h"

enum { PAGES_MAX = 16, LOOKS_MAX = 64 };

/* A server that is ill says nothing about its orders: another time. One that
 * has no such resource (4xx) has no such list. */
static enum dca_rc
check_well(const struct http_answer *r, struct dca_err *e)
{
	return r->status >= 500 || r->status == 429 ? acme_problem(
	    "the STI-CA", DCA_RULE_UPSTREAM_CA, r, e) : DCA_OK;
}

/* The URLs of the list, a new reference; empty where the server has none. */
static enum dca_rc
orders_of(struct acme *a, json_t **all, struct dca_err *e)
{
	char url[HTTP_URL_MAX];
	struct http_answer r;
	JOSE_AUTO *account = NULL;
	enum dca_rc rc = acme_post(a, a->account, "", &r, e);

	*all = json_array();
	if (rc != DCA_OK)
		return rc;
	rc = check_well(&r, e);
	if (r.status != 200 || jose_json(&account, dca_out_buf(&r.body),
	    "the account", NULL) != DCA_OK || !acme_url(url, account,
	    "orders"))
		url[0] = '\0';
	http_answer_clear(&r);
	for (size_t i = 0; rc == DCA_OK && i < PAGES_MAX && url[0] != '\0';
	    i++) {
		JOSE_AUTO *page = NULL;

		if ((rc = acme_post(a, url, "", &r, e)))
			return rc;
		rc = check_well(&r, e);
		if (r.status == 200 && jose_json(&page, dca_out_buf(&r.body),
		    "the account's orders", NULL) == DCA_OK)
			json_array_extend(*all, json_object_get(page,
			    "orders"));
		(void)dca_strlcpy(url, r.next, sizeof(url));
		http_answer_clear(&r);
	}
	return rc;
}

/* Is the order at o->url for this list, and waits for us? */
static enum dca_rc
look(struct acme *a, struct dca_buf list, struct acme_order *o, bool *found,
    struct dca_err *e)
{
	const json_t *ids;
	struct http_answer r;
	JOSE_AUTO *j = NULL;
	enum dca_rc rc = acme_post(a, o->url, "", &r, e);

	*found = false;
	if (rc != DCA_OK)
		return rc;
	rc = check_well(&r, e);
	if (r.status == 200 && jose_json(&j, dca_out_buf(&r.body),
	    "an order", NULL) == DCA_OK && acme_read_order(o, j, &r, NULL) ==
	    DCA_OK) {
		ids = json_object_get(j, "identifiers");
		*found = json_array_size(ids) == 1 &&
		    acme_is_identifier(json_array_get(ids, 0), list) &&
		    (o->status == ACME_PENDING || o->status == ACME_READY);
	}
	http_answer_clear(&r);
	return rc;
}

enum dca_rc
acme_order_find(struct acme *a, struct dca_buf list, struct acme_order *o,
    struct dca_err *e)
{
	JOSE_AUTO *all = NULL;
	enum dca_rc rc = orders_of(a, &all, e);
	size_t n = json_array_size(all);
	bool found = false;

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; rc == DCA_OK && i < n && i < LOOKS_MAX; i++) {
		const char *url = json_string_value(json_array_get(all,
		    n - 1 - i));

		if (url == NULL || strncmp(url, "https://", 8) != 0 ||
		    !dca_strlcpy(o->url, url, sizeof(o->url)))
			continue;
		rc = look(a, list, o, &found, e);
		if (found)
			return DCA_OK;
	}
	memset(o, 0, sizeof(*o));
	return rc;
}
