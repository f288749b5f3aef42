/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-enroll, for the Customer AF: from the one-line packet of the TN provider
 * to a certificate, over EST-coaps (RFC 9148). The code in the packet proves
 * who asks and never leaves this machine; the packet also says which server
 * key is right, and no other is talked to.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "enroll.h"

enum {
	FORMAT_PKCS7 = 281,
	FORMAT_CERT = 287,
	FORMAT_PKCS10 = 286,
	FORMAT_CBOR = 60,
	PACKET_MAX = 4096,
	ENROL_SECONDS = 120,	/* separate response: the token signs */
	READ_SECONDS = 30,
	TRIES = 6,
	LONGEST_WAIT = 60,
};

static enum dca_rc
read_packet(struct enroll *n, int argc, char **argv, struct dca_err *e)
{
	DCA_AUTO_OUT line = { .secret = true };
	const char *file = n->packet_file;
	enum dca_rc rc;

	if (!file && argc == 1 && strcmp(argv[0], "-") == 0)
		file = "-";
	if (!file) {
		fprintf(stderr, "dca-enroll: the code is in the command line, "
		    "where every process of this machine can read it; better "
		    "use --packet-file FILE or - for stdin\n");
		rc = dca_packet_parse(&n->packet, argv[0], e);
		OPENSSL_cleanse(argv[0], strlen(argv[0]));
		return rc;
	}
	rc = dca_file_read(&line, file, PACKET_MAX, e);
	if (rc != DCA_OK)
		return rc;
	dca_out_add(&line, "", 1);
	return dca_packet_parse(&n->packet, (const char *)line.p, e);
}

static enum dca_rc
read_options(struct enroll *n, int *accept, struct dca_err *e)
{
	*accept = FORMAT_PKCS7;
	if (n->accept && strcmp(n->accept, "287") == 0)
		*accept = FORMAT_CERT;
	else if (n->accept && strcmp(n->accept, "281") != 0)
		return dca_fail(e, DCA_RULE_INPUT,
		    "--accept is 281 (PKCS #7) or 287 (one certificate)");
	if (!n->tn)
		return DCA_OK;
	n->numbers = dca_tnset_new();
	return dca_tnset_parse(n->numbers, n->tn, e);
}

/*
 * One exchange, repeated as the server asks: 4.29 and 5.03 with Max-Age mean
 * that nothing is lost (RFC 9148 4.7). The request is the same each time.
 */
static enum dca_rc
ask(struct dca_client *client, int method, const char *path, int format,
    int accept, struct dca_buf body, struct dca_reply *r, struct dca_err *e)
{
	unsigned wait;
	enum dca_rc rc;
	int try;

	for (try = 1;; try++) {
		rc = dca_client_request(client, method, path, "", format,
		    accept, body, method == 2 ? ENROL_SECONDS : READ_SECONDS, r,
		    e);
		if (rc != DCA_OK || r->code < 400)
			return rc;
		rc = dca_reply_problem(r, e);
		wait = r->max_age > LONGEST_WAIT ? LONGEST_WAIT : r->max_age;
		if ((r->code != 503 && r->code != 429) || try == TRIES)
			break;
		fprintf(stderr, "dca-enroll: %s; again in %u s\n", e->text,
		    wait);
		dca_reply_clear(r);
		sleep(wait ? wait : 1);
	}
	dca_reply_clear(r);
	return rc;
}

static enum dca_rc
enrol(struct enroll *n, struct dca_client *client, int accept, char *location,
    size_t cap, struct dca_err *e)
{
	struct dca_reply r;
	enum dca_rc rc = ask(client, 2, ".well-known/est/sen", FORMAT_PKCS10,
	    accept, dca_out_buf(&n->csr), &r, e);

	if (rc != DCA_OK)
		return rc;
	if (r.format != FORMAT_PKCS7 && r.format != FORMAT_CERT)
		rc = dca_fail(e, DCA_RULE_FORMAT,
		    "answer in format %d, not 281 or 287", r.format);
	else
		rc = enroll_keep_cert(n, dca_out_buf(&r.body),
		    r.format == FORMAT_PKCS7, e);
	dca_strlcpy(location, r.location, cap);
	dca_reply_clear(&r);
	return rc;
}

/* The rest over the same session: chain and x5u. */
static enum dca_rc
fetch_rest(struct enroll *n, struct dca_client *client, char *location,
    struct dca_err *e)
{
	char hex[2 * DCA_SERIAL_LEN + 1], path[80];
	struct dca_reply r;
	enum dca_rc rc;

