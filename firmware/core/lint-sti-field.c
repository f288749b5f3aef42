/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published rules of STI certificates: fields, names and keys
 * (ATIS-1000080 6.4.1, US SHAKEN CP). One row says all of a rule; a rule for
 * EE and the same for CA share their check.
 */
#include "lint-parts.h"

static bool
issued_ee(const struct lint_ctx *x)
{
	return !x->c->ca && !x->c->self_signed;
}

static enum dca_lint_verdict
serial_positive(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->serial_negative)
		return lint_fail(d, "serialNumber is negative");
	if (x->c->serial_zero)
		return lint_fail(d, "serialNumber is 0");
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
serial_size(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->serial_bits >= 64 ? DCA_LINT_PASS
	    : lint_fail(d, "serialNumber has %zu bits, fewer than 64",
	    x->c->serial_bits);
}

/* The exception is for roots and the CP 1.4; a delegate has none of it. */
static enum dca_lint_verdict
signature_algorithm(const struct lint_ctx *x, struct lint_detail *d)
{
	bool delegate = !x->c->ca && (x->packs & DCA_LINT_DELEGATE_EE) != 0;

	if (LINT_IS(x->c->inner.oid, LINT_OID_SHA256))
		return DCA_LINT_PASS;
	if (LINT_IS(x->c->inner.oid, LINT_OID_SHA384) && !delegate &&
	    (x->c->root || x->c->cp14)) {
		lint_say(d, "ecdsa-with-SHA384: allowed to %s",
		    x->c->root ? "a root" : "CP 1.4");
		return DCA_LINT_PASS;
	}
	return lint_fail_oid(d, "signature algorithm is", x->c->inner.oid);
}

static enum dca_lint_verdict
country_iso(const struct lint_ctx *x, struct lint_detail *d)
{
	struct dca_buf c = x->c->subject.c.last;

	if (x->c->subject.c.strings != 1)
		return lint_fail(d, "%zu countries",
		    x->c->subject.c.strings);
	if (c.n != 2 || c.p[0] < 'A' || c.p[0] > 'Z' || c.p[1] < 'A' ||
	    c.p[1] > 'Z')
		return lint_fail_value(d, "C is", c);
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
country_us(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->subject.c.strings != 1)
		return lint_fail(d, "%zu countries",
		    x->c->subject.c.strings);
	if (!LINT_IS(x->c->subject.c.last, "US"))
		return lint_fail_value(d, "C is", x->c->subject.c.last);
	return DCA_LINT_PASS;
}

static uint8_t
lower(uint8_t ch)
{
	return ch >= 'A' && ch <= 'Z' ? (uint8_t)(ch | 0x20) : ch;
}

static bool
is_word(uint8_t ch)
{
	return (ch >= '0' && ch <= '9') || ch == '_' ||
	    (lower(ch) >= 'a' && lower(ch) <= 'z');
}

static bool
is_boundary(struct dca_buf text, size_t at)
{
	bool before = at > 0 && is_word(text.p[at - 1]);
	bool behind = at < text.n && is_word(text.p[at]);

	return before != behind;
}

/* Where pattern, matched at *at, ends. A full stop is any one character: the
 * published tool puts the SPC into a regular expression as it is. */
static bool
matches(struct dca_buf text, size_t *at, struct dca_buf pattern, bool fold)
{
	uint32_t code;
	size_t i, k;

	for (i = 0; i < pattern.n; i++, *at += k) {
		if (*at >= text.n)
			return false;
		k = 1;
		if (pattern.p[i] == '.') {
			if (text.p[*at] == '\n')
				return false;
			k = lint_utf8_char(text.p + *at, text.n - *at, &code);
			k = k == 0 ? 1 : k;
		} else if (text.p[*at] != pattern.p[i] &&
		    !(fold && lower(text.p[*at]) == lower(pattern.p[i]))) {
			return false;
		}
	}
	return true;
}

