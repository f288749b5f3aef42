/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl cross: orders for cross-certificates. It asks, shows a line per step
 * while dca-upstream walks, and lets an admin activate what came back. It may
 * be stopped and run again at any point: the order goes on by itself.
 */
#include "dcactl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 300, WAIT_MOST = 600, CHAIN_MAX = 9 };

/* --- one order's state --- */

struct order {
	uint64_t id, proposal;
	char state[16];
};

static enum dca_rc
read_order(struct ctl *c, uint64_t id, struct order *o, struct dca_err *e)
{
	DCA_AUTO_OUT rows = { 0 };
	struct dca_buf row;
	struct dca_cbor v;
	char number[24];
	size_t n = 0;
	enum dca_rc rc;

	snprintf(number, sizeof(number), "%" PRIu64, id);
	if ((rc = ctl_list(c, "orders", NULL, number, &rows, e)))
		return rc;
	v = (struct dca_cbor){ .in = dca_out_buf(&rows) };
	if (!dca_cbor_take_array(&v, &n, 1) || n != 1)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN, "no order %" PRIu64,
		    id);
	o->id = id;
	if (!dca_cbor_skip(&v, &row) || !dca_cbor_find(row, "state", &v) ||
	    !dca_cbor_take_text(&v, o->state, sizeof(o->state)) ||
	    !dca_cbor_find(row, "proposal", &v) ||
	    !dca_cbor_take_uint(&v, &o->proposal))
		return dca_fail(e, DCA_RULE_MESSAGE, "not an order");
	return DCA_OK;
}

/* --- the lines --- */

struct watch {
	uint64_t order, seen;	/* steps shown */
	bool stopped, connected, warned;
};

static bool
text_of(struct dca_buf map, const char *key, char *out, size_t cap)
{
	struct dca_cbor v;

	out[0] = '\0';
	return dca_cbor_find(map, key, &v) && dca_cbor_take_text(&v, out, cap);
}

static void
show_step(const struct ctl *c, struct watch *w, struct dca_buf step)
{
	char name[40], text[400], state[16];
	DCA_AUTO_OUT safe = { 0 };

	if (!text_of(step, "name", name, sizeof(name)) ||
	    !text_of(step, "text", text, sizeof(text)) ||
	    !text_of(step, "state", state, sizeof(state)))
		return;
	w->stopped = strcmp(state, "stopped") == 0;
	if (c->json)
		return;
	dca_show_text(&safe, DCA_BUF(text, strlen(text)));
	printf("%-10s %-8s %.*s\n", name, state, (int)safe.n,
	    safe.n ? (const char *)safe.p : "");
	fflush(stdout);
}

static enum dca_rc
show_steps(struct ctl *c, struct watch *w, struct dca_err *e)
{
	CTL_ANSWER a = { 0 };
	struct dca_cbor v;
	struct dca_buf step;
	uint64_t first = 0, order = 0;
	size_t n = 0;
	enum dca_rc rc = ctl_read(c, "steps", "", &a, e);

	if (rc)
		return rc;
	if (!dca_cbor_find(dca_out_buf(&a.body), "first", &v) ||
	    !dca_cbor_take_uint(&v, &first) ||
	    !dca_cbor_find(dca_out_buf(&a.body), "order", &v) ||
	    !dca_cbor_take_uint(&v, &order) ||
	    !dca_cbor_find(dca_out_buf(&a.body), "connected", &v) ||
	    !dca_cbor_take_bool(&v, &w->connected) ||
	    !dca_cbor_find(dca_out_buf(&a.body), "steps", &v) ||
	    !dca_cbor_take_array(&v, &n, 256))
		return dca_fail(e, DCA_RULE_MESSAGE, "not a list of steps");
	if (order != w->order)
		return DCA_OK;
	if (first + n < w->seen)	/* begun anew */
		w->seen = 0;
	for (uint64_t i = first; n > 0 && dca_cbor_skip(&v, &step); n--, i++)
		if (i >= w->seen) {
			show_step(c, w, step);
			w->seen = i + 1;
		}
	return DCA_OK;
}

static void
rest(void)
{
	const struct timespec t = { 0, POLL_MS * 1000000L };

	(void)nanosleep(&t, NULL);
}

