/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two customers and one number at the same instant, a thousand times, at the
 * real dca-vault: when it is delegated, and when it moves from one to the
 * other while the one's request is being signed. Who held what is proven from
 * the ledger rows alone, without the views.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "dca/store.h"
#include "numbers.h"

enum { ROUNDS = 1000, ISSUES_MAX = 8 * ROUNDS };

/* One of two that go at the same moment, each with a question made before. */
struct racer {
	pthread_t thread;
	pthread_barrier_t *start;
	useconds_t wait;
	struct dca_out acts[2], csr;
	const struct dca_out *peer;
	size_t n_acts;
	struct reply act[2], issue;
};

static void
ask_act(struct reply *r, const struct dca_out *cose)
{
	struct dca_message m = { .type = DCA_MSG_ACT, .id = 6, .n = 2 };

	m.f[0].b = dca_out_buf(&lab.admin_cert);
	m.f[1].b = dca_out_buf(cose);
	lab_ask(r, lab.front, &m);
}

static void *
race(void *arg)
{
	struct racer *a = arg;

	(void)pthread_barrier_wait(a->start);
	if (a->wait)
		(void)usleep(a->wait);
	for (size_t i = 0; i < a->n_acts; i++)
		ask_act(&a->act[i], &a->acts[i]);
	if (a->csr.n)
		lab_issue(&lab, &a->issue, a->peer, &a->csr);
	return NULL;
}

static void
run_both(struct racer *a, struct racer *b)
{
	pthread_barrier_t start;

	assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
	a->start = b->start = &start;
	assert_int_equal(pthread_create(&a->thread, NULL, race, a), 0);
	assert_int_equal(pthread_create(&b->thread, NULL, race, b), 0);
	assert_int_equal(pthread_join(a->thread, NULL), 0);
	assert_int_equal(pthread_join(b->thread, NULL), 0);
	(void)pthread_barrier_destroy(&start);
}

static void
racer_clear(struct racer *a)
{
	for (size_t i = 0; i < 2; i++) {
		dca_out_free(&a->acts[i]);
		reply_clear(&a->act[i]);
	}
	dca_out_free(&a->csr);
	reply_clear(&a->issue);
}

/* Signed by bob or alice, who never share a sequence. */
static void
sign_act(struct dca_out *cose, bool bob, const char *name,
    const struct dca_out *args)
{
	static uint64_t bobs = 100;
	struct dca_act a = { .time = dca_now(), .args = dca_out_buf(args) };
	struct dca_out payload = { 0 };
	struct dca_err e = { 0 };

	a.seq = bob ? ++bobs : ++lab.seq;
	(void)dca_strlcpy(a.name, name, sizeof(a.name));
	(void)dca_strlcpy(a.op, bob ? "bob" : "alice", sizeof(a.op));
	memcpy(a.appliance, lab.appliance, sizeof(a.appliance));
	dca_act_encode(&payload, &a);
	if (dca_cose_sign1(cose, dca_out_buf(&payload),
	    bob ? bob_key : lab.admin_key, &e))
		fail_msg("%s", e.text);
	dca_out_free(&payload);
}

static void
add_act(struct racer *a, bool bob, const char *name,
    const struct dca_out *args)
{
	sign_act(&a->acts[a->n_acts++], bob, name, args);
}

static void
number_text(char out[static 16], unsigned i)
{
	(void)snprintf(out, 16, "%llu", 12025550000ULL + i);
}

/* Who has number i by the register: 1 acme, 2 beta. */
static unsigned char holder[ROUNDS];

