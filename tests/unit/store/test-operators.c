/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who signed what, checked without the vault: roles, numbers, proposals and
 * the second signature. Each lie stands in a chain that is hashed right, as
 * who can write the file would leave it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

static EVP_PKEY *bob_key;
static struct dca_spki bob_spki, carol_spki;

struct signer {
	const char *op;
	EVP_PKEY *key;
	uint64_t seq;
	bool elsewhere;		/* another appliance */
};

static void
sign(struct fixture *f, struct dca_out *cose, const struct signer *s,
    const char *name, struct dca_buf args)
{
	struct dca_act a = { .seq = s->seq, .time = f->now, .args = args };
	DCA_AUTO_OUT payload = { 0 };

	dca_strlcpy(a.op, s->op, sizeof a.op);
	dca_strlcpy(a.name, name, sizeof a.name);
	memcpy(a.appliance, f->appliance, sizeof a.appliance);
	a.appliance[0] ^= s->elsewhere;
	dca_act_encode(&payload, &a);
	OK(dca_cose_sign1(cose, dca_out_buf(&payload), s->key, &f->e));
}

static uint64_t
row(struct fixture *f, const char *kind, const char *op, const char *act,
    const char *key, struct dca_buf data)
{
	DCA_AUTO_OUT body = { 0 };
	char actor[80];
	uint64_t seq = 0;

	snprintf(actor, sizeof actor, "%s%s", op[0] ? "operator:" : "local:0",
	    op);
	dca_cbor_map(&body, 2);
	dca_cbor_text(&body, "act");
	dca_cbor_text(&body, act);
	dca_cbor_text(&body, key);
	dca_cbor_bytes(&body, data);
	OK(dca_store_append(f->s, f->now, kind, actor, dca_out_buf(&body),
	    &seq, &f->e));
	return seq;
}

static void
operator_args(struct dca_out *o, const char *id, const struct dca_spki *key,
    const char *role)
{
	dca_cbor_map(o, 3);
	dca_cbor_text(o, "id");
	dca_cbor_text(o, id);
	dca_cbor_text(o, "key");
	dca_cbor_bytes(o, DCA_BUF(key->der, sizeof key->der));
	dca_cbor_text(o, "role");
	dca_cbor_text(o, role);
}

static void
add_view(struct fixture *f, const char *id, const struct dca_spki *key,
    const char *role)
{
	struct dca_operator op = { .active = true };

	dca_strlcpy(op.id, id, sizeof op.id);
	dca_strlcpy(op.role, role, sizeof op.role);
	memcpy(op.spki, key->der, sizeof op.spki);
	OK(dca_store_operator_add(f->s, &op, &f->e));
}

/* alice makes bob an operator of that role, alone. */
static void
add_bob(struct fixture *f, const char *role)
{
	DCA_AUTO_OUT args = { 0 };

	operator_args(&args, "bob", &bob_spki, role);
	(void)fixture_act(f, "operator.add", dca_out_buf(&args));
	add_view(f, "bob", &bob_spki, role);
}

/* alice proposes to make carol an admin; the hash is of her signature. */
static uint64_t
propose(struct fixture *f, uint8_t hash[static 32])
{
	struct signer s = { "alice", f->operator_key, ++f->act_seq, false };
	DCA_AUTO_OUT args = { 0 }, cose = { 0 };
	uint64_t id;

	operator_args(&args, "carol", &carol_spki, "admin");
	sign(f, &cose, &s, "operator.add", dca_out_buf(&args));
	OK(dca_store_operator_use(f->s, "alice", s.seq, &f->e));
	id = row(f, "propose", "alice", "operator.add", "cose",
	    dca_out_buf(&cose));
	OK(dca_store_proposal_add(f->s, id, "operator.add", "operator:alice",
	    f->now + DCA_PROPOSAL_LIFE, true, dca_out_buf(&cose), &f->e));
	dca_sha256(hash, dca_out_buf(&cose));
	return id;
}

static uint64_t
approve(struct fixture *f, const struct signer *s, uint64_t id,
    const uint8_t hash[static 32])
{
	DCA_AUTO_OUT args = { 0 }, cose = { 0 };

	dca_cbor_map(&args, 2);
	dca_cbor_text(&args, "sha256");
	dca_cbor_bytes(&args, DCA_BUF(hash, 32));
	dca_cbor_text(&args, "proposal");
	dca_cbor_uint(&args, id);
	sign(f, &cose, s, "approve", dca_out_buf(&args));
	return row(f, "act", s->op, "approve", "cose", dca_out_buf(&cose));
}

