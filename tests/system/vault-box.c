/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acts on the box: who signs, what is refused, what dca-board is told, and
 * when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vault-board.h"

static EVP_PKEY *bob;

static void
put_url(const char *url)
{
	put_map(&args, 1);
	put_text(&args, "url", url);
}

/* What comes next on the socket is this command, and nothing after it. */
static void
is_command(int fd, const char *verb, const char *arg, uint64_t *order)
{
	struct reply got = { 0 };
	char text[520];

	board_receive(fd, &got);
	assert_int_equal(got.m.type, DCA_MSG_COMMAND);
	*order = got.m.f[0].u;
	dca_field_text(&got.m.f[1], text, sizeof(text));
	assert_string_equal(text, verb);
	dca_field_text(&got.m.f[2], text, sizeof(text));
	assert_string_equal(text, arg);
	reply_clear(&got);
}

static void
is_quiet(int fd)
{
	uint8_t buf[64];

	(void)usleep(100000);
	assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), -1);
}

/* Refused while nobody looks after the box, and the number is used up. */
void
test_no_board(void **state)
{
	static const char *const acts[] = { "update.install", "update.commit",
		"update.rollback", "box.reset" };
	struct lab_signer s = { .op = "alice", .key = lab.admin_key };
	int fd = board_connect();

	(void)state;
	for (int i = 0; i < 4; i++) {
		if (i == 0)
			put_url("https://example.net/a.raucb");
		else
			put_map(&args, 0);
		lab_act(&lab, &r, acts[i], &args);
		is_problem(DCA_RULE_BOARD_NONE);
		assert_int_equal(r.m.f[0].u, 409);
		assert_int_equal(r.m.f[5].u, 0);
	}
	board_report(fd);
	s.seq = lab.seq;
	lab_act_as(&lab, &r, &s, "box.reset", &args);
	is_problem(DCA_RULE_AUTH_SEQUENCE);
	is_quiet(fd);
	assert_int_equal(close(fd), 0);
	(void)usleep(200000);
	lab_act(&lab, &r, "update.commit", &args);
	is_problem(DCA_RULE_BOARD_NONE);
}

void
test_commands(void **state)
{
	static const char hash[] = "0123456789abcdef0123456789abcdef";
	int fd = board_connect();
	uint64_t order = 0;

	(void)state;
	board_report(fd);
	put_url("https://example.net:8443/dca/dca-1.2.3.raucb?x=1");
	lab_act(&lab, &r, "update.install", &args);
	is_data(204);
	is_command(fd, "install",
	    "https://example.net:8443/dca/dca-1.2.3.raucb?x=1", &order);
	assert_int_equal(order, last_row());
	put_map(&args, 2);
	put_text(&args, "url", "usb:dca-1.2.3.raucb");
	put_bytes(&args, "sha256", DCA_BUF(hash, 32));
	lab_act(&lab, &r, "update.install", &args);
	is_data(204);
	is_command(fd, "install", "usb:dca-1.2.3.raucb sha256:"
	    "3031323334353637383961626364656630313233343536373839616263646566",
	    &order);
	put_map(&args, 0);
	lab_act(&lab, &r, "update.commit", &args);
	is_data(204);
	is_command(fd, "commit", "", &order);
	lab_act(&lab, &r, "update.rollback", &args);
	is_data(204);
	is_command(fd, "rollback", "", &order);
	/* one admin only: done with one signature, and that is said */
	lab_act(&lab, &r, "box.reset", &args);
	is_data(204);
	assert_true(dca_cbor_find(r.m.f[2].b, "alone",
	    &(struct dca_cbor){ 0 }));
	is_command(fd, "reset", "", &order);
	put_map(&args, 1);
	dca_cbor_text(&args, "force");
	dca_cbor_bool(&args, true);
	lab_act(&lab, &r, "box.reset", &args);
	is_data(204);
	is_command(fd, "reset", "force", &order);
	assert_int_equal(order, last_row());
	is_quiet(fd);
	assert_int_equal(close(fd), 0);
}

