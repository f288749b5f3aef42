/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets and who may ask what on each. Must never hand a message
 * of one role to another role's table.
 */
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "order.h"

struct allowed {
	enum dca_message_type type;
	vault_handler handler;
};

static const struct allowed front[] = {
	{ DCA_MSG_ISSUE, vault_on_issue },
	{ DCA_MSG_CRTS, vault_on_crts },
	{ DCA_MSG_ATT, vault_on_att },
	{ DCA_MSG_READ, vault_on_read },
	{ DCA_MSG_ACT, vault_on_act },
	{ DCA_MSG_CHECK, vault_on_check },
	{ DCA_MSG_NONE, NULL },
};
static const struct allowed publisher[] = {
	{ DCA_MSG_FOLLOW, vault_on_follow },
	{ DCA_MSG_PUBLISHED, vault_on_published },
	{ DCA_MSG_UNPUBLISHED, vault_on_unpublished },
	{ DCA_MSG_NONE, NULL },
};
static const struct allowed admin[] = {
	{ DCA_MSG_LOCAL_ACT, vault_on_local_act },
	{ DCA_MSG_LOCAL_READ, vault_on_local_read },
	{ DCA_MSG_INSTALL, vault_on_install },
	{ DCA_MSG_NONE, NULL },
};
static const struct allowed upstream[] = {
	{ DCA_MSG_ORDERS, vault_on_orders },
	{ DCA_MSG_STEP, vault_on_step },
	{ DCA_MSG_ORDERED, vault_on_ordered },
	{ DCA_MSG_REVOKED, vault_on_revoked },
	{ DCA_MSG_NONE, NULL },
};

static const struct allowed board[] = {
	{ DCA_MSG_REPORT, vault_on_report },
	{ DCA_MSG_BEAT, vault_on_beat },
	{ DCA_MSG_EVENT, vault_on_event },
	{ DCA_MSG_NONE, NULL },
};

static const struct allowed *
table_of(enum dca_role role)
{
	switch (role) {
	case DCA_ROLE_FRONT:
		return front;
	case DCA_ROLE_PUBLISHER:
		return publisher;
	case DCA_ROLE_ADMIN:
		return admin;
	case DCA_ROLE_UPSTREAM:
		return upstream;
	case DCA_ROLE_BOARD:
		return board;
	default:
		abort();
	}
}

struct vault_peer *
vault_peer_ref(struct vault_peer *p)
{
	p->refs++;
	return p;
}

void
vault_peer_unref(struct vault_peer *p)
{
	if (--p->refs == 0)
		free(p);
}

static void
opened(struct dca_conn *c, struct vault *v, enum dca_role role)
{
	struct vault_peer *p = dca_alloc(sizeof(*p));

	memset(p, 0, sizeof(*p));
	p->v = v;
	p->conn = c;
	p->role = role;
	p->refs = 1;
	p->next = v->peers;
	v->peers = p;
	dca_conn_set_data(c, p);
}

static void
opened_front(struct dca_conn *c, void *arg)
{
	opened(c, arg, DCA_ROLE_FRONT);
}

static void
opened_publisher(struct dca_conn *c, void *arg)
{
	opened(c, arg, DCA_ROLE_PUBLISHER);
}

static void
opened_admin(struct dca_conn *c, void *arg)
{
	opened(c, arg, DCA_ROLE_ADMIN);
}

static void
opened_upstream(struct dca_conn *c, void *arg)
{
	opened(c, arg, DCA_ROLE_UPSTREAM);
}

static void
opened_board(struct dca_conn *c, void *arg)
{
	opened(c, arg, DCA_ROLE_BOARD);
}

static void
closed(struct dca_conn *c, void *arg)
{
	struct vault_peer *p = dca_conn_data(c);
	struct vault *v = arg;

	for (struct vault_peer **at = &v->peers; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	p->conn = NULL;
	vault_board_gone(v, p);
	vault_peer_unref(p);
}

static void
on_message(struct dca_conn *c, const struct dca_message *m, void *arg)
{
	struct vault_peer *p = dca_conn_data(c);

	for (const struct allowed *a = table_of(p->role); a->handler; a++)
		if (a->type == m->type) {
			a->handler(arg, p, m);
			return;
		}
	dca_log(DCA_WARNING, "message %s not allowed here: closed",
	    dca_message_name(m->type));
	dca_conn_close(c);
}

enum dca_rc
vault_check_local(const struct vault_peer *p, struct dca_err *e)
{
	const uid_t uid = dca_conn_uid(p->conn);

	if (uid == 0 || uid == geteuid())
		return DCA_OK;
	return dca_fail(e, DCA_RULE_AUTH_LOCAL,
	    "uid %u is neither root nor the vault's", (unsigned)uid);
}

enum dca_rc
vault_listen(struct vault *v, struct dca_err *e)
{
	const struct {
		const char *path;
		enum dca_role role;
		void (*opened)(struct dca_conn *, void *);
	} roles[] = {
		{ v->conf.front_socket, DCA_ROLE_FRONT, opened_front },
		{ v->conf.publisher_socket, DCA_ROLE_PUBLISHER,
		  opened_publisher },
		{ v->conf.admin_socket, DCA_ROLE_ADMIN, opened_admin },
		{ v->conf.upstream_socket, DCA_ROLE_UPSTREAM,
		  opened_upstream },
		{ v->conf.board_socket, DCA_ROLE_BOARD, opened_board },
	};

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		const struct dca_conn_handlers h = { .message = on_message,
			.closed = closed, .opened = roles[i].opened,
			.arg = v };
		enum dca_rc rc = dca_listen(&v->listeners[i], v->loop,
		    roles[i].path, roles[i].role, VAULT_CONNS_MAX, &h, e);

		if (rc)
			return rc;
	}
	return DCA_OK;
}
