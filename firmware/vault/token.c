/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the token and losing it again, without ever stopping the loop: a
 * thread of its own opens module, key and one session per worker, and hands
 * all of it over. Must never try a PIN twice by itself, and never go on with
 * a token that returned a wrong signature.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "job.h"
#include "order.h"

enum { RETRY = 1, OUTAGE_ALARM = 10, KEY_ALARM = 3,
        MAX_AGE_MANUAL = 300, MAX_AGE_MOST = 30 };
#define OPENING_NEW "the key of the new cross-certificate is being opened"

/* One attempt. The thread owns it from start until done. */
struct vault_opening {
	struct dca_loop *loop;
	pthread_t thread;
	atomic_bool done;
	struct dca_hsm_config conf;
	struct dca_token_uri asked;	/* as the configuration has it */
	struct dca_hsm *hsm;
	struct dca_signer *signers[VAULT_WORKERS_MAX];
	unsigned n;
	enum dca_rc rc;
	struct dca_err err;
	bool has_key;
	struct dca_spki key;
	struct dca_hsm_info info;
};

static void
let_go(struct vault_opening *o)
{
	for (unsigned i = 0; i < o->n; i++) {
		dca_signer_close(o->signers[i]);
		o->signers[i] = NULL;
	}
	dca_hsm_close(o->hsm);
	o->hsm = NULL;
	o->has_key = false;
}

static enum dca_rc
open_all(struct vault_opening *o, struct dca_err *e)
{
	enum dca_rc rc;

	if ((rc = dca_hsm_open(&o->hsm, &o->conf, e)) ||
	    (rc = dca_hsm_info(o->hsm, &o->info, e)) ||
	    (rc = dca_hsm_key(o->hsm, &o->key, e)))
		return rc;
	o->has_key = true;
	for (unsigned i = 0; i < o->n && rc == DCA_OK; i++)
		rc = dca_signer_open(&o->signers[i], o->hsm, e);
	return rc;
}

static void *
opening_run(void *arg)
{
	struct vault_opening *o = arg;

	let_go(o); /* what an earlier attempt left */
	memset(&o->err, 0, sizeof(o->err));
	o->rc = open_all(o, &o->err);
	if (o->rc)
		let_go(o);
	atomic_store(&o->done, true);
	dca_loop_wake(o->loop);
	return NULL;
}

static void
attempt(struct vault *v)
{
	struct vault_opening *o = v->token.opening;
	const struct vault_cross *cross = vault_cross_active(v);

	/* The PIN goes to the token it was for and to no other. */
	if (v->token.known)
		memcpy(o->conf.uri.serial, v->token.known_serial,
		    sizeof(o->conf.uri.serial));
	else
		o->conf.uri = o->asked;
	memcpy(o->conf.uri.id, o->asked.id, sizeof(o->conf.uri.id));
	o->conf.uri.id_len = o->asked.id_len;
	if (cross && cross->key_len > 0) {
		memcpy(o->conf.uri.id, cross->key, cross->key_len);
		o->conf.uri.id_len = cross->key_len;
	}
	atomic_store(&o->done, false);
	v->token.state = VAULT_TOKEN_OPENING;
	if (pthread_create(&o->thread, NULL, opening_run, o) != 0)
		abort();
}

enum dca_rc
vault_token_start(struct vault *v, struct dca_err *e)
{
	struct vault_opening *o = dca_alloc(sizeof(*o));
	enum dca_rc rc;

	memset(o, 0, sizeof(*o));
	v->token.opening = o;
	o->loop = v->loop;
	o->n = vault_pool_workers(v->pool);
	o->conf.module = v->conf.module;
	o->conf.pin_file = v->conf.pin_file;
	rc = dca_token_uri_parse(&o->asked, v->conf.uri, e);
	if (rc)
		return rc;
	if (vault_quarantined(v)) {
		v->token.state = VAULT_TOKEN_QUARANTINED;
		v->token.since = dca_now();
		v->token.alarmed = VAULT_ALARM_SIGNATURE;
		(void)dca_fail(&v->token.why, DCA_RULE_TOKEN_SIGNATURE,
		    "the token gave a wrong signature before this start");
		dca_log_err(DCA_ERR, "token", &v->token.why);
		return DCA_OK;
	}
	(void)dca_fail(&v->token.why, DCA_RULE_TOKEN_DOWN,
	    "the token is being opened");
	attempt(v);
	return DCA_OK;
}

