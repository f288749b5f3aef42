/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acts on the box itself: an update is installed, kept or given back, the box
 * is reset. The vault records who signed for it and tells dca-board; it does
 * none of it. Must never name a place that an operator did not sign for.
 */
#include <stdio.h>
#include <string.h>

#include "act.h"
#include "board.h"

enum { USB_NAME_MAX = 128 };

static enum dca_rc
bad_url(const char *what, struct dca_err *e)
{
	enum dca_rc rc = dca_fail(e, DCA_RULE_REG_FIELD, "url %s", what);

	if (e)
		(void)dca_strlcpy(e->field, "url", sizeof(e->field));
	return rc;
}

/* One file at the top of the medium: no way out of it. */
static enum dca_rc
check_usb(const char *name, struct dca_err *e)
{
	const size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789._+~-");

	if (n == 0 || name[n] != '\0' || n > USB_NAME_MAX ||
	    name[0] == '.' || name[0] == '-')
		return bad_url("does not name one file after usb:", e);
	return DCA_OK;
}

/* RFC 3986 3.2, 3.5: no userinfo, which would be a password in the ledger, no
 * fragment, which no server sees. */
static enum dca_rc
check_https(const char *s, struct dca_err *e)
{
	const size_t host = strcspn(s, "/?#");

	if (host == 0 || s[0] == ':' || memchr(s, '@', host))
		return bad_url("has no host after https://, or userinfo", e);
	if (strpbrk(s, "#\\\"<>"))
		return bad_url("has a fragment or what is no URL", e);
	return DCA_OK;
}

static enum dca_rc
check_url(const char *url, struct dca_err *e)
{
	for (const char *s = url; *s; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return bad_url("has a character that is not printable "
			    "ASCII", e);
	if (strncmp(url, "usb:", 4) == 0)
		return check_usb(url + 4, e);
	if (strncmp(url, "https://", 8) == 0)
		return check_https(url + 8, e);
	return bad_url("is neither https://... nor usb:NAME", e);
}

/* Nobody there who could do it: then it is not signed for either. */
static enum dca_rc
command(struct act_call *c, const char *verb, struct dca_err *e)
{
	if (!vault_board_there(c->v))
		return dca_fail(e, DCA_RULE_BOARD_NONE,
		    "dca-board is not connected: %s was not done",
		    c->act->name);
	c->verb = verb;
	return DCA_OK;
}

enum dca_rc
act_update_install(struct act_call *c, struct dca_err *e)
{
	char url[ACT_COMMAND_MAX + 1] = "", hex[2 * DCA_SHA256_LEN + 1] = "";
	struct dca_buf hash = { NULL, 0 };
	struct act_arg v[] = {
		{ .name = "url", .kind = ACT_TEXT, .to = url,
		  .cap = sizeof(url) },
		{ .name = "sha256", .kind = ACT_BYTES, .optional = true,
		  .to = &hash, .cap = DCA_SHA256_LEN },
	};
	enum dca_rc rc;
	int n;

	if ((rc = act_args(c->act->args, v, 2, e)) ||
	    (rc = check_url(url, e)))
		return rc;
	if (v[1].seen && hash.n != DCA_SHA256_LEN)
		return dca_fail(e, DCA_RULE_REG_FIELD,
		    "sha256 has %zu octets instead of %d", hash.n,
		    DCA_SHA256_LEN);
	if (hash.n)
		dca_hex(hex, hash.p, hash.n);
	n = snprintf(c->arg, sizeof(c->arg), hash.n ? "%s sha256:%s" : "%s",
	    url, hex);
	if (n < 0 || (size_t)n >= sizeof(c->arg))
		return bad_url("is too long beside a sha256", e);
	return command(c, "install", e);
}

static enum dca_rc
plain(struct act_call *c, const char *verb, struct dca_err *e)
{
	enum dca_rc rc = act_args(c->act->args, NULL, 0, e);

	return rc ? rc : command(c, verb, e);
}

enum dca_rc
act_update_commit(struct act_call *c, struct dca_err *e)
{
	return plain(c, "commit", e);
}

enum dca_rc
act_update_rollback(struct act_call *c, struct dca_err *e)
{
	return plain(c, "rollback", e);
}

enum dca_rc
act_box_reset(struct act_call *c, struct dca_err *e)
{
	struct dca_buf item = { NULL, 0 };
	struct act_arg v[] = { { .name = "force", .kind = ACT_ITEM,
		.optional = true, .to = &item } };
	struct dca_cbor flag;
	bool force = false;
	enum dca_rc rc = act_args(c->act->args, v, 1, e);

	if (rc)
		return rc;
	flag = (struct dca_cbor){ .in = item };
	if (item.n && !dca_cbor_take_bool(&flag, &force))
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "argument force is true or false");
	(void)dca_strlcpy(c->arg, force ? "force" : "", sizeof(c->arg));
	return command(c, "reset", e);
}