/* Two operators delegate it to two customers; at most one says shared. */
void
test_race_delegations(void **state)
{
	unsigned acme = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct racer a = { 0 }, b = { 0 };
		struct dca_out args = { 0 };
		char start[16];
		bool first;

		number_text(start, i);
		put_import(&args, "acme", start, 1, i % 3 == 1);
		add_act(&a, false, "delegation.import", &args);
		put_import(&args, "beta", start, 1, i % 3 == 2);
		add_act(&b, true, "delegation.import", &args);
		if (i % 2)
			run_both(&a, &b);
		else
			run_both(&b, &a);
		first = a.act[0].m.f[0].u == 204;
		if (first == (b.act[0].m.f[0].u == 204))
			fail_msg("number %u: %s", i, first ? "both" : "none");
		is_data(&a.act[0], first ? 204 : 400);
		is_data(&b.act[0], first ? 400 : 204);
		holder[i] = first ? 1 : 2;
		acme += first;
		racer_clear(&a);
		racer_clear(&b);
		dca_out_free(&args);
	}
	print_message("[   INFO   ] %d numbers: %u acme's, %u beta's\n",
	    ROUNDS, acme, ROUNDS - acme);
	verified();
}

static void
one_number(struct racer *a, bool acme, const char *number)
{
	a->peer = acme ? &acme_cert : &beta_cert;
	lab_csr(&a->csr, acme ? acme_key : beta_key, number, NULL);
}

/*
 * The holder asks for a certificate while the number is taken from it and
 * given to the other, who asks at once. The wait sweeps over the time that
 * the holder's request takes.
 */
void
test_race_port(void **state)
{
	unsigned stayed = 0, moved = 0, met = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		const bool acme = holder[i] == 1;
		const char *from = acme ? "acme" : "beta";
		const char *to = acme ? "beta" : "acme";
		struct racer old = { 0 }, new = { 0 };
		struct dca_out args = { 0 };
		char number[16];

		number_text(number, i);
		one_number(&old, acme, number);
		one_number(&new, !acme, number);
		put_remove(&args, from, number, -1);
		add_act(&new, i % 2, "delegation.remove", &args);
		put_import(&args, to, number, 1, false);
		add_act(&new, i % 2, "delegation.import", &args);
		new.wait = i % 4 == 3 ? 0 : (i % 40) * 100;
		old.wait = i % 4 == 3 ? (i % 7) * 300 : 0;
		run_both(&old, &new);
		if (is_issued(&old.issue)) {
			is_problem(&new.act[0], DCA_RULE_REG_LIVE, number);
			is_data(&new.act[1], 400);	/* reg-overlap */
			is_problem(&new.issue, DCA_RULE_SCOPE_OTHER, number);
			stayed++;
		} else {
			is_data(&new.act[0], 204);
			is_data(&new.act[1], 204);
			assert_string_equal(old.issue.e.first, number);
			/* the holder's was still with a worker: once more */
			if (!is_issued(&new.issue)) {
				is_problem(&new.issue, DCA_RULE_SCOPE_OTHER,
				    number);
				met++;
				lab_issue(&lab, &new.issue, new.peer,
				    &new.csr);
			}
			assert_true(is_issued(&new.issue));
			holder[i] = acme ? 2 : 1;
			moved++;
		}
		racer_clear(&old);
		racer_clear(&new);
		dca_out_free(&args);
	}
	print_message("[   INFO   ] %u stayed, %u moved, in %u of them the "
	    "old holder's request was being signed\n", stayed, moved, met);
	assert_true(stayed > 0);
	assert_true(moved > 0);
	verified();
}

/* --- the proof: rows of the ledger, one after the other --- */
struct issued {
	uint8_t serial[DCA_SERIAL_LEN];
	char customer[DCA_ID_MAX + 1];
	struct dca_tnset *numbers;
	bool shared, revoked;
};
struct delegated {
	char customer[DCA_ID_MAX + 1];
	struct dca_tnset *numbers;
	bool shared;
};
static struct proof {
	struct issued certs[ISSUES_MAX];
	size_t n_certs, n_revoked;
	struct delegated rows[ISSUES_MAX];
	size_t n_rows;
} proof;

static void
take_text(struct dca_buf in, const char *key, char *out, size_t cap)
{
	struct dca_cbor c;

	assert_true(dca_cbor_find(in, key, &c));
	assert_true(dca_cbor_take_text(&c, out, cap));
}

