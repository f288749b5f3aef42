/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates to the publisher, from any position of the ledger on: one way,
 * paged from the store, for catching up and for live ones. Must never send a
 * certificate that is not committed.
 */
#include <string.h>

#include "dca/cbor.h"

#include "vault.h"

enum { PAGE = 32 };

struct page {
	struct vault *v;
	struct vault_peer *peer;
	size_t sent;
};

/* The chain below its root: an x5u serves what the relying party lacks
 * (RFC 9060 6: it has the root). */
static enum dca_rc
chain_of(struct vault *v, uint64_t id, struct dca_out *o, struct dca_err *e)
{
	DCA_CLEANUP(vault_cross_unref_p) struct vault_cross *c =
	    vault_cross_ref(vault_cross_active(v));
	enum dca_rc rc = DCA_OK;

	if (!c || c->id != id) {
		vault_cross_unref(c);
		c = NULL;
		if ((rc = vault_cross_load(&c, v->store, id, e)))
			return rc;
	}
	for (size_t i = 0; i < c->chain.n; i++) {
		const struct dca_cert *cert = &c->chain.v[i];

		if (i == 0 || !dca_buf_eq(cert->issuer, cert->subject))
			dca_out_add(o, cert->der.p, cert->der.n);
	}
	return DCA_OK;
}

static enum dca_rc
publish(const struct dca_certificate *c, struct dca_buf der, void *arg,
    struct dca_err *e)
{
	struct page *p = arg;
	struct dca_message m = { .type = DCA_MSG_PUBLISH, .n = 4 };
	DCA_AUTO_OUT chain = { 0 };
	DCA_AUTO_OUT packet = { 0 };
	enum dca_rc rc;

	if (!p->peer->conn)
		return dca_fail(e, DCA_RULE_QUEUE, "publisher is gone");
	rc = chain_of(p->v, c->cross, &chain, e);
	if (rc)
		return rc;
	m.f[0].u = c->seq;
	m.f[1].b = DCA_BUF(c->serial, sizeof(c->serial));
	m.f[2].b = der;
	m.f[3].b = dca_out_buf(&chain);
	dca_message_encode(&packet, &m);
	if (!dca_conn_send(p->peer->conn, dca_out_buf(&packet)))
		return dca_fail(e, DCA_RULE_QUEUE, "publisher is behind");
	p->peer->next_seq = c->seq + 1;
	p->sent++;
	return DCA_OK;
}

static void
pump_one(struct vault *v, struct vault_peer *peer)
{
	struct page p = { .v = v, .peer = peer };
	struct dca_err e = { 0 };
	enum dca_rc rc = DCA_OK;

	do {
		p.sent = 0;
		rc = dca_store_certificates_from(v->store, peer->next_seq,
		    PAGE, publish, &p, &e);
	} while (rc == DCA_OK && p.sent == PAGE);
	if (rc && e.rule != DCA_RULE_QUEUE)
		dca_log_err(DCA_ERR, "publisher", &e);
}

void
vault_publish_pump(struct vault *v)
{
	for (struct vault_peer *p = v->peers; p; p = p->next)
		if (p->following && p->conn)
			pump_one(v, p);
}

void
vault_on_follow(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	uint64_t open = dca_store_unpublished(v->store, dca_now());

	p->following = true;
	p->next_seq = m->f[0].u;
	/* its report was lost, by a crash before the commit: the publisher
	 * believes it has done this */
	if (open && open < p->next_seq)
		p->next_seq = open;
	v->publish_due = true; /* once this turn's group is committed */
}

static bool
take_serial(const struct dca_message *m,
    uint8_t serial[static DCA_SERIAL_LEN])
{
	if (m->f[1].b.n != DCA_SERIAL_LEN)
		return false;
	memcpy(serial, m->f[1].b.p, DCA_SERIAL_LEN);
	return true;
}

void
vault_on_published(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	uint8_t serial[DCA_SERIAL_LEN];
	struct dca_err e = { 0 };
	enum dca_rc rc;

	if (!take_serial(m, serial)) {
		dca_log(DCA_WARNING, "PUBLISHED without a serial: closed");
		dca_conn_close(p->conn);
		return;
	}
	rc = vault_group(v, &e);
	if (rc == DCA_OK)
		rc = dca_store_certificate_published(v->store, serial,
		    dca_now(), &e);
	if (rc) {
		dca_log_err(DCA_WARNING, "published", &e);
		return;
	}
	vault_published(v, serial);
}

void
vault_on_unpublished(struct vault *v, struct vault_peer *p,
    const struct dca_message *m)
{
	char hex[2 * DCA_SERIAL_LEN + 1], why[321];
	uint8_t serial[DCA_SERIAL_LEN];

	(void)v;
	if (!take_serial(m, serial)) {
		dca_log(DCA_WARNING, "UNPUBLISHED without a serial: closed");
		dca_conn_close(p->conn);
		return;
	}
	dca_hex(hex, serial, sizeof(serial));
	dca_field_text(&m->f[2], why, sizeof(why));
	dca_log(DCA_ERR, "not published serial=%s why=\"%s\"", hex, why);
}
