/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making PASSporTs: claims from what people write, the deterministic form of
 * RFC 8225 9, and a signature by a key that stays where it is. What is made
 * passes the same checks as what is read.
 */
#include "passport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/os.h"

static enum dca_rc
add_party(json_t *claims, const char *name, const char *text,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *keep = NULL;
	struct passport_party p;

	if (text == NULL)
		return dca_fail(e, DCA_RULE_INPUT, "%s is needed", name);
	if (passport_party_parse(&p, &keep, text, e) != DCA_OK)
		return dca_fail_in(e, name);
	json_object_set_new(claims, name, json_pack("{s:o}",
	    p.tn != NULL ? "tn" : "uri",
	    json_string(passport_party_text(p))));
	return DCA_OK;
}

/* Into dest.tn or dest.uri, made when it is the first of its kind. */
static enum dca_rc
add_dest_one(json_t *dest, const char *text, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *keep = NULL;
	struct passport_party p;
	const char *kind;

	if (passport_party_parse(&p, &keep, text, e) != DCA_OK)
		return dca_fail_in(e, "dest");
	kind = p.tn != NULL ? "tn" : "uri";
	if (json_object_get(dest, kind) == NULL)
		json_object_set_new(dest, kind, json_array());
	json_array_append_new(json_object_get(dest, kind),
	    json_string(passport_party_text(p)));
	return DCA_OK;
}

static enum dca_rc
add_dest(json_t *claims, const char *list, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *copy = NULL;
	json_t *dest = json_object();
	enum dca_rc rc = DCA_OK;
	char *rest, *one;

	json_object_set_new(claims, "dest", dest);
	if (list == NULL)
		return dca_fail(e, DCA_RULE_INPUT, "dest is needed");
	copy = dca_strdup(list);
	rest = copy;
	while (rc == DCA_OK && (one = strsep(&rest, ",")) != NULL)
		rc = add_dest_one(dest, one, e);
	return rc;
}

/* Version 4 (RFC 9562 5.4). */
static void
make_uuid(char out[static PASSPORT_UUID_TEXT])
{
	uint8_t r[16];
	char hex[33];

	dca_random(r, sizeof(r));
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	dca_hex(hex, r, sizeof(r));
	(void)snprintf(out, PASSPORT_UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s",
	    hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static enum dca_rc
add_shaken(json_t *claims, const struct passport_spec *spec,
    struct dca_err *e)
{
	char uuid[PASSPORT_UUID_TEXT];

	if (spec->attest == NULL)
		return dca_fail(e, DCA_RULE_INPUT,
		    "attest is needed: A, B or C (RFC 8588 4)");
	make_uuid(uuid);
	json_object_set_new(claims, "attest", json_string(spec->attest));
	json_object_set_new(claims, "origid",
	    json_string(spec->origid != NULL ? spec->origid : uuid));
	return DCA_OK;
}

static enum dca_rc
add_rcd(json_t *claims, const struct passport_spec *spec, struct dca_err *e)
{
	json_t *rcd = NULL;
	enum dca_rc rc;

	if (spec->rcd != NULL) {
		rc = jose_json(&rcd, DCA_BUF(spec->rcd, strlen(spec->rcd)),
		    "rcd", e);
		if (rc != DCA_OK)
			return rc;
	} else if (spec->rcd_name != NULL) {
		rcd = json_pack("{s:s}", "nam", spec->rcd_name);
		if (rcd == NULL)
			return dca_fail(e, DCA_RULE_INPUT,
			    "rcd: the name is not UTF-8");
	}
	if (rcd != NULL)
		json_object_set_new(claims, "rcd", rcd);
	if (spec->crn != NULL)
		json_object_set_new(claims, "crn", json_string(spec->crn));
	return DCA_OK;
}

static enum dca_rc
add_type(json_t *claims, const struct passport_spec *spec, struct dca_err *e)
{
	if (spec->type == PASSPORT_SHAKEN)
		return add_shaken(claims, spec, e);
	if (spec->type == PASSPORT_DIV)
		return add_party(claims, "div", spec->div, e);
	return DCA_OK;
}

static enum dca_rc
build(struct passport *p, const struct passport_spec *spec,
    struct dca_err *e)
{
	enum dca_rc rc;

	p->header = json_pack("{s:s, s:s, s:s}", "alg", "ES256", "typ",
	    "passport", "x5u", spec->x5u);
	if (p->header == NULL)
		return dca_fail(e, DCA_RULE_INPUT, "x5u is not UTF-8");
	if (spec->type != PASSPORT_BASE)
		json_object_set_new(p->header, "ppt",
		    json_string(passport_type_name(spec->type)));
	p->claims = json_pack("{s:I}", "iat", (json_int_t)spec->iat);
	if ((rc = add_party(p->claims, "orig", spec->orig, e)) != DCA_OK ||
	    (rc = add_dest(p->claims, spec->dest, e)) != DCA_OK ||
	    (rc = add_type(p->claims, spec, e)) != DCA_OK ||
	    (rc = add_rcd(p->claims, spec, e)) != DCA_OK)
		return rc;
	return passport_shape(p, e);
}

enum dca_rc
passport_build(struct passport *out, const struct passport_spec *spec,
    struct dca_err *e)
{
	enum dca_rc rc;

	*out = (struct passport){ 0 };
	rc = build(out, spec, e);
	if (rc != DCA_OK)
		passport_clear(out);
	return rc;
}

static enum dca_rc
add_segment(struct dca_out *o, const json_t *v, size_t max, const char *what,
    struct dca_err *e)
{
	DCA_AUTO_OUT text = { 0 };

	passport_json(&text, v);
	if (text.n > max)
		return dca_fail(e, DCA_RULE_PASSPORT_FORM,
		    "%s: %zu octets, at most %zu are allowed", what, text.n,
		    max);
	dca_b64url(o, dca_out_buf(&text));
	return DCA_OK;
}

enum dca_rc
passport_sign(struct dca_out *o, const struct passport *p,
    const struct passport_key *key, struct dca_err *e)
{
	DCA_AUTO_OUT input = { 0 };
	uint8_t raw[64];
	enum dca_rc rc;

	rc = add_segment(&input, p->header, PASSPORT_HEADER_MAX, "header", e);
	dca_out_add(&input, ".", 1);
	if (rc == DCA_OK)
		rc = add_segment(&input, p->claims, PASSPORT_PAYLOAD_MAX,
		    "payload", e);
	if (rc == DCA_OK)
		rc = key->sign(key->arg, dca_out_buf(&input), raw, e);
	if (rc != DCA_OK)
		return rc;
	dca_out_add(o, input.p, input.n);
	dca_out_add(o, ".", 1);
	dca_b64url(o, DCA_BUF(raw, sizeof(raw)));
	return DCA_OK;
}
