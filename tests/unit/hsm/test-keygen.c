/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CA key: what it is after keygen, by our eyes and by a second reader's,
 * and that a key which is not that does not stay.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token.h"

#define URI "pkcs11:token=one;id=%01;object=ca"

/* Another reader: straight Cryptoki, logged in, counting objects. */
struct reader {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE s;
};

static void
reader_open(struct reader *r)
{
	CK_SLOT_ID v[16];
	CK_ULONG n = 16;
	CK_RV rv;
	char pin[32];

	r->f = token_other_code(token_module());
	assert_int_equal(r->f->C_Initialize(NULL), CKR_OK);
	assert_int_equal(r->f->C_GetSlotList(CK_TRUE, v, &n), CKR_OK);
	assert_int_equal(r->f->C_OpenSession(v[0], CKF_SERIAL_SESSION |
	    CKF_RW_SESSION, NULL, NULL, &r->s), CKR_OK);
	(void)dca_strlcpy(pin, token_pin(), sizeof(pin));
	rv = r->f->C_Login(r->s, CKU_USER, (unsigned char *)pin, strlen(pin));
	assert_int_equal(rv, CKR_OK);
}

static void
reader_close(struct reader *r)
{
	assert_int_equal(r->f->C_Finalize(NULL), CKR_OK);
}

static CK_ULONG
objects(struct reader *r, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *o)
{
	CK_OBJECT_HANDLE v[64];
	CK_ULONG found = 0;

	assert_int_equal(r->f->C_FindObjectsInit(r->s, t, n), CKR_OK);
	assert_int_equal(r->f->C_FindObjects(r->s, v, 64, &found), CKR_OK);
	assert_int_equal(r->f->C_FindObjectsFinal(r->s), CKR_OK);
	if (o != NULL && found > 0)
		*o = v[0];
	return found;
}

static CK_ULONG
all_objects(void)
{
	struct reader r;
	CK_ULONG n;

	reader_open(&r);
	n = objects(&r, NULL, 0, NULL);
	reader_close(&r);
	return n;
}

static enum dca_rc
keygen(const char *module, const char *uri, bool extractable,
    struct dca_spki *key, struct dca_key_facts *f, struct dca_err *e)
{
	struct dca_hsm *h = token_open(module, uri);
	enum dca_rc rc = dca_hsm_keygen(h, extractable, key, f, e);

	dca_hsm_close(h);
	return rc;
}

static void
extractable_is_destroyed(void **state)
{
	struct dca_key_facts f;
	struct dca_spki key;
	struct dca_err e = { 0 };
	enum dca_rc rc;

	(void)state;
	assert_int_equal(all_objects(), 0);
	rc = keygen(NULL, URI, true, &key, &f, &e);
	token_refused(rc, &e, DCA_RULE_TOKEN_ATTRIBUTES,
	    "the new key was destroyed: CKA_EXTRACTABLE is not false");
	assert_true(f.extractable);
	assert_false(f.never_extractable);
	assert_int_equal(all_objects(), 0);
}

static void
indestructible_is_said(void **state)
{
	const struct fault stuck = { "C_DestroyObject", CKR_DEVICE_ERROR, 1,
		false };
	struct dca_key_facts f;
	struct dca_spki key;
	struct dca_err e = { 0 };
	enum dca_rc rc;
	struct reader r;
	CK_OBJECT_HANDLE o = 0;

	(void)state;
	fault_rule(&stuck);
	rc = keygen(FAULT_PATH, "pkcs11:token=one;id=%05", true, &key, &f, &e);
	token_refused(rc, &e, DCA_RULE_TOKEN_ATTRIBUTES,
	    "THE NEW KEY IS STILL IN THE TOKEN");
	token_refused(rc, &e, DCA_RULE_TOKEN_ATTRIBUTES, "CKR_DEVICE_ERROR");
	fault_rule(NULL);
	reader_open(&r);
	assert_int_equal(objects(&r, NULL, 0, &o), 1);
	assert_int_equal(r.f->C_DestroyObject(r.s, o), CKR_OK);
	reader_close(&r);
}

