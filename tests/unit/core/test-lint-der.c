/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reader of the lint refuses, and with which reason: everything that
 * is not DER, on certificates put together octet by octet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lint-octets.h"
#include "lint-parts.h"

static const struct {
	size_t part;
	const char *hex, *text;
} refused[] = {
	{ AT(version), "a00402020002", "version: INTEGER is not in its" },
	{ AT(version), "a0020200", "version: INTEGER without octets" },
	{ AT(version), "a00b0209010000000000000000",
	    "version: INTEGER is too large" },
	{ AT(version), "a003010102", "version: has another type" },
	{ AT(version), "a000", "version: is missing" },
	{ AT(version), "a0800201020000", "version: indefinite length" },
	{ AT(version), "a08103020102", "version: length is not in its" },
	{ AT(version), "a085000000000300", "version: length is larger" },
	{ AT(version), "a0820003020102", "version: length is not in its" },
	{ AT(serial), "0200", "serialNumber: INTEGER without octets" },
	{ AT(serial), "02020001", "serialNumber: INTEGER is not in its" },
	{ AT(serial), "0202ff80", "serialNumber: INTEGER is not in its" },
	{ AT(serial), "040101", "serialNumber: has another type" },
	{ AT(inner), "3000", "signature: is missing" },
	{ AT(inner), "30020600", "signature: OBJECT IDENTIFIER has no end" },
	{ AT(inner), "3003060181", "signature: OBJECT IDENTIFIER has no end" },
	{ AT(inner), "300406028001",
	    "signature: OBJECT IDENTIFIER is not in its" },
	{ AT(issuer), "3100", "issuer: has another type" },
	{ AT(issuer), "30023000", "issuer: has another type" },
	{ AT(issuer), "300431023000", "issuer: is missing" },
	{ AT(issuer), "3009310730050603550403", "issuer: is missing" },
	{ AT(subject), "300c310a300806035504030c01ff",
	    "subject: holds a character" },
	{ AT(subject), "300d310b300906035504030c02c0af",
	    "subject: holds a character" },
	{ AT(subject), "300e310c300a06035504030c03eda080",
	    "subject: holds a character" },
	{ AT(subject), "300c310a3008060355040313015f",
	    "subject: holds a character" },
	{ AT(subject), "300c310a30080603550403160180",
	    "subject: holds a character" },
	{ AT(subject), "300c310a30080603550403120141",
	    "subject: holds a character" },
	{ AT(subject), "300c310a300806035504031e0141",
	    "subject: holds a character" },
	{ AT(subject), "300d310b300906035504030202007f",
	    "subject: INTEGER is not in its" },
	{ AT(subject), "300c310a300806035504031f8001",
	    "subject: tag is not in its shortest" },
	{ AT(subject), "300c310a300806035504031f0100",
	    "subject: tag is not in its shortest" },
	{ AT(subject), "300f310d300b06035504031f8181818101",
	    "subject: tag has no end" },
	{ AT(subject), "300c310a300806035504030c0241",
	    "subject: ends inside an element" },
	{ AT(subject), "300b3109300706035504030c",
	    "subject: ends inside an element" },
	{ AT(subject), "300c310a300806035504030c8201",
	    "subject: ends inside an element" },
	{ AT(validity), "301c170b323430313031303030305a" DATE,
	    "validity: time is not" },
	{ AT(validity), "3022" "1711323430313031303030303030"
	    "2b30303030" DATE, "validity: time is not" },
	{ AT(validity), "3022" "1811323032343031303130303030"
	    "30302e315a" DATE, "validity: time is not" },
	{ AT(validity), "301e170d3233303232393030303030305a" DATE,
	    "validity: time does not exist" },
	{ AT(validity), "301e170d3234303130313030303036305a" DATE,
	    "validity: time does not exist" },
	{ AT(validity), "301e170d32343031303130303030303058" DATE,
	    "validity: time does not exist" },
	{ AT(validity), "301e170d3234313330313030303030305a" DATE,
	    "validity: time does not exist" },
	{ AT(validity), "301e170d3234303130313234303030305a" DATE,
	    "validity: time does not exist" },
	{ AT(validity), "300f" DATE, "validity: is missing" },
	{ AT(spki), "3009300506032a03040300",
	    "subjectPublicKeyInfo: BIT STRING" },
	{ AT(spki), "300a300506032a0304030108",
	    "subjectPublicKeyInfo: BIT STRING" },
	{ AT(spki), "300b300506032a030403020701",
	    "subjectPublicKeyInfo: BIT STRING" },
	{ AT(unique), "8181", "unique identifier: ends inside" },
	{ AT(behind_ext), "0500", "extensions: has another type" },
	{ AT(behind_ext), "a3020500", "extensions: has another type" },
	{ AT(behind_ext), "a30430000500",
	    "extensions: octets behind the list" },
	{ AT(behind_ext), "a30230000500",
	    "TBSCertificate: octets behind the extensions" },
	{ AT(ext), "0500", "extension 1: has another type" },
	{ AT(ext), "30060604551d0f80" , "extension 1: OBJECT IDENTIFIER" },
	{ AT(ext), "300c0603551d0f01010104020500",
	    "extension 1: BOOLEAN is not" },
	{ AT(ext), "30050603551d0f", "extension 1: is missing" },
	{ AT(ext), "30090603551d0f03020080", "extension 1: has another" },
	{ AT(ext), "30090603551d0e04020500", "subjectKeyIdentifier: has" },
	{ AT(ext), "30070603551d0e0400", "subjectKeyIdentifier: is missing" },
	{ AT(ext), "30090603551d2304020500", "authorityKeyIdentifier: has" },
	{ AT(ext), "300b0603551d23040430028002",
	    "authorityKeyIdentifier: ends inside" },
	{ AT(ext), "30090603551d2004020500", "certificatePolicies: has" },
	{ AT(ext), "300b0603551d20040430023000",
	    "certificatePolicies: is missing" },
	{ AT(ext), "30120603551d20040b3009300706012a30023000",
	    "certificatePolicies: is missing" },
	{ AT(ext), "30090603551d1f04020500", "cRLDistributionPoints: has" },
	{ AT(ext), "30110603551d1f040a30083006a004a0028605",
	    "cRLDistributionPoints: ends inside" },
	{ AT(ext), "30090603551d1104020500", "subjectAltName: has" },
	{ AT(ext), "300b0603551d110404" "30000500",
	    "subjectAltName: octets behind the value" },
	{ AT(ext), "300c0603551d110405" "3003870101",
	    "subjectAltName: IP address" },
	{ AT(ext), "30090603551d2504020500", "extKeyUsage: has" },
	{ AT(ext), "300b0603551d250404" "30020500", "extKeyUsage: has" },
	{ AT(ext), "300e06082b0601050507010104020500",
	    "authorityInfoAccess: has" },
	{ AT(ext), "301306082b06010505070101" "0407" "3005300306012a",
	    "authorityInfoAccess: is missing" },
	{ AT(outer), "0500", "signatureAlgorithm: has another type" },
	{ AT(signature), "04023000", "signatureValue: has another type" },
	{ AT(signature), "0300", "signatureValue: BIT STRING" },
	{ AT(behind), "0500", "signatureValue: octets behind it" },
	{ AT(after), "00", "certificate: octets behind it" },
};

