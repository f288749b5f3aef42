/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every act with every role, held against the table that people read
 * (firmware/vault/README.md) and the one the product reads (core/act-roles.c).
 * The arguments are empty: who may is asked before what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hostile-front.h"

enum { ACTS_MAX = 40 };
struct role_row {
	char name[DCA_ACT_NAME];
	unsigned by;
	bool four_eyes;
};

/* "admin, root, four eyes" */
static void
take_roles(struct role_row *row, char *text)
{
	char *save = NULL;

	for (char *s = strtok_r(text, ",", &save); s;
	     s = strtok_r(NULL, ",", &save)) {
		s += strspn(s, " ");
		s[strcspn(s, " ")] = '\0';
		if (strcmp(s, "root") == 0)
			row->by |= DCA_BY_LOCAL;
		else if (strcmp(s, "four") == 0)
			row->four_eyes = true;
		else if (strcmp(s, "new") == 0)	/* new key */
			row->by |= DCA_BY_NEW_KEY;
		else if (dca_role_bit(s))
			row->by |= dca_role_bit(s);
		else
			fail_msg("README: role %s", s);
	}
}

/* "| a, b | args | roles | answer |": one row for each name. */
static size_t
take_line(struct role_row *rows, size_t n, char *line)
{
	char *cells[4], *save = NULL, *names;
	size_t k = 0;

	/* strtok would skip an empty cell */
	for (char *s = line + 1; k < 4 && s; k++) {
		cells[k] = s;
		s = strchr(s, '|');
		if (s)
			*s++ = '\0';
	}
	if (k < 4)
		return n;
	for (names = strtok_r(cells[0], ", ", &save); names;
	     names = strtok_r(NULL, ", ", &save)) {
		char roles[80];

		assert_true(n < ACTS_MAX);
		rows[n] = (struct role_row){ 0 };
		(void)dca_strlcpy(rows[n].name, names, sizeof(rows[n].name));
		(void)dca_strlcpy(roles, cells[2], sizeof(roles));
		take_roles(&rows[n++], roles);
	}
	return n;
}

static size_t
read_table(struct role_row *rows)
{
	FILE *f = fopen(VAULT_README, "r");
	char line[4096];
	bool in = false;
	size_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "| act | args", 12) == 0)
			in = true;
		else if (in && line[0] != '|')
			break;
		else if (in && line[1] == ' ')
			n = take_line(rows, n, line);
	}
	assert_int_equal(fclose(f), 0);
	return n;
}

static void
same_tables(const struct role_row *rows, size_t n)
{
	size_t known;
	const struct dca_act_rule *rules = dca_act_rules(&known);

	assert_int_equal(n, known);
	for (size_t i = 0; i < n; i++) {
		const struct dca_act_rule *rule = dca_act_rule(rows[i].name);

		if (!rule)
			fail_msg("%s is in the README only", rows[i].name);
		assert_int_equal(rows[i].by, rule->by);
		assert_int_equal(rows[i].four_eyes, rule->four_eyes);
	}
	assert_non_null(rules);
}

static void
try_role(const struct role_row *row, struct lab_signer *s, unsigned role)
{
	s->seq++;
	put_map(&args, 0);
	lab_act_as(&lab, &r, s, row->name, &args);
	/* what root does by INSTALL is no act for a signature at all */
	if (!(row->by & ~(unsigned)DCA_BY_LOCAL)) {
		is_problem(DCA_RULE_REG_ACT);
		return;
	}
	if (!(row->by & role)) {
		is_problem(DCA_RULE_AUTH_ROLE);
		return;
	}
	if (r.m.type != DCA_MSG_PROBLEM)
		return; /* an act without arguments */
	if (r.e.rule == DCA_RULE_AUTH_ROLE ||
	    strcmp(r.e.text, "no such act") == 0)
		fail_msg("%s by %s: %s", row->name, s->op, r.e.text);
}

void
test_roles(void **state)
{
	struct role_row rows[ACTS_MAX];
	const size_t n = read_table(rows);
	EVP_PKEY *olga = lab_key(), *ann = lab_key();
	struct lab_signer operator = { .op = "olga", .key = olga },
	    auditor = { .op = "ann", .key = ann };
	struct lab_signer admin = { .op = "alice", .key = lab.admin_key };

	(void)state;
	same_tables(rows, n);
	put_operator("olga", olga, "operator");
	honest("operator.add");
	put_operator("ann", ann, "auditor");
	honest("operator.add");
	admin.seq = lab.seq;
	for (size_t i = 0; i < n; i++) {
		try_role(&rows[i], &admin, DCA_BY_ADMIN);
		try_role(&rows[i], &operator, DCA_BY_OPERATOR);
		try_role(&rows[i], &auditor, 0);
	}
	lab.seq = admin.seq;
	/* root, once there is an admin */
	for (size_t i = 0; i < n; i++) {
		struct dca_message m = { .type = DCA_MSG_LOCAL_ACT, .id = 9,
			.n = 1 };
		struct dca_act a = { .op = "local", .time = dca_now() };
		struct dca_out payload = { 0 };

		(void)dca_strlcpy(a.name, rows[i].name, sizeof(a.name));
		memcpy(a.appliance, lab.appliance, 16);
		dca_act_encode(&payload, &a);
		m.f[0].b = dca_out_buf(&payload);
		lab_ask(&r, lab.admin, &m);
		assert_int_equal(r.m.type, DCA_MSG_PROBLEM);
		dca_out_free(&payload);
	}
	put_id("olga");
	honest("operator.remove");
	put_id("ann");
	honest("operator.remove");
	EVP_PKEY_free(olga);
	EVP_PKEY_free(ann);
}
