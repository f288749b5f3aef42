/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash of a ledger row and the rule by which one follows another. Pure;
 * the store keeps the rows, this says what they must be.
 */
#include "dca/ledger.h"

#include <inttypes.h>
#include <string.h>

#include "dca/cbor.h"

void
dca_row_hash(uint8_t out[static DCA_SHA256_LEN], const struct dca_row *r)
{
	static const uint8_t leaf = 0x00;	/* RFC 6962 2.1 */
	DCA_AUTO_OUT entry = { 0 };

	dca_out_add(&entry, &leaf, 1);
	dca_cbor_array(&entry, 6);
	dca_cbor_uint(&entry, r->seq);
	dca_cbor_int(&entry, r->time);
	dca_cbor_text(&entry, r->kind);
	dca_cbor_text(&entry, r->actor);
	dca_out_add(&entry, r->body.p, r->body.n);
	dca_cbor_bytes(&entry, DCA_BUF(r->prev, sizeof(r->prev)));
	dca_sha256(out, dca_out_buf(&entry));
}

static enum dca_rc
wrong(struct dca_err *e, const struct dca_row *r, const char *field,
    const char *what)
{
	enum dca_rc rc = dca_fail(e, DCA_RULE_LEDGER_ROW, "row %llu: %s",
	    (unsigned long long)r->seq, what);

	if (e != NULL)
		dca_strlcpy(e->field, field, sizeof(e->field));
	return rc;
}

static bool
is_map(struct dca_buf body)
{
	struct dca_cbor c = { .in = body };

	return dca_cbor_peek(&c) == DCA_CBOR_MAP && dca_cbor_check(body);
}

static bool
is_text(const char *s)
{
	return s[0] != '\0' && dca_text_ok(DCA_BUF(s, strlen(s)));
}

enum dca_rc
dca_row_check(const struct dca_row *r, const struct dca_row *last,
    struct dca_err *e)
{
	static const uint8_t none[DCA_SHA256_LEN];
	const uint8_t *prev = last != NULL ? last->hash : none;
	const uint64_t expected = last != NULL ? last->seq + 1 : 1;
	enum dca_rc rc;
	uint8_t hash[DCA_SHA256_LEN];

	if (r->seq != expected) {
		rc = dca_fail(e, DCA_RULE_LEDGER_ROW,
		    "row %" PRIu64 " is missing: row %" PRIu64
		    " stands in its place", expected, r->seq);
		if (e != NULL)
			dca_strlcpy(e->field, "seq", sizeof(e->field));
		return rc;
	}
	if (memcmp(r->prev, prev, DCA_SHA256_LEN) != 0)
		return wrong(e, r, "prev",
		    "does not name the hash of the row before");
	if (last != NULL && r->time < last->time)
		return wrong(e, r, "time", "is earlier than the row before");
	if (!is_text(r->kind))
		return wrong(e, r, "kind", "kind is not a text");
	if (!is_text(r->actor))
		return wrong(e, r, "actor", "actor is not a text");
	/* else body and prev could trade octets within one hash */
	if (!is_map(r->body))
		return wrong(e, r, "body",
		    "body is not one deterministic CBOR map");
	dca_row_hash(hash, r);
	if (memcmp(hash, r->hash, DCA_SHA256_LEN) != 0)
		return wrong(e, r, "hash", "does not hash to what it says");
	return DCA_OK;
}
