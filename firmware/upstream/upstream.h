/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside dca-upstream: orders from the vault, each walked through the STI-PA
 * and the STI-CA one request at a time. All on one loop; between two requests
 * everything that must survive is on disk.
 */
#ifndef DCA_UPSTREAM_UPSTREAM_H
#define DCA_UPSTREAM_UPSTREAM_H

#include "acme.h"
#include "dca/os.h"
#include "stipa.h"

struct settings {
	char pa_base[HTTP_URL_MAX], pa_user[256], pa_password[4096];
	char pa_participant[64], pa_root[4096];
	char ca_directory[HTTP_URL_MAX], ca_contact[256];
	char ca_eab_kid[256], ca_eab_key[4096], ca_vendor_kid[256];
	char dialect[32], quirks[256];
	char tls_ca[4096], proxy[HTTP_URL_MAX];
	int64_t timeout, retry, crl_every, validity;
	char crl_url[HTTP_URL_MAX], crl_signer[HTTP_URL_MAX];
	char state[4096], socket[4096];
};

/* --- account.c: the ACME account key and what is known of the account --- */
struct account {
	EVP_PKEY *key;
	struct dca_spki public;
	char url[HTTP_URL_MAX];		/* "" until made */
	uint64_t sequence;		/* of the last list of STI-CAs */
};
/* Reads state/account.key and account.json; makes the key when there is none
 * and none was ever used. */
enum dca_rc account_open(struct account *a, const char *state,
    struct dca_err *e) DCA_CHECKED;
enum dca_rc account_save(const struct account *a, const char *state,
    struct dca_err *e) DCA_CHECKED;
/* RFC 8555 7.3.5: the next key is on disk before the STI-CA hears of it. */
enum dca_rc account_next_key(const char *state, EVP_PKEY **key,
    struct dca_err *e) DCA_CHECKED;
bool account_was_changing(const char *state);	/* and was cut off */
enum dca_rc account_take_next(struct account *a, const char *state,
    EVP_PKEY *key, struct dca_err *e) DCA_CHECKED;
void account_close(struct account *a);

/* --- services.c: both clients, set up from the settings --- */
struct services {
	const struct settings *s;
	struct quirks quirks;
	struct http *http;
	struct dca_certs pa_roots;
	struct stipa *pa;
	bool logged_in;
	struct acme *ca;		/* NULL until needed */
	struct account account;
};
enum dca_rc services_open(struct services *v, const struct settings *s,
    struct dca_err *e) DCA_CHECKED;
void services_close(struct services *v);
/* Directory and account, if not yet. */
enum dca_rc services_ca(struct services *v, struct dca_err *e) DCA_CHECKED;
enum dca_rc services_login(struct services *v, struct dca_err *e)
    DCA_CHECKED;

/* --- order.c: one order, one request per call --- */
struct order {
	uint64_t number;		/* the vault's */
	struct dca_out csr;
	struct dca_out list;		/* TNAuthList DER of the CSR */
	struct acme_order acme;		/* acme.url is on disk */
	bool asked;			/* for one, and its URL never came */
	struct dca_certs roots;		/* of the list of STI-CAs */
	bool have_roots;
	struct stipa_token token;	/* jws.n 0: none yet */
	struct dca_out chain;		/* DER, one after the other */
	enum order_phase {
		ORDER_LIST, ORDER_ACCOUNT, ORDER_LOOK, ORDER_FIND,
		ORDER_NEW, ORDER_TOKEN, ORDER_ANSWER, ORDER_FINALIZE,
		ORDER_POLL, ORDER_DOWNLOAD, ORDER_READY,
	} phase;
	char challenge[HTTP_URL_MAX];
	unsigned polls;
};
/* csr is copied. CSR_* when it is none. */
enum dca_rc order_new(struct order **out, uint64_t number,
    struct dca_buf csr, const char *state, struct dca_err *e) DCA_CHECKED;
void order_free(struct order *o);	/* NULL ok; what is on disk stays */
void order_forget(const struct order *o, const char *state);
/* "token": what the next step does, and that in words. */
const char *order_step_name(const struct order *o);
const char *order_step_text(const struct order *o);
/*
 * One step. OK: o->phase says what is next, *wait how many seconds first.
 * Otherwise e says why; o->phase is where to begin again.
 */
enum dca_rc order_step(struct order *o, struct services *v, unsigned *wait,
    struct dca_err *e) DCA_CHECKED;

/* --- link.c: the vault's socket --- */
struct upstream;
/* once: ends when no order is left. */
struct upstream *upstream_new(struct dca_loop *l, struct services *v,
    bool once);
void upstream_free(struct upstream *u);
/* An order stopped for a person, or the vault was never reached. */
bool upstream_failed(const struct upstream *u);

#endif