static void
done(struct fixture *f, uint64_t id)
{
	OK(dca_store_proposal_close(f->s, id, DCA_PROPOSAL_APPROVED, &f->e));
	add_view(f, "carol", &carol_spki, "admin");
}

struct seen {
	unsigned n;
	uint64_t acts, proposed, approved, refused;
};

static void
count(const struct dca_operator_audit *a, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->acts += a->acts;
	s->proposed += a->proposed;
	s->approved += a->approved;
	s->refused += a->refused;
}

static void
must_refuse(struct fixture *f, uint64_t seq, const char *why)
{
	struct seen s = { 0 };
	uint64_t rows;
	char name[32];

	OK(dca_store_commit(f->s, &f->e));
	REFUSED(dca_store_verify_operators(f->s, &rows, count, &s, &f->e),
	    LEDGER_ROW);
	assert_int_equal(s.n, 0); /* nothing is told of what does not hold */
	snprintf(name, sizeof name, "row %llu:", (unsigned long long)seq);
	if (!strstr(f->e.text, name) || !strstr(f->e.text, why))
		fail_msg("%s: not \"%s\" \"%s\"", f->e.text, name, why);
}

static void
two_signatures(void **state)
{
	struct fixture *f = *state;
	struct signer bob = { "bob", bob_key, 1, false };
	struct seen s = { 0 };
	uint8_t hash[32];
	uint64_t rows, id;

	OK(dca_store_begin(f->s, &f->e));
	add_bob(f, "admin");
	id = propose(f, hash);
	OK(dca_store_commit(f->s, &f->e));
	OK(dca_store_verify(f->s, &rows, &f->e));	/* it waits */
	OK(dca_store_begin(f->s, &f->e));
	OK(dca_store_operator_use(f->s, "bob", 1, &f->e));
	(void)approve(f, &bob, id, hash);
	done(f, id);
	OK(dca_store_commit(f->s, &f->e));
	OK(dca_store_verify_operators(f->s, &rows, count, &s, &f->e));
	assert_int_equal(s.n, 3);
	assert_int_equal(s.acts, 1);
	assert_int_equal(s.proposed, 1);
	assert_int_equal(s.approved, 1);
	assert_int_equal(s.refused, 0);
	REFUSED(dca_store_proposal_close(f->s, id, DCA_PROPOSAL_DROPPED,
	    &f->e), REG_STATE);
}

/* The view of proposals lies: an approved one is open again, or another. */
static void
view(void **state)
{
	static const char *const tries[] = {
		"UPDATE proposals SET state = 'dropped'",
		"UPDATE proposals SET data = x'a0'",
		"UPDATE proposals SET expires = expires + 1",
		"UPDATE proposals SET actor = 'operator:bob'",
		"DELETE FROM proposals",
	};

	(void)state;
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		void *own = NULL;
		struct fixture *f;
		uint8_t hash[32];
		uint64_t rows;

		assert_int_equal(fixture_setup(&own), 0);
		f = own;
		OK(dca_store_begin(f->s, &f->e));
		add_bob(f, "admin");
		(void)propose(f, hash);
		OK(dca_store_commit(f->s, &f->e));
		fixture_sql(f, tries[i]);
		REFUSED(dca_store_verify(f->s, &rows, &f->e), LEDGER_ROW);
		assert_string_equal(f->e.field, "proposals");
		assert_int_equal(fixture_teardown(&own), 0);
	}
}

/* --- approvals that are none --- */

enum lie { BY_PROPOSER, OTHER_HASH, LATE, TWICE, GONE, BY_OPERATOR,
	ELSEWHERE, SAME_NUMBER, OTHER_KEY, LIES };
static const char *const whys[LIES] = {
	[BY_PROPOSER] = "approved by who proposed it",
	[OTHER_HASH] = "what was approved is not",
	[LATE] = "had expired",
	[TWICE] = "was closed before",
	[GONE] = "is of no active admin",
	[BY_OPERATOR] = "is not for the role",
	[ELSEWHERE] = "appliance is not that of the act",
	[SAME_NUMBER] = "is not above the last one",
	[OTHER_KEY] = "does not verify",
};

