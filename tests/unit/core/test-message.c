/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local messages: every type of the table goes through, and for every type
 * every way to break it is refused. The packets are built by hand here, not by
 * the encoder under test.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dca/cbor.h"
#include "dca/message.h"

/* The table once more, as the test's own reading of message.h. */
struct want {
	const char *name;
	uint64_t type;
	enum dca_role role;
	size_t n;
	struct {
		char kind;
		size_t max;
	} f[DCA_FIELDS_MAX];
};
#define U(name) { 'u', 0 },
#define B(name, max) { 'b', (max) },
#define T(name, max) { 't', (max) },
#define X(sym, num, from, fields) { #sym, num, DCA_ROLE_##from, 0, { fields } },
static struct want table[] = { DCA_MESSAGES(X, U, B, T) };
#undef X

static const size_t table_n = sizeof(table) / sizeof(table[0]);

enum fault {
	NOTHING, TOO_LONG, WRONG_TYPE, TOO_FEW, TOO_MANY, TRAILING,
	LONG_HEAD, NO_ID, BAD_TEXT,
};

static uint8_t filler[DCA_MESSAGE_MAX];

static void
put_field(struct dca_out *o, char kind, size_t n, bool wrong, bool bad_text)
{
	if (wrong)
		dca_cbor_bool(o, true);
	else if (kind == 'u')
		dca_cbor_uint(o, UINT64_MAX);
	else if (kind == 'b')
		dca_cbor_bytes(o, DCA_BUF(filler, n));
	else if (bad_text)
		dca_cbor_text_n(o, "\xff", 1);
	else
		dca_cbor_text_n(o, (const char *)filler, n);
}

/* A packet of w, broken in field k as fault says. */
static void
build(struct dca_out *o, const struct want *w, enum fault fault, size_t k)
{
	size_t n = w->n + 2 - (fault == TOO_FEW) + (fault == TOO_MANY);

	if (fault == LONG_HEAD) {
		const uint8_t head[] = { 0x98, (uint8_t)n };

		dca_out_add(o, head, 2);
	} else {
		dca_cbor_array(o, n);
	}
	dca_cbor_uint(o, w->type);
	if (fault == NO_ID)
		dca_cbor_text(o, "id");
	else
		dca_cbor_uint(o, 42);
	for (size_t i = 0; i + (fault == TOO_FEW) < w->n; i++)
		put_field(o, w->f[i].kind,
		    w->f[i].max + (fault == TOO_LONG && i == k),
		    fault == WRONG_TYPE && i == k, fault == BAD_TEXT && i == k);
	if (fault == TOO_MANY)
		dca_cbor_uint(o, 0);
	if (fault == TRAILING)
		dca_out_add(o, "\0", 1);
}

static void
refuses(const struct want *w, enum dca_role role, enum fault fault, size_t k)
{
	DCA_AUTO_OUT o = { 0 };
	struct dca_message m;
	struct dca_err e = { 0 };

	build(&o, w, fault, k);
	if (dca_message_parse(&m, dca_out_buf(&o), role, &e) != DCA_MALFORMED)
		fail_msg("%s: fault %d in field %zu accepted", w->name,
		    (int)fault, k);
	assert_int_equal(e.rule, DCA_RULE_MESSAGE);
	assert_true(e.text[0] != '\0');
	assert_int_equal(m.type, DCA_MSG_NONE);
}

static int
setup(void **state)
{
	(void)state;
	memset(filler, 'x', sizeof(filler));
	for (size_t i = 0; i < table_n; i++) {
		while (table[i].n < DCA_FIELDS_MAX &&
		    table[i].f[table[i].n].kind != 0)
			table[i].n++;
	}
	return 0;
}

