/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the seeds of all targets: encodings made by OpenSSL (tests/unit/core
 * lab) and by our own builders. usage: fuzz-seed FOLDER
 */
#include "seed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dca/act.h"
#include "dca/message.h"
#include "dca/tnauthlist.h"
#include "keys.h"
#include "lab-chain.h"
#include "requests.h"

static const char *folder;

void
seed_write(const char *noun, struct dca_buf b)
{
	uint8_t sum[DCA_SHA256_LEN];
	char name[17], path[512];
	FILE *f;

	dca_sha256(sum, b);
	dca_hex(name, sum, 8);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, noun);
	if (mkdir(path, 0755) != 0 && errno != EEXIST) {
		perror(path);
		exit(2);
	}
	(void)snprintf(path, sizeof(path), "%s/%s/%s", folder, noun, name);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(b.p, 1, b.n, f) != b.n || fclose(f) != 0) {
		perror(path);
		exit(2);
	}
}

static void
must(enum dca_rc rc, const struct dca_err *e)
{
	if (rc == DCA_OK)
		return;
	fprintf(stderr, "fuzz-seed: %s\n", e->text);
	exit(2);
}

static const char *const texts[] = {
	"12025550100", "12025550100+100", "spc:709J", "1202555010#",
	"spc:1234,12025550100+1000,12155551212,*67",
	"0,00,000,100+899", "999999999999990+10", "1+9,01+98,123456789012345",
};
enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

static void
seed_sets(void)
{
	struct dca_err e = { 0 };

	for (size_t i = 0; i < TEXTS; i++) {
		DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s =
		    dca_tnset_new();
		DCA_AUTO_OUT der = { 0 };
		DCA_AUTO_OUT two = { 0 };

		must(dca_tnset_parse(s, texts[i], &e), &e);
		dca_tnauthlist_encode(&der, s);
		seed_write("tnauthlist", dca_out_buf(&der));
		dca_out_printf(&two, "%s\n%s", texts[i],
		    texts[(i + 3) % TEXTS]);
		seed_write("tnset", dca_out_buf(&two));
	}
}

/* One request by us for each set, and the same for a CA. */
static void
seed_built_requests(void)
{
	struct dca_err e = { 0 };
	uint8_t digest[DCA_SHA256_LEN], sig[80];

	for (size_t i = 0; i < TEXTS * 2; i++) {
		DCA_CLEANUP(dca_tnset_free_p) struct dca_tnset *s =
		    dca_tnset_new();
		struct dca_csr_spec spec = { .numbers = s, .ca = i >= TEXTS,
			.password = i % 2 == 0 ? "c1:secret" : NULL };
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(fuzz_key(0), NULL);
		size_t n = sizeof(sig);
		DCA_AUTO_OUT info = { 0 };
		DCA_AUTO_OUT name = { 0 };
		DCA_AUTO_OUT der = { 0 };

		must(dca_tnset_parse(s, texts[i % TEXTS], &e), &e);
		must(dca_spki_from_pkey(&spec.key, fuzz_key(0), &e), &e);
		must(dca_name_encode(&name, "US", "Lab", "SHAKEN 709J", &e),
		    &e);
		if (i % 3 != 0)
			spec.subject = dca_out_buf(&name);
		dca_csr_build(&info, &spec);
		dca_sha256(digest, dca_out_buf(&info));
		if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
		    EVP_PKEY_sign(ctx, sig, &n, digest, sizeof(digest)) != 1)
			abort();
		EVP_PKEY_CTX_free(ctx);
		dca_signed_encode(&der, dca_out_buf(&info), DCA_BUF(sig, n));
		seed_write("csr", dca_out_buf(&der));
	}
}

static void
seed_requests(void)
{
	const struct req plans[] = {
		{ .ext = { { REQ_TN, NULL, TN_CHILD },
		    { REQ_KU, "0101ff", "03020780" },
		    { REQ_BC, NULL, "3000" } } },
		{ .ext = { { REQ_TN, NULL, SPC_1234 } },
		    .attr = { { REQ_PASSWORD, "130163" } } },
		{ .ext = { { REQ_TN, NULL, TN_PARENT },
		    { REQ_KU, NULL, "03020106" },
		    { REQ_BC, "0101ff", "30030101ff" } } },
		{ .version = "020100" },
	};

	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		DCA_AUTO_OUT der = { 0 };
		struct req r = plans[i];

		r.key = fuzz_key(0);
		req_make(&der, &r);
		seed_write("csr", dca_out_buf(&der));
	}
	seed_built_requests();
}

