/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token administration by libp11, for the ceremony: list, initialise, put the
 * cross-certificate beside its key. Never in a process that holds a dca_hsm:
 * PKCS11_CTX_unload calls C_Finalize for everyone. Never signs, never makes a
 * key (libp11 0.4.12 generates RSA only).
 *
 * libp11 0.4.12 and 0.4.13 wait for ever when C_OpenSession fails: callers
 * run under an alarm (dca-ceremony does).
 */
#include <libp11.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "room.h"

struct admin {
	PKCS11_CTX *ctx;
	bool loaded;
	PKCS11_SLOT *slots;
	unsigned n;
};

/* The order matters: slots, module, context (else reads of
 * freed memory). */
static void
admin_close_p(struct admin *a)
{
	if (a->slots != NULL)
		PKCS11_release_all_slots(a->ctx, a->slots, a->n);
	if (a->loaded)
		PKCS11_CTX_unload(a->ctx);
	if (a->ctx != NULL)
		PKCS11_CTX_free(a->ctx);
	memset(a, 0, sizeof(*a));
}

static void
pin_wipe_p(struct dca_pin *pin)
{
	dca_pin_wipe(pin);
}

static void
x509_free_p(X509 **x)
{
	X509_free(*x);
}

/* libp11 puts the CK_RV into the OpenSSL error queue as the reason. */
static enum dca_rc
fail(struct dca_err *e, const char *call)
{
	unsigned long err = ERR_peek_last_error();
	CK_RV rv = (CK_RV)ERR_GET_REASON(err);
	const char *why = ERR_reason_error_string(err);
	enum dca_rule rule = dca_ckr_step(rv) == DCA_STEP_PIN ?
	    DCA_RULE_TOKEN_PIN : DCA_RULE_TOKEN_DOWN;

	ERR_clear_error();
	if (err == 0)
		return dca_fail(e, rule, "%s failed", call);
	if (strcmp(dca_ckr_name(rv), "CKR_?") != 0)
		return dca_ckr_fail(e, rule, call, rv);
	return dca_fail(e, rule, "%s: %s", call,
	    why != NULL ? why : "unknown error");
}

static enum dca_rc
admin_open(struct admin *a, const char *module, struct dca_err *e)
{
	memset(a, 0, sizeof(*a));
	if (module == NULL || module[0] != '/')
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "PKCS#11 module is not named by an absolute path: \"%s\"",
		    module != NULL ? module : "");
	ERR_clear_error();
	a->ctx = PKCS11_CTX_new();
	if (a->ctx == NULL)
		abort();
	if (PKCS11_CTX_load(a->ctx, module) != 0)
		return fail(e, module);
	a->loaded = true;
	if (PKCS11_enumerate_slots(a->ctx, &a->slots, &a->n) != 0)
		return fail(e, "PKCS11_enumerate_slots");
	return DCA_OK;
}

static const char *
text(const char *s)
{
	return s != NULL ? s : "";
}

static void
row_fill(struct dca_token_row *r, const PKCS11_TOKEN *t)
{
	(void)dca_strlcpy(r->label, text(t->label), sizeof(r->label));
	(void)dca_strlcpy(r->manufacturer, text(t->manufacturer),
	    sizeof(r->manufacturer));
	(void)dca_strlcpy(r->model, text(t->model), sizeof(r->model));
	(void)dca_strlcpy(r->serial, text(t->serialnr), sizeof(r->serial));
	r->initialised = t->initialized != 0;
}

enum dca_rc
dca_hsm_admin_list(const char *module, struct dca_token_row **rows, size_t *n,
    struct dca_err *e)
{
	DCA_CLEANUP(admin_close_p) struct admin a;
	enum dca_rc rc = admin_open(&a, module, e);

	*rows = NULL;
	*n = 0;
	if (rc != DCA_OK)
		return rc;
	*rows = dca_alloc((a.n + 1) * sizeof(**rows));
	memset(*rows, 0, (a.n + 1) * sizeof(**rows));
	for (unsigned i = 0; i < a.n; i++)
		if (a.slots[i].token != NULL)
			row_fill(&(*rows)[(*n)++], a.slots[i].token);
	return DCA_OK;
}

