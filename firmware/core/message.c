/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on the local sockets, from one table: what may be sent by whom,
 * with which fields, how long. Reads what a captured neighbour sends: checks
 * all of it before a caller sees any of it, and never repairs anything.
 */
#include "dca/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/cbor.h"

enum kind { NO_FIELD, UINT_FIELD, BYTES_FIELD, TEXT_FIELD };

struct field_rule {
	enum kind kind;
	const char *name;
	size_t max;
};

struct message_rule {
	enum dca_message_type type;
	const char *name;
	enum dca_role role;
	struct field_rule f[DCA_FIELDS_MAX + 1];	/* NO_FIELD ends it */
};

#define U(name) { UINT_FIELD, #name, 0 },
#define B(name, max) { BYTES_FIELD, #name, (max) },
#define T(name, max) { TEXT_FIELD, #name, (max) },
#define X(sym, num, from, fields)                                              \
	{ DCA_MSG_##sym, #sym, DCA_ROLE_##from, { fields { NO_FIELD, "", 0 } } },
static const struct message_rule rules[] = { DCA_MESSAGES(X, U, B, T) };
#undef X
#undef T
#undef B
#undef U

/* Every message of the table fits a packet: head, type and id take at most
 * 13 octets, a uint 9, the head of a string 5. */
#define U(name) +9
#define B(name, max) +5 + (max)
#define T(name, max) +5 + (max)
#define X(sym, num, from, fields)                                              \
	_Static_assert(13 fields <= DCA_MESSAGE_MAX, #sym " is too long");
DCA_MESSAGES(X, U, B, T)
#undef X
#undef T
#undef B
#undef U

static const struct message_rule *
find(uint64_t type)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].type == type)
			return &rules[i];
	}
	return NULL;
}

static size_t
count(const struct message_rule *r)
{
	size_t n = 0;

	while (r->f[n].kind != NO_FIELD)
		n++;
	return n;
}

/* A message of ours that breaks the table is a bug: never sent. */
static void
must(bool ok, const char *message, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "message %s: %s breaks the table\n", message, what);
	abort();
}

static bool
take_field(struct dca_cbor *c, const struct field_rule *r, struct dca_field *f)
{
	switch (r->kind) {
	case UINT_FIELD:
		return dca_cbor_take_uint(c, &f->u);
	case BYTES_FIELD:
		return dca_cbor_take_bytes(c, &f->b, r->max);
	case TEXT_FIELD:
		return dca_cbor_take_text_view(c, &f->b, r->max);
	case NO_FIELD:
		break;
	}
	return false;
}

enum dca_rc
dca_message_parse(struct dca_message *m, struct dca_buf packet,
    enum dca_role role, struct dca_err *e)
{
	struct dca_cbor c = { .in = packet };
	const struct message_rule *r;
	uint64_t type;
	size_t n;

	*m = (struct dca_message){ .type = DCA_MSG_NONE };
	if (packet.n > DCA_MESSAGE_MAX)
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "message has %zu octets, at most %d are allowed", packet.n,
		    DCA_MESSAGE_MAX);
	if (!dca_cbor_take_array(&c, &n, DCA_FIELDS_MAX + 2) || n < 2 ||
	    !dca_cbor_take_uint(&c, &type) || !dca_cbor_take_uint(&c, &m->id))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "not an array of type, id and fields in short CBOR");
	r = find(type);
	if (r == NULL)
		return dca_fail(e, DCA_RULE_MESSAGE, "unknown message type %llu",
		    (unsigned long long)type);
	if (r->role != role)
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "%s may not be sent by this peer", r->name);
	m->n = n - 2;
	if (m->n != count(r))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "%s has %zu fields instead of %zu", r->name, m->n, count(r));
	for (size_t i = 0; i < m->n; i++) {
		if (!take_field(&c, &r->f[i], &m->f[i]))
			return dca_fail(e, DCA_RULE_MESSAGE,
			    "%s: field %s is malformed or too long", r->name,
			    r->f[i].name);
	}
	if (!dca_cbor_done(&c))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "%s: octets after the message", r->name);
	m->type = r->type;
	return DCA_OK;
}

/*
 * Text may come from outside (a CoAP path, an error of a library): what is
 * not UTF-8 is sent as question marks, so that a message is always valid.
 */
static void
put_text(struct dca_out *o, struct dca_buf b)
{
	DCA_AUTO_OUT copy = { 0 };

	if (dca_text_ok(b)) {
		dca_cbor_text_n(o, (const char *)b.p, b.n);
		return;
	}
	for (size_t i = 0; i < b.n; i++) {
		bool plain = b.p[i] > 0 && b.p[i] < 0x80;

		dca_out_add(&copy, plain ? (const void *)&b.p[i] : "?", 1);
	}
	dca_cbor_text_n(o, (const char *)copy.p, copy.n);
}

void
dca_message_encode(struct dca_out *o, const struct dca_message *m)
{
	const struct message_rule *r = find(m->type);
	size_t start = o->n;

	must(r != NULL, "?", "type");
	must(m->n == count(r), r->name, "number of fields");
	dca_cbor_array(o, m->n + 2);
	dca_cbor_uint(o, m->type);
	dca_cbor_uint(o, m->id);
	for (size_t i = 0; i < m->n; i++) {
		const struct field_rule *f = &r->f[i];

		if (f->kind == UINT_FIELD) {
			dca_cbor_uint(o, m->f[i].u);
			continue;
		}
		must(m->f[i].b.n <= f->max, r->name, f->name);
		if (f->kind == BYTES_FIELD)
			dca_cbor_bytes(o, m->f[i].b);
		else
			put_text(o, m->f[i].b);
	}
	must(o->n - start <= DCA_MESSAGE_MAX, r->name, "size");
}

void
dca_field_text(const struct dca_field *f, char *s, size_t cap)
{
	size_t n = f->b.n < cap - 1 ? f->b.n : cap - 1;

	if (n > 0)
		memcpy(s, f->b.p, n);
	s[n] = '\0';
}

static struct dca_field
text_field(const char *s)
{
	return (struct dca_field){ .b = DCA_BUF(s, strlen(s)) };
}

void
dca_message_problem(struct dca_out *o, uint64_t id, const struct dca_err *e,
    unsigned max_age)
{
	const struct dca_problem *p = dca_problem(e->rule);
	struct dca_message m = { .type = DCA_MSG_PROBLEM, .id = id, .n = 6,
		.f = { { .u = (uint64_t)p->coap }, text_field(p->id),
		    text_field(e->text), text_field(e->first),
		    text_field(e->field), { .u = max_age } } };

	dca_message_encode(o, &m);
}

void
dca_problem_message(struct dca_err *e, const struct dca_message *m)
{
	const struct dca_problem *p;
	char id[40];

	*e = (struct dca_err){ .rule = DCA_RULE_INTERNAL };
	if (m->type != DCA_MSG_PROBLEM) {
		dca_fail(e, DCA_RULE_MESSAGE, "%s is not a PROBLEM",
		    dca_message_name(m->type));
		return;
	}
	dca_field_text(&m->f[1], id, sizeof(id));
	dca_field_text(&m->f[2], e->text, sizeof(e->text));
	dca_field_text(&m->f[3], e->first, sizeof(e->first));
	dca_field_text(&m->f[4], e->field, sizeof(e->field));
	p = dca_problem_by_id(id);
	if (p != NULL)
		e->rule = p->rule;
}

const char *
dca_message_name(enum dca_message_type t)
{
	const struct message_rule *r = find(t);

	return r == NULL ? "none" : r->name;
}
