/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real dca-vault over its sockets, with SoftHSM: what came back, and the
 * tests in their order. usage: vault PATH-OF-DCA-VAULT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/store.h"
#include "vault-tests.h"

struct lab lab;
const char *program;
EVP_PKEY *pinned;
struct dca_out pinned_cert, args;
struct reply r;

void
is_data(unsigned code)
{
	if (r.m.type != DCA_MSG_DATA)
		fail_msg("%s: %s", dca_problem(r.e.rule)->id, r.e.text);
	assert_int_equal(r.m.f[0].u, code);
	if (r.m.f[1].u == 60)
		assert_true(dca_cbor_check(r.m.f[2].b));
}

void
is_problem(enum dca_rule rule, const char *first)
{
	if (r.m.type != DCA_MSG_PROBLEM)
		fail_msg("%s instead of %s", dca_message_name(r.m.type),
		    dca_problem(rule)->id);
	if (r.e.rule != rule)
		fail_msg("%s (%s) instead of %s", dca_problem(r.e.rule)->id,
		    r.e.text, dca_problem(rule)->id);
	assert_int_equal(r.m.f[0].u, dca_problem(rule)->coap);
	assert_string_equal(r.e.first, first);
}

void
text_of(const char *key, char *out, size_t cap)
{
	struct dca_cbor c;

	assert_true(dca_cbor_find(r.m.f[2].b, key, &c));
	assert_true(dca_cbor_take_text(&c, out, cap));
}

uint64_t
uint_of(const char *key)
{
	struct dca_cbor c;
	uint64_t v = 0;

	assert_true(dca_cbor_find(r.m.f[2].b, key, &c));
	assert_true(dca_cbor_take_uint(&c, &v));
	return v;
}

/* ISSUED: signed by the CA, for this key, with exactly these numbers. */
void
is_issued(EVP_PKEY *key, const char *numbers)
{
	struct dca_tnset *want = lab_set(numbers);
	struct dca_spki spki = lab_spki(key);
	struct dca_cert leaf = { 0 }, ca = { 0 };
	struct dca_err e = { 0 };
	char hex[64], url[512], expect[512];

	if (r.m.type != DCA_MSG_ISSUED)
		fail_msg("%s: %s", dca_problem(r.e.rule)->id, r.e.text);
	if (dca_cert_parse(&leaf, r.m.f[1].b, &e) ||
	    dca_cert_parse(&ca, dca_out_buf(&lab.cross), &e))
		fail_msg("%s", e.text);
	assert_true(dca_cert_signed_by(&leaf, &ca));
	assert_memory_equal(&leaf.key, &spki, sizeof(spki));
	assert_true(dca_tnset_equal(leaf.scope, want));
	assert_memory_equal(leaf.serial, r.m.f[0].b.p, DCA_SERIAL_LEN);
	assert_false(leaf.ca);
	dca_hex(hex, leaf.serial, DCA_SERIAL_LEN);
	dca_field_text(&r.m.f[2], url, sizeof(url));
	(void)snprintf(expect, sizeof(expect),
	    "https://sti-cr.example.net:8443/certs/%s.pem", hex);
	assert_string_equal(url, expect);
	dca_cert_clear(&leaf);
	dca_cert_clear(&ca);
	dca_tnset_free(want);
}

void
ask_for(EVP_PKEY *key, const char *numbers, const char *password)
{
	struct dca_out peer = { 0 }, csr = { 0 };

	lab_client(&peer, key);
	lab_csr(&csr, key, numbers, password);
	lab_issue(&lab, &r, &peer, &csr);
	dca_out_free(&peer);
	dca_out_free(&csr);
}

static int
setup(void **state)
{
	(void)state;
	lab_start(&lab, program, "workers = 1");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lab_close(&lab);
	EVP_PKEY_free(pinned);
	dca_out_free(&pinned_cert);
	dca_out_free(&args);
	reply_clear(&r);
	return 0;
}

int
main(int argc, char **argv)
{
	/* in this order: each stands on what was set up before it */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_install),
		cmocka_unit_test(test_first_admin),
		cmocka_unit_test(test_register),
		cmocka_unit_test(test_act_refusals),
		cmocka_unit_test(test_act_malformed),
		cmocka_unit_test(test_import_errors),
		cmocka_unit_test(test_issue),
		cmocka_unit_test(test_enrol),
		cmocka_unit_test(test_operator_issue),
		cmocka_unit_test(test_suspend),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_est),
		cmocka_unit_test(test_hostile_packets),
		cmocka_unit_test(test_publisher),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_wrong_pin),
		cmocka_unit_test(test_release_published),
		cmocka_unit_test(test_token_lost),
		cmocka_unit_test(test_commit_fails),
		cmocka_unit_test(test_refusals_counted),
		cmocka_unit_test(test_quarantine),
		cmocka_unit_test(test_other_key),
		cmocka_unit_test(test_local_only),
		cmocka_unit_test(test_publication_late),
		cmocka_unit_test(test_ledger),
	};
	int rc;

	if (argc != 2)
		return 2;
	program = argv[1];
	dca_log_init("vault-test", DCA_ERR);
	rc = lab_open(&lab, program);
	return rc ? rc : cmocka_run_group_tests(tests, setup, teardown);
}
