/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The little OS layer (firmware/base): diagnostics, files, configuration,
 * CSV, command lines, event loop, local sockets, hardening.
 */
#ifndef DCA_OS_H
#define DCA_OS_H

#include <sys/types.h>

#include "dca/message.h"

/* --- diagnostics: stderr, one line, "<6>dca-vault: key=value ..."; control
 * characters are escaped. Never a secret. --- */
enum dca_level { DCA_ERR = 3, DCA_WARNING = 4, DCA_INFO = 6, DCA_DEBUG = 7 };
void dca_log_init(const char *program, enum dca_level max);
void dca_log(enum dca_level level, const char *fmt, ...) DCA_PRINTF(2, 3);
/* e as one line: what, rule, text, and on DCA_ERR what to do. */
void dca_log_err(enum dca_level level, const char *what,
    const struct dca_err *e);

/* --- files --- */
/* Reads at most max octets; a longer file is refused (IO). "-" is stdin. */
enum dca_rc dca_file_read(struct dca_out *o, const char *path, size_t max,
    struct dca_err *e) DCA_CHECKED;
/* Temporary name in the same directory, fsync, rename, fsync of directory. */
enum dca_rc dca_file_write(const char *path, struct dca_buf data, mode_t mode,
    struct dca_err *e) DCA_CHECKED;
/* mkdir -p. */
enum dca_rc dca_file_mkdir(const char *path, mode_t mode, struct dca_err *e)
    DCA_CHECKED;
/* prefix + path; "" or NULL prefix is none. Result fits PATH_MAX or aborts. */
void dca_path(char out[static 4096], const char *prefix, const char *fmt, ...)
    DCA_PRINTF(3, 4);

/* --- configuration: INI, one schema table per program --- */
enum dca_config_type {
	DCA_CONF_TEXT,		/* char[cap] at offset */
	DCA_CONF_UINT,		/* uint64_t */
	DCA_CONF_SECONDS,	/* int64_t; 30d 12h 10m 5s or plain seconds */
	DCA_CONF_BOOL,		/* bool; yes no */
	DCA_CONF_CHOICE,	/* unsigned; index into choices "a|b|c" */
};
struct dca_config_key {
	const char *section, *key;
	enum dca_config_type type;
	size_t offset, cap;	/* cap: octets (TEXT), most allowed (UINT,
				 * SECONDS; 0: no bound) */
	const char *fallback;	/* NULL: required */
	const char *choices;
	const char *help;	/* one sentence; printed by --help-config */
};
/* Unknown, duplicate or missing key, or a bad value: CONFIG with file:line. */
enum dca_rc dca_config_load(void *conf, const struct dca_config_key *keys,
    size_t n, const char *path, struct dca_err *e) DCA_CHECKED;
/* A commented sample of the table on stdout. */
void dca_config_print(const struct dca_config_key *keys, size_t n);

/* --- CSV with a header line (dca(7) FORMATS): no quoting, UTF-8 --- */
struct dca_csv {
	struct dca_buf in;	/* what is left */
	unsigned line;		/* of the row last read */
	unsigned columns;
};
/* The header must be exactly header ("start,count,spc"). INPUT. */
enum dca_rc dca_csv_open(struct dca_csv *c, struct dca_buf in,
    const char *header, struct dca_err *e) DCA_CHECKED;
/* Next row: columns views, white space trimmed. REG_UNKNOWN at the end; INPUT
 * (e->field "line 7") on a malformed line, after which reading can go on. */
enum dca_rc dca_csv_next(struct dca_csv *c, struct dca_buf *cells,
    struct dca_err *e) DCA_CHECKED;

/* --- command lines: long options from a table, --help made of it --- */
struct dca_option {
	const char *name;	/* without -- */
	const char *arg;	/* name of the value for help; NULL: flag */
	const char **text;	/* set to the value */
	bool *flag;		/* set to true */
	const char *help;
};
struct dca_command {
	const char *name;	/* "customer add" */
	const char *args;	/* "ID" or "" */
	const char *help;
	const struct dca_option *options;
	size_t n_options;
	int min_args, max_args;
	int (*run)(int argc, char **argv, void *arg);	/* exit code */
};
/*
 * Finds the command (one or two words; a single row named "" is a program
 * without commands), parses its options and the common ones wherever they
 * stand, checks the number of arguments, runs it. --help and --version are
 * built in. Usage errors say what and exit 2.
 */
