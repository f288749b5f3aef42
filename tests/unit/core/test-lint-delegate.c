/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packs delegate-ee and sti-sca: a delegate and a cross-certificate put
 * together octet by octet that are clean, and one change for each rule that
 * it must name. A rule of these packs that no case provokes fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "dca/tnset.h"
#include "lint-octets.h"

#define OK(x) assert_int_equal((x), DCA_OK)

/* Points on P-256: the generator (SEC 2 2.4.2), and twice that. */
#define G "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" \
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define G2 "047cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc4766997807775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1"
#define SPKI(point) "3059301306072a8648ce3d020106082a8648ce3d030107034200" point

/* extensions: SEQUENCE { OID, critical?, OCTET STRING } */
#define BC_EE "300c0603551d130101ff04023000"
#define BC_CA "30120603551d130101ff040830060101ff020100"
#define BC_CA_OPEN "300f0603551d130101ff040530030101ff"
#define BC_LOOSE "30090603551d1304023000"
#define KU_EE "300e0603551d0f0101ff040403020780"
#define KU_CA "300e0603551d0f0101ff040403020204"
#define KU_LOOSE "300b0603551d0f040403020780"
#define KU_BOTH "300e0603551d0f0101ff0404030205a0"
#define KU_CRL "300e0603551d0f0101ff040403020102"
#define KU_LONG "300e0603551d0f0101ff040403020080"
#define POLICY(last) "30170603551d200410300e300c060a6086480186ff090101" last
#define POLICY_TWO "30250603551d20041e301c300c060a6086480186ff09010104300c" \
    "060a6086480186ff09010103"
#define POLICY_CRITICAL "301a0603551d200101ff0410300e300c060a6086480186ff09" \
    "010104"
/* URI http://x/cc, cRLIssuer C=US */
#define CRL "302f0603551d1f0428302630" "24a00fa00d860b687474703a2f2f782f6363" \
    "a211a40f300d310b300906035504061302" "5553"
#define CRL_OTHER "302f0603551d1f0428302630" "24a00fa00d860b687474703a2f2f782f" \
    "6464a211a40f300d310b300906035504061302" "5553"
#define CRL_FTP "302f0603551d1f0428302630" "24a00fa00d860b6674703a2f2f782e632f64" \
    "a211a40f300d310b300906035504061302" "5553"
#define CRL_NO_ISSUER "301c0603551d1f041530133011a00fa00d860b687474703a2f2f782f6363"
#define TN(list) "06082b0601050507011a04" list
/* one 12155551212; range x10; two that are outside; SPC 1234 */
#define LIST "301d" TN("11300fa20d160b3132313535353531323132")
#define LIST_OUT "301d" TN("11300fa20d160b3132313535353531323133")
#define LIST_CRITICAL "302006082b0601050507011a0101ff0411300fa20d160b31323135" \
    "35353531323132"
#define LIST_BROKEN "301b" TN("0f300da20b1609313231353535313241")
#define LIST_SPC "3016" TN("0a3008a006160431323334")
#define LIST_LOWER "3016" TN("0a3008a006160437303961")
/* mustExclude div; iat; include and exclude rcd */
#define EXCL_DIV "301706082b06010505070121040b3009a2073005160364697" "6"
#define EXCL_IAT "301706082b06010505070121040b3009a20730051603696174"
#define SAN "300c0603551d1104053003820178"
#define DN "302e310b3009060355040613025553310c300a060355040a0c034f7267" \
    "3111300f06035504030c085348414b454e2031"
#define DN_OTHER "302e310b3009060355040613025553310c300a060355040a0c034f7267" \
    "3111300f06035504030c085348414b454e2032"
#define SERIAL "0209008000000000000001"	/* of 64 bits */
#define VALIDITY "301e170d3234303230313030303030305a170d3239303130313030303030305a"

static char ski_ee[80], aki[80], ski_ca[80], aki_ca[80], ski_root[80];

static void
key_ids(const char *point, char ski[static 80], char aki_of[static 80])
{
	uint8_t raw[65], hash[20];
	char hex[41];
	size_t n = sizeof(hash);

	assert_true(dca_unhex(raw, sizeof(raw), point));
	assert_int_equal(EVP_Q_digest(NULL, "SHA1", NULL, raw, sizeof(raw),
	    hash, &n), 1);
	dca_hex(hex, hash, sizeof(hash));
	(void)snprintf(ski, 80, "301d0603551d0e04160414%s", hex);
	(void)snprintf(aki_of, 80, "301f0603551d23041830168014%s", hex);
}