void
test_urls(void **state)
{
	static const char *const bad[] = { "", "https://", "http://a/b",
		"https:///b", "https://:8443/b", "https://u:p@a/b",
		"https://a/b c", "https://a/b\n", "https://a/\x7f",
		"https://a/\xc3\xa4", "https://a/b#c", "ftp://a/b", "/data/x",
		"file:///data/x", "HTTPS://a/b", "https://a/\"", "usb:",
		"usb:../x", "usb:a/b", "usb:-x", "usb:.x", "usb:a b" };
	char url[520];
	uint64_t order = 0;
	int fd = board_connect();

	(void)state;
	board_report(fd);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_url(bad[i]);
		lab_act(&lab, &r, "update.install", &args);
		is_problem(DCA_RULE_REG_FIELD);
		assert_string_equal(r.e.field, "url");
	}
	/* 512 octets, and not one more; with a hash, less */
	memset(url, 'a', sizeof(url));
	memcpy(url, "https://", 8);
	url[512] = '\0';
	put_url(url);
	lab_act(&lab, &r, "update.install", &args);
	is_data(204);
	is_command(fd, "install", url, &order);
	put_map(&args, 2);
	put_text(&args, "url", url);
	put_bytes(&args, "sha256", DCA_BUF(url, 32));
	lab_act(&lab, &r, "update.install", &args);
	is_problem(DCA_RULE_REG_FIELD);
	url[512] = 'a';
	url[513] = '\0';
	put_url(url);
	lab_act(&lab, &r, "update.install", &args);
	is_problem(DCA_RULE_REG_ACT);
	put_map(&args, 2);
	put_text(&args, "url", "usb:x");
	put_bytes(&args, "sha256", DCA_BUF(url, 31));
	lab_act(&lab, &r, "update.install", &args);
	is_problem(DCA_RULE_REG_FIELD);
	put_map(&args, 1);
	put_text(&args, "force", "yes");
	lab_act(&lab, &r, "box.reset", &args);
	is_problem(DCA_RULE_REG_ACT);
	lab_act(&lab, &r, "update.commit", &args);
	is_problem(DCA_RULE_REG_ACT);
	put_map(&args, 0);
	lab_act(&lab, &r, "update.install", &args);
	is_problem(DCA_RULE_REG_ACT);
	is_quiet(fd);
	assert_int_equal(close(fd), 0);
}

/* From two admins on the box is reset by two of them: nothing is told before
 * the second one signed. */
void
test_reset_by_two(void **state)
{
	struct dca_spki k;
	struct lab_signer s = { .op = "bob", .seq = 1 };
	struct dca_cbor c;
	struct dca_buf said;
	uint8_t hash[32];
	uint64_t id = 0, order = 0;
	int fd = board_connect();

	(void)state;
	bob = lab_key();
	k = lab_spki(bob);
	s.key = bob;
	put_map(&args, 3);
	put_text(&args, "id", "bob");
	put_bytes(&args, "key", DCA_BUF(k.der, sizeof(k.der)));
	put_text(&args, "role", "admin");
	lab_act(&lab, &r, "operator.add", &args);
	is_data(204);
	put_map(&args, 1);
	dca_cbor_text(&args, "force");
	dca_cbor_bool(&args, true);
	lab_act(&lab, &r, "box.reset", &args);
	is_problem(DCA_RULE_BOARD_NONE);	/* nor is it proposed */
	board_report(fd);
	lab_act(&lab, &r, "box.reset", &args);
	is_data(204);
	id = uint_of("proposal");
	assert_true(dca_cbor_find(r.m.f[2].b, "sha256", &c));
	assert_true(dca_cbor_take_bytes(&c, &said, 32));
	memcpy(hash, said.p, 32);
	is_quiet(fd);
	put_map(&args, 2);
	put_bytes(&args, "sha256", DCA_BUF(hash, 32));
	put_uint(&args, "proposal", id);
	lab_act(&lab, &r, "approve", &args);
	is_problem(DCA_RULE_AUTH_FOUR_EYES);
	is_quiet(fd);
	lab_act_as(&lab, &r, &s, "approve", &args);
	is_data(204);
	is_command(fd, "reset", "force", &order);
	assert_int_equal(order, last_row());
	/* installing takes one signature */
	put_url("usb:x");
	lab_act(&lab, &r, "update.install", &args);
	is_data(204);
	is_command(fd, "install", "usb:x", &order);
	assert_int_equal(close(fd), 0);
	EVP_PKEY_free(bob);
}
