/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP INVITEs: callers and called parties in the forms of RFC 3261, 3325 and
 * 3966, Identity headers, the octets around an inserted one, and every
 * message that two readers could take differently.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sip.h"

#define START "INVITE sip:+12155550131@t.example;user=phone SIP/2.0\r\n"
#define FROM "From: \"A, <x>\" <sip:+12125551824@a.example;user=phone>;tag=1\r\n"
#define TO "To: <tel:+1-215-555-0131>\r\n"
#define BODY "v=0\r\nIdentity: none\r\n"
#define INFO ";info=<https://a.example/c.pem>"

static enum dca_rc
parse(struct sip_message *m, const char *text, struct dca_err *e)
{
	return sip_parse(m, DCA_BUF(text, strlen(text)), e);
}

static void
reads_an_invite(void **state)
{
	static const char text[] = START
	    "Via: SIP/2.0/TLS a.example;branch=z9hG4bK1\r\n" FROM TO
	    "Identity: a.b.c" INFO ";alg=ES256;ppt=\"shaken\"\r\n"
	    "Content-Length: 22\r\n\r\n" BODY;
	DCA_CLEANUP(dca_free_p) char *caller = NULL;
	DCA_CLEANUP(dca_free_p) char *target = NULL;
	struct dca_err e = { 0 };
	struct sip_message m;

	(void)state;
	assert_int_equal(parse(&m, text, &e), DCA_OK);
	assert_string_equal(m.target, "sip:+12155550131@t.example;user=phone");
	assert_string_equal(sip_caller(&m, &caller).tn, "12125551824");
	assert_string_equal(sip_party(&target, m.target).tn, "12155550131");
	assert_string_equal(m.to, "tel:+1-215-555-0131");
	assert_int_equal(m.n, 1);
	assert_string_equal(m.identity[0].token, "a.b.c");
	assert_string_equal(m.identity[0].info, "https://a.example/c.pem");
	assert_string_equal(m.identity[0].ppt, "shaken");
	assert_memory_equal(text + m.end, "\r\n" BODY, strlen("\r\n" BODY));
	sip_clear(&m);
}

/* Compact names, any case, white space before the colon, folded lines. */
static void
reads_other_spellings(void **state)
{
	static const char text[] = START
	    "f : sip:+12125551824@a.example;tag=1\r\n"
	    "T:\r\n  \"Bob\\\" <\"\r\n\t<sip:%2B12155550131@b.example>\r\n"
	    "y: a.b.c ; INFO = <https://a.example/c.pem>\r\n ;ppt=div;x;y=\"z\""
	    "\r\nIDENTITY:\td.e.f;info=<u:>\r\n\r\n";
	DCA_CLEANUP(dca_free_p) char *caller = NULL;
	DCA_CLEANUP(dca_free_p) char *called = NULL;
	struct dca_err e = { 0 };
	struct sip_message m;

	(void)state;
	assert_int_equal(parse(&m, text, &e), DCA_OK);
	assert_string_equal(sip_caller(&m, &caller).tn, "12125551824");
	assert_string_equal(sip_party(&called, m.to).tn, "12155550131");
	assert_int_equal(m.n, 2);
	assert_string_equal(m.identity[0].ppt, "div");
	assert_string_equal(m.identity[0].info, "https://a.example/c.pem");
	assert_string_equal(m.identity[1].token, "d.e.f");
	assert_string_equal(m.identity[1].ppt, "");
	sip_clear(&m);
}

