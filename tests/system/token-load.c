/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of all kinds (TOKEN_FAULTS, default 300) while customers enrol without a pause. Afterwards
 * every request that was answered has exactly one certificate, the answered
 * one, and it is right; the ledger agrees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "dca/store.h"
#include "token.h"

enum { ASKERS = 4, FAULTS = 300, FAULTS_MAX = 5000,
       REQUESTS_MAX = 100000, LIMIT = 800 };

struct request {
	uint8_t csr[DCA_SHA256_LEN];
	struct dca_out cert;
	char number[16];
	unsigned tries, rows;
};
static struct request *requests;
static atomic_uint n_requests;
static atomic_bool done;

/* One customer: repeats each request until it has its certificate. */
static void *
customer(void *arg)
{
	struct reply r = { 0 };

	(void)arg;
	while (!atomic_load(&done)) {
		const unsigned i = atomic_fetch_add(&n_requests, 1);
		struct request *q = &requests[i];
		struct dca_out csr = { 0 };

		if (i >= REQUESTS_MAX)
			abort();
		(void)snprintf(q->number, sizeof(q->number), "120255501%02u",
		    10 + i % 80);
		lab_csr(&csr, pinned, q->number, NULL);
		dca_sha256(q->csr, dca_out_buf(&csr));
		while (q->tries++, ask_csr(&r, &csr) != DCA_RULE_NONE)
			(void)usleep(2000);
		dca_out_add(&q->cert, r.m.f[1].b.p, r.m.f[1].b.n);
		dca_out_free(&csr);
	}
	reply_clear(&r);
	return NULL;
}

/* Most mend themselves; the last few need an operator. */
static const char *const kinds[] = {
	"C_Sign 0xb3 3", "C_SignInit 0xb3 3", "C_Sign 0x30 4",
	"C_SignInit 0x6 3", "C_Sign 0x101 2", "C_SignInit 0x82 3",
	"C_Sign 0x60 2", "C_Sign 0x32 1", "C_SignInit 0x5 2",
	"C_Sign 0xe0 2", "C_Sign 0x190 1", "C_SignInit 0x80000001 1",
	"C_OpenSession 0xb1 2", "C_OpenSession 0x32 1", "C_OpenSession 0x5 3",
	"C_FindObjectsInit 0x5 1", "C_FindObjects 0x30 1",
	"C_GetAttributeValue 0x30 1", "C_GetSessionInfo 0xb3 3",
	"C_Login 0x5 2", "C_Login 0x30 1", "C_Initialize 0x6 1",
	"C_GetSlotList 0x30 1", "C_GetTokenInfo 0x30 1",
	"C_SignInit 0 2 0 kill", "C_Sign 0 2 0 kill", "C_SignInit 0 2 0 logout",
	"C_Sign 0 2 0 logout", "* 0 2 0 kill", "C_Sign 0 6 3000",
	"C_Sign 0xb3 1\nC_OpenSession 0x32 1", "* 0x32 3", "* 0x30 4",
	"* 0xb3 5", "token gone",
	"C_Sign 0 1 0 corrupt", "C_Sign 0 1 0 short", "C_Sign 0x70 1",
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), BY_HAND = KINDS - 3 };

/* The kinds of the operator come once in forty rounds. */
static void
one_round(unsigned round)
{
	const unsigned kind = round % 40 == 39 ? BY_HAND + round / 40 % 3 :
	    (unsigned)random() % BY_HAND;
	const unsigned long before = calls("(injected)");
	char state[32];

	faults(kinds[kind]);
	for (int i = 0; i < 20; i++) {
		(void)usleep(3000);
		if (calls("(injected)") > before && i > 1)
			break;
	}
	faults(NULL);
	if (kind < BY_HAND && round % 20 != 0)
		return;
	for (int i = 0; i < 1200; i++) {
		token_text("state", state, sizeof(state));
		if (strcmp(state, "up") == 0)
			return;
		if (strcmp(state, "quarantined") == 0 ||
		    strcmp(state, "stopped") == 0)
			resume(DCA_RULE_NONE);
		(void)usleep(50000);
	}
	fail_msg("the token stays %s after \"%s\"", state, kinds[kind]);
}

static enum dca_rc
take_row(const struct dca_row *row, void *arg, struct dca_err *e)
{
	struct dca_cbor c;
	struct dca_buf csr, cert;

	(void)e;
	(void)arg;
	if (strcmp(row->kind, "issue") != 0)
		return DCA_OK;
	assert_true(dca_cbor_find(row->body, "csr", &c) &&
	    dca_cbor_take_bytes(&c, &csr, DCA_SHA256_LEN));
	assert_true(dca_cbor_find(row->body, "cert", &c) &&
	    dca_cbor_take_bytes(&c, &cert, DCA_CROSS_MAX));
	for (unsigned i = 0; i < n_requests; i++) {
		struct request *q = &requests[i];

		if (memcmp(q->csr, csr.p, DCA_SHA256_LEN) != 0)
			continue;
		q->rows++;
		assert_true(dca_buf_eq(cert, dca_out_buf(&q->cert)));
	}
	return DCA_OK;
}

static void
check_ledger(void)
{
	struct dca_store *store = NULL;
	struct dca_err e = { 0 };
	uint64_t rows = 0;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/var/lib/dca/vault/store.db",
	    lab.prefix);
	if (dca_store_open(&store, path, true, &e) ||
	    dca_store_verify(store, &rows, &e) ||
	    dca_store_walk(store, 1, take_row, NULL, &e))
		fail_msg("%s", e.text);
	dca_store_close(store);
}

void
test_load(void **state)
{
	pthread_t threads[ASKERS];
	const double start = seconds();
	const char *asked = getenv("TOKEN_FAULTS");
	unsigned long first = calls("(injected)"), n, faults = FAULTS;
	unsigned tries = 0, rounds = 0;
	struct dca_out args = { 0 };
	struct reply r = { 0 };

	(void)state;
	if (asked != NULL)
		faults = strtoul(asked, NULL, 10);
	assert_in_range(faults, 1, FAULTS_MAX);
	requests = dca_alloc(REQUESTS_MAX * sizeof(*requests));
	memset(requests, 0, REQUESTS_MAX * sizeof(*requests));
	for (int i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, customer,
		    NULL), 0);
	srandom(1);
	while ((n = calls("(injected)") - first) < faults) {
		one_round(rounds++);
		if (seconds() - start > LIMIT)
			fail_msg("%lu faults in %d s", n, LIMIT);
	}
	/* the last fault may stop the token after its round has ended */
	put_map(&args, 0);
	lab_act(&lab, &r, "token.resume", &args);
	assert_true(r.m.type == DCA_MSG_DATA ||
	    r.e.rule == DCA_RULE_REG_STATE);
	reply_clear(&r);
	atomic_store(&done, true);
	for (int i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	lab_stop(&lab);
	check_ledger();
	for (unsigned i = 0; i < n_requests; i++) {
		if (requests[i].rows != 1)
			fail_msg("request %u has %u certificates", i,
			    requests[i].rows);
		check_certificate(dca_out_buf(&requests[i].cert),
		    requests[i].number);
		dca_out_free(&requests[i].cert);
		tries += requests[i].tries;
	}
	print_message("%lu faults in %u rounds and %.0f s; %u requests, %u "
	    "askings: each has exactly one certificate\n", n, rounds,
	    seconds() - start, (unsigned)n_requests, tries);
	dca_out_free(&args);
	free(requests);
}
