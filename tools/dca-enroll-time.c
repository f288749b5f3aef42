/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to renew and when to try again: arithmetic only, no clock.
 */
#include "enroll.h"

#include <string.h>

enum { FIRST_RETRY = 60, LONGEST_RETRY = 3600 };

int64_t
enroll_due(const struct dca_cert *c)
{
	int64_t life = c->not_after - c->not_before;
	uint32_t spread;

	/* The end of the serial is random (dca(7) LIMITS) and stays: the time
	 * is the same after a restart, and customers do not come together. */
	memcpy(&spread, c->serial + DCA_SERIAL_LEN - 4, 4);
	return c->not_before + life / 3 * 2 +
	    (int64_t)((double)life / 15 * spread / UINT32_MAX);
}

int64_t
enroll_backoff(unsigned failures, int64_t left)
{
	int64_t wait = LONGEST_RETRY;
	uint32_t spread;

	if (failures < 7)
		wait = FIRST_RETRY << (failures ? failures - 1 : 0);
	if (wait > LONGEST_RETRY)
		wait = LONGEST_RETRY;
	/* Near the end there is no time to be polite. */
	if (left > 0 && wait > left / 8)
		wait = left / 8 < FIRST_RETRY ? FIRST_RETRY : left / 8;
	dca_random(&spread, sizeof(spread));
	return wait + wait * (spread % 256) / 1024;
}
