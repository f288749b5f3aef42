/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of dca-passport share. */
#ifndef DCA_PASSPORT_H
#define DCA_PASSPORT_H

#include "dca-verify.h"
#include "sip.h"

enum { PASSPORT_CHAIN_MAX = 256 * 1024 };

/* --- dca-passport-scope.c --- */
/*
 * May the holder of this certificate say this? Its number in the list (a list
 * with an SPC: any), and the claim constraints. PASSPORT_NUMBER,
 * PASSPORT_CLAIM, CERT_EXTENSION.
 */
enum dca_rc passport_allowed(struct passport *p, const struct dca_cert *leaf,
    struct dca_err *e) DCA_CHECKED;

/* --- dca-passport-sign.c --- */
struct sign_ask {
	struct passport_spec spec;
	const char *key;		/* file or pkcs11: URI */
	const char *module, *pin_file;	/* for a token */
	const char *cert;		/* or NULL */
	bool identity, sip;
};
/* What is to be printed, in o. */
enum dca_rc passport_sign_run(struct dca_out *o, const struct sign_ask *ask,
    struct dca_err *e) DCA_CHECKED;

/* --- dca-passport-cache.c --- */
/* May a verifier look behind this URL? PASSPORT_X5U. */
enum dca_rc passport_x5u_check(const char *url, struct dca_err *e)
    DCA_CHECKED;
/* The chain behind an x5u, out of the folder while it may be used, else
 * fetched and kept there; dir NULL: no folder. */
enum dca_rc passport_cache_get(struct dca_out *chain, bool *cached,
    const char *dir, const char *url, const char *tls_ca, int64_t now,
    struct dca_err *e) DCA_CHECKED;

/* --- dca-passport-judge.c --- */
struct judge_ask {
	struct verify_ask trust;	/* roots, CRL, inventory, SPC, tls_ca */
	const char *token;		/* NULL or "-": stdin */
	const char *chain;		/* file instead of x5u, or NULL */
	const char *cache;		/* folder, or NULL */
	const char *orig, *dest;	/* of the request, or NULL */
	int64_t when, max_age;
	bool sip;			/* stdin is an INVITE */
	bool no_shaken_by_delegate;
};
enum judged_chain { CHAIN_NOT_READ, CHAIN_FILE, CHAIN_CACHED, CHAIN_FETCHED };
/* One token. rule NONE: accepted, once looked_at. */
struct judged {
	struct sip_identity identity;	/* empty: the bare token */
	struct passport p;
	struct dca_err err;
	bool looked_at, ignored;	/* ignored: another type (RFC 8224 6.2) */
	enum judged_chain chain;
	bool spc_unchecked;
	struct dca_cert leaf;		/* once the chain was accepted */
};
/* The request and what came with it. */
struct judgement {
	struct judged v[SIP_IDENTITIES_MAX];
	size_t n;
	struct dca_err err;		/* rule NONE: accepted */
	char *keep_caller, *keep_called, *keep_to;
	struct passport_party caller;	/* both NULL: not known */
	struct passport_party called, to; /* to: an other it may be, or NULL */
};
/* Judges; err is the verdict. Fails when there is none. */
enum dca_rc passport_judge(struct judgement *j, const struct judge_ask *ask,
    struct dca_err *e) DCA_CHECKED;
void judgement_clear(struct judgement *j);

/* --- dca-passport-request.c --- */
/* Tokens and request out of ask and stdin. INPUT, IO; what is wrong with a
 * token or message stands in j->err. */
enum dca_rc judgement_read(struct judgement *j, const struct judge_ask *ask,
    struct dca_err *e) DCA_CHECKED;
/* orig, dest and div of all of them, among each other and against the
 * request (RFC 8224 6.2; RFC 8946 4.2). PASSPORT_ORIG, PASSPORT_DEST. */
enum dca_rc judgement_request(const struct judgement *j, struct dca_err *e)
    DCA_CHECKED;
/* The last diversion, which must be fresh; NULL: there is none. */
const struct judged *judgement_outermost(const struct judgement *j);

/* --- dca-passport-report.c --- */
void judgement_text(const struct judgement *j, const struct judge_ask *ask);
void judgement_json(const struct judgement *j, const struct judge_ask *ask);

#endif
