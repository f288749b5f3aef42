/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: status, the register, certificates, scope, /crts, /att and the dry
 * run. Must never change anything, and shows nobody but operators more than
 * what is the customer's own.
 */
#include <stdio.h>
#include <string.h>

#include "dca/cbor.h"
#include "dca/profile.h"

#include "board.h"
#include "claim.h"
#include "order.h"

static const char *const views[] = { "customers", "operators", "proposals",
	"keys", "codes", "inventory", "delegations", "certificates", "crosses",
	"orders", "ledger" };

static enum dca_rc
no_resource(struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_PATH, "no such resource for this peer");
}

/* --- query: customer=, id=, from= --- */

struct query {
	char customer[DCA_ID_MAX + 1], id[DCA_ID_MAX + 1];
	uint64_t from;
};

static enum dca_rc
bad_query(const char *part, struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_REG_FIELD, "query \"%.60s\" is not "
	    "customer=ID, id=ID or from=NUMBER, once each", part);
}

static bool
take_number(const char *s, uint64_t *v)
{
	char *end;

	if (*s < '0' || *s > '9' || strlen(s) > 18)
		return false;
	*v = strtoull(s, &end, 10);
	return *end == '\0';
}

static enum dca_rc
parse_query(struct query *q, char *text, struct dca_err *e)
{
	char *save = NULL;

	memset(q, 0, sizeof(*q));
	for (char *s = strtok_r(text, "&", &save); s;
	     s = strtok_r(NULL, "&", &save)) {
		bool ok = false;

		if (strncmp(s, "customer=", 9) == 0 && !q->customer[0])
			ok = dca_strlcpy(q->customer, s + 9,
			    sizeof(q->customer)) && q->customer[0];
		else if (strncmp(s, "id=", 3) == 0 && !q->id[0])
			ok = dca_strlcpy(q->id, s + 3, sizeof(q->id)) &&
			    q->id[0];
		else if (strncmp(s, "from=", 5) == 0 && !q->from)
			ok = take_number(s + 5, &q->from);
		if (!ok)
			return bad_query(s, e);
	}
	return DCA_OK;
}

/* --- one resource each --- */

static enum dca_rc
read_list(struct vault *v, const char *view, const struct query *q,
    struct dca_out *o, struct dca_err *e)
{
	const struct dca_list_query list = { .view = view,
		.customer = q->customer[0] ? q->customer : NULL,
		.id = q->id[0] ? q->id : NULL, .from = q->from, .limit = 200 };

	return dca_store_list(v->store, &list, o, e);
}

/* One operator reads all; a customer reads its own; nobody else learns that
 * the certificate exists. */
static enum dca_rc
read_cert(struct vault *v, const char *hex, struct dca_buf peer, bool operator,
    struct dca_out *o, struct dca_err *e)
{
	uint8_t serial[DCA_SERIAL_LEN];
	char customer[DCA_ID_MAX + 1];
	struct dca_certificate c;
	DCA_AUTO_OUT der = { 0 };
	enum dca_rc rc;

	if (!dca_unhex(serial, sizeof(serial), hex))
		return no_resource(e);
	rc = dca_store_certificate(v->store, serial, &c, e);
	if (rc == DCA_NOTFOUND)
		return no_resource(e);
	if (rc)
		return rc;
	if (!operator && (vault_who_peer(v, peer, customer, e) != DCA_OK ||
	    strcmp(customer, c.customer) != 0))
		return no_resource(e);
	rc = dca_store_certificate_der(v->store, serial, &der, e);
	if (rc == DCA_OK)
		vault_certificate_map(v, o, serial, dca_out_buf(&der),
		    c.customer);
	return rc;
}

static bool
is_view(const char *path)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (strcmp(views[i], path) == 0)
			return true;
	return false;
}

