/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dry run: decides exactly as the vault would, and says so to an
 * operator. Must never reserve, sign or record anything.
 */
#include "dca/cbor.h"

#include "clock.h"

static enum dca_rc
decide(struct vault *v, const struct dca_csr *csr, const char *customer,
    struct vault_verdict *d, struct dca_err *e)
{
	const struct vault_question q = {
		.store = v->store,
		.customer = customer,
		.csr = csr,
		.function = DCA_FN_OPERATOR,
		.now = dca_now(),
		.cross = vault_cross_active(v),
		.validity = v->conf.validity,
		.min_validity = v->conf.min_validity,
	};
	enum dca_rc rc = dca_csr_check_pop(csr, e);

	if (rc || (rc = vault_clock_check(&v->conf, e)) ||
	    (rc = vault_decide(&q, d, e)) || d->repeat)
		return rc;
	return vault_token_fits(v, q.cross, e);
}

static void
put_text(struct dca_out *o, const char *key, const char *value)
{
	if (!value[0])
		return;
	dca_cbor_text(o, key);
	dca_cbor_text(o, value);
}

static void
put_verdict(struct dca_out *o, const struct vault_verdict *d)
{
	char hex[2 * DCA_SERIAL_LEN + 1];

	dca_cbor_map(o, 4);
	if (!d->repeat) {
		dca_cbor_text(o, "tn");
		vault_entries(o, d->numbers);
	} else {
		dca_hex(hex, d->serial, sizeof(d->serial));
		put_text(o, "serial", hex);
	}
	put_text(o, "verdict", d->repeat ? "repeat" : "issue");
	dca_cbor_text(o, "not_after");
	vault_time(o, d->not_after);
	dca_cbor_text(o, "not_before");
	vault_time(o, d->not_before);
}

static void
put_refusal(struct dca_out *o, const struct dca_err *e)
{
	dca_cbor_map(o, 3 + (e->field[0] != 0) + (e->first[0] != 0));
	put_text(o, "rule", dca_problem(e->rule)->id);
	put_text(o, "field", e->field);
	put_text(o, "first", e->first);
	dca_cbor_text(o, "detail");
	dca_cbor_text(o, e->text);
	put_text(o, "verdict", "refuse");
}

void
vault_on_check(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	char customer[DCA_ID_MAX + 1];
	struct vault_verdict d = { 0 };
	struct dca_csr csr = { 0 };
	struct dca_operator op;
	struct dca_err e = { 0 };
	DCA_AUTO_OUT o = { 0 };
	enum dca_rc rc = vault_who_operator(v, m->f[0].b, &op, &e);

	if (rc) {
		vault_problem(v, p, m->id, &e);
		return;
	}
	dca_field_text(&m->f[1], customer, sizeof(customer));
	rc = dca_csr_parse(&csr, m->f[2].b, &e);
	if (rc == DCA_OK)
		rc = decide(v, &csr, customer, &d, &e);
	if (rc)
		put_refusal(&o, &e);
	else
		put_verdict(&o, &d);
	vault_data(v, p, m->id, 205, 60, dca_out_buf(&o));
	vault_verdict_clear(&d);
	dca_csr_clear(&csr);
}