static char text_ext[4][2048];

static const char *
cat(int at, const char *const *parts)
{
	text_ext[at][0] = '\0';
	for (; *parts != NULL; parts++)
		(void)strcat(text_ext[at], *parts);
	return text_ext[at];
}

/* The clean ones; ext has room for one more, and one may be replaced. */
enum { E_BC, E_KU, E_SKI, E_AKI, E_POLICY, E_CRL, E_TN, E_MORE, E_N };

static void
clean_ee(struct lint_parts *p, const char *ext[E_N + 1])
{
	const char *const e[] = { BC_EE, KU_EE, ski_ee, aki, POLICY("04"), CRL,
		LIST, "", NULL };

	*p = lint_good;
	p->issuer = DN;
	p->subject = DN_OTHER;
	p->serial = SERIAL;
	p->validity = VALIDITY;
	p->spki = SPKI(G);
	memcpy(ext, e, sizeof(e));
}

static void
clean_sca(struct lint_parts *p, const char *ext[E_N + 1])
{
	const char *const e[] = { BC_CA, KU_CA, ski_ca, aki_ca, POLICY("04"),
		CRL, LIST, "", NULL };

	*p = lint_good;
	p->serial = SERIAL;
	p->issuer = DN_OTHER;
	p->subject = DN;
	p->spki = SPKI(G2);
	memcpy(ext, e, sizeof(e));
}

struct made {
	struct dca_out der;
	struct dca_lint_cert *c;
};

static void
make(struct made *m, struct lint_parts *p, const char *const *ext, int at)
{
	struct dca_err e = { 0 };

	p->ext = cat(at, ext);
	lint_put_certificate(&m->der, p);
	if (dca_lint_read(&m->c, dca_out_buf(&m->der), &e) != DCA_OK)
		fail_msg("%s", e.text);
}

static void
unmake(struct made *m)
{
	dca_lint_free(m->c);
	dca_out_free(&m->der);
}

/* --- which rules spoke --- */

static char spoke[256][64];
static size_t n_spoke;
static bool named;
static const char *wanted;

static void
hear(const struct dca_lint_finding *f, void *arg)
{
	const char *id = f->rule->id;
	size_t i;

	(void)arg;
	if (f->verdict != DCA_LINT_WARN && f->verdict != DCA_LINT_ERROR &&
	    f->verdict != DCA_LINT_FATAL)
		return;
	named = named || (wanted != NULL && strcmp(id, wanted) == 0);
	if (wanted == NULL)
		fail_msg("%s: %s %s", id, f->rule->text, f->detail);
	for (i = 0; i < n_spoke; i++)
		if (strcmp(spoke[i], id) == 0)
			return;
	(void)dca_strlcpy(spoke[n_spoke++], id, sizeof(spoke[0]));
}

static void
says(const struct made *m, const struct made *issuer, unsigned pack,
    const struct dca_lint_options *opt, const char *rule)
{
	wanted = rule;
	named = false;
	(void)dca_lint_run(m->c, issuer != NULL ? issuer->c : NULL, pack, opt,
	    hear, NULL);
	if (rule != NULL && !named)
		fail_msg("%s did not speak", rule);
}

