/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the lab's servers share: one state, one thread, and one
 * call at a time. Everything is kept in memory but keys, certificates, accounts
 * and the serials that were revoked.
 */
#ifndef DCA_SANDBOX_LAB_H
#define DCA_SANDBOX_LAB_H

#include "dca-sandbox.h"
#include "dca/os.h"
#include "jose.h"

enum { LAB_ACCOUNTS = 64, LAB_ORDERS = 1024, LAB_NONCES = 256, LAB_JTIS = 1024,
	LAB_URL = 512, LAB_SERVE_OPTIONS = 8, LAB_PEOPLE = 8 };

/* --- one HTTP request and its answer --- */
struct lab_call {
	const char *method, *path, *authorization, *content_type; /* or "" */
	struct dca_buf body;
	unsigned status;
	const char *type;
	struct dca_out answer;
	char location[LAB_URL], certificate[LAB_URL];
	char next[LAB_URL];	/* page of a list (RFC 8555 7.1.2.1) */
	unsigned retry_after;
	bool nonce;		/* add Replay-Nonce */
	bool drop;		/* close the connection without a word */
};

struct lab_account {
	struct dca_spki key;
	bool active;
};

enum lab_state { LAB_PENDING, LAB_READY, LAB_PROCESSING, LAB_VALID,
	LAB_INVALID };
struct lab_order {
	unsigned account;
	char *identifier;	/* as the client wrote it */
	struct dca_out list;	/* decoded */
	enum lab_state authorization, state;
	char problem[320];	/* of the challenge, "type: detail" */
	bool ca;		/* of the token */
	int64_t token_expires;
	unsigned polls;		/* left until it is no longer processing */
	struct dca_out chain;	/* PEM */
};

/* An account at the STI-PA. */
struct lab_participant {
	char name[32], user[32];
	char access[64];		/* what login gives out */
	struct dca_out password;
	struct dca_tnset *may;		/* its SPCs and numbers */
};

struct lab {
	const char *dir;
	char base[LAB_URL];		/* https://HOST:PORT */
	bool eab;			/* demanded */
	bool compat_key;		/* CSR key may be the account key */
	char eab_kid[64];
	struct dca_out eab_key;
	struct lab_participant people[LAB_PEOPLE];
	unsigned n_people;
	EVP_PKEY *token_key, *crl_key;
	X509 *token_cert, *crl_cert;
	struct dca_out flaws;		/* text of DIR/flaws */
	char nonces[LAB_NONCES][32];
	unsigned nonce_next;
	char jti[LAB_JTIS][40];
	unsigned jti_account[LAB_JTIS], jti_next;
	struct lab_account accounts[LAB_ACCOUNTS];
	unsigned n_accounts;
	struct lab_order orders[LAB_ORDERS];
	unsigned n_orders;
	unsigned bad_nonces;		/* still to be refused */
	int64_t days;			/* of a cross-certificate */
	const char *country, *limit;	/* its constraints; NULL: none */
};

/* Is this word in DIR/flaws now? */
bool lab_wrong(const struct lab *l, const char *flaw);

/* --- answers --- */
void lab_json(struct lab_call *c, unsigned status, json_t *o); /* steals o */
void lab_text(struct lab_call *c, unsigned status, const char *type,
    struct dca_buf body);
/* RFC 9457 with an ACME type. */
void lab_problem(struct lab_call *c, unsigned status, const char *type,
    const char *fmt, ...) DCA_PRINTF(4, 5);

/* --- dca-sandbox-people.c --- */
/* scope is LAB1's; DIR/participants names the others. */
enum dca_rc lab_people_open(struct lab *l, const char *scope,
    struct dca_err *e) DCA_CHECKED;
void lab_people_close(struct lab *l);
/* A secret of the lab in DIR/name, made when it is not there. */
enum dca_rc lab_secret(const char *dir, const char *name, struct dca_out *out,
    struct dca_err *e) DCA_CHECKED;
bool lab_is_text(const json_t *o, const char *name, struct dca_buf want);
void lab_login(const struct lab *l, struct lab_call *c);
/* Who asks; NULL: nobody who is logged in, and that was answered. */
const struct lab_participant *lab_logged_in(const struct lab *l,
    struct lab_call *c);

/* --- dca-sandbox-pa.c --- */
enum dca_rc lab_pa_open(struct lab *l, struct dca_err *e) DCA_CHECKED;
void lab_pa(struct lab *l, struct lab_call *c);
/* "" when the certificates at url are those of the lab's token signer. */
const char *lab_pa_knows(const struct lab *l, const char *x5u);

/* --- dca-sandbox-crl.c: DIR/revoked has "serial reason time issuer" --- */
enum dca_rc lab_revoke(const char *dir, X509 *x, int reason, struct dca_err *e)
    DCA_CHECKED;
bool lab_is_revoked(const char *dir, X509 *x);
/* The indirect CRL of the STI-PA, DER. */
void lab_crl(struct lab *l, struct dca_out *der);
/* The name it is issued under (RFC 5280 6.3.3). */
X509_NAME *lab_crl_issuer(void);

/* --- dca-sandbox-acme.c --- */
void lab_acme(struct lab *l, struct lab_call *c);
/* Those of an earlier run; keyChange and newAccount write them again. */
enum dca_rc lab_accounts_open(struct lab *l, struct dca_err *e) DCA_CHECKED;
/* A nonce, new. */
const char *lab_nonce(struct lab *l);

/* --- dca-sandbox-order.c: after signature and account are known --- */
struct lab_signed {
	struct jose jws;
	json_t *payload;	/* NULL: POST-as-GET */
	unsigned account;
};
void lab_order_new(struct lab *l, struct lab_call *c,
    const struct lab_signed *s);
/* /acme/orders/ACCOUNT/PAGE: those that are not invalid. */
void lab_orders(struct lab *l, struct lab_call *c,
    const struct lab_signed *s);
/* order, authz, chall, finalize, cert of order n. */
void lab_order(struct lab *l, struct lab_call *c, const struct lab_signed *s);

/* --- dca-sandbox-serve.c --- */
int lab_serve(int argc, char **argv, void *arg);
extern const struct dca_option lab_serve_options[LAB_SERVE_OPTIONS];

#endif
