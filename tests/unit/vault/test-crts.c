/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /crts shows: the chain of the active cross-certificate, and what leads
 * up from certificates that were issued before it and live (RFC 7030 4.1.3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cross.h"
#include "dca/os.h"
#include "lab.h"

enum { DAY = 86400 };

static struct dca_store *store;
static EVP_PKEY *root_key;
static struct dca_out root;

static void
install(struct dca_buf chain)
{
	static const uint8_t body[] = { 0xa0 };
	uint64_t seq = 0, id = 0;

	OK(dca_store_append(store, dca_now(), "cross.install", "vault",
	    DCA_BUF(body, 1), &seq, E));
	OK(dca_store_cross_add(store, chain, dca_now(), seq, &id, E));
}

/* A cross-certificate with a key of its own, and the root; *out is freed by
 * the caller. */
static void
cross(struct dca_out *out, int64_t not_after)
{
	EVP_PKEY *key = lab_key();
	struct dca_spki spki = lab_spki(key);
	struct dca_out chain = { 0 };

	lab_cert(out, &(struct lab_cert){ .cn = "SHAKEN 709J", .key = &spki,
	    .issuer_key = root_key, .issuer = &root, .ca = true,
	    .numbers = "12025550000+1000", .not_before = dca_now() - 60 * DAY,
	    .not_after = not_after });
	dca_out_add(&chain, out->p, out->n);
	dca_out_add(&chain, root.p, root.n);
	install(dca_out_buf(&chain));
	dca_out_free(&chain);
	EVP_PKEY_free(key);
}

static void
shows(struct vault_cross *c, const struct dca_out *const *want, size_t n)
{
	struct dca_certs got = { 0 };
	struct dca_buf p7;

	OK(vault_cross_crts(c, store, &p7, E));
	OK(dca_p7_parse(&got, p7, E));
	assert_int_equal(got.n, n);
	for (size_t i = 0; i < n; i++)
		assert_true(dca_buf_eq(dca_out_buf(&got.v[i].der),
		    dca_out_buf(want[i])));
	dca_certs_clear(&got);
}

static void
test_crts(void **state)
{
	struct dca_out fifth = { 0 }, expired = { 0 }, lives = { 0 };
	struct dca_out ends = { 0 }, active = { 0 };
	struct vault_cross *c = NULL;
	const int64_t end = dca_now() + 3;

	(void)state;
	cross(&fifth, dca_now() + DAY);		/* one too many */
	install(DCA_BUF("not DER", 7));		/* cannot be read any more */
	cross(&expired, dca_now() - 1);
	cross(&lives, dca_now() + DAY);
	cross(&ends, end);
	cross(&active, dca_now() + 300 * DAY);
	OK(vault_cross_load(&c, store, 0, E));
	shows(c, (const struct dca_out *[]){ &active, &root, &ends, &lives }, 4);
	while (dca_now() <= end)
		(void)sleep(1);
	shows(c, (const struct dca_out *[]){ &active, &root, &lives }, 3);
	vault_cross_unref(c);
	dca_out_free(&fifth);
	dca_out_free(&expired);
	dca_out_free(&lives);
	dca_out_free(&ends);
	dca_out_free(&active);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_crts) };
	char dir[] = "/tmp/dca-crts-XXXXXX", path[64], command[80];
	struct dca_err e = { 0 };
	struct dca_spki spki;
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/store.db", dir);
	if (dca_store_open(&store, path, false, &e) != DCA_OK ||
	    dca_store_begin(store, &e) != DCA_OK) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	root_key = lab_key();
	spki = lab_spki(root_key);
	lab_cert(&root, &(struct lab_cert){ .cn = "Root", .key = &spki,
	    .issuer_key = root_key, .ca = true,
	    .not_before = dca_now() - 1000 * DAY,
	    .not_after = dca_now() + 4000 * DAY });
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	dca_store_close(store);
	dca_out_free(&root);
	EVP_PKEY_free(root_key);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed != 0;
}
