/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: their rows, their DER, repeats, and who holds what. */
#include "fixture.h"

#include "dca/cert.h"

static int
filled(void **state)
{
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	fixture_fill(f);
	OK(dca_store_begin(f->s, &f->e));
	return 0;
}

static void
row_and_der(void **state)
{
	struct fixture *f = *state;
	struct dca_certificate c, got;
	struct dca_out der = { 0 };
	struct dca_cert cert;
	uint8_t none[DCA_SERIAL_LEN] = { 0x41 };

	c = fixture_issue(f, "acme", "12025550150", "three", NULL);
	OK(dca_store_certificate(f->s, c.serial, &got, &f->e));
	assert_memory_equal(got.serial, c.serial, sizeof c.serial);
	assert_string_equal(got.customer, "acme");
	assert_memory_equal(got.key_sha256, c.key_sha256, 32);
	assert_memory_equal(got.csr_sha256, c.csr_sha256, 32);
	assert_int_equal(got.function, c.function);
	assert_int_equal(got.not_before, c.not_before);
	assert_int_equal(got.not_after, c.not_after);
	assert_int_equal(got.cross, 1);
	assert_int_equal(got.basis, c.basis);
	assert_int_equal(got.seq, c.seq);
	assert_int_equal(got.revoked, 0);
	assert_int_equal(got.published, 0);
	OK(dca_store_certificate_der(f->s, c.serial, &der, &f->e));
	OK(dca_cert_parse(&cert, dca_out_buf(&der), &f->e));
	assert_memory_equal(cert.serial, c.serial, sizeof c.serial);
	dca_cert_clear(&cert);
	dca_out_free(&der);
	REFUSED(dca_store_certificate(f->s, none, &got, &f->e), REG_UNKNOWN);
	REFUSED(dca_store_certificate_der(f->s, none, &der, &f->e),
	    REG_UNKNOWN);
	REFUSED(dca_store_certificate_published(f->s, none, 1, &f->e),
	    REG_UNKNOWN);
	OK(dca_store_certificate_published(f->s, c.serial, T0 + 5, &f->e));
	OK(dca_store_certificate(f->s, c.serial, &got, &f->e));
	assert_int_equal(got.published, T0 + 5);
}

static void
repeat(void **state)
{
	struct fixture *f = *state;
	struct dca_certificate a, b, got;

	a = fixture_issue(f, "acme", "12025550150", "same", NULL);
	OK(dca_store_certificate_repeat(f->s, "acme", DCA_FN_SEN, a.csr_sha256,
	    &got, &f->e));
	assert_int_equal(got.seq, a.seq);
	b = fixture_issue(f, "acme", "12025550151", "same", NULL);
	OK(dca_store_certificate_repeat(f->s, "acme", DCA_FN_SEN, a.csr_sha256,
	    &got, &f->e));
	assert_int_equal(got.seq, b.seq);	/* the newest */
	REFUSED(dca_store_certificate_repeat(f->s, "acme", DCA_FN_SREN,
	    a.csr_sha256, &got, &f->e), REG_UNKNOWN);
	REFUSED(dca_store_certificate_repeat(f->s, "beta", DCA_FN_SEN,
	    a.csr_sha256, &got, &f->e), REG_UNKNOWN);
	REFUSED(dca_store_certificate_repeat(f->s, "acme", DCA_FN_SEN,
	    a.key_sha256, &got, &f->e), REG_UNKNOWN);
}

static void
refusals(void **state)
{
	static const char *const more[] = { "spc:709J,12025550150",
		"12025550150,*123" };
	struct fixture *f = *state;
	struct dca_certificate c;
	struct dca_tnset *numbers = fixture_numbers("12025550150");

	c = fixture_issue(f, "acme", "12025550150", "x", NULL);
	REFUSED(dca_store_certificate_add(f->s, &c, numbers, false, &f->e),
	    REG_EXISTS);	/* the serial number */
	strcpy(c.customer, "beta");
	c.serial[19] ^= 1;
	REFUSED(dca_store_certificate_add(f->s, &c, numbers, false, &f->e),
	    CSR_FORBIDDEN_KEY);
	c.key_sha256[0] ^= 1;
	c.seq += 1000;
	c.cross = 99;
	REFUSED(dca_store_certificate_add(f->s, &c, numbers, false, &f->e),
	    REG_UNKNOWN);
	strcpy(c.customer, "eve");
	c.key_sha256[1] ^= 1;
	REFUSED(dca_store_certificate_add(f->s, &c, numbers, false, &f->e),
	    REG_UNKNOWN);
	for (size_t i = 0; i < 2; i++) {
		struct dca_tnset *t = fixture_numbers(more[i]);

		REFUSED(dca_store_certificate_add(f->s, &c, t, false, &f->e),
		    PROFILE);
		dca_tnset_free(t);
	}
	dca_tnset_free(numbers);
}

