/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of four certificates that is right until a test edits its specs. */
#include "lab-chain.h"

void
plan(struct chain *c)
{
	*c = (struct chain){ 0 };
	c->spec[ROOT].cn = "SHAKEN Root";
	c->spec[INTER].cn = "SHAKEN Intermediate";
	c->spec[INTER].path_len = 1 + 1;
	c->spec[SCA].cn = "SHAKEN 1234";
	c->spec[SCA].path_len = 0 + 1;
	c->spec[SCA].list = TN_PARENT;
	c->spec[LEAF].cn = "SHAKEN customer";
	c->spec[LEAF].ca = LAB_CA_FALSE;
	c->spec[LEAF].list = TN_CHILD;
}

void
make(struct chain *c)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			c->spec[i].issuer = &c->cert[i - 1];
		c->cert[i] = lab_make(&c->spec[i]);
	}
	for (int i = LEAF; i >= INTER; i--)
		lab_add(&c->chain, &c->cert[i]);
	lab_add(&c->roots, &c->cert[ROOT]);
}

void
drop(struct chain *c)
{
	dca_certs_clear(&c->chain);
	dca_certs_clear(&c->roots);
	for (int i = 0; i < 4; i++)
		lab_free(&c->cert[i]);
}

void
apply(struct lab_spec *to, const struct lab_spec *s)
{
	if (s->not_before != 0)
		to->not_before = s->not_before;
	if (s->not_after != 0)
		to->not_after = s->not_after;
	if (s->ca != LAB_CA_TRUE || s->ku == 0x84)
		to->ca = s->ca;
	if (s->path_len != 0)
		to->path_len = s->path_len;
	if (s->ku != 0)
		to->ku = s->ku;
	if (s->list != NULL)
		to->list = s->list[0] == '\0' ? NULL : s->list;
	if (s->md != NULL)
		to->md = s->md;
	if (s->permitted != NULL)
		to->permitted = s->permitted;
	if (s->excluded != NULL)
		to->excluded = s->excluded;
	if (s->critical_oid != NULL)
		to->critical_oid = s->critical_oid;
	if (s->aia != NULL)
		to->aia = s->aia;
	to->no_ski |= s->no_ski;
	to->no_aki |= s->no_aki;
	to->wrong_aki |= s->wrong_aki;
	to->broken_signature |= s->broken_signature;
}
