/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lint reads and says, on certificates put together octet by octet:
 * odd encodings that the public reports tolerate, the last one of its kind,
 * lists to the letter, types and packs. The verdicts of the published rules
 * on whole corpora are test-lint-corpus.
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

/* The certificate lives as long as *der. */
static struct dca_lint_cert *
read_parts(struct dca_out *der, const struct lint_parts *p)
{
	struct dca_lint_cert *c = NULL;
	struct dca_err e = { 0 };

	lint_put_certificate(der, p);
	if (dca_lint_read(&c, dca_out_buf(der), &e) != DCA_OK)
		fail_msg("%s", e.text);
	return c;
}

struct asked {
	const char *id;
	enum dca_lint_verdict verdict;
	char detail[200];
	size_t n;
};

static void
listen_for(const struct dca_lint_finding *f, void *arg)
{
	struct asked *a = arg;

	a->n++;
	if (strcmp(f->rule->id, a->id) != 0)
		return;
	a->verdict = f->verdict;
	(void)dca_strlcpy(a->detail, f->detail, sizeof(a->detail));
}

static struct asked
ask(const struct lint_parts *p, unsigned packs, const char *id)
{
	DCA_AUTO_OUT der = { 0 };
	DCA_CLEANUP(dca_lint_free_p) struct dca_lint_cert *c =
	    read_parts(&der, p);
	struct asked a = { .id = id };

	(void)dca_lint_run(c, NULL, packs, NULL, listen_for, &a);
	return a;
}

