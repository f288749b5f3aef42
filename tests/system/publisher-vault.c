/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's side of the publisher's socket, for tests/system/publisher.sh:
 * offers certificate files by ledger position with real messages and prints
 * what the publisher answers, one line each. With "hostile" it first sends
 * messages that no vault sends.
 *
 * publisher-vault SOCKET CHAIN.der FIRST-SEQ LEAF.der... (serial = file name)
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/os.h"

struct offer {
	struct dca_out chain;
	struct dca_out *leaf;
	uint8_t (*serial)[DCA_SERIAL_LEN];
	size_t n;
	uint64_t first;
	bool hostile;
};

static void
die(const struct dca_err *e)
{
	fprintf(stderr, "publisher-vault: %s\n", e->text);
	exit(2);
}

static bool
send_message(struct dca_conn *c, const struct dca_message *m)
{
	DCA_AUTO_OUT o = { 0 };

	dca_message_encode(&o, m);
	return dca_conn_send(c, dca_out_buf(&o));
}

static void
follow(struct offer *v, struct dca_conn *c, uint64_t from)
{
	for (size_t i = 0; i < v->n; i++) {
		struct dca_message m = { .type = DCA_MSG_PUBLISH, .n = 4,
			.f = { { .u = v->first + i },
			    { .b = { v->serial[i], DCA_SERIAL_LEN } },
			    { .b = dca_out_buf(&v->leaf[i]) },
			    { .b = dca_out_buf(&v->chain) } } };

		if (v->first + i >= from && !send_message(c, &m)) {
			fprintf(stderr, "queue full\n");
			exit(2);
		}
	}
}

static void
hostile(struct offer *v, struct dca_conn *c)
{
	static unsigned turn;
	struct dca_message short_serial = { .type = DCA_MSG_PUBLISH, .n = 4,
		.f = { { .u = 1 }, { .b = { v->serial[0], 19 } } } };
	struct dca_message wrong_type = { .type = DCA_MSG_ISSUED, .n = 3 };
	static const uint8_t rubbish[] = { 0x9f, 0xff };

	switch (turn++) {
	case 0:
		send_message(c, &short_serial);
		break;
	case 1:
		send_message(c, &wrong_type);
		break;
	case 2:
		dca_conn_send(c, DCA_BUF(rubbish, sizeof(rubbish)));
		break;
	default:
		v->hostile = false;
	}
}

static void
on_message(struct dca_conn *c, const struct dca_message *m, void *arg)
{
	struct offer *v = arg;
	char serial[2 * DCA_SERIAL_LEN + 1], why[400];

	if (m->type == DCA_MSG_FOLLOW) {
		printf("FOLLOW %llu\n", (unsigned long long)m->f[0].u);
		if (v->hostile)
			hostile(v, c);
		if (!v->hostile)
			follow(v, c, m->f[0].u);
	} else {
		dca_hex(serial, m->f[1].b.p, m->f[1].b.n);
		why[0] = '\0';
		if (m->type == DCA_MSG_UNPUBLISHED)
			dca_field_text(&m->f[2], why, sizeof(why));
		printf("%s %llu %s %s\n", dca_message_name(m->type),
		    (unsigned long long)m->f[0].u, serial, why);
	}
	fflush(stdout);
}

static void
on_closed(struct dca_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	printf("CLOSED\n");
	fflush(stdout);
}

static void
read_leaf(struct offer *v, size_t i, char *path)
{
	struct dca_err e = { 0 };
	char name[2 * DCA_SERIAL_LEN + 1];

	if (dca_file_read(&v->leaf[i], path, DCA_CROSS_MAX, &e) != DCA_OK)
		die(&e);
	if (strlen(basename(path)) < 2 * DCA_SERIAL_LEN)
		exit(2);
	dca_strlcpy(name, basename(path), sizeof(name));
	if (!dca_unhex(v->serial[i], DCA_SERIAL_LEN, name))
		exit(2);
}

int
main(int argc, char **argv)
{
	struct offer v = { 0 };
	const struct dca_conn_handlers h = { .message = on_message,
		.closed = on_closed, .arg = &v };
	struct dca_err e = { 0 };
	struct dca_listener *ls = NULL;
	struct dca_loop *l;

	if (argc < 4)
		return 2;
	v.hostile = getenv("HOSTILE") != NULL;
	v.first = strtoull(argv[3], NULL, 10);
	v.n = (size_t)argc - 4;
	v.leaf = calloc(v.n + 1, sizeof(*v.leaf));
	v.serial = calloc(v.n + 1, sizeof(*v.serial));
	if (dca_file_read(&v.chain, argv[2], DCA_CROSS_MAX, &e) != DCA_OK)
		die(&e);
	for (size_t i = 0; i < v.n; i++)
		read_leaf(&v, i, argv[i + 4]);
	l = dca_loop_new();
	if (dca_listen(&ls, l, argv[1], DCA_ROLE_PUBLISHER, 4, &h, &e) != DCA_OK)
		die(&e);
	dca_loop_run(l);
	dca_listener_close(ls);
	dca_loop_free(l);
	for (size_t i = 0; i < v.n; i++)
		dca_out_free(&v.leaf[i]);
	dca_out_free(&v.chain);
	free(v.leaf);
	free(v.serial);
	return 0;
}
