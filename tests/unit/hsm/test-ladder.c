/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder: every Cryptoki code is provoked at C_SignInit and C_Sign, once
 * and for ever, and the step that was taken is told by the calls the module
 * saw. What each code must lead to stands here a second time, by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "room.h"
#include "token.h"

#define URI FAULT_URI
static const uint8_t body[] = { 0x30, 0x03, 0x02, 0x01, 0x05 };

struct open {
	struct dca_hsm *h;
	struct dca_signer *s;
};

static void
close_all(struct open *o)
{
	fault_rule(NULL);
	dca_signer_close(dca_steal(&o->s));
	dca_hsm_close(dca_steal(&o->h));
}

static void
open_all(struct open *o)
{
	struct dca_err e = { 0 };

	fault_rule(NULL);
	o->h = token_open(FAULT_PATH, URI);
	if (dca_signer_open(&o->s, o->h, &e) != DCA_OK)
		fail_msg("%s", e.text);
}

static int
setup(void **state)
{
	static struct open o;

	open_all(&o);
	*state = &o;
	return 0;
}

static int
teardown(void **state)
{
	close_all(*state);
	return 0;
}

static enum dca_rc
sign(struct dca_signer *s, struct dca_err *e)
{
	DCA_AUTO_OUT out = { 0 };
	enum dca_rc rc;

	memset(e, 0, sizeof(*e));
	rc = dca_signer_sign(s, DCA_BUF(body, sizeof(body)), &out, e);
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

/* PKCS#11 v2.40 5.1: what the standard says the reason is decides. */
static const CK_RV a_new_session[] = { CKR_SESSION_HANDLE_INVALID,
	CKR_SESSION_CLOSED, CKR_OPERATION_ACTIVE,
	CKR_OPERATION_NOT_INITIALIZED, CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY,
	CKR_FUNCTION_FAILED, CKR_FUNCTION_CANCELED, CKR_HOST_MEMORY,
	CKR_SESSION_COUNT };
static const CK_RV a_new_login[] = { CKR_USER_NOT_LOGGED_IN };
static const CK_RV the_key_again[] = { CKR_KEY_HANDLE_INVALID,
	CKR_OBJECT_HANDLE_INVALID, CKR_KEY_CHANGED };
static const CK_RV the_module_anew[] = { CKR_GENERAL_ERROR,
	CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED,
	CKR_CRYPTOKI_NOT_INITIALIZED, CKR_SLOT_ID_INVALID,
	CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_MUTEX_BAD,
	CKR_VENDOR_DEFINED | 7, 0x7777 };
static const CK_RV the_pin[] = { CKR_PIN_INCORRECT, CKR_PIN_INVALID,
	CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_PIN_LOCKED,
	CKR_USER_PIN_NOT_INITIALIZED };
static const CK_RV never_by_itself[] = { CKR_ARGUMENTS_BAD,
	CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT,
	CKR_KEY_SIZE_RANGE, CKR_MECHANISM_INVALID, CKR_DATA_LEN_RANGE,
	CKR_DATA_INVALID, CKR_FUNCTION_NOT_SUPPORTED, CKR_FUNCTION_REJECTED,
	CKR_BUFFER_TOO_SMALL, CKR_USER_TYPE_INVALID,
	CKR_TOKEN_WRITE_PROTECTED, CKR_FIPS_SELF_TEST_FAILED };

static void
each_is(const CK_RV *v, size_t n, enum dca_step step)
{
	for (size_t i = 0; i < n; i++)
		if (dca_ckr_step(v[i]) != step)
			fail_msg("%s: step %d instead of %d",
			    dca_ckr_name(v[i]), (int)dca_ckr_step(v[i]),
			    (int)step);
}
#define EACH(v, step) each_is(v, sizeof(v) / sizeof((v)[0]), step)

static void
table_is_the_standard(void **state)
{
	(void)state;
	EACH(a_new_session, DCA_STEP_SESSION);
	EACH(a_new_login, DCA_STEP_LOGIN);
	EACH(the_key_again, DCA_STEP_KEY);
	EACH(the_module_anew, DCA_STEP_MODULE);
	EACH(the_pin, DCA_STEP_PIN);
	EACH(never_by_itself, DCA_STEP_STOP);
	assert_int_equal(dca_ckr_step(CKR_OK), DCA_STEP_NONE);
}

static void
no_code_twice(void **state)
{
	const struct dca_ckr *v;
	size_t n = dca_ckr_rows(&v);

	(void)state;
	assert_true(n >= 92);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(v[i].rv != v[k].rv);
}

/* What the module saw: sessions opened, logins, searches, signatures. */
struct seen {
	unsigned sessions, logins, searches, calls;
};

static void
assert_seen(const struct dca_ckr *row, const char *call, struct seen want)
{
	const struct seen got = { fault_count("C_OpenSession"),
		fault_count("C_Login"), fault_count("C_FindObjectsInit"),
		fault_count(call) };

	if (memcmp(&got, &want, sizeof(got)) != 0)
		fail_msg("%s at %s: sessions %u/%u logins %u/%u searches "
		    "%u/%u calls %u/%u", row->name, call, got.sessions,
		    want.sessions, got.logins, want.logins, got.searches,
		    want.searches, got.calls, want.calls);
}

/* Two searches: the private and the public key. */
static const struct {
	struct seen seen;
	bool heals;
	enum dca_rule rule;
} steps[] = {
	[DCA_STEP_SESSION] = { { 1, 0, 2, 2 }, true, DCA_RULE_TOKEN_DOWN },
	[DCA_STEP_LOGIN] = { { 1, 1, 2, 2 }, true, DCA_RULE_TOKEN_DOWN },
	[DCA_STEP_KEY] = { { 0, 0, 2, 2 }, true, DCA_RULE_TOKEN_DOWN },
	[DCA_STEP_MODULE] = { { 0, 0, 0, 1 }, false, DCA_RULE_TOKEN_DOWN },
	[DCA_STEP_PIN] = { { 0, 0, 0, 1 }, false, DCA_RULE_TOKEN_PIN },
	[DCA_STEP_STOP] = { { 0, 0, 0, 1 }, false, DCA_RULE_TOKEN_STOPPED },
};

static void
one_code(struct open *o, const struct dca_ckr *row, const char *call)
{
	const struct fault once = { call, row->rv, 1, false };
	const struct fault always = { call, row->rv, -1, false };
	char text[96];
	struct dca_err e;
	enum dca_rc rc;

	(void)snprintf(text, sizeof(text), "%s: %s (0x%lx)", call, row->name,
	    (unsigned long)row->rv);
	fault_rule(&once);
	rc = sign(o->s, &e);
	assert_seen(row, call, steps[row->step].seen);
	if (steps[row->step].heals)
		assert_int_equal(rc, DCA_OK);
	else
		token_refused(rc, &e, steps[row->step].rule, text);
	/* what did not heal is a new session for the next signature */
	fault_rule(NULL);
	assert_signs(o->s);
	fault_rule(&always);
	rc = sign(o->s, &e);
	token_refused(rc, &e, steps[row->step].rule, text);
	assert_seen(row, call, steps[row->step].seen);
	fault_rule(NULL);
	assert_signs(o->s);
}

static void
every_code_at_sign(void **state)
{
	const struct dca_ckr *v;
	size_t n = dca_ckr_rows(&v);

	for (size_t i = 0; i < n; i++) {
		if (v[i].rv == CKR_OK)
			continue;
		one_code(*state, &v[i], "C_Sign");
		one_code(*state, &v[i], "C_SignInit");
	}
	print_message("%zu codes, each at two calls\n", n - 1);
}

/* At the calls that open: what the caller is told, for every code. */
static void
every_code_at_open(void **state)
{
	static const char *const calls[] = { "C_Initialize", "C_GetSlotList",
		"C_OpenSession", "C_Login" };
	struct open *o = *state;
	const struct dca_ckr *v;
	size_t n = dca_ckr_rows(&v);

	close_all(o);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < 4; k++) {
			const struct fault always = { calls[k], v[i].rv, -1,
				false };
			struct dca_hsm_config c;
			struct dca_err e = { 0 };
			enum dca_rc rc;

			if (v[i].rv == CKR_OK ||
			    (k == 3 && v[i].rv == CKR_USER_ALREADY_LOGGED_IN) ||
			    (k == 0 &&
			    v[i].rv == CKR_CRYPTOKI_ALREADY_INITIALIZED))
				continue;
			fault_rule(&always);
			dca_hsm_pin_forget();
			token_config(&c, FAULT_PATH, URI);
			rc = dca_hsm_open(&o->h, &c, &e);
			token_refused(rc, &e, steps[v[i].step].rule, calls[k]);
			assert_null(o->h);
			/* a PIN that was refused: once; SoftHSM's hiccup and
			 * a list too short: a few times; the rest once */
			assert_true(fault_count("C_Login") <=
			    (v[i].rv == CKR_GENERAL_ERROR ? 3 : 1));
		}
	}
	dca_hsm_pin_forget();
	open_all(o);
	assert_signs(o->s);
}

