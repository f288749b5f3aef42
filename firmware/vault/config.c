/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of the vault: one table, which also prints the sample and
 * is what dca-vault.conf(5) describes. Must never hold a PIN, only the path of
 * the file that has it.
 */
#include <string.h>

#include "vault.h"

#define KEY(sec, name, kind, member, most, def, pick, text)                    \
	{ .section = sec, .key = name, .type = DCA_CONF_##kind,                \
	  .offset = offsetof(struct vault_config, member), .cap = (most),      \
	  .fallback = (def), .choices = (pick), .help = text }
#define CAP(member) sizeof(((struct vault_config *)NULL)->member)

static const struct dca_config_key keys[] = {
	KEY("token", "module", TEXT, module, CAP(module), NULL, NULL,
	    "Path of the PKCS#11 module."),
	KEY("token", "uri", TEXT, uri, CAP(uri), NULL, NULL,
	    "pkcs11: URI (RFC 7512) that names one token and, by id, its key."),
	KEY("token", "pin_file", TEXT, pin_file, CAP(pin_file), NULL, NULL,
	    "File that holds the user PIN; read at each login, never kept."),
	KEY("token", "jail", CHOICE, jail, 0, "local", "local|network",
	    "What the module may reach: this machine, or TCP as well."),
	KEY("token", "paths", TEXT, paths, CAP(paths), "", NULL,
	    "What the module writes, as dir:dir; SoftHSM's tokendir."),
	KEY("token", "read", TEXT, read, CAP(read), "", NULL,
	    "What it reads besides, as path:path; SOFTHSM2_CONF is known."),
	KEY("token", "patience", SECONDS, patience, 600, "10s", NULL,
	    "Who waits longer for the token is told to come back."),
	KEY("token", "keep_alive", SECONDS, keep_alive, 86400, "60s", NULL,
	    "An idle session is looked after this often."),
	KEY("issue", "validity", SECONDS, validity, 0, "30d", NULL,
	    "Longest life of a certificate."),
	KEY("issue", "min_validity", SECONDS, min_validity, 0, "1h", NULL,
	    "A shorter life than this is refused."),
	KEY("issue", "release", CHOICE, release, 0, "committed",
	    "committed|published",
	    "Answer when recorded, or when read back from the repository."),
	KEY("issue", "workers", UINT, workers, VAULT_WORKERS_MAX, "1", NULL,
	    "Threads that sign, each with a session of its own, 1 to 16."),
	KEY("issue", "queue", UINT, queue, 65536, "256", NULL,
	    "Requests decided and not yet recorded; above: 5.03."),
	KEY("issue", "new_keys_per_day", UINT, new_keys, 1000000, "100", NULL,
	    "Keys certified for the first time per customer and day (UTC)."),
	KEY("cross", "key", CHOICE, cross_key, 0, "new", "new|keep",
	    "Key of the next cross-certificate: made anew, or the same."),
	KEY("cross", "renew", BOOL, cross_renew, 0, "yes", NULL,
	    "Order the next one at two thirds of the life of this one."),
	KEY("cross", "activate", CHOICE, cross_activate, 0, "operator",
	    "operator|policy",
	    "Who activates one for the same list by the same issuer."),
	KEY("cross", "subject_c", TEXT, cross_c, CAP(cross_c), "", NULL,
	    "Country in its request; empty with o and cn: as the active one."),
	KEY("cross", "subject_o", TEXT, cross_o, CAP(cross_o), "", NULL,
	    "Organisation in its request."),
	KEY("cross", "subject_cn", TEXT, cross_cn, CAP(cross_cn), "", NULL,
	    "Common name in its request."),
	KEY("cross", "constraints_oid", TEXT, cross_limit, CAP(cross_limit),
	    "", NULL, "OID of an extension with a list that limits it more."),
	KEY("clock", "trust", CHOICE, clock_trust, 0, "any", "any|kernel",
	    "kernel: issue only while it says that it is synchronised."),
	KEY("publish", "base_url", TEXT, base_url, CAP(base_url), NULL, NULL,
	    "https URL; x5u is this, a slash, the serial in hex and .pem."),
	KEY("store", "path", TEXT, store, CAP(store), "", NULL,
	    "Ledger and register; empty: /var/lib/dca/vault/store.db."),
	KEY("store", "hold", TEXT, hold, CAP(hold), "", NULL,
	    "While this file exists the store keeps its format; empty:"
	    " /run/dca-board/trial."),
	KEY("sockets", "front", TEXT, front_socket, CAP(front_socket), "",
	    NULL, "Socket of dca-front; empty: /run/dca/front.sock."),
	KEY("sockets", "publisher", TEXT, publisher_socket,
	    CAP(publisher_socket), "", NULL,
	    "Socket of dca-publisher; empty: /run/dca/publisher.sock."),
	KEY("sockets", "upstream", TEXT, upstream_socket, CAP(upstream_socket),
	    "", NULL,
	    "Socket of dca-upstream; empty: /run/dca/upstream.sock."),
	KEY("sockets", "board", TEXT, board_socket, CAP(board_socket), "",
	    NULL, "Socket of dca-board; empty: /run/dca/board.sock."),
	KEY("sockets", "admin", TEXT, admin_socket, CAP(admin_socket), "",
	    NULL, "Socket of local root; empty: /run/dca/admin.sock."),
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

void
vault_config_print(void)
{
	dca_config_print(keys, KEYS);
}

static enum dca_rc
at_default(char *path, size_t cap, const char *prefix, const char *fallback,
    struct dca_err *e)
{
	char full[4096];

	if (path[0])
		return DCA_OK;
	dca_path(full, prefix, "%s", fallback);
	if (!dca_strlcpy(path, full, cap))
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: longer than %zu octets", full, cap - 1);
	return DCA_OK;
}

static enum dca_rc
check(const struct vault_config *c, const char *path, struct dca_err *e)
{
	DCA_AUTO_OUT oid = { 0 };
	const size_t n = strlen(c->base_url);

	if (c->workers < 1)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: [issue] workers is at least 1", path);
	if (c->patience < 1 || c->keep_alive < 1)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: [token] patience and keep_alive are at least 1 s",
		    path);
	if (c->queue < 1)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: [issue] queue is at least 1", path);
	if (c->min_validity < 1 || c->validity < c->min_validity)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s: [issue] validity is shorter than min_validity", path);
	if (c->cross_limit[0] != '\0' && !dca_oid_parse(&oid, c->cross_limit))
		return dca_fail(e, DCA_RULE_CONFIG, "%s: [cross] "
		    "constraints_oid is no OID such as 1.3.6.1.4.1.32473.1",
		    path);
	/* ATIS-1000074: no userinfo, query, fragment in an x5u; ATIS-1000080:
	 * https only. */
	if (strncmp(c->base_url, "https://", 8) != 0 || n < 9 ||
	    strpbrk(c->base_url, "?#@ ") || c->base_url[n - 1] == '/')
		return dca_fail(e, DCA_RULE_CONFIG, "%s: [publish] base_url is "
		    "not https://host[:port][/path] without userinfo, query, "
		    "fragment and trailing slash", path);
	return DCA_OK;
}

