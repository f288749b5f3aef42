/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The box, put together: one turn a second asks the parts how they are, says
 * what changed (console, LED, vault, status file) and feeds the watchdog.
 * What needs more than a root without capabilities is done by small units.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "dca/cbor.h"
#include "dca/cert.h"

enum {
	TURN_MS = 1000, BLINK_MS = 50,
	ASK = 3, DEEP = 5, REPORT = 10, ZEROISE_WAIT = 2, ZEROISE_AGAIN = 10,
	RESET_TIME = 600, REBOOT_TIME = 60, REBOOT_WAIT = 5,
};

struct box {
	struct dca_loop *loop;
	const char *prefix;
	const struct board_conf *conf;
	struct boot boot;
	struct children *children;
	struct vault *vault;
	struct front *front;
	struct events *events;
	struct update *update;
	struct watchdog *watchdog;
	struct led *led;
	struct tamper *tamper;
	struct view view;
	struct beat beat;		/* the last deep one */
	bool deep;			/* there was one */
	enum state state;
	bool said, changed, connected, rebooting, resetting, zeroised;
	int64_t asked, reboot_at, deep_asked, reported, zeroise_at;
	enum update_state update_said;
	unsigned percent_said;
	char claim[64], server[2 * DCA_SHA256_LEN + 1];
};

/* The unit puts standard output on the console. */
static void DCA_PRINTF(1, 2)
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("dca: ", stdout);
	(void)vprintf(fmt, ap);
	(void)putchar('\n');
	va_end(ap);
	(void)fflush(stdout);
}

static void
add_event(void *arg, const char *name, const char *text)
{
	struct box *b = arg;
	struct dca_err e = { 0 };

	say("%s: %s", name, text);
	if (events_add(b->events, name, text, &e) != DCA_OK)
		dca_log_err(DCA_ERR, "event not kept", &e);
}

/* --- reboot and reset --- */

static void
on_reboot(void *arg, int code, const struct dca_out *out)
{
	struct box *b = arg;
	char why[256];

	if (code == 0)
		return;
	child_last_line(out, why, sizeof(why));
	/* the watchdog, not fed any more, does it */
	dca_log(DCA_ERR, "systemctl reboot: %s", why);
	(void)b;
}

/* The ledger gets its rows first, if that is a matter of a moment. */
static void
reboot_box(void *arg, const char *why)
{
	struct box *b = arg;

	if (b->rebooting)
		return;
	b->rebooting = true;
	b->reboot_at = board_clock() + REBOOT_WAIT;
	say("reboot: %s", why);
}

static void
reboot_now(struct box *b)
{
	char systemctl[4096];
	const char *const argv[] = { systemctl, "reboot", NULL };
	const struct child_handlers h = { .end = on_reboot, .arg = b };

	if (b->reboot_at == 0 ||
	    (events_count(b->events) > 0 && board_clock() < b->reboot_at))
		return;
	b->reboot_at = 0;
	place(systemctl, b->prefix, PLACE_SYSTEMCTL, NULL);
	child_start(b->children, argv, REBOOT_TIME, &h);
}

static void
on_reset(void *arg, int code, const struct dca_out *out)
{
	struct box *b = arg;
	char why[256], text[BOARD_TEXT];

	b->resetting = false;
	if (code == 0) {
		b->zeroised = b->view.frozen;
		return;
	}
	if (!place_line(b->prefix, PLACE_RUN, "why", why, sizeof(why)))
		child_last_line(out, why, sizeof(why));
	snprintf(text, sizeof(text), "%s: %s",
	    b->view.frozen ? "zeroise failed" : "refused", why);
	/* a failing zeroise is tried again and again: said once in the log */
	if (b->view.frozen)
		dca_log(DCA_ERR, "%s", text);
	else
		add_event(b, "reset", text);
	b->zeroise_at = board_clock() + ZEROISE_AGAIN;
}

