/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a refusal is shown to people and to programs. Every error of the tools
 * ends here: what was wrong, which rule says so, what to do about it.
 */
#include "people.h"

#include <stdio.h>
#include <string.h>

/* Octets of the well-formed UTF-8 character at p (RFC 3629 4), 0: none. */
static size_t
character(const uint8_t *p, size_t n)
{
	size_t want = p[0] < 0x80 ? 1
	    : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
	    : (p[0] & 0xf0) == 0xe0 ? 3
	    : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
	size_t i;

	if (want == 0 || want > n)
		return 0;
	for (i = 1; i < want; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* C0, DEL and C1 controls move cursors and colours. */
	if ((want == 1 && (p[0] < 0x20 || p[0] == 0x7f)) ||
	    (p[0] == 0xc2 && p[1] < 0xa0))
		return 0;
	return want;
}

void
dca_show_text(struct dca_out *o, struct dca_buf text)
{
	size_t i = 0, n;

	while (i < text.n) {
		n = character(text.p + i, text.n - i);
		dca_out_add(o, n ? (const void *)(text.p + i) : "?", n ? n : 1);
		i += n ? n : 1;
	}
}

static void
line(const char *name, const char *text)
{
	DCA_AUTO_OUT o = { 0 };

	if (!*text)
		return;
	dca_show_text(&o, DCA_BUF(text, strlen(text)));
	fprintf(stderr, "  %-6s %.*s\n", name, (int)o.n, (const char *)o.p);
}

/* RFC 9290 problem details with the rest of the row beside them. */
static void
json_error(const struct dca_err *e, const struct dca_problem *p)
{
	const char *const v[] = { "rule", p->id, "text", e->text, "field",
		e->field, "first", e->first, "title", p->title, "advice",
		p->advice };
	DCA_AUTO_OUT o = { 0 };
	size_t i;

	dca_cbor_map(&o, 1);
	dca_cbor_text(&o, "error");
	dca_cbor_map(&o, sizeof(v) / sizeof(*v) / 2);
	for (i = 0; i < sizeof(v) / sizeof(*v); i++)
		dca_cbor_text(&o, v[i]);
	(void)dca_show_json(dca_out_buf(&o));
}

int
dca_show_error(const char *program, const struct dca_err *e, bool json)
{
	const struct dca_problem *p = dca_problem(e->rule);
	int code = dca_exit_code(p->rc);
	DCA_AUTO_OUT text = { 0 };
	char rule[256];

	dca_show_text(&text, DCA_BUF(e->text, strlen(e->text)));
	fflush(stdout);
	fprintf(stderr, "%s: %s: %.*s\n", program,
	    code == 1 ? "refused" : "trouble", (int)text.n,
	    (const char *)text.p);
	snprintf(rule, sizeof(rule), "%s (%s%s%s)", p->id, p->title,
	    *p->clause ? "; " : "", p->clause);
	line("rule", rule);
	line("first", e->first);
	line("field", e->field);
	line("do", p->advice);
	if (json)
		json_error(e, p);
	return code;
}

int
dca_show_json(struct dca_buf cbor)
{
	DCA_AUTO_OUT o = { 0 };
	struct dca_err e = { 0 };

	if (dca_cbor_json(&o, cbor, true, &e) != DCA_OK)
		return dca_show_error("answer", &e, false);
	printf("%.*s\n", (int)o.n, (const char *)o.p);
	return 0;
}
