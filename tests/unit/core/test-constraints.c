/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim constraints against the encodings of RFC 9118 (its example
 * certificate's extension) and RFC 8226 8, every refusal, and claims judged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dca/profile.h"

#define OK(x) assert_int_equal((x), DCA_OK)

/* RFC 9118: mustInclude confidence; confidence high, medium; not priority */
#define RFC9118 "3040a00e300c160a636f6e666964656e6365a120301e301c160a636f6e66" \
    "6964656e6365300e0c04686967680c066d656469756da20c300a16087072696f72697479"
/* mustExclude attest, origid, div */
#define DELEGATE "3019a217301516066174746573741606" \
    "6f726967696416036469" "76"
/* .27: mustInclude rcd, rcdi */
#define RFC8226 "300fa00d300b1603726364160472636469"

static void
unhex(struct dca_out *o, const char *hex)
{
	const size_t n = strlen(hex) / 2;

	o->p = dca_alloc(n + 1);
	o->cap = n + 1;
	o->n = n;
	assert_true(dca_unhex(o->p, n, hex));
}

static void
same_hex(const struct dca_constraints *c, const char *hex)
{
	DCA_AUTO_OUT der = { 0 };
	DCA_AUTO_OUT want = { 0 };

	unhex(&want, hex);
	dca_constraints_encode(&der, c);
	assert_int_equal(der.n, want.n);
	assert_memory_equal(der.p, want.p, der.n);
}

static void
vectors(void **state)
{
	struct dca_constraints c = { .permitted = { 0 } }, back, copy;
	DCA_AUTO_OUT der = { 0 };
	DCA_AUTO_OUT text = { 0 };
	DCA_AUTO_OUT old = { 0 };

	(void)state;
	OK(dca_constraints_include(&c, "confidence", NULL));
	OK(dca_constraints_permit(&c, "confidence", "high", NULL));
	OK(dca_constraints_permit(&c, "confidence", "medium", NULL));
	OK(dca_constraints_permit(&c, "confidence", "high", NULL));
	OK(dca_constraints_exclude(&c, "priority", NULL));
	OK(dca_constraints_exclude(&c, "priority", NULL));
	same_hex(&c, RFC9118);
	unhex(&der, RFC9118);
	OK(dca_constraints_parse(&back, dca_out_buf(&der), true, NULL, NULL));
	assert_true(dca_constraints_equal(&c, &back));
	dca_constraints_copy(&copy, &back);
	same_hex(&copy, RFC9118);
	dca_constraints_print(&text, &copy);
	assert_string_equal((const char *)text.p, "mustInclude confidence; "
	    "permittedValues confidence = high | medium; "
	    "mustExclude priority");
	dca_constraints_clear(&back);
	dca_constraints_clear(&copy);
	dca_constraints_clear(&c);
	assert_true(dca_constraints_empty(&c));
	/* a delegate without shaken and div */
	OK(dca_profile_constraints(&old, NULL, DCA_PASSPORT_RCD, NULL));
	der.n = 0;
	OK(dca_constraints_parse(&c, dca_out_buf(&old), true, NULL, NULL));
	same_hex(&c, DELEGATE);
	dca_constraints_clear(&c);
}

static void
older_form(void **state)
{
	struct dca_constraints c;
	DCA_AUTO_OUT der = { 0 };

	(void)state;
	unhex(&der, RFC8226);
	OK(dca_constraints_parse(&c, dca_out_buf(&der), false, NULL, NULL));
	assert_int_equal(c.must_include.n, 2);
	assert_string_equal(c.must_include.v[1].name, "rcdi");
	dca_constraints_clear(&c);
}

/* RFC 9118 3: such an extension is to be treated as absent. */
static void
treated_as_absent(void **state)
{
	static const char *const names[] = { "iat", "orig", "dest" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct dca_constraints c = { .permitted = { 0 } }, back;
		DCA_AUTO_OUT der = { 0 };
		struct dca_err e = { 0 };
		bool absent = false;

		OK(dca_constraints_exclude(&c, "div", NULL));
		OK(dca_constraints_exclude(&c, names[i], NULL));
		assert_int_equal(dca_constraints_check(&c, &e), DCA_REFUSED);
		assert_int_equal(e.rule, DCA_RULE_CONSTRAINTS);
		assert_string_equal(e.field, names[i]);
		dca_constraints_encode(&der, &c);
		OK(dca_constraints_parse(&back, dca_out_buf(&der), true,
		    &absent, NULL));
		assert_true(absent && dca_constraints_empty(&back));
		dca_constraints_clear(&c);
	}
}

static void
malformed(void **state)
{
	static const struct {
		const char *what, *hex;
		bool enhanced;
	} bad[] = {
		{ "nothing", "", true },
		{ "empty SEQUENCE", "3000", true },
		{ "a SET", "3119a21730151606617474657374"
		    "16066f7269676964160364" "6976", true },
		{ "octet after it", DELEGATE "00", true },
		{ "empty list of names", "3004a2023000", true },
		{ "names implicit", "3007a20516036469" "76", true },
		{ "name is UTF8String", "3009a2073005" "0c03646976", true },
		{ "name is empty", "3006a20430021600", true },
		{ "name with a space", "3009a2073005160364" "2076", true },
		{ "name with a NUL", "3009a20730051603640076", true },
		{ "name twice", "300ea20c300a16036469761603646976", true },
		{ "length not minimal", "30811aa2173015160661747465737416066f"
		    "726967696416036469" "76", true },
		{ "member 3", "3009a30730051603646976", true },
		{ "members in another order", "3012a207300516036469" "76"
		    "a0073005160372636" "4", true },
		{ "exclude in the older form", DELEGATE, false },
		{ "empty permittedValues", "3004a1023000", true },
		{ "values empty", "300ba109300730051603726364", true },
		{ "no value in the list", "300da10b300930071603726364" "3000",
		    true },
		{ "value is IA5String", "3010a10e300c300a1603726364300316016"
		    "1", true },
		{ "value is no UTF-8", "3010a10e300c300a160372636430030c01ff",
		    true },
		{ "value with a control character",
		    "3010a10e300c300a160372636430030c010a", true },
		{ "value twice", "3013a111300f300d160372636430060c01610c0161",
		    true },
		{ "claim twice", "301ca11a3018300a160372636430030c0161"
		    "300a160372636430030c0162", true },
		{ "overlong UTF-8", "3011a10f300d300b160372636430040c02c0af",
		    true },
		{ "surrogate", "3012a110300e300c160372636430050c03eda080",
		    true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dca_constraints c;
		DCA_AUTO_OUT der = { 0 };
		struct dca_err e = { 0 };

		unhex(&der, bad[i].hex);
		if (dca_constraints_parse(&c, dca_out_buf(&der),
		    bad[i].enhanced, NULL, &e) != DCA_REFUSED)
			fail_msg("%s", bad[i].what);
		assert_int_equal(e.rule, DCA_RULE_CERT_EXTENSION);
		assert_true(dca_constraints_empty(&c));
	}
}

static void
refused(struct dca_constraints *c, enum dca_rc rc, const struct dca_err *e,
    const char *says)
{
	assert_int_equal(rc, DCA_REFUSED);
	assert_int_equal(e->rule, DCA_RULE_CONSTRAINTS);
	if (strstr(e->text, says) == NULL)
		fail_msg("%s", e->text);
	dca_constraints_clear(c);
}

static void
contradictions(void **state)
{
	struct dca_constraints c = { .permitted = { 0 } }, out;
	struct dca_err e = { 0 };

	(void)state;
	OK(dca_constraints_include(&c, "rcd", NULL));
	OK(dca_constraints_exclude(&c, "rcd", NULL));
	refused(&c, dca_constraints_check(&c, &e), &e, "must and must not");
	OK(dca_constraints_permit(&c, "rcd", "x", NULL));
	OK(dca_constraints_exclude(&c, "rcd", NULL));
	refused(&c, dca_constraints_check(&c, &e), &e, "permitted values");
	OK(dca_constraints_include(&c, "orig", NULL));
	refused(&c, dca_constraints_check(&c, &e), &e, "always there");
	OK(dca_constraints_exclude(&c, "rcdi", NULL));
	refused(&c, dca_constraints_check(&c, &e), &e, "should not be");
	/* where rcd may not be signed, rcdi may not either */
	OK(dca_constraints_exclude(&c, "rcdi", NULL));
	OK(dca_constraints_exclude(&c, "rcd", NULL));
	OK(dca_constraints_check(&c, &e));
	dca_constraints_clear(&c);
	/* with what the PASSporT types exclude */
	OK(dca_constraints_include(&c, "attest", NULL));
	OK(dca_constraints_effective(&out, &c, DCA_PASSPORT_ALL, NULL));
	dca_constraints_clear(&out);
	refused(&c, dca_constraints_effective(&out, &c, DCA_PASSPORT_RCD, &e),
	    &e, "must and must not");
	assert_true(dca_constraints_empty(&out));
}

static void
limits(void **state)
{
	struct dca_constraints c = { .permitted = { 0 } };
	char name[80], value[DCA_CLAIM_VALUE_MAX + 2];
	struct dca_err e = { 0 };

	(void)state;
	refused(&c, dca_constraints_include(&c, "", &e), &e, "1 to 63");
	memset(name, 'n', sizeof(name));
	name[64] = '\0';
	refused(&c, dca_constraints_exclude(&c, name, &e), &e, "1 to 63");
	refused(&c, dca_constraints_include(&c, "na me", &e), &e, "ASCII");
	refused(&c, dca_constraints_permit(&c, "rcd", "", &e), &e, "UTF-8");
	memset(value, 'v', sizeof(value));
	value[DCA_CLAIM_VALUE_MAX + 1] = '\0';
	refused(&c, dca_constraints_permit(&c, "rcd", value, &e), &e,
	    "1024 octets");
	for (int i = 0; i < DCA_CLAIMS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "claim%d", i);
		OK(dca_constraints_include(&c, name, NULL));
	}
	refused(&c, dca_constraints_include(&c, "more", &e), &e,
	    "at most 16");
	for (int i = 0; i < DCA_CLAIM_VALUES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "value%d", i);
		OK(dca_constraints_permit(&c, "rcd", name, NULL));
	}
	refused(&c, dca_constraints_permit(&c, "rcd", "more", &e), &e,
	    "more than 32");
}

