/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kills dca-vault, dca-front and dca-publisher at random instants while
 * clients enrol, starts each again at once, and then has everything checked.
 * It starts the programs itself; nothing else than them may be killed.
 *
 * usage: crash STATE BIN PORT KILLS  (STATE: of tools/quickstart; SIGKILLs of
 * each program). CRASH_SEED repeats the same choices.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "crash.h"
#include "dca/store.h"

enum {
	PROGRAMS = 3,
	PATIENCE_MS = 30000,	/* until there is progress after a start */
	RUN_US = 250000,	/* a kill comes this long after, at most */
	START_US = 120000,	/* or this long after exec, one in five */
	PUBLISH_MS = 60000,
};

struct program {
	const char *name;
	pid_t pid;
	unsigned kills;		/* still to do */
	int64_t start_ns;	/* CLOCK_REALTIME, as in st_mtim */
	unsigned long answers;	/* when it started */
};
static struct program programs[PROGRAMS] = { { .name = "dca-vault" },
	{ .name = "dca-front" }, { .name = "dca-publisher" } };
static struct crash crash;
static atomic_ulong dice;
static unsigned mended;

void
crash_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "crash: NOT OK: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	fflush(NULL);
	_exit(1);
}

static int64_t
now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
crash_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000000;
}

/* splitmix64, so that a seed makes the same choices */
uint64_t
crash_random(uint64_t below)
{
	uint64_t z = atomic_fetch_add(&dice, 0x9e3779b97f4a7c15U);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return (z ^ z >> 31) % below;
}

/* --- the programs --- */
static void
program_exec(const char *path, const char *log)
{
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(126);
	execl(path, path, "--prefix", crash.state, (char *)NULL);
	_exit(127);
}

static void
program_start(struct program *p)
{
	char path[256], log[256];

	snprintf(path, sizeof path, "%s/%s", crash.bin, p->name);
	snprintf(log, sizeof log, "%s/log/%s.log", crash.state, p->name);
	p->start_ns = now_ns(CLOCK_REALTIME);
	p->answers = load_answers();
	p->pid = fork();
	if (p->pid < 0)
		crash_fail("fork: %s", strerror(errno));
	if (p->pid == 0)
		program_exec(path, log);
}

/*
 * SoftHSM writes token.object anew at each C_Login, by truncating it: a kill
 * just then loses the token, whatever the vault does. A real token does not,
 * so it is put back here, and counted.
 */
static void
token_mend(void)
{
	static const char script[] = "cd '%s' && for f in tokens/*/token.object"
	    "; do test $(stat -c %%s \"$f\") = $(stat -c %%s \"kept/$f\") || "
	    "{ cp -p \"kept/$f\" \"$f\"; exit 3; }; done";
	char command[512];
	int rc;

	snprintf(command, sizeof command, script, crash.state);
	rc = system(command);
	if (!WIFEXITED(rc) || (WEXITSTATUS(rc) != 0 && WEXITSTATUS(rc) != 3))
		crash_fail("%s", command);
	mended += WEXITSTATUS(rc) == 3;
}

static void
program_kill(struct program *p)
{
	int status;

	if (kill(p->pid, SIGKILL) != 0 ||
	    waitpid(p->pid, &status, 0) != p->pid)
		crash_fail("%s: %s", p->name, strerror(errno));
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		crash_fail("%s ended before it was killed: status %#x",
		    p->name, status);
	p->kills--;
	if (p == &programs[0])
		token_mend();
	program_start(p);
}

/* A start that does not succeed is what this test looks for. */
static void
all_alive(void)
{
	for (size_t i = 0; i < PROGRAMS; i++) {
		int status;

		if (waitpid(programs[i].pid, &status, WNOHANG) != 0)
			crash_fail("%s ended by itself: status %#x",
			    programs[i].name, status);
	}
}

static void
program_stop(struct program *p)
{
	int status = -1;

	if (kill(p->pid, SIGTERM) != 0 ||
	    waitpid(p->pid, &status, 0) != p->pid || status != 0)
		crash_fail("%s did not end well: status %#x", p->name, status);
}

/* Does what it is there for, since it was started? */
static bool
program_works(const struct program *p)
{
	char path[256];
	struct stat st;

	if (p != &programs[2])
		return load_answers() > p->answers;
	snprintf(path, sizeof path, "%s/var/lib/dca/publisher/sti",
	    crash.state);
	if (stat(path, &st) != 0)
		crash_fail("%s: %s", path, strerror(errno));
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec >
	    p->start_ns;
}

static void
wait_until_works(const struct program *p)
{
	int64_t end = crash_ms() + PATIENCE_MS;

	while (!program_works(p)) {
		all_alive();
		if (crash_ms() > end)
			crash_fail("%s does nothing after its start", p->name);
		usleep(2000);
	}
}

static void
kill_one(void)
{
	struct program *p = &programs[crash_random(PROGRAMS)];

	if (!p->kills)
		return;
	if (crash_random(5) != 0) {
		wait_until_works(p);
		usleep((useconds_t)crash_random(RUN_US));
	} else {
		int64_t age = (now_ns(CLOCK_REALTIME) - p->start_ns) / 1000;

		if (age > START_US && p->kills > 1)
			program_kill(p);
		usleep((useconds_t)crash_random(START_US));
	}
	all_alive();
	program_kill(p);
}

