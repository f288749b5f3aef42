/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deterministic CBOR (RFC 8949 4.2.1) over libcbor's streaming coder: shortest
 * heads, definite lengths, no floats, no tags but the one asked for. The
 * reader refuses everything else; nothing is allocated while reading.
 */
#ifndef DCA_CBOR_H
#define DCA_CBOR_H

#include "dca/base.h"

/* Writing. Map keys are written by the caller in bytewise order of their
 * encoding (shorter keys first); dca_cbor_check proves it in tests. */
void dca_cbor_uint(struct dca_out *o, uint64_t v);
void dca_cbor_int(struct dca_out *o, int64_t v);
void dca_cbor_bytes(struct dca_out *o, struct dca_buf b);
void dca_cbor_text(struct dca_out *o, const char *s);
void dca_cbor_text_n(struct dca_out *o, const char *s, size_t n);
void dca_cbor_bool(struct dca_out *o, bool v);
void dca_cbor_null(struct dca_out *o);
void dca_cbor_array(struct dca_out *o, size_t n);
void dca_cbor_map(struct dca_out *o, size_t pairs);
void dca_cbor_tag(struct dca_out *o, uint64_t tag);

/*
 * Reading: a cursor with one sticky failure. Each take fails (returns false
 * and sets bad) when the next item has another type; after that every take
 * fails. Texts are UTF-8 without NUL; views point into the input.
 */
struct dca_cbor {
	struct dca_buf in;
	bool bad;
};
enum dca_cbor_type {
	DCA_CBOR_UINT, DCA_CBOR_NEGINT, DCA_CBOR_BYTES, DCA_CBOR_TEXT,
	DCA_CBOR_ARRAY, DCA_CBOR_MAP, DCA_CBOR_TAG, DCA_CBOR_BOOL,
	DCA_CBOR_NULL, DCA_CBOR_END, DCA_CBOR_BAD,
};
enum dca_cbor_type dca_cbor_peek(const struct dca_cbor *c);
bool dca_cbor_take_uint(struct dca_cbor *c, uint64_t *v);
bool dca_cbor_take_int(struct dca_cbor *c, int64_t *v);
bool dca_cbor_take_bytes(struct dca_cbor *c, struct dca_buf *b, size_t max);
/* Copies and terminates; longer than cap - 1 is bad. */
bool dca_cbor_take_text(struct dca_cbor *c, char *s, size_t cap);
bool dca_cbor_take_text_view(struct dca_cbor *c, struct dca_buf *b, size_t max);
bool dca_cbor_take_bool(struct dca_cbor *c, bool *v);
bool dca_cbor_take_null(struct dca_cbor *c);
bool dca_cbor_take_array(struct dca_cbor *c, size_t *n, size_t max);
bool dca_cbor_take_map(struct dca_cbor *c, size_t *n, size_t max);
bool dca_cbor_take_tag(struct dca_cbor *c, uint64_t tag);
/* Skips one item of any shape, nested at most 8 deep; its bytes in *b. */
bool dca_cbor_skip(struct dca_cbor *c, struct dca_buf *b);
/* UTF-8 (RFC 3629) without NUL? */
bool dca_text_ok(struct dca_buf b);
/* Not bad and nothing left? */
bool dca_cbor_done(const struct dca_cbor *c);
/* Is in exactly one deterministic item (heads, key order, no duplicates)? */
bool dca_cbor_check(struct dca_buf in);
/* The value of text key in the map at the start of in; false: no such key. */
bool dca_cbor_find(struct dca_buf map, const char *key, struct dca_cbor *value);

/* One CBOR item as JSON (bytes as lower-case hex), for the tools. */
enum dca_rc dca_cbor_json(struct dca_out *o, struct dca_buf in, bool pretty,
    struct dca_err *e) DCA_CHECKED;

#endif