/* No two customers have one number, unless both by shared delegations. */
static void
proof_delegate(struct dca_buf args)
{
	struct delegated *d = &proof.rows[proof.n_rows++];
	char start[24], text[48];
	uint64_t count = 0, skip = 0;
	struct dca_cbor c;
	size_t n;

	assert_true(proof.n_rows < ISSUES_MAX);
	assert_true(dca_cbor_find(args, "rows", &c));
	assert_true(dca_cbor_take_array(&c, &n, 1) && n == 1);
	assert_true(dca_cbor_take_array(&c, &n, 6) && n == 6);
	assert_true(dca_cbor_take_text(&c, d->customer,
	    sizeof(d->customer)) && dca_cbor_take_text(&c, start,
	    sizeof(start)) && dca_cbor_take_uint(&c, &count) &&
	    dca_cbor_take_uint(&c, &skip) && dca_cbor_take_uint(&c, &skip) &&
	    dca_cbor_take_bool(&c, &d->shared));
	(void)snprintf(text, sizeof(text), "%s+%llu", start,
	    (unsigned long long)count);
	d->numbers = lab_set(text);
	for (size_t i = 0; i + 1 < proof.n_rows; i++) {
		const struct delegated *o = &proof.rows[i];

		if (strcmp(o->customer, d->customer) != 0 &&
		    !(o->shared && d->shared) &&
		    dca_tnset_overlaps(o->numbers, d->numbers, NULL))
			fail_msg("%s delegated to %s and %s", text,
			    o->customer, d->customer);
	}
}

/* Set without what is taken: by trying each number of these small sets. */
static struct dca_tnset *
without(const struct dca_tnset *set, const struct dca_tnset *taken)
{
	struct dca_tnset *rest = dca_tnset_new();
	const struct dca_tnrange *v;
	size_t n = dca_tnset_ranges(set, &v);

	for (size_t i = 0; i < n; i++)
		for (uint64_t k = v[i].lo; k <= v[i].hi; k++) {
			struct dca_tnset *one = dca_tnset_new();
			struct dca_tnrange r = { k, k, v[i].digits };

			dca_tnset_add_interval(one, r);
			if (!dca_tnset_covers(taken, one, NULL))
				dca_tnset_add_interval(rest, r);
			dca_tnset_free(one);
		}
	return rest;
}

/* After the row, nobody holds a live certificate with what was taken. */
static void
proof_remove(struct dca_buf args)
{
	char customer[DCA_ID_MAX + 1], text[200];
	struct dca_tnset *taken;

	take_text(args, "customer", customer, sizeof(customer));
	take_text(args, "numbers", text, sizeof(text));
	taken = lab_set(text);
	for (size_t i = 0; i < proof.n_rows; i++) {
		struct delegated *d = &proof.rows[i];
		struct dca_tnset *rest;

		if (strcmp(d->customer, customer) != 0 ||
		    !dca_tnset_overlaps(d->numbers, taken, NULL))
			continue;
		rest = without(d->numbers, taken);
		dca_tnset_free(d->numbers);
		d->numbers = rest;
	}
	for (size_t i = 0; i < proof.n_certs; i++)
		if (!proof.certs[i].revoked &&
		    strcmp(proof.certs[i].customer, customer) == 0 &&
		    dca_tnset_overlaps(proof.certs[i].numbers, taken, NULL))
			fail_msg("%s taken from %s, who holds it", text,
			    customer);
	dca_tnset_free(taken);
}

static void
proof_revoke(struct dca_buf body)
{
	struct dca_buf serial;
	struct dca_cbor c;
	size_t n, i;

	if (!dca_cbor_find(body, "serials", &c))
		return;
	assert_true(dca_cbor_take_array(&c, &n, SIZE_MAX));
	while (n--) {
		assert_true(dca_cbor_take_bytes(&c, &serial,
		    DCA_SERIAL_LEN));
		for (i = 0; i < proof.n_certs; i++)
			if (memcmp(proof.certs[i].serial, serial.p,
			    DCA_SERIAL_LEN) == 0)
				break;
		assert_true(i < proof.n_certs);
		proof.n_revoked += !proof.certs[i].revoked;
		proof.certs[i].revoked = true;
	}
}