/* What the keep-alive sees, mends and says. */
static void
alive(void **state)
{
	const struct fault closed = { "C_GetSessionInfo",
		CKR_SESSION_HANDLE_INVALID, 1, false };
	const struct fault gone = { "C_GetTokenInfo", CKR_DEVICE_REMOVED, -1,
		false };
	struct open *o = *state;
	struct dca_err e = { 0 };

	fault_rule(NULL);
	assert_int_equal(dca_signer_alive(o->s, &e), DCA_OK);
	assert_int_equal(fault_count("C_GetSessionInfo"), 1);
	assert_int_equal(fault_count("C_OpenSession"), 0);
	fault_rule(&closed);
	assert_int_equal(dca_signer_alive(o->s, &e), DCA_OK);
	assert_int_equal(fault_count("C_OpenSession"), 1);
	fault_rule(&gone);
	token_refused(dca_signer_alive(o->s, &e), &e, DCA_RULE_TOKEN_DOWN,
	    "C_GetTokenInfo: CKR_DEVICE_REMOVED (0x32)");
	fault_text("token another");
	token_refused(dca_signer_alive(o->s, &e), &e, DCA_RULE_TOKEN_DOWN,
	    "another token is in the slot: serial another-token");
	fault_text("token gone");
	token_refused(dca_signer_alive(o->s, &e), &e, DCA_RULE_TOKEN_DOWN,
	    "CKR_TOKEN_NOT_PRESENT");
	/* Pulled: its sessions are dead when it is back, and that heals. */
	fault_rule(NULL);
	assert_int_equal(dca_signer_alive(o->s, &e), DCA_OK);
	assert_signs(o->s);
	token_away();
	assert_int_equal(dca_signer_alive(o->s, &e), DCA_TOKEN);
	token_back();
}

