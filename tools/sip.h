/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SIP INVITE as far as RFC 8224 needs it: who calls, who is called, the
 * Identity headers, and one more of them put in. Every other octet of the
 * message is left as it is.
 */
#ifndef DCA_TOOLS_SIP_H
#define DCA_TOOLS_SIP_H

#include "passport.h"

enum {
	SIP_MAX = 64 * 1024,		/* octets of a message, body included */
	SIP_HEADERS_MAX = 256,
	SIP_IDENTITIES_MAX = 16,
};

/* One Identity header (RFC 8224 4): texts owned; ppt "" when there is none. */
struct sip_identity {
	char *token, *info, *ppt;
};
void sip_identity_clear(struct sip_identity *i);
/* The value, unfolded. SIP_FORM. */
enum dca_rc sip_identity_parse(struct sip_identity *out, const char *value,
    struct dca_err *e) DCA_CHECKED;
/* Without the name of the header and without CRLF. */
void sip_identity_print(struct dca_out *o, const struct sip_identity *i);
/* Does the header say what the PASSporT in it says? SIP_FORM, PASSPORT_X5U. */
enum dca_rc sip_identity_check(const struct sip_identity *i,
    const struct passport *p, struct dca_err *e) DCA_CHECKED;

/* addr-spec or name-addr with parameters, one of a list: its URI (owned by
 * the caller), *rest behind the comma or at the end. SIP_FORM. */
enum dca_rc sip_address(char **uri, const char **rest, struct dca_err *e)
    DCA_CHECKED;
/* The number of a tel: or sip: URI (RFC 8224 8.1), or the URI itself, without
 * parameters and headers; the text is in *keep, owned by the caller. */
struct passport_party sip_party(char **keep, const char *uri);

/* Owned; zero is empty. */
struct sip_message {
	char *target, *from, *to;	/* URIs; target: the Request-URI */
	char *asserted;			/* P-Asserted-Identity, or NULL */
	struct sip_identity identity[SIP_IDENTITIES_MAX];
	size_t n;
	size_t end;			/* where the empty line begins */
};
/* Borrows nothing. SIP_FORM. */
enum dca_rc sip_parse(struct sip_message *out, struct dca_buf in,
    struct dca_err *e) DCA_CHECKED;
void sip_clear(struct sip_message *m);
/* Who calls: P-Asserted-Identity, where there is one, else From. */
struct passport_party sip_caller(const struct sip_message *m, char **keep);
/* in, with one more header before the empty line. */
void sip_insert(struct dca_out *o, struct dca_buf in,
    const struct sip_message *m, const struct sip_identity *i);

#endif
