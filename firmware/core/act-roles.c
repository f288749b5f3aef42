/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roles: one table of what an operator may do and whose signature it
 * takes. The vault decides by it, dca-verify checks the ledger against it, and
 * firmware/vault/README.md prints it. Must never be answered for an act that
 * stands in no row.
 */
#include <string.h>

#include "dca/act.h"

#define ADMIN DCA_BY_ADMIN
#define BOTH (DCA_BY_ADMIN | DCA_BY_OPERATOR)

static const struct dca_act_rule rules[] = {
	{ "operator.add", ADMIN | DCA_BY_LOCAL, true },
	{ "operator.claim", DCA_BY_NEW_KEY, false },
	{ "operator.remove", ADMIN, false },
	{ "cross.activate", DCA_BY_LOCAL, true },
	{ "cross.order", ADMIN, false },
	{ "cross.drop", ADMIN, false },
	{ "approve", ADMIN, false },
	{ "proposal.drop", ADMIN, false },
	{ "token.resume", ADMIN, false },
	{ "update.install", ADMIN, false },
	{ "update.commit", ADMIN, false },
	{ "update.rollback", ADMIN, false },
	{ "box.reset", ADMIN, true },
	{ "customer.add", BOTH, false },
	{ "customer.set", BOTH, false },
	{ "customer.suspend", BOTH, false },
	{ "customer.resume", BOTH, false },
	{ "customer.pin", BOTH, false },
	{ "customer.unpin", BOTH, false },
	{ "inventory.import", BOTH, false },
	{ "delegation.import", BOTH, false },
	{ "delegation.remove", BOTH, false },
	{ "delegation.end", BOTH, false },
	{ "code.create", BOTH, false },
	{ "code.revoke", BOTH, false },
	{ "issue", BOTH, false },
	{ "revoke", BOTH, false },
};

const struct dca_act_rule *
dca_act_rules(size_t *n)
{
	*n = sizeof(rules) / sizeof(rules[0]);
	return rules;
}

const struct dca_act_rule *
dca_act_rule(const char *name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

unsigned
dca_role_bit(const char *role)
{
	return strcmp(role, "admin") == 0 ? DCA_BY_ADMIN :
	    strcmp(role, "operator") == 0 ? DCA_BY_OPERATOR : 0;
}

bool
dca_act_four_eyes(const char *name, struct dca_buf args)
{
	const struct dca_act_rule *rule = dca_act_rule(name);
	struct dca_cbor v;
	struct dca_buf role;

	if (!rule || !rule->four_eyes)
		return false;
	/* other operators are added by one admin */
	if (strcmp(name, "operator.add") != 0)
		return true;
	return dca_cbor_find(args, "role", &v) &&
	    dca_cbor_take_text_view(&v, &role, 16) &&
	    dca_buf_eq(role, DCA_BUF("admin", 5));
}
