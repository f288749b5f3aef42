/* SPDX-License-Identifier: Apache-2.0 */
/* The token as the vault sees it: up, or why not and when it tries again. */
#ifndef DCA_VAULT_TOKEN_H
#define DCA_VAULT_TOKEN_H

#include "dca/hsm.h"

enum vault_token_state {
	VAULT_TOKEN_DOWN,	/* retry at .retry */
	VAULT_TOKEN_OPENING,	/* a thread is at it */
	VAULT_TOKEN_UP,
	VAULT_TOKEN_DRAIN,	/* failed: waits for the workers, then closed */
	VAULT_TOKEN_PIN,	/* wrong PIN: never tried again by itself */
	VAULT_TOKEN_QUARANTINED,/* gave a wrong signature: the same, and
				 * over restarts */
	VAULT_TOKEN_STOPPED,	/* refuses what we ask: the same */
};

struct vault_token {
	enum vault_token_state state;
	struct dca_err why;		/* when not up */
	int64_t retry;			/* seconds, when down */
	int64_t since;			/* of this outage; 0: none */
	const char *alarmed;		/* what was said about it last */
	unsigned stuck;			/* workers that wait too long */
	bool has_key;
	struct dca_spki key;
	struct dca_hsm_info info;
	bool switching;			/* drains for another CKA_ID */
	bool known;			/* it was up: then only this one is */
	struct dca_spki known_key;	/* ... taken again */
	char known_serial[17];
	struct vault_opening *opening;	/* the attempt that runs or ran last */
};

struct vault;
/* First attempt; refuses a URI that is none. */
enum dca_rc vault_token_start(struct vault *v, struct dca_err *e) DCA_CHECKED;
void vault_token_tick(struct vault *v, int64_t now);
/* A worker failed with this: drain, and try again later (or never). */
void vault_token_failed(struct vault *v, const struct dca_err *e);
/* Once per turn of the clock: idle sessions, workers that hang, alarms. */
void vault_token_watch(struct vault *v, int64_t now);
/* An operator says: try again, with whatever token is there. REG_STATE when
 * there is nothing to resume. */
enum dca_rc vault_token_resume(struct vault *v, struct dca_err *e) DCA_CHECKED;
/* Is the session's key that of the active cross-certificate? If not, and the
 * certificate names one, the token is opened again with that one. */
void vault_token_follow(struct vault *v);
/* False: the token hangs, nothing is freed. */
bool vault_token_close(struct vault *v);
const char *vault_token_state(const struct vault *v);	/* for people */
/* Can it sign for a CA key? TOKEN_DOWN, TOKEN_PIN, TOKEN_KEY. */
enum dca_rc vault_token_ready(const struct vault *v, struct dca_err *e)
    DCA_CHECKED;
struct vault_cross;
/* And is its key that of the cross-certificate? The same. */
enum dca_rc vault_token_fits(const struct vault *v,
    const struct vault_cross *cross, struct dca_err *e) DCA_CHECKED;
/* Seconds until it is worth asking again, at least 1. */
unsigned vault_token_max_age(const struct vault *v);

#endif
