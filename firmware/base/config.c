/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI configuration from one schema table. Whatever is unknown, twice, missing
 * or not of its type refuses to start with file:line; nothing is guessed and
 * nothing is ignored.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/cbor.h"
#include "dca/os.h"

enum { FILE_MAX = 256 * 1024, KEYS_MAX = 128 };

struct reader {
	const char *path;
	unsigned line;
	char section[64];
	bool in_section;
	uint8_t *conf;
	const struct dca_config_key *keys;
	size_t n;
	unsigned seen[KEYS_MAX];	/* the line, 0: not yet */
	struct dca_err *e;
};

static enum dca_rc DCA_PRINTF(2, 3)
refuse(const struct reader *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return dca_fail(r->e, DCA_RULE_CONFIG, "%s:%u: %s", r->path, r->line,
	    text);
}

static bool
parse_uint(const char *s, uint64_t *v, const char **end)
{
	*v = 0;
	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (__builtin_mul_overflow(*v, 10, v) ||
		    __builtin_add_overflow(*v, (uint64_t)(*s - '0'), v))
			return false;
	}
	*end = s;
	return true;
}

/* "30d 12h 10m 5s", each at most once and in this order, or plain seconds. */
static bool
parse_seconds(const char *s, int64_t *out)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	uint64_t total = 0, v;
	size_t next = 0;

	if (!parse_uint(s, &v, &s))
		return false;
	if (*s == '\0') {
		*out = (int64_t)v;
		return v <= INT64_MAX;
	}
	for (;;) {
		while (next < 4 && units[next].unit != *s)
			next++;
		if (*s == '\0' || next == 4 ||
		    __builtin_mul_overflow(v, units[next].seconds, &v) ||
		    __builtin_add_overflow(total, v, &total))
			return false;
		next++;
		s++;
		while (*s == ' ')
			s++;
		if (*s == '\0')
			break;
		if (!parse_uint(s, &v, &s))
			return false;
	}
	*out = (int64_t)total;
	return total <= INT64_MAX;
}

/* Index of s in "a|b|c". */
static bool
parse_choice(const char *choices, const char *s, unsigned *out)
{
	size_t n = strlen(s);

	for (unsigned i = 0; choices != NULL; i++) {
		size_t len = strcspn(choices, "|");

		if (len == n && memcmp(choices, s, n) == 0) {
			*out = i;
			return true;
		}
		choices = choices[len] == '|' ? choices + len + 1 : NULL;
	}
	return false;
}

/* NULL when value is good and stored, else what it should have been. */
static const char *
store(uint8_t *conf, const struct dca_config_key *k, const char *value)
{
	void *at = conf + k->offset;
	const char *end = "";
	uint64_t u;
	int64_t t;
	unsigned choice;

	switch (k->type) {
	case DCA_CONF_TEXT:
		return dca_strlcpy(at, value, k->cap) ? NULL : "a shorter text";
	case DCA_CONF_UINT:
		if (!parse_uint(value, &u, &end) || *end != '\0')
			return "a number";
		if (k->cap != 0 && u > k->cap)
			return "a smaller number";
		memcpy(at, &u, sizeof(u));
		return NULL;
	case DCA_CONF_SECONDS:
		if (!parse_seconds(value, &t))
			return "a time like 30d, 12h 30m, 90s";
		if (k->cap != 0 && (uint64_t)t > k->cap)
			return "a shorter time";
		memcpy(at, &t, sizeof(t));
		return NULL;
	case DCA_CONF_BOOL:
		if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
			return "yes or no";
		*(bool *)at = value[0] == 'y';
		return NULL;
	case DCA_CONF_CHOICE:
		if (!parse_choice(k->choices, value, &choice))
			return k->choices;
		memcpy(at, &choice, sizeof(choice));
		return NULL;
	}
	return "of a known type";
}

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && strchr(" \t\r", s[n - 1]) != NULL; n--)
		s[n - 1] = '\0';
	return s;
}

static enum dca_rc
read_section(struct reader *r, char *s)
{
	size_t n = strlen(s);

	if (s[n - 1] != ']')
		return refuse(r, "section without ]: %s", s);
	s[n - 1] = '\0';
	s = trim(s + 1);
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->keys[i].section, s) == 0) {
			r->in_section = true;
			dca_strlcpy(r->section, s, sizeof(r->section));
			return DCA_OK;
		}
	}
	return refuse(r, "unknown section [%s]", s);
}

