/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the token are made of: faults, questions, what status
 * says, and a vault with one customer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "token.h"

struct lab lab;
const char *program;
EVP_PKEY *pinned;
struct dca_out pinned_cert;
char counts[128];
static struct dca_out args;

/* --- what the tests are made of --- */

double
seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
faults(const char *rules)
{
	fault_write(lab.control, rules);
}

unsigned long
calls(const char *name)
{
	return fault_calls(counts, name);
}

enum dca_rule
ask_csr(struct reply *r, const struct dca_out *csr)
{
	lab_issue(&lab, r, &pinned_cert, csr);
	if (r->m.type == DCA_MSG_ISSUED)
		return DCA_RULE_NONE;
	if (r->m.type != DCA_MSG_PROBLEM)
		fail_msg("%s", dca_message_name(r->m.type));
	return r->e.rule;
}

void
is_answered(enum dca_rule rule)
{
	struct dca_out csr = { 0 };
	struct reply r = { 0 };
	enum dca_rule got;

	lab_csr(&csr, pinned, "12025550100", NULL);
	got = ask_csr(&r, &csr);
	if (got != rule)
		fail_msg("%s (%s) instead of %s", dca_problem(got)->id,
		    r.e.text, dca_problem(rule)->id);
	if (rule != DCA_RULE_NONE) {
		assert_int_equal(r.m.f[0].u, 503);
		assert_true(r.m.f[5].u >= 1);	/* Max-Age */
	}
	reply_clear(&r);
	dca_out_free(&csr);
}

double
until_issued(const struct dca_out *csr)
{
	const double start = seconds();
	struct reply r = { 0 };

	while (ask_csr(&r, csr) != DCA_RULE_NONE) {
		if (seconds() - start > 60)
			fail_msg("not issued within 60 s: %s", r.e.text);
		(void)usleep(50000);
	}
	reply_clear(&r);
	return seconds() - start;
}

static bool
status_find(struct reply *r, const char *key, struct dca_cbor *c)
{
	lab_read(&lab, r, &lab.admin_cert, "status", "");
	assert_int_equal(r->m.type, DCA_MSG_DATA);
	assert_true(dca_cbor_check(r->m.f[2].b));
	return dca_cbor_find(r->m.f[2].b, key, c);
}

void
token_text(const char *key, char *out, size_t cap)
{
	struct reply r = { 0 };
	struct dca_cbor c, v;

	out[0] = '\0';
	assert_true(status_find(&r, "token", &c));
	if (dca_cbor_find(c.in, key, &v))
		assert_true(dca_cbor_take_text(&v, out, cap));
	reply_clear(&r);
}

void
wait_token(const char *state)
{
	char now[32];

	for (int i = 0; i < 1200; i++) {
		token_text("state", now, sizeof(now));
		if (strcmp(now, state) == 0)
			return;
		(void)usleep(50000);
	}
	fail_msg("token %s instead of %s", now, state);
}

uint64_t
certificates(void)
{
	struct reply r = { 0 };
	struct dca_cbor c, v;
	uint64_t n = 0;

	assert_true(status_find(&r, "counts", &c));
	assert_true(dca_cbor_find(c.in, "certificates", &v));
	assert_true(dca_cbor_take_uint(&v, &n));
	reply_clear(&r);
	return n;
}

bool
alarmed(const char *name)
{
	struct reply r = { 0 };
	struct dca_cbor c, v;
	char text[40] = "";
	struct dca_buf row;
	bool found = false;
	size_t n;

	assert_true(status_find(&r, "alarms", &c));
	assert_true(dca_cbor_take_array(&c, &n, 10));
	while (n-- && dca_cbor_skip(&c, &row))
		if (dca_cbor_find(row, "body", &v) &&
		    dca_cbor_find(v.in, "alarm", &v) &&
		    dca_cbor_take_text(&v, text, sizeof(text)) &&
		    strcmp(text, name) == 0)
			found = true;
	reply_clear(&r);
	return found;
}

void
resume(enum dca_rule expected)
{
	struct reply r = { 0 };

	put_map(&args, 0);
	lab_act(&lab, &r, "token.resume", &args);
	if (expected == DCA_RULE_NONE && r.m.type != DCA_MSG_DATA)
		fail_msg("%s", r.e.text);
	if (expected != DCA_RULE_NONE)
		assert_int_equal(r.e.rule, expected);
	reply_clear(&r);
}

