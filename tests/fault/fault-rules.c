/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of the fault-injecting module: reads the control file, counts calls,
 * says which fault a call gets. Knows no token. Never sleeps with its lock.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fault-rules.h"
#include "fault.h"

struct rule {
	char name[32];
	CK_RV rv;
	long count;		/* -1: for ever */
	unsigned long delay;	/* microseconds */
	enum fault_op op;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int control = -1, counts = -1;
static bool opened;
static char text[FAULT_CONTROL_MAX];
static struct rule rules[FAULT_RULES];
static size_t n_rules;
static struct fault_state state;
enum { NAMES = 32 };
static struct {
	const char *name;
	unsigned long n;
} calls[NAMES];

static enum fault_op
op_of(const char *word)
{
	static const char *const words[] = { "", "corrupt", "short", "kill",
		"logout", "hang", "pretend", "no-wrap" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], word) == 0)
			return (enum fault_op)i;
	(void)fprintf(stderr, "fault: what is \"%s\"?\n", word);
	abort();
}

static void
take_state(const char *what, const char *word)
{
	const bool token = strcmp(what, "token") == 0;

	if (token && strcmp(word, "gone") == 0)
		state.gone = true;
	else if (token && strcmp(word, "another") == 0)
		state.another = true;
	else if (!token && strcmp(word, "final-try") == 0)
		state.final_try = true;
	else if (!token && strcmp(word, "locked") == 0)
		state.locked = true;
	else
		abort();
}

static void
take_line(const char *line)
{
	struct rule r = { .count = -1 };
	char second[32] = "", op[16] = "";
	int n = sscanf(line, "%31s %31s %ld %lu %15s", r.name, second,
	    &r.count, &r.delay, op);

	if (n < 1)
		return;
	if (strcmp(r.name, "token") == 0 || strcmp(r.name, "pin") == 0) {
		take_state(r.name, second);
		return;
	}
	if (n < 2 || n_rules == FAULT_RULES)
		abort();
	r.rv = strtoul(second, NULL, 16);
	r.op = op_of(op);
	rules[n_rules++] = r;
}

static void
open_files(void)
{
	const char *path = getenv(FAULT_CONTROL);

	opened = true;
	if (path)
		control = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	path = getenv(FAULT_COUNTS);
	if (path)
		counts = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0600);
}

/* The whole file is read each time: its times are too coarse to tell. */
static void
look(void)
{
	char now[FAULT_CONTROL_MAX], parse[FAULT_CONTROL_MAX];
	char *save = NULL;
	ssize_t n;

	if (!opened)
		open_files();
	if (control < 0)
		return;
	n = pread(control, now, sizeof(now) - 1, 0);
	if (n < 5)
		return;
	now[n] = '\0';
	if (memcmp(now + n - 5, "\nend\n", 5) != 0 || strcmp(now, text) == 0)
		return;
	memcpy(text, now, (size_t)n + 1);
	now[n - 4] = '\0';
	memcpy(parse, now, sizeof(parse));
	n_rules = 0;
	memset(&state, 0, sizeof(state));
	for (char *l = strtok_r(parse, "\n", &save); l;
	     l = strtok_r(NULL, "\n", &save))
		take_line(l);
}

static void
count(const char *name)
{
	char line[FAULT_LINE + 1];

	for (size_t i = 0; i < NAMES; i++) {
		if (!calls[i].name)
			calls[i].name = name;
		if (strcmp(calls[i].name, name) != 0)
			continue;
		calls[i].n++;
		(void)snprintf(line, sizeof(line), "%-24s %14lu\n", name,
		    calls[i].n);
		if (counts >= 0 && pwrite(counts, line, FAULT_LINE,
		    (off_t)(i * FAULT_LINE)) != FAULT_LINE)
			abort();
		return;
	}
	abort();
}

static struct rule *
find(const char *name)
{
	for (size_t i = 0; i < n_rules; i++)
		if (rules[i].count != 0 && (strcmp(rules[i].name, "*") == 0 ||
		    strcmp(rules[i].name, name) == 0))
			return &rules[i];
	return NULL;
}

static void
pause_us(unsigned long us)
{
	struct timespec t = { (time_t)(us / 1000000),
		(long)(us % 1000000) * 1000 };

	if (us)
		(void)nanosleep(&t, NULL);
}

/* Used up or not: who hangs is released by the line going away. */
static bool
hangs(const char *name)
{
	for (size_t i = 0; i < n_rules; i++)
		if (rules[i].op == FAULT_HANG &&
		    (strcmp(rules[i].name, "*") == 0 ||
		    strcmp(rules[i].name, name) == 0))
			return true;
	return false;
}

static void
hang(const char *name)
{
	bool on = true;

	while (on) {
		pause_us(5000);
		(void)pthread_mutex_lock(&lock);
		look();
		on = hangs(name);
		(void)pthread_mutex_unlock(&lock);
	}
}

void
fault_call(const char *name, struct fault_hit *h, struct fault_state *s)
{
	unsigned long delay = 0;
	struct rule *r;

	*h = (struct fault_hit){ CKR_OK, FAULT_NONE };
	(void)pthread_mutex_lock(&lock);
	look();
	count(name);
	r = find(name);
	if (r) {
		count("(injected)");
		if (r->count > 0)
			r->count--;
		h->rv = r->rv;
		h->op = r->op;
		delay = r->delay;
	}
	*s = state;
	(void)pthread_mutex_unlock(&lock);
	pause_us(delay);
	if (h->op == FAULT_HANG)
		hang(name);
}