#define WITH(m, hex) AT(m), hex
static const struct {
	size_t part;
	const char *hex, *id;
	enum dca_lint_verdict verdict;
	const char *detail;
} said[] = {
	{ WITH(version, ""), "e_atis_version", 'E', "field is 0, not 2" },
	{ WITH(serial, "020100"), "e_atis_serial_number", 'E', "is 0" },
	{ WITH(serial, "0201ff"), "e_atis_serial_number", 'E', "negative" },
	{ WITH(serial, "02087fffffffffffffff"),
	    "e_atis_serial_number_size", 'E', "has 63 bits" },
	{ WITH(serial, "0209008000000000000000"),
	    "e_atis_serial_number_size", 'P', "" },
	{ WITH(serial, "02088000000000000000"),
	    "e_atis_serial_number_size", 'P', "" },
	{ WITH(serial, "02088000000000000001"),
	    "e_atis_serial_number_size", 'E', "has 63 bits" },
	{ WITH(inner, "300d06092a864886f70d01010b0500"),
	    "e_atis_signature_algorithm", 'E', "is 1.2.840.113549.1.1.11" },
	{ WITH(inner, "300c06082a8648ce3d0403020500"),
	    "e_atis_signature_algorithm", 'P', "" },
	{ WITH(inner, "300a06082a8648ce3d040303"),
	    "e_atis_signature_algorithm", 'E', "is 1.2.840.10045.4.3.3" },
	{ WITH(spki, "3013300d06092a864886f70d0101010500" "03020000"),
	    "e_atis_subject_public_key", 'E', "is 1.2.840.113549.1.1.1" },
	{ WITH(spki, "3017" "3010" "06072a8648ce3d0201" "06052b8104000a"
	    "0303000400"),
	    "e_atis_subject_public_key", 'E', "curve 1.3.132.0.10" },
	{ WITH(spki, "3010" "3009" "06072a8648ce3d0201" "0303000400"),
	    "e_atis_subject_public_key", 'E', "curve (none)" },
	{ WITH(ext, "3010060c69ffffffffffffffffff7f030400"),
	    "e_atis_ext_not_specified", 'E', "2.25.?.3" },
	/* names: empty; BMPString, T61String; two attributes in one RDN */
	{ WITH(subject, "3000"), "e_atis_subject_dn", 'E', "C is missing" },
	{ WITH(subject, CN_TEST), "e_atis_subject_dn", 'E', "C is missing" },
	{ WITH(subject, "3019311730150603550403" "1e0e"
	    "005300480041004b0045004e0021"), "e_atis_subject_cn", 'P', "" },
	{ WITH(subject, "3012311030" "0e0603550403" "1407"
	    "5348414b454eff"), "e_atis_subject_cn", 'P', "" },
	{ WITH(subject, "3012311030" "0e0603550403" "0c07"
	    "5348414b454e5f"), "e_atis_subject_cn", 'E', "SHAKEN_" },
	{ WITH(subject, "3012311030" "0e0603550403" "1a07"
	    "5348414b454e20"), "e_atis_subject_cn", 'E', "CN is \"\"" },
	{ WITH(subject, "3012311030" "0e0603550403" "1407"
	    "1b5b324a00ff41"), "e_atis_subject_cn", 'E',
	    "CN is \"?[2J??A\"" },
	{ WITH(subject, "3017" "3115" "3009060355040613025553"
	    "3008060355040313014a"), "e_atis_subject_dn", 'P', "" },
	{ WITH(subject, "3017" "3115" "3009060355040613027573"
	    "3008060355040313014a"), "e_atis_subject_c_iso", 'E',
	    "C is \"us\"" },
	{ WITH(subject, "3015" "3113" "3011" "0603550403" "1e0a"
	    "00e9d83dde00d8000000"), "e_atis_subject_cn", 'E',
	    "CN is \"\u00e9\U0001f600\ufffd\"" },
	/* the day before a rule, the day itself, in both forms of time */
	{ WITH(validity, "301e170d3230313230323233353935395a" DATE),
	    "e_atis_version", 'N', "" },
	{ WITH(validity, "301e170d3230313230333030303030305a" DATE),
	    "e_atis_version", 'P', "" },
	{ WITH(validity, "3020180f32303230313230323233353935395a" DATE),
	    "e_atis_version", 'N', "" },
	{ WITH(validity, "3020180f32303230313230333030303030305a" DATE),
	    "e_atis_version", 'P', "" },
	/* a policy with a qualifier, and with what is none */
	{ WITH(ext, "301a0603551d2004133011" "300f06022a03" "3009"
	    "300706012a0c024142"), "e_atis_ext_certificate_policies", 'P',
	    "" },
	{ WITH(ext, "30110603551d20040a3008" "300606022a030500"),
	    "e_shaken_certificate_policies_id", 'E', "policy is 1.2.3" },
	/* points without fullName add no URI */
	{ WITH(ext, "300d0603551d1f040630043002a000"),
	    "e_atis_ext_crl_distribution", 'E', "0 URIs" },
	{ WITH(ext, "300f0603551d1f040830063004a002a100"),
	    "e_atis_ext_crl_distribution", 'E', "0 URIs" },
	{ WITH(ext, "30140603551d1f040d300b3009a007a0058603667470"),
	    "e_atis_ext_crl_distribution", 'E', "URI is \"ftp\"" },
	/* nor does one behind the cRLIssuer: it has no place there */
	{ WITH(ext, "301f0603551d1f0418301630" "14a204a4023000a00ca00a8608"
	    "687474703a2f2f61"), "e_atis_ext_crl_distribution", 'E',
	    "0 URIs" },
	{ WITH(ext, "301f0603551d1f0418301630" "14a00ca00a8608687474703a2f"
	    "2f61a204a4023000"), "e_atis_ext_crl_distribution", 'P', "" },
	/* of several points all URIs count */
	{ WITH(ext, "30270603551d1f0420301e30" "0ea00ca00a8608687474703a2f"
	    "2f61300ca00aa0088606687474703a2f"), "e_atis_ext_crl_distribution",
	    'E', "2 URIs" },
	{ WITH(ext, "300e0603551d130101ff040430020500"),
	    "e_atis_ext_basic_constraints", 'P', "" },
	/* an extension that says nothing, wrongly, or FALSE aloud */
	{ WITH(ext, "30070603551d0f0400"), "e_incorrect_ku_encoding", '-',
	    "" },
	{ WITH(ext, "30070603551d0f0400"), "e_atis_ext_key_usage_ee", 'E',
	    "bits 0x0" },
	{ WITH(ext, "300b0603551d0f040403020780"),
	    "e_incorrect_ku_encoding", 'P', "" },
	{ WITH(ext, "300b0603551d0f040403020080"),
	    "e_incorrect_ku_encoding", 'E',
	    "declares 0 unused bits, 7 expected: 03020080" },
	{ WITH(ext, "300c0603551d0f04050303070000"),
	    "e_incorrect_ku_encoding", 'E', "0 expected" },
	{ WITH(ext, "300a0603551d0f0403030100"),
	    "e_incorrect_ku_encoding", 'F', "too short: 030100" },
	{ WITH(ext, "300e0603551d0f0101ff0404030206c0"),
	    "e_atis_ext_key_usage_ee", 'E', "bits 0x3" },
	{ WITH(ext, "300e0603551d0f010100040403020780"),
	    "e_atis_ext_key_usage", 'E', "not critical" },
	{ WITH(ext, "300c0603551d130101ff04023180"),
	    "e_atis_ext_basic_constraints", 'E', "does not parse" },
	{ WITH(ext, "300f0603551d130101ff040530030101" "01"),
	    "e_atis_ext_basic_constraints", 'E', "does not parse" },
	/* of two the last one counts */
	{ WITH(ext, "300c0603551d130101ff04023000" "30090603551d1304023000"),
	    "e_atis_ext_basic_constraints", 'E', "not critical" },
	{ WITH(ext, "300706032a03040400" "30080604558f5507040" "0"
	    "30090603551d1304023000"), "e_atis_ext_not_specified", 'E',
	    "1.2.3.4,2.5.2005.7" },
	{ WITH(ext, ""), "w_ext_subject_key_identifier_missing_sub_cert",
	    'W', "" },
};

