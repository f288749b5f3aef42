/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU per issuance in the store alone: every look-up and every change of one
 * certificate, in groups as the vault commits them. Prints, decides nothing.
 *
 * usage: bench-store FILE [certificates [group [delegations]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "dca/cbor.h"
#include "dca/store.h"

static int64_t now_;

static void
must(enum dca_rc rc, const struct dca_err *e)
{
	if (rc == DCA_OK)
		return;
	fprintf(stderr, "bench-store: %s\n", e->text);
	exit(2);
}

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
customers(struct dca_store *s, unsigned n)
{
	struct dca_customer c = { .country = "US", .passports = 7,
		.active = true };
	struct dca_err e;
	uint64_t cross, seq;

	must(dca_store_begin(s, &e), &e);
	must(dca_store_append(s, now_, "bench", "vault", DCA_BUF("\xa0", 1),
		 &seq, &e), &e);
	must(dca_store_cross_add(s, DCA_BUF("x", 1), now_, seq, &cross, &e),
	    &e);
	for (unsigned i = 0; i < n; i++) {
		uint64_t lo = 12025000000U + (uint64_t)i * 10;
		struct dca_delegation d = { .range = { lo, lo + 9, 11 } };

		snprintf(c.id, sizeof c.id, "customer-%u", i);
		snprintf(c.name, sizeof c.name, "Customer %u", i);
		memcpy(d.customer, c.id, sizeof d.customer);
		c.changed = seq;
		must(dca_store_customer_add(s, &c, &e), &e);
		must(dca_store_delegation_add(s, &d, seq, &e), &e);
	}
	must(dca_store_commit(s, &e), &e);
}

static void
seen(const struct dca_delegation *d, void *arg)
{
	(void)d;
	++*(unsigned *)arg;
}

static void
body_make(struct dca_out *o, const struct dca_certificate *c)
{
	uint8_t der[800];

	RAND_bytes(der, sizeof der);
	dca_cbor_map(o, 7);
	dca_cbor_text(o, "csr");
	dca_cbor_bytes(o, DCA_BUF(c->csr_sha256, 32));
	dca_cbor_text(o, "key");
	dca_cbor_bytes(o, DCA_BUF(c->key_sha256, 32));
	dca_cbor_text(o, "cert");
	dca_cbor_bytes(o, DCA_BUF(der, sizeof der));
	dca_cbor_text(o, "basis");
	dca_cbor_uint(o, c->basis);
	dca_cbor_text(o, "cross");
	dca_cbor_uint(o, c->cross);
	dca_cbor_text(o, "customer");
	dca_cbor_text(o, c->customer);
	dca_cbor_text(o, "function");
	dca_cbor_uint(o, c->function);
}

/* What is random or built is made outside the measured part. */
struct request {
	struct dca_certificate c;
	struct dca_out body;
	struct dca_tnset *want;
};

static void
request_make(struct request *r, unsigned customer)
{
	uint64_t lo = 12025000000U + (uint64_t)customer * 10;

	memset(r, 0, sizeof *r);
	RAND_bytes(r->c.serial, sizeof r->c.serial);
	RAND_bytes(r->c.key_sha256, sizeof r->c.key_sha256);
	RAND_bytes(r->c.csr_sha256, sizeof r->c.csr_sha256);
	snprintf(r->c.customer, sizeof r->c.customer, "customer-%u", customer);
	r->c.not_before = now_;
	r->c.not_after = now_ + 30 * 86400;
	r->c.cross = 1;
	body_make(&r->body, &r->c);
	r->want = dca_tnset_new();
	dca_tnset_add_interval(r->want, (struct dca_tnrange){ lo, lo + 9, 11 });
}

static void
issue(struct dca_store *s, const struct request *r)
{
	struct dca_certificate c = r->c, old;
	char first[DCA_ENTRY_TEXT];
	struct dca_customer customer;
	struct dca_code code;
	struct dca_key key;
	struct dca_err e;
	unsigned n = 0;

	if (dca_store_key(s, c.key_sha256, now_, &key, &e) == DCA_OK ||
	    dca_store_code(s, "none", &code, &e) == DCA_OK)
		abort();
	must(dca_store_customer(s, c.customer, &customer, &e), &e);
	if (dca_store_certificate_repeat(s, c.customer, DCA_FN_SEN,
	    c.csr_sha256, &old, &e) == DCA_OK)
		abort();
	dca_store_delegations(s, c.customer, now_, r->want, seen, &n);
	if (n != 1 ||
	    dca_store_delegated_elsewhere(s, c.customer, now_, r->want,
		first) ||
	    dca_store_certified_elsewhere(s, c.customer, now_, r->want, false,
		first))
		abort();
	dca_store_savepoint(s);
	must(dca_store_append(s, now_, "issue", "customer:bench",
		 dca_out_buf(&r->body), &c.seq, &e), &e);
	must(dca_store_certificate_add(s, &c, r->want, false, &e), &e);
	dca_store_release(s);
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 20000;
	unsigned group = argc > 3 ? (unsigned)atoi(argv[3]) : 10;
	unsigned customers_n = argc > 4 ? (unsigned)atoi(argv[4]) : 10000;
	double cpu = 0, wall = 0;
	struct dca_store *s;
	struct dca_err e;
	struct request *r = calloc(group ? group : 1, sizeof *r);

	if (argc < 2 || !r || !group) {
		fprintf(stderr, "usage: bench-store FILE [certificates [group "
				"[delegations]]]\n");
		return 2;
	}
	now_ = time(NULL);
	must(dca_store_open(&s, argv[1], false, &e), &e);
	customers(s, customers_n);
	for (unsigned i = 0; i < n; i += group) {
		for (unsigned k = 0; k < group; k++)
			request_make(&r[k], (i + k) * 7919 % customers_n);
		cpu -= seconds(CLOCK_PROCESS_CPUTIME_ID);
		wall -= seconds(CLOCK_MONOTONIC);
		must(dca_store_begin(s, &e), &e);
		for (unsigned k = 0; k < group; k++)
			issue(s, &r[k]);
		must(dca_store_commit(s, &e), &e);
		cpu += seconds(CLOCK_PROCESS_CPUTIME_ID);
		wall += seconds(CLOCK_MONOTONIC);
		for (unsigned k = 0; k < group; k++) {
			dca_out_free(&r[k].body);
			dca_tnset_free(r[k].want);
		}
	}
	printf("%u certificates, groups of %u, %u delegations: CPU %.1f us, "
	       "wall %.1f us each\n", n, group, customers_n, cpu * 1e6 / n,
	    wall * 1e6 / n);
	dca_store_close(s);
	free(r);
	return 0;
}