static void
made_and_read_back(void **state)
{
	struct dca_key_facts f, again;
	struct dca_spki key, same;
	struct dca_err e = { 0 };
	struct dca_hsm *h;

	(void)state;
	if (keygen(NULL, URI, false, &key, &f, &e) != DCA_OK)
		fail_msg("%s", e.text);
	assert_true(f.sensitive);
	assert_true(f.always_sensitive);
	assert_true(f.never_extractable);
	assert_true(f.local);
	assert_false(f.extractable);
	assert_false(f.value_readable);
	assert_int_equal(f.mechanism, 0x1040);
	h = token_open(NULL, URI);
	assert_int_equal(dca_hsm_key_facts(h, &again, &e), DCA_OK);
	assert_memory_equal(&f, &again, sizeof(f));
	assert_int_equal(dca_hsm_key(h, &same, &e), DCA_OK);
	assert_memory_equal(&key, &same, sizeof(key));
	dca_hsm_close(h);
}

/* By the other reader: nothing opens it, nothing but signing is allowed. */
static void
cannot_be_changed(void **state)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, v;
	CK_ATTRIBUTE find = { CKA_CLASS, &class, sizeof(class) };
	CK_ATTRIBUTE changes[] = {
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &no, sizeof(no) },
	};
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		CK_BBOOL is;
	} flags[] = {
		{ CKA_SIGN, CK_TRUE }, { CKA_DERIVE, CK_FALSE },
		{ CKA_DECRYPT, CK_FALSE }, { CKA_UNWRAP, CK_FALSE },
		{ CKA_MODIFIABLE, CK_FALSE }, { CKA_PRIVATE, CK_TRUE },
		{ CKA_TOKEN, CK_TRUE },
	};
	unsigned char value[64];
	CK_ATTRIBUTE secret = { CKA_VALUE, value, sizeof(value) };
	CK_OBJECT_HANDLE o = 0;
	struct reader r;

	(void)state;
	reader_open(&r);
	assert_int_equal(objects(&r, &find, 1, &o), 1);
	for (size_t i = 0; i < 2; i++)
		assert_int_not_equal(r.f->C_SetAttributeValue(r.s, o,
		    &changes[i], 1), CKR_OK);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		CK_ATTRIBUTE a = { flags[i].type, &v, sizeof(v) };

		assert_int_equal(r.f->C_GetAttributeValue(r.s, o, &a, 1),
		    CKR_OK);
		assert_int_equal(v, flags[i].is);
	}
	assert_int_equal(r.f->C_GetAttributeValue(r.s, o, &secret, 1),
	    CKR_ATTRIBUTE_SENSITIVE);
	reader_close(&r);
}

static void
existing_is_refused(void **state)
{
	struct dca_key_facts f;
	struct dca_spki key;
	struct dca_err e = { 0 };
	CK_ULONG before = all_objects();
	enum dca_rc rc = keygen(NULL, URI, false, &key, &f, &e);

	(void)state;
	token_refused(rc, &e, DCA_RULE_REG_EXISTS,
	    "has a key with CKA_ID 01 already");
	assert_int_equal(all_objects(), before);
}

static void
needs_an_id(void **state)
{
	struct dca_key_facts f;
	struct dca_spki key;
	struct dca_err e = { 0 };
	enum dca_rc rc = keygen(NULL, "pkcs11:token=one", false, &key, &f, &e);

	(void)state;
	token_refused(rc, &e, DCA_RULE_TOKEN_KEY, "add id=");
}