/* The initialised token that u names: none or several is TOKEN_URI. */
static enum dca_rc
find(struct admin *a, const struct dca_token_uri *u, PKCS11_SLOT **out,
    struct dca_err *e)
{
	char asked[160];
	unsigned found = 0;

	for (unsigned i = 0; i < a->n; i++) {
		struct dca_token_row r;

		if (a->slots[i].token == NULL)
			continue;
		row_fill(&r, a->slots[i].token);
		if (!r.initialised || !dca_token_uri_matches(u, r.label,
		    r.manufacturer, r.model, r.serial))
			continue;
		*out = &a->slots[i];
		found++;
	}
	if (found == 1)
		return DCA_OK;
	dca_token_uri_print(u, asked, sizeof(asked));
	return dca_fail(e, DCA_RULE_TOKEN_URI,
	    found == 0 ? "no initialised token matches %s"
		       : "several tokens match %s: add serial= to the URI",
	    asked);
}

static enum dca_rc
init_user_pin(struct admin *a, const char *label, const struct dca_pin *so,
    const struct dca_pin *user, struct dca_err *e)
{
	struct dca_token_uri u = { .token = "" };
	PKCS11_SLOT *slot = NULL;
	enum dca_rc rc;

	/* C_InitToken may give the token another slot. */
	PKCS11_release_all_slots(a->ctx, a->slots, a->n);
	a->slots = NULL;
	if (PKCS11_enumerate_slots(a->ctx, &a->slots, &a->n) != 0)
		return fail(e, "PKCS11_enumerate_slots");
	(void)dca_strlcpy(u.token, label, sizeof(u.token));
	rc = find(a, &u, &slot, e);
	if (rc != DCA_OK || slot == NULL)
		return rc;
	/* Before the login: a change of mode logs out again. */
	if (PKCS11_open_session(slot, 1) != 0)
		return fail(e, "C_OpenSession");
	if (PKCS11_login(slot, 1, so->p) != 0)
		return fail(e, "C_Login of the security officer");
	if (PKCS11_init_pin(slot->token, user->p) != 0)
		return fail(e, "C_InitPIN");
	if (PKCS11_logout(slot) != 0)
		return fail(e, "C_Logout");
	return DCA_OK;
}

static enum dca_rc
free_slot(struct admin *a, const char *label, PKCS11_SLOT **out,
    struct dca_err *e)
{
	*out = NULL;
	for (unsigned i = 0; i < a->n; i++) {
		const PKCS11_TOKEN *t = a->slots[i].token;

		if (t == NULL)
			continue;
		if (t->initialized && strcmp(text(t->label), label) == 0)
			return dca_fail(e, DCA_RULE_REG_EXISTS,
			    "a token \"%s\" exists already (serial %s)", label,
			    text(t->serialnr));
		if (!t->initialized && *out == NULL)
			*out = &a->slots[i];
	}
	if (*out == NULL)
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "the module has no uninitialised token");
	return DCA_OK;
}

enum dca_rc
dca_hsm_admin_init(const char *module, const char *label,
    const char *so_pin_file, const char *pin_file, struct dca_err *e)
{
	DCA_CLEANUP(pin_wipe_p) struct dca_pin so = { 0 }, user = { 0 };
	DCA_CLEANUP(admin_close_p) struct admin a = { 0 };
	char padded[33];
	PKCS11_SLOT *slot = NULL;
	enum dca_rc rc;

	if (label[0] == '\0' || strlen(label) > 32)
		return dca_fail(e, DCA_RULE_REG_FIELD,
		    "label is not of 1 to 32 octets");
	rc = dca_pin_read(&so, so_pin_file, e);
	if (rc == DCA_OK)
		rc = dca_pin_read(&user, pin_file, e);
	if (rc == DCA_OK && so.n == user.n && memcmp(so.p, user.p, so.n) == 0)
		rc = dca_fail(e, DCA_RULE_TOKEN_PIN,
		    "the PIN of the security officer and of the user are equal");
	if (rc == DCA_OK)
		rc = admin_open(&a, module, e);
	if (rc == DCA_OK)
		rc = free_slot(&a, label, &slot, e);
	if (rc != DCA_OK || slot == NULL)
		return rc;
	/* C_InitToken takes 32 octets, blank padded (PKCS#11 5.5). */
	memset(padded, ' ', 32);
	memcpy(padded, label, strlen(label));
	padded[32] = '\0';
	if (PKCS11_init_token(slot->token, so.p, padded) != 0)
		return fail(e, "C_InitToken");
	rc = init_user_pin(&a, label, &so, &user, e);
	if (rc != DCA_OK && e != NULL)
		(void)dca_fail_in(e, "the token was initialised, but has no "
		    "user PIN");
	return rc;
}

