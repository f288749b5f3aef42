/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that goes wrong behind our back while signers are open: what
 * heals within one call, what is said to be down, and what is never released.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include "token.h"

#define URI "pkcs11:token=one;id=%01;object=ca"
static const uint8_t body[] = { 0x30, 0x03, 0x02, 0x01, 0x05 };

struct open {
	struct dca_hsm *h;
	struct dca_signer *s;
};

static int
setup(void **state)
{
	struct open *o = dca_alloc(sizeof(*o));
	struct dca_err e = { 0 };

	memset(o, 0, sizeof(*o));
	fault_rule(NULL);
	o->h = token_open(FAULT_PATH, URI);
	if (dca_signer_open(&o->s, o->h, &e) != DCA_OK)
		return -1;
	*state = o;
	return 0;
}

static int
teardown(void **state)
{
	struct open *o = *state;

	fault_rule(NULL);
	dca_signer_close(o->s);
	dca_hsm_close(o->h);
	free(o);
	return 0;
}

static enum dca_rc
sign(struct dca_signer *s, struct dca_err *e)
{
	DCA_AUTO_OUT out = { 0 };
	enum dca_rc rc;

	memset(e, 0, sizeof(*e));
	rc = dca_signer_sign(s, DCA_BUF(body, sizeof(body)), &out, e);
	/* Something comes out exactly when all is well. */
	assert_int_equal(out.n > 0, rc == DCA_OK);
	return rc;
}

static void
assert_signs(struct dca_signer *s)
{
	struct dca_err e;

	if (sign(s, &e) != DCA_OK)
		fail_msg("%s", e.text);
}

static CK_SLOT_ID
slot_of(CK_FUNCTION_LIST *f, const char *label)
{
	CK_SLOT_ID v[16];
	CK_ULONG n = 16;

	assert_int_equal(f->C_GetSlotList(CK_TRUE, v, &n), CKR_OK);
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO t;

		assert_int_equal(f->C_GetTokenInfo(v[i], &t), CKR_OK);
		if (memcmp(t.label, label, strlen(label)) == 0)
			return v[i];
	}
	fail_msg("no token %s", label);
	return 0;
}

static void
sessions_closed(void **state)
{
	struct open *o = *state;
	CK_FUNCTION_LIST *f = token_other_code(token_module());
	struct dca_spki key;
	struct dca_err e = { 0 };

	for (int i = 0; i < 3; i++) {
		assert_int_equal(f->C_CloseAllSessions(slot_of(f, "one")),
		    CKR_OK);
		assert_signs(o->s);
		assert_int_equal(dca_hsm_key(o->h, &key, &e), DCA_OK);
	}
}

