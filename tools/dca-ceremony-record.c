/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ceremony record: what was done, when, by which program, with which
 * token and key, read back and not assumed. For people to sign on paper and
 * for auditors to compare. Never holds a PIN.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dca-ceremony.h"

void
record_line(struct record *r, const char *key, const char *fmt, ...)
{
	size_t from;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dca_out_printf(&r->text, "%-18s ", key);
	from = r->text.n;
	dca_out_add(&r->text, text, strlen(text));
	/* A token's label is whatever somebody once typed. */
	for (size_t i = from; i < r->text.n; i++)
		if (iscntrl(r->text.p[i]))
			r->text.p[i] = '?';
	dca_out_add(&r->text, "\n", 1);
}

void
record_begin(struct record *r, const char *act, const struct options *o)
{
	char host[256] = "?", when[DCA_TIME_TEXT];

	memset(r, 0, sizeof(*r));
	r->file = o->record;
	(void)gethostname(host, sizeof(host) - 1);
	dca_time_format(when, dca_now());
	dca_out_printf(&r->text, "--- dca ceremony record ---\n");
	record_line(r, "act", "%s", act);
	record_line(r, "time", "%s", when);
	record_line(r, "host", "%s", host);
	record_line(r, "user id", "%u", (unsigned)getuid());
	record_line(r, "program", "dca-ceremony %s", DCA_VERSION);
	if (o->module != NULL)
		record_line(r, "module", "%s", o->module);
}

void
record_token(struct record *r, const struct dca_hsm_info *info)
{
	record_line(r, "token label", "%s", info->label);
	record_line(r, "token serial", "%s", info->serial);
	record_line(r, "token model", "%s, %s", info->model,
	    info->manufacturer);
	if (info->pin_final_try)
		record_line(r, "token warning", "one PIN try is left");
}

void
record_key(struct record *r, const struct dca_token_uri *u,
    const struct dca_spki *key)
{
	char hex[2 * DCA_SHA256_LEN + 1], id[2 * sizeof(u->id) + 1];
	uint8_t sha[DCA_SHA256_LEN];

	dca_hex(id, u->id, u->id_len);
	dca_spki_sha256(sha, key);
	dca_hex(hex, sha, sizeof(sha));
	record_line(r, "CKA_ID", "%s", id);
	if (u->object[0] != '\0')
		record_line(r, "CKA_LABEL", "%s", u->object);
	record_line(r, "key SPKI SHA-256", "%s", hex);
}

void
record_facts(struct record *r, const struct dca_key_facts *f)
{
	const struct {
		const char *name;
		bool value;
	} rows[] = {
		{ "SENSITIVE", f->sensitive },
		{ "ALWAYS_SENSITIVE", f->always_sensitive },
		{ "NEVER_EXTRACTABLE", f->never_extractable },
		{ "LOCAL", f->local },
		{ "EXTRACTABLE", f->extractable },
		{ "VALUE readable", f->value_readable },
	};

	if (f->mechanism == 0)
		return;		/* nothing was read */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		record_line(r, rows[i].name, "%s",
		    rows[i].value ? "true" : "false");
	record_line(r, "KEY_GEN_MECHANISM", "0x%lx%s", f->mechanism,
	    f->mechanism == 0x1040 ? " CKM_EC_KEY_PAIR_GEN" : "");
}

void
record_file(struct record *r, const char *what, const char *path,
    struct dca_buf octets)
{
	char hex[2 * DCA_SHA256_LEN + 1];
	uint8_t sha[DCA_SHA256_LEN];

	dca_sha256(sha, octets);
	dca_hex(hex, sha, sizeof(sha));
	record_line(r, what, "%s", path);
	record_line(r, "  SHA-256", "%s", hex);
}

/* Appended and synced: a record that is lost with the power is none. */
static enum dca_rc
append(const struct record *r, struct dca_err *e)
{
	int fd = open(r->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
	    0600);
	size_t done = 0;
	int saved;

	if (fd < 0)
		return dca_fail(e, DCA_RULE_IO, "record %s: %s", r->file,
		    strerror(errno));
	while (done < r->text.n) {
		ssize_t n = write(fd, r->text.p + done, r->text.n - done);

		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	saved = errno;
	if (done == r->text.n && fsync(fd) != 0) {
		saved = errno;
		done = 0;
	}
	(void)close(fd);
	if (done != r->text.n)
		return dca_fail(e, DCA_RULE_IO, "record %s: %s", r->file,
		    strerror(saved));
	return DCA_OK;
}

static void
complain(const struct dca_err *e)
{
	const struct dca_problem *p = dca_problem(e->rule);

	fprintf(stderr, "dca-ceremony: %s: %s\n", p->title, e->text);
	if (e->first[0] != '\0')
		fprintf(stderr, "  first:  %s\n", e->first);
	fprintf(stderr, "  rule:   %s%s%s%s\n", p->id,
	    p->clause[0] != '\0' ? " (" : "", p->clause,
	    p->clause[0] != '\0' ? ")" : "");
	if (p->advice[0] != '\0')
		fprintf(stderr, "  advice: %s\n", p->advice);
}

int
record_end(struct record *r, enum dca_rc rc, const struct dca_err *e)
{
	struct dca_err io = { 0 };
	enum dca_rc written = DCA_OK;

	if (rc == DCA_OK)
		record_line(r, "result", "done");
	else
		record_line(r, "result", "%s %s: %s%s%s",
		    dca_exit_code(rc) == 1 ? "refused" : "failed",
		    dca_problem(e->rule)->id, e->text,
		    e->first[0] != '\0' ? "; first " : "", e->first);
	(void)fwrite(r->text.p, 1, r->text.n, stdout);
	(void)fflush(stdout);
	if (rc != DCA_OK)
		complain(e);
	if (r->file != NULL)
		written = append(r, &io);
	if (written != DCA_OK)
		complain(&io);
	dca_out_free(&r->text);
	return dca_exit_code(rc != DCA_OK ? rc : written);
}
