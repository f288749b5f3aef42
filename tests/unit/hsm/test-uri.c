/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7512 URIs: what is taken, and every way to be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dca/hsm.h"

struct good {
	const char *uri, *token, *manufacturer, *model, *serial, *object;
	const char *id_hex, *module_path;
};

/* The first ones are RFC 7512 3, less what we refuse (type=public, cert,
 * empty serial, pin-source). */
static const struct good good[] = {
	{ "pkcs11:", "", "", "", "", "", "", "" },
	{ "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;"
	  "manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-certificate;"
	  "type=private;id=%69%95%3E%5C%F4%BD%EC%91",
	  "The Software PKCS#11 Softtoken", "Snake Oil, Inc.", "1.0", "",
	  "my-certificate", "69953e5cf4bdec91", "" },
	{ "pkcs11:object=my-sign-key;type=private?module-path=/mnt/libmypkcs11.so.1",
	  "", "", "", "", "my-sign-key", "", "/mnt/libmypkcs11.so.1" },
	{ "pkcs11:token=my%20token%25%20created%20by%20Joe;model=3.0",
	  "my token% created by Joe", "", "3.0", "", "", "", "" },
	{ "pkcs11:token=A%20name%20with%20a%20substring%20%25%3B;object=x",
	  "A name with a substring %;", "", "", "", "x", "", "" },
	{ "pkcs11:token=Name%20with%20a%20small%20A%20with%20ac%C3%A1ute",
	  "Name with a small A with ac\xc3\xa1ute", "", "", "", "", "", "" },
	{ "PKCS11:token=one;id=%01", "one", "", "", "", "", "01", "" },
	{ "pkcs11:id=%00%ff;token=a&b", "a&b", "", "", "", "", "00ff", "" },
	{ "pkcs11:id=ab", "", "", "", "", "", "6162", "" },
	{ "pkcs11:serial=0123456789abcdef", "", "", "", "0123456789abcdef",
	  "", "", "" },
	{ "pkcs11:token=12345678901234567890123456789012",
	  "12345678901234567890123456789012", "", "", "", "", "", "" },
};

static void
takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct good *g = &good[i];
		struct dca_token_uri u;
		struct dca_err e = { 0 };
		char hex[65];

		if (dca_token_uri_parse(&u, g->uri, &e) != DCA_OK)
			fail_msg("%s: %s", g->uri, e.text);
		assert_string_equal(u.token, g->token);
		assert_string_equal(u.manufacturer, g->manufacturer);
		assert_string_equal(u.model, g->model);
		assert_string_equal(u.serial, g->serial);
		assert_string_equal(u.object, g->object);
		assert_string_equal(u.module_path, g->module_path);
		dca_hex(hex, u.id, u.id_len);
		assert_string_equal(hex, g->id_hex);
	}
}

static const struct {
	const char *uri, *text;
} bad[] = {
	{ "", "does not start" },
	{ "token=one", "does not start" },
	{ "pkcs12:token=one", "does not start" },
	{ "pkcs11:token=one;token=two", "twice" },
	{ "pkcs11:id=%01;id=%01", "twice" },
	{ "pkcs11:token", "no value" },
	{ "pkcs11:token=one;", "ends with" },
	{ "pkcs11:;token=one", "no value" },
	{ "pkcs11:token=one;;id=%01", "no value" },
	{ "pkcs11:token=", "token is empty" },
	{ "pkcs11:serial=", "serial is empty" },
	{ "pkcs11:id=", "id is empty" },
	{ "pkcs11:token=one two", "malformed" },
	{ "pkcs11:token=one#x", "malformed" },
	{ "pkcs11:token=one/two", "malformed" },
	{ "pkcs11:token=caf\xc3\xa9", "malformed" },
	{ "pkcs11:token=%", "malformed" },
	{ "pkcs11:token=%4", "malformed" },
	{ "pkcs11:token=%4g", "malformed" },
	{ "pkcs11:token=a%00b", "zero octet" },
	{ "pkcs11:token=123456789012345678901234567890123", "longer than 32" },
	{ "pkcs11:model=12345678901234567", "longer than 16" },
	{ "pkcs11:serial=12345678901234567", "longer than 16" },
	{ "pkcs11:id=%00%01%02%03%04%05%06%07%08%09%0a%0b%0c%0d%0e%0f%10%11"
	  "%12%13%14%15%16%17%18%19%1a%1b%1c%1d%1e%1f%20", "longer than 32" },
	{ "pkcs11:slot-id=1", "not honoured" },
	{ "pkcs11:library-version=3", "not honoured" },
	{ "pkcs11:x-vendor=3", "not honoured" },
	{ "pkcs11:Token=one", "not honoured" },
	{ "pkcs11:type=cert", "type is not private" },
	{ "pkcs11:type=public", "type is not private" },
	{ "pkcs11:token=one?pin-value=1234", "no place in a URI" },
	{ "pkcs11:pin-value=1234", "no place in a URI" },
	{ "pkcs11:token=one?pin-source=file:/x", "pin_file" },
	{ "pkcs11:token=one?module-name=softhsm2", "not honoured" },
	{ "pkcs11:token=one?token=two", "not honoured" },
	{ "pkcs11:token=one?module-path=/a&module-path=/b", "twice" },
};

static void
refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dca_token_uri u;
		struct dca_err e = { 0 };

		if (dca_token_uri_parse(&u, bad[i].uri, &e) == DCA_OK)
			fail_msg("taken: %s", bad[i].uri);
		assert_int_equal(e.rule, DCA_RULE_TOKEN_URI);
		if (strstr(e.text, bad[i].text) == NULL)
			fail_msg("%s: \"%s\"", bad[i].uri, e.text);
		assert_int_equal(u.token[0], 0);
		assert_int_equal(u.id_len, 0);
	}
}

/* A refused pin-value is not repeated in the text. */
static void
keeps_quiet(void **state)
{
	struct dca_token_uri u;
	struct dca_err e = { 0 };

	(void)state;
	assert_int_not_equal(dca_token_uri_parse(&u,
	    "pkcs11:token=one?pin-value=s3cr3t", &e), DCA_OK);
	assert_null(strstr(e.text, "s3cr3t"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(keeps_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
