/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all fuzz targets share: the one way to say that a property does not
 * hold, and a judge of DER that shares no code with the product's own.
 */
#ifndef DCA_FUZZ_H
#define DCA_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "dca/base.h"
#include "dca/tnset.h"

/* A property: libFuzzer keeps the input of an abort. */
#define HOLDS(what)                                                            \
	do {                                                                   \
		if (!(what)) {                                                 \
			fprintf(stderr, "%s:%d: does not hold: %s\n",          \
			    __FILE__, __LINE__, #what);                        \
			abort();                                               \
		}                                                              \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* All of b, to any depth, in definite, shortest lengths, with BOOLEAN and
 * INTEGER as X.690 11.1 and 8.3.2 want them? */
bool fuzz_is_der(struct dca_buf b);
/*
 * Does OpenSSL read this certificate, which we accept? It looks into the
 * texts of names while reading, where names are octets to us: nothing else
 * may be its reason.
 */
bool fuzz_openssl_reads(struct dca_buf cert);
/* What must be true of every set that a parser gave. */
void fuzz_set_holds(const struct dca_tnset *s);
/* A refusal has a rule and a text; nothing waits in OpenSSL's error queue,
 * where the next TLS call would take it for its own. */
void fuzz_refusal_holds(enum dca_rc rc, const struct dca_err *e);

#endif
