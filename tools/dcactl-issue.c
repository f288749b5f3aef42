/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcactl issue, cert and scope: certificates by an operator's hand, and what
 * is there. The verdict is the vault's alone; here it is only shown.
 */
#include "dcactl.h"

#include <stdio.h>
#include <string.h>

/* PEM or DER. */
static enum dca_rc
read_csr(struct dca_out *der, const char *file, struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	enum dca_rc rc = dca_file_read(&in, file, 2 * DCA_CSR_MAX, e);

	if (rc != DCA_OK)
		return rc;
	if (in.n && in.p[0] == 0x30)
		dca_out_add(der, in.p, in.n);
	else if (dca_pem_decode(der, "CERTIFICATE REQUEST", dca_out_buf(&in),
		     NULL) != DCA_OK &&
	    dca_pem_decode(der, "NEW CERTIFICATE REQUEST", dca_out_buf(&in),
		NULL) != DCA_OK)
		return dca_fail(e, DCA_RULE_INPUT,
		    "%.200s: neither PEM nor DER of a certificate request",
		    file);
	if (der->n > DCA_CSR_MAX)
		return dca_fail(e, DCA_RULE_CSR_SIZE,
		    "%zu octets, at most %d", der->n, DCA_CSR_MAX);
	return DCA_OK;
}

static enum dca_rc
write_cert(struct dca_buf answer, const char *file, struct dca_err *e)
{
	DCA_AUTO_OUT pem = { 0 };
	struct dca_cbor v;
	struct dca_buf der;

	if (!dca_cbor_find(answer, "cert", &v) ||
	    !dca_cbor_take_bytes(&v, &der, DCA_CERT_MAX))
		return dca_fail(e, DCA_RULE_MESSAGE,
		    "the answer holds no certificate");
	dca_pem_encode(&pem, "CERTIFICATE", der);
	return dca_file_write(file, dca_out_buf(&pem), 0644, e);
}

/* The answer without the certificate, which is long and in the file. */
static int
show_cert(const struct ctl *c, struct dca_buf answer)
{
	DCA_AUTO_OUT map = { 0 };
	DCA_AUTO_OUT body = { 0 };
	struct dca_cbor v = { .in = answer };
	struct dca_buf key, item;
	size_t n = 0, kept = 0;

	if (c->json || !dca_cbor_take_map(&v, &n, 64))
		return ctl_print_map(c, answer);
	while (n-- && dca_cbor_take_text_view(&v, &key, 64) &&
	    dca_cbor_skip(&v, &item)) {
		if (key.n == 4 && memcmp(key.p, "cert", 4) == 0)
			continue;
		dca_cbor_text_n(&body, (const char *)key.p, key.n);
		dca_out_add(&body, item.p, item.n);
		kept++;
	}
	dca_cbor_map(&map, kept);
	dca_out_add(&map, body.p, body.n);
	return ctl_print_map(c, dca_out_buf(&map));
}

static int
finish(const struct ctl *c, struct dca_buf answer)
{
	struct dca_err e = { 0 };

	if (ctl_opt.out && write_cert(answer, ctl_opt.out, &e) != DCA_OK)
		return ctl_fail(c, &e);
	return show_cert(c, answer);
}

static void
take(struct dca_buf map, const char *key, char *out, size_t cap)
{
	struct dca_cbor v;

	if (!dca_cbor_find(map, key, &v) || !dca_cbor_take_text(&v, out, cap))
		out[0] = '\0';
}

/* The verdict of the vault: issue, repeat, or refuse with rule and reason. */
static int
show_verdict(const struct ctl *c, struct dca_buf answer)
{
	char verdict[16], rule[40];
	struct dca_err e = { 0 };
	const struct dca_problem *p;
	int code = ctl_print_map(c, answer);

	take(answer, "verdict", verdict, sizeof(verdict));
	if (strcmp(verdict, "refuse") != 0)
		return code;
	take(answer, "rule", rule, sizeof(rule));
	take(answer, "detail", e.text, sizeof(e.text));
	take(answer, "first", e.first, sizeof(e.first));
	take(answer, "field", e.field, sizeof(e.field));
	p = dca_problem_by_id(rule);
	e.rule = p ? p->rule : DCA_RULE_INPUT;
	return dca_show_error("dcactl: dry run", &e, false);
}