static void
prefers_the_asserted_identity(void **state)
{
	static const struct {
		const char *header, *tn;	/* NULL: refused */
	} v[] = {
		{ "", "12125551824" },
		{ "P-Asserted-Identity: <tel:+12125551900>\r\n",
		    "12125551900" },
		{ "P-Asserted-Identity: \"B\" <sip:bob@a.example>, "
		    "<tel:+12125551900>\r\n", "12125551900" },
		{ "P-Asserted-Identity: <tel:+12125551900>\r\n"
		    "p-asserted-identity: sip:bob@a.example\r\n",
		    "12125551900" },
		{ "P-Asserted-Identity: <tel:+12125551900>, "
		    "<sip:+1-212-555-1900@a.example>\r\n", "12125551900" },
		{ "P-Asserted-Identity: <tel:+12125551900>, "
		    "<sip:+12125551901@a.example>\r\n", NULL },
		{ "P-Asserted-Identity: \r\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		DCA_CLEANUP(dca_free_p) char *keep = NULL;
		DCA_AUTO_OUT text = { 0 };
		struct dca_err e = { 0 };
		struct sip_message m;

		dca_out_printf(&text, START "%s" FROM TO "\r\n", v[i].header);
		if (v[i].tn == NULL) {
			assert_int_equal(sip_parse(&m, dca_out_buf(&text),
			    &e), DCA_MALFORMED);
			assert_int_equal(e.rule, DCA_RULE_SIP_FORM);
			continue;
		}
		assert_int_equal(sip_parse(&m, dca_out_buf(&text), &e),
		    DCA_OK);
		assert_string_equal(sip_caller(&m, &keep).tn, v[i].tn);
		sip_clear(&m);
	}
}

/* RFC 8224 8.1, 8.5: a number, or the URI without its parameters. */
static void
tells_numbers_from_uris(void **state)
{
	static const struct {
		const char *in, *tn, *uri;
	} v[] = {
		{ "tel:+1-212-555-1824", "12125551824", NULL },
		{ "TEL:12125551824;ext=1", "12125551824", NULL },
		{ "sips:+1(212)5551824;x=y@a.example", "12125551824", NULL },
		{ "sip:+12125551824:secret@a.example", "12125551824", NULL },
		{ "sip:alice@a.example;transport=tls?x=y", NULL,
		    "sip:alice@a.example" },
		{ "sip:12125551824.example", NULL, "sip:12125551824.example" },
		{ "sip:%00@a.example", NULL, "sip:%00@a.example" },
		{ "sip:%2@a.example", NULL, "sip:%2@a.example" },
		{ "tel:alice", NULL, "tel:alice" },
		{ "https://a.example", NULL, "https://a.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		DCA_CLEANUP(dca_free_p) char *keep = NULL;
		struct passport_party p = sip_party(&keep, v[i].in);

		assert_int_equal(p.tn != NULL, v[i].tn != NULL);
		assert_int_equal(p.uri != NULL, v[i].uri != NULL);
		assert_string_equal(passport_party_text(p),
		    v[i].tn != NULL ? v[i].tn : v[i].uri);
	}
}

static void
refuses_messages(void **state)
{
	static const char *const v[] = {
		"", "\r\n", "INVITE", START, START FROM TO,
		START FROM TO "Subject: x",
		START FROM TO "Subject: x\n\r\n",
		START FROM TO "Subject: x\ry\r\n\r\n",
		START FROM TO "Subject: \x01\r\n\r\n",
		START FROM TO "Subject\r\n\r\n",
		START FROM TO ": x\r\n\r\n",
		START FROM TO "a b: x\r\n\r\n",
		START FROM "\r\n", START TO "\r\n",
		START FROM FROM TO "\r\n",
		START FROM "f: sip:x@y\r\n" TO "\r\n",
		START FROM TO TO "\r\n",
		" " START FROM TO "\r\n",
		"\r\n" START FROM TO "\r\n",
		"BYE sip:a@b SIP/2.0\r\n" FROM TO "\r\n",
		"INVITE sip:a@b SIP/3.0\r\n" FROM TO "\r\n",
		"INVITE sip:a@b  SIP/2.0\r\n" FROM TO "\r\n",
		"INVITE ab SIP/2.0\r\n" FROM TO "\r\n",
		"INVITE  SIP/2.0\r\n" FROM TO "\r\n",
		START TO "From: alice\r\n\r\n",
		START TO "From: <sip:a@b\r\n\r\n",
		START TO "From: \"a <sip:a@b>\r\n\r\n",
		START TO "From: \"a\\\r\n\r\n",
		START TO "From: <sip:a b>\r\n\r\n",
		START TO "From: <sip:a@b>, <sip:c@d>\r\n\r\n",
		START TO "From: <sip:a@b> x\r\n\r\n",
		START TO "From: a \"b\" <sip:a@b>\r\n\r\n",
		START TO "From: <sip:a@b>;x=\"\r\n\r\n",
		START TO "From: <>\r\n\r\n", START TO "From: <:>\r\n\r\n",
		START FROM TO "Identity: \r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct dca_err e = { 0 };
		struct sip_message m;

		if (parse(&m, v[i], &e) != DCA_MALFORMED)
			fail_msg("accepted: %s", v[i]);
		assert_int_equal(e.rule, DCA_RULE_SIP_FORM);
		assert_null(m.target);
	}
}

static void
refuses_nul_and_sizes(void **state)
{
	static const char nul[] = START FROM TO "Subject: \0\r\n\r\n";
	DCA_AUTO_OUT text = { 0 };
	struct dca_err e = { 0 };
	struct sip_message m;
	size_t n;

	(void)state;
	assert_int_equal(sip_parse(&m, DCA_BUF(nul, sizeof(nul) - 1), &e),
	    DCA_MALFORMED);
	dca_out_printf(&text, START FROM TO);
	n = text.n;
	for (int i = 0; i < SIP_HEADERS_MAX - 1; i++)
		dca_out_printf(&text, "X: y\r\n");
	dca_out_printf(&text, "\r\n");
	assert_int_equal(sip_parse(&m, dca_out_buf(&text), &e),
	    DCA_MALFORMED);
	text.n = n;
	for (int i = 0; i <= SIP_IDENTITIES_MAX; i++)
		dca_out_printf(&text, "y: a.b.c" INFO "\r\n");
	dca_out_printf(&text, "\r\n");
	assert_int_equal(sip_parse(&m, dca_out_buf(&text), &e),
	    DCA_MALFORMED);
	text.n = n;
	dca_out_printf(&text, "\r\n");
	while (text.n < SIP_MAX)
		dca_out_add(&text, "x", 1);
	assert_int_equal(sip_parse(&m, dca_out_buf(&text), &e), DCA_OK);
	sip_clear(&m);
	dca_out_add(&text, "x", 1);
	assert_int_equal(sip_parse(&m, dca_out_buf(&text), &e),
	    DCA_MALFORMED);
	assert_int_equal(e.rule, DCA_RULE_SIP_FORM);
}

static void
refuses_identities(void **state)
{
	static const char *const v[] = {
		"", INFO, "a.b.c", "a.b.c;", "a.b.c;info", "a.b.c;info=",
		"a.b.c;info=https://x", "a.b.c;info=\"https://x\"",
		"a.b.c;info=<>", "a.b.c;info=<https://x", "a,b" INFO,
		"a.b.c" INFO ", d.e.f" INFO, "a.b.c" INFO INFO,
		"a.b.c" INFO ";alg=RS256", "a.b.c" INFO ";alg=ES256;alg=ES256",
		"a.b.c" INFO ";ppt", "a.b.c" INFO ";ppt=\"a", "a.b.c" INFO ";=x",
		"a.b.c" INFO ";ppt=\"a\\b\"", "a.b.c" INFO " x",
		"a.b.c" INFO ";ppt=", "a.b.c" INFO ";;x", "a b" INFO,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct sip_identity id;
		struct dca_err e = { 0 };

		if (sip_identity_parse(&id, v[i], &e) != DCA_MALFORMED)
			fail_msg("accepted: %s", v[i]);
		assert_int_equal(e.rule, DCA_RULE_SIP_FORM);
		assert_null(id.token);
	}
}

static void
inserts_and_reads_back(void **state)
{
	static const char head[] = START FROM TO "Content-Length: 22\r\n";
	struct sip_identity id = { (char[]){ "a.b.c" },
		(char[]){ "https://a.example/c.pem" }, (char[]){ "div" } };
	DCA_AUTO_OUT in = { 0 };
	DCA_AUTO_OUT out = { 0 };
	DCA_AUTO_OUT want = { 0 };
	struct sip_message m;

	(void)state;
	dca_out_printf(&in, "%s\r\n" BODY, head);
	assert_int_equal(sip_parse(&m, dca_out_buf(&in), NULL), DCA_OK);
	sip_insert(&out, dca_out_buf(&in), &m, &id);
	sip_clear(&m);
	/* the line as RFC 8224 4 has it, nothing else */
	dca_out_printf(&want, "%sIdentity: a.b.c;info="
	    "<https://a.example/c.pem>;alg=ES256;ppt=\"div\"\r\n\r\n" BODY,
	    head);
	assert_int_equal(out.n, want.n);
	assert_memory_equal(out.p, want.p, want.n);
	assert_int_equal(sip_parse(&m, dca_out_buf(&out), NULL), DCA_OK);
	assert_int_equal(m.n, 1);
	assert_string_equal(m.identity[0].ppt, "div");
	sip_clear(&m);
}

static void
compares_header_and_passport(void **state)
{
	struct passport p = { .x5u = "https://a.example/c.pem",
		.type = PASSPORT_DIV };
	struct sip_identity id = { NULL,
		(char[]){ "https://a.example/c.pem" }, (char[]){ "div" } };
	struct dca_err e = { 0 };

	(void)state;
	assert_int_equal(sip_identity_check(&id, &p, &e), DCA_OK);
	p.type = PASSPORT_BASE;
	assert_int_equal(sip_identity_check(&id, &p, &e), DCA_MALFORMED);
	assert_int_equal(e.rule, DCA_RULE_SIP_FORM);
	p.type = PASSPORT_DIV;
	p.x5u = "https://b.example/c.pem";
	assert_int_equal(sip_identity_check(&id, &p, &e), DCA_REFUSED);
	assert_int_equal(e.rule, DCA_RULE_PASSPORT_X5U);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_invite),
		cmocka_unit_test(reads_other_spellings),
		cmocka_unit_test(prefers_the_asserted_identity),
		cmocka_unit_test(tells_numbers_from_uris),
		cmocka_unit_test(refuses_messages),
		cmocka_unit_test(refuses_nul_and_sizes),
		cmocka_unit_test(refuses_identities),
		cmocka_unit_test(inserts_and_reads_back),
		cmocka_unit_test(compares_header_and_passport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