enum dca_rc
vault_config_load(struct vault_config *c, const char *path,
    const char *prefix, struct dca_err *e)
{
	enum dca_rc rc;

	memset(c, 0, sizeof(*c));
	if ((rc = dca_config_load(c, keys, KEYS, path, e)) ||
	    (rc = check(c, path, e)) ||
	    (rc = at_default(c->store, sizeof(c->store), prefix,
		 "/var/lib/dca/vault/store.db", e)) ||
	    (rc = at_default(c->hold, sizeof(c->hold), prefix,
		 "/run/dca-board/trial", e)) ||
	    (rc = at_default(c->front_socket, sizeof(c->front_socket), prefix,
		 "/run/dca/front.sock", e)) ||
	    (rc = at_default(c->publisher_socket, sizeof(c->publisher_socket),
		 prefix, "/run/dca/publisher.sock", e)) ||
	    (rc = at_default(c->board_socket, sizeof(c->board_socket), prefix,
		 "/run/dca/board.sock", e)) ||
	    (rc = at_default(c->upstream_socket, sizeof(c->upstream_socket),
		 prefix, "/run/dca/upstream.sock", e)))
		return rc;
	return at_default(c->admin_socket, sizeof(c->admin_socket), prefix,
	    "/run/dca/admin.sock", e);
}