static void
start_reset(struct box *b, const char *how)
{
	char systemctl[4096];
	const char *const argv[] = { systemctl, "start", "dca-reset.service",
		NULL };
	const struct child_handlers h = { .end = on_reset, .arg = b };

	if (b->resetting || !place_write(b->prefix, PLACE_RUN, "reset", how))
		return;
	b->resetting = true;
	place(systemctl, b->prefix, PLACE_SYSTEMCTL, NULL);
	child_start(b->children, argv, RESET_TIME, &h);
}

/* --- tamper --- */

static void
freeze(struct box *b)
{
	char text[64];

	b->view.frozen = true;
	(void)place_write(b->prefix, PLACE_DATA, "frozen", "tamper");
	snprintf(text, sizeof(text), "contact is %s",
	    tamper_state(b->tamper));
	add_event(b, "tamper", text);
	/* the ledger gets its row first, if that is a matter of a moment */
	b->zeroise_at = board_clock() + ZEROISE_WAIT;
}

static void
guard(struct box *b)
{
	if (tamper_open_now(b->tamper) && !b->view.frozen)
		freeze(b);
	if (!b->view.frozen || b->zeroised || b->resetting)
		return;
	if (events_count(b->events) > 0 && board_clock() < b->zeroise_at)
		return;
	if (board_clock() >= b->zeroise_at || events_count(b->events) == 0)
		start_reset(b, "zeroise");
}

/* --- what the vault says --- */

static void
on_beat(void *arg, bool deep, const struct beat *beat)
{
	struct box *b = arg;

	b->view.vault_answered = board_clock();
	(void)dca_strlcpy(b->view.vault_state, beat->state,
	    sizeof(b->view.vault_state));
	if (deep) {
		b->beat = *beat;
		b->deep = true;
	}
	(void)dca_strlcpy(b->beat.claim, beat->claim, sizeof(b->beat.claim));
	b->beat.ledger = beat->ledger;
}

static void
on_event(void *arg, bool taken, const struct dca_err *e)
{
	struct box *b = arg;

	if (taken) {
		events_done(b->events);
		return;
	}
	dca_log_err(DCA_WARNING, "event not in the ledger", e);
	/* what the vault will never take must not stop the others */
	if (dca_problem(e->rule)->rc == DCA_MALFORMED)
		events_done(b->events);
}

static void
on_closed(void *arg)
{
	struct box *b = arg;

	b->deep = false;
	b->asked = b->deep_asked = 0;
}

static void
command_install(struct box *b, const char *text)
{
	update_install(b->update, text);
}

static void
command_commit(struct box *b, const char *text)
{
	(void)text;
	update_commit(b->update);
}

static void
command_rollback(struct box *b, const char *text)
{
	(void)text;
	update_rollback(b->update);
}

static void
command_reset(struct box *b, const char *text)
{
	if (text[0] != '\0' && strcmp(text, "force") != 0)
		add_event(b, "reset", "refused: neither force nor nothing");
	else if (b->resetting)
		add_event(b, "reset", "refused: one is under way");
	else
		start_reset(b, text[0] != '\0' ? "force" : "plain");
}

static void
command_reboot(struct box *b, const char *text)
{
	(void)text;
	reboot_box(b, "an operator said so");
}

static void
on_command(void *arg, uint64_t order, const char *verb, const char *text)
{
	static const struct {
		const char *verb;
		void (*run)(struct box *b, const char *text);
		bool frozen;	/* also on a frozen box */
	} verbs[] = {
		{ "install", command_install, false },
		{ "commit", command_commit, false },
		{ "rollback", command_rollback, false },
		{ "reset", command_reset, true },
		{ "reboot", command_reboot, true },
	};
	struct box *b = arg;

	dca_log(DCA_INFO, "command=%s order=%llu", verb,
	    (unsigned long long)order);
	b->changed = true;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].verb, verb) != 0)
			continue;
		if (b->view.frozen && !verbs[i].frozen)
			add_event(b, "update-refused", "the box is frozen");
		else
			verbs[i].run(b, text);
		return;
	}
	add_event(b, "command-unknown", verb);
}