/* The chain as it is in each form it travels in. */
static void
seed_forms(const struct dca_certs *chain)
{
	DCA_AUTO_OUT tbs = { 0 };
	DCA_AUTO_OUT der = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	DCA_AUTO_OUT p7 = { 0 };
	struct dca_buf each[FUZZ_KEYS];

	for (size_t i = 0; i < chain->n; i++) {
		each[i] = dca_out_buf(&chain->v[i].der);
		seed_write("cert", each[i]);
		seed_write("lint", each[i]);
		dca_out_add(&tbs, chain->v[i].tbs.p, chain->v[i].tbs.n);
		dca_out_add(&der, each[i].p, each[i].n);
		dca_pem_encode(&pem, "CERTIFICATE", each[i]);
	}
	dca_p7_encode(&p7, each, chain->n);
	seed_write("chain", dca_out_buf(&tbs));
	seed_write("certs", dca_out_buf(&der));
	seed_write("certs", dca_out_buf(&pem));
	seed_write("certs", dca_out_buf(&p7));
}

static void
seed_chains(void)
{
	static const struct lab_spec change[] = {
		{ .cn = "as it is" },
		{ .list = SPC_1234 },
		{ .list = TN_OUT },
		{ .critical_oid = "1.2.3.4" },
		{ .constraints = "3009a10730051603" "726364",
		    .constraints_oid = "1.3.6.1.5.5.7.1.33" },
		{ .policies = "300c300a06086086480186ff0901" },
	};
	enum { CHANGES = sizeof(change) / sizeof(change[0]) };

	for (size_t i = 0; i < 2 * CHANGES; i++) {
		struct chain c;
		struct dca_certs all;

		plan(&c);
		for (unsigned k = 0; k < FUZZ_KEYS; k++)
			c.spec[ROOT + k].key = fuzz_key(FUZZ_KEYS - 1 - k);
		apply(&c.spec[i < CHANGES ? LEAF : SCA],
		    &change[i % CHANGES]);
		c.spec[LEAF].ca = LAB_CA_FALSE;
		c.spec[SCA].ca = LAB_CA_TRUE;
		make(&c);
		lab_add(&c.chain, &c.cert[ROOT]);
		all = c.chain;
		seed_forms(&all);
		drop(&c);
	}
}

static void
seed_acts(void)
{
	static const uint8_t args[] = { 0xa1, 0x62, 'i', 'd', 0x62, 'c', '1' };
	struct dca_err e = { .rule = DCA_RULE_CHAIN_SCOPE, .text = "wider",
		.first = "12025550200", .field = "tnAuthList" };
	DCA_AUTO_OUT problem = { 0 };
	size_t n, i;
	const struct dca_act_rule *rule = dca_act_rules(&n);

	dca_problem_encode(&problem, &e);
	seed_write("cbor", dca_out_buf(&problem));
	for (i = 0; i < n; i++) {
		struct dca_act a = { .op = "anna", .seq = i + 1,
			.time = LAB_NOW, .args = DCA_BUF(args, sizeof(args)) };
		DCA_AUTO_OUT payload = { 0 };
		DCA_AUTO_OUT cose = { 0 };

		(void)dca_strlcpy(a.name, rule[i].name, sizeof(a.name));
		dca_act_encode(&payload, &a);
		must(dca_cose_sign1(&cose, dca_out_buf(&payload), fuzz_key(0),
		    &e), &e);
		seed_write("cbor", dca_out_buf(&payload));
		seed_write("cbor", dca_out_buf(&cose));
	}
}

/* Every message of the table, its fields short. */
#define U(name) { .u = 4711 },
#define B(name, max) { .b = { (const uint8_t *)"\1\2\3\4", 4 } },
#define T(name, max) { .b = { (const uint8_t *)"text", 4 } },
#define X(sym, num, from, fields)                                              \
	{ DCA_ROLE_##from, { DCA_MSG_##sym, 7,                                 \
	    sizeof((struct dca_field[]){ fields }) / sizeof(struct dca_field), \
	    { fields } } },
static const struct {
	enum dca_role role;
	struct dca_message m;
} messages[] = { DCA_MESSAGES(X, U, B, T) };
#undef X
#undef T
#undef B
#undef U

static void
seed_messages(void)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		DCA_AUTO_OUT o = { 0 };
		uint8_t role = (uint8_t)messages[i].role;

		dca_out_add(&o, &role, 1);
		dca_message_encode(&o, &messages[i].m);
		seed_write("message", dca_out_buf(&o));
	}
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: fuzz-seed FOLDER\n");
		return 2;
	}
	folder = argv[1];
	seed_sets();
	seed_requests();
	seed_chains();
	seed_acts();
	seed_messages();
	seed_crls();
	seed_passports();
	seed_bmaps();
	seed_cases();
	return 0;
}
