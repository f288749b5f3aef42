/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-front: configuration, start, the clock of the loop, counters. It reads
 * its own DTLS key and nothing else that is secret.
 */
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dca/jail.h"

#include "front.h"

enum { TICK = 1000, LINK_TICK = 100, SWEEP = 10, REPORT = 60, LOG_LINES = 20 };

#define AT(member) offsetof(struct front_conf, member)
#define CAP(member) sizeof(((struct front_conf *)0)->member)
static const struct dca_config_key keys[] = {
	{ "listen", "address", DCA_CONF_TEXT, AT(address), CAP(address),
	  "127.0.0.1", NULL, "IP address to listen at; :: is every IPv6 and "
	  "IPv4 address" },
	{ "listen", "port", DCA_CONF_UINT, AT(port), 65535, "5684", NULL,
	  "UDP port (coaps)" },
	{ "identity", "key", DCA_CONF_TEXT, AT(key), CAP(key), "", NULL,
	  "EC P-256 private key, PEM; empty: /var/lib/dca/front/server.key" },
	{ "identity", "certificate", DCA_CONF_TEXT, AT(certificate),
	  CAP(certificate), "", NULL, "its certificate and chain, PEM; empty: "
	  "/var/lib/dca/front/server.pem" },
	{ "limits", "handshakes", DCA_CONF_UINT, AT(handshakes), 100000,
	  "1000", NULL, "unfinished DTLS handshakes" },
	{ "limits", "source_handshakes", DCA_CONF_UINT, AT(source_handshakes),
	  100000, "64", NULL, "unfinished ones of one address" },
	{ "limits", "sessions", DCA_CONF_UINT, AT(sessions), 100000, "1000",
	  NULL, "DTLS sessions that are kept; one more ends the oldest" },
	{ "limits", "source_sessions", DCA_CONF_UINT, AT(source_sessions),
	  100000, "250", NULL, "those of one address; one more ends its "
	  "oldest" },
	{ "limits", "idle", DCA_CONF_SECONDS, AT(idle), 86400, "5m", NULL,
	  "silence after which a session ends" },
	{ "limits", "requests", DCA_CONF_UINT, AT(requests), 1000000, "100",
	  NULL, "requests and handshakes per second from one address" },
	{ "limits", "burst", DCA_CONF_UINT, AT(burst), 1000000, "200", NULL,
	  "how many of them at once" },
	{ "limits", "key_requests", DCA_CONF_UINT, AT(key_requests), 1000000,
	  "100", NULL, "requests per second by one client key" },
	{ "limits", "key_burst", DCA_CONF_UINT, AT(key_burst), 1000000, "200",
	  NULL, "how many of them at once" },
	{ "limits", "memory", DCA_CONF_UINT, AT(memory), 1ULL << 40,
	  "805306368", NULL, "octets the front may grow by after its start; "
	  "it ends rather than take more" },
	{ "limits", "body", DCA_CONF_UINT, AT(body), 1U << 30, "16777216",
	  NULL, "octets of unfinished uploads, all sessions together" },
	{ "vault", "socket", DCA_CONF_TEXT, AT(socket), CAP(socket), "", NULL,
	  "socket of the vault; empty: /run/dca/front.sock" },
};
enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

static const char *prefix = "", *config_file;
static bool verbose, help_config;

int64_t
front_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
front_log_refusal(struct front *f, const char *address, const char *what,
    const struct dca_err *e)
{
	int64_t second = front_clock() / 1000;

	if (second != f->log_second) {
		f->log_second = second;
		f->log_lines = 0;
	}
	if (f->log_lines++ >= LOG_LINES)
		return;		/* the counters have it */
	dca_log(DCA_INFO, "refused=%s from=%s path=/%s why=\"%s\"",
	    dca_problem(e->rule)->id, address, what, e->text);
}