/* --- people at the console --- */

/* The address of a route to anywhere, IPv4 before IPv6: connecting a datagram
 * socket sends nothing. The destinations are documentation's (RFC 5737, 3849). */
static bool
address_of(int family, char *text, size_t cap)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(9) };
	const bool four = family == AF_INET;
	struct sockaddr *at = four ? (void *)&to4 : (void *)&to6;
	socklen_t n = four ? sizeof(to4) : sizeof(to6);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char s[INET6_ADDRSTRLEN];
	bool ok;

	if (fd < 0)
		return false;
	(void)inet_pton(AF_INET, "192.0.2.1", &to4.sin_addr);
	(void)inet_pton(AF_INET6, "2001:db8::1", &to6.sin6_addr);
	ok = connect(fd, at, n) == 0 && getsockname(fd, at, &n) == 0 &&
	    inet_ntop(family, four ? (const void *)&to4.sin_addr :
	    (const void *)&to6.sin6_addr, s, sizeof(s)) != NULL;
	close(fd);
	if (ok)
		snprintf(text, cap, four ? "%s" : "[%s]", s);
	return ok;
}

static void
own_address(char *text, size_t cap)
{
	if (!address_of(AF_INET, text, cap) &&
	    !address_of(AF_INET6, text, cap))
		snprintf(text, cap, "ADDRESS");
}

/* The pin of the front's key, which every client is told. */
static void
say_server(struct box *b)
{
	enum { PEM_MAX = 64 * 1024 };
	char path[4096], hex[sizeof(b->server)];
	uint8_t hash[DCA_SHA256_LEN];
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT pem = { 0 };

	place(path, b->prefix, PLACE_SERVER, NULL);
	if (access(path, R_OK) != 0 ||
	    dca_file_read(&pem, path, PEM_MAX, NULL) != DCA_OK ||
	    dca_certs_parse(&certs, dca_out_buf(&pem), 8, NULL) != DCA_OK)
		return;
	if (certs.n > 0) {
		dca_spki_sha256(hash, &certs.v[0].key);
		dca_hex(hex, hash, sizeof(hash));
		if (strcmp(hex, b->server) != 0)
			say("server sha256:%s", hex);
		memcpy(b->server, hex, sizeof(hex));
	}
	dca_certs_clear(&certs);
}

static void
say_claim(struct box *b)
{
	char address[INET6_ADDRSTRLEN + 2];

	if (strcmp(b->claim, b->beat.claim) == 0 || b->server[0] == '\0')
		return;
	memcpy(b->claim, b->beat.claim, sizeof(b->claim));
	if (b->claim[0] == '\0')
		return;
	own_address(address, sizeof(address));
	say("claim dcactl operator claim NAME --url coaps://%s:%u "
	    "--server sha256:%s --code %s", address,
	    (unsigned)b->conf->front_port, b->server, b->claim);
}

static void
say_update(struct box *b)
{
	const enum update_state s = update_state(b->update);
	const unsigned percent = update_percent(b->update) / 10 * 10;

	if (s == b->update_said && percent == b->percent_said)
		return;
	b->update_said = s;
	b->percent_said = percent;
	if (percent > 0)
		say("update %s %s %u%%", update_state_name(s),
		    update_version(b->update), percent);
	else
		say("update %s %s%s%s", update_state_name(s),
		    update_version(b->update),
		    update_version(b->update)[0] ? " " : "",
		    update_text(b->update));
}

static void
on_changed(void *arg)
{
	struct box *b = arg;

	b->changed = true;
}

/* --- report and status file --- */