static int
finish(struct ctl *c, const struct order *o, const struct watch *w)
{
	if (c->json)
		printf("{\"order\": %" PRIu64 ", \"state\": \"%s\", "
		    "\"proposal\": %" PRIu64 "}\n", o->id, o->state,
		    o->proposal);
	else if (strcmp(o->state, "proposed") == 0)
		printf("order %" PRIu64 " has its certificate; an admin "
		    "activates it: dcactl cross activate %" PRIu64 "\n",
		    o->id, o->id);
	else if (w->stopped)
		printf("order %" PRIu64 " has stopped; once what the line "
		    "above says is mended: dcactl cross order\n", o->id);
	else
		printf("order %" PRIu64 " is %s\n", o->id, o->state);
	return strcmp(o->state, "proposed") == 0 ||
	    strcmp(o->state, "done") == 0 ? 0 : 1;
}

/* Until it is no longer open, has stopped, or takes too long. */
static int
follow(struct ctl *c, uint64_t id)
{
	struct watch w = { .order = id };
	struct order o = { .id = id };
	struct dca_err e = { 0 };

	for (int i = 0; i < WAIT_MOST * 1000 / POLL_MS; i++) {
		if (show_steps(c, &w, &e) != DCA_OK ||
		    read_order(c, id, &o, &e) != DCA_OK)
			return ctl_fail(c, &e);
		if (strcmp(o.state, "open") != 0) {
			if (show_steps(c, &w, &e) != DCA_OK)
				return ctl_fail(c, &e);
			return finish(c, &o, &w);
		}
		if (w.stopped)
			return finish(c, &o, &w);
		if (!w.connected && !w.warned && i * POLL_MS > 3000) {
			fprintf(stderr, "dcactl: dca-upstream is not there; "
			    "the order waits for it\n");
			w.warned = true;
		}
		rest();
	}
	return finish(c, &o, &w);
}

/* --- the commands --- */