/* A token that knows fewer attributes gets the short template. */
static void
short_template(void **state)
{
	const struct fault once = { "C_GenerateKeyPair",
		CKR_TEMPLATE_INCONSISTENT, 1, false };
	const struct fault never = { "C_GenerateKeyPair",
		CKR_MECHANISM_INVALID, -1, false };
	struct dca_key_facts f;
	struct dca_spki key;
	struct dca_err e = { 0 };

	(void)state;
	fault_rule(&once);
	assert_int_equal(keygen(FAULT_PATH, "pkcs11:token=one;id=%02;object=b",
	    false, &key, &f, &e), DCA_OK);
	fault_rule(&never);
	token_refused(keygen(FAULT_PATH, "pkcs11:token=one;id=%03", false, &key,
	    &f, &e), &e, DCA_RULE_TOKEN_DOWN,
	    "C_GenerateKeyPair: CKR_MECHANISM_INVALID (0x70)");
	fault_rule(NULL);
}

/* Made by somebody else, good for signing, and not what a CA key must be. */
static void
foreign_keys(void **state)
{
	static unsigned char params[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
		0x3d, 0x03, 0x01, 0x07 };
	static unsigned char p384[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
		0x22 };
	unsigned char id[] = { 0x0a }, id384[] = { 0x0b };
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, params, sizeof(params) },
		{ CKA_TOKEN, &yes, 1 }, { CKA_ID, id, 1 } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 },
		{ CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 },
		{ CKA_PRIVATE, &yes, 1 }, { CKA_ID, id, 1 } };
	CK_OBJECT_HANDLE a, b;
	struct dca_key_facts f;
	struct dca_spki key;
	struct dca_err e = { 0 };
	struct dca_hsm *h;
	struct reader r;

	(void)state;
	reader_open(&r);
	assert_int_equal(r.f->C_GenerateKeyPair(r.s, &m, pub, 3, priv, 6, &a,
	    &b), CKR_OK);
	pub[0].pValue = p384;
	pub[0].ulValueLen = sizeof(p384);
	pub[2].pValue = priv[5].pValue = id384;
	assert_int_equal(r.f->C_GenerateKeyPair(r.s, &m, pub, 3, priv, 6, &a,
	    &b), CKR_OK);
	reader_close(&r);
	h = token_open(NULL, "pkcs11:token=one;id=%0a");
	token_refused(dca_hsm_key_facts(h, &f, &e), &e,
	    DCA_RULE_TOKEN_ATTRIBUTES, "CKA_SENSITIVE is not true");
	assert_true(f.value_readable);
	assert_true(f.extractable);
	dca_hsm_close(h);
	h = token_open(NULL, "pkcs11:token=one;id=%0b");
	token_refused(dca_hsm_key(h, &key, &e), &e, DCA_RULE_TOKEN_KEY,
	    "not on P-256");
	dca_hsm_close(h);
}

/* What a crash in C_GenerateKeyPair leaves is swept away; a whole key stays. */
static CK_ULONG
under(struct reader *r, unsigned char id, CK_OBJECT_CLASS class, bool destroy)
{
	CK_ATTRIBUTE t[] = { { CKA_ID, &id, 1 }, { CKA_CLASS, &class,
		sizeof(class) } };
	CK_OBJECT_HANDLE o = 0;
	CK_ULONG n = objects(r, t, 2, &o);

	if (destroy) {
		assert_int_equal(n, 1);
		assert_int_equal(r->f->C_DestroyObject(r->s, o), CKR_OK);
	}
	return n;
}

static enum dca_rc
sweep(const char *module, const char *uri, struct dca_err *e)
{
	struct dca_hsm *h = token_open(module, uri);
	enum dca_rc rc = dca_hsm_key_sweep(h, e);

	dca_hsm_close(h);
	return rc;
}

/* A token that lets its facts be changed: refused, unless the change opens
 * nothing; then it is what is read afterwards that counts. */