int dca_command_run(const char *program, const char *about,
    const struct dca_command *cmds, size_t n, const struct dca_option *common,
    size_t n_common, int argc, char **argv, void *arg);

/* --- event loop: one thread owns it; epoll --- */
struct dca_loop;
struct dca_loop *dca_loop_new(void);
void dca_loop_free(struct dca_loop *l);
typedef void (*dca_loop_fn)(void *arg, uint32_t events);
void dca_loop_add(struct dca_loop *l, int fd, uint32_t events, dca_loop_fn fn,
    void *arg);
void dca_loop_modify(struct dca_loop *l, int fd, uint32_t events);
void dca_loop_remove(struct dca_loop *l, int fd);	/* safe inside fn */
/* Runs fn(arg, 0) once per turn after all ready descriptors (group commit). */
void dca_loop_after(struct dca_loop *l, dca_loop_fn fn, void *arg);
/* Runs fn(arg, 0) every ms milliseconds (CLOCK_MONOTONIC). */
void dca_loop_every(struct dca_loop *l, unsigned ms, dca_loop_fn fn, void *arg);
/* From any thread: the loop turns once more (and runs its after functions). */
void dca_loop_wake(struct dca_loop *l);
/* SIGTERM and SIGINT end it; SIGPIPE is ignored. */
void dca_loop_run(struct dca_loop *l);
void dca_loop_stop(struct dca_loop *l);

/* --- local sockets (AF_UNIX SOCK_SEQPACKET), non-blocking, on a loop --- */
struct dca_conn;
/* m borrows from the packet: valid for the call. */
typedef void (*dca_conn_fn)(struct dca_conn *c, const struct dca_message *m,
    void *arg);
typedef void (*dca_conn_closed_fn)(struct dca_conn *c, void *arg);
struct dca_conn_handlers {
	dca_conn_fn message;
	dca_conn_closed_fn closed;	/* c is freed after it returns */
	void (*opened)(struct dca_conn *c, void *arg);	/* or NULL */
	void *arg;
};
/*
 * Listens at path (mode 0660, an old socket file is removed), accepts peers
 * whose messages must be of role. A malformed message is logged and closes
 * that connection. At most max_conns.
 */
struct dca_listener;
enum dca_rc dca_listen(struct dca_listener **out, struct dca_loop *l,
    const char *path, enum dca_role role, unsigned max_conns,
    const struct dca_conn_handlers *h, struct dca_err *e) DCA_CHECKED;
void dca_listener_close(struct dca_listener *ls);
/* The asking side: connects now or fails with VAULT_DOWN. */
enum dca_rc dca_connect(struct dca_conn **out, struct dca_loop *l,
    const char *path, const struct dca_conn_handlers *h, struct dca_err *e)
    DCA_CHECKED;
/* Queues one message; false when more than 4 MiB wait (peer too slow): the
 * caller drops or closes. */
bool dca_conn_send(struct dca_conn *c, struct dca_buf packet);
/* Stop and go on reading from this peer (back-pressure). */
void dca_conn_pause(struct dca_conn *c, bool pause);
void dca_conn_close(struct dca_conn *c);	/* closed() is called */
uid_t dca_conn_uid(const struct dca_conn *c);	/* SO_PEERCRED */
void dca_conn_set_data(struct dca_conn *c, void *data);
void *dca_conn_data(const struct dca_conn *c);
/* Blocking question and answer for tools (no loop): reply owns the packet. */
enum dca_rc dca_ask(const char *path, const struct dca_message *question,
    struct dca_out *reply, struct dca_message *m, struct dca_err *e)
    DCA_CHECKED;

/* --- hardening, before the first untrusted octet --- */
/* No core dumps, not dumpable, no new privileges, umask 077. */
void dca_harden(void);
/* All memory, now and later, stays out of swap; false when the limits of this
 * process do not allow it (LimitMEMLOCK=infinity in a unit does). */
bool dca_harden_memory(void);

int64_t dca_now(void);		/* CLOCK_REALTIME seconds */
void dca_random(void *p, size_t n);	/* RAND_bytes or abort */

#endif
