/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block-wise transfers (RFC 7959), ours and not libcoap's: 4.3.1 allocates
 * what Size1 claims (a gigabyte for one packet, reproduced) and knows no
 * limit. Here a body grows by octets that arrived, in order, under the cap of
 * its resource and of all sessions together; nothing else is remembered.
 */
#include <stdlib.h>
#include <string.h>

#include "front.h"

static size_t
block_size(unsigned szx)
{
	return (size_t)1 << (szx + 4);
}

static int64_t
block_value(uint32_t num, bool more, unsigned szx)
{
	return (int64_t)num << 4 | (more ? 8 : 0) | szx;
}

void
front_upload_drop(struct front_peer *p)
{
	p->front->upload_bytes -= p->upload.body.n;
	dca_out_free(&p->upload.body);
	memset(&p->upload, 0, sizeof(p->upload));
}

static enum dca_rc
too_large(const struct front_resource *res, struct front_reply *reply,
    struct dca_err *e)
{
	/* RFC 7959 2.9.3: Size1 of a 4.13 is what would be accepted. */
	reply->size1 = (int64_t)res->cap;
	return dca_fail(e, res->too_large,
	    "the body of %s may hold %zu octets", res->path, res->cap);
}

static enum dca_rc
check_block(const struct front_request *rq, struct dca_err *e)
{
	const struct front_block *b = &rq->block1;
	size_t size = block_size(b->szx);

	if (b->more ? rq->payload.n != size : rq->payload.n > size)
		return dca_fail(e, DCA_RULE_BLOCK_OPTION,
		    "block %u of size %zu came with %zu octets", b->num, size,
		    rq->payload.n);
	return DCA_OK;
}

static void
upload_start(struct front_peer *p, const struct front_request *rq,
    const struct front_resource *res)
{
	front_upload_drop(p);
	p->upload.res = res;
	front_request_key(rq, p->upload.key);
	p->front->count.uploads++;
}

/* Is this the block that comes next? (RFC 7959 2.9.2) */
static enum dca_rc
upload_next(struct front_peer *p, const struct front_request *rq,
    const struct front_resource *res, struct dca_err *e)
{
	uint8_t key[FRONT_KEY];
	uint64_t at = (uint64_t)rq->block1.num << (rq->block1.szx + 4);

	front_request_key(rq, key);
	if (p->upload.res != res ||
	    memcmp(p->upload.key, key, sizeof(key)) != 0)
		return dca_fail(e, DCA_RULE_BLOCK,
		    "block %u without the blocks before it", rq->block1.num);
	if (p->upload.body.n != at)
		return dca_fail(e, DCA_RULE_BLOCK,
		    "block %u starts at octet %llu, but %zu are here",
		    rq->block1.num, (unsigned long long)at, p->upload.body.n);
	return DCA_OK;
}

/* Room for n octets more of p. A single upload fits: main.c sees to it. */
static void
upload_room(struct front_peer *p, size_t n)
{
	struct front *f = p->front;

	while (f->upload_bytes + n > f->conf.body) {
		struct front_peer *oldest = NULL;

		for (struct front_peer *q = f->peers; q != NULL; q = q->next) {
			if (q != p && q->upload.body.n > 0 &&
			    (oldest == NULL ||
			    q->upload.last < oldest->upload.last))
				oldest = q;
		}
		if (oldest == NULL)
			abort();
		f->count.uploads_evicted++;
		front_upload_drop(oldest);
	}
}

static enum dca_rc
upload_add(struct front_peer *p, const struct front_request *rq,
    struct front_reply *reply, struct dca_err *e)
{
	struct front *f = p->front;

	if (p->upload.body.n + rq->payload.n > p->upload.res->cap)
		return too_large(p->upload.res, reply, e);
	upload_room(p, rq->payload.n);
	dca_out_add(&p->upload.body, rq->payload.p, rq->payload.n);
	f->upload_bytes += rq->payload.n;
	p->upload.last = front_clock();
	return DCA_OK;
}

static enum dca_rc
upload_block(struct front_peer *p, const struct front_request *rq,
    const struct front_resource *res, struct front_reply *reply,
    struct dca_err *e)
{
	enum dca_rc rc = check_block(rq, e);

	if (rc != DCA_OK)
		return rc;
	if (rq->block1.num == 0) {
		if (rq->size1 >= 0 && (uint64_t)rq->size1 > res->cap)
			return too_large(res, reply, e);
		upload_start(p, rq, res);
	} else {
		rc = upload_next(p, rq, res, e);
		if (rc != DCA_OK)
			return rc;
	}
	return upload_add(p, rq, reply, e);
}

enum dca_rc
front_upload(struct front_peer *p, const struct front_request *rq,
    const struct front_resource *res, struct front_reply *reply, bool *complete,
    struct dca_buf *body, struct dca_err *e)
{
	const struct front_block *b = &rq->block1;
	enum dca_rc rc;

	*complete = true;
	if (!b->set) {
		if (rq->payload.n > res->cap)
			return too_large(res, reply, e);
		*body = rq->payload;
		return DCA_OK;
	}
	rc = upload_block(p, rq, res, reply, e);
	if (rc != DCA_OK) {
		front_upload_drop(p);
		return rc;
	}
	reply->block1 = block_value(b->num, b->more, b->szx);
	*complete = !b->more;
	if (*complete)
		*body = dca_out_buf(&p->upload.body);
	else
		reply->code = 231;
	return DCA_OK;
}