static void
say(struct vault *v, const char *alarm)
{
	if (v->token.alarmed == alarm)
		return;
	v->token.alarmed = alarm;
	vault_alarm(v, alarm, "", v->token.why.text);
}

/*
 * What an operator has to see to, at once; a token that is merely away, when
 * it stays away. Before the first ceremony there is no key to miss.
 */
static void
alarm_of(struct vault *v, int64_t now)
{
	const struct vault_token *t = &v->token;
	const bool expected = t->known || vault_cross_active(v);

	if (t->state == VAULT_TOKEN_QUARANTINED)
		say(v, VAULT_ALARM_SIGNATURE);
	else if (t->state == VAULT_TOKEN_PIN)
		say(v, "token-pin");
	else if (t->state == VAULT_TOKEN_STOPPED)
		say(v, "token-stopped");
	else if (t->why.rule == DCA_RULE_TOKEN_KEY && expected &&
	    now - t->since >= KEY_ALARM)	/* not by a hiccup */
		say(v, "token-key");
	else if (!t->alarmed && expected && t->since &&
	    now - t->since >= OUTAGE_ALARM)
		say(v, "token-down");
}

static void
down(struct vault *v, const struct dca_err *why, int64_t now)
{
	struct vault_token *t = &v->token;

	if (!t->since || strcmp(t->why.text, why->text) != 0)
		dca_log_err(DCA_ERR, "token", why);
	t->why = *why;
	/* What keeps the token away may be a missing file: to an asker it is
	 * the token that is down. */
	if (dca_problem(why->rule)->rc != DCA_TOKEN)
		t->why.rule = DCA_RULE_TOKEN_DOWN;
	/* the first time at once: most of it is cured by that */
	t->retry = t->since ? now + RETRY : now;
	if (!t->since)
		t->since = now;
	switch (t->why.rule) {
	case DCA_RULE_TOKEN_PIN:
		t->state = VAULT_TOKEN_PIN;
		break;
	case DCA_RULE_TOKEN_SIGNATURE:
		t->state = VAULT_TOKEN_QUARANTINED;
		break;
	case DCA_RULE_TOKEN_STOPPED:
		t->state = VAULT_TOKEN_STOPPED;
		break;
	default:
		t->state = VAULT_TOKEN_DOWN;
	}
	alarm_of(v, now);
}

/* Serial and CKA_ID are in the URI that was opened; the key is compared. */
static enum dca_rc
check_known(struct vault_token *t, struct dca_err *e)
{
	if (!t->known || memcmp(&t->key, &t->known_key, sizeof(t->key)) == 0)
		return DCA_OK;
	t->has_key = false;
	return dca_fail(e, DCA_RULE_TOKEN_KEY, "the token holds another key "
	    "under this CKA_ID than before: not gone on with");
}

static void
up(struct vault *v)
{
	struct vault_token *t = &v->token;
	const struct vault_cross *cross = vault_cross_active(v);

	for (unsigned i = 0; i < t->opening->n; i++)
		vault_pool_signer(v->pool, i, t->opening->signers[i]);
	t->state = VAULT_TOKEN_UP;
	t->known = true;
	t->known_key = t->key;
	memcpy(t->known_serial, t->info.serial, sizeof(t->known_serial));
	t->since = 0;
	t->alarmed = NULL;
	memset(&t->why, 0, sizeof(t->why));
	dca_log(DCA_INFO, "token up label=%s model=%s serial=%s",
	    t->info.label, t->info.model, t->info.serial);
	if (cross && vault_token_fits(v, cross, &t->why) != DCA_OK)
		say(v, "token-key");
	memset(&t->why, 0, sizeof(t->why));
}