static void
report(struct box *b)
{
	struct report r = { .conf = b->conf, .boot = &b->boot,
		.update = b->update, .state = b->state,
		.tamper = tamper_state(b->tamper),
		.watchdog = b->watchdog != NULL };
	const int64_t now = board_clock();
	DCA_AUTO_OUT map = { 0 }, status = { 0 };
	struct dca_err e = { 0 };
	char why[BOARD_TEXT], path[4096];

	if (!b->changed && now - b->reported < REPORT / 2)
		return;
	if (b->view.vault_answered != 0)
		r.clock = strcmp(b->view.vault_state, "clock") == 0 ?
		    "untrusted" : "trusted";
	report_encode(&map, &r);
	if (b->changed || now - b->reported >= REPORT / 2)
		vault_report(b->vault, dca_out_buf(&map));
	b->changed = false;
	b->reported = now;
	state_why(&b->view, why, sizeof(why));
	if (why[0] == '\0' && b->view.ill)
		(void)dca_strlcpy(why, b->deep ? b->beat.why :
		    "the vault did not judge itself", sizeof(why));
	dca_cbor_map(&status, 4);
	dca_cbor_text(&status, "at");
	dca_cbor_uint(&status, (uint64_t)now);
	dca_cbor_text(&status, "why");
	dca_cbor_text(&status, why);
	dca_cbor_text(&status, "events");
	dca_cbor_uint(&status, events_count(b->events));
	dca_cbor_text(&status, "report");
	dca_out_add(&status, map.p, map.n);
	place(path, b->prefix, PLACE_RUN, "status");
	if (dca_file_write(path, dca_out_buf(&status), 0644, &e) != DCA_OK)
		dca_log_err(DCA_ERR, "status", &e);
}

/* --- the turn --- */

static void
ask_parts(struct box *b)
{
	const int64_t now = board_clock();

	vault_turn(b->vault);
	/* before its first report the vault takes no act for us */
	if (vault_connected(b->vault) != b->connected)
		b->changed = true;
	b->connected = vault_connected(b->vault);
	if (now - b->asked >= ASK) {
		b->asked = now;
		vault_beat(b->vault, false);
		front_probe(b->front);
		events_collect(b->events);
	}
	b->view.front_answered = front_answered(b->front);
}

static void
send_event(struct box *b)
{
	char name[33], text[BOARD_TEXT + 1];

	if (vault_connected(b->vault) && events_first(b->events, name, text))
		(void)vault_event(b->vault, name, text);
}

/* Local health, until it has been good once in this boot. */
static void
judge(struct box *b)
{
	const int64_t now = board_clock();
	char why[BOARD_TEXT];

	if (!update_awaits(b->update)) {
		b->view.ill = update_state(b->update) == UPDATE_FAILED &&
		    update_trial(b->update);
		return;
	}
	if (!b->view.provisioned && !b->view.frozen) {
		update_healthy(b->update);
		return;
	}
	if (now - b->deep_asked >= DEEP) {
		b->deep_asked = now;
		vault_beat(b->vault, true);
	}
	if (b->deep && b->beat.healthy && b->view.front_answered != 0 &&
	    now - b->view.front_answered <= ALIVE) {
		b->view.ill = false;
		update_healthy(b->update);
		return;
	}
	if (now - b->view.since < b->view.patience)
		return;
	b->view.ill = true;
	state_why(&b->view, why, sizeof(why));
	if (b->deep && !b->beat.healthy)
		(void)dca_strlcpy(why, b->beat.why, sizeof(why));
	update_ill(b->update, why);
}

static void
look_around(struct box *b)
{
	char path[4096];
	bool there;

	place(path, b->prefix, PLACE_PROVISIONED, NULL);
	there = access(path, F_OK) == 0;
	b->view.now = board_clock();
	if (there && !b->view.provisioned)
		b->view.since = b->view.now;
	b->view.provisioned = there;
}