	rc = ask(client, 1, ".well-known/est/crts", -1, FORMAT_PKCS7,
	    DCA_BUF(NULL, 0), &r, e);
	if (rc == DCA_OK) {
		rc = enroll_keep_chain(n, dca_out_buf(&r.body), e);
		dca_reply_clear(&r);
	}
	if (rc != DCA_OK)
		return rc;
	/* Location-Path is a convenience: the serial says the same. */
	dca_hex(hex, n->leaf.serial, DCA_SERIAL_LEN);
	snprintf(path, sizeof(path), "/dca/certs/%s", hex);
	rc = ask(client, 1, *location ? location : path, -1, FORMAT_CBOR,
	    DCA_BUF(NULL, 0), &r, e);
	if (rc == DCA_OK) {
		rc = enroll_keep_x5u(n, dca_out_buf(&r.body), e);
		dca_reply_clear(&r);
	}
	return rc;
}

static int
report(const struct enroll *n)
{
	char from[DCA_TIME_TEXT], to[DCA_TIME_TEXT];
	char hex[2 * DCA_SERIAL_LEN + 1];
	DCA_AUTO_OUT tn = { 0 };
	DCA_AUTO_OUT map = { 0 };
	size_t i;

	dca_time_format(from, n->leaf.not_before);
	dca_time_format(to, n->leaf.not_after);
	dca_hex(hex, n->leaf.serial, DCA_SERIAL_LEN);
	if (n->leaf.scope)
		dca_tnset_print(n->leaf.scope, &tn);
	dca_out_add(&tn, "", 1);
	if (n->json) {
		const char *const pairs[] = { "tn", (const char *)tn.p, "dir",
			n->dir, "x5u", n->x5u, "serial", hex, "not_after", to,
			"not_before", from };

		dca_cbor_map(&map, 6);
		for (i = 0; i < 12; i++)
			dca_cbor_text(&map, pairs[i]);
		return dca_show_json(dca_out_buf(&map));
	}
	printf("serial      %s\nnumbers     %s\nvalid       %s to %s\n"
	       "x5u         %s\nfiles       %s/{key.pem,cert.pem,chain.pem,x5u}"
	       "\n", hex, (const char *)tn.p, from, to, n->x5u, n->dir);
	return 0;
}

static enum dca_rc
run_all(struct enroll *n, int argc, char **argv, struct dca_err *e)
{
	struct dca_client *client = NULL;
	char location[256] = "";
	enum dca_rc rc;
	int accept;

	rc = read_options(n, &accept, e);
	if (rc == DCA_OK)
		rc = read_packet(n, argc, argv, e);
	if (rc == DCA_OK)
		rc = enroll_prepare(n, e);
	if (rc == DCA_OK)
		rc = dca_client_open(&client, n->packet.url, n->packet.server,
		    n->key, n->client, e);
	if (rc == DCA_OK)
		rc = enrol(n, client, accept, location, sizeof(location), e);
	if (rc == DCA_OK)
		rc = fetch_rest(n, client, location, e);
	dca_client_close(client);
	return rc;
}

static int
run(int argc, char **argv, void *arg)
{
	struct enroll *n = arg;
	struct dca_err e = { 0 };

	if (!n->dir || (argc == 1) == (n->packet_file != NULL)) {
		fprintf(stderr, "dca-enroll: needs --dir DIR and one packet: "
		    "PACKET, - or --packet-file FILE\nTry 'dca-enroll "
		    "--help'.\n");
		return 2;
	}
	if (run_all(n, argc, argv, &e) != DCA_OK)
		return dca_show_error("dca-enroll", &e, n->json);
	return report(n);
}

int
main(int argc, char **argv)
{
	struct enroll n = { 0 };
	const struct dca_option options[] = {
		{ "packet-file", "FILE", &n.packet_file, NULL,
		    "read the packet from FILE" },
		{ "dir", "DIR", &n.dir, NULL,
		    "where key, certificate, chain and x5u are kept" },
		{ "tn", "LIST", &n.tn, NULL, "numbers, like 12025550100+100,"
		    "12025550500 (default: all delegated ones)" },
		{ "accept", "FORMAT", &n.accept, NULL,
		    "281 PKCS #7 (default) or 287 one certificate" },
		{ "json", NULL, NULL, &n.json, "JSON for programs" },
	};
	const struct dca_command cmd = { "", "[PACKET|-]", "", options,
		sizeof(options) / sizeof(*options), 0, 1, run };
	int rc;

	dca_harden();
	dca_log_init("dca-enroll", DCA_WARNING);
	rc = dca_command_run("dca-enroll",
	    "Enrols a Customer AF with the packet of its TN provider.\n"
	    "Exit: 0 done, 1 refused, 2 trouble.", &cmd, 1, NULL, 0, argc,
	    argv, &n);
	enroll_clear(&n);
	return rc;
}
