/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INVITEs: what is accepted has a caller and a called party, and takes one
 * more Identity header without another octet changing.
 */
#include "fuzz.h"

#include <string.h>

#include "sip.h"

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
identity_holds(const struct sip_identity *i)
{
	DCA_AUTO_OUT text = { 0 };
	struct sip_identity again;

	HOLDS(i->token[0] != '\0' && i->info[0] != '\0');
	sip_identity_print(&text, i);
	/* a mark inside of the other marks cannot be written */
	if (strpbrk(i->info, "<>\\") != NULL || strchr(i->ppt, '"') != NULL ||
	    strchr(i->ppt, '\\') != NULL)
		return;
	HOLDS(sip_identity_parse(&again, (const char *)text.p, NULL) ==
	    DCA_OK);
	HOLDS(same(again.token, i->token) && same(again.info, i->info) &&
	    same(again.ppt, i->ppt));
	sip_identity_clear(&again);
}

static void
party_holds(const char *uri)
{
	DCA_CLEANUP(dca_free_p) char *keep = NULL;
	struct passport_party who = sip_party(&keep, uri);

	HOLDS((who.tn != NULL) != (who.uri != NULL));
	HOLDS(who.tn == NULL || passport_tn_canonical(who.tn));
	HOLDS(who.uri == NULL || strlen(who.uri) <= strlen(uri));
}

static void
inserts(struct dca_buf in, const struct sip_message *m)
{
	char token[] = "a.b.c", info[] = "https://a.example/c", ppt[] = "div";
	const struct sip_identity id = { token, info, ppt };
	struct sip_message again;
	DCA_AUTO_OUT out = { 0 };
	size_t more;

	sip_insert(&out, in, m, &id);
	HOLDS(out.n > in.n);
	more = out.n - in.n;
	HOLDS(memcmp(out.p, in.p, m->end) == 0);
	HOLDS(memcmp(out.p + m->end + more, in.p + m->end, in.n - m->end) ==
	    0);
	if (out.n > SIP_MAX || m->n == SIP_IDENTITIES_MAX ||
	    sip_parse(&again, dca_out_buf(&out), NULL) != DCA_OK)
		return;		/* a limit; the one of headers too */
	HOLDS(again.n == m->n + 1 && again.end == m->end + more);
	HOLDS(same(again.identity[m->n].token, token) &&
	    same(again.identity[m->n].ppt, ppt));
	HOLDS(same(again.from, m->from) && same(again.to, m->to) &&
	    same(again.asserted, m->asserted) &&
	    same(again.target, m->target));
	sip_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dca_err e = { 0 };
	struct sip_message m;
	enum dca_rc rc = sip_parse(&m, DCA_BUF(p, n), &e);

	fuzz_refusal_holds(rc, &e);
	if (rc != DCA_OK)
		return 0;
	HOLDS(m.end + 2 <= n && p[m.end] == '\r' && p[m.end + 1] == '\n');
	party_holds(m.target);
	party_holds(m.from);
	party_holds(m.to);
	if (m.asserted != NULL)
		party_holds(m.asserted);
	for (size_t i = 0; i < m.n; i++)
		identity_holds(&m.identity[i]);
	inserts(DCA_BUF(p, n), &m);
	sip_clear(&m);
	return 0;
}
