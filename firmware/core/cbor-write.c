/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing deterministic CBOR (RFC 8949 4.2.1): libcbor encodes heads in the
 * shortest form. Key order is the caller's; dca_cbor_check proves it.
 */
#include <string.h>

#include <cbor.h>

#include "dca/cbor.h"

enum { HEAD_MAX = 9 };

static void
head(struct dca_out *o, size_t (*fn)(size_t, unsigned char *, size_t), size_t v)
{
	unsigned char buf[HEAD_MAX];
	const size_t n = fn(v, buf, sizeof(buf));

	dca_out_add(o, buf, n);
}

void
dca_cbor_uint(struct dca_out *o, uint64_t v)
{
	unsigned char buf[HEAD_MAX];
	const size_t n = cbor_encode_uint(v, buf, sizeof(buf));

	dca_out_add(o, buf, n);
}

void
dca_cbor_int(struct dca_out *o, int64_t v)
{
	unsigned char buf[HEAD_MAX];
	size_t n;

	if (v >= 0) {
		dca_cbor_uint(o, (uint64_t)v);
		return;
	}
	/* -1 - v, without overflow for INT64_MIN */
	n = cbor_encode_negint(~(uint64_t)v, buf, sizeof(buf));
	dca_out_add(o, buf, n);
}

void
dca_cbor_bytes(struct dca_out *o, struct dca_buf b)
{
	head(o, cbor_encode_bytestring_start, b.n);
	dca_out_add(o, b.p, b.n);
}

void
dca_cbor_text_n(struct dca_out *o, const char *s, size_t n)
{
	head(o, cbor_encode_string_start, n);
	dca_out_add(o, s, n);
}

void
dca_cbor_text(struct dca_out *o, const char *s)
{
	dca_cbor_text_n(o, s, strlen(s));
}

void
dca_cbor_bool(struct dca_out *o, bool v)
{
	unsigned char buf[HEAD_MAX];
	const size_t n = cbor_encode_bool(v, buf, sizeof(buf));

	dca_out_add(o, buf, n);
}

void
dca_cbor_null(struct dca_out *o)
{
	unsigned char buf[HEAD_MAX];
	const size_t n = cbor_encode_null(buf, sizeof(buf));

	dca_out_add(o, buf, n);
}

void
dca_cbor_array(struct dca_out *o, size_t n)
{
	head(o, cbor_encode_array_start, n);
}

void
dca_cbor_map(struct dca_out *o, size_t pairs)
{
	head(o, cbor_encode_map_start, pairs);
}

void
dca_cbor_tag(struct dca_out *o, uint64_t tag)
{
	unsigned char buf[HEAD_MAX];
	const size_t n = cbor_encode_tag(tag, buf, sizeof(buf));

	dca_out_add(o, buf, n);
}