static void
refuses_what_is_not_der(void **state)
{
	struct lint_parts p;
	struct dca_lint_cert *c;
	struct dca_err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		DCA_AUTO_OUT der = { 0 };

		p = lint_changed(refused[i].part, refused[i].hex);
		lint_put_certificate(&der, &p);
		memset(&e, 0, sizeof(e));
		if (dca_lint_read(&c, dca_out_buf(&der), &e) !=
		    DCA_MALFORMED || e.rule != DCA_RULE_CERT_DER ||
		    strncmp(e.text, refused[i].text,
		    strlen(refused[i].text)) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", refused[i].hex,
			    e.text, refused[i].text);
		assert_null(c);
	}
}

static void
refuses_sizes(void **state)
{
	DCA_AUTO_OUT der = { 0 };
	DCA_AUTO_OUT ext = { 0 };
	struct lint_parts p = lint_good;
	struct dca_lint_cert *c;
	struct dca_err e = { 0 };
	char *big = dca_alloc(DCA_CERT_MAX + 1);
	size_t i;

	(void)state;
	assert_int_equal(dca_lint_read(&c, DCA_BUF(big, DCA_CERT_MAX + 1),
	    &e), DCA_MALFORMED);
	assert_non_null(strstr(e.text, "at most 524288 are read"));
	free(big);
	for (i = 0; i <= LINT_EXTENSIONS_MAX; i++)
		dca_out_printf(&ext, "%s", "300706032a03040400");
	p.ext = (const char *)ext.p;
	lint_put_certificate(&der, &p);
	assert_int_equal(dca_lint_read(&c, dca_out_buf(&der), &e),
	    DCA_MALFORMED);
	assert_string_equal(e.text, "extensions: more than 64");
	assert_int_equal(dca_lint_read(&c, DCA_BUF("", 0), &e),
	    DCA_MALFORMED);
	assert_string_equal(e.text, "certificate: is missing");
}

/* Cut anywhere, or any octet changed: refused or read, never worse. */
static void
survives_every_changed_octet(void **state)
{
	DCA_AUTO_OUT der = { 0 };
	struct lint_parts p = lint_good;
	struct dca_lint_cert *c;
	struct dca_err e;
	size_t i, refusals = 0;
	uint8_t *copy, was;

	(void)state;
	p.ext = "300c0603551d130101ff04023000"
	    "301606082b0601050507011a040a3008a006160431323334";
	lint_put_certificate(&der, &p);
	for (i = 0; i < der.n; i++) {
		copy = malloc(i + 1);	/* so that a read behind is seen */
		assert_non_null(copy);
		memcpy(copy, der.p, i);
		assert_int_equal(dca_lint_read(&c, DCA_BUF(copy, i), &e),
		    DCA_MALFORMED);
		free(copy);
	}
	for (i = 0; i < der.n * 256; i++) {
		was = der.p[i / 256];
		der.p[i / 256] = (uint8_t)i;
		if (dca_lint_read(&c, dca_out_buf(&der), &e) == DCA_OK)
			dca_lint_free(c);
		else
			refusals++;
		der.p[i / 256] = was;
	}
	assert_true(refusals > der.n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_der),
		cmocka_unit_test(refuses_sizes),
		cmocka_unit_test(survives_every_changed_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
