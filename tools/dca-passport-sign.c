/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-passport sign: an authentication service (RFC 8224 4.1, 6.1) for one
 * call. The key is a file or stays in its token; a certificate, when it is
 * given, is asked first whether it would carry what is to be signed.
 */
#include "dca-passport.h"

#include <string.h>

#include "dca/hsm.h"
#include "people.h"

/* --- keys --- */

struct key {
	EVP_PKEY *file;
	struct dca_hsm *hsm;
	struct dca_signer *signer;
	struct dca_spki public_key;
};

static void
key_close(struct key *k)
{
	EVP_PKEY_free(k->file);
	dca_signer_close(k->signer);
	dca_hsm_close(k->hsm);
}

static enum dca_rc
open_token(struct key *k, const struct sign_ask *ask, struct dca_err *e)
{
	struct dca_hsm_config c = { .module = ask->module,
		.pin_file = ask->pin_file };
	enum dca_rc rc;

	if (ask->pin_file == NULL)
		return dca_fail(e, DCA_RULE_INPUT,
		    "a key in a token needs --pin-file");
	if ((rc = dca_token_uri_parse(&c.uri, ask->key, e)) != DCA_OK ||
	    (rc = dca_hsm_open(&k->hsm, &c, e)) != DCA_OK ||
	    (rc = dca_hsm_key(k->hsm, &k->public_key, e)) != DCA_OK)
		return rc;
	return dca_signer_open(&k->signer, k->hsm, e);
}

static enum dca_rc
key_open(struct key *k, const struct sign_ask *ask, struct dca_err *e)
{
	enum dca_rc rc;

	if (strncmp(ask->key, "pkcs11:", 7) == 0)
		return open_token(k, ask, e);
	rc = dca_key_read(&k->file, ask->key, e);
	return rc == DCA_OK ?
	    dca_spki_from_pkey(&k->public_key, k->file, e) : rc;
}

static enum dca_rc
sign_with(void *arg, struct dca_buf input, uint8_t raw[static 64],
    struct dca_err *e)
{
	struct key *k = arg;

	if (k->signer != NULL)
		return dca_signer_passport(k->signer, input, raw, e);
	return jose_es256(raw, input, k->file) ? DCA_OK :
	    dca_fail(e, DCA_RULE_INTERNAL, "the key does not sign");
}

/* --- may it? --- */

/* What a verifier would refuse is not signed. */
static enum dca_rc
check_cert(struct passport *p, const struct key *k, const char *file,
    struct dca_err *e)
{
	struct dca_certs certs = { 0 };
	const struct dca_cert *leaf;
	DCA_AUTO_OUT in = { 0 };
	enum dca_rc rc;

	if (dca_file_read(&in, file, PASSPORT_CHAIN_MAX, e) != DCA_OK ||
	    dca_certs_parse(&certs, dca_out_buf(&in), VERIFY_CHAIN_MAX, e) !=
	    DCA_OK)
		return dca_fail_in(e, file);
	leaf = &certs.v[0];
	if (!leaf->p256 || memcmp(&leaf->key, &k->public_key,
	    sizeof(leaf->key)) != 0)
		rc = dca_fail(e, DCA_RULE_INPUT,
		    "--cert is not the certificate of --key");
	else if (p->iat < leaf->not_before || p->iat > leaf->not_after)
		rc = dca_fail(e, DCA_RULE_PASSPORT_FRESH,
		    "the certificate is not valid at iat");
	else
		rc = passport_allowed(p, leaf, e);
	dca_certs_clear(&certs);
	return rc;
}

/* --- the request --- */

/* Who calls and who is called, where the options do not say it. A diversion
 * is towards the Request-URI (RFC 8946 4.1). */
struct parties {
	char *orig, *dest;
};

static enum dca_rc
fill_from_request(struct passport_spec *spec, struct parties *keep,
    const struct sip_message *m, struct dca_err *e)
{
	if (spec->orig == NULL) {
		(void)sip_caller(m, &keep->orig);
		spec->orig = keep->orig;
	}
	if (spec->dest == NULL) {
		(void)sip_party(&keep->dest, spec->type == PASSPORT_DIV ?
		    m->target : m->to);
		spec->dest = keep->dest;
	}
	if (m->n == SIP_IDENTITIES_MAX)
		return dca_fail(e, DCA_RULE_SIP_FORM,
		    "the request has %zu Identity headers already", m->n);
	return DCA_OK;
}

static enum dca_rc
make(struct dca_out *token, const struct passport_spec *spec,
    const struct sign_ask *ask, struct dca_err *e)
{
	struct key k = { 0 };
	const struct passport_key key = { sign_with, &k };
	struct passport p = { 0 };
	/* not one that no verifier would look behind */
	enum dca_rc rc = passport_x5u_check(spec->x5u, e);

	if (rc == DCA_OK &&
	    (rc = passport_build(&p, spec, e)) == DCA_OK &&
	    (rc = key_open(&k, ask, e)) == DCA_OK &&
	    (ask->cert == NULL ||
	    (rc = check_cert(&p, &k, ask->cert, e)) == DCA_OK))
		rc = passport_sign(token, &p, &key, e);
	passport_clear(&p);
	key_close(&k);
	return rc;
}

/* As a line of its own, or put into the request. */
static void
give(struct dca_out *o, const struct dca_out *token,
    const struct passport_spec *spec, const struct sign_ask *ask,
    struct dca_buf request, const struct sip_message *m)
{
	struct sip_identity id = {
		.token = dca_strdup((const char *)token->p),
		.info = dca_strdup(spec->x5u),
		.ppt = dca_strdup(passport_type_name(spec->type)),
	};

	if (ask->sip)
		sip_insert(o, request, m, &id);
	else if (ask->identity)
		sip_identity_print(o, &id);
	else
		dca_out_add(o, token->p, token->n);
	if (!ask->sip)
		dca_out_add(o, "\n", 1);
	sip_identity_clear(&id);
}

enum dca_rc
passport_sign_run(struct dca_out *o, const struct sign_ask *ask,
    struct dca_err *e)
{
	struct passport_spec spec = ask->spec;
	DCA_AUTO_OUT request = { 0 };
	DCA_AUTO_OUT token = { 0 };
	struct sip_message m = { 0 };
	struct parties keep = { 0 };
	enum dca_rc rc = DCA_OK;

	if (ask->sip &&
	    (rc = dca_file_read(&request, "-", SIP_MAX, e)) == DCA_OK &&
	    (rc = sip_parse(&m, dca_out_buf(&request), e)) == DCA_OK)
		rc = fill_from_request(&spec, &keep, &m, e);
	if (rc == DCA_OK)
		rc = make(&token, &spec, ask, e);
	if (rc == DCA_OK)
		give(o, &token, &spec, ask, dca_out_buf(&request), &m);
	sip_clear(&m);
	dca_free_p(&keep.orig);
	dca_free_p(&keep.dest);
	return rc;
}