void
check_certificate(struct dca_buf der, const char *number)
{
	struct dca_tnset *want = lab_set(number);
	struct dca_spki key = lab_spki(pinned);
	struct dca_cert leaf = { 0 }, ca = { 0 };
	struct dca_err e = { 0 };

	if (dca_cert_parse(&leaf, der, &e) ||
	    dca_cert_parse(&ca, dca_out_buf(&lab.cross), &e))
		fail_msg("%s", e.text);
	assert_true(dca_cert_signed_by(&leaf, &ca));
	assert_memory_equal(&leaf.key, &key, sizeof(key));
	assert_true(dca_tnset_equal(leaf.scope, want));
	dca_cert_clear(&leaf);
	dca_cert_clear(&ca);
	dca_tnset_free(want);
}

/* --- setting up --- */

static void
first_admin(void)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_ACT, .id = 9, .n = 1 };
	struct dca_act a = { .op = "local", .time = dca_now() };
	struct dca_spki k = lab_spki(lab.admin_key);
	struct dca_out payload = { 0 };
	struct reply r = { 0 };

	put_map(&args, 3);
	put_text(&args, "id", "alice");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	put_text(&args, "role", "admin");
	(void)dca_strlcpy(a.name, "operator.add", sizeof(a.name));
	memcpy(a.appliance, lab.appliance, 16);
	a.args = dca_out_buf(&args);
	dca_act_encode(&payload, &a);
	m.f[0].b = dca_out_buf(&payload);
	lab_ask(&r, lab.admin, &m);
	assert_int_equal(r.m.type, DCA_MSG_DATA);
	reply_clear(&r);
	dca_out_free(&payload);
}

static void
act(const char *name)
{
	struct reply r = { 0 };

	lab_act(&lab, &r, name, &args);
	if (r.m.type != DCA_MSG_DATA || r.m.f[0].u != 204)
		fail_msg("%s: %s", name, r.e.text);
	reply_clear(&r);
}

static void
register_acme(void)
{
	struct dca_spki k;

	put_map(&args, 3);
	put_text(&args, "id", "acme");
	put_text(&args, "name", "Acme, Inc.");
	put_text(&args, "country", "US");
	act("customer.add");
	put_map(&args, 4);
	put_uint(&args, "of", 1);
	put_uint(&args, "part", 0);
	dca_cbor_text(&args, "rows");
	dca_cbor_array(&args, 1);
	dca_cbor_array(&args, 6);
	dca_cbor_text(&args, "acme");
	dca_cbor_text(&args, "12025550100");
	dca_cbor_uint(&args, 100);
	dca_cbor_uint(&args, 0);
	dca_cbor_uint(&args, 0);
	dca_cbor_bool(&args, false);
	put_text(&args, "import", "d1");
	act("delegation.import");
	pinned = lab_key();
	lab_client(&pinned_cert, pinned);
	k = lab_spki(pinned);
	put_map(&args, 2);
	put_text(&args, "id", "acme");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	act("customer.pin");
}

int
token_setup(void **state)
{
	struct reply r = { 0 };

	(void)state;
	lab.module = FAULT_PATH;
	(void)snprintf(counts, sizeof(counts), "%s/var/lib/dca/vault/calls",
	    lab.prefix);
	if (setenv(FAULT_COUNTS, counts, 1) != 0)
		return -1;
	faults(NULL);
	lab_start(&lab, program, TOKEN_OPTIONS(""));
	lab_wait_state(&lab, "no-cross-certificate");
	lab_install(&lab, &r, dca_out_buf(&lab.ca_csr),
	    dca_out_buf(&lab.cross));
	assert_int_equal(r.m.type, DCA_MSG_DATA);
	lab_wait_state(&lab, "operational");
	reply_clear(&r);
	first_admin();
	register_acme();
	return 0;
}

int
token_teardown(void **state)
{
	(void)state;
	faults(NULL);
	lab_close(&lab);
	EVP_PKEY_free(pinned);
	dca_out_free(&pinned_cert);
	dca_out_free(&args);
	return 0;
}
