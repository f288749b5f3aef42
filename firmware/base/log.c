/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics: one line per event on stderr, with the level journald reads.
 * Decisions never depend on them; they never hold a secret and, whatever a
 * peer sent, never more than one line.
 */
#include "dca/os.h"
#include "dca/cbor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
	char program[32];
	enum dca_level max;
	bool person;	/* a terminal: no <level> prefix */
} log_state = { "dca", DCA_INFO, false };

void
dca_log_init(const char *program, enum dca_level max)
{
	dca_strlcpy(log_state.program, program, sizeof(log_state.program));
	log_state.max = max;
	log_state.person = isatty(STDERR_FILENO) == 1;
}

/* Control characters (and octets that are no text) as \xNN. */
static size_t
escape(char *out, size_t cap, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	bool utf8 = dca_text_ok(DCA_BUF(s, strlen(s)));

	for (; *s != '\0' && n + 5 < cap; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x20 && c != 0x7f && (utf8 || c < 0x80)) {
			out[n++] = *s;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	out[n] = '\0';
	return n;
}

void
dca_log(enum dca_level level, const char *fmt, ...)
{
	char text[1024], line[4096];
	size_t n = 0;
	va_list ap;

	if (level > log_state.max)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!log_state.person)
		n = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	n += (size_t)snprintf(line + n, sizeof(line) - n, "%s: ",
	    log_state.program);
	n += escape(line + n, sizeof(line) - n - 1, text);
	line[n++] = '\n';
	/* one write: lines of several processes do not mix */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

void
dca_log_err(enum dca_level level, const char *what, const struct dca_err *e)
{
	const struct dca_problem *p = dca_problem(e->rule);
	bool help = level == DCA_ERR && p->advice[0] != '\0';

	dca_log(level, "%s: %s (%s%s%s%s%s)%s%s", what,
	    e->text[0] != '\0' ? e->text : p->title, p->id,
	    e->first[0] != '\0' ? ", first " : "", e->first,
	    e->field[0] != '\0' ? ", " : "", e->field, help ? "; " : "",
	    help ? p->advice : "");
}
