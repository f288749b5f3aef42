/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside dca-publisher: one job per certificate the vault told us about. A job
 * goes NEW -> (file written) READY -> RUNNING (read back) -> gone, or WAITING
 * and NEW again. All on one loop; nothing is shared with a thread.
 */
#ifndef DCA_PUBLISHER_H
#define DCA_PUBLISHER_H

#include <sys/queue.h>

#include "dca/os.h"

enum {
	SERIAL_HEX = 2 * DCA_SERIAL_LEN + 1,
	NAME_LEN = SERIAL_HEX + 4,	/* <serial>.pem */
	URL_MAX = 512,
	/* leaf and chain as PEM: 4/3 of the DER, lines and labels */
	BODY_MAX = 256 * 1024,
};

struct job {
	TAILQ_ENTRY(job) all;	/* by seq */
	TAILQ_ENTRY(job) step;	/* in the list of its state */
	enum job_state { JOB_NEW, JOB_READY, JOB_RUNNING, JOB_WAITING } state;
	uint64_t seq;
	uint8_t serial[DCA_SERIAL_LEN];
	char name[NAME_LEN];
	struct dca_out leaf;	/* DER, until the PEM is made */
	struct dca_out chain;
	struct dca_out pem;	/* what must be served */
	unsigned failures;
	int64_t again;		/* monotonic milliseconds */
	struct dca_err err;
};
TAILQ_HEAD(job_list, job);

struct settings {
	char directory[4096], state[4096], socket[4096], tls_ca[4096];
	char base_url[URL_MAX];
	int64_t timeout;
};

/* --- chain.c: what the file must hold --- */
struct chain_cache {
	struct dca_out der, pem;	/* of the last chain: it rarely changes */
};
/* leaf and chain of j -> j->pem. Refuses a leaf with another serial, a chain
 * without a CA certificate. */
enum dca_rc chain_pem(struct chain_cache *c, struct job *j, struct dca_err *e)
    DCA_CHECKED;
void chain_cache_clear(struct chain_cache *c);

/* --- files.c: the directory nginx serves --- */
struct files;
enum dca_rc files_open(struct files **out, const char *directory,
    struct dca_err *e) DCA_CHECKED;
void files_close(struct files *f);
/*
 * Writes the PEM of every job of the batch, durably and all at once visible;
 * a failed job has j->err.rule set. A file that is there already must be
 * identical: x5u is cached for a day, so a name never changes its content.
 */
void files_write(struct files *f, struct job **batch, size_t n);

/* --- readback.c: fetched as a relying party would --- */
struct readback;
typedef void (*readback_fn)(struct job *j, enum dca_rc rc, void *arg);
/* done is called with j->err set unless rc is OK. */
enum dca_rc readback_new(struct readback **out, struct dca_loop *l,
    const struct settings *s, readback_fn done, void *arg, struct dca_err *e)
    DCA_CHECKED;
void readback_free(struct readback *r);
/* False when as many fetches run as may. */
bool readback_start(struct readback *r, struct job *j);
/* Forgets the job's fetch; done is not called. */
void readback_cancel(struct readback *r, const struct job *j);
/* NULL when a Cache-Control value lets caches keep the answer for a day, else
 * why not. */
const char *cache_control_wrong(const char *value);

/* --- vault.c: jobs from and answers to the vault --- */
struct publisher;
enum dca_rc publisher_new(struct publisher **out, struct dca_loop *l,
    const struct settings *s, struct dca_err *e) DCA_CHECKED;
void publisher_free(struct publisher *p);

#endif
