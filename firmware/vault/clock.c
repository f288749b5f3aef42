/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock: a vault that is told to issues nothing while the kernel says that
 * nobody keeps its clock right (STA_UNSYNC of adjtimex(2); a time daemon that
 * disciplines the kernel clears it, chrony by rtcsync). Must never set the
 * clock, nor take silence for yes.
 */
#include "clock.h"

#include <errno.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

enum dca_rc
vault_clock_check(const struct vault_config *c, struct dca_err *e)
{
	struct timex t = { .modes = 0 };

	if (c->clock_trust != VAULT_CLOCK_KERNEL)
		return DCA_OK;
	if (clock_adjtime(CLOCK_REALTIME, &t) < 0)
		return dca_fail(e, DCA_RULE_CLOCK, "the kernel does not say "
		    "whether the clock is synchronised: %s", strerror(errno));
	if (t.status & STA_UNSYNC)
		return dca_fail(e, DCA_RULE_CLOCK, "the clock is not "
		    "synchronised (STA_UNSYNC): does the time daemon run, and "
		    "reach its servers?");
	return DCA_OK;
}
