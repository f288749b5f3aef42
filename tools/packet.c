/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The enrolment packet: the one line a TN provider hands to a customer, and
 * the small texts in it. It holds a secret: never quoted in a message.
 */
#include "people.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum dca_rc
dca_pin_parse(uint8_t pin[static 32], const char *text, struct dca_err *e)
{
	if (strncmp(text, "sha256:", 7) != 0 || !dca_unhex(pin, 32, text + 7))
		return dca_fail(e, DCA_RULE_INPUT,
		    "server key is sha256: and 64 hex digits");
	return DCA_OK;
}

static bool
take_code(uint8_t code[static 16], const char *text)
{
	DCA_AUTO_OUT raw = { .secret = true };

	if (!dca_unb64url(&raw, text, strlen(text)) || raw.n != 16)
		return false;
	memcpy(code, raw.p, 16);
	return true;
}

/* One word of the packet; seen has a bit per kind, each may come once. */
static enum dca_rc
take_word(struct dca_packet *p, const char *word, unsigned *seen,
    struct dca_err *e)
{
	static const char *const keys[] = { "coaps://", "id=", "code=",
		"server=" };
	unsigned i;

	for (i = 0; i < 4; i++)
		if (strncmp(word, keys[i], strlen(keys[i])) == 0)
			break;
	if (i == 4 || (*seen & (1U << i)))
		return dca_fail(e, DCA_RULE_INPUT,
		    "enrolment packet: a word that is unknown or there twice");
	*seen |= 1U << i;
	if (i == 0 && !dca_strlcpy(p->url, word, sizeof(p->url)))
		return dca_fail(e, DCA_RULE_INPUT,
		    "enrolment packet: address too long");
	if (i == 1) {
		if (!dca_strlcpy(p->id, word + 3, sizeof(p->id)))
			return dca_fail(e, DCA_RULE_REG_ID,
			    "enrolment packet: id too long");
		return dca_id_check(p->id, e);
	}
	if (i == 2 && !take_code(p->code, word + 5))
		return dca_fail(e, DCA_RULE_INPUT,
		    "enrolment packet: code is not 16 octets in base64url");
	if (i == 3)
		return dca_pin_parse(p->server, word + 7, e);
	return DCA_OK;
}

enum dca_rc
dca_packet_parse(struct dca_packet *p, const char *line, struct dca_err *e)
{
	char word[DCA_URL_MAX + 64];
	unsigned seen = 0;
	enum dca_rc rc;
	size_t n;

	memset(p, 0, sizeof(*p));
	for (;; line += n) {
		line += strspn(line, " \t\r\n");
		n = strcspn(line, " \t\r\n");
		if (n == 0)
			break;
		if (n >= sizeof(word))
			return dca_fail(e, DCA_RULE_INPUT,
			    "enrolment packet: a word is too long");
		memcpy(word, line, n);
		word[n] = '\0';
		rc = take_word(p, word, &seen, e);
		OPENSSL_cleanse(word, sizeof(word));
		if (rc != DCA_OK)
			return rc;
	}
	if (seen != 15)
		return dca_fail(e, DCA_RULE_INPUT, "enrolment packet is one "
		    "line: coaps://host:port id=... code=... "
		    "server=sha256:...");
	return DCA_OK;
}

void
dca_packet_print(struct dca_out *o, const struct dca_packet *p)
{
	char hex[65];

	dca_out_printf(o, "%s id=%s code=", p->url, p->id);
	dca_b64url(o, DCA_BUF(p->code, 16));
	dca_hex(hex, p->server, 32);
	dca_out_printf(o, " server=sha256:%s", hex);
}

enum dca_rc
dca_server_parse(struct dca_packet *p, const char *line, struct dca_err *e)
{
	char pin[80], more;

	memset(p, 0, sizeof(*p));
	if (sscanf(line, "%299s server=%79s %c", p->url, pin, &more) != 2 ||
	    strncmp(p->url, "coaps://", 8) != 0)
		return dca_fail(e, DCA_RULE_INPUT,
		    "a server is one line: coaps://host:port "
		    "server=sha256:...");
	return dca_pin_parse(p->server, pin, e);
}

void
dca_server_print(struct dca_out *o, const struct dca_packet *p)
{
	char hex[65];

	dca_hex(hex, p->server, 32);
	dca_out_printf(o, "%s server=sha256:%s", p->url, hex);
}

enum dca_rc
dca_span_parse(int64_t *seconds, const char *text, struct dca_err *e)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 },
		{ '\0', 1 } };
	size_t n = strspn(text, "0123456789"), i;
	int64_t v;

	if (n >= 1 && n <= 9 && strlen(text) <= n + 1) {
		v = strtoll(text, NULL, 10);
		for (i = 0; i < sizeof(units) / sizeof(*units); i++)
			if (text[n] == units[i].unit) {
				*seconds = v * units[i].seconds;
				if (*seconds >= 1 &&
				    *seconds <= 3652LL * 86400)
					return DCA_OK;
			}
	}
	return dca_fail(e, DCA_RULE_INPUT,
	    "a time span is like 7d, 12h, 30m or 90s, not \"%.20s\"", text);
}