/* Sessions and login gone behind our back, in the middle of signing. */
static void
killed(void **state)
{
	static const char *const rules[] = { "C_SignInit 0 1 0 kill",
		"C_Sign 0 1 0 kill", "C_SignInit 0 1 0 logout",
		"* 0 1 0 kill" };
	struct open *o = *state;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		fault_text(rules[i]);
		assert_signs(o->s);
		assert_int_equal(fault_count("C_Login"), 1);
	}
	/* SoftHSM signs what was begun before the logout. */
	fault_text("C_Sign 0 1 0 logout");
	assert_signs(o->s);
	assert_signs(o->s);
	assert_int_equal(fault_count("C_Login"), 1);
}

static void
short_signature(void **state)
{
	struct open *o = *state;
	struct dca_err e;

	fault_text("C_Sign 0 1 0 short");
	token_refused(sign(o->s, &e), &e, DCA_RULE_TOKEN_SIGNATURE,
	    "C_Sign gave 10 octets");
	assert_signs(o->s);
}

/* A C_Finalize that fails is tried again, and by the next close. */
static void
not_finalised(void **state)
{
	const struct fault hiccup = { "C_Finalize", CKR_DEVICE_ERROR, 2,
		false };
	const struct fault stuck = { "C_Finalize", CKR_DEVICE_ERROR, 3,
		false };
	struct open *o = *state;

	fault_rule(&hiccup);
	dca_signer_close(dca_steal(&o->s));
	dca_hsm_close(dca_steal(&o->h));
	assert_int_equal(fault_count("C_Finalize"), 3);
	open_all(o);
	fault_rule(&stuck);
	dca_signer_close(dca_steal(&o->s));
	dca_hsm_close(dca_steal(&o->h));
	assert_int_equal(fault_count("C_Finalize"), 3);
	open_all(o);	/* C_Initialize: already */
	close_all(o);
	assert_int_equal(fault_count("C_Finalize"), 1);
	open_all(o);
	assert_signs(o->s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_the_standard),
		cmocka_unit_test(no_code_twice),
		T(every_code_at_sign), T(every_code_at_open), T(killed),
		T(short_signature), T(alive), T(not_finalised),
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
