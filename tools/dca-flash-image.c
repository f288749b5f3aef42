/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image as a stream out of its zstd file, in bounded memory. The file is
 * hashed whenever it is read, and a pass is good only when its octets were
 * those that were signed: what changes under our hands is found.
 */
#include "dca-flash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <zstd.h>

/* PIECE: what is handed on at once. WINDOW_LOG: 128 MiB, as zstd's own limit
 * without --long. */
enum { READ = 128 * 1024, PIECE = 1 << 20, WINDOW_LOG = 27 };

DCA_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);

static EVP_MD_CTX *
hash_begin(void)
{
	EVP_MD_CTX *h = EVP_MD_CTX_new();

	if (h == NULL || !EVP_DigestInit_ex(h, EVP_sha256(), NULL))
		abort();
	return h;
}

static void
hash_add(EVP_MD_CTX *h, const void *p, size_t n)
{
	if (!EVP_DigestUpdate(h, p, n))
		abort();
}

/* Is the sum of what was added the one wanted? Begins the next one. */
static bool
hash_is(EVP_MD_CTX *h, const uint8_t *want)
{
	uint8_t got[DCA_SHA256_LEN];

	if (!EVP_DigestFinal_ex(h, got, NULL) ||
	    !EVP_DigestInit_ex(h, EVP_sha256(), NULL))
		abort();
	return memcmp(got, want, sizeof(got)) == 0;
}

struct pass {
	struct image *im;
	image_fn fn;
	void *arg;
	EVP_MD_CTX *file, *range;	/* sums so far */
	uint64_t at;			/* octets of the image so far */
	size_t next;			/* range that is not over yet */
	struct dca_err *e;
};

static enum dca_rc
hand_on(struct pass *p, const uint8_t *data, size_t n)
{
	if (p->fn == NULL)
		return DCA_OK;
	return p->fn(p->arg, p->at, DCA_BUF(data, n), p->e);
}

/* n octets of range r, or between ranges (NULL). */
static enum dca_rc
part(struct pass *p, const uint8_t *data, size_t n, const struct bmap_range *r)
{
	enum dca_rc rc;

	if (r == NULL) {
		if (data[0] != 0 || memcmp(data, data + 1, n - 1) != 0)
			return dca_fail(p->e, DCA_RULE_FLASH_BMAP, "the map "
			    "leaves out data near octet %llu of the image",
			    (unsigned long long)p->at);
		p->at += n;
		return DCA_OK;
	}
	hash_add(p->range, data, n);
	rc = hand_on(p, data, n);
	p->at += n;
	if (rc != DCA_OK || p->at < r->end)
		return rc;
	p->next++;
	if (!hash_is(p->range, r->sha256))
		return dca_fail(p->e, DCA_RULE_FLASH_BMAP, "octets %llu to %llu "
		    "of the image have another SHA-256 than the map says",
		    (unsigned long long)r->start,
		    (unsigned long long)r->end - 1);
	return DCA_OK;
}

/* The next octets of the image, cut at the borders of the ranges. */
static enum dca_rc
take(struct pass *p, const uint8_t *data, size_t n)
{
	const struct bmap *m = p->im->map;
	const uint64_t limit = p->im->size ? p->im->size : BMAP_IMAGE_MAX;
	enum dca_rc rc = DCA_OK;

	if (n > limit - p->at)
		return dca_fail(p->e, DCA_RULE_FLASH_IMAGE,
		    "%.150s: the image is longer than %llu octets%s",
		    p->im->path, (unsigned long long)limit,
		    m != NULL ? ", which its map says" : "");
	if (m == NULL) {
		rc = hand_on(p, data, n);
		p->at += n;
		return rc;
	}
	while (n > 0 && rc == DCA_OK) {
		const struct bmap_range *r =
		    p->next < m->n ? &m->ranges[p->next] : NULL;
		const bool inside = r != NULL && p->at >= r->start;
		const uint64_t border = inside ? r->end
		    : r != NULL		       ? r->start
					       : m->size;
		const size_t some = n < border - p->at ? n : border - p->at;

		rc = part(p, data, some, inside ? r : NULL);
		data += some;
		n -= some;
	}
	return rc;
}

struct unzstd {
	ZSTD_DStream *z;
	uint8_t *in, *out;
	size_t filled;		/* of out */
	size_t left;		/* ZSTD's: 0 at the end of a frame */
};

static void
unzstd_free(struct unzstd *u)
{
	ZSTD_freeDStream(u->z);
	free(u->in);
	free(u->out);
}

static enum dca_rc
unpack(struct pass *p, struct unzstd *u, size_t n)
{
	ZSTD_inBuffer in = { u->in, n, 0 };
	enum dca_rc rc = DCA_OK;
	bool more = true;

	/* out that came full may have more behind it, without more input */
	while (rc == DCA_OK && more) {
		ZSTD_outBuffer out = { u->out, PIECE, u->filled };

		u->left = ZSTD_decompressStream(u->z, &out, &in);
		if (ZSTD_isError(u->left))
			return dca_fail(p->e, DCA_RULE_FLASH_IMAGE,
			    "%.150s: %s", p->im->path,
			    ZSTD_getErrorName(u->left));
		u->filled = out.pos;
		more = in.pos < n || (out.pos == PIECE && u->left != 0);
		if (u->filled == PIECE) {
			rc = take(p, u->out, PIECE);
			u->filled = 0;
		}
	}
	return rc;
}

