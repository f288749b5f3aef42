/* SPDX-License-Identifier: Apache-2.0 */
/* The laboratory of vault.h. Must never touch what is outside its prefix. */
#include "vault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dca/profile.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define URI "pkcs11:token=lab;id=%01"
#define SCOPE "12025550000+1000"
enum { PATIENCE = 1200 };	/* tenths of a second: valgrind on a busy machine */

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "lab: %s\n", what);
	abort();
}

void
reply_clear(struct reply *r)
{
	dca_out_free(&r->packet);
	memset(r, 0, sizeof(*r));
}

void
put_map(struct dca_out *o, size_t n)
{
	o->n = 0;
	dca_cbor_map(o, n);
}

void
put_text(struct dca_out *o, const char *key, const char *value)
{
	dca_cbor_text(o, key);
	dca_cbor_text(o, value);
}

void
put_uint(struct dca_out *o, const char *key, uint64_t value)
{
	dca_cbor_text(o, key);
	dca_cbor_uint(o, value);
}

void
put_bytes(struct dca_out *o, const char *key, struct dca_buf b)
{
	dca_cbor_text(o, key);
	dca_cbor_bytes(o, b);
}

static void
write_file(const struct lab *l, const char *name, const char *text)
{
	char path[256];
	struct dca_err e = { 0 };

	(void)snprintf(path, sizeof(path), "%s/%s", l->prefix, name);
	if (dca_file_write(path, DCA_BUF(text, strlen(text)), 0600, &e))
		must(false, e.text);
}

static void
write_config(const struct lab *l, const char *issue_options)
{
	struct dca_out o = { 0 };

	dca_out_printf(&o, "[token]\nmodule = %s\nuri = %s\n"
	    "pin_file = %s/pin\npaths = %s\n%s\n[issue]\n%s\n[publish]\n"
	    "base_url = https://sti-cr.example.net:8443/certs\n",
	    l->module ? l->module : MODULE, l->uri ? l->uri : URI, l->prefix,
	    l->prefix, l->token_options ? l->token_options : "",
	    issue_options);
	dca_out_add(&o, "", 1);
	write_file(l, "vault.conf", (const char *)o.p);
	dca_out_free(&o);
}

/* The CA key and its request, made with our own hsm room. */
static void
make_ca(struct lab *l)
{
	struct dca_hsm_config c = { .module = MODULE };
	struct dca_tnset *scope = lab_set(SCOPE);
	struct dca_csr_spec spec = { .numbers = scope, .ca = true };
	struct dca_out name = { 0 }, info = { 0 };
	struct dca_key_facts facts;
	struct dca_signer *signer = NULL;
	struct dca_hsm *hsm = NULL;
	char pin[256];
	struct dca_err e = { 0 };

	(void)snprintf(pin, sizeof(pin), "%s/pin", l->prefix);
	c.pin_file = pin;
	if (dca_token_uri_parse(&c.uri, URI, &e) ||
	    dca_hsm_open(&hsm, &c, &e) ||
	    dca_hsm_keygen(hsm, false, &l->ca, &facts, &e) ||
	    dca_signer_open(&signer, hsm, &e) ||
	    dca_name_encode(&name, "US", "Lab", "SHAKEN 709J", &e))
		must(false, e.text);
	spec.key = l->ca;
	spec.subject = dca_out_buf(&name);
	dca_csr_build(&info, &spec);
	if (dca_signer_sign(signer, dca_out_buf(&info), &l->ca_csr, &e))
		must(false, e.text);
	dca_signer_close(signer);
	dca_hsm_close(hsm);
	dca_out_free(&name);
	dca_out_free(&info);
	dca_tnset_free(scope);
}

const char *
lab_other_key(struct lab *l)
{
	static const char uri[] = "pkcs11:token=lab;id=%02";
	struct dca_hsm_config c = { .module = MODULE };
	struct dca_key_facts facts;
	struct dca_hsm *hsm = NULL;
	struct dca_spki other;
	char pin[256];
	struct dca_err e = { 0 };

	(void)snprintf(pin, sizeof(pin), "%s/pin", l->prefix);
	c.pin_file = pin;
	if (dca_token_uri_parse(&c.uri, uri, &e) ||
	    dca_hsm_open(&hsm, &c, &e) ||
	    dca_hsm_keygen(hsm, false, &other, &facts, &e))
		must(false, e.text);
	dca_hsm_close(hsm);
	return uri;
}

