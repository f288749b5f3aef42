/* SPDX-License-Identifier: Apache-2.0 */
/* An appliance that is measured. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "appliance.h"

struct lab bench_lab;
EVP_PKEY *bench_key;
pid_t bench_front;

_Noreturn void
bench_stop(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	if (bench_front)
		kill(bench_front, SIGKILL);
	if (bench_lab.pid)
		kill(bench_lab.pid, SIGKILL);
	exit(2);
}

double
bench_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Nanoseconds on a CPU are the first word of a thread's schedstat. */
double
bench_cpu(pid_t pid)
{
	char name[320];
	double sum = 0;
	struct dirent *d;
	DIR *tasks;

	snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
	if (!(tasks = opendir(name)))
		bench_stop(name);
	while ((d = readdir(tasks))) {
		unsigned long long ns = 0;
		FILE *f;

		snprintf(name, sizeof name, "/proc/%d/task/%s/schedstat",
		    (int)pid, d->d_name);
		if (d->d_name[0] == '.' || !(f = fopen(name, "r")))
			continue;
		if (fscanf(f, "%llu", &ns) == 1)
			sum += (double)ns / 1e9;
		fclose(f);
	}
	closedir(tasks);
	return sum;
}

static void
done(struct reply *r, const char *what)
{
	if (r->m.type != DCA_MSG_DATA || r->m.f[0].u >= 300)
		bench_stop(r->m.type == DCA_MSG_PROBLEM ? r->e.text : what);
	reply_clear(r);
}

static void
first_admin(struct reply *r)
{
	struct dca_message m = { .type = DCA_MSG_LOCAL_ACT, .id = 9, .n = 1 };
	struct dca_act a = { .name = "operator.add", .op = "local",
		.time = dca_now() };
	struct dca_spki k = lab_spki(bench_lab.admin_key);
	DCA_AUTO_OUT args = { 0 }, payload = { 0 };

	put_map(&args, 3);
	put_text(&args, "id", "alice");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof k.der));
	put_text(&args, "role", "admin");
	memcpy(a.appliance, bench_lab.appliance, sizeof a.appliance);
	a.args = dca_out_buf(&args);
	dca_act_encode(&payload, &a);
	m.f[0].b = dca_out_buf(&payload);
	lab_ask(r, bench_lab.admin, &m);
	done(r, "operator.add");
}

static void
customer(struct reply *r)
{
	struct dca_spki k = lab_spki(bench_key);
	DCA_AUTO_OUT args = { 0 };

	put_map(&args, 3);
	put_text(&args, "id", "acme");
	put_text(&args, "name", "Acme Inc");
	put_text(&args, "country", "US");
	lab_act(&bench_lab, r, "customer.add", &args);
	done(r, "customer.add");
	put_map(&args, 2);
	put_text(&args, "id", "acme");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof k.der));
	lab_act(&bench_lab, r, "customer.pin", &args);
	done(r, "customer.pin");
	put_map(&args, 4);
	put_uint(&args, "of", 1);
	put_uint(&args, "part", 0);
	dca_cbor_text(&args, "rows");
	dca_cbor_array(&args, 1);
	dca_cbor_array(&args, 6);
	dca_cbor_text(&args, "acme");
	dca_cbor_text(&args, "12025550100");
	dca_cbor_uint(&args, 100);
	dca_cbor_uint(&args, 0);
	dca_cbor_uint(&args, 0);
	dca_cbor_bool(&args, false);
	put_text(&args, "import", "bench");
	lab_act(&bench_lab, r, "delegation.import", &args);
	done(r, "delegation.import");
}

int
bench_open(const char *vault, const char *issue_options)
{
	struct reply r = { 0 };
	int rc = lab_open(&bench_lab, vault);

	if (rc)
		return rc;
	lab_start(&bench_lab, vault, issue_options);
	lab_wait_state(&bench_lab, "no-cross-certificate");
	lab_install(&bench_lab, &r, dca_out_buf(&bench_lab.ca_csr),
	    dca_out_buf(&bench_lab.cross));
	done(&r, "install");
	lab_wait_state(&bench_lab, "operational");
	first_admin(&r);
	bench_key = lab_key();
	customer(&r);
	return 0;
}

void
bench_close(void)
{
	if (bench_front) {
		kill(bench_front, SIGTERM);
		waitpid(bench_front, NULL, 0);
	}
	EVP_PKEY_free(bench_key);
	lab_close(&bench_lab);
}