/* All fields at their largest, and back through our own encoder. */
static void
largest(void **state)
{
	(void)state;
	for (size_t i = 0; i < table_n; i++) {
		DCA_AUTO_OUT o = { 0 };
		DCA_AUTO_OUT again = { 0 };
		struct dca_message m;
		struct dca_err e = { 0 };

		build(&o, &table[i], NOTHING, 0);
		assert_true(o.n <= DCA_MESSAGE_MAX);
		if (dca_message_parse(&m, dca_out_buf(&o), table[i].role, &e) !=
		    DCA_OK)
			fail_msg("%s: %s", table[i].name, e.text);
		assert_int_equal(m.type, table[i].type);
		assert_int_equal(m.id, 42);
		assert_int_equal(m.n, table[i].n);
		for (size_t k = 0; k < m.n; k++)
			assert_int_equal(m.f[k].b.n, table[i].f[k].max);
		dca_message_encode(&again, &m);
		assert_true(dca_buf_eq(dca_out_buf(&o), dca_out_buf(&again)));
		assert_string_equal(dca_message_name(m.type), table[i].name);
	}
}

static void
broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < table_n; i++) {
		const struct want *w = &table[i];

		for (enum dca_role r = DCA_ROLE_VAULT; r < DCA_ROLES; r++) {
			if (r != w->role)
				refuses(w, r, NOTHING, 0);
		}
		refuses(w, w->role, TOO_FEW, 0);
		refuses(w, w->role, TOO_MANY, 0);
		refuses(w, w->role, TRAILING, 0);
		refuses(w, w->role, LONG_HEAD, 0);
		refuses(w, w->role, NO_ID, 0);
		for (size_t k = 0; k < w->n; k++) {
			refuses(w, w->role, WRONG_TYPE, k);
			if (w->f[k].kind != 'u')
				refuses(w, w->role, TOO_LONG, k);
			if (w->f[k].kind == 't')
				refuses(w, w->role, BAD_TEXT, k);
		}
	}
}

/* Cut anywhere, a message is none. */
static void
cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < table_n; i++) {
		DCA_AUTO_OUT o = { 0 };
		struct dca_message m;
		struct dca_err e;
		struct want w = table[i];

		for (size_t k = 0; k < w.n; k++)
			w.f[k].max = w.f[k].max > 30 ? 30 : w.f[k].max;
		build(&o, &w, NOTHING, 0);
		for (size_t n = 0; n < o.n; n++)
			assert_int_equal(dca_message_parse(&m, DCA_BUF(o.p, n),
					     w.role, &e), DCA_MALFORMED);
	}
}

static void
unknown(void **state)
{
	static const uint64_t types[] = { 0, 7, 23, 47, 127, 136, 255, 256 + 1,
		((uint64_t)1 << 32) + 1, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct want w = { "?", types[i], DCA_ROLE_FRONT, 1,
			{ { 'u', 0 } } };

		for (enum dca_role r = DCA_ROLE_VAULT; r < DCA_ROLES; r++)
			refuses(&w, r, NOTHING, 0);
	}
}

static void
too_large(void **state)
{
	struct dca_message m;
	struct dca_err e;

	DCA_CLEANUP(dca_free_p) uint8_t *p = dca_alloc(DCA_MESSAGE_MAX + 1);

	(void)state;
	memset(p, 0, DCA_MESSAGE_MAX + 1);
	assert_int_equal(dca_message_parse(&m, DCA_BUF(p, DCA_MESSAGE_MAX + 1),
			     DCA_ROLE_FRONT, &e), DCA_MALFORMED);
	assert_non_null(strstr(e.text, "163841 octets"));
}

