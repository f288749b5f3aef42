/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware watchdog: fed only while vault and front answer. Never closed
 * in the way that disarms it (no "V"): a shutdown that hangs ends as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "board.h"

struct watchdog {
	int fd;
	bool told;
};

struct watchdog *
watchdog_open(const char *prefix, const struct board_conf *c)
{
	struct watchdog *w;
	char path[4096];
	int seconds = (int)c->watchdog_timeout;
	int fd;

	if (c->watchdog[0] == '\0')
		return NULL;
	dca_path(path, prefix, "%s", c->watchdog);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		dca_log(DCA_ERR, "watchdog=%s: %s", path, strerror(errno));
		return NULL;
	}
	if (ioctl(fd, WDIOC_SETTIMEOUT, &seconds) != 0)
		dca_log(DCA_WARNING, "watchdog=%s: its timeout stays: %s",
		    path, strerror(errno));
	w = dca_alloc(sizeof(*w));
	*w = (struct watchdog){ .fd = fd };
	dca_log(DCA_INFO, "watchdog=%s timeout=%d", path, seconds);
	return w;
}

void
watchdog_close(struct watchdog *w)
{
	if (w == NULL)
		return;
	close(w->fd);
	free(w);
}

/*
 * A box that nobody provisioned has no vault to wait for; a frozen one must
 * stay to say so. Otherwise both answer, or have never been up and still have
 * time.
 */
bool
watchdog_may(const struct view *v)
{
	const int64_t answers[] = { v->vault_answered, v->front_answered };

	if (!v->provisioned || v->frozen)
		return true;
	for (size_t i = 0; i < 2; i++) {
		if (answers[i] == 0 ? v->now - v->since >= v->patience :
		    v->now - answers[i] > ALIVE)
			return false;
	}
	return true;
}

void
watchdog_feed(struct watchdog *w)
{
	if (w == NULL || write(w->fd, "\n", 1) == 1)
		return;
	if (!w->told)
		dca_log(DCA_ERR, "watchdog not fed: %s", strerror(errno));
	w->told = true;
}
