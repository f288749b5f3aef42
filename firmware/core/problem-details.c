/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9290 concise problem details: a refusal as CBOR for CoAP clients, and
 * back for our tools. Says what dca_err says, nothing else.
 */
#include <string.h>

#include "dca/cbor.h"
#include "dca/message.h"

/* RFC 9290 2: standard problem detail keys. */
enum { KEY_TITLE = -1, KEY_DETAIL = -2 };

/* Texts of ours may quote foreign octets; CBOR text is UTF-8. */
static void
put(struct dca_out *o, const char *s)
{
	size_t i, n = strlen(s);
	char copy[sizeof(((struct dca_err *)0)->text)];

	if (dca_text_ok(DCA_BUF(s, n))) {
		dca_cbor_text_n(o, s, n);
		return;
	}
	if (n > sizeof(copy))
		n = sizeof(copy);
	for (i = 0; i < n; i++)
		copy[i] = (unsigned char)s[i] < 0x80 ? s[i] : '?';
	dca_cbor_text_n(o, copy, n);
}

void
dca_problem_encode(struct dca_out *o, const struct dca_err *e)
{
	const struct dca_problem *p = dca_problem(e->rule);

	dca_cbor_map(o, 3);
	dca_cbor_int(o, KEY_TITLE);
	put(o, p->title);
	dca_cbor_int(o, KEY_DETAIL);
	put(o, e->text);
	dca_cbor_text(o, DCA_PROBLEM_KEY);
	dca_cbor_map(o, 1 + (e->first[0] != '\0') + (e->field[0] != '\0'));
	dca_cbor_text(o, "rule");
	put(o, p->id);
	if (e->field[0] != '\0') {
		dca_cbor_text(o, "field");
		put(o, e->field);
	}
	if (e->first[0] != '\0') {
		dca_cbor_text(o, "first");
		put(o, e->first);
	}
}

static bool
custom(struct dca_buf map, struct dca_err *e)
{
	struct dca_cbor v;
	const struct dca_problem *p;
	char id[40];

	if (!dca_cbor_find(map, "rule", &v) ||
	    !dca_cbor_take_text(&v, id, sizeof(id)))
		return false;
	p = dca_problem_by_id(id);
	if (p == NULL)
		return false;
	e->rule = p->rule;
	if (dca_cbor_find(map, "first", &v) &&
	    !dca_cbor_take_text(&v, e->first, sizeof(e->first)))
		return false;
	return !dca_cbor_find(map, "field", &v) ||
	    dca_cbor_take_text(&v, e->field, sizeof(e->field));
}

enum dca_rc
dca_problem_parse(struct dca_err *e, struct dca_buf body)
{
	struct dca_cbor c = { .in = body }, v;
	struct dca_err got = { .rule = DCA_RULE_NONE };
	size_t n = 0;

	if (!dca_cbor_check(body) || !dca_cbor_take_map(&c, &n, 16))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "RFC 9290 2: problem details are not one CBOR map");
	while (n-- > 0) {
		int64_t key = 0;
		struct dca_buf skipped;

		if (dca_cbor_peek(&c) != DCA_CBOR_NEGINT)
			dca_cbor_skip(&c, &skipped);
		else
			dca_cbor_take_int(&c, &key);
		if (key == KEY_DETAIL)
			dca_cbor_take_text(&c, got.text, sizeof(got.text));
		else
			dca_cbor_skip(&c, &skipped);
	}
	if (c.bad || !dca_cbor_find(body, DCA_PROBLEM_KEY, &v) ||
	    !custom(v.in, &got))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "problem details without a rule of this appliance");
	*e = got;
	return DCA_OK;
}
