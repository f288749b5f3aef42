/* SPDX-License-Identifier: Apache-2.0 */
#include "requests.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "cases.h"

void
req_tlv(struct dca_out *o, uint8_t tag, struct dca_buf v)
{
	uint8_t head[6] = { tag };
	size_t n = 1;

	if (v.n < 0x80) {
		head[n++] = (uint8_t)v.n;
	} else if (v.n < 0x100) {
		head[n++] = 0x81;
		head[n++] = (uint8_t)v.n;
	} else {
		head[n++] = 0x82;
		head[n++] = (uint8_t)(v.n >> 8);
		head[n++] = (uint8_t)v.n;
	}
	dca_out_add(o, head, n);
	dca_out_add(o, v.p, v.n);
}

static void
put_hex(struct dca_out *o, uint8_t tag, const char *hex)
{
	DCA_AUTO_OUT v = { .p = NULL };

	cases_hex(&v, hex);
	req_tlv(o, tag, dca_out_buf(&v));
}

static void
put_extensions(struct dca_out *o, const struct req_ext *x)
{
	DCA_AUTO_OUT list = { .p = NULL };
	int i;

	for (i = 0; i < REQ_MAX && x[i].oid != NULL; i++) {
		DCA_AUTO_OUT one = { .p = NULL };

		cases_hex(&one, x[i].oid);
		if (x[i].critical != NULL)
			cases_hex(&one, x[i].critical);
		put_hex(&one, 0x04, x[i].value);
		req_tlv(&list, 0x30, dca_out_buf(&one));
	}
	req_tlv(o, 0x30, dca_out_buf(&list));
}

static void
put_attr(struct dca_out *o, const char *oid, struct dca_buf values)
{
	DCA_AUTO_OUT one = { .p = NULL };

	cases_hex(&one, oid);
	req_tlv(&one, 0x31, values);
	req_tlv(o, 0x30, dca_out_buf(&one));
}

static int
by_octets(const void *x, const void *y)
{
	const struct dca_out *a = x, *b = y;
	int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);

	return c != 0 ? c : a->n < b->n ? -1 : a->n > b->n;
}

static void
put_attributes(struct dca_out *o, const struct req *r)
{
	struct dca_out a[REQ_MAX + 1] = { { .p = NULL } };
	DCA_AUTO_OUT all = { .p = NULL };
	size_t i, n = 0;

	if (r->attributes != NULL) {
		cases_hex(o, r->attributes);
		return;
	}
	if (r->ext[0].oid != NULL) {
		DCA_AUTO_OUT x = { .p = NULL };

		put_extensions(&x, r->ext);
		put_attr(&a[n++], REQ_EXTREQ, dca_out_buf(&x));
	}
	for (i = 0; i < REQ_MAX && r->attr[i].oid != NULL; i++) {
		DCA_AUTO_OUT v = { .p = NULL };

		cases_hex(&v, r->attr[i].values);
		put_attr(&a[n++], r->attr[i].oid, dca_out_buf(&v));
	}
	qsort(a, n, sizeof(a[0]), by_octets);
	for (i = 0; i < n; i++) {
		const struct dca_out *v = &a[r->unsorted ? n - 1 - i : i];

		dca_out_add(&all, v->p, v->n);
	}
	for (i = 0; i < n; i++)
		dca_out_free(&a[i]);
	req_tlv(o, 0xa0, dca_out_buf(&all));
}

static void
put_spki(struct dca_out *o, const struct req *r)
{
	uint8_t *spki = NULL;
	int n;

	if (r->spki != NULL) {
		cases_hex(o, r->spki);
		return;
	}
	n = i2d_PUBKEY(r->key, &spki);
	if (n <= 0)
		abort();
	dca_out_add(o, spki, (size_t)n);
	OPENSSL_free(spki);
}

static void
put_signature(struct dca_out *o, const struct req *r, const struct dca_out *tbs)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[600] = { 0 };
	size_t n = sizeof(sig) - 1;

	if (EVP_DigestSignInit(ctx, NULL,
		EVP_get_digestbyname(r->md != NULL ? r->md : "SHA256"), NULL,
		r->key) != 1 ||
	    EVP_DigestSign(ctx, sig + 1, &n, tbs->p, tbs->n) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	req_tlv(o, 0x03, DCA_BUF(sig, n + 1));
}

void
req_make(struct dca_out *der, const struct req *r)
{
	DCA_AUTO_OUT info = { .p = NULL };
	DCA_AUTO_OUT tbs = { .p = NULL };
	DCA_AUTO_OUT body = { .p = NULL };

	cases_hex(&info, r->version != NULL ? r->version : "020100");
	cases_hex(&info, r->subject != NULL ? r->subject : "3000");
	put_spki(&info, r);
	put_attributes(&info, r);
	req_tlv(&tbs, 0x30, dca_out_buf(&info));
	dca_out_add(&body, tbs.p, tbs.n);
	cases_hex(&body, r->alg != NULL ? r->alg : "300a06082a8648ce3d040302");
	put_signature(&body, r, &tbs);
	req_tlv(der, 0x30, dca_out_buf(&body));
}
