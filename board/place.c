/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every path and every program outside, in one table, so that --prefix moves
 * all of them; and the one-line files that the parts of the box leave for each
 * other.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <stdlib.h>

#include "board.h"

enum { LINE_FILE_MAX = 4096 };

static const char *const places[] = {
	[PLACE_CONF] = "/usr/lib/dca/board.conf",
	[PLACE_RUN] = "/run/dca-board",
	[PLACE_DATA] = "/data/board",
	[PLACE_UPDATE] = "/data/update",
	[PLACE_PROVISIONED] = "/data/etc/dca/vault.conf",
	[PLACE_SOCKET] = "/run/dca/board/board.sock",
	[PLACE_LEDS] = "/sys/class/leds",
	[PLACE_PCRS] = "/sys/class/tpm/tpm0/pcr-sha256",
	[PLACE_EFIVARS] = "/sys/firmware/efi/efivars",
	[PLACE_ESP] = "/efi/dca",
	[PLACE_OS_RELEASE] = "/usr/lib/os-release",
	[PLACE_SERVER] = "/var/lib/dca/front/server.pem",
	[PLACE_RAUC] = "/usr/bin/rauc",
	[PLACE_SYSTEMCTL] = "/usr/bin/systemctl",
};

void
place(char out[static 4096], const char *prefix, enum place p,
    const char *name)
{
	dca_path(out, prefix, "%s%s%s", places[p], name != NULL ? "/" : "",
	    name != NULL ? name : "");
}

bool
place_line(const char *prefix, enum place p, const char *name, char *line,
    size_t cap)
{
	char path[4096];
	DCA_AUTO_OUT text = { 0 };

	place(path, prefix, p, name);
	line[0] = '\0';
	if (dca_file_read(&text, path, LINE_FILE_MAX, NULL) != DCA_OK ||
	    text.n == 0)
		return false;
	text.p[strcspn((const char *)text.p, "\n")] = '\0';
	return dca_strlcpy(line, (const char *)text.p, cap) && line[0] != '\0';
}

bool
place_write(const char *prefix, enum place p, const char *name,
    const char *line)
{
	struct dca_err e = { 0 };
	char path[4096];
	DCA_AUTO_OUT text = { 0 };

	place(path, prefix, p, name);
	dca_out_printf(&text, "%s\n", line);
	if (dca_file_write(path, dca_out_buf(&text), 0644, &e) == DCA_OK)
		return true;
	dca_log_err(DCA_ERR, "not kept", &e);
	return false;
}

int64_t
board_clock(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_BOOTTIME, &t) != 0)
		abort();
	/* never 0: that is "never" in a view */
	return (int64_t)t.tv_sec + 1;
}