int
ctl_cross_order(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	const char *pairs[5];
	DCA_AUTO_OUT args = { 0 };
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };
	struct dca_cbor v;
	uint64_t id = 0;
	bool resumed = false;
	size_t n = 0;

	(void)argc;
	(void)argv;
	if (ctl_opt.new_key)
		pairs[n++] = "key", pairs[n++] = ctl_opt.new_key;
	if (ctl_opt.scope)
		pairs[n++] = "scope", pairs[n++] = ctl_opt.scope;
	pairs[n] = NULL;
	ctl_text_map(&args, pairs);
	if (ctl_act(c, "cross.order", dca_out_buf(&args), &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	if (!dca_cbor_find(dca_out_buf(&a.body), "order", &v) ||
	    !dca_cbor_take_uint(&v, &id) ||
	    !dca_cbor_find(dca_out_buf(&a.body), "resumed", &v) ||
	    !dca_cbor_take_bool(&v, &resumed)) {
		(void)dca_fail(&e, DCA_RULE_MESSAGE, "not an order");
		return ctl_fail(c, &e);
	}
	if (!c->json)
		printf("order %" PRIu64 "%s\n", id, resumed ? ", gone on with" :
		    "");
	return follow(c, id);
}

static int
both_as_json(struct dca_buf crosses, struct dca_buf orders)
{
	DCA_AUTO_OUT o = { 0 };

	dca_cbor_map(&o, 2);
	dca_cbor_text(&o, "orders");
	dca_out_add(&o, orders.p, orders.n);
	dca_cbor_text(&o, "crosses");
	dca_out_add(&o, crosses.p, crosses.n);
	return dca_show_json(dca_out_buf(&o));
}

int
ctl_cross_list(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	DCA_AUTO_OUT orders = { 0 }, crosses = { 0 };
	struct dca_err e = { 0 };
	int code;

	(void)argc;
	(void)argv;
	if (ctl_list(c, "crosses", NULL, NULL, &crosses, &e) != DCA_OK ||
	    ctl_list(c, "orders", NULL, NULL, &orders, &e) != DCA_OK)
		return ctl_fail(c, &e);
	if (c->json)
		return both_as_json(dca_out_buf(&crosses), dca_out_buf(&orders));
	code = ctl_print_rows(c, dca_out_buf(&crosses),
	    "id,active,installed,seq");
	if (code != 0)
		return code;
	printf("\n");
	return ctl_print_rows(c, dca_out_buf(&orders),
	    "id,state,scope,actor,proposal,cross");
}

/* --- the chain, for who verifies --- */

static enum dca_rc
active_id(struct ctl *c, uint64_t *id, struct dca_err *e)
{
	DCA_AUTO_OUT rows = { 0 };
	struct dca_cbor v, m;
	struct dca_buf row;
	bool active = false;
	size_t n = 0;
	enum dca_rc rc;

	if ((rc = ctl_list(c, "crosses", NULL, NULL, &rows, e)))
		return rc;
	v = (struct dca_cbor){ .in = dca_out_buf(&rows) };
	if (!dca_cbor_take_array(&v, &n, SIZE_MAX))
		return dca_fail(e, DCA_RULE_MESSAGE, "not a list");
	for (; n > 0 && !active && dca_cbor_skip(&v, &row); n--)
		if (!dca_cbor_find(row, "active", &m) ||
		    !dca_cbor_take_bool(&m, &active) ||
		    !dca_cbor_find(row, "id", &m) ||
		    !dca_cbor_take_uint(&m, id))
			return dca_fail(e, DCA_RULE_MESSAGE,
			    "not a cross-certificate");
	return active ? DCA_OK : dca_fail(e, DCA_RULE_CROSS_NONE,
	    "no cross-certificate is installed");
}

static enum dca_rc
read_chain(struct ctl *c, uint64_t id, struct dca_certs *chain,
    struct dca_err *e)
{
	DCA_AUTO_OUT rows = { 0 };
	struct dca_cbor v;
	struct dca_buf row, der;
	char number[24];
	size_t n = 0;
	enum dca_rc rc;

	snprintf(number, sizeof(number), "%" PRIu64, id);
	if ((rc = ctl_list(c, "crosses", NULL, number, &rows, e)))
		return rc;
	v = (struct dca_cbor){ .in = dca_out_buf(&rows) };
	if (!dca_cbor_take_array(&v, &n, 1) || n != 1)
		return dca_fail(e, DCA_RULE_REG_UNKNOWN,
		    "no cross-certificate %" PRIu64, id);
	if (!dca_cbor_skip(&v, &row) || !dca_cbor_find(row, "chain", &v) ||
	    !dca_cbor_take_bytes(&v, &der, SIZE_MAX))
		return dca_fail(e, DCA_RULE_MESSAGE, "no chain");
	return dca_certs_parse(chain, der, CHAIN_MAX, e);
}

/* Without the root, which nobody may take from us. */
static void
chain_pem(const struct dca_certs *chain, struct dca_out *pem)
{
	for (size_t i = 0; i < chain->n; i++)
		if (i == 0 || !dca_buf_eq(chain->v[i].subject,
		    chain->v[i].issuer))
			dca_pem_encode(pem, "CERTIFICATE",
			    dca_out_buf(&chain->v[i].der));
}

int
ctl_cross_chain(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	struct dca_certs chain = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	struct dca_err e = { 0 };
	enum dca_rc rc = DCA_OK;
	uint64_t id = 0;

	if (argc > 0 && !ctl_take_id(argv[0], &id))
		return ctl_usage("cross chain takes the id of a "
		    "cross-certificate");
	if (argc == 0)
		rc = active_id(c, &id, &e);
	if (rc == DCA_OK)
		rc = read_chain(c, id, &chain, &e);
	chain_pem(&chain, &pem);
	dca_certs_clear(&chain);
	if (rc == DCA_OK && ctl_opt.out)
		rc = dca_file_write(ctl_opt.out, dca_out_buf(&pem), 0644, &e);
	if (rc != DCA_OK)
		return ctl_fail(c, &e);
	if (ctl_opt.out)
		printf("%s: cross-certificate and intermediates\n",
		    ctl_opt.out);
	else
		printf("%.*s", (int)pem.n, (const char *)pem.p);
	return 0;
}

int
ctl_cross_activate(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	struct dca_err e = { 0 };
	struct order o = { 0 };
	uint64_t id;

	(void)argc;
	if (!ctl_take_id(argv[0], &id))
		return ctl_usage("cross activate needs the number of an order");
	if (read_order(c, id, &o, &e) != DCA_OK)
		return ctl_fail(c, &e);
	if (strcmp(o.state, "proposed") != 0) {
		(void)dca_fail(&e, DCA_RULE_REG_STATE, "order %" PRIu64
		    " is %s: there is nothing to activate", id, o.state);
		return ctl_fail(c, &e);
	}
	return ctl_approve_proposal(c, o.proposal);
}

int
ctl_cross_drop(int argc, char **argv, void *arg)
{
	DCA_AUTO_OUT args = { 0 };
	uint64_t id;

	(void)argc;
	if (!ctl_take_id(argv[0], &id))
		return ctl_usage("cross drop needs the number of an order");
	dca_cbor_map(&args, 1);
	dca_cbor_text(&args, "order");
	dca_cbor_uint(&args, id);
	return ctl_do(arg, "cross.drop", dca_out_buf(&args), "order dropped");
}