static void
show_state(struct box *b)
{
	const enum state s = state_of(&b->view);

	if (!b->said || s != b->state) {
		say("state %s version %s slot %c", state_name(s),
		    b->boot.version[0] ? b->boot.version : "-",
		    b->boot.slot ? b->boot.slot : '-');
		b->changed = true;
	}
	b->said = true;
	b->state = s;
	led_show(b->led, s);
}

static void
turn(void *arg, uint32_t events)
{
	struct box *b = arg;

	(void)events;
	look_around(b);
	ask_parts(b);
	guard(b);
	judge(b);
	send_event(b);
	reboot_now(b);
	show_state(b);
	say_update(b);
	say_server(b);
	say_claim(b);
	report(b);
	/* what hangs in a shutdown ends by it */
	if (watchdog_may(&b->view) && !b->rebooting)
		watchdog_feed(b->watchdog);
}

static void
blink(void *arg, uint32_t events)
{
	const struct box *b = arg;
	struct timespec t;

	(void)events;
	if (clock_gettime(CLOCK_MONOTONIC, &t) == 0)
		led_turn(b->led, (int64_t)t.tv_sec * 1000 +
		    t.tv_nsec / 1000000);
}

/* --- */

static void
recall(struct box *b)
{
	char path[4096], text[BOARD_TEXT];

	place(path, b->prefix, PLACE_DATA, "frozen");
	b->view.frozen = access(path, F_OK) == 0;
	place(path, b->prefix, PLACE_ESP, "frozen");
	b->view.frozen = b->view.frozen || access(path, F_OK) == 0;
	place(path, b->prefix, PLACE_DATA, "zeroised");
	b->zeroised = access(path, F_OK) == 0;
	place(path, b->prefix, PLACE_RUN, "started");
	if (access(path, F_OK) == 0)
		return;
	(void)place_write(b->prefix, PLACE_RUN, "started", "yes");
	snprintf(text, sizeof(text), "version %s slot %c",
	    b->boot.version[0] ? b->boot.version : "-",
	    b->boot.slot ? b->boot.slot : '-');
	add_event(b, "started", text);
}

static void
make_parts(struct box *b)
{
	const struct vault_handlers vault = { .beat = on_beat,
		.event = on_event, .command = on_command,
		.closed = on_closed, .arg = b };
	const struct update_handlers update = { .event = add_event,
		.reboot = reboot_box, .changed = on_changed, .arg = b };
	char path[4096];

	boot_read(&b->boot, b->prefix);
	b->children = children_new(b->loop);
	b->events = events_new(b->prefix);
	place(path, b->prefix, PLACE_SOCKET, NULL);
	b->vault = vault_new(b->loop, path, &vault);
	b->front = front_new(b->loop, (uint16_t)b->conf->front_port);
	recall(b);
	b->update = update_new(b->prefix, b->children, &b->boot, &update);
	b->watchdog = watchdog_open(b->prefix, b->conf);
	b->led = led_open(b->prefix, b->conf);
	b->tamper = tamper_open(b->prefix, b->conf);
}

struct box *
box_new(struct dca_loop *l, const char *prefix, const struct board_conf *c)
{
	struct box *b = dca_alloc(sizeof(*b));

	memset(b, 0, sizeof(*b));
	b->loop = l;
	b->prefix = prefix;
	b->conf = c;
	b->view.since = board_clock();
	b->view.patience = c->patience;
	make_parts(b);
	dca_loop_every(l, TURN_MS, turn, b);
	if (c->led == LED_GPIO)
		dca_loop_every(l, BLINK_MS, blink, b);
	turn(b, 0);
	return b;
}

void
box_free(struct box *b)
{
	children_free(b->children);
	update_free(b->update);
	vault_free(b->vault);
	front_free(b->front);
	events_free(b->events);
	watchdog_close(b->watchdog);
	led_close(b->led);
	tamper_close(b->tamper);
	free(b);
}
