/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of this boot: which slot, which version, whether systemd-boot counts,
 * security version and floor as the initrd saw them, measured values. What
 * cannot be read is absent, never guessed.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"

/* systemd-boot's vendor id. LoaderBootCountPath is there when it counted;
 * LoaderEntrySelected (UTF-16 after four octets) may have the counter. */
#define LOADER "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
enum { VARIABLE_MAX = 4096, ATTRIBUTES = 4 };

/* 4: the boot loader and the kernel, 7: Secure Boot's keys, 11: the UKI */
const unsigned boot_pcrs[3] = { 4, 7, 11 };

bool
boot_security(const char *s, uint64_t *v)
{
	size_t n = strlen(s);

	if (n < 1 || n > 2 || strspn(s, "0123456789") != n ||
	    (n == 2 && s[0] == '0'))
		return false;
	*v = strtoull(s, NULL, 10);
	return *v <= SECURITY_MAX;
}

static bool
counted(const char *prefix)
{
	char path[4096];
	DCA_AUTO_OUT v = { 0 };

	place(path, prefix, PLACE_EFIVARS, "LoaderBootCountPath-" LOADER);
	if (dca_file_read(&v, path, VARIABLE_MAX, NULL) == DCA_OK &&
	    v.n > ATTRIBUTES)
		return true;
	v.n = 0;
	place(path, prefix, PLACE_EFIVARS, "LoaderEntrySelected-" LOADER);
	if (dca_file_read(&v, path, VARIABLE_MAX, NULL) != DCA_OK)
		return false;
	for (size_t i = ATTRIBUTES; i + 1 < v.n; i += 2)
		if (v.p[i] == '+' && v.p[i + 1] == 0)
			return true;
	return false;
}

static void
read_version(struct boot *b, const char *prefix)
{
	static const char key[] = "IMAGE_VERSION=";
	char path[4096], *line, *rest = NULL;
	DCA_AUTO_OUT text = { 0 };

	place(path, prefix, PLACE_OS_RELEASE, NULL);
	if (dca_file_read(&text, path, 65536, NULL) != DCA_OK || text.n == 0)
		return;
	for (line = strtok_r((char *)text.p, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, key, sizeof(key) - 1) != 0)
			continue;
		line += sizeof(key) - 1;
		line += strspn(line, "\"'");
		line[strcspn(line, "\"' ")] = '\0';
		if (!dca_strlcpy(b->version, line, sizeof(b->version)))
			b->version[0] = '\0';
	}
}

static void
read_pcr(struct boot *b, const char *prefix, unsigned i)
{
	char name[8], hex[2 * DCA_SHA256_LEN + 2];

	snprintf(name, sizeof(name), "%u", boot_pcrs[i]);
	b->has_pcr[i] = false;
	if (!place_line(prefix, PLACE_PCRS, name, hex, sizeof(hex)))
		return;
	for (char *p = hex; *p != '\0'; p++)	/* the kernel writes A-F */
		*p = (char)tolower((unsigned char)*p);
	b->has_pcr[i] = dca_unhex(b->pcr[i], DCA_SHA256_LEN, hex);
}

void
boot_read_floor(struct boot *b, const char *prefix)
{
	char line[32], *where;

	b->has_floor = false;
	if (!place_line(prefix, PLACE_RUN, "floor", line, sizeof(line)) ||
	    (where = strchr(line, ' ')) == NULL)
		return;
	*where++ = '\0';
	if (strcmp(where, "tpm") != 0 && strcmp(where, "data") != 0)
		return;
	b->has_floor = boot_security(line, &b->floor);
	(void)dca_strlcpy(b->floor_in, where, sizeof(b->floor_in));
}

/* /run lives as long as the boot; /proc/sys is hidden from the daemon. */
static void
read_id(struct boot *b, const char *prefix)
{
	uint8_t random[16];

	if (place_line(prefix, PLACE_RUN, "boot-id", b->id, sizeof(b->id)))
		return;
	dca_random(random, sizeof(random));
	dca_hex(b->id, random, sizeof(random));
	(void)place_write(prefix, PLACE_RUN, "boot-id", b->id);
}

void
boot_read(struct boot *b, const char *prefix)
{
	char line[512];

	memset(b, 0, sizeof(*b));
	read_id(b, prefix);
	if (place_line(prefix, PLACE_RUN, "slot", line, sizeof(line)) &&
	    (strcmp(line, "a") == 0 || strcmp(line, "b") == 0))
		b->slot = line[0];
	read_version(b, prefix);
	b->counted = counted(prefix);
	b->fell_back = place_line(prefix, PLACE_RUN, "events", line,
	    sizeof(line)) && strncmp(line, "fallback ", 9) == 0;
	b->has_security = place_line(prefix, PLACE_RUN, "security", line,
	    sizeof(line)) && boot_security(line, &b->security);
	boot_read_floor(b, prefix);
	if (place_line(prefix, PLACE_RUN, "data", line, sizeof(line)) &&
	    (strcmp(line, "tpm2") == 0 || strcmp(line, "plain") == 0))
		(void)dca_strlcpy(b->data, line, sizeof(b->data));
	for (unsigned i = 0; i < 3; i++)
		read_pcr(b, prefix, i);
}