/* first and behind it second as words of text. */
static bool
has_words(struct dca_buf text, struct dca_buf first, struct dca_buf second,
    bool fold)
{
	size_t start, at;

	for (start = 0; start < text.n; start++) {
		at = start;
		if (is_boundary(text, start) &&
		    matches(text, &at, first, fold) &&
		    matches(text, &at, second, fold) && is_boundary(text, at))
			return true;
	}
	return false;
}

static enum dca_lint_verdict
cn_shaken(const struct lint_ctx *x, struct lint_detail *d)
{
	struct dca_buf cn = x->c->subject.cn.last;

	return has_words(cn, LINT_LIT("SHAKEN"), LINT_LIT(""), false)
	    ? DCA_LINT_PASS : lint_fail_value(d, "CN is", cn);
}

static enum dca_lint_verdict
cn_root(const struct lint_ctx *x, struct lint_detail *d)
{
	struct dca_buf cn = x->c->subject.cn.last;

	return has_words(cn, LINT_LIT("ROOT"), LINT_LIT(""), true)
	    ? DCA_LINT_PASS : lint_fail_value(d, "CN is", cn);
}

static enum dca_lint_verdict
cn_spc(const struct lint_ctx *x, struct lint_detail *d)
{
	struct dca_buf cn = x->c->subject.cn.last;

	if (x->c->spc_result != LINT_SPC_OK)
		return lint_fail(d, "%s", lint_spc_why(x->c->spc_result));
	if (has_words(cn, LINT_LIT("SHAKEN "), x->c->spc, false))
		return DCA_LINT_PASS;
	(void)lint_fail_value(d, "SPC is", x->c->spc);
	return lint_fail_value(d, ", CN is", cn);
}

static enum dca_lint_verdict
one_c_one_cn(const struct lint_ctx *x, struct lint_detail *d)
{
	const struct lint_name *s = &x->c->subject;

	if (s->c.strings == 0)
		return lint_fail(d, "C is missing");
	if (s->cn.last.n == 0)
		return lint_fail(d, "CN is missing");
	if (s->c.strings > 1)
		return lint_fail(d, "%zu C", s->c.strings);
	if (s->cn.strings > 1)
		return lint_fail(d, "%zu CN", s->cn.strings);
	return DCA_LINT_PASS;
}

static enum dca_lint_verdict
ski_present(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->ski != NULL ? DCA_LINT_PASS
	    : lint_fail(d, "subjectKeyIdentifier is missing");
}

static enum dca_lint_verdict
ski_size(const struct lint_ctx *x, struct lint_detail *d)
{
	if (x->c->ski == NULL)
		return ski_present(x, d);
	return x->c->ski_value.n == 20 ? DCA_LINT_PASS
	    : lint_fail(d, "subjectKeyIdentifier has %zu octets, not 20",
	    x->c->ski_value.n);
}

static enum dca_lint_verdict
one_o(const struct lint_ctx *x, struct lint_detail *d)
{
	return x->c->subject.o.strings == 1 ? DCA_LINT_PASS
	    : lint_fail(d, "%zu organizations", x->c->subject.o.strings);
}

static enum dca_lint_verdict
public_key(const struct lint_ctx *x, struct lint_detail *d)
{
	if (!LINT_IS(x->c->key.oid, LINT_OID_EC_KEY))
		return lint_fail_oid(d, "key algorithm is", x->c->key.oid);
	if (LINT_IS(x->c->curve, LINT_OID_P256))
		return DCA_LINT_PASS;
	if (LINT_IS(x->c->curve, LINT_OID_P384) && x->c->ca && x->c->cp14) {
		lint_say(d, "P-384: allowed to a CA under CP 1.4");
		return DCA_LINT_PASS;
	}
	return lint_fail_oid(d, "key is not of 256 bits: curve",
	    x->c->curve);
}

#define V003 "ATIS-1000080.v003 6.4.1"
#define V004 "ATIS-1000080.v004 6.4.1"
#define V005 "ATIS-1000080.v005 6.4.1"
#define V005_FIELDS "ATIS-1000080.v005 6.4.1.1"

