/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /.well-known/core (RFC 6690): what a client of RFC 9148 4.1 finds here. One
 * table; a filter never shows more than the table holds.
 */
#include <string.h>

#include "front.h"

struct link {
	const char *href, *rt, *ct;
};

static const struct link links[] = {
	{ "/est/crts", "ace.est.crts", "281" },
	{ "/est/sen", "ace.est.sen", "281 287" },
	{ "/est/sren", "ace.est.sren", "281 287" },
	{ "/est/att", "ace.est.att", "285" },
	{ "/dca/status", "dca.status", "60" },
	{ "/dca/act", "dca.act", "60" },
	{ "/dca/check", "dca.check", "60" },
};

/* One value against "name" or "na*" (RFC 6690 4.1). */
static bool
value_matches(const char *value, size_t n, const char *want)
{
	size_t w = strlen(want);

	if (w > 0 && want[w - 1] == '*')
		return n >= w - 1 && memcmp(value, want, w - 1) == 0;
	return n == w && memcmp(value, want, w) == 0;
}

/* rt and ct are lists separated by spaces. */
static bool
list_matches(const char *list, const char *want)
{
	while (*list) {
		size_t n = strcspn(list, " ");

		if (value_matches(list, n, want))
			return true;
		list += n;
		list += strspn(list, " ");
	}
	return false;
}

static bool
matches(const struct link *l, const char *query)
{
	if (query[0] == '\0')
		return true;
	if (strncmp(query, "href=", 5) == 0)
		return value_matches(l->href, strlen(l->href), query + 5);
	if (strncmp(query, "rt=", 3) == 0)
		return list_matches(l->rt, query + 3);
	if (strncmp(query, "ct=", 3) == 0)
		return list_matches(l->ct, query + 3);
	return false;
}

/* libcoap hands the query over percent-encoded; '/' and '*' may be. */
static void
decode(char *out, size_t cap, const char *in)
{
	size_t n = 0;
	uint8_t b;

	while (*in && n < cap - 1) {
		char hex[3] = { 0 };

		if (in[0] == '%' && in[1] && in[2]) {
			memcpy(hex, in + 1, 2);
			if (dca_unhex(&b, 1, hex)) {
				out[n++] = (char)b;
				in += 3;
				continue;
			}
		}
		out[n++] = *in++;
	}
	out[n] = '\0';
}

void
front_links(struct dca_out *o, const char *query)
{
	char want[256];

	decode(want, sizeof(want), query);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		const struct link *l = &links[i];
		bool list = strchr(l->ct, ' ') != NULL;

		if (!matches(l, want))
			continue;
		dca_out_printf(o, list ? "%s<%s>;rt=\"%s\";ct=\"%s\"" :
		    "%s<%s>;rt=\"%s\";ct=%s", o->n ? "," : "", l->href, l->rt,
		    l->ct);
	}
}
