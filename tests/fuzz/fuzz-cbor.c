/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic CBOR and what is built on it: acts, COSE, problem details. */
#include "fuzz.h"

#include <string.h>

#include "dca/act.h"
#include "dca/message.h"

static void
item(struct dca_buf in)
{
	struct dca_cbor c = { .in = in };
	DCA_AUTO_OUT json = { 0 };
	DCA_AUTO_OUT pretty = { 0 };
	struct dca_err e = { 0 };
	struct dca_buf all;
	bool good = dca_cbor_check(in);
	bool skipped = dca_cbor_skip(&c, &all);
	enum dca_rc rc = dca_cbor_json(&json, in, false, &e);

	HOLDS(!good ||
	    (skipped && dca_cbor_done(&c) && dca_buf_eq(all, in)));
	HOLDS(!skipped || (all.p == in.p && all.n <= in.n));
	fuzz_refusal_holds(rc, &e);
	HOLDS(rc == dca_cbor_json(&pretty, in, true, &e));
	HOLDS(rc != DCA_OK || dca_text_ok(dca_out_buf(&json)));
	(void)dca_cbor_find(in, "rule", &c);
}

/* One act, one encoding. */
static void
act(struct dca_buf in)
{
	DCA_AUTO_OUT again = { 0 };
	struct dca_err e = { 0 };
	struct dca_act a;
	enum dca_rc rc = dca_act_parse(&a, in, &e);

	fuzz_refusal_holds(rc, &e);
	if (rc != DCA_OK)
		return;
	dca_act_encode(&again, &a);
	HOLDS(dca_buf_eq(dca_out_buf(&again), in));
	(void)dca_act_four_eyes(a.name, a.args);
}

static void
cose(struct dca_buf in)
{
	static const uint8_t head[] = { 0xa1, 0x01, 0x26 };	/* ES256 */
	DCA_AUTO_OUT again = { 0 };
	struct dca_buf payload, sig;
	struct dca_err e = { 0 };
	enum dca_rc rc = dca_cose_parse(in, &payload, &sig, &e);

	fuzz_refusal_holds(rc, &e);
	if (rc != DCA_OK)
		return;
	HOLDS(sig.n == 64);
	dca_cbor_tag(&again, 18);
	dca_cbor_array(&again, 4);
	dca_cbor_bytes(&again, DCA_BUF(head, sizeof(head)));
	dca_cbor_map(&again, 0);
	dca_cbor_bytes(&again, payload);
	dca_cbor_bytes(&again, sig);
	HOLDS(dca_buf_eq(dca_out_buf(&again), in));
	act(payload);
}

static void
problem(struct dca_buf in)
{
	DCA_AUTO_OUT one = { 0 };
	struct dca_err e = { 0 }, again = { 0 };

	if (dca_problem_parse(&e, in) != DCA_OK)
		return;
	dca_problem_encode(&one, &e);
	HOLDS(dca_cbor_check(dca_out_buf(&one)));
	HOLDS(dca_problem_parse(&again, dca_out_buf(&one)) == DCA_OK);
	HOLDS(again.rule == e.rule && strcmp(again.text, e.text) == 0);
	HOLDS(strcmp(again.first, e.first) == 0);
	HOLDS(strcmp(again.field, e.field) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dca_buf in = DCA_BUF(p, n);

	item(in);
	act(in);
	cose(in);
	problem(in);
	return 0;
}