static uint64_t
tell(struct fixture *f, enum lie lie, struct signer *s, uint64_t id,
    uint8_t hash[static 32])
{
	DCA_AUTO_OUT args = { 0 }, cose = { 0 };

	switch (lie) {
	case BY_PROPOSER:
		*s = (struct signer){ "alice", f->operator_key, 99, false };
		break;
	case OTHER_HASH:
		hash[31] ^= 1;
		break;
	case LATE:
		f->now += DCA_PROPOSAL_LIFE + 1;
		break;
	case TWICE:
		(void)approve(f, s, id, hash);
		s->seq++;
		break;
	case GONE:
		dca_cbor_map(&args, 1);
		dca_cbor_text(&args, "id");
		dca_cbor_text(&args, "alice");
		sign(f, &cose, s, "operator.remove", dca_out_buf(&args));
		(void)row(f, "act", "bob", "operator.remove", "cose",
		    dca_out_buf(&cose));
		s->seq++;
		break;
	case ELSEWHERE:
		s->elsewhere = true;
		break;
	case SAME_NUMBER:
		s->seq = 0;
		break;
	case OTHER_KEY:
		s->key = f->ca_key;
		break;
	default:
		break;
	}
	return approve(f, s, id, hash);
}

static void
lies(void **state)
{
	(void)state;
	for (int lie = 0; lie < LIES; lie++) {
		void *own = NULL;
		struct fixture *f;
		struct signer s = { "bob", bob_key, 1, false };
		uint8_t hash[32];
		uint64_t id;

		assert_int_equal(fixture_setup(&own), 0);
		f = own;
		OK(dca_store_begin(f->s, &f->e));
		add_bob(f, lie == BY_OPERATOR ? "operator" : "admin");
		id = propose(f, hash);
		must_refuse(f, tell(f, (enum lie)lie, &s, id, hash),
		    whys[lie]);
		assert_int_equal(fixture_teardown(&own), 0);
	}
}

/* --- one signature where two must be --- */

static void
alone(void **state)
{
	struct fixture *f = *state;
	DCA_AUTO_OUT args = { 0 };
	uint64_t seq;

	OK(dca_store_begin(f->s, &f->e));
	add_bob(f, "admin");
	operator_args(&args, "carol", &carol_spki, "admin");
	seq = fixture_act(f, "operator.add", dca_out_buf(&args));
	must_refuse(f, seq, "has one signature and there were two admins");
}

static void
cross_alone(void **state)
{
	struct fixture *f = *state;

	OK(dca_store_begin(f->s, &f->e));
	add_bob(f, "admin");
	(void)fixture_cross(f);
	must_refuse(f, 4, /* after genesis, alice and bob */
	    "has one signature and there were two admins");
}

/* The acts on the box are acts like others; resetting it takes two. */
static void
box(void **state)
{
	static const uint8_t none[] = { 0xa0 };
	static const char *const one[] = { "update.install", "update.commit",
		"update.rollback", "box.reset" };
	struct fixture *f = *state;
	struct seen s = { 0 };
	uint64_t rows, seq;

	OK(dca_store_begin(f->s, &f->e));
	for (size_t i = 0; i < 4; i++)
		(void)fixture_act(f, one[i], DCA_BUF(none, 1));
	OK(dca_store_commit(f->s, &f->e));
	OK(dca_store_verify_operators(f->s, &rows, count, &s, &f->e));
	assert_int_equal(s.acts, 4);
	OK(dca_store_begin(f->s, &f->e));
	add_bob(f, "admin");
	(void)fixture_act(f, "update.install", DCA_BUF(none, 1));
	seq = fixture_act(f, "box.reset", DCA_BUF(none, 1));
	must_refuse(f, seq, "has one signature and there were two admins");
}

/* --- the first one by a claim --- */

enum claim { HONEST, BY_ANOTHER_KEY, FOR_ANOTHER_NAME, NOT_FIRST, ANOTHER_BOX };