/* One change: an extension, or a part of the certificate. */
static const struct change {
	const char *rule;
	int ext;		/* which, or -1 */
	size_t part;
	const char *hex;
} ee_changes[] = {
	{ "e_delegate_end_entity", E_BC, 0, BC_CA },
	{ "e_delegate_tn_auth_list", E_TN, 0, "" },
	{ "e_delegate_tn_auth_list", E_TN, 0, LIST_CRITICAL },
	{ "e_delegate_tn_auth_list", E_TN, 0, LIST_BROKEN },
	{ "e_delegate_tn_auth_list_spc", E_TN, 0, LIST_SPC },
	{ "e_delegate_tn_auth_list_scope", E_TN, 0, LIST_OUT },
	{ "e_delegate_certificate_policies_id", E_POLICY, 0, POLICY("01") },
	{ "e_delegate_crl_distribution_issuer", E_CRL, 0, CRL_OTHER },
	{ "w_delegate_crl_distribution", E_CRL, 0, "" },
	{ "e_delegate_ext_not_specified", E_MORE, 0, SAN },
	{ "e_delegate_claim_constraints", E_MORE, 0, EXCL_IAT },
	{ "e_delegate_extension_once", E_MORE, 0, BC_EE },
	{ "e_delegate_extension_critical", E_TN, 0, LIST_CRITICAL },
	{ "e_delegate_serial_octets", -1, AT(serial), "021540000000000000000000"
	    "0000000000000000000001" },
	{ "e_delegate_signature_parameters", -1, AT(inner), "300c06082a8648ce3d"
	    "0403020500" },
	{ "e_delegate_signature_parameters", -1, AT(outer), "300a06082a8648ce3d"
	    "040303" },
	{ "e_delegate_public_key", -1, AT(spki), KEY("06082a8648ce3d030107") },
	{ "e_delegate_time_encoding", -1, AT(validity), "3020180f3230323430323031"
	    "3030303030305a170d3239303130313030303030305a" },
	{ "e_delegate_time_encoding", -1, AT(validity), "301e170d32393031303130"
	    "30303030305a170d3234303230313030303030305a" },
	{ "e_delegate_subject_key_identifier_sha1", E_SKI, 0,
	    "301d0603551d0e04160414000102030405060708090a0b0c0d0e0f10111213" },
	{ "e_delegate_authority_key_identifier_issuer", E_AKI, 0,
	    "301f0603551d23041830168014000102030405060708090a0b0c0d0e0f1011"
	    "1213" },
	{ "e_delegate_issuer_name", -1, AT(issuer), DN_OTHER },
	{ "e_delegate_subject_name", -1, AT(subject), DN },
	{ "e_delegate_validity_issuer", -1, AT(validity), "301e170d3233303230313"
	    "030303030305a170d3239303130313030303030305a" },
	{ "e_delegate_validity_issuer", -1, AT(validity), "301e170d3234303230313"
	    "030303030305a170d3331303130313030303030305a" },
	{ "e_delegate_key_issuer", -1, AT(spki), SPKI(G2) },
	/* published rules that hold as they are */
	{ "e_atis_version", -1, AT(version), "" },
	{ "e_atis_serial_number", -1, AT(serial), "02088000000000000001" },
	{ "e_atis_serial_number_size", -1, AT(serial), "020101" },
	{ "e_atis_signature_algorithm", -1, AT(inner), "300a06082a8648ce3d0403"
	    "03" },
	{ "e_atis_subject_public_key", -1, AT(spki), "3016301006072a8648ce3d02"
	    "0106052b8104002203020004" },
	{ "e_atis_subject_dn", -1, AT(subject), CN_TEST },
	{ "e_atis_subject_o_required", -1, AT(subject), CN_TEST },
	{ "e_atis_subject_c_iso", -1, AT(subject), "302e310b300906035504061302"
	    "7573310c300a060355040a0c034f72673111300f06035504030c085348414b45"
	    "4e2031" },
	{ "e_atis_subject_c_us", -1, AT(subject), "302e310b300906035504061302"
	    "4341310c300a060355040a0c034f72673111300f06035504030c085348414b45"
	    "4e2031" },
	{ "e_us_cp_subject_sn_shall", E_POLICY, 0, POLICY("03") },
	{ "e_atis_ext_basic_constraints", E_BC, 0, BC_LOOSE },
	{ "e_atis_ext_key_usage", E_KU, 0, KU_LOOSE },
	{ "e_atis_ext_key_usage_ee", E_KU, 0, KU_BOTH },
	{ "e_atis_subject_key_identifier", E_SKI, 0, "" },
	{ "e_atis_subject_key_identifier_size", E_SKI, 0,
	    "300b0603551d0e04040402abcd" },
	{ "e_atis_ext_authority_key_identifier", E_AKI, 0, "" },
	{ "e_atis_ext_certificate_policies", E_POLICY, 0, POLICY_TWO },
	{ "e_atis_ext_certificate_policies", E_POLICY, 0, POLICY_CRITICAL },
	{ "e_incorrect_ku_encoding", E_KU, 0, KU_LONG },
	{ "e_ext_authority_key_identifier_missing", E_AKI, 0, "" },
	{ "e_ext_authority_key_identifier_no_key_identifier", E_AKI, 0, "" },
	{ "w_ext_subject_key_identifier_missing_sub_cert", E_SKI, 0, "" },
};
static const struct change sca_changes[] = {
	{ "e_sca_basic_constraints", E_BC, 0, BC_EE },
	{ "e_sca_key_usage", E_KU, 0, KU_CRL },
	{ "e_sca_tn_auth_list", E_TN, 0, "" },
	{ "e_sca_tn_auth_list_spc_format", E_TN, 0, LIST_LOWER },
	{ "w_sca_path_length", E_BC, 0, BC_CA_OPEN },
	{ "e_atis_version_ca", -1, AT(version), "" },
	{ "e_atis_serial_number_ca", -1, AT(serial), "02088000000000000001" },
	{ "e_atis_serial_number_size_ca", -1, AT(serial), "020101" },
	{ "e_atis_signature_algorithm_ca", -1, AT(inner), "300a06082a8648ce3d04"
	    "0304" },
	{ "e_atis_subject_public_key_ca", -1, AT(spki), "3016301006072a8648ce3d"
	    "020106052b8104002303020004" },
	{ "e_atis_subject_dn_ca", -1, AT(subject), CN_TEST },
	{ "e_atis_subject_o_required_ca", -1, AT(subject), CN_TEST },
	{ "e_atis_subject_c_iso_ca", -1, AT(subject), "302e310b3009060355040613"
	    "027573310c300a060355040a0c034f72673111300f06035504030c085348414b"
	    "454e2031" },
	{ "e_atis_subject_c_us_ca", -1, AT(subject), "302e310b30090603550406130"
	    "24341310c300a060355040a0c034f72673111300f06035504030c085348414b"
	    "454e2031" },
	{ "e_us_cp_subject_sn_shall_ca", E_POLICY, 0, POLICY("03") },
	{ "e_atis_ext_basic_constraints", E_BC, 0, BC_LOOSE },
	{ "e_atis_ext_key_usage", E_KU, 0, KU_LOOSE },
	{ "e_atis_ext_key_usage_ca", E_KU, 0, KU_BOTH },
	{ "e_atis_subject_key_identifier_ca", E_SKI, 0, "" },
	{ "e_atis_subject_key_identifier_size_ca", E_SKI, 0,
	    "300b0603551d0e04040402abcd" },
	{ "e_atis_ext_authority_key_identifier_ca", E_AKI, 0, "" },
	{ "e_atis_ext_certificate_policies_ca", E_POLICY, 0, POLICY_TWO },
	{ "e_atis_ext_crl_distribution_ca", E_CRL, 0, CRL_FTP },
};