static void
report(struct front *f)
{
	const struct front_counters *c = &f->count;
	DCA_AUTO_OUT line = { 0 };

	if (memcmp(&f->count, &f->logged, sizeof(f->count)) == 0)
		return;
#define X(name) \
	dca_out_printf(&line, " " #name "=%llu", (unsigned long long)c->name);
	FRONT_COUNTERS(X)
#undef X
	dca_log(DCA_INFO, "counters%.*s upload_bytes=%llu kept_bytes=%llu "
	    "download_bytes=%llu",
	    (int)line.n, (const char *)line.p,
	    (unsigned long long)f->upload_bytes,
	    (unsigned long long)f->kept_bytes,
	    (unsigned long long)f->download_bytes);
	f->logged = f->count;
}

static void
on_tick(void *arg, uint32_t events)
{
	struct front *f = arg;
	int64_t now = front_clock(), second = now / 1000;

	(void)events;
	front_dtls_io(f);
	front_seats_tick(f->seats, now);
	if (second % SWEEP == 0)
		front_peers_sweep(f, now);
	if (second % REPORT == 0)
		report(f);
}

static void
on_link_tick(void *arg, uint32_t events)
{
	struct front *f = arg;

	(void)events;
	front_link_tick(f->link, front_clock());
}

static void
default_path(char path[static 4096], const char *fallback)
{
	if (path[0] == '\0')
		dca_path(path, prefix, "%s", fallback);
}

static enum dca_rc
load(struct front_conf *c, struct dca_err *e)
{
	char path[4096];
	enum dca_rc rc;

	dca_path(path, prefix, "/etc/dca/front.conf");
	if (config_file == NULL && access(path, F_OK) != 0) {
		dca_log(DCA_INFO, "config=none path=%s using=defaults", path);
		config_file = "/dev/null";
	}
	rc = dca_config_load(c, keys, N_KEYS,
	    config_file != NULL ? config_file : path, e);
	if (rc != DCA_OK)
		return rc;
	default_path(c->key, "/var/lib/dca/front/server.key");
	default_path(c->certificate, "/var/lib/dca/front/server.pem");
	default_path(c->socket, "/run/dca/front.sock");
	if (c->port == 0 || c->handshakes == 0 || c->sessions == 0 ||
	    c->idle == 0 || c->requests == 0 || c->burst == 0 ||
	    c->source_handshakes == 0 || c->source_sessions == 0 ||
	    c->key_requests == 0 || c->key_burst == 0 ||
	    c->body < DCA_ACT_MAX)
		return dca_fail(e, DCA_RULE_CONFIG, "port and limits start "
		    "at 1, body at %d", DCA_ACT_MAX);
	return DCA_OK;
}

static enum dca_rc
start(struct front *f, struct dca_err *e)
{
	enum dca_rc rc = load(&f->conf, e);

	if (rc != DCA_OK)
		return rc;
	f->loop = dca_loop_new();
	rc = front_memory_check(&f->conf, e);
	if (rc != DCA_OK)
		return rc;
	f->rate = front_rate_new(f->conf.requests, f->conf.burst);
	f->key_rate = front_rate_new(f->conf.key_requests, f->conf.key_burst);
	f->link = front_link_new(f);
	rc = front_dtls_new(f, e);
	if (rc != DCA_OK)
		return rc;
	front_link_tick(f->link, front_clock());
	rc = front_memory_cap(&f->conf, e);
	if (rc != DCA_OK)
		return rc;
	dca_loop_every(f->loop, TICK, on_tick, f);
	dca_loop_every(f->loop, LINK_TICK, on_link_tick, f);
	dca_log(DCA_INFO, "listening=coaps address=%s port=%u version=%s",
	    f->conf.address, (unsigned)f->conf.port, DCA_VERSION);
	return DCA_OK;
}

static void
stop(struct front *f)
{
	report(f);
	if (f->loop == NULL)
		return;
	front_dtls_free(f);	/* needs the link: it forgets questions */
	front_link_free(f->link);
	front_rate_free(f->rate);
	front_rate_free(f->key_rate);
	dca_loop_free(f->loop);
}

static int
run(int argc, char **argv, void *arg)
{
	const struct dca_jail_paths none = { 0 };
	struct front f = { 0 };
	struct dca_err e = { 0 };
	enum dca_rc rc;

	(void)argc;
	(void)argv;
	(void)arg;
	if (help_config) {
		dca_config_print(keys, N_KEYS);
		return 0;
	}
	dca_log_init("dca-front", verbose ? DCA_DEBUG : DCA_INFO);
	rc = start(&f, &e);
	if (rc == DCA_OK) {
		dca_jail_enter(DCA_JAIL_FRONT, &none);
		dca_loop_run(f.loop);
	} else {
		dca_log_err(DCA_ERR, "start", &e);
	}
	stop(&f);
	return dca_exit_code(rc);
}

int
main(int argc, char **argv)
{
	static const struct dca_option options[] = {
		{ "prefix", "DIR", &prefix, NULL,
		  "put DIR before every default path" },
		{ "config", "FILE", &config_file, NULL,
		  "read FILE, not /etc/dca/front.conf" },
		{ "verbose", NULL, NULL, &verbose, "log debug lines too" },
		{ "help-config", NULL, NULL, &help_config,
		  "print a commented configuration file" },
	};
	static const struct dca_command commands[] = {
		{ "", "", "serve CoAP over DTLS until SIGTERM", options,
		  sizeof(options) / sizeof(options[0]), 0, 0, run },
	};

	dca_harden();
	return dca_command_run("dca-front",
	    "The network side of the delegate CA: EST-coaps (RFC 9148) and "
	    "the management interface over CoAP/DTLS.", commands, 1, NULL, 0,
	    argc, argv, NULL);
}
