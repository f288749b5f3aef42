/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token folder of a test: made with softhsm2-util in a mktemp directory,
 * so that no test touches another's token (they disturb each other).
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "token.h"

static char folder[64], pin_file[96], pin[17];
static const char *module;

static void
run(const char *fmt, ...) DCA_PRINTF(1, 2);
static void
run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	/* NOLINTNEXTLINE(cert-env33-c): only words of this file */
	if (system(cmd) != 0) {
		fprintf(stderr, "failed: %s\n", cmd);
		exit(1);
	}
}

static void
clean(void)
{
	run("rm -rf %s", folder);
}

static void
leave(const char *why)
{
	fprintf(stderr, "\n*** SKIPPED, NOTHING WAS TESTED: %s ***\n"
	    "*** install softhsm2 ***\n\n", why);
	exit(77);
}

const char *
token_module(void)
{
	static const char *const paths[] = {
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib64/pkcs11/libsofthsm2.so",
		"/usr/lib64/softhsm/libsofthsm2.so",
		"/usr/local/lib/softhsm/libsofthsm2.so",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], R_OK) == 0)
			return paths[i];
	return NULL;
}

void
token_pin_write(const char *path, const char *text)
{
	FILE *f;

	(void)unlink(path);
	(void)umask(077);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void
fault_env(void)
{
	DCA_CLEANUP(dca_free_p) char *control = token_path("faults");
	DCA_CLEANUP(dca_free_p) char *counts = token_path("calls");

	(void)setenv(FAULT_MODULE, module, 1);
	(void)setenv(FAULT_CONTROL, control, 1);
	(void)setenv(FAULT_COUNTS, counts, 1);
}

void
token_folder(void)
{
	char conf[96];
	uint8_t random[8];
	FILE *f;

	module = token_module();
	if (module == NULL)
		leave("libsofthsm2.so not found");
	/* NOLINTNEXTLINE(cert-env33-c) */
	if (system("command -v softhsm2-util >/dev/null") != 0)
		leave("softhsm2-util not found");
	(void)dca_strlcpy(folder, "/tmp/dca-token.XXXXXX", sizeof(folder));
	if (mkdtemp(folder) == NULL)
		abort();
	(void)atexit(clean);
	(void)snprintf(conf, sizeof(conf), "%s/tokens", folder);
	if (mkdir(conf, 0700) != 0)
		abort();
	(void)snprintf(conf, sizeof(conf), "%s/softhsm2.conf", folder);
	f = fopen(conf, "w");
	if (f == NULL)
		abort();
	fprintf(f, "directories.tokendir = %s/tokens\n"
	    "objectstore.backend = file\nlog.level = ERROR\n", folder);
	(void)fclose(f);
	(void)setenv("SOFTHSM2_CONF", conf, 1);
	fault_env();
	f = fopen("/dev/urandom", "r");
	if (f == NULL || fread(random, sizeof(random), 1, f) != 1)
		abort();
	(void)fclose(f);
	dca_hex(pin, random, sizeof(random));
	(void)snprintf(pin_file, sizeof(pin_file), "%s/pin", folder);
	token_pin_write(pin_file, pin);
}

void
token_new(const char *label)
{
	run("softhsm2-util --init-token --free --label '%s' --so-pin so12345678 "
	    "--pin %s >/dev/null", label, pin);
}

const char *
token_pin_file(void)
{
	return pin_file;
}

const char *
token_pin(void)
{
	return pin;
}

char *
token_path(const char *name)
{
	size_t n = strlen(folder) + strlen(name) + 2;
	char *path = dca_alloc(n);

	(void)snprintf(path, n, "%s/%s", folder, name);
	return path;
}

CK_FUNCTION_LIST *
token_other_code(const char *path)
{
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_FUNCTION_LIST *f = NULL;
	union {
		void *object;
		CK_RV (*function)(CK_FUNCTION_LIST **);
	} get;

	assert_non_null(dl);
	get.object = dlsym(dl, "C_GetFunctionList");
	assert_non_null(get.object);
	assert_int_equal(get.function(&f), CKR_OK);
	return f;
}

void
token_away(void)
{
	run("mv %s/tokens %s/away && mkdir %s/tokens", folder, folder, folder);
}

void
token_back(void)
{
	run("rmdir %s/tokens && mv %s/away %s/tokens", folder, folder, folder);
}

void
token_config(struct dca_hsm_config *c, const char *path, const char *uri)
{
	struct dca_err e = { 0 };

	memset(c, 0, sizeof(*c));
	c->module = path != NULL ? path : module;
	c->pin_file = pin_file;
	if (dca_token_uri_parse(&c->uri, uri, &e) != DCA_OK)
		fail_msg("%s: %s", uri, e.text);
}

struct dca_hsm *
token_open(const char *path, const char *uri)
{
	struct dca_hsm_config c;
	struct dca_err e = { 0 };
	struct dca_hsm *h = NULL;

	token_config(&c, path, uri);
	if (dca_hsm_open(&h, &c, &e) != DCA_OK)
		fail_msg("%s: %s", uri, e.text);
	return h;
}

void
token_refused(enum dca_rc rc, const struct dca_err *e, enum dca_rule rule,
    const char *text)
{
	assert_string_equal(dca_problem(e->rule)->id, dca_problem(rule)->id);
	assert_int_equal(rc, dca_problem(rule)->rc);
	if (strstr(e->text, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e->text, text);
	assert_null(strstr(e->text, pin));
}

/* --- faults --- */

static struct {
	const char *name;
	unsigned long n;
} since[] = {
	{ "C_Initialize", 0 }, { "C_Login", 0 }, { "C_OpenSession", 0 },
	{ "C_CloseSession", 0 }, { "C_GetSessionInfo", 0 },
	{ "C_GetTokenInfo", 0 }, { "C_FindObjectsInit", 0 },
	{ "C_SignInit", 0 }, { "C_Sign", 0 }, { "C_GenerateKeyPair", 0 },
	{ "C_DestroyObject", 0 }, { "C_GenerateRandom", 0 }, { "C_Finalize", 0 },
};
enum { NAMES = sizeof(since) / sizeof(since[0]) };

void
fault_text(const char *rules)
{
	fault_write(getenv(FAULT_CONTROL), rules);
	for (size_t i = 0; i < NAMES; i++)
		since[i].n = fault_calls(getenv(FAULT_COUNTS), since[i].name);
}

void
fault_rule(const struct fault *r)
{
	char line[96];

	if (r != NULL)
		(void)snprintf(line, sizeof(line), "%s 0x%lx %d 0 %s", r->name,
		    (unsigned long)r->rv, r->count, r->corrupt ? "corrupt" : "");
	fault_text(r != NULL ? line : NULL);
}

unsigned
fault_count(const char *name)
{
	unsigned long n = fault_calls(getenv(FAULT_COUNTS), name);

	for (size_t i = 0; i < NAMES; i++)
		if (strcmp(since[i].name, name) == 0)
			return (unsigned)(n - since[i].n);
	fail_msg("%s is not counted", name);
	return 0;
}
