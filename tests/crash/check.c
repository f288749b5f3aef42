/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold when everything was killed many times: the store against
 * what clients were answered, codes against certificates, published files
 * against both. Reads only.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "dca/store.h"

enum { PAGE = 500 };

struct have {
	struct dca_certificate c;
	uint8_t der[DCA_SHA256_LEN];
	bool answered;
};
struct all {
	const struct crash *crash;
	struct have *v;
	size_t n, cap, unpublished;
	uint64_t next;
	size_t page;
};

static enum dca_rc
take(const struct dca_certificate *c, struct dca_buf der, void *arg,
    struct dca_err *e)
{
	struct all *a = arg;

	(void)e;
	a->next = c->seq + 1;
	a->page++;
	a->unpublished += c->published == 0;
	if (c->seq < a->crash->begin)
		return DCA_OK;
	if (a->n == a->cap) {
		a->cap = 2 * a->cap + 64;
		a->v = dca_realloc(a->v, a->cap * sizeof *a->v);
	}
	a->v[a->n] = (struct have){ .c = *c };
	dca_sha256(a->v[a->n++].der, der);
	return DCA_OK;
}

static struct dca_store *
open_store(const struct crash *c)
{
	struct dca_store *s;
	struct dca_err e;
	char path[256];

	snprintf(path, sizeof path, "%s/var/lib/dca/vault/store.db", c->state);
	if (dca_store_open(&s, path, true, &e))
		crash_fail("%s", e.text);
	return s;
}

static void
read_all(struct all *a, struct dca_store *s, uint64_t from)
{
	struct dca_err e;

	a->next = from;
	do {
		a->page = 0;
		if (dca_store_certificates_from(s, a->next, PAGE, take, a, &e))
			crash_fail("%s", e.text);
	} while (a->page == PAGE);
}

size_t
check_unpublished(const struct crash *c)
{
	struct all a = { .crash = c };
	struct dca_store *s = open_store(c);

	read_all(&a, s, 1);
	dca_store_close(s);
	free(a.v);
	return a.unpublished;
}

static int
by_csr(const void *a, const void *b)
{
	const struct have *x = a, *y = b;

	return memcmp(x->c.csr_sha256, y->c.csr_sha256, DCA_SHA256_LEN);
}

static struct have *
find(const struct all *a, const uint8_t csr[static DCA_SHA256_LEN])
{
	struct have key;

	memcpy(key.c.csr_sha256, csr, DCA_SHA256_LEN);
	return bsearch(&key, a->v, a->n, sizeof *a->v, by_csr);
}

/* Every answer has its row, every row its answer, no request two rows. */
static void
check_answers(struct all *a)
{
	const struct crash *x = a->crash;

	qsort(a->v, a->n, sizeof *a->v, by_csr);
	for (size_t i = 1; i < a->n; i++)
		if (by_csr(&a->v[i - 1], &a->v[i]) == 0)
			crash_fail("rows %llu and %llu: two certificates for "
			    "one request", (unsigned long long)a->v[i - 1].c.seq,
			    (unsigned long long)a->v[i].c.seq);
	for (size_t i = 0; i < x->n_answered; i++) {
		const struct answered *w = &x->answered[i];
		struct have *h = find(a, w->csr);

		if (!h)
			crash_fail("answer %zu: no certificate recorded", i);
		if (memcmp(h->c.serial, w->serial, sizeof w->serial) != 0 ||
		    memcmp(h->der, w->cert, sizeof w->cert) != 0)
			crash_fail("answer %zu: another certificate recorded",
			    i);
		h->answered = true;
	}
	for (size_t i = 0; i < a->n; i++)
		if (!a->v[i].answered)
			crash_fail("row %llu: nobody was answered this",
			    (unsigned long long)a->v[i].c.seq);
}