/* Reads at an offset, up to n octets; -1 with the reason in e. */
static ssize_t
read_at(const struct image *im, void *p, size_t n, uint64_t at,
    struct dca_err *e)
{
	ssize_t got;

	if (flash_signal) {
		(void)flash_stopped(e);
		return -1;
	}
	do
		got = pread(im->fd, p, n, (off_t)at);
	while (got < 0 && errno == EINTR && !flash_signal);
	if (got < 0 && flash_signal)
		(void)flash_stopped(e);
	else if (got < 0)
		(void)dca_fail(e, DCA_RULE_IO, "%.200s: cannot read: %s",
		    im->path, strerror(errno));
	return got;
}

static enum dca_rc
changed(const struct image *im, struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_FLASH_SUM, "%.150s changed while it was "
	    "read: it is no longer what was signed", im->path);
}

/* The whole file, into the hash and through the decompressor. */
static enum dca_rc
stream(struct pass *p, struct unzstd *u, const char *what)
{
	unsigned percent = 0;
	uint64_t at = 0;

	for (;;) {
		ssize_t n = read_at(p->im, u->in, READ, at, p->e);
		enum dca_rc rc;

		if (n < 0)
			return dca_problem(p->e->rule)->rc;
		if (n == 0)
			break;
		at += (uint64_t)n;
		if (at > p->im->packed)
			return changed(p->im, p->e);
		hash_add(p->file, u->in, (size_t)n);
		rc = unpack(p, u, (size_t)n);
		if (rc != DCA_OK)
			return rc;
		if (at < p->im->packed)
			show_progress(what, at, p->im->packed, &percent);
	}
	if (u->filled > 0) {
		enum dca_rc rc = take(p, u->out, u->filled);

		if (rc != DCA_OK)
			return rc;
	}
	show_progress(what, 1, 1, &percent);
	return DCA_OK;
}

/* What can be said only when all was seen. */
static enum dca_rc
whole(struct pass *p, const struct unzstd *u)
{
	if (!hash_is(p->file, p->im->sum))
		return changed(p->im, p->e);
	if (u->left != 0 || p->at == 0)
		return dca_fail(p->e, DCA_RULE_FLASH_IMAGE, "%.150s: the zstd "
		    "stream ends too early", p->im->path);
	if (p->im->size != 0 && p->at != p->im->size)
		return dca_fail(p->e, DCA_RULE_FLASH_IMAGE, "%.150s: the image "
		    "is %llu octets, its map says %llu", p->im->path,
		    (unsigned long long)p->at,
		    (unsigned long long)p->im->size);
	p->im->size = p->at;
	p->im->checked = true;
	return DCA_OK;
}

enum dca_rc
image_pass(struct image *im, const char *what, image_fn fn, void *arg,
    struct dca_err *e)
{
	DCA_CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *file = hash_begin();
	DCA_CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *range = hash_begin();
	DCA_CLEANUP(unzstd_free) struct unzstd u = {
		.z = ZSTD_createDStream(), .in = dca_alloc(READ),
		.out = dca_alloc(PIECE), .left = 1 };
	struct pass p = { .im = im, .fn = fn, .arg = arg, .file = file,
		.range = range, .e = e };
	enum dca_rc rc;

	if (u.z == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(u.z,
	    ZSTD_d_windowLogMax, WINDOW_LOG)))
		abort();
	rc = stream(&p, &u, what);
	if (rc == DCA_OK)
		return whole(&p, &u);
	show_stopped();
	/* what was right once is wrong now */
	if (im->checked && rc == DCA_MALFORMED)
		return changed(im, e);
	return rc;
}

static enum dca_rc
check_sum(const struct image *im, struct dca_err *e)
{
	DCA_CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *h = hash_begin();
	DCA_CLEANUP(dca_free_p) uint8_t *buf = dca_alloc(READ);
	unsigned percent = 0;
	uint64_t at = 0;
	ssize_t n;

	while ((n = read_at(im, buf, READ, at, e)) > 0 && at < im->packed) {
		hash_add(h, buf, (size_t)n);
		at += (uint64_t)n;
		show_progress("checksum", at, im->packed, &percent);
	}
	if (n < 0)
		return dca_problem(e->rule)->rc;
	if (!hash_is(h, im->sum))
		return dca_fail(e, DCA_RULE_FLASH_SUM, "%.200s: its SHA-256 is "
		    "not that of SHA256SUMS", im->path);
	return DCA_OK;
}

enum dca_rc
image_open(struct image *im, const struct release *r, struct dca_err *e)
{
	const char *slash = strrchr(r->image, '/');
	struct stat st;
	enum dca_rc rc;

	im->path = r->image;
	im->fd = open(r->image, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (im->fd < 0 || fstat(im->fd, &st) != 0)
		return dca_fail(e, DCA_RULE_IO, "%.200s: cannot open: %s",
		    r->image, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return dca_fail(e, DCA_RULE_FLASH_IMAGE, "%.200s: is %s",
		    r->image, S_ISREG(st.st_mode) ? "empty" : "not a file");
	im->packed = (uint64_t)st.st_size;
	rc = release_sum(r, slash == NULL ? r->image : slash + 1, im->sum, e);
	return rc == DCA_OK ? check_sum(im, e) : rc;
}

void
image_close(struct image *im)
{
	if (im->fd >= 0)
		(void)close(im->fd);
	im->fd = -1;
}