static int
dry_run(struct ctl *c, struct dca_buf csr)
{
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };

	if (ctl_check(c, ctl_opt.customer, csr, &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	return show_verdict(c, dca_out_buf(&a.body));
}

int
ctl_issue(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };
	DCA_AUTO_OUT csr = { 0 };
	DCA_AUTO_OUT args = { 0 };

	(void)argc;
	(void)argv;
	if (!ctl_opt.customer || !ctl_opt.csr)
		return ctl_usage("issue needs --customer ID and --csr FILE");
	if (c->local)
		return ctl_usage("issue is a signed act: issue without "
		    "--local");
	if (dca_id_check(ctl_opt.customer, &e) != DCA_OK ||
	    read_csr(&csr, ctl_opt.csr, &e) != DCA_OK)
		return ctl_fail(c, &e);
	if (ctl_opt.dry_run)
		return dry_run(c, dca_out_buf(&csr));
	dca_cbor_map(&args, 2);
	dca_cbor_text(&args, "csr");
	dca_cbor_bytes(&args, dca_out_buf(&csr));
	dca_cbor_text(&args, "customer");
	dca_cbor_text(&args, ctl_opt.customer);
	if (ctl_act(c, "issue", dca_out_buf(&args), &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	return finish(c, dca_out_buf(&a.body));
}

int
ctl_cert_list(int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	return ctl_print_view(arg, "certificates",
	    "serial,customer,not_before,not_after,function,published,revoked");
}

int
ctl_cert_show(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };
	uint8_t serial[DCA_SERIAL_LEN];
	char path[64], hex[2 * DCA_SERIAL_LEN + 1];

	(void)argc;
	if (!dca_unhex(serial, sizeof(serial), argv[0])) {
		(void)dca_fail(&e, DCA_RULE_INPUT,
		    "a serial is %d hex digits", 2 * DCA_SERIAL_LEN);
		return ctl_fail(c, &e);
	}
	dca_hex(hex, serial, sizeof(serial));
	snprintf(path, sizeof(path), "certs/%s", hex);
	if (ctl_read(c, path, "", &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	return finish(c, dca_out_buf(&a.body));
}

/* The lists as lines, then a row for each source. */
static int
print_scope(struct ctl *c, struct dca_buf answer)
{
	static const char *const keys[] = { "cross", "delegations",
		"issuable" };
	DCA_AUTO_OUT lists = { 0 };
	DCA_AUTO_OUT map = { 0 };
	struct dca_buf item;
	struct dca_cbor v;
	size_t n = 0;
	int code;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (dca_cbor_find(answer, keys[i], &v) &&
		    dca_cbor_skip(&v, &item)) {
			dca_cbor_text(&lists, keys[i]);
			dca_out_add(&lists, item.p, item.n);
			n++;
		}
	dca_cbor_map(&map, n);
	dca_out_add(&map, lists.p, lists.n);
	code = ctl_print_map(c, dca_out_buf(&map));
	if (code != 0 || !dca_cbor_find(answer, "sources", &v) ||
	    !dca_cbor_skip(&v, &item))
		return code;
	printf("\n");
	return ctl_print_rows(c, item, "source,holds,bars");
}

int
ctl_scope(int argc, char **argv, void *arg)
{
	struct ctl *c = arg;
	CTL_ANSWER a = { 0 };
	struct dca_err e = { 0 };
	char query[100] = "";

	(void)argc;
	(void)argv;
	if (ctl_opt.customer)
		snprintf(query, sizeof(query), "customer=%.63s",
		    ctl_opt.customer);
	if (ctl_read(c, "scope", query, &a, &e) != DCA_OK)
		return ctl_fail(c, &e);
	return c->json ? ctl_print_map(c, dca_out_buf(&a.body)) :
	    print_scope(c, dca_out_buf(&a.body));
}