static void
proof_issue(struct dca_buf body)
{
	struct issued *c = &proof.certs[proof.n_certs++];
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *all = dca_tnset_new();
	struct dca_cert cert = { 0 };
	struct dca_buf der;
	struct dca_cbor v;

	assert_true(proof.n_certs < ISSUES_MAX);
	take_text(body, "customer", c->customer, sizeof(c->customer));
	assert_true(dca_cbor_find(body, "cert", &v));
	assert_true(dca_cbor_take_bytes(&v, &der, DCA_CERT_MAX));
	assert_int_equal(dca_cert_parse(&cert, der, NULL), DCA_OK);
	memcpy(c->serial, cert.serial, sizeof(c->serial));
	c->numbers = dca_tnset_dup(cert.scope);
	c->shared = true;
	for (size_t i = 0; i < proof.n_rows; i++) {
		const struct delegated *d = &proof.rows[i];

		if (strcmp(d->customer, c->customer) != 0 ||
		    !dca_tnset_overlaps(d->numbers, c->numbers, NULL))
			continue;
		dca_tnset_union(all, d->numbers);
		c->shared = c->shared && d->shared;
	}
	assert_true(dca_tnset_covers(all, c->numbers, NULL));
	for (size_t i = 0; i + 1 < proof.n_certs; i++) {
		const struct issued *o = &proof.certs[i];

		if (!o->revoked && strcmp(o->customer, c->customer) != 0 &&
		    !(o->shared && c->shared) &&
		    dca_tnset_overlaps(o->numbers, c->numbers, NULL))
			fail_msg("%s and %s hold one number", o->customer,
			    c->customer);
	}
	dca_cert_clear(&cert);
}

static enum dca_rc
proof_row(const struct dca_row *row, void *arg, struct dca_err *e)
{
	struct dca_buf cose, payload, sig;
	struct dca_act a = { 0 };
	struct dca_cbor v;

	(void)arg;
	if (strcmp(row->kind, "issue") == 0)
		proof_issue(row->body);
	if (strcmp(row->kind, "act") != 0 ||
	    !dca_cbor_find(row->body, "cose", &v))
		return DCA_OK;
	assert_true(dca_cbor_take_bytes(&v, &cose, DCA_ACT_MAX));
	assert_int_equal(dca_cose_parse(cose, &payload, &sig, e), DCA_OK);
	assert_int_equal(dca_act_parse(&a, payload, e), DCA_OK);
	proof_revoke(row->body);
	if (strcmp(a.name, "delegation.import") == 0)
		proof_delegate(a.args);
	else if (strcmp(a.name, "delegation.remove") == 0)
		proof_remove(a.args);
	return DCA_OK;
}

/* Exactly one holder for each number in the end, never two on the way. */
void
test_ledger_proof(void **state)
{
	struct dca_store *store = NULL;
	struct dca_err e = { 0 };
	char path[128];

	(void)state;
	lab_stop(&lab);
	(void)snprintf(path, sizeof(path), "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&store, path, true, &e) ||
	    dca_store_walk(store, 0, proof_row, NULL, &e))
		fail_msg("%s", e.text);
	dca_store_close(store);
	for (unsigned i = 0; i < ROUNDS; i++) {
		char number[16];
		struct dca_tnset *one;
		unsigned held = 0;

		number_text(number, i);
		one = lab_set(number);
		for (size_t k = 0; k < proof.n_certs; k++) {
			const struct issued *c = &proof.certs[k];

			if (c->revoked ||
			    !dca_tnset_overlaps(c->numbers, one, NULL))
				continue;
			held++;
			assert_string_equal(c->customer,
			    holder[i] == 1 ? "acme" : "beta");
		}
		assert_int_equal(held, 1);
		dca_tnset_free(one);
	}
	print_message("[   INFO   ] %zu certificates, %zu revoked, %d numbers "
	    "with exactly one holder each\n", proof.n_certs, proof.n_revoked,
	    ROUNDS);
	for (size_t i = 0; i < proof.n_certs; i++)
		dca_tnset_free(proof.certs[i].numbers);
	for (size_t i = 0; i < proof.n_rows; i++)
		dca_tnset_free(proof.rows[i].numbers);
}