static void
make_chain(struct lab *l)
{
	struct dca_spki root;

	l->root_key = lab_key();
	root = lab_spki(l->root_key);
	lab_cert(&l->root, &(struct lab_cert){ .cn = "Lab root",
	    .key = &root, .issuer_key = l->root_key, .ca = true,
	    .not_before = dca_now() - 86400,
	    .not_after = dca_now() + 3650 * 86400 });
	lab_cert(&l->cross, &(struct lab_cert){ .cn = "SHAKEN 709J",
	    .key = &l->ca, .issuer_key = l->root_key, .issuer = &l->root,
	    .ca = true, .numbers = SCOPE, .not_before = dca_now() - 3600,
	    .not_after = dca_now() + 365 * 86400 });
}

void
lab_client(struct dca_out *der, EVP_PKEY *key)
{
	struct dca_spki k = lab_spki(key);

	lab_cert(der, &(struct lab_cert){ .cn = "client", .key = &k,
	    .issuer_key = key, .not_before = dca_now() - 60,
	    .not_after = dca_now() + 86400 });
}

int
lab_open(struct lab *l, const char *program)
{
	char text[256];

	memset(l, 0, sizeof(*l));
	if (access(MODULE, R_OK) != 0) {
		(void)fprintf(stderr, "SKIPPED: no SoftHSM at " MODULE "\n");
		return 77;
	}
	must(access(program, X_OK) == 0, program);
	(void)snprintf(l->prefix, sizeof(l->prefix), "/tmp/dca-vault-XXXXXX");
	must(mkdtemp(l->prefix) != NULL, "mkdtemp");
	(void)snprintf(l->front, sizeof(l->front), "%s/run/dca/front.sock",
	    l->prefix);
	(void)snprintf(l->publisher, sizeof(l->publisher),
	    "%s/run/dca/publisher.sock", l->prefix);
	(void)snprintf(l->upstream, sizeof(l->upstream),
	    "%s/run/dca/upstream.sock", l->prefix);
	(void)snprintf(l->board, sizeof(l->board), "%s/run/dca/board.sock",
	    l->prefix);
	(void)snprintf(l->admin, sizeof(l->admin), "%s/run/dca/admin.sock",
	    l->prefix);
	(void)snprintf(text, sizeof(text), "directories.tokendir = %s/tokens\n"
	    "objectstore.backend = file\nlog.level = ERROR\n", l->prefix);
	write_file(l, "softhsm2.conf", text);
	write_file(l, "pin", "1234\n");
	(void)snprintf(text, sizeof(text), "%s/softhsm2.conf", l->prefix);
	must(setenv("SOFTHSM2_CONF", text, 1) == 0, "setenv");
	(void)snprintf(l->control, sizeof(l->control), "%s/fault", l->prefix);
	must(setenv("DCA_FAULT_MODULE", MODULE, 1) == 0 &&
	    setenv("DCA_FAULT_CONTROL", l->control, 1) == 0, "setenv");
	(void)snprintf(text, sizeof(text), "mkdir %s/tokens && softhsm2-util "
	    "--init-token --free --label lab --so-pin 5678 --pin 1234 "
	    ">/dev/null", l->prefix);
	must(system(text) == 0, "softhsm2-util");
	make_ca(l);
	make_chain(l);
	l->admin_key = lab_key();
	lab_client(&l->admin_cert, l->admin_key);
	return 0;
}

void
lab_start(struct lab *l, const char *program, const char *issue_options)
{
	char config[128];
	struct dca_message m = { .type = DCA_MSG_LOCAL_READ, .id = 1, .n = 2 };

	write_config(l, issue_options);
	(void)snprintf(config, sizeof(config), "%s/vault.conf", l->prefix);
	m.f[0].b = DCA_BUF("status", 6);
	l->pid = fork();
	must(l->pid >= 0, "fork");
	if (l->pid == 0) {
		(void)signal(SIGXFSZ, SIG_IGN); /* a full disk, by rlimit */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)execl(program, program, "--prefix", l->prefix,
		    "--config", config, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < PATIENCE && waitpid(l->pid, NULL, WNOHANG) == 0;
	    i++) {
		struct reply r = { 0 };

		if (dca_ask(l->admin, &m, &r.packet, &r.m, &r.e) == DCA_OK) {
			reply_clear(&r);
			return;
		}
		reply_clear(&r);
		(void)usleep(100000);
	}
	must(false, "dca-vault does not come up");
}

void
lab_stop(struct lab *l)
{
	int status = 0;

	must(kill(l->pid, SIGTERM) == 0, "kill");
	must(waitpid(l->pid, &status, 0) == l->pid, "waitpid");
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "dca-vault did not end well");
	l->pid = 0;
}