static void
logged_out(void **state)
{
	struct open *o = *state;
	CK_FUNCTION_LIST *f = token_other_code(token_module());

	for (int i = 0; i < 3; i++) {
		CK_SESSION_HANDLE s;

		assert_int_equal(f->C_OpenSession(slot_of(f, "one"),
		    CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
		assert_int_equal(f->C_Logout(s), CKR_OK);
		assert_signs(o->s);
		assert_int_equal(f->C_CloseSession(s), CKR_OK);
	}
	/* The PIN was read and used again each time, once. */
	assert_int_equal(fault_count("C_Login"), 4);
}

/* C_Finalize by other code: down, and a new open mends it. */
static void
finalised(void **state)
{
	struct open *o = *state;
	CK_FUNCTION_LIST *f = token_other_code(token_module());
	struct dca_err e;

	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
	token_refused(sign(o->s, &e), &e, DCA_RULE_TOKEN_DOWN,
	    "CKR_CRYPTOKI_NOT_INITIALIZED (0x190)");
	dca_signer_close(dca_steal(&o->s));
	dca_hsm_close(dca_steal(&o->h));
	o->h = token_open(FAULT_PATH, URI);
	assert_int_equal(dca_signer_open(&o->s, o->h, &e), DCA_OK);
	assert_signs(o->s);
}

/* The whole token went away: down; it comes back only by a new open. */
static void
token_gone(void **state)
{
	struct open *o = *state;
	struct dca_hsm_config c;
	struct dca_hsm_info info;
	struct dca_err e = { 0 };

	token_away();
	for (int i = 0; i < 3; i++)
		assert_int_equal(sign(o->s, &e), DCA_TOKEN);
	assert_int_equal(dca_hsm_info(o->h, &info, &e), DCA_TOKEN);
	dca_signer_close(dca_steal(&o->s));
	dca_hsm_close(dca_steal(&o->h));
	token_config(&c, FAULT_PATH, URI);
	token_refused(dca_hsm_open(&o->h, &c, &e), &e, DCA_RULE_TOKEN_URI,
	    "no initialised token");
	assert_null(o->h);
	token_back();
	o->h = token_open(FAULT_PATH, URI);
	assert_int_equal(dca_signer_open(&o->s, o->h, &e), DCA_OK);
	assert_signs(o->s);
}

static void
no_session(void **state)
{
	const struct fault none = { "C_OpenSession", CKR_SESSION_COUNT, -1,
		false };
	struct open *o = *state;
	struct dca_signer *second = NULL;
	struct dca_err e = { 0 };

	fault_rule(&none);
	token_refused(dca_signer_open(&second, o->h, &e), &e,
	    DCA_RULE_TOKEN_DOWN, "C_OpenSession: CKR_SESSION_COUNT (0xb1)");
	assert_null(second);
	assert_signs(o->s);	/* the one that is open goes on */
}

/* Only our own verification catches this. */
static void
corrupt_signature(void **state)
{
	const struct fault corrupt = { "C_Sign", CKR_OK, 1, true };
	struct open *o = *state;
	struct dca_err e;

	fault_rule(&corrupt);
	token_refused(sign(o->s, &e), &e, DCA_RULE_TOKEN_SIGNATURE,
	    "does not verify");
	assert_signs(o->s);
}

/* A PIN that became wrong while we run: tried once by all threads together. */
struct worker {
	struct dca_signer *s;
	pthread_t thread;
	struct dca_err e;
	enum dca_rc rc;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	DCA_AUTO_OUT out = { 0 };

	w->rc = dca_signer_sign(w->s, DCA_BUF(body, sizeof(body)), &out,
	    &w->e);
	return NULL;
}

static void
pin_changed(void **state)
{
	struct open *o = *state;
	CK_FUNCTION_LIST *f = token_other_code(token_module());
	struct worker w[4] = { 0 };
	struct dca_err e = { 0 };

	for (int i = 0; i < 4; i++)
		assert_int_equal(dca_signer_open(&w[i].s, o->h, &e), DCA_OK);
	token_pin_write(token_pin_file(), "another-pin");
	assert_int_equal(f->C_CloseAllSessions(slot_of(f, "one")), CKR_OK);
	fault_rule(NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&w[i].thread, NULL, work,
		    &w[i]), 0);
	for (int i = 0; i < 4; i++) {
		(void)pthread_join(w[i].thread, NULL);
		token_refused(w[i].rc, &w[i].e, DCA_RULE_TOKEN_PIN, "");
	}
	assert_int_equal(fault_count("C_Login"), 1);
	token_pin_write(token_pin_file(), token_pin());
	for (int i = 0; i < 4; i++) {
		assert_signs(w[i].s);
		dca_signer_close(w[i].s);
	}
}

static void
slow_start(void **state)
{
	const struct fault hiccup = { "C_GetTokenInfo", CKR_GENERAL_ERROR, 2,
		false };
	const struct fault broken = { "C_GetTokenInfo", CKR_GENERAL_ERROR, -1,
		false };
	struct dca_hsm_config c;
	struct dca_hsm *h = NULL;
	struct dca_err e = { 0 };

	(void)state;
	fault_rule(&hiccup);
	dca_hsm_close(token_open(FAULT_PATH, URI));
	fault_rule(&broken);
	token_config(&c, FAULT_PATH, URI);
	token_refused(dca_hsm_open(&h, &c, &e), &e, DCA_RULE_TOKEN_DOWN,
	    "C_GetTokenInfo: CKR_GENERAL_ERROR (0x5)");
	fault_rule(NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(sessions_closed), T(logged_out), T(finalised),
		T(token_gone), T(no_session), T(corrupt_signature),
		T(pin_changed),
		cmocka_unit_test(slow_start),
	};
	struct dca_key_facts facts;
	struct dca_spki key;
	struct dca_err e = { 0 };
	struct dca_hsm *h;

	token_folder();
	token_new("one");
	h = token_open(NULL, URI);
	if (dca_hsm_keygen(h, false, &key, &facts, &e) != DCA_OK) {
		fprintf(stderr, "keygen: %s\n", e.text);
		return 1;
	}
	dca_hsm_close(h);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