static void
says_what_was_found(void **state)
{
	struct lint_parts p;
	struct asked a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		p = lint_changed(said[i].part, said[i].hex);
		a = ask(&p, DCA_LINT_PUBLISHED, said[i].id);
		assert_int_equal(a.n, 57);
		if (a.verdict != said[i].verdict ||
		    strstr(a.detail, said[i].detail) == NULL)
			fail_msg("%s: %s says %c \"%s\"", said[i].hex,
			    said[i].id, (char)a.verdict, a.detail);
	}
}

/* What CP 1.4 allows to STI certificates it does not allow to delegates, and
 * the rules of SHAKEN names are not theirs. */
static void
holds_delegates_to_less_choice(void **state)
{
	struct lint_parts p = lint_changed(AT(inner),
	    "300a06082a8648ce3d040303");
	struct asked a;

	(void)state;
	p.ext = "30170603551d200410300e300c060a60864801" "86ff09010104";
	a = ask(&p, DCA_LINT_STI_EE, "e_atis_signature_algorithm");
	assert_int_equal(a.verdict, DCA_LINT_PASS);
	assert_string_equal(a.detail, "ecdsa-with-SHA384: allowed to CP 1.4");
	a = ask(&p, DCA_LINT_DELEGATE_EE, "e_atis_signature_algorithm");
	assert_int_equal(a.verdict, DCA_LINT_ERROR);
	a = ask(&p, DCA_LINT_DELEGATE_EE, "e_atis_subject_cn_spc");
	assert_int_equal(a.verdict, 0);
	a = ask(&p, DCA_LINT_STI_EE, "e_atis_subject_cn_spc");
	assert_int_equal(a.verdict, DCA_LINT_ERROR);
	assert_string_equal(a.detail, "TNAuthList is missing");
	/* the full stop of an SPC is any character but the end of a line */
	p.ext = "301306082b0601050507011a04073005a00316012e";
	p.subject = "3013311130" "0f0603550403" "0c085348414b454e2041";
	a = ask(&p, DCA_LINT_STI_EE, "e_atis_subject_cn_spc");
	assert_int_equal(a.verdict, DCA_LINT_PASS);
	p.subject = "3013311130" "0f0603550403" "0c085348414b454e200a";
	a = ask(&p, DCA_LINT_STI_EE, "e_atis_subject_cn_spc");
	assert_int_equal(a.verdict, DCA_LINT_ERROR);
	assert_string_equal(a.detail, "SPC is \".\", CN is \"SHAKEN ?\"");
}