/* Is exactly this certificate there already? Then install is repeated. */
static enum dca_rc
stored(PKCS11_TOKEN *token, struct dca_buf cert, const struct dca_token_uri *u,
    bool *is, struct dca_err *e)
{
	PKCS11_CERT *v = NULL;
	unsigned n = 0;

	*is = false;
	if (PKCS11_enumerate_certs(token, &v, &n) != 0)
		return fail(e, "PKCS11_enumerate_certs");
	for (unsigned i = 0; i < n && !*is; i++) {
		unsigned char *der = NULL;
		int len = v[i].x509 != NULL ? i2d_X509(v[i].x509, &der) : -1;

		*is = len > 0 && v[i].id_len == u->id_len &&
		    memcmp(v[i].id, u->id, u->id_len) == 0 &&
		    dca_buf_eq(DCA_BUF(der, (size_t)len), cert);
		OPENSSL_free(der);
	}
	return DCA_OK;
}

static enum dca_rc
store(struct admin *a, const struct dca_token_uri *u, const char *pin,
    struct dca_buf cert, struct dca_err *e)
{
	DCA_CLEANUP(x509_free_p) X509 *x = NULL;
	const unsigned char *p = cert.p;
	unsigned char id[sizeof(u->id)];
	char label[sizeof(u->object)];
	PKCS11_SLOT *slot = NULL;
	bool is;
	enum dca_rc rc = find(a, u, &slot, e);

	if (rc != DCA_OK || slot == NULL)
		return rc;
	x = d2i_X509(NULL, &p, (long)cert.n);
	if (x == NULL || p != cert.p + cert.n)
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "the certificate to be stored cannot be read");
	/* Before the login: a change of mode logs out again. */
	if (PKCS11_open_session(slot, 1) != 0)
		return fail(e, "C_OpenSession");
	if (PKCS11_login(slot, 0, pin) != 0)
		return fail(e, "C_Login");
	rc = stored(slot->token, cert, u, &is, e);
	if (rc != DCA_OK || is)
		return rc;
	memcpy(id, u->id, sizeof(id));
	memcpy(label, u->object, sizeof(label));
	if (PKCS11_store_certificate(slot->token, x, label, id, u->id_len,
	    NULL) != 0)
		return fail(e, "C_CreateObject");
	return DCA_OK;
}

enum dca_rc
dca_hsm_admin_store(const struct dca_hsm_config *c, struct dca_buf cert,
    struct dca_err *e)
{
	DCA_CLEANUP(pin_wipe_p) struct dca_pin pin = { 0 };
	DCA_CLEANUP(admin_close_p) struct admin a = { 0 };
	enum dca_rc rc;

	if (c->uri.id_len == 0)
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "the URI names no key: add id=");
	if (cert.n > DCA_CROSS_MAX)
		return dca_fail(e, DCA_RULE_CERT_DER,
		    "certificate larger than %d octets", DCA_CROSS_MAX);
	rc = dca_pin_read(&pin, c->pin_file, e);
	if (rc == DCA_OK)
		rc = admin_open(&a, c->module != NULL && c->module[0] != '\0' ?
		    c->module : c->uri.module_path, e);
	return rc == DCA_OK ? store(&a, &c->uri, pin.p, cert, e) : rc;
}
