/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console: what people in front of the box read, on standard output. It
 * takes no input.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "box-parts.h"
#include "dca/cert.h"

/* The unit puts standard output on the console. */
void
box_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("dca: ", stdout);
	(void)vprintf(fmt, ap);
	(void)putchar('\n');
	va_end(ap);
	(void)fflush(stdout);
}

/* The address of a route to anywhere, IPv4 before IPv6: connecting a datagram
 * socket sends nothing. The destinations are documentation's (RFC 5737,
 * 3849). */
static bool
address_of(int family, char *text, size_t cap)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET,
		.sin_port = htons(9) };
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
void
box_say_server(struct box *b)
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
			box_say("server sha256:%s", hex);
		memcpy(b->server, hex, sizeof(hex));
	}
	dca_certs_clear(&certs);
}

void
box_say_claim(struct box *b)
{
	char address[INET6_ADDRSTRLEN + 2];

	if (strcmp(b->claim, b->beat.claim) == 0 || b->server[0] == '\0')
		return;
	memcpy(b->claim, b->beat.claim, sizeof(b->claim));
	if (b->claim[0] == '\0')
		return;
	own_address(address, sizeof(address));
	box_say("claim dcactl operator claim NAME --url coaps://%s:%u "
	    "--server sha256:%s --code %s", address,
	    (unsigned)b->conf->front_port, b->server, b->claim);
}

void
box_say_update(struct box *b)
{
	const enum update_state s = update_state(b->update);
	const unsigned percent = update_percent(b->update) / 10 * 10;

	if (s == b->update_said && percent == b->percent_said)
		return;
	b->update_said = s;
	b->percent_said = percent;
	if (percent > 0)
		box_say("update %s %s %u%%", update_state_name(s),
		    update_version(b->update), percent);
	else
		box_say("update %s %s%s%s", update_state_name(s),
		    update_version(b->update),
		    update_version(b->update)[0] ? " " : "",
		    update_text(b->update));
}