/* RFC 8226 9 to the letter, and what the published rules find. */
static const struct {
	const char *value, *why;	/* why NULL: well formed */
	enum lint_spc spc;
	unsigned pack;
} lists[] = {
	{ "3008a006160431323334", NULL, LINT_SPC_OK, DCA_LINT_STI_EE },
	{ "3007a205160331323" "3", NULL, LINT_SPC_COUNT,
	    DCA_LINT_DELEGATE_EE },
	{ "300da10b300916043132333002010a", NULL, LINT_SPC_COUNT,
	    DCA_LINT_DELEGATE_EE },
	{ "300fa006160431323334a2051603312333", NULL, LINT_SPC_OK,
	    DCA_LINT_DELEGATE_EE },
	{ "3000", "entry 0: list has no entry", LINT_SPC_COUNT,
	    DCA_LINT_DELEGATE_EE },
	{ "3100", "entry 0: has another type", LINT_SPC_BAD,
	    DCA_LINT_DELEGATE_EE },
	{ "3008a0061604313233340500", "entry 0: octets behind the list",
	    LINT_SPC_OK, DCA_LINT_STI_EE },
	{ "3006130431323334", "entry 1: is not explicitly tagged",
	    LINT_SPC_COUNT, DCA_LINT_DELEGATE_EE },
	{ "3006800431323334", "entry 1: is not explicitly tagged",
	    LINT_SPC_BAD, DCA_LINT_STI_EE },
	{ "3007a305160331323" "3", "entry 1: is not explicitly tagged",
	    LINT_SPC_COUNT, DCA_LINT_DELEGATE_EE },
	{ "3008a00616", "entry 0: ends inside", LINT_SPC_BAD,
	    DCA_LINT_DELEGATE_EE },
	{ "3003a00616", "entry 1: ends inside", LINT_SPC_BAD,
	    DCA_LINT_DELEGATE_EE },
	{ "3008a006130431323334", "entry 1: has another type", LINT_SPC_OK,
	    DCA_LINT_STI_EE },
	{ "3008a006020431323334", "entry 1: has another type", LINT_SPC_BAD,
	    DCA_LINT_STI_EE },
	{ "3004a0021600", "entry 1: SPC of 0 characters", LINT_SPC_EMPTY,
	    DCA_LINT_STI_EE },
	{ "3005a003160180", "entry 1: SPC holds the octet 0x80",
	    LINT_SPC_BAD, DCA_LINT_STI_EE },
	{ "300aa0081604313233340500", "entry 1: octets behind the entry",
	    LINT_SPC_OK, DCA_LINT_STI_EE },
	{ "3010a006160431323334a006160431323335", NULL, LINT_SPC_COUNT,
	    DCA_LINT_STI_EE },
	{ "3008a0061e0400310032", "entry 1: has another type", LINT_SPC_OK,
	    DCA_LINT_STI_EE },
	{ "3004a2021600", "entry 1: telephone number is not 1 to 15",
	    LINT_SPC_COUNT, DCA_LINT_DELEGATE_EE },
	{ "3014a212161031323334353637383930313233343536",
	    "entry 1: telephone number is not 1 to 15", LINT_SPC_COUNT,
	    DCA_LINT_DELEGATE_EE },
	{ "3006a20416022b31", "entry 1: telephone number is not of 0-9",
	    LINT_SPC_COUNT, DCA_LINT_DELEGATE_EE },
	{ "300aa1083006160131020101", "entry 1: count of a range is below 2",
	    LINT_SPC_COUNT, DCA_LINT_DELEGATE_EE },
	{ "300aa108300616013102010a", "entry 1: range 1+10 leaves",
	    LINT_SPC_COUNT, DCA_LINT_DELEGATE_EE },
	{ "300aa1083006160123020102", "entry 1: range start # holds",
	    LINT_SPC_COUNT, DCA_LINT_DELEGATE_EE },
	{ "300ca10a3008160131020102" "0500",
	    "entry 1: octets behind the count", LINT_SPC_COUNT,
	    DCA_LINT_DELEGATE_EE },
	{ "3012a110300e1601310209010000000000000000",
	    "entry 1: INTEGER is too large", LINT_SPC_COUNT,
	    DCA_LINT_DELEGATE_EE },
	{ "300da006160431323334a203160178", "entry 2: telephone number is not",
	    LINT_SPC_OK, DCA_LINT_DELEGATE_EE },
	{ "300aa003160180a203160131", "entry 1: SPC holds the octet 0x80",
	    LINT_SPC_BAD, DCA_LINT_DELEGATE_EE },
	{ "3007a105300316013" "1", "entry 1: is missing", LINT_SPC_COUNT,
	    DCA_LINT_DELEGATE_EE },
};

/* One Extension around a value, as hex. */
static void
put_extension(struct dca_out *hex, const char *oid, const char *value)
{
	size_t n = strlen(value) / 2, k = strlen(oid) / 2;

	dca_out_printf(hex, "30%02zx06%02zx%s04%02zx%s", n + k + 4, k, oid, n,
	    value);
}

