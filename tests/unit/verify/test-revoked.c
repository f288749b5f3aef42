/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdca-verify with revocation lists (RFC 5280 6.3.3), and one verifier in
 * many threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "lab-crl.h"
#include "relying.h"

/* The chain whose SCA and leaf name the STI-PA's CRL. */
struct revocable {
	struct chain c;
	struct lab pa;
	char *crldp;
	struct dca_out signer;
};

static void
make_revocable(struct revocable *r)
{
	struct dca_certs pa = { 0 };

	*r = (struct revocable){ 0 };
	r->pa = lab_make(&(struct lab_spec){ .cn = "STI-PA CRL",
	    .ca = LAB_CA_FALSE, .ku = 0x02 });
	r->crldp = lab_crldp(&r->pa);
	lab_add(&pa, &r->pa);
	r->signer = pem_of(&pa);
	dca_certs_clear(&pa);
	plan(&r->c);
	r->c.spec[SCA].crldp = r->c.spec[LEAF].crldp = r->crldp;
	make(&r->c);
}

static void
drop_revocable(struct revocable *r)
{
	drop(&r->c);
	lab_free(&r->pa);
	free(r->crldp);
	dca_out_free(&r->signer);
}

/* With one CRL: what is said of the chain. */
static void
expect_with(struct revocable *r, const struct lab_crl_spec *s,
    const char *rule, int at)
{
	struct dca_verifier *v = verifier_of(&r->c.roots);
	DCA_AUTO_OUT der = { 0 };
	struct dca_verify_why why;

	lab_crl(&der, s);
	assert_int_equal(dca_verifier_add_crl(v, der.p, der.n, r->signer.p,
	    r->signer.n, &why), DCA_VERIFY_ACCEPTED);
	judge(v, &r->c.chain, rule, at, &why);
	dca_verifier_free(v);
}

static void
asks_the_lists(void **state)
{
	struct lab_crl_spec s = { .idp = IDP_INDIRECT };
	struct dca_verify_why why;
	struct dca_verifier *v;
	DCA_AUTO_OUT der = { 0 };
	struct revocable r;

	(void)state;
	make_revocable(&r);
	s.signer = &r.pa;
	expect_with(&r, &s, "", -1);
	s.revoked[0] = (struct lab_revoked){ .cert = &r.c.cert[LEAF],
		.issuer = true, .reason = 5 + 1 };
	expect_with(&r, &s, "chain-revoked", 0);
	s.revoked[0].cert = &r.c.cert[SCA];
	expect_with(&r, &s, "chain-revoked", 1);
	s.revoked[0].cert = NULL;
	s.this_update = LAB_NOW - 3 * 86400;
	s.next_update = LAB_NOW - 1;
	expect_with(&r, &s, "crl-stale", 0);
	s.this_update = s.next_update = 0;
	s.idp = NULL;
	expect_with(&r, &s, "crl-none", 0);
	/* Not by who may. */
	v = verifier_of(&r.c.roots);
	s.signer = &r.c.cert[ROOT];
	lab_crl(&der, &s);
	assert_int_equal(dca_verifier_add_crl(v, der.p, der.n, r.signer.p,
	    r.signer.n, &why), DCA_VERIFY_REFUSED);
	assert_string_equal(why.rule, "crl-signer");
	dca_verifier_free(v);
	drop_revocable(&r);
}

/* One verifier, many threads, both verdicts. */
enum { THREADS = 4, ROUNDS = 25 };
struct shared {
	const struct dca_verifier *v;
	struct dca_out right, wrong;
	size_t bad[THREADS];
};
struct thread {
	pthread_t id;
	struct shared *s;
	size_t i;
};

static void *
check_many(void *arg)
{
	struct thread *t = arg;
	const struct shared *s = t->s;
	struct dca_verified *l;
	struct dca_verify_why why;

	for (int k = 0; k < ROUNDS; k++) {
		l = NULL;
		if (dca_verifier_check(s->v, s->right.p, s->right.n, LAB_NOW,
		    &l, &why) != DCA_VERIFY_ACCEPTED ||
		    dca_verified_may_sign(l, "12125551500") != 1)
			t->s->bad[t->i]++;
		dca_verified_free(l);
		if (dca_verifier_check(s->v, s->wrong.p, s->wrong.n, LAB_NOW,
		    NULL, &why) != DCA_VERIFY_REFUSED ||
		    strcmp(why.first, "12155551212") != 0)
			t->s->bad[t->i]++;
	}
	return NULL;
}

static void
serves_many_threads(void **state)
{
	struct lab_crl_spec crl = { .idp = IDP_INDIRECT };
	struct thread t[THREADS];
	struct shared s = { 0 };
	struct dca_verifier *v;
	DCA_AUTO_OUT der = { 0 };
	struct revocable r;
	struct lab wide;

	(void)state;
	make_revocable(&r);
	crl.signer = &r.pa;
	lab_crl(&der, &crl);
	v = verifier_of(&r.c.roots);
	s.v = v;
	assert_int_equal(dca_verifier_add_crl(v, der.p, der.n, r.signer.p,
	    r.signer.n, NULL), DCA_VERIFY_ACCEPTED);
	assert_int_equal(dca_verifier_add_numbers(v, "1234",
	    "9,8,7,12125551500+100", NULL), DCA_VERIFY_ACCEPTED);
	s.right = pem_of(&r.c.chain);
	r.c.spec[LEAF].list = TN_OUT;
	wide = lab_make(&r.c.spec[LEAF]);
	dca_certs_clear(&r.c.chain);
	lab_add(&r.c.chain, &wide);
	lab_add(&r.c.chain, &r.c.cert[SCA]);
	lab_add(&r.c.chain, &r.c.cert[INTER]);
	s.wrong = pem_of(&r.c.chain);
	for (size_t i = 0; i < THREADS; i++) {
		t[i] = (struct thread){ .s = &s, .i = i };
		assert_int_equal(pthread_create(&t[i].id, NULL, check_many,
		    &t[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i].id, NULL), 0);
		assert_int_equal(s.bad[i], 0);
	}
	dca_verifier_free(v);
	dca_out_free(&s.right);
	dca_out_free(&s.wrong);
	lab_free(&wide);
	drop_revocable(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_the_lists),
		cmocka_unit_test(serves_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