static uint64_t
claims(struct fixture *f, enum claim c)
{
	struct signer s = { "bob", c == BY_ANOTHER_KEY ? f->operator_key :
		bob_key, 1, c == ANOTHER_BOX };
	DCA_AUTO_OUT args = { 0 }, cose = { 0 };

	dca_cbor_map(&args, 3);
	dca_cbor_text(&args, "id");
	dca_cbor_text(&args, c == FOR_ANOTHER_NAME ? "rob" : "bob");
	dca_cbor_text(&args, "key");
	dca_cbor_bytes(&args, DCA_BUF(bob_spki.der, sizeof bob_spki.der));
	dca_cbor_text(&args, "proof");
	dca_cbor_text(&args, "what only the console knew");
	sign(f, &cose, &s, "operator.claim", dca_out_buf(&args));
	return row(f, "act", "bob", "operator.claim", "cose",
	    dca_out_buf(&cose));
}

static void
claimed(void **state)
{
	static const char *const why[] = { [HONEST] = NULL,
		[BY_ANOTHER_KEY] = "does not verify",
		[FOR_ANOTHER_NAME] = "is not that of the claim",
		[NOT_FIRST] = "when there was an operator",
		[ANOTHER_BOX] = "is not that of the claim" };
	struct seen s = { 0 };
	uint64_t rows, seq;

	(void)state;
	for (int c = HONEST; c <= ANOTHER_BOX; c++) {
		void *own = NULL;
		struct fixture *f;

		assert_int_equal(fixture_setup(&own), 0);
		f = own;
		/* a ledger that nobody operated yet */
		if (c != NOT_FIRST) {
			fixture_sql(f, "DROP TRIGGER ledger_delete;"
			    "DELETE FROM ledger WHERE seq > 1;"
			    "DELETE FROM operators;"
			    "UPDATE head SET seq = 1,"
			    " hash = (SELECT hash FROM ledger)");
			fixture_reopen(f, false);
		}
		OK(dca_store_begin(f->s, &f->e));
		seq = claims(f, (enum claim)c);
		if (c != HONEST) {
			must_refuse(f, seq, why[c]);
		} else {
			add_view(f, "bob", &bob_spki, "admin");
			OK(dca_store_operator_use(f->s, "bob", 1, &f->e));
			OK(dca_store_commit(f->s, &f->e));
			OK(dca_store_verify_operators(f->s, &rows, count, &s,
			    &f->e));
			assert_int_equal(s.n, 1);
			assert_int_equal(s.acts, 1);
		}
		assert_int_equal(fixture_teardown(&own), 0);
	}
}

/* Root proposes a cross-certificate and nothing else. */
static void
unsigned_proposal(void **state)
{
	struct fixture *f = *state;
	DCA_AUTO_OUT args = { 0 };
	uint64_t seq;

	OK(dca_store_begin(f->s, &f->e));
	add_bob(f, "admin");
	operator_args(&args, "carol", &carol_spki, "admin");
	seq = row(f, "propose", "", "operator.add", "payload",
	    dca_out_buf(&args));
	must_refuse(f, seq, "is not signed");
}

/* --- refusals accuse somebody: they are signed too --- */

static void
refusal(struct fixture *f, EVP_PKEY *key, uint64_t *seq)
{
	struct signer s = { "alice", key, 77, false };
	DCA_AUTO_OUT cose = { 0 };
	static const uint8_t none[] = { 0xa0 };

	sign(f, &cose, &s, "customer.add", DCA_BUF(none, 1));
	*seq = row(f, "refuse", "alice", "customer.add", "cose",
	    dca_out_buf(&cose));
}

static void
refusals(void **state)
{
	struct fixture *f = *state;
	struct seen s = { 0 };
	uint64_t rows, seq;

	OK(dca_store_begin(f->s, &f->e));
	refusal(f, f->operator_key, &seq);
	OK(dca_store_commit(f->s, &f->e));
	OK(dca_store_verify_operators(f->s, &rows, count, &s, &f->e));
	assert_int_equal(s.refused, 1);
	OK(dca_store_begin(f->s, &f->e));
	refusal(f, bob_key, &seq);
	must_refuse(f, seq, "does not verify");
}

static int
group_setup(void **state)
{
	EVP_PKEY *carol = fixture_key(&carol_spki);

	(void)state;
	EVP_PKEY_free(carol);
	bob_key = fixture_key(&bob_spki);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(bob_key);
	return 0;
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(two_signatures), cmocka_unit_test(view),
		cmocka_unit_test(lies), T(alone),
		T(cross_alone), T(box), cmocka_unit_test(claimed), T(unsigned_proposal), T(refusals),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
