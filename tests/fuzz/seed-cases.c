/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeds from the labelled cases and certificates, read where they are: none
 * of them is part of this tree, and without them there are fewer seeds.
 */
#include "seed.h"

#include "cases.h"
#include "dca/cert.h"

static void
seed_hex(const char *noun, const json_t *hex)
{
	DCA_AUTO_OUT der = { 0 };

	if (!json_is_string(hex))
		return;
	cases_hex(&der, json_string_value(hex));
	seed_write(noun, dca_out_buf(&der));
}

/* Member key of every case of the file. */
static void
seed_file(const char *name, const char *list, const char *key,
    const char *noun)
{
	json_t *all = cases_load(name), *c;
	const json_t *cases = list == NULL ? all : json_object_get(all, list);
	size_t i;

	json_array_foreach(cases, i, c)
		seed_hex(noun, json_object_get(c, key));
	json_decref(all);
}

/* Every so many-th PEM block of the file as a certificate of its own. */
static void
seed_pem(const char *name, size_t step)
{
	DCA_AUTO_OUT all = { 0 };
	char path[512], buf[65536];
	const char *at;
	size_t n, i = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", DCA_DATA, name);
	f = fopen(path, "rb");
	if (f == NULL) {
		fprintf(stderr, "SKIPPED: no labelled certificates: %s\n",
		    path);
		return;
	}
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		dca_out_add(&all, buf, n);
	(void)fclose(f);
	at = (const char *)all.p;
	while (at != NULL && (at = strstr(at, "-----BEGIN CERT")) != NULL) {
		DCA_AUTO_OUT der = { 0 };

		if (i++ % step == 0 &&
		    dca_pem_decode(&der, "CERTIFICATE",
			DCA_BUF(at, strlen(at)), NULL) == DCA_OK) {
			seed_write("cert", dca_out_buf(&der));
			seed_write("lint", dca_out_buf(&der));
		}
		at++;
	}
}

void
seed_cases(void)
{
	seed_file("tnauthlist.json", NULL, "der", "tnauthlist");
	seed_file("scope-pairs.json", NULL, "parent_der", "tnauthlist");
	seed_file("scope-pairs.json", NULL, "child_der", "tnauthlist");
	seed_file("csr.json", "cases", "der", "csr");
	seed_pem("sti-certs/certs.pem", 4);
	seed_pem("sti-certs-synthetic/certs.pem", 40);
	seed_pem("vectors/sca.pem", 1);
	seed_pem("vectors/delegate.pem", 1);
}