static void
opened(struct vault *v, int64_t now)
{
	struct vault_token *t = &v->token;
	struct vault_opening *o = t->opening;

	if (pthread_join(o->thread, NULL) != 0)
		abort();
	t->has_key = o->has_key;
	t->key = o->key;
	t->info = o->info;
	if (o->rc == DCA_OK)
		o->rc = check_known(t, &o->err);
	if (o->rc)
		down(v, &o->err, now);
	else
		up(v);
}

void
vault_token_tick(struct vault *v, int64_t now)
{
	struct vault_token *t = &v->token;
	struct dca_err why;

	if (t->state == VAULT_TOKEN_OPENING &&
	    atomic_load(&t->opening->done)) {
		opened(v, now);
	} else if (t->state == VAULT_TOKEN_DRAIN && vault_issue_idle(v) &&
	    !vault_order_busy(v) && vault_pool_quiesce(v->pool)) {
		if (t->switching) {
			t->switching = t->known = false;
			attempt(v);
			return;
		}
		why = t->why;
		down(v, &why, now);
	} else if (t->state == VAULT_TOKEN_DOWN &&
	    (now >= t->retry || t->retry - now > RETRY)) {
		attempt(v);
	}
}

/* Is the key of this cross-certificate another object than the open one? */
static bool
is_elsewhere(const struct vault *v, const struct vault_cross *cross)
{
	const struct dca_token_uri *open = &v->token.opening->conf.uri;
	const struct dca_token_uri *asked = &v->token.opening->asked;
	const struct dca_buf want = cross->key_len > 0 ?
	    DCA_BUF(cross->key, cross->key_len) :
	    DCA_BUF(asked->id, asked->id_len);

	return !dca_buf_eq(want, DCA_BUF(open->id, open->id_len));
}

/* After an activation: what is under way is finished with the old key. */
void
vault_token_follow(struct vault *v)
{
	const struct vault_cross *cross = vault_cross_active(v);
	struct vault_token *t = &v->token;

	if (!cross || t->state != VAULT_TOKEN_UP || !is_elsewhere(v, cross))
		return;
	(void)dca_fail(&t->why, DCA_RULE_TOKEN_DOWN, OPENING_NEW);
	t->state = VAULT_TOKEN_DRAIN;
	t->switching = true;
}

void
vault_token_watch(struct vault *v, int64_t now)
{
	struct vault_token *t = &v->token;
	const unsigned stuck = vault_pool_stuck(v->pool, v->conf.patience);
	struct dca_err e = { 0 };

	if (vault_pool_trouble(v->pool, &e)) {
		(void)dca_fail_in(&e, "idle session");
		vault_token_failed(v, &e);
	}
	if (stuck && !t->stuck)
		vault_alarm(v, "token-hangs", "",
		    "a call into the PKCS#11 module does not come back");
	if (!stuck && t->stuck)
		dca_log(DCA_INFO, "token answers again");
	t->stuck = stuck;
	if (t->state == VAULT_TOKEN_DOWN)
		alarm_of(v, now);
}

/* What must not be tried again outranks what may be. */
static unsigned
rank(enum dca_rule rule)
{
	return rule == DCA_RULE_TOKEN_SIGNATURE ? 3 :
	    rule == DCA_RULE_TOKEN_PIN ? 2 :
	    rule == DCA_RULE_TOKEN_STOPPED ? 1 : 0;
}

void
vault_token_failed(struct vault *v, const struct dca_err *e)
{
	struct vault_token *t = &v->token;

	if (t->state == VAULT_TOKEN_UP || (t->state == VAULT_TOKEN_DRAIN &&
	    rank(e->rule) > rank(t->why.rule))) {
		t->state = VAULT_TOKEN_DRAIN;
		t->why = *e;
	}
}

