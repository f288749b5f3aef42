/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PASSporTs (RFC 8225) as an authentication service makes them and a
 * verification service reads them: base, shaken (RFC 8588), div (RFC 8946)
 * and rcd (RFC 9795), ES256 only. Form and claims; no network, no files, no
 * private key. Needs jansson, as the room it stands on (jose.h).
 */
#ifndef DCA_TOOLS_PASSPORT_H
#define DCA_TOOLS_PASSPORT_H

#include "dca/tnset.h"
#include "jose.h"

/* Octets, decoded; of a token, encoded; and entries. */
enum {
	PASSPORT_HEADER_MAX = 8 * 1024,
	PASSPORT_PAYLOAD_MAX = 64 * 1024,
	PASSPORT_TOKEN_MAX = (PASSPORT_HEADER_MAX + PASSPORT_PAYLOAD_MAX) / 3 *
	    4 + 128,
	PASSPORT_URI_MAX = 2048,
	PASSPORT_DEST_MAX = 64,
	PASSPORT_TN_TEXT = DCA_TN_MAX + 1,
	PASSPORT_UUID_TEXT = 37,
};

enum passport_type {
	PASSPORT_BASE,
	PASSPORT_SHAKEN,
	PASSPORT_DIV,
	PASSPORT_RCD,
};
/* "shaken"; "" for base. */
const char *passport_type_name(enum passport_type t);
bool passport_type_parse(enum passport_type *t, const char *name);

/* A telephone number, canonical, or a URI: one of them, the other NULL. */
struct passport_party {
	const char *tn, *uri;
};
bool passport_party_eq(struct passport_party a, struct passport_party b);
const char *passport_party_text(struct passport_party p);

/* Borrowed members point into header and claims, which the struct owns. */
struct passport {
	struct jose jws;	/* as received; empty in one being made */
	json_t *header, *claims;
	enum passport_type type;
	const char *x5u;
	int64_t iat;
	struct passport_party orig, div;	/* div: of that type only */
	struct dca_out scratch;			/* of passport_claim */
};
void passport_clear(struct passport *p);

/* --- passport.c --- */
/*
 * A compact token: form, type and shape of its claims, nothing about who
 * signed it. PASSPORT_FORM, _ALG, _PPT, _RCD.
 */
enum dca_rc passport_parse(struct passport *out, struct dca_buf token,
    struct dca_err *e) DCA_CHECKED;
/* Over the segments as they were received. PASSPORT_SIGNATURE. */
enum dca_rc passport_verify(const struct passport *p,
    const struct dca_spki *key, struct dca_err *e) DCA_CHECKED;
/* RFC 8225 9: names sorted, no white space. */
void passport_json(struct dca_out *o, const json_t *v);
/* Printable ASCII of s, shortened: text of others in messages of ours. */
enum { PASSPORT_SHOWN = 40 };
void passport_shown(char out[static PASSPORT_SHOWN], const char *s);

/* --- passport-claims.c --- */
/* header and claims are set: checks them and fills the other members. */
enum dca_rc passport_shape(struct passport *p, struct dca_err *e) DCA_CHECKED;
bool passport_has_dest(const struct passport *p, struct passport_party who);
/* A dca_claim_fn (dca/constraints.h); arg is the struct passport. */
const char *passport_claim(void *arg, const char *name);
/* Whose authority the signer needs: div of a div, else orig (RFC 8946 3). */
struct passport_party passport_authority(const struct passport *p);

/* --- passport-rcd.c --- */
/* rcd, rcdi and crn, where they stand (RFC 9795 5, 6, 8). PASSPORT_RCD. */
enum dca_rc passport_rcd_check(const json_t *claims, struct dca_err *e)
    DCA_CHECKED;

/* --- passport-tn.c --- */
/* RFC 8224 8.3: without "+" and visual separators; digits, # and *. False
 * when text is no number of 1 to 15 of them. */
bool passport_tn(char out[static PASSPORT_TN_TEXT], const char *text);
bool passport_tn_canonical(const char *s);
/*
 * What people write: a number, tel:, or another URI. The text is copied into
 * *keep (owned by the caller), where out points. INPUT.
 */
enum dca_rc passport_party_parse(struct passport_party *out, char **keep,
    const char *text, struct dca_err *e) DCA_CHECKED;

/* --- passport-make.c --- */
/* Text forms of passport_party_parse; NULL: not given. */
struct passport_spec {
	enum passport_type type;
	const char *x5u, *orig;
	const char *dest;		/* comma separated */
	const char *attest, *origid;	/* shaken; origid NULL: made */
	const char *div;
	const char *rcd, *rcd_name;	/* JSON of the claim, or its nam */
	const char *crn;
	int64_t iat;
};
/* INPUT, and what passport_shape says: what is made can be read. */
enum dca_rc passport_build(struct passport *out,
    const struct passport_spec *spec, struct dca_err *e) DCA_CHECKED;
/* Signs an ASCII "b64url.b64url": a key in a file, or in a token. */
struct passport_key {
	enum dca_rc (*sign)(void *arg, struct dca_buf input,
	    uint8_t raw[static 64], struct dca_err *e);
	void *arg;
};
/* The compact token, added to o. */
enum dca_rc passport_sign(struct dca_out *o, const struct passport *p,
    const struct passport_key *key, struct dca_err *e) DCA_CHECKED;

#endif
