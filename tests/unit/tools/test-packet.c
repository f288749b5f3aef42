/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The enrolment packet (dca(7) TRUST) and the small texts of command lines: what
 * is right is read, everything else is refused without quoting the secret.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "people.h"

/* 16 octets 00..0f in base64url: RFC 4648 5. */
#define CODE "AAECAwQFBgcICQoLDA0ODw"
#define PIN "sha256:" \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void
reads_a_packet(void **state)
{
	static const char line[] = "coaps://ca.example:5684 id=c1 code=" CODE
	    " server=" PIN "\n";
	static const char shuffled[] = "  server=" PIN "\tcode=" CODE
	    " id=c1 coaps://ca.example:5684";
	struct dca_packet p, q;
	DCA_AUTO_OUT o = { 0 };
	struct dca_err e;

	(void)state;
	assert_int_equal(dca_packet_parse(&p, line, &e), DCA_OK);
	assert_string_equal(p.url, "coaps://ca.example:5684");
	assert_string_equal(p.id, "c1");
	for (uint8_t i = 0; i < 16; i++)
		assert_int_equal(p.code[i], i);
	assert_int_equal(p.server[0], 0xe3);
	assert_int_equal(p.server[31], 0x55);
	assert_int_equal(dca_packet_parse(&q, shuffled, &e), DCA_OK);
	assert_memory_equal(&p, &q, sizeof(p));
	dca_packet_print(&o, &p);
	assert_int_equal(o.n, sizeof(line) - 2);
	assert_memory_equal(o.p, line, o.n);
}

static void
refuses_other_packets(void **state)
{
	static const struct {
		const char *line;
		enum dca_rule rule;
	} bad[] = {
		{ "", DCA_RULE_INPUT },
		{ "id=c1 code=" CODE " server=" PIN, DCA_RULE_INPUT },
		{ "coaps://h code=" CODE " server=" PIN, DCA_RULE_INPUT },
		{ "coaps://h id=c1 server=" PIN, DCA_RULE_INPUT },
		{ "coaps://h id=c1 code=" CODE, DCA_RULE_INPUT },
		{ "coap://h id=c1 code=" CODE " server=" PIN, DCA_RULE_INPUT },
		{ "coaps://h id=c1 id=c1 code=" CODE " server=" PIN,
		    DCA_RULE_INPUT },
		{ "coaps://h id=c1 code=" CODE " server=" PIN " x=y",
		    DCA_RULE_INPUT },
		{ "coaps://h id=C1 code=" CODE " server=" PIN,
		    DCA_RULE_REG_ID },
		/* 15 and 17 octets, padding, another alphabet, stray bits */
		{ "coaps://h id=c code=AAECAwQFBgcICQoLDA0O server=" PIN,
		    DCA_RULE_INPUT },
		{ "coaps://h id=c code=AAECAwQFBgcICQoLDA0ODxA server=" PIN,
		    DCA_RULE_INPUT },
		{ "coaps://h id=c code=" CODE "== server=" PIN,
		    DCA_RULE_INPUT },
		{ "coaps://h id=c code=++ECAwQFBgcICQoLDA0ODw server=" PIN,
		    DCA_RULE_INPUT },
		{ "coaps://h id=c code=AAECAwQFBgcICQoLDA0ODx server=" PIN,
		    DCA_RULE_INPUT },
		{ "coaps://h id=c1 code=" CODE " server=sha1:00",
		    DCA_RULE_INPUT },
		{ "coaps://h id=c1 code=" CODE " server=" PIN "00",
		    DCA_RULE_INPUT },
	};
	struct dca_packet p;
	struct dca_err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&e, 0, sizeof(e));
		assert_int_not_equal(dca_packet_parse(&p, bad[i].line, &e),
		    DCA_OK);
		assert_int_equal(e.rule, bad[i].rule);
		assert_null(strstr(e.text, "AAEC"));
	}
}

/* What stays when the packet is used up. */
static void
reads_a_server(void **state)
{
	static const char line[] = "coaps://ca.example:5684 server=" PIN "\n";
	static const char *const bad[] = { "", "coaps://ca.example:5684",
		"server=" PIN, "http://ca.example server=" PIN,
		"coaps://ca.example server=sha256:e3b0",
		"coaps://ca.example server=" PIN "00",
		"coaps://ca.example server=" PIN " id=c1",
		"coaps://ca.example pin=" PIN };
	struct dca_packet p;
	DCA_AUTO_OUT o = { 0 };
	struct dca_err e;
	size_t i;

	(void)state;
	assert_int_equal(dca_server_parse(&p, line, &e), DCA_OK);
	assert_string_equal(p.url, "coaps://ca.example:5684");
	assert_int_equal(p.server[0], 0xe3);
	assert_int_equal(p.server[31], 0x55);
	dca_server_print(&o, &p);
	assert_int_equal(o.n, sizeof(line) - 2);
	assert_memory_equal(o.p, line, o.n);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_not_equal(dca_server_parse(&p, bad[i], &e), DCA_OK);
		assert_int_equal(e.rule, DCA_RULE_INPUT);
	}
}

static void
refuses_long_words(void **state)
{
	char line[2000];
	struct dca_packet p;
	struct dca_err e;

	(void)state;
	memset(line, 'a', sizeof(line));
	memcpy(line, "coaps://", 8);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(dca_packet_parse(&p, line, &e), DCA_MALFORMED);
	line[320] = '\0';
	assert_int_equal(dca_packet_parse(&p, line, &e), DCA_MALFORMED);
}

static void
reads_time_spans(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* 0: refused */
	} cases[] = {
		{ "7d", 604800 }, { "12h", 43200 }, { "30m", 1800 },
		{ "90s", 90 }, { "90", 90 }, { "3652d", 315532800 },
		{ "0", 0 }, { "", 0 }, { "d", 0 }, { "-1d", 0 }, { "1w", 0 },
		{ "1dd", 0 }, { "1 d", 0 }, { "3653d", 0 },
		{ "9999999999", 0 },
	};
	struct dca_err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t v = 0;
		enum dca_rc rc = dca_span_parse(&v, cases[i].text, &e);

		if (cases[i].seconds == 0) {
			assert_int_equal(rc, DCA_MALFORMED);
			continue;
		}
		assert_int_equal(rc, DCA_OK);
		assert_int_equal(v, cases[i].seconds);
	}
}

/* Text of others must not move the cursor or colour the terminal. */
static void
shows_text_without_controls(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "Söhne 日本 €", "Söhne 日本 €" },
		{ "a\x1b[31mb", "a?[31mb" },
		{ "a\nb\x7f", "a?b?" },
		{ "\xc2\x9b" "31m", "??31m" },	/* C1 control */
		{ "\xff\xc3", "??" },		/* no UTF-8, cut */
		{ "\xc0\xaf", "??" },		/* overlong */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		DCA_AUTO_OUT o = { 0 };

		dca_show_text(&o, DCA_BUF(cases[i].in, strlen(cases[i].in)));
		dca_out_add(&o, "", 1);
		assert_string_equal((const char *)o.p, cases[i].out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_packet),
		cmocka_unit_test(refuses_other_packets),
		cmocka_unit_test(reads_a_server),
		cmocka_unit_test(refuses_long_words),
		cmocka_unit_test(reads_time_spans),
		cmocka_unit_test(shows_text_without_controls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
