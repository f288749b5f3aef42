/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While there is no operator, a secret that only the console shows makes one:
 * operator.claim, signed by the new key, with the proof of an enrolment by that
 * secret. Must never be open once an operator exists, nor let the secret out
 * by anything but a BEAT.
 */
#include "claim.h"

#include <string.h>

#include <openssl/crypto.h>

#include "dca/cbor.h"

static void
renew(struct vault_claim *c)
{
	DCA_AUTO_OUT code = { .secret = true };

	/* a code that looks like an option could not be typed as one's value */
	do {
		dca_random(c->secret, sizeof(c->secret));
		code.n = 0;
		dca_b64url(&code, DCA_BUF(c->secret, sizeof(c->secret)));
	} while (code.p[0] == '-');
	if (code.n >= sizeof(c->code))
		abort();
	memcpy(c->code, code.p, code.n + 1);
	c->wrong = 0;
}

void
vault_claim_open(struct vault *v)
{
	v->claim = dca_alloc(sizeof(*v->claim));
	renew(v->claim);
}

void
vault_claim_close(struct vault *v)
{
	if (!v->claim)
		return;
	OPENSSL_cleanse(v->claim, sizeof(*v->claim));
	free(v->claim);
	v->claim = NULL;
}

const char *
vault_claim_code(const struct vault *v)
{
	return dca_store_count(v->store, "operators") == 0 ? v->claim->code :
	    NULL;
}

bool
vault_claim_read(const struct vault *v, struct dca_out *o)
{
	if (!vault_claim_code(v))
		return false;
	dca_cbor_map(o, 1);
	dca_cbor_text(o, "appliance");
	dca_cbor_bytes(o, DCA_BUF(v->appliance, sizeof(v->appliance)));
	return true;
}

/* Who cannot know the code guesses: five times, then it is another one. */
static enum dca_rc
check_proof(struct vault_claim *c, const struct dca_spki *key,
    const char *proof, struct dca_err *e)
{
	char want[DCA_PASSWORD_MAX + 1];
	const char *mac = want + 1;	/* behind the colon */
	bool right;

	dca_enrol_proof(want, "", c->secret, key);
	right = strlen(mac) == strlen(proof) &&
	    CRYPTO_memcmp(mac, proof, strlen(mac)) == 0;
	OPENSSL_cleanse(want, sizeof(want));
	if (right)
		return DCA_OK;
	if (++c->wrong >= VAULT_CLAIM_TRIES) {
		renew(c);
		dca_log(DCA_WARNING, "claim: %d wrong proofs: the console "
		    "shows another code", VAULT_CLAIM_TRIES);
	}
	return dca_fail(e, DCA_RULE_AUTH_CODE, "the proof of the claim does "
	    "not verify: is the code what the console shows now?");
}

enum dca_rc
vault_claim_verify(struct vault *v, struct dca_buf cose,
    const struct dca_act *a, struct dca_operator *op, struct dca_err *e)
{
	char proof[DCA_PASSWORD_MAX + 1];
	struct dca_spki key;
	enum dca_rc rc;

	memset(op, 0, sizeof(*op));
	if ((rc = act_claim_args(a->args, op, proof, e)))
		return rc;
	memcpy(key.der, op->spki, sizeof(key.der));
	if ((rc = dca_cose_verify(cose, &key, e)))
		return rc;
	if (strcmp(a->op, op->id) != 0)
		return dca_fail(e, DCA_RULE_REG_ACT,
		    "signed as %s, for %s", a->op, op->id);
	return check_proof(v->claim, &key, proof, e);
}
