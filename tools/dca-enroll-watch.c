/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to renew, for ever or for one look (a timer). All that has to outlive a
 * restart is in the directory; here is only time. Gives up on nothing: a
 * refusal may be lifted, an enrolment may put a new pair there.
 */
#include "enroll.h"

#include <unistd.h>

enum { LONGEST_SLEEP = 600 };

static void
say_renewed(const struct enroll *n)
{
	char hex[2 * DCA_SERIAL_LEN + 1], to[DCA_TIME_TEXT];

	dca_hex(hex, n->leaf.serial, DCA_SERIAL_LEN);
	dca_time_format(to, n->leaf.not_after);
	dca_log(DCA_INFO, "renewed=%s not_after=%s dir=%s", hex, to, n->dir);
}

/* Something to do? A hook, a pair that waits, a certificate that gets old. */
static enum dca_rc
turn(struct enroll *n, int64_t *due, int64_t *end, struct dca_err *e)
{
	enum dca_rc rc = enroll_load(n, e);

	if (rc != DCA_OK)
		return rc;
	*due = enroll_due(&n->old);
	*end = n->old.not_after;
	if (dca_now() >= *due || enroll_staged(n)) {
		rc = enroll_renew(n, e);
		if (rc != DCA_OK)
			return rc;
		say_renewed(n);
		*due = enroll_due(&n->leaf);
		*end = n->leaf.not_after;
	}
	return enroll_hook(n, e);
}

static enum dca_rc
turn_alone(const struct enroll *options, int64_t *due, int64_t *end,
    struct dca_err *e)
{
	struct enroll n = *options;
	enum dca_rc rc;
	int lock;

	rc = enroll_lock(&n, false, &lock, e);
	if (rc == DCA_OK)
		rc = turn(&n, due, end, e);
	enroll_unlock(&lock);
	enroll_clear(&n);
	return rc;
}

/* Short sleeps: the clock may be set, the machine may have slept. */
static void
sleep_until(int64_t when)
{
	int64_t left;

	while ((left = when - dca_now()) > 0)
		sleep(left > LONGEST_SLEEP ? LONGEST_SLEEP : (unsigned)left);
}

int
enroll_watch(const struct enroll *options)
{
	unsigned failures = 0;
	char text[DCA_TIME_TEXT];

	for (;;) {
		int64_t due = 0, end = 0, wait;
		struct dca_err e = { 0 };
		enum dca_rc rc = turn_alone(options, &due, &end, &e);

		if (rc != DCA_OK)
			dca_log_err(DCA_ERR, options->dir, &e);
		if (options->once && rc != DCA_OK)
			return dca_show_error("dca-enroll", &e, options->json);
		dca_time_format(text, due);
		if (rc == DCA_OK) {
			failures = 0;
			dca_log(DCA_INFO, "next=%s dir=%s", text, options->dir);
			if (options->once)
				return 0;
			sleep_until(due);
			continue;
		}
		wait = enroll_backoff(++failures, end - dca_now());
		dca_log(DCA_WARNING, "failures=%u again_in=%llds dir=%s",
		    failures, (long long)wait, options->dir);
		sleep_until(dca_now() + wait);
	}
}