static void
certified_key(void **state)
{
	struct fixture *f = *state;
	struct dca_certificate c;
	struct dca_key k;

	c = fixture_issue(f, "acme", "12025550150", "x", NULL);
	OK(dca_store_key(f->s, c.key_sha256, T0, &k, &f->e));
	assert_true(k.certified);
	assert_false(k.pinned);
	OK(dca_store_key(f->s, c.key_sha256, c.not_after, &k, &f->e));
	assert_true(k.certified);	/* through notAfter */
	OK(dca_store_key(f->s, c.key_sha256, c.not_after + 1, &k, &f->e));
	assert_false(k.certified);
}

static bool
held(struct fixture *f, const char *customer, const char *tn, int64_t now,
    bool shared, const char *must)
{
	struct dca_tnset *want = fixture_numbers(tn);
	char first[DCA_ENTRY_TEXT];
	bool yes = dca_store_certified_elsewhere(f->s, customer, now, want,
	    shared, first);

	assert_string_equal(first, must);
	dca_tnset_free(want);
	return yes;
}

/* fixture_fill: acme holds 100 and 110 to 114, beta 300 and says shared. */
static void
elsewhere(void **state)
{
	struct fixture *f = *state;
	int64_t end = T0 + 30 * 86400;

	assert_false(held(f, "acme", "12025550100+100", T0, false, ""));
	assert_true(held(f, "beta", "12025550100+100", T0, false,
	    "12025550100"));
	assert_true(held(f, "beta", "12025550101+100", T0, true,
	    "12025550110"));
	assert_true(held(f, "beta", "12025550114+9", end, false,
	    "12025550114"));
	assert_false(held(f, "beta", "12025550114", end + 1, false, ""));
	assert_false(held(f, "beta", "12025550115", T0, false, ""));
	assert_true(held(f, "acme", "12025550300", T0, false, "12025550300"));
	assert_false(held(f, "acme", "12025550300", T0, true, ""));
	/* a later certificate holds longer; the earlier one does not shorten */
	f->now = T0 + 10 * 86400;
	fixture_issue(f, "acme", "12025550110+5", "y", NULL);
	assert_true(held(f, "beta", "12025550112", end + 10 * 86400, false,
	    "12025550112"));
	assert_false(held(f, "beta", "12025550112", end + 10 * 86400 + 1,
	    false, ""));
	assert_false(held(f, "beta", "12025550100", end + 1, false, ""));
}

struct follow {
	uint64_t seq[8];
	size_t n;
};

static enum dca_rc
on_certificate(const struct dca_certificate *c, struct dca_buf der, void *arg,
    struct dca_err *e)
{
	struct follow *w = arg;

	assert_true(der.n > 200);
	if (w->n == 8)
		return dca_fail(e, DCA_RULE_QUEUE, "full");
	w->seq[w->n++] = c->seq;
	return DCA_OK;
}

static void
from(void **state)
{
	struct fixture *f = *state;
	struct follow w = { 0 };

	OK(dca_store_certificates_from(f->s, 0, 100, on_certificate, &w,
	    &f->e));
	assert_int_equal(w.n, 2);
	assert_int_equal(w.seq[0], 9);
	assert_int_equal(w.seq[1], 10);
	w.n = 0;
	OK(dca_store_certificates_from(f->s, 10, 100, on_certificate, &w,
	    &f->e));
	assert_int_equal(w.n, 1);
	w.n = 0;
	OK(dca_store_certificates_from(f->s, 1, 1, on_certificate, &w, &f->e));
	assert_int_equal(w.n, 1);
	w.n = 8;
	REFUSED(dca_store_certificates_from(f->s, 1, 9, on_certificate, &w,
	    &f->e), QUEUE);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, filled, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(row_and_der), T(repeat), T(refusals), T(certified_key),
		T(elsewhere), T(from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
