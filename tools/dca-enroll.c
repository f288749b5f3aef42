/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-enroll, for the Customer AF: from the one-line packet of the TN provider
 * to a certificate over EST-coaps (RFC 9148), and from there to the next one
 * for as long as calls are to be signed. The code in the packet proves who
 * asks and never leaves this machine; the packet also says which server key is
 * right, and no other is talked to.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "enroll.h"

enum { PACKET_MAX = 4096 };

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
read_options(struct enroll *n, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	n->format = 281;
	n->wait_seconds = 120;
	if (n->accept && strcmp(n->accept, "287") == 0)
		n->format = 287;
	else if (n->accept && strcmp(n->accept, "281") != 0)
		return dca_fail(e, DCA_RULE_INPUT,
		    "--accept is 281 (PKCS #7) or 287 (one certificate)");
	if (n->wait)
		rc = dca_span_parse(&n->wait_seconds, n->wait, e);
	if (rc != DCA_OK || !n->tn)
		return rc;
	n->numbers = dca_tnset_new();
	return dca_tnset_parse(n->numbers, n->tn, e);
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
enrol_all(struct enroll *n, int argc, char **argv, struct dca_err *e)
{
	enum dca_rc rc;
	int lock = -1;

	rc = read_options(n, e);
	if (rc == DCA_OK)
		rc = read_packet(n, argc, argv, e);
	if (rc == DCA_OK)
		rc = enroll_lock(n, true, &lock, e);
	if (rc == DCA_OK)
		rc = enroll_prepare(n, e);
	if (rc == DCA_OK)
		rc = enroll_ask(n, ".well-known/est/sen", e);
	if (rc == DCA_OK)
		rc = enroll_keep_server(n, e);
	if (rc == DCA_OK)
		rc = enroll_swap(n, e);
	enroll_unlock(&lock);
	return rc;
}

static int
usage(const char *what)
{
	fprintf(stderr, "dca-enroll: needs %s\nTry 'dca-enroll --help'.\n",
	    what);
	return 2;
}

static int
run_enroll(int argc, char **argv, void *arg)
{
	struct enroll *n = arg;
	struct dca_err e = { 0 };

	if (!n->dir || (argc == 1) == (n->packet_file != NULL))
		return usage("--dir DIR and one packet: PACKET, - or "
		    "--packet-file FILE");
	if (enrol_all(n, argc, argv, &e) != DCA_OK)
		return dca_show_error("dca-enroll", &e, n->json);
	return report(n);
}

static enum dca_rc
renew_all(struct enroll *n, struct dca_err *e)
{
	enum dca_rc rc;
	int lock = -1;

	rc = read_options(n, e);
	if (rc == DCA_OK)
		rc = enroll_lock(n, false, &lock, e);
	if (rc == DCA_OK)
		rc = enroll_load(n, e);
	if (rc == DCA_OK)
		rc = enroll_renew(n, e);
	if (rc == DCA_OK)
		rc = enroll_hook(n, e);
	enroll_unlock(&lock);
	return rc;
}

static int
run_renew(int argc, char **argv, void *arg)
{
	struct enroll *n = arg;
	struct dca_err e = { 0 };

	(void)argc;
	(void)argv;
	if (!n->dir)
		return usage("--dir DIR");
	if (renew_all(n, &e) != DCA_OK)
		return dca_show_error("dca-enroll", &e, n->json);
	return report(n);
}

static int
run_watch(int argc, char **argv, void *arg)
{
	struct enroll *n = arg;
	struct dca_err e = { 0 };

	(void)argc;
	(void)argv;
	if (!n->dir)
		return usage("--dir DIR");
	dca_log_init("dca-enroll", DCA_INFO);
	if (read_options(n, &e) != DCA_OK)
		return dca_show_error("dca-enroll", &e, n->json);
	return enroll_watch(n);
}

static struct enroll n;		/* the one of this process */

static const struct dca_option common[] = {
	{ "dir", "DIR", &n.dir, NULL,
	    "where key, certificate, chain and x5u are kept" },
	{ "json", NULL, NULL, &n.json, "JSON for programs" },
};
#define TN                                                                     \
	{                                                                      \
		"tn", "LIST", &n.tn, NULL, "numbers, like 12025550100+100,"    \
		"12025550500 (default: all delegated ones)"                    \
	}
#define ACCEPT                                                                 \
	{                                                                      \
		"accept", "FORMAT", &n.accept, NULL,                           \
		"281 PKCS #7 (default) or 287 one certificate"                 \
	}
#define RENEWAL                                                                \
	{ "new-key", NULL, NULL, &n.new_key, "with a key of its own" },        \
	{ "tls-ca", "FILE", &n.tls_ca, NULL,                                   \
	    "CAs that vouch for the x5u server (default: the system's)" },     \
	{ "wait", "SPAN", &n.wait, NULL,                                       \
	    "for the new x5u to answer, like 5m (default 2m)" },               \
	{ "hook", "CMD", &n.hook, NULL,                                        \
	    "run by sh after the swap, see dca-enroll(1)" }

static const struct dca_option enroll_options[] = {
	{ "packet-file", "FILE", &n.packet_file, NULL,
	    "read the packet from FILE" },
	TN, ACCEPT,
};
static const struct dca_option renew_options[] = { TN, ACCEPT, RENEWAL };
static const struct dca_option watch_options[] = {
	RENEWAL,
	{ "once", NULL, NULL, &n.once, "one look, for a timer" },
};
#define COUNT(v) (sizeof(v) / sizeof(*(v)))
static const struct dca_command commands[] = {
	{ "enroll", "[PACKET|-]", "a first certificate, with a packet",
	    enroll_options, COUNT(enroll_options), 0, 1, run_enroll },
	{ "renew", "", "the next certificate, now", renew_options,
	    COUNT(renew_options), 0, 0, run_renew },
	{ "watch", "", "renews when two thirds of the life are over",
	    watch_options, COUNT(watch_options), 0, 0, run_watch },
};

/* Without a command it is enroll: the packet says what to do. */
static bool
names_command(int argc, char **argv)
{
	static const char *const words[] = { "enroll", "renew", "watch",
		"--help", "-h", "--version" };
	int i;
	size_t k;

	for (i = 1; i < argc; i++)
		for (k = 0; k < COUNT(words); k++)
			if (strcmp(argv[i], words[k]) == 0)
				return true;
	return argc < 2;
}

int
main(int argc, char **argv)
{
	DCA_CLEANUP(dca_free_p) char **args =
	    dca_alloc(((size_t)argc + 2) * sizeof(*args));
	int shift = names_command(argc, argv) ? 0 : 1;
	int rc;

	args[0] = argv[0];
	args[1] = (char[]){ "enroll" };
	memcpy(args + 1 + shift, argv + 1, (size_t)argc * sizeof(*argv));
	dca_harden();
	dca_log_init("dca-enroll", DCA_WARNING);
	rc = dca_command_run("dca-enroll",
	    "Enrols a Customer AF with the packet of its TN provider, and "
	    "renews what it got.\n'dca-enroll --packet-file FILE --dir DIR' "
	    "is 'dca-enroll enroll' with these.\nExit: 0 done, 1 refused, "
	    "2 trouble.", commands, COUNT(commands), common, COUNT(common),
	    argc + shift, args, &n);
	enroll_clear(&n);
	return rc;
}