static void
changeable(void **state)
{
	static const char uri[] = "pkcs11:token=one;id=%12";
	struct dca_key_facts f;
	struct dca_spki key;
	struct dca_err e = { 0 };
	CK_ULONG before = all_objects();

	(void)state;
	fault_text("C_SetAttributeValue 0 1 0 pretend");
	token_refused(keygen(FAULT_PATH, uri, false, &key, &f, &e), &e,
	    DCA_RULE_TOKEN_ATTRIBUTES, "the new key was destroyed: "
	    "CKA_EXTRACTABLE could be set to true");
	fault_text("C_SetAttributeValue 0x10 1\n"
	    "C_SetAttributeValue 0 1 0 pretend\n"
	    "C_GetMechanismInfo 0x5 1");
	token_refused(keygen(FAULT_PATH, uri, false, &key, &f, &e), &e,
	    DCA_RULE_TOKEN_ATTRIBUTES, "CKA_SENSITIVE could be set to false");
	assert_int_equal(all_objects(), before);

	/* told 7 times of the new key, asked once for its value; what is told
	 * after that */
	fault_text("C_SetAttributeValue 0 1 0 pretend\n"
	    "C_GetMechanismInfo 0 -1 0 no-wrap\n"
	    "C_GetAttributeValue 0 8\nC_GetAttributeValue 0x12 1");
	token_refused(keygen(FAULT_PATH, uri, false, &key, &f, &e), &e,
	    DCA_RULE_TOKEN_ATTRIBUTES, "CKA_SENSITIVE is not true");
	assert_int_equal(all_objects(), before);

	fault_text("C_SetAttributeValue 0 1 0 pretend\n"
	    "C_GetMechanismInfo 0 -1 0 no-wrap");
	assert_int_equal(keygen(FAULT_PATH, uri, false, &key, &f, &e), DCA_OK);
	assert_int_equal(all_objects(), before + 2);

	fault_text(NULL);
	token_refused(keygen(NULL, uri, false, &key, &f, &e), &e,
	    DCA_RULE_REG_EXISTS, "CKA_ID 12 already");
}

static void
remains_are_swept(void **state)
{
	const struct fault stuck = { "C_DestroyObject", CKR_DEVICE_ERROR, 1,
		false };
	static const char uri[] = "pkcs11:token=one;id=%11";
	const CK_OBJECT_CLASS halves[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY };
	struct dca_key_facts f;
	struct dca_spki key;
	struct dca_err e = { 0 };
	CK_ULONG others = all_objects();
	struct reader r;

	(void)state;
	assert_int_equal(sweep(NULL, uri, &e), DCA_OK);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(keygen(NULL, uri, false, &key, &f, &e),
		    DCA_OK);
		reader_open(&r);
		(void)under(&r, 0x11, halves[i], true);
		reader_close(&r);
		token_refused(keygen(NULL, uri, false, &key, &f, &e), &e,
		    DCA_RULE_REG_EXISTS, "CKA_ID 11 already");
		fault_rule(&stuck);
		token_refused(sweep(FAULT_PATH, uri, &e), &e,
		    DCA_RULE_TOKEN_DOWN, "C_DestroyObject");
		fault_rule(NULL);
		assert_int_equal(all_objects(), others + 1);
		assert_int_equal(sweep(FAULT_PATH, uri, &e), DCA_OK);
		assert_int_equal(all_objects(), others);
	}
	/* halves that are there, and not what they must be: no. 0a is foreign */
	assert_int_equal(sweep(NULL, "pkcs11:token=one;id=%0a", &e), DCA_OK);
	assert_int_equal(all_objects(), others - 2);
	token_refused(sweep(NULL, URI, &e), &e, DCA_RULE_REG_EXISTS,
	    "CKA_ID 01 already");
	reader_open(&r);
	assert_int_equal(under(&r, 0x01, CKO_PRIVATE_KEY, false), 1);
	assert_int_equal(under(&r, 0x01, CKO_PUBLIC_KEY, false), 1);
	reader_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extractable_is_destroyed),
		cmocka_unit_test(indestructible_is_said),
		cmocka_unit_test(made_and_read_back),
		cmocka_unit_test(cannot_be_changed),
		cmocka_unit_test(existing_is_refused),
		cmocka_unit_test(needs_an_id),
		cmocka_unit_test(short_template),
		cmocka_unit_test(foreign_keys),
		cmocka_unit_test(changeable),
		cmocka_unit_test(remains_are_swept),
	};

	token_folder();
	token_new("one");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
