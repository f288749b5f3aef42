/* SPDX-License-Identifier: Apache-2.0 */
/* What answers say about certificates and numbers, in deterministic CBOR. */
#include "dca/cbor.h"

#include "vault.h"

void
vault_time(struct dca_out *o, int64_t t)
{
	char text[DCA_TIME_TEXT];

	dca_time_format(text, t);
	dca_cbor_text(o, text);
}

void
vault_entries(struct dca_out *o, const struct dca_tnset *s)
{
	const char *const *spcs, *const *literals;
	const struct dca_tnrange *ranges;
	size_t n_spcs = dca_tnset_spcs(s, &spcs);
	size_t n_ranges = dca_tnset_ranges(s, &ranges);
	size_t n_literals = dca_tnset_literals(s, &literals);

	if (n_spcs > VAULT_ENTRIES_MAX)
		n_spcs = VAULT_ENTRIES_MAX;
	if (n_ranges > VAULT_ENTRIES_MAX - n_spcs)
		n_ranges = VAULT_ENTRIES_MAX - n_spcs;
	if (n_literals > VAULT_ENTRIES_MAX - n_spcs - n_ranges)
		n_literals = VAULT_ENTRIES_MAX - n_spcs - n_ranges;
	dca_cbor_array(o, n_spcs + n_ranges + n_literals);
	for (size_t i = 0; i < n_spcs; i++) {
		DCA_AUTO_OUT text = { 0 };

		dca_out_printf(&text, "spc:%s", spcs[i]);
		dca_cbor_text_n(o, (const char *)text.p, text.n);
	}
	for (size_t i = 0; i < n_ranges; i++) {
		char text[DCA_ENTRY_TEXT];

		dca_tnrange_print(ranges[i], text);
		dca_cbor_text(o, text);
	}
	for (size_t i = 0; i < n_literals; i++)
		dca_cbor_text(o, literals[i]);
}

void
vault_certificate_map(struct vault *v, struct dca_out *o,
    const uint8_t serial[static DCA_SERIAL_LEN], struct dca_buf der,
    const char *customer)
{
	char hex[2 * DCA_SERIAL_LEN + 1];
	DCA_AUTO_OUT url = { 0 };
	struct dca_cert c = { 0 };

	if (dca_cert_parse(&c, der, NULL) != DCA_OK || !c.scope)
		abort(); /* we made it */
	dca_hex(hex, serial, DCA_SERIAL_LEN);
	vault_url(v, &url, serial);
	dca_cbor_map(o, customer ? 7 : 6);
	dca_cbor_text(o, "tn");
	vault_entries(o, c.scope);
	dca_cbor_text(o, "x5u");
	dca_cbor_text_n(o, (const char *)url.p, url.n);
	dca_cbor_text(o, "cert");
	dca_cbor_bytes(o, der);
	dca_cbor_text(o, "serial");
	dca_cbor_text(o, hex);
	if (customer) {
		dca_cbor_text(o, "customer");
		dca_cbor_text(o, customer);
	}
	dca_cbor_text(o, "not_after");
	vault_time(o, c.not_after);
	dca_cbor_text(o, "not_before");
	vault_time(o, c.not_before);
	dca_cert_clear(&c);
}