/* A message of ours that breaks the table never leaves: abort. */
static void
asserts(void **state)
{
	const struct dca_message bad[] = {
		{ .type = DCA_MSG_NONE },
		{ .type = DCA_MSG_CRTS, .n = 0 },
		{ .type = DCA_MSG_CRTS, .n = 2 },
		{ .type = DCA_MSG_PUBLISHED, .n = 2,
		    .f = { { 0 }, { .b = { filler, DCA_SERIAL_LEN + 1 } } } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		pid_t pid = fork();
		int status = 0;

		if (pid == 0) {
			struct dca_out o = { 0 };

			close(STDERR_FILENO);
			signal(SIGABRT, SIG_DFL);
			dca_message_encode(&o, &bad[i]);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
}

static void
problems(void **state)
{
	struct dca_err e = { 0 }, back;
	struct dca_message m;
	DCA_AUTO_OUT o = { 0 };
	DCA_AUTO_OUT details = { 0 };

	(void)state;
	dca_fail(&e, DCA_RULE_SCOPE_DELEGATION, "12025550100 of \xff%s", "acme");
	strcpy(e.first, "12025550100");
	strcpy(e.field, "tnAuthList");
	dca_message_problem(&o, 7, &e, 30);
	assert_int_equal(dca_message_parse(&m, dca_out_buf(&o), DCA_ROLE_VAULT,
			     &back), DCA_OK);
	assert_int_equal(m.type, DCA_MSG_PROBLEM);
	assert_int_equal(m.id, 7);
	assert_int_equal(m.f[0].u, 403);
	assert_int_equal(m.f[5].u, 30);
	dca_problem_message(&back, &m);
	assert_int_equal(back.rule, DCA_RULE_SCOPE_DELEGATION);
	assert_string_equal(back.text, "12025550100 of ?acme");
	assert_string_equal(back.first, "12025550100");
	assert_string_equal(back.field, "tnAuthList");

	dca_problem_encode(&details, &back);
	assert_true(dca_cbor_check(dca_out_buf(&details)));
	memset(&e, 0, sizeof(e));
	assert_int_equal(dca_problem_parse(&e, dca_out_buf(&details)), DCA_OK);
	assert_memory_equal(&e.rule, &back.rule, sizeof(e.rule));
	assert_string_equal(e.text, back.text);
	assert_string_equal(e.first, back.first);
	assert_string_equal(e.field, back.field);

	/* a rule that this version does not know; not a PROBLEM at all */
	m.f[1].b = DCA_BUF("from-the-future", 15);
	dca_problem_message(&back, &m);
	assert_int_equal(back.rule, DCA_RULE_INTERNAL);
	m.type = DCA_MSG_DATA;
	dca_problem_message(&back, &m);
	assert_int_equal(back.rule, DCA_RULE_MESSAGE);
}

/* RFC 9290 2: the exact octets of one small problem. */
static void
details_octets(void **state)
{
	struct dca_err e = { .rule = DCA_RULE_RATE, .text = "slow" };
	DCA_AUTO_OUT o = { 0 };
	static const char want[] =
	    "\xa3\x20\x71too many requests\x21\x64slow\x78\x1e"
	    "tag:dca-appliance,2026:problem\xa1\x64rule\x64rate";

	(void)state;
	dca_problem_encode(&o, &e);
	assert_true(dca_buf_eq(dca_out_buf(&o), DCA_BUF(want, sizeof(want) - 1)));
}

static void
details_refused(void **state)
{
	static const struct dca_buf t[] = {
		{ (const uint8_t *)"", 0 },
		{ (const uint8_t *)"\x80", 1 },
		{ (const uint8_t *)"\xa0", 1 },
		{ (const uint8_t *)"\xa1\x21\x61x", 4 },
		{ (const uint8_t *)"\xa1\x78\x1etag:dca-appliance,2026:problem\x01",
		    34 },
		{ (const uint8_t *)"\xa1\x78\x1etag:dca-appliance,2026:problem"
				   "\xa1\x64rule\x61x", 41 },
		{ (const uint8_t *)"\xa1\x78\x1etag:dca-appliance,2026:problem"
				   "\xa1\x64rule\x64rate\x00", 45 },
		{ (const uint8_t *)"\xa2\x21\x01\x78\x1etag:dca-appliance,2026"
				   ":problem\xa1\x64rule\x64rate", 46 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct dca_err e = { 0 };

		assert_int_equal(dca_problem_parse(&e, t[i]), DCA_MALFORMED);
		assert_int_equal(e.rule, DCA_RULE_MESSAGE);
	}
}

static void
text_is_cut(void **state)
{
	struct dca_field f = { .b = { (const uint8_t *)"abcdef", 6 } };
	char s[4];

	(void)state;
	dca_field_text(&f, s, sizeof(s));
	assert_string_equal(s, "abc");
	f.b.n = 0;
	dca_field_text(&f, s, sizeof(s));
	assert_string_equal(s, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(largest),
		cmocka_unit_test(broken),
		cmocka_unit_test(cut),
		cmocka_unit_test(unknown),
		cmocka_unit_test(too_large),
		cmocka_unit_test(asserts),
		cmocka_unit_test(problems),
		cmocka_unit_test(details_octets),
		cmocka_unit_test(details_refused),
		cmocka_unit_test(text_is_cut),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