void
lab_close(struct lab *l)
{
	char command[128];

	if (l->pid)
		lab_stop(l);
	EVP_PKEY_free(l->root_key);
	EVP_PKEY_free(l->admin_key);
	dca_out_free(&l->root);
	dca_out_free(&l->cross);
	dca_out_free(&l->ca_csr);
	dca_out_free(&l->admin_cert);
	(void)snprintf(command, sizeof(command), "rm -rf %s", l->prefix);
	must(system(command) == 0, command);
}

void
lab_ask(struct reply *r, const char *socket, const struct dca_message *m)
{
	reply_clear(r);
	if (dca_ask(socket, m, &r->packet, &r->m, &r->e))
		must(false, r->e.text);
	if (r->m.type == DCA_MSG_PROBLEM)
		dca_problem_message(&r->e, &r->m);
}

void
lab_wait_state(struct lab *l, const char *state)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_READ, .id = 2, .n = 2 };
	struct reply r = { 0 };
	struct dca_cbor c;
	char now[32] = "";

	m.f[0].b = DCA_BUF("status", 6);
	for (int i = 0; i < PATIENCE; i++) {
		lab_ask(&r, l->admin, &m);
		must(r.m.type == DCA_MSG_DATA && r.m.f[0].u == 205, "status");
		must(dca_cbor_check(r.m.f[2].b), "status is deterministic");
		must(dca_cbor_find(r.m.f[2].b, "state", &c) &&
		    dca_cbor_take_text(&c, now, sizeof(now)), "state");
		must(dca_cbor_find(r.m.f[2].b, "appliance", &c), "appliance");
		struct dca_buf id;
		must(dca_cbor_take_bytes(&c, &id, 16) && id.n == 16, "id");
		memcpy(l->appliance, id.p, 16);
		reply_clear(&r);
		if (strcmp(now, state) == 0)
			return;
		(void)usleep(100000);
	}
	must(false, now);
}

void
lab_install(struct lab *l, struct reply *r, struct dca_buf csr,
    struct dca_buf chain)
{
	struct dca_message m = { .type = DCA_MSG_INSTALL, .id = 3, .n = 3 };

	m.f[0].b = csr;
	m.f[1].b = chain;
	m.f[2].b = dca_out_buf(&l->root);
	lab_ask(r, l->admin, &m);
}

void
lab_issue(struct lab *l, struct reply *r, const struct dca_out *peer,
    const struct dca_out *csr)
{
	struct dca_message m = { .type = DCA_MSG_ISSUE, .id = 77, .n = 4 };

	m.f[0].u = 0;
	m.f[1].b = dca_out_buf(peer);
	m.f[2].b = dca_out_buf(csr);
	m.f[3].b = DCA_BUF("[::1]:5684", 10);
	lab_ask(r, l->front, &m);
	must(r->m.id == 77, "the answer repeats the id");
}

void
lab_read(struct lab *l, struct reply *r, const struct dca_out *peer,
    const char *path, const char *query)
{
	struct dca_message m = { .type = DCA_MSG_READ, .id = 5, .n = 3 };

	m.f[0].b = dca_out_buf(peer);
	m.f[1].b = DCA_BUF(path, strlen(path));
	m.f[2].b = DCA_BUF(query, strlen(query));
	lab_ask(r, l->front, &m);
}

void
lab_act_as(struct lab *l, struct reply *r, const struct lab_signer *s,
    const char *name, const struct dca_out *args)
{
	struct dca_message m = { .type = DCA_MSG_ACT, .id = 6, .n = 2 };
	struct dca_act a = { .seq = s->seq, .time = s->time };
	struct dca_out payload = { 0 }, cose = { 0 };
	struct dca_err e = { 0 };

	if (!a.time)
		a.time = dca_now();
	(void)dca_strlcpy(a.name, name, sizeof(a.name));
	(void)dca_strlcpy(a.op, s->op, sizeof(a.op));
	memcpy(a.appliance, s->appliance ? s->appliance : l->appliance, 16);
	a.args = dca_out_buf(args);
	dca_act_encode(&payload, &a);
	must(dca_cbor_check(dca_out_buf(&payload)), "args in order");
	if (dca_cose_sign1(&cose, dca_out_buf(&payload), s->key, &e))
		must(false, e.text);
	m.f[0].b = dca_out_buf(&l->admin_cert);
	m.f[1].b = dca_out_buf(&cose);
	lab_ask(r, l->front, &m);
	dca_out_free(&payload);
	dca_out_free(&cose);
}

void
lab_act(struct lab *l, struct reply *r, const char *name,
    const struct dca_out *args)
{
	const struct lab_signer s = { .op = "alice", .key = l->admin_key,
		.seq = ++l->seq };

	lab_act_as(l, r, &s, name, args);
}