static struct made root, sca;

static int
setup(void **state)
{
	const char *ext[E_N + 1];
	char unused[80];
	struct lint_parts p;

	(void)state;
	key_ids(G, ski_ee, aki_ca);	/* the root has G, for brevity */
	key_ids(G, ski_root, unused);
	key_ids(G2, ski_ca, aki);
	clean_sca(&p, ext);
	p.issuer = p.subject = DN_OTHER;
	p.spki = SPKI(G);
	ext[E_BC] = BC_CA_OPEN;
	ext[E_SKI] = ski_root;
	ext[E_AKI] = ext[E_TN] = ext[E_CRL] = ext[E_POLICY] = "";
	make(&root, &p, ext, 0);
	clean_sca(&p, ext);
	make(&sca, &p, ext, 1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unmake(&root);
	unmake(&sca);
	return 0;
}

static void
try_all(const struct change *v, size_t n, unsigned pack)
{
	const bool ee = pack == DCA_LINT_DELEGATE_EE;

	for (size_t i = 0; i < n; i++) {
		const char *ext[E_N + 1];
		struct made m = { .c = NULL };
		struct lint_parts p;

		if (ee)
			clean_ee(&p, ext);
		else
			clean_sca(&p, ext);
		if (v[i].ext >= 0)
			ext[v[i].ext] = v[i].hex;
		else
			memcpy((char *)&p + v[i].part, &v[i].hex,
			    sizeof(v[i].hex));
		make(&m, &p, ext, 2);
		says(&m, ee ? &sca : &root, pack, NULL, v[i].rule);
		unmake(&m);
	}
}

static void
clean(void **state)
{
	const char *ext[E_N + 1];
	struct made m = { .c = NULL };
	struct lint_parts p;

	(void)state;
	assert_int_equal(dca_lint_pack_of(sca.c), DCA_LINT_STI_SCA);
	says(&sca, &root, DCA_LINT_STI_SCA, NULL, NULL);
	clean_ee(&p, ext);
	ext[E_MORE] = EXCL_DIV;
	make(&m, &p, ext, 2);
	assert_int_equal(dca_lint_pack_of(m.c), DCA_LINT_DELEGATE_EE);
	says(&m, &sca, DCA_LINT_DELEGATE_EE, NULL, NULL);
	unmake(&m);
}

/* What only the issuer, the options or two extensions can provoke. */
static void
others(void **state)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *scope =
	    dca_tnset_new();
	const char *const policy[] = { "2.16.840.1.114569.1.1.1" };
	const struct dca_lint_options shaken = { .cn_shaken = true },
	    inside = { .scope = scope }, open = { .policies = policy,
	    .n_policies = 1, .crldp_optional = true };
	const char *ext[E_N + 1];
	struct made m = { .c = NULL }, above = { .c = NULL };
	struct lint_parts p;

	(void)state;
	OK(dca_tnset_parse(scope, "12155551213", NULL));
	clean_ee(&p, ext);
	p.subject = "302e310b3009060355040613025553310c300a060355040a0c034f72"
	    "673111300f06035504030c087368616b656e2031";
	make(&m, &p, ext, 2);
	says(&m, &sca, DCA_LINT_DELEGATE_EE, &shaken, "e_delegate_subject_cn");
	says(&m, &sca, DCA_LINT_DELEGATE_EE, &inside,
	    "e_delegate_tn_auth_list_scope");
	unmake(&m);
	/* an accepted policy, no CRL needed; no issuer, nothing to compare */
	clean_ee(&p, ext);
	ext[E_POLICY] = POLICY("01");
	ext[E_CRL] = "";
	make(&m, &p, ext, 2);
	says(&m, NULL, DCA_LINT_DELEGATE_EE, &open, NULL);
	unmake(&m);
	/* the issuer: no CA, and no room below it */
	clean_sca(&p, ext);
	p.issuer = p.subject = DN_OTHER;
	p.spki = SPKI(G);
	ext[E_SKI] = ski_root;
	ext[E_TN] = "";
	make(&above, &p, ext, 2);
	says(&sca, &above, DCA_LINT_STI_SCA, NULL, "e_sca_path_length_issuer");
	unmake(&above);
	ext[E_BC] = BC_EE;
	make(&above, &p, ext, 2);
	says(&sca, &above, DCA_LINT_STI_SCA, NULL, "e_sca_issuer_ca");
	unmake(&above);
}

