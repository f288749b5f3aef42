/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Identity header (RFC 8224 4, 4.1): a token, the URL of the certificate,
 * the algorithm and the type. One per header: it is no list.
 */
#include "sip.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
sip_identity_clear(struct sip_identity *i)
{
	free(i->token);
	free(i->info);
	free(i->ppt);
	*i = (struct sip_identity){ 0 };
}

static const char *
skip_space(const char *s)
{
	return s + strspn(s, " \t");
}

static char *
copy(const char *s, size_t n)
{
	char *out = dca_alloc(n + 1);

	memcpy(out, s, n);
	out[n] = '\0';
	return out;
}

/* token of RFC 3261 25.1 */
static size_t
token_length(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~");
}

/* A value: <URI>, "quoted" or token; what stands between the marks. */
static bool
take_value(char **out, const char **p)
{
	const char *s = *p, *end;
	const char close = *s == '<' ? '>' : *s == '"' ? '"' : '\0';

	if (close == '\0') {
		end = s + token_length(s);
		if (end == s)
			return false;
		*out = copy(s, (size_t)(end - s));
		*p = end;
		return true;
	}
	end = strchr(s + 1, close);
	/* no escapes in what we read: neither URLs nor types have any */
	if (end == NULL || memchr(s, '\\', (size_t)(end - s)) != NULL)
		return false;
	*out = copy(s + 1, (size_t)(end - s - 1));
	*p = end + 1;
	return true;
}

struct params {
	char *info, *alg, *ppt;
	bool info_marked;	/* in < and > */
};

static void
params_clear(struct params *a)
{
	free(a->info);
	free(a->alg);
	free(a->ppt);
}

static char **
slot(struct params *a, const char *name, size_t n)
{
	const struct {
		const char *name;
		char **slot;
	} known[] = {
		{ "info", &a->info }, { "alg", &a->alg }, { "ppt", &a->ppt },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == n &&
		    strncasecmp(known[i].name, name, n) == 0)
			return known[i].slot;
	return NULL;
}

/* ;name or ;name=value; a name that we do not know is passed over. */
static enum dca_rc
take_param(struct params *a, const char **p, struct dca_err *e)
{
	DCA_CLEANUP(dca_free_p) char *value = NULL;
	const char *name = skip_space(*p + 1), *s;
	size_t n = token_length(name);
	char **to = slot(a, name, n);
	bool marked = false;

	s = skip_space(name + n);
	if (*s == '=') {
		s = skip_space(s + 1);
		marked = *s == '<';
		if (!take_value(&value, &s))
			return dca_fail(e, DCA_RULE_SIP_FORM,
			    "Identity: a parameter has a value that is no "
			    "token, <URI> or plain quoted text");
		s = skip_space(s);
	}
	if (n == 0 || (to != NULL && (value == NULL || *to != NULL)))
		return dca_fail(e, DCA_RULE_SIP_FORM, "Identity: a parameter "
		    "without name or value, or twice (RFC 8224 4.1)");
	*p = s;
	if (to == NULL)
		return DCA_OK;
	if (to == &a->info)
		a->info_marked = marked;
	*to = dca_steal(&value);
	return DCA_OK;
}

/* signed-identity-digest: the characters of a compact JWS. */
static size_t
digest_length(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
}

static enum dca_rc
check_params(const struct params *a, struct dca_err *e)
{
	if (a->info == NULL || !a->info_marked || a->info[0] == '\0')
		return dca_fail(e, DCA_RULE_SIP_FORM, "Identity: no "
		    "info=<URI>, which is mandatory (RFC 8224 4.1)");
	if (a->alg != NULL && strcmp(a->alg, "ES256") != 0)
		return dca_fail(e, DCA_RULE_SIP_FORM,
		    "Identity: alg is not ES256 (RFC 8224 4.1)");
	return DCA_OK;
}

enum dca_rc
sip_identity_parse(struct sip_identity *out, const char *value,
    struct dca_err *e)
{
	const char *s = skip_space(value), *token = s;
	size_t n = digest_length(s);
	struct params a = { 0 };
	enum dca_rc rc = DCA_OK;

	*out = (struct sip_identity){ 0 };
	for (s = skip_space(s + n); rc == DCA_OK && *s == ';';)
		rc = take_param(&a, &s, e);
	if (rc == DCA_OK && (n == 0 || *s != '\0'))
		rc = dca_fail(e, DCA_RULE_SIP_FORM, "Identity: not a token, "
		    "then ;info=<URI> and other parameters (RFC 8224 4)");
	if (rc == DCA_OK)
		rc = check_params(&a, e);
	if (rc == DCA_OK) {
		out->token = copy(token, n);
		out->info = dca_steal(&a.info);
		out->ppt = a.ppt != NULL ? dca_steal(&a.ppt) : dca_strdup("");
	}
	params_clear(&a);
	return rc;
}

void
sip_identity_print(struct dca_out *o, const struct sip_identity *i)
{
	dca_out_add(o, i->token, strlen(i->token));
	dca_out_printf(o, ";info=<%s>;alg=ES256", i->info);
	if (i->ppt[0] != '\0')
		dca_out_printf(o, ";ppt=\"%s\"", i->ppt);
}

enum dca_rc
sip_identity_check(const struct sip_identity *i, const struct passport *p,
    struct dca_err *e)
{
	if (strcmp(i->info, p->x5u) != 0)
		return dca_fail(e, DCA_RULE_PASSPORT_X5U, "info of the "
		    "Identity header is not x5u of its PASSporT (RFC 8224 6.2)");
	if (strcmp(i->ppt, passport_type_name(p->type)) != 0)
		return dca_fail(e, DCA_RULE_SIP_FORM, "Identity: ppt is not "
		    "that of the PASSporT (RFC 8224 4.1; RFC 8225 8.1)");
	return DCA_OK;
}