static const struct lint_row rows[] = {
	LINT_PAIR("e_atis_serial_number", LINT_EE_ALL, LINT_CA_ALL, V003,
	    "2020-09-04", "2020-12-03", "serialNumber is not positive",
	    "draw a random serial number above 0", lint_ee, lint_ca,
	    serial_positive),
	LINT_PAIR("e_atis_serial_number_size", LINT_EE_ALL, LINT_CA_ALL,
	    V005_FIELDS, "2022-12-12", "2023-03-12",
	    "serialNumber has fewer than 64 bits",
	    "draw more than 64 random bits and set the first", lint_ee,
	    lint_ca, serial_size),
	LINT_PAIR("e_atis_signature_algorithm", LINT_EE_ALL, LINT_CA_ALL,
	    V003 "; US SHAKEN CP 1.4 6.1.5", "2020-09-04", "2020-12-03",
	    "signature algorithm is not ecdsa-with-SHA256",
	    "sign with ECDSA on P-256 and SHA-256", lint_ee, lint_ca,
	    signature_algorithm),
	LINT_PAIR("e_atis_subject_c_iso", LINT_EE_ALL, LINT_CA_ALL, V005,
	    "2022-12-12", "2023-03-12",
	    "C is not one ISO 3166 code of two capitals",
	    "write the country as two capitals, once", lint_ee, lint_ca,
	    country_iso),
	LINT_PAIR("e_atis_subject_c_us", LINT_EE_ALL, LINT_CA_ALL,
	    "US SHAKEN CP 1.4 3.1", "2023-06-06", "2023-09-04",
	    "C is not US", "write C=US, once", lint_ee_cp14, lint_ca_cp14, country_us),
	LINT_PAIR("e_atis_subject_cn", LINT_EE_STI, LINT_CA_STI, V003,
	    "2020-09-04", "2020-12-03", "CN has not the word SHAKEN",
	    "put SHAKEN into the CN as a word of its own", lint_ee, lint_ca,
	    cn_shaken),
	{ { "e_atis_subject_cn_root", LINT_ROOT_STI, V005, "2022-12-12", NULL,
	    "CN of a root has not the word ROOT",
	    "put ROOT into the CN as a word of its own" },
	    lint_root, cn_root },
	{ { "e_atis_subject_cn_spc", LINT_EE_STI, V004, NULL, "2022-01-16",
	    "CN has not SHAKEN and the SPC behind it",
	    "write CN=SHAKEN <SPC> with the SPC of the TNAuthList" },
	    issued_ee, cn_spc },
	LINT_PAIR("e_atis_subject_dn", LINT_EE_ALL, LINT_CA_ALL, V003,
	    "2020-09-04", "2020-12-03", "subject has not one C and one CN",
	    "give the subject one C and one CN", lint_ee, lint_ca,
	    one_c_one_cn),
	LINT_PAIR("e_atis_subject_key_identifier", LINT_EE_ALL, LINT_CA_ALL,
	    V003, "2020-09-04", "2020-12-03",
	    "subjectKeyIdentifier is missing",
	    "add subjectKeyIdentifier: SHA-1 of the key", lint_ee, lint_ca,
	    ski_present),
	LINT_PAIR("e_atis_subject_key_identifier_size", LINT_EE_ALL,
	    LINT_CA_ALL, V004, "2021-10-18", "2022-01-16",
	    "subjectKeyIdentifier is not 20 octets",
	    "make it the SHA-1 of the key (RFC 5280 4.2.1.2 (1))", lint_ee,
	    lint_ca, ski_size),
	LINT_PAIR("e_atis_subject_o_required", LINT_EE_ALL, LINT_CA_ALL, V004,
	    "2021-10-18", "2022-01-16", "subject has not one O",
	    "give the subject one O", lint_ee, lint_ca, one_o),
	LINT_PAIR("e_atis_subject_public_key", LINT_EE_ALL, LINT_CA_ALL,
	    V003 "; US SHAKEN CP 1.4 6.1.5", "2020-09-04", "2020-12-03",
	    "key is not on P-256", "make an EC key on prime256v1", lint_ee,
	    lint_ca, public_key),
};

const struct lint_table lint_sti_field = { rows,
	sizeof(rows) / sizeof(rows[0]) };