static void
each_rule(void **state)
{
	size_t n;
	const struct dca_lint_rule *r = dca_lint_rules(&n);

	(void)state;
	try_all(ee_changes, sizeof(ee_changes) / sizeof(ee_changes[0]),
	    DCA_LINT_DELEGATE_EE);
	try_all(sca_changes, sizeof(sca_changes) / sizeof(sca_changes[0]),
	    DCA_LINT_STI_SCA);
	for (size_t i = 0; i < n; i++) {
		bool heard = false;

		if (!(r[i].packs & (DCA_LINT_DELEGATE_EE |
		    DCA_LINT_STI_SCA)))
			continue;
		/* says nothing whatever the certificate is (US CP 1.4 3.1) */
		if (strncmp(r[i].id, "e_us_cp_subject_sn_may", 22) == 0)
			continue;
		for (size_t k = 0; k < n_spoke; k++)
			heard = heard || strcmp(spoke[k], r[i].id) == 0;
		if (!heard)
			fail_msg("nothing provokes %s", r[i].id);
	}
}

/* --- where it decides --- */

static void
decides(void **state)
{
	const char *ext[E_N + 1];
	struct dca_err e = { 0 };
	struct made m = { .c = NULL };
	struct lint_parts p;
	DCA_AUTO_OUT tbs = { 0 };

	(void)state;
	clean_ee(&p, ext);
	p.ext = cat(2, ext);
	lint_put_tbs(&tbs, &p);
	OK(dca_lint_tbs(dca_out_buf(&tbs), sca.c, NULL, &e));
	ext[E_TN] = LIST_OUT;
	p.ext = cat(2, ext);
	tbs.n = 0;
	lint_put_tbs(&tbs, &p);
	assert_int_equal(dca_lint_tbs(dca_out_buf(&tbs), sca.c, NULL, &e),
	    DCA_INTERNAL);
	assert_int_equal(e.rule, DCA_RULE_LINT);
	assert_string_equal(e.field, "e_delegate_tn_auth_list_scope");
	assert_non_null(strstr(e.text, "12155551213"));
	tbs.n--;
	assert_int_equal(dca_lint_tbs(dca_out_buf(&tbs), sca.c, NULL, &e),
	    DCA_INTERNAL);
	OK(dca_lint_cross(sca.c, root.c, NULL, &e));
	clean_sca(&p, ext);
	ext[E_TN] = "";
	make(&m, &p, ext, 2);
	assert_int_equal(dca_lint_cross(m.c, root.c, NULL, &e), DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_CROSS_LINT);
	assert_string_equal(e.field, "e_sca_tn_auth_list");
	unmake(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean),
		cmocka_unit_test(others),
		cmocka_unit_test(each_rule),
		cmocka_unit_test(decides),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