/* op: the operator who reads; NULL with local: root on the appliance. */
static enum dca_rc
read_any(struct vault *v, const char *path, char *query,
    const struct dca_operator *op, struct dca_out *o, struct dca_err *e)
{
	struct query q;
	enum dca_rc rc = parse_query(&q, query, e);

	if (rc)
		return rc;
	if (strcmp(path, "status") == 0) {
		vault_status(v, op, o);
		return DCA_OK;
	}
	if (strcmp(path, "board") == 0) {
		vault_board_status(v, o);
		return DCA_OK;
	}
	if (strcmp(path, "events") == 0)
		return vault_board_events(v, o, e);
	if (strcmp(path, "steps") == 0) {
		vault_orders_status(v, o);
		return DCA_OK;
	}
	if (strcmp(path, "scope") == 0)
		return vault_scope(v, q.customer, o, e);
	if (is_view(path))
		return read_list(v, path, &q, o, e);
	return no_resource(e);
}

static void
answer(struct vault *v, struct vault_peer *p, uint64_t id, enum dca_rc rc,
    const struct dca_out *o, const struct dca_err *e)
{
	if (rc)
		vault_problem(v, p, id, e);
	else
		vault_data(v, p, id, 205, 60, dca_out_buf(o));
}

void
vault_on_read(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	const struct dca_buf peer = m->f[0].b;
	char path[257], query[513];
	struct dca_operator op;
	struct dca_err e = { 0 };
	DCA_AUTO_OUT o = { 0 };
	const bool operator = vault_who_operator(v, peer, &op, &e) == DCA_OK;
	enum dca_rc rc;

	dca_field_text(&m->f[1], path, sizeof(path));
	dca_field_text(&m->f[2], query, sizeof(query));
	if (strncmp(path, "certs/", 6) == 0)
		rc = read_cert(v, path + 6, peer, operator, &o, &e);
	else if (operator)
		rc = read_any(v, path, query, &op, &o, &e);
	else if (strcmp(path, "claim") == 0 && vault_claim_read(v, &o))
		rc = DCA_OK;
	else
		rc = no_resource(&e);
	answer(v, p, m->id, rc, &o, &e);
}

void
vault_on_local_read(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	char path[257], query[513];
	struct dca_err e = { 0 };
	DCA_AUTO_OUT o = { 0 };
	enum dca_rc rc = vault_check_local(p, &e);

	dca_field_text(&m->f[0], path, sizeof(path));
	dca_field_text(&m->f[1], query, sizeof(query));
	if (rc == DCA_OK && strncmp(path, "certs/", 6) == 0)
		rc = read_cert(v, path + 6, DCA_BUF(NULL, 0), true, &o, &e);
	else if (rc == DCA_OK)
		rc = read_any(v, path, query, NULL, &o, &e);
	answer(v, p, m->id, rc, &o, &e);
}

/* --- EST: /crts (RFC 9148 4.1), /att --- */

void
vault_on_crts(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	struct vault_cross *cross = vault_cross_active(v);
	struct dca_err e = { 0 };
	struct dca_buf body = { 0 };
	enum dca_rc rc;

	if (!cross)
		rc = dca_fail(&e, DCA_RULE_CROSS_NONE,
		    "no cross-certificate is installed");
	else
		rc = vault_cross_crts(cross, v->store, &body, &e);
	if (rc)
		vault_problem(v, p, m->id, &e);
	else
		vault_data(v, p, m->id, 205, 281, body);
}

void
vault_on_att(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *all = NULL;
	DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *mine = NULL;
	const struct vault_cross *cross = vault_cross_active(v);
	char customer[DCA_ID_MAX + 1];
	struct dca_err e = { 0 };
	DCA_AUTO_OUT o = { 0 };

	if (cross && vault_who_peer(v, m->f[0].b, customer, &e) == DCA_OK) {
		all = vault_delegated(v->store, customer, dca_now());
		mine = dca_tnset_intersect(all, cross->scope);
	}
	/* RFC 9148 4.1: no attributes for this client is 4.04. */
	if (!mine || dca_tnset_empty(mine)) {
		(void)no_resource(&e);
		vault_problem(v, p, m->id, &e);
		return;
	}
	dca_csrattrs_encode(&o, mine);
	vault_data(v, p, m->id, 205, 285, dca_out_buf(&o));
}
