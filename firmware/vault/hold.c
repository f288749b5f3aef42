/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of the store while the image that runs is on trial: as it was
 * found, for the one before may have to read it again. Must never write the
 * newer one as long as that may happen.
 */
#include <errno.h>
#include <sys/stat.h>

#include "job.h"

enum { HOLD_EVERY = 5 };

/* Whether the file is there is not always to be seen: then it is. */
static bool
on_trial(const struct vault *v)
{
	struct stat st;

	return stat(v->conf.hold, &st) == 0 ||
	    (errno != ENOENT && errno != ENOTDIR);
}

enum dca_rc
vault_store_open(struct vault *v, struct dca_err *e)
{
	enum dca_rc rc;

	if (!on_trial(v))
		return dca_store_open(&v->store, v->conf.store, false, e);
	rc = dca_store_open_held(&v->store, v->conf.store, e);
	if (rc == DCA_OK && dca_store_is_old(v->store))
		dca_log(DCA_INFO, "store keeps its format while %s exists",
		    v->conf.hold);
	return rc;
}

/* Between groups; on a large ledger it takes a moment, once. */
void
vault_store_follow(struct vault *v)
{
	struct dca_err e = { 0 };

	if (!dca_store_is_old(v->store) || vault_seconds() < v->hold_due)
		return;
	v->hold_due = vault_seconds() + HOLD_EVERY;
	if (on_trial(v))
		return;
	if (dca_store_upgrade(v->store, &e) == DCA_OK)
		dca_log(DCA_INFO, "store has the newer format now");
	else
		dca_log_err(DCA_ERR, "format of the store", &e);
}