/* --- answers --- */

void
front_download_drop(struct front_peer *p, struct front_download *d)
{
	p->front->download_bytes -= d->body.n;
	dca_out_free(&d->body);
	memset(d, 0, sizeof(*d));
}

static struct front_download *
download_find(struct front_peer *p, const uint8_t key[static FRONT_KEY])
{
	for (size_t i = 0; i < FRONT_DOWNLOADS; i++) {
		struct front_download *d = &p->downloads[i];

		if (d->set && memcmp(d->key, key, FRONT_KEY) == 0)
			return d;
	}
	return NULL;
}

static struct front_download *
download_oldest(struct front_peer *p)
{
	struct front_download *oldest = &p->downloads[0];

	for (size_t i = 1; i < FRONT_DOWNLOADS; i++) {
		struct front_download *d = &p->downloads[i];

		if (!d->set || (oldest->set && d->last < oldest->last))
			oldest = d;
	}
	return oldest;
}

/* Room for n octets more: one answer fits (DCA_MESSAGE_MAX). */
static void
download_room(struct front *f, size_t n)
{
	while (f->download_bytes + n > FRONT_KEPT) {
		struct front_download *oldest = NULL;
		struct front_peer *owner = NULL;

		for (struct front_peer *q = f->peers; q != NULL; q = q->next) {
			for (size_t i = 0; i < FRONT_DOWNLOADS; i++) {
				struct front_download *d = &q->downloads[i];

				if (!d->set || (oldest != NULL &&
				    d->last >= oldest->last))
					continue;
				oldest = d;
				owner = q;
			}
		}
		if (oldest == NULL)
			abort();
		f->count.downloads_evicted++;
		front_download_drop(owner, oldest);
	}
}

/* Keeps the whole answer; takes the body of reply. */
static struct front_download *
download_keep(struct front_peer *p, const uint8_t key[static FRONT_KEY],
    struct front_reply *reply)
{
	struct front_download *d = download_find(p, key);
	uint8_t digest[DCA_SHA256_LEN];

	if (d == NULL)
		d = download_oldest(p);
	front_download_drop(p, d);
	download_room(p->front, reply->body.n);
	dca_sha256(digest, dca_out_buf(&reply->body));
	d->set = true;
	memcpy(d->key, key, FRONT_KEY);
	memcpy(d->etag, digest, sizeof(d->etag));
	memcpy(d->serial, reply->serial, sizeof(d->serial));
	d->code = reply->code;
	d->format = reply->format;
	d->body = reply->body;
	d->last = front_clock();
	p->front->download_bytes += d->body.n;
	reply->body = (struct dca_out){ 0 };
	return d;
}

/* Block num of whole into reply, which has no body yet. */
static enum dca_rc
cut(struct front_reply *reply, struct dca_buf whole, struct front_block want,
    struct dca_err *e)
{
	size_t size = block_size(want.szx), n;
	uint64_t at = (uint64_t)want.num << (want.szx + 4);

	if (at >= whole.n && at > 0)
		return dca_fail(e, DCA_RULE_BLOCK_OPTION,
		    "block %u lies behind the end (%zu octets)", want.num,
		    whole.n);
	n = whole.n - (size_t)at < size ? whole.n - (size_t)at : size;
	dca_out_add(&reply->body, whole.p + at, n);
	reply->block2 = block_value(want.num, at + n < whole.n, want.szx);
	if (want.num == 0)
		reply->size2 = (int64_t)whole.n;
	return DCA_OK;
}

static enum dca_rc
cut_kept(struct front_reply *reply, struct front_download *d,
    struct front_block want, struct dca_err *e)
{
	reply->code = d->code;
	reply->format = d->format;
	reply->has_etag = true;
	memcpy(reply->etag, d->etag, sizeof(reply->etag));
	memcpy(reply->serial, d->serial, sizeof(reply->serial));
	d->last = front_clock();
	return cut(reply, dca_out_buf(&d->body), want, e);
}

enum dca_rc
front_slice(struct front_peer *p, const uint8_t key[static FRONT_KEY],
    struct front_block want, struct front_reply *reply, struct dca_err *e)
{
	if (!want.set || want.szx > FRONT_SZX) {
		want.num = 0;
		want.szx = FRONT_SZX;
	}
	if (reply->body.n <= block_size(want.szx) && want.num == 0) {
		if (want.set)
			reply->block2 = block_value(0, false, want.szx);
		return DCA_OK;
	}
	return cut_kept(reply, download_keep(p, key, reply), want, e);
}

enum dca_rc
front_download(struct front_peer *p, const struct front_request *rq,
    struct front_reply *reply, struct dca_err *e)
{
	uint8_t key[FRONT_KEY];
	struct front_download *d;

	front_request_key(rq, key);
	d = download_find(p, key);
	if (d == NULL)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN,
		    "the answer is no longer kept");
	return cut_kept(reply, d, rq->block2, e);
}

bool
front_transfer_runs(struct front_peer *p, const struct front_request *rq)
{
	uint8_t key[FRONT_KEY];

	front_request_key(rq, key);
	if (rq->block1.set)
		return rq->block1.num > 0 && p->upload.res != NULL &&
		    memcmp(p->upload.key, key, sizeof(key)) == 0;
	return rq->block2.num > 0 && download_find(p, key) != NULL;
}