static void
check_code(const struct all *a, struct dca_store *s, const struct code *want)
{
	struct dca_code code;
	struct dca_err e;
	struct have *h;

	if (dca_store_code(s, want->id, &code, &e))
		crash_fail("code %s: %s", want->id, e.text);
	if (code.spent != want->used)
		crash_fail("code %s: spent %d, used %d", want->id, code.spent,
		    want->used);
	if (!code.spent)
		return;
	h = find(a, code.csr_sha256);
	if (!h || memcmp(h->c.serial, code.serial, sizeof code.serial) != 0)
		crash_fail("code %s: spent without its certificate", want->id);
}

/* The code in an issue row; counts rows in *arg. */
static enum dca_rc
count_code(const struct dca_row *row, void *arg, struct dca_err *e)
{
	struct dca_cbor c;

	(void)e;
	if (strcmp(row->kind, "issue") == 0 &&
	    dca_cbor_find(row->body, "code", &c))
		++*(size_t *)arg;
	return DCA_OK;
}

static void
check_codes(const struct all *a, struct dca_store *s)
{
	size_t rows = 0, used = 0;
	struct dca_err e;

	for (size_t i = 0; i < a->crash->n_codes; i++) {
		check_code(a, s, &a->crash->codes[i]);
		used += a->crash->codes[i].used;
	}
	if (dca_store_walk(s, a->crash->begin, count_code, &rows, &e))
		crash_fail("%s", e.text);
	if (rows != used)
		crash_fail("%zu codes used, %zu rows with a code", used, rows);
}

/* The file of x5u: this leaf, and a chain behind it. */
static void
check_file(const struct crash *c, const struct have *h)
{
	struct dca_certs certs = { 0 };
	char hex[2 * DCA_SERIAL_LEN + 1], path[300];
	uint8_t der[DCA_SHA256_LEN];
	DCA_AUTO_OUT pem = { 0 };
	struct dca_err e;

	dca_hex(hex, h->c.serial, DCA_SERIAL_LEN);
	snprintf(path, sizeof path, "%s/var/lib/dca/publisher/sti/%s.pem",
	    c->state, hex);
	if (dca_file_read(&pem, path, DCA_CERT_MAX, &e) ||
	    dca_certs_parse(&certs, dca_out_buf(&pem), 10, &e))
		crash_fail("%s: %s", path, e.text);
	dca_sha256(der, dca_out_buf(&certs.v[0].der));
	if (certs.n < 2 || memcmp(der, h->der, sizeof der) != 0 ||
	    !dca_cert_signed_by(&certs.v[0], &certs.v[1]))
		crash_fail("%s: not the chain of this certificate", path);
	dca_certs_clear(&certs);
}

static void
check_files(const struct all *a, size_t total)
{
	char path[256];
	struct dirent *d;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "%s/var/lib/dca/publisher/sti",
	    a->crash->state);
	if (!(dir = opendir(path)))
		crash_fail("%s", path);
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' && (d->d_name[1] == '\0' ||
		    strcmp(d->d_name, "..") == 0))
			continue;
		if (strlen(d->d_name) != 44 || d->d_name[0] == '.')
			crash_fail("%s/%s was left behind", path, d->d_name);
		n++;
	}
	closedir(dir);
	if (n != total)
		crash_fail("%zu certificates, %zu published files", total, n);
	for (size_t i = 0; i < a->n; i++)
		check_file(a->crash, &a->v[i]);
}

void
check_all(const struct crash *c)
{
	struct all a = { .crash = c };
	struct dca_store *s = open_store(c);
	int64_t begin = crash_ms();
	uint64_t rows = 0;
	struct dca_err e;

	if (dca_store_verify(s, &rows, &e))
		crash_fail("%s", e.text);
	read_all(&a, s, 1);
	if (a.unpublished)
		crash_fail("%zu certificates are not published", a.unpublished);
	check_answers(&a);
	check_codes(&a, s);
	check_files(&a, dca_store_count(s, "certificates"));
	printf("checked   %llu ledger rows, %zu certificates and their files, "
	       "%zu codes in %.1f s\n", (unsigned long long)rows, a.n,
	    c->n_codes, (double)(crash_ms() - begin) / 1000);
	dca_store_close(s);
	free(a.v);
}