enum dca_rc
vault_token_resume(struct vault *v, struct dca_err *e)
{
	struct vault_token *t = &v->token;

	if (t->state == VAULT_TOKEN_UP)
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "the token is up: there is nothing to resume");
	if (t->state == VAULT_TOKEN_DRAIN)
		return dca_fail(e, DCA_RULE_REG_STATE,
		    "the token is just being closed: ask again");
	if (t->state == VAULT_TOKEN_QUARANTINED)
		vault_alarm(v, VAULT_ALARM_RESUMED, "",
		    "an operator ended the quarantine of the token");
	dca_hsm_pin_forget();
	t->known = false;
	t->since = 0;
	t->alarmed = NULL;
	if (t->state == VAULT_TOKEN_OPENING)
		return DCA_OK;	/* and if that fails, at once again */
	t->retry = 0;
	t->state = VAULT_TOKEN_DOWN;
	(void)dca_fail(&t->why, DCA_RULE_TOKEN_DOWN,
	    "the token is being opened");
	return DCA_OK;
}

bool
vault_token_close(struct vault *v)
{
	struct vault_opening *o = v->token.opening;

	if (!o)
		return true;
	if (v->token.state == VAULT_TOKEN_OPENING &&
	    !vault_thread_join(o->thread))
		return false;
	let_go(o);
	free(o);
	v->token.opening = NULL;
	return true;
}

static bool
hangs(const struct vault *v)
{
	return v->token.stuck && v->token.stuck == vault_pool_workers(v->pool);
}

const char *
vault_token_state(const struct vault *v)
{
	static const char *const names[] = {
		[VAULT_TOKEN_DOWN] = "down",
		[VAULT_TOKEN_OPENING] = "opening",
		[VAULT_TOKEN_UP] = "up",
		[VAULT_TOKEN_DRAIN] = "down",
		[VAULT_TOKEN_PIN] = "wrong-pin",
		[VAULT_TOKEN_QUARANTINED] = "quarantined",
		[VAULT_TOKEN_STOPPED] = "stopped",
	};

	return v->token.state == VAULT_TOKEN_UP && hangs(v) ? "hangs" :
	    names[v->token.state];
}

enum dca_rc
vault_token_ready(const struct vault *v, struct dca_err *e)
{
	if (v->token.state == VAULT_TOKEN_UP && hangs(v))
		return dca_fail(e, DCA_RULE_TOKEN_DOWN, "the token has not "
		    "answered for %d s or more", (int)v->conf.patience);
	if (v->token.state == VAULT_TOKEN_UP)
		return DCA_OK;
	return dca_fail(e, v->token.why.rule, "%s", v->token.why.text);
}

enum dca_rc
vault_token_fits(const struct vault *v, const struct vault_cross *cross,
    struct dca_err *e)
{
	enum dca_rc rc = vault_token_ready(v, e);

	if (rc)
		return rc;
	if (memcmp(&v->token.key, &cross->chain.v[0].key,
	    sizeof(v->token.key)) == 0)
		return DCA_OK;
	/* activated a moment ago: it comes right by itself */
	return is_elsewhere(v, cross) ? dca_fail(e, DCA_RULE_TOKEN_DOWN,
	    OPENING_NEW) : dca_fail(e, DCA_RULE_TOKEN_KEY, "the key in the "
	    "token is not that of the cross-certificate");
}

/* Nobody knows when a token comes back: half of what it was away already,
 * so that the longer it lasts the fewer ask. */
unsigned
vault_token_max_age(const struct vault *v)
{
	const int64_t away = v->token.since ? dca_now() - v->token.since : 0;

	switch (v->token.state) {
	case VAULT_TOKEN_PIN:
	case VAULT_TOKEN_QUARANTINED:
	case VAULT_TOKEN_STOPPED:
		return MAX_AGE_MANUAL;
	default:
		return away / 2 > MAX_AGE_MOST ? MAX_AGE_MOST :
		    away / 2 > 1 ? (unsigned)(away / 2) : 1;
	}
}
