/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the box, from what is known of its parts. Pure: the same view
 * gives the same state, and the same words.
 */
#include <stdio.h>
#include <string.h>

#include "board.h"

static const char *const names[STATES] = {
	"starting", "unprovisioned", "locked", "operational", "failed",
	"frozen",
};

static bool
alive(const struct view *v, int64_t answered)
{
	return answered != 0 && v->now - answered <= ALIVE;
}

static bool
patient(const struct view *v)
{
	return v->now - v->since < v->patience;
}

/* Never answered and still in its time. */
static bool
coming(const struct view *v, int64_t answered)
{
	return answered == 0 && patient(v);
}

enum state
state_of(const struct view *v)
{
	if (v->frozen || strcmp(v->vault_state, "quarantined") == 0)
		return STATE_FROZEN;
	if (!v->provisioned)
		return STATE_UNPROVISIONED;
	if (v->ill)
		return STATE_FAILED;
	if ((!alive(v, v->vault_answered) && !coming(v, v->vault_answered)) ||
	    (!alive(v, v->front_answered) && !coming(v, v->front_answered)))
		return STATE_FAILED;
	if (v->vault_answered == 0 || v->front_answered == 0)
		return STATE_STARTING;
	return strcmp(v->vault_state, "operational") == 0 ?
	    STATE_OPERATIONAL : STATE_LOCKED;
}

const char *
state_name(enum state s)
{
	return names[s];
}

void
state_why(const struct view *v, char *text, size_t cap)
{
	const bool vault = alive(v, v->vault_answered);
	const bool front = alive(v, v->front_answered);

	text[0] = '\0';
	if (v->frozen)
		snprintf(text, cap, "tampered with");
	else if (!v->provisioned)
		snprintf(text, cap, "no provision.ini was applied yet");
	else if (!vault || !front)
		snprintf(text, cap, "%s%s%s not answer",
		    vault ? "" : "the vault", vault || front ? "" : " and ",
		    front ? " does" : vault ? "the front does" :
		    "the front do");
	else if (strcmp(v->vault_state, "operational") != 0)
		snprintf(text, cap, "the vault says %s", v->vault_state);
}