static void
reads_lists_to_the_letter(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		DCA_AUTO_OUT der = { 0 };
		DCA_AUTO_OUT ext = { 0 };
		DCA_CLEANUP(dca_lint_free_p) struct dca_lint_cert *c = NULL;
		struct lint_parts p = lint_good;

		put_extension(&ext, "2b0601050507011a", lists[i].value);
		p.ext = (const char *)ext.p;
		c = read_parts(&der, &p);
		if (c->tn_well_formed != (lists[i].why == NULL) ||
		    c->spc_result != lists[i].spc ||
		    dca_lint_pack_of(c) != lists[i].pack ||
		    strncmp(c->tn_why, lists[i].why == NULL ? ""
		    : lists[i].why, lists[i].why == NULL ? 1
		    : strlen(lists[i].why)) != 0)
			fail_msg("%s: \"%s\", SPC %d, %s", lists[i].value,
			    c->tn_why, (int)c->spc_result,
			    dca_lint_pack_name(dca_lint_pack_of(c)));
	}
}

static void
knows_types_and_packs(void **state)
{
	static const char *const names[] = { "sti-root", "sti-intermediate",
		"sti-ee", "sti-sca", "delegate-ee", "published" };
	struct lint_parts p = lint_good, q = lint_good;
	DCA_AUTO_OUT a = { 0 };
	DCA_AUTO_OUT b = { 0 };
	struct dca_lint_cert *c, *d;
	const struct dca_lint_rule *r;
	size_t i, n;

	(void)state;
	for (i = 0; i < 6; i++) {
		assert_int_equal(dca_lint_pack(names[i]), 1U << i);
		assert_string_equal(dca_lint_pack_name(1U << i), names[i]);
	}
	assert_int_equal(dca_lint_pack("sti"), 0);
	assert_null(dca_lint_pack_name(3));
	assert_null(dca_lint_rule("e_atis"));
	r = dca_lint_rules(&n);
	for (i = 0; i < n; i++) {
		assert_ptr_equal(dca_lint_rule(r[i].id), &r[i]);
		assert_true(r[i].packs != 0 && r[i].clause[0] != '\0' &&
		    r[i].text[0] != '\0' && r[i].advice[0] != '\0');
	}
	/* a CA under its own name that does not verify is no root */
	p.ext = "300f0603551d130101ff040530030101ff"
	    "30090603551d0e04020400" "300b0603551d23040430028000";
	c = read_parts(&a, &p);
	assert_string_equal(dca_lint_kind(c), "CA");
	assert_int_equal(dca_lint_pack_of(c), DCA_LINT_STI_INTERMEDIATE);
	q.ext = "300f0603551d130101ff040530030101ff"
	    "301606082b0601050507011a040a3008a006160431323334"
	    "300c0603551d23040530038001" "41";
	d = read_parts(&b, &q);
	assert_int_equal(dca_lint_pack_of(d), DCA_LINT_STI_SCA);
	assert_true(dca_lint_issued_by(c, c));
	assert_true(dca_lint_issued_by(c, d));
	assert_false(dca_lint_issued_by(d, c));
	dca_lint_free(c);
	dca_lint_free(d);
	dca_lint_free(NULL);
}

static void
reads_what_is_not_signed(void **state)
{
	DCA_AUTO_OUT tbs = { 0 };
	DCA_AUTO_OUT der = { 0 };
	struct dca_lint_cert *c;
	struct dca_err e = { 0 };

	(void)state;
	lint_put_tbs(&tbs, &lint_good);
	assert_int_equal(dca_lint_read_tbs(&c, dca_out_buf(&tbs), &e),
	    DCA_OK);
	assert_true(c->tbs_only && !c->self_signed);
	assert_string_equal(dca_lint_kind(c), "EE");
	assert_int_equal(dca_lint_pack_of(c), DCA_LINT_STI_EE);
	dca_lint_free(c);
	lint_put_certificate(&der, &lint_good);
	assert_int_equal(dca_lint_read_tbs(&c, dca_out_buf(&der), &e),
	    DCA_MALFORMED);
	assert_string_equal(e.text, "serialNumber: has another type");
	dca_out_add(&tbs, "", 1);
	assert_int_equal(dca_lint_read_tbs(&c, dca_out_buf(&tbs), &e),
	    DCA_MALFORMED);
	assert_string_equal(e.text, "TBSCertificate: octets behind it");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_was_found),
		cmocka_unit_test(holds_delegates_to_less_choice),
		cmocka_unit_test(reads_lists_to_the_letter),
		cmocka_unit_test(knows_types_and_packs),
		cmocka_unit_test(reads_what_is_not_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