/* --- before --- */
static void
read_key(void)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/operator/key.pem", crash.state);
	if (!(f = fopen(path, "r")) ||
	    !(crash.lab.admin_key = PEM_read_PrivateKey(f, NULL, NULL, NULL)))
		crash_fail("%s: no key", path);
	fclose(f);
	lab_client(&crash.lab.admin_cert, crash.lab.admin_key);
}

static void
sockets(void)
{
	struct lab *l = &crash.lab;
	int64_t end = crash_ms() + PATIENCE_MS;

	snprintf(l->front, sizeof l->front, "%s/run/dca/front.sock",
	    crash.state);
	snprintf(l->admin, sizeof l->admin, "%s/run/dca/admin.sock",
	    crash.state);
	for (;;) {
		struct dca_message m = { .type = DCA_MSG_LOCAL_READ, .id = 1,
			.n = 2, .f = { { .b = DCA_BUF("status", 6) } } };
		struct reply r = { 0 };
		bool up = !dca_ask(l->admin, &m, &r.packet, &r.m, &r.e);

		reply_clear(&r);
		if (up)
			break;
		all_alive();
		if (crash_ms() > end)
			crash_fail("dca-vault does not come up");
		usleep(20000);
	}
	lab_wait_state(l, "operational");
	l->seq = (uint64_t)time(NULL);	/* above those of dcactl */
}

static void
code_new(struct code *code, size_t n)
{
	DCA_AUTO_OUT args = { 0 }, secret = { .secret = true };
	struct reply r = { 0 };
	struct dca_cbor c;
	struct dca_buf b;
	struct dca_err e;

	snprintf(code->id, sizeof code->id, "crash-%zu", n);
	put_map(&args, 3);
	put_text(&args, "id", code->id);
	put_uint(&args, "ttl", 86400);
	put_text(&args, "customer", "acme");
	lab_act(&crash.lab, &r, "code.create", &args);
	if (r.m.type != DCA_MSG_DATA || r.m.f[0].u >= 300)
		crash_fail("code.create: %s", r.e.text);
	if (!dca_cbor_find(r.m.f[2].b, "sealed", &c) ||
	    !dca_cbor_take_bytes(&c, &b, 200))
		crash_fail("code.create: no sealed code");
	if (dca_unseal(&secret, crash.lab.admin_key, b, &e) || secret.n != 16)
		crash_fail("code.create: %s", e.text);
	memcpy(code->secret, secret.p, 16);
	reply_clear(&r);
}

static void
prepare(unsigned kills)
{
	struct dca_store *s;
	struct dca_row head;
	struct dca_err e;
	char path[256];

	for (size_t i = 0; i < PROGRAMS; i++) {
		programs[i].kills = kills;
		program_start(&programs[i]);
	}
	read_key();
	sockets();
	snprintf(path, sizeof path, "%s/var/lib/dca/vault/store.db",
	    crash.state);
	if (dca_store_open(&s, path, true, &e) || dca_store_head(s, &head, &e))
		crash_fail("%s", e.text);
	dca_store_close(s);
	crash.begin = head.seq + 1;
	crash.n_codes = 6 * (size_t)kills;
	crash.codes = dca_alloc(crash.n_codes * sizeof *crash.codes);
	for (size_t i = 0; i < crash.n_codes; i++)
		code_new(&crash.codes[i], i);
}

/* --- after --- */
static void
wait_published(void)
{
	int64_t begin = crash_ms();

	while (check_unpublished(&crash) != 0) {
		all_alive();
		if (crash_ms() > begin + PUBLISH_MS)
			crash_fail("%zu certificates are not published",
			    check_unpublished(&crash));
		usleep(200000);
	}
	printf("published all, %.1f s after the last answer\n",
	    (double)(crash_ms() - begin) / 1000);
}

int
main(int argc, char **argv)
{
	unsigned kills = argc == 5 ? (unsigned)atoi(argv[4]) : 0;
	const char *seed = getenv("CRASH_SEED");
	int64_t begin;

	if (!kills) {
		fprintf(stderr, "usage: crash STATE BIN PORT KILLS\n");
		return 2;
	}
	crash.state = argv[1];
	crash.bin = argv[2];
	crash.port = atoi(argv[3]);
	atomic_store(&dice, seed ? strtoul(seed, NULL, 0) :
				   (unsigned long)now_ns(CLOCK_REALTIME));
	printf("seed      %lu\n", atomic_load(&dice));
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	prepare(kills);
	load_start(&crash);
	begin = crash_ms();
	while (programs[0].kills || programs[1].kills || programs[2].kills)
		kill_one();
	printf("killed    %u of each in %.1f s; SoftHSM's token put back %u "
	       "times\n", kills, (double)(crash_ms() - begin) / 1000, mended);
	load_stop(&crash);
	load_report(&crash);
	wait_published();
	for (size_t i = PROGRAMS; i-- > 0;)
		program_stop(&programs[i]);
	check_all(&crash);
	EVP_PKEY_free(crash.lab.admin_key);
	dca_out_free(&crash.lab.admin_cert);
	free(crash.codes);
	free(crash.answered);
	return 0;
}
