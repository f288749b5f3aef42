/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test's side of the control file. Written in place, never renamed over:
 * the module keeps it open, so that a jail around the program does not shut
 * the test out.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"

static void
must(int failed)
{
	if (!failed)
		return;
	perror("fault control");
	abort();
}

void
fault_write(const char *control, const char *rules)
{
	char text[FAULT_CONTROL_MAX];
	int fd = open(control, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int n = snprintf(text, sizeof(text), "%s\nend\n", rules ? rules : "");

	must(fd < 0 || n < 0 || (size_t)n >= sizeof(text));
	/* Half a file has no "end" and is not looked at. */
	must(ftruncate(fd, 0) != 0);
	must(pwrite(fd, text, (size_t)n, 0) != n);
	must(close(fd) != 0);
}

unsigned long
fault_calls(const char *counts, const char *name)
{
	char line[FAULT_LINE + 1];
	unsigned long n = 0;
	FILE *f = fopen(counts, "re");

	if (!f)
		return 0;
	while (fread(line, FAULT_LINE, 1, f) == 1) {
		line[FAULT_LINE] = '\0';
		if (strncmp(line, name, strlen(name)) == 0 &&
		    line[strlen(name)] == ' ')
			n = strtoul(line + strlen(name), NULL, 10);
	}
	(void)fclose(f);
	return n;
}
