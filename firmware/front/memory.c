/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory the front may take. Each part has its own limit; here they
 * are added up before the start, and the sum is made the kernel's business, so
 * that what was forgotten ends this process and not its neighbours. Must never
 * be what keeps a stranger's memory small: that is the limits' work.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "front.h"

enum {
	/* A session with the largest certificate list we read, and what we
	 * keep of it; with a common one it is 64 KiB. */
	SESSION = 400 * 1024,
	HANDSHAKE = 160 * 1024,
	STATM = 1024,
	REST = 32 * 1024 * 1024,	/* questions, buffers, fragmentation */
};

enum dca_rc
front_memory_check(const struct front_conf *c, struct dca_err *e)
{
	uint64_t need = c->sessions * SESSION + c->handshakes * HANDSHAKE +
	    c->body + FRONT_KEPT + REST;

	if (need <= c->memory)
		return DCA_OK;
	return dca_fail(e, DCA_RULE_CONFIG, "[limits] memory is %llu octets, "
	    "but sessions, handshakes and body may need %llu",
	    (unsigned long long)c->memory, (unsigned long long)need);
}

/* The first number of statm: pages of address space. */
static enum dca_rc
address_space(uint64_t *octets, struct dca_err *e)
{
	DCA_AUTO_OUT text = { 0 };
	enum dca_rc rc = dca_file_read(&text, "/proc/self/statm", STATM, e);

	if (rc != DCA_OK)
		return rc;
	*octets = strtoull((const char *)text.p, NULL, 10) *
	    (uint64_t)sysconf(_SC_PAGESIZE);
	return DCA_OK;
}

enum dca_rc
front_memory_cap(const struct front_conf *c, struct dca_err *e)
{
	struct rlimit old, cap;
	uint64_t now;
	enum dca_rc rc = address_space(&now, e);

	if (rc != DCA_OK)
		return rc;
	if (getrlimit(RLIMIT_AS, &old) != 0)
		return dca_fail(e, DCA_RULE_IO, "RLIMIT_AS: %s",
		    strerror(errno));
	cap.rlim_cur = cap.rlim_max = now + c->memory;
	if (old.rlim_max < cap.rlim_max)
		return DCA_OK;	/* who started us is stricter */
	if (setrlimit(RLIMIT_AS, &cap) != 0)
		return dca_fail(e, DCA_RULE_IO, "RLIMIT_AS: %s",
		    strerror(errno));
	return DCA_OK;
}
