/* SPDX-License-Identifier: Apache-2.0 */
/* TNAuthorizationList: DER to set and back, in both modes. */
#include "fuzz.h"

#include "dca/tnauthlist.h"

/* What was understood, encoded and read again, is the same. */
static void
round_trip(const struct dca_tnset *s, enum dca_tnauthlist_mode mode)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *again =
	    dca_tnset_new();
	DCA_AUTO_OUT one = { 0 };
	DCA_AUTO_OUT two = { 0 };
	struct dca_err e = { 0 };
	enum dca_rc rc;

	dca_tnauthlist_encode(&one, s);
	HOLDS(fuzz_is_der(dca_out_buf(&one)));
	if (one.n > DCA_CROSS_MAX)
		return;		/* one interval may take two entries */
	rc = dca_tnauthlist_parse(again, dca_out_buf(&one), mode, &e);
	HOLDS(rc == DCA_OK);
	HOLDS(dca_tnset_equal(s, again));
	dca_tnauthlist_encode(&two, again);
	HOLDS(dca_buf_eq(dca_out_buf(&one), dca_out_buf(&two)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *issue =
	    dca_tnset_new();
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *foreign =
	    dca_tnset_new();
	struct dca_err e = { 0 }, e2 = { 0 };
	enum dca_rc rc = dca_tnauthlist_parse(issue, DCA_BUF(p, n),
	    DCA_TNAUTHLIST_ISSUE, &e);
	enum dca_rc rc2 = dca_tnauthlist_parse(foreign, DCA_BUF(p, n),
	    DCA_TNAUTHLIST_FOREIGN, &e2);

	fuzz_refusal_holds(rc, &e);
	fuzz_refusal_holds(rc2, &e2);
	if (rc == DCA_OK) {
		HOLDS(rc2 == DCA_OK);
		HOLDS(dca_tnset_equal(issue, foreign));
		round_trip(issue, DCA_TNAUTHLIST_ISSUE);
	} else {
		HOLDS(dca_tnset_empty(issue));
	}
	if (rc2 == DCA_OK) {
		HOLDS(fuzz_is_der(DCA_BUF(p, n)));
		fuzz_set_holds(foreign);
		round_trip(foreign, DCA_TNAUTHLIST_FOREIGN);
	} else {
		HOLDS(dca_tnset_empty(foreign));
	}
	return 0;
}
