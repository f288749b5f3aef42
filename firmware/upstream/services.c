/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both clients, set up from the settings. What is asked again and again (the
 * directory, the account, the login) is asked once while it holds.
 */
#include <string.h>

#include "upstream.h"

enum { ROOTS_MAX = 16, FILE_MAX = 256 * 1024, EAB_MAX = 1024 };

static enum dca_rc
read_pa_roots(struct services *v, struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	enum dca_rc rc = dca_file_read(&in, v->s->pa_root, FILE_MAX, e);

	if (rc == DCA_OK)
		rc = dca_certs_parse(&v->pa_roots, dca_out_buf(&in), ROOTS_MAX,
		    e);
	return rc ? dca_fail_in(e, "[sti-pa] root") : DCA_OK;
}

enum dca_rc
services_open(struct services *v, const struct settings *s,
    struct dca_err *e)
{
	const struct http_config http = { .tls_ca = s->tls_ca,
		.proxy = s->proxy, .timeout = s->timeout };
	struct stipa_config pa = { .base = s->pa_base, .user = s->pa_user,
		.password_file = s->pa_password,
		.participant = s->pa_participant, .quirks = &v->quirks,
		.crl = s->crl_url, .crl_signer = s->crl_signer };
	enum dca_rc rc;

	memset(v, 0, sizeof(*v));
	v->s = s;
	if ((rc = quirks_parse(&v->quirks, s->dialect, s->quirks, e)) ||
	    (rc = read_pa_roots(v, e)) || (rc = http_new(&v->http, &http, e)) ||
	    (rc = account_open(&v->account, s->state, e)))
		return rc;
	pa.roots = &v->pa_roots;
	stipa_new(&v->pa, v->http, &pa);
	return DCA_OK;
}

void
services_close(struct services *v)
{
	acme_close(v->ca);
	stipa_free(v->pa);
	http_free(v->http);
	account_close(&v->account);
	dca_certs_clear(&v->pa_roots);
}

enum dca_rc
services_login(struct services *v, struct dca_err *e)
{
	enum dca_rc rc = stipa_login(v->pa, e);

	v->logged_in = rc == DCA_OK;
	return rc;
}

static enum dca_rc
read_eab_key(const struct settings *s, struct dca_out *key, struct dca_err *e)
{
	DCA_AUTO_OUT text = { .secret = true };
	enum dca_rc rc;

	if (s->ca_eab_key[0] == '\0')
		return DCA_OK;
	rc = dca_file_read(&text, s->ca_eab_key, EAB_MAX, e);
	if (rc != DCA_OK)
		return dca_fail_in(e, "[sti-ca] eab_key_file");
	while (text.n > 0 && strchr("\r\n ", text.p[text.n - 1]) != NULL)
		text.n--;
	if (!dca_unb64url(key, (const char *)text.p, text.n) || key->n == 0)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "[sti-ca] eab_key_file: %s is not base64url",
		    s->ca_eab_key);
	return DCA_OK;
}

/* A key change that was cut off: the account says which of the two it has
 * (RFC 8555 7.3.5), and the answer may never have reached us. */
static enum dca_rc
settle_key(struct services *v, struct dca_err *e)
{
	EVP_PKEY *key = NULL;
	bool has = false;
	enum dca_rc rc;

	if (!account_was_changing(v->s->state))
		return DCA_OK;
	if ((rc = account_next_key(v->s->state, &key, e)))
		return rc;
	rc = acme_has_key(v->ca, key, &has, e);
	if (rc == DCA_OK && has)
		rc = account_take_next(&v->account, v->s->state, key, e);
	if (rc == DCA_OK && has)
		dca_log(DCA_INFO, "the account has the key of the change that "
		    "was cut off");
	EVP_PKEY_free(key);
	return rc;
}

/* The account is made or found, and its URL kept, before anything else. */
static enum dca_rc
know_account(struct services *v, struct dca_err *e)
{
	enum dca_rc rc;

	if (v->account.url[0] != '\0')
		return settle_key(v, e);
	rc = acme_account(v->ca, v->account.url, e);
	return rc ? rc : account_save(&v->account, v->s->state, e);
}

enum dca_rc
services_ca(struct services *v, struct dca_err *e)
{
	DCA_AUTO_OUT eab = { .secret = true };
	struct acme_config c = { .directory = v->s->ca_directory,
		.key = v->account.key, .account = v->account.url,
		.eab_kid = v->s->ca_eab_kid,
		.vendor_kid = v->s->ca_vendor_kid,
		.contact = v->s->ca_contact, .quirks = &v->quirks };
	enum dca_rc rc;

	if (v->ca != NULL)
		return know_account(v, e);
	if ((rc = read_eab_key(v->s, &eab, e)))
		return rc;
	c.eab_key = dca_out_buf(&eab);
	rc = acme_open(&v->ca, v->http, &c, e);
	return rc ? rc : know_account(v, e);
}