static enum dca_rc
read_key(struct reader *r, char *s)
{
	char *eq = strchr(s, '=');
	const char *value, *want;

	if (eq == NULL)
		return refuse(r, "neither [section] nor key = value: %s", s);
	*eq = '\0';
	value = trim(eq + 1);
	s = trim(s);
	if (!r->in_section)
		return refuse(r, "key %s before any [section]", s);
	for (size_t i = 0; i < r->n; i++) {
		const struct dca_config_key *k = &r->keys[i];

		if (strcmp(k->section, r->section) != 0 ||
		    strcmp(k->key, s) != 0)
			continue;
		if (r->seen[i] != 0)
			return refuse(r, "key %s of [%s] twice, first in line %u",
			    s, r->section, r->seen[i]);
		r->seen[i] = r->line;
		want = store(r->conf, k, value);
		if (want != NULL)
			return refuse(r, "key %s of [%s]: \"%s\" is not %s", s,
			    r->section, value, want);
		return DCA_OK;
	}
	return refuse(r, "unknown key %s in [%s]", s, r->section);
}

static enum dca_rc
read_line(struct reader *r, char *s)
{
	if (!dca_text_ok(DCA_BUF(s, strlen(s))))
		return refuse(r, "not UTF-8 text");
	s = trim(s);
	for (const char *p = s; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 && *p != '\t')
			return refuse(r, "control character");
	}
	if (s[0] == '\0' || s[0] == '#' || s[0] == ';')
		return DCA_OK;
	return s[0] == '[' ? read_section(r, s) : read_key(r, s);
}

static enum dca_rc
read_lines(struct reader *r, char *text, size_t n)
{
	char *end = text + n;
	enum dca_rc rc = DCA_OK;

	for (r->line = 1; rc == DCA_OK && text < end; r->line++) {
		char *nl = memchr(text, '\n', (size_t)(end - text));
		char *stop = nl != NULL ? nl : end;

		*stop = '\0';
		if (strlen(text) != (size_t)(stop - text))
			return refuse(r, "NUL character");
		rc = read_line(r, text);
		text = stop + 1;
	}
	return rc;
}

/* Our own defaults must satisfy our own table. */
static void
set_fallbacks(void *conf, const struct dca_config_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (keys[i].fallback == NULL ||
		    store(conf, &keys[i], keys[i].fallback) == NULL)
			continue;
		fprintf(stderr, "default of [%s] %s is bad\n", keys[i].section,
		    keys[i].key);
		abort();
	}
}

enum dca_rc
dca_config_load(void *conf, const struct dca_config_key *keys, size_t n,
    const char *path, struct dca_err *e)
{
	struct reader r = { .path = path, .conf = conf, .keys = keys, .n = n,
		.e = e };
	DCA_AUTO_OUT text = { 0 };
	enum dca_rc rc;

	if (n > KEYS_MAX)
		abort();
	set_fallbacks(conf, keys, n);
	rc = dca_file_read(&text, path, FILE_MAX, e);
	if (rc != DCA_OK)
		return rc;
	dca_out_add(&text, "\n", 1);
	rc = read_lines(&r, (char *)text.p, text.n - 1);
	if (rc != DCA_OK)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (keys[i].fallback == NULL && r.seen[i] == 0)
			return refuse(&r, "key %s of [%s] is missing (%s)",
			    keys[i].key, keys[i].section, keys[i].help);
	}
	return DCA_OK;
}

static const char *
type_name(const struct dca_config_key *k)
{
	switch (k->type) {
	case DCA_CONF_TEXT:
		return "text";
	case DCA_CONF_UINT:
		return "number";
	case DCA_CONF_SECONDS:
		return "time: 30d 12h 10m 5s, or seconds";
	case DCA_CONF_BOOL:
		return "yes|no";
	case DCA_CONF_CHOICE:
		return k->choices;
	}
	return "";
}

void
dca_config_print(const struct dca_config_key *keys, size_t n)
{
	const char *section = "";

	for (size_t i = 0; i < n; i++) {
		const struct dca_config_key *k = &keys[i];

		if (strcmp(section, k->section) != 0)
			printf("%s[%s]\n", i == 0 ? "" : "\n", k->section);
		section = k->section;
		printf("# %s (%s%s)\n", k->help, type_name(k),
		    k->fallback == NULL ? "; required" : "");
		printf("%s%s = %s\n", k->fallback == NULL ? "" : "#", k->key,
		    k->fallback == NULL ? "" : k->fallback);
	}
}
