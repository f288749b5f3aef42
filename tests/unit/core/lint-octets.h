/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates put together octet by octet, for tests of the lint: no encoder
 * of ours or of OpenSSL's would write most of them.
 */
#ifndef DCA_TEST_LINT_OCTETS_H
#define DCA_TEST_LINT_OCTETS_H

#include "dca/lint.h"

/* The parts of a certificate as hex, in order; ext: its extensions, not
 * wrapped; after: behind the certificate. */
struct lint_parts {
	const char *version, *serial, *inner, *issuer, *validity, *subject,
	    *spki, *unique, *ext, *behind_ext, *outer, *signature, *behind,
	    *after;
};
#define AT(m) offsetof(struct lint_parts, m)
#define ECDSA "300a06082a8648ce3d040302"
#define CN_TEST "3016311430120603550403" "0c0b5348414b454e2074657374"
#define DATE "170d3234303130313030303030305a"
#define KEY(curve) "3019" "3013" "06072a8648ce3d0201" curve "03020004"
/* An EE of 2024 without extensions that reads. */
extern const struct lint_parts lint_good;

/* lint_good with one part, AT(part), replaced. */
struct lint_parts lint_changed(size_t part, const char *hex);
void lint_put_tbs(struct dca_out *o, const struct lint_parts *p);
void lint_put_certificate(struct dca_out *o, const struct lint_parts *p);

#endif