/* --- claims judged (RFC 8226 8, RFC 9118 4) --- */

struct claims {
	const char *name, *value;
};

static const char *
value_of(void *arg, const char *name)
{
	for (const struct claims *c = arg; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c->value;
	return NULL;
}

static void
judged(void **state)
{
	static struct claims good[] = { { "confidence", "high" }, { NULL, "" } };
	static struct claims missing[] = { { "orig", "x" }, { NULL, "" } };
	static struct claims other[] = { { "confidence", "low" },
		{ NULL, "" } };
	static struct claims excluded[] = { { "confidence", "medium" },
		{ "priority", "5" }, { NULL, "" } };
	static const struct {
		struct claims *claims;
		const char *field, *says;
	} bad[] = {
		{ missing, "confidence", "must be there" },
		{ other, "confidence", "not permitted" },
		{ excluded, "priority", "must not be there" },
	};
	struct dca_constraints c, only = { .permitted = { 0 } };
	DCA_AUTO_OUT der = { 0 };

	(void)state;
	unhex(&der, RFC9118);
	OK(dca_constraints_parse(&c, dca_out_buf(&der), true, NULL, NULL));
	OK(dca_constraints_judge(&c, value_of, good, NULL));
	for (size_t i = 0; i < 3; i++) {
		struct dca_err e = { 0 };

		assert_int_equal(dca_constraints_judge(&c, value_of,
		    bad[i].claims, &e), DCA_REFUSED);
		assert_int_equal(e.rule, DCA_RULE_PASSPORT_CLAIM);
		assert_string_equal(e.field, bad[i].field);
		assert_non_null(strstr(e.text, bad[i].says));
	}
	dca_constraints_clear(&c);
	/* permittedValues alone: only if the claim is there */
	OK(dca_constraints_permit(&only, "confidence", "high", NULL));
	OK(dca_constraints_judge(&only, value_of, missing, NULL));
	dca_constraints_clear(&only);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(older_form),
		cmocka_unit_test(treated_as_absent),
		cmocka_unit_test(malformed),
		cmocka_unit_test(contradictions),
		cmocka_unit_test(limits),
		cmocka_unit_test(judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
